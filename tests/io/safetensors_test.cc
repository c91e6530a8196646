#include "io/safetensors.h"

#include <complex>
#include <cstring>

#include "io/atomic_file.h"
#include "io/file_kind.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file from the text of its header and the bytes of its tensors.
std::string Safetensors(const std::string& header, const std::string& data) {
  StringSink sink;
  sink.WriteNumber<uint64_t>(header.size());
  sink.Write(header);
  sink.Write(data);
  return sink.Take();
}

StateDict ParseTensors(const std::string& bytes, TensorMemory memory = TensorMemory::kOwn) {
  return ParseSafetensors(MappedFile::FromMemory(bytes, "x.safetensors"), memory);
}

const std::string kTwoHeader =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
    R"("a":{"dtype":"I64","shape":[],"data_offsets":[8,16]}})";
const std::string kTwo = Safetensors(kTwoHeader, std::string("\0\0\x80\x3F\0\0\0\x40\7\0\0\0\0\0\0\0", 16));

TEST(SafetensorsTest, ReadsTensorsInTheOrderOfTheHeader) {
  const StateDict state = ParseTensors(kTwo);
  EXPECT_THAT(state.Names(), ElementsAre("b", "a"));
  EXPECT_THAT(state.Find("b")->Values<float>(), ElementsAre(1, 2));
  EXPECT_EQ(state.Find("a")->shape(), Shape({}));
  EXPECT_THAT(state.Find("a")->Values<int64_t>(), ElementsAre(7));
}

TEST(SafetensorsTest, KeepsTheTextsOfTheHeader) {
  const StateDict state = ParseTensors(kTwo);
  ASSERT_EQ(state.objects.size(), 1u);
  EXPECT_EQ(state.objects[0].first, kSafetensorsMetadata);
  EXPECT_EQ(state.objects[0].second.Find("format")->AsText(), "pt");
  StringSink again;
  WriteSafetensors(state, &again);
  EXPECT_EQ(ParseTensors(again.text()).objects[0].second.Find("format")->AsText(), "pt");
}

TEST(SafetensorsTest, SharesTheMappedFileWhenAskedAndNeverChangesIt) {
  TemporaryFolder folder;
  StateDict state;
  state.Set("w", Tensor::Of<double>({2}, {1, 2}));
  SaveSafetensors(state, folder / "x");
  const auto file = MappedFile::Open(folder / "x");
  Tensor w = *ParseSafetensors(file, TensorMemory::kShared).Find("w");
  const auto* data = static_cast<const uint8_t*>(w.raw_data());
  EXPECT_TRUE(data > file->bytes().data() && data < file->bytes().data() + file->bytes().size());
  w.data<double>()[0] = 5;
  EXPECT_THAT(LoadSafetensors(folder / "x").Find("w")->Values<double>(), ElementsAre(1, 2));
}

TEST(SafetensorsTest, EveryDtypeComesBack) {
  StateDict state;
  state.Set("bool", Tensor::Of<bool>({2}, {true, false}));
  state.Set("u8", Tensor::Of<uint8_t>({1}, {255}));
  state.Set("i8", Tensor::Of<int8_t>({1}, {-1}));
  state.Set("i16", Tensor::Of<int16_t>({1}, {-2}));
  state.Set("i32", Tensor::Of<int32_t>({1}, {-3}));
  state.Set("i64", Tensor::Of<int64_t>({1}, {-4}));
  state.Set("f16", Tensor::Of<Float16>({1}, {ToFloat16(1.5f)}));
  state.Set("bf16", Tensor::Of<BFloat16>({1}, {ToBFloat16(2.5f)}));
  state.Set("f32", Tensor::Of<float>({0, 3}, std::vector<float>()));
  state.Set("f64", Tensor::Of<double>({}, {0.5}));
  state.Set("c64", Tensor::Of<std::complex<float>>({1}, {{1, 2}}));
  StringSink sink;
  WriteSafetensors(state, &sink);
  EXPECT_EQ(DetectFile(AsBytes(sink.text())), FileKind::kSafetensors);
  const StateDict read = ParseTensors(sink.text());
  EXPECT_EQ(read.size(), state.size());
  for (const auto& entry : state) {
    const Tensor* found = read.Find(entry.name);
    ASSERT_NE(found, nullptr) << entry.name;
    EXPECT_EQ(found->dtype(), entry.tensor.dtype());
    EXPECT_EQ(found->shape(), entry.tensor.shape());
    EXPECT_EQ(std::memcmp(found->raw_data(), entry.tensor.raw_data(), entry.tensor.bytes()), 0) << entry.name;
  }
}

TEST(SafetensorsTest, BytesOfABoolAreTrueOrFalse) {
  const StateDict state = ParseTensors(Safetensors(R"({"x":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})", std::string("\2\0", 2)));
  EXPECT_THAT(state.Find("x")->Values<bool>(), ElementsAre(true, false));
}

TEST(SafetensorsTest, StateDictsAreReadFromThem) {
  TemporaryFolder folder;
  WriteFile(folder / "net.pdparams", kTwo);  // told apart by content
  EXPECT_THAT(LoadStateDict(folder / "net.pdparams").Names(), ElementsAre("b", "a"));
}

TEST(SafetensorsErrorTest, EveryCutIsAnError) {
  for (size_t size = 0; size < kTwo.size(); ++size) EXPECT_NE(ErrorOf([&] { ParseTensors(kTwo.substr(0, size)); }), "") << size;
  EXPECT_THAT(ErrorOf([] { ParseTensors(kTwo + "x"); }), HasSubstr("the tensors end at byte"));
}

TEST(SafetensorsErrorTest, ClaimsOfAHugeHeaderAllocateNothing) {
  for (const uint64_t claim : {uint64_t{1} << 60, uint64_t{UINT64_MAX}, kMaxSafetensorsHeader + 1}) {
    std::string file = kTwo;
    std::memcpy(file.data(), &claim, sizeof(claim));
    EXPECT_THAT(ErrorOf([&] { ParseTensors(file); }), AllOf(HasSubstr("a header of"), HasSubstr("at byte 0")));
  }
}

struct BadHeader {
  const char* header;
  const char* said;
};

TEST(SafetensorsErrorTest, HeadersThatMakeNoSenseAreRefused) {
  const BadHeader cases[] = {
      {R"([])", "does not begin with {"},
      {R"({"x":1})", "a number where none belongs"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},})", "no JSON"},
      {R"({"x":{"dtype":"F32","shape":[1]}})", "lacks dtype, shape or data_offsets"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "\"x\" is there twice"},
      {R"({"x":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}})", "\"dtype\" is there twice"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}})", "do not hold"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "do not hold"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}})", "do not hold"},
      {R"({"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "a negative number"},
      {R"({"x":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", "the number 1.0"},
      {R"({"x":{"dtype":"F32","shape":[1e30],"data_offsets":[0,4]}})", "the number 1e30"},
      {R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", "do not hold"},
      {R"({"x":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})", "do not hold"},
      {R"({"x":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", "more than 9 dimensions"},
      {R"({"x":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", "a list where none belongs"},
      {R"({"x":{"dtype":"F32","shape":{"a":1},"data_offsets":[0,4]}})", "an object where none belongs"},
      {R"({"x":{"dtype":null,"shape":[1],"data_offsets":[0,4]}})", "null where none belongs"},
      {R"({"x":{"dtype":"F32","shape":"1","data_offsets":[0,4]}})", "a text where none belongs, at \"x\""},
      {R"({"x":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}})", "a text where none belongs"},
      {R"({"x":"F32"})", "a text where none belongs"},
      {R"({"x":{"dtype":["F32"],"shape":[1],"data_offsets":[0,4]}})", "a list where none belongs"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"strides":[1]}})", "a list where none belongs"},
      {R"({"__metadata__":{"a":["b"]},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "a list where none belongs"},
      {R"({"x":{"dtype":"F32","shape":true,"data_offsets":[0,4]}})", "a truth value where none belongs, at \"x\""},
      {R"({"x":{"dtype":"F32","shape":[false],"data_offsets":[0,4]}})", "a truth value where none belongs"},
      {R"({"__metadata__":{"a":1},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "a number where none belongs"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551616]}})", "where none belongs"},
      {R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})", "leaves a gap"},
      {R"({"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"y":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})", "overlaps"},
      {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", "leaves a gap"},
      {R"({})", "the tensors end at byte"},
  };
  for (const BadHeader& bad : cases) {
    EXPECT_THAT(ErrorOf([&] { ParseTensors(Safetensors(bad.header, "1234")); }), HasSubstr(bad.said)) << bad.header;
  }
  const std::string deep = R"({"x":)" + std::string(100000, '[') + std::string(100000, ']') + "}";
  EXPECT_THAT(ErrorOf([&] { ParseTensors(Safetensors(deep, "1234")); }), HasSubstr("a list where none belongs"));
}

TEST(SafetensorsErrorTest, DtypesThatSkiffLacksAreRefusedByName) {
  for (const char* dtype : {"U16", "U32", "U64", "F8_E4M3", "F8_E5M2", "F4", "Q7"}) {
    const std::string header = StrCat(R"({"x":{"dtype":")", dtype, R"(","shape":[1],"data_offsets":[0,4]}})");
    EXPECT_THAT(ErrorOf([&] { ParseTensors(Safetensors(header, "1234")); }), AllOf(HasSubstr("Unimplemented"), HasSubstr(dtype)));
  }
}

TEST(SafetensorsErrorTest, WhatTheFormatCannotHoldIsRefusedByName) {
  StringSink sink;
  StateDict state;
  state.Set("z", Tensor::Of<std::complex<double>>({1}, {{1, 2}}));
  EXPECT_THAT(ErrorOf([&] { WriteSafetensors(state, &sink); }), AllOf(HasSubstr("\"z\""), HasSubstr("complex128")));
  StateDict other;
  other.objects.emplace_back("LR_Scheduler", PickleValue::Dict({}));
  EXPECT_THAT(ErrorOf([&] { WriteSafetensors(other, &sink); }), HasSubstr("\"LR_Scheduler\" is a dict"));
}

TEST(SafetensorsErrorTest, NamesThatTheHeaderCannotHoldAreRefused) {
  const auto error_of = [](const std::string& name, Tensor tensor) {
    StringSink sink;
    StateDict state;
    state.Set(name, std::move(tensor));
    return ErrorOf([&] { WriteSafetensors(state, &sink); });
  };
  const Tensor one = Tensor::Of<float>({1}, {1});
  EXPECT_EQ(error_of("w", one), "");
  EXPECT_THAT(error_of("__metadata__", one), HasSubstr("a tensor cannot be called \"__metadata__\""));
  EXPECT_THAT(error_of("w", Tensor()), HasSubstr("the tensor \"w\" has no memory"));
  EXPECT_THAT(error_of("\xFF", one), HasSubstr("the name of a tensor is no UTF-8"));
  EXPECT_THAT(error_of(std::string(100'000'000, 'w'), one), HasSubstr("more than the 100000000 that safetensors may have"));
}

}  // namespace
}  // namespace skiff::io
