// Schedulers are compared with the rates that Paddle 2.6.2's take over twenty steps.
#include "framework/layers/lr_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/base/error.h"

namespace skiff::lr {
namespace {

using Json = nlohmann::json;

struct Schedule {
  std::string name;
  std::function<SchedulerPtr()> make;
};

void PrintTo(const Schedule& schedule, std::ostream* out) { *out << schedule.name; }

const Json& Fixture() {
  static const Json json = [] {
    std::ifstream file(std::string(SKIFF_TESTS_DIR) + "/fixtures/optim/schedules.json");
    return Json::parse(file);
  }();
  return json;
}

const Json& CaseOf(const std::string& name) {
  const Json& cases = Fixture().at("cases");
  if (cases.is_object()) return cases.at(name);
  for (const Json& c : cases) {
    if (c.at("name") == name) return c;
  }
  throw NotFound("no schedule " + name);
}

void StepOnce(Scheduler& rate, size_t step) {
  if (auto* plateau = dynamic_cast<ReduceOnPlateau*>(&rate)) {
    plateau->Step(Fixture().at("metrics")[step].get<double>());
  } else {
    rate.Step();
  }
}

SchedulerPtr Plateau(double rate, const PlateauOptions& options) {
  return std::make_shared<ReduceOnPlateau>(rate, options);
}

class SchedulesOfPaddle : public ::testing::TestWithParam<Schedule> {};

TEST_P(SchedulesOfPaddle, TakePaddlesRates) {
  const auto expected = CaseOf(GetParam().name).at("values").get<std::vector<double>>();
  const SchedulerPtr rate = GetParam().make();
  for (size_t i = 0; i < expected.size(); ++i) {
    if (i > 0) StepOnce(*rate, i - 1);
    EXPECT_NEAR(rate->value(), expected[i], 1e-12 + 1e-9 * std::abs(expected[i])) << "step " << i;
  }
}

TEST_P(SchedulesOfPaddle, GoOnFromSavedState) {
  const SchedulerPtr whole = GetParam().make();
  for (size_t i = 0; i < 7; ++i) StepOnce(*whole, i);
  const SchedulerPtr resumed = GetParam().make();
  resumed->Restore(whole->Save());
  for (size_t i = 7; i < 15; ++i) {
    EXPECT_DOUBLE_EQ(resumed->value(), whole->value()) << "step " << i;
    StepOnce(*whole, i);
    StepOnce(*resumed, i);
  }
}

const Schedule kSchedules[] = {
    {"noam", [] { return NoamDecay(64, 5); }},
    {"noam_scaled", [] { return NoamDecay(64, 8, 0.5); }},
    {"piecewise", [] { return PiecewiseDecay({3, 6, 9}, {0.1, 0.05, 0.01, 0.001}); }},
    {"natural_exp", [] { return NaturalExpDecay(0.5, 0.1); }},
    {"inverse_time", [] { return InverseTimeDecay(0.5, 0.1); }},
    {"polynomial", [] { return PolynomialDecay(0.5, 12); }},
    {"polynomial_power", [] { return PolynomialDecay(0.5, 10, 0.01, 2.0); }},
    {"polynomial_cycle", [] { return PolynomialDecay(0.5, 6, 0.05, 1.5, true); }},
    {"warmup_constant", [] { return LinearWarmup(0.5, 8, 0.0, 0.5); }},
    {"warmup_scheduler", [] { return LinearWarmup(ExponentialDecay(0.4, 0.8), 5, 0.05, 0.4); }},
    {"exponential", [] { return ExponentialDecay(0.5, 0.9); }},
    {"multi_step", [] { return MultiStepDecay(0.5, {4, 7, 12}, 0.5); }},
    {"multi_step_default", [] { return MultiStepDecay(0.5, {5, 15}); }},
    {"step", [] { return StepDecay(0.5, 4); }},
    {"step_gamma", [] { return StepDecay(0.5, 3, 0.7); }},
    {"lambda", [] { return LambdaDecay(0.5, [](int64_t t) { return std::pow(0.95, double(t)); }); }},
    {"cosine", [] { return CosineAnnealingDecay(0.5, 10); }},
    {"cosine_floor", [] { return CosineAnnealingDecay(0.5, 7, 0.1); }},
    {"multiplicative", [] { return MultiplicativeDecay(0.5, [](int64_t t) { return t % 2 ? 0.9 : 0.95; }); }},
    {"one_cycle", [] { return OneCycleLR(1.0, 20); }},
    {"one_cycle_linear",
     [] {
       return OneCycleLR(1.0, 20, {.divide_factor = 10, .end_learning_rate = 0.01, .phase_pct = 0.4,
                                   .anneal_strategy = "linear"});
     }},
    {"one_cycle_three_phase", [] { return OneCycleLR(1.0, 20, {.three_phase = true}); }},
    {"cyclic", [] { return CyclicLR(0.1, 0.5, 4, {.step_size_down = 3}); }},
    {"cyclic_triangular2", [] { return CyclicLR(0.1, 0.5, 3, {.mode = "triangular2"}); }},
    {"cyclic_exp_range", [] { return CyclicLR(0.1, 0.5, 3, {.mode = "exp_range", .exp_gamma = 0.9}); }},
    {"cyclic_scale_fn",
     [] {
       return CyclicLR(0.1, 0.5, 3, {.scale = [](double x) { return std::pow(0.8, x); }, .scale_by_cycle = false});
     }},
    {"linear", [] { return LinearLR(0.5, 8); }},
    {"linear_factors", [] { return LinearLR(0.5, 6, 0.1, 0.8); }},
    {"warm_restarts", [] { return CosineAnnealingWarmRestarts(0.5, 5); }},
    {"warm_restarts_growing", [] { return CosineAnnealingWarmRestarts(0.5, 3, 2, 0.01); }},
    {"plateau", [] { return Plateau(0.5, {.factor = 0.5, .patience = 2}); }},
    {"plateau_max",
     [] { return Plateau(0.5, {.mode = "max", .factor = 0.3, .patience = 1, .cooldown = 2, .min_lr = 0.02}); }},
    {"plateau_absolute",
     [] { return Plateau(0.5, {.factor = 0.5, .patience = 1, .threshold = 0.05, .threshold_mode = "abs"}); }},
    {"resumed", [] { return StepDecay(0.5, 3, 0.5, 4); }},
};

INSTANTIATE_TEST_SUITE_P(Rates, SchedulesOfPaddle, ::testing::ValuesIn(kSchedules),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(SchedulerErrorTest, RefusesStateThatLacksAnEntryAndKeepsItsOwn) {
  const SchedulerPtr rate = StepDecay(0.5, 1, 0.5);
  rate->Step();
  EXPECT_THAT([&] { rate->Restore({{"last_epoch", 7.0}}); },
              ::testing::ThrowsMessage<NotFound>(::testing::HasSubstr("lacks \"last_lr\"")));
  EXPECT_EQ(rate->last_epoch(), 1);
}

TEST(SchedulerErrorTest, NamesTheValueThatIsOutOfRange) {
  EXPECT_THAT([] { ExponentialDecay(0.5, 1.5); },
              ::testing::ThrowsMessage<InvalidArgument>(::testing::HasSubstr("gamma is 1.5")));
}

}  // namespace
}  // namespace skiff::lr
