// Operators that move elements without computing: reshape, transpose, concat, slice, pad, ...
#include <algorithm>
#include <climits>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

std::vector<int64_t> Counted(std::vector<int64_t> axes, int rank) {
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  return axes;
}

int64_t KnownAxis(OnnxOp& op, const char* slot, const char* attr) {
  return op.Has(slot) ? op.KnownInts(slot).at(0) : op.Attr<int64_t>(attr);
}

// The axes [start, stop] of X made one; extents on both sides are kept whether known or not.
std::string Flattened(OnnxOp& op, const std::string& x, const Shape& shape, int start, int stop) {
  std::vector<int64_t> dims(start, 0);
  dims.push_back(-1);
  bool known = true;
  for (int i = stop + 1; i < shape.rank(); ++i) {
    known &= shape[i] > 0;
    dims.push_back(shape[i]);
  }
  if (known) return op.Reshape(x, dims);
  std::vector<std::string> parts;
  if (start > 0) parts.push_back(op.Extents(x, 0, start));
  parts.push_back(op.Int64s({-1}));
  parts.push_back(op.Extents(x, stop + 1));
  return op.Node("Reshape", {x, op.Concat(parts, 0)});
}

// x with `before` and `after` elements of its other end put around it along an axis.
std::string Wrapped(OnnxOp& op, const std::string& x, int64_t axis, int64_t before, int64_t after) {
  std::vector<std::string> parts;
  if (before > 0) parts.push_back(op.Slice(x, axis, -before, INT64_MAX));
  parts.push_back(x);
  if (after > 0) parts.push_back(op.Slice(x, axis, 0, after));
  return op.Concat(parts, axis);
}

// `pads` has the begins of all axes, then their ends.
void EmitPad(OnnxOp& op, const std::string& mode, const std::vector<int64_t>& pads, double value) {
  std::string x = op.In("X");
  const int rank = op.Rank("X");
  if (mode == "circular") {
    for (int axis = 0; axis < rank; ++axis) x = Wrapped(op, x, axis, pads[axis], pads[rank + axis]);
    return op.Out("Out", x == op.In("X") ? op.Node("Identity", {x}) : x);
  }
  const std::string named = mode == "replicate" ? "edge" : mode;
  std::vector<std::string> inputs{x, op.Int64s(pads)};
  if (named == "constant") inputs.push_back(op.Scalar(op.TypeOf("X"), value));
  op.Out("Out", op.Node("Pad", inputs, {{"mode", named}}));
}

// Pairs for each spatial axis, the last one first, as pads of ONNX.
std::vector<int64_t> SpatialPads(const std::vector<int64_t>& pairs, int rank, bool channels_last) {
  std::vector<int64_t> pads(2 * rank, 0);
  const int last = channels_last ? rank - 2 : rank - 1;
  for (size_t i = 0; i < pairs.size() / 2; ++i) {
    pads[last - i] = pairs[2 * i];
    pads[rank + last - i] = pairs[2 * i + 1];
  }
  return pads;
}

std::vector<std::string> SplitEqually(OnnxOp& op, const std::string& x, int64_t axis, int64_t count, const Shape& shape) {
  OnnxAttrs attrs{{"axis", axis}};
  const int64_t extent = shape.At(static_cast<int>(axis));
  std::vector<std::string> inputs{x};
  if (extent > 0) {
    inputs.push_back(op.Int64s(std::vector<int64_t>(count, extent / count)));
  } else if (op.opset() >= 18) {
    attrs.emplace_back("num_outputs", count);
  }
  return op.Nodes("Split", inputs, static_cast<int>(count), attrs);
}

// The channels of X in another order.
void EmitChannelOrder(OnnxOp& op, const std::vector<int64_t>& order, bool channels_last) {
  op.Out("Out", op.Gather(op.In("X"), op.Int64s(order), channels_last ? op.Rank("X") - 1 : 1));
}

int64_t KnownChannels(const OnnxOp& op, bool channels_last) {
  const int64_t channels = op.ShapeOf("X").At(channels_last ? -1 : 1);
  if (channels < 0) NoOnnxForm("the number of channels is unknown");
  return Bounded(channels, "channels");
}

void EmitShuffle(OnnxOp& op, int64_t groups, bool channels_last) {
  const int64_t channels = KnownChannels(op, channels_last);
  std::vector<int64_t> order;
  for (int64_t c = 0; c < channels; ++c) order.push_back(c % groups * (channels / groups) + c / groups);
  EmitChannelOrder(op, order, channels_last);
}

}  // namespace

std::vector<int64_t> StridedEnds(const Shape& shape, const std::vector<int64_t>& axes, std::vector<int64_t> ends, const std::vector<int64_t>& steps) {
  for (size_t i = 0; i < ends.size(); ++i) {
    if (steps[i] >= 0 || ends[i] >= 0) continue;
    const int64_t extent = shape.At(static_cast<int>(axes[i]));
    if (ends[i] == -1) {
      ends[i] = INT64_MIN;
    } else if (extent < 0) {
      NoOnnxForm("a slice backwards to an end that counts from the back of an unknown extent");
    } else {
      ends[i] = std::max<int64_t>(ends[i] + extent, 0);
    }
  }
  return ends;
}

SKIFF_ONNX(reshape2) { op.Out("Out", op.Node("Reshape", {op.In("X"), op.IntList("ShapeTensor", "Shape", "shape")})); }
SKIFF_ONNX_AS(reshape, reshape2);
SKIFF_ONNX(view_shape) { op.Out("out", op.Reshape(op.In("input"), op.Ints("dims"))); }
SKIFF_ONNX(index_select_strided) {
  const int64_t index = op.Attr<int64_t>("index"), axis = op.Attr<int64_t>("axis");
  op.Out("out", op.Squeeze(op.Slice(op.In("x"), axis, index, index + 1), {axis}));
}

SKIFF_ONNX(transpose2) { op.Out("Out", op.Transpose(op.In("X"), Counted(op.Ints("axis"), op.Rank("X")))); }
SKIFF_ONNX_AS(transpose, transpose2);

SKIFF_ONNX(squeeze2) {
  const Shape& x = op.ShapeOf("X");
  std::vector<int64_t> axes = Counted(op.Ints("axes"), x.rank());
  if (axes.empty()) {
    if (!x.IsKnown()) return op.Out("Out", op.Node("Squeeze", {op.In("X")}));
    for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
  }
  std::erase_if(axes, [&](int64_t axis) { return x[axis] != 1 && x[axis] >= 0; });
  const std::string out = op.Squeeze(op.In("X"), axes);
  op.Out("Out", axes.empty() ? op.Node("Identity", {out}) : out);
}

SKIFF_ONNX(unsqueeze2) {
  const bool given = op.IsTensorGiven("AxesTensorList", "AxesTensor");
  std::vector<int64_t> axes = !given ? op.Ints("axes") : op.KnownInts(op.Has("AxesTensorList") ? "AxesTensorList" : "AxesTensor");
  std::vector<bool> is_new(op.Rank("X"), false);  // by axis of what there is so far
  for (int64_t axis : axes) {
    const int64_t at = axis < 0 ? axis + static_cast<int64_t>(is_new.size()) + 1 : axis;
    is_new.insert(is_new.begin() + at, true);
  }
  std::vector<int64_t> places;
  for (size_t i = 0; i < is_new.size(); ++i) {
    if (is_new[i]) places.push_back(static_cast<int64_t>(i));
  }
  const std::string out = op.Unsqueeze(op.In("X"), places);
  op.Out("Out", places.empty() ? op.Node("Identity", {out}) : out);
}

SKIFF_ONNX(flatten_contiguous_range) {
  const Shape& x = op.ShapeOf("X");
  const int rank = x.rank();
  if (rank == 0) return op.Out("Out", op.Reshape(op.In("X"), {1}));
  const auto axes = Counted({op.Attr<int64_t>("start_axis"), op.Attr<int64_t>("stop_axis")}, rank);
  op.Out("Out", Flattened(op, op.In("X"), x, static_cast<int>(axes[0]), static_cast<int>(axes[1])));
}
SKIFF_ONNX(flatten2) { op.Out("Out", op.Node("Flatten", {op.In("X")}, {{"axis", op.Attr<int64_t>("axis")}})); }

SKIFF_ONNX(concat) {
  op.Out("Out", op.Node("Concat", op.Ins("X"), {{"axis", KnownAxis(op, "AxisTensor", "axis")}}));
}
SKIFF_ONNX(stack) {
  const int64_t axis = op.Attr<int64_t>("axis");
  std::vector<std::string> parts;
  for (const std::string& x : op.Ins("X")) parts.push_back(op.Unsqueeze(x, {axis}));
  op.Out("Y", op.Node("Concat", parts, {{"axis", axis}}));
}

SKIFF_ONNX(split) {
  const int64_t axis = KnownAxis(op, "AxisTensor", "axis");
  std::vector<int64_t> sections = op.Has("SectionsTensorList") ? op.KnownInts("SectionsTensorList") : op.Ints("sections");
  std::vector<std::string> parts;
  if (sections.empty()) {
    parts = SplitEqually(op, op.In("X"), axis, op.OutCount("Out"), op.ShapeOf("X"));
  } else {
    const std::string x = op.In("X");
    std::string sizes = op.Int64s(sections);
    if (std::count(sections.begin(), sections.end(), -1) > 0) {  // the section that takes the rest
      const int64_t at = NormalizeAxis(axis, op.Rank("X"));
      int64_t others = 0;
      for (int64_t one : sections) others += std::max<int64_t>(one, 0);
      const std::string rest = op.Binary("Sub", op.Extents(x, at, at + 1), op.Int64s({others}));
      sizes = op.Node("Where", {op.Binary("Less", sizes, op.Int64(0)), rest, sizes});
    }
    parts = op.Nodes("Split", {x, sizes}, op.OutCount("Out"), {{"axis", axis}});
  }
  for (int i = 0; i < op.OutCount("Out"); ++i) op.Out("Out", parts[i], i);
}

namespace {
void EmitUnstack(OnnxOp& op, const char* slot) {
  const int64_t axis = op.Attr<int64_t>("axis");
  const auto parts = SplitEqually(op, op.In("X"), axis, op.OutCount(slot), op.ShapeOf("X"));
  for (int i = 0; i < op.OutCount(slot); ++i) op.Out(slot, op.Squeeze(parts[i], {axis}), i);
}
}  // namespace
SKIFF_ONNX(unstack) { EmitUnstack(op, "Y"); }
SKIFF_ONNX(unbind) { EmitUnstack(op, "Out"); }

SKIFF_ONNX(slice) {
  const auto axes = op.Ints("axes"), decrease = op.Ints("decrease_axis");
  if (op.block().Var(op.op().inputs.One("Input")).kind == VarKind::kLodTensorArray) NoOnnxForm("Input is an array of tensors");
  const std::string starts = op.IntList("StartsTensorList", "StartsTensor", "starts");
  const std::string ends = op.IntList("EndsTensorList", "EndsTensor", "ends");
  std::string out = op.Node("Slice", {op.In("Input"), starts, ends, op.Int64s(axes)});
  op.Out("Out", op.Squeeze(out, decrease));
}

SKIFF_ONNX(strided_slice) {
  const auto axes = op.Ints("axes");
  const std::string starts = op.IntList("StartsTensorList", "StartsTensor", "starts");
  std::string ends = op.IntList("EndsTensorList", "EndsTensor", "ends");
  const std::string strides = op.IntList("StridesTensorList", "StridesTensor", "strides");
  if (!op.IsTensorGiven("EndsTensorList", "EndsTensor") && !op.IsTensorGiven("StridesTensorList", "StridesTensor")) {
    ends = op.Int64s(StridedEnds(op.ShapeOf("Input"), axes, op.Ints("ends"), op.Ints("strides")));
  }
  const std::string out = op.Node("Slice", {op.In("Input"), starts, ends, op.Int64s(axes), strides});
  op.Out("Out", op.Squeeze(out, op.Ints("decrease_axis")));
}

SKIFF_ONNX(expand_v2) {
  std::string shape = op.IntList("expand_shapes_tensor", "Shape", "shape");
  if (op.IsTensorGiven("expand_shapes_tensor", "Shape")) {  // -1 keeps an extent, as broadcasting 1 does
    shape = op.Node("Where", {op.Binary("Less", shape, op.Int64(0)), op.Int64(1), shape});
  } else {
    auto dims = op.Ints("shape");
    for (int64_t& dim : dims) dim = dim < 0 ? 1 : dim;
    shape = op.Int64s(dims);
  }
  op.Out("Out", op.Node("Expand", {op.In("X"), shape}));
}
SKIFF_ONNX(expand_as_v2) {
  op.Out("Out", op.Node("Expand", {op.In("X"), op.Has("Y") ? op.Extents(op.In("Y")) : op.Int64s(op.Ints("target_shape"))}));
}

namespace {
void EmitTile(OnnxOp& op, const char* list, const char* tensor, const char* attr) {
  std::string times = op.IntList(list, tensor, attr), x = op.In("X");
  const int rank = op.Rank("X"), out_rank = op.OutShape("Out").rank();
  const int count = op.Has(list)     ? op.Count(list)
                    : op.Has(tensor) ? static_cast<int>(op.ShapeOf(tensor).IsKnown() ? op.ShapeOf(tensor).NumElements() : out_rank)
                                     : static_cast<int>(op.Ints(attr).size());
  if (count < rank) times = op.Concat({op.Int64s(std::vector<int64_t>(rank - count, 1)), times}, 0);
  std::vector<int64_t> front;
  for (int i = rank; i < count; ++i) front.push_back(i - rank);
  if (count == 0) return op.Out("Out", op.Node("Identity", {x}));
  op.Out("Out", op.Node("Tile", {op.Unsqueeze(x, front), times}));
}
}  // namespace
SKIFF_ONNX(tile) { EmitTile(op, "repeat_times_tensor", "RepeatTimes", "repeat_times"); }
SKIFF_ONNX(expand) { EmitTile(op, "expand_times_tensor", "ExpandTimes", "expand_times"); }

SKIFF_ONNX(pad) {
  const auto pairs = op.Ints("paddings");
  std::vector<int64_t> pads(pairs.size());
  for (size_t i = 0; i < pairs.size() / 2; ++i) {
    pads[i] = pairs[2 * i];
    pads[pairs.size() / 2 + i] = pairs[2 * i + 1];
  }
  EmitPad(op, "constant", pads, op.Attr<float>("pad_value"));
}
SKIFF_ONNX(pad2d) {
  auto pairs = op.Has("Paddings") ? op.KnownInts("Paddings") : op.Ints("paddings");
  std::rotate(pairs.begin(), pairs.begin() + 2, pairs.end());  // top, bottom, left, right
  EmitPad(op, op.Attr<std::string>("mode"), SpatialPads(pairs, 4, op.ChannelsLast()), op.Attr<float>("pad_value"));
}
SKIFF_ONNX(pad3d) {
  const bool last = op.ChannelsLast();
  if (op.Has("Paddings") && op.Known(op.In("Paddings")) == nullptr) {
    const std::string mode = op.Attr<std::string>("mode");
    if (mode == "circular") NoOnnxForm("mode circular beside paddings that are computed while running");
    // left, right, top, bottom, front, back stand at 1 to 6 behind a zero
    const std::vector<int64_t> order = last ? std::vector<int64_t>{0, 5, 3, 1, 0, 0, 6, 4, 2, 0} : std::vector<int64_t>{0, 0, 5, 3, 1, 0, 0, 6, 4, 2};
    const std::string pairs = op.Concat({op.Int64s({0}), op.Cast(op.In("Paddings"), DType::kInt64)}, 0);
    std::vector<std::string> inputs{op.In("X"), op.Gather(pairs, op.Int64s(order), 0)};
    if (mode == "constant") inputs.push_back(op.Scalar(op.TypeOf("X"), op.Attr<float>("value")));
    return op.Out("Out", op.Node("Pad", inputs, {{"mode", mode == "replicate" ? std::string("edge") : mode}}));
  }
  const auto pairs = op.Has("Paddings") ? op.KnownInts("Paddings") : op.Ints("paddings");
  EmitPad(op, op.Attr<std::string>("mode"), SpatialPads(pairs, 5, op.ChannelsLast()), op.Attr<float>("value"));
}

SKIFF_ONNX(flip) {
  std::string x = op.In("X");
  for (int64_t axis : op.Ints("axis")) x = op.Slice(x, axis, -1, INT64_MIN, -1);
  op.Out("Out", x);
}
SKIFF_ONNX_AS(reverse, flip);

SKIFF_ONNX(roll) {
  if (op.Has("ShiftsTensor")) NoOnnxForm("the shifts are computed while running");
  std::string x = op.In("X");
  auto shifts = op.Ints("shifts"), axes = op.Ints("axis");
  const Shape& shape = op.ShapeOf("X");
  const bool flat = axes.empty();
  if (flat) {
    axes = {0};
    x = op.Reshape(x, {-1});
  }
  for (size_t i = 0; i < shifts.size(); ++i) {
    const int64_t extent = flat ? (shape.IsKnown() ? shape.NumElements() : -1) : shape.At(static_cast<int>(axes[i]));
    const int64_t shift = extent > 0 ? shifts[i] % extent : shifts[i];
    if (shift == 0) continue;
    x = op.Concat({op.Slice(x, axes[i], -shift, INT64_MAX), op.Slice(x, axes[i], 0, -shift)}, axes[i]);
  }
  if (flat) x = op.Node("Reshape", {x, op.Extents(op.In("X"))});
  op.Out("Out", x == op.In("X") ? op.Node("Identity", {x}) : x);
}

SKIFF_ONNX(crop_tensor) {
  const auto shape = op.Ints("shape");
  const std::string starts = op.IntList("OffsetsTensor", "Offsets", "offsets");
  const std::string sizes = op.IntList("ShapeTensor", "Shape", "shape");
  std::vector<int64_t> axes;
  for (int i = 0; i < op.Rank("X"); ++i) axes.push_back(i);
  std::string ends = op.Binary("Add", starts, sizes);
  if (!op.IsTensorGiven("ShapeTensor", "Shape")) {  // -1 takes what is there
    for (int64_t dim : shape) {
      if (dim >= 0) continue;
      const std::string whole = op.Binary("Less", sizes, op.Int64(0));
      ends = op.Node("Where", {whole, op.Int64(INT64_MAX), ends});
      break;
    }
  }
  op.Out("Out", op.Node("Slice", {op.In("X"), starts, ends, op.Int64s(axes)}));
}
SKIFF_ONNX(crop) {
  std::vector<int64_t> axes;
  for (int i = 0; i < op.Rank("X"); ++i) axes.push_back(i);
  const std::string starts = op.IntList("", "Offsets", "offsets");
  const std::string sizes = op.Has("Y") ? op.Extents(op.In("Y")) : op.Int64s(op.Ints("shape"));
  op.Out("Out", op.Node("Slice", {op.In("X"), starts, op.Binary("Add", starts, sizes), op.Int64s(axes)}));
}

SKIFF_ONNX(pixel_shuffle) {
  const bool last = op.ChannelsLast();
  const std::string x = last ? op.ToChannelsFirst(op.In("X"), 4) : op.In("X");
  const OnnxAttrs attrs{{"blocksize", op.Attr<int64_t>("upscale_factor")}, {"mode", std::string("CRD")}};
  const std::string out = op.Node("DepthToSpace", {x}, attrs);
  op.Out("Out", last ? op.ToChannelsLast(out, 4) : out);
}
// SpaceToDepth has the place in the block before the channel, Paddle behind it.
SKIFF_ONNX(pixel_unshuffle) {
  const bool last = op.ChannelsLast();
  const int64_t block = op.Attr<int64_t>("downscale_factor"), channels = KnownChannels(op, last), places = block * block;
  const std::string x = last ? op.ToChannelsFirst(op.In("X"), 4) : op.In("X");
  std::vector<int64_t> order;
  Bounded(Bounded(block, "rows of a block") * block, "places of a block");
  Bounded(channels * places, "channels");
  for (int64_t c = 0; c < channels * places; ++c) order.push_back(c % places * channels + c / places);
  const std::string out = op.Gather(op.Node("SpaceToDepth", {x}, {{"blocksize", block}}), op.Int64s(order), 1);
  op.Out("Out", last ? op.ToChannelsLast(out, 4) : out);
}
SKIFF_ONNX(channel_shuffle) { EmitShuffle(op, op.Attr<int64_t>("groups"), op.ChannelsLast()); }
SKIFF_ONNX(shuffle_channel) { EmitShuffle(op, op.Attr<int64_t>("group"), false); }

// X as [videos, steps, channels, ...]: the first channels come from the step before, the next from the step behind.
SKIFF_ONNX(temporal_shift) {
  const bool last = op.ChannelsLast();
  const int64_t steps = op.Attr<int64_t>("seg_num"), channels = KnownChannels(op, last);
  const int64_t moved = static_cast<int64_t>(static_cast<float>(channels) * op.Attr<float>("shift_ratio"));
  std::string x = last ? op.ToChannelsFirst(op.In("X"), 4) : op.In("X");
  const std::string shape = op.Extents(x);
  x = op.Node("Reshape", {x, op.Concat({op.Int64s({-1, steps}), op.Extents(x, 1)}, 0)});
  const std::string zero = op.Scalar(op.TypeOf("X"), 0);
  const auto shifted = [&](int64_t from, int64_t to, int64_t before, int64_t after) {
    const std::string part = op.Slice(x, 2, from, to);
    if (before + after == 0) return part;
    const std::string padded = op.Node("Pad", {part, op.Int64s({0, before, 0, 0, 0, 0, after, 0, 0, 0}), zero});
    return op.Slice(padded, 1, after, after > 0 ? INT64_MAX : -before);
  };
  const std::string out = op.Concat({shifted(0, moved, 1, 0), shifted(moved, 2 * moved, 0, 1), shifted(2 * moved, INT64_MAX, 0, 0)}, 2);
  const std::string back = op.Node("Reshape", {out, shape});
  op.Out("Out", last ? op.ToChannelsLast(back, 4) : back);
}

SKIFF_ONNX(meshgrid) {
  const int count = op.Count("X");
  std::vector<std::string> extents, grids;
  for (int i = 0; i < count; ++i) {
    std::vector<int64_t> dims(count, 1);
    dims[i] = -1;
    grids.push_back(op.Reshape(op.In("X", i), dims));
    extents.push_back(op.Reshape(op.Node("Size", {op.In("X", i)}), {1}));
  }
  const std::string shape = op.Concat(extents, 0);
  for (int i = 0; i < count; ++i) op.Out("Out", op.Node("Expand", {grids[i], shape}), i);
}

SKIFF_ONNX(broadcast_tensors) {
  const int rank = op.OutShape("Out").rank();
  std::string shape;
  for (int i = 0; i < op.Count("X"); ++i) {
    std::string one = op.Extents(op.In("X", i));
    if (op.Rank("X", i) < rank) one = op.Concat({op.Int64s(std::vector<int64_t>(rank - op.Rank("X", i), 1)), one}, 0);
    shape = shape.empty() ? one : op.Binary("Max", shape, one);
  }
  for (int i = 0; i < op.Count("X"); ++i) op.Out("Out", op.Node("Expand", {op.In("X", i), shape}), i);
}

}  // namespace skiff::io
