// Operators over labels of sequences: temporal classification, random fields, paths, losses over many classes,
// and the recurrent operators of older programs.
#include <cmath>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class LabelsTest : public OpTest {};
SKIFF_ON_EACH_PLACE(LabelsTest);

// Irregular numbers in [-0.9, 0.9].
std::vector<double> Irregular(int64_t count, int start = 1) {
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(1.8 * std::fmod(0.6180339887 * (i + start), 1.0) - 0.9);
  return values;
}

TEST_P(LabelsTest, CtcCountsEveryWayToPlaceBlanks) {
  // Two steps, two equally likely classes, one label: of four ways three give it.
  OpCase c("warpctc", GetParam());
  c.Input("Logits", {2, 1, 2}, {0, 0, 0, 0}).Input("Label", {1, 1}, {1}, DType::kInt32);
  c.Input("LogitsLength", {1}, {2}, DType::kInt64).Input("LabelLength", {1}, {1}, DType::kInt64);
  c.Expect("Loss", {-std::log(0.75)}).CheckGradient("Logits", "Loss");
  c.Input("Logits", {4, 1, 3}, Irregular(12)).Input("Label", {1, 2}, {2, 2}, DType::kInt32);
  c.Input("LogitsLength", {1}, {4}, DType::kInt64).Input("LabelLength", {1}, {2}, DType::kInt64).CheckGradient("Logits", "Loss");
}

TEST_P(LabelsTest, CrfAgreesWithFiniteDifferences) {
  OpCase c("linear_chain_crf", GetParam());
  c.Input("Emission", {5, 2}, Irregular(10)).Sequences("Emission", {{0, 2, 5}});
  c.Input("Transition", {4, 2}, Irregular(8, 5)).Input("Label", {5, 1}, {0, 1, 1, 0, 1}, DType::kInt64).Sequences("Label", {{0, 2, 5}});
  c.CheckGradient(std::vector<std::string>{"Emission", "Transition"}, std::vector<std::string>{"LogLikelihood"});
}

TEST_P(LabelsTest, ViterbiFindsTheBestPath) {
  OpCase c("viterbi_decode", GetParam());
  c.Attr("include_bos_eos_tag", false).Input("Input", {1, 2, 2}, {1, 0, 0, 3}).Input("Transition", {2, 2}, {0, -9, 0, 0});
  c.Input("Length", {1}, {2}, DType::kInt64).Expect("Path", {1, 1}).Expect("Scores", {3});
}

TEST_P(LabelsTest, EditDistanceCountsChanges) {
  OpCase c("edit_distance", GetParam());
  c.Input("Hyps", {3, 1}, {1, 2, 3}, DType::kInt64).Sequences("Hyps", {{0, 3}});
  c.Input("Refs", {2, 1}, {1, 3}, DType::kInt64).Sequences("Refs", {{0, 2}});
  c.Expect("Out", {1});
  c.Attr("normalized", true).Expect("Out", {0.5});
}

TEST_P(LabelsTest, OlderRecurrentOperatorsAgreeWithFiniteDifferences) {
  OpCase lstm("lstm", GetParam());
  lstm.Input("Input", {5, 8}, Irregular(40)).Sequences("Input", {{0, 2, 5}}).Input("Weight", {2, 8}, Irregular(16, 3));
  lstm.Input("Bias", {1, 14}, Irregular(14, 7)).Input("H0", {2, 2}, Irregular(4, 9)).Input("C0", {2, 2}, Irregular(4, 11));
  lstm.Attr("is_reverse", true);
  lstm.CheckGradient(std::vector<std::string>{"Input", "Weight", "Bias", "H0", "C0"}, std::vector<std::string>{"Hidden", "Cell"});
  OpCase gru("gru", GetParam());
  gru.Input("Input", {5, 6}, Irregular(30)).Sequences("Input", {{0, 2, 5}}).Input("Weight", {2, 6}, Irregular(12, 3));
  gru.Input("Bias", {1, 6}, Irregular(6, 7)).Input("H0", {2, 2}, Irregular(4, 9));
  gru.CheckGradient(std::vector<std::string>{"Input", "Weight", "Bias", "H0"}, std::vector<std::string>{"Hidden"});
}

TEST_P(LabelsTest, LossesOverManyClassesAgreeWithFiniteDifferences) {
  OpCase nce("nce", GetParam());
  nce.Attr("num_total_classes", 4).Attr("num_neg_samples", 2).Attr("seed", 3);
  nce.Input("Input", {2, 3}, Irregular(6)).Input("Weight", {4, 3}, Irregular(12, 5)).Input("Bias", {4}, Irregular(4, 7));
  nce.Input("Label", {2, 1}, {1, 3}, DType::kInt64);
  nce.CheckGradient(std::vector<std::string>{"Input", "Weight", "Bias"}, std::vector<std::string>{"Cost"});
  OpCase tree("hierarchical_sigmoid", GetParam());
  tree.Attr("num_classes", 4).Input("X", {2, 3}, Irregular(6)).Input("W", {3, 3}, Irregular(9, 5));
  tree.Input("Label", {2, 1}, {1, 3}, DType::kInt64).WithoutOutput("W_Out");
  tree.CheckGradient(std::vector<std::string>{"X", "W"}, std::vector<std::string>{"Out"});
}

TEST(LabelsErrorTest, ThereIsATagAtLeast) {
  OpCase crf("linear_chain_crf");
  crf.Input("Emission", {1, 2, 0}, {}).Input("Transition", {2, 0}, {}).Input("Label", {0}, {}, DType::kInt64);
  crf.Input("Length", {1}, {2}, DType::kInt64);
  EXPECT_THAT([&] { crf.Run("LogLikelihood"); }, ThrowsMessage<InvalidArgument>(HasSubstr("the tags, cannot be empty")));
  OpCase path("viterbi_decode");
  path.Attr("include_bos_eos_tag", false).Input("Input", {1, 2, 0}, {}).Input("Transition", {0, 0}, {});
  path.Input("Length", {1}, {2}, DType::kInt64);
  EXPECT_THAT([&] { path.Run("Path"); }, ThrowsMessage<InvalidArgument>(HasSubstr("the tags, cannot be empty")));
}

TEST(LabelsErrorTest, NamesLengthsThatAreNotThoseOfTheRows) {
  OpCase c("ctc_align");
  c.Input("Input", {2, 2}, {1, 1, 0, 2}, DType::kInt32).Input("InputLength", {1, 1}, {2}, DType::kInt32);
  EXPECT_THAT([&] { c.Run("Output"); }, ThrowsMessage<InvalidArgument>(HasSubstr("InputLength has 1 elements, Input 2 rows")));
}

TEST(LabelsErrorTest, NamesTheLabelThatDoesNotExist) {
  OpCase c("hierarchical_sigmoid");
  c.Attr("num_classes", 4).Input("X", {1, 1}, {1}).Input("W", {3, 1}, {1, 1, 1}).Input("Label", {1, 1}, {4}, DType::kInt64);
  c.WithoutOutput("W_Out");
  EXPECT_THAT([&] { c.Run("Out"); }, ThrowsMessage<OutOfRange>(HasSubstr("label 4; there are 4 classes")));
  OpCase tree("gather_tree");
  tree.Input("Ids", {1, 1, 1}, {0}, DType::kInt64).Input("Parents", {1, 1, 1}, {1}, DType::kInt64);
  EXPECT_THAT([&] { tree.Run("Out"); }, ThrowsMessage<OutOfRange>(HasSubstr("a parent is 1; there are 1 beams")));
}

}  // namespace
}  // namespace skiff::testing
