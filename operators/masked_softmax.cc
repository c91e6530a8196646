// The softmax of attention scores with a mask added, or of what lies at or before each position.
#include "operators/kernel/for_each.h"
#include "operators/kernel/rowwise.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

/// `score(i)` of the first `seen` elements of a row; the others come out as 0.
template <typename Row, typename Score>
SKIFF_HD void SoftmaxOf(const Row& row, int64_t seen, const Score& score) {
  const auto y = row.Out(0);
  const auto max = row.Max([=](int64_t i) { return score(i < seen ? i : 0); });
  using V = std::decay_t<decltype(max)>;
  const auto sum = row.Sum([=](int64_t i) {
    const auto e = i < seen ? math::Exp(score(i) - max) : V(0);
    y.Set(i, e);
    return e;
  });
  const auto inverse = V(1) / sum;
  row.Each([=](int64_t i) { y.Set(i, y.Get(i) * inverse); });
}

template <typename T>
struct MaskedSoftmax {
  const T* mask;  // [batch, 1, queries, keys]
  int64_t heads, queries;
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0);
    const T* m = mask + (row.index / (heads * queries) * queries + row.index % queries) * row.n;
    SoftmaxOf(row, row.n, [=](int64_t i) { return x[i] + LoadElement(m[i]); });
  }
};

struct UpperTriangleSoftmax {
  int64_t queries;
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0);
    const int64_t seen = row.index % queries + 1;
    SoftmaxOf(row, seen < row.n ? seen : row.n, [=](int64_t i) { return x[i]; });
  }
};

struct MaskedSoftmaxGrad {
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto y = row.In(0), dy = row.In(1);
    const auto dx = row.Out(0);
    const auto dot = row.Sum([=](int64_t i) { return y[i] * dy[i]; });
    row.Each([=](int64_t i) { dx.Set(i, (dy[i] - dot) * y[i]); });
  }
};

template <typename C>
RowPlan LastAxis(PrepareContext& c, std::initializer_list<const char*> inputs, const char* output) {
  const Shape& shape = c.Output(output).shape;
  RowPlan plan(kDTypeOf<C>, shape, shape.rank() - 1);
  for (const char* slot : inputs) plan.AddIn(c, slot, RowKind::kRow);
  plan.AddOut(c, output, RowKind::kRow);
  return plan;
}

struct MaskedSoftmaxKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape& x = c.Input("X").shape;
    const int64_t heads = x[1], queries = x[2];
    const int mask = c.InputIndex("Mask");
    return MakeKernel([=, plan = LastAxis<C>(c, {"X"}, "Out")](const KernelArgs& args) {
      RunRowWise<C>(MaskedSoftmax<T>{static_cast<const T*>(args.in[mask]), heads, queries}, plan, args.in, args.out, args);
    });
  }
};

struct UpperTriangleKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    return MakeRowKernel<C>(UpperTriangleSoftmax{c.Input("X").shape.At(-2)}, LastAxis<C>(c, {"X"}, "Out"));
  }
};

struct MaskedSoftmaxGradKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const char* result = c.HasInput("Softmax") ? "Softmax" : "Out";
    return MakeRowKernel<C>(MaskedSoftmaxGrad{}, LastAxis<C>(c, {result, "Out@GRAD"}, "X@GRAD"));
  }
};

[[maybe_unused]] void CheckScores(const Shape& x) {
  SKIFF_ENFORCE(x.rank() == 4, InvalidArgument, "X has shape ", x, "; expected [batch, heads, queries, keys]");
}

SKIFF_OP(fused_softmax_mask)
    .Doc("Out = softmax(X + Mask) over the last axis.")
    .Source("names of Paddle's fused_softmax_mask")
    .Input("X", "[batch, heads, queries, keys]")
    .Input("Mask", "[batch, 1, queries, keys], dtype of X")
    .Output("Out", "shape and dtype of X")
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X"), mask = c.Input("Mask");
      CheckScores(x.shape);
      const Shape wanted{x.shape[0], 1, x.shape[2], x.shape[3]};
      bool fits = mask.shape.rank() == 4 && mask.dtype == x.dtype;
      for (int d = 0; fits && d < 4; ++d) fits = mask.shape[d] < 0 || wanted[d] < 0 || mask.shape[d] == wanted[d];
      SKIFF_ENFORCE(fits, InvalidArgument, "Mask is ", mask.dtype, " ", mask.shape, "; X ", x.dtype, " ", x.shape, " wants ", wanted);
      c.SetOutput("Out", x);
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"fused_softmax_mask_grad", {{"Softmax", g.Out("Out")}, {"Out@GRAD", g.OutGrad("Out")}},
               {{"X@GRAD", g.InGrad("X")}}, g.fwd.attrs}};
    })
    .Kernel<MaskedSoftmaxKernel, SKIFF_FLOATS>();

SKIFF_OP(fused_softmax_mask_grad)
    .Doc("X@GRAD = (Out@GRAD - sum(Out@GRAD Softmax)) Softmax.")
    .Source("derivative of fused_softmax_mask")
    .Input("Softmax", "Out of fused_softmax_mask")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Kernel<MaskedSoftmaxGradKernel, SKIFF_FLOATS>();

SKIFF_OP(fused_softmax_mask_upper_triangle)
    .Doc("Out = softmax over the last axis of X up to the diagonal: query i sees keys 0 to i; the others are 0.")
    .Source("names of Paddle's fused_softmax_mask_upper_triangle")
    .Input("X", "[batch, heads, queries, keys]")
    .Output("Out", "shape and dtype of X")
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      CheckScores(x.shape);
      c.SetOutput("Out", x);
    })
    .Gradient(FromOut())
    .Kernel<UpperTriangleKernel, SKIFF_FLOATS>();

SKIFF_OP(fused_softmax_mask_upper_triangle_grad)
    .Doc("X@GRAD = (Out@GRAD - sum(Out@GRAD Out)) Out.")
    .Source("derivative of fused_softmax_mask_upper_triangle")
    .Input("Out", "of fused_softmax_mask_upper_triangle")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Kernel<MaskedSoftmaxGradKernel, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
