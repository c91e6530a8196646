// Products and parts of matrices that ONNX has no node for.
#include <algorithm>
#include <cstdlib>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

// Places of the elements of a diagonal of the last two axes, as columns of rows and columns.
Tensor DiagonalPlaces(int64_t rows, int64_t columns, int64_t offset) {
  std::vector<int64_t> places;
  Bounded(std::min(rows, columns), "elements of a diagonal");
  for (int64_t i = std::max<int64_t>(-offset, 0); i < rows && i + offset < columns; ++i) {
    places.push_back(i);
    places.push_back(i + offset);
  }
  const int64_t count = static_cast<int64_t>(places.size()) / 2;
  return Tensor::Of(Shape{count, 2}, places);
}

// The diagonal over two axes, as the first axis.
std::string DiagonalFirst(OnnxOp& op, std::vector<int64_t>* rest) {
  const Shape& shape = op.ShapeOf("Input");
  const int rank = shape.rank();
  const int64_t axis1 = NormalizeAxis(op.Attr<int64_t>("axis1"), rank), axis2 = NormalizeAxis(op.Attr<int64_t>("axis2"), rank);
  const int64_t rows = shape[static_cast<int>(axis1)], columns = shape[static_cast<int>(axis2)];
  if (rows < 0 || columns < 0) NoOnnxForm("the extents of its diagonal are unknown");
  std::vector<int64_t> perm{axis1, axis2};
  for (int64_t i = 0; i < rank; ++i) {
    if (i == axis1 || i == axis2) continue;
    perm.push_back(i);
    rest->push_back(i);
  }
  return op.Node("GatherND", {op.Transpose(op.In("Input"), perm), op.Constant(DiagonalPlaces(rows, columns, op.Attr<int64_t>("offset")))});
}

}  // namespace

SKIFF_ONNX(diagonal) {
  std::vector<int64_t> rest, perm;
  const std::string first = DiagonalFirst(op, &rest);
  for (size_t i = 1; i <= rest.size(); ++i) perm.push_back(static_cast<int64_t>(i));
  perm.push_back(0);
  op.Out("Out", op.Transpose(first, perm));
}
SKIFF_ONNX(trace) {
  std::vector<int64_t> rest;
  const std::string first = DiagonalFirst(op, &rest);
  op.OutOfRank("Out", op.Reduce("ReduceSum", first, {0}, false), static_cast<int>(rest.size()));
}

// A vector on a diagonal of a matrix, or a diagonal of a matrix.
SKIFF_ONNX(diag_v2) {
  const int64_t offset = op.Attr<int64_t>("offset"), extent = op.ShapeOf("X")[0];
  const DType dtype = op.TypeOf("X");
  if (!op.ShapeOf("X").IsKnown()) NoOnnxForm("the extents of its diagonal are unknown");
  if (op.Rank("X") == 2) {
    return op.Out("Out", op.Node("GatherND", {op.In("X"), op.Constant(DiagonalPlaces(extent, op.ShapeOf("X")[1], offset))}));
  }
  const int64_t side = extent + std::abs(offset);
  const std::string empty = op.Node("Expand", {op.Scalar(dtype, op.Attr<float>("padding_value")), op.Int64s({side, side})});
  op.Out("Out", op.Node("ScatterND", {empty, op.Constant(DiagonalPlaces(side, side, offset)), op.In("X")}));
}

// A copy of Y for each element of X: axes of both in turn, then pairs of them made one.
SKIFF_ONNX(kron) {
  const int rank = std::max(op.Rank("X"), op.Rank("Y"));
  const auto padded = [&](const char* slot) {
    std::vector<int64_t> front;
    for (int i = op.Rank(slot); i < rank; ++i) front.push_back(static_cast<int64_t>(front.size()));
    return op.Unsqueeze(op.In(slot), front);
  };
  std::vector<int64_t> odd, even;
  for (int i = 0; i < rank; ++i) {
    even.push_back(2 * i);
    odd.push_back(2 * i + 1);
  }
  const std::string x = padded("X"), y = padded("Y");
  const std::string product = op.Binary("Mul", op.Unsqueeze(x, odd), op.Unsqueeze(y, even));
  op.Out("Out", op.Node("Reshape", {product, op.Binary("Mul", op.Extents(x), op.Extents(y))}));
}

SKIFF_ONNX(cross) {
  const Shape& shape = op.ShapeOf("X");
  int64_t dim = op.Attr<int64_t>("dim");
  if (dim == 9) {  // none is named: the first axis of three numbers
    dim = std::find(shape.begin(), shape.end(), 3) - shape.begin();
    if (dim == shape.rank()) NoOnnxForm("no axis is known to hold three numbers");
  }
  const auto turned = [&](const char* slot, std::vector<int64_t> order) { return op.Gather(op.In(slot), op.Int64s(order), dim); };
  const std::string left = op.Binary("Mul", turned("X", {1, 2, 0}), turned("Y", {2, 0, 1}));
  const std::string right = op.Binary("Mul", turned("X", {2, 0, 1}), turned("Y", {1, 2, 0}));
  op.Out("Out", op.Binary("Sub", left, right));
}

// Weight over its largest singular value, which power iteration finds anew.
SKIFF_ONNX(spectral_norm) {
  const int rank = op.Rank("Weight");
  const int64_t dim = op.Attr<int64_t>("dim");
  const DType dtype = op.TypeOf("Weight");
  std::vector<int64_t> perm{dim};
  for (int64_t i = 0; i < rank; ++i) {
    if (i != dim) perm.push_back(i);
  }
  const std::string matrix = op.Node("Flatten", {op.Transpose(op.In("Weight"), perm)}, {{"axis", int64_t{1}}});
  std::string u = op.Reshape(op.In("U"), {-1, 1}), v = op.Reshape(op.In("V"), {-1, 1});
  const auto unit = [&](const std::string& x) {
    const std::string norm = op.Reduce("ReduceL2", x, {}, false);
    return op.Binary("Div", x, op.Binary("Add", norm, op.Scalar(dtype, op.Attr<float>("eps"))));
  };
  for (int64_t i = 0; i < op.Attr<int64_t>("power_iters"); ++i) {
    v = unit(op.Binary("MatMul", op.Transpose(matrix, {1, 0}), u));
    u = unit(op.Binary("MatMul", matrix, v));
  }
  const std::string sigma = op.Reduce("ReduceSum", op.Binary("Mul", u, op.Binary("MatMul", matrix, v)), {}, false);
  op.Out("Out", op.Binary("Div", op.In("Weight"), sigma));
}

// Slices along an axis whose p-norm is above max_norm are scaled down to it.
SKIFF_ONNX(renorm) {
  const int rank = op.Rank("X");
  const int64_t axis = op.Attr<int64_t>("axis") + (op.Attr<int64_t>("axis") < 0 ? rank : 0);
  const DType dtype = op.TypeOf("X");
  const double p = op.Attr<float>("p"), most = op.Attr<float>("max_norm");
  std::vector<int64_t> others;
  for (int64_t i = 0; i < rank; ++i) {
    if (i != axis) others.push_back(i);
  }
  const std::string x = op.In("X");
  const std::string powers = op.Reduce("ReduceSum", op.Binary("Pow", op.Node("Abs", {x}), op.Scalar(dtype, p)), others, true);
  const std::string norm = op.Binary("Pow", powers, op.Scalar(dtype, 1 / p)), limit = op.Scalar(dtype, most);
  const std::string factor = op.Binary("Div", limit, op.Binary("Add", norm, op.Scalar(dtype, 1e-7)));
  op.Out("Out", op.Node("Where", {op.Binary("Greater", norm, limit), op.Binary("Mul", x, factor), x}));
}

// Elements behind zeros, and those of a mask: row and column `offset` apart.
SKIFF_ONNX(diag_embed) {
  const int rank = op.Rank("Input") + 1;
  const int64_t offset = op.Attr<int64_t>("offset");
  const std::string zero = op.Scalar(op.TypeOf("Input"), 0);
  std::vector<int64_t> pads(2 * (rank - 1), 0), perm(rank);
  pads.back() = std::abs(offset);
  const std::string x = op.Node("Pad", {op.In("Input"), op.Int64s(pads), zero});
  const std::string line = op.Node("Range", {op.Int64(0), op.AsScalar(op.Extents(x, rank - 2)), op.Int64(1)});
  const std::string apart = op.Binary("Sub", op.Unsqueeze(line, {0}), op.Unsqueeze(line, {1}));
  const std::string spread = op.Unsqueeze(x, {offset >= 0 ? -1 : -2});  // element k stands in row k, or in column k
  const std::string out = op.Node("Where", {op.Binary("Equal", apart, op.Int64(offset)), spread, zero});
  const int64_t dim1 = NormalizeAxis(op.Attr<int64_t>("dim1"), rank), dim2 = NormalizeAxis(op.Attr<int64_t>("dim2"), rank);
  for (int64_t i = 0, batch = 0; i < rank; ++i) perm[i] = i == dim1 ? rank - 2 : i == dim2 ? rank - 1 : batch++;
  op.Out("Out", op.Transpose(out, perm));
}

}  // namespace skiff::io
