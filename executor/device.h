// What the executor needs of a device besides memory: streams, waiting, and copies inside a plan.
// device_cuda.cc or device_no_cuda.cc implements the CUDA half; CMake chooses.
#pragma once

#include <cstddef>
#include <memory>

#include "framework/base/place.h"
#include "framework/op/kernel.h"

namespace skiff {

/// A queue of work on a place; on the CPU there is none and get() is null.
class Stream {
 public:
  explicit Stream(const Place& place);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void* get() const { return stream_; }
  /// Waits until everything queued is done. @throws External when it failed on the card.
  void Synchronize() const;

 private:
  Place place_;
  void* stream_ = nullptr;
};

/// A kernel that copies `bytes` from its input to its output, both at `place`.
std::unique_ptr<Kernel> MakeCopyKernel(const Place& place, size_t bytes);

namespace cuda_device {  // implemented by device_cuda.cc or device_no_cuda.cc
void* CreateStream(int device);
void DestroyStream(int device, void* stream);
void Synchronize(int device, void* stream);
void CopyAsync(void* destination, const void* source, size_t bytes, void* stream);
}  // namespace cuda_device

/// Threads that a run may use when the user names no number: the CPUs this process may run on, or fewer
/// where OpenMP is told so (OMP_NUM_THREADS).
int DefaultNumThreads();

}  // namespace skiff
