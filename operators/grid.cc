// Tensors brought to a common shape: meshgrid, broadcast_tensors; and the older forms of tile and flip, expand and
// reverse.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/reduce.h"
#include "operators/kernel/strided.h"
#include "operators/kernel/unary.h"
#include "operators/kernel_parts.h"

namespace skiff {
namespace {

// ---- broadcast_tensors, meshgrid -------------------------------------------------------------------------------

/// The shape of input i seen in the output, with 1s where it is repeated.
using SeenShape = Shape (*)(const Shape& x, int i, const Shape& out);

Shape SeenInGrid(const Shape& x, int i, const Shape& out) {
  std::vector<int64_t> dims(out.rank(), 1);
  dims[i] = x.NumElements();
  return Shape(dims);
}
Shape SeenBroadcast(const Shape& x, int, const Shape& out) {
  std::vector<int64_t> dims(out.rank(), 1);
  for (int d = 0; d < x.rank(); ++d) dims[out.rank() - x.rank() + d] = x[d];
  return Shape(dims);
}

template <SeenShape seen>
struct RepeatEach {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    auto kernel = std::make_unique<CopyKernel>();
    for (int i = 0; i < c.NumInputs("X"); ++i) {
      const Shape &out = c.Output("Out", i).shape, x = seen(c.Input("X", i).shape, i, out);
      BoxStrides from = Contiguous(x);
      for (int d = 0; d < x.rank(); ++d) {
        if (x[d] == 1) from.steps[d] = 0;
      }
      kernel->Add(StridedCopy({out.begin(), out.end()}, from, Contiguous(out), sizeof(T)), c.InputIndex("X", i), c.OutputIndex("Out", i));
    }
    return kernel;
  }
};

template <SeenShape seen>
struct SumEach {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    struct Part {
      ReduceOp op;
      int in, out;
    };
    std::vector<Part> parts;
    size_t bytes = 0;
    for (int i = 0; i < c.NumOutputs("X@GRAD"); ++i) {
      const TensorInfo &g = c.Input("Out@GRAD", i), &x = c.Output("X@GRAD", i);
      if (x.dtype == DType::kUndefined) continue;  // not wanted
      const Shape small = seen(x.shape, i, g.shape);
      std::vector<bool> reduced;
      for (int d = 0; d < small.rank(); ++d) reduced.push_back(small[d] == 1);
      parts.push_back({MakeReduceOp<C>(SumReducer{}, MakeReducePlan(kDTypeOf<C>, g.shape, reduced, g.dtype, x.dtype)),
                       c.InputIndex("Out@GRAD", i), c.OutputIndex("X@GRAD", i)});
      bytes = std::max(bytes, parts.back().op.workspace_bytes());
    }
    c.RequestWorkspace(bytes);
    return MakeKernel([parts](const KernelArgs& args) {
      for (const Part& part : parts) {
        if (args.out[part.out] != nullptr) part.op.Run(args.in[part.in], args.out[part.out], args.workspace, args);
      }
    });
  }
};

[[maybe_unused]] void InferEachGrad(InferContext& c) {
  SKIFF_ENFORCE(c.NumInputs("Out@GRAD") == c.NumInputs("X"), InvalidArgument, "Out@GRAD has ", c.NumInputs("Out@GRAD"), " variables, X ",
                c.NumInputs("X"), "; they must be as many");
  for (int i = 0; i < c.NumOutputs("X@GRAD"); ++i) c.SetOutput("X@GRAD", c.InputShape("X", i), c.InputDType("X", i), i);
}

#define SKIFF_COMMON_SHAPE(type, seen, doc, ...)                                              \
  SKIFF_OP(type)                                                                              \
      .Doc(doc)                                                                               \
      .Source("paddle." #type)                                                                \
      .Inputs("X", "tensors")                                                                 \
      .Outputs("Out", "one for each X")                                                       \
      .SameDType({"X"})                                                                       \
      .InferShape([](InferContext& c) __VA_ARGS__)                                            \
      .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))                                      \
      .Kernel<RepeatEach<seen>, SKIFF_FLOATS, int32_t, int64_t, bool>();                      \
  SKIFF_OP(type##_grad)                                                                       \
      .Doc("X@GRAD = Out@GRAD, summed where X was repeated.")                                 \
      .Inputs("X", "as in " #type)                                                            \
      .Inputs("Out@GRAD", "as Out of " #type)                                                 \
      .OptionalOutputs("X@GRAD", "shape of each X")                                           \
      .InferShape(InferEachGrad)                                                              \
      .KeyedBy("Out@GRAD")                                                                    \
      .Kernel<SumEach<seen>, SKIFF_FLOATS>()

SKIFF_COMMON_SHAPE(meshgrid, SeenInGrid, "Out[i] = X[i] along axis i, repeated along the axes of the others.", {
  Shape out;
  for (int i = 0; i < c.NumInputs("X"); ++i) {
    const Shape& x = c.InputShape("X", i);
    SKIFF_ENFORCE(!c.at_runtime() || c.InputDType("X", i) == c.InputDType("X"), InvalidType, "X[", i, "] is ",
                  c.InputDType("X", i), ", X[0] ", c.InputDType("X"), "; they must be equal");
    SKIFF_ENFORCE(x.rank() <= 1, InvalidArgument, "X[", i, "] is ", x, "; meshgrid takes vectors");
    out.Append(x.rank() == 0 ? 1 : x[0]);
  }
  for (int i = 0; i < c.NumInputs("X"); ++i) c.SetOutput("Out", out, c.InputDType("X", i), i);
});
SKIFF_COMMON_SHAPE(broadcast_tensors, SeenBroadcast, "Out[i] = X[i], repeated to the shape that all X have together.", {
  Shape out = c.InputShape("X");
  for (int i = 1; i < c.NumInputs("X"); ++i) out = BroadcastShapes(out, c.InputShape("X", i));
  for (int i = 0; i < c.NumInputs("X"); ++i) c.SetOutput("Out", out, c.InputDType("X", i), i);
});

// ---- expand ----------------------------------------------------------------------------------------------------

template <typename Context>
auto TimesOf(const Context& c) { return DecidedInts(c, "expand_times_tensor", "ExpandTimes", "expand_times"); }

/// Out as [times, extent] for each axis.
std::vector<int64_t> TiledExtents(const Shape& x, const Shape& out) {
  std::vector<int64_t> extents;
  for (int i = 0; i < x.rank(); ++i) {
    extents.push_back(x[i] == 0 ? 1 : out[i] / x[i]);
    extents.push_back(x[i]);
  }
  return extents;
}

struct ExpandTimes {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape &x = c.Input("X").shape, &out = c.Output("Out").shape;
    BoxStrides from, to;
    const std::vector<int64_t> x_steps = ContiguousSteps(x), out_steps = ContiguousSteps(out);
    for (int i = 0; i < x.rank(); ++i) {
      from.steps.insert(from.steps.end(), {0, x_steps[i]});
      to.steps.insert(to.steps.end(), {x[i] * out_steps[i], out_steps[i]});
    }
    auto kernel = std::make_unique<CopyKernel>();
    kernel->Add(StridedCopy(TiledExtents(x, out), from, to, sizeof(T)), c.InputIndex("X"), 0);
    return kernel;
  }
};

struct ExpandTimesGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const TensorInfo &g = c.Input("Out@GRAD"), &x = c.Output("X@GRAD");
    const std::vector<int64_t> extents = TiledExtents(x.shape, g.shape);
    std::vector<bool> reduced(extents.size());
    for (size_t i = 0; i < reduced.size(); i += 2) reduced[i] = true;
    const ReduceOp sum = MakeReduceOp<C>(SumReducer{}, MakeReducePlan(kDTypeOf<C>, Shape(extents), reduced, g.dtype, x.dtype));
    c.RequestWorkspace(sum.workspace_bytes());
    return MakeKernel([sum, in = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      sum.Run(args.in[in], args.out[0], args.workspace, args);
    });
  }
};

SKIFF_OP(expand)
    .Doc("Out = X repeated expand_times[i] times along axis i.")
    .Source("fluid.layers.expand")
    .Input("X", "up to 4 axes")
    .HostInput("ExpandTimes", "the counts as a variable")
    .HostInputs("expand_times_tensor", "one count each, before all others")
    .Output("Out", "the extents multiplied")
    .Attr("expand_times", std::vector<int32_t>{}, "a count for each axis")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("X");
      const MaybeInts times = TimesOf(c);
      SKIFF_ENFORCE(static_cast<int>(times.size()) == x.shape.rank() && x.shape.rank() <= Shape::kMaxRank / 2, InvalidArgument, "X is ",
                    x.shape, ", there are ", times.size(), " expand_times; expected one for each axis, of ", Shape::kMaxRank / 2, " at most");
      Shape out = x.shape;
      for (int i = 0; i < out.rank(); ++i) {
        SKIFF_ENFORCE(!times[i] || *times[i] > 0 || !c.at_runtime(), InvalidArgument, "expand_times[", i, "] is ", times[i].value_or(0),
                      "; it must be positive");
        out[i] = out[i] < 0 || !times[i] || *times[i] < 0 ? -1 : out[i] * *times[i];
      }
      c.SetOutput("Out", TensorMeta{out, x.dtype, x.lod_level});
    })
    .Gradient(StandardGrad({"X", "ExpandTimes", "expand_times_tensor"}, {}, {"Out"}, {"X"}))
    .Kernel<ExpandTimes, SKIFF_FLOATS, int32_t, int64_t, bool>();

SKIFF_OP(expand_grad)
    .Doc("X@GRAD = Out@GRAD, summed over the repetitions.")
    .Input("X", "as in expand")
    .HostInput("ExpandTimes", "as in expand")
    .HostInputs("expand_times_tensor", "as in expand")
    .Input("Out@GRAD", "as Out of expand")
    .Output("X@GRAD", "shape of X")
    .Attr("expand_times", std::vector<int32_t>{}, "as in expand")
    .InferShape(GradsLikeInputs())
    .Gradient(ForwardAgain("expand", "X", "Out", {"ExpandTimes", "expand_times_tensor"}))
    .KeyedBy("Out@GRAD")
    .Kernel<ExpandTimesGrad, SKIFF_FLOATS>();

// ---- reverse ---------------------------------------------------------------------------------------------------

struct ReverseAxes {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    BoxStrides from = Contiguous(x);
    for (int64_t given : c.Attr<std::vector<int64_t>>("axis")) {
      const int axis = NormalizeAxis(given, x.rank());
      if (from.steps[axis] < 0) continue;  // named twice
      from.offset += std::max<int64_t>(x[axis] - 1, 0) * from.steps[axis];
      from.steps[axis] = -from.steps[axis];
    }
    auto kernel = std::make_unique<CopyKernel>();
    kernel->Add(StridedCopy({x.begin(), x.end()}, from, Contiguous(x), sizeof(T)), 0, 0);
    return kernel;
  }
};

SKIFF_OP(reverse)
    .Doc("Out = X with the order along each named axis turned round.")
    .Source("fluid.layers.reverse")
    .Input("X", "any shape")
    .Output("Out", "shape of X")
    .Attr("axis", std::vector<int32_t>{}, "negative from the end")
    .InferShape([](InferContext& c) {
      Like("Out", "X")(c);
      for (int64_t axis : c.Attr<std::vector<int64_t>>("axis")) NormalizeAxis(axis, c.InputShape("X").rank());
    })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"reverse", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}, g.fwd.attrs}};
    })
    .Kernel<ReverseAxes, SKIFF_FLOATS, int32_t, int64_t, uint8_t, bool>();

}  // namespace
}  // namespace skiff
