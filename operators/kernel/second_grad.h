// Gradients of gradients: Paddle gives each an operator of its own, whose slots follow no one rule. Here is what
// many of them share.
#pragma once

#include "operators/kernel/binary.h"

/// Second gradients of functions whose gradient reads X: the head of their definition.
#define SKIFF_SECOND_FROM_X(type, name, by_x, by_dout)                                   \
  SKIFF_OP(name)                                                                         \
      .Doc("Second gradient of " #type ", by X and by the output's gradient.")           \
      .Source("derivative of " #type "_grad; slots of Paddle's " #name)                  \
      .Input("X", "input of " #type)                                                     \
      .Input("grad_out", "Out@GRAD of " #type "_grad")                                   \
      .Input("grad_x@GRAD", "gradient of " #type "_grad's X@GRAD")                       \
      .OptionalOutput("X@GRAD", by_x)                                                    \
      .OptionalOutput("grad_out@GRAD", by_dout)                                          \
      .InferShape(EachLike({{"X@GRAD", "X"}, {"grad_out@GRAD", "grad_out"}}))

namespace skiff {
inline namespace SKIFF_VARIANT {

/// Of "<op>_grad", which reads `uses`, Out@GRAD and perhaps `more`: the operator `type` gets `uses` and `more`, the
/// gradient of X@GRAD and, under the name `dout`, Out@GRAD; it gives the gradients of Out@GRAD and of `uses`. Without
/// `dout` it does not read Out@GRAD (the operator is straight almost everywhere) and gives no gradient of `uses`.
inline GradMaker SecondGrad(const char* type, const char* uses, const char* dout, const char* uses_grad,
                            std::vector<std::string> more = {}) {
  return [=](const GradContext& g) -> std::vector<Operator> {
    Operator op{type, {{uses, g.In(uses)}, {"grad_x@GRAD", g.OutGrad("X@GRAD")}}, {}, g.fwd.attrs};
    for (const std::string& slot : more) {
      if (g.HasIn(slot)) op.inputs.Set(slot, g.In(slot));
    }
    if (dout != nullptr) op.inputs.Set(dout, g.In("Out@GRAD"));
    op.outputs.Set(std::string(dout == nullptr ? "grad_out" : dout) + "@GRAD", g.InGrad("Out@GRAD"));
    if (uses_grad != nullptr) op.outputs.Set(uses_grad, g.InGrad(uses));
    return {op};
  };
}

/// As that, of operators whose gradient reads Out alone: X@GRAD, under the name grad_x, stands for Out@GRAD.
inline GradMaker SecondGradFromResult(const char* type) {
  return [=](const GradContext& g) -> std::vector<Operator> {
    return {{type,
             {{"Out", g.In("Out")}, {"grad_x", g.Out("X@GRAD")}, {"grad_x@GRAD", g.OutGrad("X@GRAD")}},
             {{"Out@GRAD", g.InGrad("Out")}, {"grad_out@GRAD", g.InGrad("Out@GRAD")}},
             g.fwd.attrs}};
  };
}

/// Every output slot that is there has shape and dtype of the input named beside it.
inline InferFn EachLike(std::vector<std::pair<const char*, const char*>> pairs) {
  return [=](InferContext& c) {
    for (const auto& [out, in] : pairs) {
      if (!c.HasOutput(out)) continue;
      const TensorMeta like = c.Input(in);
      c.SetOutput(out, TensorMeta{like.shape, like.dtype, like.lod_level});
    }
  };
}

/// A kernel of several outputs, each a formula of its own over some of the inputs, summed back to the output's shape
/// where that was broadcast.
template <typename C>
class EachOutput {
 public:
  EachOutput(PrepareContext& context, const Shape& full) : context_(context), full_(full) {}

  template <typename F>
  EachOutput& Add(const char* slot, const F& f, std::initializer_list<const char*> inputs) {
    if (context_.HasOutput(slot)) grads_.push_back(OperandGrad::Make<C>(f, context_, slot, full_, inputs));
    return *this;
  }
  std::unique_ptr<Kernel> Make() { return MakeOperandGradsKernel(std::move(grads_), context_); }

 private:
  PrepareContext& context_;
  const Shape full_;
  std::vector<OperandGrad> grads_;
};

}  // namespace SKIFF_VARIANT
}  // namespace skiff
