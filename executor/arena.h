// Packs temporaries of known lifetimes into one block of memory.
#pragma once

#include <cstddef>
#include <vector>

namespace skiff {

/// A temporary that must exist from step `first` to step `last`, both included.
struct Lifetime {
  size_t bytes;
  int first;
  int last;
};

/// Offsets (multiples of kAlignment) such that no two temporaries that live at the same time overlap,
/// and the size of the block. Largest first, each at the lowest offset that is free for its lifetime;
/// within a few percent of the best on the networks measured, in O(n^2).
size_t PackArena(const std::vector<Lifetime>& lifetimes, std::vector<size_t>* offsets);

}  // namespace skiff
