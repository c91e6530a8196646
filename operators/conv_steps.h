// The convolution operators as steps over (image, filter, feature), for whichever library computes them.
#pragma once

#include <string>
#include <vector>

#include "framework/op/kernel.h"
#include "operators/conv_geometry.h"

namespace skiff {

enum class ConvRole {
  kForward,         // image, filter -> feature
  kBackwardImage,   // feature, filter -> image
  kBackwardFilter,  // image, feature -> filter
};

/// Slots of one step; the role says which of the three is the output.
struct ConvStep {
  ConvRole role;
  std::string image, filter, feature;
  /// False in gradients, where a tensor serves two steps that may want it in different layouts: the
  /// step then converts by itself and everything outside stays plain.
  bool shares_layouts = true;
};

/// True for conv2d_transpose, depthwise_conv2d_transpose and their gradients.
inline bool IsTransposedConv(const std::string& type) {
  return type.find("conv2d_transpose") != std::string::npos;
}

/// The geometry when everything is known.
inline ConvGeometry PreparedConvGeometry(const PrepareContext& c) {
  const bool gradient = c.HasInput("Output@GRAD");
  const Shape& output = gradient ? c.Input("Output@GRAD").shape : c.Output("Output").shape;
  return ReadConvGeometry(c.attrs(), c.Input("Input").shape, c.Input("Filter").shape,
                          IsTransposedConv(c.op().type), &output);
}

/// What the operator computes, in order; gradients that nobody wants are left out.
inline std::vector<ConvStep> ConvSteps(const PrepareContext& c) {
  const bool transposed = IsTransposedConv(c.op().type);
  if (!c.HasInput("Output@GRAD")) {
    if (transposed) return {{ConvRole::kBackwardImage, "Output", "Filter", "Input"}};
    return {{ConvRole::kForward, "Input", "Filter", "Output"}};
  }
  std::vector<ConvStep> steps;
  if (c.HasOutput("Input@GRAD")) {
    steps.push_back(transposed
                        ? ConvStep{ConvRole::kForward, "Output@GRAD", "Filter", "Input@GRAD", false}
                        : ConvStep{ConvRole::kBackwardImage, "Input@GRAD", "Filter", "Output@GRAD",
                                   false});
  }
  if (c.HasOutput("Filter@GRAD")) {
    steps.push_back(transposed
                        ? ConvStep{ConvRole::kBackwardFilter, "Output@GRAD", "Filter@GRAD", "Input",
                                   false}
                        : ConvStep{ConvRole::kBackwardFilter, "Input", "Filter@GRAD", "Output@GRAD",
                                   false});
  }
  return steps;
}

}  // namespace skiff
