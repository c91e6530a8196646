// Rows that meet: along the edges of a graph, or by segment.
#include <climits>
#include <limits>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Row e of `values` goes to row to[e] of Out, which has `rows` rows; one that nothing goes to is zero.
// @return how many went to each.
std::string EmitMeeting(OnnxOp& op, const std::string& values, const std::string& to, const std::string& rows, const std::string& how) {
  const DType dtype = op.TypeOf("X");
  const bool extreme = how == "MAX" || how == "MIN";
  if (extreme && op.opset() < 18) NoOnnxForm("maxima and minima need opset 18");
  if (extreme && IsInteger(dtype)) NoOnnxForm("maxima and minima of integers");
  const std::string index = op.Unsqueeze(to, {1}), shape = op.Concat({rows, op.Extents(values, 1)}, 0);
  const auto filled = [&](double value) { return op.Node("Expand", {op.Scalar(dtype, value), shape}); };
  const auto gather = [&](const std::string& start, const std::string& parts, const std::string& reduction) {
    return op.Node("ScatterND", {start, index, parts}, {{"reduction", reduction}});
  };
  const std::string counts = gather(op.Node("Expand", {op.Int64(0), rows}), op.Node("Expand", {op.Int64(1), op.Extents(to)}), "add");
  std::vector<int64_t> dims(op.Rank("X"), 1);
  dims[0] = -1;
  const std::string by_row = op.Reshape(counts, dims);
  std::string out = gather(filled(how == "MAX" ? -kInfinity : how == "MIN" ? kInfinity : 0), values, how == "MAX" ? "max" : how == "MIN" ? "min" : "add");
  if (how == "MEAN") out = op.Binary("Div", out, op.Cast(op.Binary("Max", by_row, op.Int64(1)), dtype));
  if (extreme) out = op.Node("Where", {op.Binary("Greater", by_row, op.Int64(0)), out, op.Scalar(dtype, 0)});
  op.Out("Out", out);
  return counts;
}

}  // namespace

SKIFF_ONNX(segment_pool) {
  const std::string ids = op.Cast(op.In("SegmentIds"), DType::kInt64), how = op.Attr<std::string>("pooltype");
  // The last id and one; the sum of it, so that there are no rows where there is none.
  const std::string rows = op.Reduce("ReduceSum", op.Binary("Add", op.Slice(ids, 0, -1, INT64_MAX), op.Int64(1)), {0}, true);
  const std::string counts = EmitMeeting(op, op.In("X"), ids, rows, how);
  if (how == "MEAN" && op.Wanted("SummedIds")) op.Out("SummedIds", op.Cast(op.Unsqueeze(counts, {1}), op.TypeOf("X")));
}

SKIFF_ONNX(graph_send_recv) {
  const std::string x = op.In("X"), to = op.Cast(op.In("Dst_index"), DType::kInt64);
  const auto given = op.Ints("out_size");
  std::string rows = op.Extents(x, 0, 1);
  if (op.Has("Out_size")) {
    const std::string size = op.Cast(op.Reshape(op.In("Out_size"), {1}), DType::kInt64);
    rows = op.Node("Where", {op.Binary("Greater", size, op.Int64(0)), size, rows});
  } else if (!given.empty() && given[0] > 0) {
    rows = op.Int64s({given[0]});
  }
  const std::string how = op.Attr<std::string>("reduce_op"), counts = EmitMeeting(op, op.Gather(x, op.In("Src_index"), 0), to, rows, how);
  if (how == "MEAN" && op.Wanted("Dst_count")) op.Out("Dst_count", op.Cast(counts, op.OutType("Dst_count")));
}

}  // namespace skiff::io
