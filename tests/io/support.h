// What the tests of io/ share: golden files, folders that go away, errors.
#pragma once

#include <gmock/gmock.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "framework/base/error.h"
#include "io/mapped_file.h"
#include "io/sink.h"

namespace skiff::io {

/// Path of a file below tests/golden.
inline std::string Golden(const std::string& name) { return std::string(SKIFF_GOLDEN_DIR) + "/" + name; }

/// Content of a file.
inline std::string ReadText(const std::string& path) {
  return std::string(AsText(MappedFile::Open(path)->bytes()));
}

/// Content of a file as it is now, whatever a journal beside it says.
inline std::string PlainText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// An empty folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "skiff-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// zlib's compression of a text; `window_bits` is zlib's: -MAX_WBITS for deflate alone, 16 + MAX_WBITS for gzip.
inline std::string Compressed(const std::string& plain, int window_bits) {
  z_stream z = {};
  deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(plain.size() + 1000, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

/// Message of the skiff error that `run` throws, "" when it throws none.
template <typename F>
std::string ErrorOf(F&& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace skiff::io
