// Any operator as a layer, for those that have no function of their own here: docs/operator_table.md lists them with slots
// and attributes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/layers/layers.h"

namespace skiff::layers {

#define SKIFF_HERE Origin at = std::source_location::current()

/// Variables by slot: {{"X", {x}}, {"Y", {y}}}.
using VarSlots = std::map<std::string, std::vector<Var>>;

/// Appends operator `type` and returns the variable of its first output, or of `output`.
/// @param attrs  Those that differ from the operator's defaults.
/// @throws Unimplemented for no such operator, InvalidArgument for slots, shapes or attributes that do not fit.
Var Apply(const std::string& type, const VarSlots& inputs, const Attrs& attrs = {}, const std::string& output = "", SKIFF_HERE);
/// The same with a variable for each of `outputs`, in their order.
std::vector<Var> ApplyMany(const std::string& type, const VarSlots& inputs, const Attrs& attrs,
                           const std::vector<std::string>& outputs, SKIFF_HERE);

#undef SKIFF_HERE

}  // namespace skiff::layers
