#include "io/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <set>

#include "framework/base/error.h"
#include "io/mapped_file.h"
#include "io/system_calls.h"

namespace skiff::io {

namespace fs = std::filesystem;

namespace {

constexpr size_t kBufferBytes = 1 << 20;

[[noreturn]] void FailWrite(const std::string& action, const std::string& path) {
  const int code = errno;
  External error(StrCat("cannot ", action, " \"", path, "\": ", std::strerror(code)));
  error.AddContext("the files that were there before are unchanged");
  throw error;
}

std::string FolderOf(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// A name of its own in `folder`. Short, since the target's name may be as long as names can be.
std::string TemporaryName(const std::string& folder) {
  static std::atomic<uint64_t> next{0};
  return StrCat(folder, "/.skiff-", ::getpid(), "-", next.fetch_add(1), ".tmp");
}

void SyncFolder(const std::string& folder) {
  SystemCalls& calls = CurrentSystemCalls();
  const int fd = calls.open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) FailWrite("open folder", folder);
  const int result = calls.fsync(fd);
  const int code = errno;
  calls.close(fd);
  errno = code;
  // Some file systems have no way to flush a folder and say so with EINVAL.
  if (result != 0 && code != EINVAL) FailWrite("flush folder", folder);
}

// Makes `folder` and what is missing above it, each new name flushed with the folder that holds it.
void MakeFolders(const std::string& folder) {
  if (IsFolder(folder)) return;
  const std::string above = FolderOf(folder);
  if (above != folder) MakeFolders(above);
  if (::mkdir(folder.c_str(), 0777) != 0 && !IsFolder(folder)) FailWrite("make folder", folder);
  SyncFolder(above);
}

// Where the bytes of `path` live: what a link points at is replaced, not the link.
std::string ResolveLinks(const std::string& path) {
  std::error_code ignored;
  if (!fs::is_symlink(fs::path(path), ignored)) return path;
  const fs::path resolved = fs::weakly_canonical(fs::path(path), ignored);
  return ignored ? path : resolved.string();
}

}  // namespace

FileWriter::FileWriter(std::string target, std::string temporary, int fd)
    : target_(std::move(target)), temporary_(std::move(temporary)), fd_(fd) {}

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

void FileWriter::Flush() {
  WriteThrough(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void FileWriter::WriteThrough(const char* data, size_t bytes) {
  while (bytes > 0) {
    const ssize_t written = CurrentSystemCalls().write(fd_, data, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      if (written == 0) errno = ENOSPC;
      FailWrite("write", target_);
    }
    data += written;
    bytes -= static_cast<size_t>(written);
  }
}

void FileWriter::Finish() {
  if (fd_ < 0) return;
  Flush();
  SystemCalls& calls = CurrentSystemCalls();
  if (calls.fsync(fd_) != 0) FailWrite("flush", target_);
  const int fd = fd_;
  fd_ = -1;
  if (calls.close(fd) != 0) FailWrite("close", target_);
}

// How to put one target back as it was.
struct AtomicFiles::Backup {
  std::string target;
  std::string copy;      // another name of the old file, "" when there is none
  bool existed = false;
  bool changed = false;
};

AtomicFiles::~AtomicFiles() = default;

Sink& AtomicFiles::Add(const std::string& path) {
  SKIFF_ENFORCE(!path.empty(), InvalidArgument, "a file needs a name; the path is empty");
  SKIFF_ENFORCE(path.back() != '/', InvalidArgument, "\"", path, "\" should be folder/filename");
  SKIFF_ENFORCE(path.find('\0') == std::string::npos, InvalidArgument,
                "the path \"", path.c_str(), "...\" has a zero byte in it");
  const std::string target = ResolveLinks(path);
  SKIFF_ENFORCE(!IsFolder(target), InvalidArgument, "cannot write \"", path, "\": it is a folder");
  struct stat old {};
  const bool exists = ::stat(target.c_str(), &old) == 0;
  SKIFF_ENFORCE(!exists || S_ISREG(old.st_mode), InvalidArgument, "cannot write \"", path,
                "\": it is no regular file");

  const std::string folder = FolderOf(target);
  MakeFolders(folder);
  SystemCalls& calls = CurrentSystemCalls();
  std::string temporary;
  int fd = -1;
  do {
    temporary = TemporaryName(folder);
    fd = calls.open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EEXIST);
  if (fd < 0) FailWrite("make a file for", path);
  if (exists) (void)!::fchmod(fd, old.st_mode & 07777);
  writers_.push_back(std::make_unique<FileWriter>(target, std::move(temporary), fd));
  return *writers_.back();
}

void AtomicFiles::Remove(const std::string& path) { removed_.push_back(path); }

void AtomicFiles::Commit() {
  SystemCalls& calls = CurrentSystemCalls();
  for (const auto& writer : writers_) writer->Finish();

  std::vector<Backup> backups;
  auto keep_old = [&](const std::string& target) {
    Backup backup{target, "", IsFile(target)};
    if (backup.existed) {
      backup.copy = TemporaryName(FolderOf(target));
      // Where the file system has no links, each file is still replaced in one step.
      if (calls.link(target.c_str(), backup.copy.c_str()) != 0) backup.copy.clear();
    }
    backups.push_back(std::move(backup));
  };
  std::set<std::string> folders;
  try {
    for (const auto& writer : writers_) {
      keep_old(writer->target_);
      if (calls.rename(writer->temporary_.c_str(), writer->target_.c_str()) != 0) {
        FailWrite("replace", writer->target_);
      }
      backups.back().changed = true;
      writer->temporary_.clear();
      folders.insert(FolderOf(writer->target_));
    }
    for (const std::string& path : removed_) {
      if (!IsFile(path)) continue;
      keep_old(path);
      if (calls.unlink(path.c_str()) != 0) FailWrite("remove", path);
      backups.back().changed = true;
      folders.insert(FolderOf(path));
    }
    for (const std::string& folder : folders) SyncFolder(folder);
  } catch (...) {
    Undo(backups);
    throw;
  }
  for (const Backup& backup : backups) {
    if (!backup.copy.empty()) calls.unlink(backup.copy.c_str());
  }
  writers_.clear();
  removed_.clear();
}

void AtomicFiles::Undo(const std::vector<Backup>& backups) {
  SystemCalls& calls = CurrentSystemCalls();
  for (const Backup& backup : backups) {
    if (backup.copy.empty()) {
      // A file that is new goes again; where links are not to be had, a replaced one stays replaced.
      if (backup.changed && !backup.existed) calls.unlink(backup.target.c_str());
    } else if (backup.changed) {
      calls.rename(backup.copy.c_str(), backup.target.c_str());
    } else {
      calls.unlink(backup.copy.c_str());
    }
  }
}

void WriteFile(const std::string& path, std::string_view bytes) {
  AtomicFiles files;
  files.Add(path).Write(bytes);
  files.Commit();
}

}  // namespace skiff::io
