// Whether tensors are equal or nearly so: isclose, allclose, equal_all; whether one holds what is no number:
// isinf, isnan.
#include <cstdlib>

#include "operators/kernel/for_each.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

/// |a - b| <= atol + rtol |b|. The tolerances may lie in variables.
template <typename T>
struct Close {
  double rtol, atol;
  bool equal_nan;
  const void *rtol_tensor, *atol_tensor;  // or null
  bool wide;                              // they are float64
  const T *a, *b;
  bool* out;
  SKIFF_HD double Tolerance(const void* p, double otherwise) const {
    if (p == nullptr) return otherwise;
    return wide ? *static_cast<const double*>(p) : static_cast<double>(*static_cast<const float*>(p));
  }
  SKIFF_HD bool At(int64_t i) const {
    const double x = static_cast<double>(LoadElement(a[i])), y = static_cast<double>(LoadElement(b[i]));
    if (x != x || y != y) return equal_nan && x != x && y != y;
    if (x == y) return true;
    const double distance = fabs(x - y);
    return distance - distance == 0 && distance <= Tolerance(atol_tensor, atol) + Tolerance(rtol_tensor, rtol) * fabs(y);
  }
};
template <typename T>
struct EachClose : Close<T> {
  SKIFF_HD void operator()(int64_t i) const { this->out[i] = this->At(i); }
};
/// Out starts as true. Every writer writes the same.
template <typename T>
struct AllClose : Close<T> {
  SKIFF_HD void operator()(int64_t i) const {
    if (!this->At(i)) *this->out = false;
  }
};

struct SetFlag {
  bool value;
  bool* out;
  SKIFF_HD void operator()(int64_t) const { *out = value; }
};

double ToleranceOf(const Attrs& attrs, const char* name) {
  const auto text = attrs.Get<std::string>(name);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  SKIFF_ENFORCE(end != text.c_str() && *end == '\0', InvalidArgument, name, " is \"", text, "\"; expected a number");
  return value;
}

template <bool each>
struct CloseKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    std::conditional_t<each, EachClose<T>, AllClose<T>> close{};
    close.rtol = ToleranceOf(c.attrs(), "rtol");
    close.atol = ToleranceOf(c.attrs(), "atol");
    close.equal_nan = c.Attr<bool>("equal_nan");
    const auto index = [&](const char* slot) { return c.HasInput(slot) ? c.InputIndex(slot) : -1; };
    for (const char* slot : {"Rtol", "Atol"}) {
      if (!c.HasInput(slot)) continue;
      const DType dtype = c.Input(slot).dtype;
      SKIFF_ENFORCE(dtype == DType::kFloat64 || dtype == DType::kFloat32, InvalidType, slot, " is ", dtype, "; expected float64 or float32");
      close.wide = dtype == DType::kFloat64;
    }
    return MakeKernel([=, n = c.Input("Input").shape.NumElements(), a = c.InputIndex("Input"), b = c.InputIndex("Other"),
                       rtol = index("Rtol"), atol = index("Atol")](const KernelArgs& args) {
      auto run = close;
      run.rtol_tensor = rtol < 0 ? nullptr : args.in[rtol];
      run.atol_tensor = atol < 0 ? nullptr : args.in[atol];
      run.a = static_cast<const T*>(args.in[a]);
      run.b = static_cast<const T*>(args.in[b]);
      run.out = static_cast<bool*>(args.out[0]);
      if (!each) ForEach(1, 1, args, SetFlag{true, run.out});
      ForEach(n, each ? kElementGrain : std::max<int64_t>(n, 1), args, run);
    });
  }
};

// ---- equal_all, isinf, isnan -----------------------------------------------------------------------------------

template <typename T>
struct AllEqual {
  const T *a, *b;
  bool* out;
  SKIFF_HD void operator()(int64_t i) const {
    if (!(LoadElement(a[i]) == LoadElement(b[i]))) *out = false;
  }
};

struct EqualAll {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const bool same = c.Input("X").shape == c.Input("Y").shape;
    return MakeKernel([=, n = same ? c.Input("X").shape.NumElements() : 0, x = c.InputIndex("X"), y = c.InputIndex("Y")](const KernelArgs& args) {
      bool* out = static_cast<bool*>(args.out[0]);
      ForEach(1, 1, args, SetFlag{same, out});
      ForEach(n, std::max<int64_t>(n, 1), args, AllEqual<T>{static_cast<const T*>(args.in[x]), static_cast<const T*>(args.in[y]), out});
    });
  }
};

template <typename T, bool infinite>
struct AnySpecial {
  const T* x;
  bool* out;
  SKIFF_HD void operator()(int64_t i) const {
    const auto v = LoadElement(x[i]);
    if (infinite ? (v == v && v - v != 0) : v != v) *out = true;
  }
};

template <bool infinite>
struct HoldsSpecial {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    return MakeKernel([n = c.Input("X").shape.NumElements()](const KernelArgs& args) {
      bool* out = static_cast<bool*>(args.out[0]);
      ForEach(1, 1, args, SetFlag{false, out});
      ForEach(n, std::max<int64_t>(n, 1), args, AnySpecial<T, infinite>{static_cast<const T*>(args.in[0]), out});
    });
  }
};

#define SKIFF_CLOSENESS(type, shape, each, doc)                                               \
  SKIFF_OP(type)                                                                              \
      .Doc(doc)                                                                               \
      .Source("paddle." #type)                                                                \
      .Input("Input", "any shape")                                                            \
      .Input("Other", "shape of Input")                                                       \
      .OptionalInput("Rtol", "rtol as a variable")                                            \
      .OptionalInput("Atol", "atol as a variable")                                            \
      .Output("Out", "bool")                                                                  \
      .Attr("rtol", "1e-5", "tolerance, times |Other|")                                       \
      .Attr("atol", "1e-8", "tolerance, absolute")                                            \
      .Attr("equal_nan", false, "two NaN are close")                                          \
      .SameDType({"Input", "Other"})                                                          \
      .OneElement({"Rtol", "Atol"})                                                           \
      .SameDType({"Rtol", "Atol"})                                                            \
      .InferShape([](InferContext& c) {                                                       \
        const Shape &x = c.InputShape("Input"), &y = c.InputShape("Other");                   \
        SKIFF_ENFORCE(!x.IsKnown() || !y.IsKnown() || x == y, InvalidArgument, "Input is ", x, ", Other ", y, "; they must be equal"); \
        ToleranceOf(c.attrs(), "rtol");                                                       \
        ToleranceOf(c.attrs(), "atol");                                                       \
        c.SetOutput("Out", shape, DType::kBool);                                              \
      })                                                                                      \
      .Kernel<CloseKernel<each>, float, double, int32_t, int64_t, bool>()

SKIFF_CLOSENESS(isclose, x, true, "Out = |Input - Other| <= atol + rtol |Other|, element by element.");
SKIFF_CLOSENESS(allclose, Shape{}, false, "Out = isclose holds everywhere.");

SKIFF_OP(equal_all)
    .Doc("Out = X and Y have one shape and equal elements.")
    .Source("paddle.equal_all")
    .Input("X", "any shape")
    .Input("Y", "dtype of X")
    .Output("Out", "bool, a scalar")
    .SameDType({"X", "Y"})
    .InferShape([](InferContext& c) { c.SetOutput("Out", Shape{}, DType::kBool); })
    .Kernel<EqualAll, float, double, int32_t, int64_t, bool>();

#define SKIFF_HOLDS(type, infinite, word)                                                     \
  SKIFF_OP(type)                                                                              \
      .Doc("Out = some element of X is " word ".")                                            \
      .Source("names of Paddle's " #type)                                                     \
      .Input("X", "any shape")                                                                \
      .Output("Out", "bool, one element")                                                     \
      .InferShape([](InferContext& c) { c.SetOutput("Out", Shape{1}, DType::kBool); })        \
      .Kernel<HoldsSpecial<infinite>, SKIFF_FLOATS, int32_t, int64_t>()
SKIFF_HOLDS(isinf, true, "infinite");
SKIFF_HOLDS(isnan, false, "NaN");

}  // namespace

}  // namespace skiff
