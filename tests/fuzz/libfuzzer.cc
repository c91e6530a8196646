// The entry points of libFuzzer, over the one target that is linked in.
#include <algorithm>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  skiff::io::RunTarget(skiff::io::FuzzTargets().front(), {data, size});
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

// Half of the mutations know the format, half are libFuzzer's own.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  skiff::io::Random random(seed);
  const std::string made = skiff::io::FuzzTargets().front().mutate({reinterpret_cast<const char*>(data), size}, random);
  const size_t count = std::min(made.size(), max_size);
  std::copy_n(made.begin(), count, data);
  return count;
}
