// System calls that fail, or end the process, at the n-th of their kind: see io/system_calls.h.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "io/system_calls.h"
#include "tests/io/support.h"

namespace skiff::io {

enum CallKind : unsigned {
  kOpenCall = 1, kWriteCall = 2, kFsyncCall = 4, kCloseCall = 8, kRenameCall = 16, kLinkCall = 32, kUnlinkCall = 64,
  kMkdirCall = 128, kAnyCall = 255,
};

struct Fault {
  int nth = 1;                // of the kinds chosen, counted from 1; 0 for none
  int code = ENOSPC;
  unsigned kinds = kAnyCall;
  bool lasting = false;       // each later one fails too
  bool kills = false;         // the process is killed instead
};

/// Lets the fault happen while it lives. Nothing is flushed meanwhile: a test has no power to lose, and a
/// flush takes milliseconds.
class Faults {
 public:
  explicit Faults(const Fault& fault = {.nth = 0}) : saved_(CurrentSystemCalls()) {
    original_ = saved_;
    fault_ = fault;
    count_ = 0;
    failed_ = 0;
    log_.clear();
    SystemCalls& calls = CurrentSystemCalls();
    calls.open = [](const char* path, int flags, mode_t mode) {
      return Fails(kOpenCall, "open") ? -1 : original_.open(path, flags, mode);
    };
    calls.write = [](int fd, const void* data, size_t bytes) -> ssize_t {
      if (!Fails(kWriteCall, "write")) return original_.write(fd, data, bytes);
      // A disk may take some of the bytes before it is full.
      if (fault_.code == ENOSPC && bytes > 1) (void)!original_.write(fd, data, bytes / 2);
      errno = fault_.code;
      return -1;
    };
    calls.fsync = [](int) { return Fails(kFsyncCall, "fsync") ? -1 : 0; };
    calls.close = [](int fd) {
      const bool fails = Fails(kCloseCall, "close");
      original_.close(fd);  // the descriptor goes even so
      errno = fault_.code;
      return fails ? -1 : 0;
    };
    calls.rename = [](const char* a, const char* b) { return Fails(kRenameCall, "rename") ? -1 : original_.rename(a, b); };
    calls.exchange = [](const char* a, const char* b) { return Fails(kRenameCall, "exchange") ? -1 : original_.exchange(a, b); };
    calls.link = [](const char* a, const char* b) { return Fails(kLinkCall, "link") ? -1 : original_.link(a, b); };
    calls.unlink = [](const char* path) { return Fails(kUnlinkCall, "unlink") ? -1 : original_.unlink(path); };
    calls.mkdir = [](const char* path, mode_t mode) { return Fails(kMkdirCall, "mkdir") ? -1 : original_.mkdir(path, mode); };
  }
  ~Faults() { CurrentSystemCalls() = saved_; }
  Faults(const Faults&) = delete;

  static bool happened() { return failed_ != 0; }
  /// Kind of the call that failed first.
  static unsigned failed() { return failed_; }
  /// The calls so far, by name.
  static const std::vector<std::string>& log() { return log_; }

 private:
  static bool Fails(CallKind kind, const char* name) {
    log_.push_back(name);
    if ((fault_.kinds & kind) == 0 || fault_.nth == 0) return false;
    ++count_;
    if (count_ < fault_.nth || (count_ > fault_.nth && !fault_.lasting)) return false;
    if (fault_.kills) ::kill(::getpid(), SIGKILL);
    if (failed_ == 0) failed_ = kind;
    errno = fault_.code;
    return true;
  }
  SystemCalls saved_;
  inline static SystemCalls original_;
  inline static Fault fault_;
  inline static int count_ = 0;
  inline static unsigned failed_ = 0;
  inline static std::vector<std::string> log_;
};

/// Runs `body` in a process of its own. @return true when that was killed, false when it came to its end.
template <typename F>
bool IsKilledIn(F&& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

/// Names in a folder, sorted.
inline std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

/// Names below a folder and contents of the files there, read as they are.
inline std::vector<std::pair<std::string, std::string>> Contents(const std::string& folder) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.emplace_back(entry.path().string().substr(folder.size()), PlainText(entry.path().string()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Names in a folder and below that only a save under way may have.
inline std::vector<std::string> Leftovers(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(".skiff")) names.push_back(name);
  }
  return names;
}

}  // namespace skiff::io
