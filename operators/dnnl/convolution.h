// Convolution steps by oneDNN.
#pragma once

#include <memory>

#include "operators/conv_steps.h"

namespace skiff {

/// One step for float32, or bfloat16 where the CPU has it. A forward step takes the slots Bias and
/// ResidualData and the attributes fuse_activation, fuse_alpha and fuse_beta of fused_conv2d where the
/// operator has them: bias, sum and activation are post-ops of the one primitive.
std::unique_ptr<Kernel> PrepareDnnlConv(PrepareContext& context, const ConvGeometry& geometry,
                                        const ConvStep& step);

}  // namespace skiff
