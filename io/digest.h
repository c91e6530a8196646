// XXH3 of 128 bits: tells damaged and exchanged files apart, at the speed of memory. No protection against
// someone who wants two files to look alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace skiff::io {

/// The digest of bytes that come in parts.
class Digest {
 public:
  Digest();
  ~Digest();

  void Update(const void* data, size_t bytes);
  /// Of all bytes so far: 32 digits, as `xxhsum -H2` prints them.
  std::string Hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The digest of bytes in one piece.
std::string HexDigest(std::span<const uint8_t> bytes);

}  // namespace skiff::io
