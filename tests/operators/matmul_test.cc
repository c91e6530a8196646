// Matrix products: shapes by numpy's rules, numbers by head, gradients by finite differences.
#include "tests/support/op_case.h"

namespace skiff::testing {

namespace {

using Names = std::vector<std::string>;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class MatmulTest : public OpTest {};
SKIFF_ON_EACH_FLOAT(MatmulTest);

TEST_P(MatmulTest, MultipliesMatrices) {
  OpCase("matmul_v2", GetParam())
      .Input("X", {2, 3}, {1, 2, 3, 4, 5, 6})
      .Input("Y", {3, 2}, {1, 0, 0, 1, 1, 1})
      .Expect("Out", {4, 5, 10, 11});
}

TEST_P(MatmulTest, TransposesEitherOperand) {
  OpCase("matmul_v2", GetParam())
      .Attr("trans_x", true)
      .Attr("trans_y", true)
      .Input("X", {2, 1}, {1, 2})
      .Input("Y", {3, 2}, {1, 10, 2, 20, 3, 30})
      .ExpectShape("Out", {1, 3})
      .Expect("Out", {21, 42, 63});
}

TEST_P(MatmulTest, BroadcastsBatchAxes) {
  OpCase("matmul_v2", GetParam())
      .Input("X", {2, 1, 1, 2}, {1, 2, 3, 4})
      .Input("Y", {3, 2, 1}, {1, 1, 10, 10, 1, 0})
      .ExpectShape("Out", {2, 3, 1, 1})
      .Expect("Out", {3, 30, 1, 7, 70, 3});
}

TEST_P(MatmulTest, DropsTheAxisOfAVector) {
  OpCase("matmul_v2", GetParam())
      .Input("X", {2}, {1, 2})
      .Input("Y", {2}, {3, 4})
      .ExpectShape("Out", {})
      .Expect("Out", {11});
  OpCase("matmul_v2", GetParam())
      .Input("X", {2, 2}, {1, 2, 3, 4})
      .Input("Y", {2}, {1, 1})
      .ExpectShape("Out", {2})
      .Expect("Out", {3, 7});
}

TEST_P(MatmulTest, SumsOverNothingToZero) {
  OpCase("matmul_v2", GetParam())
      .Input("X", {2, 0}, {})
      .Input("Y", {0, 1}, {})
      .Expect("Out", {0, 0});
}

TEST_P(MatmulTest, TakesAnEmptyBatch) {
  OpCase("mul", GetParam())
      .Input("X", {0, 2}, {})
      .Input("Y", {2, 3}, {1, 2, 3, 4, 5, 6})
      .ExpectShape("Out", {0, 3});
}

TEST_P(MatmulTest, OlderFormScalesTheProduct) {
  OpCase("matmul", GetParam())
      .Attr("alpha", 0.5f)
      .Input("X", {1, 2}, {1, 2})
      .Input("Y", {2, 1}, {4, 8})
      .Expect("Out", {10});
}

TEST_P(MatmulTest, MulFlattensItsOperands) {
  OpCase("mul", GetParam())
      .Attr("x_num_col_dims", 2)
      .Input("X", {1, 2, 1, 2}, {1, 2, 3, 4})
      .Input("Y", {2, 1, 2}, {1, 0, 0, 1})
      .ExpectShape("Out", {1, 2, 1, 2})
      .Expect("Out", {1, 2, 3, 4});
}

TEST_P(MatmulTest, FcAddsBiasAndActivates) {
  OpCase("fc", GetParam())
      .Attr("activation_type", "relu")
      .Input("Input", {2, 2}, {1, 2, 3, 4})
      .Input("W", {2, 2}, {1, -1, 1, 0})
      .Input("Bias", {2}, {1, 2})
      .Expect("Out", {4, 1, 8, 0});
}

class MatmulGradTest : public OpTest {};
SKIFF_ON_EACH_PLACE(MatmulGradTest);

TEST_P(MatmulGradTest, AgreesWithFiniteDifferences) {
  for (const bool trans_x : {false, true}) {
    for (const bool trans_y : {false, true}) {
      OpCase("matmul_v2", GetParam())
          .Attr("trans_x", trans_x)
          .Attr("trans_y", trans_y)
          .Input("X", {2, 2, 2}, {0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7, 0.8})
          .Input("Y", {1, 2, 2}, {0.9, 0.2, -0.4, 0.1})
          .CheckGradient(Names{"X", "Y"}, Names{"Out"});
    }
  }
}

TEST_P(MatmulGradTest, AddsUpOverBroadcastAxes) {
  OpCase("matmul_v2", GetParam())
      .Input("X", {2, 1, 1, 2}, {0.1, -0.2, 0.3, 0.4})
      .Input("Y", {3, 2, 1}, {0.9, 0.2, -0.4, 0.1, 0.7, -0.3})
      .CheckGradient(Names{"X", "Y"}, Names{"Out"});
}

TEST_P(MatmulGradTest, OfMulAgreesWithFiniteDifferences) {
  OpCase("mul", GetParam())
      .Input("X", {2, 1, 2}, {0.1, -0.2, 0.3, 0.4})
      .Input("Y", {2, 2}, {0.9, 0.2, -0.4, 0.1})
      .CheckGradient(Names{"X", "Y"}, Names{"Out"});
}

TEST_P(MatmulGradTest, SecondGradientsAgreeWithFiniteDifferences) {
  for (const bool trans : {false, true}) {
    OpCase("matmul_v2_grad", GetParam())
        .Attr("trans_x", trans)
        .Attr("trans_y", trans)
        .Input("X", {2, 2, 2}, {0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7, 0.8})
        .Input("Y", {1, 2, 2}, {0.9, 0.2, -0.4, 0.1})
        .Input("Out@GRAD", {2, 2, 2}, {0.3, 0.6, -0.5, 0.2, -0.1, 0.8, 0.4, -0.7})
        .CheckGradient(Names{"X", "Y", "Out@GRAD"}, Names{"X@GRAD", "Y@GRAD"});
  }
}

TEST_P(MatmulGradTest, SecondGradientsOfOneOutputAgreeToo) {
  OpCase("mul_grad", GetParam())
      .Input("X", {2, 1, 2}, {0.1, -0.2, 0.3, 0.4})
      .Input("Y", {2, 2}, {0.9, 0.2, -0.4, 0.1})
      .Input("Out@GRAD", {2, 1, 2}, {0.3, 0.6, -0.5, 0.2})
      .CheckGradient(Names{"Y", "Out@GRAD"}, Names{"X@GRAD"});
}

TEST(MatmulErrorTest, NamesBothShapes) {
  const auto infer = [] { OpCase("matmul_v2").InputOf("X", {2, 3}).InputOf("Y", {4, 5}).Infer("Out"); };
  EXPECT_THAT(infer, ThrowsMessage<InvalidArgument>(AllOf(HasSubstr("matmul_v2"), HasSubstr("3 columns"),
                                                          HasSubstr("4 rows"))));
}

TEST(MatmulInferTest, LeavesUnknownExtentsOpen) {
  EXPECT_EQ(OpCase("mul").InputOf("X", {-1, 3}).InputOf("Y", {3, 5}).Infer("Out").shape, Shape({-1, 5}));
}

}  // namespace

}  // namespace skiff::testing
