// Program -> PIR: what can be written, inputs, constants and lists.
#include <algorithm>
#include <functional>

#include "framework/op/op_def.h"
#include "io/normalize.h"
#include "io/pir/exporter.h"
#include "io/pir/lower.h"

namespace skiff::io {

namespace {

// Operators that functions here write, and as what.
const std::map<std::string, std::string> kWrittenByHand = {
    {"feed", "pd_op.data"},
    {"fetch", "pd_op.fetch"},
    {"fill_constant", "pd_op.full, pd_op.full_with_tensor"},
    {"assign_value", "pd_op.full, pd_op.assign_value_"},
    {"while", "pd_op.while"},
    {"conditional_block", "pd_op.if"},
    {"conditional_block_infer", "pd_op.if"},
    {"pylayer", "what its first block holds"},
    {"write_to_array", "pd_op.create_array, pd_op.array_write_"},
    {"select_input", "pd_op.if, pd_op.select_input"},
};

}  // namespace

std::string PirCounterparts(const std::string& type) {
  if (const auto found = kWrittenByHand.find(type); found != kWrittenByHand.end()) return found->second;
  std::string names;
  for (const std::string& newer : LoweredTo(type)) names += (names.empty() ? "" : ", ") + PirCounterparts(newer);
  for (const PirOpRule* rule : PirRulesOf(type)) {
    if (LoweredTo(type).empty()) names += (names.empty() ? "" : ", ") + rule->pir;
  }
  return names;
}

PirExporter::PirExporter(const Program& program) : program_(Lower(program)) {}

PirModule PirExporter::Run() {
  CheckMapped();
  CountReads();
  PirModule module;
  out_ = &module.body;
  const Block& global = program_->global_block();
  const bool inference = std::any_of(global.ops().begin(), global.ops().end(),
                                     [](const auto& op) { return op->type == "feed" || op->type == "fetch"; });
  AddInputs(inference);
  ExportBlock(global);
  return module;
}

void PirExporter::CheckMapped() const {
  std::string unmapped;
  std::function<void(const Block&)> look = [&](const Block& block) {
    for (size_t i = 0; i < block.ops().size(); ++i) {
      const Operator& op = *block.ops()[i];
      if (!kWrittenByHand.contains(op.type) && !IsRawPir(op) && PirRulesOf(op.type).empty()) {
        unmapped += StrCat(unmapped.empty() ? "" : ", ", op.type, " (block ", block.idx(), " op ", i, ")");
      }
      for (int index : OwnedBlocks(op)) look(program_->block(index));
    }
  };
  look(program_->global_block());
  if (unmapped.empty()) return;
  Unimplemented error("the program has operators that cannot be written for Paddle 3");
  error.AddContext(unmapped);
  error.AddContext("docs/pir_operators.md lists those that can; a .pdmodel holds all of them");
  throw error;
}

void PirExporter::CountReads() {
  for (int i = 0; i < program_->num_blocks(); ++i) {
    for (const auto& op : program_->block(i).ops()) {
      for (const std::string& name : op->inputs.AllNames()) ++reads_[name];
    }
  }
}

PirOperation& PirExporter::Append(const std::string& name) {
  out_->ops.push_back(std::make_unique<PirOperation>());
  out_->ops.back()->name = name;
  return *out_->ops.back();
}

PirValue* PirExporter::AddResult(PirOperation* op, Json type) {
  op->results.push_back(std::make_unique<PirValue>(std::move(type)));
  return op->results.back().get();
}

void PirExporter::SetStopGradient(PirOperation* op, const std::vector<bool>& flags) {
  if (!flags.empty()) op->result_attrs.push_back({"stop_gradient", PirFlags(flags)});
}

PirValue* PirExporter::ValueOf(const std::string& name) const {
  PirValue* value = values_.Find(name);
  SKIFF_ENFORCE(value != nullptr, InvalidArgument, "variable \"", name, "\" is read before anything writes it");
  return value;
}

PirValue* PirExporter::Combine(const std::vector<std::string>& names, const Operator& user) {
  PirOperation combine;
  std::vector<Json> types;
  std::vector<bool> stop(1, true);
  for (const std::string& name : names) {
    combine.operands.push_back(ValueOf(name));
    types.push_back(combine.operands.back()->type);
    if (const auto v = block_->FindVar(name)) stop[0] = stop[0] && v->stop_gradient;
  }
  PirOperation& added = Append("builtin.combine");
  added.operands = std::move(combine.operands);
  AddStructName(user, &added);
  SetStopGradient(&added, stop);
  return AddResult(&added, PirListType(types));
}

PirValue* PirExporter::ConstantOf(const Operator& op, const std::string& made, const Attribute& value) {
  const bool gradient = op.type.ends_with("_grad");
  const std::string forward = gradient ? op.type.substr(0, op.type.size() - 5) : op.type;
  const std::vector<std::string> names = op.inputs.AllNames();
  const std::string key = StrCat(block_->idx(), " ", forward, " ", names.empty() ? "" : names[0], " ", made, " ", ToString(value));
  const auto found = constants_.find(key);
  if (gradient && found != constants_.end()) return found->second;
  return constants_[key] = Constant(made, value, &op);
}

PirValue* PirExporter::Constant(const std::string& made, const Attribute& value, const Operator* user) {
  PirOperation* op = nullptr;
  Variable result{.name = "constant"};
  if (made == "ints") {
    const auto ints = ConvertAttribute(value, std::vector<int64_t>{});
    SKIFF_ENFORCE(ints.has_value(), InvalidArgument, "the value ", ToString(value), " is no list of integers");
    op = &Append("pd_op.full_int_array");
    op->attrs = {{"value", ToPirAttribute("i64s", *ints)}, {"dtype", ToPirAttribute("dtype", static_cast<int32_t>(DType::kInt64))},
                 {"place", ToPirAttribute("place", std::string(kPirCpuPlace))}};
    result.dtype = DType::kInt64;
    result.shape = {static_cast<int64_t>(std::get<std::vector<int64_t>>(*ints).size())};
  } else {
    result.dtype = made == "f32" ? DType::kFloat32 : made == "f64" ? DType::kFloat64 : made == "i32" ? DType::kInt32
                   : made == "i64" ? DType::kInt64 : DType::kBool;
    result.shape = {1};
    op = &Full({1}, value, result.dtype, kPirCpuPlace);
  }
  if (user != nullptr) AddStructName(*user, op);
  SetStopGradient(op, {true});
  return AddResult(op, ToPirType(result));
}

PirOperation& PirExporter::Full(const std::vector<int64_t>& shape, const Attribute& value, DType dtype, const std::string& place) {
  const auto number = ConvertAttribute(value, double{});
  SKIFF_ENFORCE(number.has_value(), InvalidArgument, "the value ", ToString(value), " is no number");
  PirOperation& op = Append("pd_op.full");
  op.attrs = {{"shape", ToPirAttribute("intarray", shape)}, {"value", ToPirAttribute("f64", *number)},
              {"dtype", ToPirAttribute("dtype", static_cast<int32_t>(dtype))}, {"place", ToPirAttribute("place", place)}};
  return op;
}

void PirExporter::AddStructName(const Operator& op, PirOperation* made) {
  if (const Attribute* name = op.attrs.Find("pir.struct_name")) AddKept("struct_name", *name, made);
}

void PirExporter::AddKept(const std::string& name, const Attribute& value, PirOperation* op) {
  if (const auto* json = std::get_if<std::vector<std::string>>(&value); json != nullptr && json->size() == 1) {
    Json parsed = Json::parse((*json)[0], nullptr, /*allow_exceptions=*/false);
    SKIFF_ENFORCE(!PirText(parsed, "#").empty(), InvalidArgument, "attribute ", kPirPrefix, name, " holds no attribute of Paddle 3");
    op->attrs.push_back({name, std::move(parsed)});
    return;
  }
  static constexpr std::pair<size_t, const char*> kKinds[] = {{0, "i32"}, {1, "f32"}, {2, "str"}, {6, "bool"}, {9, "i64"}, {15, "f64"}};
  for (const auto& [index, kind] : kKinds) {
    if (value.index() == index) op->attrs.push_back({name, ToPirAttribute(kind, value)});
  }
}

void PirExporter::AddKept(const Operator& op, const std::set<std::string>& done, PirOperation* made) {
  for (const auto& [name, value] : op.attrs) {
    if (!name.starts_with(kPirPrefix) || name == "pir.name" || name == "pir.stop_gradient") continue;
    const std::string own = name.substr(std::string_view(kPirPrefix).size());
    if (!done.contains(own)) AddKept(own, value, made);
  }
}

void PirExporter::AddInputs(bool inference) {
  const std::vector<std::string> feeds = inference ? FeedNames(*program_) : std::vector<std::string>{};
  std::vector<const Variable*> state, parameters, data;
  for (const Variable* v : program_->ListVars()) {
    const bool tensor = v->kind == VarKind::kLodTensor || v->kind == VarKind::kSelectedRows;
    if (!tensor) continue;
    if (v->persistable) {
      (inference || v->is_parameter ? parameters : state).push_back(v);
    } else if (!inference && v->need_check_feed) {
      data.push_back(v);
    }
  }
  // A fed variable that is not read is fed all the same; feeding decides the order.
  for (const std::string& name : feeds) data.push_back(&program_->global_block().Var(name));
  for (const Variable* v : state) AddData(*v);
  for (const Variable* v : parameters) AddParameter(*v);
  for (const Variable* v : data) AddData(*v);
}

void PirExporter::AddParameter(const Variable& v) {
  PirOperation& op = Append(kPirParameter);
  op.attrs = {{"is_distributed", 0}, {"is_parameter", 1}, {"need_clip", v.parameter.need_clip ? 1 : 0}, {"parameter_name", v.name}};
  op.result_attrs = {{"persistable", 1}, {"stop_gradient", v.stop_gradient ? 1 : 0}, {"trainable", v.parameter.trainable ? 1 : 0}};
  values_.Set(v.name, AddResult(&op, ToPirType(v)));
}

void PirExporter::AddData(const Variable& v) {
  PirOperation& op = Append("pd_op.data");
  op.attrs = {{"name", ToPirAttribute("str", v.name)},
              {"shape", ToPirAttribute("intarray", std::vector<int64_t>(v.shape.begin(), v.shape.end()))},
              {"dtype", ToPirAttribute("dtype", static_cast<int32_t>(v.dtype))},
              {"place", ToPirAttribute("place", std::string(kPirUndefinedPlace))}};
  if (v.persistable) op.result_attrs.push_back({"persistable", PirFlags({true})});
  SetStopGradient(&op, {v.stop_gradient});
  values_.Set(v.name, AddResult(&op, ToPirType(v)));
}

PirModule ExportPir(const Program& program) { return PirExporter(program).Run(); }

}  // namespace skiff::io
