// Activation functions made of exp, log and the error function; smooth everywhere.
#include "operators/kernel/second_grad.h"

namespace skiff {
namespace {

/// log(1 + exp(x)) without overflow; x itself above `threshold`.
template <typename V>
SKIFF_HD inline V SoftplusAbove(V x, V threshold) {
  const V soft = math::Max(x, V(0)) + math::Log1p(math::Exp(-math::Abs(x)));
  return math::Select(x > threshold, x, soft);
}

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

struct SoftRelu {
  explicit SoftRelu(const Attrs& attrs) : threshold(attrs.Get<float>("threshold")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    const V bounded = math::Min(math::Max(x, V(-threshold)), V(threshold));
    return math::Max(bounded, V(0)) + math::Log1p(math::Exp(-math::Abs(bounded)));
  }
  float threshold;
};

struct SoftReluGrad {
  explicit SoftReluGrad(const Attrs& attrs) : threshold(attrs.Get<float>("threshold")) {}
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return math::Select((out > V(-threshold)) & (out < V(threshold)), dout * (V(1) - math::Exp(-out)), V(0));
  }
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

SKIFF_UNARY(logsigmoid, "Out = log(1 / (1 + exp(-X))).")
    .Gradient(FromX())
    .Kernel<Map<Logsigmoid>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(logsigmoid, "X", "X@GRAD = Out@GRAD / (1 + exp(X)).")
    .Kernel<Map<LogsigmoidGrad>, SKIFF_FLOATS>();

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

SKIFF_UNARY(softplus, "Out = log(1 + exp(beta X)) / beta, or X where beta X > threshold.")
    .Attr("beta", 1.0f, "sharpness")
    .Attr("threshold", 20.0f, "where the function is taken for X itself")
    .Gradient(FromX())
    .Kernel<Map<Softplus>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(softplus, "X", "X@GRAD = Out@GRAD sigmoid(beta X), or Out@GRAD where beta X > threshold.")
    .Attr("beta", 1.0f, "sharpness")
    .Attr("threshold", 20.0f, "where the function is taken for X itself")
    .Gradient(SecondGrad("softplus_double_grad", "X", "grad_out", "X@GRAD"))
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

SKIFF_UNARY(gelu, "Out = X Phi(X), or with tanh in place of Phi's integral when approximate.")
    .Attr("approximate", false, "0.5 X (1 + tanh(sqrt(2 / pi) (X + 0.044715 X^3)))")
    .Gradient(FromX())
    .Kernel<ByApproximate<Gelu, GeluTanh>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(gelu, "X", "X@GRAD = Out@GRAD times the derivative of gelu at X.")
    .Attr("approximate", false, "as in gelu")
    .Kernel<ByApproximate<GeluGrad, GeluTanhGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(soft_relu, "Out = log(1 + exp(X)) with X kept between -threshold and threshold.")
    .Attr("threshold", 40.0f, "bound of X")
    .Gradient(FromOut())
    .Kernel<Map<SoftRelu>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(soft_relu, "Out", "X@GRAD = Out@GRAD (1 - exp(-Out)) where Out is inside the bounds.")
    .Attr("threshold", 40.0f, "as in soft_relu")
    .Kernel<Map<SoftReluGrad>, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
