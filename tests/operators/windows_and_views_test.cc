// Medians, spectral norms, windows, views of memory, masked softmax, losses with margins.
#include <cmath>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Integers = std::vector<int64_t>;

class WindowsAndViewsTest : public OpTest {};
SKIFF_ON_EACH_PLACE(WindowsAndViewsTest);

TEST_P(WindowsAndViewsTest, NanMedianLeavesNaNOutAndSharesTheGradientOfTwoMiddles) {
  OpCase c("nanmedian", GetParam());
  c.Input("X", {2, 4}, {1, 8, 3, 2, 7, NAN, 5, 6}).Attr("axis", Integers{1}).Attr("keepdim", false);
  c.Expect("Out", {2.5, 6}).ExpectShape("Out", {2});
  OpCase("nanmedian", GetParam()).Input("X", {4}, {4, 1, 9, 2}).Attr("keepdim", false).Expect("Out", {3}).CheckGradient("X", "Out");
  OpCase("nanmedian", GetParam()).Input("X", {}, {4}).Expect("Out", {4});
}

TEST_P(WindowsAndViewsTest, SpectralNormDividesByTheLargestSingularValue) {
  OpCase c("spectral_norm", GetParam());
  c.Input("Weight", {2, 2}, {3, 0, 0, 2}).Input("U", {2}, {1, 0}).Input("V", {2}, {1, 0}).Attr("power_iters", 3);
  c.Expect("Out", {1, 0, 0, 2.0 / 3});
}

// Without rounds u and v do not depend on the weight.
TEST_P(WindowsAndViewsTest, SpectralNormsGradientAgreesWithFiniteDifferences) {
  OpCase c("spectral_norm", GetParam());
  c.Input("Weight", {2, 3}, {3, 1, 0.5, 1, 2, -1}).Input("U", {3}, {0.5, 0.25, 1}).Input("V", {2}, {0.5, 1});
  c.Attr("power_iters", 0).Attr("dim", 1).CheckGradient("Weight", "Out");
}

TEST(LayersErrorTest, SpectralNormWantsVectorsOfTheMatrix) {
  EXPECT_THAT([] { OpCase("spectral_norm").Input("Weight", {2, 2}, {1, 2, 3, 4}).Input("U", {3}, {1, 1, 1}).Input("V", {2}, {1, 1}).Run("Out"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("U has 3 elements; the weight as a matrix asks for 2")));
}

TEST_P(WindowsAndViewsTest, RowConvLooksAheadWithinASequence) {
  OpCase c("row_conv", GetParam());
  c.Input("X", {3, 1}, {1, 2, 4}).Sequences("X", {{0, 2, 3}}).Input("Filter", {2, 1}, {1, 10});
  c.Expect("Out", {21, 2, 4}).CheckGradient({"X", "Filter"}, {"Out"});
}

TEST_P(WindowsAndViewsTest, Im2SequenceMakesRowsOfPatches) {
  OpCase c("im2sequence", GetParam());
  c.Input("X", {1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}).Attr("kernels", Integers{2, 2});
  c.Expect("Out", {1, 2, 4, 5, 2, 3, 5, 6}).ExpectShape("Out", {2, 4}).CheckGradient("X", "Out");
}

TEST(LayersErrorTest, Im2SequenceRefusesAKernelBeyondTheImage) {
  EXPECT_THAT([] { OpCase("im2sequence").Input("X", {1, 1, 1, 1}, {1}).Attr("kernels", Integers{2, 2}).Run("Out"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("a kernel of 2 exceeds an image of 1")));
}

TEST_P(WindowsAndViewsTest, ViewsPickElementsAndTheirGradientsAddUp) {
  OpCase strided("as_strided", GetParam());
  strided.Input("input", {4}, {1, 2, 3, 4}).Attr("dims", Integers{2, 2}).Attr("stride", Integers{1, 2});
  strided.Expect("out", {1, 3, 2, 4}).CheckGradient("input", "out");
  OpCase windows("tensor_unfold", GetParam());
  windows.Input("input", {4}, {1, 2, 3, 4}).Attr("axis", int64_t{0}).Attr("size", int64_t{2}).Attr("step", int64_t{1});
  windows.Expect("out", {1, 2, 2, 3, 3, 4}).ExpectShape("out", {3, 2}).CheckGradient("input", "out");
  OpCase slice("index_select_strided", GetParam());
  slice.Input("x", {2, 2}, {1, 2, 3, 4}).Attr("index", int64_t{1}).Attr("axis", 1).Expect("out", {2, 4}).CheckGradient("x", "out");
  OpCase shape("view_shape", GetParam());
  shape.Input("input", {2, 2}, {1, 2, 3, 4}).Attr("dims", Integers{-1}).ExpectShape("out", {4}).CheckGradient("input", "out");
}

TEST(LayersErrorTest, AViewMayNotReachBeyondItsInput) {
  EXPECT_THAT([] { OpCase("as_strided").Input("input", {3}, {1, 2, 3}).Attr("dims", Integers{4}).Attr("stride", Integers{1}).Run("out"); },
              ThrowsMessage<OutOfRange>(HasSubstr("the view reaches element 3 of an input [3]")));
}

TEST(ViewDTypeTest, ReadsTheSameBytes) {
  OpCase c("view_dtype");
  c.Input("input", {2}, {1, 0}, DType::kInt64).Attr("dtype", static_cast<int32_t>(DType::kInt32)).Expect("out", {1, 0, 0, 0});
}

TEST_P(WindowsAndViewsTest, MaskedSoftmaxAddsTheMaskOfEachBatch) {
  OpCase c("fused_softmax_mask", GetParam());
  c.Input("X", {1, 2, 1, 2}, {0, 0, 1, 0}).Input("Mask", {1, 1, 1, 2}, {0, std::log(3.0)});
  c.Expect("Out", {0.25, 0.75, M_E / (M_E + 3), 3 / (M_E + 3)}).CheckGradient("X", "Out");
}

TEST_P(WindowsAndViewsTest, UpperTriangleSoftmaxSeesWhatIsNotLater) {
  OpCase c("fused_softmax_mask_upper_triangle", GetParam());
  c.Input("X", {1, 1, 2, 2}, {5, 9, 0, std::log(3.0)}).Expect("Out", {1, 0, 0.25, 0.75}).CheckGradient("X", "Out");
}

TEST_P(WindowsAndViewsTest, MarginCrossEntropyIsCrossEntropyWithoutMargins) {
  OpCase c("margin_cross_entropy", GetParam());
  c.Input("Logits", {1, 2}, {0.25, 0.25}).Input("Label", {1}, {1}, DType::kInt64).Attr("margin2", 0.0f).Attr("scale", 2.0f);
  c.Expect("Loss", {std::log(2.0)}).Expect("Softmax", {0.5, 0.5});
}

TEST_P(WindowsAndViewsTest, MarginCrossEntropysGradientAgreesWithFiniteDifferences) {
  OpCase c("margin_cross_entropy", GetParam());
  c.Input("Logits", {2, 3}, {0.25, -0.5, 0.75, 0.1, 0.3, -0.2}).Input("Label", {2, 1}, {1, 0}, DType::kInt64);
  c.Attr("margin1", 0.9f).Attr("margin2", 0.25f).Attr("margin3", 0.125f).Attr("scale", 2.0f).CheckGradient("Logits", "Loss");
}

TEST(LayersErrorTest, MarginCrossEntropyRefusesALabelBeyondTheClasses) {
  EXPECT_THAT([] { OpCase("margin_cross_entropy").Input("Logits", {1, 2}, {0, 0}).Input("Label", {1}, {2}, DType::kInt64).Run("Loss"); },
              ThrowsMessage<OutOfRange>(HasSubstr("Label holds 2; there are 2 classes")));
}

TEST_P(WindowsAndViewsTest, IdentityLossReduces) {
  OpCase("identity_loss", GetParam()).Input("X", {2}, {1, 3}).Expect("Out", {2}).CheckGradient("X", "Out");
  OpCase("identity_loss", GetParam()).Input("X", {2}, {1, 3}).Attr("reduction", 0).Expect("Out", {4}).CheckGradient("X", "Out");
}

TEST(FourierErrorTest, TheGradientOfATransformHasItsShape) {
  const Operator op{"fft_r2c_grad", {{"X", {"x"}}, {"Out@GRAD", {"dout"}}}, {{"X@GRAD", {"dx"}}}, {{"axes", Integers{1}}}};
  std::map<std::string, Value> values{{"x", Tensor::Of<float>(Shape{1, 1, 1}, {1})},
                                      {"dout", Tensor::Of<std::complex<float>>(Shape{}, {std::complex<float>(1)})}};
  EXPECT_THAT([&] { RunOp(op, &values); },
              ThrowsMessage<InvalidArgument>(HasSubstr("Out@GRAD is []; the transform of X [1, 1, 1] is [1, 1, 1]")));
}

// What would fall between two elements is no error where only one is taken, however long the step.
TEST(StridedErrorTest, AStepBeyondTheAxisTakesTheFirstElementAlone) {
  OpCase c("tensor_unfold");
  c.Input("input", {3}, {5, 6, 7}).Attr("axis", int64_t{0}).Attr("size", int64_t{2}).Attr("step", int64_t{1} << 62);
  c.Expect("out", {5, 6}).ExpectShape("out", {1, 2});
}

TEST(StridedErrorTest, AShapeOfNaNIsRefused) {
  OpCase c("fill_constant");
  c.Input("ShapeTensor", {2}, {2, NAN}).Attr("value", 1.0f);
  EXPECT_THAT([&] { c.Run("Out"); }, ThrowsMessage<InvalidArgument>(HasSubstr("holds nan; expected integers of 64 bits")));
}

TEST(StridedErrorTest, PixelsOfMoreThan63BitsAreRefused) {
  OpCase c("pixel_unshuffle");
  c.Input("X", {1, 3, 0, 0}, {}).Attr("downscale_factor", std::numeric_limits<int32_t>::max());
  EXPECT_THAT([&] { c.Run("Out"); }, ThrowsMessage<InvalidArgument>(HasSubstr("an extent would not fit 63 bits")));
}

}  // namespace
}  // namespace skiff::testing
