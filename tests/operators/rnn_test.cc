#include <cmath>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class RnnTest : public OpTest {};
SKIFF_ON_EACH_PLACE(RnnTest);

// Irregular numbers in [-0.9, 0.9].
std::vector<double> Numbers(int64_t count, int start) {
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(1.8 * std::fmod(0.6180339887 * (i + start), 1.0) - 0.9);
  return values;
}

// time 3, batch 2, input 2, hidden 2.
OpCase Layers(const TestPlace& place, const std::string& mode, int layers, bool both) {
  const int64_t gates = mode == "LSTM" ? 4 : mode == "GRU" ? 3 : 1, directions = both ? 2 : 1, rows = gates * 2;
  std::vector<OpCase::Part> weights, states;
  for (int layer = 0; layer < layers; ++layer) {
    for (int d = 0; d < directions; ++d) {
      const int64_t width = layer == 0 ? 2 : 2 * directions;
      weights.push_back({{rows, width}, Numbers(rows * width, 3 + layer * 7 + d)});
      weights.push_back({{rows, 2}, Numbers(rows * 2, 5 + layer * 7 + d)});
    }
  }
  for (int i = 0; i < 2 * layers * directions; ++i) weights.push_back({{rows}, Numbers(rows, 11 + i)});
  for (int i = 0; i < (mode == "LSTM" ? 2 : 1); ++i) {
    states.push_back({{layers * directions, 2, 2}, Numbers(layers * directions * 4, 17 + i)});
  }
  OpCase c("rnn", place);
  c.Attr("mode", Attribute(mode)).Attr("hidden_size", 2).Attr("num_layers", layers).Attr("is_bidirec", both);
  c.Input("Input", {3, 2, 2}, Numbers(12, 1)).Inputs("PreState", states).Inputs("WeightList", weights);
  c.Outputs("State", mode == "LSTM" ? 2 : 1).Tolerance(place.dtype == DType::kFloat64 ? 1e-10 : 1e-5);
  return c;
}

// h' = max(x + h, 0): a running sum.
OpCase Sums(const TestPlace& place) {
  OpCase c("rnn", place);
  c.Attr("mode", "RNN_RELU").Attr("hidden_size", 1);
  c.Input("Input", {3, 2, 1}, {1, 10, 2, 20, 3, 30}).Inputs("PreState", {{{1, 2, 1}, {0, 100}}});
  c.Inputs("WeightList", {{{1, 1}, {1}}, {{1, 1}, {1}}, {{1}, {0}}, {{1}, {0}}}).Outputs("State", 1);
  return c;
}

TEST_P(RnnTest, CarriesTheStateFromStepToStep) {
  Sums(GetParam()).Expect("Out", {1, 110, 3, 130, 6, 160}).Expect("State", {6, 160});
}

TEST_P(RnnTest, StopsAtTheEndOfEachSequence) {
  Sums(GetParam()).Input("SequenceLength", {2}, {2, 3}, DType::kInt32)
      .Expect("Out", {1, 110, 3, 130, 0, 160}).Expect("State", {3, 160});
}

TEST_P(RnnTest, TheOtherDirectionStartsAtTheEndOfEachSequence) {
  OpCase c = Sums(GetParam());
  c.Attr("is_bidirec", true).Inputs("PreState", {{{2, 2, 1}, {0, 0, 0, 0}}});
  c.Inputs("WeightList", {{{1, 1}, {1}}, {{1, 1}, {1}}, {{1, 1}, {1}}, {{1, 1}, {1}},
                          {{1}, {0}}, {{1}, {0}}, {{1}, {0}}, {{1}, {0}}});
  c.Input("SequenceLength", {2}, {2, 3}, DType::kInt64);
  c.Expect("Out", {1, 3, 10, 60, 3, 2, 30, 50, 0, 0, 60, 30}).Expect("State", {3, 60, 3, 60});
}

TEST_P(RnnTest, GradientsOfEveryModeAgreeWithFiniteDifferences) {
  for (const std::string mode : {"LSTM", "GRU", "RNN_TANH", "RNN_RELU"}) {
    SCOPED_TRACE(mode);
    Layers(GetParam(), mode, 2, true).Input("SequenceLength", {2}, {3, 2}, DType::kInt64)
        .CheckGradient(std::vector<std::string>{"Input", "PreState", "WeightList"}, std::vector<std::string>{"Out", "State"});
  }
}

TEST_P(RnnTest, DropsBetweenLayersAndBackTheSame) {
  OpCase dropped = Layers(GetParam(), "GRU", 2, false).Attr("dropout_prob", 0.5f).Attr("seed", 7);
  EXPECT_NE(dropped.Values("Out"), Layers(GetParam(), "GRU", 2, false).Values("Out"));
  dropped.CheckGradient("Input", "Out");
  const std::vector<double> plain = Layers(GetParam(), "GRU", 2, false).Values("Out");
  OpCase(dropped).Attr("is_test", true).Expect("Out", plain);
}

TEST_P(RnnTest, AnEmptyBatchGivesNothing) {
  OpCase c = Sums(GetParam());
  c.Input("Input", {3, 0, 1}, {}).Inputs("PreState", {{{1, 0, 1}, {}}});
  c.ExpectShape("Out", {3, 0, 1}).ExpectShape("State", {1, 0, 1});
}

TEST(RnnShapeTest, UnknownTimeAndBatchStayUnknown) {
  OpCase c = Sums({});
  c.InputOf("Input", {-1, -1, 1});
  EXPECT_EQ(c.Infer("Out").shape, (Shape{-1, -1, 1}));
}

TEST(RnnErrorTest, NamesTheWeightThatDoesNotFit) {
  OpCase c = Sums({});
  c.Attr("hidden_size", 2).Inputs("PreState", {{{1, 2, 2}, {0, 0, 0, 0}}});
  EXPECT_THAT([&] { c.Run("Out"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("variable 0 of WeightList has shape [1, 1]; expected [2, 1]")));
  EXPECT_THAT([&] { OpCase(Sums({})).Attr("mode", "CELL").Run("Out"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("attribute mode is \"CELL\"")));
}

}  // namespace
}  // namespace skiff::testing
