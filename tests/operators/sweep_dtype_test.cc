// Every recorded case again in the other dtypes its operator has kernels for. float64 is compared with the
// numbers recorded in float32; the half types with the float32 kernel on inputs rounded to them, so that
// neither ties nor steep functions need an allowance; integers with the recorded numbers, exactly.
#include <cmath>

#include "tests/support/recorded_case.h"

namespace skiff::testing {
namespace {

// Operators and cases whose results in another dtype are others by definition.
const std::map<std::string, std::string> kNotComparable = {
    {"cast", "its output has the dtype of an attribute"},
    {"coalesce_tensor", "its attribute gives the dtype of its inputs"},
    {"logcumsumexp_exclusive", "starts from the dtype's lowest number"},
    {"logcumsumexp_both", "starts from the dtype's lowest number"},
    {"quantize_linear_one", "rounds a tie that float32 does not hit"},
    {"grid_sampler_bilinear_reflection_edges", "reads at the middle between two pixels, rounded"},
    {"grid_sampler_nearest_reflection_edges", "reads at the middle between two pixels, rounded"},
};

// What stays float32 beside half-precision operands, as in Paddle's mixed precision.
std::set<std::string> KeptSlots(const RecordedCase& c, DType dtype) {
  if (dtype == DType::kFloat64) return {};
  if (c.op.type == "batch_norm") return {"Scale", "Bias", "Mean", "Variance"};
  if (c.op.type == "check_finite_and_unscale") return {"Scale"};
  return {"Beta1Pow", "Beta2Pow", "LearningRate", "PrevLossScaling"};
}

bool HasKernel(const RecordedCase& c, const Place& place, DType dtype) {
  if (c.def().kernels.empty()) return c.def().dynamic != nullptr && dtype == DType::kFloat64;
  return FindKernel(c.def(), place.kind, dtype) != nullptr;
}

bool HasGradientKernels(const RecordedCase& c, const std::set<std::string>& wanted, const Place& place, DType dtype) {
  for (const Operator& gradient : c.GradientOperators(wanted)) {
    const OpDef& def = GetOp(gradient.type);
    if (!def.kernels.empty() && FindKernel(def, place.kind, dtype) == nullptr) return false;
  }
  return true;
}

double RoundingOf(DType dtype) {
  return dtype == DType::kFloat64 ? 2e-5 : dtype == DType::kFloat16 ? 4e-3 : 3e-2;
}

class SweepDTypeTest : public SweepTest {
 protected:
  // Outputs, and the gradients that were recorded, of `json` computed in `dtype` from float32 numbers that
  // were rounded to `rounded`.
  RecordedCase Compute(const Json& json, DType dtype, DType rounded, bool gradients) const {
    RecordedCase c(json);
    const std::set<std::string> kept = KeptSlots(c, rounded);
    c.Cast(DType::kFloat32, rounded, kept);
    c.Cast(rounded, dtype, kept);
    c.Run(Options());
    const auto recorded = RecordedSeeds(json);
    const auto seed = [&](const std::string& slot, int k, const Tensor& out) {
      const Tensor gradient = recorded(slot, k, out);
      if (IsComplex(out.dtype())) return CastTo(gradient, out.dtype());
      return rounded == DType::kFloat64 || !IsFloating(out.dtype()) ? gradient
                                                                    : CastTo(CastTo(gradient, rounded), out.dtype());
    };
    if (gradients) c.RunGradients(seed, json["gradients"], Options());
    return c;
  }
};
SKIFF_SWEEP_PLACES(SweepDTypeTest);

TEST_P(SweepDTypeTest, FloatingDTypesAgree) {
  int ran = 0, excluded = 0;
  ForEachRecordedCase([&](const Json& json) {
    const RecordedCase c(json);
    const Tensor* key = c.Key();
    if (key == nullptr || key->dtype() != DType::kFloat32) return;
    if (c.def().random || kNotComparable.contains(c.op.type) || kNotComparable.contains(json["name"])) {
      ++excluded;
      return;
    }
    for (const DType dtype : {DType::kFloat64, DType::kFloat16, DType::kBFloat16}) {
      if (!HasKernel(c, GetParam(), dtype)) continue;
      SCOPED_TRACE(ToString(dtype));
      const std::set<std::string> wanted = json["gradients"];
      const bool gradients = !wanted.empty() && HasGradientKernels(c, wanted, GetParam(), dtype);
      const bool wide = dtype == DType::kFloat64;
      try {
        RecordedCase got = Compute(json, dtype, dtype, gradients);
        RecordedCase reference = wide ? RecordedCase(json) : Compute(json, DType::kFloat32, dtype, gradients);
        for (const auto& [slot, count] : json["outputs"].items()) {
          if (count.is_null()) continue;
          for (size_t k = 0; k < c.op.outputs[slot].size(); ++k) {
            const Tensor* out = got.Output(slot, k);
            ASSERT_NE(out, nullptr) << slot;
            const Tensor& wanted_out = wide ? Recorded(json, "out", slot, static_cast<int>(k)) : *reference.Output(slot, k);
            EXPECT_TRUE(AreClose(*out, wanted_out, RoundingOf(dtype))) << slot;
          }
        }
        for (const std::string& slot : gradients ? wanted : std::set<std::string>{}) {
          for (size_t k = 0; k < c.op.inputs[slot].size(); ++k) {
            const std::string name = GradName(c.op.inputs[slot][k]);
            EXPECT_TRUE(AreClose(got.tensor(name),
                                 wide ? Recorded(json, "ingrad", slot, static_cast<int>(k)) : reference.tensor(name),
                                 2 * RoundingOf(dtype)))
                << slot << "@GRAD";
          }
        }
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
      ++ran;
    }
  });
  std::cout << ran << " cases in another floating dtype, " << excluded << " excluded\n";
}

bool Holds(DType dtype, const std::vector<double>& values) {
  const double low = dtype == DType::kUInt8 ? 0 : -std::pow(2.0, 8.0 * SizeOf(dtype) - 1);
  const double high = dtype == DType::kUInt8 ? 255 : -low - 1;
  for (double v : values) {
    if (!(low <= v && v <= high)) return false;
  }
  return true;
}

TEST_P(SweepDTypeTest, IntegersAgree) {
  int ran = 0, excluded = 0;
  ForEachRecordedCase([&](const Json& json) {
    const RecordedCase c(json);
    const Tensor* key = c.Key();
    if (key == nullptr || c.def().kernels.empty()) return;
    const DType from = key->dtype();
    if (from != DType::kInt32 && from != DType::kInt64) return;
    if (c.def().random) {
      ++excluded;
      return;
    }
    for (const DType dtype : {DType::kInt8, DType::kUInt8, DType::kInt16, DType::kInt32, DType::kInt64}) {
      if (dtype == from || FindKernel(c.def(), GetParam().kind, dtype) == nullptr) continue;
      bool exact = true;
      for (const std::string& name : c.InputNames()) exact &= Holds(dtype, ToDoubles(std::get<Tensor>(c.values.at(name))));
      RecordedCase got(json);
      got.Cast(from, dtype);
      for (const auto& [slot, count] : json["outputs"].items()) {
        for (size_t k = 0; !count.is_null() && k < c.op.outputs[slot].size(); ++k) {
          exact &= Holds(dtype, ToDoubles(Recorded(json, "out", slot, static_cast<int>(k))));
        }
      }
      if (!exact) {
        ++excluded;
        continue;
      }
      SCOPED_TRACE(ToString(dtype));
      try {
        got.Run(Options());
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
        continue;
      }
      for (const auto& [slot, count] : json["outputs"].items()) {
        for (size_t k = 0; !count.is_null() && k < c.op.outputs[slot].size(); ++k) {
          EXPECT_TRUE(AreClose(*got.Output(slot, k), Recorded(json, "out", slot, static_cast<int>(k)), 2e-5)) << slot;
        }
      }
      ++ran;
    }
  });
  std::cout << ran << " cases in another integer dtype, " << excluded << " excluded\n";
}

}  // namespace
}  // namespace skiff::testing
