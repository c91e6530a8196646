// Convolution steps by unfolding (im2col) and Eigen's matrix product, for dtypes oneDNN does not have.
#pragma once

#include <Eigen/Core>
#include <cstring>
#include <memory>

#include "operators/activation_name.h"
#include "operators/conv_steps.h"
#include "operators/kernel_parts.h"

namespace skiff {

template <typename T>
class LoopConvKernel final : public Kernel {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Strided = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;

 public:
  LoopConvKernel(PrepareContext& c, const ConvGeometry& g, const ConvStep& step)
      : g_(g), role_(step.role) {
    const auto index = [&](const std::string& slot, bool output) {
      if (!output) c.WantInputLayout(slot, 0, nullptr);
      return output ? c.OutputIndex(slot) : c.InputIndex(slot);
    };
    image_ = index(step.image, role_ == ConvRole::kBackwardImage);
    filter_ = index(step.filter, role_ == ConvRole::kBackwardFilter);
    feature_ = index(step.feature, role_ == ConvRole::kForward);
    if (c.attrs().Has("fuse_activation")) {
      if (c.HasInput("Bias")) bias_ = index("Bias", false);
      if (c.HasInput("ResidualData")) residual_ = index("ResidualData", false);
      activation_ = ParseActivation(c.Attr<std::string>("fuse_activation"));
      alpha_ = c.Attr<float>("fuse_alpha");
      beta_ = c.Attr<float>("fuse_beta");
    }
    RequestAtLeast(c, Unfolded() * sizeof(T));
  }

  void Run(const KernelArgs& args) const override {
    T* columns = static_cast<T*>(args.workspace);
    switch (role_) {
      case ConvRole::kForward: return Forward(args, columns);
      case ConvRole::kBackwardImage: return BackwardImage(args, columns);
      case ConvRole::kBackwardFilter: return BackwardFilter(args, columns);
    }
  }

 private:
  int64_t Rows() const {
    return g_.image_channels / g_.groups * g_.window.kernel[0] * g_.window.kernel[1];
  }
  int64_t Pixels() const { return g_.feature[0] * g_.feature[1]; }
  int64_t Unfolded() const { return Rows() * Pixels(); }

  // One group of one sample's feature as [channels, pixels].
  template <typename P>
  auto Feature(P* data, int64_t n, int64_t group) const {
    const int64_t channels = g_.feature_channels / g_.groups;
    const int64_t sample = n * g_.feature_channels * Pixels();
    using Map = Eigen::Map<std::conditional_t<std::is_const_v<P>, const Matrix, Matrix>, 0, Strided>;
    if (g_.channels_last) {
      return Map(data + sample + group * channels, channels, Pixels(), Strided(1, g_.feature_channels));
    }
    return Map(data + sample + group * channels * Pixels(), channels, Pixels(), Strided(Pixels(), 1));
  }
  template <typename P>
  auto Filter(P* data, int64_t group) const {
    const int64_t rows = g_.feature_channels / g_.groups;
    using Map = Eigen::Map<std::conditional_t<std::is_const_v<P>, const Matrix, Matrix>>;
    return Map(data + group * rows * Rows(), rows, Rows());
  }

  // Calls visit(element of the columns, element of the image) for all that lie inside the image.
  template <typename Outside, typename Inside>
  void Walk(int64_t n, int64_t group, Outside outside, Inside inside) const {
    const Window2D& w = g_.window;
    const int64_t channels = g_.image_channels / g_.groups, height = g_.image[0], width = g_.image[1];
    int64_t column = 0;
    for (int64_t c = group * channels; c < (group + 1) * channels; ++c) {
      for (int64_t kh = 0; kh < w.kernel[0]; ++kh) {
        for (int64_t kw = 0; kw < w.kernel[1]; ++kw) {
          for (int64_t oh = 0; oh < g_.feature[0]; ++oh) {
            const int64_t h = oh * w.stride[0] - w.before[0] + kh * w.dilation[0];
            for (int64_t ow = 0; ow < g_.feature[1]; ++ow, ++column) {
              const int64_t x = ow * w.stride[1] - w.before[1] + kw * w.dilation[1];
              if (h < 0 || h >= height || x < 0 || x >= width) {
                outside(column);
              } else {
                inside(column, g_.channels_last
                                   ? ((n * height + h) * width + x) * g_.image_channels + c
                                   : ((n * g_.image_channels + c) * height + h) * width + x);
              }
            }
          }
        }
      }
    }
  }

  void Unfold(const T* image, int64_t n, int64_t group, T* columns) const {
    Walk(n, group, [&](int64_t i) { columns[i] = T(0); },
         [&](int64_t i, int64_t at) { columns[i] = image[at]; });
  }

  void Forward(const KernelArgs& args, T* columns) const {
    const T* image = static_cast<const T*>(args.in[image_]);
    const T* filter = static_cast<const T*>(args.in[filter_]);
    T* feature = static_cast<T*>(args.out[feature_]);
    const int64_t count = g_.FeatureShape().NumElements();
    if (residual_ < 0) {
      std::fill(feature, feature + count, T(0));
    } else if (args.in[residual_] != feature) {
      std::memcpy(feature, args.in[residual_], count * sizeof(T));
    }
    for (int64_t n = 0; n < g_.batch; ++n) {
      for (int64_t group = 0; group < g_.groups; ++group) {
        Unfold(image, n, group, columns);
        const Eigen::Map<const Matrix> unfolded(columns, Rows(), Pixels());
        Feature(feature, n, group).noalias() += Filter(filter, group) * unfolded;
      }
    }
    if (bias_ < 0 && activation_ == Activation::kIdentity) return;
    const T* bias = bias_ < 0 ? nullptr : static_cast<const T*>(args.in[bias_]);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t c = g_.channels_last ? i % g_.feature_channels : i / Pixels() % g_.feature_channels;
      feature[i] = Activate(activation_, feature[i] + (bias == nullptr ? T(0) : bias[c]), alpha_, beta_);
    }
  }

  void BackwardImage(const KernelArgs& args, T* columns) const {
    const T* filter = static_cast<const T*>(args.in[filter_]);
    const T* feature = static_cast<const T*>(args.in[feature_]);
    T* image = static_cast<T*>(args.out[image_]);
    std::fill(image, image + g_.ImageShape().NumElements(), T(0));
    for (int64_t n = 0; n < g_.batch; ++n) {
      for (int64_t group = 0; group < g_.groups; ++group) {
        Eigen::Map<Matrix> unfolded(columns, Rows(), Pixels());
        unfolded.noalias() = Filter(filter, group).transpose() * Feature(feature, n, group);
        Walk(n, group, [](int64_t) {}, [&](int64_t i, int64_t at) { image[at] += columns[i]; });
      }
    }
  }

  void BackwardFilter(const KernelArgs& args, T* columns) const {
    const T* image = static_cast<const T*>(args.in[image_]);
    const T* feature = static_cast<const T*>(args.in[feature_]);
    T* filter = static_cast<T*>(args.out[filter_]);
    std::fill(filter, filter + g_.FilterShape().NumElements(), T(0));
    for (int64_t n = 0; n < g_.batch; ++n) {
      for (int64_t group = 0; group < g_.groups; ++group) {
        Unfold(image, n, group, columns);
        const Eigen::Map<const Matrix> unfolded(columns, Rows(), Pixels());
        Filter(filter, group).noalias() += Feature(feature, n, group) * unfolded.transpose();
      }
    }
  }

  const ConvGeometry g_;
  const ConvRole role_;
  int image_, filter_, feature_, bias_ = -1, residual_ = -1;
  Activation activation_ = Activation::kIdentity;
  T alpha_ = 0, beta_ = 0;
};

}  // namespace skiff
