// Operators that hand their input on: scale by 1 without bias, dropout at inference, assign.
//
//   f -> X -> scale -> Out      becomes      f -> Out      (only scale reads X), or
//   X -> scale -> Out -> g      becomes      X -> g        (nobody fetches Out)
#include <algorithm>

#include "executor/passes/passes.h"
#include "executor/passes/rewrite.h"

namespace skiff {

namespace {

bool IsIdentity(const Operator& op) {
  if (op.type == "scale") {
    return !op.inputs.Has("ScaleTensor") && op.attrs.Get<float>("scale", 1.0f) == 1.0f &&
           op.attrs.Get<float>("bias", 0.0f) == 0.0f;
  }
  if (op.type == "dropout") {
    const bool is_test = op.attrs.Get<bool>("is_test", false);
    const bool upscale = op.attrs.Get<std::string>("dropout_implementation", "downgrade_in_infer") ==
                         "upscale_in_train";
    return is_test && upscale && !op.inputs.Has("Seed");
  }
  return op.type == "assign";
}

bool Remove(const RewriteSite& site) {
  const Operator& op = site.op();
  if (!IsIdentity(op)) return false;
  const std::string x = op.inputs.One("X"), out = op.outputs.One("Out");
  Block& block = site.context.program->global_block();
  // A dropout's mask must not be wanted, and nothing else may be written.
  for (const std::string& name : op.outputs.AllNames()) {
    if (name != out && (!site.uses.Readers(name).empty() || site.context.fetches.contains(name))) return false;
  }
  const std::shared_ptr<Variable> v = block.FindVar(out);
  if (site.uses.Writer(out) != site.position || (v != nullptr && (v->persistable || !IsDense(*v)))) {
    return false;
  }
  const std::shared_ptr<Variable> from = block.FindVar(x);
  if (from != nullptr && !IsDense(*from)) return false;
  if (const int source = site.SourceOf(x, site.position);
      source >= 0 && source < site.position && site.At(source).type != "feed" &&
      !site.At(source).inputs.Mentions(x)) {
    block.ops()[source]->outputs.Rename(x, out);
    block.RemoveOps(site.position, site.position + 1);
    return true;
  }
  const bool fixed = site.uses.NumWriters(x) <= 1 && !site.context.fetches.contains(out) &&
                     !site.context.feeds.contains(out) && site.uses.NumWriters(out) == 1;
  if (!fixed || (from != nullptr && from->persistable && !site.IsParameter(x))) return false;
  for (int reader : site.uses.Readers(out)) block.ops()[reader]->inputs.Rename(out, x);
  block.RemoveOps(site.position, site.position + 1);
  return true;
}

}  // namespace

bool RemoveIdentity(PassContext& context) { return RewriteEach(context, Remove); }

}  // namespace skiff
