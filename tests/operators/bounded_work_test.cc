// Attributes and elements that would ask for endless work: computed at once where mathematics can, else refused.
#include <limits>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr int32_t kMost = std::numeric_limits<int32_t>::max();

TEST(BoundedWorkTest, APowerOfAMatrixAndItsGradientTakeAFewProducts) {
  OpCase("matrix_power").Attr("n", 7).Input("X", {2, 2}, {0.9, 0.3, -0.2, 0.8}).CheckGradient("X", "Out");
  OpCase("matrix_power").Attr("n", -4).Input("X", {2, 2}, {0.9, 0.3, -0.2, 0.8}).CheckGradient("X", "Out");
  // d x^n / dx = n at x = 1.
  OpCase c("matrix_power_grad");
  c.Attr("n", kMost).Input("X", {1, 1}, {1}).Input("Out@GRAD", {1, 1}, {1}).Expect("X@GRAD", {2147483647.0});
}

// psi_1(-1/2) = pi^2 / 2 + 4; psi_2(-1/2) = psi_2(1/2) + 16, and psi_2(1/2) = -14 zeta(3).
TEST(BoundedWorkTest, DerivativesOfDigammaFarBelowZeroTakeNoLongerThanNearIt) {
  OpCase("polygamma").Attr("n", 1).Input("x", {1}, {-0.5}).Expect("out", {8.934802200544679});
  OpCase("polygamma").Attr("n", 2).Input("x", {1}, {-0.5}).Expect("out", {-0.8287966442343199});
  // Far below, the terms above 0 no longer count: pi^2 / sin^2(pi x).
  OpCase("polygamma").Attr("n", 1).Input("x", {1}, {-1000000.5}).Expect("out", {9.8696034});
  OpCase("polygamma").Attr("n", kMost).Input("x", {1}, {2}).ExpectShape("out", {1});
}

TEST(BoundedWorkTest, TrianglesAreCountedWithoutWalkingOverEmptyRows) {
  OpCase("triu_indices").Attr("row", kMost).Attr("col", 3).Expect("out", {0, 0, 0, 1, 1, 2, 0, 1, 2, 1, 2, 2});
  OpCase("tril_indices").Attr("rows", 2).Attr("cols", kMost).Expect("out", {0, 1, 1, 0, 0, 1});
  OpCase("tril_indices").Attr("rows", 4).Attr("cols", 2).Attr("offset", -2).Expect("out", {2, 3, 3, 0, 0, 1});
}

TEST(BoundedWorkTest, WhatWouldBeRepeatedBeyondReasonIsRefusedWithAttributeValueAndBound) {
  OpCase norm("spectral_norm");
  norm.Attr("power_iters", kMost).Input("Weight", {1, 2}, {3, 4}).Input("U", {1}, {1}).Input("V", {2}, {1, 0});
  EXPECT_THAT([&] { norm.Run("Out"); },
              ThrowsMessage<InvalidArgument>(AllOf(HasSubstr("power_iters is 2147483647"), HasSubstr("at most 1048576"))));
  OpCase align("roi_align");
  align.Attr("sampling_ratio", 1025).Input("X", {1, 1, 2, 2}, {1, 2, 3, 4}).Input("ROIs", {1, 4}, {0, 0, 1, 1});
  EXPECT_THAT([&] { align.Run("Out"); },
              ThrowsMessage<InvalidArgument>(AllOf(HasSubstr("sampling_ratio is 1025"), HasSubstr("at most 1024"))));
  OpCase pool("pool2d");
  pool.Attr("ksize", std::vector<int32_t>{1, kMost}).Attr("padding_algorithm", "SAME").Attr("pooling_type", "max");
  pool.Input("X", {1, 1, 1, 2}, {1, 2});
  EXPECT_THAT([&] { pool.Run("Out"); }, ThrowsMessage<InvalidArgument>(AllOf(HasSubstr("ksize is 2147483647"), HasSubstr("at most 1026"))));
  OpCase tree("hierarchical_sigmoid");
  tree.Attr("num_classes", 0).Input("X", {1, 1}, {1}).Input("W", {1, 1}, {1}).Input("Label", {1, 1}, {0}, DType::kInt64).WithoutOutput("W_Out");
  EXPECT_THAT([&] { tree.Run("Out"); }, ThrowsMessage<InvalidArgument>(HasSubstr("num_classes is 0")));
}

TEST(BoundedWorkTest, MoreThanMemoryCanHoldIsRefusedBeforeItIsComputed) {
  OpCase c("im2sequence");
  const std::vector<int64_t> vast(4, kMost);
  c.Attr("kernels", std::vector<int64_t>{1, 1}).Attr("paddings", vast).Input("X", {1, 1, 2, 2}, {1, 2, 3, 4});
  EXPECT_THAT([&] { c.Run("Out"); }, ThrowsMessage<ResourceExhausted>(HasSubstr("patches, more than memory can hold")));
}

}  // namespace
}  // namespace skiff::testing
