// PIR -> Program: names, values, and the walk over blocks.
#include <algorithm>

#include "io/pir/importer.h"

namespace skiff::io {

namespace {

// Names and numbers that operators take from lists and constants, counted once per use: what a file can ask for
// by saying a list once and using it often.
constexpr size_t kMaxExpanded = 1 << 24;

// Where Paddle 3 writes an operator's first operand over; in a program of values that is the same operator.
std::string WithoutUnderscore(const std::string& name) {
  return name.ends_with("_") ? name.substr(0, name.size() - 1) : name;
}

}  // namespace

std::unique_ptr<Program> PirImporter::Run(const PirModule& module) {
  Reserve(module.body);
  program_->op_version_map.reset();
  ImportBlock(module.body, &program_->global_block());
  while (program_->current_block().idx() != 0) program_->Rollback();
  DropEmptyPlaces();
  if (has_fetch_) AddFeeds();
  return std::move(program_);
}

void PirImporter::Fail(const std::string& message, const PirOperation& op) const {
  InvalidArgument error(StrCat("cannot read \"", what_, "\": ", message));
  error.AddContext("at " + op.where);
  throw error;
}

void PirImporter::Reserve(const PirBlock& body) {
  for (const auto& op : body.ops) {
    if (op->name == kPirParameter || op->name == "pd_op.data" || op->name == "pd_op.feed") {
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

void PirImporter::CountUses(const PirOperation& op) {
  for (const PirValue* operand : op.operands) ++uses_[operand];
  for (const PirRegion& region : op.regions) {
    for (const PirBlock& block : region) {
      for (const auto& inner : block.ops) CountUses(*inner);
    }
  }
}

std::string PirImporter::TextOf(const Json& attribute, const PirOperation& op) const {
  const Json* data = &attribute;
  if (attribute.is_object()) {
    const auto found = attribute.find("D");
    if (found == attribute.end()) Fail("a name without text", op);
    data = &*found;
  }
  if (!data->is_string()) Fail("a name that is no text", op);
  return data->get<std::string>();
}

std::string PirImporter::NameOf(const PirOperation& op) const {
  const Json* name = op.Find(op.name == kPirParameter ? "parameter_name" : "name");
  if (name == nullptr) Fail("there is no attribute \"name\"", op);
  std::string text = TextOf(*name, op);
  if (text.empty()) Fail("an empty name", op);
  return text;
}

std::string PirImporter::FreshName(const std::string& base) {
  std::string name = StrCat(base, "_", next_++);
  while (!taken_.insert(name).second) name += "_";
  return name;
}

PirBinding& PirImporter::BindingOf(const PirValue* value, const PirOperation& user) {
  const auto found = bindings_.find(value);
  if (found == bindings_.end()) Fail(StrCat("operand ", value->id, " is a result that 2.x does not have"), user);
  return found->second;
}

void PirImporter::Charge(size_t count, const PirOperation& op) {
  expanded_ += count;
  if (expanded_ > kMaxExpanded) Fail("lists and constants are used too often", op);
}

const std::vector<std::string>& PirImporter::Names(const PirValue* value, const PirOperation& user) {
  Materialise(value, user);
  PirBinding& binding = BindingOf(value, user);
  if (binding.constant != nullptr) EmitConstant(value, &binding);
  Charge(binding.names.size(), user);
  return binding.names;
}

std::string PirImporter::OneName(const PirValue* value, const PirOperation& user) {
  if (value == nullptr) Fail("an operand is missing", user);
  const std::vector<std::string>& names = Names(value, user);
  if (BindingOf(value, user).type.list || names.size() != 1) Fail("a list where one value belongs", user);
  return names[0];
}

PirBinding& PirImporter::Define(const PirValue& value, const std::string& base, Block* block,
    const PirOperation& op, size_t index) {
  PirBinding binding{{}, FromPirType(value.type, op.where), nullptr, nullptr, block};
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

bool PirImporter::StopGradient(const PirOperation& op, size_t index) {
  for (const PirAttr& attr : op.result_attrs) {
    const auto data = attr.value.find("D");
    if (attr.name != "stop_gradient" || data == attr.value.end() || !data->is_array() || index >= data->size()) continue;
    const Json& flag = (*data)[index];
    return flag.is_object() && flag.contains("D") && flag["D"].is_boolean() && flag["D"].get<bool>();
  }
  return false;
}

void PirImporter::ImportBlock(const PirBlock& body, Block* block) {
  for (const auto& op : body.ops) {
    if (op->name.ends_with("cf.yield")) continue;  // its owner looks at it
    ImportOperation(*op, block);
  }
}

void PirImporter::ImportOperation(const PirOperation& op, Block* block) {
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
  if (op.name == "pd_op.pylayer") return ImportPyLayer(op, block);
  if (op.name == "pd_op.assign_value" || op.name == "pd_op.assign_value_") return ImportAssignValue(op, block);
  if (op.name == "pd_op.create_array") {
    Define(*OneResult(op), "array", block, op, 0);
    return;
  }
  if (op.name == "pd_op.array_write_") return ImportArrayWrite(op, block);
  if (op.name == "pd_op.shape64") return ImportShape64(op, block);
  if (op.name == "pd_op.assign_out_") return ImportAssignOut(op, block);
  if (op.name == "pd_op.arange") return ImportRange(op, block);
  if (op.name == "pd_op.select_input") return ImportSelect(op, block);
  if (!op.regions.empty()) {
    throw Unimplemented(StrCat("cannot read \"", what_, "\": ", op.where, " has regions; of such operations only pd_op.if, ",
                               "pd_op.while and pd_op.pylayer are supported"));
  }
  const PirOpRule* rule = FindPirOperation(op.name);
  const PirOpRule* plain = rule == nullptr ? FindPirOperation(WithoutUnderscore(op.name)) : rule;
  if (plain == nullptr || !ImportByRule(op, *plain, block)) ImportUnknown(op, block);
}

const PirValue* PirImporter::OneResult(const PirOperation& op) const {
  if (op.results.size() != 1) Fail(StrCat("one result is wanted, there are ", op.results.size()), op);
  return op.results[0].get();
}

void PirImporter::ImportParameter(const PirOperation& op, Block* block) {
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

int32_t PirImporter::ColumnOf(const PirOperation& op, size_t next) const {
  const Json* col = op.Find("col");
  if (col == nullptr) return static_cast<int32_t>(next);
  const auto given = FromPirAttribute(*col, op.where);
  const auto number = given ? ConvertAttribute(*given, int32_t{}) : std::nullopt;
  if (!number) Fail("the column is no number", op);
  return std::get<int32_t>(*number);
}

void PirImporter::ImportData(const PirOperation& op, Block* block) {
  const PirValue* result = OneResult(op);
  const PirType type = FromPirType(result->type, op.where);
  if (type.list || block->idx() != 0) Fail("data is one tensor of the outermost block", op);
  Variable v = type.elements[0];
  v.name = NameOf(op);
  v.stop_gradient = StopGradient(op, 0);
  for (const PirAttr& attr : op.result_attrs) {
    v.persistable = v.persistable || (attr.name == "persistable" && attr.value.dump().find("true") != std::string::npos);
  }
  v.need_check_feed = !v.persistable;
  const int32_t column = ColumnOf(op, feeds_.size());
  if (!v.persistable && !feeds_.emplace(column, v.name).second) Fail(StrCat("the column ", column, " is fed twice"), op);
  bindings_[result] = {{v.name}, type, nullptr, nullptr, block};
  block->AddVar(std::move(v));
}

void PirImporter::ImportFetch(const PirOperation& op, Block* block) {
  if (op.operands.size() != 1 || block->idx() != 0) Fail("a fetch takes one value of the outermost block", op);
  if (block->FindLocalVar("fetch") == nullptr) block->AddVar({.name = "fetch", .kind = VarKind::kFetchList, .persistable = true});
  const std::string name = OneName(op.operands[0], op);
  const int32_t column = ColumnOf(op, num_fetches_++);
  Operator fetch{"fetch", {{"X", {name}}}, {{"Out", {"fetch"}}}, {{"col", column}}};
  const Json* given = op.Find("name");
  if (given != nullptr && TextOf(*given, op) != name) fetch.attrs.Set("pir.name", TextOf(*given, op));
  block->AddOp(std::move(fetch));
}

void PirImporter::ImportCombine(const PirOperation& op, Block* block) {
  PirBinding list{{}, FromPirType(OneResult(op)->type, op.where), nullptr, nullptr, block};
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

void PirImporter::Materialise(const PirValue* value, const PirOperation& user) {
  if (lazy_.erase(value) == 0) return;
  std::vector<std::string> names;
  const PirOperation& combine = *combined_[value];
  for (const PirValue* operand : combine.operands) names.push_back(OneName(operand, user));
  bindings_[value].names = std::move(names);
}

void PirImporter::ImportSplit(const PirOperation& op) {
  if (op.operands.size() != 1 || op.operands[0] == nullptr) Fail("one list is wanted", op);
  Materialise(op.operands[0], op);
  const PirBinding list = BindingOf(op.operands[0], op);
  if (!list.type.list || list.names.size() != op.results.size()) {
    Fail(StrCat(op.results.size(), " results of a list of ", list.names.size()), op);
  }
  Charge(list.names.size(), op);
  for (size_t i = 0; i < op.results.size(); ++i) {
    bindings_[op.results[i].get()] = {{list.names[i]}, {false, {list.type.elements[i]}}, nullptr, nullptr, list.block};
  }
}

void PirImporter::ImportSlice(const PirOperation& op) {
  if (op.operands.size() != 1 || op.operands[0] == nullptr) Fail("one list is wanted", op);
  Materialise(op.operands[0], op);
  const PirBinding& list = BindingOf(op.operands[0], op);
  const Json* index = op.Find("index");
  const auto given = index == nullptr ? std::nullopt : FromPirAttribute(*index, op.where);
  const auto number = given ? ConvertAttribute(*given, int64_t{}) : std::nullopt;
  if (!number || std::get<int64_t>(*number) < 0 || std::get<int64_t>(*number) >= static_cast<int64_t>(list.names.size())) {
    Fail(StrCat("the index is none of a list of ", list.names.size()), op);
  }
  const auto at = static_cast<size_t>(std::get<int64_t>(*number));
  PirBinding element{{list.names[at]}, {false, {list.type.elements[at]}}, nullptr, nullptr, list.block};
  bindings_[OneResult(op)] = std::move(element);
}

void PirImporter::AddFeeds() {
  Block& block = program_->global_block();
  block.AddVar({.name = "feed", .kind = VarKind::kFeedMinibatch, .persistable = true});
  int32_t column = 0;
  for (const auto& [given, name] : feeds_) block.InsertOp(0, {"feed", {{"X", {"feed"}}}, {{"Out", {name}}}, {{"col", column++}}});
}

std::unique_ptr<Program> ImportPir(const PirModule& module, const std::string& what) {
  try {
    return PirImporter(what).Run(module);
  } catch (Error& error) {
    if (error.headline().find(what) == std::string::npos) error.AddContext(StrCat("in \"", what, "\""));
    throw;
  }
}

}  // namespace skiff::io
