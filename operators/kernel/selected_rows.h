// SelectedRows: merging rows that occur more than once, and spreading rows over a dense tensor. On the
// host; rows on a card are brought here and back.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "framework/tensor/memory.h"
#include "operators/kernel/for_each.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// Elements of one row.
inline int64_t RowWidth(const SelectedRows& rows) {
  const Shape& shape = rows.value.shape();
  return shape.Product(1, shape.rank());
}

/// The tensor's whole shape: [height, ...].
inline Shape DenseShape(const SelectedRows& rows) {
  Shape shape = rows.value.shape();
  shape[0] = rows.height;
  return shape;
}

/// to[target[i]] += from[i], row by row; `to` and `from` on the host.
template <typename T>
void AddRowsOf(const T* from, const std::vector<int64_t>& targets, int64_t width, T* to) {
  for (size_t r = 0; r < targets.size(); ++r) {
    const T* source = from + r * width;
    T* target = to + targets[r] * width;
    for (int64_t i = 0; i < width; ++i) {
      target[i] = StoreElement<T>(LoadElement(target[i]) + LoadElement(source[i]));
    }
  }
}

/// A tensor of `shape`, at the rows' place, that is zero but for the sums of from's rows at `targets`.
/// @throws InvalidArgument unless `from` has a row for each target, OutOfRange for a row outside, Unimplemented for other dtypes.
inline Tensor AddRows(const Tensor& from, const std::vector<int64_t>& targets, const Shape& shape) {
  Shape given = shape;
  given[0] = static_cast<int64_t>(targets.size());
  SKIFF_ENFORCE(shape.rank() > 0 && from.shape() == given, InvalidArgument, "rows are ", from.shape(), "; expected ", given);
  for (int64_t target : targets) {
    SKIFF_ENFORCE(target >= 0 && target < shape[0], OutOfRange, "row ", target, " of a tensor of ",
                  shape[0], " rows");
  }
  const Tensor source = from.To(CPUPlace{});
  Tensor sum(shape, from.dtype());
  std::memset(sum.raw_data(), 0, sum.bytes());
  const int64_t width = shape.Product(1, shape.rank());
  const auto add = [&]<typename T>(T) {
    AddRowsOf(static_cast<const T*>(source.raw_data()), targets, width, static_cast<T*>(sum.raw_data()));
  };
  switch (from.dtype()) {
    case DType::kFloat32: add(float{}); break;
    case DType::kFloat64: add(double{}); break;
    case DType::kFloat16: add(Float16{}); break;
    case DType::kBFloat16: add(BFloat16{}); break;
    case DType::kInt32: add(int32_t{}); break;
    case DType::kInt64: add(int64_t{}); break;
    default: throw Unimplemented(StrCat("rows of ", from.dtype(), " cannot be added"));
  }
  return sum.To(from.place());
}

/// Each row once, in ascending order, its occurrences added.
inline SelectedRows MergeRows(const SelectedRows& given) {
  SelectedRows merged{given.rows, given.height, {}};
  std::sort(merged.rows.begin(), merged.rows.end());
  merged.rows.erase(std::unique(merged.rows.begin(), merged.rows.end()), merged.rows.end());
  std::vector<int64_t> targets;
  for (int64_t row : given.rows) {
    targets.push_back(std::lower_bound(merged.rows.begin(), merged.rows.end(), row) - merged.rows.begin());
  }
  Shape shape = given.value.shape();
  shape[0] = static_cast<int64_t>(merged.rows.size());
  merged.value = AddRows(given.value, targets, shape);
  return merged;
}

/// The dense tensor that the rows stand for.
inline Tensor ToDense(const SelectedRows& rows) {
  return AddRows(rows.value, rows.rows, DenseShape(rows));
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
