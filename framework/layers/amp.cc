#include "framework/layers/amp.h"

#include <map>

#include "framework/base/error.h"
#include "framework/layers/layer_helper.h"
#include "framework/layers/layers.h"
#include "framework/op/append_op.h"
#include "framework/program/unique_name.h"

namespace skiff::amp {

namespace {

/// Norms keep their parameters and statistics in float32 whatever their input is.
bool StaysWide(const std::string& type, const std::string& slot) {
  static const std::set<std::string> kNorms{"batch_norm", "layer_norm", "instance_norm", "group_norm"};
  return kNorms.count(type) == 1 && slot != "X" && slot != "Y";
}

class Caster {
 public:
  Caster(Program& program, const OpLists& lists, DType dtype) : block_(program.global_block()), lists_(lists), low_(dtype) {
    for (int i = 1; i < program.num_blocks(); ++i) {
      for (const auto& op : program.block(i).ops()) {
        for (const Slots* slots : {&op->inputs, &op->outputs}) {
          for (const auto& [slot, names] : *slots) held_.insert(names.begin(), names.end());
        }
      }
    }
  }

  void Run() {
    for (size_t i = 0; i < block_.ops().size(); ++i) {
      const std::shared_ptr<Operator> op = block_.ops()[i];
      const Precision precision = PrecisionOf(*op);
      i += Cast(*op, i, precision);
      if (precision != Precision::kAsIs) InferOutputs(block_, *op);
      for (const auto& [slot, names] : op->outputs) {
        for (const std::string& name : names) made_by_[name] = precision;
      }
    }
  }

 private:
  enum class Precision { kAsIs, kLow, kWide };

  bool Touches(const Operator& op, const std::set<std::string>& names) const {
    for (const Slots* slots : {&op.inputs, &op.outputs}) {
      for (const auto& [slot, variables] : *slots) {
        for (const std::string& name : variables) {
          if (names.count(name) == 1) return true;
        }
      }
    }
    return false;
  }
  bool WritesHeld(const Operator& op) const {
    for (const auto& [slot, names] : op.outputs) {
      for (const std::string& name : names) {
        if (held_.count(name) == 1) return true;
      }
    }
    return false;
  }

  Precision PrecisionOf(const Operator& op) const {
    if (op.type == "feed" || op.type == "fetch" || op.type == "cast") return Precision::kAsIs;
    if (Touches(op, lists_.black_variables) || WritesHeld(op) || lists_.black.count(op.type) == 1) return Precision::kWide;
    if (lists_.white.count(op.type) == 1) return Precision::kLow;
    if (lists_.gray.count(op.type) == 0) return Precision::kWide;
    Precision precision = Precision::kAsIs;
    for (const auto& [slot, names] : op.inputs) {
      for (const std::string& name : names) {
        const auto found = made_by_.find(name);
        if (found == made_by_.end() || found->second == Precision::kAsIs) continue;
        if (found->second == Precision::kWide) return Precision::kWide;
        precision = found->second;
      }
    }
    return precision;
  }

  // Replaces inputs of the other precision; returns how many operators that took.
  size_t Cast(Operator& op, size_t position, Precision precision) {
    if (precision == Precision::kAsIs) return 0;
    size_t inserted = 0;
    std::vector<std::pair<std::string, std::vector<std::string>>> changed;
    for (const auto& [slot, names] : op.inputs) {
      std::vector<std::string> replaced = names;
      for (std::string& name : replaced) {
        const auto var = block_.FindVar(name);
        if (var == nullptr || held_.count(name) == 1) continue;
        const bool to_low = precision == Precision::kLow && var->dtype == DType::kFloat32 && !StaysWide(op.type, slot);
        const bool to_wide = (precision == Precision::kWide || StaysWide(op.type, slot)) && var->dtype == low_;
        if (to_low || to_wide) name = CastOf(*var, to_low ? low_ : DType::kFloat32, position, &inserted);
      }
      if (replaced != names) changed.emplace_back(slot, std::move(replaced));
    }
    for (auto& [slot, names] : changed) op.inputs.Set(slot, std::move(names));
    return inserted;
  }

  // "<name>.cast_fp16" and so on; made once.
  const std::string& CastOf(const Variable& var, DType dtype, size_t position, size_t* inserted) {
    std::string& cast = casts_[{var.name, dtype}];
    if (!cast.empty()) return cast;
    cast = var.name + (dtype == DType::kFloat16 ? ".cast_fp16" : dtype == DType::kBFloat16 ? ".cast_bf16" : ".cast_fp32");
    Variable made;
    made.name = cast;
    made.dtype = dtype;
    made.shape = var.shape;
    made.lod_level = var.lod_level;
    made.stop_gradient = var.stop_gradient;
    block_.AddVar(made);
    InsertOp(block_, position + *inserted, {"cast", {{"X", {var.name}}}, {{"Out", {cast}}},
                                            {{"in_dtype", static_cast<int32_t>(var.dtype)}, {"out_dtype", static_cast<int32_t>(dtype)}}});
    ++*inserted;
    return cast;
  }

  Block& block_;
  const OpLists& lists_;
  const DType low_;
  std::set<std::string> held_;  // of sub-blocks
  std::map<std::string, Precision> made_by_;
  std::map<std::pair<std::string, DType>, std::string> casts_;
};

}  // namespace

OpLists::OpLists(const std::set<std::string>& custom_white, const std::set<std::string>& custom_black)
    : white{"conv2d", "einsum", "matmul", "matmul_v2", "mul", "max_pool2d_with_index", "fused_gemm_epilogue",
            "fake_quantize_dequantize_abs_max", "fake_quantize_dequantize_moving_average_abs_max"},
      black{"acos", "asin", "atanh", "bicubic_interp_v2", "bilinear_interp_v2", "cosh", "cross_entropy", "cross_entropy2", "cumprod",
            "cumsum", "dist", "erfinv", "exp", "expm1", "frobenius_norm", "group_norm", "hsigmoid_loss", "huber_loss", "layer_norm",
            "linear_interp_v2", "log", "log10", "log2", "log_loss", "log_softmax", "lookup_table", "lookup_table_v2",
            "margin_cross_entropy", "mean", "nearest_interp_v2", "nll_loss", "p_norm", "pow", "reciprocal", "reduce_mean", "reduce_prod",
            "reduce_sum", "renorm", "rsqrt", "scatter", "sigmoid_cross_entropy_with_logits", "sinh", "softmax",
            "softmax_with_cross_entropy", "softplus", "square", "tan", "tanh_shrink", "trilinear_interp_v2"},
      gray{"batch_norm", "concat", "dropout", "elementwise_add", "elementwise_div", "elementwise_floordiv", "elementwise_max",
           "elementwise_min", "elementwise_mod", "elementwise_mul", "elementwise_pow", "elementwise_sub", "fill_constant", "flatten2",
           "flatten_contiguous_range", "gather", "gaussian_random", "get_tensor_from_selected_rows", "leaky_relu", "pool2d", "pool3d",
           "relu", "relu6", "reshape2", "scale", "sigmoid", "sign", "slice", "soft_relu", "split", "squeeze2", "stack", "tanh", "top_k",
           "transpose2", "uniform_random", "uniform_random_batch_size_like", "unsqueeze2", "unstack"} {
  const auto move = [](const std::set<std::string>& types, std::set<std::string>* to, std::set<std::string>* from, std::set<std::string>* other) {
    for (const std::string& type : types) {
      from->erase(type);
      other->erase(type);
      to->insert(type);
    }
  };
  for (const std::string& type : custom_white) {
    SKIFF_ENFORCE(custom_black.count(type) == 0, InvalidArgument, "operator \"", type, "\" is in both the custom white and the custom black list");
  }
  move(custom_white, &white, &black, &gray);
  move(custom_black, &black, &white, &gray);
}

void CastProgram(Program& program, const OpLists& lists, DType dtype) {
  SKIFF_ENFORCE(dtype == DType::kFloat16 || dtype == DType::kBFloat16, InvalidArgument, "mixed precision is of float16 or bfloat16, not of ", dtype);
  Caster(program, lists, dtype).Run();
}

MixedPrecision::MixedPrecision(std::shared_ptr<optimizer::Optimizer> optimizer, const Options& options)
    : optimizer_(std::move(optimizer)), options_(options) {
  SKIFF_ENFORCE(optimizer_ != nullptr, InvalidArgument, "there is no optimizer to run in mixed precision");
  SKIFF_ENFORCE(options.init_loss_scaling > 0 && options.incr_ratio > 1 && options.decr_ratio > 0 && options.decr_ratio < 1, InvalidArgument,
                "init_loss_scaling is ", options.init_loss_scaling, ", incr_ratio ", options.incr_ratio, ", decr_ratio ", options.decr_ratio,
                "; expected a positive scale, a ratio above 1 and one between 0 and 1");
}

std::vector<ParamGrad> MixedPrecision::Backward(const Var& loss, const optimizer::MinimizeOptions& options) {
  CastProgram(DefaultMainProgram(), options_.lists, options_.dtype);
  loss_scaling_ = layers::CreateGlobalVar({1}, options_.init_loss_scaling, DType::kFloat32, true, UniqueName("loss_scaling"));
  if (options_.use_dynamic_loss_scaling) {
    good_steps_ = layers::CreateGlobalVar({1}, 0, DType::kInt32, true, UniqueName("num_good_steps"));
    bad_steps_ = layers::CreateGlobalVar({1}, 0, DType::kInt32, true, UniqueName("num_bad_steps"));
  }
  optimizer_->CreateRateOfOne();
  const Var wide = loss.dtype() == DType::kFloat32 ? loss : layers::Cast(loss, DType::kFloat32);
  scaled_loss_ = Scales() ? wide * loss_scaling_ : wide;
  return optimizer_->Backward(scaled_loss_, options);
}

void MixedPrecision::ApplyGradients(const std::vector<ParamGrad>& pairs) {
  if (Scales()) {
    std::vector<std::string> names;
    for (const auto& [parameter, gradient] : pairs) names.push_back(gradient->name);
    const LayerHelper helper("find_infinite_scale", "find_infinite_scale");
    const Var found = helper.CreateTemporary(DType::kBool, true);
    helper.AppendOp({"check_finite_and_unscale", {{"X", names}, {"Scale", {loss_scaling_.name()}}},
                     {{"Out", names}, {"FoundInfinite", {found.name()}}}, {{"op_role", 2}}});
    if (options_.use_dynamic_loss_scaling) {
      const std::string &scale = loss_scaling_.name(), &good = good_steps_.name(), &bad = bad_steps_.name();
      helper.AppendOp({"update_loss_scaling",
                       {{"X", names}, {"FoundInfinite", {found.name()}}, {"PrevLossScaling", {scale}}, {"InGoodSteps", {good}}, {"InBadSteps", {bad}}},
                       {{"Out", names}, {"LossScaling", {scale}}, {"OutGoodSteps", {good}}, {"OutBadSteps", {bad}}},
                       {{"incr_every_n_steps", options_.incr_every_n_steps}, {"decr_every_n_nan_or_inf", options_.decr_every_n_nan_or_inf},
                        {"incr_ratio", static_cast<float>(options_.incr_ratio)}, {"decr_ratio", static_cast<float>(options_.decr_ratio)},
                        {"stop_update", false}, {"op_role", 2}}});
    }
  }
  optimizer_->ApplyGradients(pairs);
}

std::vector<ParamGrad> MixedPrecision::Minimize(const Var& loss, const optimizer::MinimizeOptions& options) {
  const std::vector<ParamGrad> pairs = Backward(loss, options);
  ApplyGradients(pairs);
  return pairs;
}

const Var& MixedPrecision::loss_scaling() const {
  SKIFF_ENFORCE(loss_scaling_, PreconditionNotMet, "there is no loss scaling before a loss; call Minimize first");
  return loss_scaling_;
}
const Var& MixedPrecision::scaled_loss() const {
  SKIFF_ENFORCE(scaled_loss_, PreconditionNotMet, "there is no scaled loss before a loss; call Minimize first");
  return scaled_loss_;
}

}  // namespace skiff::amp
