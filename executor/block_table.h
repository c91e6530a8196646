// BlockTable: what running a program's blocks needs to know beforehand. A variable that only one plan
// touches lives in that plan's arena; every other one has a slot in the scope of its block, and each
// block knows by number where the names it mentions are found.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "framework/op/op_def.h"
#include "framework/program/program.h"

namespace skiff {

/// Where a name is found: slot `slot` of scope number `link` of the block's chain.
struct VarRoute {
  int link;
  int slot;
  bool is_entry;  // the value before a loop's turn, there only when it was kept; else the next route
};

struct BlockInfo {
  /// One scope that a block's names are looked up in, in this order.
  struct Link {
    int block;
    bool is_forward;  // the run that the link before it differentiates
  };

  const Block* block = nullptr;
  const Operator* owner = nullptr;  // null for block 0
  std::vector<Link> chain;          // the block itself comes first
  std::set<std::string> own;                         // names that belong to this block
  std::unordered_map<std::string, int> slots;        // of own names that several plans or blocks touch
  std::unordered_map<std::string, int> entry_slots;  // of outer names that the block overwrites
  int num_slots = 0;                                 // both kinds
  std::vector<std::string> names;                    // with routes
  std::unordered_map<std::string, int> name_index;
  std::vector<std::vector<VarRoute>> routes;
  std::vector<std::string> kept;   // names whose values outlive a run of the block
  std::vector<bool> over_values;   // by operator: it runs over values
  bool has_gradient = false;
};

class BlockTable {
 public:
  /// @param frozen   No scope holds state: persistable variables are like others.
  /// @throws InvalidArgument when two operators in different blocks own one block.
  BlockTable(const Program& program, const std::set<std::string>& feeds,
             const std::vector<std::string>& fetches, bool frozen);

  /// @throws Internal when no operator owns the block.
  const BlockInfo& operator[](int block) const;

 private:
  void Visit(int index, const BlockInfo* parent, const Operator* owner);
  void FindOwn(BlockInfo* info) const;
  void FindEntries(BlockInfo* info) const;
  void FindTouched(const BlockInfo& info, const std::vector<std::string>& fetches);
  void Touch(const BlockInfo& info, const std::string& name, size_t first_link);
  void FindRoutes(BlockInfo* info) const;
  void FindKept(BlockInfo* info) const;

  const Program& program_;
  const std::set<std::string>& feeds_;
  const bool frozen_;
  std::vector<int> order_;  // owners before what they own
  std::vector<std::unique_ptr<BlockInfo>> infos_;
};

}  // namespace skiff
