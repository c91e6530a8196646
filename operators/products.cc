// Products of vectors and matrices beside matmul: dot, mv, addmm, bilinear_tensor_product.
#include "operators/kernel/broadcast.h"
#include "operators/kernel/gemm.h"
#include "operators/kernel/lines.h"
#include "operators/kernel/rowwise.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

// ---- dot: over the last axis -----------------------------------------------------------------------------------

struct Dot {
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0), y = row.In(1);
    const auto out = row.Out(0);
    const auto sum = row.Sum([=](int64_t i) { return x[i] * y[i]; });
    out.Set(0, sum);
  }
};
struct DotGrad {
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0), y = row.In(1), dout = row.In(2);
    const auto dx = row.Out(0), dy = row.Out(1);
    const auto g = dout[0];
    if (dx) row.Each([=](int64_t i) { dx.Set(i, g * y[i]); });
    if (dy) row.Each([=](int64_t i) { dy.Set(i, g * x[i]); });
  }
};
struct DotKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape& x = c.Input("X").shape;
    RowPlan plan(kDTypeOf<C>, x, x.rank() - 1);
    plan.AddIn(c, "X", RowKind::kRow);
    plan.AddIn(c, "Y", RowKind::kRow);
    plan.AddOut(c, "Out", RowKind::kScalar);
    return MakeRowKernel<C>(Dot{}, plan);
  }
};
struct DotGradKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape& x = c.Input("X").shape;
    RowPlan plan(kDTypeOf<C>, x, x.rank() - 1);
    plan.AddIn(c, "X", RowKind::kRow);
    plan.AddIn(c, "Y", RowKind::kRow);
    plan.AddIn(c, "Out@GRAD", RowKind::kScalar);
    plan.AddOut(c, "X@GRAD", RowKind::kRow);
    plan.AddOut(c, "Y@GRAD", RowKind::kRow);
    return MakeRowKernel<C>(DotGrad{}, plan);
  }
};

// ---- mv, addmm -------------------------------------------------------------------------------------------------

template <typename T>
struct ScaleAll {
  T factor;
  T* out;
  SKIFF_HD void operator()(int64_t i) const { out[i] *= factor; }
};

struct Mv {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    return MakeKernel([m = x[0], n = x[1], xi = c.InputIndex("X"), vec = c.InputIndex("Vec")](const KernelArgs& args) {
      Gemm(args, false, false, m, 1, n, static_cast<const T*>(args.in[xi]), static_cast<const T*>(args.in[vec]), T(0),
           static_cast<T*>(args.out[0]));
    });
  }
};

struct MvGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    return MakeKernel([m = x[0], n = x[1], xi = c.InputIndex("X"), vec = c.InputIndex("Vec"), dout = c.InputIndex("Out@GRAD"),
                       dx = out("X@GRAD"), dvec = out("Vec@GRAD")](const KernelArgs& args) {
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      if (dx >= 0) Gemm(args, false, false, m, n, 1, in(dout), in(vec), T(0), static_cast<T*>(args.out[dx]));
      if (dvec >= 0) Gemm(args, true, false, n, 1, m, in(xi), in(dout), T(0), static_cast<T*>(args.out[dvec]));
    });
  }
};

struct AddScaled {
  explicit AddScaled(const Attrs& attrs) : alpha(attrs.Get<float>("Alpha")), beta(attrs.Get<float>("Beta")) {}
  template <typename V> SKIFF_HD V operator()(V input, V product) const { return V(beta) * input + V(alpha) * product; }
  float alpha, beta;
};

struct AddMm {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape &x = c.Input("X").shape, &out = c.Output("Out").shape;
    const Shape input = AlignToRank(c.Input("Input").shape, 2, -1);
    // The product stands in Out, as input 1 of the sum.
    const MapOp add = MakeMapOp<T>(MakeFunctor<AddScaled>(c), MakeMapPlan(kDTypeOf<T>, out, {{0, kDTypeOf<T>, input}, {1, kDTypeOf<T>, out}},
                                                                          {{0, kDTypeOf<T>}}));
    return MakeKernel([=, m = out[0], n = out[1], k = x[1], input_index = c.InputIndex("Input"), xi = c.InputIndex("X"),
                       y = c.InputIndex("Y")](const KernelArgs& args) {
      Gemm(args, false, false, m, n, k, static_cast<const T*>(args.in[xi]), static_cast<const T*>(args.in[y]), T(0),
           static_cast<T*>(args.out[0]));
      const void* in[] = {args.in[input_index], args.out[0]};
      add.Run(in, args.out, args);
    });
  }
};

struct ScaledBy {
  template <typename V> SKIFF_HD V operator()(V dout) const { return V(factor) * dout; }
  double factor = 1;
};

struct AddMmGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape &x = c.Input("X").shape, &dout_shape = c.Input("Out@GRAD").shape;
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    OperandGrad input;
    const bool wants_input = c.HasOutput("Input@GRAD");
    if (wants_input) {
      input = OperandGrad::Make<T>(ScaledBy{c.Attr<float>("Beta")}, c, "Input@GRAD", dout_shape, {"Out@GRAD"});
      c.RequestWorkspace(input.workspace_bytes());
    }
    return MakeKernel([=, m = dout_shape[0], n = dout_shape[1], k = x[1], alpha = static_cast<T>(c.Attr<float>("Alpha")),
                       xi = c.InputIndex("X"), y = c.InputIndex("Y"), dout = c.InputIndex("Out@GRAD"), dx = out("X@GRAD"),
                       dy = out("Y@GRAD")](const KernelArgs& args) {
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      if (wants_input) input.Run(args);
      if (dx >= 0) {
        T* to = static_cast<T*>(args.out[dx]);
        Gemm(args, false, true, m, k, n, in(dout), in(y), T(0), to);
        if (alpha != T(1)) ForEach(m * k, kElementGrain, args, ScaleAll<T>{alpha, to});
      }
      if (dy >= 0) {
        T* to = static_cast<T*>(args.out[dy]);
        Gemm(args, true, false, k, n, m, in(xi), in(dout), T(0), to);
        if (alpha != T(1)) ForEach(k * n, kElementGrain, args, ScaleAll<T>{alpha, to});
      }
    });
  }
};

// ---- bilinear_tensor_product -----------------------------------------------------------------------------------

/// products[b, (i, j)] = x[b, i] y[b, j]
template <typename T>
struct OuterProduct {
  int64_t m, n;
  const T *x, *y;
  T* products;
  SKIFF_HD void operator()(int64_t i) const { products[i] = x[i / n] * y[i / (m * n) * n + i % n]; }
};
template <typename T>
struct AddBias {
  int64_t k;
  const T* bias;
  T* out;
  SKIFF_HD void operator()(int64_t i) const { out[i] += bias[i % k]; }
};
/// From the gradient of the products to an operand's: x[b, i] = sum over j of products[b, i, j] y[b, j].
template <typename T, bool to_x>
struct OuterProductGrad {
  int64_t m, n;
  const T *products_grad, *other;
  T* grad;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t b = i / (to_x ? m : n), at = i % (to_x ? m : n);
    T sum = 0;
    for (int64_t k = 0; k < (to_x ? n : m); ++k) {
      const int64_t row = to_x ? at : k, column = to_x ? k : at;
      sum += products_grad[(b * m + row) * n + column] * other[b * (to_x ? n : m) + k];
    }
    grad[i] = sum;
  }
};
template <typename T>
struct SumRows {
  int64_t rows, k;
  const T* from;
  T* to;
  SKIFF_HD void operator()(int64_t j) const {
    Accumulator<T> sum = 0;
    for (int64_t i = 0; i < rows; ++i) sum += from[i * k + j];
    to[j] = static_cast<T>(sum);
  }
};

struct BilinearProduct {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& w = c.Input("Weight").shape;
    const int64_t batch = c.Input("X").shape[0], k = w[0], m = w[1], n = w[2];
    c.RequestWorkspace(batch * m * n * sizeof(T));
    return MakeKernel([=, x = c.InputIndex("X"), y = c.InputIndex("Y"), weight = c.InputIndex("Weight"),
                       bias = c.HasInput("Bias") ? c.InputIndex("Bias") : -1](const KernelArgs& args) {
      T *products = static_cast<T*>(args.workspace), *out = static_cast<T*>(args.out[0]);
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      ForEach(batch * m * n, kElementGrain, args, OuterProduct<T>{m, n, in(x), in(y), products});
      Gemm(args, false, true, batch, k, m * n, products, in(weight), T(0), out);
      if (bias >= 0) ForEach(batch * k, kElementGrain, args, AddBias<T>{k, in(bias), out});
    });
  }
};

struct BilinearProductGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& w = c.Input("Weight").shape;
    const int64_t batch = c.Input("X").shape[0], k = w[0], m = w[1], n = w[2];
    c.RequestWorkspace(batch * m * n * sizeof(T));
    const auto index = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    return MakeKernel([=, x = c.InputIndex("X"), y = c.InputIndex("Y"), weight = c.InputIndex("Weight"),
                       dout = c.InputIndex("Out@GRAD"), dx = index("X@GRAD"), dy = index("Y@GRAD"), dw = index("Weight@GRAD"),
                       db = index("Bias@GRAD")](const KernelArgs& args) {
      T* products = static_cast<T*>(args.workspace);
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      const auto out = [&](int i) { return static_cast<T*>(args.out[i]); };
      if (db >= 0) ForEach(k, 64, args, SumRows<T>{batch, k, in(dout), out(db)});
      if (dw >= 0) {
        ForEach(batch * m * n, kElementGrain, args, OuterProduct<T>{m, n, in(x), in(y), products});
        Gemm(args, true, false, k, m * n, batch, in(dout), products, T(0), out(dw));
      }
      if (dx < 0 && dy < 0) return;
      Gemm(args, false, false, batch, m * n, k, in(dout), in(weight), T(0), products);
      if (dx >= 0) ForEach(batch * m, 256, args, OuterProductGrad<T, true>{m, n, products, in(y), out(dx)});
      if (dy >= 0) ForEach(batch * n, 256, args, OuterProductGrad<T, false>{m, n, products, in(x), out(dy)});
    });
  }
};

[[maybe_unused]] void InferBilinear(InferContext& c) {
  const Shape &x = c.InputShape("X"), &y = c.InputShape("Y"), &w = c.InputShape("Weight");
  SKIFF_ENFORCE(x.rank() == 2 && y.rank() == 2 && w.rank() == 3, InvalidArgument, "X is ", x, ", Y ", y, ", Weight ", w,
                "; expected [batch, m], [batch, n] and [k, m, n]");
  SKIFF_ENFORCE((x[0] < 0 || y[0] < 0 || x[0] == y[0]) && (x[1] < 0 || x[1] == w[1]) && (y[1] < 0 || y[1] == w[2]), InvalidArgument,
                "X is ", x, ", Y ", y, ", Weight ", w, "; expected [batch, m], [batch, n] and [k, m, n]");
  if (c.HasInput("Bias")) {
    const Shape& bias = c.InputShape("Bias");
    SKIFF_ENFORCE(!bias.IsKnown() || w[0] < 0 || bias.NumElements() == w[0], InvalidArgument, "Bias is ", bias, "; expected [1, ", w[0], "]");
  }
  c.SetOutput("Out", Shape{x[0], w[0]}, c.InputDType("X"));
}

}  // namespace

SKIFF_OP(dot)
    .Doc("Out = the sum of X Y over the last axis.")
    .Source("paddle.dot")
    .Input("X", "a vector, or [batch, n]")
    .Input("Y", "shape of X")
    .Output("Out", "a scalar, or [batch]")
    .InferShape([](InferContext& c) {
      const Shape &x = c.InputShape("X"), &y = c.InputShape("Y");
      SKIFF_ENFORCE((x.rank() == 1 || x.rank() == 2) && (x == y || !x.IsKnown() || !y.IsKnown()), InvalidArgument, "X is ", x, ", Y ", y,
                    "; expected two vectors, or two matrices, of equal shapes");
      c.SetOutput("Out", x.rank() == 1 ? Shape{} : Shape{x[0]}, c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X", "Y"}, {}, {"Out"}, {"X", "Y"}))
    .Kernel<DotKernel, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(dot_grad)
    .Doc("X@GRAD = Out@GRAD Y, Y@GRAD = Out@GRAD X.")
    .Input("X", "as in dot")
    .Input("Y", "as in dot")
    .Input("Out@GRAD", "as Out of dot")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Y@GRAD", "shape of Y")
    .InferShape(GradsLikeInputs())
    .Kernel<DotGradKernel, SKIFF_FLOATS>();

SKIFF_OP(mv)
    .Doc("Out = the matrix X times the vector Vec.")
    .Source("paddle.mv")
    .Input("X", "[m, n]")
    .Input("Vec", "[n]")
    .Output("Out", "[m]")
    .SameDType({"X", "Vec"})
    .InferShape([](InferContext& c) {
      const Shape &x = c.InputShape("X"), &v = c.InputShape("Vec");
      SKIFF_ENFORCE(x.rank() == 2 && v.rank() == 1 && (x[1] < 0 || v[0] < 0 || x[1] == v[0]), InvalidArgument, "X is ", x, ", Vec ", v,
                    "; expected [m, n] and [n]");
      c.SetOutput("Out", Shape{x[0]}, c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X", "Vec"}, {}, {"Out"}, {"X", "Vec"}))
    .Kernel<Mv, float, double>();

SKIFF_OP(mv_grad)
    .Doc("X@GRAD = Out@GRAD Vec', Vec@GRAD = X' Out@GRAD.")
    .Input("X", "as in mv")
    .Input("Vec", "as in mv")
    .Input("Out@GRAD", "[m]")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Vec@GRAD", "shape of Vec")
    .InferShape(GradsLikeInputs())
    .Kernel<MvGrad, float, double>();

SKIFF_OP(addmm)
    .Doc("Out = Beta Input + Alpha X Y.")
    .Source("paddle.addmm")
    .Input("Input", "broadcasts to [m, n]")
    .Input("X", "[m, k]")
    .Input("Y", "[k, n]")
    .Output("Out", "[m, n]")
    .Attr("Alpha", 1.0f, "factor of the product")
    .Attr("Beta", 1.0f, "factor of Input")
    .SameDType({"Input", "X", "Y"})
    .InferShape([](InferContext& c) {
      const Shape &input = c.InputShape("Input"), &x = c.InputShape("X"), &y = c.InputShape("Y");
      SKIFF_ENFORCE(x.rank() == 2 && y.rank() == 2 && (x[1] < 0 || y[0] < 0 || x[1] == y[0]) && input.rank() <= 2, InvalidArgument,
                    "X is ", x, ", Y ", y, ", Input ", input, "; expected [m, k], [k, n] and what broadcasts to [m, n]");
      const Shape out{x[0], y[1]};
      const Shape aligned = AlignToRank(input, 2, -1);
      for (int i = 0; i < 2; ++i) {
        SKIFF_ENFORCE(aligned[i] < 0 || out[i] < 0 || aligned[i] == 1 || aligned[i] == out[i], InvalidArgument, "Input is ", input,
                      "; it must broadcast to ", out);
      }
      c.SetOutput("Out", out, c.InputDType("X"));
    })
    .Gradient(StandardGrad({"Input", "X", "Y"}, {}, {"Out"}, {"Input", "X", "Y"}))
    .Kernel<AddMm, float, double>();

SKIFF_OP(addmm_grad)
    .Doc("X@GRAD = Alpha Out@GRAD Y', Y@GRAD = Alpha X' Out@GRAD, Input@GRAD = Beta Out@GRAD, summed where it was broadcast.")
    .Input("Input", "as in addmm")
    .Input("X", "as in addmm")
    .Input("Y", "as in addmm")
    .Input("Out@GRAD", "[m, n]")
    .OptionalOutput("Input@GRAD", "shape of Input")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Y@GRAD", "shape of Y")
    .Attr("Alpha", 1.0f, "as in addmm")
    .Attr("Beta", 1.0f, "as in addmm")
    .InferShape(GradsLikeInputs())
    .Kernel<AddMmGrad, float, double>();

SKIFF_OP(bilinear_tensor_product)
    .Doc("Out[b, k] = the sum over i and j of X[b, i] Weight[k, i, j] Y[b, j], + Bias[k].")
    .Source("paddle.nn.functional.bilinear")
    .Input("X", "[batch, m]")
    .Input("Y", "[batch, n]")
    .Input("Weight", "[k, m, n]")
    .OptionalInput("Bias", "[1, k]")
    .Output("Out", "[batch, k]")
    .SameDType({"X", "Y", "Weight", "Bias"})
    .InferShape(InferBilinear)
    .Gradient(StandardGrad({"X", "Y", "Weight"}, {}, {"Out"}, {"X", "Y", "Weight", "Bias"}))
    .Kernel<BilinearProduct, float, double>();

SKIFF_OP(bilinear_tensor_product_grad)
    .Doc("The gradients of bilinear_tensor_product.")
    .Input("X", "as in the forward operator")
    .Input("Y", "as in the forward operator")
    .Input("Weight", "as in the forward operator")
    .Input("Out@GRAD", "[batch, k]")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Y@GRAD", "shape of Y")
    .OptionalOutput("Weight@GRAD", "shape of Weight")
    .OptionalOutput("Bias@GRAD", "[1, k]")
    .SameDType({"X", "Out@GRAD"})
    .InferShape([](InferContext& c) {
      InferBilinear(c);
      const Shape &x = c.InputShape("X"), &w = c.InputShape("Weight"), &dout = c.InputShape("Out@GRAD");
      SKIFF_ENFORCE(!x.IsKnown() || !dout.IsKnown() || dout == Shape({x[0], w[0]}), InvalidArgument, "Out@GRAD is ", dout, "; expected [", x[0],
                    ", ", w[0], "]");
      for (const char* slot : {"X", "Y", "Weight"}) c.SetOutput(std::string(slot) + "@GRAD", c.InputShape(slot), c.InputDType(slot));
      c.SetOutput("Bias@GRAD", Shape{1, c.InputShape("Weight")[0]}, c.InputDType("X"));
    })
    .Kernel<BilinearProductGrad, float, double>();

}  // namespace skiff
