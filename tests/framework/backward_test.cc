#include "framework/op/backward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/op/append_op.h"
#include "framework/program/unique_name.h"
#include "support/paddle_program.h"

namespace skiff {
namespace {

using test::OperatorLines;
using test::PaddlePrograms;
using test::VariableLines;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

struct Net {
  std::string fixture;
  std::string loss;
  BackwardOptions options = {};
};

void PrintTo(const Net& net, std::ostream* out) { *out << net.fixture; }

class BackwardOfPaddlesNets : public ::testing::TestWithParam<Net> {};

TEST_P(BackwardOfPaddlesNets, IsPaddlesOperatorForOperator) {
  const PaddlePrograms paddle = test::ReadPaddlePrograms(GetParam().fixture);
  ASSERT_EQ(test::MissingOps(paddle), "");
  const std::unique_ptr<Program> ours = test::WithoutBackward(*paddle.main);
  const Variable& loss = ours->global_block().Var(GetParam().loss);
  BackwardOptions options = GetParam().options;
  if (!options.parameters) {  // a fixture sorts its variables: the order of parameters is the result's
    options.parameters.emplace();
    for (const auto& pair : paddle.result) options.parameters->push_back(pair[0]);
  }
  const std::vector<ParamGrad> pairs = AppendBackward(loss, options);

  EXPECT_THAT(OperatorLines(*ours), ElementsAreArray(OperatorLines(*paddle.main)));
  EXPECT_THAT(VariableLines(*ours), ElementsAreArray(VariableLines(*paddle.main)));
  std::vector<std::vector<std::string>> names;
  for (const auto& [parameter, grad] : pairs) names.push_back({parameter->name, grad->name});
  EXPECT_EQ(names, paddle.result);
}

INSTANTIATE_TEST_SUITE_P(
    Names, BackwardOfPaddlesNets,
    ::testing::Values(
        Net{"backward", "mean_0.tmp_0"}, Net{"backward_branches", "mean_0.tmp_0"},
        Net{"backward_conv", "mean_0.tmp_0"}, Net{"backward_embedding", "mean_0.tmp_0"},
        Net{"backward_input_gradient", "mean_0.tmp_0"},
        Net{"backward_no_grad_set", "mean_0.tmp_0", {{}, {"fc_0.b_0", "fc_1.w_0"}}},
        Net{"backward_parameter_list", "mean_0.tmp_0", {{{"fc_1.w_0"}}, {}}},
        Net{"backward_same_argument_twice", "sum_0.tmp_0"}, Net{"backward_shapes", "sum_0.tmp_0"},
        Net{"backward_shared", "mean_0.tmp_0"}, Net{"backward_shared_parameter", "mean_0.tmp_0"},
        Net{"backward_split_unused_output", "mean_0.tmp_0"},
        Net{"backward_stop_gradient", "mean_0.tmp_0"}, Net{"param_attr_shared", "mean_0.tmp_0"}),
    [](const auto& param_info) { return param_info.param.fixture; });

std::shared_ptr<Variable> Find(const Program& program, const std::string& name) {
  std::shared_ptr<Variable> found = program.global_block().FindVar(name);
  EXPECT_NE(found, nullptr) << name;
  return found;
}

TEST(GradientsTest, TwiceOverOneProgramAreNamedAsPaddleNamesThem) {
  const PaddlePrograms paddle = test::ReadPaddlePrograms("gradients");
  ASSERT_EQ(test::MissingOps(paddle), "");
  const std::unique_ptr<Program> ours = test::WithoutBackward(*paddle.main);
  const auto x = Find(*ours, "x");
  const auto y = Find(*ours, ours->global_block().ops()[0]->outputs.One("Out"));
  const auto z = Find(*ours, ours->global_block().ops()[1]->outputs.One("Out"));
  UniqueNameGuard names;
  std::vector<std::vector<std::string>> got;
  got.push_back({Gradients({z}, {x})[0]->name});
  got.push_back({Gradients({y}, {x})[0]->name});
  EXPECT_EQ(got, paddle.result);
  EXPECT_THAT(OperatorLines(*ours), ElementsAreArray(OperatorLines(*paddle.main)));
  EXPECT_THAT(VariableLines(*ours), ElementsAreArray(VariableLines(*paddle.main)));
}

TEST(GradientsTest, StartFromTheGivenTargetGradient) {
  const PaddlePrograms paddle = test::ReadPaddlePrograms("gradients_target");
  ASSERT_EQ(test::MissingOps(paddle), "");
  const std::unique_ptr<Program> ours = test::WithoutBackward(*paddle.main);
  const auto y = Find(*ours, ours->global_block().ops()[0]->outputs.One("Out"));
  const auto found = Gradients({y}, {Find(*ours, "x")}, {Find(*ours, "d")});
  EXPECT_EQ(found[0]->name, paddle.result[0][0]);
  EXPECT_THAT(OperatorLines(*ours), ElementsAreArray(OperatorLines(*paddle.main)));
  EXPECT_THAT(VariableLines(*ours), ElementsAreArray(VariableLines(*paddle.main)));
}

// x -> tanh -> y, with `x` trainable.
std::unique_ptr<Program> TanhProgram() {
  auto program = std::make_unique<Program>();
  Block& block = program->global_block();
  block.AddVar({.name = "x", .dtype = DType::kFloat32, .shape = {1}});
  AppendOp(block, {"tanh", {{"X", {"x"}}}, {{"Out", {"y"}}}, {}});
  return program;
}

TEST(GradientsTest, AreNullWhereNothingFlows) {
  const auto program = TanhProgram();
  const auto other =
      program->global_block().AddVar({.name = "other", .dtype = DType::kFloat32, .shape = {1}});
  const auto found = Gradients({Find(*program, "y")}, {Find(*program, "x"), other});
  ASSERT_NE(found[0], nullptr);
  EXPECT_EQ(found[0]->name, "x@GRAD");
  EXPECT_EQ(found[1], nullptr);
}

TEST(BackwardErrorTest, RefusesALossOfSeveralElements) {
  const auto program = TanhProgram();
  Find(*program, "y")->shape = {3};
  EXPECT_THAT([&] { AppendBackward(*Find(*program, "y")); },
              ::testing::ThrowsMessage<InvalidArgument>(HasSubstr("\"y\" has shape [3]")));
}

TEST(BackwardErrorTest, RefusesALossThatNothingComputes) {
  const auto program = TanhProgram();
  EXPECT_THAT([&] { AppendBackward(*Find(*program, "x")); },
              ::testing::ThrowsMessage<InvalidArgument>(HasSubstr("computes the loss \"x\"")));
}

// floor is differentiable nowhere that matters, but this one says nothing about it.
void RegisterOpWithoutGradient() {
  OpDef& def = RegisterOp("test_only_opaque");
  if (def.has_schema) return;
  def.has_schema = true;
  def.inputs = {{"X", "any"}};
  def.outputs = {{"Out", "as X"}};
  def.infer = OutLike("X");
}

TEST(BackwardErrorTest, NamesTheOperatorWithoutGradientAndChangesNothing) {
  RegisterOpWithoutGradient();
  const auto program = TanhProgram();
  Block& block = program->global_block();
  AppendOp(block, {"test_only_opaque", {{"X", {"y"}}}, {{"Out", {"z"}}}, {}});
  const std::string before = program->ToString();
  EXPECT_THAT([&] { AppendBackward(*Find(*program, "z")); },
              ::testing::ThrowsMessage<Unimplemented>(
                  ::testing::AllOf(HasSubstr("\"test_only_opaque\""), HasSubstr("op 1 of block 0"))));
  EXPECT_EQ(program->ToString(), before);
}

TEST(BackwardErrorTest, LetsAnOperatorWithoutGradientPassWhereNobodyWantsOne) {
  RegisterOpWithoutGradient();
  Program program;
  Block& block = program.global_block();
  block.AddVar({.name = "data", .dtype = DType::kFloat32, .shape = {1}, .stop_gradient = true});
  block.AddVar({.name = "w", .dtype = DType::kFloat32, .shape = {1}, .is_parameter = true});
  AppendOp(block, {"test_only_opaque", {{"X", {"data"}}}, {{"Out", {"d"}}}, {}});
  AppendOp(block, {"elementwise_mul", {{"X", {"d"}}, {"Y", {"w"}}}, {{"Out", {"z"}}}, {}});
  const std::vector<ParamGrad> pairs = AppendBackward(*Find(program, "z"));
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].second->name, "w@GRAD");
}

TEST(StripGradSuffixTest, UndoesEveryWayAGradientIsNamed) {
  EXPECT_EQ(StripGradSuffix("x"), "x");
  EXPECT_EQ(StripGradSuffix("x@GRAD"), "x");
  EXPECT_EQ(StripGradSuffix("x@GRAD@GRAD"), "x");
  EXPECT_EQ(StripGradSuffix("x@GRAD@RENAME@block0@1"), "x");
  EXPECT_EQ(StripGradSuffix("z@GRAD_slice_0@GRAD"), "z@GRAD_slice_0");
  EXPECT_EQ(StripGradSuffix("grad/grad/z@GRAD@RENAME@block0@1@GRAD"), "z");
}

}  // namespace
}  // namespace skiff
