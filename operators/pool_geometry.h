// The extents of pooling over planes or volumes, read from operators' attributes; shared by CPU and CUDA.
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
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1};  // depth, height, width; see Window
  Window window;        // kernel is the bin count's business when adaptive
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
  /// Where pixel `pixel`, (depth * in[1] + height) * in[2] + width, of a channel lies.
  SKIFF_POOL_HD int64_t InOffset(int64_t n, int64_t c, int64_t pixel) const {
    return channels_last ? (n * InPixels() + pixel) * channels + c : (n * channels + c) * InPixels() + pixel;
  }
  SKIFF_POOL_HD int64_t OutOffset(int64_t n, int64_t c, int64_t pixel) const {
    return channels_last ? (n * OutPixels() + pixel) * channels + c : (n * channels + c) * OutPixels() + pixel;
  }
  SKIFF_POOL_HD int64_t InPixels() const { return in[0] * in[1] * in[2]; }
  SKIFF_POOL_HD int64_t OutPixels() const { return out[0] * out[1] * out[2]; }

  /// The part of the input below one output element: a bin on each axis.
  struct Box {
    Bin bins[3];
    /// What an average divides by.
    SKIFF_POOL_HD int64_t Divisor() const {
      const int64_t product = bins[0].divisor * bins[1].divisor * bins[2].divisor;
      return product < 1 ? 1 : product;
    }
  };
  SKIFF_POOL_HD Box BoxOf(int64_t out_pixel) const {
    return {{BinOf(0, out_pixel / out[2] / out[1]), BinOf(1, out_pixel / out[2] % out[1]),
             BinOf(2, out_pixel % out[2])}};
  }

  Shape OutShape() const { return ImageShapeOf(batch, channels, out, window.rank, channels_last); }
  /// True when windows of one size and step describe it: everything but adaptive bins that overlap.
  bool HasEqualWindows() const {
    return !adaptive || (in[0] % out[0] == 0 && in[1] % out[1] == 0 && in[2] % out[2] == 0);
  }
};

/// for (every pixel of the input under `box`, in order)
#define SKIFF_POOL_FOR(g, box, pixel)                                             \
  for (int64_t d = (box).bins[0].begin; d < (box).bins[0].end; ++d)               \
    for (int64_t h = (box).bins[1].begin; h < (box).bins[1].end; ++h)             \
      for (int64_t row = (d * (g).in[1] + h) * (g).in[2], pixel = row + (box).bins[2].begin; \
           pixel < row + (box).bins[2].end; ++pixel)

/// Reads a pooling of `rank` axes over an input of shape `x`. Unknown extents are -1.
/// @throws InvalidArgument when shape and attributes do not go together.
inline PoolGeometry ReadPoolGeometry(const Attrs& attrs, int rank, const Shape& x) {
  SKIFF_ENFORCE(x.rank() == rank + 2, InvalidArgument, "X has shape ", x, "; expected ", rank + 2,
                " axes: batch, channels, ", rank == 3 ? "depth, " : "", "height, width in the order of data_format");
  PoolGeometry g;
  const bool plain = !attrs.Has("data_format");  // max_pool2d_with_index, max_pool3d_with_index
  g.channels_last = !plain && ParseChannelsLast(attrs.Get<std::string>("data_format"), rank);
  const auto type = plain ? std::string("max") : attrs.Get<std::string>("pooling_type");
  SKIFF_ENFORCE(type == "max" || type == "avg", InvalidArgument, "pooling_type is \"", type,
                "\"; expected max or avg");
  g.is_max = type == "max";
  g.exclusive = plain || attrs.Get<bool>("exclusive");
  g.batch = x[0];
  g.channels = x[g.channels_last ? rank + 1 : 1];
  Window& w = g.window;
  w.rank = rank;
  const int first = w.first();
  for (int i = 0; i < rank; ++i) g.in[first + i] = x[(g.channels_last ? 1 : 2) + i];
  if (attrs.Get<bool>("global_pooling")) {
    for (int i = first; i < 3; ++i) g.out[i] = 1, w.kernel[i] = w.stride[i] = std::max<int64_t>(g.in[i], 1);
    return g;
  }
  ReadSizes(attrs, "ksize", rank, w.kernel);
  if (attrs.Get<bool>("adaptive") && !plain && g.is_max) {
    // Paddle 2.6's pool2d takes only averages over adaptive bins; a maximum has the adaptive extent, but
    // windows of ksize and strides. Its layers use max_pool2d_with_index instead.
    ReadSizes(attrs, "strides", rank, w.stride);
    for (int i = first; i < 3; ++i) g.out[i] = w.kernel[i];
    return g;
  }
  if (attrs.Get<bool>("adaptive")) {
    g.adaptive = true;
    for (int i = first; i < 3; ++i) {
      g.out[i] = w.kernel[i];
      w.kernel[i] = w.stride[i] = std::max<int64_t>(g.in[i] / g.out[i], 1);
    }
    return g;
  }
  ReadSizes(attrs, "strides", rank, w.stride);
  if (plain) {
    const auto given = attrs.Get<std::vector<int32_t>>("paddings");
    SKIFF_ENFORCE(static_cast<int>(given.size()) == rank, InvalidArgument, "paddings has ", given.size(),
                  " numbers; expected ", rank, rank == 3 ? " (depth, height, width)" : " (height, width)");
    for (int i = first; i < 3; ++i) w.before[i] = w.after[i] = given[i - first];
  } else {
    ReadPadding(attrs, g.in, &w);
  }
  const bool ceil_mode = !plain && attrs.Get<bool>("ceil_mode");
  for (int i = first; i < 3; ++i) {
    g.out[i] = -1;
    if (g.in[i] < 0) continue;
    const int64_t room = g.in[i] + w.before[i] + w.after[i] - w.kernel[i];
    SKIFF_ENFORCE(room >= 0, InvalidArgument, "the ", AxisName(i), " ", g.in[i], " with padding ", w.before[i],
                  " and ", w.after[i], " is less than the window ", w.kernel[i]);
    // More of it would lie in padding, and cost time without asking for memory.
    constexpr int64_t kMostBeyond = 1024;
    SKIFF_ENFORCE(w.kernel[i] <= g.in[i] + kMostBeyond, InvalidArgument, "attribute ksize is ", w.kernel[i], " for the ", AxisName(i), " ",
                  g.in[i], "; it may be at most ", g.in[i] + kMostBeyond);
    g.out[i] = (room + (ceil_mode ? w.stride[i] - 1 : 0)) / w.stride[i] + 1;
  }
  return g;
}

/// The axes of an image that a pooling operator goes over.
inline int PoolRank(const std::string& type) { return type.find("pool3d") != std::string::npos ? 3 : 2; }

}  // namespace skiff
