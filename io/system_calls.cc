#include "io/system_calls.h"

#include <fcntl.h>
#include <sys/file.h>
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
      .flock = ::flock,
  };
  return calls;
}

}  // namespace skiff::io
