#include "io/npy.h"

#include "io/atomic_file.h"
#include "io/idx.h"
#include "io/zip.h"
#include "tests/io/support.h"

#include <cstdio>

namespace skiff::io {
namespace {

using ::testing::AllOf;
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

TEST(NpyTest, BytesOfABoolAreTrueOrFalse) {
  const std::string file = Npy("{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", std::string("\0\1\2", 3));
  const Tensor flags = ParseNpy(AsBytes(file), "x");
  EXPECT_EQ(std::memcmp(flags.raw_data(), "\0\1\1", 3), 0);
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

TEST(NpyErrorTest, HeadersThatDescribeNoArrayAreRefused) {
  const auto error_of = [](const std::string& header) {
    const std::string file = Npy(header, "1234");
    return ErrorOf([&] { ParseNpy(AsBytes(file), "x"); });
  };
  EXPECT_EQ(error_of("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"), "");
  EXPECT_EQ(error_of("{\"shape\": (1L,), \"fortran_order\": True, \"descr\": \"<f4\"}"), "");  // as Python 2
  for (const char* header : {
           "", "{", "[]", "{'descr'}", "{descr: '<f4', 'fortran_order': False, 'shape': (1,)}",
           "{'descr': '<f4', 'fortran_order': False}",                                // no shape
           "{'fortran_order': False, 'shape': (1,)}",                                 // no descr
           "{'descr': '<f4', 'shape': (1,)}",                                         // no order
           "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'extra': True}",  // a key of nobody's
           "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", "{'descr': '<f4', 'fortran_order': true, 'shape': (1,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1)}",  // ten dimensions
           "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}",
           "{xdescrx: '<f4', 'fortran_order': False, 'shape': (1,)}", "{'descr", "{\"descr: '<f4'}",
           "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "{'descr': '<f4, 'fortran_order': False}"}) {
    EXPECT_THAT(error_of(header), HasSubstr("field npy header")) << header;
  }
}

TEST(NpyErrorTest, WhatIsNoFileOfNumpysIsSaid) {
  std::string file = SerializeNpy(Tensor::Of<float>({1}, {1}));
  file[6] = 4;
  EXPECT_THAT(ErrorOf([&] { ParseNpy(AsBytes(file), "x"); }), HasSubstr("npy version 4"));
  file[1] = 'X';
  EXPECT_THAT(ErrorOf([&] { ParseNpy(AsBytes(file), "x"); }), AllOf(HasSubstr("no file of numpy's"), HasSubstr("at byte 0")));
}

TEST(NpyErrorTest, ExtentsThatOverflowBesideAZeroAreRefused) {
  const std::string file = Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4)}", "");
  EXPECT_THAT(ErrorOf([&] { ParseNpy(AsBytes(file), "x"); }), HasSubstr("does not fill"));
}

// An archive with one member as given: a local header, the packed bytes, the directory.
std::string Zip(uint16_t method, const std::string& packed, uint32_t size, uint32_t crc, uint32_t directory_at = 0) {
  StringSink sink;
  const auto common = [&] {
    for (const uint16_t field : {uint16_t{20}, uint16_t{0}, method, uint16_t{0}, uint16_t{33}}) sink.WriteNumber(field);
    sink.WriteNumber(crc);
    sink.WriteNumber(static_cast<uint32_t>(packed.size()));
    sink.WriteNumber(size);
    sink.WriteNumber<uint32_t>(1);  // the name's length, no extra field
  };
  sink.WriteNumber<uint32_t>(0x04034B50);
  common();
  sink.Write("x" + packed);
  const auto directory = static_cast<uint32_t>(sink.text().size());
  sink.WriteNumber<uint32_t>(0x02014B50);
  sink.WriteNumber<uint16_t>(20);
  common();
  sink.Write(std::string(14, '\0') + "x");  // no comment, disk 0, no attributes, offset 0
  const auto directory_bytes = static_cast<uint32_t>(sink.text().size()) - directory;
  sink.WriteNumber<uint32_t>(0x06054B50);
  sink.WriteNumber<uint32_t>(0);
  sink.WriteNumber<uint32_t>(0x00010001);  // one member
  sink.WriteNumber(directory_bytes);
  sink.WriteNumber(directory_at != 0 ? directory_at : directory);
  sink.WriteNumber<uint16_t>(0);
  return sink.Take();
}

std::string ErrorOfZip(const std::string& archive, std::string* content = nullptr) {
  return ErrorOf([&] {
    const auto file = MappedFile::FromMemory(archive, "x.zip");
    std::string inflated;
    const auto bytes = ReadZipMember(file, IndexZip(file).at(0), &inflated);
    if (content != nullptr) *content = AsText(bytes);
  });
}

TEST(ZipErrorTest, MembersMustBeWhatTheDirectorySays) {
  const std::string plain = "what is in it", packed = Compressed(plain, -MAX_WBITS);
  const auto size = static_cast<uint32_t>(plain.size());
  const auto crc = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(plain.data()), size));
  for (const std::string& archive : {Zip(8, packed, size, crc), Zip(0, plain, size, crc)}) {
    std::string content;
    EXPECT_EQ(ErrorOfZip(archive, &content), "");
    EXPECT_EQ(content, plain);
  }
  EXPECT_THAT(ErrorOfZip(Zip(8, packed, size, crc ^ 1)), HasSubstr("the content of \"x\" is damaged"));
  EXPECT_THAT(ErrorOfZip(Zip(0, plain, size, crc ^ 1)), HasSubstr("the content of \"x\" is damaged"));
  EXPECT_THAT(ErrorOfZip(Zip(0, plain, size + 1, crc)), HasSubstr("is damaged"));
  EXPECT_THAT(ErrorOfZip(Zip(8, packed, size - 1, crc)), HasSubstr("larger than announced"));
  EXPECT_THAT(ErrorOfZip(Zip(8, packed, size + 1, crc)), HasSubstr("is damaged"));
  EXPECT_THAT(ErrorOfZip(Zip(8, packed + "x", size, crc)), HasSubstr("bytes follow its compressed content"));
  EXPECT_THAT(ErrorOfZip(Zip(8, packed.substr(0, packed.size() - 2), size, crc)), HasSubstr("cut short"));
  EXPECT_THAT(ErrorOfZip(Zip(8, "\xFF" + packed, size, crc)), HasSubstr("compressed content is damaged"));
  const auto too_much = static_cast<uint32_t>(packed.size() + 1) * 1033;  // deflate makes at most 1032 bytes of one
  EXPECT_THAT(ErrorOfZip(Zip(8, packed, too_much, crc)), HasSubstr(StrCat("\"x\" cannot become ", too_much, " bytes")));
  for (const uint16_t method : {uint16_t{1}, uint16_t{12}, uint16_t{93}}) {
    EXPECT_THAT(ErrorOfZip(Zip(method, plain, size, crc)), HasSubstr(StrCat("packed by method ", method, "; stored and deflated ones")));
  }
  EXPECT_THAT(ErrorOfZip(Zip(0, plain, size, crc, 100000)), HasSubstr("offset 100000 is behind the end"));
  EXPECT_THAT(ErrorOfZip(Zip(0, plain, size, crc, 1)), HasSubstr("no member"));
}

TEST(ZipErrorTest, EncryptedMembersAndNamesThatAreNoTextAreRefused) {
  const std::string archive = Zip(0, "", 0, 0);
  const size_t central = archive.find("PK\1\2");
  std::string changed = archive;
  changed[central + 8] = 1;  // flags
  EXPECT_THAT(ErrorOfZip(changed), HasSubstr("an encrypted member"));
  changed = archive;
  changed[central + 46] = '\xFF';
  EXPECT_THAT(ErrorOfZip(changed), HasSubstr("is no UTF-8"));
  changed = archive;
  changed[0] = 'Q';
  EXPECT_THAT(ErrorOfZip(changed), HasSubstr("no member"));
}

TEST(NpyErrorTest, TextsThatAreNoneAreRefused) {
  const auto error_of = [](const std::string& descr, const std::string& elements) {
    StringSink sink;
    ZipWriter writer(&sink);
    const std::string npy = Npy("{'descr': '" + descr + "', 'fortran_order': False, 'shape': (1,)}", elements);
    const std::vector<std::span<const uint8_t>> content = {AsBytes(npy)};
    writer.Add("x.npy", content);
    writer.Finish();
    return ErrorOf([&] { ParseNpz(MappedFile::FromMemory(sink.Take(), "x")); });
  };
  EXPECT_EQ(error_of("<U1", std::string("\x8B\x6A\0\0", 4)), "");
  EXPECT_THAT(error_of("<Ux", "1234"), HasSubstr("text of no width"));
  EXPECT_THAT(error_of("<U18446744073709551617", "1234"), HasSubstr("text of no width"));  // 2^64 + 1
  EXPECT_THAT(error_of("<U1", std::string("\0\0\x11\0", 4)), HasSubstr("text with no character"));  // behind U+10FFFF
  EXPECT_THAT(error_of("<U1", std::string("\0\xD8\0\0", 4)), HasSubstr("text with no character"));  // half a pair
  EXPECT_THAT(error_of("<U1", std::string("\xFF\xDF\0\0", 4)), HasSubstr("text with no character"));
  EXPECT_THAT(error_of("<U2", "1\0\0"), HasSubstr("field npy text"));
}

TEST(NpyErrorTest, ArraysWithoutAValueAndNamesTooLongAreNotWritten) {
  TemporaryFolder folder;
  EXPECT_THAT(ErrorOf([&] { SaveNpz({{"w", Tensor()}}, folder / "x.npz"); }), HasSubstr("the tensor \"w\" has no memory"));
  EXPECT_THAT(ErrorOf([&] { SaveNpz({{std::string(65532, 'w'), Tensor::Of<float>({1}, {1})}}, folder / "x.npz"); }),
              HasSubstr("a name of 65536 bytes is too long for a zip archive"));
  EXPECT_FALSE(IsFile(folder / "x.npz"));
  const std::string longest(65531, 'w');
  SaveNpz({{longest, Tensor::Of<float>({1}, {1})}}, folder / "x.npz");
  EXPECT_TRUE(LoadNpz(folder / "x.npz").Has(longest));
}

TEST(ZipErrorTest, MembersThatShareTheirBytesAreRefused) {
  // Two entries of the directory for one member would let a small file become a large one.
  std::string archive = Zip(0, std::string(100, 'x'), 100, 0);
  const size_t central = archive.find("PK\1\2"), end = archive.find("PK\5\6");
  const std::string entry = archive.substr(central, end - central);
  for (int i = 1; i < 4; ++i) archive.insert(central, entry);
  archive[archive.size() - 14] = archive[archive.size() - 12] = 4;  // members
  EXPECT_THAT(ErrorOfZip(archive), HasSubstr("members overlap"));
}

TEST(ZipErrorTest, AnEndOf64BitsMustBeOne) {
  StringSink sink;
  ZipWriter writer(&sink);
  const std::vector<std::span<const uint8_t>> content = {AsBytes("x")};
  for (int i = 0; i < 65535; ++i) writer.Add("", content);
  writer.Finish();
  std::string archive = sink.Take();
  EXPECT_EQ(IndexZip(MappedFile::FromMemory(archive, "x")).size(), 65535u);
  archive[archive.find("PK\6\6")] = 'Q';
  EXPECT_THAT(ErrorOf([&] { IndexZip(MappedFile::FromMemory(archive, "x")); }), HasSubstr("no zip64 end"));
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
  WriteFile(folder / "packed.gz", Compressed(kIdx, 16 + MAX_WBITS));
  for (const char* name : {"plain", "packed.gz"}) {
    const Tensor images = LoadIdx(folder / name);
    EXPECT_EQ(images.shape(), Shape({2, 2, 2}));
    EXPECT_THAT(images.Values<uint8_t>(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  }
}

TEST(IdxErrorTest, EveryCutIsAnError) {
  TemporaryFolder folder;
  for (const std::string& whole : {kIdx, Compressed(kIdx, 16 + MAX_WBITS)}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      WriteFile(folder / "cut", whole.substr(0, size));
      EXPECT_NE(ErrorOf([&] { LoadIdx(folder / "cut"); }), "") << size;
    }
  }
  WriteFile(folder / "long", kIdx + "x");
  EXPECT_THAT(ErrorOf([&] { LoadIdx(folder / "long"); }), HasSubstr("1 bytes follow"));
  WriteFile(folder / "long.gz", Compressed(kIdx + "x", 16 + MAX_WBITS));
  EXPECT_THAT(ErrorOf([&] { LoadIdx(folder / "long.gz"); }), HasSubstr("larger than announced"));
}

// The header of an idx file with these extents.
std::string Idx(int type, const std::vector<uint32_t>& extents, const std::string& elements) {
  std::string file("\0\0", 2);
  file += static_cast<char>(type);
  file += static_cast<char>(extents.size());
  for (const uint32_t extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) file += static_cast<char>(extent >> shift);
  }
  return file + elements;
}

TEST(IdxTest, NumbersOfEveryTypeStandWithTheirHighestByteFirst) {
  TemporaryFolder folder;
  const auto load = [&](int type, const std::string& elements) {
    WriteFile(folder / "x", Idx(type, {2}, elements));
    return LoadIdx(folder / "x");
  };
  EXPECT_THAT(load(0x08, "\x01\xFF").Values<uint8_t>(), ElementsAre(1, 255));
  EXPECT_THAT(load(0x09, "\x01\xFF").Values<int8_t>(), ElementsAre(1, -1));
  EXPECT_THAT(load(0x0B, std::string("\x01\x02\xFF\xFE", 4)).Values<int16_t>(), ElementsAre(258, -2));
  EXPECT_THAT(load(0x0C, std::string("\0\0\1\2\xFF\xFF\xFF\xFE", 8)).Values<int32_t>(), ElementsAre(258, -2));
  EXPECT_THAT(load(0x0D, std::string("\x3F\x80\0\0\xC0\0\0\0", 8)).Values<float>(), ElementsAre(1, -2));
  EXPECT_THAT(load(0x0E, std::string("\x3F\xF0\0\0\0\0\0\0\xC0\0\0\0\0\0\0\0", 16)).Values<double>(), ElementsAre(1, -2));
}

TEST(IdxErrorTest, HeadersThatMakeNoSenseAreRefused) {
  TemporaryFolder folder;
  const auto error_of = [&](const std::string& bytes) {
    WriteFile(folder / "x", bytes);
    return ErrorOf([&] { LoadIdx(folder / "x"); });
  };
  EXPECT_EQ(error_of(Idx(0x08, {}, "x")), "");
  EXPECT_EQ(error_of(Idx(0x08, {0, 7}, "")), "");
  EXPECT_THAT(error_of(Idx(0x0A, {1}, "x")), HasSubstr("the unknown type 10"));
  EXPECT_THAT(error_of(Idx(0x08, std::vector<uint32_t>(10, 1), "x")), HasSubstr("10 dimensions"));
  EXPECT_THAT(error_of("\1" + Idx(0x08, {1}, "x").substr(1)), HasSubstr("no idx file"));
  const uint32_t most = UINT32_MAX;
  EXPECT_THAT(error_of(Idx(0x0E, {most, most, most}, "x")), HasSubstr("overflow"));
  EXPECT_THAT(error_of(Idx(0x0E, {most, most}, "x")), HasSubstr("overflow"));  // 63 bits are the most
  EXPECT_THAT(error_of(Idx(0x08, {0, most, most, most}, "")), HasSubstr("overflow"));  // products of some are taken later
}

TEST(IdxTest, AGzipFileMayHaveSeveralParts) {
  TemporaryFolder folder;
  WriteFile(folder / "x.gz", Compressed(kIdx.substr(0, 20), 16 + MAX_WBITS) + Compressed(kIdx.substr(20), 16 + MAX_WBITS));
  EXPECT_THAT(LoadIdx(folder / "x.gz").Values<uint8_t>(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(IdxErrorTest, ADamagedGzipFileIsSaid) {
  TemporaryFolder folder;
  std::string packed = Compressed(kIdx, 16 + MAX_WBITS);
  packed[packed.size() - 6] ^= 1;  // of the checksum
  WriteFile(folder / "x.gz", packed);
  EXPECT_THAT(ErrorOf([&] { LoadIdx(folder / "x.gz"); }), HasSubstr("compressed content is damaged"));
  WriteFile(folder / "x.gz", Compressed(kIdx, 16 + MAX_WBITS) + "no gzip");
  EXPECT_THAT(ErrorOf([&] { LoadIdx(folder / "x.gz"); }), HasSubstr("compressed content is damaged"));
}

}  // namespace
}  // namespace skiff::io
