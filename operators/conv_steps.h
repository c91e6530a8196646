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
  /// The feature is added to what is there already.
  bool adds = false;
};

/// True for the transposed convolutions and their gradients.
inline bool IsTransposedConv(const std::string& type) { return type.find("_transpose") != std::string::npos; }

/// The axes of an image that the operator goes over: 3 for conv3d and its kin, else 2.
inline int ConvRank(const std::string& type) { return type.find("conv3d") != std::string::npos ? 3 : 2; }

/// True for the gradients of gradients.
inline bool IsSecondConvGrad(const PrepareContext& c) { return c.HasInput("grad_out"); }

/// The geometry when everything is known.
inline ConvGeometry PreparedConvGeometry(const PrepareContext& c) {
  const bool gradient = c.HasInput("Output@GRAD");
  const Shape& output = IsSecondConvGrad(c) ? c.Input("grad_out").shape
                        : gradient          ? c.Input("Output@GRAD").shape
                                            : c.Output("Output").shape;
  const std::string& type = c.op().type;
  return ReadConvGeometry(c.attrs(), ConvRank(type), c.Input("Input").shape, c.Input("Filter").shape,
                          IsTransposedConv(type), &output);
}

/// The gradients of conv2d_grad: a convolution is linear in its image and in its filter, so each product
/// rule's term is one step with the gradient that came (`grad_input@GRAD`, `grad_filter@GRAD`) in the place
/// of the operand it belongs to.
inline std::vector<ConvStep> SecondConvGradSteps(const PrepareContext& c) {
  const bool image = c.HasInput("grad_input@GRAD"), filter = c.HasInput("grad_filter@GRAD");
  std::vector<ConvStep> steps;
  if (c.HasOutput("grad_out@GRAD")) {
    if (image) steps.push_back({ConvRole::kForward, "grad_input@GRAD", "Filter", "grad_out@GRAD", false});
    if (filter) steps.push_back({ConvRole::kForward, "Input", "grad_filter@GRAD", "grad_out@GRAD", false, image});
  }
  if (c.HasOutput("Filter@GRAD") && image) {
    steps.push_back({ConvRole::kBackwardFilter, "grad_input@GRAD", "Filter@GRAD", "grad_out", false});
  }
  if (c.HasOutput("Input@GRAD") && filter) {
    steps.push_back({ConvRole::kBackwardImage, "Input@GRAD", "grad_filter@GRAD", "grad_out", false});
  }
  return steps;
}

/// What the operator computes, in order; gradients that nobody wants are left out.
inline std::vector<ConvStep> ConvSteps(const PrepareContext& c) {
  const bool transposed = IsTransposedConv(c.op().type);
  if (IsSecondConvGrad(c)) return SecondConvGradSteps(c);
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
