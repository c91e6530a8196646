// Powers of one tensor: square, roots, reciprocal, pow.
#include "operators/kernel/second_grad.h"

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
    .Gradient(SecondGradFromResult("sqrt_grad_grad"))
    .Kernel<Map<SqrtGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(rsqrt, "Out = 1 / the square root of X.")
    .Gradient(FromOut())
    .Kernel<Map<Rsqrt>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(rsqrt, "Out", "X@GRAD = -Out@GRAD Out^3 / 2.")
    .Gradient(SecondGradFromResult("rsqrt_grad_grad"))
    .Kernel<Map<RsqrtGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(square, "Out = X^2.")
    .InferShape(Like("Out", "X"))
    .Gradient(FromX())
    .Kernel<Map<Square>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_UNARY_GRAD(square, "X", "X@GRAD = 2 Out@GRAD X.")
    .Gradient(SecondGrad("square_grad_grad", "X", "grad_out", "X@GRAD"))
    .Kernel<Map<SquareGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(reciprocal, "Out = 1 / X.")
    .Gradient(FromOut())
    .Kernel<Map<Reciprocal>, SKIFF_FLOATS>();

SKIFF_UNARY_GRAD(reciprocal, "Out", "X@GRAD = -Out@GRAD Out^2.")
    .Kernel<Map<ReciprocalGrad>, SKIFF_FLOATS>();

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
    .Gradient(SecondGrad("pow_double_grad", "X", "grad_out", "X@GRAD", {"FactorTensor"}))
    .Kernel<PowGradKernel, SKIFF_FLOATS, int32_t, int64_t>();

}  // namespace
}  // namespace skiff
