// Joining and parting tensors along an axis: concat, split, stack, unstack, unbind. All are strided
// copies between one whole tensor and its parts.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/strided.h"

namespace skiff {

namespace {

Shape UnknownOfRank(int rank) {
  Shape shape;
  for (int i = 0; i < rank; ++i) shape.Append(-1);
  return shape;
}

// -1 takes the other side's extent.
int64_t Agree(int64_t a, int64_t b, int part, int axis, const Shape& first, const Shape& other) {
  SKIFF_ENFORCE(a == b || a == -1 || b == -1, InvalidArgument, "X[0] is ", first, ", X[", part, "] is ",
                other, "; extents of dimension ", axis, " must be equal");
  return a == -1 ? b : a;
}

void InferConcat(InferContext& c) {
  const Shape first = c.InputShape("X");
  const int rank = first.rank();
  SKIFF_ENFORCE(rank > 0, InvalidArgument, "X[0] is 0-D; concat needs at least one dimension");
  const auto given_axis = DecidedInt(c, "AxisTensor", "axis");
  if (!given_axis) return c.SetOutput("Out", UnknownOfRank(rank), c.InputDType("X"));
  const int axis = NormalizeAxis(*given_axis, rank);
  Shape out = first;
  for (int p = 1; p < c.NumInputs("X"); ++p) {
    const Shape& part = c.InputShape("X", p);
    SKIFF_ENFORCE(part.rank() == rank, InvalidArgument, "X[0] is ", first, ", X[", p, "] is ", part,
                  "; ranks must be equal");
    SKIFF_ENFORCE(c.InputDType("X", p) == c.InputDType("X"), InvalidType, "X[0] is ",
                  c.InputDType("X"), ", X[", p, "] is ", c.InputDType("X", p),
                  "; dtypes must be equal");
    for (int i = 0; i < rank; ++i) {
      if (i != axis) {
        out[i] = Agree(out[i], part[i], p, i, first, part);
      } else {
        out[i] = out[i] < 0 || part[i] < 0 ? -1 : out[i] + part[i];
      }
    }
  }
  c.SetOutput("Out", TensorMeta{out, c.InputDType("X"), c.Input("X").lod_level});
}

// Copies between a whole tensor and parts that lie one behind the other along an axis.
class PartsPlan {
 public:
  PartsPlan(const Shape& whole, int axis, size_t element_bytes)
      : whole_(whole), axis_(axis), bytes_(element_bytes) {}
  StridedCopy ToWhole(int64_t extent) { return Next(extent, true); }
  StridedCopy FromWhole(int64_t extent) { return Next(extent, false); }
  void Skip(int64_t extent) { begin_ += extent; }

 private:
  StridedCopy Next(int64_t extent, bool to_whole) {
    Shape part = whole_;
    part[axis_] = extent;
    BoxStrides in_whole = Contiguous(whole_);
    in_whole.offset = begin_ * in_whole.steps[axis_];
    begin_ += extent;
    const BoxStrides alone = Contiguous(part);
    return StridedCopy(part.ToVector(), to_whole ? alone : in_whole, to_whole ? in_whole : alone, bytes_);
  }

  Shape whole_;
  int axis_;
  size_t bytes_;
  int64_t begin_ = 0;
};

struct Concat {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& out = c.Output("Out").shape;
    const int axis = NormalizeAxis(DecidedInt(c, "AxisTensor", "axis"), out.rank());
    PartsPlan plan(out, axis, SizeOf(c.Input("X").dtype));
    auto kernel = std::make_unique<CopyKernel>();
    for (int p = 0; p < c.NumInputs("X"); ++p) {
      kernel->Add(plan.ToWhole(c.Input("X", p).shape[axis]), c.InputIndex("X", p), c.OutputIndex("Out"));
    }
    return kernel;
  }
};

struct ConcatGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const TensorInfo& out_grad = c.Input("Out@GRAD");
    const int axis = NormalizeAxis(DecidedInt(c, "AxisTensor", "axis"), out_grad.shape.rank());
    PartsPlan plan(out_grad.shape, axis, SizeOf(out_grad.dtype));
    auto kernel = std::make_unique<CopyKernel>();
    for (int p = 0; p < c.NumInputs("X"); ++p) {
      const int64_t extent = c.Input("X", p).shape[axis];
      if (p < c.NumOutputs("X@GRAD") && c.Output("X@GRAD", p).dtype != DType::kUndefined) {
        kernel->Add(plan.FromWhole(extent), c.InputIndex("Out@GRAD"), c.OutputIndex("X@GRAD", p));
      } else {
        plan.Skip(extent);  // nobody wants this gradient
      }
    }
    return kernel;
  }
};

// Extents of the parts along the axis; -1 where not known.
std::vector<int64_t> SplitExtents(int64_t extent, int64_t num, const MaybeInts& sections,
                                  int num_outputs) {
  if (sections.empty()) {
    const int64_t parts = num > 0 ? num : num_outputs;
    SKIFF_ENFORCE(parts == num_outputs, InvalidArgument, "num is ", num, ", Out has ", num_outputs,
                  " variables; they must be equal");
    if (extent < 0) return std::vector<int64_t>(parts, -1);
    SKIFF_ENFORCE(extent % parts == 0, InvalidArgument, "an extent of ", extent,
                  " does not divide into ", parts, " equal parts; give sections");
    return std::vector<int64_t>(parts, extent / parts);
  }
  SKIFF_ENFORCE(static_cast<int>(sections.size()) == num_outputs, InvalidArgument, "sections has ",
                sections.size(), " entries, Out has ", num_outputs, " variables; they must be equal");
  std::vector<int64_t> extents;
  int rest = -1;
  int64_t sum = 0;
  bool known = extent >= 0;
  for (const auto& section : sections) {
    if (!section) {
      known = false;
    } else if (*section == -1) {
      SKIFF_ENFORCE(rest < 0, InvalidArgument, "sections has -1 twice; only one part can be inferred");
      rest = static_cast<int>(extents.size());
    } else {
      sum += *section;
    }
    extents.push_back(section.value_or(-1));
  }
  if (!known) return extents;
  SKIFF_ENFORCE(rest < 0 ? sum == extent : sum <= extent, InvalidArgument, "sections add up to ", sum,
                ", the extent is ", extent, rest < 0 ? "; they must be equal" : "; it must be larger");
  if (rest >= 0) extents[rest] = extent - sum;
  return extents;
}

void InferSplit(InferContext& c) {
  const TensorMeta x = c.Input("X");
  SKIFF_ENFORCE(x.shape.rank() > 0, InvalidArgument, "X is 0-D; split needs at least one dimension");
  const auto given_axis = DecidedInt(c, "AxisTensor", "axis");
  const int parts = c.NumOutputs("Out");
  if (!given_axis) {
    for (int p = 0; p < parts; ++p) c.SetOutput("Out", UnknownOfRank(x.shape.rank()), x.dtype, p);
    return;
  }
  const int axis = NormalizeAxis(*given_axis, x.shape.rank());
  const std::vector<int64_t> extents =
      SplitExtents(x.shape[axis], c.Attr<int64_t>("num"),
                   DecidedInts(c, "SectionsTensorList", "", "sections"), parts);
  for (int p = 0; p < parts; ++p) {
    TensorMeta part = x;
    part.shape[axis] = extents[p];
    if (axis == 0) part.lod_level = 0;
    c.SetOutput("Out", part, p);
  }
}

struct Split {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const TensorInfo& x = c.Input("X");
    const int axis = NormalizeAxis(DecidedInt(c, "AxisTensor", "axis"), x.shape.rank());
    MaybeInts sections;
    for (int64_t s : DecidedInts(c, "SectionsTensorList", "", "sections")) sections.emplace_back(s);
    const int parts = c.NumOutputs("Out");
    const auto extents = SplitExtents(x.shape[axis], c.Attr<int64_t>("num"), sections, parts);
    PartsPlan plan(x.shape, axis, SizeOf(x.dtype));
    auto kernel = std::make_unique<CopyKernel>();
    for (int p = 0; p < parts; ++p) {
      if (c.Output("Out", p).dtype != DType::kUndefined) {
        kernel->Add(plan.FromWhole(extents[p]), c.InputIndex("X"), c.OutputIndex("Out", p));
      } else {
        plan.Skip(extents[p]);
      }
    }
    return kernel;
  }
};

// The variables of `slot`, each of one shape, stacked along a new axis.
void InferStackOf(InferContext& c, const std::string& slot, const std::string& out) {
  Shape shape = c.InputShape(slot);
  for (int p = 1; p < c.NumInputs(slot); ++p) {
    const Shape& part = c.InputShape(slot, p);
    SKIFF_ENFORCE(part.rank() == shape.rank(), InvalidArgument, slot, "[0] is ", shape, ", ", slot, "[",
                  p, "] is ", part, "; shapes must be equal");
    for (int i = 0; i < shape.rank(); ++i) shape[i] = Agree(shape[i], part[i], p, i, shape, part);
  }
  shape.Insert(NormalizeAxis(c.Attr<int>("axis"), shape.rank() + 1), c.NumInputs(slot));
  c.SetOutput(out, shape, c.InputDType(slot));
}

// The slices of `slot` along the axis, without that axis.
void InferUnstackOf(InferContext& c, const std::string& slot, const std::string& out) {
  const TensorMeta whole = c.Input(slot);
  const int axis = NormalizeAxis(c.Attr<int>("axis"), whole.shape.rank());
  SKIFF_ENFORCE(whole.shape.rank() > 0, InvalidArgument, slot, " is 0-D and has no slices");
  SKIFF_ENFORCE(whole.shape[axis] == -1 || whole.shape[axis] == c.NumOutputs(out), InvalidArgument, slot,
                " is ", whole.shape, " and gives ", whole.shape[axis], " slices along axis ", axis, ", ",
                out, " has ", c.NumOutputs(out), " variables; they must be equal");
  Shape part = whole.shape;
  part.Erase(axis);
  for (int p = 0; p < c.NumOutputs(out); ++p) c.SetOutput(out, part, whole.dtype, p);
}

std::unique_ptr<Kernel> PrepareStack(PrepareContext& c, const char* parts, const char* whole) {
  const TensorInfo& out = c.Output(whole);
  PartsPlan plan(out.shape, NormalizeAxis(c.Attr<int>("axis"), out.shape.rank()), SizeOf(out.dtype));
  auto kernel = std::make_unique<CopyKernel>();
  for (int p = 0; p < c.NumInputs(parts); ++p) {
    kernel->Add(plan.ToWhole(1), c.InputIndex(parts, p), c.OutputIndex(whole));
  }
  return kernel;
}

std::unique_ptr<Kernel> PrepareUnstack(PrepareContext& c, const char* whole, const char* parts) {
  const TensorInfo& x = c.Input(whole);
  PartsPlan plan(x.shape, NormalizeAxis(c.Attr<int>("axis"), x.shape.rank()), SizeOf(x.dtype));
  auto kernel = std::make_unique<CopyKernel>();
  for (int p = 0; p < c.NumOutputs(parts); ++p) {
    if (c.Output(parts, p).dtype != DType::kUndefined) {
      kernel->Add(plan.FromWhole(1), c.InputIndex(whole), c.OutputIndex(parts, p));
    } else {
      plan.Skip(1);
    }
  }
  return kernel;
}

struct StackSlices {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareStack(c, "X", "Y"); }
};
struct StackSlicesGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareUnstack(c, "Y@GRAD", "X@GRAD"); }
};
struct Unstack {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareUnstack(c, "X", "Y"); }
};
struct UnstackGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareStack(c, "Y@GRAD", "X@GRAD"); }
};
struct Unbind {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareUnstack(c, "X", "Out"); }
};

}  // namespace

SKIFF_OP(concat)
    .Doc("Out is the tensors X one behind the other along `axis`.")
    .Source("paddle.concat")
    .Inputs("X", "tensors of one dtype and rank, equal outside `axis`")
    .HostInput("AxisTensor", "one integer; goes before the attribute")
    .Output("Out", "dtype of X, extents along `axis` added up")
    .Attr("axis", 0, "from the end when negative")
    .InferShape(InferConcat)
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator grad{"concat_grad", {{"X", g.In("X")}}, {}, g.fwd.attrs};
      if (g.HasIn("AxisTensor")) grad.inputs.Set("AxisTensor", g.In("AxisTensor"));
      grad.inputs.Set("Out@GRAD", g.OutGrad("Out"));
      grad.outputs.Set("X@GRAD", g.InGrad("X", false));
      return {grad};
    })
    .Kernel<Concat, AnyDType>();

SKIFF_OP(concat_grad)
    .Doc("The gradients of X are the parts of Out@GRAD.")
    .Inputs("X", "inputs of concat; only their shapes matter")
    .HostInput("AxisTensor", "as in concat")
    .Input("Out@GRAD", "shape of Out")
    .OptionalOutputs("X@GRAD", "shapes of X")
    .Attr("axis", 0, "as in concat")
    .InferShape(GradsLikeInputs())
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      std::vector<Operator> ops = ForwardAgain("concat", "X", "Out", {"AxisTensor"})(g);
      std::vector<std::string> parts = g.OutGrad("X@GRAD");
      for (size_t i = 0; i < parts.size(); ++i) {  // what nobody wanted the gradient of takes part as zeros
        if (g.Out("X@GRAD")[i] != kEmptyVarName) continue;
        parts[i] = g.In("X")[i] + "@GRAD@ZERO";
        ops.insert(ops.begin(), {"fill_zeros_like", {{"X", {g.In("X")[i]}}}, {{"Out", {parts[i]}}}, {}});
      }
      ops.back().inputs.Set("X", parts);
      return ops;
    })
    .KeyedBy("Out@GRAD")
    .Kernel<ConcatGrad, AnyDType>();

SKIFF_OP(split)
    .Doc("Out are consecutive parts of X along `axis`: `num` equal ones, or of the extents `sections`.")
    .Source("paddle.split")
    .Input("X", "at least one dimension, any dtype")
    .HostInput("AxisTensor", "one integer; goes before the attribute")
    .HostInputs("SectionsTensorList", "one integer each; goes before the attribute")
    .Outputs("Out", "dtype of X")
    .Attr("sections", std::vector<int32_t>{}, "extents; one may be -1, what remains")
    .Attr("num", 0, "number of equal parts where sections is empty")
    .Attr("axis", 0, "from the end when negative")
    .InferShape(InferSplit)
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      Operator grad{"concat", {{"X", g.OutGrad("Out")}}, {{"Out", g.InGrad("X")}}, g.fwd.attrs};
      if (g.HasIn("AxisTensor")) grad.inputs.Set("AxisTensor", g.In("AxisTensor"));
      return {grad};
    })
    .Kernel<Split, AnyDType>();

SKIFF_OP(stack)
    .Doc("Y is the tensors X side by side along a new axis.")
    .Source("paddle.stack")
    .Inputs("X", "tensors of one shape and dtype")
    .Output("Y", "one dimension more than X")
    .Attr("axis", 0, "position of the new axis in Y, from the end when negative")
    .SameDType({"X"})
    .InferShape([](InferContext& c) { InferStackOf(c, "X", "Y"); })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"stack_grad", {{"X", g.In("X")}, {"Y@GRAD", g.OutGrad("Y")}},
               {{"X@GRAD", g.InGrad("X", false)}}, g.fwd.attrs}};
    })
    .Kernel<StackSlices, AnyDType>();

SKIFF_OP(stack_grad)
    .Doc("The gradients of X are the slices of Y@GRAD along `axis`.")
    .OptionalInputs("X", "not read")
    .Input("Y@GRAD", "shape of Y")
    .OptionalOutputs("X@GRAD", "shape of X")
    .Attr("axis", 0, "as in stack")
    .InferShape([](InferContext& c) { InferUnstackOf(c, "Y@GRAD", "X@GRAD"); })
    .KeyedBy("Y@GRAD")
    .Kernel<StackSlicesGrad, AnyDType>();

SKIFF_OP(unstack)
    .Doc("Y are the slices of X along `axis`, without that axis.")
    .Source("paddle.unstack")
    .Input("X", "at least one dimension, any dtype")
    .Outputs("Y", "as many as the extent of `axis`")
    .Attr("axis", 0, "from the end when negative")
    .Attr("num", 0, "number of slices")
    .InferShape([](InferContext& c) { InferUnstackOf(c, "X", "Y"); })
    .Gradient(StandardGrad({}, {}, {"Y"}, {"X"}))
    .Kernel<Unstack, AnyDType>();

SKIFF_OP(unstack_grad)
    .Doc("X@GRAD is the gradients of Y side by side along `axis`.")
    .Inputs("Y@GRAD", "shapes of Y")
    .Output("X@GRAD", "shape of X")
    .Attr("axis", 0, "as in unstack")
    .Attr("num", 0, "as in unstack")
    .Alike({"Y@GRAD"})
    .InferShape([](InferContext& c) { InferStackOf(c, "Y@GRAD", "X@GRAD"); })
    .Kernel<UnstackGrad, AnyDType>();

SKIFF_OP(unbind)
    .Doc("Out are the slices of X along `axis`, without that axis.")
    .Source("paddle.unbind")
    .Input("X", "at least one dimension, any dtype")
    .Outputs("Out", "as many as the extent of `axis`")
    .Attr("axis", 0, "from the end when negative")
    .InferShape([](InferContext& c) { InferUnstackOf(c, "X", "Out"); })
    .Gradient([](const GradContext& g) -> std::vector<Operator> {
      return {{"stack", {{"X", g.OutGrad("Out")}}, {{"Y", g.InGrad("X")}}, g.fwd.attrs}};
    })
    .Kernel<Unbind, AnyDType>();

}  // namespace skiff
