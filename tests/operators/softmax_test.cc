#include <cmath>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

class SoftmaxTest : public OpTest {};
SKIFF_ON_EACH_FLOAT(SoftmaxTest);
class RowwiseGradientTest : public OpTest {};
SKIFF_ON_EACH_PLACE(RowwiseGradientTest);

const double kLn2 = std::log(2.0);

TEST_P(SoftmaxTest, GivesShares) {
  OpCase("softmax", GetParam()).Input("X", {2, 2}, {0, 0, 0, kLn2}).Expect("Out", {0.5, 0.5, 1 / 3.0, 2 / 3.0});
  OpCase("log_softmax", GetParam()).Input("X", {1, 2}, {0, 0}).Expect("Out", {-kLn2, -kLn2});
}

TEST_P(SoftmaxTest, WorksAlongAnyAxis) {
  OpCase("softmax", GetParam()).Attr("axis", 0).Input("X", {2, 2}, {0, 0, 0, kLn2})
      .Expect("Out", {0.5, 1 / 3.0, 0.5, 2 / 3.0});
  OpCase("softmax", GetParam()).Attr("axis", 1).Input("X", {1, 2, 2}, {0, 0, 0, kLn2})
      .Expect("Out", {0.5, 1 / 3.0, 0.5, 2 / 3.0});
}

TEST_P(SoftmaxTest, SurvivesLargeScores) {
  OpCase("softmax", GetParam()).Input("X", {1, 2}, {1000, 1000}).Expect("Out", {0.5, 0.5});
}

TEST_P(SoftmaxTest, AcceptsEmptyAndZeroDimensionalTensors) {
  OpCase("softmax", GetParam()).Input("X", {0, 3}, {}).ExpectShape("Out", {0, 3});
  OpCase("softmax", GetParam()).Input("X", {}, {3}).Expect("Out", {1});
}

TEST_P(SoftmaxTest, LayerNormHasMeanZeroAndVarianceOne) {
  OpCase norm = OpCase("layer_norm", GetParam()).Attr("epsilon", 0.0f).Input("X", {2, 2}, {1, 3, 2, 6});
  norm.Expect("Y", {-1, 1, -1, 1});
  norm.Expect("Mean", {2, 4}).Expect("Variance", {1, 4});
  norm.Input("Scale", {2}, {2, 3}).Expect("Y", {-2, 3, -2, 3});
  norm.Input("Bias", {2}, {10, 20}).Expect("Y", {8, 23, 8, 23});
}

TEST_P(RowwiseGradientTest, GradientsAgreeWithFiniteDifferences) {
  const std::vector<double> x = {0.5, -1, 2, 0.25, 1, -0.5, 0.75, -2, 1.5, 0, 0.3, 1.1};
  for (const char* op : {"softmax", "log_softmax"}) {
    OpCase(op, GetParam()).Input("X", {3, 4}, x).CheckGradient("X", "Out");
    OpCase(op, GetParam()).Attr("axis", 1).Input("X", {2, 3, 2}, x).CheckGradient("X", "Out");
  }
  OpCase("layer_norm", GetParam()).Input("X", {3, 4}, x).CheckGradient("X", "Y");
  OpCase("layer_norm", GetParam()).Attr("begin_norm_axis", 2)
      .Input("X", {1, 3, 4}, x).Input("Scale", {4}, {1, 2, 0.5, -1}).Input("Bias", {4}, {0, 1, 2, 3})
      .CheckGradient({"X", "Scale", "Bias"}, {"Y"});
}

class CrossEntropyTest : public OpTest {};
SKIFF_ON_EACH_PLACE(CrossEntropyTest);

TEST_P(CrossEntropyTest, HardLabelsTakeOneLogarithm) {
  OpCase loss = OpCase("softmax_with_cross_entropy", GetParam())
      .Input("Logits", {2, 2}, {0, 0, 0, kLn2}).Input("Label", {2, 1}, {0, 1}, DType::kInt64);
  loss.Expect("Loss", {kLn2, std::log(1.5)}).Expect("Softmax", {0.5, 0.5, 1 / 3.0, 2 / 3.0});
  loss.ExpectShape("Loss", {2, 1});
}

TEST_P(CrossEntropyTest, IgnoredLabelsCostNothing) {
  OpCase("softmax_with_cross_entropy", GetParam()).Attr("ignore_index", 1)
      .Input("Logits", {2, 2}, {0, 0, 0, kLn2}).Input("Label", {2, 1}, {0, 1}, DType::kInt64)
      .Expect("Loss", {kLn2, 0});
}

TEST_P(CrossEntropyTest, SoftLabelsWeighTheLogarithms) {
  OpCase("softmax_with_cross_entropy", GetParam()).Attr("soft_label", true)
      .Input("Logits", {1, 2}, {0, 0}).Input("Label", {1, 2}, {0.25, 0.75}).Expect("Loss", {kLn2});
}

TEST_P(CrossEntropyTest, TakesProbabilitiesWhenToldSo) {
  OpCase("softmax_with_cross_entropy", GetParam()).Attr("use_softmax", false)
      .Input("Logits", {1, 2}, {0.5, 0.5}).Input("Label", {1, 1}, {1}, DType::kInt64)
      .Expect("Loss", {kLn2}).Expect("Softmax", {0.5, 0.5});
}

TEST_P(CrossEntropyTest, GradientsAgreeWithFiniteDifferences) {
  OpCase hard = OpCase("softmax_with_cross_entropy", GetParam()).Attr("axis", 1)
      .Input("Logits", {2, 3, 1}, {0.5, -1, 2, 0.25, 1, -0.5}).Input("Label", {2, 1, 1}, {2, 0}, DType::kInt64);
  hard.CheckGradient("Logits", "Loss");
  OpCase soft = OpCase("softmax_with_cross_entropy", GetParam()).Attr("soft_label", true)
      .Input("Logits", {1, 3}, {0.5, -1, 2}).Input("Label", {1, 3}, {0.2, 0.5, 0.3});
  soft.CheckGradient("Logits", "Loss");
  OpCase("cross_entropy", GetParam()).Input("X", {2, 2}, {0.3, 0.7, 0.6, 0.4}).Input("Label", {2, 1}, {1, 0}, DType::kInt64)
      .CheckGradient("X", "Y");
  OpCase("cross_entropy2", GetParam()).Input("X", {2, 2}, {0.3, 0.7, 0.6, 0.4}).Input("Label", {2, 1}, {1, 0}, DType::kInt64)
      .CheckGradient("X", "Y");
  OpCase("sigmoid_cross_entropy_with_logits", GetParam()).Input("X", {3}, {-1, 0.5, 2}).Input("Label", {3}, {0, 1, 0.5})
      .CheckGradient("X", "Out");
  OpCase("huber_loss", GetParam()).Attr("delta", 1.0f).Input("X", {3}, {0, 0, 0}).Input("Y", {3}, {0.5, 3, -3})
      .CheckGradient({"X", "Y"}, {"Out"});
  OpCase("label_smooth", GetParam()).Attr("epsilon", 0.1f).Input("X", {1, 2}, {0, 1}).CheckGradient("X", "Out");
}

TEST(CrossEntropyErrorTest, NamesALabelThatIsNoClass) {
  const OpCase loss = OpCase("softmax_with_cross_entropy").Input("Logits", {1, 2}, {0, 0})
      .Input("Label", {1, 1}, {2}, DType::kInt64);
  EXPECT_THAT([&] { loss.Run("Loss"); },
              ::testing::ThrowsMessage<OutOfRange>(::testing::HasSubstr("a label is 2; it must be in [0, 2)")));
}

TEST(SigmoidCrossEntropyTest, NormalizeDividesByTheLabelsThatCount) {
  OpCase("sigmoid_cross_entropy_with_logits").Attr("normalize", true).Attr("ignore_index", -1)
      .Input("X", {3}, {0, 0, 5}).Input("Label", {3}, {1, 0, -1})
      .Expect("Out", {kLn2 / 2, kLn2 / 2, 0});
}

TEST(SoftmaxInferTest, KeepsAnUnknownBatch) {
  EXPECT_EQ(OpCase("softmax").InputOf("X", {-1, 10}).Infer("Out").shape, (Shape{-1, 10}));
  EXPECT_EQ(OpCase("layer_norm").InputOf("X", {-1, 10}).Infer("Mean").shape, (Shape{-1}));
  EXPECT_EQ(OpCase("softmax_with_cross_entropy").InputOf("Logits", {-1, 10}).InputOf("Label", {-1, 1}, DType::kInt64)
                .Infer("Loss").shape, (Shape{-1, 1}));
}

}  // namespace
}  // namespace skiff::testing
