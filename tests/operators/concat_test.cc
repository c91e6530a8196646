#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ConcatTest : public OpTest {};
SKIFF_ON_EACH_FLOAT(ConcatTest);

TEST_P(ConcatTest, JoinsAlongTheAxis) {
  OpCase join("concat", GetParam());
  join.Inputs("X", {{{2, 1}, {1, 2}}, {{2, 2}, {3, 4, 5, 6}}});
  join.Attr("axis", -1).Expect("Out", {1, 3, 4, 2, 5, 6}).ExpectShape("Out", {2, 3});
  OpCase("concat", GetParam()).Inputs("X", {{{1, 2}, {1, 2}}, {{0, 2}, {}}, {{1, 2}, {3, 4}}}).Expect("Out", {1, 2, 3, 4});
  join.Attr("axis", Attribute(0)).Input("AxisTensor", {1}, {1}, DType::kInt32).ExpectShape("Out", {2, 3});
}

TEST_P(ConcatTest, SplitsEvenlyOrBySections) {
  OpCase split("split", GetParam());
  split.Attr("axis", 1).Input("X", {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}).Outputs("Out", 2);
  split.Attr("num", 2).Expect("Out", {1, 2, 5, 6}).Expect("Out", {3, 4, 7, 8}, 1);
  split.Attr("sections", std::vector<int32_t>{1, -1}).Expect("Out", {1, 5}).Expect("Out", {2, 3, 4, 6, 7, 8}, 1);
}

TEST_P(ConcatTest, StacksAndUnstacks) {
  OpCase stack("stack", GetParam());
  stack.Inputs("X", {{{2}, {1, 2}}, {{2}, {3, 4}}});
  stack.Expect("Y", {1, 2, 3, 4});
  stack.Attr("axis", -1).Expect("Y", {1, 3, 2, 4});
  OpCase("unstack", GetParam()).Attr("axis", 1).Attr("num", 2).Input("X", {2, 2}, {1, 2, 3, 4}).Outputs("Y", 2)
      .Expect("Y", {1, 3}).Expect("Y", {2, 4}, 1).ExpectShape("Y", {2});
  OpCase("unbind", GetParam()).Input("X", {2, 2}, {1, 2, 3, 4}).Outputs("Out", 2).Expect("Out", {3, 4}, 1);
}

class ConcatGradientTest : public OpTest {};
SKIFF_ON_EACH_PLACE(ConcatGradientTest);

TEST_P(ConcatGradientTest, GradientsGoBackToTheParts) {
  const std::vector<OpCase::Part> parts = {{{2, 1}, {1, 2}}, {{2, 2}, {3, 4, 5, 6}}};
  OpCase("concat", GetParam()).Attr("axis", 1).Inputs("X", parts).CheckGradient("X", "Out");
  OpCase("stack", GetParam()).Attr("axis", 1).Inputs("X", {{{2}, {1, 2}}, {{2}, {3, 4}}}).CheckGradient("X", "Y");
  OpCase("split", GetParam()).Attr("axis", 1).Attr("num", 2).Input("X", {1, 4}, {1, 2, 3, 4}).Outputs("Out", 2).CheckGradient("X", "Out");
  OpCase("unstack", GetParam()).Attr("num", 2).Input("X", {2, 2}, {1, 2, 3, 4}).Outputs("Y", 2).CheckGradient("X", "Y");
  OpCase("unbind", GetParam()).Input("X", {2, 2}, {1, 2, 3, 4}).Outputs("Out", 2).CheckGradient("X", "Out");
}

TEST(ConcatShapeTest, KeepsUnknownExtents) {
  OpCase concat("concat");
  concat.Inputs("X", {{{2, 1}, {1, 2}}, {{2, 2}, {3, 4, 5, 6}}});
  EXPECT_EQ(OpCase("split").Attr("num", 2).InputOf("X", {-1, 4}).Outputs("Out", 2).Infer("Out").shape, (Shape{-1, 4}));
}

TEST(ConcatErrorTest, NamesThePartThatDoesNotFit) {
  const auto run = [] {
    OpCase("concat").Inputs("X", {{{2, 1}, {1, 2}}, {{1, 1}, {3}}}).Attr("axis", 1).Infer("Out");
  };
  EXPECT_THAT(run, ThrowsMessage<InvalidArgument>(HasSubstr("X[0] is [2, 1], X[1] is [1, 1]; extents of dimension 0")));
  const auto split = [] { OpCase("split").Attr("num", 3).InputOf("X", {4}).Outputs("Out", 3).Infer("Out"); };
  EXPECT_THAT(split, ThrowsMessage<InvalidArgument>(HasSubstr("an extent of 4 does not divide into 3 equal parts")));
}

}  // namespace
}  // namespace skiff::testing
