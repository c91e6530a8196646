#include <cmath>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using Ints = std::vector<int32_t>;

class ReduceTest : public OpTest {};
SKIFF_ON_EACH_FLOAT(ReduceTest);
class ReduceGradientTest : public OpTest {};
SKIFF_ON_EACH_PLACE(ReduceGradientTest);

TEST_P(ReduceTest, ReducesTheAxesThatAreNamed) {
  const auto run = [](const char* op, Ints dim, std::vector<double> wanted) {
    OpCase(op, GetParam()).Attr("dim", dim).Input("X", {2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})
        .Expect("Out", wanted);
  };
  run("reduce_sum", {0}, {6, 8, 10, 12});
  run("reduce_sum", {1}, {4, 6, 12, 14});
  run("reduce_sum", {-1}, {3, 7, 11, 15});
  run("reduce_sum", {0, 2}, {14, 22});
  run("reduce_mean", {0, 1}, {4, 5});
  run("reduce_max", {2}, {2, 4, 6, 8});
  run("reduce_min", {0}, {1, 2, 3, 4});
  run("reduce_prod", {1}, {3, 8, 35, 48});
  run("frobenius_norm", {0, 1, 2}, {std::sqrt(204.0)});
}

TEST_P(ReduceTest, IgnoresDimWhenReducingAllAndKeepsDimensionsOnRequest) {
  OpCase all = OpCase("reduce_sum", GetParam()).Attr("reduce_all", true).Input("X", {2, 2}, {1, 2, 3, 4});
  all.Expect("Out", {10}).ExpectShape("Out", {});
  all.Attr("keep_dim", true).ExpectShape("Out", {1, 1});
  OpCase("mean", GetParam()).Input("X", {2, 2}, {1, 2, 3, 6}).Expect("Out", {3}).ExpectShape("Out", {});
  OpCase("squared_l2_norm", GetParam()).Input("X", {2}, {3, 4}).Expect("Out", {25}).ExpectShape("Out", {1});
}

TEST_P(ReduceTest, ReducesEmptyTensorsAndScalars) {
  OpCase("reduce_sum", GetParam()).Attr("dim", Ints{0}).Input("X", {0, 2}, {}).Expect("Out", {0, 0});
  OpCase("reduce_sum", GetParam()).Attr("dim", Ints{1}).Input("X", {0, 2}, {}).ExpectShape("Out", {0});
  OpCase("reduce_sum", GetParam()).Attr("reduce_all", true).Input("X", {}, {5}).Expect("Out", {5});
}

TEST_P(ReduceTest, NormsFollowTheirOrder) {
  const auto run = [](float order, std::vector<double> wanted) {
    OpCase("p_norm", GetParam()).Attr("porder", order).Attr("axis", 1).Input("X", {2, 2}, {3, -4, 0, 2})
        .Expect("Out", wanted);
  };
  run(0, {2, 1});
  run(1, {7, 2});
  run(2, {5, 2});
  run(INFINITY, {4, 2});
  run(-INFINITY, {3, 0});
}

TEST(ReduceAccuracyTest, ALongSumLosesNothingVisible) {
  const int n = 1 << 20;
  const OpCase sum = OpCase("reduce_sum").Attr("reduce_all", true).Input("X", {n}, std::vector<double>(n, 0.1f));
  EXPECT_NEAR(sum.Values("Out")[0], n * double{0.1f}, n * 1e-7);  // one float after another: 1e3
  EXPECT_EQ(OpCase(sum).Threads(1).Values("Out"), OpCase(sum).Threads(4).Values("Out"));
}

TEST(ReduceAccuracyTest, ColumnsOfATallMatrixDoNotDependOnThreads) {
  std::vector<double> x;
  for (int i = 0; i < 9000 * 17; ++i) x.push_back(std::sin(i * 0.1));
  const OpCase sum = OpCase("reduce_sum").Attr("dim", Ints{0}).Input("X", {9000, 17}, x);
  const std::vector<double> one = OpCase(sum).Threads(1).Values("Out");
  EXPECT_EQ(one, OpCase(sum).Threads(3).Values("Out"));
  double first = 0;
  for (int i = 0; i < 9000; ++i) first += static_cast<float>(x[i * 17]);
  EXPECT_NEAR(one[0], first, 1e-3);
}

TEST(ReduceBoolTest, AllAndAnyAreLogical) {
  OpCase("reduce_all").Attr("dim", Ints{1}).Input("X", {2, 2}, {1, 0, 1, 1}, DType::kBool).Expect("Out", {0, 1});
  OpCase("reduce_any").Attr("dim", Ints{1}).Input("X", {2, 2}, {1, 0, 0, 0}, DType::kBool).Expect("Out", {1, 0});
}

// Paddle declares these inputs and does not look at them.
TEST(ReduceBoolTest, TakesTheAxesFromVariables) {
  for (const char* type : {"reduce_amax", "reduce_amin", "reduce_any", "reduce_all"}) {
    const DType dtype = std::string(type).find("am") == std::string::npos ? DType::kBool : DType::kFloat32;
    const OpCase x = OpCase(type).Attr("dim", Ints{0}).Input("X", {2, 3, 4}, std::vector<double>(24, 1), dtype);
    OpCase(x).Input("AxisTensor", {2}, {2, 0}, DType::kInt64).ExpectShape("Out", {3}).Expect("Out", {1, 1, 1});
    OpCase(x).Attr("keep_dim", true).Input("AxisTensor", {1}, {-1}, DType::kInt32).ExpectShape("Out", {2, 3, 1});
    OpCase(x).Input("AxisTensorList", {1}, {1}, DType::kInt32).ExpectShape("Out", {2, 4});
    EXPECT_EQ(OpCase(x).Input("AxisTensor", {2}, {2, 0}, DType::kInt64).Infer("Out").shape, Shape{-1});
  }
}

TEST(ReduceIntegerTest, SumsExactlyAndInOutDtype) {
  OpCase("reduce_sum").Attr("reduce_all", true).Input("X", {2}, {9007199254740992.0, 1}, DType::kInt64)
      .ExpectDType("Out", DType::kInt64);
  OpCase("reduce_sum").Attr("reduce_all", true).Attr("out_dtype", 3).Input("X", {3}, {1, 0, 1}, DType::kBool)
      .Expect("Out", {2}).ExpectDType("Out", DType::kInt64);
}

TEST_P(ReduceGradientTest, GradientsAgreeWithFiniteDifferences) {
  for (const char* op : {"reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod", "frobenius_norm"}) {
    OpCase(op, GetParam()).Attr("dim", Ints{1}).Input("X", {2, 3}, {1, -2, 3, 0.5, 4, -1}).CheckGradient("X", "Out");
    OpCase(op, GetParam()).Attr("reduce_all", true).Input("X", {3}, {1, -2, 3}).CheckGradient("X", "Out");
  }
  OpCase("mean", GetParam()).Input("X", {2, 2}, {1, 2, 3, 4}).CheckGradient("X", "Out");
  OpCase("squared_l2_norm", GetParam()).Input("X", {3}, {1, -2, 3}).CheckGradient("X", "Out");
  for (float p : {1.0f, 2.0f, 3.0f, INFINITY}) {
    OpCase("p_norm", GetParam()).Attr("porder", p).Attr("axis", 0).Input("X", {3, 1}, {1, -2, 3}).CheckGradient("X", "Out");
  }
}

TEST(ReduceInferTest, KeepsAnUnknownBatch) {
  EXPECT_EQ(OpCase("reduce_mean").Attr("dim", Ints{1}).InputOf("X", {-1, 4, 2}).Infer("Out").shape, (Shape{-1, 2}));
}

TEST(ReduceErrorTest, NamesAnAxisThatIsNotThere) {
  EXPECT_THROW(OpCase("reduce_sum").Attr("dim", Ints{2}).InputOf("X", {2, 3}).Infer("Out"), OutOfRange);
}

TEST(ClipByNormTest, ShortensOnlyLongVectors) {
  OpCase("clip_by_norm").Attr("max_norm", 2.5f).Input("X", {2}, {3, 4}).Expect("Out", {1.5, 2});
  OpCase("clip_by_norm").Attr("max_norm", 10.0f).Input("X", {2}, {3, 4}).Expect("Out", {3, 4});
}

}  // namespace
}  // namespace skiff::testing
