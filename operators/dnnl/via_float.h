// Half-precision CPU kernels that compute in float32, for CPUs and libraries without their own.
#pragma once

#include <memory>

#include "framework/op/kernel.h"

namespace skiff {

/// A CPU kernel of float16 or bfloat16 operands that converts them, runs the float32 kernel that
/// `prepare` makes, and converts its results back. Constants are converted once per model.
std::unique_ptr<Kernel> PrepareViaFloat(PrepareContext& context, PrepareFn prepare);
template <PrepareFn Float>
std::unique_ptr<Kernel> ViaFloat(PrepareContext& context) {
  return PrepareViaFloat(context, Float);
}

}  // namespace skiff
