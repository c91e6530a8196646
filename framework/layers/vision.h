// Layers of images, signals and volumes beside those of layers.h: normalisation by groups, resizing, padding, sampling,
// volumes. Paddle's functions are those of paddle.static.nn and paddle.nn.functional.
#pragma once

#include <string>
#include <vector>

#include "framework/layers/layers.h"

namespace skiff::layers {

#define SKIFF_HERE Origin at = std::source_location::current()

/// One number for depth, height and width, or three.
struct Triple {
  Triple(int all) : values{all, all, all} {}  // NOLINT: .stride = 2
  Triple(int depth, int height, int width) : values{depth, height, width} {}
  std::vector<int32_t> values;
};

struct Conv3DOptions {
  Triple stride = 1, padding = 0, dilation = 1;
  int groups = 1;
  std::string activation = {};
  ParamAttr weight_attr = {};
  std::optional<ParamAttr> bias_attr = ParamAttr{};
  std::string name = {};
  std::string data_format = "NCDHW";  // or "NDHWC"
};
/// x [N, C, D, H, W] -> [N, filters, D', H', W']; filter [filters, C / groups, d, h, w].
Var Conv3D(const Var& x, int filters, Triple kernel, const Conv3DOptions& options = {}, SKIFF_HERE);

struct Pool3DOptions {
  std::string type = "max";              // or "avg"
  std::optional<Triple> stride = {};     // the kernel's when absent
  Triple padding = 0;
  bool ceil_mode = false;
  bool exclusive = true;                 // avg: padding does not count
  std::string data_format = "NCDHW";
};
/// x [N, C, D, H, W] -> [N, C, D', H', W'].
Var Pool3D(const Var& x, Triple kernel, const Pool3DOptions& options = {}, SKIFF_HERE);

struct GroupNormOptions {
  float epsilon = 1e-5f;
  std::optional<ParamAttr> scale_attr = ParamAttr{}, bias_attr = ParamAttr{};  // [channels] each; none where absent
  std::string activation = {};
  std::string data_layout = "NCHW";
  std::string name = {};
};
/// Normalises each of `groups` groups of channels of each sample.
Var GroupNorm(const Var& x, int groups, const GroupNormOptions& options = {}, SKIFF_HERE);

struct InstanceNormOptions {
  float epsilon = 1e-5f;
  std::optional<ParamAttr> scale_attr = ParamAttr{};  // without it the shift is left out too
  ParamAttr bias_attr = {};
  std::string name = {};
};
/// Normalises each channel of each sample over space; channels in axis 1.
Var InstanceNorm(const Var& x, const InstanceNormOptions& options = {}, SKIFF_HERE);

/// x where it is positive, a learned slope times x elsewhere.
/// @param mode  "all" (one slope), "channel" or "element".
Var PRelu(const Var& x, const std::string& mode, const ParamAttr& attr = {}, const std::string& data_format = "NCHW", SKIFF_HERE);

struct InterpolateOptions {
  std::vector<int32_t> size = {};   // extents in space, or
  std::vector<float> scale = {};    // their factors
  std::string mode = "nearest";     // linear, bilinear, trilinear, bicubic
  bool align_corners = false;       // the corners of both grids coincide
  int align_mode = 0;               // 1: pixels are points, not squares
  bool channels_last = false;
};
/// Images (signals, volumes) [N, C, ...] of another size. @throws InvalidArgument unless one of size and scale is given.
Var Interpolate(const Var& x, const InterpolateOptions& options, SKIFF_HERE);

struct PadOptions {
  std::string mode = "constant";    // reflect, replicate, circular
  float value = 0;
  std::string data_format = "NCDHW";
};
/// Volumes [N, C, D, H, W] with left, right, top, bottom, front, back elements around.
Var Pad3D(const Var& x, const std::vector<int32_t>& paddings, const PadOptions& options = {}, SKIFF_HERE);
/// Any tensor with paddings[2 d] elements before and paddings[2 d + 1] after those of axis d.
Var Pad(const Var& x, const std::vector<int32_t>& paddings, float value = 0, SKIFF_HERE);

/// [N, C r^2, H, W] -> [N, C, H r, W r], and back.
Var PixelShuffle(const Var& x, int factor, const std::string& data_format = "NCHW", SKIFF_HERE);
Var PixelUnshuffle(const Var& x, int factor, const std::string& data_format = "NCHW", SKIFF_HERE);

/// theta [N, 2, 3] -> where each pixel of images [N, C, height, width] comes from: [N, height, width, 2] in [-1, 1].
Var AffineGrid(const Var& theta, const std::vector<int32_t>& image_shape, bool align_corners = true, SKIFF_HERE);
struct GridSampleOptions {
  std::string mode = "bilinear";         // or "nearest"
  std::string padding_mode = "zeros";    // "border", "reflection"
  bool align_corners = true;
};
/// Images [N, C, H, W] read at grid [N, H', W', 2] -> [N, C, H', W'].
Var GridSample(const Var& x, const Var& grid, const GridSampleOptions& options = {}, SKIFF_HERE);

struct UnfoldOptions {
  Pair stride = 1, padding = 0, dilation = 1;
};
/// [N, C, H, W] -> [N, C h w, windows]: each window of an image as a column.
Var Unfold(const Var& x, Pair kernel, const UnfoldOptions& options = {}, SKIFF_HERE);

#undef SKIFF_HERE

}  // namespace skiff::layers
