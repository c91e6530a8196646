// Saves what inference needs of a program, loads it and runs it on many threads at once.
#include <skiff/skiff.h>

#include <algorithm>
#include <iostream>
#include <thread>

namespace sk = skiff;

int main() try {
  sk::Program main, startup;
  sk::ProgramGuard guard(main, startup);
  const auto image = sk::layers::Data("img", {64, 784});
  const auto weight = sk::layers::CreateParameter({784, 200});
  const auto bias = sk::layers::CreateParameter({200});
  const auto hidden = sk::layers::Matmul(image, weight) + bias;

  sk::Executor executor{sk::CPUPlace{}};
  executor.Run(startup);
  sk::io::SaveInferenceModel("infer_model", {image.name()}, {hidden.name()}, main, sk::GlobalScope());

  // The parameters come from the file alone; each name is checked against the program first.
  const sk::Predictor predictor = sk::io::LoadPredictor("infer_model");

  sk::Tensor input({64, 784}, sk::DType::kFloat32);
  std::ranges::generate(std::span(input.data<float>(), 64 * 784), [i = 0]() mutable { return 1e-4f * (i++ % 97); });
  const sk::Tensor wanted = executor.Run(main, {{"img", input}}, {hidden.name()})[0];

  // A predictor never changes, so threads share it; each run has its own temporaries.
  std::vector<sk::Tensor> results(4);
  std::vector<std::thread> threads;
  for (sk::Tensor& result : results) {
    threads.emplace_back([&] { result = predictor.Run({input})[0]; });
  }
  for (std::thread& thread : threads) thread.join();

  const bool right = std::ranges::all_of(results, [&](const sk::Tensor& result) {
    return result.shape() == wanted.shape() &&
           std::ranges::equal(result.Values<float>(), wanted.Values<float>(),
                              [](float a, float b) { return std::abs(a - b) <= 1e-5f * (1 + std::abs(b)); });
  });
  std::cout << results[0] << '\n' << (right ? "four threads, one answer\n" : "the answers DIFFER\n");
  return right ? 0 : 1;
} catch (const sk::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
