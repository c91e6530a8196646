// Any bytes as an archive of arrays, and as one array: an error or arrays, which are written and read again alike.
#include "io/npy.h"
#include "tests/fuzz/fuzz.h"

namespace skiff::io {

void FuzzNpz(std::span<const uint8_t> bytes) {
  IgnoreErrors([&] { SerializeNpy(ParseNpy(bytes, "fuzz")); });
  const auto written = [](const StateDict& arrays) {
    StringSink sink;
    WriteNpz(arrays, &sink);
    return sink.Take();
  };
  const std::string once = written(ParseNpz(MappedFile::FromMemory(std::string(AsText(bytes)), "fuzz")));
  Require(written(ParseNpz(MappedFile::FromMemory(once, "again"))) == once, "written alike");
}

}  // namespace skiff::io

SKIFF_FUZZ_TARGET(skiff::io::FuzzNpz)
