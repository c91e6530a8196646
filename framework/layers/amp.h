// Mixed precision: a program's products run in a half type, what is delicate stays in float32, and the loss is
// scaled so that small gradients survive. Source: paddle.static.amp, level O1.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "framework/layers/optimizer.h"

namespace skiff::amp {

/// Which operators run in which precision. Operators in no list stay in float32.
struct OpLists {
  std::set<std::string> white;  // in the half type
  std::set<std::string> black;  // in float32
  std::set<std::string> gray;   // as what made their inputs; in float32 where those differ
  std::set<std::string> black_variables = {};  // operators that touch one of them stay in float32

  /// Paddle's lists, with operators moved to white or black.
  /// @throws InvalidArgument for an operator in both.
  explicit OpLists(const std::set<std::string>& custom_white = {}, const std::set<std::string>& custom_black = {});
};

/// Inserts casts into block 0 of a program without gradients, so that `lists` hold. Variables that sub-blocks read
/// stay as they are.
/// @param dtype  kFloat16 or kBFloat16.
/// @throws InvalidArgument for another dtype.
void CastProgram(Program& program, const OpLists& lists, DType dtype);

struct Options {
  OpLists lists = OpLists();
  DType dtype = DType::kFloat16;
  double init_loss_scaling = 65536;
  /// The scale adapts: it grows after finite steps and shrinks after others. Else it stays.
  bool use_dynamic_loss_scaling = true;
  int incr_every_n_steps = 2000;
  int decr_every_n_nan_or_inf = 1;
  double incr_ratio = 2.0;
  double decr_ratio = 0.5;
};

/// An optimizer whose programs train in mixed precision.
class MixedPrecision {
 public:
  MixedPrecision(std::shared_ptr<optimizer::Optimizer> optimizer, const Options& options);

  /// Casts the program of `loss`, scales the loss, and appends everything that one step needs.
  /// @return the parameters and their gradients, unscaled.
  std::vector<ParamGrad> Minimize(const Var& loss, const optimizer::MinimizeOptions& options = {});
  /// The first half: casts, scaled loss, gradient operators.
  std::vector<ParamGrad> Backward(const Var& loss, const optimizer::MinimizeOptions& options = {});
  /// The second half: unscaling, the scale's own update, the parameters' updates.
  void ApplyGradients(const std::vector<ParamGrad>& pairs);

  /// The scale, one float32 of the program trained last. @throws PreconditionNotMet before Backward.
  const Var& loss_scaling() const;
  /// The loss times the scale. @throws PreconditionNotMet before Backward.
  const Var& scaled_loss() const;
  optimizer::Optimizer& optimizer() const { return *optimizer_; }

 private:
  bool Scales() const { return options_.use_dynamic_loss_scaling || options_.init_loss_scaling != 1.0; }

  std::shared_ptr<optimizer::Optimizer> optimizer_;
  Options options_;
  Var loss_scaling_, good_steps_, bad_steps_, scaled_loss_;
};

}  // namespace skiff::amp
