// Loads the library named on the command line and runs its operator and gradient: x = [-1, 2], scale 3.
#include <skiff/skiff.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: use_scaled_relu LIBRARY\n";
    return 2;
  }
  for (const std::string& type : skiff::LoadOpLibrary(argv[1])) std::cout << "loaded " << type << '\n';

  skiff::Program program;
  skiff::Block& block = program.global_block();
  block.AddVar({.name = "x", .dtype = skiff::DType::kFloat32, .shape = {-1, 2}, .stop_gradient = false});
  block.AddVar({.name = "out"});
  skiff::AppendOp(block, {"scaled_relu", {{"X", {"x"}}}, {{"Out", {"out"}}}, {{"scale", 3.0f}}});
  const auto gradients = skiff::Gradients({block.FindVar("out")}, {block.FindVar("x")});

  skiff::Executor executor;
  const auto x = skiff::Tensor::Of<float>({1, 2}, {-1, 2});
  const auto fetched = executor.Run(program, {{"x", x}}, {"out", gradients[0]->name});
  std::cout << fetched[0] << '\n' << fetched[1] << '\n';
  const auto out = fetched[0].Values<float>(), grad = fetched[1].Values<float>();
  return out[0] == 0 && out[1] == 6 && grad[0] == 0 && grad[1] == 3 ? 0 : 1;
}
