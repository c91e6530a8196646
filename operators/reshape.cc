// Operators that look at the same memory under another shape: no kernel runs. Their gradients read the
// shape from XShape, which is [0, dims of X...] and holds no element.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"

namespace skiff {

namespace {

int64_t ProductOrUnknown(const Shape& shape, int from, int to) {
  int64_t product = 1;
  for (int i = from; i < to; ++i) {
    if (shape[i] < 0) return -1;
    product *= shape[i];
  }
  return product;
}

void SetView(InferContext& c, const Shape& out) {
  const TensorMeta& x = c.Input("X");
  Shape x_shape = x.shape;
  if (c.HasOutput("XShape")) {
    x_shape.Insert(0, 0);
    c.SetOutput("XShape", TensorMeta{x_shape, x.dtype, x.lod_level});
  }
  const bool same_rows = x.shape.rank() > 0 && out.rank() > 0 && x.shape[0] == out[0];
  c.SetOutput("Out", TensorMeta{out, x.dtype, same_rows ? x.lod_level : 0});
}

// 0 copies the extent of X at the same index, one -1 takes what remains.
Shape ReshapedShape(const Shape& x, const MaybeInts& wanted) {
  Shape out;
  int inferred = -1;
  bool all_known = x.IsKnown();
  for (int i = 0; i < static_cast<int>(wanted.size()); ++i) {
    if (!wanted[i]) {
      all_known = false;
      out.Append(-1);
    } else if (*wanted[i] == 0) {
      SKIFF_ENFORCE(i < x.rank(), InvalidArgument, "shape[", i, "] is 0, which copies extent ", i,
                    " of X, and X is ", x);
      out.Append(x[i]);
    } else {
      SKIFF_ENFORCE(*wanted[i] >= -1, InvalidArgument, "shape[", i, "] is ", *wanted[i],
                    "; it may be positive, 0 (copy) or -1 (what remains)");
      if (*wanted[i] == -1) {
        SKIFF_ENFORCE(inferred < 0, InvalidArgument, "shape[", inferred, "] and shape[", i,
                      "] are both -1; only one extent can be inferred");
        inferred = i;
      }
      out.Append(*wanted[i]);
    }
  }
  if (!all_known) return out;
  const int64_t size = x.NumElements();
  if (inferred >= 0) {
    Shape others = out;
    others.Erase(inferred);
    const int64_t rest = others.NumElements();
    SKIFF_ENFORCE(rest == 0 ? size == 0 : size % rest == 0, InvalidArgument, "X ", x, " has ", size,
                  " elements, which do not divide into shape ", out);
    out[inferred] = rest == 0 ? 0 : size / rest;
  }
  SKIFF_ENFORCE(out.NumElements() == size, InvalidArgument, "X ", x, " has ", size,
                " elements, shape ", out, " has ", out.NumElements(), "; they must be equal");
  return out;
}

void InferReshape(InferContext& c) {
  SetView(c, ReshapedShape(c.InputShape("X"), DecidedInts(c, "ShapeTensor", "Shape", "shape")));
}

void InferSqueeze(InferContext& c) {
  const Shape& x = c.InputShape("X");
  bool drop[Shape::kMaxRank] = {};
  const auto axes = c.Attr<std::vector<int64_t>>("axes");
  for (int64_t axis : axes) {
    const int i = NormalizeAxis(axis, x.rank(), "axes");
    // Other extents stay, as in Paddle; one that is not known yet is taken for a 1.
    if (i < x.rank()) drop[i] = x[i] == 1 || x[i] == -1;
  }
  Shape out;
  for (int i = 0; i < x.rank(); ++i) {
    if (axes.empty() ? x[i] != 1 : !drop[i]) out.Append(x[i]);
  }
  SetView(c, out);
}

void InferUnsqueeze(InferContext& c) {
  Shape out = c.InputShape("X");
  const MaybeInts axes = DecidedInts(c, "AxesTensorList", "AxesTensor", "axes");
  for (const auto& axis : axes) {
    // Where the new extents of 1 go is open: only the rank is known.
    if (!axis) {
      for (int64_t& extent : std::span(&out[0], out.size())) extent = -1;
      out.Append(-1);
      continue;
    }
    // One after another, each on the rank that the former ones left.
    const int rank = out.rank() + 1;
    SKIFF_ENFORCE(*axis >= -rank && *axis < rank, OutOfRange, "axes holds ", *axis,
                  ", which is no position in a tensor of ", rank, " dimensions");
    out.Insert(static_cast<int>(*axis < 0 ? *axis + rank : *axis), 1);
  }
  SetView(c, out);
}

void InferFlattenRange(InferContext& c) {
  const Shape& x = c.InputShape("X");
  if (x.rank() == 0) return SetView(c, {1});
  const int start = NormalizeAxis(c.Attr<int>("start_axis"), x.rank(), "start_axis");
  const int stop = NormalizeAxis(c.Attr<int>("stop_axis"), x.rank(), "stop_axis");
  SKIFF_ENFORCE(start <= stop, InvalidArgument, "start_axis ", start, " lies behind stop_axis ", stop,
                " of X ", x);
  Shape out;
  for (int i = 0; i < start; ++i) out.Append(x[i]);
  out.Append(ProductOrUnknown(x, start, stop + 1));
  for (int i = stop + 1; i < x.rank(); ++i) out.Append(x[i]);
  SetView(c, out);
}

void InferFlatten2(InferContext& c) {
  const Shape& x = c.InputShape("X");
  const int axis = c.Attr<int>("axis");
  SKIFF_ENFORCE(axis >= 0 && axis <= x.rank(), OutOfRange, "axis ", axis, " must be in [0, ", x.rank(),
                "] for X ", x);
  SetView(c, {ProductOrUnknown(x, 0, axis), ProductOrUnknown(x, axis, x.rank())});
}

// X@GRAD has Out@GRAD's dtype and the shape that XShape keeps behind its leading 0.
void InferFromXShape(InferContext& c) {
  Shape x = c.InputShape("XShape");
  SKIFF_ENFORCE(x.rank() > 0 && x[0] == 0, InvalidArgument, "input XShape is ", x,
                "; expected [0, dims of X...]");
  x.Erase(0);
  c.SetOutput("X@GRAD", x, c.InputDType("Out@GRAD"));
}

}  // namespace

SKIFF_OP(reshape2)
    .Doc("Out is X under another shape; 0 copies an extent of X, one -1 takes what remains.")
    .Source("paddle.reshape")
    .Input("X", "any shape and dtype")
    .HostInput("Shape", "the shape as one integer tensor; goes before the attribute")
    .HostInputs("ShapeTensor", "the shape as one-element tensors; goes before Shape")
    .Output("Out", "dtype and elements of X")
    .OptionalOutput("XShape", "[0, dims of X...], without elements")
    .Attr("shape", std::vector<int32_t>{}, "wanted extents")
    .InferShape(InferReshape)
    .View("X", "Out")
    .Gradient(StandardGrad({}, {"XShape"}, {"Out"}, {"X"}));

SKIFF_OP(reshape2_grad)
    .Doc("X@GRAD is Out@GRAD under the shape of X.")
    .Input("XShape", "[0, dims of X...]")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("shape", std::vector<int32_t>{}, "as in reshape2")
    .InferShape(InferFromXShape)
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"reshape2_grad_grad", {{"DOut", g.In("Out@GRAD")}, {"DDX", g.OutGrad("X@GRAD")}},
               {{"DDOut", g.InGrad("Out@GRAD")}}, g.fwd.attrs}};
    })
    .KeyedBy("Out@GRAD")
    .View("Out@GRAD", "X@GRAD");

SKIFF_OP(reshape2_grad_grad)
    .Doc("DDOut is DDX under the shape of Out.")
    .Source("slots of Paddle's reshape2_grad_grad")
    .Input("DOut", "Out@GRAD of reshape2_grad; only its shape matters")
    .Input("DDX", "the gradient of X@GRAD")
    .Output("DDOut", "shape of DOut")
    .Attr("shape", std::vector<int32_t>{}, "as in reshape2")
    .InferShape(Like("DDOut", "DOut"))
    .KeyedBy("DDX")
    .View("DDX", "DDOut");

SKIFF_OP(reshape)
    .Doc("As reshape2, without XShape.")
    .Source("Paddle's older reshape")
    .Input("X", "any shape and dtype")
    .HostInput("Shape", "the shape as one integer tensor; goes before the attribute")
    .HostInputs("ShapeTensor", "the shape as one-element tensors; goes before Shape")
    .Output("Out", "dtype and elements of X")
    .Attr("shape", std::vector<int32_t>{}, "wanted extents")
    .InferShape(InferReshape)
    .View("X", "Out")
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}));

SKIFF_OP(reshape_grad)
    .Doc("X@GRAD is Out@GRAD under the shape of X.")
    .Input("X", "input of reshape; only its shape matters")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("shape", std::vector<int32_t>{}, "as in reshape")
    .InferShape(Like("X@GRAD", "X"))
    .View("Out@GRAD", "X@GRAD");

SKIFF_OP(squeeze2)
    .Doc("Out is X without the extents of 1 at `axes`, or without any where axes is empty.")
    .Source("paddle.squeeze")
    .Input("X", "any shape and dtype")
    .Output("Out", "dtype and elements of X")
    .OptionalOutput("XShape", "[0, dims of X...], without elements")
    .Attr("axes", std::vector<int32_t>{}, "axes to drop; those of other extents stay")
    .InferShape(InferSqueeze)
    .View("X", "Out")
    .Gradient(StandardGrad({}, {"XShape"}, {"Out"}, {"X"}));

SKIFF_OP(squeeze2_grad)
    .Doc("X@GRAD is Out@GRAD under the shape of X.")
    .Input("XShape", "[0, dims of X...]")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("axes", std::vector<int32_t>{}, "as in squeeze2")
    .InferShape(InferFromXShape)
    .Gradient(ForwardAgain("squeeze2", "X", "Out"))
    .KeyedBy("Out@GRAD")
    .View("Out@GRAD", "X@GRAD");

SKIFF_OP(unsqueeze2)
    .Doc("Out is X with an extent of 1 put in at each of `axes`, one after another.")
    .Source("paddle.unsqueeze")
    .Input("X", "any shape and dtype")
    .HostInput("AxesTensor", "the axes as one integer tensor; goes before the attribute")
    .HostInputs("AxesTensorList", "the axes as one-element tensors; goes before AxesTensor")
    .Output("Out", "dtype and elements of X")
    .OptionalOutput("XShape", "[0, dims of X...], without elements")
    .Attr("axes", std::vector<int32_t>{}, "positions in the growing shape")
    .InferShape(InferUnsqueeze)
    .View("X", "Out")
    .Gradient(StandardGrad({"AxesTensor", "AxesTensorList"}, {"XShape"}, {"Out"}, {"X"}));

SKIFF_OP(unsqueeze2_grad)
    .Doc("X@GRAD is Out@GRAD under the shape of X.")
    .Input("XShape", "[0, dims of X...]")
    .Input("Out@GRAD", "shape of Out")
    .OptionalInput("AxesTensor", "not read")
    .OptionalInputs("AxesTensorList", "not read")
    .Output("X@GRAD", "shape of X")
    .Attr("axes", std::vector<int32_t>{}, "as in unsqueeze2")
    .InferShape(InferFromXShape)
    .Gradient(ForwardAgain("unsqueeze2", "X", "Out", {"AxesTensor", "AxesTensorList"}))
    .KeyedBy("Out@GRAD")
    .View("Out@GRAD", "X@GRAD");

SKIFF_OP(flatten_contiguous_range)
    .Doc("Out is X with the axes from start_axis to stop_axis, both included, made one.")
    .Source("paddle.flatten")
    .Input("X", "any shape and dtype; 0-D gives [1]")
    .Output("Out", "dtype and elements of X")
    .OptionalOutput("XShape", "[0, dims of X...], without elements")
    .Attr("start_axis", 1, "first axis, from the end when negative")
    .Attr("stop_axis", 1, "last axis, from the end when negative")
    .InferShape(InferFlattenRange)
    .View("X", "Out")
    .Gradient(StandardGrad({}, {"XShape"}, {"Out"}, {"X"}));

SKIFF_OP(flatten_contiguous_range_grad)
    .Doc("X@GRAD is Out@GRAD under the shape of X.")
    .Input("XShape", "[0, dims of X...]")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("start_axis", 1, "as in flatten_contiguous_range")
    .Attr("stop_axis", 1, "as in flatten_contiguous_range")
    .InferShape(InferFromXShape)
    .KeyedBy("Out@GRAD")
    .View("Out@GRAD", "X@GRAD");

SKIFF_OP(flatten2)
    .Doc("Out is X as a matrix: the extents before `axis` make its rows, the others its columns.")
    .Source("Paddle's older flatten2")
    .Input("X", "any shape and dtype")
    .Output("Out", "[rows, columns], dtype and elements of X")
    .OptionalOutput("XShape", "[0, dims of X...], without elements")
    .Attr("axis", 1, "in [0, rank]")
    .InferShape(InferFlatten2)
    .View("X", "Out")
    .Gradient(StandardGrad({}, {"XShape"}, {"Out"}, {"X"}));

SKIFF_OP(flatten2_grad)
    .Doc("X@GRAD is Out@GRAD under the shape of X.")
    .Input("XShape", "[0, dims of X...]")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("axis", 1, "as in flatten2")
    .InferShape(InferFromXShape)
    .KeyedBy("Out@GRAD")
    .View("Out@GRAD", "X@GRAD");

}  // namespace skiff
