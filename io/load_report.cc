// How a state dict fits a program, and what renaming would make it fit.
#include <algorithm>
#include <set>

#include "io/state_dict.h"

namespace skiff::io {

namespace {

using Renaming = std::vector<std::pair<std::string, std::string>>;

std::string Join(const std::vector<std::string>& parts, const char* separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

// A declared -1 takes any extent.
bool Fits(const Variable& wanted, const Tensor& tensor) {
  if (wanted.dtype != DType::kUndefined && wanted.dtype != tensor.dtype()) return false;
  if (wanted.shape.rank() != tensor.shape().rank()) return false;
  for (int i = 0; i < wanted.shape.rank(); ++i) {
    if (wanted.shape[i] != -1 && wanted.shape[i] != tensor.shape()[i]) return false;
  }
  return true;
}

// Whether one of the names is the other behind a prefix that ends at a word ("model.fc.weight").
bool DifferByPrefix(const std::string& a, const std::string& b) {
  const auto& [longer, shorter] = a.size() > b.size() ? std::tie(a, b) : std::tie(b, a);
  const size_t extra = longer.size() - shorter.size();
  return extra > 0 && longer.ends_with(shorter) && std::string_view("./_").find(longer[extra - 1]) != std::string_view::npos;
}

// Names of a net built again differ in numbers: "fc_0.w_0" and "fc_3.w_0".
std::string WithoutNumbers(const std::string& name) {
  std::string text;
  for (const char c : name) {
    if (c < '0' || c > '9') text += c;
  }
  return text;
}

// A renaming is worth telling only when it leaves nothing over: every missing variable gets one entry that fits it.
Renaming FindRenaming(const std::vector<const Variable*>& missing, const std::vector<const StateDict::Entry*>& unexpected) {
  constexpr size_t kMostPairs = 1 << 26;  // what a person waits for
  if (missing.empty() || missing.size() > unexpected.size() || missing.size() > kMostPairs / unexpected.size()) return {};
  auto matched = [&](auto alike) {
    Renaming renaming;
    std::set<const StateDict::Entry*> taken;
    for (const Variable* v : missing) {
      const auto entry = std::find_if(unexpected.begin(), unexpected.end(), [&](const StateDict::Entry* e) {
        return !taken.contains(e) && alike(e->name, v->name) && e->tensor.is_initialized() && Fits(*v, e->tensor);
      });
      if (entry == unexpected.end()) return Renaming{};
      taken.insert(*entry);
      renaming.emplace_back((*entry)->name, v->name);
    }
    return renaming;
  };
  if (Renaming renaming = matched(&DifferByPrefix); !renaming.empty()) return renaming;
  return matched([](const std::string& a, const std::string& b) { return WithoutNumbers(a) == WithoutNumbers(b); });
}

std::string DescribeRenaming(const Renaming& renaming) {
  constexpr size_t kShown = 4;
  std::string text = "it would fit if renamed:";
  for (size_t i = 0; i < renaming.size() && i < kShown; ++i) {
    text += StrCat(i == 0 ? " " : ", ", renaming[i].first, " to ", renaming[i].second);
  }
  return renaming.size() > kShown ? StrCat(text, " and ", renaming.size() - kShown, " more") : text;
}

}  // namespace

std::string LoadReport::ToString() const {
  std::string text = StrCat(loaded.size(), " loaded");
  if (!missing.empty()) text += "; missing: " + Join(missing, ", ");
  if (!unexpected.empty()) text += "; unexpected: " + Join(unexpected, ", ");
  if (!mismatched.empty()) text += "; mismatched: " + Join(mismatched, "; ");
  if (!renaming.empty()) text += "; " + DescribeRenaming(renaming);
  return text;
}

LoadReport SetStateDict(const Program& program, Scope& scope, const StateDict& state,
                        const LoadOptions& options) {
  std::map<std::string, const Variable*> known;
  for (const Variable* v : StateVariables(program, StateKind::kAll)) known[v->name] = v;
  LoadReport report;
  std::map<std::string, const Tensor*> found;
  std::vector<const StateDict::Entry*> unexpected;
  for (const StateDict::Entry& entry : state) {
    auto variable = known.find(entry.name);
    if (variable == known.end()) variable = known.find(entry.tensor_name);
    if (variable == known.end()) {
      report.unexpected.push_back(entry.name);
      unexpected.push_back(&entry);
      continue;
    }
    const Variable& v = *variable->second;
    if (!entry.tensor.is_initialized() || !Fits(v, entry.tensor)) {
      report.mismatched.push_back(StrCat(v.name, ": ", entry.tensor.dtype(), " ",
                                         entry.tensor.shape(), " in the state dict, ", v.dtype, " ",
                                         v.shape, " wanted"));
    }
    found[v.name] = &entry.tensor;
  }
  std::vector<const Variable*> missing;
  for (const Variable* v : StateVariables(program, options.kind)) {
    if (found.contains(v->name)) continue;
    missing.push_back(v);
    report.missing.push_back(v->name);
  }
  report.renaming = FindRenaming(missing, unexpected);
  if (options.strict && !report.fits()) {
    InvalidArgument error("the state dict does not fit the program; nothing was loaded");
    if (!report.missing.empty()) error.AddContext("missing: " + Join(report.missing, ", "));
    if (!report.unexpected.empty()) error.AddContext("unexpected: " + Join(report.unexpected, ", "));
    if (!report.mismatched.empty()) error.AddContext("mismatched: " + Join(report.mismatched, "; "));
    if (!report.renaming.empty()) error.AddContext(DescribeRenaming(report.renaming));
    throw error;
  }
  std::vector<std::pair<std::string, Tensor>> staged;
  for (const auto& [name, tensor] : found) {
    if (!tensor->is_initialized() || !Fits(*known[name], *tensor)) continue;
    const Value* old = scope.FindVar(name);
    const Tensor* old_tensor = old == nullptr ? nullptr : std::get_if<Tensor>(old);
    const bool has_place = old_tensor != nullptr && old_tensor->is_initialized();
    // Each variable owns its memory: training must not write into the caller's tensors.
    staged.emplace_back(name, tensor->CopyTo(has_place ? old_tensor->place() : Place(CPUPlace{})));
  }
  for (auto& [name, tensor] : staged) {
    Value* old = scope.FindVar(name);
    *(old != nullptr ? old : scope.Var(name)) = std::move(tensor);
    report.loaded.push_back(name);
  }
  return report;
}

void StateDict::Rename(const std::vector<std::pair<std::string, std::string>>& renaming) {
  std::map<std::string, std::string> to(renaming.begin(), renaming.end());
  std::vector<Entry> entries = entries_;
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (const auto found = to.find(entries[i].name); found != to.end()) entries[i].name = found->second;
    SKIFF_ENFORCE(index.emplace(entries[i].name, i).second, InvalidArgument, "the renaming gives two entries of the state dict the name \"",
                  entries[i].name, "\"");
  }
  entries_ = std::move(entries);
  index_ = std::move(index);
}

}  // namespace skiff::io
