#include "io/commit_journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>

#include "framework/base/error.h"
#include "io/digest.h"
#include "io/system_calls.h"

namespace skiff::io {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kJournalHeader = "skiff-commit 1/";
constexpr size_t kMaxJournalBytes = 16 << 20;
constexpr size_t kHexDigits = 32;
constexpr time_t kDeadAfterSeconds = 10;
constexpr std::string_view kTemporaryPrefix = ".skiff-", kTemporarySuffix = ".tmp";

bool LockFile(int fd, int operation) {
  int result;
  do result = CurrentSystemCalls().flock(fd, operation);
  while (result != 0 && errno == EINTR);
  return result == 0;
}

bool IsYoung(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && std::abs(::time(nullptr) - info.st_mtime) < kDeadAfterSeconds;
}

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// In a folder where everybody may make files but not rename those of others, as /tmp, a journal of somebody else would have
// that done by whoever comes next.
bool MayUndo(const std::string& folder, const struct stat& journal) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return false;
  return (info.st_mode & S_ISVTX) == 0 || journal.st_uid == ::geteuid() || journal.st_uid == info.st_uid;
}

// The text of a folder's journal, at most kMaxJournalBytes; nothing where there is none that counts.
std::optional<std::string> ReadJournal(const std::string& folder) {
  const std::string path = JournalPath(folder);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  struct stat info {};
  std::string text;
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && MayUndo(folder, info) &&
      static_cast<uint64_t>(info.st_size) <= kMaxJournalBytes) {
    text.resize(static_cast<size_t>(info.st_size));
    size_t have = 0;
    while (have < text.size()) {
      const ssize_t got = ::read(fd, text.data() + have, text.size() - have);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      have += static_cast<size_t>(got);
    }
    text.resize(have);
  }
  ::close(fd);
  return text;
}

// The part before the next "/", which no name holds.
std::optional<std::string_view> TakeField(std::string_view* text) {
  const size_t end = text->find('/');
  if (end == text->npos) return std::nullopt;
  const std::string_view field = text->substr(0, end);
  text->remove_prefix(end + 1);
  return field;
}

bool IsFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 && name.find('\0') == name.npos;
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

// ---- names

std::string FolderOf(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string ResolveLinks(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return path;
  std::error_code ignored;
  const fs::path resolved = fs::weakly_canonical(fs::path(path), ignored);
  return ignored ? path : resolved.string();
}

std::string TemporaryPath(const std::string& folder, uint64_t save) {
  // Short, since the target's name may be as long as names can be.
  static std::atomic<uint64_t> next{0};
  return StrCat(folder, "/", kTemporaryPrefix, ::getpid(), "-", save, "-", next.fetch_add(1), kTemporarySuffix);
}

uint64_t NewSaveNumber() {
  static std::atomic<uint64_t> next{0};
  return next.fetch_add(1);
}

bool IsTemporaryName(std::string_view name) {
  return name.starts_with(kTemporaryPrefix) && name.ends_with(kTemporarySuffix);
}

std::string JournalPath(const std::string& folder) { return folder + "/.skiff-commit"; }

// ---- locks

FolderLock::FolderLock(const std::string& folder, Mode mode)
    : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
      held_(fd_ >= 0 && LockFile(fd_, mode == Mode::kExclusive ? LOCK_EX : LOCK_SH)) {}

FolderLock::~FolderLock() {
  if (fd_ < 0) return;
  LockFile(fd_, LOCK_UN);  // a process forked meanwhile has the descriptor too
  ::close(fd_);
}

bool LockTemporary(int fd) {
  if (!LockFile(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) return false;
  struct stat info {};
  return ::fstat(fd, &info) == 0 && info.st_nlink > 0;
}

void EraseFolder(const char* path) noexcept {
  const int fd = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);  // never what a link leads to
  DIR* names = fd < 0 ? nullptr : ::fdopendir(fd);
  if (names == nullptr) {
    if (fd >= 0) ::close(fd);
    else ::unlink(path);  // a link
    return;
  }
  while (const dirent* entry = ::readdir(names)) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) {
      ::unlinkat(::dirfd(names), entry->d_name, 0);
    }
  }
  ::closedir(names);
  ::rmdir(path);
}

void RemoveDeadTemporaries(const std::string& folder) {
  std::vector<std::string> temporaries;
  {
    // Not the standard library's iterator: when memory runs out that one ends the process.
    const std::unique_ptr<DIR, int (*)(DIR*)> names(::opendir(folder.c_str()), ::closedir);
    while (const dirent* entry = names == nullptr ? nullptr : ::readdir(names.get())) {
      if (IsTemporaryName(entry->d_name)) temporaries.push_back(StrCat(folder, "/", entry->d_name));
    }
  }
  std::set<std::string> living;
  // Twice: the one that is locked may come last.
  for (const bool remove : {false, true}) {
    for (const std::string& path : temporaries) {
      std::string save = path.substr(0, path.rfind('-'));
      const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
      struct stat info {};
      if (fd < 0) {  // of somebody else, perhaps alive
        if (errno != ENOENT) living.insert(std::move(save));
        continue;
      }
      if (::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {  // never locked itself
        ::close(fd);
        if (remove && !living.contains(save)) EraseFolder(path.c_str());
        continue;
      }
      const bool dead = LockFile(fd, LOCK_EX | LOCK_NB);
      if (dead && remove && !living.contains(save)) ::unlink(path.c_str());
      ::close(fd);
      if (!dead) living.insert(std::move(save));
    }
  }
}

bool SyncFolder(const char* folder) noexcept {
  SystemCalls& calls = CurrentSystemCalls();
  const int fd = calls.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) return false;
  const int result = calls.fsync(fd);
  const int code = errno;
  calls.close(fd);
  errno = code;
  // Some file systems have no way to flush a folder and say so with EINVAL.
  return result == 0 || code == EINVAL;
}

// ---- the journal

bool CommitEntry::HasChanged() const {
  struct stat info {};
  const bool exists = ::lstat(target.c_str(), &info) == 0;
  return new_inode == 0 ? !exists : exists && info.st_ino == new_inode;
}

std::string SerializeJournal(const std::vector<CommitEntry>& entries) {
  std::string text(kJournalHeader);
  for (const CommitEntry& entry : entries) {
    text += StrCat(entry.new_inode, "/", NameOf(entry.backup), "/", NameOf(entry.target), "/");
  }
  text += HexDigest({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  SKIFF_ENFORCE(text.size() <= kMaxJournalBytes, InvalidArgument, entries.size(),
                " files are too many to change together; save fewer at a time");
  return text;
}

std::optional<std::vector<CommitEntry>> ParseJournal(const std::string& folder, std::string_view text) {
  if (!text.starts_with(kJournalHeader) || text.size() < kJournalHeader.size() + kHexDigits) return {};
  const std::string_view digest = text.substr(text.size() - kHexDigits);
  text.remove_suffix(kHexDigits);
  if (HexDigest({reinterpret_cast<const uint8_t*>(text.data()), text.size()}) != digest) return {};
  text.remove_prefix(kJournalHeader.size());
  std::vector<CommitEntry> entries;
  while (!text.empty()) {
    const auto inode = TakeField(&text), backup = TakeField(&text), target = TakeField(&text);
    if (!inode || !backup || !target || !IsFileName(*target)) return {};
    if (!backup->empty() && !(IsFileName(*backup) && IsTemporaryName(*backup))) return {};
    CommitEntry entry;
    const auto parsed = std::from_chars(inode->data(), inode->data() + inode->size(), entry.new_inode);
    if (parsed.ec != std::errc() || parsed.ptr != inode->data() + inode->size()) return {};
    entry.target = StrCat(folder, "/", *target);
    if (!backup->empty()) entry.backup = StrCat(folder, "/", *backup);
    entries.push_back(std::move(entry));
  }
  return entries;
}

bool RollBack(const char* folder, const char* journal, const std::vector<CommitEntry>& entries) noexcept {
  SystemCalls& calls = CurrentSystemCalls();
  bool undone = true;
  for (const CommitEntry& entry : entries) {
    if (!entry.HasChanged()) continue;
    const int result = entry.backup.empty() ? calls.unlink(entry.target.c_str())
                                            : calls.rename(entry.backup.c_str(), entry.target.c_str());
    undone = undone && (result == 0 || errno == ENOENT);
  }
  if (!undone || !SyncFolder(folder)) return false;
  if (journal != nullptr && calls.unlink(journal) != 0 && errno != ENOENT) return false;
  for (const CommitEntry& entry : entries) {
    if (!entry.backup.empty()) calls.unlink(entry.backup.c_str());
  }
  return true;
}

std::vector<CommitEntry> Recover(const std::string& folder, const FolderLock& exclusive) {
  const std::string journal = JournalPath(folder);
  while (!exclusive.held() && IsYoung(journal)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const std::optional<std::string> text = ReadJournal(folder);
  if (!text) return {};
  const auto entries = ParseJournal(folder, *text);
  if (!entries || RollBack(folder.c_str(), journal.c_str(), *entries)) return {};
  return *entries;
}

std::vector<CommitEntry> Recover(const std::string& folder) {
  if (!Exists(JournalPath(folder))) return {};
  const FolderLock lock(folder, FolderLock::Mode::kExclusive);
  return Recover(folder, lock);
}

std::string CommittedPath(const std::string& path) {
  const std::string target = ResolveLinks(path);
  const std::string folder = FolderOf(target), name = NameOf(target);
  for (const CommitEntry& entry : Recover(folder)) {
    if (NameOf(entry.target) == name && entry.HasChanged()) return entry.backup;
  }
  return path;
}

std::optional<FolderLock> LockForReading(const std::string& folder) {
  if (!Recover(folder).empty()) return std::nullopt;
  FolderLock lock(folder, FolderLock::Mode::kShared);
  // A save that died while this waited: its journal is dealt with file by file, which needs the lock.
  if (Exists(JournalPath(folder))) return std::nullopt;
  return lock;
}

}  // namespace skiff::io
