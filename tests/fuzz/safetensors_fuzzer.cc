// Any bytes as safetensors: a file, and a header with what follows it, whose length then is right. What is read is
// written and read again alike.
#include <algorithm>

#include "io/file_kind.h"
#include "io/safetensors.h"
#include "tests/fuzz/fuzz.h"

namespace skiff::io {

std::string WrittenAgain(std::string bytes) {
  const auto file = MappedFile::FromMemory(std::move(bytes), "fuzz");
  StringSink sink;
  WriteSafetensors(ParseSafetensors(file, TensorMemory::kShared), &sink);
  return sink.Take();
}

void FuzzSafetensors(std::span<const uint8_t> bytes) {
  DetectFile(bytes);
  IgnoreErrors([&] { WrittenAgain(std::string(AsText(bytes))); });
  const auto end = std::find(bytes.begin(), bytes.end(), uint8_t{0});
  StringSink file;
  file.WriteNumber<uint64_t>(static_cast<uint64_t>(end - bytes.begin()));
  file.Write(bytes.first(static_cast<size_t>(end - bytes.begin())));
  if (end != bytes.end()) file.Write(std::span(end + 1, bytes.end()));
  const std::string once = WrittenAgain(file.Take());
  Require(WrittenAgain(once) == once, "written alike");
}

}  // namespace skiff::io

SKIFF_FUZZ_TARGET(safetensors, skiff::io::FuzzSafetensors, skiff::io::MutateSafetensors)
