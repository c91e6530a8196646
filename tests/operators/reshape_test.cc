#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ReshapeTest : public OpTest {};
SKIFF_ON_EACH_PLACE(ReshapeTest);

TEST_P(ReshapeTest, CopiesExtentsAtZerosAndInfersOne) {
  OpCase("reshape2", GetParam()).Attr("shape", std::vector<int32_t>{0, -1}).Input("X", {2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
      .Expect("Out", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}).ExpectShape("Out", {2, 6}).ExpectShape("XShape", {0, 2, 3, 2});
}

TEST_P(ReshapeTest, TakesItsShapeFromTensorsFirst) {
  OpCase by_one("reshape2", GetParam());
  by_one.Attr("shape", std::vector<int32_t>{4}).Input("X", {4}, {1, 2, 3, 4}).Input("Shape", {2}, {2, 2}, DType::kInt32);
  by_one.ExpectShape("Out", {2, 2});
  by_one.Inputs("ShapeTensor", {{{1}, {1}}, {{1}, {-1}}}, DType::kInt32).ExpectShape("Out", {1, 4});
}

TEST_P(ReshapeTest, SqueezesAndUnsqueezes) {
  const std::vector<double> x = {1, 2};
  OpCase("squeeze2", GetParam()).Input("X", {1, 2, 1}, x).ExpectShape("Out", {2});
  OpCase("squeeze2", GetParam()).Attr("axes", std::vector<int32_t>{-1, 1}).Input("X", {1, 2, 1}, x).ExpectShape("Out", {1, 2});
  OpCase("unsqueeze2", GetParam()).Attr("axes", std::vector<int32_t>{0, -1}).Input("X", {2}, x).ExpectShape("Out", {1, 2, 1});
  OpCase("unsqueeze2", GetParam()).Attr("axes", std::vector<int32_t>{0}).Input("X", {}, {3}).ExpectShape("Out", {1});
}

TEST_P(ReshapeTest, Flattens) {
  const std::vector<double> x = {1, 2, 3, 4, 5, 6, 7, 8};
  OpCase("flatten_contiguous_range", GetParam()).Attr("start_axis", 1).Attr("stop_axis", -1).Input("X", {2, 2, 2}, x)
      .ExpectShape("Out", {2, 4});
  OpCase("flatten_contiguous_range", GetParam()).Attr("start_axis", Attribute(0)).Attr("stop_axis", Attribute(0)).Input("X", {}, {1})
      .ExpectShape("Out", {1});
  OpCase("flatten2", GetParam()).Attr("axis", 2).Input("X", {2, 2, 2}, x).ExpectShape("Out", {4, 2});
}

TEST_P(ReshapeTest, GradientsHaveTheInputsShape) {
  const std::vector<double> x = {1, 2, 3, 4, 5, 6};
  OpCase("reshape2", GetParam()).Attr("shape", std::vector<int32_t>{3, 2}).Input("X", {2, 3}, x).CheckGradient("X", "Out");
  OpCase("reshape", GetParam()).Attr("shape", std::vector<int32_t>{3, 2}).Input("X", {2, 3}, x).CheckGradient("X", "Out");
  OpCase("squeeze2", GetParam()).Input("X", {1, 6}, x).CheckGradient("X", "Out");
  OpCase("unsqueeze2", GetParam()).Attr("axes", std::vector<int32_t>{1}).Input("X", {6}, x).CheckGradient("X", "Out");
  OpCase("flatten_contiguous_range", GetParam()).Attr("start_axis", Attribute(0)).Input("X", {2, 3}, x).CheckGradient("X", "Out");
  OpCase("flatten2", GetParam()).Input("X", {2, 3, 1}, x).CheckGradient("X", "Out");
}

TEST(ReshapeShapeTest, KeepsUnknownExtents) {
  const auto infer = [](std::vector<int32_t> shape, const Shape& x) {
    return OpCase("reshape2").Attr("shape", shape).InputOf("X", x).Infer("Out").shape;
  };
  EXPECT_EQ(infer({0, 6}, {-1, 2, 3}), (Shape{-1, 6}));
  EXPECT_EQ(infer({-1, 6}, {-1, 2, 3}), (Shape{-1, 6}));
  EXPECT_EQ(infer({-1, 3}, {0, 3}), (Shape{0, 3}));
  EXPECT_EQ(OpCase("flatten_contiguous_range").Attr("stop_axis", 2).InputOf("X", {4, -1, 3}).Infer("Out").shape, (Shape{4, -1}));
}

TEST(ReshapeErrorTest, SaysHowManyElementsThereAre) {
  const auto infer = [](std::vector<int32_t> shape) {
    return [shape] { OpCase("reshape2").Attr("shape", shape).InputOf("X", {2, 3}).Infer("Out"); };
  };
  EXPECT_THAT(infer({4, 2}), ThrowsMessage<InvalidArgument>(HasSubstr("X [2, 3] has 6 elements, shape [4, 2] has 8")));
  EXPECT_THAT(infer({-1, -1}), ThrowsMessage<InvalidArgument>(HasSubstr("only one extent can be inferred")));
  EXPECT_THAT(infer({4, -1}), ThrowsMessage<InvalidArgument>(HasSubstr("do not divide")));
}

}  // namespace
}  // namespace skiff::testing
