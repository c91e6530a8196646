#include "io/copy_to_fresh.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace skiff::io {

namespace {

constexpr size_t kStep = 512 << 10;  // what was zeroed by the kernel is still in the cache when it is written

// Only a wish: kernels before 5.14 do not know it, and the copy works without.
void MakePages(const void* data, size_t bytes, int advice) {
  static const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto at = reinterpret_cast<uintptr_t>(data), begin = at / page * page;
  madvise(reinterpret_cast<void*>(begin), at + bytes - begin, advice);
}

}  // namespace

void CopyToFresh(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  auto* target = static_cast<uint8_t*>(to);
  const auto* source = static_cast<const uint8_t*>(from);
  for (size_t at = 0; at < bytes; at += kStep) {
    const size_t count = std::min(kStep, bytes - at);
    if (bytes > kStep) {
      MakePages(source + at, count, MADV_POPULATE_READ);
      MakePages(target + at, count, MADV_POPULATE_WRITE);
    }
    std::memcpy(target + at, source + at, count);
  }
}

}  // namespace skiff::io
