// Optimizers are compared with the programs that Paddle 2.6.2's minimize made.
#include "framework/layers/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/layers/layers.h"
#include "framework/program/unique_name.h"
#include "framework/tensor/scope.h"
#include "support/paddle_program.h"

namespace skiff {
namespace {

using namespace layers;
using optimizer::Adam;
using optimizer::AdamW;
using optimizer::Momentum;
using optimizer::SGD;
using ::testing::ElementsAreArray;

struct Case {
  std::string fixture;
  std::function<void(const Var& loss)> minimize;
};

void PrintTo(const Case& item, std::ostream* out) { *out << item.fixture; }

class OptimizersOfPaddle : public ::testing::TestWithParam<Case> {};

void ExpectPaddles(const std::string& fixture, const std::function<void()>& build) {
  const test::PaddlePrograms paddle = test::ReadPaddlePrograms(fixture);
  ASSERT_EQ(test::MissingOps(paddle), "");
  Program main, startup;
  {
    ProgramGuard programs(main, startup);
    UniqueNameGuard names;
    build();
  }
  EXPECT_THAT(test::OperatorLines(main), ElementsAreArray(test::OperatorLines(*paddle.main)));
  EXPECT_THAT(test::VariableLines(main), ElementsAreArray(test::VariableLines(*paddle.main)));
  EXPECT_THAT(test::OperatorLines(startup), ElementsAreArray(test::OperatorLines(*paddle.startup)));
  EXPECT_THAT(test::VariableLines(startup), ElementsAreArray(test::VariableLines(*paddle.startup)));
}

TEST_P(OptimizersOfPaddle, AppendPaddlesOperators) {
  ExpectPaddles(GetParam().fixture, [] {
    GetParam().minimize(Mean(FC(FC(Data("x", {-1, 6}), 5, {.activation = "relu"}), 1)));
  });
}

const Case kCases[] = {
    {"optimizer_sgd", [](const Var& loss) { SGD({.learning_rate = 0.1}).Minimize(loss); }},
    {"optimizer_sgd_l1",
     [](const Var& loss) { SGD({.learning_rate = 0.1, .weight_decay = L1Decay(0.01f)}).Minimize(loss); }},
    {"optimizer_sgd_l2",
     [](const Var& loss) { SGD({.learning_rate = 0.1, .weight_decay = L2Decay(0.01f)}).Minimize(loss); }},
    {"optimizer_sgd_decay_float",
     [](const Var& loss) { SGD({.learning_rate = 0.1, .weight_decay = 0.02}).Minimize(loss); }},
    {"optimizer_sgd_clip_value",
     [](const Var& loss) { SGD({.learning_rate = 0.1, .grad_clip = ClipGradByValue(1.0, -0.5)}).Minimize(loss); }},
    {"optimizer_sgd_clip_value_symmetric",
     [](const Var& loss) { SGD({.learning_rate = 0.1, .grad_clip = ClipGradByValue(1.0)}).Minimize(loss); }},
    {"optimizer_sgd_clip_norm",
     [](const Var& loss) { SGD({.learning_rate = 0.1, .grad_clip = ClipGradByNorm(1.0)}).Minimize(loss); }},
    {"optimizer_sgd_clip_global_norm",
     [](const Var& loss) { SGD({.learning_rate = 0.1, .grad_clip = ClipGradByGlobalNorm(1.0)}).Minimize(loss); }},
    {"optimizer_momentum", [](const Var& loss) { Momentum({.learning_rate = 0.1}).Minimize(loss); }},
    {"optimizer_momentum_nesterov",
     [](const Var& loss) { Momentum({.learning_rate = 0.1, .momentum = 0.8, .use_nesterov = true}).Minimize(loss); }},
    {"optimizer_momentum_l1",
     [](const Var& loss) { Momentum({.learning_rate = 0.1, .weight_decay = L1Decay(0.01f)}).Minimize(loss); }},
    {"optimizer_momentum_l2",
     [](const Var& loss) { Momentum({.learning_rate = 0.1, .weight_decay = 0.01}).Minimize(loss); }},
    {"optimizer_adam", [](const Var& loss) { Adam().Minimize(loss); }},
    {"optimizer_adam_options",
     [](const Var& loss) {
       Adam({.beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-6, .lazy_mode = true}).Minimize(loss);
     }},
    {"optimizer_adam_l2", [](const Var& loss) { Adam({.weight_decay = 0.01}).Minimize(loss); }},
    {"optimizer_adam_clip_and_decay",
     [](const Var& loss) {
       Adam({.weight_decay = L2Decay(0.01f), .grad_clip = ClipGradByGlobalNorm(2.0)}).Minimize(loss);
     }},
    {"optimizer_adamw", [](const Var& loss) { AdamW().Minimize(loss); }},
    {"optimizer_adamw_filtered",
     [](const Var& loss) {
       const auto decays = [](const std::string& name) { return name.find(".b_") == std::string::npos; };
       AdamW({.weight_decay = 0.05, .decays = decays}).Minimize(loss);
     }},
    {"optimizer_parameter_list",
     [](const Var& loss) { SGD({.learning_rate = 0.1}).Minimize(loss, {.parameters = {{"fc_1.w_0"}}}); }},
    {"optimizer_no_grad_set",
     [](const Var& loss) { SGD({.learning_rate = 0.1}).Minimize(loss, {.no_grad_set = {"fc_0.w_0"}}); }},
    {"optimizer_scheduler",
     [](const Var& loss) { SGD({.learning_rate = lr::PiecewiseDecay({2, 4}, {0.1, 0.01, 0.001})}).Minimize(loss); }},
    {"optimizer_scheduler_warmup",
     [](const Var& loss) {
       Adam({.learning_rate = lr::LinearWarmup(lr::CosineAnnealingDecay(0.1, 10), 5, 0.0, 0.1)}).Minimize(loss);
     }},
};

INSTANTIATE_TEST_SUITE_P(Names, OptimizersOfPaddle, ::testing::ValuesIn(kCases),
                         [](const auto& param_info) { return param_info.param.fixture; });

TEST(OptimizerTest, HonoursEachParametersOwnRatePenaltyAndClipping) {
  ExpectPaddles("param_attr_options", [] {
    const Var y = FC(Data("x", {-1, 6}), 5,
                     {.weight_attr = {.learning_rate = 0.5f, .regularizer = L2Decay(0.01f)},
                      .bias_attr = ParamAttr{.trainable = false}});
    const Var z = FC(y, 4, {.weight_attr = {.need_clip = false}});
    SGD({.learning_rate = 0.1, .grad_clip = ClipGradByNorm(1.0)}).Minimize(Mean(z));
  });
}

TEST(OptimizerTest, TwoMayTrainPartsOfOneProgram) {
  ExpectPaddles("optimizer_two", [] {
    auto named = [](const std::string& name) {
      return FCOptions{.weight_attr = {.name = name + "_w"}, .bias_attr = ParamAttr{.name = name + "_b"}};
    };
    const Var a = FC(Data("x", {-1, 6}), 5, named("g"));
    const Var b = FC(a, 1, named("d"));
    const Var first = Mean(a), second = Mean(b);
    Adam({.learning_rate = 0.001}).Minimize(first, {.parameters = {{"g_w", "g_b"}}});
    Adam({.learning_rate = 0.002}).Minimize(second, {.parameters = {{"d_w", "d_b"}}});
  });
}

TEST(OptimizerTest, TrainsTableRowsThroughASparseGradient) {
  ExpectPaddles("backward_sparse_embedding", [] {
    const Var h = Embedding(Data("ids", {-1, 7}, DType::kInt64), 20, 8, {.is_sparse = true});
    SGD({.learning_rate = 0.1}).Minimize(Mean(FC(h, 4)));
  });
}

TEST(OptimizerTest, TrainsLeNetAsPaddleDoes) {
  ExpectPaddles("lenet_training", [] {
    const Var im = Data("image", {-1, 1, 28, 28}), label = Data("label", {-1, 1}, DType::kInt64);
    Var h = Pool2D(Conv2D(im, 6, 5, {.padding = 2, .activation = "relu"}), 2, {.stride = 2});
    h = Pool2D(Conv2D(h, 16, 5, {.activation = "relu"}), 2, {.stride = 2});
    h = FC(FC(h, 120, {.activation = "relu"}), 84, {.activation = "relu"});
    const Var logits = FC(h, 10);
    const Var loss = Mean(SoftmaxWithCrossEntropy(logits, label));
    Accuracy(Softmax(logits), label);
    Adam({.learning_rate = 0.001}).Minimize(loss);
  });
}

TEST(OptimizerTest, TrainsThroughBatchNorm) {
  ExpectPaddles("batch_norm_training", [] {
    const Var im = Data("im", {-1, 3, 8, 8});
    const Var y = BatchNorm(Conv2D(im, 4, 3, {.bias_attr = std::nullopt}), {.activation = "relu"});
    SGD({.learning_rate = 0.1}).Minimize(Mean(y));
  });
}

TEST(OptimizerTest, WritesTheSchedulersRateBeforeEachRun) {
  Program main, startup;
  ProgramGuard programs(main, startup);
  UniqueNameGuard names;
  const lr::SchedulerPtr rate = lr::StepDecay(0.5, 1, 0.1);
  SGD({.learning_rate = rate}).Minimize(Mean(FC(Data("x", {-1, 6}), 5)));
  ASSERT_EQ(main.run_hooks.size(), 1u);
  Scope scope;
  main.run_hooks[0]->BeforeRun(scope);
  EXPECT_FLOAT_EQ(scope.GetTensor("learning_rate_0").data<float>()[0], 0.5f);
  rate->Step();
  main.run_hooks[0]->BeforeRun(scope);
  EXPECT_FLOAT_EQ(scope.GetTensor("learning_rate_0").data<float>()[0], 0.05f);
}

TEST(OptimizerTest, ChangesAFixedRate) {
  Program main, startup;
  ProgramGuard programs(main, startup);
  UniqueNameGuard names;
  SGD sgd({.learning_rate = 0.5});
  sgd.Minimize(Mean(FC(Data("x", {-1, 6}), 5)));
  Scope scope;
  sgd.SetLearningRate(0.25, scope);
  EXPECT_FLOAT_EQ(scope.GetTensor("learning_rate_0").data<float>()[0], 0.25f);
  EXPECT_EQ(sgd.learning_rate(), 0.25);
}

TEST(OptimizerErrorTest, LeavesAScheduledRateToItsScheduler) {
  SGD sgd({.learning_rate = lr::StepDecay(0.5, 1, 0.1)});
  Scope scope;
  EXPECT_THAT([&] { sgd.SetLearningRate(0.25, scope); },
              ::testing::ThrowsMessage<PreconditionNotMet>(::testing::HasSubstr("scheduler")));
}

TEST(OptimizerErrorTest, NamesABetaOutOfRange) {
  EXPECT_THAT([] { Adam({.beta1 = 1.0}); },
              ::testing::ThrowsMessage<InvalidArgument>(::testing::HasSubstr("beta1 is 1")));
}

}  // namespace
}  // namespace skiff
