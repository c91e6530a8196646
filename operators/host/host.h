// What operators share whose outputs' shapes depend on data. They run on the host: for a card their
// inputs are copied here and their outputs back, because the choice that decides a shape has to be known
// here anyway, and the tensors chosen from are small (boxes, indices) beside those of a network.
#pragma once

#include <string>
#include <vector>

#include "framework/op/op_schema.h"

namespace skiff::host {

inline bool Has(const DynamicContext& c, const std::string& slot) { return c.NumInputs(slot) > 0; }

/// An input's tensor on the host, with its sequences.
inline Tensor In(const DynamicContext& c, const std::string& slot, int i = 0) {
  return c.InputTensor(slot, i).To(CPUPlace{});
}

/// Sets an output from a tensor of the host; nothing where the operator leaves the output out.
inline void Out(DynamicContext& c, const std::string& slot, const Tensor& tensor, int i = 0) {
  if (c.NumOutputs(slot) > i) c.Output(slot, i) = tensor.To(c.place());
}

/// Calls f(T{}) for the element type of a dtype of `what`. @throws Unimplemented for another one.
template <typename F>
void WithFloats(DType dtype, const char* what, const F& f) {
  switch (dtype) {
    case DType::kFloat32: return f(float{});
    case DType::kFloat64: return f(double{});
    default: throw Unimplemented(StrCat(what, " is ", dtype, "; it may be float32 or float64"));
  }
}
template <typename F>
void WithNumbers(DType dtype, const char* what, const F& f) {
  switch (dtype) {
    case DType::kFloat32: return f(float{});
    case DType::kFloat64: return f(double{});
    case DType::kInt32: return f(int32_t{});
    case DType::kInt64: return f(int64_t{});
    default: throw Unimplemented(StrCat(what, " is ", dtype, "; it may be float32, float64, int32 or int64"));
  }
}

/// A tensor of int32 or int64 from integers.
inline Tensor Ints(const Shape& shape, const std::vector<int64_t>& values, DType dtype) {
  if (dtype == DType::kInt64) return Tensor::Of(shape, values);
  SKIFF_ENFORCE(dtype == DType::kInt32, InvalidArgument, "indices may be int32 or int64, not ", dtype);
  return Tensor::Of(shape, std::vector<int32_t>(values.begin(), values.end()));
}
inline Tensor Ints(const std::vector<int64_t>& values, DType dtype) {
  return Ints(Shape{static_cast<int64_t>(values.size())}, values, dtype);
}

/// The dtype that attribute `dtype` names. @throws InvalidArgument for no dtype.
inline DType DTypeOf(const Attrs& attrs) {
  const int32_t code = attrs.Get<int32_t>("dtype");
  SKIFF_ENFORCE(IsValidDType(code), InvalidArgument, "attribute dtype is ", code, ", which is no dtype");
  return static_cast<DType>(code);
}

}  // namespace skiff::host
