// Elements picked or written by an index along one axis: take_along_axis, put_along_axis, index_sample.
#include "framework/op/op_schema.h"
#include "operators/kernel/lines.h"
#include "operators/kernel/rows.h"
#include "operators/kernel/strided.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

/// Lines of the index and where the table's lines of the same place begin. The index may be smaller than the
/// table beside the axis.
struct IndexedLines {
  Lines lines;  // of the index
  int axis = 0, rank = 0;
  int64_t dims[Shape::kMaxRank] = {}, steps[Shape::kMaxRank] = {};  // of the index; of the table
  int64_t extent = 0;  // of the table along the axis
  bool wide = true;
  const void* index = nullptr;

  IndexedLines() = default;
  IndexedLines(const Shape& table, const TensorInfo& ids, int axis, const char* slot)
      : lines(ids.shape, axis), axis(axis), rank(table.rank()), extent(table[axis]), wide(WideIds(ids, slot)) {
    const std::vector<int64_t> table_steps = ContiguousSteps(table);
    for (int i = 0; i < rank; ++i) dims[i] = ids.shape[i], steps[i] = table_steps[i];
  }
  SKIFF_HD int64_t TableBase(int64_t line) const {
    int64_t base = 0, inner = line % lines.inner, outer = line / lines.inner;
    for (int d = rank - 1; d > axis; --d) {
      base += inner % dims[d] * steps[d];
      inner /= dims[d];
    }
    for (int d = axis - 1; d >= 0; --d) {
      base += outer % dims[d] * steps[d];
      outer /= dims[d];
    }
    return base;
  }
  /// Where element k of the line points to along the axis; -1 outside.
  SKIFF_HD int64_t At(int64_t position) const {
    int64_t id = IdAt(index, wide, position);
    if (id < 0) id += extent;
    return id >= 0 && id < extent ? id : -1;
  }
  int64_t Count() const { return lines.Count() * lines.extent; }
  IndexedLines Bound(const void* ids, const char* slot) const {
    CheckIds(ids, wide, Count(), extent, slot, true);
    IndexedLines bound = *this;
    bound.index = ids;
    return bound;
  }
};

template <typename T>
struct TakeAlong {
  IndexedLines g;
  const T* table;
  T* out;
  SKIFF_HD void operator()(int64_t line) const {
    const int64_t base = g.TableBase(line), from = g.lines.Base(line), step = g.steps[g.axis];
    for (int64_t k = 0; k < g.lines.extent; ++k) {
      const int64_t position = from + k * g.lines.inner, at = g.At(position);
      if (at >= 0) out[position] = table[base + at * step];
    }
  }
};

// Table lines belong to one index line each, so that none is written by two threads.
template <typename T>
struct AddAlong {
  IndexedLines g;
  const T* from;
  T* table;
  SKIFF_HD void operator()(int64_t line) const {
    const int64_t base = g.TableBase(line), begin = g.lines.Base(line), step = g.steps[g.axis];
    for (int64_t k = 0; k < g.lines.extent; ++k) {
      const int64_t position = begin + k * g.lines.inner, at = g.At(position);
      if (at < 0) continue;
      T& to = table[base + at * step];
      to = StoreElement<T>(LoadElement(to) + LoadElement(from[position]));
    }
  }
};

enum class PutMode { kAssign, kAdd, kMultiply, kMean, kMax, kMin };

PutMode PutModeOf(const Attrs& attrs) {
  const auto name = attrs.Get<std::string>("Reduce");
  if (name == "assign") return PutMode::kAssign;
  if (name == "add") return PutMode::kAdd;
  if (name == "multiply" || name == "mul") return PutMode::kMultiply;
  if (name == "mean") return PutMode::kMean;
  if (name == "amax") return PutMode::kMax;
  SKIFF_ENFORCE(name == "amin", InvalidArgument, "Reduce is \"", name, "\"; expected assign, add, multiply, mean, amax or amin");
  return PutMode::kMin;
}

template <typename T>
struct PutAlong {
  IndexedLines g;
  PutMode mode;
  bool include_self, one_value;
  const T* value;
  T* table;
  SKIFF_HD void operator()(int64_t line) const {
    using C = Compute<T>;
    const int64_t base = g.TableBase(line), begin = g.lines.Base(line), step = g.steps[g.axis];
    for (int64_t k = 0; k < g.lines.extent; ++k) {
      const int64_t position = begin + k * g.lines.inner, at = g.At(position);
      if (at < 0) continue;
      T& to = table[base + at * step];
      const T from = value[one_value ? 0 : position];
      const C held = LoadElement(to), given = LoadElement(from);
      const bool first = !include_self && !Earlier(begin, k, at);
      if (mode == PutMode::kAssign || first) to = from;
      else if (mode == PutMode::kAdd || mode == PutMode::kMean) to = StoreElement<T>(held + given);
      else if (mode == PutMode::kMultiply) to = StoreElement<T>(held * given);
      else if (mode == PutMode::kMax) to = StoreElement<T>(math::Max(held, given));
      else to = StoreElement<T>(math::Min(held, given));
    }
    if (mode != PutMode::kMean) return;
    for (int64_t k = 0; k < g.lines.extent; ++k) {
      const int64_t at = g.At(begin + k * g.lines.inner);
      if (at < 0 || Earlier(begin, k, at)) continue;
      C count = include_self ? 1 : 0;
      for (int64_t j = k; j < g.lines.extent; ++j) count += g.At(begin + j * g.lines.inner) == at ? 1 : 0;
      T& to = table[base + at * step];
      to = StoreElement<T>(LoadElement(to) / count);
    }
  }
  SKIFF_HD bool Earlier(int64_t begin, int64_t k, int64_t at) const {
    for (int64_t j = 0; j < k; ++j) {
      if (g.At(begin + j * g.lines.inner) == at) return true;
    }
    return false;
  }
};

/// The gradients of put_along_axis to the table, which starts as Result@GRAD, and to the values.
template <typename T>
struct PutAlongGrad {
  IndexedLines g;
  PutMode mode;
  bool include_self;
  const T *table, *value, *out, *out_grad;
  T *table_grad, *value_grad;  // may be null
  SKIFF_HD void operator()(int64_t line) const {
    using C = Compute<T>;
    const int64_t base = g.TableBase(line), begin = g.lines.Base(line), step = g.steps[g.axis];
    for (int64_t k = 0; k < g.lines.extent; ++k) {
      const int64_t position = begin + k * g.lines.inner, at = g.At(position);
      if (at < 0) continue;
      const int64_t place = base + at * step;
      const C dout = LoadElement(out_grad[place]), y = LoadElement(out[place]), x = LoadElement(table[place]);
      const C v = LoadElement(value[position]);
      C same = include_self && x == y ? 1 : 0, count = include_self ? 1 : 0;
      bool last = true;
      for (int64_t j = 0; j < g.lines.extent; ++j) {
        const int64_t other = begin + j * g.lines.inner;
        if (g.At(other) != at) continue;
        count += 1;
        same += LoadElement(value[other]) == y ? 1 : 0;
        last = last && j <= k;
      }
      C to_table = 0, to_value = 0;
      switch (mode) {
        case PutMode::kAssign: to_value = last ? dout : C(0); break;
        case PutMode::kAdd: to_value = to_table = dout; break;
        case PutMode::kMean: to_value = to_table = dout / count; break;
        case PutMode::kMultiply:
          to_value = dout * y / v;
          to_table = dout * y / x;
          break;
        case PutMode::kMax:
        case PutMode::kMin:
          to_value = v == y ? dout / same : C(0);
          to_table = x == y ? dout / same : C(0);
          break;
      }
      if (table_grad != nullptr) table_grad[place] = StoreElement<T>(include_self ? to_table : C(0));
      if (value_grad != nullptr) value_grad[position] = StoreElement<T>(to_value);
    }
  }
};

int AlongAxis(const Attrs& attrs, const Shape& x) { return NormalizeAxis(attrs.Get<int64_t>("Axis"), x.rank(), "Axis"); }

[[maybe_unused]] void CheckAlong(const InferContext& c, const Shape& x, const Shape& index) {
  SKIFF_ENFORCE(x.rank() == index.rank() && x.rank() > 0, InvalidArgument, "Input is ", x, ", Index ", index,
                "; they must have equally many axes, one at least");
  const int axis = AlongAxis(c.attrs(), x);
  for (int i = 0; i < x.rank(); ++i) {
    SKIFF_ENFORCE(i == axis || x[i] < 0 || index[i] < 0 || index[i] <= x[i], InvalidArgument, "Input is ", x, ", Index ", index,
                  ", Axis ", axis, "; on the other axes Index must not be larger");
  }
}

struct TakeAlongAxis {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("Input").shape;
    const IndexedLines g(x, c.Input("Index"), AlongAxis(c.attrs(), x), "Index");
    return MakeKernel([g, in = c.InputIndex("Input"), index = c.InputIndex("Index")](const KernelArgs& args) {
      ForEachLine(g.lines, args, TakeAlong<T>{g.Bound(args.in[index], "Index"), static_cast<const T*>(args.in[in]),
                                              static_cast<T*>(args.out[0])});
    });
  }
};

struct TakeAlongAxisGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Output("Input@GRAD").shape;
    const IndexedLines g(x, c.Input("Index"), AlongAxis(c.attrs(), x), "Index");
    return MakeKernel([g, bytes = x.NumElements() * sizeof(T), dout = c.InputIndex("Result@GRAD"),
                       index = c.InputIndex("Index")](const KernelArgs& args) {
      FillZero(args.out[0], bytes, args);
      ForEachLine(g.lines, args, AddAlong<T>{g.Bound(args.in[index], "Index"), static_cast<const T*>(args.in[dout]),
                                             static_cast<T*>(args.out[0])});
    });
  }
};

struct PutAlongAxis {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("Input").shape;
    const IndexedLines g(x, c.Input("Index"), AlongAxis(c.attrs(), x), "Index");
    const StridedCopy copy({x.NumElements()}, {0, {1}}, {0, {1}}, sizeof(T));
    const int64_t values = c.Input("Value").shape.NumElements();
    return MakeKernel([=, mode = PutModeOf(c.attrs()), self = c.Attr<bool>("Include_self"), in = c.InputIndex("Input"),
                       value = c.InputIndex("Value"), index = c.InputIndex("Index")](const KernelArgs& args) {
      const IndexedLines bound = g.Bound(args.in[index], "Index");
      if (args.in[in] != args.out[0]) copy.Run(args.in[in], args.out[0], args);
      ForEachLine(g.lines, args, PutAlong<T>{bound, mode, self, values == 1, static_cast<const T*>(args.in[value]),
                                             static_cast<T*>(args.out[0])});
    });
  }
};

struct PutAlongAxisGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("Input").shape;
    const IndexedLines g(x, c.Input("Index"), AlongAxis(c.attrs(), x), "Index");
    const StridedCopy copy({x.NumElements()}, {0, {1}}, {0, {1}}, sizeof(T));
    const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
    return MakeKernel([=, mode = PutModeOf(c.attrs()), self = c.Attr<bool>("Include_self") && PutModeOf(c.attrs()) != PutMode::kAssign,
                       in = c.InputIndex("Input"), value = c.InputIndex("Value"), index = c.InputIndex("Index"),
                       result = c.InputIndex("Result"), dresult = c.InputIndex("Result@GRAD"), dx = out("Input@GRAD"),
                       dvalue = out("Value@GRAD")](const KernelArgs& args) {
      const auto read = [&](int i) { return static_cast<const T*>(args.in[i]); };
      const auto write = [&](int i) { return i < 0 ? nullptr : static_cast<T*>(args.out[i]); };
      const IndexedLines bound = g.Bound(args.in[index], "Index");
      if (dx >= 0) copy.Run(args.in[dresult], args.out[dx], args);
      ForEachLine(g.lines, args, PutAlongGrad<T>{bound, mode, self, read(in), read(value), read(result), read(dresult), write(dx),
                                                 write(dvalue)});
    });
  }
};

// ---- index_sample: rows of their own indices -----------------------------------------------------------------

struct IndexSample {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const IndexedLines g(c.Input("X").shape, c.Input("Index"), 1, "Index");
    return MakeKernel([g, in = c.InputIndex("X"), index = c.InputIndex("Index")](const KernelArgs& args) {
      ForEachLine(g.lines, args, TakeAlong<T>{g.Bound(args.in[index], "Index"), static_cast<const T*>(args.in[in]),
                                              static_cast<T*>(args.out[0])});
    });
  }
};

struct IndexSampleGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const IndexedLines g(x, c.Input("Index"), 1, "Index");
    return MakeKernel([g, bytes = x.NumElements() * sizeof(T), dout = c.InputIndex("Out@GRAD"),
                       index = c.InputIndex("Index")](const KernelArgs& args) {
      FillZero(args.out[0], bytes, args);
      ForEachLine(g.lines, args, AddAlong<T>{g.Bound(args.in[index], "Index"), static_cast<const T*>(args.in[dout]),
                                             static_cast<T*>(args.out[0])});
    });
  }
};

}  // namespace

#define SKIFF_INDEXED SKIFF_FLOATS, int32_t, int64_t, uint8_t, int16_t

SKIFF_OP(take_along_axis)
    .Doc("Result[.., i, ..] = Input[.., Index[.., i, ..], ..] along Axis.")
    .Source("paddle.take_along_axis")
    .Input("Input", "one axis at least")
    .Input("Index", "int32 or int64, as many axes as Input; negative from the end")
    .Output("Result", "shape of Index")
    .RequiredAttr<int32_t>("Axis", "negative from the end")
    .InferShape([](InferContext& c) {
      CheckAlong(c, c.InputShape("Input"), c.InputShape("Index"));
      c.SetOutput("Result", c.InputShape("Index"), c.InputDType("Input"));
    })
    .Gradient(StandardGrad({"Input", "Index"}, {}, {"Result"}, {"Input"}))
    .Kernel<TakeAlongAxis, SKIFF_INDEXED>();

SKIFF_OP(take_along_axis_grad)
    .Doc("Input@GRAD = the sum of Result@GRAD over the results that each element gave.")
    .Input("Input", "as in take_along_axis")
    .Input("Index", "as in take_along_axis")
    .Input("Result@GRAD", "shape of Index")
    .Output("Input@GRAD", "shape of Input")
    .RequiredAttr<int32_t>("Axis", "as in take_along_axis")
    .InferShape(GradsLikeInputs())
    .Kernel<TakeAlongAxisGrad, SKIFF_FLOATS>();

SKIFF_OP(put_along_axis)
    .Doc("Result = Input, with Value put or reduced into the places that Index names along Axis.")
    .Source("paddle.put_along_axis")
    .Input("Input", "one axis at least")
    .Input("Index", "int32 or int64, as many axes as Input; negative from the end")
    .Input("Value", "shape of Index, or one element")
    .Output("Result", "shape of Input")
    .RequiredAttr<int32_t>("Axis", "negative from the end")
    .Attr("Reduce", "assign", "assign (the last one stays), add, multiply, mean, amax or amin")
    .Attr("Include_self", true, "the element of Input takes part in the reduction")
    .SameDType({"Input", "Value"})
    .InferShape([](InferContext& c) {
      CheckAlong(c, c.InputShape("Input"), c.InputShape("Index"));
      PutModeOf(c.attrs());
      const Shape &index = c.InputShape("Index"), &value = c.InputShape("Value");
      SKIFF_ENFORCE(!index.IsKnown() || !value.IsKnown() || value.NumElements() == 1 || value.NumElements() == index.NumElements(),
                    InvalidArgument, "Value is ", value, ", Index ", index, "; expected equal shapes, or one element");
      c.SetOutput("Result", c.InputShape("Input"), c.InputDType("Input"));
    })
    .Inplace("Input", "Result")
    .Gradient(StandardGrad({"Input", "Index", "Value"}, {"Result"}, {"Result"}, {"Input", "Value"}))
    .Kernel<PutAlongAxis, SKIFF_INDEXED>();

SKIFF_OP(put_along_axis_grad)
    .Doc("The gradients of put_along_axis; of equal extremes each has its share.")
    .Input("Input", "as in put_along_axis")
    .Input("Index", "as in put_along_axis")
    .Input("Value", "as in put_along_axis")
    .Input("Result", "of put_along_axis")
    .Input("Result@GRAD", "shape of Input")
    .OptionalOutput("Input@GRAD", "shape of Input")
    .OptionalOutput("Value@GRAD", "shape of Index")
    .RequiredAttr<int32_t>("Axis", "as in put_along_axis")
    .Attr("Reduce", "assign", "as in put_along_axis")
    .Attr("Include_self", true, "as in put_along_axis")
    .Alike({"Input", "Result", "Result@GRAD"})
    .InferShape([](InferContext& c) {
      c.SetOutput("Input@GRAD", c.InputShape("Input"), c.InputDType("Input"));
      const Shape &index = c.InputShape("Index"), &value = c.InputShape("Value");
      SKIFF_ENFORCE(!index.IsKnown() || !value.IsKnown() || index.NumElements() == value.NumElements(), InvalidArgument, "Value is ", value,
                    ", Index ", index, "; they must hold equally many elements");
      c.SetOutput("Value@GRAD", index, c.InputDType("Input"));
    })
    .Kernel<PutAlongAxisGrad, SKIFF_FLOATS>();

SKIFF_OP(index_sample)
    .Doc("Out[n, k] = X[n, Index[n, k]].")
    .Source("paddle.index_sample")
    .Input("X", "[rows, columns]")
    .Input("Index", "int32 or int64, [rows, count]")
    .Output("Out", "shape of Index")
    .InferShape([](InferContext& c) {
      const Shape &x = c.InputShape("X"), &index = c.InputShape("Index");
      SKIFF_ENFORCE(x.rank() == 2 && index.rank() == 2 && (x[0] < 0 || index[0] < 0 || x[0] == index[0]), InvalidArgument, "X is ",
                    x, ", Index ", index, "; expected two axes each and equally many rows");
      c.SetOutput("Out", index, c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X", "Index"}, {}, {"Out"}, {"X"}))
    .Kernel<IndexSample, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(index_sample_grad)
    .Doc("X@GRAD = the sum of Out@GRAD over the results that each element gave.")
    .Input("X", "as in index_sample")
    .Input("Index", "as in index_sample")
    .Input("Out@GRAD", "shape of Index")
    .Output("X@GRAD", "shape of X")
    .InferShape(GradsLikeInputs())
    .Kernel<IndexSampleGrad, SKIFF_FLOATS>();

}  // namespace skiff
