// Suppression of boxes that overlap better ones.
#include <climits>

#include "io/onnx/boxes.h"

namespace skiff::io {

namespace {

// Scores where the background's, along the axis of classes, are the lowest.
std::string WithoutBackground(OnnxOp& op, const std::string& scores, const std::string& lowest, int64_t axis = 1) {
  const int64_t background = op.Attr<int64_t>("background_label");
  if (background < 0) return scores;
  const std::string is_background = op.Binary("Equal", UpTo(op, Count(op, scores, axis)), op.Int64(background));
  return op.Node("Where", {op.Unsqueeze(is_background, axis == 1 ? std::vector<int64_t>{0, 2} : std::vector<int64_t>{1, 2}), lowest, scores});
}

// Candidates of each class up to nms_top_k; what is out gets the lowest score.
std::string CandidateScores(OnnxOp& op, const std::string& scores, int64_t boxes) {
  const std::string lowest = op.Scalar(DType::kFloat32, -3e38);
  const int64_t most = op.Attr<int64_t>("nms_top_k");
  if (most < 0 || (boxes >= 0 && boxes <= most)) return scores;
  const std::string k = op.Binary("Min", op.Extents(scores, 2, 3), op.Int64s({most}));
  const std::string best = op.Nodes("TopK", {scores, k}, 2, {{"axis", int64_t{2}}})[0];
  const std::string least = op.Slice(best, 2, -1, INT64_MAX);
  return op.Node("Where", {op.Binary("GreaterOrEqual", scores, least), scores, lowest});
}

// Boxes that are kept of all images and classes, and their scores.
struct Kept {
  std::string images, classes, boxes, scores;
  Kept At(OnnxOp& op, const std::string& places) const {
    return {op.Gather(images, places, 0), op.Gather(classes, places, 0), op.Gather(boxes, places, 0), op.Gather(scores, places, 0)};
  }
};

// Places of the best of each image, in order: a box's rank among those of its image, all in the order of scores.
std::string BestOfImages(OnnxOp& op, const Kept& kept, const std::string& images, int64_t most) {
  const std::string order = op.Nodes("TopK", {kept.scores, op.Extents(kept.scores)}, 2, {{"axis", int64_t{0}}})[1];
  const std::string image = op.Unsqueeze(op.Gather(kept.images, order, 0), {1});
  const std::string is_image = op.Cast(op.Binary("Equal", image, UpTo(op, images)), DType::kInt32);
  const std::string seen = op.Node("CumSum", {is_image, op.Int64(0)});
  const std::string rank = op.Reduce("ReduceSum", op.Binary("Mul", is_image, seen), {1}, false);
  const std::string among = op.Binary("LessOrEqual", rank, op.Scalar(DType::kInt32, static_cast<double>(most)));
  const std::string best = op.Node("Compress", {order, among}, {{"axis", int64_t{0}}});
  return op.Gather(best, Order(op, best), 0);
}

std::string Suppressed(OnnxOp& op, const std::string& corners, const std::string& candidates) {
  return op.Node("NonMaxSuppression", {corners, candidates, op.Int64s({INT_MAX}), op.Full(DType::kFloat32, Shape{1}, op.Attr<float>("nms_threshold")),
                                       op.Full(DType::kFloat32, Shape{1}, op.Attr<float>("score_threshold"))});
}

// One list of boxes for all classes of an image: scores are [images, classes, boxes].
Kept OfSharedBoxes(OnnxOp& op, const std::string& boxes, const std::string& scores) {
  std::string candidates = WithoutBackground(op, op.Cast(scores, DType::kFloat32), op.Scalar(DType::kFloat32, -3e38));
  candidates = CandidateScores(op, candidates, op.ShapeOf("Scores")[2]);
  const std::string found = Suppressed(op, SuppressionCorners(op, boxes, !op.Attr<bool>("normalized")), candidates);
  return {Part(op, found, 0), Part(op, found, 1), Part(op, found, 2), op.Node("GatherND", {scores, found})};
}

// Boxes [rows, classes, 4] and scores [rows, classes]: each class takes the place of an image, and each image that of a class, where the
// rows of others have the lowest scores.
Kept OfBoxesOfClasses(OnnxOp& op, const std::string& boxes, const std::string& scores, const std::string& image_of_row, const std::string& images) {
  const std::string corners = op.Transpose(SuppressionCorners(op, boxes, !op.Attr<bool>("normalized")), {1, 0, 2});
  const std::string lowest = op.Scalar(DType::kFloat32, -3e38);
  const std::string own = op.Binary("Equal", op.Unsqueeze(image_of_row, {0}), op.Unsqueeze(UpTo(op, images), {1}));
  const std::string by_class = op.Unsqueeze(op.Transpose(op.Cast(scores, DType::kFloat32), {1, 0}), {1});
  std::string candidates = op.Node("Where", {op.Unsqueeze(own, {0}), by_class, lowest});
  candidates = CandidateScores(op, WithoutBackground(op, candidates, lowest, 0), op.ShapeOf("Scores")[0]);
  const std::string found = Suppressed(op, corners, candidates);
  const std::string classes = Part(op, found, 0), rows = Part(op, found, 2);
  const std::string places = op.Concat({op.Unsqueeze(rows, {1}), op.Unsqueeze(classes, {1})}, 1);
  const Kept kept{Part(op, found, 1), classes, rows, op.Node("GatherND", {scores, places})};
  // In the order of images, classes and rows.
  std::string key = op.Binary("Add", op.Binary("Mul", kept.images, Count(op, scores, 1)), classes);
  key = op.Binary("Add", op.Binary("Mul", key, Count(op, scores, 0)), rows);
  return kept.At(op, Order(op, key));
}

void EmitMulticlassNms(OnnxOp& op, bool one_where_none) {
  const bool shared = op.Rank("Scores") == 3;
  if (op.ShapeOf("BBoxes")[2] != 4) NoOnnxForm("polygons");
  if (op.Attr<float>("nms_eta") < 1) NoOnnxForm("nms_eta below 1");
  if (!shared && !op.Has("RoisNum")) NoOnnxForm("images by LoD; RoisNum must say how many boxes each has");
  const DType dtype = op.TypeOf("BBoxes");
  const std::string boxes = op.In("BBoxes"), scores = op.In("Scores");
  const std::string images = shared ? Count(op, scores, 0) : Count(op, op.In("RoisNum"), 0);
  Kept kept = shared ? OfSharedBoxes(op, boxes, scores)
                     : OfBoxesOfClasses(op, boxes, scores, ImageOfRow(op, Count(op, scores, 0), op.In("RoisNum")), images);
  if (const int64_t most = op.Attr<int64_t>("keep_top_k"); most >= 0) kept = kept.At(op, BestOfImages(op, kept, images, most));

  // Where each box stands in BBoxes: behind its image, or before its class.
  const std::string& first = shared ? kept.images : kept.boxes;
  const std::string& second = shared ? kept.boxes : kept.classes;
  const std::string box = op.Node("GatherND", {boxes, op.Concat({op.Unsqueeze(first, {1}), op.Unsqueeze(second, {1})}, 1)});
  std::string rows = op.Concat({op.Unsqueeze(op.Cast(kept.classes, dtype), {1}), op.Unsqueeze(kept.scores, {1}), box}, 1);
  if (one_where_none) {
    const auto branch = [&](const char* name, const std::string& value) {
      OnnxGraph& graph = op.BeginGraph(name);
      graph.outputs.push_back({op.Node("Identity", {value}), dtype, {}, false});
      return op.EndGraph();
    };
    const auto none = branch("none", op.Full(dtype, Shape{1, 1}, -1)), some = branch("some", rows);
    rows = op.Node("If", {op.Binary("Equal", Count(op, kept.boxes, 0), op.Int64(0))}, {{"then_branch", none}, {"else_branch", some}});
  }
  op.Out("Out", rows);
  if (op.Wanted("Index")) {
    const std::string index = op.Binary("Add", op.Binary("Mul", first, Count(op, boxes, 1)), second);
    op.Out("Index", op.Cast(op.Unsqueeze(index, {1}), DType::kInt32));
  }
  if (op.Wanted("NmsRoisNum")) op.Out("NmsRoisNum", RowsOfImages(op, kept.images, images));
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

}  // namespace skiff::io
