#include "operators/kernel/convert.h"

#if !defined(__CUDACC__) && defined(__x86_64__)
#include <immintrin.h>
#endif

namespace skiff {
inline namespace SKIFF_VARIANT {

#if !defined(__CUDACC__)
namespace {

template <typename To, typename From>
inline To ConvertOne(From v) {
  if constexpr (std::is_same_v<From, Float16> || std::is_same_v<From, BFloat16>) {
    return ConvertOne<To>(ToFloat(v));
  } else if constexpr (std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (std::is_same_v<To, Float16>) {
    return ToFloat16(static_cast<float>(v));
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return ToBFloat16(static_cast<float>(v));
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    return static_cast<To>(static_cast<int64_t>(v));  // defined for values that To cannot hold
  } else {
    return static_cast<To>(v);
  }
}

template <typename From, typename To>
void ConvertLoop(const void* from, void* to, int64_t n) {
  const From* x = static_cast<const From*>(from);
  To* y = static_cast<To*>(to);
  int64_t i = 0;
  if constexpr (std::is_same_v<From, BFloat16> && std::is_same_v<To, float>) {
    for (; i < n; ++i) y[i] = std::bit_cast<float>(static_cast<uint32_t>(x[i].bits) << 16);
  } else if constexpr (std::is_same_v<From, float> && std::is_same_v<To, BFloat16>) {
    for (; i < n; ++i) {
      const uint32_t bits = std::bit_cast<uint32_t>(x[i]);
      const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
      y[i].bits = static_cast<uint16_t>(x[i] != x[i] ? 0x7fc0u : rounded);
    }
  } else {
    for (; i < n; ++i) y[i] = ConvertOne<To>(x[i]);
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2,f16c"))) void HalfToFloat(const void* from, void* to, int64_t n) {
  const auto* x = static_cast<const Float16*>(from);
  auto* y = static_cast<float*>(to);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i h = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i));
    _mm256_storeu_ps(y + i, _mm256_cvtph_ps(h));
  }
  ConvertLoop<Float16, float>(x + i, y + i, n - i);
}
__attribute__((target("avx2,f16c"))) void FloatToHalf(const void* from, void* to, int64_t n) {
  const auto* x = static_cast<const float*>(from);
  auto* y = static_cast<Float16*>(to);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i h = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), h);
  }
  ConvertLoop<float, Float16>(x + i, y + i, n - i);
}
#endif

template <typename From, typename To>
ConvertFn ConvertBlock() {
#if defined(__x86_64__)
  if constexpr (std::is_same_v<From, Float16> && std::is_same_v<To, float>) {
    if (CpuIsa() >= Isa::kAvx2) return HalfToFloat;
  }
  if constexpr (std::is_same_v<From, float> && std::is_same_v<To, Float16>) {
    if (CpuIsa() >= Isa::kAvx2) return FloatToHalf;
  }
#endif
  return Simd<&ConvertLoop<From, To>>();
}

/// Complex numbers become real ones only where the computation was complex.
template <typename From, typename To>
ConvertFn Complexes() {
  if constexpr (kIsComplex<From> && kIsComplex<To>) return ConvertBlock<From, To>();
  else return nullptr;
}

template <typename C>
ConvertFn FromStorage(DType from) {
  switch (from) {
    case DType::kBool: return ConvertBlock<bool, C>();
    case DType::kUInt8: return ConvertBlock<uint8_t, C>();
    case DType::kInt8: return ConvertBlock<int8_t, C>();
    case DType::kInt16: return ConvertBlock<int16_t, C>();
    case DType::kInt32: return ConvertBlock<int32_t, C>();
    case DType::kInt64: return ConvertBlock<int64_t, C>();
    case DType::kFloat16: return ConvertBlock<Float16, C>();
    case DType::kBFloat16: return ConvertBlock<BFloat16, C>();
    case DType::kFloat32: return ConvertBlock<float, C>();
    case DType::kFloat64: return ConvertBlock<double, C>();
    case DType::kComplex64: return Complexes<Complex<float>, C>();
    case DType::kComplex128: return Complexes<Complex<double>, C>();
    default: return nullptr;
  }
}

template <typename C>
ConvertFn ToStorage(DType to) {
  switch (to) {
    case DType::kBool: return ConvertBlock<C, bool>();
    case DType::kUInt8: return ConvertBlock<C, uint8_t>();
    case DType::kInt8: return ConvertBlock<C, int8_t>();
    case DType::kInt16: return ConvertBlock<C, int16_t>();
    case DType::kInt32: return ConvertBlock<C, int32_t>();
    case DType::kInt64: return ConvertBlock<C, int64_t>();
    case DType::kFloat16: return ConvertBlock<C, Float16>();
    case DType::kBFloat16: return ConvertBlock<C, BFloat16>();
    case DType::kFloat32: return ConvertBlock<C, float>();
    case DType::kFloat64: return ConvertBlock<C, double>();
    case DType::kComplex64: return Complexes<C, Complex<float>>();
    case DType::kComplex128: return Complexes<C, Complex<double>>();
    default: return nullptr;
  }
}

}  // namespace

ConvertFn Converter(DType from, DType to) {
  ConvertFn found = nullptr;
  switch (to) {
    case DType::kFloat32: found = FromStorage<float>(from); break;
    case DType::kFloat64: found = FromStorage<double>(from); break;
    case DType::kInt64: found = FromStorage<int64_t>(from); break;
    case DType::kComplex64: found = FromStorage<Complex<float>>(from); break;
    case DType::kComplex128: found = FromStorage<Complex<double>>(from); break;
    default: break;
  }
  if (found == nullptr) {
    switch (from) {
      case DType::kFloat32: found = ToStorage<float>(to); break;
      case DType::kFloat64: found = ToStorage<double>(to); break;
      case DType::kInt64: found = ToStorage<int64_t>(to); break;
      case DType::kComplex64: found = ToStorage<Complex<float>>(to); break;
      case DType::kComplex128: found = ToStorage<Complex<double>>(to); break;
      default: break;
    }
  }
  SKIFF_ENFORCE(found != nullptr, Unimplemented, "no conversion from ", from, " to ", to);
  return found;
}
#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
