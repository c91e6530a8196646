#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class SequenceTest : public OpTest {};
SKIFF_ON_EACH_PLACE(SequenceTest);

// Sequences [1, 2], [3, 4, 5].
OpCase Rows(const char* type, const TestPlace& place) {
  OpCase c(type, place);
  c.Input("X", {5, 1}, {1, 2, 3, 4, 5}).Sequences("X", {{0, 2, 5}});
  return c;
}

TEST_P(SequenceTest, PoolsEachSequence) {
  const auto pool = [&](const std::string& type) { return Rows("sequence_pool", GetParam()).Attr("pooltype", Attribute(type)); };
  pool("SUM").Expect("Out", {3, 12}).ExpectSequences("Out", {});
  pool("AVERAGE").Expect("Out", {1.5, 4}).CheckGradient("X", "Out");
  pool("MAX").Expect("Out", {2, 5}).Expect("MaxIndex", {1, 4}).CheckGradient("X", "Out");
  pool("FIRST").Expect("Out", {1, 3});
  pool("LAST").Expect("Out", {2, 5}).CheckGradient("X", "Out");
  pool("SQRT").CheckGradient("X", "Out");
  pool("SUM").Sequences("X", {{0, 0, 5}}).Attr("pad_value", 7.0f).Expect("Out", {7, 15});
}

TEST_P(SequenceTest, OrdinaryOperatorsKeepSequences) {
  Rows("relu", GetParam()).ExpectSequences("Out", {{0, 2, 5}});
  Rows("scale", GetParam()).Sequences("X", {{0, 1, 2}, {0, 2, 5}}).ExpectSequences("Out", {{0, 1, 2}, {0, 2, 5}});
}

TEST_P(SequenceTest, ConvolvesWithinASequence) {
  OpCase c = Rows("sequence_conv", GetParam());
  c.Attr("contextLength", 3).Attr("contextStart", -1).Input("Filter", {3, 1}, {100, 10, 1});
  c.Expect("Out", {12, 120, 34, 345, 450}).CheckGradient(std::vector<std::string>{"X", "Filter"}, std::vector<std::string>{"Out"});
  c.Attr("contextLength", 2).Attr("contextStart", 1).Input("Filter", {2, 1}, {10, 1});
  c.Expect("Out", {20, 0, 45, 50, 0}).CheckGradient(std::vector<std::string>{"X", "Filter"}, std::vector<std::string>{"Out"});
}

TEST_P(SequenceTest, PadsAndUnpads) {
  OpCase pad = Rows("sequence_pad", GetParam());
  pad.Input("PadValue", {1}, {9}).Expect("Out", {1, 2, 9, 3, 4, 5}).Expect("Length", {2, 3}).ExpectShape("Out", {2, 3, 1});
  pad.CheckGradient("X", "Out");
  OpCase unpad("sequence_unpad", GetParam());
  unpad.Input("X", {2, 3, 1}, {1, 2, 9, 3, 4, 5}).Input("Length", {2}, {2, 3}, DType::kInt64);
  unpad.Expect("Out", {1, 2, 3, 4, 5}).ExpectSequences("Out", {{0, 2, 5}}).CheckGradient("X", "Out");
}

TEST_P(SequenceTest, ReversesEachSequence) {
  Rows("sequence_reverse", GetParam()).Expect("Y", {2, 1, 5, 4, 3}).ExpectSequences("Y", {{0, 2, 5}}).CheckGradient("X", "Y");
}

TEST_P(SequenceTest, AnEmptyTensorHasEmptySequences) {
  OpCase c("sequence_pool", GetParam());
  c.Input("X", {0, 2}, {}).Sequences("X", {{0, 0}}).Attr("pooltype", "SUM").Expect("Out", {0, 0});
}

TEST(SequenceShapeTest, TheCountOfSequencesIsUnknown) {
  OpCase c("sequence_pool");
  c.InputOf("X", {-1, 4});
  EXPECT_EQ(c.Infer("Out").shape, (Shape{-1, 4}));
}

TEST(SequenceErrorTest, SaysThatSequencesAreMissing) {
  const auto run = [] { OpCase("sequence_pool").Input("X", {2, 1}, {1, 2}).Run("Out"); };
  EXPECT_THAT(run, ThrowsMessage<InvalidArgument>(HasSubstr("input X [2, 1] has no sequences")));
}

}  // namespace
}  // namespace skiff::testing
