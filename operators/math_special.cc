// Special functions: lgamma, digamma, polygamma, erfinv, logit, and the modified Bessel functions i0, i0e, i1,
// i1e. They are computed in double: rare in models, and their errors grow fast.
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// Recurrence up to 10, then the asymptotic series (Abramowitz and Stegun 6.3.18); reflection below 0.
SKIFF_HD double Digamma(double x) {
  double sum = 0;
  if (x <= 0) {
    if (floor(x) == x) return kNan;
    sum = -kPi / tan(kPi * x);
    x = 1 - x;
  }
  for (; x < 10; x += 1) sum -= 1 / x;
  const double f = 1 / (x * x);
  return sum + log(x) - 0.5 / x -
         f * (1.0 / 12 - f * (1.0 / 120 - f * (1.0 / 252 - f * (1.0 / 240 - f * (1.0 / 132 - f * (691.0 / 32760))))));
}

/// zeta(s, x) = sum of (x + k)^-s for positive x, by the Euler-Maclaurin formula.
SKIFF_HD double ZetaAbove0(double s, double x) {
  double sum = 0;
  int k = 0;
  for (; k < 9 || x <= 9; ++k, x += 1) {
    sum += pow(x, -s);
  }
  const double p = pow(x, -s);
  sum += p * x / (s - 1) + p / 2;
  constexpr double kBernoulli[] = {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510};
  double term = s * p / x, factorial = 2;
  for (int j = 0; j < 8; ++j) {
    sum += kBernoulli[j] / factorial * term;
    term *= (s + 2 * j + 1) * (s + 2 * j + 2) / (x * x);
    factorial *= (2.0 * j + 3) * (2.0 * j + 4);
  }
  return sum;
}

/// zeta(s, x) for a whole s. Below 0 the terms up to 0 are those of the mirrored sum, from the fraction of x on.
SKIFF_HD double HurwitzZeta(int64_t s, double x) {
  const double exponent = static_cast<double>(s);
  if (!(x <= 0)) return ZetaAbove0(exponent, x);
  if (floor(x) == x) return kInf;
  const double fraction = x - floor(x), mirrored = ZetaAbove0(exponent, 1 - fraction) - ZetaAbove0(exponent, 1 - x);
  return ZetaAbove0(exponent, fraction) + (s % 2 == 0 ? mirrored : -mirrored);
}

SKIFF_HD double Polygamma(int64_t n, double x) {
  if (n == 0) return Digamma(x);
  double factorial = 1;
  for (int64_t k = 2; k <= n && factorial < kInf; ++k) factorial *= static_cast<double>(k);
  return (n % 2 == 0 ? -factorial : factorial) * HurwitzZeta(n + 1, x);
}

/// Giles' polynomial for a first value, then two steps of Halley's method on erf or, near 1, on erfc.
SKIFF_HD double InverseErf(double x) {
  const double a = fabs(x);
  if (!(a < 1)) return a == 1 ? copysign(kInf, x) : kNan;
  double w = -log((1 - a) * (1 + a)), y;
  if (w < 5) {
    w -= 2.5;
    y = 2.81022636e-08;
    y = 3.43273939e-07 + y * w;
    y = -3.5233877e-06 + y * w;
    y = -4.39150654e-06 + y * w;
    y = 0.00021858087 + y * w;
    y = -0.00125372503 + y * w;
    y = -0.00417768164 + y * w;
    y = 0.246640727 + y * w;
    y = 1.50140941 + y * w;
  } else {
    w = sqrt(w) - 3;
    y = -0.000200214257;
    y = 0.000100950558 + y * w;
    y = 0.00134934322 + y * w;
    y = -0.00367342844 + y * w;
    y = 0.00573950773 + y * w;
    y = -0.0076224613 + y * w;
    y = 0.00943887047 + y * w;
    y = 1.00167406 + y * w;
    y = 2.83297682 + y * w;
  }
  y *= a;
  for (int step = 0; step < 2; ++step) {
    const double error = a < 0.5 ? erf(y) - a : (1 - a) - erfc(y);
    const double slope = 1.1283791670955126 * exp(-y * y);  // 2 / sqrt(pi)
    const double newton = error / slope;
    y -= newton / (1 + y * newton);
  }
  return copysign(y, x);
}

/// exp(-|x|) I_order(x) for order 0 and 1: the power series up to 30, whose terms are all positive, then the
/// asymptotic one (Abramowitz and Stegun 9.6.10 and 9.7.1).
SKIFF_HD double ScaledBessel(int order, double x) {
  const double a = fabs(x);
  if (!(a <= 1e300)) return a != a ? kNan : 0;
  double sum;
  if (a <= 30) {
    const double quarter = a * a / 4;
    double term = order == 0 ? 1 : a / 2;
    sum = term;
    for (int k = 1; k < 200 && term > 1e-17 * sum; ++k) {
      term *= quarter / (static_cast<double>(k) * (k + order));
      sum += term;
    }
    sum *= exp(-a);
  } else {
    double term = 1;
    sum = 1;
    for (int k = 1; k < 25; ++k) {
      term *= -(4.0 * order - (2.0 * k - 1) * (2.0 * k - 1)) / (k * 8 * a);
      sum += term;
    }
    sum /= sqrt(2 * kPi * a);
  }
  return order == 1 && x < 0 ? -sum : sum;
}

// Every functor computes in double.
struct LogGamma {
  template <typename V> SKIFF_HD V operator()(V x) const { return static_cast<V>(lgamma(static_cast<double>(x))); }
};
struct LogGammaGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const {
    return static_cast<V>(static_cast<double>(dout) * Digamma(static_cast<double>(x)));
  }
};
struct DigammaOf {
  template <typename V> SKIFF_HD V operator()(V x) const { return static_cast<V>(Digamma(static_cast<double>(x))); }
};
struct DigammaGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const {
    return static_cast<V>(static_cast<double>(dout) * Polygamma(1, static_cast<double>(x)));
  }
};
struct PolygammaOf {
  explicit PolygammaOf(const Attrs& attrs) : n(attrs.Get<int64_t>("n")) {}
  template <typename V> SKIFF_HD V operator()(V x) const { return static_cast<V>(Polygamma(n, static_cast<double>(x))); }
  int64_t n;
};
struct PolygammaGrad {
  explicit PolygammaGrad(const Attrs& attrs) : n(attrs.Get<int64_t>("n")) {}
  template <typename V> SKIFF_HD V operator()(V x, V dout) const {
    return static_cast<V>(static_cast<double>(dout) * Polygamma(n + 1, static_cast<double>(x)));
  }
  int64_t n;
};
struct ErfInverse {
  template <typename V> SKIFF_HD V operator()(V x) const { return static_cast<V>(InverseErf(static_cast<double>(x))); }
};
struct ErfInverseGrad {
  template <typename V> SKIFF_HD V operator()(V out, V dout) const {
    const double y = static_cast<double>(out);
    return static_cast<V>(static_cast<double>(dout) * 0.8862269254527580 * exp(y * y));  // sqrt(pi) / 2
  }
};
struct Logit {
  explicit Logit(const Attrs& attrs) : eps(attrs.Get<float>("eps")) {}
  template <typename V> SKIFF_HD V operator()(V x) const {
    const V p = math::Min(math::Max(x, V(eps)), V(1) - V(eps));
    return math::Log(math::Select(eps > 0, p, x) / (V(1) - math::Select(eps > 0, p, x)));
  }
  float eps;
};
struct LogitGrad {
  explicit LogitGrad(const Attrs& attrs) : eps(attrs.Get<float>("eps")) {}
  template <typename V> SKIFF_HD V operator()(V x, V dout) const {
    return math::Select((x < V(eps)) | (x > V(1) - V(eps)), V(0), dout / (x * (V(1) - x)));
  }
  float eps;
};

template <int order, bool scaled>
struct Bessel {
  template <typename V> SKIFF_HD V operator()(V x) const {
    const double v = static_cast<double>(x), f = ScaledBessel(order, v);
    return static_cast<V>(scaled ? f : f * exp(fabs(v)));
  }
};
// I0' = I1, I1' = I0 - I1 / x; the scaled ones have -sign(x) times themselves besides.
template <int order, bool scaled>
struct BesselGrad {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const {
    const double v = static_cast<double>(x), i0 = ScaledBessel(0, v), i1 = ScaledBessel(1, v);
    double slope = order == 0 ? i1 : (v == 0 ? 0.5 : i0 - i1 / v);
    if (scaled) slope -= (v > 0 ? 1 : v < 0 ? -1 : 0) * (order == 0 ? i0 : i1);
    return static_cast<V>(static_cast<double>(dout) * (scaled ? slope : slope * exp(fabs(v))));
  }
};

SKIFF_UNARY(lgamma, "Out = log |Gamma(X)|.")
    .Gradient(FromX())
    .Kernel<Map<LogGamma>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(lgamma, "X", "X@GRAD = Out@GRAD digamma(X).")
    .Kernel<Map<LogGammaGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(digamma, "Out = the derivative of log Gamma at X.")
    .Gradient(FromX())
    .Kernel<Map<DigammaOf>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(digamma, "X", "X@GRAD = Out@GRAD polygamma(1, X).")
    .Kernel<Map<DigammaGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(erfinv, "Out = the number whose erf is X.")
    .Gradient(FromOut())
    .Kernel<Map<ErfInverse>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(erfinv, "Out", "X@GRAD = Out@GRAD sqrt(pi) / 2 exp(Out^2).")
    .Kernel<Map<ErfInverseGrad>, SKIFF_FLOATS>();

SKIFF_UNARY(logit, "Out = log(X / (1 - X)), with X kept in [eps, 1 - eps] where eps > 0.")
    .Attr("eps", 1e-6f, "least distance of X to 0 and 1; 0: none, and NaN outside")
    .Gradient(FromX())
    .Kernel<Map<Logit>, SKIFF_FLOATS>();
SKIFF_UNARY_GRAD(logit, "X", "X@GRAD = Out@GRAD / (X (1 - X)) inside [eps, 1 - eps], 0 outside.")
    .Attr("eps", 1e-6f, "as in logit")
    .Kernel<Map<LogitGrad>, SKIFF_FLOATS>();

#define SKIFF_LOWER_UNARY(type, doc)                                                          \
  SKIFF_OP(type)                                                                              \
      .Doc(doc)                                                                               \
      .Source("paddle." #type)                                                                \
      .Input("x", "any shape, floating")                                                      \
      .Output("out", "shape and dtype of x")                                                  \
      .InferShape([](InferContext& c) {                                                       \
        const TensorMeta& x = c.Input("x");                                                   \
        c.SetOutput("out", TensorMeta{x.shape, x.dtype, x.lod_level});                        \
      })                                                                                      \
      .Inplace("x", "out")
#define SKIFF_LOWER_UNARY_GRAD(type, doc)                                                     \
  SKIFF_OP(type##_grad)                                                                       \
      .Doc(doc)                                                                               \
      .Input("x", "as in " #type)                                                             \
      .Input("out@GRAD", "shape of x")                                                        \
      .Output("x@GRAD", "shape of x")                                                         \
      .InferShape(Like("x@GRAD", "x"))

SKIFF_LOWER_UNARY(polygamma, "out = derivative n of digamma at x.")
    .RequiredAttr<int32_t>("n", "order, 0: digamma itself")
    .Gradient(StandardGrad({"x"}, {}, {"out"}, {"x"}))
    .Kernel<Map<PolygammaOf>, float, double>();
SKIFF_LOWER_UNARY_GRAD(polygamma, "x@GRAD = out@GRAD polygamma(n + 1, x).")
    .RequiredAttr<int32_t>("n", "as in polygamma")
    .Kernel<Map<PolygammaGrad>, float, double>();

// The gradients of i0e, i1 and i1e are given `out` too; x is enough.
#define SKIFF_BESSEL(type, order, scaled, doc, slope, ...)                                    \
  SKIFF_LOWER_UNARY(type, doc)                                                                \
      .Gradient(StandardGrad({"x"}, {__VA_ARGS__}, {"out"}, {"x"}))                           \
      .Kernel<Map<Bessel<order, scaled>>, float, double>();                                   \
  SKIFF_LOWER_UNARY_GRAD(type, slope)                                                         \
      .OptionalInput("out", "not read")                                                       \
      .Kernel<Map<BesselGrad<order, scaled>>, float, double>()
SKIFF_BESSEL(i0, 0, false, "out = the modified Bessel function I0 of x.", "x@GRAD = out@GRAD I1(x).");
SKIFF_BESSEL(i0e, 0, true, "out = exp(-|x|) I0(x).", "x@GRAD = out@GRAD times the derivative of i0e.", "out");
SKIFF_BESSEL(i1, 1, false, "out = the modified Bessel function I1 of x.", "x@GRAD = out@GRAD (I0(x) - I1(x) / x).", "out");
SKIFF_BESSEL(i1e, 1, true, "out = exp(-|x|) I1(x).", "x@GRAD = out@GRAD times the derivative of i1e.", "out");

}  // namespace
}  // namespace skiff
