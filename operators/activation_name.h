// The activations that fused operators (fc, fused_conv2d) apply to their result, by the names passes
// write. One value at a time; libraries with fused forms of their own are told by enumerator.
#pragma once

#include <cmath>
#include <string>

#include "framework/base/error.h"

#if defined(__CUDACC__)
#define SKIFF_ACTIVATION_HD __host__ __device__
#else
#define SKIFF_ACTIVATION_HD
#endif

namespace skiff {

enum class Activation {
  kIdentity, kRelu, kRelu6, kLeakyRelu, kSigmoid, kTanh, kSwish, kGelu, kGeluTanh, kMish, kHardSwish,
  kHardSigmoid, kElu,
};

/// @throws Unimplemented naming the activation and those there are.
inline Activation ParseActivation(const std::string& name) {
  if (name.empty() || name == "identity") return Activation::kIdentity;
  if (name == "relu") return Activation::kRelu;
  if (name == "relu6") return Activation::kRelu6;
  if (name == "leaky_relu") return Activation::kLeakyRelu;
  if (name == "sigmoid") return Activation::kSigmoid;
  if (name == "tanh") return Activation::kTanh;
  if (name == "swish") return Activation::kSwish;
  if (name == "gelu" || name == "gelu_erf") return Activation::kGelu;
  if (name == "gelu_tanh") return Activation::kGeluTanh;
  if (name == "mish") return Activation::kMish;
  if (name == "hard_swish") return Activation::kHardSwish;
  if (name == "hard_sigmoid") return Activation::kHardSigmoid;
  if (name == "elu") return Activation::kElu;
  throw Unimplemented("no fused activation \"" + name +
                      "\"; there are relu, relu6, leaky_relu, sigmoid, tanh, swish, gelu, gelu_tanh, "
                      "mish, hard_swish, hard_sigmoid, elu");
}

/// alpha is relu6's threshold, the slope of leaky_relu and hard_sigmoid, swish's and elu's factor; beta
/// is hard_sigmoid's offset. hard_swish is x * clip(x + 3, 0, 6) / 6.
template <typename T>
SKIFF_ACTIVATION_HD inline T Activate(Activation activation, T x, T alpha, T beta) {
  using std::erf, std::exp, std::log1p, std::tanh;
  switch (activation) {
    case Activation::kIdentity: return x;
    case Activation::kRelu: return x > T(0) ? x : T(0);
    case Activation::kRelu6: return x < T(0) ? T(0) : x > alpha ? alpha : x;
    case Activation::kLeakyRelu: return x > T(0) ? x : alpha * x;
    case Activation::kSigmoid: return T(1) / (T(1) + exp(-x));
    case Activation::kTanh: return tanh(x);
    case Activation::kSwish: return x / (T(1) + exp(-alpha * x));
    case Activation::kGelu: return T(0.5) * x * (T(1) + erf(x * T(0.70710678118654752440)));
    case Activation::kGeluTanh:
      return T(0.5) * x * (T(1) + tanh(T(0.79788456080286535588) * (x + T(0.044715) * x * x * x)));
    case Activation::kMish: return x * tanh(log1p(exp(x)));
    case Activation::kHardSwish: {
      const T y = x + T(3);
      return x * (y < T(0) ? T(0) : y > T(6) ? T(6) : y) / T(6);
    }
    case Activation::kHardSigmoid: {
      const T y = alpha * x + beta;
      return y < T(0) ? T(0) : y > T(1) ? T(1) : y;
    }
    case Activation::kElu: return x > T(0) ? x : alpha * (exp(x) - T(1));
  }
  return x;
}

}  // namespace skiff
