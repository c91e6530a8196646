#include "io/pickle.h"

#include "io/npy.h"
#include "io/pickle_file.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

PickleValue Parse(const std::string& bytes) { return ParsePickle(AsBytes(bytes), "pickle"); }
std::string ErrorOfPickle(const std::string& bytes) {
  return ErrorOf([&] { Parse(bytes); });
}
// Opcodes between the header of protocol 2 and STOP.
std::string Proto2(const std::string& opcodes) { return "\x80\x02" + opcodes + "."; }
// A literal with zero bytes in it.
template <size_t N>
std::string Raw(const char (&text)[N]) {
  return std::string(text, N - 1);
}

TEST(PickleTest, ReadsTheNumbersOfPaddle) {
  const StateDict arrays = LoadNpz(Golden("dtypes_pdparams/io.npz"));
  for (const char* name : {"all.pdparams", "all_protocol2.pdparams"}) {
    const PickleValue value = LoadPickle(Golden(std::string("dtypes_pdparams/") + name));
    for (const auto& entry : arrays) {
      SCOPED_TRACE(entry.name);
      const PickleValue* found = value.Find(entry.name);
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(found->tensor().dtype(), entry.tensor.dtype());
      EXPECT_EQ(found->tensor().shape(), entry.tensor.shape());
      EXPECT_EQ(std::memcmp(found->tensor().raw_data(), entry.tensor.raw_data(), entry.tensor.bytes()), 0);
    }
  }
}

TEST(PickleTest, ReadsEveryKindOfValue) {
  for (const char* protocol : {"p2", "p3", "p4"}) {
    SCOPED_TRACE(protocol);
    auto load = [&](const std::string& name) {
      return LoadPickle(Golden("nested_pickles/" + name + "." + protocol + ".pkl"));
    };
    const PickleValue scalars = load("scalars");
    EXPECT_EQ(scalars.Find("neg")->AsInt(), -3);
    EXPECT_EQ(scalars.Find("big")->AsInt(), 1099511627776);
    EXPECT_TRUE(scalars.Find("huge")->Is(PickleKind::kBigInt));
    EXPECT_EQ(scalars.Find("huge")->IntText(), "-1180591620717411303424");
    EXPECT_EQ(scalars.Find("f")->AsFloat(), 1.25);
    EXPECT_TRUE(scalars.Find("t")->AsBool());
    EXPECT_TRUE(scalars.Find("n")->Is(PickleKind::kNone));
    EXPECT_EQ(scalars.Find("e")->AsText(), "");
    EXPECT_EQ(load("zero_d").name(), "generated_tensor_1");
    EXPECT_EQ(load("zero_d").tensor().shape(), Shape({}));
    EXPECT_EQ(load("dict").Find("ключ")->AsText(), "значение");
    EXPECT_TRUE(load("ordered").Is(PickleKind::kOrderedDict));
    EXPECT_EQ(load("set").Find("s")->items().size(), 1u);
    EXPECT_EQ(load("tuple").items()[0].name(), "t3");
    EXPECT_TRUE(load("shared").items()[0].SameObject(load("shared").items()[0]) == false);
    const PickleValue shared = load("shared");
    EXPECT_TRUE(shared.items()[0].SameObject(shared.items()[1]));
    const PickleValue numpy = load("numpy");
    EXPECT_TRUE(numpy.Find("f")->fortran());
    EXPECT_TRUE(numpy.Find("s")->Is(PickleKind::kScalar));
    EXPECT_EQ(numpy.Find("s")->tensor().Values<float>()[0], 2.5f);
    EXPECT_NEAR(numpy.Find("f")->tensor().Values<double>()[1], 0.2676935465528436, 1e-16);
  }
}

TEST(PickleTest, WritesContainersAsCPythonDoes) {
  // Taken from CPython 3.11's pickle.dumps.
  std::vector<PickleValue::Item> items;
  for (int i = 0; i < 1000; ++i) items.emplace_back(PickleValue::Int(i), PickleValue());
  EXPECT_TRUE(SerializePickle(PickleValue::Dict(items), {.protocol = 2}).ends_with("M\xe7\x03Nu(u."));
  EXPECT_TRUE(SerializePickle(PickleValue::OrderedDict(items), {.protocol = 2}).ends_with("M\xe7\x03Nu."));
  const std::vector<PickleValue> nones(1001);
  EXPECT_TRUE(SerializePickle(PickleValue::List(nones), {.protocol = 4}).ends_with("NNNe(Ne."));
  EXPECT_EQ(SerializePickle(PickleValue::Int(-1), {.protocol = 2}), Proto2("J\xff\xff\xff\xff"));
  EXPECT_EQ(SerializePickle(PickleValue::Int(int64_t{1} << 31), {.protocol = 2}),
            Proto2(Raw("\x8a\x05\0\0\0\x80\0")));
  EXPECT_EQ(SerializePickle(PickleValue::Int(-128 - (int64_t{1} << 32)), {.protocol = 2}),
            Proto2("\x8a\x05\x80\xff\xff\xff\xfe"));
}

TEST(PickleTest, WhatIsWrittenIsReadAgain) {
  const PickleValue text = PickleValue::Str("é");
  const PickleValue value = PickleValue::Dict(
      {{PickleValue::Str("bytes"), PickleValue::Bytes(Raw("\0\x7f\x80\xff"))},
       {PickleValue::Str("none"), PickleValue::Bytes("")},
       {PickleValue::Str("complex"), PickleValue::Complex({1.5, -2})},
       {PickleValue::Str("frozen"), PickleValue::FrozenSet({text, PickleValue::Int(300)})},
       {PickleValue::Str("set"), PickleValue::Set({text})},
       {PickleValue::Str("static"), PickleValue::StaticTensor(Tensor::Of<float>({1}, {3}))},
       {PickleValue::Str("big"), PickleValue::Str(std::string(100000, 'x'))},
       {PickleValue::Str("long"), PickleValue::BigInt(AsBytes(std::string(300, '\x11')))},
       {PickleValue::Str("nested"), PickleValue::Tuple({PickleValue::Tuple({}), text, text, text})}});
  for (int protocol = 2; protocol <= 4; ++protocol) {
    SCOPED_TRACE(protocol);
    const std::string bytes = SerializePickle(value, {.protocol = protocol});
    const PickleValue read = Parse(bytes);
    EXPECT_EQ(read.ToString(), value.ToString());
    EXPECT_EQ(read.Find("bytes")->AsText(), Raw("\0\x7f\x80\xff"));
    EXPECT_EQ(SerializePickle(read, {.protocol = protocol}), bytes);
  }
}

std::string Number64(uint64_t value) { return {reinterpret_cast<const char*>(&value), sizeof(value)}; }

// Opcodes that Paddle needs above 4 GiB, of 256 objects or of 64 KiB, here with small arguments: any length is legal.
TEST(PickleTest, ReadsTheFormsOfLargeFiles) {
  const auto proto4 = [](const std::string& opcodes) { return "\x80\x04" + opcodes + "."; };
  EXPECT_EQ(Parse(proto4("\x8e" + Number64(3) + Raw("\0\xff" "a"))).AsText(), Raw("\0\xff" "a"));  // BINBYTES8
  EXPECT_EQ(Parse(proto4("\x8d" + Number64(2) + "\xc3\xa9")).AsText(), "é");                        // BINUNICODE8
  EXPECT_EQ(Parse(proto4("\x8b" + Raw("\5\0\0\0" "\0\0\0\0\1"))).AsInt(), int64_t{1} << 32);         // LONG4
  EXPECT_EQ(Parse(Proto2(Raw("X\1\0\0\0a" "r\0\0\1\0" "X\1\0\0\0b" "q\7" "j\0\0\1\0" "h\7" "\x86\x86\x86"))).ToString(),
            "('a', ('b', ('a', 'b')))");  // LONG_BINPUT, BINPUT and how they are fetched
  // Frames may end between any two opcodes, and what is large stands between them.
  const std::string frames = "\x95" + Number64(2) + "](" + "\x8c\1x" + "\x95" + Number64(6) + Raw("K\1K\2Ne") ;
  EXPECT_EQ(Parse(proto4(frames)).ToString(), "['x', 1, 2, None]");
}

TEST(PickleTest, ReadsTheTextOfPython2) {
  EXPECT_EQ(Parse(Proto2("U\x02\xe9t")).AsText(), "ét");
}

TEST(PickleTest, ReadsBigEndianArrays) {
  const std::string big_endian = Proto2(
      Raw("cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tU\1bt"
          "R(K\1(K\2tcnumpy\ndtype\n(U\2i2K\0K\1tR(K\3U\1>NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89U\4\0\1\2\0tb"));
  EXPECT_THAT(Parse(big_endian).tensor().Values<int16_t>(), ElementsAre(1, 512));
}

TEST(PickleTest, PutsSlicesTogether) {
  const StateDict arrays = LoadNpz(Golden("legacy_dygraph/io.npz"));
  const PickleValue value = LoadPickle(Golden("legacy_dygraph/sliced.pdparams"));
  ASSERT_EQ(value.entries().size(), 2u);
  const Tensor& big = value.Find("big")->tensor();
  EXPECT_EQ(big.shape(), Shape({4, 3}));
  EXPECT_EQ(std::memcmp(big.raw_data(), arrays.Find("weight")->raw_data(), big.bytes()), 0);
}

TEST(PickleTest, CutsSlicesAsPaddleDoes) {
  const std::string bytes = ReadText(Golden("legacy_dygraph/sliced.pdparams"));
  const PickleValue sliced = Parse(bytes);
  const PickleValue merged = MergeSlices(sliced, "x");
  const PickleValue again = SplitSlices(merged, 20);  // 5 floats
  EXPECT_EQ(again.ToString(), sliced.ToString());
  EXPECT_EQ(SerializePickle(again, {.protocol = 2}), bytes);
}

// ---- what is refused

TEST(PickleErrorTest, RunsNoCodeAndSaysWhatTheFileWanted) {
  EXPECT_THAT(ErrorOfPickle(Proto2("cos\nsystem\nX\2\0\0\0ls\x85R")), HasSubstr("\"os.system\""));
  EXPECT_THAT(ErrorOfPickle(Proto2("c__builtin__\nexec\n)R")), HasSubstr("\"__builtin__.exec\""));
  EXPECT_THAT(ErrorOfPickle(Proto2(Raw("c__builtin__\neval\nX\1\0\0\0" "1}\x86R"))),
              HasSubstr("eval something"));
  EXPECT_THAT(ErrorOfPickle(Proto2(Raw("c__builtin__\neval\nX\4\0\0\0data}X\4\0\0\0dataK\1s\x86R"))),
              HasSubstr("eval something"));
  EXPECT_NE(ErrorOfPickle(Proto2("(ios\nsystem\n")), "");  // INST
  EXPECT_NE(ErrorOfPickle(Proto2("Pid\n")), "");           // PERSID
  EXPECT_NE(ErrorOfPickle(Proto2("\x82\1")), "");          // EXT1
}

TEST(PickleErrorTest, SaysByteAndOpcode) {
  EXPECT_THAT(ErrorOfPickle(Proto2("K\1cos\nsystem\n")), HasSubstr("at byte 4, field pickle opcode 99"));
}

TEST(PickleErrorTest, RefusesObjectsThatHoldThemselves) {
  EXPECT_THAT(ErrorOfPickle(Proto2(Raw("]q\0h\0a"))), HasSubstr("holds itself"));
  EXPECT_THAT(ErrorOfPickle(Proto2(Raw("}q\0K\1h\0s"))), HasSubstr("holds itself"));
}

TEST(PickleErrorTest, RefusesSharingWithoutMeasure) {
  // Each list holds the one before twice: 2^40 items when walked.
  std::string bomb = Raw("]q\0");
  for (int i = 0; i < 40; ++i) {
    const char k = static_cast<char>(i), next = static_cast<char>(i + 1);
    bomb += std::string("]q") + next + "(h" + k + "h" + k + "e";
  }
  // Everything but the last list is on the stack too; wrap it.
  EXPECT_THAT(ErrorOfPickle(Proto2("(" + bomb + "l")), HasSubstr("opcode"));
  EXPECT_THAT(ErrorOfPickle(Proto2("(" + bomb + "t")), HasSubstr("shared without measure"));
}

TEST(PickleErrorTest, RefusesDepthWithoutMeasure) {
  std::string deep = ")";
  for (int i = 0; i < 100000; ++i) deep += "\x85";
  EXPECT_THAT(ErrorOfPickle(Proto2(deep)), HasSubstr("max_depth"));
}

TEST(PickleErrorTest, RefusesArraysWhoseSizesDisagree) {
  auto array = [](const std::string& shape, const std::string& data) {
    return Proto2(Raw("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R(K\1") + shape +
                  Raw("cnumpy\ndtype\nU\2f4K\0K\1\x87R(K\3U\1<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89") +
                  data + "tb");
  };
  EXPECT_EQ(ErrorOfPickle(array("K\2\x85", Raw("U\x08" "12345678"))), "");
  EXPECT_THAT(ErrorOfPickle(array("K\3\x85", Raw("U\x08" "12345678"))),
              HasSubstr("has 12 bytes, 8 were given"));
  EXPECT_THAT(ErrorOfPickle(array("J\xff\xff\xff\xff\x85", "U\1x")), HasSubstr("no count"));
  const std::string huge = Raw("\x8a\x08\0\0\0\0\0\0\0\x40");
  EXPECT_THAT(ErrorOfPickle(array(huge + huge + "\x86", "U\1x")), HasSubstr("overflow"));
}

TEST(PickleErrorTest, RefusesDoubleKeysAndUnhashableOnes) {
  EXPECT_THAT(ErrorOfPickle(Proto2("}(K\1NK\1Nu")), HasSubstr("twice"));
  EXPECT_THAT(ErrorOfPickle(Proto2("}]Ns")), HasSubstr("a list as the key"));
  EXPECT_THAT(ErrorOfPickle(Proto2("}(K\1u")), HasSubstr("without a value"));
}

TEST(PickleErrorTest, RefusesWhatIsNoPickle) {
  EXPECT_NE(ErrorOfPickle(""), "");
  EXPECT_THAT(ErrorOfPickle("hello"), HasSubstr("no pickle"));
  EXPECT_THAT(ErrorOfPickle("\x80\x09N."), HasSubstr("protocol 9"));
  EXPECT_THAT(ErrorOfPickle(Proto2("N") + "x"), HasSubstr("1 bytes follow"));
  EXPECT_THAT(ErrorOfPickle(Proto2("NN")), HasSubstr("2 objects"));
  EXPECT_THAT(ErrorOfPickle(Proto2("(")), HasSubstr("0 objects"));
  EXPECT_NE(ErrorOfPickle(Proto2("cnumpy\ndtype\n")), "");
}

TEST(PickleErrorTest, RefusesOtherProtocols) {
  EXPECT_THAT(ErrorOf([] { SerializePickle({}, {.protocol = 5}); }), HasSubstr("2, 3 or 4"));
}

TEST(PickleErrorTest, RefusesSlicesThatDoNotAddUp) {
  PickleValue sliced = Parse(ReadText(Golden("legacy_dygraph/sliced.pdparams")));
  std::vector<PickleValue::Item> entries = sliced.entries();
  entries.erase(entries.begin() + 2);
  EXPECT_THAT(ErrorOf([&] { MergeSlices(PickleValue::Dict(entries), "x"); }),
              HasSubstr("the part 'big@@.1' is not there"));
  entries.insert(entries.begin(), {PickleValue::Str("big@@.1"), PickleValue::Array(Tensor({2}, DType::kFloat32))});
  EXPECT_THAT(ErrorOf([&] { MergeSlices(PickleValue::Dict(entries), "x"); }),
              HasSubstr("the parts have 9 elements"));
}

TEST(PickleErrorTest, EveryCutAndEveryFlippedByteIsSafe) {
  for (const char* name : {"nested_pickles/dict.p2.pkl", "nested_pickles/numpy.p4.pkl",
                           "nested_pickles/static_list.pkl", "nested_pickles/set.p3.pkl",
                           "legacy_dygraph/sliced.pdparams", "optimizers/adam_master.pdopt"}) {
    SCOPED_TRACE(name);
    const std::string bytes = ReadText(Golden(name));
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_NE(ErrorOfPickle(bytes.substr(0, size)), "") << size;
      std::string flipped = bytes;
      flipped[size] = static_cast<char>(flipped[size] ^ (1 << (size % 8)));
      ErrorOfPickle(flipped);  // an error or another value, never a crash
    }
  }
}

}  // namespace
}  // namespace skiff::io
