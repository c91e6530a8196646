// Any bytes as a program that is loaded and run: parsed, given parameters of the shapes that it declares, verified,
// planned and run on small inputs. A defect is an error; nothing is read or written outside of what a variable has.
#include <algorithm>
#include <cstring>
#include <set>

#include "executor/executor.h"
#include "executor/predictor.h"
#include "io/inference_model.h"
#include "io/program_file.h"
#include "tests/fuzz/fuzz.h"

namespace skiff::io {

namespace {

constexpr int64_t kMaxElements = 1 << 17;

// A small value of the declared shape, or nothing where it would not be small.
std::optional<Tensor> SomeValue(const Variable& v) {
  if (v.kind != VarKind::kLodTensor || v.dtype == DType::kUndefined) return std::nullopt;
  Shape shape = v.shape;
  int64_t count = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] < 0) shape[i] = 2;
    if (shape[i] > kMaxElements || (count *= shape[i]) > kMaxElements) return std::nullopt;
  }
  Tensor value(shape, v.dtype);
  std::memset(value.raw_data(), 0, value.bytes());
  if (v.dtype == DType::kFloat32) {
    for (int64_t i = 0; i < value.num_elements(); ++i) value.data<float>()[i] = static_cast<float>(i % 5) / 4 - 0.25f;
  }
  if (v.dtype == DType::kInt64) {
    for (int64_t i = 0; i < value.num_elements(); ++i) value.data<int64_t>()[i] = i % 2;
  }
  if (v.lod_level == 1 && shape.rank() > 0) value.set_lod({{0, static_cast<uint64_t>(shape[0])}});
  return value;
}

// A loop may run for ever, as in any language; that it may be stopped is not this target's matter.
bool MayRunForEver(const Program& program) {
  size_t ops = 0;
  for (int b = 0; b < program.num_blocks(); ++b) {
    for (const auto& op : program.block(b).ops()) {
      if (op->type == "while" || op->type == "py_func" || ++ops > 300) return true;
    }
  }
  return false;
}

void RunModel(const std::string& bytes, const Scope& scope, const Program& program) {
  const Predictor predictor(ToPredictorModel(ParseInferenceModel(bytes, SerializeParameters(program, scope))), {.num_threads = 1});
  std::vector<Tensor> inputs;
  for (const std::string& name : predictor.input_names()) {
    const TensorMeta meta = predictor.Describe(name);
    const std::optional<Tensor> value = SomeValue({.name = name, .dtype = meta.dtype, .shape = meta.shape, .lod_level = meta.lod_level});
    if (!value) return;
    inputs.push_back(*value);
  }
  for (int run = 0; run < 2; ++run) predictor.Run(inputs);
}

}  // namespace

void FuzzModel(std::span<const uint8_t> bytes) {
  const std::unique_ptr<Program> program = ParseProgram(bytes, "fuzz");
  if (MayRunForEver(*program)) return;
  std::set<std::string> written;
  for (const auto& op : program->global_block().ops()) {
    if (op->type == "feed") continue;
    for (std::string& name : op->outputs.AllNames()) written.insert(std::move(name));
  }
  Scope scope;
  Feeds feeds;
  for (const Variable* v : program->ListVars()) {
    const std::optional<Tensor> value = SomeValue(*v);
    if (value && v->persistable) scope.SetTensor(v->name, *value);
    if (value && !v->persistable && !written.contains(v->name) && v->block->idx() == 0) feeds.emplace_back(v->name, *value);
  }
  IgnoreErrors([&] { RunModel(std::string(AsText(bytes)), scope, *program); });
  std::vector<std::string> fetches;
  for (const auto& op : program->global_block().ops()) {
    if (op->type != "feed" && op->type != "fetch" && !op->outputs.AllNames().empty()) fetches = {op->outputs.AllNames().back()};
  }
  Executor executor(CPUPlace{}, {.num_threads = 1});
  for (int run = 0; run < 2; ++run) executor.Run(*program, feeds, fetches, &scope);
}

}  // namespace skiff::io

SKIFF_FUZZ_TARGET(model, skiff::io::FuzzModel, skiff::io::MutateProgram)
