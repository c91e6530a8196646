// Any bytes as a file of tensors, combined or single: what is read is written back with the same bytes, but
// for bools that were neither 0 nor 1 and descriptions that Paddle spells in another way.
#include "io/tensor_stream.h"
#include "tests/fuzz/fuzz.h"

namespace skiff::io {

void FuzzCombined(const std::shared_ptr<const MappedFile>& file) {
  StringSink sink;
  const auto entries = IndexTensors(file);
  for (const TensorEntry& entry : entries) {
    const Tensor own = MakeTensor(entry, file);
    const Tensor shared = MakeTensor(entry, file, TensorMemory::kShared);
    Require(own.bytes() == entry.data_bytes && shared.bytes() == entry.data_bytes, "size");
    WriteTensor(own, &sink);
  }
  // Extents that were packed into one field take a field each.
  Require(sink.text().size() <= file->bytes().size() + 16 * entries.size(), "no larger than what was read");
}

void FuzzTensorStream(std::span<const uint8_t> bytes) {
  const auto file = MappedFile::FromMemory(std::string(AsText(bytes)), "fuzz");
  IgnoreErrors([&] { FuzzCombined(file); });
  const Value value = ReadTensorFile(file);
  StringSink sink;
  if (const auto* rows = std::get_if<SelectedRows>(&value)) {
    WriteSelectedRows(*rows, &sink);
  } else {
    WriteTensor(std::get<Tensor>(value), &sink);
  }
  const auto again = MappedFile::FromMemory(sink.Take(), "again");
  Require(ReadTensorFile(again).index() == value.index(), "read again as the same kind");
}

}  // namespace skiff::io

SKIFF_FUZZ_TARGET(tensor_stream, skiff::io::FuzzTensorStream, skiff::io::MutateStream)
