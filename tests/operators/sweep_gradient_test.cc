// The gradient of every recorded case against central differences in float64: of a sum of the outputs with
// irregular weights, by a few elements of each floating input.
#include <cmath>

#include "tests/support/recorded_case.h"

namespace skiff::testing {
namespace {

// Operators and cases whose gradient is, by definition, not that of their values.
const std::map<std::string, std::string> kNotDifferentiable = {
    {"batch_norm_trainable_statistics", "Paddle's gradient goes by is_test alone"},
    {"cast", "to a narrower dtype it is a staircase"},
    {"cummax_ties", "moving one of equal numbers changes which is the largest"},
    {"data_norm", "the gradients of the statistics are what the batch adds to them"},
    {"digamma_negative", "steps over a pole"},
    {"elementwise_div_grad", "reads Out beside the X and Y that it came from"},
    {"elementwise_pow_special", "infinite and undefined powers"},
    {"elu_grad", "reads Out beside the X that it came from"},
    {"fake_quantize", "straight-through estimator"},
    {"fake_channel_wise", "straight-through estimator"},
    {"log_softmax_large", "a step lies below the precision of inputs this large"},
    {"reduce_prod_zero", "Paddle divides the product by the element"},
    {"soft_relu", "Paddle compares the output, not the input, with the bounds"},
    {"spectral_norm", "the vectors of the iteration count as constants"},
    {"warprnnt_fastemit", "the attribute weighs the gradient and not the loss"},
    {"warpctc_by_times", "the attribute divides the gradient and not the loss"},
};

// Inputs that count as constants, and get zeros.
const std::set<std::pair<std::string, std::string>> kConstantSlots = {{"yolov3_loss", "GTBox"},
                                                                      {"yolov3_loss", "GTScore"}};

bool IsNotDifferentiable(const RecordedCase& c) {
  if (kNotDifferentiable.contains(c.op.type) || kNotDifferentiable.contains(c.json["name"])) return true;
  return c.op.type.starts_with("fake_quantize") || c.op.type.starts_with("fake_channel_wise");
}

// Operators of symmetric matrices read one triangle: an element moves with its mirror image.
const std::set<std::string> kSymmetric = {"cholesky", "eigh", "eigvalsh"};

int64_t MirrorOf(int64_t i, const Shape& shape) {
  const int64_t n = shape[shape.rank() - 1], row = i / n % n, column = i % n;
  return i + (column - row) * n + row - column;
}

constexpr int64_t kElements = 12;  // of each input
constexpr double kStep = 1e-5;

double Weight(int64_t i) {
  return (i % 3 == 1 ? -1 : 1) * (0.5 + std::fmod(0.754877666 * static_cast<double>(i + 1), 1.0));
}

// Output slots that receive a gradient in the recorded case, or, where none was recorded, in the gradient
// maker's operators.
std::set<std::string> ProjectedSlots(const RecordedCase& c) {
  std::set<std::string> slots = c.json["targets"];
  if (!slots.empty()) return slots;
  std::set<std::string> read;
  for (const Operator& gradient : c.GradientOperators({})) {
    for (const std::string& name : gradient.inputs.AllNames()) read.insert(name);
  }
  for (const auto& [slot, names] : c.op.outputs) {
    for (const std::string& name : names) {
      if (read.contains(GradName(name))) slots.insert(slot);
    }
  }
  return slots;
}

double Projection(const RecordedCase& c, const std::set<std::string>& slots) {
  double sum = 0;
  for (const std::string& slot : slots) {
    for (size_t k = 0; k < c.op.outputs[slot].size(); ++k) {
      const Tensor* out = c.Output(slot, k);
      if (out == nullptr || !IsFloating(out->dtype())) continue;
      const std::vector<double> values = ToDoubles(*out);
      for (size_t i = 0; i < values.size(); ++i) sum += Weight(static_cast<int64_t>(i)) * values[i];
    }
  }
  return sum;
}

// The case's projection with some elements of an input moved by `step`.
double ProjectionAt(const RecordedCase& c, const std::set<std::string>& slots, const std::string& name,
                    const std::set<int64_t>& elements, double step, const RunOpOptions& options) {
  RecordedCase moved = c;
  Tensor& input = moved.tensor(name);
  input = input.Clone();
  for (int64_t i : elements) input.data<double>()[i] += step;
  moved.Run(options);
  return Projection(moved, slots);
}

RecordedCase::SeedFn WeightsOf(const std::set<std::string>& slots) {
  return [slots](const std::string& slot, int, const Tensor& out) {
    if (!IsFloating(out.dtype())) return Tensor();
    std::vector<double> weights(static_cast<size_t>(out.num_elements()), 0);
    for (size_t i = 0; i < weights.size() && slots.contains(slot); ++i) weights[i] = Weight(static_cast<int64_t>(i));
    return MakeTensor(out.shape(), out.dtype(), weights);
  };
}

class SweepGradientTest : public SweepTest {
 protected:
  // Compares `gradient` with the quotients of the projection, which is `here` at the recorded inputs.
  void CheckInput(const RecordedCase& c, const std::set<std::string>& slots, const std::string& name,
                  const Tensor& gradient, double here) {
    const Tensor& x = std::get<Tensor>(c.values.at(name));
    ASSERT_EQ(gradient.shape(), x.shape()) << GradName(name);
    const std::vector<double> g = ToDoubles(gradient);
    double largest = 1;
    for (double v : g) largest = std::isfinite(v) ? std::max(largest, std::abs(v)) : largest;
    const int64_t n = x.num_elements(), stride = std::max<int64_t>(1, n / kElements) | 1;
    for (int64_t i = 0; i < n; i += stride) {
      const double h = kStep * std::max(1.0, std::abs(x.data<double>()[i]));
      std::set<int64_t> moved = {i};
      if (kSymmetric.contains(c.op.type)) moved.insert(MirrorOf(i, x.shape()));
      double computed = 0;
      for (int64_t k : moved) computed += g[static_cast<size_t>(k)];
      const double above = ProjectionAt(c, slots, name, moved, h, Options());
      const double below = ProjectionAt(c, slots, name, moved, -h, Options());
      const double wanted = (above - below) / (2 * h), bend = (above - 2 * here + below) / h;
      ++elements_;
      if (std::abs(computed - wanted) <= 1e-5 * largest + 1e-10 * std::abs(here) / h) continue;
      // At a kink or jump the two sides differ by far more than a smooth function's bend.
      if (!std::isfinite(wanted) || std::abs(bend) > 0.05 * std::max(std::abs(wanted), 1e-3)) {
        ++kinks_;
        continue;
      }
      ADD_FAILURE() << "gradient of " << name << "[" << i << "] is " << computed << ", the quotient " << wanted;
      return;
    }
  }

  int elements_ = 0, kinks_ = 0;
};
SKIFF_SWEEP_PLACES(SweepGradientTest);

TEST_P(SweepGradientTest, AgreesWithFiniteDifferences) {
  int cases = 0, excluded = 0;
  ForEachRecordedCase([&](const Json& json) {
    RecordedCase c(json);
    bool floating = false;
    for (const std::string& name : c.InputNames()) floating |= IsFloating(c.tensor(name).dtype());
    if (!c.def().grad || !floating) return;
    bool known = !IsNotDifferentiable(c);
    if (!c.def().kernels.empty()) known &= FindKernel(c.def(), GetParam().kind, DType::kFloat64) != nullptr;
    for (const std::string& name : c.InputNames()) known &= !IsComplex(c.tensor(name).dtype());
    for (const auto& [slot, count] : json["outputs"].items()) {
      known &= count.is_null() || count == 0 || !IsComplex(Recorded(json, "out", slot, 0).dtype());
    }
    if (!known) {
      ++excluded;
      return;
    }
    c.Cast(DType::kFloat32, DType::kFloat64);
    const std::set<std::string> slots = ProjectedSlots(c), recorded = json["gradients"];
    RecordedCase computed = c;
    computed.Run(Options());
    try {
      computed.RunGradients(WeightsOf(slots), recorded, Options());
    } catch (const Error& error) {  // forms of the operator without a gradient, as in Paddle
      const std::set<ErrorKind> refusals = {ErrorKind::kUnimplemented, ErrorKind::kPreconditionNotMet, ErrorKind::kNotFound};
      if (!refusals.contains(error.kind())) throw;
      ++excluded;
      return;
    }
    ++cases;
    for (const auto& [slot, names] : c.op.inputs) {
      if (!recorded.empty() && !recorded.contains(slot)) continue;
      for (const std::string& name : names) {
        const auto found = computed.values.find(GradName(name));
        if (found == computed.values.end() || !std::holds_alternative<Tensor>(found->second)) continue;
        if (c.tensor(name).dtype() != DType::kFloat64 || kConstantSlots.contains({c.op.type, slot})) continue;
        CheckInput(c, slots, name, std::get<Tensor>(found->second), Projection(computed, slots));
      }
    }
  });
  std::cout << cases << " cases, " << elements_ << " elements of which " << kinks_ << " at a kink or not finite, " << excluded
            << " cases excluded\n";
}

}  // namespace
}  // namespace skiff::testing
