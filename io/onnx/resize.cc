// Resizing and sampling of pictures.
#include <algorithm>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

void EmitResize(OnnxOp& op, const std::string& mode, int axes) {
  const int rank = axes + 2;
  const bool last = op.ChannelsLast("data_layout"), corners = op.Attr<bool>("align_corners");
  const std::string x = last ? op.ToChannelsFirst(op.In("X"), rank) : op.In("X");
  OnnxAttrs attrs{{"mode", mode}};
  std::string place = "asymmetric";
  if (corners) {
    place = "align_corners";
  } else if (mode == "cubic" || (mode == "linear" && op.Attr<int64_t>("align_mode") == 0)) {
    place = mode == "cubic" ? "half_pixel" : "pytorch_half_pixel";  // the latter puts a single element at 0, as Paddle does
  }
  attrs.emplace_back("coordinate_transformation_mode", place);
  if (mode == "nearest") attrs.emplace_back("nearest_mode", std::string(corners ? "round_prefer_ceil" : "floor"));
  if (mode == "cubic") attrs.emplace_back("cubic_coeff_a", -0.75f);

  // By Paddle's order: sizes as tensors, a scale as a tensor, the attribute scale, the attributes of sizes.
  const bool v2 = op.type().ends_with("_v2");
  std::string sizes, scales;
  if (op.IsTensorGiven("SizeTensor", "OutSize")) {
    sizes = op.IntList("SizeTensor", "OutSize", "");
  } else if (op.Has("Scale")) {
    scales = op.Node("Expand", {op.Cast(op.Reshape(op.In("Scale"), {-1}), DType::kFloat32), op.Int64s({axes})});
  } else if (std::vector<float> scale = v2 ? op.Attr<std::vector<float>>("scale") : std::vector<float>{op.Attr<float>("scale")};
             !scale.empty() && scale[0] > 0) {
    if (scale.size() == 1) scale.assign(axes, scale[0]);
    scales = op.Constant(Tensor::Of(Shape{axes}, scale));
  } else {
    std::vector<int64_t> given;
    for (const char* attr : {"out_d", "out_h", "out_w"}) given.push_back(op.Attr<int64_t>(attr));
    given.erase(given.begin(), given.end() - axes);
    sizes = op.Int64s(given);
  }
  if (!scales.empty() && !v2) {  // the old operators count by the extents, whatever the scale was
    const std::string wanted = op.Binary("Mul", op.Cast(op.Extents(x, 2), DType::kFloat32), scales);
    sizes = op.Cast(op.Node("Floor", {wanted}), DType::kInt64);
  }
  std::string out;
  if (!sizes.empty()) {
    out = op.Node("Resize", {x, "", "", op.Concat({op.Extents(x, 0, 2), sizes}, 0)}, attrs);
  } else {
    out = op.Node("Resize", {x, "", op.Concat({op.Full(DType::kFloat32, Shape{2}, 1), scales}, 0)}, attrs);
  }
  op.Out("Out", last ? op.ToChannelsLast(out, rank) : out);
}

}  // namespace

SKIFF_ONNX(linear_interp_v2) { EmitResize(op, "linear", 1); }
SKIFF_ONNX(bilinear_interp_v2) { EmitResize(op, "linear", 2); }
SKIFF_ONNX(trilinear_interp_v2) { EmitResize(op, "linear", 3); }
SKIFF_ONNX(bicubic_interp_v2) {
  const Shape& out = op.OutShape("Out");
  const int first = op.ChannelsLast("data_layout") ? 1 : 2;
  if (!op.Attr<bool>("align_corners") && (out[first] == 1 || out[first + 1] == 1)) {
    NoOnnxForm("an extent of 1, which Paddle takes half a pixel outside");
  }
  EmitResize(op, "cubic", 2);
}
SKIFF_ONNX(nearest_interp_v2) { EmitResize(op, "nearest", op.Rank("X") - 2); }
SKIFF_ONNX_AS(linear_interp, linear_interp_v2);
SKIFF_ONNX_AS(bilinear_interp, bilinear_interp_v2);
SKIFF_ONNX_AS(trilinear_interp, trilinear_interp_v2);
SKIFF_ONNX_AS(bicubic_interp, bicubic_interp_v2);
SKIFF_ONNX_AS(nearest_interp, nearest_interp_v2);

SKIFF_ONNX(grid_sampler) {
  const bool volume = op.Rank("X") == 5;
  if (volume && op.opset() < 20) NoOnnxForm("volumes need opset 20");
  std::string mode = op.Attr<std::string>("mode");
  if (volume && mode == "nearest") NoOnnxForm("nearest points of volumes, which Paddle finds otherwise than ONNX");
  if (op.opset() >= 20 && mode == "bilinear") mode = "linear";
  const OnnxAttrs attrs{{"mode", mode}, {"padding_mode", op.Attr<std::string>("padding_mode")},
                        {"align_corners", int64_t{op.Attr<bool>("align_corners")}}};
  op.Out("Output", op.Node("GridSample", {op.In("X"), op.In("Grid")}, attrs));
}

// A regular grid of points in homogeneous coordinates, times the matrix of each image.
SKIFF_ONNX(affine_grid) {
  const bool corners = op.Attr<bool>("align_corners");
  const std::string shape = op.IntList("", "OutputShape", "output_shape");
  const int axes = op.ShapeOf("Theta")[1] > 0 ? static_cast<int>(op.ShapeOf("Theta")[1]) : op.OutShape("Output").rank() - 2;
  const std::string extents = op.Slice(shape, 0, 2, 2 + axes), real = op.Cast(extents, DType::kFloat64);
  const auto number = [&](double value) { return op.Scalar(DType::kFloat64, value); };
  std::vector<std::string> columns;
  for (int k = axes - 1; k >= 0; --k) {  // x first, which is the last axis
    const std::string extent = op.AsScalar(op.Slice(real, 0, k, k + 1));
    const std::string index = op.Node("Range", {number(0), extent, number(1)});
    const auto mul = [&](const std::string& a, const std::string& b) { return op.Binary("Mul", a, b); };
    const auto sub = [&](const std::string& a, const std::string& b) { return op.Binary("Sub", a, b); };
    const std::string steps = op.Binary("Max", sub(extent, number(1)), number(1));
    const std::string at = corners ? sub(op.Binary("Div", mul(index, number(2)), steps), number(1))
                                   : sub(op.Binary("Div", op.Binary("Add", mul(index, number(2)), number(1)), extent), number(1));
    std::vector<int64_t> dims(axes, 1);
    dims[k] = -1;
    columns.push_back(op.Unsqueeze(op.Node("Expand", {op.Reshape(at, dims), extents}), {axes}));
  }
  columns.push_back(op.Node("Expand", {number(1), op.Concat({extents, op.Int64s({1})}, 0)}));
  const std::string grid = op.Cast(op.Reshape(op.Concat(columns, axes), {-1, axes + 1}), op.TypeOf("Theta"));
  const std::string out = op.Binary("MatMul", grid, op.Transpose(op.In("Theta"), {0, 2, 1}));
  op.Out("Output", op.Node("Reshape", {out, op.Concat({op.Int64s({-1}), extents, op.Int64s({axes})}, 0)}));
}

}  // namespace skiff::io
