// Programs in mixed precision train as in float32, up to the half type's precision.
#include <gtest/gtest.h>

#include <random>

#include "executor/executor.h"
#include "framework/layers/amp.h"
#include "framework/layers/layers.h"
#include "framework/program/unique_name.h"

namespace skiff {
namespace {

using namespace layers;

struct Course {
  std::vector<float> losses, scales;
};

// A small convolutional net with batch norm on one batch of noise. `level` "" is float32.
Course Train(const std::string& level, DType dtype, int steps, double scale = 1024) {
  Program main, startup;
  main.random_seed = startup.random_seed = 3;
  ProgramGuard programs(main, startup);
  UniqueNameGuard names;
  const Var image = Data("image", {-1, 1, 8, 8}), label = Data("label", {-1, 1}, DType::kInt64);
  const Var features = BatchNorm(Conv2D(image, 4, {3, 3}), {.activation = "relu"});
  const Var loss = Mean(SoftmaxWithCrossEntropy(FC(Pool2D(features, {2, 2}), 3), label));
  const auto momentum = std::make_shared<optimizer::Momentum>(optimizer::MomentumOptions{.learning_rate = 0.05});
  std::vector<std::string> fetches{loss.name()};
  std::unique_ptr<amp::MixedPrecision> mixed;
  if (level.empty()) {
    momentum->Minimize(loss);
  } else {
    mixed = std::make_unique<amp::MixedPrecision>(
        momentum, amp::Options{.lists = amp::OpLists({}, {}, dtype), .dtype = dtype,
                               .level = level == "O2" ? amp::Level::kO2 : level == "OD" ? amp::Level::kOD : amp::Level::kO1,
                               .init_loss_scaling = scale});
    mixed->Minimize(loss);
    fetches.push_back(mixed->loss_scaling().name());
  }
  Executor exe(CPUPlace{}, {.num_threads = 1});
  Scope scope;
  exe.Run(startup, {}, {}, &scope);
  if (mixed) mixed->InitParameters(main, scope);
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  Tensor images({6, 1, 8, 8}, DType::kFloat32);
  for (int64_t i = 0; i < images.num_elements(); ++i) images.data<float>()[i] = normal(random);
  const Tensor labels = Tensor::Of<int64_t>({6, 1}, {0, 1, 2, 0, 1, 2});
  Course run;
  for (int step = 0; step < steps; ++step) {
    const std::vector<Tensor> got = exe.Run(main, {{"image", images}, {"label", labels}}, fetches, &scope);
    run.losses.push_back(got[0].dtype() == DType::kFloat32 ? got[0].data<float>()[0] : amp::ToFloat32(got[0]).data<float>()[0]);
    if (mixed) run.scales.push_back(got[1].data<float>()[0]);
  }
  return run;
}

class AmpRunTest : public ::testing::TestWithParam<std::tuple<const char*, DType>> {};

TEST_P(AmpRunTest, FollowsTheLossesOfFloat32) {
  const auto [level, dtype] = GetParam();
  const Course plain = Train("", dtype, 12), mixed = Train(level, dtype, 12);
  const float tolerance = dtype == DType::kFloat16 ? 0.01f : 0.06f;  // 11 and 8 binary digits, over 12 steps
  EXPECT_LT(plain.losses.back(), 0.3f * plain.losses.front());
  for (size_t i = 0; i < plain.losses.size(); ++i) {
    EXPECT_NEAR(mixed.losses[i], plain.losses[i], tolerance * (plain.losses[i] + 0.5f)) << "step " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, AmpRunTest,
                         ::testing::Combine(::testing::Values("O1", "OD", "O2"), ::testing::Values(DType::kFloat16, DType::kBFloat16)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" + ToString(std::get<1>(info.param));
                         });

TEST(AmpScaleTest, AnOverflowShrinksTheScaleAndTheNextStepsAreTaken) {
  // 2^30 times a gradient is infinite in float16: the scale halves at each step until it is not.
  const Course run = Train("O2", DType::kFloat16, 40, 1073741824.0);
  EXPECT_EQ(run.scales[0], 536870912.0f);
  EXPECT_LT(run.scales.back(), 1048576.0f);
  EXPECT_EQ(run.scales.back(), run.scales[run.scales.size() - 2]);
  EXPECT_EQ(run.losses[0], run.losses[1]);  // nothing was learned from infinities
  EXPECT_LT(run.losses.back(), 0.5f * run.losses.front());
}

}  // namespace
}  // namespace skiff
