// StaticRNN and operator `recurrent`: values, gradients, errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/executor.h"
#include "framework/layers/layer_helper.h"
#include "framework/layers/layers.h"
#include "framework/layers/static_rnn.h"
#include "framework/op/backward.h"

namespace skiff {
namespace {

using layers::StaticRNN;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class RecurrentTest : public ::testing::Test {
 protected:
  Var Trainable(const std::string& name, const Shape& shape) {
    return layers::Data(name, shape).set_stop_gradient(false);
  }
  // state = before * w + x, from h; all states.
  Var Filter(const Var& x, const Var& h, const Var& w, bool reverse = false) {
    StaticRNN rnn({.reverse = reverse});
    rnn.Step([&] {
      const Var now = rnn.StepInput(x), before = rnn.Memory(h), next = before * w + now;
      rnn.UpdateMemory(before, next);
      rnn.StepOutput(next);
    });
    return rnn.Outputs().front();
  }
  std::vector<std::vector<float>> Run(const std::vector<std::string>& fetches, const Feeds& feeds) {
    std::vector<std::vector<float>> values;
    for (const Tensor& t : exe.Run(main, feeds, fetches, &scope)) {
      values.emplace_back(t.Values<float>().begin(), t.Values<float>().end());
    }
    return values;
  }
  Feeds Three() {
    return {{"x", Tensor::Of<float>({3, 1}, {3, 4, 5})}, {"h", Tensor::Of<float>({1}, {1})}, {"w", Tensor::Of<float>({1}, {2})}};
  }

  Program main, startup;
  ProgramGuard guard{main, startup};
  Scope scope;
  Executor exe{CPUPlace{}, {.num_threads = 1}};
  Var x = Trainable("x", {-1, 1}), h = Trainable("h", {1}), w = Trainable("w", {1});
};

TEST_F(RecurrentTest, AMemoryHoldsWhatTheStepBeforeMadeOfIt) {
  const Var out = Filter(x, h, w), back = Filter(x, h, w, /*reverse=*/true);
  EXPECT_EQ(out.shape(), Shape({-1, 1}));
  EXPECT_THAT(Run({out.name(), back.name()}, Three()), ElementsAre(ElementsAre(5, 14, 33), ElementsAre(39, 18, 7)));
}

TEST_F(RecurrentTest, AnyNumberOfStepsFitsOneProgram) {
  const Var out = Filter(x, h, w);
  Feeds feeds = Three();
  feeds[0].second = Tensor::Of<float>({1, 1}, {3});
  EXPECT_THAT(Run({out.name()}, feeds), ElementsAre(ElementsAre(5)));
  EXPECT_THAT(Run({out.name()}, Three()), ElementsAre(ElementsAre(5, 14, 33)));
}

// s0 = w h + x0, s1 = w s0 + x1, s2 = w s1 + x2; the loss is s0 + s1 + s2.
TEST_F(RecurrentTest, GradientsGoThroughAllStepsBackwards) {
  AppendBackward(layers::Sum(Filter(x, h, w)), {.parameters = std::vector<std::string>{}});
  // ds/dx: 1 + w + w^2, 1 + w, 1; ds/dh: w (1 + w + w^2); ds/dw: h * 7 + s0 * 3 + s1
  EXPECT_THAT(Run({"x@GRAD", "h@GRAD", "w@GRAD"}, Three()), ElementsAre(ElementsAre(7, 3, 1), ElementsAre(14), ElementsAre(36)));
}

TEST_F(RecurrentTest, GradientsOfAReversedLoopBeginAtTheFirstPosition) {
  AppendBackward(layers::Sum(Filter(x, h, w, /*reverse=*/true)), {.parameters = std::vector<std::string>{}});
  EXPECT_THAT(Run({"x@GRAD", "h@GRAD", "w@GRAD"}, Three()), ElementsAre(ElementsAre(1, 3, 7), ElementsAre(14), ElementsAre(46)));
}

TEST_F(RecurrentTest, AnOutputThatNothingReadsHasNoGradient) {
  StaticRNN rnn;
  rnn.Step([&] {
    const Var now = rnn.StepInput(x), before = rnn.Memory({1}, now, {.value = 2.0, .reference_axis = 1}), next = before + now;
    rnn.UpdateMemory(before, next);
    rnn.StepOutput(next * 10.0);
    rnn.StepOutput(next);
  });
  AppendBackward(layers::Sum(rnn.Outputs()[1]), {.parameters = std::vector<std::string>{}});
  EXPECT_THAT(Run({rnn.Outputs()[0].name(), "x@GRAD"}, Three()), ElementsAre(ElementsAre(50, 90, 140), ElementsAre(3, 2, 1)));
}

TEST_F(RecurrentTest, AStepThatFailsLeavesNoBlock) {
  StaticRNN rnn;
  EXPECT_THAT([&] { rnn.Step([&] { rnn.StepInput(x); rnn.Memory(h); rnn.StepOutput(h); }); },
              ThrowsMessage<PreconditionNotMet>(HasSubstr("is not updated; call UpdateMemory")));
  EXPECT_EQ(main.num_blocks(), 1);
  EXPECT_EQ(main.current_block().idx(), 0);
  EXPECT_THAT([&] { rnn.StepInput(x); }, ThrowsMessage<PreconditionNotMet>(HasSubstr("StepInput belongs into")));
  EXPECT_THAT([&] { rnn.Outputs(); }, ThrowsMessage<PreconditionNotMet>(HasSubstr("no outputs before")));
  EXPECT_THAT([&] { rnn.Step([&] { rnn.StepOutput(h); }); }, ThrowsMessage<PreconditionNotMet>(HasSubstr("call StepInput")));
  EXPECT_THAT([&] { rnn.Step([&] { rnn.UpdateMemory(h, x); }); }, ThrowsMessage<InvalidArgument>(HasSubstr("no memory of this loop")));
}

TEST_F(RecurrentTest, SequencesOfUnequalLengthsAreNamed) {
  const Var y = layers::Data("y", {-1, 1});
  StaticRNN rnn;
  rnn.Step([&] {
    const Var left = rnn.StepInput(x), right = rnn.StepInput(y);
    rnn.StepOutput(left + right);
  });
  Feeds feeds = Three();
  feeds.emplace_back("y", Tensor::Of<float>({2, 1}, {1, 2}));
  EXPECT_THAT([&] { Run({rnn.Outputs()[0].name()}, feeds); },
              ThrowsMessage<InvalidArgument>(AllOf(HasSubstr("recurrent"), HasSubstr("\"y\" is [2, 1], \"x\" is [3, 1]"))));
}

TEST_F(RecurrentTest, AStateThatTheStepReadsHasNoGradientYet) {
  Block& step = main.CreateBlock();
  const Var inner = step.AddVar({.name = "x", .dtype = DType::kFloat32, .shape = {1}});
  const Var before = step.AddVar({.name = "before", .dtype = DType::kFloat32, .shape = {1}});
  const Var state = before + inner, out = state * 2.0;
  main.Rollback();
  const Var outer = main.global_block().AddVar({.name = out.name(), .dtype = DType::kFloat32, .shape = {-1, 1}});
  main.global_block().AddVar({.name = "scopes", .kind = VarKind::kStepScopes});
  AppendLayerOp(main.global_block(), {"recurrent", {{"inputs", {"x"}}, {"initial_states", {"h"}}},
                                      {{"outputs", {out.name()}}, {"step_scopes", {"scopes"}}},
                                      {{"has_states", true}, {"ex_states", std::vector<std::string>{"before"}},
                                       {"states", std::vector<std::string>{state.name()}}, {"sub_block", BlockRef{1}}}});
  EXPECT_THAT(Run({out.name()}, Three()), ElementsAre(ElementsAre(8, 16, 26)));
  const Var loss = layers::Sum(outer);
  EXPECT_THAT([&] { AppendBackward(loss, {.parameters = std::vector<std::string>{}}); },
              ThrowsMessage<Unimplemented>(HasSubstr("is an output or state, and the step reads it too")));
}

}  // namespace
}  // namespace skiff
