// Attributes of operators: every kind Paddle's program files know, with the coercions that reading
// older files needs.
#pragma once

#include <complex>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "framework/base/error.h"

namespace skiff {

/// Index of a sub-block of the same program.
struct BlockRef {
  int32_t index = 0;
  friend bool operator==(const BlockRef&, const BlockRef&) = default;
};

/// An attribute given as a variable: its value is read when the operator runs.
struct VarRef {
  std::string name;
  friend bool operator==(const VarRef&, const VarRef&) = default;
};

using Scalar = std::variant<bool, int64_t, double, std::complex<double>>;

/// The alternative's index is the attribute's type code in Paddle's files (AttrType).
using Attribute =
    std::variant<int32_t, float, std::string, std::vector<int32_t>, std::vector<float>,
                 std::vector<std::string>, bool, std::vector<bool>, BlockRef, int64_t,
                 std::vector<BlockRef>, std::vector<int64_t>, std::vector<double>, VarRef,
                 std::vector<VarRef>, double, Scalar, std::vector<Scalar>>;

/// Paddle's name of the kind: "INT", "FLOATS", "BLOCK", ...
const char* KindName(const Attribute& attribute);
/// The value as the printer shows it: 0.9, "NCHW", [1, 1], block 2, true.
std::string ToString(const Attribute& attribute);

/// Names of the variables that the attribute is given as; mostly none.
std::vector<std::string> VariableNames(const Attribute& attribute);

/// Reads `attribute` as a T: bool from INT or FLOAT; int64_t from INT or FLOAT; vector<int64_t> from
/// INTS or FLOATS; float and double from each other, INT and LONG; vector<float> and vector<double>
/// from each other and INTS; an int from LONG when it fits; empty lists of any kind from each other.
/// @return false when the kinds do not go together.
template <typename T>
bool Coerce(const Attribute& attribute, T* out);

/// An operator's attributes in the order they were set or read. Operators have some ten, so finding
/// one is a scan.
class Attrs {
 public:
  using Entry = std::pair<std::string, Attribute>;

  Attrs() = default;
  Attrs(std::initializer_list<Entry> entries) {
    for (const Entry& entry : entries) Set(entry.first, entry.second);
  }

  const Attribute* Find(const std::string& name) const;
  bool Has(const std::string& name) const { return Find(name) != nullptr; }
  /// Replaces the value in place, or appends.
  void Set(const std::string& name, Attribute value);
  void Erase(const std::string& name);

  /// @throws NotFound when there is no such attribute, InvalidType when it is of another kind.
  template <typename T>
  T Get(const std::string& name) const;
  /// As Get, with `fallback` where there is no such attribute.
  template <typename T>
  T Get(const std::string& name, T fallback) const {
    return Has(name) ? Get<T>(name) : std::move(fallback);
  }

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  size_t size() const { return entries_.size(); }
  /// Orders the entries by name, as Paddle writes them.
  void Sort();

  friend bool operator==(const Attrs&, const Attrs&) = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace skiff
