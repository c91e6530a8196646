#include "io/inference_model.h"

#include <unistd.h>

#include <complex>

#include "io/atomic_file.h"
#include "io/find_program.h"
#include "io/pickle.h"
#include "io/program_file.h"
#include "io/variable_files.h"
#include "tests/io/support.h"
#include "tests/support/child.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::unique_ptr<Program> GoldenProgram(const std::string& name) {
  return LoadProgram(Golden(name));
}

// Source lines are the only text that differs from what Paddle's own saving wrote.
std::string WithoutCallstacks(Program* program) {
  for (int i = 0; i < program->num_blocks(); ++i) {
    for (const auto& op : program->block(i).ops()) op->attrs.Erase("op_callstack");
  }
  program->op_version_map.reset();
  return SerializeProgram(*program);
}

// x [-1, 3] -> mul by w -> relu; and a branch nobody fetches.
std::unique_ptr<Program> SmallProgram() {
  auto program = std::make_unique<Program>();
  Block& block = program->global_block();
  auto add = [&](const std::string& name, const Shape& shape) -> Variable& {
    return *block.AddVar({name, VarKind::kLodTensor, DType::kFloat32, shape});
  };
  Variable& x = add("x", {-1, 3});
  x.need_check_feed = x.stop_gradient = true;
  Variable& w = add("w", {3, 2});
  w.persistable = w.is_parameter = true;
  Variable& unused = add("unused_w", {2});
  unused.persistable = unused.is_parameter = true;
  add("y", {-1, 2});
  add("out", {-1, 2});
  add("other", {-1, 2});
  block.AddOp({"mul", {{"X", {"x"}}, {"Y", {"w"}}}, {{"Out", {"y"}}}, {{"x_num_col_dims", 1}}});
  block.AddOp({"relu", {{"X", {"y"}}}, {{"Out", {"out"}}}, {}});
  block.AddOp({"elementwise_add", {{"X", {"y"}}, {"Y", {"unused_w"}}}, {{"Out", {"other"}}}, {}});
  block.AddOp({"dropout", {{"X", {"y"}}}, {{"Out", {"other"}}}, {{"is_test", false}}});
  return program;
}

TEST(NormalizeTest, GivesThePaddleProgramOfALoopAndABranch) {
  const auto main = GoldenProgram("static_control_flow/main.pdmodel");
  std::vector<std::string> fetches;
  const auto paddle = GoldenProgram("static_control_flow/model.pdmodel");
  for (const auto& op : paddle->global_block().ops()) {
    if (op->type == "scale" && op->outputs.One("Out").starts_with("save_infer_model")) {
      fetches.push_back(op->inputs.One("X"));
    }
  }
  ASSERT_THAT(fetches, SizeIs(2));
  const auto ours = InferenceProgram(*main, {"x", "n"}, fetches);
  EXPECT_EQ(WithoutCallstacks(ours.get()), WithoutCallstacks(paddle.get()));
}

TEST(NormalizeTest, GivesThePaddleProgramWithEveryAttributeWhenNothingIsClipped) {
  const auto paddle = GoldenProgram("seed_matmul_add/serialize_program.bin");
  const auto ours = NormalizeProgram(*paddle, {"img"}, {"save_infer_model/scale_0.tmp_2"});
  EXPECT_EQ(WithoutCallstacks(ours.get()), WithoutCallstacks(paddle.get()));
}

TEST(NormalizeTest, ClipsWhatPaddleClips) {
  const auto whole = GoldenProgram("seed_matmul_add/clip_extra_false.pdmodel");
  const auto clipped = GoldenProgram("seed_matmul_add/infer_model.pdmodel");
  const auto ours = InferenceProgram(*whole, {"img"}, {"elementwise_add_0"});
  EXPECT_EQ(WithoutCallstacks(ours.get()), WithoutCallstacks(clipped.get()));
}

TEST(NormalizeTest, SpellsTheLegacyFormatAsPaddle) {
  const auto whole = GoldenProgram("seed_matmul_add/clip_extra_false.pdmodel");
  const auto paddle = GoldenProgram("seed_matmul_add/legacy_format.pdmodel");
  const auto ours = InferenceProgram(*whole, {"img"}, {"elementwise_add_0"}, {.legacy_format = true});
  EXPECT_EQ(ours->version, paddle->version);
  std::erase_if(*paddle->op_version_map, [](const auto& pair) { return pair.first == "for_pybind_test__"; });  // no operator
  EXPECT_THAT(*ours->op_version_map, ::testing::UnorderedElementsAreArray(*paddle->op_version_map));
  std::string wanted = WithoutCallstacks(paddle.get());  // Paddle had saved the program once before, hence its number
  for (size_t at; (at = wanted.find("scale_0.tmp_1")) != wanted.npos;) wanted.replace(at, 13, "scale_0.tmp_0");
  EXPECT_EQ(WithoutCallstacks(ours.get()), wanted);
}

TEST(NormalizeErrorTest, NamesAnAttributeThatTheLegacyFormatCannotSpell) {
  auto program = SmallProgram();
  program->global_block().ops()[1]->attrs.Set("alpha", Scalar(2.0));
  EXPECT_THAT(ErrorOf([&] { MakeLegacy(program.get()); }), AllOf(HasSubstr("alpha of relu"), HasSubstr("without legacy_format")));
}

TEST(NormalizeTest, LeavesTheCallersProgramAsItIs) {
  const auto program = SmallProgram();
  const std::string before = SerializeProgram(*program);
  const uint64_t revision = program->revision();
  NormalizeProgram(*program, {"x"}, {"out"});
  EXPECT_EQ(SerializeProgram(*program), before);
  EXPECT_EQ(program->revision(), revision);
}

TEST(NormalizeTest, KeepsOnlyWhatTheFetchesNeed) {
  const auto made = NormalizeProgram(*SmallProgram(), {"x"}, {"out"});
  std::vector<std::string> types;
  for (const auto& op : made->global_block().ops()) types.push_back(op->type);
  EXPECT_THAT(types, ElementsAre("feed", "mul", "relu", "scale", "fetch"));
  EXPECT_EQ(made->global_block().FindLocalVar("unused_w"), nullptr);
  EXPECT_THAT(FeedNames(*made), ElementsAre("x"));
  EXPECT_THAT(FetchNames(*made), ElementsAre("save_infer_model/scale_0.tmp_0"));
}

TEST(NormalizeTest, DoesNotPileUpScalesWhenAModelIsSavedAgain) {
  const auto once = NormalizeProgram(*SmallProgram(), {"x"}, {"out"});
  const auto twice = NormalizeProgram(*once, {"x"}, FetchNames(*once));
  EXPECT_EQ(SerializeProgram(*twice), SerializeProgram(*once));
}

TEST(NormalizeTest, FetchesOfBoolGetNoScale) {
  const auto program = SmallProgram();
  program->global_block().AddVar({"flag", VarKind::kLodTensor, DType::kBool, {1}});
  program->global_block().AddOp({"is_empty", {{"X", {"out"}}}, {{"Out", {"flag"}}}, {}});
  EXPECT_THAT(FetchNames(*NormalizeProgram(*program, {"x"}, {"flag"})), ElementsAre("flag"));
}

TEST(NormalizeTest, FetchesWhatIsFedAndParameters) {
  const auto made = NormalizeProgram(*SmallProgram(), {"x"}, {"x", "w"});
  EXPECT_THAT(FetchNames(*made), SizeIs(2));
  EXPECT_THAT(made->global_block().ops(), SizeIs(5));  // feed, two scales, two fetches
}

TEST(NormalizeTest, WhatAReaderOperatorGaveIsFedFromThereOn) {
  // formats.md, section 2: everything up to and including a read operator goes, and so do READER variables.
  Program program;
  Block& block = program.global_block();
  block.AddVar({.name = "reader", .kind = VarKind::kReader});
  for (const char* name : {"count", "x", "y"}) block.AddVar({.name = name, .dtype = DType::kFloat32, .shape = {2}});
  block.AddOp({"fill_constant", {}, {{"Out", {"count"}}}, {{"value", 1.0f}}});
  block.AddOp({"read", {{"Reader", {"reader"}}, {"Count", {"count"}}}, {{"Out", {"x"}}}, {}});
  block.AddOp({"relu", {{"X", {"x"}}}, {{"Out", {"y"}}}, {}});
  const auto made = NormalizeProgram(program, {}, {"y"});
  std::vector<std::string> types;
  for (const auto& op : made->global_block().ops()) types.push_back(op->type);
  EXPECT_THAT(types, ElementsAre("relu", "scale", "fetch"));
  EXPECT_EQ(made->global_block().FindLocalVar("reader"), nullptr);
}

TEST(NormalizeTest, AVariableThatIsOnlyCalledLikeAScaleIsFetchedItself) {
  const auto program = SmallProgram();
  program->global_block().AddVar({"save_infer_model/scale_7", VarKind::kLodTensor, DType::kFloat32, {-1, 2}});
  program->global_block().AddOp({"scale", {{"X", {"y"}}}, {{"Out", {"other"}}}, {{"scale", 2.0f}}});
  program->global_block().AddOp({"relu", {{"X", {"y"}}}, {{"Out", {"save_infer_model/scale_7"}}}, {}});
  for (const bool scale_fetches : {false, true}) {
    const auto made = NormalizeProgram(*program, {"x"}, {"save_infer_model/scale_7"}, scale_fetches);
    EXPECT_THAT(FetchNames(*made), ElementsAre("save_infer_model/scale_7"));
  }
}

TEST(NormalizeErrorTest, NamesAFeedThatIsNotNeeded) {
  const auto program = SmallProgram();
  program->global_block().AddVar({"label", VarKind::kLodTensor, DType::kInt64, {-1, 1}});
  EXPECT_THAT(ErrorOf([&] { NormalizeProgram(*program, {"x", "label"}, {"out"}); }),
              AllOf(HasSubstr("feed \"label\" is not needed"), HasSubstr("mul, relu")));
}

TEST(NormalizeErrorTest, SuggestsNamesForAnUnknownFetch) {
  EXPECT_THAT(ErrorOf([] { NormalizeProgram(*SmallProgram(), {"x"}, {"outt"}); }),
              HasSubstr("did you mean \"out\""));
}

TEST(InferenceModelErrorTest, AFolderThatMayNotBeLookedIntoIsNotAnEmptyOne) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder / "closed");
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  std::filesystem::permissions(folder / "closed", std::filesystem::perms::none);
  const std::string said = testing::InChild([&]() -> std::string {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return "Permission denied";  // root may look anywhere
    return ErrorOf([&] { LoadInferenceModel(folder / "closed/model"); });
  });
  EXPECT_THAT(said, HasSubstr("Permission denied"));
}

struct GoldenModel {
  const char* path;
  const char* model_filename;
  const char* params_filename;
  std::vector<std::string> feeds;
  size_t parameters;
};

TEST(InferenceModelTest, LoadsEveryModelOfPaddle) {
  const GoldenModel models[] = {
      {"seed_matmul_add/infer_model", "", "", {"img"}, 2},
      {"seed_lenet_hapi/inference_model", "", "", {"image"}, 10},
      {"jit_conv_bn_relu/model", "", "", {"x"}, 13},
      {"jit_embed_lstm/model", "", "", {"ids"}, 7},
      {"jit_multi_function/model", "", "", {"x"}, 4},
      {"jit_multi_function/model.hidden", "", "", {"x"}, 2},
      {"jit_multi_function/noparam", "", "", {"x"}, 0},
      {"jit_multi_function/func", "", "", {"x"}, 0},
      {"static_control_flow/model", "", "", {"x", "n"}, 1},
      {"jit_control_flow/model", "", "", {"x"}, 2},
      {"lod_tensor/model", "", "", {"x"}, 2},
      {"pdmodel_from_v3/model", "", "", {"x"}, 8},
      {"legacy_separate/model", "", "", {"image"}, 8},
      {"legacy_separate/model", "__model__", "", {"image"}, 8},
      {"legacy_combined/model", "", "", {"image"}, 8},
      {"legacy_combined/model", "__model__", "__params__", {"image"}, 8},
  };
  for (const GoldenModel& golden : models) {
    SCOPED_TRACE(golden.path);
    const InferenceModel model =
        LoadInferenceModel(Golden(golden.path), {.model_filename = golden.model_filename,
                                                 .params_filename = golden.params_filename});
    EXPECT_EQ(model.feed_names, golden.feeds);
    EXPECT_EQ(model.parameters.size(), golden.parameters);
    EXPECT_FALSE(model.fetch_names.empty());
  }
}

TEST(InferenceModelTest, ReadsTheSameModelFromMemory) {
  const InferenceModel model = ParseInferenceModel(ReadText(Golden("jit_conv_bn_relu/model.pdmodel")),
                                                   ReadText(Golden("jit_conv_bn_relu/model.pdiparams")));
  const StateDict paddle = LoadStateDict(Golden("jit_conv_bn_relu/model.pdparams"));
  EXPECT_EQ(model.parameters.size(), 13u);
  for (const StateDict::Entry& entry : paddle) {
    const Tensor* ours = model.parameters.Find(entry.tensor_name);
    ASSERT_NE(ours, nullptr) << entry.tensor_name;
    EXPECT_EQ(std::memcmp(ours->raw_data(), entry.tensor.raw_data(), ours->bytes()), 0);
  }
}

TEST(InferenceModelTest, WritesTheParameterBytesOfPaddle) {
  for (const char* name : {"seed_lenet_hapi/inference_model", "jit_embed_lstm/model",
                           "seed_matmul_add/infer_model", "pdmodel_from_v3/model"}) {
    SCOPED_TRACE(name);
    const InferenceModel model = LoadInferenceModel(Golden(name));
    Scope scope;
    model.SetParameters(&scope);
    EXPECT_TRUE(SerializeParameters(*model.program, scope) == ReadText(Golden(std::string(name) + ".pdiparams")));
  }
}

TEST(InferenceModelTest, SavesBothFilesAndLoadsThemAgain) {
  TemporaryFolder folder;
  const auto program = SmallProgram();
  Scope scope;
  scope.SetTensor("w", Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  SaveInferenceModel(folder / "new/model", {"x"}, {"out"}, *program, scope);
  for (const std::string& path : {folder / "new/model", folder / "new/model.pdmodel"}) {
    const InferenceModel model = LoadInferenceModel(path, {.memory = TensorMemory::kShared});
    EXPECT_THAT(model.parameters.Names(), ElementsAre("w"));
    EXPECT_THAT(model.parameters.Find("w")->Values<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
  }
}

TEST(InferenceModelTest, OfTwoFormatsTheOneThatWasSavedLastIsRead) {
  const TemporaryFolder folder;
  const auto program = SmallProgram();
  Scope scope;
  scope.SetTensor("w", Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  SaveInferenceModel(folder / "m", {"x"}, {"out"}, *program, scope);
  SaveInferenceModel(folder / "m", {"x"}, {"y"}, *program, scope, {.format = ProgramFormat::kJson});
  EXPECT_THAT(LoadInferenceModel(folder / "m").fetch_names, ElementsAre("y"));
  EXPECT_THAT(LoadInferenceModel(folder / "m.pdmodel").fetch_names, ElementsAre("save_infer_model/scale_0.tmp_0"));
  SaveInferenceModel(folder / "m", {"x"}, {"out"}, *program, scope);
  EXPECT_THAT(LoadInferenceModel(folder / "m").fetch_names, ElementsAre("save_infer_model/scale_0.tmp_0"));
  EXPECT_THAT(LoadInferenceModel(folder / "m", {.verify_checksums = false}).fetch_names, ElementsAre("save_infer_model/scale_0.tmp_0"));
}

TEST(InferenceModelTest, OfTwoFormatsWithoutChecksumsThatOfPaddle3IsReadAndTheOtherNamed) {
  const TemporaryFolder folder;
  const auto program = SmallProgram();
  Scope scope;
  scope.SetTensor("w", Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  SaveInferenceModel(folder / "m", {"x"}, {"y"}, *program, scope, {.checksums = false, .format = ProgramFormat::kJson});
  SaveInferenceModel(folder / "m", {"x"}, {"out"}, *program, scope, {.checksums = false});
  EXPECT_THAT(LoadInferenceModel(folder / "m").fetch_names, ElementsAre("y"));
  EXPECT_THAT(LoadInferenceModel(folder / "m.json").fetch_names, ElementsAre("y"));
  EXPECT_THAT(LoadInferenceModel(folder / "m.pdmodel").fetch_names, ElementsAre("save_infer_model/scale_0.tmp_0"));
  const ProgramFile found = FindProgramFile(folder / "m");
  EXPECT_EQ(found.passed_over, folder / "m.pdmodel");
  EXPECT_THAT(ToldOfTwoPrograms(found), AllOf(HasSubstr("m.json\" is read"), HasSubstr("m.pdmodel\" is not")));
  EXPECT_EQ(ToldOfTwoPrograms(FindProgramFile(folder / "m.pdmodel")), "");
  WriteFile(folder / "m.json", R"({"epochs": 12})");  // of whoever trained it
  EXPECT_EQ(FindProgramFile(folder / "m").path, folder / "m.pdmodel");
}

// As Paddle 3's separate_parameters=True.
TEST(InferenceModelTest, AFolderWithAProgramInJsonHasOneFilePerVariable) {
  const TemporaryFolder folder;
  Scope scope;
  scope.SetTensor("w", Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  WriteFile(folder / "__model__.json", SerializeProgramJson(*InferenceProgram(*SmallProgram(), {"x"}, {"y"}, {.format = ProgramFormat::kJson})));
  SaveVariables(scope, folder.path(), "", {"w"});
  EXPECT_THAT(LoadInferenceModel(folder.path()).fetch_names, ElementsAre("y"));
  EXPECT_THAT(LoadInferenceModel(folder.path(), {.model_filename = "__model__"}).parameters.Find("w")->Values<float>(),
              ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(LoadModelState(folder.path()).Names(), ElementsAre("w"));
}

// A .info that leaves out a parameter keeps Paddle from loading the model.
TEST(InferenceModelTest, WhatJitSaveToldOfTheParametersStaysWhileItFits) {
  const TemporaryFolder folder;
  const std::string info = folder / "m.pdiparams.info";
  const auto save_over = [&](const std::string& old_info, const std::string& input) {
    WriteFile(info, old_info);
    Scope scope;
    scope.SetTensor("w", Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
    SaveInferenceModel(folder / "m", {input}, {"out"}, *SmallProgram(), scope);
  };
  const auto about = [](const char* name) {
    const auto entry = PickleValue::Dict({{PickleValue::Str("structured_name"), PickleValue::Str("0.weight")}});
    return SerializePickle(PickleValue::Dict({{PickleValue::Str(name), entry}}), {.protocol = 2});
  };
  save_over(about("w"), "x");
  EXPECT_EQ(ReadText(info), about("w"));
  EXPECT_THAT(LoadModelState(folder / "m").Names(), ElementsAre("0.weight"));
  for (const std::string& stale : {about("v"), SerializePickle(PickleValue::Int(1)), std::string("no pickle")}) {
    save_over(stale, "x");
    EXPECT_FALSE(IsFile(info));
  }
  save_over(about("w"), "y");  // no parameters
  EXPECT_FALSE(IsFile(info));
}

TEST(InferenceModelTest, WritesNoParametersWhereThereAreNone) {
  TemporaryFolder folder;
  const auto program = SmallProgram();
  Scope scope;
  scope.SetTensor("w", Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  SaveInferenceModel(folder / "model", {"x"}, {"out"}, *program, scope);
  EXPECT_TRUE(IsFile(folder / "model.pdiparams"));
  SaveInferenceModel(folder / "model", {"y"}, {"out"}, *program, scope);
  EXPECT_FALSE(IsFile(folder / "model.pdiparams"));
  EXPECT_THAT(LoadInferenceModel(folder / "model").feed_names, ElementsAre("y"));
}

TEST(InferenceModelErrorTest, AFailedSaveLeavesTheOldModel) {
  TemporaryFolder folder;
  Scope scope;
  scope.SetTensor("w", Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  SaveInferenceModel(folder / "model", {"x"}, {"out"}, *SmallProgram(), scope);
  const std::string before = ReadText(folder / "model.pdmodel");
  Scope empty;
  EXPECT_THAT(ErrorOf([&] { SaveInferenceModel(folder / "model", {"x"}, {"out"}, *SmallProgram(), empty); }),
              AllOf(HasSubstr("not initialised: \"w\""), HasSubstr("startup program")));
  EXPECT_EQ(ReadText(folder / "model.pdmodel"), before);
}

TEST(InferenceModelErrorTest, AParameterWithoutANameIsOneToo) {
  Program program;
  program.global_block().AddVar({"", VarKind::kLodTensor, DType::kFloat32, {2}})->persistable = true;
  EXPECT_THAT(ErrorOf([&] { SerializeParameters(program, Scope()); }), HasSubstr("not initialised: \"\""));
}

TEST(InferenceModelErrorTest, ParametersMustBeThoseOfTheProgram) {
  const std::string program = ReadText(Golden("jit_embed_lstm/model.pdmodel"));
  const std::string own = ReadText(Golden("jit_embed_lstm/model.pdiparams"));
  const std::string foreign = ReadText(Golden("jit_conv_bn_relu/model.pdiparams"));
  EXPECT_THAT(ErrorOf([&] { ParseInferenceModel(program, foreign); }),
              AllOf(HasSubstr("holds 13 tensors, the program wants 7"), HasSubstr("nothing was loaded")));
  EXPECT_THAT(ErrorOf([&] { ParseInferenceModel(program, own + "x"); }), HasSubstr("at byte 2432"));
  EXPECT_THAT(ErrorOf([&] { ParseInferenceModel(program, own.substr(0, own.size() - 1)); }),
              HasSubstr("tensor data"));
  EXPECT_THAT(ErrorOf([&] { ParseInferenceModel(program, ""); }), HasSubstr("holds 0 tensors"));
}

TEST(InferenceModelErrorTest, ListsEveryShapeAndDtypeThatDiffers) {
  const auto program = SmallProgram();
  Variable v{"v", VarKind::kLodTensor, DType::kInt64, {4}};
  v.persistable = true;
  program->global_block().AddVar(v);
  program->global_block().RemoveVar("unused_w");
  StringSink sink;
  WriteTensor(Tensor::Of<float>({4}, {1, 2, 3, 4}), &sink);
  WriteTensor(Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}), &sink);
  const auto file = MappedFile::FromMemory(sink.Take(), "foreign.pdiparams");
  EXPECT_THAT(ErrorOf([&] { ReadParameters(*program, file); }),
              AllOf(HasSubstr("v is float32 [4] in the file, int64 [4] in the program"),
                    HasSubstr("w is float32 [2, 3] in the file, float32 [3, 2] in the program")));
}

TEST(InferenceModelTest, AWeightThatIsOnlyDequantizedMayBeStoredInEightBits) {
  Program program;
  Block& block = program.global_block();
  for (const char* name : {"scale", "w"}) {
    Variable& v = *block.AddVar({name, VarKind::kLodTensor, DType::kFloat32, {2}});
    v.persistable = true;
  }
  block.AddVar({"out", VarKind::kLodTensor, DType::kFloat32, {2}});
  block.AddOp({"dequantize_linear", {{"X", {"w"}}, {"Scale", {"scale"}}}, {{"Y", {"out"}}}, {}});
  StringSink parameters;
  WriteTensor(Tensor::Of<float>({2}, {1, 1}), &parameters);
  WriteTensor(Tensor::Of<int8_t>({2}, {-127, 127}), &parameters);
  const std::string bytes = parameters.Take();
  const InferenceModel model = ParseInferenceModel(SerializeProgram(program), bytes);
  EXPECT_EQ(model.program->global_block().Var("w").dtype, DType::kInt8);
  block.AddOp({"relu", {{"X", {"w"}}}, {{"Out", {"out"}}}, {}});
  EXPECT_THAT(ErrorOf([&] { ParseInferenceModel(SerializeProgram(program), bytes); }),
              HasSubstr("w is int8 [2] in the file, float32 [2] in the program"));
}

TEST(InferenceModelErrorTest, AValueOfAnotherDtypeThanTheProgramSaysIsNotSaved) {
  TemporaryFolder folder;
  Scope scope;
  scope.SetTensor("w", Tensor::Of<double>({3, 2}, {1, 2, 3, 4, 5, 6}));
  EXPECT_THAT(ErrorOf([&] { SaveInferenceModel(folder / "m", {"x"}, {"out"}, *SmallProgram(), scope); }),
              AllOf(HasSubstr("of another dtype: \"w\" is float64, declared float32"), HasSubstr("run the startup program, or load them, first")));
  EXPECT_FALSE(IsFile(folder / "m.pdmodel"));
}

TEST(NormalizeErrorTest, SaysWhatIsWrongWithFeedsAndFetches) {
  EXPECT_THAT(ErrorOf([] { NormalizeProgram(*SmallProgram(), {"x"}, {}); }), HasSubstr("an inference program needs a variable to fetch"));
  EXPECT_THAT(ErrorOf([] { NormalizeProgram(*SmallProgram(), {"x", "x"}, {"out"}); }), HasSubstr("the feed \"x\" is named twice"));
}

TEST(NormalizeErrorTest, ComplexValuesHaveNoLegacySpelling) {
  const auto program = SmallProgram();
  program->global_block().AddOp({"assign_value", {}, {{"Out", {"other"}}}, {{"values", std::vector<Scalar>{Scalar(std::complex<double>(1, 2))}}}});
  EXPECT_THAT(ErrorOf([&] { MakeLegacy(program.get()); }), HasSubstr("assign_value has complex values, which Paddle 2.4 has no attribute for"));
}

TEST(InferenceModelErrorTest, APrefixIsNoFolderAndAFolderMustBeThere) {
  TemporaryFolder folder;
  Scope scope;
  for (const std::string& prefix : {std::string(), folder / "m/"}) {
    EXPECT_THAT(ErrorOf([&] { SaveInferenceModel(prefix, {"x"}, {"out"}, *SmallProgram(), scope); }),
                HasSubstr("should be folder/prefix, not a folder"));
  }
  EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "none", {.model_filename = "__model__"}); }),
              HasSubstr("there is no folder \"" + (folder / "none") + "\""));
}

TEST(InferenceModelErrorTest, BytesBehindAVariableInItsOwnFileAreRefused) {
  TemporaryFolder folder;
  std::filesystem::copy(Golden("legacy_separate/model"), folder / "m");
  const auto model = LoadInferenceModel(folder / "m");
  std::ofstream(folder / "m/conv1.w_0", std::ios::app | std::ios::binary) << "x";
  EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "m"); }),
              AllOf(HasSubstr("m/conv1.w_0"), HasSubstr("1 bytes follow where the file should end")));
}

TEST(InferenceModelErrorTest, SaysWhatIsMissing) {
  TemporaryFolder folder;
  EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "model"); }), HasSubstr("there is no"));
  WriteFile(folder / "v3.json", "{}");
  EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "v3"); }), HasSubstr("there is no \"base_code\""));
  WriteFile(folder / "model.pdmodel", ReadText(Golden("jit_embed_lstm/model.pdmodel")));
  EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "model"); }),
              HasSubstr("cannot open \"" + (folder / "model.pdiparams")));
}

TEST(InferenceModelErrorTest, NamesVariablesWithoutAFileOfTheirOwn) {
  TemporaryFolder folder;
  std::filesystem::copy(Golden("legacy_separate/model"), folder / "model");
  std::filesystem::remove(folder / "model/conv1.w_0");
  std::filesystem::remove(folder / "model/bn1.b_0");
  EXPECT_THAT(ErrorOf([&] { LoadInferenceModel(folder / "model"); }),
              AllOf(HasSubstr("no file of \"bn1.b_0\""), HasSubstr("no file of \"conv1.w_0\"")));
}

TEST(InferenceModelErrorTest, RefusesColumnsThatAreTakenTwice) {
  const auto program = NormalizeProgram(*SmallProgram(), {"x"}, {"out", "y"});
  for (const auto& op : program->global_block().ops()) {
    if (op->type == "fetch") op->attrs.Set("col", int32_t{0});
  }
  EXPECT_THAT(ErrorOf([&] { FetchNames(*program); }), HasSubstr("has the column 0"));
}

}  // namespace
}  // namespace skiff::io
