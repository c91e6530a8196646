// Runs that may crash, in a process of their own.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <functional>
#include <string>

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

}  // namespace skiff::testing
