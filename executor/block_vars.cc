#include "executor/block_vars.h"

namespace skiff {

BlockVars::BlockVars(const BlockInfo& info, std::shared_ptr<BlockVars> forward, BlockVars* parent)
    : info_(info), forward_(std::move(forward)), values_(info.num_slots) {
  chain_.reserve(info.chain.size());
  chain_.push_back(this);
  if (forward_ != nullptr) chain_.push_back(forward_.get());
  if (parent != nullptr) chain_.insert(chain_.end(), parent->chain_.begin(), parent->chain_.end());
  SKIFF_ENFORCE(chain_.size() == info.chain.size(), Internal, "block ", info.block->idx(), " sees ",
                info.chain.size(), " scopes, ", chain_.size(), " were given");
  refs_.reserve(info.names.size());
  for (const std::vector<VarRoute>& routes : info.routes) {
    for (const VarRoute& route : routes) {
      Value& value = chain_[route.link]->values_[route.slot];
      if (route.is_entry && !HasValue(value)) continue;
      refs_.push_back(&value);
      break;
    }
  }
}

Value* BlockVars::FindOwn(const std::string& name) {
  const auto slot = info_.slots.find(name);
  return slot == info_.slots.end() ? nullptr : &values_[slot->second];
}

Value* BlockVars::Find(const std::string& name) const {
  const auto found = info_.name_index.find(name);
  return found == info_.name_index.end() ? nullptr : refs_[found->second];
}

BlockScopes& BlockVars::Scopes(const std::string& name) {
  const auto found = info_.name_index.find(name);
  SKIFF_ENFORCE(found != info_.name_index.end(), NotFound, "no block declares \"", name, "\"");
  const VarRoute& route = info_.routes[found->second].back();
  return chain_[route.link]->scopes_[route.slot];
}

void BlockVars::Renew() {
  for (const auto& [name, slot] : info_.slots) values_[slot] = Tensor();
  scopes_.clear();
}

void BlockVars::KeepEntry() {
  for (const auto& [name, slot] : info_.entry_slots) {
    const Value* outer = Find(name);
    if (outer != nullptr && std::holds_alternative<Tensor>(*outer)) values_[slot] = *outer;
  }
}

}  // namespace skiff
