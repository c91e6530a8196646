// The work of ExportPir: one walk over a program that gives each value it computes an object of its own.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/pir/op_map.h"
#include "io/pir/pir_program.h"
#include "io/pir/types.h"

namespace skiff::io {

inline constexpr const char* kPirUndefinedPlace = "0,0,";
inline constexpr const char* kPirCpuPlace = "1,0,";

/// An operator that the reader kept as it was: "pd_op.name".
inline bool IsRawPir(const Operator& op) { return op.type.find('.') != op.type.npos; }

inline Json PirFlags(const std::vector<bool>& flags) { return ToPirAttribute("bools", flags); }

/// Names by what they are computed as; inner blocks see outer ones and hide what they write themselves.
class PirValueScopes {
 public:
  PirValue* Find(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      if (const auto found = scope->find(name); found != scope->end()) return found->second;
    }
    return nullptr;
  }
  void Set(const std::string& name, PirValue* value) { scopes_.back()[name] = value; }
  void Push() { scopes_.emplace_back(); }
  void Pop() { scopes_.pop_back(); }

 private:
  std::vector<std::map<std::string, PirValue*>> scopes_{1};
};

/// A conditional_block and the one of the opposite condition, with the select_input that merge what they compute.
struct PirBranches {
  const Operator* yes = nullptr;
  const Operator* no = nullptr;
  struct Select {
    std::string out, yes, no;
  };
  std::vector<Select> selects;
};

/// How the operators of a block go together.
struct PirBlockPlan {
  std::map<const Operator*, PirBranches> branches;  // by the later conditional_block
  std::set<const Operator*> merged;              // operators that a pair has taken up
};

class PirExporter {
 public:
  explicit PirExporter(const Program& program);

  /// The whole program. Called once.
  PirModule Run();

 private:

  // ---- what can be written

  void CheckMapped() const;
  void CountReads();

  // ---- making operations

  PirOperation& Append(const std::string& name);
  static PirValue* AddResult(PirOperation* op, Json type);
  static void SetStopGradient(PirOperation* op, const std::vector<bool>& flags);
  PirValue* ValueOf(const std::string& name) const;
  PirValue* Combine(const std::vector<std::string>& names, const Operator& user);
  // The constant of an operator; a gradient takes the one that was made for its forward operator, as Paddle's does.
  PirValue* ConstantOf(const Operator& op, const std::string& made, const Attribute& value);
  // pd_op.full or pd_op.full_int_array with what an attribute says.
  PirValue* Constant(const std::string& made, const Attribute& value, const Operator* user);
  PirOperation& Full(const std::vector<int64_t>& shape, const Attribute& value, DType dtype, const std::string& place);
  // Which layer it belongs to; so do the operations that stand before and behind it.
  static void AddStructName(const Operator& op, PirOperation* made);
  static void AddKept(const std::string& name, const Attribute& value, PirOperation* op);
  // What the reader kept, behind the operator's own attributes.
  static void AddKept(const Operator& op, const std::set<std::string>& done, PirOperation* made);

  // ---- inputs

  void AddInputs(bool inference);
  void AddParameter(const Variable& v);
  void AddData(const Variable& v);

  // ---- blocks

  // Variables of blocks around `block` that it, or a block below it, writes; in order of first write.
  std::vector<std::string> WrittenOutside(const Block& block) const;
  // Whether `name`, said in `inner`, is a variable of `block` or of a block below it.
  static bool IsLocal(const Block& block, const Block& inner, const std::string& name);
  bool IsTensor(const std::string& name) const;
  static std::string Producer(const std::map<std::string, const Operator*>& producers, const std::string& name,
      const char* type, const char* slot);
  PirBlockPlan PlanBlock(const Block& block) const;
  // Whether an operator between two positions reads or writes what the one at `from` writes.
  bool Touches(const Block& block, size_t from, size_t to, const Operator& op) const;
  void ExportBlock(const Block& block);
  void ExportOperator(const Operator& op, const PirBlockPlan& plan, const std::set<std::string>& carried);

  // ---- single operators

  void ExportFetch(const Operator& op);
  PirValue* SetOnlyResult(const Operator& op, PirOperation* made) { return SetOnlyResult(op, made, block_->Var(op.outputs.One("Out"))); }

  PirValue* SetOnlyResult(const Operator& op, PirOperation* made, const Variable& type);
  // A variable that is written several times, with other dtypes too, is described as the last operator left it.
  Variable Described(const Operator& op, int32_t dtype, const std::vector<int64_t>& shape) const;
  static std::string PlaceOf(const Operator& op, const char* usual);
  void ExportFillConstant(const Operator& op);
  void ExportAssignValue(const Operator& op);
  PirValue* CreateArray(const Variable& v);
  // The array is changed in place, so its name goes on meaning the value it was made as.
  void ExportArrayWrite(const Operator& op);
  void ExportSelect(const Operator& op);
  void ExportRaw(const Operator& op);
  bool StopOf(const std::vector<std::string>& names) const;
  PirValue* AddListResult(PirOperation* op, const std::vector<std::string>& names);
  void Split(PirValue* list, const std::vector<std::string>& names, const Operator& producer);

  // ---- by the table

  // Where one operator of 2.x became several.
  const PirOpRule& RuleFor(const Operator& op) const;
  PirValue* Operand(const PirOperandRule& rule, const Operator& op, const Attrs& attrs);
  static Attrs AttrsOf(const Operator& op);
  void ExportByRule(const Operator& op, const PirOpRule& rule);
  Json AttributeOf(const PirAttrRule& rule, const Operator& op, const Attrs& attrs) const;
  void AddResults(const Operator& op, const PirOpRule& rule, PirOperation* made);

  // ---- control flow

  // A value for a variable that a block may leave unwritten: zeros, or an empty array.
  PirValue* Initial(const std::string& name);
  // Arrays that a sub-block is the first to write exist before it.
  void CreateArraysOf(const std::vector<std::string>& written);
  // Exports `block` into a region of `op`; `args` become its arguments, what `yields` names is handed on.
  void AddRegion(PirOperation* op, const Block& block, const std::vector<std::string>& args,
      const std::vector<std::string>& yields);
  const Block& SubBlock(const Operator& op) const { return program_->block(op.attrs.Get<BlockRef>("sub_block").index); }

  void ExportWhile(const Operator& op);
  // The forward block stands in its place, which is all that inference runs.
  void ExportPyLayer(const Operator& op);
  void ExportIf(const PirBranches& branches);

  std::unique_ptr<Program> program_;
  std::map<std::string, int> reads_;
  std::map<std::string, PirValue*> constants_;
  mutable std::map<std::string, int> merged_reads_;
  PirValueScopes values_;
  PirBlock* out_ = nullptr;
  const Block* block_ = nullptr;
};


}  // namespace skiff::io
