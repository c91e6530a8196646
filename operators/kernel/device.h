// The little that kernels need of the device they are compiled for: launching on a stream, and nothing
// else. On the CPU: versions of a loop for each instruction set.
#pragma once

#include <cstdint>

#include "framework/base/error.h"
#include "framework/op/op_schema.h"

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#endif

namespace skiff {
inline namespace SKIFF_VARIANT {

#if defined(__CUDACC__)

inline constexpr int kCudaBlock = 256;

inline cudaStream_t StreamOf(const KernelArgs& args) { return static_cast<cudaStream_t>(args.stream); }

/// Blocks of kCudaBlock threads for `n` elements under a grid-stride loop: enough to fill any card.
inline unsigned CudaGrid(int64_t n) {
  const int64_t blocks = (n + kCudaBlock - 1) / kCudaBlock;
  return static_cast<unsigned>(blocks < 1 ? 1 : blocks > 8192 ? 8192 : blocks);
}

/// @throws External with CUDA's text when the launch before it was refused.
inline void CheckLaunch() {
  const cudaError_t status = cudaGetLastError();
  SKIFF_ENFORCE(status == cudaSuccess, External, "CUDA refused a kernel launch: ",
                cudaGetErrorString(status));
}

/// First element and stride of a grid-stride loop.
__device__ inline int64_t CudaFirst() { return blockIdx.x * int64_t{blockDim.x} + threadIdx.x; }
__device__ inline int64_t CudaStep() { return int64_t{gridDim.x} * blockDim.x; }

#else

/// The versions of a loop for each instruction set: the body, and all it calls inline, compiled anew
/// under each. Everything else is compiled for the plainest processor, so that nothing but these
/// functions has instructions that a processor may lack.
template <auto Body>
struct SimdVersions;
template <typename... Args, void (*Body)(Args...)>
struct SimdVersions<Body> {
  using Function = void (*)(Args...);
  __attribute__((flatten)) static void Base(Args... args) { Body(args...); }
#if defined(__x86_64__)
  __attribute__((target("avx2,fma,f16c"), flatten)) static void Avx2(Args... args) { Body(args...); }
  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c,prefer-vector-width=512"),
                 flatten)) static void Avx512(Args... args) { Body(args...); }
#else
  static constexpr Function Avx2 = Base, Avx512 = Base;
#endif
};

/// The version of a loop for this processor: Simd<&Loop<T>>()(arguments).
template <auto Body>
typename SimdVersions<Body>::Function Simd() {
  using Versions = SimdVersions<Body>;
  const Isa isa = CpuIsa();
  return isa == Isa::kAvx512 ? Versions::Avx512 : isa == Isa::kAvx2 ? Versions::Avx2 : Versions::Base;
}

#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
