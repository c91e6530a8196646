// Planner: from operators and shapes to a Plan.
//
//   operators --infer, fold, prepare--> steps over values --lifetimes, in place--> storages --> arena
//
// A plan covers operators from `begin` up to the first one whose output shapes depend on data that is
// not known yet; `end` says where it stopped and `needs` which values would let it go on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "executor/plan.h"
#include "framework/op/op_def.h"
#include "framework/program/program.h"

namespace skiff {

struct PlanFeed {
  std::string name;
  TensorMeta meta;
  /// Its elements, when an operator's shape hangs on them and they are known.
  std::optional<Tensor> known;
  /// The user's feed: it wins over operators that write the variable. Not so for values that an
  /// earlier piece of the block computed.
  bool pinned = true;
};

struct PlanRequest {
  const Program* program = nullptr;
  int block = 0;
  size_t begin = 0;
  Place place;
  int num_threads = 1;
  std::vector<PlanFeed> feeds;
  /// Names wanted at the end of the block.
  std::vector<std::string> fetches;
  /// Those of them that are handed out only if an operator of the plan writes them: the caller has the
  /// others.
  std::set<std::string> only_written;
  /// Frozen parameters (at `place`), or null.
  const std::map<std::string, Tensor>* constants = nullptr;
  PackCache* pack_cache = nullptr;
  /// Describes a variable of the scope; nothing when it is not there or holds no value. Empty: there is
  /// no scope, and persistable variables are like others.
  std::function<std::optional<TensorMeta>(const std::string&)> scope_meta;
};

struct PlannedChunk {
  std::unique_ptr<Plan> plan;
  size_t end = 0;                  // first operator not in the plan
  bool stopped_at_dynamic = false; // that operator runs over values,
  bool is_needed = true;           // if anybody needs it
  std::set<std::string> needs;     // or it needs these values to be planned
};

/// True when the operator's kernel is one over values: it ends a plan.
bool RunsOverValues(const Block& block, const OpDef& def, const Operator& op);

/// @throws NotFound when variables have no value (all are named), Unimplemented for operators or
/// kernels that skiff does not have, and whatever inference and Prepare throw.
PlannedChunk MakePlan(const PlanRequest& request);

}  // namespace skiff
