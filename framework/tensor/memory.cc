#include "framework/tensor/memory.h"

#include <cstdlib>
#include <cstring>

#include "framework/base/error.h"

namespace skiff {

std::shared_ptr<void> Allocate(const Place& place, size_t bytes) {
  if (place.is_cuda()) return cuda_memory::Allocate(place.id, bytes);
  // Rounding up also lets vector code read the whole last register.
  void* block = bytes > SIZE_MAX - 2 * kAlignment
                    ? nullptr
                    : std::aligned_alloc(kAlignment, AlignUp(bytes == 0 ? 1 : bytes));
  SKIFF_ENFORCE(block != nullptr, ResourceExhausted, "no ", bytes, " bytes of memory left");
  return {block, std::free};
}

void CopyBytes(const Place& to, void* destination, const Place& from, const void* source,
               size_t bytes) {
  if (bytes == 0) return;
  if (to.is_cpu() && from.is_cpu()) {
    std::memcpy(destination, source, bytes);
  } else {
    cuda_memory::Copy(to, destination, from, source, bytes);
  }
}

}  // namespace skiff
