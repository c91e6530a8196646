// The extents of two-dimensional pooling, read from operators' attributes; shared by CPU and CUDA.
#pragma once

#include "operators/conv_geometry.h"

#if defined(__CUDACC__)
#define SKIFF_POOL_HD __host__ __device__
#else
#define SKIFF_POOL_HD
#endif

namespace skiff {

struct PoolGeometry {
  int64_t batch = 0, channels = 0;
  int64_t in[2] = {}, out[2] = {};
  Window2D window;        // kernel is the bin count's business when adaptive
  bool adaptive = false;  // bins [floor(i*in/out), ceil((i+1)*in/out)) instead of windows
  bool exclusive = true;  // averages divide by the elements inside the input
  bool is_max = false;
  bool channels_last = false;

  struct Bin {
    int64_t begin, end;  // inside the input
    int64_t divisor;     // elements an average counts along this axis
  };
  /// What output position `i` of an axis covers. A window is clipped to the padded extent for averages
  /// that count padding; as in Paddle, what is padded before counts on both sides.
  SKIFF_POOL_HD Bin BinOf(int axis, int64_t i) const {
    if (adaptive) {
      const int64_t begin = i * in[axis] / out[axis];
      const int64_t end = ((i + 1) * in[axis] + out[axis] - 1) / out[axis];
      return {begin, end, end - begin};
    }
    int64_t begin = i * window.stride[axis] - window.before[axis];
    int64_t end = begin + window.kernel[axis];
    const int64_t limit = in[axis] + window.before[axis];
    if (end > limit) end = limit;
    const int64_t padded = end - begin;
    if (begin < 0) begin = 0;
    if (end > in[axis]) end = in[axis];
    if (end < begin) end = begin;
    return {begin, end, exclusive ? end - begin : padded};
  }
  SKIFF_POOL_HD int64_t InOffset(int64_t n, int64_t c, int64_t h, int64_t w) const {
    return channels_last ? ((n * in[0] + h) * in[1] + w) * channels + c
                         : ((n * channels + c) * in[0] + h) * in[1] + w;
  }
  SKIFF_POOL_HD int64_t OutOffset(int64_t n, int64_t c, int64_t h, int64_t w) const {
    return channels_last ? ((n * out[0] + h) * out[1] + w) * channels + c
                         : ((n * channels + c) * out[0] + h) * out[1] + w;
  }

  Shape OutShape() const {
    return channels_last ? Shape{batch, out[0], out[1], channels} : Shape{batch, channels, out[0], out[1]};
  }
  /// True when windows of one size and step describe it: everything but adaptive bins that overlap.
  bool HasEqualWindows() const { return !adaptive || (in[0] % out[0] == 0 && in[1] % out[1] == 0); }
  /// True when BinOf clips a window to the padded extent, as after ceil_mode.
  bool Overhangs(int axis) const {
    return (out[axis] - 1) * window.stride[axis] + window.kernel[axis] >
           in[axis] + 2 * window.before[axis];
  }
};

/// Reads pool2d or max_pool2d_with_index over an input of shape `x`. Unknown extents are -1.
/// @throws InvalidArgument when shape and attributes do not go together.
inline PoolGeometry ReadPoolGeometry(const Attrs& attrs, const Shape& x) {
  SKIFF_ENFORCE(x.rank() == 4, InvalidArgument, "X has shape ", x,
                "; expected four axes: batch, channels, height, width in the order of data_format");
  PoolGeometry g;
  const bool plain = !attrs.Has("data_format");  // max_pool2d_with_index
  g.channels_last = !plain && ParseChannelsLast(attrs.Get<std::string>("data_format"));
  const auto type = plain ? std::string("max") : attrs.Get<std::string>("pooling_type");
  SKIFF_ENFORCE(type == "max" || type == "avg", InvalidArgument, "pooling_type is \"", type,
                "\"; expected max or avg");
  g.is_max = type == "max";
  g.exclusive = plain || attrs.Get<bool>("exclusive");
  g.batch = x[0];
  g.channels = x[g.channels_last ? 3 : 1];
  for (int i = 0; i < 2; ++i) g.in[i] = x[(g.channels_last ? 1 : 2) + i];
  Window2D& w = g.window;
  if (attrs.Get<bool>("global_pooling")) {
    for (int i = 0; i < 2; ++i) g.out[i] = 1, w.kernel[i] = w.stride[i] = std::max<int64_t>(g.in[i], 1);
    return g;
  }
  ReadPair(attrs, "ksize", w.kernel);
  if (attrs.Get<bool>("adaptive") && !plain && g.is_max) {
    // Paddle 2.6's pool2d takes only averages over adaptive bins; a maximum has the adaptive extent, but
    // windows of ksize and strides. Its layers use max_pool2d_with_index instead.
    ReadPair(attrs, "strides", w.stride);
    for (int i = 0; i < 2; ++i) g.out[i] = w.kernel[i];
    return g;
  }
  if (attrs.Get<bool>("adaptive")) {
    g.adaptive = true;
    for (int i = 0; i < 2; ++i) {
      g.out[i] = w.kernel[i];
      w.kernel[i] = w.stride[i] = std::max<int64_t>(g.in[i] / g.out[i], 1);
    }
    return g;
  }
  ReadPair(attrs, "strides", w.stride);
  if (plain) {
    const auto given = attrs.Get<std::vector<int32_t>>("paddings");
    SKIFF_ENFORCE(given.size() == 2, InvalidArgument, "paddings has ", given.size(),
                  " numbers; expected 2 (height, width)");
    for (int i = 0; i < 2; ++i) w.before[i] = w.after[i] = given[i];
  } else {
    ReadPadding(attrs, g.in, &w);
  }
  const bool ceil_mode = !plain && attrs.Get<bool>("ceil_mode");
  for (int i = 0; i < 2; ++i) {
    g.out[i] = -1;
    if (g.in[i] < 0) continue;
    const int64_t room = g.in[i] + w.before[i] + w.after[i] - w.kernel[i];
    SKIFF_ENFORCE(room >= 0, InvalidArgument, "the ", i == 0 ? "height" : "width", " ", g.in[i],
                  " with padding ", w.before[i], " and ", w.after[i], " is less than the window ",
                  w.kernel[i]);
    g.out[i] = (room + (ceil_mode ? w.stride[i] - 1 : 0)) / w.stride[i] + 1;
  }
  return g;
}

}  // namespace skiff
