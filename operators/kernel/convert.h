// Between how elements are stored and the type they are computed in. On the CPU blocks are converted in
// front of and behind one loop per functor and compute type, so that twelve dtypes cost three
// instantiations; on a card each thread converts its element.
#pragma once

#include <cstdint>

#include "operators/kernel/complex.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// Elements in one converted block: a few of them fit in the first-level cache.
inline constexpr int64_t kBlock = 512;

/// The same for elements of a compute type, which may have 16 bytes.
inline int64_t BlockOf(DType compute) { return compute == DType::kComplex128 ? kBlock / 2 : kBlock; }

using ConvertFn = void (*)(const void* from, void* to, int64_t n);
/// Converts n elements: truncation for float to integer, != 0 for bool, round to nearest even for
/// narrower floats, the real part of a complex number. One of the two must be a compute type (float32,
/// float64, int64 or complex). @throws Unimplemented for other pairs.
ConvertFn Converter(DType from, DType to);

#if defined(__CUDACC__)

template <typename C>
__device__ inline C LoadAs(const void* p, DType dtype, int64_t i) {
  switch (dtype) {
    case DType::kFloat32: return static_cast<C>(static_cast<const float*>(p)[i]);
    case DType::kFloat64: return static_cast<C>(static_cast<const double*>(p)[i]);
    case DType::kFloat16: return static_cast<C>(__half2float(static_cast<const __half*>(p)[i]));
    case DType::kBFloat16: return static_cast<C>(__bfloat162float(static_cast<const __nv_bfloat16*>(p)[i]));
    case DType::kInt64: return static_cast<C>(static_cast<const int64_t*>(p)[i]);
    case DType::kInt32: return static_cast<C>(static_cast<const int32_t*>(p)[i]);
    case DType::kInt16: return static_cast<C>(static_cast<const int16_t*>(p)[i]);
    case DType::kInt8: return static_cast<C>(static_cast<const int8_t*>(p)[i]);
    case DType::kBool:
    case DType::kUInt8: return static_cast<C>(static_cast<const uint8_t*>(p)[i]);
    case DType::kComplex64:
      if constexpr (kIsComplex<C>) return static_cast<C>(static_cast<const Complex<float>*>(p)[i]);
      return C(0);
    case DType::kComplex128:
      if constexpr (kIsComplex<C>) return static_cast<C>(static_cast<const Complex<double>*>(p)[i]);
      return C(0);
    default: return C(0);  // refused when prepared
  }
}

template <typename C>
__device__ inline void StoreAs(void* p, DType dtype, int64_t i, C v) {
  switch (dtype) {
    case DType::kFloat32: static_cast<float*>(p)[i] = static_cast<float>(v); break;
    case DType::kFloat64: static_cast<double*>(p)[i] = static_cast<double>(v); break;
    case DType::kFloat16: static_cast<__half*>(p)[i] = __float2half(static_cast<float>(v)); break;
    case DType::kBFloat16:
      static_cast<__nv_bfloat16*>(p)[i] = __float2bfloat16(static_cast<float>(v));
      break;
    case DType::kInt64: static_cast<int64_t*>(p)[i] = static_cast<int64_t>(v); break;
    case DType::kInt32:
      static_cast<int32_t*>(p)[i] = static_cast<int32_t>(static_cast<int64_t>(v));
      break;
    case DType::kInt16:
      static_cast<int16_t*>(p)[i] = static_cast<int16_t>(static_cast<int64_t>(v));
      break;
    case DType::kInt8:
      static_cast<int8_t*>(p)[i] = static_cast<int8_t>(static_cast<int64_t>(v));
      break;
    case DType::kUInt8:
      static_cast<uint8_t*>(p)[i] = static_cast<uint8_t>(static_cast<int64_t>(v));
      break;
    case DType::kBool: static_cast<bool*>(p)[i] = v != C(0); break;
    case DType::kComplex64:
      if constexpr (kIsComplex<C>) static_cast<Complex<float>*>(p)[i] = static_cast<Complex<float>>(v);
      break;
    case DType::kComplex128:
      if constexpr (kIsComplex<C>) static_cast<Complex<double>*>(p)[i] = static_cast<Complex<double>>(v);
      break;
    default: break;
  }
}

#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
