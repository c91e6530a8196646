// Program -> PIR: single operators, most of them by the table.
#include <algorithm>

#include "framework/op/op_def.h"
#include "io/pir/exporter.h"

namespace skiff::io {

void PirExporter::ExportFetch(const Operator& op) {
  const std::string name = op.inputs.One("X");
  PirValue* value = ValueOf(name);
  const auto column = op.attrs.Get<int32_t>("col", 0);
  PirOperation& fetch = Append("pd_op.fetch");
  fetch.operands = {value};
  fetch.attrs = {{"name", ToPirAttribute("str", op.attrs.Get<std::string>("pir.name", name))}, {"col", ToPirAttribute("i32", column)}};
  fetch.result_attrs.push_back({"persistable", PirFlags({true})});
  SetStopGradient(&fetch, {block_->Var(name).stop_gradient});
  AddResult(&fetch, value->type);
}

PirValue* PirExporter::SetOnlyResult(const Operator& op, PirOperation* made, const Variable& type) {
  const std::string& name = op.outputs.One("Out");
  SetStopGradient(made, {block_->Var(name).stop_gradient});
  PirValue* value = AddResult(made, ToPirType(type));
  values_.Set(name, value);
  return value;
}

Variable PirExporter::Described(const Operator& op, int32_t dtype, const std::vector<int64_t>& shape) const {
  Variable v = block_->Var(op.outputs.One("Out"));
  if (IsValidDType(dtype)) v.dtype = static_cast<DType>(dtype);
  v.shape = Shape(shape);
  return v;
}

std::string PirExporter::PlaceOf(const Operator& op, const char* usual) {
  const Attribute* kept = op.attrs.Find("pir.place");
  if (kept == nullptr) return usual;
  PirOperation holder;
  AddKept("place", *kept, &holder);
  const auto place = holder.attrs.empty() ? std::nullopt : FromPirAttribute(holder.attrs[0].value, "pir.place");
  const auto* text = place ? std::get_if<std::string>(&*place) : nullptr;
  SKIFF_ENFORCE(text != nullptr, InvalidArgument, "attribute pir.place is no place");
  return *text;
}

void PirExporter::ExportFillConstant(const Operator& op) {
  const auto text = op.attrs.Get<std::string>("str_value", "");
  const Attribute value = text.empty() ? Attribute(op.attrs.Get<float>("value", 0.0f)) : Attribute(text);
  const auto dtype = static_cast<DType>(op.attrs.Get<int32_t>("dtype", static_cast<int32_t>(DType::kFloat32)));
  const auto shape = op.attrs.Get<std::vector<int64_t>>("shape", {});
  PirOperation& full = Full(shape, value, dtype, PlaceOf(op, kPirUndefinedPlace));
  AddKept(op, {"place"}, &full);
  SetOnlyResult(op, &full, Described(op, static_cast<int32_t>(dtype), shape));
}

void PirExporter::ExportAssignValue(const Operator& op) {
  std::optional<Attribute> values;
  for (const char* name : {"values", "bool_values", "int32_values", "int64_values", "fp32_values", "fp64_values"}) {
    const Attribute* given = op.attrs.Find(name);
    const auto numbers = given == nullptr ? std::nullopt : ConvertAttribute(*given, std::vector<double>{});
    if (numbers && !std::get<std::vector<double>>(*numbers).empty()) values = numbers;
  }
  if (!values) values = std::vector<double>{};
  const auto dtype = op.attrs.Get<int32_t>("dtype");
  if (op.attrs.Get<std::string>("pir.name", "") == "pd_op.full_int_array") {
    PirOperation& ints = Append("pd_op.full_int_array");
    ints.attrs = {{"value", ToPirAttribute("i64s", *values)}, {"dtype", ToPirAttribute("dtype", dtype)},
                  {"place", ToPirAttribute("place", PlaceOf(op, kPirCpuPlace))}};
    AddKept(op, {"place"}, &ints);
    SetOnlyResult(op, &ints);
    return;
  }
  const auto shape = op.attrs.Get<std::vector<int64_t>>("shape");
  PirOperation& full = Full(shape, 0.0, static_cast<DType>(dtype), kPirUndefinedPlace);
  SetStopGradient(&full, {true});
  const Variable type = Described(op, dtype, shape);
  PirValue* filled = AddResult(&full, ToPirType(type));
  PirOperation& assign = Append("pd_op.assign_value_");
  assign.operands = {filled};
  assign.attrs = {{"shape", ToPirAttribute("i32s", shape)}, {"dtype", ToPirAttribute("dtype", dtype)},
                  {"values", ToPirAttribute("f64s", *values)}, {"place", ToPirAttribute("place", PlaceOf(op, kPirUndefinedPlace))}};
  AddKept(op, {"place"}, &assign);
  SetOnlyResult(op, &assign, type);
}

PirValue* PirExporter::CreateArray(const Variable& v) {
  PirOperation& create = Append("pd_op.create_array");
  create.attrs = {{"dtype", ToPirAttribute("dtype", static_cast<int32_t>(v.dtype))}};
  SetStopGradient(&create, {v.stop_gradient});
  PirValue* value = AddResult(&create, ToPirType(v));
  values_.Set(v.name, value);
  return value;
}

void PirExporter::ExportArrayWrite(const Operator& op) {
  const Variable& array = block_->Var(op.outputs.One("Out"));
  PirValue* x = ValueOf(op.inputs.One("X"));
  PirValue* i = ValueOf(op.inputs.One("I"));
  PirValue* value = values_.Find(array.name);
  if (value == nullptr) value = CreateArray(array);
  PirOperation& write = Append("pd_op.array_write_");
  write.operands = {value, x, i};
  SetStopGradient(&write, {array.stop_gradient});
  AddResult(&write, value->type);
}

void PirExporter::ExportSelect(const Operator& op) {
  std::vector<PirValue*> operands = {ValueOf(op.inputs.One("Mask"))};
  for (const std::string& name : op.inputs["X"]) operands.push_back(ValueOf(name));
  PirOperation& select = Append("pd_op.select_input");
  select.operands = std::move(operands);
  SetOnlyResult(op, &select);
}

void PirExporter::ExportRaw(const Operator& op) {
  std::vector<PirValue*> operands;
  for (const auto& [slot, names] : op.inputs) {
    const bool absent = names.empty() || names[0] == kEmptyVarName;
    operands.push_back(absent ? nullptr : slot.ends_with("[]") ? Combine(names, op) : ValueOf(names[0]));
  }
  PirOperation& raw = Append(op.type);
  raw.operands = std::move(operands);
  AddKept(op, {}, &raw);
  std::vector<bool> stop;
  std::vector<std::pair<PirValue*, std::vector<std::string>>> lists;
  for (const auto& [slot, names] : op.outputs) {
    if (names.empty() || names[0] == kEmptyVarName) {
      AddResult(&raw, PirNullType());
      stop.push_back(true);
    } else if (slot.ends_with("[]")) {
      lists.emplace_back(AddListResult(&raw, names), names);
      stop.push_back(StopOf(names));
    } else {
      values_.Set(names[0], AddResult(&raw, ToPirType(block_->Var(names[0]))));
      stop.push_back(StopOf(names));
    }
  }
  SetStopGradient(&raw, stop);
  for (const auto& [list, names] : lists) Split(list, names, op);
}

bool PirExporter::StopOf(const std::vector<std::string>& names) const {
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto v = block_->FindVar(name);
    return v != nullptr && v->stop_gradient;
  });
}

PirValue* PirExporter::AddListResult(PirOperation* op, const std::vector<std::string>& names) {
  std::vector<Json> types;
  for (const std::string& name : names) types.push_back(name == kEmptyVarName ? PirNullType() : ToPirType(block_->Var(name)));
  return AddResult(op, PirListType(types));
}

void PirExporter::Split(PirValue* list, const std::vector<std::string>& names, const Operator& producer) {
  PirOperation& split = Append("builtin.split");
  split.operands = {list};
  AddStructName(producer, &split);
  std::vector<bool> stop;
  for (const std::string& name : names) {
    values_.Set(name, AddResult(&split, ToPirType(block_->Var(name))));
    stop.push_back(block_->Var(name).stop_gradient);
  }
  SetStopGradient(&split, stop);
}

const PirOpRule& PirExporter::RuleFor(const Operator& op) const {
  std::string pir;
  if (op.type == "split") pir = op.attrs.Get<int32_t>("num", 0) > 0 ? "split_with_num" : "split";
  if (op.type == "set_value") pir = op.inputs.Has("ValueTensor") ? "set_value_with_tensor" : "set_value";
  if (op.type == "repeat_interleave") pir = op.inputs.Has("RepeatsTensor") ? "repeat_interleave_with_tensor_index" : "repeat_interleave";
  if (op.type == "tril_triu") pir = op.attrs.Get<bool>("lower", true) ? "tril" : "triu";
  if (op.type == "tril_triu_grad") pir = op.attrs.Get<bool>("lower", true) ? "tril_grad" : "triu_grad";
  const std::vector<const PirOpRule*> rules = PirRulesOf(op.type);
  for (const PirOpRule* rule : rules) {
    if (rule->pir == "pd_op." + pir) return *rule;
  }
  return *rules[0];
}

PirValue* PirExporter::Operand(const PirOperandRule& rule, const Operator& op, const Attrs& attrs) {
  for (const PirSlot& slot : rule.slots) {
    const std::vector<std::string>& names = op.inputs[slot.name];
    if (names.empty()) continue;
    if (slot.list) return Combine(names, op);
    SKIFF_ENFORCE(names.size() == 1, InvalidArgument, "slot ", slot.name, " holds ", names.size(), " variables where one belongs");
    return names[0] == kEmptyVarName ? nullptr : ValueOf(names[0]);
  }
  if (rule.made.empty()) return nullptr;
  if (rule.attr == "-") return Constant(rule.made, 0.0, nullptr);
  const Attribute* value = attrs.Find(rule.attr);
  if (value == nullptr) return nullptr;
  if (const auto* ref = std::get_if<VarRef>(value)) return ValueOf(ref->name);
  if (const auto* refs = std::get_if<std::vector<VarRef>>(value)) {
    std::vector<std::string> names;
    for (const VarRef& one : *refs) names.push_back(one.name);
    return Combine(names, op);
  }
  return ConstantOf(op, rule.made, *value);
}

Attrs PirExporter::AttrsOf(const Operator& op) {
  const OpDef* def = FindOp(op.type);
  Attrs attrs = op.attrs;
  if (def != nullptr) {
    for (const AttrDef& attr : def->attrs) {
      if (!attr.required && !attrs.Has(attr.name)) attrs.Set(attr.name, attr.default_value);
    }
  }
  if (attrs.Has("reduce_all") && attrs.Get<bool>("reduce_all")) {
    for (const char* name : {"dim", "axis"}) {
      if (attrs.Has(name)) attrs.Set(name, std::vector<int64_t>{});
    }
  }
  return attrs;
}

void PirExporter::ExportByRule(const Operator& op, const PirOpRule& rule) {
  const Attrs attrs = AttrsOf(op);
  std::vector<PirValue*> operands;
  operands.resize(rule.operands.size());
  for (const bool lists : {false, true}) {  // constants stand before lists
    for (size_t i = 0; i < operands.size(); ++i) {
      const bool list = rule.operands[i].made.empty() && !rule.operands[i].slots.empty() && rule.operands[i].slots[0].list;
      if (list == lists) operands[i] = Operand(rule.operands[i], op, attrs);
    }
  }
  PirOperation& made = Append(op.attrs.Get<std::string>("pir.name", rule.pir));
  made.operands = std::move(operands);
  std::set<std::string> done;
  for (const PirAttrRule& attr : rule.attrs) {
    done.insert(attr.name);
    made.attrs.push_back({attr.name, AttributeOf(attr, op, attrs)});
  }
  AddKept(op, done, &made);
  AddResults(op, rule, &made);
}

Json PirExporter::AttributeOf(const PirAttrRule& rule, const Operator& op, const Attrs& attrs) const {
  const Attribute* kept = op.attrs.Find(kPirPrefix + rule.name);
  if (kept != nullptr) {
    PirOperation holder;
    AddKept(rule.name, *kept, &holder);
    SKIFF_ENFORCE(!holder.attrs.empty(), InvalidArgument, "attribute ", kPirPrefix, rule.name, " is of a kind that Paddle 3 does not have");
    return holder.attrs[0].value;
  }
  if (rule.source == "-" && rule.kind == "dtype") {  // 2.x leaves to the operands what the result is
    const std::vector<std::string> outputs = op.outputs.AllNames();
    SKIFF_ENFORCE(!outputs.empty(), InvalidArgument, "there is no output");
    return ToPirAttribute("dtype", static_cast<int32_t>(block_->Var(outputs[0]).dtype));
  }
  const Attribute* value = rule.source == "-" ? nullptr : attrs.Find(rule.source);
  if (value == nullptr && rule.has_fallback) return ToPirAttribute(rule.kind, ParseAttribute(rule.kind, rule.fallback));
  SKIFF_ENFORCE(value != nullptr, InvalidArgument, "attribute ", rule.source, " is missing");
  try {
    return ToPirAttribute(rule.kind, *value);
  } catch (Error& error) {
    error.Prepend(StrCat("attribute ", rule.source, ": "));
    throw;
  }
}

void PirExporter::AddResults(const Operator& op, const PirOpRule& rule, PirOperation* made) {
  std::vector<bool> stop;
  std::vector<std::pair<std::string, PirValue*>> named;
  std::vector<std::pair<PirValue*, std::vector<std::string>>> lists;
  for (const PirSlot& slot : rule.results) {
    const std::vector<std::string>& names = op.outputs[slot.name];
    const bool absent = slot.name == "-" || names.empty() || (names.size() == 1 && names[0] == kEmptyVarName);
    stop.push_back(absent || StopOf(names));
    if (absent) {
      AddResult(made, PirNullType());
    } else if (slot.list) {
      lists.emplace_back(AddListResult(made, names), names);
    } else {
      named.emplace_back(names[0], AddResult(made, ToPirType(block_->Var(names[0]))));
    }
  }
  SetStopGradient(made, op.attrs.Has("pir.stop_gradient") ? op.attrs.Get<std::vector<bool>>("pir.stop_gradient") : stop);
  for (const auto& [name, value] : named) values_.Set(name, value);
  // What remembers the shape of X for the gradient is X in PIR.
  if (op.outputs.Has("XShape") && op.inputs.Has("X")) values_.Set(op.outputs.One("XShape"), ValueOf(op.inputs.One("X")));
  for (const auto& [list, names] : lists) Split(list, names, op);
}

}  // namespace skiff::io
