// Element types. Each enumerator's value is its code in Paddle's files (VarType.Type), so that a
// `dtype` attribute and a tensor description need no translation.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>

namespace skiff {

enum class DType : int8_t {
  kBool = 0,
  kInt16 = 1,
  kInt32 = 2,
  kInt64 = 3,
  kFloat16 = 4,
  kFloat32 = 5,
  kFloat64 = 6,
  kUInt8 = 20,
  kInt8 = 21,
  kBFloat16 = 22,
  kComplex64 = 23,
  kComplex128 = 24,
  kUndefined = -1,
};

/// True for the twelve element types above, false for any other code.
bool IsValidDType(int code);
/// Bytes of one element. @throws InvalidArgument for kUndefined.
size_t SizeOf(DType dtype);
/// Paddle's and numpy's name: "float32", "int64", "bool", "bfloat16", ...
const char* ToString(DType dtype);
/// Inverse of ToString; also takes "paddle.float32" and "VarType.FP32" style names.
/// @throws InvalidType for any other text.
DType ParseDType(const std::string& name);

inline bool IsFloating(DType t) {
  return t == DType::kFloat16 || t == DType::kBFloat16 || t == DType::kFloat32 ||
         t == DType::kFloat64;
}
inline bool IsComplex(DType t) { return t == DType::kComplex64 || t == DType::kComplex128; }
inline bool IsInteger(DType t) {
  return t == DType::kInt8 || t == DType::kUInt8 || t == DType::kInt16 || t == DType::kInt32 ||
         t == DType::kInt64;
}
inline std::ostream& operator<<(std::ostream& out, DType t) { return out << ToString(t); }

/// IEEE binary16 as stored. Arithmetic happens in float: see operators/kernel/value.h.
struct Float16 {
  uint16_t bits;
};
/// The high half of a float32 as stored; rounding is to nearest even.
struct BFloat16 {
  uint16_t bits;
};

/// Conversions for single values (attributes, tests, printing). Kernels have vector forms.
float ToFloat(Float16 value);
float ToFloat(BFloat16 value);
Float16 ToFloat16(float value);
BFloat16 ToBFloat16(float value);

template <typename T>
inline constexpr DType kDTypeOf = DType::kUndefined;
template <> inline constexpr DType kDTypeOf<bool> = DType::kBool;
template <> inline constexpr DType kDTypeOf<int8_t> = DType::kInt8;
template <> inline constexpr DType kDTypeOf<uint8_t> = DType::kUInt8;
template <> inline constexpr DType kDTypeOf<int16_t> = DType::kInt16;
template <> inline constexpr DType kDTypeOf<int32_t> = DType::kInt32;
template <> inline constexpr DType kDTypeOf<int64_t> = DType::kInt64;
template <> inline constexpr DType kDTypeOf<Float16> = DType::kFloat16;
template <> inline constexpr DType kDTypeOf<BFloat16> = DType::kBFloat16;
template <> inline constexpr DType kDTypeOf<float> = DType::kFloat32;
template <> inline constexpr DType kDTypeOf<double> = DType::kFloat64;
template <> inline constexpr DType kDTypeOf<std::complex<float>> = DType::kComplex64;
template <> inline constexpr DType kDTypeOf<std::complex<double>> = DType::kComplex128;

}  // namespace skiff
