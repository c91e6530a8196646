// Inputs, activations, reductions, elementwise operators and losses.
#include <algorithm>

#include "framework/layers/layer_helper.h"
#include "framework/layers/layers.h"
#include "framework/program/unique_name.h"

namespace skiff::layers {

Var Data(const std::string& name, const Shape& shape, DType dtype, int lod_level, Origin at) {
  Block& block = DefaultMainProgram().global_block();
  SKIFF_ENFORCE(block.FindLocalVar(name) == nullptr, AlreadyExists, at.Of("layers::Data"),
                ": the program has a variable \"", name, "\" already");
  Variable made{.name = name, .dtype = dtype, .shape = shape};
  made.stop_gradient = true;
  made.need_check_feed = true;
  made.lod_level = lod_level;
  return block.AddVar(made);
}

Var CreateParameter(const Shape& shape, DType dtype, const ParameterSpec& spec, Origin at) {
  const LayerHelper helper("create_parameter", spec.name, at.Of("layers::CreateParameter"));
  ParamAttr attr = spec.attr;
  if (attr.name.empty()) attr.name = spec.name;
  return helper.CreateParameter(attr, shape, dtype, spec.is_bias, spec.initializer);
}

Var CreateGlobalVar(const Shape& shape, double value, DType dtype, bool persistable,
                    const std::string& name, Origin at) {
  const LayerHelper helper("global_var", "", at.Of("layers::CreateGlobalVar"));
  return helper.CreateGlobal(name.empty() ? UniqueName("_generated_var") : name, shape, dtype, value,
                             persistable);
}

// ---- elementwise of one operand --------------------------------------------------------------------

namespace {

// Where Paddle's function, after which results are named, is not called as its operator.
std::string FunctionOf(const std::string& op_type) {
  if (op_type == "hard_swish") return "hardswish";
  if (op_type == "hard_sigmoid") return "hardsigmoid";
  if (op_type == "logsigmoid") return "log_sigmoid";
  if (op_type == "hard_shrink") return "hardshrink";
  if (op_type == "tanh_shrink") return "tanhshrink";
  return op_type;
}

Var Unary(const std::string& type, const Var& x, const Attrs& attrs, const std::string& origin) {
  const LayerHelper helper(FunctionOf(type), "", origin);
  return helper.AppendOp(type, {{"X", {x.name()}}}, attrs, helper.CreateTemporary(x.dtype()));
}

Var Binary(const std::string& type, const Var& x, const Var& y, const std::string& origin) {
  const LayerHelper helper(type, "", origin);
  return helper.AppendOp(type, {{"X", {x.name()}}, {"Y", {y.name()}}}, {{"axis", -1}},
                         helper.CreateVariable(helper.name(), x.dtype()));
}

}  // namespace

Var Activation(const std::string& type, const Var& x, const Attrs& attrs, Origin at) {
  return Unary(type, x, attrs, at.Of("layers::Activation"));
}
Var Relu(const Var& x, Origin at) { return Unary("relu", x, {}, at.Of("layers::Relu")); }
Var Sigmoid(const Var& x, Origin at) { return Unary("sigmoid", x, {}, at.Of("layers::Sigmoid")); }
Var Tanh(const Var& x, Origin at) { return Unary("tanh", x, {}, at.Of("layers::Tanh")); }
Var Gelu(const Var& x, bool approximate, Origin at) {
  return Unary("gelu", x, {{"approximate", approximate}}, at.Of("layers::Gelu"));
}
Var LeakyRelu(const Var& x, float negative_slope, Origin at) {
  return Unary("leaky_relu", x, {{"alpha", negative_slope}}, at.Of("layers::LeakyRelu"));
}
Var Softmax(const Var& x, int axis, Origin at) {
  return Unary("softmax", x, {{"axis", axis}}, at.Of("layers::Softmax"));
}
Var LogSoftmax(const Var& x, int axis, Origin at) {
  return Unary("log_softmax", x, {{"axis", axis}}, at.Of("layers::LogSoftmax"));
}
Var Exp(const Var& x, Origin at) { return Unary("exp", x, {}, at.Of("layers::Exp")); }
Var Log(const Var& x, Origin at) { return Unary("log", x, {}, at.Of("layers::Log")); }
Var Sqrt(const Var& x, Origin at) { return Unary("sqrt", x, {}, at.Of("layers::Sqrt")); }
Var Square(const Var& x, Origin at) { return Unary("square", x, {}, at.Of("layers::Square")); }
Var Abs(const Var& x, Origin at) { return Unary("abs", x, {}, at.Of("layers::Abs")); }
Var Scale(const Var& x, float scale, float bias, bool bias_after_scale, Origin at) {
  return Unary("scale", x, {{"scale", scale}, {"bias", bias}, {"bias_after_scale", bias_after_scale}},
               at.Of("layers::Scale"));
}
Var Clip(const Var& x, float min, float max, Origin at) {
  return Unary("clip", x, {{"min", min}, {"max", max}}, at.Of("layers::Clip"));
}

// ---- of two operands -------------------------------------------------------------------------------

Var Add(const Var& x, const Var& y, Origin at) {
  return Binary("elementwise_add", x, y, at.Of("layers::Add"));
}
Var Subtract(const Var& x, const Var& y, Origin at) {
  return Binary("elementwise_sub", x, y, at.Of("layers::Subtract"));
}
Var Multiply(const Var& x, const Var& y, Origin at) {
  return Binary("elementwise_mul", x, y, at.Of("layers::Multiply"));
}
Var Divide(const Var& x, const Var& y, Origin at) {
  return Binary("elementwise_div", x, y, at.Of("layers::Divide"));
}
Var Maximum(const Var& x, const Var& y, Origin at) {
  return Binary("elementwise_max", x, y, at.Of("layers::Maximum"));
}
Var Minimum(const Var& x, const Var& y, Origin at) {
  return Binary("elementwise_min", x, y, at.Of("layers::Minimum"));
}

Var AddN(const std::vector<Var>& inputs, Origin at) {
  SKIFF_ENFORCE(!inputs.empty(), InvalidArgument, "layers::AddN needs at least one input");
  const LayerHelper helper("add_n", "", at.Of("layers::AddN"));
  std::vector<std::string> names;
  for (const Var& x : inputs) names.push_back(x.name());
  return helper.AppendOp("sum", {{"X", names}}, {{"use_mkldnn", false}},
                         helper.CreateTemporary(inputs.front().dtype()));
}

Var Matmul(const Var& x, const Var& y, bool transpose_x, bool transpose_y, Origin at) {
  const LayerHelper helper("matmul_v2", "", at.Of("layers::Matmul"));
  return helper.AppendOp("matmul_v2", {{"X", {x.name()}}, {"Y", {y.name()}}},
                         {{"trans_x", transpose_x}, {"trans_y", transpose_y}},
                         helper.CreateTemporary(x.dtype()));
}

// ---- reductions ------------------------------------------------------------------------------------

namespace {

// `says_all`: whether all axes are written as reduce_all; Paddle's sum does not.
Var Reduce(const std::string& type, const std::string& function, const Var& x,
           const ReduceOptions& options, DType dtype, bool says_all, const std::string& origin) {
  const LayerHelper helper(function, "", origin);
  const bool none = options.axis.empty();
  const bool every = !none && static_cast<int>(options.axis.size()) == x.rank();
  return helper.AppendOp(type, {{"X", {x.name()}}},
                         {{"dim", options.axis}, {"keep_dim", options.keep_dim},
                          {"reduce_all", says_all && (every || none)}},
                         helper.CreateTemporary(dtype));
}

}  // namespace

Var Mean(const Var& x, const ReduceOptions& options, Origin at) {
  return Reduce("reduce_mean", "mean", x, options, x.dtype(), true, at.Of("layers::Mean"));
}
Var Sum(const Var& x, const ReduceOptions& options, Origin at) {
  const bool widens = x.dtype() == DType::kInt32 || x.dtype() == DType::kBool;
  return Reduce("reduce_sum", "sum", x, options, widens ? DType::kInt64 : x.dtype(), false,
                at.Of("layers::Sum"));
}
Var Max(const Var& x, const ReduceOptions& options, Origin at) {
  return Reduce("reduce_max", "max", x, options, x.dtype(), true, at.Of("layers::Max"));
}
Var Min(const Var& x, const ReduceOptions& options, Origin at) {
  return Reduce("reduce_min", "min", x, options, x.dtype(), true, at.Of("layers::Min"));
}
Var Prod(const Var& x, const ReduceOptions& options, Origin at) {
  return Reduce("reduce_prod", "reduce_prod", x, options, x.dtype(), true, at.Of("layers::Prod"));
}
Var All(const Var& x, const ReduceOptions& options, Origin at) {
  return Reduce("reduce_all", "all", x, options, DType::kBool, true, at.Of("layers::All"));
}
Var Any(const Var& x, const ReduceOptions& options, Origin at) {
  return Reduce("reduce_any", "any", x, options, DType::kBool, true, at.Of("layers::Any"));
}

// ---- losses and metrics ----------------------------------------------------------------------------

LossAndSoftmax SoftmaxWithCrossEntropy(const Var& x, const Var& label,
                                       const CrossEntropyOptions& options, Origin at) {
  const int axis = NormalizeAxis(options.axis, x.rank());
  // Class numbers may come without the axis of extent 1.
  const bool flat = label.rank() + 1 == x.rank();
  const Var labels = flat ? Unsqueeze(label, {options.axis}, at) : label;
  SKIFF_ENFORCE(labels.rank() == x.rank(), InvalidArgument, "layers::SoftmaxWithCrossEntropy: \"",
                label.name(), "\" has shape ", label.shape(), ", \"", x.name(), "\" ", x.shape(),
                "; expected as many axes, axis ", axis, " of extent 1 or left out");
  const LayerHelper helper("softmax_with_cross_entropy", "", at.Of("layers::SoftmaxWithCrossEntropy"));
  const Var softmax = helper.CreateTemporary(x.dtype());
  const Var loss = helper.CreateTemporary(x.dtype());
  helper.AppendOp({"softmax_with_cross_entropy",
                   {{"Logits", {x.name()}}, {"Label", {labels.name()}}},
                   {{"Softmax", {softmax.name()}}, {"Loss", {loss.name()}}},
                   {{"soft_label", options.soft_label},
                    {"ignore_index", static_cast<int32_t>(options.ignore_index)},
                    {"numeric_stable_mode", true}, {"axis", options.axis},
                    {"use_softmax", options.use_softmax}}});
  return {loss, softmax};
}

Var CrossEntropy(const Var& x, const Var& label, const CrossEntropyOptions& options, Origin at) {
  const Var labels = label.rank() + 1 == x.rank() ? Unsqueeze(label, {options.axis}, at) : label;
  const Var loss = SoftmaxWithCrossEntropy(x, labels, options, at);
  if (options.soft_label || options.ignore_index < 0) return Mean(loss, {}, at);
  // The mean over the labels that count; when none does, 0 / 1.
  const Var total = Sum(loss, {}, at);
  const std::string origin = at.Of("layers::CrossEntropy");
  const LayerHelper fill("fill_constant", UniqueName("tmp"), origin);
  const Var ignored = fill.AppendOp("fill_constant", {},
      {{"shape", std::vector<int64_t>{}}, {"dtype", static_cast<int32_t>(labels.dtype())},
       {"value", static_cast<float>(options.ignore_index)}, {"force_cpu", false}},
      fill.CreateVariable(fill.name(), labels.dtype(), true));
  const LayerHelper compare("not_equal", UniqueName("tmp"), origin);
  const Var counts = compare.AppendOp("not_equal", {{"X", {labels.name()}}, {"Y", {ignored.name()}}},
                                      {{"axis", -1}},
                                      compare.CreateVariable(compare.name(), DType::kBool));
  const Var count = Sum(Cast(counts, loss.dtype(), at), {}, at);
  const Var zero = FillConstant({}, 0.0, count.dtype(), at);
  const LayerHelper equal("equal", "", origin);
  const Var none = equal.AppendOp("equal", {{"X", {count.name()}}, {"Y", {zero.name()}}}, {{"axis", -1}},
                                  equal.CreateTemporary(DType::kBool, true));
  return total / (count + none);
}

Var SquareErrorCost(const Var& x, const Var& label, Origin at) {
  const LayerHelper helper("square_error_cost", "", at.Of("layers::SquareErrorCost"));
  const Var difference = helper.AppendOp("elementwise_sub", {{"X", {x.name()}}, {"Y", {label.name()}}},
                                         {}, helper.CreateTemporary(x.dtype()));
  return helper.AppendOp("square", {{"X", {difference.name()}}}, {}, helper.CreateTemporary(x.dtype()));
}

Var Accuracy(const Var& x, const Var& label, int k, Origin at) {
  const LayerHelper helper("accuracy", "", at.Of("layers::Accuracy"));
  const Var values = helper.CreateTemporary(x.dtype());
  const Var indices = helper.CreateTemporary(DType::kInt64);
  helper.AppendOp({"top_k_v2", {{"X", {x.name()}}},
                   {{"Out", {values.name()}}, {"Indices", {indices.name()}}},
                   {{"k", k}, {"sorted", false}}});
  const Var accuracy = helper.CreateTemporary(DType::kFloat32);
  const Var correct = helper.CreateTemporary(DType::kInt32);
  const Var total = helper.CreateTemporary(DType::kInt32);
  helper.AppendOp({"accuracy",
                   {{"Out", {values.name()}}, {"Indices", {indices.name()}}, {"Label", {label.name()}}},
                   {{"Accuracy", {accuracy.name()}}, {"Correct", {correct.name()}},
                    {"Total", {total.name()}}}, {}});
  return accuracy;
}

}  // namespace skiff::layers
