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
constexpr size_t kLarge = size_t{4} << 20;

std::shared_ptr<void> AllocateGuarded(size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t body = (bytes + page - 1) / page * page, all = body + page;
  void* map = mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  mprotect(static_cast<char*>(map) + body, page, PROT_NONE);
  return {static_cast<char*>(map) + body - bytes, [map, all](void*) { munmap(map, all); }};
}

// Large blocks are touched once from end to end when a model is loaded: with pages of 4 KiB the faults alone take
// as long as the copy. Where the system has no huge pages to give, nothing changes.
void* AllocateLarge(size_t bytes) {
  constexpr size_t kHugePage = size_t{2} << 20;
  const size_t rounded = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* block = std::aligned_alloc(kHugePage, rounded);
  if (block != nullptr) madvise(block, rounded, MADV_HUGEPAGE);
  return block;
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
  } else if (void* made = bytes >= kLarge ? AllocateLarge(bytes) : std::aligned_alloc(kAlignment, AlignUp(bytes == 0 ? 1 : bytes))) {
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
