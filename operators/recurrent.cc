// recurrent, a loop over the first axis of sequences, and its gradient, which goes through the steps backwards.
#include <algorithm>

#include "framework/op/control_flow.h"
#include "framework/op/op_schema.h"
#include "framework/op/run_op.h"
#include "framework/program/program.h"

namespace skiff {
namespace {

using control_flow::ZerosLike;

// What the block of `recurrent` and that of its gradient have in common.
struct Steps {
  std::vector<std::string> ex_states, states;
  int64_t count = 0;
  bool reverse = false;

  // The place in the sequences of the k-th step that runs.
  int64_t At(int64_t k) const { return reverse ? count - 1 - k : k; }
};

[[maybe_unused]] Steps ReadSteps(DynamicContext& c) {
  Steps steps;
  if (c.attrs().Get<bool>("has_states")) {
    steps.ex_states = c.attrs().Get<std::vector<std::string>>("ex_states");
    steps.states = c.attrs().Get<std::vector<std::string>>("states");
  }
  const size_t initial = c.op().inputs["initial_states"].size();
  SKIFF_ENFORCE(steps.ex_states.size() == initial && steps.states.size() == initial, InvalidArgument, "there are ",
                initial, " initial_states, ", steps.ex_states.size(), " ex_states and ", steps.states.size(),
                " states; they belong together");
  steps.reverse = c.attrs().Get<bool>("reverse");
  const std::vector<std::string>& inputs = c.op().inputs["inputs"];
  SKIFF_ENFORCE(!inputs.empty(), InvalidArgument, "inputs is empty; a sequence says how many steps there are");
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& x = c.InputTensor("inputs", static_cast<int>(i));
    const int64_t length = x.shape().rank() == 0 ? 0 : x.shape()[0];
    SKIFF_ENFORCE(length > 0 && (i == 0 || length == steps.count), InvalidArgument, "sequence \"", inputs[i], "\" is ",
                  x.shape(), ", \"", inputs[0], "\" is ", c.InputTensor("inputs", 0).shape(),
                  "; their first extents must be equal and not 0");
    steps.count = length;
  }
  return steps;
}

[[maybe_unused]] Tensor StepOf(const Tensor& sequence, int64_t t) {
  return sequence.Rows(t, t + 1).Reshaped(Shape(sequence.shape().dims().subspan(1)));
}

[[maybe_unused]] Value& Own(BlockScope& scope, const std::string& name) {
  Value* own = scope.FindOwn(name);
  SKIFF_ENFORCE(own != nullptr, NotFound, "the step has no variable \"", name, "\"");
  return *own;
}

// The values of all steps along a new first axis.
[[maybe_unused]] Value Stacked(const std::vector<Value>& steps, DynamicContext& c) {
  std::map<std::string, Value> values;
  std::vector<std::string> names;
  for (size_t t = 0; t < steps.size(); ++t) {
    names.push_back(std::to_string(t));
    values[names.back()] = steps[t];
  }
  RunOp({"stack", {{"X", names}}, {{"Y", {"all"}}}, {{"axis", 0}}}, &values,
        {.place = c.place(), .num_threads = c.num_threads()});
  return std::move(values.at("all"));
}

[[maybe_unused]] void RunRecurrent(DynamicContext& c) {
  ControlFlowContext& control = ControlFlow(c);
  const int block = c.attrs().Get<BlockRef>("sub_block").index;
  const Steps steps = ReadSteps(c);
  const std::vector<std::string>& inputs = c.op().inputs["inputs"];
  const std::vector<std::string>& outputs = c.op().outputs["outputs"];
  const bool keep = control.HasGradient(block);
  BlockScopes scopes;
  std::vector<std::vector<Value>> made(outputs.size(), std::vector<Value>(steps.count));
  std::shared_ptr<BlockScope> last;
  for (int64_t k = 0; k < steps.count; ++k) {
    const int64_t t = steps.At(k);
    const std::shared_ptr<BlockScope> scope = control.NewScope(block);
    for (size_t i = 0; i < inputs.size(); ++i) {
      Own(*scope, inputs[i]) = StepOf(c.InputTensor("inputs", static_cast<int>(i)), t);
    }
    for (size_t i = 0; i < steps.states.size(); ++i) {
      Own(*scope, steps.ex_states[i]) =
          k == 0 ? c.Input("initial_states", static_cast<int>(i)) : Own(*last, steps.states[i]);
    }
    control.Run(*scope, /*renew=*/false, /*keep_entry=*/keep);
    for (size_t i = 0; i < outputs.size(); ++i) made[i][t] = Own(*scope, outputs[i]);
    if (keep) scopes.push_back(scope);
    last = scope;
  }
  for (size_t i = 0; i < outputs.size(); ++i) c.Output("outputs", static_cast<int>(i)) = Stacked(made[i], c);
  if (keep && c.op().outputs.Has("step_scopes")) control.Scopes("step_scopes") = std::move(scopes);
}

// What arrives at a variable of the step: from the outputs, and from the step that ran after it.
[[maybe_unused]] void Receive(BlockScope& scope, BlockScope& forward, const std::string& name, const Value* from,
                              DynamicContext& c) {
  Value* to = scope.FindOwn(GradName(name));
  if (to == nullptr) return;  // nothing reads it
  if (!HasValue(*to)) {
    *to = from != nullptr && HasValue(*from) ? *from : ZerosLike(Own(forward, name), c.place());
  } else if (from != nullptr && HasValue(*from)) {
    *to = control_flow::AddUp(*to, *from, c);
  }
}

[[maybe_unused]] void RunRecurrentGrad(DynamicContext& c) {
  ControlFlowContext& control = ControlFlow(c);
  const int block = c.attrs().Get<BlockRef>("sub_block").index;
  const Steps steps = ReadSteps(c);
  const Slots& in = c.op().inputs;
  const Slots& out = c.op().outputs;
  BlockScopes scopes = std::move(control.Scopes("step_scopes"));
  SKIFF_ENFORCE(static_cast<int64_t>(scopes.size()) == steps.count, PreconditionNotMet,
                "the forward operator kept ", scopes.size(), " steps of ", steps.count);
  std::vector<std::vector<Value>> x_grads(in["inputs"].size(), std::vector<Value>(steps.count));
  std::vector<Value> sums(in["parameters"].size());
  std::shared_ptr<BlockScope> later;
  for (int64_t k = steps.count - 1; k >= 0; --k) {
    const int64_t t = steps.At(k);
    BlockScope& forward = *scopes.back();
    const std::shared_ptr<BlockScope> scope = control.NewScope(block, scopes.back());
    for (size_t i = 0; i < in["outputs"].size(); ++i) {
      const bool given = i < in["outputs@GRAD"].size() && in["outputs@GRAD"][i] != kEmptyVarName;
      const Value* whole = given ? control.FindVariable(in["outputs@GRAD"][i]) : nullptr;
      const Tensor* gradient = whole == nullptr ? nullptr : std::get_if<Tensor>(whole);
      const Value slice = gradient == nullptr || !gradient->is_initialized() ? Tensor() : StepOf(*gradient, t);
      Receive(*scope, forward, in["outputs"][i], &slice, c);
    }
    for (size_t i = 0; i < steps.states.size(); ++i) {
      const Value* from = later == nullptr ? nullptr : later->FindOwn(GradName(steps.ex_states[i]));
      Receive(*scope, forward, steps.states[i], from, c);
    }
    control.Run(*scope);
    for (size_t i = 0; i < x_grads.size(); ++i) {
      const Value* own = scope->FindOwn(GradName(in["inputs"][i]));
      x_grads[i][t] = own != nullptr && HasValue(*own) ? *own : ZerosLike(Own(forward, in["inputs"][i]), c.place());
    }
    for (size_t i = 0; i < sums.size(); ++i) {
      const Value* own = scope->FindOwn(GradName(in["parameters"][i]));
      if (own == nullptr || !HasValue(*own)) continue;
      sums[i] = HasValue(sums[i]) ? control_flow::AddUp(sums[i], *own, c) : *own;
    }
    scopes.pop_back();
    later = scope;
  }
  const auto wanted = [&](const std::string& slot, size_t i) {
    return i < out[GradName(slot)].size() && out[GradName(slot)][i] != kEmptyVarName;
  };
  for (size_t i = 0; i < x_grads.size(); ++i) {
    if (wanted("inputs", i)) c.Output("inputs@GRAD", static_cast<int>(i)) = Stacked(x_grads[i], c);
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    if (!wanted("parameters", i)) continue;
    const int k = static_cast<int>(i);
    c.Output("parameters@GRAD", k) = HasValue(sums[i]) ? sums[i] : ZerosLike(c.Input("parameters", k), c.place());
  }
  for (size_t i = 0; i < steps.ex_states.size(); ++i) {
    if (!wanted("initial_states", i)) continue;
    const int k = static_cast<int>(i);
    const Value* own = later->FindOwn(GradName(steps.ex_states[i]));
    c.Output("initial_states@GRAD", k) =
        own != nullptr && HasValue(*own) ? *own : ZerosLike(c.Input("initial_states", k), c.place());
  }
}

// A gradient arrives at outputs and states from outside of the step. What the step itself read of them would need to be
// added, which the block's operators do not do.
[[maybe_unused]] void CheckNotReadInStep(const GradContext& g) {
  std::vector<std::string> names = g.Out("outputs");
  for (const std::string& name : g.fwd.attrs.Get("states", std::vector<std::string>{})) names.push_back(name);
  for (const auto& op : g.grad_block()->ops()) {
    for (const std::string& name : names) {
      SKIFF_ENFORCE(!op->outputs.Mentions(GradName(name)), Unimplemented, "\"", name,
                    "\" is an output or state, and the step reads it too; let it be an assign of what the step reads");
    }
  }
}

[[maybe_unused]] std::vector<Operator> RecurrentGradient(const GradContext& g) {
  if (g.grad_block() == nullptr) return {};
  CheckNotReadInStep(g);
  Operator grad{"recurrent_grad",
                {{"inputs", g.In("inputs")}, {"initial_states", g.In("initial_states")}, {"parameters", g.In("parameters")},
                 {"outputs", g.Out("outputs")}, {"step_scopes", g.Out("step_scopes")},
                 {"outputs@GRAD", g.OutGrad("outputs")}, {"step_scopes@GRAD", g.Out("step_scopes")}},
                {{"inputs@GRAD", control_flow::FloatGradients(g, "inputs")},
                 {"initial_states@GRAD", control_flow::FloatGradients(g, "initial_states")},
                 {"parameters@GRAD", control_flow::FloatGradients(g, "parameters")}},
                g.fwd.attrs};
  grad.attrs.Set("sub_block", BlockRef{g.grad_block()->idx()});
  return {grad};
}

SKIFF_OP(recurrent)
    .Doc("Runs sub_block for each position t along the first axis of inputs. Inside, variables called as inputs are "
         "inputs[t], ex_states are states of the step before, initial_states in the first one; outputs[t] are the variables "
         "called as outputs.")
    .Source("names of Paddle's recurrent")
    .OptionalInputs("inputs", "[steps, ...], at least one")
    .OptionalInputs("initial_states", "one for each of ex_states")
    .OptionalInputs("parameters", "what the block reads besides of the variables outside")
    .OptionalOutputs("outputs", "[steps, ...]")
    .OptionalOutput("step_scopes", "the variables of each step, for the gradient")
    .RequiredAttr<BlockRef>("sub_block", "the step")
    .Attr("has_states", false, "there are states")
    .Attr("ex_states", std::vector<std::string>{}, "what the block calls states of the step before")
    .Attr("states", std::vector<std::string>{}, "what the block calls states")
    .Attr("reverse", false, "the last position comes first")
    .Attr("is_train", true, "not read")
    .Attr("skip_eager_deletion_vars", std::vector<std::string>{}, "not read")
    .InferShape([](InferContext&) {})
    .Gradient(RecurrentGradient)
    .SideEffect()
    .Dynamic(RunRecurrent);

SKIFF_OP(recurrent_grad)
    .Doc("Runs sub_block, the gradient of recurrent's step, for each step, last first.")
    .Source("names of Paddle's recurrent_grad")
    .OptionalInputs("inputs", "of the forward operator")
    .OptionalInputs("initial_states", "of the forward operator")
    .OptionalInputs("parameters", "of the forward operator")
    .OptionalInputs("outputs", "of the forward operator")
    .OptionalInputs("outputs@GRAD", "like outputs")
    .Input("step_scopes", "of the forward operator")
    .OptionalInput("step_scopes@GRAD", "not read")
    .OptionalOutputs("inputs@GRAD", "like inputs")
    .OptionalOutputs("initial_states@GRAD", "like initial_states")
    .OptionalOutputs("parameters@GRAD", "like parameters")
    .RequiredAttr<BlockRef>("sub_block", "the gradient of the step")
    .Attr("has_states", false, "as in recurrent")
    .Attr("ex_states", std::vector<std::string>{}, "as in recurrent")
    .Attr("states", std::vector<std::string>{}, "as in recurrent")
    .Attr("reverse", false, "as in recurrent")
    .Attr("is_train", true, "not read")
    .Attr("skip_eager_deletion_vars", std::vector<std::string>{}, "not read")
    .InferShape([](InferContext& c) {
      for (const char* slot : {"inputs", "initial_states", "parameters"}) control_flow::InferGradients(c, slot);
    })
    .SideEffect()
    .Dynamic(RunRecurrentGrad);

}  // namespace
}  // namespace skiff
