// LayerHelper: what every layer does: a name of its own, temporaries and parameters named after it,
// operators that know where they were made. The Python layers are written over it too.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/layers/param_attr.h"
#include "framework/layers/var.h"
#include "framework/program/program.h"

namespace skiff {

/// Appends `op` to `block` as Paddle's Block.append_op does: framework/op/append_op.h, and outputs stop
/// gradients when every input does (sub-block operators aside).
std::shared_ptr<Operator> AppendLayerOp(Block& block, Operator op);

/// One use of a layer. Works on the calling thread's default programs.
class LayerHelper {
 public:
  /// `name` given by the user, or "" for "<layer_type>_<n>".
  explicit LayerHelper(const std::string& layer_type, const std::string& name = "",
                       std::string origin = "");

  const std::string& name() const { return name_; }
  const std::string& layer_type() const { return layer_type_; }
  Block& block() const { return DefaultMainProgram().current_block(); }

  /// A new variable "<name>.tmp_<n>" of the current block; shape and dtype come from the operator that
  /// writes it.
  Var CreateTemporary(DType dtype, bool stop_gradient = false) const;
  /// A new variable of a given name.
  Var CreateVariable(const std::string& name, DType dtype, bool stop_gradient = false) const;

  /// A parameter of main and startup program, "<name>.w_<n>" or "<name>.b_<n>" unless `attr` names it,
  /// filled by an operator of the startup program. A name met again is shared, and filled once. With weight_norm it is
  /// two parameters, and what is returned is computed from them in the current block.
  /// @throws InvalidArgument  `shape` has an unknown or zero extent, a shared name has another shape or
  ///                          dtype, or nothing says how to fill an integer parameter.
  Var CreateParameter(const ParamAttr& attr, const Shape& shape, DType dtype, bool is_bias = false,
                      const Initializer& default_initializer = {}) const;
  /// A variable of block 0 of both programs that is no parameter, filled with `value`.
  Var CreateGlobal(const std::string& name, const Shape& shape, DType dtype, double value,
                   bool persistable = true) const;

  /// Appends an operator to the current block, or to another.
  std::shared_ptr<Operator> AppendOp(Operator op) const { return AppendOp(block(), std::move(op)); }
  std::shared_ptr<Operator> AppendOp(Block& block, Operator op) const;
  /// Appends an operator with one output and returns it.
  Var AppendOp(const std::string& type, Slots inputs, const Attrs& attrs, const Var& out,
               const std::string& out_slot = "Out") const;
  /// x + bias, the bias being a parameter of the extents [first_axis, last_axis) of x. Without `attr`, x.
  Var AddBias(const Var& x, const std::optional<ParamAttr>& attr, int first_axis, int last_axis) const;
  /// `activation`(x), or x for "".
  Var Activate(const Var& x, const std::string& activation) const;

 private:
  Var CreateWeightNorm(const ParamAttr& attr, const std::string& name, const Shape& shape, DType dtype, bool is_bias,
                       const Initializer& default_initializer) const;

  std::string layer_type_, name_, origin_;
};

}  // namespace skiff
