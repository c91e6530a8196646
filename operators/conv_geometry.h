// The extents of a two-dimensional convolution, read from operators' attributes. Six operators (conv2d,
// conv2d_transpose and their gradients) are three computations over the tensors image, filter and
// feature, where feature = conv(image, filter):
//   conv2d             Input = image, Output = feature: forward
//   conv2d_transpose   Input = feature, Output = image: the backward pass to the image
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "framework/base/error.h"
#include "framework/base/shape.h"
#include "framework/program/attribute.h"

namespace skiff {

/// Two-element attributes; axis 0 is the height, axis 1 the width.
struct Window2D {
  int64_t kernel[2] = {1, 1};
  int64_t stride[2] = {1, 1};
  int64_t dilation[2] = {1, 1};
  int64_t before[2] = {0, 0};  // padding above, and to the left
  int64_t after[2] = {0, 0};   // padding below, and to the right

  int64_t extent(int axis) const { return dilation[axis] * (kernel[axis] - 1) + 1; }
};

struct ConvGeometry {
  int64_t batch = 0, groups = 1;
  int64_t image_channels = 0, feature_channels = 0;
  int64_t image[2] = {}, feature[2] = {};
  Window2D window;
  bool channels_last = false;

  Shape ImageShape() const { return Make(image_channels, image); }
  Shape FeatureShape() const { return Make(feature_channels, feature); }
  Shape FilterShape() const {
    return {feature_channels, image_channels / groups, window.kernel[0], window.kernel[1]};
  }
  bool SymmetricPadding() const {
    return window.before[0] == window.after[0] && window.before[1] == window.after[1];
  }
  bool Empty() const {
    return ImageShape().NumElements() == 0 || FeatureShape().NumElements() == 0;
  }

 private:
  Shape Make(int64_t channels, const int64_t (&hw)[2]) const {
    return channels_last ? Shape{batch, hw[0], hw[1], channels} : Shape{batch, channels, hw[0], hw[1]};
  }
};

/// True for NHWC; "AnyLayout" means NCHW. @throws InvalidArgument for anything else.
inline bool ParseChannelsLast(const std::string& format) {
  if (format == "NHWC") return true;
  SKIFF_ENFORCE(format == "NCHW" || format == "AnyLayout", InvalidArgument,
                "data_format is \"", format, "\"; expected NCHW or NHWC");
  return false;
}

inline void ReadPair(const Attrs& attrs, const char* name, int64_t (&pair)[2]) {
  const auto given = attrs.Get<std::vector<int32_t>>(name);
  SKIFF_ENFORCE(given.size() == 2, InvalidArgument, "attribute \"", name, "\" has ", given.size(),
                " numbers; expected 2 (height, width)");
  SKIFF_ENFORCE(given[0] > 0 && given[1] > 0, InvalidArgument, "attribute \"", name, "\" is [",
                given[0], ", ", given[1], "]; both numbers must be positive");
  pair[0] = given[0];
  pair[1] = given[1];
}

/// Fills the padding from `paddings` (2 or 4 numbers) and `padding_algorithm`. `input` are the extents
/// of the operator's input, -1 while unknown. SAME also sets the dilation to 1, as Paddle does.
inline void ReadPadding(const Attrs& attrs, const int64_t (&input)[2], Window2D* w) {
  const auto algorithm = attrs.Get<std::string>("padding_algorithm");
  const auto given = attrs.Get<std::vector<int32_t>>("paddings");
  if (algorithm == "VALID") return;
  if (algorithm == "SAME") {
    for (int i = 0; i < 2; ++i) {
      w->dilation[i] = 1;
      if (input[i] < 0) continue;
      const int64_t out = (input[i] + w->stride[i] - 1) / w->stride[i];
      const int64_t total =
          std::max<int64_t>((out - 1) * w->stride[i] + w->kernel[i] - input[i], 0);
      w->before[i] = total / 2;
      w->after[i] = total - total / 2;
    }
    return;
  }
  SKIFF_ENFORCE(algorithm == "EXPLICIT", InvalidArgument, "padding_algorithm is \"", algorithm,
                "\"; expected EXPLICIT, SAME or VALID");
  SKIFF_ENFORCE(given.size() == 2 || given.size() == 4, InvalidArgument, "paddings has ",
                given.size(), " numbers; expected 2 (height, width) or 4 (top, bottom, left, right)");
  for (int i = 0; i < 2; ++i) {
    w->before[i] = given.size() == 2 ? given[i] : given[2 * i];
    w->after[i] = given.size() == 2 ? given[i] : given[2 * i + 1];
    SKIFF_ENFORCE(w->before[i] >= 0 && w->after[i] >= 0, InvalidArgument,
                  "paddings has the negative number ", std::min(w->before[i], w->after[i]));
  }
}

/// The geometry of conv2d, or with `transposed` of conv2d_transpose, without its output: `feature`
/// (`image` when transposed) stays to be computed, or is taken from `output` where given.
/// @throws InvalidArgument when shapes and attributes do not go together. Unknown extents are -1.
inline ConvGeometry ReadConvGeometry(const Attrs& attrs, const Shape& input, const Shape& filter,
                                     bool transposed, const Shape* output = nullptr) {
  SKIFF_ENFORCE(input.rank() == 4, InvalidArgument, "Input has shape ", input,
                "; expected four axes: batch, channels, height, width in the order of data_format");
  SKIFF_ENFORCE(filter.rank() == 4, InvalidArgument, "Filter has shape ", filter,
                "; expected [output channels, input channels / groups, height, width]");
  ConvGeometry g;
  g.channels_last = ParseChannelsLast(attrs.Get<std::string>("data_format"));
  const int c = g.channels_last ? 3 : 1, h = g.channels_last ? 1 : 2;
  g.groups = attrs.Get<int32_t>("groups");
  SKIFF_ENFORCE(g.groups > 0, InvalidArgument, "groups is ", g.groups, "; it must be positive");
  g.batch = input[0];
  g.feature_channels = filter[0];
  g.image_channels = filter[1] * g.groups;
  const int64_t expected = transposed ? g.feature_channels : g.image_channels;
  SKIFF_ENFORCE(input[c] < 0 || expected < 0 || input[c] == expected, InvalidArgument, "Input has ",
                input[c], " channels, the Filter ", filter, " with ", g.groups, " groups takes ",
                expected);
  SKIFF_ENFORCE(g.feature_channels % g.groups == 0, InvalidArgument, "Filter ", filter, ": ",
                g.feature_channels, " channels do not divide into ", g.groups, " groups");
  int64_t(&from)[2] = transposed ? g.feature : g.image;
  int64_t(&to)[2] = transposed ? g.image : g.feature;
  for (int i = 0; i < 2; ++i) {
    g.window.kernel[i] = filter[2 + i];
    from[i] = input[h + i];
    if (output != nullptr) to[i] = (*output)[h + i];
  }
  ReadPair(attrs, "strides", g.window.stride);
  ReadPair(attrs, "dilations", g.window.dilation);
  ReadPadding(attrs, from, &g.window);
  return g;
}

}  // namespace skiff
