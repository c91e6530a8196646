// The operator cases recorded from Paddle (tests/fixtures/ops), as operators over named values. They are the
// material of fixtures_test.cc, which compares with the recorded numbers, and of the sweep_*_test.cc, which
// run every case again in other dtypes, sizes and places.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "framework/op/op_def.h"
#include "framework/op/run_op.h"
#include "tests/support/op_case.h"

namespace skiff::testing {

using Json = nlohmann::json;

/// All cases whose operator is registered; those of SKIFF_TEST_OPS ("conv2d,rnn") alone when that is set.
const std::vector<Json>& RecordedCases();
/// Whether SKIFF_TEST_OPS narrows them.
bool SelectsOperators();
/// The array recorded as `part` ("in", "out", "outgrad", "ingrad") of a case.
const Tensor& Recorded(const Json& c, const std::string& part, const std::string& slot, int k);
/// The sequences recorded with it; none for most cases.
LoD RecordedLoD(const Json& c, const std::string& part, const std::string& slot, int k);

struct RecordedCase {
  explicit RecordedCase(const Json& c);

  const OpDef& def() const { return GetOp(op.type); }
  Tensor& tensor(const std::string& name) { return std::get<Tensor>(values.at(name)); }
  /// Names of all inputs, each once.
  std::set<std::string> InputNames() const;
  /// The input whose dtype selects the kernel, or nullptr.
  const Tensor* Key() const;
  /// Replaces inputs of one dtype by the same numbers in another, but for those of some slots.
  void Cast(DType from, DType to, const std::set<std::string>& kept_slots = {});
  void Run(const RunOpOptions& options);
  /// An output after Run, or nullptr.
  const Tensor* Output(const std::string& slot, size_t k) const;

  using SeedFn = std::function<Tensor(const std::string& slot, int k, const Tensor& out)>;
  /// After Run: the gradient maker's operators, as a program would have them, from the gradients that `seed`
  /// gives to the floating outputs. `wanted` are slots; all floating inputs when it is empty.
  void RunGradients(const SeedFn& seed, const std::set<std::string>& wanted, const RunOpOptions& options);
  std::vector<Operator> GradientOperators(const std::set<std::string>& wanted) const;

  Json json;
  Operator op;
  std::map<std::string, Value> values;
};

/// The recorded gradient of a target, zeros for any other output, in the output's dtype.
RecordedCase::SeedFn RecordedSeeds(const Json& json);
/// The numbers of a tensor in another dtype, with its sequences.
Tensor CastTo(const Tensor& tensor, DType dtype);
/// Calls `check` for every case, with its name in the trace of failures and errors as failures.
void ForEachRecordedCase(const std::function<void(const Json&)>& check);
/// Whether all elements differ by at most tolerance * (largest + |wanted|).
::testing::AssertionResult AreClose(const Tensor& got, const Tensor& wanted, double tolerance);

/// Suites over all recorded cases, one test for each place.
class SweepTest : public ::testing::TestWithParam<Place> {
 protected:
  void SetUp() override;
  RunOpOptions Options() const { return {.place = GetParam(), .seed = 7, .num_threads = 2}; }
};

}  // namespace skiff::testing

#define SKIFF_SWEEP_PLACES(Suite)                                                                       \
  INSTANTIATE_TEST_SUITE_P(Places, Suite,                                                               \
                           ::testing::Values(::skiff::Place(::skiff::CPUPlace{}),                       \
                                             ::skiff::Place(::skiff::CUDAPlace{0})),                    \
                           [](const auto& info) { return info.param.is_cpu() ? "Cpu" : "Cuda"; })
