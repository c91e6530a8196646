// What happens to a list of gradient operators before it joins a block: repeated outputs are added up,
// branches that nobody wants are cut. Part of backward; nothing else includes it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "framework/program/operator.h"

namespace skiff::backward {

using Names = std::set<std::string>;

/// All names of all slots in the order of the slots, kEmptyVarName included.
std::vector<std::string> RawNames(const Slots& slots);
inline bool IsGradName(const std::string& name) { return name.find(kGradSuffix) != std::string::npos; }

/// Lets every gradient be written once: where several operators write "v@GRAD", each gets a name of its
/// own, and a `sum` adds them up before the first reader, or at the end.
///
///   a_grad -> v@GRAD                 a_grad -> v@GRAD@RENAME@block0@0
///   b_grad -> v@GRAD         =>      b_grad -> v@GRAD@RENAME@block0@1
///   c_grad(v@GRAD)                   sum -> v@GRAD;  c_grad(v@GRAD)
void AddUpRepeatedOutputs(std::vector<Operator>* ops, int block_idx);

/// Removes operators whose results, or whose incoming gradients, are all in `no_grad` (names of
/// gradients; grows by what is cut on the way), and lets zeros stand in for an incoming gradient that
/// only part of the readers can do without.
void RemoveUnwantedBranches(std::vector<Operator>* ops, Names* no_grad, const Names& targets);

/// Removes subgraphs that start from variables neither the forward operators nor an earlier gradient
/// operator made. `known` are the variables that exist beforehand.
void RemoveUnconnected(std::vector<Operator>* ops, const Names& known);

}  // namespace skiff::backward
