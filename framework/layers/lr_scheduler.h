// Learning-rate schedulers: the rate as a function of steps. A scheduler handed to an optimizer is
// reachable from its program, and the executor writes its value into the rate's variable before each
// run; Step moves it on. Formulas and defaults are those of paddle.optimizer.lr.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/program/program.h"

namespace skiff::lr {

/// What a scheduler must remember to go on where it stopped, by Paddle's names.
using State = std::map<std::string, double>;

/// Not safe from several threads.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// The rate now.
  double value() const { return last_lr_; }
  /// Steps taken.
  int64_t last_epoch() const { return last_epoch_; }
  /// One step on.
  virtual void Step();
  /// To a given step. Rates that follow from the one before take the closed formula where there is one.
  virtual void StepTo(int64_t epoch);
  /// "last_epoch", "last_lr" and what else changes with steps.
  virtual State Save() const;
  /// @throws NotFound naming what `state` lacks. The scheduler is then unchanged.
  virtual void Restore(const State& state);

 protected:
  explicit Scheduler(double base_lr) : base_lr_(base_lr), last_lr_(base_lr) {}
  /// The rate at last_epoch_, which may need last_lr_.
  virtual double Rate() = 0;
  virtual double RateAt() { return Rate(); }
  /// Called once at the end of a constructor: goes to the step after `last_epoch`.
  void Start(int64_t last_epoch) {
    last_epoch_ = last_epoch;
    Scheduler::Step();
  }
  double At(const State& state, const std::string& key) const;

  double base_lr_;
  double last_lr_;
  int64_t last_epoch_ = -1;
};

using SchedulerPtr = std::shared_ptr<Scheduler>;

/// Each takes its arguments in Paddle's order; `last_epoch` -1 starts at step 0. All throw
/// InvalidArgument for a value outside the range stated.
/// lr * d_model^-0.5 * min(t^-0.5, t * warmup_steps^-1.5). Vaswani et al. 2017.
SchedulerPtr NoamDecay(double d_model, double warmup_steps, double learning_rate = 1.0,
                       int64_t last_epoch = -1);
/// values[i] while t < boundaries[i], then the last one. One value more than boundaries.
SchedulerPtr PiecewiseDecay(std::vector<int64_t> boundaries, std::vector<double> values,
                            int64_t last_epoch = -1);
/// lr * exp(-gamma * t), gamma > 0.
SchedulerPtr NaturalExpDecay(double learning_rate, double gamma, int64_t last_epoch = -1);
/// lr / (1 + gamma * t).
SchedulerPtr InverseTimeDecay(double learning_rate, double gamma, int64_t last_epoch = -1);
/// (lr - end) * (1 - t / steps)^power + end; with `cycle` it starts again, over a longer stretch.
SchedulerPtr PolynomialDecay(double learning_rate, int64_t decay_steps, double end_lr = 0.0001,
                             double power = 1.0, bool cycle = false, int64_t last_epoch = -1);
/// From start to end in warmup_steps, then `learning_rate`, constant or scheduled.
SchedulerPtr LinearWarmup(double learning_rate, int64_t warmup_steps, double start_lr, double end_lr,
                          int64_t last_epoch = -1);
SchedulerPtr LinearWarmup(SchedulerPtr after, int64_t warmup_steps, double start_lr, double end_lr,
                          int64_t last_epoch = -1);
/// lr * gamma^t, 0 < gamma < 1.
SchedulerPtr ExponentialDecay(double learning_rate, double gamma, int64_t last_epoch = -1);
/// lr * gamma^(milestones passed), milestones rising, gamma < 1.
SchedulerPtr MultiStepDecay(double learning_rate, std::vector<int64_t> milestones, double gamma = 0.1,
                            int64_t last_epoch = -1);
/// lr * gamma^floor(t / step_size), gamma < 1.
SchedulerPtr StepDecay(double learning_rate, int64_t step_size, double gamma = 0.1,
                       int64_t last_epoch = -1);
/// lr * factor(t).
SchedulerPtr LambdaDecay(double learning_rate, std::function<double(int64_t)> factor,
                         int64_t last_epoch = -1);
/// lr * factor(1) * ... * factor(t).
SchedulerPtr MultiplicativeDecay(double learning_rate, std::function<double(int64_t)> factor,
                                 int64_t last_epoch = -1);
/// Half a cosine from lr to eta_min in t_max steps, and back. Loshchilov and Hutter 2017, no restarts.
SchedulerPtr CosineAnnealingDecay(double learning_rate, int64_t t_max, double eta_min = 0.0,
                                  int64_t last_epoch = -1);
/// Half cosines of t_0, t_0 * t_mult, ... steps, each from lr to eta_min.
SchedulerPtr CosineAnnealingWarmRestarts(double learning_rate, int64_t t_0, int64_t t_mult = 1,
                                         double eta_min = 0.0, int64_t last_epoch = -1);
/// From lr * start_factor to lr * end_factor in total_steps.
SchedulerPtr LinearLR(double learning_rate, int64_t total_steps, double start_factor = 1.0 / 3,
                      double end_factor = 1.0, int64_t last_epoch = -1);

struct OneCycleOptions {
  double divide_factor = 25.0;        // starts at max / divide_factor
  double end_learning_rate = 0.0001;
  double phase_pct = 0.3;             // share of the steps that climb
  std::string anneal_strategy = "cos";  // or "linear"
  bool three_phase = false;           // up, down to the start, down to the end
  int64_t last_epoch = -1;
};
/// Smith and Topin 2018. Step throws InvalidArgument past total_steps.
SchedulerPtr OneCycleLR(double max_learning_rate, int64_t total_steps, const OneCycleOptions& options = {});

struct CyclicOptions {
  std::optional<int64_t> step_size_down = {};  // step_size_up when absent
  std::string mode = "triangular";    // or "triangular2" (halves each cycle), "exp_range"
  double exp_gamma = 1.0;
  std::function<double(double)> scale = {};  // replaces the mode
  bool scale_by_cycle = true;         // what `scale` is given: the cycle, else the step
  int64_t last_epoch = -1;
};
/// Triangles between base and max. Smith 2017.
SchedulerPtr CyclicLR(double base_learning_rate, double max_learning_rate, int64_t step_size_up,
                      const CyclicOptions& options = {});

struct PlateauOptions {
  std::string mode = "min";           // the metric should fall, or rise ("max")
  double factor = 0.1;                // < 1
  int64_t patience = 10;              // bad steps borne before the rate falls
  double threshold = 1e-4;
  std::string threshold_mode = "rel"; // or "abs"
  int64_t cooldown = 0;               // steps after a fall that do not count
  double min_lr = 0.0, epsilon = 1e-8;
};
/// Falls when a metric stops getting better.
class ReduceOnPlateau : public Scheduler {
 public:
  explicit ReduceOnPlateau(double learning_rate, const PlateauOptions& options = {});
  /// One step on, having measured `metric`.
  void Step(double metric);
  /// @throws InvalidArgument: a plateau needs its metric.
  void Step() override;
  State Save() const override;
  void Restore(const State& state) override;

 private:
  double Rate() override { return last_lr_; }
  bool IsBetter(double metric) const;

  PlateauOptions options_;
  std::optional<double> best_;
  int64_t cooldown_counter_ = 0, num_bad_epochs_ = 0;
};

/// Writes a rate into a variable of `scope`, at the place where that is.
void WriteRate(Scope& scope, const std::string& variable, DType dtype, double rate);

/// Writes a scheduler's rate into a variable before each run of the program that has it as a hook.
class RateHook : public RunHook {
 public:
  RateHook(SchedulerPtr scheduler, std::string variable, DType dtype)
      : scheduler_(std::move(scheduler)), variable_(std::move(variable)), dtype_(dtype) {}
  void BeforeRun(Scope& scope) override;
  const SchedulerPtr& scheduler() const { return scheduler_; }
  const std::string& variable() const { return variable_; }

 private:
  SchedulerPtr scheduler_;
  std::string variable_;
  DType dtype_;
};

}  // namespace skiff::lr
