// What running costs besides the kernels: microseconds per operator in a chain, and of one small run.
//
//   build/cpu/bin/executor_benchmark --benchmark_repetitions=5
//
// One thread, tensors of one element, so that nearly all the time is the executor's.
#include <benchmark/benchmark.h>

#include "executor/executor.h"
#include "executor/predictor.h"
#include "framework/op/append_op.h"

namespace skiff {
namespace {

// x -> relu -> tanh -> relu -> ... ; two kinds of operators, so that no pass can merge equal ones.
std::unique_ptr<Program> Chain(int length) {
  auto program = std::make_unique<Program>();
  Block& block = program->global_block();
  block.AddVar({.name = "v0", .dtype = DType::kFloat32, .shape = {-1}});
  for (int i = 0; i < length; ++i) {
    const std::string from = "v" + std::to_string(i), to = "v" + std::to_string(i + 1);
    AppendOp(block, {i % 2 ? "tanh" : "relu", {{"X", {from}}}, {{"Out", {to}}}});
  }
  return program;
}

void RunChain(benchmark::State& state) {
  const int length = static_cast<int>(state.range(0));
  const std::unique_ptr<Program> program = Chain(length);
  Executor exe(CPUPlace{}, {.num_threads = 1});
  Scope scope;
  const Feeds feeds = {{"v0", Tensor::Of<float>({1}, {0.5f})}};
  const std::vector<std::string> fetches = {"v" + std::to_string(length)};
  exe.Run(*program, feeds, fetches, &scope);
  for (auto _ : state) benchmark::DoNotOptimize(exe.Run(*program, feeds, fetches, &scope));
  state.counters["us_per_operator"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * length * 1e-6,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(RunChain)->Arg(2)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

void PredictorRun(benchmark::State& state) {
  PredictorModel model;
  model.program = Chain(2);
  model.feed_names = {"v0"};
  model.fetch_names = {"v2"};
  const Predictor predictor(std::move(model), {.num_threads = 1});
  const std::vector<Tensor> inputs = {Tensor::Of<float>({1}, {0.5f})};
  for (auto _ : state) benchmark::DoNotOptimize(predictor.Run(inputs));
}
BENCHMARK(PredictorRun)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace skiff

BENCHMARK_MAIN();
