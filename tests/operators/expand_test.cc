#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Ints = std::vector<int32_t>;
using Longs = std::vector<int64_t>;

class ExpandTest : public OpTest {};
SKIFF_ON_EACH_PLACE(ExpandTest);

TEST_P(ExpandTest, BroadcastsToAShape) {
  OpCase expand("expand_v2", GetParam());
  expand.Attr("shape", Ints{2, -1, 2}).Input("X", {2, 1}, {1, 2});
  expand.Expect("Out", {1, 1, 2, 2, 1, 1, 2, 2}).ExpectShape("Out", {2, 2, 2}).CheckGradient("X", "Out");
  OpCase("expand_as_v2", GetParam()).Input("X", {1, 2}, {1, 2}).Input("Y", {2, 2}, {0, 0, 0, 0}).Expect("Out", {1, 2, 1, 2});
  expand.Input("Shape", {2}, {2, 3}, DType::kInt32).ExpectShape("Out", {2, 3});
}

TEST_P(ExpandTest, TilesWholeTensors) {
  OpCase tile("tile", GetParam());
  tile.Attr("repeat_times", Ints{2, 2}).Input("X", {2}, {1, 2}).Expect("Out", {1, 2, 1, 2, 1, 2, 1, 2}).CheckGradient("X", "Out");
  OpCase("tile", GetParam()).Attr("repeat_times", Ints{2}).Input("X", {2, 2}, {1, 2, 3, 4}).Expect("Out", {1, 2, 1, 2, 3, 4, 3, 4})
      .CheckGradient("X", "Out");
}

TEST_P(ExpandTest, FlipsAndRolls) {
  const std::vector<double> x = {1, 2, 3, 4, 5, 6};
  OpCase("flip", GetParam()).Attr("axis", Ints{1}).Input("X", {2, 3}, x).Expect("Out", {3, 2, 1, 6, 5, 4}).CheckGradient("X", "Out");
  OpCase("roll", GetParam()).Attr("shifts", Longs{1}).Input("X", {2, 3}, x).Expect("Out", {6, 1, 2, 3, 4, 5}).CheckGradient("X", "Out");
  OpCase("roll", GetParam()).Attr("shifts", Longs{1, -1}).Attr("axis", Longs{0, 1}).Input("X", {2, 3}, x)
      .Expect("Out", {5, 6, 4, 2, 3, 1}).CheckGradient("X", "Out");
}

TEST_P(ExpandTest, KeepsATriangle) {
  const std::vector<double> x = {1, 2, 3, 4, 5, 6};
  OpCase("tril_triu", GetParam()).Attr("lower", true).Input("X", {2, 3}, x).Expect("Out", {1, 0, 0, 4, 5, 0}).CheckGradient("X", "Out");
  OpCase("tril_triu", GetParam()).Attr("diagonal", 1).Input("X", {2, 3}, x).Expect("Out", {0, 2, 3, 0, 0, 6});
}

TEST(ExpandShapeTest, KeepsUnknownExtents) {
  EXPECT_EQ(OpCase("expand_v2").Attr("shape", Ints{-1, 4}).InputOf("X", {-1, 1}).Infer("Out").shape, (Shape{-1, 4}));
  EXPECT_EQ(OpCase("tile").Attr("repeat_times", Ints{2, 2}).InputOf("X", {-1, 3}).Infer("Out").shape, (Shape{-1, 6}));
}

TEST(ExpandErrorTest, NamesTheExtentThatCannotGrow) {
  const auto infer = [] { OpCase("expand_v2").Attr("shape", Ints{4}).InputOf("X", {3}).Infer("Out"); };
  EXPECT_THAT(infer, ThrowsMessage<InvalidArgument>(HasSubstr("X is [3], shape[0] is 4; it must be 3 or -1")));
}

}  // namespace
}  // namespace skiff::testing
