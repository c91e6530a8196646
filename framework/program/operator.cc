#include "framework/program/operator.h"

#include <algorithm>

namespace skiff {

namespace {
const std::vector<std::string> kNoNames;
const std::string kNoName;
}  // namespace

const std::vector<std::string>& Slots::operator[](const std::string& slot) const {
  for (const Entry& entry : entries_) {
    if (entry.first == slot) return entry.second;
  }
  return kNoNames;
}

const std::string& Slots::One(const std::string& slot) const {
  const std::vector<std::string>& names = (*this)[slot];
  SKIFF_ENFORCE(names.size() <= 1, InvalidArgument, "slot ", slot, " holds ", names.size(),
                " variables where one belongs");
  return names.empty() ? kNoName : names.front();
}

void Slots::Set(const std::string& slot, std::vector<std::string> names) {
  for (Entry& entry : entries_) {
    if (entry.first == slot) {
      entry.second = std::move(names);
      return;
    }
  }
  entries_.emplace_back(slot, std::move(names));
}

void Slots::Erase(const std::string& slot) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.first == slot; });
}

void Slots::Rename(const std::string& from, const std::string& to) {
  for (Entry& entry : entries_) {
    std::replace(entry.second.begin(), entry.second.end(), from, to);
  }
}

bool Slots::Mentions(const std::string& name) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return std::find(entry.second.begin(), entry.second.end(), name) != entry.second.end();
  });
}

std::vector<std::string> Slots::AllNames() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    for (const std::string& name : entry.second) {
      if (name != kEmptyVarName) names.push_back(name);
    }
  }
  return names;
}

void Slots::Sort() {
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.first < b.first; });
}

std::vector<int> OwnedBlocks(const Operator& op) {
  std::vector<int> owned;
  for (const auto& [name, value] : op.attrs) {
    if (const auto* one = std::get_if<BlockRef>(&value)) owned.push_back(one->index);
    if (const auto* many = std::get_if<std::vector<BlockRef>>(&value)) {
      for (const BlockRef& ref : *many) owned.push_back(ref.index);
    }
  }
  return owned;
}

}  // namespace skiff
