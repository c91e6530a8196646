// Attributes given as variables: read when the values are known.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "framework/op/op_def.h"

namespace skiff {

/// The complete attributes of `op`, variable-valued ones replaced by the variables' elements.
/// @param known  The elements of a variable on the CPU, or nothing when they are not known yet.
/// @return  Nothing when some are not known; all of them have been asked for then.
std::optional<Attrs> ResolveAttrs(
    const OpDef& def, const Operator& op,
    const std::function<std::optional<Tensor>(const std::string& name)>& known);

}  // namespace skiff
