// Which operators run in which precision, and the casts between them.
#include <map>

#include "framework/base/error.h"
#include "framework/layers/amp.h"
#include "framework/op/append_op.h"
#include "framework/op/op_def.h"
#include "framework/program/unique_name.h"
#include "framework/tensor/scope.h"

namespace skiff::amp {

namespace {

using Names = std::set<std::string>;

const Names kWhite{"conv2d", "einsum", "fused_gemm_epilogue", "matmul", "matmul_v2", "max_pool2d_with_index", "mul"};
const Names kWhiteFake{"fake_quantize_dequantize_abs_max", "fake_quantize_dequantize_moving_average_abs_max", "fused_attention",
                       "fused_feedforward"};
const Names kWhiteFP16{"fused_bn_add_activation", "resnet_unit"};
// Sums and steep functions: half numbers overflow or lose too many digits.
const Names kNumericBlack{
    "acos", "asin", "atanh", "c_softmax_with_cross_entropy", "cosh", "cross_entropy", "cross_entropy2", "cumprod", "cumsum", "dist",
    "erfinv", "exp", "expm1", "frobenius_norm", "group_norm", "hsigmoid_loss", "huber_loss", "layer_norm", "log", "log10", "log2",
    "log_loss", "log_softmax", "margin_cross_entropy", "mean", "nll_loss", "pnorm", "pow", "reciprocal", "reduce_mean",
    "reduce_prod", "reduce_sum", "renorm", "rsqrt", "sigmoid_cross_entropy_with_logits", "sinh", "softmax",
    "softmax_with_cross_entropy", "softmin", "softplus", "square", "tan", "tanh_shrink", "triplet_margin_loss"};
// Their gradients add many contributions into one place.
const Names kSlowBlack{"bicubic_interp_v2", "bilinear_interp_v2", "linear_interp_v2", "lookup_table", "lookup_table_v2",
                       "nearest_interp_v2", "scatter", "trilinear_interp_v2"};
const Names kGray{
    "batch_norm", "c_allreduce_sum", "c_concat", "c_identity", "cast", "concat", "dropout", "elementwise_add", "elementwise_div",
    "elementwise_floordiv", "elementwise_max", "elementwise_min", "elementwise_mod", "elementwise_mul", "elementwise_pow",
    "elementwise_sub", "fill_constant", "flatten2", "fused_attention", "fused_bn_add_activation", "fused_feedforward",
    "fused_multi_transformer", "gather", "gaussian_random", "get_tensor_from_selected_rows", "layer_norm", "leaky_relu", "pool2d",
    "pool3d", "rank", "relu", "relu6", "reshape2", "scale", "sigmoid", "sign", "slice", "soft_relu", "split", "stack", "tanh",
    "top_k", "transpose2", "uniform_random", "uniform_random_batch_size_like", "unstack"};

void Add(const Names& names, Names* to) { to->insert(names.begin(), names.end()); }
void Remove(const Names& names, Names* from) {
  for (const std::string& name : names) from->erase(name);
}

void Customize(const Names& white, const Names& black, OpLists* lists) {
  for (const std::string& type : white) {
    SKIFF_ENFORCE(black.count(type) == 0, InvalidArgument, "operator \"", type,
                  "\" is in both the custom white and the custom black list; leave it in one");
    if (lists->black.erase(type) == 0) lists->gray.erase(type);
    lists->white.insert(type);
  }
  for (const std::string& type : black) {
    if (lists->white.erase(type) == 0) lists->gray.erase(type);
    lists->black.insert(type);
    lists->unsupported.insert(type);
  }
}

void CheckHalf(DType dtype) {
  SKIFF_ENFORCE(optimizer::IsHalf(dtype), InvalidArgument, "mixed precision is of float16 or bfloat16, not of ", dtype);
}

bool Lacks(const std::string& type, DType dtype) {
  const OpDef* def = FindOp(type);
  if (def == nullptr) return false;
  for (const PlaceKind place : {PlaceKind::kCpu, PlaceKind::kCuda}) {
    if (FindKernel(*def, place, DType::kFloat32) != nullptr && FindKernel(*def, place, dtype) == nullptr) return true;
  }
  return false;
}

/// Norms keep scale, shift and statistics in float32 whatever their input is.
bool StaysWide(const std::string& type, const std::string& slot) {
  return (type == "batch_norm" || type == "layer_norm" || type == "instance_norm") && slot != "X" && slot != "Y";
}

bool IsFloatCode(int32_t code) {
  const auto dtype = static_cast<DType>(code);
  return optimizer::IsHalf(dtype) || dtype == DType::kFloat32 || dtype == DType::kFloat64;
}

class Caster {
 public:
  Caster(Program& program, const OpLists& lists, const CastOptions& options)
      : block_(program.global_block()), lists_(options.level == Level::kOD ? OpLists({}, {}, options.dtype) : lists), options_(options) {
    if (options.level == Level::kO2) Remove(kNumericBlack, &lists_.black);
    for (int i = 1; i < program.num_blocks(); ++i) {
      for (const auto& op : program.block(i).ops()) {
        for (const Slots* slots : {&op->inputs, &op->outputs}) {
          for (const std::string& name : slots->AllNames()) held_.insert(name);
        }
      }
    }
  }

  Names Run() {
    if (options_.level == Level::kO2) HalveParameters();
    for (size_t i = 0; i < block_.ops().size(); ++i) {
      const std::shared_ptr<Operator> op = block_.ops()[i];
      if (op->type == "feed" || op->type == "fetch") continue;
      const Precision precision = PrecisionOf(*op);
      if (precision == Precision::kLow) NoteInputs(*op, /*parameters_only=*/false);
      if (precision == Precision::kWide && lists_.black.count(op->type) == 1) NoteInputs(*op, /*parameters_only=*/true);
      if (precision != Precision::kAsIs) {
        i += Cast(*op, i, precision);
        SetDTypes(*op, precision);
      } else if (op->type == "cast") {
        if (const auto x = block_.FindVar(op->inputs.One("X"))) op->attrs.Set("in_dtype", static_cast<int32_t>(x->dtype));
      }
      if (precision != Precision::kAsIs || op->type == "cast") Infer(*op);
      for (const std::string& name : op->outputs.AllNames()) {
        made_by_[name] = precision != Precision::kAsIs        ? precision
                         : lists_.black.count(op->type) == 1 ? Precision::kWide
                         : lists_.white.count(op->type) == 1 ? Precision::kLow
                                                             : Precision::kAsIs;
        casts_.erase({name, options_.dtype});  // a copy made earlier is out of date
        casts_.erase({name, DType::kFloat32});
      }
    }
    block_.program()->Touch();
    for (const std::string& name : kept_wide_) half_.erase(name);
    return half_;
  }

 private:
  enum class Precision { kAsIs, kLow, kWide };

  static bool Touches(const Operator& op, const Names& names) {
    for (const Slots* slots : {&op.inputs, &op.outputs}) {
      for (const std::string& name : slots->AllNames()) {
        if (names.count(name) == 1) return true;
      }
    }
    return false;
  }

  /// Whoever changes what outlives the operator keeps its dtype.
  bool WritesShared(const Operator& op) const {
    if (!OwnedBlocks(op).empty()) return true;
    for (const auto& [slot, names] : op.outputs) {
      if (StaysWide(op.type, slot)) continue;
      for (const std::string& name : names) {
        const auto var = block_.FindVar(name);
        if (held_.count(name) == 1 || (var != nullptr && var->persistable)) return true;
      }
    }
    return false;
  }

  // The gradient of its table is a set of rows, which no cast takes: the table stays in float32.
  static bool IsSparse(const Operator& op) { return op.attrs.Get<bool>("is_sparse", false); }

  bool Unable(const Operator& op) const {
    if (lists_.unsupported.count(op.type) == 1 || WritesShared(op) || IsSparse(op)) return true;
    if (op.type == "select_input") return true;  // only the input of the branch that ran has a value to cast
    for (const Slots* slots : {&op.inputs, &op.outputs}) {
      for (const std::string& name : slots->AllNames()) {
        if (name.find("learning_rate") != std::string::npos) return true;
      }
    }
    return !options_.guard.empty() && op.attrs.Get<std::string>(kOpNamescopeAttr, "").find(options_.guard) == std::string::npos;
  }

  // Parameters start half unless something that stays in float32 reads them. Black operators do not count: their
  // parameters may be another's too, and get a cast.
  void HalveParameters() {
    for (const auto& op : block_.ops()) {
      if (lists_.black.count(op->type) == 1 && !IsSparse(*op)) continue;
      const bool unable = Unable(*op);
      for (const auto& [slot, names] : op->inputs) {
        if (unable || StaysWide(op->type, slot)) kept_wide_.insert(names.begin(), names.end());
      }
    }
    Add(held_, &kept_wide_);
    if (options_.half_data) HalveData();
    for (const auto& var : block_.vars()) {
      if (!var->is_parameter || var->dtype != DType::kFloat32 || kept_wide_.count(var->name) == 1) continue;
      var->dtype = options_.dtype;
      half_.insert(var->name);
    }
  }

  void HalveData() {
    for (const auto& op : block_.ops()) {
      if (Unable(*op)) continue;
      for (const auto& [slot, names] : op->inputs) {
        if (StaysWide(op->type, slot)) continue;
        for (const std::string& name : names) {
          const auto var = block_.FindVar(name);
          if (var == nullptr || !var->need_check_feed || var->dtype != DType::kFloat32 || held_.count(name) == 1) continue;
          var->dtype = options_.dtype;
          half_.insert(name);
        }
      }
    }
  }

  bool IsProcessed(const Operator& op) const {
    bool any_float = op.inputs.AllNames().empty();
    for (const std::string& name : op.inputs.AllNames()) {
      const auto var = block_.FindVar(name);
      any_float = any_float || var == nullptr || (IsDense(*var) && (var->dtype == DType::kFloat32 || optimizer::IsHalf(var->dtype)));
    }
    if (!any_float) return false;
    if (op.type == "set_value" || op.attrs.Has("in_dtype")) return true;
    // What an attribute says the output's dtype is stays so.
    return !IsFloatCode(op.attrs.Get<int32_t>("out_dtype", -1)) && !IsFloatCode(op.attrs.Get<int32_t>("dtype", -1));
  }

  Precision PrecisionOf(const Operator& op) const {
    if (options_.level == Level::kBF16) return ByListsAlone(op);
    if (!IsProcessed(op)) return Precision::kAsIs;
    if (Unable(op) || Touches(op, lists_.black_variables) || lists_.black.count(op.type) == 1) return Precision::kWide;
    if (lists_.white.count(op.type) == 1) return Precision::kLow;
    if (op.type == "cast") return Precision::kAsIs;
    if (options_.level == Level::kOD) return Precision::kWide;
    if (options_.use_promote) return ReadsWide(op) ? Precision::kWide : Precision::kLow;
    if (options_.level == Level::kO2) return Precision::kLow;
    if (lists_.gray.count(op.type) == 0) return Precision::kWide;
    // The last input that something decides for decides.
    const Precision last = Decided(op, /*wide_wins=*/false);
    return last == Precision::kAsIs ? Precision::kLow : last;
  }

  Precision ByListsAlone(const Operator& op) const {
    if (Touches(op, lists_.black_variables) || WritesShared(op) || lists_.black.count(op.type) == 1) return Precision::kWide;
    if (lists_.white.count(op.type) == 1) return Precision::kLow;
    return lists_.gray.count(op.type) == 1 ? Decided(op, /*wide_wins=*/true) : Precision::kWide;
  }

  Precision Decided(const Operator& op, bool wide_wins) const {
    Precision decided = Precision::kAsIs;
    Slots inputs = op.inputs;
    inputs.Sort();
    for (const std::string& name : inputs.AllNames()) {
      const auto found = made_by_.find(name);
      if (found == made_by_.end() || found->second == Precision::kAsIs) continue;
      if (wide_wins && decided == Precision::kWide) continue;
      decided = found->second;
    }
    return decided;
  }

  bool ReadsWide(const Operator& op) const {
    for (const auto& [slot, names] : op.inputs) {
      if (StaysWide(op.type, slot)) continue;
      for (const std::string& name : names) {
        const auto var = block_.FindVar(name);
        if (var != nullptr && var->dtype == DType::kFloat32) return true;
      }
    }
    return false;
  }

  void NoteInputs(const Operator& op, bool parameters_only) {
    for (const auto& [slot, names] : op.inputs) {
      if (StaysWide(op.type, slot)) continue;
      for (const std::string& name : names) {
        const auto var = block_.FindVar(name);
        if (var == nullptr || (var->dtype != DType::kFloat32 && var->dtype != options_.dtype)) continue;
        if (!parameters_only || var->is_parameter) half_.insert(name);
      }
    }
  }

  // Only the outputs' dtypes may have changed.
  void Infer(const Operator& op) {
    std::vector<std::pair<std::shared_ptr<Variable>, Shape>> shapes;
    for (const std::string& name : op.outputs.AllNames()) {
      if (const auto var = block_.FindVar(name)) shapes.emplace_back(var, var->shape);
    }
    InferOutputs(block_, op);
    for (const auto& [var, shape] : shapes) var->shape = shape;
    for (const auto& [slot, names] : op.outputs) {
      for (const std::string& name : names) {
        const auto var = block_.FindVar(name);
        if (StaysWide(op.type, slot) && var != nullptr && optimizer::IsHalf(var->dtype)) var->dtype = DType::kFloat32;
      }
    }
  }

  // Replaces inputs of the other precision; returns how many operators that took.
  size_t Cast(Operator& op, size_t position, Precision precision) {
    const DType from = precision == Precision::kLow ? DType::kFloat32 : options_.dtype;
    const DType to = precision == Precision::kLow ? options_.dtype : DType::kFloat32;
    Slots inputs = op.inputs;
    inputs.Sort();
    size_t inserted = 0;
    for (const auto& [slot, names] : inputs) {
      if (precision == Precision::kLow && StaysWide(op.type, slot)) continue;
      std::vector<std::string> replaced = names;
      for (std::string& name : replaced) {
        const auto var = block_.FindVar(name);
        if (var != nullptr && var->dtype == from) name = CastOf(*var, to, position, &inserted);
      }
      if (replaced != names) op.inputs.Set(slot, std::move(replaced));
    }
    return inserted;
  }

  // "<name>.cast_fp16" or "<name>.cast_fp32"; made once for each value.
  const std::string& CastOf(const Variable& var, DType dtype, size_t position, size_t* inserted) {
    std::string& cast = casts_[{var.name, dtype}];
    if (!cast.empty()) return cast;
    cast = var.name + (dtype == DType::kFloat32 ? ".cast_fp32" : options_.suffix);
    if (block_.FindLocalVar(cast) != nullptr) cast = UniqueName(cast);
    block_.AddVar({.name = cast, .dtype = dtype, .shape = var.shape, .stop_gradient = var.stop_gradient, .lod_level = var.lod_level});
    InsertOp(block_, position, {"cast", {{"X", {var.name}}}, {{"Out", {cast}}},
                                {{"in_dtype", static_cast<int32_t>(var.dtype)}, {"out_dtype", static_cast<int32_t>(dtype)}}});
    ++*inserted;
    return cast;
  }

  // Attributes that name a floating dtype follow the operator's.
  void SetDTypes(Operator& op, Precision precision) const {
    for (const char* attr : {"in_dtype", "out_dtype", "dtype"}) {
      if (!op.attrs.Has(attr) || !IsFloatCode(op.attrs.Get<int32_t>(attr, -1))) continue;
      op.attrs.Set(attr, static_cast<int32_t>(precision == Precision::kLow ? options_.dtype : DType::kFloat32));
    }
  }

  Block& block_;
  OpLists lists_;
  const CastOptions& options_;
  Names held_;       // of sub-blocks
  Names kept_wide_;  // parameters and others that must not become half
  Names half_;
  std::map<std::string, Precision> made_by_;
  std::map<std::pair<std::string, DType>, std::string> casts_;
};

template <typename To, typename From, typename F>
Tensor Convert(const Tensor& value, F convert) {
  const Tensor from = value.To(CPUPlace{});
  Tensor made(value.shape(), kDTypeOf<To>);
  for (int64_t i = 0; i < from.num_elements(); ++i) made.data<To>()[i] = convert(from.data<From>()[i]);
  return made.To(value.place());
}

}  // namespace

Names UnsupportedOps(DType dtype) {
  CheckHalf(dtype);
  Names unsupported;
  for (const std::string& type : AllOpTypes()) {
    if (Lacks(type, dtype) || Lacks(type + "_grad", dtype)) unsupported.insert(type);
  }
  return unsupported;
}

OpLists::OpLists(const Names& custom_white, const Names& custom_black, DType dtype)
    : white(kWhite), black(kNumericBlack), gray(kGray), unsupported(UnsupportedOps(dtype)) {
  Add(kWhiteFake, &white);
  if (dtype == DType::kFloat16) Add(kWhiteFP16, &white);
  Add(kSlowBlack, &black);
  Customize(custom_white, custom_black, this);
}

OpLists OpLists::ForBF16(const Names& custom_bf16, const Names& custom_fp32) {
  OpLists lists({}, {}, DType::kBFloat16);
  lists.white = kWhite;
  lists.black = kNumericBlack;
  Add(kWhiteFake, &lists.black);
  for (const Names* others : {&lists.white, &lists.gray}) {
    Remove(*others, &lists.black);
    Remove(*others, &lists.unsupported);
  }
  Customize(custom_bf16, custom_fp32, &lists);
  return lists;
}

Names CastProgram(Program& program, const OpLists& lists, const CastOptions& options) {
  CheckHalf(options.dtype);
  return Caster(program, lists, options).Run();
}

void CastParameters(const Program& program, const Names& names, DType dtype, Scope& scope) {
  CheckHalf(dtype);
  for (const Variable* parameter : program.AllParameters()) {
    if (names.count(parameter->name) == 0 || scope.FindVar(parameter->name) == nullptr) continue;
    Tensor& value = scope.GetTensor(parameter->name);
    if (value.dtype() == dtype) continue;
    SKIFF_ENFORCE(value.dtype() == DType::kFloat32, InvalidType, "parameter \"", parameter->name, "\" is ", value.dtype(),
                  " in the scope; float32 can become ", dtype);
    value = dtype == DType::kFloat16 ? Convert<Float16, float>(value, ToFloat16) : Convert<BFloat16, float>(value, ToBFloat16);
  }
}

Tensor ToFloat32(const Tensor& value) {
  switch (value.dtype()) {
    case DType::kFloat16: return Convert<float, Float16>(value, [](Float16 x) { return ToFloat(x); });
    case DType::kBFloat16: return Convert<float, BFloat16>(value, [](BFloat16 x) { return ToFloat(x); });
    default: break;
  }
  SKIFF_ENFORCE(value.dtype() == DType::kFloat32, InvalidType, "values of ", value.dtype(), " do not become float32; half ones do");
  return value;
}

}  // namespace skiff::amp
