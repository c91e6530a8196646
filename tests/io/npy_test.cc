#include "io/npy.h"

#include "io/atomic_file.h"
#include "io/idx.h"
#include "io/zip.h"
#include "tests/io/support.h"

#include <zlib.h>

#include <cstdio>

namespace skiff::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A .npy of version 1 from a header and elements.
std::string Npy(std::string header, const std::string& elements) {
  header += '\n';
  StringSink sink;
  sink.Write(std::string_view("\x93NUMPY\x01\x00", 8));
  sink.WriteNumber(static_cast<uint16_t>(header.size()));
  sink.Write(header);
  sink.Write(elements);
  return sink.Take();
}

std::string Gzip(const std::string& plain) {
  z_stream z = {};
  deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
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

TEST(NpyTest, ReadsTheArraysOfPaddlesRuns) {
  const StateDict arrays = LoadNpz(Golden("dtypes_pdparams/io.npz"));
  ASSERT_TRUE(arrays.Has("t_0d"));
  EXPECT_EQ(arrays.Find("t_0d")->shape(), Shape({}));
  EXPECT_EQ(arrays.Find("t_empty3")->shape(), Shape({2, 0, 4}));
  EXPECT_EQ(arrays.Find("t_bfloat16")->dtype(), DType::kBFloat16);
  EXPECT_EQ(arrays.Find("t_complex128")->dtype(), DType::kComplex128);
}

TEST(NpyTest, ReadsTextAsObjects) {
  const StateDict arrays = LoadNpz(Golden("dtypes_pdiparams/io.npz"));
  ASSERT_EQ(arrays.objects.size(), 1u);
  EXPECT_EQ(arrays.objects[0].first, "order");
  EXPECT_EQ(arrays.objects[0].second.items().front().AsText(), "v_0d");
}

TEST(NpyTest, ReadsWhatItWrites) {
  TemporaryFolder folder;
  StateDict arrays;
  arrays.Set("a", Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  arrays.Set("b", Tensor::Of<int64_t>({}, {7}));
  arrays.Set("c", Tensor::Of<int8_t>({0, 4}, std::vector<int8_t>{}));
  SaveNpz(arrays, folder / "x.npz");
  const StateDict read = LoadNpz(folder / "x.npz");
  EXPECT_THAT(read.Names(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(read.Find("a")->Values<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(read.Find("b")->shape(), Shape({}));
  EXPECT_EQ(read.Find("c")->shape(), Shape({0, 4}));
}

TEST(NpyTest, WritesTheHeaderThatNumpyWrites) {
  const std::string bytes = SerializeNpy(Tensor::Of<float>({3}, {1, 2, 3}));
  EXPECT_THAT(bytes, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"));
  EXPECT_EQ((bytes.size() - 12) % 64, 0u);
}

TEST(NpyTest, RearrangesColumnsAndBigEndianNumbers) {
  const std::string columns("\0\1\0\4\0\2\0\5\0\3\0\6", 12);
  const std::string header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3)}";
  const std::string file = Npy(header, columns);
  EXPECT_THAT(ParseNpy(AsBytes(file), "x").Values<int16_t>(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(NpyTest, WidensUnsigned32) {
  const std::string file =
      Npy("{'descr': '<u4', 'fortran_order': False, 'shape': (1,)}", "\xFF\xFF\xFF\xFF");
  EXPECT_THAT(ParseNpy(AsBytes(file), "x").Values<int64_t>(), ElementsAre(4294967295));
}

TEST(NpyErrorTest, RefusesObjectsAndWrongSizes) {
  const std::string objects = Npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "x");
  EXPECT_THAT(ErrorOf([&] { ParseNpy(AsBytes(objects), "x"); }), HasSubstr("numpy's type \"|O\""));
  const std::string cut = Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "1234");
  EXPECT_THAT(ErrorOf([&] { ParseNpy(AsBytes(cut), "x"); }), HasSubstr("does not fill the 4 bytes"));
  const std::string huge =
      Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", "1234");
  EXPECT_NE(ErrorOf([&] { ParseNpy(AsBytes(huge), "x"); }), "");
}

TEST(NpyTest, WritesTextsAndReadsThemAgain) {
  TemporaryFolder folder;
  StateDict arrays;
  arrays.objects.emplace_back("one", PickleValue::Str("模型 é😀"));
  arrays.objects.emplace_back("many", PickleValue::List({PickleValue::Str("a"), PickleValue::Str("bcd")}));
  SaveNpz(arrays, folder / "x.npz");
  const StateDict read = LoadNpz(folder / "x.npz");
  ASSERT_EQ(read.objects.size(), 2u);
  EXPECT_EQ(read.objects[0].second.AsText(), "模型 é😀");
  EXPECT_EQ(read.objects[1].second.items()[1].AsText(), "bcd");
  arrays.objects.emplace_back("LR_Scheduler", PickleValue::Dict({}));
  EXPECT_THAT(ErrorOf([&] { SaveNpz(arrays, folder / "y.npz"); }), HasSubstr("\"LR_Scheduler\" is a dict"));
}

// Leaves holes where blocks of zeros come, so that large files take no room.
class SparseFile : public Sink {
 public:
  explicit SparseFile(const std::string& path) : file_(std::fopen(path.c_str(), "wb")) {}
  ~SparseFile() override { std::fclose(file_); }
  using Sink::Write;
  void Write(const void* data, size_t bytes) override {
    if (bytes >= 1 << 20) {
      std::fseek(file_, static_cast<long>(bytes), SEEK_CUR);
    } else {
      std::fwrite(data, 1, bytes, file_);
    }
  }

 private:
  std::FILE* file_;
};

TEST(ZipTest, MembersOfFourGibibytesAndWhatFollowsThemAreFound) {
  TemporaryFolder folder;
  const std::string block(size_t{1} << 28, '\0');
  const std::vector<std::span<const uint8_t>> large(17, AsBytes(block));
  const std::vector<std::span<const uint8_t>> small = {AsBytes("behind"), AsBytes(" it")};
  {
    SparseFile sink(folder / "large.zip");
    ZipWriter writer(&sink);
    writer.Add("large", large);
    writer.Add("small", small);
    writer.Finish();
  }
  const auto file = MappedFile::Open(folder / "large.zip");
  const std::vector<ZipMember> members = IndexZip(file);
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].size, uint64_t{17} << 28);
  EXPECT_GT(members[1].offset, uint64_t{17} << 28);
  std::string inflated;
  EXPECT_EQ(AsText(ReadZipMember(file, members[1], &inflated)), "behind it");
}

TEST(ZipTest, MoreMembersThanSixteenBitsCountAreFound) {
  StringSink sink;
  ZipWriter writer(&sink);
  const std::vector<std::span<const uint8_t>> content = {AsBytes("x")};
  for (int i = 0; i < 70000; ++i) writer.Add(std::to_string(i), content);
  writer.Finish();
  const auto members = IndexZip(MappedFile::FromMemory(sink.Take(), "many"));
  ASSERT_EQ(members.size(), 70000u);
  EXPECT_EQ(members.back().name, "69999");
}

TEST(NpyErrorTest, EveryCutIsAnError) {
  const std::string file = ReadText(Golden("selected_rows/io.npz"));
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(ErrorOf([&] { ParseNpz(MappedFile::FromMemory(file.substr(0, size), "cut")); }), "");
  }
  const std::string npy = SerializeNpy(Tensor::Of<float>({2}, {1, 2}));
  for (size_t size = 0; size < npy.size(); ++size) {
    EXPECT_NE(ErrorOf([&] { ParseNpy(AsBytes(npy.substr(0, size)), "cut"); }), "");
  }
}

TEST(NpyErrorTest, AFlippedByteOfAnArchiveIsSeen) {
  std::string file = ReadText(Golden("selected_rows/io.npz"));
  file[file.find("NUMPY") + 100] ^= 1;
  EXPECT_THAT(ErrorOf([&] { ParseNpz(MappedFile::FromMemory(file, "x")); }), HasSubstr("damaged"));
}

// Two images of 2x2 pixels.
const std::string kIdx("\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\2\1\2\3\4\5\6\7\x08", 24);

TEST(IdxTest, ReadsPlainAndGzippedFiles) {
  TemporaryFolder folder;
  WriteFile(folder / "plain", kIdx);
  WriteFile(folder / "packed.gz", Gzip(kIdx));
  for (const char* name : {"plain", "packed.gz"}) {
    const Tensor images = LoadIdx(folder / name);
    EXPECT_EQ(images.shape(), Shape({2, 2, 2}));
    EXPECT_THAT(images.Values<uint8_t>(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  }
}

TEST(IdxErrorTest, EveryCutIsAnError) {
  TemporaryFolder folder;
  for (const std::string& whole : {kIdx, Gzip(kIdx)}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      WriteFile(folder / "cut", whole.substr(0, size));
      EXPECT_NE(ErrorOf([&] { LoadIdx(folder / "cut"); }), "") << size;
    }
  }
  WriteFile(folder / "long", kIdx + "x");
  EXPECT_THAT(ErrorOf([&] { LoadIdx(folder / "long"); }), HasSubstr("1 bytes follow"));
  WriteFile(folder / "long.gz", Gzip(kIdx + "x"));
  EXPECT_THAT(ErrorOf([&] { LoadIdx(folder / "long.gz"); }), HasSubstr("larger than announced"));
}

}  // namespace
}  // namespace skiff::io
