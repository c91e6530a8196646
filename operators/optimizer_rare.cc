// lars_momentum, ftrl, decayed_adagrad, proximal_gd, dpsgd; average_accumulates, the sums behind a model average.
#include "framework/op/op_schema.h"
#include "operators/kernel/channels.h"
#include "operators/kernel/optimizer.h"
#include "operators/kernel/random.h"
#include "operators/kernel_parts.h"

namespace skiff {

namespace {

// ---- lars_momentum -----------------------------------------------------------------------------------------------

/// The squares of parameter and gradient add up to the rate of the whole parameter, left in the workspace.
template <typename T>
struct LarsRate {
  using C = Compute<T>;
  ParamState<T> param;
  State<T> grad;
  ScalarRef learning_rate;
  C trust, decay, epsilon, rescale;
  C* rate;
  struct At {
    ParamState<T> param;
    State<T> grad;
    C rescale;
    SKIFF_HD Two<C> operator()(int64_t i) const {
      return {math::Square(param.Get(i)), math::Square(grad.Get(i) * rescale)};
    }
  };
  SKIFF_HD At AtChannel(int64_t) const { return {param, grad, rescale}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t, Two<S> sums) const {
    const C p = math::Sqrt(static_cast<C>(sums.first)), g = math::Sqrt(static_cast<C>(sums.second));
    const C lr = learning_rate.Get<C>();
    *rate = decay > C(0) && p > C(0) && g > C(0) ? lr * trust * p / (g + decay * p + epsilon) : lr;
  }
};

template <typename T>
struct LarsUpdate {
  using C = Compute<T>;
  ParamState<T> param;
  State<T> grad, velocity;
  C mu, decay, rescale;
  const C* rate;
  SKIFF_HD void operator()(int64_t i) const {
    const C p = param.Get(i), v = mu * velocity.Get(i) + *rate * (grad.Get(i) * rescale + decay * p);
    velocity.Set(i, v);
    param.Set(i, p - v);
  }
};

struct LarsMomentum {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const auto decays = c.Attr<std::vector<float>>("lars_weight_decay");
    auto sequence = std::make_unique<SequenceKernel>();
    c.RequestWorkspace(sizeof(C));
    for (int i = 0; i < c.NumInputs("Param"); ++i) {
      const UpdateSlots slots(c, i);
      const auto param = slots.Both("Param"), master = slots.Both("MasterParam"), grad = slots.Read("Grad"), velocity = slots.Both("Velocity");
      const auto rate = slots.Scalar("LearningRate");
      const C decay = decays.empty() ? 0 : decays[std::min<size_t>(i, decays.size() - 1)];
      const C mu = c.Attr<float>("mu"), trust = c.Attr<float>("lars_coeff"), epsilon = c.Attr<float>("epsilon");
      const C rescale = c.Attr<float>("rescale_grad");
      sequence->Add(MakeKernel([=, n = slots.size()](const KernelArgs& args) {
        C* found = static_cast<C*>(args.workspace);
        const ParamState<T> p{param.Bind<T>(args), master.Bind<T>(args)};
        RunChannels(ChannelGeometry{1, 1, n}, args, LarsRate<T>{p, grad.Bind<T>(args), rate.Bind(args), trust, decay, epsilon, rescale, found});
        ForEach(n, kElementGrain, args, LarsUpdate<T>{p, grad.Bind<T>(args), velocity.Bind<T>(args), mu, decay, rescale, found});
      }));
    }
    return sequence;
  }
};

// ---- ftrl --------------------------------------------------------------------------------------------------------

template <typename T>
struct FtrlUpdate {
  State<T> param, grad, squares, linear;
  ScalarRef learning_rate;
  T l1, l2, power;
  T rate = 0;
  SKIFF_HD FtrlUpdate Bind() const {
    FtrlUpdate bound = *this;
    bound.rate = learning_rate.Get<T>();
    return bound;
  }
  SKIFF_HD T Root(T v) const { return power == T(-0.5) ? math::Sqrt(v) : math::Pow(v, -power); }
  SKIFF_HD void operator()(int64_t i) const {
    const T g = grad.Get(i), p = param.Get(i), before = squares.Get(i), after = before + g * g;
    const T z = linear.Get(i) + g - (Root(after) - Root(before)) / rate * p;
    const T pull = Root(after) / rate + T(2) * l2;
    squares.Set(i, after);
    linear.Set(i, z);
    param.Set(i, math::Abs(z) > l1 ? (l1 * math::Sign(z) - z) / pull : T(0));
  }
};

struct Ftrl {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const UpdateSlots slots(c);
    const auto param = slots.Both("Param"), grad = slots.Read("Grad");
    auto squares = slots.Read("SquaredAccumulator"), linear = slots.Read("LinearAccumulator");
    squares.out = c.OutputIndex("SquaredAccumOut");
    linear.out = c.OutputIndex("LinearAccumOut");
    const auto rate = slots.Scalar("LearningRate");
    // Paddle adds 1e-10 to both, so that they are never 0.
    const T l1 = static_cast<T>(c.Attr<float>("l1") + 1e-10f), l2 = static_cast<T>(c.Attr<float>("l2") + 1e-10f);
    return MakeKernel([=, n = slots.size(), power = static_cast<T>(c.Attr<float>("lr_power"))](const KernelArgs& args) {
      ForEach(n, kElementGrain, args, FtrlUpdate<T>{param.Bind<T>(args), grad.Bind<T>(args), squares.Bind<T>(args), linear.Bind<T>(args),
                                             rate.Bind(args), l1, l2, power});
    });
  }
};

// ---- decayed_adagrad, proximal_gd --------------------------------------------------------------------------------

template <typename T>
struct DecayedAdagradUpdate {
  State<T> param, grad, moment;
  ScalarRef learning_rate;
  T decay, epsilon;
  T rate = 0;
  SKIFF_HD DecayedAdagradUpdate Bind() const {
    DecayedAdagradUpdate bound = *this;
    bound.rate = learning_rate.Get<T>();
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const {
    const T g = grad.Get(i), m = decay * moment.Get(i) + (T(1) - decay) * g * g;
    moment.Set(i, m);
    param.Set(i, param.Get(i) - rate * g / (math::Sqrt(m) + epsilon));
  }
};

struct DecayedAdagrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const UpdateSlots slots(c);
    const auto param = slots.Both("Param"), grad = slots.Read("Grad"), moment = slots.Both("Moment");
    const auto rate = slots.Scalar("LearningRate");
    return MakeKernel([=, n = slots.size(), decay = static_cast<T>(c.Attr<float>("decay")),
                       epsilon = static_cast<T>(c.Attr<float>("epsilon"))](const KernelArgs& args) {
      ForEach(n, kElementGrain, args, DecayedAdagradUpdate<T>{param.Bind<T>(args), grad.Bind<T>(args), moment.Bind<T>(args), rate.Bind(args), decay, epsilon});
    });
  }
};

template <typename T>
struct ProximalUpdate {
  State<T> param, grad;
  ScalarRef learning_rate;
  T l1, l2;
  T rate = 0;
  SKIFF_HD ProximalUpdate Bind() const {
    ProximalUpdate bound = *this;
    bound.rate = learning_rate.Get<T>();
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const {
    const T moved = param.Get(i) - rate * grad.Get(i);
    param.Set(i, math::Sign(moved) * math::Max(math::Abs(moved) - rate * l1, T(0)) / (T(1) + rate * l2));
  }
};

struct ProximalGd {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const UpdateSlots slots(c);
    const auto param = slots.Both("Param"), grad = slots.Read("Grad");
    const auto rate = slots.Scalar("LearningRate");
    return MakeKernel([=, n = slots.size(), l1 = static_cast<T>(c.Attr<float>("l1")), l2 = static_cast<T>(c.Attr<float>("l2"))](const KernelArgs& args) {
      ForEach(n, kElementGrain, args, ProximalUpdate<T>{param.Bind<T>(args), grad.Bind<T>(args), rate.Bind(args), l1, l2});
    });
  }
};

// ---- dpsgd -------------------------------------------------------------------------------------------------------

template <typename T>
struct GradientScale {
  State<T> grad;
  T clip;
  T* scale;
  struct At {
    State<T> grad;
    SKIFF_HD Two<T> operator()(int64_t i) const { return {math::Square(grad.Get(i)), T(0)}; }
  };
  SKIFF_HD At AtChannel(int64_t) const { return {grad}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t, Two<S> sums) const {
    const T norm = math::Sqrt(static_cast<T>(sums.first));
    *scale = norm > clip ? norm / clip : T(1);
  }
};

/// One draw for the whole tensor, as in Paddle.
template <typename T>
struct NoisyUpdate {
  State<T> param, grad;
  ScalarRef learning_rate;
  const T* scale;
  T noise;
  T rate = 0;
  SKIFF_HD NoisyUpdate Bind() const {
    NoisyUpdate bound = *this;
    bound.rate = learning_rate.Get<T>();
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const { param.Set(i, param.Get(i) - rate * (grad.Get(i) / *scale + noise)); }
};

struct Dpsgd {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const UpdateSlots slots(c);
    const auto param = slots.Both("Param"), grad = slots.Read("Grad");
    const auto rate = slots.Scalar("LearningRate");
    c.RequestWorkspace(sizeof(T));
    return MakeKernel([=, n = slots.size(), clip = static_cast<T>(c.Attr<float>("clip")), seed = c.Attr<int32_t>("seed"),
                       spread = static_cast<double>(c.Attr<float>("sigma")) / static_cast<double>(c.Attr<float>("batch_size"))](const KernelArgs& args) {
      T* scale = static_cast<T*>(args.workspace);
      const uint64_t key = MixSeeds(seed != 0 ? 0 : args.seed, static_cast<uint64_t>(seed));
      RunChannels(ChannelGeometry{1, 1, n}, args, GradientScale<T>{grad.Bind<T>(args), clip, scale});
      ForEach(n, kElementGrain, args, NoisyUpdate<T>{param.Bind<T>(args), grad.Bind<T>(args), rate.Bind(args), scale,
                                              static_cast<T>(RandomNormal(key, 0) * spread)});
    });
  }
};

// ---- average_accumulates -----------------------------------------------------------------------------------------

/// Whether a sum of `now` parameters, in step `all`, is long enough to become the old one. Its limit is in whole steps.
SKIFF_HD inline bool WindowEnds(int64_t now, int64_t all, float window, int64_t least, int64_t most) {
  const int64_t limit = static_cast<int64_t>(static_cast<float>(all) * window);
  return now >= least && now >= (limit < most ? limit : most);
}

/// Three sums of a parameter over steps: the newest, older ones of this window, and the window before. Every 16384
/// steps the newest joins the older ones, so that no sum grows so large that it loses digits.
template <typename T>
struct Accumulate {
  float window;
  int64_t least, most;
  const T *param, *sum1, *sum2, *sum3;
  const int64_t *count, *updates;
  T *out1, *out2, *out3;
  bool moves = false, restarts = false;
  SKIFF_HD Accumulate Bind() const {
    Accumulate bound = *this;
    const int64_t all = *updates + 1, now = *count + 1;
    bound.moves = all % 16384 == 0;
    bound.restarts = WindowEnds(now, all, window, least, most);
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const {
    const T a = sum1[i] + param[i], b = sum2[i], c = sum3[i];
    out1[i] = moves || restarts ? T(0) : a;
    out2[i] = restarts ? T(0) : moves ? b + a : b;
    out3[i] = restarts ? a + b : c;
  }
};
struct AdvanceCounts {
  float window;
  int64_t least, most;
  const int64_t *count, *old_count, *updates;
  int64_t *count_out, *old_count_out, *updates_out;
  SKIFF_HD void operator()(int64_t) const {
    const int64_t all = *updates + 1, now = *count + 1, old = *old_count;
    const bool restarts = WindowEnds(now, all, window, least, most);
    *updates_out = all;
    *count_out = restarts ? 0 : now;
    *old_count_out = restarts ? now : old;
  }
};

struct AverageAccumulates {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const float window = c.Attr<float>("average_window");
    const int64_t least = c.Attr<int64_t>("min_average_window"), most = c.Attr<int64_t>("max_average_window");
    const auto in = [&](const char* slot) { return c.InputIndex(slot); };
    const auto out = [&](const char* slot) { return c.OutputIndex(slot); };
    return MakeKernel([=, n = c.Input("param").shape.NumElements(), param = in("param"), s1 = in("in_sum_1"), s2 = in("in_sum_2"),
                       s3 = in("in_sum_3"), count = in("in_num_accumulates"), old = in("in_old_num_accumulates"), updates = in("in_num_updates"),
                       o1 = out("out_sum_1"), o2 = out("out_sum_2"), o3 = out("out_sum_3"), count_out = out("out_num_accumulates"),
                       old_out = out("out_old_num_accumulates"), updates_out = out("out_num_updates")](const KernelArgs& args) {
      const auto read = [&](int i) { return static_cast<const T*>(args.in[i]); };
      const auto write = [&](int i) { return static_cast<T*>(args.out[i]); };
      const auto number = [&](int i) { return static_cast<const int64_t*>(args.in[i]); };
      const auto set = [&](int i) { return static_cast<int64_t*>(args.out[i]); };
      ForEach(n, kElementGrain, args, Accumulate<T>{window, least, most, read(param), read(s1), read(s2), read(s3), number(count), number(updates),
                                             write(o1), write(o2), write(o3)});
      ForEach(1, 1, args, AdvanceCounts{window, least, most, number(count), number(old), number(updates), set(count_out), set(old_out),
                                        set(updates_out)});
    });
  }
};

[[maybe_unused]] void InferFtrl(InferContext& c) {
  InferUpdate(c);
  c.SetOutput("SquaredAccumOut", c.InputShape("SquaredAccumulator"), c.InputDType("SquaredAccumulator"));
  c.SetOutput("LinearAccumOut", c.InputShape("LinearAccumulator"), c.InputDType("LinearAccumulator"));
}

}  // namespace

#define SKIFF_UPDATE(type, doc, source)                                      \
  SKIFF_OP(type)                                                             \
      .Doc(doc)                                                              \
      .Source(source)                                                        \
      .Input("Param", "any shape")                                           \
      .Input("Grad", "shape of Param")                                       \
      .Input("LearningRate", "one float32 or float64")                       \
      .Output("ParamOut", "the variable of Param")                           \
      .Inplace("Param", "ParamOut")                                          \
      .KeyedBy("Param")

SKIFF_OP(lars_momentum)
    .Doc("momentum with a rate for each parameter: lr lars_coeff |Param| / (|Grad| + decay |Param| + epsilon).")
    .Source("You et al., Large batch training of convolutional networks, 2017; names of Paddle's lars_momentum")
    .Inputs("Param", "of one dtype")
    .Inputs("Grad", "shape of each Param")
    .Inputs("Velocity", "shape of each Param")
    .Inputs("LearningRate", "one for all, or one for each")
    .OptionalInputs("MasterParam", "float32 copies of half Params, updated in their stead")
    .Outputs("ParamOut", "the variables of Param")
    .Outputs("VelocityOut", "the variables of Velocity")
    .OptionalOutputs("MasterParamOut", "the variables of MasterParam")
    .RequiredAttr<float>("mu", "momentum")
    .Attr("lars_coeff", 0.001f, "trust: how much of |Param| a step may be")
    .Attr("lars_weight_decay", std::vector<float>{0.0005f}, "one for all, or one for each")
    .Attr("epsilon", 0.0f, "added to the divisor")
    .Attr("multi_precision", false, "whether there are MasterParams")
    .Attr("rescale_grad", 1.0f, "factor of Grad")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("Velocity", "VelocityOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Kernel<LarsMomentum, float, double, Float16, BFloat16>();

SKIFF_UPDATE(ftrl, "Follow the regularized leader: sums of gradients decide, with l1 many parameters become 0.",
             "McMahan et al., Ad click prediction, 2013; names of Paddle's ftrl")
    .Input("SquaredAccumulator", "shape of Param")
    .Input("LinearAccumulator", "shape of Param")
    .Output("SquaredAccumOut", "the variable of SquaredAccumulator")
    .Output("LinearAccumOut", "the variable of LinearAccumulator")
    .Attr("l1", 0.0f, "factor of |Param|")
    .Attr("l2", 0.0f, "factor of Param^2")
    .Attr("lr_power", -0.5f, "exponent of the squares in the rate")
    .InferShape(InferFtrl)
    .Inplace("SquaredAccumulator", "SquaredAccumOut")
    .Inplace("LinearAccumulator", "LinearAccumOut")
    .Kernel<Ftrl, float, double>();

SKIFF_UPDATE(decayed_adagrad, "Moment = decay Moment + (1 - decay) g^2; Param -= lr g / (sqrt(Moment) + epsilon).", "names of Paddle's decayed_adagrad")
    .Input("Moment", "shape of Param")
    .Output("MomentOut", "the variable of Moment")
    .Attr("decay", 0.95f, "weight of what was")
    .Attr("epsilon", 1e-6f, "added to the root")
    .InferShape(InferUpdate)
    .Inplace("Moment", "MomentOut")
    .Kernel<DecayedAdagrad, float, double>();

SKIFF_UPDATE(proximal_gd, "A gradient step, then Param shrinks: sign(p) max(|p| - lr l1, 0) / (1 + lr l2).",
             "Duchi and Singer, Efficient online and batch learning using forward backward splitting, 2009; names of Paddle's proximal_gd")
    .Attr("l1", 0.0f, "factor of |Param|")
    .Attr("l2", 0.0f, "factor of Param^2")
    .InferShape(InferUpdate)
    .Kernel<ProximalGd, float, double>();

SKIFF_UPDATE(dpsgd, "Differentially private descent: the gradient is clipped to the norm `clip` and gets noise.",
             "Abadi et al., Deep learning with differential privacy, 2016; names of Paddle's dpsgd")
    .Attr("clip", 10.0f, "largest norm of the gradient")
    .Attr("batch_size", 16.0f, "divides the noise")
    .Attr("sigma", 1.0f, "standard deviation of the noise")
    .Attr("seed", 0, "0: the run's seed")
    .InferShape(InferUpdate)
    .Random()
    .Kernel<Dpsgd, float, double>();

SKIFF_OP(average_accumulates)
    .Doc("Sums of a parameter over a window of steps, for its average.")
    .Source("paddle.incubate.ModelAverage")
    .Input("param", "any shape")
    .Input("in_sum_1", "shape of param: the newest steps")
    .Input("in_sum_2", "shape of param: older steps of this window")
    .Input("in_sum_3", "shape of param: the window before")
    .Input("in_num_accumulates", "int64, one element: steps of this window")
    .Input("in_old_num_accumulates", "int64, one element: steps of the window before")
    .Input("in_num_updates", "int64, one element: all steps")
    .Output("out_sum_1", "the variable of in_sum_1")
    .Output("out_sum_2", "the variable of in_sum_2")
    .Output("out_sum_3", "the variable of in_sum_3")
    .Output("out_num_accumulates", "the variable of in_num_accumulates")
    .Output("out_old_num_accumulates", "the variable of in_old_num_accumulates")
    .Output("out_num_updates", "the variable of in_num_updates")
    .Attr("average_window", 0.0f, "length of a window, of all steps")
    .RequiredAttr<int64_t>("max_average_window", "most steps of a window")
    .Attr("min_average_window", int64_t{10000}, "least steps of a window")
    .Alike({"param", "in_sum_1", "in_sum_2", "in_sum_3"})
    .OneElement({"in_num_accumulates", "in_old_num_accumulates", "in_num_updates"})
    .OfDType(DType::kInt64, {"in_num_accumulates", "in_old_num_accumulates", "in_num_updates"})
    .InferShape([](InferContext& c) {
      const int64_t least = c.Attr<int64_t>("min_average_window"), most = c.Attr<int64_t>("max_average_window");
      SKIFF_ENFORCE(least <= most, InvalidArgument, "min_average_window is ", least, ", max_average_window ", most, "; it must not be larger");
      for (const char* slot : {"out_sum_1", "out_sum_2", "out_sum_3"}) c.SetOutput(slot, c.InputShape("param"), c.InputDType("param"));
      for (const char* slot : {"out_num_accumulates", "out_old_num_accumulates", "out_num_updates"}) c.SetOutput(slot, Shape{1}, DType::kInt64);
    })
    .Inplace("in_sum_1", "out_sum_1")
    .Inplace("in_sum_2", "out_sum_2")
    .Inplace("in_sum_3", "out_sum_3")
    .Kernel<AverageAccumulates, float, double>();

}  // namespace skiff
