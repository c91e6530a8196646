// adagrad, rmsprop, adamax, adadelta and lamb.
#include "framework/op/op_schema.h"
#include "operators/kernel/channels.h"
#include "operators/kernel/optimizer.h"

namespace skiff {

namespace {

// Moment += g g; Param -= lr g / (sqrt(Moment) + epsilon).
template <typename T>
struct AdagradUpdate {
  using C = Compute<T>;
  ParamState<T> param;
  State<T> grad, moment;
  ScalarRef learning_rate;
  C epsilon;
  C rate = 0;
  SKIFF_HD AdagradUpdate Bind() const {
    AdagradUpdate bound = *this;
    bound.rate = learning_rate.Get<C>();
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const {
    const C g = grad.Get(i);
    const C m = moment.Get(i) + g * g;
    moment.Set(i, m);
    param.Set(i, param.Get(i) - rate * g / (math::Sqrt(m) + epsilon));
  }
};

struct Adagrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const UpdateSlots slots(c);
    const auto param = slots.Both("Param"), master = slots.Both("MasterParam"), grad = slots.Read("Grad");
    const auto moment = slots.Both("Moment");
    const auto rate = slots.Scalar("LearningRate");
    const auto epsilon = static_cast<Compute<T>>(c.Attr<float>("epsilon"));
    return MakeKernel([=, n = slots.size()](const KernelArgs& args) {
      ForEach(n, kElementGrain, args,
              AdagradUpdate<T>{{param.Bind<T>(args), master.Bind<T>(args)}, grad.Bind<T>(args),
                               moment.Bind<T>(args), rate.Bind(args), epsilon});
    });
  }
};

// ms = decay ms + (1 - decay) g g, mg likewise of g; m = momentum m + lr g / sqrt(ms - mg mg + epsilon).
template <typename T>
struct RmspropUpdate {
  using C = Compute<T>;
  ParamState<T> param;
  State<T> grad, mean_square, mean_grad, moment;
  ScalarRef learning_rate;
  C decay, epsilon, momentum;
  bool centered;
  C rate = 0;
  SKIFF_HD RmspropUpdate Bind() const {
    RmspropUpdate bound = *this;
    bound.rate = learning_rate.Get<C>();
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const {
    const C g = grad.Get(i);
    const C ms = decay * mean_square.Get(i) + (C(1) - decay) * g * g;
    mean_square.Set(i, ms);
    C spread = ms;
    if (centered) {
      const C mg = decay * mean_grad.Get(i) + (C(1) - decay) * g;
      mean_grad.Set(i, mg);
      spread = ms - mg * mg;
    }
    const C m = momentum * moment.Get(i) + rate * g / math::Sqrt(spread + epsilon);
    moment.Set(i, m);
    param.Set(i, param.Get(i) - m);
  }
};

template <typename T>
struct CopyState {
  State<T> state;
  SKIFF_HD void operator()(int64_t i) const { state.Set(i, state.Get(i)); }
};

struct Rmsprop {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const UpdateSlots slots(c);
    const auto param = slots.Both("Param"), master = slots.Both("MasterParam"), grad = slots.Read("Grad");
    const auto mean_square = slots.Both("MeanSquare"), mean_grad = slots.Both("MeanGrad"), moment = slots.Both("Moment");
    const auto rate = slots.Scalar("LearningRate");
    const C decay = c.Attr<float>("decay"), epsilon = c.Attr<float>("epsilon"), momentum = c.Attr<float>("momentum");
    const bool centered = c.Attr<bool>("centered");
    SKIFF_ENFORCE(!centered || (mean_grad.in >= 0 && mean_grad.out >= 0), InvalidArgument,
                  "centered needs MeanGrad and MeanGradOut");
    return MakeKernel([=, n = slots.size()](const KernelArgs& args) {
      ForEach(n, kElementGrain, args,
              RmspropUpdate<T>{{param.Bind<T>(args), master.Bind<T>(args)}, grad.Bind<T>(args),
                               mean_square.Bind<T>(args), mean_grad.Bind<T>(args), moment.Bind<T>(args),
                               rate.Bind(args), decay, epsilon, momentum, centered});
      const State<T> unused = mean_grad.Bind<T>(args);
      if (!centered && unused.in != nullptr && unused.out != nullptr && unused.in != unused.out) {
        ForEach(n, kElementGrain, args, CopyState<T>{unused});
      }
    });
  }
};

// m = b1 m + (1 - b1) g, u = max(|g|, b2 u + epsilon); Param -= lr / (1 - b1^t) m / u.
template <typename T>
struct AdamaxUpdate {
  using C = Compute<T>;
  ParamState<T> param;
  State<T> grad, moment, norm;
  ScalarRef learning_rate, beta1_pow;
  C beta1, beta2, epsilon;
  C rate = 0;
  SKIFF_HD AdamaxUpdate Bind() const {
    AdamaxUpdate bound = *this;
    bound.rate = learning_rate.Get<C>() / (C(1) - beta1_pow.Get<C>());
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const {
    const C g = grad.Get(i);
    const C m = beta1 * moment.Get(i) + (C(1) - beta1) * g;
    const C u = math::Max(math::Abs(g), beta2 * norm.Get(i) + epsilon);
    moment.Set(i, m);
    norm.Set(i, u);
    param.Set(i, param.Get(i) - rate * m / u);
  }
};

struct Adamax {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const UpdateSlots slots(c);
    const auto param = slots.Both("Param"), master = slots.Both("MasterParam"), grad = slots.Read("Grad");
    const auto moment = slots.Both("Moment"), norm = slots.Both("InfNorm");
    const auto rate = slots.Scalar("LearningRate"), pow = slots.Scalar("Beta1Pow");
    const C beta1 = c.Attr<float>("beta1"), beta2 = c.Attr<float>("beta2"), epsilon = c.Attr<float>("epsilon");
    return MakeKernel([=, n = slots.size()](const KernelArgs& args) {
      ForEach(n, kElementGrain, args,
              AdamaxUpdate<T>{{param.Bind<T>(args), master.Bind<T>(args)}, grad.Bind<T>(args),
                              moment.Bind<T>(args), norm.Bind<T>(args), rate.Bind(args), pow.Bind(args), beta1,
                              beta2, epsilon});
    });
  }
};

// G = rho G + (1 - rho) g g; step = sqrt((U + epsilon) / (G + epsilon)) g; U = rho U + (1 - rho) step step.
template <typename T>
struct AdadeltaUpdate {
  using C = Compute<T>;
  ParamState<T> param;
  State<T> grad, square_grad, square_update;
  ScalarRef learning_rate;
  C rho, epsilon;
  C rate = 1;
  SKIFF_HD AdadeltaUpdate Bind() const {
    AdadeltaUpdate bound = *this;
    bound.rate = learning_rate.Get<C>(C(1));
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const {
    const C g = grad.Get(i), u = square_update.Get(i);
    const C gg = rho * square_grad.Get(i) + (C(1) - rho) * g * g;
    const C step = math::Sqrt((u + epsilon) / (gg + epsilon)) * g;
    square_grad.Set(i, gg);
    square_update.Set(i, rho * u + (C(1) - rho) * step * step);
    param.Set(i, param.Get(i) - rate * step);
  }
};

struct Adadelta {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const UpdateSlots slots(c);
    const auto param = slots.Both("Param"), master = slots.Both("MasterParam"), grad = slots.Read("Grad");
    const auto square_grad = slots.Both("AvgSquaredGrad"), square_update = slots.Both("AvgSquaredUpdate");
    const auto rate = slots.Scalar("LearningRate");
    const C rho = c.Attr<float>("rho"), epsilon = c.Attr<float>("epsilon");
    return MakeKernel([=, n = slots.size()](const KernelArgs& args) {
      ForEach(n, kElementGrain, args,
              AdadeltaUpdate<T>{{param.Bind<T>(args), master.Bind<T>(args)}, grad.Bind<T>(args),
                                square_grad.Bind<T>(args), square_update.Bind<T>(args), rate.Bind(args), rho, epsilon});
    });
  }
};

// The moments of adam, corrected, give a direction r = m / (sqrt(v) + epsilon) + weight_decay p; the step
// is lr |p| / |r| r, the ratio 1 where a norm is 0.
template <typename T>
struct LambData {
  using C = Compute<T>;
  ParamState<T> param;
  State<T> grad, moment1, moment2;
  ScalarRef learning_rate, beta1_pow, beta2_pow;
  const bool* skip_update;
  C beta1, beta2, epsilon, weight_decay;
  C* direction;   // workspace, one an element
  double* norms;  // workspace: |p|^2, |r|^2

  SKIFF_HD bool Skips() const { return skip_update != nullptr && *skip_update; }
};

template <typename T>
struct LambDirection {
  using C = Compute<T>;
  LambData<T> d;
  C correction1 = 1, correction2 = 1;
  bool skip = false;
  SKIFF_HD LambDirection Bind() const {
    LambDirection bound = *this;
    bound.correction1 = C(1) - d.beta1_pow.template Get<C>();
    bound.correction2 = C(1) - d.beta2_pow.template Get<C>();
    bound.skip = d.Skips();
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const {
    const C g = d.grad.Get(i);
    const C m0 = d.moment1.Get(i), v0 = d.moment2.Get(i);
    const C m = skip ? m0 : d.beta1 * m0 + (C(1) - d.beta1) * g;
    const C v = skip ? v0 : d.beta2 * v0 + (C(1) - d.beta2) * g * g;
    d.moment1.Set(i, m);
    d.moment2.Set(i, v);
    d.direction[i] = m / correction1 / (math::Sqrt(v / correction2) + d.epsilon) + d.weight_decay * d.param.Get(i);
  }
};

// The squares of both norms, as one channel of all elements.
template <typename T>
struct LambNorms {
  LambData<T> d;
  struct At {
    LambData<T> d;
    SKIFF_HD Two<double> operator()(int64_t i) const {
      const double p = d.param.Get(i), r = d.direction[i];
      return {p * p, r * r};
    }
  };
  SKIFF_HD At AtChannel(int64_t) const { return {d}; }
  SKIFF_HD void Finish(int64_t, Two<double> sums) const {
    d.norms[0] = sums.first;
    d.norms[1] = sums.second;
  }
};

template <typename T>
struct LambStep {
  using C = Compute<T>;
  LambData<T> d;
  bool adapts;
  C rate = 0;
  SKIFF_HD LambStep Bind() const {
    LambStep bound = *this;
    const bool ratio = adapts && d.norms[0] > 0 && d.norms[1] > 0;
    bound.rate = d.learning_rate.template Get<C>() * static_cast<C>(ratio ? math::Sqrt(d.norms[0] / d.norms[1]) : 1.0);
    if (d.Skips()) bound.rate = 0;
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const { d.param.Set(i, d.param.Get(i) - rate * d.direction[i]); }
};

struct AdvancePow {
  ScalarRef pow;
  void* out;
  const bool* skip_update;
  float beta;
  SKIFF_HD void operator()(int64_t) const {
    const float factor = skip_update != nullptr && *skip_update ? 1.0f : beta;
    if (pow.is_double) {
      *static_cast<double*>(out) = pow.Get<double>() * factor;
    } else {
      *static_cast<float*>(out) = pow.Get<float>() * factor;
    }
  }
};

struct Lamb {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const UpdateSlots slots(c);
    const auto param = slots.Both("Param"), master = slots.Both("MasterParam"), grad = slots.Read("Grad");
    const auto moment1 = slots.Both("Moment1"), moment2 = slots.Both("Moment2");
    const auto rate = slots.Scalar("LearningRate"), pow1 = slots.Scalar("Beta1Pow"), pow2 = slots.Scalar("Beta2Pow");
    const int skip = c.HasInput("SkipUpdate") ? c.InputIndex("SkipUpdate") : -1;
    const int out1 = c.HasOutput("Beta1PowOut") ? c.OutputIndex("Beta1PowOut") : -1;
    const int out2 = c.HasOutput("Beta2PowOut") ? c.OutputIndex("Beta2PowOut") : -1;
    const float beta1 = c.Attr<float>("beta1"), beta2 = c.Attr<float>("beta2");
    const C epsilon = c.Attr<float>("epsilon"), decay = c.Attr<float>("weight_decay");
    const bool adapts = decay != C(0) || c.Attr<bool>("always_adapt");
    c.RequestWorkspace(2 * sizeof(double) + slots.size() * sizeof(C));
    return MakeKernel([=, n = slots.size()](const KernelArgs& args) {
      auto* norms = static_cast<double*>(args.workspace);
      const bool* skips = skip < 0 ? nullptr : static_cast<const bool*>(args.in[skip]);
      const LambData<T> d{{param.Bind<T>(args), master.Bind<T>(args)}, grad.Bind<T>(args), moment1.Bind<T>(args),
                          moment2.Bind<T>(args), rate.Bind(args), pow1.Bind(args), pow2.Bind(args), skips,
                          C(beta1), C(beta2), epsilon, decay, reinterpret_cast<C*>(norms + 2), norms};
      ForEach(n, kElementGrain, args, LambDirection<T>{d});
      RunChannels({1, 1, n}, args, LambNorms<T>{d});
      ForEach(n, kElementGrain, args, LambStep<T>{d, adapts});
      if (out1 >= 0) ForEach(1, 1, args, AdvancePow{d.beta1_pow, args.out[out1], skips, beta1});
      if (out2 >= 0) ForEach(1, 1, args, AdvancePow{d.beta2_pow, args.out[out2], skips, beta2});
    });
  }
};

void SparseAdagrad(DynamicContext& c) { UpdateListedRows(c, {"Param", "Moment", "MasterParam"}); }
void SparseRmsprop(DynamicContext& c) {
  UpdateAllRows(c, {"Param", "MeanSquare", "MeanGrad", "Moment", "MasterParam"});
}
void SparseLamb(DynamicContext& c) { UpdateAllRows(c, {"Param", "Moment1", "Moment2", "MasterParam"}); }

}  // namespace

SKIFF_OP(adagrad)
    .Doc("Moment += Grad Grad; Param -= LearningRate Grad / (sqrt(Moment) + epsilon).")
    .Source("Duchi et al. 2011; paddle.optimizer.Adagrad")
    .Input("Param", "any shape")
    .Input("Grad", "shape of Param, or SelectedRows of it: other rows stay")
    .Input("Moment", "shape of Param")
    .Input("LearningRate", "one float32 or float64")
    .OptionalInput("MasterParam", "float32 copy of a half Param, updated in its stead")
    .Output("ParamOut", "the variable of Param")
    .Output("MomentOut", "the variable of Moment")
    .OptionalOutput("MasterParamOut", "the variable of MasterParam")
    .Attr("epsilon", 1e-6f, "added to the root")
    .Attr("multi_precision", false, "whether there is a MasterParam")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("Moment", "MomentOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Dynamic(SparseAdagrad)
    .Kernel<Adagrad, float, double, Float16, BFloat16>();

SKIFF_OP(rmsprop)
    .Doc("Steps along the gradient over the root of the mean of its squares, with momentum.")
    .Source("Hinton 2012; paddle.optimizer.RMSProp")
    .Input("Param", "any shape")
    .Input("MeanSquare", "shape of Param")
    .Input("Grad", "shape of Param, or SelectedRows of it")
    .Input("Moment", "shape of Param")
    .Input("LearningRate", "one float32 or float64")
    .OptionalInput("MeanGrad", "shape of Param; needed when centered")
    .OptionalInput("MasterParam", "float32 copy of a half Param, updated in its stead")
    .Output("ParamOut", "the variable of Param")
    .Output("MomentOut", "the variable of Moment")
    .Output("MeanSquareOut", "the variable of MeanSquare")
    .OptionalOutput("MeanGradOut", "the variable of MeanGrad")
    .OptionalOutput("MasterParamOut", "the variable of MasterParam")
    .Attr("epsilon", 1e-10f, "added under the root")
    .Attr("decay", 0.9f, "of the means")
    .Attr("momentum", 0.0f, "of the steps")
    .Attr("centered", false, "divide by the deviation, not the mean square")
    .Attr("multi_precision", false, "whether there is a MasterParam")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("Moment", "MomentOut")
    .Inplace("MeanSquare", "MeanSquareOut")
    .Inplace("MeanGrad", "MeanGradOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Dynamic(SparseRmsprop)
    .Kernel<Rmsprop, float, double, Float16, BFloat16>();

SKIFF_OP(adamax)
    .Doc("Adam with the largest gradient of late in place of the root of the mean square.")
    .Source("Kingma and Ba 2015, section 7.1; paddle.optimizer.Adamax")
    .Input("Param", "any shape")
    .Input("Grad", "shape of Param")
    .Input("LearningRate", "one float32 or float64")
    .Input("Moment", "shape of Param")
    .Input("InfNorm", "shape of Param")
    .Input("Beta1Pow", "one element, advanced by a scale operator of its own")
    .OptionalInput("MasterParam", "float32 copy of a half Param, updated in its stead")
    .Output("ParamOut", "the variable of Param")
    .Output("MomentOut", "the variable of Moment")
    .Output("InfNormOut", "the variable of InfNorm")
    .OptionalOutput("MasterParamOut", "the variable of MasterParam")
    .Attr("beta1", 0.9f, "decay of the moment")
    .Attr("beta2", 0.999f, "decay of the norm")
    .Attr("epsilon", 1e-8f, "added to the decayed norm")
    .Attr("multi_precision", false, "whether there is a MasterParam")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("Moment", "MomentOut")
    .Inplace("InfNorm", "InfNormOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Kernel<Adamax, float, double, Float16, BFloat16>();

SKIFF_OP(adadelta)
    .Doc("Steps whose size follows the root of the mean of their own squares.")
    .Source("Zeiler 2012; paddle.optimizer.Adadelta")
    .Input("Param", "any shape")
    .Input("Grad", "shape of Param")
    .Input("AvgSquaredGrad", "shape of Param")
    .Input("AvgSquaredUpdate", "shape of Param")
    .OptionalInput("LearningRate", "one float32 or float64, 1 when absent")
    .OptionalInput("MasterParam", "float32 copy of a half Param, updated in its stead")
    .Output("ParamOut", "the variable of Param")
    .Output("AvgSquaredGradOut", "the variable of AvgSquaredGrad")
    .Output("AvgSquaredUpdateOut", "the variable of AvgSquaredUpdate")
    .OptionalOutput("MasterParamOut", "the variable of MasterParam")
    .Attr("rho", 0.95f, "decay of the means")
    .Attr("epsilon", 1e-6f, "added under the roots")
    .Attr("multi_precision", false, "whether there is a MasterParam")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("AvgSquaredGrad", "AvgSquaredGradOut")
    .Inplace("AvgSquaredUpdate", "AvgSquaredUpdateOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Kernel<Adadelta, float, double, Float16, BFloat16>();

SKIFF_OP(lamb)
    .Doc("Adam's direction with weight decay, scaled for each parameter by |Param| / |direction|.")
    .Source("You et al. 2020; paddle.optimizer.Lamb")
    .Input("Param", "any shape")
    .Input("Grad", "shape of Param, or SelectedRows of it")
    .Input("LearningRate", "one float32 or float64")
    .Input("Moment1", "shape of Param")
    .Input("Moment2", "shape of Param")
    .Input("Beta1Pow", "one element: beta1 to the power of the step")
    .Input("Beta2Pow", "one element: beta2 to the power of the step")
    .OptionalInput("MasterParam", "float32 copy of a half Param, updated in its stead")
    .OptionalInput("SkipUpdate", "one bool: nothing changes where it is true")
    .OfDType(DType::kBool, {"SkipUpdate"})
    .Output("ParamOut", "the variable of Param")
    .Output("Moment1Out", "the variable of Moment1")
    .Output("Moment2Out", "the variable of Moment2")
    .OptionalOutput("Beta1PowOut", "the variable of Beta1Pow, times beta1")
    .OptionalOutput("Beta2PowOut", "the variable of Beta2Pow, times beta2")
    .OptionalOutput("MasterParamOut", "the variable of MasterParam")
    .RequiredAttr<float>("weight_decay", "factor of Param in the direction")
    .Attr("beta1", 0.9f, "decay of the first moment")
    .Attr("beta2", 0.999f, "decay of the second moment")
    .Attr("epsilon", 1e-6f, "added to the root")
    .Attr("always_adapt", false, "scale also without weight decay")
    .Attr("multi_precision", false, "whether there is a MasterParam")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("Moment1", "Moment1Out")
    .Inplace("Moment2", "Moment2Out")
    .Inplace("Beta1Pow", "Beta1PowOut")
    .Inplace("Beta2Pow", "Beta2PowOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Dynamic(SparseLamb)
    .Kernel<Lamb, float, double, Float16, BFloat16>();

}  // namespace skiff
