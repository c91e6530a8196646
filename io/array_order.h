// Elements as numpy stores them: by rows or by columns, in either byte order.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "framework/tensor/tensor.h"

namespace skiff::io {

struct ArrayOrder {
  bool fortran = false;     // column by column
  bool big_endian = false;  // most significant byte first
};

/// A CPU tensor, in C order and this machine's bytes, from elements in `order`. Bytes of a bool that are not
/// 0 become 1. @param elements  Exactly those of `shape`; checked by the caller.
Tensor TensorFromArray(std::span<const uint8_t> elements, const Shape& shape, DType dtype,
                       const ArrayOrder& order);
/// The same, reordering elements that already stand in `tensor`.
Tensor FromArrayOrder(Tensor tensor, const ArrayOrder& order);
/// Elements of a CPU tensor column by column.
std::string ColumnMajor(const Tensor& tensor);

}  // namespace skiff::io
