// Products of blocks and of vectors of three numbers: kron, cross.
#include "operators/kernel/broadcast.h"
#include "operators/kernel/lines.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

// ---- kron ------------------------------------------------------------------------------------------------------

/// X and Y with 1s in front, so that both have `rank` axes.
struct Blocks {
  int rank = 0;
  int64_t x[Shape::kMaxRank] = {}, y[Shape::kMaxRank] = {};

  Blocks(const Shape& a, const Shape& b) : rank(std::max(a.rank(), b.rank())) {
    for (int i = 0; i < rank; ++i) {
      const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
      x[i] = ia < 0 ? 1 : a[ia];
      y[i] = ib < 0 ? 1 : b[ib];
    }
  }
  Shape OutShape() const {
    Shape out;
    for (int i = 0; i < rank; ++i) out.Append(x[i] < 0 || y[i] < 0 ? -1 : x[i] * y[i]);
    return out;
  }
  /// Offset in Out of the product of elements ix of X and iy of Y.
  SKIFF_HD int64_t OutOffset(int64_t ix, int64_t iy) const {
    int64_t at = 0, step = 1;
    for (int d = rank - 1; d >= 0; --d) {
      at += (ix % x[d] * y[d] + iy % y[d]) * step;
      ix /= x[d];
      iy /= y[d];
      step *= x[d] * y[d];
    }
    return at;
  }
};

template <typename T>
struct KronProduct {
  Blocks b;
  int64_t y_count;
  const T *x, *y;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t ix = i / y_count, iy = i % y_count;
    out[b.OutOffset(ix, iy)] = StoreElement<T>(LoadElement(x[ix]) * LoadElement(y[iy]));
  }
};

template <typename T, bool to_x>
struct KronGradOf {  // i: an element of the operand
  Blocks b;
  int64_t others;
  const T *other, *out_grad;
  T* grad;
  SKIFF_HD void operator()(int64_t i) const {
    Accumulator<Compute<T>> sum = 0;
    for (int64_t k = 0; k < others; ++k) {
      sum += LoadElement(other[k]) * LoadElement(out_grad[to_x ? b.OutOffset(i, k) : b.OutOffset(k, i)]);
    }
    grad[i] = StoreElement<T>(static_cast<Compute<T>>(sum));
  }
};

struct Kron {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape &x = c.Input("X").shape, &y = c.Input("Y").shape;
    return MakeKernel([b = Blocks(x, y), nx = x.NumElements(), ny = y.NumElements(), xi = c.InputIndex("X"),
                       yi = c.InputIndex("Y")](const KernelArgs& args) {
      ForEach(nx * ny, 1024, args, KronProduct<T>{b, ny, static_cast<const T*>(args.in[xi]), static_cast<const T*>(args.in[yi]),
                                                  static_cast<T*>(args.out[0])});
    });
  }
};

struct KronGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape &x = c.Input("X").shape, &y = c.Input("Y").shape;
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    return MakeKernel([b = Blocks(x, y), nx = x.NumElements(), ny = y.NumElements(), xi = c.InputIndex("X"), yi = c.InputIndex("Y"),
                       dout = c.InputIndex("Out@GRAD"), dx = out("X@GRAD"), dy = out("Y@GRAD")](const KernelArgs& args) {
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      if (dx >= 0) ForEach(nx, 64, args, KronGradOf<T, true>{b, ny, in(yi), in(dout), static_cast<T*>(args.out[dx])});
      if (dy >= 0) ForEach(ny, 64, args, KronGradOf<T, false>{b, nx, in(xi), in(dout), static_cast<T*>(args.out[dy])});
    });
  }
};

// ---- cross: the product of vectors of three numbers ------------------------------------------------------------

/// dim 9, Paddle's default, means the first axis of extent 3.
int CrossAxis(const Attrs& attrs, const Shape& x) {
  const int64_t given = attrs.Get<int64_t>("dim");
  int axis = 0;
  if (given == 9) {
    while (axis < x.rank() && x[axis] != 3) ++axis;
  } else {
    axis = NormalizeAxis(given, x.rank(), "dim");
  }
  SKIFF_ENFORCE(axis < x.rank() && x[axis] == 3, InvalidArgument, "X is ", x, ", dim ", given, "; cross takes an axis of extent 3");
  return axis;
}

template <typename T>
struct CrossLine {  // out = a x b
  Lines lines;
  const T *a, *b;
  T* out;
  SKIFF_HD void operator()(int64_t line) const {
    const int64_t base = lines.Base(line), step = lines.inner;
    const auto at = [&](const T* v, int k) { return LoadElement(v[base + k * step]); };
    const auto put = [&](int k, Compute<T> v) { out[base + k * step] = StoreElement<T>(v); };
    put(0, at(a, 1) * at(b, 2) - at(a, 2) * at(b, 1));
    put(1, at(a, 2) * at(b, 0) - at(a, 0) * at(b, 2));
    put(2, at(a, 0) * at(b, 1) - at(a, 1) * at(b, 0));
  }
};

struct Cross {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    return MakeKernel([lines = Lines(x, CrossAxis(c.attrs(), x)), xi = c.InputIndex("X"), yi = c.InputIndex("Y")](const KernelArgs& args) {
      ForEachLine(lines, args, CrossLine<T>{lines, static_cast<const T*>(args.in[xi]), static_cast<const T*>(args.in[yi]),
                                            static_cast<T*>(args.out[0])});
    });
  }
};

// X@GRAD = Y x Out@GRAD, Y@GRAD = Out@GRAD x X.
struct CrossGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    return MakeKernel([lines = Lines(x, CrossAxis(c.attrs(), x)), xi = c.InputIndex("X"), yi = c.InputIndex("Y"),
                       dout = c.InputIndex("Out@GRAD"), dx = out("X@GRAD"), dy = out("Y@GRAD")](const KernelArgs& args) {
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      if (dx >= 0) ForEachLine(lines, args, CrossLine<T>{lines, in(yi), in(dout), static_cast<T*>(args.out[dx])});
      if (dy >= 0) ForEachLine(lines, args, CrossLine<T>{lines, in(dout), in(xi), static_cast<T*>(args.out[dy])});
    });
  }
};

}  // namespace

SKIFF_OP(kron)
    .Doc("Out = the Kronecker product: a copy of Y for each element of X, times it.")
    .Source("paddle.kron")
    .Input("X", "any shape")
    .Input("Y", "any shape; the operand with fewer axes gets 1s in front")
    .Output("Out", "the extents multiplied")
    .SameDType({"X", "Y"})
    .InferShape([](InferContext& c) { c.SetOutput("Out", Blocks(c.InputShape("X"), c.InputShape("Y")).OutShape(), c.InputDType("X")); })
    .Gradient(StandardGrad({"X", "Y"}, {}, {"Out"}, {"X", "Y"}))
    .Kernel<Kron, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(kron_grad)
    .Doc("Each operand's gradient is the sum over the products it is part of.")
    .Input("X", "as in kron")
    .Input("Y", "as in kron")
    .Input("Out@GRAD", "as Out of kron")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Y@GRAD", "shape of Y")
    .InferShape(GradsLikeInputs())
    .Kernel<KronGrad, SKIFF_FLOATS>();

SKIFF_OP(cross)
    .Doc("Out = the cross product of vectors of three numbers along dim.")
    .Source("paddle.cross")
    .Input("X", "extent 3 at dim")
    .Input("Y", "shape of X")
    .Output("Out", "shape of X")
    .Attr("dim", 9, "9: the first axis of extent 3; negative from the end")
    .SameDType({"X", "Y"})
    .InferShape([](InferContext& c) {
      const Shape &x = c.InputShape("X"), &y = c.InputShape("Y");
      SKIFF_ENFORCE(!x.IsKnown() || !y.IsKnown() || x == y, InvalidArgument, "X is ", x, ", Y ", y, "; they must be equal");
      if (x.IsKnown()) CrossAxis(c.attrs(), x);
      Like("Out", "X")(c);
    })
    .Gradient(StandardGrad({"X", "Y"}, {}, {"Out"}, {"X", "Y"}))
    .Kernel<Cross, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(cross_grad)
    .Doc("X@GRAD = Y x Out@GRAD, Y@GRAD = Out@GRAD x X.")
    .Input("X", "as in cross")
    .Input("Y", "as in cross")
    .Input("Out@GRAD", "shape of X")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Y@GRAD", "shape of Y")
    .Attr("dim", 9, "as in cross")
    .InferShape(GradsLikeInputs())
    .Kernel<CrossGrad, SKIFF_FLOATS>();

}  // namespace skiff
