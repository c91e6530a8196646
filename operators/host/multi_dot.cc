// The product of many matrices, in the cheapest order.
#include <functional>
#include <limits>

#include "operators/host/matrices.h"

namespace skiff {

namespace {

using host::DTypeOf;
using host::Give;
using host::Matrix;
using host::Product;
using host::Stack;
using host::Turned;

/// The factors; the first may be a row, the last a column, each of one axis.
std::vector<Matrix> Factors(const DynamicContext& c, const char* slot) {
  std::vector<Matrix> factors;
  const int count = c.NumInputs(slot);
  for (int i = 0; i < count; ++i) {
    const Tensor t = host::In(c, slot, i);
    const bool vector = t.shape().rank() == 1;
    const int64_t n = t.num_elements();
    factors.push_back(Stack(!vector ? t : t.Reshaped(i == 0 ? Shape{1, n} : Shape{n, 1}))[0]);
  }
  return factors;
}

Shape MultiDotShape(const std::vector<Shape>& shapes) {
  SKIFF_ENFORCE(shapes.size() >= 2, InvalidArgument, "multi_dot takes two matrices at least, there are ", shapes.size());
  int64_t inner = -1;
  Shape out;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Shape& s = shapes[i];
    const bool first = i == 0, last = i + 1 == shapes.size();
    SKIFF_ENFORCE(s.rank() == 2 || (s.rank() == 1 && (first || last)), InvalidArgument, "X[", i, "] is ", s,
                  "; expected matrices, and perhaps a vector at either end");
    const int64_t rows = s[0], columns = s.rank() == 2 ? s[1] : first ? s[0] : 1;
    SKIFF_ENFORCE(first || inner < 0 || rows < 0 || inner == rows, InvalidArgument, "X[", i, "] is ", s, ", X[", i - 1, "] ", shapes[i - 1],
                  "; rows must be equal to the columns before");
    if (first && s.rank() == 2) out.Append(rows);
    if (last && s.rank() == 2) out.Append(columns);
    inner = columns;
  }
  return out;
}

/// The order of the fewest multiplications, by dynamic programming over runs.
Matrix Chain(const std::vector<Matrix>& factors) {
  const size_t n = factors.size();
  std::vector<std::vector<double>> cost(n, std::vector<double>(n, 0));
  std::vector<std::vector<size_t>> split(n, std::vector<size_t>(n, 0));
  for (size_t length = 2; length <= n; ++length) {
    for (size_t i = 0; i + length <= n; ++i) {
      const size_t j = i + length - 1;
      cost[i][j] = std::numeric_limits<double>::infinity();
      for (size_t k = i; k < j; ++k) {
        const double price = cost[i][k] + cost[k + 1][j] +
                             static_cast<double>(factors[i].rows()) * static_cast<double>(factors[k].cols()) * static_cast<double>(factors[j].cols());
        if (price < cost[i][j]) cost[i][j] = price, split[i][j] = k;
      }
    }
  }
  const std::function<Matrix(size_t, size_t)> product = [&](size_t i, size_t j) -> Matrix {
    if (i == j) return factors[i];
    return Product(product(i, split[i][j]), product(split[i][j] + 1, j));
  };
  return product(0, n - 1);
}

std::vector<Shape> ShapesOf(const DynamicContext& c) {
  std::vector<Shape> shapes;
  for (int i = 0; i < c.NumInputs("X"); ++i) shapes.push_back(c.InputTensor("X", i).shape());
  return shapes;
}

void MultiDot(DynamicContext& c) { Give(c, "Out", {Chain(Factors(c, "X"))}, MultiDotShape(ShapesOf(c)), DTypeOf(c, "X")); }

void MultiDotGrad(DynamicContext& c) {
  const std::vector<Matrix> factors = Factors(c, "X");
  const int n = static_cast<int>(factors.size());
  const std::vector<double> numbers = host::Numbers(c, "Out@GRAD");
  Matrix g(factors.front().rows(), factors.back().cols());
  for (int64_t r = 0; r < g.rows(); ++r) {
    for (int64_t k = 0; k < g.cols(); ++k) g(r, k) = numbers[r * g.cols() + k];
  }
  for (int i = 0; i < n && i < c.NumOutputs("X@GRAD"); ++i) {
    Matrix result = g;
    if (i > 0) result = Product(Turned(Chain(std::vector<Matrix>(factors.begin(), factors.begin() + i))), result);
    if (i + 1 < n) result = Product(result, Turned(Chain(std::vector<Matrix>(factors.begin() + i + 1, factors.end()))));
    const Shape& shape = c.InputTensor("X", i).shape();
    Tensor out(shape, DTypeOf(c, "X"));
    host::WithFloats(out.dtype(), "X", [&]<typename T>(T) {
      T* to = out.data<T>();
      for (int64_t r = 0; r < result.rows(); ++r) {
        for (int64_t k = 0; k < result.cols(); ++k) *to++ = static_cast<T>(result(r, k));
      }
    });
    host::Out(c, "X@GRAD", out, i);
  }
}

}  // namespace

SKIFF_OP(multi_dot)
    .Doc("Out = the product of all X, in the order of the fewest multiplications.")
    .Source("paddle.linalg.multi_dot")
    .Inputs("X", "matrices; the first and the last may be vectors")
    .Output("Out", "[rows of the first, columns of the last], without a vector's")
    .InferShape([](InferContext& c) {
      std::vector<Shape> shapes;
      for (int i = 0; i < c.NumInputs("X"); ++i) shapes.push_back(c.InputShape("X", i));
      c.SetOutput("Out", MultiDotShape(shapes), c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Dynamic(MultiDot);

SKIFF_OP(multi_dot_grad)
    .Doc("X@GRAD[i] = (the product before)' Out@GRAD (the product behind)'.")
    .Inputs("X", "as in multi_dot")
    .Input("Out@GRAD", "shape of Out")
    .OptionalOutputs("X@GRAD", "shape of each X")
    .InferShape([](InferContext& c) {
      for (int i = 0; i < c.NumOutputs("X@GRAD"); ++i) c.SetOutput("X@GRAD", c.InputShape("X", i), c.InputDType("X", i), i);
    })
    .Dynamic(MultiDotGrad);

}  // namespace skiff
