// Files that appear whole or not at all. Paddle writes in place: a save that is killed destroys the old
// file and the new one. Here the bytes go to a temporary file beside the target, reach the disk, and
// take the target's name last.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/sink.h"

namespace skiff::io {

/// One file being written. Made by AtomicFiles::Add.
class FileWriter : public Sink {
 public:
  FileWriter(std::string target, std::string temporary, int fd);
  ~FileWriter() override;

  using Sink::Write;
  /// @throws External when the disk does not take the bytes.
  void Write(const void* data, size_t bytes) override;

  const std::string& target() const { return target_; }

 private:
  friend class AtomicFiles;
  void Flush();
  void WriteThrough(const char* data, size_t bytes);
  void Finish();  // everything reaches the disk, the descriptor closes

  std::string target_, temporary_;
  int fd_;
  std::string buffer_;
};

/// Files that are replaced together: none of them changes before Commit, and a failure before or during
/// Commit leaves every old file whole. Only a crash of the machine between two renames of one Commit can
/// leave some files new and some old, each of them whole.
class AtomicFiles {
 public:
  AtomicFiles() = default;
  AtomicFiles(const AtomicFiles&) = delete;
  AtomicFiles& operator=(const AtomicFiles&) = delete;
  /// Removes the temporary files of what was not committed.
  ~AtomicFiles();

  /// Starts the file `path` (UTF-8); missing folders are made.
  /// @throws InvalidArgument for an empty path, one that ends in "/", or a folder; External when the
  /// folder cannot be written to.
  Sink& Add(const std::string& path);
  /// `path` goes when the others come; a missing one is no mistake.
  void Remove(const std::string& path);
  /// Puts everything in place. @throws External saying which file failed and why; nothing has changed.
  void Commit();

 private:
  struct Backup;
  void Undo(const std::vector<Backup>& backups);

  std::vector<std::unique_ptr<FileWriter>> writers_;
  std::vector<std::string> removed_;
};

/// Replaces one file. @throws as AtomicFiles.
void WriteFile(const std::string& path, std::string_view bytes);

}  // namespace skiff::io
