// The CUDA half of reduce.h: one block, or one thread, for each result and segment.
#pragma once

#include "operators/kernel/reduce.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

__device__ __noinline__ static int64_t ReduceOffset(int64_t i, int rank, const int64_t* dims,
                                       const int64_t* strides) {
  int64_t at = 0;
#pragma unroll 1
  for (int d = rank - 1; d >= 0; --d) {
    at += i % dims[d] * strides[d];
    i /= dims[d];
  }
  return at;
}

template <typename C, typename R>
__device__ inline Accumulator<C> ReduceSegment(const ReducePlan& plan, const R& r, const void* in,
                                               int64_t out, int64_t segment, int64_t first,
                                               int64_t step) {
  using A = Accumulator<C>;
  const int64_t base = ReduceOffset(out, plan.kept_rank, plan.kept_dims, plan.kept_strides);
  const int64_t begin = plan.num_reduced * segment / plan.segments;
  const int64_t end = plan.num_reduced * (segment + 1) / plan.segments;
  A acc = R::template Identity<A>();
#pragma unroll 1  // the typed loads are long enough
  for (int64_t i = begin + first; i < end; i += step) {
    const int64_t at = base + ReduceOffset(i, plan.reduced_rank, plan.reduced_dims,
                                           plan.reduced_strides);
    acc = R::Combine(acc, static_cast<A>(r.Map(LoadAs<C>(in, plan.in_dtype, at))));
  }
  return acc;
}

template <typename C, typename R>
__device__ inline void ReduceStore(const ReducePlan& plan, const R& r, void* out, int64_t i,
                                   Accumulator<C> acc) {
  if (plan.scale != 1) acc = static_cast<Accumulator<C>>(acc * plan.scale);
  StoreAs<C>(out, plan.out_dtype, i, static_cast<C>(r.Finish(acc)));
}

template <typename C, typename R>
__global__ void ReduceByBlock(const __grid_constant__ ReducePlan plan, R r, const void* in, void* out,
                              Accumulator<C>* partial) {
  using A = Accumulator<C>;
  __shared__ A shared[kCudaBlock];
#pragma unroll 1
  for (int64_t k = blockIdx.x; k < plan.num_out * plan.segments; k += gridDim.x) {
    const int64_t i = k % plan.num_out, segment = k / plan.num_out;
    shared[threadIdx.x] = ReduceSegment<C>(plan, r, in, i, segment, threadIdx.x, blockDim.x);
    __syncthreads();
    for (int step = kCudaBlock / 2; step > 0; step /= 2) {
      if (threadIdx.x < step) {
        shared[threadIdx.x] = R::Combine(shared[threadIdx.x], shared[threadIdx.x + step]);
      }
      __syncthreads();
    }
    if (threadIdx.x == 0) {
      if (plan.segments > 1) partial[k] = shared[0];
      else ReduceStore<C>(plan, r, out, i, shared[0]);
    }
    __syncthreads();
  }
}

template <typename C, typename R>
__global__ void ReduceByThread(const __grid_constant__ ReducePlan plan, R r, const void* in, void* out,
                               Accumulator<C>* partial) {
#pragma unroll 1
  for (int64_t k = CudaFirst(); k < plan.num_out * plan.segments; k += CudaStep()) {
    const int64_t i = k % plan.num_out;
    const Accumulator<C> acc = ReduceSegment<C>(plan, r, in, i, k / plan.num_out, 0, 1);
    if (plan.segments > 1) partial[k] = acc;
    else ReduceStore<C>(plan, r, out, i, acc);
  }
}

template <typename C, typename R>
__global__ void ReducePartials(const __grid_constant__ ReducePlan plan, R r, void* out,
                               const Accumulator<C>* partial) {
#pragma unroll 1
  for (int64_t i = CudaFirst(); i < plan.num_out; i += CudaStep()) {
    Accumulator<C> acc = partial[i];
#pragma unroll 1
    for (int64_t s = 1; s < plan.segments; ++s) acc = R::Combine(acc, partial[s * plan.num_out + i]);
    ReduceStore<C>(plan, r, out, i, acc);
  }
}

template <typename C, typename R>
void LaunchReduce(const void* reducer, const ReducePlan& plan, const void* in, void* out,
                  void* workspace, const KernelArgs& args) {
  const R r = *static_cast<const R*>(reducer);
  auto* partial = static_cast<Accumulator<C>*>(workspace);
  const int64_t pieces = plan.num_out * plan.segments;
  // Neighbouring threads read neighbouring elements where the innermost dimension stays.
  if (plan.inner_kept || plan.num_reduced < 64) {
    ReduceByThread<C><<<CudaGrid(pieces), kCudaBlock, 0, StreamOf(args)>>>(plan, r, in, out, partial);
  } else {
    const unsigned grid = static_cast<unsigned>(pieces < 65536 ? pieces : 65536);
    ReduceByBlock<C><<<grid, kCudaBlock, 0, StreamOf(args)>>>(plan, r, in, out, partial);
  }
  CheckLaunch();
  if (plan.segments > 1) {
    ReducePartials<C><<<CudaGrid(plan.num_out), kCudaBlock, 0, StreamOf(args)>>>(plan, r, out, partial);
    CheckLaunch();
  }
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
