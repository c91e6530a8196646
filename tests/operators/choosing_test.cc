// Operators that choose elements, and that put values at chosen places.
#include <set>

#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ChoosingTest : public OpTest {};
SKIFF_ON_EACH_PLACE(ChoosingTest);

TEST_P(ChoosingTest, WhereIndexGivesOneRowForEachElementThatIsNotZero) {
  OpCase("where_index", GetParam()).Input("Condition", {2, 2}, {0, 3, 0, -1}).Expect("Out", {0, 1, 1, 1}).ExpectShape("Out", {2, 2});
  OpCase("where_index", GetParam()).Input("Condition", {0, 2}, {}).ExpectShape("Out", {0, 2});
}

TEST_P(ChoosingTest, MaskedSelectTakesWhatIsTrueAndItsGradientPutsItBack) {
  OpCase c("masked_select", GetParam());
  c.Input("X", {2, 2}, {1, 2, 3, 4}).Input("Mask", {2, 2}, {1, 0, 0, 1}, DType::kBool).Expect("Y", {1, 4}).CheckGradient("X", "Y");
}

TEST(ChoosingErrorTest, MaskedSelectWantsAMaskOfXsShape) {
  EXPECT_THAT([] { OpCase("masked_select").Input("X", {2}, {1, 2}).Input("Mask", {1}, {1}, DType::kBool).Run("Y"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("Mask is bool [1], X is [2]")));
}

TEST_P(ChoosingTest, SetValueFillsASliceAndItsGradientIsZeroThere) {
  OpCase c("set_value", GetParam());
  c.Input("Input", {2, 2}, {1, 2, 3, 4}).Input("ValueTensor", {1}, {9});
  c.Attr("axes", std::vector<int64_t>{1}).Attr("starts", std::vector<int64_t>{1}).Attr("ends", std::vector<int64_t>{2});
  c.Attr("steps", std::vector<int64_t>{1});
  c.Expect("Out", {1, 9, 3, 9}).CheckGradient({"Input", "ValueTensor"}, {"Out"});
}

TEST_P(ChoosingTest, SetValueTakesTheListsOfOlderPrograms) {
  OpCase c("set_value", GetParam());
  c.Input("Input", {3}, {1, 2, 3}).Attr("fp32_values", std::vector<float>{7, 8}).Attr("shape", std::vector<int64_t>{2});
  c.Attr("axes", std::vector<int64_t>{0}).Attr("starts", std::vector<int64_t>{0}).Attr("ends", std::vector<int64_t>{3});
  c.Attr("steps", std::vector<int64_t>{2}).Expect("Out", {7, 2, 8});
}

TEST(ChoosingErrorTest, SetValueRefusesAnIndexOutsideAndAValueThatDoesNotFit) {
  const auto put = [](int64_t start, int64_t extent) {
    OpCase("set_value").Input("Input", {2, 3}, {1, 2, 3, 4, 5, 6}).Input("ValueTensor", {extent}, std::vector<double>(extent, 0.0))
        .Attr("axes", std::vector<int64_t>{0}).Attr("starts", std::vector<int64_t>{start})
        .Attr("ends", std::vector<int64_t>{start + 1}).Attr("steps", std::vector<int64_t>{1})
        .Attr("decrease_axes", std::vector<int64_t>{0}).Run("Out");
  };
  EXPECT_THAT([&] { put(5, 1); }, ThrowsMessage<OutOfRange>(HasSubstr("the index of axis 0 is outside of its extent of 2")));
  EXPECT_THAT([&] { put(0, 2); }, ThrowsMessage<InvalidArgument>(HasSubstr("the value is [2], the slice [3]")));
}

TEST_P(ChoosingTest, IndexPutAddsWhereAnIndexOccursTwice) {
  OpCase c("index_put", GetParam());
  c.Input("x", {3}, {1, 2, 3}).Inputs("indices", {{{2}, {1, 1}}}, DType::kInt64).Input("value", {2}, {10, 20});
  c.Attr("accumulate", true).Expect("out", {1, 32, 3}).CheckGradient({"x", "value"}, {"out"});
}

TEST(ChoosingErrorTest, IndexPutRefusesAnIndexOutside) {
  EXPECT_THAT([] { OpCase("index_put").Input("x", {2}, {1, 2}).Inputs("indices", {{{1}, {2}}}, DType::kInt64).Input("value", {1}, {0}).Run("out"); },
              ThrowsMessage<OutOfRange>(HasSubstr("an index is 2 where x has an extent of 2")));
}

TEST_P(ChoosingTest, RepeatInterleaveTakesAttributeOrTensor) {
  OpCase c("repeat_interleave", GetParam());
  c.Input("X", {2, 2}, {1, 2, 3, 4}).Attr("Repeats", 2).Attr("dim", 1).Expect("Out", {1, 1, 2, 2, 3, 3, 4, 4}).CheckGradient("X", "Out");
  OpCase t("repeat_interleave", GetParam());
  t.Input("X", {2, 2}, {1, 2, 3, 4}).Input("RepeatsTensor", {2}, {0, 2}, DType::kInt64).Expect("Out", {3, 4, 3, 4}).CheckGradient("X", "Out");
}

TEST(ChoosingErrorTest, CountsAndRepeatsAreChecked) {
  EXPECT_THAT([] { OpCase("repeat_interleave").Input("X", {2}, {1, 2}).Input("RepeatsTensor", {2}, {1, -1}, DType::kInt64).Run("Out"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("RepeatsTensor holds -1")));
  EXPECT_THAT([] { OpCase("bincount").Input("X", {2}, {1, -3}, DType::kInt64).Run("Out"); },
              ThrowsMessage<InvalidArgument>(HasSubstr("X holds -3")));
  EXPECT_THAT([] { OpCase("bincount").Input("X", {1}, {1e15}, DType::kInt64).Run("Out"); },
              ThrowsMessage<ResourceExhausted>(HasSubstr("asks for as many counts")));
}

TEST(ChoosingShapeTest, UnknownExtentsStayUnknown) {
  EXPECT_EQ(OpCase("masked_select").InputOf("X", {-1, 3}).InputOf("Mask", {-1, 3}, DType::kBool).Infer("Y").shape, Shape({-1}));
  EXPECT_EQ(OpCase("repeat_interleave").InputOf("X", {-1, 3}).Attr("Repeats", 2).Infer("Out").shape, Shape({-1, 3}));
  EXPECT_EQ(OpCase("unique").InputOf("X", {-1, 3}).Attr("is_sorted", true).Attr("axis", std::vector<int32_t>{1}).Infer("Out").shape, Shape({-1, -1}));
}

// ---- random numbers: moments, and the same for any count of threads ------------------------------------------

struct Moments {
  double mean = 0, variance = 0;
};
Moments MomentsOf(const std::vector<double>& values) {
  Moments m;
  for (double v : values) m.mean += v / static_cast<double>(values.size());
  for (double v : values) m.variance += (v - m.mean) * (v - m.mean) / static_cast<double>(values.size());
  return m;
}

TEST(RandomTest, PoissonHasMeanAndVarianceOfItsParameter) {
  for (double mean : {0.5, 4.0, 30.0, 1000.0}) {
    const Moments m = MomentsOf(OpCase("poisson").Input("X", {20000}, std::vector<double>(20000, mean)).Seed(7).Values("Out"));
    EXPECT_NEAR(m.mean, mean, 4 * std::sqrt(mean / 20000));
    EXPECT_NEAR(m.variance, mean, 0.06 * mean);
  }
}

TEST(RandomTest, ExponentialBernoulliAndDirichletHaveTheirMeans) {
  const std::vector<double> zeros(20000, 0.0);
  EXPECT_NEAR(MomentsOf(OpCase("exponential").Input("X", {20000}, zeros).Attr("lambda", 2.0f).Seed(3).Values("Out")).mean, 0.5, 0.015);
  EXPECT_NEAR(MomentsOf(OpCase("bernoulli").Input("X", {20000}, std::vector<double>(20000, 0.3)).Seed(3).Values("Out")).mean, 0.3, 0.012);
  std::vector<double> alpha;
  for (int i = 0; i < 5000; ++i) alpha.insert(alpha.end(), {0.5, 1.5, 2.0});
  const std::vector<double> rows = OpCase("dirichlet").Input("Alpha", {5000, 3}, alpha).Seed(5).Values("Out");
  double first = 0;
  for (size_t i = 0; i < rows.size(); i += 3) {
    EXPECT_NEAR(rows[i] + rows[i + 1] + rows[i + 2], 1, 1e-5);
    first += rows[i] / 5000;
  }
  EXPECT_NEAR(first, 0.125, 0.01);
}

TEST(RandomTest, NumbersDoNotDependOnTheCountOfThreads) {
  for (const char* type : {"poisson", "bernoulli"}) {
    const std::vector<double> p(100000, 0.4);
    EXPECT_EQ(OpCase(type).Input("X", {100000}, p).Seed(9).Threads(1).Values("Out"), OpCase(type).Input("X", {100000}, p).Seed(9).Threads(4).Values("Out"));
  }
}

TEST(RandomTest, RandIntStaysInItsRangeAndRandPermIsAPermutation) {
  const std::vector<double> drawn = OpCase("randint").Attr("low", -2).Attr("high", 3).Attr("shape", std::vector<int64_t>{5000}).Seed(1).Values("Out");
  EXPECT_EQ(std::set<double>(drawn.begin(), drawn.end()), (std::set<double>{-2, -1, 0, 1, 2}));
  std::vector<double> order = OpCase("randperm").Attr("n", 100).Seed(2).Values("Out");
  EXPECT_EQ(std::set<double>(order.begin(), order.end()).size(), 100u);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
}

TEST(RandomTest, MultinomialDrawsByProbabilityAndWithoutReplacementNoneTwice) {
  const std::vector<double> drawn =
      OpCase("multinomial").Input("X", {3}, {1, 0, 3}).Attr("num_samples", 8000).Attr("replacement", true).Seed(4).Values("Out");
  EXPECT_NEAR(static_cast<double>(std::count(drawn.begin(), drawn.end(), 2.0)) / 8000, 0.75, 0.02);
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), 1.0), 0);
  const std::vector<double> all = OpCase("multinomial").Input("X", {4}, {1, 2, 3, 4}).Attr("num_samples", 4).Seed(4).Values("Out");
  EXPECT_EQ(std::set<double>(all.begin(), all.end()).size(), 4u);
  EXPECT_THROW(OpCase("multinomial").Input("X", {2}, {1, -1}).Run("Out"), InvalidArgument);
  EXPECT_THROW(OpCase("multinomial").Input("X", {2}, {1, 0}).Attr("num_samples", 2).Run("Out"), InvalidArgument);
}

// Neighbours of node 0: 10, 11, 12; of 1: none; of 2: 13.
OpCase Sampling(const char* type, const char* row, const char* begin, const char* nodes) {
  OpCase sampling(type);
  sampling.Input(row, {4}, {10, 11, 12, 13}, DType::kInt64).Input(begin, {4}, {0, 3, 3, 4}, DType::kInt64);
  sampling.Input(nodes, {2}, {0, 2}, DType::kInt64).Seed(5);
  return sampling;
}

TEST(RandomTest, NeighboursAreDrawnOnceEachAndAllWhereThereAreNoMore) {
  const auto drawn = [](int size) {
    return Sampling("graph_sample_neighbors", "Row", "Col_Ptr", "X").Attr("sample_size", size).Values("Out");
  };
  EXPECT_EQ(drawn(-1), (std::vector<double>{10, 11, 12, 13}));
  EXPECT_EQ(drawn(3), (std::vector<double>{10, 11, 12, 13}));
  const std::vector<double> two = drawn(2);
  ASSERT_EQ(two.size(), 3u);
  EXPECT_NE(two[0], two[1]);
  EXPECT_LE(std::max(two[0], two[1]), 12);
  EXPECT_EQ(two[2], 13);
  EXPECT_THROW(Sampling("graph_sample_neighbors", "Row", "Col_Ptr", "X").Attr("return_eids", true).Run("Out"), InvalidArgument);
  EXPECT_THROW(Sampling("graph_sample_neighbors", "Row", "Col_Ptr", "X").Input("X", {1}, {3}, DType::kInt64).Run("Out"), OutOfRange);
}

TEST(RandomTest, NeighboursWithoutWeightNeverCome) {
  EXPECT_EQ(Sampling("weighted_sample_neighbors", "row", "colptr", "input_nodes")
                .Input("edge_weight", {4}, {0, 2, 0, 1}, DType::kFloat32)
                .Attr("sample_size", 1)
                .Values("out_neighbors"),
            (std::vector<double>{11, 13}));
}

TEST(RandomTest, HopsNumberNodesInTheOrderInWhichTheyAreFound) {
  const auto hops = [](const char* slot) {  // 0 <- 1, 2; 1 <- 3; 2 <- 0, 3; 3: none
    return OpCase("graph_khop_sampler")
        .Input("Row", {5}, {1, 2, 3, 0, 3}, DType::kInt64)
        .Input("Col_Ptr", {5}, {0, 2, 3, 5, 5}, DType::kInt64)
        .Input("X", {1}, {0}, DType::kInt64)
        .Attr("sample_sizes", std::vector<int32_t>{-1, -1})
        .Seed(5)
        .Values(slot);
  };
  EXPECT_EQ(hops("Out_Src"), (std::vector<double>{1, 2, 3, 0, 3}));
  EXPECT_EQ(hops("Out_Dst"), (std::vector<double>{0, 0, 1, 2, 2}));
  EXPECT_EQ(hops("Sample_Index"), (std::vector<double>{0, 1, 2, 3}));
}

TEST(RandomTest, TopPSamplingTakesOnlyTheLikeliest) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const double id = OpCase("top_p_sampling").Input("x", {1, 4}, {0.1, 0.5, 0.3, 0.1}).Input("ps", {1, 1}, {0.7}).Seed(seed).Values("ids")[0];
    EXPECT_TRUE(id == 1 || id == 2);
  }
}

}  // namespace
}  // namespace skiff::testing
