#include <limits>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class TopKTest : public OpTest {};
SKIFF_ON_EACH_PLACE(TopKTest);

TEST_P(TopKTest, GivesTheBestFirstAndTiesInOrder) {
  OpCase top("top_k_v2", GetParam());
  top.Attr("k", 2).Input("X", {2, 3}, {1, 3, 3, 5, 4, 6});
  top.Expect("Out", {3, 3, 6, 5}).Expect("Indices", {1, 2, 2, 0});
  top.Attr("largest", false).Expect("Out", {1, 3, 4, 5}).Expect("Indices", {0, 1, 1, 0});
  OpCase("top_k_v2", GetParam()).Attr("axis", Attribute(0)).Input("X", {2, 2}, {1, 4, 3, 2}).Expect("Out", {3, 4}).Expect("Indices", {1, 0});
  OpCase("top_k_v2", GetParam()).Attr("k", 2).Input("X", {2, 3}, {1, 2, 3, 5, 4, 6}).CheckGradient("X", "Out");
  OpCase("top_k", GetParam()).Input("X", {1, 3}, {1, 3, 2}).Expect("Out", {3}).CheckGradient("X", "Out");
}

TEST(TopKErrorTest, NamesAnOutputThatIsLeftOut) {
  const auto run = [] {
    std::map<std::string, Value> values = {{"x", Tensor::Of<float>({3}, {1, 2, 3})}};
    RunOp({"top_k_v2", {{"X", {"x"}}}, {{"Out", {"out"}}}, {{"k", 1}}}, &values);
  };
  EXPECT_THAT(run, ThrowsMessage<InvalidArgument>(HasSubstr("output Indices is missing")));
}

TEST_P(TopKTest, SortsStably) {
  OpCase sort("argsort", GetParam());
  sort.Input("X", {4}, {2, 1, 2, 0}).Expect("Out", {0, 1, 2, 2}).Expect("Indices", {3, 1, 0, 2});
  OpCase("argsort", GetParam()).Input("X", {3}, {2, 3, 1}).CheckGradient("X", "Out");
  sort.Attr("descending", true).Expect("Indices", {0, 2, 1, 3});
}

TEST_P(TopKTest, FindsTheLargestAndSmallest) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  OpCase best("arg_max", GetParam());
  best.Attr("axis", int64_t{1}).Input("X", {2, 3}, {1, 3, 3, nan, 4, 2}).Expect("Out", {1, 1}).ExpectDType("Out", DType::kInt64);
  best.Attr("keepdims", true).ExpectShape("Out", {2, 1});
  best.Attr("flatten", true).Attr("keepdims", false).Expect("Out", {4}).ExpectShape("Out", {});
  OpCase("arg_min", GetParam()).Attr("axis", int64_t{0}).Attr("dtype", 2).Input("X", {2, 2}, {1, 4, 3, 2}).Expect("Out", {0, 1})
      .ExpectDType("Out", DType::kInt32);
}

TEST_P(TopKTest, AccuracyCountsLabelsAmongTheBest) {
  OpCase accuracy("accuracy", GetParam());
  accuracy.Input("Out", {2, 2}, {0.9, 0.1, 0.8, 0.2}).Input("Indices", {2, 2}, {1, 0, 2, 0}, DType::kInt64)
      .Input("Label", {2, 1}, {0, 1}, DType::kInt64);
  accuracy.Expect("Accuracy", {0.5}).Expect("Correct", {1}).Expect("Total", {2}).ExpectShape("Accuracy", {});
}

TEST(AucTest, IsTheAreaUnderTheRocCurveWhicheverIsAskedFor) {
  for (const std::string curve : {"ROC", "PR"}) {
    OpCase auc("auc");
    auc.Attr("curve", curve).Attr("num_thresholds", 3).Attr("slide_steps", Attribute(0)).Input("Predict", {4, 1}, {0.9, 0.6, 0.4, 0.1})
        .Input("Label", {4, 1}, {1, 0, 1, 0}, DType::kInt64).Input("StatPos", {1, 4}, {0, 0, 0, 0}, DType::kInt64)
        .Input("StatNeg", {1, 4}, {0, 0, 0, 0}, DType::kInt64);
    auc.Expect("StatPosOut", {0, 1, 1, 0}).Expect("StatNegOut", {1, 1, 0, 0}).Expect("AUC", {0.875});
  }
}

TEST(AucErrorTest, NamesACurveThatThereIsNot) {
  const auto infer = [] {
    OpCase("auc").Attr("curve", "DET").InputOf("Predict", {4, 2}).InputOf("Label", {4, 1}, DType::kInt64)
        .InputOf("StatPos", {1, 8192}, DType::kInt64).InputOf("StatNeg", {1, 8192}, DType::kInt64).Infer("AUC");
  };
  EXPECT_THAT(infer, ThrowsMessage<InvalidArgument>(HasSubstr("curve is \"DET\"; it must be \"ROC\" or \"PR\"")));
}

TEST(TopKErrorTest, NamesKAndTheExtent) {
  const auto infer = [] { OpCase("top_k_v2").Attr("k", 4).InputOf("X", {2, 3}).Infer("Out"); };
  EXPECT_THAT(infer, ThrowsMessage<InvalidArgument>(HasSubstr("k is 4, X is [2, 3]; k must be in [1, 3]")));
}

}  // namespace
}  // namespace skiff::testing
