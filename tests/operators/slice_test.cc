#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Ints = std::vector<int32_t>;

class SliceTest : public OpTest {};
SKIFF_ON_EACH_PLACE(SliceTest);

OpCase Slice(const TestPlace& place, int start, int end) {
  return OpCase("slice", place).Attr("axes", Ints{0}).Attr("starts", Ints{start}).Attr("ends", Ints{end});
}

TEST_P(SliceTest, ClampsStartsAndEnds) {
  const std::vector<double> x = {0, 1, 2, 3, 4, 5};
  Slice(GetParam(), 1, 3).Input("Input", {6}, x).Expect("Out", {1, 2});
  Slice(GetParam(), -2, 2147483647).Input("Input", {6}, x).Expect("Out", {4, 5});
  Slice(GetParam(), -100, -4).Input("Input", {6}, x).Expect("Out", {0, 1});
  Slice(GetParam(), 4, 2).Input("Input", {6}, x).ExpectShape("Out", {0});
}

TEST_P(SliceTest, DropsAxesOfOneIndex) {
  Slice(GetParam(), 1, 2).Attr("decrease_axis", Ints{0}).Input("Input", {2, 2}, {1, 2, 3, 4}).Expect("Out", {3, 4}).ExpectShape("Out", {2});
  Slice(GetParam(), 1, 2).Attr("decrease_axis", Ints{0}).Input("Input", {2}, {1, 2}).Expect("Out", {2}).ExpectShape("Out", {});
}

TEST_P(SliceTest, TensorsGoBeforeAttributes) {
  OpCase slice = Slice(GetParam(), 0, 1).Input("Input", {4}, {1, 2, 3, 4});
  slice.Input("StartsTensor", {1}, {1}, DType::kInt64).Input("EndsTensor", {1}, {3}, DType::kInt32).Expect("Out", {2, 3});
  slice.Inputs("EndsTensorList", {{{1}, {4}}}, DType::kInt32).Expect("Out", {2, 3, 4});
}

TEST_P(SliceTest, StridesMayGoBackwards) {
  const std::vector<double> x = {0, 1, 2, 3, 4, 5};
  const auto strided = [&](int start, int end, int stride) {
    return OpCase("strided_slice", GetParam()).Attr("axes", Ints{0}).Attr("starts", Ints{start})
        .Attr("ends", Ints{end}).Attr("strides", Ints{stride}).Input("Input", {6}, x);
  };
  strided(1, 100, 2).Expect("Out", {1, 3, 5});
  strided(5, 0, -2).Expect("Out", {5, 3, 1});
  strided(2147483647, -1, -1).Expect("Out", {5, 4, 3, 2, 1, 0});  // an end of -1 includes index 0
  strided(-1, -100, -1).Expect("Out", {5, 4, 3, 2, 1});
  strided(3, 3, 1).ExpectShape("Out", {0});
}

TEST_P(SliceTest, GradientIsZeroOutside) {
  const std::vector<double> x = {1, 2, 3, 4, 5, 6};
  Slice(GetParam(), 1, 2).Attr("decrease_axis", Ints{0}).Input("Input", {2, 3}, x).CheckGradient("Input", "Out");
  OpCase("strided_slice", GetParam()).Attr("axes", Ints{1}).Attr("starts", Ints{2}).Attr("ends", Ints{-1})
      .Attr("strides", Ints{-2}).Input("Input", {2, 3}, x).CheckGradient("Input", "Out");
}

TEST(SliceShapeTest, KeepsUnknownExtents) {
  EXPECT_EQ(Slice({}, 0, 1).InputOf("Input", {-1, 3}).Infer("Out").shape, (Shape{-1, 3}));
}

TEST(SliceErrorTest, NamesTheAxisThatCannotGo) {
  const auto infer = [] { Slice({}, 0, 2).Attr("decrease_axis", Ints{0}).InputOf("Input", {3}).Infer("Out"); };
  EXPECT_THAT(infer, ThrowsMessage<InvalidArgument>(HasSubstr("decrease_axis names 0, where the slice has an extent of 2")));
}

}  // namespace
}  // namespace skiff::testing
