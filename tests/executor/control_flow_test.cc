// Branches, loops and arrays, built by the layers and run: values, gradients, threads, errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "executor/executor.h"
#include "executor/predictor.h"
#include "framework/layers/control_flow.h"
#include "framework/layers/layer_helper.h"
#include "framework/layers/layers.h"
#include "framework/op/backward.h"

namespace skiff {
namespace {

using layers::Vars;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pointwise;
using ::testing::ThrowsMessage;

class ControlFlowTest : public ::testing::Test {
 protected:
  Var Number(int64_t value) { return layers::FillConstant({1}, static_cast<double>(value), DType::kInt64); }
  // total *= 2 as long as i < n.
  Vars Doubling(const Var& n, const Var& start) {
    return layers::WhileLoop({Number(0), start}, [n](const Vars& v) { return v[0] < n; },
                             [](const Vars& v) { return Vars{v[0] + 1.0, v[1] * 2.0}; });
  }
  std::vector<float> Run(const Var& fetch, const Feeds& feeds) {
    const auto fetched = exe.Run(main, feeds, {fetch.name()}, &scope);
    return {fetched[0].Values<float>().begin(), fetched[0].Values<float>().end()};
  }

  Program main, startup;
  ProgramGuard guard{main, startup};
  Scope scope;
  Executor exe{CPUPlace{}, {.num_threads = 1}};
};

TEST_F(ControlFlowTest, ALoopTurnsAsOftenAsItsConditionHolds) {
  const Var n = layers::Data("n", {1}, DType::kInt64), x = layers::Data("x", {2});
  const Var out = Doubling(n, x * 1.0)[1];
  const Tensor fed = Tensor::Of<float>({2}, {1, -3});
  EXPECT_THAT(Run(out, {{"n", Tensor::Of<int64_t>({1}, {3})}, {"x", fed}}), ElementsAre(8, -24));
  EXPECT_THAT(Run(out, {{"n", Tensor::Of<int64_t>({1}, {0})}, {"x", fed}}), ElementsAre(1, -3));
}

TEST_F(ControlFlowTest, AFeedThatALoopOverwritesMayBeShorterThanWhatItGrowsInto) {
  const Var n = layers::Data("n", {1}, DType::kInt64), x = layers::Data("x", {-1, 1});
  layers::WhileLoop({Number(0), x}, [n](const Vars& v) { return v[0] < n; },
                    [](const Vars& v) { return Vars{v[0] + 1.0, layers::Concat({v[1], v[1]}, 1)}; });
  main.global_block().Var("x").shape = {-1, 2};
  const Feeds feeds = {{"n", Tensor::Of<int64_t>({1}, {2})}, {"x", Tensor::Of<float>({1, 1}, {7})}};
  EXPECT_THAT(Run(x, feeds), ElementsAre(7, 7, 7, 7));
}

TEST_F(ControlFlowTest, WhatWhenAppendsRunsOnlyWhereItsConditionHolds) {
  const Var x = layers::Data("x", {1}), kept = x * 1.0;
  layers::When(x > 0.0, [&] {
    LayerHelper("assign").AppendOp("assign", {{"X", {(x * 10.0).name()}}}, {}, kept);
  });
  EXPECT_THAT(Run(kept, {{"x", Tensor::Of<float>({1}, {2})}}), ElementsAre(20));
  EXPECT_THAT(Run(kept, {{"x", Tensor::Of<float>({1}, {-2})}}), ElementsAre(-2));
  EXPECT_THAT([&] { layers::When(x, [] {}); }, ThrowsMessage<InvalidArgument>(HasSubstr("the condition of When must be bool")));
  EXPECT_EQ(main.num_blocks(), 2);
}

TEST_F(ControlFlowTest, ABranchRunsAloneAndTheOtherLeavesNoValue) {
  const Var x = layers::Data("x", {1});
  const Var out = layers::Cond(x < 0.0, [&] { return -x; }, [&] { return x * 10.0; });
  EXPECT_THAT(Run(out, {{"x", Tensor::Of<float>({1}, {-2})}}), ElementsAre(2));
  EXPECT_THAT(Run(out, {{"x", Tensor::Of<float>({1}, {3})}}), ElementsAre(30));
}

TEST_F(ControlFlowTest, AVariableThatOnlyABranchNotTakenWritesIsNamedWithIt) {
  const Var x = layers::Data("x", {1});
  main.global_block().AddVar({"only_there", VarKind::kLodTensor, DType::kFloat32, {1}});
  const Var out(main.global_block().FindVar("only_there"));
  layers::When(x > 0.0, [&] { LayerHelper("assign").AppendOp("assign", {{"X", {(x * 10.0).name()}}}, {}, out); });
  const Var twice = out * 2.0;
  EXPECT_THAT(Run(out, {{"x", Tensor::Of<float>({1}, {2})}}), ElementsAre(20));
  for (const Var& fetch : {out, twice}) {
    EXPECT_THAT([&] { Run(fetch, {{"x", Tensor::Of<float>({1}, {-2})}}); },
                ThrowsMessage<NotFound>(AllOf(HasSubstr("\"only_there\" is written by a conditional_block of block 0 that was not entered"),
                                              Not(HasSubstr("did you mean")))));
  }
}

// As Paddle's: static.normalize_program keeps such a loop too.
TEST_F(ControlFlowTest, PruningKeepsALoopThatWritesOverWhatIsFed) {
  const Var n = layers::Data("n", {1}, DType::kInt64), i = layers::Data("i", {1}, DType::kInt64);
  layers::WhileLoop({i}, [n](const Vars& v) { return v[0] < n; }, [](const Vars& v) { return Vars{v[0] + 1.0}; });
  const Var y = i * 2.0, other = n * 3.0;
  const std::unique_ptr<Program> pruned = main.Prune({"i", "n"}, {y.name()});
  const Feeds feeds = {{"i", Tensor::Of<int64_t>({1}, {1})}, {"n", Tensor::Of<int64_t>({1}, {5})}};
  EXPECT_THAT(exe.Run(*pruned, feeds, {y.name()}, &scope)[0].Values<int64_t>(), ElementsAre(10));
  EXPECT_EQ(pruned->num_blocks(), 2);
  EXPECT_THAT([&] { exe.Run(*pruned, feeds, {other.name()}, &scope); }, ThrowsMessage<NotFound>(HasSubstr(other.name())));
}

TEST_F(ControlFlowTest, ASwitchTakesTheBranchOfItsNumberOrTheLastResort) {
  const Var k = layers::Data("k", {1}, DType::kInt64), x = layers::Data("x", {1});
  const Var out = layers::SwitchCase(k, {{0, [&] { return x + 1.0; }}, {4, [&] { return x * 2.0; }}},
                                     [&] { return x * 0.0; });
  for (const auto& [number, wanted] : {std::pair<int64_t, float>{0, 6}, {4, 10}, {7, 0}}) {
    EXPECT_THAT(Run(out, {{"k", Tensor::Of<int64_t>({1}, {number})}, {"x", Tensor::Of<float>({1}, {5})}}),
                ElementsAre(wanted));
  }
}

TEST_F(ControlFlowTest, ALoopOfBranchesHasTheGradientOfTheTurnsTaken) {
  // x = 1: 2, 4, then 4 * x = 4, 8 (turns at 2, 4 double, from 4 on multiply by x): d/dx by hand below.
  const Var x = layers::Data("x", {1});
  x.set_stop_gradient(false);
  const Var steps = Number(3);
  const Vars loop = layers::WhileLoop({Number(0), x * 1.0}, [&](const Vars& v) { return v[0] < steps; },
      [&](const Vars& v) {
        return Vars{v[0] + 1.0, layers::Cond(v[1] < 3.0, [&] { return v[1] * 2.0; }, [&] { return v[1] * x; })};
      });
  const Var loss = layers::Mean(loop[1]);
  AppendBackward(loss);
  const Var gradient(main.global_block().FindVar("x@GRAD"));
  ASSERT_TRUE(gradient);
  // From 2: 4, then 4x, then 4x^2 at x = 2, that is 2x * x * x: 6 x^2.
  EXPECT_THAT(Run(gradient, {{"x", Tensor::Of<float>({1}, {2})}}), ElementsAre(FloatNear(24, 1e-4)));
  // From 1: 2, 4, 4x, that is 4x * x: 8x.
  EXPECT_THAT(Run(gradient, {{"x", Tensor::Of<float>({1}, {1})}}), ElementsAre(FloatNear(8, 1e-4)));
}

TEST_F(ControlFlowTest, AnArrayWrittenInALoopIsStackedAndDifferentiated) {
  const Var x = layers::Data("x", {2}), n = layers::Data("n", {1}, DType::kInt64);
  x.set_stop_gradient(false);
  const Var array = layers::CreateArray(DType::kFloat32);
  layers::WhileLoop({Number(0), x * 1.0}, [&](const Vars& v) { return v[0] < n; },
      [&](const Vars& v) {
        layers::ArrayWrite(array, v[0], v[1]);
        return Vars{v[0] + 1.0, v[1] * 3.0};
      });
  const Var stacked = layers::StackArray(array), length = layers::ArrayLength(array);
  AppendBackward(layers::Mean(stacked));
  const Feeds feeds = {{"n", Tensor::Of<int64_t>({1}, {3})}, {"x", Tensor::Of<float>({2}, {1, 2})}};
  EXPECT_THAT(Run(stacked, feeds), ElementsAre(1, 2, 3, 6, 9, 18));
  EXPECT_EQ(exe.Run(main, feeds, {length.name()}, &scope)[0].data<int64_t>()[0], 3);
  const float each = (1 + 3 + 9) / 6.0f;
  EXPECT_THAT(Run(Var(main.global_block().FindVar("x@GRAD")), feeds), Pointwise(FloatNear(1e-5), {each, each}));
}

TEST_F(ControlFlowTest, AFunctionOfTheUsersTakesPart) {
  const Var x = layers::Data("x", {2});
  x.set_stop_gradient(false);
  const Var out(main.global_block().AddVar({.name = "squares", .dtype = DType::kFloat32, .shape = {2}}));
  layers::PyFunc([](const std::vector<Tensor>& in) {
    const float* v = in[0].data<float>();
    return std::vector<Tensor>{Tensor::Of<float>({2}, {v[0] * v[0], v[1] * v[1]})};
  }, {x}, {out}, {.backward = [](const std::vector<Tensor>& in) {
    const float *v = in[0].data<float>(), *d = in[2].data<float>();
    return std::vector<Tensor>{Tensor::Of<float>({2}, {2 * v[0] * d[0], 2 * v[1] * d[1]})};
  }});
  AppendBackward(layers::Mean(out));
  const Feeds feeds = {{"x", Tensor::Of<float>({2}, {3, -4})}};
  EXPECT_THAT(Run(out, feeds), ElementsAre(9, 16));
  EXPECT_THAT(Run(Var(main.global_block().FindVar("x@GRAD")), feeds), ElementsAre(3, -4));
}

TEST_F(ControlFlowTest, APlanIsMadeOnceForAllTurns) {
  const Var n = layers::Data("n", {1}, DType::kInt64), x = layers::Data("x", {2});
  const Var out = Doubling(n, x * 1.0)[1];
  CompiledProgram compiled(main, {"n", "x"}, {out.name()}, {}, false, {.place = CPUPlace{}});
  const Stream stream{CPUPlace{}};
  auto run = [&](int64_t turns) {
    compiled.Run({{"n", Tensor::Of<int64_t>({1}, {turns})}, {"x", Tensor::Of<float>({2}, {0, 0})}}, &scope, stream, 0);
    return compiled.num_plans();
  };
  const size_t plans = run(2);
  EXPECT_EQ(run(100), plans);
}

TEST_F(ControlFlowTest, APredictorServesSeveralThreads) {
  const Var n = layers::Data("n", {1}, DType::kInt64), x = layers::Data("x", {1});
  const Var out = Doubling(n, x * 1.0)[1];
  PredictorModel model;
  model.program = main.Clone();
  model.feed_names = {"n", "x"};
  model.fetch_names = {out.name()};
  const Predictor predictor(std::move(model), {.num_threads = 1});
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int turns = 0; turns < 20; ++turns) {
        const auto results = predictor.Run({Tensor::Of<int64_t>({1}, {turns % 7}), Tensor::Of<float>({1}, {1.0f + t})});
        wrong[t] += results[0].data<float>()[0] != (1.0f + t) * static_cast<float>(1 << (turns % 7));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, ElementsAre(0, 0, 0, 0));
}

TEST_F(ControlFlowTest, AnErrorInABlockNamesOperatorBlockAndOrigin) {
  const Var x = layers::Data("x", {1}), i = layers::Data("i", {1}, DType::kInt64);
  const Var array = layers::CreateArray(DType::kFloat32);
  const Var out = layers::Cond(x < 0.0, [&] { return layers::ArrayRead(array, i); }, [&] { return x * 1.0; });
  const auto run = [&] { Run(out, {{"x", Tensor::Of<float>({1}, {-1})}, {"i", Tensor::Of<int64_t>({1}, {5})}}); };
  EXPECT_THAT(run, ThrowsMessage<OutOfRange>(AllOf(
      HasSubstr("read_from_array: I is 5, the array has 0 entries"), HasSubstr("operator 0 of block 1"),
      HasSubstr("layers::ArrayRead at"), HasSubstr("control_flow_test.cc"))));
}

TEST_F(ControlFlowTest, AConditionOfSeveralElementsIsRefused) {
  const Var x = layers::Data("x", {2});
  EXPECT_THAT([&] { layers::Cond(x < 0.0, [&] { return x; }, [&] { return x; }); },
              ThrowsMessage<InvalidArgument>(HasSubstr("it must have one element")));
}

TEST_F(ControlFlowTest, AnAssertionThatFailsStopsTheRun) {
  const Var x = layers::Data("x", {1});
  layers::Assert(x < 1.0);
  EXPECT_THAT(Run(x * 2.0, {{"x", Tensor::Of<float>({1}, {0.5})}}), ElementsAre(1));
  EXPECT_THAT([&] { Run(x * 2.0, {{"x", Tensor::Of<float>({1}, {3})}}); },
              ThrowsMessage<InvalidArgument>(HasSubstr("must be true, but it is false")));
}

TEST_F(ControlFlowTest, CheckpointsChangeNoGradient) {
  const Var x = layers::Data("x", {2, 3});
  const Var h = layers::FC(x, 4, {.activation = "tanh"});
  const Var g = layers::FC(h, 4, {.activation = "relu"});
  const Var loss = layers::Mean(layers::FC(g, 2, {.activation = "tanh"}));
  Executor(CPUPlace{}).Run(startup, {}, {}, &scope);
  const auto plain = main.Clone();
  const Feeds feeds = {{"x", Tensor::Of<float>({2, 3}, {1, -2, 3, 0.5, 1, -1})}};
  const auto pairs = AppendBackward(plain->global_block().Var(loss.name()));
  AppendBackward(loss, {.checkpoints = {h.name(), g.name()}});
  EXPECT_NE(main.global_block().FindVar("fc_1.tmp_0.subprog_0"), nullptr);
  for (const auto& [parameter, grad] : pairs) {
    const Tensor wanted = exe.Run(*plain, feeds, {grad->name}, &scope)[0];
    const Tensor ours = exe.Run(main, feeds, {grad->name}, &scope)[0];
    EXPECT_THAT(ours.Values<float>(), Pointwise(FloatNear(1e-6), wanted.Values<float>())) << grad->name;
  }
}

}  // namespace
}  // namespace skiff
