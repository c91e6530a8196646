// Pooling by plain loops: gradients, and the forward cases oneDNN cannot express.
#pragma once

#include <algorithm>
#include <limits>

#include "framework/op/kernel.h"
#include "operators/pool_geometry.h"

namespace skiff {

/// Calls visit(n, c, pixel of the output, box) for every output element.
template <typename Visit>
void ForEachBox(const PoolGeometry& g, Visit visit) {
  const int64_t pixels = g.OutPixels();
  for (int64_t n = 0; n < g.batch; ++n) {
    for (int64_t c = 0; c < g.channels; ++c) {
      for (int64_t pixel = 0; pixel < pixels; ++pixel) visit(n, c, pixel, g.BoxOf(pixel));
    }
  }
}

/// The pixel of the first greatest element of a box, -1 for an empty box.
template <typename T>
int64_t ArgMax(const PoolGeometry& g, const T* in, int64_t n, int64_t c, const PoolGeometry::Box& box) {
  int64_t best = -1;
  T greatest = -std::numeric_limits<T>::infinity();
  SKIFF_POOL_FOR(g, box, pixel) {
    const T value = in[g.InOffset(n, c, pixel)];
    if (best < 0 || value > greatest) {
      best = pixel;
      greatest = value;
    }
  }
  return best;
}

/// `mask`, of type I, may be null.
template <typename T, typename I>
void MaxPool(const PoolGeometry& g, const T* in, T* out, I* mask) {
  ForEachBox(g, [&](int64_t n, int64_t c, int64_t pixel, const PoolGeometry::Box& box) {
    const int64_t at = g.OutOffset(n, c, pixel), best = ArgMax(g, in, n, c, box);
    out[at] = best < 0 ? std::numeric_limits<T>::lowest() : in[g.InOffset(n, c, best)];
    if (mask != nullptr) mask[at] = static_cast<I>(best);
  });
}

template <typename T>
void AveragePool(const PoolGeometry& g, const T* in, T* out) {
  ForEachBox(g, [&](int64_t n, int64_t c, int64_t pixel, const PoolGeometry::Box& box) {
    T sum = 0;
    SKIFF_POOL_FOR(g, box, from) sum += in[g.InOffset(n, c, from)];
    out[g.OutOffset(n, c, pixel)] = sum / static_cast<T>(box.Divisor());
  });
}

/// The gradient goes to the first greatest element of each box.
template <typename T>
void MaxPoolGrad(const PoolGeometry& g, const T* in, const T* dout, T* din) {
  ForEachBox(g, [&](int64_t n, int64_t c, int64_t pixel, const PoolGeometry::Box& box) {
    const int64_t best = ArgMax(g, in, n, c, box);
    if (best >= 0) din[g.InOffset(n, c, best)] += dout[g.OutOffset(n, c, pixel)];
  });
}

template <typename T, typename I>
void MaskedPoolGrad(const PoolGeometry& g, const I* mask, const T* dout, T* din) {
  ForEachBox(g, [&](int64_t n, int64_t c, int64_t pixel, const PoolGeometry::Box&) {
    const int64_t at = g.OutOffset(n, c, pixel), best = mask[at];
    if (best >= 0 && best < g.InPixels()) din[g.InOffset(n, c, best)] += dout[at];
  });
}

template <typename T>
void AveragePoolGrad(const PoolGeometry& g, const T* dout, T* din) {
  ForEachBox(g, [&](int64_t n, int64_t c, int64_t pixel, const PoolGeometry::Box& box) {
    const T share = dout[g.OutOffset(n, c, pixel)] / static_cast<T>(box.Divisor());
    SKIFF_POOL_FOR(g, box, to) din[g.InOffset(n, c, to)] += share;
  });
}

}  // namespace skiff
