#include "framework/layers/amp.h"

#include <algorithm>

#include "framework/base/error.h"
#include "framework/layers/layer_helper.h"
#include "framework/layers/layers.h"
#include "framework/program/unique_name.h"
#include "framework/tensor/scope.h"

namespace skiff::amp {

namespace {

// The gradient of a half copy is half; a cast makes it the parameter's. Such casts go behind all gradient
// operators, so that what is exchanged between cards before the updates is half.
void MoveGradientCasts(Block& block, const std::vector<ParamGrad>& pairs) {
  std::vector<std::shared_ptr<Operator>> ops = block.ops();
  for (const auto& [parameter, gradient] : pairs) {
    if (gradient == nullptr || gradient->dtype != DType::kFloat32) continue;
    const auto writer = std::find_if(ops.rbegin(), ops.rend(), [&](const auto& op) { return op->outputs.Mentions(gradient->name); });
    if (writer == ops.rend() || (*writer)->type != "cast") continue;
    if (std::any_of(ops.rbegin(), writer, [&](const auto& op) { return op->inputs.Mentions(gradient->name); })) continue;
    const std::shared_ptr<Operator> cast = *writer;
    const std::string half = cast->inputs.One("X");
    const auto maker = std::find_if(writer + 1, ops.rend(), [&](const auto& op) { return op->outputs.Mentions(half); });
    if (maker != ops.rend()) {
      std::vector<std::string> pair{parameter->name, half};
      for (const std::string& name : (*maker)->attrs.Get<std::vector<std::string>>(kOpRoleVarAttr, {})) pair.push_back(name);
      (*maker)->attrs.Set(kOpRoleVarAttr, std::move(pair));
    }
    cast->attrs.Erase(kOpRoleVarAttr);
    cast->attrs.Set(kOpRoleAttr, int32_t{kOptimize});
    ops.erase(std::next(writer).base());
    ops.push_back(cast);
  }
  block.SetOps(std::move(ops));
}

void CastToMasterGradients(std::vector<ParamGrad>* pairs) {
  for (auto& [parameter, gradient] : *pairs) {
    if (gradient == nullptr || !optimizer::IsHalf(gradient->dtype)) continue;
    Block& block = *gradient->block;
    const std::shared_ptr<Variable> master =
        block.AddVar({.name = UniqueName(gradient->name + "_fp32_master"), .dtype = DType::kFloat32, .shape = gradient->shape,
                      .lod_level = gradient->lod_level});
    AppendLayerOp(block, {"cast", {{"X", {gradient->name}}}, {{"Out", {master->name}}},
                          {{"in_dtype", static_cast<int32_t>(gradient->dtype)}, {"out_dtype", static_cast<int32_t>(DType::kFloat32)}}});
    gradient = master;
  }
}

// Named as arithmetic over variables is.
Var Widened(const Var& x) {
  if (x.dtype() == DType::kFloat32) return x;
  const LayerHelper helper("cast", UniqueName("tmp"));
  return helper.AppendOp("cast", {{"X", {x.name()}}},
                         {{"in_dtype", static_cast<int32_t>(x.dtype())}, {"out_dtype", static_cast<int32_t>(DType::kFloat32)}},
                         helper.CreateVariable(helper.name(), DType::kFloat32));
}

/// The operator appended last belongs to the update.
Var Optimizing(const Var& made) {
  DefaultMainProgram().current_block().ops().back()->attrs.Set(kOpRoleAttr, int32_t{kOptimize});
  return made;
}

}  // namespace

MixedPrecision::MixedPrecision(std::shared_ptr<optimizer::Optimizer> optimizer, const Options& options)
    : optimizer_(std::move(optimizer)), options_(options) {
  SKIFF_ENFORCE(optimizer_ != nullptr, InvalidArgument, "there is no optimizer to run in mixed precision");
  SKIFF_ENFORCE(optimizer::IsHalf(options.dtype), InvalidArgument, "mixed precision is of float16 or bfloat16, not of ", options.dtype);
  SKIFF_ENFORCE(options.init_loss_scaling > 0 && options.incr_ratio > 1 && options.decr_ratio > 0 && options.decr_ratio < 1, InvalidArgument,
                "init_loss_scaling is ", options.init_loss_scaling, ", incr_ratio ", options.incr_ratio, ", decr_ratio ", options.decr_ratio,
                "; expected a positive scale, a ratio above 1 and one between 0 and 1");
  if (options.dtype == DType::kBFloat16 && options.use_dynamic_loss_scaling) {
    options_.use_dynamic_loss_scaling = false;
    options_.init_loss_scaling = 1.0;
  }
  if (options.master_weight) optimizer_->set_multi_precision(true);
}

CastOptions MixedPrecision::Casts() const {
  return {.dtype = options_.dtype, .level = options_.level, .guard = options_.guard, .use_promote = options_.use_promote,
          .suffix = options_.suffix, .half_data = options_.half_data};
}

std::vector<ParamGrad> MixedPrecision::Backward(const Var& loss, const optimizer::MinimizeOptions& options) {
  SKIFF_ENFORCE(loss && loss.variable().block != nullptr, InvalidArgument, "the loss belongs to no program");
  Program& main = *loss.variable().block->program();
  const ProgramGuard programs(main, options.startup ? *options.startup : DefaultStartupProgram());
  loss_scaling_ = {};
  if (options_.scales_loss) {
    loss_scaling_ = layers::CreateGlobalVar({1}, options_.init_loss_scaling, DType::kFloat32, true, UniqueName("loss_scaling"));
  }
  if (options_.scales_loss && options_.use_dynamic_loss_scaling) {
    good_steps_ = layers::CreateGlobalVar({1}, 0, DType::kInt32, true, UniqueName("num_good_steps"));
    bad_steps_ = layers::CreateGlobalVar({1}, 0, DType::kInt32, true, UniqueName("num_bad_steps"));
  }
  optimizer_->CreateRateOfOne();
  half_ = CastProgram(main, options_.lists, Casts());
  const Var wide = Widened(loss);
  scaled_loss_ = Scales() ? wide * loss_scaling_ : wide;
  return optimizer_->Backward(scaled_loss_, options);
}

Var MixedPrecision::Unscale(const std::vector<std::string>& gradients, const std::string& name) const {
  const LayerHelper helper("check_finite_and_unscale", name);
  const Var found = helper.CreateTemporary(DType::kBool);
  helper.AppendOp({"check_finite_and_unscale", {{"X", gradients}, {"Scale", {loss_scaling_.name()}}},
                   {{"Out", gradients}, {"FoundInfinite", {found.name()}}},
                   {{kOpRoleAttr, int32_t{kOptimize}}, {kOpRoleVarAttr, gradients}}});
  return found;
}

void MixedPrecision::UpdateScale(const std::vector<std::string>& gradients, const Var& found_infinite, bool again) const {
  const std::string &scale = loss_scaling_.name(), &good = good_steps_.name(), &bad = bad_steps_.name();
  const LayerHelper helper("update_loss_scaling", "update_loss_scaling");
  helper.AppendOp({"update_loss_scaling",
                   {{"X", gradients}, {"FoundInfinite", {found_infinite.name()}}, {"PrevLossScaling", {scale}}, {"InGoodSteps", {good}},
                    {"InBadSteps", {bad}}},
                   {{"Out", gradients}, {"LossScaling", {scale}}, {"OutGoodSteps", {good}}, {"OutBadSteps", {bad}}},
                   {{"incr_every_n_steps", options_.incr_every_n_steps}, {"decr_every_n_nan_or_inf", options_.decr_every_n_nan_or_inf},
                    {"incr_ratio", static_cast<float>(options_.incr_ratio)}, {"decr_ratio", static_cast<float>(options_.decr_ratio)},
                    {"stop_update", again}, {kOpRoleAttr, int32_t{kOptimize}}}});
}

void MixedPrecision::ApplyGradients(std::vector<ParamGrad> pairs) {
  std::erase_if(pairs, [](const ParamGrad& pair) { return pair.second == nullptr; });
  const bool pure = options_.level == Level::kO2;
  if (options_.scales_loss) MoveGradientCasts(DefaultMainProgram().global_block(), pairs);
  if (pure && options_.master_grad) CastToMasterGradients(&pairs);
  if (!Scales() || pairs.empty()) return optimizer_->ApplyGradients(pairs);

  // The operators take gradients of one dtype; below level O2 all are float32.
  std::vector<std::string> wide, half;
  for (const auto& [parameter, gradient] : pairs) {
    (pure && optimizer::IsHalf(gradient->dtype) ? half : wide).push_back(gradient->name);
  }
  std::vector<Var> found;
  if (!wide.empty()) found.push_back(Unscale(wide, pure ? "find_infinite_scale_fp32" : "find_infinite_scale"));
  if (!half.empty()) found.push_back(Unscale(half, "find_infinite_scale_fp16"));
  Var found_infinite = found.front();
  if (pure) {
    const Var together = Optimizing(layers::Concat(found, 0));
    found_infinite = Optimizing(layers::Any(together));
  }
  if (options_.use_dynamic_loss_scaling) {
    if (!wide.empty()) UpdateScale(wide, found_infinite, /*again=*/false);
    if (!half.empty()) UpdateScale(half, found_infinite, /*again=*/!wide.empty());
  }
  optimizer_->ApplyGradientsUnless(found_infinite, pairs);
}

std::vector<ParamGrad> MixedPrecision::Minimize(const Var& loss, const optimizer::MinimizeOptions& options) {
  const std::vector<ParamGrad> pairs = Backward(loss, options);
  const ProgramGuard programs(*loss.variable().block->program(), options.startup ? *options.startup : DefaultStartupProgram());
  ApplyGradients(pairs);
  return pairs;
}

void MixedPrecision::InitParameters(const Program& program, Scope& scope, bool rewrite_master_weight) const {
  SKIFF_ENFORCE(scaled_loss_, PreconditionNotMet, "there are no half parameters before a loss; call Minimize first");
  if (options_.level != Level::kO2) return;
  CastParameters(program, half_, options_.dtype, scope);
  if (!rewrite_master_weight) return;
  for (const auto& [parameter, master] : optimizer_->master_weights()) {
    if (scope.FindVar(parameter) != nullptr && scope.FindVar(master) != nullptr) {
      scope.GetTensor(master) = ToFloat32(scope.GetTensor(parameter));
    }
  }
}

void MixedPrecision::CastForTest(Program& program) const { CastProgram(program, options_.lists, Casts()); }

const Var& MixedPrecision::loss_scaling() const {
  SKIFF_ENFORCE(loss_scaling_, PreconditionNotMet, "there is no loss scaling before a loss; call Minimize first");
  return loss_scaling_;
}
const Var& MixedPrecision::scaled_loss() const {
  SKIFF_ENFORCE(scaled_loss_, PreconditionNotMet, "there is no scaled loss before a loss; call Minimize first");
  return scaled_loss_;
}

}  // namespace skiff::amp
