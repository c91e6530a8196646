#include "framework/layers/lr_scheduler.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "framework/tensor/scope.h"

namespace skiff::lr {

namespace {

constexpr double kPi = std::numbers::pi;

// A rate that depends on the step alone.
class Formula : public Scheduler {
 public:
  Formula(double base_lr, std::function<double(double base, int64_t step)> rate, int64_t last_epoch)
      : Scheduler(base_lr), rate_(std::move(rate)) {
    Start(last_epoch);
  }

 private:
  double Rate() override { return rate_(base_lr_, last_epoch_); }
  std::function<double(double, int64_t)> rate_;
};

template <typename F>
SchedulerPtr Make(double base_lr, F rate, int64_t last_epoch) {
  return std::make_shared<Formula>(base_lr, std::move(rate), last_epoch);
}

class Warmup : public Scheduler {
 public:
  Warmup(double constant, SchedulerPtr after, int64_t steps, double start, double end, int64_t last_epoch)
      : Scheduler(start), constant_(constant), after_(std::move(after)), steps_(steps), start_(start),
        end_(end) {
    SKIFF_ENFORCE(steps > 0 && end > start, InvalidArgument, "LinearWarmup: ", steps, " steps from ",
                  start, " to ", end, "; expected at least 1 step and a rising rate");
    Start(last_epoch);
  }
  State Save() const override {
    State state = Scheduler::Save();
    if (after_ == nullptr) return state;
    for (const auto& [key, value] : after_->Save()) state["LinearWarmup_LR." + key] = value;
    return state;
  }
  void Restore(const State& state) override {
    if (after_ != nullptr) {
      const std::string prefix = "LinearWarmup_LR.";
      State inner;
      for (const auto& [key, value] : state) {
        if (key.starts_with(prefix)) inner[key.substr(prefix.size())] = value;
      }
      At(state, "last_epoch"), At(state, "last_lr");
      after_->Restore(inner);
    }
    Scheduler::Restore(state);
  }

 private:
  double Rate() override {
    if (last_epoch_ < steps_) {
      return (end_ - start_) * static_cast<double>(last_epoch_) / static_cast<double>(steps_) + start_;
    }
    if (after_ == nullptr) return constant_;
    after_->StepTo(last_epoch_ - steps_);
    return after_->value();
  }

  double constant_;
  SchedulerPtr after_;
  int64_t steps_;
  double start_, end_;
};

// The recurrence Paddle uses: it depends on the rate before, which a user may have changed.
class Cosine : public Scheduler {
 public:
  Cosine(double base_lr, int64_t t_max, double eta_min, int64_t last_epoch)
      : Scheduler(base_lr), t_max_(t_max), eta_min_(eta_min) {
    SKIFF_ENFORCE(t_max > 0, InvalidArgument, "CosineAnnealingDecay: t_max is ", t_max,
                  "; expected at least 1");
    Start(last_epoch);
  }

 private:
  double Angle(int64_t step) const { return kPi * static_cast<double>(step) / static_cast<double>(t_max_); }
  double Rate() override {
    if (last_epoch_ == 0) return base_lr_;
    const int64_t period = 2 * t_max_;
    if (((last_epoch_ - 1 - t_max_) % period + period) % period == 0) {  // leaving the bottom
      return last_lr_ + (base_lr_ - eta_min_) * (1 - std::cos(Angle(1))) / 2;
    }
    return (1 + std::cos(Angle(last_epoch_))) / (1 + std::cos(Angle(last_epoch_ - 1))) *
               (last_lr_ - eta_min_) + eta_min_;
  }
  double RateAt() override {
    return eta_min_ + (base_lr_ - eta_min_) * (1 + std::cos(Angle(last_epoch_))) / 2;
  }

  int64_t t_max_;
  double eta_min_;
};

class WarmRestarts : public Scheduler {
 public:
  WarmRestarts(double base_lr, int64_t t_0, int64_t t_mult, double eta_min, int64_t last_epoch)
      : Scheduler(base_lr), t_0_(t_0), t_mult_(t_mult), eta_min_(eta_min), t_cur_(last_epoch), t_i_(t_0) {
    SKIFF_ENFORCE(t_0 > 0 && t_mult >= 1, InvalidArgument, "CosineAnnealingWarmRestarts: t_0 is ", t_0,
                  ", t_mult ", t_mult, "; expected both at least 1");
    last_epoch_ = last_epoch;
    if (last_epoch < 0) {
      StepTo(0);
    } else {
      Step();
    }
  }
  void Step() override {
    if (++t_cur_ >= t_i_) {
      t_cur_ -= t_i_;
      t_i_ *= t_mult_;
    }
    ++last_epoch_;
    last_lr_ = Rate();
  }
  void StepTo(int64_t epoch) override {
    SKIFF_ENFORCE(epoch >= 0, InvalidArgument, "step ", epoch, "; expected at least 0");
    Locate(epoch);
    last_epoch_ = epoch;
    last_lr_ = Rate();
  }
  void Restore(const State& state) override {
    Scheduler::Restore(state);
    Locate(last_epoch_);
  }

 private:
  // Finds the cosine that `epoch` lies in.
  void Locate(int64_t epoch) {
    t_i_ = t_0_;
    t_cur_ = epoch;
    while (t_cur_ >= t_i_) {
      t_cur_ -= t_i_;
      t_i_ *= t_mult_;
    }
  }
  double Rate() override {
    const double angle = kPi * static_cast<double>(t_cur_) / static_cast<double>(t_i_);
    return eta_min_ + (base_lr_ - eta_min_) * (1 + std::cos(angle)) / 2;
  }

  int64_t t_0_, t_mult_;
  double eta_min_;
  int64_t t_cur_, t_i_;
};

class Linear : public Scheduler {
 public:
  Linear(double base_lr, int64_t steps, double start, double end, int64_t last_epoch)
      : Scheduler(base_lr), steps_(steps), start_(start), end_(end) {
    SKIFF_ENFORCE(steps > 0 && start > 0 && start <= 1 && end >= 0 && end <= 1, InvalidArgument,
                  "LinearLR: ", steps, " steps from factor ", start, " to ", end,
                  "; expected at least 1 step, start in (0, 1], end in [0, 1]");
    Start(last_epoch);
  }

 private:
  double Rate() override {
    if (last_epoch_ == 0) return base_lr_ * start_;
    if (last_epoch_ > steps_) return last_lr_;
    const double change = end_ - start_;
    const double before = static_cast<double>(steps_) * start_ + static_cast<double>(last_epoch_ - 1) * change;
    return last_lr_ * (1.0 + change / before);
  }

  int64_t steps_;
  double start_, end_;
};

double Anneal(bool cosine, double from, double to, double share) {
  return cosine ? to + (from - to) / 2.0 * (std::cos(kPi * share) + 1) : (to - from) * share + from;
}

}  // namespace

// ---- Scheduler -------------------------------------------------------------------------------------

void Scheduler::Step() {
  ++last_epoch_;
  last_lr_ = Rate();
}

void Scheduler::StepTo(int64_t epoch) {
  last_epoch_ = epoch;
  last_lr_ = RateAt();
}

double Scheduler::At(const State& state, const std::string& key) const {
  const auto found = state.find(key);
  SKIFF_ENFORCE(found != state.end(), NotFound, "the scheduler's state lacks \"", key, "\"");
  return found->second;
}

State Scheduler::Save() const {
  return {{"last_epoch", static_cast<double>(last_epoch_)}, {"last_lr", last_lr_}};
}

void Scheduler::Restore(const State& state) {
  const double epoch = At(state, "last_epoch"), rate = At(state, "last_lr");
  last_epoch_ = static_cast<int64_t>(epoch);
  last_lr_ = rate;
}

// ---- the schedules ---------------------------------------------------------------------------------

SchedulerPtr NoamDecay(double d_model, double warmup_steps, double learning_rate, int64_t last_epoch) {
  SKIFF_ENFORCE(d_model > 0, InvalidArgument, "NoamDecay: d_model is ", d_model, "; expected > 0");
  return Make(learning_rate, [=](double base, int64_t t) {
    const double a = t == 0 ? 1.0 : std::pow(static_cast<double>(t), -0.5);
    const double b = std::pow(warmup_steps, -1.5) * static_cast<double>(t);
    return base * std::pow(d_model, -0.5) * std::min(a, b);
  }, last_epoch);
}

SchedulerPtr PiecewiseDecay(std::vector<int64_t> boundaries, std::vector<double> values,
                            int64_t last_epoch) {
  SKIFF_ENFORCE(!boundaries.empty() && values.size() > boundaries.size(), InvalidArgument,
                "PiecewiseDecay: ", boundaries.size(), " boundaries and ", values.size(),
                " values; expected at least one boundary and one value more");
  const double first = values.front();
  return Make(first, [boundaries, values](double, int64_t t) {
    for (size_t i = 0; i < boundaries.size(); ++i) {
      if (t < boundaries[i]) return values[i];
    }
    return values.back();
  }, last_epoch);
}

SchedulerPtr NaturalExpDecay(double learning_rate, double gamma, int64_t last_epoch) {
  SKIFF_ENFORCE(gamma > 0, InvalidArgument, "NaturalExpDecay: gamma is ", gamma, "; expected > 0");
  return Make(learning_rate, [=](double base, int64_t t) {
    return base * std::exp(-gamma * static_cast<double>(t));
  }, last_epoch);
}

SchedulerPtr InverseTimeDecay(double learning_rate, double gamma, int64_t last_epoch) {
  return Make(learning_rate, [=](double base, int64_t t) {
    return base / (1 + gamma * static_cast<double>(t));
  }, last_epoch);
}

SchedulerPtr PolynomialDecay(double learning_rate, int64_t decay_steps, double end_lr, double power,
                             bool cycle, int64_t last_epoch) {
  SKIFF_ENFORCE(decay_steps > 0 && power > 0, InvalidArgument, "PolynomialDecay: ", decay_steps,
                " steps, power ", power, "; expected both > 0");
  return Make(learning_rate, [=](double base, int64_t t) {
    double step = static_cast<double>(t), steps = static_cast<double>(decay_steps);
    if (cycle) {
      steps *= t == 0 ? 1.0 : std::ceil(step / steps);
    } else {
      step = std::min(step, steps);
    }
    return (base - end_lr) * std::pow(1 - step / steps, power) + end_lr;
  }, last_epoch);
}

SchedulerPtr LinearWarmup(double learning_rate, int64_t warmup_steps, double start_lr, double end_lr,
                          int64_t last_epoch) {
  return std::make_shared<Warmup>(learning_rate, nullptr, warmup_steps, start_lr, end_lr, last_epoch);
}

SchedulerPtr LinearWarmup(SchedulerPtr after, int64_t warmup_steps, double start_lr, double end_lr,
                          int64_t last_epoch) {
  return std::make_shared<Warmup>(0.0, std::move(after), warmup_steps, start_lr, end_lr, last_epoch);
}

SchedulerPtr ExponentialDecay(double learning_rate, double gamma, int64_t last_epoch) {
  SKIFF_ENFORCE(gamma > 0 && gamma < 1, InvalidArgument, "ExponentialDecay: gamma is ", gamma,
                "; expected between 0 and 1");
  return Make(learning_rate, [=](double base, int64_t t) {
    return base * std::pow(gamma, static_cast<double>(t));
  }, last_epoch);
}

SchedulerPtr MultiStepDecay(double learning_rate, std::vector<int64_t> milestones, double gamma,
                            int64_t last_epoch) {
  SKIFF_ENFORCE(std::is_sorted(milestones.begin(), milestones.end(), std::less_equal<>()) && gamma < 1,
                InvalidArgument, "MultiStepDecay: expected rising milestones and gamma < 1, gamma is ",
                gamma);
  return Make(learning_rate, [milestones, gamma](double base, int64_t t) {
    const auto passed = std::upper_bound(milestones.begin(), milestones.end(), t) - milestones.begin();
    return base * std::pow(gamma, static_cast<double>(passed));
  }, last_epoch);
}

SchedulerPtr StepDecay(double learning_rate, int64_t step_size, double gamma, int64_t last_epoch) {
  SKIFF_ENFORCE(step_size > 0 && gamma < 1, InvalidArgument, "StepDecay: step_size is ", step_size,
                ", gamma ", gamma, "; expected step_size > 0 and gamma < 1");
  return Make(learning_rate, [=](double base, int64_t t) {
    return base * std::pow(gamma, static_cast<double>(t / step_size));
  }, last_epoch);
}

SchedulerPtr LambdaDecay(double learning_rate, std::function<double(int64_t)> factor,
                         int64_t last_epoch) {
  return Make(learning_rate, [factor](double base, int64_t t) { return base * factor(t); }, last_epoch);
}

SchedulerPtr MultiplicativeDecay(double learning_rate, std::function<double(int64_t)> factor,
                                 int64_t last_epoch) {
  return Make(learning_rate, [factor](double base, int64_t t) {
    for (int64_t i = 1; i <= t; ++i) base *= factor(i);
    return base;
  }, last_epoch);
}

SchedulerPtr CosineAnnealingDecay(double learning_rate, int64_t t_max, double eta_min,
                                  int64_t last_epoch) {
  return std::make_shared<Cosine>(learning_rate, t_max, eta_min, last_epoch);
}

SchedulerPtr CosineAnnealingWarmRestarts(double learning_rate, int64_t t_0, int64_t t_mult,
                                         double eta_min, int64_t last_epoch) {
  return std::make_shared<WarmRestarts>(learning_rate, t_0, t_mult, eta_min, last_epoch);
}

SchedulerPtr LinearLR(double learning_rate, int64_t total_steps, double start_factor, double end_factor,
                      int64_t last_epoch) {
  return std::make_shared<Linear>(learning_rate, total_steps, start_factor, end_factor, last_epoch);
}

SchedulerPtr OneCycleLR(double max_learning_rate, int64_t total_steps, const OneCycleOptions& o) {
  SKIFF_ENFORCE(max_learning_rate >= 0 && o.end_learning_rate >= 0 && total_steps > 0, InvalidArgument,
                "OneCycleLR: rates ", max_learning_rate, " and ", o.end_learning_rate, ", ", total_steps,
                " steps; expected rates >= 0 and steps > 0");
  SKIFF_ENFORCE(o.phase_pct >= 0 && o.phase_pct <= 1 && (!o.three_phase || o.phase_pct < 0.5),
                InvalidArgument, "OneCycleLR: phase_pct is ", o.phase_pct,
                "; expected 0 to 1, below 0.5 with three phases");
  SKIFF_ENFORCE(o.anneal_strategy == "cos" || o.anneal_strategy == "linear", InvalidArgument,
                "OneCycleLR: anneal_strategy \"", o.anneal_strategy, "\"; expected \"cos\" or \"linear\"");
  const double first = max_learning_rate / o.divide_factor, steps = static_cast<double>(total_steps);
  std::vector<double> ends = {0, o.phase_pct * steps - 1};
  std::vector<double> rates = {first, max_learning_rate};
  if (o.three_phase) {
    ends.push_back(2 * o.phase_pct * steps - 2);
    rates.push_back(first);
  }
  ends.push_back(steps - 1);
  rates.push_back(o.end_learning_rate);
  const bool cosine = o.anneal_strategy == "cos";
  return Make(first, [=](double, int64_t t) {
    SKIFF_ENFORCE(t <= total_steps, InvalidArgument, "OneCycleLR: step ", t, " of ", total_steps,
                  "; build it with more steps");
    size_t phase = 0;
    while (phase + 2 < rates.size() && static_cast<double>(t) > ends[phase + 1]) ++phase;
    const double share = (static_cast<double>(t) - ends[phase]) / (ends[phase + 1] - ends[phase]);
    return Anneal(cosine, rates[phase], rates[phase + 1], share);
  }, o.last_epoch);
}

SchedulerPtr CyclicLR(double base_learning_rate, double max_learning_rate, int64_t step_size_up,
                      const CyclicOptions& o) {
  const int64_t down = o.step_size_down.value_or(step_size_up);
  SKIFF_ENFORCE(max_learning_rate >= 0 && step_size_up > 0 && down > 0, InvalidArgument,
                "CyclicLR: up to ", max_learning_rate, " in ", step_size_up, " steps, down in ", down,
                "; expected a rate >= 0 and steps > 0");
  std::function<double(double)> scale = o.scale;
  bool by_cycle = o.scale_by_cycle;
  if (!scale) {
    SKIFF_ENFORCE(o.mode == "triangular" || o.mode == "triangular2" || o.mode == "exp_range",
                  InvalidArgument, "CyclicLR: mode \"", o.mode,
                  "\"; expected \"triangular\", \"triangular2\" or \"exp_range\"");
    by_cycle = o.mode != "exp_range";
    if (o.mode == "triangular") scale = [](double) { return 1.0; };
    if (o.mode == "triangular2") scale = [](double x) { return 1 / std::pow(2.0, x - 1); };
    if (o.mode == "exp_range") scale = [gamma = o.exp_gamma](double x) { return std::pow(gamma, x); };
  }
  const double size = static_cast<double>(step_size_up + down);
  const double up = static_cast<double>(step_size_up) / size;
  return Make(base_learning_rate, [=](double base, int64_t t) {
    const double step = static_cast<double>(t);
    const double cycle = 1 + std::floor(step / size);
    const double share = 1.0 + step / size - cycle;
    const double height = share <= up ? share / up : (1 - share) / (1 - up);
    return base + (max_learning_rate - base) * height * scale(by_cycle ? cycle : step);
  }, o.last_epoch);
}

// ---- ReduceOnPlateau -------------------------------------------------------------------------------

ReduceOnPlateau::ReduceOnPlateau(double learning_rate, const PlateauOptions& options)
    : Scheduler(learning_rate), options_(options) {
  SKIFF_ENFORCE(options.mode == "min" || options.mode == "max", InvalidArgument,
                "ReduceOnPlateau: mode \"", options.mode, "\"; expected \"min\" or \"max\"");
  SKIFF_ENFORCE(options.threshold_mode == "rel" || options.threshold_mode == "abs", InvalidArgument,
                "ReduceOnPlateau: threshold_mode \"", options.threshold_mode,
                "\"; expected \"rel\" or \"abs\"");
  SKIFF_ENFORCE(options.factor < 1, InvalidArgument, "ReduceOnPlateau: factor is ", options.factor,
                "; expected < 1");
  last_epoch_ = 0;
}

void ReduceOnPlateau::Step() {
  throw InvalidArgument("ReduceOnPlateau follows a metric; call Step(metric)");
}

bool ReduceOnPlateau::IsBetter(double metric) const {
  const double margin =
      options_.threshold_mode == "rel" ? *best_ * options_.threshold : options_.threshold;
  return options_.mode == "min" ? metric < *best_ - margin : metric > *best_ + margin;
}

void ReduceOnPlateau::Step(double metric) {
  ++last_epoch_;
  if (cooldown_counter_ > 0) {
    --cooldown_counter_;
    return;
  }
  if (!best_ || IsBetter(metric)) {
    best_ = metric;
    num_bad_epochs_ = 0;
  } else {
    ++num_bad_epochs_;
  }
  if (num_bad_epochs_ <= options_.patience) return;
  cooldown_counter_ = options_.cooldown;
  num_bad_epochs_ = 0;
  const double lower = std::max(last_lr_ * options_.factor, options_.min_lr);
  if (last_lr_ - lower > options_.epsilon) last_lr_ = lower;
}

State ReduceOnPlateau::Save() const {
  State state = Scheduler::Save();
  state["cooldown_counter"] = static_cast<double>(cooldown_counter_);
  state["num_bad_epochs"] = static_cast<double>(num_bad_epochs_);
  if (best_) state["best"] = *best_;
  return state;
}

void ReduceOnPlateau::Restore(const State& state) {
  const auto cooldown = static_cast<int64_t>(At(state, "cooldown_counter"));
  const auto bad = static_cast<int64_t>(At(state, "num_bad_epochs"));
  Scheduler::Restore(state);
  cooldown_counter_ = cooldown;
  num_bad_epochs_ = bad;
  const auto best = state.find("best");
  best_ = best == state.end() ? std::nullopt : std::optional<double>(best->second);
}

void WriteRate(Scope& scope, const std::string& variable, DType dtype, double rate) {
  const Tensor value = dtype == DType::kFloat64 ? Tensor::Of<double>({}, {rate})
                                                : Tensor::Of<float>({}, {static_cast<float>(rate)});
  Value* found = scope.FindVar(variable);
  if (found == nullptr) {
    scope.SetTensor(variable, value);
    return;
  }
  const auto* held = std::get_if<Tensor>(found);  // the rate stays where the run left it
  *found = held != nullptr && held->is_initialized() ? value.To(held->place()) : value;
}

void RateHook::BeforeRun(Scope& scope) {
  WriteRate(scope, variable_, dtype_, scheduler_->value());
}

}  // namespace skiff::lr
