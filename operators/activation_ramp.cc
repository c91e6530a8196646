// Activation functions that are straight between bounds: relu6, hard_swish, hard_sigmoid, brelu.
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

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

SKIFF_UNARY(relu6, "Out = min(max(X, 0), threshold).")
    .Attr("threshold", 6.0f, "upper bound")
    .Gradient(FromOut())
    .Kernel<Map<Relu6>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(relu6, "Out", "X@GRAD = Out@GRAD where 0 < Out < threshold, 0 elsewhere.")
    .Attr("threshold", 6.0f, "upper bound")
    .Kernel<Map<Relu6Grad>, SKIFF_FLOATS>();

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

SKIFF_UNARY(brelu, "Out = min(max(X, t_min), t_max).")
    .Attr("t_min", 0.0f, "lower bound")
    .Attr("t_max", 24.0f, "upper bound")
    .Gradient(FromX())
    .Kernel<Map<Brelu>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(brelu, "X", "X@GRAD = Out@GRAD where t_min < X < t_max, 0 elsewhere.")
    .Attr("t_min", 0.0f, "lower bound")
    .Attr("t_max", 24.0f, "upper bound")
    .Kernel<Map<BreluGrad>, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
