// What files may cost, format by format: SECURITY.md's ReadLimits.
#include "io/read_limits.h"

#include "io/atomic_file.h"
#include "io/idx.h"
#include "io/npy.h"
#include "io/pickle.h"
#include "io/program_file.h"
#include "io/reader.h"
#include "io/safetensors.h"
#include "io/tensor_stream.h"
#include "io/zip.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr size_t kMegabyte = 1 << 20;

std::shared_ptr<const MappedFile> FileOf(std::string bytes) { return MappedFile::FromMemory(std::move(bytes), "x"); }

template <typename F>
std::string ErrorWithin(const ReadLimits& limits, F&& read) {
  const ReadLimitsScope scope(limits);
  return ErrorOf(read);
}

// Reads under the limits, which must be just too low: `field` says which count of the format found it.
template <typename F>
void ExpectBound(const char* limit, const ReadLimits& too_low, const char* field, F&& read) {
  SCOPED_TRACE(StrCat(limit, ", ", field));
  EXPECT_EQ(ErrorOf(read), "");
  EXPECT_THAT(ErrorWithin(too_low, read),
              AllOf(HasSubstr("skiff::ResourceExhausted"), HasSubstr(StrCat("ReadLimits::", limit)), HasSubstr(StrCat("field ", field))));
}

std::string Serialized(const StateDict& state, void (*write)(const StateDict&, Sink*)) {
  StringSink sink;
  write(state, &sink);
  return sink.Take();
}

const Tensor& Large() {
  static const Tensor tensor = Tensor::Of<uint8_t>({1 << 20}, std::vector<uint8_t>(kMegabyte, 7));
  return tensor;
}

TEST(ReadLimitsTest, OfPicklesAreItemsTextsBytesAndArrays) {
  const auto parse = [](const PickleValue& value) {
    return [bytes = SerializePickle(value)] { ParsePickle(AsBytes(bytes), "x"); };
  };
  const ReadLimits half = {.max_bytes = kMegabyte / 2};
  ExpectBound("max_bytes", half, "array", parse(PickleValue::Array(Large())));
  ExpectBound("max_bytes", half, "text", parse(PickleValue::Str(std::string(kMegabyte, 'x'))));
  ExpectBound("max_bytes", half, "bytes", parse(PickleValue::Bytes(std::string(kMegabyte, 'x'))));
  ExpectBound("max_text_bytes", {.max_text_bytes = kMegabyte - 1}, "text", parse(PickleValue::Str(std::string(kMegabyte, 'x'))));
  ExpectBound("max_objects", {.max_objects = 1000}, "argument of a pickle opcode", parse(PickleValue::List(std::vector<PickleValue>(1000))));
  // A byte each, and 40 in their list: what counts here is each item itself.
  ExpectBound("max_bytes", {.max_bytes = 2 * kMegabyte}, "argument of a pickle opcode", parse(PickleValue::List(std::vector<PickleValue>(20000))));
  const PickleValue one = PickleValue::Str("one");  // an item that is there once
  ExpectBound("max_bytes", half, "argument of a pickle opcode", parse(PickleValue::List(std::vector<PickleValue>(100000, one))));
  PickleValue deep;
  for (int i = 0; i < 12; ++i) deep = PickleValue::List({deep});
  ExpectBound("max_depth", {.max_depth = 10}, "objects in one another", parse(deep));
}

TEST(ReadLimitsTest, OfDepthAreWhatAStackHolds) {
  const auto lists = [](size_t depth) { return StrCat("\x80\x02", std::string(depth, ']'), std::string(depth - 1, 'a'), '.'); };
  {
    const ReadLimitsScope scope({.max_depth = 1000});
    ParsePickle(AsBytes(lists(1000)), "x");
    EXPECT_THAT(ErrorOf([&] { ParsePickle(AsBytes(lists(1100)), "x"); }), HasSubstr("ReadLimits::max_depth = 1000"));
  }
  EXPECT_THAT(ErrorOf([] { const ReadLimitsScope scope({.max_depth = 1001}); }), HasSubstr("max_depth is 1001; 0 to 1000"));
  EXPECT_THAT(ErrorOf([] { const ReadLimitsScope scope({.max_depth = -1}); }), HasSubstr("max_depth is -1"));
}

TEST(ReadLimitsTest, OfNumpysFilesAreElementsTextsAndMembers) {
  const std::string npy = SerializeNpy(Large());
  ExpectBound("max_bytes", {.max_bytes = kMegabyte - 1}, "npy elements", [&] { ParseNpy(AsBytes(npy), "x"); });
  std::string wide = npy;  // 262144 uint32, which become int64
  wide.replace(wide.find("|u1"), 3, "<u4");
  wide.replace(wide.find("1048576"), 7, " 262144");
  ExpectBound("max_bytes", {.max_bytes = 3 * kMegabyte - 1}, "npy elements", [&] { ParseNpy(AsBytes(wide), "x"); });
  const auto npz = [](const StateDict& state) {
    return [file = FileOf(Serialized(state, WriteNpz))] { ParseNpz(file); };
  };
  StateDict texts;
  texts.objects.emplace_back("names", PickleValue::List(std::vector<PickleValue>(100, PickleValue::Str("x"))));
  ExpectBound("max_objects", {.max_objects = 50}, "npy text", npz(texts));
  StateDict many;
  for (int i = 0; i < 10; ++i) many.Set(std::to_string(i), Tensor::Of<float>({1}, {1}));
  ExpectBound("max_objects", {.max_objects = 9}, "zip member", npz(many));
}

TEST(ReadLimitsTest, OfArchivesAreMembersThatUnfold) {
  const std::string plain(kMegabyte, '\0'), packed = Compressed(plain, -MAX_WBITS);
  StringSink sink;
  ZipWriter writer(&sink);
  const std::vector<std::span<const uint8_t>> content = {AsBytes(packed)};
  writer.Add("x", content);
  writer.Finish();
  std::string archive = sink.Take();
  const auto size = static_cast<uint32_t>(plain.size());
  const auto crc = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(plain.data()), size));
  const size_t central = archive.find("PK\1\2");
  archive[central + 10] = 8;  // deflated
  std::memcpy(archive.data() + central + 16, &crc, sizeof(crc));
  std::memcpy(archive.data() + central + 24, &size, sizeof(size));
  const auto file = FileOf(archive);
  ExpectBound("max_bytes", {.max_bytes = kMegabyte - 1}, "zip size", [&] {
    std::string inflated;
    for (const ZipMember& member : IndexZip(file)) ReadZipMember(file, member, &inflated);
  });
  // Every file may take 64 MiB and max_growth bytes for each of its own: 65 MiB from a kilobyte are within 1100.
  const uint32_t more = 65 << 20;
  std::memcpy(archive.data() + central + 24, &more, sizeof(more));
  const auto unfolding = FileOf(archive);
  for (const uint64_t growth : {0, 1, 100}) ExpectBound("max_growth", {.max_growth = growth}, "zip size", [&] { IndexZip(unfolding); });
}

TEST(ReadLimitsTest, OfIdxFilesAreElementsBeforeTheyUnfold) {
  TemporaryFolder folder;
  const std::string idx = std::string("\0\0\x08\1\0\x10\0\0", 8) + std::string(kMegabyte, 'x');
  WriteFile(folder / "x", idx);
  WriteFile(folder / "x.gz", Compressed(idx, 16 + MAX_WBITS));
  ExpectBound("max_bytes", {.max_bytes = kMegabyte - 1}, "idx elements", [&] { LoadIdx(folder / "x"); });
  ExpectBound("max_bytes", {.max_bytes = kMegabyte - 1}, "idx extent", [&] { LoadIdx(folder / "x.gz"); });
}

TEST(ReadLimitsTest, OfTensorStreamsAreTensorsOffsetsAndRows) {
  StringSink sink;
  for (int i = 0; i < 3; ++i) WriteTensor(Tensor::Of<float>({1}, {1}), &sink);
  const auto three = FileOf(sink.Take());
  ExpectBound("max_objects", {.max_objects = 2}, "tensor version", [&] { IndexTensors(three); });
  WriteTensor(Large(), &sink);
  const auto large = FileOf(sink.Take());
  ExpectBound("max_bytes", {.max_bytes = kMegabyte - 1}, "tensor data", [&] { IndexTensors(large); });
  Tensor empty({0}, DType::kFloat32);
  empty.set_lod({std::vector<uint64_t>(1000)});
  WriteTensor(empty, &sink);
  const auto levels = FileOf(sink.Take());
  ExpectBound("max_bytes", {.max_bytes = 7999}, "LoD offsets", [&] { IndexTensors(levels); });
  WriteSelectedRows({std::vector<int64_t>(1000), 1, Tensor({1000, 0}, DType::kFloat32)}, &sink);
  const auto rows = FileOf(sink.Take());
  ExpectBound("max_bytes", {.max_bytes = 7999}, "SelectedRows rows", [&] { ReadTensorFile(rows); });
}

TEST(ReadLimitsTest, OfSafetensorsAreTensorsNamesAndTheirTexts) {
  const auto parse = [](const StateDict& state) {
    return [file = FileOf(Serialized(state, WriteSafetensors))] { ParseSafetensors(file, TensorMemory::kOwn); };
  };
  ExpectBound("max_bytes", {.max_bytes = kMegabyte - 1}, "safetensors data", parse({{"w", Large()}}));
  StateDict many;
  for (int i = 0; i < 1000; ++i) many.Set(std::to_string(i), Tensor({0}, DType::kFloat32));
  ExpectBound("max_objects", {.max_objects = 999}, "safetensors header", parse(many));
  ExpectBound("max_bytes", {.max_bytes = 10000}, "safetensors header", parse(many));
  const std::string long_name(1000, 'w');
  ExpectBound("max_text_bytes", {.max_text_bytes = 999}, "safetensors header", parse({{long_name, Tensor({0}, DType::kFloat32)}}));
  StateDict texts;
  std::vector<PickleValue::Item> items;
  for (int i = 0; i < 100; ++i) items.emplace_back(PickleValue::Str(std::to_string(i)), PickleValue::Str(long_name));
  texts.objects.emplace_back("__metadata__", PickleValue::Dict(items));
  ExpectBound("max_text_bytes", {.max_text_bytes = 999}, "safetensors header", parse(texts));
  ExpectBound("max_objects", {.max_objects = 99}, "safetensors header", parse(texts));
  ExpectBound("max_bytes", {.max_bytes = 100000}, "safetensors header", parse(texts));
}

TEST(ReadLimitsTest, OfProgramsAreMessagesAndNames) {
  Program program;
  for (int i = 0; i < 100; ++i) program.global_block().AddVar({.name = StrCat("v", i)});
  program.global_block().AddVar({.name = std::string(1000, 'n')});
  const std::string bytes = SerializeProgram(program);
  const auto parse = [&] { ParseProgram(AsBytes(bytes), "x"); };
  ExpectBound("max_objects", {.max_objects = 100}, "content", parse);
  ExpectBound("max_bytes", {.max_bytes = 50000}, "content", parse);
  ExpectBound("max_text_bytes", {.max_text_bytes = 999}, "name", parse);
}

}  // namespace
}  // namespace skiff::io
