// PIR -> Program: operations by the table of operators, and those that it does not have.
#include <algorithm>

#include "io/pir/importer.h"

namespace skiff::io {

std::optional<Attribute> PirImporter::AsAttributeOf(const OpDef* def, const std::string& name, const Attribute& value) {
  const AttrDef* attr = def == nullptr ? nullptr : def->FindAttr(name);
  return attr == nullptr ? value : ConvertAttribute(value, attr->default_value);
}

std::optional<Attribute> PirImporter::ConstantOf(const PirValue* value, const PirOperation& user) {
  const PirBinding& binding = BindingOf(value, user);
  if (binding.constant != nullptr) {
    const Json* number = binding.constant->Find("value");
    auto made = number == nullptr ? std::nullopt : FromPirAttribute(*number, binding.constant->where);
    if (made) {
      if (const auto* list = std::get_if<std::vector<int64_t>>(&*made)) Charge(list->size(), user);
    }
    return made;
  }
  if (!lazy_.contains(value)) return std::nullopt;
  std::vector<double> numbers;
  for (const PirValue* operand : combined_[value]->operands) {
    const PirBinding& element = BindingOf(operand, user);
    const auto one = element.constant == nullptr ? std::nullopt : ConstantOf(operand, user);
    const auto number = one ? ConvertAttribute(*one, double{}) : std::nullopt;
    if (!number) return std::nullopt;
    numbers.push_back(std::get<double>(*number));
  }
  return Attribute(std::move(numbers));
}

bool PirImporter::PlanOperands(const PirOperation& op, const PirOpRule& rule, const OpDef* def, Plan* plan) {
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const PirValue* value = op.operands[i];
    if (value == nullptr) continue;
    if (i >= rule.operands.size()) return false;
    const PirOperandRule& operand = rule.operands[i];
    const bool list = BindingOf(value, op).type.list;
    if (operand.attr == "-") continue;
    if (!operand.made.empty()) {
      if (const auto constant = ConstantOf(value, op)) {
        const auto converted = AsAttributeOf(def, operand.attr, *constant);
        if (!converted) return false;
        plan->attrs.Set(operand.attr, *converted);
        continue;
      }
    }
    const auto slot = std::find_if(operand.slots.begin(), operand.slots.end(), [&](const PirSlot& s) { return s.list == list; });
    if (slot == operand.slots.end()) return false;
    plan->slots.emplace_back(slot->name, value);
  }
  return true;
}

bool PirImporter::PlanAttrs(const PirOperation& op, const PirOpRule& rule, const OpDef* def, Plan* plan) {
  for (const PirAttr& attr : op.attrs) {
    const auto found = std::find_if(rule.attrs.begin(), rule.attrs.end(), [&](const PirAttrRule& r) { return r.name == attr.name; });
    if (found == rule.attrs.end()) {
      KeepAttribute(attr, op, &plan->attrs);
      continue;
    }
    if (found->source == "-") {
      if (ToPirAttribute(found->kind, ParseAttribute(found->kind, found->fallback)) == attr.value) continue;
      if (found->kind != "place") return false;  // a place is of no effect: 2.x leaves it to where a program runs
      KeepAttribute(attr, op, &plan->attrs);
      continue;
    }
    const auto value = FromPirAttribute(attr.value, op.where);
    const auto converted = value ? AsAttributeOf(def, found->source, *value) : std::nullopt;
    if (!converted) return false;
    plan->attrs.Set(found->source, *converted);
  }
  return true;
}

bool PirImporter::ImportByRule(const PirOperation& op, const PirOpRule& rule, Block* block) {
  const OpDef* def = FindOp(rule.type);
  Plan plan;
  if (!PlanOperands(op, rule, def, &plan) || !PlanAttrs(op, rule, def, &plan)) return false;
  for (size_t i = 0; i < op.results.size(); ++i) {
    const bool mapped = i < rule.results.size() && rule.results[i].name != "-";
    if (!mapped && uses_.contains(op.results[i].get())) return false;
    if (mapped && PirText(op.results[i]->type, "#") == "0.t_vec" && !rule.results[i].list) return false;
  }
  Operator made{rule.type, {}, {}, std::move(plan.attrs)};
  for (const auto& [slot, value] : plan.slots) {
    made.inputs.Set(slot, Names(value, op));
  }
  if (made.inputs.Has("XShape")) made.inputs.Set("XShape", {ShapeHolderOf(made, op, block)});
  for (size_t i = 0; i < op.results.size() && i < rule.results.size(); ++i) {
    const PirValue& result = *op.results[i];
    if (rule.results[i].name == "-" || PirText(result.type, "#") == "NULL") continue;
    std::string alias = rule.AliasOf(i);
    // Where the operand that is written over is read besides, it reads what was written.
    const bool in_place = op.name != rule.pir && op.name.ends_with("_") && i == 0 && !op.operands.empty() && uses_[op.operands[0]] > 1;
    if (in_place && !plan.slots.empty() && plan.slots[0].second == op.operands[0]) alias = plan.slots[0].first;
    if (!alias.empty() && made.inputs.Has(alias)) {
      bindings_[&result] = {made.inputs[alias], FromPirType(result.type, op.where), nullptr, nullptr, block};
      made.outputs.Set(rule.results[i].name, made.inputs[alias]);
    } else {
      made.outputs.Set(rule.results[i].name, Define(result, rule.type, block, op, i).names);
    }
  }
  if (op.name != rule.pir) made.attrs.Set("pir.name", op.name);
  const bool optimizer = made.inputs.Has("Param") && made.inputs.Has("LearningRate");
  if (optimizer || rule.type.ends_with("_grad")) made.attrs.Set(kOpRoleAttr, optimizer ? int32_t{kOptimize} : int32_t{kBackward});
  KeepStopGradient(op, made, rule, block);
  Complete(&made, def, rule.pir.starts_with("pd_op.tril"), block);
  const auto added = block->AddOp(std::move(made));
  if (def != nullptr && def->FindOutput("XShape") != nullptr) keeps_shape_[{added->type, added->inputs.One("X")}] = added;
  return true;
}

// Gradients of operators that only move elements take XShape in 2.x, the shape of X behind a 0, and X itself in PIR.
std::string PirImporter::ShapeHolderOf(const Operator& gradient, const PirOperation& op, Block* block) {
  const std::string x = gradient.inputs.One("XShape");
  const auto forward = keeps_shape_.find({gradient.type.substr(0, gradient.type.size() - std::string_view("_grad").size()), x});
  if (forward == keeps_shape_.end()) Fail("the gradient of an operator that is not there", op);
  if (!forward->second->outputs.Has("XShape")) {
    std::vector<int64_t> extents = {0};
    const Variable& source = block->Var(x);
    extents.insert(extents.end(), source.shape.begin(), source.shape.end());
    Variable holder{.name = FreshName("XShape"), .dtype = source.dtype, .shape = Shape(extents), .stop_gradient = true};
    forward->second->outputs.Set("XShape", {block->AddVar(std::move(holder))->name});
  }
  return forward->second->outputs.One("XShape");
}

void PirImporter::KeepStopGradient(const PirOperation& op, const Operator& made, const PirOpRule& rule, Block* block) {
  std::vector<bool> flags;
  bool differ = false;
  for (size_t i = 0; i < op.results.size(); ++i) {
    flags.push_back(StopGradient(op, i));
    if (i >= rule.results.size()) continue;
    for (const std::string& name : made.outputs[rule.results[i].name]) differ = differ || block->Var(name).stop_gradient != flags.back();
  }
  if (differ) const_cast<Operator&>(made).attrs.Set("pir.stop_gradient", flags);
}

void PirImporter::Complete(Operator* op, const OpDef* def, bool lower, Block* block) {
  if (def == nullptr) return;
  auto dtype_of_first = [&] {
    for (const auto& [slot, names] : op->inputs) {
      if (!names.empty()) return static_cast<int32_t>(block->Var(names[0]).dtype);
    }
    return static_cast<int32_t>(DType::kFloat32);
  };
  if (def->FindAttr("in_dtype") != nullptr && !op->attrs.Has("in_dtype") && op->type == "cast") op->attrs.Set("in_dtype", dtype_of_first());
  if (op->type == "set_value") op->attrs.Set("dtype", dtype_of_first());
  if (op->type.starts_with("tril_triu")) op->attrs.Set("lower", lower);
  if (def->FindAttr("reduce_all") != nullptr && !op->attrs.Has("reduce_all")) {
    for (const char* name : {"dim", "axis"}) {
      const Attribute* axes = op->attrs.Find(name);
      const auto list = axes == nullptr ? std::nullopt : ConvertAttribute(*axes, std::vector<int64_t>{});
      if (list) op->attrs.Set("reduce_all", std::get<std::vector<int64_t>>(*list).empty());
    }
  }
}

void PirImporter::ImportUnknown(const PirOperation& op, Block* block) {
  Operator made{op.name, {}, {}, {}};
  for (const PirAttr& attr : op.attrs) KeepAttribute(attr, op, &made.attrs);
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const PirValue* value = op.operands[i];
    if (value == nullptr) {
      made.inputs.Set(StrCat("I", i), {kEmptyVarName});
      continue;
    }
    made.inputs.Set(StrCat("I", i, BindingOf(value, op).type.list ? "[]" : ""), Names(value, op));
  }
  const std::string base = op.name.substr(op.name.rfind('.') + 1);
  for (size_t i = 0; i < op.results.size(); ++i) {
    if (PirText(op.results[i]->type, "#") == "NULL") {
      made.outputs.Set(StrCat("O", i), {kEmptyVarName});
      continue;
    }
    const PirBinding& result = Define(*op.results[i], base, block, op, i);
    made.outputs.Set(StrCat("O", i, result.type.list ? "[]" : ""), result.names);
  }
  block->AddOp(std::move(made));
}

}  // namespace skiff::io
