// sgd, adam and adamw: parameters and accumulators updated in one pass, in place. Halves are
// computed in float, on the master copy where there is one.
#include "framework/op/op_schema.h"
#include "operators/kernel/optimizer.h"
#include "operators/kernel_parts.h"

namespace skiff {

namespace {

template <typename T>
struct SgdUpdate {
  using C = Compute<T>;
  ParamState<T> param;
  State<T> grad;
  ScalarRef learning_rate;
  C rate = 0;

  SKIFF_HD SgdUpdate Bind() const {
    SgdUpdate bound = *this;
    bound.rate = learning_rate.Get<C>();
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const { param.Set(i, param.Get(i) - rate * grad.Get(i)); }
};

struct Sgd {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const UpdateSlots slots(c);
    const auto param = slots.Both("Param"), master = slots.Both("MasterParam"), grad = slots.Read("Grad");
    const auto rate = slots.Scalar("LearningRate");
    return MakeKernel([=, n = slots.size()](const KernelArgs& args) {
      ForEach(n, kElementGrain, args,
              SgdUpdate<T>{{param.Bind<T>(args), master.Bind<T>(args)}, grad.Bind<T>(args), rate.Bind(args)});
    });
  }
};

// Scalars of adam that may be tensors, and what follows from them.
struct AdamScalars {
  ScalarRef learning_rate, beta1_pow, beta2_pow, beta1_tensor, beta2_tensor, epsilon_tensor;
  const bool* skip_update;
  float beta1, beta2, epsilon, rate_factor, decay_factor;
};

// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g g, both corrected for their start at zero:
// p -= lr m sqrt(1 - b2^t) / (1 - b1^t) / (sqrt(v) + epsilon sqrt(1 - b2^t)).
template <typename T>
struct AdamUpdate {
  using C = Compute<T>;
  ParamState<T> param;
  State<T> grad, moment1, moment2;
  AdamScalars scalars;
  C beta1 = 0, beta2 = 0, epsilon = 0, step = 0, keep = 0;
  bool skip = false;

  SKIFF_HD AdamUpdate Bind() const {
    AdamUpdate bound = *this;
    const AdamScalars& s = scalars;
    bound.skip = s.skip_update != nullptr && *s.skip_update;
    bound.beta1 = s.beta1_tensor.template Get<C>(static_cast<C>(s.beta1));
    bound.beta2 = s.beta2_tensor.template Get<C>(static_cast<C>(s.beta2));
    const C correction = math::Sqrt(C(1) - s.beta2_pow.template Get<C>());
    bound.epsilon = s.epsilon_tensor.template Get<C>(static_cast<C>(s.epsilon)) * correction;
    const C rate = s.learning_rate.template Get<C>();
    bound.step = rate * static_cast<C>(s.rate_factor) * correction / (C(1) - s.beta1_pow.template Get<C>());
    bound.keep = C(1) - rate * static_cast<C>(s.decay_factor);
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const {
    if (skip) {
      param.Set(i, param.Get(i));
      moment1.Set(i, moment1.Get(i));
      moment2.Set(i, moment2.Get(i));
      return;
    }
    const C g = grad.Get(i);
    const C m = beta1 * moment1.Get(i) + (C(1) - beta1) * g;
    const C v = beta2 * moment2.Get(i) + (C(1) - beta2) * g * g;
    moment1.Set(i, m);
    moment2.Set(i, v);
    param.Set(i, param.Get(i) * keep - step * m / (math::Sqrt(v) + epsilon));
  }
};

// The powers of beta after the step; by one thread, after every element has been updated.
struct AdvanceBetaPow {
  ScalarRef pow, beta_tensor;
  void* out;
  const bool* skip_update;
  float beta;

  SKIFF_HD void operator()(int64_t) const {
    const bool skip = skip_update != nullptr && *skip_update;
    if (pow.is_double) {
      *static_cast<double*>(out) = pow.Get<double>() * (skip ? 1.0 : beta_tensor.Get<double>(beta));
    } else {
      *static_cast<float*>(out) = pow.Get<float>() * (skip ? 1.0f : beta_tensor.Get<float>(beta));
    }
  }
};

template <bool kDecoupledDecay>
struct Adam {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return Make<Device, T>(c, 0); }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Make(PrepareContext& c, int i) {
    const UpdateSlots slots(c, i);
    const auto param = slots.Both("Param"), master = slots.Both("MasterParam"), grad = slots.Read("Grad");
    const auto moment1 = slots.Both("Moment1"), moment2 = slots.Both("Moment2");
    const auto rate = slots.Scalar("LearningRate");
    const auto pow1 = slots.Scalar("Beta1Pow"), pow2 = slots.Scalar("Beta2Pow");
    const auto beta1 = slots.Scalar("Beta1Tensor"), beta2 = slots.Scalar("Beta2Tensor");
    const auto epsilon = slots.Scalar("EpsilonTensor");
    const int skip = c.HasInput("SkipUpdate") ? c.InputIndex("SkipUpdate") : -1;
    AdamScalars fixed{{}, {}, {}, {}, {}, {}, nullptr, c.Attr<float>("beta1"), c.Attr<float>("beta2"),
                      c.Attr<float>("epsilon"), 1.0f, 0.0f};
    if (kDecoupledDecay && c.Attr<bool>("with_decay")) {
      fixed.decay_factor = c.Attr<float>("coeff") * c.Attr<float>("lr_ratio");
      // Paddle's CUDA kernel scales step and decay by lr_ratio, its CPU kernel the decay alone: each place
      // agrees with Paddle's.
      if (std::is_same_v<Device, CudaDevice>) fixed.rate_factor = c.Attr<float>("lr_ratio");
    }
    const bool advance = !c.Attr<bool>("use_global_beta_pow");
    const int out1 = advance && c.HasOutput("Beta1PowOut") ? c.OutputIndex("Beta1PowOut", i) : -1;
    const int out2 = advance && c.HasOutput("Beta2PowOut") ? c.OutputIndex("Beta2PowOut", i) : -1;
    return MakeKernel([=, n = slots.size()](const KernelArgs& args) {
      AdamScalars s = fixed;
      s.learning_rate = rate.Bind(args);
      s.beta1_pow = pow1.Bind(args);
      s.beta2_pow = pow2.Bind(args);
      s.beta1_tensor = beta1.Bind(args);
      s.beta2_tensor = beta2.Bind(args);
      s.epsilon_tensor = epsilon.Bind(args);
      if (skip >= 0) s.skip_update = static_cast<const bool*>(args.in[skip]);
      ForEach(n, kElementGrain, args,
              AdamUpdate<T>{{param.Bind<T>(args), master.Bind<T>(args)}, grad.Bind<T>(args),
                            moment1.Bind<T>(args), moment2.Bind<T>(args), s});
      if (out1 >= 0) {
        ForEach(1, 1, args,
                AdvanceBetaPow{s.beta1_pow, s.beta1_tensor, args.out[out1], s.skip_update, s.beta1});
      }
      if (out2 >= 0) {
        ForEach(1, 1, args,
                AdvanceBetaPow{s.beta2_pow, s.beta2_tensor, args.out[out2], s.skip_update, s.beta2});
      }
    });
  }
};

void SparseSgd(DynamicContext& c) { UpdateListedRows(c, {"Param", "MasterParam"}); }
void SparseAdam(DynamicContext& c) {
  const std::vector<std::string> slots = {"Param", "Moment1", "Moment2", "MasterParam"};
  if (c.attrs().Get<bool>("lazy_mode")) {
    UpdateListedRows(c, slots);
  } else {
    UpdateAllRows(c, slots);
  }
}

}  // namespace

SKIFF_OP(sgd)
    .Doc("ParamOut = Param - LearningRate * Grad.")
    .Source("paddle.optimizer.SGD")
    .Input("Param", "any shape")
    .Input("LearningRate", "one float32 or float64")
    .Input("Grad", "shape of Param, or SelectedRows of it: other rows stay")
    .OptionalInput("MasterParam", "float32 copy of a half Param, updated in its stead")
    .Output("ParamOut", "the variable of Param")
    .OptionalOutput("MasterParamOut", "the variable of MasterParam")
    .Attr("multi_precision", false, "whether there is a MasterParam")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Dynamic(SparseSgd)
    .Kernel<Sgd, float, double, Float16, BFloat16>();

SKIFF_OP(adam)
    .Doc("Adam: steps along the mean of the gradients over the root of the mean of their squares.")
    .Source("Kingma and Ba 2015; paddle.optimizer.Adam")
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
    .OptionalInput("Beta1Tensor", "goes before beta1")
    .OptionalInput("Beta2Tensor", "goes before beta2")
    .OptionalInput("EpsilonTensor", "goes before epsilon")
    .Output("ParamOut", "the variable of Param")
    .Output("Moment1Out", "the variable of Moment1")
    .Output("Moment2Out", "the variable of Moment2")
    .Output("Beta1PowOut", "the variable of Beta1Pow, times beta1")
    .Output("Beta2PowOut", "the variable of Beta2Pow, times beta2")
    .OptionalOutput("MasterParamOut", "the variable of MasterParam")
    .Attr("beta1", 0.9f, "decay of the first moment")
    .Attr("beta2", 0.999f, "decay of the second moment")
    .Attr("epsilon", 1e-8f, "added to the root")
    .Attr("lazy_mode", false, "with SelectedRows: rows without gradient stay as they are")
    .Attr("min_row_size_to_use_multithread", int64_t{1000}, "not read")
    .Attr("multi_precision", false, "whether there is a MasterParam")
    .Attr("use_global_beta_pow", false, "the powers of beta are advanced elsewhere")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("Moment1", "Moment1Out")
    .Inplace("Moment2", "Moment2Out")
    .Inplace("Beta1Pow", "Beta1PowOut")
    .Inplace("Beta2Pow", "Beta2PowOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Dynamic(SparseAdam)
    .Kernel<Adam<false>, float, double, Float16, BFloat16>();

SKIFF_OP(adamw)
    .Doc("As adam; with_decay Param is first multiplied by 1 - lr lr_ratio coeff.")
    .Source("Loshchilov and Hutter 2019; paddle.optimizer.AdamW")
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
    .OptionalInput("Beta1Tensor", "goes before beta1")
    .OptionalInput("Beta2Tensor", "goes before beta2")
    .OptionalInput("EpsilonTensor", "goes before epsilon")
    .Output("ParamOut", "the variable of Param")
    .Output("Moment1Out", "the variable of Moment1")
    .Output("Moment2Out", "the variable of Moment2")
    .Output("Beta1PowOut", "the variable of Beta1Pow, times beta1")
    .Output("Beta2PowOut", "the variable of Beta2Pow, times beta2")
    .OptionalOutput("MasterParamOut", "the variable of MasterParam")
    .Attr("beta1", 0.9f, "decay of the first moment")
    .Attr("beta2", 0.999f, "decay of the second moment")
    .Attr("epsilon", 1e-8f, "added to the root")
    .Attr("lr_ratio", 1.0f, "factor of the decay and, on a card, of the step; with_decay only")
    .Attr("coeff", 0.01f, "weight decay")
    .Attr("with_decay", false, "whether the weights decay")
    .Attr("lazy_mode", false, "with SelectedRows: rows without gradient stay as they are")
    .Attr("min_row_size_to_use_multithread", int64_t{1000}, "not read")
    .Attr("multi_precision", false, "whether there is a MasterParam")
    .Attr("use_global_beta_pow", false, "the powers of beta are advanced elsewhere")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("Moment1", "Moment1Out")
    .Inplace("Moment2", "Moment2Out")
    .Inplace("Beta1Pow", "Beta1PowOut")
    .Inplace("Beta2Pow", "Beta2PowOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Dynamic(SparseAdam)
    .Kernel<Adam<true>, float, double, Float16, BFloat16>();

SKIFF_OP(merged_adam)
    .Doc("adam for several parameters at once.")
    .Source("names and defaults of Paddle's merged_adam")
    .Inputs("Param", "of one dtype")
    .Inputs("Grad", "shape of each Param")
    .Inputs("LearningRate", "one for all, or one for each")
    .Inputs("Moment1", "shape of each Param")
    .Inputs("Moment2", "shape of each Param")
    .Inputs("Beta1Pow", "one element for each")
    .Inputs("Beta2Pow", "one element for each")
    .OptionalInputs("MasterParam", "float32 copies of half Params, updated in their stead")
    .Outputs("ParamOut", "the variables of Param")
    .Outputs("Moment1Out", "the variables of Moment1")
    .Outputs("Moment2Out", "the variables of Moment2")
    .Outputs("Beta1PowOut", "the variables of Beta1Pow, times beta1")
    .Outputs("Beta2PowOut", "the variables of Beta2Pow, times beta2")
    .OptionalOutputs("MasterParamOut", "the variables of MasterParam")
    .Attr("beta1", 0.9f, "decay of the first moment")
    .Attr("beta2", 0.999f, "decay of the second moment")
    .Attr("epsilon", 1e-8f, "added to the root")
    .Attr("multi_precision", false, "whether there are MasterParams")
    .Attr("use_global_beta_pow", false, "the powers of beta are advanced elsewhere")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("Moment1", "Moment1Out")
    .Inplace("Moment2", "Moment2Out")
    .Inplace("Beta1Pow", "Beta1PowOut")
    .Inplace("Beta2Pow", "Beta2PowOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Kernel<ForEachParam<Adam<false>>, float, double, Float16, BFloat16>();

}  // namespace skiff
