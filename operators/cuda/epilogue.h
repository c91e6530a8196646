// out = activation(out + bias), for results of library calls without such an epilogue of their own.
#pragma once

#include "operators/activation_name.h"
#include "operators/cuda/library.h"

namespace skiff {

/// Element i belongs to channel i / inner % channels. `bias` may be null.
template <typename T>
__global__ void EpilogueKernel(int64_t count, int64_t channels, int64_t inner,
                               const typename CudaType<T>::Storage* bias, Activation activation,
                               float alpha, float beta, typename CudaType<T>::Storage* out) {
  using Compute = typename CudaType<T>::Compute;
  SKIFF_CUDA_FOR(i, count) {
    Compute value = static_cast<Compute>(out[i]);
    if (bias != nullptr) value += static_cast<Compute>(bias[i / inner % channels]);
    out[i] = static_cast<typename CudaType<T>::Storage>(
        Activate<Compute>(activation, value, static_cast<Compute>(alpha), static_cast<Compute>(beta)));
  }
}

template <typename T>
void RunEpilogue(int64_t count, int64_t channels, int64_t inner, const void* bias,
                 Activation activation, float alpha, float beta, void* out, void* stream) {
  if (count == 0 || (bias == nullptr && activation == Activation::kIdentity)) return;
  using Storage = typename CudaType<T>::Storage;
  EpilogueKernel<T><<<CudaBlocks(count), kCudaBlock, 0, static_cast<cudaStream_t>(stream)>>>(
      count, channels, inner, static_cast<const Storage*>(bias), activation, alpha, beta,
      static_cast<Storage*>(out));
  CheckCuda(cudaGetLastError(), "epilogue");
}

}  // namespace skiff
