#include "framework/program/attribute.h"

#include <algorithm>
#include <limits>
#include <type_traits>

namespace skiff {

namespace {

constexpr const char* kKindNames[] = {"INT",   "FLOAT",  "STRING", "INTS",     "FLOATS", "STRINGS",
                                      "BOOLEAN", "BOOLEANS", "BLOCK", "LONG",  "BLOCKS", "LONGS",
                                      "FLOAT64S", "VAR", "VARS", "FLOAT64",    "SCALAR", "SCALARS"};

template <typename T>
std::string Text(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "\"" + value + "\"";
  } else if constexpr (std::is_same_v<T, BlockRef>) {
    return "block " + std::to_string(value.index);
  } else if constexpr (std::is_same_v<T, VarRef>) {
    return "%" + value.name;
  } else if constexpr (std::is_same_v<T, Scalar>) {
    return std::visit([](const auto& v) { return Text(v); }, value);
  } else {
    return StrCat(value);
  }
}

template <typename T>
std::string Text(const std::vector<T>& values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) text += (i ? ", " : "") + Text<T>(values[i]);
  return text + "]";
}

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

template <typename T>
constexpr bool kIsNumber = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

template <typename To, typename From>
bool CoerceNumber(From from, To* out) {
  if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    constexpr From kLimit = 9223372036854775808.0;  // 2^63; of neither nan nor more is there an integer
    if (!(from >= -kLimit && from < kLimit) || static_cast<From>(static_cast<int64_t>(from)) != from) return false;
    return CoerceNumber(static_cast<int64_t>(from), out);
  } else if constexpr (std::is_integral_v<To>) {
    if (from < std::numeric_limits<To>::min() || from > std::numeric_limits<To>::max()) return false;
    *out = static_cast<To>(from);
    return true;
  } else {
    *out = static_cast<To>(from);
    return true;
  }
}

template <typename To, typename From>
bool CoerceFrom(const From& from, To* out) {
  if constexpr (std::is_same_v<To, From>) {
    *out = from;
    return true;
  } else if constexpr (std::is_same_v<To, bool> && kIsNumber<From>) {
    *out = from != From(0);
    return true;
  } else if constexpr (kIsNumber<To> && kIsNumber<From>) {
    return CoerceNumber(from, out);
  } else if constexpr (kIsNumber<To> && std::is_same_v<From, bool>) {
    *out = from ? To(1) : To(0);
    return true;
  } else if constexpr (IsVector<To>::value && IsVector<From>::value) {
    using ToItem = typename To::value_type;
    using FromItem = typename From::value_type;
    out->clear();
    if (from.empty()) return true;  // an empty list says nothing of its kind
    if constexpr ((kIsNumber<ToItem> || std::is_same_v<ToItem, bool>) &&
                  (kIsNumber<FromItem> || std::is_same_v<FromItem, bool>)) {
      for (FromItem item : from) {
        ToItem converted{};
        if (!CoerceFrom(item, &converted)) return false;
        out->push_back(converted);
      }
      return true;
    } else if constexpr (std::is_same_v<ToItem, Scalar> && (kIsNumber<FromItem> || std::is_same_v<FromItem, bool>)) {
      for (FromItem item : from) {
        if constexpr (std::is_same_v<FromItem, bool>) out->emplace_back(bool{item});
        else if constexpr (std::is_integral_v<FromItem>) out->emplace_back(int64_t{item});
        else out->emplace_back(double{item});
      }
      return true;
    }
    return false;
  } else {
    return false;
  }
}

}  // namespace

const char* KindName(const Attribute& attribute) { return kKindNames[attribute.index()]; }

std::string ToString(const Attribute& attribute) {
  return std::visit([](const auto& value) { return Text(value); }, attribute);
}

std::vector<std::string> VariableNames(const Attribute& attribute) {
  std::vector<std::string> names;
  if (const auto* one = std::get_if<VarRef>(&attribute)) names.push_back(one->name);
  if (const auto* many = std::get_if<std::vector<VarRef>>(&attribute)) {
    for (const VarRef& ref : *many) names.push_back(ref.name);
  }
  return names;
}

template <typename T>
bool Coerce(const Attribute& attribute, T* out) {
  return std::visit([out](const auto& value) { return CoerceFrom(value, out); }, attribute);
}

template <typename T>
T Attrs::Get(const std::string& name) const {
  const Attribute* found = Find(name);
  SKIFF_ENFORCE(found != nullptr, NotFound, "no attribute \"", name, "\"");
  T value{};
  SKIFF_ENFORCE(Coerce(*found, &value), InvalidType, "attribute \"", name, "\" is ",
                KindName(*found), " ", ToString(*found), ", which cannot be read as ",
                KindName(Attribute(T{})));
  return value;
}

#define SKIFF_ATTRIBUTE_KIND(...)                               \
  template bool Coerce(const Attribute&, __VA_ARGS__*);         \
  template __VA_ARGS__ Attrs::Get(const std::string&) const;
SKIFF_ATTRIBUTE_KIND(int32_t)
SKIFF_ATTRIBUTE_KIND(float)
SKIFF_ATTRIBUTE_KIND(std::string)
SKIFF_ATTRIBUTE_KIND(std::vector<int32_t>)
SKIFF_ATTRIBUTE_KIND(std::vector<float>)
SKIFF_ATTRIBUTE_KIND(std::vector<std::string>)
SKIFF_ATTRIBUTE_KIND(bool)
SKIFF_ATTRIBUTE_KIND(std::vector<bool>)
SKIFF_ATTRIBUTE_KIND(BlockRef)
SKIFF_ATTRIBUTE_KIND(int64_t)
SKIFF_ATTRIBUTE_KIND(std::vector<BlockRef>)
SKIFF_ATTRIBUTE_KIND(std::vector<int64_t>)
SKIFF_ATTRIBUTE_KIND(std::vector<double>)
SKIFF_ATTRIBUTE_KIND(VarRef)
SKIFF_ATTRIBUTE_KIND(std::vector<VarRef>)
SKIFF_ATTRIBUTE_KIND(double)
SKIFF_ATTRIBUTE_KIND(Scalar)
SKIFF_ATTRIBUTE_KIND(std::vector<Scalar>)
#undef SKIFF_ATTRIBUTE_KIND

const Attribute* Attrs::Find(const std::string& name) const {
  for (const Entry& entry : entries_) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

void Attrs::Set(const std::string& name, Attribute value) {
  for (Entry& entry : entries_) {
    if (entry.first == name) {
      entry.second = std::move(value);
      return;
    }
  }
  entries_.emplace_back(name, std::move(value));
}

void Attrs::Erase(const std::string& name) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.first == name; });
}

void Attrs::Sort() {
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.first < b.first; });
}

}  // namespace skiff
