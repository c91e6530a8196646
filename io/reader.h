// Reader: a cursor over a file's bytes that cannot leave them. Every format is read through it, so that
// a length is compared with the bytes that are left before anything is allocated on its word, what a file may
// cost is counted against ReadLimits, and every error names the file, the byte and the field.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "framework/base/error.h"
#include "io/read_limits.h"

namespace skiff::io {

class Reader {
 public:
  /// `what` names the bytes in errors, say a path. Bytes are numbered from `base`, for a reader over
  /// a part of a file.
  Reader(std::span<const uint8_t> bytes, std::string what, uint64_t base = 0)
      : bytes_(bytes), what_(std::move(what)), base_(base), budget_(std::make_shared<Budget>(bytes.size())) {}

  const std::string& what() const { return what_; }
  /// Number of the next byte in the file.
  uint64_t offset() const { return base_ + position_; }
  uint64_t remaining() const { return bytes_.size() - position_; }
  bool AtEnd() const { return remaining() == 0; }

  /// The next `count` bytes, not copied. @throws InvalidArgument when fewer are left.
  std::span<const uint8_t> Take(uint64_t count, const char* field) {
    if (count > remaining()) [[unlikely]] FailShort(count, field);
    const auto taken = bytes_.subspan(position_, static_cast<size_t>(count));
    position_ += static_cast<size_t>(count);
    return taken;
  }
  /// The next `count` bytes as a reader of their own, which counts against the same limits.
  Reader Part(uint64_t count, const char* field);
  /// Counts memory that is about to be taken, or objects that are about to be made, for this file.
  /// @throws ResourceExhausted past the limit, before the memory is taken.
  void ChargeBytes(uint64_t bytes, const char* field);
  void ChargeObjects(uint64_t objects, const char* field);
  void CheckDepth(int depth, const char* field) const;
  /// For a name or text of `bytes` at byte `at`, before it is copied.
  void CheckText(uint64_t bytes, uint64_t at, const char* field) const;

  /// A number stored least significant byte first.
  template <typename T>
  T Read(const char* field) {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, Take(sizeof(T), field).data(), sizeof(T));
    return value;
  }
  /// A number stored most significant byte first (pickled floats, idx files).
  template <typename T>
  T ReadBigEndian(const char* field) {
    uint8_t reversed[sizeof(T)];
    const auto taken = Take(sizeof(T), field);
    for (size_t i = 0; i < sizeof(T); ++i) reversed[i] = taken[sizeof(T) - 1 - i];
    T value;
    std::memcpy(&value, reversed, sizeof(T));
    return value;
  }
  /// A u64 that counts items of at least `item_bytes` bytes each, all of which must still follow.
  uint64_t ReadCount(const char* field, uint64_t item_bytes);
  /// A protobuf varint of at most ten bytes.
  uint64_t ReadVarint(const char* field);
  /// Bytes up to the next line feed, which is taken too.
  std::span<const uint8_t> TakeLine(const char* field);

  /// @throws InvalidArgument unless every byte was taken.
  void ExpectEnd(const char* field) const;
  /// Throws InvalidArgument: `cannot read "<what>": <message>`, then the byte and the field.
  [[noreturn]] void Fail(const std::string& message, const char* field) const;
  [[noreturn]] void FailAt(uint64_t offset, const std::string& message, const char* field) const;

 private:
  struct Budget {
    explicit Budget(uint64_t file_bytes);
    const ReadLimits limits;
    const uint64_t max_bytes;
    uint64_t bytes = 0, objects = 0;
  };

  [[noreturn]] void FailShort(uint64_t count, const char* field) const;
  [[noreturn]] void FailLimit(const char* limit, uint64_t value, const char* field) const { FailLimit(limit, value, offset(), field); }
  [[noreturn]] void FailLimit(const char* limit, uint64_t value, uint64_t at, const char* field) const;

  std::span<const uint8_t> bytes_;
  std::string what_;
  uint64_t base_;
  size_t position_ = 0;
  std::shared_ptr<Budget> budget_;
};

/// True for well-formed UTF-8 without surrogates.
bool IsUtf8(std::span<const uint8_t> bytes);

}  // namespace skiff::io
