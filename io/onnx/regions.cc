// Regions of pictures: their features, and how two-stage detectors propose them.
#include <cmath>
#include <climits>

#include "io/onnx/boxes.h"

namespace skiff::io {

namespace {

std::string ImageOfRegion(OnnxOp& op) {
  if (!op.Has("RoisNum")) NoOnnxForm("regions by LoD; RoisNum must say how many each image has");
  return ImageOfRow(op, Count(op, op.In("ROIs"), 0), op.In("RoisNum"));
}

// [images, numbers * anchors, height, width] as [images, height * width * anchors, numbers], or without the last axis for one number.
std::string CellByCell(OnnxOp& op, const std::string& value, int64_t numbers) {
  const std::string last = op.Transpose(value, {0, 2, 3, 1});
  return numbers == 1 ? op.Reshape(last, {0, -1}) : op.Reshape(last, {0, -1, numbers});
}

struct Proposals {
  std::string boxes, scores;  // [images, candidates, 4] and [images, candidates]
};

// The anchors that score best, moved by their deltas and clipped to the image; those too small get the lowest score.
Proposals Candidates(OnnxOp& op, const std::string& size, bool pixels, const std::string& lowest) {
  const DType dtype = op.TypeOf("Scores");
  const double more = pixels ? 1 : 0;
  const auto number = [&](double value) { return op.Scalar(dtype, value); };
  const auto add = [&](const std::string& a, const std::string& b) { return op.Binary("Add", a, b); };
  const auto sub = [&](const std::string& a, const std::string& b) { return op.Binary("Sub", a, b); };
  const auto mul = [&](const std::string& a, const std::string& b) { return op.Binary("Mul", a, b); };
  const std::string all = CellByCell(op, op.In("Scores"), 1), deltas = CellByCell(op, op.In("BboxDeltas"), 4);
  std::string count = op.Extents(all, 1, 2);
  if (const int64_t most = op.Attr<int64_t>("pre_nms_topN"); most > 0) count = op.Binary("Min", count, op.Int64s({most}));
  const auto best = op.Nodes("TopK", {all, count}, 2, {{"axis", int64_t{1}}});
  const std::string first = op.Unsqueeze(mul(UpTo(op, Count(op, all, 0)), Count(op, all, 1)), {1});
  const std::string delta = op.Gather(op.Reshape(deltas, {-1, 4}), add(best[1], first), 0);
  const std::string anchor = op.Gather(op.Reshape(op.In("Anchors"), {-1, 4}), best[1], 0);
  const std::string variance = op.Gather(op.Reshape(op.In("Variances"), {-1, 4}), best[1], 0);

  const auto scaled = [&](int k) { return mul(Part(op, variance, k), Part(op, delta, k)); };
  std::string corners[4];
  for (int k = 0; k < 2; ++k) {
    const std::string low = Part(op, anchor, k), extent = add(sub(Part(op, anchor, 2 + k), low), number(more));
    const std::string centre = add(add(mul(scaled(k), extent), low), mul(extent, number(0.5)));
    const std::string growth = op.Binary("Min", scaled(2 + k), number(std::log(1000.0 / 16.0)));
    const std::string half = mul(mul(op.Node("Exp", {growth}), extent), number(0.5));
    const std::string limit = sub(op.Slice(size, 1, 1 - k, 2 - k), number(more));  // height stands before width
    const auto clipped = [&](const std::string& at) { return op.Binary("Max", op.Binary("Min", at, limit), number(0)); };
    corners[k] = clipped(sub(centre, half));
    corners[2 + k] = clipped(sub(add(centre, half), number(more)));
  }
  const std::string least = number(std::max(op.Attr<float>("min_size"), 1.0f));
  std::string large;
  for (int k = 0; k < 2; ++k) {
    const std::string extent = add(sub(corners[2 + k], corners[k]), number(more));
    std::string fits = op.Binary("GreaterOrEqual", extent, least);
    if (pixels) {
      const std::string centre = add(corners[k], mul(extent, number(0.5)));
      fits = op.Binary("And", fits, op.Binary("LessOrEqual", centre, op.Slice(size, 1, 1 - k, 2 - k)));
    }
    large = large.empty() ? fits : op.Binary("And", large, fits);
  }
  return {StackLast(op, {corners[0], corners[1], corners[2], corners[3]}), op.Node("Where", {large, best[0], lowest})};
}

}  // namespace

SKIFF_ONNX(roi_align) {
  const OnnxAttrs attrs{{"output_height", op.Attr<int64_t>("pooled_height")}, {"output_width", op.Attr<int64_t>("pooled_width")},
                        {"spatial_scale", op.Attr<float>("spatial_scale")},
                        {"sampling_ratio", std::max<int64_t>(op.Attr<int64_t>("sampling_ratio"), 0)},
                        {"coordinate_transformation_mode", std::string(op.Attr<bool>("aligned") ? "half_pixel" : "output_half_pixel")}};
  op.Out("Out", op.Node("RoiAlign", {op.In("X"), op.In("ROIs"), ImageOfRegion(op)}, attrs));
}

SKIFF_ONNX(roi_pool) {
  if (op.Wanted("Argmax")) NoOnnxForm("Argmax");
  const std::string regions = op.Concat({op.Unsqueeze(op.Cast(ImageOfRegion(op), op.TypeOf("ROIs")), {1}), op.In("ROIs")}, 1);
  const OnnxAttrs attrs{{"pooled_shape", std::vector<int64_t>{op.Attr<int64_t>("pooled_height"), op.Attr<int64_t>("pooled_width")}},
                        {"spatial_scale", op.Attr<float>("spatial_scale")}};
  op.Out("Out", op.Node("MaxRoiPool", {op.In("X"), regions}, attrs));
}

SKIFF_ONNX(generate_proposals_v2) {
  const DType dtype = op.TypeOf("Scores");
  const float threshold = op.Attr<float>("nms_thresh");
  if (op.Attr<float>("eta") < 1) NoOnnxForm("eta below 1");
  if (threshold <= 0) NoOnnxForm("proposals without suppression");
  const bool pixels = op.Attr<bool>("pixel_offset");
  const std::string lowest = op.Scalar(dtype, -3e38), zero = op.Scalar(dtype, 0);
  Proposals found = Candidates(op, op.In("ImShape"), pixels, lowest);
  // An image without any gets one box of zeros, with the score 0.
  const std::string any = op.Binary("Greater", op.Reduce("ReduceMax", found.scores, {1}, true), op.Scalar(dtype, -1e38));
  const std::string images = op.Extents(found.boxes, 0, 1);
  found.boxes = op.Concat({found.boxes, op.Node("Expand", {zero, op.Concat({images, op.Int64s({1, 4})}, 0)})}, 1);
  found.scores = op.Concat({found.scores, op.Node("Where", {any, lowest, zero})}, 1);

  const int64_t most = op.Attr<int64_t>("post_nms_topN");
  const std::string scores = op.Unsqueeze(op.Cast(found.scores, DType::kFloat32), {1});
  const std::string kept = op.Node("NonMaxSuppression", {SuppressionCorners(op, found.boxes, pixels), scores, op.Int64s({most > 0 ? most : INT_MAX}),
                                                        op.Full(DType::kFloat32, Shape{1}, threshold), op.Full(DType::kFloat32, Shape{1}, -1e38)});
  const std::string places = op.Gather(kept, op.Int64s({0, 2}), 1);
  op.Out("RpnRois", op.Node("GatherND", {found.boxes, places}));
  op.Out("RpnRoiProbs", op.Unsqueeze(op.Node("GatherND", {found.scores, places}), {1}));
  if (op.OutCount("RpnRoisNum") > 0) op.Out("RpnRoisNum", RowsOfImages(op, Part(op, kept, 0), op.AsScalar(images)));
}

// Each region goes to the level whose scale fits the side of a square of its area.
SKIFF_ONNX(distribute_fpn_proposals) {
  if (!op.Has("RoisNum")) NoOnnxForm("regions by LoD; RoisNum must say how many each image has");
  const DType dtype = op.TypeOf("FpnRois");
  const auto number = [&](double value) { return op.Scalar(dtype, value); };
  const int64_t least = op.Attr<int64_t>("min_level"), most = op.Attr<int64_t>("max_level");
  const std::string regions = op.In("FpnRois"), count = Count(op, regions, 0), counts = op.In("RoisNum");
  const std::string more = number(op.Attr<bool>("pixel_offset") ? 1 : 0);
  const auto extent = [&](int k) {
    const std::string low = Part(op, regions, k), high = Part(op, regions, 2 + k);
    return op.Node("Where", {op.Binary("Less", high, low), number(0), op.Binary("Add", op.Binary("Sub", high, low), more)});
  };
  const std::string side = op.Node("Sqrt", {op.Binary("Mul", extent(0), extent(1))});
  const std::string ratio = op.Binary("Add", op.Binary("Div", side, number(static_cast<double>(op.Attr<int64_t>("refer_scale")))), number(1e-6));
  const std::string octaves = op.Binary("Div", op.Node("Log", {ratio}), number(std::log(2.0)));
  const std::string at = op.Node("Floor", {op.Binary("Add", octaves, number(static_cast<double>(op.Attr<int64_t>("refer_level"))))});
  const std::string level = op.Node("Clip", {at, number(static_cast<double>(least)), number(static_cast<double>(most))});
  const std::string image = ImageOfRow(op, count, counts), index = UpTo(op, count);
  std::vector<std::string> order;
  for (int64_t k = least; k <= most; ++k) {
    const std::string own = op.Binary("Equal", level, number(static_cast<double>(k)));
    const auto chosen = [&](const std::string& value) { return op.Node("Compress", {value, own}, {{"axis", int64_t{0}}}); };
    order.push_back(chosen(index));
    const int i = static_cast<int>(k - least);
    op.Out("MultiFpnRois", chosen(regions), i);
    if (op.Wanted("MultiLevelRoIsNum", i)) op.Out("MultiLevelRoIsNum", RowsOfImages(op, chosen(image), Count(op, counts, 0)), i);
  }
  if (op.Wanted("RestoreIndex")) {
    op.Out("RestoreIndex", op.Cast(op.Unsqueeze(Order(op, op.Concat(order, 0)), {1}), DType::kInt32));
  }
}

// The best of all levels and images, image by image.
SKIFF_ONNX(collect_fpn_proposals) {
  const int levels = op.Count("MultiLevelRois");
  if (op.Count("MultiLevelRoIsNum") != levels) NoOnnxForm("regions by LoD; MultiLevelRoIsNum must say how many each image has");
  std::vector<std::string> regions, scores, images;
  for (int i = 0; i < levels; ++i) {
    regions.push_back(op.In("MultiLevelRois", i));
    scores.push_back(op.Reshape(op.In("MultiLevelScores", i), {-1}));
    images.push_back(ImageOfRow(op, Count(op, regions.back(), 0), op.In("MultiLevelRoIsNum", i)));
  }
  const std::string score = op.Concat(scores, 0);
  const std::string most = op.Binary("Min", op.Extents(score), op.Int64s({op.Attr<int64_t>("post_nms_topN")}));
  const std::string best = op.Nodes("TopK", {score, most}, 2, {{"axis", int64_t{0}}})[1];
  const std::string image = op.Gather(op.Concat(images, 0), best, 0);
  const std::string rank = UpTo(op, Count(op, best, 0));
  const std::string key = op.Binary("Add", op.Binary("Mul", image, Count(op, score, 0)), rank);
  op.Out("FpnRois", op.Gather(op.Concat(regions, 0), op.Gather(best, Order(op, key), 0), 0));
  if (op.OutCount("RoisNum") > 0) op.Out("RoisNum", RowsOfImages(op, image, Count(op, op.In("MultiLevelRoIsNum", 0), 0)));
}

}  // namespace skiff::io
