// Every operator case recorded from Paddle (tests/fixtures/ops): outputs and gradients, on each place.
#include "tests/support/recorded_case.h"

namespace skiff::testing {
namespace {

double ToleranceOf(DType dtype) {
  if (dtype == DType::kFloat64 || dtype == DType::kComplex128) return 1e-10;
  if (IsFloating(dtype)) return dtype == DType::kFloat32 ? 2e-5 : 2e-3;
  return dtype == DType::kComplex64 ? 2e-5 : 0;
}

void ExpectEqual(const Tensor& ours, const Tensor& paddles, const std::string& what) {
  ASSERT_EQ(ours.dtype(), paddles.dtype()) << what;
  EXPECT_TRUE(AreClose(ours, paddles, ToleranceOf(ours.dtype()))) << what;
}

void CheckOutputs(const Json& json, const RunOpOptions& options) {
  RecordedCase c(json);
  c.Run(options);
  for (const auto& [slot, count] : json["outputs"].items()) {
    if (count.is_null()) continue;
    const std::vector<std::string>& names = c.op.outputs[slot];
    for (size_t k = 0; k < names.size(); ++k) {
      const Tensor& out = c.tensor(names[k]);
      ExpectEqual(out, Recorded(json, "out", slot, static_cast<int>(k)), slot);
      if (json.contains("lods")) {
        EXPECT_EQ(out.lod(), RecordedLoD(json, "out", slot, static_cast<int>(k))) << "sequences of " << slot;
      }
    }
  }
}

// As a program would: maker, its operators, zeros for the output gradients that nobody gave.
void CheckGradients(const Json& json, const RunOpOptions& options) {
  RecordedCase c(json);
  c.Run(options);
  ASSERT_TRUE(c.def().grad) << "no gradient";
  const std::set<std::string> wanted = json["gradients"];
  c.RunGradients(RecordedSeeds(json), wanted, options);
  for (const std::string& slot : wanted) {
    const std::vector<std::string>& names = c.op.inputs[slot];
    for (size_t k = 0; k < names.size(); ++k) {
      ASSERT_TRUE(c.values.contains(GradName(names[k]))) << "no gradient of " << names[k];
      ExpectEqual(c.tensor(GradName(names[k])), Recorded(json, "ingrad", slot, static_cast<int>(k)), slot + "@GRAD");
    }
  }
}

class PaddleCasesTest : public SweepTest {};
SKIFF_SWEEP_PLACES(PaddleCasesTest);

TEST_P(PaddleCasesTest, OutputsAndGradientsAgree) {
  ForEachRecordedCase([&](const Json& json) {
    CheckOutputs(json, Options());
    if (!json["gradients"].empty()) CheckGradients(json, Options());
  });
  if (!SelectsOperators()) {
    EXPECT_GT(RecordedCases().size(), 1800u);
  }
}

}  // namespace
}  // namespace skiff::testing
