// Diagonals: diagonal, diag_embed, diag_v2, trace, fill_diagonal, fill_diagonal_tensor. A diagonal is a strided
// line: the steps of its two axes added.
#include "framework/op/op_schema.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/strided.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

/// The diagonal of a tensor over two axes, and where it lies.
struct Diagonal {
  std::vector<int64_t> extents;  // the other axes, then the diagonal's length
  BoxStrides box;
  int64_t length = 0;
};

/// @param offset  Positive: above the main diagonal.
/// @throws InvalidArgument for axes that are none or one.
Diagonal DiagonalOf(const Shape& x, int64_t offset, int64_t axis1, int64_t axis2, const char* name1, const char* name2) {
  SKIFF_ENFORCE(x.rank() >= 2, InvalidArgument, "X is ", x, "; a diagonal takes two axes at least");
  const int a = NormalizeAxis(axis1, x.rank(), name1), b = NormalizeAxis(axis2, x.rank(), name2);
  SKIFF_ENFORCE(a != b, InvalidArgument, name1, " is ", axis1, " and ", name2, " ", axis2, " of ", x, "; they must differ");
  Diagonal d;
  const std::vector<int64_t> steps = ContiguousSteps(x);
  for (int i = 0; i < x.rank(); ++i) {
    if (i == a || i == b) continue;
    d.extents.push_back(x[i]);
    d.box.steps.push_back(steps[i]);
  }
  d.length = x[a] < 0 || x[b] < 0 ? -1
             : offset >= 0        ? std::max<int64_t>(std::min(x[a], x[b] - offset), 0)
                                  : std::max<int64_t>(std::min(x[a] + offset, x[b]), 0);
  d.extents.push_back(d.length);
  d.box.steps.push_back(steps[a] + steps[b]);
  if (d.length > 0) d.box.offset = offset >= 0 ? offset * steps[b] : -offset * steps[a];
  return d;
}

Diagonal DiagonalOf(const Attrs& attrs, const Shape& x, const char* name1, const char* name2) {
  return DiagonalOf(x, attrs.Get<int64_t>("offset"), attrs.Get<int64_t>(name1), attrs.Get<int64_t>(name2), name1, name2);
}

/// The other way round: the shape whose diagonal `x`'s last axis is.
Shape EmbeddedShape(const Attrs& attrs, const Shape& x) {
  SKIFF_ENFORCE(x.rank() >= 1, InvalidArgument, "Input is ", x, "; diag_embed takes one axis at least");
  const int rank = x.rank() + 1;
  const int a = NormalizeAxis(attrs.Get<int64_t>("dim1"), rank, "dim1"), b = NormalizeAxis(attrs.Get<int64_t>("dim2"), rank, "dim2");
  SKIFF_ENFORCE(a != b, InvalidArgument, "dim1 and dim2 are both ", a, "; they must differ");
  const int64_t length = x[x.rank() - 1], side = length < 0 ? -1 : length + std::abs(attrs.Get<int64_t>("offset"));
  Shape out;
  for (int i = 0, from = 0; i < rank; ++i) out.Append(i == a || i == b ? side : x[from++]);
  return out;
}

Shape Contracted(const Diagonal& d, bool keeps_length) {
  Shape out(d.extents);
  if (!keeps_length) out = Shape(std::vector<int64_t>(d.extents.begin(), d.extents.end() - 1));
  return out;
}

/// Out = the diagonal of input `in`.
std::unique_ptr<Kernel> TakeKernel(const Diagonal& d, int in, size_t bytes) {
  auto kernel = std::make_unique<CopyKernel>();
  kernel->Add(StridedCopy(d.extents, d.box, Contiguous(Shape(d.extents)), bytes), in, 0);
  return kernel;
}
/// Zeros, and input `in` on the diagonal; `spread`: it has one element for each diagonal.
std::unique_ptr<Kernel> PutKernel(const Diagonal& d, const Shape& out, int in, size_t bytes, bool spread) {
  auto kernel = std::make_unique<CopyKernel>();
  kernel->ZeroFirst(0, out.NumElements() * bytes);
  BoxStrides from = Contiguous(Shape(d.extents));
  if (spread) {
    from = Contiguous(Contracted(d, false));
    from.steps.push_back(0);
  }
  kernel->Add(StridedCopy(d.extents, from, d.box, bytes), in, 0);
  return kernel;
}

struct TakeDiagonal {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return TakeKernel(DiagonalOf(c.attrs(), c.Input("Input").shape, "axis1", "axis2"), c.InputIndex("Input"), sizeof(T));
  }
};
template <bool spread>
struct PutDiagonal {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.outputs.at(0).shape;
    return PutKernel(DiagonalOf(c.attrs(), x, "axis1", "axis2"), x, c.InputIndex("Out@GRAD"), sizeof(T), spread);
  }
};
struct EmbedDiagonal {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& out = c.Output("Out").shape;
    return PutKernel(DiagonalOf(c.attrs(), out, "dim1", "dim2"), out, 0, sizeof(T), false);
  }
};

// ---- diag_v2 ---------------------------------------------------------------------------------------------------

template <typename T>
struct FillAll {
  T value;
  T* out;
  SKIFF_HD void operator()(int64_t i) const { out[i] = value; }
};

Shape DiagShape(const Attrs& attrs, const Shape& x) {
  SKIFF_ENFORCE(x.rank() <= 2, InvalidArgument, "X is ", x, "; diag takes a vector or a matrix");
  if (x.rank() == 2) return {DiagonalOf(x, attrs.Get<int64_t>("offset"), 0, 1, "axis", "axis").length};
  const int64_t side = x.rank() == 1 && x[0] < 0 ? -1 : x.NumElements() + std::abs(attrs.Get<int64_t>("offset"));
  return {side, side};
}

struct Diag {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape &x = c.Input("X").shape, &out = c.Output("Out").shape;
    const int64_t offset = c.Attr<int64_t>("offset");
    if (x.rank() == 2) return TakeKernel(DiagonalOf(x, offset, 0, 1, "axis", "axis"), 0, sizeof(T));
    const Diagonal d = DiagonalOf(out, offset, 0, 1, "axis", "axis");
    const StridedCopy copy(d.extents, Contiguous(Shape(d.extents)), d.box, sizeof(T));
    const T value = StoreElement<T>(static_cast<Compute<T>>(c.Attr<float>("padding_value")));
    return MakeKernel([=, n = out.NumElements()](const KernelArgs& args) {
      ForEach(n, kElementGrain, args, FillAll<T>{value, static_cast<T*>(args.out[0])});
      copy.Run(args.in[0], args.out[0], args);
    });
  }
};

struct DiagGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const int64_t offset = c.Attr<int64_t>("offset");
    const int in = c.InputIndex("Out@GRAD");
    if (x.rank() == 2) return PutKernel(DiagonalOf(x, offset, 0, 1, "axis", "axis"), x, in, sizeof(T), false);
    return TakeKernel(DiagonalOf(c.Input("Out@GRAD").shape, offset, 0, 1, "axis", "axis"), in, sizeof(T));
  }
};

// ---- trace -----------------------------------------------------------------------------------------------------

template <typename T>
struct SumLine {
  int rank;  // of the other axes
  int64_t dims[Shape::kMaxRank], steps[Shape::kMaxRank], offset, length, step;
  const T* x;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    int64_t at = offset, rest = i;
    for (int d = rank - 1; d >= 0; --d) {
      at += rest % dims[d] * steps[d];
      rest /= dims[d];
    }
    Accumulator<Compute<T>> sum = 0;
    for (int64_t k = 0; k < length; ++k) sum += LoadElement(x[at + k * step]);
    out[i] = StoreElement<T>(static_cast<Compute<T>>(sum));
  }
};

struct Trace {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Diagonal d = DiagonalOf(c.attrs(), c.Input("Input").shape, "axis1", "axis2");
    SumLine<T> sum{};
    sum.rank = static_cast<int>(d.extents.size()) - 1;
    for (int i = 0; i < sum.rank; ++i) sum.dims[i] = d.extents[i], sum.steps[i] = d.box.steps[i];
    sum.offset = d.box.offset;
    sum.length = d.length;
    sum.step = d.box.steps.back();
    return MakeKernel([=, n = c.Output("Out").shape.NumElements()](const KernelArgs& args) {
      SumLine<T> run = sum;
      run.x = static_cast<const T*>(args.in[0]);
      run.out = static_cast<T*>(args.out[0]);
      ForEach(n, 256, args, run);
    });
  }
};

// ---- fill_diagonal ---------------------------------------------------------------------------------------------

/// A matrix's diagonal, or that of a tensor whose extents are all equal. `wrap`: it begins again below a tall
/// matrix, after one row without.
struct DiagonalLine {
  int64_t offset, step, count;
};
DiagonalLine FilledLine(const Attrs& attrs, const Shape& x) {
  SKIFF_ENFORCE(x.rank() >= 2, InvalidArgument, "X is ", x, "; fill_diagonal takes two axes at least");
  const int64_t shift = attrs.Get<int64_t>("offset");
  int64_t step = 0;
  for (int64_t s : ContiguousSteps(x)) step += s;
  if (x.rank() > 2) {
    for (int i = 1; i < x.rank(); ++i) {
      SKIFF_ENFORCE(x[i] == x[0], InvalidArgument, "X is ", x, "; beyond matrices all extents must be equal");
    }
    return {shift, step, shift == 0 ? x[0] : std::max<int64_t>(x[0] - std::abs(shift), 0)};
  }
  const int64_t columns = x[1], rows = attrs.Get<bool>("wrap") ? x[0] : std::min(x[0], columns);
  // Elements of the flattened matrix step apart; offset moves them along the row, none past its row's end.
  return {shift, step, columns == 0 ? 0 : (rows * columns + step - 1) / step};
}

template <typename T>
struct FillWrapped {
  T value;
  int64_t shift, step, columns, n;
  T* out;
  SKIFF_HD void operator()(int64_t k) const {
    const int64_t column = k * step % columns + shift, at = k * step + shift;
    if (column >= 0 && column < columns && at < n) out[at] = value;
  }
};

template <bool gradient>
struct FillDiagonal {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.inputs.at(0).shape;
    const DiagonalLine line = FilledLine(c.attrs(), x);
    const StridedCopy copy({x.NumElements()}, {0, {1}}, {0, {1}}, sizeof(T));
    const T value = StoreElement<T>(static_cast<Compute<T>>(gradient ? 0.0f : c.Attr<float>("value")));
    return MakeKernel([=, n = x.NumElements(), columns = x[x.rank() - 1]](const KernelArgs& args) {
      if (args.in[0] != args.out[0]) copy.Run(args.in[0], args.out[0], args);
      ForEach(line.count, 1024, args, FillWrapped<T>{value, line.offset, line.step, columns, n, static_cast<T*>(args.out[0])});
    });
  }
};

/// Out = X with Y on the diagonal over dim1 and dim2; the gradient has zeros there.
template <bool gradient>
struct FillDiagonalTensor {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.inputs.at(0).shape;
    const Diagonal d = DiagonalOf(c.attrs(), x, "dim1", "dim2");
    const StridedCopy all({x.NumElements()}, {0, {1}}, {0, {1}}, sizeof(T));
    BoxStrides from = Contiguous(Shape(d.extents));
    if (gradient) from.steps.assign(from.steps.size(), 0);  // one zero for all
    const StridedCopy onto(d.extents, from, d.box, sizeof(T));
    if (gradient) c.RequestWorkspace(64);
    return MakeKernel([=, y = gradient ? -1 : c.InputIndex("Y")](const KernelArgs& args) {
      if (args.in[0] != args.out[0]) all.Run(args.in[0], args.out[0], args);
      if (gradient) FillZero(args.workspace, 64, args);
      onto.Run(gradient ? args.workspace : args.in[y], args.out[0], args);
    });
  }
};

}  // namespace

#define SKIFF_MOVED SKIFF_FLOATS, int32_t, int64_t, bool

SKIFF_OP(diagonal)
    .Doc("Out = the diagonal of Input over axis1 and axis2, as the last axis.")
    .Source("paddle.diagonal")
    .Input("Input", "two axes at least")
    .Output("Out", "Input without the two axes, and the diagonal's length")
    .Attr("offset", 0, "positive: above the main diagonal")
    .Attr("axis1", 0, "rows")
    .Attr("axis2", 1, "columns")
    .InferShape([](InferContext& c) {
      c.SetOutput("Out", Contracted(DiagonalOf(c.attrs(), c.InputShape("Input"), "axis1", "axis2"), true), c.InputDType("Input"));
    })
    .Gradient(StandardGrad({"Input"}, {}, {"Out"}, {"Input"}))
    .Kernel<TakeDiagonal, SKIFF_MOVED>();

SKIFF_OP(diagonal_grad)
    .Doc("Input@GRAD = Out@GRAD on the diagonal, 0 elsewhere.")
    .Input("Input", "as in diagonal")
    .Input("Out@GRAD", "as Out of diagonal")
    .Output("Input@GRAD", "shape of Input")
    .Attr("offset", 0, "as in diagonal")
    .Attr("axis1", 0, "as in diagonal")
    .Attr("axis2", 1, "as in diagonal")
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<PutDiagonal<false>, SKIFF_FLOATS>();

SKIFF_OP(diag_embed)
    .Doc("Out = zeros with the last axis of Input on the diagonal over dim1 and dim2.")
    .Source("paddle.diag_embed")
    .Input("Input", "one axis at least")
    .Output("Out", "one axis more")
    .Attr("offset", 0, "positive: above the main diagonal")
    .Attr("dim1", -2, "rows of Out")
    .Attr("dim2", -1, "columns of Out")
    .InferShape([](InferContext& c) {
      c.SetOutput("Out", EmbeddedShape(c.attrs(), c.InputShape("Input")), c.InputDType("Input"));
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {  // Paddle has none
      Operator op{"diagonal", {{"Input", g.OutGrad("Out")}}, {{"Out", g.InGrad("Input")}}, {}};
      op.attrs.Set("offset", g.fwd.attrs.Get<int32_t>("offset", 0));
      op.attrs.Set("axis1", g.fwd.attrs.Get<int32_t>("dim1", -2));
      op.attrs.Set("axis2", g.fwd.attrs.Get<int32_t>("dim2", -1));
      return {op};
    })
    .Kernel<EmbedDiagonal, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(diag_v2)
    .Doc("Out = the matrix with the vector X on a diagonal, or a diagonal of the matrix X.")
    .Source("paddle.diag")
    .Input("X", "a vector or a matrix")
    .Output("Out", "a square matrix, or a vector")
    .Attr("offset", 0, "positive: above the main diagonal")
    .Attr("padding_value", 0.0f, "off the diagonal")
    .InferShape([](InferContext& c) { c.SetOutput("Out", DiagShape(c.attrs(), c.InputShape("X")), c.InputDType("X")); })
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Kernel<Diag, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(diag_v2_grad)
    .Doc("X@GRAD = the elements of Out@GRAD that X's became.")
    .Input("X", "as in diag_v2")
    .Input("Out@GRAD", "as Out of diag_v2")
    .Output("X@GRAD", "shape of X")
    .Attr("offset", 0, "as in diag_v2")
    .Attr("padding_value", 0.0f, "not read")
    .InferShape(GradsLikeInputs())
    .Kernel<DiagGrad, SKIFF_FLOATS>();

SKIFF_OP(trace)
    .Doc("Out = the sum of the diagonal of Input over axis1 and axis2.")
    .Source("paddle.trace")
    .Input("Input", "two axes at least")
    .Output("Out", "Input without the two axes")
    .Attr("offset", 0, "positive: above the main diagonal")
    .Attr("axis1", 0, "rows")
    .Attr("axis2", 1, "columns")
    .InferShape([](InferContext& c) {
      c.SetOutput("Out", Contracted(DiagonalOf(c.attrs(), c.InputShape("Input"), "axis1", "axis2"), false), c.InputDType("Input"));
    })
    .Gradient(StandardGrad({"Input"}, {}, {"Out"}, {"Input"}))
    .Kernel<Trace, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(trace_grad)
    .Doc("Input@GRAD = Out@GRAD along the diagonal, 0 elsewhere.")
    .Input("Input", "as in trace")
    .Input("Out@GRAD", "as Out of trace")
    .Output("Input@GRAD", "shape of Input")
    .Attr("offset", 0, "as in trace")
    .Attr("axis1", 0, "as in trace")
    .Attr("axis2", 1, "as in trace")
    .InferShape(GradsLikeInputs())
    .Kernel<PutDiagonal<true>, SKIFF_FLOATS>();

SKIFF_OP(fill_diagonal)
    .Doc("Out = X with one value on the diagonal.")
    .Source("paddle.Tensor.fill_diagonal_")
    .Input("X", "a matrix, or a tensor of equal extents")
    .Output("Out", "shape of X")
    .Attr("value", 0.0f, "on the diagonal")
    .Attr("offset", 0, "positive: above the main diagonal")
    .Attr("wrap", false, "the diagonal begins again below a tall matrix")
    .InferShape(Like("Out", "X"))
    .Inplace("X", "Out")
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<FillDiagonal<false>, SKIFF_MOVED>();

SKIFF_OP(fill_diagonal_grad)
    .Doc("X@GRAD = Out@GRAD, 0 on the diagonal.")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .Attr("value", 0.0f, "not read")
    .Attr("offset", 0, "as in fill_diagonal")
    .Attr("wrap", false, "as in fill_diagonal")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Kernel<FillDiagonal<true>, SKIFF_FLOATS>();

SKIFF_OP(fill_diagonal_tensor)
    .Doc("Out = X with Y on the diagonal over dim1 and dim2.")
    .Source("paddle.Tensor.fill_diagonal_tensor")
    .Input("X", "two axes at least")
    .Input("Y", "X without the two axes, and the diagonal's length")
    .Output("Out", "shape of X")
    .Attr("offset", int64_t{0}, "positive: above the main diagonal")
    .Attr("dim1", 0, "rows")
    .Attr("dim2", 1, "columns")
    .SameDType({"X", "Y"})
    .InferShape([](InferContext& c) {
      Like("Out", "X")(c);
      const Shape wanted = Contracted(DiagonalOf(c.attrs(), c.InputShape("X"), "dim1", "dim2"), true);
      const Shape& y = c.InputShape("Y");
      SKIFF_ENFORCE(!wanted.IsKnown() || !y.IsKnown() || wanted.NumElements() == y.NumElements(), InvalidArgument, "Y is ", y,
                    "; the diagonal of X, which is ", c.InputShape("X"), ", takes ", wanted);
    })
    .Inplace("X", "Out")
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<FillDiagonalTensor<false>, SKIFF_MOVED>();

SKIFF_OP(fill_diagonal_tensor_grad)
    .Doc("X@GRAD = Out@GRAD, 0 on the diagonal.")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .Attr("offset", int64_t{0}, "as in fill_diagonal_tensor")
    .Attr("dim1", 0, "as in fill_diagonal_tensor")
    .Attr("dim2", 1, "as in fill_diagonal_tensor")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Kernel<FillDiagonalTensor<true>, SKIFF_FLOATS>();

}  // namespace skiff
