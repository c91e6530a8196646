#include "io/diff.h"

#include <cmath>
#include <limits>

#include "framework/layers/control_flow.h"
#include "framework/layers/layers.h"
#include "framework/program/unique_name.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// fc, an activation, fc; `skip` generated names are used up first.
std::unique_ptr<Program> TwoLayers(int skip, int64_t width = 3, const char* activation = "relu", int extra = 0) {
  auto program = std::make_unique<Program>();
  Program startup;
  UniqueNameGuard names;
  ProgramGuard guard(*program, startup);
  for (int i = 0; i < skip; ++i) UniqueName("fc");
  Var x = layers::Data("x", {-1, 4});
  x = layers::FC(x, width, {.activation = activation});
  for (int i = 0; i < extra; ++i) x = layers::Tanh(x);
  layers::FC(x, 2);
  return program;
}

TEST(DiffProgramsTest, ANetBuiltAgainIsEqualUpToNames) {
  const ProgramDifferences differences = DiffPrograms(*TwoLayers(0), *TwoLayers(5));
  EXPECT_TRUE(differences.equal());
  EXPECT_EQ(differences.names.at("fc_0.w_0"), "fc_5.w_0");
  EXPECT_EQ(differences.names.at("x"), "x");
  EXPECT_THAT(DiffPrograms(*TwoLayers(2), *TwoLayers(2)).Renamed(), IsEmpty());
}

TEST(DiffProgramsTest, AnOperatorMoreIsOneOperatorAndWhoReadsIt) {
  const ProgramDifferences differences = DiffPrograms(*TwoLayers(0), *TwoLayers(0, 3, "relu", 1));
  ASSERT_EQ(differences.operators.size(), 2u);
  EXPECT_EQ(differences.operators[0].kind, OperatorDifference::kAdded);
  EXPECT_EQ(differences.operators[0].type, "tanh");
  EXPECT_EQ(differences.operators[1].kind, OperatorDifference::kChanged);
  EXPECT_THAT(differences.operators[1].changes, ElementsAre(HasSubstr("input X: ")));
}

TEST(DiffProgramsTest, AnotherActivationIsOneGoneAndOneCome) {
  const ProgramDifferences differences = DiffPrograms(*TwoLayers(0), *TwoLayers(0, 3, "tanh"));
  ASSERT_EQ(differences.operators.size(), 2u);
  EXPECT_NE(differences.operators[0].kind, differences.operators[1].kind);
}

TEST(DiffProgramsTest, OtherShapesAreDifferencesOfVariables) {
  const ProgramDifferences differences = DiffPrograms(*TwoLayers(0), *TwoLayers(0, 5));
  EXPECT_THAT(differences.operators, IsEmpty());
  EXPECT_THAT(differences.variables, ::testing::Contains("fc_0.w_0: float32 [4, 3] -> float32 [4, 5]"));
}

TEST(DiffProgramsTest, TwoVariablesThatBecomeOneAreADifference) {
  const auto build = [](bool same) {
    auto program = std::make_unique<Program>();
    Program startup;
    UniqueNameGuard names;
    ProgramGuard guard(*program, startup);
    const Var x = layers::Data("x", {2}), y = layers::Data("y", {2});
    layers::Add(layers::Relu(x), layers::Relu(y));
    if (same) {
      Operator& add = *program->global_block().ops().back();
      add.inputs.Set("Y", add.inputs["X"]);
    }
    return program;
  };
  const ProgramDifferences differences = DiffPrograms(*build(false), *build(true));
  ASSERT_EQ(differences.operators.size(), 1u);
  EXPECT_THAT(differences.operators[0].changes, ElementsAre(HasSubstr("input Y: ")));
}

TEST(DiffProgramsTest, DefaultsThatAreSpelledOutAreNoDifference) {
  const auto build = [](bool spelled) {
    auto program = std::make_unique<Program>();
    program->global_block().AddVar({.name = "x"});
    program->global_block().AddVar({.name = "y"});
    Operator scale{"scale", {{"X", {"x"}}}, {{"Out", {"y"}}}, {{"scale", 2.0f}}};
    if (spelled) {
      scale.attrs.Set("bias", 0.0f);
      scale.attrs.Set("bias_after_scale", int32_t{1});
      scale.attrs.Set("op_callstack", std::vector<std::string>{"here"});
    }
    program->global_block().AddOp(scale);
    return program;
  };
  EXPECT_TRUE(DiffPrograms(*build(false), *build(true)).equal());
}

TEST(DiffTensorsTest, SaysHowFarAndHowMany) {
  const TensorDifference d = DiffTensors(Tensor::Of<float>({4}, {1, 2, -4, 8}), Tensor::Of<float>({4}, {1, 2.5, -4, 7}));
  EXPECT_EQ(d.outside, 2);
  EXPECT_DOUBLE_EQ(d.max_abs, 1);
  EXPECT_DOUBLE_EQ(d.mean_abs, 0.375);
  EXPECT_DOUBLE_EQ(d.relative, 0.125);
  EXPECT_NEAR(d.norm_ratio, std::sqrt(1.25 / 85), 1e-12);
  EXPECT_EQ(DiffTensors(Tensor::Of<float>({1}, {8}), Tensor::Of<float>({1}, {7}), {.rtol = 0.125}).outside, 0);
  EXPECT_EQ(DiffTensors(Tensor::Of<float>({1}, {8}), Tensor::Of<float>({1}, {7}), {.atol = 0.9}).outside, 1);
}

TEST(DiffTensorsTest, NaNsAreAlikeAndFarFromNumbers) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(DiffTensors(Tensor::Of<float>({3}, {nan, inf, -inf}), Tensor::Of<float>({3}, {nan, inf, -inf})).equal());
  EXPECT_EQ(DiffTensors(Tensor::Of<float>({1}, {nan}), Tensor::Of<float>({1}, {0}), {.rtol = 1, .atol = 1}).outside, 1);
  EXPECT_EQ(DiffTensors(Tensor::Of<float>({1}, {inf}), Tensor::Of<float>({1}, {-inf}), {.rtol = 1, .atol = 1}).outside, 1);
}

TEST(DiffTensorsTest, NeighbouringLargeIntegersDiffer) {
  const int64_t large = int64_t{1} << 60;
  const TensorDifference d = DiffTensors(Tensor::Of<int64_t>({1}, {large}), Tensor::Of<int64_t>({1}, {large + 1}));
  EXPECT_EQ(d.outside, 1);
  EXPECT_DOUBLE_EQ(d.max_abs, 1);
}

TEST(DiffTensorsTest, OtherDtypesAreComparedAsNumbers) {
  const TensorDifference d = DiffTensors(Tensor::Of<float>({1}, {0.5}), Tensor::Of<Float16>({1}, {ToFloat16(0.5f)}));
  EXPECT_EQ(d.problem, "float32 [1] -> float16 [1]");
  EXPECT_EQ(d.outside, 0);
  EXPECT_FALSE(d.equal());
  EXPECT_EQ(DiffTensors(Tensor::Of<float>({1}, {1}), Tensor::Of<float>({1, 1}, {1})).problem, "float32 [1] -> float32 [1, 1]");
}

TEST(DiffStatesTest, ListsWhatOneSideAloneHas) {
  StateDict a = {{"w", Tensor::Of<float>({1}, {1})}, {"only_a", Tensor::Of<float>({1}, {1})}};
  StateDict b = {{"v", Tensor::Of<float>({1}, {1})}, {"only_b", Tensor::Of<float>({1}, {1})}};
  a.objects.emplace_back("epoch", PickleValue::Int(1));
  b.objects.emplace_back("epoch", PickleValue::Int(2));
  const StateDifferences differences = DiffStates(a, b, {}, {{"w", "v"}});
  EXPECT_THAT(differences.missing, ElementsAre("only_a"));
  EXPECT_THAT(differences.extra, ElementsAre("only_b"));
  EXPECT_THAT(differences.objects, ElementsAre("epoch: 1 -> 2"));
  ASSERT_EQ(differences.tensors.size(), 1u);
  EXPECT_TRUE(differences.tensors[0].equal());
}

TEST(DiffRunsTest, FindsTheOperatorWhereAWeightGoesIn) {
  const InferenceModel a = LoadInferenceModel(Golden("seed_matmul_add/infer_model"));
  InferenceModel b = LoadInferenceModel(Golden("seed_matmul_add/infer_model"));
  Tensor bias = b.parameters.Find("create_parameter_1.w_0")->Clone();
  bias.data<float>()[7] += 1;
  b.parameters.Set("create_parameter_1.w_0", bias);
  Tensor image({64, 784}, DType::kFloat32);
  std::fill_n(image.data<float>(), image.num_elements(), 0.25f);
  const ProgramDifferences programs = DiffPrograms(*a.program, *b.program);
  const RunDifferences run = DiffRuns(a, b, {{"img", image}}, programs, {.rtol = 1e-5, .atol = 1e-5});
  ASSERT_TRUE(run.first.has_value());
  EXPECT_EQ(run.first->type, "elementwise_add");
  EXPECT_EQ(run.first->values.outside, 64);  // one column of 64 rows
  EXPECT_TRUE(DiffRuns(a, a, {{"img", image}}, programs, {}).equal());
  EXPECT_THAT(ErrorOf([&] { DiffRuns(a, b, {{"image", image}}, programs, {}); }), HasSubstr("is no input of the first model"));
}

}  // namespace
}  // namespace skiff::io
