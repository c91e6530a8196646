// ForEachSpan: for functors over rows of contiguous output elements that find once a row what holds for all
// of it: f.Span(row, begin, end).
#pragma once

#include "operators/kernel/for_each.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

template <typename F>
struct SpanOf {
  F f;
  int64_t width;
  SKIFF_HD void operator()(int64_t i) const {
#if defined(__CUDA_ARCH__)
    f.Span(i / width, i % width, i % width + 1);
#else
    f.Span(i, 0, width);
#endif
  }
};

/// On the CPU whole rows, on a card each element by itself, so that neighbours write neighbours.
template <typename F>
void ForEachSpan(int64_t rows, int64_t width, const KernelArgs& args, const F& f) {
  if (rows == 0 || width == 0) return;
#if defined(__CUDACC__)
  ForEach(rows * width, 1, args, SpanOf<F>{f, width});
#else
  ForEach(rows, kElementGrain / width + 1, args, SpanOf<F>{f, width});
#endif
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
