#include <gmock/gmock.h>

#include "framework/op/run_op.h"
#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ControlFlowOpTest : public OpTest {};
SKIFF_ON_EACH_PLACE(ControlFlowOpTest);

TEST_P(ControlFlowOpTest, SelectInputTakesTheChosenOne) {
  OpCase("select_input", GetParam())
      .Inputs("X", {{{2}, {1, 2}}, {{2}, {3, 4}}})
      .Input("Mask", {1}, {1}, DType::kInt32)
      .Expect("Out", {3, 4});
}

TEST_P(ControlFlowOpTest, MemcpyAndShareDataHandOn) {
  for (const char* type : {"memcpy", "memcpy_d2h", "memcpy_h2d", "share_data"}) {
    OpCase(type, GetParam()).Input("X", {2}, {1, -2}).Expect("Out", {1, -2});
  }
}

TEST(TensorArrayTest, GrowsWhereItIsWrittenAndReadsItsEntries) {
  std::map<std::string, Value> values{{"x", Tensor::Of<float>({2}, {1, 2})}, {"i", Tensor::Of<int64_t>({1}, {1})}};
  RunOp({"write_to_array", {{"X", {"x"}}, {"I", {"i"}}}, {{"Out", {"array"}}}}, &values);
  ASSERT_EQ(std::get<TensorArray>(values["array"]).size(), 2u);
  RunOp({"read_from_array", {{"X", {"array"}}, {"I", {"i"}}}, {{"Out", {"y"}}}}, &values);
  EXPECT_THAT(std::get<Tensor>(values["y"]).Values<float>(), ElementsAre(1, 2));
  RunOp({"lod_array_length", {{"X", {"array"}}}, {{"Out", {"n"}}}}, &values);
  EXPECT_THAT(std::get<Tensor>(values["n"]).Values<int64_t>(), ElementsAre(2));
}

TEST(TensorArrayTest, AnEntryNeverWrittenIsZeroWhereAGradientIsReadAndAnErrorElsewhere) {
  std::map<std::string, Value> values{{"array", TensorArray(2)}, {"i", Tensor::Of<int64_t>({1}, {1})},
                                      {"w", Tensor::Of<float>({2}, {5, 6})}};
  RunOp({"read_from_array", {{"X", {"array"}}, {"I", {"i"}}, {"X_W", {"w"}}}, {{"Out", {"y"}}}}, &values);
  EXPECT_THAT(std::get<Tensor>(values["y"]).Values<float>(), ElementsAre(0, 0));
  EXPECT_THAT([&] { RunOp({"read_from_array", {{"X", {"array"}}, {"I", {"i"}}}, {{"Out", {"z"}}}}, &values); },
              ThrowsMessage<OutOfRange>(HasSubstr("I is 1, the array has 2 entries, this one not written")));
}

TEST(TensorArrayTest, RefusesANegativePosition) {
  std::map<std::string, Value> values{{"x", Tensor::Of<float>({1}, {1})}, {"i", Tensor::Of<int64_t>({1}, {-1})}};
  EXPECT_THAT([&] { RunOp({"write_to_array", {{"X", {"x"}}, {"I", {"i"}}}, {{"Out", {"array"}}}}, &values); },
              ThrowsMessage<OutOfRange>(HasSubstr("I is -1")));
}

TEST(TensorArrayTest, JoinsAndPartsItsEntries) {
  TensorArray array = {Tensor::Of<float>({1, 2}, {1, 2}), Tensor::Of<float>({2, 2}, {3, 4, 5, 6})};
  std::map<std::string, Value> values{{"array", array}};
  RunOp({"tensor_array_to_tensor", {{"X", {"array"}}}, {{"Out", {"y"}}, {"OutIndex", {"n"}}}, {{"axis", 0}}}, &values);
  EXPECT_THAT(std::get<Tensor>(values["y"]).Values<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(std::get<Tensor>(values["n"]).Values<int32_t>(), ElementsAre(1, 2));
  RunOp({"tensor_array_to_tensor_grad", {{"X", {"array"}}, {"Out@GRAD", {"y"}}}, {{"X@GRAD", {"parts"}}}, {{"axis", 0}}}, &values);
  EXPECT_THAT(std::get<TensorArray>(values["parts"])[1].Values<float>(), ElementsAre(3, 4, 5, 6));
}

TEST(CoalesceTensorTest, AlignsItsPartsWhereAsked) {
  OpCase op("coalesce_tensor");
  op.Inputs("Input", {{{2}, {1, 2}}, {{1}, {3}}})
      .Attr("dtype", int32_t{5}).Attr("copy_data", true).Attr("align_size", int32_t{16})
      .Outputs("Output", 2)
      .Expect("Output", {1, 2}, 0).Expect("Output", {3}, 1).Expect("FusedOutput", {1, 2, 0, 0, 3, 0, 0, 0});
}

TEST(ControlFlowOpErrorTest, AnOperatorWithASubBlockNeedsAProgram) {
  std::map<std::string, Value> values{{"c", Tensor::Of<bool>({1}, {true})}};
  EXPECT_THAT([&] { RunOp({"while", {{"Condition", {"c"}}}, {}, {{"sub_block", BlockRef{1}}}}, &values); },
              ThrowsMessage<Unimplemented>(HasSubstr("it cannot run by itself")));
}

}  // namespace
}  // namespace skiff::testing
