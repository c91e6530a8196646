#include "io/pickle.h"

#include <sys/mman.h>

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
  items.emplace_back(PickleValue::Int(1000), PickleValue());
  EXPECT_TRUE(SerializePickle(PickleValue::OrderedDict(items), {.protocol = 2}).ends_with("M\xe7\x03NuM\xe8\x03Ns."));
  std::vector<PickleValue> texts;
  for (int i = 0; i < 300; ++i) texts.push_back(PickleValue::Str(StrCat("text", i)));
  texts.push_back(texts[9]);
  texts.push_back(texts.back());
  texts.push_back(texts[299]);  // the 301st object: its number takes more than a byte
  EXPECT_TRUE(SerializePickle(PickleValue::List(texts), {.protocol = 2}).ends_with(Raw("h\x0Ah\x0Aj\x2C\x01\0\0e.")));
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
       {PickleValue::Str("named"), PickleValue::NamedTensor("w_0", Tensor::Of<float>({2}, {1, 2}))},
       {PickleValue::Str("big"), PickleValue::Str(std::string(100000, 'x'))},
       {PickleValue::Str("long"), PickleValue::BigInt(AsBytes(std::string(300, '\x11')))},
       {PickleValue::Str("nested"), PickleValue::Tuple({PickleValue::Tuple({}), text, text, text})}});
  for (int protocol = 2; protocol <= 4; ++protocol) {
    SCOPED_TRACE(protocol);
    const std::string bytes = SerializePickle(value, {.protocol = protocol});
    const PickleValue read = Parse(bytes);
    EXPECT_EQ(read.ToString(), value.ToString());
    EXPECT_EQ(read.Find("bytes")->AsText(), Raw("\0\x7f\x80\xff"));
    EXPECT_EQ(read.Find("named")->name(), "w_0");
    EXPECT_EQ(read.Find("named")->ToString(), "tensor('w_0', array(f4 [2]))");
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

// Counts bytes and keeps those that come in small parts.
class Tally : public Sink {
 public:
  using Sink::Write;
  void Write(const void* data, size_t bytes) override {
    total += bytes;
    if (bytes < 1 << 20) small.append(static_cast<const char*>(data), bytes);
  }
  uint64_t total = 0;
  std::string small;
};

TEST(PickleTest, FourGibibytesInOnePieceAreForProtocol4) {
  const size_t bytes = size_t{1} << 32;
  void* zeros = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);  // takes no memory
  ASSERT_NE(zeros, MAP_FAILED);
  const std::shared_ptr<void> owner(zeros, [bytes](void* memory) { ::munmap(memory, bytes); });
  const PickleValue array = PickleValue::Array(Tensor({int64_t{1} << 32}, DType::kInt8, CPUPlace{}, owner, zeros));
  Tally tally;
  WritePickle(array, {.protocol = 4}, &tally);
  EXPECT_THAT(tally.small, HasSubstr("\x8e" + Number64(bytes)));  // BINBYTES8
  EXPECT_EQ(tally.total, bytes + tally.small.size());
  EXPECT_THAT(ErrorOf([&] { WritePickle(array, {.protocol = 3}, &tally); }), HasSubstr("protocol 3 has no text or bytes of 4 GiB; use protocol 4"));
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

TEST(PickleErrorTest, ConstructorsTakePaddlesArgumentsAlone) {
  const std::string array = Raw("cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tU\1btR");
  const std::string dtype = Raw("cnumpy\ndtype\n(U\2f4K\0K\1tR");
  const auto dtype_state = [&](const std::string& order, const std::string& fields) {
    return dtype + "(K\3U\1" + order + fields + Raw("J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb");
  };
  struct Case {
    std::string opcodes;
    const char* said;
  };
  const Case cases[] = {
      {"K\1)R", "something that cannot be called"},
      {"cnumpy\nndarray\n)R", "a call of numpy.ndarray"},
      {"cnumpy.core.multiarray\n_reconstruct\n)R", "a call of numpy's _reconstruct"},
      {"cnumpy.core.multiarray\n_reconstruct\n(K\1K\1K\1tR", "a call of numpy's _reconstruct"},
      {"cnumpy\ndtype\n)R", "a call of numpy.dtype"},
      {Raw("cnumpy\ndtype\n(U\2O8K\0K\1tR"), "an array of the numpy type \"O8\""},
      {dtype + "(K\3tb", "a dtype state of another form"},
      {dtype_state("!", "NNN"), "a byte order \"!\""},
      {dtype_state("<", "]NN"), "an array of records"},
      {dtype_state("<", "N]N"), "an array of records"},
      {dtype_state("<", "NN}"), "an array of records"},
      {dtype_state("<", "cnumpy\nndarray\nNN"), "an array of records"},
      {"cnumpy.core.multiarray\nscalar\n)R", "a numpy scalar with other arguments"},
      {"cnumpy.core.multiarray\nscalar\n(" + dtype + "K\1tR", "a numpy scalar with other arguments"},
      {"c_codecs\nencode\n)R", "a call of _codecs.encode"},
      {Raw("c_codecs\nencode\n(X\1\0\0\0aX\5\0\0\0utf-8tR"), "a call of _codecs.encode"},
      {Raw("c_codecs\nencode\n(X\3\0\0\0\xe2\x82\xacX\6\0\0\0latin1tR"), "a character that latin-1 does not have"},
      {"c__builtin__\nbytes\n(K\1tR", "a call of bytes"},
      {"c__builtin__\ntuple\n)R", "a call of tuple"},
      {"c__builtin__\ntuple\n(K\1tR", "a call of tuple"},
      {Raw("c__builtin__\ntuple\n(X\1\0\0\0wK\1\x86tR"), "a call of tuple"},
      {"ccollections\nOrderedDict\n(K\1tR", "a call of OrderedDict with other arguments than a list of pairs"},
      {"ccollections\nOrderedDict\n(]]tR", "a call of OrderedDict with other arguments than a list of pairs"},
      {"ccollections\nOrderedDict\n(]K\1atR", "something that is no pair"},
      {"ccollections\nOrderedDict\n(]](K\1K\2K\3eatR", "something that is no pair"},
      {"c__builtin__\nset\n(K\1tR", "a call of set"},
      {"c__builtin__\nfrozenset\n)R", "a call of set"},
      {"c__builtin__\ncomplex\n(K\1K\2tR", "a call of complex"},
      {"K\1)b", "a state for a int, which takes none"},
      {"K\1Nb", "a state for an object that takes none"},
      {array, "an array without elements"},
      {array + "(K\1tb", "an array state of another form"},
      {array + "(K\1)" + dtype + "\x89K\1tb", "an array state of another form"},
      {array + "(K\1)" + dtype + Raw("\x89X\4\0\0\0" "1234tb"), "text where bytes are wanted"},
      {array + "(K\1(K\1K\1K\1K\1K\1K\1K\1K\1K\1K\1t" + dtype + "\x89U\4" "1234tb", "an array of 10 dimensions"},
      {array + "(K\1)" + dtype + "\x89U\4" "1234tb(K\1)" + dtype + "\x89U\4" "1234tb", "an object that takes none"},
  };
  for (const Case& c : cases) EXPECT_THAT(ErrorOfPickle(Proto2(c.opcodes)), HasSubstr(c.said)) << c.opcodes;
  EXPECT_EQ(ErrorOfPickle(Proto2(array + "(K\1)" + dtype_state("<", "NNN") + "\x89U\4" "1234tb")), "");
}

TEST(PickleTest, AnOrderedDictOfPython2IsMadeOfPairs) {
  const PickleValue read = Parse(Proto2("ccollections\nOrderedDict\n(](](K\1K\2e](K\3K\4eetR"));
  EXPECT_TRUE(read.Is(PickleKind::kOrderedDict));
  EXPECT_EQ(read.ToString(), "{1: 2, 3: 4}");
}

TEST(PickleErrorTest, SlicesNeedAShapeAndEachPartOnce) {
  const auto error_of = [](std::vector<PickleValue::Item> facts) {
    const auto part = [](const char* name) {
      return PickleValue::Item(PickleValue::Str(name), PickleValue::Array(Tensor::Of<float>({1}, {1})));
    };
    const PickleValue value = PickleValue::Dict({part("w@@.0"), part("w@@.1"),
        {PickleValue::Str("UnpackBigParamInfor@@"), PickleValue::Dict({{PickleValue::Str("w"), PickleValue::Dict(std::move(facts))}})}});
    return ErrorOf([&] { MergeSlices(value, "x"); });
  };
  const auto shape = [](std::vector<PickleValue> extents) {
    return PickleValue::Item(PickleValue::Str("OriginShape"), PickleValue::Tuple(std::move(extents)));
  };
  const auto parts = [](const std::vector<std::string>& names) {
    std::vector<PickleValue> items;
    for (const std::string& name : names) items.push_back(PickleValue::Str(name));
    return PickleValue::Item(PickleValue::Str("slices"), PickleValue::List(std::move(items)));
  };
  const PickleValue two = PickleValue::Int(2);
  EXPECT_EQ(error_of({shape({two}), parts({"w@@.0", "w@@.1"})}), "");
  for (const auto& facts : {std::vector<PickleValue::Item>{parts({"w@@.0"})}, {shape({two})}, {shape({two}), parts({})},
                            {shape(std::vector<PickleValue>(10, PickleValue::Int(1))), parts({"w@@.0"})},
                            {{PickleValue::Str("OriginShape"), two}, parts({"w@@.0"})}, {shape({two}), {PickleValue::Str("slices"), two}}}) {
    EXPECT_THAT(error_of(facts), HasSubstr("the shape or the list of parts is not there"));
  }
  EXPECT_THAT(error_of({shape({two}), parts({"w@@.0", "w@@.0"})}), HasSubstr("the part 'w@@.0' is used twice"));
  EXPECT_THAT(error_of({shape({PickleValue::Int(-2)}), parts({"w@@.0", "w@@.1"})}), HasSubstr("the parts have 2 elements"));
  const PickleValue large = PickleValue::Int(int64_t{1} << 33);
  EXPECT_THAT(error_of({shape({large, large}), parts({"w@@.0", "w@@.1"})}), HasSubstr("the parts have 2 elements"));
}

TEST(PickleErrorTest, ATensorWithoutAValueIsNoArray) {
  EXPECT_THAT(ErrorOf([] { PickleValue::Array(Tensor()); }), HasSubstr("a tensor without memory has no array"));
  EXPECT_THAT(ErrorOf([] { NumpyType(DType::kUndefined); }), HasSubstr("a tensor without a dtype has no numpy type"));
}

TEST(PickleErrorTest, ArraysMayNotGrowByUsingTheSameBytesAgain) {
  // A thousand bytes, remembered once and made into an array again and again: 100 kB from 10 kB.
  const std::string array = Raw("cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tU\1btR(K\1(M\xE8\3t");
  const std::string dtype = Raw("cnumpy\ndtype\n(U\2i1K\0K\1tR(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbq\2");
  const std::string first = array + dtype + "\x89T" + Raw("\xE8\3\0\0") + std::string(1000, 'x') + "q\1tb";
  const auto pickle = [&](int more) {
    std::string arrays = "(" + first;
    for (int i = 0; i < more; ++i) arrays += array + "h\2\x89h\1tb";
    return Proto2(arrays + "t");
  };
  EXPECT_EQ(ErrorOfPickle(pickle(2)), "");
  EXPECT_THAT(ErrorOfPickle(pickle(100)), HasSubstr("arrays share bytes so often"));
}

TEST(PickleErrorTest, WhatNoPickleHoldsCannotBeMade) {
  EXPECT_THAT(ErrorOf([] { PickleValue::Scalar(Tensor::Of<float>({2}, {1, 2})); }), HasSubstr("a numpy scalar has one element, the tensor has 2"));
  EXPECT_THAT(ErrorOf([] { PickleValue::Int(1).AsText(); }), HasSubstr("the pickled value is a int"));
  EXPECT_THAT(ErrorOf([] { PickleValue::StaticTensor(PickleValue::Int(1)); }), HasSubstr("an array is wanted"));
  PickleValue deep;
  for (int i = 0; i < 255; ++i) deep = PickleValue::List({deep});
  EXPECT_EQ(ErrorOf([&] { SerializePickle(deep); }), "");
  EXPECT_THAT(ErrorOf([&] { SerializePickle(PickleValue::List({deep})); }), HasSubstr("objects nested more than 256 deep cannot be pickled"));
}

TEST(PickleErrorTest, SlicesAreOfOneTypeAndTheirKeysAreText) {
  const auto merged = [](PickleValue key, Tensor second) {
    const PickleValue facts = PickleValue::Dict({{PickleValue::Str("OriginShape"), PickleValue::Tuple({PickleValue::Int(2)})},
                                                 {PickleValue::Str("slices"), PickleValue::List({PickleValue::Str("a"), PickleValue::Str("b")})}});
    MergeSlices(PickleValue::Dict({{PickleValue::Str("a"), PickleValue::Array(Tensor::Of<float>({1}, {1}))},
                                   {PickleValue::Str("b"), PickleValue::Array(std::move(second))},
                                   {PickleValue::Str("UnpackBigParamInfor@@"), PickleValue::Dict({{std::move(key), facts}})}}), "x");
  };
  const Tensor alike = Tensor::Of<float>({1}, {1});
  EXPECT_EQ(ErrorOf([&] { merged(PickleValue::Str("w"), alike); }), "");
  EXPECT_THAT(ErrorOf([&] { merged(PickleValue::Str("w"), Tensor::Of<double>({1}, {1})); }), HasSubstr("parts of several types"));
  EXPECT_THAT(ErrorOf([&] { merged(PickleValue::Int(7), alike); }), HasSubstr("a key that is no text"));
}

TEST(PickleErrorTest, OpcodesMustFindWhatTheyWorkOn) {
  const std::pair<std::string, const char*> cases[] = {
      {"K\1Na", "items for a list are added to a int"},
      {"K\1(NNe", "items for a list are added to a int"},
      {")Na", "items for a list are added to a tuple"},
      {"cnumpy\nndarray\nNa", "items for a list are added to"},
      {"K\1K\1Ns", "entries are set in a int"},
      {"](K\1Nu", "entries are set in a list"},
      {"\x8b\xff\xff\xff\xff", "an int of -1 bytes"},
      {"\x95" + Number64(100) + "N", "a frame of 100 bytes, 2 are left"},
      {"K\1K\2\x93", "something else where text is wanted"},  // STACK_GLOBAL
  };
  for (const auto& [opcodes, said] : cases) EXPECT_THAT(ErrorOfPickle(Proto2(opcodes)), HasSubstr(said)) << opcodes;
  EXPECT_THAT(ErrorOfPickle("\x80\x02" "cnumpy"), HasSubstr("the line does not end"));
  EXPECT_THAT(ErrorOfPickle("\x80\x02" "cnumpy\ndtype"), HasSubstr("the line does not end"));
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
