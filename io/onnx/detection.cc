// Boxes: their arithmetic, and heads of detectors.
#include <climits>

#include "io/onnx/boxes.h"

namespace skiff::io {

namespace {

// A box as centre and extents. Where coordinates count pixels (more = 1) both ends belong to it.
struct CentredBox {
  std::string x, y, width, height;
};
CentredBox Centred(OnnxOp& op, const std::string& box, double more, DType dtype) {
  const std::string x1 = Part(op, box, 0), y1 = Part(op, box, 1), x2 = Part(op, box, 2), y2 = Part(op, box, 3);
  const std::string half = op.Scalar(dtype, 0.5), one = op.Scalar(dtype, more);
  const std::string width = op.Binary("Add", op.Binary("Sub", x2, x1), one), height = op.Binary("Add", op.Binary("Sub", y2, y1), one);
  return {op.Binary("Add", x1, op.Binary("Mul", width, half)), op.Binary("Add", y1, op.Binary("Mul", height, half)), width, height};
}

}  // namespace

SKIFF_ONNX(iou_similarity) {
  const double more = op.Attr<bool>("box_normalized") ? 0 : 1;
  op.Out("Out", Overlap(op, op.Unsqueeze(op.In("X"), {1}), op.Unsqueeze(op.In("Y"), {0}), more, op.TypeOf("X"), false));
}

SKIFF_ONNX(box_coder) {
  const DType dtype = op.TypeOf("TargetBox");
  const double more = op.Attr<bool>("box_normalized") ? 0 : 1;
  const bool decode = op.Attr<std::string>("code_type") == "decode_center_size";
  const auto fixed = op.Attr<std::vector<float>>("variance");
  // Priors are columns, or with axis 1 rows, of the result.
  const int64_t other = decode && op.Attr<int64_t>("axis") == 1 ? 1 : 0;
  const CentredBox prior = Centred(op, op.Unsqueeze(op.In("PriorBox"), {other}), more, dtype);
  const std::string variances = op.Has("PriorBoxVar") ? op.Unsqueeze(op.In("PriorBoxVar"), {other}) : "";
  const auto variance = [&](int k) { return variances.empty() ? op.Scalar(dtype, fixed.empty() ? 1 : fixed[k]) : Part(op, variances, k); };
  if (decode) {
    const std::string target = op.In("TargetBox"), half = op.Scalar(dtype, 0.5);
    const auto code = [&](int k) { return op.Binary("Mul", Part(op, target, k), variance(k)); };
    const auto centre = [&](int k, const std::string& at, const std::string& extent) {
      return op.Binary("Add", op.Binary("Mul", code(k), extent), at);
    };
    const auto reach = [&](int k, const std::string& extent) { return op.Binary("Mul", op.Binary("Mul", op.Node("Exp", {code(k)}), extent), half); };
    const std::string x = centre(0, prior.x, prior.width), y = centre(1, prior.y, prior.height);
    const std::string w = reach(2, prior.width), h = reach(3, prior.height), one = op.Scalar(dtype, more);
    return op.Out("OutputBox", StackLast(op, {op.Binary("Sub", x, w), op.Binary("Sub", y, h), op.Binary("Sub", op.Binary("Add", x, w), one),
                                              op.Binary("Sub", op.Binary("Add", y, h), one)}));
  }
  const std::string box = op.Unsqueeze(op.In("TargetBox"), {1});
  const CentredBox target = Centred(op, box, more, dtype);
  const auto middle = [&](int k) { return op.Binary("Mul", op.Binary("Add", Part(op, box, k), Part(op, box, 2 + k)), op.Scalar(dtype, 0.5)); };
  const auto offset = [&](int k, const std::string& at, const std::string& extent) {
    return op.Binary("Div", op.Binary("Div", op.Binary("Sub", middle(k), at), extent), variance(k));
  };
  const auto ratio = [&](int k, const std::string& of, const std::string& to) {
    return op.Binary("Div", op.Node("Log", {op.Node("Abs", {op.Binary("Div", of, to)})}), variance(k));
  };
  op.Out("OutputBox", StackLast(op, {offset(0, prior.x, prior.width), offset(1, prior.y, prior.height), ratio(2, target.width, prior.width),
                                     ratio(3, target.height, prior.height)}));
}

SKIFF_ONNX(yolo_box) {
  const DType dtype = op.TypeOf("X");
  const auto anchors = op.Ints("anchors");
  const int64_t count = static_cast<int64_t>(anchors.size()) / 2, classes = op.Attr<int64_t>("class_num");
  const double scale = op.Attr<float>("scale_x_y"), stride = op.Attr<int64_t>("downsample_ratio");
  const auto number = [&](double value) { return op.Scalar(dtype, value); };
  const auto mul = [&](const std::string& a, const std::string& b) { return op.Binary("Mul", a, b); };
  const auto add = [&](const std::string& a, const std::string& b) { return op.Binary("Add", a, b); };
  const std::string x = op.In("X");
  const bool iou_aware = op.Attr<bool>("iou_aware");
  // [images, anchors, numbers, cells]
  const std::string head = op.Reshape(iou_aware ? op.Slice(x, 1, count, INT64_MAX) : x, {0, count, 5 + classes, -1});
  const auto channel = [&](int64_t k) { return op.Squeeze(op.Slice(head, 2, k, k + 1), {2}); };

  const std::string height = Count(op, x, 2), width = Count(op, x, 3), cells = UpTo(op, mul(height, width));
  const std::string column = op.Cast(op.Binary("Mod", cells, width), dtype), row = op.Cast(op.Binary("Div", cells, width), dtype);
  const std::string size = op.Cast(op.In("ImgSize"), dtype);
  const auto extent = [&](int64_t k) { return op.Unsqueeze(op.Slice(size, 1, k, k + 1), {2}); };  // [images, 1, 1]
  const auto centre = [&](int64_t k, const std::string& cell, const std::string& image, const std::string& in_cells) {
    const std::string at = add(add(cell, mul(op.Node("Sigmoid", {channel(k)}), number(scale))), number(-0.5 * (scale - 1)));
    return op.Binary("Div", mul(at, image), op.Cast(in_cells, dtype));
  };
  const auto reach = [&](int64_t k, const std::string& image, const std::string& in_cells) {
    std::vector<double> sizes;
    for (int64_t a = 0; a < count; ++a) sizes.push_back(static_cast<double>(anchors[2 * a + k]) / stride / 2);
    const std::string half = op.Cast(op.Constant(Tensor::Of(Shape{count, 1}, sizes)), dtype);
    return op.Binary("Div", mul(mul(op.Node("Exp", {channel(2 + k)}), half), image), op.Cast(in_cells, dtype));
  };
  const std::string image_height = extent(0), image_width = extent(1);
  const std::string cx = centre(0, column, image_width, width), cy = centre(1, row, image_height, height);
  const std::string w = reach(0, image_width, width), h = reach(1, image_height, height);
  std::vector<std::string> corners{op.Binary("Sub", cx, w), op.Binary("Sub", cy, h), add(cx, w), add(cy, h)};
  if (op.Attr<bool>("clip_bbox")) {
    for (int k = 0; k < 2; ++k) {
      corners[k] = op.Binary("Max", corners[k], number(0));
      corners[2 + k] = op.Binary("Min", corners[2 + k], add(k == 0 ? image_width : image_height, number(-1)));
    }
  }
  std::string confidence = op.Node("Sigmoid", {channel(4)});
  if (iou_aware) {
    const double factor = op.Attr<float>("iou_aware_factor");
    const std::string overlap = op.Node("Sigmoid", {op.Reshape(op.Slice(x, 1, 0, count), {0, count, -1})});
    confidence = mul(op.Binary("Pow", confidence, number(1 - factor)), op.Binary("Pow", overlap, number(factor)));
  }
  const std::string low = op.Unsqueeze(op.Binary("Less", confidence, number(op.Attr<float>("conf_thresh"))), {3});
  const std::string boxes = op.Node("Where", {low, number(0), StackLast(op, corners)});
  op.Out("Boxes", op.Reshape(boxes, {0, -1, 4}));
  const std::string likely = op.Node("Sigmoid", {op.Slice(head, 2, 5, INT64_MAX)});
  const std::string scores = op.Transpose(mul(likely, op.Unsqueeze(confidence, {2})), {0, 1, 3, 2});
  op.Out("Scores", op.Reshape(op.Node("Where", {low, number(0), scores}), {0, -1, classes}));
}

// Offsets in quarters of pixels from columns in even channels, from rows in odd ones.
SKIFF_ONNX(polygon_box_transform) {
  const std::string x = op.In("Input");
  const auto up_to = [&](int axis) {
    return op.Node("Range", {op.Int64(0), op.AsScalar(op.Extents(x, axis, axis + 1)), op.Int64(1)});
  };
  const std::string even = op.Binary("Equal", op.Binary("Mod", op.Reshape(up_to(1), {-1, 1, 1}), op.Int64(2)), op.Int64(0));
  const std::string place = op.Node("Where", {even, up_to(3), op.Reshape(up_to(2), {-1, 1})});
  const DType dtype = op.TypeOf("Input");
  op.Out("Output", op.Binary("Sub", op.Cast(op.Binary("Mul", place, op.Int64(4)), dtype), x));
}

}  // namespace skiff::io
