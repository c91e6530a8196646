// More tensors made from nothing or nearly: eye, linspace, logspace, tril_indices, triu_indices, empty, fill,
// fill_any, fill_zeros_like2, size.
#include <algorithm>

#include "operators/kernel/decided_ints.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/generate.h"
#include "operators/kernel/strided.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

int64_t Columns(const Attrs& attrs) {
  const int64_t columns = attrs.Get<int64_t>("num_columns");
  return columns == -1 ? attrs.Get<int64_t>("num_rows") : columns;
}

struct Identity {
  explicit Identity(const Attrs& attrs) : columns(Columns(attrs)) {}
  template <typename V> SKIFF_HD V At(int64_t i, uint64_t) const { return V(i / columns == i % columns ? 1 : 0); }
  int64_t columns;
};

SKIFF_OP(eye)
    .Doc("Out = ones on the diagonal, zeros elsewhere.")
    .Source("paddle.eye")
    .Output("Out", "[num_rows, num_columns], attribute dtype")
    .RequiredAttr<int64_t>("num_rows", "rows")
    .Attr("num_columns", int64_t{-1}, "columns; -1: as many as rows")
    .Attr("dtype", 5, "code of Out's dtype")
    .InferShape([](InferContext& c) {
      const int64_t rows = c.Attr<int64_t>("num_rows"), columns = Columns(c.attrs());
      SKIFF_ENFORCE(rows >= 0 && columns >= 0, InvalidArgument, "num_rows is ", rows, ", num_columns ", columns,
                    "; they must not be negative");
      c.SetOutput("Out", Shape{rows, columns}, DTypeAttr(c));
    })
    .KeyedBy("Out")
    .Kernel<Generate<Identity>, SKIFF_FLOATS, int32_t, int64_t>();

// ---- linspace, logspace ----------------------------------------------------------------------------------------

/// A number where it lies.
SKIFF_HD double NumberAt(const void* p, DType dtype) {
  switch (dtype) {
    case DType::kFloat32: return static_cast<double>(*static_cast<const float*>(p));
    case DType::kFloat64: return *static_cast<const double*>(p);
    case DType::kInt32: return static_cast<double>(*static_cast<const int32_t*>(p));
    default: return static_cast<double>(*static_cast<const int64_t*>(p));
  }
}

template <typename T>
struct Spaced {
  const void *start, *stop, *base;  // base is null for even steps
  DType start_dtype, stop_dtype, base_dtype;
  int64_t n;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const auto in_t = [](double v) { return static_cast<double>(LoadElement(StoreElement<T>(static_cast<Compute<T>>(v)))); };
    const double first = in_t(NumberAt(start, start_dtype)), last = in_t(NumberAt(stop, stop_dtype));
    const double step = n > 1 ? (last - first) / static_cast<double>(n - 1) : 0;
    double v = i < n / 2 || n == 1 ? first + step * static_cast<double>(i) : last - step * static_cast<double>(n - 1 - i);
    if (base != nullptr) v = pow(NumberAt(base, base_dtype), v);
    out[i] = StoreElement<T>(static_cast<Compute<T>>(v));
  }
};

struct Spacing {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    Spaced<T> s{};
    s.n = c.Output("Out").shape.NumElements();
    s.start_dtype = c.Input("Start").dtype;
    s.stop_dtype = c.Input("Stop").dtype;
    const bool log = c.HasInput("Base");
    if (log) s.base_dtype = c.Input("Base").dtype;
    const DType dtypes[] = {s.start_dtype, s.stop_dtype, log ? s.base_dtype : s.stop_dtype};  // nvcc garbles it in the loop
    for (DType dtype : dtypes) {
      SKIFF_ENFORCE(dtype == DType::kFloat32 || dtype == DType::kFloat64 || dtype == DType::kInt32 || dtype == DType::kInt64,
                    InvalidType, "Start, Stop and Base take float32, float64, int32 and int64, got ", dtype);
    }
    return MakeKernel([=, start = c.InputIndex("Start"), stop = c.InputIndex("Stop"),
                       base = log ? c.InputIndex("Base") : -1](const KernelArgs& args) {
      Spaced<T> run = s;
      run.start = args.in[start];
      run.stop = args.in[stop];
      run.base = base < 0 ? nullptr : args.in[base];
      run.out = static_cast<T*>(args.out[0]);
      ForEach(s.n, 4096, args, run);
    });
  }
};

[[maybe_unused]] void InferSpacing(InferContext& c) {
  const auto num = c.InputValues("Num");
  SKIFF_ENFORCE(!num || (num->size() == 1 && (*num)[0] > 0), InvalidArgument, "Num must be one positive number",
                num && num->size() == 1 ? StrCat(", got ", (*num)[0]) : std::string());
  for (const char* slot : {"Start", "Stop", "Base"}) {
    if (!c.HasInput(slot)) continue;
    const Shape& shape = c.InputShape(slot);
    SKIFF_ENFORCE(!shape.IsKnown() || shape.NumElements() == 1, InvalidArgument, slot, " is ", shape, "; expected one element");
  }
  c.SetOutput("Out", Shape{num ? (*num)[0] : -1}, DTypeAttr(c));
}

SKIFF_OP(linspace)
    .Doc("Out = Num numbers from Start to Stop in even steps.")
    .Source("paddle.linspace")
    .Input("Start", "one element")
    .Input("Stop", "one element")
    .HostInput("Num", "int32, one element")
    .Output("Out", "[Num], attribute dtype")
    .RequiredAttr<int32_t>("dtype", "code of Out's dtype")
    .InferShape(InferSpacing)
    .KeyedBy("Out")
    .ZeroGradient()
    .Kernel<Spacing, SKIFF_FLOATS, int32_t, int64_t>();

SKIFF_OP(logspace)
    .Doc("Out = Base to the power of Num numbers from Start to Stop in even steps.")
    .Source("paddle.logspace")
    .Input("Start", "one element")
    .Input("Stop", "one element")
    .HostInput("Num", "int32, one element")
    .Input("Base", "one element")
    .Output("Out", "[Num], attribute dtype")
    .RequiredAttr<int32_t>("dtype", "code of Out's dtype")
    .InferShape(InferSpacing)
    .KeyedBy("Out")
    .ZeroGradient()
    .Kernel<Spacing, SKIFF_FLOATS, int32_t, int64_t>();

// ---- tril_indices, triu_indices --------------------------------------------------------------------------------

/// A triangle of a matrix, row by row.
struct Triangle {
  int64_t rows, columns, offset;
  bool lower;
  // Columns of row r: [begin, end).
  SKIFF_HD int64_t Begin(int64_t r) const { return lower ? 0 : Clamp(r + offset); }
  SKIFF_HD int64_t End(int64_t r) const { return lower ? Clamp(r + offset + 1) : columns; }
  SKIFF_HD int64_t Clamp(int64_t column) const { return column < 0 ? 0 : column < columns ? column : columns; }
  int64_t Count() const { return Before(rows); }
  // The rows that have elements: [first, end).
  int64_t FirstRow() const { return lower && offset < 0 ? (-offset < rows ? -offset : rows) : 0; }
  int64_t EndRow() const {
    if (columns == 0) return FirstRow();
    return lower || columns - offset > rows ? rows : columns - offset > 0 ? columns - offset : 0;
  }
  // Elements above row r.
  SKIFF_HD int64_t Before(int64_t r) const {
    const int64_t first = lower ? offset + 1 : offset;
    const int64_t bounds = SumBelow(first + r) - SumBelow(first);
    return lower ? bounds : r * columns - bounds;
  }
  // Of Clamp(i) over all i < end.
  SKIFF_HD int64_t SumBelow(int64_t end) const {
    if (end <= 0) return 0;
    const int64_t rising = end < columns ? end : columns;
    return rising * (rising - 1) / 2 + (end - rising) * columns;
  }
};

template <typename T>
struct WriteTriangle {
  Triangle t;
  int64_t count;
  T* out;
  int64_t first;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t r = first + i;
    int64_t at = t.Before(r);
    for (int64_t column = t.Begin(r); column < t.End(r); ++column, ++at) {
      out[at] = static_cast<T>(r);
      out[count + at] = static_cast<T>(column);
    }
  }
};

Triangle TriangleOf(const Attrs& attrs) {
  const bool lower = attrs.Has("rows");
  Triangle t{attrs.Get<int64_t>(lower ? "rows" : "row"), attrs.Get<int64_t>(lower ? "cols" : "col"), attrs.Get<int64_t>("offset"), lower};
  SKIFF_ENFORCE(t.rows >= 0 && t.columns >= 0, InvalidArgument, "the matrix has ", t.rows, " rows and ", t.columns,
                " columns; they must not be negative");
  return t;
}

struct TriangleIndices {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([t = TriangleOf(c.attrs()), count = c.outputs.at(0).shape[1]](const KernelArgs& args) {
      ForEach(t.EndRow() - t.FirstRow(), 64, args, WriteTriangle<T>{t, count, static_cast<T*>(args.out[0]), t.FirstRow()});
    });
  }
};

#define SKIFF_TRIANGLE(type, rows, columns, word)                                             \
  SKIFF_OP(type)                                                                              \
      .Doc("out = rows and columns of the " word " triangle of a matrix, row by row.")        \
      .Source("paddle." #type)                                                                \
      .Output("out", "[2, elements], attribute dtype")                                        \
      .Attr(rows, 0, "of the matrix")                                                         \
      .Attr(columns, 0, "of the matrix")                                                      \
      .Attr("offset", 0, "of the diagonal that bounds the triangle and belongs to it")        \
      .Attr("dtype", 3, "code of out's dtype: int32 or int64")                                \
      .InferShape([](InferContext& c) { c.SetOutput("out", Shape{2, TriangleOf(c.attrs()).Count()}, DTypeAttr(c)); }) \
      .KeyedBy("out")                                                                         \
      .Kernel<TriangleIndices, int32_t, int64_t>()
SKIFF_TRIANGLE(tril_indices, "rows", "cols", "lower");
SKIFF_TRIANGLE(triu_indices, "row", "col", "upper");

// ---- constants -------------------------------------------------------------------------------------------------

struct ZeroAt {
  explicit ZeroAt(const Attrs&) {}
  template <typename V> SKIFF_HD V At(int64_t, uint64_t) const { return V(0); }
};

SKIFF_OP(empty)
    .Doc("Out has the given shape; its elements are 0.")
    .Source("paddle.empty, which leaves them undefined")
    .HostInput("ShapeTensor", "the shape as one integer tensor")
    .HostInputs("ShapeTensorList", "the shape as one-element tensors; goes before ShapeTensor")
    .Output("Out", "the shape given, attribute dtype")
    .Attr("shape", std::vector<int64_t>{}, "extents")
    .Attr("dtype", 5, "code of Out's dtype")
    .InferShape([](InferContext& c) {
      Shape shape;
      for (const auto& dim : DecidedInts(c, "ShapeTensorList", "ShapeTensor", "shape")) {
        SKIFF_ENFORCE(!dim || *dim >= (c.at_runtime() ? 0 : -1), InvalidArgument, "shape has the extent ", *dim,
                      "; extents must not be negative");
        shape.Append(dim ? *dim : -1);
      }
      c.SetOutput("Out", shape, DTypeAttr(c));
    })
    .KeyedBy("Out")
    .Kernel<Generate<ZeroAt>, SKIFF_FLOATS, SKIFF_INTS, bool>();

SKIFF_OP(fill_zeros_like2)
    .Doc("Out = zeros of X's shape.")
    .Source("names of Paddle's fill_zeros_like2")
    .Input("X", "only its shape is read")
    .Output("Out", "shape of X, attribute dtype")
    .Attr("dtype", 5, "code of Out's dtype")
    .InferShape([](InferContext& c) { c.SetOutput("Out", c.InputShape("X"), DTypeAttr(c)); })
    .KeyedBy("Out")
    .ZeroGradient()
    .Kernel<Generate<ZeroAt>, SKIFF_FLOATS, int32_t, int64_t, bool>();

struct AnyValue {
  explicit AnyValue(const Attrs& attrs) : value(attrs.Get<float>("value")) {}
  template <typename V> SKIFF_HD V At(int64_t, uint64_t) const { return static_cast<V>(value); }
  double value;
};

SKIFF_OP(fill_any)
    .Doc("Out = one value in the shape of X.")
    .Source("paddle.Tensor.fill_")
    .Input("X", "only shape and dtype are read")
    .Output("Out", "shape and dtype of X")
    .Attr("value", 0.0f, "every element")
    .InferShape(Like("Out", "X"))
    .Inplace("X", "Out")
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<Generate<AnyValue>, SKIFF_FLOATS, int32_t, int64_t, bool>();

SKIFF_OP(fill_any_grad)
    .Doc("X@GRAD = 0.")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .Attr("value", 0.0f, "not read")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Kernel<Generate<ZeroAt>, SKIFF_FLOATS>();

struct GivenValues {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    std::vector<T> values;
    for (float v : c.Attr<std::vector<float>>("value")) values.push_back(StoreElement<T>(static_cast<Compute<T>>(v)));
    return MakeKernel([values](const KernelArgs& args) {
#if defined(__CUDACC__)
      cudaMemcpyAsync(args.out[0], values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice, StreamOf(args));
#else
      std::copy(values.begin(), values.end(), static_cast<T*>(args.out[0]));
#endif
    });
  }
};

SKIFF_OP(fill)
    .Doc("Out = the values of the attribute.")
    .Source("names of Paddle's fill")
    .Output("Out", "attributes shape and dtype")
    .RequiredAttr<std::vector<float>>("value", "one for each element")
    .RequiredAttr<std::vector<int32_t>>("shape", "extents")
    .Attr("dtype", 5, "code of Out's dtype")
    .Attr("force_cpu", false, "ignored: the result is where it is used")
    .InferShape([](InferContext& c) {
      const Shape shape(c.Attr<std::vector<int64_t>>("shape"));
      const size_t count = c.Attr<std::vector<float>>("value").size();
      SKIFF_ENFORCE(shape.IsKnown() && static_cast<int64_t>(count) == shape.NumElements(), InvalidArgument, "value has ", count,
                    " numbers, shape is ", shape, "; there must be one for each element");
      c.SetOutput("Out", shape, DTypeAttr(c));
    })
    .KeyedBy("Out")
    .Kernel<GivenValues, float, double, int32_t, int64_t>();

struct Count {
  int64_t count;
  int64_t* out;
  SKIFF_HD void operator()(int64_t) const { *out = count; }
};
struct ElementCount {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([n = c.Input("Input").shape.NumElements()](const KernelArgs& args) {
      ForEach(1, 1, args, Count{n, static_cast<int64_t*>(args.out[0])});
    });
  }
};

SKIFF_OP(size)
    .Doc("Out = the number of Input's elements.")
    .Source("paddle.numel")
    .Input("Input", "any tensor")
    .Output("Out", "int64, a scalar")
    .InferShape([](InferContext& c) { c.SetOutput("Out", Shape{}, DType::kInt64); })
    .KeyedBy("Out")
    .Kernel<ElementCount, int64_t>();

}  // namespace
}  // namespace skiff
