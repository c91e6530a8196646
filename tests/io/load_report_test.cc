#include "io/state_dict.h"
#include "tests/io/support.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

// Parameters of the given names, float32 [4, 3] and [3].
std::unique_ptr<Program> Net(const std::string& w, const std::string& b) {
  auto program = std::make_unique<Program>();
  for (const auto& [name, shape] : {std::pair(w, Shape({4, 3})), std::pair(b, Shape({3}))}) {
    Variable& v = *program->global_block().AddVar({name, VarKind::kLodTensor, DType::kFloat32, shape});
    v.persistable = v.is_parameter = true;
  }
  return program;
}

Tensor Filled(const Shape& shape, float value) {
  return Tensor::Of(shape, std::vector<float>(static_cast<size_t>(shape.NumElements()), value));
}

StateDict State(const std::string& w, const std::string& b) {
  return {{w, Filled({4, 3}, 1.0f)}, {b, Filled({3}, 2.0f)}};
}

TEST(LoadReportTest, SuggestsTheRenamingThatTakesAPrefixOff) {
  const auto program = Net("fc.weight", "fc.bias");
  Scope scope;
  const LoadReport report = SetStateDict(*program, scope, State("model.fc.weight", "model.fc.bias"), {.strict = false});
  EXPECT_THAT(report.renaming, ElementsAre(Pair("model.fc.weight", "fc.weight"), Pair("model.fc.bias", "fc.bias")));
  EXPECT_THAT(report.ToString(), HasSubstr("it would fit if renamed: model.fc.weight to fc.weight, model.fc.bias to fc.bias"));
}

TEST(LoadReportTest, SuggestsTheNumbersOfANetThatWasBuiltAgain) {
  const auto program = Net("fc_0.w_0", "fc_0.b_0");
  Scope scope;
  const std::string error = ErrorOf([&] { SetStateDict(*program, scope, State("fc_7.w_0", "fc_7.b_0")); });
  EXPECT_THAT(error, AllOf(HasSubstr("missing: fc_0.w_0, fc_0.b_0"), HasSubstr("unexpected: fc_7.w_0, fc_7.b_0"),
                           HasSubstr("it would fit if renamed: fc_7.w_0 to fc_0.w_0, fc_7.b_0 to fc_0.b_0")));
  EXPECT_EQ(scope.FindVar("fc_0.w_0"), nullptr);
}

TEST(LoadReportTest, SuggestsNothingWhereAShapeDiffersOrOneWouldBeLeftOver) {
  Scope scope;
  const StateDict transposed = {{"m.w", Filled({3, 4}, 1.0f)}, {"m.b", Filled({3}, 1.0f)}};
  EXPECT_THAT(SetStateDict(*Net("w", "b"), scope, transposed, {.strict = false}).renaming, IsEmpty());
  const StateDict half = {{"m.w", Filled({4, 3}, 1.0f)}};
  EXPECT_THAT(SetStateDict(*Net("w", "b"), scope, half, {.strict = false}).renaming, IsEmpty());
}

TEST(LoadReportTest, ARenamedStateDictFits) {
  const auto program = Net("w", "b");
  Scope scope;
  StateDict state = State("m.w", "m.b");
  state.Rename(SetStateDict(*program, scope, state, {.strict = false}).renaming);
  EXPECT_THAT(state.Names(), ElementsAre("w", "b"));
  EXPECT_THAT(SetStateDict(*program, scope, state).loaded, SizeIs(2));
  EXPECT_THAT(scope.GetTensor("b").Values<float>(), ElementsAre(2, 2, 2));
}

TEST(LoadReportErrorTest, TwoEntriesCannotTakeOneName) {
  StateDict state = State("w", "b");
  EXPECT_THAT(ErrorOf([&] { state.Rename({{"w", "b"}}); }), HasSubstr("two entries of the state dict the name \"b\""));
  EXPECT_THAT(state.Names(), ElementsAre("w", "b"));
}

}  // namespace
}  // namespace skiff::io
