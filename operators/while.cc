// while and its gradient. Each turn of a loop that is differentiated keeps its variables; the gradient
// goes through the turns backwards.
#include <algorithm>
#include <set>
#include <unordered_set>

#include "framework/op/control_flow.h"
#include "framework/op/op_schema.h"
#include "framework/program/program.h"

namespace skiff {
namespace {

using control_flow::ZerosLike;

[[maybe_unused]] void RunWhile(DynamicContext& c) {
  ControlFlowContext& control = ControlFlow(c);
  const int block = c.attrs().Get<BlockRef>("sub_block").index;
  const bool keep = control.HasGradient(block);
  BlockScopes* kept = keep && c.op().outputs.Has("StepScopes") ? &control.Scopes("StepScopes") : nullptr;
  if (kept != nullptr) kept->clear();
  std::shared_ptr<BlockScope> scope;
  while (control_flow::IsTrue(c.InputTensor("Condition"))) {
    if (scope == nullptr || kept != nullptr) scope = control.NewScope(block);
    control.Run(*scope, /*renew=*/kept == nullptr, /*keep_entry=*/kept != nullptr);
    if (kept != nullptr) kept->push_back(scope);
  }
}

// The gradients that the body's gradient reads and does not make: they come from after the loop.
// An unordered set because the order of the names in Paddle's programs is that of one.
[[maybe_unused]] std::vector<std::string> GradientsFromOutside(const GradContext& g) {
  const Block& grad_block = *g.grad_block();
  const Block& body = grad_block.program()->block(grad_block.forward_block_idx());
  std::unordered_set<std::string> known(g.In("X").begin(), g.In("X").end()), outside;
  known.insert(g.Out("Out").begin(), g.Out("Out").end());
  for (const auto& op : grad_block.ops()) {
    for (const std::string& name : op->inputs.AllNames()) {
      const bool declared = body.FindVar(name) != nullptr ||
                            (grad_block.parent() != nullptr && grad_block.parent()->FindVar(name) != nullptr);
      if (!known.contains(name) && !declared) outside.insert(name);
    }
    for (const std::string& name : op->outputs.AllNames()) known.insert(name);
  }
  return {outside.begin(), outside.end()};
}

[[maybe_unused]] std::vector<Operator> WhileGradient(const GradContext& g) {
  if (g.grad_block() == nullptr) return {};
  std::set<std::string> written;
  for (const auto& op : g.grad_block()->ops()) {
    for (const std::string& name : op->outputs.AllNames()) written.insert(name);
  }
  std::vector<std::string> x_grads = g.InGrad("X", /*drop_empty=*/false);
  for (std::string& grad : x_grads) {
    if (!written.contains(grad)) grad = kEmptyVarName;
  }
  const std::vector<std::string> outside = GradientsFromOutside(g);
  Operator grad{"while_grad",
                {{"X", g.In("X")}, {"Out", g.Out("Out")}, {"Out@GRAD", outside},
                 {"StepScopes", g.Out("StepScopes")}},
                {{"X@GRAD", x_grads}},
                g.fwd.attrs};
  grad.attrs.Set("sub_block", BlockRef{g.grad_block()->idx()});
  grad.attrs.Set("original_output_grad", outside);
  grad.attrs.Set("skip_eager_deletion_vars", std::vector<std::string>{});
  return {grad};
}

[[maybe_unused]] bool IsBlank(const Value& value) {
  const auto* array = std::get_if<TensorArray>(&value);
  if (array == nullptr) return !HasValue(value);
  return std::none_of(array->begin(), array->end(), [](const Tensor& t) { return t.is_initialized(); });
}

[[maybe_unused]] void RunWhileGrad(DynamicContext& c) {
  ControlFlowContext& control = ControlFlow(c);
  const int block = c.attrs().Get<BlockRef>("sub_block").index;
  const auto inside = c.attrs().Get<std::vector<std::string>>("original_output_grad");
  const std::vector<std::string>& outside = c.op().inputs["Out@GRAD"];
  SKIFF_ENFORCE(inside.size() == outside.size(), InvalidArgument, "Out@GRAD has ", outside.size(),
                " variables, attribute original_output_grad ", inside.size(), " names");
  const std::vector<std::string>& xs = c.op().inputs["X"];
  const std::vector<std::string>& x_grads = c.op().outputs["X@GRAD"];
  // Targets that are sources too carry the gradient from turn to turn; the others add up.
  std::vector<bool> carried, started(xs.size(), false);
  for (const std::string& name : x_grads) {
    carried.push_back(std::find(outside.begin(), outside.end(), name) != outside.end());
  }
  for (size_t i = 0; i < outside.size(); ++i) {
    Value* from = control.FindVariable(outside[i]);
    if (from == nullptr || HasValue(*from)) continue;
    // Nothing after the loop read this output.
    const std::string forward = inside[i].substr(0, inside[i].find(kGradSuffix));
    if (const Value* x = control.FindVariable(forward); x != nullptr && HasValue(*x)) {
      *from = ZerosLike(*x, c.place());
    }
  }
  BlockScopes& turns = control.Scopes("StepScopes");
  while (!turns.empty()) {
    const std::shared_ptr<BlockScope> scope = control.NewScope(block, turns.back());
    for (size_t i = 0; i < outside.size(); ++i) {
      const Value* from = control.FindVariable(outside[i]);
      Value* to = scope->FindOwn(inside[i]);
      if (from != nullptr && to != nullptr) *to = *from;
    }
    control.Run(*scope);
    for (size_t i = 0; i < x_grads.size() && i < xs.size(); ++i) {
      if (x_grads[i] == kEmptyVarName) continue;
      const Value* made = scope->FindOwn(GradName(xs[i]));
      if (made == nullptr || IsBlank(*made)) continue;
      Value& sum = c.Output("X@GRAD", static_cast<int>(i));
      sum = carried[i] || !started[i] ? *made : control_flow::AddUp(sum, *made, c);
      started[i] = true;
    }
    turns.pop_back();
  }
  for (size_t i = 0; i < x_grads.size() && i < xs.size(); ++i) {  // no turn, or none that reached X
    if (x_grads[i] == kEmptyVarName || started[i] || carried[i]) continue;
    if (const Value* x = control.FindVariable(xs[i])) {
      c.Output("X@GRAD", static_cast<int>(i)) = ZerosLike(*x, c.place());
    }
  }
}

SKIFF_OP(while)
    .Doc("Runs sub_block as long as Condition holds; the block writes Condition anew.")
    .Source("names of Paddle's while")
    .OptionalInputs("X", "what the block reads of the variables outside")
    .Input("Condition", "bool, one element")
    .OptionalOutputs("Out", "what the block writes of the variables outside")
    .OptionalOutput("StepScopes", "the variables of each turn, for the gradient")
    .RequiredAttr<BlockRef>("sub_block", "the body")
    .Attr("is_test", false, "no gradient is wanted")
    .InferShape([](InferContext&) {})
    .Gradient(WhileGradient)
    .SideEffect()
    .Dynamic(RunWhile);

SKIFF_OP(while_grad)
    .Doc("Runs sub_block, the gradient of while's body, for each turn of the loop, last first.")
    .Source("names of Paddle's while_grad")
    .OptionalInputs("X", "of the forward operator")
    .OptionalInputs("Out", "of the forward operator")
    .OptionalInputs("Out@GRAD", "gradients from after the loop")
    .Input("StepScopes", "of the forward operator")
    .OptionalOutputs("X@GRAD", "like X")
    .RequiredAttr<BlockRef>("sub_block", "the gradient of the body")
    .Attr("is_test", false, "must be false")
    .Attr("original_output_grad", std::vector<std::string>{}, "what the block calls Out@GRAD")
    .InferShape([](InferContext& c) { control_flow::InferGradients(c, "X"); })
    .SideEffect()
    .Dynamic(RunWhileGrad);

}  // namespace
}  // namespace skiff
