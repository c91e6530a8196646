// Lines: a tensor seen as [outer, extent, inner] around an axis, for functors that walk along it. Line l
// begins at Base(l) and its elements lie `inner` apart.
#pragma once

#include "operators/kernel/for_each.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

struct Lines {
  int64_t outer = 1, extent = 1, inner = 1;

  Lines() = default;
  /// A tensor without axes is one line of one element. `axis` is not negative.
  Lines(const Shape& shape, int axis) {
    if (shape.rank() == 0) return;
    outer = shape.Product(0, axis);
    extent = shape[axis];
    inner = shape.Product(axis + 1, shape.rank());
  }
  SKIFF_HD int64_t Count() const { return outer * inner; }
  SKIFF_HD int64_t Base(int64_t line) const { return line / inner * extent * inner + line % inner; }
};

/// Calls f(line) for every line.
template <typename F>
void ForEachLine(const Lines& lines, const KernelArgs& args, const F& f) {
  const int64_t length = lines.extent < 1 ? 1 : lines.extent;
  ForEach(lines.Count(), kElementGrain / 4 / length + 1, args, f);
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
