// Reductions that need more than one pass: logsumexp, and the extremes reduce_amax and reduce_amin, whose gradient
// is shared among equal elements.
#include "operators/kernel/reduce.h"
#include "operators/kernel/unary.h"
#include "operators/kernel_parts.h"

namespace skiff {
namespace {

struct Largest : SumReducer {
  template <typename V> SKIFF_HD static V Identity() {
    if constexpr (std::is_integral_v<V>) return std::numeric_limits<V>::min();
    else return -std::numeric_limits<V>::infinity();
  }
  template <typename V> SKIFF_HD static V Combine(V a, V b) { return math::Max(a, b); }
};
struct Smallest : SumReducer {
  template <typename V> SKIFF_HD static V Identity() {
    if constexpr (std::is_integral_v<V>) return std::numeric_limits<V>::max();
    else return std::numeric_limits<V>::infinity();
  }
  template <typename V> SKIFF_HD static V Combine(V a, V b) { return math::Min(a, b); }
};

/// exp(x - largest); 1 where both are the same infinity, so that their logarithm is 0.
struct ExpBelow {
  template <typename V> SKIFF_HD V operator()(V x, V largest) const {
    return math::Select(x == largest, V(1), math::Exp(x - largest));
  }
};
struct LogPlus {
  template <typename V> SKIFF_HD V operator()(V sum, V largest) const {
    return math::Select(largest - largest == V(0), math::Log(sum) + largest, largest);
  }
};
struct ExpShare {
  template <typename V> SKIFF_HD V operator()(V x, V out, V dout) const { return dout * math::Exp(x - out); }
};
struct IsEqual {
  template <typename V> SKIFF_HD V operator()(V x, V out) const { return math::Select(x == out, V(1), V(0)); }
};
struct Share {
  template <typename V> SKIFF_HD V operator()(V x, V out, V dout, V count) const {
    return math::Select(x == out, dout / count, V(0));
  }
};

// For reduce_amax and reduce_amin Paddle does not look at reduce_all: an empty dim means all.
std::vector<bool> AxesOfAttrs(const Attrs& attrs, int rank) {
  if (attrs.Has("dim")) return ReducedDims(attrs.Get<std::vector<int64_t>>("dim"), false, rank);
  return ReducedDims(attrs.Get<std::vector<int64_t>>("axis"), attrs.Get<bool>("reduce_all"), rank);
}
bool KeepsDims(const Attrs& attrs) { return attrs.Get<bool>(attrs.Has("keepdim") ? "keepdim" : "keep_dim"); }

size_t Aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

struct LogSumExp {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    constexpr DType kC = kDTypeOf<C>;
    const TensorInfo& x = c.Input("X");
    const std::vector<bool> axes = AxesOfAttrs(c.attrs(), x.shape.rank());
    const Shape kept = ReducedShape(x.shape, axes, true);
    const ReduceOp largest = MakeReduceOp<C>(Largest{}, MakeReducePlan(kC, x.shape, axes, x.dtype, kC));
    const MapOp below = MakeMapOp<C>(ExpBelow{}, MakeMapPlan(kC, x.shape, {{0, x.dtype, x.shape}, {1, kC, kept}}, {{0, kC}}));
    const ReduceOp sum = MakeReduceOp<C>(SumReducer{}, MakeReducePlan(kC, x.shape, axes, kC, kC));
    const Shape flat{kept.NumElements()};
    const MapOp finish = MakeMapOp<C>(LogPlus{}, MakeMapPlan(kC, flat, {{0, kC, flat}, {1, kC, flat}}, {{0, c.Output("Out").dtype}}));
    const size_t row = Aligned(kept.NumElements() * sizeof(C)), full = Aligned(x.shape.NumElements() * sizeof(C));
    c.RequestWorkspace(2 * row + full + std::max(largest.workspace_bytes(), sum.workspace_bytes()));
    return MakeKernel([=](const KernelArgs& args) {
      char* work = static_cast<char*>(args.workspace);
      void *max = work, *total = work + row, *terms = work + 2 * row, *rest = work + 2 * row + full;
      largest.Run(args.in[0], max, rest, args);
      const void* in[] = {args.in[0], max};
      below.Run(in, &terms, args);
      sum.Run(terms, total, rest, args);
      const void* parts[] = {total, max};
      finish.Run(parts, args.out, args);
    });
  }
};

/// A map over X's shape of X, and of Out and Out@GRAD spread along the reduced axes.
struct LogSumExpGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const TensorInfo& x = c.Input("X");
    const Shape kept = ReducedShape(x.shape, AxesOfAttrs(c.attrs(), x.shape.rank()), true);
    return MakeMapKernel(MakeMapOp<C>(
        ExpShare{}, MakeMapPlan(kDTypeOf<C>, x.shape,
                                {{c.InputIndex("X"), x.dtype, x.shape}, {c.InputIndex("Out"), c.Input("Out").dtype, kept},
                                 {c.InputIndex("Out@GRAD"), c.Input("Out@GRAD").dtype, kept}},
                                {{0, c.Output("X@GRAD").dtype}})));
  }
};

template <typename R>
struct Extreme {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const TensorInfo& x = c.Input("X");
    return MakeReduceKernel(MakeReduceOp<C>(R{}, MakeReducePlan(kDTypeOf<C>, x.shape, AxesOfAttrs(c.attrs(), x.shape.rank()), x.dtype,
                                                                c.Output("Out").dtype)), c);
  }
};

struct ExtremeGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    constexpr DType kC = kDTypeOf<C>;
    const TensorInfo &x = c.Input("X"), &out = c.Input("Out"), &dout = c.Input("Out@GRAD");
    const std::vector<bool> axes = AxesOfAttrs(c.attrs(), x.shape.rank());
    const Shape kept = ReducedShape(x.shape, axes, true);
    const MapOp equal = MakeMapOp<C>(IsEqual{}, MakeMapPlan(kC, x.shape, {{0, x.dtype, x.shape}, {1, out.dtype, kept}}, {{0, kC}}));
    const ReduceOp sum = MakeReduceOp<C>(SumReducer{}, MakeReducePlan(kC, x.shape, axes, kC, kC));
    const MapOp share = MakeMapOp<C>(Share{}, MakeMapPlan(kC, x.shape, {{0, x.dtype, x.shape}, {1, out.dtype, kept}, {2, dout.dtype, kept},
                                                                        {3, kC, kept}}, {{0, c.Output("X@GRAD").dtype}}));
    const size_t row = Aligned(kept.NumElements() * sizeof(C)), full = Aligned(x.shape.NumElements() * sizeof(C));
    c.RequestWorkspace(row + full + sum.workspace_bytes());
    return MakeKernel([=, xi = c.InputIndex("X"), oi = c.InputIndex("Out"), di = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      char* work = static_cast<char*>(args.workspace);
      void *count = work, *ones = work + row;
      const void* in[] = {args.in[xi], args.in[oi], args.in[di], count};
      equal.Run(in, &ones, args);
      sum.Run(ones, count, work + row + full, args);
      share.Run(in, args.out, args);
    });
  }
};

[[maybe_unused]] void InferOverAxes(InferContext& c) {
  const TensorMeta& x = c.Input("X");
  if (SetUnknownReduction(c, c.attrs().Has("dim") ? "dim" : "axis", KeepsDims(c.attrs()), x.dtype)) return;
  c.SetOutput("Out", ReducedShape(x.shape, AxesOfAttrs(c.attrs(), x.shape.rank()), KeepsDims(c.attrs())), x.dtype);
}

SKIFF_OP(logsumexp)
    .Doc("Out = log of the sum of exp(X) over axis; the largest is subtracted first.")
    .Source("paddle.logsumexp")
    .Input("X", "any shape, floating")
    .Output("Out", "X without the reduced axes")
    .Attr("axis", std::vector<int32_t>{0}, "axes to reduce, negative from the end")
    .Attr("keepdim", false, "reduced axes stay with extent 1")
    .Attr("reduce_all", false, "every axis")
    .InferShape(InferOverAxes)
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Kernel<LogSumExp, SKIFF_FLOATS>();

SKIFF_OP(logsumexp_grad)
    .Doc("X@GRAD = Out@GRAD exp(X - Out).")
    .Input("X", "as in logsumexp")
    .Input("Out", "of logsumexp")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("axis", std::vector<int32_t>{0}, "as in logsumexp")
    .Attr("keepdim", false, "as in logsumexp")
    .Attr("reduce_all", false, "as in logsumexp")
    .InferShape(GradsLikeInputs())
    .Kernel<LogSumExpGrad, SKIFF_FLOATS>();

#define SKIFF_EXTREME_ATTRS                                                                  \
  .Attr("dim", std::vector<int64_t>{0}, "axes to reduce, negative from the end")             \
      .Attr("keep_dim", false, "reduced axes stay with extent 1")                            \
      .Attr("reduce_all", false, "not read: an empty dim means every axis")                  \
      .Attr("in_dtype", -1, "ignored: X decides")                                            \
      .Attr("out_dtype", -1, "ignored: X decides")                                           \
      .OptionalInputs("AxisTensorList", "integers: dim, one for each axis; not read by Paddle")         \
      .OptionalInput("AxisTensor", "integers: dim, where there is no list; not read by Paddle")  \
      .AttrFrom("dim", "AxisTensorList")                                                     \
      .AttrFrom("dim", "AxisTensor")
#define SKIFF_SHARED_EXTREME(type, Reducer, word)                                            \
  SKIFF_OP(type)                                                                             \
      .Doc("Out = the " word " of X along dim.")                                             \
      .Source("names and defaults of Paddle's " #type)                                       \
      .Input("X", "any shape")                                                               \
      .Output("Out", "X without the reduced axes")                                           \
      SKIFF_EXTREME_ATTRS                                                                    \
      .InferShape(InferOverAxes)                                                             \
      .Gradient(StandardGrad({"X", "AxisTensorList", "AxisTensor"}, {"Out"}, {"Out"}, {"X"})) \
      .Kernel<Extreme<Reducer>, float, double, int32_t, int64_t>();                          \
  SKIFF_OP(type##_grad)                                                                      \
      .Doc("Out@GRAD is shared by the elements equal to Out.")                               \
      .Input("X", "as in " #type)                                                            \
      .Input("Out", "of " #type)                                                             \
      .Input("Out@GRAD", "shape of Out")                                                     \
      .Output("X@GRAD", "shape of X")                                                        \
      SKIFF_EXTREME_ATTRS                                                                    \
      .InferShape(GradsLikeInputs())                                                         \
      .Kernel<ExtremeGrad, float, double>()
SKIFF_SHARED_EXTREME(reduce_amax, Largest, "largest");
SKIFF_SHARED_EXTREME(reduce_amin, Smallest, "smallest");

}  // namespace
}  // namespace skiff
