// Windows over sequences and images: row_conv, which looks ahead, and im2sequence, whose steps are an image's patches.
#include <algorithm>
#include <limits>

#include "operators/host/sequences.h"

namespace skiff {

namespace {

// Rows of X in order, cut where no window reaches across: sequences, or the first axis of three.
std::vector<int64_t> RowCuts(const Tensor& x) {
  if (!x.lod().empty()) return Offsets(x, "X");
  SKIFF_ENFORCE(x.shape().rank() == 3, InvalidArgument, "X ", x.shape(), " has no sequences; expected them, or three axes");
  std::vector<int64_t> cuts{0};
  for (int64_t b = 0; b < x.shape()[0]; ++b) cuts.push_back(cuts.back() + x.shape()[1]);
  return cuts;
}

// Calls visit(row, later row, row of the filter) for each that meet.
template <typename Visit>
void LookAhead(const Tensor& x, const Shape& filter, const Visit& visit) {
  SKIFF_ENFORCE(filter.rank() == 2 && x.shape().rank() >= 2 && filter[1] == x.shape()[x.shape().rank() - 1], InvalidArgument,
                "Filter has shape ", filter, ", X ", x.shape(), "; expected [steps ahead, X's last extent]");
  const std::vector<int64_t> cuts = RowCuts(x);
  SKIFF_ENFORCE(cuts.back() * filter[1] <= x.num_elements(), OutOfRange, "the sequences of X end at row ", cuts.back(),
                " of ", x.shape());
  for (size_t s = 0; s + 1 < cuts.size(); ++s) {
    for (int64_t row = cuts[s]; row < cuts[s + 1]; ++row) {
      for (int64_t k = 0; k < filter[0] && row + k < cuts[s + 1]; ++k) visit(row, row + k, k);
    }
  }
}

void RowConv(DynamicContext& c) {
  const Tensor &x = c.InputTensor("X"), &filter = c.InputTensor("Filter");
  const std::vector<double> from = Doubles(x), weights = Doubles(filter);
  std::vector<double> out(from.size(), 0.0);
  LookAhead(x, filter.shape(), [&](int64_t row, int64_t later, int64_t k) {
    const int64_t width = filter.shape()[1];
    for (int64_t j = 0; j < width; ++j) out[row * width + j] += from[later * width + j] * weights[k * width + j];
  });
  OutWithLoD(c, "Out", FromDoubles(x.shape(), x.dtype(), out), x.lod());
}

void RowConvGrad(DynamicContext& c) {
  const Tensor &x = c.InputTensor("X"), &filter = c.InputTensor("Filter");
  const std::vector<double> from = Doubles(x), weights = Doubles(filter), dout = Doubles(c.InputTensor("Out@GRAD"));
  SKIFF_ENFORCE(dout.size() == from.size(), InvalidArgument, "Out@GRAD has ", dout.size(), " elements, X ", from.size());
  std::vector<double> dx(from.size(), 0.0), dfilter(weights.size(), 0.0);
  LookAhead(x, filter.shape(), [&](int64_t row, int64_t later, int64_t k) {
    const int64_t width = filter.shape()[1];
    for (int64_t j = 0; j < width; ++j) {
      dx[later * width + j] += dout[row * width + j] * weights[k * width + j];
      dfilter[k * width + j] += dout[row * width + j] * from[later * width + j];
    }
  });
  OutWithLoD(c, "X@GRAD", FromDoubles(x.shape(), x.dtype(), dx), x.lod());
  host::Out(c, "Filter@GRAD", FromDoubles(filter.shape(), filter.dtype(), dfilter));
}

constexpr int64_t kMostElements = int64_t{1} << 48;  // of all patches; no machine has memory for as many

struct Patches {
  int64_t batch, channels, height, width;
  int64_t kernel[2], stride[2], padding[4];  // up, left, down, right
  std::vector<std::pair<int64_t, int64_t>> counts = {};  // of each image, down and across
  int64_t patches = 0;                                   // of all images

  int64_t elements() const { return channels * kernel[0] * kernel[1]; }

  // Calls visit(element of the result, element of X) for each that lies within the image.
  template <typename Visit>
  void Each(const Visit& visit) const {
    int64_t to = 0;
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t p = 0; p < counts[b].first * counts[b].second; ++p) {
        const int64_t top = p / counts[b].second * stride[0] - padding[0], left = p % counts[b].second * stride[1] - padding[1];
        for (int64_t e = 0; e < elements(); ++e, ++to) {
          const int64_t y = top + e / kernel[1] % kernel[0], x = left + e % kernel[1];
          if (y < 0 || y >= height || x < 0 || x >= width) continue;
          visit(to, ((b * channels + e / kernel[1] / kernel[0]) * height + y) * width + x);
        }
      }
    }
  }
};

template <size_t n>
void Integers(const Attrs& attrs, const char* name, int64_t least, int64_t (&to)[n]) {
  const auto given = attrs.Get<std::vector<int64_t>>(name);
  SKIFF_ENFORCE(given.size() == n, InvalidArgument, "attribute ", name, " has ", given.size(), " elements; expected ", n);
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  for (const int64_t v : given) {
    SKIFF_ENFORCE(v >= least && v <= kMost, InvalidArgument, "attribute ", name, " holds ", v, "; expected ", least, " to ", kMost);
  }
  std::copy(given.begin(), given.end(), to);
}

Patches PatchesOf(const Attrs& attrs, const Shape& x) {
  SKIFF_ENFORCE(x.rank() == 4, InvalidArgument, "X has shape ", x, "; expected [batch, channels, height, width]");
  Patches p{x[0], x[1], x[2], x[3], {}, {}, {}};
  Integers(attrs, "kernels", 1, p.kernel);
  Integers(attrs, "strides", 1, p.stride);
  Integers(attrs, "paddings", 0, p.padding);
  SKIFF_ENFORCE(p.kernel[0] * p.kernel[1] <= kMostElements / std::max<int64_t>(p.channels, 1), ResourceExhausted, "a patch has ", p.channels,
                " channels of ", p.kernel[0], " x ", p.kernel[1], " pixels, more than memory can hold");
  return p;
}

Patches PatchesOf(const DynamicContext& c) {
  Patches p = PatchesOf(c.attrs(), c.InputTensor("X").shape());
  std::vector<double> real;
  if (host::Has(c, "Y") && p.batch > 1) real = Doubles(c.InputTensor("Y"));
  SKIFF_ENFORCE(real.empty() || static_cast<int64_t>(real.size()) == 2 * p.batch, InvalidArgument, "Y has ", real.size(),
                " elements; expected the height and the width of ", p.batch, " images");
  int64_t shrunk[2] = {1, 1};
  if (!real.empty()) Integers(c.attrs(), "out_stride", 1, shrunk);
  for (int64_t b = 0; b < p.batch; ++b) {
    int64_t size[2] = {p.height, p.width}, count[2];
    for (int d = 0; d < 2; ++d) {
      if (!real.empty()) {
        const int64_t given = static_cast<int64_t>(real[2 * b + d]);
        size[d] = (given + shrunk[d] - 1) / shrunk[d];
        SKIFF_ENFORCE(size[d] >= 0 && size[d] <= (d == 0 ? p.height : p.width), OutOfRange, "Y gives ", given, " for image ", b,
                      " of ", c.InputTensor("X").shape());
      }
      const int64_t room = size[d] + p.padding[d] + p.padding[d + 2] - p.kernel[d];
      SKIFF_ENFORCE(room >= 0, InvalidArgument, "a kernel of ", p.kernel[d], " exceeds an image of ", size[d], " with its padding");
      count[d] = room / p.stride[d] + 1;
    }
    p.counts.push_back({count[0], count[1]});
    int64_t patches = 0;
    const bool overflow = __builtin_mul_overflow(count[0], count[1], &patches) || __builtin_add_overflow(p.patches, patches, &p.patches);
    SKIFF_ENFORCE(!overflow && p.patches <= kMostElements / std::max<int64_t>(p.elements(), 1), ResourceExhausted, "image ", b, " has ",
                  count[0], " x ", count[1], " patches, more than memory can hold");
  }
  return p;
}

void ImageToSequence(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const Patches p = PatchesOf(c);
  std::vector<uint64_t> level{0};
  for (const auto& [down, across] : p.counts) level.push_back(level.back() + static_cast<uint64_t>(down * across));
  const int64_t rows = static_cast<int64_t>(level.back());
  const std::vector<double> from = Doubles(x);
  std::vector<double> out(rows * p.elements(), 0.0);
  p.Each([&](int64_t to, int64_t at) { out[to] = from[at]; });
  OutWithLoD(c, "Out", FromDoubles({rows, p.elements()}, x.dtype(), out), {level});
}

void ImageToSequenceGrad(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const Patches p = PatchesOf(c);
  const std::vector<double> dout = Doubles(c.InputTensor("Out@GRAD"));
  SKIFF_ENFORCE(static_cast<int64_t>(dout.size()) == p.patches * p.elements(), InvalidArgument, "Out@GRAD is ",
                c.InputTensor("Out@GRAD").shape(), "; X ", x.shape(), " has ", p.patches, " patches of ", p.elements(), " elements");
  std::vector<double> dx(x.num_elements(), 0.0);
  p.Each([&](int64_t to, int64_t at) { dx[at] += dout[to]; });
  host::Out(c, "X@GRAD", FromDoubles(x.shape(), x.dtype(), dx));
}

}  // namespace

SKIFF_OP(row_conv)
    .Doc("Out[t] = sum over k of X[t + k] Filter[k], within each sequence.")
    .Source("Amodei et al. 2016; names of Paddle's row_conv")
    .Input("X", "sequences [rows, width], or [batch, rows, width]")
    .Input("Filter", "[steps ahead, the present one among them; width]")
    .Output("Out", "shape and sequences of X")
    .InferShape([](InferContext& c) { c.SetOutput("Out", TensorMeta(c.Input("X"))); })
    .Gradient(StandardGrad({"X", "Filter"}, {}, {"Out"}, {"X", "Filter"}))
    .Dynamic(RowConv);

SKIFF_OP(row_conv_grad)
    .Doc("The gradients of row_conv.")
    .Source("derivative of row_conv")
    .Input("X", "of row_conv")
    .Input("Filter", "of row_conv")
    .Input("Out@GRAD", "shape of Out")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Filter@GRAD", "shape of Filter")
    .InferShape(GradsLikeInputs())
    .Dynamic(RowConvGrad);

SKIFF_OP(im2sequence)
    .Doc("A sequence of each image: its patches, row by row, each flattened as [channels, kernel height, kernel width].")
    .Source("names and defaults of Paddle's im2sequence")
    .Input("X", "[batch, channels, height, width]")
    .OptionalInput("Y", "[batch, 2]: heights and widths before the network shrank them by out_stride; not read for a single image")
    .Output("Out", "[patches of all images, channels * kernel height * kernel width]")
    .RequiredAttr<std::vector<int64_t>>("kernels", "height and width of a patch")
    .Attr("strides", std::vector<int64_t>{1, 1}, "steps down and across")
    .Attr("paddings", std::vector<int64_t>{0, 0, 0, 0}, "zeros above, left, below, right")
    .Attr("out_stride", std::vector<int64_t>{1, 1}, "what Y is divided by, rounded up")
    .InferShape([](InferContext& c) {
      const Shape& x = c.InputShape("X");
      const Patches p = PatchesOf(c.attrs(), x);
      c.SetOutput("Out", TensorMeta{Shape{-1, x[1] < 0 ? -1 : p.elements()}, c.InputDType("X"), 1});
    })
    .Gradient(StandardGrad({"X", "Y"}, {}, {"Out"}, {"X"}))
    .Dynamic(ImageToSequence);

SKIFF_OP(im2sequence_grad)
    .Doc("The gradient of im2sequence.")
    .Source("derivative of im2sequence")
    .Input("X", "of im2sequence")
    .OptionalInput("Y", "of im2sequence")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .RequiredAttr<std::vector<int64_t>>("kernels", "of im2sequence")
    .Attr("strides", std::vector<int64_t>{1, 1}, "of im2sequence")
    .Attr("paddings", std::vector<int64_t>{0, 0, 0, 0}, "of im2sequence")
    .Attr("out_stride", std::vector<int64_t>{1, 1}, "of im2sequence")
    .InferShape(GradsLikeInputs())
    .Dynamic(ImageToSequenceGrad);

}  // namespace skiff
