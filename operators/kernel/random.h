// Random numbers that do not depend on who asks: element i of a run's tensor is a function of the key
// and i alone, so that any count of threads, and the CPU and a card, draw the same bits.
#pragma once

#include <cstdint>

#include "operators/kernel/value.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// Four independent 32-bit words.
struct RandomWords {
  uint32_t word[4];
};

/// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011).
SKIFF_HD inline RandomWords Philox(uint64_t key, uint64_t counter) {
  uint32_t c0 = static_cast<uint32_t>(counter), c1 = static_cast<uint32_t>(counter >> 32);
  uint32_t c2 = 0, c3 = 0;
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0;
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// One key from a run's seed and an operator's own, well mixed (the finaliser of SplitMix64).
SKIFF_HD inline uint64_t MixSeeds(uint64_t run_seed, uint64_t op_seed) {
  uint64_t z = run_seed + 0x9E3779B97F4A7C15ull * (op_seed + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

/// Uniform in [0, 1), 24 bits.
SKIFF_HD inline float UniformFloat(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }
/// Uniform in (0, 1): never 0, for logarithms.
SKIFF_HD inline double UniformOpen(uint32_t word) {
  return (static_cast<double>(word) + 0.5) * 0x1p-32;
}

/// Word of element i: four neighbours share one Philox call.
SKIFF_HD inline uint32_t RandomWord(uint64_t key, int64_t i) {
  const RandomWords r = Philox(key, static_cast<uint64_t>(i) >> 2);
  const int lane = static_cast<int>(i & 3);
  return lane == 0 ? r.word[0] : lane == 1 ? r.word[1] : lane == 2 ? r.word[2] : r.word[3];
}
/// Element i of a uniform tensor in [0, 1).
SKIFF_HD inline float RandomUniform(uint64_t key, int64_t i) { return UniformFloat(RandomWord(key, i)); }

/// Element i of a standard normal tensor (G. Box and M. Muller): elements 2j and 2j + 1 share two words.
SKIFF_HD inline double RandomNormal(uint64_t key, int64_t i) {
  const RandomWords r = Philox(key, static_cast<uint64_t>(i) >> 1);
  const double radius = math::Sqrt(-2.0 * math::Log(UniformOpen(r.word[0])));
  const double angle = 6.283185307179586 * UniformOpen(r.word[1]);
  return radius * ((i & 1) == 0 ? math::Cos(angle) : math::Sin(angle));
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
