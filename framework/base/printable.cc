#include "framework/base/printable.h"

#include <cstdint>

namespace skiff {

namespace {

uint32_t CodeOf(std::string_view character) {
  const auto lead = static_cast<uint8_t>(character[0]);
  if (character.size() == 1) return lead;
  uint32_t code = lead & (0xFFu >> (character.size() + 1));
  for (size_t k = 1; k < character.size(); ++k) code = (code << 6) | (static_cast<uint8_t>(character[k]) & 0x3Fu);
  return code;
}

bool IsControl(uint32_t code) {
  if (code == '\n' || code == '\t') return false;
  const bool turns_direction = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || turns_direction;
}

std::string Escaped(std::string_view text, bool one_line) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text.substr(i));
    const std::string_view character = text.substr(i, length == 0 ? 1 : length);
    i += character.size();
    if (one_line && (character == "\n" || character == "\t")) {
      out += character == "\n" ? "\\n" : "\\t";
    } else if (length > 0 && !IsControl(CodeOf(character))) {
      out += character;
    } else {
      for (const char c : character) {
        const auto byte = static_cast<uint8_t>(c);
        out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
      }
    }
  }
  return out;
}

}  // namespace

size_t Utf8Length(std::string_view text) {
  if (text.empty()) return 0;
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (size_t k = 1; k < length; ++k) {
    if ((static_cast<uint8_t>(text[k]) & 0xC0) != 0x80) return 0;
  }
  const uint32_t code = CodeOf(text.substr(0, length));
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  return overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ? 0 : length;
}

std::string Printable(std::string_view text) { return Escaped(text, false); }
std::string PrintableLine(std::string_view text) { return Escaped(text, true); }

}  // namespace skiff
