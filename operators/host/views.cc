// Other views of a tensor's memory: as_strided, tensor_unfold, index_select_strided, view_shape, view_dtype. Here the result is
// a tensor of its own, since no other variable's memory is shared; a gradient adds up where elements were seen twice.
#include <cstring>

#include "operators/host/sequences.h"

namespace skiff {

namespace {

/// Which element of the input each element of the result is.
struct Strided {
  Shape shape;
  std::vector<int64_t> strides;
  int64_t offset = 0;

  std::vector<int64_t> Positions(const Shape& input) const {
    std::vector<int64_t> positions(shape.NumElements());
    for (size_t i = 0; i < positions.size(); ++i) {
      int64_t at = offset, rest = static_cast<int64_t>(i);
      for (int d = shape.rank() - 1; d >= 0; --d) {
        at += rest % shape[d] * strides[d];
        rest /= shape[d];
      }
      SKIFF_ENFORCE(at >= 0 && at < input.NumElements(), OutOfRange, "the view reaches element ", at, " of an input ", input);
      positions[i] = at;
    }
    return positions;
  }
};

std::vector<int64_t> StridesOf(const Shape& shape) {
  std::vector<int64_t> strides(shape.rank(), 1);
  for (int d = shape.rank() - 2; d >= 0; --d) strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

Strided AsStrided(const Attrs& attrs, const Shape&, DType dtype) {
  const auto dims = attrs.Get<std::vector<int64_t>>("dims"), strides = attrs.Get<std::vector<int64_t>>("stride");
  SKIFF_ENFORCE(dims.size() == strides.size(), InvalidArgument, "attribute dims has ", dims.size(), " elements, stride ",
                strides.size(), "; they must be equal");
  for (int64_t extent : dims) SKIFF_ENFORCE(extent >= 0, InvalidArgument, "attribute dims holds ", extent);
  const int64_t offset = attrs.Get<int64_t>("offset");
  const int64_t size = dtype == DType::kUndefined ? 1 : static_cast<int64_t>(SizeOf(dtype));
  SKIFF_ENFORCE(offset >= 0 && offset % size == 0, InvalidArgument, "attribute offset is ", offset, " bytes; elements have ", size);
  return {Shape(dims), strides, offset / size};
}

Strided UnfoldView(const Attrs& attrs, const Shape& input, DType) {
  const int64_t size = attrs.Get<int64_t>("size"), step = attrs.Get<int64_t>("step");
  const int axis = NormalizeAxis(attrs.Get<int64_t>("axis"), input.rank());
  SKIFF_ENFORCE(size >= 0 && step > 0 && (input[axis] < 0 || size <= input[axis]), InvalidArgument, "windows of ", size, " every ",
                step, " along axis ", axis, " of ", input, "; expected a size within the axis and a step above 0");
  Strided s{input, StridesOf(input)};
  s.strides.push_back(s.strides[axis]);
  s.shape[axis] = input[axis] < 0 ? -1 : (input[axis] - size) / step + 1;
  if (s.shape[axis] > 1) s.strides[axis] *= step;  // else no step is taken, and a long one may overflow
  s.shape.Append(size);
  return s;
}

Strided Select(const Attrs& attrs, const Shape& input, DType) {
  const int axis = NormalizeAxis(attrs.Get<int64_t>("axis"), input.rank());
  const int64_t index = attrs.Get<int64_t>("index");
  SKIFF_ENFORCE(index >= 0 && (input[axis] < 0 || index < input[axis]), OutOfRange, "attribute index is ", index, ", axis ", axis,
                " of ", input);
  const std::vector<int64_t> all = StridesOf(input);
  Strided s{Shape{}, {}, index * all[axis]};
  for (int d = 0; d < input.rank(); ++d) {
    if (d == axis) continue;
    s.shape.Append(input[d]);
    s.strides.push_back(all[d]);
  }
  return s;
}

using ViewFn = Strided (*)(const Attrs&, const Shape&, DType);

template <ViewFn View>
void Look(DynamicContext& c, const char* in, const char* out) {
  const Tensor x = host::In(c, in);
  const Strided view = View(c.attrs(), x.shape(), x.dtype());
  Tensor result(view.shape, x.dtype());
  const size_t bytes = SizeOf(x.dtype());
  char* to = static_cast<char*>(result.raw_data());
  for (int64_t at : view.Positions(x.shape())) {
    std::memcpy(to, static_cast<const char*>(x.raw_data()) + at * bytes, bytes);
    to += bytes;
  }
  host::Out(c, out, result);
}

template <ViewFn View>
void LookGrad(DynamicContext& c, const char* in, const char* out) {
  const Tensor& x = c.InputTensor(in);
  const std::vector<double> dout = Doubles(c.InputTensor(std::string(out) + "@GRAD"));
  std::vector<double> dx(x.num_elements(), 0.0);
  size_t i = 0;
  for (int64_t at : View(c.attrs(), x.shape(), x.dtype()).Positions(x.shape())) dx[at] += dout.at(i++);
  host::Out(c, std::string(in) + "@GRAD", FromDoubles(x.shape(), x.dtype(), dx));
}

template <ViewFn View>
InferFn InferView(const char* in, const char* out) {
  return [=](InferContext& c) { c.SetOutput(out, View(c.attrs(), c.InputShape(in), c.InputDType(in)).shape, c.InputDType(in)); };
}

// The same bytes with another shape or dtype.
void Reinterpret(DynamicContext& c, const char* in, const char* out, const Shape& shape, DType dtype) {
  const Tensor x = host::In(c, in);
  Tensor result(shape, dtype);
  SKIFF_ENFORCE(result.bytes() == x.bytes(), InvalidArgument, in, " ", x.dtype(), " ", x.shape(), " cannot be seen as ", dtype, " ",
                shape, ": that has another size");
  if (x.bytes() > 0) std::memcpy(result.raw_data(), x.raw_data(), x.bytes());
  host::Out(c, out, result);
}

DType ViewDType(const Attrs& attrs, DType given) {
  const DType dtype = host::DTypeOf(attrs);
  return dtype == DType::kUndefined ? given : dtype;
}

Shape ViewDTypeShape(const Attrs& attrs, Shape shape, DType given) {
  if (given == DType::kUndefined) return shape;
  const int64_t from = static_cast<int64_t>(SizeOf(given)), to = static_cast<int64_t>(SizeOf(ViewDType(attrs, given)));
  if (from == to) return shape;
  SKIFF_ENFORCE(shape.rank() > 0, InvalidArgument, "a 0-D ", given, " cannot be seen as a dtype of another size");
  int64_t& last = shape[shape.rank() - 1];
  if (last < 0) return shape;
  SKIFF_ENFORCE(last * from % to == 0, InvalidArgument, "the last axis of ", shape, " has ", last * from, " bytes; elements of ", to,
                " do not fill it");
  last = last * from / to;
  return shape;
}

Shape ViewShape(const Attrs& attrs, const Shape& input) {
  Shape shape(attrs.Get<std::vector<int64_t>>("dims"));
  int unknown = -1;
  int64_t known = 1;
  for (int d = 0; d < shape.rank(); ++d) {
    SKIFF_ENFORCE(shape[d] >= -1 && (shape[d] >= 0 || unknown < 0), InvalidArgument, "attribute dims is ", shape,
                  "; at most one extent may be -1");
    if (shape[d] < 0) unknown = d;
    else known *= shape[d];
  }
  if (unknown >= 0 && input.IsKnown() && known > 0) shape[unknown] = input.NumElements() / known;
  return shape;
}

}  // namespace

#define SKIFF_STRIDED(type, view, in, doc, result)                                          \
  SKIFF_OP(type)                                                                            \
      .Doc(doc)                                                                             \
      .Source("names of Paddle's " #type)                                                   \
      .Input(in, "any shape and dtype")                                                     \
      .Output("out", result)                                                                \
      .InferShape(InferView<view>(in, "out"))                                               \
      .Gradient(StandardGrad({in}, {}, {"out"}, {in}))                                      \
      .Dynamic([](DynamicContext& c) { Look<view>(c, in, "out"); })
#define SKIFF_STRIDED_GRAD(type, view, in)                                                  \
  SKIFF_OP(type##_grad)                                                                     \
      .Doc("The gradient of " #type ", summed where elements were seen twice.")             \
      .Source("derivative of " #type)                                                       \
      .Input(in, "of " #type)                                                               \
      .Input("out@GRAD", "shape of out")                                                    \
      .Output(in "@GRAD", "shape and dtype of the input")                                   \
      .InferShape(GradsLikeInputs())                                                        \
      .Dynamic([](DynamicContext& c) { LookGrad<view>(c, in, "out"); })

#define SKIFF_AS_STRIDED_ATTRS                                                              \
  .RequiredAttr<std::vector<int64_t>>("dims", "extents of out")                             \
      .RequiredAttr<std::vector<int64_t>>("stride", "elements from one index to the next")  \
      .Attr("offset", int64_t{0}, "bytes to the first element")
SKIFF_STRIDED(as_strided, AsStrided, "input",
              "out[i, j, ...] is element i stride[0] + j stride[1] + ... of input, counted from the one at `offset`.", "[dims]")
SKIFF_AS_STRIDED_ATTRS;
SKIFF_STRIDED_GRAD(as_strided, AsStrided, "input") SKIFF_AS_STRIDED_ATTRS;

#define SKIFF_UNFOLD_ATTRS                                                                  \
  .RequiredAttr<int64_t>("axis", "axis of the windows; negative from the end")              \
      .RequiredAttr<int64_t>("size", "elements of a window")                                \
      .RequiredAttr<int64_t>("step", "elements from one window to the next")
SKIFF_STRIDED(tensor_unfold, UnfoldView, "input", "All windows along an axis; their elements are a new last axis.",
              "input's shape with as many windows on `axis`, then size")
SKIFF_UNFOLD_ATTRS;
SKIFF_STRIDED_GRAD(tensor_unfold, UnfoldView, "input") SKIFF_UNFOLD_ATTRS;

#define SKIFF_SELECT_ATTRS                                                                  \
  .RequiredAttr<int64_t>("index", "which slice")                                            \
      .Attr("axis", 0, "of which axis; negative from the end")
SKIFF_STRIDED(index_select_strided, Select, "x", "The slice `index` of an axis.", "x's shape without the axis")
SKIFF_SELECT_ATTRS;
SKIFF_STRIDED_GRAD(index_select_strided, Select, "x") SKIFF_SELECT_ATTRS;

SKIFF_OP(view_shape)
    .Doc("out is input with another shape.")
    .Source("names of Paddle's view_shape")
    .Input("input", "any shape and dtype")
    .Output("out", "[dims]")
    .RequiredAttr<std::vector<int64_t>>("dims", "extents; one may be -1, for what the others leave")
    .InferShape([](InferContext& c) { c.SetOutput("out", ViewShape(c.attrs(), c.InputShape("input")), c.InputDType("input")); })
    .Gradient(StandardGrad({"input"}, {}, {"out"}, {"input"}))
    .Dynamic([](DynamicContext& c) {
      const Tensor& x = c.InputTensor("input");
      Reinterpret(c, "input", "out", ViewShape(c.attrs(), x.shape()), x.dtype());
    });

SKIFF_OP(view_shape_grad)
    .Doc("out@GRAD with the shape of input.")
    .Source("derivative of view_shape")
    .Input("input", "only its shape matters")
    .Input("out@GRAD", "shape of out")
    .Output("input@GRAD", "shape of input")
    .RequiredAttr<std::vector<int64_t>>("dims", "of view_shape")
    .InferShape(GradsLikeInputs())
    .Dynamic([](DynamicContext& c) {
      Reinterpret(c, "out@GRAD", "input@GRAD", c.InputTensor("input").shape(), c.InputTensor("out@GRAD").dtype());
    });

SKIFF_OP(view_dtype)
    .Doc("out is input's bytes read as another dtype; the last axis grows or shrinks with the elements' size.")
    .Source("names of Paddle's view_dtype")
    .Input("input", "any shape and dtype")
    .Output("out", "dtype of the attribute")
    .RequiredAttr<int32_t>("dtype", "code of the dtype")
    .InferShape([](InferContext& c) {
      const DType given = c.InputDType("input");
      c.SetOutput("out", ViewDTypeShape(c.attrs(), c.InputShape("input"), given), ViewDType(c.attrs(), given));
    })
    .Gradient(StandardGrad({"input"}, {}, {"out"}, {"input"}))
    .Dynamic([](DynamicContext& c) {
      const Tensor& x = c.InputTensor("input");
      Reinterpret(c, "input", "out", ViewDTypeShape(c.attrs(), x.shape(), x.dtype()), ViewDType(c.attrs(), x.dtype()));
    });

SKIFF_OP(view_dtype_grad)
    .Doc("out@GRAD's bytes read as input's dtype.")
    .Source("Paddle's view_dtype_grad")
    .Input("input", "only its shape and dtype matter")
    .Input("out@GRAD", "shape of out")
    .Output("input@GRAD", "shape and dtype of input")
    .RequiredAttr<int32_t>("dtype", "of view_dtype")
    .InferShape(GradsLikeInputs())
    .Dynamic([](DynamicContext& c) {
      const Tensor& x = c.InputTensor("input");
      Reinterpret(c, "out@GRAD", "input@GRAD", x.shape(), x.dtype());
    });

}  // namespace skiff
