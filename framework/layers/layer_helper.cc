#include "framework/layers/layer_helper.h"

#include <algorithm>

#include "framework/layers/initializer.h"
#include "framework/layers/weight_norm.h"
#include "framework/op/append_op.h"
#include "framework/program/unique_name.h"

namespace skiff {

namespace {

bool OwnsSubBlock(const std::string& type) {
  return type == "while" || type == "conditional_block" || type == "recurrent" || type == "pylayer";
}

// The variable `wanted` of a block, made or found. @throws when one of that name differs.
std::shared_ptr<Variable> MakeOrShare(Block& block, const Variable& wanted) {
  const std::shared_ptr<Variable> found = block.FindLocalVar(wanted.name);
  if (found == nullptr) return block.AddVar(wanted);
  SKIFF_ENFORCE(found->shape == wanted.shape && found->dtype == wanted.dtype, InvalidArgument,
                "parameter \"", wanted.name, "\" is wanted as ", wanted.dtype, " ", wanted.shape,
                ", but exists as ", found->dtype, " ", found->shape,
                "; give it another name in its ParamAttr");
  found->is_parameter = found->is_parameter || wanted.is_parameter;
  return found;
}

bool IsWritten(const Block& block, const std::string& name) {
  return std::any_of(block.ops().begin(), block.ops().end(),
                     [&](const auto& op) { return op->outputs.Mentions(name); });
}

Variable Describe(const ParamAttr& attr, const std::string& name, const Shape& shape, DType dtype) {
  Variable made{.name = name, .dtype = dtype, .shape = shape, .persistable = true, .stop_gradient = !attr.trainable,
                .is_parameter = true};
  made.parameter = {.trainable = attr.trainable, .learning_rate = attr.learning_rate, .need_clip = attr.need_clip,
                    .do_model_average = attr.do_model_average, .regularizer_kind = attr.regularizer.kind,
                    .regularizer_coeff = attr.regularizer.coeff};
  return made;
}

}  // namespace

std::shared_ptr<Operator> AppendLayerOp(Block& block, Operator op) {
  const std::shared_ptr<Operator> added = AppendOp(block, std::move(op));
  if (OwnsSubBlock(added->type)) return added;
  for (const std::string& name : added->inputs.AllNames()) {
    const std::shared_ptr<Variable> v = block.FindVar(name);
    if (v != nullptr && !v->stop_gradient) return added;
  }
  for (const std::string& name : added->outputs.AllNames()) {
    if (const std::shared_ptr<Variable> v = block.FindVar(name)) v->stop_gradient = true;
  }
  return added;
}

LayerHelper::LayerHelper(const std::string& layer_type, const std::string& name, std::string origin)
    : layer_type_(layer_type), name_(name.empty() ? UniqueName(layer_type) : name),
      origin_(std::move(origin)) {}

Var LayerHelper::CreateTemporary(DType dtype, bool stop_gradient) const {
  return CreateVariable(UniqueName(name_ + ".tmp"), dtype, stop_gradient);
}

Var LayerHelper::CreateVariable(const std::string& name, DType dtype, bool stop_gradient) const {
  return block().AddVar({.name = name, .dtype = dtype, .stop_gradient = stop_gradient});
}

Var LayerHelper::CreateParameter(const ParamAttr& attr, const Shape& shape, DType dtype, bool is_bias,
                                 const Initializer& default_initializer) const {
  const std::string name = attr.name.empty() ? UniqueName(name_ + (is_bias ? ".b" : ".w")) : attr.name;
  for (int64_t extent : shape) {
    SKIFF_ENFORCE(extent > 0, InvalidArgument, "parameter \"", name, "\" cannot have shape ", shape,
                  "; every extent must be known and positive");
  }
  if (attr.weight_norm) return CreateWeightNorm(attr, name, shape, dtype, is_bias, default_initializer);
  Initializer fill = attr.initializer ? attr.initializer : initializer::Global(is_bias);
  if (!fill) fill = default_initializer;
  if (!fill && is_bias) fill = initializer::Constant(0.0);
  if (!fill && IsFloating(dtype)) fill = initializer::XavierUniform();
  SKIFF_ENFORCE(fill, InvalidArgument, "parameter \"", name, "\" is ", dtype,
                "; give its ParamAttr an initializer");
  const Variable made = Describe(attr, name, shape, dtype);
  Block& startup = DefaultStartupProgram().global_block();
  const std::shared_ptr<Variable> filled = MakeOrShare(startup, made);
  if (!IsWritten(startup, name)) fill(startup, *filled);
  filled->stop_gradient = made.stop_gradient;
  return MakeOrShare(DefaultMainProgram().global_block(), made);
}

Var LayerHelper::CreateWeightNorm(const ParamAttr& attr, const std::string& name, const Shape& shape, DType dtype,
                                  bool is_bias, const Initializer& default_initializer) const {
  const WeightNorm& norm = *attr.weight_norm;
  Block& startup = DefaultStartupProgram().global_block();
  const Variable made = Describe(attr, name + "_g", weight_norm::LengthShape(shape, norm), dtype);
  const std::shared_ptr<Variable> filled = MakeOrShare(startup, made);
  const Var lengths = MakeOrShare(DefaultMainProgram().global_block(), made);
  ParamAttr plain = attr;
  plain.name = name + "_v";
  plain.weight_norm.reset();
  const Var direction = CreateParameter(plain, shape, dtype, is_bias, default_initializer);
  if (!IsWritten(startup, made.name)) {
    weight_norm::AppendLengths(startup, *this, direction, norm, made.name);
    weight_norm::AppendReshape(startup, *this, made.name, made.shape);
    filled->stop_gradient = made.stop_gradient;
  }
  return weight_norm::AppendWeight(*this, direction, lengths, norm);
}

Var LayerHelper::CreateGlobal(const std::string& name, const Shape& shape, DType dtype,
                              double value, bool persistable) const {
  Variable made{.name = name, .dtype = dtype, .shape = shape, .persistable = true};
  made.stop_gradient = true;
  Block& startup = DefaultStartupProgram().global_block();
  const std::shared_ptr<Variable> filled = MakeOrShare(startup, made);
  if (!IsWritten(startup, name)) initializer::Constant(value)(startup, *filled);
  made.persistable = persistable;
  return MakeOrShare(DefaultMainProgram().global_block(), made);
}

std::shared_ptr<Operator> LayerHelper::AppendOp(Block& block, Operator op) const {
  if (op.origin.empty()) op.origin = origin_;
  return AppendLayerOp(block, std::move(op));
}

Var LayerHelper::AppendOp(const std::string& type, Slots inputs, const Attrs& attrs, const Var& out,
                          const std::string& out_slot) const {
  AppendOp({type, std::move(inputs), {{out_slot, {out.name()}}}, attrs});
  return out;
}

Var LayerHelper::AddBias(const Var& x, const std::optional<ParamAttr>& attr, int first_axis,
                         int last_axis) const {
  if (!attr) return x;
  const Shape& shape = x.shape();
  SKIFF_ENFORCE(0 <= first_axis && first_axis < last_axis && last_axis <= shape.rank(), InvalidArgument,
                layer_type_, ": a bias over the axes ", first_axis, " to ", last_axis, " of \"", x.name(),
                "\" ", shape);
  const auto dims = shape.dims().subspan(first_axis, last_axis - first_axis);
  const Var bias = CreateParameter(*attr, Shape(dims), x.dtype(), /*is_bias=*/true);
  return AppendOp("elementwise_add", {{"X", {x.name()}}, {"Y", {bias.name()}}}, {{"axis", first_axis}},
                  CreateTemporary(x.dtype()));
}

Var LayerHelper::Activate(const Var& x, const std::string& activation) const {
  if (activation.empty()) return x;
  return AppendOp(activation, {{"X", {x.name()}}}, {}, CreateTemporary(x.dtype()));
}

}  // namespace skiff
