// The CUDA side of conv.cc, by cuDNN. cuDNN takes images with channels first and the same padding on both sides; an
// image that lies otherwise is staged: copied into the workspace, there as far as windows reach, without
// padding left to do.
#include <climits>

#include "framework/op/op_schema.h"
#include "operators/conv_steps.h"
#include "operators/cuda/epilogue.h"
#include "operators/cuda/library.h"
#include "operators/kernel_parts.h"

namespace skiff {

namespace {

constexpr size_t kMaxWorkspaceBytes = size_t{256} << 20;  // of one algorithm
constexpr int kMaxAlgorithms = 16;

/// A channel of the tensor, [depth, height, width], and the part of it that is staged.
struct Staging {
  int64_t channels, extent[3];          // the tensor's
  int64_t staged_extent[3], before[3];  // staged (z, y, x) is the tensor's (z - before[0], ...)
  bool channels_last;

  __device__ int64_t Offset(int64_t n, int64_t c, int64_t z, int64_t y, int64_t x) const {
    const int64_t pixel = (z * extent[1] + y) * extent[2] + x, pixels = extent[0] * extent[1] * extent[2];
    return channels_last ? (n * pixels + pixel) * channels + c : (n * channels + c) * pixels + pixel;
  }
};

// staged[n, c, z, y, x], channels first; zeros outside the tensor.
template <typename S>
__global__ void Stage(Staging g, int64_t count, const S* tensor, S* staged) {
  SKIFF_CUDA_FOR(i, count) {
    const int64_t x = i % g.staged_extent[2] - g.before[2], row = i / g.staged_extent[2];
    const int64_t y = row % g.staged_extent[1] - g.before[1], plane = row / g.staged_extent[1];
    const int64_t z = plane % g.staged_extent[0] - g.before[0], channel = plane / g.staged_extent[0];
    const bool inside = z >= 0 && z < g.extent[0] && y >= 0 && y < g.extent[1] && x >= 0 && x < g.extent[2];
    staged[i] = inside ? tensor[g.Offset(channel / g.channels, channel % g.channels, z, y, x)] : S(0.0f);
  }
}

// The way back; zeros where no window reaches. `added` may be null, or the tensor itself.
template <typename S, typename C>
__global__ void Unstage(Staging g, int64_t count, const S* staged, const S* added, S* tensor) {
  const int64_t pixels = g.extent[0] * g.extent[1] * g.extent[2];
  SKIFF_CUDA_FOR(i, count) {
    const int64_t c = g.channels_last ? i % g.channels : i / pixels % g.channels;
    const int64_t n = i / pixels / g.channels;
    const int64_t pixel = g.channels_last ? i / g.channels % pixels : i % pixels;
    const int64_t x = pixel % g.extent[2] + g.before[2], y = pixel / g.extent[2] % g.extent[1] + g.before[1];
    const int64_t z = pixel / g.extent[2] / g.extent[1] + g.before[0];
    C value = 0;
    if (z < g.staged_extent[0] && y < g.staged_extent[1] && x < g.staged_extent[2]) {
      const int64_t plane = (n * g.channels + c) * g.staged_extent[0] + z;
      value = static_cast<C>(staged[(plane * g.staged_extent[1] + y) * g.staged_extent[2] + x]);
    }
    if (added != nullptr) value += static_cast<C>(added[i]);
    tensor[i] = static_cast<S>(value);
  }
}

int ToInt(int64_t extent) {
  SKIFF_ENFORCE(extent <= INT_MAX, Unimplemented, "cuDNN takes extents up to ", INT_MAX, ", got ", extent);
  return static_cast<int>(extent);
}

// What follows a forward step of fused_conv2d.
struct ConvEpilogue {
  int bias = -1, residual = -1;  // indices of inputs
  Activation activation = Activation::kIdentity;
  float alpha = 0, beta = 0;
};

template <typename T>
class CudnnConv final : public Kernel {
  using Storage = typename CudaType<T>::Storage;
  using Compute = typename CudaType<T>::Compute;

 public:
  CudnnConv(PrepareContext& c, const ConvGeometry& g, const ConvStep& step, const ConvEpilogue& epilogue)
      : g_(g), role_(step.role), adds_(step.adds), epilogue_(epilogue) {
    image_index_ = Index(c, step.image, role_ == ConvRole::kBackwardImage);
    filter_index_ = Index(c, step.filter, role_ == ConvRole::kBackwardFilter);
    feature_index_ = Index(c, step.feature, role_ == ConvRole::kForward);
    Describe();
    ChooseAlgorithm();
    size_t bytes = Aligned(workspace_bytes_);
    image_at_ = bytes;
    if (stages_image_) bytes += Aligned(StagedImageElements() * sizeof(Storage));
    feature_at_ = bytes;
    if (stages_feature_) bytes += Aligned(g_.FeatureShape().NumElements() * sizeof(Storage));
    RequestAtLeast(c, bytes);
  }
  ~CudnnConv() override {
    if (image_ != nullptr) cudnnDestroyTensorDescriptor(image_);
    if (feature_ != nullptr) cudnnDestroyTensorDescriptor(feature_);
    if (filter_ != nullptr) cudnnDestroyFilterDescriptor(filter_);
    if (conv_ != nullptr) cudnnDestroyConvolutionDescriptor(conv_);
  }

  void Run(const KernelArgs& args) const override {
    const cudnnHandle_t handle = CudnnHandle();
    CheckCudnn(cudnnSetStream(handle, static_cast<cudaStream_t>(args.stream)), "set stream");
    if (role_ == ConvRole::kForward) return Forward(handle, args);
    const Compute one = 1, zero = 0;
    const void* feature = StagedFeature(args, args.in[feature_index_]);
    if (role_ == ConvRole::kBackwardImage) {
      void* image = stages_image_ ? At(args, image_at_) : args.out[image_index_];
      CheckCudnn(cudnnConvolutionBackwardData(handle, &one, filter_, args.in[filter_index_], feature_, feature, conv_,
                                              to_image_, args.workspace, workspace_bytes_, &zero, image_, image),
                 "gradient of a convolution to its image");
      if (stages_image_) RunUnstage(args, ImageStaging(), image, nullptr, args.out[image_index_], g_.ImageShape());
      return;
    }
    const void* image = StagedImage(args, args.in[image_index_]);
    CheckCudnn(cudnnConvolutionBackwardFilter(handle, &one, image_, image, feature_, feature, conv_, to_filter_,
                                              args.workspace, workspace_bytes_, &zero, filter_,
                                              args.out[filter_index_]),
               "gradient of a convolution to its filter");
  }

 private:
  static size_t Aligned(size_t bytes) { return (bytes + 255) / 256 * 256; }
  static void* At(const KernelArgs& args, size_t offset) { return static_cast<char*>(args.workspace) + offset; }
  static int Index(const PrepareContext& c, const std::string& slot, bool is_output) {
    return is_output ? c.OutputIndex(slot) : c.InputIndex(slot);
  }

  // As far as the windows reach from the first row of padding.
  int64_t Reach(int axis) const { return (g_.feature[axis] - 1) * g_.window.stride[axis] + g_.window.extent(axis); }
  int64_t StagedImageElements() const { return g_.batch * g_.image_channels * Reach(0) * Reach(1) * Reach(2); }

  Staging ImageStaging() const {
    const int64_t(&image)[3] = g_.image;
    const int64_t(&before)[3] = g_.window.before;
    return {g_.image_channels, {image[0], image[1], image[2]}, {Reach(0), Reach(1), Reach(2)},
            {before[0], before[1], before[2]}, g_.channels_last};
  }
  Staging FeatureStaging() const {
    const int64_t(&f)[3] = g_.feature;
    return {g_.feature_channels, {f[0], f[1], f[2]}, {f[0], f[1], f[2]}, {0, 0, 0}, g_.channels_last};
  }
  // What cuDNN takes for axes: batch, channels, then those there are.
  std::vector<int> Dims(int64_t outer, int64_t channels, const int64_t (&extents)[3]) const {
    std::vector<int> dims{ToInt(outer), ToInt(channels)};
    for (int64_t extent : Axes(extents)) dims.push_back(ToInt(extent));
    return dims;
  }
  std::vector<int64_t> Axes(const int64_t (&extents)[3]) const {
    return {extents + g_.window.first(), extents + 3};
  }
  static void DescribeTensor(cudnnTensorDescriptor_t descriptor, cudnnDataType_t type, const std::vector<int>& dims) {
    std::vector<int> strides(dims.size(), 1);
    for (size_t i = dims.size() - 1; i > 0; --i) strides[i - 1] = ToInt(int64_t{strides[i]} * dims[i]);
    CheckCudnn(cudnnSetTensorNdDescriptor(descriptor, type, static_cast<int>(dims.size()), dims.data(), strides.data()),
               "tensor");
  }

  void Describe() {
    const Window& w = g_.window;
    stages_feature_ = g_.channels_last;
    stages_image_ = g_.channels_last || !g_.SymmetricPadding();
    for (int i = w.first(); i < 3; ++i) {  // an output_padding beyond the stride is nothing cuDNN knows
      stages_image_ = stages_image_ ||
                      (g_.image[i] + 2 * w.before[i] - w.extent(i)) / w.stride[i] + 1 != g_.feature[i];
    }
    const cudnnDataType_t type = CudnnType(kDTypeOf<T>);
    CheckCudnn(cudnnCreateTensorDescriptor(&image_), "descriptor");
    CheckCudnn(cudnnCreateTensorDescriptor(&feature_), "descriptor");
    CheckCudnn(cudnnCreateFilterDescriptor(&filter_), "descriptor");
    CheckCudnn(cudnnCreateConvolutionDescriptor(&conv_), "descriptor");
    const int64_t reach[3] = {Reach(0), Reach(1), Reach(2)};
    DescribeTensor(image_, type, stages_image_ ? Dims(g_.batch, g_.image_channels, reach) : Dims(g_.batch, g_.image_channels, g_.image));
    DescribeTensor(feature_, type, Dims(g_.batch, g_.feature_channels, g_.feature));
    const std::vector<int> filter = Dims(g_.feature_channels, g_.image_channels / g_.groups, w.kernel);
    CheckCudnn(cudnnSetFilterNdDescriptor(filter_, type, CUDNN_TENSOR_NCHW, static_cast<int>(filter.size()), filter.data()),
               "filter");
    std::vector<int> padding, stride, dilation;
    for (int i = w.first(); i < 3; ++i) {
      padding.push_back(stages_image_ ? 0 : ToInt(w.before[i]));
      stride.push_back(ToInt(w.stride[i]));
      dilation.push_back(ToInt(w.dilation[i]));
    }
    CheckCudnn(cudnnSetConvolutionNdDescriptor(conv_, w.rank, padding.data(), stride.data(), dilation.data(),
                                               CUDNN_CROSS_CORRELATION, CudnnType(kDTypeOf<Compute>)),
               "convolution");
    CheckCudnn(cudnnSetConvolutionGroupCount(conv_, ToInt(g_.groups)), "groups");
    // float32 means float32: no TF32.
    CheckCudnn(cudnnSetConvolutionMathType(conv_, sizeof(T) == 2 ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH), "math type");
  }

  // The fastest that repeats its numbers and fits, in cuDNN's own order.
  template <typename Performance, typename Algorithm>
  void Take(const Performance* found, int count, Algorithm* algorithm) {
    for (bool deterministic : {true, false}) {
      for (int i = 0; i < count; ++i) {
        if (found[i].status != CUDNN_STATUS_SUCCESS || found[i].memory > kMaxWorkspaceBytes) continue;
        if (deterministic && found[i].determinism != CUDNN_DETERMINISTIC) continue;
        *algorithm = found[i].algo;
        workspace_bytes_ = found[i].memory;
        return;
      }
    }
    throw Unimplemented(StrCat("cuDNN has no algorithm for an image ", g_.ImageShape(), " and a filter ",
                               g_.FilterShape(), " with ", g_.groups, " groups"));
  }

  void ChooseAlgorithm() {
    const cudnnHandle_t handle = CudnnHandle();
    int count = 0;
    if (role_ == ConvRole::kForward) {
      cudnnConvolutionFwdAlgoPerf_t found[kMaxAlgorithms];
      CheckCudnn(cudnnGetConvolutionForwardAlgorithm_v7(handle, image_, filter_, conv_, feature_, kMaxAlgorithms,
                                                        &count, found), "algorithm");
      Take(found, count, &forward_);
    } else if (role_ == ConvRole::kBackwardImage) {
      cudnnConvolutionBwdDataAlgoPerf_t found[kMaxAlgorithms];
      CheckCudnn(cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, filter_, feature_, conv_, image_, kMaxAlgorithms,
                                                             &count, found), "algorithm");
      Take(found, count, &to_image_);
    } else {
      cudnnConvolutionBwdFilterAlgoPerf_t found[kMaxAlgorithms];
      CheckCudnn(cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, image_, feature_, conv_, filter_,
                                                               kMaxAlgorithms, &count, found), "algorithm");
      Take(found, count, &to_filter_);
    }
  }

  const void* StagedImage(const KernelArgs& args, const void* image) const {
    return stages_image_ ? RunStage(args, ImageStaging(), image, At(args, image_at_), StagedImageElements()) : image;
  }
  const void* StagedFeature(const KernelArgs& args, const void* feature) const {
    return stages_feature_ ? RunStage(args, FeatureStaging(), feature, At(args, feature_at_),
                                      g_.FeatureShape().NumElements())
                           : feature;
  }
  const void* RunStage(const KernelArgs& args, const Staging& staging, const void* from, void* to, int64_t count) const {
    Stage<Storage><<<CudaBlocks(count), kCudaBlock, 0, static_cast<cudaStream_t>(args.stream)>>>(
        staging, count, static_cast<const Storage*>(from), static_cast<Storage*>(to));
    CheckCuda(cudaGetLastError(), "convolution");
    return to;
  }
  void RunUnstage(const KernelArgs& args, const Staging& staging, const void* from, const void* added, void* to,
                  const Shape& shape) const {
    const int64_t count = shape.NumElements();
    Unstage<Storage, Compute><<<CudaBlocks(count), kCudaBlock, 0, static_cast<cudaStream_t>(args.stream)>>>(
        staging, count, static_cast<const Storage*>(from), static_cast<const Storage*>(added),
        static_cast<Storage*>(to));
    CheckCuda(cudaGetLastError(), "convolution");
  }

  // The residual may lie where the feature is written.
  void Forward(cudnnHandle_t handle, const KernelArgs& args) const {
    const Shape shape = g_.FeatureShape();
    void* feature = args.out[feature_index_];
    const void* residual = adds_ ? feature : epilogue_.residual < 0 ? nullptr : args.in[epilogue_.residual];
    const void* image = StagedImage(args, args.in[image_index_]);
    const bool adds = residual != nullptr && !stages_feature_;
    if (adds && residual != feature) {
      CheckCuda(cudaMemcpyAsync(feature, residual, shape.NumElements() * sizeof(Storage), cudaMemcpyDeviceToDevice,
                                static_cast<cudaStream_t>(args.stream)),
                "residual");
    }
    const Compute one = 1, beta = adds ? 1 : 0;
    void* result = stages_feature_ ? At(args, feature_at_) : feature;
    CheckCudnn(cudnnConvolutionForward(handle, &one, image_, image, filter_, args.in[filter_index_], conv_, forward_,
                                       args.workspace, workspace_bytes_, &beta, feature_, result),
               "convolution");
    if (stages_feature_) RunUnstage(args, FeatureStaging(), result, residual, feature, shape);
    RunEpilogue<T>(shape.NumElements(), g_.feature_channels, g_.channels_last ? 1 : g_.FeaturePixels(),
                   epilogue_.bias < 0 ? nullptr : args.in[epilogue_.bias], epilogue_.activation, epilogue_.alpha,
                   epilogue_.beta, feature, args.stream);
  }

  ConvGeometry g_;
  ConvRole role_;
  bool adds_;
  ConvEpilogue epilogue_;
  int image_index_, filter_index_, feature_index_;
  bool stages_image_ = false, stages_feature_ = false;
  cudnnTensorDescriptor_t image_ = nullptr, feature_ = nullptr;
  cudnnFilterDescriptor_t filter_ = nullptr;
  cudnnConvolutionDescriptor_t conv_ = nullptr;
  cudnnConvolutionFwdAlgo_t forward_ = {};
  cudnnConvolutionBwdDataAlgo_t to_image_ = {};
  cudnnConvolutionBwdFilterAlgo_t to_filter_ = {};
  size_t workspace_bytes_ = 0, image_at_ = 0, feature_at_ = 0;
};

// A convolution without elements still owes zero gradients.
std::unique_ptr<Kernel> ZeroOutputs(const PrepareContext& c) {
  std::vector<size_t> bytes;
  for (const TensorInfo& info : c.outputs) {
    bytes.push_back(info.dtype == DType::kUndefined ? 0 : info.shape.NumElements() * SizeOf(info.dtype));
  }
  return MakeKernel([bytes](const KernelArgs& args) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (args.out[i] == nullptr || bytes[i] == 0) continue;
      CheckCuda(cudaMemsetAsync(args.out[i], 0, bytes[i], static_cast<cudaStream_t>(args.stream)), "clear");
    }
  });
}

template <typename T>
std::unique_ptr<Kernel> PrepareConv(PrepareContext& c) {
  for (LayoutPtr& wanted : c.wanted_layouts) wanted = nullptr;
  const ConvGeometry g = PreparedConvGeometry(c);
  if (g.Empty()) return ZeroOutputs(c);
  ConvEpilogue epilogue;
  if (c.op().type == "fused_conv2d") {
    epilogue.activation = ParseActivation(c.Attr<std::string>("fuse_activation"));
    epilogue.alpha = c.Attr<float>("fuse_alpha");
    epilogue.beta = c.Attr<float>("fuse_beta");
    if (c.HasInput("Bias")) epilogue.bias = c.InputIndex("Bias");
    if (c.HasInput("ResidualData")) epilogue.residual = c.InputIndex("ResidualData");
  }
  auto sequence = std::make_unique<SequenceKernel>();
  if (IsSecondConvGrad(c)) sequence->Add(ZeroOutputs(c));  // where no term arrives
  for (const ConvStep& step : ConvSteps(c)) {
    sequence->Add(std::make_unique<CudnnConv<T>>(c, g, step, epilogue));
  }
  return sequence;
}

#define SKIFF_CUDA_CONV(type)              \
  SKIFF_CUDA_KERNELS(type)                 \
      .Kernel<float>(PrepareConv<float>)   \
      .Kernel<double>(PrepareConv<double>) \
      .Kernel<Float16>(PrepareConv<Float16>) \
      .Kernel<BFloat16>(PrepareConv<BFloat16>)
SKIFF_CUDA_CONV(conv2d);
SKIFF_CUDA_CONV(conv2d_grad);
SKIFF_CUDA_CONV(depthwise_conv2d);
SKIFF_CUDA_CONV(depthwise_conv2d_grad);
SKIFF_CUDA_CONV(conv2d_transpose);
SKIFF_CUDA_CONV(conv2d_transpose_grad);
SKIFF_CUDA_CONV(depthwise_conv2d_transpose);
SKIFF_CUDA_CONV(depthwise_conv2d_transpose_grad);
SKIFF_CUDA_CONV(conv3d);
SKIFF_CUDA_CONV(conv3d_grad);
SKIFF_CUDA_CONV(conv3d_transpose);
SKIFF_CUDA_CONV(conv3d_transpose_grad);
SKIFF_CUDA_CONV(conv2d_grad_grad);
SKIFF_CUDA_CONV(depthwise_conv2d_grad_grad);
SKIFF_CUDA_CONV(conv3d_grad_grad);
SKIFF_CUDA_CONV(fused_conv2d);
#undef SKIFF_CUDA_CONV

}  // namespace

}  // namespace skiff
