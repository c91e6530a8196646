// set_value: a copy of a tensor in which a slice has other values.
#include <optional>

#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/strided.h"
#include "operators/slice_range.h"

namespace skiff {

namespace {

// The slice as indexing gives it: without the axes in decrease_axes, with an extent of 1 at none_axes;
// and where its elements lie in the tensor.
struct Target {
  Shape extents;
  BoxStrides box;
};

[[maybe_unused]] Target TargetOf(const PrepareContext& c, const Shape& x) {
  const auto axes = c.Attr<std::vector<int64_t>>("axes");
  const auto starts = DecidedInts(c, "StartsTensorList", "", "starts");
  const auto ends = DecidedInts(c, "EndsTensorList", "", "ends");
  const auto steps = DecidedInts(c, "StepsTensorList", "", "steps");
  SKIFF_ENFORCE(starts.size() == axes.size() && ends.size() == axes.size() && steps.size() == axes.size(),
                InvalidArgument, "axes, starts, ends and steps have ", axes.size(), ", ", starts.size(), ", ",
                ends.size(), " and ", steps.size(), " entries; they must be equal");
  Shape extents = x;
  BoxStrides box = Contiguous(x);
  bool cut[Shape::kMaxRank] = {};
  for (size_t k = 0; k < axes.size(); ++k) {
    const int axis = NormalizeAxis(axes[k], x.rank(), "axes");
    SKIFF_ENFORCE(!cut[axis], InvalidArgument, "attribute axes holds axis ", axis, " twice");
    cut[axis] = true;
    const Range range = StridedRange(starts[k], ends[k], steps[k], x[axis]);
    extents[axis] = range.count;
    if (range.count > 0) box.offset += range.start * box.steps[axis];
    if (range.count > 1) box.steps[axis] *= range.stride;  // else no step is taken, and a long one may overflow
  }
  bool drop[Shape::kMaxRank] = {};
  for (int64_t a : c.Attr<std::vector<int64_t>>("decrease_axes")) {
    const int axis = NormalizeAxis(a, x.rank(), "decrease_axes");
    SKIFF_ENFORCE(extents[axis] == 1, OutOfRange, "the index of axis ", axis, " is outside of its extent of ", x[axis]);
    drop[axis] = true;
  }
  Target target;
  target.box.offset = box.offset;
  for (int d = 0; d < x.rank(); ++d) {
    if (drop[d]) continue;
    target.extents.Append(extents[d]);
    target.box.steps.push_back(box.steps[d]);
  }
  for (int64_t a : c.Attr<std::vector<int64_t>>("none_axes")) {
    SKIFF_ENFORCE(a >= 0 && a <= target.extents.rank(), OutOfRange, "none_axes holds ", a);
    target.extents.Insert(static_cast<int>(a), 1);
    target.box.steps.insert(target.box.steps.begin() + a, 0);
  }
  return target;
}

// Steps with which a value of `shape` fills the slice. Leading extents of 1 may be too many.
[[maybe_unused]] std::vector<int64_t> ValueSteps(Shape shape, const Shape& extents) {
  const Shape given = shape;
  while (shape.rank() > extents.rank() && shape[0] == 1) shape.Erase(0);
  std::vector<int64_t> steps(extents.size(), 0);
  int64_t step = 1;
  for (int d = shape.rank() - 1, t = extents.rank() - 1; d >= 0; --d, --t) {
    SKIFF_ENFORCE(t >= 0 && (shape[d] == extents[t] || shape[d] == 1), InvalidArgument, "the value is ", given,
                  ", the slice ", extents, "; the value must broadcast to the slice");
    steps[t] = shape[d] == 1 ? 0 : step;
    step *= shape[d];
  }
  return steps;
}

template <typename T>
void StoreScalars(const std::vector<Scalar>& values, void* to) {
  for (size_t i = 0; i < values.size(); ++i) {
    const double real = std::visit([](auto v) {
      if constexpr (std::is_same_v<decltype(v), std::complex<double>>) return v.real();
      else return static_cast<double>(v);
    }, values[i]);
    T stored{};
    if constexpr (std::is_same_v<T, Float16>) stored = ToFloat16(static_cast<float>(real));
    else if constexpr (std::is_same_v<T, BFloat16>) stored = ToBFloat16(static_cast<float>(real));
    else if (const auto* exact = std::get_if<int64_t>(&values[i])) stored = static_cast<T>(*exact);
    else stored = static_cast<T>(real);
    static_cast<T*>(to)[i] = stored;
  }
}

// The values in the attributes: `values`, or the list of older programs that is not empty.
[[maybe_unused]] std::vector<Scalar> GivenScalars(const PrepareContext& c) {
  std::vector<Scalar> values = c.Attr<std::vector<Scalar>>("values");
  const auto take = [&](const auto& list) {
    for (const auto v : list) values.emplace_back(v);
  };
  if (values.empty()) take(c.Attr<std::vector<double>>("fp64_values"));
  if (values.empty()) take(c.Attr<std::vector<double>>("fp32_values"));
  if (values.empty()) take(c.Attr<std::vector<int64_t>>("int64_values"));
  if (values.empty()) take(c.Attr<std::vector<int64_t>>("int32_values"));
  if (values.empty()) take(c.Attr<std::vector<int64_t>>("bool_values"));
  return values;
}

[[maybe_unused]] Tensor AttributeValue(const PrepareContext& c, DType dtype) {
  const std::vector<Scalar> values = GivenScalars(c);
  Tensor t(Shape(c.Attr<std::vector<int64_t>>("shape")), dtype);
  SKIFF_ENFORCE(t.num_elements() == static_cast<int64_t>(values.size()), InvalidArgument, "attribute shape is ",
                t.shape(), ", values has ", values.size(), " entries");
  switch (dtype) {
    case DType::kFloat32: StoreScalars<float>(values, t.raw_data()); break;
    case DType::kFloat64: StoreScalars<double>(values, t.raw_data()); break;
    case DType::kFloat16: StoreScalars<Float16>(values, t.raw_data()); break;
    case DType::kBFloat16: StoreScalars<BFloat16>(values, t.raw_data()); break;
    case DType::kInt8: StoreScalars<int8_t>(values, t.raw_data()); break;
    case DType::kUInt8: StoreScalars<uint8_t>(values, t.raw_data()); break;
    case DType::kInt16: StoreScalars<int16_t>(values, t.raw_data()); break;
    case DType::kInt32: StoreScalars<int32_t>(values, t.raw_data()); break;
    case DType::kInt64: StoreScalars<int64_t>(values, t.raw_data()); break;
    case DType::kBool: StoreScalars<bool>(values, t.raw_data()); break;
    default: throw Unimplemented(StrCat("Input is ", dtype));
  }
  return t.To(c.place());
}

// Tells inference that the positions have to be known; they decide no shape.
[[maybe_unused]] void CheckHasAxes(const InferContext& c, const char* slot) {
  SKIFF_ENFORCE(c.InputShape(slot).rank() > 0 || c.Attr<std::vector<int64_t>>("axes").empty(), InvalidArgument, slot,
                " is a scalar; it has no axis to cut");
}
[[maybe_unused]] void AskForPositions(const InferContext& c) {
  for (const char* list : {"StartsTensorList", "EndsTensorList", "StepsTensorList"}) DecidedInts(c, list, "", "");
}

struct SetValue {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const TensorInfo& x = c.Input("Input");
    const size_t bytes = SizeOf(x.dtype);
    const Target target = TargetOf(c, x.shape);
    Tensor given;
    Shape value_shape;
    if (c.HasInput("ValueTensor")) {
      const TensorInfo& value = c.Input("ValueTensor");
      SKIFF_ENFORCE(value.dtype == x.dtype, InvalidType, "Input is ", x.dtype, ", ValueTensor ", value.dtype,
                    "; they must be equal");
      value_shape = value.shape;
    } else {
      given = AttributeValue(c, x.dtype);
      value_shape = given.shape();
    }
    const StridedCopy copy(x.shape.ToVector(), Contiguous(x.shape), Contiguous(x.shape), bytes);
    const StridedCopy put(target.extents.ToVector(), {0, ValueSteps(value_shape, target.extents)}, target.box, bytes);
    return MakeKernel([=, in = c.InputIndex("Input"), value = c.InputIndex("ValueTensor"),
                       out = c.OutputIndex("Out")](const KernelArgs& args) {
      if (args.in[in] != args.out[out]) copy.Run(args.in[in], args.out[out], args);
      put.Run(given.is_initialized() ? given.raw_data() : args.in[value], args.out[out], args);
    });
  }
};

// Element i of the value's gradient: the sum over the slice's elements that it filled.
template <typename T>
struct SumOfFilled {
  int rank = 0, summed = 0;  // axes of the value that are longer than 1; axes it was repeated along
  int64_t extent[Shape::kMaxRank], step[Shape::kMaxRank];
  int64_t summed_extent[Shape::kMaxRank], summed_step[Shape::kMaxRank];
  int64_t offset = 0, count = 1;
  const T* from = nullptr;
  T* to = nullptr;
  SKIFF_HD void operator()(int64_t i) const {
    int64_t base = offset, rest = i;
    for (int d = rank - 1; d >= 0; --d) {
      base += rest % extent[d] * step[d];
      rest /= extent[d];
    }
    Compute<T> sum(0);
    for (int64_t k = 0; k < count; ++k) {
      int64_t at = base, left = k;
      for (int d = summed - 1; d >= 0; --d) {
        at += left % summed_extent[d] * summed_step[d];
        left /= summed_extent[d];
      }
      sum += LoadElement(from[at]);
    }
    to[i] = StoreElement<T>(sum);
  }
};

template <typename T>
SumOfFilled<T> SumPlan(const Target& target, const Shape& value) {
  SumOfFilled<T> plan;
  plan.offset = target.box.offset;
  const std::vector<int64_t> steps = ValueSteps(value, target.extents);
  for (int d = 0; d < target.extents.rank(); ++d) {
    if (steps[d] != 0) {
      plan.extent[plan.rank] = target.extents[d];
      plan.step[plan.rank++] = target.box.steps[d];
    } else {
      plan.summed_extent[plan.summed] = target.extents[d];
      plan.summed_step[plan.summed++] = target.box.steps[d];
      plan.count *= target.extents[d];
    }
  }
  return plan;
}

struct SetValueGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("Out@GRAD").shape;
    const Target target = TargetOf(c, x);
    Tensor zero(Shape{}, kDTypeOf<T>);
    *static_cast<T*>(zero.raw_data()) = T{};
    zero = zero.To(c.place());
    const StridedCopy copy(x.ToVector(), Contiguous(x), Contiguous(x), sizeof(T));
    const StridedCopy clear(target.extents.ToVector(), {0, std::vector<int64_t>(target.extents.size(), 0)}, target.box,
                            sizeof(T));
    const int64_t n = c.HasOutput("ValueTensor@GRAD") ? c.Output("ValueTensor@GRAD").shape.NumElements() : 0;
    const SumOfFilled<T> sum = n > 0 ? SumPlan<T>(target, c.Output("ValueTensor@GRAD").shape) : SumOfFilled<T>{};
    const bool wants_input = c.HasOutput("Input@GRAD");
    return MakeKernel([=, out_grad = c.InputIndex("Out@GRAD"), x_grad = c.OutputIndex("Input@GRAD"),
                       value_grad = c.OutputIndex("ValueTensor@GRAD")](const KernelArgs& args) {
      if (n > 0) {
        SumOfFilled<T> run = sum;
        run.from = static_cast<const T*>(args.in[out_grad]);
        run.to = static_cast<T*>(args.out[value_grad]);
        ForEach(n, std::max<int64_t>(kElementGrain / std::max<int64_t>(run.count, 1), 1), args, run);
      }
      if (!wants_input) return;
      copy.Run(args.in[out_grad], args.out[x_grad], args);
      clear.Run(zero.raw_data(), args.out[x_grad], args);
    });
  }
};

}  // namespace

SKIFF_OP(set_value)
    .Doc("Out = Input, with ValueTensor or `values` broadcast into Input[starts:ends:steps] along `axes`.")
    .Source("paddle.static.setitem")
    .Input("Input", "any shape")
    .OptionalInput("ValueTensor", "dtype of Input; goes before the attribute")
    .HostInputs("StartsTensorList", "one integer each; goes before the attribute")
    .HostInputs("EndsTensorList", "one integer each; goes before the attribute")
    .HostInputs("StepsTensorList", "one integer each; goes before the attribute")
    .Output("Out", "shape and dtype of Input")
    .Attr("dtype", 5, "of the values; Input's own decides")
    .Attr("axes", std::vector<int64_t>{}, "axes that are cut")
    .Attr("starts", std::vector<int64_t>{}, "first index, from the end when negative")
    .Attr("ends", std::vector<int64_t>{}, "index behind the last one")
    .Attr("steps", std::vector<int64_t>{}, "not 0")
    .Attr("decrease_axes", std::vector<int64_t>{}, "axes of one index, which the value does not have")
    .Attr("none_axes", std::vector<int64_t>{}, "axes of extent 1 that the value has besides")
    .Attr("values", std::vector<Scalar>{}, "the value's elements")
    .Attr("bool_values", std::vector<int32_t>{}, "the same in older programs")
    .Attr("int32_values", std::vector<int32_t>{}, "the same in older programs")
    .Attr("int64_values", std::vector<int64_t>{}, "the same in older programs")
    .Attr("fp32_values", std::vector<float>{}, "the same in older programs")
    .Attr("fp64_values", std::vector<double>{}, "the same in older programs")
    .Attr("shape", std::vector<int64_t>{}, "the value's extents")
    .InferShape([](InferContext& c) {
      AskForPositions(c);
      CheckHasAxes(c, "Input");
      c.SetOutput("Out", TensorMeta(c.Input("Input")));
    })
    .Inplace("Input", "Out")
    .Gradient(StandardGrad({"ValueTensor", "StartsTensorList", "EndsTensorList", "StepsTensorList"}, {}, {"Out"},
                           {"Input", "ValueTensor"}))
    .Kernel<SetValue, AnyDType>();

SKIFF_OP(set_value_grad)
    .Doc("Input@GRAD is Out@GRAD with zeros in the slice; ValueTensor@GRAD is the slice of Out@GRAD, summed.")
    .Source("derivative of set_value")
    .Input("Out@GRAD", "shape of Input")
    .OptionalInput("ValueTensor", "only its shape matters")
    .HostInputs("StartsTensorList", "as in set_value")
    .HostInputs("EndsTensorList", "as in set_value")
    .HostInputs("StepsTensorList", "as in set_value")
    .OptionalOutput("Input@GRAD", "shape of Input")
    .OptionalOutput("ValueTensor@GRAD", "shape of ValueTensor")
    .Attr("axes", std::vector<int64_t>{}, "as in set_value")
    .Attr("starts", std::vector<int64_t>{}, "as in set_value")
    .Attr("ends", std::vector<int64_t>{}, "as in set_value")
    .Attr("steps", std::vector<int64_t>{}, "as in set_value")
    .Attr("decrease_axes", std::vector<int64_t>{}, "as in set_value")
    .Attr("none_axes", std::vector<int64_t>{}, "as in set_value")
    .SameDType({"Out@GRAD", "ValueTensor"})
    .InferShape([](InferContext& c) {
      AskForPositions(c);
      CheckHasAxes(c, "Out@GRAD");
      c.SetOutput("Input@GRAD", TensorMeta(c.Input("Out@GRAD")));
      if (c.HasInput("ValueTensor")) c.SetOutput("ValueTensor@GRAD", TensorMeta(c.Input("ValueTensor")));
    })
    .Kernel<SetValueGrad, float, double, Float16, BFloat16, int32_t, int64_t>();

}  // namespace skiff
