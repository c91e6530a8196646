#include "framework/layers/averaging.h"

#include <algorithm>
#include <iostream>
#include <map>

#include "framework/layers/control_flow.h"
#include "framework/layers/layer_helper.h"
#include "framework/layers/layers.h"
#include "framework/op/append_op.h"
#include "framework/program/unique_name.h"

namespace skiff::optimizer {

namespace {

// Operators that a block gets while it lives have this role.
class RoleGuard {
 public:
  RoleGuard(Block& block, int32_t role) : block_(block), before_(block.ops().size()), role_(role) {}
  ~RoleGuard() {
    for (size_t i = before_; i < block_.ops().size(); ++i) block_.ops()[i]->attrs.Set(kOpRoleAttr, role_);
  }
  RoleGuard(const RoleGuard&) = delete;
  RoleGuard& operator=(const RoleGuard&) = delete;

 private:
  Block& block_;
  size_t before_;
  int32_t role_;
};

Block& MainBlock() { return DefaultMainProgram().global_block(); }

// The variable that shares a persistable variable's value in the program of `block`.
Var Counterpart(Block& block, const std::string& name, const Shape& shape, DType dtype) {
  if (const auto there = block.FindLocalVar(name)) {
    there->persistable = true;
    return there;
  }
  return block.AddVar({.name = name, .dtype = dtype, .shape = shape, .persistable = true});
}
Var Counterpart(Block& block, const Var& v) { return Counterpart(block, v.name(), v.shape(), v.dtype()); }

void AssignInto(const Var& to, const Var& from) {
  LayerHelper("assign").AppendOp("assign", {{"X", {from.name()}}}, {}, to);
}

// State "<parameter>_<kind>_<n>".
Var State(const std::string& kind, const Var& parameter, const Shape& shape, DType dtype) {
  const Var made = layers::CreateGlobalVar(shape, 0.0, dtype, true, UniqueName(parameter.name() + "_" + kind));
  made.variable().stop_gradient = false;  // as Paddle leaves it
  return made;
}
Var State(const std::string& kind, const Var& parameter) {
  return State(kind, parameter, parameter.shape(), parameter.dtype());
}

std::vector<Var> AveragedParameters() {
  std::vector<Var> averaged;
  for (const auto& v : MainBlock().vars()) {
    if (v->is_parameter && v->parameter.do_model_average) averaged.emplace_back(v);
  }
  return averaged;
}

void AppendFill(Block& block, const Variable& v, Attrs attrs) {
  attrs.Set("shape", v.shape.ToVector());
  attrs.Set("dtype", static_cast<int32_t>(v.dtype));
  attrs.Set("value", 0.0f);
  AppendLayerOp(block, {"fill_constant", {}, {{"Out", {v.name}}}, std::move(attrs)});
}

}  // namespace

// ---- guards

AverageGuard::AverageGuard(const Program& apply, std::shared_ptr<const Program> restore, ProgramRunner run)
    : restore_(std::move(restore)), run_(std::move(run)) {
  run_(apply);
}

AverageGuard::~AverageGuard() {
  try {
    Restore();
  } catch (const std::exception& error) {
    std::cerr << "skiff: the parameters stay at their averages: " << error.what() << "\n";
  }
}

void AverageGuard::Restore() {
  if (const ProgramRunner run = std::exchange(run_, nullptr)) run(*restore_);
}

// ---- exponential moving averages

namespace {

constexpr const char* kStepCounter = "@EMA_STEP_COUNTER@";

Var MakeDecay(double decay, const Var& thres_steps) {
  const RoleGuard role(MainBlock(), kLRSchedule);
  const Var made = layers::CreateGlobalVar({1}, decay, DType::kFloat32, true, "scheduled_ema_decay_rate");
  if (thres_steps) {
    const Var above = thres_steps + 1.0, below = thres_steps + 10.0, early = above / below;
    AssignInto(made, layers::Cond(early < decay, [&] { return early; },
                                  [&] { return layers::FillConstant({1}, decay); }));
  }
  return made;
}

// The main program counts the steps at its beginning.
void CountSteps() {
  Block& block = MainBlock();
  if (block.FindLocalVar(kStepCounter) != nullptr) return;
  Block& startup = DefaultStartupProgram().global_block();
  const std::shared_ptr<Variable> counter = block.AddVar({.name = kStepCounter, .dtype = DType::kInt64, .shape = {1},
                                                          .persistable = true, .stop_gradient = true});
  AppendFill(startup, Counterpart(startup, counter), {{"str_value", "0.0"}, {"force_cpu", true}});
  InsertOp(block, 0, {"increment", {{"X", {kStepCounter}}}, {{"Out", {kStepCounter}}}, {{"step", 1.0f}}});
}

}  // namespace

ExponentialMovingAverage::ExponentialMovingAverage(const ExponentialMovingAverageOptions& options)
    : decay_(MakeDecay(options.decay, options.thres_steps)) {
  struct Kept {
    Var parameter, tmp, average;
  };
  std::vector<Kept> kept;
  for (const Var& p : AveragedParameters()) {
    kept.push_back({p, MainBlock().AddVar({.name = UniqueName(options.name + p.name() + ".ema_tmp"), .dtype = p.dtype(),
                                           .stop_gradient = true}), {}});
  }
  for (Kept& k : kept) {
    k.average = layers::CreateGlobalVar(k.parameter.shape(), 0.0, k.parameter.dtype(), true,
                                        UniqueName(options.name + k.parameter.name() + "_ema"));
    averages_.emplace_back(k.parameter, k.average);
  }
  const auto before_apply = [](Block& block, const Kept& k) {
    return Counterpart(block, k.tmp.name(), k.parameter.shape(), k.tmp.dtype());
  };
  {
    const ProgramGuard guard(*apply_program());
    Block& block = apply_program()->global_block();
    const Var steps = layers::Cast(layers::CreateGlobalVar({1}, 0, DType::kInt64, true, kStepCounter), DType::kFloat32);
    const LayerHelper power("elementwise_pow");
    const Var remaining = power.AppendOp("elementwise_pow", {{"X", {Counterpart(block, decay_).name()}}, {"Y", {steps.name()}}},
                                         {{"axis", -1}}, power.CreateTemporary(DType::kFloat32));
    for (const Kept& k : kept) {
      const Var into = Counterpart(block, k.parameter), average = Counterpart(block, k.average);
      AssignInto(before_apply(block, k), into);
      AssignInto(into, layers::Cond(steps > 0.0, [&] { return average / (1.0 - remaining); }, [&] { return average; }));
    }
  }
  const ProgramGuard guard(*restore_program());
  Block& block = restore_program()->global_block();
  for (const Kept& k : kept) {
    const Var from = before_apply(block, k);
    AssignInto(Counterpart(block, k.parameter), from);
  }
}

void ExponentialMovingAverage::Update() {
  CountSteps();
  for (const auto& [parameter, average] : averages_) {
    const RoleGuard role(MainBlock(), kOptimize);
    const Var old = average * decay_, share = 1.0 - decay_, now = parameter * share;
    AssignInto(average, old + now);
  }
}

// ---- model averages

ModelAverage::ModelAverage(const ModelAverageOptions& options) {
  static const std::vector<std::string> kSums = {"sum_1", "sum_2", "sum_3", "restore"};
  static const std::vector<std::string> kCounts = {"num_accumulates", "old_num_accumulates", "num_updates"};
  const std::vector<Var> parameters = options.parameters.empty() ? AveragedParameters() : options.parameters;
  std::vector<std::map<std::string, Var>> states;
  for (const Var& p : parameters) {
    std::map<std::string, Var>& state = states.emplace_back();
    for (const std::string& kind : kSums) state[kind] = State(kind, p);
    for (const std::string& kind : kCounts) state[kind] = State(kind, p, {1}, DType::kInt64);
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    Slots inputs{{"param", {parameters[i].name()}}}, outputs;
    for (const auto& [kind, v] : states[i]) {
      if (kind == "restore") continue;
      inputs.Set("in_" + kind, {v.name()});
      outputs.Set("out_" + kind, {v.name()});
    }
    AppendLayerOp(MainBlock(), {"average_accumulates", std::move(inputs), std::move(outputs),
                                {{"average_window", static_cast<float>(options.average_window_rate)},
                                 {"min_average_window", options.min_average_window},
                                 {"max_average_window", options.max_average_window}}});
  }
  {
    const ProgramGuard guard(*apply_program());
    Block& block = apply_program()->global_block();
    for (size_t i = 0; i < parameters.size(); ++i) {
      const Var into = Counterpart(block, parameters[i]);
      std::map<std::string, Var> held;
      for (const auto& [kind, v] : states[i]) {
        if (kind != "num_updates") held[kind] = Counterpart(block, v);
      }
      AssignInto(held["restore"], into);
      Var count = layers::AddN({held["num_accumulates"], held["old_num_accumulates"]});
      Var total = layers::AddN({held["sum_1"], held["sum_2"], held["sum_3"]});
      count = layers::Cast(count, DType::kFloat32);
      total = layers::Cast(total, DType::kFloat32);
      AppendLayerOp(block, {"elementwise_div", {{"X", {total.name()}}, {"Y", {count.name()}}},
                            {{"Out", {into.name()}}}, {{"axis", -1}}});
    }
  }
  const ProgramGuard guard(*restore_program());
  Block& block = restore_program()->global_block();
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Var from = Counterpart(block, states[i]["restore"]);
    AssignInto(Counterpart(block, parameters[i]), from);
  }
}

// ---- looking ahead

namespace {

Var NamedOne(const std::string& name, int64_t value) {
  const LayerHelper helper("fill_constant", name);
  return helper.AppendOp("fill_constant", {},
                         {{"shape", std::vector<int64_t>{1}}, {"dtype", static_cast<int32_t>(DType::kInt32)},
                          {"force_cpu", false}, {"value", static_cast<float>(value)}, {"str_value", std::to_string(value)}},
                         helper.CreateTemporary(DType::kInt32, true));
}

// 1 where x == y, else 0.
Var EqualAsFloat(const Var& x, const Var& y) {
  const LayerHelper equal("equal");
  return layers::Cast(equal.AppendOp("equal", {{"X", {x.name()}}, {"Y", {y.name()}}}, {},
                                     equal.CreateTemporary(DType::kBool, true)), DType::kFloat32);
}

// a * x + (1 - a) * y.
Var Mix(const Var& a, const Var& x, const Var& y) {
  const Var left = a * x, rest = 1.0 - a, right = rest * y;
  return left + right;
}
Var Mix(double a, const Var& x, const Var& y) {
  const Var left = a * x, right = (1.0 - a) * y;
  return left + right;
}

void FollowOne(const Var& parameter, const Var& slow, const Var& step, const LookAheadOptions& options) {
  const Var one = NamedOne("lookahead_ones", 1), zero = NamedOne("lookahead_zeros", 0);
  const Var period = layers::CreateGlobalVar({1}, options.k, DType::kInt32, true, UniqueName("lookahead_k"));
  const LayerHelper remainder("elementwise_mod");
  const Var turn = remainder.AppendOp("elementwise_mod", {{"X", {step.name()}}, {"Y", {period.name()}}}, {{"axis", -1}},
                                      remainder.CreateVariable(remainder.name(), DType::kInt32));
  const Var first = EqualAsFloat(step, one), due = EqualAsFloat(turn, zero);
  AssignInto(slow, Mix(first, parameter, slow));
  const Var mixed = Mix(options.alpha, parameter, slow);
  AssignInto(parameter, Mix(due, mixed, parameter));
  AssignInto(slow, Mix(due, mixed, slow));
}

}  // namespace

LookAhead::LookAhead(std::shared_ptr<Optimizer> inner, const LookAheadOptions& options)
    : inner_(std::move(inner)), options_(options) {
  SKIFF_ENFORCE(inner_ != nullptr, InvalidArgument, "LookAhead needs an inner optimizer");
  SKIFF_ENFORCE(0.0 <= options.alpha && options.alpha <= 1.0, InvalidArgument, "alpha is ", options.alpha,
                "; expected from 0 to 1");
  SKIFF_ENFORCE(options.k > 0, InvalidArgument, "k is ", options.k, "; expected at least 1");
}

std::vector<ParamGrad> LookAhead::Minimize(const Var& loss, const MinimizeOptions& options) {
  const std::vector<ParamGrad> pairs = inner_->Minimize(loss, options);
  const ProgramGuard programs(*loss.variable().block->program(),
                              options.startup ? *options.startup : DefaultStartupProgram());
  Follow(pairs, options_);
  return pairs;
}

void LookAhead::Follow(const std::vector<ParamGrad>& pairs, const LookAheadOptions& options) {
  const Var step = layers::CreateGlobalVar({1}, 0, DType::kInt32, true, UniqueName("lookahead_step"));
  LayerHelper("increment").AppendOp("increment", {{"X", {step.name()}}}, {{"step", 1.0f}}, step);
  layers::CreateGlobalVar({}, options.alpha, DType::kFloat32, true, UniqueName("learning_rate"));
  std::vector<Var> moved;
  for (const ParamGrad& pair : pairs) moved.emplace_back(pair.first);
  std::sort(moved.begin(), moved.end(), [](const Var& a, const Var& b) { return a.name() < b.name(); });
  std::vector<Var> slow;
  for (const Var& parameter : moved) slow.push_back(State("slow", parameter));
  const RoleGuard role(MainBlock(), kOptimize);
  for (size_t i = 0; i < moved.size(); ++i) FollowOne(moved[i], slow[i], step, options);
}

// ---- merged gradients

namespace {

// A bool: whether this step is a multiple of k_steps.
Var AppendDue(Block& main, int k_steps) {
  const auto number = [](const std::string& name, int value) {
    const Var made = layers::CreateGlobalVar({1}, value, DType::kInt32, true, "gradient_merge_" + name);
    DefaultStartupProgram().global_block().ops().back()->attrs.Set("force_cpu", true);
    return made;
  };
  const Var period = number("k", k_steps), zero = number("zero", 0), step = number("step", 0);
  const Var due = main.AddVar({.name = "gradient_merge_cond", .dtype = DType::kBool, .shape = {1}});
  LayerHelper("increment").AppendOp("increment", {{"X", {step.name()}}}, {{"step", 1.0f}}, step);
  AppendLayerOp(main, {"elementwise_mod", {{"X", {step.name()}}, {"Y", {period.name()}}}, {{"Out", {step.name()}}},
                       {{"axis", -1}}});
  AppendLayerOp(main, {"equal", {{"X", {step.name()}}, {"Y", {zero.name()}}}, {{"Out", {due.name()}}}});
  return due;
}

Var AppendSum(Block& main, const ParamGrad& pair, const Var& due) {
  const auto& [parameter, gradient] = pair;
  Block& startup = DefaultStartupProgram().global_block();
  const Variable made{.name = parameter->name + "@GRAD@GradientMerge", .dtype = parameter->dtype,
                      .shape = parameter->shape, .persistable = true};
  const Var total = main.AddVar(made);
  AppendFill(startup, *startup.AddVar(made), {});
  AppendLayerOp(main, {"elementwise_add", {{"X", {gradient->name}}, {"Y", {made.name}}}, {{"Out", {made.name}}},
                       {{"axis", -1}, {kOpRoleAttr, int32_t{kBackward}},
                        {kOpRoleVarAttr, std::vector<std::string>{parameter->name, made.name}},
                        {"grad_merge_cond_name", due.name()}}});
  return total;
}

}  // namespace

GradientMerge::GradientMerge(std::shared_ptr<Optimizer> inner, const GradientMergeOptions& options)
    : inner_(std::move(inner)), options_(options) {
  SKIFF_ENFORCE(inner_ != nullptr, InvalidArgument, "GradientMerge needs an inner optimizer");
  SKIFF_ENFORCE(options.k_steps > 0, InvalidArgument, "k_steps is ", options.k_steps, "; expected at least 1");
}

std::vector<ParamGrad> GradientMerge::Minimize(const Var& loss, const MinimizeOptions& options) {
  const std::vector<ParamGrad> pairs = inner_->Backward(loss, options);
  const ProgramGuard programs(*loss.variable().block->program(),
                              options.startup ? *options.startup : DefaultStartupProgram());
  Merge(pairs, options_, [this](const std::vector<ParamGrad>& sums) { inner_->ApplyGradients(sums); });
  return pairs;
}

void GradientMerge::Merge(const std::vector<ParamGrad>& pairs, const GradientMergeOptions& options,
                          const std::function<void(const std::vector<ParamGrad>&)>& apply) {
  Block& main = MainBlock();
  const Var due = AppendDue(main, options.k_steps);
  std::vector<ParamGrad> sums;
  for (const ParamGrad& pair : pairs) sums.emplace_back(pair.first, AppendSum(main, pair, due));
  layers::When(due, [&] {
    Block& block = DefaultMainProgram().current_block();
    if (options.avg) {
      for (const auto& [parameter, total] : sums) {
        AppendLayerOp(block, {"scale", {{"X", {total->name}}}, {{"Out", {total->name}}},
                              {{"scale", static_cast<float>(1.0 / options.k_steps)}, {"bias", 0.0f},
                               {"bias_after_scale", false}, {kOpRoleAttr, int32_t{kBackward}}}});
      }
    }
    apply(sums);
    for (const auto& [parameter, total] : sums) {
      AppendFill(block, *total, {{"str_value", "0.0"}, {"force_cpu", false}, {kOpRoleAttr, int32_t{kOptimize}}});
    }
  });
}

}  // namespace skiff::optimizer
