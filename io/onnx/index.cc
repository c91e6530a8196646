// Operators that read or write at places which a tensor names.
#include <algorithm>
#include <complex>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

// The rows of W; zeros where an index is the padding.
void EmitLookup(OnnxOp& op, const std::string& ids) {
  std::string out = op.Gather(op.In("W"), ids, 0);
  const int64_t padding = op.Attr<int64_t>("padding_idx");
  if (padding >= 0) {
    const std::string is_padding = op.Binary("Equal", ids, op.Scalar(op.TypeOf("Ids"), static_cast<double>(padding)));
    out = op.Node("Where", {op.Unsqueeze(is_padding, {-1}), op.Scalar(op.TypeOf("W"), 0), out});
  }
  op.Out("Out", out);
}

std::string ScatterRows(OnnxOp& op, const std::string& x, const std::string& rows, const std::string& updates, const char* reduction) {
  return op.Node("ScatterND", {x, op.Reshape(rows, {-1, 1}), updates}, {{"reduction", std::string(reduction)}});
}

std::vector<int64_t> Swapped(int rank, int64_t axis) {
  std::vector<int64_t> perm;
  for (int i = 0; i < rank; ++i) perm.push_back(i);
  std::swap(perm[0], perm[axis]);
  return perm;
}

std::string Widened(OnnxOp& op, const std::string& slot) { return op.Cast(op.In(slot), DType::kInt64); }

}  // namespace

SKIFF_ONNX(lookup_table_v2) { EmitLookup(op, op.In("Ids")); }
SKIFF_ONNX(lookup_table) { EmitLookup(op, op.Squeeze(op.In("Ids"), {-1})); }

SKIFF_ONNX(gather) {
  const int64_t axis = op.Has("Axis") ? op.KnownInts("Axis").at(0) : op.Attr<int64_t>("axis");
  const std::string index = op.Rank("Index") > 1 ? op.Reshape(op.In("Index"), {-1}) : op.In("Index");
  op.Out("Out", op.Gather(op.In("X"), index, axis));
}
SKIFF_ONNX(index_select) { op.Out("Out", op.Gather(op.In("X"), op.In("Index"), op.Attr<int64_t>("dim"))); }
SKIFF_ONNX(gather_nd) { op.Out("Out", op.Node("GatherND", {op.In("X"), Widened(op, "Index")})); }
SKIFF_ONNX(index_sample) { op.Out("Out", op.Node("GatherElements", {op.In("X"), op.In("Index")}, {{"axis", int64_t{1}}})); }
SKIFF_ONNX(take_along_axis) {
  op.Out("Result", op.Node("GatherElements", {op.In("Input"), op.In("Index")}, {{"axis", op.Attr<int64_t>("Axis")}}));
}

SKIFF_ONNX(put_along_axis) {
  const std::string reduce = op.Attr<std::string>("Reduce"), index = op.In("Index");
  if (!op.Attr<bool>("Include_self")) NoOnnxForm("Include_self is false");
  std::string reduction = "none";
  if (reduce == "add") reduction = "add";
  if (reduce == "mul" || reduce == "multiply") reduction = "mul";
  if (reduction == "none" && reduce != "assign") NoOnnxForm("Reduce is ", reduce);
  const std::string value = op.Node("Expand", {op.In("Value"), op.Extents(index)});
  op.Out("Result", op.Node("ScatterElements", {op.In("Input"), index, value}, {{"axis", op.Attr<int64_t>("Axis")}, {"reduction", reduction}}));
}

SKIFF_ONNX(scatter) {
  const std::string x = op.In("X"), ids = Widened(op, "Ids"), updates = op.In("Updates");
  if (op.Attr<bool>("overwrite")) return op.Out("Out", ScatterRows(op, x, ids, updates, "none"));
  const std::string zeros = op.Binary("Mul", updates, op.Scalar(op.TypeOf("X"), 0));
  op.Out("Out", ScatterRows(op, ScatterRows(op, x, ids, zeros, "none"), ids, updates, "add"));
}
SKIFF_ONNX(scatter_nd_add) {
  op.Out("Out", op.Node("ScatterND", {op.In("X"), Widened(op, "Index"), op.In("Updates")}, {{"reduction", std::string("add")}}));
}
SKIFF_ONNX(index_add) {
  const int rank = op.Rank("X");
  const int64_t axis = op.Attr<int64_t>("axis") + (op.Attr<int64_t>("axis") < 0 ? rank : 0);
  const auto perm = Swapped(rank, axis);
  const auto turned = [&](const std::string& value) { return axis == 0 ? value : op.Transpose(value, perm); };
  const std::string out = ScatterRows(op, turned(op.In("X")), Widened(op, "Index"), turned(op.In("AddValue")), "add");
  op.Out("Out", axis == 0 ? out : turned(out));
}

// Each slice several times in a row: once along a new axis, which then becomes one with the old.
SKIFF_ONNX(repeat_interleave) {
  const int rank = op.Rank("X");
  const int64_t dim = op.Attr<int64_t>("dim") + (op.Attr<int64_t>("dim") < 0 ? rank : 0);
  const std::string x = op.In("X");
  if (op.Has("RepeatsTensor")) {
    std::vector<int64_t> places;
    const auto repeats = op.KnownInts("RepeatsTensor");
    for (size_t i = 0; i < repeats.size(); ++i) {
      Bounded(static_cast<int64_t>(places.size()) + Bounded(repeats[i], "repeats"), "repeated slices");
      places.insert(places.end(), repeats[i], static_cast<int64_t>(i));
    }
    return op.Out("Out", op.Gather(x, op.Int64s(places), dim));
  }
  std::vector<int64_t> times(rank + 1, 1);
  times[dim + 1] = op.Attr<int64_t>("Repeats");
  const std::string repeated = op.Node("Tile", {op.Unsqueeze(x, {dim + 1}), op.Int64s(times)});
  std::vector<std::string> shape{op.Int64s({-1})};
  if (dim > 0) shape.insert(shape.begin(), op.Extents(x, 0, dim));
  if (dim + 1 < rank) shape.push_back(op.Extents(x, dim + 1));
  op.Out("Out", op.Node("Reshape", {repeated, op.Concat(shape, 0)}));
}

// Elements go back to where the pooling found them: a plane counts its places from 0.
SKIFF_ONNX(unpool) {
  const Shape& out = op.OutShape("Out");
  const int rank = out.rank();
  std::vector<int64_t> extents(out.begin() + 2, out.end()), whole{0, 0};
  int64_t plane = 1;
  for (int64_t extent : extents) {
    if (extent < 0) NoOnnxForm("the output's extents are unknown");
    plane *= extent;
  }
  whole.insert(whole.end(), extents.begin(), extents.end());
  const auto flat = [&](const std::string& value) { return op.Reshape(value, {0, 0, -1}); };
  const std::string x = flat(op.In("X")), at = flat(Widened(op, "Indices"));
  Tensor zero(Shape{1}, op.TypeOf("X"));
  std::fill_n(static_cast<char*>(zero.raw_data()), zero.bytes(), '\0');
  const std::string shape = op.Concat({op.Extents(op.In("X"), 0, 2), op.Int64s({plane})}, 0);
  const std::string empty = op.Node("ConstantOfShape", {shape}, {{"value", zero}});
  const std::string filled = op.Node("ScatterElements", {empty, at, x}, {{"axis", int64_t{2}}});
  op.Out("Out", rank == 3 ? filled : op.Reshape(filled, whole));
}
SKIFF_ONNX_AS(unpool3d, unpool);

SKIFF_ONNX(masked_select) {
  op.Out("Y", op.Node("Compress", {op.Reshape(op.In("X"), {-1}), op.Reshape(op.In("Mask"), {-1})}));
}
SKIFF_ONNX(where_index) {
  op.Out("Out", op.Transpose(op.Node("NonZero", {op.In("Condition")}), {1, 0}));
}

// Row i of the tensor that Ids[i] names: all of them side by side, then one of each row.
SKIFF_ONNX(multiplex) {
  std::vector<std::string> parts;
  for (const std::string& x : op.Ins("X")) parts.push_back(op.Unsqueeze(x, {0}));
  const std::string ids = op.Reshape(Widened(op, "Ids"), {-1, 1});
  const std::string rows = op.Node("Range", {op.Int64(0), op.AsScalar(op.Extents(op.In("X", 0), 0, 1)), op.Int64(1)});
  op.Out("Out", op.Node("GatherND", {op.Concat(parts, 0), op.Concat({ids, op.Unsqueeze(rows, {1})}, 1)}));
}

SKIFF_ONNX(unique) {
  const auto axis = op.Ints("axis");
  OnnxAttrs attrs{{"sorted", int64_t{op.Attr<bool>("is_sorted")}}};
  if (!axis.empty()) attrs.emplace_back("axis", axis[0]);
  const auto all = op.Nodes("Unique", {op.In("X")}, 4, attrs);
  const char* slots[] = {"Out", "Indices", "Index", "Counts"};
  for (int i = 0; i < 4; ++i) {
    if (op.OutCount(slots[i]) == 0) continue;
    op.Out(slots[i], i > 0 && op.OutType(slots[i]) != DType::kInt64 ? op.Cast(all[i], op.OutType(slots[i])) : all[i]);
  }
}

namespace {

// What set_value puts into its places, where no tensor does.
std::string GivenValue(OnnxOp& op, DType dtype) {
  std::vector<double> numbers;
  if (const Attribute* values = op.op().attrs.Find("values"); values != nullptr && std::holds_alternative<std::vector<Scalar>>(*values)) {
    for (const Scalar& one : std::get<std::vector<Scalar>>(*values)) {
      if (std::holds_alternative<std::complex<double>>(one)) NoOnnxForm("complex numbers");
      numbers.push_back(std::holds_alternative<bool>(one)      ? std::get<bool>(one)
                        : std::holds_alternative<int64_t>(one) ? static_cast<double>(std::get<int64_t>(one))
                                                               : std::get<double>(one));
    }
  }
  for (const char* attr : {"bool_values", "int32_values", "int64_values", "fp32_values", "fp64_values"}) {  // of older files
    if (!op.HasAttr(attr) || !numbers.empty()) continue;
    if (std::string(attr).starts_with("fp")) {
      numbers = op.Attr<std::vector<double>>(attr);
    } else {
      for (int64_t one : op.Ints(attr)) numbers.push_back(static_cast<double>(one));
    }
  }
  if (numbers.empty()) NoOnnxForm("an assignment without values");
  std::vector<std::string> elements;
  for (double one : numbers) elements.push_back(op.Full(dtype, Shape{1}, one));
  return op.Reshape(op.Concat(elements, 0), op.Ints("shape"));
}

}  // namespace

// The places to write are those that slicing a tensor of places gives.
SKIFF_ONNX(set_value) {
  const DType dtype = op.TypeOf("Input");
  const std::string x = op.In("Input"), shape = op.Extents(x);
  const auto axes = op.Ints("axes"), steps = op.Ints("steps");
  std::string ends = op.IntList("EndsTensorList", "", "ends");
  if (!op.Has("EndsTensorList") && !op.Has("StepsTensorList")) ends = op.Int64s(StridedEnds(op.ShapeOf("Input"), axes, op.Ints("ends"), steps));
  std::string places = op.Node("Range", {op.Int64(0), op.Node("Size", {x}), op.Int64(1)});
  places = op.Node("Reshape", {places, shape});
  if (!axes.empty()) {
    const std::string starts = op.IntList("StartsTensorList", "", "starts");
    places = op.Node("Slice", {places, starts, ends, op.Int64s(axes), op.IntList("StepsTensorList", "", "steps")});
  }
  places = op.Unsqueeze(op.Squeeze(places, op.Ints("decrease_axes")), op.Ints("none_axes"));
  const std::string value = op.Node("Expand", {op.Has("ValueTensor") ? op.In("ValueTensor") : GivenValue(op, dtype), op.Extents(places)});
  const auto flat = [&](const std::string& one) { return op.Reshape(one, {-1}); };
  const std::string out = op.Node("ScatterElements", {flat(x), flat(places), flat(value)}, {{"axis", int64_t{0}}});
  op.Out("Out", op.Node("Reshape", {out, shape}));
}

// A place among sorted elements is the number of those before it.
SKIFF_ONNX(searchsorted) {
  const std::string sorted = op.Unsqueeze(op.In("SortedSequence"), {-2}), values = op.Unsqueeze(op.In("Values"), {-1});
  const std::string before = op.Binary(op.Attr<bool>("right") ? "LessOrEqual" : "Less", sorted, values);
  op.Out("Out", op.Reduce("ReduceSum", op.Cast(before, op.OutType("Out")), {-1}, false));
}

SKIFF_ONNX(shard_index) {
  const DType dtype = op.TypeOf("X");
  const int64_t shards = op.Attr<int64_t>("nshards"), size = (op.Attr<int64_t>("index_num") + shards - 1) / shards;
  const auto number = [&](int64_t value) { return op.Scalar(dtype, static_cast<double>(value)); };
  const std::string x = op.In("X");
  const std::string own = op.Binary("Equal", op.Binary("Div", x, number(size)), number(op.Attr<int64_t>("shard_id")));
  op.Out("Out", op.Node("Where", {own, op.Binary("Mod", x, number(size)), number(op.Attr<int64_t>("ignore_value"))}));
}

// Indices name the first axes of x together; they broadcast. A mask names the places where it is true.
SKIFF_ONNX(index_put) {
  const int count = op.Count("indices");
  int rank = 0, named = count;  // of the indices, and how many axes they name
  std::string shape, places;
  if (count == 1 && op.TypeOf("indices") == DType::kBool) {
    named = op.Rank("indices");
    places = op.Transpose(op.Node("NonZero", {op.In("indices")}), {1, 0});
    shape = op.Extents(places, 0, 1);
  } else {
    for (int i = 0; i < count; ++i) {
      if (op.TypeOf("indices", i) == DType::kBool) NoOnnxForm("a mask beside other indices");
      rank = std::max(rank, op.Rank("indices", i));
    }
    for (int i = 0; i < count; ++i) {
      std::string one = op.Extents(op.In("indices", i));
      if (op.Rank("indices", i) < rank) one = op.Concat({op.Int64s(std::vector<int64_t>(rank - op.Rank("indices", i), 1)), one}, 0);
      shape = shape.empty() ? one : op.Binary("Max", shape, one);
    }
    std::vector<std::string> columns;
    for (int i = 0; i < count; ++i) {
      const std::string index = op.Node("Expand", {op.Cast(op.In("indices", i), DType::kInt64), shape});
      columns.push_back(op.Unsqueeze(index, {-1}));
    }
    places = op.Concat(columns, -1);
  }
  const std::string x = op.In("x");
  const std::string slices = op.Rank("x") > named ? op.Concat({shape, op.Extents(x, named)}, 0) : shape;
  const std::string value = op.Node("Expand", {op.In("value"), slices});
  op.Out("out", op.Node("ScatterND", {x, places, value}, {{"reduction", std::string(op.Attr<bool>("accumulate") ? "add" : "none")}}));
}

// What is kept of a row moves to the front; what is not goes to a column that is cut off.
SKIFF_ONNX(ctc_align) {
  if (!op.Has("InputLength")) NoOnnxForm("sequences by LoD; InputLength must give their lengths");
  const DType dtype = op.TypeOf("Input");
  const auto number = [&](int64_t value) { return op.Scalar(dtype, static_cast<double>(value)); };
  const std::string x = op.In("Input"), steps = op.AsScalar(op.Extents(x, 1, 2));
  const std::string index = op.Unsqueeze(op.Node("Range", {op.Int64(0), steps, op.Int64(1)}), {0});
  std::string kept = op.Binary("Less", index, op.Reshape(Widened(op, "InputLength"), {-1, 1}));
  kept = op.Binary("And", kept, op.Node("Not", {op.Binary("Equal", x, number(op.Attr<int64_t>("blank")))}));
  if (op.Attr<bool>("merge_repeated")) {
    const std::string same = op.Binary("Equal", op.Slice(x, 1, 1, INT64_MAX), op.Slice(x, 1, 0, -1));
    const std::string column = op.Concat({op.Extents(x, 0, 1), op.Int64s({1})}, 0);  // the first label repeats none
    const std::string first = op.Cast(op.Node("Expand", {op.Int64(0), column}), DType::kBool);
    kept = op.Binary("And", kept, op.Node("Not", {op.Concat({first, same}, 1)}));
  }
  const std::string ones = op.Cast(kept, DType::kInt64);
  const std::string place = op.Binary("Sub", op.Node("CumSum", {ones, op.Int64(1)}), op.Int64(1));
  const std::string to = op.Node("Where", {kept, place, steps});
  const std::string wide = op.Concat({op.Extents(x, 0, 1), op.Reshape(op.Binary("Add", steps, op.Int64(1)), {1})}, 0);
  const std::string padding = op.Node("Expand", {number(op.Attr<int64_t>("padding_value")), wide});
  op.Out("Output", op.Slice(op.Node("ScatterElements", {padding, to, x}, {{"axis", int64_t{1}}}), 1, 0, -1));
  if (op.OutCount("OutputLength") > 0) op.Out("OutputLength", op.Cast(op.Reduce("ReduceSum", ones, {1}, true), op.OutType("OutputLength")));
}

// From the last step back, each beam is followed to its parent.
SKIFF_ONNX(gather_tree) {
  const std::string ids = op.In("Ids"), parents = op.In("Parents");
  const DType dtype = op.TypeOf("Ids");
  const std::string beams = op.Node("Range", {op.Int64(0), op.AsScalar(op.Extents(ids, 2)), op.Int64(1)});
  const std::string start = op.Node("Expand", {beams, op.Extents(ids, 1)});
  OnnxGraph& graph = op.BeginGraph("beams");
  graph.inputs = {{op.Fresh("beam"), DType::kInt64, {}, false}, {op.Fresh("ids"), dtype, {}, false}, {op.Fresh("parents"), dtype, {}, false}};
  const auto of_beam = [&](int i) { return op.Node("GatherElements", {graph.inputs[i].name, graph.inputs[0].name}, {{"axis", int64_t{1}}}); };
  graph.outputs = {{op.Node("Cast", {of_beam(2)}, {{"to", int64_t{OnnxTypeOf(DType::kInt64)}}}), DType::kInt64, {}, false},
                   {of_beam(1), dtype, {}, false}};
  op.Out("Out", op.Nodes("Scan", {start, ids, parents}, 2,
                         {{"body", op.EndGraph()}, {"num_scan_inputs", int64_t{2}}, {"scan_input_directions", std::vector<int64_t>{1, 1}},
                          {"scan_output_directions", std::vector<int64_t>{1}}})[1]);
}

// An item is kept where it differs from the one before.
SKIFF_ONNX(unique_consecutive) {
  const auto given = op.Ints("axis");
  const std::string x = given.empty() ? op.Reshape(op.In("X"), {-1}) : op.In("X");
  const int rank = given.empty() ? 1 : op.Rank("X");
  const int64_t axis = given.empty() ? 0 : NormalizeAxis(given[0], rank);
  const std::string same = op.Binary("Equal", op.Slice(x, axis, 1, INT64_MAX), op.Slice(x, axis, 0, -1));
  std::string differs = op.Cast(op.Node("Not", {same}), DType::kInt64);
  std::vector<int64_t> others;
  for (int64_t i = 0; i < rank; ++i) {
    if (i != axis) others.push_back(i);
  }
  if (!others.empty()) differs = op.Reduce("ReduceMax", differs, others, false);
  const std::string count = op.Extents(x, axis, axis + 1);
  const std::string first = op.Slice(op.Node("Expand", {op.Int64(1), count}), 0, 0, 1);  // where there are any
  const std::string ones = op.Concat({first, differs}, 0), kept = op.Cast(ones, DType::kBool);
  op.Out("Out", op.Node("Compress", {x, kept}, {{"axis", axis}}));
  if (op.Wanted("Index")) {
    op.Out("Index", op.Cast(op.Binary("Sub", op.Node("CumSum", {ones, op.Int64(0)}), op.Int64(1)), op.OutType("Index")));
  }
  if (op.Wanted("Counts")) {
    const std::string starts = op.Reshape(op.Node("NonZero", {kept}), {-1}), ends = op.Concat({op.Slice(starts, 0, 1, INT64_MAX), count}, 0);
    op.Out("Counts", op.Cast(op.Binary("Sub", ends, starts), op.OutType("Counts")));
  }
}

}  // namespace skiff::io
