// What lets several files of a folder change together through a crash: a rollback journal, as SQLite's. While
// files take their new names the folder holds ".skiff-commit", which says how to put each old one back; the
// save is done when the journal goes. Who opens a file of the folder, or saves there, and finds the journal
// of a dead save puts the old files back first. docs/formats.md, section 9.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skiff::io {

/// Held on a folder: exclusive while its files change, shared while several are opened. Ends with the process,
/// however that ends.
class FolderLock {
 public:
  enum class Mode { kShared, kExclusive };
  /// Waits until it can be had.
  FolderLock(const std::string& folder, Mode mode);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)), held_(other.held_) {}

  /// False where the file system has no locks.
  bool held() const { return held_; }

 private:
  int fd_;
  bool held_;
};

/// One file of a commit, and what undoes its change.
struct CommitEntry {
  std::string target;      // path
  std::string backup;      // another name of the old file in the same folder, "" where there was none
  uint64_t new_inode = 0;  // of the file that takes the name; 0 where the commit removes it

  /// True once the target is no longer the old file. An inode decides: a journal that was copied here with
  /// its folder, or a file that someone else has replaced since, changes nothing.
  bool HasChanged() const;
};

/// Path of the journal in a folder.
std::string JournalPath(const std::string& folder);
/// The journal's text: names only, so that it cannot speak of files elsewhere, and a digest of it all.
std::string SerializeJournal(const std::vector<CommitEntry>& entries);
/// The entries of a folder's journal; nothing where `text` is no whole journal.
std::optional<std::vector<CommitEntry>> ParseJournal(const std::string& folder, std::string_view text);

/// Puts every old file of a folder back and removes journal and backups; may be repeated after a crash. The
/// caller holds the folder's lock. @return false when that failed; the journal then stays. Allocates nothing.
/// @param journal  Its path, null where none was made.
bool RollBack(const char* folder, const char* journal, const std::vector<CommitEntry>& entries) noexcept;

/// Undoes what a dead save left in a folder, after waiting for one that lives. A journal that is not whole stays.
/// @return the entries that could not be undone, for want of permission say; else nothing.
std::vector<CommitEntry> Recover(const std::string& folder);
/// The same for a caller that has the exclusive lock. Where there are no locks, a journal counts as a dead
/// save's once it is ten seconds old: a living one needs it for moments.
std::vector<CommitEntry> Recover(const std::string& folder, const FolderLock& exclusive);

/// Where the content of `path` is to be read: there, or in a backup while a dead save cannot be undone.
/// "" means that the file did not exist before that save.
std::string CommittedPath(const std::string& path);
/// Held while files of one save are opened: no save comes between. A folder in which a dead save cannot be
/// undone is not locked; nobody can save there.
std::optional<FolderLock> LockForReading(const std::string& folder);

/// The folder of a path, "." where it names none.
std::string FolderOf(const std::string& path);
/// What a link points at; other paths as they are.
std::string ResolveLinks(const std::string& path);
/// Flushes a folder's names to the disk. @return false with errno.
bool SyncFolder(const char* folder) noexcept;

/// Temporary files are ".skiff-<process>-<save>-<number>.tmp". While a save lives it holds the lock of one of
/// its files in each folder; the others need no open descriptor.
std::string TemporaryPath(const std::string& folder, uint64_t save);
uint64_t NewSaveNumber();
bool IsTemporaryName(std::string_view name);
/// Takes the lock of a temporary file just made. @return false when it was taken for a dead one meanwhile.
bool LockTemporary(int fd);
/// Removes the temporary files and folders of dead saves. The caller holds the folder's lock.
void RemoveDeadTemporaries(const std::string& folder);
/// Removes a folder that holds files only, as far as that can be done. Allocates nothing.
void EraseFolder(const char* path) noexcept;

}  // namespace skiff::io
