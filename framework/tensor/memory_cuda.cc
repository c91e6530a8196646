#include <cuda_runtime_api.h>

#include "framework/base/error.h"
#include "framework/tensor/memory.h"

namespace skiff {

namespace {

void SelectDevice(int device) {
  const int count = CudaDeviceCount();
  SKIFF_ENFORCE(device >= 0 && device < count, Unavailable, "CUDAPlace(", device,
                ") was asked for; this machine has ", count, " usable CUDA card(s)");
  cudaSetDevice(device);
}

}  // namespace

int CudaDeviceCount() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

bool IsCompiledWithCuda() { return true; }

std::shared_ptr<void> cuda_memory::Allocate(int device, size_t bytes) {
  SelectDevice(device);
  void* block = nullptr;
  if (cudaMalloc(&block, bytes == 0 ? 1 : bytes) != cudaSuccess) {
    size_t free_bytes = 0, total_bytes = 0;
    cudaGetLastError();
    cudaMemGetInfo(&free_bytes, &total_bytes);
    throw ResourceExhausted(StrCat("CUDAPlace(", device, ") has no ", bytes, " bytes left; ",
                                   free_bytes, " of ", total_bytes, " are free"));
  }
  return {block, [](void* p) { cudaFree(p); }};
}

void cuda_memory::Copy(const Place& to, void* destination, const Place& from, const void* source,
                       size_t bytes) {
  SelectDevice(to.is_cuda() ? to.id : from.id);
  const cudaError_t status = cudaMemcpy(destination, source, bytes, cudaMemcpyDefault);
  SKIFF_ENFORCE(status == cudaSuccess, External, "copying ", bytes, " bytes from ", from, " to ",
                to, " failed: ", cudaGetErrorString(status));
}

}  // namespace skiff
