#include "framework/base/shape.h"

#include <algorithm>

#include "framework/base/error.h"

namespace skiff {

Shape::Shape(std::initializer_list<int64_t> dims)
    : Shape(std::span<const int64_t>(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const int64_t> dims) {
  SKIFF_ENFORCE(dims.size() <= kMaxRank, InvalidArgument, "a shape of ", dims.size(),
                " dimensions; skiff, like Paddle, has at most ", kMaxRank);
  rank_ = static_cast<int>(dims.size());
  std::copy(dims.begin(), dims.end(), dims_);
}

int64_t Shape::At(int axis) const { return dims_[NormalizeAxis(axis, rank_)]; }

void Shape::Append(int64_t dim) { Insert(rank_, dim); }

void Shape::Insert(int axis, int64_t dim) {
  SKIFF_ENFORCE(rank_ < kMaxRank, InvalidArgument, "no room for dimension ", rank_ + 1, " of ",
                ToString());
  SKIFF_ENFORCE(axis >= 0 && axis <= rank_, OutOfRange, "position ", axis, " in ", ToString());
  for (int i = rank_; i > axis; --i) dims_[i] = dims_[i - 1];
  dims_[axis] = dim;
  ++rank_;
}

void Shape::Erase(int axis) {
  axis = NormalizeAxis(axis, rank_);
  for (int i = axis; i + 1 < rank_; ++i) dims_[i] = dims_[i + 1];
  dims_[--rank_] = 0;
}

bool Shape::IsKnown() const {
  return std::all_of(begin(), end(), [](int64_t d) { return d >= 0; });
}

bool Shape::Takes(const Shape& given) const {
  if (rank() != given.rank()) return false;
  for (int i = 0; i < given.rank(); ++i) {
    if ((*this)[i] >= 0 && (*this)[i] != given[i]) return false;
  }
  return true;
}

int64_t Shape::NumElements() const {
  // A zero extent makes the product zero however large the others are.
  SKIFF_ENFORCE(IsKnown(), InvalidArgument, "the number of elements of ", ToString(),
                " is not known yet");
  if (std::find(begin(), end(), 0) != end()) return 0;
  int64_t product = 1;
  for (int64_t d : *this) {
    SKIFF_ENFORCE(!__builtin_mul_overflow(product, d, &product), InvalidArgument, "shape ",
                  ToString(), " has more elements than 63 bits can count");
  }
  return product;
}

int64_t Shape::Product(int from, int to) const {
  int64_t product = 1;
  for (int i = from; i < to; ++i) product *= dims_[i];
  return product;
}

std::string Shape::ToString() const {
  std::string text = "[";
  for (int i = 0; i < rank_; ++i) text += (i ? ", " : "") + std::to_string(dims_[i]);
  return text + "]";
}

int NormalizeAxis(int64_t axis, int rank, const char* what) {
  // A 0-D tensor takes axis 0 and -1, as Paddle's reductions do.
  const int64_t bound = std::max(rank, 1);
  SKIFF_ENFORCE(axis >= -bound && axis < bound, OutOfRange, what, " ", axis,
                " is out of range for a tensor of ", rank, " dimensions; it must be in [", -bound,
                ", ", bound, ")");
  return static_cast<int>(axis < 0 ? axis + bound : axis);
}

Shape BroadcastShapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape out = longer;
  const int offset = longer.rank() - shorter.rank();
  for (int i = 0; i < shorter.rank(); ++i) {
    const int64_t x = longer[offset + i], y = shorter[i];
    int64_t& d = out[offset + i];
    if (x == y || y == 1) {
      d = x;
    } else if (x == 1) {
      d = y;
    } else if (x == -1 || y == -1) {
      d = std::max(x, y);  // the known side is not 1, so it decides
    } else {
      throw InvalidArgument(StrCat("shapes ", a, " and ", b, " do not broadcast: ", x, " against ",
                                   y, "; each pair of extents must be equal or hold a 1"));
    }
  }
  return out;
}

}  // namespace skiff
