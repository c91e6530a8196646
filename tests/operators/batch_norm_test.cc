#include <cmath>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class BatchNormTest : public OpTest {};
SKIFF_ON_EACH_PLACE(BatchNormTest);

// Two channels: 1, 3 (mean 2, variance 1) and 0, 4 (mean 2, variance 4).
OpCase TwoChannels(const TestPlace& place, const char* layout) {
  OpCase norm("batch_norm", place);
  norm.Attr("epsilon", 0.0f).Attr("momentum", 0.75f).Attr("data_layout", layout);
  if (std::string(layout) == "NHWC") {
    norm.Input("X", {1, 1, 2, 2}, {1, 0, 3, 4});
  } else {
    norm.Input("X", {1, 2, 1, 2}, {1, 3, 0, 4});
  }
  return norm.Input("Scale", {2}, {1, 2}).Input("Bias", {2}, {0, 10}).Input("Mean", {2}, {0, 1}).Input("Variance", {2}, {1, 4});
}

TEST_P(BatchNormTest, TrainsWithTheStatisticsOfTheBatch) {
  for (const char* layout : {"NCHW", "NHWC", "AnyLayout"}) {
    const OpCase norm = TwoChannels(GetParam(), layout).Tolerance(1e-5);
    norm.Expect("Y", std::string(layout) == "NHWC" ? std::vector<double>{-1, 8, 1, 12} : std::vector<double>{-1, 1, 8, 12});
    norm.Expect("SavedMean", {2, 2}).Expect("SavedVariance", {1, 0.5});
    norm.Expect("MeanOut", {0.5, 1.25}).Expect("VarianceOut", {1, 4});
  }
}

TEST_P(BatchNormTest, UsesRunningStatisticsWhenTestedOrAsked) {
  for (const char* flag : {"is_test", "use_global_stats"}) {
    const OpCase norm = TwoChannels(GetParam(), "NCHW").Attr(flag, true).Tolerance(1e-5);
    norm.Expect("Y", {1, 3, 9, 13}).Expect("MeanOut", {0, 1}).Expect("VarianceOut", {1, 4});
  }
  TwoChannels(GetParam(), "NCHW").Attr("is_test", true).Attr("trainable_statistics", true).Tolerance(1e-5).Expect("Y", {-1, 1, 8, 12});
}

TEST_P(BatchNormTest, GradientsAgreeWithFiniteDifferences) {
  std::vector<double> x(2 * 3 * 4);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(1.7 * static_cast<double>(i) * static_cast<double>(i));
  for (bool running : {false, true}) {
    for (const Shape& shape : {Shape{2, 3, 4}, Shape{8, 3}, Shape{2, 3, 2, 2}}) {
      OpCase("batch_norm", GetParam()).Attr("use_global_stats", running).Input("X", shape, x).Input("Scale", {3}, {1, 2, -0.5})
          .Input("Bias", {3}, {0, 1, 2}).Input("Mean", {3}, {0, 0.1, 0.2}).Input("Variance", {3}, {1, 2, 0.5})
          .CheckGradient({"X", "Scale", "Bias"}, {"Y"});
    }
    OpCase("batch_norm", GetParam()).Attr("use_global_stats", running).Attr("data_layout", "NHWC").Input("X", {2, 4, 3}, x)
        .Input("Scale", {3}, {1, 2, -0.5}).Input("Bias", {3}, {0, 1, 2}).Input("Mean", {3}, {0, 0.1, 0.2})
        .Input("Variance", {3}, {1, 2, 0.5}).CheckGradient({"X", "Scale", "Bias"}, {"Y"});
  }
}

TEST(BatchNormShapeTest, KeepsAnUnknownBatch) {
  OpCase norm("batch_norm");
  norm.InputOf("X", {-1, 3, 4, 4});
  for (const char* slot : {"Scale", "Bias", "Mean", "Variance"}) norm.InputOf(slot, {3});
  EXPECT_EQ(norm.Infer("Y").shape, (Shape{-1, 3, 4, 4}));
  EXPECT_EQ(norm.Infer("SavedMean").shape, Shape{3});
}

TEST(BatchNormErrorTest, NamesWhatHasOtherChannels) {
  const auto infer = [] {
    OpCase norm("batch_norm");
    norm.InputOf("X", {2, 3, 4});
    for (const char* slot : {"Scale", "Bias", "Mean", "Variance"}) norm.InputOf(slot, {4});
    norm.Infer("Y");
  };
  EXPECT_THAT(infer, ThrowsMessage<InvalidArgument>(HasSubstr("Scale is [4], X is [2, 3, 4] with 3 channels")));
}

}  // namespace
}  // namespace skiff::testing
