// Pooling: the rules that decide what a window holds and what an average divides by.
#include "tests/support/op_case.h"

namespace skiff::testing {

namespace {

using Ints = std::vector<int32_t>;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class PoolTest : public OpTest {
 protected:
  static OpCase Pool(const char* type, Ints ksize) {
    return OpCase("pool2d", GetParam()).Attr("pooling_type", type).Attr("ksize", std::move(ksize));
  }
};
SKIFF_ON_EACH_FLOAT(PoolTest);

TEST_P(PoolTest, TakesTheGreatestOrTheAverage) {
  Pool("max", {2, 2}).Attr("strides", Ints{2, 2})
      .Input("X", {1, 1, 2, 4}, {1, 5, 2, 0, 3, 4, -1, 8}).Expect("Out", {5, 8});
  Pool("avg", {2, 2}).Attr("strides", Ints{2, 2})
      .Input("X", {1, 1, 2, 4}, {1, 5, 2, 0, 3, 4, -1, 7}).Expect("Out", {3.25, 2});
}

TEST_P(PoolTest, ExclusiveAveragesDivideByWhatIsInside) {
  Pool("avg", {1, 2}).Attr("paddings", Ints{0, 1}).Input("X", {1, 1, 1, 2}, {2, 4}).Expect("Out", {2, 3, 4});
  Pool("avg", {1, 2}).Attr("paddings", Ints{0, 1}).Attr("exclusive", false)
      .Input("X", {1, 1, 1, 2}, {2, 4}).Expect("Out", {1, 3, 2});
}

TEST_P(PoolTest, CeilModeDoesNotCountWhatLiesBeyondThePadding) {
  Pool("avg", {1, 2}).Attr("strides", Ints{1, 2}).Attr("ceil_mode", true).Attr("exclusive", false)
      .Input("X", {1, 1, 1, 3}, {2, 4, 6}).Expect("Out", {3, 6});
}

TEST_P(PoolTest, AdaptiveBinsMayOverlap) {
  Pool("avg", {1, 2}).Attr("adaptive", true).Input("X", {1, 1, 1, 3}, {1, 3, 5}).Expect("Out", {2, 4});
}

TEST_P(PoolTest, GlobalPoolingIgnoresSizes) {
  Pool("max", {3, 3}).Attr("global_pooling", true).Attr("paddings", Ints{1, 1})
      .Input("X", {1, 2, 1, 2}, {1, 3, -5, -4}).ExpectShape("Out", {1, 2, 1, 1}).Expect("Out", {3, -4});
}

TEST_P(PoolTest, ReadsChannelsLast) {
  Pool("max", {1, 2}).Attr("data_format", "NHWC")
      .Input("X", {1, 1, 2, 2}, {1, 8, 3, 4}).ExpectShape("Out", {1, 1, 1, 2}).Expect("Out", {3, 8});
}

TEST_P(PoolTest, TakesAnEmptyBatch) {
  Pool("max", {2, 2}).Input("X", {0, 1, 2, 2}, {}).ExpectShape("Out", {0, 1, 1, 1});
}

class PoolGradTest : public OpTest {};
SKIFF_ON_EACH_PLACE(PoolGradTest);

TEST_P(PoolGradTest, AgreesWithFiniteDifferences) {
  const std::vector<double> x{0.1, 0.9, -0.3, 0.4, 1.5, -0.6, 0.7, 2.8, -1.1, 0.2, 1.9, -2.0};
  for (const char* type : {"max", "avg"}) {
    OpCase("pool2d", GetParam()).Attr("pooling_type", type).Attr("ksize", Ints{2, 2})
        .Attr("paddings", Ints{1, 0}).Input("X", {1, 1, 3, 4}, x).CheckGradient("X", "Out");
  }
}

TEST_P(PoolGradTest, OfTheIndexedFormAgreesWithFiniteDifferences) {
  OpCase("max_pool2d_with_index", GetParam()).Attr("ksize", Ints{2, 2}).Attr("strides", Ints{1, 1})
      .Input("X", {1, 1, 2, 3}, {0.1, 0.9, -0.3, 0.4, 1.5, -0.6}).CheckGradient("X", "Out");
}

TEST(PoolWithIndexTest, MaskIsTheFlatPosition) {
  OpCase("max_pool2d_with_index").Attr("ksize", Ints{2, 2}).Attr("strides", Ints{2, 2})
      .Input("X", {1, 2, 2, 2}, {1, 5, 2, 0, 9, 1, 1, 1}).ExpectDType("Mask", DType::kInt32)
      .Expect("Mask", {1, 0});
}

TEST(PoolErrorTest, NamesAWindowGreaterThanTheInput) {
  const auto infer = [] {
    OpCase("pool2d").Attr("pooling_type", "max").Attr("ksize", Ints{3, 3}).InputOf("X", {1, 1, 2, 8}).Infer("Out");
  };
  EXPECT_THAT(infer, ThrowsMessage<InvalidArgument>(AllOf(HasSubstr("pool2d"), HasSubstr("height 2"))));
}

TEST(PoolInferTest, LeavesUnknownExtentsOpen) {
  EXPECT_EQ(OpCase("pool2d").Attr("pooling_type", "max").Attr("ksize", Ints{2, 2})
                .InputOf("X", {-1, 3, -1, 8}).Infer("Out").shape,
            Shape({-1, 3, -1, 7}));
}

}  // namespace

}  // namespace skiff::testing
