// Pooling by plain loops: gradients, and the forward cases oneDNN cannot express.
#pragma once

#include <algorithm>
#include <limits>

#include "framework/op/kernel.h"
#include "operators/pool_geometry.h"

namespace skiff {

/// Calls visit(n, c, y, x, rows, columns) for every output element.
template <typename Visit>
void ForEachBin(const PoolGeometry& g, Visit visit) {
  for (int64_t n = 0; n < g.batch; ++n) {
    for (int64_t c = 0; c < g.channels; ++c) {
      for (int64_t y = 0; y < g.out[0]; ++y) {
        const PoolGeometry::Bin rows = g.BinOf(0, y);
        for (int64_t x = 0; x < g.out[1]; ++x) visit(n, c, y, x, rows, g.BinOf(1, x));
      }
    }
  }
}

/// Flat position h * width + w of the first greatest element of a bin, -1 for an empty bin.
template <typename T>
int64_t ArgMax(const PoolGeometry& g, const T* in, int64_t n, int64_t c, const PoolGeometry::Bin& rows,
               const PoolGeometry::Bin& columns) {
  int64_t best = -1;
  T greatest = -std::numeric_limits<T>::infinity();
  for (int64_t h = rows.begin; h < rows.end; ++h) {
    for (int64_t w = columns.begin; w < columns.end; ++w) {
      const T value = in[g.InOffset(n, c, h, w)];
      if (best < 0 || value > greatest) {
        best = h * g.in[1] + w;
        greatest = value;
      }
    }
  }
  return best;
}

/// `mask`, of type I, may be null.
template <typename T, typename I>
void MaxPool(const PoolGeometry& g, const T* in, T* out, I* mask) {
  ForEachBin(g, [&](int64_t n, int64_t c, int64_t y, int64_t x, const auto& rows, const auto& columns) {
    const int64_t at = g.OutOffset(n, c, y, x), best = ArgMax(g, in, n, c, rows, columns);
    out[at] = best < 0 ? std::numeric_limits<T>::lowest()
                       : in[g.InOffset(n, c, best / g.in[1], best % g.in[1])];
    if (mask != nullptr) mask[at] = static_cast<I>(best);
  });
}

template <typename T>
void AveragePool(const PoolGeometry& g, const T* in, T* out) {
  ForEachBin(g, [&](int64_t n, int64_t c, int64_t y, int64_t x, const auto& rows, const auto& columns) {
    T sum = 0;
    for (int64_t h = rows.begin; h < rows.end; ++h) {
      for (int64_t w = columns.begin; w < columns.end; ++w) sum += in[g.InOffset(n, c, h, w)];
    }
    out[g.OutOffset(n, c, y, x)] = sum / static_cast<T>(std::max<int64_t>(rows.divisor * columns.divisor, 1));
  });
}

/// The gradient goes to the first greatest element of each bin.
template <typename T>
void MaxPoolGrad(const PoolGeometry& g, const T* in, const T* dout, T* din) {
  ForEachBin(g, [&](int64_t n, int64_t c, int64_t y, int64_t x, const auto& rows, const auto& columns) {
    const int64_t best = ArgMax(g, in, n, c, rows, columns);
    if (best >= 0) din[g.InOffset(n, c, best / g.in[1], best % g.in[1])] += dout[g.OutOffset(n, c, y, x)];
  });
}

template <typename T, typename I>
void MaskedPoolGrad(const PoolGeometry& g, const I* mask, const T* dout, T* din) {
  ForEachBin(g, [&](int64_t n, int64_t c, int64_t y, int64_t x, const auto&, const auto&) {
    const int64_t at = g.OutOffset(n, c, y, x), best = mask[at];
    if (best >= 0 && best < g.in[0] * g.in[1]) {
      din[g.InOffset(n, c, best / g.in[1], best % g.in[1])] += dout[at];
    }
  });
}

template <typename T>
void AveragePoolGrad(const PoolGeometry& g, const T* dout, T* din) {
  ForEachBin(g, [&](int64_t n, int64_t c, int64_t y, int64_t x, const auto& rows, const auto& columns) {
    const T share = dout[g.OutOffset(n, c, y, x)] /
                    static_cast<T>(std::max<int64_t>(rows.divisor * columns.divisor, 1));
    for (int64_t h = rows.begin; h < rows.end; ++h) {
      for (int64_t w = columns.begin; w < columns.end; ++w) din[g.InOffset(n, c, h, w)] += share;
    }
  });
}

}  // namespace skiff
