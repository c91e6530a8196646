// Shape and dtype inference. One function per operator infers its outputs: with -1 extents when the
// operator is appended to a block, with real ones when a plan is made.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/base/dtype.h"
#include "framework/base/shape.h"
#include "framework/program/operator.h"
#include "framework/program/variable.h"

namespace skiff {

struct OpDef;

/// What is known of a variable without its data.
struct TensorMeta {
  Shape shape = {};
  DType dtype = DType::kUndefined;
  int32_t lod_level = 0;
  VarKind kind = VarKind::kLodTensor;
  friend bool operator==(const TensorMeta&, const TensorMeta&) = default;
};

/// Where an InferContext finds its variables: a block while a program is built, a plan's values later.
class MetaTable {
 public:
  virtual ~MetaTable() = default;
  /// The variable's description, or nullptr when there is no such variable.
  virtual const TensorMeta* Find(const std::string& name) const = 0;
  virtual void Set(const std::string& name, const TensorMeta& meta) = 0;
  /// Elements of an integer tensor that is already known, nothing when it is not.
  virtual std::optional<std::vector<int64_t>> IntValues(const std::string& name) const = 0;
};

/// What an inference function sees of one operator.
class InferContext {
 public:
  /// `attrs` is complete: defaults filled in.
  InferContext(const OpDef& def, const Operator& op, const Attrs& attrs, MetaTable* table,
               bool at_runtime)
      : def_(def), op_(op), attrs_(attrs), table_(table), at_runtime_(at_runtime) {}

  const std::string& type() const { return op_.type; }
  const Operator& op() const { return op_; }
  const Attrs& attrs() const { return attrs_; }
  template <typename T>
  T Attr(const std::string& name) const { return attrs_.Get<T>(name); }

  /// True when every extent is known, false while the program is built.
  bool at_runtime() const { return at_runtime_; }

  bool HasInput(const std::string& slot) const { return op_.inputs.Has(slot); }
  bool HasOutput(const std::string& slot) const;
  int NumInputs(const std::string& slot) const { return static_cast<int>(op_.inputs[slot].size()); }
  int NumOutputs(const std::string& slot) const { return static_cast<int>(op_.outputs[slot].size()); }

  /// @throws InvalidArgument when the slot has no such variable or it is not described.
  const TensorMeta& Input(const std::string& slot, int i = 0) const;
  const Shape& InputShape(const std::string& slot, int i = 0) const { return Input(slot, i).shape; }
  DType InputDType(const std::string& slot, int i = 0) const { return Input(slot, i).dtype; }
  /// Does nothing for a slot that the operator leaves out.
  void SetOutput(const std::string& slot, const TensorMeta& meta, int i = 0);
  void SetOutput(const std::string& slot, const Shape& shape, DType dtype, int i = 0) {
    SetOutput(slot, TensorMeta{shape, dtype}, i);
  }

  /// The elements of an integer input whose value decides the output's shape. While a program is
  /// built they are mostly unknown and the result is empty; a plan calls again once they are known:
  /// it ends the segment at `NeedsValues`.
  std::optional<std::vector<int64_t>> InputValues(const std::string& slot, int i = 0) const;

  /// What stands for an attribute that is not known yet: the variables that it is given as, or the input that replaces
  /// it. Empty when `attr` is known, as it always is at run time.
  std::vector<TensorMeta> AttrVariables(const std::string& attr) const;

  /// The output's sequences are the input's.
  void ShareLoD(const std::string& in_slot, const std::string& out_slot);

 private:
  const OpDef& def_;
  const Operator& op_;
  const Attrs& attrs_;
  MetaTable* table_;
  bool at_runtime_;
};

using InferFn = std::function<void(InferContext&)>;

/// Output `out` has shape, dtype and LoD of input `in`.
InferFn Like(std::string out, std::string in);
/// Output "Out" has shape, dtype and LoD of input `in`, which must be a floating tensor.
InferFn OutLike(std::string in);
/// Every "<slot>@GRAD" output has shape and dtype of the input of that slot.
InferFn GradsLikeInputs();

}  // namespace skiff
