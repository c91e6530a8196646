// Signals cut into frames, and steps of older recurrent layers.
#include <climits>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

// Places in the signal of the points of its frames, which start `hop` apart: [points, frames] or [frames, points].
std::string FramePlaces(OnnxOp& op, const std::string& frames, const std::string& points, bool points_first) {
  const auto up_to = [&op](const std::string& count) { return op.Node("Range", {op.Int64(0), count, op.Int64(1)}); };
  const std::string starts = op.Binary("Mul", up_to(frames), op.Int64(op.Attr<int64_t>("hop_length")));
  return op.Binary("Add", op.Unsqueeze(starts, {points_first ? 0 : 1}), op.Unsqueeze(up_to(points), {points_first ? 1 : 0}));
}

// Paddle's numbers of activations.
std::string Activated(OnnxOp& op, const std::string& x, const char* attr) {
  const int64_t activation = op.Attr<int64_t>(attr);
  const char* nodes[] = {"Identity", "Sigmoid", "Tanh", "Relu"};
  if (activation < 0 || activation > 3) NoOnnxForm("activation ", activation);
  return op.Node(nodes[activation], {x});
}

}  // namespace

SKIFF_ONNX(frame) {
  const bool last = op.Attr<int64_t>("axis") == -1;
  const int64_t axis = last ? op.Rank("X") - 1 : 0;
  const std::string x = op.In("X"), points = op.Int64(op.Attr<int64_t>("frame_length")), hop = op.Int64(op.Attr<int64_t>("hop_length"));
  const std::string spare = op.Binary("Sub", op.AsScalar(op.Extents(x, axis, axis + 1)), points);
  const std::string frames = op.Binary("Add", op.Binary("Div", spare, hop), op.Int64(1));
  op.Out("Out", op.Gather(x, FramePlaces(op, frames, points, last), axis));
}

SKIFF_ONNX(overlap_add) {
  const bool last = op.Attr<int64_t>("axis") == -1;
  const int rank = op.Rank("X"), first = last ? rank - 2 : 0;  // of the two axes that become one
  const std::string x = op.In("X");
  const auto extent = [&](int axis) { return op.AsScalar(op.Extents(x, axis, axis + 1)); };
  const std::string frames = extent(last ? rank - 1 : 0), points = extent(last ? rank - 2 : 1);
  const std::string starts = op.Binary("Mul", op.Binary("Sub", frames, op.Int64(1)), op.Int64(op.Attr<int64_t>("hop_length")));
  const std::string length = op.Reshape(op.Binary("Add", starts, points), {1});
  const auto around = [&](const std::string& middle) {
    return last ? op.Concat({op.Extents(x, 0, first), middle}, 0) : op.Concat({middle, op.Extents(x, 2)}, 0);
  };
  std::vector<int64_t> dims(rank - 1, 1);  // of places that are alike for all other axes
  dims[first] = -1;
  const std::string flat = op.Node("Reshape", {x, around(op.Int64s({-1}))}), places = op.Reshape(FramePlaces(op, frames, points, last), dims);
  const std::string silence = op.Node("Expand", {op.Scalar(op.TypeOf("X"), 0), around(length)});
  const std::string spread = op.Node("Expand", {places, op.Extents(flat)});
  op.Out("Out", op.Node("ScatterElements", {silence, spread, flat}, {{"axis", int64_t{first}}, {"reduction", std::string("add")}}));
}

// Each step is a sum over the steps ahead of it, the first one itself.
SKIFF_ONNX(row_conv) {
  if (op.Rank("X") != 3) NoOnnxForm("sequences by LoD; X must have an axis for the batch");
  const int64_t ahead = op.ShapeOf("Filter")[0];
  if (ahead < 0) NoOnnxForm("the number of steps ahead is unknown");
  Bounded(Bounded(ahead, "steps ahead") << 12, "steps ahead, of which each takes nodes");
  const std::string x = op.In("X"), filter = op.In("Filter"), steps = op.Extents(x, 1, 2);
  const std::string padded = op.Node("Pad", {x, op.Int64s({0, 0, 0, 0, ahead, 0}), op.Scalar(op.TypeOf("X"), 0)});
  std::string sum;
  for (int64_t k = 0; k < ahead; ++k) {
    const std::string later = op.Node("Slice", {padded, op.Int64s({k}), op.Binary("Add", steps, op.Int64s({k})), op.Int64s({1})});
    const std::string part = op.Binary("Mul", later, op.Gather(filter, op.Int64(k), 0));
    sum = sum.empty() ? part : op.Binary("Add", sum, part);
  }
  op.Out("Out", sum);
}

// Weight holds a matrix for both gates, then one for the candidate.
SKIFF_ONNX(gru_unit) {
  const int64_t d = op.ShapeOf("Weight")[0];
  if (d < 0) NoOnnxForm("the width of its state is unknown");
  const std::string before = op.In("HiddenPrev"), weights = op.Reshape(op.In("Weight"), {-1});
  const std::string of_gates = op.Reshape(op.Slice(weights, 0, 0, 2 * d * d), {d, 2 * d});
  const std::string of_candidate = op.Reshape(op.Slice(weights, 0, 2 * d * d, INT64_MAX), {d, d});
  const std::string x = op.Has("Bias") ? op.Binary("Add", op.In("Input"), op.Reshape(op.In("Bias"), {1, -1})) : op.In("Input");
  const std::string gates = Activated(op, op.Binary("Add", op.Slice(x, 1, 0, 2 * d), op.Binary("MatMul", before, of_gates)), "gate_activation");
  const std::string update = op.Slice(gates, 1, 0, d), reset = op.Binary("Mul", op.Slice(gates, 1, d, 2 * d), before);
  const std::string candidate = Activated(op, op.Binary("Add", op.Slice(x, 1, 2 * d, 3 * d), op.Binary("MatMul", reset, of_candidate)), "activation");
  const std::string share = op.Attr<bool>("origin_mode") ? op.Binary("Sub", op.Scalar(op.TypeOf("Input"), 1), update) : update;
  op.Out("Hidden", op.Binary("Add", before, op.Binary("Mul", share, op.Binary("Sub", candidate, before))));
  if (op.Wanted("Gate")) op.Out("Gate", op.Concat({gates, candidate}, 1));
  if (op.Wanted("ResetHiddenPrev")) op.Out("ResetHiddenPrev", op.Node("Identity", {reset}));
}

}  // namespace skiff::io
