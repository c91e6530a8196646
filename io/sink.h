// Where bytes go: a string, a file, or whatever else has a use for them.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace skiff::io {

/// Takes bytes in order.
class Sink {
 public:
  virtual ~Sink() = default;
  /// @throws External when the bytes cannot be kept.
  virtual void Write(const void* data, size_t bytes) = 0;

  void Write(std::string_view bytes) { Write(bytes.data(), bytes.size()); }
  void Write(std::span<const uint8_t> bytes) { Write(bytes.data(), bytes.size()); }
  /// Appends a number, least significant byte first (every machine skiff runs on stores it so).
  template <typename T>
  void WriteNumber(T value) {
    Write(&value, sizeof(value));
  }
};

/// Gathers the bytes in memory.
class StringSink : public Sink {
 public:
  using Sink::Write;
  void Write(const void* data, size_t bytes) override {
    if (bytes > 0) text_.append(static_cast<const char*>(data), bytes);
  }

  const std::string& text() const { return text_; }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

/// A view of text as bytes.
inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
/// A view of bytes as text.
inline std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace skiff::io
