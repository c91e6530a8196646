#include "framework/layers/optimizer.h"

#include <algorithm>

#include "framework/layers/layer_helper.h"
#include "framework/op/op_def.h"
#include "framework/program/unique_name.h"

namespace skiff::optimizer {

std::vector<ParamGrad> Optimizer::Minimize(const Var& loss, const MinimizeOptions& options) {
  const std::vector<ParamGrad> pairs = Backward(loss, options);
  Program& main = *loss.variable().block->program();
  ProgramGuard programs(main, options.startup ? *options.startup : DefaultStartupProgram());
  ApplyGradients(pairs);
  return pairs;
}

std::vector<ParamGrad> Optimizer::Backward(const Var& loss, const MinimizeOptions& options) {
  SKIFF_ENFORCE(loss.variable().block != nullptr, InvalidArgument, "the loss \"", loss.name(),
                "\" belongs to no program");
  dtype_ = IsHalf(loss.dtype()) ? DType::kFloat32 : loss.dtype();
  BackwardOptions backward{.parameters = options.parameters, .no_grad_set = options.no_grad_set};
  for (const auto& v : loss.variable().block->program()->global_block().vars()) {
    if (v->is_parameter && v->stop_gradient) backward.no_grad_set.insert(v->name);
  }
  return AppendBackward(loss, backward);
}

void Optimizer::ApplyGradients(std::vector<ParamGrad> pairs) {
  std::erase_if(pairs, [](const ParamGrad& pair) { return pair.second == nullptr; });
  std::sort(pairs.begin(), pairs.end(),
            [](const ParamGrad& a, const ParamGrad& b) { return a.first->name < b.first->name; });
  pairs = ClipGradients(clip_, pairs);
  pairs = RegularizeGradients(FusesL2() && decay_.kind == Regularizer::kL2 ? Regularizer{} : decay_,
                              pairs, FusesL2());
  RateVariable();
  std::erase_if(pairs, [](const ParamGrad& pair) { return pair.first->stop_gradient; });
  for (const ParamGrad& pair : pairs) {
    if (HasMaster(*pair.first)) CreateMasterWeight(*pair.first);
    CreateAccumulators(*pair.first);
  }
  for (const ParamGrad& pair : pairs) AppendUpdate(pair, ParameterRate(*pair.first));
  FinishUpdates(pairs);
}

void Optimizer::ApplyGradientsUnless(const Var& found_infinite, std::vector<ParamGrad> pairs) {
  struct Reset {  // whatever happens, the next program has its own
    std::string& name;
    ~Reset() { name.clear(); }
  } const reset{skip_update_};
  if (SkipsUpdates()) skip_update_ = SkipUpdate(found_infinite).name();
  ApplyGradients(std::move(pairs));
}

void Optimizer::SetLearningRate(double rate, Scope& scope) {
  SKIFF_ENFORCE(rate_.scheduler() == nullptr, PreconditionNotMet,
                "the learning rate follows a scheduler; step or restore that instead");
  rate_ = rate;
  for (const auto& [program, variable] : rate_variables_) {
    lr::WriteRate(scope, variable, dtype_, rate);
  }
}

const std::string& Optimizer::RateVariable(const Shape& shape) {
  Program& main = DefaultMainProgram();
  std::string& name = rate_variables_[main.uid()];
  if (!name.empty()) return name;
  name = UniqueName("learning_rate");
  LayerHelper("optimizer", name).CreateGlobal(name, shape, dtype_, rate_.value());
  if (rate_.scheduler()) {
    main.run_hooks.push_back(std::make_shared<lr::RateHook>(rate_.scheduler(), name, dtype_));
  }
  return name;
}

std::string Optimizer::ParameterRate(const Variable& parameter) {
  const std::string& common = RateVariable();
  const float factor = parameter.parameter.learning_rate;
  if (factor == 1.0f) return common;
  const LayerHelper helper("scale", UniqueName("tmp"));
  return helper.AppendOp("scale", {{"X", {common}}},
                         {{"scale", factor}, {"bias", 0.0f}, {"bias_after_scale", true},
                          {kOpRoleAttr, int32_t{kLRSchedule | kOptimize}}},
                         helper.CreateVariable(helper.name(), dtype_)).name();
}

void Optimizer::CreateMasterWeight(const Variable& parameter) {
  std::string& master = master_weights_[parameter.name];
  if (!master.empty()) return;
  master = UniqueName(parameter.name + "_fp32_master");
  LayerHelper("optimizer", master).CreateGlobal(master, parameter.shape, DType::kFloat32, 0.0);
  AppendLayerOp(DefaultStartupProgram().global_block(),
                {"cast", {{"X", {parameter.name}}}, {{"Out", {master}}},
                 {{"in_dtype", static_cast<int32_t>(parameter.dtype)}, {"out_dtype", static_cast<int32_t>(DType::kFloat32)}}});
}

void Optimizer::AddAccumulator(const std::string& name, const Variable& parameter, double value,
                               std::optional<Shape> shape) {
  std::string& variable = accumulators_[{name, parameter.name}];
  if (!variable.empty()) return;  // a second Minimize shares the state
  const bool has_master = HasMaster(parameter);
  variable = UniqueName((has_master ? master_weights_.at(parameter.name) : parameter.name) + "_" + name);
  const DType dtype = has_master || (shape && IsHalf(parameter.dtype)) ? DType::kFloat32 : parameter.dtype;
  const Var made = LayerHelper("optimizer", variable)
                       .CreateGlobal(variable, shape.value_or(parameter.shape), dtype, value);
  made.variable().stop_gradient = false;  // as Paddle's, in the main program alone
}

const std::string& Optimizer::Accumulator(const std::string& name, const Variable& parameter) const {
  const auto found = accumulators_.find({name, parameter.name});
  SKIFF_ENFORCE(found != accumulators_.end(), Internal, "no state \"", name, "\" of \"", parameter.name,
                "\"");
  return found->second;
}

void Optimizer::AppendUpdateOp(const std::string& type, const ParamGrad& pair, const std::string& rate,
                               const std::vector<std::pair<std::string, std::string>>& state,
                               Attrs attrs) {
  Slots inputs{{"Param", {pair.first->name}}, {"Grad", {pair.second->name}}, {"LearningRate", {rate}}};
  Slots outputs{{"ParamOut", {pair.first->name}}};
  const OpDef& def = GetOp(type);  // adamax leaves the power of beta1 to others
  for (const auto& [slot, name] : state) {
    const std::string& variable = Accumulator(name, *pair.first);
    inputs.Set(slot, {variable});
    if (def.FindOutput(slot + "Out") != nullptr) outputs.Set(slot + "Out", {variable});
  }
  attrs.Set("multi_precision", HasMaster(*pair.first));
  if (HasMaster(*pair.first)) {
    inputs.Set("MasterParam", {master_weights_.at(pair.first->name)});
    outputs.Set("MasterParamOut", {master_weights_.at(pair.first->name)});
  }
  if (!skip_update_.empty()) inputs.Set("SkipUpdate", {skip_update_});
  AppendLayerOp(DefaultMainProgram().current_block(),
                {type, std::move(inputs), std::move(outputs), OptimizeRole(pair, std::move(attrs))});
}

SGD::SGD(const SGDOptions& options)
    : Optimizer(options.learning_rate, options.weight_decay, options.grad_clip, options.multi_precision) {}

void SGD::AppendUpdate(const ParamGrad& pair, const std::string& rate) {
  AppendUpdateOp("sgd", pair, rate, {}, {});
}

Momentum::Momentum(const MomentumOptions& options)
    : Optimizer(options.learning_rate, options.weight_decay, options.grad_clip, options.multi_precision), options_(options) {}

void Momentum::CreateAccumulators(const Variable& parameter) { AddAccumulator("velocity", parameter); }

void Momentum::AppendUpdate(const ParamGrad& pair, const std::string& rate) {
  const ParameterOptions& own = pair.first->parameter;
  Regularizer fused = decay();
  if (own.regularizer_kind != Regularizer::kNone) {
    fused = {static_cast<Regularizer::Kind>(own.regularizer_kind), own.regularizer_coeff};
  }
  const bool l2 = fused.kind == Regularizer::kL2;
  AppendUpdateOp("momentum", pair, rate, {{"Velocity", "velocity"}},
                 {{"mu", static_cast<float>(options_.momentum)}, {"use_nesterov", options_.use_nesterov},
                  {"regularization_method", std::string(l2 ? "l2_decay" : "")},
                  {"regularization_coeff", l2 ? fused.coeff : 0.0f},
                  {"rescale_grad", static_cast<float>(options_.rescale_grad)}});
}

LarsMomentum::LarsMomentum(const LarsMomentumOptions& options)
    : Optimizer(options.learning_rate, options.weight_decay, options.grad_clip, options.multi_precision), options_(options) {}

void LarsMomentum::CreateAccumulators(const Variable& parameter) { AddAccumulator("velocity", parameter); }

void LarsMomentum::AppendUpdate(const ParamGrad& pair, const std::string& rate) {
  const std::string& name = pair.first->name;
  const bool excluded = std::any_of(options_.exclude_from_weight_decay.begin(), options_.exclude_from_weight_decay.end(),
                                    [&](const std::string& part) { return name.find(part) != std::string::npos; });
  AppendUpdateOp("lars_momentum", pair, rate, {{"Velocity", "velocity"}},
                 {{"mu", static_cast<float>(options_.momentum)}, {"lars_coeff", static_cast<float>(options_.lars_coeff)},
                  {"lars_weight_decay", std::vector<float>{excluded ? 0.0f : static_cast<float>(options_.lars_weight_decay)}},
                  {"epsilon", static_cast<float>(options_.epsilon)},
                  {"rescale_grad", static_cast<float>(options_.rescale_grad)}});
}

Adam::Adam(const AdamOptions& options) : Adam(options, options.weight_decay) {}

Adam::Adam(const AdamOptions& options, WeightDecay decay)
    : Optimizer(options.learning_rate, decay, options.grad_clip, options.multi_precision), options_(options) {
  auto check = [](const char* name, double beta) {
    SKIFF_ENFORCE(beta >= 0 && beta < 1, InvalidArgument, name, " is ", beta, "; expected 0 <= beta < 1");
  };
  check("beta1", options.beta1);
  check("beta2", options.beta2);
  SKIFF_ENFORCE(options.epsilon >= 0, InvalidArgument, "epsilon is ", options.epsilon, "; expected >= 0");
}

void Adam::CreateAccumulators(const Variable& parameter) {
  AddAccumulator("moment1", parameter);
  AddAccumulator("moment2", parameter);
  AddAccumulator("beta1_pow_acc", parameter, options_.beta1, Shape{1});
  AddAccumulator("beta2_pow_acc", parameter, options_.beta2, Shape{1});
}

Var Adam::SkipUpdate(const Var& found_infinite) const {
  const LayerHelper helper("memcpy");
  return helper.AppendOp("memcpy", {{"X", {found_infinite.name()}}}, {{"dst_place_type", 0}, {kOpRoleAttr, int32_t{kOptimize}}},
                         helper.CreateTemporary(DType::kBool));
}

Attrs Adam::CommonAttrs() const {
  return {{"beta1", static_cast<float>(options_.beta1)}, {"beta2", static_cast<float>(options_.beta2)},
          {"epsilon", static_cast<float>(options_.epsilon)}, {"lazy_mode", options_.lazy_mode},
          {"min_row_size_to_use_multithread", int64_t{1000}}};
}

namespace {
const std::vector<std::pair<std::string, std::string>> kAdamState = {
    {"Moment1", "moment1"}, {"Moment2", "moment2"},
    {"Beta1Pow", "beta1_pow_acc"}, {"Beta2Pow", "beta2_pow_acc"}};
}  // namespace

void Adam::AppendUpdate(const ParamGrad& pair, const std::string& rate) {
  AppendUpdateOp("adam", pair, rate, kAdamState, CommonAttrs());
}

AdamW::AdamW(const AdamWOptions& options)
    : Adam({.learning_rate = options.learning_rate, .beta1 = options.beta1, .beta2 = options.beta2,
            .epsilon = options.epsilon, .grad_clip = options.grad_clip, .lazy_mode = options.lazy_mode,
            .multi_precision = options.multi_precision},
           WeightDecay()),
      own_(options) {}

void AdamW::AppendUpdate(const ParamGrad& pair, const std::string& rate) {
  const std::string& name = pair.first->name;
  Attrs attrs = CommonAttrs();
  attrs.Set("with_decay", !own_.decays || own_.decays(name));
  attrs.Set("coeff", static_cast<float>(own_.weight_decay));
  attrs.Set("lr_ratio", static_cast<float>(own_.lr_ratio ? own_.lr_ratio(name) : 1.0));
  AppendUpdateOp("adamw", pair, rate, kAdamState, std::move(attrs));
}

}  // namespace skiff::optimizer
