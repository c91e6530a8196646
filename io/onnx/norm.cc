// Normalization and softmax.
#include <cmath>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

std::string Ones(OnnxOp& op, int64_t count, DType dtype) {
  if (count < 0) NoOnnxForm("the number of channels is unknown");
  return op.Full(dtype, Shape{count}, 1);
}
std::string Zeros(OnnxOp& op, int64_t count, DType dtype) {
  if (count < 0) NoOnnxForm("the number of channels is unknown");
  return op.Full(dtype, Shape{count}, 0);
}

// The axis of softmax; a tensor without axes is taken as one of one element.
void EmitSoftmax(OnnxOp& op, const char* node, const char* out) {
  if (op.Rank("X") == 0) return op.Out(out, op.AsScalar(op.Node(node, {op.Reshape(op.In("X"), {1})}, {{"axis", int64_t{0}}})));
  op.Out(out, op.Node(node, {op.In("X")}, {{"axis", op.Attr<int64_t>("axis")}}));
}

// mean and variance over `axes`, kept
std::pair<std::string, std::string> Moments(OnnxOp& op, const std::string& x, const std::vector<int64_t>& axes) {
  const std::string mean = op.Reduce("ReduceMean", x, axes, true);
  const std::string centred = op.Binary("Sub", x, mean);
  return {mean, op.Reduce("ReduceMean", op.Binary("Mul", centred, centred), axes, true)};
}

}  // namespace

SKIFF_ONNX(softmax) { EmitSoftmax(op, "Softmax", "Out"); }
SKIFF_ONNX(log_softmax) { EmitSoftmax(op, "LogSoftmax", "Out"); }

SKIFF_ONNX(batch_norm) {
  const bool given = op.Attr<bool>("use_global_stats") || (op.Attr<bool>("is_test") && !op.Attr<bool>("trainable_statistics"));
  if (!given) NoOnnxForm("it normalizes by the batch; is_test must be true");
  const int rank = op.Rank("X");
  const bool last = op.ChannelsLast("data_layout") && rank > 2;
  const std::string x = last ? op.ToChannelsFirst(op.In("X"), rank) : op.In("X");
  const std::string y = op.Node("BatchNormalization", {x, op.In("Scale"), op.In("Bias"), op.In("Mean"), op.In("Variance")},
                                {{"epsilon", op.Attr<float>("epsilon")}});
  op.Out("Y", last ? op.ToChannelsLast(y, rank) : y);
}

SKIFF_ONNX(layer_norm) {
  const int64_t begin = op.Attr<int64_t>("begin_norm_axis");
  const Shape& shape = op.ShapeOf("X");
  const DType dtype = op.TypeOf("X"), of_scale = op.Has("Scale") ? op.TypeOf("Scale") : dtype;
  const Shape normalized(std::vector<int64_t>(shape.begin() + begin, shape.end()));
  const std::string x = op.In("X"), extents = normalized.IsKnown() ? op.Int64s(normalized.ToVector()) : op.Extents(x, begin);
  const auto shaped = [&](const char* slot) {
    return normalized.rank() == 1 ? op.In(slot) : op.Node("Reshape", {op.In(slot), extents});
  };
  const std::string scale = op.Has("Scale") ? shaped("Scale") : op.Node("Expand", {op.Scalar(of_scale, 1), extents});
  const std::string bias = op.Has("Bias") ? shaped("Bias") : "";
  const bool mixed = of_scale != dtype;  // float16 data, float32 scale
  const auto y = op.Nodes("LayerNormalization", {mixed ? op.Cast(x, of_scale) : x, scale, bias}, 1,
                          {{"axis", begin}, {"epsilon", op.Attr<float>("epsilon")}});
  op.Out("Y", mixed ? op.Cast(y[0], dtype) : y[0]);
  if (!op.Wanted("Mean") && !op.Wanted("Variance")) return;
  std::vector<int64_t> axes;
  for (int i = static_cast<int>(begin); i < shape.rank(); ++i) axes.push_back(i);
  const auto [mean, variance] = Moments(op, x, axes);
  op.Out("Mean", op.Squeeze(mean, axes));
  op.Out("Variance", op.Squeeze(variance, axes));
}

SKIFF_ONNX(instance_norm) {
  const int64_t channels = op.ShapeOf("X")[1];
  const DType dtype = op.TypeOf("X");
  const std::string scale = op.Has("Scale") ? op.In("Scale") : Ones(op, channels, dtype);
  const std::string bias = op.Has("Bias") ? op.In("Bias") : Zeros(op, channels, dtype);
  op.Out("Y", op.Node("InstanceNormalization", {op.In("X"), scale, bias}, {{"epsilon", op.Attr<float>("epsilon")}}));
}

// Groups as the channels of an instance normalization.
SKIFF_ONNX(group_norm) {
  const int rank = op.Rank("X");
  const int64_t groups = op.Attr<int64_t>("groups");
  const bool last = op.ChannelsLast("data_layout");
  const DType dtype = op.TypeOf("X");
  const std::string x = last ? op.ToChannelsFirst(op.In("X"), rank) : op.In("X");
  std::string grouped = op.Reshape(x, {0, groups, -1});
  if (op.Wanted("Mean") || op.Wanted("Variance")) {
    const auto [mean, variance] = Moments(op, grouped, {2});
    op.Out("Mean", op.Squeeze(mean, {2}));
    op.Out("Variance", op.Squeeze(variance, {2}));
  }
  grouped = op.Node("InstanceNormalization", {grouped, Ones(op, groups, dtype), Zeros(op, groups, dtype)}, {{"epsilon", op.Attr<float>("epsilon")}});
  std::string y = op.Node("Reshape", {grouped, op.Extents(x)});
  std::vector<int64_t> dims(rank, 1);
  dims[1] = -1;
  if (op.Has("Scale")) y = op.Binary("Mul", y, op.Reshape(op.In("Scale"), dims));
  if (op.Has("Bias")) y = op.Binary("Add", y, op.Reshape(op.In("Bias"), dims));
  op.Out("Y", last ? op.ToChannelsLast(y, rank) : y);
}

SKIFF_ONNX(data_norm) {
  if (op.Attr<int64_t>("slot_dim") > 0) NoOnnxForm("slot_dim, where rows that were not shown become 0");
  const std::string count = op.In("BatchSize");
  const std::string mean = op.Binary("Div", op.In("BatchSum"), count);
  const std::string scale = op.Node("Sqrt", {op.Binary("Div", count, op.In("BatchSquareSum"))});
  std::string y = op.Binary("Mul", op.Binary("Sub", op.In("X"), mean), scale);
  if (op.Attr<bool>("enable_scale_and_shift")) y = op.Binary("Add", op.Binary("Mul", y, op.In("scale_w")), op.In("bias"));
  op.Out("Y", y);
}

SKIFF_ONNX(lrn) {
  const bool last = op.ChannelsLast();
  const int64_t n = op.Attr<int64_t>("n");
  const std::string x = last ? op.ToChannelsFirst(op.In("X"), 4) : op.In("X");
  const OnnxAttrs attrs{{"size", n}, {"bias", op.Attr<float>("k")}, {"beta", op.Attr<float>("beta")},
                        {"alpha", op.Attr<float>("alpha") * static_cast<float>(n)}};
  const std::string out = op.Node("LRN", {x}, attrs);
  op.Out("Out", last ? op.ToChannelsLast(out, 4) : out);
}

SKIFF_ONNX(fused_softmax_mask) {
  op.Out("Out", op.Node("Softmax", {op.Binary("Add", op.In("X"), op.In("Mask"))}, {{"axis", int64_t{-1}}}));
}

// Query i sees keys 0 to i.
SKIFF_ONNX(fused_softmax_mask_upper_triangle) {
  const DType dtype = op.TypeOf("X");
  const std::string x = op.In("X");
  Tensor one(Shape{1}, DType::kInt32);
  *one.data<int32_t>() = 1;
  const std::string ones = op.Node("ConstantOfShape", {op.Extents(x, -2)}, {{"value", one}});
  const std::string above = op.Cast(op.Node("Trilu", {op.Cast(ones, DType::kFloat32), op.Int64(1)}, {{"upper", int64_t{1}}}), DType::kBool);
  const std::string seen = op.Node("Where", {above, op.Scalar(dtype, dtype == DType::kFloat16 ? -6e4 : -1e30), x});
  op.Out("Out", op.Node("Softmax", {seen}, {{"axis", int64_t{-1}}}));
}

}  // namespace skiff::io
