// Trains the networks of tests/fixtures/train, whose programs, start and losses come from PaddlePaddle
// 2.6.2 (tests/interop/make_fixtures.py): the same program must take the same steps here.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "executor/executor.h"
#include "io/npy.h"
#include "io/state_dict.h"

namespace skiff {
namespace {

const std::string kFolder = SKIFF_TESTS_DIR "/fixtures/train/";

class TrainingTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string name = GetParam();
    net_ = kFolder + name.substr(0, name.rfind('_'));
    case_ = kFolder + name;
    std::ifstream(case_ + "/case.json") >> description_;
    for (const std::string& file : {net_ + "/parameters.npz", case_ + "/state.npz"}) {
      for (const auto& entry : io::LoadNpz(file)) scope_.SetTensor(entry.name, entry.tensor);
    }
    const io::StateDict data = io::LoadNpz(net_ + "/data.npz");
    images_ = *data.Find("image");
    labels_ = *data.Find("label");
  }

  // Batch k of the five, pixels scaled to [0, 1].
  Feeds Batch(int k) const {
    const Tensor bytes = images_.Rows(k, k + 1);
    Tensor image(Shape(std::vector<int64_t>(bytes.shape().begin() + 1, bytes.shape().end())), DType::kFloat32);
    for (int64_t i = 0; i < bytes.num_elements(); ++i) {
      image.data<float>()[i] = static_cast<float>(bytes.data<uint8_t>()[i]) / 255.0f;
    }
    const Tensor label = labels_.Rows(k, k + 1);
    return {{"image", image}, {"label", label.Reshaped({label.shape()[1], label.shape()[2]})}};
  }

  std::string net_, case_;
  nlohmann::json description_;
  Scope scope_;
  Tensor images_, labels_;
  Executor exe_{CPUPlace{}, {.num_threads = 1}};
};

TEST_P(TrainingTest, LosesAsMuchAsPaddleAtEachOfTwentySteps) {
  const auto program = io::LoadProgram(case_ + "/main.pdmodel");
  const std::string loss = description_["loss"];
  const std::vector<double> wanted = description_["losses"];
  ASSERT_EQ(wanted.size(), 20u);
  for (int step = 0; step < 20; ++step) {
    const double got = exe_.Run(*program, Batch(step % 5), {loss}, &scope_)[0].data<float>()[0];
    EXPECT_NEAR(got, wanted[step], 1e-4 * std::abs(wanted[step])) << "step " << step;
  }
}

TEST_P(TrainingTest, HasPaddlesGradientOfEveryParameterAtTheFirstStep) {
  const auto program = io::LoadProgram(case_ + "/main.pdmodel");
  const io::StateDict gradients = io::LoadNpz(net_ + "/gradients.npz");
  ASSERT_FALSE(gradients.empty());
  std::vector<std::string> fetches;
  for (const auto& entry : gradients) fetches.push_back(GradName(entry.name));
  const std::vector<Tensor> got = exe_.Run(*program, Batch(0), fetches, &scope_);
  size_t at = 0;
  for (const auto& entry : gradients) {
    const auto wanted = entry.tensor.Values<float>();
    const auto values = got[at++].Values<float>();
    ASSERT_EQ(values.size(), wanted.size()) << entry.name;
    float largest = 0;
    for (float w : wanted) largest = std::max(largest, std::abs(w));
    for (size_t i = 0; i < wanted.size(); ++i) {
      ASSERT_NEAR(values[i], wanted[i], 1e-5f * largest) << entry.name << " element " << i;
    }
  }
}

TEST_P(TrainingTest, StartupProgramMakesEveryVariableThatTrainingNeeds) {
  Scope fresh;
  exe_.Run(*io::LoadProgram(case_ + "/startup.pdmodel"), {}, {}, &fresh);
  for (const std::string& file : {net_ + "/parameters.npz", case_ + "/state.npz"}) {
    for (const auto& entry : io::LoadNpz(file)) {
      const Tensor& made = fresh.GetTensor(entry.name);
      EXPECT_EQ(made.shape(), entry.tensor.shape()) << entry.name;
      EXPECT_EQ(made.dtype(), entry.tensor.dtype()) << entry.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Nets, TrainingTest,
    ::testing::Values("lenet_sgd", "lenet_momentum", "lenet_adam", "lenet_adamw", "mlp_sgd",
                      "mlp_momentum", "mlp_adam", "mlp_adamw", "residual_sgd", "residual_momentum",
                      "residual_adam", "residual_adamw", "residual_dropout0_sgd",
                      "residual_dropout0_momentum", "residual_dropout0_adam",
                      "residual_dropout0_adamw"),
    [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace skiff
