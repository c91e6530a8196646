// Programs of Paddle 3: what is seldom in a file, what is refused, and how numbers become attributes.
#include <cmath>

#include <gtest/gtest.h>

#include "executor/executor.h"
#include "framework/op/op_def.h"
#include "io/pir/op_map.h"
#include "io/pir/types.h"
#include "tests/io/pir_support.h"

namespace skiff::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Json kNoAttrs = Json::array();

Json F64(double value) { return {{"#", "0.a_f64"}, {"D", value}}; }
Json I32(int64_t value) { return {{"#", "0.a_i32"}, {"D", value}}; }
Json DTypeOf(const char* name) { return {{"#", "1.a_dtype"}, {"D", name}}; }
Json Array(const char* kind, const std::vector<double>& values) {
  Json items = Json::array();
  for (double value : values) items.push_back({{"#", kind}, {"D", kind == std::string("0.a_f64") ? Json(value) : Json(static_cast<int64_t>(value))}});
  return {{"#", "0.a_array"}, {"D", items}};
}
Json X(const std::vector<int64_t>& extents = {6}) {
  Json x = Data("x", 1, "0.t_f32", "float32");
  x["O"] = {Result(1, "0.t_f32", extents)};
  return x;
}
Json Full(int64_t id, double value, const char* element = "0.t_f32", const char* dtype = "float32") {
  return Operation("1.full", {Attr("shape", {{"#", "1.a_intarray"}, {"D", {1}}}), Attr("value", F64(value)), Attr("dtype", DTypeOf(dtype))}, {},
                   {Result(id, element, {1})});
}
Json List(int64_t id, const std::vector<Json>& elements) { return {{"%", id}, {"TT", PirListType(elements)}}; }
const Json kOne = TensorType("0.t_f32", {1});
const Json kOnCpu = Attr("place", {{"#", "1.a_place"}, {"D", {1, 0, ""}}});

std::vector<float> Computed(const std::string& text, const std::vector<float>& x) {
  const auto program = Read(text);
  Scope scope;
  Executor executor(CPUPlace{});
  const auto feed = skiff::Tensor::Of<float>({static_cast<int64_t>(x.size())}, x);
  const auto found = executor.Run(*program, {{"x", feed}}, {"f0"}, &scope);
  const auto values = found[0].Values<float>();
  return {values.begin(), values.end()};
}

std::vector<std::string> Types(const Program& program) {
  std::vector<std::string> types;
  for (const auto& op : program.global_block().ops()) types.push_back(op->type);
  return types;
}

// ---- seldom, and read

TEST(PirReadTest, AnElementOfAListIsTakenByItsIndex) {
  for (int index : {0, 1}) {
    const std::string text = Whole({X({1}), Full(2, 7), Operation("0.combine", kNoAttrs, {1, 2}, {List(3, {kOne, kOne})}),
                                    Operation("0.slice", {Attr("index", I32(index))}, {3}, {Result(4, "0.t_f32", {1})}),
                                    Operation("1.relu", kNoAttrs, {4}, {Result(5, "0.t_f32", {1})}), Fetch(5, 6, 0)});
    EXPECT_THAT(Computed(text, {3}), ElementsAre(index == 0 ? 3 : 7));
  }
}

TEST(PirReadTest, AShapeCombinedOfConstantsIsAnAttribute) {
  const Json integer = TensorType("0.t_i32", {1});
  const auto program = Read(Whole({X(), Full(2, 2, "0.t_i32", "int32"), Full(3, -1, "0.t_i32", "int32"),
                                   Operation("0.combine", kNoAttrs, {2, 3}, {List(4, {integer, integer})}),
                                   Operation("1.reshape", kNoAttrs, {1, 4}, {Result(5, "0.t_f32", {2, 3})}), Fetch(5, 6, 0)}));
  EXPECT_THAT(Types(*program), ElementsAre("feed", "reshape2", "fetch"));
  EXPECT_THAT(program->global_block().ops()[1]->attrs.Get<std::vector<int32_t>>("shape"), ElementsAre(2, -1));
}

TEST(PirReadTest, AShapeThatIsNotAllConstantIsAList) {
  const Json integer = TensorType("0.t_i32", {1});
  const auto program = Read(Whole({X(), Data("n", 2, "0.t_i32", "int32"), Full(3, -1, "0.t_i32", "int32"),
                                   Operation("0.combine", kNoAttrs, {2, 3}, {List(4, {integer, integer})}),
                                   Operation("1.reshape", kNoAttrs, {1, 4}, {Result(5, "0.t_f32", {2, 3})}), Fetch(5, 6, 0)}));
  EXPECT_THAT(Types(*program), ElementsAre("feed", "feed", "fill_constant", "reshape2", "fetch"));
  EXPECT_EQ(program->global_block().ops()[3]->inputs["ShapeTensor"].size(), 2u);
}

TEST(PirReadTest, FeedsStandInTheOrderOfTheirColumns) {
  auto feed = [](const char* name, int64_t id, int column) {
    return Operation("1.feed", {Attr("name", {{"#", "0.a_str"}, {"D", name}}), Attr("col", I32(column))}, {}, {Result(id, "0.t_f32", {1})});
  };
  auto text = [&](int first, int second) {
    return Whole({feed("a", 1, first), feed("b", 2, second), Operation("1.subtract", kNoAttrs, {1, 2}, {Result(3, "0.t_f32", {1})}), Fetch(3, 4, 0)});
  };
  for (const bool turned : {false, true}) {
    const auto program = Read(turned ? text(1, 0) : text(0, 1));
    std::vector<std::string> names(2);
    for (size_t i : {0, 1}) {
      const Operator& op = *program->global_block().ops()[i];
      names[static_cast<size_t>(op.attrs.Get<int32_t>("col"))] = op.outputs.One("Out");
    }
    EXPECT_EQ(names, turned ? (std::vector<std::string>{"b", "a"}) : (std::vector<std::string>{"a", "b"}));
  }
  EXPECT_THAT(Refusal(text(1, 1)), AllOf(HasSubstr("the column 1 is fed twice"), HasSubstr("ops[1] (pd_op.feed)")));
}

TEST(PirReadTest, WhatEinsumKeepsForItsGradientMayBeTakenApart) {
  const Json equation = Attr("equation", {{"#", "0.a_str"}, {"D", "i,i->i"}});
  const std::string whole = Whole({X({1}), Operation("0.combine", kNoAttrs, {1, 1}, {List(2, {kOne, kOne})}),
                                   Operation("1.einsum", {equation}, {2}, {Result(3, "0.t_f32", {1}), List(4, {kOne, kOne}), List(5, {kOne, kOne})}),
                                   Operation("0.split", kNoAttrs, {4}, {Result(6, "0.t_f32", {1}), Result(7, "0.t_f32", {1})}),
                                   Operation("0.split", kNoAttrs, {5}, {Result(8, "0.t_f32", {1}), Result(9, "0.t_f32", {1})}), Fetch(3, 10, 0)});
  EXPECT_THAT(Computed(whole, {3}), ElementsAre(9));
}

TEST(PirReadTest, ANumberThatIsNoneIsKept) {
  for (const char* text : {"NaN", "INF", "-INF"}) {
    Json full = Full(2, 0);
    full["A"][1]["AT"] = {{"#", "0.a_f64"}, {"VD", text}};
    const std::string whole = Whole({X({1}), full, Operation("1.relu", kNoAttrs, {2}, {Result(3, "0.t_f32", {1})}), Fetch(2, 4, 0)});
    const float found = Computed(whole, {1})[0];
    EXPECT_TRUE(text == std::string("NaN") ? std::isnan(found) : std::isinf(found) && (found < 0) == (text[0] == '-')) << text << " " << found;
    EXPECT_THAT(SerializeProgramJson(*Read(whole)), HasSubstr(StrCat("\"VD\":\"", text, "\"")));
  }
}

TEST(PirReadTest, WhatNobodyKnowsIsWrittenAgainAsItWas) {
  Json fused = Operation("1.from_the_future", {Attr("names", {{"#", "0.a_array"}, {"D", {{{"#", "0.a_str"}, {"D", "left"}}}}})}, {1, 0, 3},
                         {Result(4, "0.t_f32", {1}), {{"%", 5}, {"TT", PirNullType()}}, List(6, {kOne, kOne})});
  fused["OA"] = {Attr("stop_gradient", Array("0.a_bool", {0, 0, 0}))};
  for (Json& flag : fused["OA"][0]["AT"]["D"]) flag["D"] = false;
  fused["OA"][0]["AT"]["D"][1]["D"] = true;
  const std::string whole = Whole({X({1}), Operation("0.combine", kNoAttrs, {1, 1}, {List(2, {kOne, kOne})}),
                                   Operation("4.other_dialect", {Attr("deep", I32(3))}, {2}, {Result(3, "0.t_f32", {1})}), fused,
                                   Operation("0.split", kNoAttrs, {6}, {Result(7, "0.t_f32", {1}), Result(8, "0.t_f32", {1})}), Fetch(8, 9, 0)});
  const auto program = Read(whole);
  const Operator& kept = *program->global_block().ops()[2];
  EXPECT_EQ(kept.type, "pd_op.from_the_future");
  EXPECT_EQ(kept.inputs["I1"], std::vector<std::string>{kEmptyVarName});
  EXPECT_EQ(kept.outputs["O2[]"].size(), 2u);
  const Json written = Json::parse(SerializeProgramJson(*program)), operations = written["program"]["regions"][0]["blocks"][0]["ops"];
  ASSERT_EQ(operations.size(), 6u);
  EXPECT_EQ(operations[2]["#"], "4.other_dialect");
  EXPECT_EQ(operations[3], fused);
  EXPECT_EQ(operations[4]["I"], (Json{{{"%", 6}}}));
  EXPECT_EQ(operations[5]["I"], (Json{{{"%", 8}}}));
}

TEST(PirReadTest, AnAttributeThat2xCannotSayKeepsTheWholeOperation) {
  auto type = [](const std::vector<double>& classes) {
    return Types(*Read(Whole({X(), Operation("1.nce_grad", {Attr("custom_neg_classes", Array("0.a_i32", classes))}, {1},
                                                   {Result(2, "0.t_f32", {6})})})))[0];
  };
  EXPECT_EQ(type({}), "nce_grad");
  EXPECT_EQ(type({3}), "pd_op.nce_grad");
}

TEST(PirReadTest, APlaceIsKeptForWriting) {
  const Json ids = Operation("1.randint", {Attr("low", I32(3)), Attr("high", I32(4)), Attr("dtype", DTypeOf("int64")), kOnCpu}, {2},
                             {Result(3, "0.t_i64", {2})});
  const Json shape = Operation("1.full_int_array", {Attr("value", Array("0.a_i64", {2})), Attr("dtype", DTypeOf("int64")), kOnCpu}, {},
                               {Result(2, "0.t_i64", {1})});
  const auto program = Read(Whole({X(), shape, ids, Fetch(1, 4, 0)}));
  const Json written = Json::parse(SerializeProgramJson(*program))["program"]["regions"][0]["blocks"][0]["ops"];
  EXPECT_EQ(written[2]["A"], ids["A"]);
  program->global_block().ops()[1]->attrs.Set("pir.place", std::vector<float>{1});
  EXPECT_THAT(ErrorOf([&] { SerializeProgramJson(*program); }), HasSubstr("attribute pir.place is of a kind that Paddle 3 does not have"));
}

TEST(PirReadTest, IntegersThatAreComputedWithBecomeAVariable) {
  const Json integers = Operation("1.full_int_array", {Attr("value", Array("0.a_i64", {10, -3})), Attr("dtype", DTypeOf("int64"))}, {},
                                  {Result(2, "0.t_i64", {2})});
  const std::string whole = Whole({X({2}), integers, Operation("1.cast", {Attr("dtype", DTypeOf("float32"))}, {2}, {Result(3, "0.t_f32", {2})}),
                                   Operation("1.multiply", kNoAttrs, {1, 3}, {Result(4, "0.t_f32", {2})}), Fetch(4, 5, 0)});
  EXPECT_THAT(Computed(whole, {2, 5}), ElementsAre(20, -15));
  EXPECT_THAT(SerializeProgramJson(*Read(whole)), HasSubstr("1.full_int_array"));
}

// ---- refused

TEST(PirReadErrorTest, AMalformedTypeIsShownWithWhatIsWanted) {
  auto refusal = [](const char* kind, Json data) {
    Json x = X();
    x["O"][0]["TT"] = {{"#", kind}, {"D", std::move(data)}};
    return Refusal(Whole({x}));
  };
  EXPECT_THAT(refusal("0.t_dtensor", {1, 2}), HasSubstr("0.t_dtensor has the data [1,2]; element type, extents, layout, LoD and offset are wanted"));
  EXPECT_THAT(refusal("1.t_dense_tensor_array", {1}), HasSubstr("has the data [1]; element type, extents, layout are wanted"));
  EXPECT_THAT(refusal("0.t_dtensor", {{{"#", "0.t_f32"}}, std::vector<int>(10, 1), "NCHW", Json::array(), 0}),
              AllOf(HasSubstr("10 dimensions; the most are 9"), HasSubstr("ops[0] (pd_op.data)")));
  EXPECT_EQ(refusal("0.t_dtensor", {{{"#", "0.t_f32"}}, std::vector<int>(9, 1), "NCHW", Json::array(), 0}), "");
}

TEST(PirReadErrorTest, AnAttributeOfAnotherKindThanItSaysIsShown) {
  auto refusal = [](Json value) {
    return Refusal(Whole({X(), Operation("1.leaky_relu", {Attr("negative_slope", std::move(value))}, {1}, {Result(2, "0.t_f32", {6})})}));
  };
  EXPECT_THAT(refusal({{"#", "0.a_f64"}, {"VD", "much"}}), AllOf(HasSubstr("a number is wanted, there is"), HasSubstr("much")));
  EXPECT_THAT(refusal({{"#", "0.a_bool"}, {"D", "no"}}), HasSubstr("an integer of 32 bits is wanted, there is \"no\""));
  EXPECT_THAT(refusal({{"#", "0.a_array"}, {"D", {{{"#", "0.a_str"}, {"D", 1}}}}}), HasSubstr("a text is wanted, there is 1"));
  EXPECT_THAT(refusal({{"#", "0.a_f64"}}), HasSubstr("a number is wanted"));
}

TEST(PirReadErrorTest, ListsAreTakenApartAsTheyAre) {
  const Json combine = Operation("0.combine", kNoAttrs, {1, 1}, {List(2, {kOne, kOne})});
  auto refusal = [&](const Json& operation) { return Refusal(Whole({X({1}), combine, operation})); };
  EXPECT_THAT(refusal(Operation("0.split", kNoAttrs, {2}, {Result(3, "0.t_f32", {1})})), HasSubstr("1 results of a list of 2"));
  EXPECT_THAT(refusal(Operation("0.split", kNoAttrs, {1}, {Result(3, "0.t_f32", {1})})), HasSubstr("1 results of a list of 1"));
  EXPECT_THAT(refusal(Operation("0.split", kNoAttrs, {0}, {Result(3, "0.t_f32", {1})})), HasSubstr("one list is wanted"));
  EXPECT_THAT(refusal(Operation("0.slice", kNoAttrs, {1, 2}, {Result(3, "0.t_f32", {1})})), HasSubstr("one list is wanted"));
  for (const Json& index : {I32(2), I32(-1), F64(0.5)}) {
    EXPECT_THAT(refusal(Operation("0.slice", {Attr("index", index)}, {2}, {Result(3, "0.t_f32", {1})})),
                HasSubstr("the index is none of a list of 2"));
  }
  EXPECT_THAT(refusal(Operation("0.slice", kNoAttrs, {2}, {Result(3, "0.t_f32", {1})})), HasSubstr("the index is none of a list of 2"));
}

TEST(PirReadErrorTest, ABranchAndALoopHandOnWhatTheirResultsSay) {
  auto region = [](const std::vector<int64_t>& yields, Json args) {
    return Json{{"#", "r"}, {"blocks", {{{"#", "b"}, {"args", std::move(args)}, {"ops", {Operation("2.yield", kNoAttrs, yields, Json::array())}}}}}};
  };
  const Json condition = Data("c", 2, "0.t_bool", "bool");
  Json branch = Operation("1.if", kNoAttrs, {2}, {Result(3, "0.t_f32", {1})});
  branch["regions"] = {region({1}, Json::array()), region({1, 1}, Json::array())};
  EXPECT_THAT(Refusal(Whole({X({1}), condition, branch})), AllOf(HasSubstr("region 1 yields 2 values; 1 are wanted"), HasSubstr("(pd_op.if)")));
  Json loop = Operation("1.while", kNoAttrs, {2, 1}, {Result(3, "0.t_f32", {1})});
  loop["regions"] = {region({2, 1}, Json::array())};
  EXPECT_THAT(Refusal(Whole({X({1}), condition, loop})), HasSubstr("a condition, 1 values and one region with as many arguments are wanted"));
}

TEST(PirReadErrorTest, ValuesOfADTypeThat2xCannotWriteDownAreNamed) {
  const Json attrs = {Attr("shape", Array("0.a_i32", {1})), Attr("dtype", DTypeOf("float16")), Attr("values", Array("0.a_f64", {1}))};
  const Json assign = Operation("1.assign_value", attrs, {}, {Result(2, "0.t_f16", {1})});
  EXPECT_THAT(Refusal(Whole({X(), assign})), AllOf(HasSubstr("values of the dtype float16"), HasSubstr("ops[1] (pd_op.assign_value)")));
}

TEST(PirReadErrorTest, NullsHugeNumbersAndOddParametersAreNoProgram) {
  Json document = Json::parse(Whole({X()}));
  document["program"]["regions"][0]["blocks"][0]["ops"] = nullptr;
  EXPECT_THAT(Refusal(document.dump()), HasSubstr("an array is wanted, there is null"));
  EXPECT_THAT(Refusal("{\"base_code\":1e999}"), AllOf(HasSubstr("cannot read \"model.json\": number overflow"), HasSubstr("1e999")));
  for (const Json& attrs : {Json{0, 1, "w"}, Json{0, 1, 0, 0}, Json{0, 1, 0, "w", 1}}) {
    const Json parameter = {{"#", "p"}, {"A", attrs}, {"O", Result(1, "0.t_f32", {1})}, {"OA", {1, 0, 1}}};
    EXPECT_THAT(Refusal(Whole({parameter})), HasSubstr(StrCat("A is ", attrs.dump(), "; a parameter has three numbers and its name")));
  }
  Json x = X();
  x["O"][0]["%"] = 0;
  EXPECT_THAT(Refusal(Whole({x})), HasSubstr("result 0: results are numbered from 1"));
}

// ---- attributes

TEST(PirAttributeTest, KindsOfPaddle3AreTheNearestOf2x) {
  auto read = [](const char* text) { return FromPirAttribute(Json::parse(text), "here"); };
  EXPECT_EQ(read(R"({"#":"0.a_bool","D":1})"), Attribute(true));
  EXPECT_EQ(read(R"({"#":"0.a_array","D":[{"#":"0.a_str","D":"a"},{"#":"0.a_str","D":"b"}]})"), Attribute(std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read(R"({"#":"0.a_array","D":[{"#":"0.a_bool","D":true},{"#":"0.a_bool","D":0}]})"), Attribute(std::vector<bool>{true, false}));
  EXPECT_EQ(read(R"({"#":"1.a_scalar","D":["bool",true]})"), Attribute(Scalar(true)));
  EXPECT_EQ(read(R"({"#":"1.a_scalar","D":["int64",-7]})"), Attribute(Scalar(int64_t{-7})));
  EXPECT_EQ(read(R"({"#":"1.a_scalar","D":["float32",0.5]})"), Attribute(Scalar(0.5)));
  for (const char* unknown : {R"({"#":"1.a_scalar","D":["int64"]})", R"({"#":"1.a_scalar","D":["complex64",[1,2]]})",
                              R"({"#":"0.a_c64","D":[1,2]})", R"({"#":"0.a_array","D":[{"#":"0.a_c64","D":[1,2]}]})",
                              R"({"#":"0.a_array","D":[{"#":"0.a_i32","D":1},{"#":"0.a_i64","D":1}]})"}) {
    EXPECT_EQ(read(unknown), std::nullopt) << unknown;
  }
}

TEST(PirAttributeTest, NumbersBecomeEachOtherWhereNothingIsLost) {
  const Attribute scalars = std::vector<Scalar>{true, int64_t{-2}, 0.5};
  EXPECT_EQ(ConvertAttribute(scalars, std::vector<double>{}), Attribute(std::vector<double>{1, -2, 0.5}));
  EXPECT_EQ(ConvertAttribute(scalars, std::vector<int64_t>{}), std::nullopt);
  EXPECT_EQ(ConvertAttribute(Scalar(std::complex<double>(1, 2)), 0.0), std::nullopt);
  EXPECT_EQ(ConvertAttribute(std::string("1e-3"), 0.0), Attribute(1e-3));
  EXPECT_EQ(ConvertAttribute(std::string("1 apple"), 0.0), std::nullopt);
  EXPECT_EQ(ConvertAttribute(BlockRef{1}, 0.0), std::nullopt);
  EXPECT_EQ(ConvertAttribute(0.5, false), Attribute(true));
  EXPECT_EQ(ConvertAttribute(0, false), Attribute(false));
  EXPECT_EQ(ConvertAttribute(std::vector<int32_t>{0, 3}, std::vector<bool>{}), Attribute(std::vector<bool>{false, true}));
  EXPECT_EQ(ConvertAttribute(7, Scalar(0.0)), Attribute(Scalar(int64_t{7})));
  EXPECT_EQ(ConvertAttribute(7.5, Scalar(0.0)), Attribute(Scalar(7.5)));
  EXPECT_EQ(ConvertAttribute(std::vector<int64_t>{}, std::vector<std::string>{}), Attribute(std::vector<std::string>{}));
  EXPECT_EQ(ConvertAttribute(std::vector<int64_t>{1}, std::vector<std::string>{}), std::nullopt);
  EXPECT_EQ(ConvertAttribute(std::vector<int64_t>{1, 2}, 0), std::nullopt);
  EXPECT_EQ(ConvertAttribute(int64_t{1} << 40, 0), std::nullopt);
}

TEST(PirTableTest, WhatPaddle3LeavesOutSkiffDoesNotNeed) {
  for (const PirOpRule& rule : PirOpRules()) {
    for (const PirAttrRule& attr : rule.attrs) EXPECT_TRUE(attr.source != "-" || attr.has_fallback) << rule.type << " " << attr.name;
    const OpDef* def = FindOp(rule.type);
    if (def == nullptr) continue;
    for (const SlotDef& slot : def->outputs) {
      const bool mapped = std::any_of(rule.results.begin(), rule.results.end(), [&](const PirSlot& result) { return result.name == slot.name; });
      EXPECT_TRUE(mapped || slot.dispensable) << rule.type << " " << slot.name;
    }
  }
}

TEST(PirTableTest, ARowIsThereOnce) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const PirOpRule& rule : PirOpRules()) EXPECT_TRUE(seen.emplace(rule.type, rule.pir).second) << rule.type;
}

}  // namespace
}  // namespace skiff::io
