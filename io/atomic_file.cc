#include "io/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>

#include "framework/base/error.h"
#include "io/checksums.h"
#include "io/commit_journal.h"
#include "io/mapped_file.h"
#include "io/system_calls.h"

namespace skiff::io {

namespace {

constexpr size_t kBufferBytes = 1 << 20;

[[noreturn]] void FailWrite(const std::string& action, const std::string& path) {
  const int code = errno;
  External error(StrCat("cannot ", action, " \"", path, "\": ", std::strerror(code)));
  error.AddContext("the files that were there before are unchanged");
  throw error;
}

void CheckPath(const std::string& path) {
  SKIFF_ENFORCE(path.find('\0') == std::string::npos, InvalidArgument, "the path \"", path, "\" has a zero byte in it");
}

bool IsPlainFile(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

void MakeFolders(const std::string& folder) {
  CheckPath(folder);
  if (IsFolder(folder)) return;
  const std::string above = FolderOf(folder);
  if (above != folder) MakeFolders(above);
  const int code = CurrentSystemCalls().mkdir(folder.c_str(), 0777) == 0 ? 0 : errno;
  if (code != 0 && !IsFolder(folder)) {  // nor did somebody else make it meanwhile
    errno = code;
    FailWrite("make folder", folder);
  }
  if (!SyncFolder(above.c_str())) FailWrite("flush folder", above);
}

// ---- FileWriter

FileWriter::FileWriter(std::string path, std::string target, uint64_t save, bool keeps_lock)
    : path_(std::move(path)), target_(std::move(target)), keeps_lock_(keeps_lock) {
  SystemCalls& calls = CurrentSystemCalls();
  const std::string folder = FolderOf(target_);
  while (temporary_.empty()) {
    std::string made = TemporaryPath(folder, save);
    fd_ = calls.open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EEXIST && errno != EINTR) FailWrite("make a file for", path_);
    if (fd_ >= 0 && LockTemporary(fd_)) {
      temporary_ = std::move(made);
    } else if (fd_ >= 0) {
      calls.close(fd_);
    }
  }
  struct stat old {};
  if (::stat(target_.c_str(), &old) == 0) (void)!::fchmod(fd_, old.st_mode & 07777);
}

FileWriter::~FileWriter() {
  if (fd_ >= 0) CurrentSystemCalls().close(fd_);
  if (!temporary_.empty()) CurrentSystemCalls().unlink(temporary_.c_str());
}

void FileWriter::Write(const void* data, size_t bytes) {
  if (bytes == 0) return;
  if (buffer_.size() + bytes > kBufferBytes) Flush();
  if (bytes > kBufferBytes) {
    WriteThrough(static_cast<const char*>(data), bytes);
  } else {
    buffer_.append(static_cast<const char*>(data), bytes);
  }
}

std::string FileWriter::HexDigest() {
  Flush();
  return digest_.Hex();
}

void FileWriter::Flush() {
  WriteThrough(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void FileWriter::WriteThrough(const char* data, size_t bytes) {
  while (bytes > 0) {
    // What was just read for the digest is still near when it is copied to the disk's cache.
    const size_t part = std::min(bytes, kBufferBytes);
    digest_.Update(data, part);
    for (size_t done = 0; done < part;) {
      const ssize_t now = CurrentSystemCalls().write(fd_, data + done, part - done);
      if (now < 0 && errno == EINTR) continue;
      if (now <= 0) {
        if (now == 0) errno = ENOSPC;
        FailWrite("write", target_);
      }
      done += static_cast<size_t>(now);
    }
    written_ += part;
    data += part;
    bytes -= part;
    StartWriteback();
  }
}

// The disk works while the rest is copied; Finish then waits for the rest only.
void FileWriter::StartWriteback() {
  constexpr uint64_t kPart = 8 << 20;
  if (written_ - started_ < kPart) return;
  (void)!::sync_file_range(fd_, static_cast<off64_t>(started_), static_cast<off64_t>(written_ - started_),
                           SYNC_FILE_RANGE_WRITE);
  started_ = written_;
}

void FileWriter::Finish() {
  if (inode_ != 0) return;
  Flush();
  buffer_ = {};
  struct stat info {};
  if (::fstat(fd_, &info) != 0 || CurrentSystemCalls().fsync(fd_) != 0) FailWrite("flush", target_);
  inode_ = info.st_ino;
  if (!keeps_lock_) Close();
}

void FileWriter::Close() {
  const int fd = std::exchange(fd_, -1);
  if (fd >= 0 && CurrentSystemCalls().close(fd) != 0) FailWrite("close", target_);
}

// ---- FolderCommit

// The part of a commit that happens in one folder, under its lock.
class FolderCommit {
 public:
  FolderCommit(const std::string& folder, uint64_t save)
      : save_(save), folder_(folder), journal_(JournalPath(folder)), lock_(folder, FolderLock::Mode::kExclusive) {
    if (!Recover(folder, lock_).empty()) {
      External error(StrCat("a save into \"", folder, "\" was killed and cannot be undone"));
      error.AddContext(StrCat("\"", journal_, "\" says how; make the folder writable, or remove that file"));
      throw error;
    }
    // One that is left is no whole journal.
    if (CurrentSystemCalls().unlink(journal_.c_str()) != 0 && errno != ENOENT) FailWrite("remove", journal_);
    RemoveDeadTemporaries(folder);
  }

  void Replace(FileWriter* writer) { writers_.push_back(writer); }
  void Remove(const std::string& target) {
    if (IsPlainFile(target)) removed_.push_back(target);
  }

  // From here until Seal a crash is undone by whoever comes next.
  void Prepare() {
    const bool several = writers_.size() + removed_.size() > 1;
    entries_.reserve(writers_.size() + removed_.size());  // a backup made must not be forgotten
    for (FileWriter* writer : writers_) {
      writer->Close();  // also its lock: the folder's protects from here
      KeepOld(writer->target_, writer->inode_, several);
    }
    for (const std::string& target : removed_) KeepOld(target, 0, several);
    if (several) WriteJournal();
  }

  void Apply() {
    SystemCalls& calls = CurrentSystemCalls();
    for (FileWriter* writer : writers_) {
      if (calls.rename(writer->temporary_.c_str(), writer->target_.c_str()) != 0) {
        FailWrite("replace", writer->target_);
      }
      writer->temporary_.clear();
    }
    for (const std::string& target : removed_) {
      if (calls.unlink(target.c_str()) != 0) FailWrite("remove", target);
    }
    Sync();
  }

  void Seal() {
    if (!has_journal_) return;
    if (CurrentSystemCalls().unlink(journal_.c_str()) != 0) FailWrite("remove", journal_);
    Sync();  // else the journal might come back, its backups gone
  }

  void RemoveBackups() {
    for (const CommitEntry& entry : entries_) {
      if (!entry.backup.empty()) CurrentSystemCalls().unlink(entry.backup.c_str());
    }
  }

  bool Undo() noexcept {
    if (without_backup_) return !entries_.front().HasChanged();
    return entries_.empty() ||
           RollBack(folder_.c_str(), has_journal_ ? journal_.c_str() : nullptr, entries_);
  }

 private:
  void Sync() {
    if (!SyncFolder(folder_.c_str())) FailWrite("flush folder", folder_);
  }

  // Where the file system has no links a backup is a copy; a file that changes alone does without one.
  void KeepOld(const std::string& target, uint64_t new_inode, bool several) {
    entries_.push_back({target, "", new_inode});
    if (!IsPlainFile(target)) return;
    SystemCalls& calls = CurrentSystemCalls();
    std::string& backup = entries_.back().backup;
    for (;;) {
      backup = TemporaryPath(folder_, save_);
      if (calls.link(target.c_str(), backup.c_str()) == 0) return;
      if (errno == EEXIST || errno == EINTR) continue;
      backup.clear();
      const bool no_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK;
      if (!no_links) FailWrite("keep a second name of", target);
      without_backup_ = !several;
      if (several) CopyOld(target);
      return;
    }
  }

  void CopyOld(const std::string& target) {
    const auto old = MappedFile::Open(target);
    FileWriter copy(target, target, save_, /*keeps_lock=*/false);
    copy.Write(old->bytes());
    copy.Finish();
    entries_.back().backup = std::exchange(copy.temporary_, "");
  }

  void WriteJournal() {
    FileWriter writer(journal_, journal_, save_, /*keeps_lock=*/false);
    writer.Write(SerializeJournal(entries_));
    writer.Finish();
    // A link, not a rename: where there are no locks, one of two savers must fail.
    SystemCalls& calls = CurrentSystemCalls();
    if (calls.link(writer.temporary_.c_str(), journal_.c_str()) != 0) {
      const bool no_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS;
      if (!no_links || calls.rename(writer.temporary_.c_str(), journal_.c_str()) != 0) {
        FailWrite("make", journal_);
      }
      writer.temporary_.clear();
    }
    has_journal_ = true;
    Sync();
  }

  uint64_t save_;
  std::string folder_, journal_;
  FolderLock lock_;
  std::vector<FileWriter*> writers_;
  std::vector<std::string> removed_;
  std::vector<CommitEntry> entries_;
  bool has_journal_ = false, without_backup_ = false;
};

// ---- AtomicFiles

AtomicFiles::AtomicFiles() : save_(NewSaveNumber()) {}
AtomicFiles::~AtomicFiles() = default;

FileWriter& AtomicFiles::Add(const std::string& path) {
  SKIFF_ENFORCE(!path.empty(), InvalidArgument, "a file needs a name; the path is empty");
  SKIFF_ENFORCE(path.back() != '/', InvalidArgument, "\"", path, "\" should be folder/filename");
  CheckPath(path);
  const std::string target = ResolveLinks(path);
  SKIFF_ENFORCE(!IsFolder(target), InvalidArgument, "cannot write \"", path, "\": it is a folder");
  struct stat old {};
  SKIFF_ENFORCE(::stat(target.c_str(), &old) != 0 || S_ISREG(old.st_mode), InvalidArgument,
                "cannot write \"", path, "\": it is no regular file");
  const std::string folder = FolderOf(target);
  MakeFolders(folder);
  writers_.push_back(std::make_unique<FileWriter>(path, target, save_, !locked_.contains(folder)));
  locked_.insert(folder);
  return *writers_.back();
}

void AtomicFiles::Remove(const std::string& path) { removed_.push_back(path); }

void AtomicFiles::RemoveOutdatedChecksums() {
  std::set<std::string> changed(removed_.begin(), removed_.end());
  for (const auto& writer : writers_) changed.insert(writer->path());
  for (const std::string& path : changed) {
    const std::string sidecar = ChecksumsPath(path);
    if (!changed.contains(sidecar) && HasChecksum(path)) removed_.push_back(sidecar);
  }
  std::sort(removed_.begin(), removed_.end());
  removed_.erase(std::unique(removed_.begin(), removed_.end()), removed_.end());
}

void AtomicFiles::Commit() {
  std::map<std::string, std::string> targets;  // by their shortest spelling
  for (const auto& writer : writers_) {
    const auto [other, added] = targets.emplace(std::filesystem::path(writer->target_).lexically_normal().string(), writer->path());
    SKIFF_ENFORCE(added, InvalidArgument, "\"", other->second, "\" and \"", writer->path(), "\" are one file; nothing was written");
  }
  for (const auto& writer : writers_) writer->Finish();
  RemoveOutdatedChecksums();
  std::erase_if(removed_, [](const std::string& path) { return !IsFolder(FolderOf(path)); });
  // By device and inode: a folder has many paths and one lock, and two saves take locks in the same order.
  std::map<std::pair<dev_t, ino_t>, std::string> paths;
  const auto folder_of = [](const std::string& path) -> std::pair<dev_t, ino_t> {
    struct stat info {};
    return ::stat(FolderOf(path).c_str(), &info) == 0 ? std::pair(info.st_dev, info.st_ino) : std::pair<dev_t, ino_t>();
  };
  for (const auto& writer : writers_) paths[folder_of(writer->target_)] = FolderOf(writer->target_);
  for (const std::string& path : removed_) paths[folder_of(path)] = FolderOf(path);
  std::map<std::pair<dev_t, ino_t>, std::unique_ptr<FolderCommit>> folders;
  for (const auto& [id, path] : paths) folders[id] = std::make_unique<FolderCommit>(path, save_);
  for (const auto& writer : writers_) folders[folder_of(writer->target_)]->Replace(writer.get());
  for (const std::string& path : removed_) folders[folder_of(path)]->Remove(path);
  try {
    for (auto& [id, commit] : folders) commit->Prepare();
    for (auto& [id, commit] : folders) commit->Apply();
    for (auto& [id, commit] : folders) commit->Seal();
  } catch (...) {
    bool undone = true;
    for (auto& [id, commit] : folders) undone = commit->Undo() && undone;
    if (undone) throw;
    External error("a save failed, and so did undoing it");
    error.AddContext("once the disk works again each folder holds either all old files or all new ones");
    throw error;
  }
  for (auto& [id, commit] : folders) commit->RemoveBackups();
  writers_.clear();
  removed_.clear();
  locked_.clear();
}

void WriteFile(const std::string& path, std::string_view bytes) {
  AtomicFiles files;
  files.Add(path).Write(bytes);
  files.Commit();
}

}  // namespace skiff::io
