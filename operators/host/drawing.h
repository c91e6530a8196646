// Drawing one after the other from the counter-based generator: a seed gives the same choices everywhere.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "operators/kernel/random.h"

namespace skiff {

/// Numbers one after the other.
class Stream {
 public:
  explicit Stream(uint64_t key) : key_(key) {}
  double Uniform() { return UniformOpen(RandomWord(key_, next_++)); }
  /// In [0, n).
  int64_t Below(int64_t n) {
    const RandomWords words = Philox(MixSeeds(key_, 1), static_cast<uint64_t>(next_++));
    const uint64_t wide = uint64_t{words.word[0]} << 32 | words.word[1];
    return static_cast<int64_t>(wide % static_cast<uint64_t>(n));  // n is far below 2^64: no visible bias
  }

 private:
  uint64_t key_;
  int64_t next_ = 0;
};

// Fisher and Yates, as R. Durstenfeld wrote it.
inline void ShuffleValues(std::vector<int64_t>* values, Stream* stream) {
  for (int64_t i = static_cast<int64_t>(values->size()) - 1; i > 0; --i) {
    std::swap((*values)[i], (*values)[stream->Below(i + 1)]);
  }
}

/// `count` of n places, or as many as have a weight, drawn without replacement: by the smallest of exponential numbers
/// with the weights as rates (P. Efraimidis and P. Spirakis), which is drawing one after the other.
template <typename T>
std::vector<int64_t> DrawByWeight(const T* weight, int64_t n, int64_t count, Stream* stream) {
  std::vector<std::pair<double, int64_t>> times;
  for (int64_t i = 0; i < n; ++i) {
    const double u = stream->Uniform();
    if (weight[i] > 0) times.emplace_back(-std::log(u) / weight[i], i);
  }
  const auto middle = times.begin() + std::min<int64_t>(count, times.size());
  std::partial_sort(times.begin(), middle, times.end());
  std::vector<int64_t> places;
  for (auto t = times.begin(); t != middle; ++t) places.push_back(t->second);
  return places;
}

}  // namespace skiff
