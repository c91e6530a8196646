// Best paths through chains of tags.
#include "io/onnx/op.h"

namespace skiff::io {

namespace {

struct Chains {
  std::string emission, lengths, transition;  // [batch, time, tags], [batch], [tags, tags] from and to
  std::string start, stop;                    // [tags], "" for none
};
struct Paths {
  std::string scores, tags;  // [batch], and [batch, time], 0 behind the end
};

// Forward over time: the best score that ends in each tag, and from which tag it came. A sequence that has ended keeps both.
Paths BestPaths(OnnxOp& op, const Chains& chains, DType dtype) {
  const auto add = [&](const std::string& a, const std::string& b) { return op.Binary("Add", a, b); };
  const std::string time_first = op.Transpose(chains.emission, {1, 0, 2});
  const std::string steps = op.Node("Range", {op.Int64(0), op.AsScalar(op.Extents(chains.emission, 1, 2)), op.Int64(1)});
  const std::string tags = op.Node("Range", {op.Int64(0), op.AsScalar(op.Extents(chains.emission, 2, 3)), op.Int64(1)});
  const std::string first = op.Binary("Mul", op.Squeeze(op.Slice(time_first, 0, 0, 1), {0}), op.Scalar(dtype, 0));
  const std::string length = op.Unsqueeze(chains.lengths, {1});
  const auto begin = [&](const char* name, OnnxValueInfo state, OnnxValueInfo scanned) -> OnnxGraph& {
    OnnxGraph& graph = op.BeginGraph(name);
    graph.inputs = {std::move(state), std::move(scanned), {op.Fresh("step"), DType::kInt64, Shape{}, false}};
    return graph;
  };
  const auto give = [&](OnnxGraph& graph, const std::string& state, DType state_type, const std::string& output) {
    graph.outputs = {{op.Node("Identity", {state}), state_type, {}, false}, {op.Node("Identity", {output}), DType::kInt64, {}, false}};
  };

  OnnxGraph& forward = begin("forward", {op.Fresh("best"), dtype, {}, false}, {op.Fresh("emission"), dtype, {}, false});
  const std::string best = forward.inputs[0].name, emission = forward.inputs[1].name, step = forward.inputs[2].name;
  const std::string by_tag = add(op.Unsqueeze(best, {2}), op.Unsqueeze(chains.transition, {0}));
  const std::string from = op.Node("ArgMax", {by_tag}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}});
  const std::string begun = chains.start.empty() ? emission : add(emission, chains.start);
  const std::string gone_on = add(op.Reduce("ReduceMax", by_tag, {1}, false), emission);
  const std::string now = op.Node("Where", {op.Binary("Equal", step, op.Int64(0)), begun, gone_on});
  const std::string active = op.Binary("Less", step, length);
  give(forward, op.Node("Where", {active, now, best}), dtype, op.Node("Where", {active, from, tags}));
  const auto ahead = op.Nodes("Scan", {first, time_first, steps}, 2, {{"body", op.EndGraph()}, {"num_scan_inputs", int64_t{2}}});

  const std::string last = chains.stop.empty() ? ahead[0] : add(ahead[0], chains.stop);
  const std::string end = op.Node("ArgMax", {last}, {{"axis", int64_t{1}}, {"keepdims", int64_t{1}}});
  // Backward: each tag, then the one that it came from.
  OnnxGraph& backward = begin("backward", {op.Fresh("tag"), DType::kInt64, {}, false}, {op.Fresh("came_from"), DType::kInt64, {}, false});
  const std::string tag = backward.inputs[0].name, came_from = backward.inputs[1].name;
  give(backward, op.Node("GatherElements", {came_from, tag}, {{"axis", int64_t{1}}}), DType::kInt64, op.Squeeze(tag, {1}));
  const auto behind = op.Nodes("Scan", {end, ahead[1], steps}, 2,
                               {{"body", op.EndGraph()}, {"num_scan_inputs", int64_t{2}}, {"scan_input_directions", std::vector<int64_t>{1, 1}},
                                {"scan_output_directions", std::vector<int64_t>{1}}});
  const std::string inside = op.Binary("Less", op.Unsqueeze(steps, {0}), length);
  const std::string score = op.Reduce("ReduceMax", last, {1}, false);
  const std::string some = op.Binary("Greater", chains.lengths, op.Int64(0));
  return {op.Node("Where", {some, score, op.Scalar(dtype, 0)}), op.Node("Where", {inside, op.Transpose(behind[1], {1, 0}), op.Int64(0)})};
}

std::string Row(OnnxOp& op, const std::string& matrix, int64_t row) {
  return op.Squeeze(op.Slice(matrix, 0, row, row == -1 ? INT64_MAX : row + 1), {0});
}

}  // namespace

// The last tag begins a sequence, the one before it ends it.
SKIFF_ONNX(viterbi_decode) {
  const std::string transition = op.In("Transition");
  const bool ends = op.Attr<bool>("include_bos_eos_tag");
  const std::string lengths = op.Cast(op.In("Length"), DType::kInt64);
  const Chains chains{op.In("Input"), lengths, transition, ends ? Row(op, transition, -1) : "", ends ? Row(op, transition, -2) : ""};
  const Paths paths = BestPaths(op, chains, op.TypeOf("Input"));
  op.Out("Scores", paths.scores);
  const std::string longest = op.Reduce("ReduceMax", lengths, {0}, true);
  op.Out("Path", op.Node("Slice", {paths.tags, op.Int64s({0}), longest, op.Int64s({1})}));
}

// Transition: row 0 starts, row 1 ends, row 2 + i goes from tag i.
SKIFF_ONNX(crf_decoding) {
  if (!op.Has("Length")) NoOnnxForm("sequences by LoD; Length must give their lengths");
  const std::string transition = op.In("Transition"), lengths = op.Reshape(op.Cast(op.In("Length"), DType::kInt64), {-1});
  const Chains chains{op.In("Emission"), lengths, op.Slice(transition, 0, 2, INT64_MAX), Row(op, transition, 0), Row(op, transition, 1)};
  const Paths paths = BestPaths(op, chains, op.TypeOf("Emission"));
  std::string path = paths.tags;
  if (op.Has("Label")) {
    const std::string label = op.Cast(op.Reshape(op.In("Label"), {0, -1}), DType::kInt64);
    const std::string step = op.Node("Range", {op.Int64(0), op.AsScalar(op.Extents(path, 1, 2)), op.Int64(1)});
    const std::string inside = op.Binary("Less", op.Unsqueeze(step, {0}), op.Unsqueeze(lengths, {1}));
    path = op.Cast(op.Binary("And", op.Binary("Equal", path, label), inside), DType::kInt64);
  }
  op.Out("ViterbiPath", op.OutShape("ViterbiPath").rank() == 3 ? op.Unsqueeze(path, {2}) : path);
}

}  // namespace skiff::io
