#include <algorithm>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class DropoutTest : public OpTest {};
SKIFF_ON_EACH_PLACE(DropoutTest);

OpCase Dropout(const TestPlace& place, const char* how, float p) {
  return OpCase("dropout", place).Attr("dropout_implementation", how).Attr("dropout_prob", p);
}

TEST_P(DropoutTest, TestingIsTheIdentityOrScales) {
  Dropout(GetParam(), "upscale_in_train", 0.25f).Attr("is_test", true).Input("X", {2}, {4, 8}).Expect("Out", {4, 8});
  Dropout(GetParam(), "downgrade_in_infer", 0.25f).Attr("is_test", true).Input("X", {2}, {4, 8}).Expect("Out", {3, 6});
}

TEST_P(DropoutTest, ZeroAndOneAreExact) {
  const std::vector<double> x = {1, 2, 3, 4, 5};
  for (const char* how : {"upscale_in_train", "downgrade_in_infer"}) {
    Dropout(GetParam(), how, 0).Input("X", {5}, x).Expect("Out", x).Expect("Mask", {1, 1, 1, 1, 1});
    Dropout(GetParam(), how, 1).Input("X", {5}, x).Expect("Out", {0, 0, 0, 0, 0}).Expect("Mask", {0, 0, 0, 0, 0});
  }
}

TEST_P(DropoutTest, KeepsTheWantedShareAndScalesIt) {
  const int n = 40003;  // three elements behind the last group of four
  const OpCase dropout = Dropout(GetParam(), "upscale_in_train", 0.25f).Input("X", {n}, std::vector<double>(n, 3)).Seed(1).Threads(2);
  const std::vector<double> out = dropout.Values("Out");
  const auto kept = std::count(out.begin(), out.end(), 4.0);
  EXPECT_EQ(kept + std::count(out.begin(), out.end(), 0.0), n);
  EXPECT_NEAR(static_cast<double>(kept) / n, 0.75, 0.01);
}

TEST_P(DropoutTest, DependsOnTheSeedsAlone) {
  OpCase dropout = Dropout(GetParam(), "upscale_in_train", 0.5f).Input("X", {64}, std::vector<double>(64, 1));
  const std::vector<double> first = dropout.Seed(1).Values("Out");
  EXPECT_EQ(dropout.Seed(1).Threads(2).Values("Out"), first);
  EXPECT_NE(dropout.Seed(2).Values("Out"), first);
  dropout.Attr("fix_seed", true).Attr("seed", 7);
  EXPECT_EQ(dropout.Seed(1).Values("Out"), dropout.Seed(2).Values("Out"));
}

TEST_P(DropoutTest, GradientFollowsTheMask) {
  OpCase grad("dropout_grad", GetParam());
  grad.Attr("dropout_prob", 0.5f).Attr("dropout_implementation", "upscale_in_train").Input("Mask", {3}, {1, 0, 1}, DType::kUInt8)
      .Input("Out@GRAD", {3}, {1, 2, 3});
  grad.Expect("X@GRAD", {2, 0, 6});
  grad.Attr("dropout_implementation", "downgrade_in_infer").Expect("X@GRAD", {1, 0, 3});
}

TEST(DropoutErrorTest, NamesTheProbability) {
  const auto run = [] { Dropout({}, "upscale_in_train", 1.5f).Input("X", {1}, {1}).Run("Out"); };
  EXPECT_THAT(run, ThrowsMessage<InvalidArgument>(HasSubstr("dropout_prob is 1.5; it must be in [0, 1]")));
}

}  // namespace
}  // namespace skiff::testing
