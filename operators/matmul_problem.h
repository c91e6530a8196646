// Matrix products as operators state them, brought to one form that every library can compute: a list of
// equal two-dimensional products at offsets into the operands. Gradients have the same form.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/base/error.h"
#include "framework/base/shape.h"
#include "framework/op/kernel.h"

namespace skiff {

/// c[m, n] = sum over k of a[m, k] * b[k, n], row-major; a `trans_` operand is stored the other way round.
struct GemmProblem {
  struct Offsets {
    int64_t a, b, c;  // elements
  };
  int64_t m = 0, n = 0, k = 0;
  bool trans_a = false, trans_b = false;
  std::vector<Offsets> batches = {};
  int64_t c_elements = 0;
  /// Several batches add to one result (the gradient of a broadcast operand): c is cleared first.
  bool accumulate = false;
  /// The products add to what c holds.
  bool adds = false;

  int64_t lda() const { return trans_a ? m : k; }
  int64_t ldb() const { return trans_b ? k : n; }
  int64_t ldc() const { return n; }
  bool Empty() const { return m == 0 || n == 0 || batches.empty(); }
};

/// How a matrix product reads its operands: X[batch..., m, k] (or [..., k, m] with trans_x) times
/// Y[batch..., k, n] (or [..., n, k]). One-dimensional operands are a row X and a column Y.
struct MatmulShapes {
  Shape x, y;  // at least two axes
  bool trans_x = false, trans_y = false;
  Shape out = {};    // with the axes that one-dimensional operands lose
  bool drop_m = false, drop_n = false;

  int64_t m() const { return x.At(trans_x ? -1 : -2); }
  int64_t k() const { return x.At(trans_x ? -2 : -1); }
  int64_t n() const { return y.At(trans_y ? -2 : -1); }
};

inline Shape BatchOf(const Shape& s) { return Shape(s.dims().subspan(0, s.size() - 2)); }

/// The rules of matmul_v2 (numpy's): batch axes broadcast, a missing axis of a one-dimensional operand
/// is dropped from the result. @throws InvalidArgument naming both shapes. Unknown extents are -1.
inline MatmulShapes ReadMatmulShapes(const Shape& x, const Shape& y, bool trans_x, bool trans_y) {
  SKIFF_ENFORCE(x.rank() > 0 && y.rank() > 0, InvalidArgument, "X has shape ", x, ", Y ", y,
                "; a matrix product needs at least one axis in each");
  MatmulShapes s{x, y, trans_x, trans_y};
  if (x.rank() == 1) {
    s.x = {1, x[0]};
    s.drop_m = true;
    s.trans_x = false;
  }
  if (y.rank() == 1) {
    s.y = {y[0], 1};
    s.drop_n = true;
    s.trans_y = false;
  }
  const int64_t kx = s.k(), ky = s.y.At(s.trans_y ? -1 : -2);
  SKIFF_ENFORCE(kx < 0 || ky < 0 || kx == ky, InvalidArgument, "X ", x,
                trans_x ? " (transposed)" : "", " has ", kx, " columns, Y ", y,
                trans_y ? " (transposed)" : "", " has ", ky, " rows; they must be equal");
  s.out = BroadcastShapes(BatchOf(s.x), BatchOf(s.y));
  if (!s.drop_m) s.out.Append(s.m());
  if (!s.drop_n) s.out.Append(s.n());
  return s;
}

/// Offsets of the matrices of `batch` in an operand of batch axes `own` and `size` elements a matrix.
inline std::vector<int64_t> BatchOffsets(const Shape& batch, const Shape& own, int64_t size) {
  const int64_t count = batch.NumElements();
  std::vector<int64_t> offsets(count, 0);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, stride = size;
    for (int axis = batch.rank() - 1, mine = own.rank() - 1; mine >= 0; --axis, --mine) {
      const int64_t at = rest % batch[axis];
      rest /= batch[axis];
      if (own[mine] != 1) offsets[i] += at * stride;
      stride *= own[mine];
    }
  }
  return offsets;
}

enum class MatmulPart { kOut, kGradX, kGradY };

/// The product itself, or the gradient to X (from Out@GRAD and Y) or to Y (from Out@GRAD and X).
/// Operands in the order a, b: see MatmulOperands.
inline GemmProblem MakeGemm(const MatmulShapes& s, MatmulPart part) {
  const Shape batch = BroadcastShapes(BatchOf(s.x), BatchOf(s.y));
  const int64_t m = s.m(), n = s.n(), k = s.k();
  // A matrix Y for all of X's batches is one product of a taller X.
  const bool folds = !s.trans_x && BatchOf(s.y).NumElements() == 1 && batch.NumElements() > 0;
  const int64_t rows = folds ? m * batch.NumElements() : m;
  GemmProblem g;
  std::vector<int64_t> x{0}, y{0}, out{0};
  if (!folds) {
    x = BatchOffsets(batch, BatchOf(s.x), m * k);
    y = BatchOffsets(batch, BatchOf(s.y), k * n);
    out = BatchOffsets(batch, batch, m * n);
  }
  const auto set = [&](int64_t gm, int64_t gn, int64_t gk, bool ta, bool tb,
                       const std::vector<int64_t>& a, const std::vector<int64_t>& b,
                       const std::vector<int64_t>& c, int64_t c_elements) {
    g.m = gm, g.n = gn, g.k = gk, g.trans_a = ta, g.trans_b = tb, g.c_elements = c_elements;
    for (size_t i = 0; i < c.size(); ++i) g.batches.push_back({a[i], b[i], c[i]});
    g.accumulate = static_cast<int64_t>(c.size()) * gm * gn != c_elements;
  };
  const int64_t x_elements = s.x.NumElements(), y_elements = s.y.NumElements();
  switch (part) {
    case MatmulPart::kOut:
      set(rows, n, k, s.trans_x, s.trans_y, x, y, out, batch.NumElements() * m * n);
      break;
    case MatmulPart::kGradX:
      if (s.trans_x) {
        set(k, m, n, s.trans_y, true, y, out, x, x_elements);
      } else {
        set(rows, k, n, false, !s.trans_y, out, y, x, x_elements);
      }
      break;
    case MatmulPart::kGradY:
      if (s.trans_y) {
        set(n, k, rows, true, s.trans_x, out, x, y, y_elements);
      } else {
        set(k, n, rows, !s.trans_x, false, x, out, y, y_elements);
      }
      break;
  }
  return g;
}

/// Which tensor is a and which b in MakeGemm's problem.
struct MatmulOperands {
  std::string a, b, c;
};
inline MatmulOperands OperandsOf(const MatmulShapes& s, MatmulPart part) {
  switch (part) {
    case MatmulPart::kGradX:
      return s.trans_x ? MatmulOperands{"Y", "Out@GRAD", "X@GRAD"}
                       : MatmulOperands{"Out@GRAD", "Y", "X@GRAD"};
    case MatmulPart::kGradY:
      return s.trans_y ? MatmulOperands{"Out@GRAD", "X", "Y@GRAD"}
                       : MatmulOperands{"X", "Out@GRAD", "Y@GRAD"};
    case MatmulPart::kOut: break;
  }
  return {"X", "Y", "Out"};
}

struct SecondProduct {
  GemmProblem problem;
  MatmulOperands operands;
};
/// What a second gradient computes, in this order: DX = gradient to X from (DOut, DDY), DY = gradient to Y from
/// (DDX, DOut), DDOut = DDX Y + X DDY. An absent DDX or DDY is zero.
inline std::vector<SecondProduct> SecondProductsOf(const PrepareContext& c, const MatmulShapes& s) {
  std::vector<SecondProduct> products;
  const auto add = [&](MatmulPart part, const char* x, const char* y, const char* result) {
    MatmulOperands operands = OperandsOf(s, part);
    for (std::string* slot : {&operands.a, &operands.b}) *slot = *slot == "X" ? x : *slot == "Y" ? y : "DOut";
    operands.c = result;
    products.push_back({MakeGemm(s, part), operands});
  };
  const auto clear = [&](MatmulPart part, const char* result) {
    add(part, "X", "Y", result);
    products.back().problem.k = 0;
  };
  const bool has_x = c.HasInput("DDX"), has_y = c.HasInput("DDY");
  if (c.HasOutput("DX")) has_y ? add(MatmulPart::kGradX, "X", "DDY", "DX") : clear(MatmulPart::kGradX, "DX");
  if (c.HasOutput("DY")) has_x ? add(MatmulPart::kGradY, "DDX", "Y", "DY") : clear(MatmulPart::kGradY, "DY");
  if (c.HasOutput("DDOut")) {
    has_x ? add(MatmulPart::kOut, "DDX", "Y", "DDOut") : clear(MatmulPart::kOut, "DDOut");
    if (has_y) {
      add(MatmulPart::kOut, "X", "DDY", "DDOut");
      products.back().problem.adds = true;
    }
  }
  return products;
}

/// A tensor flattened to a matrix: rows are the first `columns_from` axes.
inline Shape Flatten2D(const Shape& s, int columns_from, const char* what) {
  SKIFF_ENFORCE(columns_from > 0 && columns_from < s.rank(), InvalidArgument, what, " has shape ", s,
                "; it cannot be split into rows and columns at axis ", columns_from);
  const auto product = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      if (s[i] < 0) return int64_t{-1};
    }
    return s.Product(from, to);
  };
  return {product(0, columns_from), product(columns_from, s.rank())};
}

/// The shapes of matmul_v2, matmul, mul, bmm and their gradients, read from the operator.
inline MatmulShapes MatmulShapesOf(const std::string& type, const Attrs& attrs, const Shape& x,
                                   const Shape& y) {
  if (type.starts_with("mul")) {
    const int xs = attrs.Get<int32_t>("x_num_col_dims"), ys = attrs.Get<int32_t>("y_num_col_dims");
    MatmulShapes s = ReadMatmulShapes(Flatten2D(x, xs, "X"), Flatten2D(y, ys, "Y"), false, false);
    s.out = Shape(x.dims().subspan(0, xs));
    for (int i = ys; i < y.rank(); ++i) s.out.Append(y[i]);
    return s;
  }
  if (type.starts_with("bmm")) {
    SKIFF_ENFORCE(x.rank() == 3 && y.rank() == 3, InvalidArgument, "X has shape ", x, ", Y ", y,
                  "; bmm wants [batch, m, k] and [batch, k, n]");
    SKIFF_ENFORCE(x[0] < 0 || y[0] < 0 || x[0] == y[0], InvalidArgument, "X has ", x[0],
                  " matrices, Y has ", y[0], "; bmm wants as many");
    return ReadMatmulShapes(x, y, false, false);
  }
  if (type.starts_with("matmul_v2")) {
    return ReadMatmulShapes(x, y, attrs.Get<bool>("trans_x"), attrs.Get<bool>("trans_y"));
  }
  return ReadMatmulShapes(x, y, attrs.Get<bool>("transpose_X"), attrs.Get<bool>("transpose_Y"));
}

}  // namespace skiff
