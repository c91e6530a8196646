// batch_norm: Y = (X - mean) / sqrt(variance + epsilon) * Scale + Bias for each channel; mean and
// variance are those of the batch, or running ones.
#include "framework/op/op_schema.h"
#include "operators/kernel/channels.h"
#include "operators/kernel/for_each.h"

namespace skiff {

namespace {

// AnyLayout means NCHW.
int ChannelAxis(const Attrs& attrs, const Shape& x) {
  const auto layout = attrs.Get<std::string>("data_layout");
  SKIFF_ENFORCE(x.rank() >= 2 && x.rank() <= 5, InvalidArgument, "X is ", x,
                "; batch_norm takes 2 to 5 dimensions");
  return layout == "NHWC" || layout == "NDHWC" || layout == "NLC" ? x.rank() - 1 : 1;
}

ChannelGeometry GeometryOf(const Attrs& attrs, const Shape& x) {
  const int axis = ChannelAxis(attrs, x);
  return {x.Product(0, axis), x[axis], x.Product(axis + 1, x.rank())};
}

bool UsesRunning(const Attrs& attrs) {
  return attrs.Get<bool>("use_global_stats") ||
         (attrs.Get<bool>("is_test") && !attrs.Get<bool>("trainable_statistics"));
}

// The gradient goes by is_test alone: with trainable_statistics Paddle's forward pass uses the batch, its
// backward pass the running statistics.
bool GradUsesRunning(const Attrs& attrs) {
  return attrs.Get<bool>("use_global_stats") || attrs.Get<bool>("is_test");
}

void CheckChannels(const InferContext& c, const char* slot, int64_t channels) {
  if (!c.HasInput(slot)) return;
  const Shape& shape = c.InputShape(slot);
  SKIFF_ENFORCE(shape.rank() == 1 && (shape[0] == channels || shape[0] == -1 || channels == -1),
                InvalidArgument, slot, " is ", shape, ", X is ", c.InputShape("X"), " with ", channels,
                " channels; expected [", channels, "]");
}

void InferBatchNorm(InferContext& c) {
  const TensorMeta x = c.Input("X");
  const int64_t channels = x.shape[ChannelAxis(c.attrs(), x.shape)];
  for (const char* slot : {"Scale", "Bias", "Mean", "Variance"}) CheckChannels(c, slot, channels);
  const Shape statistic = c.InputShape("Mean");
  const DType dtype = c.InputDType("Mean");
  const DType wanted = c.InputDType("X") == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  for (const char* slot : {"Scale", "Bias", "Mean", "Variance"}) {
    if (!c.at_runtime() || !c.HasInput(slot)) continue;
    SKIFF_ENFORCE(c.InputDType(slot) == wanted, InvalidType, slot, " is ", c.InputDType(slot), " beside X of ", x.dtype, "; expected ", wanted);
  }
  c.SetOutput("Y", TensorMeta{x.shape, x.dtype, x.lod_level});
  for (const char* slot : {"MeanOut", "VarianceOut", "SavedMean", "SavedVariance"}) {
    // Paddle declares no shape for what is saved when testing, and its files show it.
    const bool saves = !c.Attr<bool>("is_test") || c.Attr<bool>("trainable_statistics");
    const bool undeclared = !c.at_runtime() && !saves && slot[0] == 'S';
    c.SetOutput(slot, undeclared ? Shape{} : statistic, dtype);
  }
  c.SetOutput("ReserveSpace", Shape{c.at_runtime() ? 0 : -1}, x.dtype);  // skiff keeps nothing there
}

// What the steps share. Statistics are in the compute type.
template <typename T>
struct BatchNormData {
  using C = Compute<T>;
  const T* x;
  const C* scale;  // null for 1
  const C* bias;   // null for 0
  const C* running_mean;
  const C* running_variance;
  const float* momentum_tensor;  // goes before `momentum` where not null
  T* y;
  C* mean;     // SavedMean, or workspace
  C* inverse;  // SavedVariance, which is 1 / sqrt(variance + epsilon), or workspace
  C* mean_out;
  C* variance_out;
  C momentum, epsilon, count;

  SKIFF_HD C Momentum() const {
    return momentum_tensor == nullptr ? momentum : static_cast<C>(*momentum_tensor);
  }
};

template <typename T>
struct BatchMean {
  using C = Compute<T>;
  BatchNormData<T> d;
  struct At {
    const T* x;
    SKIFF_HD Two<C> operator()(int64_t i) const { return {LoadElement(x[i]), C(0)}; }
  };
  SKIFF_HD At AtChannel(int64_t) const { return {d.x}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t c, Two<S> sums) const { d.mean[c] = static_cast<C>(sums.first / S(d.count)); }
};

template <typename T>
struct BatchVariance {
  using C = Compute<T>;
  BatchNormData<T> d;
  struct At {
    const T* x;
    C mean;
    SKIFF_HD Two<C> operator()(int64_t i) const {
      return {math::Square(LoadElement(x[i]) - mean), C(0)};
    }
  };
  SKIFF_HD At AtChannel(int64_t c) const { return {d.x, d.mean[c]}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t c, Two<S> sums) const {
    const C variance = static_cast<C>(sums.first / S(d.count));
    const C keep = d.Momentum();
    d.inverse[c] = C(1) / math::Sqrt(variance + d.epsilon);
    d.mean_out[c] = d.running_mean[c] * keep + d.mean[c] * (C(1) - keep);
    d.variance_out[c] = d.running_variance[c] * keep + variance * (C(1) - keep);
  }
};

// In place of the two: the running statistics are used and stay.
template <typename T>
struct RunningStatistics {
  using C = Compute<T>;
  BatchNormData<T> d;
  SKIFF_HD void operator()(int64_t c) const {
    const C mean = d.running_mean[c], variance = d.running_variance[c];
    d.mean[c] = mean;
    d.inverse[c] = C(1) / math::Sqrt(variance + d.epsilon);
    d.mean_out[c] = mean;
    d.variance_out[c] = variance;
  }
};

template <typename T>
struct Normalize {
  using C = Compute<T>;
  BatchNormData<T> d;
  struct At {
    const T* x;
    T* y;
    C factor, offset;
    SKIFF_HD void operator()(int64_t i) const { y[i] = StoreElement<T>(LoadElement(x[i]) * factor + offset); }
  };
  SKIFF_HD At AtChannel(int64_t c) const {
    const C factor = d.inverse[c] * (d.scale == nullptr ? C(1) : d.scale[c]);
    return {d.x, d.y, factor, (d.bias == nullptr ? C(0) : d.bias[c]) - d.mean[c] * factor};
  }
};

struct BatchNorm {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const ChannelGeometry g = GeometryOf(c.attrs(), c.Input("X").shape);
    SKIFF_ENFORCE(c.Input("Mean").dtype == kDTypeOf<C>, InvalidType, "Mean is ", c.Input("Mean").dtype,
                  " beside X of ", c.Input("X").dtype, "; expected ", kDTypeOf<C>);
    c.RequestWorkspace(4 * g.channels * sizeof(C));  // for outputs that were left out
    const auto in = [&](const char* slot) { return c.HasInput(slot) ? c.InputIndex(slot) : -1; };
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    const bool running = UsesRunning(c.attrs());
    const C momentum = c.Attr<float>("momentum"), epsilon = c.Attr<float>("epsilon");
    return MakeKernel([=, x = in("X"), scale = in("Scale"), bias = in("Bias"), mean = in("Mean"),
                       variance = in("Variance"), momentum_tensor = in("MomentumTensor"), y = out("Y"),
                       mean_out = out("MeanOut"), variance_out = out("VarianceOut"),
                       saved_mean = out("SavedMean"),
                       saved_variance = out("SavedVariance")](const KernelArgs& args) {
      C* spare = static_cast<C*>(args.workspace);
      const auto read = [&](int i) { return i < 0 ? nullptr : static_cast<const C*>(args.in[i]); };
      const auto write = [&](int i, int k) {
        return i < 0 || args.out[i] == nullptr ? spare + k * g.channels : static_cast<C*>(args.out[i]);
      };
      const BatchNormData<T> d{static_cast<const T*>(args.in[x]), read(scale), read(bias), read(mean),
                               read(variance),
                               momentum_tensor < 0 ? nullptr : static_cast<const float*>(args.in[momentum_tensor]),
                               static_cast<T*>(args.out[y]), write(saved_mean, 0), write(saved_variance, 1),
                               write(mean_out, 2), write(variance_out, 3), momentum, epsilon,
                               static_cast<C>(g.PerChannel())};
      if (running) {
        ForEach(g.channels, kElementGrain, args, RunningStatistics<T>{d});
        RunChannels(g, args, Normalize<T>{d});
      } else {
        RunChannels(g, args, BatchMean<T>{d}, BatchVariance<T>{d}, Normalize<T>{d});
      }
    });
  }
};

template <typename T>
struct BatchNormGradData {
  using C = Compute<T>;
  const T* x;
  const T* y_grad;
  const C* scale;  // null for 1
  const C* mean;
  const C* inverse_or_variance;
  T* x_grad;      // null when nobody wants it
  C* scale_grad;  // output or workspace
  C* bias_grad;
  bool running;
  C epsilon, count;

  SKIFF_HD C Inverse(int64_t c) const {
    return running ? C(1) / math::Sqrt(inverse_or_variance[c] + epsilon) : inverse_or_variance[c];
  }
};

template <typename T>
struct ParameterGrads {
  using C = Compute<T>;
  BatchNormGradData<T> d;
  struct At {
    const T *x, *y_grad;
    C mean;
    SKIFF_HD Two<C> operator()(int64_t i) const {
      const C dy = LoadElement(y_grad[i]);
      return {dy, dy * (LoadElement(x[i]) - mean)};
    }
  };
  SKIFF_HD At AtChannel(int64_t c) const { return {d.x, d.y_grad, d.mean[c]}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t c, Two<S> sums) const {
    d.bias_grad[c] = static_cast<C>(sums.first);
    d.scale_grad[c] = static_cast<C>(sums.second * S(d.Inverse(c)));
  }
};

// X@GRAD = a Y@GRAD + b X + e: the statistics of the batch depend on X, running ones do not.
template <typename T>
struct InputGrad {
  using C = Compute<T>;
  BatchNormGradData<T> d;
  struct At {
    const T *x, *y_grad;
    T* x_grad;
    C a, b, e;
    SKIFF_HD void operator()(int64_t i) const {
      x_grad[i] = StoreElement<T>(a * LoadElement(y_grad[i]) + (b * LoadElement(x[i]) + e));
    }
  };
  SKIFF_HD At AtChannel(int64_t c) const {
    const C inverse = d.Inverse(c);
    const C a = inverse * (d.scale == nullptr ? C(1) : d.scale[c]);
    if (d.running) return {d.x, d.y_grad, d.x_grad, a, C(0), C(0)};
    const C b = -a * inverse * d.scale_grad[c] / d.count;
    return {d.x, d.y_grad, d.x_grad, a, b, -a * d.bias_grad[c] / d.count - b * d.mean[c]};
  }
};

struct BatchNormGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const ChannelGeometry g = GeometryOf(c.attrs(), c.Input("X").shape);
    c.RequestWorkspace(2 * g.channels * sizeof(C));
    const auto in = [&](const char* slot) { return c.HasInput(slot) ? c.InputIndex(slot) : -1; };
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    const bool running = GradUsesRunning(c.attrs());
    const int mean = !running ? in("SavedMean") : c.HasInput("Mean") ? in("Mean") : in("MeanOut");
    const int variance =
        !running ? in("SavedVariance") : c.HasInput("Variance") ? in("Variance") : in("VarianceOut");
    SKIFF_ENFORCE(mean >= 0 && variance >= 0, InvalidArgument, "inputs ",
                  running ? "Mean and Variance" : "SavedMean and SavedVariance", " are missing");
    const C epsilon = c.Attr<float>("epsilon");
    return MakeKernel([=, x = in("X"), y_grad = in("Y@GRAD"), scale = in("Scale"), x_grad = out("X@GRAD"),
                       scale_grad = out("Scale@GRAD"), bias_grad = out("Bias@GRAD")](const KernelArgs& args) {
      C* spare = static_cast<C*>(args.workspace);
      const auto write = [&](int i, int k) {
        return i < 0 || args.out[i] == nullptr ? spare + k * g.channels : static_cast<C*>(args.out[i]);
      };
      const BatchNormGradData<T> d{static_cast<const T*>(args.in[x]), static_cast<const T*>(args.in[y_grad]),
                                   scale < 0 ? nullptr : static_cast<const C*>(args.in[scale]),
                                   static_cast<const C*>(args.in[mean]),
                                   static_cast<const C*>(args.in[variance]),
                                   x_grad < 0 ? nullptr : static_cast<T*>(args.out[x_grad]),
                                   write(scale_grad, 0), write(bias_grad, 1), running, epsilon,
                                   static_cast<C>(g.PerChannel())};
      if (d.x_grad == nullptr) {
        RunChannels(g, args, ParameterGrads<T>{d});
      } else {
        RunChannels(g, args, ParameterGrads<T>{d}, InputGrad<T>{d});
      }
    });
  }
};

std::vector<Operator> MakeBatchNormGrad(const GradContext& g) {
  Operator grad;
  grad.type = "batch_norm_grad";
  grad.attrs = g.fwd.attrs;
  grad.inputs.Set("X", g.In("X"));
  grad.inputs.Set("Y@GRAD", g.OutGrad("Y"));
  for (const char* slot : {"Scale", "Bias"}) {
    if (g.HasIn(slot)) grad.inputs.Set(slot, g.In(slot));
  }
  for (const char* slot : {"SavedMean", "SavedVariance", "ReserveSpace", "MeanOut", "VarianceOut"}) {
    if (g.HasOut(slot)) grad.inputs.Set(slot, g.Out(slot));
  }
  if (g.fwd.attrs.Get<bool>("use_global_stats", false)) {
    grad.inputs.Set("Mean", g.In("Mean"));
    grad.inputs.Set("Variance", g.In("Variance"));
  }
  for (const char* slot : {"X", "Scale", "Bias"}) {
    if (g.HasIn(slot)) grad.outputs.Set(GradName(slot), g.InGrad(slot));
  }
  return {grad};
}

std::vector<Operator> MakeBatchNormSecondGrad(const GradContext& g) {
  Operator op{"batch_norm_grad_grad", {{"X", g.In("X")}, {"DY", g.In("Y@GRAD")}}, {}, g.fwd.attrs};
  for (const char* slot : {"Scale", "SavedMean", "SavedVariance"}) {
    if (g.HasIn(slot)) op.inputs.Set(slot, g.In(slot));
  }
  for (const std::string slot : {"Mean", "Variance"}) {
    if (!g.fwd.attrs.Get<bool>("use_global_stats", false) && !g.fwd.attrs.Get<bool>("is_test", false)) break;
    op.inputs.Set(slot, g.In(g.HasIn(slot) ? slot : slot + "Out"));
  }
  for (const std::string slot : {"X", "Scale", "Bias"}) {
    if (g.HasOut(GradName(slot))) op.inputs.Set("DD" + slot, g.OutGrad(GradName(slot)));
  }
  op.outputs.Set("DX", g.InGrad("X"));
  if (g.HasIn("Scale")) op.outputs.Set("DScale", g.InGrad("Scale"));
  op.outputs.Set("DDY", g.InGrad("Y@GRAD"));
  return {op};
}

}  // namespace

SKIFF_OP(batch_norm)
    .Doc("Y = (X - mean) / sqrt(variance + epsilon) * Scale + Bias, channel by channel.")
    .Source("Ioffe and Szegedy 2015; paddle.static.nn.batch_norm")
    .Input("X", "[batch, channels, ...] or [batch, ..., channels], 2 to 5 dimensions")
    .OptionalInput("Scale", "[channels], 1 when absent")
    .OptionalInput("Bias", "[channels], 0 when absent")
    .Input("Mean", "[channels], running mean")
    .Input("Variance", "[channels], running variance, biased")
    .OptionalInput("MomentumTensor", "one float32; goes before the attribute")
    .Output("Y", "shape and dtype of X")
    .Output("MeanOut", "the variable of Mean: momentum Mean + (1 - momentum) mean of the batch")
    .Output("VarianceOut", "the variable of Variance, in the same way")
    .OptionalOutput("SavedMean", "[channels], the mean that was used")
    .OptionalOutput("SavedVariance", "[channels], 1 / sqrt(variance + epsilon)")
    .OptionalOutput("ReserveSpace", "empty")
    .Attr("is_test", false, "whether the network is being used: running statistics")
    .Attr("momentum", 0.9f, "of the running statistics")
    .Attr("epsilon", 1e-5f, "added to the variance")
    .Attr("data_layout", "NCHW", "NCHW or NHWC; AnyLayout means NCHW")
    .Attr("use_global_stats", false, "running statistics also while training")
    .Attr("trainable_statistics", false, "statistics of the batch also with is_test")
    .OneElement({"MomentumTensor"})
    .OfDType(DType::kFloat32, {"MomentumTensor"})
    .InferShape(InferBatchNorm)
    .Inplace("Mean", "MeanOut")
    .Inplace("Variance", "VarianceOut")
    .Gradient(MakeBatchNormGrad)
    .KeyedBy("X")
    .Kernel<BatchNorm, float, double, Float16, BFloat16>();

SKIFF_OP(batch_norm_grad)
    .Doc("Gradients of batch_norm.")
    .Input("X", "as in batch_norm")
    .Input("Y@GRAD", "shape of Y")
    .OptionalInput("Scale", "as in batch_norm")
    .OptionalInput("Bias", "not read")
    .OptionalInput("SavedMean", "of batch_norm")
    .OptionalInput("SavedVariance", "of batch_norm")
    .OptionalInput("ReserveSpace", "not read")
    .OptionalInput("Mean", "running mean, where that was used")
    .OptionalInput("Variance", "running variance, where that was used")
    .OptionalInput("MeanOut", "stands in for Mean")
    .OptionalInput("VarianceOut", "stands in for Variance")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Scale@GRAD", "[channels]")
    .OptionalOutput("Bias@GRAD", "[channels]")
    .Attr("is_test", false, "as in batch_norm")
    .Attr("momentum", 0.9f, "as in batch_norm")
    .Attr("epsilon", 1e-5f, "as in batch_norm")
    .Attr("data_layout", "NCHW", "as in batch_norm")
    .Attr("use_global_stats", false, "as in batch_norm")
    .Attr("trainable_statistics", false, "as in batch_norm")
    .Alike({"X", "Y@GRAD"})
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      const DType wanted = x.dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
      for (const char* slot : {"Scale", "Bias", "SavedMean", "SavedVariance", "Mean", "Variance", "MeanOut", "VarianceOut"}) {
        const bool of_the_batch = std::string_view(slot).starts_with("Saved");  // left empty, and not read, beside running ones
        if (!c.HasInput(slot) || (of_the_batch && GradUsesRunning(c.attrs()))) continue;
        CheckChannels(c, slot, x.shape[ChannelAxis(c.attrs(), x.shape)]);
        SKIFF_ENFORCE(!c.at_runtime() || c.InputDType(slot) == wanted, InvalidType, slot, " is ", c.InputDType(slot), " beside X of ", x.dtype,
                      "; expected ", wanted);
      }
      GradsLikeInputs()(c);
    })
    .Gradient(MakeBatchNormSecondGrad)
    .KeyedBy("X")
    .Kernel<BatchNormGrad, float, double, Float16, BFloat16>();

}  // namespace skiff
