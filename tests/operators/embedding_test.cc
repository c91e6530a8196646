#include "tests/support/op_case.h"

namespace skiff::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class EmbeddingTest : public OpTest {};
SKIFF_ON_EACH_PLACE(EmbeddingTest);

const std::vector<double> kTable = {1, 2, 3, 4, 5, 6};  // [3, 2]

OpCase Lookup(const TestPlace& place) {
  return OpCase("lookup_table_v2", place).Input("Ids", {3}, {2, 0, 2}, DType::kInt64).Input("W", {3, 2}, kTable);
}

TEST_P(EmbeddingTest, TakesRowsByIndex) {
  Lookup(GetParam()).Expect("Out", {5, 6, 1, 2, 5, 6}).ExpectShape("Out", {3, 2});
  Lookup(GetParam()).Attr("padding_idx", int64_t{2}).Expect("Out", {0, 0, 1, 2, 0, 0});
  OpCase("lookup_table", GetParam()).Input("Ids", {2, 1}, {1, 0}, DType::kInt64).Input("W", {3, 2}, kTable)
      .Expect("Out", {3, 4, 1, 2}).ExpectShape("Out", {2, 2});
}

TEST_P(EmbeddingTest, GradientsOfRepeatedRowsAddUp) {
  Lookup(GetParam()).CheckGradient("W", "Out");
  Lookup(GetParam()).Attr("padding_idx", int64_t{2}).CheckGradient("W", "Out");
}

TEST_P(EmbeddingTest, OneHotMarksTheIndex) {
  OpCase("one_hot_v2", GetParam()).Attr("depth", 3).Input("X", {2}, {2, 0}, DType::kInt64)
      .Expect("Out", {0, 0, 1, 1, 0, 0}).ExpectDType("Out", DType::kFloat32);
  OpCase("one_hot_v2", GetParam()).Attr("depth", 2).Attr("allow_out_of_range", true).Input("X", {1}, {5}, DType::kInt64)
      .Expect("Out", {0, 0});
}

TEST_P(EmbeddingTest, GathersAlongAnyAxis) {
  OpCase gather("gather", GetParam());
  gather.Input("X", {2, 3}, {1, 2, 3, 4, 5, 6}).Input("Index", {2}, {1, 1}, DType::kInt32);
  gather.Expect("Out", {4, 5, 6, 4, 5, 6}).CheckGradient("X", "Out");
  gather.Attr("axis", 1).Expect("Out", {2, 2, 5, 5}).CheckGradient("X", "Out");
  OpCase("gather", GetParam()).Input("X", {3}, {1, 2, 3}).Input("Index", {}, {2}, DType::kInt64).Expect("Out", {3}).ExpectShape("Out", {});
  OpCase("index_select", GetParam()).Attr("dim", 1).Input("X", {2, 2}, {1, 2, 3, 4}).Input("Index", {1}, {1}, DType::kInt64)
      .Expect("Out", {2, 4}).CheckGradient("X", "Out");
}

TEST_P(EmbeddingTest, GathersByCoordinates) {
  OpCase nd("gather_nd", GetParam());
  nd.Input("X", {2, 2}, {1, 2, 3, 4});
  nd.Input("Index", {2, 2}, {1, 0, -1, -1}, DType::kInt64).Expect("Out", {3, 4}).CheckGradient("X", "Out");
  nd.Input("Index", {1, 1}, {1}, DType::kInt64).Expect("Out", {3, 4}).ExpectShape("Out", {1, 2});
}

TEST_P(EmbeddingTest, ScatterOverwritesOrAdds) {
  OpCase scatter("scatter", GetParam());
  scatter.Input("X", {3, 1}, {1, 2, 3}).Input("Ids", {2}, {1, 1}, DType::kInt64).Input("Updates", {2, 1}, {10, 20});
  scatter.Expect("Out", {1, 20, 3});
  scatter.Attr("overwrite", false).Expect("Out", {1, 30, 3}).CheckGradient(std::vector<std::string>{"X", "Updates"}, std::vector<std::string>{"Out"});
}

TEST(SparseEmbeddingTest, GivesTheRowsThemselves) {
  std::map<std::string, Value> values = {{"ids", Tensor::Of<int64_t>({3}, {2, 0, 2})},
                                         {"w", Tensor::Of<float>({3, 1}, {1, 2, 3})},
                                         {"dy", Tensor::Of<float>({3, 1}, {10, 20, 30})}};
  RunOp({"lookup_table_v2_grad", {{"Ids", {"ids"}}, {"W", {"w"}}, {"Out@GRAD", {"dy"}}}, {{"W@GRAD", {"dw"}}},
         {{"is_sparse", true}, {"padding_idx", int64_t{0}}}}, &values);
  const auto& rows = std::get<SelectedRows>(values.at("dw"));
  EXPECT_EQ(rows.rows, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(rows.height, 3);
  EXPECT_EQ(rows.value.data<float>()[1], 30);
}

TEST(EmbeddingErrorTest, NamesTheIndexAndTheBound) {
  const auto run = [] {
    OpCase("lookup_table_v2").Input("Ids", {2}, {0, 3}, DType::kInt64).Input("W", {3, 2}, kTable).Run("Out");
  };
  EXPECT_THAT(run, ThrowsMessage<OutOfRange>(HasSubstr("element 1 of the indices Ids is 3; it must be in [0, 3)")));
}

}  // namespace
}  // namespace skiff::testing
