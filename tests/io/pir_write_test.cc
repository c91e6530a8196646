// Programs written for Paddle 3: what has another spelling there, and what cannot be said.
#include <map>

#include <gtest/gtest.h>

#include "tests/io/pir_support.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// One operator over variables that are fed: {name, shape}, of float32 but for "ids". Its other names are results.
class OneOperator {
 public:
  explicit OneOperator(const std::vector<std::pair<std::string, Shape>>& fed) {
    for (const auto& [name, shape] : fed) {
      Add(name, shape).need_check_feed = true;
    }
  }
  Variable& Add(const std::string& name, const Shape& shape) {
    return *program_.global_block().AddVar({.name = name, .dtype = name == "ids" ? DType::kInt64 : DType::kFloat32, .shape = shape});
  }
  OneOperator& Gives(const std::string& name, const Shape& shape) {
    Add(name, shape);
    return *this;
  }
  OneOperator& Does(Operator op) {
    program_.global_block().AddOp(std::move(op));
    return *this;
  }
  Json Operations() { return Json::parse(SerializeProgramJson(program_))["program"]["regions"][0]["blocks"][0]["ops"]; }
  std::string Refusal() { return ErrorOf([&] { SerializeProgramJson(program_); }); }

 private:
  Program program_;
};

Json Named(const Json& operations, const std::string& name) {
  for (const Json& operation : operations) {
    if (operation["#"] == name) return operation;
  }
  ADD_FAILURE() << "there is no " << name << " in " << operations.dump();
  return {};
}

Json AttributeIn(const Json& operation, const std::string& name) {
  for (const Json& attr : operation["A"]) {
    if (attr["N"] == name) return attr["AT"]["D"];
  }
  return {};
}

TEST(PirWriteTest, SecondGradientsSayTheAttributesOfTheirOperators) {
  const Shape square{2, 2};
  const Json leaky = OneOperator({{"x", square}, {"d", square}}).Gives("out", square)
      .Does({"leaky_relu_grad_grad", {{"X", {"x"}}, {"grad_x@GRAD", {"d"}}}, {{"grad_out@GRAD", {"out"}}}, {{"alpha", 0.25f}}}).Operations();
  EXPECT_EQ(AttributeIn(Named(leaky, "1.leaky_relu_double_grad"), "negative_slope"), 0.25);
  const Json product = OneOperator({{"x", square}, {"d", square}}).Gives("out", square)
      .Does({"matmul_v2_grad_grad", {{"X", {"x"}}, {"Y", {"x"}}, {"grad_out", {"d"}}, {"grad_x@GRAD", {"d"}}, {"grad_y@GRAD", {"d"}}},
             {{"grad_out@GRAD", {"out"}}}, {{"trans_x", true}, {"trans_y", false}}}).Operations();
  EXPECT_EQ(AttributeIn(Named(product, "1.matmul_double_grad"), "transpose_x"), true);
  EXPECT_EQ(AttributeIn(Named(product, "1.matmul_double_grad"), "transpose_y"), false);
}

TEST(PirWriteTest, AnAttributeThatIsAVariableIsAnOperand) {
  const Json one = OneOperator({{"x", {2, 3}}, {"ids", {1}}}).Gives("out", {2, 3})
      .Does({"cumsum", {{"X", {"x"}}}, {{"Out", {"out"}}}, {{"axis", VarRef{"ids"}}}}).Operations();
  EXPECT_EQ(Named(one, "1.cumsum")["I"], (Json{{{"%", 1}}, {{"%", 2}}}));
  const Json several = OneOperator({{"x", {2, 3}}, {"ids", {1}}}).Gives("out", {})
      .Does({"reduce_sum", {{"X", {"x"}}}, {{"Out", {"out"}}}, {{"dim", std::vector<VarRef>{{"ids"}, {"ids"}}}}}).Operations();
  EXPECT_EQ(Named(several, "0.combine")["I"], (Json{{{"%", 2}}, {{"%", 2}}}));
  EXPECT_EQ(Named(several, "1.sum")["I"][1]["%"], Named(several, "0.combine")["O"][0]["%"]);
}

TEST(PirWriteTest, AllGradientsOfAListAreWritten) {
  const Shape row{1, 2};
  const Json operations = OneOperator({{"a", row}, {"b", row}, {"d", {2, 2}}}).Gives("out", row)
      .Does({"concat_grad", {{"X", {"a", "b"}}, {"Out@GRAD", {"d"}}}, {{"X@GRAD", {kEmptyVarName, "out"}}}, {{"axis", 0}}})
      .Does({"relu", {{"X", {"out"}}}, {{"Out", {"out"}}}, {}}).Operations();
  const Json split = Named(operations, "0.split");
  ASSERT_EQ(split["O"].size(), 2u);
  EXPECT_EQ(split["O"][0]["TT"], split["O"][1]["TT"]);
  EXPECT_EQ(Named(operations, "1.relu")["I"][0]["%"], split["O"][1]["%"]);
}

// Every reshape says the shape that its result has, and a gradient has the type of what it is the gradient of.
void ExpectTypesThatAgree(const Json& operations) {
  std::map<int64_t, Json> types, constants;
  for (const Json& operation : operations) {
    if (operation["#"] == "1.full_int_array") {
      Json values = Json::array();
      for (const Json& item : AttributeIn(operation, "value")) values.push_back(item["D"]);
      constants[operation["O"][0]["%"]] = values;
    }
    const std::string name = operation["#"];
    if (name == "1.reshape") {
      EXPECT_EQ(constants.at(operation["I"][1]["%"]), operation["O"][0]["TT"]["D"][1]) << operation.dump();
    }
    for (size_t i = 0; i < operation["O"].size(); ++i) {
      types[operation["O"][i]["%"]] = operation["O"][i]["TT"];
      if (name.ends_with("_grad")) {
        EXPECT_EQ(types.at(operation["I"][i]["%"]), operation["O"][i]["TT"]) << operation.dump();
      }
    }
  }
}

TEST(PirWriteTest, WhatIsReshapedIsDescribedAsItIs) {
  ExpectTypesThatAgree(OneOperator({{"x", {-1, 2, 4}}, {"y", {2, 4, 5, 3}}}).Gives("out", {-1, 5, 3})
      .Does({"mul", {{"X", {"x"}}, {"Y", {"y"}}}, {{"Out", {"out"}}}, {{"x_num_col_dims", 1}, {"y_num_col_dims", 2}}}).Operations());
  ExpectTypesThatAgree(OneOperator({{"x", {-1, 2, 4}}, {"y", {2, 4, 5, 3}}, {"d", {-1, 5, 3}}}).Gives("dx", {-1, 2, 4}).Gives("dy", {2, 4, 5, 3})
      .Does({"mul_grad", {{"X", {"x"}}, {"Y", {"y"}}, {"Out@GRAD", {"d"}}}, {{"X@GRAD", {"dx"}}, {"Y@GRAD", {"dy"}}},
             {{"x_num_col_dims", 1}, {"y_num_col_dims", 2}}}).Operations());
  ExpectTypesThatAgree(OneOperator({{"x", {-1, 2, 4, 3}}, {"y", {2, 4}}, {"d", {-1, 2, 4, 3}}}).Gives("dx", {-1, 2, 4, 3}).Gives("dy", {2, 4})
      .Does({"elementwise_mul_grad", {{"X", {"x"}}, {"Y", {"y"}}, {"Out@GRAD", {"d"}}}, {{"X@GRAD", {"dx"}}, {"Y@GRAD", {"dy"}}}, {{"axis", 1}}})
      .Operations());
  for (const auto& [axis, flat] : std::map<int, Shape>{{0, {1, 24}}, {1, {2, 12}}, {2, {6, 4}}, {3, {24, 1}}}) {
    ExpectTypesThatAgree(OneOperator({{"x", {2, 3, 4}}}).Gives("out", flat)
        .Does({"flatten2", {{"X", {"x"}}}, {{"Out", {"out"}}}, {{"axis", axis}}}).Operations());
  }
}

TEST(PirWriteErrorTest, AReshapeWithTwoUnknownExtentsIsRefused) {
  EXPECT_THAT(OneOperator({{"x", {-1, -1, 4}}, {"y", {4, 3, 1}}}).Gives("out", {-1, -1, 3, 1})
                  .Does({"mul", {{"X", {"x"}}, {"Y", {"y"}}}, {{"Out", {"out"}}}, {{"x_num_col_dims", 2}, {"y_num_col_dims", 1}}})
                  .Refusal(),
              AllOf(HasSubstr("Unimplemented"), HasSubstr("must be reshaped to [-1, -1, 3, 1], and only one extent may be unknown"),
                    HasSubstr("block 0 (mul), to be written for Paddle 3")));
  EXPECT_THAT(OneOperator({{"x", {-1, -1, 2}}, {"y", {4, 3}}, {"d", {-1, 3}}}).Gives("dx", {-1, -1, 2})
                  .Does({"mul_grad", {{"X", {"x"}}, {"Y", {"y"}}, {"Out@GRAD", {"d"}}}, {{"X@GRAD", {"dx"}}},
                         {{"x_num_col_dims", 1}, {"y_num_col_dims", 1}}})
                  .Refusal(),
              AllOf(HasSubstr("must be reshaped to [-1, -1, 2]"), HasSubstr("block 0 (mul_grad)")));
  EXPECT_THAT(OneOperator({{"x", {-1, 2, -1}}}).Gives("out", {-1, -1})
                  .Does({"flatten2", {{"X", {"x"}}}, {{"Out", {"out"}}}, {{"axis", 2}}}).Refusal(),
              AllOf(HasSubstr("\"x\" [-1, 2, -1] must be reshaped to [-1, -1]"), HasSubstr("block 0 (flatten2)")));
}

TEST(PirWriteErrorTest, AnAxisPastTheOtherOperandIsRefused) {
  for (const auto& [x, y, slot] : {std::tuple{Shape{2, 3, 4}, Shape{3, 4}, "Y"}, {Shape{3, 4}, Shape{2, 3, 4}, "X"}}) {
    EXPECT_THAT(OneOperator({{"x", x}, {"y", y}}).Gives("out", {2, 3, 4})
                    .Does({"elementwise_add", {{"X", {"x"}}, {"Y", {"y"}}}, {{"Out", {"out"}}}, {{"axis", 2}}}).Refusal(),
                AllOf(HasSubstr(StrCat("axis 2 of ", slot, ", which has 2 dimensions, beside an operand that has 3")),
                      HasSubstr("block 0 (elementwise_add)")));
  }
}

TEST(PirWriteErrorTest, IdsWithoutAnExtentAreRefused) {
  EXPECT_THAT(OneOperator({{"ids", {}}, {"w", {4, 3}}}).Gives("out", {3})
                  .Does({"lookup_table", {{"Ids", {"ids"}}, {"W", {"w"}}}, {{"Out", {"out"}}}, {}}).Refusal(),
              HasSubstr("Ids without a shape"));
}

TEST(PirWriteErrorTest, AnAttributeThatIsMissingOrOfAnotherKindIsNamed) {
  EXPECT_THAT(OneOperator({{"x", {2}}}).Gives("out", {2}).Does({"cast", {{"X", {"x"}}}, {{"Out", {"out"}}}, {}}).Refusal(),
              AllOf(HasSubstr("attribute out_dtype is missing"), HasSubstr("block 0 op 0 (cast)")));
  EXPECT_THAT(OneOperator({{"x", {2}}}).Gives("out", {2})
                  .Does({"leaky_relu", {{"X", {"x"}}}, {{"Out", {"out"}}}, {{"alpha", std::string("steep")}}}).Refusal(),
              AllOf(HasSubstr("attribute alpha: the value"), HasSubstr("steep"), HasSubstr("is no f64")));
}

}  // namespace
}  // namespace skiff::io
