#include "executor/plan_values.h"

#include "executor/needed_ops.h"
#include "framework/op/run_op.h"

namespace skiff {

PlanValues::PlanValues(const PlanRequest& request, PlanBuilder& builder)
    : request_(request), builder_(builder), plan_(builder.plan()) {
  for (size_t i = 0; i < request_.feeds.size(); ++i) {
    const PlanFeed& feed = request_.feeds[i];
    PlanValue value{feed.name, {feed.meta.dtype, feed.meta.shape}, feed.meta.lod_level};
    value.lod_feed = feed.meta.lod_level > 0 ? static_cast<int>(i) : -1;
    value.storage = builder_.NewStorage(PlanStorage::Kind::kFeed, value.bytes(), static_cast<int>(i));
    value.known = feed.known;
    plan_.feed_names.push_back(feed.name);
    plan_.feed_storages.push_back(value.storage);
    if (feed.pinned) pinned_.insert(feed.name);
    current_[feed.name] = Add(std::move(value));
  }
}

int PlanValues::Lookup(const std::string& name) const {
  const auto found = current_.find(name);
  if (found != current_.end()) return found->second;
  return const_cast<PlanValues*>(this)->Import(name);
}

int PlanValues::Import(const std::string& name) {
  if (request_.constants != nullptr) {
    const auto constant = request_.constants->find(name);
    if (constant != request_.constants->end()) {
      imported_.insert(name);
      return current_[name] = AddConstant(name, constant->second, "param:" + name);
    }
  }
  const std::optional<TensorMeta> meta = request_.scope_meta ? request_.scope_meta(name) : std::nullopt;
  if (!meta) return -1;
  PlanValue value{name, {meta->dtype, meta->shape}, meta->lod_level};
  value.storage = builder_.ScopeStorage(name, *meta, /*read=*/true);
  imported_.insert(name);
  return current_[name] = Add(std::move(value));
}

int PlanValues::AddConstant(const std::string& name, const Tensor& tensor, const std::string& key) {
  PlanValue value{name, {tensor.dtype(), tensor.shape()}};
  if (tensor.place().is_cpu()) value.known = tensor;
  value.storage = builder_.NewStorage(PlanStorage::Kind::kConstant, tensor.bytes());
  plan_.storages[value.storage].constant = tensor.To(request_.place);
  value.info.constant = plan_.storages[value.storage].constant.raw_data();
  value.info.constant_key = key;
  return Add(std::move(value));
}

bool PlanValues::IsComputed(const std::string& name) const {
  const auto found = current_.find(name);
  const int num_feeds = static_cast<int>(request_.feeds.size());
  return found != current_.end() && found->second >= num_feeds && !imported_.contains(name);
}

bool PlanValues::IsPersistable(const std::string& name) const { return IsState(request_, name); }

int PlanValues::InLayout(int id, const LayoutPtr& wanted) {
  const LayoutPtr has = values_[id].info.layout;
  if (SameLayout(has, wanted)) return id;
  for (const auto& [other_id, other] : reordered_[id]) {
    if (SameLayout(other, wanted)) return other_id;
  }
  PlanValue value = values_[id];
  value.info.layout = wanted;
  value.info.constant = nullptr;
  value.info.constant_key.clear();
  value.known.reset();
  value.storage = builder_.NewStorage(PlanStorage::Kind::kArena, value.bytes());
  std::unique_ptr<Kernel> kernel =
      has ? has->ReorderTo(wanted.get(), request_.num_threads)
          : wanted->ReorderFromPlain(request_.num_threads);
  const std::string name = StrCat("reorder ", value.name, " to ", wanted ? wanted->ToString() : "plain");
  builder_.AddStep(std::move(kernel), {values_[id].storage}, {value.storage}, 0, name);
  const int made = Add(std::move(value));
  reordered_[id].emplace_back(made, wanted);
  return made;
}

const TensorMeta* PlanValues::Find(const std::string& name) const {
  if (const auto set = inferred_.find(name); set != inferred_.end()) return &set->second;
  const int id = Lookup(name);
  if (id < 0) return nullptr;
  TensorMeta& meta = looked_up_[name];
  meta = {values_[id].info.shape, values_[id].info.dtype, values_[id].lod_level};
  return &meta;
}

std::optional<std::vector<int64_t>> PlanValues::IntValues(const std::string& name) const {
  const int id = Lookup(name);
  if (id >= 0 && values_[id].known) return IntElements(*values_[id].known);
  unknown_.insert(name);
  return std::nullopt;
}

}  // namespace skiff
