#include "framework/op/backward_pass.h"

#include <algorithm>

#include "framework/op/append_op.h"
#include "framework/op/backward.h"
#include "framework/op/op_def.h"
#include "framework/op/recompute.h"
#include "framework/program/unique_name.h"

namespace skiff::backward {

void BackwardPass::FindPath(const Names& inputs) {
  Names& no_grad = no_grad_[block_.idx()];
  Names stopped;
  for (const std::string& name : no_grad) stopped.insert(StripGradSuffix(name));
  path_ = backward::FindPath(block_, targets_, inputs, &stopped, &sub_paths_);
  for (const auto& op : path_) RequireGradient(block_, *op);
  for (const auto& [index, path] : sub_paths_) {
    for (const auto& op : path) RequireGradient(program_.block(index), *op);
  }
  stopped.merge(FindUnusedOutputs(block_, path_, targets_, stopped));
  for (const std::string& name : stopped) no_grad.insert(GradName(name));
}

void BackwardPass::Extend(std::optional<Names> seeds, std::map<std::string, std::string> renamed,
                          std::map<std::string, std::string> given, const Names& kept,
                          const std::vector<std::string>& checkpoints) {
  if (checkpoints.empty()) {
    AppendGradOps(block_, path_, block_, seeds ? &*seeds : nullptr, std::move(renamed));
  } else {
    AppendRecomputed(checkpoints);
  }
  GiveNewNames(std::move(given), kept);
  MakeVariables(block_, first_op_);
}

std::shared_ptr<Variable> BackwardPass::GradientOf(const std::string& name) const {
  const auto found = gradients_.find(name);
  return found == gradients_.end() ? nullptr : found->second.second->FindVar(found->second.first);
}

std::vector<Operator> BackwardPass::GradientsOf(const Block& block, const Operator& op,
                                                const Block* grad_block, const Names& no_grad,
                                                std::map<std::string, std::string>* forward) const {
  std::vector<Operator> made = GetOp(op.type).grad(GradContext(op, &block, &no_grad, grad_block));
  for (Operator& grad : made) {
    grad.inputs.Sort();
    grad.outputs.Sort();
    grad.origin = op.origin;
  }
  *forward = ForwardNames(op, made, no_grad);
  return made;
}

void BackwardPass::AppendGradOps(Block& block, const Path& path, Block& target, Names* arriving,
                                 std::map<std::string, std::string> renamed) {
  Names& no_grad = no_grad_[block.idx()];
  std::vector<Operator> grads;
  for (auto it = path.rbegin(); it != path.rend(); ++it) {
    const Operator& op = **it;
    if (!GetOp(op.type).grad) continue;
    const Block* grad_block = SubBlock(op) ? &DifferentiateSubBlock(*SubBlock(op)) : nullptr;
    std::map<std::string, std::string> forward;
    std::vector<Operator> made = GradientsOf(block, op, grad_block, no_grad, &forward);
    if (program_.num_backward_passes > 1) SetApart(block, op, &made, &forward, &renamed);
    if (arriving != nullptr && !Arrives(made, arriving)) continue;
    for (Operator& grad : made) grads.push_back(std::move(grad));
    for (const auto& [grad, variable] : forward) forward_of_[grad] = variable;
  }
  if (!grads.empty()) AddUpRepeatedOutputs(&grads, block.idx());
  RemoveUnwantedBranches(&grads, &no_grad, target_grads_);
  Names known = arriving == nullptr ? Names{} : *arriving;
  for (const auto& op : path) {
    for (const std::string& name : RawNames(op->inputs)) known.insert(name);
    for (const std::string& name : RawNames(op->outputs)) known.insert(name);
  }
  RemoveUnconnected(&grads, known);
  for (Operator& grad : grads) {
    CompleteAttrs(&grad, kBackward);
    target.AddOp(std::move(grad));
  }
}

Block& BackwardPass::DifferentiateSubBlock(int index) {
  Block& grad_block = program_.CreateBlock();
  grad_block.set_forward_block_idx(index);
  AppendGradOps(program_.block(index), sub_paths_[index], grad_block, nullptr, {});
  program_.Rollback();
  return grad_block;
}

std::map<std::string, std::string> BackwardPass::ForwardNames(const Operator& op,
                                                       const std::vector<Operator>& made,
                                                       const Names& no_grad) {
  Names written;
  for (const Operator& grad : made) {
    for (const std::string& name : RawNames(grad.outputs)) written.insert(name);
  }
  std::map<std::string, std::string> forward;
  for (const std::string& name : op.inputs.AllNames()) {
    const std::string grad = GradName(name);
    if (written.contains(grad) && !no_grad.contains(grad)) forward[grad] = name;
  }
  return forward;
}

void BackwardPass::SetApart(const Block& block, const Operator& op, std::vector<Operator>* made,
              std::map<std::string, std::string>* forward,
              std::map<std::string, std::string>* renamed) const {
  for (Operator& grad : *made) {
    for (const std::string& name : RawNames(grad.inputs)) {
      const auto found = renamed->find(name);
      if (found != renamed->end() && !op.inputs.Mentions(name)) grad.inputs.Rename(name, found->second);
    }
    for (const std::string& name : RawNames(grad.outputs)) {
      if (!IsGradName(name) || block.FindLocalVar(name) == nullptr) continue;
      std::string apart = name;
      for (int i = 0; i < program_.num_backward_passes; ++i) apart = "grad/" + apart;
      grad.outputs.Rename(name, apart);
      (*renamed)[name] = apart;
      if (auto node = forward->extract(name)) {
        node.key() = apart;
        forward->insert(std::move(node));
      }
    }
  }
}

bool BackwardPass::Arrives(const std::vector<Operator>& made, Names* arriving) {
  bool arrives = false;
  for (const Operator& grad : made) arrives = arrives || AnyIn(RawNames(grad.inputs), *arriving);
  if (!arrives) return false;
  for (const Operator& grad : made) {
    for (const std::string& name : RawNames(grad.outputs)) arriving->insert(name);
  }
  return true;
}

void BackwardPass::CompleteAttrs(Operator* op, int32_t role) {
  for (const auto& [name, value] : GetOp(op->type).Complete(op->attrs)) op->attrs.Set(name, value);
  op->attrs.Set(kOpRoleAttr, role);
  op->attrs.Erase(kOpRoleVarAttr);
}

void BackwardPass::GiveNewNames(std::map<std::string, std::string> given, const Names& kept) {
  for (size_t i = first_op_; i < block_.ops().size(); ++i) {
    Operator& op = *block_.ops()[i];
    for (const std::string& name : RawNames(op.inputs)) {
      const auto found = given.find(name);
      if (found != given.end()) op.inputs.Rename(name, found->second);
    }
    for (const std::string& name : RawNames(op.outputs)) {
      const bool taken = IsGradName(name) && block_.FindLocalVar(name) != nullptr;
      if (!taken || kept.contains(name)) continue;
      given[name] = UniqueName(name);
      op.outputs.Rename(name, given[name]);
    }
  }
  for (const auto& [from, to] : given) {
    if (auto node = forward_of_.extract(from)) {
      node.key() = to;
      forward_of_.insert(std::move(node));
    }
  }
}

Names BackwardPass::LoopNames(const Block& block) const {
  for (int i = 0; i < program_.num_blocks(); ++i) {
    for (const auto& op : program_.block(i).ops()) {
      if (SubBlock(*op) != block.idx()) continue;
      Names both;
      for (const std::string& name : op->inputs.AllNames()) {
        if (op->outputs.Mentions(name)) both.insert(name);
      }
      return both;
    }
  }
  return {};
}

void BackwardPass::MakeVariables(Block& block, size_t first) {
  const Names loop = block.idx() == 0 ? Names{} : LoopNames(block);
  const Path ops = block.ops();
  Path kept(ops.begin(), ops.begin() + static_cast<std::ptrdiff_t>(first));
  for (size_t i = first; i < ops.size(); ++i) {
    Operator& op = *ops[i];
    if (const std::optional<int> sub = SubBlock(op)) {
      if (op.type == "recurrent_grad") DeclareStepGradients(block, &op);
      MakeVariables(program_.block(*sub), 0);
    }
    std::vector<std::string> incoming = op.inputs.AllNames();
    std::erase_if(incoming, [](const std::string& n) { return !IsGradName(n); });
    auto exists = [&](const std::string& n) { return block.FindVar(n) != nullptr; };
    const bool fed = incoming.empty() || std::any_of(incoming.begin(), incoming.end(),
        [&](const std::string& n) { return exists(n) || loop.contains(n); });
    if (!fed || op.outputs.AllNames().empty()) continue;
    kept.push_back(ops[i]);
    if (op.type == "sum") {
      std::vector<std::string> terms = op.inputs["X"];
      std::erase_if(terms, [&](const std::string& n) { return !exists(n); });
      op.inputs.Set("X", terms);
    }
    MakeOutputs(block, op);
  }
  block.SetOps(std::move(kept));
}

void BackwardPass::DeclareStepGradients(const Block& block, Operator* op) {
  Block& inside = program_.block(*SubBlock(*op));
  const Block& step = program_.block(inside.forward_block_idx());
  std::vector<std::string> names = op->inputs["outputs"];
  for (const std::string& name : op->attrs.Get("states", std::vector<std::string>{})) names.push_back(name);
  for (const std::string& name : names) {
    const std::shared_ptr<Variable> forward = step.FindVar(name);
    if (forward == nullptr || inside.FindVar(GradName(name)) != nullptr) continue;
    inside.AddVar({.name = GradName(name), .dtype = forward->dtype, .shape = forward->shape});
  }
  std::vector<std::string> incoming = op->inputs["outputs@GRAD"];
  for (std::string& name : incoming) {
    if (block.FindVar(name) == nullptr) name = kEmptyVarName;
  }
  op->inputs.Set("outputs@GRAD", std::move(incoming));
}

void BackwardPass::MakeOutputs(Block& block, const Operator& op) {
  std::vector<std::shared_ptr<Variable>> made;
  for (const std::string& name : op.outputs.AllNames()) {
    if (block.FindVar(name) != nullptr) continue;
    made.push_back(block.AddVar({.name = name}));
    const auto found = forward_of_.find(name);
    if (found != forward_of_.end()) gradients_[found->second] = {name, &block};
  }
  // A gradient that arrives from a loop's later turns may be declared further down.
  const std::vector<std::string> ins = op.inputs.AllNames();
  if (std::all_of(ins.begin(), ins.end(), [&](const auto& n) { return block.FindVar(n) != nullptr; })) {
    InferOutputs(block, op);
  }
  for (const auto& v : made) {
    if (const std::shared_ptr<Variable> forward = block.FindVar(StripGradSuffix(v->name))) {
      v->shape = forward->shape;
      v->dtype = forward->dtype;
    } else {
      v->dtype = DType::kFloat32;
    }
  }
}
// For each segment, last first: what comes after it is differentiated, the segment is computed again under
// other names, and differentiated with those.
void BackwardPass::AppendRecomputed(const std::vector<std::string>& checkpoints) {
  first_op_ += ShareDropoutSeeds(block_, &path_);
  const Recompute plan(block_, path_, checkpoints);
  Names& no_grad = no_grad_[block_.idx()];
  std::map<std::string, std::string> again;  // names of what is computed again
  auto rename = [&](Operator* op) {
    for (const auto& [from, to] : again) {
      op->inputs.Rename(from, to);
      op->outputs.Rename(from, to);
    }
  };
  std::vector<Operator> grads;
  auto differentiate = [&](size_t begin, size_t end, bool renamed) {
    for (size_t i = end; i-- > begin;) {
      if (!GetOp(path_[i]->type).grad) continue;
      std::map<std::string, std::string> forward;
      for (Operator& grad : GradientsOf(block_, *path_[i], nullptr, no_grad, &forward)) {
        if (renamed) rename(&grad);
        grads.push_back(std::move(grad));
      }
      for (const auto& [grad, variable] : forward) forward_of_[grad] = variable;
    }
  };
  size_t done = path_.size();
  const auto& segments = plan.segments();
  for (size_t k = 0; k < segments.size(); ++k) {
    const auto& [begin, end] = segments[segments.size() - 1 - k];
    differentiate(end, done, /*renamed=*/false);
    done = begin;
    for (size_t i = begin; i < end; ++i) {
      std::vector<std::string> names = path_[i]->inputs.AllNames();
      for (std::string& name : path_[i]->outputs.AllNames()) names.push_back(std::move(name));
      for (const std::string& name : names) {
        Variable copy = block_.Var(name);
        if (copy.persistable || plan.IsKept(name) || again.contains(name)) continue;
        copy.name = again[name] = StrCat(name, ".subprog_", k);
        block_.AddVar(std::move(copy));
      }
    }
    for (size_t i = begin; i < end; ++i) {
      const std::vector<std::string> outs = path_[i]->outputs.AllNames();
      if (std::all_of(outs.begin(), outs.end(), [&](const std::string& name) {
            return plan.IsKept(name) || block_.Var(name).persistable;
          })) {
        continue;
      }
      Operator copy = *path_[i];
      rename(&copy);
      grads.push_back(std::move(copy));
    }
    differentiate(begin, end, /*renamed=*/true);
  }
  differentiate(0, done, /*renamed=*/false);
  if (!grads.empty()) AddUpRepeatedOutputs(&grads, block_.idx());
  RemoveUnwantedBranches(&grads, &no_grad, target_grads_);
  for (Operator& grad : grads) {
    CompleteAttrs(&grad, kBackward);
    block_.AddOp(std::move(grad));
  }
}

}  // namespace skiff::backward
