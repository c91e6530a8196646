// Arithmetic of kernels: which type an element is computed in, and the functions of one value.
//
// A functor is written once over a value type V: float, double, int64_t, or a Complex of complex.h. On the CPU the loops around
// it (see Simd in device.h) are free of branches, calls and errno, so that the compiler turns them into vector
// code for each instruction set; on a card V is one thread's value. That needs no packet library, and a
// functor is one function instead of one per packet and tail. Choices are math::Select, functions are
// math::Exp and so on; `if` stops the vectoriser. Half types and small integers never reach a functor:
// see convert.h.
//
// The float functions below are accurate to about 2 ulp over their whole range, subnormals, infinities
// and NaN included (tests/operators/value_test.cc); double and CUDA use the system's.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "operators/kernel/device.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// The type in which elements stored as T are computed: halves in float, integers in int64_t (exact,
/// and the low bits are those of T's own wrap-around arithmetic).
template <typename T> struct ComputeTraits { using type = int64_t; };
template <> struct ComputeTraits<float> { using type = float; };
template <> struct ComputeTraits<double> { using type = double; };
template <> struct ComputeTraits<Float16> { using type = float; };
template <> struct ComputeTraits<BFloat16> { using type = float; };
template <typename T> using Compute = typename ComputeTraits<T>::type;

/// The same as a DType.
inline DType ComputeDType(DType storage) {
  if (storage == DType::kFloat64 || IsComplex(storage)) return storage;
  return IsFloating(storage) ? DType::kFloat32 : DType::kInt64;
}

/// Sums of a compute type: wide enough that a long sum loses nothing visible.
template <typename C> struct AccumulatorTraits { using type = double; };
template <> struct AccumulatorTraits<int64_t> { using type = int64_t; };
template <typename C> using Accumulator = typename AccumulatorTraits<C>::type;

/// What a functor of two outputs returns.
template <typename V>
struct Two {
  V first, second;
};

namespace math {

template <typename V> SKIFF_HD inline V Select(bool condition, V yes, V no) { return condition ? yes : no; }
template <typename V> SKIFF_HD inline V Max(V a, V b) { return a > b ? a : b; }
template <typename V> SKIFF_HD inline V Min(V a, V b) { return a < b ? a : b; }
template <typename V> SKIFF_HD inline V Square(V x) { return x * x; }
/// Of complex.h; the number itself where it is real.
template <typename V> SKIFF_HD inline V Conj(V x) { return x; }
template <typename V> SKIFF_HD inline V Sign(V x) { return V(x > V(0)) - V(x < V(0)); }

SKIFF_HD inline float Abs(float x) { return fabsf(x); }
SKIFF_HD inline double Abs(double x) { return fabs(x); }
SKIFF_HD inline int64_t Abs(int64_t x) { return x < 0 ? -x : x; }

SKIFF_HD inline float CopySign(float x, float sign) { return copysignf(x, sign); }
SKIFF_HD inline double CopySign(double x, double sign) { return copysign(x, sign); }
SKIFF_HD inline float Sqrt(float x) { return sqrtf(x); }
SKIFF_HD inline double Sqrt(double x) { return sqrt(x); }
template <typename V> SKIFF_HD inline V Rsqrt(V x) { return V(1) / Sqrt(x); }
SKIFF_HD inline float Floor(float x) { return floorf(x); }
SKIFF_HD inline double Floor(double x) { return floor(x); }
SKIFF_HD inline float Ceil(float x) { return ceilf(x); }
SKIFF_HD inline double Ceil(double x) { return ceil(x); }
SKIFF_HD inline float Trunc(float x) { return truncf(x); }
SKIFF_HD inline double Trunc(double x) { return trunc(x); }
SKIFF_HD inline int64_t Floor(int64_t x) { return x; }
SKIFF_HD inline int64_t Ceil(int64_t x) { return x; }
SKIFF_HD inline int64_t Trunc(int64_t x) { return x; }
/// Halves away from zero.
template <typename V>
SKIFF_HD inline V Round(V x) {
  const V whole = Trunc(x);
  return CopySign(Select(Abs(x - whole) >= V(0.5), Abs(whole) + V(1), Abs(whole)), x);
}

// No vector form: rare in models.
SKIFF_HD inline float Sin(float x) { return sinf(x); }
SKIFF_HD inline double Sin(double x) { return sin(x); }
SKIFF_HD inline float Cos(float x) { return cosf(x); }
SKIFF_HD inline double Cos(double x) { return cos(x); }
SKIFF_HD inline float Tan(float x) { return tanf(x); }
SKIFF_HD inline double Tan(double x) { return tan(x); }
SKIFF_HD inline float Asin(float x) { return asinf(x); }
SKIFF_HD inline double Asin(double x) { return asin(x); }
SKIFF_HD inline float Acos(float x) { return acosf(x); }
SKIFF_HD inline double Acos(double x) { return acos(x); }
SKIFF_HD inline float Atan(float x) { return atanf(x); }
SKIFF_HD inline double Atan(double x) { return atan(x); }
SKIFF_HD inline float Sinh(float x) { return sinhf(x); }
SKIFF_HD inline double Sinh(double x) { return sinh(x); }
SKIFF_HD inline float Cosh(float x) { return coshf(x); }
SKIFF_HD inline double Cosh(double x) { return cosh(x); }
SKIFF_HD inline float Pow(float x, float y) { return powf(x, y); }
SKIFF_HD inline double Pow(double x, double y) { return pow(x, y); }
SKIFF_HD inline int64_t Pow(int64_t x, int64_t y) {
  return static_cast<int64_t>(rint(pow(static_cast<double>(x), static_cast<double>(y))));
}
SKIFF_HD inline float Mod(float x, float y) { return fmodf(x, y); }
SKIFF_HD inline double Mod(double x, double y) { return fmod(x, y); }
SKIFF_HD inline int64_t Mod(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }
SKIFF_HD inline double Exp(double x) { return exp(x); }
SKIFF_HD inline double Expm1(double x) { return expm1(x); }
SKIFF_HD inline float Expm1(float x) { return expm1f(x); }
SKIFF_HD inline double Log(double x) { return log(x); }
SKIFF_HD inline double Log1p(double x) { return log1p(x); }
SKIFF_HD inline double Tanh(double x) { return tanh(x); }
SKIFF_HD inline double Erf(double x) { return erf(x); }

SKIFF_HD inline bool IsNan(float x) { return x != x; }
SKIFF_HD inline bool IsNan(double x) { return x != x; }
SKIFF_HD inline bool IsNan(int64_t) { return false; }

#if defined(__CUDACC__)

SKIFF_HD inline float Exp(float x) { return expf(x); }
SKIFF_HD inline float Log(float x) { return logf(x); }
SKIFF_HD inline float Log1p(float x) { return log1pf(x); }
SKIFF_HD inline float Tanh(float x) { return tanhf(x); }
SKIFF_HD inline float Erf(float x) { return erff(x); }

#else

/// a * b + c, in one rounding where the version's instruction set has the instruction (-ffp-contract).
inline float Fma(float a, float b, float c) { return a * b + c; }

/// 2^k r by two exact steps, so that results may be subnormal or overflow: k in [-252, 254].
inline float ScaleByPowerOfTwo(float r, int32_t k) {
  const int32_t half = k >> 1;
  return r * std::bit_cast<float>((half + 127) << 23) * std::bit_cast<float>((k - half + 127) << 23);
}

/// x = k ln 2 + r, |r| <= ln 2 / 2; exp(r) by a polynomial (Cephes, S. L. Moshier).
inline float Exp(float x) {
  const float clamped = Select(x < -104.0f, -104.0f, Select(x > 89.0f, 89.0f, x));
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  const float shifted = Fma(clamped, 1.44269504088896341f, kShift);
  const int32_t k = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kShift);
  const float whole = shifted - kShift;
  float r = Fma(whole, -0.693359375f, clamped);
  r = Fma(whole, 2.12194440e-4f, r);
  float p = 1.9875691500e-4f;
  p = Fma(p, r, 1.3981999507e-3f);
  p = Fma(p, r, 8.3334519073e-3f);
  p = Fma(p, r, 4.1665795894e-2f);
  p = Fma(p, r, 1.6666665459e-1f);
  p = Fma(p, r, 5.0000001201e-1f);
  p = Fma(p, r * r, r) + 1.0f;
  return ScaleByPowerOfTwo(p, k);
}

/// x = 2^e m, sqrt(1/2) <= m < sqrt(2); log(m) by a polynomial (Cephes).
inline float Log(float x) {
  const bool subnormal = x < std::numeric_limits<float>::min();
  const float normal = Select(subnormal, x * 8388608.0f, x);
  const int32_t bits = std::bit_cast<int32_t>(normal);
  // Subtracting the bits of sqrt(1/2) puts the mantissa into the wanted interval.
  const int32_t e = (bits - 0x3f3504f3) >> 23;
  const float m = std::bit_cast<float>(bits - static_cast<int32_t>(static_cast<uint32_t>(e) << 23)) - 1.0f;
  const float exponent = static_cast<float>(e) - Select(subnormal, 23.0f, 0.0f);
  const float z = m * m;
  float p = 7.0376836292e-2f;
  p = Fma(p, m, -1.1514610310e-1f);
  p = Fma(p, m, 1.1676998740e-1f);
  p = Fma(p, m, -1.2420140846e-1f);
  p = Fma(p, m, 1.4249322787e-1f);
  p = Fma(p, m, -1.6668057665e-1f);
  p = Fma(p, m, 2.0000714765e-1f);
  p = Fma(p, m, -2.4999993993e-1f);
  p = Fma(p, m, 3.3333331174e-1f);
  float y = Fma(exponent, -2.12194440e-4f, p * m * z);
  y = Fma(z, -0.5f, y);
  const float finite = Fma(exponent, 0.693359375f, m + y);
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const float positive = Select(x < kInf, finite, x);  // inf and NaN stay
  return Select(x > 0.0f, positive,
                Select(x == 0.0f, -kInf, std::numeric_limits<float>::quiet_NaN()));
}

/// W. Kahan: log(u) corrected by what rounding 1 + x lost.
inline float Log1p(float x) {
  const float u = 1.0f + x;
  const float lost = u - 1.0f;
  const float corrected = Log(u) * (x / Select(lost == 0.0f, 1.0f, lost));
  const float small = Select(lost == 0.0f, x, corrected);
  return Select(u < std::numeric_limits<float>::infinity() && u > 0.0f, small, Log(u));
}

inline float Tanh(float x) {
  const float a = Abs(x);
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = Fma(p, z, 2.06390887954e-2f);
  p = Fma(p, z, -5.37397155531e-2f);
  p = Fma(p, z, 1.33314422036e-1f);
  p = Fma(p, z, -3.33332819422e-1f);
  const float near_zero = Fma(p * z, x, x);
  const float far = CopySign(1.0f - 2.0f / (Exp(2.0f * a) + 1.0f), x);
  return Select(a < 0.625f, near_zero, far);
}

/// Polynomial near zero; 1 - exp(polynomial) further out.
inline float Erf(float x) {
  const float a = Abs(x);
  const float s = x * x;
  float far = Fma(-1.72853470e-5f, a, 3.83197126e-4f);
  far = Fma(far, s, Fma(-3.88396438e-3f, a, 2.42546219e-2f));
  far = Fma(far, a, -1.06777877e-1f);
  far = Fma(far, a, -6.34846687e-1f);
  far = Fma(far, a, -1.28717512e-1f);
  far = Fma(far, a, -a);
  // The polynomial is fitted up to 4; beyond, erf is 1 in float.
  far = CopySign(1.0f - Exp(Select(a > 4.0f, -30.0f, far)), x);
  float near_zero = -5.96761703e-4f;
  near_zero = Fma(near_zero, s, 4.99119423e-3f);
  near_zero = Fma(near_zero, s, -2.67681349e-2f);
  near_zero = Fma(near_zero, s, 1.12819925e-1f);
  near_zero = Fma(near_zero, s, -3.76125336e-1f);
  near_zero = Fma(near_zero, s, 1.28379166e-1f);
  near_zero = Fma(near_zero, x, x);
  return Select(a > 0.927734375f, Select(IsNan(x), x, far), near_zero);
}

#endif

/// Quotients that round to zero. An integer divided by zero gives 0: the processor would stop.
SKIFF_HD inline float Divide(float a, float b) { return a / b; }
SKIFF_HD inline double Divide(double a, double b) { return a / b; }
SKIFF_HD inline int64_t Divide(int64_t a, int64_t b) {
  if (b == -1) return static_cast<int64_t>(0 - static_cast<uint64_t>(a));  // INT64_MIN / -1 traps too
  return b == 0 ? 0 : a / b;
}
/// a - b floor(a / b): the sign of b, as in Python.
template <typename V>
SKIFF_HD inline V FloorMod(V a, V b) {
  const V r = Mod(a, b);
  return Select((r != V(0)) & ((r < V(0)) != (b < V(0))), r + b, r);
}
SKIFF_HD inline float FloorDivide(float a, float b) { return Floor(a / b); }
SKIFF_HD inline double FloorDivide(double a, double b) { return Floor(a / b); }
SKIFF_HD inline int64_t FloorDivide(int64_t a, int64_t b) {
  const int64_t q = Divide(a, b);
  return (b != 0 && Mod(a, b) != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

template <typename V>
SKIFF_HD inline V Sigmoid(V x) { return V(1) / (V(1) + Exp(-x)); }

}  // namespace math

/// The functor of a kernel: its constructor reads what Prepare knows.
template <typename F>
F MakeFunctor(const PrepareContext& context) {
  if constexpr (std::is_constructible_v<F, const PrepareContext&>) {
    return F(context);
  } else if constexpr (std::is_constructible_v<F, const Attrs&>) {
    return F(context.attrs());
  } else {
    return F{};
  }
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
