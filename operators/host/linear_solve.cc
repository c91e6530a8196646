// Systems of linear equations: inverse, solve, triangular_solve, cholesky, cholesky_solve, determinant,
// slogdeterminant, matrix_power, and their gradients.
#include <cmath>

#include "operators/host/matrices.h"

namespace skiff {

namespace {

using host::ColumnsOf;
using host::DTypeOf;
using host::Give;
using host::GiveEach;
using host::GiveNumbers;
using host::Lower;
using host::Matrix;
using host::Product;
using host::RowsOf;
using host::SolveTriangle;
using host::Stack;
using host::Turned;
using host::Upper;
using host::Zeros;

// ---- inverse ---------------------------------------------------------------------------------------------------

void Inverse(DynamicContext& c) {
  const Stack a(c, "Input");
  GiveEach(c, "Output", a, c.InputTensor("Input").shape(), DTypeOf(c, "Input"), [&](int64_t i) { return host::InverseOf(a[i], i); });
}

void InverseGrad(DynamicContext& c) {
  const Stack inverse(c, "Output"), g(c, "Output@GRAD");
  GiveEach(c, "Input@GRAD", g, c.InputTensor("Output").shape(), DTypeOf(c, "Output"),
           [&](int64_t i) -> Matrix { return -Product(Turned(inverse[i]), g[i], Turned(inverse[i])); });
}

// ---- determinants ----------------------------------------------------------------------------------------------

struct Factors {
  double sign, log;
};
/// By elimination with the largest pivots.
Factors SignAndLog(Matrix a) {
  Factors f{1, 0};
  const int64_t n = a.rows();
  for (int64_t k = 0; k < n; ++k) {
    Eigen::Index largest = 0;
    a.col(k).tail(n - k).cwiseAbs().maxCoeff(&largest);
    if (largest != 0) {
      a.row(k).swap(a.row(k + largest));
      f.sign = -f.sign;
    }
    const double pivot = a(k, k);
    f.sign *= (pivot > 0) - (pivot < 0);
    f.log += std::log(std::abs(pivot));
    if (pivot == 0) return {0, f.log};
    for (int64_t r = k + 1; r < n; ++r) a.row(r).tail(n - k) -= a(r, k) / pivot * a.row(k).tail(n - k);
  }
  return f;
}

void Determinant(DynamicContext& c) {
  const Stack a(c, "Input");
  std::vector<double> out;
  for (int64_t i = 0; i < a.count(); ++i) {
    const Factors f = SignAndLog(a[i]);
    out.push_back(f.sign * std::exp(f.log));
  }
  GiveNumbers(c, "Out", out, a.batch(), DTypeOf(c, "Input"));
}

// Input@GRAD = Out@GRAD Out (Input^-1)'; 0 for a singular matrix, as in Paddle.
void DeterminantGrad(DynamicContext& c) {
  const Stack a(c, "Input");
  const std::vector<double> det = host::Numbers(c, "Out"), g = host::Numbers(c, "Out@GRAD");
  GiveEach(c, "Input@GRAD", a, c.InputTensor("Input").shape(), DTypeOf(c, "Input"), [&](int64_t i) -> Matrix {
    if (det[i] == 0) return Matrix::Zero(a.rows(), a.rows());
    return g[i] * det[i] * Turned(host::InverseOf(a[i], i));
  });
}

// Out [2, ...]: signs, then logarithms of magnitudes.
void SignLogDeterminant(DynamicContext& c) {
  const Stack a(c, "Input");
  std::vector<double> out(2 * a.count());
  for (int64_t i = 0; i < a.count(); ++i) {
    const Factors f = SignAndLog(a[i]);
    out[i] = f.sign;
    out[a.count() + i] = f.log;
  }
  std::vector<int64_t> dims{2};
  for (int64_t extent : a.batch()) dims.push_back(extent);
  GiveNumbers(c, "Out", out, Shape(dims), DTypeOf(c, "Input"));
}

void SignLogDeterminantGrad(DynamicContext& c) {
  const Stack a(c, "Input");
  const std::vector<double> g = host::Numbers(c, "Out@GRAD");
  GiveEach(c, "Input@GRAD", a, c.InputTensor("Input").shape(), DTypeOf(c, "Input"),
           [&](int64_t i) -> Matrix { return g[a.count() + i] * Turned(host::InverseOf(a[i], i)); });
}

// ---- solve -----------------------------------------------------------------------------------------------------

/// Y of one axis is one right side, and so is each line of a Y whose shape is X's without its columns.
bool IsVector(const Shape& x, const Shape& y) {
  if (y.rank() == 1) return true;
  if (y.rank() != x.rank() - 1) return false;
  for (int i = 0; i < y.rank(); ++i) {
    if (y[i] != x[i]) return false;
  }
  return true;
}

Shape SolvedShape(const Shape& x, const Shape& y, bool vector) {
  host::CheckMatrices(x, "X", true);
  if (!vector) host::CheckMatrices(y, "Y");
  const Shape y_batch = vector ? Shape(std::vector<int64_t>(y.begin(), y.end() - 1)) : host::BatchOf(y);
  const int64_t rows = vector ? ColumnsOf(y) : RowsOf(y);
  SKIFF_ENFORCE(rows < 0 || RowsOf(x) < 0 || rows == RowsOf(x), InvalidArgument, "X is ", x, ", Y ", y, "; expected [..., n, n] and [..., n, k]");
  const Shape batch = BroadcastShapes(host::BatchOf(x), y_batch);
  return vector ? host::WithVector(batch, rows) : host::WithMatrix(batch, rows, ColumnsOf(y));
}

/// out = solve(a, b, i) for each pair of matrices, with broadcast batches.
template <typename F>
void SolveEach(DynamicContext& c, const char* a_slot, const char* b_slot, bool vector, const F& solve) {
  const Stack a(c, a_slot), b(c, b_slot, vector);
  const Shape batch = BroadcastShapes(a.batch(), b.batch());
  std::vector<Matrix> out;
  for (int64_t i = 0; i < batch.NumElements(); ++i) out.push_back(solve(a[a.Meeting(i, batch)], b[b.Meeting(i, batch)], i));
  Give(c, "Out", out, SolvedShape(c.InputTensor(a_slot).shape(), c.InputTensor(b_slot).shape(), vector), DTypeOf(c, "X"));
}

/// Gradients, summed where broadcast: right(a, g, i) is the right side's, of_a(a, right, out) the matrix's.
template <typename Right, typename OfA>
void SolveGradEach(DynamicContext& c, const char* a_slot, const char* b_slot, bool vector, const Right& right, const OfA& of_a) {
  const Stack a(c, a_slot), b(c, b_slot, vector), out(c, "Out", vector), g(c, "Out@GRAD", vector);
  std::vector<Matrix> da = Zeros(a.count(), a.rows(), a.columns()), db = Zeros(b.count(), b.rows(), b.columns());
  for (int64_t i = 0; i < g.count(); ++i) {
    const int64_t ia = a.Meeting(i, g.batch());
    const Matrix to_b = right(a[ia], g[i], i);
    db[b.Meeting(i, g.batch())] += to_b;
    da[ia] += of_a(a[ia], to_b, out[i]);
  }
  Give(c, std::string(a_slot) + "@GRAD", da, c.InputTensor(a_slot).shape(), DTypeOf(c, a_slot));
  Give(c, std::string(b_slot) + "@GRAD", db, c.InputTensor(b_slot).shape(), DTypeOf(c, b_slot));
}

void Solve(DynamicContext& c) {
  const bool vector = IsVector(c.InputTensor("X").shape(), c.InputTensor("Y").shape());
  SolveEach(c, "X", "Y", vector, [](const Matrix& a, const Matrix& b, int64_t i) { return host::SolveLinear(a, b, false, i); });
}

void SolveGrad(DynamicContext& c) {
  const bool vector = IsVector(c.InputTensor("X").shape(), c.InputTensor("Y").shape());
  SolveGradEach(c, "X", "Y", vector, [](const Matrix& a, const Matrix& g, int64_t i) { return host::SolveLinear(a, g, true, i); },
                [](const Matrix&, const Matrix& to_b, const Matrix& x) -> Matrix { return -Product(to_b, Turned(x)); });
}

// ---- triangular_solve ------------------------------------------------------------------------------------------

struct TriangleForm {
  bool upper, transpose, unit;
  explicit TriangleForm(const Attrs& attrs)
      : upper(attrs.Get<bool>("upper")), transpose(attrs.Get<bool>("transpose")), unit(attrs.Get<bool>("unitriangular")) {}
  Matrix Solve(const Matrix& a, const Matrix& b, bool turned) const {
    return transpose != turned ? SolveTriangle(Turned(a), b, !upper, unit) : SolveTriangle(a, b, upper, unit);
  }
};

void TriangularSolve(DynamicContext& c) {
  const TriangleForm form(c.attrs());
  SolveEach(c, "X", "Y", false, [&](const Matrix& a, const Matrix& b, int64_t) { return form.Solve(a, b, false); });
}

void TriangularSolveGrad(DynamicContext& c) {
  const TriangleForm form(c.attrs());
  SolveGradEach(c, "X", "Y", false, [&](const Matrix& a, const Matrix& g, int64_t) { return form.Solve(a, g, true); },
                [&](const Matrix&, const Matrix& to_b, const Matrix& x) {
                  const Matrix full = form.transpose ? Matrix(-Product(x, Turned(to_b))) : Matrix(-Product(to_b, Turned(x)));
                  return form.upper ? Upper(full, form.unit) : Lower(full, form.unit);
                });
}

// ---- cholesky --------------------------------------------------------------------------------------------------

Matrix CholeskyOf(const Matrix& a, int64_t i) {
  const int64_t n = a.rows();
  Matrix l = Matrix::Zero(n, n);
  for (int64_t k = 0; k < n; ++k) {
    const double d = a(k, k) - l.row(k).head(k).squaredNorm();
    SKIFF_ENFORCE(d > 0, InvalidArgument, "matrix ", i, " of X is not positive definite; it has no Cholesky factor");
    l(k, k) = std::sqrt(d);
    for (int64_t r = k + 1; r < n; ++r) l(r, k) = (a(r, k) - l.row(r).head(k).dot(l.row(k).head(k))) / l(k, k);
  }
  return l;
}

void Cholesky(DynamicContext& c) {
  const Stack a(c, "X");
  const bool upper = c.attrs().Get<bool>("upper");
  GiveEach(c, "Out", a, c.InputTensor("X").shape(), DTypeOf(c, "X"), [&](int64_t i) -> Matrix {
    if (upper) return Turned(CholeskyOf(Turned(a[i]), i));  // of the upper triangle
    return CholeskyOf(a[i], i);
  });
}

// With P(M) the lower triangle of M with half its diagonal: X@GRAD = sym(L'^-1 P(L' L@GRAD) L^-1).
void CholeskyGrad(DynamicContext& c) {
  const Stack factor(c, "Out"), g(c, "Out@GRAD");
  const bool upper = c.attrs().Get<bool>("upper");
  GiveEach(c, "X@GRAD", g, c.InputTensor("Out").shape(), DTypeOf(c, "Out"), [&](int64_t i) -> Matrix {
    const Matrix l = upper ? Turned(factor[i]) : factor[i], dl = Lower(upper ? Turned(g[i]) : g[i]);
    Matrix p = Lower(Product(Turned(l), dl));
    p.diagonal() *= 0.5;
    const Matrix left = SolveTriangle(Turned(l), p, true);
    const Matrix both = SolveTriangle(Turned(l), Turned(left), true);
    return (both + Turned(both)) / 2;
  });
}

/// Here X is the right side and Y the factor.
Matrix SolveByFactor(const Matrix& l, const Matrix& b) { return SolveTriangle(Turned(l), SolveTriangle(l, b, false), true); }

void CholeskySolve(DynamicContext& c) {
  const bool upper = c.attrs().Get<bool>("upper");
  SolveEach(c, "Y", "X", false, [&](const Matrix& factor, const Matrix& b, int64_t) {
    return SolveByFactor(upper ? Turned(factor) : factor, b);
  });
}

void CholeskySolveGrad(DynamicContext& c) {
  const bool upper = c.attrs().Get<bool>("upper");
  const auto lower = [&](const Matrix& factor) { return Lower(upper ? Turned(factor) : factor); };
  SolveGradEach(c, "Y", "X", false, [&](const Matrix& factor, const Matrix& g, int64_t) { return SolveByFactor(lower(factor), g); },
                [&](const Matrix& factor, const Matrix& to_b, const Matrix& x) -> Matrix {
                  const Matrix outer = Product(to_b, Turned(x));
                  const Matrix dl = Lower(-Product(outer + Turned(outer), lower(factor)));
                  return upper ? Turned(dl) : dl;
                });
}

// ---- matrix_power ----------------------------------------------------------------------------------------------

Matrix Power(const Matrix& a, int64_t n) {
  Matrix result = Matrix::Identity(a.rows(), a.rows()), square = a;
  for (; n > 0; n /= 2) {
    if (n % 2 == 1) result = Product(result, square);
    if (n > 1) square = Product(square, square);
  }
  return result;
}

void MatrixPower(DynamicContext& c) {
  const Stack a(c, "X");
  const int64_t n = c.attrs().Get<int64_t>("n");
  GiveEach(c, "Out", a, c.InputTensor("X").shape(), DTypeOf(c, "X"),
           [&](int64_t i) { return Power(n < 0 ? host::InverseOf(a[i], i) : a[i], std::abs(n)); });
}

// The sum over i below n of B^i G B^(n-1-i), and B^n. Twice n: S(2n) = B^n S(n) + S(n) B^n. One more: S(n+1) = B S(n) + G B^n.
std::pair<Matrix, Matrix> SumOfPowers(const Matrix& b, const Matrix& g, int64_t n) {
  if (n == 0) return {Matrix::Zero(b.rows(), b.rows()), Matrix::Identity(b.rows(), b.rows())};
  auto [sum, power] = SumOfPowers(b, g, n / 2);
  sum = Product(power, sum) + Product(sum, power);
  power = Product(power, power);
  if (n % 2 == 1) {
    sum = Product(b, sum) + Product(g, power);
    power = Product(b, power);
  }
  return {sum, power};
}

// Of A^n: the sum over i of (A^i)' G (A^(n-1-i))'. A negative power is a power of the inverse.
void MatrixPowerGrad(DynamicContext& c) {
  const Stack a(c, "X"), g(c, "Out@GRAD");
  const int64_t n = c.attrs().Get<int64_t>("n"), times = std::abs(n);
  GiveEach(c, "X@GRAD", a, c.InputTensor("X").shape(), DTypeOf(c, "X"), [&](int64_t i) -> Matrix {
    const Matrix base = Turned(n < 0 ? host::InverseOf(a[i], i) : a[i]);
    const Matrix sum = SumOfPowers(base, g[i], times).first;
    if (n < 0) return -Product(base, sum, base);
    return sum;
  });
}

// ---- schemas ---------------------------------------------------------------------------------------------------

InferFn SquareLike(const char* in, const char* out) {
  return [=](InferContext& c) {
    host::CheckMatrices(c.InputShape(in), in, true);
    c.SetOutput(out, c.InputShape(in), c.InputDType(in));
  };
}

OpSchema MatrixSchema(const char* type, const char* doc, const char* in, const char* out, DynamicFn run, GradMaker gradient) {
  OpSchema schema(type);
  schema.Doc(doc).Source("paddle.linalg").Input(in, "[..., n, n]").Output(out, "see above").Dynamic(run);
  schema.InferShape(SquareLike(in, out)).Gradient(std::move(gradient));
  return schema;
}

[[maybe_unused]] const OpSchema schemas[] = {
    MatrixSchema("inverse", "Output = the inverse of each matrix.", "Input", "Output", Inverse,
                 StandardGrad({}, {"Output"}, {"Output"}, {"Input"})),
    MatrixSchema("determinant", "Out = the determinant of each matrix: Input without its last two axes.", "Input", "Out", Determinant,
                 StandardGrad({"Input"}, {"Out"}, {"Out"}, {"Input"}))
        .InferShape([](InferContext& c) {
          host::CheckMatrices(c.InputShape("Input"), "Input", true);
          c.SetOutput("Out", host::BatchOf(c.InputShape("Input")), c.InputDType("Input"));
        }),
    MatrixSchema("slogdeterminant", "Out[0] = the sign, Out[1] = the logarithm of the magnitude of each determinant.", "Input", "Out",
                 SignLogDeterminant, StandardGrad({"Input"}, {"Out"}, {"Out"}, {"Input"}))
        .InferShape([](InferContext& c) {
          host::CheckMatrices(c.InputShape("Input"), "Input", true);
          std::vector<int64_t> dims{2};
          for (int64_t extent : host::BatchOf(c.InputShape("Input"))) dims.push_back(extent);
          c.SetOutput("Out", Shape(dims), c.InputDType("Input"));
        }),
    MatrixSchema("cholesky", "Out = the triangular L with L L' = X, or the upper U with U' U = X; X is symmetric and positive.", "X", "Out",
                 Cholesky, StandardGrad({}, {"Out"}, {"Out"}, {"X"}))
        .Attr("upper", false, "U in place of L"),
    MatrixSchema("matrix_power", "Out = X to the power n; a negative one is of the inverse.", "X", "Out", MatrixPower,
                 StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
        .RequiredAttr<int32_t>("n", "any integer"),
};

}  // namespace

SKIFF_OP(inverse_grad)
    .Doc("Input@GRAD = -Output' Output@GRAD Output'.")
    .Input("Output", "of inverse")
    .Input("Output@GRAD", "shape of Output")
    .Output("Input@GRAD", "shape of Output")
    .Alike({"Output", "Output@GRAD"})
    .InferShape(Like("Input@GRAD", "Output"))
    .Dynamic(InverseGrad);

SKIFF_OP(determinant_grad)
    .Doc("Input@GRAD = Out@GRAD Out (Input^-1)'.")
    .Input("Input", "as in determinant")
    .Input("Out", "of determinant")
    .Input("Out@GRAD", "shape of Out")
    .Output("Input@GRAD", "shape of Input")
    .InferShape(GradsLikeInputs())
    .Dynamic(DeterminantGrad);

SKIFF_OP(slogdeterminant_grad)
    .Doc("Input@GRAD = Out@GRAD[1] (Input^-1)'.")
    .Input("Input", "as in slogdeterminant")
    .OptionalInput("Out", "not read")
    .Input("Out@GRAD", "shape of Out")
    .Output("Input@GRAD", "shape of Input")
    .InferShape(GradsLikeInputs())
    .Dynamic(SignLogDeterminantGrad);

SKIFF_OP(cholesky_grad)
    .Doc("The gradient of cholesky, symmetric.")
    .Input("Out", "of cholesky")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of Out")
    .Attr("upper", false, "as in cholesky")
    .Alike({"Out", "Out@GRAD"})
    .InferShape(Like("X@GRAD", "Out"))
    .Dynamic(CholeskyGrad);

SKIFF_OP(matrix_power_grad)
    .Doc("X@GRAD = the sum over i of (X^i)' Out@GRAD (X^(n-1-i))'.")
    .Input("X", "as in matrix_power")
    .OptionalInput("Out", "not read")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .RequiredAttr<int32_t>("n", "as in matrix_power")
    .InferShape(GradsLikeInputs())
    .Dynamic(MatrixPowerGrad);

#define SKIFF_SOLVER(type, doc, attrs, run, run_grad, is_vector)                             \
  SKIFF_OP(type)                                                                             \
      .Doc(doc)                                                                              \
      .Source("paddle.linalg." #type)                                                        \
      .Input("X", "[..., n, n]")                                                             \
      .Input("Y", "[..., n, k]; the batches broadcast")                                      \
      .Output("Out", "[..., n, k]") attrs                                                    \
      .InferShape([](InferContext& c) {                                                      \
        const Shape &x = c.InputShape("X"), &y = c.InputShape("Y");                          \
        c.SetOutput("Out", SolvedShape(x, y, is_vector), c.InputDType("X"));                 \
      })                                                                                     \
      .Gradient(StandardGrad({"X", "Y"}, {"Out"}, {"Out"}, {"X", "Y"}))                      \
      .Dynamic(run);                                                                         \
  SKIFF_OP(type##_grad)                                                                      \
      .Doc("Y@GRAD = the solution with X' and Out@GRAD, X@GRAD = -Y@GRAD Out'.")             \
      .Input("X", "as in " #type)                                                            \
      .Input("Y", "as in " #type)                                                            \
      .Input("Out", "of " #type)                                                             \
      .Input("Out@GRAD", "shape of Out")                                                     \
      .OptionalOutput("X@GRAD", "shape of X")                                                \
      .OptionalOutput("Y@GRAD", "shape of Y") attrs                                          \
      .InferShape(GradsLikeInputs())                                                         \
      .Dynamic(run_grad)
#define SKIFF_TRIANGLE_ATTRS                                                                 \
  .Attr("upper", true, "X's upper triangle counts, else the lower")                          \
      .Attr("transpose", false, "X is transposed first")                                     \
      .Attr("unitriangular", false, "X's diagonal counts as ones")
SKIFF_SOLVER(solve, "Out solves X Out = Y.", , Solve, SolveGrad, IsVector(x, y));
SKIFF_SOLVER(triangular_solve, "Out solves X Out = Y for a triangular X.", SKIFF_TRIANGLE_ATTRS, TriangularSolve, TriangularSolveGrad, false);

SKIFF_OP(cholesky_solve)
    .Doc("Out solves A Out = X, where Y is the Cholesky factor of A.")
    .Source("paddle.linalg.cholesky_solve")
    .Input("X", "[..., n, k]")
    .Input("Y", "[..., n, n]; the batches broadcast")
    .Output("Out", "[..., n, k]")
    .Attr("upper", false, "Y is the upper factor")
    .InferShape([](InferContext& c) { c.SetOutput("Out", SolvedShape(c.InputShape("Y"), c.InputShape("X"), false), c.InputDType("X")); })
    .Gradient(StandardGrad({"X", "Y"}, {"Out"}, {"Out"}, {"X", "Y"}))
    .Dynamic(CholeskySolve);

SKIFF_OP(cholesky_solve_grad)
    .Doc("The gradients of cholesky_solve.")
    .Input("X", "as in cholesky_solve")
    .Input("Y", "as in cholesky_solve")
    .Input("Out", "of cholesky_solve")
    .Input("Out@GRAD", "shape of Out")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Y@GRAD", "shape of Y")
    .Attr("upper", false, "as in cholesky_solve")
    .InferShape(GradsLikeInputs())
    .Dynamic(CholeskySolveGrad);

}  // namespace skiff
