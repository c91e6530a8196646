// FedShape: what a program's declaration says about the tensors it is fed with.
#pragma once

#include "framework/program/program.h"

namespace skiff {

/// The declared shape of `v`, -1 for extents that any feed may have. Where a loop writes `v` itself, Paddle
/// declares what it grows into, so that no extent counts.
Shape FedShape(const Program& program, const Variable& v);

}  // namespace skiff
