// Attributes given as variables, or replaced by an input (OpSchema::AttrFrom): read when the values are known.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/op/op_def.h"

namespace skiff {

/// Names of the variables that stand for an attribute of `op`; empty when it is what `attrs` says.
std::vector<std::string> VariablesFor(const AttrDef& attr, const Attrs& attrs, const Operator& op);

/// The complete attributes of `op`, the elements of variables in the place of those that variables stand for.
/// @param known  The value of a variable on the CPU, or nothing when it is not known yet.
/// @return  Nothing when some are not known; all of them have been asked for then.
std::optional<Attrs> ResolveAttrs(const OpDef& def, const Operator& op,
                                  const std::function<std::optional<Tensor>(const std::string& name)>& known);

/// The same where every variable has a value.
/// @throws NotFound naming the variable that `find` gives nullptr for.
Attrs ResolveAttrs(const OpDef& def, const Operator& op, const std::function<const Value*(const std::string& name)>& find);

}  // namespace skiff
