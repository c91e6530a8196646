// Running results along an axis: cumsum, cumprod, cummax, cummin, logcumsumexp. A thread takes a line.
#include "operators/kernel/lines.h"
#include "operators/kernel/strided.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

/// The lines that the attributes name; with flatten one of everything.
Lines ScannedLines(const Attrs& attrs, const Shape& x, const char* axis) {
  if (attrs.Has("flatten") && attrs.Get<bool>("flatten")) {
    Lines all;
    all.extent = x.NumElements();
    return all;
  }
  return Lines(x, x.rank() == 0 ? 0 : NormalizeAxis(attrs.Get<int64_t>(axis), x.rank(), axis));
}

/// Position k of the walk: from the front, or with reverse from the back.
struct Walk {
  Lines lines;
  bool exclusive = false, reverse = false;
  SKIFF_HD int64_t At(int64_t line, int64_t k) const {
    return lines.Base(line) + (reverse ? lines.extent - 1 - k : k) * lines.inner;
  }
};

Walk WalkOf(const Attrs& attrs, const Shape& x, bool backwards) {
  Walk w{ScannedLines(attrs, x, "axis"), attrs.Get<bool>("exclusive"), attrs.Get<bool>("reverse")};
  if (backwards) w.reverse = !w.reverse;
  return w;
}

template <typename T>
struct RunningSum {
  Walk w;
  const T* x;
  T* out;
  SKIFF_HD void operator()(int64_t line) const {
    Accumulator<Compute<T>> sum = 0;
    for (int64_t k = 0; k < w.lines.extent; ++k) {
      const int64_t at = w.At(line, k);
      const auto v = LoadElement(x[at]);
      out[at] = StoreElement<T>(static_cast<Compute<T>>(w.exclusive ? sum : sum + v));
      sum += v;
    }
  }
};

/// The gradient of a running sum is the running sum from the other end.
template <bool backwards>
struct CumSum {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const char* slot = backwards ? "Out@GRAD" : "X";
    return MakeKernel([w = WalkOf(c.attrs(), c.Input(slot).shape, backwards), in = c.InputIndex(slot)](const KernelArgs& args) {
      ForEachLine(w.lines, args, RunningSum<T>{w, static_cast<const T*>(args.in[in]), static_cast<T*>(args.out[0])});
    });
  }
};

// ---- cumprod -------------------------------------------------------------------------------------------------

template <typename T>
struct RunningProduct {
  Lines lines;
  const T* x;
  T* out;
  SKIFF_HD void operator()(int64_t line) const {
    Compute<T> product = 1;
    for (int64_t k = 0, at = lines.Base(line); k < lines.extent; ++k, at += lines.inner) {
      product *= LoadElement(x[at]);
      out[at] = StoreElement<T>(product);
    }
  }
};

// X@GRAD[i] = sum over j >= i of Out@GRAD[j] Out[j] / X[i]. Behind the first zero every product is 0; the zero
// itself gets the products without it.
template <typename T>
struct RunningProductGrad {
  Lines lines;
  const T *x, *out, *out_grad;
  T* x_grad;
  SKIFF_HD void operator()(int64_t line) const {
    using C = Compute<T>;
    const int64_t base = lines.Base(line), step = lines.inner;
    int64_t zero = 0;
    while (zero < lines.extent && LoadElement(x[base + zero * step]) != C(0)) ++zero;
    for (int64_t k = zero; k < lines.extent; ++k) x_grad[base + k * step] = StoreElement<T>(C(0));
    if (zero < lines.extent) {
      C product = zero == 0 ? C(1) : LoadElement(out[base + (zero - 1) * step]), sum = 0;
      for (int64_t j = zero; j < lines.extent; ++j) {
        if (j > zero) product *= LoadElement(x[base + j * step]);
        sum += LoadElement(out_grad[base + j * step]) * product;
      }
      x_grad[base + zero * step] = StoreElement<T>(sum);
    }
    C sum = 0;
    for (int64_t k = zero - 1; k >= 0; --k) {
      const int64_t at = base + k * step;
      sum += LoadElement(out_grad[at]) * LoadElement(out[at]);
      x_grad[at] = StoreElement<T>(sum / LoadElement(x[at]));
    }
  }
};

struct CumProd {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([lines = ScannedLines(c.attrs(), c.Input("X").shape, "dim")](const KernelArgs& args) {
      ForEachLine(lines, args, RunningProduct<T>{lines, static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[0])});
    });
  }
};

struct CumProdGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([lines = ScannedLines(c.attrs(), c.Input("X").shape, "dim"), x = c.InputIndex("X"), out = c.InputIndex("Out"),
                       dout = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      ForEachLine(lines, args, RunningProductGrad<T>{lines, in(x), in(out), in(dout), static_cast<T*>(args.out[0])});
    });
  }
};

// ---- cummax, cummin --------------------------------------------------------------------------------------------

/// The last of equal elements counts; NaN wins for good.
template <typename T>
struct RunningExtreme {
  Lines lines;
  bool largest;
  const T* x;
  T* out;
  void* indices;
  bool wide;
  SKIFF_HD void operator()(int64_t line) const {
    const int64_t base = lines.Base(line);
    int64_t best = 0;
    for (int64_t k = 0; k < lines.extent; ++k) {
      const int64_t at = base + k * lines.inner;
      const auto v = LoadElement(x[at]), held = LoadElement(x[base + best * lines.inner]);
      if (math::IsNan(v) || (!math::IsNan(held) && (largest ? v >= held : v <= held))) best = k;
      out[at] = x[base + best * lines.inner];
      if (wide) static_cast<int64_t*>(indices)[at] = best;
      else static_cast<int32_t*>(indices)[at] = static_cast<int32_t>(best);
    }
  }
};

template <typename T>
struct RunningExtremeGrad {
  Lines lines;
  const void* indices;
  bool wide;
  const T* out_grad;
  T* x_grad;
  SKIFF_HD void operator()(int64_t line) const {
    const int64_t base = lines.Base(line), step = lines.inner;
    for (int64_t k = 0; k < lines.extent; ++k) x_grad[base + k * step] = StoreElement<T>(Compute<T>(0));
    for (int64_t k = 0; k < lines.extent; ++k) {
      const int64_t at = base + k * step;
      const int64_t from = wide ? static_cast<const int64_t*>(indices)[at] : static_cast<const int32_t*>(indices)[at];
      if (from < 0 || from >= lines.extent) continue;
      T& to = x_grad[base + from * step];
      to = StoreElement<T>(LoadElement(to) + LoadElement(out_grad[at]));
    }
  }
};

template <bool largest>
struct CumExtreme {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([lines = ScannedLines(c.attrs(), c.Input("x").shape, "axis"), out = c.OutputIndex("out"),
                       indices = c.OutputIndex("indices"),
                       wide = c.Output("indices").dtype == DType::kInt64](const KernelArgs& args) {
      ForEachLine(lines, args, RunningExtreme<T>{lines, largest, static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[out]),
                                                 args.out[indices], wide});
    });
  }
};

struct CumExtremeGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([lines = ScannedLines(c.attrs(), c.Input("x").shape, "axis"), indices = c.InputIndex("indices"),
                       wide = c.Input("indices").dtype == DType::kInt64, dout = c.InputIndex("out@GRAD")](const KernelArgs& args) {
      ForEachLine(lines, args, RunningExtremeGrad<T>{lines, args.in[indices], wide, static_cast<const T*>(args.in[dout]),
                                                     static_cast<T*>(args.out[0])});
    });
  }
};

[[maybe_unused]] void InferCumExtreme(InferContext& c) {
  const TensorMeta x = c.Input("x");
  ScannedLines(c.attrs(), x.shape, "axis");
  const int32_t code = c.Attr<int32_t>("dtype");
  SKIFF_ENFORCE(code == static_cast<int32_t>(DType::kInt64) || code == static_cast<int32_t>(DType::kInt32), InvalidArgument,
                "dtype is ", code, "; expected ", static_cast<int32_t>(DType::kInt64), " (int64) or ",
                static_cast<int32_t>(DType::kInt32), " (int32)");
  c.SetOutput("out", TensorMeta{x.shape, x.dtype, x.lod_level});
  c.SetOutput("indices", TensorMeta{x.shape, static_cast<DType>(code), x.lod_level});
}

// ---- logcumsumexp ----------------------------------------------------------------------------------------------

/// log(exp(a) + exp(b))
template <typename V>
SKIFF_HD V LogAdd(V a, V b) {
  const V high = math::Max(a, b), low = math::Min(a, b);
  return high == -std::numeric_limits<V>::infinity() ? high : high + math::Log1p(math::Exp(low - high));
}

template <typename T>
struct RunningLogSum {
  Walk w;
  const T* x;
  T* out;
  SKIFF_HD void operator()(int64_t line) const {
    Compute<T> sum = -std::numeric_limits<Compute<T>>::infinity();
    for (int64_t k = 0; k < w.lines.extent; ++k) {
      const int64_t at = w.At(line, k);
      const Compute<T> v = LoadElement(x[at]);
      // exclusive: the least number in place of -inf, as Paddle has it
      out[at] = StoreElement<T>(!w.exclusive ? LogAdd(sum, v) : k == 0 ? std::numeric_limits<Compute<T>>::lowest() : sum);
      sum = LogAdd(sum, v);
    }
  }
};

// X@GRAD[i] = sum over j behind i of Out@GRAD[j] exp(X[i] - Out[j]); positive and negative parts apart, each as
// a running log-sum from the other end.
template <typename T>
struct RunningLogSumGrad {
  Walk w;  // from the other end
  const T *x, *out, *out_grad;
  T* x_grad;
  SKIFF_HD void operator()(int64_t line) const {
    using C = Compute<T>;
    C positive = -std::numeric_limits<C>::infinity(), negative = positive;
    for (int64_t k = 0; k < w.lines.extent; ++k) {
      const int64_t at = w.At(line, k);
      const C g = LoadElement(out_grad[at]), o = LoadElement(out[at]), v = LoadElement(x[at]);
      const C before = math::Exp(positive + v) - math::Exp(negative + v);
      if (g > C(0)) positive = LogAdd(positive, math::Log(g) - o);
      if (g < C(0)) negative = LogAdd(negative, math::Log(-g) - o);
      x_grad[at] = StoreElement<T>(w.exclusive ? before : math::Exp(positive + v) - math::Exp(negative + v));
    }
  }
};

struct LogCumSumExp {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([w = WalkOf(c.attrs(), c.Input("X").shape, false)](const KernelArgs& args) {
      ForEachLine(w.lines, args, RunningLogSum<T>{w, static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[0])});
    });
  }
};

struct LogCumSumExpGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([w = WalkOf(c.attrs(), c.Input("X").shape, true), x = c.InputIndex("X"), out = c.InputIndex("Out"),
                       dout = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      ForEachLine(w.lines, args, RunningLogSumGrad<T>{w, in(x), in(out), in(dout), static_cast<T*>(args.out[0])});
    });
  }
};

[[maybe_unused]] void InferScan(InferContext& c) {
  const TensorMeta x = c.Input("X");
  const bool flat = c.attrs().Has("flatten") && c.Attr<bool>("flatten");
  if (!flat && x.shape.rank() > 0) {
    const char* axis = c.attrs().Has("dim") ? "dim" : "axis";
    NormalizeAxis(c.Attr<int64_t>(axis), x.shape.rank(), axis);
  }
  c.SetOutput("Out", TensorMeta{flat ? Shape{x.shape.IsKnown() ? x.shape.NumElements() : -1} : x.shape, x.dtype, x.lod_level});
}

}  // namespace

#define SKIFF_SCAN_ATTRS                                                                      \
  .Attr("axis", -1, "negative from the end")                                                  \
      .Attr("flatten", false, "X is taken as one line, and axis does not count")              \
      .Attr("exclusive", false, "an element is no part of its own result")                    \
      .Attr("reverse", false, "from the end to the front")

SKIFF_OP(cumsum)
    .Doc("Out = the sum of the elements of X up to each one along axis.")
    .Source("paddle.cumsum")
    .Input("X", "any shape")
    .Output("Out", "shape and dtype of X, or one line")
    SKIFF_SCAN_ATTRS
    .InferShape(InferScan)
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Kernel<CumSum<false>, SKIFF_FLOATS, SKIFF_INTS>();

SKIFF_OP(cumsum_grad)
    .Doc("X@GRAD = the running sum of Out@GRAD from the other end.")
    .Input("X", "only its shape is read")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    SKIFF_SCAN_ATTRS
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<CumSum<true>, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(cumprod)
    .Doc("Out = the product of the elements of X up to each one along dim.")
    .Source("paddle.cumprod")
    .Input("X", "any shape")
    .Output("Out", "shape and dtype of X")
    .RequiredAttr<int32_t>("dim", "negative from the end")
    .InferShape(InferScan)
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Kernel<CumProd, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(cumprod_grad)
    .Doc("X@GRAD[i] = the sum over j >= i of Out@GRAD[j] and the product without X[i].")
    .Input("X", "as in cumprod")
    .Input("Out", "of cumprod")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .RequiredAttr<int32_t>("dim", "as in cumprod")
    .InferShape(GradsLikeInputs())
    .Kernel<CumProdGrad, SKIFF_FLOATS>();

#define SKIFF_CUM_EXTREME(type, largest, word)                                                \
  SKIFF_OP(type)                                                                              \
      .Doc("out = the " word " element of x up to each one along axis, indices = where it is.") \
      .Source("paddle." #type)                                                                \
      .Input("x", "any shape")                                                                \
      .Output("out", "shape and dtype of x")                                                  \
      .Output("indices", "shape of x; of equal elements the last")                            \
      .Attr("axis", -1, "negative from the end")                                              \
      .Attr("dtype", 3, "code of the indices' dtype: int32 or int64")                         \
      .InferShape(InferCumExtreme)                                                            \
      .Gradient(StandardGrad({"x"}, {"indices"}, {"out"}, {"x"}))                             \
      .Kernel<CumExtreme<largest>, float, double, int32_t, int64_t>();                        \
  SKIFF_OP(type##_grad)                                                                       \
      .Doc("x@GRAD = the sum of out@GRAD over the results that each element gave.")           \
      .Input("x", "as in " #type)                                                             \
      .Input("indices", "of " #type)                                                          \
      .Input("out@GRAD", "shape of x")                                                        \
      .Output("x@GRAD", "shape of x")                                                         \
      .Attr("axis", -1, "as in " #type)                                                       \
      .Attr("dtype", 3, "as in " #type)                                                       \
      .InferShape(Like("x@GRAD", "x"))                                                        \
      .Kernel<CumExtremeGrad, float, double>()
SKIFF_CUM_EXTREME(cummax, true, "largest");
SKIFF_CUM_EXTREME(cummin, false, "smallest");

SKIFF_OP(logcumsumexp)
    .Doc("Out = log of the sum of exp(X) up to each element along axis.")
    .Source("paddle.logcumsumexp")
    .Input("X", "any shape, floating")
    .Output("Out", "shape and dtype of X, or one line")
    SKIFF_SCAN_ATTRS
    .InferShape(InferScan)
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Kernel<LogCumSumExp, SKIFF_FLOATS>();

SKIFF_OP(logcumsumexp_grad)
    .Doc("X@GRAD[i] = the sum of Out@GRAD[j] exp(X[i] - Out[j]) over the results that X[i] is part of.")
    .Input("X", "as in logcumsumexp")
    .Input("Out", "of logcumsumexp")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    SKIFF_SCAN_ATTRS
    .InferShape(GradsLikeInputs())
    .Kernel<LogCumSumExpGrad, SKIFF_FLOATS>();

}  // namespace skiff
