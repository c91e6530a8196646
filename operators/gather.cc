// Elements by index: gather, index_select, gather_nd, scatter.
#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/rows.h"

namespace skiff {

namespace {

// ---- gather, index_select: rows along an axis ---------------------------------------------------

void InferGather(InferContext& c, const char* attr) {
  const TensorMeta x = c.Input("X");
  const Shape index = c.InputShape("Index");
  SKIFF_ENFORCE(x.shape.rank() > 0, InvalidArgument, "X is 0-D; there is nothing to choose from");
  SKIFF_ENFORCE(index.rank() <= 1 || (index.rank() == 2 && (index[1] == 1 || index[1] == -1)),
                InvalidArgument, "Index is ", index, "; expected [indices], [indices, 1] or []");
  const std::optional<int64_t> given = DecidedInt(c, "Axis", attr);
  Shape out = x.shape;
  if (!given) {
    for (int i = 0; i < out.rank(); ++i) out[i] = -1;
  } else {
    const int axis = NormalizeAxis(*given, out.rank());
    if (index.rank() == 0) {
      out.Erase(axis);
    } else {
      out[axis] = index[0];
    }
  }
  c.SetOutput("Out", out, x.dtype);
}

RowGather GatherPlan(const PrepareContext& c, const char* attr, int64_t* width) {
  const TensorInfo& x = c.Input("X");
  const int axis = NormalizeAxis(DecidedInt(c, "Axis", attr), x.shape.rank());
  RowGather g;
  g.outer = x.shape.Product(0, axis);
  g.rows = x.shape[axis];
  g.count = c.Input("Index").shape.NumElements();
  *width = x.shape.Product(axis + 1, x.shape.rank());
  g.row_bytes = *width * static_cast<int64_t>(SizeOf(x.dtype));
  g.wide_ids = WideIds(c.Input("Index"), "Index");
  g.wraps = true;
  g.slot = "Index";
  return g;
}

std::unique_ptr<Kernel> PrepareGather(PrepareContext& c, const char* attr) {
  int64_t width = 0;
  return MakeKernel([g = GatherPlan(c, attr, &width), x = c.InputIndex("X"), index = c.InputIndex("Index"),
                     out = c.OutputIndex("Out")](const KernelArgs& args) {
    GatherRows(g, args.in[x], args.in[index], args.out[out], args);
  });
}

template <typename T>
std::unique_ptr<Kernel> PrepareGatherGrad(PrepareContext& c, const char* attr) {
  int64_t width = 0;
  const RowGather g = GatherPlan(c, attr, &width);
  return MakeKernel([=, out_grad = c.InputIndex("Out@GRAD"), index = c.InputIndex("Index"),
                     x_grad = c.OutputIndex("X@GRAD")](const KernelArgs& args) {
    FillZero(args.out[x_grad], g.outer * g.rows * width * sizeof(T), args);
    ScatterAddRows<T>(g, width, args.in[out_grad], args.in[index], static_cast<T*>(args.out[x_grad]), args);
  });
}

struct Gather {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareGather(c, "axis"); }
};
struct GatherGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareGatherGrad<T>(c, "axis"); }
};
struct IndexSelect {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareGather(c, "dim"); }
};
struct IndexSelectGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareGatherGrad<T>(c, "dim"); }
};

// ---- gather_nd: Index [..., k] names elements of the first k dimensions ----------------------------

void InferGatherNd(InferContext& c) {
  const TensorMeta x = c.Input("X");
  const Shape index = c.InputShape("Index");
  SKIFF_ENFORCE(index.rank() > 0 && index[index.rank() - 1] >= 0 && index[index.rank() - 1] <= x.shape.rank(),
                InvalidArgument, "Index is ", index, ", X is ", x.shape,
                "; the last extent of Index must be known and at most the rank of X");
  Shape out = index;
  const int k = static_cast<int>(index[index.rank() - 1]);
  out.Erase(-1);
  for (int i = k; i < x.shape.rank(); ++i) out.Append(x.shape[i]);
  c.SetOutput("Out", out, x.dtype);
}

// One flat row number from the k indices of each place, so that gather's kernels do the rest.
struct FlattenIndex {
  const void* index;
  bool wide;
  int k;
  int64_t extent[Shape::kMaxRank];
  int64_t* rows;
  SKIFF_HD void operator()(int64_t i) const {
    int64_t row = 0;
    for (int d = 0; d < k; ++d) {
      const int64_t at = IdAt(index, wide, i * k + d);
      row = at < -extent[d] || at >= extent[d] || row < 0 ? -1 : row * extent[d] + (at < 0 ? at + extent[d] : at);
    }
    rows[i] = row;
  }
};

struct NdPlan {
  RowGather g;
  FlattenIndex flatten;
  int64_t width;
};

NdPlan PlanNd(PrepareContext& c, const char* slot = "X") {
  const TensorInfo& x = c.Input(slot);
  const Shape& index = c.Input("Index").shape;
  NdPlan plan{};
  plan.flatten.k = static_cast<int>(index[index.rank() - 1]);
  plan.flatten.wide = WideIds(c.Input("Index"), "Index");
  for (int d = 0; d < plan.flatten.k; ++d) plan.flatten.extent[d] = x.shape[d];
  plan.g.rows = x.shape.Product(0, plan.flatten.k);
  plan.g.count = index.Product(0, index.rank() - 1);
  plan.width = x.shape.Product(plan.flatten.k, x.shape.rank());
  plan.g.row_bytes = plan.width * static_cast<int64_t>(SizeOf(x.dtype));
  plan.g.slot = "Index, flattened (-1: outside of X),";
  c.RequestWorkspace(plan.g.count * sizeof(int64_t));
  return plan;
}

void RunFlatten(const NdPlan& plan, const void* index, const KernelArgs& args) {
  FlattenIndex flatten = plan.flatten;
  flatten.index = index;
  flatten.rows = static_cast<int64_t*>(args.workspace);
  ForEach(plan.g.count, kElementGrain, args, flatten);
}

struct GatherNd {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([plan = PlanNd(c), x = c.InputIndex("X"), index = c.InputIndex("Index"),
                       out = c.OutputIndex("Out")](const KernelArgs& args) {
      RunFlatten(plan, args.in[index], args);
      GatherRows(plan.g, args.in[x], args.workspace, args.out[out], args);
    });
  }
};

struct GatherNdGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([plan = PlanNd(c), out_grad = c.InputIndex("Out@GRAD"), index = c.InputIndex("Index"),
                       x_grad = c.OutputIndex("X@GRAD")](const KernelArgs& args) {
      RunFlatten(plan, args.in[index], args);
      FillZero(args.out[x_grad], plan.g.rows * plan.width * sizeof(T), args);
      ScatterAddRows<T>(plan.g, plan.width, args.in[out_grad], args.workspace,
                        static_cast<T*>(args.out[x_grad]), args);
    });
  }
};

// ---- scatter_nd_add: Updates are added where Index says ----------------------------------------------

struct ScatterNdAdd {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const int64_t n = c.Input("X").shape.NumElements();
    const StridedCopy copy({n}, {0, {1}}, {0, {1}}, sizeof(T));
    return MakeKernel([=, plan = PlanNd(c), x = c.InputIndex("X"), index = c.InputIndex("Index"),
                       updates = c.InputIndex("Updates")](const KernelArgs& args) {
      RunFlatten(plan, args.in[index], args);
      CheckIds(args.workspace, true, plan.g.count, plan.g.rows, plan.g.slot);
      if (args.in[x] != args.out[0]) copy.Run(args.in[x], args.out[0], args);
      ScatterAddRows<T>(plan.g, plan.width, args.in[updates], args.workspace, static_cast<T*>(args.out[0]), args);
    });
  }
};

[[maybe_unused]] void CheckUpdates(const InferContext& c, const Shape& x) {
  const Shape &index = c.InputShape("Index"), &updates = c.InputShape("Updates");
  const int64_t named = index.rank() > 0 ? index[index.rank() - 1] : -1;
  SKIFF_ENFORCE(named >= 1 && named <= x.rank(), InvalidArgument, "Index is ", index, ", X ", x,
                "; the last axis of Index names 1 to ", x.rank(), " axes of X");
  Shape wanted;
  for (int i = 0; i + 1 < index.rank(); ++i) wanted.Append(index[i]);
  for (int i = static_cast<int>(named); i < x.rank(); ++i) wanted.Append(x[i]);
  SKIFF_ENFORCE(!wanted.IsKnown() || !updates.IsKnown() || wanted.NumElements() == updates.NumElements(), InvalidArgument,
                "Updates is ", updates, ", X ", x, ", Index ", index, "; expected Updates of ", wanted);
}

struct ScatterNdAddGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const int64_t n = c.Input("Out@GRAD").shape.NumElements();
    const StridedCopy copy({n}, {0, {1}}, {0, {1}}, sizeof(T));
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    return MakeKernel([=, plan = PlanNd(c, "Out@GRAD"), dout = c.InputIndex("Out@GRAD"), index = c.InputIndex("Index"),
                       dx = out("X@GRAD"), dupdates = out("Updates@GRAD")](const KernelArgs& args) {
      if (dx >= 0) copy.Run(args.in[dout], args.out[dx], args);
      if (dupdates < 0) return;
      RunFlatten(plan, args.in[index], args);
      GatherRows(plan.g, args.in[dout], args.workspace, args.out[dupdates], args);
    });
  }
};

// ---- scatter: rows of Updates go to rows Ids of X -----------------------------------------------------

template <typename T>
struct PutRows {
  RowGather g;
  int64_t width;
  const void* ids;
  const T* from;  // null puts zeros
  T* to;
  // Column by column, so that of rows that occur twice the later one stands.
  SKIFF_HD void operator()(int64_t column) const {
    for (int64_t i = 0; i < g.count; ++i) {
      int64_t id = IdAt(ids, g.wide_ids, i);
      if (id < 0) id += g.rows;
      to[id * width + column] = from == nullptr ? T{} : from[i * width + column];
    }
  }
};

RowGather ScatterPlan(const PrepareContext& c, const Shape& table) {
  RowGather g;
  g.rows = table[0];
  g.count = c.Input("Ids").shape.NumElements();
  g.wide_ids = WideIds(c.Input("Ids"), "Ids");
  g.wraps = true;
  return g;
}

struct Scatter {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const TensorInfo& x = c.Input("X");
    const RowGather g = ScatterPlan(c, x.shape);
    const int64_t width = x.shape.Product(1, x.shape.rank());
    SKIFF_ENFORCE(c.Input("Updates").shape.NumElements() == g.count * width, InvalidArgument, "Updates is ",
                  c.Input("Updates").shape, ", Ids has ", g.count, " entries, X is ", x.shape,
                  "; Updates must have one row of X for each");
    const std::vector<int64_t> all = {x.shape.NumElements()};
    const StridedCopy copy(all, {0, {1}}, {0, {1}}, sizeof(T));
    return MakeKernel([=, overwrite = c.Attr<bool>("overwrite"), in = c.InputIndex("X"),
                       ids = c.InputIndex("Ids"), updates = c.InputIndex("Updates"),
                       out = c.OutputIndex("Out")](const KernelArgs& args) {
      CheckIds(args.in[ids], g.wide_ids, g.count, g.rows, "Ids", true);
      if (args.in[in] != args.out[out]) copy.Run(args.in[in], args.out[out], args);
      auto* to = static_cast<T*>(args.out[out]);
      const auto* from = static_cast<const T*>(args.in[updates]);
      if (overwrite) {
        ForEach(width, kElementGrain, args, PutRows<T>{g, width, args.in[ids], from, to});
      } else {  // the named rows start from zero
        ForEach(width, kElementGrain, args, PutRows<T>{g, width, args.in[ids], nullptr, to});
        ScatterAddRows<T>(g, width, from, args.in[ids], to, args);
      }
    });
  }
};

struct ScatterGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const TensorInfo& out_grad = c.Input("Out@GRAD");
    RowGather g = ScatterPlan(c, out_grad.shape);
    const int64_t width = out_grad.shape.Product(1, out_grad.shape.rank());
    g.row_bytes = width * static_cast<int64_t>(sizeof(T));
    const std::vector<int64_t> all = {out_grad.shape.NumElements()};
    const StridedCopy copy(all, {0, {1}}, {0, {1}}, sizeof(T));
    const int x_grad = c.HasOutput("X@GRAD") ? c.OutputIndex("X@GRAD") : -1;
    const int updates_grad = c.HasOutput("Updates@GRAD") ? c.OutputIndex("Updates@GRAD") : -1;
    return MakeKernel([=, from = c.InputIndex("Out@GRAD"), ids = c.InputIndex("Ids")](const KernelArgs& args) {
      if (updates_grad >= 0 && args.out[updates_grad] != nullptr) {
        GatherRows(g, args.in[from], args.in[ids], args.out[updates_grad], args);
      }
      if (x_grad >= 0 && args.out[x_grad] != nullptr) {
        CheckIds(args.in[ids], g.wide_ids, g.count, g.rows, "Ids", true);
        copy.Run(args.in[from], args.out[x_grad], args);
        ForEach(width, kElementGrain, args,
                PutRows<T>{g, width, args.in[ids], nullptr, static_cast<T*>(args.out[x_grad])});
      }
    });
  }
};

}  // namespace

SKIFF_OP(gather)
    .Doc("Out is the slices of X at the indices Index along `axis`.")
    .Source("paddle.gather")
    .Input("X", "at least one dimension, any dtype")
    .Input("Index", "[indices], [indices, 1] or [], int64 or int32")
    .HostInput("Axis", "one integer; goes before the attribute")
    .Output("Out", "X.shape with the count of indices at `axis`, or without it for a 0-D Index")
    .Attr("axis", 0, "from the end when negative")
    .Attr("overwrite", true, "not read")
    .InferShape([](InferContext& c) { InferGather(c, "axis"); })
    .Gradient(StandardGrad({"X", "Index", "Axis"}, {}, {"Out"}, {"X"}))
    .Kernel<Gather, AnyDType>();

SKIFF_OP(gather_grad)
    .Doc("X@GRAD is the sum of Out@GRAD's slices at their indices.")
    .Input("X", "only its shape matters")
    .Input("Index", "as in gather")
    .HostInput("Axis", "as in gather")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("axis", 0, "as in gather")
    .Attr("overwrite", true, "not read")
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<GatherGrad, float, double, Float16, BFloat16, int32_t, int64_t>();

SKIFF_OP(index_select)
    .Doc("Out is the slices of X at the indices Index along `dim`.")
    .Source("paddle.index_select")
    .Input("X", "at least one dimension, any dtype")
    .Input("Index", "[indices], int64 or int32")
    .Output("Out", "X.shape with the count of indices at `dim`")
    .Attr("dim", 0, "from the end when negative")
    .InferShape([](InferContext& c) { InferGather(c, "dim"); })
    .Gradient(StandardGrad({"X", "Index"}, {}, {"Out"}, {"X"}))
    .Kernel<IndexSelect, AnyDType>();

SKIFF_OP(index_select_grad)
    .Doc("X@GRAD is the sum of Out@GRAD's slices at their indices.")
    .Input("X", "only its shape matters")
    .Input("Index", "as in index_select")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("dim", 0, "as in index_select")
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<IndexSelectGrad, float, double, Float16, BFloat16, int32_t, int64_t>();

SKIFF_OP(gather_nd)
    .Doc("Out[i..., :] = X[Index[i..., 0], ..., Index[i..., k - 1], :].")
    .Source("paddle.gather_nd")
    .Input("X", "any dtype")
    .Input("Index", "[..., k], int64 or int32, k at most the rank of X")
    .Output("Out", "Index.shape[:-1] + X.shape[k:]")
    .InferShape(InferGatherNd)
    .Gradient(StandardGrad({"X", "Index"}, {}, {"Out"}, {"X"}))
    .Kernel<GatherNd, AnyDType>();

SKIFF_OP(gather_nd_grad)
    .Doc("X@GRAD is the sum of Out@GRAD's slices at their places.")
    .Input("X", "only its shape matters")
    .Input("Index", "as in gather_nd")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<GatherNdGrad, float, double, Float16, BFloat16, int32_t, int64_t>();

SKIFF_OP(scatter)
    .Doc("Out is X with row Ids[i] replaced by Updates[i], or by the sum of its updates without overwrite.")
    .Source("paddle.scatter")
    .Input("X", "[rows, ...]")
    .Input("Ids", "[updates] or [updates, 1], int64 or int32")
    .Input("Updates", "[updates, ...]")
    .Output("Out", "shape of X")
    .Attr("overwrite", true, "whether the last update stands; else they add up, from zero")
    .SameDType({"X", "Updates"})
    .InferShape(Like("Out", "X"))
    .Inplace("X", "Out")
    .Gradient(StandardGrad({"Ids", "Updates"}, {}, {"Out"}, {"X", "Updates"}))
    .Kernel<Scatter, float, double, Float16, BFloat16, int32_t, int64_t>();

SKIFF_OP(scatter_grad)
    .Doc("X@GRAD is Out@GRAD with zero rows at Ids, Updates@GRAD its rows at Ids.")
    .Input("Ids", "as in scatter")
    .OptionalInput("Updates", "only its shape matters")
    .Input("Out@GRAD", "shape of X")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Updates@GRAD", "shape of Updates")
    .Attr("overwrite", true, "as in scatter")
    .SameDType({"Updates", "Out@GRAD"})
    .InferShape([](InferContext& c) {
      const Shape &x = c.InputShape("Out@GRAD"), &ids = c.InputShape("Ids");
      SKIFF_ENFORCE(x.rank() > 0, InvalidArgument, "Out@GRAD is ", x, "; it has no rows");
      if (c.HasInput("Updates")) {
        const Shape& updates = c.InputShape("Updates");
        SKIFF_ENFORCE(!updates.IsKnown() || !x.IsKnown() || !ids.IsKnown() ||
                          updates.NumElements() == ids.NumElements() * x.Product(1, x.rank()),
                      InvalidArgument, "Updates is ", updates, ", Ids ", ids, ", Out@GRAD ", x, "; expected a row for each index");
      }
      if (c.HasOutput("X@GRAD")) c.SetOutput("X@GRAD", TensorMeta(c.Input("Out@GRAD")));
      if (c.HasOutput("Updates@GRAD")) c.SetOutput("Updates@GRAD", TensorMeta(c.Input("Updates")));
    })
    .KeyedBy("Out@GRAD")
    .Kernel<ScatterGrad, float, double, Float16, BFloat16, int32_t, int64_t>();

SKIFF_OP(scatter_nd_add)
    .Doc("Out = X, with Updates[i] added at the place that Index[i] names; places may repeat.")
    .Source("paddle.scatter_nd_add")
    .Input("X", "any shape")
    .Input("Index", "int32 or int64, [..., axes of X that are named]; negative from the end")
    .Input("Updates", "Index without its last axis, then the axes of X that are not named")
    .Output("Out", "shape of X")
    .SameDType({"X", "Updates"})
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      CheckUpdates(c, x.shape);
      c.SetOutput("Out", TensorMeta{x.shape, x.dtype, x.lod_level});
    })
    .Inplace("X", "Out")
    .Gradient(StandardGrad({"Index", "Updates"}, {}, {"Out"}, {"X", "Updates"}))
    .Kernel<ScatterNdAdd, float, double, Float16, BFloat16, int32_t, int64_t>();

SKIFF_OP(scatter_nd_add_grad)
    .Doc("X@GRAD = Out@GRAD, Updates@GRAD = its elements that Index names.")
    .Input("Index", "as in scatter_nd_add")
    .Input("Updates", "only its shape matters")
    .Input("Out@GRAD", "shape of X")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("Updates@GRAD", "shape of Updates")
    .SameDType({"Updates", "Out@GRAD"})
    .InferShape([](InferContext& c) {
      const TensorMeta out = c.Input("Out@GRAD");
      CheckUpdates(c, out.shape);
      c.SetOutput("X@GRAD", out.shape, out.dtype);
      c.SetOutput("Updates@GRAD", c.InputShape("Updates"), out.dtype);
    })
    .KeyedBy("Out@GRAD")
    .Kernel<ScatterNdAddGrad, float, double, Float16, BFloat16>();

}  // namespace skiff
