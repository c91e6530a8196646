// The largest or smallest elements along an axis: top_k_v2, top_k, argsort, arg_max, arg_min. Equal
// elements keep the order of their indices; NaN counts as larger than any number.
#include <algorithm>
#include <numeric>

#include "framework/op/op_schema.h"
#include "operators/kernel/decided_ints.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/strided.h"

namespace skiff {

namespace {

// A tensor as [outer, extent, inner] around an axis.
struct Lines {
  int64_t outer, extent, inner;
  int64_t count() const { return outer * inner; }
};

Lines LinesOf(const Shape& shape, int axis) {
  if (shape.rank() == 0) return {1, 1, 1};
  return {shape.Product(0, axis), shape[axis], shape.Product(axis + 1, shape.rank())};
}

template <typename C>
SKIFF_HD bool Before(C a, C b, bool largest) {
  if (math::IsNan(a) || math::IsNan(b)) return largest ? math::IsNan(a) && !math::IsNan(b) : math::IsNan(b) && !math::IsNan(a);
  return largest ? a > b : a < b;
}

void InferTopK(InferContext& c, const std::string& axis_attr) {
  const TensorMeta x = c.Input("X");
  const std::optional<int64_t> k = DecidedInt(c, "K", "k");
  Shape out = x.shape;
  const int axis = NormalizeAxis(axis_attr.empty() ? -1 : c.Attr<int>(axis_attr), x.shape.rank());
  if (x.shape.rank() > 0) {
    SKIFF_ENFORCE(!k || x.shape[axis] < 0 || (*k >= 1 && *k <= x.shape[axis]), InvalidArgument, "k is ",
                  k.value_or(-1), ", X is ", x.shape, "; k must be in [1, ", x.shape[axis], "]");
    out[axis] = k.value_or(-1);
  }
  c.SetOutput("Out", TensorMeta{out, x.dtype, x.lod_level});
  c.SetOutput("Indices", TensorMeta{out, DType::kInt64, x.lod_level});
}

// The first `keep` of each line in order. A thread sorts a line by repeated choice of the next element
// on a card, where k is small; on the CPU by a partial sort of indices.
template <typename T>
struct SortLine {
  Lines lines;
  int64_t keep;
  bool largest;
  const T* x;
  T* out;
  int64_t* indices;
  int64_t* scratch;  // extent indices a line; null on a card

  SKIFF_HD void operator()(int64_t line) const {
    const int64_t block = line / lines.inner, lane = line % lines.inner;
    const T* from = x + block * lines.extent * lines.inner + lane;
    const int64_t target = block * keep * lines.inner + lane;
#if defined(__CUDA_ARCH__)
    int64_t last = -1;
    for (int64_t n = 0; n < keep; ++n) {
      int64_t best = -1;
      for (int64_t i = 0; i < lines.extent; ++i) {
        if (last >= 0) {  // behind the last one chosen?
          const auto a = LoadElement(from[last * lines.inner]), b = LoadElement(from[i * lines.inner]);
          if (Before(b, a, largest) || (!Before(a, b, largest) && i <= last)) continue;
        }
        if (best < 0 || Before(LoadElement(from[i * lines.inner]), LoadElement(from[best * lines.inner]), largest)) best = i;
      }
      out[target + n * lines.inner] = from[best * lines.inner];
      indices[target + n * lines.inner] = best;
      last = best;
    }
#else
    int64_t* order = scratch + line * lines.extent;
    std::iota(order, order + lines.extent, int64_t{0});
    const auto before = [&](int64_t a, int64_t b) {
      const auto x_a = LoadElement(from[a * lines.inner]), x_b = LoadElement(from[b * lines.inner]);
      if (Before(x_a, x_b, largest)) return true;
      return a < b && !Before(x_b, x_a, largest);
    };
    if (keep == 1) {
      int64_t best = 0;
      for (int64_t i = 1; i < lines.extent; ++i) {
        if (before(i, best)) best = i;
      }
      order[0] = best;
    } else {
      std::partial_sort(order, order + keep, order + lines.extent, before);
    }
    for (int64_t n = 0; n < keep; ++n) {
      out[target + n * lines.inner] = from[order[n] * lines.inner];
      indices[target + n * lines.inner] = order[n];
    }
#endif
  }
};

template <typename Device, typename T>
std::unique_ptr<Kernel> PrepareSort(PrepareContext& c, int axis, bool largest) {
  const Lines lines = LinesOf(c.Input("X").shape, axis);
  const int64_t keep = LinesOf(c.Output("Out").shape, axis).extent;
  c.RequestWorkspace(std::is_same_v<Device, CpuDevice> ? c.Input("X").shape.NumElements() * sizeof(int64_t) : 0);
  return MakeKernel([=, x = c.InputIndex("X"), out = c.OutputIndex("Out"),
                     indices = c.OutputIndex("Indices")](const KernelArgs& args) {
    const int64_t grain = std::max<int64_t>(kElementGrain / 8 / std::max<int64_t>(lines.extent, 1), 1);
    ForEach(lines.count(), grain, args,
            SortLine<T>{lines, keep, largest, static_cast<const T*>(args.in[x]), static_cast<T*>(args.out[out]),
                        static_cast<int64_t*>(args.out[indices]), static_cast<int64_t*>(args.workspace)});
  });
}

struct TopKV2 {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return PrepareSort<Device, T>(c, NormalizeAxis(c.Attr<int>("axis"), c.Input("X").shape.rank()),
                                  c.Attr<bool>("largest"));
  }
};
struct TopK {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return PrepareSort<Device, T>(c, NormalizeAxis(-1, c.Input("X").shape.rank()), true);
  }
};
struct Argsort {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return PrepareSort<Device, T>(c, NormalizeAxis(c.Attr<int>("axis"), c.Input("X").shape.rank()),
                                  c.Attr<bool>("descending"));
  }
};

// Each gradient goes back to the element that was chosen; each is chosen once.
template <typename T>
struct ReturnToLine {
  Lines lines;
  int64_t keep;
  const T* out_grad;
  const int64_t* indices;
  T* x_grad;
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t lane = i % lines.inner, block = i / lines.inner / keep;
    const int64_t index = indices[i];
    if (index >= 0 && index < lines.extent) x_grad[(block * lines.extent + index) * lines.inner + lane] = out_grad[i];
  }
};

struct SortGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const int axis = NormalizeAxis(c.attrs().Get<int>("axis", -1), x.rank());
    const Lines lines = LinesOf(x, axis);
    const Shape &out = c.Input("Out@GRAD").shape, &chosen = c.Input("Indices").shape;
    Shape fits = out;
    if (x.rank() > 0 && out.rank() == x.rank()) fits[axis] = x[axis];
    SKIFF_ENFORCE(fits == x && out == chosen, InvalidArgument, "X is ", x, ", Out@GRAD ", out, ", Indices ", chosen,
                  "; they may differ along axis ", axis, " of X alone");
    return MakeKernel([=, keep = LinesOf(out, axis).extent, n = out.NumElements(), size = x.NumElements(),
                       out_grad = c.InputIndex("Out@GRAD"), indices = c.InputIndex("Indices"),
                       x_grad = c.OutputIndex("X@GRAD")](const KernelArgs& args) {
      FillZero(args.out[x_grad], size * sizeof(T), args);
      ForEach(n, kElementGrain, args,
              ReturnToLine<T>{lines, keep, static_cast<const T*>(args.in[out_grad]),
                              static_cast<const int64_t*>(args.in[indices]), static_cast<T*>(args.out[x_grad])});
    });
  }
};

void InferArg(InferContext& c) {
  const Shape& x = c.InputShape("X");
  const DType dtype = static_cast<DType>(c.Attr<int>("dtype"));
  SKIFF_ENFORCE(dtype == DType::kInt64 || dtype == DType::kInt32, InvalidArgument, "attribute dtype is ",
                c.Attr<int>("dtype"), "; it may be 2 (int32) or 3 (int64)");
  Shape out;
  if (c.Attr<bool>("flatten")) {
    SKIFF_ENFORCE(!x.IsKnown() || x.NumElements() > 0, InvalidArgument, "X is ", x, " and has no element");
    if (c.Attr<bool>("keepdims")) {
      for (int i = 0; i < x.rank(); ++i) out.Append(1);
    }
    return c.SetOutput("Out", out, dtype);
  }
  const int axis = NormalizeAxis(c.Attr<int64_t>("axis"), x.rank());
  out = x;
  if (x.rank() > 0) {
    SKIFF_ENFORCE(x[axis] != 0, InvalidArgument, "X is ", x, " and has no element along axis ", axis);
    if (c.Attr<bool>("keepdims")) {
      out[axis] = 1;
    } else {
      out.Erase(axis);
    }
  }
  c.SetOutput("Out", out, dtype);
}

template <typename T>
struct BestOfLine {
  Lines lines;
  bool largest, wide;
  const T* x;
  void* out;
  SKIFF_HD void operator()(int64_t line) const {
    const T* from = x + line / lines.inner * lines.extent * lines.inner + line % lines.inner;
    int64_t best = 0;
    auto value = LoadElement(from[0]);
    for (int64_t i = 1; i < lines.extent; ++i) {
      const auto next = LoadElement(from[i * lines.inner]);
      // A NaN is passed over, unlike in sorting: as Paddle.
      if ((largest ? next > value : next < value) || (math::IsNan(value) && !math::IsNan(next))) {
        best = i;
        value = next;
      }
    }
    if (wide) {
      static_cast<int64_t*>(out)[line] = best;
    } else {
      static_cast<int32_t*>(out)[line] = static_cast<int32_t>(best);
    }
  }
};

template <bool kLargest>
struct ArgOf {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const Lines lines = c.Attr<bool>("flatten")
                            ? Lines{1, x.NumElements(), 1}
                            : LinesOf(x, NormalizeAxis(c.Attr<int64_t>("axis"), x.rank()));
    const bool wide = c.Output("Out").dtype == DType::kInt64;
    return MakeKernel([=, in = c.InputIndex("X"), out = c.OutputIndex("Out")](const KernelArgs& args) {
      const int64_t grain = std::max<int64_t>(kElementGrain / std::max<int64_t>(lines.extent, 1), 1);
      ForEach(lines.count(), grain, args,
              BestOfLine<T>{lines, kLargest, wide, static_cast<const T*>(args.in[in]), args.out[out]});
    });
  }
};

}  // namespace

SKIFF_OP(top_k_v2)
    .Doc("Out and Indices are the k largest (or smallest) elements along `axis` and where they were, best first.")
    .Source("paddle.topk; ties go to the lower index")
    .Input("X", "any shape")
    .HostInput("K", "one integer; goes before the attribute")
    .Output("Out", "shape of X with k along `axis`")
    .Output("Indices", "int64, shape of Out")
    .Attr("k", 1, "number of elements")
    .Attr("axis", -1, "from the end when negative")
    .Attr("largest", true, "false for the smallest")
    .Attr("sorted", true, "not read: the result is always in order")
    .InferShape([](InferContext& c) { InferTopK(c, "axis"); })
    .Gradient(StandardGrad({"X"}, {"Indices"}, {"Out"}, {"X"}))
    .Kernel<TopKV2, float, double, int32_t, int64_t, Float16, BFloat16>();

SKIFF_OP(top_k_v2_grad)
    .Doc("X@GRAD is Out@GRAD at Indices and zero elsewhere.")
    .Input("X", "only its shape matters")
    .Input("Indices", "of top_k_v2")
    .Input("Out@GRAD", "shape of Out")
    .OptionalInput("K", "not read")
    .Output("X@GRAD", "shape of X")
    .Attr("k", 1, "as in top_k_v2")
    .Attr("axis", -1, "as in top_k_v2")
    .Attr("largest", true, "as in top_k_v2")
    .Attr("sorted", true, "as in top_k_v2")
    .SameDType({"X", "Out@GRAD"})
    .OfDType(DType::kInt64, {"Indices"})
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<SortGrad, float, double, Float16, BFloat16>();

SKIFF_OP(top_k)
    .Doc("As top_k_v2 for the largest along the last axis.")
    .Source("Paddle's older top_k")
    .Input("X", "any shape")
    .HostInput("K", "one integer; goes before the attribute")
    .Output("Out", "shape of X with k along the last axis")
    .Output("Indices", "int64, shape of Out")
    .Attr("k", 1, "number of elements")
    .InferShape([](InferContext& c) { InferTopK(c, ""); })
    .Gradient(StandardGrad({"X"}, {"Indices"}, {"Out"}, {"X"}))
    .Kernel<TopK, float, double, int32_t, int64_t, Float16, BFloat16>();

SKIFF_OP(top_k_grad)
    .Doc("X@GRAD is Out@GRAD at Indices and zero elsewhere.")
    .Input("X", "only its shape matters")
    .Input("Indices", "of top_k")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("k", 1, "as in top_k")
    .SameDType({"X", "Out@GRAD"})
    .OfDType(DType::kInt64, {"Indices"})
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<SortGrad, float, double, Float16, BFloat16>();

SKIFF_OP(argsort)
    .Doc("Out is X sorted along `axis`, Indices where its elements were.")
    .Source("paddle.argsort; stable")
    .Input("X", "any shape")
    .Output("Out", "shape of X")
    .Output("Indices", "int64, shape of X")
    .Attr("axis", -1, "from the end when negative")
    .Attr("descending", false, "largest first")
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      NormalizeAxis(c.Attr<int>("axis"), x.shape.rank());
      c.SetOutput("Out", TensorMeta(x));
      c.SetOutput("Indices", TensorMeta{x.shape, DType::kInt64, x.lod_level});
    })
    .Gradient(StandardGrad({"X"}, {"Indices"}, {"Out"}, {"X"}))
    .Kernel<Argsort, float, double, int32_t, int64_t, Float16, BFloat16>();

SKIFF_OP(argsort_grad)
    .Doc("X@GRAD is Out@GRAD put back to Indices.")
    .Input("X", "only its shape matters")
    .Input("Indices", "of argsort")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("axis", -1, "as in argsort")
    .Attr("descending", false, "as in argsort")
    .SameDType({"X", "Out@GRAD"})
    .OfDType(DType::kInt64, {"Indices"})
    .InferShape(GradsLikeInputs())
    .KeyedBy("Out@GRAD")
    .Kernel<SortGrad, float, double, Float16, BFloat16>();

SKIFF_OP(arg_max)
    .Doc("Out is the index of the largest element along `axis`, the lowest where several are.")
    .Source("paddle.argmax")
    .Input("X", "any shape")
    .Output("Out", "X.shape without `axis`, or with 1 there")
    .RequiredAttr<int64_t>("axis", "from the end when negative")
    .Attr("keepdims", false, "keep the axis with an extent of 1")
    .Attr("flatten", false, "one index into the flat tensor; `axis` is not read")
    .Attr("dtype", 3, "of Out: 2 int32, 3 int64")
    .InferShape(InferArg)
    .Kernel<ArgOf<true>, float, double, int32_t, int64_t, int16_t, uint8_t, Float16, BFloat16>();

SKIFF_OP(arg_min)
    .Doc("Out is the index of the smallest element along `axis`, the lowest where several are.")
    .Source("paddle.argmin")
    .Input("X", "any shape")
    .Output("Out", "X.shape without `axis`, or with 1 there")
    .RequiredAttr<int64_t>("axis", "from the end when negative")
    .Attr("keepdims", false, "keep the axis with an extent of 1")
    .Attr("flatten", false, "one index into the flat tensor; `axis` is not read")
    .Attr("dtype", 3, "of Out: 2 int32, 3 int64")
    .InferShape(InferArg)
    .Kernel<ArgOf<false>, float, double, int32_t, int64_t, int16_t, uint8_t, Float16, BFloat16>();

}  // namespace skiff
