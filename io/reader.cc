#include "io/reader.h"

#include <algorithm>

#include "framework/base/printable.h"
#include "io/sink.h"

namespace skiff::io {

namespace {

constexpr int kDeepest = 1000;
constexpr uint64_t kFreeBytes = uint64_t{64} << 20;  // that a file of any size may take

ReadLimits& ThreadLimits() {
  thread_local ReadLimits limits;
  return limits;
}

}  // namespace

const ReadLimits& CurrentReadLimits() { return ThreadLimits(); }

ReadLimitsScope::ReadLimitsScope(const ReadLimits& limits) : before_(ThreadLimits()) {
  if (limits.max_depth < 0 || limits.max_depth > kDeepest) {
    throw InvalidArgument(StrCat("ReadLimits::max_depth is ", limits.max_depth, "; 0 to ", kDeepest,
                                 " are possible: what lies deeper may not fit a thread's stack"));
  }
  ThreadLimits() = limits;
}

ReadLimitsScope::~ReadLimitsScope() { ThreadLimits() = before_; }

Reader::Budget::Budget(uint64_t file_bytes)
    : limits(CurrentReadLimits()),
      max_bytes(limits.max_growth != 0 && file_bytes > (limits.max_bytes - std::min(kFreeBytes, limits.max_bytes)) / limits.max_growth
                    ? limits.max_bytes
                    : std::min(limits.max_bytes, kFreeBytes + file_bytes * limits.max_growth)) {}

Reader Reader::Part(uint64_t count, const char* field) {
  Reader part(*this);
  part.base_ = offset();
  part.bytes_ = Take(count, field);
  part.position_ = 0;
  return part;
}

void Reader::ChargeBytes(uint64_t bytes, const char* field) {
  if (bytes > budget_->max_bytes - budget_->bytes) {
    const bool absolute = budget_->max_bytes == budget_->limits.max_bytes;
    FailLimit(absolute ? "max_bytes" : "max_growth", absolute ? budget_->max_bytes : budget_->limits.max_growth, field);
  }
  budget_->bytes += bytes;
}

void Reader::ChargeObjects(uint64_t objects, const char* field) {
  if (objects > budget_->limits.max_objects - budget_->objects) FailLimit("max_objects", budget_->limits.max_objects, field);
  budget_->objects += objects;
}

void Reader::CheckDepth(int depth, const char* field) const {
  if (depth > budget_->limits.max_depth) FailLimit("max_depth", static_cast<uint64_t>(budget_->limits.max_depth), field);
}

void Reader::CheckText(uint64_t bytes, uint64_t at, const char* field) const {
  if (bytes > budget_->limits.max_text_bytes) FailLimit("max_text_bytes", budget_->limits.max_text_bytes, at, field);
}

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

void Reader::FailLimit(const char* limit, uint64_t value, uint64_t at, const char* field) const {
  ResourceExhausted error(StrCat("cannot read \"", what_, "\": it asks for more than ReadLimits::", limit, " = ", value));
  error.AddContext(StrCat("at byte ", at, ", field ", field));
  error.AddContext("raise the limit for a file that you trust");
  throw error;
}

void Reader::FailShort(uint64_t count, const char* field) const {
  Fail(StrCat(count, " bytes are wanted, ", remaining(), " are left"), field);
}

bool IsUtf8(std::span<const uint8_t> bytes) {
  for (std::string_view text = AsText(bytes); !text.empty();) {
    const size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace skiff::io
