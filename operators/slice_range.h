// What starts, ends and strides take of an axis, as slice, strided_slice and set_value read them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "framework/base/error.h"

namespace skiff {

struct Range {
  int64_t start = 0, count = 0, stride = 1;
};

// Starts and ends outside the extent are clamped; a range that ends before it starts is empty.
inline Range SliceRange(int64_t start, int64_t end, int64_t extent) {
  const auto clamp = [extent](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + extent : at, 0, extent);
  };
  Range range{clamp(start), 0, 1};
  range.count = std::max<int64_t>(clamp(end) - range.start, 0);
  return range;
}

// As Paddle: with a negative stride an end of -1 means "down to and including 0"; any other negative end
// counts from the back and stops at 0.
inline Range StridedRange(int64_t start, int64_t end, int64_t stride, int64_t extent) {
  SKIFF_ENFORCE(stride != 0, InvalidArgument, "strides holds a 0");
  Range range{start < 0 ? std::max<int64_t>(start + extent, 0) : start, 0, stride};
  range.start = std::min(range.start, stride > 0 ? extent : extent - 1);
  int64_t stop = end;
  if (end < 0) stop = end == -1 && stride < 0 ? -1 : std::max<int64_t>(end + extent, 0);
  stop = std::min(stop, extent);
  if (end >= extent && range.start == extent) return range;
  const int64_t span = stop - range.start;
  SKIFF_ENFORCE(span == 0 || (span > 0) == (stride > 0) || extent == 0, InvalidArgument,
                "from start ", start, " a stride of ", stride, " never reaches end ", end,
                " in an extent of ", extent);
  range.count = extent == 0 ? 0 : (std::abs(span) + std::abs(stride) - 1) / std::abs(stride);
  return range;
}

}  // namespace skiff
