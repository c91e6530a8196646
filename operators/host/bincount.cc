// bincount: how often each number occurs.
#include <algorithm>

#include "operators/host/host.h"

namespace skiff {

namespace {

std::vector<int64_t> IntegersOf(const Tensor& x) {
  if (x.dtype() == DType::kInt64) return {x.data<int64_t>(), x.data<int64_t>() + x.num_elements()};
  SKIFF_ENFORCE(x.dtype() == DType::kInt32, InvalidType, "X is ", x.dtype(), "; expected int32 or int64");
  return {x.data<int32_t>(), x.data<int32_t>() + x.num_elements()};
}

// float32 weights add up to float32, others to float64: as Paddle.
DType CountDType(bool weighted, DType weights) {
  return !weighted ? DType::kInt64 : weights == DType::kFloat32 ? DType::kFloat32 : DType::kFloat64;
}

template <typename T, typename W>
Tensor Count(const std::vector<int64_t>& x, const W* weights, int64_t bins) {
  Tensor out(Shape{bins}, kDTypeOf<T>);
  T* count = out.data<T>();
  std::fill_n(count, bins, T(0));
  for (size_t i = 0; i < x.size(); ++i) count[x[i]] += weights == nullptr ? T(1) : static_cast<T>(weights[i]);
  return out;
}

void BinCount(DynamicContext& c) {
  const Tensor x = host::In(c, "X");
  const int64_t least = c.attrs().Get<int64_t>("minlength");
  SKIFF_ENFORCE(least >= 0, InvalidArgument, "attribute minlength is ", least, "; it must not be negative");
  SKIFF_ENFORCE(x.shape().rank() == 1, InvalidArgument, "X is ", x.shape(), "; it must have one axis");
  if (x.num_elements() == 0) return host::Out(c, "Out", Tensor(Shape{0}, x.dtype()));  // as Paddle
  const std::vector<int64_t> values = IntegersOf(x);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  SKIFF_ENFORCE(*low >= 0, InvalidArgument, "X holds ", *low, "; it must not be negative");
  SKIFF_ENFORCE(*high < (int64_t{1} << 31), ResourceExhausted, "X holds ", *high, ", which asks for as many counts");
  const int64_t bins = std::max(*high + 1, least);
  if (!host::Has(c, "Weights")) {
    return host::Out(c, "Out", Count<int64_t, int64_t>(values, nullptr, bins));
  }
  const Tensor weights = host::In(c, "Weights");
  SKIFF_ENFORCE(weights.shape() == x.shape(), InvalidArgument, "Weights is ", weights.shape(), ", X is ", x.shape(),
                "; they must be equal");
  host::WithNumbers(weights.dtype(), "Weights", [&](auto zero) {
    using W = decltype(zero);
    if constexpr (std::is_same_v<W, float>) host::Out(c, "Out", Count<float>(values, weights.data<W>(), bins));
    else host::Out(c, "Out", Count<double>(values, weights.data<W>(), bins));
  });
}

}  // namespace

SKIFF_OP(bincount)
    .Doc("Out[k] is the number of X's elements that are k, or the sum of their weights.")
    .Source("paddle.bincount")
    .Input("X", "int32 or int64, one axis, no negative element")
    .OptionalInput("Weights", "shape of X")
    .Output("Out", "[max(largest element + 1, minlength)], int64, or float32 or float64 with weights")
    .Attr("minlength", 0, "least extent of Out")
    .InferShape([](InferContext& c) {
      const bool weighted = c.HasInput("Weights");
      c.SetOutput("Out", Shape{-1}, CountDType(weighted, weighted ? c.InputDType("Weights") : DType::kInt64));
    })
    .ZeroGradient()
    .Dynamic(BinCount);

}  // namespace skiff
