// skiff bench: how long a model takes to load, to run first and to run after that.
#include <gflags/gflags.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "tools/skiff/command.h"
#include "tools/skiff/model_files.h"
#include "tools/skiff/output.h"

DECLARE_int32(threads);
DECLARE_int32(repeat);
DECLARE_bool(json);

namespace skiff::tool {
namespace {

using Clock = std::chrono::steady_clock;

double MsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double Quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
}

ExitCode Bench(const std::vector<std::string>& arguments) {
  const std::string argument = OnlyArgument(arguments, "prefix"), prefix = WithoutSuffix(argument);
  const std::string model = io::IsFolder(argument) ? argument : FindProgram(argument);
  if (FLAGS_repeat < 1) throw UsageError(StrCat("--repeat is ", FLAGS_repeat, "; wanted 1 or more"));

  auto start = Clock::now();
  const Predictor predictor = io::LoadPredictor(model, {.num_threads = FLAGS_threads});
  const double load_ms = MsSince(start);
  std::vector<TensorMeta> metas;
  for (const std::string& name : predictor.input_names()) metas.push_back(predictor.Describe(name));
  const std::vector<Tensor> inputs = RandomInputs(predictor.input_names(), metas, 1);
  start = Clock::now();
  predictor.Run(inputs);
  const double first_ms = MsSince(start);
  std::vector<double> runs_ms;
  for (int i = 0; i < FLAGS_repeat; ++i) {
    start = Clock::now();
    predictor.Run(inputs);
    runs_ms.push_back(MsSince(start));
  }
  std::sort(runs_ms.begin(), runs_ms.end());
  const double median_ms = Quantile(runs_ms, 0.5);

  if (FLAGS_json) {
    Json json = {{"model", prefix}, {"threads", FLAGS_threads}, {"load_ms", load_ms},
                                   {"first_ms", first_ms}, {"runs", runs_ms.size()}, {"min_ms", runs_ms[0]},
                                   {"median_ms", median_ms}, {"p90_ms", Quantile(runs_ms, 0.9)}};
    for (size_t i = 0; i < inputs.size(); ++i) {
      json["inputs"][predictor.input_names()[i]] = inputs[i].shape().ToVector();
    }
    PrintJson(json);
    return kOk;
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::cout << "input   " << predictor.input_names()[i] << ' ' << inputs[i].dtype() << ' ' << inputs[i].shape()
              << '\n';
  }
  char text[256];
  std::snprintf(text, sizeof(text),
                "load    %10.3f ms\nfirst   %10.3f ms\n"
                "steady  %10.3f ms median of %zu runs (min %.3f, p90 %.3f), %.1f runs/s\n",
                load_ms, first_ms, median_ms, runs_ms.size(), runs_ms[0], Quantile(runs_ms, 0.9), 1000 / median_ms);
  std::cout << text;
  return kOk;
}

}  // namespace

const Command kBench = {
    "bench", "PREFIX", "how long a model takes to load and to run",
    "Loads PREFIX.pdmodel and PREFIX.pdiparams, feeds random numbers of the declared shapes and measures\n"
    "loading, the first run (which plans) and the runs after it.\n\n"
    "  --shape NAME=1,3,224,224   extents of an input; -1 is taken as 1 otherwise; may be repeated\n"
    "  --threads N                CPU threads, by default one a core\n"
    "  --repeat N                 runs after the first, by default 50\n"
    "  --json                     the same as JSON\n\n"
    "example: skiff bench resnet50 --shape x=8,3,224,224 --threads 1\n",
    Bench};

}  // namespace skiff::tool
