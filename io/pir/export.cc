// Program -> PIR.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "framework/op/op_def.h"
#include "io/normalize.h"
#include "io/pir/lower.h"
#include "io/pir/op_map.h"
#include "io/pir/pir_program.h"
#include "io/pir/types.h"

namespace skiff::io {

namespace {

constexpr const char* kUndefinedPlace = "0,0,";
constexpr const char* kCpuPlace = "1,0,";

bool IsRaw(const Operator& op) { return op.type.find('.') != op.type.npos; }

Json Flags(const std::vector<bool>& flags) { return ToPirAttribute("bools", flags); }

// Names by what they are computed as; inner blocks see outer ones and hide what they write themselves.
class Values {
 public:
  PirValue* Find(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      if (const auto found = scope->find(name); found != scope->end()) return found->second;
    }
    return nullptr;
  }
  void Set(const std::string& name, PirValue* value) { scopes_.back()[name] = value; }
  void Push() { scopes_.emplace_back(); }
  void Pop() { scopes_.pop_back(); }

 private:
  std::vector<std::map<std::string, PirValue*>> scopes_{1};
};

// A conditional_block and the one of the opposite condition, with the select_input that merge what they compute.
struct Branches {
  const Operator* yes = nullptr;
  const Operator* no = nullptr;
  struct Select {
    std::string out, yes, no;
  };
  std::vector<Select> selects;
};

// How the operators of a block go together.
struct BlockPlan {
  std::map<const Operator*, Branches> branches;  // by the later conditional_block
  std::set<const Operator*> merged;              // operators that a pair has taken up
};

class PirExporter {
 public:
  explicit PirExporter(const Program& program) : program_(Lower(program)) {}

  PirModule Run() {
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

 private:
  // ---- what can be written

  static bool IsSpecial(const std::string& type) {
    static const std::set<std::string> types = {"feed", "fetch", "fill_constant", "assign_value", "while", "conditional_block",
                                                "conditional_block_infer", "write_to_array", "select_input"};
    return types.contains(type);
  }

  void CheckMapped() const {
    std::string unmapped;
    std::function<void(const Block&)> look = [&](const Block& block) {
      for (size_t i = 0; i < block.ops().size(); ++i) {
        const Operator& op = *block.ops()[i];
        if (!IsSpecial(op.type) && !IsRaw(op) && PirRulesOf(op.type).empty()) {
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

  void CountReads() {
    for (int i = 0; i < program_->num_blocks(); ++i) {
      for (const auto& op : program_->block(i).ops()) {
        for (const std::string& name : op->inputs.AllNames()) ++reads_[name];
      }
    }
  }

  // ---- making operations

  PirOperation& Append(const std::string& name) {
    out_->ops.push_back(std::make_unique<PirOperation>());
    out_->ops.back()->name = name;
    return *out_->ops.back();
  }

  static PirValue* AddResult(PirOperation* op, Json type) {
    op->results.push_back(std::make_unique<PirValue>(std::move(type)));
    return op->results.back().get();
  }

  static void SetStopGradient(PirOperation* op, const std::vector<bool>& flags) {
    if (!flags.empty()) op->result_attrs.push_back({"stop_gradient", Flags(flags)});
  }

  PirValue* ValueOf(const std::string& name) const {
    PirValue* value = values_.Find(name);
    SKIFF_ENFORCE(value != nullptr, InvalidArgument, "variable \"", name, "\" is read before anything writes it");
    return value;
  }

  const Variable& VariableOf(const Block& block, const std::string& name) const { return block.Var(name); }

  PirValue* Combine(const std::vector<std::string>& names) {
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
    SetStopGradient(&added, stop);
    return AddResult(&added, PirListType(types));
  }

  // The constant of an operator; a gradient takes the one that was made for its forward operator, as Paddle's does.
  PirValue* ConstantOf(const Operator& op, const std::string& made, const Attribute& value) {
    const bool gradient = op.type.ends_with("_grad");
    const std::string forward = gradient ? op.type.substr(0, op.type.size() - 5) : op.type;
    const std::vector<std::string> names = op.inputs.AllNames();
    const std::string key = StrCat(block_->idx(), " ", forward, " ", names.empty() ? "" : names[0], " ", made, " ", ToString(value));
    const auto found = constants_.find(key);
    if (gradient && found != constants_.end()) return found->second;
    return constants_[key] = Constant(made, value, &op);
  }

  // pd_op.full or pd_op.full_int_array with what an attribute says.
  PirValue* Constant(const std::string& made, const Attribute& value, const Operator* user) {
    PirOperation* op = nullptr;
    Variable result{.name = "constant"};
    if (made == "ints") {
      const auto ints = ConvertAttribute(value, std::vector<int64_t>{});
      SKIFF_ENFORCE(ints.has_value(), InvalidArgument, "the value ", ToString(value), " is no list of integers");
      op = &Append("pd_op.full_int_array");
      op->attrs = {{"value", ToPirAttribute("i64s", *ints)}, {"dtype", ToPirAttribute("dtype", static_cast<int32_t>(DType::kInt64))},
                   {"place", ToPirAttribute("place", std::string(kCpuPlace))}};
      result.dtype = DType::kInt64;
      result.shape = {static_cast<int64_t>(std::get<std::vector<int64_t>>(*ints).size())};
    } else {
      result.dtype = made == "f32" ? DType::kFloat32 : made == "f64" ? DType::kFloat64 : made == "i32" ? DType::kInt32
                     : made == "i64" ? DType::kInt64 : DType::kBool;
      result.shape = {1};
      op = &Full({1}, value, result.dtype, kCpuPlace);
    }
    if (user != nullptr) {
      if (const Attribute* name = user->attrs.Find("pir.struct_name")) AddKept("struct_name", *name, op);
    }
    SetStopGradient(op, {true});
    return AddResult(op, ToPirType(result));
  }

  PirOperation& Full(const std::vector<int64_t>& shape, const Attribute& value, DType dtype, const std::string& place) {
    const auto number = ConvertAttribute(value, double{});
    SKIFF_ENFORCE(number.has_value(), InvalidArgument, "the value ", ToString(value), " is no number");
    PirOperation& op = Append("pd_op.full");
    op.attrs = {{"shape", ToPirAttribute("intarray", shape)}, {"value", ToPirAttribute("f64", *number)},
                {"dtype", ToPirAttribute("dtype", static_cast<int32_t>(dtype))}, {"place", ToPirAttribute("place", place)}};
    return op;
  }

  static void AddKept(const std::string& name, const Attribute& value, PirOperation* op) {
    if (const auto* json = std::get_if<std::vector<std::string>>(&value); json != nullptr && json->size() == 1) {
      op->attrs.push_back({name, Json::parse((*json)[0])});
      return;
    }
    static constexpr std::pair<size_t, const char*> kKinds[] = {{0, "i32"}, {1, "f32"}, {2, "str"}, {6, "bool"}, {9, "i64"}, {15, "f64"}};
    for (const auto& [index, kind] : kKinds) {
      if (value.index() == index) op->attrs.push_back({name, ToPirAttribute(kind, value)});
    }
  }

  // What the reader kept, behind the operator's own attributes.
  static void AddKept(const Operator& op, const std::set<std::string>& done, PirOperation* made) {
    for (const auto& [name, value] : op.attrs) {
      if (!name.starts_with(kPirPrefix) || name == "pir.name" || name == "pir.stop_gradient") continue;
      const std::string own = name.substr(std::string_view(kPirPrefix).size());
      if (!done.contains(own)) AddKept(own, value, made);
    }
  }

  // ---- inputs

  void AddInputs(bool inference) {
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

  void AddParameter(const Variable& v) {
    PirOperation& op = Append(kPirParameter);
    op.attrs = {{"is_distributed", 0}, {"is_parameter", 1}, {"need_clip", v.parameter.need_clip ? 1 : 0}, {"parameter_name", v.name}};
    op.result_attrs = {{"persistable", 1}, {"stop_gradient", v.stop_gradient ? 1 : 0}, {"trainable", v.parameter.trainable ? 1 : 0}};
    values_.Set(v.name, AddResult(&op, ToPirType(v)));
  }

  void AddData(const Variable& v) {
    PirOperation& op = Append("pd_op.data");
    op.attrs = {{"name", ToPirAttribute("str", v.name)},
                {"shape", ToPirAttribute("intarray", std::vector<int64_t>(v.shape.begin(), v.shape.end()))},
                {"dtype", ToPirAttribute("dtype", static_cast<int32_t>(v.dtype))},
                {"place", ToPirAttribute("place", std::string(kUndefinedPlace))}};
    if (v.persistable) op.result_attrs.push_back({"persistable", Flags({true})});
    SetStopGradient(&op, {v.stop_gradient});
    values_.Set(v.name, AddResult(&op, ToPirType(v)));
  }

  // ---- blocks

  // Variables of blocks around `block` that it, or a block below it, writes; in order of first write.
  std::vector<std::string> WrittenOutside(const Block& block) const {
    std::vector<std::string> names;
    std::set<std::string> seen;
    std::function<void(const Block&)> look = [&](const Block& inner) {
      for (const auto& op : inner.ops()) {
        for (int index : OwnedBlocks(*op)) look(program_->block(index));
        for (const std::string& name : op->outputs.AllNames()) {
          if (!IsLocal(block, inner, name) && seen.insert(name).second) names.push_back(name);
        }
      }
    };
    look(block);
    return names;
  }

  // Whether `name`, said in `inner`, is a variable of `block` or of a block below it.
  static bool IsLocal(const Block& block, const Block& inner, const std::string& name) {
    for (const Block* at = &inner; at != nullptr; at = at->parent()) {
      if (at->FindLocalVar(name) != nullptr) return true;
      if (at == &block) return false;
    }
    return false;
  }

  bool IsTensor(const std::string& name) const {
    const auto v = block_->FindVar(name);
    return v != nullptr && v->kind == VarKind::kLodTensor;
  }

  static std::string Producer(const std::map<std::string, const Operator*>& producers, const std::string& name, const char* type,
                              const char* slot) {
    const auto found = producers.find(name);
    return found == producers.end() || found->second->type != type ? "" : found->second->inputs.One(slot);
  }

  BlockPlan PlanBlock(const Block& block) const {
    BlockPlan plan;
    std::map<std::string, const Operator*> producers;
    std::map<const Operator*, size_t> position;
    std::map<std::string, const Operator*> blocks_of;  // the last conditional_block of a condition
    std::map<std::pair<const Operator*, const Operator*>, Branches> pairs;
    for (size_t i = 0; i < block.ops().size(); ++i) {
      const Operator& op = *block.ops()[i];
      position[&op] = i;
      if (op.type.starts_with("conditional_block")) {
        const std::string condition = op.inputs.One("Cond"), opposite = Producer(producers, condition, "logical_not", "X");
        const auto yes = blocks_of.find(opposite);
        if (!opposite.empty() && yes != blocks_of.end() && !Touches(block, position[yes->second], i, *yes->second)) {
          pairs[{yes->second, &op}] = {yes->second, &op, {}};
          blocks_of.erase(yes);
        } else {
          blocks_of[condition] = &op;
        }
      }
      if (op.type == "select_input" && op.inputs["X"].size() == 2) {
        const std::string no = op.inputs["X"][0], yes = op.inputs["X"][1];
        const auto pair = producers.contains(no) && producers.contains(yes) ? pairs.find({producers[yes], producers[no]}) : pairs.end();
        const std::string condition = Producer(producers, op.inputs.One("Mask"), "cast", "X");
        if (pair != pairs.end() && condition == pair->second.yes->inputs.One("Cond")) {
          pair->second.selects.push_back({op.outputs.One("Out"), yes, no});
          plan.merged.insert(&op);
          const std::string mask = op.inputs.One("Mask");
          if (++merged_reads_[mask] == reads_.at(mask)) plan.merged.insert(producers[mask]);
        }
      }
      for (const std::string& name : op.outputs.AllNames()) producers[name] = &op;
    }
    for (auto& [operators, branches] : pairs) {
      const std::string opposite = branches.no->inputs.One("Cond");
      if (reads_.at(opposite) == 1) plan.merged.insert(producers[opposite]);
      plan.merged.insert(branches.yes);
      plan.branches[branches.no] = std::move(branches);
    }
    return plan;
  }

  // Whether an operator between two positions reads or writes what the one at `from` writes.
  bool Touches(const Block& block, size_t from, size_t to, const Operator& op) const {
    const std::vector<std::string> written = WrittenOutside(program_->block(op.attrs.Get<BlockRef>("sub_block").index));
    for (size_t i = from + 1; i < to; ++i) {
      for (const std::string& name : written) {
        const Operator& between = *block.ops()[i];
        if (between.inputs.Mentions(name) || between.outputs.Mentions(name)) return true;
      }
    }
    return false;
  }

  void ExportBlock(const Block& block) {
    const Block* before = std::exchange(block_, &block);
    const BlockPlan plan = PlanBlock(block);
    // Variables that loops carry are values of their own anyway: handing one over needs no operator.
    std::set<std::string> carried;
    for (const auto& op : block.ops()) {
      if (op->type != "while") continue;
      for (const std::string& name : op->outputs["Out"]) carried.insert(name);
      carried.insert(op->inputs.One("Condition"));
    }
    for (size_t i = 0; i < block.ops().size(); ++i) {
      const Operator& op = *block.ops()[i];
      if (plan.merged.contains(&op)) continue;
      try {
        ExportOperator(op, plan, carried);
      } catch (Error& error) {
        error.AddContext(StrCat("block ", block.idx(), " op ", i, " (", op.type, "), to be written for Paddle 3"));
        throw;
      }
    }
    block_ = before;
  }

  void ExportOperator(const Operator& op, const BlockPlan& plan, const std::set<std::string>& carried) {
    if (op.type == "feed") return;
    if (op.type == "fetch") return ExportFetch(op);
    if (op.type == "assign" && op.inputs.Has("X")) {
      const std::string& out = op.outputs.One("Out");
      if (carried.contains(out) || (block_->FindLocalVar(out) == nullptr && block_->idx() != 0)) {
        values_.Set(out, ValueOf(op.inputs.One("X")));
        return;
      }
    }
    if (op.type == "while") return ExportWhile(op);
    if (op.type.starts_with("conditional_block")) {
      const auto branches = plan.branches.find(&op);
      return ExportIf(branches == plan.branches.end() ? Branches{&op, nullptr, {}} : branches->second);
    }
    if (op.type == "write_to_array") return ExportArrayWrite(op);
    if (op.type == "fill_constant" && !op.inputs.Has("ValueTensor") && !op.inputs.Has("ShapeTensor") && !op.inputs.Has("ShapeTensorList")) {
      return ExportFillConstant(op);
    }
    if (op.type == "assign_value") return ExportAssignValue(op);
    if (op.type == "select_input") return ExportSelect(op);
    if (IsRaw(op)) return ExportRaw(op);
    ExportByRule(op, RuleFor(op));
  }

  // ---- single operators

  void ExportFetch(const Operator& op) {
    const std::string name = op.inputs.One("X");
    PirValue* value = ValueOf(name);
    const auto column = op.attrs.Get<int32_t>("col", 0);
    PirOperation& fetch = Append("pd_op.fetch");
    fetch.operands = {value};
    fetch.attrs = {{"name", ToPirAttribute("str", op.attrs.Get<std::string>("pir.name", name))}, {"col", ToPirAttribute("i32", column)}};
    fetch.result_attrs.push_back({"persistable", Flags({true})});
    SetStopGradient(&fetch, {block_->Var(name).stop_gradient});
    AddResult(&fetch, value->type);
  }

  PirValue* SetOnlyResult(const Operator& op, PirOperation* made) { return SetOnlyResult(op, made, block_->Var(op.outputs.One("Out"))); }

  PirValue* SetOnlyResult(const Operator& op, PirOperation* made, const Variable& type) {
    const std::string& name = op.outputs.One("Out");
    SetStopGradient(made, {block_->Var(name).stop_gradient});
    PirValue* value = AddResult(made, ToPirType(type));
    values_.Set(name, value);
    return value;
  }

  // A variable that is written several times, with other dtypes too, is described as the last operator left it.
  Variable Described(const Operator& op, int32_t dtype, const std::vector<int64_t>& shape) const {
    Variable v = block_->Var(op.outputs.One("Out"));
    if (IsValidDType(dtype)) v.dtype = static_cast<DType>(dtype);
    v.shape = Shape(shape);
    return v;
  }

  static std::string PlaceOf(const Operator& op, const char* usual) {
    const Attribute* kept = op.attrs.Find("pir.place");
    if (kept == nullptr) return usual;
    const auto& json = std::get<std::vector<std::string>>(*kept);
    const auto place = FromPirAttribute(Json::parse(json.at(0)), "pir.place");
    return std::get<std::string>(*place);
  }

  void ExportFillConstant(const Operator& op) {
    const auto text = op.attrs.Get<std::string>("str_value", "");
    const Attribute value = text.empty() ? Attribute(op.attrs.Get<float>("value", 0.0f)) : Attribute(text);
    const auto dtype = static_cast<DType>(op.attrs.Get<int32_t>("dtype", static_cast<int32_t>(DType::kFloat32)));
    const auto shape = op.attrs.Get<std::vector<int64_t>>("shape", {});
    PirOperation& full = Full(shape, value, dtype, PlaceOf(op, kUndefinedPlace));
    AddKept(op, {"place"}, &full);
    SetOnlyResult(op, &full, Described(op, static_cast<int32_t>(dtype), shape));
  }

  void ExportAssignValue(const Operator& op) {
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
                    {"place", ToPirAttribute("place", PlaceOf(op, kCpuPlace))}};
      AddKept(op, {"place"}, &ints);
      SetOnlyResult(op, &ints);
      return;
    }
    const auto shape = op.attrs.Get<std::vector<int64_t>>("shape");
    PirOperation& full = Full(shape, 0.0, static_cast<DType>(dtype), kUndefinedPlace);
    SetStopGradient(&full, {true});
    const Variable type = Described(op, dtype, shape);
    PirValue* filled = AddResult(&full, ToPirType(type));
    PirOperation& assign = Append("pd_op.assign_value_");
    assign.operands = {filled};
    assign.attrs = {{"shape", ToPirAttribute("i32s", shape)}, {"dtype", ToPirAttribute("dtype", dtype)},
                    {"values", ToPirAttribute("f64s", *values)}, {"place", ToPirAttribute("place", PlaceOf(op, kUndefinedPlace))}};
    AddKept(op, {"place"}, &assign);
    SetOnlyResult(op, &assign, type);
  }

  PirValue* CreateArray(const Variable& v) {
    PirOperation& create = Append("pd_op.create_array");
    create.attrs = {{"dtype", ToPirAttribute("dtype", static_cast<int32_t>(v.dtype))}};
    SetStopGradient(&create, {v.stop_gradient});
    PirValue* value = AddResult(&create, ToPirType(v));
    values_.Set(v.name, value);
    return value;
  }

  // The array is changed in place, so its name goes on meaning the value it was made as.
  void ExportArrayWrite(const Operator& op) {
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

  void ExportSelect(const Operator& op) {
    std::vector<PirValue*> operands = {ValueOf(op.inputs.One("Mask"))};
    for (const std::string& name : op.inputs["X"]) operands.push_back(ValueOf(name));
    PirOperation& select = Append("pd_op.select_input");
    select.operands = std::move(operands);
    SetOnlyResult(op, &select);
  }

  void ExportRaw(const Operator& op) {
    std::vector<PirValue*> operands;
    for (const auto& [slot, names] : op.inputs) {
      const bool absent = names.size() == 1 && names[0] == kEmptyVarName;
      operands.push_back(absent ? nullptr : slot.ends_with("[]") ? Combine(names) : ValueOf(names.at(0)));
    }
    PirOperation& raw = Append(op.type);
    raw.operands = std::move(operands);
    AddKept(op, {}, &raw);
    std::vector<bool> stop;
    std::vector<std::pair<PirValue*, std::vector<std::string>>> lists;
    for (const auto& [slot, names] : op.outputs) {
      if (names.size() == 1 && names[0] == kEmptyVarName) {
        AddResult(&raw, PirNullType());
        stop.push_back(true);
      } else if (slot.ends_with("[]")) {
        lists.emplace_back(AddListResult(&raw, names), names);
        stop.push_back(StopOf(names));
      } else {
        values_.Set(names.at(0), AddResult(&raw, ToPirType(block_->Var(names.at(0)))));
        stop.push_back(StopOf(names));
      }
    }
    SetStopGradient(&raw, stop);
    for (const auto& [list, names] : lists) Split(list, names);
  }

  bool StopOf(const std::vector<std::string>& names) const {
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      const auto v = block_->FindVar(name);
      return v != nullptr && v->stop_gradient;
    });
  }

  PirValue* AddListResult(PirOperation* op, const std::vector<std::string>& names) {
    std::vector<Json> types;
    for (const std::string& name : names) types.push_back(name == kEmptyVarName ? PirNullType() : ToPirType(block_->Var(name)));
    return AddResult(op, PirListType(types));
  }

  void Split(PirValue* list, const std::vector<std::string>& names) {
    PirOperation& split = Append("builtin.split");
    split.operands = {list};
    std::vector<bool> stop;
    for (const std::string& name : names) {
      values_.Set(name, AddResult(&split, ToPirType(block_->Var(name))));
      stop.push_back(block_->Var(name).stop_gradient);
    }
    SetStopGradient(&split, stop);
  }

  // ---- by the table

  // Where one operator of 2.x became several.
  const PirOpRule& RuleFor(const Operator& op) const {
    const std::vector<const PirOpRule*> rules = PirRulesOf(op.type);
    if (rules.size() == 1) return *rules[0];
    auto named = [&](const std::string& pir) -> const PirOpRule& {
      for (const PirOpRule* rule : rules) {
        if (rule->pir == "pd_op." + pir) return *rule;
      }
      return *rules[0];
    };
    if (op.type == "split") return named(op.attrs.Get<int32_t>("num", 0) > 0 ? "split_with_num" : "split");
    if (op.type == "set_value") return named(op.inputs.Has("ValueTensor") ? "set_value_with_tensor" : "set_value");
    if (op.type == "repeat_interleave") return named(op.inputs.Has("RepeatsTensor") ? "repeat_interleave_with_tensor_index" : "repeat_interleave");
    if (op.type == "tril_triu") return named(op.attrs.Get<bool>("lower", true) ? "tril" : "triu");
    if (op.type == "tril_triu_grad") return named(op.attrs.Get<bool>("lower", true) ? "tril_grad" : "triu_grad");
    return *rules[0];
  }

  PirValue* Operand(const PirOperandRule& rule, const Operator& op, const Attrs& attrs) {
    for (const PirSlot& slot : rule.slots) {
      const std::vector<std::string>& names = op.inputs[slot.name];
      if (names.empty()) continue;
      if (slot.list) return Combine(names);
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
      return Combine(names);
    }
    return ConstantOf(op, rule.made, *value);
  }

  static Attrs AttrsOf(const Operator& op) {
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

  void ExportByRule(const Operator& op, const PirOpRule& rule) {
    const Attrs attrs = AttrsOf(op);
    std::vector<PirValue*> operands;
    for (const PirOperandRule& operand : rule.operands) operands.push_back(Operand(operand, op, attrs));
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

  Json AttributeOf(const PirAttrRule& rule, const Operator& op, const Attrs& attrs) const {
    const Attribute* kept = op.attrs.Find(kPirPrefix + rule.name);
    if (kept != nullptr) {
      PirOperation holder;
      AddKept(rule.name, *kept, &holder);
      return holder.attrs.at(0).value;
    }
    if (rule.source == "-" && rule.kind == "dtype") {  // 2.x leaves to the operands what the result is
      return ToPirAttribute("dtype", static_cast<int32_t>(block_->Var(op.outputs.AllNames().at(0)).dtype));
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

  void AddResults(const Operator& op, const PirOpRule& rule, PirOperation* made) {
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
    for (const auto& [list, names] : lists) Split(list, names);
  }

  // ---- control flow

  // A value for a variable that a block may leave unwritten: zeros, or an empty array.
  PirValue* Initial(const std::string& name) {
    const Variable& v = block_->Var(name);
    if (v.kind == VarKind::kLodTensorArray) return CreateArray(v);
    std::vector<int64_t> shape;
    for (int64_t d : v.shape) shape.push_back(d < 0 ? 1 : d);
    PirOperation& full = Full(shape, 0.0, v.dtype, kUndefinedPlace);
    SetStopGradient(&full, {true});
    Variable described = v;
    described.shape = Shape(shape);
    PirValue* value = AddResult(&full, ToPirType(described));
    values_.Set(name, value);
    return value;
  }

  // Arrays that a sub-block is the first to write exist before it.
  void CreateArraysOf(const std::vector<std::string>& written) {
    for (const std::string& name : written) {
      const auto v = block_->FindVar(name);
      if (v != nullptr && v->kind == VarKind::kLodTensorArray && values_.Find(name) == nullptr) CreateArray(*v);
    }
  }

  // Exports `block` into a region of `op`; `args` become its arguments, what `yields` names is handed on.
  void AddRegion(PirOperation* op, const Block& block, const std::vector<std::string>& args, const std::vector<std::string>& yields) {
    op->regions.emplace_back(1);
    PirBlock* before = std::exchange(out_, &op->regions.back()[0]);
    PirBlock& body = *out_;
    values_.Push();
    for (const std::string& name : args) {
      body.args.push_back(std::make_unique<PirValue>(ToPirType(block_->Var(name))));
      values_.Set(name, body.args.back().get());
    }
    ExportBlock(block);
    std::vector<PirValue*> handed;
    for (const std::string& name : yields) handed.push_back(ValueOf(name));
    Append("cf.yield").operands = std::move(handed);
    values_.Pop();
    out_ = before;
  }

  const Block& SubBlock(const Operator& op) const { return program_->block(op.attrs.Get<BlockRef>("sub_block").index); }

  void ExportWhile(const Operator& op) {
    const Block& body = SubBlock(op);
    const std::string condition = op.inputs.One("Condition");
    const std::vector<std::string> written = WrittenOutside(body);
    CreateArraysOf(written);
    std::vector<std::string> carried;
    auto carry = [&](const std::string& name) {
      const bool wanted = name != condition && IsTensor(name) && std::find(written.begin(), written.end(), name) != written.end();
      if (wanted && std::find(carried.begin(), carried.end(), name) == carried.end()) carried.push_back(name);
    };
    for (const std::string& name : op.outputs["Out"]) carry(name);
    for (const std::string& name : written) carry(name);
    // The reader's own programs pass a loop variable that no turn writes: it is one all the same.
    std::vector<PirValue*> operands = {ValueOf(condition)};
    for (const std::string& name : carried) {
      PirValue* value = values_.Find(name);
      operands.push_back(value != nullptr ? value : Initial(name));
    }
    PirOperation& loop = Append("pd_op.while");
    loop.operands = std::move(operands);
    std::vector<bool> stop;
    std::vector<std::string> yields = {condition};
    for (const std::string& name : carried) {
      AddResult(&loop, ToPirType(block_->Var(name)));
      stop.push_back(block_->Var(name).stop_gradient);
      yields.push_back(name);
    }
    SetStopGradient(&loop, stop);
    AddRegion(&loop, body, carried, yields);
    for (size_t i = 0; i < carried.size(); ++i) values_.Set(carried[i], loop.results[i].get());
  }

  void ExportIf(const Branches& branches) {
    std::vector<std::string> outs, yes, no;
    std::set<std::string> taken;
    for (const Branches::Select& select : branches.selects) {
      outs.push_back(select.out);
      yes.push_back(select.yes);
      no.push_back(select.no);
      for (const std::string& name : {select.yes, select.no}) {
        if (reads_[name] == 1) taken.insert(name);
      }
    }
    for (const Operator* op : {branches.yes, branches.no}) {
      if (op == nullptr) continue;
      SKIFF_ENFORCE(op->attrs.Get<bool>("is_scalar_condition", false), Unimplemented, "a conditional_block over whole tensors");
      const std::vector<std::string> written = WrittenOutside(SubBlock(*op));
      CreateArraysOf(written);
      for (const std::string& name : written) {
        if (!IsTensor(name) || !taken.insert(name).second) continue;
        if (values_.Find(name) == nullptr) Initial(name);
        outs.push_back(name);
        yes.push_back(name);
        no.push_back(name);
      }
    }
    PirValue* condition = ValueOf(branches.yes->inputs.One("Cond"));
    PirOperation& made = Append("pd_op.if");
    made.operands = {condition};
    std::vector<bool> stop;
    for (const std::string& name : outs) {
      AddResult(&made, ToPirType(block_->Var(name)));
      stop.push_back(block_->Var(name).stop_gradient);
    }
    SetStopGradient(&made, stop);
    const Block nothing(program_.get(), block_->idx(), block_->parent_idx());
    AddRegion(&made, SubBlock(*branches.yes), {}, yes);
    AddRegion(&made, branches.no == nullptr ? nothing : SubBlock(*branches.no), {}, no);
    for (size_t i = 0; i < outs.size(); ++i) values_.Set(outs[i], made.results[i].get());
  }

  std::unique_ptr<Program> program_;
  std::map<std::string, int> reads_;
  std::map<std::string, PirValue*> constants_;
  mutable std::map<std::string, int> merged_reads_;
  Values values_;
  PirBlock* out_ = nullptr;
  const Block* block_ = nullptr;
};

}  // namespace

PirModule ExportPir(const Program& program) { return PirExporter(program).Run(); }

}  // namespace skiff::io
