#include <cmath>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class OptimizerTest : public OpTest {};
SKIFF_ON_EACH_PLACE(OptimizerTest);

OpCase Sgd(const TestPlace& place) {
  return OpCase("sgd", place).Input("Param", {2}, {1, 2}).Input("Grad", {2}, {10, -10})
      .Input("LearningRate", {1}, {0.1}, DType::kFloat32);
}

TEST_P(OptimizerTest, SgdStepsAgainstTheGradient) { Sgd(GetParam()).Tolerance(1e-6).Expect("ParamOut", {0, 3}); }

TEST_P(OptimizerTest, MomentumKeepsAVelocity) {
  OpCase step("momentum", GetParam());
  step.Input("Param", {1}, {1}).Input("Grad", {1}, {2}).Input("Velocity", {1}, {4}).Input("LearningRate", {}, {0.5}, DType::kFloat32);
  step.Attr("mu", 0.5f).Expect("VelocityOut", {4}).Expect("ParamOut", {-1});
  step.Attr("use_nesterov", true).Expect("ParamOut", {-1});  // 1 - 0.5 (2 + 0.5 * 4)
  step.Attr("regularization_method", "l2_decay").Attr("regularization_coeff", 2.0f).Expect("VelocityOut", {6});
  // As Paddle: only its CUDA kernel reads rescale_grad.
  step.Attr("rescale_grad", 0.5f).Expect("VelocityOut", {GetParam().place.is_cuda() ? 5.0 : 6.0});
}

OpCase Adam(const char* type, const TestPlace& place) {
  return OpCase(type, place).Input("Param", {2}, {1, -1}).Input("Grad", {2}, {0.5, -2}).Input("Moment1", {2}, {0, 0})
      .Input("Moment2", {2}, {0, 0}).Input("LearningRate", {1}, {0.1}, DType::kFloat32)
      .Input("Beta1Pow", {1}, {0.9}, DType::kFloat32).Input("Beta2Pow", {1}, {0.999}, DType::kFloat32);
}

TEST_P(OptimizerTest, AdamsFirstStepIsTheLearningRate) {
  const OpCase adam = Adam("adam", GetParam()).Tolerance(2e-5);
  adam.Expect("ParamOut", {0.9, -0.9}).Expect("Moment1Out", {0.05, -0.2}).Expect("Moment2Out", {0.00025, 0.004});
  adam.Expect("Beta1PowOut", {0.81}).Expect("Beta2PowOut", {0.998001});
}

TEST_P(OptimizerTest, AdamSkipsAnUpdate) {
  const OpCase adam = Adam("adam", GetParam()).Input("SkipUpdate", {1}, {1}, DType::kBool).Tolerance(1e-6);
  adam.Expect("ParamOut", {1, -1}).Expect("Moment1Out", {0, 0}).Expect("Beta1PowOut", {0.9});
}

TEST_P(OptimizerTest, AdamwDecaysBeforeTheStep) {
  OpCase adamw = Adam("adamw", GetParam()).Tolerance(2e-5);
  adamw.Attr("coeff", 0.5f).Expect("ParamOut", {0.9, -0.9});
  adamw.Attr("with_decay", true).Expect("ParamOut", {0.85, -0.85});
  // As Paddle: its CPU kernel scales the decay alone, its CUDA kernel also the step.
  const double p = GetParam().place.is_cuda() ? 0.925 : 0.875;
  adamw.Attr("lr_ratio", 0.5f).Expect("ParamOut", {p, -p});
}

TEST_P(OptimizerTest, OthersFollowTheirFormulas) {
  const auto start = [&](const char* type) {
    return OpCase(type, GetParam()).Input("Param", {1}, {1}).Input("Grad", {1}, {2})
        .Input("LearningRate", {1}, {0.5}, DType::kFloat32).Tolerance(1e-5);
  };
  start("adagrad").Input("Moment", {1}, {0}).Attr("epsilon", 0.0f).Expect("MomentOut", {4}).Expect("ParamOut", {0.5});
  start("rmsprop").Input("MeanSquare", {1}, {0}).Input("Moment", {1}, {1}).Input("MeanGrad", {1}, {0})
      .Attr("decay", 0.75f).Attr("momentum", 0.5f).Attr("epsilon", 0.0f)
      .Expect("MeanSquareOut", {1}).Expect("MomentOut", {1.5}).Expect("ParamOut", {-0.5}).Expect("MeanGradOut", {0});
  start("rmsprop").Input("MeanSquare", {1}, {1}).Input("Moment", {1}, {0}).Input("MeanGrad", {1}, {0})
      .Attr("decay", 0.5f).Attr("centered", true).Attr("epsilon", 0.0f)  // ms 2.5, mg 1
      .Expect("MeanGradOut", {1}).Expect("MomentOut", {1 / std::sqrt(1.5)});
  start("adamax").Input("Moment", {1}, {0}).Input("InfNorm", {1}, {0}).Input("Beta1Pow", {1}, {0.5}, DType::kFloat32)
      .Attr("beta1", 0.5f).Expect("MomentOut", {1}).Expect("InfNormOut", {2}).Expect("ParamOut", {0.5});
  start("adadelta").Input("AvgSquaredGrad", {1}, {0}).Input("AvgSquaredUpdate", {1}, {4}).Attr("rho", 0.75f)
      .Attr("epsilon", 0.0f).Expect("AvgSquaredGradOut", {1}).Expect("ParamOut", {-1}).Expect("AvgSquaredUpdateOut", {7});
}

TEST_P(OptimizerTest, LambScalesByTheNorms) {
  OpCase lamb("lamb", GetParam());
  lamb.Input("Param", {2}, {3, 4}).Input("Grad", {2}, {1, 1}).Input("Moment1", {2}, {0, 0}).Input("Moment2", {2}, {0, 0})
      .Input("LearningRate", {1}, {0.1}, DType::kFloat32).Input("Beta1Pow", {1}, {0.9}, DType::kFloat32)
      .Input("Beta2Pow", {1}, {0.999}, DType::kFloat32).Attr("weight_decay", 0.0f).Tolerance(2e-5);
  lamb.Expect("ParamOut", {2.9, 3.9});  // the direction is (1, 1)
  const double ratio = 5 / std::sqrt(2.0);
  lamb.Attr("always_adapt", true).Expect("ParamOut", {3 - 0.1 * ratio, 4 - 0.1 * ratio});
}

TEST_P(OptimizerTest, EmptyParametersAreNoMistake) {
  OpCase("sgd", GetParam()).Input("Param", {0}, {}).Input("Grad", {0}, {}).Input("LearningRate", {1}, {1}, DType::kFloat32)
      .ExpectShape("ParamOut", {0});
}

TEST(OptimizerHalfTest, UpdatesTheMasterCopy) {
  const TestPlace half{CPUPlace{}, DType::kBFloat16};
  OpCase("sgd", half).Attr("multi_precision", true).Input("Param", {1}, {1}).Input("Grad", {1}, {1})
      .Input("LearningRate", {1}, {0.001}, DType::kFloat32).Input("MasterParam", {1}, {1}, DType::kFloat32)
      .Tolerance(1e-6).Expect("MasterParamOut", {0.999});
}

// A gradient of rows 2 (twice) and 0 of a [3, 2] parameter.
std::map<std::string, Value> SparseValues() {
  SelectedRows grad{{2, 0, 2}, 3, Tensor::Of<float>({3, 2}, {1, 1, 2, 2, 3, 3})};
  return {{"p", Tensor::Of<float>({3, 2}, {0, 0, 0, 0, 0, 0})}, {"g", grad}, {"lr", Tensor::Of<float>({1}, {1})}};
}
std::vector<float> Floats(const Value& value) {
  const auto values = std::get<Tensor>(value).Values<float>();
  return {values.begin(), values.end()};
}

TEST(SparseOptimizerTest, SgdMergesRows) {
  auto values = SparseValues();
  RunOp({"sgd", {{"Param", {"p"}}, {"Grad", {"g"}}, {"LearningRate", {"lr"}}}, {{"ParamOut", {"p"}}}, {}}, &values);
  EXPECT_EQ(Floats(values["p"]), (std::vector<float>{-2, -2, 0, 0, -4, -4}));
}

TEST(SparseOptimizerTest, LazyAdamLeavesOtherRows) {
  for (bool lazy : {false, true}) {
    auto values = SparseValues();
    for (const char* name : {"m", "v"}) values[name] = Tensor::Of<float>({3, 2}, {1, 1, 1, 1, 1, 1});
    values["b1"] = Tensor::Of<float>({1}, {0.9f});
    values["b2"] = Tensor::Of<float>({1}, {0.999f});
    RunOp({"adam",
           {{"Param", {"p"}}, {"Grad", {"g"}}, {"LearningRate", {"lr"}}, {"Moment1", {"m"}}, {"Moment2", {"v"}},
            {"Beta1Pow", {"b1"}}, {"Beta2Pow", {"b2"}}},
           {{"ParamOut", {"p"}}, {"Moment1Out", {"m"}}, {"Moment2Out", {"v"}}, {"Beta1PowOut", {"b1"}}, {"Beta2PowOut", {"b2"}}},
           {{"lazy_mode", lazy}}}, &values);
    EXPECT_EQ(Floats(values["m"])[2], lazy ? 1.0f : 0.9f);
    EXPECT_NEAR(Floats(values["m"])[4], 0.9f + 0.1f * 4, 1e-6);
    EXPECT_EQ(Floats(values["p"])[2] == 0, lazy);
    EXPECT_NEAR(Floats(values["b1"])[0], 0.81f, 1e-6);
  }
}

TEST(SparseOptimizerTest, MergeSelectedRowsSortsAndAdds) {
  auto values = SparseValues();
  RunOp({"merge_selected_rows", {{"X", {"g"}}}, {{"Out", {"o"}}}, {}}, &values);
  const auto& merged = std::get<SelectedRows>(values["o"]);
  EXPECT_EQ(merged.rows, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(Floats(merged.value), (std::vector<float>{2, 2, 4, 4}));
}

TEST(OptimizerErrorTest, NamesTheShapes) {
  const auto infer = [] {
    OpCase("sgd").InputOf("Param", {2}).InputOf("Grad", {3}).InputOf("LearningRate", {1}).Infer("ParamOut");
  };
  EXPECT_THAT(infer, ThrowsMessage<InvalidArgument>(HasSubstr("Grad is [3], Param is [2]; they must be equal")));
}

}  // namespace
}  // namespace skiff::testing
