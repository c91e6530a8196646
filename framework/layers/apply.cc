#include "framework/layers/apply.h"

#include <algorithm>

#include "framework/layers/layer_helper.h"
#include "framework/op/op_def.h"

namespace skiff::layers {

std::vector<Var> ApplyMany(const std::string& type, const VarSlots& inputs, const Attrs& attrs,
                           const std::vector<std::string>& outputs, Origin at) {
  const OpDef& def = GetOp(type);
  const LayerHelper helper(type, "", at.Of("layers::Apply"));
  Operator op{type, {}, {}, attrs};
  DType dtype = DType::kFloat32;  // until inference says better
  for (const auto& [slot, vars] : inputs) {
    std::vector<std::string> names;
    for (const Var& var : vars) names.push_back(var.name());
    if (!vars.empty()) dtype = vars.front().dtype();
    op.inputs.Set(slot, names);
  }
  std::vector<Var> made;
  // What the operator must have, the caller may have left out.
  for (const SlotDef& slot : def.outputs) {
    const bool wanted = std::find(outputs.begin(), outputs.end(), slot.name) != outputs.end();
    if (wanted || !slot.dispensable) op.outputs.Set(slot.name, {helper.CreateTemporary(dtype).name()});
  }
  for (const std::string& slot : outputs) {
    SKIFF_ENFORCE(def.FindOutput(slot) != nullptr, InvalidArgument, at.Of("layers::Apply"), ": operator \"", type,
                  "\" has no output \"", slot, "\"");
  }
  helper.AppendOp(op);
  for (const std::string& slot : outputs) made.push_back(helper.block().FindVar(op.outputs[slot].front()));
  return made;
}

Var Apply(const std::string& type, const VarSlots& inputs, const Attrs& attrs, const std::string& output, Origin at) {
  const OpDef& def = GetOp(type);
  SKIFF_ENFORCE(!def.outputs.empty(), InvalidArgument, at.Of("layers::Apply"), ": operator \"", type, "\" has no output");
  return ApplyMany(type, inputs, attrs, {output.empty() ? def.outputs.front().name : output}, at).front();
}

}  // namespace skiff::layers
