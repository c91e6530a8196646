// Tensors made from nothing: constants, random numbers, ranges, shapes.
#include <cstdlib>
#include <cstring>

#include "operators/kernel/broadcast.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/generate.h"
#include "operators/kernel/unary.h"
#include "operators/random_numbers.h"

namespace skiff {
namespace {

/// Out has attribute dtype and the shape of ShapeTensorList, ShapeTensor or attribute shape.
[[maybe_unused]] void InferFromShape(InferContext& c) {
  Shape shape;
  // As Paddle declares them: attribute shape completes a list of fill_constant, but not of a random operator.
  const bool completes = c.type() == "fill_constant" || !c.HasInput("ShapeTensorList");
  for (const auto& dim : DecidedInts(c, "ShapeTensorList", "ShapeTensor", completes ? "shape" : "")) {
    SKIFF_ENFORCE(!dim || *dim >= (c.at_runtime() ? 0 : -1), InvalidArgument, "shape has the extent ", *dim,
                  "; extents must not be negative");
    shape.Append(dim ? *dim : -1);
  }
  c.SetOutput("Out", shape, DTypeAttr(c));
}

/// The constant of fill_constant: str_value when it is given, which is exact for 64-bit integers.
struct Constant {
  explicit Constant(const Attrs& attrs) : real(attrs.Get<float>("value")) {
    const std::string text = attrs.Get<std::string>("str_value");
    integer = ToInteger(real);
    if (text.empty()) return;
    char* end = nullptr;
    real = std::strtod(text.c_str(), &end);  // takes inf, -inf and nan too
    SKIFF_ENFORCE(end != text.c_str() && *end == '\0', InvalidArgument, "str_value is \"", text,
                  "\"; expected a number");
    integer = ToInteger(real);
    const long long exact = std::strtoll(text.c_str(), &end, 10);
    if (*end == '\0') integer = exact;
  }
  template <typename V>
  SKIFF_HD V At(int64_t, uint64_t) const {
    if constexpr (std::is_integral_v<V>) return integer;
    else return static_cast<V>(real);
  }
  static int64_t ToInteger(double v) {
    return v >= -9.2e18 && v <= 9.2e18 ? static_cast<int64_t>(v) : 0;  // no integer is inf or nan
  }
  double real;
  int64_t integer;
};

struct SameValue {
  template <typename V> SKIFF_HD V operator()(V x) const { return x; }
};

struct FillConstantKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    if (!c.HasInput("ValueTensor")) return Generate<Constant>::Prepare<Device, T>(c);
    using C = Compute<T>;
    const TensorInfo& value = c.Input("ValueTensor");
    SKIFF_ENFORCE(value.shape.NumElements() == 1, InvalidArgument, "ValueTensor is ", value.shape,
                  "; it must hold one element");
    const Shape flat{c.Output("Out").shape.NumElements()};
    return MakeMapKernel(MakeMapOp<C>(
        SameValue{}, MakeMapPlan(kDTypeOf<C>, flat, {{c.InputIndex("ValueTensor"), value.dtype, Shape{1}}},
                                 {{0, c.Output("Out").dtype}})));
  }
};

SKIFF_OP(fill_constant)
    .Doc("Out is full of one value.")
    .Source("names and defaults of Paddle's fill_constant")
    .OptionalInput("ValueTensor", "one element in place of the attributes")
    .HostInput("ShapeTensor", "the shape as one integer tensor")
    .HostInputs("ShapeTensorList", "the shape as one-element tensors; goes before ShapeTensor")
    .Output("Out", "the shape given, attribute dtype")
    .Attr("dtype", 5, "code of Out's dtype")
    .Attr("shape", std::vector<int64_t>{}, "extents")
    .Attr("value", 0.0f, "every element")
    .Attr("str_value", "", "the value as text, in place of value when not empty")
    .Attr("force_cpu", false, "ignored: the result is where it is used")
    .Attr("place_type", -1, "ignored: the result is where it is used")
    .InferShape(InferFromShape)
    .KeyedBy("Out")
    .Kernel<FillConstantKernel, SKIFF_FLOATS, SKIFF_INTS, bool, SKIFF_COMPLEX>();

SKIFF_OP(fill_constant_batch_size_like)
    .Doc("Out is full of one value; one of its extents is that of Input.")
    .Source("names and defaults of Paddle's fill_constant_batch_size_like")
    .Input("Input", "only one extent matters")
    .Output("Out", "attribute shape, with extent output_dim_idx from Input")
    .RequiredAttr<std::vector<int32_t>>("shape", "extents")
    .Attr("input_dim_idx", 0, "extent of Input that is taken")
    .Attr("output_dim_idx", 0, "extent of Out that it becomes")
    .Attr("dtype", 5, "code of Out's dtype")
    .Attr("value", 0.0f, "every element")
    .Attr("str_value", "", "the value as text, in place of value when not empty")
    .Attr("force_cpu", false, "ignored: the result is where it is used")
    .ZeroGradient()
    .InferShape(InferBatchSizeLike)
    .KeyedBy("Out")
    .Kernel<Generate<Constant>, SKIFF_FLOATS, SKIFF_INTS, bool>();

SKIFF_OP(uniform_random)
    .Doc("Out is uniform in [min, max).")
    .Source("names and defaults of Paddle's uniform_random; the numbers are Philox's")
    .HostInput("ShapeTensor", "the shape as one integer tensor")
    .HostInputs("ShapeTensorList", "the shape as one-element tensors; goes before ShapeTensor")
    .Output("Out", "the shape given, attribute dtype")
    .Attr("shape", std::vector<int64_t>{}, "extents")
    .Attr("dtype", 5, "code of Out's dtype")
    .Attr("min", -1.0f, "lower bound")
    .Attr("max", 1.0f, "upper bound")
    .Attr("seed", 0, "0: the run's seed")
    .Attr("diag_num", 0, "count of elements on the diagonal that get diag_val")
    .Attr("diag_step", 0, "elements between two of them")
    .Attr("diag_val", 1.0f, "their value")
    .InferShape(InferFromShape)
    .Random()
    .KeyedBy("Out")
    .Kernel<Generate<Uniform>, SKIFF_FLOATS>();

SKIFF_OP(gaussian_random)
    .Doc("Out is normal.")
    .Source("names and defaults of Paddle's gaussian_random; the numbers are Philox's")
    .HostInput("ShapeTensor", "the shape as one integer tensor")
    .HostInputs("ShapeTensorList", "the shape as one-element tensors; goes before ShapeTensor")
    .Output("Out", "the shape given, attribute dtype")
    .Attr("shape", std::vector<int64_t>{}, "extents")
    .Attr("dtype", 5, "code of Out's dtype")
    .Attr("mean", 0.0f, "expected value")
    .Attr("std", 1.0f, "standard deviation")
    .Attr("seed", 0, "0: the run's seed")
    .InferShape(InferFromShape)
    .Random()
    .KeyedBy("Out")
    .Kernel<Generate<Gaussian>, SKIFF_FLOATS>();

SKIFF_OP(truncated_gaussian_random)
    .Doc("Out is normal, within two standard deviations of the mean.")
    .Source("names and defaults of Paddle's truncated_gaussian_random; the numbers are Philox's")
    .Output("Out", "attribute shape and dtype")
    .RequiredAttr<std::vector<int32_t>>("shape", "extents")
    .Attr("dtype", 5, "code of Out's dtype")
    .Attr("mean", 0.0f, "expected value before truncation")
    .Attr("std", 1.0f, "standard deviation before truncation")
    .Attr("seed", 0, "0: the run's seed")
    .InferShape([](InferContext& c) {
      c.SetOutput("Out", Shape(c.Attr<std::vector<int64_t>>("shape")), DTypeAttr(c));
    })
    .Random()
    .KeyedBy("Out")
    .Kernel<Generate<TruncatedGaussian>, SKIFF_FLOATS>();

/// The elements of a one-element tensor, on the host.
template <typename T>
[[maybe_unused]] T OneElement(const DynamicContext& c, const char* slot) {
  const Tensor t = c.InputTensor(slot).To(CPUPlace{});
  SKIFF_ENFORCE(t.num_elements() == 1, InvalidArgument, slot, " is ", t.shape(), "; it must hold one element");
  return t.data<T>()[0];
}

template <typename T>
[[maybe_unused]] Tensor MakeRange(const DynamicContext& c) {
  const T start = OneElement<T>(c, "Start"), end = OneElement<T>(c, "End"), step = OneElement<T>(c, "Step");
  SKIFF_ENFORCE(step != 0 && (step > 0) == (end >= start), InvalidArgument, "Start is ", start, ", End ", end,
                ", Step ", step, "; Step must lead from Start to End");
  int64_t count = 0;
  if constexpr (std::is_integral_v<T>) {
    const int64_t way = std::abs(static_cast<int64_t>(end) - start), stride = std::abs(static_cast<int64_t>(step));
    count = way / stride + (way % stride != 0);
  } else {
    count = static_cast<int64_t>(std::ceil(std::abs((end - start) / step)));
  }
  Tensor range(Shape{count}, kDTypeOf<T>);
  for (int64_t i = 0; i < count; ++i) range.data<T>()[i] = static_cast<T>(start + i * step);
  return range;
}

[[maybe_unused]] void RunRange(DynamicContext& c) {
  Tensor range;
  switch (const DType dtype = c.InputTensor("Start").dtype()) {
    case DType::kInt32: range = MakeRange<int32_t>(c); break;
    case DType::kInt64: range = MakeRange<int64_t>(c); break;
    case DType::kFloat32: range = MakeRange<float>(c); break;
    case DType::kFloat64: range = MakeRange<double>(c); break;
    default:
      throw Unimplemented(StrCat("range of ", dtype, "; it takes int32, int64, float32 and float64"));
  }
  c.Output("Out") = range.To(c.place());
}

SKIFF_OP(range)
    .Doc("Out = Start, Start + Step, ... before End.")
    .Source("names of Paddle's range")
    .Input("Start", "one element")
    .Input("End", "one element, dtype of Start; not in Out")
    .Input("Step", "one element, dtype of Start")
    .Output("Out", "[ceil((End - Start) / Step)], dtype of Start")
    .ZeroGradient()
    .InferShape([](InferContext& c) { c.SetOutput("Out", Shape{-1}, c.InputDType("Start")); })
    .Dynamic(RunRange);

struct ShapeOf {
  explicit ShapeOf(const PrepareContext& c) {
    const Shape& shape = c.Input("Input").shape;
    for (int d = 0; d < shape.rank(); ++d) dims[d] = shape[d];
  }
  template <typename V> SKIFF_HD V At(int64_t i, uint64_t) const { return static_cast<V>(dims[i]); }
  int64_t dims[Shape::kMaxRank] = {};
};

SKIFF_OP(shape)
    .Doc("Out = the extents of Input.")
    .Source("names of Paddle's shape")
    .Input("Input", "any shape and dtype; only the shape matters")
    .Output("Out", "[rank], int32")
    .InferShape([](InferContext& c) {
      c.SetOutput("Out", Shape{c.InputShape("Input").rank()}, DType::kInt32);
    })
    .KeyedBy("Out")
    .Kernel<Generate<ShapeOf>, int32_t>();

/// The values of the attribute that belongs to the dtype, as stored.
template <typename T>
std::vector<char> ValueBytes(const Attrs& attrs, int64_t n) {
  std::vector<T> values;
  const auto take = [&](const auto& given) {
    for (const auto v : given) values.push_back(static_cast<T>(v));
  };
  if constexpr (std::is_same_v<T, bool>) take(attrs.Get<std::vector<int32_t>>("bool_values"));
  else if constexpr (std::is_same_v<T, float>) take(attrs.Get<std::vector<float>>("fp32_values"));
  else if constexpr (std::is_same_v<T, double>) take(attrs.Get<std::vector<double>>("fp64_values"));
  else if constexpr (std::is_same_v<T, int32_t>) take(attrs.Get<std::vector<int32_t>>("int32_values"));
  else take(attrs.Get<std::vector<int64_t>>("int64_values"));
  SKIFF_ENFORCE(static_cast<int64_t>(values.size()) == n, InvalidArgument, "the attribute of ", kDTypeOf<T>,
                " values holds ", values.size(), " elements; shape wants ", n);
  std::vector<char> bytes(n * sizeof(T));
  for (int64_t i = 0; i < n; ++i) {
    const T v = values[i];
    std::memcpy(bytes.data() + i * sizeof(T), &v, sizeof(T));
  }
  return bytes;
}

struct AssignValueKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    auto bytes = ValueBytes<T>(c.attrs(), c.Output("Out").shape.NumElements());
    return MakeKernel([bytes = std::move(bytes)](const KernelArgs& args) {
      if (bytes.empty()) return;
#if defined(__CUDACC__)
      cudaMemcpyAsync(args.out[0], bytes.data(), bytes.size(), cudaMemcpyHostToDevice, StreamOf(args));
      CheckLaunch();
#else
      std::memcpy(args.out[0], bytes.data(), bytes.size());
#endif
    });
  }
};

SKIFF_OP(assign_value)
    .Doc("Out = the values of the attribute that belongs to dtype.")
    .Source("names and defaults of Paddle's assign_value")
    .Output("Out", "attribute shape and dtype")
    .RequiredAttr<std::vector<int32_t>>("shape", "extents")
    .RequiredAttr<int32_t>("dtype", "code of Out's dtype")
    .Attr("bool_values", std::vector<int32_t>{}, "elements in C order when dtype is bool")
    .Attr("fp32_values", std::vector<float>{}, "elements when dtype is float32")
    .Attr("fp64_values", std::vector<double>{}, "elements when dtype is float64")
    .Attr("int32_values", std::vector<int32_t>{}, "elements when dtype is int32")
    .Attr("int64_values", std::vector<int64_t>{}, "elements when dtype is int64")
    .InferShape([](InferContext& c) {
      c.SetOutput("Out", Shape(c.Attr<std::vector<int64_t>>("shape")), DTypeAttr(c));
    })
    .KeyedBy("Out")
    .Kernel<AssignValueKernel, bool, float, double, int32_t, int64_t>();

}  // namespace
}  // namespace skiff
