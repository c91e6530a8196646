// Tensor: a typed, shaped view of a shared block of memory at a place. Copying a Tensor shares its
// memory; Clone copies it.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "framework/base/dtype.h"
#include "framework/base/error.h"
#include "framework/base/place.h"
#include "framework/base/shape.h"

namespace skiff {

/// Level of detail: for each level, outermost first, the offsets at which its sequences begin; they
/// start at 0, never decrease, and the last offset of the last level is the tensor's first extent.
using LoD = std::vector<std::vector<uint64_t>>;

class Tensor {
 public:
  /// No memory, no dtype: is_initialized() is false.
  Tensor() = default;
  /// Uninitialised memory. @throws InvalidArgument for unknown or overflowing extents,
  /// ResourceExhausted when memory runs out.
  Tensor(const Shape& shape, DType dtype, const Place& place = CPUPlace{});
  /// Shares `data`, which `owner` keeps alive. `data` may be unaligned to kAlignment.
  Tensor(const Shape& shape, DType dtype, const Place& place, std::shared_ptr<void> owner,
         void* data);

  /// A CPU tensor holding `values` in C order. @throws InvalidArgument when the counts differ.
  template <typename T>
  static Tensor Of(const Shape& shape, std::span<const T> values) {
    Tensor t(shape, kDTypeOf<T>);
    SKIFF_ENFORCE(static_cast<int64_t>(values.size()) == t.num_elements(), InvalidArgument, "shape ",
                  shape, " holds ", t.num_elements(), " elements, ", values.size(), " were given");
    std::copy(values.begin(), values.end(), static_cast<T*>(t.raw_data()));
    return t;
  }
  template <typename T>
  static Tensor Of(const Shape& shape, const std::vector<T>& values) {
    return Of(shape, std::span<const T>(values));
  }
  template <typename T>
  static Tensor Of(const Shape& shape, std::initializer_list<T> values) {
    return Of(shape, std::span<const T>(values.begin(), values.size()));
  }

  bool is_initialized() const { return data_ != nullptr; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  const Place& place() const { return place_; }
  int64_t num_elements() const { return num_elements_; }
  size_t bytes() const { return is_initialized() ? num_elements_ * SizeOf(dtype_) : 0; }

  void* raw_data() { return data_; }
  const void* raw_data() const { return data_; }
  /// Typed access to a CPU tensor's elements. @throws InvalidType when T is not the dtype,
  /// PreconditionNotMet when the memory is not the CPU's.
  template <typename T>
  T* data() {
    CheckAccess(kDTypeOf<T>);
    return static_cast<T*>(data_);
  }
  template <typename T>
  const T* data() const {
    CheckAccess(kDTypeOf<T>);
    return static_cast<const T*>(data_);
  }
  template <typename T>
  std::span<const T> Values() const {
    return {data<T>(), static_cast<size_t>(num_elements_)};
  }

  const LoD& lod() const { return lod_; }
  /// @throws InvalidArgument when `lod` breaks the rules stated at LoD.
  void set_lod(LoD lod);

  /// A deep copy at `place` (its own by default).
  Tensor Clone() const { return CopyTo(place_); }
  Tensor CopyTo(const Place& place) const;
  /// Itself when it is already there, else a copy.
  Tensor To(const Place& place) const { return place == place_ ? *this : CopyTo(place); }
  /// Same memory under another shape of equal size. @throws InvalidArgument.
  Tensor Reshaped(const Shape& shape) const;
  /// Rows [begin, end) of the first dimension, sharing memory. @throws OutOfRange.
  Tensor Rows(int64_t begin, int64_t end) const;

  /// The block that keeps the memory alive.
  const std::shared_ptr<void>& owner() const { return owner_; }

  /// dtype, shape, place and the first elements, e.g. "float32 [2, 3] CPUPlace {1, 2, 3, ...}".
  std::string ToString(int64_t max_elements = 16) const;

 private:
  void CheckAccess(DType wanted) const;

  std::shared_ptr<void> owner_;
  void* data_ = nullptr;
  Shape shape_;
  int64_t num_elements_ = 0;
  DType dtype_ = DType::kUndefined;
  Place place_;
  LoD lod_;
};

inline std::ostream& operator<<(std::ostream& out, const Tensor& t) { return out << t.ToString(); }

/// @throws InvalidArgument naming the level and offset when `lod` does not describe `rows` rows.
void CheckLoD(const LoD& lod, int64_t rows);

}  // namespace skiff
