#include "framework/op/backward_path.h"

#include <algorithm>

#include "framework/op/op_def.h"

namespace skiff::backward {

bool AnyIn(const std::vector<std::string>& names, const Names& set) {
  return std::any_of(names.begin(), names.end(), [&](const auto& n) { return set.contains(n); });
}

std::optional<int> SubBlock(const Operator& op) {
  const Attribute* found = op.attrs.Find("sub_block");
  const auto* ref = found == nullptr ? nullptr : std::get_if<BlockRef>(found);
  return ref == nullptr ? std::nullopt : std::optional<int>(ref->index);
}

namespace {

bool MayCarryGradient(const Block& block, const std::string& name) {
  const std::shared_ptr<Variable> v = block.FindVar(name);
  if (v == nullptr) return false;
  const bool holds_tensors = v->kind == VarKind::kLodTensor || v->kind == VarKind::kSelectedRows ||
                             v->kind == VarKind::kLodTensorArray;
  return holds_tensors &&
         (v->dtype == DType::kUndefined || IsFloating(v->dtype) || IsComplex(v->dtype));
}

// Names of `block` whose value depends on a variable that wants a gradient.
Names DependOnTrainable(const Block& block) {
  Names written, dependent;
  for (const auto& op : block.ops()) {
    for (const std::string& name : op->outputs.AllNames()) written.insert(name);
  }
  for (const auto& op : block.ops()) {
    bool depends = false;
    for (const std::string& name : op->inputs.AllNames()) {
      const std::shared_ptr<Variable> v = block.FindVar(name);
      const bool leaf = !written.contains(name) && v != nullptr && !v->stop_gradient;
      if (leaf && MayCarryGradient(block, name)) dependent.insert(name);
      depends = depends || dependent.contains(name);
    }
    for (const std::string& name : op->outputs.AllNames()) {
      const std::shared_ptr<Variable> v = block.FindVar(name);
      if (depends && v != nullptr && !v->stop_gradient) dependent.insert(name);
    }
  }
  return dependent;
}

class PathFinder {
 public:
  explicit PathFinder(std::map<int, Path>* sub_paths) : sub_paths_(*sub_paths) {}

  // Operators of `block` between `inputs` (all there are when empty) and `targets`. With `inputs`,
  // what stops gradients on the way joins `no_grad`.
  Path Find(const Block& block, const Names& targets, const Names& inputs, Names* no_grad,
            bool is_while = false) {
    dependent_[block.idx()] = DependOnTrainable(block);
    const auto& ops = block.ops();
    std::vector<bool> relevant(ops.size(), true);
    Names reached = inputs;
    if (!inputs.empty()) MarkForward(block, *no_grad, &reached, &relevant);
    Names wanted = targets;
    MarkBackward(block, *no_grad, is_while, &wanted, &relevant);

    Path path;
    for (size_t i = 0; i < ops.size(); ++i) {
      if (relevant[i]) path.push_back(ops[i]);
    }
    if (inputs.empty()) return path;
    for (const auto& op : path) {
      for (const std::string& name : op->inputs.AllNames()) {
        const std::shared_ptr<Variable> v = block.FindVar(name);
        if (!reached.contains(name) && v != nullptr && v->stop_gradient) no_grad->insert(name);
      }
    }
    return path;
  }

 private:
  void MarkForward(const Block& block, const Names& no_grad, Names* reached,
                   std::vector<bool>* relevant) const {
    for (size_t i = 0; i < block.ops().size(); ++i) {
      const Operator& op = *block.ops()[i];
      (*relevant)[i] = AnyIn(RawNames(op.inputs), *reached) && !StopsGradients(block, op);
      if (!(*relevant)[i]) continue;
      for (const std::string& name : RawNames(op.outputs)) {
        if (!no_grad.contains(name)) reached->insert(name);
      }
    }
  }

  void MarkBackward(const Block& block, const Names& no_grad, bool is_while, Names* wanted,
                    std::vector<bool>* relevant) {
    const auto& ops = block.ops();
    auto want_inputs = [&](const Operator& op) {
      for (const std::string& name : RawNames(op.inputs)) {
        if (!no_grad.contains(name)) wanted->insert(name);
      }
    };
    for (size_t i = ops.size(); i-- > 0;) {
      const Operator& op = *ops[i];
      if (const std::optional<int> sub = SubBlock(op)) FindInSubBlock(block, op, *sub, *wanted);
      if (AnyIn(RawNames(op.outputs), *wanted) && !StopsGradients(block, op)) {
        want_inputs(op);
      } else {
        (*relevant)[i] = false;
      }
    }
    if (!is_while) return;
    // A loop's body reads what its end wrote: a second walk finds what feeds the next turn.
    for (size_t i = ops.size(); i-- > 0;) {
      const Operator& op = *ops[i];
      if ((*relevant)[i] || !AnyIn(RawNames(op.outputs), *wanted)) continue;
      (*relevant)[i] = true;
      if (!StopsGradients(block, op)) want_inputs(op);
    }
  }

  void FindInSubBlock(const Block& block, const Operator& op, int index, const Names& wanted) {
    const Block& sub = block.program()->block(index);
    if (op.type != "conditional_block" && op.type != "while") {
      sub_paths_[index] = Path(sub.ops().begin(), sub.ops().end());
      return;
    }
    Names targets;
    for (const std::string& name : RawNames(op.outputs)) {
      if (!wanted.contains(name)) continue;
      targets.insert(name);
      for (const auto& inner : sub.ops()) {
        if (!inner->outputs.Mentions(name)) continue;
        for (const std::string& in : inner->inputs.AllNames()) targets.insert(in);
      }
    }
    Names no_grad;
    sub_paths_[index] = Find(sub, targets, {}, &no_grad, op.type == "while");
  }

  // Paddle's "empty gradient maker": nothing flows through and nobody misses it. An operator that
  // turns trainable floats into floats and has no gradient is not let pass: see RequireGradient.
  bool StopsGradients(const Block& block, const Operator& op) const {
    const OpDef* def = FindOp(op.type);
    if (def != nullptr && (def->grad || def->zero_gradient)) return !def->grad;
    const Names& dependent = dependent_.at(block.idx());
    const std::vector<std::string> ins = op.inputs.AllNames(), outs = op.outputs.AllNames();
    auto carries = [&](const std::string& n) { return MayCarryGradient(block, n); };
    auto trainable = [&](const std::string& n) { return dependent.contains(n) && carries(n); };
    return std::none_of(ins.begin(), ins.end(), trainable) ||
           std::none_of(outs.begin(), outs.end(), carries);
  }

  std::map<int, Path>& sub_paths_;
  std::map<int, Names> dependent_;
};

}  // namespace

Path FindPath(const Block& block, const Names& targets, const Names& inputs, Names* no_grad,
              std::map<int, Path>* sub_paths) {
  return PathFinder(sub_paths).Find(block, targets, inputs, no_grad);
}

void RequireGradient(const Block& block, const Operator& op) {
  const OpDef& def = GetOp(op.type);
  if (def.grad || def.zero_gradient) return;
  const std::vector<std::string> ins = op.inputs.AllNames();
  const std::vector<std::string> outs = op.outputs.AllNames();
  auto carries = [&](const std::string& name) { return MayCarryGradient(block, name); };
  if (std::none_of(ins.begin(), ins.end(), carries) || std::none_of(outs.begin(), outs.end(), carries)) return;
  Unimplemented error(StrCat("operator \"", op.type, "\" has no gradient, and the loss depends on "
                             "trainable variables through it"));
  const auto& ops = block.ops();
  const auto at = std::find_if(ops.begin(), ops.end(), [&](const auto& o) { return o.get() == &op; });
  error.AddContext(StrCat("op ", at - ops.begin(), " of block ", block.idx(),
                          op.origin.empty() ? "" : ", built by " + op.origin));
  error.AddContext(StrCat("put \"", ins.front(), "\" in no_grad_set if its gradient is not wanted"));
  throw error;
}

Names FindUnusedOutputs(const Block& block, const Path& path, Names used, const Names& no_grad) {
  Names unused;
  for (auto it = path.rbegin(); it != path.rend(); ++it) {
    const Operator& op = **it;
    if (!SubBlock(op)) {
      for (const std::string& name : op.outputs.AllNames()) {
        const std::shared_ptr<Variable> v = block.FindVar(name);
        const bool stops = v != nullptr && v->stop_gradient;
        if (!used.contains(name) && !op.inputs.Mentions(name) && !stops) unused.insert(name);
      }
    }
    for (const std::string& name : RawNames(op.inputs)) {
      if (!no_grad.contains(name)) used.insert(name);
    }
  }
  return unused;
}

}  // namespace skiff::backward
