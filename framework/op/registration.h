// What loading a library needs of the registry besides op_def.h: which operators came from where.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace skiff {

/// While it lives, RegisterOp takes operators as those of one library, apart from the others. One at a
/// time, which the caller sees to.
class LibraryRegistration {
 public:
  explicit LibraryRegistration(const std::string& library);
  /// Forgets the library's operators unless Keep was called.
  ~LibraryRegistration();
  LibraryRegistration(const LibraryRegistration&) = delete;
  LibraryRegistration& operator=(const LibraryRegistration&) = delete;

  void Keep() { kept_ = true; }
  /// Operators that are new, sorted.
  std::vector<std::string> Added() const;
  /// Operators that were there already, each with the library that has it, "skiff" for skiff's own.
  std::vector<std::pair<std::string, std::string>> Refused() const;

 private:
  std::string library_;
  bool kept_ = false;
};

}  // namespace skiff
