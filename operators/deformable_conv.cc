// Convolution whose taps are moved by offsets that the network computes: the image is sampled into columns
// between pixels, then a product of matrices with the filter, for each image and group.
#include "framework/op/op_schema.h"
#include "operators/conv_geometry.h"
#include "operators/kernel/add_to.h"
#include "operators/kernel/gemm.h"

namespace skiff {

namespace {

/// The arrays hold height and width.
struct Deformed {
  int64_t batch = 0, channels = 0, in[2] = {}, out_channels = 0, out[2] = {};
  int64_t kernel[2] = {}, stride[2] = {}, dilation[2] = {}, before[2] = {};
  int64_t groups = 1, offset_groups = 1;

  SKIFF_HD int64_t Taps() const { return kernel[0] * kernel[1]; }
  SKIFF_HD int64_t Pixels() const { return in[0] * in[1]; }
  SKIFF_HD int64_t Points() const { return out[0] * out[1]; }
  int64_t Columns() const { return channels * Taps() * Points(); }  // elements of one image
};

/// The four pixels around the place where a tap reads; nothing outside of the image.
template <typename T>
struct Tap {
  int64_t y, x;  // of the upper left one
  T fy, fx;
  bool reads;

  // `point` is an output's position; offsets are those of the image and the group of channels.
  SKIFF_HD Tap(const Deformed& d, const T* offsets, int64_t tap, int64_t point) {
    const int64_t row = point / d.out[1], column = point % d.out[1], i = tap / d.kernel[1], j = tap % d.kernel[1];
    const T at_y = static_cast<T>(row * d.stride[0] - d.before[0] + i * d.dilation[0]) + offsets[2 * tap * d.Points() + point];
    const T at_x = static_cast<T>(column * d.stride[1] - d.before[1] + j * d.dilation[1]) +
                   offsets[(2 * tap + 1) * d.Points() + point];
    reads = at_y > -1 && at_x > -1 && at_y < static_cast<T>(d.in[0]) && at_x < static_cast<T>(d.in[1]);
    const T low_y = reads ? math::Floor(at_y) : T(0), low_x = reads ? math::Floor(at_x) : T(0);
    y = static_cast<int64_t>(low_y);
    x = static_cast<int64_t>(low_x);
    fy = at_y - low_y;
    fx = at_x - low_x;
  }
  // Calls f(pixel, weight, weight's slope along y, along x) for those inside.
  template <typename F>
  SKIFF_HD void Visit(const Deformed& d, const F& f) const {
    if (!reads) return;
    for (int k = 0; k < 4; ++k) {
      const int64_t py = y + k / 2, px = x + k % 2;
      if (py < 0 || py >= d.in[0] || px < 0 || px >= d.in[1]) continue;
      const T wy = k / 2 ? fy : 1 - fy, wx = k % 2 ? fx : 1 - fx;
      f(py * d.in[1] + px, wy * wx, k / 2 ? wx : -wx, k % 2 ? wy : -wy);
    }
  }
};

/// Where the numbers of one image begin. `mask` is null for deformable_conv_v1.
template <typename T>
struct ImageOperands {
  const T *x, *offset, *mask;
};

template <typename T>
struct ToColumns {  // i: (channel, tap, point)
  Deformed d;
  ImageOperands<T> image;
  T* columns;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t point = i % d.Points(), tap = i / d.Points() % d.Taps(), c = i / d.Points() / d.Taps();
    const int64_t group = c / (d.channels / d.offset_groups);
    const T* plane = image.x + c * d.Pixels();
    T sum = 0;
    Tap<T>(d, image.offset + group * 2 * d.Taps() * d.Points(), tap, point)
        .Visit(d, [&](int64_t pixel, T weight, T, T) { sum += weight * plane[pixel]; });
    if (image.mask != nullptr) sum *= image.mask[(group * d.Taps() + tap) * d.Points() + point];
    columns[i] = sum;
  }
};

template <typename T>
struct ToImageGrad {  // i: (channel, tap, point); all of a channel belong together
  Deformed d;
  ImageOperands<T> image;
  const T* columns_grad;
  T* x_grad;
  SKIFF_HD void One(int64_t i) const {
    const int64_t point = i % d.Points(), tap = i / d.Points() % d.Taps(), c = i / d.Points() / d.Taps();
    const int64_t group = c / (d.channels / d.offset_groups);
    T g = columns_grad[i];
    if (image.mask != nullptr) g *= image.mask[(group * d.Taps() + tap) * d.Points() + point];
    T* plane = x_grad + c * d.Pixels();
    Tap<T>(d, image.offset + group * 2 * d.Taps() * d.Points(), tap, point)
        .Visit(d, [&](int64_t pixel, T weight, T, T) { AddTo(plane + pixel, static_cast<double>(weight * g)); });
  }
};

template <typename T>
struct ToOffsetGrad {  // i: (offset group, tap, point)
  Deformed d;
  ImageOperands<T> image;
  const T* columns_grad;
  T *offset_grad, *mask_grad;  // may be null
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t point = i % d.Points(), tap = i / d.Points() % d.Taps(), group = i / d.Points() / d.Taps();
    const int64_t per_group = d.channels / d.offset_groups;
    const Tap<T> at(d, image.offset + group * 2 * d.Taps() * d.Points(), tap, point);
    T value = 0, along_y = 0, along_x = 0;
    for (int64_t c = group * per_group; c < (group + 1) * per_group; ++c) {
      const T g = columns_grad[(c * d.Taps() + tap) * d.Points() + point];
      const T* plane = image.x + c * d.Pixels();
      at.Visit(d, [&](int64_t pixel, T weight, T slope_y, T slope_x) {
        value += g * weight * plane[pixel];
        along_y += g * slope_y * plane[pixel];
        along_x += g * slope_x * plane[pixel];
      });
    }
    const T mask = image.mask == nullptr ? T(1) : image.mask[i];
    if (mask_grad != nullptr) mask_grad[i] = value;
    if (offset_grad == nullptr) return;
    T* to = offset_grad + (group * 2 * d.Taps() + 2 * tap) * d.Points() + point;
    to[0] = along_y * mask;
    to[d.Points()] = along_x * mask;
  }
};

Deformed ReadDeformed(const Attrs& attrs, const Shape& x, const Shape& filter, const Shape& offset) {
  SKIFF_ENFORCE(x.rank() == 4 && filter.rank() == 4 && offset.rank() == 4, InvalidArgument, "Input is ", x, ", Filter ",
                filter, ", Offset ", offset, "; each has four axes");
  Deformed d;
  d.batch = x[0];
  d.channels = x[1];
  d.out_channels = filter[0];
  d.groups = attrs.Get<int32_t>("groups");
  d.offset_groups = attrs.Get<int32_t>("deformable_groups");
  SKIFF_ENFORCE(d.groups > 0 && d.offset_groups > 0 && d.channels % d.offset_groups == 0 && d.out_channels % d.groups == 0 &&
                    filter[1] * d.groups == d.channels,
                InvalidArgument, "Input is ", x, ", Filter ", filter, ", groups ", d.groups, ", deformable_groups ",
                d.offset_groups, "; the groups must divide the channels and Filter hold [out, channels / groups, height, width]");
  int64_t stride[3], dilation[3];
  ReadSizes(attrs, "strides", 2, stride);
  ReadSizes(attrs, "dilations", 2, dilation);
  const auto paddings = attrs.Get<std::vector<int32_t>>("paddings");
  SKIFF_ENFORCE(paddings.size() == 2 && paddings[0] >= 0 && paddings[1] >= 0, InvalidArgument, "paddings must be two ",
                "numbers (height, width), not negative; there are ", paddings.size());
  for (int i = 0; i < 2; ++i) {
    d.in[i] = x[2 + i];
    d.kernel[i] = filter[2 + i];
    d.stride[i] = stride[1 + i];
    d.dilation[i] = dilation[1 + i];
    d.before[i] = paddings[i];
    d.out[i] = -1;
    if (d.in[i] < 0) continue;
    const int64_t room = d.in[i] + 2 * d.before[i] - d.dilation[i] * (d.kernel[i] - 1) - 1;
    SKIFF_ENFORCE(room >= 0, InvalidArgument, "the ", i == 0 ? "height" : "width", " ", d.in[i], " with padding ",
                  d.before[i], " is less than the filter's extent");
    d.out[i] = room / d.stride[i] + 1;
  }
  const int64_t expected = 2 * d.offset_groups * d.Taps();
  SKIFF_ENFORCE((offset[1] < 0 || offset[1] == expected) && (offset[2] < 0 || d.out[0] < 0 || offset[2] == d.out[0]) &&
                    (offset[3] < 0 || d.out[1] < 0 || offset[3] == d.out[1]) && (offset[0] < 0 || x[0] < 0 || offset[0] == x[0]),
                InvalidArgument, "Offset is ", offset, "; expected [", x[0], ", ", expected, ", ", d.out[0], ", ", d.out[1],
                "], two for each tap and output pixel");
  return d;
}

[[maybe_unused]] void InferDeformable(InferContext& c) {
  const Deformed d = ReadDeformed(c.attrs(), c.InputShape("Input"), c.InputShape("Filter"), c.InputShape("Offset"));
  if (c.HasInput("Mask")) {
    const Shape& mask = c.InputShape("Mask");
    SKIFF_ENFORCE(mask.rank() == 4 && (mask[0] < 0 || d.batch < 0 || mask[0] == d.batch) &&
                      (mask[1] < 0 || mask[1] == d.offset_groups * d.Taps()) &&
                      (mask[2] < 0 || d.out[0] < 0 || mask[2] == d.out[0]) && (mask[3] < 0 || d.out[1] < 0 || mask[3] == d.out[1]),
                  InvalidArgument, "Mask is ", mask, "; expected [", d.batch, ", ", d.offset_groups * d.Taps(), ", ", d.out[0],
                  ", ", d.out[1], "]");
  }
  c.SetOutput("Output", Shape{d.batch, d.out_channels, d.out[0], d.out[1]}, c.InputDType("Input"));
}

Deformed DeformedOf(const PrepareContext& c) {
  return ReadDeformed(c.attrs(), c.Input("Input").shape, c.Input("Filter").shape, c.Input("Offset").shape);
}

template <typename T>
struct Operands {
  int x, filter, offset, mask;
  explicit Operands(const PrepareContext& c)
      : x(c.InputIndex("Input")), filter(c.InputIndex("Filter")), offset(c.InputIndex("Offset")),
        mask(c.HasInput("Mask") ? c.InputIndex("Mask") : -1) {}
  ImageOperands<T> Image(const Deformed& d, const KernelArgs& args, int64_t n) const {
    const int64_t taps = n * d.offset_groups * d.Taps() * d.Points();
    return {static_cast<const T*>(args.in[x]) + n * d.channels * d.Pixels(), static_cast<const T*>(args.in[offset]) + 2 * taps,
            mask < 0 ? nullptr : static_cast<const T*>(args.in[mask]) + taps};
  }
};

struct Deformable {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Deformed d = DeformedOf(c);
    c.RequestWorkspace(d.Columns() * sizeof(T));
    return MakeKernel([d, in = Operands<T>(c)](const KernelArgs& args) {
      T* columns = static_cast<T*>(args.workspace);
      const T* filter = static_cast<const T*>(args.in[in.filter]);
      const int64_t rows = d.out_channels / d.groups, depth = d.channels / d.groups * d.Taps(), points = d.Points();
      for (int64_t n = 0; n < d.batch; ++n) {
        ForEach(d.Columns(), 64, args, ToColumns<T>{d, in.Image(d, args, n), columns});
        T* out = static_cast<T*>(args.out[0]) + n * d.out_channels * points;
        for (int64_t g = 0; g < d.groups; ++g) {
          Gemm(args, false, false, rows, points, depth, filter + g * rows * depth, columns + g * depth * points, T(0),
               out + g * rows * points);
        }
      }
    });
  }
};

struct DeformableGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Deformed d = DeformedOf(c);
    c.RequestWorkspace(d.Columns() * sizeof(T));
    const auto index = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    return MakeKernel([d, in = Operands<T>(c), dout = c.InputIndex("Output@GRAD"), dx = index("Input@GRAD"),
                       dfilter = index("Filter@GRAD"), doffset = index("Offset@GRAD"),
                       dmask = index("Mask@GRAD")](const KernelArgs& args) {
      T* columns = static_cast<T*>(args.workspace);
      const T* filter = static_cast<const T*>(args.in[in.filter]);
      const int64_t rows = d.out_channels / d.groups, depth = d.channels / d.groups * d.Taps(), points = d.Points();
      const auto out = [&](int i) { return i < 0 ? nullptr : static_cast<T*>(args.out[i]); };
      if (dx >= 0) FillZero(args.out[dx], d.batch * d.channels * d.Pixels() * sizeof(T), args);
      if (dfilter >= 0) FillZero(args.out[dfilter], d.out_channels * depth * sizeof(T), args);
      for (int64_t n = 0; n < d.batch; ++n) {
        const ImageOperands<T> image = in.Image(d, args, n);
        const T* g = static_cast<const T*>(args.in[dout]) + n * d.out_channels * points;
        if (dfilter >= 0) {
          ForEach(d.Columns(), 64, args, ToColumns<T>{d, image, columns});
          for (int64_t k = 0; k < d.groups; ++k) {
            Gemm(args, false, true, rows, depth, points, g + k * rows * points, columns + k * depth * points, T(1),
                 out(dfilter) + k * rows * depth);
          }
        }
        if (dx < 0 && doffset < 0 && dmask < 0) continue;
        for (int64_t k = 0; k < d.groups; ++k) {
          Gemm(args, true, false, depth, points, rows, filter + k * rows * depth, g + k * rows * points, T(0),
               columns + k * depth * points);
        }
        if (dx >= 0) {
          ForEachInGroups(d.channels, d.Taps() * points, args,
                          ToImageGrad<T>{d, image, columns, out(dx) + n * d.channels * d.Pixels()});
        }
        const int64_t taps = d.offset_groups * d.Taps() * points;
        if (doffset >= 0 || dmask >= 0) {
          ForEach(taps, 16, args, ToOffsetGrad<T>{d, image, columns, doffset < 0 ? nullptr : out(doffset) + 2 * n * taps,
                                                  dmask < 0 ? nullptr : out(dmask) + n * taps});
        }
      }
    });
  }
};

}  // namespace

#define SKIFF_DEFORMABLE_SLOTS                                                                            \
  .Input("Input", "[batch, channels, height, width]")                                                     \
      .Input("Offset", "[batch, 2 deformable_groups taps, out height, out width]: (y, x) for each tap")   \
      .Input("Filter", "[out channels, channels / groups, height, width]")
#define SKIFF_DEFORMABLE_ATTRS                                                                            \
  .Attr("strides", std::vector<int32_t>{1, 1}, "step of the window: height, width")                       \
      .Attr("paddings", std::vector<int32_t>{0, 0}, "zeros around the input: height, width")              \
      .Attr("dilations", std::vector<int32_t>{1, 1}, "distance of the filter's taps: height, width")      \
      .Attr("groups", 1, "the channels fall into this many independent groups")                           \
      .Attr("deformable_groups", 1, "groups of channels with offsets of their own")                       \
      .Attr("im2col_step", 64, "images that Paddle takes at a time; not read")

SKIFF_OP(deformable_conv)
    .Doc("conv2d whose taps read at positions moved by Offset, between pixels, times Mask.")
    .Source("Zhu et al., Deformable ConvNets v2, 2018; paddle.vision.ops.deform_conv2d")
    SKIFF_DEFORMABLE_SLOTS
    .OptionalInput("Mask", "[batch, deformable_groups taps, out height, out width]")
    .Output("Output", "[batch, out channels, out height, out width]")
    SKIFF_DEFORMABLE_ATTRS
    .SameDType({"Input", "Offset", "Filter", "Mask"})
    .InferShape(InferDeformable)
    .Gradient(StandardGrad({"Input", "Offset", "Filter", "Mask"}, {}, {"Output"}, {"Input", "Offset", "Filter", "Mask"}))
    .Kernel<Deformable, float, double>();

SKIFF_OP(deformable_conv_grad)
    .Doc("The gradients of deformable_conv.")
    SKIFF_DEFORMABLE_SLOTS
    .OptionalInput("Mask", "as in deformable_conv")
    .Input("Output@GRAD", "as Output of deformable_conv")
    .OptionalOutput("Input@GRAD", "shape of Input")
    .OptionalOutput("Offset@GRAD", "shape of Offset")
    .OptionalOutput("Filter@GRAD", "shape of Filter")
    .OptionalOutput("Mask@GRAD", "shape of Mask")
    SKIFF_DEFORMABLE_ATTRS
    .InferShape(GradsLikeInputs())
    .Kernel<DeformableGrad, float, double>();

SKIFF_OP(deformable_conv_v1)
    .Doc("deformable_conv without Mask.")
    .Source("Dai et al., Deformable convolutional networks, 2017; paddle.vision.ops.deform_conv2d")
    SKIFF_DEFORMABLE_SLOTS
    .Output("Output", "[batch, out channels, out height, out width]")
    SKIFF_DEFORMABLE_ATTRS
    .SameDType({"Input", "Offset", "Filter"})
    .InferShape(InferDeformable)
    .Gradient(StandardGrad({"Input", "Offset", "Filter"}, {}, {"Output"}, {"Input", "Offset", "Filter"}))
    .Kernel<Deformable, float, double>();

SKIFF_OP(deformable_conv_v1_grad)
    .Doc("The gradients of deformable_conv_v1.")
    SKIFF_DEFORMABLE_SLOTS
    .Input("Output@GRAD", "as Output of deformable_conv_v1")
    .OptionalOutput("Input@GRAD", "shape of Input")
    .OptionalOutput("Offset@GRAD", "shape of Offset")
    .OptionalOutput("Filter@GRAD", "shape of Filter")
    SKIFF_DEFORMABLE_ATTRS
    .InferShape(GradsLikeInputs())
    .Kernel<DeformableGrad, float, double>();

}  // namespace skiff
