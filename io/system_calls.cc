#include "io/system_calls.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

namespace skiff::io {

SystemCalls& CurrentSystemCalls() {
  static SystemCalls calls = {
      .open = [](const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); },
      .write = ::write,
      .fsync = ::fsync,
      .close = ::close,
      .rename = ::rename,
      .link = ::link,
      .unlink = ::unlink,
      .mkdir = ::mkdir,
      .flock = ::flock,
      .exchange = [](const char* one, const char* other) {
        return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2u));
      },
  };
  return calls;
}

}  // namespace skiff::io
