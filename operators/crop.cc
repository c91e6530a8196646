// A box out of a tensor: crop_tensor, and the older crop.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/strided.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

bool IsOld(const std::string& type) { return type.find("crop_tensor") == std::string::npos; }

template <typename Context>
auto OffsetsOf(const Context& c, const std::string& type) {
  return DecidedInts(c, IsOld(type) ? "" : "OffsetsTensor", "Offsets", "offsets");
}

[[maybe_unused]] void InferCrop(InferContext& c) {
  const TensorMeta& x = c.Input("X");
  const int rank = x.shape.rank();
  MaybeInts offsets = OffsetsOf(c, c.type()), wanted;
  if (offsets.empty()) offsets.resize(rank, 0);
  if (IsOld(c.type()) && c.HasInput("Y")) {
    for (int64_t extent : c.InputShape("Y")) wanted.push_back(extent < 0 ? std::nullopt : std::optional(extent));
  } else {
    wanted = DecidedInts(c, IsOld(c.type()) ? "" : "ShapeTensor", IsOld(c.type()) ? "" : "Shape", "shape");
    for (auto& extent : wanted) {
      if (extent == 0 && !c.at_runtime()) extent.reset();  // Paddle's layers write 0 for what a variable will tell
    }
  }
  SKIFF_ENFORCE(static_cast<int>(wanted.size()) == rank && static_cast<int>(offsets.size()) == rank, InvalidArgument, "X is ",
                x.shape, ", the shape has ", wanted.size(), " numbers and the offsets ", offsets.size(), "; expected ", rank,
                " each");
  Shape out = x.shape;
  for (int i = 0; i < rank; ++i) {
    const int64_t extent = x.shape[i];
    if (!wanted[i] || !offsets[i]) {
      out[i] = wanted[i] && *wanted[i] > 0 ? *wanted[i] : -1;
      continue;
    }
    const bool rest = *wanted[i] == -1;  // up to the end
    out[i] = rest ? (extent < 0 ? -1 : extent - *offsets[i]) : *wanted[i];
    SKIFF_ENFORCE(*offsets[i] >= 0 && (extent < 0 || (out[i] > 0 && *offsets[i] + out[i] <= extent)), InvalidArgument, "X is ",
                  x.shape, ", axis ", i, ": offset ", *offsets[i], " and shape ", *wanted[i], " leave the ", extent, " elements");
  }
  c.SetOutput("Out", TensorMeta{out, x.dtype, x.lod_level});
}

/// The box of shape `inner` in a tensor `outer`.
BoxStrides BoxIn(const PrepareContext& c, const Shape& outer) {
  BoxStrides box = Contiguous(outer);
  const std::vector<int64_t> offsets = OffsetsOf(c, c.op().type);
  for (size_t i = 0; i < offsets.size(); ++i) box.offset += offsets[i] * box.steps[i];
  return box;
}

struct Crop {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& out = c.Output("Out").shape;
    auto kernel = std::make_unique<CopyKernel>();
    kernel->Add(StridedCopy({out.begin(), out.end()}, BoxIn(c, c.Input("X").shape), Contiguous(out), sizeof(T)), c.InputIndex("X"), 0);
    return kernel;
  }
};

struct CropGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape &out = c.Input("Out@GRAD").shape, &x = c.Output("X@GRAD").shape;
    std::vector<int64_t> offsets = OffsetsOf(c, c.op().type);
    offsets.resize(std::max<size_t>(offsets.size(), static_cast<size_t>(x.rank())), 0);
    SKIFF_ENFORCE(out.rank() == x.rank() && static_cast<int>(offsets.size()) == x.rank(), InvalidArgument, "X is ", x, ", Out@GRAD ", out, ", with ",
                  offsets.size(), " offsets; all have as many axes");
    for (int i = 0; i < x.rank(); ++i) {
      SKIFF_ENFORCE(offsets[i] >= 0 && offsets[i] <= x[i] - out[i], InvalidArgument, "Out@GRAD is ", out, " at offset ", offsets[i], " of axis ", i,
                    "; X is ", x);
    }
    auto kernel = std::make_unique<CopyKernel>();
    kernel->ZeroFirst(0, x.NumElements() * sizeof(T));
    kernel->Add(StridedCopy({out.begin(), out.end()}, Contiguous(out), BoxIn(c, x), sizeof(T)), c.InputIndex("Out@GRAD"), 0);
    return kernel;
  }
};

}  // namespace

SKIFF_OP(crop_tensor)
    .Doc("Out = the box of X that begins at the offsets and has the given shape.")
    .Source("paddle.crop")
    .Input("X", "any shape")
    .HostInput("Shape", "the shape as a variable")
    .HostInputs("ShapeTensor", "one extent each, before all others")
    .HostInput("Offsets", "the offsets as a variable")
    .HostInputs("OffsetsTensor", "one offset each, before all others")
    .Output("Out", "the box")
    .Attr("shape", std::vector<int32_t>{}, "an extent for each axis; -1: up to the end")
    .Attr("offsets", std::vector<int32_t>{}, "where the box begins; none: 0")
    .InferShape(InferCrop)
    .Gradient(StandardGrad({"X", "Offsets", "OffsetsTensor"}, {}, {"Out"}, {"X"}))
    .Kernel<Crop, SKIFF_FLOATS, int32_t, int64_t, bool>();

SKIFF_OP(crop_tensor_grad)
    .Doc("X@GRAD = Out@GRAD in the box, 0 around it.")
    .Input("X", "as in crop_tensor")
    .HostInput("Offsets", "as in crop_tensor")
    .HostInputs("OffsetsTensor", "as in crop_tensor")
    .Input("Out@GRAD", "as Out of crop_tensor")
    .Output("X@GRAD", "shape of X")
    .Attr("shape", std::vector<int32_t>{}, "not read")
    .Attr("offsets", std::vector<int32_t>{}, "as in crop_tensor")
    .SameDType({"X", "Out@GRAD"})
    .InferShape(GradsLikeInputs())
    .Kernel<CropGrad, SKIFF_FLOATS>();

SKIFF_OP(crop)
    .Doc("Out = the box of X that begins at the offsets and has the given shape, or Y's.")
    .Source("fluid.layers.crop")
    .Input("X", "any shape")
    .OptionalInput("Y", "a tensor whose shape the box takes")
    .HostInput("Offsets", "the offsets as a variable")
    .Output("Out", "the box")
    .Attr("shape", std::vector<int32_t>{}, "an extent for each axis, where there is no Y")
    .Attr("offsets", std::vector<int32_t>{}, "where the box begins; none: 0")
    .InferShape(InferCrop)
    .Gradient(StandardGrad({"X", "Offsets"}, {}, {"Out"}, {"X"}))
    .Kernel<Crop, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(crop_grad)
    .Doc("X@GRAD = Out@GRAD in the box, 0 around it.")
    .Input("X", "as in crop")
    .HostInput("Offsets", "as in crop")
    .Input("Out@GRAD", "as Out of crop")
    .Output("X@GRAD", "shape of X")
    .Attr("shape", std::vector<int32_t>{}, "not read")
    .Attr("offsets", std::vector<int32_t>{}, "as in crop")
    .SameDType({"X", "Out@GRAD"})
    .InferShape(GradsLikeInputs())
    .Kernel<CropGrad, SKIFF_FLOATS>();

}  // namespace skiff
