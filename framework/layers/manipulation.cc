// Layers that move, cut or pick elements.
#include "framework/layers/layer_helper.h"
#include "framework/layers/layers.h"
#include "framework/program/unique_name.h"

namespace skiff::layers {

namespace {

// Operators that keep the shape of X in XShape for their gradient.
Var WithXShape(const LayerHelper& helper, const std::string& type, const Var& x, const Attrs& attrs) {
  const Var out = helper.CreateTemporary(x.dtype());
  const Var x_shape = helper.CreateTemporary(x.dtype());
  helper.AppendOp({type, {{"X", {x.name()}}}, {{"Out", {out.name()}}, {"XShape", {x_shape.name()}}},
                   attrs});
  return out;
}

std::vector<std::string> NamesOf(const std::vector<Var>& vars, const char* layer) {
  SKIFF_ENFORCE(!vars.empty(), InvalidArgument, layer, " needs at least one input");
  std::vector<std::string> names;
  for (const Var& v : vars) names.push_back(v.name());
  return names;
}

std::vector<Var> SplitInto(const Var& x, int num, const std::vector<int32_t>& sections, int axis,
                           const std::string& origin) {
  const LayerHelper helper("split", "", origin);
  const int along = NormalizeAxis(axis, x.rank());
  std::vector<Var> parts;
  const size_t count = num > 0 ? static_cast<size_t>(num) : sections.size();
  SKIFF_ENFORCE(count > 0, InvalidArgument, "layers::Split: into ", num, " parts; expected at least 1");
  for (size_t i = 0; i < count; ++i) parts.push_back(helper.CreateTemporary(x.dtype()));
  helper.AppendOp({"split", {{"X", {x.name()}}}, {{"Out", NamesOf(parts, "layers::Split")}},
                   {{"axis", along}, {"num", num}, {"sections", sections}}});
  return parts;
}

}  // namespace

Var Reshape(const Var& x, const std::vector<int32_t>& shape, Origin at) {
  return WithXShape(LayerHelper("reshape2", "", at.Of("layers::Reshape")), "reshape2", x,
                    {{"shape", shape}});
}

Var Transpose(const Var& x, const std::vector<int32_t>& axes, Origin at) {
  return WithXShape(LayerHelper("transpose", "", at.Of("layers::Transpose")), "transpose2", x,
                    {{"axis", axes}});
}

Var Flatten(const Var& x, int first, int last, Origin at) {
  return WithXShape(LayerHelper("flatten", "", at.Of("layers::Flatten")), "flatten_contiguous_range", x,
                    {{"start_axis", NormalizeAxis(first, x.rank())},
                     {"stop_axis", NormalizeAxis(last, x.rank())}});
}

Var Squeeze(const Var& x, const std::vector<int32_t>& axes, Origin at) {
  return WithXShape(LayerHelper("squeeze", "", at.Of("layers::Squeeze")), "squeeze2", x,
                    {{"axes", axes}});
}

Var Unsqueeze(const Var& x, const std::vector<int32_t>& axes, Origin at) {
  return WithXShape(LayerHelper("unsqueeze2", "", at.Of("layers::Unsqueeze")), "unsqueeze2", x,
                    {{"axes", axes}});
}

Var Concat(const std::vector<Var>& inputs, int axis, Origin at) {
  const LayerHelper helper("concat", "", at.Of("layers::Concat"));
  const std::vector<std::string> names = NamesOf(inputs, "layers::Concat");
  return helper.AppendOp("concat", {{"X", names}}, {{"axis", axis}},
                         helper.CreateTemporary(inputs.front().dtype()));
}

Var Stack(const std::vector<Var>& inputs, int axis, Origin at) {
  const LayerHelper helper("stack", "", at.Of("layers::Stack"));
  const std::vector<std::string> names = NamesOf(inputs, "layers::Stack");
  return helper.AppendOp("stack", {{"X", names}}, {{"axis", axis}},
                         helper.CreateTemporary(inputs.front().dtype()), "Y");
}

std::vector<Var> Split(const Var& x, int parts, int axis, Origin at) {
  return SplitInto(x, parts, {}, axis, at.Of("layers::Split"));
}

std::vector<Var> SplitSections(const Var& x, const std::vector<int32_t>& sections, int axis, Origin at) {
  return SplitInto(x, 0, sections, axis, at.Of("layers::SplitSections"));
}

std::vector<Var> Unstack(const Var& x, int axis, Origin at) {
  const LayerHelper helper("unstack", "", at.Of("layers::Unstack"));
  const int64_t count = x.shape().At(axis);
  SKIFF_ENFORCE(count > 0, InvalidArgument, "layers::Unstack: axis ", axis, " of \"", x.name(), "\" ",
                x.shape(), " must be known");
  std::vector<Var> parts;
  for (int64_t i = 0; i < count; ++i) parts.push_back(helper.CreateTemporary(x.dtype()));
  helper.AppendOp({"unstack", {{"X", {x.name()}}}, {{"Y", NamesOf(parts, "layers::Unstack")}},
                   {{"axis", axis}, {"num", static_cast<int32_t>(count)}}});
  return parts;
}

Var Slice(const Var& x, const std::vector<int32_t>& axes, const std::vector<int32_t>& starts,
          const std::vector<int32_t>& ends, Origin at) {
  SKIFF_ENFORCE(axes.size() == starts.size() && axes.size() == ends.size(), InvalidArgument,
                "layers::Slice: ", axes.size(), " axes, ", starts.size(), " starts, ", ends.size(),
                " ends; expected as many of each");
  const LayerHelper helper("slice", "", at.Of("layers::Slice"));
  return helper.AppendOp("slice", {{"Input", {x.name()}}},
                         {{"axes", axes}, {"starts", starts}, {"ends", ends},
                          {"infer_flags", std::vector<int32_t>(axes.size(), 1)}},
                         helper.CreateTemporary(x.dtype()));
}

Var Cast(const Var& x, DType dtype, Origin at) {
  const LayerHelper helper("cast", "", at.Of("layers::Cast"));
  return helper.AppendOp("cast", {{"X", {x.name()}}},
                         {{"in_dtype", static_cast<int32_t>(x.dtype())},
                          {"out_dtype", static_cast<int32_t>(dtype)}},
                         helper.CreateTemporary(dtype, x.stop_gradient()));
}

Var Gather(const Var& x, const Var& index, int axis, Origin at) {
  const LayerHelper helper("gather", "", at.Of("layers::Gather"));
  return helper.AppendOp("gather", {{"X", {x.name()}}, {"Index", {index.name()}}}, {{"axis", axis}},
                         helper.CreateTemporary(x.dtype()));
}

Var GatherNd(const Var& x, const Var& index, Origin at) {
  const LayerHelper helper("gather_nd", "", at.Of("layers::GatherNd"));
  return helper.AppendOp("gather_nd", {{"X", {x.name()}}, {"Index", {index.name()}}}, {},
                         helper.CreateTemporary(x.dtype()));
}

Var Expand(const Var& x, const std::vector<int32_t>& shape, Origin at) {
  const LayerHelper helper("expand", "", at.Of("layers::Expand"));
  return helper.AppendOp("expand_v2", {{"X", {x.name()}}}, {{"shape", shape}},
                         helper.CreateTemporary(x.dtype()));
}

Var Tile(const Var& x, const std::vector<int32_t>& repeats, Origin at) {
  const LayerHelper helper("tile", "", at.Of("layers::Tile"));
  return helper.AppendOp("tile", {{"X", {x.name()}}}, {{"repeat_times", repeats}},
                         helper.CreateTemporary(x.dtype()));
}

Var Where(const Var& condition, const Var& x, const Var& y, Origin at) {
  const LayerHelper helper("where", "", at.Of("layers::Where"));
  return helper.AppendOp("where", {{"Condition", {condition.name()}}, {"X", {x.name()}}, {"Y", {y.name()}}},
                         {}, helper.CreateTemporary(x.dtype()));
}

Var OneHot(const Var& x, int classes, Origin at) {
  const LayerHelper helper("one_hot_v2", "", at.Of("layers::OneHot"));
  return helper.AppendOp("one_hot_v2", {{"X", {x.name()}}},
                         {{"depth", classes}, {"allow_out_of_range", false}},
                         helper.CreateTemporary(DType::kFloat32, true));
}

ValuesAndIndices TopK(const Var& x, int k, const TopKOptions& options, Origin at) {
  const LayerHelper helper("top_k_v2", "", at.Of("layers::TopK"));
  const Var values = helper.CreateTemporary(x.dtype());
  const Var indices = helper.CreateTemporary(DType::kInt64, true);
  helper.AppendOp({"top_k_v2", {{"X", {x.name()}}},
                   {{"Out", {values.name()}}, {"Indices", {indices.name()}}},
                   {{"k", k}, {"axis", options.axis}, {"largest", options.largest},
                    {"sorted", options.sorted}}});
  return {values, indices};
}

namespace {

Var ArgExtreme(const std::string& type, const std::string& function, const Var& x,
               const ArgMaxOptions& options, const std::string& origin) {
  const LayerHelper helper(function, "", origin);
  return helper.AppendOp(type, {{"X", {x.name()}}},
                         {{"keepdims", options.keep_dim}, {"axis", options.axis.value_or(0)},
                          {"flatten", !options.axis.has_value()},
                          {"dtype", static_cast<int32_t>(options.dtype)}},
                         helper.CreateTemporary(options.dtype, true));
}

}  // namespace

Var ArgMax(const Var& x, const ArgMaxOptions& options, Origin at) {
  return ArgExtreme("arg_max", "argmax", x, options, at.Of("layers::ArgMax"));
}

Var ArgMin(const Var& x, const ArgMaxOptions& options, Origin at) {
  return ArgExtreme("arg_min", "argmin", x, options, at.Of("layers::ArgMin"));
}

Var FillConstant(const Shape& shape, double value, DType dtype, Origin at) {
  UniqueName("fill_constant");  // Paddle's full makes two helpers and uses the second
  const LayerHelper helper("fill_constant", "", at.Of("layers::FillConstant"));
  const bool whole = IsInteger(dtype) || dtype == DType::kBool;
  const std::string text =
      whole ? std::to_string(static_cast<int64_t>(value)) : PythonFloat(value);
  return helper.AppendOp("fill_constant", {},
                         {{"shape", shape.ToVector()}, {"dtype", static_cast<int32_t>(dtype)},
                          {"value", static_cast<float>(value)}, {"str_value", text},
                          {"force_cpu", false}},
                         helper.CreateTemporary(dtype, true));
}

}  // namespace skiff::layers
