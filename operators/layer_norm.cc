// layer_norm: rows brought to mean 0 and variance 1.
#include "operators/kernel/reduce.h"
#include "operators/kernel/rowwise.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct LayerNorm {
  explicit LayerNorm(const Attrs& attrs) : epsilon(attrs.Get<float>("epsilon")) {}
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0), scale = row.In(1), bias = row.In(2);
    const auto y = row.Out(0), mean_out = row.Out(1), variance_out = row.Out(2);
    const auto mean = row.Sum([=](int64_t i) { return x[i]; }) / row.n;
    const auto variance = row.Sum([=](int64_t i) { return math::Square(x[i] - mean); }) / row.n;
    const auto inverse = math::Rsqrt(variance + decltype(variance)(epsilon));
    const bool has_scale = row.HasIn(1), has_bias = row.HasIn(2);
    if (has_scale && has_bias) {
      row.Each([=](int64_t i) { y.Set(i, (x[i] - mean) * inverse * scale[i] + bias[i]); });
    } else if (has_scale) {
      row.Each([=](int64_t i) { y.Set(i, (x[i] - mean) * inverse * scale[i]); });
    } else if (has_bias) {
      row.Each([=](int64_t i) { y.Set(i, (x[i] - mean) * inverse + bias[i]); });
    } else {
      row.Each([=](int64_t i) { y.Set(i, (x[i] - mean) * inverse); });
    }
    if (mean_out) mean_out.Set(0, mean);
    if (variance_out) variance_out.Set(0, variance);
  }
  float epsilon;
};

/// With g = dY scale and x^ the normalised row: dX = (g - mean(g) - x^ mean(g x^)) / sqrt(variance + e).
struct LayerNormGradX {
  explicit LayerNormGradX(const Attrs& attrs) : epsilon(attrs.Get<float>("epsilon")) {}
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    if (row.HasIn(1)) {
      const auto scale = row.In(1);
      Finish(row, [=](int64_t i) { return scale[i]; });
    } else {
      Finish(row, [](int64_t) { return 1.0f; });
    }
  }
  template <typename Row, typename Scale>
  SKIFF_HD void Finish(const Row& row, const Scale& scale) const {
    const auto x = row.In(0), dy = row.In(4);
    const auto mean = row.In(2)[0], variance = row.In(3)[0];
    const auto inverse = math::Rsqrt(variance + decltype(variance)(epsilon));
    const auto a = row.Sum([=](int64_t i) { return dy[i] * scale(i); }) / row.n;
    const auto b =
        row.Sum([=](int64_t i) { return dy[i] * scale(i) * (x[i] - mean); }) * inverse / row.n;
    const auto dx = row.Out(0);
    row.Each([=](int64_t i) {
      dx.Set(i, inverse * (dy[i] * scale(i) - a - (x[i] - mean) * inverse * b));
    });
  }
  float epsilon;
};

/// dY x^, whose column sums are the scale's gradient.
struct NormalisedProduct {
  explicit NormalisedProduct(const Attrs& attrs) : epsilon(attrs.Get<float>("epsilon")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V mean, V variance, V dy) const {
    return dy * (x - mean) * math::Rsqrt(variance + V(epsilon));
  }
  float epsilon;
};

// X seen as [rows, columns].
struct RowsAndColumns {
  int64_t rows, columns;
};
RowsAndColumns Split(const Shape& x, int64_t begin_norm_axis) {
  SKIFF_ENFORCE(begin_norm_axis > 0 && begin_norm_axis < x.rank(), OutOfRange, "begin_norm_axis is ",
                begin_norm_axis, "; for X ", x, " it must be in [1, ", x.rank() - 1, "]");
  const int axis = static_cast<int>(begin_norm_axis);
  return {x.Product(0, axis), x.Product(axis, x.rank())};
}

struct LayerNormKernel {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const auto [rows, columns] = Split(c.Input("X").shape, c.Attr<int64_t>("begin_norm_axis"));
    RowPlan plan(kDTypeOf<C>, Shape{rows, columns}, 1);
    plan.AddIn(c, "X", RowKind::kRow);
    plan.AddIn(c, "Scale", RowKind::kShared);
    plan.AddIn(c, "Bias", RowKind::kShared);
    plan.AddOut(c, "Y", RowKind::kRow);
    plan.AddOut(c, "Mean", RowKind::kScalar);
    plan.AddOut(c, "Variance", RowKind::kScalar);
    return MakeRowKernel<C>(MakeFunctor<LayerNorm>(c), plan);
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }
};

struct LayerNormGradKernel {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const auto [rows, columns] = Split(c.Input("X").shape, c.Attr<int64_t>("begin_norm_axis"));
    const Shape full{rows, columns};
    RowPlan plan(kDTypeOf<C>, full, 1);
    plan.AddIn(c, "X", RowKind::kRow);
    plan.AddIn(c, "Scale", RowKind::kShared);
    plan.AddIn(c, "Mean", RowKind::kScalar);
    plan.AddIn(c, "Variance", RowKind::kScalar);
    plan.AddIn(c, "Y@GRAD", RowKind::kRow);
    plan.AddOut(c, "X@GRAD", RowKind::kRow);
    const auto f = MakeFunctor<LayerNormGradX>(c);
    const bool wants_x = c.HasOutput("X@GRAD");

    const auto operand = [&](const char* slot, const Shape& shape) {
      return MapInput{c.InputIndex(slot), c.Input(slot).dtype, shape};
    };
    const MapOp product = MakeMapOp<C>(
        MakeFunctor<NormalisedProduct>(c),
        MakeMapPlan(kDTypeOf<C>, full,
                    {operand("X", full), operand("Mean", Shape{rows, 1}),
                     operand("Variance", Shape{rows, 1}), operand("Y@GRAD", full)},
                    {{0, kDTypeOf<C>}}));
    const size_t product_bytes = AlignUp64(full.NumElements() * sizeof(C));
    const auto columns_sum = [&](DType from, const char* target) {
      return MakeReduceOp<C>(SumReducer{}, MakeReducePlan(kDTypeOf<C>, full, {true, false}, from,
                                                          c.Output(target).dtype));
    };
    const int scale_at = c.HasOutput("Scale@GRAD") ? c.OutputIndex("Scale@GRAD") : -1;
    const int bias_at = c.HasOutput("Bias@GRAD") ? c.OutputIndex("Bias@GRAD") : -1;
    const int dy_at = c.InputIndex("Y@GRAD");
    ReduceOp scale_sum, bias_sum;
    if (scale_at >= 0) scale_sum = columns_sum(kDTypeOf<C>, "Scale@GRAD");
    if (bias_at >= 0) bias_sum = columns_sum(c.Input("Y@GRAD").dtype, "Bias@GRAD");
    c.RequestWorkspace(product_bytes + std::max(scale_sum.workspace_bytes(), bias_sum.workspace_bytes()));
    return MakeKernel([=](const KernelArgs& args) {
      void* products = args.workspace;
      void* partial = static_cast<char*>(args.workspace) + product_bytes;
      if (scale_at >= 0) {
        product.Run(args.in, &products, args);
        scale_sum.Run(products, args.out[scale_at], partial, args);
      }
      if (bias_at >= 0) bias_sum.Run(args.in[dy_at], args.out[bias_at], partial, args);
      if (wants_x) RunRowWise<C>(f, plan, args.in, args.out, args);
    });
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }

 private:
  static size_t AlignUp64(size_t bytes) { return (bytes + 63) / 64 * 64; }
};

SKIFF_OP(layer_norm)
    .Doc("Y = (X - Mean) / sqrt(Variance + epsilon) Scale + Bias over the dimensions from begin_norm_axis on.")
    .Source("Ba, Kiros and Hinton 2016; names and defaults of Paddle's layer_norm")
    .Input("X", "rank 2 or more, floating")
    .OptionalInput("Scale", "[product of the normalised dimensions]")
    .OptionalInput("Bias", "[product of the normalised dimensions]")
    .Output("Y", "shape and dtype of X")
    .OptionalOutput("Mean", "the dimensions of X before begin_norm_axis")
    .OptionalOutput("Variance", "as Mean; without Bessel's correction")
    .Attr("epsilon", 1e-5f, "added to the variance")
    .Attr("begin_norm_axis", 1, "first normalised dimension")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      const int64_t axis = c.Attr<int64_t>("begin_norm_axis");
      SKIFF_ENFORCE(axis > 0 && axis < x.shape.rank(), OutOfRange, "begin_norm_axis is ", axis,
                    "; for X ", x.shape, " it must be in [1, ", x.shape.rank() - 1, "]");
      Shape rows;
      int64_t columns = 1;
      for (int d = 0; d < x.shape.rank(); ++d) {
        if (d < axis) rows.Append(x.shape[d]);
        else columns = columns < 0 || x.shape[d] < 0 ? -1 : columns * x.shape[d];
      }
      for (const char* slot : {"Scale", "Bias"}) {
        if (!c.HasInput(slot)) continue;
        const Shape& s = c.InputShape(slot);
        SKIFF_ENFORCE(columns < 0 || !s.IsKnown() || s.NumElements() == columns, InvalidArgument, slot,
                      " is ", s, "; it must hold ", columns, " elements, as the normalised part of X ",
                      x.shape);
      }
      const DType statistics = x.dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
      c.SetOutput("Y", TensorMeta{x.shape, x.dtype, x.lod_level});
      c.SetOutput("Mean", rows, statistics);
      c.SetOutput("Variance", rows, statistics);
    })
    .Inplace("X", "Y")
    .Gradient(StandardGrad({"X", "Scale", "Bias"}, {"Mean", "Variance"}, {"Y"}, {"X", "Scale", "Bias"}))
    .Kernel<LayerNormKernel, SKIFF_FLOATS>();

SKIFF_OP(layer_norm_grad)
    .Doc("Gradients of layer_norm by X, Scale and Bias.")
    .Source("derivative of layer_norm")
    .Input("X", "input of layer_norm")
    .OptionalInput("Scale", "as in layer_norm")
    .OptionalInput("Bias", "as in layer_norm")
    .Input("Mean", "output of layer_norm")
    .Input("Variance", "output of layer_norm")
    .Input("Y@GRAD", "shape and dtype of X")
    .OptionalOutput("X@GRAD", "shape and dtype of X")
    .OptionalOutput("Scale@GRAD", "shape and dtype of Scale")
    .OptionalOutput("Bias@GRAD", "shape and dtype of Bias")
    .Attr("epsilon", 1e-5f, "as in layer_norm")
    .Attr("begin_norm_axis", 1, "as in layer_norm")
    .InferShape(GradsLikeInputs())
    .Kernel<LayerNormGradKernel, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
