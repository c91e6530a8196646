// A file's bytes as memory. What a reader makes of them stands in reader.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "framework/base/error.h"

namespace skiff::io {

/// A file or folder that is not there. Python: FileNotFoundError.
class NoSuchFile : public External {
 public:
  using External::External;
};

/// The content of a file, or of a buffer that stands for one. Regular files are mapped privately:
/// tensors may share the memory, and writing to them never changes the file. What a save that was killed
/// left half done in the file's folder is undone first (commit_journal.h).
class MappedFile {
 public:
  /// @param path  As the system names it, UTF-8 as a rule. Pipes and devices have no end that could be trusted:
  ///     their bytes go through FromMemory.
  /// @throws NoSuchFile when there is none; External when it is no file or cannot be opened, saying why.
  static std::shared_ptr<const MappedFile> Open(const std::string& path);
  /// Takes over `bytes`; `what` stands for the path in messages.
  static std::shared_ptr<const MappedFile> FromMemory(std::string bytes, std::string what);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  /// The path, or what FromMemory was told.
  const std::string& name() const { return name_; }

 private:
  MappedFile() = default;

  std::string name_;
  std::string buffer_;  // holds the bytes unless they are mapped
  void* mapping_ = nullptr;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

/// True when `path` names a regular file (links are followed).
bool IsFile(const std::string& path);
/// True when `path` names a folder.
bool IsFolder(const std::string& path);

}  // namespace skiff::io
