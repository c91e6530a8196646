// Activation functions: one formula each, and its derivative times the gradient of the output.
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct Relu {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Max(x, V(0));
  }
};

struct ReluGrad {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return math::Select(out > V(0), dout, V(0));
  }
};

struct Sigmoid {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Sigmoid(x);
  }
};

struct SigmoidGrad {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return dout * out * (V(1) - out);
  }
};

struct Tanh {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Tanh(x);
  }
};

struct TanhGrad {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return dout * (V(1) - out * out);
  }
};

struct LeakyRelu {
  explicit LeakyRelu(const Attrs& attrs)
      : alpha(attrs.Get<float>("alpha")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Select(x > V(0), x, V(alpha) * x);
  }
  float alpha;
};

struct LeakyReluGrad {
  explicit LeakyReluGrad(const Attrs& attrs)
      : alpha(attrs.Get<float>("alpha")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return math::Select(x > V(0), dout, V(alpha) * dout);
  }
  float alpha;
};

struct Elu {
  explicit Elu(const Attrs& attrs)
      : alpha(attrs.Get<float>("alpha")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Select(x > V(0), x, V(alpha) * (math::Exp(math::Min(x, V(0))) - V(1)));
  }
  float alpha;
};

struct EluGrad {
  explicit EluGrad(const Attrs& attrs)
      : alpha(attrs.Get<float>("alpha")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V out, V dout) const {
    return math::Select(x > V(0), dout, dout * (out + V(alpha)));
  }
  float alpha;
};

struct ReluGradGrad {
  template <typename V>
  SKIFF_HD V operator()(V out, V ddx) const { return math::Select(out > V(0), ddx, V(0)); }
};

struct SigmoidGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V out, V dout, V ddx) const {
    return {(V(1) - V(2) * out) * dout * ddx, ddx * out * (V(1) - out)};
  }
};

struct TanhGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V out, V dout, V ddx) const {
    return {V(-2) * out * dout * ddx, ddx * (V(1) - out * out)};
  }
};

/// Of "<op>_grad", whose inputs are `uses` and Out@GRAD: the operator `type` gets `uses`, the gradient of
/// X@GRAD and, under the name `dout`, Out@GRAD; it gives the gradients of Out@GRAD and of `uses`.
[[maybe_unused]] GradMaker SecondGrad(const char* type, const char* uses, const char* dout,
                                      const char* uses_grad) {
  return [=](const GradContext& g) -> std::vector<Operator> {
    Operator op{type, {{uses, g.In(uses)}, {"grad_x@GRAD", g.OutGrad("X@GRAD")}}, {}, g.fwd.attrs};
    if (dout != nullptr) op.inputs.Set(dout, g.In("Out@GRAD"));
    op.outputs.Set(std::string(dout == nullptr ? "grad_out" : dout) + "@GRAD", g.InGrad("Out@GRAD"));
    if (uses_grad != nullptr) op.outputs.Set(uses_grad, g.InGrad(uses));
    return {op};
  };
}

[[maybe_unused]] InferFn BothLikeOut(const char* second) {
  return [=](InferContext& c) {
    const TensorMeta like = c.Input("Out");
    c.SetOutput("Out@GRAD", like);
    c.SetOutput(second, like);
  };
}

SKIFF_UNARY(relu, "Out = max(X, 0).")
    .InferShape(Like("Out", "X"))
    .Gradient(FromOut())
    .Kernel<Map<Relu>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_UNARY_GRAD(relu, "Out", "X@GRAD = Out@GRAD where Out > 0, 0 elsewhere.")
    .Gradient(SecondGrad("relu_grad_grad", "Out", nullptr, nullptr))
    .Kernel<Map<ReluGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(sigmoid, "Out = 1 / (1 + exp(-X)).")
    .Gradient(FromOut())
    .Kernel<Map<Sigmoid>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(sigmoid, "Out", "X@GRAD = Out@GRAD Out (1 - Out).")
    .Gradient(SecondGrad("sigmoid_grad_grad", "Out", "fwd_grad_out", "Out@GRAD"))
    .Kernel<Map<SigmoidGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(tanh, "Out = tanh(X).")
    .Gradient(FromOut())
    .Kernel<Map<Tanh>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(tanh, "Out", "X@GRAD = Out@GRAD (1 - Out^2).")
    .Gradient(SecondGrad("tanh_grad_grad", "Out", "grad_out", "Out@GRAD"))
    .Kernel<Map<TanhGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(leaky_relu, "Out = X where X > 0, alpha * X elsewhere.")
    .Attr("alpha", 0.02f, "slope for X <= 0")
    .Gradient(FromX())
    .Kernel<Map<LeakyRelu>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(leaky_relu, "X", "X@GRAD = Out@GRAD where X > 0, alpha * Out@GRAD elsewhere.")
    .Attr("alpha", 0.02f, "slope for X <= 0")
    .Kernel<Map<LeakyReluGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(elu, "Out = X where X > 0, alpha (exp(X) - 1) elsewhere.")
    .Attr("alpha", 1.0f, "what Out tends to below, negated")
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Kernel<Map<Elu>, SKIFF_FLOATS>();

SKIFF_OP(elu_grad)
    .Doc("X@GRAD = Out@GRAD where X > 0, Out@GRAD (Out + alpha) elsewhere.")
    .Source("derivative of elu")
    .Input("X", "of the forward operator")
    .Input("Out", "of the forward operator")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "X"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Attr("alpha", 1.0f, "what Out tends to below, negated")
    .Kernel<Map<EluGrad>, SKIFF_FLOATS>();

SKIFF_OP(relu_grad_grad)
    .Doc("Second gradient of relu: grad_out@GRAD = grad_x@GRAD where Out > 0, 0 elsewhere.")
    .Source("derivative of relu_grad; slots of Paddle's relu_grad_grad")
    .Input("Out", "output of relu")
    .Input("grad_x@GRAD", "gradient of relu_grad's X@GRAD")
    .Output("grad_out@GRAD", "shape and dtype of Out")
    .InferShape(Like("grad_out@GRAD", "Out"))
    .Inplace("grad_x@GRAD", "grad_out@GRAD")
    .Kernel<Map<ReluGradGrad>, SKIFF_FLOATS>();

SKIFF_OP(sigmoid_grad_grad)
    .Doc("Second gradient of sigmoid, by Out and by the output's gradient.")
    .Source("derivative of sigmoid_grad; slots of Paddle's sigmoid_grad_grad")
    .Input("Out", "output of sigmoid")
    .Input("fwd_grad_out", "Out@GRAD of sigmoid_grad")
    .Input("grad_x@GRAD", "gradient of sigmoid_grad's X@GRAD")
    .OptionalOutput("Out@GRAD", "(1 - 2 Out) fwd_grad_out grad_x@GRAD")
    .OptionalOutput("fwd_grad_out@GRAD", "grad_x@GRAD Out (1 - Out)")
    .InferShape(BothLikeOut("fwd_grad_out@GRAD"))
    .Kernel<Map<SigmoidGradGrad>, SKIFF_FLOATS>();

SKIFF_OP(tanh_grad_grad)
    .Doc("Second gradient of tanh, by Out and by the output's gradient.")
    .Source("derivative of tanh_grad; slots of Paddle's tanh_grad_grad")
    .Input("Out", "output of tanh")
    .Input("grad_out", "Out@GRAD of tanh_grad")
    .Input("grad_x@GRAD", "gradient of tanh_grad's X@GRAD")
    .OptionalOutput("Out@GRAD", "-2 Out grad_out grad_x@GRAD")
    .OptionalOutput("grad_out@GRAD", "grad_x@GRAD (1 - Out^2)")
    .InferShape(BothLikeOut("grad_out@GRAD"))
    .Kernel<Map<TanhGradGrad>, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
