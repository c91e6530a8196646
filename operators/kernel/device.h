// The little that kernels need of the device they are compiled for: launching on a stream, and nothing
// else. On the CPU this header is almost empty.
#pragma once

#include <cstdint>

#include "framework/base/error.h"
#include "framework/op/op_schema.h"

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#endif

/// On a function that is a kernel's loop: compiles it, and all it calls inline, for the variant's
/// instruction set. Everything else of a variant is compiled for the plainest processor: static
/// initialisers run before anybody has asked the processor what it can do, and the linker keeps any one
/// copy of an inline function that several variants share. SKIFF_ISA (set by CMake) is the variant's
/// number: an Isa.
#if defined(__CUDACC__) || !defined(__x86_64__)
#define SKIFF_SIMD
#elif SKIFF_ISA == 2
#define SKIFF_SIMD                                                                              \
  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c,prefer-vector-width=512"), \
                 flatten))
#elif SKIFF_ISA == 1
#define SKIFF_SIMD __attribute__((target("avx2,fma,f16c"), flatten))
#else
#define SKIFF_SIMD __attribute__((flatten))
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

#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
