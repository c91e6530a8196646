// Functions of one number.
#include <cmath>
#include <numbers>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

DType FloatOf(const OnnxOp& op) { return op.TypeOf("X"); }
std::string Num(OnnxOp& op, double value) { return op.Scalar(FloatOf(op), value); }

std::string Clipped(OnnxOp& op, const std::string& x, double low, double high) {
  return op.Node("Clip", {x, Num(op, low), Num(op, high)});
}

std::string TimesSigmoid(OnnxOp& op, const std::string& x, const std::string& inner) {
  return op.Binary("Mul", x, op.Node("Sigmoid", {inner}));
}

}  // namespace

#define SKIFF_ONNX_UNARY(type, node) \
  SKIFF_ONNX(type) { op.Out("Out", op.Node(node, {op.In("X")})); }

SKIFF_ONNX_UNARY(relu, "Relu")
SKIFF_ONNX_UNARY(sigmoid, "Sigmoid")
SKIFF_ONNX_UNARY(tanh, "Tanh")
SKIFF_ONNX_UNARY(exp, "Exp")
SKIFF_ONNX_UNARY(abs, "Abs")
SKIFF_ONNX_UNARY(floor, "Floor")
SKIFF_ONNX_UNARY(ceil, "Ceil")
SKIFF_ONNX_UNARY(sign, "Sign")
SKIFF_ONNX_UNARY(sin, "Sin")
SKIFF_ONNX_UNARY(cos, "Cos")
SKIFF_ONNX_UNARY(tan, "Tan")
SKIFF_ONNX_UNARY(asin, "Asin")
SKIFF_ONNX_UNARY(acos, "Acos")
SKIFF_ONNX_UNARY(atan, "Atan")
SKIFF_ONNX_UNARY(sinh, "Sinh")
SKIFF_ONNX_UNARY(cosh, "Cosh")
SKIFF_ONNX_UNARY(asinh, "Asinh")
SKIFF_ONNX_UNARY(acosh, "Acosh")
SKIFF_ONNX_UNARY(atanh, "Atanh")
SKIFF_ONNX_UNARY(erf, "Erf")
SKIFF_ONNX_UNARY(sqrt, "Sqrt")
SKIFF_ONNX_UNARY(log, "Log")
SKIFF_ONNX_UNARY(reciprocal, "Reciprocal")
SKIFF_ONNX_UNARY(softsign, "Softsign")
SKIFF_ONNX_UNARY(assign, "Identity")
SKIFF_ONNX_UNARY(share_data, "Identity")
SKIFF_ONNX_UNARY(memcpy, "Identity")
SKIFF_ONNX_UNARY(memcpy_d2h, "Identity")
SKIFF_ONNX_UNARY(memcpy_h2d, "Identity")

SKIFF_ONNX(print) { op.Out("Out", op.Node("Identity", {op.In("In")})); }
SKIFF_ONNX(assert) {}

SKIFF_ONNX(square) { op.Out("Out", op.Binary("Mul", op.In("X"), op.In("X"))); }
SKIFF_ONNX(rsqrt) { op.Out("Out", op.Node("Reciprocal", {op.Node("Sqrt", {op.In("X")})})); }
SKIFF_ONNX(expm1) { op.Out("Out", op.Binary("Sub", op.Node("Exp", {op.In("X")}), Num(op, 1))); }
SKIFF_ONNX(log1p) { op.Out("Out", op.Node("Log", {op.Binary("Add", op.In("X"), Num(op, 1))})); }
SKIFF_ONNX(log2) { op.Out("Out", op.Binary("Mul", op.Node("Log", {op.In("X")}), Num(op, std::numbers::log2e))); }
SKIFF_ONNX(log10) { op.Out("Out", op.Binary("Mul", op.Node("Log", {op.In("X")}), Num(op, std::numbers::log10e))); }

// ONNX's Round takes halves to the even number, Paddle's away from zero.
SKIFF_ONNX(round) {
  const std::string x = op.In("X");
  const std::string magnitude = op.Node("Floor", {op.Binary("Add", op.Node("Abs", {x}), Num(op, 0.5))});
  op.Out("Out", op.Binary("Mul", op.Node("Sign", {x}), magnitude));
}
SKIFF_ONNX(trunc) {
  const std::string x = op.In("X");
  if (IsInteger(FloatOf(op))) return op.Out("Out", op.Node("Identity", {x}));
  op.Out("Out", op.Binary("Mul", op.Node("Sign", {x}), op.Node("Floor", {op.Node("Abs", {x})})));
}

SKIFF_ONNX(relu6) { op.Out("Out", Clipped(op, op.In("X"), 0, op.Attr<float>("threshold"))); }
SKIFF_ONNX(brelu) { op.Out("Out", Clipped(op, op.In("X"), op.Attr<float>("t_min"), op.Attr<float>("t_max"))); }
SKIFF_ONNX(silu) { op.Out("Out", TimesSigmoid(op, op.In("X"), op.In("X"))); }
SKIFF_ONNX(swish) { op.Out("Out", TimesSigmoid(op, op.In("X"), op.Binary("Mul", op.In("X"), Num(op, op.Attr<float>("beta"))))); }
SKIFF_ONNX(mish) {
  op.Out("Out", op.Binary("Mul", op.In("X"), op.Node("Tanh", {op.Node("Softplus", {op.In("X")})})));
}
SKIFF_ONNX(softplus) {
  const float beta = op.Attr<float>("beta"), threshold = op.Attr<float>("threshold");
  const std::string x = op.In("X"), scaled = beta == 1 ? x : op.Binary("Mul", x, Num(op, beta));
  std::string soft = op.Node("Softplus", {scaled});
  if (beta != 1) soft = op.Binary("Div", soft, Num(op, beta));
  op.Out("Out", op.Node("Where", {op.Binary("Greater", scaled, Num(op, threshold)), x, soft}));
}
SKIFF_ONNX(soft_relu) {
  const float threshold = op.Attr<float>("threshold");
  op.Out("Out", op.Node("Softplus", {Clipped(op, op.In("X"), -threshold, threshold)}));
}
SKIFF_ONNX(logsigmoid) { op.Out("Out", op.Node("Neg", {op.Node("Softplus", {op.Node("Neg", {op.In("X")})})})); }
SKIFF_ONNX(elu) { op.Out("Out", op.Node("Elu", {op.In("X")}, {{"alpha", op.Attr<float>("alpha")}})); }
SKIFF_ONNX(celu) {
  const std::string x = op.In("X"), alpha = Num(op, op.Attr<float>("alpha"));
  const std::string below = op.Binary("Mul", alpha, op.Binary("Sub", op.Node("Exp", {op.Binary("Div", x, alpha)}), Num(op, 1)));
  op.Out("Out", op.Binary("Add", op.Binary("Max", x, Num(op, 0)), op.Binary("Min", below, Num(op, 0))));
}
SKIFF_ONNX(selu) {
  op.Out("Out", op.Node("Selu", {op.In("X")}, {{"alpha", op.Attr<float>("alpha")}, {"gamma", op.Attr<float>("scale")}}));
}
SKIFF_ONNX(leaky_relu) { op.Out("Out", op.Node("LeakyRelu", {op.In("X")}, {{"alpha", op.Attr<float>("alpha")}})); }
SKIFF_ONNX(hard_sigmoid) {
  op.Out("Out", op.Node("HardSigmoid", {op.In("X")}, {{"alpha", op.Attr<float>("slope")}, {"beta", op.Attr<float>("offset")}}));
}
SKIFF_ONNX(hard_swish) {
  const float threshold = op.Attr<float>("threshold"), scale = op.Attr<float>("scale"), offset = op.Attr<float>("offset");
  if (threshold == 6 && scale == 6 && offset == 3) return op.Out("Out", op.Node("HardSwish", {op.In("X")}));
  const std::string gate = Clipped(op, op.Binary("Add", op.In("X"), Num(op, offset)), 0, threshold);
  op.Out("Out", op.Binary("Div", op.Binary("Mul", op.In("X"), gate), Num(op, scale)));
}
SKIFF_ONNX(gelu) {
  const std::string x = op.In("X");
  std::string gate;
  if (op.Attr<bool>("approximate")) {
    const std::string cube = op.Binary("Mul", op.Binary("Mul", x, x), x);
    const std::string sum = op.Binary("Add", x, op.Binary("Mul", cube, Num(op, 0.044715)));
    gate = op.Node("Tanh", {op.Binary("Mul", sum, Num(op, std::sqrt(2 / std::numbers::pi)))});
  } else {
    gate = op.Node("Erf", {op.Binary("Mul", x, Num(op, std::numbers::sqrt2 / 2))});
  }
  op.Out("Out", op.Binary("Mul", op.Binary("Mul", x, Num(op, 0.5)), op.Binary("Add", gate, Num(op, 1))));
}
SKIFF_ONNX(stanh) {
  const std::string inner = op.Binary("Mul", op.In("X"), Num(op, op.Attr<float>("scale_a")));
  op.Out("Out", op.Binary("Mul", op.Node("Tanh", {inner}), Num(op, op.Attr<float>("scale_b"))));
}
SKIFF_ONNX(tanh_shrink) { op.Out("Out", op.Binary("Sub", op.In("X"), op.Node("Tanh", {op.In("X")}))); }
SKIFF_ONNX(hard_shrink) { op.Out("Out", op.Node("Shrink", {op.In("X")}, {{"lambd", op.Attr<float>("threshold")}, {"bias", 0.0f}})); }
SKIFF_ONNX(softshrink) {
  const float lambda = op.Attr<float>("lambda");
  op.Out("Out", op.Node("Shrink", {op.In("X")}, {{"lambd", lambda}, {"bias", lambda}}));
}
SKIFF_ONNX(thresholded_relu) {
  op.Out("Out", op.Node("ThresholdedRelu", {op.In("X")}, {{"alpha", op.Attr<float>("threshold")}}));
}
SKIFF_ONNX(logit) {
  const float eps = op.Attr<float>("eps");
  const std::string x = eps > 0 ? Clipped(op, op.In("X"), eps, 1.0 - eps) : op.In("X");
  op.Out("Out", op.Node("Log", {op.Binary("Div", x, op.Binary("Sub", Num(op, 1), x))}));
}

SKIFF_ONNX(pow) {
  const std::string factor = op.Has("FactorTensor") ? op.AsScalar(op.In("FactorTensor")) : Num(op, op.Attr<float>("factor"));
  op.Out("Out", op.Binary("Pow", op.In("X"), factor));
}

SKIFF_ONNX(scale) {
  const DType dtype = FloatOf(op);
  const float scale = op.Attr<float>("scale"), bias = op.Attr<float>("bias");
  const bool tensor = op.Has("ScaleTensor"), after = op.Attr<bool>("bias_after_scale");
  std::string x = op.In("X");
  const auto add = [&] { x = bias == 0 ? x : op.Binary("Add", x, Num(op, bias)); };
  if (!after) add();
  if (tensor) {
    x = op.Binary("Mul", x, op.Cast(op.AsScalar(op.In("ScaleTensor")), dtype));
  } else if (scale != 1) {
    x = op.Binary("Mul", x, Num(op, scale));
  }
  if (after) add();
  op.Out("Out", x == op.In("X") ? op.Node("Identity", {x}) : x);
}

SKIFF_ONNX(clip) {
  const auto bound = [&op](const char* slot, const char* attr) {
    return op.Has(slot) ? op.Cast(op.AsScalar(op.In(slot)), FloatOf(op)) : Num(op, op.Attr<float>(attr));
  };
  op.Out("Out", op.Node("Clip", {op.In("X"), bound("Min", "min"), bound("Max", "max")}));
}

SKIFF_ONNX(cast) {
  op.Out("Out", op.Node("Cast", {op.In("X")}, {{"to", int64_t{OnnxTypeOf(static_cast<DType>(op.Attr<int32_t>("out_dtype")))}}}));
}

SKIFF_ONNX(increment) { op.Out("Out", op.Binary("Add", op.In("X"), Num(op, op.Attr<float>("step")))); }

SKIFF_ONNX(prelu) {
  const std::string mode = op.Attr<std::string>("mode");
  const int rank = op.Rank("X");
  std::vector<int64_t> dims;
  if (mode == "all") {
    dims = std::vector<int64_t>(std::max(rank, 1), 1);
  } else if (mode == "channel") {
    dims = std::vector<int64_t>(rank, 1);
    dims[op.ChannelsLast() ? rank - 1 : 1] = -1;
  } else {  // for each element of a sample
    const std::string shape = op.Concat({op.Int64s({1}), op.Extents(op.In("X"), 1)}, 0);
    return op.Out("Out", op.Node("PRelu", {op.In("X"), op.Node("Reshape", {op.In("Alpha"), shape})}));
  }
  op.Out("Out", op.Node("PRelu", {op.In("X"), op.Reshape(op.In("Alpha"), dims)}));
}

SKIFF_ONNX(dropout) {
  if (!op.Attr<bool>("is_test")) NoOnnxForm("it draws random numbers; is_test must be true");
  const bool scaled = op.Attr<std::string>("dropout_implementation") != "upscale_in_train";
  const std::string x = op.In("X");
  op.Out("Out", scaled ? op.Binary("Mul", x, Num(op, 1.0f - op.Attr<float>("dropout_prob"))) : op.Node("Identity", {x}));
}

SKIFF_ONNX(rrelu) {
  if (!op.Attr<bool>("is_test")) NoOnnxForm("it draws random numbers; is_test must be true");
  const float slope = (op.Attr<float>("lower") + op.Attr<float>("upper")) / 2;
  op.Out("Out", op.Node("LeakyRelu", {op.In("X")}, {{"alpha", slope}}));
}

}  // namespace skiff::io
