// Pooling. A window that reaches past the end, as ceil_mode allows it, is a window over more padding: ONNX's own
// ceil_mode differs between versions and runtimes.
#include <algorithm>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

struct Pooling {
  int axes;
  bool max, exclusive, ceil, last;
  std::vector<int64_t> kernel, strides, pads;  // pads: begins, then ends
  bool same = false;
};

std::string ReducedBins(OnnxOp& op, std::string x, const Pooling& pool) {
  const Shape& shape = op.ShapeOf("X");
  for (int i = 0; i < pool.axes; ++i) {
    const int64_t extent = shape[(pool.last ? 1 : 2) + i], bins = pool.kernel[i];
    std::vector<std::string> parts;
    Bounded(bins << 12, "adaptive bins, of which each takes nodes");
    const std::string all = op.Extents(x, 2 + i, 3 + i);
    const auto place = [&](int64_t k, int64_t more) {  // (k extent + more) / bins
      if (extent >= 0) return op.Int64s({(k * extent + more) / bins});
      return op.Binary("Div", op.Binary("Add", op.Binary("Mul", all, op.Int64s({k})), op.Int64s({more})), op.Int64s({bins}));
    };
    for (int64_t k = 0; k < bins; ++k) {
      const std::string bin = op.Node("Slice", {x, place(k, 0), place(k + 1, bins - 1), op.Int64s({2 + i})});
      parts.push_back(op.Reduce(pool.max ? "ReduceMax" : "ReduceMean", bin, {2 + i}, true));
    }
    x = op.Concat(parts, 2 + i);
  }
  return x;
}

// Bins of equal extent are windows.
bool AsWindows(const Shape& shape, Pooling* pool) {
  std::vector<int64_t> kernel;
  for (int i = 0; i < pool->axes; ++i) {
    const int64_t extent = shape[(pool->last ? 1 : 2) + i];
    if (extent < 1 || extent % pool->kernel[i] != 0) return false;
    kernel.push_back(extent / pool->kernel[i]);
  }
  pool->kernel = pool->strides = kernel;
  pool->pads.assign(2 * pool->axes, 0);
  return true;
}

std::string Pool(OnnxOp& op, std::string x, Pooling pool, std::string* indices) {
  // Paddle counts padding of the end as far as the beginning is padded, in windows that reach further too.
  std::vector<int64_t> counted(2 * pool.axes, 0), beyond = pool.pads;
  bool pad_first = false;
  for (int i = 0; i < pool.axes; ++i) {
    const int64_t begin = pool.pads[i], end = pool.pads[pool.axes + i] + (pool.ceil ? pool.strides[i] - 1 : 0);
    counted[i] = begin;
    counted[pool.axes + i] = std::min(begin, end);
    beyond[i] = 0;
    beyond[pool.axes + i] = end - counted[pool.axes + i];
    pad_first |= begin != end;
  }
  if (!pool.max && !pool.exclusive && pad_first && !pool.same) {
    std::vector<int64_t> pads(2 * (pool.axes + 2), 0);
    for (int i = 0; i < pool.axes; ++i) {
      pads[2 + i] = counted[i];
      pads[pool.axes + 4 + i] = counted[pool.axes + i];
    }
    x = op.Node("Pad", {x, op.Int64s(pads), op.Scalar(op.TypeOf("X"), 0)});
    bool too_far = false, as_given = true;  // padding must be less than the window
    for (int i = 0; i < pool.axes; ++i) {
      too_far |= beyond[pool.axes + i] >= pool.kernel[i];
      as_given &= counted[pool.axes + i] == pool.pads[pool.axes + i];
    }
    if (too_far && !(pool.ceil && as_given)) NoOnnxForm("windows that lie in the padding alone");
    pool.pads = too_far ? std::vector<int64_t>(2 * pool.axes, 0) : beyond;
    pool.exclusive = true;
    pool.ceil = too_far;
  }
  bool by_attribute = false;
  if (pool.ceil) {
    for (int i = 0; i < pool.axes; ++i) by_attribute |= pool.pads[pool.axes + i] + pool.strides[i] - 1 >= pool.kernel[i];
    for (int i = 0; i < pool.axes && !by_attribute; ++i) pool.pads[pool.axes + i] += pool.strides[i] - 1;
  }
  OnnxAttrs attrs{{"kernel_shape", pool.kernel}, {"strides", pool.strides}};
  if (pool.same) {
    attrs.emplace_back("auto_pad", std::string("SAME_UPPER"));
  } else {
    attrs.emplace_back("pads", pool.pads);
  }
  if (by_attribute) attrs.emplace_back("ceil_mode", int64_t{1});
  if (!pool.max) attrs.emplace_back("count_include_pad", int64_t{!pool.exclusive && !pool.ceil});
  const auto out = op.Nodes(pool.max ? "MaxPool" : "AveragePool", {x}, indices == nullptr ? 1 : 2, attrs);
  if (indices != nullptr) *indices = out[1];
  return out[0];
}

Pooling ReadPooling(const OnnxOp& op, int axes) {
  Pooling pool{axes, true, true, false, op.ChannelsLast(), op.Ints("ksize"), op.Ints("strides"), std::vector<int64_t>(2 * axes, 0)};
  if (op.HasAttr("pooling_type")) {
    pool.max = op.Attr<std::string>("pooling_type") == "max";
    pool.exclusive = op.Attr<bool>("exclusive");
    pool.ceil = op.Attr<bool>("ceil_mode");
  }
  const std::string algorithm = op.HasAttr("padding_algorithm") ? op.Attr<std::string>("padding_algorithm") : "EXPLICIT";
  pool.same = algorithm == "SAME";
  const auto given = op.Ints("paddings");
  for (int i = 0; i < axes && algorithm == "EXPLICIT"; ++i) {
    const bool both = static_cast<int>(given.size()) == 2 * axes;
    pool.pads[i] = given.at(both ? 2 * i : i);
    pool.pads[axes + i] = given.at(both ? 2 * i + 1 : i);
  }
  return pool;
}

void EmitPool(OnnxOp& op, int axes) {
  if (op.Has("KernelSize")) NoOnnxForm("KernelSize is computed while running");
  Pooling pool = ReadPooling(op, axes);
  const int rank = axes + 2;
  std::string x = pool.last ? op.ToChannelsFirst(op.In("X"), rank) : op.In("X"), out;
  const bool adaptive = op.Attr<bool>("adaptive");
  const bool one = std::all_of(pool.kernel.begin(), pool.kernel.end(), [](int64_t size) { return size == 1; });
  if (op.Attr<bool>("global_pooling") || (adaptive && one && !pool.max)) {
    out = op.Node(pool.max ? "GlobalMaxPool" : "GlobalAveragePool", {x});
  } else if (adaptive && pool.max) {
    NoOnnxForm("windows of an adaptive maximum, which Paddle's pool2d reads from other attributes");
  } else if (adaptive && !AsWindows(op.ShapeOf("X"), &pool)) {
    out = ReducedBins(op, x, pool);
  } else {
    if (adaptive) pool.ceil = pool.same = false;
    out = Pool(op, x, pool, nullptr);
  }
  op.Out("Out", pool.last ? op.ToChannelsLast(out, rank) : out);
}

// ONNX counts places over the whole tensor, Paddle within a plane.
void EmitPoolWithIndex(OnnxOp& op, int axes) {
  Pooling pool = ReadPooling(op, axes);
  const std::string x = op.In("X"), shape = op.Extents(x, 2);
  if (op.Attr<bool>("global_pooling")) pool.kernel.assign(axes, 1);
  const bool adaptive = op.Attr<bool>("adaptive") || op.Attr<bool>("global_pooling");
  if (adaptive && !AsWindows(op.ShapeOf("X"), &pool)) {
    if (op.Wanted("Mask")) NoOnnxForm("places of adaptive bins of unequal extents");
    return op.Out("Out", ReducedBins(op, x, pool));
  }
  std::string places;
  op.Out("Out", Pool(op, x, pool, op.Wanted("Mask") ? &places : nullptr));
  if (places.empty()) return;
  const std::string in_plane = op.Binary("Mod", places, op.Reduce("ReduceProd", shape, {}, false));
  op.Out("Mask", op.Cast(in_plane, op.OutType("Mask")));
}

}  // namespace

SKIFF_ONNX(pool2d) { EmitPool(op, 2); }
SKIFF_ONNX(pool3d) { EmitPool(op, 3); }
SKIFF_ONNX(max_pool2d_with_index) { EmitPoolWithIndex(op, 2); }
SKIFF_ONNX(max_pool3d_with_index) { EmitPoolWithIndex(op, 3); }

// The greatest of each run of channels.
SKIFF_ONNX(maxout) {
  const int rank = op.Rank("X");
  const int64_t groups = op.Attr<int64_t>("groups");
  const int64_t axis = op.Attr<int64_t>("axis") + (op.Attr<int64_t>("axis") < 0 ? rank : 0);
  std::vector<std::string> parts{op.Int64s({-1, groups})};
  const std::string x = op.In("X");
  if (axis > 0) parts.insert(parts.begin(), op.Extents(x, 0, axis));
  if (axis + 1 < rank) parts.push_back(op.Extents(x, axis + 1));
  op.Out("Out", op.Reduce("ReduceMax", op.Node("Reshape", {x, op.Concat(parts, 0)}), {axis + 1}, false));
}

}  // namespace skiff::io
