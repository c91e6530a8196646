// Averages of parameters over steps, and gradients merged over steps: operators around those of an optimizer.
//
//   optimizer::SGD sgd({.learning_rate = 0.1});
//   sgd.Minimize(loss);
//   optimizer::ExponentialMovingAverage average({.decay = 0.99});
//   average.Update();
//   ...
//   {
//     const auto applied = average.Apply([&](const Program& p) { executor.Run(p, {}, {}, &scope); });
//     Evaluate();  // with the averages
//   }              // and the parameters are back
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/layers/optimizer.h"

namespace skiff::optimizer {

/// Runs a program over the scope that holds the parameters.
using ProgramRunner = std::function<void(const Program&)>;

/// Parameters are their averages as long as it lives.
class [[nodiscard]] AverageGuard {
 public:
  /// Runs `apply`. @throws what running it throws.
  AverageGuard(const Program& apply, std::shared_ptr<const Program> restore, ProgramRunner run);
  /// Sets the parameters back; a failure is only printed. Call Restore first to be told of it.
  ~AverageGuard();
  AverageGuard(const AverageGuard&) = delete;
  AverageGuard& operator=(const AverageGuard&) = delete;

  /// Sets the parameters back now. @throws what running the program throws.
  void Restore();
  /// Leaves the averages where they are.
  void Keep() { run_ = nullptr; }

 private:
  std::shared_ptr<const Program> restore_;
  ProgramRunner run_;
};

/// What keeps averages beside parameters: two programs over the scope in which the main program trains.
class ParameterAverage {
 public:
  AverageGuard Apply(ProgramRunner run) const { return {*apply_program_, restore_program_, std::move(run)}; }

  /// Keeps the parameters and sets them to their averages.
  const std::shared_ptr<Program>& apply_program() const { return apply_program_; }
  /// Sets them to what was kept.
  const std::shared_ptr<Program>& restore_program() const { return restore_program_; }

 private:
  std::shared_ptr<Program> apply_program_ = std::make_shared<Program>();
  std::shared_ptr<Program> restore_program_ = std::make_shared<Program>();
};

struct ExponentialMovingAverageOptions {
  double decay = 0.999;
  Var thres_steps = {};   // steps taken, float32 [1]: the decay is then min(decay, (1 + steps) / (10 + steps))
  std::string name = {};  // before the names of the averages
};
/// average = decay * average + (1 - decay) * p, of every parameter of the default main program but those whose ParamAttr
/// has do_model_average false. Applied, p is average / (1 - decay^steps). Source: paddle.static.ExponentialMovingAverage.
class ExponentialMovingAverage : public ParameterAverage {
 public:
  explicit ExponentialMovingAverage(const ExponentialMovingAverageOptions& options = {});
  /// Appends a step of the averages to the default main program: once, behind the optimizer's Minimize.
  void Update();

 private:
  Var decay_;
  std::vector<std::pair<Var, Var>> averages_;  // parameter, average
};

struct ModelAverageOptions {
  double average_window_rate = 0.15;   // the window is this share of all steps,
  int64_t min_average_window = 10000;  // but within these
  int64_t max_average_window = 10000;
  /// Parameters of the default main program; when empty, all but those with do_model_average false.
  std::vector<Var> parameters = {};
};
/// The mean of each parameter over a window of steps. Making it appends the sums to the default main program, behind the
/// optimizer's Minimize. Source: paddle.incubate.ModelAverage, which does not look at do_model_average.
class ModelAverage : public ParameterAverage {
 public:
  explicit ModelAverage(const ModelAverageOptions& options = {});
};

struct LookAheadOptions {
  double alpha = 0.5;  // from 0 to 1
  int k = 5;           // at least 1
};
/// Every k steps parameters move back: to alpha * p + (1 - alpha) * where they were k steps before. Zhang et al. 2019.
/// Source: paddle.incubate.LookAhead.
class LookAhead {
 public:
  /// @throws InvalidArgument  There is no `inner`, or an option is out of its range.
  explicit LookAhead(std::shared_ptr<Optimizer> inner, const LookAheadOptions& options = {});
  /// The inner optimizer's Minimize, and what follows it.
  std::vector<ParamGrad> Minimize(const Var& loss, const MinimizeOptions& options = {});
  /// What follows updates of any kind, to the default programs.
  static void Follow(const std::vector<ParamGrad>& pairs, const LookAheadOptions& options);

 private:
  std::shared_ptr<Optimizer> inner_;
  LookAheadOptions options_;
};

struct GradientMergeOptions {
  int k_steps = 1;  // at least 1
  bool avg = true;  // the mean of the gradients, else their sum
};
/// Adds gradients up and updates parameters every k steps. Source: paddle.incubate.optimizer.GradientMergeOptimizer.
class GradientMerge {
 public:
  /// @throws InvalidArgument  There is no `inner`, or k_steps is less than 1.
  explicit GradientMerge(std::shared_ptr<Optimizer> inner, const GradientMergeOptions& options = {});
  /// Backward, then the sums and, in a branch, clipping, penalties and updates.
  std::vector<ParamGrad> Minimize(const Var& loss, const MinimizeOptions& options = {});
  /// The sums of gradients of any kind, to the default programs; in a branch `apply` appends what the sums are for.
  static void Merge(const std::vector<ParamGrad>& pairs, const GradientMergeOptions& options,
                    const std::function<void(const std::vector<ParamGrad>&)>& apply);

 private:
  std::shared_ptr<Optimizer> inner_;
  GradientMergeOptions options_;
};

}  // namespace skiff::optimizer
