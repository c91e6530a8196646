// Norms and distances: renorm, dist, l1_norm; lerp.
#include "operators/kernel/broadcast.h"
#include "operators/kernel/channels.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

// ---- renorm: slices whose p-norm is above max_norm are scaled down to it --------------------------------------

constexpr double kRenormEpsilon = 1e-7;  // added to the norm, as Paddle does

template <typename T>
struct SliceNorm {
  double p, max_norm;
  const T* x;
  const T* out_grad;  // null when only the norm is wanted
  T *factor, *slope;  // for each slice: Out = factor X; X@GRAD = factor Out@GRAD - slope sign(X) |X|^(p-1)
  struct At {
    T p;
    const T *x, *out_grad;
    SKIFF_HD Two<T> operator()(int64_t i) const {
      return {math::Pow(math::Abs(x[i]), p), out_grad == nullptr ? T(0) : out_grad[i] * x[i]};
    }
  };
  SKIFF_HD At AtChannel(int64_t) const { return {static_cast<T>(p), x, out_grad}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t c, Two<S> sums) const {
    const double norm = pow(static_cast<double>(sums.first), 1 / p), scale = max_norm / (norm + kRenormEpsilon);
    factor[c] = static_cast<T>(norm > max_norm ? scale : 1);
    if (slope == nullptr) return;
    const double drop = static_cast<double>(sums.second) * scale / (norm + kRenormEpsilon) * pow(norm, 1 - p);
    slope[c] = static_cast<T>(norm > max_norm ? drop : 0);
  }
};

template <typename T>
struct ScaleSlice {
  const T *x, *factor;
  T* out;
  struct At {
    const T* x;
    T* out;
    T factor;
    SKIFF_HD void operator()(int64_t i) const { out[i] = x[i] * factor; }
  };
  SKIFF_HD At AtChannel(int64_t c) const { return {x, out, factor[c]}; }
};

template <typename T>
struct ScaleSliceGrad {
  double p;
  const T *x, *out_grad, *factor, *slope;
  T* x_grad;
  struct At {
    T p;
    const T *x, *out_grad;
    T* x_grad;
    T factor, slope;
    SKIFF_HD void operator()(int64_t i) const {
      const T size = math::Select(x[i] == T(0), T(0), math::Pow(math::Abs(x[i]), p - T(1)));
      x_grad[i] = out_grad[i] * factor - slope * math::Sign(x[i]) * size;
    }
  };
  SKIFF_HD At AtChannel(int64_t c) const { return {static_cast<T>(p), x, out_grad, x_grad, factor[c], slope[c]}; }
};

ChannelGeometry Slices(const Attrs& attrs, const Shape& x) {
  const int axis = NormalizeAxis(attrs.Get<int32_t>("axis"), x.rank());
  return {x.Product(0, axis), x[axis], x.Product(axis + 1, x.rank())};
}

struct Renorm {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const ChannelGeometry g = Slices(c.attrs(), c.Input("X").shape);
    c.RequestWorkspace(g.channels * sizeof(T));
    return MakeKernel([g, p = c.Attr<float>("p"), most = c.Attr<float>("max_norm")](const KernelArgs& args) {
      T* factor = static_cast<T*>(args.workspace);
      const T* x = static_cast<const T*>(args.in[0]);
      RunChannels(g, args, SliceNorm<T>{p, most, x, nullptr, factor, nullptr}, ScaleSlice<T>{x, factor, static_cast<T*>(args.out[0])});
    });
  }
};

struct RenormGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const ChannelGeometry g = Slices(c.attrs(), c.Input("X").shape);
    c.RequestWorkspace(2 * g.channels * sizeof(T));
    return MakeKernel([g, p = c.Attr<float>("p"), most = c.Attr<float>("max_norm"), xi = c.InputIndex("X"),
                       dout = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      T *factor = static_cast<T*>(args.workspace), *slope = factor + g.channels;
      const T *x = static_cast<const T*>(args.in[xi]), *d = static_cast<const T*>(args.in[dout]);
      RunChannels(g, args, SliceNorm<T>{p, most, x, d, factor, slope},
                  ScaleSliceGrad<T>{p, x, d, factor, slope, static_cast<T*>(args.out[0])});
    });
  }
};

SKIFF_OP(renorm)
    .Doc("Out = X, with each slice along axis whose p-norm is above max_norm scaled down to it.")
    .Source("paddle.renorm")
    .Input("X", "two axes at least")
    .Output("Out", "shape of X")
    .RequiredAttr<float>("p", "order of the norm, positive")
    .RequiredAttr<int32_t>("axis", "negative from the end")
    .RequiredAttr<float>("max_norm", "bound")
    .InferShape([](InferContext& c) {
      OutLike("X")(c);
      Slices(c.attrs(), c.InputShape("X"));
      SKIFF_ENFORCE(c.Attr<float>("p") > 0, InvalidArgument, "p is ", c.Attr<float>("p"), "; it must be positive");
    })
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Kernel<Renorm, float, double>();

SKIFF_OP(renorm_grad)
    .Doc("The gradient of renorm.")
    .Input("X", "as in renorm")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .RequiredAttr<float>("p", "as in renorm")
    .RequiredAttr<int32_t>("axis", "as in renorm")
    .RequiredAttr<float>("max_norm", "as in renorm")
    .InferShape(GradsLikeInputs())
    .Kernel<RenormGrad, float, double>();

// ---- dist: the p-norm of X - Y ---------------------------------------------------------------------------------

struct DistanceTerm {
  template <typename V> SKIFF_HD V operator()(V x, V y) const { return math::Abs(x - y); }
};
struct NonzeroCount : SumReducer {
  template <typename V> SKIFF_HD V Map(V x) const { return V(x != V(0)); }
};
struct LargestTerm : SumReducer {
  template <typename V> SKIFF_HD static V Combine(V a, V b) { return math::Max(a, b); }
};
struct SmallestTerm : SumReducer {
  template <typename V> SKIFF_HD static V Identity() { return std::numeric_limits<V>::infinity(); }
  template <typename V> SKIFF_HD static V Combine(V a, V b) { return math::Min(a, b); }
};
struct PowerNorm : SumReducer {
  explicit PowerNorm(double p) : p(p) {}
  template <typename V> SKIFF_HD V Map(V x) const { return math::Pow(x, V(p)); }
  template <typename V> SKIFF_HD V Finish(V a) const { return math::Pow(a, V(1 / p)); }
  double p;
};

/// The derivative of the distance by x - y.
struct DistanceSlope {
  explicit DistanceSlope(const Attrs& attrs) : p(attrs.Get<float>("p")) {}
  template <typename V> SKIFF_HD V operator()(V x, V y, V out, V dout) const {
    const V a = math::Abs(x - y), d = math::Sign(x - y) * dout;
    if (p == 0) return V(0);
    if (p == 1) return d;
    if (p - p != 0) return math::Select(a == out, d, V(0));
    const V ratio = math::Select(out == V(0), V(0), a / out);
    return math::Select(a == V(0), V(0), math::Pow(ratio, V(p) - V(1)) * d);
  }
  float p;
};
struct NegativeSlope : DistanceSlope {
  using DistanceSlope::DistanceSlope;
  template <typename V> SKIFF_HD V operator()(V x, V y, V out, V dout) const { return -DistanceSlope::operator()(x, y, out, dout); }
};

struct Dist {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape &x = c.Input("X").shape, &y = c.Input("Y").shape, full = BroadcastWithAxis(x, y, -1);
    const int rank = full.rank();
    const MapOp term = MakeMapOp<T>(DistanceTerm{}, MakeMapPlan(kDTypeOf<T>, full, {{c.InputIndex("X"), kDTypeOf<T>, AlignToRank(x, rank, -1)},
                                                                                    {c.InputIndex("Y"), kDTypeOf<T>, AlignToRank(y, rank, -1)}},
                                                                {{0, kDTypeOf<T>}}));
    const ReducePlan plan = MakeReducePlan(kDTypeOf<T>, full, std::vector<bool>(rank, true), kDTypeOf<T>, kDTypeOf<T>);
    const float p = c.Attr<float>("p");
    const ReduceOp reduce = p == 0       ? MakeReduceOp<T>(NonzeroCount{}, plan)
                            : p - p == 0 ? MakeReduceOp<T>(PowerNorm(p), plan)
                            : p > 0      ? MakeReduceOp<T>(LargestTerm{}, plan)
                                         : MakeReduceOp<T>(SmallestTerm{}, plan);
    const size_t bytes = (full.NumElements() * sizeof(T) + 63) / 64 * 64;
    c.RequestWorkspace(bytes + reduce.workspace_bytes());
    return MakeKernel([=](const KernelArgs& args) {
      void* terms = args.workspace;
      term.Run(args.in, &terms, args);
      reduce.Run(terms, args.out[0], static_cast<char*>(args.workspace) + bytes, args);
    });
  }
};

struct DistGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape full = BroadcastWithAxis(c.Input("X").shape, c.Input("Y").shape, -1);
    std::vector<OperandGrad> grads;
    if (c.HasOutput("X@GRAD")) {
      grads.push_back(OperandGrad::Make<T>(MakeFunctor<DistanceSlope>(c), c, "X@GRAD", full, {"X", "Y", "Out", "Out@GRAD"}));
    }
    if (c.HasOutput("Y@GRAD")) {
      grads.push_back(OperandGrad::Make<T>(MakeFunctor<NegativeSlope>(c), c, "Y@GRAD", full, {"X", "Y", "Out", "Out@GRAD"}));
    }
    return MakeOperandGradsKernel(std::move(grads), c);
  }
};

SKIFF_OP(dist)
    .Doc("Out = the p-norm of X - Y.")
    .Source("paddle.dist")
    .Input("X", "any shape")
    .Input("Y", "broadcasts against X")
    .Output("Out", "a scalar")
    .Attr("p", 2.0f, "order; 0 counts what differs, infinity takes the largest")
    .SameDType({"X", "Y"})
    .InferShape([](InferContext& c) {
      BroadcastWithAxis(c.InputShape("X"), c.InputShape("Y"), -1);
      c.SetOutput("Out", Shape{}, c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X", "Y"}, {"Out"}, {"Out"}, {"X", "Y"}))
    .Kernel<Dist, float, double>();

SKIFF_OP(dist_grad)
    .Doc("X@GRAD = Out@GRAD sign(X - Y) (|X - Y| / Out)^(p-1), Y@GRAD = -X@GRAD, summed where broadcast.")
    .Input("X", "as in dist")
    .Input("Y", "as in dist")
    .Input("Out", "of dist")
    .Input("Out@GRAD", "a scalar")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Y@GRAD", "shape of Y")
    .Attr("p", 2.0f, "as in dist")
    .InferShape(GradsLikeInputs())
    .Kernel<DistGrad, float, double>();

// ---- l1_norm ---------------------------------------------------------------------------------------------------

struct AbsSum : SumReducer {
  template <typename V> SKIFF_HD V Map(V x) const { return math::Abs(x); }
};
struct SignTimes {
  template <typename V> SKIFF_HD V operator()(V x, V dout) const { return math::Sign(x) * dout; }
};
struct L1Norm {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    return MakeReduceKernel(MakeReduceOp<T>(AbsSum{}, MakeReducePlan(kDTypeOf<T>, x, std::vector<bool>(x.rank(), true), kDTypeOf<T>, kDTypeOf<T>)), c);
  }
};
struct L1NormGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape flat{c.Input("X").shape.NumElements()};
    return MakeMapKernel(MakeMapOp<T>(SignTimes{}, MakeMapPlan(kDTypeOf<T>, flat, {{c.InputIndex("X"), kDTypeOf<T>, flat},
                                                                                   {c.InputIndex("Out@GRAD"), kDTypeOf<T>, Shape{1}}},
                                                               {{0, kDTypeOf<T>}})));
  }
};

SKIFF_OP(l1_norm)
    .Doc("Out = the sum of |X|.")
    .Source("names of Paddle's l1_norm")
    .Input("X", "any shape")
    .Output("Out", "a scalar")
    .InferShape([](InferContext& c) { c.SetOutput("Out", Shape{}, c.InputDType("X")); })
    .Gradient(FromX())
    .Kernel<L1Norm, float, double>();
SKIFF_OP(l1_norm_grad)
    .Doc("X@GRAD = sign(X) Out@GRAD.")
    .Input("X", "as in l1_norm")
    .Input("Out@GRAD", "one element")
    .Output("X@GRAD", "shape of X")
    .InferShape(GradsLikeInputs())
    .Kernel<L1NormGrad, float, double>();

// ---- lerp ------------------------------------------------------------------------------------------------------

struct LerpOf {
  template <typename V> SKIFF_HD V operator()(V x, V y, V w) const { return x + w * (y - x); }
};
struct LerpX {
  template <typename V> SKIFF_HD V operator()(V w, V dout) const { return dout * (V(1) - w); }
};
struct LerpY {
  template <typename V> SKIFF_HD V operator()(V w, V dout) const { return dout * w; }
};

Shape LerpShape(const Shape& x, const Shape& y, const Shape& w) {
  return BroadcastWithAxis(BroadcastWithAxis(x, y, -1), w, -1);
}

struct Lerp {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape& out = c.Output("Out").shape;
    std::vector<MapInput> in;
    for (const char* slot : {"X", "Y", "Weight"}) {
      in.push_back({c.InputIndex(slot), c.Input(slot).dtype, AlignToRank(c.Input(slot).shape, out.rank(), -1)});
    }
    const std::pair<int, DType> target{0, c.Output("Out").dtype};
    return MakeMapKernel(MakeMapOp<C>(LerpOf{}, MakeMapPlan(kDTypeOf<C>, out, in.data(), 3, &target, 1)));
  }
};
struct LerpGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape& full = c.Input("Out@GRAD").shape;
    std::vector<OperandGrad> grads;
    if (c.HasOutput("X@GRAD")) grads.push_back(OperandGrad::Make<C>(LerpX{}, c, "X@GRAD", full, {"Weight", "Out@GRAD"}));
    if (c.HasOutput("Y@GRAD")) grads.push_back(OperandGrad::Make<C>(LerpY{}, c, "Y@GRAD", full, {"Weight", "Out@GRAD"}));
    return MakeOperandGradsKernel(std::move(grads), c);
  }
};

SKIFF_OP(lerp)
    .Doc("Out = X + Weight (Y - X).")
    .Source("paddle.lerp")
    .Input("X", "any shape")
    .Input("Y", "broadcasts with X")
    .Input("Weight", "broadcasts with both")
    .Output("Out", "the broadcast shape")
    .InferShape([](InferContext& c) {
      c.SetOutput("Out", LerpShape(c.InputShape("X"), c.InputShape("Y"), c.InputShape("Weight")), c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X", "Y", "Weight"}, {"Out"}, {"Out"}, {"X", "Y"}))
    .Kernel<Lerp, SKIFF_FLOATS>();
SKIFF_OP(lerp_grad)
    .Doc("X@GRAD = Out@GRAD (1 - Weight), Y@GRAD = Out@GRAD Weight, summed where broadcast.")
    .Input("X", "as in lerp")
    .Input("Y", "as in lerp")
    .Input("Weight", "as in lerp")
    .OptionalInput("Out", "not read")
    .Input("Out@GRAD", "shape of Out")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Y@GRAD", "shape of Y")
    .InferShape(GradsLikeInputs())
    .Kernel<LerpGrad, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
