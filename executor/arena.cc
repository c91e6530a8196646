#include "executor/arena.h"

#include <algorithm>
#include <numeric>

#include "framework/tensor/memory.h"

namespace skiff {

size_t PackArena(const std::vector<Lifetime>& lifetimes, std::vector<size_t>* offsets) {
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return lifetimes[a].bytes > lifetimes[b].bytes;
  });
  offsets->assign(lifetimes.size(), 0);
  std::vector<size_t> placed;  // by offset
  size_t total = 0;
  for (size_t id : order) {
    const Lifetime& wanted = lifetimes[id];
    const size_t bytes = AlignUp(wanted.bytes);
    if (bytes == 0) continue;
    size_t offset = 0;
    for (size_t other : placed) {
      const Lifetime& there = lifetimes[other];
      if (there.last < wanted.first || wanted.last < there.first) continue;
      const size_t begin = (*offsets)[other];
      if (offset + bytes <= begin) break;
      offset = std::max(offset, begin + AlignUp(there.bytes));
    }
    (*offsets)[id] = offset;
    total = std::max(total, offset + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), id,
                                   [&](size_t a, size_t b) { return (*offsets)[a] < (*offsets)[b]; }),
                  id);
  }
  return total;
}

}  // namespace skiff
