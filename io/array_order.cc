#include "io/array_order.h"

#include <algorithm>
#include <cstring>

#include "io/copy_to_fresh.h"

namespace skiff::io {

namespace {

// Calls visit(position by columns, position by rows) for every element.
template <typename Visit>
void ForEachByColumns(const Shape& shape, int64_t count, Visit visit) {
  int64_t index[Shape::kMaxRank] = {};
  for (int64_t n = 0; n < count; ++n) {
    int64_t row_major = 0;
    for (int axis = 0; axis < shape.rank(); ++axis) row_major = row_major * shape[axis] + index[axis];
    visit(static_cast<size_t>(n), static_cast<size_t>(row_major));
    for (int axis = 0; axis < shape.rank() && ++index[axis] == shape[axis]; ++axis) index[axis] = 0;
  }
}

}  // namespace

Tensor TensorFromArray(std::span<const uint8_t> elements, const Shape& shape, DType dtype,
                       const ArrayOrder& order) {
  Tensor tensor(shape, dtype);
  CopyToFresh(tensor.raw_data(), elements.data(), elements.size());
  return FromArrayOrder(std::move(tensor), order);
}

Tensor FromArrayOrder(Tensor tensor, const ArrayOrder& order) {
  const DType dtype = tensor.dtype();
  const size_t item = SizeOf(dtype);
  uint8_t* data = static_cast<uint8_t*>(tensor.raw_data());
  if (order.big_endian) {
    const size_t number = IsComplex(dtype) ? item / 2 : item;
    for (size_t at = 0; at < tensor.bytes(); at += number) std::reverse(data + at, data + at + number);
  }
  if (dtype == DType::kBool) {
    std::transform(data, data + tensor.bytes(), data, [](uint8_t byte) { return byte != 0; });
  }
  if (!order.fortran) return tensor;
  Tensor rows(tensor.shape(), dtype);
  uint8_t* to = static_cast<uint8_t*>(rows.raw_data());
  ForEachByColumns(tensor.shape(), tensor.num_elements(), [&](size_t column, size_t row) {
    std::memcpy(to + row * item, data + column * item, item);
  });
  return rows;
}

std::string ColumnMajor(const Tensor& tensor) {
  const size_t item = SizeOf(tensor.dtype());
  const char* from = static_cast<const char*>(tensor.raw_data());
  std::string columns;
  columns.reserve(tensor.bytes());
  ForEachByColumns(tensor.shape(), tensor.num_elements(),
                   [&](size_t, size_t row) { columns.append(from + row * item, item); });
  return columns;
}

}  // namespace skiff::io
