// Averages of parameters and merged gradients, over one weight that SGD moves by what is fed.
#include "framework/layers/averaging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/executor.h"
#include "framework/layers/layers.h"

namespace skiff {
namespace {

using namespace optimizer;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class AveragingTest : public ::testing::Test {
 protected:
  // The gradient of w is what is fed. w starts at 1.
  Var Loss(ParamAttr attr = {}) {
    attr.name = "w";
    const Var w = layers::CreateParameter({1}, DType::kFloat32, {.attr = attr, .initializer = initializer::Constant(1.0)});
    return layers::Sum(w * layers::Data("gradient", {1}));
  }
  // w after each step.
  std::vector<float> Train(const std::vector<float>& gradients) {
    exe.Run(startup, {}, {}, &scope);
    std::vector<float> weights;
    for (float gradient : gradients) {
      exe.Run(main, {{"gradient", Tensor::Of<float>({1}, {gradient})}}, {}, &scope);
      weights.push_back(Weight());
    }
    return weights;
  }
  float Weight() { return scope.GetTensor("w").data<float>()[0]; }
  ProgramRunner Runner() {
    return [this](const Program& program) { exe.Run(program, {}, {}, &scope); };
  }

  Program main, startup;
  ProgramGuard guard{main, startup};
  Scope scope;
  Executor exe{CPUPlace{}, {.num_threads = 1}};
};

TEST_F(AveragingTest, AnExponentialAverageIsUnbiasedAndLastsAsLongAsItsGuard) {
  SGD({.learning_rate = 1.0}).Minimize(Loss());
  ExponentialMovingAverage average({.decay = 0.5});
  average.Update();
  EXPECT_THAT(Train({1, -2, 4}), ElementsAre(0, 2, -2));
  {
    const auto applied = average.Apply(Runner());
    EXPECT_FLOAT_EQ(Weight(), (0.25f * 2 - 0.5f * 2) / 0.875f);
  }
  EXPECT_EQ(Weight(), -2);
}

TEST_F(AveragingTest, AGuardMayRestoreEarlyOrKeepTheAverages) {
  SGD({.learning_rate = 1.0}).Minimize(Loss());
  ModelAverage average({.average_window_rate = 0.5, .min_average_window = 10, .max_average_window = 20});
  EXPECT_THAT(Train({1, -2, 4}), ElementsAre(0, 2, -2));
  {
    auto applied = average.Apply(Runner());
    EXPECT_EQ(Weight(), 0);  // the mean
    applied.Restore();
    EXPECT_EQ(Weight(), -2);
  }
  {
    auto applied = average.Apply(Runner());
    applied.Keep();
  }
  EXPECT_EQ(Weight(), 0);
}

TEST_F(AveragingTest, ParametersThatAreNotToBeAveragedAreLeftAlone) {
  SGD({.learning_rate = 1.0}).Minimize(Loss({.do_model_average = false}));
  ModelAverage mean({.min_average_window = 10, .max_average_window = 20});
  ExponentialMovingAverage exponential;
  exponential.Update();
  EXPECT_THAT(Train({1, -2}), ElementsAre(0, 2));
  for (const ParameterAverage* average : std::initializer_list<const ParameterAverage*>{&mean, &exponential}) {
    const auto applied = average->Apply(Runner());
    EXPECT_EQ(Weight(), 2);
  }
}

TEST_F(AveragingTest, LookingAheadMovesBackHalfOfTheWayEverySecondStep) {
  LookAhead(std::make_shared<SGD>(SGDOptions{.learning_rate = 1.0}), {.alpha = 0.5, .k = 2}).Minimize(Loss());
  EXPECT_THAT(Train({1, -2, 1, 4}), ElementsAre(0, 1, 0, -1.5f));
}

TEST_F(AveragingTest, MergedGradientsMoveParametersEveryThirdStep) {
  GradientMerge(std::make_shared<SGD>(SGDOptions{.learning_rate = 1.0}), {.k_steps = 3}).Minimize(Loss());
  EXPECT_THAT(Train({1, -2, 4, 5}), ElementsAre(1, 1, 0, 0));
}

TEST_F(AveragingTest, TheSumOfMergedGradientsIsClippedInTheBranch) {
  const SGDOptions sgd{.learning_rate = 1.0, .weight_decay = L2Decay(0.25f), .grad_clip = ClipGradByValue(1.5)};
  GradientMerge(std::make_shared<SGD>(sgd), {.k_steps = 2, .avg = false}).Minimize(Loss());
  EXPECT_THAT(Train({2, 4}), ElementsAre(1, FloatEq(1 - 1.5f - 0.25f)));
  ASSERT_EQ(main.num_blocks(), 2);
  for (const auto& op : main.global_block().ops()) EXPECT_NE(op->type, "clip");
}

TEST_F(AveragingTest, OptionsOutOfTheirRangeAreTold) {
  const auto sgd = std::make_shared<SGD>();
  EXPECT_THAT([&] { LookAhead(sgd, {.alpha = 1.5}); }, ThrowsMessage<InvalidArgument>(HasSubstr("alpha is 1.5")));
  EXPECT_THAT([&] { LookAhead(sgd, {.k = 0}); }, ThrowsMessage<InvalidArgument>(HasSubstr("k is 0")));
  EXPECT_THAT([&] { GradientMerge(sgd, {.k_steps = 0}); }, ThrowsMessage<InvalidArgument>(HasSubstr("k_steps is 0")));
  EXPECT_THAT([&] { GradientMerge(nullptr); }, ThrowsMessage<InvalidArgument>(HasSubstr("inner optimizer")));
}

TEST_F(AveragingTest, AWeightNormStartsWithTheNormsOfItsDirection) {
  const ParamAttr attr{.initializer = initializer::Constant(2.0), .weight_norm = WeightNorm{.dim = 0}};
  const Var w = layers::CreateParameter({2, 4}, DType::kFloat32, {.name = "split", .attr = attr});
  exe.Run(startup, {}, {}, &scope);
  EXPECT_THAT(scope.GetTensor("split_g").Values<float>(), ElementsAre(4, 4));
  scope.SetTensor("split_g", Tensor::Of<float>({2, 1}, {4, 6}));
  const auto weight = exe.Run(main, {}, {w.name()}, &scope);
  EXPECT_THAT(weight[0].Values<float>(), ElementsAre(2, 2, 2, 2, 3, 3, 3, 3));
  EXPECT_THAT([] { layers::CreateParameter({2}, DType::kFloat32, {.attr = {.weight_norm = WeightNorm{.dim = 1}}}); },
              ThrowsMessage<OutOfRange>(HasSubstr("dim 1 of a parameter of shape [2]")));
}

}  // namespace
}  // namespace skiff
