// Tensor arrays: lists of tensors that loops write and read by number.
#include "framework/op/control_flow.h"
#include "framework/op/op_schema.h"
#include "framework/op/run_op.h"

namespace skiff {
namespace {

// A variable that was never written is an empty array.
[[maybe_unused]] const TensorArray& ArrayOf(const Value* value, const char* slot) {
  static const TensorArray kEmpty;
  if (value == nullptr || !HasValue(*value)) return kEmpty;
  const auto* array = std::get_if<TensorArray>(value);
  SKIFF_ENFORCE(array != nullptr, InvalidType, slot, " is no tensor array");
  return *array;
}

[[maybe_unused]] const TensorArray& InputArray(DynamicContext& c) {
  if (auto* control = dynamic_cast<ControlFlowContext*>(&c)) {
    return ArrayOf(control->FindVariable(c.op().inputs.One("X")), "input X");
  }
  return ArrayOf(&c.Input("X"), "input X");
}

[[maybe_unused]] size_t Position(DynamicContext& c) {
  const int64_t position = control_flow::OneInteger(c.InputTensor("I"), "I");
  SKIFF_ENFORCE(position >= 0, OutOfRange, "I is ", position, "; positions start at 0");
  return static_cast<size_t>(position);
}

[[maybe_unused]] void Write(DynamicContext& c) {
  const size_t position = Position(c);
  // A gap this wide comes from an index that was never meant as one.
  constexpr size_t kMaxGap = size_t{1} << 24;
  const Tensor& x = c.InputTensor("X");
  Value& out = c.Output("Out");
  if (!HasValue(out)) out = TensorArray();
  auto* array = std::get_if<TensorArray>(&out);
  SKIFF_ENFORCE(array != nullptr, InvalidType, "output Out is no tensor array");
  SKIFF_ENFORCE(position < array->size() + kMaxGap, OutOfRange, "I is ", position, ", the array has ",
                array->size(), " entries");
  if (position >= array->size()) array->resize(position + 1);
  (*array)[position] = x.Clone();
}

[[maybe_unused]] void Read(DynamicContext& c) {
  const TensorArray& array = InputArray(c);
  const size_t position = Position(c);
  if (position < array.size() && array[position].is_initialized()) {
    c.Output("Out") = array[position];
  } else if (c.NumInputs("X_W") > 0) {  // the gradient of an entry that nobody read
    c.Output("Out") = control_flow::ZerosLike(c.Input("X_W"), c.place());
  } else {
    throw OutOfRange(StrCat("I is ", position, ", the array has ", array.size(), " entries",
                            position < array.size() ? ", this one not written" : ""));
  }
}

SKIFF_OP(write_to_array)
    .Doc("Out[I] = X; the array grows to hold it.")
    .Source("names of Paddle's write_to_array")
    .Input("X", "any shape")
    .Input("I", "int64, one element")
    .Output("Out", "tensor array")
    .InferShape([](InferContext& c) {
      TensorMeta out = c.Input("X");
      out.kind = VarKind::kLodTensorArray;
      c.SetOutput("Out", out);
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"read_from_array", {{"I", g.In("I")}, {"X", g.OutGrad("Out")}, {"X_W", g.In("X")}},
               {{"Out", g.InGrad("X")}}, g.fwd.attrs}};
    })
    .Dynamic(Write);

SKIFF_OP(read_from_array)
    .Doc("Out = X[I]; zeros like X_W where it is given and the entry was never written.")
    .Source("names of Paddle's read_from_array")
    .Input("X", "tensor array")
    .Input("I", "int64, one element")
    .OptionalInput("X_W", "what was written there, when X is a gradient")
    .Output("Out", "the entry")
    .InferShape([](InferContext& c) {
      TensorMeta out = c.Input("X");
      out.kind = VarKind::kLodTensor;
      c.SetOutput("Out", out);
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"write_to_array", {{"I", g.In("I")}, {"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}},
               g.fwd.attrs}};
    })
    .Dynamic(Read);

SKIFF_OP(lod_array_length)
    .Doc("Out = the number of entries of X.")
    .Source("names of Paddle's lod_array_length")
    .Input("X", "tensor array")
    .Output("Out", "int64 [1]")
    .InferShape([](InferContext& c) { c.SetOutput("Out", {1}, DType::kInt64); })
    .Dynamic([](DynamicContext& c) {
      const auto length = static_cast<int64_t>(InputArray(c).size());
      c.Output("Out") = Tensor::Of<int64_t>({1}, {length}).To(c.place());
    });

[[maybe_unused]] Shape WithAxis(const Shape& shape, int axis) {
  std::vector<int64_t> extents(shape.begin(), shape.end());
  extents.insert(extents.begin() + axis, 1);
  return Shape(extents);
}

[[maybe_unused]] int AxisOf(DynamicContext& c, int rank) {
  const int axis = c.attrs().Get<int32_t>("axis");
  SKIFF_ENFORCE(axis >= -rank && axis < rank, InvalidArgument, "axis is ", axis, ", the entries have ",
                rank, " dimensions");
  return axis < 0 ? axis + rank : axis;
}

[[maybe_unused]] void Join(DynamicContext& c) {
  const TensorArray& array = InputArray(c);
  SKIFF_ENFORCE(!array.empty(), InvalidArgument, "the array is empty");
  const bool stack = c.attrs().Get<bool>("use_stack");
  const int axis = AxisOf(c, array[0].shape().rank() + (stack ? 1 : 0));
  std::map<std::string, Value> values;
  std::vector<std::string> names;
  std::vector<int32_t> extents;
  for (const Tensor& t : array) {
    SKIFF_ENFORCE(t.is_initialized(), InvalidArgument, "entry ", names.size(), " was never written");
    names.push_back(StrCat(names.size()));
    values[names.back()] = stack ? t.Reshaped(WithAxis(t.shape(), axis)) : t;
    extents.push_back(static_cast<int32_t>(stack ? 1 : t.shape()[axis]));
  }
  RunOp({"concat", {{"X", names}}, {{"Out", {"out"}}}, {{"axis", axis}}}, &values,
        {.place = c.place(), .num_threads = c.num_threads()});
  if (c.NumOutputs("OutIndex") > 0) {
    c.Output("OutIndex") = Tensor::Of<int32_t>({static_cast<int64_t>(extents.size())}, extents).To(c.place());
  }
  c.Output("Out") = std::move(values.at("out"));
}

[[maybe_unused]] void Part(DynamicContext& c) {
  const TensorArray array = InputArray(c);
  const Tensor& grad = c.InputTensor("Out@GRAD");
  const bool stack = c.attrs().Get<bool>("use_stack");
  const int axis = AxisOf(c, grad.shape().rank());
  TensorArray parts;
  int64_t begin = 0;
  for (const Tensor& t : array) {
    const int64_t end = begin + (stack ? 1 : t.shape()[axis]);
    std::map<std::string, Value> values{{"x", grad}};
    RunOp({"slice", {{"Input", {"x"}}}, {{"Out", {"out"}}},
           {{"axes", std::vector<int32_t>{axis}}, {"starts", std::vector<int32_t>{static_cast<int32_t>(begin)}},
            {"ends", std::vector<int32_t>{static_cast<int32_t>(end)}}}},
          &values, {.place = c.place(), .num_threads = c.num_threads()});
    parts.push_back(std::get<Tensor>(values.at("out")).Reshaped(t.shape()));
    begin = end;
  }
  c.Output("X@GRAD") = std::move(parts);
}

SKIFF_OP(tensor_array_to_tensor)
    .Doc("The entries of X side by side along axis, or along a new axis with use_stack.")
    .Source("names of Paddle's tensor_array_to_tensor")
    .Input("X", "tensor array of at least one entry")
    .Output("Out", "concatenated or stacked")
    .OptionalOutput("OutIndex", "int32 [entries]: the extent of each along axis")
    .Attr("axis", 0, "where they are joined")
    .Attr("use_stack", false, "along a new axis")
    .InferShape([](InferContext& c) {
      // The array's declared shape is that of one entry.
      const TensorMeta& x = c.Input("X");
      const bool stack = c.Attr<bool>("use_stack");
      const int rank = x.shape.rank() + (stack ? 1 : 0);
      const int32_t axis = c.Attr<int32_t>("axis");
      std::vector<int64_t> extents(x.shape.begin(), x.shape.end());
      if (axis >= -rank && axis < rank) {
        const int at = axis < 0 ? axis + rank : axis;
        if (stack) extents.insert(extents.begin() + at, -1);
        else extents[at] = -1;
      }
      c.SetOutput("Out", Shape(extents), x.dtype);
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"tensor_array_to_tensor_grad", {{"X", g.In("X")}, {"Out@GRAD", g.OutGrad("Out")}},
               {{"X@GRAD", g.InGrad("X")}}, g.fwd.attrs}};
    })
    .Dynamic(Join);

SKIFF_OP(tensor_array_to_tensor_grad)
    .Doc("X@GRAD[i] = the part of Out@GRAD that came from X[i].")
    .Source("names of Paddle's tensor_array_to_tensor_grad")
    .Input("X", "of the forward operator")
    .Input("Out@GRAD", "like Out")
    .Output("X@GRAD", "tensor array like X")
    .Attr("axis", 0, "where they were joined")
    .Attr("use_stack", false, "along a new axis")
    .InferShape([](InferContext& c) {
      TensorMeta out = c.Input("X");
      out.kind = VarKind::kLodTensorArray;
      c.SetOutput("X@GRAD", out);
    })
    .Dynamic(Part);

}  // namespace
}  // namespace skiff
