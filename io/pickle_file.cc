#include "io/pickle_file.h"

#include <map>
#include <optional>
#include <set>

#include "io/atomic_file.h"
#include "io/copy_to_fresh.h"

namespace skiff::io {

namespace {

constexpr const char* kShapeKey = "OriginShape";
constexpr const char* kPartsKey = "slices";

[[noreturn]] void FailSlices(const std::string& what, const std::string& key,
                             const std::string& message) {
  InvalidArgument error(StrCat("cannot read \"", what, "\": ", message));
  error.AddContext(StrCat("slices of the array \"", key, "\", listed under ", kSlicesKey));
  throw error;
}

PickleValue Join(const std::vector<const PickleValue*>& parts, const Shape& shape,
                 const std::string& what, const std::string& key) {
  int64_t elements = 0, wanted = 1;
  for (const PickleValue* part : parts) {
    if (part->numpy_type() != parts[0]->numpy_type()) FailSlices(what, key, "parts of several types");
    elements += part->tensor().num_elements();
  }
  for (int64_t d : shape) {
    if (d < 0 || __builtin_mul_overflow(wanted, d, &wanted)) wanted = -1;
    if (wanted < 0) break;
  }
  if (elements != wanted) {
    FailSlices(what, key, StrCat("the parts have ", elements, " elements, the shape ", shape,
                                 " has others"));
  }
  Tensor whole(shape, parts[0]->tensor().dtype());
  char* to = static_cast<char*>(whole.raw_data());
  for (const PickleValue* part : parts) {
    CopyToFresh(to, part->tensor().raw_data(), part->tensor().bytes());
    to += part->tensor().bytes();
  }
  return PickleValue::Array(std::move(whole), parts[0]->numpy_type());
}

}  // namespace

PickleValue LoadPickle(const std::string& path, PickleForm* form) {
  return LoadPickle(MappedFile::Open(path), form);
}

PickleValue LoadPickle(const std::shared_ptr<const MappedFile>& file, PickleForm* form) {
  return MergeSlices(ParsePickle(file->bytes(), file->name(), form), file->name());
}

void SavePickle(const PickleValue& value, const std::string& path, const PickleForm& form) {
  AtomicFiles files;
  WritePickle(value, form, &files.Add(path));
  files.Commit();
}

PickleValue MergeSlices(const PickleValue& value, const std::string& what) {
  const PickleValue* table = value.IsDict() ? value.Find(kSlicesKey) : nullptr;
  if (table == nullptr || !table->IsDict()) return value;
  std::map<std::string_view, const PickleValue*> arrays;
  for (const auto& [key, item] : value.entries()) {
    if (key.Is(PickleKind::kStr)) arrays[key.AsText()] = &item;
  }
  std::set<std::string> used;
  std::vector<PickleValue::Item> merged;
  for (const auto& [key, facts] : table->entries()) {
    if (!key.Is(PickleKind::kStr)) FailSlices(what, key.ToString(), "a key that is no text");
    const std::string& name = key.AsText();
    const PickleValue* shape_value = facts.IsDict() ? facts.Find(kShapeKey) : nullptr;
    const PickleValue* names = facts.IsDict() ? facts.Find(kPartsKey) : nullptr;
    if (shape_value == nullptr || !shape_value->Is(PickleKind::kTuple) || names == nullptr ||
        !names->Is(PickleKind::kList) || names->items().empty() ||
        shape_value->items().size() > Shape::kMaxRank) {
      FailSlices(what, name, "the shape or the list of parts is not there");
    }
    Shape shape;
    for (const PickleValue& d : shape_value->items()) shape.Append(d.AsInt());
    std::vector<const PickleValue*> parts;
    for (const PickleValue& part : names->items()) {
      const auto found = part.Is(PickleKind::kStr) ? arrays.find(part.AsText()) : arrays.end();
      if (found == arrays.end() || !found->second->Is(PickleKind::kArray)) {
        FailSlices(what, name, StrCat("the part ", part.ToString(), " is not there"));
      }
      if (!used.insert(part.AsText()).second) {
        FailSlices(what, name, StrCat("the part ", part.ToString(), " is used twice"));
      }
      parts.push_back(found->second);
    }
    merged.emplace_back(key, Join(parts, shape, what, name));
  }
  std::vector<PickleValue::Item> entries;
  for (const PickleValue::Item& entry : value.entries()) {
    const bool is_text = entry.first.Is(PickleKind::kStr);
    if (is_text && (entry.first.AsText() == kSlicesKey || used.contains(entry.first.AsText()))) continue;
    entries.push_back(entry);
  }
  entries.insert(entries.end(), merged.begin(), merged.end());
  return PickleValue::Dict(std::move(entries));
}

PickleValue SplitSlices(const PickleValue& value, int64_t max_bytes) {
  if (!value.IsDict()) return value;
  std::vector<PickleValue::Item> kept, parts, table;
  // Paddle spells these two as one constant each.
  const PickleValue shape_key = PickleValue::Str(kShapeKey);
  const PickleValue parts_key = PickleValue::Str(kPartsKey);
  for (const PickleValue::Item& entry : value.entries()) {
    const auto& [key, item] = entry;
    const int64_t limit =
        item.Is(PickleKind::kArray)
            ? max_bytes / static_cast<int64_t>(SizeOf(item.tensor().dtype()))
            : 0;
    if (limit == 0 || !key.Is(PickleKind::kStr) || item.tensor().num_elements() <= limit) {
      kept.push_back(entry);
      continue;
    }
    const Tensor cpu = item.tensor().To(CPUPlace{});
    const Tensor flat = cpu.Reshaped({cpu.num_elements()});
    std::vector<PickleValue> names, shape;
    for (int64_t begin = 0; begin < flat.num_elements(); begin += limit) {
      names.push_back(PickleValue::Str(StrCat(key.AsText(), "@@.", names.size())));
      const int64_t end = std::min(begin + limit, flat.num_elements());
      parts.emplace_back(names.back(), PickleValue::Array(flat.Rows(begin, end), item.numpy_type()));
    }
    for (int64_t d : cpu.shape()) shape.push_back(PickleValue::Int(d));
    table.emplace_back(key, PickleValue::Dict({{shape_key, PickleValue::Tuple(std::move(shape))},
                                               {parts_key, PickleValue::List(std::move(names))}}));
  }
  if (table.empty()) return value;
  kept.insert(kept.end(), parts.begin(), parts.end());
  kept.emplace_back(PickleValue::Str(kSlicesKey), PickleValue::Dict(std::move(table)));
  return PickleValue::Dict(std::move(kept));
}

}  // namespace skiff::io
