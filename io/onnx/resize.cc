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
  std::vector<float> scale;
  if (op.type().ends_with("_v2")) {
    scale = op.Attr<std::vector<float>>("scale");
  } else {
    scale = {op.Attr<float>("scale")};
  }
  if (scale.size() == 1) scale.assign(axes, scale[0]);
  const bool scaled = !scale.empty() && std::all_of(scale.begin(), scale.end(), [](float one) { return one > 0; });
  std::string sizes, scales;
  if (op.IsTensorGiven("SizeTensor", "OutSize")) {
    sizes = op.IntList("SizeTensor", "OutSize", "");
  } else if (op.Has("Scale")) {
    scales = op.Node("Expand", {op.Cast(op.Reshape(op.In("Scale"), {-1}), DType::kFloat32), op.Int64s({axes})});
  } else if (scaled && !op.type().ends_with("_v2")) {  // which count by the extents, whatever the scale was
    const std::string wanted = op.Binary("Mul", op.Cast(op.Extents(x, 2), DType::kFloat32), op.Constant(Tensor::Of(Shape{axes}, scale)));
    sizes = op.Cast(op.Node("Floor", {wanted}), DType::kInt64);
  } else if (scaled) {
    scales = op.Constant(Tensor::Of(Shape{axes}, scale));
  } else {
    std::vector<int64_t> given;
    for (const char* attr : {"out_d", "out_h", "out_w"}) given.push_back(op.Attr<int64_t>(attr));
    given.erase(given.begin(), given.end() - axes);
    sizes = op.Int64s(given);
  }
  std::string out;
  if (!sizes.empty()) {
    out = op.Node("Resize", {x, "", "", op.Concat({op.Extents(x, 0, 2), sizes}, 0)}, attrs);
  } else {
    out = op.Node("Resize", {x, "", op.Concat({op.Full(DType::kFloat32, Shape{2}, 1), scales}, 0)}, attrs);
  }
  op.Out("Out", last ? op.ToChannelsLast(out, rank) : out);
}

// Row i of the regions belongs to the first image up to whose end more than i regions come.
std::string ImageOfRegion(OnnxOp& op, DType dtype) {
  if (!op.Has("RoisNum")) NoOnnxForm("regions by LoD; RoisNum must say how many each image has");
  const std::string ends = op.Node("CumSum", {op.Cast(op.Reshape(op.In("RoisNum"), {-1}), DType::kInt64), op.Int64(0)});
  const std::string index = op.Node("Range", {op.Int64(0), op.AsScalar(op.Extents(op.In("ROIs"), 0, 1)), op.Int64(1)});
  const std::string before = op.Binary("GreaterOrEqual", op.Unsqueeze(index, {1}), op.Unsqueeze(ends, {0}));
  return op.Reduce("ReduceSum", op.Cast(before, dtype), {1}, false);
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
  const auto shape = op.Has("OutputShape") ? op.KnownInts("OutputShape") : op.Ints("output_shape");
  const bool corners = op.Attr<bool>("align_corners");
  const int axes = static_cast<int>(shape.size()) - 2;
  if (axes < 2) NoOnnxForm("the output's shape is unknown");
  int64_t points = 1;
  for (int i = 0; i < axes; ++i) points *= shape[2 + i];
  std::vector<double> values(points * (axes + 1), 1);
  for (int64_t p = 0; p < points; ++p) {
    int64_t rest = p;
    for (int k = 0; k < axes; ++k) {  // x first, which is the last axis
      const int64_t extent = shape[1 + axes - k], at = rest % extent;
      rest /= extent;
      values[p * (axes + 1) + k] = corners ? (extent > 1 ? -1 + 2.0 * at / (extent - 1) : -1) : (2.0 * at + 1) / extent - 1;
    }
  }
  const std::string grid = op.Cast(op.Constant(Tensor::Of(Shape{points, axes + 1}, values)), op.TypeOf("Theta"));
  const std::string out = op.Binary("MatMul", grid, op.Transpose(op.In("Theta"), {0, 2, 1}));
  std::vector<int64_t> dims{-1};
  dims.insert(dims.end(), shape.begin() + 2, shape.end());
  dims.push_back(axes);
  op.Out("Output", op.Reshape(out, dims));
}

SKIFF_ONNX(roi_align) {
  const OnnxAttrs attrs{{"output_height", op.Attr<int64_t>("pooled_height")}, {"output_width", op.Attr<int64_t>("pooled_width")},
                        {"spatial_scale", op.Attr<float>("spatial_scale")}, {"sampling_ratio", std::max<int64_t>(op.Attr<int64_t>("sampling_ratio"), 0)},
                        {"coordinate_transformation_mode", std::string(op.Attr<bool>("aligned") ? "half_pixel" : "output_half_pixel")}};
  op.Out("Out", op.Node("RoiAlign", {op.In("X"), op.In("ROIs"), ImageOfRegion(op, DType::kInt64)}, attrs));
}

SKIFF_ONNX(roi_pool) {
  if (op.Wanted("Argmax")) NoOnnxForm("Argmax");
  const std::string regions = op.Concat({op.Unsqueeze(ImageOfRegion(op, op.TypeOf("ROIs")), {1}), op.In("ROIs")}, 1);
  const OnnxAttrs attrs{{"pooled_shape", std::vector<int64_t>{op.Attr<int64_t>("pooled_height"), op.Attr<int64_t>("pooled_width")}},
                        {"spatial_scale", op.Attr<float>("spatial_scale")}};
  op.Out("Out", op.Node("MaxRoiPool", {op.In("X"), regions}, attrs));
}

}  // namespace skiff::io
