// Sharing a loop among threads. The pieces depend on the count of threads, so callers give each index
// work of its own and combine nothing across pieces: results are the same for any count.
#pragma once

#include <cstdint>

#include "framework/op/op_schema.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// Grain for loops that do a few operations an element: below it, waking a thread costs more.
inline constexpr int64_t kElementGrain = 1 << 15;

using RangeFn = void (*)(const void* context, int64_t begin, int64_t end);
void ParallelRanges(int num_threads, int64_t n, int64_t grain, RangeFn fn, const void* context);

/// Calls fn(begin, end) for consecutive ranges that cover [0, n), on at most `num_threads` threads and
/// with at least `grain` indices each; without a parallel region when one thread suffices.
template <typename F>
void ParallelFor(int num_threads, int64_t n, int64_t grain, const F& fn) {
  ParallelRanges(num_threads, n, grain, [](const void* f, int64_t begin, int64_t end) {
    (*static_cast<const F*>(f))(begin, end);
  }, &fn);
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
