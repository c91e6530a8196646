// Factors and spectra of matrices: qr, svd, eigh, eigvalsh, eig, eigvals, matrix_rank, lstsq.
#include <Eigen/Eigenvalues>
#include <cmath>
#include <complex>
#include <optional>

#include "operators/host/matrices.h"

namespace skiff {

namespace {

using host::ColumnsOf;
using host::DTypeOf;
using host::Give;
using host::GiveNumbers;
using host::Has;
using host::Lower;
using host::Matrix;
using host::Product;
using host::RowsOf;
using host::Stack;
using host::Turned;
using host::Upper;

using Vector = Eigen::VectorXd;

void Append(std::vector<double>* numbers, const Vector& v) { numbers->insert(numbers->end(), v.data(), v.data() + v.size()); }

Matrix Diagonal(const Vector& v) {
  Matrix d = Matrix::Zero(v.size(), v.size());
  d.diagonal() = v;
  return d;
}

/// a = q r by Householder's reflections; q is square. Signs are LAPACK's: a reflected column ends up opposite to
/// its first element.
struct Reflected {
  Matrix q, r;
};
Reflected Reflect(const Matrix& a) {
  const int64_t m = a.rows(), n = a.cols();
  Reflected f{Matrix::Identity(m, m), a};
  for (int64_t k = 0; k < std::min(m - 1, n); ++k) {
    Vector v = f.r.col(k).tail(m - k);
    const double rest = v.tail(m - k - 1).squaredNorm(), length = std::sqrt(v(0) * v(0) + rest);
    if (rest == 0) continue;
    v(0) += v(0) >= 0 ? length : -length;
    const double scale = 2 / v.squaredNorm();
    for (int64_t j = 0; j < n; ++j) f.r.col(j).tail(m - k) -= v * (scale * v.dot(f.r.col(j).tail(m - k)));
    for (int64_t j = 0; j < m; ++j) {  // q (I - scale v v')
      const double dot = f.q.row(j).tail(m - k).dot(v);
      for (int64_t l = 0; l < m - k; ++l) f.q(j, k + l) -= scale * dot * v(l);
    }
  }
  return f;
}

/// Orthonormal columns with more of them, so that they are square.
Matrix Completed(const Matrix& u) {
  Matrix q = Reflect(u).q;
  q.leftCols(u.cols()) = u;
  return q;
}

// ---- qr --------------------------------------------------------------------------------------------------------

struct QrForm {
  bool complete, with_q;
  explicit QrForm(const Attrs& attrs) {
    const auto mode = attrs.Get<std::string>("mode");
    SKIFF_ENFORCE(mode == "reduced" || mode == "complete" || mode == "r", InvalidArgument, "mode is \"", mode, "\"; expected reduced, complete or r");
    complete = mode == "complete";
    with_q = mode != "r";
  }
};

void Qr(DynamicContext& c) {
  const QrForm form(c.attrs());
  const Stack a(c, "X");
  const int64_t m = a.rows(), n = a.columns(), k = form.complete ? m : std::min(m, n);
  std::vector<Matrix> q, r;
  for (int64_t i = 0; i < a.count(); ++i) {
    const Reflected f = Reflect(a[i]);
    if (form.with_q) q.push_back(f.q.leftCols(k));
    r.push_back(Upper(f.r.topRows(k)));
  }
  if (form.with_q) Give(c, "Q", q, host::WithMatrix(a.batch(), m, k), DTypeOf(c, "X"));
  Give(c, "R", r, host::WithMatrix(a.batch(), k, n), DTypeOf(c, "X"));
}

// For m >= n: X@GRAD = (Q@GRAD + Q sym(R R@GRAD' - Q@GRAD' Q)) R'^-1, where sym mirrors the lower triangle. A wide X
// is split: the first m columns have the factors, the others are Q' times themselves.
void QrGrad(DynamicContext& c) {
  SKIFF_ENFORCE(c.attrs().Get<std::string>("mode") == "reduced", Unimplemented, "the gradient of qr is of mode \"reduced\" alone, as in Paddle");
  const Stack x(c, "X"), q(c, "Q"), r(c, "R");
  const int64_t m = x.rows(), n = x.columns();
  const Stack *dq = nullptr, *dr = nullptr;
  std::optional<Stack> dq_stack, dr_stack;
  if (Has(c, "Q@GRAD")) dq = &dq_stack.emplace(c, "Q@GRAD");
  if (Has(c, "R@GRAD")) dr = &dr_stack.emplace(c, "R@GRAD");
  std::vector<Matrix> out;
  for (int64_t i = 0; i < x.count(); ++i) {
    const int64_t k = std::min(m, n);
    Matrix gq = dq != nullptr ? (*dq)[i] : Matrix(Matrix::Zero(m, k)), gr = dr != nullptr ? (*dr)[i] : Matrix(Matrix::Zero(k, n));
    const Matrix u = r[i].leftCols(k), gu = gr.leftCols(k);
    Matrix rest;
    if (n > m) {  // R = [U V], V = Q' Y with X = [. Y]
      const Matrix y = x[i].rightCols(n - m), gv = gr.rightCols(n - m);
      gq += Product(y, Turned(gv));
      rest = Product(q[i], gv);
    }
    const Matrix full = Product(u, Turned(gu)) - Product(Turned(gq), q[i]);
    const Matrix mirrored = Lower(full) + Turned(Lower(full, true));
    const Matrix inner = gq + Product(q[i], mirrored);
    Matrix result(m, n);
    result.leftCols(k) = Turned(host::SolveTriangle(u, Turned(inner), true));
    if (n > m) result.rightCols(n - m) = rest;
    out.push_back(result);
  }
  Give(c, "X@GRAD", out, c.InputTensor("X").shape(), DTypeOf(c, "X"));
}

// ---- svd -------------------------------------------------------------------------------------------------------

void Svd(DynamicContext& c) {
  const Stack a(c, "X");
  const bool full = c.attrs().Get<bool>("full_matrices");
  const int64_t m = a.rows(), n = a.columns(), k = std::min(m, n);
  std::vector<Matrix> u, vh;
  std::vector<double> s;
  for (int64_t i = 0; i < a.count(); ++i) {
    const host::Singular svd = host::SingularValues(a[i]);
    u.push_back(full ? Completed(svd.u) : svd.u);
    vh.push_back(Turned(full ? Completed(svd.v) : svd.v));
    Append(&s, svd.s);
  }
  Give(c, "U", u, host::WithMatrix(a.batch(), m, full ? m : k), DTypeOf(c, "X"));
  GiveNumbers(c, "S", s, host::WithVector(a.batch(), k), DTypeOf(c, "X"));
  Give(c, "VH", vh, host::WithMatrix(a.batch(), full ? n : k, n), DTypeOf(c, "X"));
}

// Townsend, Differentiating the singular value decomposition, 2016; with thin factors.
void SvdGrad(DynamicContext& c) {
  const Stack x(c, "X"), u_all(c, "U"), vh_all(c, "VH");
  const std::vector<double> s_all = host::Numbers(c, "S");
  const int64_t m = x.rows(), n = x.columns(), k = std::min(m, n);
  std::optional<Stack> du, dvh;
  std::vector<double> ds;
  if (Has(c, "U@GRAD")) du.emplace(c, "U@GRAD");
  if (Has(c, "VH@GRAD")) dvh.emplace(c, "VH@GRAD");
  if (Has(c, "S@GRAD")) ds = host::Numbers(c, "S@GRAD");
  std::vector<Matrix> out;
  for (int64_t i = 0; i < x.count(); ++i) {
    const Matrix u = u_all[i].leftCols(k), v = Turned(vh_all[i].topRows(k));
    const Vector s = Eigen::Map<const Vector>(s_all.data() + i * k, k);
    Matrix middle = Matrix::Zero(k, k);
    if (!ds.empty()) middle.diagonal() = Eigen::Map<const Vector>(ds.data() + i * k, k);
    Matrix gap = Matrix::Zero(k, k);  // 1 / (s_j^2 - s_i^2)
    for (int64_t a = 0; a < k; ++a) {
      for (int64_t b = 0; b < k; ++b) gap(a, b) = a == b ? 0 : 1 / (s(b) * s(b) - s(a) * s(a));
    }
    Matrix result = Matrix::Zero(m, n);
    if (du) {
      const Matrix gu = (*du)[i].leftCols(k), skew = gap.cwiseProduct(Product(Turned(u), gu));
      middle += Product(skew + Turned(skew), Diagonal(s));
      if (m > k) result += Product(gu - Product(u, Turned(u), gu), Diagonal(s.cwiseInverse()), Turned(v));
    }
    if (dvh) {
      const Matrix gv = Turned((*dvh)[i].topRows(k)), skew = gap.cwiseProduct(Product(Turned(v), gv));
      middle += Product(Diagonal(s), skew + Turned(skew));
      if (n > k) result += Product(u, Diagonal(s.cwiseInverse()), Turned(gv - Product(v, Turned(v), gv)));
    }
    out.push_back(result + Product(u, middle, Turned(v)));
  }
  Give(c, "X@GRAD", out, c.InputTensor("X").shape(), DTypeOf(c, "X"));
}

// ---- symmetric spectra -----------------------------------------------------------------------------------------

Matrix Symmetric(const Matrix& a, const Attrs& attrs) {
  const auto part = attrs.Get<std::string>("UPLO");
  SKIFF_ENFORCE(part == "L" || part == "U", InvalidArgument, "UPLO is \"", part, "\"; expected L or U");
  return part == "L" ? Matrix(Lower(a) + Turned(Lower(a, true))) : Matrix(Upper(a) + Turned(Upper(a, true)));
}

void SymmetricSpectrum(DynamicContext& c) {
  const Stack a(c, "X");
  std::vector<Matrix> vectors;
  std::vector<double> values;
  for (int64_t i = 0; i < a.count() && a.rows() > 0; ++i) {
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(Symmetric(a[i], c.attrs()));
    SKIFF_ENFORCE(solver.info() == Eigen::Success, InvalidArgument, "the eigenvalues of matrix ", i, " of X were not found; does it hold NaN?");
    vectors.push_back(solver.eigenvectors());
    Append(&values, solver.eigenvalues());
  }
  GiveNumbers(c, "Eigenvalues", values, host::WithVector(a.batch(), a.rows()), DTypeOf(c, "X"));
  Give(c, "Eigenvectors", vectors, c.InputTensor("X").shape(), DTypeOf(c, "X"));
}

// X@GRAD = V (diag(values' gradient) + F o (V' V@GRAD)) V', F = 1 / (value_j - value_i).
void SymmetricSpectrumGrad(DynamicContext& c) {
  const Stack v(c, "Eigenvectors");
  SKIFF_ENFORCE(v.rows() == v.columns(), InvalidArgument, "Eigenvectors is ", c.InputTensor("Eigenvectors").shape(), "; the matrices must be square");
  const int64_t n = v.rows();
  std::vector<double> values, dvalues;
  std::optional<Stack> dv;
  if (Has(c, "Eigenvalues")) values = host::Numbers(c, "Eigenvalues");
  if (Has(c, "Eigenvalues@GRAD")) dvalues = host::Numbers(c, "Eigenvalues@GRAD");
  if (Has(c, "Eigenvectors@GRAD")) dv.emplace(c, "Eigenvectors@GRAD");
  const size_t wanted = static_cast<size_t>(v.count() * n);
  SKIFF_ENFORCE((values.size() == wanted || (values.empty() && !dv)) && (dvalues.empty() || dvalues.size() == wanted), InvalidArgument,
                "Eigenvalues has ", values.size(), " numbers, its gradient ", dvalues.size(), "; Eigenvectors wants ", wanted);
  std::vector<Matrix> out;
  for (int64_t i = 0; i < v.count(); ++i) {
    Matrix middle = Matrix::Zero(n, n);
    if (dv) {
      middle = Product(Turned(v[i]), (*dv)[i]);
      for (int64_t a = 0; a < n; ++a) {
        for (int64_t b = 0; b < n; ++b) middle(a, b) *= a == b ? 0 : 1 / (values[i * n + b] - values[i * n + a]);
      }
    }
    if (!dvalues.empty()) middle.diagonal() += Eigen::Map<const Vector>(dvalues.data() + i * n, n);
    out.push_back(Product(v[i], middle, Turned(v[i])));
  }
  Give(c, "X@GRAD", out, c.InputTensor("Eigenvectors").shape(), DTypeOf(c, "Eigenvectors"));
}

// ---- general spectra: complex ----------------------------------------------------------------------------------

DType ComplexOf(DType dtype) { return dtype == DType::kFloat64 ? DType::kComplex128 : DType::kComplex64; }

void GiveComplex(DynamicContext& c, const char* slot, const std::vector<std::complex<double>>& numbers, const Shape& shape, DType dtype) {
  Tensor out(shape, dtype);
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (dtype == DType::kComplex128) out.data<std::complex<double>>()[i] = numbers[i];
    else out.data<std::complex<float>>()[i] = std::complex<float>(numbers[i]);
  }
  host::Out(c, slot, out);
}

void EigenValues(DynamicContext& c) {
  const Stack a(c, "X");
  const bool with_vectors = c.NumOutputs("Eigenvectors") > 0;
  std::vector<std::complex<double>> values, vectors;
  for (int64_t i = 0; i < a.count() && a.rows() > 0; ++i) {
    const Eigen::EigenSolver<Matrix> solver(a[i], with_vectors);
    SKIFF_ENFORCE(solver.info() == Eigen::Success, InvalidArgument, "the eigenvalues of matrix ", i, " of X were not found; does it hold NaN?");
    for (int64_t k = 0; k < a.rows(); ++k) values.push_back(solver.eigenvalues()(k));
    if (!with_vectors) continue;
    const auto v = solver.eigenvectors().eval();
    for (int64_t r = 0; r < a.rows(); ++r) {
      for (int64_t k = 0; k < a.rows(); ++k) vectors.push_back(v(r, k));
    }
  }
  const DType dtype = ComplexOf(DTypeOf(c, "X"));
  GiveComplex(c, with_vectors ? "Eigenvalues" : "Out", values, host::WithVector(a.batch(), a.rows()), dtype);
  if (with_vectors) GiveComplex(c, "Eigenvectors", vectors, c.InputTensor("X").shape(), dtype);
}

// ---- matrix_rank, lstsq ----------------------------------------------------------------------------------------

void MatrixRank(DynamicContext& c) {
  const Stack a(c, "X");
  const Attrs& attrs = c.attrs();
  std::vector<double> tolerances;
  if (Has(c, "TolTensor")) tolerances = host::Numbers(c, "TolTensor");
  const double epsilon = DTypeOf(c, "X") == DType::kFloat64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
  Tensor out(a.batch(), DType::kInt32);
  for (int64_t i = 0; i < a.count(); ++i) {
    Vector s;
    if (a.rows() == 0 || a.columns() == 0) {
      // no singular values
    } else if (attrs.Get<bool>("hermitian")) {
      SKIFF_ENFORCE(a.rows() == a.columns(), InvalidArgument, "X is ", c.InputTensor("X").shape(), "; hermitian matrices are square");
      s = Eigen::SelfAdjointEigenSolver<Matrix>(a[i]).eigenvalues().cwiseAbs();
    } else {
      s = host::SingularValues(a[i]).s;
    }
    const double own = static_cast<double>(std::max(a.rows(), a.columns())) * epsilon * (s.size() == 0 ? 0 : s.maxCoeff());
    double tolerance = attrs.Get<bool>("use_default_tol") ? own : attrs.Get<float>("tol");
    if (!tolerances.empty()) tolerance = tolerances.at(tolerances.size() == 1 ? 0 : i);
    out.data<int32_t>()[i] = static_cast<int32_t>((s.array() > tolerance).count());
  }
  host::Out(c, "Out", out);
}

// The solution of the least norm, by singular values; Paddle's drivers differ in speed alone where X has full rank.
void LeastSquares(DynamicContext& c) {
  const Stack a(c, "X"), b(c, "Y");
  const int64_t m = a.rows(), n = a.columns(), k = b.columns(), least = std::min(m, n);
  const double rcond = c.attrs().Get<float>("rcond");
  std::vector<Matrix> solutions;
  std::vector<double> residuals, singular;
  Tensor ranks(a.batch(), DType::kInt32);
  bool full = m > n;
  for (int64_t i = 0; i < a.count(); ++i) {
    const host::Singular svd = host::SingularValues(a[i]);
    const double least_value = (rcond > 0 ? rcond : std::numeric_limits<float>::epsilon() * static_cast<double>(std::max(m, n))) *
                               (least == 0 ? 0 : svd.s(0));
    Vector inverse = svd.s;
    int32_t rank = 0;
    for (int64_t j = 0; j < least; ++j) {
      const bool counts = svd.s(j) > least_value;
      inverse(j) = counts ? 1 / svd.s(j) : 0;
      rank += counts ? 1 : 0;
    }
    const Matrix x = Product(svd.v, Diagonal(inverse), Turned(svd.u), b[i]), off = Product(a[i], x) - b[i];
    ranks.data<int32_t>()[i] = rank;
    full = full && rank == n;
    solutions.push_back(x);
    Append(&singular, svd.s);
    for (int64_t j = 0; j < k; ++j) residuals.push_back(off.col(j).squaredNorm());
  }
  const DType dtype = DTypeOf(c, "X");
  Give(c, "Solution", solutions, host::WithMatrix(a.batch(), n, k), dtype);
  GiveNumbers(c, "Residuals", full ? residuals : std::vector<double>{}, full ? host::WithVector(a.batch(), k) : Shape{0}, dtype);
  host::Out(c, "Rank", ranks);
  const bool values = c.attrs().Get<std::string>("driver") == "gelsd" || c.attrs().Get<std::string>("driver") == "gelss";
  GiveNumbers(c, "SingularValues", values ? singular : std::vector<double>{}, values ? host::WithVector(a.batch(), least) : Shape{0}, dtype);
}

}  // namespace

SKIFF_OP(qr)
    .Doc("X = Q R, Q with orthonormal columns, R upper triangular.")
    .Source("paddle.linalg.qr")
    .Input("X", "[..., m, n]")
    .Output("Q", "[..., m, k]; k is min(m, n), or m for mode complete; not written for mode r")
    .Output("R", "[..., k, n]")
    .Attr("mode", "reduced", "reduced, complete, or r: R alone")
    .InferShape([](InferContext& c) {
      const QrForm form(c.attrs());
      const Shape& x = c.InputShape("X");
      host::CheckMatrices(x, "X");
      const int64_t m = RowsOf(x), n = ColumnsOf(x), k = form.complete ? m : m < 0 || n < 0 ? -1 : std::min(m, n);
      if (form.with_q) c.SetOutput("Q", host::WithMatrix(host::BatchOf(x), m, k), c.InputDType("X"));
      c.SetOutput("R", host::WithMatrix(host::BatchOf(x), k, n), c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X"}, {"Q", "R"}, {"Q", "R"}, {"X"}))
    .Dynamic(Qr);

SKIFF_OP(qr_grad)
    .Doc("The gradient of qr, mode reduced.")
    .Input("X", "as in qr")
    .Input("Q", "of qr")
    .Input("R", "of qr")
    .OptionalInput("Q@GRAD", "shape of Q")
    .OptionalInput("R@GRAD", "shape of R")
    .Output("X@GRAD", "shape of X")
    .Attr("mode", "reduced", "as in qr")
    .InferShape(GradsLikeInputs())
    .Dynamic(QrGrad);

SKIFF_OP(svd)
    .Doc("X = U diag(S) VH with orthonormal U and VH; S descends.")
    .Source("paddle.linalg.svd")
    .Input("X", "[..., m, n]")
    .Output("U", "[..., m, k], k = min(m, n), or m with full_matrices")
    .Output("S", "[..., min(m, n)]")
    .Output("VH", "[..., k, n], k = min(m, n), or n with full_matrices")
    .Attr("full_matrices", false, "U and VH are square")
    .InferShape([](InferContext& c) {
      const Shape& x = c.InputShape("X");
      host::CheckMatrices(x, "X");
      const bool full = c.Attr<bool>("full_matrices");
      const int64_t m = RowsOf(x), n = ColumnsOf(x), k = m < 0 || n < 0 ? -1 : std::min(m, n);
      const Shape batch = host::BatchOf(x);
      c.SetOutput("U", host::WithMatrix(batch, m, full ? m : k), c.InputDType("X"));
      c.SetOutput("S", host::WithVector(batch, k), c.InputDType("X"));
      c.SetOutput("VH", host::WithMatrix(batch, full ? n : k, n), c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X"}, {"U", "S", "VH"}, {"U", "S", "VH"}, {"X"}))
    .Dynamic(Svd);

SKIFF_OP(svd_grad)
    .Doc("The gradient of svd; singular values must differ where U or VH have a gradient.")
    .Input("X", "as in svd")
    .Input("U", "of svd")
    .Input("S", "of svd")
    .Input("VH", "of svd")
    .OptionalInput("U@GRAD", "shape of U")
    .OptionalInput("S@GRAD", "shape of S")
    .OptionalInput("VH@GRAD", "shape of VH")
    .Output("X@GRAD", "shape of X")
    .Attr("full_matrices", false, "as in svd")
    .InferShape(GradsLikeInputs())
    .Dynamic(SvdGrad);

#define SKIFF_SYMMETRIC(type, doc, saved, ...)                                                \
  SKIFF_OP(type)                                                                              \
      .Doc(doc)                                                                               \
      .Source("paddle.linalg." #type)                                                         \
      .Input("X", "[..., n, n], symmetric; one triangle is read")                             \
      .Output("Eigenvalues", "[..., n], ascending")                                           \
      .Output("Eigenvectors", "[..., n, n], in the columns")                                  \
      .Attr("UPLO", "L", "the triangle: L lower, U upper") __VA_ARGS__                        \
      .InferShape([](InferContext& c) {                                                       \
        const Shape& x = c.InputShape("X");                                                   \
        host::CheckMatrices(x, "X", true);                                                    \
        c.SetOutput("Eigenvalues", host::WithVector(host::BatchOf(x), RowsOf(x)), c.InputDType("X")); \
        c.SetOutput("Eigenvectors", x, c.InputDType("X"));                                    \
      })                                                                                      \
      .Gradient(saved)                                                                        \
      .Dynamic(SymmetricSpectrum);                                                            \
  SKIFF_OP(type##_grad)                                                                       \
      .Doc("X@GRAD = V (diag(Eigenvalues@GRAD) + F o (V' V@GRAD)) V', F = 1 / (value_j - value_i).") \
      .OptionalInput("Eigenvalues", "of " #type)                                              \
      .Input("Eigenvectors", "of " #type)                                                     \
      .OptionalInput("Eigenvalues@GRAD", "[..., n]")                                          \
      .OptionalInput("Eigenvectors@GRAD", "[..., n, n]")                                      \
      .Output("X@GRAD", "shape of X")                                                         \
      .Attr("UPLO", "L", "as in " #type) __VA_ARGS__                                          \
      .Alike({"Eigenvectors", "Eigenvectors@GRAD"})                                           \
      .InferShape(Like("X@GRAD", "Eigenvectors"))                                             \
      .Dynamic(SymmetricSpectrumGrad)
SKIFF_SYMMETRIC(eigh, "The eigenvalues and eigenvectors of symmetric matrices.",
                StandardGrad({}, {"Eigenvalues", "Eigenvectors"}, {"Eigenvalues", "Eigenvectors"}, {"X"}));
SKIFF_SYMMETRIC(eigvalsh, "The eigenvalues of symmetric matrices; the vectors are for the gradient.",
                StandardGrad({}, {"Eigenvectors"}, {"Eigenvalues"}, {"X"}), .Attr("is_test", false, "not read"));

SKIFF_OP(eig)
    .Doc("The eigenvalues and eigenvectors of square matrices, complex.")
    .Source("paddle.linalg.eig")
    .Input("X", "[..., n, n]")
    .Output("Eigenvalues", "[..., n], complex")
    .Output("Eigenvectors", "[..., n, n], complex, in the columns")
    .InferShape([](InferContext& c) {
      const Shape& x = c.InputShape("X");
      host::CheckMatrices(x, "X", true);
      c.SetOutput("Eigenvalues", host::WithVector(host::BatchOf(x), RowsOf(x)), ComplexOf(c.InputDType("X")));
      c.SetOutput("Eigenvectors", x, ComplexOf(c.InputDType("X")));
    })
    .Dynamic(EigenValues);

SKIFF_OP(eigvals)
    .Doc("The eigenvalues of square matrices, complex.")
    .Source("paddle.linalg.eigvals")
    .Input("X", "[..., n, n]")
    .Output("Out", "[..., n], complex")
    .InferShape([](InferContext& c) {
      const Shape& x = c.InputShape("X");
      host::CheckMatrices(x, "X", true);
      c.SetOutput("Out", host::WithVector(host::BatchOf(x), RowsOf(x)), ComplexOf(c.InputDType("X")));
    })
    .Dynamic(EigenValues);

SKIFF_OP(matrix_rank)
    .Doc("Out = how many singular values of each matrix are above the tolerance.")
    .Source("paddle.linalg.matrix_rank")
    .Input("X", "[..., m, n]")
    .OptionalInput("TolTensor", "one element, or one for each matrix")
    .Output("Out", "int32, [...]")
    .Attr("tol", 0.0f, "tolerance where use_default_tol is not set")
    .Attr("hermitian", false, "X is symmetric: its eigenvalues' magnitudes count")
    .Attr("use_default_tol", true, "max(m, n) times the largest singular value times the dtype's epsilon")
    .InferShape([](InferContext& c) {
      host::CheckMatrices(c.InputShape("X"), "X", c.Attr<bool>("hermitian"));
      c.SetOutput("Out", host::BatchOf(c.InputShape("X")), DType::kInt32);
    })
    .Dynamic(MatrixRank);

SKIFF_OP(lstsq)
    .Doc("Solution = the least X Solution - Y, of the least norm.")
    .Source("paddle.linalg.lstsq")
    .Input("X", "[..., m, n]")
    .Input("Y", "[..., m, k]")
    .Output("Solution", "[..., n, k]")
    .OptionalOutput("Residuals", "[..., k]: sums of squares, where m > n and the rank is full; else empty")
    .Output("Rank", "int32, [...]")
    .Output("SingularValues", "[..., min(m, n)] for the drivers gelsd and gelss, else empty")
    .Attr("rcond", 0.0f, "singular values below it times the largest count as 0; not positive: by the dtype's epsilon")
    .Attr("driver", "gels", "gels, gelsy, gelsd or gelss: what Paddle calls")
    .InferShape([](InferContext& c) {
      const Shape &x = c.InputShape("X"), &y = c.InputShape("Y");
      host::CheckMatrices(x, "X");
      host::CheckMatrices(y, "Y");
      SKIFF_ENFORCE(RowsOf(x) < 0 || RowsOf(y) < 0 || RowsOf(x) == RowsOf(y), InvalidArgument, "X is ", x, ", Y ", y, "; they must have equally many rows");
      c.SetOutput("Solution", host::WithMatrix(host::BatchOf(x), ColumnsOf(x), ColumnsOf(y)), c.InputDType("X"));
      c.SetOutput("Residuals", Shape{-1}, c.InputDType("X"));
      c.SetOutput("Rank", host::BatchOf(x), DType::kInt32);
      c.SetOutput("SingularValues", Shape{-1}, c.InputDType("X"));
    })
    .Dynamic(LeastSquares);

}  // namespace skiff
