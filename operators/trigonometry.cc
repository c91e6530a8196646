// Trigonometric and hyperbolic functions, element by element. They call the system's library.
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct Tan {
  template <typename V> SKIFF_HD V operator()(V x) const { return math::Tan(x); }
};
struct TanGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const { return dout * (V(1) + math::Square(math::Tan(x))); }
};
struct Asin {
  template <typename V> SKIFF_HD V operator()(V x) const { return math::Asin(x); }
};
struct AsinGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const { return dout * math::Rsqrt(V(1) - x * x); }
};
struct Acos {
  template <typename V> SKIFF_HD V operator()(V x) const { return math::Acos(x); }
};
struct AcosGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const { return -dout * math::Rsqrt(V(1) - x * x); }
};
struct Atan {
  template <typename V> SKIFF_HD V operator()(V x) const { return math::Atan(x); }
};
struct AtanGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const { return dout / (V(1) + x * x); }
};
struct Sinh {
  template <typename V> SKIFF_HD V operator()(V x) const { return math::Sinh(x); }
};
struct SinhGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const { return dout * math::Cosh(x); }
};
struct Cosh {
  template <typename V> SKIFF_HD V operator()(V x) const { return math::Cosh(x); }
};
struct CoshGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const { return dout * math::Sinh(x); }
};
struct Asinh {
  template <typename V> SKIFF_HD V operator()(V x) const { return static_cast<V>(asinh(static_cast<double>(x))); }
};
struct AsinhGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const { return dout * math::Rsqrt(x * x + V(1)); }
};
struct Acosh {
  template <typename V> SKIFF_HD V operator()(V x) const { return static_cast<V>(acosh(static_cast<double>(x))); }
};
struct AcoshGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const { return dout * math::Rsqrt(x * x - V(1)); }
};
struct Atanh {
  template <typename V> SKIFF_HD V operator()(V x) const { return static_cast<V>(atanh(static_cast<double>(x))); }
};
struct AtanhGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const { return dout / (V(1) - x * x); }
};
struct Expm1 {
  template <typename V> SKIFF_HD V operator()(V x) const { return math::Expm1(x); }
};
struct Expm1Grad {
  template <typename V> SKIFF_HD V operator()(V out, V dout) const { return dout * (out + V(1)); }
};

SKIFF_UNARY(tan, "Out = tan X, X in radians.")
    .Gradient(FromX())
    .Kernel<Map<Tan>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(tan, "X", "X@GRAD = Out@GRAD (1 + tan(X)^2).")
    .Kernel<Map<TanGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(asin, "Out = arcsin X.")
    .Gradient(FromX())
    .Kernel<Map<Asin>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(asin, "X", "X@GRAD = Out@GRAD / sqrt(1 - X^2).")
    .Kernel<Map<AsinGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(acos, "Out = arccos X.")
    .Gradient(FromX())
    .Kernel<Map<Acos>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(acos, "X", "X@GRAD = -Out@GRAD / sqrt(1 - X^2).")
    .Kernel<Map<AcosGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(atan, "Out = arctan X.")
    .Gradient(FromX())
    .Kernel<Map<Atan>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(atan, "X", "X@GRAD = Out@GRAD / (1 + X^2).")
    .Kernel<Map<AtanGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(sinh, "Out = sinh X.")
    .Gradient(FromX())
    .Kernel<Map<Sinh>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(sinh, "X", "X@GRAD = Out@GRAD cosh X.")
    .Kernel<Map<SinhGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(cosh, "Out = cosh X.")
    .Gradient(FromX())
    .Kernel<Map<Cosh>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(cosh, "X", "X@GRAD = Out@GRAD sinh X.")
    .Kernel<Map<CoshGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(expm1, "Out = exp(X) - 1, exact near 0.")
    .Gradient(FromOut())
    .Kernel<Map<Expm1>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(expm1, "Out", "X@GRAD = Out@GRAD (Out + 1).")
    .Kernel<Map<Expm1Grad>, SKIFF_FLOATS>();

SKIFF_UNARY(asinh, "Out = arsinh X.")
    .Gradient(FromX())
    .Kernel<Map<Asinh>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(asinh, "X", "X@GRAD = Out@GRAD / sqrt(X^2 + 1).")
    .Kernel<Map<AsinhGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(acosh, "Out = arcosh X.")
    .Gradient(FromX())
    .Kernel<Map<Acosh>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(acosh, "X", "X@GRAD = Out@GRAD / sqrt(X^2 - 1).")
    .Kernel<Map<AcoshGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(atanh, "Out = artanh X.")
    .Gradient(FromX())
    .Kernel<Map<Atanh>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(atanh, "X", "X@GRAD = Out@GRAD / (1 - X^2).")
    .Kernel<Map<AtanhGrad>, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
