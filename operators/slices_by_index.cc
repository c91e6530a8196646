// Whole slices and rows by an index: index_add, multiplex.
#include "framework/op/op_schema.h"
#include "operators/kernel/rows.h"
#include "operators/kernel/strided.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

// ---- index_add: slices added where a vector of indices says ----------------------------------------------------

RowGather SlicesOf(const PrepareContext& c, const Shape& table, int axis) {
  RowGather g;
  g.outer = table.Product(0, axis);
  g.rows = table[axis];
  g.count = c.Input("Index").shape.NumElements();
  g.wide_ids = WideIds(c.Input("Index"), "Index");
  g.wraps = true;
  g.slot = "Index";
  return g;
}

struct IndexAdd {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const int axis = NormalizeAxis(c.Attr<int64_t>("axis"), x.rank());
    const StridedCopy copy({x.NumElements()}, {0, {1}}, {0, {1}}, sizeof(T));
    return MakeKernel([=, g = SlicesOf(c, x, axis), width = x.Product(axis + 1, x.rank()), in = c.InputIndex("X"),
                       index = c.InputIndex("Index"), value = c.InputIndex("AddValue")](const KernelArgs& args) {
      CheckIds(args.in[index], g.wide_ids, g.count, g.rows, g.slot, true);
      if (args.in[in] != args.out[0]) copy.Run(args.in[in], args.out[0], args);
      ScatterAddRows<T>(g, width, args.in[value], args.in[index], static_cast<T*>(args.out[0]), args);
    });
  }
};

struct IndexAddGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("Out@GRAD").shape;
    const int axis = NormalizeAxis(c.Attr<int64_t>("axis"), x.rank());
    RowGather g = SlicesOf(c, x, axis);
    g.row_bytes = x.Product(axis + 1, x.rank()) * static_cast<int64_t>(sizeof(T));
    const StridedCopy copy({x.NumElements()}, {0, {1}}, {0, {1}}, sizeof(T));
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    return MakeKernel([=, dout = c.InputIndex("Out@GRAD"), index = c.InputIndex("Index"), dx = out("X@GRAD"),
                       dvalue = out("AddValue@GRAD")](const KernelArgs& args) {
      if (dx >= 0) copy.Run(args.in[dout], args.out[dx], args);
      if (dvalue >= 0) GatherRows(g, args.in[dout], args.in[index], args.out[dvalue], args);
    });
  }
};

[[maybe_unused]] void CheckAddedSlices(const InferContext& c, const Shape& x) {
  const Shape &index = c.InputShape("Index"), &value = c.InputShape("AddValue");
  SKIFF_ENFORCE(x.rank() > 0, InvalidArgument, "X is ", x, "; it has no slices");
  Shape wanted = x;
  wanted[NormalizeAxis(c.Attr<int64_t>("axis"), x.rank())] = index.IsKnown() ? index.NumElements() : -1;
  SKIFF_ENFORCE(!wanted.IsKnown() || !value.IsKnown() || value.NumElements() == wanted.NumElements(), InvalidArgument,
                "AddValue is ", value, ", X ", x, ", Index ", index, "; expected an AddValue of ", wanted);
}

// ---- multiplex: each row from one of several tensors -----------------------------------------------------------

inline constexpr int kMostCandidates = 32;

[[maybe_unused]] void CheckIdOfEachRow(const InferContext& c, const Shape& x) {
  const Shape& ids = c.InputShape("Ids");
  SKIFF_ENFORCE(x.rank() > 0, InvalidArgument, "X is ", x, "; it must have rows");
  SKIFF_ENFORCE(!ids.IsKnown() || x[0] < 0 || ids.NumElements() == x[0], InvalidArgument, "Ids is ", ids, "; expected [", x[0],
                ", 1], one for each row of X");
}

template <typename T>
struct ChooseRow {
  const T* x[kMostCandidates];
  T* out;
  const void* ids;
  bool wide;
  int count;
  int64_t width;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t id = IdAt(ids, wide, i / width);
    if (id >= 0 && id < count) out[i] = x[id][i];
  }
};

template <typename T>
struct ChooseRowGrad {
  T* x_grad[kMostCandidates];
  const T* out_grad;
  const void* ids;
  bool wide;
  int count;
  int64_t width;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t id = IdAt(ids, wide, i / width);
    for (int k = 0; k < count; ++k) {
      if (x_grad[k] != nullptr) x_grad[k][i] = k == id ? out_grad[i] : T(0);
    }
  }
};

struct Multiplex {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const int count = c.NumInputs("X");
    return MakeKernel([=, n = x.NumElements(), rows = x[0], wide = WideIds(c.Input("Ids"), "Ids"), first = c.InputIndex("X"),
                       ids = c.InputIndex("Ids")](const KernelArgs& args) {
      CheckIds(args.in[ids], wide, rows, count, "Ids");
      ChooseRow<T> run{};
      for (int k = 0; k < count; ++k) run.x[k] = static_cast<const T*>(args.in[first + k]);
      run.out = static_cast<T*>(args.out[0]);
      run.ids = args.in[ids];
      run.wide = wide;
      run.count = count;
      run.width = rows == 0 ? 1 : n / rows;
      ForEach(n, kElementGrain, args, run);
    });
  }
};

struct MultiplexGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("Out@GRAD").shape;
    const int count = c.NumOutputs("X@GRAD");
    SKIFF_ENFORCE(count <= kMostCandidates, Unimplemented, "multiplex of ", count, " tensors; up to ", kMostCandidates);
    return MakeKernel([=, n = x.NumElements(), rows = x[0], wide = WideIds(c.Input("Ids"), "Ids"), dout = c.InputIndex("Out@GRAD"),
                       ids = c.InputIndex("Ids")](const KernelArgs& args) {
      ChooseRowGrad<T> run{};
      for (int k = 0; k < count; ++k) run.x_grad[k] = static_cast<T*>(args.out[k]);
      run.out_grad = static_cast<const T*>(args.in[dout]);
      run.ids = args.in[ids];
      run.wide = wide;
      run.count = count;
      run.width = rows == 0 ? 1 : n / rows;
      ForEach(n, kElementGrain, args, run);
    });
  }
};

}  // namespace

SKIFF_OP(index_add)
    .Doc("Out = X, with slice k of AddValue added to slice Index[k] along axis.")
    .Source("paddle.index_add")
    .Input("X", "one axis at least")
    .Input("Index", "int32 or int64, [count]")
    .Input("AddValue", "as X, with count slices at axis")
    .Output("Out", "shape of X")
    .Attr("axis", 0, "negative from the end")
    .SameDType({"X", "AddValue"})
    .InferShape([](InferContext& c) {
      CheckAddedSlices(c, c.InputShape("X"));
      Like("Out", "X")(c);
    })
    .Inplace("X", "Out")
    .Gradient(StandardGrad({"Index", "AddValue"}, {}, {"Out"}, {"X", "AddValue"}))
    .Kernel<IndexAdd, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(index_add_grad)
    .Doc("X@GRAD = Out@GRAD, AddValue@GRAD = the slices of Out@GRAD that Index names.")
    .Input("Index", "as in index_add")
    .Input("AddValue", "as in index_add")
    .Input("Out@GRAD", "shape of X")
    .OptionalOutput("X@GRAD", "shape of X")
    .OptionalOutput("AddValue@GRAD", "shape of AddValue")
    .Attr("axis", 0, "as in index_add")
    .SameDType({"AddValue", "Out@GRAD"})
    .InferShape([](InferContext& c) {
      const TensorMeta out = c.Input("Out@GRAD");
      CheckAddedSlices(c, out.shape);
      c.SetOutput("X@GRAD", out.shape, out.dtype);
      c.SetOutput("AddValue@GRAD", c.InputShape("AddValue"), out.dtype);
    })
    .KeyedBy("Out@GRAD")
    .Kernel<IndexAddGrad, SKIFF_FLOATS>();

SKIFF_OP(multiplex)
    .Doc("Out[i] = X[Ids[i]][i]: row i of the tensor that Ids[i] names.")
    .Source("paddle.multiplex")
    .Inputs("X", "tensors of one shape, [rows, ...]; up to 32")
    .Input("Ids", "int32 or int64, [rows, 1]")
    .Output("Out", "shape of each X")
    .Alike({"X"})
    .InferShape([](InferContext& c) {
      SKIFF_ENFORCE(c.NumInputs("X") <= kMostCandidates, Unimplemented, "multiplex of ", c.NumInputs("X"), " tensors; up to ",
                    kMostCandidates);
      for (int i = 1; i < c.NumInputs("X"); ++i) {
        const Shape &first = c.InputShape("X"), &other = c.InputShape("X", i);
        SKIFF_ENFORCE(!first.IsKnown() || !other.IsKnown() || first == other, InvalidArgument, "X[0] is ", first, ", X[", i, "] ", other,
                      "; they must be equal");
      }
      CheckIdOfEachRow(c, c.InputShape("X"));
      Like("Out", "X")(c);
    })
    .Gradient(StandardGrad({"X", "Ids"}, {}, {"Out"}, {"X"}))
    .Kernel<Multiplex, float, double, int32_t, int64_t>();

SKIFF_OP(multiplex_grad)
    .Doc("X@GRAD[k][i] = Out@GRAD[i] where Ids[i] is k, else 0.")
    .OptionalInputs("X", "as in multiplex")
    .Input("Ids", "as in multiplex")
    .Input("Out@GRAD", "shape of each X")
    .OptionalOutputs("X@GRAD", "shape of each X")
    .Alike({"X", "Out@GRAD"})
    .InferShape([](InferContext& c) {
      const TensorMeta out = c.Input("Out@GRAD");
      CheckIdOfEachRow(c, out.shape);
      for (int i = 0; i < c.NumOutputs("X@GRAD"); ++i) c.SetOutput("X@GRAD", TensorMeta{out.shape, out.dtype, out.lod_level}, i);
    })
    .KeyedBy("Out@GRAD")
    .Kernel<MultiplexGrad, float, double>();

}  // namespace skiff
