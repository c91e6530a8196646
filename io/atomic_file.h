// Files that appear whole or not at all. Paddle writes in place: a save that is killed destroys the old
// file and the new one. Here the bytes go to temporary files beside the targets, reach the disk, and take
// the targets' names last, under a journal where there are several (commit_journal.h).
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "io/digest.h"
#include "io/sink.h"

namespace skiff::io {

/// One file being written. Made by AtomicFiles::Add.
class FileWriter : public Sink {
 public:
  /// @param target  The file that `path` leads to through links.
  /// @param save    See TemporaryPath. @param keeps_lock  Holds the lock that says the save lives.
  FileWriter(std::string path, std::string target, uint64_t save, bool keeps_lock);
  ~FileWriter() override;

  using Sink::Write;
  /// @throws External when the disk does not take the bytes.
  void Write(const void* data, size_t bytes) override;

  /// Nothing more is written: everything reaches the disk. A save of many files calls it after each, so as
  /// to hold few descriptors; Commit does for the others.
  void Finish();

  /// As given to AtomicFiles::Add.
  const std::string& path() const { return path_; }
  /// Bytes written so far, and their digest.
  uint64_t bytes() const { return written_ + buffer_.size(); }
  std::string HexDigest();

 private:
  friend class AtomicFiles;
  friend class FolderCommit;
  void Flush();
  void WriteThrough(const char* data, size_t bytes);
  void StartWriteback();
  void Close();

  std::string path_, target_, temporary_;
  int fd_ = -1;
  bool keeps_lock_;
  uint64_t written_ = 0;
  uint64_t started_ = 0;  // the disk has been told of what is before
  uint64_t inode_ = 0;
  std::string buffer_;
  Digest digest_;
};

/// Files that are replaced together: none of them changes before Commit, and a failure before or during
/// Commit leaves every old file whole. Those of one folder also change together through a killed process and
/// through loss of power. Where files lie in several folders (links, say) each folder's change together.
class AtomicFiles {
 public:
  AtomicFiles();
  AtomicFiles(const AtomicFiles&) = delete;
  AtomicFiles& operator=(const AtomicFiles&) = delete;
  /// Removes the temporary files of what was not committed.
  ~AtomicFiles();

  /// Starts the file `path` (UTF-8); missing folders are made.
  /// @throws InvalidArgument for an empty path, one that ends in "/", or a folder; External when the
  /// folder cannot be written to.
  FileWriter& Add(const std::string& path);
  /// `path` goes when the others come; a missing one is no mistake.
  void Remove(const std::string& path);
  /// Puts everything in place, after waiting for another save into the same folder. Checksums of an earlier
  /// save (checksums.h) go when a file that they speak of changes without them.
  /// @throws InvalidArgument when two paths are one file; External saying which file failed and why. Nothing has
  /// changed then.
  void Commit();

  /// The files so far, in the order of Add.
  const std::vector<std::unique_ptr<FileWriter>>& writers() const { return writers_; }

 private:
  void RemoveOutdatedChecksums();

  uint64_t save_;
  std::set<std::string> locked_;  // folders where a writer keeps the lock
  std::vector<std::unique_ptr<FileWriter>> writers_;
  std::vector<std::string> removed_;
};

/// Makes `folder` and what is missing above it, each new name flushed with the folder that holds it.
/// @throws InvalidArgument for a zero byte in the path, External.
void MakeFolders(const std::string& folder);

/// Replaces one file. @throws as AtomicFiles.
void WriteFile(const std::string& path, std::string_view bytes);

}  // namespace skiff::io
