#include "executor/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "framework/op/append_op.h"

namespace skiff {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ExecutorTest : public ::testing::Test {
 protected:
  void Declare(const std::string& name, const Shape& shape, bool persistable = false) {
    program.global_block().AddVar({.name = name, .dtype = DType::kFloat32, .shape = shape, .persistable = persistable});
  }
  void Op(const std::string& type, Slots in, Slots out, Attrs attrs = {}) {
    AppendOp(program.global_block(), {type, std::move(in), std::move(out), std::move(attrs)});
  }
  std::vector<float> Floats(const Tensor& t) { return {t.Values<float>().begin(), t.Values<float>().end()}; }

  Program program;
  Scope scope;
  Executor exe{CPUPlace{}, {.num_threads = 1}};
  Tensor x = Tensor::Of<float>({3}, {1, -2, 3});
};

TEST_F(ExecutorTest, RunsOperatorsInOrderAndFetchesAnyVariable) {
  Declare("x", {-1});
  Op("test_double", {{"X", {"x"}}}, {{"Out", {"a"}}});
  Op("test_add", {{"X", {"a"}}, {"Y", {"x"}}}, {{"Out", {"b"}}});
  const auto fetched = exe.Run(program, {{"x", x}}, {"b", "a", "x"}, &scope);
  EXPECT_THAT(Floats(fetched[0]), ElementsAre(3, -6, 9));
  EXPECT_THAT(Floats(fetched[1]), ElementsAre(2, -4, 6));
  EXPECT_THAT(Floats(fetched[2]), ElementsAre(1, -2, 3));
}

TEST_F(ExecutorTest, NeverWritesToWhatWasFed) {
  Declare("x", {-1});
  Op("test_double", {{"X", {"x"}}}, {{"Out", {"a"}}});
  Op("test_double", {{"X", {"a"}}}, {{"Out", {"b"}}});
  exe.Run(program, {{"x", x}}, {"b"}, &scope);
  EXPECT_THAT(Floats(x), ElementsAre(1, -2, 3));
}

TEST_F(ExecutorTest, KeepsAValueThatIsReadAfterAnInPlaceCandidate) {
  Declare("x", {-1});
  Op("test_double", {{"X", {"x"}}}, {{"Out", {"a"}}});
  Op("test_double", {{"X", {"a"}}}, {{"Out", {"b"}}});  // may not reuse a: it is read below
  Op("test_add", {{"X", {"a"}}, {"Y", {"b"}}}, {{"Out", {"c"}}});
  EXPECT_THAT(Floats(exe.Run(program, {{"x", x}}, {"c"}, &scope)[0]), ElementsAre(6, -12, 18));
}

TEST_F(ExecutorTest, ReadsTheNewestValueOfAVariableWrittenTwice) {
  Declare("x", {-1});
  Op("test_double", {{"X", {"x"}}}, {{"Out", {"a"}}});
  Op("test_double", {{"X", {"a"}}}, {{"Out", {"a"}}});
  Op("test_center", {{"X", {"a"}}}, {{"Out", {"a"}}});
  EXPECT_THAT(Floats(exe.Run(program, {{"x", x}}, {"a"}, &scope)[0]), ElementsAre(-4, -16, 4));
}

TEST_F(ExecutorTest, GivesAVariableThatIsWrittenItsNewShapeAndDType) {
  for (const Tensor& before : {Tensor::Of<float>({1}, {7}), Tensor::Of<int8_t>({3}, {7, 8, 9})}) {
    Program other;
    other.global_block().AddVar({.name = "w", .dtype = DType::kFloat32, .shape = {3}, .persistable = true});
    AppendOp(other.global_block(), {"test_fill", {}, {{"Out", {"w"}}}, {{"shape", std::vector<int64_t>{3}}, {"value", 1.5f}}});
    *scope.Var("w") = before;
    exe.Run(other, {}, {}, &scope);
    EXPECT_EQ(scope.GetTensor("w").dtype(), DType::kFloat32);
    EXPECT_THAT(Floats(scope.GetTensor("w")), ElementsAre(1.5, 1.5, 1.5));
  }
}

TEST_F(ExecutorTest, LetsStateGrowFromRunToRun) {
  Declare("x", {-1});
  Declare("log", {-1}, true);
  Op("concat", {{"X", {"log", "x"}}}, {{"Out", {"log"}}}, {{"axis", 0}});
  Op("test_double", {{"X", {"log"}}}, {{"Out", {"b"}}});
  *scope.Var("log") = Tensor::Of<float>({1}, {5});
  for (int i = 0; i < 2; ++i) exe.Run(program, {{"x", x}}, {}, &scope);
  EXPECT_THAT(Floats(exe.Run(program, {{"x", x}}, {"b"}, &scope)[0]), ElementsAre(10, 2, -4, 6, 2, -4, 6, 2, -4, 6));
  EXPECT_THAT(Floats(scope.GetTensor("log")), ElementsAre(5, 1, -2, 3, 1, -2, 3, 1, -2, 3));
}

TEST_F(ExecutorTest, SetsStateThatIsWrittenInTwoShapesToTheLast) {
  Declare("w", {-1}, true);
  const auto fill = [&](int64_t n, float value) {
    Op("test_fill", {}, {{"Out", {"w"}}}, {{"shape", std::vector<int64_t>{n}}, {"value", value}});
  };
  fill(2, 1);
  Op("test_double", {{"X", {"w"}}}, {{"Out", {"a"}}});
  fill(4, 2);
  Op("test_double", {{"X", {"w"}}}, {{"Out", {"b"}}});
  fill(2, 3);
  for (int i = 0; i < 2; ++i) {
    const auto fetched = exe.Run(program, {}, {"a", "b", "w"}, &scope);
    EXPECT_THAT(Floats(fetched[0]), ElementsAre(2, 2));
    EXPECT_THAT(Floats(fetched[1]), ElementsAre(4, 4, 4, 4));
    EXPECT_THAT(Floats(fetched[2]), ElementsAre(3, 3));
    EXPECT_THAT(Floats(scope.GetTensor("w")), ElementsAre(3, 3));
  }
}

TEST_F(ExecutorTest, KeepsStateInTheScope) {
  Declare("w", {2}, true);
  Op("test_fill", {}, {{"Out", {"w"}}}, {{"shape", std::vector<int64_t>{2}}, {"value", 1.5f}});
  exe.Run(program, {}, {}, &scope);
  EXPECT_THAT(Floats(scope.GetTensor("w")), ElementsAre(1.5f, 1.5f));

  Program update;
  update.global_block().AddVar({.name = "w", .dtype = DType::kFloat32, .shape = {2}, .persistable = true});
  AppendOp(update.global_block(), {"test_double", {{"X", {"w"}}}, {{"Out", {"w"}}}});
  exe.Run(update, {}, {}, &scope);
  const auto fetched = exe.Run(update, {}, {"w"}, &scope);
  EXPECT_THAT(Floats(scope.GetTensor("w")), ElementsAre(6, 6));
  exe.Run(update, {}, {}, &scope);
  EXPECT_THAT(Floats(fetched[0]), ElementsAre(6, 6)) << "a fetched value must not follow the scope";
}

TEST_F(ExecutorTest, UpdatesStateThroughATemporaryWhereTheKernelIsNotSafeInPlace) {
  Declare("w", {2}, true);
  Op("test_center", {{"X", {"w"}}}, {{"Out", {"w"}}});
  scope.SetTensor("w", Tensor::Of<float>({2}, {1, 2}));
  exe.Run(program, {}, {}, &scope);
  EXPECT_THAT(Floats(scope.GetTensor("w")), ElementsAre(-2, -1));
}

TEST_F(ExecutorTest, AViewOfStateKeepsTheValueFromBeforeAnUpdate) {
  Declare("w", {2}, true);
  Op("test_view", {{"X", {"w"}}}, {{"Out", {"before"}}});
  Op("test_double", {{"X", {"w"}}}, {{"Out", {"w"}}});
  scope.SetTensor("w", Tensor::Of<float>({2}, {1, 2}));
  EXPECT_THAT(Floats(exe.Run(program, {}, {"before"}, &scope)[0]), ElementsAre(1, 2));
}

TEST_F(ExecutorTest, MakesANewPlanWhenAParameterChangesItsShape) {
  Declare("w", {-1}, true);
  Op("test_double", {{"X", {"w"}}}, {{"Out", {"y"}}});
  scope.SetTensor("w", Tensor::Of<float>({2}, {1, 2}));
  EXPECT_THAT(Floats(exe.Run(program, {}, {"y"}, &scope)[0]), ElementsAre(2, 4));
  scope.SetTensor("w", Tensor::Of<float>({3}, {1, 2, 3}));
  EXPECT_THAT(Floats(exe.Run(program, {}, {"y"}, &scope)[0]), ElementsAre(2, 4, 6));
}

TEST_F(ExecutorTest, LeavesOutOperatorsThatNothingNeeds) {
  Declare("x", {-1});
  Declare("missing", {-1});
  Op("test_double", {{"X", {"missing"}}}, {{"Out", {"unused"}}});
  Op("test_double", {{"X", {"x"}}}, {{"Out", {"y"}}});
  EXPECT_THAT(Floats(exe.Run(program, {{"x", x}}, {"y"}, &scope)[0]), ElementsAre(2, -4, 6));
}

TEST_F(ExecutorTest, AFedVariableWinsOverTheOperatorThatComputesIt) {
  Declare("x", {-1});
  Op("test_double", {{"X", {"x"}}}, {{"Out", {"a"}}});
  Op("test_double", {{"X", {"a"}}}, {{"Out", {"b"}}});
  EXPECT_THAT(Floats(exe.Run(program, {{"a", x}}, {"b"}, &scope)[0]), ElementsAre(2, -4, 6));
}

TEST_F(ExecutorTest, RunsAnOperatorWhoseOutputShapeDependsOnData) {
  Declare("x", {-1});
  Op("test_double", {{"X", {"x"}}}, {{"Out", {"a"}}});
  Op("test_positive", {{"X", {"a"}}}, {{"Out", {"p"}}});
  Op("test_double", {{"X", {"p"}}}, {{"Out", {"q"}}});
  EXPECT_THAT(Floats(exe.Run(program, {{"x", x}}, {"q"}, &scope)[0]), ElementsAre(4, 12));
  const Tensor one = Tensor::Of<float>({3}, {-1, 5, -1});
  const auto fetched = exe.Run(program, {{"x", one}}, {"q", "a"}, &scope);
  EXPECT_THAT(Floats(fetched[0]), ElementsAre(20));
  EXPECT_THAT(Floats(fetched[1]), ElementsAre(-2, 10, -2));
}

TEST_F(ExecutorTest, OverwritesACarriedVariableAfterADataDependentOperator) {
  Declare("x", {-1});
  Op("test_double", {{"X", {"x"}}}, {{"Out", {"a"}}});
  Op("test_positive", {{"X", {"a"}}}, {{"Out", {"p"}}});
  Op("test_double", {{"X", {"a"}}}, {{"Out", {"a"}}});
  EXPECT_THAT(Floats(exe.Run(program, {{"x", x}}, {"a", "p"}, &scope)[0]), ElementsAre(4, -8, 12));
}

TEST_F(ExecutorTest, PlansAgainForEachValueThatDecidesAShape) {
  Declare("x", {-1});
  program.global_block().AddVar({.name = "n", .dtype = DType::kInt64, .shape = {1}});
  Op("test_repeat", {{"X", {"x"}}, {"Times", {"n"}}}, {{"Out", {"y"}}});
  const Tensor two = Tensor::Of<float>({1}, {7});
  EXPECT_THAT(Floats(exe.Run(program, {{"x", two}, {"n", Tensor::Of<int64_t>({1}, {3})}}, {"y"}, &scope)[0]),
              ElementsAre(7, 7, 7));
  EXPECT_THAT(Floats(exe.Run(program, {{"x", two}, {"n", Tensor::Of<int64_t>({1}, {1})}}, {"y"}, &scope)[0]),
              ElementsAre(7));
}

TEST_F(ExecutorTest, ReadsAnAttributeFromTheInputThatReplacesItOrTheVariableItIsGivenAs) {
  Declare("x", {-1});
  Declare("f", {1});
  Op("test_scale", {{"X", {"x"}}, {"Factor", {"f"}}}, {{"Out", {"a"}}}, {{"factor", 100.0f}});
  Op("test_scale", {{"X", {"x"}}}, {{"Out", {"b"}}}, {{"factor", VarRef{"f"}}});
  Op("test_scale", {{"X", {"x"}}}, {{"Out", {"c"}}}, {{"factor", 100.0f}});
  for (float factor = 0; factor < 8; ++factor) {  // more often than there are plans of one operator
    const auto fetched = exe.Run(program, {{"x", x}, {"f", Tensor::Of<float>({1}, {factor})}}, {"a", "b", "c"}, &scope);
    EXPECT_THAT(Floats(fetched[0]), ElementsAre(factor, -2 * factor, 3 * factor));
    EXPECT_THAT(Floats(fetched[1]), ElementsAre(factor, -2 * factor, 3 * factor));
    EXPECT_THAT(Floats(fetched[2]), ElementsAre(100, -200, 300));
  }
}

TEST_F(ExecutorTest, NamesWantedAndGivenShapeOfAWrongFeed) {
  Declare("x", {-1, 8});
  Op("test_double", {{"X", {"x"}}}, {{"Out", {"y"}}});
  const auto run = [&] { exe.Run(program, {{"x", Tensor({2, 9}, DType::kFloat32)}}, {"y"}, &scope); };
  EXPECT_THAT(run, ThrowsMessage<InvalidArgument>(AllOf(
                       HasSubstr("feed \"x\" has shape [2, 9], the program wants [-1, 8]"),
                       HasSubstr("first used by test_double"))));
}

TEST_F(ExecutorTest, NamesWantedAndGivenDtypeOfAWrongFeed) {
  Declare("x", {-1});
  Op("test_double", {{"X", {"x"}}}, {{"Out", {"y"}}});
  const auto run = [&] { exe.Run(program, {{"x", Tensor({2}, DType::kInt64)}}, {"y"}, &scope); };
  EXPECT_THAT(run, ThrowsMessage<InvalidArgument>(HasSubstr("is int64, the program wants float32")));
}

TEST_F(ExecutorTest, NamesEveryParameterThatTheStartupProgramWouldMake) {
  Declare("w", {2}, true);
  Declare("b", {2}, true);
  Op("test_add", {{"X", {"w"}}, {"Y", {"b"}}}, {{"Out", {"y"}}});
  const auto run = [&] { exe.Run(program, {}, {"y"}, &scope); };
  EXPECT_THAT(run, ThrowsMessage<NotFound>(AllOf(HasSubstr("2 variable(s) have no value: \"b\", \"w\""),
                                                 HasSubstr("startup program"))));
}

TEST_F(ExecutorTest, SuggestsTheVariableThatAFeedOrFetchMayHaveMeant) {
  Declare("image", {-1});
  Op("test_double", {{"X", {"image"}}}, {{"Out", {"logits"}}});
  EXPECT_THAT([&] { exe.Run(program, {{"imege", x}}, {}, &scope); },
              ThrowsMessage<NotFound>(HasSubstr("did you mean \"image\"")));
  EXPECT_THAT([&] { exe.Run(program, {{"image", x}}, {"logit"}, &scope); },
              ThrowsMessage<NotFound>(HasSubstr("did you mean \"logits\"")));
}

TEST_F(ExecutorTest, GivesEachRunAnotherSeedAndRepeatsThemFromTheSameState) {
  Op("test_seed", {}, {{"Out", {"s"}}});
  auto draw = [&] { return exe.Run(program, {}, {"s"}, &scope)[0].Values<int64_t>()[0]; };
  Seed(7, &scope);
  const int64_t first = draw(), second = draw();
  EXPECT_NE(first, second);
  Seed(7, &scope);
  EXPECT_EQ(draw(), first);
  EXPECT_EQ(draw(), second);
}

TEST_F(ExecutorTest, SeesAChangeOfTheProgram) {
  Declare("x", {-1});
  Op("test_double", {{"X", {"x"}}}, {{"Out", {"y"}}});
  exe.Run(program, {{"x", x}}, {"y"}, &scope);
  Op("test_double", {{"X", {"y"}}}, {{"Out", {"y"}}});
  EXPECT_THAT(Floats(exe.Run(program, {{"x", x}}, {"y"}, &scope)[0]), ElementsAre(4, -8, 12));
}

TEST_F(ExecutorTest, RunsFromSeveralThreadsWithScopesOfTheirOwn) {
  Declare("x", {-1});
  Declare("w", {3}, true);
  Op("test_add", {{"X", {"x"}}, {"Y", {"w"}}}, {{"Out", {"y"}}});
  Op("test_center", {{"X", {"y"}}}, {{"Out", {"z"}}});
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Scope own;
      const float w = static_cast<float>(t);
      own.SetTensor("w", Tensor::Of<float>({3}, {w, w, w}));
      for (int i = 0; i < 200; ++i) {
        const float v = static_cast<float>(i);
        const auto z = exe.Run(program, {{"x", Tensor::Of<float>({3}, {v, v, v})}}, {"z"}, &own);
        wrong[t] += z[0].Values<float>()[0] != -2 * (v + w);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, ElementsAre(0, 0, 0, 0));
}

}  // namespace
}  // namespace skiff
