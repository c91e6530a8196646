// Saves a static program and its parameters, forgets the parameters, loads both and computes the same
// again. The files are PaddlePaddle's: paddle.load reads both.
#include <skiff/skiff.h>

#include <algorithm>
#include <iostream>

namespace sk = skiff;

int main() try {
  sk::Program main, startup;
  sk::ProgramGuard guard(main, startup);
  const auto x = sk::layers::Data("x", {-1, 224});
  const auto z = sk::layers::FC(x, 10);

  sk::Executor executor{sk::CPUPlace{}};
  executor.Run(startup);
  sk::Tensor input({3, 224}, sk::DType::kFloat32);
  std::ranges::generate(std::span(input.data<float>(), 3 * 224), [i = 0]() mutable { return 0.001f * ++i; });
  const sk::Tensor before = executor.Run(main, {{"x", input}}, {z.name()})[0];

  // Parameters by name, and the program itself.
  sk::io::SaveStateDict(sk::io::GetStateDict(main, sk::GlobalScope()), "temp/model.pdparams");
  sk::io::SaveProgram(main, "temp/model.pdmodel");

  executor.Run(startup);  // draws the parameters anew
  const auto loaded = sk::io::LoadProgram("temp/model.pdmodel");
  const auto report =
      sk::io::SetStateDict(*loaded, sk::GlobalScope(), sk::io::LoadStateDict("temp/model.pdparams"));
  std::cout << report.ToString() << '\n';
  const sk::Tensor after = executor.Run(*loaded, {{"x", input}}, {z.name()})[0];

  const bool same = std::ranges::equal(before.Values<float>(), after.Values<float>());
  std::cout << z << '\n' << after << '\n' << (same ? "the same as before\n" : "NOT the same as before\n");
  return same ? 0 : 1;
} catch (const sk::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
