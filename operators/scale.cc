// scale, cast and the operators that hand values on unchanged: assign, sum, mean, increment, fills.
#include "framework/op/run_op.h"
#include "operators/kernel/generate.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct Scale {
  explicit Scale(const Attrs& attrs)
      : scale(attrs.Get<float>("scale")),
        bias(attrs.Get<float>("bias")),
        after(attrs.Get<bool>("bias_after_scale")) {}
  template <typename V>
  SKIFF_HD V operator()(V x) const {
    return after ? x * V(scale) + V(bias) : (x + V(bias)) * V(scale);
  }
  float scale, bias;
  bool after;
};
struct ScaleByTensor {
  explicit ScaleByTensor(const Attrs& attrs)
      : bias(attrs.Get<float>("bias")), after(attrs.Get<bool>("bias_after_scale")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V scale) const {
    return after ? x * scale + V(bias) : (x + V(bias)) * scale;
  }
  float bias;
  bool after;
};
struct ScaleKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& context) {
    if (context.HasInput("ScaleTensor")) return Broadcast<ScaleByTensor>::Prepare<Device, T>(context);
    return Map<Scale>::Prepare<Device, T>(context);
  }
};

struct Unchanged {
  template <typename V> SKIFF_HD V operator()(V x) const { return x; }
};
/// Real numbers that become complex are computed as such.
struct CastKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& context) {
    if (IsComplex(context.Output("Out").dtype)) return Map<Unchanged>::PrepareAs<Complex<double>>(context);
    return Map<Unchanged>::Prepare<Device, T>(context);
  }
};
struct Increment {
  explicit Increment(const Attrs& attrs) : step(attrs.Get<float>("step")) {}
  template <typename V> SKIFF_HD V operator()(V x) const { return x + V(step); }
  float step;
};

[[maybe_unused]] DType DTypeAttr(const Attrs& attrs, const char* name, DType otherwise) {
  const int32_t code = attrs.Get<int32_t>(name);
  if (code < 0) return otherwise;
  SKIFF_ENFORCE(IsValidDType(code), InvalidArgument, "attribute ", name, " is ", code,
                ", which is no dtype");
  return static_cast<DType>(code);
}

/// SelectedRows and tensor arrays pass through scale element by element: only their tensors change.
[[maybe_unused]] Tensor RunDense(DynamicContext& c, const Tensor& x) {
  std::map<std::string, Value> values{{"x", x}};
  RunOpOptions options;
  options.place = c.place();
  options.num_threads = c.num_threads();
  RunOp({c.op().type, {{"X", {"x"}}}, {{"Out", {"out"}}}, c.op().attrs}, &values, options);
  return std::get<Tensor>(values.at("out"));
}
[[maybe_unused]] void RunInside(DynamicContext& c) {
  const Value& x = c.Input("X");
  if (const auto* rows = std::get_if<SelectedRows>(&x)) {
    c.Output("Out") = SelectedRows{rows->rows, rows->height, RunDense(c, rows->value)};
  } else if (const auto* array = std::get_if<TensorArray>(&x)) {
    TensorArray out;
    for (const Tensor& t : *array) out.push_back(RunDense(c, t));
    c.Output("Out") = std::move(out);
  } else {
    c.Output("Out") = RunDense(c, c.InputTensor("X"));
  }
}

SKIFF_OP(scale)
    .Doc("Out = scale X + bias, or scale (X + bias) when not bias_after_scale.")
    .Source("names and defaults of Paddle's scale")
    .Input("X", "any shape")
    .OptionalInput("ScaleTensor", "one element in place of the attribute scale")
    .Output("Out", "shape and dtype of X")
    .Attr("scale", 1.0f, "factor; truncated for integers")
    .Attr("bias", 0.0f, "summand; truncated for integers")
    .Attr("bias_after_scale", true, "whether the bias is added after scaling")
    .InferShape(Like("Out", "X"))
    .Inplace("X", "Out")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"scale", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}, g.fwd.attrs};
      if (g.HasIn("ScaleTensor")) op.inputs.Set("ScaleTensor", g.In("ScaleTensor"));
      op.attrs.Set("bias", 0.0f);
      op.attrs.Set("bias_after_scale", true);
      return {op};
    })
    .Dynamic(RunInside)
    .Kernel<ScaleKernel, SKIFF_FLOATS, SKIFF_INTS, SKIFF_COMPLEX>();

SKIFF_OP(cast)
    .Doc("Out = X as out_dtype: floats are truncated to integers, bool is X != 0, complex numbers lose their imaginary part.")
    .Source("names of Paddle's cast")
    .Input("X", "any shape and dtype")
    .Output("Out", "shape of X, dtype out_dtype")
    .Attr("in_dtype", -1, "code of X's dtype; X itself decides")
    .RequiredAttr<int32_t>("out_dtype", "code of Out's dtype")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      c.SetOutput("Out", TensorMeta{x.shape, DTypeAttr(c.attrs(), "out_dtype", x.dtype), x.lod_level});
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"cast", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}, g.fwd.attrs};
      op.attrs.Set("out_dtype", g.fwd.attrs.Get<int32_t>("in_dtype", 5));
      op.attrs.Set("in_dtype", g.fwd.attrs.Get<int32_t>("out_dtype"));
      return {op};
    })
    .Dynamic(RunInside)
    .Kernel<CastKernel, SKIFF_FLOATS, SKIFF_INTS, bool, SKIFF_COMPLEX>();

SKIFF_OP(assign)
    .Doc("Out = a copy of X.")
    .Source("names of Paddle's assign")
    .Input("X", "any value")
    .Output("Out", "the same")
    .InferShape([](InferContext& c) { c.SetOutput("Out", c.Input("X")); })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"assign", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}}};
    })
    .Dynamic([](DynamicContext& c) {
      Value copy = c.Input("X");
      if (auto* t = std::get_if<Tensor>(&copy)) *t = t->Clone();
      if (auto* rows = std::get_if<SelectedRows>(&copy)) rows->value = rows->value.Clone();
      if (auto* array = std::get_if<TensorArray>(&copy)) {
        for (Tensor& t : *array) {
          if (t.is_initialized()) t = t.Clone();
        }
      }
      c.Output("Out") = std::move(copy);
    })
    .Kernel<Map<Unchanged>, SKIFF_FLOATS, SKIFF_INTS, bool, SKIFF_COMPLEX>();

SKIFF_OP(increment)
    .Doc("Out = X + step.")
    .Source("names and defaults of Paddle's increment")
    .Input("X", "one element")
    .Output("Out", "shape and dtype of X; mostly X itself")
    .Attr("step", 1.0f, "truncated for integers")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      SKIFF_ENFORCE(!x.shape.IsKnown() || x.shape.NumElements() == 1, InvalidArgument, "X is ", x.shape,
                    "; it must hold one element");
      c.SetOutput("Out", TensorMeta{x.shape, x.dtype});
    })
    .Inplace("X", "Out")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"increment", {{"X", g.Out("Out")}}, {{"Out", g.In("X")}}, g.fwd.attrs};
      op.attrs.Set("step", -g.fwd.attrs.Get<float>("step", 1.0f));
      return {op};
    })
    .Kernel<Map<Increment>, SKIFF_FLOATS, int32_t, int64_t>();

/// Fills with the attribute `value`.
struct Fill {
  explicit Fill(const Attrs& attrs) : value(attrs.Get<float>("value", 0.0f)) {}
  template <typename V> SKIFF_HD V At(int64_t, uint64_t) const { return V(value); }
  float value;
};

SKIFF_OP(fill_any_like)
    .Doc("Out is full of `value`.")
    .Source("names and defaults of Paddle's fill_any_like")
    .Input("X", "any shape; only shape and dtype matter")
    .Output("Out", "shape of X")
    .Attr("value", 0.0f, "every element")
    .Attr("dtype", -1, "code of Out's dtype; -1: that of X")
    .ZeroGradient()
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      c.SetOutput("Out", TensorMeta{x.shape, DTypeAttr(c.attrs(), "dtype", x.dtype), x.lod_level});
    })
    .KeyedBy("Out")
    .Kernel<Generate<Fill>, SKIFF_FLOATS, SKIFF_INTS, bool, SKIFF_COMPLEX>();

[[maybe_unused]] void ZeroArrayLike(DynamicContext& c) {
  const Value& x = c.Input("X");
  const auto zeros = [&](const Tensor& like) {
    std::map<std::string, Value> values{{"x", like}};
    RunOpOptions options;
    options.place = c.place();
    RunOp({"fill_any_like", {{"X", {"x"}}}, {{"Out", {"out"}}}, {}}, &values, options);
    return std::get<Tensor>(values.at("out"));
  };
  if (const auto* array = std::get_if<TensorArray>(&x)) {
    TensorArray out;
    for (const Tensor& t : *array) out.push_back(t.is_initialized() ? zeros(t) : Tensor());
    c.Output("Out") = std::move(out);
  } else if (const auto* rows = std::get_if<SelectedRows>(&x)) {
    c.Output("Out") = SelectedRows{rows->rows, rows->height, zeros(rows->value)};
  } else {
    c.Output("Out") = zeros(c.InputTensor("X"));
  }
}

SKIFF_OP(fill_zeros_like)
    .Doc("Out is full of zeros.")
    .Source("Paddle's fill_zeros_like")
    .Input("X", "any shape; only shape and dtype matter")
    .Output("Out", "shape and dtype of X")
    .ZeroGradient()
    .InferShape([](InferContext& c) { c.SetOutput("Out", c.Input("X")); })
    .Dynamic(ZeroArrayLike)
    .Kernel<Generate<Fill>, SKIFF_FLOATS, SKIFF_INTS, bool, SKIFF_COMPLEX>();

}  // namespace
}  // namespace skiff
