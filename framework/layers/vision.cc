#include "framework/layers/vision.h"

#include <cmath>

#include "framework/layers/layer_helper.h"

namespace skiff::layers {

namespace {

/// Channels of x, of a known number. @throws InvalidArgument naming the layer.
int64_t ChannelsOf(const Var& x, int rank, bool last, const std::string& layer) {
  SKIFF_ENFORCE(rank < 0 ? x.rank() >= 2 : x.rank() == rank, InvalidArgument, layer, ": \"", x.name(), "\" has shape ",
                x.shape(), "; expected ", rank < 0 ? std::string("at least 2") : std::to_string(rank), " axes");
  const int64_t channels = x.shape()[last ? x.rank() - 1 : 1];
  SKIFF_ENFORCE(channels > 0, InvalidArgument, layer, ": the channels of \"", x.name(), "\" ", x.shape(), " must be known");
  return channels;
}

std::vector<int32_t> Four(const std::vector<int32_t>& two) { return {two[0], two[1], two[0], two[1]}; }

}  // namespace

Var Conv3D(const Var& x, int filters, Triple kernel, const Conv3DOptions& options, Origin at) {
  const std::string layer = at.Of("layers::Conv3D");
  const LayerHelper helper("conv3d", options.name, layer);
  const bool last = options.data_format == "NDHWC";
  const int64_t channels = ChannelsOf(x, 5, last, layer);
  SKIFF_ENFORCE(options.groups > 0 && channels % options.groups == 0 && filters > 0 && filters % options.groups == 0,
                InvalidArgument, layer, ": ", channels, " channels and ", filters, " filters cannot be shared out among ",
                options.groups, " groups");
  const std::vector<int32_t>& k = kernel.values;
  const double std = std::sqrt(2.0 / (static_cast<double>(k[0]) * k[1] * k[2] * static_cast<double>(channels)));
  const Var filter = helper.CreateParameter(options.weight_attr, {filters, channels / options.groups, k[0], k[1], k[2]}, x.dtype(),
                                            false, initializer::Normal(0.0, std));
  const Var out = helper.AppendOp(
      "conv3d", {{"Input", {x.name()}}, {"Filter", {filter.name()}}},
      {{"strides", options.stride.values}, {"paddings", options.padding.values}, {"dilations", options.dilation.values},
       {"groups", options.groups}, {"use_cudnn", true}, {"use_mkldnn", false}, {"padding_algorithm", std::string("EXPLICIT")},
       {"data_format", options.data_format}},
      helper.CreateTemporary(x.dtype()), "Output");
  const int axis = last ? 4 : 1;
  return helper.Activate(helper.AddBias(out, options.bias_attr, axis, axis + 1), options.activation);
}

Var Pool3D(const Var& x, Triple kernel, const Pool3DOptions& options, Origin at) {
  const LayerHelper helper("pool3d", "", at.Of("layers::Pool3D"));
  return helper.AppendOp("pool3d", {{"X", {x.name()}}},
                         {{"pooling_type", options.type}, {"ksize", kernel.values}, {"strides", options.stride.value_or(kernel).values},
                          {"paddings", options.padding.values}, {"global_pooling", false}, {"adaptive", false},
                          {"padding_algorithm", std::string("EXPLICIT")}, {"use_cudnn", true}, {"ceil_mode", options.ceil_mode},
                          {"use_mkldnn", false}, {"exclusive", options.exclusive}, {"data_format", options.data_format}},
                         helper.CreateTemporary(x.dtype()));
}

Var GroupNorm(const Var& x, int groups, const GroupNormOptions& options, Origin at) {
  const std::string layer = at.Of("layers::GroupNorm");
  const LayerHelper helper("group_norm", options.name, layer);
  const Shape channels = {ChannelsOf(x, -1, options.data_layout == "NHWC", layer)};
  Slots inputs{{"X", {x.name()}}};
  if (options.scale_attr) {
    inputs.Set("Scale", {helper.CreateParameter(*options.scale_attr, channels, x.dtype(), false, initializer::Constant(1.0)).name()});
  }
  if (options.bias_attr) inputs.Set("Bias", {helper.CreateParameter(*options.bias_attr, channels, x.dtype(), true).name()});
  const Var mean = helper.CreateTemporary(x.dtype(), true), variance = helper.CreateTemporary(x.dtype(), true);
  const Var y = helper.CreateTemporary(x.dtype());
  helper.AppendOp({"group_norm", inputs, {{"Y", {y.name()}}, {"Mean", {mean.name()}}, {"Variance", {variance.name()}}},
                   {{"epsilon", options.epsilon}, {"groups", groups}, {"data_layout", options.data_layout}}});
  return helper.Activate(y, options.activation);
}

Var InstanceNorm(const Var& x, const InstanceNormOptions& options, Origin at) {
  const std::string layer = at.Of("layers::InstanceNorm");
  const LayerHelper helper("instance_norm", options.name, layer);
  const Shape channels = {ChannelsOf(x, -1, false, layer)};
  Slots inputs{{"X", {x.name()}}};
  if (options.scale_attr) {
    inputs.Set("Scale", {helper.CreateParameter(*options.scale_attr, channels, x.dtype(), false, initializer::Constant(1.0)).name()});
    inputs.Set("Bias", {helper.CreateParameter(options.bias_attr, channels, x.dtype(), true, initializer::Constant(0.0)).name()});
  }
  const Var mean = helper.CreateTemporary(x.dtype(), true), variance = helper.CreateTemporary(x.dtype(), true);
  const Var y = helper.CreateTemporary(x.dtype());
  helper.AppendOp({"instance_norm", inputs,
                   {{"Y", {y.name()}}, {"SavedMean", {mean.name()}}, {"SavedVariance", {variance.name()}}},
                   {{"epsilon", options.epsilon}}});
  return y;
}

Var PRelu(const Var& x, const std::string& mode, const ParamAttr& attr, const std::string& data_format, Origin at) {
  const std::string layer = at.Of("layers::PRelu");
  const LayerHelper helper("prelu", "", layer);
  SKIFF_ENFORCE(mode == "all" || mode == "channel" || mode == "element", InvalidArgument, layer, ": mode is \"", mode,
                "\"; expected \"all\", \"channel\" or \"element\"");
  Shape shape = {1};
  if (mode == "channel") {
    const bool last = data_format.back() == 'C';
    const int64_t channels = ChannelsOf(x, -1, last, layer);
    shape = last ? Shape{1, 1, 1, channels} : Shape{1, channels, 1, 1};
  } else if (mode == "element") {
    for (int d = 1; d < x.rank(); ++d) shape.Append(x.shape()[d]);
  }
  const Var alpha = helper.CreateParameter(attr, shape, x.dtype(), false, initializer::Constant(0.25));
  return helper.AppendOp("prelu", {{"X", {x.name()}}, {"Alpha", {alpha.name()}}}, {{"mode", mode}, {"data_format", data_format}},
                         helper.CreateTemporary(x.dtype()));
}

Var Interpolate(const Var& x, const InterpolateOptions& options, Origin at) {
  const std::string layer = at.Of("layers::Interpolate");
  const size_t space = static_cast<size_t>(std::max(0, x.rank() - 2));
  SKIFF_ENFORCE(options.size.empty() != options.scale.empty(), InvalidArgument, layer, " needs either size or scale");
  SKIFF_ENFORCE(space >= 1 && space <= 3 && (options.size.empty() || options.size.size() == space) &&
                    (options.scale.empty() || options.scale.size() == space),
                InvalidArgument, layer, ": \"", x.name(), "\" ", x.shape(), " has ", space, " axes of space, ",
                options.size.size() + options.scale.size(), " numbers are given");
  const LayerHelper helper(options.mode + "_interp_v2", "", layer);
  Attrs attrs{{"out_d", -1}, {"out_h", -1}, {"out_w", -1}, {"interp_method", options.mode},
              {"align_corners", options.align_corners}, {"align_mode", options.align_mode},
              {"data_layout", std::string(options.channels_last ? "NHWC" : "NCHW")}};
  const char* names[] = {"out_d", "out_h", "out_w"};
  for (size_t d = 0; d < options.size.size(); ++d) attrs.Set(names[3 - space + d], options.size[d]);
  if (!options.scale.empty()) attrs.Set("scale", options.scale);
  return helper.AppendOp(options.mode + "_interp_v2", {{"X", {x.name()}}}, attrs, helper.CreateTemporary(x.dtype()));
}

Var Pad3D(const Var& x, const std::vector<int32_t>& paddings, const PadOptions& options, Origin at) {
  const LayerHelper helper("pad3d", "", at.Of("layers::Pad3D"));
  return helper.AppendOp("pad3d", {{"X", {x.name()}}},
                         {{"mode", options.mode}, {"value", options.value}, {"data_format", options.data_format}, {"paddings", paddings}},
                         helper.CreateTemporary(x.dtype()));
}

Var Pad(const Var& x, const std::vector<int32_t>& paddings, float value, Origin at) {
  const LayerHelper helper("pad", "", at.Of("layers::Pad"));
  return helper.AppendOp("pad", {{"X", {x.name()}}}, {{"paddings", paddings}, {"pad_value", value}},
                         helper.CreateTemporary(x.dtype()));
}

Var PixelShuffle(const Var& x, int factor, const std::string& data_format, Origin at) {
  const LayerHelper helper("pixel_shuffle", "", at.Of("layers::PixelShuffle"));
  return helper.AppendOp("pixel_shuffle", {{"X", {x.name()}}}, {{"upscale_factor", factor}, {"data_format", data_format}},
                         helper.CreateTemporary(x.dtype()));
}

Var PixelUnshuffle(const Var& x, int factor, const std::string& data_format, Origin at) {
  const LayerHelper helper("pixel_unshuffle", "", at.Of("layers::PixelUnshuffle"));
  return helper.AppendOp("pixel_unshuffle", {{"X", {x.name()}}}, {{"downscale_factor", factor}, {"data_format", data_format}},
                         helper.CreateTemporary(x.dtype()));
}

Var AffineGrid(const Var& theta, const std::vector<int32_t>& image_shape, bool align_corners, Origin at) {
  const LayerHelper helper("affine_grid", "", at.Of("layers::AffineGrid"));
  return helper.AppendOp("affine_grid", {{"Theta", {theta.name()}}},
                         {{"align_corners", align_corners}, {"output_shape", image_shape}, {"use_cudnn", true}},
                         helper.CreateTemporary(theta.dtype()), "Output");
}

Var GridSample(const Var& x, const Var& grid, const GridSampleOptions& options, Origin at) {
  const LayerHelper helper("grid_sample", "", at.Of("layers::GridSample"));
  return helper.AppendOp("grid_sampler", {{"X", {x.name()}}, {"Grid", {grid.name()}}},
                         {{"align_corners", options.align_corners}, {"padding_mode", options.padding_mode}, {"mode", options.mode},
                          {"use_cudnn", true}},
                         helper.CreateTemporary(x.dtype()), "Output");
}

Var Unfold(const Var& x, Pair kernel, const UnfoldOptions& options, Origin at) {
  const LayerHelper helper("unfold", "", at.Of("layers::Unfold"));
  return helper.AppendOp("unfold", {{"X", {x.name()}}},
                         {{"kernel_sizes", kernel.values}, {"strides", options.stride.values},
                          {"paddings", Four(options.padding.values)}, {"dilations", options.dilation.values}},
                         helper.CreateTemporary(x.dtype()), "Y");
}

}  // namespace skiff::layers
