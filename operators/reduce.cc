// Reductions: sums, means, extremes, products and norms over any axes.
#include "operators/kernel/reduce.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct MaxReducer : SumReducer {
  template <typename V> SKIFF_HD static V Identity() {
    if constexpr (std::is_integral_v<V>) return std::numeric_limits<V>::min();
    else return -std::numeric_limits<V>::infinity();
  }
  template <typename V> SKIFF_HD static V Combine(V a, V b) { return math::Max(a, b); }
};
struct MinReducer : SumReducer {
  template <typename V> SKIFF_HD static V Identity() {
    if constexpr (std::is_integral_v<V>) return std::numeric_limits<V>::max();
    else return std::numeric_limits<V>::infinity();
  }
  template <typename V> SKIFF_HD static V Combine(V a, V b) { return math::Min(a, b); }
};
struct ProductReducer : SumReducer {
  template <typename V> SKIFF_HD static V Identity() { return V(1); }
  template <typename V> SKIFF_HD static V Combine(V a, V b) {
    if constexpr (std::is_integral_v<V> && std::is_signed_v<V>) {  // integers wrap around
      using U = std::make_unsigned_t<V>;
      return static_cast<V>(static_cast<U>(a) * static_cast<U>(b));
    } else {
      return a * b;
    }
  }
};
struct AllReducer : SumReducer {
  template <typename V> SKIFF_HD static V Identity() { return V(1); }
  template <typename V> SKIFF_HD V Map(V x) const { return V(x != V(0)); }
  template <typename V> SKIFF_HD static V Combine(V a, V b) { return math::Min(a, b); }
};
struct AnyReducer : SumReducer {
  template <typename V> SKIFF_HD V Map(V x) const { return V(x != V(0)); }
  template <typename V> SKIFF_HD static V Combine(V a, V b) { return math::Max(a, b); }
};
struct NormReducer : SquareSumReducer {
  template <typename V> SKIFF_HD V Finish(V a) const { return math::Sqrt(a); }
};
struct AbsMaxReducer : MaxReducer {
  template <typename V> SKIFF_HD V Map(V x) const { return math::Abs(x); }
};
struct AbsMinReducer : MinReducer {
  template <typename V> SKIFF_HD V Map(V x) const { return math::Abs(x); }
};
struct AbsSumReducer : SumReducer {
  template <typename V> SKIFF_HD V Map(V x) const { return math::Abs(x); }
};
struct PowerSumReducer : SumReducer {
  explicit PowerSumReducer(double p) : p(p) {}
  template <typename V> SKIFF_HD V Map(V x) const { return math::Pow(math::Abs(x), V(p)); }
  template <typename V> SKIFF_HD V Finish(V a) const { return math::Pow(a, V(1 / p)); }
  double p;
};

/// Axes from the attributes dim and reduce_all.
std::vector<bool> AxesOf(const Attrs& attrs, int rank) {
  if (attrs.Get<bool>("reduce_all")) return std::vector<bool>(rank, true);
  return ReducedDims(attrs.Get<std::vector<int64_t>>("dim"), false, rank);
}

/// A reduction over the axes that the attributes name.
template <typename R, bool kMean = false>
struct ReduceAxes {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const TensorInfo& x = c.Input("X");
    ReducePlan plan = MakeReducePlan(kDTypeOf<C>, x.shape, AxesOf(c.attrs(), x.shape.rank()), x.dtype,
                                     c.Output("Out").dtype);
    if (kMean) plan.scale = 1.0 / static_cast<double>(plan.num_reduced);
    return MakeReduceKernel(MakeReduceOp<C>(R{}, plan), c);
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }
};

/// A reduction over everything, whatever the attributes.
template <typename R, bool kMean = false>
struct ReduceEverything {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const TensorInfo& x = c.Input("X");
    ReducePlan plan = MakeReducePlan(kDTypeOf<C>, x.shape, std::vector<bool>(x.shape.rank(), true),
                                     x.dtype, c.Output("Out").dtype);
    if (kMean) plan.scale = 1.0 / static_cast<double>(plan.num_reduced);
    return MakeReduceKernel(MakeReduceOp<C>(R{}, plan), c);
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }
};

/// A gradient: f over X's shape of the named inputs, where Out and Out@GRAD are spread along the axes.
template <typename C, typename F>
std::unique_ptr<Kernel> SpreadKernel(const F& f, const PrepareContext& c, const std::vector<bool>& reduced,
                                     std::initializer_list<const char*> slots) {
  const Shape& x = c.Input("X").shape;
  const Shape kept = ReducedShape(x, reduced, /*keep_dim=*/true);
  std::vector<MapInput> in;
  for (const char* slot : slots) {
    const TensorInfo& info = c.Input(slot);
    const Shape& shape = std::string(slot) == "X" ? x : kept;
    SKIFF_ENFORCE(info.shape.NumElements() == shape.NumElements(), InvalidArgument, slot, " is ",
                  info.shape, "; it must hold ", shape.NumElements(), " elements");
    in.push_back({c.InputIndex(slot), info.dtype, shape});
  }
  const std::pair<int, DType> target{0, c.outputs.at(0).dtype};
  return MakeMapKernel(MakeMapOp<C>(
      f, MakeMapPlan(kDTypeOf<C>, x, in.data(), static_cast<int>(in.size()), &target, 1)));
}

struct Spread {
  template <typename V> SKIFF_HD V operator()(V dout) const { return dout * V(scale); }
  double scale = 1;
};
struct ToEqual {
  template <typename V> SKIFF_HD V operator()(V x, V out, V dout) const {
    return math::Select(x == out, dout, V(0));
  }
};
struct ProductPart {
  template <typename V> SKIFF_HD V operator()(V x, V out, V dout) const { return math::Divide(out * dout, x); }
};
struct NormPart {
  template <typename V> SKIFF_HD V operator()(V x, V out, V dout) const {
    return math::Select(out == V(0), V(0), x * dout / out);
  }
};
struct TwiceX {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const { return V(2) * x * dout; }
};

template <bool kMean>
struct SpreadGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const auto axes = AxesOf(c.attrs(), x.rank());
    const double count = static_cast<double>(x.NumElements()) / ReducedShape(x, axes, false).NumElements();
    return SpreadKernel<Compute<T>>(Spread{kMean ? 1 / count : 1}, c, axes, {"Out@GRAD"});
  }
};
template <typename F>
struct ValueGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return SpreadKernel<Compute<T>>(F{}, c, AxesOf(c.attrs(), c.Input("X").shape.rank()),
                                    {"X", "Out", "Out@GRAD"});
  }
};
template <typename F, bool kMean, bool kReadsX>
struct EverythingGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const std::vector<bool> all(x.rank(), true);
    F f{};
    if constexpr (kMean) f.scale = 1.0 / static_cast<double>(x.NumElements());
    if constexpr (kReadsX) return SpreadKernel<Compute<T>>(f, c, all, {"X", "Out@GRAD"});
    else return SpreadKernel<Compute<T>>(f, c, all, {"Out@GRAD"});
  }
};

[[maybe_unused]] void InferReduce(InferContext& c, DType otherwise) {
  const TensorMeta& x = c.Input("X");
  const int32_t code = c.Attr<int32_t>("out_dtype");
  DType dtype = IsValidDType(code) ? static_cast<DType>(code) : otherwise;
  // Paddle widens sums of these by itself.
  const bool narrow = x.dtype == DType::kBool || x.dtype == DType::kInt32;
  if (dtype == DType::kUndefined && narrow && c.type() == "reduce_sum") dtype = DType::kInt64;
  dtype = dtype == DType::kUndefined ? x.dtype : dtype;
  if (!c.Attr<bool>("reduce_all") && SetUnknownReduction(c, "dim", c.Attr<bool>("keep_dim"), dtype)) return;
  c.SetOutput("Out", ReducedShape(x.shape, AxesOf(c.attrs(), x.shape.rank()), c.Attr<bool>("keep_dim")), dtype);
}

#define SKIFF_REDUCE_ATTRS(Ints)                                                           \
  Attr("dim", std::vector<Ints>{0}, "axes to reduce, negative from the end; ignored when reduce_all") \
      .Attr("keep_dim", false, "reduced axes stay with extent 1")                          \
      .Attr("reduce_all", false, "every axis")                                             \
      .Attr("in_dtype", -1, "ignored: X decides")                                          \
      .Attr("out_dtype", -1, "code of Out's dtype; -1: that of X")

#define SKIFF_REDUCE(type, Ints, dtype, doc)                                               \
  SKIFF_OP(type)                                                                           \
      .Doc(doc)                                                                            \
      .Source("names and defaults of Paddle's " #type)                                     \
      .Input("X", "any shape")                                                             \
      .Output("Out", "X without the reduced axes")                                         \
      .SKIFF_REDUCE_ATTRS(Ints)                                                            \
      .InferShape([](InferContext& c) { InferReduce(c, dtype); })

#define SKIFF_REDUCE_GRAD(type, doc)                                                       \
  SKIFF_OP(type##_grad)                                                                    \
      .Doc(doc)                                                                            \
      .Source("derivative of " #type)                                                      \
      .Input("X", "input of " #type)                                                       \
      .OptionalInput("Out", "output of " #type)                                            \
      .Input("Out@GRAD", "shape of Out")                                                   \
      .Output("X@GRAD", "shape and dtype of X")                                            \
      .SKIFF_REDUCE_ATTRS(int32_t)                                                         \
      .InferShape(Like("X@GRAD", "X"))

SKIFF_REDUCE(reduce_sum, int32_t, DType::kUndefined, "Out = the sum of X along dim; int64 for bool and int32.")
    .KeyedBy("Out")
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Kernel<ReduceAxes<SumReducer>, SKIFF_FLOATS, SKIFF_INTS, bool, SKIFF_COMPLEX>();
SKIFF_REDUCE_GRAD(reduce_sum, "X@GRAD = Out@GRAD spread along dim.")
    .Gradient(ForwardAgain("reduce_sum", "X", "Out"))
    .Kernel<SpreadGrad<false>, SKIFF_FLOATS, SKIFF_INTS, bool, SKIFF_COMPLEX>();

SKIFF_REDUCE(reduce_mean, int32_t, DType::kUndefined, "Out = the mean of X along dim.")
    .KeyedBy("Out")
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Kernel<ReduceAxes<SumReducer, true>, SKIFF_FLOATS, int32_t, int64_t, SKIFF_COMPLEX>();
SKIFF_REDUCE_GRAD(reduce_mean, "X@GRAD = Out@GRAD / count spread along dim.")
    .Gradient(ForwardAgain("reduce_mean", "X", "Out"))
    .Kernel<SpreadGrad<true>, SKIFF_FLOATS, SKIFF_COMPLEX>();

SKIFF_REDUCE(reduce_max, int32_t, DType::kUndefined, "Out = the largest of X along dim.")
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Kernel<ReduceAxes<MaxReducer>, SKIFF_FLOATS, int32_t, int64_t>();
SKIFF_REDUCE_GRAD(reduce_max, "Out@GRAD goes to every element equal to Out.")
    .Kernel<ValueGrad<ToEqual>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_REDUCE(reduce_min, int32_t, DType::kUndefined, "Out = the smallest of X along dim.")
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Kernel<ReduceAxes<MinReducer>, SKIFF_FLOATS, int32_t, int64_t>();
SKIFF_REDUCE_GRAD(reduce_min, "Out@GRAD goes to every element equal to Out.")
    .Kernel<ValueGrad<ToEqual>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_REDUCE(reduce_prod, int32_t, DType::kUndefined, "Out = the product of X along dim.")
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Kernel<ReduceAxes<ProductReducer>, SKIFF_FLOATS, int32_t, int64_t>();
SKIFF_REDUCE_GRAD(reduce_prod, "X@GRAD = Out@GRAD Out / X.")
    .Kernel<ValueGrad<ProductPart>, SKIFF_FLOATS, int32_t, int64_t>();

#define SKIFF_AXIS_TENSORS                                                                 \
  .OptionalInputs("AxisTensorList", "integers: dim, one for each axis; not read by Paddle")           \
      .OptionalInput("AxisTensor", "integers: dim, where there is no list; not read by Paddle") \
      .AttrFrom("dim", "AxisTensorList")                                                   \
      .AttrFrom("dim", "AxisTensor")

SKIFF_REDUCE(reduce_all, int64_t, DType::kBool, "Out = all of X along dim hold.")
    SKIFF_AXIS_TENSORS
    .Kernel<ReduceAxes<AllReducer>, bool, SKIFF_INTS, float, double>();
SKIFF_REDUCE(reduce_any, int64_t, DType::kBool, "Out = some of X along dim holds.")
    SKIFF_AXIS_TENSORS
    .Kernel<ReduceAxes<AnyReducer>, bool, SKIFF_INTS, float, double>();

SKIFF_REDUCE(frobenius_norm, int32_t, DType::kUndefined, "Out = the square root of the sum of X^2 along dim.")
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Kernel<ReduceAxes<NormReducer>, SKIFF_FLOATS>();
SKIFF_REDUCE_GRAD(frobenius_norm, "X@GRAD = Out@GRAD X / Out.")
    .Kernel<ValueGrad<NormPart>, SKIFF_FLOATS>();

#define SKIFF_WHOLE(type, shape, doc)                                                      \
  SKIFF_OP(type)                                                                           \
      .Doc(doc)                                                                            \
      .Source("names of Paddle's " #type)                                                  \
      .Input("X", "any shape, floating")                                                   \
      .Output("Out", "one element")                                                        \
      .InferShape([](InferContext& c) { c.SetOutput("Out", shape, c.InputDType("X")); })   \
      .Gradient(FromX())
#define SKIFF_WHOLE_GRAD(type, doc)                                                        \
  SKIFF_OP(type##_grad)                                                                    \
      .Doc(doc)                                                                            \
      .Source("derivative of " #type)                                                      \
      .Input("X", "input of " #type)                                                       \
      .Input("Out@GRAD", "one element")                                                    \
      .Output("X@GRAD", "shape and dtype of X")                                            \
      .InferShape(Like("X@GRAD", "X"))

SKIFF_WHOLE(mean, Shape{}, "Out = the mean of all of X.")
    .Kernel<ReduceEverything<SumReducer, true>, SKIFF_FLOATS, SKIFF_COMPLEX>();
SKIFF_WHOLE_GRAD(mean, "X@GRAD = Out@GRAD / count.")
    .Kernel<EverythingGrad<Spread, true, false>, SKIFF_FLOATS, SKIFF_COMPLEX>();

SKIFF_WHOLE(squared_l2_norm, Shape{1}, "Out = the sum of X^2.")
    .Kernel<ReduceEverything<SquareSumReducer>, SKIFF_FLOATS>();
SKIFF_WHOLE_GRAD(squared_l2_norm, "X@GRAD = 2 X Out@GRAD.")
    .Kernel<EverythingGrad<TwiceX, false, true>, SKIFF_FLOATS>();

/// Axis of p_norm: one, or all when asvector.
std::vector<bool> NormAxes(const Attrs& attrs, int rank) {
  const bool all = attrs.Get<bool>("asvector");
  std::vector<bool> reduced(rank, all);
  if (!all && rank > 0) reduced[NormalizeAxis(attrs.Get<int64_t>("axis"), rank)] = true;
  return reduced;
}

struct CountReducer : AnyReducer {
  template <typename V> SKIFF_HD static V Combine(V a, V b) { return a + b; }
};

struct PNormKernel {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const TensorInfo& x = c.Input("X");
    const float p = c.Attr<float>("porder");
    const ReducePlan plan = MakeReducePlan(kDTypeOf<C>, x.shape, NormAxes(c.attrs(), x.shape.rank()),
                                           x.dtype, c.Output("Out").dtype);
    const auto make = [&](auto reducer) { return MakeReduceKernel(MakeReduceOp<C>(reducer, plan), c); };
    if (p == 0) return make(CountReducer{});
    if (p == 1) return make(AbsSumReducer{});
    if (p == 2) return make(NormReducer{});
    if (std::isinf(p)) return p > 0 ? make(AbsMaxReducer{}) : make(AbsMinReducer{});
    return make(PowerSumReducer(p));
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }
};

/// X@GRAD = Out@GRAD sign(X) (|X| / Out)^(p-1); for p = +-inf to the elements whose size is Out.
struct PNormPart {
  explicit PNormPart(const Attrs& attrs) : p(attrs.Get<float>("porder")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V out, V dout) const {
    const V a = math::Abs(x), d = math::Sign(x) * dout;
    if (p == 0) return V(0);
    if (p == 1) return d;
    if (p - p != 0) return math::Select(a == out, d, V(0));
    const V ratio = math::Select(out == V(0), V(0), a / out);
    if (p == 2) return ratio * d;
    return math::Select(x == V(0), V(0), math::Pow(ratio, V(p) - V(1)) * d);
  }
  float p;
};
struct PNormGradKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return SpreadKernel<Compute<T>>(MakeFunctor<PNormPart>(c), c,
                                    NormAxes(c.attrs(), c.Input("X").shape.rank()),
                                    {"X", "Out", "Out@GRAD"});
  }
};

SKIFF_OP(p_norm)
    .Doc("Out = (sum of |X|^porder)^(1 / porder) along axis; the largest |X| for inf, the count of non-zeros for 0.")
    .Source("names and defaults of Paddle's p_norm")
    .Input("X", "any shape, floating")
    .Output("Out", "X without axis")
    .Attr("porder", 2.0f, "order of the norm")
    .Attr("axis", -1, "axis to reduce, negative from the end")
    .Attr("epsilon", 1e-12f, "ignored: a zero vector has gradient 0")
    .Attr("keepdim", false, "the axis stays with extent 1")
    .Attr("asvector", false, "X as one vector: every axis is reduced")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      c.SetOutput("Out", ReducedShape(x.shape, NormAxes(c.attrs(), x.shape.rank()), c.Attr<bool>("keepdim")),
                  x.dtype);
    })
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Kernel<PNormKernel, SKIFF_FLOATS>();

SKIFF_OP(p_norm_grad)
    .Doc("X@GRAD = Out@GRAD sign(X) (|X| / Out)^(porder - 1).")
    .Source("derivative of p_norm")
    .Input("X", "input of p_norm")
    .Input("Out", "output of p_norm")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .Attr("porder", 2.0f, "as in p_norm")
    .Attr("axis", -1, "as in p_norm")
    .Attr("epsilon", 1e-12f, "as in p_norm")
    .Attr("keepdim", false, "as in p_norm")
    .Attr("asvector", false, "as in p_norm")
    .InferShape(Like("X@GRAD", "X"))
    .Kernel<PNormGradKernel, SKIFF_FLOATS>();

struct ClipToNorm {
  explicit ClipToNorm(const Attrs& attrs) : max_norm(attrs.Get<float>("max_norm")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V norm) const {
    return math::Select(norm > V(max_norm), x * (V(max_norm) / norm), x);
  }
  float max_norm;
};
struct ClipByNormKernel {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const TensorInfo& x = c.Input("X");
    const ReduceOp norm = MakeReduceOp<C>(
        NormReducer{}, MakeReducePlan(kDTypeOf<C>, x.shape, std::vector<bool>(x.shape.rank(), true),
                                      x.dtype, kDTypeOf<C>));
    const Shape flat{x.shape.NumElements()};
    const MapOp clip = MakeMapOp<C>(
        MakeFunctor<ClipToNorm>(c),
        MakeMapPlan(kDTypeOf<C>, flat, {{0, x.dtype, flat}, {1, kDTypeOf<C>, Shape{1}}},
                    {{0, c.Output("Out").dtype}}));
    c.RequestWorkspace(64 + norm.workspace_bytes());
    return MakeKernel([=](const KernelArgs& args) {
      norm.Run(args.in[0], args.workspace, static_cast<char*>(args.workspace) + 64, args);
      const void* in[] = {args.in[0], args.workspace};
      clip.Run(in, args.out, args);
    });
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }
};

SKIFF_OP(clip_by_norm)
    .Doc("Out = X max_norm / norm(X) where norm(X) > max_norm, else X; norm is the Euclidean one of all of X.")
    .Source("names of Paddle's clip_by_norm")
    .Input("X", "any shape, floating")
    .Output("Out", "shape and dtype of X")
    .RequiredAttr<float>("max_norm", "largest norm of Out")
    .InferShape(OutLike("X"))
    .Inplace("X", "Out")
    .Kernel<ClipByNormKernel, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
