// Mixed precision as a program: what is half, where the casts stand, and what the optimizer adds. Whole programs are
// compared with Paddle's in tests/interop/test_amp_programs.py.
#include "framework/layers/amp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/layers/layer_helper.h"
#include "framework/layers/layers.h"
#include "framework/program/unique_name.h"
#include "framework/tensor/scope.h"

namespace skiff {
namespace {

using namespace layers;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class AmpTest : public ::testing::Test {
 protected:
  Block& block() { return main_.global_block(); }
  DType DTypeOf(const std::string& name) { return block().Var(name).dtype; }
  std::vector<std::string> Types() {
    std::vector<std::string> types;
    for (const auto& op : block().ops()) types.push_back(op->type);
    return types;
  }
  const Operator& Last(const std::string& type) {
    for (auto op = block().ops().rbegin(); op != block().ops().rend(); ++op) {
      if ((*op)->type == type) return **op;
    }
    throw NotFound("no operator " + type);
  }

  Program main_, startup_;
  ProgramGuard programs_{main_, startup_};
  UniqueNameGuard names_;
};

TEST_F(AmpTest, LevelO1CastsWhatProductsReadAndLeavesParameters) {
  Softmax(FC(Data("x", {-1, 4}), 3));
  amp::CastProgram(main_, amp::OpLists());
  EXPECT_THAT(Types(), ElementsAre("cast", "cast", "mul", "cast", "elementwise_add", "cast", "softmax"));
  EXPECT_EQ(Last("mul").inputs.One("X"), "x.cast_fp16");
  EXPECT_EQ(Last("softmax").inputs.One("X"), "fc_0.tmp_1.cast_fp32");
  EXPECT_EQ(DTypeOf("fc_0.w_0"), DType::kFloat32);
}

TEST_F(AmpTest, LevelODLeavesSumsInFloat32) {
  FC(Data("x", {-1, 4}), 3);
  amp::CastProgram(main_, amp::OpLists(), {.level = amp::Level::kOD});
  EXPECT_EQ(DTypeOf("fc_0.tmp_0"), DType::kFloat16);
  EXPECT_EQ(DTypeOf("fc_0.tmp_1"), DType::kFloat32);
}

TEST_F(AmpTest, LevelO2MakesParametersHalfButThoseOfNorms) {
  Softmax(LayerNorm(FC(Data("x", {-1, 4}), 3)));
  const auto half = amp::CastProgram(main_, amp::OpLists(), {.dtype = DType::kBFloat16, .level = amp::Level::kO2});
  EXPECT_THAT(Types(), ElementsAre("cast", "mul", "elementwise_add", "layer_norm", "softmax"));
  EXPECT_EQ(DTypeOf("fc_0.w_0"), DType::kBFloat16);
  EXPECT_EQ(DTypeOf("layer_norm_0.w_0"), DType::kFloat32);
  EXPECT_THAT(half, Contains("fc_0.b_0"));
  EXPECT_THAT(half, Not(Contains("layer_norm_0.w_0")));
}

TEST_F(AmpTest, WithAGuardOnlyItsOperatorsAreHalf) {
  const Var outer = FC(Data("x", {-1, 4}), 3);
  {
    NameScopeGuard guard(amp::kFP16Guard);
    FC(outer, 2);
  }
  amp::CastProgram(main_, amp::OpLists(), {.level = amp::Level::kO2, .guard = amp::kFP16Guard});
  EXPECT_EQ(DTypeOf("fc_0.w_0"), DType::kFloat32);
  EXPECT_EQ(DTypeOf("fc_0.tmp_1"), DType::kFloat32);
  EXPECT_EQ(DTypeOf("fc_1.w_0"), DType::kFloat16);
  EXPECT_EQ(DTypeOf("fc_1.tmp_1"), DType::kFloat16);
}

TEST_F(AmpTest, AStateThatOutlivesARunKeepsItsDType) {
  const Var state = CreateGlobalVar({1}, 0, DType::kFloat32, true, "state");
  const Var sum = Sum(FC(Data("x", {-1, 4}), 1));
  AppendLayerOp(block(), {"assign", {{"X", {sum.name()}}}, {{"Out", {"state"}}}, {}});
  amp::CastProgram(main_, amp::OpLists(), {.level = amp::Level::kO2});
  EXPECT_EQ(state.dtype(), DType::kFloat32);
  EXPECT_EQ(Last("assign").inputs.One("X"), sum.name() + ".cast_fp32");
}

TEST_F(AmpTest, ATableWithSparseGradientsKeepsItsDType) {
  const Var ids = Data("ids", {-1, 2}, DType::kInt64);
  FC(Embedding(ids, 10, 4, {.is_sparse = true}), 3);
  FC(Embedding(ids, 10, 4), 3);
  const auto half = amp::CastProgram(main_, amp::OpLists(), {.level = amp::Level::kO2});
  EXPECT_EQ(DTypeOf("embedding_0.w_0"), DType::kFloat32);
  EXPECT_THAT(half, Not(Contains("embedding_0.w_0")));
  EXPECT_EQ(DTypeOf("embedding_1.w_0"), DType::kFloat16);
  EXPECT_EQ(Last("lookup_table_v2").inputs.One("W"), "embedding_1.w_0.cast_fp32");
}

TEST_F(AmpTest, AnOverwrittenVariableIsCastAgain) {
  const Var x = Data("x", {2, 2});
  const Var w = Data("w", {2, 2});
  Matmul(x, w);
  AppendLayerOp(block(), {"exp", {{"X", {"x"}}}, {{"Out", {"x"}}}, {}});
  Matmul(x, w);
  amp::CastProgram(main_, amp::OpLists());
  EXPECT_EQ(Last("matmul_v2").inputs.One("X"), "x.cast_fp16_0");
  EXPECT_EQ(Last("matmul_v2").inputs.One("Y"), "w.cast_fp16");
}

TEST_F(AmpTest, OperatorsWithoutHalfKernelsAreUnsupported) {
  const auto unsupported = amp::UnsupportedOps(DType::kFloat16);
  EXPECT_THAT(unsupported, Contains("grid_sampler"));  // float32 and float64
  EXPECT_THAT(unsupported, Not(Contains("conv2d")));
  EXPECT_THAT(unsupported, Not(Contains("while")));
}

TEST_F(AmpTest, AHalfParameterGetsAMasterWeightCastFromIt) {
  const Var loss = Mean(FC(Data("x", {-1, 4}), 3));
  amp::MixedPrecision mixed(std::make_shared<optimizer::Momentum>(optimizer::MomentumOptions{}),
                            {.level = amp::Level::kO2, .init_loss_scaling = 8});
  mixed.Minimize(loss);
  const Operator& update = Last("momentum");
  EXPECT_EQ(update.inputs.One("MasterParam"), "fc_0.w_0_fp32_master_0");
  EXPECT_EQ(update.outputs.One("MasterParamOut"), "fc_0.w_0_fp32_master_0");
  EXPECT_EQ(update.inputs.One("Velocity"), "fc_0.w_0_fp32_master_0_velocity_0");
  EXPECT_TRUE(update.attrs.Get<bool>("multi_precision"));
  EXPECT_EQ(DTypeOf("fc_0.w_0_fp32_master_0_velocity_0"), DType::kFloat32);
  bool cast = false;
  for (const auto& op : startup_.global_block().ops()) {
    cast = cast || (op->type == "cast" && op->inputs.One("X") == "fc_0.w_0" && op->outputs.One("Out") == "fc_0.w_0_fp32_master_0");
  }
  EXPECT_TRUE(cast);
}

TEST_F(AmpTest, WithoutMultiPrecisionStateIsAsTheParameter) {
  const Var loss = Mean(FC(Data("x", {-1, 4}), 3));
  amp::MixedPrecision mixed(std::make_shared<optimizer::Adam>(optimizer::AdamOptions{}),
                            {.level = amp::Level::kO2, .master_weight = false});
  mixed.Minimize(loss);
  const Operator& update = Last("adam");
  EXPECT_FALSE(update.inputs.Has("MasterParam"));
  EXPECT_EQ(DTypeOf("fc_0.w_0_moment1_0"), DType::kFloat16);
  EXPECT_EQ(DTypeOf("fc_0.w_0_beta1_pow_acc_0"), DType::kFloat32);
  EXPECT_EQ(update.inputs.One("SkipUpdate"), "memcpy_0.tmp_0");
}

TEST_F(AmpTest, ParametersBecomeHalfInAScope) {
  const Var loss = Mean(FC(Data("x", {-1, 2}), 2));
  amp::MixedPrecision mixed(std::make_shared<optimizer::SGD>(optimizer::SGDOptions{}), {.level = amp::Level::kO2});
  Scope scope;
  EXPECT_THROW(mixed.InitParameters(main_, scope), PreconditionNotMet);
  mixed.Minimize(loss);
  scope.SetTensor("fc_0.w_0", Tensor::Of<float>({2, 2}, {1, 0.5, 2049, -2}));
  scope.SetTensor("fc_0.w_0_fp32_master_0", Tensor::Of<float>({2, 2}, {1, 0.5, 2049, -2}));
  mixed.InitParameters(main_, scope, /*rewrite_master_weight=*/true);
  const Tensor& half = scope.GetTensor("fc_0.w_0");
  ASSERT_EQ(half.dtype(), DType::kFloat16);
  EXPECT_EQ(ToFloat(half.data<Float16>()[1]), 0.5f);
  EXPECT_EQ(scope.GetTensor("fc_0.w_0_fp32_master_0").data<float>()[2], 2048.0f);  // float16 has 11 binary digits
}

TEST_F(AmpTest, AnOperatorInBothListsIsRefused) {
  EXPECT_THAT([] { amp::OpLists({"relu"}, {"relu"}); }, ::testing::ThrowsMessage<InvalidArgument>(HasSubstr("\"relu\"")));
}

TEST_F(AmpTest, AnotherDTypeIsRefused) {
  EXPECT_THAT([&] { amp::CastProgram(main_, amp::OpLists(), {.dtype = DType::kFloat64}); },
              ::testing::ThrowsMessage<InvalidArgument>(HasSubstr("float64")));
}

TEST_F(AmpTest, NameScopesNestAndCount) {
  NameScopeGuard outer("outer");
  { NameScopeGuard inner("part"); }
  NameScopeGuard inner("part");
  const Var y = Relu(Data("x", {2}));
  EXPECT_EQ(block().ops().back()->attrs.Get<std::string>("op_namescope"), "/outer/part_1/");
  EXPECT_THROW(NameScopeGuard(""), InvalidArgument);
}

}  // namespace
}  // namespace skiff
