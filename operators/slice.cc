// slice and strided_slice: a box of the input, with steps. Starts, ends and strides may be tensors.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/strided.h"
#include "operators/slice_range.h"

namespace skiff {

namespace {

// Axis by axis what is taken of the input.
template <typename Ints>
struct Bounds {
  std::vector<int64_t> axes;
  Ints starts, ends, strides;
  bool strided;
};

template <typename Context, typename Ints = decltype(DecidedInts(std::declval<const Context&>(), "", "", ""))>
Bounds<Ints> BoundsOf(const Context& c, bool strided) {
  Bounds<Ints> b{c.template Attr<std::vector<int64_t>>("axes"),
                 DecidedInts(c, "StartsTensorList", "StartsTensor", "starts"),
                 DecidedInts(c, "EndsTensorList", "EndsTensor", "ends"), {}, strided};
  if (strided) b.strides = DecidedInts(c, "StridesTensorList", "StridesTensor", "strides");
  const size_t n = b.axes.size();
  SKIFF_ENFORCE(b.starts.size() == n && b.ends.size() == n && (!strided || b.strides.size() == n),
                InvalidArgument, "axes, starts and ends have ", n, ", ", b.starts.size(), " and ",
                b.ends.size(), " entries", strided ? StrCat(", strides ", b.strides.size()) : "",
                "; they must be equal");
  return b;
}

// Without the axes in `decrease`, which must hold one element each.
Shape Decreased(const Shape& shape, const std::vector<int64_t>& decrease) {
  bool drop[Shape::kMaxRank] = {};
  for (int64_t axis : decrease) drop[NormalizeAxis(axis, shape.rank(), "decrease_axis")] = true;
  Shape out;
  for (int i = 0; i < shape.rank(); ++i) {
    SKIFF_ENFORCE(!drop[i] || shape[i] == 1 || shape[i] == -1, InvalidArgument, "decrease_axis names ", i,
                  ", where the slice has an extent of ", shape[i], "; it must be 1");
    if (!drop[i]) out.Append(shape[i]);
  }
  return out;
}

Range RangeOf(int64_t start, int64_t end, int64_t stride, int64_t extent, bool strided) {
  return strided ? StridedRange(start, end, stride, extent) : SliceRange(start, end, extent);
}

void InferSliceOf(InferContext& c, bool strided) {
  const TensorMeta input = c.Input("Input");
  const auto b = BoundsOf(c, strided);
  Shape out = input.shape;
  SKIFF_ENFORCE(input.shape.rank() > 0 || b.axes.empty(), InvalidArgument, "Input is a scalar; it has no axis to cut");
  bool cut[Shape::kMaxRank] = {};
  for (size_t k = 0; k < b.axes.size(); ++k) {
    const int axis = NormalizeAxis(b.axes[k], input.shape.rank(), "axes");
    SKIFF_ENFORCE(!cut[axis], InvalidArgument, "attribute axes holds axis ", axis, " twice");
    cut[axis] = true;
    const bool known = input.shape[axis] >= 0 && b.starts[k] && b.ends[k] && (!strided || b.strides[k]);
    out[axis] = known ? RangeOf(*b.starts[k], *b.ends[k], strided ? *b.strides[k] : 1,
                                input.shape[axis], strided).count
                      : -1;
  }
  const auto decrease = c.Attr<std::vector<int64_t>>("decrease_axis");
  c.SetOutput("Out", TensorMeta{Decreased(out, decrease), input.dtype});
}

[[maybe_unused]] void InferSliceGrad(InferContext& c) {
  const TensorMeta input = c.Input("Input");
  c.SetOutput("Input@GRAD", TensorMeta{input.shape, c.InputDType("Out@GRAD"), input.lod_level});
}

// The box of `input` that the operator takes: extents, and where it lies.
struct Taken {
  std::vector<int64_t> extents;
  BoxStrides in_input, alone;
};

Taken TakenOf(const PrepareContext& c, bool strided) {
  Shape extents = c.Input("Input").shape;
  Taken taken;
  taken.in_input = Contiguous(extents);
  const auto b = BoundsOf(c, strided);
  for (size_t k = 0; k < b.axes.size(); ++k) {
    const int axis = NormalizeAxis(b.axes[k], extents.rank(), "axes");
    const Range range = RangeOf(b.starts[k], b.ends[k], strided ? b.strides[k] : 1,
                                c.Input("Input").shape[axis], strided);
    extents[axis] = range.count;
    taken.in_input.offset += range.start * taken.in_input.steps[axis];
    if (range.count > 1) taken.in_input.steps[axis] *= range.stride;  // else no step is taken, and a long one may overflow
  }
  taken.alone = Contiguous(extents);
  taken.extents = extents.ToVector();
  return taken;
}

template <bool kStrided>
struct Slice {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Taken taken = TakenOf(c, kStrided);
    auto kernel = std::make_unique<CopyKernel>();
    kernel->Add(StridedCopy(taken.extents, taken.in_input, taken.alone, SizeOf(c.Input("Input").dtype)),
                c.InputIndex("Input"), c.OutputIndex("Out"));
    return kernel;
  }
};

// Zero everywhere but in the box.
template <bool kStrided>
struct SliceGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Taken taken = TakenOf(c, kStrided);
    const Shape& out_grad = c.Input("Out@GRAD").shape;
    SKIFF_ENFORCE(out_grad.NumElements() == Shape(taken.extents).NumElements(), InvalidArgument, "Out@GRAD is ", out_grad,
                  ", the slice of Input is ", Shape(taken.extents), "; they must have as many elements");
    const size_t element_bytes = SizeOf(c.Input("Out@GRAD").dtype);
    auto kernel = std::make_unique<CopyKernel>();
    kernel->ZeroFirst(c.OutputIndex("Input@GRAD"),
                      c.Input("Input").shape.NumElements() * element_bytes);
    kernel->Add(StridedCopy(taken.extents, taken.alone, taken.in_input, element_bytes),
                c.InputIndex("Out@GRAD"), c.OutputIndex("Input@GRAD"));
    return kernel;
  }
};

}  // namespace

SKIFF_OP(slice)
    .Doc("Out is Input[starts:ends] along `axes`, then without the axes in decrease_axis.")
    .Source("paddle.slice; starts and ends are clamped to the extent")
    .Input("Input", "any shape and dtype")
    .HostInput("StartsTensor", "goes before the attribute")
    .HostInput("EndsTensor", "goes before the attribute")
    .HostInputs("StartsTensorList", "one integer each; goes before StartsTensor")
    .HostInputs("EndsTensorList", "one integer each; goes before EndsTensor")
    .Output("Out", "dtype of Input")
    .RequiredAttr<std::vector<int32_t>>("axes", "axes that are cut")
    .Attr("starts", std::vector<int32_t>{}, "first index, from the end when negative")
    .Attr("ends", std::vector<int32_t>{}, "index behind the last one")
    .Attr("infer_flags", std::vector<int32_t>{}, "-1 where a tensor gives start or end; not read")
    .Attr("decrease_axis", std::vector<int32_t>{}, "axes of one index, dropped from Out")
    .InferShape([](InferContext& c) { InferSliceOf(c, false); })
    .Gradient(StandardGrad({"Input", "StartsTensor", "EndsTensor", "StartsTensorList", "EndsTensorList"},
                           {}, {"Out"}, {"Input"}))
    .Kernel<Slice<false>, AnyDType>();

SKIFF_OP(slice_grad)
    .Doc("Input@GRAD is Out@GRAD at the slice and zero elsewhere.")
    .Input("Input", "input of slice; only its shape matters")
    .Input("Out@GRAD", "shape of Out")
    .HostInput("StartsTensor", "as in slice")
    .HostInput("EndsTensor", "as in slice")
    .HostInputs("StartsTensorList", "as in slice")
    .HostInputs("EndsTensorList", "as in slice")
    .Output("Input@GRAD", "shape of Input")
    .RequiredAttr<std::vector<int32_t>>("axes", "as in slice")
    .Attr("starts", std::vector<int32_t>{}, "as in slice")
    .Attr("ends", std::vector<int32_t>{}, "as in slice")
    .Attr("infer_flags", std::vector<int32_t>{}, "as in slice")
    .Attr("decrease_axis", std::vector<int32_t>{}, "as in slice")
    .InferShape(InferSliceGrad)
    .Gradient(ForwardAgain("slice", "Input", "Out", {"StartsTensor", "EndsTensor", "StartsTensorList", "EndsTensorList"}))
    .KeyedBy("Out@GRAD")
    .Kernel<SliceGrad<false>, AnyDType>();

SKIFF_OP(strided_slice)
    .Doc("Out is Input[starts:ends:strides] along `axes`; a negative stride goes backwards.")
    .Source("paddle.strided_slice; with a negative stride an end of -1 includes index 0")
    .Input("Input", "any shape and dtype")
    .HostInput("StartsTensor", "goes before the attribute")
    .HostInputs("StartsTensorList", "one integer each; goes before StartsTensor")
    .HostInput("EndsTensor", "goes before the attribute")
    .HostInputs("EndsTensorList", "one integer each; goes before EndsTensor")
    .HostInput("StridesTensor", "goes before the attribute")
    .HostInputs("StridesTensorList", "one integer each; goes before StridesTensor")
    .Output("Out", "dtype of Input")
    .RequiredAttr<std::vector<int32_t>>("axes", "axes that are cut")
    .Attr("starts", std::vector<int32_t>{}, "first index, from the end when negative")
    .Attr("ends", std::vector<int32_t>{}, "index behind the last one")
    .Attr("strides", std::vector<int32_t>{}, "steps, not 0")
    .Attr("infer_flags", std::vector<int32_t>{}, "-1 where a tensor gives a bound; not read")
    .Attr("decrease_axis", std::vector<int32_t>{}, "axes of one index, dropped from Out")
    .InferShape([](InferContext& c) { InferSliceOf(c, true); })
    .Gradient(StandardGrad({"Input", "StartsTensor", "EndsTensor", "StridesTensor", "StartsTensorList",
                            "EndsTensorList", "StridesTensorList"}, {}, {"Out"}, {"Input"}))
    .Kernel<Slice<true>, AnyDType>();

SKIFF_OP(strided_slice_grad)
    .Doc("Input@GRAD is Out@GRAD at the slice and zero elsewhere.")
    .Input("Input", "input of strided_slice; only its shape matters")
    .Input("Out@GRAD", "shape of Out")
    .HostInput("StartsTensor", "as in strided_slice")
    .HostInputs("StartsTensorList", "as in strided_slice")
    .HostInput("EndsTensor", "as in strided_slice")
    .HostInputs("EndsTensorList", "as in strided_slice")
    .HostInput("StridesTensor", "as in strided_slice")
    .HostInputs("StridesTensorList", "as in strided_slice")
    .Output("Input@GRAD", "shape of Input")
    .RequiredAttr<std::vector<int32_t>>("axes", "as in strided_slice")
    .Attr("starts", std::vector<int32_t>{}, "as in strided_slice")
    .Attr("ends", std::vector<int32_t>{}, "as in strided_slice")
    .Attr("strides", std::vector<int32_t>{}, "as in strided_slice")
    .Attr("infer_flags", std::vector<int32_t>{}, "as in strided_slice")
    .Attr("decrease_axis", std::vector<int32_t>{}, "as in strided_slice")
    .InferShape(InferSliceGrad)
    .KeyedBy("Out@GRAD")
    .Kernel<SliceGrad<true>, AnyDType>();

}  // namespace skiff
