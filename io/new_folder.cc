#include "io/new_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "framework/base/error.h"
#include "io/commit_journal.h"
#include "io/system_calls.h"

namespace skiff::io {

namespace {

std::string WithFolder(const std::string& folder) {
  MakeFolders(folder);
  return folder;
}

[[noreturn]] void FailFolder(const char* action, const std::string& path) {
  External error(StrCat("cannot ", action, " \"", path, "\": ", std::strerror(errno)));
  error.AddContext("the files that were there before are unchanged");
  throw error;
}

// Puts `from` where `to` is, and what was there where `from` was.
bool Exchange(const std::string& from, const std::string& to, uint64_t save) {
  SystemCalls& calls = CurrentSystemCalls();
  if (calls.exchange(from.c_str(), to.c_str()) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  // A file system without that: for a moment nothing is there.
  const std::string aside = TemporaryPath(FolderOf(to), save);
  if (calls.rename(to.c_str(), aside.c_str()) != 0) return false;
  if (calls.rename(from.c_str(), to.c_str()) == 0) {
    calls.rename(aside.c_str(), from.c_str());
    return true;
  }
  const int code = errno;
  calls.rename(aside.c_str(), to.c_str());
  errno = code;
  return false;
}

}  // namespace

NewFolder::NewFolder(const std::string& parent)
    : parent_(parent), save_(NewSaveNumber()), alive_(parent, WithFolder(parent) + "/.", save_, /*keeps_lock=*/true) {
  {
    const FolderLock lock(parent, FolderLock::Mode::kExclusive);
    RemoveDeadTemporaries(parent);
  }
  std::string path = TemporaryPath(parent, save_);
  while (CurrentSystemCalls().mkdir(path.c_str(), 0777) != 0) {
    if (errno != EEXIST) FailFolder("make folder", path);
    path = TemporaryPath(parent, save_);
  }
  path_ = std::move(path);
}

NewFolder::~NewFolder() {
  if (!path_.empty()) EraseFolder(path_.c_str());
}

void NewFolder::MoveTo(const std::string& target) {
  SystemCalls& calls = CurrentSystemCalls();
  const FolderLock lock(parent_, FolderLock::Mode::kExclusive);
  const bool replaces = ::access(target.c_str(), F_OK) == 0;
  const bool moved = replaces ? Exchange(path_, target, save_) : calls.rename(path_.c_str(), target.c_str()) == 0;
  if (!moved) FailFolder("put a folder in the place of", target);
  if (!SyncFolder(parent_.c_str())) {
    const int code = errno;
    const bool undone = replaces ? Exchange(path_, target, save_) : calls.rename(target.c_str(), path_.c_str()) == 0;
    if (!undone && !replaces) path_.clear();
    errno = code;
    FailFolder("flush folder", parent_);
  }
  if (!replaces) path_.clear();  // else the old one is there now, and goes
}

void NewFolder::Remove(const std::string& path) {
  const std::string parent = FolderOf(path), aside = TemporaryPath(parent, NewSaveNumber());
  {
    const FolderLock lock(parent, FolderLock::Mode::kExclusive);
    if (CurrentSystemCalls().rename(path.c_str(), aside.c_str()) != 0) return;
  }
  EraseFolder(aside.c_str());
}

}  // namespace skiff::io
