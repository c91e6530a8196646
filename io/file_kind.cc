#include "io/file_kind.h"

#include <cstring>
#include <string_view>

#include "io/sink.h"

namespace skiff::io {

const char* ToString(FileKind kind) {
  switch (kind) {
    case FileKind::kEmpty: return "empty";
    case FileKind::kProgram: return "program";
    case FileKind::kProgramJson: return "program in JSON";
    case FileKind::kPickle: return "pickle";
    case FileKind::kTensors: return "tensors";
    case FileKind::kSafetensors: return "safetensors";
    case FileKind::kNpy: return "npy";
    case FileKind::kZip: return "zip";
    case FileKind::kUnknown: break;
  }
  return "unknown";
}

namespace {

// The length of a header in 64 bits, then the header, which begins with a brace. It goes before the others: the
// length may look like the first bytes of anything.
bool IsSafetensors(std::string_view text) {
  uint64_t header_bytes = 0;
  if (text.size() <= sizeof(header_bytes) || text[sizeof(header_bytes)] != '{') return false;
  std::memcpy(&header_bytes, text.data(), sizeof(header_bytes));
  return header_bytes >= 2 && header_bytes <= text.size() - sizeof(header_bytes);
}

}  // namespace

FileKind DetectFile(std::span<const uint8_t> bytes) {
  const std::string_view text = AsText(bytes);
  if (text.empty()) return FileKind::kEmpty;
  if (IsSafetensors(text)) return FileKind::kSafetensors;
  if (text.starts_with("\x93NUMPY")) return FileKind::kNpy;
  if (text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06")) return FileKind::kZip;  // members, or an empty directory
  if (text[0] == '\x80') return FileKind::kPickle;  // of whatever protocol: its reader says which it knows
  if (text.starts_with(std::string_view("\0\0\0\0", 4))) return FileKind::kTensors;
  if (text[0] == '\x0A') return FileKind::kProgram;
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && text[first] == '{') return FileKind::kProgramJson;
  return FileKind::kUnknown;
}

}  // namespace skiff::io
