// Convolution over planes and volumes and its transpose: schemas, shapes, and the choice of CPU kernel. oneDNN
// computes float32 and, where the CPU can, bfloat16; Eigen computes float64. conv.cu has the CUDA side.
#include "framework/op/op_schema.h"
#include "operators/conv_loops.h"
#include "operators/conv_steps.h"
#include "operators/dnnl/convolution.h"
#include "operators/dnnl/dnnl.h"
#include "operators/dnnl/via_float.h"
#include "operators/kernel_parts.h"

namespace skiff {

namespace {

// --- shapes ------------------------------------------------------------------------------------

int64_t ConvExtent(int64_t in, const Window& w, int axis) {
  if (in < 0) return -1;
  const int64_t padded = in + w.before[axis] + w.after[axis];
  SKIFF_ENFORCE(padded >= w.extent(axis), InvalidArgument, "the ", AxisName(axis), " ", in, " with padding ",
                w.before[axis], " and ", w.after[axis], " is less than the filter's extent ", w.extent(axis));
  return (padded - w.extent(axis)) / w.stride[axis] + 1;
}

void InferConv(InferContext& c) {
  const TensorMeta& input = c.Input("Input");
  ConvGeometry g = ReadConvGeometry(c.attrs(), ConvRank(c.type()), input.shape, c.InputShape("Filter"), false);
  for (int i = g.window.first(); i < 3; ++i) g.feature[i] = ConvExtent(g.image[i], g.window, i);
  c.SetOutput("Output", TensorMeta{g.FeatureShape(), input.dtype, input.lod_level});
}

// The transposed extent: the smallest image whose convolution has this feature, plus what the
// attributes or output_size add at the end.
void InferConvTranspose(InferContext& c) {
  const TensorMeta& input = c.Input("Input");
  ConvGeometry g = ReadConvGeometry(c.attrs(), ConvRank(c.type()), input.shape, c.InputShape("Filter"), true);
  const bool unknown_size = !c.AttrVariables("output_size").empty();
  const auto size = unknown_size ? std::vector<int32_t>{} : c.Attr<std::vector<int32_t>>("output_size");
  const auto padding = c.Attr<std::vector<int32_t>>("output_padding");
  const Window& w = g.window;
  const auto check_count = [&](const char* name, size_t count) {
    SKIFF_ENFORCE(count == 0 || static_cast<int>(count) == w.rank, InvalidArgument, name, " has ", count,
                  " numbers; expected ", w.rank, w.rank == 3 ? " (depth, height, width)" : " (height, width)",
                  " or none");
  };
  check_count("output_size", size.size());
  check_count("output_padding", padding.size());
  for (int i = w.first(); i < 3; ++i) {
    g.image[i] = -1;
    if (g.feature[i] < 0 || unknown_size) continue;
    const int given = i - w.first();
    const int64_t least =
        (g.feature[i] - 1) * w.stride[i] - w.before[i] - w.after[i] + w.extent(i);
    g.image[i] = least;
    if (!size.empty()) {
      g.image[i] = size[given];
      SKIFF_ENFORCE(size[given] >= least && size[given] < least + w.stride[i], InvalidArgument,
                    "output_size[", given, "] is ", size[given], "; with stride ", w.stride[i],
                    " it can be ", least, " to ", least + w.stride[i] - 1);
    } else if (!padding.empty()) {
      SKIFF_ENFORCE(padding[given] >= 0 && padding[given] < std::max(w.stride[i], w.dilation[i]),
                    InvalidArgument, "output_padding[", given, "] is ", padding[given],
                    "; it must be less than the stride ", w.stride[i], " or the dilation ",
                    w.dilation[i]);
      g.image[i] = least + padding[given];
    }
    SKIFF_ENFORCE(g.image[i] > 0, InvalidArgument, "the output's ", AxisName(i), " would be ", g.image[i],
                  "; use less padding");
  }
  c.SetOutput("Output", TensorMeta{g.ImageShape(), input.dtype, input.lod_level});
}

void InferFusedConv(InferContext& c) {
  InferConv(c);
  ParseActivation(c.Attr<std::string>("fuse_activation"));
  const Shape& filter = c.InputShape("Filter");
  if (c.HasInput("Bias")) {
    const Shape& bias = c.InputShape("Bias");
    SKIFF_ENFORCE(bias.rank() == 1 && (bias[0] < 0 || filter[0] < 0 || bias[0] == filter[0]),
                  InvalidArgument, "Bias has shape ", bias, "; expected [", filter[0],
                  "], one number for each output channel");
  }
}

// --- kernels -----------------------------------------------------------------------------------

// A convolution without elements still owes zero gradients.
class ZeroOutputs final : public Kernel {
 public:
  explicit ZeroOutputs(const PrepareContext& c) {
    for (const TensorInfo& info : c.outputs) {
      bytes_.push_back(info.dtype == DType::kUndefined ? 0
                                                       : info.shape.NumElements() * SizeOf(info.dtype));
    }
  }
  void Run(const KernelArgs& args) const override {
    for (size_t i = 0; i < bytes_.size(); ++i) {
      if (args.out[i] != nullptr) std::memset(args.out[i], 0, bytes_[i]);
    }
  }

 private:
  std::vector<size_t> bytes_;
};

std::unique_ptr<Kernel> PrepareSteps(PrepareContext& c, bool by_library) {
  const ConvGeometry g = PreparedConvGeometry(c);
  // Not aware of layouts except where a step says so.
  for (LayoutPtr& wanted : c.wanted_layouts) wanted = nullptr;
  if (g.Empty()) return std::make_unique<ZeroOutputs>(c);
  auto sequence = std::make_unique<SequenceKernel>();
  if (IsSecondConvGrad(c)) sequence->Add(std::make_unique<ZeroOutputs>(c));  // where no term arrives
  for (const ConvStep& step : ConvSteps(c)) {
    sequence->Add(by_library ? PrepareDnnlConv(c, g, step)
                             : std::make_unique<LoopConvKernel<double>>(c, g, step));
  }
  return sequence;
}

std::unique_ptr<Kernel> PrepareFloat(PrepareContext& c) { return PrepareSteps(c, true); }
std::unique_ptr<Kernel> PrepareDouble(PrepareContext& c) { return PrepareSteps(c, false); }
std::unique_ptr<Kernel> PrepareHalf(PrepareContext& c) { return PrepareViaFloat(c, PrepareFloat); }
std::unique_ptr<Kernel> PrepareBFloat16(PrepareContext& c) {
  const bool native = DnnlHasNativeBFloat16() && !c.HasInput("Output@GRAD") && !IsSecondConvGrad(c);
  return native ? PrepareFloat(c) : PrepareHalf(c);
}

// --- schemas -----------------------------------------------------------------------------------

OpSchema& ConvAttrs(OpSchema& schema, int rank) {
  const std::vector<int32_t> ones(rank, 1), zeros(rank, 0);
  return schema.Attr("strides", ones, "step of the window: (depth,) height, width")
      .Attr("paddings", zeros,
            "zeros around the input: ((depth,) height, width) or ((front, back,) top, bottom, left, right)")
      .Attr("padding_algorithm", "EXPLICIT", "EXPLICIT (paddings), SAME (out = ceil(in / stride)) or VALID (none)")
      .Attr("dilations", ones, "distance of the filter's taps: (depth,) height, width")
      .Attr("groups", 1, "the channels fall into this many independent groups")
      .Attr("data_format", rank == 3 ? "NCDHW" : "NCHW",
            "NCHW or NHWC, of volumes NCDHW or NDHWC, or AnyLayout (channels first); of Input and Output");
}

OpSchema& CpuKernels(OpSchema& schema) {
  return schema.CpuKernel<float>(PrepareFloat)
      .CpuKernel<double>(PrepareDouble)
      .CpuKernel<BFloat16>(PrepareBFloat16)
      .CpuKernel<Float16>(PrepareHalf);
}

OpSchema ConvSchema(const char* type, const char* doc) {
  OpSchema schema(type);
  schema.Doc(doc)
      .Source("PaddlePaddle's operator of this name")
      .Input("Input", "[batch, channels, (depth,) height, width], or channels last as data_format says")
      .Input("Filter", "[output channels, channels / groups, (depth,) height, width]")
      .Output("Output", "as Input, with the output's channels and extents")
      .SameDType({"Input", "Filter"})
      .InferShape(InferConv)
      .Gradient(StandardGrad({"Input", "Filter"}, {}, {"Output"}, {"Input", "Filter"}))
      .LayoutAware();
  return CpuKernels(ConvAttrs(schema, ConvRank(type)));
}

OpSchema ConvTransposeSchema(const char* type, const char* doc) {
  OpSchema schema(type);
  schema.Doc(doc)
      .Source("PaddlePaddle's operator of this name")
      .Input("Input", "[batch, channels, (depth,) height, width], or channels last as data_format says")
      .Input("Filter", "[channels, output channels / groups, (depth,) height, width]")
      .OptionalInput("OutputSizeTensor", "integers: output_size as a variable")
      .Output("Output", "as Input, with the output's channels and extents")
      .Attr("output_padding", std::vector<int32_t>{}, "rows and columns added at the end")
      .Attr("output_size", std::vector<int32_t>{}, "extents of the output; empty: the smallest")
      .AttrFrom("output_size", "OutputSizeTensor")
      .SameDType({"Input", "Filter"})
      .InferShape(InferConvTranspose)
      .Gradient(StandardGrad({"Input", "Filter", "OutputSizeTensor"}, {}, {"Output"}, {"Input", "Filter"}))
      .LayoutAware();
  return CpuKernels(ConvAttrs(schema, ConvRank(type)));
}

/// conv2d_grad's own gradient, with the slots of Paddle's.
std::vector<Operator> MakeConvSecondGrad(const GradContext& g) {
  Operator op{g.fwd.type + "_grad",
              {{"Filter", g.In("Filter")}, {"Input", g.In("Input")}, {"grad_out", g.In("Output@GRAD")}},
              {{"Filter@GRAD", g.InGrad("Filter")},
               {"Input@GRAD", g.InGrad("Input")},
               {"grad_out@GRAD", g.InGrad("Output@GRAD")}},
              g.fwd.attrs};
  if (g.HasOut("Filter@GRAD")) op.inputs.Set("grad_filter@GRAD", g.OutGrad("Filter@GRAD"));
  if (g.HasOut("Input@GRAD")) op.inputs.Set("grad_input@GRAD", g.OutGrad("Input@GRAD"));
  return {op};
}

/// The product rule's terms, each by the operators there are; backward adds up what two of them give.
std::vector<Operator> MakeTransposedConvSecondGrad(const GradContext& g) {
  const std::string& type = g.fwd.type;
  const std::string forward = type.substr(0, type.size() - std::string("_grad").size());
  const auto &input = g.In("Input"), &filter = g.In("Filter"), &dout = g.In("Output@GRAD");
  const auto ddout = g.InGrad("Output@GRAD"), dinput = g.InGrad("Input"), dfilter = g.InGrad("Filter");
  std::vector<Operator> ops;
  const auto add = [&](const std::string& op, Slots inputs, Slots outputs) {
    if (g.HasIn("OutputSizeTensor")) inputs.Set("OutputSizeTensor", g.In("OutputSizeTensor"));
    ops.push_back({op, std::move(inputs), std::move(outputs), g.fwd.attrs});
  };
  if (g.HasOut("Input@GRAD")) {
    const auto ddinput = g.OutGrad("Input@GRAD");
    if (!ddout.empty()) add(forward, {{"Input", ddinput}, {"Filter", filter}}, {{"Output", ddout}});
    if (!dfilter.empty()) {
      add(type, {{"Input", ddinput}, {"Filter", filter}, {"Output@GRAD", dout}}, {{"Filter@GRAD", dfilter}});
    }
  }
  if (g.HasOut("Filter@GRAD")) {
    const auto ddfilter = g.OutGrad("Filter@GRAD");
    if (!ddout.empty()) add(forward, {{"Input", input}, {"Filter", ddfilter}}, {{"Output", ddout}});
    if (!dinput.empty()) {
      add(type, {{"Input", input}, {"Filter", ddfilter}, {"Output@GRAD", dout}}, {{"Input@GRAD", dinput}});
    }
  }
  return ops;
}

OpSchema ConvGradSchema(const char* type, const char* doc) {
  OpSchema schema(type);
  schema.Doc(doc)
      .Input("Input", "as in the forward operator")
      .Input("Filter", "as in the forward operator")
      .Input("Output@GRAD", "as Output of the forward operator")
      .OptionalOutput("Input@GRAD", "shape and dtype of Input")
      .OptionalOutput("Filter@GRAD", "shape and dtype of Filter")
      .InferShape(GradsLikeInputs())
      .KeyedBy("Input");
  if (IsTransposedConv(type)) {
    schema.OptionalInput("OutputSizeTensor", "as in the forward operator, for the gradient of this one")
        .Attr("output_padding", std::vector<int32_t>{}, "as in the forward operator")
        .Attr("output_size", std::vector<int32_t>{}, "as in the forward operator")
        .Gradient(MakeTransposedConvSecondGrad);
  } else {
    schema.Gradient(MakeConvSecondGrad);
  }
  return CpuKernels(ConvAttrs(schema, ConvRank(type)));
}

void InferConvSecondGrad(InferContext& c) {
  ConvGeometry g = ReadConvGeometry(c.attrs(), ConvRank(c.type()), c.InputShape("Input"), c.InputShape("Filter"), false);
  for (int i = g.window.first(); i < 3; ++i) g.feature[i] = ConvExtent(g.image[i], g.window, i);
  const Shape out = g.FeatureShape(), &given = c.InputShape("grad_out");
  SKIFF_ENFORCE(!out.IsKnown() || !given.IsKnown() || given == out, InvalidArgument, "grad_out is ", given, "; Output is ", out);
  for (const auto& [out, in] :
       {std::pair{"Filter@GRAD", "Filter"}, {"Input@GRAD", "Input"}, {"grad_out@GRAD", "grad_out"}}) {
    if (!c.HasOutput(out)) continue;
    const TensorMeta like = c.Input(in);
    c.SetOutput(out, TensorMeta{like.shape, like.dtype, like.lod_level});
  }
}

OpSchema SecondConvGradSchema(const char* type, const char* doc) {
  OpSchema schema(type);
  schema.Doc(doc)
      .Input("Input", "as in the forward operator")
      .Input("Filter", "as in the forward operator")
      .Input("grad_out", "the gradient of Output that came to the first gradient")
      .OptionalInput("grad_input@GRAD", "the gradient of the first gradient's Input@GRAD")
      .OptionalInput("grad_filter@GRAD", "the gradient of the first gradient's Filter@GRAD")
      .OptionalOutput("Input@GRAD", "shape and dtype of Input")
      .OptionalOutput("Filter@GRAD", "shape and dtype of Filter")
      .OptionalOutput("grad_out@GRAD", "shape and dtype of grad_out")
      .Alike({"Input", "grad_input@GRAD"})
      .Alike({"Filter", "grad_filter@GRAD"})
      .SameDType({"Input", "grad_out"})
      .InferShape(InferConvSecondGrad)
      .KeyedBy("Input");
  return CpuKernels(ConvAttrs(schema, ConvRank(type)));
}

[[maybe_unused]] const OpSchema conv_schemas[] = {
    ConvSchema("conv2d", "Output[n, o, y, x] = sum over c, i, j of Input[n, c, y*stride+i*dilation-pad, "
                         "...] * Filter[o, c, i, j], within each group of channels."),
    ConvSchema("depthwise_conv2d", "conv2d where each input channel is a group of its own."),
    ConvSchema("conv3d", "conv2d over volumes."),
    ConvGradSchema("conv2d_grad", "The gradients of conv2d."),
    ConvGradSchema("depthwise_conv2d_grad", "The gradients of depthwise_conv2d."),
    ConvGradSchema("conv3d_grad", "The gradients of conv3d."),
    SecondConvGradSchema("conv2d_grad_grad", "The gradients of conv2d_grad."),
    SecondConvGradSchema("depthwise_conv2d_grad_grad", "The gradients of depthwise_conv2d_grad."),
    SecondConvGradSchema("conv3d_grad_grad", "The gradients of conv3d_grad."),
    ConvTransposeSchema("conv2d_transpose",
                        "The gradient of conv2d to its input, as an operator: it enlarges the image."),
    ConvTransposeSchema("depthwise_conv2d_transpose",
                        "conv2d_transpose where each input channel is a group of its own."),
    ConvTransposeSchema("conv3d_transpose", "conv2d_transpose over volumes."),
    ConvGradSchema("conv2d_transpose_grad", "The gradients of conv2d_transpose."),
    ConvGradSchema("depthwise_conv2d_transpose_grad", "The gradients of depthwise_conv2d_transpose."),
    ConvGradSchema("conv3d_transpose_grad", "The gradients of conv3d_transpose."),
};

OpSchema FusedConvSchema() {
  OpSchema schema("fused_conv2d");
  schema.Doc("Output = activation(conv2d(Input, Filter) + Bias + ResidualData); passes write it.")
      .Source("PaddlePaddle's operator of this name")
      .Input("Input", "as in conv2d")
      .Input("Filter", "as in conv2d")
      .OptionalInput("Bias", "[output channels]")
      .OptionalInput("ResidualData", "shape and dtype of Output")
      .SameDType({"Input", "Filter", "Bias", "ResidualData"})
      .Output("Output", "as in conv2d")
      .Attr("fuse_activation", "", "relu, relu6, leaky_relu, sigmoid, tanh, swish, gelu, mish, hard_swish, "
                                   "hard_sigmoid, elu or none")
      .Attr("fuse_alpha", 0.0f, "the activation's first number: relu6's threshold, a slope, ...")
      .Attr("fuse_beta", 0.0f, "the activation's second number: hard_sigmoid's offset")
      .Attr("fuse_residual_connection", false, "as Paddle writes it; the slot ResidualData decides")
      .InferShape(InferFusedConv)
      .Inplace("ResidualData", "Output")
      .LayoutAware();
  return CpuKernels(ConvAttrs(schema, 2));
}
[[maybe_unused]] const OpSchema fused_conv_schema = FusedConvSchema();

}  // namespace

}  // namespace skiff
