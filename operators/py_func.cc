// py_func: a function of the user's as an operator.
#include <algorithm>

#include "framework/op/callbacks.h"
#include "framework/op/control_flow.h"
#include "framework/op/op_schema.h"

namespace skiff {
namespace {

[[maybe_unused]] Tensor Argument(DynamicContext& c, int i) {
  auto* control = dynamic_cast<ControlFlowContext*>(&c);
  const Value* value = control == nullptr ? &c.Input("X", i) : control->FindVariable(c.op().inputs["X"][i]);
  const auto* tensor = value == nullptr ? nullptr : std::get_if<Tensor>(value);
  return tensor == nullptr || !tensor->is_initialized() ? Tensor() : tensor->To(CPUPlace{});
}

[[maybe_unused]] void RunFunction(DynamicContext& c) {
  std::vector<Tensor> arguments;
  for (int i = 0; i < c.NumInputs("X"); ++i) arguments.push_back(Argument(c, i));
  const std::vector<Tensor> results = FindCallback(c.attrs().Get<int32_t>("forward_callable_id"))(arguments);
  const std::vector<std::string>& outs = c.op().outputs["Out"];
  // A function may give None for each output that it has none for, or nothing at all without outputs.
  const bool nothing = outs.empty() && std::none_of(results.begin(), results.end(),
                                                    [](const Tensor& t) { return t.is_initialized(); });
  SKIFF_ENFORCE(nothing || results.size() == outs.size(), InvalidArgument, "the function gives ", results.size(),
                " results, the operator has ", outs.size(), " outputs");
  for (size_t i = 0; i < outs.size(); ++i) {
    if (outs[i] == kEmptyVarName || !results[i].is_initialized()) continue;
    c.Output("Out", static_cast<int>(i)) = results[i].To(c.place());
  }
}

SKIFF_OP(py_func)
    .Doc("Out = the registered function of X.")
    .Source("names and defaults of Paddle's py_func")
    .OptionalInputs("X", "arguments; the function sees them on the CPU")
    .OptionalOutputs("Out", "what it gives; shape and dtype are the user's to declare")
    .Attr("forward_callable_id", 0, "number of the function")
    .Attr("backward_callable_id", -1, "number of the one that computes the gradient; -1: there is none")
    .Attr("backward_skip_vars", std::vector<std::string>{}, "variables that the latter does not want")
    .InferShape([](InferContext& c) {
      // A gradient's outputs follow the variables they are gradients of.
      for (int i = 0; i < c.NumOutputs("Out"); ++i) {
        const std::string& name = c.op().outputs["Out"][i];
        const std::string forward = name.substr(0, name.find(kGradSuffix));
        for (int k = 0; k < c.NumInputs("X") && forward != name; ++k) {
          if (c.op().inputs["X"][k] == forward) c.SetOutput("Out", c.Input("X", k), i);
        }
      }
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      const int32_t backward = g.fwd.attrs.Get<int32_t>("backward_callable_id", -1);
      if (backward < 0) return {};
      const auto skipped = g.fwd.attrs.Get("backward_skip_vars", std::vector<std::string>{});
      std::vector<std::string> in;
      auto add = [&](const std::vector<std::string>& names) {
        for (const std::string& name : names) {
          if (std::find(skipped.begin(), skipped.end(), name) == skipped.end()) in.push_back(name);
        }
      };
      add(g.In("X"));
      add(g.Out("Out"));
      add(g.OutGrad("Out"));
      return {{"py_func", {{"X", in}}, {{"Out", g.InGrad("X", /*drop_empty=*/false)}},
               {{"forward_callable_id", backward}, {"backward_callable_id", -1},
                {"backward_skip_vars", std::vector<std::string>{}}}}};
    })
    .SideEffect()
    .Dynamic(RunFunction);

}  // namespace
}  // namespace skiff
