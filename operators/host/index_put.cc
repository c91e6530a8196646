// index_put: values at positions that integer or bool tensors name.
#include <cstring>

#include "operators/host/host.h"

namespace skiff {

namespace {

// Where values go: row r of x (its first axes flattened) takes element r of the broadcast value.
struct Targets {
  std::vector<int64_t> rows;  // -1 nowhere
  Shape shape;                // of the indices together
  int64_t width = 1;          // elements of a row
  Shape value;                // shape + the axes of a row
};

int64_t IndexAt(const Tensor& t, int64_t i) {
  return t.dtype() == DType::kInt64 ? t.data<int64_t>()[i] : t.data<int32_t>()[i];
}

// Steps that read a tensor of shape `from` broadcast to `to`.
std::vector<int64_t> BroadcastSteps(const Shape& from, const Shape& to) {
  SKIFF_ENFORCE(BroadcastShapes(from, to) == to, InvalidArgument, from, " cannot be broadcast to ", to);
  std::vector<int64_t> steps(to.size(), 0);
  int64_t step = 1;
  for (int d = from.rank() - 1, t = to.rank() - 1; d >= 0; --d, --t) {
    steps[t] = from[d] == 1 ? 0 : step;
    step *= from[d];
  }
  return steps;
}

// Calls f(i, position) for the elements of `to` in order.
template <typename F>
void ForEachBroadcast(const Shape& from, const Shape& to, const F& f) {
  const std::vector<int64_t> steps = BroadcastSteps(from, to);
  for (int64_t i = 0, n = to.NumElements(); i < n; ++i) {
    int64_t at = 0;
    for (int64_t d = to.rank() - 1, rest = i; d >= 0; --d) {
      at += rest % to[d] * steps[d];
      rest /= to[d];
    }
    f(i, at);
  }
}

// A bool index stands for one integer index per axis: where it is true.
void AppendPositions(const Tensor& mask, const Shape& x, int axis, std::vector<Tensor>* indices) {
  const Shape& shape = mask.shape();
  SKIFF_ENFORCE(axis + shape.rank() <= x.rank(), InvalidArgument, "the indices name more axes than x ", x, " has");
  for (int d = 0; d < shape.rank(); ++d) {
    SKIFF_ENFORCE(shape[d] == x[axis + d], InvalidArgument, "a bool index is ", shape, ", x is ", x,
                  "; their extents must be equal");
  }
  std::vector<std::vector<int64_t>> at(shape.size());
  for (int64_t i = 0; i < mask.num_elements(); ++i) {
    if (!mask.data<bool>()[i]) continue;
    int64_t rest = i;
    for (int d = shape.rank() - 1; d >= 0; --d) {
      at[d].push_back(rest % shape[d]);
      rest /= shape[d];
    }
  }
  for (const auto& list : at) indices->push_back(host::Ints(list, DType::kInt64));
}

Targets TargetsOf(const DynamicContext& c, const Shape& x) {
  std::vector<Tensor> indices;
  for (int i = 0; i < c.NumInputs("indices"); ++i) {
    const Tensor index = host::In(c, "indices", i);
    if (index.dtype() == DType::kBool) {
      AppendPositions(index, x, static_cast<int>(indices.size()), &indices);
    } else {
      SKIFF_ENFORCE(index.dtype() == DType::kInt32 || index.dtype() == DType::kInt64, InvalidType, "an index is ",
                    index.dtype(), "; expected int32, int64 or bool");
      indices.push_back(index);
    }
  }
  const int named = static_cast<int>(indices.size());
  SKIFF_ENFORCE(named >= 1 && named <= x.rank(), InvalidArgument, "there are ", named, " indices, x is ", x,
                "; there may be one for each axis");
  Targets t;
  for (const Tensor& index : indices) t.shape = BroadcastShapes(t.shape, index.shape());
  t.rows.assign(t.shape.NumElements(), 0);
  for (int d = 0; d < named; ++d) {
    ForEachBroadcast(indices[d].shape(), t.shape, [&](int64_t i, int64_t at) {
      const int64_t index = IndexAt(indices[d], at);
      SKIFF_ENFORCE(index >= -x[d] && index < x[d], OutOfRange, "an index is ", index, " where x has an extent of ", x[d]);
      t.rows[i] = t.rows[i] * x[d] + (index < 0 ? index + x[d] : index);
    });
  }
  t.width = x.Product(named, x.rank());
  t.value = t.shape;
  for (int d = named; d < x.rank(); ++d) t.value.Append(x[d]);
  return t;
}

template <typename T>
void Put(const Targets& t, const Tensor& value, bool accumulate, Tensor* out) {
  const T* from = static_cast<const T*>(value.raw_data());
  T* to = static_cast<T*>(out->raw_data());
  ForEachBroadcast(value.shape(), t.value, [&](int64_t i, int64_t at) {
    T& target = to[t.rows[i / t.width] * t.width + i % t.width];
    target = accumulate ? static_cast<T>(target + from[at]) : from[at];
  });
}

void IndexPut(DynamicContext& c) {
  const Tensor x = host::In(c, "x"), value = host::In(c, "value");
  SKIFF_ENFORCE(x.dtype() == value.dtype(), InvalidType, "x is ", x.dtype(), ", value is ", value.dtype(),
                "; they must be equal");
  const Targets t = TargetsOf(c, x.shape());
  Tensor out = x.Clone();
  const bool accumulate = c.attrs().Get<bool>("accumulate");
  switch (x.dtype()) {
    case DType::kFloat32: Put<float>(t, value, accumulate, &out); break;
    case DType::kFloat64: Put<double>(t, value, accumulate, &out); break;
    case DType::kInt32: Put<int32_t>(t, value, accumulate, &out); break;
    case DType::kInt64: Put<int64_t>(t, value, accumulate, &out); break;
    case DType::kBool: Put<bool>(t, value, accumulate, &out); break;
    default: throw Unimplemented(StrCat("x is ", x.dtype()));
  }
  host::Out(c, "out", out);
}

void IndexPutGrad(DynamicContext& c) {
  const Tensor out_grad = host::In(c, "out@GRAD");
  const Shape value = c.InputTensor("value").shape();
  const Targets t = TargetsOf(c, out_grad.shape());
  if (c.NumOutputs("x@GRAD") > 0) {
    Tensor x_grad = out_grad.Clone();
    if (!c.attrs().Get<bool>("accumulate")) {
      const size_t row_bytes = t.width * SizeOf(out_grad.dtype());
      for (int64_t row : t.rows) std::memset(static_cast<char*>(x_grad.raw_data()) + row * row_bytes, 0, row_bytes);
    }
    host::Out(c, "x@GRAD", x_grad);
  }
  if (c.NumOutputs("value@GRAD") == 0) return;
  host::WithFloats(out_grad.dtype(), "out@GRAD", [&](auto zero) {
    using T = decltype(zero);
    Tensor value_grad(value, out_grad.dtype());
    std::memset(value_grad.raw_data(), 0, value_grad.bytes());
    ForEachBroadcast(value, t.value, [&](int64_t i, int64_t at) {
      value_grad.data<T>()[at] += out_grad.data<T>()[t.rows[i / t.width] * t.width + i % t.width];
    });
    host::Out(c, "value@GRAD", value_grad);
  });
}

}  // namespace

SKIFF_OP(index_put)
    .Doc("out = x, with value (or x + value) at the positions that the indices name together.")
    .Source("paddle.index_put; of a position named twice the later value stands, or both are added")
    .Input("x", "at least one axis")
    .Inputs("indices", "int32 or int64, broadcast to one shape: one for each of the first axes; bool: where it is true")
    .Input("value", "broadcast to the indices' shape + the other axes of x; dtype of x")
    .Output("out", "shape and dtype of x")
    .Attr("accumulate", false, "add instead of replacing")
    .InferShape(Like("out", "x"))
    .Gradient(StandardGrad({"x", "indices", "value"}, {}, {"out"}, {"x", "value"}))
    .Dynamic(IndexPut);

SKIFF_OP(index_put_grad)
    .Doc("x@GRAD is out@GRAD, zero where x was replaced; value@GRAD is out@GRAD at the positions, summed.")
    .Input("x", "only its shape matters")
    .Inputs("indices", "of index_put")
    .Input("value", "only its shape matters")
    .Input("out@GRAD", "shape of x")
    .OptionalOutput("x@GRAD", "shape of x")
    .OptionalOutput("value@GRAD", "shape of value")
    .Attr("accumulate", false, "as in index_put")
    .InferShape(GradsLikeInputs())
    .Dynamic(IndexPutGrad);

}  // namespace skiff
