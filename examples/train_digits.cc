// Learns to read handwritten digits, start to end in C++: data, training with a checkpoint half way, the
// inference model, and a fresh process that loads it and reads a digit.
//
//   train_digits [--data data/digits] [--output digits_model] [--epochs 6] [--digit 3]
//   train_digits --serve PREFIX [--data data/digits] [--digit 3]
//
// The files are PaddlePaddle's: paddle.static.load_inference_model loads what this writes.
#include <skiff/skiff.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>

namespace sk = skiff;

namespace {

struct Arguments {
  std::string data = "data/digits";
  std::string output = "digits_model";
  std::string serve;  // prefix of an inference model: read a digit instead of training
  int epochs = 6;
  int digit = 3;  // which of the held-out digits is read
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
    SKIFF_ENFORCE(i + 1 < argc, InvalidArgument, name, " needs a value");
    if (name == "--data") arguments.data = value;
    else if (name == "--output") arguments.output = value;
    else if (name == "--serve") arguments.serve = value;
    else if (name == "--epochs") arguments.epochs = std::max(2, std::atoi(value.c_str()));
    else if (name == "--digit") arguments.digit = std::atoi(value.c_str());
    else throw sk::InvalidArgument("unknown argument " + name);
  }
  return arguments;
}

// ---- data --------------------------------------------------------------------------------------------

struct Digits {
  sk::Tensor images;  // float32 [count, 1, 28, 28] (sample, channel, row, column), -1 is paper, 1 is ink
  sk::Tensor labels;  // int64 [count, 1]
};

Digits LoadDigits(const std::string& folder, const std::string& part) {
  const sk::Tensor pixels = sk::io::LoadIdx(folder + "/" + part + "-images-idx3-ubyte.gz");
  const sk::Tensor classes = sk::io::LoadIdx(folder + "/" + part + "-labels-idx1-ubyte.gz");
  const int64_t count = classes.shape()[0];
  Digits digits{sk::Tensor({count, 1, 28, 28}, sk::DType::kFloat32),
                sk::Tensor({count, 1}, sk::DType::kInt64)};
  std::ranges::transform(pixels.Values<uint8_t>(), digits.images.data<float>(),
                         [](uint8_t pixel) { return pixel / 127.5f - 1.0f; });
  std::ranges::copy(classes.Values<uint8_t>(), digits.labels.data<int64_t>());
  return digits;
}

// Nine copies of each digit, turned, sheared, resized and moved a little: a net that saw only the writers it learns
// from is easily confused by another hand. A copy is the same in every epoch.
class MovedDigits : public sk::data::Dataset {
 public:
  explicit MovedDigits(Digits digits) : digits_(std::move(digits)) {}
  int64_t size() const override { return 9 * count(); }
  std::vector<sk::Tensor> Get(int64_t index) const override {
    const int64_t sample = index % count();
    std::minstd_rand random(static_cast<uint32_t>(index + 1));
    auto within = [&random](float bound) { return bound * (2.0f * static_cast<float>(random()) / static_cast<float>(random.max()) - 1.0f); };
    const float angle = within(0.2f), shear = within(0.15f), size = 1.0f + within(0.15f), down = within(3.0f), right = within(3.0f);
    sk::Tensor image({1, 28, 28}, sk::DType::kFloat32);
    for (int row = 0; row < 28; ++row) {
      for (int column = 0; column < 28; ++column) {
        const float r = (static_cast<float>(row) - 13.5f) / size;
        const float c = (static_cast<float>(column) - 13.5f) / size + shear * r;
        image.data<float>()[row * 28 + column] = Between(sample, 13.5f + std::cos(angle) * r - std::sin(angle) * c + down,
                                                         13.5f + std::sin(angle) * r + std::cos(angle) * c + right);
      }
    }
    return {image, digits_.labels.Rows(sample, sample + 1).Reshaped({1})};
  }

 private:
  int64_t count() const { return digits_.labels.shape()[0]; }
  float Pixel(int64_t sample, int y, int x) const {
    const bool inside = 0 <= y && y < 28 && 0 <= x && x < 28;
    return inside ? digits_.images.data<float>()[(sample * 28 + y) * 28 + x] : -1.0f;
  }
  // Bilinear.
  float Between(int64_t sample, float y, float x) const {
    const int top = static_cast<int>(std::floor(y)), left = static_cast<int>(std::floor(x));
    const float lower = y - static_cast<float>(top), righter = x - static_cast<float>(left);
    return (1 - lower) * ((1 - righter) * Pixel(sample, top, left) + righter * Pixel(sample, top, left + 1)) +
           lower * ((1 - righter) * Pixel(sample, top + 1, left) + righter * Pixel(sample, top + 1, left + 1));
  }
  Digits digits_;
};

// ---- the net -----------------------------------------------------------------------------------------

struct Net {
  sk::Program main, startup;
  std::unique_ptr<sk::Program> test;
  std::string loss, accuracy, probabilities;
  sk::lr::SchedulerPtr rate;
};

// LeNet-5 (LeCun et al. 1998) with ReLU and maximum pooling.
void Build(Net* net, int epochs) {
  sk::ProgramGuard guard(net->main, net->startup);
  const auto image = sk::layers::Data("image", {-1, 1, 28, 28});
  const auto label = sk::layers::Data("label", {-1, 1}, sk::DType::kInt64);
  auto x = sk::layers::Conv2D(image, 6, 5, {.padding = 2, .activation = "relu"});
  x = sk::layers::Pool2D(x, 2);
  x = sk::layers::Conv2D(x, 16, 5, {.activation = "relu"});
  x = sk::layers::Pool2D(x, 2);
  x = sk::layers::FC(x, 120, {.activation = "relu"});
  x = sk::layers::FC(x, 84, {.activation = "relu"});
  x = sk::layers::Dropout(x, 0.5f);
  const auto logits = sk::layers::FC(x, 10);
  const auto probabilities = sk::layers::Softmax(logits);
  const auto loss = sk::layers::Mean(sk::layers::SoftmaxWithCrossEntropy(logits, label).loss);
  const auto accuracy = sk::layers::Accuracy(probabilities, label);
  net->test = net->main.Clone(/*for_test=*/true);
  net->rate = sk::lr::CosineAnnealingDecay(2e-3, epochs);
  sk::optimizer::Adam({.learning_rate = net->rate}).Minimize(loss);
  net->loss = loss.name();
  net->accuracy = accuracy.name();
  net->probabilities = probabilities.name();
}

// ---- training ----------------------------------------------------------------------------------------

float Accuracy(sk::Executor& executor, const Net& net, const Digits& digits) {
  return executor.Run(*net.test, {{"image", digits.images}, {"label", digits.labels}},
                      {net.accuracy})[0].Values<float>()[0];
}

// Epochs [from, to). On a terminal the line of an epoch is written over and over.
void Train(sk::Executor& executor, const Net& net, sk::data::DataLoader& loader, const Digits& held_out,
           int from, int to) {
  const bool terminal = isatty(STDOUT_FILENO);
  for (int epoch = from; epoch < to; ++epoch) {
    double sum = 0;
    int64_t batches = 0;
    while (const auto batch = loader.Next()) {
      const auto fetched =
          executor.Run(net.main, {{"image", (*batch)[0]}, {"label", (*batch)[1]}}, {net.loss});
      sum += fetched[0].Values<float>()[0];
      ++batches;
      if (!terminal) continue;
      const int filled = static_cast<int>(30 * batches / loader.num_batches());
      std::printf("\repoch %2d  [%-30s]  loss %.4f ", epoch + 1, std::string(filled, '=').c_str(),
                  sum / static_cast<double>(batches));
      std::fflush(stdout);
    }
    net.rate->Step();
    std::printf("%sepoch %2d  loss %.4f  %.1f %% of the held-out digits\n", terminal ? "\r\033[K" : "",
                epoch + 1, sum / static_cast<double>(batches), 100 * Accuracy(executor, net, held_out));
    std::fflush(stdout);
  }
}

int TrainAndSave(const Arguments& arguments, const char* self) {
  const Digits train = LoadDigits(arguments.data, "train");
  const Digits held_out = LoadDigits(arguments.data, "t10k");
  std::cout << train.labels.shape()[0] << " digits to learn from, " << held_out.labels.shape()[0]
            << " held out\n";
  Net net;
  Build(&net, arguments.epochs);
  sk::Seed(2024);
  sk::Executor executor{sk::CPUPlace{}};
  executor.Run(net.startup);
  const sk::data::LoaderOptions options{.batch_size = 32, .shuffle = true, .seed = 1};
  const auto dataset = std::make_shared<MovedDigits>(train);

  sk::data::DataLoader loader(dataset, options);
  const int half = arguments.epochs / 2;
  Train(executor, net, loader, held_out, 0, half);

  // A checkpoint: parameters, Adam's moments, the schedule, the random numbers, and where the loader stands.
  const sk::io::Checkpoint checkpoint(arguments.output + "/checkpoints");
  checkpoint.Save(net.main, sk::GlobalScope(),
                  {.step = half * loader.num_batches(), .epoch = half, .data = loader.position()});
  const float before = Accuracy(executor, net, held_out);
  executor.Run(net.startup);  // all is forgotten, as if the machine had gone down
  const auto resumed = checkpoint.Resume(net.main, sk::GlobalScope());
  sk::data::DataLoader rest(dataset, options);
  rest.Restore(resumed->progress.data);
  SKIFF_ENFORCE(Accuracy(executor, net, held_out) == before, Internal, "the checkpoint lost something");
  std::cout << "checkpoint saved and loaded: " << resumed->path << "\n";
  Train(executor, net, rest, held_out, half, arguments.epochs);

  const std::string model = arguments.output + "/digits";
  sk::io::SaveInferenceModel(model, {"image"}, {net.probabilities}, *net.test, sk::GlobalScope());
  std::cout << "inference model saved: " << model << ".{pdmodel,pdiparams}\n" << std::flush;
  const float accuracy = Accuracy(executor, net, held_out);
  std::printf("accuracy on held-out digits: %.2f %%\n", 100 * accuracy);
  std::fflush(stdout);

  // A fresh process knows nothing but the files.
  const pid_t child = fork();
  if (child == 0) {
    const std::string digit = std::to_string(arguments.digit);
    execl("/proc/self/exe", self, "--serve", model.c_str(), "--data", arguments.data.c_str(), "--digit",
          digit.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  SKIFF_ENFORCE(child > 0 && waitpid(child, &status, 0) == child && status == 0, Unavailable,
                "the serving process failed");
  return accuracy >= 0.96f ? 0 : 1;
}

// ---- serving -----------------------------------------------------------------------------------------

// Two rows of pixels in a line of text, as half blocks.
void Draw(const sk::Tensor& image) {
  const auto ink = [&](int row, int column) { return image.data<float>()[row * 28 + column] > -0.2f; };
  for (int row = 0; row < 28; row += 2) {
    std::string line = "    ";
    for (int column = 0; column < 28; ++column) {
      const bool upper = ink(row, column), lower = ink(row + 1, column);
      line += upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ");
    }
    std::cout << line << '\n';
  }
}

int Serve(const Arguments& arguments) {
  const sk::Predictor predictor = sk::io::LoadPredictor(arguments.serve);

  const Digits held_out = LoadDigits(arguments.data, "t10k");
  const sk::Tensor image = held_out.images.Rows(arguments.digit, arguments.digit + 1);
  const sk::Tensor probabilities = predictor.Run({image})[0];
  const auto values = probabilities.Values<float>();
  const auto best = std::ranges::max_element(values);
  Draw(image);
  std::printf("a fresh process reads this digit as %td (%.1f %% sure); it is a %d\n", best - values.begin(),
              100 * *best, static_cast<int>(held_out.labels.data<int64_t>()[arguments.digit]));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Arguments arguments = Parse(argc, argv);
    return arguments.serve.empty() ? TrainAndSave(arguments, argv[0]) : Serve(arguments);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
