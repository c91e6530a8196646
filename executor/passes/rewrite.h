// What passes share: trying a rewrite at every operator, and questions about variables.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "executor/passes/pass.h"
#include "framework/program/operator.h"

namespace skiff {

/// Where a rewrite is tried: one operator of block 0, with who reads and writes what.
class RewriteSite {
 public:
  RewriteSite(PassContext& context, const UseIndex& uses, int position)
      : context(context), uses(uses), position(position) {}

  PassContext& context;
  const UseIndex& uses;
  const int position;

  const Operator& op() const { return At(position); }
  const Operator& At(int i) const { return *context.program->global_block().ops()[i]; }
  /// The only operator that reads the only output of `slot` of operator `i`; -1 when there are others,
  /// or the output is wanted elsewhere.
  int NextOf(int i, const std::string& slot) const;
  /// The operator that writes `name`, if `reader` is all it is written for; else -1.
  int SourceOf(const std::string& name, int reader) const;
  /// True when what operator `i` reads is the same when operator `later` runs.
  bool CanMove(int i, int later) const;

  /// Shape of a constant or declared variable; [] with rank 0 when unknown.
  std::optional<Shape> ShapeOf(const std::string& name) const;
  DType DTypeOf(const std::string& name) const;
  /// A constant, or a parameter that only its owner changes between runs.
  bool IsParameter(const std::string& name) const;
  /// True when the operator can run here with operands like `name`.
  bool HasKernel(const std::string& type, const std::string& name) const;

  /// The constant as a CPU tensor.
  Tensor Constant(const std::string& name) const;
  /// Adds a constant, at the place, under a new name like `like`.
  std::string AddConstant(const std::string& like, const Tensor& value) const;
  /// Puts `fused` where `last` is, and removes the operators in `gone` (and `last`).
  void Replace(std::vector<int> gone, int last, Operator fused) const;
};

/// Tries `rewrite` at every operator, again after each change, until none applies.
/// @return whether anything changed.
bool RewriteEach(PassContext& context, const std::function<bool(const RewriteSite&)>& rewrite);

}  // namespace skiff
