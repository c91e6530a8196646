// The operators that split a parameter into direction and length: what LayerHelper::CreateParameter appends for
// a ParamAttr with weight_norm.
#pragma once

#include <optional>
#include <string>

#include "framework/layers/layer_helper.h"

namespace skiff::weight_norm {

/// The shape of the lengths of a parameter: 1 along every axis but `dim`.
/// @throws OutOfRange  `dim` is no axis of `shape`.
Shape LengthShape(const Shape& shape, const WeightNorm& norm);

/// Appends to `block`: lengths = the norms of `direction`, of shape LengthShape. Variables in between are named
/// "<layer>.weight_norm_<what>_<n>".
void AppendLengths(Block& block, const LayerHelper& layer, const Variable& direction, const WeightNorm& norm,
                   const std::string& lengths);

/// Appends to `block`: the lengths, of rank 0 as AppendLengths leaves them without a dim, take a shape.
void AppendReshape(Block& block, const LayerHelper& layer, const std::string& lengths, const Shape& shape);

/// Appends to the current block: direction * (lengths / the norms of direction).
Var AppendWeight(const LayerHelper& layer, const Variable& direction, const Variable& lengths, const WeightNorm& norm);

}  // namespace skiff::weight_norm
