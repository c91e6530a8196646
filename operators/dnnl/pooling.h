// Pooling by oneDNN.
#pragma once

#include <memory>

#include "operators/pool_geometry.h"
#include "framework/op/kernel.h"

namespace skiff {

/// pool2d of X to Out in whatever layout X comes, or null when oneDNN cannot express the case.
std::unique_ptr<Kernel> PrepareDnnlPool(PrepareContext& context, const PoolGeometry& geometry);

}  // namespace skiff
