// The system calls behind every file skiff writes, in a table, so that tests can make the n-th one fail, or do
// without what a file system may lack.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace skiff::io {

/// Each entry behaves as the POSIX call of its name.
struct SystemCalls {
  int (*open)(const char* path, int flags, mode_t mode);
  ssize_t (*write)(int fd, const void* data, size_t bytes);
  int (*fsync)(int fd);
  int (*close)(int fd);
  int (*rename)(const char* from, const char* to);
  int (*link)(const char* from, const char* to);
  int (*unlink)(const char* path);
  int (*mkdir)(const char* path, mode_t mode);
  int (*flock)(int fd, int operation);
  int (*exchange)(const char* one, const char* other);  // renameat2 with RENAME_EXCHANGE
};

/// The table in use. Threads: replace entries only while no file is being written.
SystemCalls& CurrentSystemCalls();

}  // namespace skiff::io
