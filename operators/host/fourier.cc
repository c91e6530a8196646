// Discrete Fourier transforms: fft_c2c, fft_r2c, fft_c2r and their gradients. Eigen's FFT takes one line after the
// other in the precision of the tensor, any length. They run on the host for every place: a line is no
// element-by-element formula, and Eigen's is no code for a card.
#include <unsupported/Eigen/FFT>

#include <cmath>
#include <complex>

#include "operators/host/host.h"
#include "operators/kernel/complex.h"
#include "operators/kernel/parallel.h"

namespace skiff {
namespace {

using host::Has;

/// A tensor of complex numbers on the host.
template <typename R>
struct Spectrum {
  Shape shape;
  std::vector<std::complex<R>> values;
};

std::vector<int> TransformedAxes(const Attrs& attrs, int rank) {
  const std::vector<int64_t> given = attrs.Get<std::vector<int64_t>>("axes");
  SKIFF_ENFORCE(!given.empty(), InvalidArgument, "attribute axes is empty; it names the axes to transform");
  std::vector<int> axes;
  for (int64_t axis : given) axes.push_back(static_cast<int>(NormalizeAxis(axis, rank, "axes")));
  return axes;
}

/// What a result is multiplied by: "backward" scales the inverse transform by 1 / n, "forward" the forward one, "ortho"
/// both by 1 / sqrt(n).
double ScaleOf(const Attrs& attrs, double n) {
  const std::string norm = attrs.Get<std::string>("normalization");
  const bool forward = attrs.Get<bool>("forward");
  if (norm == "ortho") return 1 / std::sqrt(n);
  if (norm == "backward") return forward ? 1 : 1 / n;
  if (norm == "forward") return forward ? 1 / n : 1;
  throw InvalidArgument(StrCat("attribute normalization is \"", norm, "\"; it may be \"backward\", \"forward\" or \"ortho\""));
}

/// Lines of one axis, spread over threads; sums are not scaled.
template <typename R>
void TransformAxis(Spectrum<R>* s, int axis, bool forward, int num_threads) {
  const int64_t n = s->shape[axis];
  if (n == 1) return;  // itself; Eigen's has no plan for it
  int64_t inner = 1;
  for (int d = axis + 1; d < s->shape.rank(); ++d) inner *= s->shape[d];
  const int64_t lines = static_cast<int64_t>(s->values.size()) / n;
  ParallelFor(num_threads, lines, std::max<int64_t>(1, 4096 / n), [&](int64_t begin, int64_t end) {
    Eigen::FFT<R> fft;
    fft.SetFlag(Eigen::FFT<R>::Unscaled);
    std::vector<std::complex<R>> from(n), to(n);
    for (int64_t line = begin; line < end; ++line) {
      std::complex<R>* at = s->values.data() + line / inner * n * inner + line % inner;
      for (int64_t i = 0; i < n; ++i) from[i] = at[i * inner];
      if (forward) fft.fwd(to.data(), from.data(), n);
      else fft.inv(to.data(), from.data(), n);
      for (int64_t i = 0; i < n; ++i) at[i * inner] = to[i];
    }
  });
}

template <typename R>
void Transform(Spectrum<R>* s, const std::vector<int>& axes, bool forward, int num_threads) {
  if (s->values.empty()) return;
  for (int axis : axes) TransformAxis(s, axis, forward, num_threads);
}

template <typename R>
void ScaleBy(Spectrum<R>* s, double by) {
  for (std::complex<R>& v : s->values) v *= static_cast<R>(by);
}

/// `axis` with `extent` elements: the first ones of it, or more where `fill` gives those past the end.
template <typename R, typename Fill>
Spectrum<R> Resized(const Spectrum<R>& s, int axis, int64_t extent, const Fill& fill) {
  Spectrum<R> out{s.shape, {}};
  const int64_t n = s.shape[axis];
  out.shape[axis] = extent;
  out.values.resize(out.shape.NumElements());
  int64_t inner = 1;
  for (int d = axis + 1; d < s.shape.rank(); ++d) inner *= s.shape[d];
  const int64_t lines = static_cast<int64_t>(out.values.size()) / std::max<int64_t>(1, extent);
  for (int64_t line = 0; line < lines; ++line) {
    const std::complex<R>* from = s.values.data() + line / inner * n * inner + line % inner;
    std::complex<R>* to = out.values.data() + line / inner * extent * inner + line % inner;
    for (int64_t i = 0; i < extent; ++i) {
      to[i * inner] = i < n ? from[i * inner] : fill([&](int64_t k) { return from[k * inner]; }, i);
    }
  }
  return out;
}
template <typename R>
Spectrum<R> Shortened(const Spectrum<R>& s, int axis, int64_t extent) {
  return Resized(s, axis, extent, [](const auto&, int64_t) { return std::complex<R>(0); });
}
/// The spectrum of a real signal from its first half.
template <typename R>
Spectrum<R> Mirrored(const Spectrum<R>& half, int axis, int64_t extent) {
  return Resized(half, axis, extent, [&](const auto& at, int64_t i) { return std::conj(at(extent - i)); });
}

template <typename R>
Spectrum<R> Read(const DynamicContext& c, const char* slot) {
  const Tensor t = host::In(c, slot);
  Spectrum<R> s{t.shape(), std::vector<std::complex<R>>(t.num_elements())};
  if (IsComplex(t.dtype())) {
    if (!s.values.empty()) std::memcpy(s.values.data(), t.raw_data(), t.bytes());
  } else {
    for (int64_t i = 0; i < t.num_elements(); ++i) s.values[i] = t.data<R>()[i];
  }
  return s;
}
template <typename R>
void Give(DynamicContext& c, const char* slot, const Spectrum<R>& s) {
  host::Out(c, slot, Tensor::Of<std::complex<R>>(s.shape, s.values));
}
template <typename R>
void GiveReal(DynamicContext& c, const char* slot, const Spectrum<R>& s) {
  std::vector<R> values(s.values.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = s.values[i].real();
  host::Out(c, slot, Tensor::Of<R>(s.shape, values));
}

double Points(const Shape& shape, const std::vector<int>& axes) {
  double n = 1;
  for (int axis : axes) n *= static_cast<double>(shape[axis]);
  return n;
}
void CheckExtents(const Shape& shape, const std::vector<int>& axes) {
  for (int axis : axes) {
    SKIFF_ENFORCE(shape[axis] > 0, InvalidArgument, "axis ", axis, " of ", shape, " is empty; a transform needs a point");
  }
}

/// Calls f(float{}) or f(double{}) for the precision of an input. @throws Unimplemented for other dtypes.
template <typename F>
void WithPrecision(const DynamicContext& c, const char* slot, const F& f) {
  host::WithFloats(RealDType(c.InputTensor(slot).dtype()), slot, f);
}

/// X transformed; the gradient of that is the other direction's transform, scaled alike.
void ComplexToComplex(DynamicContext& c, const char* from, const char* to, bool forward) {
  WithPrecision(c, from, [&](auto zero) {
    auto s = Read<decltype(zero)>(c, from);
    const auto axes = TransformedAxes(c.attrs(), s.shape.rank());
    CheckExtents(s.shape, axes);
    Transform(&s, axes, forward, c.num_threads());
    ScaleBy(&s, ScaleOf(c.attrs(), Points(s.shape, axes)));
    Give(c, to, s);
  });
}

void RealToComplex(DynamicContext& c) {
  WithPrecision(c, "X", [&](auto zero) {
    auto s = Read<decltype(zero)>(c, "X");
    const auto axes = TransformedAxes(c.attrs(), s.shape.rank());
    CheckExtents(s.shape, axes);
    const double n = Points(s.shape, axes);
    Transform(&s, axes, c.attrs().Get<bool>("forward"), c.num_threads());
    ScaleBy(&s, ScaleOf(c.attrs(), n));
    const int last = axes.back();
    Give(c, "Out", c.attrs().Get<bool>("onesided") ? Shortened(s, last, s.shape[last] / 2 + 1) : s);
  });
}

void RealToComplexGrad(DynamicContext& c) {
  WithPrecision(c, "Out@GRAD", [&](auto zero) {
    auto s = Read<decltype(zero)>(c, "Out@GRAD");
    const Shape x = c.InputTensor("X").shape();
    const auto axes = TransformedAxes(c.attrs(), x.rank());
    CheckExtents(x, axes);
    Shape out = x;
    if (c.attrs().Get<bool>("onesided")) out[axes.back()] = x[axes.back()] / 2 + 1;
    SKIFF_ENFORCE(s.shape == out, InvalidArgument, "Out@GRAD is ", s.shape, "; the transform of X ", x, " is ", out);
    if (c.attrs().Get<bool>("onesided")) s = Shortened(s, axes.back(), x[axes.back()]);
    Transform(&s, axes, !c.attrs().Get<bool>("forward"), c.num_threads());
    ScaleBy(&s, ScaleOf(c.attrs(), Points(x, axes)));
    GiveReal(c, "X@GRAD", s);
  });
}

/// Points of the real signal whose half spectrum has `half` of them along the last axis.
int64_t SignalExtent(const Attrs& attrs, int64_t half) {
  const int64_t given = attrs.Get<int64_t>("last_dim_size");
  if (given <= 0) return half < 0 ? -1 : 2 * (half - 1);
  SKIFF_ENFORCE(half < 0 || given / 2 + 1 <= half, InvalidArgument, "attribute last_dim_size is ", given, ", which takes ",
                given / 2 + 1, " points of a half spectrum, and X has ", half, "; pad X, or ask for fewer");
  return given;
}

void ComplexToReal(DynamicContext& c) {
  WithPrecision(c, "X", [&](auto zero) {
    auto s = Read<decltype(zero)>(c, "X");
    const auto axes = TransformedAxes(c.attrs(), s.shape.rank());
    CheckExtents(s.shape, axes);
    const int last = axes.back();
    const int64_t n = SignalExtent(c.attrs(), s.shape[last]);
    const bool forward = c.attrs().Get<bool>("forward");
    Transform(&s, {axes.begin(), axes.end() - 1}, forward, c.num_threads());
    s = Mirrored(Shortened(s, last, n / 2 + 1), last, n);
    CheckExtents(s.shape, {last});
    Transform(&s, {last}, forward, c.num_threads());
    ScaleBy(&s, ScaleOf(c.attrs(), Points(s.shape, axes)));
    GiveReal(c, "Out", s);
  });
}

void ComplexToRealGrad(DynamicContext& c) {
  WithPrecision(c, "Out@GRAD", [&](auto zero) {
    using R = decltype(zero);
    auto s = Read<R>(c, "Out@GRAD");
    const auto axes = TransformedAxes(c.attrs(), s.shape.rank());
    CheckExtents(s.shape, axes);
    const int last = axes.back();
    const int64_t n = s.shape[last];
    const double points = Points(s.shape, axes);
    Transform(&s, axes, !c.attrs().Get<bool>("forward"), c.num_threads());
    ScaleBy(&s, ScaleOf(c.attrs(), points));
    s = Shortened(s, last, n / 2 + 1);
    // Each point but the first and, of an even number, the last one stood for its mirror image too.
    int64_t inner = 1;
    for (int d = last + 1; d < s.shape.rank(); ++d) inner *= s.shape[d];
    const int64_t half = s.shape[last];
    for (size_t i = 0; i < s.values.size(); ++i) {
      const int64_t k = static_cast<int64_t>(i) / inner % half;
      if (k > 0 && 2 * k != n) s.values[i] *= R(2);
    }
    Give(c, "X@GRAD", s);
  });
}

/// Of -1 the half is unknown too.
int64_t HalfOf(int64_t extent) { return extent < 0 ? -1 : extent / 2 + 1; }

#define SKIFF_FOURIER(type, doc)                                                                      \
  SKIFF_OP(type)                                                                                      \
      .Doc(doc)                                                                                       \
      .Source("discrete Fourier transform; names of Paddle's " #type)                                 \
      .RequiredAttr<std::vector<int64_t>>("axes", "axes that are transformed; the last one is halved") \
      .Attr("normalization", std::string("backward"), "backward, forward or ortho: which direction is scaled by 1 / n") \
      .Attr("forward", true, "exp(-i...) where true, exp(+i...) otherwise")

SKIFF_FOURIER(fft_c2c, "Out = the transform of X along `axes`.")
    .Input("X", "complex64 or complex128")
    .Output("Out", "shape and dtype of X")
    .InferShape(Like("Out", "X"))
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Dynamic([](DynamicContext& c) { ComplexToComplex(c, "X", "Out", c.attrs().Get<bool>("forward")); });

SKIFF_FOURIER(fft_c2c_grad, "X@GRAD = the transform of Out@GRAD in the other direction, scaled as the forward one.")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "the same")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Dynamic([](DynamicContext& c) { ComplexToComplex(c, "Out@GRAD", "X@GRAD", !c.attrs().Get<bool>("forward")); });

SKIFF_FOURIER(fft_r2c, "Out = the transform of real X; where onesided, its first half along the last of `axes`.")
    .Input("X", "float32 or float64")
    .Output("Out", "complex; n / 2 + 1 points of the last axis where onesided, shape of X otherwise")
    .Attr("onesided", true, "whether the half that follows by symmetry is left out")
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      SKIFF_ENFORCE(!IsComplex(x.dtype), InvalidArgument, "X is ", x.dtype, "; it must be real: use fft_c2c");
      Shape out = x.shape;
      const int last = TransformedAxes(c.attrs(), out.rank()).back();
      if (c.attrs().Get<bool>("onesided")) out[last] = HalfOf(out[last]);
      c.SetOutput("Out", {out, ComplexDType(x.dtype)});
    })
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Dynamic(RealToComplex);

SKIFF_FOURIER(fft_r2c_grad, "X@GRAD = the real part of Out@GRAD, filled with zeros, transformed back.")
    .Input("X", "of the forward operator; only its shape is read")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .Attr("onesided", true, "as in fft_r2c")
    .InferShape(Like("X@GRAD", "X"))
    .Dynamic(RealToComplexGrad);

SKIFF_FOURIER(fft_c2r, "Out = the real signal whose half spectrum is X.")
    .Input("X", "complex; the last of `axes` holds the first half")
    .Output("Out", "float32 or float64; last_dim_size points of the last axis")
    .Attr("last_dim_size", int64_t{0}, "points of the last axis; 0: 2 (extent of X - 1)")
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      Shape out = x.shape;
      const int last = TransformedAxes(c.attrs(), out.rank()).back();
      out[last] = SignalExtent(c.attrs(), out[last]);
      c.SetOutput("Out", {out, RealDType(x.dtype)});
    })
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Dynamic(ComplexToReal);

SKIFF_FOURIER(fft_c2r_grad, "X@GRAD = the half spectrum of Out@GRAD, each point times the times it was used.")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .Attr("last_dim_size", int64_t{0}, "as in fft_c2r")
    .InferShape([](InferContext& c) {
      const TensorMeta out = c.Input("Out@GRAD");
      Shape x = out.shape;
      const int last = TransformedAxes(c.attrs(), x.rank()).back();
      x[last] = HalfOf(x[last]);
      c.SetOutput("X@GRAD", {x, ComplexDType(out.dtype)});
    })
    .Dynamic(ComplexToRealGrad);

}  // namespace
}  // namespace skiff
