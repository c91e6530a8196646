// StridedCopy: moves a box of elements between two strided places of memory. Transposing, slicing,
// concatenating, stacking, tiling, expanding, flipping and rolling are all such copies; only their
// strides differ. Elements are moved as bytes, so one compiled form serves all dtypes of a size.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "operators/kernel/device.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// How the box lies in memory on one side, all in elements.
struct BoxStrides {
  int64_t offset = 0;           // of element (0, ..., 0)
  std::vector<int64_t> steps;   // between neighbours along each dimension; 0 repeats, negative reverses
};

/// Steps of a tensor in C order.
inline std::vector<int64_t> ContiguousSteps(const Shape& shape) {
  std::vector<int64_t> steps(shape.size());
  int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    steps[i] = step;
    step *= shape[i];
  }
  return steps;
}
inline BoxStrides Contiguous(const Shape& shape) { return {0, ContiguousSteps(shape)}; }

/// A box after simplification: no extent of 1, no two dimensions that are one in both places, and
/// elements as wide as the strides allow.
struct Box {
  static constexpr int kMaxRank = 2 * Shape::kMaxRank;  // tile views its output as [repeat, extent]...
  int rank = 0;
  int64_t extent[kMaxRank] = {};
  int64_t from_step[kMaxRank] = {}, to_step[kMaxRank] = {};  // in elements of element_bytes
  int64_t from_offset = 0, to_offset = 0;
  int element_bytes = 0;

  int64_t NumElements() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= extent[i];
    return n;
  }
  /// Both sides are contiguous along the last dimension.
  bool HasRuns() const { return rank == 0 || (from_step[rank - 1] == 1 && to_step[rank - 1] == 1); }
  /// The dimension that is contiguous in the source when the last one is so only in the target: the
  /// pair is transposed. -1 when there is none.
  int TransposedDim() const {
    if (rank < 2 || to_step[rank - 1] != 1 || from_step[rank - 1] == 0) return -1;
    for (int i = 0; i + 1 < rank; ++i) {
      if (from_step[i] == 1 && extent[i] > 1) return i;
    }
    return -1;
  }
};

Box SimplifyBox(const std::vector<int64_t>& extents, const BoxStrides& from, const BoxStrides& to,
                size_t element_bytes);
/// The same box in elements of up to 16 bytes, where runs and steps are multiples of them.
Box WidenBox(Box box);
/// Copies one box; `plain` in the tensor's elements, `wide` in the widest there are.
void CopyBox(const Box& plain, const Box& wide, const void* from, void* to, const KernelArgs& args);
void FillZero(void* out, size_t bytes, const KernelArgs& args);

class StridedCopy {
 public:
  /// @param extents  Extents of the box.
  /// @param from,to  Where it lies; one step per extent. The target must not overlap itself.
  StridedCopy(const std::vector<int64_t>& extents, const BoxStrides& from, const BoxStrides& to,
              size_t element_bytes)
      : plain_(SimplifyBox(extents, from, to, element_bytes)), wide_(WidenBox(plain_)) {}

  /// Bases of the two tensors; the box's offsets are added here.
  void Run(const void* from, void* to, const KernelArgs& args) const {
    if (plain_.NumElements() > 0) CopyBox(plain_, wide_, from, to, args);
  }

 private:
  Box plain_, wide_;
};

/// A kernel of some copies, each from an input to an output, after setting some outputs to zero.
class CopyKernel final : public Kernel {
 public:
  void Add(StridedCopy copy, int in, int out) { moves_.push_back({std::move(copy), in, out}); }
  void ZeroFirst(int out, size_t bytes) { zeros_.push_back({out, bytes}); }
  void Run(const KernelArgs& args) const override {
    for (const Zero& z : zeros_) FillZero(args.out[z.out], z.bytes, args);
    for (const Move& m : moves_) m.copy.Run(args.in[m.in], args.out[m.out], args);
  }

 private:
  struct Move {
    StridedCopy copy;
    int in, out;
  };
  struct Zero {
    int out;
    size_t bytes;
  };
  std::vector<Move> moves_;
  std::vector<Zero> zeros_;
};

}  // namespace SKIFF_VARIANT
}  // namespace skiff
