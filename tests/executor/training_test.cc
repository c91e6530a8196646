// Networks built and trained in C++ take the losses that Paddle 2.6.2 recorded (tests/fixtures/train).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <skiff/skiff.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/inference_model.h"
#include "io/npy.h"

namespace skiff {
namespace {

using namespace layers;
using ::testing::Le;

struct Training {
  std::string net, optimizer;
};

void PrintTo(const Training& t, std::ostream* out) { *out << t.net << "_" << t.optimizer; }

Var Mlp(const Var& image) {
  return FC(FC(FC(image, 32, {.activation = "relu"}), 16, {.activation = "tanh"}), 10);
}

Var LeNet(const Var& image) {
  Var h = Pool2D(Conv2D(image, 6, 5, {.padding = 2, .activation = "relu"}), 2, {.stride = 2});
  h = Pool2D(Conv2D(h, 16, 5, {.activation = "relu"}), 2, {.stride = 2});
  h = FC(FC(h, 120, {.activation = "relu"}), 84, {.activation = "relu"});
  return FC(h, 10);
}

Var Unit(const Var& x, int channels, int stride = 1, const std::string& activation = "") {
  const Var h = Conv2D(x, channels, 3, {.stride = stride, .padding = 1, .bias_attr = std::nullopt});
  return BatchNorm(h, {.activation = activation});
}

Var Residual(const Var& image) {
  Var h = Unit(image, 4, 1, "relu");
  h = Relu(Unit(Unit(h, 4, 1, "relu"), 4) + h);
  const Var shortcut = BatchNorm(Conv2D(h, 8, 1, {.stride = 2, .bias_attr = std::nullopt}));
  h = Relu(Unit(Unit(h, 8, 2, "relu"), 8) + shortcut);
  return FC(AdaptiveAvgPool2D(h, 1), 10);
}

Var Net(const std::string& name, const Var& image) {
  if (name == "mlp") return Mlp(image);
  return name == "lenet" ? LeNet(image) : Residual(image);
}

void Minimize(const std::string& name, const Var& loss) {
  using namespace optimizer;
  if (name == "sgd") SGD({.learning_rate = 0.03}).Minimize(loss);
  if (name == "momentum") {
    Momentum({.learning_rate = 0.02, .momentum = 0.8, .weight_decay = 0.01}).Minimize(loss);
  }
  if (name == "adam") Adam({.learning_rate = 0.002}).Minimize(loss);
  if (name == "adamw") AdamW({.learning_rate = 0.002, .weight_decay = 0.5}).Minimize(loss);
}

const std::string kFixtures = std::string(SKIFF_TESTS_DIR) + "/fixtures/train/";

// Batch `k` of the recorded images, as numbers in [0, 1].
Tensor Pixels(const Tensor& images, int64_t k) {
  const Tensor bytes = images.Rows(k, k + 1);
  Tensor pixels(Shape(images.shape().dims().subspan(1)), DType::kFloat32);
  const auto from = bytes.Values<uint8_t>();
  for (size_t i = 0; i < from.size(); ++i) pixels.data<float>()[i] = static_cast<float>(from[i]) / 255.0f;
  return pixels;
}

Tensor LabelsOf(const Tensor& labels, int64_t k) {
  return labels.Rows(k, k + 1).Reshaped(Shape(labels.shape().dims().subspan(1)));
}

class TrainingInCpp : public ::testing::TestWithParam<Training> {};

TEST_P(TrainingInCpp, TakesPaddlesLosses) {
  const auto [net, optimizer_name] = GetParam();
  std::ifstream file(kFixtures + net + "_" + optimizer_name + "/case.json");
  const auto recorded = nlohmann::json::parse(file);
  const io::StateDict data = io::LoadNpz(kFixtures + net + "/data.npz");
  const Tensor &images = *data.Find("image"), &labels = *data.Find("label");

  Program main, startup;
  std::unique_ptr<Program> test;
  std::string loss_name;
  {
    ProgramGuard programs(main, startup);
    UniqueNameGuard names;
    const Var image = Data("image", {-1, 1, images.shape()[3], images.shape()[4]});
    const Var label = Data("label", {-1, 1}, DType::kInt64);
    const Var loss = Mean(SoftmaxWithCrossEntropy(Net(net, image), label));
    loss_name = loss.name();
    test = main.Clone(/*for_test=*/true);
    Minimize(optimizer_name, loss);
  }
  ASSERT_EQ(loss_name, recorded.at("loss"));
  Executor executor;
  Scope scope;
  executor.Run(startup, {}, {}, &scope);
  for (const auto& entry : io::LoadNpz(kFixtures + net + "/parameters.npz")) {
    ASSERT_NE(scope.FindVar(entry.name), nullptr) << entry.name;
    scope.SetTensor(entry.name, entry.tensor.Clone());
  }
  auto loss_of = [&](const Program& program, int64_t k) {
    const Feeds feeds{{"image", Pixels(images, k)}, {"label", LabelsOf(labels, k)}};
    return executor.Run(program, feeds, {loss_name}, &scope)[0].data<float>()[0];
  };
  const int64_t batches = labels.shape()[0];
  const auto losses = recorded.at("losses").get<std::vector<float>>();
  for (size_t step = 0; step < losses.size(); ++step) {
    EXPECT_NEAR(loss_of(main, static_cast<int64_t>(step) % batches), losses[step], 1e-4 * losses[step])
        << "step " << step;
  }
  const auto after = recorded.at("test_losses_after").get<std::vector<float>>();
  for (int64_t k = 0; k < batches; ++k) EXPECT_NEAR(loss_of(*test, k), after[k], 1e-4 * after[k]);
}

INSTANTIATE_TEST_SUITE_P(
    Nets, TrainingInCpp,
    ::testing::Values(Training{"mlp", "sgd"}, Training{"mlp", "momentum"}, Training{"mlp", "adam"},
                      Training{"mlp", "adamw"}, Training{"lenet", "sgd"}, Training{"lenet", "momentum"},
                      Training{"lenet", "adam"}, Training{"lenet", "adamw"}, Training{"residual", "sgd"},
                      Training{"residual", "momentum"}, Training{"residual", "adam"},
                      Training{"residual", "adamw"}),
    [](const auto& param_info) { return param_info.param.net + "_" + param_info.param.optimizer; });

// The example of the README, on batches of a loader.
TEST(TrainingTest, BuildsTrainsSavesAndReadsBackAModel) {
  const io::StateDict digits = io::LoadNpz(kFixtures + "mlp/data.npz");
  std::vector<Tensor> images, labels;
  for (int64_t k = 0; k < digits.Find("label")->shape()[0]; ++k) {
    images.push_back(Pixels(*digits.Find("image"), k));
    labels.push_back(LabelsOf(*digits.Find("label"), k));
  }
  Program main, startup;
  std::string loss_name, logits_name;
  {
    ProgramGuard guard(main, startup);
    UniqueNameGuard names;
    const Var image = Data("image", {-1, 1, 12, 12});
    const Var label = Data("label", {-1, 1}, DType::kInt64);
    const Var hidden = FC(image, 64, {.activation = "relu"});
    const Var logits = FC(hidden, 10);
    const Var loss = Mean(SoftmaxWithCrossEntropy(logits, label));
    optimizer::Adam({.learning_rate = lr::StepDecay(1e-2, 40, 0.5)}).Minimize(loss);
    loss_name = loss.name();
    logits_name = logits.name();
  }
  EXPECT_EQ(loss_name, "mean_0.tmp_0");
  EXPECT_EQ(logits_name, "fc_1.tmp_1");
  startup.random_seed = 3;
  Executor executor;
  Scope scope;
  executor.Run(startup, {}, {}, &scope);
  float first = 0.0f, last = 0.0f;
  for (int step = 0; step < 60; ++step) {
    const size_t k = static_cast<size_t>(step) % images.size();
    last = executor.Run(main, {{"image", images[k]}, {"label", labels[k]}}, {loss_name}, &scope)[0]
               .data<float>()[0];
    if (step == 0) first = last;
  }
  EXPECT_THAT(last, Le(first / 4));

  const std::string prefix = ::testing::TempDir() + "skiff_training_test_model";
  io::SaveInferenceModel(prefix, {"image"}, {logits_name}, main, scope);
  const io::InferenceModel model = io::LoadInferenceModel(prefix);
  Scope loaded;
  model.SetParameters(&loaded);
  const Tensor again = executor.Run(*model.program, {{"image", images[0]}}, model.fetch_names, &loaded)[0];
  const Tensor direct = executor.Run(*main.Prune({"image"}, {logits_name}), {{"image", images[0]}},
                                     {logits_name}, &scope)[0];
  EXPECT_THAT(again.Values<float>(), ::testing::Pointwise(::testing::FloatNear(1e-5f),
                                                          direct.Values<float>()));
  for (const char* ending : {".pdmodel", ".pdiparams"}) std::filesystem::remove(prefix + ending);
}

}  // namespace
}  // namespace skiff
