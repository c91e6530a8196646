// Operators whose results no recording can fix, random or unspecified ones: by the properties they must have.
#include <algorithm>
#include <cmath>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

double MeanOf(const std::vector<double>& x) {
  double sum = 0;
  for (double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

class PropertyTest : public OpTest {};
SKIFF_ON_EACH_PLACE(PropertyTest);

TEST_P(PropertyTest, EmptyHasTheShapeAndDTypeOfItsAttributes) {
  const OpCase c = OpCase("empty", GetParam()).Attr("shape", std::vector<int64_t>{2, 3}).Attr("dtype", 6);
  c.ExpectShape("Out", {2, 3}).ExpectDType("Out", DType::kFloat64);
  OpCase("empty", GetParam()).Attr("shape", std::vector<int64_t>{0, 3}).ExpectShape("Out", {0, 3});
}

TEST_P(PropertyTest, FillTakesOneNumberForEachElement) {
  OpCase("fill", GetParam())
      .Attr("value", std::vector<double>{1, 2, 3, 4})
      .Attr("shape", std::vector<int64_t>{2, 2})
      .Expect("Out", {1, 2, 3, 4});
  EXPECT_THROW(OpCase("fill", GetParam())
                   .Attr("value", std::vector<double>{1, 2, 3})
                   .Attr("shape", std::vector<int64_t>{2, 2})
                   .Run("Out"),
               InvalidArgument);
}

TEST_P(PropertyTest, FillZerosLikeReadsTheShapeAlone) {
  const auto zeros = [](const Shape& shape, const std::vector<double>& x) {
    return OpCase("fill_zeros_like2", GetParam()).Input("X", shape, x).Attr("dtype", 5).Expect(
        "Out", std::vector<double>(x.size(), 0));
  };
  zeros({2, 2}, {1, NAN, INFINITY, 4});
  zeros({}, {3});
  zeros({0, 2}, {});
}

TEST_P(PropertyTest, GumbelSoftmaxSumsToOneAndHardIsOneHot) {
  const std::vector<double> x = {1, 2, 3, -1, 0, 1, 5, 5, 5};
  for (const bool hard : {false, true}) {
    OpCase c("gumbel_softmax", GetParam());
    c.Input("X", {3, 3}, x).Attr("hard", hard).Attr("temperature", 0.5f).Seed(3);
    const std::vector<double> out = c.Values("Out");
    for (int row = 0; row < 3; ++row) {
      const double* p = &out[3 * row];
      EXPECT_NEAR(p[0] + p[1] + p[2], 1, 1e-5);
      for (int i = 0; i < 3; ++i) EXPECT_TRUE(hard ? p[i] == 0 || p[i] == 1 : p[i] >= 0 && p[i] <= 1);
    }
    EXPECT_EQ(out, c.Values("Out"));  // the seed decides
  }
  EXPECT_THROW(OpCase("gumbel_softmax", GetParam()).Input("X", {1, 3}, {1, 2, 3}).Attr("temperature", 0.0f).Run("Out"),
               InvalidArgument);
}

TEST_P(PropertyTest, SamplingIdDrawsWhatIsProbable) {
  OpCase("sampling_id", GetParam()).Input("X", {3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1}).Seed(5).Expect("Out", {0, 1, 2});
  std::vector<double> halves;
  for (int i = 0; i < 1000; ++i) halves.insert(halves.end(), {0.5, 0.5});
  const std::vector<double> drawn = OpCase("sampling_id", GetParam()).Input("X", {1000, 2}, halves).Seed(5).Values("Out");
  EXPECT_NEAR(MeanOf(drawn), 0.5, 0.06);
}

TEST_P(PropertyTest, UniformNumbersFillTheirRange) {
  const std::vector<double> x(2000, 7);
  const auto check = [](const std::vector<double>& out) {
    ASSERT_EQ(out.size(), 2000u);
    EXPECT_GE(*std::min_element(out.begin(), out.end()), 2);
    EXPECT_LT(*std::max_element(out.begin(), out.end()), 4);
    EXPECT_NEAR(MeanOf(out), 3, 0.06);
  };
  check(OpCase("uniform_random_inplace", GetParam())
            .Input("X", {20, 100}, x)
            .Attr("min", 2.0f)
            .Attr("max", 4.0f)
            .Seed(1)
            .Values("Out"));
  check(OpCase("uniform_random_batch_size_like", GetParam())
            .Input("Input", {20, 100}, x)
            .Attr("shape", std::vector<int64_t>{-1, 100})
            .Attr("min", 2.0f)
            .Attr("max", 4.0f)
            .Seed(1)
            .Values("Out"));
}

TEST_P(PropertyTest, GaussianNumbersHaveTheirMoments) {
  const std::vector<double> out = OpCase("gaussian_inplace", GetParam())
                                      .Input("x", {4000}, std::vector<double>(4000, 7))
                                      .Attr("mean", 1.0f)
                                      .Attr("std", 2.0f)
                                      .Seed(2)
                                      .Values("out");
  const double mean = MeanOf(out);
  double squares = 0;
  for (double v : out) squares += (v - mean) * (v - mean);
  EXPECT_NEAR(mean, 1, 0.15);
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(out.size())), 2, 0.15);
}

// Their order and the vectors' lengths and signs are the library's; sum and product are the matrix's.
TEST_P(PropertyTest, EigenvaluesHaveTheMatrixsTraceAndDeterminant) {
  for (const char* op : {"eig", "eigvals"}) {
    const std::string slot = op == std::string("eig") ? "Eigenvalues" : "Out";
    const std::vector<double> parts = OpCase(op, GetParam()).Input("X", {2, 2}, {1, 2, -3, 4}).Values(slot);
    ASSERT_EQ(parts.size(), 4u) << "two complex numbers";
    EXPECT_NEAR(parts[0] + parts[2], 5, 1e-5);
    EXPECT_NEAR(parts[1] + parts[3], 0, 1e-5);
    EXPECT_NEAR(parts[0] * parts[2] - parts[1] * parts[3], 10, 1e-4);
  }
}

TEST_P(PropertyTest, Pad2dPutsTheBorderOfItsMode) {
  const auto pad = [](const std::string& mode, const std::vector<double>& wanted) {
    OpCase c("pad2d", GetParam());
    c.Input("X", {1, 1, 1, 3}, {1, 2, 3}).Attr("paddings", std::vector<int64_t>{0, 0, 2, 1}).Attr("pad_value", 9.0f);
    c.Attr("mode", Attribute(mode)).Expect("Out", wanted).CheckGradient("X", "Out");
  };
  pad("reflect", {3, 2, 1, 2, 3, 2});
  pad("constant", {9, 9, 1, 2, 3, 9});
  pad("edge", {1, 1, 1, 2, 3, 3});
}

}  // namespace
}  // namespace skiff::testing
