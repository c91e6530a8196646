#include <algorithm>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class TransposeTest : public OpTest {};
SKIFF_ON_EACH_FLOAT(TransposeTest);

TEST_P(TransposeTest, PermutesTheAxes) {
  OpCase("transpose2", GetParam()).Attr("axis", std::vector<int32_t>{1, 0}).Input("X", {2, 3}, {1, 2, 3, 4, 5, 6})
      .Expect("Out", {1, 4, 2, 5, 3, 6}).ExpectShape("Out", {3, 2}).ExpectShape("XShape", {0, 2, 3});
  OpCase("transpose", GetParam()).Attr("axis", std::vector<int32_t>{}).Input("X", {}, {7}).Expect("Out", {7});
  OpCase("transpose2", GetParam()).Attr("axis", std::vector<int32_t>{1, 0}).Input("X", {0, 3}, {}).ExpectShape("Out", {3, 0});
}

// Every permutation of four axes, at sizes with whole blocks, remainders and single elements.
TEST_P(TransposeTest, MovesEachElementToItsPlace) {
  for (const Shape& shape : {Shape{3, 17, 9, 20}, Shape{2, 8, 33, 5}, Shape{5, 1, 16, 24}}) {
    std::vector<double> x(shape.NumElements());
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i % 251);
    std::vector<int32_t> axis = {0, 1, 2, 3};
    do {
      const OpCase transpose = OpCase("transpose2", GetParam()).Attr("axis", axis).Input("X", shape, x).Threads(2);
      const std::vector<double> out = transpose.Values("Out");
      const Shape steps = {shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1};
      std::vector<double> wanted;
      for (int64_t a = 0; a < shape[axis[0]]; ++a) {
        for (int64_t b = 0; b < shape[axis[1]]; ++b) {
          for (int64_t c = 0; c < shape[axis[2]]; ++c) {
            for (int64_t d = 0; d < shape[axis[3]]; ++d) {
              wanted.push_back(x[a * steps[axis[0]] + b * steps[axis[1]] + c * steps[axis[2]] + d * steps[axis[3]]]);
            }
          }
        }
      }
      ASSERT_EQ(out, wanted) << shape << " by " << ToString(Attribute(axis));
    } while (std::next_permutation(axis.begin(), axis.end()));
  }
}

TEST_P(TransposeTest, MovesIntegersAndBools) {
  const auto place = GetParam().place;
  for (DType dtype : {DType::kBool, DType::kUInt8, DType::kInt16, DType::kInt32, DType::kInt64}) {
    OpCase("transpose2", {place, dtype}).Attr("axis", std::vector<int32_t>{1, 0}).Input("X", {2, 2}, {0, 1, 0, 0}).Expect("Out", {0, 0, 1, 0});
  }
}

class TransposeGradientTest : public OpTest {};
SKIFF_ON_EACH_PLACE(TransposeGradientTest);

TEST_P(TransposeGradientTest, PermutesBack) {
  for (const char* op : {"transpose2", "transpose"}) {
    OpCase(op, GetParam()).Attr("axis", std::vector<int32_t>{2, 0, 1}).Input("X", {1, 2, 3}, {1, 2, 3, 4, 5, 6}).CheckGradient("X", "Out");
  }
}

TEST(TransposeShapeTest, PermutesUnknownExtents) {
  EXPECT_EQ(OpCase("transpose2").Attr("axis", std::vector<int32_t>{0, 2, 1}).InputOf("X", {-1, 3, -1}).Infer("Out").shape,
            (Shape{-1, -1, 3}));
}

TEST(TransposeErrorTest, NamesWhatIsNoPermutation) {
  const auto infer = [](std::vector<int32_t> axis) {
    return [axis] { OpCase("transpose2").Attr("axis", axis).InputOf("X", {2, 3}).Infer("Out"); };
  };
  EXPECT_THAT(infer({0}), ThrowsMessage<InvalidArgument>(HasSubstr("axis holds 1 entries for a tensor of 2 dimensions")));
  EXPECT_THAT(infer({1, 1}), ThrowsMessage<InvalidArgument>(HasSubstr("names dimension 1 twice")));
  EXPECT_THAT(infer({0, 2}), ThrowsMessage<OutOfRange>(HasSubstr("axis 2 is out of range")));
}

}  // namespace
}  // namespace skiff::testing
