// Features of regions: roi_align, roi_pool, psroi_pool and their gradients.
//
// The rows of ROIs say which image they are of by RoisNum, the count of each image's. Without it all are of
// the one image.
#include <limits>

#include "framework/op/op_schema.h"
#include "operators/kernel/add_to.h"
#include "operators/kernel/repeats.h"

namespace skiff {

namespace {

// What the three have in common: X [images, channels, height, width], Out [rois, channels, bins_y, bins_x].
template <typename T>
struct Regions {
  int64_t images, in_channels, height, width, rois, channels, bins_y, bins_x;
  double scale;
  const int32_t* counts;  // null: one image
  const T* x;
  const T* boxes;

  SKIFF_HD int64_t ImageOf(int64_t roi) const {
    int64_t image = 0;
    if (counts == nullptr) return image;
    for (int64_t end = counts[0]; roi >= end && image + 1 < images; end += counts[image]) ++image;
    return image;
  }
  SKIFF_HD double Corner(int64_t roi, int k) const { return static_cast<double>(LoadElement(boxes[roi * 4 + k])); }
  SKIFF_HD int64_t Plane(int64_t roi, int64_t channel) const { return (ImageOf(roi) * in_channels + channel) * height * width; }
};

SKIFF_HD inline int64_t Clamped(double v, int64_t limit) {  // NaN gives 0
  return v > 0 ? (v < static_cast<double>(limit) ? static_cast<int64_t>(v) : limit) : 0;
}

// ---- roi_align: the mean of points between pixels --------------------------------------------------------

constexpr int64_t kMostSamples = 1024;  // of a bin along one axis: kMostRepeats in all

template <typename T>
struct AlignBin {
  Regions<T> r;
  int64_t samples;  // points of a bin along each axis; not positive: one for each pixel
  bool aligned;
  // Calls f(offset in the plane, weight) for the four pixels around each point of output i's bin.
  template <typename F>
  SKIFF_HD void Visit(int64_t i, const F& f) const {
    const int64_t bx = i % r.bins_x, by = i / r.bins_x % r.bins_y, roi = i / r.bins_x / r.bins_y / r.channels;
    const double half = aligned ? 0.5 : 0;
    const double x0 = r.Corner(roi, 0) * r.scale - half, y0 = r.Corner(roi, 1) * r.scale - half;
    double w = r.Corner(roi, 2) * r.scale - half - x0, h = r.Corner(roi, 3) * r.scale - half - y0;
    if (!aligned) {
      w = math::Max(w, 1.0);
      h = math::Max(h, 1.0);
    }
    const double bin_w = w / static_cast<double>(r.bins_x), bin_h = h / static_cast<double>(r.bins_y);
    // A bin of absurd extents must not run for ever.
    const int64_t nx = samples > 0 ? samples : Clamped(math::Ceil(bin_w), kMostSamples);
    const int64_t ny = samples > 0 ? samples : Clamped(math::Ceil(bin_h), kMostSamples);
    const double share = 1.0 / static_cast<double>(nx * ny > 0 ? nx * ny : 1);
    for (int64_t iy = 0; iy < ny; ++iy) {
      const double py = y0 + bin_h * (static_cast<double>(by) + (static_cast<double>(iy) + 0.5) / static_cast<double>(ny));
      if (!(py >= -1 && py <= static_cast<double>(r.height))) continue;
      const double y = math::Max(py, 0.0);
      const int64_t y_low = math::Min(static_cast<int64_t>(y), r.height - 1), y_high = math::Min(y_low + 1, r.height - 1);
      const double ly = y_low == y_high ? 0 : y - static_cast<double>(y_low);
      for (int64_t ix = 0; ix < nx; ++ix) {
        const double px = x0 + bin_w * (static_cast<double>(bx) + (static_cast<double>(ix) + 0.5) / static_cast<double>(nx));
        if (!(px >= -1 && px <= static_cast<double>(r.width))) continue;
        const double x = math::Max(px, 0.0);
        const int64_t x_low = math::Min(static_cast<int64_t>(x), r.width - 1), x_high = math::Min(x_low + 1, r.width - 1);
        const double lx = x_low == x_high ? 0 : x - static_cast<double>(x_low);
        f(y_low * r.width + x_low, share * (1 - ly) * (1 - lx));
        f(y_low * r.width + x_high, share * (1 - ly) * lx);
        f(y_high * r.width + x_low, share * ly * (1 - lx));
        f(y_high * r.width + x_high, share * ly * lx);
      }
    }
  }
  SKIFF_HD int64_t PlaneOf(int64_t i) const {
    const int64_t bins = r.bins_x * r.bins_y;
    return r.Plane(i / bins / r.channels, i / bins % r.channels);
  }
};

// ---- psroi_pool: the mean of a bin's pixels, of a channel that belongs to the bin -------------------------

template <typename T>
struct PositionBin {
  Regions<T> r;
  template <typename F>
  SKIFF_HD void Visit(int64_t i, const F& f) const {
    const int64_t bx = i % r.bins_x, by = i / r.bins_x % r.bins_y, roi = i / r.bins_x / r.bins_y / r.channels;
    const double x0 = math::Round(r.Corner(roi, 0)) * r.scale, y0 = math::Round(r.Corner(roi, 1)) * r.scale;
    const double w = math::Max((math::Round(r.Corner(roi, 2)) + 1) * r.scale - x0, 0.1) / static_cast<double>(r.bins_x);
    const double h = math::Max((math::Round(r.Corner(roi, 3)) + 1) * r.scale - y0, 0.1) / static_cast<double>(r.bins_y);
    const int64_t left = Clamped(math::Floor(static_cast<double>(bx) * w + x0), r.width);
    const int64_t right = Clamped(math::Ceil(static_cast<double>(bx + 1) * w + x0), r.width);
    const int64_t top = Clamped(math::Floor(static_cast<double>(by) * h + y0), r.height);
    const int64_t bottom = Clamped(math::Ceil(static_cast<double>(by + 1) * h + y0), r.height);
    if (right <= left || bottom <= top) return;
    const double share = 1.0 / static_cast<double>((right - left) * (bottom - top));
    for (int64_t y = top; y < bottom; ++y) {
      for (int64_t x = left; x < right; ++x) f(y * r.width + x, share);
    }
  }
  SKIFF_HD int64_t PlaneOf(int64_t i) const {
    const int64_t bins = r.bins_x * r.bins_y;
    return r.Plane(i / bins / r.channels, (i / bins % r.channels) * bins + i % bins);
  }
};

template <typename T, typename Bin>
struct WeightedSum {
  Bin bin;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const T* plane = bin.r.x + bin.PlaneOf(i);
    double sum = 0;
    bin.Visit(i, [&](int64_t at, double weight) { sum += weight * static_cast<double>(LoadElement(plane[at])); });
    out[i] = StoreElement<T>(static_cast<Compute<T>>(sum));
  }
};

// The gradient of a weighted sum. Index k is one output on a card; on the CPU all of one channel.
template <typename T, typename Bin>
struct SpreadBack {
  Bin bin;
  const T* out_grad;
  T* x_grad;
  SKIFF_HD void One(int64_t i) const {
    T* plane = x_grad + bin.PlaneOf(i);
    const double g = static_cast<double>(LoadElement(out_grad[i]));
    bin.Visit(i, [&](int64_t at, double weight) { AddTo(plane + at, weight * g); });
  }
  SKIFF_HD void operator()(int64_t k) const {
#if defined(__CUDA_ARCH__)
    One(k);
#else
    const int64_t bins = bin.r.bins_x * bin.r.bins_y;
    for (int64_t roi = 0; roi < bin.r.rois; ++roi) {
      for (int64_t b = 0; b < bins; ++b) One((roi * bin.r.channels + k) * bins + b);
    }
#endif
  }
};

// ---- roi_pool: the largest of a bin's pixels -----------------------------------------------------------------

template <typename T>
struct LargestOfBin {
  Regions<T> r;
  T* out;
  int64_t* best;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t bx = i % r.bins_x, by = i / r.bins_x % r.bins_y, channel = i / r.bins_x / r.bins_y % r.channels;
    const int64_t roi = i / r.bins_x / r.bins_y / r.channels;
    const double x0 = math::Round(r.Corner(roi, 0) * r.scale), y0 = math::Round(r.Corner(roi, 1) * r.scale);
    const float w = static_cast<float>(math::Max(math::Round(r.Corner(roi, 2) * r.scale) - x0 + 1, 1.0)) / static_cast<float>(r.bins_x);
    const float h = static_cast<float>(math::Max(math::Round(r.Corner(roi, 3) * r.scale) - y0 + 1, 1.0)) / static_cast<float>(r.bins_y);
    const int64_t left = Clamped(math::Floor(static_cast<float>(bx) * w) + x0, r.width);
    const int64_t right = Clamped(math::Ceil(static_cast<float>(bx + 1) * w) + x0, r.width);
    const int64_t top = Clamped(math::Floor(static_cast<float>(by) * h) + y0, r.height);
    const int64_t bottom = Clamped(math::Ceil(static_cast<float>(by + 1) * h) + y0, r.height);
    const bool empty = right <= left || bottom <= top;
    const T* plane = r.x + r.Plane(roi, channel);
    T largest = empty ? T(0) : -std::numeric_limits<T>::max();
    int64_t at = -1;
    for (int64_t y = top; y < bottom; ++y) {
      for (int64_t x = left; x < right; ++x) {
        if (plane[y * r.width + x] > largest) {
          largest = plane[y * r.width + x];
          at = y * r.width + x;
        }
      }
    }
    out[i] = largest;
    best[i] = at;
  }
};

template <typename T>
struct LargestBack {
  Regions<T> r;
  const int64_t* best;
  const T* out_grad;
  T* x_grad;
  SKIFF_HD void One(int64_t i) const {
    const int64_t bins = r.bins_x * r.bins_y, at = best[i];
    if (at < 0 || at >= r.height * r.width) return;
    AddTo(x_grad + r.Plane(i / bins / r.channels, i / bins % r.channels) + at, static_cast<double>(LoadElement(out_grad[i])));
  }
  SKIFF_HD void operator()(int64_t k) const {
#if defined(__CUDA_ARCH__)
    One(k);
#else
    const int64_t bins = r.bins_x * r.bins_y;
    for (int64_t roi = 0; roi < r.rois; ++roi) {
      for (int64_t b = 0; b < bins; ++b) One((roi * r.channels + k) * bins + b);
    }
#endif
  }
};

// ---- preparing ---------------------------------------------------------------------------------------------

struct Slots {
  int x, rois, counts;
};

template <typename T>
Regions<T> RegionsOf(const PrepareContext& c, const Shape& out, Slots* slots) {
  const Shape& x = c.Input("X").shape;
  Regions<T> r{};
  r.images = x[0], r.in_channels = x[1], r.height = x[2], r.width = x[3];
  r.rois = out[0], r.channels = out[1], r.bins_y = out[2], r.bins_x = out[3];
  r.scale = c.Attr<float>("spatial_scale");
  *slots = {c.InputIndex("X"), c.InputIndex("ROIs"), c.InputIndex("RoisNum")};
  SKIFF_ENFORCE(c.Input("ROIs").dtype == c.Input("X").dtype, InvalidType, "X is ", c.Input("X").dtype, ", ROIs ",
                c.Input("ROIs").dtype, "; they must be equal");
  if (c.HasInput("RoisNum")) {
    const TensorInfo& counts = c.Input("RoisNum");
    SKIFF_ENFORCE(counts.dtype == DType::kInt32 && counts.shape.NumElements() == x[0], InvalidArgument, "RoisNum is ",
                  counts.dtype, " ", counts.shape, ", X has ", x[0], " images; expected int32 and one count for each");
  } else {
    SKIFF_ENFORCE(x[0] == 1 || r.rois == 0, Unimplemented, "X has ", x[0],
                  " images and there is no RoisNum to say whose the ROIs are");
  }
  return r;
}

template <typename T>
Regions<T> Bound(Regions<T> r, const Slots& slots, const KernelArgs& args) {
  r.x = static_cast<const T*>(args.in[slots.x]);
  r.boxes = static_cast<const T*>(args.in[slots.rois]);
  r.counts = static_cast<const int32_t*>(args.in[slots.counts]);
#if !defined(__CUDACC__)
  if (r.counts != nullptr) {
    int64_t sum = 0;
    for (int64_t i = 0; i < r.images; ++i) {
      SKIFF_ENFORCE(r.counts[i] >= 0, InvalidArgument, "RoisNum holds ", r.counts[i], "; it must not be negative");
      sum += r.counts[i];
    }
    SKIFF_ENFORCE(sum == r.rois, InvalidArgument, "RoisNum adds up to ", sum, ", there are ", r.rois, " ROIs");
  }
#endif
  return r;
}

template <typename T>
AlignBin<T> BinOf(const PrepareContext& c, const Regions<T>& r, AlignBin<T>*) {
  return {r, RepeatsAttr(c.attrs(), "sampling_ratio", kMostSamples), c.Attr<bool>("aligned")};
}
template <typename T>
PositionBin<T> BinOf(const PrepareContext&, const Regions<T>& r, PositionBin<T>*) { return {r}; }

template <template <typename> typename Bin>
struct MeanOfBins {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    Slots slots;
    const Shape& shape = c.Output("Out").shape;
    const auto bin = BinOf(c, RegionsOf<T>(c, shape, &slots), static_cast<Bin<T>*>(nullptr));
    return MakeKernel([=, n = shape.NumElements(), out = c.OutputIndex("Out")](const KernelArgs& args) {
      WeightedSum<T, Bin<T>> run{bin, static_cast<T*>(args.out[out])};
      run.bin.r = Bound(run.bin.r, slots, args);
      ForEach(n, 256, args, run);
    });
  }
};

// On the CPU channels are shared among threads, on a card outputs.
template <typename Device, typename F>
void ForEachAdder(int64_t outputs, int64_t channels, const KernelArgs& args, const F& f) {
  ForEach(std::is_same_v<Device, CpuDevice> ? channels : outputs, 1, args, f);
}

template <template <typename> typename Bin>
struct MeanOfBinsGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    Slots slots;
    const Shape& shape = c.Input("Out@GRAD").shape;
    const auto bin = BinOf(c, RegionsOf<T>(c, shape, &slots), static_cast<Bin<T>*>(nullptr));
    return MakeKernel([=, n = shape.NumElements(), bytes = c.Input("X").shape.NumElements() * sizeof(T),
                       grad = c.InputIndex("Out@GRAD"), out = c.OutputIndex("X@GRAD")](const KernelArgs& args) {
      FillZero(args.out[out], bytes, args);
      SpreadBack<T, Bin<T>> run{bin, static_cast<const T*>(args.in[grad]), static_cast<T*>(args.out[out])};
      run.bin.r = Bound(run.bin.r, slots, args);
      ForEachAdder<Device>(n, bin.r.channels, args, run);
    });
  }
};

struct RoiPool {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    Slots slots;
    const Shape& shape = c.Output("Out").shape;
    const int64_t n = shape.NumElements();
    const Regions<T> r = RegionsOf<T>(c, shape, &slots);
    c.RequestWorkspace(c.HasOutput("Argmax") ? 0 : n * sizeof(int64_t));
    return MakeKernel([=, out = c.OutputIndex("Out"), best = c.OutputIndex("Argmax")](const KernelArgs& args) {
      void* at = args.out[best] != nullptr ? args.out[best] : args.workspace;
      ForEach(n, 256, args, LargestOfBin<T>{Bound(r, slots, args), static_cast<T*>(args.out[out]), static_cast<int64_t*>(at)});
    });
  }
};

struct RoiPoolGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    Slots slots;
    const Shape& shape = c.Input("Out@GRAD").shape;
    const Regions<T> r = RegionsOf<T>(c, shape, &slots);
    return MakeKernel([=, n = shape.NumElements(), bytes = c.Input("X").shape.NumElements() * sizeof(T),
                       best = c.InputIndex("Argmax"), grad = c.InputIndex("Out@GRAD"),
                       out = c.OutputIndex("X@GRAD")](const KernelArgs& args) {
      FillZero(args.out[out], bytes, args);
      ForEachAdder<Device>(n, r.channels, args,
                           LargestBack<T>{Bound(r, slots, args), static_cast<const int64_t*>(args.in[best]),
                                          static_cast<const T*>(args.in[grad]), static_cast<T*>(args.out[out])});
    });
  }
};

[[maybe_unused]] void InferRegions(InferContext& c, bool by_position) {
  const Shape &x = c.InputShape("X"), &rois = c.InputShape("ROIs");
  SKIFF_ENFORCE(x.rank() == 4 && rois.rank() == 2 && rois[1] == 4, InvalidArgument, "X is ", x, ", ROIs ", rois,
                "; expected [images, channels, height, width] and [rois, 4]");
  const int64_t height = c.Attr<int64_t>("pooled_height"), width = c.Attr<int64_t>("pooled_width");
  SKIFF_ENFORCE(height > 0 && width > 0 && c.Attr<float>("spatial_scale") > 0, InvalidArgument, "pooled_height is ",
                height, ", pooled_width ", width, ", spatial_scale ", c.Attr<float>("spatial_scale"), "; they must be positive");
  SKIFF_ENFORCE((x[2] != 0 && x[3] != 0) || rois[0] == 0, InvalidArgument, "X is ", x, " and has no pixels");
  int64_t channels = x[1];
  if (by_position) {
    channels = c.Attr<int64_t>("output_channels");
    SKIFF_ENFORCE(channels > 0 && (x[1] < 0 || x[1] == channels * height * width), InvalidArgument, "X is ", x,
                  ", output_channels ", channels, "; expected ", channels * height * width, " channels of X");
  }
  const Shape out{rois[0], channels, height, width};
  c.SetOutput("Out", TensorMeta{out, c.InputDType("X"), c.Input("ROIs").lod_level});
  c.SetOutput("Argmax", out, DType::kInt64);
}

}  // namespace

#define SKIFF_ROI_INPUTS                                                     \
  .Input("X", "[images, channels, height, width]")                           \
      .Input("ROIs", "[rois, 4]: x1, y1, x2, y2 in pixels of the image")     \
      .OptionalInput("RoisNum", "int32, [images]: ROIs of each; without it there is one image")

SKIFF_OP(roi_align)
    .Doc("Out holds for each ROI the means of X at evenly spread points of pooled_height x pooled_width bins.")
    .Source("He et al., Mask R-CNN, 2017; paddle.vision.ops.roi_align")
    SKIFF_ROI_INPUTS
    .Output("Out", "[rois, channels, pooled_height, pooled_width]")
    .Attr("pooled_height", 1, "bins")
    .Attr("pooled_width", 1, "bins")
    .Attr("spatial_scale", 1.0f, "pixels of X for a pixel of the image")
    .Attr("sampling_ratio", -1, "points of a bin along each axis; -1: one for each pixel")
    .Attr("aligned", false, "pixels' centres are at halves")
    .InferShape([](InferContext& c) { InferRegions(c, false); })
    .Gradient(StandardGrad({"X", "ROIs", "RoisNum"}, {}, {"Out"}, {"X"}))
    .Kernel<MeanOfBins<AlignBin>, float, double>();

SKIFF_OP(roi_align_grad)
    .Doc("Out@GRAD spread over the pixels that Out was read from.")
    SKIFF_ROI_INPUTS
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("pooled_height", 1, "as in roi_align")
    .Attr("pooled_width", 1, "as in roi_align")
    .Attr("spatial_scale", 1.0f, "as in roi_align")
    .Attr("sampling_ratio", -1, "as in roi_align")
    .Attr("aligned", false, "as in roi_align")
    .InferShape(GradsLikeInputs())
    .Kernel<MeanOfBinsGrad<AlignBin>, float, double>();

SKIFF_OP(roi_pool)
    .Doc("Out holds for each ROI the largest pixels of X in pooled_height x pooled_width bins; 0 for an empty bin.")
    .Source("Girshick, Fast R-CNN, 2015; paddle.vision.ops.roi_pool")
    SKIFF_ROI_INPUTS
    .Output("Out", "[rois, channels, pooled_height, pooled_width]")
    .OptionalOutput("Argmax", "int64, shape of Out: row * width + column in X; -1 for an empty bin")
    .Attr("pooled_height", 1, "bins")
    .Attr("pooled_width", 1, "bins")
    .Attr("spatial_scale", 1.0f, "pixels of X for a pixel of the image")
    .InferShape([](InferContext& c) { InferRegions(c, false); })
    .Gradient(StandardGrad({"X", "ROIs", "RoisNum"}, {"Argmax"}, {"Out"}, {"X"}))
    .Kernel<RoiPool, float, double>();

SKIFF_OP(roi_pool_grad)
    .Doc("Out@GRAD added to the pixels that were largest.")
    SKIFF_ROI_INPUTS
    .Input("Argmax", "of roi_pool")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("pooled_height", 1, "as in roi_pool")
    .Attr("pooled_width", 1, "as in roi_pool")
    .Attr("spatial_scale", 1.0f, "as in roi_pool")
    .InferShape(GradsLikeInputs())
    .Kernel<RoiPoolGrad, float, double>();

SKIFF_OP(psroi_pool)
    .Doc("Out holds for each ROI and bin the mean of the bin's pixels in a channel of X that belongs to the bin.")
    .Source("Dai et al., R-FCN, 2016; paddle.vision.ops.psroi_pool")
    SKIFF_ROI_INPUTS
    .Output("Out", "[rois, output_channels, pooled_height, pooled_width]")
    .RequiredAttr<int32_t>("output_channels", "channels of X / bins")
    .Attr("pooled_height", 1, "bins")
    .Attr("pooled_width", 1, "bins")
    .Attr("spatial_scale", 1.0f, "pixels of X for a pixel of the image")
    .InferShape([](InferContext& c) { InferRegions(c, true); })
    .Gradient(StandardGrad({"X", "ROIs", "RoisNum"}, {}, {"Out"}, {"X"}))
    .Kernel<MeanOfBins<PositionBin>, float, double>();

SKIFF_OP(psroi_pool_grad)
    .Doc("Out@GRAD spread over the pixels that Out was read from.")
    SKIFF_ROI_INPUTS
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .RequiredAttr<int32_t>("output_channels", "as in psroi_pool")
    .Attr("pooled_height", 1, "as in psroi_pool")
    .Attr("pooled_width", 1, "as in psroi_pool")
    .Attr("spatial_scale", 1.0f, "as in psroi_pool")
    .InferShape(GradsLikeInputs())
    .Kernel<MeanOfBinsGrad<PositionBin>, float, double>();

}  // namespace skiff
