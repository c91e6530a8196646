#include "framework/op/backward.h"

#include <algorithm>
#include <map>

#include "framework/op/append_op.h"
#include "framework/op/grad_ops.h"
#include "framework/program/unique_name.h"

namespace skiff {

namespace {

using backward::IsGradName;
using backward::Names;
using backward::RawNames;
using Path = std::vector<std::shared_ptr<Operator>>;

bool AnyIn(const std::vector<std::string>& names, const Names& set) {
  return std::any_of(names.begin(), names.end(), [&](const auto& n) { return set.contains(n); });
}

std::optional<int> SubBlock(const Operator& op) {
  const Attribute* found = op.attrs.Find("sub_block");
  const auto* ref = found == nullptr ? nullptr : std::get_if<BlockRef>(found);
  return ref == nullptr ? std::nullopt : std::optional<int>(ref->index);
}

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

// Finds which operators take part, and refuses those that should but cannot.
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

// Outputs of the path that nothing on the way to the targets reads: their gradients are zero.
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

// Puts a program back as it was unless the extension succeeds.
class Undo {
 public:
  explicit Undo(Block& block)
      : block_(block), ops_(block.ops()), num_vars_(block.vars().size()),
        num_blocks_(block.program()->num_blocks()), passes_(block.program()->num_backward_passes) {}
  ~Undo() {
    if (done_) return;
    block_.SetOps(ops_);
    while (block_.vars().size() > num_vars_) block_.RemoveVar(std::string(block_.vars().back()->name));
    Program& program = *block_.program();
    while (program.current_block().idx() >= num_blocks_) program.Rollback();
    if (program.num_blocks() > num_blocks_) program.RemoveBlocksFrom(num_blocks_);
    program.num_backward_passes = passes_;
  }
  void Keep() { done_ = true; }

 private:
  Block& block_;
  const Path ops_;
  const size_t num_vars_;
  const int num_blocks_;
  const int passes_;
  bool done_ = false;
};

// One call of AppendBackward or Gradients.
class BackwardPass {
 public:
  BackwardPass(Block& block, const Names& targets, const Names& no_grad)
      : block_(block), program_(*block.program()), first_op_(block.ops().size()), targets_(targets) {
    for (const std::string& name : targets) target_grads_.insert(GradName(name));
    for (int i = 0; i < program_.num_blocks(); ++i) {
      Names& stopped = no_grad_[i];
      for (const auto& v : program_.block(i).vars()) {
        if (v->stop_gradient) stopped.insert(GradName(v->name));
      }
    }
    for (const std::string& name : no_grad) no_grad_[0].insert(GradName(name));
  }

  // Finds the operators that take part. Changes nothing.
  void FindPath(const Names& inputs) {
    Names& no_grad = no_grad_[block_.idx()];
    Names stopped;
    for (const std::string& name : no_grad) stopped.insert(StripGradSuffix(name));
    path_ = PathFinder(&sub_paths_).Find(block_, targets_, inputs, &stopped);
    for (const auto& op : path_) RequireGradient(block_, *op);
    for (const auto& [index, path] : sub_paths_) {
      for (const auto& op : path) RequireGradient(program_.block(index), *op);
    }
    stopped.merge(FindUnusedOutputs(block_, path_, targets_, stopped));
    for (const std::string& name : stopped) no_grad.insert(GradName(name));
  }

  // `seeds`: gradients known to arrive, when this is not the program's first backward pass.
  // `given`: names that stand for the targets' gradients; `kept`: gradients that keep their name.
  void Extend(std::optional<Names> seeds, std::map<std::string, std::string> renamed,
              std::map<std::string, std::string> given, const Names& kept) {
    AppendGradOps(block_, path_, block_, seeds ? &*seeds : nullptr, std::move(renamed));
    GiveNewNames(std::move(given), kept);
    MakeVariables(block_, first_op_);
  }

  // The gradient of a forward variable, or null.
  std::shared_ptr<Variable> GradientOf(const std::string& name) const {
    const auto found = gradients_.find(name);
    return found == gradients_.end() ? nullptr : found->second.second->FindVar(found->second.first);
  }

 private:
  void AppendGradOps(Block& block, const Path& path, Block& target, Names* arriving,
                     std::map<std::string, std::string> renamed) {
    Names& no_grad = no_grad_[block.idx()];
    std::vector<Operator> grads;
    for (auto it = path.rbegin(); it != path.rend(); ++it) {
      const Operator& op = **it;
      const OpDef& def = GetOp(op.type);
      if (!def.grad) continue;
      const Block* grad_block = SubBlock(op) ? &DifferentiateSubBlock(*SubBlock(op)) : nullptr;
      std::vector<Operator> made = def.grad(GradContext(op, &block, &no_grad, grad_block));
      for (Operator& grad : made) {
        grad.inputs.Sort();
        grad.outputs.Sort();
        grad.origin = op.origin;
      }
      std::map<std::string, std::string> forward = ForwardNames(op, made, no_grad);
      if (program_.num_backward_passes > 1) SetApart(block, op, &made, &forward, &renamed);
      if (arriving != nullptr && !Arrives(made, arriving)) continue;
      for (Operator& grad : made) grads.push_back(std::move(grad));
      for (const auto& [grad, variable] : forward) forward_of_[grad] = variable;
    }
    if (!grads.empty()) backward::AddUpRepeatedOutputs(&grads, block.idx());
    backward::RemoveUnwantedBranches(&grads, &no_grad, target_grads_);
    Names known = arriving == nullptr ? Names{} : *arriving;
    for (const auto& op : path) {
      for (const std::string& name : RawNames(op->inputs)) known.insert(name);
      for (const std::string& name : RawNames(op->outputs)) known.insert(name);
    }
    backward::RemoveUnconnected(&grads, known);
    for (Operator& grad : grads) {
      CompleteAttrs(&grad, kBackward);
      target.AddOp(std::move(grad));
    }
  }

  Block& DifferentiateSubBlock(int index) {
    Block& grad_block = program_.CreateBlock();
    grad_block.set_forward_block_idx(index);
    AppendGradOps(program_.block(index), sub_paths_[index], grad_block, nullptr, {});
    program_.Rollback();
    return grad_block;
  }

  static std::map<std::string, std::string> ForwardNames(const Operator& op,
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

  // A later pass over one program: gradients of earlier passes keep theirs, new ones get other names.
  void SetApart(const Block& block, const Operator& op, std::vector<Operator>* made,
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

  // True when one of the gradients that `made` reads is known to arrive; its results then arrive too.
  static bool Arrives(const std::vector<Operator>& made, Names* arriving) {
    bool arrives = false;
    for (const Operator& grad : made) arrives = arrives || AnyIn(RawNames(grad.inputs), *arriving);
    if (!arrives) return false;
    for (const Operator& grad : made) {
      for (const std::string& name : RawNames(grad.outputs)) arriving->insert(name);
    }
    return true;
  }

  static void CompleteAttrs(Operator* op, int32_t role) {
    for (const auto& [name, value] : GetOp(op->type).Complete(op->attrs)) op->attrs.Set(name, value);
    op->attrs.Set(kOpRoleAttr, role);
    op->attrs.Erase(kOpRoleVarAttr);
  }

  void GiveNewNames(std::map<std::string, std::string> given, const Names& kept) {
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

  // Names a loop's gradient both reads and writes: made inside it, known there from the start.
  Names LoopNames(const Block& block) const {
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

  // Makes the variables that the operators from `first` on write, and drops the operators to whose
  // inputs nothing flows.
  void MakeVariables(Block& block, size_t first) {
    const Names loop = block.idx() == 0 ? Names{} : LoopNames(block);
    const Path ops = block.ops();
    Path kept(ops.begin(), ops.begin() + static_cast<std::ptrdiff_t>(first));
    for (size_t i = first; i < ops.size(); ++i) {
      Operator& op = *ops[i];
      if (const std::optional<int> sub = SubBlock(op)) MakeVariables(program_.block(*sub), 0);
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

  void MakeOutputs(Block& block, const Operator& op) {
    std::vector<std::shared_ptr<Variable>> made;
    for (const std::string& name : op.outputs.AllNames()) {
      if (block.FindVar(name) != nullptr) continue;
      made.push_back(block.AddVar({.name = name}));
      const auto found = forward_of_.find(name);
      if (found != forward_of_.end()) gradients_[found->second] = {name, &block};
    }
    InferOutputs(block, op);
    for (const auto& v : made) {
      if (const std::shared_ptr<Variable> forward = block.FindVar(StripGradSuffix(v->name))) {
        v->shape = forward->shape;
        v->dtype = forward->dtype;
      } else {
        v->dtype = DType::kFloat32;
      }
    }
  }

  Block& block_;
  Program& program_;
  const size_t first_op_;
  const Names targets_;
  Names target_grads_;
  Path path_;
  std::map<int, Path> sub_paths_;                   // by the sub-block's index
  std::map<int, Names> no_grad_;                    // names of gradients, by block
  std::map<std::string, std::string> forward_of_;   // gradient -> variable
  std::map<std::string, std::pair<std::string, Block*>> gradients_;  // variable -> gradient, its block
};

std::shared_ptr<Operator> FindWriter(const Block& block, const std::string& name) {
  for (auto it = block.ops().rbegin(); it != block.ops().rend(); ++it) {
    if ((*it)->outputs.Mentions(name)) return *it;
  }
  return nullptr;
}

Operator LossGradient(const Variable& loss) {
  const bool scalar = loss.shape.rank() == 0;
  return {"fill_constant", {}, {{"Out", {GradName(loss.name)}}},
          {{"shape", std::vector<int64_t>(scalar ? 0 : 1, 1)}, {"value", 1.0f},
           {"dtype", static_cast<int32_t>(loss.dtype)}, {"force_cpu", false}}};
}

// Appends an operator that starts a pass; its output's variable is made with the others.
void AppendSeed(Block& block, Operator seed, int32_t role, const std::string& origin) {
  for (const auto& [name, value] : GetOp(seed.type).Complete(seed.attrs)) seed.attrs.Set(name, value);
  seed.attrs.Set(kOpRoleAttr, role);
  seed.origin = origin;
  block.AddOp(std::move(seed));
}

void CheckLoss(const Variable& loss) {
  SKIFF_ENFORCE(loss.block != nullptr, InvalidArgument, "\"", loss.name, "\" belongs to no program");
  SKIFF_ENFORCE(loss.block->idx() == 0 && loss.block->program()->current_block().idx() == 0,
                Unimplemented, "backward inside a sub-block: \"", loss.name, "\" is in block ",
                loss.block->idx(), ", block ", loss.block->program()->current_block().idx(),
                " is current; both must be block 0");
  SKIFF_ENFORCE(!loss.shape.IsKnown() || loss.shape.NumElements() == 1, InvalidArgument, "the loss \"",
                loss.name, "\" has shape ", loss.shape, "; it must have one element: take its mean");
}

std::vector<std::string> TrainableParameters(const Block& block) {
  std::vector<std::string> names;
  for (const auto& v : block.vars()) {
    if (v->is_parameter && v->parameter.trainable) names.push_back(v->name);
  }
  return names;
}

}  // namespace

std::string StripGradSuffix(const std::string& name) {
  const std::string suffix = kGradSuffix;
  size_t end = name.find(suffix + "@");
  if (end == std::string::npos && name.ends_with(suffix)) end = name.size() - suffix.size();
  const std::string stripped = name.substr(0, end);
  const size_t slash = stripped.rfind("grad/");
  return slash == std::string::npos ? stripped : stripped.substr(slash + 5);
}

std::vector<ParamGrad> AppendBackward(const Variable& loss, const BackwardOptions& options) {
  CheckLoss(loss);
  Block& block = *loss.block;
  Program& program = *block.program();
  const std::shared_ptr<Operator> writer = FindWriter(block, loss.name);
  SKIFF_ENFORCE(writer != nullptr, InvalidArgument, "no operator of block 0 computes the loss \"",
                loss.name, "\"");
  const std::vector<std::string> parameters =
      options.parameters ? *options.parameters : TrainableParameters(block);
  for (const std::string& name : parameters) block.Var(name);

  BackwardPass pass(block, {loss.name}, options.no_grad_set);
  pass.FindPath({});
  Undo undo(block);
  ++program.num_backward_passes;
  AppendSeed(block, LossGradient(loss), kBackward | kLoss, writer->origin);
  std::optional<Names> seeds;
  if (program.num_backward_passes > 1) seeds = Names{GradName(loss.name)};
  pass.Extend(std::move(seeds), {}, {}, {});
  undo.Keep();
  writer->attrs.Set(kOpRoleAttr, int32_t{kForward | kLoss});

  std::vector<ParamGrad> pairs;
  for (const std::string& name : parameters) {
    const std::shared_ptr<Variable> grad = pass.GradientOf(name);
    if (grad == nullptr) continue;
    pairs.emplace_back(block.FindVar(name), grad);
    Operator& op = *FindWriter(block, grad->name);
    std::vector<std::string> role = {name, grad->name};
    const auto before = op.attrs.Get(kOpRoleVarAttr, std::vector<std::string>{});
    role.insert(role.end(), before.begin(), before.end());
    op.attrs.Set(kOpRoleVarAttr, std::move(role));
  }
  program.Touch();
  return pairs;
}

std::vector<std::shared_ptr<Variable>> Gradients(
    const std::vector<std::shared_ptr<Variable>>& targets,
    const std::vector<std::shared_ptr<Variable>>& inputs,
    const std::vector<std::shared_ptr<Variable>>& target_gradients,
    const std::set<std::string>& no_grad_set) {
  SKIFF_ENFORCE(!targets.empty() && targets.front()->block != nullptr, InvalidArgument,
                "gradients need at least one target of a program");
  SKIFF_ENFORCE(target_gradients.empty() || target_gradients.size() == targets.size(),
                InvalidArgument, targets.size(), " targets have ", target_gradients.size(),
                " target gradients; give one each, or none");
  Block& block = *targets.front()->block;
  Program& program = *block.program();
  Names target_names, input_names;
  for (const auto& v : inputs) {
    SKIFF_ENFORCE(v->block != nullptr && v->block->program() == &program, InvalidArgument, "input \"",
                  v->name, "\" is of another program than the targets");
    input_names.insert(v->name);
  }
  Names seeds, kept;
  std::map<std::string, std::string> given;
  std::vector<std::shared_ptr<Variable>> ones;
  for (size_t i = 0; i < targets.size(); ++i) {
    const Variable& target = *targets[i];
    SKIFF_ENFORCE(target.block == &block, InvalidArgument, "targets \"", targets.front()->name,
                  "\" and \"", target.name, "\" are in different blocks");
    target_names.insert(target.name);
    if (target_gradients.empty() || target_gradients[i] == nullptr) {
      ones.push_back(targets[i]);
      seeds.insert(GradName(target.name));
      kept.insert(GradName(target.name));
      continue;
    }
    const Variable& grad = *target_gradients[i];
    SKIFF_ENFORCE(grad.shape == target.shape, InvalidArgument, "target \"", target.name, "\" has shape ",
                  target.shape, ", its gradient \"", grad.name, "\" ", grad.shape);
    seeds.insert(grad.name);
    given[GradName(target.name)] = grad.name;
  }

  BackwardPass pass(block, target_names, no_grad_set);
  pass.FindPath(input_names);
  Undo undo(block);
  const bool first = ++program.num_backward_passes == 1;
  for (const auto& target : ones) {
    AppendSeed(block, {"fill_any_like", {{"X", {target->name}}}, {{"Out", {GradName(target->name)}}},
                       {{"value", 1.0f}, {"dtype", static_cast<int32_t>(target->dtype)}}},
               kBackward, "");
  }
  std::map<std::string, std::string> renamed;
  if (!first) renamed = given;
  pass.Extend(first ? std::nullopt : std::optional<Names>(seeds), std::move(renamed), given, kept);
  undo.Keep();
  std::vector<std::shared_ptr<Variable>> result;
  for (const auto& v : inputs) result.push_back(pass.GradientOf(v->name));
  return result;
}

}  // namespace skiff
