// frame and overlap_add: a signal cut into frames that start `hop_length` apart, and frames added up to a signal.
// Each is the other's gradient.
#include "operators/kernel/complex.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

/// A signal [outer, length, inner] and its frames: [outer, frame, count] along the last axis, [count, frame, inner]
/// along the first.
struct Framing {
  int64_t length, frame, hop, count, inner;
  bool last;

  SKIFF_HD int64_t FrameAt(int64_t line, int64_t f, int64_t offset) const {
    return last ? (line * frame + offset) * count + f : (f * frame + offset) * inner + line;
  }
  SKIFF_HD int64_t SignalAt(int64_t line, int64_t i) const { return last ? line * length + i : i * inner + line; }
};

bool AlongLast(const Attrs& attrs) {
  const int64_t axis = attrs.Get<int32_t>("axis");
  SKIFF_ENFORCE(axis == 0 || axis == -1, InvalidArgument, "attribute axis is ", axis, "; it may be 0 or -1");
  return axis == -1;
}
int64_t HopOf(const Attrs& attrs) {
  const int64_t hop = attrs.Get<int32_t>("hop_length");
  SKIFF_ENFORCE(hop > 0, InvalidArgument, "attribute hop_length is ", hop, "; it must be positive");
  return hop;
}

Framing FramingOf(const Attrs& attrs, const Shape& frames, const Shape& signal) {
  Framing f{};
  f.last = AlongLast(attrs);
  f.hop = HopOf(attrs);
  f.count = f.last ? frames[frames.rank() - 1] : frames[0];
  f.frame = f.last ? frames[frames.rank() - 2] : frames[1];
  f.length = f.last ? signal[signal.rank() - 1] : signal[0];
  f.inner = 1;
  for (int d = 1; !f.last && d < signal.rank(); ++d) f.inner *= signal[d];
  return f;
}

/// Elements are only moved: complex numbers as the pairs they are.
template <typename T>
using Stored = std::conditional_t<kIsComplex<Compute<T>>, Compute<T>, T>;

template <typename S>
struct CutFrames {
  Framing g;
  const S* signal;
  S* frames;
  SKIFF_HD void operator()(int64_t i) const {
    if (g.last) {
      const int64_t f = i % g.count, offset = i / g.count % g.frame, line = i / g.count / g.frame;
      frames[i] = signal[g.SignalAt(line, f * g.hop + offset)];
    } else {
      const int64_t line = i % g.inner, offset = i / g.inner % g.frame, f = i / g.inner / g.frame;
      frames[i] = signal[g.SignalAt(line, f * g.hop + offset)];
    }
  }
};

/// Each point of the signal gathers what the frames over it hold, in the order of the frames.
template <typename T>
struct OverlapAndAdd {
  Framing g;
  const T* frames;
  T* signal;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t line = g.last ? i / g.length : i % g.inner, at = g.last ? i % g.length : i / g.inner;
    int64_t f = at < g.frame ? 0 : (at - g.frame) / g.hop + 1;
    auto sum = LoadElement(T{});
    for (; f < g.count && f * g.hop <= at; ++f) sum = sum + LoadElement(frames[g.FrameAt(line, f, at - f * g.hop)]);
    signal[i] = StoreElement<T>(sum);
  }
};

template <const char* kFrames, const char* kSignal>
struct Cut {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Framing g = FramingOf(c.attrs(), c.Output(kFrames).shape, c.Input(kSignal).shape);
    const int64_t n = c.Output(kFrames).shape.NumElements();
    const int from = c.InputIndex(kSignal);
    return MakeKernel([=](const KernelArgs& args) {
      using S = Stored<T>;
      ForEach(n, 4096, args, CutFrames<S>{g, static_cast<const S*>(args.in[from]), static_cast<S*>(args.out[0])});
    });
  }
};
template <const char* kFrames, const char* kSignal>
struct OverlapAddKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Framing g = FramingOf(c.attrs(), c.Input(kFrames).shape, c.Output(kSignal).shape);
    const int64_t n = c.Output(kSignal).shape.NumElements();
    const int from = c.InputIndex(kFrames);
    return MakeKernel([=](const KernelArgs& args) {
      using S = Stored<T>;
      ForEach(n, 4096, args, OverlapAndAdd<S>{g, static_cast<const S*>(args.in[from]), static_cast<S*>(args.out[0])});
    });
  }
};
constexpr char kX[] = "X", kOut[] = "Out", kXGrad[] = "X@GRAD", kOutGrad[] = "Out@GRAD";

SKIFF_OP(frame)
    .Doc("Out = the parts of X that start hop_length apart, frame_length long; what is left at the end is dropped.")
    .Source("names of Paddle's frame")
    .Input("X", "[..., length] where axis is -1, [length, ...] where it is 0")
    .Output("Out", "[..., frame_length, frames], or [frames, frame_length, ...]")
    .RequiredAttr<int32_t>("frame_length", "points of a frame")
    .RequiredAttr<int32_t>("hop_length", "points between the starts of two frames")
    .Attr("axis", -1, "the axis of time: -1 or 0")
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      SKIFF_ENFORCE(x.shape.rank() > 0, InvalidArgument, "X is ", x.shape, "; it needs an axis of time");
      const int64_t frame = c.attrs().Get<int32_t>("frame_length"), hop = HopOf(c.attrs());
      const bool last = AlongLast(c.attrs());
      const int64_t length = last ? x.shape[x.shape.rank() - 1] : x.shape[0];
      SKIFF_ENFORCE(frame > 0 && (length < 0 || frame <= length), InvalidArgument, "attribute frame_length is ", frame,
                    " and X has ", length, " points in time; it must be between 1 and that");
      const int64_t count = length < 0 ? -1 : 1 + (length - frame) / hop;
      Shape out;
      if (!last) out = Shape{count, frame};
      for (int d = last ? 0 : 1; d < x.shape.rank() - (last ? 1 : 0); ++d) out.Append(x.shape[d]);
      if (last) {
        out.Append(frame);
        out.Append(count);
      }
      c.SetOutput("Out", {out, x.dtype});
    })
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Kernel<Cut<kOut, kX>, SKIFF_FLOATS, int32_t, int64_t, SKIFF_COMPLEX>();

SKIFF_OP(frame_grad)
    .Doc("X@GRAD = the frames of Out@GRAD added up; 0 where no frame was.")
    .Source("derivative of frame")
    .Input("X", "of the forward operator; only its shape is read")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .RequiredAttr<int32_t>("frame_length", "as in frame")
    .RequiredAttr<int32_t>("hop_length", "as in frame")
    .Attr("axis", -1, "as in frame")
    .InferShape(Like("X@GRAD", "X"))
    .Kernel<OverlapAddKernel<kOutGrad, kXGrad>, SKIFF_FLOATS, int32_t, int64_t, SKIFF_COMPLEX>();

SKIFF_OP(overlap_add)
    .Doc("Out = frames that start hop_length apart, added up.")
    .Source("names of Paddle's overlap_add")
    .Input("X", "[..., frame_length, frames] where axis is -1, [frames, frame_length, ...] where it is 0")
    .Output("Out", "[..., length] or [length, ...], length = (frames - 1) hop_length + frame_length")
    .RequiredAttr<int32_t>("hop_length", "points between the starts of two frames")
    .Attr("axis", -1, "the axis of time: -1 or 0")
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      const int rank = x.shape.rank();
      SKIFF_ENFORCE(rank >= 2, InvalidArgument, "X is ", x.shape, "; it needs an axis of frames and one of their points");
      const bool last = AlongLast(c.attrs());
      const int64_t count = last ? x.shape[rank - 1] : x.shape[0], frame = last ? x.shape[rank - 2] : x.shape[1];
      const int64_t length = count < 0 || frame < 0 ? -1 : (count - 1) * HopOf(c.attrs()) + frame;
      Shape out;
      if (!last) out.Append(length);
      for (int d = last ? 0 : 2; d < rank - (last ? 2 : 0); ++d) out.Append(x.shape[d]);
      if (last) out.Append(length);
      c.SetOutput("Out", {out, x.dtype});
    })
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Kernel<OverlapAddKernel<kX, kOut>, SKIFF_FLOATS, int32_t, int64_t, SKIFF_COMPLEX>();

SKIFF_OP(overlap_add_grad)
    .Doc("X@GRAD = the frames of Out@GRAD.")
    .Source("derivative of overlap_add")
    .Input("X", "of the forward operator; only its shape is read")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .RequiredAttr<int32_t>("hop_length", "as in overlap_add")
    .Attr("axis", -1, "as in overlap_add")
    .InferShape(Like("X@GRAD", "X"))
    .Kernel<Cut<kXGrad, kOutGrad>, SKIFF_FLOATS, int32_t, int64_t, SKIFF_COMPLEX>();

}  // namespace
}  // namespace skiff
