#include "io/inflate.h"

#include <zlib.h>

#include <algorithm>

#include "framework/base/error.h"

namespace skiff::io {

namespace {

constexpr size_t kInflated = 1 << 18;

// Frees zlib's state on every way out.
struct Stream {
  z_stream z = {};
  explicit Stream(int window_bits) {
    SKIFF_ENFORCE(inflateInit2(&z, window_bits) == Z_OK, ResourceExhausted, "zlib has no memory");
  }
  ~Stream() { inflateEnd(&z); }
};

std::string Run(std::span<const uint8_t> bytes, int window_bits, uint64_t max_bytes, bool whole,
                const std::string& what) {
  auto fail = [&](const char* message) {
    throw InvalidArgument(StrCat("cannot read \"", what, "\": ", message));
  };
  Stream stream(window_bits);
  std::string out;
  size_t taken = 0;
  for (;;) {
    if (stream.z.avail_in == 0) {
      const size_t give = std::min(bytes.size() - taken, kInflated);
      stream.z.next_in = const_cast<Bytef*>(bytes.data() + taken);
      stream.z.avail_in = static_cast<uInt>(give);
      taken += give;
    }
    const size_t before = out.size();
    const size_t room = static_cast<size_t>(std::min<uint64_t>(kInflated, max_bytes - before + 1));
    out.resize(before + room);
    stream.z.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.z.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream.z, Z_NO_FLUSH);
    out.resize(before + room - stream.z.avail_out);
    if (out.size() > max_bytes) {
      if (whole) fail("its compressed content is larger than announced");
      out.resize(max_bytes);
      return out;
    }
    const bool more = taken < bytes.size() || stream.z.avail_in > 0;
    if (result == Z_STREAM_END) {
      if (!more) return out;
      // A gzip file may have several parts, one behind the other.
      if (window_bits < 0 || inflateReset(&stream.z) != Z_OK) fail("bytes follow its compressed content");
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      fail("its compressed content is damaged");
    } else if (!more && out.size() == before) {
      if (whole) fail("its compressed content is cut short");
      return out;
    }
  }
}

}  // namespace

std::string Inflate(std::span<const uint8_t> bytes, InflateForm form, uint64_t max_bytes,
                    const std::string& what) {
  return Run(bytes, form == InflateForm::kRaw ? -MAX_WBITS : 16 + MAX_WBITS, max_bytes, true, what);
}

std::string InflateStart(std::span<const uint8_t> bytes, uint64_t max_bytes,
                         const std::string& what) {
  return Run(bytes, 16 + MAX_WBITS, max_bytes, false, what);
}

uint32_t Crc32(std::span<const uint8_t> bytes, uint32_t before) {
  uLong crc = before;
  while (!bytes.empty()) {
    const size_t take = std::min<size_t>(bytes.size(), 1 << 30);
    crc = crc32(crc, bytes.data(), static_cast<uInt>(take));
    bytes = bytes.subspan(take);
  }
  return static_cast<uint32_t>(crc);
}

}  // namespace skiff::io
