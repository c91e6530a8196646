#include "framework/op/op_library.h"

#include <dlfcn.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <string_view>

#include "framework/base/error.h"
#include "framework/op/registration.h"

namespace skiff {

namespace {

constexpr std::string_view kVersion = SKIFF_OP_LIBRARY_VERSION;
static_assert(kVersion == SKIFF_VERSION, "op_library.h and the project disagree on the version");

// The mark is put together here, so that this very library does not look like one of operators.
std::string MarkBegin() { return std::string("skiff operator library") + " for skiff "; }
std::string MarkEnd() { return std::string(" end") + " of mark"; }

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string why = std::strerror(errno);
  SKIFF_ENFORCE(file.good() && std::filesystem::is_regular_file(path), External, "cannot read the operator library ",
                path, ": ", file.good() ? "it is no file" : why);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Looks into the file: were it loaded first, code built for other headers would already have run.
void CheckVersion(const std::string& path) {
  const std::string content = ReadFile(path);
  SKIFF_ENFORCE(content.rfind("\x7f" "ELF", 0) == 0, InvalidArgument, path, " is no shared library");
  const size_t begin = content.find(MarkBegin());
  const size_t end = begin == std::string::npos ? begin : content.find(MarkEnd(), begin);
  if (end == std::string::npos) {
    InvalidArgument error(StrCat(path, " is no library of skiff operators"));
    error.AddContext("build it with CMake's skiff_add_op_library, which find_package(skiff) brings");
    throw error;
  }
  const std::string version = content.substr(begin + MarkBegin().size(), end - begin - MarkBegin().size());
  if (version != kVersion) {
    PreconditionNotMet error(StrCat(path, " was built against skiff ", version, ", this is skiff ", kVersion));
    error.AddContext("build the library again with this version's headers");
    throw error;
  }
}

[[noreturn]] void ThrowRefused(const std::string& path, const LibraryRegistration& registration) {
  const auto refused = registration.Refused();
  const auto& [type, owner] = refused.front();
  AlreadyExists error(StrCat("operator \"", type, "\" of ", path, " is already registered by ", owner));
  std::string others;
  for (size_t i = 1; i < refused.size() && i <= 8; ++i) others += " \"" + refused[i].first + "\"";
  if (!others.empty()) error.AddContext("so are" + others);
  error.AddContext("nothing of the library was registered; give its operators names of their own");
  throw error;
}

}  // namespace

std::vector<std::string> LoadOpLibrary(const std::string& path) {
  static std::mutex mutex;
  static auto* loaded = new std::map<std::string, std::vector<std::string>>;  // by canonical path
  std::lock_guard lock(mutex);
  std::error_code missing;
  const std::string file = std::filesystem::canonical(path, missing).string();
  SKIFF_ENFORCE(!missing, External, "cannot read the operator library ", path, ": ", missing.message());
  if (const auto found = loaded->find(file); found != loaded->end()) return found->second;

  CheckVersion(file);
  void* handle = nullptr;
  const auto close = [&] { if (handle != nullptr) dlclose(handle); };
  try {
    LibraryRegistration registration(file);
    handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    SKIFF_ENFORCE(handle != nullptr, External, "the system cannot load ", file, ": ", dlerror());
    if (!registration.Refused().empty()) ThrowRefused(file, registration);
    const std::vector<std::string> added = registration.Added();
    SKIFF_ENFORCE(!added.empty(), InvalidArgument, file, " registers no operator");
    registration.Keep();
    return (*loaded)[file] = added;
  } catch (...) {
    close();  // after the registry has forgotten what points into it
    throw;
  }
}

}  // namespace skiff
