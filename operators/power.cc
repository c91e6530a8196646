// Powers of one tensor: square, roots, reciprocal, pow.
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

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

SKIFF_UNARY(reciprocal, "Out = 1 / X.")
    .Gradient(FromOut())
    .Kernel<Map<Reciprocal>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(reciprocal, "Out", "X@GRAD = -Out@GRAD Out^2.")
    .Kernel<Map<ReciprocalGrad>, SKIFF_FLOATS>();

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

}  // namespace
}  // namespace skiff
