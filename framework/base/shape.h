// The extents of a tensor. -1 stands for "known when it runs"; a 0-D tensor has the shape [].
#pragma once

#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>
#include <string>
#include <vector>

namespace skiff {

/// Up to kMaxRank extents, held in place: copying a shape never allocates.
class Shape {
 public:
  static constexpr int kMaxRank = 9;  // as Paddle's DDim

  Shape() = default;
  /// @throws InvalidArgument for more than kMaxRank extents.
  Shape(std::initializer_list<int64_t> dims);
  explicit Shape(std::span<const int64_t> dims);
  explicit Shape(const std::vector<int64_t>& dims) : Shape(std::span<const int64_t>(dims)) {}

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  size_t size() const { return static_cast<size_t>(rank_); }
  /// No bounds check; negative indices are not taken. See At.
  int64_t operator[](int axis) const { return dims_[axis]; }
  int64_t& operator[](int axis) { return dims_[axis]; }
  /// Extent of `axis`, counted from the end when negative. @throws OutOfRange.
  int64_t At(int axis) const;

  const int64_t* begin() const { return dims_; }
  const int64_t* end() const { return dims_ + rank_; }
  std::span<const int64_t> dims() const { return {dims_, static_cast<size_t>(rank_)}; }
  std::vector<int64_t> ToVector() const { return {begin(), end()}; }

  void Append(int64_t dim);
  void Insert(int axis, int64_t dim);
  void Erase(int axis);

  /// True when no extent is -1.
  bool IsKnown() const;
  /// Whether `given` has this rank and every extent that is not -1.
  bool Takes(const Shape& given) const;
  /// Product of the extents, 1 for []. @throws InvalidArgument when an extent is unknown or the
  /// product does not fit in 63 bits.
  int64_t NumElements() const;
  /// Product of the extents [from, to); 1 when the range is empty.
  int64_t Product(int from, int to) const;
  /// "[2, -1, 3]"
  std::string ToString() const;

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i) {
      if (a.dims_[i] != b.dims_[i]) return false;
    }
    return true;
  }

 private:
  int64_t dims_[kMaxRank] = {};
  int rank_ = 0;
};

inline std::ostream& operator<<(std::ostream& out, const Shape& s) { return out << s.ToString(); }

/// `axis` in [0, rank) after counting a negative one from the end.
/// @throws OutOfRange naming `what`, the axis and the rank.
int NormalizeAxis(int64_t axis, int rank, const char* what = "axis");

/// The shape both operands broadcast to under numpy's rule; -1 stays -1 unless the other side decides.
/// @throws InvalidArgument naming both shapes.
Shape BroadcastShapes(const Shape& a, const Shape& b);

}  // namespace skiff
