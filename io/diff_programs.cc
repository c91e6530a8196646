// Two programs: operators are aligned, block by block, then compared slot by slot. Each pair of slots says which
// variables are the same; that relation must be one to one.
#include <algorithm>
#include <set>

#include "framework/op/op_def.h"
#include "io/diff.h"
#include "io/op_facts.h"

namespace skiff::io {

namespace {

// Attributes that say nothing about what is computed.
bool IsNoise(const std::string& attr) {
  constexpr const char* kNoise[] = {"op_callstack", "op_namescope", kOpRoleVarAttr, "op_device", "use_cudnn", "use_mkldnn"};
  return std::find(std::begin(kNoise), std::end(kNoise), attr) != std::end(kNoise);
}

// An attribute that is not there says as much as one of these.
bool IsNeutral(const Attribute& value) {
  return std::visit([](const auto& v) {
    using T = std::decay_t<decltype(v)>;
    if constexpr (std::is_arithmetic_v<T>) return v == T(0);
    else if constexpr (requires { v.empty(); }) return v.empty();
    else return false;
  }, value);
}

// As numbers, where it holds numbers: files of other versions spell an INT as a BOOLEAN or LONG.
std::optional<std::vector<double>> Numbers(const Attribute& value) {
  return std::visit([](const auto& v) -> std::optional<std::vector<double>> {
    using T = std::decay_t<decltype(v)>;
    if constexpr (std::is_arithmetic_v<T>) {
      return std::vector<double>{static_cast<double>(v)};
    } else if constexpr (requires { typename T::value_type; requires std::is_arithmetic_v<typename T::value_type>; }) {
      if constexpr (!std::is_same_v<T, std::string>) return std::vector<double>(v.begin(), v.end());
    }
    return std::nullopt;
  }, value);
}

bool SameAttribute(const Attribute& a, const Attribute& b) {
  if (a == b || (a.index() == b.index() && ToString(a) == ToString(b))) return true;  // NaN is NaN
  const auto left = Numbers(a), right = Numbers(b);
  return left && right && *left == *right;
}

std::string MetaText(const Block& block, const std::string& name) {
  const auto v = block.FindVar(name);
  return v == nullptr ? "?" : StrCat(v->dtype, " ", v->shape);
}

// What operators are paired by.
struct Likeness {
  std::string type, outputs, attrs;

  int With(const Likeness& other) const {
    return type != other.type ? 0 : 4 + 2 * (outputs == other.outputs) + (attrs == other.attrs);
  }
  bool Same(const Likeness& other) const { return With(other) == 7; }
};

std::vector<Likeness> LikenessOf(const Block& block) {
  std::vector<Likeness> result;
  for (const auto& op : block.ops()) {
    Likeness one{op->type, "", ""};
    for (const std::string& name : op->outputs.AllNames()) one.outputs += MetaText(block, name) + ";";
    for (const auto& [name, value] : op->attrs) {
      const bool names = std::holds_alternative<VarRef>(value) || std::holds_alternative<std::vector<VarRef>>(value);
      if (!IsNoise(name) && !IsNeutral(value) && !names) one.attrs += name + "=" + ToString(value) + ";";
    }
    result.push_back(std::move(one));
  }
  return result;
}

constexpr int kNone = -1;
constexpr size_t kMaxAlignmentCells = size_t{1} << 26;

// Pairs of positions, in order; kNone where one side has no partner. The pairs' likenesses add up to the most there is.
std::vector<std::pair<int, int>> Align(const std::vector<Likeness>& a, const std::vector<Likeness>& b) {
  size_t begin = 0, end_a = a.size(), end_b = b.size();
  while (begin < end_a && begin < end_b && a[begin].Same(b[begin])) ++begin;
  while (end_a > begin && end_b > begin && a[end_a - 1].Same(b[end_b - 1])) --end_a, --end_b;
  const size_t rows = end_a - begin, columns = end_b - begin;
  std::vector<std::pair<int, int>> pairs;
  for (size_t i = 0; i < begin; ++i) pairs.emplace_back(i, i);
  if (rows * columns > kMaxAlignmentCells) {  // too different to be worth more: position by position
    for (size_t i = 0; i < std::max(rows, columns); ++i) {
      const bool both = i < rows && i < columns && a[begin + i].type == b[begin + i].type;
      if (both) pairs.emplace_back(begin + i, begin + i);
      if (!both && i < rows) pairs.emplace_back(begin + i, kNone);
      if (!both && i < columns) pairs.emplace_back(kNone, begin + i);
    }
  } else {
    enum Step : uint8_t { kBoth, kOnlyA, kOnlyB };
    std::vector<Step> steps(rows * columns);
    std::vector<int> below(columns + 1, 0), current(columns + 1, 0);  // best sums from (i + 1, j) and (i, j) on
    for (size_t i = rows; i-- > 0; below = current) {
      current[columns] = 0;
      for (size_t j = columns; j-- > 0;) {
        const int like = a[begin + i].With(b[begin + j]);
        const int both = like == 0 ? -1 : like + below[j + 1];
        const int best = std::max({both, below[j], current[j + 1]});
        steps[i * columns + j] = best == both ? kBoth : best == below[j] ? kOnlyA : kOnlyB;
        current[j] = best;
      }
    }
    size_t i = 0, j = 0;
    while (i < rows || j < columns) {
      const Step step = j == columns ? kOnlyA : i == rows ? kOnlyB : steps[i * columns + j];
      pairs.emplace_back(step == kOnlyB ? kNone : static_cast<int>(begin + i), step == kOnlyA ? kNone : static_cast<int>(begin + j));
      i += step != kOnlyB;
      j += step != kOnlyA;
    }
  }
  for (size_t i = 0; end_a + i < a.size(); ++i) pairs.emplace_back(end_a + i, end_b + i);
  return pairs;
}

class ProgramMatcher {
 public:
  ProgramDifferences Run(const Program& a, const Program& b) {
    read_ = {NamesRead(a), NamesRead(b)};
    MatchBlocks(a.global_block(), b.global_block());
    for (const auto& [key, other] : to_b_) {
      if (key.first == 0 && other.first == 0) result_.names[key.second] = other.second;
    }
    return std::move(result_);
  }

 private:
  using Key = std::pair<int, std::string>;  // the block that declares a variable, and its name

  static Key KeyOf(const Block& block, const std::string& name) {
    const auto v = block.FindVar(name);
    return {v == nullptr ? kNone : v->block->idx(), name};
  }

  void MatchBlocks(const Block& a, const Block& b) {
    if (!visited_.emplace(a.idx(), b.idx()).second) return;
    for (const auto& [i, j] : Align(LikenessOf(a), LikenessOf(b))) {
      if (i == kNone || j == kNone) {
        const bool removed = j == kNone;
        const Operator& op = removed ? *a.ops()[static_cast<size_t>(i)] : *b.ops()[static_cast<size_t>(j)];
        result_.operators.push_back({removed ? OperatorDifference::kRemoved : OperatorDifference::kAdded, op.type,
                                     removed ? a.idx() : kNone, i, removed ? kNone : b.idx(), j, {}});
        continue;
      }
      if (a.idx() == 0 && b.idx() == 0) result_.matched.emplace_back(i, j);
      MatchOperators(a, *a.ops()[static_cast<size_t>(i)], i, b, *b.ops()[static_cast<size_t>(j)], j);
    }
  }

  void MatchOperators(const Block& a, const Operator& x, int i, const Block& b, const Operator& y, int j) {
    // Its place in the list is before those of its blocks.
    const size_t place = result_.operators.size();
    result_.operators.push_back({OperatorDifference::kChanged, x.type, a.idx(), i, b.idx(), j, {}});
    std::vector<std::string> changes;
    MatchSlots(kInput, a, x.inputs, b, y.inputs, x.type, &changes);
    MatchAttrs(a, x, b, y, &changes);
    MatchSlots(kOutput, a, x.outputs, b, y.outputs, x.type, &changes);
    if (changes.empty()) {
      result_.operators.erase(result_.operators.begin() + static_cast<std::ptrdiff_t>(place));
    } else {
      result_.operators[place].changes = std::move(changes);
    }
  }

  enum Side { kInput, kOutput };
  void MatchSlots(Side side, const Block& a, const Slots& x, const Block& b, const Slots& y, const std::string& type,
                  std::vector<std::string>* changes) {
    std::vector<std::string> slots;
    for (const Slots* of : {&x, &y}) {
      for (const auto& [slot, names] : *of) {
        if (!names.empty() && std::find(slots.begin(), slots.end(), slot) == slots.end()) slots.push_back(slot);
      }
    }
    const OpFacts* facts = FindOpFacts(type);
    for (const std::string& slot : slots) {
      const auto& left = x[slot];
      const auto& right = y[slot];
      const bool extra = facts != nullptr && !facts->HasInput(slot) && !facts->HasOutput(slot);
      if (extra && (left.empty() || right.empty())) continue;  // what save_inference_model leaves out
      if (side == kOutput && ((left.empty() && !IsRead(right, read_.second)) || (right.empty() && !IsRead(left, read_.first)))) continue;
      bool same = left.size() == right.size();
      for (size_t k = 0; k < std::min(left.size(), right.size()); ++k) same &= Bind(a, left[k], b, right[k]);
      if (!same) changes->push_back(StrCat(side == kInput ? "input " : "output ", slot, ": ", Quoted(left), " -> ", Quoted(right)));
    }
  }

  // Whether two names may mean one variable, given what was seen so far; from now on they do.
  bool Bind(const Block& a, const std::string& left, const Block& b, const std::string& right) {
    if (left == kEmptyVarName || right == kEmptyVarName) return left == right;
    if (left != right && IsPersistable(a, left) != IsPersistable(b, right)) return false;  // a parameter is found by its name
    const Key x = KeyOf(a, left), y = KeyOf(b, right);
    const auto to = to_b_.find(x);
    const auto from = to_a_.find(y);
    if (to != to_b_.end() || from != to_a_.end()) return to != to_b_.end() && to->second == y;
    to_b_[x] = y;
    to_a_[y] = x;
    CompareVariables(a, left, b, right);
    return true;
  }

  void CompareVariables(const Block& a, const std::string& left, const Block& b, const std::string& right) {
    const auto x = a.FindVar(left), y = b.FindVar(right);
    const std::string name = left == right ? left : left + " -> " + right;
    if (x == nullptr || y == nullptr) {
      if (x != y) result_.variables.push_back(StrCat(name, ": declared in one program alone"));
      return;
    }
    std::string text;
    const auto add = [&](const std::string& from, const std::string& to) {
      if (from != to) text += StrCat(text.empty() ? "" : ", ", from, " -> ", to);
    };
    add(StrCat(x->dtype, " ", x->shape), StrCat(y->dtype, " ", y->shape));
    add(ToString(x->kind), ToString(y->kind));
    add(x->persistable ? "persistable" : "not persistable", y->persistable ? "persistable" : "not persistable");
    if (!text.empty()) result_.variables.push_back(name + ": " + text);
  }

  void MatchAttrs(const Block& a, const Operator& x, const Block& b, const Operator& y, std::vector<std::string>* changes) {
    std::set<std::string> names;
    for (const Attrs* attrs : {&x.attrs, &y.attrs}) {
      for (const auto& [name, value] : *attrs) names.insert(name);
    }
    const OpDef* def = FindOp(x.type);
    const OpFacts* facts = FindOpFacts(x.type);
    for (const std::string& name : names) {
      if (IsNoise(name)) continue;
      const Attribute* left = x.attrs.Find(name);
      const Attribute* right = y.attrs.Find(name);
      const bool extra = facts != nullptr && facts->HasExtraAttr(name);
      if ((left == nullptr || right == nullptr) && extra) continue;
      const AttrDef* known = def == nullptr ? nullptr : def->FindAttr(name);
      const Attribute* fallback = known != nullptr && !known->required ? &known->default_value : nullptr;
      const Attribute* from = left != nullptr ? left : fallback;
      const Attribute* to = right != nullptr ? right : fallback;
      if (from == nullptr || to == nullptr) {
        const Attribute& only = left != nullptr ? *left : *right;
        if (IsNeutral(only)) continue;
        changes->push_back(StrCat("attribute ", name, ": ", left ? ToString(only) : "absent", " -> ", left ? "absent" : ToString(only)));
      } else if (!MatchAttribute(a, *from, b, *to)) {
        changes->push_back(StrCat("attribute ", name, ": ", ToString(*from), " -> ", ToString(*to)));
      }
    }
  }

  // Blocks are compared as blocks, variables as variables.
  bool MatchAttribute(const Block& a, const Attribute& from, const Block& b, const Attribute& to) {
    if (from.index() != to.index()) return SameAttribute(from, to);
    if (const auto* left = std::get_if<BlockRef>(&from)) return MatchOwned(a, {*left}, b, {std::get<BlockRef>(to)});
    if (const auto* left = std::get_if<std::vector<BlockRef>>(&from)) {
      return MatchOwned(a, *left, b, std::get<std::vector<BlockRef>>(to));
    }
    if (const auto* left = std::get_if<VarRef>(&from)) return Bind(a, left->name, b, std::get<VarRef>(to).name);
    if (const auto* left = std::get_if<std::vector<VarRef>>(&from)) {
      const auto& right = std::get<std::vector<VarRef>>(to);
      bool same = left->size() == right.size();
      for (size_t i = 0; same && i < right.size(); ++i) same = Bind(a, (*left)[i].name, b, right[i].name);
      return same;
    }
    return SameAttribute(from, to);
  }

  bool MatchOwned(const Block& a, const std::vector<BlockRef>& left, const Block& b, const std::vector<BlockRef>& right) {
    if (left.size() != right.size()) return false;
    for (size_t i = 0; i < left.size(); ++i) {
      MatchBlocks(a.program()->block(left[i].index), b.program()->block(right[i].index));
    }
    return true;
  }

  static std::string Quoted(const std::vector<std::string>& names) {
    if (names.empty()) return "none";
    std::string text;
    for (const std::string& name : names) text += StrCat(text.empty() ? "" : ", ", "\"", name, "\"");
    return text;
  }

  static bool IsPersistable(const Block& block, const std::string& name) {
    const auto v = block.FindVar(name);
    return v != nullptr && v->persistable;
  }

  static std::set<std::string> NamesRead(const Program& program) {
    std::set<std::string> names;
    for (int i = 0; i < program.num_blocks(); ++i) {
      for (const auto& op : program.block(i).ops()) {
        for (const std::string& name : op->inputs.AllNames()) names.insert(name);
      }
    }
    return names;
  }

  static bool IsRead(const std::vector<std::string>& names, const std::set<std::string>& read) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return read.contains(name); });
  }

  ProgramDifferences result_;
  std::pair<std::set<std::string>, std::set<std::string>> read_;  // by operators of A and of B
  std::map<Key, Key> to_b_, to_a_;
  std::set<std::pair<int, int>> visited_;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> ProgramDifferences::Renamed() const {
  std::vector<std::pair<std::string, std::string>> renamed;
  for (const auto& [a, b] : names) {
    if (a != b) renamed.emplace_back(a, b);
  }
  return renamed;
}

ProgramDifferences DiffPrograms(const Program& a, const Program& b) { return ProgramMatcher().Run(a, b); }

}  // namespace skiff::io
