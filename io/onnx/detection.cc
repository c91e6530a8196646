// Boxes: their arithmetic, heads of detectors, and suppression of boxes that overlap better ones.
#include <climits>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

// Number k of the last axis, which goes.
std::string Part(OnnxOp& op, const std::string& value, int64_t k) { return op.Squeeze(op.Slice(value, -1, k, k + 1), {-1}); }

std::string StackLast(OnnxOp& op, const std::vector<std::string>& values) {
  std::vector<std::string> parts;
  for (const std::string& value : values) parts.push_back(op.Unsqueeze(value, {-1}));
  return op.Concat(parts, -1);
}

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

std::string Count(OnnxOp& op, const std::string& value, int64_t axis) { return op.AsScalar(op.Extents(value, axis, axis + 1)); }
std::string UpTo(OnnxOp& op, const std::string& count) { return op.Node("Range", {op.Int64(0), count, op.Int64(1)}); }

// Intersection over union of boxes that broadcast. `apart`: boxes with less than a pixel between them do not overlap.
std::string Overlap(OnnxOp& op, const std::string& x, const std::string& y, double more, DType dtype, bool apart) {
  const std::string one = op.Scalar(dtype, more), zero = op.Scalar(dtype, 0);
  const auto extent = [&](const std::string& low, const std::string& high) { return op.Binary("Add", op.Binary("Sub", high, low), one); };
  const auto area = [&](const std::string& box) {
    return op.Binary("Mul", extent(Part(op, box, 0), Part(op, box, 2)), extent(Part(op, box, 1), Part(op, box, 3)));
  };
  const auto common = [&](int axis) {
    const std::string low = op.Binary("Max", Part(op, x, axis), Part(op, y, axis)), high = op.Binary("Min", Part(op, x, 2 + axis), Part(op, y, 2 + axis));
    if (apart && more > 0) return op.Node("Where", {op.Binary("Less", high, low), zero, extent(low, high)});
    return op.Binary("Max", extent(low, high), zero);
  };
  const std::string both = op.Binary("Mul", common(0), common(1));
  return op.Binary("Div", both, op.Binary("Sub", op.Binary("Add", area(x), area(y)), both));
}

// Scores [images, classes, boxes] where the background's are the lowest.
std::string WithoutBackground(OnnxOp& op, const std::string& scores, const std::string& lowest) {
  const int64_t background = op.Attr<int64_t>("background_label");
  if (background < 0) return scores;
  const std::string is_background = op.Binary("Equal", UpTo(op, Count(op, scores, 1)), op.Int64(background));
  return op.Node("Where", {op.Unsqueeze(is_background, {0, 2}), lowest, scores});
}

// What is kept of the candidates of all classes and images: [kept, 3] of image, class, box, in this order.
struct Kept {
  std::string rows, images, classes, boxes, scores;
};
Kept Columns(OnnxOp& op, const std::string& rows, const std::string& scores) {
  return {rows, Part(op, rows, 0), Part(op, rows, 1), Part(op, rows, 2), op.Node("GatherND", {scores, rows})};
}

// The best of each image: its place among the rows of its image, all in the order of scores.
Kept BestOfImages(OnnxOp& op, const Kept& kept, const std::string& scores, int64_t most) {
  const std::string order = op.Nodes("TopK", {kept.scores, op.Extents(kept.scores)}, 2, {{"axis", int64_t{0}}})[1];
  const std::string image = op.Unsqueeze(op.Gather(kept.images, order, 0), {1});
  const std::string is_image = op.Cast(op.Binary("Equal", image, UpTo(op, Count(op, scores, 0))), DType::kInt32);
  const std::string seen = op.Node("CumSum", {is_image, op.Int64(0)});
  const std::string place = op.Reduce("ReduceSum", op.Binary("Mul", is_image, seen), {1}, false);
  const std::string among = op.Binary("LessOrEqual", place, op.Scalar(DType::kInt32, static_cast<double>(most)));
  const std::string best = op.Node("Compress", {order, among}, {{"axis", int64_t{0}}});
  const std::string sorted = op.Nodes("TopK", {best, op.Extents(best)}, 2, {{"axis", int64_t{0}}, {"largest", int64_t{0}}})[0];
  return Columns(op, op.Gather(kept.rows, sorted, 0), scores);
}

// Candidates of each class up to nms_top_k, without the background; what is out gets the lowest score.
std::string CandidateScores(OnnxOp& op, std::string scores, const Shape& shape) {
  const std::string lowest = op.Scalar(DType::kFloat32, -3e38);
  scores = WithoutBackground(op, scores, lowest);
  const int64_t most = op.Attr<int64_t>("nms_top_k");
  if (most < 0 || (shape[2] >= 0 && shape[2] <= most)) return scores;
  const std::string k = op.Binary("Min", op.Extents(scores, 2, 3), op.Int64s({most}));
  const std::string best = op.Nodes("TopK", {scores, k}, 2, {{"axis", int64_t{2}}})[0];
  const std::string least = op.Slice(best, 2, -1, INT64_MAX);
  return op.Node("Where", {op.Binary("GreaterOrEqual", scores, least), scores, lowest});
}

void EmitMulticlassNms(OnnxOp& op, bool one_where_none) {
  if (op.Rank("Scores") != 3) NoOnnxForm("boxes of their own for each class");
  if (op.ShapeOf("BBoxes")[2] != 4) NoOnnxForm("polygons");
  if (op.Attr<float>("nms_eta") < 1) NoOnnxForm("nms_eta below 1");
  const DType dtype = op.TypeOf("BBoxes");
  const std::string boxes = op.In("BBoxes"), scores = op.In("Scores");
  std::string corners = op.Cast(boxes, DType::kFloat32);
  if (!op.Attr<bool>("normalized")) corners = op.Binary("Add", corners, op.Constant(Tensor::Of(Shape{4}, {0.0f, 0.0f, 1.0f, 1.0f})));
  const std::string candidates = CandidateScores(op, op.Cast(scores, DType::kFloat32), op.ShapeOf("Scores"));
  const std::string found = op.Node("NonMaxSuppression", {corners, candidates, op.Int64s({INT_MAX}), op.Full(DType::kFloat32, Shape{1}, op.Attr<float>("nms_threshold")),
                                                         op.Full(DType::kFloat32, Shape{1}, op.Attr<float>("score_threshold"))});
  Kept kept = Columns(op, found, scores);
  if (const int64_t most = op.Attr<int64_t>("keep_top_k"); most >= 0) kept = BestOfImages(op, kept, scores, most);

  const std::string of_image = op.Concat({op.Unsqueeze(kept.images, {1}), op.Unsqueeze(kept.boxes, {1})}, 1);
  std::string rows = op.Concat({op.Unsqueeze(op.Cast(kept.classes, dtype), {1}), op.Unsqueeze(kept.scores, {1}),
                                op.Node("GatherND", {boxes, of_image})}, 1);
  if (one_where_none) {
    const auto branch = [&](const char* name, const std::string& value) {
      OnnxGraph& graph = op.BeginGraph(name);
      graph.outputs.push_back({op.Node("Identity", {value}), dtype, {}, false});
      return op.EndGraph();
    };
    const auto none = branch("none", op.Full(dtype, Shape{1, 1}, -1)), some = branch("some", rows);
    rows = op.Node("If", {op.Binary("Equal", Count(op, kept.rows, 0), op.Int64(0))}, {{"then_branch", none}, {"else_branch", some}});
  }
  op.Out("Out", rows);
  if (op.Wanted("Index")) {
    const std::string index = op.Binary("Add", op.Binary("Mul", kept.images, Count(op, boxes, 1)), kept.boxes);
    op.Out("Index", op.Cast(op.Unsqueeze(index, {1}), DType::kInt32));
  }
  if (op.Wanted("NmsRoisNum")) {
    const std::string of = op.Binary("Equal", op.Unsqueeze(UpTo(op, Count(op, scores, 0)), {1}), op.Unsqueeze(kept.images, {0}));
    op.Out("NmsRoisNum", op.Reduce("ReduceSum", op.Cast(of, DType::kInt32), {1}, false));
  }
}

}  // namespace

SKIFF_ONNX(multiclass_nms) { EmitMulticlassNms(op, true); }
SKIFF_ONNX(multiclass_nms2) { EmitMulticlassNms(op, false); }
SKIFF_ONNX(multiclass_nms3) { EmitMulticlassNms(op, false); }

// Boxes come in the order of their scores: the first has the highest.
SKIFF_ONNX(nms) {
  const std::string boxes = op.In("Boxes"), count = Count(op, boxes, 0);
  const std::string ranks = op.Cast(op.Node("Range", {count, op.Int64(0), op.Int64(-1)}), DType::kFloat32);
  const std::string found = op.Node("NonMaxSuppression", {op.Unsqueeze(op.Cast(boxes, DType::kFloat32), {0}), op.Unsqueeze(ranks, {0, 1}),
                                                         op.Int64s({INT_MAX}), op.Full(DType::kFloat32, Shape{1}, op.Attr<float>("iou_threshold"))});
  op.Out("KeepBoxesIdxs", Part(op, found, 2));
}

SKIFF_ONNX(iou_similarity) {
  const double more = op.Attr<bool>("box_normalized") ? 0 : 1;
  op.Out("Out", Overlap(op, op.Unsqueeze(op.In("X"), {1}), op.Unsqueeze(op.In("Y"), {0}), more, op.TypeOf("X"), false));
}

// Candidates of each class, best first; each score lowered by the overlaps with those before it; then the best of each image.
SKIFF_ONNX(matrix_nms) {
  if (op.ShapeOf("BBoxes")[2] != 4) NoOnnxForm("polygons");
  const DType dtype = op.TypeOf("Scores");
  const std::string boxes = op.In("BBoxes"), lowest = op.Scalar(dtype, -3e38), one = op.Scalar(dtype, 1);
  const std::string images = Count(op, boxes, 0), num_boxes = Count(op, boxes, 1);
  const auto most_of = [&](const std::string& extent, int64_t most) { return most < 0 ? extent : op.Binary("Min", extent, op.Int64s({most})); };
  const std::string scores = WithoutBackground(op, op.In("Scores"), lowest);
  const auto best = op.Nodes("TopK", {scores, most_of(op.Extents(scores, 2, 3), op.Attr<int64_t>("nms_top_k"))}, 2, {{"axis", int64_t{2}}});
  const std::string first_box = op.Unsqueeze(op.Binary("Mul", UpTo(op, images), num_boxes), {1, 2});
  const std::string places = op.Binary("Add", best[1], first_box), flat_boxes = op.Reshape(boxes, {-1, 4});
  const std::string chosen = op.Gather(flat_boxes, places, 0);  // [images, classes, candidates, 4]

  const std::string all = Overlap(op, op.Unsqueeze(chosen, {3}), op.Unsqueeze(chosen, {2}), op.Attr<bool>("normalized") ? 0 : 1, dtype, true);
  const std::string overlap = op.Node("Trilu", {all, op.Int64(-1)}, {{"upper", int64_t{0}}});  // with better ones alone
  const std::string most = op.Unsqueeze(op.Reduce("ReduceMax", overlap, {3}, false), {2});
  std::string decay;
  if (op.Attr<bool>("use_gaussian")) {
    const std::string difference = op.Binary("Sub", op.Binary("Mul", most, most), op.Binary("Mul", overlap, overlap));
    decay = op.Node("Exp", {op.Binary("Mul", difference, op.Scalar(dtype, op.Attr<float>("gaussian_sigma")))});
  } else {
    decay = op.Binary("Div", op.Binary("Sub", one, overlap), op.Binary("Sub", one, most));
  }
  const std::string lowered = op.Binary("Mul", best[0], op.Binary("Min", op.Reduce("ReduceMin", decay, {3}, false), one));
  const std::string is_candidate = op.Binary("Greater", best[0], op.Scalar(dtype, op.Attr<float>("score_threshold")));
  const std::string ranked = op.Reshape(op.Node("Where", {is_candidate, lowered, lowest}), {0, -1});

  const auto kept = op.Nodes("TopK", {ranked, most_of(op.Extents(ranked, 1, 2), op.Attr<int64_t>("keep_top_k"))}, 2, {{"axis", int64_t{1}}});
  const std::string high = op.Binary("Greater", kept[0], op.Scalar(dtype, op.Attr<float>("post_threshold")));
  const std::string rows = op.Transpose(op.Node("NonZero", {high}), {1, 0});  // image, place
  const std::string place = op.Node("GatherND", {kept[1], rows}), image = Part(op, rows, 0);
  const std::string label = op.Binary("Div", place, Count(op, best[0], 2));
  const std::string at = op.Concat({op.Unsqueeze(image, {1}), op.Unsqueeze(place, {1})}, 1);
  const std::string box = op.Node("GatherND", {op.Reshape(places, {0, -1}), at});
  op.Out("Out", op.Concat({op.Unsqueeze(op.Cast(label, dtype), {1}), op.Unsqueeze(op.Node("GatherND", {kept[0], rows}), {1}),
                           op.Gather(flat_boxes, box, 0)}, 1));
  if (op.Wanted("Index")) op.Out("Index", op.Cast(op.Unsqueeze(box, {1}), DType::kInt32));
  if (op.Wanted("RoisNum")) op.Out("RoisNum", op.Reduce("ReduceSum", op.Cast(high, DType::kInt32), {1}, false));
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
    const auto centre = [&](int k, const std::string& at, const std::string& extent) { return op.Binary("Add", op.Binary("Mul", code(k), extent), at); };
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

}  // namespace skiff::io
