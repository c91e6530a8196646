#include "io/reader.h"

#include <algorithm>

namespace skiff::io {

uint64_t Reader::ReadCount(const char* field, uint64_t item_bytes) {
  const uint64_t at = offset();
  const uint64_t count = Read<uint64_t>(field);
  if (count > remaining() / item_bytes) {
    FailAt(at, StrCat(count, " items of ", item_bytes, " bytes each are announced, ", remaining(),
                      " bytes are left"),
           field);
  }
  return count;
}

uint64_t Reader::ReadVarint(const char* field) {
  const uint64_t at = offset();
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    const uint8_t byte = Read<uint8_t>(field);
    if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  FailAt(at, "a varint of more than ten bytes", field);
}

std::span<const uint8_t> Reader::TakeLine(const char* field) {
  const auto rest = bytes_.subspan(position_);
  const auto end = std::find(rest.begin(), rest.end(), uint8_t{'\n'});
  if (end == rest.end()) Fail("the line does not end", field);
  const auto line = Take(static_cast<uint64_t>(end - rest.begin()), field);
  ++position_;
  return line;
}

uint8_t Reader::Peek(const char* field) const {
  if (AtEnd()) FailShort(1, field);
  return bytes_[position_];
}

void Reader::ExpectEnd(const char* field) const {
  if (!AtEnd()) Fail(StrCat(remaining(), " bytes follow where the file should end"), field);
}

void Reader::Fail(const std::string& message, const char* field) const {
  FailAt(offset(), message, field);
}

void Reader::FailAt(uint64_t offset, const std::string& message, const char* field) const {
  InvalidArgument error(StrCat("cannot read \"", what_, "\": ", message));
  error.AddContext(StrCat("at byte ", offset, ", field ", field));
  throw error;
}

void Reader::FailShort(uint64_t count, const char* field) const {
  Fail(StrCat(count, " bytes are wanted, ", remaining(), " are left"), field);
}

bool IsUtf8(std::span<const uint8_t> bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const uint8_t lead = bytes[i];
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || bytes.size() - i < length) return false;
    uint32_t code = lead & (0xFFu >> (length + 1));
    for (size_t k = 1; k < length; ++k) {
      if ((bytes[i + k] & 0xC0) != 0x80) return false;
      code = (code << 6) | (bytes[i + k] & 0x3Fu);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += length;
  }
  return true;
}

}  // namespace skiff::io
