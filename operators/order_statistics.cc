// What counting and ordering tell of a line: kthvalue, mode, searchsorted, histogram. On a card a thread takes a
// line and compares each element with each other one: a sort is out of proportion for what these are used on.
#include <algorithm>
#include <numeric>

#include "framework/op/op_schema.h"
#include "operators/kernel/add_to.h"
#include "operators/kernel/lines.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

/// a comes before b in ascending order; NaN is larger than any number, equal elements keep their order.
template <typename C>
SKIFF_HD bool Before(C a, C b, int64_t ia, int64_t ib) {
  const bool nan_a = math::IsNan(a), nan_b = math::IsNan(b);
  if (nan_a || nan_b) return nan_a == nan_b ? ia < ib : nan_b;
  return a < b || (a == b && ia < ib);
}

template <typename T>
struct KthOfLine {
  Lines lines;
  int64_t k;  // from 0
  const T* x;
  T* out;
  int64_t* indices;
  int64_t* scratch;  // on the CPU extent indices a line
  SKIFF_HD void operator()(int64_t line) const {
    const int64_t base = lines.Base(line), step = lines.inner;
    int64_t at = 0;
#if defined(__CUDA_ARCH__)
    for (int64_t i = 0; i < lines.extent; ++i) {
      int64_t before = 0;
      for (int64_t j = 0; j < lines.extent; ++j) {
        before += Before(LoadElement(x[base + j * step]), LoadElement(x[base + i * step]), j, i);
      }
      if (before == k) at = i;
    }
#else
    int64_t* order = scratch + line * lines.extent;
    std::iota(order, order + lines.extent, int64_t{0});
    std::nth_element(order, order + k, order + lines.extent, [&](int64_t a, int64_t b) {
      return Before(LoadElement(x[base + a * step]), LoadElement(x[base + b * step]), a, b);
    });
    at = order[k];
#endif
    out[line] = x[base + at * step];
    indices[line] = at;
  }
};

/// The most frequent element; of equally frequent ones the smallest, and its last place.
template <typename T>
struct ModeOfLine {
  Lines lines;
  const T* x;
  T* out;
  int64_t* indices;
  int64_t* scratch;
  SKIFF_HD void operator()(int64_t line) const {
    const int64_t base = lines.Base(line), step = lines.inner;
    int64_t best = 0, most = 0;
#if defined(__CUDA_ARCH__)
    for (int64_t i = 0; i < lines.extent; ++i) {
      const auto v = LoadElement(x[base + i * step]), held = LoadElement(x[base + best * step]);
      int64_t count = 0;
      for (int64_t j = 0; j < lines.extent; ++j) count += LoadElement(x[base + j * step]) == v ? 1 : 0;
      if (count > most || (count == most && (v < held || v == held))) {
        most = count;
        best = i;
      }
    }
#else
    int64_t* order = scratch + line * lines.extent;
    std::iota(order, order + lines.extent, int64_t{0});
    std::sort(order, order + lines.extent, [&](int64_t a, int64_t b) {
      return Before(LoadElement(x[base + a * step]), LoadElement(x[base + b * step]), a, b);
    });
    int64_t count = 0;
    for (int64_t i = 0; i < lines.extent; ++i) {
      ++count;
      const bool ends = i + 1 == lines.extent || LoadElement(x[base + order[i] * step]) != LoadElement(x[base + order[i + 1] * step]);
      if (!ends) continue;
      if (count > most) {
        most = count;
        best = order[i];
      }
      count = 0;
    }
#endif
    out[line] = x[base + best * step];
    indices[line] = best;
  }
};

/// X@GRAD: zeros, and each line's gradient at its index.
template <typename T>
struct ToIndex {
  Lines lines;
  const int64_t* indices;
  const T* out_grad;
  T* x_grad;
  SKIFF_HD void operator()(int64_t line) const {
    const int64_t base = lines.Base(line);
    for (int64_t k = 0; k < lines.extent; ++k) {
      x_grad[base + k * lines.inner] = k == indices[line] ? out_grad[line] : StoreElement<T>(Compute<T>(0));
    }
  }
};

Lines LinesOf(const Attrs& attrs, const Shape& x) {
  return Lines(x, x.rank() == 0 ? 0 : NormalizeAxis(attrs.Get<int64_t>("axis"), x.rank()));
}

template <typename T, template <typename> typename F, typename... Extra>
std::unique_ptr<Kernel> OnePerLine(PrepareContext& c, Extra... extra) {
  const Lines lines = LinesOf(c.attrs(), c.Input("X").shape);
  const bool on_cpu = c.place().kind == PlaceKind::kCpu;
  c.RequestWorkspace(on_cpu ? lines.Count() * lines.extent * sizeof(int64_t) : 0);
  return MakeKernel([=, out = c.OutputIndex("Out"), indices = c.OutputIndex("Indices")](const KernelArgs& args) {
    ForEachLine(lines, args, F<T>{lines, extra..., static_cast<const T*>(args.in[0]), static_cast<T*>(args.out[out]),
                                  static_cast<int64_t*>(args.out[indices]), static_cast<int64_t*>(args.workspace)});
  });
}

struct KthValue {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return OnePerLine<T, KthOfLine>(c, c.Attr<int64_t>("k") - 1); }
};
struct Mode {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return OnePerLine<T, ModeOfLine>(c); }
};
struct ToIndexGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([lines = LinesOf(c.attrs(), c.Input("X").shape), indices = c.InputIndex("Indices"),
                       dout = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      ForEachLine(lines, args, ToIndex<T>{lines, static_cast<const int64_t*>(args.in[indices]), static_cast<const T*>(args.in[dout]),
                                          static_cast<T*>(args.out[0])});
    });
  }
};

[[maybe_unused]] void InferOnePerLine(InferContext& c) {
  const TensorMeta x = c.Input("X");
  Shape out = x.shape;
  const int axis = out.rank() == 0 ? 0 : NormalizeAxis(c.Attr<int64_t>("axis"), out.rank());
  const int64_t extent = out.rank() == 0 ? 1 : out[axis];
  SKIFF_ENFORCE(extent != 0, InvalidArgument, "X is ", x.shape, "; axis ", axis, " has no elements to choose from");
  if (c.attrs().Has("k")) {
    const int64_t k = c.Attr<int64_t>("k");
    SKIFF_ENFORCE(k >= 1 && (extent < 0 || k <= extent), InvalidArgument, "k is ", k, ", X is ", x.shape, "; k must be in [1, ", extent,
                  "]");
  }
  if (out.rank() > 0) {
    if (c.Attr<bool>("keepdim")) {
      out[axis] = 1;
    } else {
      Shape without;
      for (int i = 0; i < out.rank(); ++i) {
        if (i != axis) without.Append(out[i]);
      }
      out = without;
    }
  }
  c.SetOutput("Out", TensorMeta{out, x.dtype, x.lod_level});
  c.SetOutput("Indices", out, DType::kInt64);
}

// ---- searchsorted ----------------------------------------------------------------------------------------------

template <typename T>
struct FindPlace {
  int64_t length, values_per_row;  // values_per_row 0: one sequence for all
  bool right, narrow;
  const T *sorted, *values;
  void* out;
  SKIFF_HD void operator()(int64_t i) const {
    const T* sequence = sorted + (values_per_row == 0 ? 0 : i / values_per_row * length);
    const auto v = LoadElement(values[i]);
    int64_t low = 0, high = length;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      const auto at = LoadElement(sequence[middle]);
      // NaN lies behind everything
      const bool goes_right = math::IsNan(v) ? right || !math::IsNan(at) : right ? !(at > v) && !math::IsNan(at) : at < v;
      if (goes_right) low = middle + 1;
      else high = middle;
    }
    if (narrow) static_cast<int32_t*>(out)[i] = static_cast<int32_t>(low);
    else static_cast<int64_t*>(out)[i] = low;
  }
};

struct SearchSorted {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const TensorInfo &sorted = c.Input("SortedSequence"), &values = c.Input("Values");
    SKIFF_ENFORCE(sorted.dtype == values.dtype, InvalidType, "SortedSequence is ", sorted.dtype, ", Values ", values.dtype,
                  "; they must be equal");
    const int rank = sorted.shape.rank();
    const int64_t per_row = rank == 1 ? 0 : values.shape[rank - 1];
    return MakeKernel([=, n = values.shape.NumElements(), length = sorted.shape[rank - 1], right = c.Attr<bool>("right"),
                       narrow = c.Attr<bool>("out_int32"), s = c.InputIndex("SortedSequence"), v = c.InputIndex("Values")](const KernelArgs& args) {
      ForEach(n, 1024, args, FindPlace<T>{length, per_row, right, narrow, static_cast<const T*>(args.in[s]),
                                          static_cast<const T*>(args.in[v]), args.out[0]});
    });
  }
};

// ---- histogram -------------------------------------------------------------------------------------------------

/// The bounds: those of the attributes, or where both are equal those of X. One thread finds them.
template <typename T>
struct FindBounds {
  int64_t n;
  double low, high;
  const T* x;
  double* bounds;
  SKIFF_HD void operator()(int64_t) const {
    double a = low, b = high;
    if (a == b && n > 0) {
      a = b = static_cast<double>(LoadElement(x[0]));
      for (int64_t i = 1; i < n; ++i) {
        const double v = static_cast<double>(LoadElement(x[i]));
        a = v < a ? v : a;
        b = v > b ? v : b;
      }
    }
    if (a == b) {
      a -= 1;
      b += 1;
    }
    bounds[0] = a;
    bounds[1] = b;
  }
};

template <typename T>
struct CountBin {
  int64_t bins;
  const T* x;
  const double* bounds;
  int64_t* out;
  SKIFF_HD void operator()(int64_t i) const {
    const double v = static_cast<double>(LoadElement(x[i]));
    if (!(v >= bounds[0] && v <= bounds[1])) return;
    const int64_t bin = static_cast<int64_t>((v - bounds[0]) * static_cast<double>(bins) / (bounds[1] - bounds[0]));
    int64_t* to = out + (bin < bins ? bin : bins - 1);
#if defined(__CUDA_ARCH__)
    AtomicAdd(to, int64_t{1});
#else
    *to += 1;
#endif
  }
};

struct Histogram {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    c.RequestWorkspace(2 * sizeof(double));
    return MakeKernel([n = c.Input("X").shape.NumElements(), bins = c.Attr<int64_t>("bins"), low = static_cast<double>(c.Attr<int64_t>("min")),
                       high = static_cast<double>(c.Attr<int64_t>("max"))](const KernelArgs& args) {
      const T* x = static_cast<const T*>(args.in[0]);
      double* bounds = static_cast<double*>(args.workspace);
      FillZero(args.out[0], bins * sizeof(int64_t), args);
      ForEach(1, 1, args, FindBounds<T>{n, low, high, x, bounds});
      // the CPU counts in one thread: bins are shared
      ForEach(n, std::max<int64_t>(n, 1), args, CountBin<T>{bins, x, bounds, static_cast<int64_t*>(args.out[0])});
    });
  }
};

}  // namespace

#define SKIFF_ONE_PER_LINE(type, doc)                                                         \
  SKIFF_OP(type)                                                                              \
      .Doc(doc)                                                                               \
      .Source("paddle." #type)                                                                \
      .Input("X", "any shape")                                                                \
      .Output("Out", "X without axis, or with an extent of 1")                                \
      .Output("Indices", "int64, shape of Out: places along axis")                            \
      .Attr("axis", -1, "negative from the end")                                              \
      .Attr("keepdim", false, "axis stays with an extent of 1")                               \
      .InferShape(InferOnePerLine)                                                            \
      .Gradient(StandardGrad({"X"}, {"Indices"}, {"Out"}, {"X"}))
#define SKIFF_ONE_PER_LINE_GRAD(type)                                                         \
  SKIFF_OP(type##_grad)                                                                       \
      .Doc("X@GRAD = Out@GRAD at Indices, 0 elsewhere.")                                      \
      .Input("X", "as in " #type)                                                             \
      .Input("Indices", "of " #type)                                                          \
      .Input("Out@GRAD", "shape of Out")                                                      \
      .Output("X@GRAD", "shape of X")                                                         \
      .Attr("axis", -1, "as in " #type)                                                       \
      .Attr("keepdim", false, "as in " #type)                                                 \
      .InferShape(GradsLikeInputs())                                                          \
      .Kernel<ToIndexGrad, float, double, int32_t, int64_t>()

SKIFF_ONE_PER_LINE(kthvalue, "Out = element k of X along axis in ascending order, counted from 1.")
    .Attr("k", 1, "from 1 to the extent of axis")
    .Kernel<KthValue, float, double, int32_t, int64_t>();
SKIFF_ONE_PER_LINE_GRAD(kthvalue);
SKIFF_ONE_PER_LINE(mode, "Out = the most frequent element of X along axis; of equally frequent ones the smallest.")
    .Kernel<Mode, float, double, int32_t, int64_t>();
SKIFF_ONE_PER_LINE_GRAD(mode);

SKIFF_OP(searchsorted)
    .Doc("Out = the place where each of Values goes so that SortedSequence stays sorted.")
    .Source("paddle.searchsorted")
    .Input("SortedSequence", "ascending along the last axis; one line, or one for each row of Values")
    .Input("Values", "dtype of SortedSequence")
    .Output("Out", "shape of Values, int64 or int32")
    .Attr("out_int32", false, "Out is int32")
    .Attr("right", false, "behind equal elements, not before them")
    .InferShape([](InferContext& c) {
      const Shape &sorted = c.InputShape("SortedSequence"), &values = c.InputShape("Values");
      SKIFF_ENFORCE(sorted.rank() >= 1 && (sorted.rank() == 1 || sorted.rank() == values.rank()), InvalidArgument, "SortedSequence is ",
                    sorted, ", Values ", values, "; expected one line, or as many axes as Values");
      for (int i = 0; sorted.rank() > 1 && i + 1 < sorted.rank(); ++i) {
        SKIFF_ENFORCE(sorted[i] < 0 || values[i] < 0 || sorted[i] == values[i], InvalidArgument, "SortedSequence is ", sorted, ", Values ",
                      values, "; all but the last extent must be equal");
      }
      c.SetOutput("Out", values, c.Attr<bool>("out_int32") ? DType::kInt32 : DType::kInt64);
    })
    .Kernel<SearchSorted, float, double, int32_t, int64_t>();

SKIFF_OP(histogram)
    .Doc("Out = how many elements of X fall into each of equal bins from min to max.")
    .Source("paddle.histogram")
    .Input("X", "any shape")
    .Output("Out", "int64, [bins]")
    .Attr("bins", int64_t{100}, "number of bins")
    .Attr("min", 0, "lower end; where it equals max, X's extremes bound the bins")
    .Attr("max", 0, "upper end, which the last bin includes")
    .InferShape([](InferContext& c) {
      const int64_t bins = c.Attr<int64_t>("bins");
      SKIFF_ENFORCE(bins >= 1 && c.Attr<int32_t>("min") <= c.Attr<int32_t>("max"), InvalidArgument, "bins is ", bins, ", min ",
                    c.Attr<int32_t>("min"), ", max ", c.Attr<int32_t>("max"), "; expected one bin at least and min <= max");
      c.SetOutput("Out", Shape{bins}, DType::kInt64);
    })
    .Kernel<Histogram, float, double, int32_t, int64_t>();

}  // namespace skiff
