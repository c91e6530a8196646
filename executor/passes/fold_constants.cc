// Runs operators whose inputs are all frozen, once, and keeps what they compute as constants.
#include "executor/passes/passes.h"
#include "executor/passes/rewrite.h"
#include "framework/op/run_op.h"

namespace skiff {

namespace {

constexpr size_t kMaxBytes = size_t{16} << 20;  // of one result: folding must not bloat the model

bool Fold(const RewriteSite& site) {
  const Operator& op = site.op();
  const OpDef* def = FindOp(op.type);
  if (def == nullptr || def->side_effect || def->random || !OwnedBlocks(op).empty()) return false;
  if (op.type == "feed" || op.type == "fetch" || op.outputs.AllNames().empty()) return false;
  std::map<std::string, Value> values;
  for (const std::string& name : op.inputs.AllNames()) {
    if (!site.context.IsConstant(name) || site.uses.NumWriters(name) > 0) return false;
    values[name] = site.Constant(name);
  }
  for (const std::string& name : op.outputs.AllNames()) {
    const std::shared_ptr<Variable> v = site.context.program->global_block().FindLocalVar(name);
    const bool mine = site.uses.NumWriters(name) == 1 && !site.context.fetches.contains(name) &&
                      !site.context.feeds.contains(name) && (v == nullptr || (!v->persistable && IsDense(*v)));
    if (!mine) return false;
  }
  if (def->kernels.empty() && def->views.empty() && def->dynamic == nullptr) return false;
  RunOp(op, &values);
  size_t bytes = 0;
  for (const std::string& name : op.outputs.AllNames()) {
    if (!values.contains(name)) continue;
    if (!std::holds_alternative<Tensor>(values[name])) return false;
    bytes += std::get<Tensor>(values[name]).bytes();
  }
  if (bytes > kMaxBytes) return false;
  for (const std::string& name : op.outputs.AllNames()) {
    if (values.contains(name)) {
      (*site.context.constants)[name] = std::get<Tensor>(values[name]).To(site.context.place);
    }
  }
  site.context.program->global_block().RemoveOps(site.position, site.position + 1);
  return true;
}

}  // namespace

bool FoldConstants(PassContext& context) {
  return context.constants != nullptr && RewriteEach(context, Fold);
}

}  // namespace skiff
