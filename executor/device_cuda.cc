#include <cuda_runtime_api.h>

#include "executor/device.h"
#include "framework/base/error.h"
#include "framework/tensor/memory.h"

namespace skiff {

namespace {
void Check(cudaError_t status, const char* what) {
  SKIFF_ENFORCE(status == cudaSuccess, External, what, " failed on the card: ",
                cudaGetErrorString(status));
}
}  // namespace

void* cuda_device::CreateStream(int device) {
  const int count = CudaDeviceCount();
  SKIFF_ENFORCE(device >= 0 && device < count, Unavailable, "CUDAPlace(", device,
                ") was asked for; this machine has ", count, " usable CUDA card(s)");
  cudaSetDevice(device);
  cudaStream_t stream = nullptr;
  Check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  return stream;
}

void cuda_device::DestroyStream(int device, void* stream) {
  cudaSetDevice(device);
  cudaStreamDestroy(static_cast<cudaStream_t>(stream));
}

void cuda_device::Synchronize(int device, void* stream) {
  cudaSetDevice(device);
  Check(cudaStreamSynchronize(static_cast<cudaStream_t>(stream)), "a kernel");
}

void cuda_device::CopyAsync(void* destination, const void* source, size_t bytes, void* stream) {
  if (bytes == 0) return;
  Check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToDevice,
                        static_cast<cudaStream_t>(stream)),
        "a copy");
}

}  // namespace skiff
