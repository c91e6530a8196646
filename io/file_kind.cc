#include "io/file_kind.h"

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
    case FileKind::kNpy: return "npy";
    case FileKind::kZip: return "zip";
    case FileKind::kUnknown: break;
  }
  return "unknown";
}

FileKind DetectFile(std::span<const uint8_t> bytes) {
  const std::string_view text = AsText(bytes);
  if (text.empty()) return FileKind::kEmpty;
  if (text.starts_with("\x93NUMPY")) return FileKind::kNpy;
  if (text.starts_with("PK\x03\x04")) return FileKind::kZip;
  if (text[0] == '\x80' && text.size() > 1 && text[1] >= 2 && text[1] <= 5) return FileKind::kPickle;
  if (text.starts_with(std::string_view("\0\0\0\0", 4))) return FileKind::kTensors;
  if (text[0] == '\x0A') return FileKind::kProgram;
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && text[first] == '{') return FileKind::kProgramJson;
  return FileKind::kUnknown;
}

}  // namespace skiff::io
