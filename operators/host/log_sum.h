// Sums of probabilities that are kept as logarithms.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace skiff {

/// log 0
inline constexpr double kLogZero = -std::numeric_limits<double>::infinity();

/// log(exp(a) + exp(b))
inline double AddLogs(double a, double b) {
  if (a == kLogZero) return b;
  if (b == kLogZero) return a;
  return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
}

}  // namespace skiff
