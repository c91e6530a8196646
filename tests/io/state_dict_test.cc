#include "io/state_dict.h"

#include "io/npy.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

void ExpectSameBytes(const Tensor& got, const Tensor& wanted) {
  EXPECT_EQ(got.shape(), wanted.shape());
  ASSERT_EQ(got.bytes(), wanted.bytes());
  EXPECT_EQ(std::memcmp(got.raw_data(), wanted.raw_data(), got.bytes()), 0);
}

std::unique_ptr<Program> TrainingProgram() {
  return LoadProgram(Golden("static_save_train/train.pdmodel"));
}

// ---- files of Paddle's

TEST(StateDictTest, ReadsTheNumbersOfPaddle) {
  const StateDict arrays = LoadNpz(Golden("seed_linear_adam/io.npz"));
  const StateDict parameters = LoadStateDict(Golden("seed_linear_adam/linear_net.pdparams"));
  const StateDict states = LoadStateDict(Golden("seed_linear_adam/adam.pdopt"));
  EXPECT_THAT(parameters.Names(), ElementsAre("_linear.weight", "_linear.bias"));
  EXPECT_EQ(parameters.begin()->tensor_name, "linear_0.w_0");
  EXPECT_THAT(states, SizeIs(8));
  for (const StateDict* state : {&parameters, &states}) {
    for (const StateDict::Entry& entry : *state) {
      SCOPED_TRACE(entry.name);
      const char* prefix = state == &parameters ? "param__" : "opt__";
      ExpectSameBytes(entry.tensor, *arrays.Find(prefix + entry.name));
    }
  }
}

TEST(StateDictTest, WritesTheBytesOfPaddle) {
  struct Case {
    const char* name;
    SaveStateOptions options;
  };
  const Case cases[] = {
      {"seed_linear_adam/linear_net.pdparams", {.name_table = true}},
      {"seed_linear_adam/adam.pdopt", {.name_table = true}},
      {"seed_static_fc/temp/model.pdparams", {}},
      {"static_save_train/train.pdparams", {}},
      {"static_save_train/train_p2.pdopt", {.protocol = 2}},
      {"dtypes_pdparams/all_protocol2.pdparams", {.protocol = 2, .name_table = true}},
      {"optimizers/adam_sched.pdopt", {.name_table = true}},
      {"optimizers/sgd.pdopt", {.name_table = true}},
      {"seed_lenet_hapi/checkpoint/momentum.pdopt", {.name_table = true}},
  };
  TemporaryFolder folder;
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    SaveStateDict(LoadStateDict(Golden(test.name)), folder / "state", test.options);
    EXPECT_TRUE(ReadText(folder / "state") == ReadText(Golden(test.name)));
  }
}

TEST(StateDictTest, KeepsWhatIsNoTensor) {
  const StateDict state = LoadStateDict(Golden("optimizers/adam_sched.pdopt"));
  ASSERT_THAT(state.objects, SizeIs(1));
  EXPECT_EQ(state.objects[0].first, "LR_Scheduler");
  EXPECT_EQ(state.objects[0].second.Find("last_epoch")->AsInt(), 1);
}

TEST(StateDictTest, FindsMasterWeightsUnderTheirNames) {
  const StateDict state = LoadStateDict(Golden("optimizers/adam_master.pdopt"));
  EXPECT_TRUE(state.Has("linear_4.w_0_fp32_master_0"));
  EXPECT_TRUE(state.Has("linear_4.w_0_fp32_master_0_moment1_0"));
}

TEST(StateDictTest, SlicesLargeTensorsOfOlderProtocols) {
  TemporaryFolder folder;
  StateDict state;
  state.Set("w", Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  SaveStateDict(state, folder / "x", {.protocol = 2, .max_slice_bytes = 16});
  EXPECT_THAT(ReadText(folder / "x"), HasSubstr("w@@.1"));
  ExpectSameBytes(*LoadStateDict(folder / "x").Find("w"), *state.Find("w"));
  SaveStateDict(state, folder / "x", {.protocol = 4, .max_slice_bytes = 16});
  EXPECT_THAT(ReadText(folder / "x"), Not(HasSubstr("w@@.")));
}

// ---- programs

TEST(StateDictTest, LoadsATrainingProgramSavedByPaddle) {
  const auto program = TrainingProgram();
  const StateDict arrays = LoadNpz(Golden("static_save_train/io.npz"));
  for (const char* prefix : {"static_save_train/train", "static_save_train/train.pdparams"}) {
    Scope scope;
    const LoadReport report = LoadProgramState(*program, scope, Golden(prefix));
    EXPECT_TRUE(report.fits());
    EXPECT_THAT(report.loaded, SizeIs(21));
    for (const std::string& name : report.loaded) {
      ExpectSameBytes(scope.GetTensor(name), *arrays.Find("state__" + name));
    }
  }
}

TEST(StateDictTest, SavesAndLoadsAProgramWithItsState) {
  const auto program = TrainingProgram();
  Scope scope;
  LoadProgramState(*program, scope, Golden("static_save_train/train"));
  TemporaryFolder folder;
  SaveProgramState(*program, scope, folder / "new/checkpoint");
  EXPECT_EQ(ReadText(folder / "new/checkpoint.pdmodel"), ReadText(Golden("static_save_train/train.pdmodel")));
  Scope again;
  LoadProgramState(*program, again, folder / "new/checkpoint");
  EXPECT_EQ(again.LocalNames(), scope.LocalNames());
  for (const std::string& name : scope.LocalNames()) {
    ExpectSameBytes(again.GetTensor(name), scope.GetTensor(name));
  }
}

TEST(StateDictTest, KnowsParametersFromOptimizerState) {
  const auto program = TrainingProgram();
  Scope scope;
  LoadProgramState(*program, scope, Golden("static_save_train/train"));
  auto sorted = [](std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    return names;
  };
  for (const char* mode : {"param", "opt", "all"}) {
    SCOPED_TRACE(mode);
    const StateDict paddle = LoadStateDict(Golden(std::string("static_save_train/state_") + mode + ".pd"));
    const StateDict ours = GetStateDict(*program, scope, ParseStateKind(mode));
    EXPECT_EQ(sorted(ours.Names()), sorted(paddle.Names()));
  }
  EXPECT_THAT(ErrorOf([] { ParseStateKind("params"); }), HasSubstr("\"param\", \"opt\" or \"all\""));
}

// w float32 [2], b float32 [-1], both parameters.
std::unique_ptr<Program> TwoParameters() {
  auto program = std::make_unique<Program>();
  for (const auto& [name, extent] : {std::pair{"w", 2}, {"b", -1}}) {
    Variable v{name, VarKind::kLodTensor, DType::kFloat32, {extent}};
    v.persistable = v.is_parameter = true;
    program->global_block().AddVar(v);
  }
  return program;
}

StateDict SmallState() {
  return {{"w", Tensor::Of<float>({2}, {1, 2})}, {"b", Tensor::Of<float>({3}, {3, 4, 5})}};
}

TEST(StateDictTest, SetsVariablesByNameOrTensorName) {
  const auto program = TwoParameters();
  Scope scope;
  StateDict state{{"fc.weight", Tensor::Of<float>({2}, {1, 2}), "w"},
                  {"b", Tensor::Of<float>({3}, {3, 4, 5})}};
  EXPECT_THAT(SetStateDict(*program, scope, state).loaded, ElementsAre("b", "w"));
  EXPECT_THAT(scope.GetTensor("w").Values<float>(), ElementsAre(1, 2));
}

TEST(StateDictTest, GivesEachVariableItsOwnMemory) {
  const auto program = TwoParameters();
  Scope scope;
  const StateDict state = SmallState();
  SetStateDict(*program, scope, state);
  scope.GetTensor("w").data<float>()[0] = 9;
  EXPECT_THAT(state.Find("w")->Values<float>(), ElementsAre(1, 2));
}

TEST(StateDictErrorTest, ListsEveryDifferenceAndChangesNothing) {
  const auto program = TwoParameters();
  Scope scope;
  SetStateDict(*program, scope, SmallState());
  const StateDict foreign{{"w", Tensor::Of<float>({3}, {7, 7, 7})}, {"c", Tensor::Of<float>({1}, {7})},
                          {"d", Tensor::Of<float>({1}, {7})}};
  EXPECT_THAT(ErrorOf([&] { SetStateDict(*program, scope, foreign); }),
              AllOf(HasSubstr("missing: b"), HasSubstr("unexpected: c, d"),
                    HasSubstr("w: float32 [3] in the state dict, float32 [2] wanted"),
                    HasSubstr("nothing was loaded")));
  EXPECT_THAT(scope.GetTensor("w").Values<float>(), ElementsAre(1, 2));
}

TEST(StateDictErrorTest, RefusesAnotherDtype) {
  const auto program = TwoParameters();
  Scope scope;
  StateDict state = SmallState();
  state.Set("w", Tensor::Of<double>({2}, {1, 2}));
  EXPECT_THAT(ErrorOf([&] { SetStateDict(*program, scope, state); }), HasSubstr("float64 [2]"));
}

TEST(StateDictTest, LoadsWhatFitsWhenNotStrict) {
  const auto program = TwoParameters();
  Scope scope;
  StateDict state = SmallState();
  state.Set("b", Tensor::Of<float>({1, 1}, {7}));
  state.Set("c", Tensor::Of<float>({1}, {7}));
  const LoadReport report = SetStateDict(*program, scope, state, {.strict = false});
  EXPECT_THAT(report.loaded, ElementsAre("w"));
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(report.unexpected, ElementsAre("c"));
  EXPECT_THAT(report.mismatched, SizeIs(1));
  EXPECT_THAT(report.ToString(), HasSubstr("1 loaded; unexpected: c; mismatched: b: "));
}

TEST(StateDictErrorTest, NamesVariablesWithoutAValue) {
  const auto program = TwoParameters();
  Scope scope;
  scope.Var("w");
  EXPECT_THAT(ErrorOf([&] { GetStateDict(*program, scope); }),
              AllOf(HasSubstr("2 variables"), HasSubstr("\"w\", \"b\""), HasSubstr("startup program")));
}

TEST(StateDictErrorTest, RefusesPathsThatAreNoPrefix) {
  const auto program = TwoParameters();
  Scope scope;
  EXPECT_THAT(ErrorOf([&] { SaveProgramState(*program, scope, "model/"); }), HasSubstr("folder/prefix"));
  EXPECT_THAT(ErrorOf([&] { LoadProgramState(*program, scope, "/nowhere/x"); }),
              HasSubstr("cannot open \"/nowhere/x.pdparams\""));
}

TEST(StateDictErrorTest, RefusesWhatIsNoStateDict) {
  EXPECT_THAT(ErrorOf([] { LoadStateDict(Golden("nested_pickles/list.p4.pkl")); }),
              HasSubstr("holds a list"));
}

TEST(StateDictTest, LoadsOneFilePerVariable) {
  auto program = std::make_unique<Program>();
  for (const char* name : {"block/a/w", "block/b"}) {
    Variable v{name, VarKind::kLodTensor, DType::kFloat32, {2, 2}};
    v.persistable = v.is_parameter = true;
    program->global_block().AddVar(v);
  }
  Scope scope;
  LoadProgramState(*program, scope, Golden("legacy_combined/nested_dir"));
  ExpectSameBytes(scope.GetTensor("block/b"), *LoadNpz(Golden("legacy_combined/io.npz")).Find("nested__block:b"));
}

TEST(StateDictTest, AnEntryThatIsErasedLeavesTheOthersInTheirOrder) {
  StateDict state = SmallState();
  state.Set("z", Tensor::Of<float>({1}, {9}));
  state.Erase("w");
  state.Erase("nobody");
  EXPECT_THAT(state.Names(), ElementsAre("b", "z"));
  EXPECT_FALSE(state.Has("w"));
  EXPECT_THAT(state.Find("b")->Values<float>(), ElementsAre(3, 4, 5));
  EXPECT_THAT(state.Find("z")->Values<float>(), ElementsAre(9));
  state.Set("w", Tensor::Of<float>({1}, {8}));
  EXPECT_THAT(state.Names(), ElementsAre("b", "z", "w"));
}

TEST(StateDictErrorTest, SaysOfWhatKindAFileIsThatHoldsNoNames) {
  TemporaryFolder folder;
  SaveNpy(Tensor::Of<float>({1}, {1}), folder / "x.npy");
  EXPECT_THAT(ErrorOf([&] { LoadStateDict(folder / "x.npy"); }),
              AllOf(HasSubstr("x.npy\": its kind is npy, it holds no tensors by name"), HasSubstr("a state dict is a pickle")));
  EXPECT_THAT(ErrorOf([] { LoadStateDict(Golden("binary_format/f32.bin")); }), HasSubstr("its kind is tensors"));
  EXPECT_THAT(ErrorOf([] { LoadStateDict(Golden("seed_static_fc/temp/model.pdmodel")); }), HasSubstr("its kind is program"));
}

TEST(StateDictErrorTest, KeysAreNamesAndArraysAreOfTypesThatTensorsHave) {
  const PickleValue one = PickleValue::Array(Tensor::Of<float>({1}, {1}));
  EXPECT_THAT(ErrorOf([&] { ToStateDict(PickleValue::Dict({{PickleValue::Int(7), one}}), "x"); }),
              HasSubstr("has the key 7; the keys of a state dict are names"));
  for (const char* type : {"u4", "u8"}) {
    const Tensor bits = std::string(type) == "u4" ? Tensor::Of<int32_t>({1}, {1}) : Tensor::Of<int64_t>({1}, {1});
    const PickleValue wide = PickleValue::Dict({{PickleValue::Str("w"), PickleValue::Array(bits, type)}});
    EXPECT_THAT(ErrorOf([&] { ToStateDict(wide, "x"); }), AllOf(HasSubstr("Unimplemented"), HasSubstr(StrCat("\"w\" is of the numpy type ", type))));
  }
}

}  // namespace
}  // namespace skiff::io
