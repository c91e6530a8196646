#include "executor/device.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <cstring>

namespace skiff {

Stream::Stream(const Place& place) : place_(place) {
  if (place.is_cuda()) stream_ = cuda_device::CreateStream(place.id);
}

Stream::~Stream() {
  if (stream_ != nullptr) cuda_device::DestroyStream(place_.id, stream_);
}

void Stream::Synchronize() const {
  if (stream_ != nullptr) cuda_device::Synchronize(place_.id, stream_);
}

std::unique_ptr<Kernel> MakeCopyKernel(const Place& place, size_t bytes) {
  if (place.is_cuda()) {
    return MakeKernel([bytes](const KernelArgs& args) {
      cuda_device::CopyAsync(args.out[0], args.in[0], bytes, args.stream);
    });
  }
  return MakeKernel([bytes](const KernelArgs& args) {
    if (bytes > 0) std::memcpy(args.out[0], args.in[0], bytes);
  });
}

int DefaultNumThreads() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  // OMP_NUM_THREADS and omp_set_num_threads lower it, as they do for every other user of OpenMP.
  return std::max(1, std::min(CPU_COUNT(&set), omp_get_max_threads()));
}

}  // namespace skiff
