// The extents of a convolution over planes or volumes, read from operators' attributes. The operators
// (conv2d, conv3d, their transposes and gradients) are three computations over the tensors image, filter
// and feature, where feature = conv(image, filter):
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

/// Windows over the axes of a plane or a volume. The arrays hold depth, height and width; a plane has a
/// depth of 1, and windows of 1 over it.
struct Window {
  int rank = 2;
  int64_t kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1};
  int64_t dilation[3] = {1, 1, 1};
  int64_t before[3] = {0, 0, 0};  // padding in front, above, and to the left
  int64_t after[3] = {0, 0, 0};   // padding behind, below, and to the right

  int64_t extent(int axis) const { return dilation[axis] * (kernel[axis] - 1) + 1; }
  /// The first axis that there is.
  int first() const { return 3 - rank; }
};

inline const char* AxisName(int axis) {
  constexpr const char* kNames[] = {"depth", "height", "width"};
  return kNames[axis];
}

/// [batch, channels, extents...], or with the channels last.
inline Shape ImageShapeOf(int64_t batch, int64_t channels, const int64_t (&extents)[3], int rank,
                          bool channels_last) {
  std::vector<int64_t> dims(extents + 3 - rank, extents + 3);
  dims.insert(channels_last ? dims.end() : dims.begin(), channels);
  dims.insert(dims.begin(), batch);
  return Shape(dims);
}

struct ConvGeometry {
  int64_t batch = 0, groups = 1;
  int64_t image_channels = 0, feature_channels = 0;
  int64_t image[3] = {1, 1, 1}, feature[3] = {1, 1, 1};
  Window window;
  bool channels_last = false;

  Shape ImageShape() const { return Make(image_channels, image); }
  Shape FeatureShape() const { return Make(feature_channels, feature); }
  Shape FilterShape() const {
    return ImageShapeOf(feature_channels, image_channels / groups, window.kernel, window.rank, false);
  }
  int64_t ImagePixels() const { return image[0] * image[1] * image[2]; }
  int64_t FeaturePixels() const { return feature[0] * feature[1] * feature[2]; }
  bool SymmetricPadding() const {
    return std::equal(window.before, window.before + 3, window.after);
  }
  bool Empty() const {
    return ImageShape().NumElements() == 0 || FeatureShape().NumElements() == 0;
  }

 private:
  Shape Make(int64_t channels, const int64_t (&extents)[3]) const {
    return ImageShapeOf(batch, channels, extents, window.rank, channels_last);
  }
};

/// True for NHWC and NDHWC; "AnyLayout" means channels first. Paddle takes the formats of planes for
/// volumes too. @throws InvalidArgument for anything else.
inline bool ParseChannelsLast(const std::string& format, int rank) {
  const bool volume = rank == 3;
  if (format == "NHWC" || (volume && format == "NDHWC")) return true;
  SKIFF_ENFORCE(format == "NCHW" || format == "AnyLayout" || (volume && format == "NCDHW"), InvalidArgument,
                "data_format is \"", format, "\"; expected ", volume ? "NCDHW or NDHWC" : "NCHW or NHWC");
  return false;
}

inline void ReadSizes(const Attrs& attrs, const char* name, int rank, int64_t (&sizes)[3]) {
  const auto given = attrs.Get<std::vector<int32_t>>(name);
  SKIFF_ENFORCE(static_cast<int>(given.size()) == rank, InvalidArgument, "attribute \"", name, "\" has ",
                given.size(), " numbers; expected ", rank, rank == 3 ? " (depth, height, width)" : " (height, width)");
  for (int i = 0; i < rank; ++i) {
    SKIFF_ENFORCE(given[i] > 0, InvalidArgument, "attribute \"", name, "\" has the number ", given[i],
                  " for the ", AxisName(3 - rank + i), "; it must be positive");
    sizes[3 - rank + i] = given[i];
  }
}

/// Fills the padding from `paddings` (one or two numbers for each axis) and `padding_algorithm`. `input`
/// are the extents of the operator's input, -1 while unknown. SAME also sets the dilation to 1, as
/// Paddle does.
inline void ReadPadding(const Attrs& attrs, const int64_t (&input)[3], Window* w) {
  const auto algorithm = attrs.Get<std::string>("padding_algorithm");
  const auto given = attrs.Get<std::vector<int32_t>>("paddings");
  if (algorithm == "VALID") return;
  if (algorithm == "SAME") {
    for (int i = w->first(); i < 3; ++i) {
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
  const size_t rank = w->rank;
  SKIFF_ENFORCE(given.size() == rank || given.size() == 2 * rank, InvalidArgument, "paddings has ",
                given.size(), " numbers; expected ", rank, " (one for each axis) or ", 2 * rank,
                rank == 2 ? " (top, bottom, left, right)" : " (front, back, top, bottom, left, right)");
  for (size_t i = 0; i < rank; ++i) {
    const int axis = w->first() + static_cast<int>(i);
    w->before[axis] = given.size() == rank ? given[i] : given[2 * i];
    w->after[axis] = given.size() == rank ? given[i] : given[2 * i + 1];
    SKIFF_ENFORCE(w->before[axis] >= 0 && w->after[axis] >= 0, InvalidArgument,
                  "paddings has the negative number ", std::min(w->before[axis], w->after[axis]));
  }
}

/// The geometry of a convolution of `rank` axes, or with `transposed` of its transpose, without its
/// output: `feature` (`image` when transposed) stays to be computed, or is taken from `output` where given.
/// @throws InvalidArgument when shapes and attributes do not go together. Unknown extents are -1.
inline ConvGeometry ReadConvGeometry(const Attrs& attrs, int rank, const Shape& input, const Shape& filter,
                                     bool transposed, const Shape* output = nullptr) {
  const char* axes = rank == 3 ? "depth, height, width" : "height, width";
  SKIFF_ENFORCE(input.rank() == rank + 2, InvalidArgument, "Input has shape ", input, "; expected ",
                rank + 2, " axes: batch, channels, ", axes, " in the order of data_format");
  SKIFF_ENFORCE(filter.rank() == rank + 2, InvalidArgument, "Filter has shape ", filter,
                "; expected [output channels, input channels / groups, ", axes, "]");
  ConvGeometry g;
  g.window.rank = rank;
  g.channels_last = ParseChannelsLast(attrs.Get<std::string>("data_format"), rank);
  const int c = g.channels_last ? rank + 1 : 1, first = g.channels_last ? 1 : 2;
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
  int64_t(&from)[3] = transposed ? g.feature : g.image;
  int64_t(&to)[3] = transposed ? g.image : g.feature;
  for (int i = 0; i < rank; ++i) {
    const int axis = g.window.first() + i;
    g.window.kernel[axis] = filter[2 + i];
    from[axis] = input[first + i];
    if (output != nullptr) to[axis] = (*output)[first + i];
  }
  ReadSizes(attrs, "strides", rank, g.window.stride);
  ReadSizes(attrs, "dilations", rank, g.window.dilation);
  ReadPadding(attrs, from, &g.window);
  return g;
}

}  // namespace skiff
