// Functions across one axis: maxout, lrn, norm (division by the length).
#include "operators/kernel/for_each.h"
#include "operators/kernel/rowwise.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

/// A tensor as [outer, n, inner] around one axis.
struct AroundAxis {
  int64_t outer = 1, n = 1, inner = 1;
  AroundAxis() = default;
  AroundAxis(const Shape& x, int axis)
      : outer(x.Product(0, axis)), n(x[axis]), inner(x.Product(axis + 1, x.rank())) {}
};

// ---- maxout --------------------------------------------------------------------------------------------------

template <typename T>
struct LargestOfGroup {  // i counts Out
  AroundAxis g;          // of Out
  int64_t groups;
  const T* x;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const T* from = x + (i / g.inner) * groups * g.inner + i % g.inner;
    T largest = from[0];
    for (int64_t k = 1; k < groups; ++k) largest = math::Max(largest, from[k * g.inner]);
    out[i] = largest;
  }
};

template <typename T>
struct LargestOfGroupGrad {  // to the first that is largest
  AroundAxis g;
  int64_t groups;
  const T *x, *out, *out_grad;
  T* x_grad;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t at = (i / g.inner) * groups * g.inner + i % g.inner;
    bool found = false;
    for (int64_t k = 0; k < groups; ++k) {
      const bool is_it = !found && x[at + k * g.inner] == out[i];
      x_grad[at + k * g.inner] = is_it ? out_grad[i] : T(0);
      found = found || is_it;
    }
  }
};

int MaxoutAxis(const Attrs& attrs, const Shape& x) {
  const int axis = NormalizeAxis(attrs.Get<int32_t>("axis"), x.rank());
  SKIFF_ENFORCE(axis > 0, InvalidArgument, "axis is ", attrs.Get<int32_t>("axis"), " of X ", x, "; it cannot be the batch");
  return axis;
}

struct Maxout {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& out = c.Output("Out").shape;
    const AroundAxis g(out, MaxoutAxis(c.attrs(), out));
    return MakeKernel([g, groups = c.Attr<int64_t>("groups"), n = out.NumElements()](const KernelArgs& args) {
      ForEach(n, 1024, args, LargestOfGroup<T>{g, groups, static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[0])});
    });
  }
};

struct MaxoutGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& out = c.Input("Out").shape;
    const AroundAxis g(out, MaxoutAxis(c.attrs(), out));
    return MakeKernel([g, groups = c.Attr<int64_t>("groups"), n = out.NumElements(), x = c.InputIndex("X"), y = c.InputIndex("Out"),
                       dout = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      ForEach(n, 1024, args, LargestOfGroupGrad<T>{g, groups, in(x), in(y), in(dout), static_cast<T*>(args.out[0])});
    });
  }
};

// ---- lrn -----------------------------------------------------------------------------------------------------

struct Response {
  AroundAxis g;
  int64_t before, window;
  double k, alpha, beta;
  explicit Response(const Attrs& attrs, const Shape& x)
      : g(x, attrs.Get<std::string>("data_format") == "NHWC" ? x.rank() - 1 : 1), window(attrs.Get<int32_t>("n")),
        k(attrs.Get<float>("k")), alpha(attrs.Get<float>("alpha")), beta(attrs.Get<float>("beta")) {
    before = (window - 1) / 2;
  }
  // Calls f with the offsets of the elements that lie at most `reach` before and the rest of the window after.
  template <typename F>
  SKIFF_HD void Visit(int64_t i, int64_t reach, const F& f) const {
    const int64_t c = i / g.inner % g.n, first = c < reach ? -c : -reach;
    for (int64_t d = first; d < window - reach && c + d < g.n; ++d) f(i + d * g.inner);
  }
};

template <typename T>
struct RespondLocally {
  Response r;
  const T* x;
  T *out, *mid;
  SKIFF_HD void operator()(int64_t i) const {
    T sum = 0;
    r.Visit(i, r.before, [&](int64_t at) { sum += x[at] * x[at]; });
    mid[i] = static_cast<T>(r.k) + static_cast<T>(r.alpha) * sum;
    out[i] = x[i] * math::Pow(mid[i], static_cast<T>(-r.beta));
  }
};

template <typename T>
struct RespondLocallyGrad {
  Response r;
  const T *x, *out, *mid, *out_grad;
  T* x_grad;
  SKIFF_HD void operator()(int64_t i) const {
    T sum = 0;  // over the windows that i is in
    r.Visit(i, r.window - 1 - r.before, [&](int64_t at) { sum += out_grad[at] * out[at] / mid[at]; });
    x_grad[i] = out_grad[i] * math::Pow(mid[i], static_cast<T>(-r.beta)) - static_cast<T>(2 * r.alpha * r.beta) * x[i] * sum;
  }
};

struct Lrn {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    return MakeKernel([r = Response(c.attrs(), x), n = x.NumElements(), out = c.OutputIndex("Out"),
                       mid = c.OutputIndex("MidOut")](const KernelArgs& args) {
      ForEach(n, 512, args, RespondLocally<T>{r, static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[out]),
                                              static_cast<T*>(args.out[mid])});
    });
  }
};

struct LrnGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    return MakeKernel([r = Response(c.attrs(), x), n = x.NumElements(), xi = c.InputIndex("X"), out = c.InputIndex("Out"),
                       mid = c.InputIndex("MidOut"), dout = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      ForEach(n, 512, args, RespondLocallyGrad<T>{r, in(xi), in(out), in(mid), in(dout), static_cast<T*>(args.out[0])});
    });
  }
};

// ---- norm ----------------------------------------------------------------------------------------------------

struct DivideByLength {
  float epsilon;
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0);
    const auto y = row.Out(0), norm = row.Out(1);
    const auto squares = row.Sum([=](int64_t i) { return x[i] * x[i]; });
    const auto length = math::Sqrt(squares + decltype(squares)(epsilon));
    row.Each([=](int64_t i) { y.Set(i, x[i] / length); });
    if (norm) norm.Set(0, length);
  }
};

struct DivideByLengthGrad {
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0), norm = row.In(1), dy = row.In(2);
    const auto dx = row.Out(0);
    const auto length = norm[0];
    const auto along = row.Sum([=](int64_t i) { return x[i] * dy[i]; }) / (length * length);
    row.Each([=](int64_t i) { dx.Set(i, (dy[i] - x[i] * along) / length); });
  }
};

struct LengthNorm {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape& x = c.Input("X").shape;
    RowPlan plan(kDTypeOf<C>, x, NormalizeAxis(c.Attr<int32_t>("axis"), x.rank()));
    plan.AddIn(c, "X", RowKind::kRow);
    plan.AddOut(c, "Out", RowKind::kRow);
    plan.AddOut(c, "Norm", RowKind::kScalar);
    return MakeRowKernel<C>(DivideByLength{c.Attr<float>("epsilon")}, plan);
  }
};

struct LengthNormGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const Shape& x = c.Input("X").shape;
    RowPlan plan(kDTypeOf<C>, x, NormalizeAxis(c.Attr<int32_t>("axis"), x.rank()));
    plan.AddIn(c, "X", RowKind::kRow);
    plan.AddIn(c, "Norm", RowKind::kScalar);
    plan.AddIn(c, "Out@GRAD", RowKind::kRow);
    plan.AddOut(c, "X@GRAD", RowKind::kRow);
    return MakeRowKernel<C>(DivideByLengthGrad{}, plan);
  }
};

}  // namespace

SKIFF_OP(maxout)
    .Doc("Out = the largest of each run of `groups` elements along axis.")
    .Source("Goodfellow et al., Maxout networks, 2013; paddle.nn.functional.maxout")
    .Input("X", "[batch, channels, ...]")
    .Output("Out", "as X, with axis divided by groups")
    .RequiredAttr<int32_t>("groups", "elements that become one")
    .Attr("axis", 1, "of the channels; negative from the end")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      const int axis = MaxoutAxis(c.attrs(), x.shape);
      const int32_t groups = c.Attr<int32_t>("groups");
      SKIFF_ENFORCE(groups > 0 && (x.shape[axis] < 0 || x.shape[axis] % groups == 0), InvalidArgument, "groups is ", groups,
                    "; it must divide the ", x.shape[axis], " channels of X ", x.shape);
      Shape out = x.shape;
      if (out[axis] > 0) out[axis] /= groups;
      c.SetOutput("Out", TensorMeta{out, x.dtype, x.lod_level});
    })
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Kernel<Maxout, float, double>();

SKIFF_OP(maxout_grad)
    .Doc("X@GRAD = Out@GRAD at the first largest element of each run, 0 elsewhere.")
    .Input("X", "as in maxout")
    .Input("Out", "of maxout")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .RequiredAttr<int32_t>("groups", "as in maxout")
    .Attr("axis", 1, "as in maxout")
    .InferShape(GradsLikeInputs())
    .Kernel<MaxoutGrad, float, double>();

SKIFF_OP(lrn)
    .Doc("Out = X MidOut^-beta, MidOut = k + alpha sum(X^2) over n neighbouring channels.")
    .Source("Krizhevsky et al., ImageNet classification, 2012; paddle's lrn")
    .Input("X", "[batch, channels, height, width], or channels last as data_format says")
    .Output("Out", "shape of X")
    .Output("MidOut", "shape of X")
    .Attr("n", 5, "channels in a window")
    .Attr("k", 2.0f, "added")
    .Attr("alpha", 0.0001f, "factor of the sum")
    .Attr("beta", 0.75f, "exponent")
    .Attr("data_format", "AnyLayout", "NCHW, NHWC or AnyLayout (meaning NCHW)")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      SKIFF_ENFORCE(x.shape.rank() >= 2, InvalidArgument, "X is ", x.shape, "; lrn takes batch and channels at least");
      SKIFF_ENFORCE(c.Attr<int32_t>("n") > 0, InvalidArgument, "n is ", c.Attr<int32_t>("n"), "; it must be positive");
      for (const char* slot : {"Out", "MidOut"}) c.SetOutput(slot, TensorMeta{x.shape, x.dtype, x.lod_level});
    })
    .Gradient(StandardGrad({"X"}, {"Out", "MidOut"}, {"Out"}, {"X"}))
    .Kernel<Lrn, float, double>();

SKIFF_OP(lrn_grad)
    .Doc("X@GRAD = Out@GRAD MidOut^-beta - 2 alpha beta X sum(Out@GRAD Out / MidOut) over the windows that hold X.")
    .Input("X", "as in lrn")
    .Input("Out", "of lrn")
    .Input("MidOut", "of lrn")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .Attr("n", 5, "as in lrn")
    .Attr("k", 2.0f, "as in lrn")
    .Attr("alpha", 0.0001f, "as in lrn")
    .Attr("beta", 0.75f, "as in lrn")
    .Attr("data_format", "AnyLayout", "as in lrn")
    .InferShape(GradsLikeInputs())
    .Kernel<LrnGrad, float, double>();

SKIFF_OP(norm)
    .Doc("Out = X / Norm, Norm = sqrt(sum(X^2) + epsilon) along axis.")
    .Source("fluid.layers.l2_normalize")
    .Input("X", "any shape")
    .Output("Out", "shape of X")
    .OptionalOutput("Norm", "as X, with an extent of 1 at axis")
    .Attr("axis", -1, "negative from the end")
    .Attr("epsilon", 1e-10f, "added under the root")
    .Attr("is_test", false, "Norm is not needed")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      Shape norm = x.shape;
      norm[NormalizeAxis(c.Attr<int32_t>("axis"), norm.rank())] = 1;
      c.SetOutput("Out", TensorMeta{x.shape, x.dtype, x.lod_level});
      c.SetOutput("Norm", norm, x.dtype);
    })
    .Gradient(StandardGrad({"X"}, {"Norm"}, {"Out"}, {"X"}))
    .Kernel<LengthNorm, SKIFF_FLOATS>();

SKIFF_OP(norm_grad)
    .Doc("X@GRAD = (Out@GRAD - X sum(X Out@GRAD) / Norm^2) / Norm.")
    .Input("X", "as in norm")
    .Input("Norm", "of norm")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .Attr("axis", -1, "as in norm")
    .Attr("epsilon", 1e-10f, "as in norm")
    .Attr("is_test", false, "as in norm")
    .InferShape(GradsLikeInputs())
    .Kernel<LengthNormGrad, SKIFF_FLOATS>();

}  // namespace skiff
