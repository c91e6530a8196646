// A folder that appears whole: it is filled under a temporary name, which it then gives up for its own.
#pragma once

#include <cstdint>
#include <string>

#include "io/atomic_file.h"

namespace skiff::io {

class NewFolder {
 public:
  /// Makes a folder inside `parent`, and `parent` where it is missing; removes what dead saves left there.
  /// @throws External.
  explicit NewFolder(const std::string& parent);
  /// Removes it, unless it was moved.
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  const std::string& path() const { return path_; }
  /// Gives it the name `target`, in the same parent. A folder of that name is replaced in one step.
  /// @throws External; `target` is then as before.
  void MoveTo(const std::string& target);

  /// Removes a folder of files: at once for whoever looks, then file by file. What cannot be removed stays.
  static void Remove(const std::string& path);

 private:
  std::string parent_;
  uint64_t save_;
  FileWriter alive_;  // holds the lock that says the save lives
  std::string path_;
};

}  // namespace skiff::io
