#include "framework/op/grad_ops.h"

#include <algorithm>
#include <deque>
#include <map>

#include "framework/op/backward.h"

namespace skiff::backward {

namespace {

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool AllIn(const std::vector<std::string>& names, const Names& set) {
  return !names.empty() &&
         std::all_of(names.begin(), names.end(), [&](const auto& n) { return set.contains(n); });
}

// The names under which contributions to one gradient are written so far.
struct Contributions {
  std::vector<std::string> names;
  size_t first_op = 0;  // where the first one is written
  int next_number = 0;  // of the next @RENAME@ name
};

class Accumulator {
 public:
  Accumulator(std::vector<Operator>* ops, int block_idx) : ops_(*ops), block_idx_(block_idx) {}

  void Run() {
    for (size_t i = 0; i < ops_.size(); ++i) {
      for (const std::string& name : RawNames(ops_[i].inputs)) {
        if (IsGradName(name)) AddUp(name, i);
      }
      for (size_t slot = 0; slot < ops_[i].outputs.size(); ++slot) VisitOutputs(i, slot);
    }
    const std::vector<std::string> order = order_;
    for (const std::string& name : order) AddUp(name, ops_.size());
    for (auto it = sums_.rbegin(); it != sums_.rend(); ++it) {
      ops_.insert(ops_.begin() + static_cast<std::ptrdiff_t>(it->first), it->second.begin(),
                  it->second.end());
    }
  }

 private:
  // Paddle adds up in the order in which names were first met, as input or output.
  Contributions& Of(const std::string& name) {
    const auto [found, inserted] = contributions_.try_emplace(name);
    if (inserted) order_.push_back(name);
    return found->second;
  }

  // Places a sum before operator `position` when there is more than one contribution.
  void AddUp(const std::string& name, size_t position) {
    Contributions& to = Of(name);
    if (to.names.size() <= 1) return;
    Operator sum{"sum", {{"X", to.names}}, {{"Out", {name}}}, {{"use_mkldnn", false}}};
    sum.origin = position < ops_.size() ? ops_[position].origin : ops_.back().origin;
    sums_[position].push_back(std::move(sum));
    to.names = {name};
  }

  std::string NextName(const std::string& name, Contributions* to) {
    return StrCat(name, "@RENAME@block", block_idx_, "@", to->next_number++);
  }

  void VisitOutputs(size_t i, size_t slot_index) {
    const Slots::Entry slot = *(ops_[i].outputs.begin() + static_cast<std::ptrdiff_t>(slot_index));
    std::vector<std::string> renamed = slot.second;
    for (size_t k = 0; k < slot.second.size(); ++k) {
      const std::string& name = slot.second[k];
      const bool inplace = Contains(RawNames(ops_[i].inputs), name);
      if (!IsGradName(name) || name == kEmptyVarName || inplace) continue;
      Contributions& to = Of(name);
      if (to.names.empty()) {
        to.names = {name};
        to.first_op = i;
        continue;
      }
      if (to.names.size() == 1) RenameFirst(name, i, slot_index, k, &to, &renamed);
      renamed[k] = NextName(name, &to);
      to.names.push_back(renamed[k]);
      ops_[i].outputs.Set(slot.first, renamed);
    }
  }

  // The first contribution loses the gradient's own name, wherever it stands up to here.
  void RenameFirst(const std::string& name, size_t i, size_t slot_index, size_t k, Contributions* to,
                   std::vector<std::string>* current_slot) {
    const std::string new_name = NextName(name, to);
    to->names[0] = new_name;
    for (size_t j = to->first_op; j < i; ++j) {
      ops_[j].inputs.Rename(name, new_name);
      ops_[j].outputs.Rename(name, new_name);
    }
    for (auto& [position, sums] : sums_) {
      for (Operator& sum : sums) {
        sum.inputs.Rename(name, new_name);
        sum.outputs.Rename(name, new_name);
      }
    }
    const Slots outputs = ops_[i].outputs;
    for (size_t s = 0; s < slot_index; ++s) {
      auto [slot, names] = *(outputs.begin() + static_cast<std::ptrdiff_t>(s));
      std::replace(names.begin(), names.end(), name, new_name);
      ops_[i].outputs.Set(slot, names);
    }
    std::replace(current_slot->begin(), current_slot->begin() + static_cast<std::ptrdiff_t>(k), name,
                 new_name);
  }

  std::vector<Operator>& ops_;
  int block_idx_;
  std::map<std::string, Contributions> contributions_;
  std::vector<std::string> order_;
  std::map<size_t, std::vector<Operator>> sums_;
};

}  // namespace

std::vector<std::string> RawNames(const Slots& slots) {
  std::vector<std::string> names;
  for (const auto& [slot, held] : slots) names.insert(names.end(), held.begin(), held.end());
  return names;
}

void AddUpRepeatedOutputs(std::vector<Operator>* ops, int block_idx) {
  Accumulator(ops, block_idx).Run();
}

void RemoveUnwantedBranches(std::vector<Operator>* ops, Names* no_grad, const Names& targets) {
  std::erase_if(*ops, [&](const Operator& op) {
    const std::vector<std::string> outs = RawNames(op.outputs);
    if (outs.empty() || AllIn(outs, *no_grad)) return true;
    std::vector<std::string> incoming = RawNames(op.inputs);
    std::erase_if(incoming, [](const std::string& n) { return !IsGradName(n); });
    if (!AllIn(incoming, *no_grad)) return false;
    for (const std::string& name : outs) {
      if (!targets.contains(name)) no_grad->insert(name);
    }
    return true;
  });

  std::vector<Operator> filled;
  for (Operator& op : *ops) {
    for (const std::string& name : RawNames(op.inputs)) {
      if (!IsGradName(name) || !no_grad->contains(name)) continue;
      Operator zeros{"fill_any_like", {{"X", {StripGradSuffix(name)}}}, {{"Out", {name}}},
                     {{"value", 0.0f}, {"dtype", -1}}};
      zeros.origin = op.origin;
      filled.push_back(std::move(zeros));
    }
    filled.push_back(std::move(op));
  }
  *ops = std::move(filled);
}

void RemoveUnconnected(std::vector<Operator>* ops, const Names& known) {
  // Each write makes a new version of a variable: numbers stand for (variable, version).
  std::map<std::string, int> latest;
  std::vector<std::vector<size_t>> readers;
  std::vector<std::vector<int>> reads(ops->size()), writes(ops->size());
  auto new_version = [&](const std::string& name) {
    readers.emplace_back();
    return latest[name] = static_cast<int>(readers.size()) - 1;
  };
  std::vector<size_t> heads;  // operators that read nothing the rest knows
  Names made;
  for (size_t i = 0; i < ops->size(); ++i) {
    const std::vector<std::string> ins = RawNames((*ops)[i].inputs);
    const bool foreign = std::none_of(ins.begin(), ins.end(), [&](const auto& n) {
      return known.contains(n) || made.contains(n);
    });
    if (foreign) heads.push_back(i);
    for (const std::string& name : ins) {
      const auto found = latest.find(name);
      const int version = found == latest.end() ? new_version(name) : found->second;
      readers[version].push_back(i);
      reads[i].push_back(version);
    }
    for (const std::string& name : RawNames((*ops)[i].outputs)) {
      made.insert(name);
      writes[i].push_back(new_version(name));
    }
  }

  std::set<size_t> unneeded;
  for (size_t head : heads) {
    std::set<size_t> reached = {head};
    std::set<int> ready(reads[head].begin(), reads[head].end());
    std::deque<size_t> queue = {head};
    bool connected = false;
    while (!queue.empty() && !connected) {
      const size_t i = queue.front();
      queue.pop_front();
      // An operator without inputs can never be shown to hang on the head alone.
      connected = reads[i].empty() || !std::all_of(reads[i].begin(), reads[i].end(),
                                                   [&](int v) { return ready.contains(v); });
      if (connected) break;
      for (int version : writes[i]) {
        for (size_t reader : readers[version]) {
          if (reached.insert(reader).second) queue.push_back(reader);
        }
      }
      ready.insert(writes[i].begin(), writes[i].end());
    }
    if (!connected) unneeded.insert(reached.begin(), reached.end());
  }
  if (unneeded.size() == ops->size()) return;  // the head is the whole backward pass
  std::vector<Operator> kept;
  for (size_t i = 0; i < ops->size(); ++i) {
    if (!unneeded.contains(i)) kept.push_back(std::move((*ops)[i]));
  }
  *ops = std::move(kept);
}

}  // namespace skiff::backward
