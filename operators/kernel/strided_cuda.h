// The CUDA half of strided.h: transposed pairs of dimensions through shared memory, anything else one
// element of up to 16 bytes per thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "operators/kernel/device.h"
#include "operators/kernel/strided.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

void FillZero(void* out, size_t bytes, const KernelArgs& args) {
  if (bytes == 0) return;
  cudaMemsetAsync(out, 0, bytes, static_cast<cudaStream_t>(args.stream));
  CheckLaunch();
}

/// What the device needs of a Box, passed by value.
template <typename I>
struct DeviceBox {
  int rank;
  I extent[Box::kMaxRank];
  int64_t from_step[Box::kMaxRank], to_step[Box::kMaxRank];
  int64_t from_offset, to_offset;

  explicit DeviceBox(const Box& box)
      : rank(box.rank), from_offset(box.from_offset), to_offset(box.to_offset) {
    for (int i = 0; i < rank; ++i) {
      extent[i] = static_cast<I>(box.extent[i]);
      from_step[i] = box.from_step[i];
      to_step[i] = box.to_step[i];
    }
  }
};

template <typename E, typename I>
__global__ void CopyElements(DeviceBox<I> box, I n, const E* from, E* to) {
  const I stride = static_cast<I>(gridDim.x) * blockDim.x;
  for (I i = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) {
    I rest = i;
    int64_t source = box.from_offset, target = box.to_offset;
    for (int d = box.rank - 1; d >= 0; --d) {
      const I at = rest % box.extent[d];
      rest /= box.extent[d];
      source += at * box.from_step[d];
      target += at * box.to_step[d];
    }
    to[target] = from[source];
  }
}

inline constexpr int kTile = 32, kTileRows = 8;

// blockIdx.x: tile of columns, .y: tile of rows, .z: plane. Rows are contiguous in the source, columns
// in the target; the tile turns in shared memory, so that both sides are read and written in runs.
template <typename E, typename I>
__global__ void TransposeTiles(DeviceBox<I> outer, int64_t planes, int64_t rows, int64_t columns,
                               int64_t from_pitch, int64_t to_pitch, const E* from, E* to) {
  __shared__ E tile[kTile][kTile + 1];
  const int64_t column0 = static_cast<int64_t>(blockIdx.x) * kTile;
  const int64_t row_tiles = (rows + kTile - 1) / kTile;
  for (int64_t plane = blockIdx.z; plane < planes; plane += gridDim.z) {
    I rest = static_cast<I>(plane);
    int64_t source = outer.from_offset, target = outer.to_offset;
    for (int d = outer.rank - 1; d >= 0; --d) {
      const I at = rest % outer.extent[d];
      rest /= outer.extent[d];
      source += at * outer.from_step[d];
      target += at * outer.to_step[d];
    }
    for (int64_t row_tile = blockIdx.y; row_tile < row_tiles; row_tile += gridDim.y) {
      const int64_t row0 = row_tile * kTile;
      for (int k = threadIdx.y; k < kTile; k += kTileRows) {
        if (column0 + k < columns && row0 + threadIdx.x < rows) {
          tile[k][threadIdx.x] = from[source + (column0 + k) * from_pitch + row0 + threadIdx.x];
        }
      }
      __syncthreads();
      for (int k = threadIdx.y; k < kTile; k += kTileRows) {
        if (row0 + k < rows && column0 + threadIdx.x < columns) {
          to[target + (row0 + k) * to_pitch + column0 + threadIdx.x] = tile[threadIdx.x][k];
        }
      }
      __syncthreads();
    }
  }
}

template <typename E>
void CopyBoxOf(const Box& box, const void* from, void* to, cudaStream_t stream) {
  const auto* source = static_cast<const E*>(from);
  auto* target = static_cast<E*>(to);
  const int64_t n = box.NumElements();
  const int dim = box.TransposedDim();
  if (dim >= 0 && box.extent[dim] >= 8 && box.extent[box.rank - 1] >= 8) {
    Box outer = box;  // without the two transposed dimensions
    outer.rank = 0;
    for (int i = 0; i + 1 < box.rank; ++i) {
      if (i == dim) continue;
      outer.extent[outer.rank] = box.extent[i];
      outer.from_step[outer.rank] = box.from_step[i];
      outer.to_step[outer.rank++] = box.to_step[i];
    }
    const int64_t rows = box.extent[dim], columns = box.extent[box.rank - 1];
    const int64_t planes = n / (rows * columns);
    const dim3 grid(static_cast<unsigned>((columns + kTile - 1) / kTile),
                    static_cast<unsigned>(std::min<int64_t>((rows + kTile - 1) / kTile, 65535)),
                    static_cast<unsigned>(std::min<int64_t>(planes, 65535)));
    TransposeTiles<E, int64_t><<<grid, dim3(kTile, kTileRows), 0, stream>>>(
        DeviceBox<int64_t>(outer), planes, rows, columns, box.from_step[box.rank - 1],
        box.to_step[dim], source, target);
  } else {
    const auto blocks = static_cast<unsigned>(std::min<int64_t>((n + 255) / 256, 1 << 20));
    if (n < (int64_t{1} << 31)) {
      CopyElements<E, uint32_t><<<blocks, 256, 0, stream>>>(DeviceBox<uint32_t>(box),
                                                            static_cast<uint32_t>(n), source, target);
    } else {
      CopyElements<E, int64_t><<<blocks, 256, 0, stream>>>(DeviceBox<int64_t>(box), n, source, target);
    }
  }
  CheckLaunch();
}

void CopyBox(const Box& plain, const Box& wide, const void* from, void* to,
                    const KernelArgs& args) {
  const auto aligned = [&](int bytes) {
    return reinterpret_cast<uintptr_t>(from) % bytes == 0 && reinterpret_cast<uintptr_t>(to) % bytes == 0;
  };
  const Box& box = aligned(wide.element_bytes) ? wide : plain;
  const auto stream = static_cast<cudaStream_t>(args.stream);
  switch (box.element_bytes) {
    case 1: return CopyBoxOf<uint8_t>(box, from, to, stream);
    case 2: return CopyBoxOf<uint16_t>(box, from, to, stream);
    case 4: return CopyBoxOf<uint32_t>(box, from, to, stream);
    case 8: return CopyBoxOf<uint64_t>(box, from, to, stream);
    default: return CopyBoxOf<uint4>(box, from, to, stream);
  }
}

}  // namespace SKIFF_VARIANT
}  // namespace skiff
