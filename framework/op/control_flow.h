// What operators that run sub-blocks see besides values: scopes, one for each run of a block. Lookup
// goes from a block's own variables to those of the block its operator stands in, and so on; a gradient
// block looks at the run of the forward block that it differentiates in between.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/op/grad.h"
#include "framework/op/kernel.h"

namespace skiff {

/// The variables of one run of a block. Whoever needs them later keeps it: a loop for its gradient.
class BlockScope {
 public:
  virtual ~BlockScope() = default;
  /// The block's own variable, or nullptr. It may hold no value (see HasValue).
  virtual Value* FindOwn(const std::string& name) = 0;
};
using BlockScopes = std::vector<std::shared_ptr<BlockScope>>;

/// The context of an operator in a program that runs: it can run blocks.
class ControlFlowContext : public DynamicContext {
 public:
  /// True when the program has a block that computes the gradient of `block`: its scopes must be kept.
  virtual bool HasGradient(int block) const = 0;
  /// Fresh variables for a run of `block`; `forward` is the scope of the run it differentiates.
  virtual std::shared_ptr<BlockScope> NewScope(int block,
                                               std::shared_ptr<BlockScope> forward = nullptr) = 0;
  /// Runs the scope's block; own variables of an earlier run are forgotten when `renew`. With
  /// `keep_entry`, gradient blocks see the values that outer variables had before the run, as far as
  /// the block overwrites them.
  virtual void Run(BlockScope& scope, bool renew = false, bool keep_entry = false) = 0;
  /// The scopes that the variable of this input or output slot (a STEP_SCOPES) holds.
  virtual BlockScopes& Scopes(const std::string& slot) = 0;
  /// The variable as seen by this operator, or nullptr when nothing of that name is there.
  virtual Value* FindVariable(const std::string& name) = 0;
};

/// `context` as that of a running program. @throws Unimplemented when an operator runs by itself.
ControlFlowContext& ControlFlow(DynamicContext& context);

/// False for an uninitialised tensor, which stands for "never written".
inline bool HasValue(const Value& value) {
  const auto* tensor = std::get_if<Tensor>(&value);
  return tensor == nullptr || tensor->is_initialized();
}

}  // namespace skiff

/// What the operators that run blocks share.
namespace skiff::control_flow {

/// The only element of a condition. @throws InvalidArgument when there are more or fewer.
bool IsTrue(const Tensor& condition);
/// The only element of an integer (or bool) tensor.
int64_t OneInteger(const Tensor& tensor, const char* what);

/// Zeros with the shape and dtype of `like`, array entries of their own included.
Value ZerosLike(const Value& like, const Place& place);

/// Hands gradients over after a gradient block ran in `scope`: X@GRAD gets the block's own gradient of
/// X, zeros where it has none. A null scope gives zeros for all.
void HandGradientsOver(DynamicContext& context, BlockScope* scope, const std::string& slot);

/// Names inside the blocks of `op` through which it hands values in and out: they are the blocks' own, whatever is
/// called so outside. The sequences, memories and outputs of `recurrent`; gradients that a loop's gradient starts from.
std::vector<std::string> OwnNames(const Operator& op);

/// a + b: gradients of one variable from two runs of a block.
Value AddUp(const Value& a, const Value& b, DynamicContext& context);

/// Gradients of a slot as outputs: kEmptyVarName for those nobody wants and for integers.
std::vector<std::string> FloatGradients(const GradContext& g, const std::string& slot);

/// Build-time inference: each "<slot>@GRAD" is like the variable of the slot.
void InferGradients(InferContext& context, const std::string& slot);

}  // namespace skiff::control_flow
