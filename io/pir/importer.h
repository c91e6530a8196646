// The work of ImportPir: one walk over a module. Constants and lists of values stay what they are until an operator
// takes them, as attributes or as variables.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "framework/op/op_def.h"
#include "io/pir/op_map.h"
#include "io/pir/pir_program.h"
#include "io/pir/types.h"

namespace skiff::io {

/// What a value is called.
struct PirBinding {
  std::vector<std::string> names;
  PirType type;
  const PirOperation* constant = nullptr;  // pd_op.full or full_int_array, no variable until one is needed
  std::shared_ptr<Operator> place;         // of a constant: where its operator will stand, if one is needed
  Block* block = nullptr;                  // where it is computed
};

class PirImporter {
 public:
  explicit PirImporter(const std::string& what) : what_(what), program_(std::make_unique<Program>()) {}

  /// The whole program. Called once.
  std::unique_ptr<Program> Run(const PirModule& module);

 private:
  [[noreturn]] void Fail(const std::string& message, const PirOperation& op) const;

  // ---- names

  // Names that the file gives are kept: parameters, data, and what is fetched.
  void Reserve(const PirBlock& body);
  void CountUses(const PirOperation& op);
  std::string TextOf(const Json& attribute, const PirOperation& op) const;
  std::string NameOf(const PirOperation& op) const;
  std::string FreshName(const std::string& base);

  // ---- values

  PirBinding& BindingOf(const PirValue* value, const PirOperation& user);
  void Charge(size_t count, const PirOperation& op);
  // The variables behind a value; a constant becomes one now.
  const std::vector<std::string>& Names(const PirValue* value, const PirOperation& user);
  std::string OneName(const PirValue* value, const PirOperation& user);
  // New variables for a result.
  PirBinding& Define(const PirValue& value, const std::string& base, Block* block, const PirOperation& op, size_t index);
  static bool StopGradient(const PirOperation& op, size_t index);

  // ---- operations

  void ImportBlock(const PirBlock& body, Block* block);
  void ImportOperation(const PirOperation& op, Block* block);
  const PirValue* OneResult(const PirOperation& op) const;
  void ImportParameter(const PirOperation& op, Block* block);
  // The attribute "col" of a feed or fetch; `next` where there is none.
  int32_t ColumnOf(const PirOperation& op, size_t next) const;
  void ImportData(const PirOperation& op, Block* block);
  void ImportFetch(const PirOperation& op, Block* block);
  void ImportCombine(const PirOperation& op, Block* block);
  // Gives a combined list its names.
  void Materialise(const PirValue* value, const PirOperation& user);
  void ImportSplit(const PirOperation& op);
  void ImportSlice(const PirOperation& op);
  Attribute AttributeOf(const PirOperation& op, const char* name) const;
  template <typename T>
  T Converted(const PirOperation& op, const char* name) const {
    const auto value = ConvertAttribute(AttributeOf(op, name), Attribute(T{}));
    if (!value) Fail(StrCat("attribute \"", name, "\" is of another kind"), op);
    return std::get<T>(*value);
  }

  // A constant as the operator of 2.x that makes it, in the block where it stands.
  void EmitConstant(const PirValue* value, PirBinding* binding);
  // Of constants that became attributes everywhere.
  void DropEmptyPlaces();
  template <typename T>
  void SetValues(Attrs* attrs, DType dtype, const std::vector<T>& values, const PirOperation& op) {
    const char* name = dtype == DType::kBool ? "bool_values" : dtype == DType::kInt32 ? "int32_values" : dtype == DType::kInt64 ? "int64_values"
                       : dtype == DType::kFloat32 ? "fp32_values" : dtype == DType::kFloat64 ? "fp64_values" : nullptr;
    if (name == nullptr) Fail(StrCat("values of the dtype ", dtype), op);
    const Attribute like = dtype == DType::kInt64 ? Attribute(std::vector<int64_t>{}) : dtype == DType::kFloat32 ? Attribute(std::vector<float>{})
                           : dtype == DType::kFloat64 ? Attribute(std::vector<double>{}) : Attribute(std::vector<int32_t>{});
    Charge(values.size(), op);
    const auto converted = ConvertAttribute(Attribute(values), like);
    if (!converted) Fail(StrCat("values that are no ", dtype), op);
    attrs->Set(name, *converted);
  }

  // Attributes that 2.x has no place for, unless they say what is meant anyway.
  static void KeepExtras(const PirOperation& op, const std::set<std::string>& known, const char* place, Attrs* attrs);
  static void KeepAttribute(const PirAttr& attr, const PirOperation& op, Attrs* attrs);
  void ImportAssignValue(const PirOperation& op, Block* block);
  void ImportArrayWrite(const PirOperation& op, Block* block);
  // 2.x counts extents in 32 bits.
  void ImportShape64(const PirOperation& op, Block* block);
  // The second operand is written over, and so is whatever reads it later.
  void ImportAssignOut(const PirOperation& op, Block* block);
  void ImportSelect(const PirOperation& op, Block* block);
  // In 2.x the numbers have the dtype of the bounds, here an attribute's.
  void ImportRange(const PirOperation& op, Block* block);

  // ---- by the table

  // The attribute of 2.x with the kind skiff gives it, else as it is.
  static std::optional<Attribute> AsAttributeOf(const OpDef* def, const std::string& name, const Attribute& value);
  // The numbers of a constant operand, or nothing.
  std::optional<Attribute> ConstantOf(const PirValue* value, const PirOperation& user);
  // What is still to be decided when an operation is looked at; nothing is changed before all of it fits.
  struct Plan {
    Attrs attrs;
    std::vector<std::pair<std::string, const PirValue*>> slots;
  };

  bool PlanOperands(const PirOperation& op, const PirOpRule& rule, const OpDef* def, Plan* plan);
  bool PlanAttrs(const PirOperation& op, const PirOpRule& rule, const OpDef* def, Plan* plan);
  bool ImportByRule(const PirOperation& op, const PirOpRule& rule, Block* block);
  std::string ShapeHolderOf(const Operator& gradient, const PirOperation& op, Block* block);
  // A result in the place of a variable may say otherwise of its gradient than the variable.
  static void KeepStopGradient(const PirOperation& op, const Operator& made, const PirOpRule& rule, Block* block);
  // Attributes of 2.x that say what PIR says by operands or by the operator's name.
  static void Complete(Operator* op, const OpDef* def, bool lower, Block* block);

  // ---- without a row

  void ImportUnknown(const PirOperation& op, Block* block);

  // ---- control flow

  const PirOperation& YieldOf(const PirOperation& op, size_t region, size_t count) const;
  void Assign(Block* block, const std::string& from, const std::string& to);
  Variable Temporary(const std::string& base, VarKind kind, DType dtype = DType::kUndefined, const Shape& shape = {});
  // Variables of blocks around `block` that it and the blocks below it read, or write.
  std::vector<std::string> OuterNames(const Block& block, bool written) const;
  // One branch: its results become variables of `block`.
  std::vector<std::string> ImportBranch(const PirOperation& op, size_t region, const std::string& condition, Block* block);
  void ImportIf(const PirOperation& op, Block* block);
  // The loop's variables are its results: they start as the operands, and the block's end writes what it yields.
  // What it runs stands in its place: the gradient that its author wrote is in the file already, as one more of these.
  void ImportPyLayer(const PirOperation& op, Block* block);
  void ImportWhile(const PirOperation& op, Block* block);

  // ---- feeds

  void AddFeeds();

  const std::string& what_;
  std::unique_ptr<Program> program_;
  std::unordered_map<const PirValue*, PirBinding> bindings_;
  std::unordered_map<const PirValue*, const PirOperation*> combined_;  // lists and what made them
  std::set<const PirValue*> lazy_;                                     // lists without names so far
  std::unordered_map<const PirValue*, size_t> uses_;
  std::unordered_map<const PirValue*, std::string> wished_;
  std::set<std::string> taken_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Operator>> keeps_shape_;  // by type and X
  std::map<int32_t, std::string> feeds_;                               // by column
  bool has_fetch_ = false;
  size_t num_fetches_ = 0;
  int next_ = 0;
  size_t expanded_ = 0;
};


}  // namespace skiff::io
