// Elementary functions of one tensor, element by element.
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct Exp {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Exp(x);
  }
};

struct ExpGrad {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return dout * out;
  }
};

struct Log {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Log(x);
  }
};

struct LogGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout / x;
  }
};

struct Log2 {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Log(x) * V(1.4426950408889634);
  }
};

struct Log2Grad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout / (x * V(0.6931471805599453));
  }
};

struct Log10 {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Log(x) * V(0.4342944819032518);
  }
};

struct Log10Grad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout / (x * V(2.302585092994046));
  }
};

struct Log1p {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Log1p(x);
  }
};

struct Log1pGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout / (V(1) + x);
  }
};

struct Sqrt {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Sqrt(x);
  }
};

struct SqrtGrad {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return V(0.5) * dout / out;
  }
};

struct Rsqrt {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Rsqrt(x);
  }
};

struct RsqrtGrad {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return V(-0.5) * dout * out * out * out;
  }
};

struct Square {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return x * x;
  }
};

struct SquareGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return V(2) * dout * x;
  }
};

struct Abs {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Abs(x);
  }
};

struct AbsGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout * math::Sign(x);
  }
};

struct Floor {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Floor(x);
  }
};

struct Ceil {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Ceil(x);
  }
};

struct Round {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Round(x);
  }
};

struct Reciprocal {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return V(1) / x;
  }
};

struct ReciprocalGrad {
  template <typename V>
  SKIFF_HD V operator()(V out, V dout) const {
    return -dout * out * out;
  }
};

struct Sin {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Sin(x);
  }
};

struct SinGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout * math::Cos(x);
  }
};

struct Cos {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Cos(x);
  }
};

struct CosGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return -dout * math::Sin(x);
  }
};

struct Erf {
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return math::Erf(x);
  }
};

struct ErfGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout * V(1.1283791670955126) * math::Exp(-x * x);
  }
};

struct Zero {
  template <typename V>
  SKIFF_HD V operator()(V) const { return V(0); }
};

struct SqrtGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V out, V dx, V ddx) const {
    return {-dx * ddx / out, V(0.5) * ddx / out};
  }
};

struct SquareGradGrad {
  template <typename V>
  SKIFF_HD Two<V> operator()(V x, V dout, V ddx) const {
    return {V(2) * dout * ddx, V(2) * x * ddx};
  }
};

/// Slots of Paddle's sqrt_grad_grad: it takes X@GRAD, under the name grad_x, in place of Out@GRAD.
[[maybe_unused]] GradMaker SecondGradOfSqrt() {
  return [](const GradContext& g) -> std::vector<Operator> {
    return {{"sqrt_grad_grad",
             {{"Out", g.In("Out")}, {"grad_x", g.Out("X@GRAD")}, {"grad_x@GRAD", g.OutGrad("X@GRAD")}},
             {{"Out@GRAD", g.InGrad("Out")}, {"grad_out@GRAD", g.InGrad("Out@GRAD")}},
             g.fwd.attrs}};
  };
}
[[maybe_unused]] GradMaker SecondGradOfSquare() {
  return [](const GradContext& g) -> std::vector<Operator> {
    return {{"square_grad_grad",
             {{"X", g.In("X")}, {"grad_out", g.In("Out@GRAD")}, {"grad_x@GRAD", g.OutGrad("X@GRAD")}},
             {{"X@GRAD", g.InGrad("X")}, {"grad_out@GRAD", g.InGrad("Out@GRAD")}},
             g.fwd.attrs}};
  };
}
[[maybe_unused]] InferFn BothLike(const char* first, const char* second, const char* input) {
  return [=](InferContext& c) {
    const TensorMeta like = c.Input(input);
    c.SetOutput(first, like);
    c.SetOutput(second, like);
  };
}

struct Sign {
  template <typename V>
  SKIFF_HD V operator()(V x) const { return math::Sign(x); }
};

struct Pow {
  explicit Pow(const Attrs& attrs) : factor(attrs.Get<float>("factor")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const { return math::Pow(x, V(factor)); }
  float factor;
};
struct PowTensor {
  template <typename V>
  SKIFF_HD V operator()(V x, V factor) const { return math::Pow(x, factor); }
};
struct PowSquare {
  template <typename V>
  SKIFF_HD V operator()(V x) const { return x * x; }
};
struct PowGrad {
  explicit PowGrad(const Attrs& attrs) : factor(attrs.Get<float>("factor")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return dout * V(factor) * math::Pow(x, V(factor) - V(1));
  }
  float factor;
};
struct PowTensorGrad {
  template <typename V>
  SKIFF_HD V operator()(V x, V factor, V dout) const {
    return dout * factor * math::Pow(x, factor - V(1));
  }
};

/// The factor comes from the attribute or, where it is given, from the one element of FactorTensor.
struct PowKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& context) {
    if (context.HasInput("FactorTensor")) return Broadcast<PowTensor>::Prepare<Device, T>(context);
    if (context.Attr<float>("factor") == 2.0f) return Map<PowSquare>::Prepare<Device, T>(context);
    return Map<Pow>::Prepare<Device, T>(context);
  }
};
struct PowGradKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& context) {
    if (context.HasInput("FactorTensor")) return Broadcast<PowTensorGrad>::Prepare<Device, T>(context);
    return Map<PowGrad>::Prepare<Device, T>(context);
  }
};

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

SKIFF_UNARY(exp, "Out = e^X.")
    .Gradient(FromOut())
    .Kernel<Map<Exp>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(exp, "Out", "X@GRAD = Out@GRAD Out.")
    .Kernel<Map<ExpGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(log, "Out = ln X; -inf at 0, NaN below.")
    .Gradient(FromX())
    .Kernel<Map<Log>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(log, "X", "X@GRAD = Out@GRAD / X.")
    .Kernel<Map<LogGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(log2, "Out = log2 X.")
    .Gradient(FromX())
    .Kernel<Map<Log2>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(log2, "X", "X@GRAD = Out@GRAD / (X ln 2).")
    .Kernel<Map<Log2Grad>, SKIFF_FLOATS>();

SKIFF_UNARY(log10, "Out = log10 X.")
    .Gradient(FromX())
    .Kernel<Map<Log10>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(log10, "X", "X@GRAD = Out@GRAD / (X ln 10).")
    .Kernel<Map<Log10Grad>, SKIFF_FLOATS>();

SKIFF_UNARY(log1p, "Out = ln(1 + X), exact near 0.")
    .Gradient(FromX())
    .Kernel<Map<Log1p>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(log1p, "X", "X@GRAD = Out@GRAD / (1 + X).")
    .Kernel<Map<Log1pGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(sqrt, "Out = the square root of X.")
    .Gradient(FromOut())
    .Kernel<Map<Sqrt>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(sqrt, "Out", "X@GRAD = Out@GRAD / (2 Out).")
    .Gradient(SecondGradOfSqrt())
    .Kernel<Map<SqrtGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(rsqrt, "Out = 1 / the square root of X.")
    .Gradient(FromOut())
    .Kernel<Map<Rsqrt>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(rsqrt, "Out", "X@GRAD = -Out@GRAD Out^3 / 2.")
    .Kernel<Map<RsqrtGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(square, "Out = X^2.")
    .InferShape(Like("Out", "X"))
    .Gradient(FromX())
    .Kernel<Map<Square>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_UNARY_GRAD(square, "X", "X@GRAD = 2 Out@GRAD X.")
    .Gradient(SecondGradOfSquare())
    .Kernel<Map<SquareGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(abs, "Out = |X|.")
    .InferShape(Like("Out", "X"))
    .Gradient(FromX())
    .Kernel<Map<Abs>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_UNARY_GRAD(abs, "X", "X@GRAD = Out@GRAD sign(X).")
    .Kernel<Map<AbsGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(floor, "Out = the largest integer not above X.")
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<Map<Floor>, SKIFF_FLOATS>();

SKIFF_UNARY(ceil, "Out = the smallest integer not below X.")
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<Map<Ceil>, SKIFF_FLOATS>();

SKIFF_UNARY(round, "Out = the nearest integer; halves go away from zero.")
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<Map<Round>, SKIFF_FLOATS>();

SKIFF_UNARY(reciprocal, "Out = 1 / X.")
    .Gradient(FromOut())
    .Kernel<Map<Reciprocal>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(reciprocal, "Out", "X@GRAD = -Out@GRAD Out^2.")
    .Kernel<Map<ReciprocalGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(sin, "Out = sin X, X in radians.")
    .Gradient(FromX())
    .Kernel<Map<Sin>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(sin, "X", "X@GRAD = Out@GRAD cos X.")
    .Kernel<Map<SinGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(cos, "Out = cos X, X in radians.")
    .Gradient(FromX())
    .Kernel<Map<Cos>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(cos, "X", "X@GRAD = -Out@GRAD sin X.")
    .Kernel<Map<CosGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(erf, "Out = the error function of X.")
    .Gradient(FromX())
    .Kernel<Map<Erf>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(erf, "X", "X@GRAD = Out@GRAD 2 / sqrt(pi) exp(-X^2).")
    .Kernel<Map<ErfGrad>, SKIFF_FLOATS>();

SKIFF_OP(floor_grad)
    .Doc("X@GRAD = 0: floor is constant between integers.")
    .Source("Paddle's floor_grad")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Kernel<Map<Zero>, SKIFF_FLOATS>();

SKIFF_OP(ceil_grad)
    .Doc("X@GRAD = 0: ceil is constant between integers.")
    .Source("Paddle's ceil_grad")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Kernel<Map<Zero>, SKIFF_FLOATS>();

SKIFF_OP(round_grad)
    .Doc("X@GRAD = 0: round is constant between halves.")
    .Source("Paddle's round_grad")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Kernel<Map<Zero>, SKIFF_FLOATS>();

SKIFF_OP(sqrt_grad_grad)
    .Doc("Second gradient of sqrt, by Out and by the output's gradient.")
    .Source("derivative of sqrt_grad; slots of Paddle's sqrt_grad_grad")
    .Input("Out", "output of sqrt")
    .Input("grad_x", "X@GRAD of sqrt_grad")
    .Input("grad_x@GRAD", "its gradient")
    .OptionalOutput("Out@GRAD", "-grad_x grad_x@GRAD / Out")
    .OptionalOutput("grad_out@GRAD", "grad_x@GRAD / (2 Out)")
    .InferShape(BothLike("Out@GRAD", "grad_out@GRAD", "Out"))
    .Kernel<Map<SqrtGradGrad>, SKIFF_FLOATS>();

SKIFF_OP(square_grad_grad)
    .Doc("Second gradient of square, by X and by the output's gradient.")
    .Source("derivative of square_grad; slots of Paddle's square_grad_grad")
    .Input("X", "input of square")
    .Input("grad_out", "Out@GRAD of square_grad")
    .Input("grad_x@GRAD", "gradient of square_grad's X@GRAD")
    .OptionalOutput("X@GRAD", "2 grad_out grad_x@GRAD")
    .OptionalOutput("grad_out@GRAD", "2 X grad_x@GRAD")
    .InferShape(BothLike("X@GRAD", "grad_out@GRAD", "X"))
    .Kernel<Map<SquareGradGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(sign, "Out = 1 where X > 0, -1 where X < 0, 0 at 0.")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"scale", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}, {{"scale", 0.0f}}}};
    })
    .Kernel<Map<Sign>, SKIFF_FLOATS>();

SKIFF_OP(pow)
    .Doc("Out = X^factor.")
    .Source("names and defaults of Paddle's pow")
    .Input("X", "any shape")
    .OptionalInput("FactorTensor", "one element in place of the attribute; dtype of X")
    .Output("Out", "shape and dtype of X")
    .Attr("factor", 1.0f, "exponent")
    .InferShape(Like("Out", "X"))
    .Inplace("X", "Out")
    .Gradient(StandardGrad({"X", "FactorTensor"}, {}, {"Out"}, {"X"}))
    .Kernel<PowKernel, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(pow_grad)
    .Doc("X@GRAD = Out@GRAD factor X^(factor - 1).")
    .Source("derivative of pow")
    .Input("X", "input of pow")
    .OptionalInput("FactorTensor", "as in pow")
    .Input("Out@GRAD", "shape and dtype of X")
    .Output("X@GRAD", "shape and dtype of X")
    .Attr("factor", 1.0f, "as in pow")
    .InferShape(Like("X@GRAD", "X"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Kernel<PowGradKernel, SKIFF_FLOATS, int32_t, int64_t>();

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
    .Kernel<ClipKernel<ClipGrad, ClipOneTensorGrad, ClipTensorsGrad>, SKIFF_FLOATS, int32_t, int64_t>();

}  // namespace
}  // namespace skiff
