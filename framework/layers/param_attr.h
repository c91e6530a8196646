// ParamAttr: how a layer makes a parameter and how optimizers treat it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "framework/program/block.h"

namespace skiff {

/// Appends to the startup block the operator that fills a new variable. See initializer.h.
using Initializer = std::function<void(Block& startup, const Variable& variable)>;

/// A penalty on a parameter's size: coeff * sign(p) (L1) or coeff * p (L2) joins its gradient.
struct Regularizer {
  enum Kind { kNone = 0, kL1 = 1, kL2 = 2 };  // as ParameterOptions::regularizer_kind
  Kind kind = kNone;
  float coeff = 0.0f;
};
inline Regularizer L1Decay(float coeff) { return {Regularizer::kL1, coeff}; }
inline Regularizer L2Decay(float coeff) { return {Regularizer::kL2, coeff}; }

/// The parameter "w" is kept as a direction "w_v" of its shape and lengths "w_g", both trained: w = w_g * w_v / |w_v|.
/// Salimans and Kingma 2016. Source: paddle.static.WeightNormParamAttr.
struct WeightNorm {
  std::optional<int> dim = {};  // one length for each position along this axis; one in all when absent
};

/// Source: paddle.ParamAttr. Where a layer takes an optional ParamAttr, std::nullopt means that the
/// parameter is not made.
struct ParamAttr {
  std::string name = {};          // "" lets the layer name it: "fc_0.w_0"
  Initializer initializer = {};   // null takes the layer's own: Xavier for weights, 0 for biases
  float learning_rate = 1.0f;     // factor on the optimizer's rate
  Regularizer regularizer = {};   // overrides the optimizer's unless kNone
  bool trainable = true;
  bool need_clip = true;          // false: gradient clipping leaves it alone
  bool do_model_average = true;   // false: ModelAverage leaves it alone
  std::optional<WeightNorm> weight_norm = {};
};

}  // namespace skiff
