// What operators over sequences share: offsets, and rows moved from one tensor to another.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "framework/op/run_op.h"
#include "operators/host/host.h"

namespace skiff {

/// Sets an output with its sequences.
inline void OutWithLoD(DynamicContext& c, const std::string& slot, Tensor value, const LoD& lod) {
  value.set_lod(lod);
  host::Out(c, slot, value);
}

/// Elements of a float32 or float64 tensor. Operators compute in float64 and round once.
inline std::vector<double> Doubles(const Tensor& given) {
  const Tensor t = given.To(CPUPlace{});
  if (t.dtype() == DType::kFloat32) return {t.data<float>(), t.data<float>() + t.num_elements()};
  if (t.dtype() == DType::kFloat64) return {t.data<double>(), t.data<double>() + t.num_elements()};
  const std::vector<int64_t> integers = IntElements(t);
  return {integers.begin(), integers.end()};
}
inline Tensor FromDoubles(const Shape& shape, DType dtype, const std::vector<double>& values) {
  SKIFF_ENFORCE(static_cast<int64_t>(values.size()) == shape.NumElements(), InvalidArgument, values.size(), " numbers were computed for a tensor ",
                shape, "; inputs do not belong together");
  Tensor t(shape, dtype);
  SKIFF_ENFORCE(static_cast<int64_t>(values.size()) == t.num_elements(), InvalidArgument, values.size(), " numbers for a tensor of shape ",
                shape, "; the operator's inputs do not belong together");
  if (dtype == DType::kFloat32) {
    std::copy(values.begin(), values.end(), t.data<float>());
  } else if (dtype == DType::kFloat64) {
    std::copy(values.begin(), values.end(), t.data<double>());
  } else if (dtype == DType::kInt32) {
    std::copy(values.begin(), values.end(), t.data<int32_t>());
  } else if (dtype == DType::kInt64) {
    std::copy(values.begin(), values.end(), t.data<int64_t>());
  } else {
    throw Unimplemented(StrCat("a ", dtype, " output; there are float32, float64, int32 and int64"));
  }
  return t;
}
inline Tensor FromInts(const Shape& shape, DType dtype, const std::vector<int64_t>& values) {
  SKIFF_ENFORCE(static_cast<int64_t>(values.size()) == shape.NumElements(), InvalidArgument, values.size(), " numbers were computed for a tensor ",
                shape, "; inputs do not belong together");
  return FromDoubles(shape, dtype, {values.begin(), values.end()});
}

/// Offsets at which a tensor's innermost sequences begin, and its rows. @throws InvalidArgument without any.
inline std::vector<int64_t> Offsets(const Tensor& t, const std::string& slot) {
  SKIFF_ENFORCE(!t.lod().empty(), InvalidArgument, "input ", slot, " ", t.shape(),
                " has no sequences; feed a LoDTensor");
  return {t.lod().back().begin(), t.lod().back().end()};
}
inline std::vector<uint64_t> ToLevel(const std::vector<int64_t>& offsets) { return {offsets.begin(), offsets.end()}; }

inline int64_t Rows(const Tensor& t) { return t.shape().rank() == 0 ? 1 : t.shape()[0]; }
inline int64_t Width(const Tensor& t) { return t.shape().Product(1, t.shape().rank()); }
inline Shape WithRows(Shape shape, int64_t rows) {
  shape[0] = rows;
  return shape;
}

/// Row i of the result is row rows[i] of `x`, zero where that is -1.
inline Tensor TakeRows(const Tensor& given, const std::vector<int64_t>& rows) {
  const Tensor x = given.To(CPUPlace{});
  Tensor out(WithRows(x.shape(), static_cast<int64_t>(rows.size())), x.dtype());
  const size_t bytes = Width(x) * SizeOf(x.dtype());
  char* to = static_cast<char*>(out.raw_data());
  for (int64_t row : rows) {
    if (row < 0) {
      std::memset(to, 0, bytes);
    } else {
      SKIFF_ENFORCE(row < Rows(x), OutOfRange, "row ", row, " of ", x.shape());
      std::memcpy(to, static_cast<const char*>(x.raw_data()) + row * bytes, bytes);
    }
    to += bytes;
  }
  return out;
}
/// The gradient of TakeRows: rows of `grad` added up where they came from.
inline Tensor ReturnRows(const Tensor& grad, const std::vector<int64_t>& rows, const Tensor& like) {
  const std::vector<double> from = Doubles(grad);
  std::vector<double> sum(like.num_elements(), 0.0);
  const int64_t width = Width(like);
  SKIFF_ENFORCE(static_cast<int64_t>(from.size()) == static_cast<int64_t>(rows.size()) * width, InvalidArgument,
                "the gradient has shape ", grad.shape(), "; expected ", rows.size(), " rows of ", width, " numbers");
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0) continue;
    for (int64_t j = 0; j < width; ++j) sum[rows[i] * width + j] += from[i * width + j];
  }
  Tensor out = FromDoubles(like.shape(), grad.dtype(), sum);
  out.set_lod(like.lod());
  return out;
}

/// Output `out` is as input `in` but for its rows, whose count depends on data; -1 keeps `in`'s levels.
inline InferFn RowsUnknown(const char* out, const char* in, int lod_level) {
  return [out, in, lod_level](InferContext& c) {
    const TensorMeta& x = c.Input(in);
    Shape shape = x.shape;
    if (shape.rank() > 0) shape[0] = -1;
    c.SetOutput(out, TensorMeta{shape, x.dtype, lod_level < 0 ? x.lod_level : lod_level});
  };
}

}  // namespace skiff
