// Convolution steps by unfolding (im2col) and Eigen's matrix product, for dtypes oneDNN does not have.
#pragma once

#include <Eigen/Core>
#include <array>
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
      : g_(g), role_(step.role), adds_(step.adds) {
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
    const int64_t(&kernel)[3] = g_.window.kernel;
    return g_.image_channels / g_.groups * kernel[0] * kernel[1] * kernel[2];
  }
  int64_t Pixels() const { return g_.FeaturePixels(); }
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
    const int64_t channels = g_.image_channels / g_.groups;
    const int64_t(&kernel)[3] = g_.window.kernel;
    int64_t column = 0;
    for (int64_t c = group * channels; c < (group + 1) * channels; ++c) {
      for (int64_t kd = 0; kd < kernel[0]; ++kd) {
        for (int64_t kh = 0; kh < kernel[1]; ++kh) {
          for (int64_t kw = 0; kw < kernel[2]; ++kw) {
            WalkTap({kd, kh, kw}, [&](int64_t pixel) {
              if (pixel < 0) {
                outside(column++);
              } else {
                inside(column++, g_.channels_last ? (n * g_.ImagePixels() + pixel) * g_.image_channels + c
                                                  : (n * g_.image_channels + c) * g_.ImagePixels() + pixel);
              }
            });
          }
        }
      }
    }
  }

  // Calls visit with the pixel of the image that one tap of the filter meets at each pixel of the
  // feature; -1 outside.
  template <typename Visit>
  void WalkTap(const std::array<int64_t, 3>& tap, Visit visit) const {
    const Window& w = g_.window;
    const auto at = [&](int axis, int64_t out) {
      const int64_t in = out * w.stride[axis] - w.before[axis] + tap[axis] * w.dilation[axis];
      return in < g_.image[axis] ? in : -1;
    };
    for (int64_t od = 0; od < g_.feature[0]; ++od) {
      const int64_t d = at(0, od);
      for (int64_t oh = 0; oh < g_.feature[1]; ++oh) {
        const int64_t h = at(1, oh);
        for (int64_t ow = 0; ow < g_.feature[2]; ++ow) {
          const int64_t x = at(2, ow);
          visit(d < 0 || h < 0 || x < 0 ? -1 : (d * g_.image[1] + h) * g_.image[2] + x);
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
      if (!adds_) std::fill(feature, feature + count, T(0));
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
  const bool adds_;
  int image_, filter_, feature_, bias_ = -1, residual_ = -1;
  Activation activation_ = Activation::kIdentity;
  T alpha_ = 0, beta_ = 0;
};

}  // namespace skiff
