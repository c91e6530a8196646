// Optimizers: backward, clipping, regularisation and one update operator per parameter, appended to a
// program; their state is persistable variables named as Paddle names them ("fc_0.w_0_moment1_0").
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "framework/layers/grad_clip.h"
#include "framework/layers/lr_scheduler.h"
#include "framework/layers/var.h"

namespace skiff {
class Scope;
}

namespace skiff::optimizer {

/// A fixed learning rate, or a scheduler's.
class Rate {
 public:
  Rate(double fixed) : fixed_(fixed) {}                                     // NOLINT
  Rate(lr::SchedulerPtr scheduler) : scheduler_(std::move(scheduler)) {}    // NOLINT
  double value() const { return scheduler_ ? scheduler_->value() : fixed_; }
  const lr::SchedulerPtr& scheduler() const { return scheduler_; }

 private:
  double fixed_ = 0.0;
  lr::SchedulerPtr scheduler_;
};

/// A penalty on every parameter without one of its own; a bare number means L2.
class WeightDecay {
 public:
  WeightDecay() = default;
  WeightDecay(double coeff) : penalty_(L2Decay(static_cast<float>(coeff))) {}  // NOLINT
  WeightDecay(Regularizer penalty) : penalty_(penalty) {}                      // NOLINT
  const Regularizer& penalty() const { return penalty_; }

 private:
  Regularizer penalty_;
};

struct MinimizeOptions {
  Program* startup = nullptr;  // the default startup program when null
  std::optional<std::vector<std::string>> parameters = {};  // all trainable ones when absent
  std::set<std::string> no_grad_set = {};
};

inline bool IsHalf(DType dtype) { return dtype == DType::kFloat16 || dtype == DType::kBFloat16; }

/// One optimizer may serve several programs. Where it is of multi-precision, each half parameter has a float32 copy,
/// its master weight "<parameter>_fp32_master_<n>", which the startup program casts from the parameter: the update
/// changes the copy and rounds the parameter from it, so that steps below half's resolution add up. State then is
/// float32 and named after the copy. Source: paddle.optimizer.Optimizer.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Backward, then ApplyGradients. @return the parameters and their raw gradients.
  /// @throws as AppendBackward.
  std::vector<ParamGrad> Minimize(const Var& loss, const MinimizeOptions& options = {});
  /// Appends the gradient operators of `loss` to its program. No gradient is computed for parameters
  /// that are not trainable.
  std::vector<ParamGrad> Backward(const Var& loss, const MinimizeOptions& options = {});
  /// Appends to the current block of the default main program: clipping, regularisation, then updates in the order of the
  /// parameters' names; and to the default startup program what fills the optimizer's state.
  void ApplyGradients(std::vector<ParamGrad> pairs);
  /// The same, where a bool says as the program runs that a gradient is not finite. Adam, AdamW and Lamb then leave
  /// parameters and state; the others see the gradients as they are, zeros by then if the loss's scale adapts.
  void ApplyGradientsUnless(const Var& found_infinite, std::vector<ParamGrad> pairs);

  bool multi_precision() const { return multi_precision_; }
  /// For programs yet to be built.
  void set_multi_precision(bool multi_precision) { multi_precision_ = multi_precision; }
  /// Names of the master weights made so far, by parameter.
  const std::map<std::string, std::string>& master_weights() const { return master_weights_; }

  /// The rate a run would use now.
  double learning_rate() const { return rate_.value(); }
  const lr::SchedulerPtr& scheduler() const { return rate_.scheduler(); }
  /// Changes a fixed rate, for programs yet to be built and, in `scope`, for those built already.
  /// @throws PreconditionNotMet when a scheduler decides the rate.
  void SetLearningRate(double rate, Scope& scope);
  /// Creates the learning rate's variable now and of shape [1], as mixed precision has it; a scheduler's is left to the updates.
  void CreateRateOfOne() {
    if (rate_.scheduler() == nullptr) RateVariable({1});
  }

 protected:
  Optimizer(Rate rate, WeightDecay decay, GradClip clip, bool multi_precision)
      : rate_(std::move(rate)), decay_(decay.penalty()), clip_(clip), multi_precision_(multi_precision) {}

  /// Makes the state of one parameter.
  virtual void CreateAccumulators(const Variable& parameter) = 0;
  virtual void AppendUpdate(const ParamGrad& pair, const std::string& rate) = 0;
  /// Appends what follows the updates of all parameters.
  virtual void FinishUpdates(const std::vector<ParamGrad>&) {}
  /// True when the update operator itself applies L2 penalties.
  virtual bool FusesL2() const { return false; }
  /// True when the update operator has a SkipUpdate input.
  virtual bool SkipsUpdates() const { return false; }
  /// The variable for SkipUpdate, given the bool that says whether a gradient is not finite.
  virtual Var SkipUpdate(const Var& found_infinite) const { return found_infinite; }

  /// State "<parameter>_<name>_<n>", or of its master weight, filled with `value`; of the parameter's shape unless given.
  void AddAccumulator(const std::string& name, const Variable& parameter, double value = 0.0,
                      std::optional<Shape> shape = {});
  const std::string& Accumulator(const std::string& name, const Variable& parameter) const;
  /// Appends the update; its state slots name state as "<slot>" in and "<slot>Out" out. Sets what depends on a
  /// master weight and on SkipUpdate.
  void AppendUpdateOp(const std::string& type, const ParamGrad& pair, const std::string& rate,
                      const std::vector<std::pair<std::string, std::string>>& state, Attrs attrs);
  const Regularizer& decay() const { return decay_; }

 private:
  const std::string& RateVariable(const Shape& shape = {});
  std::string ParameterRate(const Variable& parameter);
  void CreateMasterWeight(const Variable& parameter);
  bool HasMaster(const Variable& parameter) const { return multi_precision_ && IsHalf(parameter.dtype); }

  Rate rate_;
  Regularizer decay_;
  GradClip clip_;
  bool multi_precision_;
  std::string skip_update_;  // while updates are appended that have one
  DType dtype_ = DType::kFloat32;
  std::map<std::string, std::string> master_weights_;
  std::map<uint64_t, std::string> rate_variables_;  // by program
  std::map<std::pair<std::string, std::string>, std::string> accumulators_;  // (name, parameter)
};

struct SGDOptions {
  Rate learning_rate = 0.001;
  WeightDecay weight_decay = {};
  GradClip grad_clip = {};
  bool multi_precision = false;
};
/// p -= lr * g.
class SGD : public Optimizer {
 public:
  explicit SGD(const SGDOptions& options = {});

 protected:
  void CreateAccumulators(const Variable&) override {}
  void AppendUpdate(const ParamGrad& pair, const std::string& rate) override;
};

struct MomentumOptions {
  Rate learning_rate = 0.001;
  double momentum = 0.9;
  bool use_nesterov = false;
  WeightDecay weight_decay = {};  // an L2 penalty is applied by the update itself
  GradClip grad_clip = {};
  double rescale_grad = 1.0;
  bool multi_precision = false;
};
/// v = momentum * v + g; p -= lr * v, or lr * (g + momentum * v) with use_nesterov.
class Momentum : public Optimizer {
 public:
  explicit Momentum(const MomentumOptions& options = {});

 protected:
  void CreateAccumulators(const Variable& parameter) override;
  void AppendUpdate(const ParamGrad& pair, const std::string& rate) override;
  bool FusesL2() const override { return true; }

 private:
  MomentumOptions options_;
};

struct LarsMomentumOptions {
  Rate learning_rate = 0.001;
  double momentum = 0.9;
  double lars_coeff = 0.001;
  double lars_weight_decay = 0.0005;
  std::vector<std::string> exclude_from_weight_decay = {};  // parts of names of parameters
  double epsilon = 0.0;
  WeightDecay weight_decay = {};
  GradClip grad_clip = {};
  double rescale_grad = 1.0;
  bool multi_precision = false;
};
/// Momentum whose rate for each parameter is lr * coeff * |p| / (|g| + decay * |p| + epsilon). You and others 2017.
class LarsMomentum : public Optimizer {
 public:
  explicit LarsMomentum(const LarsMomentumOptions& options = {});

 protected:
  void CreateAccumulators(const Variable& parameter) override;
  void AppendUpdate(const ParamGrad& pair, const std::string& rate) override;

 private:
  LarsMomentumOptions options_;
};

struct AdamOptions {
  Rate learning_rate = 0.001;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  WeightDecay weight_decay = {};
  GradClip grad_clip = {};
  bool lazy_mode = false;  // sparse gradients move only their rows
  bool multi_precision = false;
};
/// Kingma and Ba 2015.
class Adam : public Optimizer {
 public:
  explicit Adam(const AdamOptions& options = {});

 protected:
  Adam(const AdamOptions& options, WeightDecay decay);
  void CreateAccumulators(const Variable& parameter) override;
  void AppendUpdate(const ParamGrad& pair, const std::string& rate) override;
  bool SkipsUpdates() const override { return true; }
  Var SkipUpdate(const Var& found_infinite) const override;  // read on the host
  Attrs CommonAttrs() const;

  AdamOptions options_;
};

struct AdamWOptions {
  Rate learning_rate = 0.001;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0.01;
  GradClip grad_clip = {};
  bool lazy_mode = false;
  /// Which parameters decay, by name; all when null.
  std::function<bool(const std::string&)> decays = {};
  /// A factor on the rate, by name; 1 when null.
  std::function<double(const std::string&)> lr_ratio = {};
  bool multi_precision = false;
};
/// Adam whose decay bypasses the moments: first p *= 1 - lr * weight_decay. Loshchilov and Hutter 2019.
class AdamW : public Adam {
 public:
  explicit AdamW(const AdamWOptions& options = {});

 protected:
  void AppendUpdate(const ParamGrad& pair, const std::string& rate) override;

 private:
  AdamWOptions own_;
};

struct AdagradOptions {
  Rate learning_rate = 0.001;
  double epsilon = 1e-6;
  WeightDecay weight_decay = {};
  GradClip grad_clip = {};
  double initial_accumulator_value = 0.0;
  bool multi_precision = false;
};
/// m += g^2; p -= lr * g / (sqrt(m) + epsilon). Duchi et al. 2011.
class Adagrad : public Optimizer {
 public:
  explicit Adagrad(const AdagradOptions& options = {});

 protected:
  void CreateAccumulators(const Variable& parameter) override;
  void AppendUpdate(const ParamGrad& pair, const std::string& rate) override;

 private:
  AdagradOptions options_;
};

struct AdadeltaOptions {
  Rate learning_rate = 0.001;
  double epsilon = 1e-6, rho = 0.95;
  WeightDecay weight_decay = {};
  GradClip grad_clip = {};
  bool multi_precision = false;
};
/// Steps as large as the running means of squared steps and gradients say. Zeiler 2012.
class Adadelta : public Optimizer {
 public:
  explicit Adadelta(const AdadeltaOptions& options = {});

 protected:
  void CreateAccumulators(const Variable& parameter) override;
  void AppendUpdate(const ParamGrad& pair, const std::string& rate) override;

 private:
  AdadeltaOptions options_;
};

struct AdamaxOptions {
  Rate learning_rate = 0.001;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  WeightDecay weight_decay = {};
  GradClip grad_clip = {};
  bool multi_precision = false;
};
/// Adam by the infinity norm: u = max(beta2 * u + epsilon, |g|). Kingma and Ba 2015, section 7.
class Adamax : public Optimizer {
 public:
  explicit Adamax(const AdamaxOptions& options = {});

 protected:
  void CreateAccumulators(const Variable& parameter) override;
  void AppendUpdate(const ParamGrad& pair, const std::string& rate) override;
  void FinishUpdates(const std::vector<ParamGrad>& pairs) override;

 private:
  AdamaxOptions options_;
};

struct RMSPropOptions {
  Rate learning_rate = 0.001;
  double rho = 0.95, epsilon = 1e-6, momentum = 0.0;
  bool centered = false;  // divides by the deviation instead of the root of the mean square
  WeightDecay weight_decay = {};
  GradClip grad_clip = {};
  bool multi_precision = false;
};
/// s = rho * s + (1 - rho) * g^2; v = momentum * v + lr * g / sqrt(s + epsilon); p -= v. Hinton 2012.
class RMSProp : public Optimizer {
 public:
  explicit RMSProp(const RMSPropOptions& options = {});

 protected:
  void CreateAccumulators(const Variable& parameter) override;
  void AppendUpdate(const ParamGrad& pair, const std::string& rate) override;

 private:
  RMSPropOptions options_;
};

struct LambOptions {
  Rate learning_rate = 0.001;
  double weight_decay = 0.01;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-6;
  GradClip grad_clip = {};
  /// Which parameters do not decay, by name; none when null.
  std::function<bool(const std::string&)> excluded = {};
  bool always_adapt = false;  // scales the step by the norms even where there is no decay
  bool multi_precision = false;
};
/// Adam's step, scaled to each parameter's norm. You et al. 2020.
class Lamb : public Optimizer {
 public:
  explicit Lamb(const LambOptions& options = {});

 protected:
  void CreateAccumulators(const Variable& parameter) override;
  void AppendUpdate(const ParamGrad& pair, const std::string& rate) override;
  bool SkipsUpdates() const override { return true; }

 private:
  LambOptions options_;
};

}  // namespace skiff::optimizer
