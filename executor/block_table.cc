#include "executor/block_table.h"

#include <algorithm>
#include <map>

#include "executor/needed_ops.h"
#include "executor/planner.h"
#include "framework/op/control_flow.h"

namespace skiff {

namespace {

bool IsGradient(const std::string& name) { return name.find(kGradSuffix) != std::string::npos; }

// A plan may end before this operator: it runs over values, or elements of an input decide a shape.
bool EndsPlan(const BlockInfo& info, size_t i) {
  if (info.over_values[i]) return true;
  const Operator& op = *info.block->ops()[i];
  const OpDef* def = FindOp(op.type);
  if (def == nullptr) return false;
  for (const SlotDef& slot : def->inputs) {
    if (slot.host_value && op.inputs.Has(slot.name)) return true;
  }
  return !VariableAttrs(op).empty();
}

}  // namespace

BlockTable::BlockTable(const Program& program, const std::set<std::string>& feeds,
                       const std::vector<std::string>& fetches, bool frozen)
    : program_(program), feeds_(feeds), frozen_(frozen), infos_(program.num_blocks()) {
  Visit(0, nullptr, nullptr);
  for (int index : order_) {
    const int forward = infos_[index]->block->forward_block_idx();
    if (forward >= 0 && forward < static_cast<int>(infos_.size()) && infos_[forward]) {
      infos_[forward]->has_gradient = true;
    }
  }
  for (int index : order_) FindOwn(infos_[index].get());
  for (int index : order_) {
    if (infos_[index]->has_gradient) FindEntries(infos_[index].get());
  }
  for (int index : order_) FindTouched(*infos_[index], fetches);
  for (int index : order_) FindRoutes(infos_[index].get());
  for (int index : order_) FindKept(infos_[index].get());
  infos_[0]->kept = fetches;
}

const BlockInfo& BlockTable::operator[](int block) const {
  SKIFF_ENFORCE(block >= 0 && block < static_cast<int>(infos_.size()) && infos_[block] != nullptr,
                Internal, "no operator owns block ", block);
  return *infos_[block];
}

void BlockTable::Visit(int index, const BlockInfo* parent, const Operator* owner) {
  auto info = std::make_unique<BlockInfo>();
  info->block = &program_.block(index);
  info->owner = owner;
  info->chain.push_back({index, false});
  const int forward = info->block->forward_block_idx();
  if (forward > 0 && infos_[forward] != nullptr) info->chain.push_back({forward, true});
  if (parent != nullptr) {
    info->chain.insert(info->chain.end(), parent->chain.begin(), parent->chain.end());
  }
  for (const auto& op : info->block->ops()) {
    const OpDef* def = FindOp(op->type);
    info->over_values.push_back(def != nullptr && RunsOverValues(*info->block, *def, *op));
  }
  const BlockInfo& made = *info;
  infos_[index] = std::move(info);
  order_.push_back(index);
  for (const auto& op : made.block->ops()) {
    for (int sub : OwnedBlocks(*op)) {
      if (infos_[sub] == nullptr) {
        Visit(sub, &made, op.get());
        continue;
      }
      const auto& chain = infos_[sub]->chain;
      const bool same = std::any_of(chain.begin() + 1, chain.end(),
                                    [&](const BlockInfo::Link& link) { return link.block == index; });
      SKIFF_ENFORCE(same, InvalidArgument, "block ", sub, " is owned by operators of two blocks, ",
                    index, " is one");
    }
  }
}

void BlockTable::FindOwn(BlockInfo* info) const {
  const Block& block = *info->block;
  for (const auto& v : block.vars()) {
    if (!v->persistable || frozen_) info->own.insert(v->name);
  }
  if (block.idx() == 0) info->own.insert(feeds_.begin(), feeds_.end());
  // A gradient block hands its gradients over through its operator, so those it writes are its own
  // whatever the blocks above declare.
  const bool gradient = block.forward_block_idx() >= 0;
  for (const auto& op : block.ops()) {
    for (const std::string& name : op->outputs.AllNames()) {
      if (block.FindVar(name) == nullptr || (gradient && IsGradient(name))) info->own.insert(name);
    }
  }
  if (info->owner == nullptr) return;
  for (std::string& name : control_flow::OwnNames(*info->owner)) info->own.insert(std::move(name));
}

// A loop's turn must be differentiated with the values it started from. Not so what an operator updates
// in place (a counter): its gradient turns it back.
void BlockTable::FindEntries(BlockInfo* info) const {
  std::set<std::string> in_place, entries;
  for (const auto& op : info->block->ops()) {
    for (const std::string& name : op->outputs.AllNames()) {
      if (info->own.contains(name)) continue;
      (op->inputs.Mentions(name) && OwnedBlocks(*op).empty() ? in_place : entries).insert(name);
    }
  }
  for (const std::string& name : entries) {
    if (!in_place.contains(name)) info->entry_slots[name] = info->num_slots++;
  }
}

void BlockTable::Touch(const BlockInfo& info, const std::string& name, size_t first_link) {
  for (size_t k = first_link; k < info.chain.size(); ++k) {
    BlockInfo& at = *infos_[info.chain[k].block];
    if (!at.own.contains(name)) continue;
    if (at.slots.emplace(name, at.num_slots).second) ++at.num_slots;
    return;
  }
}

void BlockTable::FindTouched(const BlockInfo& info, const std::vector<std::string>& fetches) {
  if (info.block->idx() == 0) {
    BlockInfo& global = *infos_[0];
    for (const std::string& name : fetches) global.own.insert(name);
    for (const std::string& name : fetches) Touch(info, name, 0);
    for (const std::string& name : feeds_) Touch(info, name, 0);
  }
  std::map<std::string, int> written_in;  // by which part of the block, lastly
  int part = 0;
  const auto& ops = info.block->ops();
  for (size_t i = 0; i < ops.size(); ++i) {
    const Operator& op = *ops[i];
    const bool ends = EndsPlan(info, i);
    part += ends ? 1 : 0;
    for (const std::string& name : OwnReads(op)) {
      const auto writer = written_in.find(name);
      const bool inside = writer != written_in.end() && writer->second == part && !ends;
      Touch(info, name, inside ? 1 : 0);
    }
    for (const std::string& name : op.outputs.AllNames()) {
      written_in[name] = part;
      Touch(info, name, ends ? 0 : 1);
    }
    part += ends ? 1 : 0;
  }
  if (info.owner == nullptr) return;
  for (const std::string& name : control_flow::OwnNames(*info.owner)) Touch(info, name, 0);
  for (const std::string& name : info.owner->inputs.AllNames()) Touch(info, GradName(name), 0);
}

void BlockTable::FindRoutes(BlockInfo* info) const {
  auto add = [&](const std::string& name) {
    if (info->name_index.contains(name)) return;
    std::vector<VarRoute> routes;
    for (size_t k = 0; k < info->chain.size(); ++k) {
      const BlockInfo& at = *infos_[info->chain[k].block];
      const int link = static_cast<int>(k);
      if (info->chain[k].is_forward) {
        const auto entry = at.entry_slots.find(name);
        if (entry != at.entry_slots.end()) routes.push_back({link, entry->second, true});
      }
      const auto slot = at.slots.find(name);
      if (slot == at.slots.end()) continue;
      routes.push_back({link, slot->second, false});
      break;
    }
    if (routes.empty() || routes.back().is_entry) return;
    info->name_index[name] = static_cast<int>(info->names.size());
    info->names.push_back(name);
    info->routes.push_back(std::move(routes));
  };
  for (const auto& [name, slot] : info->slots) add(name);
  for (const auto& op : info->block->ops()) {
    for (const std::string& name : OwnReads(*op)) add(name);
    for (const std::string& name : op->outputs.AllNames()) add(name);
  }
}

// What a sub-block hands out: outer variables that it writes, own ones that its gradient reads, and the
// gradients that its operator collects. All of these have slots; the rest stays in the plans.
void BlockTable::FindKept(BlockInfo* info) const {
  std::set<std::string> seen;
  for (const auto& op : info->block->ops()) {
    for (const std::string& name : op->outputs.AllNames()) {
      if (info->name_index.contains(name) && seen.insert(name).second) info->kept.push_back(name);
    }
  }
}

}  // namespace skiff
