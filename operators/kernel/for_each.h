// ForEach: a functor called once for each index of a range, in any order, on as many threads as there
// are. For kernels whose output elements are independent but are no element-by-element map of their
// inputs: gathering, optimizers that update several tensors at once, masks.
#pragma once

#include "operators/kernel/parallel.h"
#include "operators/kernel/value.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// An element as it is computed, and back. Halves are computed in float.
template <typename T>
SKIFF_HD inline Compute<T> LoadElement(T v) { return static_cast<Compute<T>>(v); }
template <typename T>
SKIFF_HD inline T StoreElement(Compute<T> v) { return static_cast<T>(v); }

/// A functor may have Bind(), which gives the functor that is called: read there, once per thread, what
/// is the same for all indices but lies in memory (a learning rate).
template <typename F>
SKIFF_HD inline auto BindFunctor(const F& f) {
  if constexpr (requires { f.Bind(); }) {
    return f.Bind();
  } else {
    return f;
  }
}

#if defined(__CUDACC__)

__device__ inline float LoadElement(Float16 v) { return __half2float(__ushort_as_half(v.bits)); }
__device__ inline float LoadElement(BFloat16 v) { return __uint_as_float(uint32_t{v.bits} << 16); }
template <>
__device__ inline Float16 StoreElement<Float16>(float v) {
  return {__half_as_ushort(__float2half_rn(v))};
}
template <>
__device__ inline BFloat16 StoreElement<BFloat16>(float v) {
  return {__bfloat16_as_ushort(__float2bfloat16_rn(v))};
}

template <typename F>
__global__ void ForEachKernel(int64_t n, const F f) {
  const auto bound = BindFunctor(f);
  for (int64_t i = CudaFirst(); i < n; i += CudaStep()) bound(i);
}

/// `grain`: indices that are worth a thread on the CPU.
template <typename F>
void ForEach(int64_t n, int64_t /*grain*/, const KernelArgs& args, const F& f) {
  if (n == 0) return;
  ForEachKernel<<<CudaGrid(n), kCudaBlock, 0, StreamOf(args)>>>(n, f);
  CheckLaunch();
}

#else

inline float LoadElement(Float16 v) { return ToFloat(v); }
inline float LoadElement(BFloat16 v) { return ToFloat(v); }
template <>
inline Float16 StoreElement<Float16>(float v) { return ToFloat16(v); }
template <>
inline BFloat16 StoreElement<BFloat16>(float v) { return ToBFloat16(v); }

template <typename F>
void ForEachLoop(const F& f, int64_t begin, int64_t end) {
  const auto local = BindFunctor(f);  // a copy, so that the compiler sees that no store changes it
#pragma GCC ivdep  // an output may be an input's memory, at the same index
  for (int64_t i = begin; i < end; ++i) local(i);
}

template <typename F>
void ForEach(int64_t n, int64_t grain, const KernelArgs& args, const F& f) {
  const auto loop = Simd<&ForEachLoop<F>>();
  ParallelFor(args.num_threads, n, grain, [&](int64_t begin, int64_t end) { loop(f, begin, end); });
}

#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
