// The formulas of scaled_relu, which its CPU and CUDA kernels share.
#pragma once

#include <skiff/operators/kernel/map.h>

struct ScaledRelu {
  explicit ScaledRelu(const skiff::Attrs& attrs) : scale(attrs.Get<float>("scale")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return V(scale) * skiff::math::Max(x, V(0));
  }
  float scale;
};

struct ScaledReluGrad {
  explicit ScaledReluGrad(const skiff::Attrs& attrs) : scale(attrs.Get<float>("scale")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V dout) const {
    return skiff::math::Select(x > V(0), V(scale) * dout, V(0));
  }
  float scale;
};
