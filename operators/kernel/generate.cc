#include "operators/kernel/generate.h"

#include <algorithm>

namespace skiff {
inline namespace SKIFF_VARIANT {

#if !defined(__CUDACC__)
void RunGenerateLoop(GenerateLoop loop, const void* functor, int64_t n, DType compute, DType dtype,
                     void* out, const KernelArgs& args) {
  const size_t bytes = SizeOf(dtype);
  const ConvertFn convert = dtype == compute ? nullptr : Converter(compute, dtype);
  ParallelFor(args.num_threads, n, kElementGrain, [&](int64_t begin, int64_t end) {
    char* target = static_cast<char*>(out) + begin * bytes;
    if (convert == nullptr) {
      loop(functor, begin, end - begin, args.seed, target);
      return;
    }
    alignas(64) char block[kBlock * 8];
    for (int64_t i = begin; i < end; i += kBlock, target += kBlock * bytes) {
      const int64_t count = std::min(kBlock, end - i);
      loop(functor, i, count, args.seed, block);
      convert(block, target, count);
    }
  });
}
#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
