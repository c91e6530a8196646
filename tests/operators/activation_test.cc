#include <cmath>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ActivationTest : public OpTest {};
SKIFF_ON_EACH_FLOAT(ActivationTest);
class ActivationGradientTest : public OpTest {};
SKIFF_ON_EACH_PLACE(ActivationGradientTest);

TEST_P(ActivationTest, ReluKeepsOnlyPositiveNumbers) {
  OpCase("relu", GetParam()).Input("X", {5}, {-2, -1, 0, 1, 2}).Expect("Out", {0, 0, 0, 1, 2});
}

TEST_P(ActivationTest, LeakyReluScalesOnlyTheNonPositiveSide) {
  OpCase("leaky_relu", GetParam())
      .Attr("alpha", 0.5f)
      .Input("X", {5}, {-2, -1, 0, 1, 2})
      .Expect("Out", {-1, -0.5, 0, 1, 2});
}

TEST_P(ActivationTest, BoundedRampsStopAtTheirBounds) {
  OpCase("relu6", GetParam()).Input("X", {3}, {-1, 3, 8}).Expect("Out", {0, 3, 6});
  OpCase("brelu", GetParam()).Attr("t_min", -1.0f).Attr("t_max", 1.0f)
      .Input("X", {3}, {-3, 0.5, 3}).Expect("Out", {-1, 0.5, 1});
  OpCase("hard_sigmoid", GetParam()).Attr("slope", 0.25f)
      .Input("X", {3}, {-4, 1, 4}).Expect("Out", {0, 0.75, 1});
  OpCase("hard_swish", GetParam()).Input("X", {4}, {-4, 0, 3, 8}).Expect("Out", {0, 0, 3, 8});
}

TEST_P(ActivationTest, SmoothFunctionsTakeTheirKnownValues) {
  const double s1 = 1 / (1 + std::exp(-1.0));
  OpCase("sigmoid", GetParam()).Input("X", {3}, {0, 1, -1}).Expect("Out", {0.5, s1, 1 - s1});
  OpCase("tanh", GetParam()).Input("X", {3}, {0, 1, -0.25})
      .Expect("Out", {0, std::tanh(1.0), std::tanh(-0.25)});
  OpCase("logsigmoid", GetParam()).Input("X", {2}, {0, 1}).Expect("Out", {-std::log(2.0), std::log(s1)});
  OpCase("silu", GetParam()).Input("X", {2}, {0, 1}).Expect("Out", {0, s1});
  OpCase("swish", GetParam()).Attr("beta", 0.5f).Input("X", {2}, {0, 2}).Expect("Out", {0, 2 * s1});
  OpCase("softplus", GetParam()).Input("X", {3}, {0, 1, 30}).Expect("Out", {std::log(2.0), std::log1p(std::exp(1.0)), 30});
  OpCase("softsign", GetParam()).Input("X", {2}, {1, -3}).Expect("Out", {0.5, -0.75});
  OpCase("elu", GetParam()).Attr("alpha", 2.0f).Input("X", {2}, {1, -1}).Expect("Out", {1, 2 * std::expm1(-1.0)});
  OpCase("mish", GetParam()).Input("X", {2}, {0, 1}).Expect("Out", {0, std::tanh(std::log1p(std::exp(1.0)))});
}

TEST_P(ActivationTest, GeluIsExactOrApproximate) {
  const double exact = 0.5 * (1 + std::erf(std::sqrt(0.5)));
  const double approximate = 0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) * 1.044715));
  OpCase("gelu", GetParam()).Input("X", {2}, {0, 1}).Expect("Out", {0, exact});
  OpCase("gelu", GetParam()).Attr("approximate", true).Input("X", {2}, {0, 1}).Expect("Out", {0, approximate});
}

TEST_P(ActivationTest, ShrinkingFunctionsClearAnIntervalAroundZero) {
  const std::vector<double> x = {-2, -0.25, 0.25, 2};
  OpCase("hard_shrink", GetParam()).Input("X", {4}, x).Expect("Out", {-2, 0, 0, 2});
  OpCase("softshrink", GetParam()).Input("X", {4}, x).Expect("Out", {-1.5, 0, 0, 1.5});
  OpCase("thresholded_relu", GetParam()).Input("X", {4}, x).Expect("Out", {0, 0, 0, 2});
  OpCase("tanh_shrink", GetParam()).Input("X", {2}, {0, 1}).Expect("Out", {0, 1 - std::tanh(1.0)});
  OpCase("celu", GetParam()).Attr("alpha", 2.0f).Input("X", {2}, {1, -2}).Expect("Out", {1, 2 * std::expm1(-1.0)});
  OpCase("selu", GetParam()).Attr("scale", 2.0f).Attr("alpha", 1.0f)
      .Input("X", {2}, {1, -1}).Expect("Out", {2, 2 * std::expm1(-1.0)});
  OpCase("stanh", GetParam()).Attr("scale_a", 2.0f).Attr("scale_b", 3.0f)
      .Input("X", {1}, {0.5}).Expect("Out", {3 * std::tanh(1.0)});
}

TEST_P(ActivationTest, LongTensorsAgreeElementByElement) {
  std::vector<double> x, wanted;
  for (int i = 0; i < 1037; ++i) {  // not a multiple of any vector or block
    x.push_back((i % 31) * 0.25 - 3.75);
    wanted.push_back(std::max(x.back(), 0.0));
  }
  OpCase("relu", GetParam()).Input("X", {17, 61}, x).Expect("Out", wanted);
}

TEST_P(ActivationTest, AcceptsEmptyAndZeroDimensionalTensors) {
  OpCase("relu", GetParam()).Input("X", {0, 3}, {}).Expect("Out", {}).ExpectShape("Out", {0, 3});
  OpCase("relu", GetParam()).Input("X", {}, {-1}).Expect("Out", {0}).ExpectShape("Out", {});
}

TEST_P(ActivationGradientTest, GradientsAgreeWithFiniteDifferences) {
  for (const char* op : {"relu", "relu6", "sigmoid", "logsigmoid", "tanh", "gelu", "leaky_relu", "elu",
                         "silu", "swish", "hard_swish", "hard_sigmoid", "softplus", "softsign", "mish",
                         "brelu", "hard_shrink", "softshrink", "thresholded_relu", "tanh_shrink", "celu",
                         "selu", "stanh"}) {
    // Away from the kinks at 0, 0.5, 1, 2.5, 3, 6 and 24.
    OpCase(op, GetParam()).Input("X", {2, 3}, {-4, -1.2, -0.4, 0.6, 2, 7}).CheckGradient("X", "Out");
  }
  OpCase("gelu", GetParam()).Attr("approximate", true)
      .Input("X", {2, 3}, {-2, -1, -0.5, 0.5, 1, 2}).CheckGradient("X", "Out");
}

TEST_P(ActivationGradientTest, SecondGradientsAgreeWithFiniteDifferences) {
  for (const char* op : {"relu_grad", "sigmoid_grad", "tanh_grad"}) {
    OpCase(op, GetParam()).Input("Out", {3}, {0.25, 0.5, 0.75}).Input("Out@GRAD", {3}, {1, -2, 3})
        .CheckGradient(std::string(op) == "relu_grad" ? std::vector<std::string>{"Out@GRAD"}
                                                      : std::vector<std::string>{"Out", "Out@GRAD"},
                       {"X@GRAD"});
  }
}

TEST(ActivationInferTest, KeepsAnUnknownBatch) {
  const TensorMeta out = OpCase("relu").InputOf("X", {-1, 8}, DType::kFloat16).Infer("Out");
  EXPECT_EQ(out.shape, (Shape{-1, 8}));
  EXPECT_EQ(out.dtype, DType::kFloat16);
}

TEST(ActivationErrorTest, NamesTheOperatorTheInputAndItsDtype) {
  const auto infer = [] { OpCase("leaky_relu").InputOf("X", {4}, DType::kInt32).Infer("Out"); };
  EXPECT_THAT(infer, ThrowsMessage<InvalidArgument>(
                         AllOf(HasSubstr("leaky_relu"), HasSubstr("input X is int32 [4]"))));
}

TEST(ActivationThreadsTest, ResultsDoNotDependOnTheCountOfThreads) {
  std::vector<double> x;
  for (int i = 0; i < 100003; ++i) x.push_back(std::sin(i * 0.7) * 4);
  const OpCase one = OpCase("gelu").Input("X", {100003}, x).Threads(1);
  EXPECT_EQ(one.Values("Out"), OpCase(one).Threads(4).Values("Out"));
}

}  // namespace
}  // namespace skiff::testing
