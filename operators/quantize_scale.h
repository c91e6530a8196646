// What operators that quantise and those that undo it agree on: the integers' range, and the axis whose slices have a
// scale of their own.
#pragma once

#include <string>

#include "framework/op/op_schema.h"
#include "operators/kernel/channels.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// X seen around the axis with a scale of its own; axis -1: one scale for all.
inline ChannelGeometry QuantChannelsAround(const Shape& x, int axis) {
  if (axis < 0) return {1, 1, x.NumElements()};
  return {x.Product(0, axis), x[axis], x.Product(axis + 1, x.rank())};
}

/// 2^(bits - 1) - 1
inline double LargestQuantInteger(int64_t bits) { return static_cast<double>((int64_t{1} << (bits - 1)) - 1); }

inline int64_t QuantBits(const Attrs& attrs) {
  const int64_t bits = attrs.Get<int64_t>("bit_length");
  SKIFF_ENFORCE(bits >= 1 && bits <= 16, InvalidArgument, "bit_length is ", bits, "; expected 1 to 16");
  return bits;
}

/// Attribute quant_axis, -1 where all of X has one scale.
inline int QuantAxis(const Attrs& attrs, const std::string& type, const Shape& x) {
  if (!attrs.Has("quant_axis")) return -1;
  const int64_t axis = attrs.Get<int64_t>("quant_axis");
  SKIFF_ENFORCE(axis < x.rank() && (axis >= 0 || (axis == -1 && type.find("linear") != std::string::npos)), InvalidArgument,
                "quant_axis is ", axis, ", X ", x, "; expected an axis of X");
  return static_cast<int>(axis);
}

inline void CheckScales(const InferContext& c, const char* slot, int64_t wanted, int i = 0) {
  const Shape& shape = c.InputShape(slot, i);
  SKIFF_ENFORCE(!shape.IsKnown() || wanted < 0 || shape.NumElements() == wanted, InvalidArgument, slot, " is ", shape, "; expected ", wanted,
                " elements");
}

template <typename T>
struct CopyAsIs {
  const T* from;
  T* to;
  SKIFF_HD void operator()(int64_t i) const { to[i] = from[i]; }
};

}  // namespace SKIFF_VARIANT
}  // namespace skiff
