#include "framework/base/dtype.h"

#include <bit>

#include "framework/base/error.h"

namespace skiff {

namespace {

struct DTypeInfo {
  DType dtype;
  size_t bytes;
  const char* name;
  const char* proto_name;  // as in Paddle's VarType enum
};

constexpr DTypeInfo kDTypes[] = {
    {DType::kBool, 1, "bool", "BOOL"},           {DType::kInt16, 2, "int16", "INT16"},
    {DType::kInt32, 4, "int32", "INT32"},        {DType::kInt64, 8, "int64", "INT64"},
    {DType::kFloat16, 2, "float16", "FP16"},     {DType::kFloat32, 4, "float32", "FP32"},
    {DType::kFloat64, 8, "float64", "FP64"},     {DType::kUInt8, 1, "uint8", "UINT8"},
    {DType::kInt8, 1, "int8", "INT8"},           {DType::kBFloat16, 2, "bfloat16", "BF16"},
    {DType::kComplex64, 8, "complex64", "COMPLEX64"},
    {DType::kComplex128, 16, "complex128", "COMPLEX128"},
};

const DTypeInfo* Find(DType dtype) {
  for (const DTypeInfo& info : kDTypes) {
    if (info.dtype == dtype) return &info;
  }
  return nullptr;
}

}  // namespace

bool IsValidDType(int code) {
  for (const DTypeInfo& info : kDTypes) {
    if (static_cast<int>(info.dtype) == code) return true;
  }
  return false;
}

size_t SizeOf(DType dtype) {
  const DTypeInfo* info = Find(dtype);
  SKIFF_ENFORCE(info != nullptr, InvalidArgument, "a tensor without a dtype has no element size");
  return info->bytes;
}

const char* ToString(DType dtype) {
  const DTypeInfo* info = Find(dtype);
  return info == nullptr ? "undefined" : info->name;
}

DType ParseDType(const std::string& name) {
  const size_t dot = name.rfind('.');
  const std::string tail = dot == std::string::npos ? name : name.substr(dot + 1);
  for (const DTypeInfo& info : kDTypes) {
    if (tail == info.name || tail == info.proto_name) return info.dtype;
  }
  throw InvalidType(StrCat("\"", name, "\" is no dtype; skiff has bool, uint8, int8, int16, int32, "
                           "int64, float16, bfloat16, float32, float64, complex64, complex128"));
}

float ToFloat(Float16 value) {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16;
  const uint32_t exponent = (value.bits >> 10) & 0x1Fu;
  uint32_t mantissa = value.bits & 0x3FFu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  if (mantissa == 0) return std::bit_cast<float>(sign);
  uint32_t shift = 0;  // a subnormal half is a normal float
  while ((mantissa & 0x400u) == 0) {
    mantissa <<= 1;
    ++shift;
  }
  return std::bit_cast<float>(sign | ((113 - shift) << 23) | ((mantissa & 0x3FFu) << 13));
}

float ToFloat(BFloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

Float16 ToFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return {static_cast<uint16_t>(sign | 0x7E00u)};      // NaN
  if (magnitude >= 0x477FF000u) return {static_cast<uint16_t>(sign | 0x7C00u)};     // overflow
  if (magnitude < 0x33000001u) return {sign};                                       // underflow
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  const uint32_t mantissa = (magnitude & 0x7FFFFFu) | 0x800000u;
  const int drop = exponent < -14 ? 13 + (-14 - exponent) : 13;
  const uint32_t half = 1u << (drop - 1);
  uint32_t rounded = mantissa >> drop;
  const uint32_t rest = mantissa & ((1u << drop) - 1);
  if (rest > half || (rest == half && (rounded & 1u))) ++rounded;
  if (exponent < -14) return {static_cast<uint16_t>(sign | rounded)};
  // `rounded` carries the implicit one at bit 10; adding lets a carry move into the exponent.
  return {static_cast<uint16_t>(sign + (static_cast<uint32_t>(exponent + 14) << 10) + rounded)};
}

BFloat16 ToBFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return {static_cast<uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16)};
}

}  // namespace skiff
