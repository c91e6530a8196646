// Convolutions, their transposes, and pictures cut into patches.
#include <algorithm>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

// "paddings" as ONNX has them, [begins..., ends...], and "auto_pad" for SAME, which also sets dilations to 1.
OnnxAttrs PaddingAttrs(const OnnxOp& op, int axes, bool dilated) {
  OnnxAttrs attrs{{"strides", op.Ints("strides")}};
  const std::string algorithm = op.HasAttr("padding_algorithm") ? op.Attr<std::string>("padding_algorithm") : "EXPLICIT";
  if (dilated) attrs.emplace_back("dilations", algorithm == "SAME" ? std::vector<int64_t>(axes, 1) : op.Ints("dilations"));
  if (algorithm == "SAME") {
    attrs.emplace_back("auto_pad", std::string("SAME_UPPER"));
    return attrs;
  }
  std::vector<int64_t> pads(2 * axes, 0);
  if (const auto given = op.Ints("paddings"); algorithm != "VALID") {
    for (int i = 0; i < axes; ++i) {
      const bool both = static_cast<int>(given.size()) == 2 * axes;
      pads[i] = given.at(both ? 2 * i : i);
      pads[axes + i] = given.at(both ? 2 * i + 1 : i);
    }
  }
  attrs.emplace_back("pads", pads);
  return attrs;
}

void EmitConv(OnnxOp& op, int axes) {
  const bool last = op.ChannelsLast();
  const std::string x = last ? op.ToChannelsFirst(op.In("Input"), axes + 2) : op.In("Input");
  OnnxAttrs attrs = PaddingAttrs(op, axes, true);
  attrs.emplace_back("group", op.Attr<int64_t>("groups"));
  const Shape filter = op.ShapeOf("Filter");
  if (filter.IsKnown()) attrs.emplace_back("kernel_shape", std::vector<int64_t>(filter.begin() + 2, filter.end()));
  const std::string out = op.Node("Conv", {x, op.In("Filter")}, attrs);
  op.Out("Output", last ? op.ToChannelsLast(out, axes + 2) : out);
}

void EmitConvTranspose(OnnxOp& op, int axes) {
  const bool last = op.ChannelsLast();
  const Shape &in = op.ShapeOf("Input"), &filter = op.ShapeOf("Filter");
  const std::string x = last ? op.ToChannelsFirst(op.In("Input"), axes + 2) : op.In("Input");
  OnnxAttrs attrs = PaddingAttrs(op, axes, true);
  const auto strides = op.Ints("strides"), size = op.Ints("output_size");
  auto extra = op.Ints("output_padding");
  std::vector<int64_t> pads, dilations = op.Ints("dilations");
  for (auto& [name, value] : attrs) {
    if (name == "pads") pads = std::get<std::vector<int64_t>>(value);
    if (name == "dilations") dilations = std::get<std::vector<int64_t>>(value);
  }
  if (pads.empty()) {  // SAME: by the extents of the input, as Paddle has it
    std::erase_if(attrs, [](const auto& attr) { return attr.first == "auto_pad"; });
    pads.resize(2 * axes);
    for (int i = 0; i < axes; ++i) {
      const int64_t extent = in[(last ? 1 : 2) + i];
      if (extent < 0) NoOnnxForm("padding SAME of an extent that is unknown");
      const int64_t total = std::max<int64_t>(((extent + strides[i] - 1) / strides[i] - 1) * strides[i] + filter[2 + i] - extent, 0);
      pads[i] = total / 2;
      pads[axes + i] = total - total / 2;
    }
    attrs.emplace_back("pads", pads);
  }
  if (!size.empty()) {
    extra.assign(axes, 0);
    for (int i = 0; i < axes; ++i) {
      const int64_t extent = in[(last ? 1 : 2) + i];
      if (extent < 0) NoOnnxForm("output_size beside an input extent that is unknown");
      extra[i] = size[i] - ((extent - 1) * strides[i] - pads[i] - pads[axes + i] + dilations[i] * (filter[2 + i] - 1) + 1);
    }
  }
  if (!extra.empty()) attrs.emplace_back("output_padding", extra);
  attrs.emplace_back("group", op.Attr<int64_t>("groups"));
  const std::string out = op.Node("ConvTranspose", {x, op.In("Filter")}, attrs);
  op.Out("Output", last ? op.ToChannelsLast(out, axes + 2) : out);
}

// A filter of ones, one for each place of the kernel and each channel.
std::string OneHotFilter(OnnxOp& op, int64_t channels, int64_t height, int64_t width) {
  const int64_t places = Bounded(height, "rows of a kernel") * Bounded(width, "columns of a kernel");
  Bounded(Bounded(places, "places of a kernel") * channels, "places of all channels");
  Bounded(channels * places * places, "elements of a filter");
  std::vector<float> values(channels * places * places, 0);
  for (int64_t i = 0; i < channels * places; ++i) values[i * places + i % places] = 1;
  const std::string filter = op.Constant(Tensor::Of(Shape{channels * places, 1, height, width}, values));
  return op.Cast(filter, op.TypeOf("X"));
}

OnnxAttrs PatchAttrs(const OnnxOp& op, int64_t channels) {
  auto pads = op.Ints("paddings");  // top, left, bottom, right, or one number for each axis
  if (pads.size() == 2) pads = {pads[0], pads[1], pads[0], pads[1]};
  return {{"kernel_shape", op.Ints("kernel_sizes")}, {"strides", op.Ints("strides")}, {"dilations", op.Ints("dilations")}, {"pads", pads},
          {"group", channels}};
}

}  // namespace

SKIFF_ONNX(conv2d) { EmitConv(op, 2); }
SKIFF_ONNX(depthwise_conv2d) { EmitConv(op, 2); }
SKIFF_ONNX(conv3d) { EmitConv(op, 3); }
SKIFF_ONNX(conv2d_transpose) { EmitConvTranspose(op, 2); }
SKIFF_ONNX(depthwise_conv2d_transpose) { EmitConvTranspose(op, 2); }
SKIFF_ONNX(conv3d_transpose) { EmitConvTranspose(op, 3); }

SKIFF_ONNX(deformable_conv) {
  if (op.opset() < 19) NoOnnxForm("DeformConv needs opset 19");
  OnnxAttrs attrs = PaddingAttrs(op, 2, true);
  attrs.emplace_back("group", op.Attr<int64_t>("groups"));
  attrs.emplace_back("offset_group", op.Attr<int64_t>("deformable_groups"));
  std::vector<std::string> inputs{op.In("Input"), op.In("Filter"), op.In("Offset")};
  if (op.Has("Mask")) inputs.insert(inputs.end(), {"", op.In("Mask")});
  op.Out("Output", op.Node("DeformConv", inputs, attrs));
}
SKIFF_ONNX_AS(deformable_conv_v1, deformable_conv);

// Patches are the output of a convolution that copies each place of the kernel into a channel of its own.
SKIFF_ONNX(unfold) {
  const int64_t channels = op.ShapeOf("X")[1];
  if (channels < 0) NoOnnxForm("the number of channels is unknown");
  const auto kernel = op.Ints("kernel_sizes");
  const std::string filter = OneHotFilter(op, channels, kernel[0], kernel[1]);
  const std::string out = op.Node("Conv", {op.In("X"), filter}, PatchAttrs(op, channels));
  op.Out("Y", op.Reshape(out, {0, channels * kernel[0] * kernel[1], -1}));
}
SKIFF_ONNX(fold) {
  const auto kernel = op.Ints("kernel_sizes"), size = op.Ints("output_sizes"), strides = op.Ints("strides"), dilations = op.Ints("dilations");
  const int64_t rows = op.ShapeOf("X")[1];
  if (rows < 0) NoOnnxForm("the number of channels is unknown");
  const int64_t channels = rows / (kernel[0] * kernel[1]);
  OnnxAttrs attrs = PatchAttrs(op, channels);
  const auto pads = std::get<std::vector<int64_t>>(attrs[3].second);
  std::vector<int64_t> blocks{0, rows}, extra;
  for (int i = 0; i < 2; ++i) {
    const int64_t reach = dilations[i] * (kernel[i] - 1) + 1, room = size[i] + pads[i] + pads[2 + i] - reach;
    blocks.push_back(room / strides[i] + 1);
    extra.push_back(room % strides[i]);
  }
  attrs.emplace_back("output_padding", extra);
  const std::string filter = OneHotFilter(op, channels, kernel[0], kernel[1]);
  op.Out("Y", op.Node("ConvTranspose", {op.Reshape(op.In("X"), blocks), filter}, attrs));
}

}  // namespace skiff::io
