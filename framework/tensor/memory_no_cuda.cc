#include "framework/base/error.h"
#include "framework/tensor/memory.h"

namespace skiff {

namespace {
[[noreturn]] void ThrowNoCuda() {
  Unavailable error("this build of skiff has no CUDA kernels");
  error.AddContext("use CPUPlace, or configure with the preset \"cuda\" on a machine with the toolkit");
  throw error;
}
}  // namespace

int CudaDeviceCount() { return 0; }
bool IsCompiledWithCuda() { return false; }

std::shared_ptr<void> cuda_memory::Allocate(int, size_t) { ThrowNoCuda(); }
void cuda_memory::Copy(const Place&, void*, const Place&, const void*, size_t) { ThrowNoCuda(); }

}  // namespace skiff
