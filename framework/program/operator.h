// Operator: one node of a program. A plain value: type, variables by slot, attributes.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/program/attribute.h"

namespace skiff {

/// The name that stands for "no variable" in a gradient operator's slots.
inline constexpr const char* kEmptyVarName = "@EMPTY@";
/// What the gradient of a variable is called: its name and this.
inline constexpr const char* kGradSuffix = "@GRAD";
inline std::string GradName(const std::string& name) { return name + kGradSuffix; }

/// Variable names by slot, in the order written. A slot without names means the same as no slot.
class Slots {
 public:
  using Entry = std::pair<std::string, std::vector<std::string>>;

  Slots() = default;
  Slots(std::initializer_list<Entry> entries) : entries_(entries) {}

  /// The slot's names; empty when it is not there.
  const std::vector<std::string>& operator[](const std::string& slot) const;
  /// The only name of the slot, or "" when it holds none.
  const std::string& One(const std::string& slot) const;
  bool Has(const std::string& slot) const { return !(*this)[slot].empty(); }
  void Set(const std::string& slot, std::vector<std::string> names);
  void Erase(const std::string& slot);
  /// Replaces a variable name in every slot.
  void Rename(const std::string& from, const std::string& to);
  bool Mentions(const std::string& name) const;
  /// Every name of every slot, in order, kEmptyVarName left out.
  std::vector<std::string> AllNames() const;
  void Sort();

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  size_t size() const { return entries_.size(); }

  friend bool operator==(const Slots&, const Slots&) = default;

 private:
  std::vector<Entry> entries_;
};

/// What an operator is for (attribute op_role); values as in Paddle, OR-ed together.
enum OpRole : int32_t {
  kForward = 0,
  kBackward = 1,
  kOptimize = 2,
  kLRSchedule = 16,
  kLoss = 256,
};
inline constexpr const char* kOpRoleAttr = "op_role";
inline constexpr const char* kOpRoleVarAttr = "op_role_var";

struct Operator {
  std::string type;
  Slots inputs;
  Slots outputs;
  Attrs attrs;

  /// Where the user made it, e.g. "layers::FC at train.cc:42"; "" when unknown. Not written to files.
  std::string origin = {};
  /// Read from a file: slots and attributes are written back in the order they stand in.
  bool from_file = false;
  /// Carried through files untouched.
  std::optional<bool> is_target = {};
  std::string unknown_fields = {};

  int32_t role() const { return attrs.Get<int32_t>(kOpRoleAttr, kForward); }
};

/// The blocks an operator owns: its attributes' block references.
std::vector<int> OwnedBlocks(const Operator& op);

}  // namespace skiff
