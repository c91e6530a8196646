// clip: bounds from attributes or from tensors.
#include "operators/kernel/second_grad.h"

namespace skiff {
namespace {

/// Bounds as the attributes give them. For integers a bound beyond int64 is no bound.
template <typename V>
SKIFF_HD inline V Bound(float bound) {
  if constexpr (std::is_integral_v<V>) {
    if (bound >= 9.2233715e18f) return INT64_MAX;
    if (bound <= -9.2233715e18f) return INT64_MIN;
  }
  return static_cast<V>(bound);
}

struct Clip {
  explicit Clip(const Attrs& attrs) : min(attrs.Get<float>("min")), max(attrs.Get<float>("max")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    const V low = Bound<V>(min), high = Bound<V>(max);
    return math::Select(x < low, low, math::Select(x > high, high, x));
  }
  float min, max;
};

struct ClipGrad {
  explicit ClipGrad(const Attrs& attrs)
      : min(attrs.Get<float>("min")), max(attrs.Get<float>("max")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return math::Select((x > Bound<V>(min)) & (x < Bound<V>(max)), dout, V(0));
  }
  float min, max;
};

struct ClipTensors {
  template <typename V>
  SKIFF_HD V operator()(V x, V low, V high) const {
    return math::Select(x < low, low, math::Select(x > high, high, x));
  }
};

struct ClipTensorsGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V low, V high, V dout) const {
    return math::Select((x > low) & (x < high), dout, V(0));
  }
};

/// One bound from a tensor, the other from its attribute.
struct ClipOneTensor {
  explicit ClipOneTensor(const PrepareContext& c)
      : min_given(c.HasInput("Min")), other(c.Attr<float>(min_given ? "max" : "min")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V given) const {
    const V low = min_given ? given : Bound<V>(other), high = min_given ? Bound<V>(other) : given;
    return math::Select(x < low, low, math::Select(x > high, high, x));
  }
  bool min_given;
  float other;
};

struct ClipOneTensorGrad {
  explicit ClipOneTensorGrad(const PrepareContext& c)
      : min_given(c.HasInput("Min")), other(c.Attr<float>(min_given ? "max" : "min")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V given, V dout) const {
    const V low = min_given ? given : Bound<V>(other), high = min_given ? Bound<V>(other) : given;
    return math::Select((x > low) & (x < high), dout, V(0));
  }
  bool min_given;
  float other;
};

template <typename Attr, typename One, typename Tensors>
struct ClipKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& context) {
    const int given = context.HasInput("Min") + context.HasInput("Max");
    if (given == 2) return Broadcast<Tensors>::template Prepare<Device, T>(context);
    if (given == 1) return Broadcast<One>::template Prepare<Device, T>(context);
    return Map<Attr>::template Prepare<Device, T>(context);
  }
};

SKIFF_OP(clip)
    .Doc("Out = min(max(X, min), max).")
    .Source("names of Paddle's clip")
    .Input("X", "any shape")
    .OptionalInput("Min", "one element in place of the attribute; dtype of X")
    .OptionalInput("Max", "one element in place of the attribute; dtype of X")
    .Output("Out", "shape and dtype of X")
    .Attr("min", 0.0f, "lower bound")
    .Attr("max", 0.0f, "upper bound")
    .InferShape(Like("Out", "X"))
    .Inplace("X", "Out")
    .Gradient(StandardGrad({"X", "Min", "Max"}, {}, {"Out"}, {"X"}))
    .Kernel<ClipKernel<Clip, ClipOneTensor, ClipTensors>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(clip_grad)
    .Doc("X@GRAD = Out@GRAD where min < X < max, 0 elsewhere.")
    .Source("derivative of clip")
    .Input("X", "input of clip")
    .OptionalInput("Min", "as in clip")
    .OptionalInput("Max", "as in clip")
    .Input("Out@GRAD", "shape and dtype of X")
    .Output("X@GRAD", "shape and dtype of X")
    .Attr("min", 0.0f, "as in clip")
    .Attr("max", 0.0f, "as in clip")
    .InferShape(Like("X@GRAD", "X"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Gradient(SecondGrad("clip_double_grad", "X", nullptr, nullptr, {"Min", "Max"}))
    .Kernel<ClipKernel<ClipGrad, ClipOneTensorGrad, ClipTensorsGrad>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(clip_double_grad)
    .Doc("Second gradient of clip: grad_out@GRAD = grad_x@GRAD where min < X < max, 0 elsewhere.")
    .Source("derivative of clip_grad; slots of Paddle's clip_double_grad")
    .Input("X", "input of clip")
    .OptionalInput("Min", "as in clip")
    .OptionalInput("Max", "as in clip")
    .Input("grad_x@GRAD", "gradient of clip_grad's X@GRAD")
    .Output("grad_out@GRAD", "shape and dtype of X")
    .Attr("min", 0.0f, "as in clip")
    .Attr("max", 0.0f, "as in clip")
    .InferShape(Like("grad_out@GRAD", "X"))
    .Inplace("grad_x@GRAD", "grad_out@GRAD")
    .Kernel<ClipKernel<ClipGrad, ClipOneTensorGrad, ClipTensorsGrad>, SKIFF_FLOATS, int32_t, int64_t>();

}  // namespace
}  // namespace skiff
