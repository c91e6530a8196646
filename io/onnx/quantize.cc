// Quantization: integers of eight bits as ONNX has them, other forms by arithmetic.
#include <cmath>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

double LargestInteger(int64_t bits) { return std::ldexp(1.0, static_cast<int>(bits) - 1) - 1; }

// One number for each slice along `axis`, so that it broadcasts.
std::string AlongAxis(OnnxOp& op, const std::string& scale, int64_t axis, int rank) {
  if (axis < 0) return op.AsScalar(scale);
  std::vector<int64_t> dims(rank, 1);
  dims[axis] = -1;
  return op.Reshape(scale, dims);
}

std::string Int8Zeros(OnnxOp& op, const std::string& like) { return op.Cast(op.Binary("Mul", like, op.Scalar(DType::kFloat32, 0)), DType::kInt8); }

// The scale of one step, and the zero point beside it, as QuantizeLinear takes them.
std::pair<std::string, std::string> Steps(OnnxOp& op, int64_t axis, double range) {
  const std::string scale = axis < 0 ? op.AsScalar(op.In("Scale")) : op.Reshape(op.In("Scale"), {-1});
  const std::string step = op.Binary("Div", scale, op.Scalar(DType::kFloat32, range));
  return {step, Int8Zeros(op, step)};
}

bool IsInt8(const OnnxOp& op) { return op.Attr<int64_t>("bit_length") == 8 && op.TypeOf("Scale") == DType::kFloat32; }

std::string HalfAwayFromZero(OnnxOp& op, const std::string& x, DType dtype) {
  const std::string magnitude = op.Node("Floor", {op.Binary("Add", op.Node("Abs", {x}), op.Scalar(dtype, 0.5))});
  return op.Binary("Mul", op.Node("Sign", {x}), magnitude);
}

// Integers as floats: halves to even and the integer clipped, or halves away from zero and X clipped.
std::string Quantized(OnnxOp& op, const std::string& x, const std::string& scale, double range, DType dtype) {
  const std::string factor = op.Binary("Div", op.Scalar(dtype, range), scale);
  if (op.Attr<int64_t>("round_type") == 0) {
    const std::string rounded = op.Node("Round", {op.Binary("Mul", x, factor)});
    return op.Node("Clip", {rounded, op.Scalar(dtype, -range - 1), op.Scalar(dtype, range)});
  }
  const std::string clipped = op.Binary("Max", op.Binary("Min", x, scale), op.Node("Neg", {scale}));
  return HalfAwayFromZero(op, op.Binary("Mul", clipped, factor), dtype);
}

// fake_quantize_...: the scale is given (`in_scale`), or the largest magnitude of X.
void EmitFakeQuantize(OnnxOp& op, const char* in_scale, bool round_trip) {
  const DType dtype = op.TypeOf("X");
  const double range = LargestInteger(op.Attr<int64_t>("bit_length"));
  const int rank = op.Rank("X");
  const int64_t axis = op.HasAttr("quant_axis") ? op.Attr<int64_t>("quant_axis") : -1;
  const std::string x = op.In("X");
  std::string scale;
  if (*in_scale != '\0') {
    scale = op.In(in_scale);
  } else {
    std::vector<int64_t> axes;
    for (int i = 0; i < rank; ++i) {
      if (i != axis) axes.push_back(i);
    }
    scale = op.Reshape(op.Reduce("ReduceMax", op.Node("Abs", {x}), axes, false), {-1});
  }
  const std::string spread = AlongAxis(op, scale, axis, rank);
  std::string y = Quantized(op, x, spread, range, dtype);
  if (round_trip) y = op.Binary("Div", op.Binary("Mul", y, spread), op.Scalar(dtype, range));
  op.Out("Out", y);
  if (op.Wanted("OutScale")) op.Out("OutScale", op.Node("Identity", {scale}));
}

void EmitDequantize(OnnxOp& op, const std::string& scale, double range) {
  const DType dtype = op.OutType("Out");
  op.Out("Out", op.Binary("Div", op.Binary("Mul", op.Cast(op.In("X"), dtype), scale), op.Scalar(dtype, range)));
}

}  // namespace

SKIFF_ONNX(quantize_linear) {
  const int64_t axis = op.Attr<int64_t>("quant_axis");
  if (op.Attr<bool>("only_observer")) return op.Out("Y", op.Node("Identity", {op.In("X")}));
  if (!op.Attr<bool>("is_test")) NoOnnxForm("it updates its scale; is_test must be true");
  const double range = LargestInteger(op.Attr<int64_t>("bit_length"));
  if (!IsInt8(op) || op.Attr<int64_t>("round_type") != 0) {
    return op.Out("Y", Quantized(op, op.In("X"), AlongAxis(op, op.In("Scale"), axis, op.Rank("X")), range, op.TypeOf("X")));
  }
  const auto [step, zero] = Steps(op, axis, range);
  const std::string integers = op.Node("QuantizeLinear", {op.In("X"), step, zero}, {{"axis", axis < 0 ? int64_t{0} : axis}});
  op.Out("Y", op.Cast(integers, op.OutType("Y")));
  op.Remember(op.Current(op.op().outputs.One("Y")), integers);
}

namespace {

// The int8 behind X: what quantize_linear gave, or a parameter that holds integers, be it as floats. "" where X may be anything.
std::string Int8Form(OnnxOp& op, const std::string& x) {
  if (const std::string form = op.Remembered(x); !form.empty()) return form;
  const Tensor* known = op.Known(x);
  if ((known != nullptr ? known->dtype() : op.TypeOf("X")) == DType::kInt8) return x;
  if (known == nullptr || known->dtype() != DType::kFloat32) return "";
  for (float one : known->Values<float>()) {
    if (one != std::round(one) || one < -128 || one > 127) return "";
  }
  return op.Cast(x, DType::kInt8);
}

}  // namespace

SKIFF_ONNX(dequantize_linear) {
  const int64_t axis = op.Attr<int64_t>("quant_axis");
  const std::string x = op.In("X");
  if (op.Attr<bool>("only_observer")) return op.Out("Y", op.Node("Identity", {x}));
  const double range = LargestInteger(op.Attr<int64_t>("bit_length"));
  if (const std::string form = IsInt8(op) ? Int8Form(op, x) : ""; !form.empty()) {
    const auto [step, zero] = Steps(op, axis, range);
    return op.Out("Y", op.Node("DequantizeLinear", {form, step, zero}, {{"axis", axis < 0 ? int64_t{0} : axis}}));
  }
  const DType dtype = op.OutType("Y");
  const std::string scaled = op.Binary("Mul", op.Cast(x, dtype), AlongAxis(op, op.In("Scale"), axis, op.Rank("X")));
  op.Out("Y", op.Binary("Div", scaled, op.Scalar(dtype, range)));
}

namespace {
void EmitByGivenScale(OnnxOp& op, bool round_trip) {
  if (!op.Attr<bool>("is_test")) NoOnnxForm("it updates its scale; is_test must be true");
  EmitFakeQuantize(op, "InScale", round_trip);
}
}  // namespace

SKIFF_ONNX(fake_quantize_abs_max) { EmitFakeQuantize(op, "", false); }
SKIFF_ONNX(fake_quantize_dequantize_abs_max) { EmitFakeQuantize(op, "", true); }
SKIFF_ONNX(fake_channel_wise_quantize_abs_max) { EmitFakeQuantize(op, "", false); }
SKIFF_ONNX(fake_channel_wise_quantize_dequantize_abs_max) { EmitFakeQuantize(op, "", true); }
SKIFF_ONNX(fake_quantize_moving_average_abs_max) { EmitByGivenScale(op, false); }
SKIFF_ONNX(fake_quantize_dequantize_moving_average_abs_max) { EmitByGivenScale(op, true); }
SKIFF_ONNX(fake_quantize_range_abs_max) { EmitByGivenScale(op, false); }
SKIFF_ONNX(moving_average_abs_max_scale) {
  if (!op.Attr<bool>("is_test")) NoOnnxForm("it updates its scale; is_test must be true");
  op.Out("Out", op.Node("Identity", {op.In("X")}));
}

SKIFF_ONNX(fake_dequantize_max_abs) { EmitDequantize(op, op.AsScalar(op.In("Scale")), op.Attr<float>("max_range")); }
SKIFF_ONNX(dequantize_abs_max) { EmitDequantize(op, op.AsScalar(op.In("Scale")), op.Attr<float>("max_range")); }
SKIFF_ONNX(fake_channel_wise_dequantize_max_abs) {
  const auto bits = op.Ints("quant_bits");
  const bool two = op.Count("Scales") == 2;
  const int64_t axis = op.Attr<int64_t>(two ? "x_num_col_dims" : "quant_axis");
  std::string scale = AlongAxis(op, op.In("Scales", 0), axis, op.Rank("X"));
  if (two) scale = op.Binary("Mul", scale, op.AsScalar(op.In("Scales", 1)));
  EmitDequantize(op, scale, LargestInteger(bits[0]) * (two ? LargestInteger(bits[1]) : 1));
}

}  // namespace skiff::io
