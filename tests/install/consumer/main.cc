// Builds and runs a program against an installed skiff: out = relu(x).
#include <skiff/skiff.h>

#include <iostream>

int main() {
  skiff::Program program;
  skiff::Block& block = program.global_block();
  block.AddVar({.name = "x", .dtype = skiff::DType::kFloat32, .shape = {-1, 2}});
  block.AddVar({.name = "out"});
  skiff::AppendOp(block, {"relu", {{"X", {"x"}}}, {{"Out", {"out"}}}, {}});

  skiff::Executor executor;
  const auto x = skiff::Tensor::Of<float>({2, 2}, {-1, 2, 3, -4});
  const auto fetched = executor.Run(program, {{"x", x}}, {"out"});
  std::cout << fetched[0] << '\n';
  const auto got = fetched[0].Values<float>();
  return std::vector<float>(got.begin(), got.end()) == std::vector<float>{0, 2, 3, 0} ? 0 : 1;
}
