// Gradient clipping and regularisation: operators between the gradients and an optimizer's update, in
// Paddle's order: clip first, then regularise.
#pragma once

#include <vector>

#include "framework/layers/param_attr.h"
#include "framework/op/backward.h"

namespace skiff {

/// How gradients are limited. Parameters with need_clip false are left alone.
struct GradClip {
  enum Kind { kNone, kValue, kNorm, kGlobalNorm };
  Kind kind = kNone;
  double max = 0.0, min = 0.0;  // kValue: the range; else `max` is the norm
};
/// Each element into [min, max].
inline GradClip ClipGradByValue(double max, double min) { return {GradClip::kValue, max, min}; }
inline GradClip ClipGradByValue(double max) { return {GradClip::kValue, max, -max}; }
/// Each gradient to at most this L2 norm.
inline GradClip ClipGradByNorm(double norm) { return {GradClip::kNorm, norm}; }
/// All gradients together to at most this L2 norm, keeping their direction.
inline GradClip ClipGradByGlobalNorm(double norm) { return {GradClip::kGlobalNorm, norm}; }

/// Appends to the default main program what `clip` asks for. Pairs without a gradient are left out.
std::vector<ParamGrad> ClipGradients(const GradClip& clip, const std::vector<ParamGrad>& pairs);

/// Adds each parameter's own penalty, or else `common`, to its gradient. With `skip_l2`, L2 penalties
/// are left to the optimizer's own operator.
std::vector<ParamGrad> RegularizeGradients(const Regularizer& common,
                                           const std::vector<ParamGrad>& pairs, bool skip_l2 = false);

/// The attributes op_role and op_role_var of an operator that serves a parameter's update.
Attrs OptimizeRole(const ParamGrad& pair, Attrs attrs = {});

}  // namespace skiff
