// Reductions, order statistics and running sums.
#include <algorithm>
#include <cmath>
#include <limits>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

// Axes of a reduction; none means all.
std::vector<int64_t> ReducedAxes(const OnnxOp& op, const char* attr, const char* all) {
  std::vector<int64_t> axes = op.Ints(attr);
  if ((op.HasAttr(all) && op.Attr<bool>(all)) || static_cast<int>(axes.size()) >= op.Rank("X")) axes.clear();
  return axes;
}

void EmitReduce(OnnxOp& op, const char* node, DType through = DType::kUndefined) {
  std::string x = op.In("X");
  if (through == DType::kUndefined) {
    const DType wanted = op.OutType("Out");
    if (op.TypeOf("X") != wanted) x = op.Cast(x, wanted);
  } else {
    x = op.Cast(x, through);
  }
  if (op.Rank("X") > 0) {
    const bool keep = op.Attr<bool>("keep_dim");
    x = op.Reduce(node, x, ReducedAxes(op, "dim", "reduce_all"), keep);
  } else {
    x = op.Node("Identity", {x});
  }
  if (through != DType::kUndefined) x = op.Cast(x, op.OutType("Out"));
  const int rank = op.Attr<bool>("keep_dim") ? op.Rank("X") : op.OutShape("Out").rank();
  op.OutOfRank("Out", x, rank);
}

void EmitArg(OnnxOp& op, bool largest) {
  std::string x = op.In("X");
  int64_t axis = op.Attr<int64_t>("axis");
  const bool keep = op.Attr<bool>("keepdims"), flat = op.Attr<bool>("flatten") || op.Rank("X") == 0;
  if (flat) {
    x = op.Reshape(x, {-1});
    axis = 0;
  }
  // The first place of several, as TopK has it: ArgMax has no kernels for 64-bit integers.
  std::string index;
  if (IsInteger(op.TypeOf("X"))) {
    index = op.Nodes("TopK", {x, op.Int64s({1})}, 2, {{"axis", axis}, {"largest", int64_t{largest}}})[1];
    if (!keep || flat) index = op.Squeeze(index, {axis});
  } else {
    index = op.Node(largest ? "ArgMax" : "ArgMin", {x}, {{"axis", axis}, {"keepdims", int64_t{keep && !flat}}});
  }
  if (const DType dtype = op.OutType("Out"); dtype != DType::kInt64) index = op.Cast(index, dtype);
  if (flat) return op.OutOfRank("Out", index, 0);
  op.Out("Out", index);
}

void EmitTopK(OnnxOp& op, int64_t axis, bool largest) {
  const std::string k = op.Has("K") ? op.Reshape(op.Cast(op.In("K"), DType::kInt64), {1}) : op.Int64s({op.Attr<int64_t>("k")});
  const auto both = op.Nodes("TopK", {op.In("X"), k}, 2, {{"axis", axis}, {"largest", int64_t{largest}}});
  op.Out("Out", both[0]);
  op.Out("Indices", both[1]);
}

std::string PowerNorm(OnnxOp& op, const std::string& x, double order, const std::vector<int64_t>& axes, bool keep, DType dtype) {
  const auto of_magnitude = [&](const char* node) { return op.Reduce(node, op.Node("Abs", {x}), axes, keep); };
  if (std::isinf(order)) return of_magnitude(order > 0 ? "ReduceMax" : "ReduceMin");
  if (order == 0) {
    const std::string zero = op.Binary("Equal", x, op.Scalar(dtype, 0));
    return op.Reduce("ReduceSum", op.Cast(op.Node("Not", {zero}), dtype), axes, keep);
  }
  if (order == 1) return op.Reduce("ReduceL1", x, axes, keep);
  if (order == 2) return op.Reduce("ReduceL2", x, axes, keep);
  const std::string powers = op.Binary("Pow", op.Node("Abs", {x}), op.Scalar(dtype, order));
  return op.Binary("Pow", op.Reduce("ReduceSum", powers, axes, keep), op.Scalar(dtype, 1 / order));
}

}  // namespace

SKIFF_ONNX(reduce_sum) { EmitReduce(op, "ReduceSum"); }
SKIFF_ONNX(reduce_mean) { EmitReduce(op, "ReduceMean"); }
SKIFF_ONNX(reduce_max) { EmitReduce(op, "ReduceMax"); }
SKIFF_ONNX(reduce_min) { EmitReduce(op, "ReduceMin"); }
SKIFF_ONNX(reduce_amax) { EmitReduce(op, "ReduceMax"); }
SKIFF_ONNX(reduce_amin) { EmitReduce(op, "ReduceMin"); }
SKIFF_ONNX(reduce_prod) { EmitReduce(op, "ReduceProd"); }
SKIFF_ONNX(reduce_all) { EmitReduce(op, "ReduceMin", DType::kInt32); }
SKIFF_ONNX(reduce_any) { EmitReduce(op, "ReduceMax", DType::kInt32); }

SKIFF_ONNX(mean) { op.OutOfRank("Out", op.Reduce("ReduceMean", op.In("X"), {}, false), 0); }
SKIFF_ONNX(squared_l2_norm) { op.OutOfRank("Out", op.Reduce("ReduceSumSquare", op.In("X"), {}, false), 0); }
SKIFF_ONNX(l1_norm) { op.OutOfRank("Out", op.Reduce("ReduceL1", op.In("X"), {}, false), 0); }
SKIFF_ONNX(frobenius_norm) {
  const bool keep = op.Attr<bool>("keep_dim");
  const std::string norm = op.Reduce("ReduceL2", op.In("X"), ReducedAxes(op, "dim", "reduce_all"), keep);
  op.OutOfRank("Out", norm, op.OutShape("Out").rank());
}
SKIFF_ONNX(logsumexp) {
  const std::string x = op.In("X");
  if (op.Rank("X") == 0) return op.Out("Out", op.Node("Identity", {x}));
  op.Out("Out", op.Reduce("ReduceLogSumExp", x, ReducedAxes(op, "axis", "reduce_all"), op.Attr<bool>("keepdim")));
}
SKIFF_ONNX(p_norm) {
  const bool flat = op.Attr<bool>("asvector");
  const std::vector<int64_t> axes = flat ? std::vector<int64_t>{} : std::vector<int64_t>{op.Attr<int64_t>("axis")};
  const bool keep = op.Attr<bool>("keepdim");
  op.Out("Out", PowerNorm(op, op.In("X"), op.Attr<float>("porder"), axes, keep, op.TypeOf("X")));
}
SKIFF_ONNX(dist) {
  const std::string difference = op.Binary("Sub", op.In("X"), op.In("Y"));
  op.OutOfRank("Out", PowerNorm(op, difference, op.Attr<float>("p"), {}, false, op.TypeOf("X")), 0);
}
SKIFF_ONNX(norm) {
  const std::string x = op.In("X");
  const std::string sum = op.Reduce("ReduceSumSquare", x, {op.Attr<int64_t>("axis")}, true);
  const std::string norm = op.Node("Sqrt", {op.Binary("Add", sum, op.Scalar(op.TypeOf("X"), op.Attr<float>("epsilon")))});
  op.Out("Out", op.Binary("Div", x, norm));
  if (op.Wanted("Norm")) op.Out("Norm", op.Node("Identity", {norm}));
}
SKIFF_ONNX(clip_by_norm) {
  const std::string x = op.In("X"), limit = op.Scalar(op.TypeOf("X"), op.Attr<float>("max_norm"));
  const std::string norm = op.Reduce("ReduceL2", x, {}, false);
  op.Out("Out", op.Binary("Mul", x, op.Binary("Div", limit, op.Binary("Max", norm, limit))));
}

SKIFF_ONNX(arg_max) { EmitArg(op, true); }
SKIFF_ONNX(arg_min) { EmitArg(op, false); }
SKIFF_ONNX(top_k_v2) { EmitTopK(op, op.Attr<int64_t>("axis"), op.Attr<bool>("largest")); }
SKIFF_ONNX(top_k) { EmitTopK(op, -1, true); }

SKIFF_ONNX(argsort) {
  const std::string x = op.In("X");
  const int64_t axis = op.Attr<int64_t>("axis"), rank = op.Rank("X");
  if (rank == 0) NoOnnxForm("X has no axis");
  const int64_t at = axis < 0 ? axis + rank : axis;
  const auto both = op.Nodes("TopK", {x, op.Extents(x, at, at + 1)}, 2, {{"axis", axis}, {"largest", int64_t{op.Attr<bool>("descending")}}});
  op.Out("Out", both[0]);
  op.Out("Indices", both[1]);
}

SKIFF_ONNX(kthvalue) {
  const int64_t axis = op.Attr<int64_t>("axis"), k = op.Attr<int64_t>("k");
  if (op.Rank("X") == 0) NoOnnxForm("X has no axis");
  auto both = op.Nodes("TopK", {op.In("X"), op.Int64s({k})}, 2, {{"axis", axis}, {"largest", int64_t{0}}});
  for (std::string& one : both) {
    one = op.Slice(one, axis, k - 1, k);
    if (!op.Attr<bool>("keepdim")) one = op.Squeeze(one, {axis});
  }
  op.Out("Out", both[0]);
  op.Out("Indices", both[1]);
}

// The largest element of all is taken off first.
SKIFF_ONNX(logcumsumexp) {
  std::string x = op.In("X");
  int64_t axis = op.Attr<int64_t>("axis");
  const bool flat = op.Attr<bool>("flatten");
  if (flat || op.Rank("X") == 0) {
    x = op.Reshape(x, {-1});
    axis = 0;
  }
  const OnnxAttrs attrs{{"exclusive", int64_t{op.Attr<bool>("exclusive")}}, {"reverse", int64_t{op.Attr<bool>("reverse")}}};
  const std::string most = op.Reduce("ReduceMax", x, {axis}, true);
  const std::string sum = op.Node("CumSum", {op.Node("Exp", {op.Binary("Sub", x, most)}), op.Int64(axis)}, attrs);
  const bool wide = op.TypeOf("X") == DType::kFloat64;  // of no element: the lowest number, as Paddle has it
  const double lowest = wide ? std::numeric_limits<double>::lowest() : std::numeric_limits<float>::lowest();
  const std::string out = op.Binary("Max", op.Binary("Add", op.Node("Log", {sum}), most), op.Scalar(op.TypeOf("X"), lowest));
  op.Out("Out", op.Rank("X") == 0 && !flat ? op.AsScalar(out) : out);
}

SKIFF_ONNX(cumsum) {
  std::string x = op.In("X");
  int64_t axis = op.Attr<int64_t>("axis");
  if (op.Attr<bool>("flatten") || op.Rank("X") == 0) {
    x = op.Reshape(x, {-1});
    axis = 0;
  }
  const OnnxAttrs attrs{{"exclusive", int64_t{op.Attr<bool>("exclusive")}}, {"reverse", int64_t{op.Attr<bool>("reverse")}}};
  const std::string sum = op.Node("CumSum", {x, op.Int64(axis)}, attrs);
  op.Out("Out", op.Rank("X") == 0 ? op.AsScalar(sum) : sum);
}

namespace {

// The extents of X without one axis.
std::string SliceExtents(OnnxOp& op, const std::string& x, int64_t axis) { return op.Concat({op.Extents(x, 0, axis), op.Extents(x, axis + 1)}, 0); }

void EmitRunningExtreme(OnnxOp& op, const char* reaches) {
  const std::string x = op.In("x");
  const DType dtype = op.TypeOf("x");
  if (op.Rank("x") == 0) NoOnnxForm("x has no axis");
  const int64_t axis = NormalizeAxis(op.Attr<int64_t>("axis"), op.Rank("x"));
  const std::string steps = op.Node("Range", {op.Int64(0), op.AsScalar(op.Extents(x, axis, axis + 1)), op.Int64(1)});
  const std::string first = op.Gather(x, op.Int64(0), axis), nowhere = op.Node("Expand", {op.Int64(0), SliceExtents(op, x, axis)});
  OnnxGraph& graph = op.BeginGraph("extreme");
  graph.inputs = {{op.Fresh("best"), dtype, {}, false}, {op.Fresh("at"), DType::kInt64, {}, false}, {op.Fresh("element"), dtype, {}, false},
                  {op.Fresh("step"), DType::kInt64, Shape{}, false}};
  const std::string best = graph.inputs[0].name, at = graph.inputs[1].name, element = graph.inputs[2].name, step = graph.inputs[3].name;
  std::string taken = op.Binary(reaches, element, best);  // also where it is reached again
  if (IsFloating(dtype)) taken = op.Binary("Or", taken, op.Node("IsNaN", {element}));
  const std::string now = op.Node("Where", {taken, element, best}), place = op.Node("Where", {taken, step, at});
  graph.outputs = {{now, dtype, {}, false}, {place, DType::kInt64, {}, false}};
  graph.outputs.push_back({op.Node("Identity", {now}), dtype, {}, false});
  graph.outputs.push_back({op.Node("Identity", {place}), DType::kInt64, {}, false});
  const auto all = op.Nodes("Scan", {first, nowhere, x, steps}, 4,
                            {{"body", op.EndGraph()}, {"num_scan_inputs", int64_t{2}}, {"scan_input_axes", std::vector<int64_t>{axis, 0}},
                             {"scan_output_axes", std::vector<int64_t>{axis, axis}}});
  op.Out("out", all[2]);
  op.Out("indices", op.Cast(all[3], op.OutType("indices")));
}

}  // namespace

SKIFF_ONNX(cummax) { EmitRunningExtreme(op, "GreaterOrEqual"); }
SKIFF_ONNX(cummin) { EmitRunningExtreme(op, "LessOrEqual"); }

SKIFF_ONNX(cumprod) {
  const std::string x = op.In("X");
  const DType dtype = op.TypeOf("X");
  if (op.Rank("X") == 0) return op.Out("Out", op.Node("Identity", {x}));
  const int64_t axis = NormalizeAxis(op.Attr<int64_t>("dim"), op.Rank("X"));
  const std::string one = op.Node("Expand", {op.Scalar(dtype, 1), SliceExtents(op, x, axis)});
  OnnxGraph& graph = op.BeginGraph("product");
  graph.inputs = {{op.Fresh("product"), dtype, {}, false}, {op.Fresh("element"), dtype, {}, false}};
  const std::string product = op.Binary("Mul", graph.inputs[0].name, graph.inputs[1].name);
  graph.outputs = {{product, dtype, {}, false}, {op.Node("Identity", {product}), dtype, {}, false}};
  op.Out("Out", op.Nodes("Scan", {one, x}, 2,
                         {{"body", op.EndGraph()}, {"num_scan_inputs", int64_t{1}}, {"scan_input_axes", std::vector<int64_t>{axis}},
                          {"scan_output_axes", std::vector<int64_t>{axis}}})[1]);
}

}  // namespace skiff::io
