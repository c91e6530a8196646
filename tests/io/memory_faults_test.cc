// Saves while memory runs out: operator new of this program fails at the n-th call.
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/io/faults.h"
#include "tests/io/save_cases.h"

namespace {

// Counted while a test says so, on its thread.
thread_local bool counting = false;
thread_local int64_t left = 0, alive = 0;

void* Allocate(size_t bytes, size_t alignment) {
  if (counting && --left == 0) throw std::bad_alloc();
  void* memory = alignment <= alignof(std::max_align_t)
                     ? std::malloc(bytes == 0 ? 1 : bytes)
                     : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  if (counting) ++alive;
  return memory;
}

void* AllocateOrNull(size_t bytes) noexcept {
  try {
    return Allocate(bytes, 1);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void Release(void* memory) {
  if (counting && memory != nullptr) --alive;
  std::free(memory);
}

}  // namespace

void* operator new(size_t bytes) { return Allocate(bytes, 1); }
void* operator new[](size_t bytes) { return Allocate(bytes, 1); }
void* operator new(size_t bytes, std::align_val_t alignment) { return Allocate(bytes, static_cast<size_t>(alignment)); }
void* operator new[](size_t bytes, std::align_val_t alignment) { return Allocate(bytes, static_cast<size_t>(alignment)); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return AllocateOrNull(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return AllocateOrNull(bytes); }
void operator delete(void* memory) noexcept { Release(memory); }
void operator delete[](void* memory) noexcept { Release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { Release(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { Release(memory); }
void operator delete(void* memory, size_t) noexcept { Release(memory); }
void operator delete[](void* memory, size_t) noexcept { Release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { Release(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { Release(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { Release(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { Release(memory); }

namespace skiff::io {
namespace {

using ::testing::IsEmpty;

size_t OpenDescriptors() {
  const std::filesystem::directory_iterator descriptors("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(descriptors), end(descriptors)));
}

class MemoryFaultsTest : public ::testing::TestWithParam<SaveCase> {};
INSTANTIATE_TEST_SUITE_P(Saves, MemoryFaultsTest, ::testing::ValuesIn(SaveCases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(MemoryFaultsTest, AnyAllocationThatFailsLeavesTheOldFilesAndLeaksNothing) {
  const Faults no_flushing;
  TemporaryFolder folder;
  GetParam().save(folder.path(), 1);  // also makes what is kept for good, tables of operators say
  const auto before = Contents(folder.path());
  const size_t descriptors = OpenDescriptors();
  int64_t nth = 1;
  for (;; ++nth) {
    bool failed = false;
    left = nth;
    alive = 0;
    counting = true;
    try {
      GetParam().save(folder.path(), 2);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    counting = false;
    SCOPED_TRACE(nth);
    if (left > 0) break;  // there are no more
    ASSERT_EQ(alive, 0) << "blocks leaked";
    ASSERT_EQ(OpenDescriptors(), descriptors);
    if (!failed) {  // the standard library did with less memory
      ASSERT_EQ(GetParam().load(folder.path()), 2);
      GetParam().save(folder.path(), 1);
    }
    ASSERT_EQ(Contents(folder.path()), before);
  }
  EXPECT_GT(nth, 20);
  EXPECT_EQ(GetParam().load(folder.path()), 2);
  EXPECT_THAT(Leftovers(folder.path()), IsEmpty());
}

}  // namespace
}  // namespace skiff::io
