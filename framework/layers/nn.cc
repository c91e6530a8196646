// Layers that hold parameters, and pooling and dropout.
#include <cmath>

#include "framework/layers/layer_helper.h"
#include "framework/layers/layers.h"

namespace skiff::layers {

namespace {

int ChannelAxis(const Var& x, const std::string& format, const char* layer) {
  SKIFF_ENFORCE(format == "NCHW" || format == "NHWC", InvalidArgument, layer, ": data format \"", format,
                "\"; expected \"NCHW\" or \"NHWC\"");
  return format == "NCHW" ? 1 : x.rank() - 1;
}

int64_t ImageChannels(const Var& x, const std::string& format, int groups, const char* layer) {
  SKIFF_ENFORCE(x.rank() == 4, InvalidArgument, layer, " takes a batch of images, \"", x.name(),
                "\" has shape ", x.shape(), "; expected 4 axes, ", format);
  const int64_t channels = x.shape()[ChannelAxis(x, format, layer)];
  SKIFF_ENFORCE(groups > 0 && channels > 0 && channels % groups == 0, InvalidArgument, layer, ": \"",
                x.name(), "\" ", x.shape(), " has ", channels, " channels, which ", groups,
                " groups do not divide");
  return channels;
}

// What a convolution and its transpose have in common.
template <typename Options>
Attrs ConvAttrs(const Options& options) {
  return {{"strides", options.stride.values}, {"paddings", options.padding.values},
          {"dilations", options.dilation.values}, {"groups", options.groups},
          {"use_cudnn", true}, {"use_mkldnn", false},
          {"padding_algorithm", options.padding.algorithm}, {"data_format", options.data_format}};
}

}  // namespace

Var FC(const Var& x, int64_t size, const FCOptions& options, Origin at) {
  return FC(std::vector<Var>{x}, size, options, at);
}

Var FC(const std::vector<Var>& inputs, int64_t size, const FCOptions& options, Origin at) {
  SKIFF_ENFORCE(!inputs.empty(), InvalidArgument, "layers::FC needs at least one input");
  const LayerHelper helper("fc", options.name, at.Of("layers::FC"));
  const DType dtype = inputs.front().dtype();
  int kept = options.num_flatten_dims;
  std::vector<std::string> products;
  Var sum;
  for (const Var& x : inputs) {
    kept = options.num_flatten_dims == -1 ? x.rank() - 1 : options.num_flatten_dims;
    SKIFF_ENFORCE(kept > 0 && kept < x.rank(), InvalidArgument, "layers::FC: num_flatten_dims is ",
                  options.num_flatten_dims, ", \"", x.name(), "\" has shape ", x.shape(),
                  "; expected 1 to ", x.rank() - 1, ", or -1");
    int64_t width = 1;
    for (int i = kept; i < x.rank(); ++i) {
      SKIFF_ENFORCE(x.shape()[i] > 0, InvalidArgument, "layers::FC: axis ", i, " of \"", x.name(), "\" ",
                    x.shape(), " must be known to size the weight");
      width *= x.shape()[i];
    }
    const Var weight = helper.CreateParameter(options.weight_attr, {width, size}, dtype);
    sum = helper.AppendOp("mul", {{"X", {x.name()}}, {"Y", {weight.name()}}},
                          {{"x_num_col_dims", kept}, {"y_num_col_dims", 1}},
                          helper.CreateTemporary(dtype));
    products.push_back(sum.name());
  }
  if (products.size() > 1) {
    sum = helper.AppendOp("sum", {{"X", products}}, {{"use_mkldnn", false}},
                          helper.CreateTemporary(dtype));
  }
  return helper.Activate(helper.AddBias(sum, options.bias_attr, kept, sum.rank()), options.activation);
}

Var Conv2D(const Var& x, int filters, Pair kernel, const Conv2DOptions& options, Origin at) {
  const LayerHelper helper("conv2d", options.name, at.Of("layers::Conv2D"));
  const int64_t channels = ImageChannels(x, options.data_format, options.groups, "layers::Conv2D");
  SKIFF_ENFORCE(filters > 0 && filters % options.groups == 0, InvalidArgument, "layers::Conv2D: ",
                filters, " filters cannot be shared out among ", options.groups, " groups");
  const int height = kernel.values[0], width = kernel.values[1];
  // Paddle's default here is He's normal over all channels, whatever the groups.
  const double std = std::sqrt(2.0 / static_cast<double>(height * width * channels));
  const Var filter =
      helper.CreateParameter(options.weight_attr, {filters, channels / options.groups, height, width},
                             x.dtype(), false, initializer::Normal(0.0, std));
  const Var out = helper.AppendOp("conv2d", {{"Input", {x.name()}}, {"Filter", {filter.name()}}},
                                  ConvAttrs(options), helper.CreateTemporary(x.dtype()), "Output");
  const int axis = ChannelAxis(x, options.data_format, "layers::Conv2D");
  return helper.Activate(helper.AddBias(out, options.bias_attr, axis, axis + 1), options.activation);
}

Var Conv2DTranspose(const Var& x, int filters, const Conv2DTransposeOptions& options, Origin at) {
  const LayerHelper helper("conv2d_transpose", options.name, at.Of("layers::Conv2DTranspose"));
  const int64_t channels =
      ImageChannels(x, options.data_format, options.groups, "layers::Conv2DTranspose");
  const int axis = ChannelAxis(x, options.data_format, "layers::Conv2DTranspose");
  SKIFF_ENFORCE(options.kernel || options.output_size, InvalidArgument,
                "layers::Conv2DTranspose needs a kernel or an output_size");
  std::vector<int32_t> kernel = options.kernel ? options.kernel->values : std::vector<int32_t>(2);
  const std::vector<int32_t>& pad = options.padding.values;
  for (int i = 0; i < 2 && !options.kernel; ++i) {
    const int64_t in = x.shape()[axis == 1 ? 2 + i : 1 + i];
    SKIFF_ENFORCE(in > 0, InvalidArgument, "layers::Conv2DTranspose: \"", x.name(), "\" ", x.shape(),
                  " must have a known height and width to find the kernel from output_size");
    const int padded = pad.size() == 4 ? pad[2 * i] + pad[2 * i + 1] : 2 * pad[i];
    const int64_t reach = options.output_size->values[i] - (in - 1) * options.stride.values[i] + padded;
    kernel[i] = static_cast<int32_t>((reach - 1) / options.dilation.values[i] + 1);
  }
  const Var filter = helper.CreateParameter(options.weight_attr,
      {channels, filters / options.groups, kernel[0], kernel[1]}, x.dtype());
  Attrs attrs = ConvAttrs(options);
  attrs.Set("output_padding", std::vector<int32_t>{});
  attrs.Set("output_size", options.output_size ? options.output_size->values : std::vector<int32_t>{});
  const Var out = helper.AppendOp("conv2d_transpose", {{"Input", {x.name()}}, {"Filter", {filter.name()}}},
                                  attrs, helper.CreateTemporary(x.dtype()), "Output");
  return helper.Activate(helper.AddBias(out, options.bias_attr, axis, axis + 1), options.activation);
}

Var BatchNorm(const Var& x, const BatchNormOptions& options, Origin at) {
  const LayerHelper helper("batch_norm", options.name, at.Of("layers::BatchNorm"));
  SKIFF_ENFORCE(x.rank() >= 2, InvalidArgument, "layers::BatchNorm: \"", x.name(), "\" has shape ",
                x.shape(), "; expected at least [batch, channels]");
  const Shape channels = {x.shape()[ChannelAxis(x, options.data_layout, "layers::BatchNorm")]};
  const bool half = x.dtype() == DType::kFloat16 || x.dtype() == DType::kBFloat16;
  const DType dtype = half ? DType::kFloat32 : x.dtype();
  const Var scale = helper.CreateParameter(options.scale_attr, channels, dtype, false,
                                           initializer::Constant(1.0));
  const Var bias = helper.CreateParameter(options.bias_attr, channels, dtype, true);
  const Var mean = helper.CreateParameter(
      {.name = options.moving_mean_name, .initializer = initializer::Constant(0.0), .trainable = false},
      channels, dtype);
  const Var variance = helper.CreateParameter({.name = options.moving_variance_name,
      .initializer = initializer::Constant(1.0), .trainable = false}, channels, dtype);
  const Var saved_mean = helper.CreateTemporary(dtype, true);
  const Var saved_variance = helper.CreateTemporary(dtype, true);
  Slots outputs{{"MeanOut", {mean.name()}}, {"VarianceOut", {variance.name()}},
                {"SavedMean", {saved_mean.name()}}, {"SavedVariance", {saved_variance.name()}}};
  if (!options.is_test) {
    outputs.Set("ReserveSpace", {helper.CreateTemporary(x.dtype(), true).name()});
  }
  const Var y = helper.CreateTemporary(x.dtype());
  outputs.Set("Y", {y.name()});
  helper.AppendOp({"batch_norm",
                   {{"X", {x.name()}}, {"Scale", {scale.name()}}, {"Bias", {bias.name()}},
                    {"Mean", {mean.name()}}, {"Variance", {variance.name()}}},
                   std::move(outputs),
                   {{"momentum", options.momentum}, {"epsilon", options.epsilon},
                    {"is_test", options.is_test}, {"data_layout", options.data_layout},
                    {"use_mkldnn", false}, {"fuse_with_relu", false},
                    {"use_global_stats", options.use_global_stats}}});
  return helper.Activate(y, options.activation);
}

Var LayerNorm(const Var& x, const LayerNormOptions& options, Origin at) {
  const LayerHelper helper("layer_norm", options.name, at.Of("layers::LayerNorm"));
  SKIFF_ENFORCE(options.begin_norm_axis > 0 && options.begin_norm_axis < x.rank(), InvalidArgument,
                "layers::LayerNorm: begin_norm_axis is ", options.begin_norm_axis, ", \"", x.name(),
                "\" has shape ", x.shape(), "; expected 1 to ", x.rank() - 1);
  const Shape width = {x.shape().Product(options.begin_norm_axis, x.rank())};
  Slots inputs{{"X", {x.name()}}};
  if (options.scale) {
    inputs.Set("Scale", {helper.CreateParameter(options.scale_attr, width, x.dtype(), false,
                                                initializer::Constant(1.0)).name()});
  }
  if (options.shift) {
    inputs.Set("Bias", {helper.CreateParameter(options.bias_attr, width, x.dtype(), true).name()});
  }
  const Var mean = helper.CreateTemporary(x.dtype(), true);
  const Var variance = helper.CreateTemporary(x.dtype(), true);
  const Var y = helper.CreateTemporary(x.dtype());
  helper.AppendOp({"layer_norm", std::move(inputs),
                   {{"Y", {y.name()}}, {"Mean", {mean.name()}}, {"Variance", {variance.name()}}},
                   {{"epsilon", options.epsilon}, {"begin_norm_axis", options.begin_norm_axis}}});
  return helper.Activate(y, options.activation);
}

Var Embedding(const Var& ids, int64_t rows, int64_t width, const EmbeddingOptions& options, Origin at) {
  const LayerHelper helper("embedding", "", at.Of("layers::Embedding"));
  const int64_t given = options.padding_idx.value_or(-1);
  SKIFF_ENFORCE(given < rows && given >= -rows, OutOfRange, "layers::Embedding: padding_idx ", given,
                " is not a row of a table of ", rows, " rows");
  const int64_t padding = options.padding_idx && given < 0 ? rows + given : given;
  const Var table = helper.CreateParameter(options.weight_attr, {rows, width}, options.dtype);
  return helper.AppendOp("lookup_table_v2", {{"Ids", {ids.name()}}, {"W", {table.name()}}},
                         {{"is_sparse", options.is_sparse}, {"is_distributed", false},
                          {"remote_prefetch", options.is_sparse}, {"padding_idx", padding}},
                         helper.CreateTemporary(options.dtype));
}

namespace {

Var Pool(const Var& x, const Pair& kernel, const Pool2DOptions& options, bool adaptive,
         const std::string& origin) {
  SKIFF_ENFORCE(options.type == "max" || options.type == "avg", InvalidArgument, "pooling type \"",
                options.type, "\"; expected \"max\" or \"avg\"");
  const LayerHelper helper("pool2d", "", origin);
  const Pair stride = adaptive ? Pair(1) : options.stride.value_or(kernel);
  return helper.AppendOp("pool2d", {{"X", {x.name()}}},
      {{"pooling_type", options.type}, {"ksize", kernel.values}, {"adaptive", adaptive},
       {"global_pooling", options.global_pooling}, {"strides", stride.values},
       {"paddings", options.padding.values}, {"padding_algorithm", options.padding.algorithm},
       {"use_cudnn", !adaptive}, {"ceil_mode", options.ceil_mode}, {"use_mkldnn", false},
       {"exclusive", options.exclusive}, {"data_format", options.data_format}},
      helper.CreateTemporary(x.dtype()));
}

}  // namespace

Var Pool2D(const Var& x, Pair kernel, const Pool2DOptions& options, Origin at) {
  return Pool(x, kernel, options, false, at.Of("layers::Pool2D"));
}

Var AdaptiveAvgPool2D(const Var& x, Pair output_size, const std::string& data_format, Origin at) {
  return Pool(x, output_size, {.type = "avg", .data_format = data_format}, true,
              at.Of("layers::AdaptiveAvgPool2D"));
}

Var Dropout(const Var& x, float probability, const DropoutOptions& options, Origin at) {
  SKIFF_ENFORCE(probability >= 0.0f && probability <= 1.0f, InvalidArgument,
                "layers::Dropout: probability ", probability, "; expected 0 to 1");
  if (probability == 0.0f) return x;
  const LayerHelper helper("dropout", "", at.Of("layers::Dropout"));
  const Var out = helper.CreateTemporary(x.dtype());
  const Var mask = helper.CreateTemporary(DType::kUInt8, true);
  const int seed = options.seed != 0 ? options.seed : DefaultMainProgram().random_seed;
  helper.AppendOp({"dropout", {{"X", {x.name()}}}, {{"Out", {out.name()}}, {"Mask", {mask.name()}}},
                   {{"dropout_prob", probability}, {"is_test", options.is_test},
                    {"fix_seed", seed != 0}, {"seed", seed},
                    {"dropout_implementation",
                     std::string(options.upscale_in_train ? "upscale_in_train" : "downgrade_in_infer")}}});
  return out;
}

}  // namespace skiff::layers
