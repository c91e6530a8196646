#include "io/checksums.h"

#include <charconv>
#include <optional>

#include "framework/base/error.h"
#include "io/commit_journal.h"
#include "io/digest.h"

namespace skiff::io {

namespace {

constexpr std::string_view kChecksumsHeader = "skiff checksums ";
constexpr std::string_view kChecksumsVersion = "1";
constexpr std::string_view kChecksumsSuffix = ".checksums";

struct Checksum {
  std::string_view digest, suffix;
  uint64_t bytes = 0;
};

// What stands before `end`, which goes too; nothing where there is no `end`.
std::optional<std::string_view> TakeUntil(char end, std::string_view* text) {
  const size_t at = text->find(end);
  if (at == text->npos) return std::nullopt;
  const std::string_view part = text->substr(0, at);
  text->remove_prefix(at + 1);
  return part;
}

// "<digest> <bytes> <suffix>\n"
std::optional<Checksum> TakeChecksum(std::string_view* text) {
  const auto digest = TakeUntil(' ', text), bytes = TakeUntil(' ', text), suffix = TakeUntil('\n', text);
  if (!digest || !bytes || !suffix || digest->size() != 32 || suffix->empty()) return std::nullopt;
  Checksum line{*digest, *suffix};
  const auto parsed = std::from_chars(bytes->data(), bytes->data() + bytes->size(), line.bytes);
  if (parsed.ec != std::errc() || parsed.ptr != bytes->data() + bytes->size()) return std::nullopt;
  return line;
}

[[noreturn]] void FailSidecar(const std::string& what, const std::string& path) {
  InvalidArgument error(StrCat("\"", path, "\" ", what));
  error.AddContext("restore it; or delete it, and the files beside it are believed as they are");
  throw error;
}

// The line about a suffix.
std::optional<Checksum> FindChecksum(const MappedFile& sidecar, std::string_view suffix) {
  std::string_view text = AsText(sidecar.bytes());
  const auto header = TakeUntil('\n', &text);
  if (!header || !header->starts_with(kChecksumsHeader)) FailSidecar("is damaged", sidecar.name());
  if (header->substr(kChecksumsHeader.size()) != kChecksumsVersion) {
    FailSidecar(StrCat("is of version ", header->substr(kChecksumsHeader.size(), 20), ", this skiff reads version ",
                       kChecksumsVersion),
                sidecar.name());
  }
  std::optional<Checksum> found;
  while (!text.empty()) {
    const auto line = TakeChecksum(&text);
    if (!line) FailSidecar("is damaged", sidecar.name());
    if (line->suffix == suffix) found = line;
  }
  return found;
}

std::string SuffixOf(const std::string& path) { return path.substr(ChecksumsPath(path).size() - kChecksumsSuffix.size()); }

}  // namespace

void AddChecksums(const std::string& prefix, AtomicFiles* files) {
  std::string text = StrCat(kChecksumsHeader, kChecksumsVersion, "\n");
  for (const auto& writer : files->writers()) {
    if (!writer->path().starts_with(prefix)) continue;
    text += StrCat(writer->HexDigest(), " ", writer->bytes(), " ", writer->path().substr(prefix.size()), "\n");
  }
  files->Add(prefix + std::string(kChecksumsSuffix)).Write(text);
}

std::string ChecksumsPath(const std::string& path) {
  constexpr std::string_view kInfo = ".pdiparams.info";  // one suffix
  const size_t dot = path.ends_with(kInfo) ? path.size() - kInfo.size() : path.rfind('.'), slash = path.rfind('/');
  const size_t name = slash == path.npos ? 0 : slash + 1;
  if (dot == path.npos || dot <= name || path.ends_with(kChecksumsSuffix)) return "";
  return path.substr(0, dot) + std::string(kChecksumsSuffix);
}

bool HasChecksum(const std::string& path) {
  const std::string sidecar = ChecksumsPath(path);
  if (sidecar.empty() || !IsFile(sidecar)) return false;
  try {
    return FindChecksum(*MappedFile::Open(sidecar), SuffixOf(path)).has_value();
  } catch (const InvalidArgument&) {
    return false;  // of no use to anybody
  }
}

std::shared_ptr<const MappedFile> OpenVerified(const std::string& path, bool verify) {
  const std::string sidecar_path = verify ? ChecksumsPath(path) : "";
  if (sidecar_path.empty()) return MappedFile::Open(path);
  auto no_save_between = LockForReading(FolderOf(path));
  auto file = MappedFile::Open(path);
  if (!IsFile(sidecar_path)) return file;
  const auto sidecar = MappedFile::Open(sidecar_path);
  no_save_between.reset();
  const auto wanted = FindChecksum(*sidecar, SuffixOf(path));
  if (!wanted) return file;
  const std::string found = HexDigest(file->bytes());
  if (found == wanted->digest && file->bytes().size() == wanted->bytes) return file;
  InvalidArgument error(StrCat("\"", path, "\" is not the file that was saved; it is damaged, or something else replaced it"));
  error.AddContext(StrCat("wanted ", wanted->bytes, " bytes of checksum ", wanted->digest, ", as \"", sidecar_path, "\" says"));
  error.AddContext(StrCat("found  ", file->bytes().size(), " bytes of checksum ", found));
  error.AddContext(StrCat("restore the file; if it was replaced on purpose (PaddlePaddle leaves checksums as they are), delete \"",
                          sidecar_path, "\""));
  throw error;
}

}  // namespace skiff::io
