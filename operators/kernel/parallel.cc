#include "operators/kernel/parallel.h"

#include <algorithm>
#include <exception>

#if !defined(__CUDACC__)
#include <omp.h>
#endif

namespace skiff {
inline namespace SKIFF_VARIANT {

#if !defined(__CUDACC__)
void ParallelRanges(int num_threads, int64_t n, int64_t grain, RangeFn fn, const void* context) {
  if (n <= 0) return;
  const int64_t pieces = std::min<int64_t>(num_threads, n / std::max<int64_t>(grain, 1));
  if (pieces <= 1 || omp_in_parallel()) {
    fn(context, 0, n);
    return;
  }
  std::exception_ptr failure;
#pragma omp parallel for num_threads(static_cast<int>(pieces)) schedule(static, 1)
  for (int64_t i = 0; i < pieces; ++i) {
    try {
      fn(context, n * i / pieces, n * (i + 1) / pieces);
    } catch (...) {  // an exception must not leave a parallel region
#pragma omp critical(skiff_parallel_failure)
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}
#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
