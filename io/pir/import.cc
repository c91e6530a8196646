// PIR -> Program.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "framework/op/append_op.h"
#include "framework/op/op_def.h"
#include "io/pir/op_map.h"
#include "io/pir/pir_program.h"
#include "io/pir/types.h"

namespace skiff::io {

namespace {

// Names and numbers that operators take from lists and constants, counted once per use: what a file can ask for
// by saying a list once and using it often.
constexpr size_t kMaxExpanded = 1 << 24;

// What a value is called.
struct Binding {
  std::vector<std::string> names;
  PirType type;
  const PirOperation* constant = nullptr;  // pd_op.full or full_int_array, no variable until one is needed
  std::shared_ptr<Operator> place;         // of a constant: where its operator will stand, if one is needed
  Block* block = nullptr;                  // where it is computed
};

const std::set<std::string> kMeaninglessAttrs = {"place"};

// Where Paddle 3 writes an operator's first operand over; in a program of values that is the same operator.
std::string WithoutUnderscore(const std::string& name) {
  return name.ends_with("_") ? name.substr(0, name.size() - 1) : name;
}

class PirImporter {
 public:
  explicit PirImporter(const std::string& what) : what_(what), program_(std::make_unique<Program>()) {}

  std::unique_ptr<Program> Run(const PirModule& module) {
    Reserve(module.body);
    program_->op_version_map.reset();
    ImportBlock(module.body, &program_->global_block());
    while (program_->current_block().idx() != 0) program_->Rollback();
    DropEmptyPlaces();
    if (has_fetch_) AddFeeds();
    return std::move(program_);
  }

 private:
  [[noreturn]] void Fail(const std::string& message, const PirOperation& op) const {
    InvalidArgument error(StrCat("cannot read \"", what_, "\": ", message));
    error.AddContext("at " + op.where);
    throw error;
  }

  // ---- names

  // Names that the file gives are kept: parameters, data, and what is fetched.
  void Reserve(const PirBlock& body) {
    for (const auto& op : body.ops) {
      if (op->name == kPirParameter || op->name == "pd_op.data") {
        const std::string name = NameOf(*op);
        if (!taken_.insert(name).second) Fail(StrCat("the name \"", name, "\" is given twice"), *op);
      }
      has_fetch_ = has_fetch_ || op->name == "pd_op.fetch";
    }
    if (has_fetch_) taken_.insert({"feed", "fetch"});
    for (const auto& op : body.ops) CountUses(*op);
    for (const auto& op : body.ops) {
      if (op->name != "pd_op.fetch" || op->operands.size() != 1 || op->operands[0] == nullptr) continue;
      const Json* name = op->Find("name");
      if (name == nullptr) continue;
      const std::string text = TextOf(*name, *op);
      if (!text.empty() && !wished_.contains(op->operands[0]) && !taken_.contains(text)) {
        wished_[op->operands[0]] = text;
        taken_.insert(text);
      }
    }
  }

  void CountUses(const PirOperation& op) {
    for (const PirValue* operand : op.operands) ++uses_[operand];
    for (const PirRegion& region : op.regions) {
      for (const PirBlock& block : region) {
        for (const auto& inner : block.ops) CountUses(*inner);
      }
    }
  }

  std::string TextOf(const Json& attribute, const PirOperation& op) const {
    const Json* data = &attribute;
    if (attribute.is_object()) {
      const auto found = attribute.find("D");
      if (found == attribute.end()) Fail("a name without text", op);
      data = &*found;
    }
    if (!data->is_string()) Fail("a name that is no text", op);
    return data->get<std::string>();
  }

  std::string NameOf(const PirOperation& op) const {
    const Json* name = op.Find(op.name == kPirParameter ? "parameter_name" : "name");
    if (name == nullptr) Fail("there is no attribute \"name\"", op);
    std::string text = TextOf(*name, op);
    if (text.empty()) Fail("an empty name", op);
    return text;
  }

  std::string FreshName(const std::string& base) {
    std::string name = StrCat(base, "_", next_++);
    while (!taken_.insert(name).second) name += "_";
    return name;
  }

  // ---- values

  Binding& BindingOf(const PirValue* value, const PirOperation& user) {
    const auto found = bindings_.find(value);
    if (found == bindings_.end()) Fail(StrCat("operand ", value->id, " is a result that 2.x does not have"), user);
    return found->second;
  }

  void Charge(size_t count, const PirOperation& op) {
    expanded_ += count;
    if (expanded_ > kMaxExpanded) Fail("lists and constants are used too often", op);
  }

  // The variables behind a value; a constant becomes one now.
  const std::vector<std::string>& Names(const PirValue* value, const PirOperation& user) {
    Materialise(value, user);
    Binding& binding = BindingOf(value, user);
    if (binding.constant != nullptr) EmitConstant(value, &binding);
    Charge(binding.names.size(), user);
    return binding.names;
  }

  std::string OneName(const PirValue* value, const PirOperation& user) {
    if (value == nullptr) Fail("an operand is missing", user);
    const std::vector<std::string>& names = Names(value, user);
    if (BindingOf(value, user).type.list || names.size() != 1) Fail("a list where one value belongs", user);
    return names[0];
  }

  // New variables for a result.
  Binding& Define(const PirValue& value, const std::string& base, Block* block, const PirOperation& op, size_t index) {
    Binding binding{{}, FromPirType(value.type, op.where), nullptr, nullptr, block};
    const bool stop = StopGradient(op, index);
    for (const Variable& element : binding.type.elements) {
      Variable variable = element;
      const auto wished = wished_.find(&value);
      variable.name = wished != wished_.end() && !binding.type.list ? wished->second : FreshName(base);
      variable.stop_gradient = stop;
      binding.names.push_back(block->AddVar(std::move(variable))->name);
    }
    return bindings_[&value] = std::move(binding);
  }

  static bool StopGradient(const PirOperation& op, size_t index) {
    for (const PirAttr& attr : op.result_attrs) {
      const auto data = attr.value.find("D");
      if (attr.name != "stop_gradient" || data == attr.value.end() || !data->is_array() || index >= data->size()) continue;
      const Json& flag = (*data)[index];
      return flag.is_object() && flag.contains("D") && flag["D"].is_boolean() && flag["D"].get<bool>();
    }
    return false;
  }

  // ---- operations

  void ImportBlock(const PirBlock& body, Block* block) {
    for (const auto& op : body.ops) {
      if (op->name.ends_with("cf.yield")) continue;  // its owner looks at it
      ImportOperation(*op, block);
    }
  }

  void ImportOperation(const PirOperation& op, Block* block) {
    if (op.name == kPirParameter) return ImportParameter(op, block);
    if (op.name == "pd_op.data" || op.name == "pd_op.feed") return ImportData(op, block);
    if (op.name == "pd_op.fetch") return ImportFetch(op, block);
    if (op.name == "builtin.combine") return ImportCombine(op, block);
    if (op.name == "builtin.split") return ImportSplit(op);
    if (op.name == "builtin.slice") return ImportSlice(op);
    if ((op.name == "pd_op.full" || op.name == "pd_op.full_int_array") && op.operands.empty() && op.results.size() == 1) {
      bindings_[op.results[0].get()] = {{}, FromPirType(op.results[0]->type, op.where), &op, block->AddOp({}), block};
      return;
    }
    if (op.name == "pd_op.if") return ImportIf(op, block);
    if (op.name == "pd_op.while") return ImportWhile(op, block);
    if (op.name == "pd_op.assign_value" || op.name == "pd_op.assign_value_") return ImportAssignValue(op, block);
    if (op.name == "pd_op.create_array") {
      Define(*OneResult(op), "array", block, op, 0);
      return;
    }
    if (op.name == "pd_op.array_write_") return ImportArrayWrite(op, block);
    if (op.name == "pd_op.shape64") return ImportShape64(op, block);
    if (op.name == "pd_op.assign_out_") return ImportAssignOut(op, block);
    if (op.name == "pd_op.arange") return ImportRange(op, block);
    if (!op.regions.empty()) {
      throw Unimplemented(StrCat("cannot read \"", what_, "\": ", op.where, " has regions; of such operations only pd_op.if and ",
                                 "pd_op.while are supported"));
    }
    const PirOpRule* rule = FindPirOperation(op.name);
    const PirOpRule* plain = rule == nullptr ? FindPirOperation(WithoutUnderscore(op.name)) : rule;
    if (plain == nullptr || !ImportByRule(op, *plain, block)) ImportUnknown(op, block);
  }

  const PirValue* OneResult(const PirOperation& op) const {
    if (op.results.size() != 1) Fail(StrCat("one result is wanted, there are ", op.results.size()), op);
    return op.results[0].get();
  }

  void ImportParameter(const PirOperation& op, Block* block) {
    const PirType type = FromPirType(op.results[0]->type, op.where);
    if (type.list || block->idx() != 0) Fail("a parameter is one tensor of the outermost block", op);
    auto flag = [](const PirAttr& attr) { return attr.value == 1 || attr.value == true; };
    Variable v = type.elements[0];
    v.name = NameOf(op);
    v.persistable = flag(op.result_attrs[0]);
    v.stop_gradient = flag(op.result_attrs[1]);
    v.parameter.trainable = flag(op.result_attrs[2]);
    v.parameter.need_clip = flag(op.attrs[2]);
    v.is_parameter = flag(op.attrs[1]);
    bindings_[op.results[0].get()] = {{v.name}, type, nullptr, nullptr, block};
    block->AddVar(std::move(v));
  }

  void ImportData(const PirOperation& op, Block* block) {
    const PirValue* result = OneResult(op);
    const PirType type = FromPirType(result->type, op.where);
    if (type.list || block->idx() != 0 || op.name == "pd_op.feed") Fail("data is one tensor of the outermost block", op);
    Variable v = type.elements[0];
    v.name = NameOf(op);
    v.stop_gradient = StopGradient(op, 0);
    for (const PirAttr& attr : op.result_attrs) {
      v.persistable = v.persistable || (attr.name == "persistable" && attr.value.dump().find("true") != std::string::npos);
    }
    v.need_check_feed = !v.persistable;
    if (!v.persistable) feeds_.push_back(v.name);
    bindings_[result] = {{v.name}, type, nullptr, nullptr, block};
    block->AddVar(std::move(v));
  }

  void ImportFetch(const PirOperation& op, Block* block) {
    if (op.operands.size() != 1 || block->idx() != 0) Fail("a fetch takes one value of the outermost block", op);
    if (block->FindLocalVar("fetch") == nullptr) block->AddVar({.name = "fetch", .kind = VarKind::kFetchList, .persistable = true});
    const std::string name = OneName(op.operands[0], op);
    const Json* col = op.Find("col");
    int32_t column = num_fetches_++;
    if (col != nullptr) {
      const auto given = FromPirAttribute(*col, op.where);
      const auto number = given ? ConvertAttribute(*given, int32_t{}) : std::nullopt;
      if (!number) Fail("the column is no number", op);
      column = std::get<int32_t>(*number);
    }
    Operator fetch{"fetch", {{"X", {name}}}, {{"Out", {"fetch"}}}, {{"col", column}}};
    const Json* given = op.Find("name");
    if (given != nullptr && TextOf(*given, op) != name) fetch.attrs.Set("pir.name", TextOf(*given, op));
    block->AddOp(std::move(fetch));
  }

  void ImportCombine(const PirOperation& op, Block* block) {
    Binding list{{}, FromPirType(OneResult(op)->type, op.where), nullptr, nullptr, block};
    if (!list.type.list || list.type.elements.size() != op.operands.size()) Fail("the type is no vector of its operands", op);
    combined_[op.results[0].get()] = &op;
    for (const PirValue* operand : op.operands) {
      // Constants stay constants until somebody wants variables.
      if (operand == nullptr) Fail("an operand is missing", op);
      if (BindingOf(operand, op).type.list) Fail("a list of lists", op);
    }
    bindings_[op.results[0].get()] = std::move(list);
    lazy_.insert(op.results[0].get());
  }

  // Gives a combined list its names.
  void Materialise(const PirValue* value, const PirOperation& user) {
    if (lazy_.erase(value) == 0) return;
    std::vector<std::string> names;
    const PirOperation& combine = *combined_[value];
    for (const PirValue* operand : combine.operands) names.push_back(OneName(operand, user));
    bindings_[value].names = std::move(names);
  }

  void ImportSplit(const PirOperation& op) {
    if (op.operands.size() != 1 || op.operands[0] == nullptr) Fail("one list is wanted", op);
    Materialise(op.operands[0], op);
    const Binding list = BindingOf(op.operands[0], op);
    if (!list.type.list || list.names.size() != op.results.size()) {
      Fail(StrCat(op.results.size(), " results of a list of ", list.names.size()), op);
    }
    Charge(list.names.size(), op);
    for (size_t i = 0; i < op.results.size(); ++i) {
      bindings_[op.results[i].get()] = {{list.names[i]}, {false, {list.type.elements[i]}}, nullptr, nullptr, list.block};
    }
  }

  void ImportSlice(const PirOperation& op) {
    if (op.operands.size() != 1 || op.operands[0] == nullptr) Fail("one list is wanted", op);
    Materialise(op.operands[0], op);
    const Binding& list = BindingOf(op.operands[0], op);
    const Json* index = op.Find("index");
    const auto given = index == nullptr ? std::nullopt : FromPirAttribute(*index, op.where);
    const auto number = given ? ConvertAttribute(*given, int64_t{}) : std::nullopt;
    if (!number || std::get<int64_t>(*number) < 0 || std::get<int64_t>(*number) >= static_cast<int64_t>(list.names.size())) {
      Fail(StrCat("the index is none of a list of ", list.names.size()), op);
    }
    const auto at = static_cast<size_t>(std::get<int64_t>(*number));
    Binding element{{list.names[at]}, {false, {list.type.elements[at]}}, nullptr, nullptr, list.block};
    bindings_[OneResult(op)] = std::move(element);
  }

  Attribute AttributeOf(const PirOperation& op, const char* name) const {
    const Json* json = op.Find(name);
    const auto value = json == nullptr ? std::nullopt : FromPirAttribute(*json, op.where);
    if (!value) Fail(StrCat("there is no attribute \"", name, "\" of a known kind"), op);
    return *value;
  }

  template <typename T>
  T Converted(const PirOperation& op, const char* name) const {
    const auto value = ConvertAttribute(AttributeOf(op, name), Attribute(T{}));
    if (!value) Fail(StrCat("attribute \"", name, "\" is of another kind"), op);
    return std::get<T>(*value);
  }

  // A constant as the operator of 2.x that makes it, in the block where it stands.
  void EmitConstant(const PirValue* value, Binding* binding) {
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

  // Of constants that became attributes everywhere.
  void DropEmptyPlaces() {
    for (int i = 0; i < program_->num_blocks(); ++i) {
      std::vector<std::shared_ptr<Operator>> ops = program_->block(i).ops();
      std::erase_if(ops, [](const auto& op) { return op->type.empty(); });
      program_->block(i).SetOps(std::move(ops));
    }
  }

  template <typename T>
  void SetValues(Attrs* attrs, DType dtype, const std::vector<T>& values, const PirOperation& op) {
    const char* name = dtype == DType::kBool ? "bool_values" : dtype == DType::kInt32 ? "int32_values" : dtype == DType::kInt64 ? "int64_values"
                       : dtype == DType::kFloat32 ? "fp32_values" : dtype == DType::kFloat64 ? "fp64_values" : nullptr;
    if (name == nullptr) Fail(StrCat("values of the dtype ", dtype), op);
    const Attribute like = dtype == DType::kInt64 ? Attribute(std::vector<int64_t>{}) : dtype == DType::kFloat32 ? Attribute(std::vector<float>{})
                           : dtype == DType::kFloat64 ? Attribute(std::vector<double>{}) : Attribute(std::vector<int32_t>{});
    Charge(values.size(), op);
    const auto converted = ConvertAttribute(Attribute(values), like);
    if (!converted) Fail(StrCat("values that are no ", dtype), op);
    attrs->Set(name, *converted);
  }

  // Attributes that 2.x has no place for, unless they say what is meant anyway.
  static void KeepExtras(const PirOperation& op, const std::set<std::string>& known, const char* place, Attrs* attrs) {
    for (const PirAttr& attr : op.attrs) {
      if (known.contains(attr.name)) continue;
      if (attr.name == "place" && ToPirAttribute("place", std::string(place)) == attr.value) continue;
      KeepAttribute(attr, op, attrs);
    }
  }

  static void KeepAttribute(const PirAttr& attr, const PirOperation& op, Attrs* attrs) {
    const std::string kind = attr.value.value("#", "");
    const bool plain = kind == "0.a_bool" || kind == "0.a_i32" || kind == "0.a_i64" || kind == "0.a_f32" || kind == "0.a_f64" || kind == "0.a_str";
    std::optional<Attribute> value;
    if (plain) value = FromPirAttribute(attr.value, op.where);
    attrs->Set(kPirPrefix + attr.name, value ? *value : Attribute(std::vector<std::string>{attr.value.dump()}));
  }

  void ImportAssignValue(const PirOperation& op, Block* block) {
    const Binding& out = Define(*OneResult(op), "assign_value", block, op, 0);
    if (out.type.list) Fail("a constant of a list type", op);
    const DType dtype = out.type.elements[0].dtype;
    Operator made{"assign_value", {}, {{"Out", out.names}}, {}};
    made.attrs.Set("shape", Converted<std::vector<int32_t>>(op, "shape"));
    made.attrs.Set("dtype", static_cast<int32_t>(dtype));
    SetValues(&made.attrs, dtype, Converted<std::vector<double>>(op, "values"), op);
    KeepExtras(op, {"shape", "dtype", "values"}, "0,0,", &made.attrs);
    block->AddOp(std::move(made));
  }

  void ImportArrayWrite(const PirOperation& op, Block* block) {
    if (op.operands.size() != 3) Fail("array, value and index are wanted", op);
    const std::string array = OneName(op.operands[0], op);
    block->AddOp({"write_to_array", {{"X", {OneName(op.operands[1], op)}}, {"I", {OneName(op.operands[2], op)}}}, {{"Out", {array}}}, {}});
    bindings_[OneResult(op)] = BindingOf(op.operands[0], op);
  }

  // 2.x counts extents in 32 bits.
  void ImportShape64(const PirOperation& op, Block* block) {
    if (op.operands.size() != 1) Fail("one operand is wanted", op);
    const std::string x = OneName(op.operands[0], op);
    const Binding& out = Define(*OneResult(op), "shape", block, op, 0);
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

  // The second operand is written over, and so is whatever reads it later.
  void ImportAssignOut(const PirOperation& op, Block* block) {
    if (op.operands.size() != 2) Fail("two operands are wanted", op);
    const std::string x = OneName(op.operands[0], op), out = OneName(op.operands[1], op);
    block->AddOp({"assign", {{"X", {x}}}, {{"Out", {out}}}, {}});
    bindings_[OneResult(op)] = BindingOf(op.operands[1], op);
  }

  // In 2.x the numbers have the dtype of the bounds, here an attribute's.
  void ImportRange(const PirOperation& op, Block* block) {
    if (op.operands.size() != 3) Fail("start, end and step are wanted", op);
    std::vector<std::string> bounds;
    for (const PirValue* operand : op.operands) bounds.push_back(OneName(operand, op));
    const Binding& out = Define(*OneResult(op), "range", block, op, 0);
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

  // ---- by the table

  // The attribute of 2.x with the kind skiff gives it, else as it is.
  static std::optional<Attribute> AsAttributeOf(const OpDef* def, const std::string& name, const Attribute& value) {
    const AttrDef* attr = def == nullptr ? nullptr : def->FindAttr(name);
    if (attr != nullptr) return ConvertAttribute(value, attr->default_value);
    if (std::holds_alternative<std::vector<int64_t>>(value)) {
      if (auto narrow = ConvertAttribute(value, std::vector<int32_t>{})) return narrow;
    }
    return value;
  }

  // The numbers of a constant operand, or nothing.
  std::optional<Attribute> ConstantOf(const PirValue* value, const PirOperation& user) {
    const Binding& binding = BindingOf(value, user);
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
      const Binding& element = BindingOf(operand, user);
      const auto one = element.constant == nullptr ? std::nullopt : ConstantOf(operand, user);
      const auto number = one ? ConvertAttribute(*one, double{}) : std::nullopt;
      if (!number) return std::nullopt;
      numbers.push_back(std::get<double>(*number));
    }
    return Attribute(std::move(numbers));
  }

  // What is still to be decided when an operation is looked at; nothing is changed before all of it fits.
  struct Plan {
    Attrs attrs;
    std::vector<std::pair<std::string, const PirValue*>> slots;
  };

  bool PlanOperands(const PirOperation& op, const PirOpRule& rule, const OpDef* def, Plan* plan) {
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

  bool PlanAttrs(const PirOperation& op, const PirOpRule& rule, const OpDef* def, Plan* plan) {
    for (const PirAttr& attr : op.attrs) {
      const auto found = std::find_if(rule.attrs.begin(), rule.attrs.end(), [&](const PirAttrRule& r) { return r.name == attr.name; });
      if (found == rule.attrs.end()) {
        KeepAttribute(attr, op, &plan->attrs);
        continue;
      }
      if (found->source == "-") {
        const bool usual = found->has_fallback && ToPirAttribute(found->kind, ParseAttribute(found->kind, found->fallback)) == attr.value;
        if (usual) continue;
        const bool of_no_effect = kMeaninglessAttrs.contains(attr.name);
        if (!of_no_effect && found->has_fallback) return false;
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

  bool ImportByRule(const PirOperation& op, const PirOpRule& rule, Block* block) {
    const OpDef* def = FindOp(rule.type);
    Plan plan;
    if (!PlanOperands(op, rule, def, &plan) || !PlanAttrs(op, rule, def, &plan)) return false;
    for (size_t i = 0; i < op.results.size(); ++i) {
      const bool mapped = i < rule.results.size() && rule.results[i].name != "-";
      if (!mapped && uses_.contains(op.results[i].get())) return false;
      if (mapped && op.results[i]->type.value("#", "") == "0.t_vec" && !rule.results[i].list) return false;
    }
    Operator made{rule.type, {}, {}, std::move(plan.attrs)};
    for (const auto& [slot, value] : plan.slots) {
      made.inputs.Set(slot, Names(value, op));
    }
    for (size_t i = 0; i < op.results.size() && i < rule.results.size(); ++i) {
      const PirValue& result = *op.results[i];
      if (rule.results[i].name == "-" || result.type.value("#", "") == "NULL") continue;
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
    KeepStopGradient(op, made, rule, block);
    Complete(&made, def, rule.pir.starts_with("pd_op.tril"), block);
    block->AddOp(std::move(made));
    return true;
  }

  // A result in the place of a variable may say otherwise of its gradient than the variable.
  static void KeepStopGradient(const PirOperation& op, const Operator& made, const PirOpRule& rule, Block* block) {
    std::vector<bool> flags;
    bool differ = false;
    for (size_t i = 0; i < op.results.size(); ++i) {
      flags.push_back(StopGradient(op, i));
      if (i >= rule.results.size()) continue;
      for (const std::string& name : made.outputs[rule.results[i].name]) differ = differ || block->Var(name).stop_gradient != flags.back();
    }
    if (differ) const_cast<Operator&>(made).attrs.Set("pir.stop_gradient", flags);
  }

  // What 2.x writes besides.
  void Complete(Operator* op, const OpDef* def, bool lower, Block* block) {
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
    std::set<std::string> missing;
    for (const SlotDef& slot : def->outputs) {
      if (slot.dispensable || op->outputs.Has(slot.name)) continue;
      Variable extra{.name = FreshName(op->type + "." + slot.name), .dtype = DType::kFloat32, .stop_gradient = true};
      op->outputs.Set(slot.name, {block->AddVar(std::move(extra))->name});
      missing.insert(op->outputs.One(slot.name));
    }
    if (!missing.empty()) InferMissing(*op, missing, block);
  }

  // Shapes of outputs that PIR does not have; what the file says of the others stays.
  static void InferMissing(const Operator& op, const std::set<std::string>& missing, Block* block) {
    std::vector<std::pair<std::shared_ptr<Variable>, Variable>> given;
    for (const std::string& name : op.outputs.AllNames()) {
      auto variable = block->FindVar(name);
      if (variable != nullptr && !missing.contains(name)) given.emplace_back(variable, *variable);
    }
    try {
      InferOutputs(*block, op);
    } catch (const Error&) {  // the verifier says it better when the program runs
    }
    for (const auto& [variable, before] : given) *variable = before;
  }

  // ---- without a row

  void ImportUnknown(const PirOperation& op, Block* block) {
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
      if (op.results[i]->type.value("#", "") == "NULL") {
        made.outputs.Set(StrCat("O", i), {kEmptyVarName});
        continue;
      }
      const Binding& result = Define(*op.results[i], base, block, op, i);
      made.outputs.Set(StrCat("O", i, result.type.list ? "[]" : ""), result.names);
    }
    block->AddOp(std::move(made));
  }

  // ---- control flow

  const PirOperation& YieldOf(const PirOperation& op, size_t region, size_t count) const {
    if (op.regions[region].size() != 1) Fail(StrCat("region ", region, " has ", op.regions[region].size(), " blocks; one is wanted"), op);
    const PirBlock& block = op.regions[region][0];
    if (block.ops.empty() || block.ops.back()->name != "cf.yield") Fail(StrCat("region ", region, " does not end in cf.yield"), op);
    if (block.ops.back()->operands.size() != count) {
      Fail(StrCat("region ", region, " yields ", block.ops.back()->operands.size(), " values; ", count, " are wanted"), op);
    }
    return *block.ops.back();
  }

  void Assign(Block* block, const std::string& from, const std::string& to) {
    block->AddOp({"assign", {{"X", {from}}}, {{"Out", {to}}}, {}});
  }

  Variable Temporary(const std::string& base, VarKind kind, DType dtype = DType::kUndefined, const Shape& shape = {}) {
    return {.name = FreshName(base), .kind = kind, .dtype = dtype, .shape = shape, .stop_gradient = dtype != DType::kFloat32};
  }

  // Variables of outer blocks that `block` and the blocks below it read.
  void ReadsOfOuter(const Block& block, const Block& inner, std::vector<std::string>* names, std::set<std::string>* seen) const {
    for (const auto& op : inner.ops()) {
      for (const std::string& name : op->inputs.AllNames()) {
        const Block* owner = &inner;
        while (owner != nullptr && owner->FindLocalVar(name) == nullptr) owner = owner->parent();
        if (owner == nullptr || owner->idx() >= block.idx()) continue;
        if (seen->insert(name).second) names->push_back(name);
      }
      for (int index : OwnedBlocks(*op)) ReadsOfOuter(block, program_->block(index), names, seen);
    }
  }

  std::vector<std::string> ReadsOfOuter(const Block& block) const {
    std::vector<std::string> names;
    std::set<std::string> seen;
    ReadsOfOuter(block, block, &names, &seen);
    return names;
  }

  // One branch: its results become variables of `block`.
  std::vector<std::string> ImportBranch(const PirOperation& op, size_t region, const std::string& condition, Block* block) {
    const PirOperation& yield = YieldOf(op, region, op.results.size());
    Block& inner = program_->CreateBlock(block->idx());
    ImportBlock(op.regions[region][0], &inner);
    std::vector<std::string> results;
    for (size_t i = 0; i < op.results.size(); ++i) {
      if (yield.operands[i] == nullptr) Fail(StrCat("region ", region, " leaves its value ", i, " out"), op);
      const PirType type = FromPirType(op.results[i]->type, op.where);
      if (type.list) Fail("a branch that gives a list", op);
      Variable out = type.elements[0];
      out.name = FreshName("branch");
      out.stop_gradient = StopGradient(op, i);
      results.push_back(block->AddVar(std::move(out))->name);
      Assign(&inner, OneName(yield.operands[i], op), results.back());
    }
    program_->Rollback();
    const std::string scope = block->AddVar(Temporary("scope", VarKind::kStepScopes))->name;
    block->AddOp({"conditional_block", {{"Cond", {condition}}, {"Input", ReadsOfOuter(inner)}}, {{"Out", results}, {"Scope", {scope}}},
                  {{"sub_block", BlockRef{inner.idx()}}, {"is_scalar_condition", true}}});
    return results;
  }

  void ImportIf(const PirOperation& op, Block* block) {
    if (op.operands.size() != 1 || op.regions.size() != 2) Fail("a condition and two regions are wanted", op);
    const std::string condition = OneName(op.operands[0], op);
    const Shape shape = block->Var(condition).shape;
    const std::vector<std::string> yes = ImportBranch(op, 0, condition, block);
    const std::string opposite = block->AddVar(Temporary("logical_not", VarKind::kLodTensor, DType::kBool, shape))->name;
    block->AddOp({"logical_not", {{"X", {condition}}}, {{"Out", {opposite}}}, {}});
    const std::vector<std::string> no = ImportBranch(op, 1, opposite, block);
    if (op.results.empty()) return;
    const std::string mask = block->AddVar(Temporary("cast", VarKind::kLodTensor, DType::kInt32, shape))->name;
    block->AddOp({"cast", {{"X", {condition}}}, {{"Out", {mask}}},
                  {{"in_dtype", static_cast<int32_t>(DType::kBool)}, {"out_dtype", static_cast<int32_t>(DType::kInt32)}}});
    for (size_t i = 0; i < op.results.size(); ++i) {
      const Binding& out = Define(*op.results[i], "if", block, op, i);
      block->AddOp({"select_input", {{"X", {no[i], yes[i]}}, {"Mask", {mask}}}, {{"Out", out.names}}, {}});
    }
  }

  // The loop's variables are its results: they start as the operands, and the block's end writes what it yields.
  void ImportWhile(const PirOperation& op, Block* block) {
    const size_t count = op.results.size();
    if (op.operands.size() != count + 1 || op.regions.size() != 1 || op.regions[0].size() != 1 || op.regions[0][0].args.size() != count) {
      Fail(StrCat("a condition, ", count, " values and one region with as many arguments are wanted"), op);
    }
    const PirOperation& yield = YieldOf(op, 0, count + 1);
    std::vector<std::string> first;
    for (const PirValue* operand : op.operands) first.push_back(OneName(operand, op));
    const std::string condition = block->AddVar(Temporary("while_condition", VarKind::kLodTensor, DType::kBool, block->Var(first[0]).shape))->name;
    Assign(block, first[0], condition);
    std::vector<std::string> carried;
    for (size_t i = 0; i < count; ++i) {
      const Binding out = Define(*op.results[i], "while", block, op, i);
      if (out.type.list) Fail("a loop over a list", op);
      carried.push_back(out.names[0]);
      Assign(block, first[i + 1], carried[i]);
      bindings_[op.regions[0][0].args[i].get()] = out;
    }
    Block& inner = program_->CreateBlock(block->idx());
    ImportBlock(op.regions[0][0], &inner);
    std::vector<std::string> yielded;
    for (const PirValue* operand : yield.operands) yielded.push_back(OneName(operand, op));
    for (size_t i = 0; i <= count; ++i) {  // a loop variable that is overwritten before it is handed on
      const auto at = std::find(carried.begin(), carried.end(), yielded[i]);
      if (at == carried.end() || (i > 0 && at - carried.begin() >= static_cast<std::ptrdiff_t>(i) - 1)) continue;
      Variable copy = block->Var(yielded[i]);
      copy.name = FreshName("while_copy");
      const std::string name = inner.AddVar(std::move(copy))->name;
      Assign(&inner, yielded[i], name);
      yielded[i] = name;
    }
    for (size_t i = 0; i < count; ++i) {
      if (yielded[i + 1] != carried[i]) Assign(&inner, yielded[i + 1], carried[i]);
    }
    Assign(&inner, yielded[0], condition);
    program_->Rollback();
    std::vector<std::string> reads = ReadsOfOuter(inner), written = carried;
    for (const std::string& name : carried) {
      if (std::find(reads.begin(), reads.end(), name) == reads.end()) reads.push_back(name);
    }
    std::erase(reads, condition);
    written.push_back(condition);
    const std::string scopes = block->AddVar(Temporary("scopes", VarKind::kStepScopes))->name;
    block->AddOp({"while", {{"X", reads}, {"Condition", {condition}}}, {{"Out", written}, {"StepScopes", {scopes}}},
                  {{"sub_block", BlockRef{inner.idx()}}, {"is_test", false}}});
  }

  // ---- feeds

  void AddFeeds() {
    Block& block = program_->global_block();
    block.AddVar({.name = "feed", .kind = VarKind::kFeedMinibatch, .persistable = true});
    for (size_t i = 0; i < feeds_.size(); ++i) {
      block.InsertOp(0, {"feed", {{"X", {"feed"}}}, {{"Out", {feeds_[i]}}}, {{"col", static_cast<int32_t>(i)}}});
    }
  }

  const std::string& what_;
  std::unique_ptr<Program> program_;
  std::unordered_map<const PirValue*, Binding> bindings_;
  std::unordered_map<const PirValue*, const PirOperation*> combined_;  // lists and what made them
  std::set<const PirValue*> lazy_;                                     // lists without names so far
  std::unordered_map<const PirValue*, size_t> uses_;
  std::unordered_map<const PirValue*, std::string> wished_;
  std::set<std::string> taken_;
  std::vector<std::string> feeds_;
  bool has_fetch_ = false;
  int32_t num_fetches_ = 0;
  int next_ = 0;
  size_t expanded_ = 0;
};

}  // namespace

std::unique_ptr<Program> ImportPir(const PirModule& module, const std::string& what) {
  return PirImporter(what).Run(module);
}

}  // namespace skiff::io
