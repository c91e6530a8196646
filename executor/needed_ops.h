// What operators read, and which operators of a block a plan needs. Part of planning, with the errors about
// what a plan lacks.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "executor/planner.h"

namespace skiff {

/// Names of the variables that attributes are given as.
std::vector<std::string> VariableAttrs(const Operator& op);
/// Names in input slots and of variable-valued attributes.
std::vector<std::string> OwnReads(const Operator& op);
/// The same, and all that its sub-blocks read.
std::vector<std::string> AllReads(const Program& program, const Operator& op);

/// A persistable variable, kept in a scope from run to run.
bool IsState(const PlanRequest& request, const std::string& name);

/// For each operator of the block whether it is needed: it has an effect, writes state, or writes what a
/// later needed one reads or the caller fetches. Operators before `request.begin` are not.
/// @param fed  Names whose values the caller gives: what would compute them is not needed.
std::vector<bool> NeededOps(const PlanRequest& request, const std::set<std::string>& fed);

/// @throws NotFound that names every variable without a value and says how it gets one.
[[noreturn]] void ThrowMissing(const PlanRequest& request, const std::set<std::string>& missing);
/// @throws NotFound for a fetch that nothing computes, with names that are near.
[[noreturn]] void ThrowUnknownFetch(const PlanRequest& request, const std::string& name);

}  // namespace skiff
