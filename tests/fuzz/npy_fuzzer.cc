// Any bytes as a .npy file, or as the members of a .npz: an array that is written is read again alike.
#include "io/npy.h"
#include "tests/fuzz/fuzz.h"

namespace skiff::io {

void FuzzNpy(std::span<const uint8_t> bytes) {
  IgnoreErrors([&] {
    const auto written = [](const StateDict& arrays) {
      StringSink sink;
      WriteNpz(arrays, &sink);
      return sink.Take();
    };
    const std::string once = written(ParseNpz(MappedFile::FromMemory(std::string(AsText(bytes)), "fuzz")));
    Require(written(ParseNpz(MappedFile::FromMemory(once, "again"))) == once, "archives written alike");
  });
  const std::string once = SerializeNpy(ParseNpy(bytes, "fuzz"));
  Require(SerializeNpy(ParseNpy(AsBytes(once), "again")) == once, "written alike");
}

}  // namespace skiff::io

SKIFF_FUZZ_TARGET(npy, skiff::io::FuzzNpy, skiff::io::MutateNpy)
