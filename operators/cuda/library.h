// What the kernels that call cuDNN and cuBLASLt share: handles of the calling thread, checked calls, types.
#pragma once

#include <cuComplex.h>
#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <cudnn.h>

#include <complex>
#include <map>

#include "framework/base/dtype.h"
#include "framework/base/error.h"

namespace skiff {

inline void CheckCuda(cudaError_t status, const char* what) {
  SKIFF_ENFORCE(status == cudaSuccess, External, "CUDA ", what, ": ", cudaGetErrorString(status));
}
inline void CheckCudnn(cudnnStatus_t status, const char* what) {
  SKIFF_ENFORCE(status != CUDNN_STATUS_NOT_SUPPORTED, Unimplemented, "cuDNN ", what,
                ": not supported for these operands");
  SKIFF_ENFORCE(status == CUDNN_STATUS_SUCCESS, External, "cuDNN ", what, ": ",
                cudnnGetErrorString(status));
}
inline void CheckCublas(cublasStatus_t status, const char* what) {
  SKIFF_ENFORCE(status == CUBLAS_STATUS_SUCCESS, External, "cuBLASLt ", what, ": ",
                cublasLtGetStatusString(status));
}

/// The calling thread's handle on the current device. Handles live as long as the thread's program: the
/// libraries may be unloaded before thread-local destructors run.
inline cudnnHandle_t CudnnHandle() {
  thread_local std::map<int, cudnnHandle_t> handles;
  int device = 0;
  CheckCuda(cudaGetDevice(&device), "get device");
  cudnnHandle_t& handle = handles[device];
  if (handle == nullptr) CheckCudnn(cudnnCreate(&handle), "create");
  return handle;
}
inline cublasLtHandle_t CublasLtHandle() {
  thread_local std::map<int, cublasLtHandle_t> handles;
  int device = 0;
  CheckCuda(cudaGetDevice(&device), "get device");
  cublasLtHandle_t& handle = handles[device];
  if (handle == nullptr) CheckCublas(cublasLtCreate(&handle), "create");
  return handle;
}

/// The type a kernel computes with: float for the half types.
template <typename T>
struct CudaType {
  using Storage = T;
  using Compute = T;
};
template <>
struct CudaType<Float16> {
  using Storage = __half;
  using Compute = float;
};
template <>
struct CudaType<std::complex<float>> {
  using Storage = cuComplex;
  using Compute = cuComplex;
};
template <>
struct CudaType<std::complex<double>> {
  using Storage = cuDoubleComplex;
  using Compute = cuDoubleComplex;
};
template <>
struct CudaType<BFloat16> {
  using Storage = __nv_bfloat16;
  using Compute = float;
};

inline cudnnDataType_t CudnnType(DType dtype) {
  switch (dtype) {
    case DType::kFloat16: return CUDNN_DATA_HALF;
    case DType::kBFloat16: return CUDNN_DATA_BFLOAT16;
    case DType::kFloat64: return CUDNN_DATA_DOUBLE;
    default: return CUDNN_DATA_FLOAT;
  }
}
inline cudaDataType_t CudaDataType(DType dtype) {
  switch (dtype) {
    case DType::kFloat16: return CUDA_R_16F;
    case DType::kBFloat16: return CUDA_R_16BF;
    case DType::kFloat64: return CUDA_R_64F;
    case DType::kComplex64: return CUDA_C_32F;
    case DType::kComplex128: return CUDA_C_64F;
    default: return CUDA_R_32F;
  }
}

inline constexpr int kCudaBlock = 256;
/// Blocks for `count` elements; kernels stride over what is left.
inline int CudaBlocks(int64_t count) {
  const int64_t blocks = (count + kCudaBlock - 1) / kCudaBlock;
  return static_cast<int>(blocks < 1 ? 1 : blocks > 65535 ? 65535 : blocks);
}
/// for (i = mine; i < count; i += all threads)
#define SKIFF_CUDA_FOR(i, count)                                                          \
  for (int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; i < (count); \
       i += static_cast<int64_t>(gridDim.x) * blockDim.x)

}  // namespace skiff
