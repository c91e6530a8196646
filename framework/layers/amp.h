// Mixed precision: operators run in a half type where that is safe, and the loss is scaled so that small
// gradients survive. Source: paddle.static.amp.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "framework/layers/optimizer.h"
#include "framework/tensor/tensor.h"

namespace skiff::amp {

enum class Level {
  kO1,     // operators run by the lists; parameters stay in float32
  kOD,     // only white operators are half
  kO2,     // parameters and nearly all operators are half
  kBF16,   // as O1; gray operators whose inputs nothing decides stay as they are. Source: rewrite_program_bf16
};

/// Which operators run in which precision. Operators in no list are float32 below level O2, half there.
struct OpLists {
  std::set<std::string> white;  // in the half type
  std::set<std::string> black;  // in float32; at level O2 only those of these that are not black by numerics alone
  std::set<std::string> gray;   // as what made their inputs
  std::set<std::string> black_variables = {};  // operators that touch one of them stay in float32
  std::set<std::string> unsupported = {};      // in float32 always: no kernel of the half type, or black by the user's wish

  /// Paddle's lists for a half type, with operators moved to white or black.
  /// @throws InvalidArgument for an operator in both, or another dtype.
  explicit OpLists(const std::set<std::string>& custom_white = {}, const std::set<std::string>& custom_black = {},
                   DType dtype = DType::kFloat16);
  /// Paddle's lists for level kBF16. @throws InvalidArgument for an operator in both.
  static OpLists ForBF16(const std::set<std::string>& custom_bf16 = {}, const std::set<std::string>& custom_fp32 = {});
};

/// Operators with kernels of float32 and none of `dtype`, or whose gradient is such.
std::set<std::string> UnsupportedOps(DType dtype);

/// The name scopes under which operators are half where a guard is used.
inline constexpr const char* kFP16Guard = "__use_fp16__";
inline constexpr const char* kBF16Guard = "__use_bf16__";

struct CastOptions {
  DType dtype = DType::kFloat16;
  Level level = Level::kO1;
  std::string guard = "";    // at level O2: operators outside of this name scope stay in float32; "" means all may be half
  bool use_promote = false;  // an operator with a float32 input stays in float32, unless it is white
  std::string suffix = ".cast_fp16";  // of the names of half copies
  bool half_data = false;             // at level O2: fed variables that half operators read become half, without a cast
};

/// Inserts casts into block 0 of a program without gradients; at level O2 parameters become half too, but for those
/// that norms and float32 operators read. Operators that sub-blocks share variables with, or that write
/// persistable variables, stay in float32, and so do the sub-blocks.
/// @return names of variables that half operators read, and of all parameters that became half.
/// @throws InvalidArgument for a dtype that is no half.
std::set<std::string> CastProgram(Program& program, const OpLists& lists, const CastOptions& options = {});

/// Converts in a scope the values of those parameters of a program that are in `names`. A parameter without a value
/// is left out. @throws InvalidType for a value that is neither float32 nor of `dtype`.
void CastParameters(const Program& program, const std::set<std::string>& names, DType dtype, Scope& scope);
/// A tensor's values as float32, at its place. @throws InvalidType for one that is neither half nor float32.
Tensor ToFloat32(const Tensor& value);

struct Options {
  OpLists lists = OpLists();
  DType dtype = DType::kFloat16;
  Level level = Level::kO1;
  bool master_weight = true;   // half parameters are updated through a float32 copy
  bool master_grad = false;    // level O2: gradients are cast to float32 before all else
  std::string guard = "";      // level O2: see CastOptions
  bool use_promote = false;
  std::string suffix = ".cast_fp16";
  bool half_data = false;
  bool scales_loss = true;     // false: as it is; what follows has no effect
  double init_loss_scaling = 65536;
  /// The scale adapts: it grows after finite steps and shrinks after others. Else it stays. bfloat16, whose range is
  /// that of float32, takes a scale of 1 instead.
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
  void ApplyGradients(std::vector<ParamGrad> pairs);

  /// At level O2, after the startup program ran: makes the parameters of `program`, the one trained, half in `scope`.
  /// @param rewrite_master_weight  Master weights become what the half parameters hold.
  /// @throws PreconditionNotMet before Backward.
  void InitParameters(const Program& program, Scope& scope, bool rewrite_master_weight = false) const;
  /// Casts a program for testing, made before Minimize, as the one for training.
  void CastForTest(Program& program) const;

  /// The scale, one float32 of the program trained last. @throws PreconditionNotMet before Backward.
  const Var& loss_scaling() const;
  /// The loss times the scale. @throws PreconditionNotMet before Backward.
  const Var& scaled_loss() const;
  optimizer::Optimizer& optimizer() const { return *optimizer_; }

 private:
  bool Scales() const {
    return options_.scales_loss && (options_.use_dynamic_loss_scaling || options_.init_loss_scaling != 1.0);
  }
  CastOptions Casts() const;
  Var Unscale(const std::vector<std::string>& gradients, const std::string& name) const;
  void UpdateScale(const std::vector<std::string>& gradients, const Var& found_infinite, bool again) const;

  std::shared_ptr<optimizer::Optimizer> optimizer_;
  Options options_;
  std::set<std::string> half_;  // what CastProgram gave for the program trained last
  Var loss_scaling_, good_steps_, bad_steps_, scaled_loss_;
};

}  // namespace skiff::amp
