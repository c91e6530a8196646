// Functions of two numbers, with broadcasting; comparisons and logic.
#include <numbers>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

void EmitBinary(OnnxOp& op, const char* node) {
  const auto [x, y] = op.Aligned();
  op.Out("Out", op.Binary(node, x, y));
}

std::string AsBool(OnnxOp& op, const std::string& value, const char* slot) {
  return op.TypeOf(slot) == DType::kBool ? value : op.Cast(value, DType::kBool);
}
void EmitLogical(OnnxOp& op, const char* node) {
  const auto [x, y] = op.Aligned();
  op.Out("Out", op.Binary(node, AsBool(op, x, "X"), AsBool(op, y, "Y")));
}

// Where X is infinite, or NaN, or either.
std::string NotFinite(OnnxOp& op, bool infinite, bool nan) {
  const std::string x = op.In("X");
  if (!IsFloating(op.TypeOf("X"))) {  // no integer is infinite
    Tensor no(Shape{1}, DType::kBool);
    *no.data<bool>() = false;
    return op.Node("ConstantOfShape", {op.Extents(x)}, {{"value", no}});
  }
  if (!infinite) return op.Node("IsNaN", {x});
  // IsInf knows float and double alone before opset 20.
  const bool wide = op.TypeOf("X") == DType::kFloat64 || op.TypeOf("X") == DType::kFloat32;
  const std::string isinf = op.Node("IsInf", {wide ? x : op.Cast(x, DType::kFloat32)});
  return nan ? op.Binary("Or", isinf, op.Node("IsNaN", {x})) : isinf;
}

void EmitBitwise(OnnxOp& op, const char* logical, const char* bits) {
  const bool is_bool = op.TypeOf("X") == DType::kBool;
  if (!is_bool && op.opset() < 18) NoOnnxForm("bits of integers need opset 18");
  if (op.Count("Y") == 0) return op.Out("Out", op.Node(is_bool ? logical : bits, {op.In("X")}));
  EmitBinary(op, is_bool ? logical : bits);
}

}  // namespace

#define SKIFF_ONNX_BINARY(type, node) \
  SKIFF_ONNX(type) { EmitBinary(op, node); }

SKIFF_ONNX_BINARY(elementwise_add, "Add")
SKIFF_ONNX_BINARY(elementwise_sub, "Sub")
SKIFF_ONNX_BINARY(elementwise_mul, "Mul")
SKIFF_ONNX_BINARY(elementwise_div, "Div")
SKIFF_ONNX_BINARY(elementwise_max, "Max")
SKIFF_ONNX_BINARY(elementwise_min, "Min")
SKIFF_ONNX_BINARY(elementwise_pow, "Pow")
SKIFF_ONNX_BINARY(grad_add, "Add")
SKIFF_ONNX_BINARY(minus, "Sub")
SKIFF_ONNX_BINARY(equal, "Equal")
SKIFF_ONNX_BINARY(less_than, "Less")
SKIFF_ONNX_BINARY(less_equal, "LessOrEqual")
SKIFF_ONNX_BINARY(greater_than, "Greater")
SKIFF_ONNX_BINARY(greater_equal, "GreaterOrEqual")

// What is not 0 is true.
SKIFF_ONNX(logical_and) { EmitLogical(op, "And"); }
SKIFF_ONNX(logical_or) { EmitLogical(op, "Or"); }
SKIFF_ONNX(logical_xor) { EmitLogical(op, "Xor"); }
SKIFF_ONNX(logical_not) { op.Out("Out", op.Node("Not", {AsBool(op, op.In("X"), "X")})); }

SKIFF_ONNX(not_equal) {
  const auto [x, y] = op.Aligned();
  op.Out("Out", op.Node("Not", {op.Binary("Equal", x, y)}));
}
SKIFF_ONNX(bitwise_and) { EmitBitwise(op, "And", "BitwiseAnd"); }
SKIFF_ONNX(bitwise_or) { EmitBitwise(op, "Or", "BitwiseOr"); }
SKIFF_ONNX(bitwise_xor) { EmitBitwise(op, "Xor", "BitwiseXor"); }
SKIFF_ONNX(bitwise_not) { EmitBitwise(op, "Not", "BitwiseNot"); }

SKIFF_ONNX(sum) {
  std::string sum = op.In("X", 0);
  for (int i = 1; i < op.Count("X"); ++i) sum = op.Binary("Add", sum, op.In("X", i));
  op.Out("Out", op.Count("X") == 1 ? op.Node("Identity", {sum}) : sum);
}

// The remainder has the sign of Y: ONNX's Mod of integers is that one, of floats it is C's fmod.
SKIFF_ONNX(elementwise_mod) {
  const auto [x, y] = op.Aligned();
  if (IsInteger(op.TypeOf("X"))) return op.Out("Out", op.Binary("Mod", x, y));
  op.Out("Out", op.Binary("Sub", x, op.Binary("Mul", y, op.Node("Floor", {op.Binary("Div", x, y)}))));
}
// ONNX's Div of integers rounds to zero.
SKIFF_ONNX(elementwise_floordiv) {
  const auto [x, y] = op.Aligned();
  if (!IsInteger(op.TypeOf("X"))) return op.Out("Out", op.Node("Floor", {op.Binary("Div", x, y)}));
  op.Out("Out", op.Binary("Div", op.Binary("Sub", x, op.Binary("Mod", x, y)), y));
}

#define SKIFF_ONNX_NUMBER_OF(type, node)                                                                              \
  SKIFF_ONNX(type) {                                                                                                  \
    const auto [x, y] = op.Aligned();                                                                                 \
    if (!IsFloating(op.TypeOf("X"))) return op.Out("Out", op.Binary(node, x, y));                                     \
    const std::string other = op.Node("Where", {op.Node("IsNaN", {y}), x, op.Binary(node, x, y)});                    \
    op.Out("Out", op.Node("Where", {op.Node("IsNaN", {x}), y, other}));                                               \
  }
SKIFF_ONNX_NUMBER_OF(elementwise_fmax, "Max")
SKIFF_ONNX_NUMBER_OF(elementwise_fmin, "Min")

SKIFF_ONNX(elementwise_heaviside) {
  const auto [x, y] = op.Aligned();
  const DType dtype = op.TypeOf("X");
  const std::string zero = op.Scalar(dtype, 0);
  const std::string side = op.Node("Where", {op.Binary("Equal", x, zero), y, op.Scalar(dtype, 0)});
  op.Out("Out", op.Node("Where", {op.Binary("Greater", x, zero), op.Scalar(dtype, 1), side}));
}

SKIFF_ONNX(atan2) {
  const DType dtype = op.OutType("Out");
  const std::string y = op.In("X1"), x = op.In("X2"), zero = op.Scalar(dtype, 0);
  const std::string below = op.Binary("Less", y, zero);
  const std::string turn = op.Node("Where", {below, op.Scalar(dtype, -std::numbers::pi), op.Scalar(dtype, std::numbers::pi)});
  const std::string angle = op.Node("Atan", {op.Binary("Div", y, x)});
  const std::string whole = op.Node("Where", {op.Binary("Less", x, zero), op.Binary("Add", angle, turn), angle});
  const std::string origin = op.Binary("And", op.Binary("Equal", x, zero), op.Binary("Equal", y, zero));
  op.Out("Out", op.Node("Where", {origin, zero, whole}));
}

SKIFF_ONNX(lerp) {
  const std::string x = op.In("X");
  op.Out("Out", op.Binary("Add", x, op.Binary("Mul", op.In("Weight"), op.Binary("Sub", op.In("Y"), x))));
}

SKIFF_ONNX(where) { op.Out("Out", op.Node("Where", {op.In("Condition"), op.In("X"), op.In("Y")})); }

SKIFF_ONNX(isnan_v2) { op.Out("Out", NotFinite(op, false, true)); }
SKIFF_ONNX(isinf_v2) { op.Out("Out", NotFinite(op, true, false)); }
SKIFF_ONNX(isfinite_v2) { op.Out("Out", op.Node("Not", {NotFinite(op, true, true)})); }

// |Input - Other| <= atol + rtol |Other|; infinities are close to themselves.
namespace {
std::string Close(OnnxOp& op) {
  if (op.Has("Rtol") || op.Has("Atol")) NoOnnxForm("tolerances that are computed while running");
  const DType dtype = op.TypeOf("Input");
  const std::string x = op.In("Input"), y = op.In("Other");
  const std::string allowed = op.Binary("Add", op.Scalar(dtype, std::stod(op.Attr<std::string>("atol"))),
                                        op.Binary("Mul", op.Node("Abs", {y}), op.Scalar(dtype, std::stod(op.Attr<std::string>("rtol")))));
  const std::string near = op.Binary("LessOrEqual", op.Node("Abs", {op.Binary("Sub", x, y)}), allowed);
  std::string close = op.Binary("Or", near, op.Binary("Equal", x, y));
  if (op.Attr<bool>("equal_nan")) close = op.Binary("Or", close, op.Binary("And", op.Node("IsNaN", {x}), op.Node("IsNaN", {y})));
  return close;
}
std::string AllTrue(OnnxOp& op, const std::string& value) {
  return op.Cast(op.Reduce("ReduceMin", op.Cast(value, DType::kInt32), {}, false), DType::kBool);
}
}  // namespace
// Of the whole tensor, as programs of older versions ask.
namespace {
std::string SomeTrue(OnnxOp& op, const std::string& value) {
  return op.Cast(op.Reduce("ReduceMax", op.Cast(value, DType::kInt32), {}, false), DType::kBool);
}
}  // namespace
SKIFF_ONNX(isnan) { op.OutOfRank("Out", SomeTrue(op, NotFinite(op, false, true)), 0); }
SKIFF_ONNX(isinf) { op.OutOfRank("Out", SomeTrue(op, NotFinite(op, true, false)), 0); }

SKIFF_ONNX(isclose) { op.Out("Out", Close(op)); }
SKIFF_ONNX(allclose) { op.OutOfRank("Out", AllTrue(op, Close(op)), 0); }
SKIFF_ONNX(equal_all) {
  if (!(op.ShapeOf("X") == op.ShapeOf("Y")) || !op.ShapeOf("X").IsKnown()) NoOnnxForm("shapes that may differ");
  op.OutOfRank("Out", AllTrue(op, op.Binary("Equal", op.In("X"), op.In("Y"))), 0);
}

SKIFF_ONNX(is_empty) {
  const std::string empty = op.Binary("Equal", op.Node("Size", {op.In("X")}), op.Int64(0));
  op.OutOfRank("Out", empty, 0);
}

// A scale and a bias for each channel.
SKIFF_ONNX(affine_channel) {
  const int rank = op.Rank("X");
  std::vector<int64_t> dims(rank, 1);
  dims[op.ChannelsLast("data_layout") ? rank - 1 : 1] = -1;
  op.Out("Out", op.Binary("Add", op.Binary("Mul", op.In("X"), op.Reshape(op.In("Scale"), dims)), op.Reshape(op.In("Bias"), dims)));
}

SKIFF_ONNX(label_smooth) {
  const float epsilon = op.Attr<float>("epsilon");
  const DType dtype = op.TypeOf("X");
  const int64_t classes = op.ShapeOf("X").At(-1);
  if (classes < 0 && !op.Has("PriorDist")) NoOnnxForm("the number of classes is unknown");
  const std::string prior = op.Has("PriorDist") ? op.Binary("Mul", op.In("PriorDist"), op.Scalar(dtype, epsilon))
                                                : op.Scalar(dtype, epsilon / static_cast<double>(classes));
  op.Out("Out", op.Binary("Add", op.Binary("Mul", op.In("X"), op.Scalar(dtype, 1.0 - epsilon)), prior));
}

}  // namespace skiff::io
