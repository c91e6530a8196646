// momentum, for one parameter, for several at once, and with a gradient of some rows.
#include "framework/op/op_schema.h"
#include "operators/kernel/optimizer.h"
#include "operators/kernel/rows.h"
#include "operators/kernel_parts.h"

namespace skiff {

namespace {

template <typename T>
struct MomentumUpdate {
  using C = Compute<T>;
  ParamState<T> param;
  State<T> grad, velocity;
  ScalarRef learning_rate;
  C mu, rescale, decay;
  bool nesterov;
  C rate = 0;

  SKIFF_HD MomentumUpdate Bind() const {
    MomentumUpdate bound = *this;
    bound.rate = learning_rate.Get<C>();
    return bound;
  }
  SKIFF_HD void operator()(int64_t i) const {
    const C p = param.Get(i);
    const C g = grad.Get(i) * rescale + decay * p;
    const C v = mu * velocity.Get(i) + g;
    velocity.Set(i, v);
    param.Set(i, p - rate * (nesterov ? g + mu * v : v));
  }
};

/// L2 decay of parameter i: one method and number for all, or for each.
double DecayOf(const PrepareContext& c, int i) {
  if (c.op().type != "merged_momentum") {
    return c.Attr<std::string>("regularization_method") == "l2_decay" ? c.Attr<float>("regularization_coeff") : 0;
  }
  const auto methods = c.Attr<std::vector<std::string>>("regularization_method");
  const auto numbers = c.Attr<std::vector<float>>("regularization_coeff");
  const size_t at = static_cast<size_t>(i);
  return at < methods.size() && at < numbers.size() && methods[at] == "l2_decay" ? numbers[at] : 0;
}

struct Momentum {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return Make<Device, T>(c, 0); }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Make(PrepareContext& c, int i) {
    using C = Compute<T>;
    const UpdateSlots slots(c, i);
    const auto param = slots.Both("Param"), master = slots.Both("MasterParam"), grad = slots.Read("Grad");
    const auto velocity = slots.Both("Velocity");
    const auto rate = slots.Scalar("LearningRate");
    const auto mu = static_cast<C>(c.Attr<float>("mu"));
    // Paddle's CPU kernel does not read rescale_grad, its CUDA kernel does: each place agrees with Paddle's.
    const auto rescale = static_cast<C>(std::is_same_v<Device, CpuDevice> ? 1.0f : c.Attr<float>("rescale_grad"));
    const bool nesterov = c.Attr<bool>("use_nesterov");
    const auto decay = static_cast<C>(DecayOf(c, i));
    return MakeKernel([=, n = slots.size()](const KernelArgs& args) {
      ForEach(n, kElementGrain, args,
              MomentumUpdate<T>{{param.Bind<T>(args), master.Bind<T>(args)}, grad.Bind<T>(args),
                                velocity.Bind<T>(args), rate.Bind(args), mu, rescale, decay, nesterov});
    });
  }
};

void SparseMomentum(DynamicContext& c) { UpdateAllRows(c, {"Param", "Velocity", "MasterParam"}); }

// ---- sparse_momentum: Grad holds the rows (or columns) Index of a gradient that is zero elsewhere ------------------

int ListedAxis(const Attrs& attrs) {
  const int axis = attrs.Get<int32_t>("axis");
  SKIFF_ENFORCE(axis == 0 || axis == 1, InvalidArgument, "axis is ", axis, "; it must be 0 (rows) or 1 (columns)");
  return axis;
}

[[maybe_unused]] void InferSparseMomentum(InferContext& c) {
  const Shape &param = c.InputShape("Param"), &grad = c.InputShape("Grad"), &index = c.InputShape("Index");
  SKIFF_ENFORCE(param.rank() == 2 && grad.rank() == 2 && index.rank() == 1, InvalidArgument, "Param is ", param, ", Grad ", grad,
                ", Index ", index, "; expected two matrices and a list");
  if (c.AttrVariables("axis").empty()) {
    const int axis = ListedAxis(c.attrs());
    const auto differ = [](int64_t a, int64_t b) { return a >= 0 && b >= 0 && a != b; };
    SKIFF_ENFORCE(!differ(grad[axis], index[0]) && !differ(grad[1 - axis], param[1 - axis]), InvalidArgument, "Grad is ", grad,
                  "; Param ", param, " and Index ", index, " want axis ", axis, " to be ", index[0], " and the other ", param[1 - axis]);
  }
  for (const char* slot : {"Param", "Velocity", "MasterParam"}) {
    if (c.HasInput(slot)) c.SetOutput(std::string(slot) + "Out", TensorMeta(c.Input(slot)));
  }
}

/// The gradient is laid out in the workspace, rows that occur more than once added up.
struct MomentumOfRows {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const TensorInfo &param_info = c.Input("Param"), &grad = c.Input("Grad"), &index = c.Input("Index");
    SKIFF_ENFORCE(grad.dtype == param_info.dtype, InvalidType, "Grad is ", grad.dtype, ", Param ", param_info.dtype, "; they must be equal");
    const bool columns = ListedAxis(c.attrs()) == 1;
    RowGather rows;
    rows.outer = columns ? param_info.shape[0] : 1;
    rows.rows = param_info.shape[columns ? 1 : 0];
    rows.count = index.shape[0];
    rows.wide_ids = WideIds(index, "Index");
    rows.slot = "Index";
    const int64_t width = columns ? 1 : param_info.shape[1];
    const UpdateSlots slots(c, 0, /*dense_grad=*/false);
    const auto param = slots.Both("Param"), master = slots.Both("MasterParam"), velocity = slots.Both("Velocity");
    const auto rate = slots.Scalar("LearningRate");
    const auto mu = static_cast<C>(c.Attr<float>("mu")), rescale = static_cast<C>(c.Attr<float>("rescale_grad"));
    const bool nesterov = c.Attr<bool>("use_nesterov");
    const auto decay = static_cast<C>(DecayOf(c, 0));
    const size_t bytes = static_cast<size_t>(slots.size()) * sizeof(T);
    c.RequestWorkspace(bytes);
    return MakeKernel([=, n = slots.size(), g = c.InputIndex("Grad"), ids = c.InputIndex("Index")](const KernelArgs& args) {
      FillZero(args.workspace, bytes, args);
      ScatterAddRows<T>(rows, width, args.in[g], args.in[ids], static_cast<T*>(args.workspace), args);
      ForEach(n, kElementGrain, args,
              MomentumUpdate<T>{{param.Bind<T>(args), master.Bind<T>(args)}, State<T>{args.workspace}, velocity.Bind<T>(args),
                                rate.Bind(args), mu, rescale, decay, nesterov});
    });
  }
};

}  // namespace

SKIFF_OP(momentum)
    .Doc("Velocity = mu Velocity + g, Param -= lr Velocity, or lr (g + mu Velocity) by Nesterov's rule; "
         "g = rescale_grad Grad, with l2_decay + regularization_coeff Param.")
    .Source("paddle.optimizer.Momentum")
    .Input("Param", "any shape")
    .Input("Grad", "shape of Param, or SelectedRows of it: other rows have gradient 0")
    .Input("Velocity", "shape of Param")
    .Input("LearningRate", "one float32 or float64")
    .OptionalInput("MasterParam", "float32 copy of a half Param, updated in its stead")
    .Output("ParamOut", "the variable of Param")
    .Output("VelocityOut", "the variable of Velocity")
    .OptionalOutput("MasterParamOut", "the variable of MasterParam")
    .RequiredAttr<float>("mu", "momentum, usually 0.9")
    .Attr("use_nesterov", false, "Nesterov's rule")
    .Attr("regularization_method", "", "\"l2_decay\" or nothing")
    .Attr("regularization_coeff", 0.0f, "factor of Param in l2_decay")
    .Attr("multi_precision", false, "whether there is a MasterParam")
    .Attr("rescale_grad", 1.0f, "factor of Grad on a card; not read on the CPU")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("Velocity", "VelocityOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Dynamic(SparseMomentum)
    .Kernel<Momentum, float, double, Float16, BFloat16>();

SKIFF_OP(merged_momentum)
    .Doc("momentum for several parameters at once.")
    .Source("names and defaults of Paddle's merged_momentum")
    .Inputs("Param", "of one dtype")
    .Inputs("Grad", "shape of each Param")
    .Inputs("Velocity", "shape of each Param")
    .Inputs("LearningRate", "one for all, or one for each")
    .OptionalInputs("MasterParam", "float32 copies of half Params, updated in their stead")
    .Outputs("ParamOut", "the variables of Param")
    .Outputs("VelocityOut", "the variables of Velocity")
    .OptionalOutputs("MasterParamOut", "the variables of MasterParam")
    .RequiredAttr<float>("mu", "momentum, usually 0.9")
    .Attr("use_nesterov", false, "Nesterov's rule")
    .Attr("regularization_method", std::vector<std::string>{}, "for each parameter \"l2_decay\" or nothing")
    .Attr("regularization_coeff", std::vector<float>{}, "factor of each Param in l2_decay")
    .Attr("multi_precision", false, "whether there are MasterParams")
    .Attr("rescale_grad", 1.0f, "factor of Grad on a card; not read on the CPU")
    .InferShape(InferUpdate)
    .Inplace("Param", "ParamOut")
    .Inplace("Velocity", "VelocityOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Kernel<ForEachParam<Momentum>, float, double, Float16, BFloat16>();

SKIFF_OP(sparse_momentum)
    .Doc("momentum where Grad holds those rows of the gradient that Index names; in all others it is 0.")
    .Source("names and defaults of Paddle's sparse_momentum; an index outside of Param is an error here")
    .Input("Param", "[rows, columns]")
    .Input("Grad", "[indices, columns], or [rows, indices] where axis is 1")
    .Input("Velocity", "shape of Param")
    .Input("Index", "[indices] int32 or int64; what occurs more than once adds up")
    .OptionalInput("Axis", "one integer: axis as a variable")
    .Input("LearningRate", "one float32 or float64")
    .OptionalInput("MasterParam", "float32 copy of a half Param, updated in its stead")
    .Output("ParamOut", "the variable of Param")
    .Output("VelocityOut", "the variable of Velocity")
    .OptionalOutput("MasterParamOut", "the variable of MasterParam")
    .RequiredAttr<float>("mu", "momentum, usually 0.9")
    .Attr("use_nesterov", false, "Nesterov's rule")
    .Attr("regularization_method", "", "\"l2_decay\" or nothing")
    .Attr("regularization_coeff", 0.0f, "factor of Param in l2_decay")
    .Attr("multi_precision", false, "whether there is a MasterParam")
    .Attr("rescale_grad", 1.0f, "factor of Grad")
    .Attr("axis", 0, "0: Index names rows; 1: columns")
    .AttrFrom("axis", "Axis")
    .InferShape(InferSparseMomentum)
    .Inplace("Param", "ParamOut")
    .Inplace("Velocity", "VelocityOut")
    .Inplace("MasterParam", "MasterParamOut")
    .KeyedBy("Param")
    .Kernel<MomentumOfRows, float, double, Float16, BFloat16>();

}  // namespace skiff
