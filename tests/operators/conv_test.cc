// Convolution: small numbers by head, gradients by finite differences, and oneDNN's float32 against the
// float64 loops over the shapes that networks use.
#include "tests/support/op_case.h"

namespace skiff::testing {

namespace {

using Ints = std::vector<int32_t>;
using Names = std::vector<std::string>;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Irregular numbers in [-1, 1).
std::vector<double> Spread(int64_t count, int salt) {
  std::vector<double> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = ((i * 7919 + salt * 104729) % 1009) / 504.5 - 1;
  return values;
}

class ConvTest : public OpTest {};
SKIFF_ON_EACH_FLOAT(ConvTest);

TEST_P(ConvTest, SumsTheProductsUnderTheWindow) {
  OpCase("conv2d", GetParam())
      .Input("Input", {1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9})
      .Input("Filter", {1, 1, 2, 2}, {1, 0, 0, 1})
      .Expect("Output", {6, 8, 12, 14});
}

TEST_P(ConvTest, PadsTopBottomLeftRightByThemselves) {
  OpCase("conv2d", GetParam())
      .Attr("paddings", Ints{1, 0, 0, 1})
      .Input("Input", {1, 1, 2, 2}, {1, 2, 3, 4})
      .Input("Filter", {1, 1, 2, 2}, {1, 10, 100, 1000})
      .Expect("Output", {2100, 200, 4321, 402});
}

TEST_P(ConvTest, KeepsGroupsApart) {
  OpCase("depthwise_conv2d", GetParam())
      .Attr("groups", 2)
      .Input("Input", {1, 2, 1, 2}, {1, 2, 3, 4})
      .Input("Filter", {2, 1, 1, 1}, {10, 100})
      .Expect("Output", {10, 20, 300, 400});
}

TEST_P(ConvTest, ReadsChannelsLast) {
  OpCase("conv2d", GetParam())
      .Attr("data_format", "NHWC")
      .Input("Input", {1, 1, 2, 2}, {1, 2, 3, 4})  // two pixels of two channels
      .Input("Filter", {1, 2, 1, 1}, {1, 10})
      .ExpectShape("Output", {1, 1, 2, 1})
      .Expect("Output", {21, 43});
}

TEST_P(ConvTest, FusedFormAddsBiasAndShortcutBeforeTheActivation) {
  OpCase("fused_conv2d", GetParam())
      .Attr("fuse_activation", "relu")
      .Input("Input", {1, 1, 1, 3}, {1, 2, 3})
      .Input("Filter", {1, 1, 1, 1}, {2})
      .Input("Bias", {1}, {-5})
      .Input("ResidualData", {1, 1, 1, 3}, {1, 0, 2})
      .Expect("Output", {0, 0, 3});
}

TEST_P(ConvTest, TransposeSpreadsEachElement) {
  OpCase("conv2d_transpose", GetParam())
      .Attr("strides", Ints{2, 2})
      .Input("Input", {1, 1, 1, 2}, {1, 2})
      .Input("Filter", {1, 1, 2, 2}, {1, 2, 3, 4})
      .Expect("Output", {1, 2, 2, 4, 3, 4, 6, 8});
}

TEST_P(ConvTest, TransposeAddsOutputPaddingAtTheEnd) {
  OpCase("conv2d_transpose", GetParam())
      .Attr("strides", Ints{2, 2})
      .Attr("output_padding", Ints{1, 1})
      .Input("Input", {1, 1, 1, 1}, {3})
      .Input("Filter", {1, 1, 1, 1}, {2})
      .Expect("Output", {6, 0, 0, 0});
}

TEST_P(ConvTest, TakesAnEmptyBatch) {
  OpCase("conv2d", GetParam())
      .Input("Input", {0, 1, 3, 3}, {})
      .Input("Filter", {2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})
      .ExpectShape("Output", {0, 2, 2, 2});
}

class ConvGradTest : public OpTest {};
SKIFF_ON_EACH_PLACE(ConvGradTest);

TEST_P(ConvGradTest, AgreesWithFiniteDifferences) {
  OpCase("conv2d", GetParam())
      .Attr("strides", Ints{2, 1})
      .Attr("paddings", Ints{1, 0, 1, 2})
      .Attr("dilations", Ints{1, 2})
      .Attr("groups", 2)
      .Input("Input", {2, 4, 5, 4}, Spread(160, 1))
      .Input("Filter", {4, 2, 3, 2}, Spread(48, 2))
      .CheckGradient(Names{"Input", "Filter"}, Names{"Output"});
}

TEST_P(ConvGradTest, OfTheTransposeAgreesWithFiniteDifferences) {
  OpCase("conv2d_transpose", GetParam())
      .Attr("strides", Ints{2, 2})
      .Attr("paddings", Ints{1, 1})
      .Input("Input", {2, 2, 3, 3}, Spread(36, 3))
      .Input("Filter", {2, 3, 3, 3}, Spread(54, 4))
      .CheckGradient(Names{"Input", "Filter"}, Names{"Output"});
}

struct Network {
  Shape input, filter;
  Ints strides, paddings;
  int groups;
  const char* algorithm;
  const char* format;
};

class ConvShapesTest : public ::testing::TestWithParam<Network> {};
INSTANTIATE_TEST_SUITE_P(
    Networks, ConvShapesTest,
    ::testing::Values(Network{{1, 3, 20, 20}, {16, 3, 7, 7}, {2, 2}, {3, 3}, 1, "EXPLICIT", "NCHW"},
                      Network{{2, 16, 9, 8}, {24, 16, 1, 1}, {1, 1}, {0, 0}, 1, "VALID", "NCHW"},
                      Network{{1, 1, 28, 28}, {6, 1, 5, 5}, {1, 1}, {0, 0}, 1, "EXPLICIT", "AnyLayout"},
                      Network{{1, 16, 9, 9}, {16, 1, 3, 3}, {2, 2}, {1, 1}, 16, "SAME", "NCHW"},
                      Network{{2, 9, 8, 16}, {8, 16, 3, 3}, {2, 2}, {1, 1}, 1, "SAME", "NHWC"}));

TEST_P(ConvShapesTest, SinglePrecisionAgreesWithDouble) {
  const Network& n = GetParam();
  const auto run = [&](DType dtype) {
    return OpCase("conv2d", {CPUPlace{}, dtype})
        .Attr("strides", n.strides)
        .Attr("paddings", n.paddings)
        .Attr("groups", n.groups)
        .Attr("padding_algorithm", n.algorithm)
        .Attr("data_format", n.format)
        .Input("Input", n.input, Spread(n.input.NumElements(), 5))
        .Input("Filter", n.filter, Spread(n.filter.NumElements(), 6))
        .Values("Output");
  };
  const std::vector<double> single = run(DType::kFloat32), precise = run(DType::kFloat64);
  ASSERT_EQ(single.size(), precise.size());
  for (size_t i = 0; i < single.size(); ++i) ASSERT_NEAR(single[i], precise[i], 1e-3) << "element " << i;
}

TEST(ConvErrorTest, NamesChannelsThatDoNotFit) {
  const auto infer = [] {
    OpCase("conv2d").InputOf("Input", {1, 3, 8, 8}).InputOf("Filter", {4, 2, 3, 3}).Infer("Output");
  };
  EXPECT_THAT(infer, ThrowsMessage<InvalidArgument>(AllOf(HasSubstr("conv2d"), HasSubstr("3 channels"))));
}

TEST(ConvInferTest, LeavesUnknownExtentsOpen) {
  const TensorMeta out =
      OpCase("conv2d").InputOf("Input", {-1, 3, -1, 8}).InputOf("Filter", {4, 3, 3, 3}).Infer("Output");
  EXPECT_EQ(out.shape, Shape({-1, 4, -1, 6}));
}

}  // namespace

}  // namespace skiff::testing
