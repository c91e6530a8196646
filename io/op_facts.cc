#include "io/op_facts.h"

#include <algorithm>
#include <iterator>

namespace skiff::io {

namespace {

constexpr OpFacts kOpFacts[] = {
#include "io/op_facts_table.inc"
};

}  // namespace

bool OpFacts::Lists(std::string_view names, std::string_view name) {
  for (size_t at = names.find(name); at != names.npos; at = names.find(name, at + 1)) {
    const bool starts = at == 0 || names[at - 1] == ' ';
    const size_t end = at + name.size();
    if (starts && (end == names.size() || names[end] == ' ') && !name.empty()) return true;
  }
  return false;
}

const OpFacts* FindOpFacts(std::string_view type) {
  const auto found = std::lower_bound(
      std::begin(kOpFacts), std::end(kOpFacts), type,
      [](const OpFacts& facts, std::string_view wanted) { return facts.type < wanted; });
  return found != std::end(kOpFacts) && found->type == type ? found : nullptr;
}

std::vector<std::pair<std::string, int32_t>> OpVersions() {
  std::vector<std::pair<std::string, int32_t>> versions;
  for (const OpFacts& facts : kOpFacts) {
    if (facts.version != 0) versions.emplace_back(facts.type, facts.version);
  }
  return versions;
}

}  // namespace skiff::io
