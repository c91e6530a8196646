#include "operators/host/matrices.h"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace skiff::host {

Shape BatchOf(const Shape& shape) { return Shape(std::vector<int64_t>(shape.begin(), shape.end() - 2)); }
Shape WithMatrix(const Shape& batch, int64_t rows, int64_t columns) { return WithVector(WithVector(batch, rows), columns); }
Shape WithVector(const Shape& batch, int64_t length) {
  std::vector<int64_t> dims(batch.begin(), batch.end());
  dims.push_back(length);
  return Shape(dims);
}

void CheckMatrices(const Shape& shape, const char* slot, bool square) {
  SKIFF_ENFORCE(shape.rank() >= 2, InvalidArgument, slot, " is ", shape, "; expected matrices: [..., rows, columns]");
  SKIFF_ENFORCE(!square || RowsOf(shape) < 0 || ColumnsOf(shape) < 0 || RowsOf(shape) == ColumnsOf(shape), InvalidArgument, slot, " is ",
                shape, "; expected square matrices: [..., n, n]");
}

Stack::Stack(const DynamicContext& c, const std::string& slot, bool as_columns) : Stack(In(c, slot), as_columns) {}

Stack::Stack(const Tensor& t, bool as_columns) {
  const Shape& shape = t.shape();
  rows_ = as_columns ? ColumnsOf(shape) : RowsOf(shape);
  columns_ = as_columns ? 1 : ColumnsOf(shape);
  batch_ = as_columns ? Shape(std::vector<int64_t>(shape.begin(), shape.end() - 1)) : host::BatchOf(shape);
  matrices_ = Zeros(batch_.NumElements(), rows_, columns_);
  WithFloats(t.dtype(), "a matrix", [&]<typename T>(T) {
    const T* from = t.data<T>();
    for (Matrix& m : matrices_) {
      for (int64_t r = 0; r < rows_; ++r) {
        for (int64_t k = 0; k < columns_; ++k) m(r, k) = static_cast<double>(*from++);
      }
    }
  });
}

int64_t Stack::Meeting(int64_t i, const Shape& batch) const {
  int64_t index = 0, step = 1;
  for (int d = batch.rank() - 1, k = batch_.rank() - 1; d >= 0; --d, --k) {
    const int64_t at = i % batch[d];
    i /= batch[d];
    if (k < 0) continue;
    if (batch_[k] != 1) index += at * step;
    step *= batch_[k];
  }
  return index;
}

std::vector<Matrix> Zeros(int64_t count, int64_t rows, int64_t columns) {
  return std::vector<Matrix>(count, Matrix::Zero(rows, columns));
}

void Give(DynamicContext& c, const std::string& slot, const std::vector<Matrix>& matrices, const Shape& shape, DType dtype) {
  if (!c.NumOutputs(slot)) return;
  std::vector<double> numbers;
  numbers.reserve(shape.NumElements());
  for (const Matrix& m : matrices) {
    for (int64_t r = 0; r < m.rows(); ++r) {
      for (int64_t k = 0; k < m.cols(); ++k) numbers.push_back(m(r, k));
    }
  }
  GiveNumbers(c, slot, numbers, shape, dtype);
}

void GiveNumbers(DynamicContext& c, const std::string& slot, const std::vector<double>& numbers, const Shape& shape, DType dtype) {
  if (!c.NumOutputs(slot)) return;
  Tensor out(shape, dtype);
  SKIFF_ENFORCE(static_cast<int64_t>(numbers.size()) == out.num_elements(), Internal, slot, " of ", shape, " got ", numbers.size(), " numbers");
  WithFloats(dtype, "the result", [&]<typename T>(T) {
    for (size_t i = 0; i < numbers.size(); ++i) out.data<T>()[i] = static_cast<T>(numbers[i]);
  });
  Out(c, slot, out);
}

std::vector<double> Numbers(const DynamicContext& c, const std::string& slot) {
  const Tensor t = In(c, slot);
  std::vector<double> numbers;
  WithFloats(t.dtype(), "a tensor", [&]<typename T>(T) { numbers.assign(t.data<T>(), t.data<T>() + t.num_elements()); });
  return numbers;
}

Matrix Product(const Matrix& a, const Matrix& b) { return a * b; }
Matrix Turned(const Matrix& a) { return a.transpose(); }

// One-sided Jacobi rotations (Hestenes 1958) make the columns orthogonal; their lengths are the singular values.
Singular SingularValues(const Matrix& a) {
  if (a.rows() < a.cols()) {
    Singular turned = SingularValues(Turned(a));
    std::swap(turned.u, turned.v);
    return turned;
  }
  const int64_t m = a.rows(), n = a.cols();
  Matrix u = a, v = Matrix::Identity(n, n);
  bool rotated = true;
  for (int sweep = 0; rotated && sweep < 60; ++sweep) {
    rotated = false;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = i + 1; j < n; ++j) {
        const double alpha = u.col(i).squaredNorm(), beta = u.col(j).squaredNorm(), gamma = u.col(i).dot(u.col(j));
        if (!(std::abs(gamma) > 1e-15 * std::sqrt(alpha * beta))) continue;  // NaN ends it too
        rotated = true;
        const double zeta = (beta - alpha) / (2 * gamma), t = (zeta >= 0 ? 1 : -1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        const double cosine = 1 / std::sqrt(1 + t * t), sine = cosine * t;
        for (Matrix* w : {&u, &v}) {
          for (int64_t r = 0; r < w->rows(); ++r) {
            const double x = (*w)(r, i), y = (*w)(r, j);
            (*w)(r, i) = cosine * x - sine * y;
            (*w)(r, j) = sine * x + cosine * y;
          }
        }
      }
    }
  }
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), int64_t{0});
  std::vector<double> lengths(n);
  for (int64_t k = 0; k < n; ++k) lengths[k] = u.col(k).norm();
  std::stable_sort(order.begin(), order.end(), [&](int64_t x, int64_t y) { return lengths[x] > lengths[y]; });
  Singular out{Matrix::Zero(m, n), Matrix::Zero(n, n), Eigen::VectorXd::Zero(n)};
  for (int64_t k = 0; k < n; ++k) {
    out.s(k) = lengths[order[k]];
    out.v.col(k) = v.col(order[k]);
    if (out.s(k) > 0) out.u.col(k) = u.col(order[k]) / out.s(k);
  }
  // Columns of no length: any unit vectors orthogonal to the others.
  for (int64_t k = 0, axis = 0; k < n; ++k) {
    while (out.u.col(k).norm() < 0.5 && axis < m) {
      Eigen::VectorXd e = Eigen::VectorXd::Zero(m);
      e(axis++) = 1;
      for (int64_t j = 0; j < n; ++j) {
        if (j != k) e -= out.u.col(j) * out.u.col(j).dot(e);
      }
      if (e.norm() > 1e-6) out.u.col(k) = e / e.norm();
    }
  }
  return out;
}

Matrix SolveLinear(const Matrix& a, const Matrix& b, bool transpose, int64_t i) {
  if (a.size() == 0 || b.size() == 0) return b;
  const Eigen::PartialPivLU<Matrix> lu(transpose ? Matrix(a.transpose()) : a);
  SKIFF_ENFORCE(lu.matrixLU().diagonal().cwiseAbs().minCoeff() > 0, InvalidArgument, "matrix ", i, " is singular; it has no inverse");
  return lu.solve(b);
}
Matrix InverseOf(const Matrix& a, int64_t i) { return SolveLinear(a, Matrix::Identity(a.rows(), a.rows()), false, i); }

// By substitution, column by column: Eigen's form of it takes long to compile for what it gains here.
Matrix SolveTriangle(const Matrix& t, const Matrix& b, bool upper, bool unit) {
  Matrix x = b;
  const int64_t n = t.rows();
  for (int64_t k = 0; k < n; ++k) {
    const int64_t i = upper ? n - 1 - k : k;
    for (int64_t column = 0; column < x.cols(); ++column) {
      double sum = x(i, column);
      for (int64_t j = upper ? i + 1 : 0; j < (upper ? n : i); ++j) sum -= t(i, j) * x(j, column);
      x(i, column) = unit ? sum : sum / t(i, i);
    }
  }
  return x;
}

Matrix Lower(const Matrix& a, bool strict) {
  Matrix out = a;
  for (int64_t i = 0; i < a.rows(); ++i) {
    for (int64_t j = strict ? i : i + 1; j < a.cols(); ++j) out(i, j) = 0;
  }
  return out;
}
Matrix Upper(const Matrix& a, bool strict) {
  Matrix out = a;
  for (int64_t j = 0; j < a.cols(); ++j) {
    for (int64_t i = strict ? j : j + 1; i < a.rows(); ++i) out(i, j) = 0;
  }
  return out;
}

}  // namespace skiff::host
