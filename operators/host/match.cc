// Priors matched with true boxes: bipartite_match, mine_hard_examples.
#include <algorithm>
#include <set>

#include "operators/host/host.h"

namespace skiff {

namespace {

constexpr double kNoDistance = 1e-6;  // less does not match

// One image: distances [rows, columns]; the row of each column, or -1.
template <typename T>
struct Matching {
  const T* distance;
  int64_t rows, columns;
  int32_t* row_of;
  T* distance_of;

  void Set(int64_t row, int64_t column) {
    row_of[column] = static_cast<int32_t>(row);
    distance_of[column] = distance[row * columns + column];
  }

  // The largest distance of all, then the largest of the rows and columns left, and so on.
  void Bipartite() {
    struct Pair {
      T distance;
      int64_t row, column;
    };
    std::vector<Pair> pairs;
    for (int64_t column = 0; column < columns; ++column) {
      for (int64_t row = 0; row < rows; ++row) {
        const T d = distance[row * columns + column];
        if (d >= static_cast<T>(kNoDistance)) pairs.push_back({d, row, column});
      }
    }
    std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.distance > b.distance; });
    std::vector<bool> taken(rows);
    for (const Pair& p : pairs) {
      if (taken[p.row] || row_of[p.column] != -1) continue;
      taken[p.row] = true;
      Set(p.row, p.column);
    }
  }

  // Columns still free take the row that is nearest, when it is near enough.
  void EachToItsBest(T threshold) {
    for (int64_t column = 0; column < columns; ++column) {
      if (row_of[column] != -1) continue;
      int64_t best = -1;
      for (int64_t row = 0; row < rows; ++row) {
        const T d = distance[row * columns + column];
        if (!(d >= threshold) || d < static_cast<T>(kNoDistance)) continue;
        if (best < 0 || d > distance[best * columns + column]) best = row;
      }
      if (best >= 0) Set(best, column);
    }
  }
};

void BipartiteMatch(DynamicContext& c) {
  const Tensor distances = host::In(c, "DistMat");
  const Shape& shape = distances.shape();
  SKIFF_ENFORCE(shape.rank() == 2, InvalidArgument, "DistMat is ", shape, "; expected [rows, columns]");
  std::vector<uint64_t> offsets{0, static_cast<uint64_t>(shape[0])};
  if (!distances.lod().empty()) offsets = distances.lod().back();
  const int64_t images = static_cast<int64_t>(offsets.size()) - 1, columns = shape[1];
  const bool per_prediction = c.attrs().Get<std::string>("match_type") == "per_prediction";
  host::WithFloats(distances.dtype(), "DistMat", [&](auto zero) {
    using T = decltype(zero);
    Tensor rows(Shape{images, columns}, DType::kInt32), matched(Shape{images, columns}, distances.dtype());
    std::fill_n(rows.data<int32_t>(), rows.num_elements(), -1);
    std::fill_n(matched.data<T>(), matched.num_elements(), T(0));
    for (int64_t n = 0; n < images; ++n) {
      Matching<T> image{distances.data<T>() + offsets[n] * columns, static_cast<int64_t>(offsets[n + 1] - offsets[n]), columns,
                        rows.data<int32_t>() + n * columns, matched.data<T>() + n * columns};
      image.Bipartite();
      if (per_prediction) image.EachToItsBest(static_cast<T>(c.attrs().Get<float>("dist_threshold")));
    }
    host::Out(c, "ColToRowMatchIndices", rows);
    host::Out(c, "ColToRowMatchDist", matched);
  });
}

void MineHardExamples(DynamicContext& c) {
  const Tensor loss = host::In(c, "ClsLoss"), match = host::In(c, "MatchIndices"), distance = host::In(c, "MatchDist");
  const Shape& shape = loss.shape();
  const std::string type = c.attrs().Get<std::string>("mining_type");
  const bool hard = type == "hard_example";
  SKIFF_ENFORCE(hard || type == "max_negative", InvalidArgument, "attribute mining_type is \"", type,
                "\"; it may be max_negative or hard_example");
  SKIFF_ENFORCE(shape.rank() == 2 && match.shape() == shape && distance.shape() == shape && match.dtype() == DType::kInt32 &&
                    distance.dtype() == loss.dtype(),
                InvalidArgument, "ClsLoss is ", shape, ", MatchIndices ", match.dtype(), " ", match.shape(), ", MatchDist ",
                distance.shape(), "; expected [images, priors] in all");
  const Tensor place_loss = hard && host::Has(c, "LocLoss") ? host::In(c, "LocLoss") : Tensor();
  SKIFF_ENFORCE(!place_loss.is_initialized() || (place_loss.shape() == shape && place_loss.dtype() == loss.dtype()), InvalidArgument,
                "LocLoss is ", place_loss.shape(), ", ClsLoss ", shape, "; they must be equal");
  const float ratio = c.attrs().Get<float>("neg_pos_ratio"), limit = c.attrs().Get<float>("neg_dist_threshold");
  const int64_t priors = shape[1];
  Tensor updated = match.Clone();
  std::vector<int64_t> negatives;
  std::vector<uint64_t> offsets{0};
  host::WithFloats(loss.dtype(), "ClsLoss", [&](auto zero) {
    using T = decltype(zero);
    for (int64_t n = 0; n < shape[0]; ++n) {
      const int32_t* matched = match.data<int32_t>() + n * priors;
      const auto weight = [&](int64_t m) {
        const int64_t i = n * priors + m;
        return loss.data<T>()[i] + (place_loss.is_initialized() ? place_loss.data<T>()[i] : T(0));
      };
      std::vector<int64_t> candidates;
      for (int64_t m = 0; m < priors; ++m) {
        if (hard || (matched[m] == -1 && distance.data<T>()[n * priors + m] < static_cast<T>(limit))) candidates.push_back(m);
      }
      std::stable_sort(candidates.begin(), candidates.end(), [&](int64_t a, int64_t b) { return weight(a) > weight(b); });
      const int64_t positive = priors - std::count(matched, matched + priors, -1);
      const double wanted = hard ? c.attrs().Get<double>("sample_size") : static_cast<double>(positive) * ratio;
      if (wanted < static_cast<double>(candidates.size())) candidates.resize(wanted > 0 ? static_cast<size_t>(wanted) : 0);
      const std::set<int64_t> chosen(candidates.begin(), candidates.end());
      for (int64_t m = 0; m < priors && hard; ++m) {
        if (matched[m] > -1 && !chosen.contains(m)) updated.data<int32_t>()[n * priors + m] = -1;
      }
      for (int64_t m : chosen) {
        if (matched[m] == -1) negatives.push_back(m);
      }
      offsets.push_back(negatives.size());
    }
  });
  Tensor out = host::Ints(Shape{static_cast<int64_t>(negatives.size()), 1}, negatives, DType::kInt32);
  out.set_lod({offsets});
  host::Out(c, "NegIndices", out);
  host::Out(c, "UpdatedMatchIndices", updated);
}

}  // namespace

SKIFF_OP(bipartite_match)
    .Doc("Each row of an image gets the column with the largest distance, the largest of all first.")
    .Source("Liu et al., SSD, 2016; Paddle's bipartite_match")
    .Input("DistMat", "[rows, columns], a sequence of rows for each image")
    .Output("ColToRowMatchIndices", "int32, [images, columns]: the row, or -1")
    .Output("ColToRowMatchDist", "[images, columns]: its distance, or 0")
    .Attr("match_type", "bipartite", "or per_prediction: columns left over take their best row")
    .Attr("dist_threshold", 0.5f, "per_prediction: least distance")
    .InferShape([](InferContext& c) {
      const Shape& d = c.InputShape("DistMat");
      SKIFF_ENFORCE(d.rank() == 2, InvalidArgument, "DistMat is ", d, "; expected [rows, columns]");
      c.SetOutput("ColToRowMatchIndices", Shape{-1, d[1]}, DType::kInt32);
      c.SetOutput("ColToRowMatchDist", Shape{-1, d[1]}, c.InputDType("DistMat"));
    })
    .ZeroGradient()
    .Dynamic(BipartiteMatch);

SKIFF_OP(mine_hard_examples)
    .Doc("The priors without a box that have the largest loss, so many for each that has one.")
    .Source("Liu et al., SSD, 2016; Paddle's mine_hard_examples")
    .Input("ClsLoss", "[images, priors]")
    .OptionalInput("LocLoss", "[images, priors], added for hard_example")
    .Input("MatchIndices", "int32, [images, priors]: -1 without a box")
    .Input("MatchDist", "[images, priors]")
    .Output("NegIndices", "int32, [chosen, 1], a sequence for each image")
    .Output("UpdatedMatchIndices", "MatchIndices; -1 for boxes that hard_example does not choose")
    .Attr("neg_pos_ratio", 1.0f, "max_negative: chosen for each prior with a box")
    .Attr("neg_dist_threshold", 0.5f, "max_negative: distance below which a prior may be chosen")
    .Attr("sample_size", 0, "hard_example: chosen of an image")
    .Attr("mining_type", "max_negative", "or hard_example")
    .InferShape([](InferContext& c) {
      c.SetOutput("NegIndices", TensorMeta{Shape{-1, 1}, DType::kInt32, 1});
      c.SetOutput("UpdatedMatchIndices", TensorMeta(c.Input("MatchIndices")));
    })
    .ZeroGradient()
    .Dynamic(MineHardExamples);

}  // namespace skiff
