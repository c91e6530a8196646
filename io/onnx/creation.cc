// Constants and tensors that come from shapes.
#include <algorithm>
#include <cstring>

#include "framework/op/run_op.h"
#include "io/onnx/op.h"

namespace skiff::io {

namespace {

constexpr int64_t kMaxConstant = 64;  // elements; larger ones are made when the model runs

// One element, as fill_constant and its kin give it.
Tensor FilledElement(const OnnxOp& op, DType dtype) {
  std::map<std::string, Value> values;
  Operator fill{"fill_constant", {}, {{"Out", {"out"}}},
                {{"shape", std::vector<int64_t>{1}}, {"dtype", static_cast<int32_t>(dtype)}, {"value", op.Attr<float>("value")}}};
  if (op.HasAttr("str_value")) fill.attrs.Set("str_value", op.Attr<std::string>("str_value"));
  RunOp(fill, &values);
  return std::get<Tensor>(values.at("out"));
}

std::string FilledShape(OnnxOp& op, const std::string& shape, const Tensor& element) {
  return op.Node("ConstantOfShape", {shape}, {{"value", element}});
}

// The operator's output where it depends on attributes and known shapes alone: what the operator itself gives.
Tensor Computed(const OnnxOp& op, const std::string& slot) {
  std::map<std::string, Value> values;
  for (const auto& [name, variables] : op.op().inputs) {
    for (size_t i = 0; i < variables.size(); ++i) {
      Shape shape = op.ShapeOf(name, static_cast<int>(i));
      for (int axis = 0; axis < shape.rank(); ++axis) {
        if (shape[axis] < 0 || axis < 2) shape[axis] = 1;  // batch and channels have no say
      }
      Bounded(shape.NumElements(), "elements of a picture");
      Tensor zeros(shape, op.TypeOf(name, static_cast<int>(i)));
      std::memset(zeros.raw_data(), 0, zeros.bytes());
      values[variables[i]] = zeros;
    }
  }
  RunOp(op.op(), &values);
  return std::get<Tensor>(values.at(op.op().outputs.One(slot)));
}

void EmitComputed(OnnxOp& op, const std::vector<const char*>& slots) {
  for (const char* slot : slots) {
    if (op.OutCount(slot) == 0) continue;
    Bounded(op.OutShape(slot).IsKnown() ? op.OutShape(slot).NumElements() : 0, "elements of a constant");
    op.OutKnown(slot, Computed(op, slot));
  }
}

}  // namespace

SKIFF_ONNX(empty) {
  Tensor zero(Shape{1}, op.OutType("Out"));
  std::memset(zero.raw_data(), 0, zero.bytes());
  op.Out("Out", FilledShape(op, op.IntList("ShapeTensorList", "ShapeTensor", "shape"), zero));
}
SKIFF_ONNX(fill) { EmitComputed(op, {"Out"}); }

SKIFF_ONNX(fill_constant) {
  const DType dtype = static_cast<DType>(op.Attr<int32_t>("dtype"));
  const bool dynamic = op.IsTensorGiven("ShapeTensorList", "ShapeTensor");
  const std::string shape = op.IntList("ShapeTensorList", "ShapeTensor", "shape");
  if (op.Has("ValueTensor")) {
    return op.Out("Out", op.Node("Expand", {op.Cast(op.AsScalar(op.In("ValueTensor")), dtype), shape}));
  }
  const Tensor element = FilledElement(op, dtype);
  const Shape known(op.Ints("shape"));
  if (dynamic || known.NumElements() > kMaxConstant) return op.Out("Out", FilledShape(op, shape, element));
  EmitComputed(op, {"Out"});
}

SKIFF_ONNX(fill_constant_batch_size_like) {
  const std::vector<int64_t> dims = op.Ints("shape");
  const int64_t from = op.Attr<int64_t>("input_dim_idx"), to = op.Attr<int64_t>("output_dim_idx");
  std::vector<std::string> parts;
  for (int64_t i = 0; i < static_cast<int64_t>(dims.size()); ++i) {
    parts.push_back(i == to ? op.Extents(op.In("Input"), from, from + 1) : op.Int64s({dims[i]}));
  }
  op.Out("Out", FilledShape(op, op.Concat(parts, 0), FilledElement(op, static_cast<DType>(op.Attr<int32_t>("dtype")))));
}

SKIFF_ONNX(fill_any_like) { op.Out("Out", FilledShape(op, op.Extents(op.In("X")), FilledElement(op, op.OutType("Out")))); }
SKIFF_ONNX(fill_any) { op.Out("Out", FilledShape(op, op.Extents(op.In("X")), FilledElement(op, op.OutType("Out")))); }
SKIFF_ONNX(fill_zeros_like) {
  Tensor zero(Shape{1}, op.OutType("Out"));
  std::memset(zero.raw_data(), 0, zero.bytes());
  op.Out("Out", FilledShape(op, op.Extents(op.In("X")), zero));
}
SKIFF_ONNX_AS(fill_zeros_like2, fill_zeros_like);

SKIFF_ONNX(assign_value) { EmitComputed(op, {"Out"}); }
SKIFF_ONNX(eye) { EmitComputed(op, {"Out"}); }
SKIFF_ONNX(tril_indices) { EmitComputed(op, {"out"}); }
SKIFF_ONNX(triu_indices) { EmitComputed(op, {"out"}); }

// Anchors depend on the extents of a picture and its features, which must be known.
namespace {
void EmitAnchors(OnnxOp& op, const char* boxes) {
  for (const auto& [slot, variables] : op.op().inputs) {
    const Shape& shape = op.ShapeOf(slot);
    if (shape[2] < 0 || shape[3] < 0) NoOnnxForm("pictures whose height and width are unknown");
  }
  EmitComputed(op, {boxes, "Variances"});
}
}  // namespace
SKIFF_ONNX(prior_box) { EmitAnchors(op, "Boxes"); }
SKIFF_ONNX(density_prior_box) { EmitAnchors(op, "Boxes"); }
SKIFF_ONNX(anchor_generator) { EmitAnchors(op, "Anchors"); }

SKIFF_ONNX(range) {
  op.Out("Out", op.Node("Range", {op.AsScalar(op.In("Start")), op.AsScalar(op.In("End")), op.AsScalar(op.In("Step"))}));
}

// Half of the numbers are counted from Start and half from Stop, so that both are met exactly.
SKIFF_ONNX(linspace) {
  const DType dtype = op.OutType("Out"), real = IsFloating(dtype) ? dtype : DType::kFloat64;
  const std::string start = op.Cast(op.AsScalar(op.In("Start")), real), stop = op.Cast(op.AsScalar(op.In("Stop")), real);
  const std::string count = op.Cast(op.AsScalar(op.In("Num")), DType::kInt64);
  const std::string last = op.Binary("Max", op.Binary("Sub", count, op.Int64(1)), op.Int64(1));
  const std::string step = op.Binary("Div", op.Binary("Sub", stop, start), op.Cast(last, real));
  const std::string index = op.Node("Range", {op.Int64(0), count, op.Int64(1)});
  const std::string up = op.Binary("Add", start, op.Binary("Mul", op.Cast(index, real), step));
  const std::string down = op.Binary("Sub", stop, op.Binary("Mul", op.Cast(op.Binary("Sub", last, index), real), step));
  const std::string first_half = op.Binary("Less", index, op.Binary("Div", count, op.Int64(2)));
  const std::string alone = op.Binary("Equal", count, op.Int64(1));
  const std::string out = op.Node("Where", {op.Binary("Or", first_half, alone), up, down});
  op.Out("Out", dtype == real ? out : op.Cast(out, dtype));
}

SKIFF_ONNX(shape) { op.Out("Out", op.Cast(op.Extents(op.In("Input")), op.OutType("Out"))); }
SKIFF_ONNX(size) { op.OutOfRank("Out", op.Node("Size", {op.In("Input")}), 0); }

SKIFF_ONNX(one_hot_v2) {
  const DType dtype = op.OutType("Out");
  const std::string depth = op.Has("depth_tensor") ? op.Cast(op.AsScalar(op.In("depth_tensor")), DType::kInt64) : op.Int64(op.Attr<int64_t>("depth"));
  // OneHot counts negative numbers from the end; comparing does not.
  const std::string index = op.Node("Range", {op.Int64(0), depth, op.Int64(1)});
  const std::string x = op.Unsqueeze(op.Cast(op.In("X"), DType::kInt64), {op.Rank("X")});
  op.Out("Out", op.Cast(op.Binary("Equal", x, index), dtype));
}

SKIFF_ONNX(sequence_mask) {
  std::string length = op.Cast(op.In("X"), DType::kInt64), most;
  const int64_t fixed = op.Attr<int64_t>("maxlen");
  if (op.Has("MaxLenTensor")) {
    most = op.Cast(op.AsScalar(op.In("MaxLenTensor")), DType::kInt64);
  } else {
    most = fixed > 0 ? op.Int64(fixed) : op.Reduce("ReduceMax", length, {}, false);
  }
  const std::string index = op.Node("Range", {op.Int64(0), most, op.Int64(1)});
  op.Out("Y", op.Cast(op.Binary("Less", index, op.Unsqueeze(length, {op.Rank("X")})), op.OutType("Y")));
}

SKIFF_ONNX(tril_triu) {
  op.Out("Out", op.Node("Trilu", {op.In("X"), op.Int64(op.Attr<int64_t>("diagonal"))}, {{"upper", int64_t{!op.Attr<bool>("lower")}}}));
}

}  // namespace skiff::io
