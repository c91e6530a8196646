// Activation functions that few models use: those that shrink towards 0, scaled exponentials, thresholds.
#include "operators/kernel/second_grad.h"

namespace skiff {
namespace {

struct HardShrink {
  explicit HardShrink(const Attrs& attrs) : threshold(attrs.Get<float>("threshold")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const { return math::Select(math::Abs(x) > V(threshold), x, V(0)); }
  float threshold;
};
struct HardShrinkGrad : HardShrink {
  using HardShrink::HardShrink;
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const { return math::Select(math::Abs(x) > V(threshold), dout, V(0)); }
};
struct SoftShrink {
  explicit SoftShrink(const Attrs& attrs) : lambda(attrs.Get<float>("lambda")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    const V l = V(lambda);
    return math::Select(x > l, x - l, math::Select(x < -l, x + l, V(0)));
  }
  float lambda;
};
struct SoftShrinkGrad : SoftShrink {
  using SoftShrink::SoftShrink;
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const { return math::Select(math::Abs(x) > V(lambda), dout, V(0)); }
};
struct TanhShrink {
  template <typename V> SKIFF_HD V operator()(V x) const { return x - math::Tanh(x); }
};
struct TanhShrinkGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const { return dout * math::Square(math::Tanh(x)); }
};
struct ThresholdedRelu {
  explicit ThresholdedRelu(const Attrs& attrs) : threshold(attrs.Get<float>("threshold")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const { return math::Select(x > V(threshold), x, V(0)); }
  float threshold;
};
struct ThresholdedReluGrad : ThresholdedRelu {
  using ThresholdedRelu::ThresholdedRelu;
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const { return math::Select(x > V(threshold), dout, V(0)); }
};
struct Celu {
  explicit Celu(const Attrs& attrs) : alpha(attrs.Get<float>("alpha")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Max(x, V(0)) + V(alpha) * (math::Exp(math::Min(x, V(0)) / V(alpha)) - V(1));
  }
  float alpha;
};
struct CeluGrad : Celu {
  using Celu::Celu;
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return math::Select(x > V(0), dout, dout * math::Exp(math::Min(x, V(0)) / V(alpha)));
  }
};
struct Selu {
  explicit Selu(const Attrs& attrs) : scale(attrs.Get<float>("scale")), alpha(attrs.Get<float>("alpha")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return V(scale) * math::Select(x > V(0), x, V(alpha) * (math::Exp(math::Min(x, V(0))) - V(1)));
  }
  float scale, alpha;
};
struct SeluGrad : Selu {
  using Selu::Selu;
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return dout * math::Select(out > V(0), V(scale), out + V(scale * alpha));  // the product in float, as Paddle
  }
};
struct ScaledTanh {
  explicit ScaledTanh(const Attrs& attrs) : a(attrs.Get<float>("scale_a")), b(attrs.Get<float>("scale_b")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const { return V(b) * math::Tanh(V(a) * x); }
  float a, b;
};
struct ScaledTanhGrad : ScaledTanh {
  using ScaledTanh::ScaledTanh;
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout * V(a) * V(b) * (V(1) - math::Square(math::Tanh(V(a) * x)));
  }
};

SKIFF_UNARY(hard_shrink, "Out = X where |X| > threshold, 0 elsewhere.")
    .Attr("threshold", 0.5f, "half the width of the interval that becomes 0")
    .Gradient(FromX())
    .Kernel<Map<HardShrink>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(hard_shrink, "X", "X@GRAD = Out@GRAD where |X| > threshold, 0 elsewhere.")
    .Attr("threshold", 0.5f, "as in hard_shrink")
    .Kernel<Map<HardShrinkGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(softshrink, "Out = X - lambda above lambda, X + lambda below -lambda, 0 between.")
    .Attr("lambda", 0.5f, "half the width of the interval that becomes 0")
    .Gradient(FromX())
    .Kernel<Map<SoftShrink>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(softshrink, "X", "X@GRAD = Out@GRAD where |X| > lambda, 0 elsewhere.")
    .Attr("lambda", 0.5f, "as in softshrink")
    .Kernel<Map<SoftShrinkGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(tanh_shrink, "Out = X - tanh(X).")
    .Gradient(FromX())
    .Kernel<Map<TanhShrink>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(tanh_shrink, "X", "X@GRAD = Out@GRAD tanh(X)^2.")
    .Kernel<Map<TanhShrinkGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(thresholded_relu, "Out = X where X > threshold, 0 elsewhere.")
    .Attr("threshold", 1.0f, "largest number that becomes 0")
    .Gradient(FromX())
    .Kernel<Map<ThresholdedRelu>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(thresholded_relu, "X", "X@GRAD = Out@GRAD where X > threshold, 0 elsewhere.")
    .Attr("threshold", 1.0f, "as in thresholded_relu")
    .Kernel<Map<ThresholdedReluGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(celu, "Out = max(X, 0) + min(alpha (exp(X / alpha) - 1), 0).")
    .Attr("alpha", 1.0f, "what Out tends to below, negated")
    .Gradient(FromX())
    .Kernel<Map<Celu>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(celu, "X", "X@GRAD = Out@GRAD where X > 0, Out@GRAD exp(X / alpha) elsewhere.")
    .Attr("alpha", 1.0f, "as in celu")
    .Gradient(SecondGrad("celu_grad_grad", "X", "grad_out", "X@GRAD"))
    .Kernel<Map<CeluGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(selu, "Out = scale X where X > 0, scale alpha (exp(X) - 1) elsewhere.")
    .Attr("scale", 1.0507009873554805f, "slope above 0")
    .Attr("alpha", 1.6732632423543772f, "with scale, what Out tends to below, negated")
    .Gradient(FromOut())
    .Kernel<Map<Selu>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(selu, "Out", "X@GRAD = Out@GRAD scale where Out > 0, Out@GRAD (Out + scale alpha) elsewhere.")
    .Attr("scale", 1.0507009873554805f, "as in selu")
    .Attr("alpha", 1.6732632423543772f, "as in selu")
    .Kernel<Map<SeluGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(stanh, "Out = scale_b tanh(scale_a X).")
    .Attr("scale_a", 0.67f, "factor inside")
    .Attr("scale_b", 1.7159f, "factor outside")
    .Gradient(FromX())
    .Kernel<Map<ScaledTanh>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(stanh, "X", "X@GRAD = Out@GRAD scale_a scale_b (1 - tanh(scale_a X)^2).")
    .Attr("scale_a", 0.67f, "as in stanh")
    .Attr("scale_b", 1.7159f, "as in stanh")
    .Kernel<Map<ScaledTanhGrad>, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
