#include "io/pir/op_map.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace skiff::io {

namespace {

struct Row {
  const char *type, *pir, *operands, *results, *attrs;
};

constexpr Row kRows[] = {
#include "io/pir/op_map_table.inc"
};

// Operators that have no recorded case, or another spelling.
constexpr Row kMoreRows[] = {
#include "io/pir/op_map_more.inc"
};

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

PirSlot ToSlot(const std::string& word) {
  return word.back() == '*' ? PirSlot{word.substr(0, word.size() - 1), true} : PirSlot{word};
}

PirOperandRule ToOperand(const std::string& text) {
  PirOperandRule rule;
  for (const std::string& word : Split(text, '/')) {
    if (const size_t colon = word.find(':'); colon != word.npos) {
      rule.attr = word.substr(0, colon);
      rule.made = word.substr(colon + 1);
    } else if (word != "-") {
      rule.slots.push_back(ToSlot(word));
    }
  }
  return rule;
}

PirAttrRule ToAttr(const std::string& text) {
  PirAttrRule rule;
  std::string head = text;
  if (const size_t bang = text.find('!'); bang != text.npos) {
    rule.has_fallback = true;
    rule.fallback = text.substr(bang + 1);
    head = text.substr(0, bang);
  }
  const size_t colon = head.find(':');
  rule.name = head.substr(0, colon);
  rule.kind = head.substr(colon + 1);
  rule.source = rule.name;
  if (const size_t equals = rule.kind.find('='); equals != rule.kind.npos) {
    rule.source = rule.kind.substr(equals + 1);
    rule.kind = rule.kind.substr(0, equals);
  }
  return rule;
}

std::vector<PirOpRule> MakeRules() {
  std::vector<PirOpRule> rules;
  auto add = [&](const Row& row) {
    PirOpRule rule{row.type, std::string("pd_op.") + row.pir, {}, {}, {}};
    for (const std::string& word : Split(row.operands, ' ')) rule.operands.push_back(ToOperand(word));
    for (const std::string& word : Split(row.results, ' ')) rule.results.push_back(ToSlot(word));
    for (const std::string& word : Split(row.attrs, ' ')) rule.attrs.push_back(ToAttr(word));
    rules.push_back(std::move(rule));
  };
  for (const Row& row : kRows) add(row);
  for (const Row& row : kMoreRows) add(row);
  std::stable_sort(rules.begin(), rules.end(), [](const PirOpRule& a, const PirOpRule& b) { return a.type < b.type; });
  return rules;
}

// Older spellings of what a newer operator does.
constexpr std::string_view kSuperseded[] = {"grad_add", "matmul", "deformable_conv_v1", "matmul_grad"};

// "MeanOut" and "Mean", "OutState" and "InState", "LossScaling" and "PrevLossScaling" are one variable.
std::string Stem(std::string slot) {
  for (const char* prefix : {"Out", "out_", "In", "in_", "Prev"}) {
    const size_t length = std::string_view(prefix).size();
    if (slot.starts_with(prefix) && slot.size() > length) {
      slot.erase(0, length);
      break;
    }
  }
  if (slot.ends_with("Out") && slot.size() > 3) slot.resize(slot.size() - 3);
  return slot;
}

}  // namespace

std::string PirOpRule::AliasOf(size_t i) const {
  if (!pir.ends_with("_") || results[i].name == "-") return "";
  for (const PirOperandRule& operand : operands) {
    for (const PirSlot& slot : operand.slots) {
      const bool scaled = slot.list && slot.name == "X" && results[i].name == "Out";  // gradients, by loss scaling
      const bool same = Stem(slot.name) == Stem(results[i].name) || scaled;
      if (same && slot.list == results[i].list) return slot.name;
    }
  }
  return "";
}

const std::vector<PirOpRule>& PirOpRules() {
  static const std::vector<PirOpRule> rules = MakeRules();
  return rules;
}

const PirOpRule* FindPirOperation(const std::string& pir) {
  static const auto by_name = [] {
    std::map<std::string, const PirOpRule*> made;
    for (const PirOpRule& rule : PirOpRules()) {
      const bool old = std::find(std::begin(kSuperseded), std::end(kSuperseded), rule.type) != std::end(kSuperseded);
      const PirOpRule*& entry = made[rule.pir];
      if (entry == nullptr || !old) entry = &rule;
    }
    return made;
  }();
  const auto found = by_name.find(pir);
  return found == by_name.end() ? nullptr : found->second;
}

std::vector<const PirOpRule*> PirRulesOf(const std::string& type) {
  const auto& rules = PirOpRules();
  auto at = std::lower_bound(rules.begin(), rules.end(), type, [](const PirOpRule& rule, const std::string& wanted) { return rule.type < wanted; });
  std::vector<const PirOpRule*> found;
  for (; at != rules.end() && at->type == type; ++at) found.push_back(&*at);
  return found;
}

}  // namespace skiff::io
