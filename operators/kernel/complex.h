// Complex numbers as a value type of functors: Complex<float> and Complex<double>, stored as two neighbouring
// numbers (the layout of std::complex, whose own functions a card cannot run). A file whose operators take
// complex dtypes includes this header and lists SKIFF_COMPLEX among the dtypes of its kernels; gradients
// follow Paddle's convention: those of a product are multiplied by the conjugate of the other operand.
#pragma once

#include "operators/kernel/value.h"

/// The storage types of complex kernels.
#define SKIFF_COMPLEX std::complex<float>, std::complex<double>

namespace skiff {
inline namespace SKIFF_VARIANT {

template <typename R>
struct alignas(2 * sizeof(R)) Complex {
  R re, im;

  Complex() = default;
  SKIFF_HD constexpr Complex(R real, R imaginary = R(0)) : re(real), im(imaginary) {}
  template <typename Q>
  SKIFF_HD explicit constexpr Complex(Complex<Q> z) : re(static_cast<R>(z.re)), im(static_cast<R>(z.im)) {}
  /// As a real number: the imaginary part is dropped.
  template <typename Q>
    requires std::is_arithmetic_v<Q>
  SKIFF_HD explicit constexpr operator Q() const { return static_cast<Q>(re); }

  friend SKIFF_HD constexpr Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
  friend SKIFF_HD constexpr Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
  friend SKIFF_HD constexpr Complex operator-(Complex a) { return {-a.re, -a.im}; }
  friend SKIFF_HD constexpr Complex operator*(Complex a, Complex b) {
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
  }
  friend SKIFF_HD constexpr Complex operator*(R a, Complex b) { return {a * b.re, a * b.im}; }
  friend SKIFF_HD constexpr Complex operator*(Complex a, R b) { return {a.re * b, a.im * b}; }
  /// By the larger part of the divisor (R. L. Smith), so that no square overflows.
  friend SKIFF_HD constexpr Complex operator/(Complex a, Complex b) {
    const R re = b.re < 0 ? -b.re : b.re, im = b.im < 0 ? -b.im : b.im;
    if (re >= im) {
      const R ratio = re == 0 ? b.im : b.im / b.re, by = b.re + b.im * ratio;
      return {(a.re + a.im * ratio) / by, (a.im - a.re * ratio) / by};
    }
    const R ratio = b.re / b.im, by = b.re * ratio + b.im;
    return {(a.re * ratio + a.im) / by, (a.im * ratio - a.re) / by};
  }
  friend SKIFF_HD constexpr bool operator==(Complex a, Complex b) { return a.re == b.re && a.im == b.im; }
  friend SKIFF_HD constexpr bool operator!=(Complex a, Complex b) { return !(a == b); }
};

template <typename C> inline constexpr bool kIsComplex = false;
template <typename R> inline constexpr bool kIsComplex<Complex<R>> = true;

template <typename R> struct ComputeTraits<Complex<R>> { using type = Complex<R>; };
template <> struct ComputeTraits<std::complex<float>> { using type = Complex<float>; };
template <> struct ComputeTraits<std::complex<double>> { using type = Complex<double>; };
template <typename R> struct AccumulatorTraits<Complex<R>> { using type = Complex<double>; };

namespace math {

template <typename R> SKIFF_HD inline Complex<R> Conj(Complex<R> z) { return {z.re, -z.im}; }
template <typename R> SKIFF_HD inline Complex<R> Divide(Complex<R> a, Complex<R> b) { return a / b; }
SKIFF_HD inline float Abs(Complex<float> z) { return hypotf(z.re, z.im); }
SKIFF_HD inline double Abs(Complex<double> z) { return hypot(z.re, z.im); }
/// z / |z|, 0 for 0.
template <typename R>
SKIFF_HD inline Complex<R> Sign(Complex<R> z) {
  const R size = Abs(z);
  return size == R(0) ? Complex<R>(0) : Complex<R>(z.re / size, z.im / size);
}
SKIFF_HD inline float Arg(Complex<float> z) { return atan2f(z.im, z.re); }
SKIFF_HD inline double Arg(Complex<double> z) { return atan2(z.im, z.re); }

template <typename R>
SKIFF_HD inline Complex<R> Exp(Complex<R> z) {
  const R size = Exp(z.re);
  return {size * Cos(z.im), size * Sin(z.im)};
}
template <typename R>
SKIFF_HD inline Complex<R> Sin(Complex<R> z) { return {Sin(z.re) * Cosh(z.im), Cos(z.re) * Sinh(z.im)}; }
template <typename R>
SKIFF_HD inline Complex<R> Cos(Complex<R> z) { return {Cos(z.re) * Cosh(z.im), -(Sin(z.re) * Sinh(z.im))}; }

}  // namespace math
/// The real dtype of a complex one's parts, and back; other dtypes as they are.
inline DType RealDType(DType t) {
  return t == DType::kComplex64 ? DType::kFloat32 : t == DType::kComplex128 ? DType::kFloat64 : t;
}
inline DType ComplexDType(DType t) {
  return t == DType::kFloat64 ? DType::kComplex128 : IsComplex(t) ? t : DType::kComplex64;
}

/// Out: shape of X, the real dtype of its parts.
inline void InferReal(InferContext& c) {
  const TensorMeta x = c.Input("X");
  c.SetOutput("Out", TensorMeta{x.shape, RealDType(x.dtype), x.lod_level});
}

}  // namespace SKIFF_VARIANT

template <> inline constexpr DType kDTypeOf<Complex<float>> = DType::kComplex64;
template <> inline constexpr DType kDTypeOf<Complex<double>> = DType::kComplex128;

}  // namespace skiff
