// Resizing signals, images and volumes: linear_interp, bilinear_interp, trilinear_interp, bicubic_interp,
// nearest_interp, and their _v2, whose scale has a number for each axis.
//
// Along each axis an output element is a weighted sum of one (nearest), two (linear) or four (cubic)
// neighbours; an image's weights are the products of its axes'. Positions are computed in float, as Paddle
// does, so that ties fall alike.
#include "framework/op/op_schema.h"
#include "operators/kernel/add_to.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/spans.h"

namespace skiff {

namespace interpolation {  // with a name: nvcc does not find these functors in the anonymous namespace of every unit

enum class Sampler { kNearest = 1, kLinear = 2, kCubic = 4 };  // the values are neighbours along an axis

struct ResizedAxis {
  int64_t in = 1, out = 1;
  float ratio = 0;
};

/// [batch, channels, depth, height, width], or channels last; axes that a signal or an image lacks are 1.
struct Resize {
  int64_t batch = 0, channels = 0;
  ResizedAxis axis[3];
  bool channels_last = false, align_corners = true, half_pixels = false;
  bool same_extents = false;  // nothing is resized, whatever the ratios

  SKIFF_HD int64_t InPixels() const { return axis[0].in * axis[1].in * axis[2].in; }
  SKIFF_HD int64_t OutPixels() const { return axis[0].out * axis[1].out * axis[2].out; }
};

template <typename C, Sampler sampler>
struct Neighbours {
  static constexpr int kMost = static_cast<int>(sampler);
  int64_t at[kMost];
  C weight[kMost];
  int count = kMost;

  SKIFF_HD Neighbours(const Resize& r, const ResizedAxis& a, int64_t o) {
    const float x = static_cast<float>(o);
    if (a.in == 1 || r.same_extents) {
      at[0] = a.in == 1 ? 0 : o;
      weight[0] = 1;
      count = 1;
    } else if constexpr (sampler == Sampler::kNearest) {
      at[0] = Clamp(static_cast<int64_t>(a.ratio * x + (r.align_corners ? 0.5f : 0.0f)), a.in);
      weight[0] = 1;
    } else if constexpr (sampler == Sampler::kLinear) {
      const float from = math::Max(r.half_pixels ? a.ratio * (x + 0.5f) - 0.5f : a.ratio * x, 0.0f);
      at[0] = Clamp(static_cast<int64_t>(from), a.in);
      at[1] = Clamp(at[0] + 1, a.in);
      const float upper = from - static_cast<float>(at[0]);
      weight[0] = static_cast<C>(1 - upper);
      weight[1] = static_cast<C>(upper);
    } else {
      const double middle = static_cast<double>(a.ratio) * (static_cast<double>(o) + 0.5) - 0.5;
      const C from = static_cast<C>(r.align_corners ? static_cast<double>(a.ratio * x) : middle);
      const C low = math::Floor(from), t = from - low;
      for (int k = 0; k < 4; ++k) {
        at[k] = Clamp(static_cast<int64_t>(low) - 1 + k, a.in);
        weight[k] = Cubic(math::Abs(t + static_cast<C>(1 - k)));
      }
    }
  }
  SKIFF_HD static int64_t Clamp(int64_t i, int64_t extent) { return i < 0 ? 0 : i < extent ? i : extent - 1; }
  // Keys' kernel with a = -0.75.
  SKIFF_HD static C Cubic(C d) {
    constexpr C a = C(-0.75);
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  }
};

/// What a row of the output has in common: its plane and its neighbours along depth and height.
template <typename C, Sampler sampler>
struct ResizedRow {
  int64_t in_base, out_base, step;  // of pixel 0 of the plane, of the row's first element; between pixels
  Neighbours<C, sampler> depth, height;

  SKIFF_HD ResizedRow(const Resize& r, int64_t row)
      : depth(r, r.axis[0], row / r.axis[1].out % r.axis[0].out), height(r, r.axis[1], row % r.axis[1].out) {
    const int64_t plane = row / r.axis[1].out / r.axis[0].out, pixel = row % (r.axis[0].out * r.axis[1].out) * r.axis[2].out;
    step = r.channels_last ? r.channels : 1;
    const int64_t n = plane / r.channels, c = plane % r.channels;
    in_base = r.channels_last ? n * r.InPixels() * r.channels + c : plane * r.InPixels();
    out_base = r.channels_last ? (n * r.OutPixels() + pixel) * r.channels + c : plane * r.OutPixels() + pixel;
  }
  // Calls f(offset of an input element, weight) for the neighbours of output element x.
  template <typename F>
  SKIFF_HD void Visit(const Resize& r, int64_t x, const F& f) const {
    const Neighbours<C, sampler> width(r, r.axis[2], x);
    for (int i = 0; i < depth.count; ++i) {
      for (int j = 0; j < height.count; ++j) {
        const int64_t row = in_base + (depth.at[i] * r.axis[1].in + height.at[j]) * r.axis[2].in * step;
        const C weight = depth.weight[i] * height.weight[j];
        for (int k = 0; k < width.count; ++k) f(row + width.at[k] * step, weight * width.weight[k]);
      }
    }
  }
};

template <typename T, Sampler sampler>
struct Interpolate {
  Resize r;
  const T* x;
  T* out;
  SKIFF_HD void Span(int64_t row, int64_t begin, int64_t end) const {
    const ResizedRow<Compute<T>, sampler> at(r, row);
    for (int64_t i = begin; i < end; ++i) {
      Compute<T> sum = 0;
      at.Visit(r, i, [&](int64_t from, Compute<T> weight) { sum += LoadElement(x[from]) * weight; });
      out[at.out_base + i * at.step] = StoreElement<T>(sum);
    }
  }
};

template <typename T, Sampler sampler>
struct InterpolateBack {  // i: (plane, depth, height, width) of the output; all of a plane belong together
  Resize r;
  const T* out_grad;
  T* x_grad;
  SKIFF_HD void One(int64_t i) const {
    const ResizedRow<Compute<T>, sampler> at(r, i / r.axis[2].out);
    const int64_t x = i % r.axis[2].out;
    const double g = static_cast<double>(LoadElement(out_grad[at.out_base + x * at.step]));
    at.Visit(r, x, [&](int64_t to, Compute<T> weight) { AddTo(x_grad + to, g * static_cast<double>(weight)); });
  }
};

// ---- shapes ------------------------------------------------------------------------------------------------

static bool ChannelsLast(const Attrs& attrs) {
  const auto layout = attrs.Get<std::string>("data_layout");
  return layout == "NHWC" || layout == "NDHWC" || layout == "NWC" || layout == "NLC";
}

/// The factor of each axis, empty where none is given. The old operators have one for all.
static std::vector<float> ScalesOf(const Attrs& attrs, int axes) {
  std::vector<float> scales;
  if (!attrs.Has("scale")) return scales;
  if (const float* scale = std::get_if<float>(attrs.Find("scale"))) {
    if (*scale > 0) scales.assign(axes, *scale);
    return scales;
  }
  scales = attrs.Get<std::vector<float>>("scale");
  if (scales.size() == 1) scales.assign(axes, scales[0]);
  SKIFF_ENFORCE(scales.empty() || static_cast<int>(scales.size()) == axes, InvalidArgument, "scale has ", scales.size(),
                " numbers; expected ", axes, ", one for each axis, or none");
  for (float scale : scales) {
    SKIFF_ENFORCE(scale > 0, InvalidArgument, "scale has the number ", scale, "; it must be positive");
  }
  return scales;
}

constexpr const char* kExtentAttrs[] = {"out_d", "out_h", "out_w"};

[[maybe_unused]] static InferFn InferInterpolate(int least_axes, int most_axes) {
  return [=](InferContext& c) {
    const TensorMeta& x = c.Input("X");
    const int axes = x.shape.rank() - 2;
    SKIFF_ENFORCE(axes >= least_axes && axes <= most_axes, InvalidArgument, "X is ", x.shape, "; ", c.type(), " takes ",
                  least_axes + 2, least_axes < most_axes ? " or 5" : "", " axes: batch, channels and those to resize, in ",
                  "the order of data_layout");
    const int first = ChannelsLast(c.attrs()) ? 1 : 2;
    for (int i = 0; i < axes; ++i) {
      SKIFF_ENFORCE(x.shape[first + i] != 0, InvalidArgument, "X is ", x.shape, "; there is nothing to resize along axis ", first + i);
    }
    const std::vector<float> scales = c.AttrVariables("scale").empty() ? ScalesOf(c.attrs(), axes) : std::vector<float>{};
    MaybeInts size = DecidedInts(c, "SizeTensor", "OutSize", "");
    SKIFF_ENFORCE(size.empty() || static_cast<int>(size.size()) == axes, InvalidArgument, "the size has ", size.size(),
                  " numbers; expected ", axes);
    const bool unknown_scale = !c.AttrVariables("scale").empty();
    Shape out = x.shape;
    for (int i = 0; i < axes; ++i) {
      int64_t& extent = out[first + i];
      if (!size.empty()) {
        const int64_t declared = c.at_runtime() ? -1 : c.Attr<int32_t>(kExtentAttrs[3 - axes + i]);  // beside a variable
        extent = size[i].value_or(declared > 0 ? declared : -1);
      } else if (unknown_scale) {
        extent = -1;
      } else if (!scales.empty()) {
        extent = extent < 0 ? -1 : static_cast<int64_t>(static_cast<float>(extent) * scales[i]);
      } else {
        extent = c.Attr<int32_t>(kExtentAttrs[3 - axes + i]);
      }
      const bool unknown = !size.empty() && !size[i];
      SKIFF_ENFORCE(extent > 0 || unknown || !c.at_runtime(), InvalidArgument, "axis ", first + i, " of the output would have the extent ",
                    extent, "; give a positive size or scale");
    }
    c.SetOutput("Out", TensorMeta{out, x.dtype, x.lod_level});
  };
}

static Resize ResizeOf(const PrepareContext& c, const Shape& x, const Shape& out) {
  Resize r;
  const int axes = x.rank() - 2;
  r.channels_last = ChannelsLast(c.attrs());
  r.batch = x[0];
  r.channels = x[r.channels_last ? axes + 1 : 1];
  r.align_corners = c.Attr<bool>("align_corners");
  r.half_pixels = c.Attr<int32_t>("align_mode") == 0 && !r.align_corners;
  // A size from variables decides the ratio by itself. The old operators' scale never does.
  const bool is_v2 = c.op().type.find("_v2") != std::string::npos;
  std::vector<float> scales;
  if (is_v2 && !c.HasInput("SizeTensor")) scales = ScalesOf(c.attrs(), axes);
  r.same_extents = x == out;
  for (int i = 0; i < axes; ++i) {
    ResizedAxis& a = r.axis[3 - axes + i];
    a.in = x[(r.channels_last ? 1 : 2) + i];
    a.out = out[(r.channels_last ? 1 : 2) + i];
    if (a.out <= 1) continue;  // the first position
    a.ratio = r.align_corners    ? static_cast<float>(a.in - 1) / static_cast<float>(a.out - 1)
              : !scales.empty() ? static_cast<float>(1.0 / static_cast<double>(scales[i]))
                                : static_cast<float>(a.in) / static_cast<float>(a.out);
  }
  return r;
}

template <Sampler sampler>
struct Interpolation {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Resize r = ResizeOf(c, c.Input("X").shape, c.Output("Out").shape);
    return MakeKernel([r, x = c.InputIndex("X")](const KernelArgs& args) {
      ForEachSpan(r.batch * r.channels * r.axis[0].out * r.axis[1].out, r.axis[2].out, args,
                  Interpolate<T, sampler>{r, static_cast<const T*>(args.in[x]), static_cast<T*>(args.out[0])});
    });
  }
};

template <Sampler sampler>
struct InterpolationGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const Resize r = ResizeOf(c, x, c.Input("Out@GRAD").shape);
    return MakeKernel([r, bytes = x.NumElements() * sizeof(T), dout = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      FillZero(args.out[0], bytes, args);
      ForEachInGroups(r.batch * r.channels, r.OutPixels(), args,
                      InterpolateBack<T, sampler>{r, static_cast<const T*>(args.in[dout]), static_cast<T*>(args.out[0])});
    });
  }
};

}  // namespace interpolation

using namespace interpolation;  // NOLINT: of this file alone

#define SKIFF_INTERP_SLOTS                                                                        \
  .HostInput("OutSize", "int32: the extents of the output, before the attributes")                \
      .HostInputs("SizeTensor", "one extent each, before all others")                             \
      .OptionalInput("Scale", "floating: scale as a variable")
#define SKIFF_INTERP_ATTRS(scale, method)                                                         \
  .Attr("data_layout", "NCHW", "channels first, or last where it ends in C")                      \
      .Attr("out_d", 0, "depth of the output where neither sizes nor scale are given")            \
      .Attr("out_h", 0, "height")                                                                 \
      .Attr("out_w", 0, "width")                                                                  \
      .Attr("scale", scale, "output extents / input extents; decides where it is given")          \
      .AttrFrom("scale", "Scale")                                                                 \
      .Attr("interp_method", method, "as the operator's name says")                               \
      .Attr("align_corners", true, "the centres of the outermost elements stay where they are")   \
      .Attr("align_mode", 1, "0: elements have extents, so that centres lie at halves; 1: they are points")

#define SKIFF_INTERP(type, least, most, sampler, scale, method)                                          \
  SKIFF_OP(type)                                                                                  \
      .Doc("Out = X resized; each element is a weighted mean of its nearest neighbours in X.")    \
      .Source("paddle.nn.functional.interpolate")                                                 \
      .Input("X", "[batch, channels, extents], or channels last as data_layout says")             \
      SKIFF_INTERP_SLOTS                                                                          \
      .Output("Out", "as X, with the new extents")                                                \
      SKIFF_INTERP_ATTRS(scale, method)                                                           \
      .InferShape(InferInterpolate(least, most))                                                         \
      .Gradient(StandardGrad({"X", "OutSize", "SizeTensor", "Scale"}, {}, {"Out"}, {"X"}))        \
      .Kernel<Interpolation<sampler>, float, double, Float16, BFloat16>();                        \
  SKIFF_OP(type##_grad)                                                                           \
      .Doc("X@GRAD = the sum of Out@GRAD by the weights with which X was read.")                  \
      .Input("X", "as in " #type)                                                                 \
      SKIFF_INTERP_SLOTS                                                                          \
      .Input("Out@GRAD", "as Out of " #type)                                                      \
      .Output("X@GRAD", "shape of X")                                                             \
      SKIFF_INTERP_ATTRS(scale, method)                                                           \
      .InferShape(GradsLikeInputs())                                                              \
      .Kernel<InterpolationGrad<sampler>, float, double, Float16, BFloat16>()
#define SKIFF_INTERP_BOTH(name, least, most, sampler, method)                                            \
  SKIFF_INTERP(name, least, most, sampler, 0.0f, method);                                                \
  SKIFF_INTERP(name##_v2, least, most, sampler, std::vector<float>{}, method)

SKIFF_INTERP_BOTH(linear_interp, 1, 1, Sampler::kLinear, "linear");
SKIFF_INTERP_BOTH(bilinear_interp, 2, 2, Sampler::kLinear, "bilinear");
SKIFF_INTERP_BOTH(trilinear_interp, 3, 3, Sampler::kLinear, "trilinear");
SKIFF_INTERP_BOTH(bicubic_interp, 2, 2, Sampler::kCubic, "bicubic");
SKIFF_INTERP_BOTH(nearest_interp, 2, 3, Sampler::kNearest, "nearest");

}  // namespace skiff
