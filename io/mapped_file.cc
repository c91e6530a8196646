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

void ReadToEnd(int fd, const std::string& path, std::string* out) {
  char chunk[1 << 16];
  for (;;) {
    const ssize_t got = ::read(fd, chunk, sizeof(chunk));
    if (got < 0 && errno == EINTR) continue;
    SKIFF_ENFORCE(got >= 0, External, "cannot read \"", path, "\": ", std::strerror(errno));
    if (got == 0) return;
    out->append(chunk, static_cast<size_t>(got));
  }
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::Open(const std::string& path) {
  const Descriptor file{::open(CommittedPath(path).c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) {
    const std::string text = StrCat("cannot open \"", path, "\": ", std::strerror(errno));
    if (errno == ENOENT) throw NoSuchFile(text);
    throw External(text);
  }
  struct stat info {};
  SKIFF_ENFORCE(::fstat(file.fd, &info) == 0, External, "cannot look at \"", path,
                "\": ", std::strerror(errno));
  SKIFF_ENFORCE(!S_ISDIR(info.st_mode), External, "cannot read \"", path, "\": it is a folder");

  std::shared_ptr<MappedFile> made(new MappedFile);
  made->name_ = path;
  if (!S_ISREG(info.st_mode)) {
    ReadToEnd(file.fd, path, &made->buffer_);
    made->data_ = reinterpret_cast<const uint8_t*>(made->buffer_.data());
    made->size_ = made->buffer_.size();
  } else if (info.st_size > 0) {
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
  return ::stat(CommittedPath(path).c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

bool IsFolder(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace skiff::io
