// From an operator and what is known of its variables to a prepared kernel: the one way in which
// plans and single operators find, check and prepare kernels.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "framework/op/op_def.h"

namespace skiff {

/// Looks up what is known of a variable of the operator; null for one that does not exist.
using TensorInfoLookup = std::function<const TensorInfo*(const std::string& name)>;

/// Lays out the operator's variables in the order of the schema's slots (the order of KernelArgs).
/// Slots of one variable always take one place; unknown output variables get an undefined dtype.
PrepareContext MakePrepareContext(const OpDef& def, const Operator& op, const Attrs& attrs,
                                  const Place& place, int num_threads,
                                  const TensorInfoLookup& lookup);

/// Names in the order of KernelArgs, "" where a slot is absent.
std::vector<std::string> FlatNames(const std::vector<SlotDef>& slots, const Slots& names);

/// The dtype that selects the operator's kernel.
DType KeyDType(const OpDef& def, const PrepareContext& context);

/// Finds the kernel and prepares it. @throws Unimplemented when there is none for the place and dtype.
std::unique_ptr<Kernel> PrepareKernel(const OpDef& def, PrepareContext& context);

}  // namespace skiff
