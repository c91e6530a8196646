#include "framework/layers/weight_norm.h"

#include <numeric>

#include "framework/program/unique_name.h"

namespace skiff::weight_norm {

namespace {

// The axis with one length for each position, from 0 on; absent when the whole parameter has one length.
std::optional<int> LengthAxis(const Shape& shape, const WeightNorm& norm) {
  if (!norm.dim) return std::nullopt;
  SKIFF_ENFORCE(-shape.rank() <= *norm.dim && *norm.dim < shape.rank(), OutOfRange, "weight norm over dim ", *norm.dim,
                " of a parameter of shape ", shape, "; expected from ", -shape.rank(), " to ", shape.rank() - 1);
  return *norm.dim < 0 ? *norm.dim + shape.rank() : *norm.dim;
}

// Appends operators of one input to a block, each output a new variable of that block.
class Chain {
 public:
  Chain(Block& block, const LayerHelper& layer, DType dtype) : block_(block), layer_(layer), dtype_(dtype) {}

  std::string New(const std::string& what) {
    return Declare(UniqueName(layer_.name() + ".weight_norm_" + what));
  }
  void Append(const std::string& type, const std::string& x, const Attrs& attrs, const std::string& out) {
    layer_.AppendOp(block_, {type, {{"X", {x}}}, {{"Out", {out}}}, attrs});
  }
  // Paddle lets all reshapes share the variable "Xshape", and its backward then fails: each has its own here.
  void Reshape(const std::string& x, std::vector<int32_t> shape, const std::string& out) {
    layer_.AppendOp(block_, {"reshape2", {{"X", {x}}}, {{"Out", {out}}, {"XShape", {Declare(out + ".xshape")}}},
                             {{"shape", std::move(shape)}}});
  }
  // out = the root of the sum of x * x along `axis`, or along all.
  void Norm(const std::string& x, std::optional<int64_t> axis, const std::string& out) {
    const std::string magnitude = New("abs"), square = New("pow"), sum = New("sum");
    Append("abs", x, {}, magnitude);
    Append("pow", magnitude, {{"factor", 2.0f}}, square);
    Append("reduce_sum", square, {{"dim", std::vector<int64_t>{axis.value_or(0)}}, {"keep_dim", false},
                                  {"reduce_all", !axis}}, sum);
    Append("pow", sum, {{"factor", 0.5f}}, out);
  }

 private:
  std::string Declare(const std::string& name) {
    if (block_.FindLocalVar(name) == nullptr) block_.AddVar({.name = name, .dtype = dtype_});
    return name;
  }

  Block& block_;
  const LayerHelper& layer_;
  DType dtype_;
};

std::vector<int32_t> ToInts(const Shape& shape) { return {shape.begin(), shape.end()}; }

}  // namespace

Shape LengthShape(const Shape& shape, const WeightNorm& norm) {
  std::vector<int64_t> extents(shape.rank(), 1);
  if (const auto axis = LengthAxis(shape, norm)) extents[*axis] = shape[*axis];
  return Shape(extents);
}

void AppendLengths(Block& block, const LayerHelper& layer, const Variable& direction, const WeightNorm& norm,
                   const std::string& lengths) {
  const Shape& shape = direction.shape;
  const std::optional<int> axis = LengthAxis(shape, norm);
  Chain chain(block, layer, direction.dtype);
  if (!axis) return chain.Norm(direction.name, std::nullopt, lengths);
  const auto extent = static_cast<int32_t>(shape[*axis]);
  const bool first = *axis == 0, last = !first && *norm.dim == shape.rank() - 1;  // -1 goes the general way, as in Paddle
  if (first || last) {
    const std::string matrix = chain.New("reshape"), norms = chain.New("norm");
    chain.Reshape(direction.name, first ? std::vector<int32_t>{extent, -1} : std::vector<int32_t>{-1, extent}, matrix);
    chain.Norm(matrix, first ? 1 : 0, norms);
    return chain.Reshape(norms, ToInts(LengthShape(shape, norm)), lengths);
  }
  // The axis changes places with the first one, and back.
  std::vector<int32_t> order(shape.rank()), column(shape.rank(), 1);
  std::iota(order.begin(), order.end(), 0);
  order[*axis] = 0;
  order[0] = *norm.dim == -1 ? -1 : *axis;
  column[0] = extent;
  const std::string moved = chain.New("transpose"), matrix = chain.New("reshape"), norms = chain.New("norm");
  chain.Append("transpose", direction.name, {{"axis", order}}, moved);
  chain.Reshape(moved, {extent, -1}, matrix);
  chain.Norm(matrix, 1, norms);
  const std::string back = chain.New("reshape");
  chain.Reshape(norms, column, back);
  chain.Append("transpose", back, {{"axis", order}}, lengths);
}

void AppendReshape(Block& block, const LayerHelper& layer, const std::string& lengths, const Shape& shape) {
  Chain(block, layer, block.Var(lengths).dtype).Reshape(lengths, ToInts(shape), lengths);
}

Var AppendWeight(const LayerHelper& layer, const Variable& direction, const Variable& lengths, const WeightNorm& norm) {
  const DType dtype = direction.dtype;
  Chain chain(layer.block(), layer, dtype);
  const std::string norms = chain.New("norm");
  AppendLengths(layer.block(), layer, direction, norm, norms);
  Var factor = layer.AppendOp("elementwise_div", {{"X", {lengths.name}}, {"Y", {norms}}}, {{"axis", -1}},
                              layer.CreateVariable(UniqueName("elementwise_div"), dtype));
  int axis = -1;
  if (const auto along = LengthAxis(direction.shape, norm)) {
    axis = *norm.dim == -1 ? -1 : *along;
    const LayerHelper reshape("reshape2");
    const Var flat = reshape.CreateTemporary(dtype), shape = reshape.CreateTemporary(dtype);
    layer.AppendOp({"reshape2", {{"X", {factor.name()}}}, {{"Out", {flat.name()}}, {"XShape", {shape.name()}}},
                    {{"shape", std::vector<int32_t>{static_cast<int32_t>(direction.shape[*along])}}}});
    factor = flat;
  }
  return layer.AppendOp("elementwise_mul", {{"X", {direction.name}}, {"Y", {factor.name()}}}, {{"axis", axis}},
                        layer.CreateVariable(UniqueName("elementwise_mul"), dtype));
}

}  // namespace skiff::weight_norm
