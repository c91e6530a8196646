// Kernels and inference, run so that what they find missing is an error of skiff's.
#pragma once

#include <functional>

#include "framework/op/op_def.h"

namespace skiff {

/// f(), which reads with bounds checked or asks for memory.
/// @throws what it throws; OutOfRange and ResourceExhausted for std's exceptions about bounds and memory.
void WithErrorsOfSkiff(const std::function<void()>& f);

/// def.dynamic(context). Kernels over values read with bounds checked: what one finds missing is an error of skiff's.
/// @throws what the kernel throws; OutOfRange and ResourceExhausted for std's exceptions about bounds and memory.
void RunDynamic(const OpDef& def, DynamicContext& context);

}  // namespace skiff
