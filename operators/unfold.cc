// Sliding blocks of an image as columns, and back: unfold and fold. Each is the other's gradient.
#include "framework/op/op_schema.h"
#include "operators/conv_geometry.h"
#include "operators/kernel/for_each.h"

namespace skiff {

namespace {

/// ImageBlocks of an image; the arrays hold height and width.
struct ImageBlocks {
  int64_t batch = 0, channels = 0, image[2] = {}, blocks[2] = {};  // blocks along each axis
  int64_t kernel[2] = {}, stride[2] = {}, dilation[2] = {}, before[2] = {};

  SKIFF_HD int64_t PerImage() const { return blocks[0] * blocks[1]; }
  Shape ImageShape() const { return {batch, channels, image[0], image[1]}; }
  Shape ColumnShape() const { return {batch, channels * kernel[0] * kernel[1], PerImage()}; }
};

/// columns[n, (c, i, j), (y, x)] = image[n, c, y * stride - before + i * dilation, ...], 0 outside.
template <typename T>
struct BlocksToColumns {
  ImageBlocks b;
  const T* image;
  T* columns;
  SKIFF_HD void operator()(int64_t at) const {
    const int64_t bx = at % b.blocks[1], by = at / b.blocks[1] % b.blocks[0], row = at / b.PerImage();
    const int64_t j = row % b.kernel[1], i = row / b.kernel[1] % b.kernel[0], plane = row / b.kernel[1] / b.kernel[0];
    const int64_t y = by * b.stride[0] - b.before[0] + i * b.dilation[0];
    const int64_t x = bx * b.stride[1] - b.before[1] + j * b.dilation[1];
    const bool inside = y >= 0 && y < b.image[0] && x >= 0 && x < b.image[1];
    columns[at] = inside ? image[(plane * b.image[0] + y) * b.image[1] + x] : T(0);
  }
};

/// image[n, c, y, x] = the sum of the columns' elements that were read there.
template <typename T>
struct ToImage {
  ImageBlocks b;
  const T* columns;
  T* image;
  SKIFF_HD void operator()(int64_t at) const {
    const int64_t x = at % b.image[1], y = at / b.image[1] % b.image[0], plane = at / b.image[1] / b.image[0];
    T sum = 0;
    for (int64_t i = 0; i < b.kernel[0]; ++i) {
      const int64_t from_y = y + b.before[0] - i * b.dilation[0], by = from_y / b.stride[0];
      if (from_y < 0 || from_y % b.stride[0] != 0 || by >= b.blocks[0]) continue;
      for (int64_t j = 0; j < b.kernel[1]; ++j) {
        const int64_t from_x = x + b.before[1] - j * b.dilation[1], bx = from_x / b.stride[1];
        if (from_x < 0 || from_x % b.stride[1] != 0 || bx >= b.blocks[1]) continue;
        sum += columns[((plane * b.kernel[0] + i) * b.kernel[1] + j) * b.PerImage() + by * b.blocks[1] + bx];
      }
    }
    image[at] = sum;
  }
};

[[maybe_unused]] void ReadTwo(const Attrs& attrs, const char* name, int64_t (&two)[2]) {
  int64_t sizes[3];
  ReadSizes(attrs, name, 2, sizes);
  two[0] = sizes[1];
  two[1] = sizes[2];
}

/// The blocks over an image; its extents may be -1 and so then are the blocks.
ImageBlocks ReadBlocks(const Attrs& attrs, int64_t batch, int64_t channels, int64_t height, int64_t width) {
  ImageBlocks b;
  b.batch = batch;
  b.channels = channels;
  b.image[0] = height;
  b.image[1] = width;
  ReadTwo(attrs, "kernel_sizes", b.kernel);
  ReadTwo(attrs, "strides", b.stride);
  ReadTwo(attrs, "dilations", b.dilation);
  const auto paddings = attrs.Get<std::vector<int32_t>>("paddings");
  SKIFF_ENFORCE(paddings.size() == 4, InvalidArgument, "paddings has ", paddings.size(),
                " numbers; expected 4 (top, left, bottom, right)");
  for (int i = 0; i < 2; ++i) {
    SKIFF_ENFORCE(paddings[i] >= 0 && paddings[i + 2] >= 0, InvalidArgument, "paddings has the negative number ",
                  std::min(paddings[i], paddings[i + 2]));
    b.before[i] = paddings[i];
    b.blocks[i] = -1;
    if (b.image[i] < 0) continue;
    const int64_t room = b.image[i] + paddings[i] + paddings[i + 2] - b.dilation[i] * (b.kernel[i] - 1) - 1;
    SKIFF_ENFORCE(room >= 0, InvalidArgument, "the ", i == 0 ? "height" : "width", " ", b.image[i],
                  " with its paddings is less than one block of ", b.kernel[i], " with dilation ", b.dilation[i]);
    b.blocks[i] = room / b.stride[i] + 1;
  }
  constexpr int64_t kMost = int64_t{1} << 40;  // of blocks, and of a block's elements; products of both follow
  SKIFF_ENFORCE(b.kernel[0] * b.kernel[1] <= kMost && (b.blocks[0] < 0 || b.blocks[0] <= kMost / std::max<int64_t>(b.blocks[1], 1)),
                ResourceExhausted, b.blocks[0], " x ", b.blocks[1], " blocks of ", b.kernel[0], " x ", b.kernel[1],
                " pixels are more than memory can hold");
  return b;
}

ImageBlocks BlocksOfImage(const Attrs& attrs, const Shape& x) {
  SKIFF_ENFORCE(x.rank() == 4, InvalidArgument, "X is ", x, "; expected [batch, channels, height, width]");
  return ReadBlocks(attrs, x[0], x[1], x[2], x[3]);
}

ImageBlocks BlocksOfColumns(const Attrs& attrs, const Shape& x) {
  SKIFF_ENFORCE(x.rank() == 3, InvalidArgument, "X is ", x, "; expected [batch, channels * block, blocks]");
  int64_t size[2];
  ReadTwo(attrs, "output_sizes", size);
  ImageBlocks b = ReadBlocks(attrs, x[0], -1, size[0], size[1]);
  const int64_t block = b.kernel[0] * b.kernel[1];
  if (x[1] >= 0) {
    SKIFF_ENFORCE(x[1] % block == 0, InvalidArgument, "X is ", x, "; its axis 1 must be a multiple of the ", block,
                  " elements of a block");
    b.channels = x[1] / block;
  }
  SKIFF_ENFORCE(x[2] < 0 || x[2] == b.PerImage(), InvalidArgument, "X is ", x, "; an image of ", size[0], " x ", size[1],
                " has ", b.blocks[0], " x ", b.blocks[1], " blocks");
  return b;
}

template <typename T, template <typename> typename Direction>
std::unique_ptr<Kernel> Move(const ImageBlocks& b, int64_t n, int from) {
  return MakeKernel([=](const KernelArgs& args) {
    ForEach(n, 512, args, Direction<T>{b, static_cast<const T*>(args.in[from]), static_cast<T*>(args.out[0])});
  });
}

struct Unfold {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return Move<T, BlocksToColumns>(BlocksOfImage(c.attrs(), c.Input("X").shape), c.Output("Y").shape.NumElements(), 0);
  }
};
struct UnfoldGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    return Move<T, ToImage>(BlocksOfImage(c.attrs(), x), x.NumElements(), c.InputIndex("Y@GRAD"));
  }
};
struct Fold {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return Move<T, ToImage>(BlocksOfColumns(c.attrs(), c.Input("X").shape), c.Output("Y").shape.NumElements(), 0);
  }
};
struct FoldGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    return Move<T, BlocksToColumns>(BlocksOfColumns(c.attrs(), x), x.NumElements(), c.InputIndex("Y@GRAD"));
  }
};

}  // namespace

#define SKIFF_BLOCK_ATTRS                                                                           \
  .RequiredAttr<std::vector<int32_t>>("kernel_sizes", "height and width of a block")                \
      .Attr("strides", std::vector<int32_t>{1, 1}, "between blocks: height, width")                 \
      .Attr("paddings", std::vector<int32_t>{0, 0, 0, 0}, "zeros around: top, left, bottom, right") \
      .Attr("dilations", std::vector<int32_t>{1, 1}, "between a block's elements: height, width")

SKIFF_OP(unfold)
    .Doc("Y[n, (c, i, j), b] = element i, j of block b of channel c of X.")
    .Source("paddle.nn.functional.unfold")
    .Input("X", "[batch, channels, height, width]")
    .Output("Y", "[batch, channels * kernel height * kernel width, blocks]")
    SKIFF_BLOCK_ATTRS
    .InferShape([](InferContext& c) {
      const ImageBlocks b = BlocksOfImage(c.attrs(), c.InputShape("X"));
      Shape out = b.ColumnShape();
      if (b.channels < 0) out[1] = -1;
      if (b.blocks[0] < 0 || b.blocks[1] < 0) out[2] = -1;
      c.SetOutput("Y", out, c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X"}, {}, {"Y"}, {"X"}))
    .Kernel<Unfold, float, double>();

SKIFF_OP(unfold_grad)
    .Doc("X@GRAD = the sum of the elements of Y@GRAD that were read from each pixel.")
    .Input("X", "as in unfold")
    .Input("Y@GRAD", "as Y of unfold")
    .Output("X@GRAD", "shape of X")
    SKIFF_BLOCK_ATTRS
    .InferShape(GradsLikeInputs())
    .Kernel<UnfoldGrad, float, double>();

SKIFF_OP(fold)
    .Doc("Y = the image whose blocks, where they overlap, add up to X: the gradient of unfold as an operator.")
    .Source("paddle.nn.functional.fold")
    .Input("X", "[batch, channels * kernel height * kernel width, blocks]")
    .Output("Y", "[batch, channels, output height, output width]")
    .RequiredAttr<std::vector<int32_t>>("output_sizes", "height and width of the image")
    SKIFF_BLOCK_ATTRS
    .InferShape([](InferContext& c) {
      c.SetOutput("Y", BlocksOfColumns(c.attrs(), c.InputShape("X")).ImageShape(), c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X"}, {}, {"Y"}, {"X"}))
    .Kernel<Fold, float, double>();

SKIFF_OP(fold_grad)
    .Doc("X@GRAD = unfold(Y@GRAD).")
    .Input("X", "as in fold")
    .Input("Y@GRAD", "as Y of fold")
    .Output("X@GRAD", "shape of X")
    .RequiredAttr<std::vector<int32_t>>("output_sizes", "as in fold")
    SKIFF_BLOCK_ATTRS
    .InferShape(GradsLikeInputs())
    .Kernel<FoldGrad, float, double>();

}  // namespace skiff
