// Attributes that ask for work without asking for memory: nothing else bounds what a file may want.
#pragma once

#include "framework/base/error.h"
#include "framework/program/attribute.h"

namespace skiff {

/// Rounds of one computation, points that are averaged, and the like. Models ask for below a hundred.
inline constexpr int64_t kMostRepeats = int64_t{1} << 20;

/// The integer attribute `name`, which says how often something is repeated.
/// @throws InvalidArgument when it exceeds `most`.
inline int64_t RepeatsAttr(const Attrs& attrs, const char* name, int64_t most = kMostRepeats) {
  const int64_t repeats = attrs.Get<int64_t>(name);
  SKIFF_ENFORCE(repeats <= most, InvalidArgument, "attribute ", name, " is ", repeats, "; it may be at most ", most);
  return repeats;
}

}  // namespace skiff
