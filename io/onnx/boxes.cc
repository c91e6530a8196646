#include "io/onnx/boxes.h"

namespace skiff::io {

std::string Part(OnnxOp& op, const std::string& value, int64_t k) { return op.Squeeze(op.Slice(value, -1, k, k + 1), {-1}); }

std::string StackLast(OnnxOp& op, const std::vector<std::string>& values) {
  std::vector<std::string> parts;
  for (const std::string& value : values) parts.push_back(op.Unsqueeze(value, {-1}));
  return op.Concat(parts, -1);
}

std::string Count(OnnxOp& op, const std::string& value, int64_t axis) { return op.AsScalar(op.Extents(value, axis, axis + 1)); }
std::string UpTo(OnnxOp& op, const std::string& count) { return op.Node("Range", {op.Int64(0), count, op.Int64(1)}); }

std::string Overlap(OnnxOp& op, const std::string& x, const std::string& y, double more, DType dtype, bool apart) {
  const std::string one = op.Scalar(dtype, more), zero = op.Scalar(dtype, 0);
  const auto extent = [&](const std::string& low, const std::string& high) { return op.Binary("Add", op.Binary("Sub", high, low), one); };
  const auto area = [&](const std::string& box) {
    return op.Binary("Mul", extent(Part(op, box, 0), Part(op, box, 2)), extent(Part(op, box, 1), Part(op, box, 3)));
  };
  const auto common = [&](int axis) {
    const std::string low = op.Binary("Max", Part(op, x, axis), Part(op, y, axis));
    const std::string high = op.Binary("Min", Part(op, x, 2 + axis), Part(op, y, 2 + axis));
    if (apart && more > 0) return op.Node("Where", {op.Binary("Less", high, low), zero, extent(low, high)});
    return op.Binary("Max", extent(low, high), zero);
  };
  const std::string both = op.Binary("Mul", common(0), common(1));
  return op.Binary("Div", both, op.Binary("Sub", op.Binary("Add", area(x), area(y)), both));
}

std::string SuppressionCorners(OnnxOp& op, const std::string& boxes, bool pixels) {
  const std::string corners = op.Cast(boxes, DType::kFloat32);
  return pixels ? op.Binary("Add", corners, op.Constant(Tensor::Of(Shape{4}, {0.0f, 0.0f, 1.0f, 1.0f}))) : corners;
}

// A row belongs to the first image up to whose end there are more rows.
std::string ImageOfRow(OnnxOp& op, const std::string& rows, const std::string& counts) {
  const std::string ends = op.Node("CumSum", {op.Cast(op.Reshape(counts, {-1}), DType::kInt64), op.Int64(0)});
  const std::string after = op.Binary("GreaterOrEqual", op.Unsqueeze(UpTo(op, rows), {1}), op.Unsqueeze(ends, {0}));
  return op.Reduce("ReduceSum", op.Cast(after, DType::kInt64), {1}, false);
}

std::string RowsOfImages(OnnxOp& op, const std::string& images, const std::string& count) {
  const std::string of = op.Binary("Equal", op.Unsqueeze(UpTo(op, count), {1}), op.Unsqueeze(images, {0}));
  return op.Reduce("ReduceSum", op.Cast(of, DType::kInt32), {1}, false);
}

std::string Order(OnnxOp& op, const std::string& keys) {
  return op.Nodes("TopK", {keys, op.Extents(keys)}, 2, {{"axis", int64_t{0}}, {"largest", int64_t{0}}})[1];
}

}  // namespace skiff::io
