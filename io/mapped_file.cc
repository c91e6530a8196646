#include "io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "framework/base/error.h"
#include "io/commit_journal.h"

namespace skiff::io {

namespace {

// Closes a descriptor on every way out.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

// What a system call would cut off names another file.
bool HasZeroByte(const std::string& path) { return path.find('\0') != path.npos; }

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::Open(const std::string& path) {
  if (HasZeroByte(path)) throw NoSuchFile(StrCat("there can be no file \"", path, "\": its name has a zero byte in it"));
  // Not to wait for whoever might write into a pipe.
  const Descriptor file{::open(CommittedPath(path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) {
    const std::string text = StrCat("cannot open \"", path, "\": ", std::strerror(errno));
    if (errno == ENOENT) throw NoSuchFile(text);
    throw External(text);
  }
  struct stat info {};
  SKIFF_ENFORCE(::fstat(file.fd, &info) == 0, External, "cannot look at \"", path,
                "\": ", std::strerror(errno));
  SKIFF_ENFORCE(!S_ISDIR(info.st_mode), External, "cannot read \"", path, "\": it is a folder");
  SKIFF_ENFORCE(S_ISREG(info.st_mode), External, "cannot read \"", path, "\": it is a pipe or device, no file; read its bytes first, "
                "models and objects load from memory too");

  std::shared_ptr<MappedFile> made(new MappedFile);
  made->name_ = path;
  if (info.st_size > 0) {
    const size_t size = static_cast<size_t>(info.st_size);
    // Private and writable: an operator that works in place changes its copy of the page, not the file.
    void* mapping =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.fd, 0);
    SKIFF_ENFORCE(mapping != MAP_FAILED, External, "cannot map the ", size, " bytes of \"", path,
                  "\": ", std::strerror(errno));
    made->mapping_ = mapping;
    made->data_ = static_cast<const uint8_t*>(mapping);
    made->size_ = size;
  }
  return made;
}

std::shared_ptr<const MappedFile> MappedFile::FromMemory(std::string bytes, std::string what) {
  std::shared_ptr<MappedFile> made(new MappedFile);
  made->name_ = std::move(what);
  made->buffer_ = std::move(bytes);
  made->data_ = reinterpret_cast<const uint8_t*>(made->buffer_.data());
  made->size_ = made->buffer_.size();
  return made;
}

MappedFile::~MappedFile() {
  if (mapping_ != nullptr) ::munmap(mapping_, size_);
}

bool IsFile(const std::string& path) {
  struct stat info {};
  return !HasZeroByte(path) && ::stat(CommittedPath(path).c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

bool IsFolder(const std::string& path) {
  struct stat info {};
  return !HasZeroByte(path) && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace skiff::io
