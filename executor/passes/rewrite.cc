#include "executor/passes/rewrite.h"

#include <algorithm>

#include "framework/op/op_def.h"

namespace skiff {

int RewriteSite::NextOf(int i, const std::string& slot) const {
  const std::string& name = At(i).outputs.One(slot);
  if (name.empty()) return -1;
  const std::vector<int>& readers = uses.Readers(name);
  return readers.size() == 1 && uses.OnlyUse(name, readers.front()) ? readers.front() : -1;
}

int RewriteSite::SourceOf(const std::string& name, int reader) const {
  return uses.OnlyUse(name, reader) ? uses.Writer(name) : -1;
}

bool RewriteSite::CanMove(int i, int later) const {
  for (const std::string& name : At(i).inputs.AllNames()) {
    for (int between = i + 1; between < later; ++between) {
      const std::vector<std::string> writes = At(between).outputs.AllNames();
      if (std::find(writes.begin(), writes.end(), name) != writes.end()) return false;
    }
  }
  return true;
}

std::optional<Shape> RewriteSite::ShapeOf(const std::string& name) const {
  if (context.IsConstant(name)) return context.constants->at(name).shape();
  const std::shared_ptr<Variable> v = context.program->global_block().FindVar(name);
  if (v == nullptr || v->dtype == DType::kUndefined) return std::nullopt;
  return v->shape;
}

DType RewriteSite::DTypeOf(const std::string& name) const {
  if (context.IsConstant(name)) return context.constants->at(name).dtype();
  const std::shared_ptr<Variable> v = context.program->global_block().FindVar(name);
  return v == nullptr ? DType::kUndefined : v->dtype;
}

bool RewriteSite::IsParameter(const std::string& name) const {
  if (context.IsConstant(name)) return true;
  const std::shared_ptr<Variable> v = context.program->global_block().FindVar(name);
  return v != nullptr && v->persistable && uses.NumWriters(name) == 0;
}

bool RewriteSite::HasKernel(const std::string& type, const std::string& name) const {
  const OpDef* def = FindOp(type);
  return def != nullptr && FindKernel(*def, context.place.kind, DTypeOf(name)) != nullptr;
}

Tensor RewriteSite::Constant(const std::string& name) const {
  return context.constants->at(name).To(CPUPlace{});
}

std::string RewriteSite::AddConstant(const std::string& like, const Tensor& value) const {
  std::string name = like;
  while (context.constants->contains(name) ||
         context.program->global_block().FindVar(name) != nullptr) {
    name += "@folded";
  }
  context.constants->emplace(name, value.To(context.place));
  Variable v;
  v.name = name;
  v.dtype = value.dtype();
  v.shape = value.shape();
  v.persistable = true;
  context.program->global_block().AddVar(std::move(v));
  return name;
}

void RewriteSite::Replace(std::vector<int> gone, int last, Operator fused) const {
  Block& block = context.program->global_block();
  std::vector<std::shared_ptr<Operator>> ops = block.ops();
  fused.origin = ops[last]->origin;
  ops[last] = std::make_shared<Operator>(std::move(fused));
  std::sort(gone.rbegin(), gone.rend());
  for (int i : gone) {
    if (i != last) ops.erase(ops.begin() + i);
  }
  block.SetOps(std::move(ops));
}

bool RewriteEach(PassContext& context, const std::function<bool(const RewriteSite&)>& rewrite) {
  bool changed = false;
  auto uses = std::make_unique<UseIndex>(context);
  for (int i = 0; i < static_cast<int>(context.program->global_block().ops().size());) {
    if (rewrite(RewriteSite(context, *uses, i))) {
      changed = true;
      uses = std::make_unique<UseIndex>(context);
      i = std::max(i - 1, 0);  // a rewrite removes operators before or after; none is skipped for good
    } else {
      ++i;
    }
  }
  return changed;
}

}  // namespace skiff
