#include "executor/device.h"
#include "framework/base/error.h"

namespace skiff {

void* cuda_device::CreateStream(int) {
  Unavailable error("this build of skiff has no CUDA kernels");
  error.AddContext("use CPUPlace, or configure with the preset \"cuda\" on a machine with the toolkit");
  throw error;
}
void cuda_device::DestroyStream(int, void*) {}
void cuda_device::Synchronize(int, void*) {}
void cuda_device::CopyAsync(void*, const void*, size_t, void*) {}

}  // namespace skiff
