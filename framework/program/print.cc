#include <algorithm>

#include "framework/program/program.h"

namespace skiff {

namespace {

// Written by every Paddle operator and of no use to a reader.
bool IsNoise(const std::string& attr) {
  static const char* const kNoise[] = {"op_callstack", "op_role_var", "op_namescope", "op_device",
                                       "with_quant_attr"};
  return std::find(std::begin(kNoise), std::end(kNoise), attr) != std::end(kNoise);
}

std::string SlotText(const Slots& slots) {
  std::string text;
  for (const auto& [slot, names] : slots) {
    if (names.empty()) continue;
    if (!text.empty()) text += ", ";
    text += slot + "=";
    if (names.size() > 1) text += "[";
    for (size_t i = 0; i < names.size(); ++i) text += (i ? ", " : "") + names[i];
    if (names.size() > 1) text += "]";
  }
  return text;
}

std::string VariableText(const Variable& v) {
  std::string text = "  var " + v.name + " : ";
  text += IsDense(v) ? StrCat(v.dtype, " ", v.shape) : std::string(ToString(v.kind));
  if (v.is_parameter) {
    text += v.parameter.trainable && !v.stop_gradient ? ", parameter" : ", frozen parameter";
  } else if (v.persistable) {
    text += ", persistable";
  }
  if (v.need_check_feed) text += ", data";
  if (v.lod_level > 0) text += StrCat(", lod_level ", v.lod_level);
  return text + "\n";
}

std::string OperatorText(const Operator& op, size_t index, bool with_attrs) {
  std::string text = StrCat("  ", index, ": ", SlotText(op.outputs));
  if (!text.ends_with(": ")) text += " = ";
  text += op.type + "(" + SlotText(op.inputs) + ")";
  if (with_attrs) {
    std::string attrs;
    for (const auto& [name, value] : op.attrs) {
      if (IsNoise(name) || (name == kOpRoleAttr && op.role() == kForward)) continue;
      attrs += (attrs.empty() ? "" : ", ") + name + "=" + ToString(value);
    }
    if (!attrs.empty()) text += " {" + attrs + "}";
  }
  return text + "\n";
}

}  // namespace

std::string Program::ToString(bool with_attrs) const {
  std::string text;
  for (const auto& block : blocks_) {
    text += StrCat("block ", block->idx());
    if (block->parent_idx() >= 0) text += StrCat(" (parent ", block->parent_idx(), ")");
    text += " {\n";
    for (const auto& v : block->vars()) text += VariableText(*v);
    for (size_t i = 0; i < block->ops().size(); ++i) {
      text += OperatorText(*block->ops()[i], i, with_attrs);
    }
    text += "}\n";
  }
  return text;
}

}  // namespace skiff
