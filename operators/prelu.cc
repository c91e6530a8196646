// Functions with a slope or a factor of their own for each channel: prelu, affine_channel; rrelu, whose slopes
// are random.
#include "framework/op/op_schema.h"
#include "operators/kernel/channels.h"
#include "operators/kernel/random.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

bool IsLast(const std::string& format) { return format == "NHWC" || format == "NDHWC" || format == "NLC"; }

/// What prelu's mode makes of X: each "channel" has one slope.
ChannelGeometry PReluGeometry(const Attrs& attrs, const Shape& x) {
  const auto mode = attrs.Get<std::string>("mode");
  if (mode == "all") return {1, 1, x.NumElements()};
  SKIFF_ENFORCE(mode == "channel" || mode == "element", InvalidArgument, "mode is \"", mode,
                "\"; expected all, channel or element");
  SKIFF_ENFORCE(x.rank() >= (mode == "channel" ? 2 : 1), InvalidArgument, "X is ", x, "; mode \"", mode, "\" takes ",
                mode == "channel" ? "batch and channels" : "a batch", " at least");
  if (mode == "element") return {x[0], x.Product(1, x.rank()), 1};
  const int axis = IsLast(attrs.Get<std::string>("data_format")) ? x.rank() - 1 : 1;
  return {x.Product(0, axis), x[axis], x.Product(axis + 1, x.rank())};
}

template <typename T>
struct ScaleNegative {
  const T *x, *alpha;
  T* out;
  struct At {
    const T* x;
    T* out;
    T slope;
    SKIFF_HD void operator()(int64_t i) const { out[i] = math::Select(x[i] > T(0), x[i], x[i] * slope); }
  };
  SKIFF_HD At AtChannel(int64_t c) const { return {x, out, alpha[c]}; }
};

template <typename T>
struct ScaleNegativeGrad {
  const T *x, *alpha, *out_grad;
  T* x_grad;
  struct At {
    const T *x, *out_grad;
    T* x_grad;
    T slope;
    SKIFF_HD void operator()(int64_t i) const { x_grad[i] = math::Select(x[i] > T(0), out_grad[i], out_grad[i] * slope); }
  };
  SKIFF_HD At AtChannel(int64_t c) const { return {x, out_grad, x_grad, alpha[c]}; }
};

template <typename T>
struct SlopeGrad {
  const T *x, *out_grad;
  T* alpha_grad;
  struct At {
    const T *x, *out_grad;
    SKIFF_HD Two<T> operator()(int64_t i) const { return {math::Select(x[i] > T(0), T(0), x[i] * out_grad[i]), T(0)}; }
  };
  SKIFF_HD At AtChannel(int64_t) const { return {x, out_grad}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t c, Two<S> sums) const { alpha_grad[c] = static_cast<T>(sums.first); }
};

struct PRelu {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([g = PReluGeometry(c.attrs(), c.Input("X").shape), x = c.InputIndex("X"),
                       alpha = c.InputIndex("Alpha")](const KernelArgs& args) {
      RunChannels(g, args, ScaleNegative<T>{static_cast<const T*>(args.in[x]), static_cast<const T*>(args.in[alpha]),
                                            static_cast<T*>(args.out[0])});
    });
  }
};

struct PReluGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const int dx = c.HasOutput("X@GRAD") ? c.OutputIndex("X@GRAD") : -1;
    const int dalpha = c.HasOutput("Alpha@GRAD") ? c.OutputIndex("Alpha@GRAD") : -1;
    return MakeKernel([=, g = PReluGeometry(c.attrs(), c.Input("X").shape), x_index = c.InputIndex("X"),
                       alpha = c.InputIndex("Alpha"), dout_index = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      const T *x = static_cast<const T*>(args.in[x_index]), *dout = static_cast<const T*>(args.in[dout_index]);
      if (dalpha >= 0) RunChannels(g, args, SlopeGrad<T>{x, dout, static_cast<T*>(args.out[dalpha])});
      if (dx >= 0) {
        RunChannels(g, args, ScaleNegativeGrad<T>{x, static_cast<const T*>(args.in[alpha]), dout, static_cast<T*>(args.out[dx])});
      }
    });
  }
};

[[maybe_unused]] void InferPRelu(InferContext& c) {
  const TensorMeta x = c.Input("X");
  const Shape& alpha = c.InputShape("Alpha");
  if (x.shape.IsKnown() && alpha.IsKnown()) {
    const int64_t expected = PReluGeometry(c.attrs(), x.shape).channels;
    SKIFF_ENFORCE(alpha.NumElements() == expected, InvalidArgument, "Alpha is ", alpha, ", X ", x.shape, "; mode \"",
                  c.Attr<std::string>("mode"), "\" takes ", expected, " slopes");
  }
  c.SetOutput("Out", TensorMeta{x.shape, x.dtype, x.lod_level});
}

// ---- affine_channel ------------------------------------------------------------------------------------------

ChannelGeometry AffineGeometry(const Attrs& attrs, const Shape& x) {
  SKIFF_ENFORCE(x.rank() >= 2, InvalidArgument, "X is ", x, "; affine_channel takes batch and channels at least");
  const int axis = IsLast(attrs.Get<std::string>("data_layout")) ? x.rank() - 1 : 1;
  return {x.Product(0, axis), x[axis], x.Product(axis + 1, x.rank())};
}

template <typename T>
struct ScaleAndShift {
  const T *x, *scale, *bias;  // bias may be null
  T* out;
  struct At {
    const T* x;
    T* out;
    T scale, bias;
    SKIFF_HD void operator()(int64_t i) const { out[i] = x[i] * scale + bias; }
  };
  SKIFF_HD At AtChannel(int64_t c) const { return {x, out, scale[c], bias == nullptr ? T(0) : bias[c]}; }
};

template <typename T>
struct ScaleAndShiftGrads {
  const T *x, *out_grad;
  T *scale_grad, *bias_grad;  // may be null
  struct At {
    const T *x, *out_grad;
    SKIFF_HD Two<T> operator()(int64_t i) const { return {x[i] * out_grad[i], out_grad[i]}; }
  };
  SKIFF_HD At AtChannel(int64_t) const { return {x, out_grad}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t c, Two<S> sums) const {
    if (scale_grad != nullptr) scale_grad[c] = static_cast<T>(sums.first);
    if (bias_grad != nullptr) bias_grad[c] = static_cast<T>(sums.second);
  }
};

struct AffineChannel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([g = AffineGeometry(c.attrs(), c.Input("X").shape), x = c.InputIndex("X"), scale = c.InputIndex("Scale"),
                       bias = c.InputIndex("Bias")](const KernelArgs& args) {
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      RunChannels(g, args, ScaleAndShift<T>{in(x), in(scale), in(bias), static_cast<T*>(args.out[0])});
    });
  }
};

struct AffineChannelGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const auto index = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    return MakeKernel([g = AffineGeometry(c.attrs(), c.Input("X").shape), x = c.InputIndex("X"), scale = c.InputIndex("Scale"),
                       dout = c.InputIndex("Out@GRAD"), dx = index("X@GRAD"), dscale = index("Scale@GRAD"),
                       dbias = index("Bias@GRAD")](const KernelArgs& args) {
      const auto in = [&](int i) { return static_cast<const T*>(args.in[i]); };
      const auto out = [&](int i) { return i < 0 ? nullptr : static_cast<T*>(args.out[i]); };
      if (dscale >= 0 || dbias >= 0) RunChannels(g, args, ScaleAndShiftGrads<T>{in(x), in(dout), out(dscale), out(dbias)});
      if (dx >= 0) RunChannels(g, args, ScaleAndShift<T>{in(dout), in(scale), nullptr, out(dx)});
    });
  }
};

[[maybe_unused]] void InferAffineChannel(InferContext& c) {
  const TensorMeta x = c.Input("X");
  const ChannelGeometry g = AffineGeometry(c.attrs(), x.shape);
  for (const char* slot : {"Scale", "Bias"}) {
    if (!c.HasInput(slot)) continue;
    const Shape& shape = c.InputShape(slot);
    SKIFF_ENFORCE(!shape.IsKnown() || g.channels < 0 || shape.NumElements() == g.channels, InvalidArgument, slot, " is ", shape,
                  ", X ", x.shape, " with ", g.channels, " channels; expected one number for each");
  }
  c.SetOutput("Out", TensorMeta{x.shape, x.dtype, x.lod_level});
}

// ---- rrelu -----------------------------------------------------------------------------------------------------

template <typename T>
struct RandomSlopes {
  uint64_t key;
  float lower, upper;
  bool fixed;  // the mean slope, when testing
  const T* x;
  T *out, *noise;  // noise may be null
  SKIFF_HD void operator()(int64_t i) const {
    const float slope = fixed ? (lower + upper) / 2 : lower + (upper - lower) * RandomUniform(key, i);
    const Compute<T> v = LoadElement(x[i]), factor = v >= 0 ? Compute<T>(1) : static_cast<Compute<T>>(slope);
    out[i] = StoreElement<T>(v * factor);
    if (noise != nullptr) noise[i] = StoreElement<T>(factor);
  }
};

struct RRelu {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const float lower = c.Attr<float>("lower"), upper = c.Attr<float>("upper");
    return MakeKernel([=, n = c.Input("X").shape.NumElements(), is_test = c.Attr<bool>("is_test"), out = c.OutputIndex("Out"),
                       noise = c.HasOutput("Noise") ? c.OutputIndex("Noise") : -1](const KernelArgs& args) {
      ForEach(n, kElementGrain / 8, args,
              RandomSlopes<T>{args.seed, lower, upper, is_test, static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[out]),
                              noise < 0 ? nullptr : static_cast<T*>(args.out[noise])});
    });
  }
};

struct ProductOfNoise {  // inputs X, Noise, Out@GRAD
  template <typename V> SKIFF_HD V operator()(V, V noise, V dout) const { return noise * dout; }
};

}  // namespace

SKIFF_OP(prelu)
    .Doc("Out = X where X > 0, else Alpha X; one slope for all, for each channel, or for each element of a sample.")
    .Source("He et al., Delving deep into rectifiers, 2015; paddle.nn.functional.prelu")
    .Input("X", "[batch, channels, ...], or channels last as data_format says")
    .Input("Alpha", "1, channels, or the elements of a sample")
    .Output("Out", "shape of X")
    .Attr("mode", "all", "all, channel or element")
    .Attr("data_format", "NCHW", "NCHW or NHWC")
    .SameDType({"X", "Alpha"})
    .InferShape(InferPRelu)
    .Gradient(StandardGrad({"X", "Alpha"}, {}, {"Out"}, {"X", "Alpha"}))
    .Kernel<PRelu, float, double>();

SKIFF_OP(prelu_grad)
    .Doc("The gradients of prelu.")
    .Input("X", "as in prelu")
    .Input("Alpha", "as in prelu")
    .Input("Out@GRAD", "shape of X")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Alpha@GRAD", "shape of Alpha")
    .Attr("mode", "all", "as in prelu")
    .Attr("data_format", "NCHW", "as in prelu")
    .InferShape(GradsLikeInputs())
    .Kernel<PReluGrad, float, double>();

SKIFF_OP(affine_channel)
    .Doc("Out = X Scale + Bias for each channel.")
    .Source("fluid.layers.affine_channel")
    .Input("X", "[batch, channels, ...], or channels last as data_layout says")
    .Input("Scale", "[channels]")
    .Input("Bias", "[channels]")
    .Output("Out", "shape of X")
    .Attr("data_layout", "AnyLayout", "NCHW, NHWC or AnyLayout (meaning NCHW)")
    .SameDType({"X", "Scale", "Bias"})
    .InferShape(InferAffineChannel)
    .Gradient(StandardGrad({"X", "Scale"}, {}, {"Out"}, {"X", "Scale", "Bias"}))
    .Kernel<AffineChannel, float, double>();

SKIFF_OP(affine_channel_grad)
    .Doc("The gradients of affine_channel.")
    .Input("X", "as in affine_channel")
    .Input("Scale", "as in affine_channel")
    .Input("Out@GRAD", "shape of X")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Scale@GRAD", "shape of Scale")
    .OptionalOutput("Bias@GRAD", "shape of Scale")
    .Attr("data_layout", "AnyLayout", "as in affine_channel")
    .Alike({"X", "Out@GRAD"})
    .InferShape([](InferContext& c) {
      InferAffineChannel(c);
      const TensorMeta x = c.Input("X"), scale = c.Input("Scale");
      c.SetOutput("X@GRAD", TensorMeta{x.shape, x.dtype, x.lod_level});
      for (const char* slot : {"Scale@GRAD", "Bias@GRAD"}) c.SetOutput(slot, scale.shape, scale.dtype);
    })
    .Kernel<AffineChannelGrad, float, double>();

SKIFF_OP(rrelu)
    .Doc("Out = X Noise; Noise is 1 where X >= 0, else uniform in [lower, upper], or their mean when testing.")
    .Source("Xu et al., Empirical evaluation of rectified activations, 2015; paddle.nn.functional.rrelu")
    .Input("X", "any shape")
    .Output("Out", "shape of X")
    .OptionalOutput("Noise", "shape of X: the factors")
    .Attr("is_test", false, "the slope is (lower + upper) / 2")
    .Attr("lower", 1.0f / 8, "least slope")
    .Attr("upper", 1.0f / 3, "greatest slope")
    .InferShape([](InferContext& c) {
      OutLike("X")(c);
      const float lower = c.Attr<float>("lower"), upper = c.Attr<float>("upper");
      SKIFF_ENFORCE(lower <= upper && lower >= 0 && upper <= 1, InvalidArgument, "lower is ", lower, ", upper ", upper,
                    "; expected 0 <= lower <= upper <= 1");
      c.SetOutput("Noise", c.InputShape("X"), c.InputDType("X"));
    })
    .Random()
    .Gradient(StandardGrad({"X"}, {"Noise"}, {"Out"}, {"X"}))
    .Kernel<RRelu, SKIFF_FLOATS>();

SKIFF_OP(rrelu_grad)
    .Doc("X@GRAD = Out@GRAD Noise.")
    .Input("X", "not read")
    .Input("Noise", "of rrelu")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .InferShape(GradsLikeInputs())
    .Kernel<Map<ProductOfNoise>, SKIFF_FLOATS>();

}  // namespace skiff
