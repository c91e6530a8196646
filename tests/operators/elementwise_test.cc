#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ElementwiseTest : public OpTest {};
SKIFF_ON_EACH_FLOAT(ElementwiseTest);
class ElementwiseGradientTest : public OpTest {};
SKIFF_ON_EACH_PLACE(ElementwiseGradientTest);

TEST_P(ElementwiseTest, CombinesElementByElement) {
  const auto run = [](const char* op, std::vector<double> wanted) {
    OpCase(op, GetParam()).Input("X", {4}, {1, -2, 3, 8}).Input("Y", {4}, {2, 4, -4, 2}).Expect("Out", wanted);
  };
  run("elementwise_add", {3, 2, -1, 10});
  run("elementwise_sub", {-1, -6, 7, 6});
  run("elementwise_mul", {2, -8, -12, 16});
  run("elementwise_div", {0.5, -0.5, -0.75, 4});
  run("elementwise_max", {2, 4, 3, 8});
  run("elementwise_min", {1, -2, -4, 2});
  run("elementwise_mod", {1, 2, -1, 0});
  run("elementwise_floordiv", {0, -1, -1, 4});
  run("grad_add", {3, 2, -1, 10});
}

TEST_P(ElementwiseTest, BroadcastsFromTheLastDimension) {
  OpCase("elementwise_add", GetParam())
      .Input("X", {2, 3}, {1, 2, 3, 4, 5, 6})
      .Input("Y", {3}, {10, 20, 30})
      .Expect("Out", {11, 22, 33, 14, 25, 36});
  OpCase("elementwise_add", GetParam())
      .Input("X", {2, 1}, {1, 2})
      .Input("Y", {1, 3}, {10, 20, 30})
      .Expect("Out", {11, 21, 31, 12, 22, 32});
  OpCase("elementwise_sub", GetParam())
      .Input("X", {}, {10})
      .Input("Y", {2}, {1, 2})
      .Expect("Out", {9, 8});
}

TEST_P(ElementwiseTest, AlignsAtTheAxisAndDropsTrailingOnes) {
  OpCase("elementwise_add", GetParam())
      .Attr("axis", 1)
      .Input("X", {1, 2, 2}, {1, 2, 3, 4})
      .Input("Y", {2}, {10, 20})
      .Expect("Out", {11, 12, 23, 24});
  OpCase("elementwise_mul", GetParam())
      .Attr("axis", 0)
      .Input("X", {2, 1, 2}, {1, 2, 3, 4})
      .Input("Y", {2, 1}, {10, 20})
      .Expect("Out", {10, 20, 60, 80});
}

TEST_P(ElementwiseTest, LongBroadcastsAgreeElementByElement) {
  std::vector<double> x, y, wanted;
  for (int i = 0; i < 3 * 700; ++i) x.push_back(i % 13);
  for (int i = 0; i < 700; ++i) y.push_back(i % 7);
  for (int i = 0; i < 3 * 700; ++i) wanted.push_back(x[i] + y[i % 700]);
  OpCase("elementwise_add", GetParam()).Input("X", {3, 700}, x).Input("Y", {700}, y).Expect("Out", wanted);
  std::vector<double> z, by_row;
  for (int i = 0; i < 3 * 4 * 175; ++i) by_row.push_back(x[i] + i / 175 % 4);
  OpCase("elementwise_add", GetParam()).Attr("axis", 1)
      .Input("X", {3, 4, 175}, x).Input("Y", {4}, {0, 1, 2, 3}).Expect("Out", by_row);
}

TEST_P(ElementwiseTest, AcceptsAnEmptyBatch) {
  OpCase("elementwise_add", GetParam()).Input("X", {0, 3}, {}).Input("Y", {3}, {1, 2, 3})
      .ExpectShape("Out", {0, 3});
}

TEST_P(ElementwiseGradientTest, GradientsAgreeWithFiniteDifferences) {
  for (const char* op : {"elementwise_add", "elementwise_sub", "elementwise_mul", "elementwise_div",
                         "elementwise_max", "elementwise_min", "elementwise_pow"}) {
    OpCase(op, GetParam())
        .Input("X", {2, 3}, {1, 2, 3, 1.5, 0.5, 2.5})
        .Input("Y", {3}, {1.2, 1.7, 0.7})
        .CheckGradient({"X", "Y"}, {"Out"});
    OpCase(op, GetParam()).Attr("axis", 0)
        .Input("X", {2, 1, 2}, {1, 2, 3, 1.5})
        .Input("Y", {2}, {1.2, 0.7})
        .CheckGradient({"X", "Y"}, {"Out"});
  }
}

TEST_P(ElementwiseGradientTest, SecondGradientsAgreeWithFiniteDifferences) {
  for (const char* op : {"elementwise_add_grad", "elementwise_sub_grad", "elementwise_mul_grad"}) {
    const bool product = std::string(op) == "elementwise_mul_grad";
    OpCase(op, GetParam())
        .Input("X", {2, 2}, {1, 2, 3, 4})
        .Input("Y", {2}, {0.5, 1.5})
        .Input("Out@GRAD", {2, 2}, {1, -1, 2, 0.5})
        .CheckGradient(product ? std::vector<std::string>{"X", "Y", "Out@GRAD"}
                               : std::vector<std::string>{"Out@GRAD"},
                       {"X@GRAD", "Y@GRAD"});
  }
}

TEST(ElementwiseIntegerTest, FloorsAndTakesTheSignOfTheDivisor) {
  const auto run = [](const char* op, DType dtype, std::vector<double> wanted) {
    OpCase(op).Input("X", {4}, {7, -7, 7, -7}, dtype).Input("Y", {4}, {2, 2, -2, 0}, dtype)
        .Tolerance(0).Expect("Out", wanted);
  };
  for (DType dtype : {DType::kInt64, DType::kInt32, DType::kInt8}) {
    run("elementwise_floordiv", dtype, {3, -4, -4, 0});
    run("elementwise_mod", dtype, {1, 1, -1, 0});
    run("elementwise_div", dtype, {3, -3, -3, 0});
  }
}

TEST(ElementwiseIntegerTest, WrapsAroundAsItsDtypeDoes) {
  OpCase("elementwise_add").Input("X", {2}, {127, 100}, DType::kInt8).Input("Y", {2}, {1, 100}, DType::kInt8)
      .Expect("Out", {-128, -56});
}

TEST(ElementwiseInferTest, KeepsAnUnknownBatch) {
  EXPECT_EQ(OpCase("elementwise_add").InputOf("X", {-1, 4}).InputOf("Y", {4}).Infer("Out").shape,
            (Shape{-1, 4}));
}

TEST(ElementwiseErrorTest, NamesBothShapes) {
  const auto infer = [] { OpCase("elementwise_add").InputOf("X", {2, 3}).InputOf("Y", {4}).Infer("Out"); };
  EXPECT_THAT(infer, ThrowsMessage<InvalidArgument>(AllOf(HasSubstr("elementwise_add"), HasSubstr("[2, 3]"))));
}

class CompareTest : public OpTest {};
SKIFF_ON_EACH_PLACE(CompareTest);

TEST_P(CompareTest, GivesBoolWithBroadcasting) {
  const auto run = [](const char* op, std::vector<double> wanted) {
    OpCase(op, GetParam()).Input("X", {3}, {1, 2, 3}).Input("Y", {1}, {2})
        .Expect("Out", wanted).ExpectDType("Out", DType::kBool);
  };
  run("equal", {0, 1, 0});
  run("not_equal", {1, 0, 1});
  run("less_than", {1, 0, 0});
  run("less_equal", {1, 1, 0});
  run("greater_than", {0, 0, 1});
  run("greater_equal", {0, 1, 1});
}

TEST(LogicalTest, FollowsTheTruthTables) {
  const auto run = [](const char* op, std::vector<double> wanted) {
    OpCase(op).Input("X", {4}, {0, 0, 1, 1}, DType::kBool).Input("Y", {4}, {0, 1, 0, 1}, DType::kBool)
        .Expect("Out", wanted);
  };
  run("logical_and", {0, 0, 0, 1});
  run("logical_or", {0, 1, 1, 1});
  run("logical_xor", {0, 1, 1, 0});
  OpCase("logical_not").Input("X", {2}, {0, 1}, DType::kBool).Expect("Out", {1, 0});
}

TEST_P(CompareTest, TellsFiniteInfiniteAndNanApart) {
  const std::vector<double> x = {1, INFINITY, -INFINITY, NAN};
  OpCase("isfinite_v2", GetParam()).Input("X", {4}, x).Expect("Out", {1, 0, 0, 0});
  OpCase("isinf_v2", GetParam()).Input("X", {4}, x).Expect("Out", {0, 1, 1, 0});
  OpCase("isnan_v2", GetParam()).Input("X", {4}, x).Expect("Out", {0, 0, 0, 1});
}

TEST_P(CompareTest, WhereChoosesAndItsGradientToo) {
  OpCase where = OpCase("where", GetParam()).Input("Condition", {2, 2}, {1, 0, 0, 1}, DType::kBool)
      .Input("X", {2, 2}, {1, 2, 3, 4}).Input("Y", {2, 2}, {5, 6, 7, 8});
  where.Expect("Out", {1, 6, 7, 4});
  where.CheckGradient({"X", "Y"}, {"Out"});
}

}  // namespace
}  // namespace skiff::testing
