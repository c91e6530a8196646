// Runs that may crash, in a process of their own.
#pragma once

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <vector>

namespace skiff::testing {

/// What `run` says about itself, or the message of the exception it throws; "crashed with signal ..." when it does not
/// come back. It has `seconds` of time and `bytes` of address space where these are not 0.
inline std::string InChild(const std::function<std::string()>& run, unsigned seconds = 0, rlim_t bytes = 0) {
  int channel[2];
  if (pipe(channel) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    const rlimit memory{bytes, bytes}, no_core{0, 0};
    if (bytes != 0) setrlimit(RLIMIT_AS, &memory);
    setrlimit(RLIMIT_CORE, &no_core);
    alarm(seconds);
    std::string text;
    try {
      text = run();
    } catch (const std::exception& error) {
      text = error.what();
    }
    const ssize_t written = write(channel[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(channel[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(channel[0], buffer, sizeof(buffer))) > 0;) text.append(buffer, static_cast<size_t>(n));
  close(channel[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return text + "crashed with signal " + strsignal(WTERMSIG(status));
  return text;
}

/// One of many runs that may crash.
struct Attempt {
  std::string what;
  std::function<void()> run;
};

/// The exit status of a run that a sanitizer ends because it asks for too much memory, in place of std::bad_alloc.
inline constexpr int kOutOfMemory = 3;

/// Makes all attempts; a line for each that crashes, throws what `tolerated` does not take, or needs more than
/// `seconds` of processor time. They share a process that has `bytes` of address space where that is not 0 and writes
/// nothing to the standard output; the next one goes on behind a crash.
inline std::string Crashes(const std::vector<Attempt>& attempts, const std::function<bool(const std::exception&)>& tolerated,
                           int seconds, rlim_t bytes = 0) {
  struct Progress {
    size_t at;
    char thrown[400];
  };
  void* shared = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return "no memory to share";
  auto* progress = static_cast<Progress*>(shared);
  std::string crashes;
  for (progress->at = 0; progress->at < attempts.size(); ++progress->at) {
    progress->thrown[0] = '\0';
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      const rlimit memory{bytes, bytes}, no_core{0, 0};
      if (bytes != 0) setrlimit(RLIMIT_AS, &memory);
      setrlimit(RLIMIT_CORE, &no_core);
      if (std::freopen("/dev/null", "w", stdout) == nullptr) _exit(1);
      const itimerval limit{{0, 0}, {seconds, 0}};
      for (; progress->at < attempts.size(); ++progress->at) {
        setitimer(ITIMER_PROF, &limit, nullptr);
        try {
          attempts[progress->at].run();
        } catch (const std::exception& error) {
          if (tolerated(error)) continue;
          std::snprintf(progress->thrown, sizeof(progress->thrown), "%s", error.what());
          _exit(1);
        }
      }
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (progress->at >= attempts.size()) break;
    if (WIFEXITED(status) && WEXITSTATUS(status) == kOutOfMemory) continue;
    const std::string how = WIFSIGNALED(status) ? std::string("signal ") + strsignal(WTERMSIG(status))
                            : progress->thrown[0] != '\0' ? std::string("throws ") + progress->thrown
                                                          : "exit " + std::to_string(WEXITSTATUS(status));
    crashes += attempts[progress->at].what + ": " + how + "\n";
  }
  munmap(shared, sizeof(Progress));
  return crashes;
}

}  // namespace skiff::testing
