#include "framework/layers/control_flow.h"

#include <algorithm>
#include <memory>

#include "framework/layers/layer_helper.h"
#include "framework/program/unique_name.h"

namespace skiff::layers {

namespace {

// Makes a sub-block current, and its parent again however building it ends.
class SubBlockGuard {
 public:
  SubBlockGuard() : program_(DefaultMainProgram()), block_(program_.CreateBlock()) {}
  ~SubBlockGuard() { program_.Rollback(); }
  SubBlockGuard(const SubBlockGuard&) = delete;
  SubBlockGuard& operator=(const SubBlockGuard&) = delete;
  Block& block() const { return block_; }
  Block& parent() const { return *block_.parent(); }

 private:
  Program& program_;
  Block& block_;
};

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Outer variables that a block reads before it writes them, and those that it writes, in order of first use.
struct OuterUses {
  std::vector<std::string> reads, writes;
};
OuterUses FindOuterUses(const Block& block) {
  OuterUses uses;
  const Block& parent = *block.parent();
  auto add = [&](const std::string& name, std::vector<std::string>* to) {
    const bool outer = block.FindLocalVar(name) == nullptr && parent.FindVar(name) != nullptr;
    if (outer && !Contains(*to, name)) to->push_back(name);
  };
  for (const auto& op : block.ops()) {
    for (const std::string& name : op->inputs.AllNames()) {
      if (!Contains(uses.writes, name)) add(name, &uses.reads);
    }
    for (const std::string& name : op->outputs.AllNames()) add(name, &uses.writes);
  }
  return uses;
}

Var Make(Block& block, VarKind kind, DType dtype = DType::kUndefined, const Shape& shape = {}) {
  return block.AddVar({.name = UniqueName("_generated_var"), .kind = kind, .dtype = dtype, .shape = shape});
}

void CheckCondition(const Var& condition, const char* what) {
  SKIFF_ENFORCE(condition && condition.dtype() == DType::kBool, InvalidArgument, what, " must be bool");
  SKIFF_ENFORCE(!condition.shape().IsKnown() || condition.shape().NumElements() == 1, InvalidArgument, what,
                " has shape ", condition.shape(), "; it must have one element");
}

void AssignTo(Block& block, const Var& from, const Var& to, const std::string& origin) {
  Operator assign{"assign", {{"X", {from.name()}}}, {{"Out", {to.name()}}}};
  assign.origin = origin;
  AppendLayerOp(block, std::move(assign));
}

// One branch: its results become variables of the block above.
Vars AppendBranch(const Var& condition, const Branches& branch, const std::string& origin) {
  const LayerHelper helper("conditional_block", "", origin);
  const SubBlockGuard guard;
  Vars results;
  for (const Var& result : branch()) {
    results.push_back(Make(guard.parent(), result.variable().kind, result.dtype(), result.shape()));
    AssignTo(guard.block(), result, results.back(), origin);
  }
  const OuterUses uses = FindOuterUses(guard.block());
  const Var scope = Make(guard.parent(), VarKind::kStepScopes);
  Operator op{"conditional_block", {{"Cond", {condition.name()}}, {"Input", uses.reads}},
              {{"Out", uses.writes}, {"Scope", {scope.name()}}},
              {{"sub_block", BlockRef{guard.block().idx()}}, {"is_scalar_condition", true}}};
  op.origin = origin;
  AppendLayerOp(guard.parent(), std::move(op));
  return results;
}

Var One(const LayerHelper& helper, const std::string& type, Slots inputs, DType dtype, const Attrs& attrs = {}) {
  return helper.AppendOp(type, std::move(inputs), attrs, helper.CreateTemporary(dtype));
}

}  // namespace

Vars Cond(const Var& pred, const Branches& yes, const Branches& no, Origin at) {
  CheckCondition(pred, "the condition of Cond");
  const std::string origin = at.Of("layers::Cond");
  const LayerHelper helper("cond", "", origin);
  const Vars trues = AppendBranch(pred, yes, origin);
  const Var opposite = One(LayerHelper("logical_not", "", origin), "logical_not", {{"X", {pred.name()}}}, DType::kBool);
  const Vars falses = AppendBranch(opposite, no, origin);
  SKIFF_ENFORCE(trues.size() == falses.size(), InvalidArgument, "one branch gives ", trues.size(),
                " variables, the other ", falses.size());
  const Var mask = One(LayerHelper("cast", "", origin), "cast", {{"X", {pred.name()}}}, DType::kInt32,
                       {{"in_dtype", static_cast<int32_t>(DType::kBool)},
                        {"out_dtype", static_cast<int32_t>(DType::kInt32)}});
  Vars merged;
  for (size_t i = 0; i < trues.size(); ++i) {
    const LayerHelper select("select_input", "", origin);
    const Var out = Make(select.block(), trues[i].variable().kind, trues[i].dtype());
    const Slots inputs = {{"X", {falses[i].name(), trues[i].name()}}, {"Mask", {mask.name()}}};
    merged.push_back(select.AppendOp("select_input", inputs, {}, out));
  }
  return merged;
}

Var Cond(const Var& pred, const Branch& yes, const Branch& no, Origin at) {
  return Cond(pred, Branches([&] { return Vars{yes()}; }), Branches([&] { return Vars{no()}; }), at).front();
}

void When(const Var& pred, const std::function<void()>& yes, Origin at) {
  CheckCondition(pred, "the condition of When");
  const std::string origin = at.Of("layers::When");
  const LayerHelper helper("cond", "", origin);
  AppendBranch(pred, [&] { yes(); return Vars(); }, origin);
}

Var Case(const std::vector<std::pair<Var, Branch>>& branches, const Branch& otherwise, Origin at) {
  Branch next = otherwise;
  for (auto it = branches.rbegin(); it != branches.rend(); ++it) {
    next = [pred = it->first, branch = it->second, rest = next, at] { return Cond(pred, branch, rest, at); };
  }
  return next();
}

Var SwitchCase(const Var& index, const std::vector<std::pair<int64_t, Branch>>& branches,
               const Branch& otherwise, Origin at) {
  std::vector<std::pair<Var, Branch>> cases;
  const std::string origin = at.Of("layers::SwitchCase");
  for (const auto& [number, branch] : branches) {
    const Var value = One(LayerHelper("fill_constant", "", origin), "fill_constant", {}, DType::kInt64,
                          {{"shape", std::vector<int64_t>{1}}, {"value", static_cast<float>(number)},
                           {"str_value", std::to_string(number)}, {"dtype", static_cast<int32_t>(DType::kInt64)}});
    const Var equal = One(LayerHelper("equal", "", origin), "equal",
                          {{"X", {index.name()}}, {"Y", {value.name()}}}, DType::kBool);
    cases.emplace_back(equal, branch);
  }
  return Case(cases, otherwise, at);
}

Vars WhileLoop(const Vars& variables, const std::function<Var(const Vars&)>& condition,
               const std::function<Vars(const Vars&)>& body, const WhileOptions& options, Origin at) {
  SKIFF_ENFORCE(!variables.empty(), InvalidArgument, "a loop needs at least one variable");
  const Var pred = condition(variables);
  CheckCondition(pred, "the condition of WhileLoop");
  const std::string origin = at.Of("layers::WhileLoop");
  const LayerHelper helper("while", "", origin);
  const SubBlockGuard guard;
  Block& block = guard.block();
  const Vars next = body(variables);
  SKIFF_ENFORCE(next.size() == variables.size(), InvalidArgument, "the body gives ", next.size(),
                " values for ", variables.size(), " variables");
  const Var now = condition(next);
  for (size_t i = 0; i < next.size(); ++i) {
    const bool outer_array = next[i].variable().kind == VarKind::kLodTensorArray &&
                             guard.parent().FindVar(next[i].name()) != nullptr;
    if (!outer_array) AssignTo(block, next[i], variables[i], origin);
  }
  AssignTo(block, now, pred, origin);
  OuterUses uses = FindOuterUses(block);
  for (const std::string& name : uses.writes) {
    if (!Contains(uses.reads, name)) uses.reads.push_back(name);
  }
  std::erase(uses.reads, pred.name());
  const Var scopes = Make(guard.parent(), VarKind::kStepScopes);
  Operator op{"while", {{"X", uses.reads}, {"Condition", {pred.name()}}},
              {{"Out", uses.writes}, {"StepScopes", {scopes.name()}}},
              {{"sub_block", BlockRef{block.idx()}}, {"is_test", options.is_test}}};
  op.origin = origin;
  AppendLayerOp(guard.parent(), std::move(op));
  return variables;
}

Var CreateArray(DType dtype, Origin at) {
  const LayerHelper helper("array", "", at.Of("layers::CreateArray"));
  return helper.block().AddVar({.name = helper.name() + ".out", .kind = VarKind::kLodTensorArray, .dtype = dtype});
}

void ArrayWrite(const Var& array, const Var& i, const Var& x, Origin at) {
  const LayerHelper helper("array_write", "", at.Of("layers::ArrayWrite"));
  helper.AppendOp("write_to_array", {{"X", {x.name()}}, {"I", {i.name()}}}, {}, array);
}

Var ArrayRead(const Var& array, const Var& i, Origin at) {
  return One(LayerHelper("array_read", "", at.Of("layers::ArrayRead")), "read_from_array",
             {{"X", {array.name()}}, {"I", {i.name()}}}, array.dtype());
}

Var ArrayLength(const Var& array, Origin at) {
  return One(LayerHelper("array_length", "", at.Of("layers::ArrayLength")), "lod_array_length",
             {{"X", {array.name()}}}, DType::kInt64);
}

Var StackArray(const Var& array, int axis, Origin at) {
  return One(LayerHelper("tensor_array_to_tensor", "", at.Of("layers::StackArray")), "tensor_array_to_tensor",
             {{"X", {array.name()}}}, array.dtype(), {{"axis", axis}, {"use_stack", true}});
}

Var Print(const Var& x, const PrintOptions& options, Origin at) {
  return One(LayerHelper("print", "", at.Of("layers::Print")), "print", {{"In", {x.name()}}}, x.dtype(),
             {{"message", options.message}, {"first_n", options.first_n}, {"summarize", options.summarize}});
}

void Assert(const Var& condition, const Vars& data, Origin at) {
  CheckCondition(condition, "the condition of Assert");
  const LayerHelper helper("assert_" + condition.name(), "", at.Of("layers::Assert"));
  std::vector<std::string> shown;
  for (const Var& v : data) shown.push_back(v.name());
  helper.AppendOp({"assert", {{"Cond", {condition.name()}}, {"Data", shown}}, {}, {{"summarize", int64_t{20}}}});
}

void PyFunc(TensorCallback function, const Vars& inputs, const Vars& outputs, const PyFuncOptions& options,
            Origin at) {
  const LayerHelper helper("py_func", "", at.Of("layers::PyFunc"));
  std::vector<std::string> in, out;
  for (const Var& v : inputs) in.push_back(v.name());
  for (const Var& v : outputs) out.push_back(v.name());
  const int backward = options.backward ? RegisterCallback(options.backward) : -1;
  const int forward = RegisterCallback(std::move(function));
  helper.AppendOp({"py_func", {{"X", in}}, {{"Out", out}},
                   {{"forward_callable_id", forward}, {"backward_callable_id", backward}}});
}

}  // namespace skiff::layers
