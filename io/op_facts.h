// What Paddle 2.6.2 knows of each forward operator and a saved program depends on: which slots and
// attributes are part of its definition, which are "extra" (backends, training), its version. Data, not
// behaviour: operators skiff cannot run are in it too.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skiff::io {

/// Lists of names are separated by blanks.
struct OpFacts {
  std::string_view type;
  std::string_view inputs, outputs;   // slots without the extra ones
  std::string_view attrs;             // its own, without the six every operator has
  std::string_view extra_attrs;       // dropped by clip_extra; written first
  int version;                        // 0: never changed

  bool HasInput(std::string_view slot) const { return Lists(inputs, slot); }
  bool HasOutput(std::string_view slot) const { return Lists(outputs, slot); }
  bool HasAttr(std::string_view name) const { return Lists(attrs, name); }
  bool HasExtraAttr(std::string_view name) const { return Lists(extra_attrs, name); }

 private:
  static bool Lists(std::string_view names, std::string_view name);
};

/// The operator's facts, or nullptr where Paddle 2.6.2 has no such forward operator.
const OpFacts* FindOpFacts(std::string_view type);
/// The op_version_map that Paddle 2.6.2 writes, by name.
std::vector<std::pair<std::string, int32_t>> OpVersions();

}  // namespace skiff::io
