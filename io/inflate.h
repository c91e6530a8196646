// Deflated bytes, with a bound on what they may become. For npz and gzip files.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace skiff::io {

enum class InflateForm {
  kRaw,   // as in zip files
  kGzip,  // with gzip's header and checksum; several members follow each other
};

/// Inflates `bytes`. @throws InvalidArgument when they are damaged, or become more than `max_bytes`.
std::string Inflate(std::span<const uint8_t> bytes, InflateForm form, uint64_t max_bytes,
                    const std::string& what);
/// The first bytes of gzip content, at most `max_bytes`; what follows is not looked at.
std::string InflateStart(std::span<const uint8_t> bytes, uint64_t max_bytes, const std::string& what);
/// zlib's crc32, going on from that of the bytes before.
uint32_t Crc32(std::span<const uint8_t> bytes, uint32_t before = 0);

}  // namespace skiff::io
