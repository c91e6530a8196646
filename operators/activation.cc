// Activation functions: one formula each, and its derivative times the gradient of the output.
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

/// log(1 + exp(x)) without overflow; x itself above `threshold`.
template <typename V>
SKIFF_HD inline V SoftplusAbove(V x, V threshold) {
  const V soft = math::Max(x, V(0)) + math::Log1p(math::Exp(-math::Abs(x)));
  return math::Select(x > threshold, x, soft);
}

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

struct Relu6 {
  explicit Relu6(const Attrs& attrs)
      : threshold(attrs.Get<float>("threshold")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Min(math::Max(x, V(0)), V(threshold));
  }
  float threshold;
};

struct Relu6Grad {
  explicit Relu6Grad(const Attrs& attrs)
      : threshold(attrs.Get<float>("threshold")) {}
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return math::Select((out > V(0)) & (out < V(threshold)), dout, V(0));
  }
  float threshold;
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

struct Logsigmoid {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Min(x, V(0)) - math::Log1p(math::Exp(-math::Abs(x)));
  }
};

struct LogsigmoidGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout * math::Sigmoid(-x);
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

struct Silu {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return x * math::Sigmoid(x);
  }
};

struct SiluGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    const V s = math::Sigmoid(x);
    return dout * s * (V(1) + x * (V(1) - s));
  }
};

struct Swish {
  explicit Swish(const Attrs& attrs)
      : beta(attrs.Get<float>("beta")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return x * math::Sigmoid(V(beta) * x);
  }
  float beta;
};

struct SwishGrad {
  explicit SwishGrad(const Attrs& attrs)
      : beta(attrs.Get<float>("beta")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    const V s = math::Sigmoid(V(beta) * x);
    return dout * s * (V(1) + V(beta) * x * (V(1) - s));
  }
  float beta;
};

struct HardSwish {
  explicit HardSwish(const Attrs& attrs)
      : threshold(attrs.Get<float>("threshold")), scale(attrs.Get<float>("scale")), offset(attrs.Get<float>("offset")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return x * math::Min(math::Max(x + V(offset), V(0)), V(threshold)) / V(scale);
  }
  float threshold;
  float scale;
  float offset;
};

struct HardSwishGrad {
  explicit HardSwishGrad(const Attrs& attrs)
      : threshold(attrs.Get<float>("threshold")), scale(attrs.Get<float>("scale")), offset(attrs.Get<float>("offset")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    const V inside = dout * (V(2) * x + V(offset)) / V(scale);
    const V gate = x + V(offset);
    return math::Select(gate >= V(threshold), dout, math::Select(gate > V(0), inside, V(0)));
  }
  float threshold;
  float scale;
  float offset;
};

struct HardSigmoid {
  explicit HardSigmoid(const Attrs& attrs)
      : slope(attrs.Get<float>("slope")), offset(attrs.Get<float>("offset")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Min(math::Max(V(slope) * x + V(offset), V(0)), V(1));
  }
  float slope;
  float offset;
};

struct HardSigmoidGrad {
  explicit HardSigmoidGrad(const Attrs& attrs)
      : slope(attrs.Get<float>("slope")), offset(attrs.Get<float>("offset")) {}
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return math::Select((out > V(0)) & (out < V(1)), dout * V(slope), V(0));
  }
  float slope;
  float offset;
};

struct Softplus {
  explicit Softplus(const Attrs& attrs)
      : beta(attrs.Get<float>("beta")), threshold(attrs.Get<float>("threshold")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    const V z = V(beta) * x;
    const V soft = (math::Max(z, V(0)) + math::Log1p(math::Exp(-math::Abs(z)))) / V(beta);
    return math::Select(z > V(threshold), x, soft);
  }
  float beta;
  float threshold;
};

struct SoftplusGrad {
  explicit SoftplusGrad(const Attrs& attrs)
      : beta(attrs.Get<float>("beta")), threshold(attrs.Get<float>("threshold")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    const V z = V(beta) * x;
    return math::Select(z > V(threshold), dout, dout * math::Sigmoid(z));
  }
  float beta;
  float threshold;
};

struct Softsign {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return x / (V(1) + math::Abs(x));
  }
};

struct SoftsignGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout / math::Square(V(1) + math::Abs(x));
  }
};

struct Mish {
  explicit Mish(const Attrs& attrs)
      : threshold(attrs.Get<float>("threshold")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return x * math::Tanh(SoftplusAbove(x, V(threshold)));
  }
  float threshold;
};

struct MishGrad {
  explicit MishGrad(const Attrs& attrs)
      : threshold(attrs.Get<float>("threshold")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    const V t = math::Tanh(SoftplusAbove(x, V(threshold)));
    return dout * (t + x * (V(1) - t * t) * math::Sigmoid(x));
  }
  float threshold;
};

struct Brelu {
  explicit Brelu(const Attrs& attrs)
      : t_min(attrs.Get<float>("t_min")), t_max(attrs.Get<float>("t_max")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Min(math::Max(x, V(t_min)), V(t_max));
  }
  float t_min;
  float t_max;
};

struct BreluGrad {
  explicit BreluGrad(const Attrs& attrs)
      : t_min(attrs.Get<float>("t_min")), t_max(attrs.Get<float>("t_max")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return math::Select((x > V(t_min)) & (x < V(t_max)), dout, V(0));
  }
  float t_min;
  float t_max;
};

/// Phi, the distribution function of the standard normal.
struct Gelu {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return V(0.5) * x * (V(1) + math::Erf(x * V(0.7071067811865476)));
  }
};

struct GeluGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    const V cdf = V(0.5) * (V(1) + math::Erf(x * V(0.7071067811865476)));
    const V pdf = V(0.3989422804014327) * math::Exp(V(-0.5) * x * x);
    return dout * (cdf + x * pdf);
  }
};

struct GeluTanh {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return V(0.5) * x * (V(1) + math::Tanh(V(0.7978845608028654) * (x + V(0.044715) * x * x * x)));
  }
};

struct GeluTanhGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    const V t = math::Tanh(V(0.7978845608028654) * (x + V(0.044715) * x * x * x));
    const V slope = V(0.7978845608028654) * (V(1) + V(3 * 0.044715) * x * x);
    return dout * V(0.5) * (V(1) + t + x * (V(1) - t * t) * slope);
  }
};

/// One of two formulas, by the attribute `approximate`.
template <typename Exact, typename Approximate>
struct ByApproximate {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& context) {
    if (context.Attr<bool>("approximate")) return Map<Approximate>::template Prepare<Device, T>(context);
    return Map<Exact>::template Prepare<Device, T>(context);
  }
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

SKIFF_UNARY(relu6, "Out = min(max(X, 0), threshold).")
    .Attr("threshold", 6.0f, "upper bound")
    .Gradient(FromOut())
    .Kernel<Map<Relu6>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(relu6, "Out", "X@GRAD = Out@GRAD where 0 < Out < threshold, 0 elsewhere.")
    .Attr("threshold", 6.0f, "upper bound")
    .Kernel<Map<Relu6Grad>, SKIFF_FLOATS>();

SKIFF_UNARY(sigmoid, "Out = 1 / (1 + exp(-X)).")
    .Gradient(FromOut())
    .Kernel<Map<Sigmoid>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(sigmoid, "Out", "X@GRAD = Out@GRAD Out (1 - Out).")
    .Gradient(SecondGrad("sigmoid_grad_grad", "Out", "fwd_grad_out", "Out@GRAD"))
    .Kernel<Map<SigmoidGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(logsigmoid, "Out = log(1 / (1 + exp(-X))).")
    .Gradient(FromX())
    .Kernel<Map<Logsigmoid>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(logsigmoid, "X", "X@GRAD = Out@GRAD / (1 + exp(X)).")
    .Kernel<Map<LogsigmoidGrad>, SKIFF_FLOATS>();

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

SKIFF_UNARY(silu, "Out = X sigmoid(X).")
    .Gradient(FromX())
    .Kernel<Map<Silu>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(silu, "X", "X@GRAD = Out@GRAD s (1 + X (1 - s)), s = sigmoid(X).")
    .Kernel<Map<SiluGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(swish, "Out = X sigmoid(beta X).")
    .Attr("beta", 1.0f, "factor inside the sigmoid")
    .Gradient(FromX())
    .Kernel<Map<Swish>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(swish, "X", "X@GRAD = Out@GRAD s (1 + beta X (1 - s)), s = sigmoid(beta X).")
    .Attr("beta", 1.0f, "factor inside the sigmoid")
    .Kernel<Map<SwishGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(hard_swish, "Out = X min(max(X + offset, 0), threshold) / scale.")
    .Attr("threshold", 6.0f, "upper bound of the gate")
    .Attr("scale", 6.0f, "divisor")
    .Attr("offset", 3.0f, "shift of the gate")
    .Gradient(FromX())
    .Kernel<Map<HardSwish>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(hard_swish, "X", "X@GRAD = Out@GRAD (2 X + offset) / scale inside the ramp, Out@GRAD above, 0 below.")
    .Attr("threshold", 6.0f, "upper bound of the gate")
    .Attr("scale", 6.0f, "divisor")
    .Attr("offset", 3.0f, "shift of the gate")
    .Kernel<Map<HardSwishGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(hard_sigmoid, "Out = min(max(slope X + offset, 0), 1).")
    .Attr("slope", 0.2f, "slope of the ramp")
    .Attr("offset", 0.5f, "value at 0")
    .Gradient(FromOut())
    .Kernel<Map<HardSigmoid>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(hard_sigmoid, "Out", "X@GRAD = slope Out@GRAD where 0 < Out < 1, 0 elsewhere.")
    .Attr("slope", 0.2f, "slope of the ramp")
    .Attr("offset", 0.5f, "value at 0")
    .Kernel<Map<HardSigmoidGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(softplus, "Out = log(1 + exp(beta X)) / beta, or X where beta X > threshold.")
    .Attr("beta", 1.0f, "sharpness")
    .Attr("threshold", 20.0f, "where the function is taken for X itself")
    .Gradient(FromX())
    .Kernel<Map<Softplus>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(softplus, "X", "X@GRAD = Out@GRAD sigmoid(beta X), or Out@GRAD where beta X > threshold.")
    .Attr("beta", 1.0f, "sharpness")
    .Attr("threshold", 20.0f, "where the function is taken for X itself")
    .Kernel<Map<SoftplusGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(softsign, "Out = X / (1 + |X|).")
    .Gradient(FromX())
    .Kernel<Map<Softsign>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(softsign, "X", "X@GRAD = Out@GRAD / (1 + |X|)^2.")
    .Kernel<Map<SoftsignGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(mish, "Out = X tanh(log(1 + exp(X))).")
    .Attr("threshold", 20.0f, "where the logarithm is taken for X itself")
    .Gradient(FromX())
    .Kernel<Map<Mish>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(mish, "X", "X@GRAD = Out@GRAD (t + X (1 - t^2) sigmoid(X)), t = Out / X.")
    .Attr("threshold", 20.0f, "where the logarithm is taken for X itself")
    .Kernel<Map<MishGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(brelu, "Out = min(max(X, t_min), t_max).")
    .Attr("t_min", 0.0f, "lower bound")
    .Attr("t_max", 24.0f, "upper bound")
    .Gradient(FromX())
    .Kernel<Map<Brelu>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(brelu, "X", "X@GRAD = Out@GRAD where t_min < X < t_max, 0 elsewhere.")
    .Attr("t_min", 0.0f, "lower bound")
    .Attr("t_max", 24.0f, "upper bound")
    .Kernel<Map<BreluGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(gelu, "Out = X Phi(X), or with tanh in place of Phi's integral when approximate.")
    .Attr("approximate", false, "0.5 X (1 + tanh(sqrt(2 / pi) (X + 0.044715 X^3)))")
    .Gradient(FromX())
    .Kernel<ByApproximate<Gelu, GeluTanh>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(gelu, "X", "X@GRAD = Out@GRAD times the derivative of gelu at X.")
    .Attr("approximate", false, "as in gelu")
    .Kernel<ByApproximate<GeluGrad, GeluTanhGrad>, SKIFF_FLOATS>();

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
