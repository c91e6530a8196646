// Elements that change places between channels and space: pixel_shuffle, pixel_unshuffle, channel_shuffle,
// shuffle_channel, temporal_shift. All are strided copies, and so are their gradients.
#include "framework/op/op_schema.h"
#include "operators/kernel/strided.h"

namespace skiff {

namespace {

bool IsNhwc(const Attrs& attrs) { return attrs.Has("data_format") && attrs.Get<std::string>("data_format") == "NHWC"; }

int64_t Positive(const Attrs& attrs, const char* name) {
  const int64_t value = attrs.Get<int32_t>(name);
  SKIFF_ENFORCE(value > 0, InvalidArgument, name, " is ", value, "; it must be positive");
  return value;
}

/// A permutation as a copy between two tensors: `extents` of X in C order, axis i of X being axis order[i]'s
/// place in Out.
struct Shuffle {
  std::vector<int64_t> extents;
  std::vector<int> order;  // Out's axes as axes of X
};

/// pixel_shuffle: channels (c, i, j) go to pixels (y, i), (x, j). `small` is the shape with more channels.
Shuffle PixelShuffle(const Shape& small, int64_t r, bool last) {
  if (last) return {{small[0], small[1], small[2], small[3] / (r * r), r, r}, {0, 1, 4, 2, 5, 3}};
  return {{small[0], small[1] / (r * r), r, r, small[2], small[3]}, {0, 1, 4, 2, 5, 3}};
}

/// channel_shuffle: channels (group, c) become (c, group).
Shuffle ChannelShuffle(const Shape& x, int64_t groups, bool last) {
  if (last) return {{x[0], x[1] * x[2], groups, x[3] / groups}, {0, 1, 3, 2}};
  return {{x[0], groups, x[1] / groups, x[2] * x[3]}, {0, 2, 1, 3}};
}

StridedCopy CopyOf(const Shuffle& s, size_t bytes, bool back) {
  const BoxStrides from = Contiguous(Shape(s.extents));
  std::vector<int64_t> out_extents, to(s.extents.size());
  for (int axis : s.order) out_extents.push_back(s.extents[axis]);
  const std::vector<int64_t> out_steps = ContiguousSteps(Shape(out_extents));
  for (size_t i = 0; i < s.order.size(); ++i) to[s.order[i]] = out_steps[i];
  return back ? StridedCopy(s.extents, {0, to}, from, bytes) : StridedCopy(s.extents, from, {0, to}, bytes);
}

std::unique_ptr<Kernel> PrepareCopy(const Shuffle& s, size_t bytes, bool back) {
  auto kernel = std::make_unique<CopyKernel>();
  kernel->Add(CopyOf(s, bytes, back), 0, 0);
  return kernel;
}

[[maybe_unused]] void CheckImage(const InferContext& c, const Shape& x) {
  SKIFF_ENFORCE(x.rank() == 4, InvalidArgument, "input of ", c.type(), " is ", x,
                "; expected four axes: batch, channels, height, width in the order of data_format");
}

/// `grows`: the image's extents are multiplied by the factor and its channels divided by its square.
[[maybe_unused]] Shape ReshapedImage(const InferContext& c, const Shape& x, int64_t r, bool grows) {
  CheckImage(c, x);
  const bool last = IsNhwc(c.attrs());
  Shape out = x;
  int64_t& channels = out[last ? 3 : 1];
  SKIFF_ENFORCE(!grows || channels < 0 || channels % (r * r) == 0, InvalidArgument, "X is ", x, "; its channels must be a ",
                "multiple of ", r * r, ", the square of the factor ", r);
  bool fits = true;
  if (channels >= 0 && grows) channels /= r * r;
  else if (channels >= 0) fits = !__builtin_mul_overflow(channels, r * r, &channels);
  for (int i = 0; i < 2; ++i) {
    int64_t& extent = out[(last ? 1 : 2) + i];
    SKIFF_ENFORCE(grows || extent < 0 || extent % r == 0, InvalidArgument, "X is ", x, "; height and width must be multiples of ",
                  "the factor ", r);
    if (extent >= 0 && grows) fits = !__builtin_mul_overflow(extent, r, &extent) && fits;
    else if (extent >= 0) extent /= r;
  }
  SKIFF_ENFORCE(fits, InvalidArgument, "X is ", x, "; with the factor ", r, " an extent would not fit 63 bits");
  return out;
}

enum class Direction { kForward, kBack };

template <Direction direction, bool grows>
struct ShufflePixels {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const int64_t r = Positive(c.attrs(), grows ? "upscale_factor" : "downscale_factor");
    const bool back = direction == Direction::kBack;
    // pixel_unshuffle is pixel_shuffle backwards.
    const bool from_small = grows != back;
    const Shape& small = from_small ? c.inputs.at(0).shape : c.outputs.at(0).shape;
    return PrepareCopy(PixelShuffle(small, r, IsNhwc(c.attrs())), sizeof(T), !from_small);
  }
};

template <Direction direction>
struct ShuffleChannels {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const int64_t groups = Positive(c.attrs(), c.attrs().Has("groups") ? "groups" : "group");
    return PrepareCopy(ChannelShuffle(c.inputs.at(0).shape, groups, IsNhwc(c.attrs())), sizeof(T),
                       direction == Direction::kBack);
  }
};

[[maybe_unused]] InferFn InferChannelShuffle(const char* in, const char* out) {
  return [=](InferContext& c) {
    const TensorMeta& x = c.Input(in);
    CheckImage(c, x.shape);
    const int64_t groups = Positive(c.attrs(), c.attrs().Has("groups") ? "groups" : "group");
    const int64_t channels = x.shape[IsNhwc(c.attrs()) ? 3 : 1];
    SKIFF_ENFORCE(channels < 0 || channels % groups == 0, InvalidArgument, "X is ", x.shape, "; its channels must be a multiple of ",
                  "the ", groups, " groups");
    c.SetOutput(out, TensorMeta{x.shape, x.dtype, x.lod_level});
  };
}

// ---- temporal_shift ------------------------------------------------------------------------------------------

/// X [samples * time, channels, height, width]: the first channels take their values from the step before,
/// the next ones from the step after; the gradient goes the other way.
template <Direction direction>
struct ShiftTime {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.inputs.at(0).shape;
    const bool last = IsNhwc(c.attrs());
    const int64_t time = Positive(c.attrs(), "seg_num"), channels = x[last ? 3 : 1];
    const int64_t samples = x[0] / time, space = x[2] * (last ? x[1] : x[3]);
    const float ratio = c.Attr<float>("shift_ratio");
    const int64_t first = static_cast<int64_t>(static_cast<float>(channels) * ratio);
    const int64_t second = static_cast<int64_t>(static_cast<float>(channels) * 2 * ratio);
    auto kernel = std::make_unique<CopyKernel>();
    kernel->ZeroFirst(0, x.NumElements() * sizeof(T));
    const std::vector<int64_t> steps = last ? std::vector<int64_t>{time * space * channels, space * channels, channels, 1}
                                            : std::vector<int64_t>{time * space * channels, space * channels, 1, space};
    const auto add = [&](int64_t begin, int64_t end, int64_t shift) {
      if (direction == Direction::kBack) shift = -shift;
      const int64_t count = time - (shift != 0), channel = begin * steps[3];
      if (end <= begin || count <= 0) return;
      const int64_t from = channel + (shift < 0 ? steps[1] : 0), to = channel + (shift > 0 ? steps[1] : 0);
      kernel->Add(StridedCopy({samples, count, space, end - begin}, {from, steps}, {to, steps}, sizeof(T)), 0, 0);
    };
    add(0, first, 1);
    add(first, second, -1);
    add(second, channels, 0);
    return kernel;
  }
};

[[maybe_unused]] InferFn InferTemporalShift(const char* in, const char* out) {
  return [=](InferContext& c) {
    const TensorMeta& x = c.Input(in);
    CheckImage(c, x.shape);
    const int64_t time = Positive(c.attrs(), "seg_num");
    const float ratio = c.Attr<float>("shift_ratio");
    SKIFF_ENFORCE(x.shape[0] < 0 || x.shape[0] % time == 0, InvalidArgument, "X is ", x.shape, "; its axis 0 must be a multiple of ",
                  "seg_num, which is ", time);
    SKIFF_ENFORCE(ratio > 0 && ratio <= 0.5f, InvalidArgument, "shift_ratio is ", ratio, "; expected more than 0, at most 0.5");
    c.SetOutput(out, TensorMeta{x.shape, x.dtype, x.lod_level});
  };
}

}  // namespace

#define SKIFF_FORMAT .Attr("data_format", "NCHW", "NCHW or NHWC")
#define SKIFF_SHUFFLED float, double, Float16, BFloat16

SKIFF_OP(pixel_shuffle)
    .Doc("Out[n, c, r y + i, r x + j] = X[n, (c r + i) r + j, y, x] with the factor r.")
    .Source("Shi et al., Real-time super-resolution, 2016; paddle.nn.functional.pixel_shuffle")
    .Input("X", "[batch, channels r r, height, width]")
    .Output("Out", "[batch, channels, r height, r width]")
    .Attr("upscale_factor", 1, "r")
    SKIFF_FORMAT
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      c.SetOutput("Out", ReshapedImage(c, x.shape, Positive(c.attrs(), "upscale_factor"), true), x.dtype);
    })
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<ShufflePixels<Direction::kForward, true>, SKIFF_SHUFFLED>();
SKIFF_OP(pixel_shuffle_grad)
    .Doc("X@GRAD = Out@GRAD, put back.")
    .Input("Out@GRAD", "as Out of pixel_shuffle")
    .Output("X@GRAD", "as X of pixel_shuffle")
    .Attr("upscale_factor", 1, "as in pixel_shuffle")
    SKIFF_FORMAT
    .InferShape([](InferContext& c) {
      const TensorMeta& out = c.Input("Out@GRAD");
      c.SetOutput("X@GRAD", ReshapedImage(c, out.shape, Positive(c.attrs(), "upscale_factor"), false), out.dtype);
    })
    .Kernel<ShufflePixels<Direction::kBack, true>, SKIFF_SHUFFLED>();

SKIFF_OP(pixel_unshuffle)
    .Doc("The way back from pixel_shuffle: Out[n, (c r + i) r + j, y, x] = X[n, c, r y + i, r x + j].")
    .Source("paddle.nn.functional.pixel_unshuffle")
    .Input("X", "[batch, channels, r height, r width]")
    .Output("Out", "[batch, channels r r, height, width]")
    .Attr("downscale_factor", 1, "r")
    SKIFF_FORMAT
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      c.SetOutput("Out", ReshapedImage(c, x.shape, Positive(c.attrs(), "downscale_factor"), false), x.dtype);
    })
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<ShufflePixels<Direction::kForward, false>, SKIFF_SHUFFLED>();
SKIFF_OP(pixel_unshuffle_grad)
    .Doc("X@GRAD = Out@GRAD, put back.")
    .Input("Out@GRAD", "as Out of pixel_unshuffle")
    .Output("X@GRAD", "as X of pixel_unshuffle")
    .Attr("downscale_factor", 1, "as in pixel_unshuffle")
    SKIFF_FORMAT
    .InferShape([](InferContext& c) {
      const TensorMeta& out = c.Input("Out@GRAD");
      c.SetOutput("X@GRAD", ReshapedImage(c, out.shape, Positive(c.attrs(), "downscale_factor"), true), out.dtype);
    })
    .Kernel<ShufflePixels<Direction::kBack, false>, SKIFF_SHUFFLED>();

#define SKIFF_CHANNEL_SHUFFLE(type, attr, format)                                     \
  SKIFF_OP(type)                                                                      \
      .Doc("Out's channels, seen as [channels / groups, groups], are X's, seen as [groups, channels / groups].") \
      .Source("Zhang et al., ShuffleNet, 2017; paddle.nn.functional.channel_shuffle") \
      .Input("X", "[batch, channels, height, width]")                                 \
      .Output("Out", "shape of X")                                                    \
      .Attr(attr, 1, "divides the channels") format                                   \
      .InferShape(InferChannelShuffle("X", "Out"))                                    \
      .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))                                 \
      .Kernel<ShuffleChannels<Direction::kForward>, SKIFF_SHUFFLED>();                \
  SKIFF_OP(type##_grad)                                                               \
      .Doc("X@GRAD = Out@GRAD, put back.")                                            \
      .Input("Out@GRAD", "as Out of " #type)                                          \
      .Output("X@GRAD", "as X of " #type)                                             \
      .Attr(attr, 1, "as in " #type) format                                           \
      .InferShape(InferChannelShuffle("Out@GRAD", "X@GRAD"))                          \
      .Kernel<ShuffleChannels<Direction::kBack>, SKIFF_SHUFFLED>()
SKIFF_CHANNEL_SHUFFLE(channel_shuffle, "groups", SKIFF_FORMAT);
SKIFF_CHANNEL_SHUFFLE(shuffle_channel, "group", );

SKIFF_OP(temporal_shift)
    .Doc("Out = X with the first shift_ratio of the channels moved one step later, the next as many one step earlier; "
         "what comes from outside is 0.")
    .Source("Lin et al., Temporal shift module, 2019; paddle.nn.functional.temporal_shift")
    .Input("X", "[samples * seg_num, channels, height, width]")
    .Output("Out", "shape of X")
    .RequiredAttr<int32_t>("seg_num", "steps of a sample")
    .Attr("shift_ratio", 0.25f, "of the channels, each way")
    SKIFF_FORMAT
    .InferShape(InferTemporalShift("X", "Out"))
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<ShiftTime<Direction::kForward>, SKIFF_SHUFFLED>();
SKIFF_OP(temporal_shift_grad)
    .Doc("X@GRAD = Out@GRAD, shifted back.")
    .Input("Out@GRAD", "as Out of temporal_shift")
    .Output("X@GRAD", "as X of temporal_shift")
    .RequiredAttr<int32_t>("seg_num", "as in temporal_shift")
    .Attr("shift_ratio", 0.25f, "as in temporal_shift")
    SKIFF_FORMAT
    .InferShape(InferTemporalShift("Out@GRAD", "X@GRAD"))
    .Kernel<ShiftTime<Direction::kBack>, SKIFF_SHUFFLED>();

}  // namespace skiff
