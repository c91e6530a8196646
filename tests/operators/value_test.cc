// The float functions of operators/kernel/value.h, through the operators that use them.
#include <cmath>
#include <functional>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

// Largest error in units of the wanted number's last place.
double WorstUlp(const char* op, const std::function<double(double)>& truth, double low, double high) {
  std::vector<double> x;
  for (int i = 0; i < 20011; ++i) x.push_back(static_cast<float>(low + (high - low) * i / 20010));
  const std::vector<double> got = OpCase(op).Input("X", {20011}, x).Values("Out");
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double wanted = truth(x[i]);
    const float rounded = static_cast<float>(wanted);
    const double ulp = std::abs(std::nextafter(rounded, INFINITY) - rounded);
    if (std::isfinite(rounded)) worst = std::max(worst, std::abs(got[i] - wanted) / ulp);
  }
  return worst;
}

TEST(ValueTest, FunctionsAreAccurateToAFewUnitsInTheLastPlace) {
  EXPECT_LT(WorstUlp("exp", [](double x) { return std::exp(x); }, -100, 88), 2);
  EXPECT_LT(WorstUlp("log", [](double x) { return std::log(x); }, 1e-3, 50), 2);
  EXPECT_LT(WorstUlp("log1p", [](double x) { return std::log1p(x); }, -0.9, 9), 4);
  EXPECT_LT(WorstUlp("tanh", [](double x) { return std::tanh(x); }, -9, 9), 3);
  EXPECT_LT(WorstUlp("erf", [](double x) { return std::erf(x); }, -5, 5), 3);
  EXPECT_LT(WorstUlp("sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, -80, 80), 4);
}

TEST(ValueTest, FunctionsKnowSpecialNumbers) {
  const std::vector<double> x = {0, INFINITY, -INFINITY, NAN, 1e-40};
  const auto run = [&](const char* op, std::vector<double> wanted) {
    OpCase(op).Input("X", {5}, x).Expect("Out", wanted);
  };
  run("exp", {1, INFINITY, 0, NAN, 1});
  run("log", {-INFINITY, INFINITY, NAN, NAN, std::log(1e-40f)});
  run("tanh", {0, 1, -1, NAN, 1e-40f});
  run("erf", {0, 1, -1, NAN, 0});
  run("sigmoid", {0.5, 1, 0, NAN, 0.5});
  OpCase("exp").Input("X", {2}, {-103, 89}).Tolerance(1e-44).Expect("Out", {std::exp(-103.0), INFINITY});
}

class UnaryTest : public OpTest {};
SKIFF_ON_EACH_PLACE(UnaryTest);

TEST_P(UnaryTest, TakesKnownValues) {
  const auto run = [](const char* op, std::vector<double> x, std::vector<double> wanted) {
    const int64_t n = static_cast<int64_t>(x.size());
    OpCase(op, GetParam()).Input("X", {n}, x).Expect("Out", wanted);
  };
  run("sqrt", {4, 9}, {2, 3});
  run("rsqrt", {4, 0.25}, {0.5, 2});
  run("square", {-3, 2}, {9, 4});
  run("abs", {-3, 2}, {3, 2});
  run("sign", {-3, 0, 2}, {-1, 0, 1});
  run("floor", {-1.5, 1.5}, {-2, 1});
  run("ceil", {-1.5, 1.5}, {-1, 2});
  run("round", {-2.5, -0.4, 0.5, 2.5}, {-3, 0, 1, 3});
  run("reciprocal", {4, -0.5}, {0.25, -2});
  run("log2", {8, 1}, {3, 0});
  run("log10", {1000, 1}, {3, 0});
  run("sin", {0}, {0});
  run("cos", {0}, {1});
  for (const char* op : {"tan", "asin", "atan", "sinh", "expm1"}) run(op, {0}, {0});
  run("acos", {1}, {0});
  run("cosh", {0}, {1});
}

TEST_P(UnaryTest, PowAndClipTakeTheirBoundsFromAttributesOrTensors) {
  OpCase("pow", GetParam()).Attr("factor", 3.0f).Input("X", {2}, {2, -1}).Expect("Out", {8, -1});
  OpCase("pow", GetParam()).Attr("factor", 2.0f).Input("X", {2}, {3, -1}).Expect("Out", {9, 1});
  OpCase("pow", GetParam()).Input("FactorTensor", {1}, {3}).Input("X", {2}, {2, -1}).Expect("Out", {8, -1});
  OpCase clip = OpCase("clip", GetParam()).Attr("min", -1.0f).Attr("max", 1.0f).Input("X", {3}, {-3, 0.5, 3});
  clip.Expect("Out", {-1, 0.5, 1});
  clip.Input("Min", {1}, {0.75}).Expect("Out", {0.75, 0.75, 1});
  clip.Input("Max", {1}, {2}).Expect("Out", {0.75, 0.75, 2});
}

TEST_P(UnaryTest, GradientsAgreeWithFiniteDifferences) {
  for (const char* op : {"exp", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "square", "abs", "sign", "floor",
                         "ceil", "round", "reciprocal", "sin", "cos", "erf", "tan", "atan", "sinh", "cosh",
                         "expm1"}) {
    OpCase(op, GetParam()).Input("X", {2, 2}, {0.3, 0.7, 1.3, 2.2}).CheckGradient("X", "Out");
  }
  for (const char* op : {"asin", "acos"}) {
    OpCase(op, GetParam()).Input("X", {2}, {-0.5, 0.25}).CheckGradient("X", "Out");
  }
  OpCase("pow", GetParam()).Attr("factor", 2.5f).Input("X", {2}, {0.5, 2}).CheckGradient("X", "Out");
  OpCase("clip", GetParam()).Attr("min", 0.0f).Attr("max", 1.0f).Input("X", {3}, {-1, 0.5, 2}).CheckGradient("X", "Out");
}

TEST_P(UnaryTest, SecondGradientsAgreeWithFiniteDifferences) {
  OpCase("sqrt_grad", GetParam()).Input("Out", {2}, {0.5, 2}).Input("Out@GRAD", {2}, {1, -2})
      .CheckGradient({"Out", "Out@GRAD"}, {"X@GRAD"});
  OpCase("square_grad", GetParam()).Input("X", {2}, {0.5, 2}).Input("Out@GRAD", {2}, {1, -2})
      .CheckGradient({"X", "Out@GRAD"}, {"X@GRAD"});
}

}  // namespace
}  // namespace skiff::testing
