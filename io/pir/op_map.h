// How the operators of 2.x are spelled in Paddle 3: one table for reading and writing. What a row cannot say stands
// in import.cc and export.cc, by the operator's name.
#pragma once

#include <string>
#include <vector>

namespace skiff::io {

struct PirSlot {
  std::string name;
  bool list = false;  // several variables, one value of a vector type
};

/// One operand. Its words in the table, separated by "/": "X" or "X*" (list) are slots of 2.x; "axis:i32" is an
/// attribute of 2.x, in PIR an operand made by pd_op.full (of that element type, [1]) or, with "ints",
/// pd_op.full_int_array. Slots behind an attribute are the tensors that may stand in for it. "-" has no counterpart.
struct PirOperandRule {
  std::vector<PirSlot> slots;
  std::string attr;  // "" none; "-" a constant that 2.x does not have, always 0
  std::string made;  // "" where no constant belongs; "ints", "f32", "i64", ...
};

/// One attribute, "name:kind=source!default": kind as in types.h; the source is the attribute of 2.x, of the same
/// name where none is given, "-" for none; the default is what 2.x means where it has no such attribute.
struct PirAttrRule {
  std::string name, kind, source, fallback;
  bool has_fallback = false;
};

struct PirOpRule {
  std::string type;  // of 2.x: "lookup_table_v2"
  std::string pir;   // "pd_op.embedding"
  std::vector<PirOperandRule> operands;
  std::vector<PirSlot> results;  // name "-": no counterpart
  std::vector<PirAttrRule> attrs;

  /// The operand slot whose memory result `i` takes, or "": operators whose PIR name ends in "_" write in place.
  std::string AliasOf(size_t i) const;
};

/// All rows, by type of 2.x.
const std::vector<PirOpRule>& PirOpRules();
/// The row for reading an operation, or nullptr. Where several operators of 2.x became one, the newest.
const PirOpRule* FindPirOperation(const std::string& pir);
/// The rows for writing an operator.
std::vector<const PirOpRule*> PirRulesOf(const std::string& type);

}  // namespace skiff::io
