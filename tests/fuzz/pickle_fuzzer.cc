// Any bytes as a pickle: an error or a value, and a value that is written and read again is written alike.
#include "io/pickle_file.h"
#include "io/state_dict.h"
#include "tests/fuzz/fuzz.h"

namespace skiff::io {

void FuzzPickle(std::span<const uint8_t> bytes) {
  PickleForm form;
  const PickleValue value = ParsePickle(bytes, "fuzz", &form);
  const std::string once = SerializePickle(value, form);
  Require(SerializePickle(ParsePickle(AsBytes(once), "again"), form) == once, "written alike");
  IgnoreErrors([&] { ToStateDict(MergeSlices(value, "fuzz"), "fuzz"); });
}

}  // namespace skiff::io

SKIFF_FUZZ_TARGET(pickle, skiff::io::FuzzPickle, skiff::io::MutatePickle)
