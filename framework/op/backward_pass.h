// One extension of a program by gradient operators. Part of backward; nothing else includes it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/op/backward_path.h"

namespace skiff::backward {

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

  /// Finds the operators that take part. Changes nothing.
  void FindPath(const Names& inputs);
  /// `seeds`: gradients known to arrive, when this is not the program's first backward pass.
  /// `given`: names that stand for the targets' gradients; `kept`: gradients that keep their name.
  void Extend(std::optional<Names> seeds, std::map<std::string, std::string> renamed,
              std::map<std::string, std::string> given, const Names& kept,
              const std::vector<std::string>& checkpoints = {});
  /// The gradient of a forward variable, or null.
  std::shared_ptr<Variable> GradientOf(const std::string& name) const;

 private:
  void AppendGradOps(Block& block, const Path& path, Block& target, Names* arriving,
                     std::map<std::string, std::string> renamed);
  /// The gradient operators of one operator, and which of what they write is the gradient of what.
  std::vector<Operator> GradientsOf(const Block& block, const Operator& op, const Block* grad_block,
                                    const Names& no_grad,
                                    std::map<std::string, std::string>* forward) const;
  void AppendRecomputed(const std::vector<std::string>& checkpoints);
  Block& DifferentiateSubBlock(int index);
  static std::map<std::string, std::string> ForwardNames(const Operator& op,
                                                         const std::vector<Operator>& made,
                                                         const Names& no_grad);
  /// A later pass over one program: gradients of earlier passes keep theirs, new ones get other names.
  void SetApart(const Block& block, const Operator& op, std::vector<Operator>* made,
                std::map<std::string, std::string>* forward,
                std::map<std::string, std::string>* renamed) const;
  /// True when one of the gradients that `made` reads is known to arrive; its results then arrive too.
  static bool Arrives(const std::vector<Operator>& made, Names* arriving);
  static void CompleteAttrs(Operator* op, int32_t role);
  void GiveNewNames(std::map<std::string, std::string> given, const Names& kept);
  /// Names a loop's gradient both reads and writes: made inside it, known there from the start.
  Names LoopNames(const Block& block) const;
  /// recurrent_grad sets the gradients of outputs and states in its block step by step: they are declared, there unless
  /// outside. That of an output that nothing reads is empty.
  void DeclareStepGradients(const Block& block, Operator* op);
  /// Makes the variables that the operators from `first` on write, and drops the operators to whose
  /// inputs nothing flows.
  void MakeVariables(Block& block, size_t first);
  void MakeOutputs(Block& block, const Operator& op);

  Block& block_;
  Program& program_;
  size_t first_op_;
  const Names targets_;
  Names target_grads_;
  Path path_;
  std::map<int, Path> sub_paths_;                   // by the sub-block's index
  std::map<int, Names> no_grad_;                    // names of gradients, by block
  std::map<std::string, std::string> forward_of_;   // gradient -> variable
  std::map<std::string, std::pair<std::string, Block*>> gradients_;  // variable -> gradient, its block
};

}  // namespace skiff::backward
