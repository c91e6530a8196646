// The distinct elements of a tensor: unique, unique_consecutive, unique_with_counts.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <unordered_map>

#include "operators/host/host.h"

namespace skiff {

namespace {

// What is compared: `count` items of `width` elements each, which lie as [outer, count, inner] with
// width = outer * inner.
template <typename T>
struct Items {
  const T* data;
  int64_t count, outer, inner;
  int Compare(int64_t a, int64_t b) const {
    for (int64_t o = 0; o < outer; ++o) {
      const T* x = data + (o * count + a) * inner;
      const T* y = data + (o * count + b) * inner;
      for (int64_t i = 0; i < inner; ++i) {
        if (x[i] < y[i]) return -1;
        if (x[i] > y[i]) return 1;
        if (x[i] != y[i]) return (x[i] != x[i]) - (y[i] != y[i]);  // a NaN comes last; two stay as they are
      }
    }
    return 0;
  }
  bool Same(int64_t a, int64_t b) const {
    for (int64_t o = 0; o < outer; ++o) {
      const T* x = data + (o * count + a) * inner;
      const T* y = data + (o * count + b) * inner;
      for (int64_t i = 0; i < inner; ++i) {
        if (x[i] != y[i]) return false;
      }
    }
    return true;
  }
};

struct Groups {
  std::vector<int64_t> first;    // a member of each group: the one with the lowest index
  std::vector<int64_t> inverse;  // the group of each item
  std::vector<int64_t> counts;
};

// Neighbours in `order` that are equal form a group.
template <typename T>
Groups GroupInOrder(const Items<T>& items, const std::vector<int64_t>& order) {
  Groups groups;
  groups.inverse.resize(items.count);
  for (size_t k = 0; k < order.size(); ++k) {
    if (k == 0 || !items.Same(order[k - 1], order[k])) {
      groups.first.push_back(order[k]);
      groups.counts.push_back(0);
    }
    groups.inverse[order[k]] = static_cast<int64_t>(groups.first.size()) - 1;
    ++groups.counts.back();
  }
  return groups;
}

// Groups in the order in which they are first met.
template <typename T>
Groups GroupAsMet(const T* values, int64_t n) {
  Groups groups;
  std::unordered_map<T, int64_t> seen;
  for (int64_t i = 0; i < n; ++i) {
    const auto [at, fresh] = seen.emplace(values[i], static_cast<int64_t>(groups.first.size()));
    if (fresh) {
      groups.first.push_back(i);
      groups.counts.push_back(0);
    }
    groups.inverse.push_back(at->second);
    ++groups.counts[at->second];
  }
  return groups;
}

// The axis named by the attribute, or -1 for the flattened tensor.
int AxisOf(const Attrs& attrs, int rank) {
  const auto axis = attrs.Get<std::vector<int64_t>>("axis");
  if (axis.empty()) return -1;
  SKIFF_ENFORCE(rank > 0, InvalidArgument, "X is 0-D; attribute axis must be empty");
  return NormalizeAxis(axis[0], rank);
}

template <typename T>
Tensor Members(const Items<T>& items, const std::vector<int64_t>& members, Shape shape, int axis) {
  const int64_t n = static_cast<int64_t>(members.size());
  if (axis < 0) shape = Shape{n};
  else shape[axis] = n;
  Tensor out(shape, kDTypeOf<T>);
  T* to = out.data<T>();
  for (int64_t o = 0; o < items.outer; ++o) {
    for (int64_t k = 0; k < n; ++k, to += items.inner) {
      std::copy_n(items.data + (o * items.count + members[k]) * items.inner, items.inner, to);
    }
  }
  return out;
}

template <typename T>
Items<T> ItemsOf(const Tensor& x, int axis) {
  if (axis < 0) return {x.data<T>(), x.num_elements(), 1, 1};
  return {x.data<T>(), x.shape()[axis], x.shape().Product(0, axis), x.shape().Product(axis + 1, x.shape().rank())};
}

void Unique(DynamicContext& c) {
  const Tensor x = host::In(c, "X");
  const DType index_dtype = host::DTypeOf(c.attrs());
  const int axis = AxisOf(c.attrs(), x.shape().rank());
  const bool sorted = c.attrs().Get<bool>("is_sorted");
  SKIFF_ENFORCE(sorted || x.shape().rank() <= 1, InvalidArgument, "X is ", x.shape(),
                "; without is_sorted it may have one axis");
  host::WithNumbers(x.dtype(), "X", [&](auto zero) {
    using T = decltype(zero);
    if (!sorted) {
      const Items<T> items = ItemsOf<T>(x, -1);
      const Groups groups = GroupAsMet(items.data, items.count);
      host::Out(c, "Out", Members(items, groups.first, x.shape(), -1));
      host::Out(c, "Index", host::Ints(x.shape(), groups.inverse, index_dtype));
      return;
    }
    const Items<T> items = ItemsOf<T>(x, axis);
    std::vector<int64_t> order(items.count);
    std::iota(order.begin(), order.end(), int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return items.Compare(a, b) < 0; });
    const Groups groups = GroupInOrder(items, order);
    host::Out(c, "Out", Members(items, groups.first, x.shape(), axis));
    if (c.attrs().Get<bool>("return_index")) host::Out(c, "Indices", host::Ints(groups.first, index_dtype));
    if (c.attrs().Get<bool>("return_inverse")) host::Out(c, "Index", host::Ints(groups.inverse, index_dtype));
    if (c.attrs().Get<bool>("return_counts")) host::Out(c, "Counts", host::Ints(groups.counts, index_dtype));
  });
}

void UniqueConsecutive(DynamicContext& c) {
  const Tensor x = host::In(c, "X");
  const DType index_dtype = host::DTypeOf(c.attrs());
  const int axis = AxisOf(c.attrs(), x.shape().rank());
  host::WithNumbers(x.dtype(), "X", [&](auto zero) {
    const auto items = ItemsOf<decltype(zero)>(x, axis);
    std::vector<int64_t> order(items.count);
    std::iota(order.begin(), order.end(), int64_t{0});
    const Groups groups = GroupInOrder(items, order);
    host::Out(c, "Out", Members(items, groups.first, x.shape(), axis));
    if (c.attrs().Get<bool>("return_inverse")) host::Out(c, "Index", host::Ints(groups.inverse, index_dtype));
    if (c.attrs().Get<bool>("return_counts")) host::Out(c, "Counts", host::Ints(groups.counts, index_dtype));
  });
}

void UniqueWithCounts(DynamicContext& c) {
  const Tensor x = host::In(c, "X");
  const DType index_dtype = host::DTypeOf(c.attrs());
  host::WithNumbers(x.dtype(), "X", [&](auto zero) {
    const auto items = ItemsOf<decltype(zero)>(x, -1);
    const Groups groups = GroupAsMet(items.data, items.count);
    host::Out(c, "Out", Members(items, groups.first, x.shape(), -1));
    host::Out(c, "Index", host::Ints(x.shape(), groups.inverse, index_dtype));
    host::Out(c, "Count", host::Ints(groups.counts, index_dtype));
  });
}

// Out's shape and that of what is kept for each item of X.
void InferUnique(InferContext& c, bool flat, const char* counts) {
  const Shape& x = c.InputShape("X");
  const DType index_dtype = host::DTypeOf(c.attrs());
  const int axis = flat ? -1 : AxisOf(c.attrs(), x.rank());
  Shape out{-1}, items{-1};
  if (axis >= 0) {
    out = x;
    out[axis] = -1;
    items = Shape{x[axis]};
  } else if (flat) {
    items = x;
  } else if (x.IsKnown()) {
    items = Shape{x.NumElements()};
  }
  c.SetOutput("Out", out, c.InputDType("X"));
  c.SetOutput("Index", items, index_dtype);
  c.SetOutput("Indices", Shape{-1}, index_dtype);
  c.SetOutput(counts, Shape{-1}, index_dtype);
}

}  // namespace

SKIFF_OP(unique)
    .Doc("Out holds the distinct elements of X, or slices along an axis: sorted, or as they come.")
    .Source("paddle.unique; is_sorted = false is the older operator")
    .Input("X", "any shape; one axis where not is_sorted")
    .Output("Out", "[found], or X.shape with that extent along the axis")
    .OptionalOutput("Indices", "[found]: where each is first met")
    .OptionalOutput("Index", "[items of X]: which of Out each item is")
    .OptionalOutput("Counts", "[found]: how often each occurs")
    .Attr("dtype", 3, "of the indices: 2 int32, 3 int64")
    .Attr("return_index", false, "whether Indices is wanted")
    .Attr("return_inverse", false, "whether Index is wanted")
    .Attr("return_counts", false, "whether Counts is wanted")
    .Attr("axis", std::vector<int32_t>{}, "one axis; none flattens X")
    .Attr("is_sorted", false, "false: in the order in which they are met, with Index")
    .InferShape([](InferContext& c) { InferUnique(c, !c.Attr<bool>("is_sorted"), "Counts"); })
    .Dynamic(Unique);

SKIFF_OP(unique_consecutive)
    .Doc("Out holds X's elements, or slices along an axis, without those that equal the one before.")
    .Source("paddle.unique_consecutive")
    .Input("X", "any shape")
    .Output("Out", "[found], or X.shape with that extent along the axis")
    .OptionalOutput("Index", "[items of X]: which of Out each item is")
    .OptionalOutput("Counts", "[found]: how many each stands for")
    .Attr("dtype", 5, "of the indices: 2 int32, 3 int64")
    .Attr("return_inverse", false, "whether Index is wanted")
    .Attr("return_counts", false, "whether Counts is wanted")
    .Attr("axis", std::vector<int32_t>{}, "one axis; none flattens X")
    .InferShape([](InferContext& c) { InferUnique(c, false, "Counts"); })
    .Dynamic(UniqueConsecutive);

SKIFF_OP(unique_with_counts)
    .Doc("Out holds the distinct elements of X in the order in which they are met.")
    .Source("Paddle's older unique_with_counts")
    .Input("X", "one axis")
    .Output("Out", "[found]")
    .Output("Index", "shape of X: which of Out each element is")
    .Output("Count", "[found]: how often each occurs")
    .RequiredAttr<int32_t>("dtype", "of the indices: 2 int32, 3 int64")
    .InferShape([](InferContext& c) { InferUnique(c, true, "Count"); })
    .Dynamic(UniqueWithCounts);

}  // namespace skiff
