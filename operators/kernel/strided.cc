// Boxes simplified; on the CPU they are moved here: long runs by memcpy, transposed pairs of dimensions in
// register blocks, anything else element by element. On a card: strided_cuda.h.
#include "operators/kernel/strided.h"

#include <algorithm>
#include <cstring>

#if defined(__CUDACC__)
#include "operators/kernel/strided_cuda.h"
#endif
#include "operators/kernel/device.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

Box SimplifyBox(const std::vector<int64_t>& extents, const BoxStrides& from,
                       const BoxStrides& to, size_t element_bytes) {
  Box box;
  box.from_offset = from.offset;
  box.to_offset = to.offset;
  box.element_bytes = static_cast<int>(element_bytes);
  for (size_t i = 0; i < extents.size(); ++i) {
    if (extents[i] == 1) continue;
    const int last = box.rank - 1;
    if (box.rank > 0 && box.from_step[last] == from.steps[i] * extents[i] &&
        box.to_step[last] == to.steps[i] * extents[i]) {
      box.extent[last] *= extents[i];
      box.from_step[last] = from.steps[i];
      box.to_step[last] = to.steps[i];
      continue;
    }
    box.extent[box.rank] = extents[i];
    box.from_step[box.rank] = from.steps[i];
    box.to_step[box.rank] = to.steps[i];
    ++box.rank;
  }
  return box;
}

Box WidenBox(Box box) {
  if (box.rank == 0 || !box.HasRuns()) return box;
  while (box.element_bytes < 16) {
    bool even = box.from_offset % 2 == 0 && box.to_offset % 2 == 0 && box.extent[box.rank - 1] % 2 == 0;
    for (int i = 0; i + 1 < box.rank; ++i) {
      even = even && box.from_step[i] % 2 == 0 && box.to_step[i] % 2 == 0;
    }
    if (!even) break;
    box.element_bytes *= 2;
    box.from_offset /= 2;
    box.to_offset /= 2;
    box.extent[box.rank - 1] /= 2;
    for (int i = 0; i + 1 < box.rank; ++i) {
      box.from_step[i] /= 2;
      box.to_step[i] /= 2;
    }
  }
  return box;
}

#if !defined(__CUDACC__)

template <int kBytes>
struct RawElement {
  unsigned char bytes[kBytes];
};
template <> struct RawElement<2> { uint16_t bits; };
template <> struct RawElement<4> { uint32_t bits; };
template <> struct RawElement<8> { uint64_t bits; };
template <> struct RawElement<16> { uint64_t bits[2]; };

/// Threads worth waking for so many bytes: below 64 KiB each, starting them costs more.
inline int CopyThreads(int64_t bytes, int num_threads) {
  return static_cast<int>(std::clamp<int64_t>(bytes / (64 << 10), 1, std::max(num_threads, 1)));
}

void FillZero(void* out, size_t bytes, const KernelArgs&) {
  if (bytes > 0) std::memset(out, 0, bytes);
}

/// Walks the outer dimensions of a box, keeping both offsets.
class BoxWalker {
 public:
  /// `skip`: a dimension that the caller walks itself, besides the last.
  BoxWalker(const Box& box, int64_t start, int skip) : box_(box), skip_(skip) {
    from_ = box.from_offset;
    to_ = box.to_offset;
    for (int i = box.rank - 2; i >= 0; --i) {
      if (i == skip) continue;
      index_[i] = start % box.extent[i];
      start /= box.extent[i];
      from_ += index_[i] * box.from_step[i];
      to_ += index_[i] * box.to_step[i];
    }
  }
  int64_t from() const { return from_; }
  int64_t to() const { return to_; }
  void Next() {
    for (int i = box_.rank - 2; i >= 0; --i) {
      if (i == skip_) continue;
      from_ += box_.from_step[i];
      to_ += box_.to_step[i];
      if (++index_[i] < box_.extent[i]) return;
      from_ -= index_[i] * box_.from_step[i];
      to_ -= index_[i] * box_.to_step[i];
      index_[i] = 0;
    }
  }

 private:
  const Box& box_;
  int skip_;
  int64_t index_[Box::kMaxRank] = {};
  int64_t from_, to_;
};

template <typename E>
void CopyLine(const E* from, int64_t from_step, E* to, int64_t to_step, int64_t n) {
  if (from_step == 1 && to_step == 1) {
    if (n * sizeof(E) >= 64) {
      std::memcpy(to, from, n * sizeof(E));
    } else {
      for (int64_t i = 0; i < n; ++i) to[i] = from[i];
    }
  } else if (from_step == 0 && to_step == 1) {
    std::fill_n(to, n, *from);
  } else if (to_step == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i * from_step];
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * to_step] = from[i * from_step];
  }
}

// Lines along the last dimension; a line long enough to matter is cut, so that few long lines also
// fill all threads.
template <int kBytes>
void CopyLines(const Box& box, const void* from, void* to, int num_threads) {
  using E = RawElement<kBytes>;
  const auto* source = static_cast<const E*>(from);
  auto* target = static_cast<E*>(to);
  if (box.rank == 0) {
    target[box.to_offset] = source[box.from_offset];
    return;
  }
  const int64_t line = box.extent[box.rank - 1];
  const int64_t from_step = box.from_step[box.rank - 1], to_step = box.to_step[box.rank - 1];
  const int64_t lines = box.NumElements() / line;
  const int threads = CopyThreads(lines * line * kBytes, num_threads);
  if (lines < threads) {
    for (int64_t l = 0; l < lines; ++l) {
      BoxWalker at(box, l, -1);
#pragma omp parallel for num_threads(threads) schedule(static)
      for (int t = 0; t < threads; ++t) {
        const int64_t begin = line * t / threads, end = line * (t + 1) / threads;
        CopyLine(source + at.from() + begin * from_step, from_step,
                 target + at.to() + begin * to_step, to_step, end - begin);
      }
    }
    return;
  }
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int t = 0; t < threads; ++t) {
    const int64_t begin = lines * t / threads, end = lines * (t + 1) / threads;
    BoxWalker at(box, begin, -1);
    for (int64_t l = begin; l < end; ++l, at.Next()) {
      CopyLine(source + at.from(), from_step, target + at.to(), to_step, line);
    }
  }
}

// A square of kBlock x kBlock elements through registers: rows lie `from_pitch` apart in the source
// and become columns of the target.
template <int kBytes>
struct BlockTransposer {
  static constexpr int kBlock = 16;
  using E = RawElement<kBytes>;
  static void Run(const E* from, int64_t from_pitch, E* to, int64_t to_pitch) {
    for (int r = 0; r < kBlock; ++r) {
      for (int c = 0; c < kBlock; ++c) to[r * to_pitch + c] = from[c * from_pitch + r];
    }
  }
};

template <>
struct BlockTransposer<4> {
  static constexpr int kBlock = 8;
  using E = RawElement<4>;
  typedef uint32_t V __attribute__((vector_size(32)));
  static void Run(const E* from, int64_t from_pitch, E* to, int64_t to_pitch) {
    V a[8], b[8];
    for (int i = 0; i < 8; ++i) std::memcpy(&a[i], from + i * from_pitch, sizeof(V));
    for (int i = 0; i < 4; ++i) {  // pairs of neighbours
      b[2 * i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
      b[2 * i + 1] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 2; ++i) {  // quads
      for (int j = 0; j < 2; ++j) {
        a[4 * i + 2 * j] = __builtin_shufflevector(b[4 * i + j], b[4 * i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        a[4 * i + 2 * j + 1] =
            __builtin_shufflevector(b[4 * i + j], b[4 * i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
      }
    }
    for (int i = 0; i < 4; ++i) {  // halves
      b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
      b[i + 4] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (int i = 0; i < 8; ++i) std::memcpy(to + i * to_pitch, &b[i], sizeof(V));
  }
};

// One strip: `rows` (contiguous in the source) x `columns` (contiguous in the target).
template <int kBytes>
void TransposePlane(const RawElement<kBytes>* from, int64_t from_pitch, RawElement<kBytes>* to,
                    int64_t to_pitch, int64_t rows, int64_t columns) {
  using Block = BlockTransposer<kBytes>;
  constexpr int kBlock = Block::kBlock;
  const int64_t full_rows = rows / kBlock * kBlock, full_columns = columns / kBlock * kBlock;
  // A whole cache line of each target row at a time: rows a power of two apart share cache sets, and a
  // line half written is evicted before its other half comes ([1024, 768]: 12.5 to 13.9 GB/s).
  constexpr int64_t kLine = std::max<int64_t>(64 / kBytes, kBlock);
  for (int64_t c = 0; c < full_columns; c += kLine) {
    const int64_t line_end = std::min(c + kLine, full_columns);
    for (int64_t r = 0; r < full_rows; r += kBlock) {
      for (int64_t b = c; b < line_end; b += kBlock) {
        Block::Run(from + b * from_pitch + r, from_pitch, to + r * to_pitch + b, to_pitch);
      }
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t begin = r < full_rows ? full_columns : 0;
    for (int64_t c = begin; c < columns; ++c) to[r * to_pitch + c] = from[c * from_pitch + r];
  }
}

template <int kBytes>
void TransposeBox(const Box& box, int dim, const void* from, void* to, int num_threads) {
  using E = RawElement<kBytes>;
  const auto* source = static_cast<const E*>(from);
  auto* target = static_cast<E*>(to);
  const int64_t rows = box.extent[dim], columns = box.extent[box.rank - 1];
  const int64_t from_pitch = box.from_step[box.rank - 1], to_pitch = box.to_step[dim];
  constexpr int64_t kStrip = 64;  // rows: a strip of the target stays in the first-level cache
  const int64_t strips = (rows + kStrip - 1) / kStrip;
  const int64_t planes = box.NumElements() / (rows * columns);
  const int threads = CopyThreads(box.NumElements() * kBytes, num_threads);
  const auto transpose = Simd<&TransposePlane<kBytes>>();
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
  for (int64_t task = 0; task < planes * strips; ++task) {
    const BoxWalker at(box, task / strips, dim);
    const int64_t r = task % strips * kStrip;
    transpose(source + at.from() + r, from_pitch, target + at.to() + r * to_pitch,
                           to_pitch, std::min(kStrip, rows - r), columns);
  }
}

template <int kBytes>
void CopyBoxOf(const Box& box, const void* from, void* to, int num_threads) {
  const int dim = box.TransposedDim();
  if (dim >= 0 && box.extent[dim] >= 4 && box.extent[box.rank - 1] >= 4) {
    TransposeBox<kBytes>(box, dim, from, to, num_threads);
  } else {
    CopyLines<kBytes>(box, from, to, num_threads);
  }
}

void CopyBox(const Box&, const Box& wide, const void* from, void* to,
                    const KernelArgs& args) {
  switch (wide.element_bytes) {
    case 1: return CopyBoxOf<1>(wide, from, to, args.num_threads);
    case 2: return CopyBoxOf<2>(wide, from, to, args.num_threads);
    case 4: return CopyBoxOf<4>(wide, from, to, args.num_threads);
    case 8: return CopyBoxOf<8>(wide, from, to, args.num_threads);
    default: return CopyBoxOf<16>(wide, from, to, args.num_threads);
  }
}

#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
