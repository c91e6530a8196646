// Everything that may follow a convolution goes into fused_conv2d:
//
//   conv2d -> batch_norm -> elementwise_add(shortcut) -> relu
//   becomes fused_conv2d(Input, Filter', Bias', ResidualData = shortcut, relu)
#include <cmath>

#include "executor/passes/passes.h"
#include "executor/passes/rewrite.h"

namespace skiff {

namespace {

bool IsConv(const Operator& op) {
  return op.type == "conv2d" || op.type == "depthwise_conv2d" || op.type == "fused_conv2d";
}

bool HasActivation(const Operator& conv) {
  const auto activation = conv.attrs.Get<std::string>("fuse_activation", std::string());
  return !activation.empty() && activation != "identity";
}

// The convolution at the site with its result under another name.
Operator Fused(const Operator& conv, const std::string& out) {
  Operator fused = conv;
  fused.type = "fused_conv2d";
  fused.outputs = {{"Output", {out}}};
  return fused;
}

// True when the operator at the site is a convolution without activation that can be fused with the
// operator `next`, the only reader of its output.
bool IsFusible(const RewriteSite& site, int* next) {
  const Operator& conv = site.op();
  if (!IsConv(conv) || HasActivation(conv) || !site.HasKernel("fused_conv2d", conv.inputs.One("Filter"))) {
    return false;
  }
  *next = site.NextOf(site.position, "Output");
  return *next > site.position && site.CanMove(site.position, *next);
}

// Per-channel factor and offset of a batch norm with frozen statistics.
struct Affine {
  std::vector<double> scale, offset;
};
std::vector<double> Doubles(const Tensor& t) {
  if (t.dtype() == DType::kFloat64) return {t.data<double>(), t.data<double>() + t.num_elements()};
  return {t.data<float>(), t.data<float>() + t.num_elements()};
}
Affine Affines(const RewriteSite& site, const Operator& norm) {
  const auto get = [&](const char* slot) { return Doubles(site.Constant(norm.inputs.One(slot))); };
  const std::vector<double> scale = get("Scale"), bias = get("Bias"), mean = get("Mean"),
                            variance = get("Variance");
  const double epsilon = norm.attrs.Get<float>("epsilon", 1e-5f);
  Affine affine;
  for (size_t i = 0; i < scale.size(); ++i) {
    affine.scale.push_back(scale[i] / std::sqrt(variance[i] + epsilon));
    affine.offset.push_back(bias[i] - mean[i] * affine.scale.back());
  }
  return affine;
}

template <typename T>
Tensor ScaledFilter(const Tensor& filter, const Affine& affine) {
  Tensor scaled(filter.shape(), filter.dtype());
  const int64_t channels = filter.shape()[0], per_channel = filter.num_elements() / channels;
  const T* from = filter.data<T>();
  T* to = scaled.data<T>();
  for (int64_t c = 0; c < channels; ++c, from += per_channel, to += per_channel) {
    const double scale = affine.scale[c];
    for (int64_t i = 0; i < per_channel; ++i) to[i] = static_cast<T>(from[i] * scale);
  }
  return scaled;
}

template <typename T>
Tensor BiasOf(const Affine& affine, const std::vector<double>& before) {
  Tensor bias({static_cast<int64_t>(affine.scale.size())}, kDTypeOf<T>);
  for (size_t i = 0; i < affine.scale.size(); ++i) {
    const double old = before.empty() ? 0 : before[i];
    bias.data<T>()[i] = static_cast<T>(affine.offset[i] + old * affine.scale[i]);
  }
  return bias;
}

bool TryBatchNorm(const RewriteSite& site) {
  int next;
  if (!IsFusible(site, &next) || site.At(next).type != "batch_norm") return false;
  const Operator &conv = site.op(), &norm = site.At(next);
  const std::string filter = conv.inputs.One("Filter"), bias = conv.inputs.One("Bias");
  const bool frozen = norm.attrs.Get<bool>("use_global_stats", false) ||
                      (norm.attrs.Get<bool>("is_test", false) &&
                       !norm.attrs.Get<bool>("trainable_statistics", false));
  const DType dtype = site.DTypeOf(filter);
  if (!frozen || conv.inputs.Has("ResidualData") ||
      (dtype != DType::kFloat32 && dtype != DType::kFloat64) || !site.context.IsConstant(filter)) {
    return false;
  }
  const Tensor w = site.Constant(filter);
  if (w.shape().rank() != 4 || w.num_elements() == 0 || !norm.outputs.Has("Y")) return false;
  const auto one_for_each_channel = [&](const std::string& name) {
    return site.context.IsConstant(name) && site.DTypeOf(name) == dtype && site.ShapeOf(name) == Shape{w.shape()[0]};
  };
  for (const char* slot : {"Scale", "Bias", "Mean", "Variance"}) {
    if (!one_for_each_channel(norm.inputs.One(slot))) return false;
  }
  if (!bias.empty() && !one_for_each_channel(bias)) return false;
  for (const char* slot : {"SavedMean", "SavedVariance", "ReserveSpace"}) {
    const std::string& name = norm.outputs.One(slot);
    if (!name.empty() && (!site.uses.Readers(name).empty() || site.context.fetches.contains(name))) return false;
  }
  const auto layout = conv.attrs.Get<std::string>("data_format", "NCHW");
  const auto norm_layout = norm.attrs.Get<std::string>("data_layout", "NCHW");
  if ((layout == "NHWC") != (norm_layout == "NHWC")) return false;

  const Affine affine = Affines(site, norm);
  const std::vector<double> before = bias.empty() ? std::vector<double>{} : Doubles(site.Constant(bias));
  const bool wide = dtype == DType::kFloat64;
  Operator fused = Fused(conv, norm.outputs.One("Y"));
  fused.inputs.Set("Filter", {site.AddConstant(filter + "@" + norm.inputs.One("Scale"),
                                               wide ? ScaledFilter<double>(w, affine) : ScaledFilter<float>(w, affine))});
  fused.inputs.Set("Bias", {site.AddConstant(norm.inputs.One("Bias") + "@conv",
                                             wide ? BiasOf<double>(affine, before) : BiasOf<float>(affine, before))});
  site.Replace({site.position}, next, std::move(fused));
  return true;
}

// True when `y`, added with `axis`, is one number for each of the `channels` of a [N, C, H, W] tensor.
bool IsChannelBias(const Shape& y, int axis, int64_t channels, bool channels_last) {
  if (!y.IsKnown() || y.NumElements() != channels) return false;
  if (y.rank() == 1) return channels_last ? axis == -1 || axis == 3 : axis == 1;
  const int channel_axis = channels_last ? 3 : 1;
  return y.rank() == 4 && (axis == -1 || axis == 0) && y[channel_axis] == channels;
}

bool TryConvBias(const RewriteSite& site) {
  int next;
  if (!IsFusible(site, &next) || site.At(next).type != "elementwise_add") return false;
  const Operator &conv = site.op(), &add = site.At(next);
  if (conv.inputs.Has("Bias") || conv.inputs.Has("ResidualData")) return false;
  const std::string y = add.inputs.One("Y");
  const auto shape = site.ShapeOf(y), filter = site.ShapeOf(conv.inputs.One("Filter"));
  if (add.inputs.One("X") != conv.outputs.One("Output") || !site.IsParameter(y) || !shape || !filter || filter->rank() != 4 ||
      site.DTypeOf(y) != site.DTypeOf(conv.inputs.One("Filter"))) {
    return false;
  }
  const bool channels_last = conv.attrs.Get<std::string>("data_format", "NCHW") == "NHWC";
  if (!IsChannelBias(*shape, add.attrs.Get<int32_t>("axis", -1), (*filter)[0], channels_last)) return false;
  std::string bias = y;
  if (shape->rank() != 1) {
    if (!site.context.IsConstant(y)) return false;
    bias = site.AddConstant(y + "@flat", site.Constant(y).Reshaped({(*filter)[0]}));
  }
  Operator fused = Fused(conv, add.outputs.One("Out"));
  fused.inputs.Set("Bias", {bias});
  site.Replace({site.position}, next, std::move(fused));
  return true;
}

bool TryResidual(const RewriteSite& site) {
  int next;
  if (!IsFusible(site, &next) || site.At(next).type != "elementwise_add") return false;
  const Operator &conv = site.op(), &add = site.At(next);
  const std::string& own = conv.outputs.One("Output");
  const std::string& x = add.inputs.One("X");
  const std::string& other = x == own ? add.inputs.One("Y") : x;
  if (conv.inputs.Has("ResidualData") || other == own) return false;
  const auto mine = site.ShapeOf(own), theirs = site.ShapeOf(other);
  if (!mine || !theirs || *mine != *theirs || site.IsParameter(other) ||
      site.DTypeOf(own) != site.DTypeOf(other)) {
    return false;
  }
  // A -1 extent may be 1 on one side only; that of the batch comes from the same feed, others may not.
  for (int i = 1; i < mine->rank(); ++i) {
    if ((*mine)[i] < 0) return false;
  }
  Operator fused = Fused(conv, add.outputs.One("Out"));
  fused.inputs.Set("ResidualData", {other});
  fused.attrs.Set("fuse_residual_connection", true);
  site.Replace({site.position}, next, std::move(fused));
  return true;
}

bool SetActivation(const Operator& act, Operator* conv) {
  const auto set = [&](const std::string& name, float alpha = 0, float beta = 0) {
    conv->attrs.Set("fuse_activation", name);
    conv->attrs.Set("fuse_alpha", alpha);
    conv->attrs.Set("fuse_beta", beta);
    return true;
  };
  const std::string& type = act.type;
  const auto get = [&](const char* name, float fallback) { return act.attrs.Get<float>(name, fallback); };
  if (type == "relu" || type == "sigmoid" || type == "tanh") return set(type);
  if (type == "relu6") return set(type, get("threshold", 6.0f));
  if (type == "leaky_relu") return set(type, get("alpha", 0.02f));
  if (type == "swish") return set(type, get("beta", 1.0f));
  if (type == "silu") return set("swish", 1.0f);
  if (type == "gelu") return set(act.attrs.Get<bool>("approximate", false) ? "gelu_tanh" : "gelu");
  if (type == "mish" && get("threshold", 20.0f) >= 20.0f) return set(type);
  if (type == "elu") return set(type, get("alpha", 1.0f));
  if (type == "hard_sigmoid") return set(type, get("slope", 0.2f), get("offset", 0.5f));
  if (type == "hard_swish" && get("threshold", 6.0f) == 6.0f && get("scale", 6.0f) == 6.0f &&
      get("offset", 3.0f) == 3.0f) {
    return set(type);
  }
  return false;
}

bool TryConvActivation(const RewriteSite& site) {
  int next;
  if (!IsFusible(site, &next)) return false;
  const Operator& act = site.At(next);
  if (!act.outputs.Has("Out")) return false;
  Operator fused = Fused(site.op(), act.outputs.One("Out"));
  if (!SetActivation(act, &fused)) return false;
  site.Replace({site.position}, next, std::move(fused));
  return true;
}

}  // namespace

bool FoldBatchNorm(PassContext& context) {
  return context.constants != nullptr && RewriteEach(context, TryBatchNorm);
}
bool FuseConvBias(PassContext& context) { return RewriteEach(context, TryConvBias); }
bool FuseConvResidual(PassContext& context) { return RewriteEach(context, TryResidual); }
bool FuseConvActivation(PassContext& context) { return RewriteEach(context, TryConvActivation); }

}  // namespace skiff
