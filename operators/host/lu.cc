// Factors of matrices by elimination: lu, lu_unpack, and their gradients.
#include "operators/host/matrices.h"

namespace skiff {

namespace {

using host::ColumnsOf;
using host::DTypeOf;
using host::Give;
using host::GiveEach;
using host::Has;
using host::Lower;
using host::Matrix;
using host::Product;
using host::RowsOf;
using host::SolveTriangle;
using host::Stack;
using host::Turned;
using host::Upper;
using host::Zeros;

// Out holds L below the diagonal, whose own is 1, and U; Pivots says, from 1, with which row each one changed
// places.
void Lu(DynamicContext& c) {
  SKIFF_ENFORCE(c.attrs().Get<bool>("pivots"), Unimplemented, "lu without pivots; Paddle does not have it on the CPU either");
  const Stack a(c, "X");
  const int64_t m = a.rows(), n = a.columns(), k = std::min(m, n);
  Tensor pivots(host::WithVector(a.batch(), k), DType::kInt32), infos(a.batch().rank() == 0 ? Shape{1} : a.batch(), DType::kInt32);
  GiveEach(c, "Out", a, c.InputTensor("X").shape(), DTypeOf(c, "X"), [&](int64_t i) -> Matrix {
    Matrix lu = a[i];
    int32_t *pivot = pivots.data<int32_t>() + i * k, *info = infos.data<int32_t>() + i;
    *info = 0;
    for (int64_t j = 0; j < k; ++j) {
      Eigen::Index largest = 0;
      lu.col(j).tail(m - j).cwiseAbs().maxCoeff(&largest);
      pivot[j] = static_cast<int32_t>(j + largest + 1);
      if (largest != 0) lu.row(j).swap(lu.row(j + largest));
      if (lu(j, j) == 0) {
        if (*info == 0) *info = static_cast<int32_t>(j + 1);
        continue;
      }
      for (int64_t r = j + 1; r < m; ++r) {
        lu(r, j) /= lu(j, j);
        lu.row(r).tail(n - j - 1) -= lu(r, j) * lu.row(j).tail(n - j - 1);
      }
    }
    return lu;
  });
  host::Out(c, "Pivots", pivots);
  host::Out(c, "Infos", infos);
}

/// P with A = P L U.
Matrix Permutation(const int32_t* pivots, int64_t count, int64_t m) {
  Matrix p = Matrix::Identity(m, m);
  for (int64_t j = count - 1; j >= 0; --j) {
    const int64_t other = int64_t{pivots[j]} - 1;
    SKIFF_ENFORCE(other >= 0 && other < m, OutOfRange, "Pivots holds ", pivots[j], "; expected 1 to ", m);
    if (other != j) p.row(j).swap(p.row(other));
  }
  return p;
}
Matrix UnitLower(const Matrix& lu) {
  Matrix l = Lower(lu.leftCols(std::min(lu.rows(), lu.cols())), true);
  l.diagonal().setOnes();
  return l;
}
Matrix UpperPart(const Matrix& lu) { return Upper(lu.topRows(std::min(lu.rows(), lu.cols()))); }

void LuUnpack(DynamicContext& c) {
  const Stack lu(c, "X");
  const Tensor pivots = host::In(c, "Pivots");
  const int64_t m = lu.rows(), n = lu.columns(), k = std::min(m, n);
  const DType dtype = DTypeOf(c, "X");
  SKIFF_ENFORCE(pivots.num_elements() == lu.count() * k, InvalidArgument, "Pivots is ", pivots.shape(), "; X ", c.InputTensor("X").shape(),
                " has ", lu.count() * k, " of them");
  if (c.attrs().Get<bool>("unpack_pivots")) {
    GiveEach(c, "Pmat", lu, host::WithMatrix(lu.batch(), m, m), dtype, [&](int64_t i) { return Permutation(pivots.data<int32_t>() + i * k, k, m); });
  }
  if (!c.attrs().Get<bool>("unpack_ludata")) return;
  GiveEach(c, "L", lu, host::WithMatrix(lu.batch(), m, k), dtype, [&](int64_t i) { return UnitLower(lu[i]); });
  GiveEach(c, "U", lu, host::WithMatrix(lu.batch(), k, n), dtype, [&](int64_t i) { return UpperPart(lu[i]); });
}

void LuUnpackGrad(DynamicContext& c) {
  const Stack lu(c, "X");
  const int64_t k = std::min(lu.rows(), lu.columns());
  std::vector<Matrix> out = Zeros(lu.count(), lu.rows(), lu.columns());
  if (Has(c, "L@GRAD")) {
    const Stack dl(c, "L@GRAD");
    for (int64_t i = 0; i < lu.count(); ++i) out[i].leftCols(k) += Lower(dl[i], true);
  }
  if (Has(c, "U@GRAD")) {
    const Stack du(c, "U@GRAD");
    for (int64_t i = 0; i < lu.count(); ++i) out[i].topRows(k) += Upper(du[i]);
  }
  Give(c, "X@GRAD", out, c.InputTensor("X").shape(), DTypeOf(c, "X"));
}

// Of A = P L U, square: A@GRAD = P L'^-1 (tril(L' L@GRAD, -1) + triu(U@GRAD U')) U'^-1.
void LuGrad(DynamicContext& c) {
  const Stack lu(c, "Out"), g(c, "Out@GRAD");
  const Tensor pivots = host::In(c, "Pivots");
  const int64_t n = lu.rows();
  SKIFF_ENFORCE(n == lu.columns(), Unimplemented, "the gradient of lu for matrices of ", n, " x ", lu.columns(), "; they must be square");
  SKIFF_ENFORCE(pivots.num_elements() == lu.count() * n, InvalidArgument, "Pivots is ", pivots.shape(), "; Out ", c.InputTensor("Out").shape(),
                " has ", lu.count() * n, " of them");
  GiveEach(c, "X@GRAD", lu, c.InputTensor("Out").shape(), DTypeOf(c, "Out"), [&](int64_t i) -> Matrix {
    const Matrix l = UnitLower(lu[i]), u = UpperPart(lu[i]);
    const Matrix inner = Lower(Product(Turned(l), Lower(g[i], true)), true) + Upper(Product(Upper(g[i]), Turned(u)));
    const Matrix left = SolveTriangle(Turned(l), inner, true, true);
    return Product(Permutation(pivots.data<int32_t>() + i * n, n, n), Turned(SolveTriangle(u, Turned(left), true)));
  });
}

}  // namespace

SKIFF_OP(lu)
    .Doc("Out = L and U of X = P L U in one matrix; Pivots = the rows that changed places, from 1.")
    .Source("paddle.linalg.lu")
    .Input("X", "[..., m, n]")
    .Output("Out", "shape of X")
    .Output("Pivots", "int32, [..., min(m, n)]")
    .Output("Infos", "int32, [...] or [1]: 0, or the first column without a pivot, from 1")
    .Attr("pivots", true, "must be true")
    .InferShape([](InferContext& c) {
      const Shape& x = c.InputShape("X");
      host::CheckMatrices(x, "X");
      const int64_t k = RowsOf(x) < 0 || ColumnsOf(x) < 0 ? -1 : std::min(RowsOf(x), ColumnsOf(x));
      c.SetOutput("Out", x, c.InputDType("X"));
      c.SetOutput("Pivots", host::WithVector(host::BatchOf(x), k), DType::kInt32);
      c.SetOutput("Infos", x.rank() == 2 ? Shape{1} : host::BatchOf(x), DType::kInt32);
    })
    .Gradient(StandardGrad({"X"}, {"Out", "Pivots"}, {"Out"}, {"X"}))
    .Dynamic(Lu);

SKIFF_OP(lu_grad)
    .Doc("The gradient of lu for square matrices.")
    .Input("X", "as in lu")
    .Input("Out", "of lu")
    .Input("Pivots", "of lu")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .Attr("pivots", true, "as in lu")
    .InferShape(GradsLikeInputs())
    .Dynamic(LuGrad);

SKIFF_OP(lu_unpack)
    .Doc("Pmat, L and U of what lu gave.")
    .Source("paddle.linalg.lu_unpack")
    .Input("X", "[..., m, n]: lu's Out")
    .Input("Pivots", "int32, [..., min(m, n)]: lu's")
    .Output("Pmat", "[..., m, m]")
    .Output("L", "[..., m, min(m, n)]")
    .Output("U", "[..., min(m, n), n]")
    .Attr("unpack_ludata", true, "L and U are wanted")
    .Attr("unpack_pivots", true, "Pmat is wanted")
    .InferShape([](InferContext& c) {
      const Shape& x = c.InputShape("X");
      host::CheckMatrices(x, "X");
      const int64_t m = RowsOf(x), n = ColumnsOf(x), k = m < 0 || n < 0 ? -1 : std::min(m, n);
      const Shape batch = host::BatchOf(x);
      c.SetOutput("Pmat", host::WithMatrix(batch, m, m), c.InputDType("X"));
      c.SetOutput("L", host::WithMatrix(batch, m, k), c.InputDType("X"));
      c.SetOutput("U", host::WithMatrix(batch, k, n), c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X", "Pivots"}, {"L", "U", "Pmat"}, {"L", "U"}, {"X"}))
    .Dynamic(LuUnpack);

SKIFF_OP(lu_unpack_grad)
    .Doc("X@GRAD = L@GRAD below the diagonal, U@GRAD on and above it.")
    .Input("X", "as in lu_unpack")
    .OptionalInput("Pivots", "not read")
    .OptionalInput("L", "not read")
    .OptionalInput("U", "not read")
    .OptionalInput("Pmat", "not read")
    .OptionalInput("L@GRAD", "shape of L")
    .OptionalInput("U@GRAD", "shape of U")
    .Output("X@GRAD", "shape of X")
    .Attr("unpack_ludata", true, "not read")
    .Attr("unpack_pivots", true, "not read")
    .InferShape(GradsLikeInputs())
    .Dynamic(LuUnpackGrad);

}  // namespace skiff
