// conditional_block, pylayer, and the operators that choose between what branches computed.
#include "framework/op/control_flow.h"
#include "framework/op/op_schema.h"
#include "framework/program/block.h"

namespace skiff {
namespace {

[[maybe_unused]] bool BranchIsTaken(DynamicContext& c) {
  if (c.attrs().Get<bool>("is_scalar_condition")) return control_flow::IsTrue(c.InputTensor("Cond"));
  for (int i = 0; i < c.NumInputs("Input"); ++i) {
    const auto* tensor = std::get_if<Tensor>(&c.Input("Input", i));
    if (tensor != nullptr && tensor->num_elements() == 0) return false;
  }
  return true;
}

[[maybe_unused]] void RunAndKeep(DynamicContext& c, int block) {
  ControlFlowContext& control = ControlFlow(c);
  const std::shared_ptr<BlockScope> scope = control.NewScope(block);
  control.Run(*scope);
  if (control.HasGradient(block) && c.op().outputs.Has("Scope")) control.Scopes("Scope") = {scope};
}

[[maybe_unused]] void RunConditional(DynamicContext& c) {
  if (BranchIsTaken(c)) RunAndKeep(c, c.attrs().Get<BlockRef>("sub_block").index);
}

[[maybe_unused]] void RunGradientBlock(DynamicContext& c, int block) {
  ControlFlowContext& control = ControlFlow(c);
  const BlockScopes& forward = control.Scopes("Scope");
  SKIFF_ENFORCE(!forward.empty(), PreconditionNotMet, "the forward operator kept no scope: it did not run");
  const std::shared_ptr<BlockScope> scope = control.NewScope(block, forward.front());
  control.Run(*scope);
  control_flow::HandGradientsOver(c, scope.get(), "Input");
}

[[maybe_unused]] void RunConditionalGrad(DynamicContext& c) {
  if (BranchIsTaken(c)) {
    RunGradientBlock(c, c.attrs().Get<BlockRef>("sub_block").index);
  } else {
    control_flow::HandGradientsOver(c, nullptr, "Input");
  }
}

[[maybe_unused]] std::vector<Operator> ConditionalGradient(const GradContext& g) {
  if (g.grad_block() == nullptr) return {};
  return {{"conditional_block_grad",
           {{"Cond", g.In("Cond")}, {"Input", g.In("Input")}, {"Out", g.Out("Out")},
            {"Out@GRAD", g.OutGrad("Out")}, {"Scope", g.Out("Scope")}},
           {{"Input@GRAD", control_flow::FloatGradients(g, "Input")}},
           {{"sub_block", BlockRef{g.grad_block()->idx()}},
            {"is_scalar_condition", g.fwd.attrs.Get<bool>("is_scalar_condition", false)}}}};
}

SKIFF_OP(conditional_block)
    .Doc("Runs sub_block if Cond holds, or if no Input is empty when not is_scalar_condition.")
    .Source("names of Paddle's conditional_block")
    .OptionalInputs("Cond", "bool, one element")
    .OptionalInputs("Input", "what the block reads of the variables outside")
    .OptionalOutputs("Out", "what the block writes of the variables outside; as they were when it does not run")
    .OptionalOutput("Scope", "the block's variables, for the gradient")
    .RequiredAttr<BlockRef>("sub_block", "the branch")
    .Attr("is_scalar_condition", false, "Cond decides")
    .InferShape([](InferContext&) {})
    .Gradient(ConditionalGradient)
    .SideEffect()
    .Dynamic(RunConditional);

SKIFF_OP(conditional_block_infer)
    .Doc("conditional_block of programs that are not differentiated.")
    .Source("names of Paddle's conditional_block_infer")
    .OptionalInputs("Cond", "bool, one element")
    .OptionalInputs("Input", "what the block reads of the variables outside")
    .OptionalOutputs("Out", "what the block writes of the variables outside")
    .OptionalOutput("Scope", "not used")
    .RequiredAttr<BlockRef>("sub_block", "the branch")
    .Attr("is_scalar_condition", false, "Cond decides")
    .InferShape([](InferContext&) {})
    .SideEffect()
    .Dynamic(RunConditional);

SKIFF_OP(conditional_block_grad)
    .Doc("Runs sub_block, the gradient of the branch, if the branch ran; else Input@GRAD is zero.")
    .Source("names of Paddle's conditional_block_grad")
    .OptionalInputs("Cond", "of the forward operator")
    .OptionalInputs("Input", "of the forward operator")
    .OptionalInputs("Out", "of the forward operator")
    .OptionalInputs("Out@GRAD", "read by the block")
    .Input("Scope", "of the forward operator")
    .OptionalOutputs("Input@GRAD", "like Input")
    .RequiredAttr<BlockRef>("sub_block", "the gradient of the branch")
    .Attr("is_scalar_condition", false, "Cond decides")
    .InferShape([](InferContext& c) { control_flow::InferGradients(c, "Input"); })
    .SideEffect()
    .Dynamic(RunConditionalGrad);

SKIFF_OP(pylayer)
    .Doc("Runs blocks[0]; blocks[1] computes its gradient.")
    .Source("names of Paddle's pylayer")
    .OptionalInputs("Input", "what the block reads of the variables outside")
    .OptionalOutputs("Out", "what the block writes of the variables outside")
    .OptionalOutput("Scope", "the block's variables, for the gradient")
    .RequiredAttr<std::vector<BlockRef>>("blocks", "forward block, and backward block if there is one")
    .InferShape([](InferContext&) {})
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      const auto blocks = g.fwd.attrs.Get<std::vector<BlockRef>>("blocks");
      SKIFF_ENFORCE(blocks.size() > 1, InvalidArgument, "pylayer has no backward block");
      return {{"pylayer_grad",
               {{"Input", g.In("Input")}, {"Out@GRAD", g.OutGrad("Out")}, {"Scope", g.Out("Scope")}},
               {{"Input@GRAD", g.InGrad("Input", /*drop_empty=*/false)}},
               {{"backward_block", blocks[1]}}}};
    })
    .SideEffect()
    .Dynamic([](DynamicContext& c) {
      const auto blocks = c.attrs().Get<std::vector<BlockRef>>("blocks");
      SKIFF_ENFORCE(!blocks.empty(), InvalidArgument, "attribute blocks is empty");
      RunAndKeep(c, blocks[0].index);
    });

SKIFF_OP(pylayer_grad)
    .Doc("Runs backward_block and hands its gradients over.")
    .Source("names of Paddle's pylayer_grad")
    .OptionalInputs("Input", "of the forward operator")
    .OptionalInputs("Out@GRAD", "read by the block")
    .Input("Scope", "of the forward operator")
    .OptionalOutputs("Input@GRAD", "like Input")
    .RequiredAttr<BlockRef>("backward_block", "the block that the user wrote")
    .InferShape([](InferContext& c) { control_flow::InferGradients(c, "Input"); })
    .SideEffect()
    .Dynamic([](DynamicContext& c) { RunGradientBlock(c, c.attrs().Get<BlockRef>("backward_block").index); });

[[maybe_unused]] int Branch(DynamicContext& c, int count) {
  const int64_t branch = control_flow::OneInteger(c.InputTensor("Mask"), "Mask");
  SKIFF_ENFORCE(branch >= 0 && branch < count, InvalidArgument, "Mask is ", branch, "; there are ", count,
                " branches");
  return static_cast<int>(branch);
}

SKIFF_OP(select_input)
    .Doc("Out = X[Mask].")
    .Source("names of Paddle's select_input")
    .Inputs("X", "one for each branch; those not chosen may have no value")
    .Input("Mask", "integer, one element")
    .Output("Out", "the chosen one")
    .InferShape([](InferContext& c) {
      // Extents on which the branches do not agree are known when one is chosen.
      TensorMeta out = c.Input("X", 0);
      for (int i = 1; i < c.NumInputs("X") && !c.at_runtime(); ++i) {
        const Shape& other = c.InputShape("X", i);
        if (other.rank() != out.shape.rank()) continue;
        std::vector<int64_t> extents(out.shape.begin(), out.shape.end());
        for (int k = 0; k < other.rank(); ++k) extents[k] = extents[k] == other[k] ? extents[k] : -1;
        out.shape = Shape(extents);
      }
      c.SetOutput("Out", out);
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"select_output", {{"Mask", g.In("Mask")}, {"X", g.OutGrad("Out")}},
               {{"Out", g.InGrad("X", /*drop_empty=*/false)}}}};
    })
    .Dynamic([](DynamicContext& c) { c.Output("Out") = c.Input("X", Branch(c, c.NumInputs("X"))); });

SKIFF_OP(select_output)
    .Doc("Out[Mask] = X; the others stay as they are.")
    .Source("names of Paddle's select_output")
    .Input("X", "any value")
    .Input("Mask", "integer, one element")
    .Outputs("Out", "one for each branch")
    .InferShape([](InferContext& c) {
      for (int i = 0; i < c.NumOutputs("Out"); ++i) {
        if (c.op().outputs["Out"][i] != kEmptyVarName) c.SetOutput("Out", c.Input("X"), i);
      }
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"select_input", {{"Mask", g.In("Mask")}, {"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}}};
    })
    .Dynamic([](DynamicContext& c) {
      const int branch = Branch(c, c.NumOutputs("Out"));
      if (c.op().outputs["Out"][branch] != kEmptyVarName) c.Output("Out", branch) = c.Input("X");
    });

}  // namespace
}  // namespace skiff
