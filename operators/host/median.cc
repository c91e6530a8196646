// nanmedian: the middle of the numbers along some axes, without those that are NaN.
#include <algorithm>
#include <cmath>

#include "operators/host/sequences.h"

namespace skiff {

namespace {

std::vector<bool> ReducedAxes(const Attrs& attrs, int rank) {
  const auto given = attrs.Get<std::vector<int64_t>>("axis");
  std::vector<bool> reduced(rank, given.empty());
  for (int64_t axis : given) {
    if (rank > 0) reduced[NormalizeAxis(axis, rank)] = true;
  }
  return reduced;
}

Shape MedianShape(const Shape& x, const Attrs& attrs) {
  const std::vector<bool> reduced = ReducedAxes(attrs, x.rank());
  Shape out;
  for (int d = 0; d < x.rank(); ++d) {
    if (!reduced[d]) out.Append(x[d]);
    else if (attrs.Get<bool>("keepdim")) out.Append(1);
  }
  return out;
}

// Where the numbers lie that each result comes from.
std::vector<std::vector<int64_t>> GroupsOf(const Shape& x, const Attrs& attrs) {
  const std::vector<bool> reduced = ReducedAxes(attrs, x.rank());
  int64_t count = 1;
  for (int d = 0; d < x.rank(); ++d) count *= reduced[d] ? 1 : x[d];
  std::vector<std::vector<int64_t>> groups(count);
  for (int64_t i = 0; i < x.NumElements(); ++i) {
    int64_t group = 0, rest = i, stride = 1;
    for (int d = x.rank() - 1; d >= 0; --d) {
      if (!reduced[d]) {
        group += rest % x[d] * stride;
        stride *= x[d];
      }
      rest /= x[d];
    }
    groups[group].push_back(i);
  }
  return groups;
}

void NanMedian(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const std::vector<double> values = Doubles(x);
  std::vector<double> out;
  std::vector<int64_t> indices;  // two a result, within its group; -1 where all are NaN
  for (const std::vector<int64_t>& group : GroupsOf(x.shape(), c.attrs())) {
    SKIFF_ENFORCE(!group.empty(), InvalidArgument, "X has shape ", x.shape(), "; there is no median of no numbers");
    std::vector<int64_t> order;
    for (size_t i = 0; i < group.size(); ++i) {
      if (!std::isnan(values[group[i]])) order.push_back(static_cast<int64_t>(i));
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return values[group[a]] < values[group[b]]; });
    const size_t n = order.size();
    const int64_t low = n == 0 ? -1 : order[(n - 1) / 2], high = n == 0 ? -1 : order[n / 2];
    indices.insert(indices.end(), {low, high});
    if (n == 0) out.push_back(std::nan(""));
    else if (low == high) out.push_back(values[group[low]]);
    else out.push_back((values[group[low]] + values[group[high]]) / 2);
  }
  host::Out(c, "Out", FromDoubles(MedianShape(x.shape(), c.attrs()), x.dtype(), out));
  host::Out(c, "MedianIndex", host::Ints(indices, DType::kInt64));
}

void NanMedianGrad(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const std::vector<int64_t> indices = IntElements(c.InputTensor("MedianIndex"));
  const std::vector<double> dout = Doubles(c.InputTensor("Out@GRAD"));
  const auto groups = GroupsOf(x.shape(), c.attrs());
  SKIFF_ENFORCE(indices.size() == 2 * groups.size() && dout.size() == groups.size(), InvalidArgument, "MedianIndex has ",
                indices.size(), " elements, Out@GRAD ", dout.size(), "; expected ", 2 * groups.size(), " and ", groups.size());
  std::vector<double> dx(x.num_elements(), 0.0);
  for (size_t g = 0; g < groups.size(); ++g) {
    for (size_t k = 0; k < 2; ++k) {
      const int64_t at = indices[2 * g + k];
      if (at < 0) continue;
      SKIFF_ENFORCE(at < static_cast<int64_t>(groups[g].size()), OutOfRange, "element ", 2 * g + k, " of MedianIndex is ", at,
                    "; each result comes from ", groups[g].size(), " elements");
      dx[groups[g][at]] += dout[g] / 2;
    }
  }
  host::Out(c, "X@GRAD", FromDoubles(x.shape(), x.dtype(), dx));
}

}  // namespace

SKIFF_OP(nanmedian)
    .Doc("Out is the median of the elements of X along `axis` that are not NaN; of an even number the mean of the two middle ones.")
    .Source("paddle.nanmedian")
    .Input("X", "any shape, float32, float64, int32 or int64")
    .Output("Out", "X's shape without the axes, or with 1 in their place")
    .OptionalOutput("MedianIndex", "int64, two a result: where the middle ones are among the elements it comes from")
    .Attr("axis", std::vector<int64_t>{}, "axes to reduce; empty for all")
    .Attr("keepdim", true, "whether reduced axes stay with extent 1")
    .InferShape([](InferContext& c) {
      const Shape out = MedianShape(c.InputShape("X"), c.attrs());
      c.SetOutput("Out", out, c.InputDType("X"));
      if (c.HasOutput("MedianIndex")) c.SetOutput("MedianIndex", Shape{out.IsKnown() ? 2 * out.NumElements() : -1}, DType::kInt64);
    })
    .Gradient(StandardGrad({"X"}, {"MedianIndex"}, {"Out"}, {"X"}))
    .Dynamic(NanMedian);

SKIFF_OP(nanmedian_grad)
    .Doc("X@GRAD is Out@GRAD at the middle element, half of it at each of two; zero elsewhere.")
    .Source("derivative of nanmedian")
    .Input("X", "of nanmedian")
    .Input("MedianIndex", "of nanmedian")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .Attr("axis", std::vector<int64_t>{}, "of nanmedian")
    .Attr("keepdim", true, "of nanmedian")
    .InferShape(GradsLikeInputs())
    .Dynamic(NanMedianGrad);

}  // namespace skiff
