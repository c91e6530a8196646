#include "framework/op/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/op/op_def.h"

namespace skiff {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

// An operator with one input, one output and a float, known to these tests alone.
void RegisterCopy() {
  OpDef& def = RegisterOp("test_only_copy");
  if (def.has_schema) return;
  def.has_schema = true;
  def.inputs = {{"X", "any"}};
  def.outputs = {{"Out", "as X"}, {"Other", "as X", false, true}};
  def.kernels = {{PlaceKind::kCpu, DType::kFloat32, nullptr}};
  def.attrs = {{"alpha", 1.0f, "a number"}};
}

class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() {
    RegisterCopy();
    for (const char* name : {"x", "y", "z"}) {
      block().AddVar({.name = name, .dtype = DType::kFloat32, .shape = {-1, 4}});
    }
    block().Var("x").need_check_feed = true;
  }
  Block& block() { return program_.global_block(); }
  void Copy(const std::string& from, const std::string& to, const Attrs& attrs = {}) {
    block().AddOp({"test_only_copy", {{"X", {from}}}, {{"Out", {to}}}, attrs});
  }
  Program program_;
};

TEST_F(VerifyTest, FindsNothingWrongWithASoundProgram) {
  Copy("x", "y", {{"alpha", 2.0f}});
  Copy("y", "z");
  EXPECT_THAT(FindDefects(program_), IsEmpty());
  EXPECT_NO_THROW(Verify(program_));
}

TEST_F(VerifyTest, NamesEveryOperatorThatIsNotRegisteredAndWhereItStands) {
  block().AddOp({"test_only_absent", {{"X", {"x"}}}, {{"Out", {"y"}}}, {}});
  Copy("y", "z");
  block().AddOp({"test_only_missing", {{"X", {"z"}}}, {{"Out", {"y"}}}, {}});
  EXPECT_THAT([&] { Verify(program_); },
              ThrowsMessage<Unimplemented>(AllOf(HasSubstr("2 defects"),
                                                 HasSubstr("block 0 op 0 (test_only_absent)"),
                                                 HasSubstr("block 0 op 2 (test_only_missing)"))));
}

TEST_F(VerifyTest, NamesAllKindsOfDefectsInOneError) {
  block().AddOp({"test_only_copy", {{"Z", {"x"}}}, {{"Out", {"y", "z"}}}, {{"alpha", std::string("a")}}});
  Copy("nowhere", "y");
  EXPECT_THAT([&] { Verify(program_); },
              ThrowsMessage<InvalidArgument>(
                  AllOf(HasSubstr("there is no input slot Z"), HasSubstr("input X is missing"),
                        HasSubstr("output Out holds 2 variables where one belongs"),
                        HasSubstr("attribute alpha is STRING, expected FLOAT"),
                        HasSubstr("reads \"nowhere\", which no block declares"))));
}

TEST_F(VerifyTest, NamesAVariableThatTwoOutputsWouldShare) {
  block().AddOp({"test_only_copy", {{"X", {"x"}}}, {{"Out", {"y"}}, {"Other", {"y"}}}, {}});
  EXPECT_THAT([&] { Verify(program_); }, ThrowsMessage<InvalidArgument>(HasSubstr("writes \"y\" twice")));
}

TEST_F(VerifyTest, NamesAVariableThatAnAttributeIsGivenAsAndThatNoBlockDeclares) {
  Copy("x", "y", {{"alpha", VarRef{"nowhere"}}});
  EXPECT_THAT([&] { Verify(program_); }, ThrowsMessage<InvalidArgument>(HasSubstr("reads \"nowhere\", which no block declares")));
}

TEST_F(VerifyTest, FindsAReadBeforeTheWrite) {
  Copy("y", "z");
  Copy("x", "y");
  EXPECT_THAT([&] { Verify(program_); },
              ThrowsMessage<InvalidArgument>(
                  HasSubstr("block 0 op 0 (test_only_copy): reads \"y\" before anything writes")));
}

TEST_F(VerifyTest, TrustsThatWhatNothingWritesIsFedUnlessTheFeedsAreKnown) {
  Copy("y", "z");
  EXPECT_THAT(FindDefects(program_), IsEmpty());
  EXPECT_THAT(FindDefects(program_, {.feeds = {{"y"}}}), IsEmpty());
  ASSERT_EQ(FindDefects(program_, {.feeds = {{"x"}}}).size(), 1u);
}

TEST_F(VerifyTest, LetsStateBeReadBeforeItIsWritten) {
  block().Var("y").persistable = true;
  Copy("y", "z");
  Copy("z", "y");
  EXPECT_THAT(FindDefects(program_), IsEmpty());
}

TEST_F(VerifyTest, NamesAReferenceToABlockThatDoesNotExist) {
  Copy("x", "y", {{"sub_block", BlockRef{7}}});
  EXPECT_THAT([&] { Verify(program_); },
              ThrowsMessage<InvalidArgument>(HasSubstr("its sub-block is block 7 of 1")));
}

TEST_F(VerifyTest, NamesABlockThatContainsItself) {
  Block& sub = program_.CreateBlock();
  sub.AddOp({"test_only_copy", {{"X", {"x"}}}, {{"Out", {"y"}}}, {{"sub_block", BlockRef{sub.idx()}}}});
  EXPECT_THAT([&] { Verify(program_); },
              ThrowsMessage<InvalidArgument>(HasSubstr("its sub-block is the block it stands in")));
}

TEST_F(VerifyTest, NamesACycleOfBlocks) {
  Block& outer = program_.CreateBlock();
  Block& inner = program_.CreateBlock();
  auto own = [](int index) { return Attrs{{"sub_block", BlockRef{index}}}; };
  Copy("x", "y", own(outer.idx()));
  outer.AddOp({"test_only_copy", {{"X", {"x"}}}, {{"Out", {"y"}}}, own(inner.idx())});
  inner.AddOp({"test_only_copy", {{"X", {"x"}}}, {{"Out", {"y"}}}, own(outer.idx())});
  EXPECT_THAT([&] { Verify(program_); },
              ThrowsMessage<InvalidArgument>(HasSubstr("its sub-block 1 contains it")));
}

TEST_F(VerifyTest, NamesSizesThatDoNotFit) {
  block().AddVar({.name = "huge", .dtype = DType::kFloat32, .shape = {int64_t{1} << 40, int64_t{1} << 40}});
  block().AddVar({.name = "odd", .dtype = DType::kFloat32, .shape = {-5}});
  EXPECT_THAT([&] { Verify(program_); },
              ThrowsMessage<InvalidArgument>(AllOf(HasSubstr("\"huge\" float32"),
                                                   HasSubstr("\"odd\" has shape [-5]"))));
}

TEST_F(VerifyTest, LetsALoopBodyReadWhatItsEndWrote) {
  Block& body = program_.CreateBlock();
  body.AddVar({.name = "carried", .dtype = DType::kFloat32, .shape = {1}});
  body.AddOp({"test_only_copy", {{"X", {"carried"}}}, {{"Out", {"y"}}}, {}});
  body.AddOp({"test_only_copy", {{"X", {"y"}}}, {{"Out", {"carried"}}}, {}});
  program_.Rollback();
  Copy("x", "z", {{"sub_block", BlockRef{body.idx()}}});
  EXPECT_THAT(FindDefects(program_), IsEmpty());
}

}  // namespace
}  // namespace skiff
