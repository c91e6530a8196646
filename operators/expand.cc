// Repeating and turning: expand_v2, expand_as_v2, tile, flip, roll; tril_triu.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/strided.h"

namespace skiff {

namespace {

// Out dimension i is extent[i] repeated repeat[i] times; X has 1s put in front of it.
struct Repeats {
  int rank = 0;
  int64_t extent[Shape::kMaxRank] = {}, repeat[Shape::kMaxRank] = {};
};

Repeats RepeatsOf(const Shape& x, const Shape& out) {
  Repeats r;
  r.rank = out.rank();
  for (int i = 0; i < r.rank; ++i) {
    const int j = i - (r.rank - x.rank());
    r.extent[i] = j < 0 ? 1 : x[j];
    r.repeat[i] = r.extent[i] == 0 ? 1 : out[i] / r.extent[i];
  }
  return r;
}

void InferExpandTo(InferContext& c, const MaybeInts& wanted) {
  const TensorMeta x = c.Input("X");
  const int rank = static_cast<int>(wanted.size()), leading = rank - x.shape.rank();
  SKIFF_ENFORCE(leading >= 0, InvalidArgument, "X is ", x.shape, ", the wanted shape has ", rank,
                " dimensions; it cannot have fewer");
  Shape out;
  for (int i = 0; i < rank; ++i) {
    const int64_t extent = i < leading ? 1 : x.shape[i - leading];
    if (!wanted[i] || *wanted[i] == -1) {
      SKIFF_ENFORCE(!wanted[i] || i >= leading, InvalidArgument, "shape[", i,
                    "] is -1, which keeps an extent of X, and X is ", x.shape);
      out.Append(wanted[i] ? extent : -1);
      continue;
    }
    SKIFF_ENFORCE(extent == 1 || extent == -1 || extent == *wanted[i], InvalidArgument, "X is ", x.shape,
                  ", shape[", i, "] is ", *wanted[i], "; it must be ", extent, " or -1 where X has ", extent);
    out.Append(*wanted[i]);
  }
  c.SetOutput("Out", out, x.dtype);
}

void InferExpand(InferContext& c) {
  MaybeInts wanted = DecidedInts(c, "expand_shapes_tensor", "Shape", "shape");
  for (auto& extent : wanted) {
    // Paddle's layers write -2 for what a variable will tell: -1 is taken.
    if (extent == -2 && !c.at_runtime() && c.HasInput("expand_shapes_tensor")) extent.reset();
  }
  InferExpandTo(c, wanted);
}

void InferExpandAs(InferContext& c) {
  MaybeInts wanted;
  if (c.HasInput("Y")) {
    for (int64_t extent : c.InputShape("Y")) {
      wanted.push_back(extent < 0 ? std::nullopt : std::optional(extent));
    }
  } else {
    wanted = DecidedInts(c, "", "", "target_shape");
  }
  InferExpandTo(c, wanted);
}

void InferTile(InferContext& c) {
  const TensorMeta x = c.Input("X");
  MaybeInts repeats = DecidedInts(c, "repeat_times_tensor", "RepeatTimes", "repeat_times");
  Shape out = x.shape;
  while (out.rank() < static_cast<int>(repeats.size())) out.Insert(0, 1);
  repeats.insert(repeats.begin(), out.rank() - repeats.size(), 1);
  for (int i = 0; i < out.rank(); ++i) {
    SKIFF_ENFORCE(!repeats[i] || *repeats[i] > 0 || *repeats[i] == -1, InvalidArgument, "repeat_times[", i,
                  "] is ", repeats[i].value_or(0), "; it must be positive");
    out[i] = repeats[i] && *repeats[i] > 0 && out[i] >= 0 ? out[i] * *repeats[i] : -1;
  }
  c.SetOutput("Out", out, x.dtype);
}

struct Repeat {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& out = c.Output("Out").shape;
    const Repeats r = RepeatsOf(c.Input("X").shape, out);
    const std::vector<int64_t> out_steps = ContiguousSteps(out);
    const std::vector<int64_t> x_steps = ContiguousSteps(Shape(std::span<const int64_t>(r.extent, r.rank)));
    std::vector<int64_t> extents;
    BoxStrides from, to;
    for (int i = 0; i < r.rank; ++i) {  // [repeat, extent] for each dimension
      for (bool inner : {false, true}) {
        extents.push_back(inner ? r.extent[i] : r.repeat[i]);
        from.steps.push_back(inner ? x_steps[i] : 0);
        to.steps.push_back(inner ? out_steps[i] : out_steps[i] * r.extent[i]);
      }
    }
    auto kernel = std::make_unique<CopyKernel>();
    kernel->Add(StridedCopy(extents, from, to, SizeOf(c.Input("X").dtype)), c.InputIndex("X"), c.OutputIndex("Out"));
    return kernel;
  }
};

// Each element of X sums the gradients of its copies, in double (integers in int64).
template <typename T>
struct SumCopies {
  Repeats r;
  int64_t step[Shape::kMaxRank];  // of Out@GRAD
  const T* out_grad;
  T* x_grad;

  SKIFF_HD void operator()(int64_t i) const {
    int64_t begin = 0, copies = 1;
    for (int d = r.rank - 1; d >= 0; --d) {
      begin += i % r.extent[d] * step[d];
      i /= r.extent[d];
      copies *= r.repeat[d];
    }
    Accumulator<Compute<T>> sum = 0;
    for (int64_t k = 0; k < copies; ++k) {
      int64_t at = begin, rest = k;
      for (int d = r.rank - 1; d >= 0; --d) {
        if (r.repeat[d] == 1) continue;
        at += rest % r.repeat[d] * r.extent[d] * step[d];
        rest /= r.repeat[d];
      }
      sum += LoadElement(out_grad[at]);
    }
    x_grad[Index(begin)] = StoreElement<T>(static_cast<Compute<T>>(sum));
  }
  // From the first copy's place in Out to the place in X.
  SKIFF_HD int64_t Index(int64_t begin) const {
    int64_t index = 0;
    for (int d = 0; d < r.rank; ++d) {
      index = index * r.extent[d] + begin / step[d];
      begin %= step[d];
    }
    return index;
  }
};

struct RepeatGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const Shape& out = c.Input("Out@GRAD").shape;
    SumCopies<T> sum{};
    sum.r = RepeatsOf(x, out);
    bool fits = c.Input("X").dtype == c.Input("Out@GRAD").dtype && out.rank() >= x.rank();
    for (int i = 0; i < sum.r.rank && fits; ++i) {
      fits = sum.r.extent[i] == 0 ? out[i] == 0 : sum.r.repeat[i] > 0 && sum.r.repeat[i] * sum.r.extent[i] == out[i];
    }
    SKIFF_ENFORCE(fits, InvalidArgument, "Out@GRAD is ", c.Input("Out@GRAD").dtype, " ", out, ", X ", c.Input("X").dtype, " ", x,
                  "; Out holds copies of X");
    const std::vector<int64_t> steps = ContiguousSteps(out);
    std::copy(steps.begin(), steps.end(), sum.step);
    const int64_t n = x.NumElements();
    const int64_t grain = std::max<int64_t>(kElementGrain / std::max<int64_t>(out.NumElements() / std::max<int64_t>(n, 1), 1), 1);
    return MakeKernel([=, out_grad = c.InputIndex("Out@GRAD"), x_grad = c.OutputIndex("X@GRAD")](const KernelArgs& args) {
      SumCopies<T> bound = sum;
      bound.out_grad = static_cast<const T*>(args.in[out_grad]);
      bound.x_grad = static_cast<T*>(args.out[x_grad]);
      ForEach(n, grain, args, bound);
    });
  }
};

struct Flip {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const TensorInfo& x = c.Input("X");
    BoxStrides from = Contiguous(x.shape);
    for (int64_t given : c.Attr<std::vector<int64_t>>("axis")) {
      const int axis = NormalizeAxis(given, x.shape.rank());
      from.offset += (x.shape[axis] - 1) * from.steps[axis];
      from.steps[axis] = -from.steps[axis];
    }
    auto kernel = std::make_unique<CopyKernel>();
    kernel->Add(StridedCopy(x.shape.ToVector(), from, Contiguous(x.shape), SizeOf(x.dtype)),
                c.InputIndex("X"), c.OutputIndex("Out"));
    return kernel;
  }
};

// Out[(i + shift) mod extent] = X[i]: each rolled axis parts the tensor in two.
std::unique_ptr<Kernel> PrepareRoll(PrepareContext& c, const char* in, const char* out, int64_t sign) {
  const TensorInfo& x = c.Input(in);
  const std::vector<int64_t> shifts = DecidedInts(c, "", "ShiftsTensor", "shifts");
  std::vector<int64_t> axes = c.Attr<std::vector<int64_t>>("axis");
  Shape shape = x.shape;
  if (axes.empty()) {
    shape = Shape{x.shape.NumElements()};
    axes.assign(shifts.size(), 0);
  }
  SKIFF_ENFORCE(axes.size() == shifts.size(), InvalidArgument, "shifts has ", shifts.size(), " entries, axis ",
                axes.size(), "; they must be equal");
  std::vector<int64_t> shift(shape.size());
  for (size_t k = 0; k < axes.size(); ++k) {
    const int axis = NormalizeAxis(axes[k], shape.rank());
    if (shape[axis] > 0) shift[axis] = (shift[axis] + sign * (shifts[k] % shape[axis])) % shape[axis];
  }
  struct Part {
    Shape extents;
    BoxStrides from, to;
  };
  std::vector<Part> parts = {{shape, Contiguous(shape), Contiguous(shape)}};
  const std::vector<int64_t> steps = ContiguousSteps(shape);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int64_t extent = shape[axis];
    const int64_t by = extent == 0 ? 0 : (shift[axis] + extent) % extent;
    if (by == 0) continue;
    std::vector<Part> cut;
    for (Part part : parts) {
      Part head = part, tail = part;  // the head moves back by `by`, the tail comes round to the front
      head.extents[axis] = extent - by;
      head.to.offset += by * steps[axis];
      tail.extents[axis] = by;
      tail.from.offset += (extent - by) * steps[axis];
      cut.push_back(head);
      cut.push_back(tail);
    }
    parts = std::move(cut);
  }
  auto kernel = std::make_unique<CopyKernel>();
  for (const Part& part : parts) {
    kernel->Add(StridedCopy(part.extents.ToVector(), part.from, part.to, SizeOf(x.dtype)), c.InputIndex(in),
                c.OutputIndex(out));
  }
  return kernel;
}

struct Roll {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareRoll(c, "X", "Out", 1); }
};
struct RollGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareRoll(c, "Out@GRAD", "X@GRAD", -1); }
};

template <typename T>
struct KeepTriangle {
  int64_t rows, columns, diagonal;
  bool lower;
  const T* x;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t distance = i % columns - i / columns % rows;
    const bool keep = lower ? distance <= diagonal : distance >= diagonal;
    out[i] = keep ? x[i] : T{};
  }
};

template <typename T>
std::unique_ptr<Kernel> PrepareTriangle(PrepareContext& c, const char* in, const char* out) {
  const Shape& shape = c.Input(in).shape;
  SKIFF_ENFORCE(shape.rank() >= 2, InvalidArgument, in, " is ", shape, "; it needs at least two dimensions");
  const int rank = shape.rank();
  KeepTriangle<T> keep{shape[rank - 2], shape[rank - 1], c.Attr<int64_t>("diagonal"), c.Attr<bool>("lower"), nullptr, nullptr};
  return MakeKernel([=, n = shape.NumElements(), from = c.InputIndex(in), to = c.OutputIndex(out)](const KernelArgs& args) {
    KeepTriangle<T> bound = keep;
    bound.x = static_cast<const T*>(args.in[from]);
    bound.out = static_cast<T*>(args.out[to]);
    ForEach(n, kElementGrain, args, bound);
  });
}

struct TrilTriu {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareTriangle<T>(c, "X", "Out"); }
};
struct TrilTriuGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareTriangle<T>(c, "Out@GRAD", "X@GRAD"); }
};

}  // namespace

SKIFF_OP(expand_v2)
    .Doc("Out is X broadcast to `shape`; -1 keeps an extent, new dimensions come in front.")
    .Source("paddle.expand")
    .Input("X", "any shape and dtype")
    .HostInput("Shape", "the shape as one integer tensor; goes before the attribute")
    .HostInputs("expand_shapes_tensor", "the shape as one-element tensors; goes before Shape")
    .Output("Out", "of the wanted shape")
    .Attr("shape", std::vector<int32_t>{}, "wanted extents")
    .InferShape(InferExpand)
    .Gradient(StandardGrad({"X", "Shape", "expand_shapes_tensor"}, {}, {"Out"}, {"X"}))
    .Kernel<Repeat, AnyDType>();

SKIFF_OP(expand_v2_grad)
    .Doc("X@GRAD is Out@GRAD summed over the copies.")
    .Input("X", "only its shape matters")
    .OptionalInput("Shape", "not read")
    .OptionalInputs("expand_shapes_tensor", "not read")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("shape", std::vector<int32_t>{}, "as in expand_v2")
    .InferShape(GradsLikeInputs())
    .Gradient(ForwardAgain("expand_v2", "X", "Out", {"Shape", "expand_shapes_tensor"}))
    .KeyedBy("Out@GRAD")
    .Kernel<RepeatGrad, float, double, Float16, BFloat16, int32_t, int64_t>();

SKIFF_OP(expand_as_v2)
    .Doc("Out is X broadcast to the shape of Y.")
    .Source("paddle.expand_as")
    .Input("X", "any shape and dtype")
    .OptionalInput("Y", "only its shape matters; goes before the attribute")
    .Output("Out", "shape of Y, dtype of X")
    .Attr("target_shape", std::vector<int32_t>{}, "shape of Y where that is absent")
    .InferShape(InferExpandAs)
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .KeyedBy("X")
    .Kernel<Repeat, AnyDType>();

SKIFF_OP(expand_as_v2_grad)
    .Doc("X@GRAD is Out@GRAD summed over the copies.")
    .Input("X", "only its shape matters")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("target_shape", std::vector<int32_t>{}, "as in expand_as_v2")
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<RepeatGrad, float, double, Float16, BFloat16, int32_t, int64_t>();

SKIFF_OP(tile)
    .Doc("Out is X side by side with itself, repeat_times[i] times along dimension i.")
    .Source("paddle.tile")
    .Input("X", "any shape and dtype")
    .HostInput("RepeatTimes", "one integer tensor; goes before the attribute")
    .HostInputs("repeat_times_tensor", "one integer each; goes before RepeatTimes")
    .Output("Out", "extents of X multiplied")
    .Attr("repeat_times", std::vector<int32_t>{}, "aligned with the last dimensions")
    .InferShape(InferTile)
    .Gradient(StandardGrad({"X", "RepeatTimes", "repeat_times_tensor"}, {}, {"Out"}, {"X"}))
    .Kernel<Repeat, AnyDType>();

SKIFF_OP(tile_grad)
    .Doc("X@GRAD is Out@GRAD summed over the copies.")
    .Input("X", "only its shape matters")
    .OptionalInput("RepeatTimes", "not read")
    .OptionalInputs("repeat_times_tensor", "not read")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("repeat_times", std::vector<int32_t>{}, "as in tile")
    .InferShape(GradsLikeInputs())
    .Gradient(ForwardAgain("tile", "X", "Out", {"RepeatTimes", "repeat_times_tensor"}))
    .KeyedBy("Out@GRAD")
    .Kernel<RepeatGrad, float, double, Float16, BFloat16, int32_t, int64_t>();

SKIFF_OP(flip)
    .Doc("Out is X in reverse order along each of `axis`.")
    .Source("paddle.flip")
    .Input("X", "any shape and dtype")
    .Output("Out", "shape of X")
    .RequiredAttr<std::vector<int32_t>>("axis", "from the end when negative")
    .InferShape(Like("Out", "X"))
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"flip", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}, g.fwd.attrs}};
    })
    .Kernel<Flip, AnyDType>();

SKIFF_OP(roll)
    .Doc("Out[(i + shift) mod extent] = X[i] along each of `axis`, or over the flat tensor without axes.")
    .Source("paddle.roll")
    .Input("X", "any shape and dtype")
    .HostInput("ShiftsTensor", "goes before the attribute")
    .Output("Out", "shape of X")
    .Attr("shifts", std::vector<int64_t>{}, "one for each axis")
    .Attr("axis", std::vector<int64_t>{}, "from the end when negative")
    .InferShape(Like("Out", "X"))
    .Gradient(StandardGrad({"X", "ShiftsTensor"}, {}, {"Out"}, {"X"}))
    .Kernel<Roll, AnyDType>();

SKIFF_OP(roll_grad)
    .Doc("X@GRAD is Out@GRAD rolled back.")
    .OptionalInput("X", "not read")
    .HostInput("ShiftsTensor", "as in roll")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("shifts", std::vector<int64_t>{}, "as in roll")
    .Attr("axis", std::vector<int64_t>{}, "as in roll")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .KeyedBy("Out@GRAD")
    .Kernel<RollGrad, AnyDType>();

SKIFF_OP(tril_triu)
    .Doc("Out keeps the lower or upper triangle of X's matrices; the rest is zero.")
    .Source("paddle.tril, paddle.triu")
    .Input("X", "[..., rows, columns]")
    .Output("Out", "shape of X")
    .Attr("diagonal", 0, "0 the main diagonal, positive above it")
    .Attr("lower", false, "whether the lower triangle stays")
    .InferShape(Like("Out", "X"))
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<TrilTriu, float, double, Float16, BFloat16, int32_t, int64_t, bool, uint8_t>();

SKIFF_OP(tril_triu_grad)
    .Doc("X@GRAD keeps the same triangle of Out@GRAD.")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("diagonal", 0, "as in tril_triu")
    .Attr("lower", false, "as in tril_triu")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .KeyedBy("Out@GRAD")
    .Kernel<TrilTriuGrad, float, double, Float16, BFloat16, int32_t, int64_t>();

}  // namespace skiff
