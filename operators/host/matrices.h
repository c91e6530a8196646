// Linear algebra over stacks of matrices [..., rows, columns], by Eigen on the host. It is computed in double
// whatever the tensors are: the matrices are small, and one form of each decomposition is compiled.
#pragma once

#include <Eigen/Core>

#include "operators/host/host.h"

namespace skiff::host {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic>;
using RowMajorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The extents before the last two.
Shape BatchOf(const Shape& shape);
Shape WithMatrix(const Shape& batch, int64_t rows, int64_t columns);
Shape WithVector(const Shape& batch, int64_t length);
/// The extents of the matrices. @throws OutOfRange for a shape that has none.
inline int64_t RowsOf(const Shape& shape) { return shape.At(-2); }
inline int64_t ColumnsOf(const Shape& shape) { return shape.At(-1); }

/// @throws InvalidArgument for what is no stack of matrices, or with `square` of square ones.
void CheckMatrices(const Shape& shape, const char* slot, bool square = false);

/// The matrices of a tensor, float32 or float64, copied. `as_columns`: its last axis holds one column.
class Stack {
 public:
  Stack(const DynamicContext& c, const std::string& slot, bool as_columns = false);
  Stack(const Tensor& tensor, bool as_columns = false);
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  const Shape& batch() const { return batch_; }
  int64_t count() const { return static_cast<int64_t>(matrices_.size()); }
  const Matrix& operator[](int64_t i) const { return matrices_[i]; }
  /// The number of the matrix that meets matrix i of `batch`, to which this stack's broadcasts.
  int64_t Meeting(int64_t i, const Shape& batch) const;

 private:
  int64_t rows_, columns_;
  Shape batch_;
  std::vector<Matrix> matrices_;
};

/// `count` zero matrices.
std::vector<Matrix> Zeros(int64_t count, int64_t rows, int64_t columns);
inline DType DTypeOf(const DynamicContext& c, const char* slot) { return c.InputTensor(slot).dtype(); }
/// Sets an output of the given shape and dtype, where it is wanted.
void Give(DynamicContext& c, const std::string& slot, const std::vector<Matrix>& matrices, const Shape& shape, DType dtype);
/// Sets `out` to f(i) for each matrix of the stack.
template <typename F>
void GiveEach(DynamicContext& c, const char* out, const Stack& like, const Shape& shape, DType dtype, const F& f) {
  std::vector<Matrix> results;
  for (int64_t i = 0; i < like.count(); ++i) results.push_back(f(i));
  Give(c, out, results, shape, dtype);
}
/// The same of one number for each matrix or of vectors.
void GiveNumbers(DynamicContext& c, const std::string& slot, const std::vector<double>& numbers, const Shape& shape, DType dtype);
std::vector<double> Numbers(const DynamicContext& c, const std::string& slot);

/// a b ... and a', out of line: Eigen's expressions of products take long to compile, once for each form.
Matrix Product(const Matrix& a, const Matrix& b);
template <typename... Rest>
Matrix Product(const Matrix& a, const Matrix& b, const Rest&... rest) { return Product(Product(a, b), rest...); }
Matrix Turned(const Matrix& a);
/// Singular values in descending order with the thin factors: a = u diag(s) v'.
struct Singular {
  Matrix u, v;
  Eigen::VectorXd s;
};
Singular SingularValues(const Matrix& a);

/// a^-1 b, with `transpose` (a')^-1 b. @throws InvalidArgument naming matrix i where a is singular.
Matrix SolveLinear(const Matrix& a, const Matrix& b, bool transpose, int64_t i);
Matrix InverseOf(const Matrix& a, int64_t i);
/// t^-1 b for the lower or upper triangle of t.
Matrix SolveTriangle(const Matrix& t, const Matrix& b, bool upper, bool unit = false);
/// The lower or upper triangle; `strict` without the diagonal.
Matrix Lower(const Matrix& a, bool strict = false);
Matrix Upper(const Matrix& a, bool strict = false);

}  // namespace skiff::host
