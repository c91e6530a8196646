// Every layer is compared with the programs that Paddle 2.6.2 built from the same calls.
#include "framework/layers/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "framework/layers/layer_helper.h"
#include "framework/op/backward.h"
#include "framework/program/unique_name.h"
#include "support/paddle_program.h"

namespace skiff {
namespace {

using namespace layers;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr DType kF32 = DType::kFloat32;
constexpr DType kI64 = DType::kInt64;

struct Build {
  std::string fixture;
  std::function<void()> calls;
};

void PrintTo(const Build& build, std::ostream* out) { *out << build.fixture; }

class LayersOfPaddle : public ::testing::TestWithParam<Build> {};

TEST_P(LayersOfPaddle, BuildPaddlesPrograms) {
  const test::PaddlePrograms paddle = test::ReadPaddlePrograms(GetParam().fixture);
  ASSERT_EQ(test::MissingOps(paddle), "");
  Program main, startup;
  {
    ProgramGuard programs(main, startup);
    UniqueNameGuard names;
    GetParam().calls();
  }
  EXPECT_THAT(test::OperatorLines(main), ElementsAreArray(test::OperatorLines(*paddle.main)));
  EXPECT_THAT(test::VariableLines(main), ElementsAreArray(test::VariableLines(*paddle.main)));
  EXPECT_THAT(test::OperatorLines(startup), ElementsAreArray(test::OperatorLines(*paddle.startup)));
  EXPECT_THAT(test::VariableLines(startup), ElementsAreArray(test::VariableLines(*paddle.startup)));
}

Var Image(int64_t channels = 3, int64_t side = 8) { return Data("im", {-1, channels, side, side}); }

const Build kBuilds[] = {
    {"data", [] {
       Data("a", {-1, 4});
       Data("b", {-1, 2, 3}, DType::kFloat64);
       Data("c", {5}, kI64);
       Data("d", {}, DType::kBool);
       Data("e", {2, -1}, DType::kInt32, 1);
     }},
    {"create_parameter", [] {
       layers::CreateParameter({2, 3});
       layers::CreateParameter({3}, kF32, {.is_bias = true});
       layers::CreateParameter({4}, DType::kFloat64, {.name = "c"});
       layers::CreateParameter({2, 2}, kF32, {.initializer = initializer::Uniform(-2.0, 2.0)});
     }},
    {"create_global_var", [] {
       CreateGlobalVar({1}, 1.5, kF32, true);
       CreateGlobalVar({2, 3}, 7, kI64, false, "counter");
     }},
    {"initializers", [] {
       auto make = [](const Shape& shape, Initializer fill) {
         layers::CreateParameter(shape, kF32, {.initializer = std::move(fill)});
       };
       make({4, 3}, initializer::Constant(2.5));
       make({4, 3}, initializer::Normal(1.0, 0.5));
       make({4, 3}, initializer::TruncatedNormal(0.0, 0.1));
       make({4, 3}, initializer::Uniform(-0.5, 0.25));
       make({4, 3}, initializer::XavierUniform());
       make({4, 3}, initializer::XavierNormal());
       make({4, 3}, initializer::XavierUniform({.in = 10, .out = 20}));
       make({4, 3}, initializer::KaimingUniform());
       make({4, 3}, initializer::KaimingNormal());
       make({8, 4, 3, 3}, initializer::KaimingNormal());
       make({8, 4, 3, 3}, initializer::XavierUniform());
       make({2, 2}, initializer::Assign(Tensor::Of<float>({2, 2}, {1, 2, 3, 4})));
     }},
    {"fc", [] { FC(Data("x", {-1, 6}), 5); }},
    {"fc_activation", [] {
       Var h = FC(Data("x", {-1, 6}), 5, {.activation = "relu"});
       h = FC(h, 4, {.activation = "tanh"});
       h = FC(h, 3, {.activation = "sigmoid"});
       FC(h, 2, {.activation = "softmax"});
     }},
    {"fc_flatten", [] {
       const Var x = Data("x", {-1, 3, 4, 5});
       FC(x, 7);
       FC(x, 7, {.num_flatten_dims = 2});
       FC(x, 7, {.num_flatten_dims = -1});
     }},
    {"fc_float64", [] { FC(Data("x", {-1, 6}, DType::kFloat64), 5); }},
    {"fc_inputs", [] {
       const Var x = Data("x", {-1, 6}), z = Data("z", {-1, 3});
       FC(std::vector<Var>{x, z}, 5, {.activation = "relu"});
     }},
    {"fc_same_input_twice", [] {
       const Var x = Data("x", {-1, 6});
       FC(std::vector<Var>{x, x}, 5);
     }},
    {"fc_named", [] {
       const Var y = FC(Data("x", {-1, 6}), 5, {.name = "hidden"});
       FC(y, 5, {.name = "hidden"});
     }},
    {"fc_no_bias", [] {
       const Var y = FC(Data("x", {-1, 6}), 5, {.bias_attr = std::nullopt});
       FC(y, 4, {.activation = "relu", .bias_attr = std::nullopt});
     }},
    {"param_attr_names", [] {
       const Var a = FC(Data("x", {-1, 6}), 5,
                        {.weight_attr = {.name = "w_a", .initializer = initializer::Constant(0.5)},
                         .bias_attr = ParamAttr{.name = "b_a"}});
       const Var b = FC(a, 5, {.weight_attr = {.name = "w_b"}, .bias_attr = ParamAttr{.name = "b_b"}});
       FC(b, 5, {.weight_attr = {.initializer = initializer::Normal(0.0, 0.02)},
                 .bias_attr = ParamAttr{.initializer = initializer::Constant(1.0)}});
     }},
    {"param_attr_shared", [] {
       const FCOptions shared{.weight_attr = {.name = "shared_w"}, .bias_attr = ParamAttr{.name = "shared_b"}};
       const Var a = FC(Data("x", {-1, 5}), 5, shared);
       AppendBackward(Mean(FC(a, 5, shared)));
     }},
    {"conv2d", [] { Conv2D(Image(), 4, 3); }},
    {"conv2d_options", [] {
       const Var im = Image(3, 9);
       Conv2D(im, 4, 3, {.stride = 2, .padding = 1, .activation = "relu"});
       Conv2D(im, 4, {3, 5}, {.stride = {1, 2}, .padding = {1, 2}, .dilation = 2, .bias_attr = std::nullopt});
       Conv2D(im, 4, 3, {.padding = "SAME"});
       Conv2D(im, 4, 3, {.padding = "VALID"});
       Conv2D(im, 4, 3, {.padding = {1, 2, 0, 1}});
     }},
    {"conv2d_groups", [] {
       const Var im = Image(4);
       Conv2D(im, 8, 3, {.groups = 2});
       Conv2D(im, 4, 3, {.groups = 4});
       Conv2D(im, 8, 3, {.groups = 4, .bias_attr = std::nullopt});
     }},
    {"conv2d_nhwc", [] {
       Conv2D(Data("im", {-1, 8, 8, 3}), 4, 3, {.activation = "relu", .data_format = "NHWC"});
     }},
    {"conv2d_transpose", [] {
       const Var im = Image();
       Conv2DTranspose(im, 4, {.kernel = 3});
       Conv2DTranspose(im, 4, {.kernel = 4, .stride = 2, .padding = 1, .activation = "relu"});
       Conv2DTranspose(im, 4, {.output_size = 17, .stride = 2});
     }},
    {"batch_norm", [] {
       const Var a = BatchNorm(Image());
       const Var b = BatchNorm(a, {.activation = "relu", .momentum = 0.8f, .epsilon = 0.001f});
       BatchNorm(BatchNorm(b, {.is_test = true}), {.use_global_stats = true});
     }},
    {"batch_norm_rank2", [] {
       BatchNorm(Data("x", {-1, 6}),
                 {.scale_attr = {.name = "bn_scale"}, .bias_attr = {.name = "bn_shift"},
                  .moving_mean_name = "bn_mean", .moving_variance_name = "bn_variance"});
     }},
    {"layer_norm", [] {
       const Var x = Data("x", {-1, 4, 6});
       LayerNorm(x);
       LayerNorm(x, {.begin_norm_axis = 2});
       LayerNorm(x, {.scale = false, .shift = false, .begin_norm_axis = 2, .activation = "relu"});
     }},
    {"embedding", [] {
       const Var ids = Data("ids", {-1, 7}, kI64);
       Embedding(ids, 20, 5);
       Embedding(ids, 20, 5, {.is_sparse = true});
       Embedding(ids, 20, 5, {.padding_idx = 0});
       Embedding(ids, 20, 5, {.padding_idx = -1});
       Embedding(ids, 20, 5, {.weight_attr = {.name = "table"}});
     }},
    {"pooling", [] {
       const Var im = Image(3, 9);
       Pool2D(im, 2);
       Pool2D(im, 3, {.stride = 2, .padding = 1});
       Pool2D(im, 2, {.stride = 2, .ceil_mode = true});
       Pool2D(im, 2, {.type = "avg"});
       Pool2D(im, 3, {.type = "avg", .stride = 1, .padding = 1, .exclusive = false});
       AdaptiveAvgPool2D(im, 1);
       AdaptiveAvgPool2D(im, {2, 3});
       Pool2D(im, 3, {.type = "avg", .stride = 3, .padding = "SAME"});
     }},
    {"dropout", [] {
       const Var x = Data("x", {-1, 6});
       Dropout(x, 0.3f);
       Dropout(x, 0.3f, {.upscale_in_train = false});
       EXPECT_EQ(Dropout(x, 0.0f).name(), "x");
       Dropout(x, 0.4f, {.is_test = true});
     }},
    {"activations", [] {
       const Var x = Data("x", {-1, 6});
       Relu(x), Sigmoid(x), Tanh(x), Gelu(x), Gelu(x, true), Softmax(x), Softmax(x, 0), LogSoftmax(x);
       LeakyRelu(x), Activation("relu6", x), Activation("elu", x), Activation("silu", x);
       Activation("softplus", x), Activation("hard_swish", x);
       Activation("hard_sigmoid", x, {{"slope", 0.1666667f}, {"offset", 0.5f}}), Activation("swish", x);
     }},
    {"math_unary_functions", [] {
       const Var x = Data("x", {-1, 4});
       for (const char* type : {"exp", "log", "sqrt", "rsqrt", "square", "abs", "sign", "floor", "ceil",
                                "round", "sin", "cos", "tanh", "reciprocal", "erf"}) {
         Activation(type, x);
       }
       Clip(x, -1.0f, 1.0f), Scale(x, 2.0f, 1.0f);
     }},
    {"softmax_with_cross_entropy", [] {
       const Var x = Data("x", {-1, 10}), label = Data("label", {-1, 1}, kI64);
       SoftmaxWithCrossEntropy(x, label), SoftmaxWithCrossEntropy(x, label);
       SoftmaxWithCrossEntropy(x, Softmax(x), {.soft_label = true});
     }},
    {"cross_entropy", [] { CrossEntropy(Data("x", {-1, 10}), Data("label", {-1, 1}, kI64)); }},
    {"accuracy", [] {
       const Var x = Data("x", {-1, 10}), label = Data("label", {-1, 1}, kI64);
       const Var p = Softmax(x);
       Accuracy(p, label), Accuracy(p, label, 5);
     }},
    {"mean", [] {
       const Var x = Data("x", {-1, 3, 4});
       Mean(x), Mean(x, {.axis = {1}}), Mean(x, {.axis = {1, 2}, .keep_dim = true});
     }},
    {"reductions", [] {
       const Var x = Data("x", {-1, 3, 4});
       const Var b = x > 0.0;
       Sum(x), Sum(x, {.axis = {1}}), Sum(x, {.axis = {0, 2}, .keep_dim = true}), Max(x, {.axis = {-1}});
       Min(x, {.axis = {1}}), Prod(x, {.axis = {1}}), All(b), Any(b, {.axis = {1}});
     }},
    {"argmax", [] {
       const Var x = Data("x", {-1, 10});
       ArgMax(x), ArgMax(x, {.axis = 1});
       ArgMax(x, {.axis = -1, .keep_dim = true, .dtype = DType::kInt32}), ArgMin(x, {.axis = 0});
     }},
    {"split", [] {
       const Var x = Data("x", {-1, 6, 4});
       Split(x, 3, 1), SplitSections(x, {1, 2, -1}, 1), Split(x, 2, -1), Unstack(x, 1);
     }},
    {"gather_and_expand", [] {
       const Var x = Data("x", {5, 4}), ids = Data("ids", {3}, kI64);
       Gather(x, ids), Gather(x, ids, 1), Expand(x, {2, 5, 4}), Tile(x, {2, 1}), OneHot(ids, 7);
       const Var positive = x > 0.0;
       Where(positive, x, -x), GatherNd(x, Unsqueeze(ids, {-1}));
     }},
    {"add_n", [] {
       const Var x = Data("x", {-1, 4}), y = Data("y", {-1, 4});
       AddN({x, y, x}), AddN({x});
     }},
    {"reshape", [] {
       const Var x = Data("x", {-1, 1, 4, 6});
       Reshape(x, {-1, 24}), Reshape(x, {0, 4, -1}), Reshape(x, {-1, 6});
       Flatten(x, 1), Flatten(x, 1, 2), Squeeze(x, {1}), Unsqueeze(x, {0}), Unsqueeze(x, {1, 2});
     }},
    {"concat", [] {
       const Var x = Data("x", {-1, 3}), y = Data("y", {-1, 5});
       Concat({x, y}, 1), Concat({x, x}), Stack({x, x}, 1), Concat({x, y}, -1);
     }},
    {"topk", [] {
       const Var x = Data("x", {-1, 10});
       TopK(x, 3), TopK(x, 2, {.axis = 0, .largest = false});
     }},
    {"operators_scalar", [] {
       const Var x = Data("x", {-1, 4});
       x + 1, x - 1, x * 2, x / 2, -x, 1 + x, 1 - x, 2 * x, x * -1.5, x + 0.5;
     }},
    {"operators_broadcast", [] {
       const Var x = Data("x", {-1, 3, 4}), y = Data("y", {4}), z = Data("z", {3, 1});
       x + y, x * z, y + x, y - z;
     }},
    {"backward_embedding", [] {
       Var h = LayerNorm(Embedding(Data("ids", {-1, 7}, kI64), 20, 8), {.begin_norm_axis = 2});
       const Var a = Softmax(Matmul(h, h, false, true) * 0.5);
       h = h + Matmul(a, h);
       AppendBackward(Mean(Gelu(FC(h, 4, {.num_flatten_dims = 2}))));
     }},
    {"backward_conv", [] {
       const Var im = Image(1), label = Data("label", {-1, 1}, kI64);
       Var h = BatchNorm(Conv2D(im, 4, 3, {.padding = 1}), {.activation = "relu"});
       h = Dropout(Pool2D(h, 2, {.stride = 2}), 0.5f);
       AppendBackward(CrossEntropy(FC(h, 3), label));
     }},
};

INSTANTIATE_TEST_SUITE_P(Names, LayersOfPaddle, ::testing::ValuesIn(kBuilds),
                         [](const auto& param_info) { return param_info.param.fixture; });

class LayerErrorTest : public ::testing::Test {
 protected:
  Program main_, startup_;
  ProgramGuard programs_{main_, startup_};
  UniqueNameGuard names_;
};

TEST_F(LayerErrorTest, NamesAnInputWhoseWidthIsUnknown) {
  const Var x = Data("x", {-1, -1});
  EXPECT_THAT([&] { FC(x, 3); },
              ThrowsMessage<InvalidArgument>(HasSubstr("axis 1 of \"x\" [-1, -1] must be known")));
}

TEST_F(LayerErrorTest, NamesTheLineThatBuiltAWrongOperator) {
  const Var x = Data("x", {-1, 4}), y = Data("y", {5, 3});
  EXPECT_THAT([&] { Matmul(x, y); },
              ThrowsMessage<InvalidArgument>(HasSubstr("built by layers::Matmul at layers_test.cc:")));
}

TEST_F(LayerErrorTest, RefusesASharedParameterOfAnotherShape) {
  const Var x = Data("x", {-1, 4});
  FC(x, 3, {.weight_attr = {.name = "w"}});
  EXPECT_THAT([&] { FC(x, 5, {.weight_attr = {.name = "w"}}); },
              ThrowsMessage<InvalidArgument>(
                  HasSubstr("\"w\" is wanted as float32 [4, 5], but exists as float32 [4, 3]")));
}

TEST_F(LayerErrorTest, RefusesTwoInputsOfOneName) {
  Data("x", {-1, 4});
  EXPECT_THAT([] { Data("x", {-1, 4}); }, ThrowsMessage<AlreadyExists>(HasSubstr("variable \"x\"")));
}

TEST(PythonFloatTest, IsWhatPythonPrints) {
  EXPECT_EQ(PythonFloat(0), "0.0");
  EXPECT_EQ(PythonFloat(0.1), "0.1");
  EXPECT_EQ(PythonFloat(1e-4), "0.0001");
  EXPECT_EQ(PythonFloat(1e-5), "1e-05");
  EXPECT_EQ(PythonFloat(-2.5), "-2.5");
  EXPECT_EQ(PythonFloat(1e16), "1e+16");
  EXPECT_EQ(PythonFloat(123456), "123456.0");
}

}  // namespace
}  // namespace skiff
