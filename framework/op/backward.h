// Backward: extends a program by the operators that compute gradients. Operators, names and order are
// those of Paddle's static.append_backward and static.gradients, because optimizers, saved training
// programs and fetch lists name gradients. Each operator's own gradient comes from the registry.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "framework/program/program.h"

namespace skiff {

/// A parameter (or any variable asked for) and the variable that holds its gradient.
using ParamGrad = std::pair<std::shared_ptr<Variable>, std::shared_ptr<Variable>>;

struct BackwardOptions {
  /// Names of the variables whose gradients are returned; every trainable parameter when absent. Any
  /// variable may be named. What is computed does not depend on it.
  std::optional<std::vector<std::string>> parameters = {};
  /// Names of variables that gradients do not pass through, besides those with stop_gradient.
  std::set<std::string> no_grad_set = {};
  /// Names of variables to keep; what lies between them is computed again when its gradient is due.
  /// Dropouts in between share their seed through a `seed` operator. Empty: every variable is kept.
  std::vector<std::string> checkpoints = {};
};

/// Appends to block 0 the operators that compute d loss / d v for what `loss` depends on.
///
/// The loss's gradient is a fill_constant of 1; the gradient operators of the operators that lead to
/// `loss` follow, last first. Contributions from several consumers are written to
/// "v@GRAD@RENAME@block<b>@<k>" and added by a `sum`.
///
/// @param loss  One element: shape [] or [1]. An extent of -1 is taken on trust.
/// @return      Pairs in the order of `options.parameters`, else in the order of the parameters of
///              block 0; those that no gradient reaches are left out.
/// @throws InvalidArgument  `loss` has more than one element, or no operator computes it.
/// @throws Unimplemented    An operator between a trainable variable and `loss` has no gradient, or its
///                          gradient operator is missing (names it); or a sub-block is current.
/// The program is unchanged by an error. Source: paddle.static.append_backward.
std::vector<ParamGrad> AppendBackward(const Variable& loss, const BackwardOptions& options = {});

/// Appends the operators that compute d targets / d inputs, weighted by `target_gradients`.
///
/// @param target_gradients  One per target, or none at all: null means ones of the target's shape.
/// @return  The gradient of each input, null where nothing flows.
/// @throws InvalidArgument  No target, an unequal number of target gradients, a target gradient of
///                          another shape, or variables of different programs.
/// @throws Unimplemented    As AppendBackward.
/// Source: paddle.static.gradients.
std::vector<std::shared_ptr<Variable>> Gradients(
    const std::vector<std::shared_ptr<Variable>>& targets,
    const std::vector<std::shared_ptr<Variable>>& inputs,
    const std::vector<std::shared_ptr<Variable>>& target_gradients = {},
    const std::set<std::string>& no_grad_set = {});

/// "x" for "x@GRAD", "x@GRAD@RENAME@block0@1" and "grad/x@GRAD"; other names as they are.
std::string StripGradSuffix(const std::string& name);

}  // namespace skiff
