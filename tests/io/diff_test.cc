#include "io/diff.h"

#include <cmath>
#include <complex>
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

// `count` operators of a type, the last of them reading what an operator "other" makes.
std::unique_ptr<Program> Alike(const char* type, int count, float scale) {
  auto program = std::make_unique<Program>();
  Block& block = program->global_block();
  block.AddVar({.name = "x"});
  for (int i = 0; i < count; ++i) {
    const bool common = i % 1000 == 0;
    block.AddOp({common ? "scale" : type, {{"X", {"x"}}}, {{"Out", {"x"}}}, common ? Attrs{{"scale", scale}} : Attrs{}});
  }
  return program;
}

TEST(DiffProgramsTest, TooManyOperatorsToAlignAreComparedPlaceByPlace) {
  // More pairs than 2^26; every thousandth operator is of one type and another attribute.
  const ProgramDifferences differences = DiffPrograms(*Alike("relu", 8300, 2), *Alike("tanh", 8400, 3));
  const auto count = [&](OperatorDifference::Kind kind, const std::string& type) {
    return std::count_if(differences.operators.begin(), differences.operators.end(),
                         [&](const auto& one) { return one.kind == kind && one.type == type; });
  };
  EXPECT_EQ(count(OperatorDifference::kChanged, "scale"), 9);  // 0, 1000, ... 8000
  EXPECT_EQ(count(OperatorDifference::kRemoved, "relu"), 8300 - 9);
  EXPECT_EQ(count(OperatorDifference::kAdded, "tanh"), 8400 - 9);
  EXPECT_EQ(differences.operators.size(), 9u + 8300 - 9 + 8400 - 9);
}

// One operator, its inputs and attributes; x and y are declared, z is not.
std::unique_ptr<Program> OneOperator(const std::string& type, Slots inputs, Attrs attrs, const std::string& output = "y") {
  auto program = std::make_unique<Program>();
  for (const char* name : {"x", "y", "b"}) program->global_block().AddVar({.name = name});
  program->global_block().AddOp({type, std::move(inputs), {{"Out", {output}}}, std::move(attrs)});
  return program;
}

TEST(DiffProgramsTest, ListsOfNumbersAreComparedWhateverTheirIntegersAreKeptIn) {
  const auto with = [](Attribute axis) { return OneOperator("reduce_sum", {{"X", {"x"}}}, {{"dim", std::move(axis)}}); };
  const std::vector<int32_t> narrow = {0, 2};
  EXPECT_TRUE(DiffPrograms(*with(narrow), *with(std::vector<int64_t>{0, 2})).equal());
  EXPECT_TRUE(DiffPrograms(*with(narrow), *with(std::vector<double>{0, 2})).equal());
  for (const std::vector<int64_t>& other : {std::vector<int64_t>{0, 3}, {0}, {0, 2, 2}}) {
    EXPECT_FALSE(DiffPrograms(*with(narrow), *with(other)).equal());
  }
  EXPECT_FALSE(DiffPrograms(*with(narrow), *with(std::string("\0\2", 2))).equal());
}

TEST(DiffProgramsTest, ASlotThatSavingLeavesOutIsNoDifference) {
  const auto with = [](Slots inputs) { return OneOperator("conv2d", std::move(inputs), {}); };
  EXPECT_TRUE(DiffPrograms(*with({{"Input", {"x"}}, {"Bias", {"b"}}}), *with({{"Input", {"x"}}})).equal());
  EXPECT_FALSE(DiffPrograms(*with({{"Input", {"x"}}, {"Bias", {"b"}}}), *with({{"Input", {"x"}}, {"Bias", {"x"}}})).equal());
  EXPECT_FALSE(DiffPrograms(*with({{"Input", {"x"}}, {"Filter", {"b"}}}), *with({{"Input", {"x"}}})).equal());
}

TEST(DiffProgramsTest, AVariableThatOneProgramDoesNotDeclareIsADifference) {
  const auto a = OneOperator("relu", {{"X", {"x"}}}, {}), b = OneOperator("relu", {{"X", {"x"}}}, {}, "z");
  EXPECT_THAT(DiffPrograms(*a, *b).variables, ElementsAre("y -> z: declared in one program alone"));
  EXPECT_THAT(DiffPrograms(*b, *b).variables, IsEmpty());
}

TEST(DiffProgramsTest, AnAttributeOfAnUnknownOperatorThatOneSideLacksIsADifference) {
  const auto with = [](Attrs attrs) { return OneOperator("my_own", {{"X", {"x"}}}, std::move(attrs)); };
  const auto changes = [](const Program& a, const Program& b) {
    const ProgramDifferences differences = DiffPrograms(a, b);
    return differences.operators.empty() ? std::vector<std::string>() : differences.operators[0].changes;
  };
  EXPECT_THAT(changes(*with({{"depth", 3}}), *with({})), ElementsAre("attribute depth: 3 -> absent"));
  EXPECT_THAT(changes(*with({}), *with({{"depth", 3}})), ElementsAre("attribute depth: absent -> 3"));
  EXPECT_THAT(changes(*with({{"depth", 0}}), *with({})), IsEmpty());
}

TEST(DiffProgramsTest, VariablesNamedByAttributesAreComparedAsVariables) {
  const auto with = [](const std::vector<std::string>& names) {
    std::vector<VarRef> refs;
    for (const std::string& name : names) refs.push_back({name});
    return OneOperator("my_own", {{"X", {"x"}}}, {{"shape", refs}});
  };
  EXPECT_TRUE(DiffPrograms(*with({"y", "b"}), *with({"y", "b"})).equal());
  EXPECT_FALSE(DiffPrograms(*with({"x", "b"}), *with({"b", "b"})).equal());  // x is the input of both
  EXPECT_FALSE(DiffPrograms(*with({"x", "b"}), *with({"x"})).equal());
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

template <typename T>
void ExpectOneApart(const char* name, T same, T left, T right) {
  SCOPED_TRACE(name);
  const TensorDifference d = DiffTensors(Tensor::Of<T>({3}, {same, left, same}), Tensor::Of<T>({3}, {same, right, same}));
  EXPECT_EQ(d.outside, 1);
  EXPECT_DOUBLE_EQ(d.max_abs, 1);
  EXPECT_DOUBLE_EQ(d.mean_abs, 1.0 / 3);
  EXPECT_EQ(d.problem, "");
}

TEST(DiffTensorsTest, EveryDtypeIsComparedAsTheNumbersItHolds) {
  ExpectOneApart<int8_t>("int8", 7, -1, -2);
  ExpectOneApart<uint8_t>("uint8", 7, 255, 254);
  ExpectOneApart<int16_t>("int16", 7, -300, -301);
  ExpectOneApart<int32_t>("int32", 7, -70000, -70001);
  ExpectOneApart<int64_t>("int64", 7, int64_t{1} << 40, (int64_t{1} << 40) + 1);
  ExpectOneApart<Float16>("float16", ToFloat16(7), ToFloat16(1.5f), ToFloat16(2.5f));
  ExpectOneApart<BFloat16>("bfloat16", ToBFloat16(7), ToBFloat16(1.5f), ToBFloat16(2.5f));
  ExpectOneApart<float>("float32", 7, 1.5f, 2.5f);
  ExpectOneApart<double>("float64", 7, 1.5, 2.5);
  const TensorDifference flags = DiffTensors(Tensor::Of<bool>({3}, {true, true, false}), Tensor::Of<bool>({3}, {true, false, false}));
  EXPECT_EQ(flags.outside, 1);
  EXPECT_DOUBLE_EQ(flags.max_abs, 1);
}

TEST(DiffTensorsTest, OfComplexNumbersBothPartsCount) {
  const auto d = DiffTensors(Tensor::Of<std::complex<float>>({2}, {{1, 2}, {3, 4}}), Tensor::Of<std::complex<float>>({2}, {{1, 4}, {3, 3}}));
  EXPECT_EQ(d.outside, 2);
  EXPECT_DOUBLE_EQ(d.max_abs, 2);
  EXPECT_DOUBLE_EQ(d.mean_abs, 0.75);
  EXPECT_EQ(DiffTensors(Tensor::Of<std::complex<double>>({1}, {{1, 2}}), Tensor::Of<std::complex<double>>({1}, {{0, 2}})).outside, 1);
  const auto other = DiffTensors(Tensor::Of<float>({1}, {1}), Tensor::Of<std::complex<float>>({1}, {{1, 0}}));
  EXPECT_EQ(other.problem, "float32 [1] -> complex64 [1]");
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

TEST(DiffStatesTest, ObjectsOfOneSideAloneAreListed) {
  StateDict a, b;
  a.objects.emplace_back("epoch", PickleValue::Int(1));
  b.objects.emplace_back("step", PickleValue::Int(2));
  EXPECT_THAT(DiffStates(a, b).objects, ElementsAre("epoch: 1 -> absent", "step: absent -> 2"));
  EXPECT_FALSE(DiffStates(a, b).equal());
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

// A model whose output is an array: x, then `count - 1` times x * scale.
InferenceModel ArrayModel(int count, float scale) {
  InferenceModel model;
  model.program = std::make_unique<Program>();
  Program startup;
  UniqueNameGuard names;
  ProgramGuard guard(*model.program, startup);
  const Var x = layers::Data("x", {2});
  const Var array = layers::CreateArray(DType::kFloat32);
  layers::ArrayWrite(array, layers::FillConstant({1}, 0, DType::kInt64), x);
  for (int i = 1; i < count; ++i) {
    layers::ArrayWrite(array, layers::FillConstant({1}, i, DType::kInt64), layers::Scale(x, scale));
  }
  model.feed_names = {"x"};
  model.fetch_names = {array.name()};
  return model;
}

TEST(DiffRunsTest, OutputsThatAreArraysAreComparedTensorByTensor) {
  const auto run = [](const InferenceModel& a, const InferenceModel& b) {
    return DiffRuns(a, b, {{"x", Tensor::Of<float>({2}, {1, 2})}}, DiffPrograms(*a.program, *b.program), {.rtol = 1e-5, .atol = 1e-5});
  };
  const InferenceModel two = ArrayModel(2, 2);
  EXPECT_TRUE(run(two, ArrayModel(2, 2)).outputs[0].equal());
  const TensorDifference scaled = run(two, ArrayModel(2, 3)).outputs[0];
  EXPECT_EQ(scaled.outside, 2);
  EXPECT_DOUBLE_EQ(scaled.max_abs, 2);
  EXPECT_EQ(run(two, ArrayModel(3, 2)).outputs[0].problem, "2 tensors -> 3 tensors");
  InferenceModel plain = ArrayModel(2, 2);
  plain.fetch_names = {"x"};
  EXPECT_EQ(run(two, plain).outputs[0].problem, "2 tensors -> a tensor");
}

TEST(DiffRunsErrorTest, ModelsWithOtherNumbersOfInputsAreNotRun) {
  const InferenceModel a = LoadInferenceModel(Golden("seed_matmul_add/infer_model"));
  InferenceModel b = LoadInferenceModel(Golden("seed_matmul_add/infer_model"));
  b.fetch_names.push_back("img");
  EXPECT_THAT(ErrorOf([&] { DiffRuns(a, b, {}, {}, {}); }), HasSubstr("models with 1 inputs and 1 outputs, and with 1 and 2"));
}

}  // namespace
}  // namespace skiff::io
