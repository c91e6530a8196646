// Programs of Paddle 3 in JSON: read, refused, written again.
#include <gtest/gtest.h>

#include <chrono>

#include "executor/executor.h"
#include "io/inference_model.h"
#include "io/state_dict.h"
#include "tests/io/pir_support.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string StaticFc() { return ReadText(Golden("pir_json_v3/static_fc.json")); }

// static_fc.json with `from`, which it has, replaced by `to` in the first place.
std::string With(const std::string& from, const std::string& to) {
  std::string text = StaticFc();
  const size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

class GoldenPirTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Files, GoldenPirTest,
                         ::testing::Values("pir_json_v3/model.json", "pir_json_v3/static_fc.json", "pir_json_v3/train.json",
                                           "pir_json_v3/program.json", "pir_control_flow_v3/model.json"));

TEST_P(GoldenPirTest, TheDocumentIsWrittenAgainByteForByte) {
  const std::string text = ReadText(Golden(GetParam()));
  PirModule module = ParsePir(AsBytes(text), GetParam());
  EXPECT_EQ(WritePir(module), text);
}

TEST_P(GoldenPirTest, TheProgramIsWrittenAgainByteForByte) {
  const std::string text = ReadText(Golden(GetParam()));
  EXPECT_EQ(SerializeProgramJson(*Read(text)), text);
}

TEST_P(GoldenPirTest, AProgramThatWentThroughAProgramDescMeansTheSame) {
  const std::string text = ReadText(Golden(GetParam()));
  const auto program = Read(text);
  const auto again = ParseProgram(AsBytes(SerializeProgram(*program)), "again");
  EXPECT_EQ(again->ListVars().size(), program->ListVars().size());
  for (int i = 0; i < program->num_blocks(); ++i) {
    ASSERT_EQ(again->block(i).ops().size(), program->block(i).ops().size());
    for (size_t k = 0; k < again->block(i).ops().size(); ++k) {
      EXPECT_EQ(again->block(i).ops()[k]->type, program->block(i).ops()[k]->type);
    }
  }
}

TEST(PirTest, TheReadableFormIsIndentedByFour) {
  EXPECT_EQ(SerializeProgramJson(*Read(StaticFc()), /*readable=*/true), ReadText(Golden("pir_json_v3/static_fc_readable.json")));
}

TEST(PirTest, AModelSavedForPaddle3IsLoadedAgain) {
  TemporaryFolder folder;
  const InferenceModel model = LoadInferenceModel(Golden("seed_lenet_hapi/inference_model"));
  Scope scope;
  model.SetParameters(&scope);
  SaveInferenceModel(folder / "lenet", model.feed_names, model.fetch_names, *model.program, scope, {.format = ProgramFormat::kJson});
  EXPECT_FALSE(IsFile(folder / "lenet.pdmodel"));
  for (const char* path : {"lenet", "lenet.json"}) {
    const InferenceModel again = LoadInferenceModel(folder / path);
    EXPECT_EQ(again.feed_names, model.feed_names);
    EXPECT_EQ(again.parameters.Names(), model.parameters.Names());
  }
}

TEST(PirTest, ATrainingStateIsSavedWithItsProgram) {
  TemporaryFolder folder;
  const auto program = Read(ReadText(Golden("pir_json_v3/train.json")));
  Scope scope;
  LoadProgramState(*program, scope, Golden("pir_json_v3/train"), {.strict = false});
  SaveProgramState(*program, scope, folder / "train", {.format = ProgramFormat::kJson});
  EXPECT_EQ(ReadText(folder / "train.json"), ReadText(Golden("pir_json_v3/train.json")));
}

// ---- a loop by hand

// while (i < n) { (a, b) = (b, a); i = i + i; }
std::string Swapping() {
  Json loop = Operation("1.while", Json::array(), {5, 3, 1, 2}, {Result(6, "0.t_f32", {1}), Result(7, "0.t_f32", {1}), Result(8, "0.t_f32", {1})});
  Json args = Json::array();
  for (int id : {-1, -2, -3}) args.push_back({{"#", id}, {"TT", TensorType("0.t_f32", {1})}});
  Json body = Json::array({Operation("1.add", Json::array(), {-1, -1}, {Result(9, "0.t_f32", {1})}),
                           Operation("1.less_than", Json::array(), {9, 4}, {Result(10, "0.t_bool", {1})}),
                           Operation("2.yield", Json::array(), {10, 9, -3, -2}, Json::array())});
  loop["regions"] = {{{"#", "r"}, {"blocks", {{{"#", "b"}, {"args", args}, {"ops", body}}}}}};
  return Whole({Data("a", 1, "0.t_f32", "float32"), Data("b", 2, "0.t_f32", "float32"), Data("i", 3, "0.t_f32", "float32"),
                Data("n", 4, "0.t_f32", "float32"), Operation("1.less_than", Json::array(), {3, 4}, {Result(5, "0.t_bool", {1})}), loop,
                Fetch(7, 11, 0), Fetch(8, 12, 1)});
}

TEST(PirTest, ALoopMaySwapItsVariables) {
  const auto program = Read(Swapping());
  const auto again = Read(SerializeProgramJson(*program));
  for (const Program* one : {program.get(), again.get()}) {
    for (const auto& [n, first] : {std::pair{8.0f, 2.0f}, {5.0f, 2.0f}, {3.0f, 1.0f}, {1.0f, 1.0f}}) {  // 3, 3, 2 and 0 turns
      Scope scope;
      Executor executor(CPUPlace{});
      const auto feed = [](float v) { return skiff::Tensor::Of<float>({1}, {v}); };
      const auto out = executor.Run(*one, {{"a", feed(1)}, {"b", feed(2)}, {"i", feed(1)}, {"n", feed(n)}}, {"f0", "f1"}, &scope);
      EXPECT_EQ(out[0].Values<float>()[0], first) << n;
      EXPECT_EQ(out[1].Values<float>()[0], 3.0f - first) << n;
    }
  }
}

// ---- what is refused

TEST(PirErrorTest, AFileCutAnywhereIsAnErrorThatNamesTheByte) {
  const std::string text = StaticFc();
  for (size_t length = 1; length < text.size(); ++length) {
    EXPECT_THAT(Refusal(text.substr(0, length)), HasSubstr("no JSON at byte")) << length;
  }
}

TEST(PirErrorTest, AnotherMagicOrTheVersion0IsNoProgram) {
  EXPECT_THAT(Refusal(With("\"pir\"", "\"ptr\"")), AllOf(HasSubstr("magic is \"ptr\""), HasSubstr("base_code")));
  EXPECT_THAT(Refusal(With("\"version\":4", "\"version\":0")), HasSubstr("version is 0; the first one is 1"));
  EXPECT_EQ(Refusal(With("\"version\":4", "\"version\":5")), "");
  EXPECT_THAT(Refusal("{}"), HasSubstr("there is no \"base_code\""));
}

TEST(PirErrorTest, NestingIsBounded) {
  EXPECT_THAT(Refusal("{\"a\":" + std::string(100000, '[')), HasSubstr("more than 400 arrays and objects in each other"));
  Json inner = Operation("1.if", Json::array(), {1}, Json::array());
  for (int depth = 0; depth < 40; ++depth) {
    Json outer = Operation("1.if", Json::array(), {1}, Json::array());
    outer["regions"] = {{{"#", "r"}, {"blocks", {{{"#", "b"}, {"args", Json::array()}, {"ops", {inner}}}}}}};
    inner = outer;
  }
  EXPECT_THAT(Refusal(Whole({Data("c", 1, "0.t_bool", "bool"), inner})), HasSubstr("more than 32 regions in each other"));
}

TEST(PirErrorTest, ManyValuesTakeNoLongerThanTheirNumber) {
  std::string text = "{\"base_code\":[";
  for (int i = 0; i < 500'000; ++i) text += "{},";  // 1.2e11 steps where each looked at those before it
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(Refusal(text + "{}]}"), HasSubstr("an object is wanted, there is array"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(PirErrorTest, OperandsMustBeDefinedBefore) {
  EXPECT_THAT(Refusal(With("\"I\":[{\"%\":5},{\"%\":4}]", "\"I\":[{\"%\":5},{\"%\":99}]")),
              AllOf(HasSubstr("operand 99 is defined nowhere before"), HasSubstr("ops[5].pd_op.matmul")));
  EXPECT_THAT(Refusal(With("\"O\":[{\"%\":6,", "\"O\":[{\"%\":5,")), HasSubstr("value 5 is defined twice"));
}

TEST(PirErrorTest, NamesAndKeysMayStandOnce) {
  EXPECT_THAT(Refusal(With("fc_1.b_0", "fc_0.w_0")), HasSubstr("the name \"fc_0.w_0\" is given twice"));
  EXPECT_THAT(Refusal(With("{\"base_code\"", "{\"program\":1,\"base_code\"")), HasSubstr("the key \"program\" twice"));
}

TEST(PirErrorTest, NumbersOutOfRangeAreNamed) {
  EXPECT_THAT(Refusal(With("[4,1]", "[4,99999999999999999999]")), HasSubstr("is no integer of 64 bits"));
  EXPECT_THAT(Refusal(With("[4,1]", "[4294967296,4294967296]")), HasSubstr("more elements than 63 bits can count"));
  EXPECT_THAT(Refusal(With("{\"%\":5}", "{\"%\":5.5}")), HasSubstr("an integer of 64 bits is wanted, there is 5.5"));
  EXPECT_THAT(Refusal(With("\"0.a_i32\",\"D\":0", "\"0.a_i32\",\"D\":4294967296")), HasSubstr("an integer of 32 bits is wanted"));
}

TEST(PirErrorTest, ATypeWithoutCounterpartIsNamedWithItsPlace) {
  for (const char* type : {"0.t_f8e4m3fn", "0.t_ui32"}) {
    EXPECT_THAT(Refusal(With("\"0.t_f32\"", StrCat("\"", type, "\""))),
                AllOf(HasSubstr(type), HasSubstr("ops[0] (builtin.parameter)"), HasSubstr("in \"model.json\"")));
  }
  EXPECT_THAT(Refusal(With("\"0.t_dtensor\"", "\"1.t_sparse_coo_tensor\"")), AllOf(HasSubstr("1.t_sparse_coo_tensor"), HasSubstr("model.json")));
  EXPECT_THAT(Refusal(With("\"args\":[]", "\"args\":[],\"kwargs\":[1]")), HasSubstr("arguments by keyword"));
}

TEST(PirErrorTest, OfOperationsWithRegionsThoseThatAreKnownAreNamed) {
  EXPECT_THAT(Refusal(With("\"#\":\"1.relu\"", R"("#":"1.relu","regions":[{"#":"r","blocks":[{"#":"b","args":[],"ops":[]}]}])")),
              AllOf(HasSubstr("(pd_op.relu) has regions"), HasSubstr("pd_op.pylayer are supported")));
}

TEST(PirErrorTest, TextsAreWantedWhereKindsStand) {
  EXPECT_THAT(Refusal(With("{\"#\":\"0.t_f32\"}", "{\"#\":7}")), HasSubstr("elements of the type"));
  EXPECT_THAT(Refusal(With("{\"#\":\"0.a_bool\",\"D\":false}", "{\"#\":[],\"D\":false}")), HasSubstr("a string is wanted"));
  EXPECT_THAT(Refusal(With("{\"#\":\"0.a_str\",\"D\":\"x\"}", "{\"#\":\"0.a_str\",\"D\":{}}")), HasSubstr("a name that is no text"));
}

TEST(PirErrorTest, WhatAReaderKeptIsCheckedBeforeItIsWritten) {
  for (const Attribute& kept : {Attribute(std::vector<std::string>{"{"}), Attribute(std::vector<float>{1}), Attribute(7)}) {
    Program program;
    Block& block = program.global_block();
    block.AddVar({.name = "x", .dtype = DType::kFloat32, .shape = {2}});
    block.AddOp({"fill_constant", {}, {{"Out", {"x"}}}, {{"shape", std::vector<int64_t>{2}}, {"pir.place", kept}}});
    EXPECT_THAT(ErrorOf([&] { SerializeProgramJson(program); }), HasSubstr("pir.place"));
  }
  Program raw;
  raw.global_block().AddOp({"pd_op.new", {{"I0", {}}}, {{"O0", {}}}, {}});
  EXPECT_THAT(SerializeProgramJson(raw), HasSubstr("1.new"));
}

TEST(PirErrorTest, ANameThatJsonCannotHoldIsRefused) {
  Program program;
  Block& block = program.global_block();
  block.AddVar({.name = "\xff", .dtype = DType::kFloat32, .shape = {2}, .persistable = true, .is_parameter = true});
  EXPECT_THAT(ErrorOf([&] { SerializeProgramJson(program); }), HasSubstr("cannot be written as JSON"));
}

TEST(PirErrorTest, AListMayNotBeUsedWithoutMeasure) {
  std::vector<int64_t> many(6000, 1);
  Json operations = Json::array({Data("x", 1, "0.t_f32", "float32")});
  Json types = Json::array();
  for (size_t i = 0; i < many.size(); ++i) types.push_back(TensorType("0.t_f32", {1}));
  operations.push_back(Operation("0.combine", Json::array(), many, {{{"%", 2}, {"TT", {{"#", "0.t_vec"}, {"D", types}}}}}));
  for (int i = 0; i < 4000; ++i) operations.push_back(Operation("1.add_n", Json::array(), {2}, {Result(3 + i, "0.t_f32", {1})}));
  EXPECT_THAT(Refusal(Whole(operations)), HasSubstr("lists and constants are used too often"));
}

TEST(PirErrorTest, AllOperatorsWithoutCounterpartAreListedWithTheirPlaces) {
  Program program;
  Block& block = program.global_block();
  block.AddOp({"iou_similarity", {}, {}, {}});
  block.AddOp({"relu", {}, {}, {}});
  block.AddOp({"no_such_operator", {}, {}, {}});
  EXPECT_THAT(ErrorOf([&] { SerializeProgramJson(program); }),
              AllOf(HasSubstr("Unimplemented"), HasSubstr("iou_similarity (block 0 op 0), no_such_operator (block 0 op 2)")));
}

TEST(PirErrorTest, AValueReadBeforeItIsWrittenIsNamed) {
  Program program;
  Block& block = program.global_block();
  for (const char* name : {"x", "y"}) block.AddVar({.name = name, .dtype = DType::kFloat32, .shape = {2}});
  block.AddOp({"relu", {{"X", {"x"}}}, {{"Out", {"y"}}}, {}});
  EXPECT_THAT(ErrorOf([&] { SerializeProgramJson(program); }),
              AllOf(HasSubstr("variable \"x\" is read before anything writes it"), HasSubstr("block 0 op 0 (relu)")));
}

}  // namespace
}  // namespace skiff::io
