// Gradient makers: an operator's gradient is written as operators.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "framework/program/operator.h"

namespace skiff {

class Block;

/// What a gradient maker sees: the forward operator and the names its gradients will have.
class GradContext {
 public:
  /// `no_grad`: names of gradients ("x@GRAD") that nobody wants.
  GradContext(const Operator& forward, const Block* block, const std::set<std::string>* no_grad,
              const Block* grad_block = nullptr)
      : fwd(forward), block_(block), no_grad_(no_grad), grad_block_(grad_block) {}

  const Operator& fwd;

  const std::vector<std::string>& In(const std::string& slot) const { return fwd.inputs[slot]; }
  const std::vector<std::string>& Out(const std::string& slot) const { return fwd.outputs[slot]; }
  bool HasIn(const std::string& slot) const { return fwd.inputs.Has(slot); }
  bool HasOut(const std::string& slot) const { return fwd.outputs.Has(slot); }
  /// Gradients of the variables of an output slot.
  std::vector<std::string> OutGrad(const std::string& slot) const;
  /// Gradients of the variables of an input slot, kEmptyVarName for those nobody wants; with
  /// `drop_empty` (slots of one variable) these are left out.
  std::vector<std::string> InGrad(const std::string& slot, bool drop_empty = true) const;
  /// True when somebody wants the gradient of a variable of the slot.
  bool Wants(const std::string& slot) const { return !InGrad(slot).empty(); }
  /// The block of the forward operator: shapes and sub-blocks. Null only in unit tests.
  const Block* block() const { return block_; }
  /// For an operator with a `sub_block`: the block of that block's gradient operators, their variables
  /// not made yet; its forward_block_idx() names the sub-block. Else null.
  const Block* grad_block() const { return grad_block_; }

 private:
  const Block* block_;
  const std::set<std::string>* no_grad_;
  const Block* grad_block_;
};

using GradMaker = std::function<std::vector<Operator>(const GradContext&)>;

/// The common maker: "<type>_grad" with the forward inputs `ins`, the forward outputs `outs`, the
/// gradients of `out_grads`, the forward attributes, giving the gradients of `in_grads`.
GradMaker StandardGrad(std::vector<std::string> ins, std::vector<std::string> outs,
                       std::vector<std::string> out_grads, std::vector<std::string> in_grads);

/// The maker for "<type>_grad" where `type` is linear and only moves or copies elements: the gradient of its gradient is
/// `type` again, from the gradient of "<in>@GRAD" to that of "<out>@GRAD", with its `others` inputs. XShape stays what it is.
GradMaker ForwardAgain(std::string type, std::string in, std::string out, std::vector<std::string> others = {});

}  // namespace skiff
