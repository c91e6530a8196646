#include "executor/needed_ops.h"

#include "framework/op/control_flow.h"

namespace skiff {

namespace {

bool IsMarker(const Operator& op) { return op.type == "feed" || op.type == "fetch"; }

bool OwnsBlock(const Operator& op) { return !OwnedBlocks(op).empty(); }

// An operator may leave what it writes as it was (a branch not taken), or write a part of it (an entry of
// a tensor array): what wrote it before is needed too.
bool OverwritesAll(const Block& block, const Operator& op, const std::string& name) {
  if (OwnsBlock(op)) return false;
  const std::shared_ptr<Variable> v = block.FindVar(name);
  return v == nullptr || v->kind != VarKind::kLodTensorArray;
}

}  // namespace

std::vector<std::string> VariableAttrs(const Operator& op) {
  std::vector<std::string> names;
  for (const auto& [attr, value] : op.attrs) {
    for (std::string& name : VariableNames(value)) names.push_back(std::move(name));
  }
  return names;
}

std::vector<std::string> OwnReads(const Operator& op) {
  std::vector<std::string> names = op.inputs.AllNames();
  for (std::string& name : VariableAttrs(op)) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> AllReads(const Program& program, const Operator& op) {
  std::vector<std::string> names = OwnReads(op);
  for (int block : OwnedBlocks(op)) {
    for (const auto& inner : program.block(block).ops()) {
      for (std::string& name : AllReads(program, *inner)) names.push_back(std::move(name));
    }
  }
  return names;
}

bool IsState(const PlanRequest& request, const std::string& name) {
  const std::shared_ptr<Variable> v = request.program->block(request.block).FindVar(name);
  return v != nullptr && v->persistable && request.scope_meta != nullptr;
}

// From the end backwards.
std::vector<bool> NeededOps(const PlanRequest& request, const std::set<std::string>& fed) {
  const Block& block = request.program->block(request.block);
  const auto& ops = block.ops();
  std::vector<bool> needed_ops(ops.size(), false);
  std::set<std::string> wanted(request.fetches.begin(), request.fetches.end());
  for (size_t i = ops.size(); i-- > request.begin;) {
    const Operator& op = *ops[i];
    if (IsMarker(op)) continue;
    const OpDef* def = FindOp(op.type);
    bool needed = def == nullptr || def->side_effect || OwnsBlock(op);
    const std::vector<std::string> writes = op.outputs.AllNames();
    for (const std::string& name : writes) {
      // A fed value wins over what would compute it, not over an update in place.
      const bool given = fed.contains(name) && !op.inputs.Mentions(name);
      needed = needed || (!given && (wanted.contains(name) || IsState(request, name)));
    }
    needed_ops[i] = needed;
    if (!needed) continue;
    for (const std::string& name : writes) {
      if (OverwritesAll(block, op, name)) wanted.erase(name);
    }
    for (const std::string& name : AllReads(*request.program, op)) wanted.insert(name);
  }
  return needed_ops;
}

namespace {

// Tells of a branch or a loop that was to write `name` and did not run; false when there is none.
bool AddUntakenBranch(const PlanRequest& request, const std::string& name, Error* error) {
  for (int b = 0; b < request.program->num_blocks(); ++b) {
    for (const auto& op : request.program->block(b).ops()) {
      if (!OwnsBlock(*op) || !op->outputs.Mentions(name)) continue;
      error->AddContext(StrCat("\"", name, "\" is written by a ", op->type, " of block ", b, " that was not entered"));
      error->AddContext("give it a value before, or take what both branches give (static.nn.cond)");
      return true;
    }
  }
  return false;
}

}  // namespace

void ThrowMissing(const PlanRequest& request, const std::set<std::string>& missing) {
  std::string list;
  size_t listed = 0;
  bool any_state = false;
  for (const std::string& name : missing) {
    if (++listed <= 8) list += (list.empty() ? "\"" : ", \"") + name + "\"";
    any_state = any_state || IsState(request, name);
  }
  if (missing.size() > 8) list += StrCat(" and ", missing.size() - 8, " more");
  NotFound error(StrCat(missing.size(), " variable(s) have no value: ", list));
  for (const std::string& name : missing) {
    if (!any_state && AddUntakenBranch(request, name, &error)) throw error;
  }
  error.AddContext(any_state ? "parameters get their values from the startup program or from a file"
                             : "feed them, or fetch only what does not need them");
  if (any_state) error.AddContext("run the startup program with this scope, or load a state dict first");
  throw error;
}

void ThrowUnknownFetch(const PlanRequest& request, const std::string& name) {
  NotFound untaken(StrCat("fetch \"", name, "\" has no value"));
  if (AddUntakenBranch(request, name, &untaken)) throw untaken;
  NotFound error(StrCat("fetch \"", name, "\" is computed by no operator and has no value"));
  std::vector<std::string> names;
  for (const Variable* v : request.program->ListVars()) {
    if (v->name != name) names.push_back(v->name);
  }
  error.AddContext(DidYouMean(name, names));
  throw error;
}

}  // namespace skiff
