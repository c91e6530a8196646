// group_norm and instance_norm: normalises within one sample over groups of channels and space.
// instance_norm is group_norm with one channel a group; what it saves differs.
//
// Passes run over channels (see kernel/channels.h). With channels first all samples are one slice, whose
// channels are (sample, channel) and whose statistics are (sample, group); with channels last each sample is
// a slice of its own.
#include "framework/op/op_schema.h"
#include "operators/kernel/channels.h"
#include "operators/kernel/strided.h"

namespace skiff {

namespace {

struct NormGeometry {
  int64_t batch = 0, channels = 0, groups = 1, space = 1;
  bool channels_last = false;

  // At least 1: without channels there are no groups either.
  SKIFF_HD int64_t PerGroup() const { return groups == 0 ? 1 : channels / groups; }
  SKIFF_HD int64_t Elements() const { return PerGroup() * space; }  // of a group
  int64_t Slices() const { return channels_last ? batch : 1; }
  int64_t SliceChannels() const { return channels_last ? channels : batch * channels; }
  ChannelGeometry Groups() const {
    return channels_last ? ChannelGeometry{space, groups, PerGroup()} : ChannelGeometry{1, batch * groups, Elements()};
  }
  ChannelGeometry Channels() const {
    return channels_last ? ChannelGeometry{space, channels, 1} : ChannelGeometry{1, batch * channels, space};
  }
};

/// Scale or Bias, stored as X or in the compute type.
template <typename T>
struct NormParameter {
  const T* narrow = nullptr;
  const Compute<T>* wide = nullptr;
  Compute<T> absent;

  SKIFF_HD Compute<T> At(int64_t c) const { return narrow ? LoadElement(narrow[c]) : wide ? wide[c] : absent; }
};

/// One slice. `mean` and `inverse` are indexed by group, `channel sums` by channel.
template <typename T>
struct NormSlice {
  using C = Compute<T>;
  NormGeometry g;
  C epsilon;
  const T *x, *y_grad;
  T *y, *x_grad;
  NormParameter<T> scale, bias;
  C *mean, *inverse, *variance;  // variance may be null
  C *sum, *product;              // gradients: of Y@GRAD, of Y@GRAD (x - mean), for each channel

  SKIFF_HD int64_t GroupOf(int64_t c) const { return c / g.PerGroup(); }
};

template <typename T>
struct GroupMean {
  using C = Compute<T>;
  NormSlice<T> s;
  struct At {
    const T* x;
    SKIFF_HD Two<C> operator()(int64_t i) const { return {LoadElement(x[i]), C(0)}; }
  };
  SKIFF_HD At AtChannel(int64_t) const { return {s.x}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t k, Two<S> sums) const { s.mean[k] = static_cast<C>(sums.first / S(s.g.Elements())); }
};

template <typename T>
struct GroupVariance {
  using C = Compute<T>;
  NormSlice<T> s;
  struct At {
    const T* x;
    C mean;
    SKIFF_HD Two<C> operator()(int64_t i) const { return {math::Square(LoadElement(x[i]) - mean), C(0)}; }
  };
  SKIFF_HD At AtChannel(int64_t k) const { return {s.x, s.mean[k]}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t k, Two<S> sums) const {
    const C variance = static_cast<C>(sums.first / S(s.g.Elements()));
    if (s.variance != nullptr) s.variance[k] = variance;
    s.inverse[k] = C(1) / math::Sqrt(variance + s.epsilon);
  }
};

template <typename T>
struct NormalizeGroups {
  using C = Compute<T>;
  NormSlice<T> s;
  struct At {
    const T* x;
    T* y;
    C factor, offset;
    SKIFF_HD void operator()(int64_t i) const { y[i] = StoreElement<T>(LoadElement(x[i]) * factor + offset); }
  };
  SKIFF_HD At AtChannel(int64_t c) const {
    const int64_t k = s.GroupOf(c), channel = c % s.g.channels;
    const C factor = s.inverse[k] * s.scale.At(channel);
    return {s.x, s.y, factor, s.bias.At(channel) - s.mean[k] * factor};
  }
};

template <typename T>
struct ChannelSums {
  using C = Compute<T>;
  NormSlice<T> s;
  struct At {
    const T *x, *y_grad;
    C mean;
    SKIFF_HD Two<C> operator()(int64_t i) const {
      const C dy = LoadElement(y_grad[i]);
      return {dy, dy * (LoadElement(x[i]) - mean)};
    }
  };
  SKIFF_HD At AtChannel(int64_t c) const { return {s.x, s.y_grad, s.mean[s.GroupOf(c)]}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t c, Two<S> sums) const {
    s.sum[c] = static_cast<C>(sums.first);
    s.product[c] = static_cast<C>(sums.second);
  }
};

// X@GRAD = scale Y@GRAD / sigma - (a + b (x - mean)) with a and b from the sums over the group.
template <typename T>
struct GroupInputGrad {
  using C = Compute<T>;
  NormSlice<T> s;
  struct At {
    const T *x, *y_grad;
    T* x_grad;
    C factor, slope, offset;
    SKIFF_HD void operator()(int64_t i) const {
      x_grad[i] = StoreElement<T>(LoadElement(y_grad[i]) * factor - LoadElement(x[i]) * slope - offset);
    }
  };
  SKIFF_HD At AtChannel(int64_t c) const {
    const int64_t k = s.GroupOf(c), first = k * s.g.PerGroup();
    C sum = 0, product = 0;
    for (int64_t i = first; i < first + s.g.PerGroup(); ++i) {
      const C scale = s.scale.At(i % s.g.channels);
      sum += s.sum[i] * scale;
      product += s.product[i] * scale;
    }
    const C inverse = s.inverse[k], n = static_cast<C>(s.g.Elements());
    const C slope = product * inverse * inverse * inverse / n;
    return {s.x, s.y_grad, s.x_grad, inverse * s.scale.At(c % s.g.channels), slope,
            sum * inverse / n - slope * s.mean[k]};
  }
};

/// Over all samples: sums [batch * channels] become the parameters' gradients.
template <typename T>
struct NormParameterGrads {
  using C = Compute<T>;
  NormGeometry g;
  const C *sum, *product, *inverse;
  T *scale_narrow, *bias_narrow;
  C *scale_wide, *bias_wide;
  SKIFF_HD void operator()(int64_t c) const {
    C scale = 0, bias = 0;
    for (int64_t n = 0; n < g.batch; ++n) {
      bias += sum[n * g.channels + c];
      scale += product[n * g.channels + c] * inverse[n * g.groups + c / g.PerGroup()];
    }
    if (scale_narrow) scale_narrow[c] = StoreElement<T>(scale);
    if (scale_wide) scale_wide[c] = scale;
    if (bias_narrow) bias_narrow[c] = StoreElement<T>(bias);
    if (bias_wide) bias_wide[c] = bias;
  }
};

template <typename T>
struct InverseOf {  // what was saved is the variance
  const Compute<T>* variance;
  Compute<T> epsilon;
  Compute<T>* inverse;
  SKIFF_HD void operator()(int64_t k) const { inverse[k] = Compute<T>(1) / math::Sqrt(variance[k] + epsilon); }
};

bool IsInstanceNorm(const std::string& type) { return type.find("instance_norm") != std::string::npos; }

NormGeometry ReadNormGeometry(const Attrs& attrs, const std::string& type, const Shape& x) {
  SKIFF_ENFORCE(x.rank() >= 2, InvalidArgument, "X is ", x, "; ", type, " takes a batch and channels at least");
  NormGeometry g;
  g.batch = x[0];
  g.channels = x[1];
  g.space = x.Product(2, x.rank());
  if (IsInstanceNorm(type)) {
    g.groups = g.channels;
    return g;
  }
  const auto layout = attrs.Get<std::string>("data_layout");
  g.channels_last = layout == "NHWC" || layout == "NDHWC" || layout == "NLC";
  if (g.channels_last) {
    g.channels = x[x.rank() - 1];
    g.space = x.Product(1, x.rank() - 1);
  }
  g.groups = attrs.Get<int32_t>("groups");
  SKIFF_ENFORCE(g.groups > 0 && (g.channels < 0 || g.channels % g.groups == 0), InvalidArgument, "groups is ", g.groups,
                "; it must divide the ", g.channels, " channels of X, which is ", x);
  return g;
}

[[maybe_unused]] void InferNorm(InferContext& c, const char* mean, const char* variance) {
  const TensorMeta x = c.Input("X");
  const NormGeometry g = ReadNormGeometry(c.attrs(), c.type(), x.shape);
  for (const char* slot : {"Scale", "Bias"}) {
    if (!c.HasInput(slot)) continue;
    const Shape& shape = c.InputShape(slot);
    SKIFF_ENFORCE(shape.rank() == 1 && (shape[0] < 0 || g.channels < 0 || shape[0] == g.channels), InvalidArgument, slot,
                  " is ", shape, ", X is ", x.shape, " with ", g.channels, " channels; expected [", g.channels, "]");
  }
  c.SetOutput("Y", TensorMeta{x.shape, x.dtype, x.lod_level});
  const DType dtype = ComputeDType(x.dtype);
  const bool instance = IsInstanceNorm(c.type());
  const int64_t all = g.batch < 0 || g.channels < 0 ? -1 : g.batch * g.channels;
  const Shape statistics = instance ? Shape{all} : Shape{g.batch, g.groups};
  c.SetOutput(mean, statistics, dtype);
  c.SetOutput(variance, statistics, dtype);
}

/// Where Scale or Bias is found; checked when preparing.
template <typename T>
struct ParameterSlot {
  int index = -1;
  bool is_narrow = true;
  double absent;

  ParameterSlot(const PrepareContext& c, const char* slot, double absent) : absent(absent) {
    if (!c.HasInput(slot)) return;
    const DType dtype = c.Input(slot).dtype;
    SKIFF_ENFORCE(dtype == kDTypeOf<T> || dtype == kDTypeOf<Compute<T>>, InvalidType, slot, " is ", dtype, " beside X of ",
                  kDTypeOf<T>, "; expected ", kDTypeOf<T>, " or ", kDTypeOf<Compute<T>>);
    index = c.InputIndex(slot);
    is_narrow = dtype == kDTypeOf<T>;
  }
  NormParameter<T> Bound(const KernelArgs& args) const {
    const void* data = index < 0 ? nullptr : args.in[index];
    return {is_narrow ? static_cast<const T*>(data) : nullptr, is_narrow ? nullptr : static_cast<const Compute<T>*>(data),
            static_cast<Compute<T>>(absent)};
  }
};

/// The slice that begins at sample n.
template <typename T>
NormSlice<T> SliceAt(NormSlice<T> all, int64_t n) {
  const int64_t elements = n * all.g.channels * all.g.space, groups = n * all.g.groups, channels = n * all.g.channels;
  const auto move = [](auto*& p, int64_t by) { if (p != nullptr) p += by; };
  move(all.x, elements), move(all.y, elements), move(all.y_grad, elements), move(all.x_grad, elements);
  move(all.mean, groups), move(all.inverse, groups), move(all.variance, groups);
  move(all.sum, channels), move(all.product, channels);
  return all;
}

struct GroupNorm {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const bool instance = IsInstanceNorm(c.op().type);
    const NormGeometry g = ReadNormGeometry(c.attrs(), c.op().type, c.Input("X").shape);
    const int64_t statistics = g.batch * g.groups;
    c.RequestWorkspace(2 * statistics * sizeof(C));
    const auto in = [&](const char* slot) { return c.HasInput(slot) ? c.InputIndex(slot) : -1; };
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    return MakeKernel([=, epsilon = static_cast<C>(c.Attr<float>("epsilon")), x = in("X"), y = out("Y"),
                       scale = ParameterSlot<T>(c, "Scale", 1), bias = ParameterSlot<T>(c, "Bias", 0),
                       mean = out(instance ? "SavedMean" : "Mean"),
                       saved = out(instance ? "SavedVariance" : "Variance")](const KernelArgs& args) {
      C* spare = static_cast<C*>(args.workspace);
      const auto write = [&](int i, C* otherwise) {
        return i < 0 || args.out[i] == nullptr ? otherwise : static_cast<C*>(args.out[i]);
      };
      NormSlice<T> all{};
      all.g = g;
      all.epsilon = epsilon;
      all.x = static_cast<const T*>(args.in[x]);
      all.y = static_cast<T*>(args.out[y]);
      all.scale = scale.Bound(args);
      all.bias = bias.Bound(args);
      all.mean = write(mean, spare);
      all.inverse = instance ? write(saved, spare + statistics) : spare + statistics;
      all.variance = instance ? nullptr : write(saved, nullptr);
      for (int64_t n = 0; n < g.Slices(); ++n) {
        const NormSlice<T> s = SliceAt(all, n);
        RunChannels(g.Groups(), args, GroupMean<T>{s}, GroupVariance<T>{s});
        RunChannels(g.Channels(), args, NormalizeGroups<T>{s});
      }
    });
  }
};

struct GroupNormGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const bool instance = IsInstanceNorm(c.op().type);
    const NormGeometry g = ReadNormGeometry(c.attrs(), c.op().type, c.Input("X").shape);
    const int64_t groups = g.batch * g.groups, channels = g.batch * g.channels;
    c.RequestWorkspace((groups + 2 * channels) * sizeof(C));
    const auto in = [&](const char* slot) { return c.HasInput(slot) ? c.InputIndex(slot) : -1; };
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    const auto narrow = [&](const char* slot) { return c.HasOutput(slot) && c.Output(slot).dtype == kDTypeOf<T>; };
    return MakeKernel([=, epsilon = static_cast<C>(c.Attr<float>("epsilon")), x = in("X"), scale = ParameterSlot<T>(c, "Scale", 1), dy = in("Y@GRAD"), mean = in(instance ? "SavedMean" : "Mean"),
                       saved = in(instance ? "SavedVariance" : "Variance"), dx = out("X@GRAD"), dscale = out("Scale@GRAD"),
                       dbias = out("Bias@GRAD"), narrow_scale = narrow("Scale@GRAD"),
                       narrow_bias = narrow("Bias@GRAD")](const KernelArgs& args) {
      C* inverse = static_cast<C*>(args.workspace);
      NormSlice<T> all{};
      all.g = g;
      all.x = static_cast<const T*>(args.in[x]);
      all.y_grad = static_cast<const T*>(args.in[dy]);
      all.scale = scale.Bound(args);
      all.x_grad = dx < 0 ? nullptr : static_cast<T*>(args.out[dx]);
      all.mean = const_cast<C*>(static_cast<const C*>(args.in[mean]));  // only read
      all.inverse = instance ? const_cast<C*>(static_cast<const C*>(args.in[saved])) : inverse;
      all.sum = inverse + groups;
      all.product = all.sum + channels;
      if (!instance) ForEach(groups, kElementGrain, args, InverseOf<T>{static_cast<const C*>(args.in[saved]), epsilon, inverse});
      for (int64_t n = 0; n < g.Slices(); ++n) {
        const NormSlice<T> s = SliceAt(all, n);
        RunChannels(g.Channels(), args, ChannelSums<T>{s});
        if (dx >= 0) RunChannels(g.Channels(), args, GroupInputGrad<T>{s});
      }
      if (dscale < 0 && dbias < 0) return;
      const auto as = [&](int i, bool wanted, auto* type) {
        return i >= 0 && wanted ? static_cast<decltype(type)>(args.out[i]) : nullptr;
      };
      constexpr bool kOneType = std::is_same_v<T, C>;
      ForEach(g.channels, 64, args,
              NormParameterGrads<T>{g, all.sum, all.product, all.inverse, as(dscale, narrow_scale, static_cast<T*>(nullptr)),
                                    as(dbias, narrow_bias, static_cast<T*>(nullptr)),
                                    as(dscale, !narrow_scale && !kOneType, static_cast<C*>(nullptr)),
                                    as(dbias, !narrow_bias && !kOneType, static_cast<C*>(nullptr))});
    });
  }
};

}  // namespace

#define SKIFF_NORM_DTYPES float, double, Float16, BFloat16

SKIFF_OP(group_norm)
    .Doc("Y = (X - mean) / sqrt(variance + epsilon) * Scale + Bias, with mean and variance over each group of "
         "channels of each sample.")
    .Source("Wu and He, Group normalization, 2018; paddle.nn.functional.group_norm")
    .Input("X", "[batch, channels, ...], or channels last as data_layout says")
    .OptionalInput("Scale", "[channels]")
    .OptionalInput("Bias", "[channels]")
    .Output("Y", "shape of X")
    .OptionalOutput("Mean", "[batch, groups]")
    .OptionalOutput("Variance", "[batch, groups]")
    .Attr("epsilon", 1e-5f, "added to the variance")
    .RequiredAttr<int32_t>("groups", "divides the channels")
    .Attr("data_layout", "NCHW", "NCHW or NHWC")
    .InferShape([](InferContext& c) { InferNorm(c, "Mean", "Variance"); })
    .Gradient(StandardGrad({"X", "Scale", "Bias"}, {"Y", "Mean", "Variance"}, {"Y"}, {"X", "Scale", "Bias"}))
    .Kernel<GroupNorm, SKIFF_NORM_DTYPES>();

SKIFF_OP(group_norm_grad)
    .Doc("The gradients of group_norm.")
    .Input("X", "as in group_norm")
    .OptionalInput("Scale", "as in group_norm")
    .OptionalInput("Bias", "not read")
    .OptionalInput("Y", "not read")
    .Input("Mean", "of group_norm")
    .Input("Variance", "of group_norm")
    .Input("Y@GRAD", "shape of X")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Scale@GRAD", "[channels]")
    .OptionalOutput("Bias@GRAD", "[channels]")
    .Attr("epsilon", 1e-5f, "as in group_norm")
    .RequiredAttr<int32_t>("groups", "as in group_norm")
    .Attr("data_layout", "NCHW", "as in group_norm")
    .InferShape(GradsLikeInputs())
    .Kernel<GroupNormGrad, SKIFF_NORM_DTYPES>();

SKIFF_OP(instance_norm)
    .Doc("Y = (X - mean) / sqrt(variance + epsilon) * Scale + Bias, with mean and variance over each channel of each sample.")
    .Source("Ulyanov et al., Instance normalization, 2016; paddle.nn.functional.instance_norm")
    .Input("X", "[batch, channels, ...]")
    .OptionalInput("Scale", "[channels]")
    .OptionalInput("Bias", "[channels]")
    .Output("Y", "shape of X")
    .OptionalOutput("SavedMean", "[batch * channels]")
    .OptionalOutput("SavedVariance", "[batch * channels]: 1 / sqrt(variance + epsilon)")
    .Attr("epsilon", 1e-5f, "added to the variance")
    .InferShape([](InferContext& c) { InferNorm(c, "SavedMean", "SavedVariance"); })
    .Gradient(StandardGrad({"X", "Scale"}, {"SavedMean", "SavedVariance"}, {"Y"}, {"X", "Scale", "Bias"}))
    .Kernel<GroupNorm, SKIFF_NORM_DTYPES>();

SKIFF_OP(instance_norm_grad)
    .Doc("The gradients of instance_norm.")
    .Input("X", "as in instance_norm")
    .OptionalInput("Scale", "as in instance_norm")
    .Input("SavedMean", "of instance_norm")
    .Input("SavedVariance", "of instance_norm")
    .Input("Y@GRAD", "shape of X")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Scale@GRAD", "[channels]")
    .OptionalOutput("Bias@GRAD", "[channels]")
    .Attr("epsilon", 1e-5f, "as in instance_norm")
    .Alike({"X", "Y@GRAD"})
    .Alike({"SavedMean", "SavedVariance"})
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      SKIFF_ENFORCE(x.shape.rank() >= 2, InvalidArgument, "X is ", x.shape, "; expected [batch, channels, ...]");
      const Shape& mean = c.InputShape("SavedMean");
      SKIFF_ENFORCE(!x.shape.IsKnown() || !mean.IsKnown() || mean.NumElements() == x.shape[0] * x.shape[1], InvalidArgument, "SavedMean is ", mean,
                    ", X ", x.shape, "; expected one number for each channel of each sample");
      SKIFF_ENFORCE(!c.at_runtime() || c.InputDType("SavedMean") == ComputeDType(x.dtype), InvalidType, "SavedMean is ", c.InputDType("SavedMean"),
                    " beside X of ", x.dtype);
      if (c.HasInput("Scale")) {
        const Shape& scale = c.InputShape("Scale");
        SKIFF_ENFORCE(!scale.IsKnown() || x.shape[1] < 0 || scale.NumElements() == x.shape[1], InvalidArgument, "Scale is ", scale, ", X ", x.shape,
                      "; expected [", x.shape[1], "]");
        const DType dtype = c.InputDType("Scale");
        SKIFF_ENFORCE(!c.at_runtime() || dtype == x.dtype || dtype == ComputeDType(x.dtype), InvalidType, "Scale is ", dtype, " beside X of ", x.dtype);
      }
      c.SetOutput("X@GRAD", TensorMeta{x.shape, x.dtype, x.lod_level});
      const DType dtype = c.HasInput("Scale") ? c.InputDType("Scale") : ComputeDType(x.dtype);
      for (const char* slot : {"Scale@GRAD", "Bias@GRAD"}) c.SetOutput(slot, Shape{x.shape[1]}, dtype);
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"instance_norm_double_grad",
                  {{"x", g.In("X")}, {"saved_mean", g.In("SavedMean")}, {"saved_variance", g.In("SavedVariance")},
                   {"grad_y", g.In("Y@GRAD")}},
                  {{"x@GRAD", g.InGrad("X")}, {"grad_y@GRAD", g.InGrad("Y@GRAD")}},
                  g.fwd.attrs};
      if (g.HasIn("Scale")) {
        op.inputs.Set("fwd_scale", g.In("Scale"));
        op.outputs.Set("fwd_scale@GRAD", g.InGrad("Scale"));
      }
      for (const auto& [slot, of] : {std::pair{"grad_x@GRAD", "X@GRAD"}, {"grad_scale@GRAD", "Scale@GRAD"}, {"grad_bias@GRAD", "Bias@GRAD"}}) {
        if (g.HasOut(of)) op.inputs.Set(slot, g.OutGrad(of));
      }
      return {op};
    })
    .Kernel<GroupNormGrad, SKIFF_NORM_DTYPES>();

}  // namespace skiff
