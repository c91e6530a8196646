#include "executor/plan_builder.h"

#include <algorithm>

#include "executor/arena.h"

namespace skiff {

int PlanBuilder::NewStorage(PlanStorage::Kind kind, size_t bytes, int index) {
  PlanStorage storage;
  storage.kind = kind;
  storage.bytes = bytes;
  storage.index = index;
  plan_->storages.push_back(std::move(storage));
  last_use_.push_back(-1);
  first_step_.push_back(static_cast<int>(plan_->steps.size()));
  return static_cast<int>(plan_->storages.size()) - 1;
}

int PlanBuilder::ScopeStorage(const std::string& name, const TensorMeta& meta, bool read) {
  const ScopeBinding* last = nullptr;
  for (const ScopeBinding& binding : plan_->scope_vars) {
    if (binding.name == name) last = &binding;
  }
  const bool replaces = last != nullptr;
  if (replaces && last->meta.shape == meta.shape && last->meta.dtype == meta.dtype) return last->storage;
  const int index = static_cast<int>(plan_->scope_vars.size());
  const int storage = NewStorage(PlanStorage::Kind::kScope, meta.shape.NumElements() * SizeOf(meta.dtype), index);
  plan_->scope_vars.push_back({name, meta, read, replaces, storage});
  return storage;
}

void PlanBuilder::AddStep(std::unique_ptr<Kernel> kernel, const std::vector<int>& in,
             const std::vector<int>& out, size_t workspace_bytes, std::string name) {
  const int step = static_cast<int>(plan_->steps.size());
  PlanStep made{kernel.get(), static_cast<uint32_t>(plan_->args.size()), 0, -1};
  for (int s : in) {
    plan_->args.push_back(s);
    if (s >= 0) last_use_[s] = step;
  }
  made.out = static_cast<uint32_t>(plan_->args.size());
  for (int s : out) {
    plan_->args.push_back(s);
    if (s >= 0) last_use_[s] = std::max(last_use_[s], step);
  }
  if (workspace_bytes > 0) {
    made.workspace = NewStorage(PlanStorage::Kind::kArena, workspace_bytes);
    first_step_[made.workspace] = last_use_[made.workspace] = step;
  }
  for (int s : out) {
    if (s >= 0) first_step_[s] = std::min(first_step_[s], step);
  }
  plan_->steps.push_back(made);
  plan_->step_names.push_back(std::move(name));
  plan_->kernels.push_back(std::move(kernel));
}

void PlanBuilder::AllowInPlace(int in, int out) {
  chances_.push_back({static_cast<int>(plan_->steps.size()) - 1, in, out});
}

void PlanBuilder::KeepUntilEnd(int storage) {
  last_use_[storage] = static_cast<int>(plan_->steps.size());
}

std::unique_ptr<Plan> PlanBuilder::Finish() {
  ChooseMemory();
  return std::move(plan_);
}

void PlanBuilder::ChooseMemory() {
  ShareInPlace();
  std::vector<Lifetime> lifetimes;
  std::vector<int> ids;
  for (size_t s = 0; s < plan_->storages.size(); ++s) {
    PlanStorage& storage = plan_->storages[s];
    storage.first_step = first_step_[s];
    storage.last_step = std::max(last_use_[s], storage.first_step);
    if (storage.kind != PlanStorage::Kind::kArena || merged_into_.contains(static_cast<int>(s))) continue;
    lifetimes.push_back({storage.bytes, storage.first_step, storage.last_step});
    ids.push_back(static_cast<int>(s));
  }
  std::vector<size_t> offsets;
  plan_->arena_bytes = PackArena(lifetimes, &offsets);
  for (size_t i = 0; i < ids.size(); ++i) plan_->storages[ids[i]].offset = offsets[i];
}

int PlanBuilder::Root(int storage) const {
  auto found = merged_into_.find(storage);
  while (found != merged_into_.end()) {
    storage = found->second;
    found = merged_into_.find(storage);
  }
  return storage;
}

// An output takes its input's memory when the input is a temporary last used by that very step.
void PlanBuilder::ShareInPlace() {
  for (const InPlaceChance& chance : chances_) {
    const int in = Root(chance.in), out = Root(chance.out);
    if (in == out) continue;
    const PlanStorage& from = plan_->storages[in];
    const PlanStorage& to = plan_->storages[out];
    const bool temporaries = from.kind == PlanStorage::Kind::kArena &&
                             (to.kind == PlanStorage::Kind::kArena ||
                              to.kind == PlanStorage::Kind::kOutput);
    if (!temporaries || from.bytes != to.bytes || last_use_[in] != chance.step ||
        first_step_[out] != chance.step || ReadTwice(in, chance.step)) {
      continue;
    }
    // The longer-lived kind stays: an output keeps being an output.
    const int keep = to.kind == PlanStorage::Kind::kOutput ? out : in;
    const int gone = keep == out ? in : out;
    merged_into_[gone] = keep;
    first_step_[keep] = std::min(first_step_[in], first_step_[out]);
    last_use_[keep] = std::max(last_use_[in], last_use_[out]);
  }
  if (merged_into_.empty()) return;
  for (int32_t& arg : plan_->args) {
    if (arg >= 0) arg = Root(arg);
  }
  for (PlanFetch& fetch : plan_->fetches) fetch.storage = Root(fetch.storage);
}

// A step that reads the same memory through two inputs must not overwrite it through one of them.
bool PlanBuilder::ReadTwice(int storage, int step) const {
  int reads = 0;
  for (uint32_t a = plan_->steps[step].in; a < plan_->steps[step].out; ++a) {
    reads += plan_->args[a] >= 0 && Root(plan_->args[a]) == storage;
  }
  return reads > 1;
}

}  // namespace skiff
