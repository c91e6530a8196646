#include "io/tensor_stream.h"

#include "io/npy.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Same dtype, shape and bytes.
void ExpectSame(const Tensor& got, const Tensor& wanted) {
  EXPECT_EQ(got.dtype(), wanted.dtype());
  EXPECT_EQ(got.shape(), wanted.shape());
  ASSERT_EQ(got.bytes(), wanted.bytes());
  EXPECT_EQ(std::memcmp(got.raw_data(), wanted.raw_data(), got.bytes()), 0);
}

std::shared_ptr<const MappedFile> InMemory(std::string bytes) {
  return MappedFile::FromMemory(std::move(bytes), "bytes");
}

std::string Rewritten(const Value& value) {
  StringSink sink;
  if (const auto* rows = std::get_if<SelectedRows>(&value)) {
    WriteSelectedRows(*rows, &sink);
  } else {
    WriteTensor(std::get<Tensor>(value), &sink);
  }
  return sink.Take();
}

const char* const kSingleTensors[] = {
    "binary_format/f32.bin",          "binary_format/i64.bin",
    "binary_format/f64_0d.bin",       "binary_format/bool.bin",
    "binary_format/bf16.bin",         "lod_tensor/lod0.bin",
    "lod_tensor/lod1.bin",            "lod_tensor/lod2.bin",
    "selected_rows/rows.bin",         "pickles_v3/bf16.bin",
    "legacy_separate/model/conv1.w_0", "dtypes_pdiparams/separate/v_float16",
};

TEST(TensorStreamTest, WritesBackByteForByteWhatPaddleWrote) {
  for (const char* name : kSingleTensors) {
    SCOPED_TRACE(name);
    const auto file = MappedFile::Open(Golden(name));
    EXPECT_EQ(Rewritten(ReadTensorFile(file)), AsText(file->bytes()));
    EXPECT_EQ(Rewritten(ReadTensorFile(file, TensorMemory::kShared)), AsText(file->bytes()));
  }
}

TEST(TensorStreamTest, ReadsTheNumbersOfPaddle) {
  const StateDict arrays = LoadNpz(Golden("binary_format/io.npz"));
  for (const auto& entry : arrays) {
    SCOPED_TRACE(entry.name);
    const auto file = MappedFile::Open(Golden("binary_format/" + entry.name + ".bin"));
    ExpectSame(std::get<Tensor>(ReadTensorFile(file)), entry.tensor);
  }
}

TEST(TensorStreamTest, ReadsACombinedFileInOrderOfNames) {
  const StateDict arrays = LoadNpz(Golden("dtypes_pdiparams/io.npz"));
  const auto file = MappedFile::Open(Golden("dtypes_pdiparams/all.pdiparams"));
  const std::vector<TensorEntry> entries = IndexTensors(file);
  const auto& names = arrays.objects[0].second.items();
  ASSERT_EQ(entries.size(), names.size());
  StringSink sink;
  for (size_t i = 0; i < entries.size(); ++i) {
    SCOPED_TRACE(names[i].AsText());
    for (const TensorMemory memory : {TensorMemory::kOwn, TensorMemory::kShared}) {
      ExpectSame(MakeTensor(entries[i], file, memory), *arrays.Find(names[i].AsText()));
    }
    WriteTensor(MakeTensor(entries[i], file), &sink);
  }
  EXPECT_EQ(sink.text(), AsText(file->bytes()));
}

TEST(TensorStreamTest, ReadsLevelsOfDetail) {
  const auto read = [](const char* name) {
    return std::get<Tensor>(ReadTensorFile(MappedFile::Open(Golden(name)))).lod();
  };
  EXPECT_TRUE(read("lod_tensor/lod0.bin").empty());
  EXPECT_EQ(read("lod_tensor/lod1.bin").size(), 1u);
  const LoD two = read("lod_tensor/lod2.bin");
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0].back(), two[1].size() - 1);
}

TEST(TensorStreamTest, ReadsSelectedRows) {
  const Value value = ReadTensorFile(MappedFile::Open(Golden("selected_rows/rows.bin")));
  const SelectedRows& rows = std::get<SelectedRows>(value);
  EXPECT_EQ(rows.height, 10);
  EXPECT_THAT(rows.rows, ElementsAre(0, 4, 7));
  ExpectSame(rows.value, *LoadNpz(Golden("selected_rows/io.npz")).Find("data"));
}

TEST(TensorStreamTest, WritingIntoASharedTensorLeavesTheFileAlone) {
  TemporaryFolder folder;
  const std::string path = folder / "w";
  std::filesystem::copy_file(Golden("binary_format/f32.bin"), path);
  const std::string before = ReadText(path);
  Tensor tensor = std::get<Tensor>(ReadTensorFile(MappedFile::Open(path), TensorMemory::kShared));
  std::memset(tensor.raw_data(), 0, tensor.bytes());
  EXPECT_EQ(ReadText(path), before);
}

TEST(TensorStreamTest, OwnMemoryIsAligned) {
  const auto file = MappedFile::Open(Golden("binary_format/f32.bin"));
  const Tensor tensor = std::get<Tensor>(ReadTensorFile(file));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw_data()) % 64, 0u);
}

// ---- damaged streams

// float32 [2] without LoD; parts can be replaced.
struct Stream {
  uint32_t version = 0;
  uint64_t levels = 0;
  std::string lod;
  uint32_t dense_version = 0;
  int32_t desc_bytes = 4;
  std::string desc = std::string("\x08\x05\x10\x02", 4);
  std::string data = std::string(8, 'x');

  std::string Bytes() const {
    StringSink sink;
    sink.WriteNumber(version);
    sink.WriteNumber(levels);
    sink.Write(lod);
    sink.WriteNumber(dense_version);
    sink.WriteNumber(desc_bytes);
    sink.Write(desc);
    sink.Write(data);
    return sink.Take();
  }
};

std::string ErrorOfStream(const Stream& stream) {
  return ErrorOf([&] { IndexTensors(InMemory(stream.Bytes())); });
}

std::string Number(uint64_t value) { return {reinterpret_cast<const char*>(&value), 8}; }

TEST(TensorStreamErrorTest, NamesByteAndField) {
  EXPECT_EQ(ErrorOfStream({}), "");
  EXPECT_THAT(ErrorOfStream({.version = 3}), HasSubstr("version 3"));
  EXPECT_THAT(ErrorOfStream({.dense_version = 1}), HasSubstr("at byte 12, field tensor version"));
  EXPECT_THAT(ErrorOfStream({.levels = 65}), HasSubstr("65 levels"));
  EXPECT_THAT(ErrorOfStream({.levels = UINT64_MAX}), HasSubstr("levels of LoD"));
  EXPECT_THAT(ErrorOfStream({.desc_bytes = -1}), HasSubstr("a size of -1"));
  EXPECT_THAT(ErrorOfStream({.desc_bytes = 1 << 30}), HasSubstr("are left"));
  EXPECT_THAT(ErrorOfStream({.desc = std::string("\x08\x07\x10\x02", 4)}), HasSubstr("type 7"));
  EXPECT_THAT(ErrorOfStream({.data = "1234"}), HasSubstr("has 8 bytes, 4 are left"));
}

TEST(TensorStreamErrorTest, RefusesExtentsThatOverflowOrAreNegative) {
  const std::string big("\x10\x80\x80\x80\x80\x80\x80\x80\x80\x40", 10);  // 2^62
  const std::string negative("\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11);
  EXPECT_THAT(ErrorOfStream({.desc_bytes = 22, .desc = "\x08\x05" + big + big}), HasSubstr("overflow"));
  EXPECT_THAT(ErrorOfStream({.desc_bytes = 13, .desc = "\x08\x05" + negative}),
              HasSubstr("an extent of -1"));
  // Even where another extent is 0: products of some of them are taken later.
  const std::string zero("\x10\x00", 2);
  EXPECT_THAT(ErrorOfStream({.desc_bytes = 24, .desc = "\x08\x05" + zero + big + big, .data = ""}),
              HasSubstr("overflow"));
  std::string many = "\x08\x05";
  for (int i = 0; i < 10; ++i) many += std::string("\x10\x01", 2);
  EXPECT_THAT(ErrorOfStream({.desc_bytes = 22, .desc = many}), HasSubstr("more than 9 dimensions"));
}

TEST(TensorStreamErrorTest, RefusesLevelsOfDetailThatBreakTheirRules) {
  const auto error_of = [](const std::string& lod) { return ErrorOfStream({.levels = 1, .lod = lod}); };
  EXPECT_EQ(error_of(Number(16) + Number(0) + Number(2)), "");
  EXPECT_THAT(error_of(Number(16) + Number(1) + Number(2)), HasSubstr("start with offset 0"));
  EXPECT_THAT(error_of(Number(16) + Number(0) + Number(3)), HasSubstr("there are 2 rows"));
  EXPECT_THAT(error_of(Number(24) + Number(0) + Number(3) + Number(2)), HasSubstr("less than"));
  EXPECT_THAT(error_of(Number(15) + Number(0) + Number(2)), HasSubstr("no multiple of 8"));
  EXPECT_THAT(error_of(Number(uint64_t{1} << 60) + Number(0)), HasSubstr("are left"));
}

TEST(TensorStreamTest, ExtentsMayBePacked) {
  const Stream packed = {.desc_bytes = 6, .desc = "\x08\x05\x12\x02\x02\x03", .data = std::string(24, 'x')};
  const std::vector<TensorEntry> entries = IndexTensors(InMemory(packed.Bytes()));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].shape, Shape({2, 3}));
  // One behind the other, in both spellings.
  const Stream mixed = {.desc_bytes = 9, .desc = "\x08\x05\x10\x02\x12\x01\x03\x10\x01", .data = std::string(24, 'x')};
  EXPECT_EQ(IndexTensors(InMemory(mixed.Bytes()))[0].shape, Shape({2, 3, 1}));
}

TEST(TensorStreamErrorTest, DescriptionsOfAnotherFormAreRefused) {
  EXPECT_THAT(ErrorOfStream({.desc_bytes = 6, .desc = "\x08\x05\x10\x02\x18\x01"}),
              AllOf(HasSubstr("an unknown field, key 24"), HasSubstr("at byte 24")));
  EXPECT_THAT(ErrorOfStream({.desc_bytes = 2, .desc = "\x10\x02"}), HasSubstr("no data_type"));
  EXPECT_THAT(ErrorOfStream({.desc_bytes = 6, .desc = std::string("\x08\x05\x12\x09\x02\x03", 6)}), HasSubstr("9 bytes are wanted"));
  EXPECT_THAT(ErrorOfStream({.desc_bytes = 14, .desc = "\x08\x05\x12\x0A" + std::string(9, '\xFF') + '\x01'}), HasSubstr("an extent of -1"));
  EXPECT_THAT(ErrorOfStream({.desc_bytes = 14, .desc = "\x08\x05\x12\x0A" + std::string(10, '\x01')}), HasSubstr("more than 9 dimensions"));
  EXPECT_THAT(ErrorOfStream({.desc_bytes = 13, .desc = "\x08\x05\x10" + std::string(10, '\xFF')}), HasSubstr("a varint of more than ten bytes"));
  EXPECT_THAT(ErrorOfStream({.levels = 1, .lod = Number(16) + Number(0) + Number(1), .desc_bytes = 2, .desc = "\x08\x05", .data = "1234"}),
              HasSubstr("a 0-D tensor has no rows for a LoD"));
}

TEST(TensorStreamErrorTest, RowsThatDoNotFitTheTensorAreRefused) {
  const auto error_of = [](std::vector<int64_t> rows, int64_t height, const std::string& desc) {
    StringSink sink;
    sink.WriteNumber<uint32_t>(0);
    sink.WriteNumber<uint64_t>(rows.size());
    for (const int64_t row : rows) sink.WriteNumber(row);
    sink.WriteNumber(height);
    sink.WriteNumber<uint32_t>(0);
    sink.WriteNumber(static_cast<int32_t>(desc.size()));
    sink.Write(desc);
    sink.Write("12345678");
    return ErrorOf([&] { ReadTensorFile(InMemory(sink.Take())); });
  };
  const std::string two = "\x08\x05\x10\x02";  // float32 [2]
  EXPECT_EQ(error_of({0, 9}, 10, two), "");
  EXPECT_NE(error_of({0, 10}, 10, two), "");
  EXPECT_NE(error_of({-1, 0}, 10, two), "");
  EXPECT_NE(error_of({0}, 10, two), "");
  EXPECT_NE(error_of({0, 1, 2}, 10, two), "");
  EXPECT_NE(error_of({0}, 10, "\x08\x06"), "");  // a 0-D tensor has no rows
  // 2^61 rows: times their eight bytes that is 0.
  EXPECT_NE(ErrorOf([] { ReadTensorFile(InMemory(std::string(4, '\0') + Number(uint64_t{1} << 61) + std::string(100, '\0'))); }), "");
}

TEST(TensorStreamTest, MemoryThatIsNotAlignedIsNotShared) {
  // Six bytes of description: the data begin at byte 26.
  const Stream stream = {.desc_bytes = 6, .desc = "\x08\x05\x10\x02\x10\x01", .data = std::string("\0\0\x80\x3F\0\0\0\x40", 8)};
  const auto file = InMemory(stream.Bytes());
  const Tensor tensor = std::get<Tensor>(ReadTensorFile(file, TensorMemory::kShared));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw_data()) % alignof(float), 0u);
  EXPECT_THAT(tensor.Values<float>(), ElementsAre(1, 2));
}

TEST(TensorStreamErrorTest, EveryCutOfAFileIsAnError) {
  for (const char* name : kSingleTensors) {
    SCOPED_TRACE(name);
    const std::string bytes = ReadText(Golden(name));
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_NE(ErrorOf([&] { ReadTensorFile(InMemory(bytes.substr(0, size))); }), "") << size;
    }
    EXPECT_NE(ErrorOf([&] { ReadTensorFile(InMemory(bytes + '\0')); }), "");
  }
}

TEST(TensorStreamErrorTest, AVariableCannotLeaveItsFolder) {
  EXPECT_EQ(VariablePath("dir", "block/a/w"), "dir/block/a/w");
  for (const char* name : {"", "/etc/x", "../x", "a/../../x", ".."}) {
    EXPECT_THAT(ErrorOf([&] { VariablePath("dir", name); }), HasSubstr("leads out")) << name;
  }
  EXPECT_THAT(ErrorOf([&] { VariablePath("dir", std::string("w\0x", 3)); }), AllOf(HasSubstr("leads out"), HasSubstr("w\\0x")));
}

TEST(TensorStreamErrorTest, RefusesToWriteWhatHasNoValue) {
  StringSink sink;
  EXPECT_THAT(ErrorOf([&] { WriteTensor(Tensor(), &sink); }), HasSubstr("startup program"));
}

}  // namespace
}  // namespace skiff::io
