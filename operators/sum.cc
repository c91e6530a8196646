// sum: the addition of any number of tensors, SelectedRows or tensor arrays.
#include "framework/op/run_op.h"
#include "framework/tensor/memory.h"
#include "operators/kernel/selected_rows.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct Add2 {
  template <typename V> SKIFF_HD V operator()(V a, V b) const { return a + b; }
};
struct Add3 {
  template <typename V> SKIFF_HD V operator()(V a, V b, V c) const { return a + b + c; }
};
struct Add4 {
  template <typename V> SKIFF_HD V operator()(V a, V b, V c, V d) const { return a + b + c + d; }
};
struct OneTerm {
  template <typename V> SKIFF_HD V operator()(V a) const { return a; }
};

/// Adds four at a time, so that Out is read and written once for every three inputs. Out may be the
/// memory of the first input.
struct SumKernel {
  template <typename C>
  static MapOp Step(const MapInput* in, int count, const Shape& shape, DType out) {
    const std::pair<int, DType> target{0, out};
    const MapPlan plan = MakeMapPlan(kDTypeOf<C>, shape, in, count, &target, 1);
    if (count == 1) return MakeMapOp<C>(OneTerm{}, plan);
    if (count == 2) return MakeMapOp<C>(Add2{}, plan);
    if (count == 3) return MakeMapOp<C>(Add3{}, plan);
    return MakeMapOp<C>(Add4{}, plan);
  }

  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const TensorInfo& out = c.Output("Out");
    const Shape flat{out.shape.NumElements()};
    std::vector<MapOp> steps;
    std::vector<int> firsts;  // the first input of each step; its operands follow
    const int count = c.NumInputs("X");
    for (int at = 0; at < count;) {
      MapInput in[4];
      int n = 0;
      if (at > 0) in[n++] = {0, out.dtype, flat};
      firsts.push_back(at);
      for (; n < 4 && at < count; ++at, ++n) {
        const TensorInfo& x = c.Input("X", at);
        SKIFF_ENFORCE(x.shape.NumElements() == flat[0], InvalidArgument, "variable ", at, " of X is ",
                      x.shape, ", variable 0 is ", c.Input("X", 0).shape, "; they must be equal");
        in[n] = {n, x.dtype, flat};
      }
      steps.push_back(Step<C>(in, n, flat, out.dtype));
    }
    return MakeKernel([steps, firsts, count](const KernelArgs& args) {
      for (size_t s = 0; s < steps.size(); ++s) {
        const void* in[4] = {};
        int n = 0;
        if (s > 0) in[n++] = args.out[0];
        for (int at = firsts[s]; n < 4 && at < count; ++at) in[n++] = args.in[at];
        steps[s].Run(in, args.out, args);
      }
    });
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return PrepareAs<Compute<T>>(c);
  }
};

[[maybe_unused]] Tensor AddDense(DynamicContext& c, const std::vector<Tensor>& tensors) {
  if (tensors.size() == 1) return tensors.front();
  std::map<std::string, Value> values;
  std::vector<std::string> names;
  for (const Tensor& t : tensors) {
    names.push_back("x" + std::to_string(names.size()));
    values[names.back()] = t;
  }
  RunOpOptions options;
  options.place = c.place();
  options.num_threads = c.num_threads();
  RunOp({"sum", {{"X", names}}, {{"Out", {"out"}}}, {}}, &values, options);
  return std::get<Tensor>(values.at("out"));
}

[[maybe_unused]] Tensor CastTo(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  std::map<std::string, Value> values = {{"x", tensor}};
  RunOp({"cast", {{"X", {"x"}}}, {{"Out", {"out"}}},
         {{"in_dtype", static_cast<int32_t>(tensor.dtype())}, {"out_dtype", static_cast<int32_t>(dtype)}}},
        &values);
  return std::get<Tensor>(values.at("out"));
}

// @throws InvalidArgument unless the rows are as wide and of the dtype that is wanted, OutOfRange for one past their height.
[[maybe_unused]] void CheckRows(const SelectedRows& rows, int64_t height, int64_t width, DType dtype) {
  const Tensor& value = rows.value;
  const bool fits = value.is_initialized() && value.dtype() == dtype && value.shape().rank() > 0 && RowWidth(rows) == width &&
                    value.shape()[0] == static_cast<int64_t>(rows.rows.size());
  SKIFF_ENFORCE(fits, InvalidArgument, "X holds ", rows.rows.size(), " rows as ", value.dtype(), " ", value.shape(), "; expected ", dtype,
                " rows of ", width, " elements");
  for (const int64_t row : rows.rows) {
    SKIFF_ENFORCE(row >= 0 && row < height, OutOfRange, "X holds row ", row, " of a tensor of ", height, " rows");
  }
}

template <typename T>
void AddRowsAs(const SelectedRows& rows, const Tensor& value, Tensor* sum) {
  const int64_t width = RowWidth(rows);
  for (size_t r = 0; r < rows.rows.size(); ++r) {
    T* target = sum->data<T>() + rows.rows[r] * width;
    const T* from = value.data<T>() + static_cast<int64_t>(r) * width;
    for (int64_t i = 0; i < width; ++i) target[i] += from[i];
  }
}

/// Dense + rows: the rows are added where they belong, halves in float32. On the host: it happens once
/// per shared embedding and step.
[[maybe_unused]] Tensor AddRows(const Tensor& dense, const std::vector<const SelectedRows*>& all) {
  SKIFF_ENFORCE(IsFloating(dense.dtype()) && dense.shape().rank() > 0, InvalidArgument, "rows are added to X of ", dense.dtype(), " ",
                dense.shape(), "; it must be floating and have rows");
  const bool wide = dense.dtype() == DType::kFloat64;
  const DType compute = wide ? DType::kFloat64 : DType::kFloat32;
  Tensor sum = CastTo(dense.CopyTo(CPUPlace{}), compute);
  for (const SelectedRows* rows : all) {
    CheckRows(*rows, dense.shape()[0], dense.shape().Product(1, dense.shape().rank()), dense.dtype());
    const Tensor value = CastTo(rows->value.To(CPUPlace{}), compute);
    if (wide) AddRowsAs<double>(*rows, value, &sum);
    else AddRowsAs<float>(*rows, value, &sum);
  }
  return CastTo(sum, dense.dtype()).To(dense.place());
}

[[maybe_unused]] SelectedRows JoinRows(DynamicContext& c, const std::vector<const SelectedRows*>& all) {
  SelectedRows joined{{}, all.front()->height, {}};
  for (const SelectedRows* part : all) {
    CheckRows(*part, joined.height, RowWidth(*all.front()), all.front()->value.dtype());
    joined.rows.insert(joined.rows.end(), part->rows.begin(), part->rows.end());
  }
  Shape shape = all.front()->value.shape();
  shape[0] = static_cast<int64_t>(joined.rows.size());
  joined.value = Tensor(shape, all.front()->value.dtype(), c.place());
  char* target = static_cast<char*>(joined.value.raw_data());
  for (const SelectedRows* part : all) {
    CopyBytes(c.place(), target, part->value.place(), part->value.raw_data(), part->value.bytes());
    target += part->value.bytes();
  }
  return joined;
}

[[maybe_unused]] TensorArray AddArrays(DynamicContext& c) {
  TensorArray sum;
  for (int k = 0; k < c.NumInputs("X"); ++k) {
    const auto* array = std::get_if<TensorArray>(&c.Input("X", k));
    SKIFF_ENFORCE(array != nullptr, InvalidType, "variable ", k, " of X is no tensor array");
    if (sum.size() < array->size()) sum.resize(array->size());
    for (size_t i = 0; i < array->size(); ++i) {
      const Tensor& t = (*array)[i];
      if (!t.is_initialized()) continue;
      sum[i] = sum[i].is_initialized() ? AddDense(c, {sum[i], t}) : t;
    }
  }
  return sum;
}

[[maybe_unused]] void SumValues(DynamicContext& c) {
  if (std::holds_alternative<TensorArray>(c.Input("X", 0))) {
    c.Output("Out") = AddArrays(c);
    return;
  }
  std::vector<Tensor> dense;
  std::vector<const SelectedRows*> rows;
  for (int k = 0; k < c.NumInputs("X"); ++k) {
    const Value& x = c.Input("X", k);
    if (const auto* part = std::get_if<SelectedRows>(&x)) rows.push_back(part);
    else if (const auto* t = std::get_if<Tensor>(&x); t == nullptr || t->is_initialized()) dense.push_back(c.InputTensor("X", k));
  }
  if (rows.empty()) c.Output("Out") = AddDense(c, dense).Clone();
  else if (dense.empty()) c.Output("Out") = JoinRows(c, rows);
  else c.Output("Out") = AddRows(AddDense(c, dense), rows);
}

SKIFF_OP(sum)
    .Doc("Out = the sum of all X.")
    .Source("names of Paddle's sum")
    .Inputs("X", "tensors of one shape and dtype; or SelectedRows, or tensor arrays")
    .Output("Out", "shape and dtype of X; may be the first X itself")
    .InferShape([](InferContext& c) {
      SKIFF_ENFORCE(c.NumInputs("X") > 0, InvalidArgument, "input X is empty; it takes one or more");
      TensorMeta out = c.Input("X", 0);
      for (int k = 1; k < c.NumInputs("X"); ++k) {
        const TensorMeta& x = c.Input("X", k);
        if (x.kind == VarKind::kLodTensor) out.kind = x.kind;  // dense + rows is dense
        if (x.shape.IsKnown() && x.shape.rank() == out.shape.rank()) out.shape = x.shape;
      }
      c.SetOutput("Out", out);
    })
    .Inplace("X", "Out")
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      std::vector<Operator> grads;
      for (const std::string& grad : g.InGrad("X")) {
        grads.push_back({"scale", {{"X", g.OutGrad("Out")}}, {{"Out", {grad}}}, {{"scale", 1.0f}}});
      }
      return grads;
    })
    .Dynamic(SumValues)
    .Kernel<SumKernel, SKIFF_FLOATS, int32_t, int64_t, SKIFF_COMPLEX>();

}  // namespace
}  // namespace skiff
