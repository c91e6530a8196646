#include "framework/op/recompute.h"

#include <algorithm>

#include "framework/op/op_def.h"
#include "framework/program/unique_name.h"

namespace skiff::backward {

Recompute::Recompute(const Block& block, const Path& path, const std::vector<std::string>& checkpoints)
    : block_(block) {
  for (const auto& op : path) {
    SKIFF_ENFORCE(!SubBlock(*op), Unimplemented, "recomputation of operators with sub-blocks: \"",
                  op->type, "\" has one");
  }
  FindUses(path);
  FindSegments(path, {checkpoints.begin(), checkpoints.end()});
  FindKept(path);
  kept_.insert(checkpoints.begin(), checkpoints.end());
}

void Recompute::FindUses(const Path& path) {
  for (size_t i = 0; i < path.size(); ++i) {
    for (const std::string& name : path[i]->inputs.AllNames()) uses_[name].read_by.push_back(i);
    for (const std::string& name : path[i]->outputs.AllNames()) uses_[name].written_by.push_back(i);
  }
}

// Checkpoints that the path uses, in the order in which they are computed.
std::vector<std::string> Recompute::InOrder(const Names& checkpoints) const {
  std::vector<std::pair<long, std::string>> found;
  for (const std::string& name : checkpoints) {
    const auto uses = uses_.find(name);
    if (uses == uses_.end()) continue;
    const std::vector<size_t>& writers = uses->second.written_by;
    found.emplace_back(writers.empty() ? -1 : static_cast<long>(writers.back()), name);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (auto& [position, name] : found) names.push_back(std::move(name));
  return names;
}

// Casts of parameters right before a segment belong to it.
size_t Recompute::StartOf(const Path& path, size_t first, long after) const {
  while (static_cast<long>(first) - 1 > after) {
    const Operator& op = *path[first - 1];
    const std::vector<std::string> reads = op.inputs.AllNames();
    const auto v = reads.empty() ? nullptr : block_.FindVar(reads.front());
    if (op.type != "cast" || v == nullptr || !v->persistable) break;
    --first;
  }
  return first;
}

void Recompute::FindSegments(const Path& path, const Names& checkpoints) {
  const std::vector<std::string> names = InOrder(checkpoints);
  auto last_writer = [&](const std::string& name) {
    const std::vector<size_t>& writers = uses_.at(name).written_by;
    return writers.empty() ? -1L : static_cast<long>(writers.back());
  };
  if (names.size() == 1) {
    const long last = last_writer(names[0]);
    if (last > 0) segments_.emplace_back(0, last + 1);
  }
  for (size_t k = 0; k + 1 < names.size(); ++k) {
    const std::vector<size_t>& readers = uses_.at(names[k]).read_by;
    const long first = readers.empty() ? static_cast<long>(path.size())
                                       : static_cast<long>(readers.front());
    const long last = last_writer(names[k + 1]);
    if (first < last) segments_.emplace_back(StartOf(path, first, -1), last + 1);
  }
  if (!segments_.empty() && segments_[0].first != 0) {
    segments_.insert(segments_.begin(), {size_t{0}, segments_[0].first});
  }
}

void Recompute::FindKept(const Path& path) {
  for (const auto& [begin, end] : segments_) {
    for (size_t i = begin; i < end; ++i) {
      for (const std::string& name : path[i]->outputs.AllNames()) {
        const std::vector<size_t>& readers = uses_[name].read_by;
        if (std::any_of(readers.begin(), readers.end(), [e = end](size_t r) { return r >= e; })) kept_.insert(name);
      }
      for (const std::string& name : path[i]->inputs.AllNames()) {
        const std::vector<size_t>& writers = uses_[name].written_by;
        if (std::any_of(writers.begin(), writers.end(), [b = begin](size_t w) { return w < b; })) kept_.insert(name);
      }
    }
  }
  for (const auto& op : path) {
    if (op->type != "seed") continue;
    for (const std::string& name : op->outputs.AllNames()) kept_.insert(name);
  }
  for (const auto& [name, uses] : uses_) {
    if (uses.written_by.empty() && !uses.read_by.empty()) kept_.insert(name);
  }
}

size_t ShareDropoutSeeds(Block& block, Path* path) {
  size_t added = 0;
  for (size_t i = 0; i < path->size(); ++i) {
    const Operator& op = *(*path)[i];
    if (op.type != "dropout" || op.inputs.Has("Seed")) continue;
    const std::string name = UniqueName(UniqueName("seed") + ".tmp");
    block.AddVar({.name = name, .dtype = DType::kInt32, .shape = {1}});
    const bool fixed = op.attrs.Get<bool>("fix_seed", false);
    Operator seed{"seed", {}, {{"Out", {name}}},
                  {{"seed", fixed ? op.attrs.Get<int32_t>("seed", 0) : 0}, {"force_cpu", true}}};
    for (const auto& [attr, value] : GetOp("seed").Complete(seed.attrs)) seed.attrs.Set(attr, value);
    seed.attrs.Set(kOpRoleAttr, int32_t{kForward});
    seed.origin = op.origin;
    Operator shared = op;
    shared.inputs.Set("Seed", {name});
    shared.inputs.Sort();
    shared.attrs.Erase("fix_seed");
    shared.attrs.Erase("seed");
    std::vector<std::shared_ptr<Operator>> ops = block.ops();
    const auto at = std::find(ops.begin(), ops.end(), (*path)[i]);
    *at = (*path)[i] = std::make_shared<Operator>(std::move(shared));
    const auto made = std::make_shared<Operator>(std::move(seed));
    ops.insert(at, made);
    block.SetOps(std::move(ops));
    path->insert(path->begin() + static_cast<std::ptrdiff_t>(i), made);
    ++i;
    ++added;
  }
  return added;
}

}  // namespace skiff::backward
