// PIR -> Program: constants, and operations that are not one operator of 2.x.
#include "io/pir/importer.h"

namespace skiff::io {

Attribute PirImporter::AttributeOf(const PirOperation& op, const char* name) const {
  const Json* json = op.Find(name);
  const auto value = json == nullptr ? std::nullopt : FromPirAttribute(*json, op.where);
  if (!value) Fail(StrCat("there is no attribute \"", name, "\" of a known kind"), op);
  return *value;
}

void PirImporter::EmitConstant(const PirValue* value, PirBinding* binding) {
  const PirOperation& op = *std::exchange(binding->constant, nullptr);
  Block* block = binding->block;
  const bool ints = op.name == "pd_op.full_int_array";
  if (binding->type.list) Fail("a constant of a list type", op);
  Variable variable = binding->type.elements[0];
  const auto wished = wished_.find(value);
  variable.name = wished != wished_.end() ? wished->second : FreshName(ints ? "full_int_array" : "full");
  variable.stop_gradient = StopGradient(op, 0);
  binding->names = {block->AddVar(variable)->name};
  Operator made{ints ? "assign_value" : "fill_constant", {}, {{"Out", binding->names}}, {}};
  const auto dtype = static_cast<int32_t>(variable.dtype);
  if (ints) {
    auto values = Converted<std::vector<int64_t>>(op, "value");
    made.attrs.Set("shape", std::vector<int32_t>{static_cast<int32_t>(values.size())});
    made.attrs.Set("dtype", dtype);
    SetValues(&made.attrs, variable.dtype, values, op);
    made.attrs.Set("pir.name", std::string("pd_op.full_int_array"));
    KeepExtras(op, {"value", "dtype"}, "1,0,", &made.attrs);
  } else {
    const auto number = Converted<double>(op, "value");
    made.attrs.Set("shape", Converted<std::vector<int64_t>>(op, "shape"));
    made.attrs.Set("dtype", dtype);
    made.attrs.Set("value", static_cast<float>(number));
    made.attrs.Set("str_value", std::get<std::string>(*ConvertAttribute(number, std::string())));
    KeepExtras(op, {"shape", "value", "dtype"}, "0,0,", &made.attrs);
  }
  *binding->place = std::move(made);
}

void PirImporter::DropEmptyPlaces() {
  for (int i = 0; i < program_->num_blocks(); ++i) {
    std::vector<std::shared_ptr<Operator>> ops = program_->block(i).ops();
    std::erase_if(ops, [](const auto& op) { return op->type.empty(); });
    program_->block(i).SetOps(std::move(ops));
  }
}

void PirImporter::KeepExtras(const PirOperation& op, const std::set<std::string>& known, const char* place, Attrs* attrs) {
  for (const PirAttr& attr : op.attrs) {
    if (known.contains(attr.name)) continue;
    if (attr.name == "place" && ToPirAttribute("place", std::string(place)) == attr.value) continue;
    KeepAttribute(attr, op, attrs);
  }
}

void PirImporter::KeepAttribute(const PirAttr& attr, const PirOperation& op, Attrs* attrs) {
  const std::string kind = PirText(attr.value, "#");
  const bool plain = kind == "0.a_bool" || kind == "0.a_i32" || kind == "0.a_i64" || kind == "0.a_f32" || kind == "0.a_f64" || kind == "0.a_str";
  std::optional<Attribute> value;
  if (plain) value = FromPirAttribute(attr.value, op.where);
  attrs->Set(kPirPrefix + attr.name, value ? *value : Attribute(std::vector<std::string>{attr.value.dump()}));
}

void PirImporter::ImportAssignValue(const PirOperation& op, Block* block) {
  const PirBinding& out = Define(*OneResult(op), "assign_value", block, op, 0);
  if (out.type.list) Fail("a constant of a list type", op);
  const DType dtype = out.type.elements[0].dtype;
  Operator made{"assign_value", {}, {{"Out", out.names}}, {}};
  made.attrs.Set("shape", Converted<std::vector<int32_t>>(op, "shape"));
  made.attrs.Set("dtype", static_cast<int32_t>(dtype));
  SetValues(&made.attrs, dtype, Converted<std::vector<double>>(op, "values"), op);
  KeepExtras(op, {"shape", "dtype", "values"}, "0,0,", &made.attrs);
  block->AddOp(std::move(made));
}

void PirImporter::ImportArrayWrite(const PirOperation& op, Block* block) {
  if (op.operands.size() != 3) Fail("array, value and index are wanted", op);
  const std::string array = OneName(op.operands[0], op);
  block->AddOp({"write_to_array", {{"X", {OneName(op.operands[1], op)}}, {"I", {OneName(op.operands[2], op)}}}, {{"Out", {array}}}, {}});
  bindings_[OneResult(op)] = BindingOf(op.operands[0], op);
}

void PirImporter::ImportShape64(const PirOperation& op, Block* block) {
  if (op.operands.size() != 1) Fail("one operand is wanted", op);
  const std::string x = OneName(op.operands[0], op);
  const PirBinding& out = Define(*OneResult(op), "shape", block, op, 0);
  if (out.type.list) Fail("a list where one value belongs", op);
  Variable narrow = out.type.elements[0];
  narrow.name = FreshName("shape");
  narrow.dtype = DType::kInt32;
  narrow.stop_gradient = true;
  const std::string between = block->AddVar(std::move(narrow))->name;
  block->AddOp({"shape", {{"Input", {x}}}, {{"Out", {between}}}, {}});
  block->AddOp({"cast", {{"X", {between}}}, {{"Out", out.names}},
                {{"in_dtype", static_cast<int32_t>(DType::kInt32)}, {"out_dtype", static_cast<int32_t>(out.type.elements[0].dtype)}}});
}

void PirImporter::ImportAssignOut(const PirOperation& op, Block* block) {
  if (op.operands.size() != 2) Fail("two operands are wanted", op);
  const std::string x = OneName(op.operands[0], op), out = OneName(op.operands[1], op);
  block->AddOp({"assign", {{"X", {x}}}, {{"Out", {out}}}, {}});
  bindings_[OneResult(op)] = BindingOf(op.operands[1], op);
}

void PirImporter::ImportSelect(const PirOperation& op, Block* block) {
  if (op.operands.size() < 2) Fail("a mask and values to choose from are wanted", op);
  std::vector<std::string> choices;
  for (size_t i = 1; i < op.operands.size(); ++i) choices.push_back(OneName(op.operands[i], op));
  const std::string mask = OneName(op.operands[0], op);
  block->AddOp({"select_input", {{"X", choices}, {"Mask", {mask}}}, {{"Out", Define(*OneResult(op), "select_input", block, op, 0).names}}, {}});
}

void PirImporter::ImportRange(const PirOperation& op, Block* block) {
  if (op.operands.size() != 3) Fail("start, end and step are wanted", op);
  std::vector<std::string> bounds;
  for (const PirValue* operand : op.operands) bounds.push_back(OneName(operand, op));
  const PirBinding& out = Define(*OneResult(op), "range", block, op, 0);
  if (out.type.list) Fail("a list where one value belongs", op);
  const DType dtype = out.type.elements[0].dtype;
  for (std::string& bound : bounds) {
    const Variable& given = block->Var(bound);
    if (given.dtype == dtype) continue;
    const std::string cast = block->AddVar({.name = FreshName("cast"), .dtype = dtype, .shape = given.shape, .stop_gradient = true})->name;
    block->AddOp({"cast", {{"X", {bound}}}, {{"Out", {cast}}},
                  {{"in_dtype", static_cast<int32_t>(given.dtype)}, {"out_dtype", static_cast<int32_t>(dtype)}}});
    bound = cast;
  }
  Operator range{"range", {{"Start", {bounds[0]}}, {"End", {bounds[1]}}, {"Step", {bounds[2]}}}, {{"Out", out.names}}, {}};
  KeepExtras(op, {"dtype"}, "0,0,", &range.attrs);
  block->AddOp(std::move(range));
}

}  // namespace skiff::io
