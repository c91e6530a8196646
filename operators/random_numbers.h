// How the operators that draw numbers seed and distribute them; see operators/kernel/random.h.
#pragma once

#include "operators/kernel/random.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

// Seeds: attribute `seed` makes every run draw the same numbers; 0 takes the run's seed.
struct Seeded {
  explicit Seeded(const Attrs& attrs) : own(static_cast<uint64_t>(attrs.Get<int32_t>("seed"))) {}
  SKIFF_HD uint64_t Key(uint64_t run) const { return own != 0 ? MixSeeds(0, own) : MixSeeds(run, 0); }
  uint64_t own;
};

struct Uniform : Seeded {
  explicit Uniform(const Attrs& attrs)
      : Seeded(attrs), min(attrs.Get<float>("min")), max(attrs.Get<float>("max")),
        diag_num(attrs.Get<int32_t>("diag_num", 0)), diag_step(attrs.Get<int32_t>("diag_step", 0)),
        diag_val(attrs.Get<float>("diag_val", 1.0f)) {
    SKIFF_ENFORCE(diag_step >= 0, InvalidArgument, "attribute diag_step is ", diag_step, "; it must not be negative");
  }
  template <typename V>
  SKIFF_HD V At(int64_t i, uint64_t seed) const {
    const float u = RandomUniform(Key(seed), i);
    const V drawn = static_cast<V>(min + u * (max - min));
    const int64_t stride = int64_t{diag_step} + 1;
    return diag_num > 0 && i % stride == 0 && i / stride < diag_num ? static_cast<V>(diag_val) : drawn;
  }
  float min, max;
  int32_t diag_num, diag_step;
  float diag_val;
};

struct Gaussian : Seeded {
  explicit Gaussian(const Attrs& attrs)
      : Seeded(attrs), mean(attrs.Get<float>("mean")), std(attrs.Get<float>("std")) {}
  template <typename V>
  SKIFF_HD V At(int64_t i, uint64_t seed) const {
    return static_cast<V>(mean + std * RandomNormal(Key(seed), i));
  }
  float mean, std;
};

/// Draws again while a number lies beyond two standard deviations.
struct TruncatedGaussian : Gaussian {
  using Gaussian::Gaussian;
  template <typename V>
  SKIFF_HD V At(int64_t i, uint64_t seed) const {
    double z = 0;
    for (uint64_t attempt = 0; attempt < 32; ++attempt) {  // 0.0455^32: never all
      z = RandomNormal(MixSeeds(Key(seed), attempt), i);
      if (math::Abs(z) <= 2) break;
    }
    return static_cast<V>(mean + std * z);
  }
};

}  // namespace SKIFF_VARIANT
}  // namespace skiff
