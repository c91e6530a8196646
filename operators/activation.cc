// Activation functions: one formula each, and its derivative times the gradient of the output.
#include "operators/kernel/second_grad.h"

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
    .Gradient(SecondGrad("leaky_relu_grad_grad", "X", nullptr, nullptr))
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
    .Gradient(SecondGrad("elu_grad_grad", "X", "grad_out", "X@GRAD"))
    .Kernel<Map<EluGrad>, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
