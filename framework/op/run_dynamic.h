// Kernels over values, run so that what they find missing is an error of skiff's.
#pragma once

#include "framework/op/op_def.h"

namespace skiff {

/// def.dynamic(context). Kernels over values read with bounds checked: what one finds missing is an error of skiff's.
/// @throws what the kernel throws; OutOfRange and ResourceExhausted for std's exceptions about bounds and memory.
void RunDynamic(const OpDef& def, DynamicContext& context);

}  // namespace skiff
