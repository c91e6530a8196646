// Training in half precision: check_finite_and_unscale divides the gradients by the loss's scale and finds out
// whether all are finite; update_loss_scaling adapts the scale to that.
#include "operators/kernel/for_each.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct SetBool {
  bool value;
  bool* out;
  SKIFF_HD void operator()(int64_t) const { *out = value; }
};

/// Every writer writes the same.
template <typename T>
struct FindInfinite {
  const T* x;
  bool* found;
  SKIFF_HD void operator()(int64_t i) const {
    const Compute<T> v = LoadElement(x[i]);
    if (!(v - v == Compute<T>(0))) *found = true;
  }
};

template <typename T>
struct Unscale {
  const bool* found;
  const void* scale;
  bool wide;  // scale is float64
  const T* x;
  T* out;
  struct Bound {
    bool found;
    Compute<T> inverse;
    const T* x;
    T* out;
    SKIFF_HD void operator()(int64_t i) const {
      out[i] = StoreElement<T>(math::Select(found, Compute<T>(0), LoadElement(x[i]) * inverse));
    }
  };
  SKIFF_HD Bound Bind() const {
    const double s = wide ? *static_cast<const double*>(scale) : static_cast<double>(*static_cast<const float*>(scale));
    return {*found, static_cast<Compute<T>>(1 / s), x, out};
  }
};

struct CheckFiniteAndUnscale {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    std::vector<int64_t> sizes;
    for (int i = 0; i < c.NumInputs("X"); ++i) {
      SKIFF_ENFORCE(c.Input("X", i).dtype == kDTypeOf<T>, InvalidType, "X[", i, "] is ", c.Input("X", i).dtype, ", X[0] ", kDTypeOf<T>,
                    "; all must be equal");
      sizes.push_back(c.Input("X", i).shape.NumElements());
    }
    const DType scale_dtype = c.Input("Scale").dtype;
    SKIFF_ENFORCE(scale_dtype == DType::kFloat32 || scale_dtype == DType::kFloat64, InvalidType, "Scale is ", scale_dtype,
                  "; expected float32 or float64");
    return MakeKernel([=, x = c.InputIndex("X"), scale = c.InputIndex("Scale"), out = c.OutputIndex("Out"),
                       flag = c.OutputIndex("FoundInfinite")](const KernelArgs& args) {
      bool* found = static_cast<bool*>(args.out[flag]);
      const int count = static_cast<int>(sizes.size());
      ForEach(1, 1, args, SetBool{false, found});
      for (int i = 0; i < count; ++i) {
        ForEach(sizes[i], std::max<int64_t>(sizes[i], 1), args, FindInfinite<T>{static_cast<const T*>(args.in[x + i]), found});
      }
      for (int i = 0; i < count; ++i) {
        ForEach(sizes[i], kElementGrain, args, Unscale<T>{found, args.in[scale], scale_dtype == DType::kFloat64,
                                                          static_cast<const T*>(args.in[x + i]), static_cast<T*>(args.out[out + i])});
      }
    });
  }
};

// ---- update_loss_scaling ---------------------------------------------------------------------------------------

template <typename C>
struct AdaptScale {
  int32_t grow_after, shrink_after;
  float grow, shrink;
  const bool* found;
  const C* scale;
  const int32_t *good, *bad;
  C* scale_out;
  int32_t *good_out, *bad_out;
  SKIFF_HD void operator()(int64_t) const {
    const C before = *scale;
    const int64_t goods = *found ? 0 : int64_t{*good} + 1, bads = *found ? int64_t{*bad} + 1 : 0;
    C after = before;
    if (bads == shrink_after && *found) {
      after = before * static_cast<C>(shrink);
      if (after < C(1)) after = C(1);
    } else if (goods == grow_after && !*found) {
      const C larger = before * static_cast<C>(grow);
      if (larger - larger == C(0)) after = larger;
    }
    *scale_out = after;
    *good_out = goods == grow_after ? 0 : static_cast<int32_t>(goods);
    *bad_out = bads == shrink_after ? 0 : static_cast<int32_t>(bads);
  }
};

template <typename T>
struct ClearIfFound {
  const bool* found;
  const T* x;
  T* out;
  SKIFF_HD void operator()(int64_t i) const { out[i] = *found ? T{} : x[i]; }
};

template <typename V>
struct CopyOne {
  const V* from;
  V* to;
  SKIFF_HD void operator()(int64_t) const { *to = *from; }
};

struct UpdateLossScaling {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    std::vector<int64_t> sizes;
    for (int i = 0; i < c.NumInputs("X"); ++i) sizes.push_back(c.Input("X", i).shape.NumElements());
    SKIFF_ENFORCE(c.Input("PrevLossScaling").dtype == kDTypeOf<C>, InvalidType, "PrevLossScaling is ", c.Input("PrevLossScaling").dtype,
                  " beside X of ", kDTypeOf<T>, "; expected ", kDTypeOf<C>);
    const std::vector<int64_t> stop = c.HasInput("StopUpdate") ? c.HostValues("StopUpdate") : std::vector<int64_t>{};
    AdaptScale<C> adapt{};
    adapt.grow_after = c.Attr<int32_t>("incr_every_n_steps");
    adapt.shrink_after = c.Attr<int32_t>("decr_every_n_nan_or_inf");
    adapt.grow = c.Attr<float>("incr_ratio");
    adapt.shrink = c.Attr<float>("decr_ratio");
    return MakeKernel([=, stops = stop.empty() ? c.Attr<bool>("stop_update") : stop[0] != 0, x = c.InputIndex("X"),
                       found_index = c.InputIndex("FoundInfinite"), scale = c.InputIndex("PrevLossScaling"), good = c.InputIndex("InGoodSteps"),
                       bad = c.InputIndex("InBadSteps"), out = c.OutputIndex("Out"), scale_out = c.OutputIndex("LossScaling"),
                       good_out = c.OutputIndex("OutGoodSteps"), bad_out = c.OutputIndex("OutBadSteps")](const KernelArgs& args) {
      const bool* found = static_cast<const bool*>(args.in[found_index]);
      for (size_t i = 0; i < sizes.size(); ++i) {
        ForEach(sizes[i], kElementGrain, args, ClearIfFound<T>{found, static_cast<const T*>(args.in[x + i]), static_cast<T*>(args.out[out + i])});
      }
      const auto* goods = static_cast<const int32_t*>(args.in[good]);
      const auto* bads = static_cast<const int32_t*>(args.in[bad]);
      const auto* before = static_cast<const C*>(args.in[scale]);
      auto* after = static_cast<C*>(args.out[scale_out]);
      auto *goods_out = static_cast<int32_t*>(args.out[good_out]), *bads_out = static_cast<int32_t*>(args.out[bad_out]);
      if (stops) {
        ForEach(1, 1, args, CopyOne<C>{before, after});
        ForEach(1, 1, args, CopyOne<int32_t>{goods, goods_out});
        ForEach(1, 1, args, CopyOne<int32_t>{bads, bads_out});
        return;
      }
      AdaptScale<C> run = adapt;
      run.found = found;
      run.scale = before;
      run.good = goods;
      run.bad = bads;
      run.scale_out = after;
      run.good_out = goods_out;
      run.bad_out = bads_out;
      ForEach(1, 1, args, run);
    });
  }
};

[[maybe_unused]] void InferEachLike(InferContext& c) {
  for (int i = 0; i < c.NumInputs("X"); ++i) {
    const TensorMeta x = c.Input("X", i);
    c.SetOutput("Out", TensorMeta{x.shape, x.dtype, x.lod_level}, i);
  }
}

SKIFF_OP(check_finite_and_unscale)
    .Doc("Out = X / Scale for each X, or zeros where some element is not finite; FoundInfinite says which.")
    .Source("Micikevicius et al., Mixed precision training, 2018; names of Paddle's check_finite_and_unscale")
    .Inputs("X", "gradients of one dtype")
    .Input("Scale", "one element: the loss's scale")
    .Outputs("Out", "shape of each X")
    .Output("FoundInfinite", "bool, one element")
    .OneElement({"Scale"})
    .SameDType({"X"})
    .InferShape([](InferContext& c) {
      InferEachLike(c);
      c.SetOutput("FoundInfinite", Shape{1}, DType::kBool);
    })
    .Kernel<CheckFiniteAndUnscale, SKIFF_FLOATS>();

SKIFF_OP(update_loss_scaling)
    .Doc("After incr_every_n_steps finite steps the scale grows, after decr_every_n_nan_or_inf others it shrinks, not "
         "below 1; gradients that are not finite become zeros.")
    .Source("names and defaults of Paddle's update_loss_scaling")
    .Inputs("X", "gradients of one dtype")
    .Input("FoundInfinite", "bool, one element")
    .Input("PrevLossScaling", "one element, float32 (float64 for float64)")
    .Input("InGoodSteps", "int32, one element")
    .Input("InBadSteps", "int32, one element")
    .HostInput("StopUpdate", "bool: stop_update as a variable")
    .Outputs("Out", "shape of each X")
    .Output("LossScaling", "one element")
    .Output("OutGoodSteps", "int32, one element")
    .Output("OutBadSteps", "int32, one element")
    .RequiredAttr<int32_t>("incr_every_n_steps", "finite steps in a row before the scale grows")
    .RequiredAttr<int32_t>("decr_every_n_nan_or_inf", "other steps in a row before it shrinks")
    .RequiredAttr<float>("incr_ratio", "factor of growth, more than 1")
    .RequiredAttr<float>("decr_ratio", "factor of shrinking, less than 1")
    .Attr("stop_update", false, "scale and counts stay")
    .OneElement({"FoundInfinite", "PrevLossScaling", "InGoodSteps", "InBadSteps"})
    .OfDType(DType::kInt32, {"InGoodSteps", "InBadSteps"})
    .OfDType(DType::kBool, {"FoundInfinite"})
    .SameDType({"X"})
    .InferShape([](InferContext& c) {
      InferEachLike(c);
      c.SetOutput("LossScaling", Shape{1}, c.InputDType("PrevLossScaling"));
      c.SetOutput("OutGoodSteps", Shape{1}, DType::kInt32);
      c.SetOutput("OutBadSteps", Shape{1}, DType::kInt32);
    })
    .Kernel<UpdateLossScaling, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
