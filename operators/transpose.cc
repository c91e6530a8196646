// transpose2 and its older form: permute the axes.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/strided.h"

namespace skiff {

namespace {

// The permutation, checked: out[i] is in[axis[i]].
std::vector<int> Permutation(const Attrs& attrs, int rank) {
  const auto given = attrs.Get<std::vector<int64_t>>("axis");
  SKIFF_ENFORCE(static_cast<int>(given.size()) == rank, InvalidArgument, "axis holds ", given.size(),
                " entries for a tensor of ", rank, " dimensions; they must be equal");
  std::vector<int> axis;
  bool seen[Shape::kMaxRank] = {};
  for (int64_t a : given) {
    axis.push_back(NormalizeAxis(a, rank));
    SKIFF_ENFORCE(!seen[axis.back()], InvalidArgument, "axis names dimension ", axis.back(), " twice");
    seen[axis.back()] = true;
  }
  return axis;
}

Shape PermutedShape(const Shape& shape, const std::vector<int>& axis) {
  Shape out;
  for (int a : axis) out.Append(shape[a]);
  return out;
}

void InferTranspose(InferContext& c) {
  const TensorMeta& x = c.Input("X");
  const Shape out = PermutedShape(x.shape, Permutation(c.attrs(), x.shape.rank()));
  Shape x_shape = x.shape;
  const DType dtype = x.dtype;
  if (c.HasOutput("XShape")) {
    x_shape.Insert(0, 0);
    c.SetOutput("XShape", x_shape, dtype);
  }
  c.SetOutput("Out", out, dtype);
}

// The inverse permutation brings Out@GRAD's extents back.
void InferTransposeGrad(InferContext& c) {
  const TensorMeta out_grad = c.Input("Out@GRAD");
  const std::vector<int> axis = Permutation(c.attrs(), out_grad.shape.rank());
  Shape x = out_grad.shape;
  for (size_t i = 0; i < axis.size(); ++i) x[axis[i]] = out_grad.shape[static_cast<int>(i)];
  c.SetOutput("X@GRAD", x, out_grad.dtype);
}

struct Transpose {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const TensorInfo& x = c.Input("X");
    const std::vector<int> axis = Permutation(c.attrs(), x.shape.rank());
    const Shape out = PermutedShape(x.shape, axis);
    const std::vector<int64_t> steps = ContiguousSteps(x.shape);
    BoxStrides from;
    for (int a : axis) from.steps.push_back(steps[a]);
    auto kernel = std::make_unique<CopyKernel>();
    kernel->Add(StridedCopy(out.ToVector(), from, Contiguous(out), SizeOf(x.dtype)),
                c.InputIndex("X"), c.OutputIndex("Out"));
    return kernel;
  }
};

struct TransposeGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const TensorInfo& out_grad = c.Input("Out@GRAD");
    const Shape& shape = out_grad.shape;
    const std::vector<int> axis = Permutation(c.attrs(), shape.rank());
    const std::vector<int64_t> steps = ContiguousSteps(shape);
    Shape x = shape;
    BoxStrides from{0, std::vector<int64_t>(axis.size())};
    for (int i = 0; i < shape.rank(); ++i) {
      x[axis[i]] = shape[i];
      from.steps[axis[i]] = steps[i];
    }
    auto kernel = std::make_unique<CopyKernel>();
    kernel->Add(StridedCopy(x.ToVector(), from, Contiguous(x), SizeOf(out_grad.dtype)),
                c.InputIndex("Out@GRAD"), c.OutputIndex("X@GRAD"));
    return kernel;
  }
};

}  // namespace

SKIFF_OP(transpose2)
    .Doc("Out[i_axis[0], i_axis[1], ...] = X[i_0, i_1, ...]: dimension k of Out is axis[k] of X.")
    .Source("paddle.transpose")
    .Input("X", "any shape and dtype")
    .Output("Out", "extents of X permuted, dtype of X")
    .OptionalOutput("XShape", "[0, dims of X...], without elements")
    .RequiredAttr<std::vector<int32_t>>("axis", "a permutation of the dimensions of X")
    .Attr("data_format", "AnyLayout", "not read")
    .InferShape(InferTranspose)
    .Gradient(StandardGrad({}, {"XShape"}, {"Out"}, {"X"}))
    .Kernel<Transpose, AnyDType>();

SKIFF_OP(transpose2_grad)
    .Doc("X@GRAD is Out@GRAD permuted back.")
    .OptionalInput("XShape", "[0, dims of X...]; not read")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .RequiredAttr<std::vector<int32_t>>("axis", "as in transpose2")
    .Attr("data_format", "AnyLayout", "not read")
    .InferShape(InferTransposeGrad)
    .Gradient(ForwardAgain("transpose2", "X", "Out"))
    .KeyedBy("Out@GRAD")
    .Kernel<TransposeGrad, AnyDType>();

SKIFF_OP(transpose)
    .Doc("As transpose2, without XShape.")
    .Source("Paddle's older transpose")
    .Input("X", "any shape and dtype")
    .Output("Out", "extents of X permuted, dtype of X")
    .RequiredAttr<std::vector<int32_t>>("axis", "a permutation of the dimensions of X")
    .Attr("data_format", "AnyLayout", "not read")
    .InferShape(InferTranspose)
    .Gradient(StandardGrad({"X"}, {"Out"}, {"Out"}, {"X"}))
    .Kernel<Transpose, AnyDType>();

SKIFF_OP(transpose_grad)
    .Doc("X@GRAD is Out@GRAD permuted back.")
    .OptionalInput("X", "not read")
    .OptionalInput("Out", "not read")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .RequiredAttr<std::vector<int32_t>>("axis", "as in transpose")
    .Attr("data_format", "AnyLayout", "not read")
    .InferShape(InferTransposeGrad)
    .KeyedBy("Out@GRAD")
    .Kernel<TransposeGrad, AnyDType>();

}  // namespace skiff
