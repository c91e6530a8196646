#include "framework/tensor/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "framework/base/error.h"
#include "framework/tensor/memory_guard.h"

namespace skiff {

namespace {

std::atomic<bool> guards = false;

std::shared_ptr<void> AllocateGuarded(size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t body = (bytes + page - 1) / page * page, all = body + page;
  void* map = mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  mprotect(static_cast<char*>(map) + body, page, PROT_NONE);
  return {static_cast<char*>(map) + body - bytes, [map, all](void*) { munmap(map, all); }};
}

}  // namespace

void GuardMemory(bool on) { guards = on; }

std::shared_ptr<void> Allocate(const Place& place, size_t bytes) {
  if (place.is_cuda()) return cuda_memory::Allocate(place.id, bytes);
  std::shared_ptr<void> block;
  if (bytes > SIZE_MAX / 2) {
    // no such block
  } else if (guards) {
    block = AllocateGuarded(bytes);
  } else if (void* made = std::aligned_alloc(kAlignment, AlignUp(bytes == 0 ? 1 : bytes))) {
    block = {made, std::free};  // rounding up also lets vector code read the whole last register
  }
  SKIFF_ENFORCE(block != nullptr, ResourceExhausted, "no ", bytes, " bytes of memory left");
  return block;
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
