// Optimizers that adapt each element's rate, besides Adam: Adagrad, Adadelta, Adamax, RMSProp, Lamb.
#include "framework/layers/grad_clip.h"
#include "framework/layers/layer_helper.h"
#include "framework/layers/optimizer.h"

namespace skiff::optimizer {

namespace {

float Float(double value) { return static_cast<float>(value); }

void CheckFraction(const char* name, double value) {
  SKIFF_ENFORCE(value >= 0 && value < 1, InvalidArgument, name, " is ", value, "; expected 0 <= ", name, " < 1");
}
void CheckEpsilon(double epsilon) {
  SKIFF_ENFORCE(epsilon >= 0, InvalidArgument, "epsilon is ", epsilon, "; expected >= 0");
}

}  // namespace

Adagrad::Adagrad(const AdagradOptions& options)
    : Optimizer(options.learning_rate, options.weight_decay, options.grad_clip, options.multi_precision), options_(options) {
  CheckEpsilon(options.epsilon);
}

void Adagrad::CreateAccumulators(const Variable& parameter) {
  AddAccumulator("moment", parameter, options_.initial_accumulator_value);
}

void Adagrad::AppendUpdate(const ParamGrad& pair, const std::string& rate) {
  AppendUpdateOp("adagrad", pair, rate, {{"Moment", "moment"}},
                 {{"epsilon", Float(options_.epsilon)}});
}

Adadelta::Adadelta(const AdadeltaOptions& options)
    : Optimizer(options.learning_rate, options.weight_decay, options.grad_clip, options.multi_precision), options_(options) {
  CheckEpsilon(options.epsilon);
}

void Adadelta::CreateAccumulators(const Variable& parameter) {
  AddAccumulator("_avg_squared_grad", parameter);
  AddAccumulator("_avg_squared_update", parameter);
}

void Adadelta::AppendUpdate(const ParamGrad& pair, const std::string& rate) {
  AppendUpdateOp("adadelta", pair, rate,
                 {{"AvgSquaredGrad", "_avg_squared_grad"}, {"AvgSquaredUpdate", "_avg_squared_update"}},
                 {{"epsilon", Float(options_.epsilon)}, {"rho", Float(options_.rho)}});
}

Adamax::Adamax(const AdamaxOptions& options)
    : Optimizer(options.learning_rate, options.weight_decay, options.grad_clip, options.multi_precision), options_(options) {
  CheckFraction("beta1", options.beta1);
  CheckFraction("beta2", options.beta2);
  CheckEpsilon(options.epsilon);
}

void Adamax::CreateAccumulators(const Variable& parameter) {
  AddAccumulator("moment", parameter);
  AddAccumulator("inf_norm", parameter);
  AddAccumulator("beta1_pow_acc", parameter, options_.beta1, Shape{1});
}

void Adamax::AppendUpdate(const ParamGrad& pair, const std::string& rate) {
  AppendUpdateOp("adamax", pair, rate, {{"Moment", "moment"}, {"InfNorm", "inf_norm"}, {"Beta1Pow", "beta1_pow_acc"}},
                 {{"beta1", Float(options_.beta1)}, {"beta2", Float(options_.beta2)}, {"epsilon", Float(options_.epsilon)}});
}

void Adamax::FinishUpdates(const std::vector<ParamGrad>& pairs) {
  for (const ParamGrad& pair : pairs) {
    const std::string& power = Accumulator("beta1_pow_acc", *pair.first);
    AppendLayerOp(DefaultMainProgram().current_block(),
                  {"scale", {{"X", {power}}}, {{"Out", {power}}},
                   OptimizeRole(pair, {{"scale", Float(options_.beta1)}, {"bias", 0.0f}, {"bias_after_scale", true}})});
  }
}

RMSProp::RMSProp(const RMSPropOptions& options)
    : Optimizer(options.learning_rate, options.weight_decay, options.grad_clip, options.multi_precision), options_(options) {
  SKIFF_ENFORCE(options.rho >= 0, InvalidArgument, "rho is ", options.rho, "; expected >= 0");
  SKIFF_ENFORCE(options.momentum >= 0, InvalidArgument, "momentum is ", options.momentum, "; expected >= 0");
  CheckEpsilon(options.epsilon);
}

void RMSProp::CreateAccumulators(const Variable& parameter) {
  AddAccumulator("momentum", parameter);
  AddAccumulator("mean_square", parameter);
  AddAccumulator("mean_grad", parameter);
}

void RMSProp::AppendUpdate(const ParamGrad& pair, const std::string& rate) {
  AppendUpdateOp("rmsprop", pair, rate,
                 {{"Moment", "momentum"}, {"MeanSquare", "mean_square"}, {"MeanGrad", "mean_grad"}},
                 {{"epsilon", Float(options_.epsilon)}, {"decay", Float(options_.rho)},
                  {"momentum", Float(options_.momentum)}, {"centered", options_.centered}});
}

Lamb::Lamb(const LambOptions& options)
    : Optimizer(options.learning_rate, WeightDecay(), options.grad_clip, options.multi_precision), options_(options) {
  CheckFraction("beta1", options.beta1);
  CheckFraction("beta2", options.beta2);
  CheckEpsilon(options.epsilon);
}

void Lamb::CreateAccumulators(const Variable& parameter) {
  AddAccumulator("moment1", parameter);
  AddAccumulator("moment2", parameter);
  AddAccumulator("beta1_pow_acc", parameter, options_.beta1, Shape{1});
  AddAccumulator("beta2_pow_acc", parameter, options_.beta2, Shape{1});
}

void Lamb::AppendUpdate(const ParamGrad& pair, const std::string& rate) {
  const bool excluded = options_.excluded && options_.excluded(pair.first->name);
  AppendUpdateOp("lamb", pair, rate,
                 {{"Moment1", "moment1"}, {"Moment2", "moment2"}, {"Beta1Pow", "beta1_pow_acc"},
                  {"Beta2Pow", "beta2_pow_acc"}},
                 {{"beta1", Float(options_.beta1)}, {"beta2", Float(options_.beta2)},
                  {"epsilon", Float(options_.epsilon)},
                  {"weight_decay", excluded ? 0.0f : Float(options_.weight_decay)},
                  {"always_adapt", options_.always_adapt}});
}

}  // namespace skiff::optimizer
