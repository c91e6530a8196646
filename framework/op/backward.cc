#include "framework/op/backward.h"

#include <algorithm>
#include <map>

#include "framework/op/backward_pass.h"
#include "framework/op/op_def.h"

namespace skiff {

namespace {

using backward::BackwardPass;
using backward::Names;
using backward::Undo;

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
  pass.Extend(std::move(seeds), {}, {}, {}, options.checkpoints);
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
