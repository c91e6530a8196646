// Padding: pad (any axis, a constant), pad2d and pad3d (constant, reflect, replicate, circular).
#include "framework/op/op_schema.h"
#include "operators/kernel/add_to.h"
#include "operators/kernel/complex.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/spans.h"

namespace skiff {

namespace {

enum class PadMode { kConstant, kReflect, kReplicate, kCircular };

/// A tensor seen as [outer, depth, height, width, inner]; the arrays hold depth, height, width.
struct Padding {
  int64_t outer = 1, in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, before[3] = {0, 0, 0}, inner = 1;
  PadMode mode = PadMode::kConstant;
  double value = 0;

  SKIFF_HD int64_t InRows() const { return in[0] * in[1]; }
  SKIFF_HD int64_t OutRows() const { return out[0] * out[1]; }
  // Where output position o of an axis comes from; -1 from nowhere.
  SKIFF_HD int64_t From(int axis, int64_t o) const {
    const int64_t n = in[axis];
    int64_t i = o - before[axis];
    if (i >= 0 && i < n) return i;
    if (mode == PadMode::kConstant) return -1;
    if (mode == PadMode::kReplicate) return i < 0 ? 0 : n - 1;
    if (mode == PadMode::kCircular) return (i % n + n) % n;
    return i < 0 ? -i : 2 * (n - 1) - i;
  }
};

template <typename T>
struct PadRow {
  Padding p;
  T value;
  const T* x;
  T* out;
  SKIFF_HD void Span(int64_t row, int64_t begin, int64_t end) const {
    const int64_t outer = row / p.OutRows();
    const int64_t d = p.From(0, row / p.out[1] % p.out[0]), h = p.From(1, row % p.out[1]);
    T* to = out + row * p.out[2] * p.inner;
    const T* from = x + (outer * p.InRows() + d * p.in[1] + h) * p.in[2] * p.inner;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t w = d < 0 || h < 0 ? -1 : p.From(2, i / p.inner);
      to[i] = w < 0 ? value : from[w * p.inner + i % p.inner];
    }
  }
};

template <typename T>
struct PadRowBack {  // i counts the output; all of one `outer` belong together
  Padding p;
  const T* out_grad;
  T* x_grad;
  SKIFF_HD void One(int64_t i) const {
    const int64_t inner = i % p.inner, column = i / p.inner % p.out[2], row = i / p.inner / p.out[2];
    const int64_t d = p.From(0, row / p.out[1] % p.out[0]), h = p.From(1, row % p.out[1]), w = p.From(2, column);
    if (d < 0 || h < 0 || w < 0) return;
    const int64_t at = ((row / p.OutRows() * p.in[0] + d) * p.in[1] + h) * p.in[2] + w;
    AddTo(x_grad + at * p.inner + inner, static_cast<double>(LoadElement(out_grad[i])));
  }
};

/// How an operator's paddings lie: the number of spatial axes and whether the last axis comes first.
struct PadForm {
  int axes;
  bool last_first;
};
PadForm PadFormOf(const std::string& type) {
  return type.find("pad2d") != std::string::npos ? PadForm{2, false} : PadForm{3, true};
}

[[maybe_unused]] std::vector<int64_t> KnownPaddings(const PrepareContext& c) {
  return DecidedInts(c, "", "Paddings", "paddings");
}

/// @param x      Shape without padding.
/// @param sizes  Numbers as in the attribute.
/// @throws InvalidArgument where they do not fit; extents of -1 stay.
Padding ReadPadding(const Attrs& attrs, const PadForm& form, const Shape& x, const std::vector<int64_t>& sizes) {
  const int rank = form.axes + 2;
  SKIFF_ENFORCE(x.rank() == rank, InvalidArgument, "X is ", x, "; expected ", rank, " axes: batch, channels, ",
                form.axes == 3 ? "depth, " : "", "height, width in the order of data_format");
  SKIFF_ENFORCE(static_cast<int>(sizes.size()) == 2 * form.axes, InvalidArgument, "paddings has ", sizes.size(),
                " numbers; expected ", 2 * form.axes,
                form.axes == 3 ? " (left, right, top, bottom, front, back)" : " (top, bottom, left, right)");
  const auto mode = attrs.Get<std::string>("mode");
  const auto format = attrs.Get<std::string>("data_format");
  const bool last = format == "NHWC" || format == "NDHWC";
  SKIFF_ENFORCE(last || format == "NCHW" || format == "NCDHW" || format == "AnyLayout", InvalidArgument, "data_format is \"",
                format, "\"; expected channels first or last: NCHW, NHWC, NCDHW, NDHWC");
  Padding p;
  if (mode == "reflect") p.mode = PadMode::kReflect;
  else if (mode == "replicate" || mode == "edge") p.mode = PadMode::kReplicate;
  else if (mode == "circular") p.mode = PadMode::kCircular;
  else SKIFF_ENFORCE(mode == "constant", InvalidArgument, "mode is \"", mode, "\"; expected constant, reflect, replicate or circular");
  p.outer = last ? x[0] : x[0] * x[1];
  p.inner = last ? x[rank - 1] : 1;
  p.value = attrs.Get<float>(form.axes == 3 ? "value" : "pad_value");
  for (int i = 0; i < form.axes; ++i) {
    const int axis = 3 - form.axes + i, at = 2 * (form.last_first ? form.axes - 1 - i : i);
    const int64_t before = sizes[at], after = sizes[at + 1], n = x[(last ? 1 : 2) + i];
    p.in[axis] = n;
    p.before[axis] = before;
    p.out[axis] = n < 0 ? -1 : n + before + after;
    if (n < 0) continue;
    SKIFF_ENFORCE(p.out[axis] > 0 || n == 0, InvalidArgument, "X is ", x, " and paddings ", before, " and ", after,
                  " leave nothing of an axis of ", n, " elements");
    const int64_t most = p.mode == PadMode::kReflect ? n - 1 : n;
    SKIFF_ENFORCE(p.mode == PadMode::kConstant || p.mode == PadMode::kReplicate || (before <= most && after <= most), InvalidArgument,
                  "paddings ", before, " and ", after, " of an axis with ", n, " elements: ", mode, " takes at most ", most);
    SKIFF_ENFORCE(p.mode != PadMode::kReplicate || n > 0, InvalidArgument, "X is ", x, " and has nothing to replicate");
  }
  return p;
}

Shape PaddedShape(const Padding& p, const PadForm& form, const Shape& x, bool last) {
  Shape out = x;
  for (int i = 0; i < form.axes; ++i) out[(last ? 1 : 2) + i] = p.out[3 - form.axes + i];
  return out;
}

[[maybe_unused]] bool IsLast(const Attrs& attrs) {
  const auto format = attrs.Get<std::string>("data_format");
  return format == "NHWC" || format == "NDHWC";
}

[[maybe_unused]] void InferPadSpatial(InferContext& c, const char* in, const char* out) {
  const TensorMeta& x = c.Input(in);
  const PadForm form = PadFormOf(c.type());
  const MaybeInts sizes = DecidedInts(c, "", "Paddings", "paddings");
  std::vector<int64_t> known;
  for (const auto& size : sizes) known.push_back(size.value_or(0));
  Shape shape = PaddedShape(ReadPadding(c.attrs(), form, x.shape, known), form, x.shape, IsLast(c.attrs()));
  const bool unknown = std::any_of(sizes.begin(), sizes.end(), [](const auto& size) { return !size; });
  for (int i = 0; unknown && i < form.axes; ++i) shape[(IsLast(c.attrs()) ? 1 : 2) + i] = -1;
  c.SetOutput(out, TensorMeta{shape, x.dtype, x.lod_level});
}

/// The kernel that pads input 0; also the second gradient, whose constant is 0.
template <bool kIsGradient>
struct PadSpatial {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    Padding p = ReadPadding(c.attrs(), PadFormOf(c.op().type), c.inputs.at(0).shape, KnownPaddings(c));
    if (kIsGradient) p.value = 0;
    const T value = StoreElement<T>(static_cast<Compute<T>>(p.value));
    return MakeKernel([p, value](const KernelArgs& args) {
      ForEachSpan(p.outer * p.OutRows(), p.out[2] * p.inner, args,
                  PadRow<T>{p, value, static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[0])});
    });
  }
};

struct PadSpatialGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Output("X@GRAD").shape;
    const Padding p = ReadPadding(c.attrs(), PadFormOf(c.op().type), x, KnownPaddings(c));
    return MakeKernel([p, bytes = x.NumElements() * sizeof(T), dout = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      FillZero(args.out[0], bytes, args);
      ForEachInGroups(p.outer, p.OutRows() * p.out[2] * p.inner, args,
                      PadRowBack<T>{p, static_cast<const T*>(args.in[dout]), static_cast<T*>(args.out[0])});
    });
  }
};

[[maybe_unused]] std::vector<Operator> MakeSecondPadGrad(const GradContext& g) {
  Operator op{"pad3d_double_grad", {{"grad_x@GRAD", g.OutGrad("X@GRAD")}}, {{"grad_out@GRAD", g.InGrad("Out@GRAD")}}, g.fwd.attrs};
  if (!g.In("Paddings").empty()) op.inputs.Set("Paddings", g.In("Paddings"));
  return {op};
}

// ---- pad: any axis, a constant -----------------------------------------------------------------------------

[[maybe_unused]] Shape PaddedEverywhere(const Attrs& attrs, const Shape& x, int sign) {
  const auto sizes = attrs.Get<std::vector<int64_t>>("paddings");
  SKIFF_ENFORCE(static_cast<int>(sizes.size()) == 2 * x.rank(), InvalidArgument, "paddings has ", sizes.size(),
                " numbers for an X of shape ", x, "; expected two for each axis: before, after");
  Shape out = x;
  for (int i = 0; i < x.rank(); ++i) {
    SKIFF_ENFORCE(sizes[2 * i] >= 0 && sizes[2 * i + 1] >= 0, InvalidArgument, "paddings has the negative number ",
                  std::min(sizes[2 * i], sizes[2 * i + 1]), " for axis ", i);
    if (x[i] >= 0) out[i] = x[i] + sign * (sizes[2 * i] + sizes[2 * i + 1]);
    SKIFF_ENFORCE(x[i] < 0 || out[i] >= 0, InvalidArgument, "axis ", i, " of ", x, " is less than its paddings");
  }
  return out;
}

/// `inner` in the middle of `outer`.
BoxStrides Inside(const Attrs& attrs, const Shape& outer) {
  BoxStrides box = Contiguous(outer);
  const auto sizes = attrs.Get<std::vector<int32_t>>("paddings");
  for (int i = 0; i < outer.rank(); ++i) box.offset += sizes[2 * i] * box.steps[i];
  return box;
}

template <typename T>
struct FillWith {
  T value;
  T* out;
  SKIFF_HD void operator()(int64_t i) const { out[i] = value; }
};

struct PadAny {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape &x = c.Input("X").shape, &out = c.Output("Out").shape;
    const float around = c.Attr<float>("pad_value");
    T value;
    if constexpr (std::is_arithmetic_v<Compute<T>>) value = StoreElement<T>(static_cast<Compute<T>>(around));
    else value = T(around);  // complex
    const StridedCopy copy({x.begin(), x.end()}, Contiguous(x), Inside(c.attrs(), out), sizeof(T));
    return MakeKernel([=, n = out.NumElements()](const KernelArgs& args) {
      ForEach(n, kElementGrain, args, FillWith<T>{value, static_cast<T*>(args.out[0])});
      copy.Run(args.in[0], args.out[0], args);
    });
  }
};

struct PadAnyGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape &x = c.Output("X@GRAD").shape, &out = c.Input("Out@GRAD").shape;
    auto kernel = std::make_unique<CopyKernel>();
    kernel->Add(StridedCopy({x.begin(), x.end()}, Inside(c.attrs(), out), Contiguous(x), sizeof(T)), c.InputIndex("Out@GRAD"), 0);
    return kernel;
  }
};

}  // namespace

#define SKIFF_PADDED float, double, Float16, BFloat16, int32_t, int64_t

SKIFF_OP(pad3d)
    .Doc("Out = X with depth, height and width padded: by a number, mirrored, by the border, or from the other end.")
    .Source("paddle.nn.functional.pad")
    .Input("X", "[batch, channels, depth, height, width], or channels last as data_format says")
    .HostInput("Paddings", "int32: paddings as a variable")
    .Output("Out", "as X, with the new extents")
    .Attr("paddings", std::vector<int32_t>{}, "left, right, top, bottom, front, back")
    .Attr("mode", "constant", "constant, reflect (without the border element), replicate or circular")
    .Attr("value", 0.0f, "of constant")
    .Attr("data_format", "NCDHW", "NCDHW or NDHWC")
    .InferShape([](InferContext& c) { InferPadSpatial(c, "X", "Out"); })
    .Gradient(StandardGrad({"X", "Paddings"}, {}, {"Out"}, {"X"}))
    .Kernel<PadSpatial<false>, SKIFF_PADDED>();

SKIFF_OP(pad3d_grad)
    .Doc("X@GRAD = the sum of Out@GRAD over the places each element was copied to.")
    .Input("X", "as in pad3d")
    .HostInput("Paddings", "as in pad3d")
    .Input("Out@GRAD", "as Out of pad3d")
    .Output("X@GRAD", "shape of X")
    .Attr("paddings", std::vector<int32_t>{}, "as in pad3d")
    .Attr("mode", "constant", "as in pad3d")
    .Attr("value", 0.0f, "not read")
    .Attr("data_format", "NCDHW", "as in pad3d")
    .InferShape(GradsLikeInputs())
    .Gradient(MakeSecondPadGrad)
    .KeyedBy("Out@GRAD")
    .Kernel<PadSpatialGrad, float, double, Float16, BFloat16>();

SKIFF_OP(pad3d_double_grad)
    .Doc("The gradient of pad3d_grad: pad3d of what comes, with zeros for the constant.")
    .Source("slots of Paddle's pad3d_double_grad")
    .Input("grad_x@GRAD", "the gradient of pad3d_grad's X@GRAD")
    .HostInput("Paddings", "as in pad3d")
    .Output("grad_out@GRAD", "as Out of pad3d")
    .Attr("paddings", std::vector<int32_t>{}, "as in pad3d")
    .Attr("mode", "constant", "as in pad3d")
    .Attr("value", 0.0f, "not read")
    .Attr("data_format", "NCDHW", "as in pad3d")
    .InferShape([](InferContext& c) { InferPadSpatial(c, "grad_x@GRAD", "grad_out@GRAD"); })
    .Kernel<PadSpatial<true>, float, double, Float16, BFloat16>();

SKIFF_OP(pad2d)
    .Doc("Out = X with height and width padded: by a number, mirrored, or by the border.")
    .Source("fluid.layers.pad2d")
    .Input("X", "[batch, channels, height, width], or channels last as data_format says")
    .HostInput("Paddings", "int32: paddings as a variable")
    .Output("Out", "as X, with the new extents")
    .Attr("paddings", std::vector<int32_t>{0, 0, 0, 0}, "top, bottom, left, right")
    .Attr("mode", "constant", "constant, reflect (without the border element) or edge")
    .Attr("pad_value", 0.0f, "of constant")
    .Attr("data_format", "NCHW", "NCHW or NHWC")
    .InferShape([](InferContext& c) { InferPadSpatial(c, "X", "Out"); })
    .Gradient(StandardGrad({"X", "Paddings"}, {}, {"Out"}, {"X"}))
    .Kernel<PadSpatial<false>, SKIFF_PADDED>();

SKIFF_OP(pad2d_grad)
    .Doc("X@GRAD = the sum of Out@GRAD over the places each element was copied to.")
    .Input("X", "as in pad2d")
    .HostInput("Paddings", "as in pad2d")
    .Input("Out@GRAD", "as Out of pad2d")
    .Output("X@GRAD", "shape of X")
    .Attr("paddings", std::vector<int32_t>{0, 0, 0, 0}, "as in pad2d")
    .Attr("mode", "constant", "as in pad2d")
    .Attr("pad_value", 0.0f, "not read")
    .Attr("data_format", "NCHW", "as in pad2d")
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<PadSpatialGrad, float, double, Float16, BFloat16>();

SKIFF_OP(pad)
    .Doc("Out = X with pad_value around it.")
    .Source("paddle.nn.functional.pad")
    .Input("X", "any shape")
    .Output("Out", "as X, with the new extents")
    .Attr("paddings", std::vector<int32_t>{}, "two numbers for each axis: before, after")
    .Attr("pad_value", 0.0f, "what is put around")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      c.SetOutput("Out", TensorMeta{PaddedEverywhere(c.attrs(), x.shape, 1), x.dtype, x.lod_level});
    })
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<PadAny, SKIFF_PADDED, bool, SKIFF_COMPLEX>();

SKIFF_OP(pad_grad)
    .Doc("X@GRAD = the middle of Out@GRAD.")
    .Input("Out@GRAD", "as Out of pad")
    .Output("X@GRAD", "as X of pad")
    .Attr("paddings", std::vector<int32_t>{}, "as in pad")
    .Attr("pad_value", 0.0f, "not read")
    .InferShape([](InferContext& c) {
      const TensorMeta& out = c.Input("Out@GRAD");
      c.SetOutput("X@GRAD", TensorMeta{PaddedEverywhere(c.attrs(), out.shape, -1), out.dtype, out.lod_level});
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator op{"pad", {{"X", g.OutGrad("X@GRAD")}}, {{"Out", g.InGrad("Out@GRAD")}}, g.fwd.attrs};
      op.attrs.Set("pad_value", 0.0f);
      return {op};
    })
    .Kernel<PadAnyGrad, float, double, Float16, BFloat16, SKIFF_COMPLEX>();

}  // namespace skiff
