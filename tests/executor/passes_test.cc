// Passes over programs whose parts do not fit together: what they would have made of them is an error of the operator
// that does not fit, as without passes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/predictor.h"
#include "framework/layers/layers.h"

namespace skiff {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class PassesTest : public ::testing::Test {
 protected:
  // A model of `out` with every parameter of its declared shape filled with `value`, but those that are given.
  PredictorModel ModelOf(const Var& out, std::map<std::string, Tensor> given, float value = 0.5f) {
    PredictorModel model{main.Clone(/*for_test=*/true), {"x"}, {out.name()}, std::move(given)};
    for (const Variable* v : model.program->ListVars()) {
      if (v->persistable) model.parameters.emplace(v->name, Tensor::Of<float>(v->shape, std::vector<float>(v->shape.NumElements(), value)));
    }
    return model;
  }
  Operator& Find(const std::string& type) {
    for (const auto& op : main.global_block().ops()) {
      if (op->type == type) return *op;
    }
    throw NotFound(type);
  }

  Program main, startup;
  ProgramGuard guard{main, startup};
};

TEST_F(PassesTest, DoNotFoldABatchNormWithOtherChannelsThanItsConvolution) {
  const Var x = layers::Data("x", {1, 2, 4, 4});
  const Var out = layers::BatchNorm(layers::Conv2D(x, 3, {1, 1}, {.bias_attr = std::nullopt}));
  const std::vector<Tensor> inputs = {Tensor::Of<float>({1, 2, 4, 4}, std::vector<float>(32, 1.0f))};
  EXPECT_EQ(Predictor(ModelOf(out, {})).Run(inputs)[0].shape(), (Shape{1, 3, 4, 4}));
  for (const char* slot : {"Scale", "Bias", "Mean", "Variance"}) {
    const std::string name = Find("batch_norm").inputs.One(slot);
    const auto run = [&] { Predictor(ModelOf(out, {{name, Tensor::Of<float>({2}, {1, 1})}})).Run(inputs); };
    EXPECT_THAT(run, ThrowsMessage<Error>(HasSubstr("InvalidArgument: batch_norm: "))) << slot;
  }
}

TEST_F(PassesTest, DoNotFuseAProductOfTwoDtypes) {
  const Var x = layers::Data("x", {2, 4}, DType::kFloat64);
  const Var w = layers::Data("w", {4, 3}), bias = layers::Data("bias", {3});
  w.variable().persistable = bias.variable().persistable = true;
  Block& block = main.global_block();
  block.AddVar({.name = "product", .dtype = DType::kFloat64, .shape = {2, 3}});
  const Var sum = block.AddVar({.name = "sum", .dtype = DType::kFloat64, .shape = {2, 3}});
  block.AddOp({"mul", {{"X", {"x"}}, {"Y", {"w"}}}, {{"Out", {"product"}}}, {}});
  block.AddOp({"elementwise_add", {{"X", {"product"}}, {"Y", {"bias"}}}, {{"Out", {"sum"}}}, {}});
  const auto run = [&] { Predictor(ModelOf(sum, {})).Run({Tensor::Of<double>({2, 4}, std::vector<double>(8, 1.0))}); };
  EXPECT_THAT(run, ThrowsMessage<Error>(HasSubstr("float64")));
}

}  // namespace
}  // namespace skiff
