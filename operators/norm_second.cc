// Second gradients of batch_norm and instance_norm. For each group of elements that share a mean and a variance, with
// x^ = (x - mean) / sigma, g = Y@GRAD and v, a, b the gradients of X@GRAD, Scale@GRAD and Bias@GRAD, what is derived is
//
//   L = scale / sigma (sum (v - mean v)(g - mean g) - A B / n) + a B + b sum g,   A = sum v x^, B = sum g x^
//
// by x, scale and g; with running statistics L = scale / sigma sum v g + a B + b sum g. What is absent is 0, Scale 1.
#include "operators/kernel/channels.h"
#include "operators/kernel/second_grad.h"

namespace skiff {
namespace {

template <typename T>
struct NormSecondData {
  const T *x, *g, *v, *scale, *mean, *spread, *a, *b;  // v, scale, a and b may be null
  T *dx, *dg;                                          // may be null
  T *mean_v, *mean_g, *sum_vx, *sum_gx, *product, *dscale;  // workspace, one each group
  int64_t channels;                                    // group k is of channel k % channels
  bool running;                                        // then `spread` is the variance, else 1 / sigma
  T epsilon, count;

  SKIFF_HD T Inverse(int64_t k) const { return running ? T(1) / math::Sqrt(spread[k] + epsilon) : spread[k]; }
  SKIFF_HD T Of(const T* parameter, int64_t k, T absent) const {
    return parameter == nullptr ? absent : parameter[k % channels];
  }
};

template <typename T>
struct SecondMeans {
  NormSecondData<T> d;
  struct At {
    const T *v, *g;
    SKIFF_HD Two<T> operator()(int64_t i) const { return {v == nullptr ? T(0) : v[i], g[i]}; }
  };
  SKIFF_HD At AtChannel(int64_t) const { return {d.v, d.g}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t k, Two<S> sums) const {
    d.mean_v[k] = d.running ? T(0) : static_cast<T>(sums.first / S(d.count));
    d.mean_g[k] = d.running ? T(0) : static_cast<T>(sums.second / S(d.count));
  }
};

template <typename T>
struct SecondProjections {
  NormSecondData<T> d;
  struct At {
    const T *x, *v, *g;
    T mean, inverse;
    SKIFF_HD Two<T> operator()(int64_t i) const {
      const T normal = (x[i] - mean) * inverse;
      return {v == nullptr ? T(0) : v[i] * normal, g[i] * normal};
    }
  };
  SKIFF_HD At AtChannel(int64_t k) const { return {d.x, d.v, d.g, d.mean[k], d.Inverse(k)}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t k, Two<S> sums) const {
    d.sum_vx[k] = d.running ? T(0) : static_cast<T>(sums.first);
    d.sum_gx[k] = d.running ? T(0) : static_cast<T>(sums.second);
  }
};

template <typename T>
struct SecondProduct {
  NormSecondData<T> d;
  struct At {
    const T *v, *g;
    T mean_v, mean_g;
    SKIFF_HD Two<T> operator()(int64_t i) const {
      return {v == nullptr ? T(0) : (v[i] - mean_v) * (g[i] - mean_g), T(0)};
    }
  };
  SKIFF_HD At AtChannel(int64_t k) const { return {d.v, d.g, d.mean_v[k], d.mean_g[k]}; }
  template <typename S>
  SKIFF_HD void Finish(int64_t k, Two<S> sums) const {
    d.product[k] = static_cast<T>(sums.first);
    d.dscale[k] = d.Inverse(k) * (d.product[k] - d.sum_vx[k] * d.sum_gx[k] / d.count);
  }
};

// Both results are linear in v, g and x.
template <typename T>
struct SecondResults {
  NormSecondData<T> d;
  struct At {
    const T *x, *v, *g;
    T *dx, *dg;
    T x_by_v, x_by_g, x_by_x, x_offset, g_by_v, g_by_x, g_offset;
    SKIFF_HD void operator()(int64_t i) const {
      const T vi = v == nullptr ? T(0) : v[i], xi = x[i];
      // No sum of two products: which of them a fused multiply-add rounds would differ between vector and tail.
      const T to_x = x_by_v * vi + (x_by_g * g[i] + (x_by_x * xi + x_offset));
      const T to_g = g_by_v * vi + (g_by_x * xi + g_offset);
      if (dx != nullptr) dx[i] = to_x;
      if (dg != nullptr) dg[i] = to_g;
    }
  };
  SKIFF_HD At AtChannel(int64_t k) const {
    const T r = d.Inverse(k), n = d.count, a = d.Of(d.a, k, T(0)), scale = d.Of(d.scale, k, T(1));
    const T vx = d.sum_vx[k], gx = d.sum_gx[k], factor = d.running ? T(0) : scale * r * r / n;
    const T by_normal = -factor * (d.product[k] - T(3) * vx * gx / n) - a * r * gx / n;
    const T by_v = -factor * gx, by_g = a * r - factor * vx, g_by_normal = a - scale * r * vx / n;
    return {d.x, d.v, d.g, d.dx, d.dg, by_v, by_g, by_normal * r,
            -by_v * d.mean_v[k] - by_g * d.mean_g[k] - by_normal * r * d.mean[k],
            scale * r, g_by_normal * r,
            d.Of(d.b, k, T(0)) - scale * r * d.mean_v[k] - g_by_normal * r * d.mean[k]};
  }
};

template <typename T>
struct SumOfGroups {  // dscale[c] over the samples
  const T* of_group;
  T* dscale;
  int64_t groups, channels;
  SKIFF_HD void operator()(int64_t c) const {
    Accumulator<T> sum = 0;
    for (int64_t k = c; k < groups; k += channels) sum += of_group[k];
    dscale[c] = static_cast<T>(sum);
  }
};

struct NormSecondSlots {
  const char *x, *g, *v, *scale, *mean, *spread, *a, *b, *dx, *dscale, *dg;
};

template <typename T>
std::unique_ptr<Kernel> PrepareNormSecond(PrepareContext& c, const NormSecondSlots& slots, const ChannelGeometry& geometry,
                                          int64_t channels, bool running) {
  c.RequestWorkspace(6 * geometry.channels * sizeof(T));
  const auto in = [&](const char* slot) { return c.HasInput(slot) ? c.InputIndex(slot) : -1; };
  const auto out = [&](const char* slot) { return c.HasOutput(slot) ? c.OutputIndex(slot) : -1; };
  const auto check = [&](const char* slot, const Shape& wanted) {
    if (!c.HasInput(slot)) return;
    const TensorInfo& info = c.Input(slot);
    SKIFF_ENFORCE(info.dtype == kDTypeOf<T> && info.shape == wanted, InvalidArgument, "input ", slot, " is ", info.dtype, " ",
                  info.shape, "; expected ", kDTypeOf<T>, " ", wanted);
  };
  for (const char* slot : {slots.mean, slots.spread}) {
    SKIFF_ENFORCE(c.HasInput(slot), InvalidArgument, "input ", slot, " is missing");
    check(slot, Shape{geometry.channels});
  }
  for (const char* slot : {slots.g, slots.v}) check(slot, c.Input(slots.x).shape);
  for (const char* slot : {slots.scale, slots.a, slots.b}) check(slot, Shape{channels});
  return MakeKernel([=, x = in(slots.x), g = in(slots.g), v = in(slots.v), scale = in(slots.scale), mean = in(slots.mean),
                     spread = in(slots.spread), a = in(slots.a), b = in(slots.b), dx = out(slots.dx),
                     dscale = out(slots.dscale), dg = out(slots.dg),
                     epsilon = static_cast<T>(c.Attr<float>("epsilon"))](const KernelArgs& args) {
    const auto read = [&](int i) { return i < 0 ? nullptr : static_cast<const T*>(args.in[i]); };
    const auto write = [&](int i) { return i < 0 ? nullptr : static_cast<T*>(args.out[i]); };
    const auto spare = [&](int i) { return static_cast<T*>(args.workspace) + i * geometry.channels; };
    const NormSecondData<T> d{read(x), read(g), read(v), read(scale), read(mean), read(spread), read(a), read(b),
                              write(dx), write(dg), spare(0), spare(1), spare(2), spare(3), spare(4), spare(5),
                              channels, running, epsilon, static_cast<T>(geometry.PerChannel())};
    RunChannels(geometry, args, SecondMeans<T>{d}, SecondProjections<T>{d}, SecondProduct<T>{d}, SecondResults<T>{d});
    if (T* to = write(dscale); to != nullptr) {
      ForEach(channels, 64, args, SumOfGroups<T>{d.dscale, to, geometry.channels, channels});
    }
  });
}

struct BatchNormSecond {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const auto layout = c.Attr<std::string>("data_layout");
    const int axis = layout == "NHWC" || layout == "NDHWC" || layout == "NLC" ? x.rank() - 1 : 1;
    const bool running = c.Attr<bool>("use_global_stats") || c.Attr<bool>("is_test");
    return PrepareNormSecond<T>(c,
                                {"X", "DY", "DDX", "Scale", running ? "Mean" : "SavedMean",
                                 running ? "Variance" : "SavedVariance", "DDScale", "DDBias", "DX", "DScale", "DDY"},
                                {x.Product(0, axis), x[axis], x.Product(axis + 1, x.rank())}, x[axis], running);
  }
};

struct InstanceNormSecond {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("x").shape;
    return PrepareNormSecond<T>(c,
                                {"x", "grad_y", "grad_x@GRAD", "fwd_scale", "saved_mean", "saved_variance",
                                 "grad_scale@GRAD", "grad_bias@GRAD", "x@GRAD", "fwd_scale@GRAD", "grad_y@GRAD"},
                                {1, x[0] * x[1], x.Product(2, x.rank())}, x[1], false);
  }
};

SKIFF_OP(batch_norm_grad_grad)
    .Doc("The gradients of batch_norm_grad.")
    .Source("derivative of batch_norm_grad; slots of Paddle's batch_norm_grad_grad. Differs: with is_test it uses the "
            "running statistics, where Paddle gives an error")
    .Input("X", "as in batch_norm, 2 to 5 dimensions")
    .Input("DY", "Y@GRAD of batch_norm_grad, shape of X")
    .OptionalInput("Scale", "as in batch_norm")
    .OptionalInput("SavedMean", "of batch_norm")
    .OptionalInput("SavedVariance", "of batch_norm")
    .OptionalInput("Mean", "running mean, where that is used")
    .OptionalInput("Variance", "running variance, where that is used")
    .OptionalInput("DDX", "gradient of X@GRAD; absent means 0")
    .OptionalInput("DDScale", "gradient of Scale@GRAD, [channels]; absent means 0")
    .OptionalInput("DDBias", "gradient of Bias@GRAD, [channels]; absent means 0")
    .OptionalOutput("DX", "shape of X")
    .OptionalOutput("DScale", "[channels]")
    .OptionalOutput("DDY", "gradient of Y@GRAD, shape of X")
    .Attr("is_test", false, "as in batch_norm")
    .Attr("momentum", 0.9f, "not read")
    .Attr("epsilon", 1e-5f, "as in batch_norm")
    .Attr("data_layout", "NCHW", "as in batch_norm")
    .Attr("use_global_stats", false, "as in batch_norm")
    .Attr("trainable_statistics", false, "not read")
    .InferShape(EachLike({{"DX", "X"}, {"DScale", "Scale"}, {"DDY", "X"}}))
    .KeyedBy("X")
    .Kernel<BatchNormSecond, float, double>();

SKIFF_OP(instance_norm_double_grad)
    .Doc("The gradients of instance_norm_grad.")
    .Source("derivative of instance_norm_grad; slots of Paddle's instance_norm_double_grad")
    .Input("x", "as in instance_norm")
    .OptionalInput("fwd_scale", "Scale of instance_norm, [channels]")
    .Input("saved_mean", "of instance_norm")
    .Input("saved_variance", "of instance_norm")
    .Input("grad_y", "Y@GRAD of instance_norm_grad, shape of x")
    .OptionalInput("grad_x@GRAD", "gradient of X@GRAD; absent means 0")
    .OptionalInput("grad_scale@GRAD", "gradient of Scale@GRAD, [channels]; absent means 0")
    .OptionalInput("grad_bias@GRAD", "gradient of Bias@GRAD, [channels]; absent means 0")
    .OptionalOutput("x@GRAD", "shape of x")
    .OptionalOutput("fwd_scale@GRAD", "[channels]")
    .OptionalOutput("grad_y@GRAD", "shape of x")
    .Attr("epsilon", 1e-5f, "not read")
    .InferShape(EachLike({{"x@GRAD", "x"}, {"fwd_scale@GRAD", "fwd_scale"}, {"grad_y@GRAD", "x"}}))
    .KeyedBy("x")
    .Kernel<InstanceNormSecond, float, double>();

}  // namespace
}  // namespace skiff
