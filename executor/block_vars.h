// BlockVars: the variables of one run of a block, with the places of all that its operators mention
// looked up once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "executor/block_table.h"
#include "framework/op/control_flow.h"

namespace skiff {

class BlockVars final : public BlockScope {
 public:
  /// @param parent   The run of the block whose operator runs this one; null for block 0. Must outlive
  ///                 this scope.
  /// @param forward  The run that a gradient block differentiates, else null.
  BlockVars(const BlockInfo& info, std::shared_ptr<BlockVars> forward, BlockVars* parent);

  const BlockInfo& info() const { return info_; }
  Value* FindOwn(const std::string& name) override;
  /// The variable number `index` of BlockInfo::names.
  Value& At(int index) const { return *refs_[index]; }
  /// nullptr when no block holds a variable of that name.
  Value* Find(const std::string& name) const;
  /// The scopes kept in the STEP_SCOPES variable `name`.
  BlockScopes& Scopes(const std::string& name);
  /// Forgets own variables.
  void Renew();
  /// Copies outer variables that the block overwrites to where gradient blocks see them.
  void KeepEntry();

 private:
  const BlockInfo& info_;
  std::shared_ptr<BlockVars> forward_;
  std::vector<BlockVars*> chain_;  // as BlockInfo::chain
  std::vector<Value> values_;      // by slot
  std::vector<Value*> refs_;       // by name
  std::map<int, BlockScopes> scopes_;  // by slot
};

}  // namespace skiff
