// Products of matrices.
#include <algorithm>

#include "io/onnx/op.h"

namespace skiff::io {

namespace {

std::string Turned(OnnxOp& op, const std::string& slot, bool transpose) {
  const int rank = op.Rank(slot);
  if (!transpose || rank < 2) return op.In(slot);
  std::vector<int64_t> perm;
  for (int i = 0; i < rank; ++i) perm.push_back(i);
  std::swap(perm[rank - 1], perm[rank - 2]);
  return op.Transpose(op.In(slot), perm);
}

// MatMul follows numpy: operands of one axis lose theirs.
int MatMulRank(int x, int y) {
  if (x == 1 || y == 1) return std::max(x, y) - 1;
  return std::max(x, y);
}

void EmitMatMul(OnnxOp& op, bool transpose_x, bool transpose_y, float alpha) {
  std::string out = op.Binary("MatMul", Turned(op, "X", transpose_x), Turned(op, "Y", transpose_y));
  if (alpha != 1) out = op.Binary("Mul", out, op.Scalar(op.TypeOf("X"), alpha));
  op.OutOfRank("Out", out, op.Rank("X") == 1 && op.Rank("Y") == 1 ? 0 : MatMulRank(op.Rank("X"), op.Rank("Y")));
}

}  // namespace

SKIFF_ONNX(matmul_v2) { EmitMatMul(op, op.Attr<bool>("trans_x"), op.Attr<bool>("trans_y"), 1); }
SKIFF_ONNX(matmul) { EmitMatMul(op, op.Attr<bool>("transpose_X"), op.Attr<bool>("transpose_Y"), op.Attr<float>("alpha")); }
SKIFF_ONNX(bmm) { op.Out("Out", op.Binary("MatMul", op.In("X"), op.In("Y"))); }
SKIFF_ONNX(mv) { op.Out("Out", op.Binary("MatMul", op.In("X"), op.In("Vec"))); }

SKIFF_ONNX(mul) {
  const int64_t rows = op.Attr<int64_t>("x_num_col_dims"), inner = op.Attr<int64_t>("y_num_col_dims");
  const std::string x = op.In("X"), y = op.In("Y");
  const int rank = op.Rank("X");
  if (rows == rank - 1 && inner == 1 && op.Rank("Y") == 2) return op.Out("Out", op.Binary("MatMul", x, y));
  const auto matrix = [&op](const std::string& value, int64_t axis) { return op.Node("Flatten", {value}, {{"axis", axis}}); };
  const std::string out = op.Binary("MatMul", matrix(x, rows), matrix(y, inner));
  const std::string shape = op.Concat({op.Extents(x, 0, rows), op.Extents(y, inner)}, 0);
  op.Out("Out", op.Node("Reshape", {out, shape}));
}

SKIFF_ONNX(fc) {
  const int64_t rows = op.Attr<int64_t>("in_num_col_dims");
  const std::string x = op.In("Input");
  std::string out = op.Node("Flatten", {x}, {{"axis", rows}});
  out = op.Binary("MatMul", out, op.In("W"));
  if (op.Has("Bias")) out = op.Binary("Add", out, op.Reshape(op.In("Bias"), {-1}));
  const std::string activation = op.Attr<std::string>("activation_type");
  if (!activation.empty() && activation != "relu") NoOnnxForm("activation_type ", activation);
  if (activation == "relu") out = op.Node("Relu", {out});
  op.Out("Out", op.Node("Reshape", {out, op.Concat({op.Extents(x, 0, rows), op.Extents(op.In("W"), 1)}, 0)}));
}

SKIFF_ONNX(dot) {
  const bool keep = op.OutShape("Out").rank() == op.Rank("X");
  op.Out("Out", op.Reduce("ReduceSum", op.Binary("Mul", op.In("X"), op.In("Y")), {-1}, keep));
}

SKIFF_ONNX(addmm) {
  const DType dtype = op.TypeOf("X");
  const std::string product = op.Binary("MatMul", op.In("X"), op.In("Y"));
  op.Out("Out", op.Binary("Add", op.Binary("Mul", op.In("Input"), op.Scalar(dtype, op.Attr<float>("Beta"))),
                          op.Binary("Mul", product, op.Scalar(dtype, op.Attr<float>("Alpha")))));
}

SKIFF_ONNX(multi_dot) {
  std::string out = op.In("X", 0);
  for (int i = 1; i < op.Count("X"); ++i) out = op.Binary("MatMul", out, op.In("X", i));
  op.Out("Out", out);
}

SKIFF_ONNX(einsum) {
  std::string equation = op.Attr<std::string>("equation");
  std::erase(equation, ' ');
  op.Out("Out", op.Node("Einsum", op.Ins("Operands"), {{"equation", equation}}));
}

SKIFF_ONNX(bilinear_tensor_product) {
  std::string out = op.Node("Einsum", {op.In("X"), op.In("Weight"), op.In("Y")}, {{"equation", std::string("bi,kij,bj->bk")}});
  if (op.Has("Bias")) out = op.Binary("Add", out, op.In("Bias"));
  op.Out("Out", out);
}

SKIFF_ONNX(determinant) { op.Out("Out", op.Node("Det", {op.In("Input")})); }

}  // namespace skiff::io
