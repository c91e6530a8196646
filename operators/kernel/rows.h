// Rows by index: gathering them, and adding rows to where indices say. A table is
// [outer, rows, row]: index k picks row k in each of the outer blocks.
#pragma once

#include <cstring>

#include "operators/kernel/for_each.h"
#include "operators/kernel/strided.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// Whether indices are int64 (true) or int32. @throws InvalidType for another dtype.
inline bool WideIds(const TensorInfo& ids, const char* slot) {
  SKIFF_ENFORCE(ids.dtype == DType::kInt64 || ids.dtype == DType::kInt32, InvalidType, "input ", slot,
                " is ", ids.dtype, "; expected int64 or int32");
  return ids.dtype == DType::kInt64;
}

SKIFF_HD inline int64_t IdAt(const void* ids, bool wide, int64_t i) {
  return wide ? static_cast<const int64_t*>(ids)[i] : static_cast<const int32_t*>(ids)[i];
}

/// What is gathered, or where gradients go.
struct RowGather {
  int64_t outer = 1;       // blocks of the table
  int64_t rows = 0;        // of the table, in each block
  int64_t count = 0;       // indices
  int64_t row_bytes = 0;   // for GatherRows
  int64_t skipped = -1;    // an index that reads zero and adds nothing
  bool wide_ids = true;
  bool wraps = false;      // a negative index counts from the end
  const char* slot = "Ids";  // name of the indices in errors
};

#if defined(__CUDACC__)

// The host cannot look at indices on a card: a wrong one stops the kernel, as in Paddle.
inline void CheckIds(const void*, bool, int64_t, int64_t, const char*, bool = false) {}

SKIFF_HD inline int64_t CheckedId(int64_t id, int64_t rows, bool wraps) {
  if (wraps && id < 0) id += rows;
#if defined(__CUDA_ARCH__)
  if (id < 0 || id >= rows) {
    printf("skiff: an index is %lld, outside of [0, %lld)\n", static_cast<long long>(id),
           static_cast<long long>(rows));
    __trap();
  }
#endif
  return id;
}

template <typename E>
struct GatherElement {
  RowGather g;
  const E* table;
  const void* ids;
  E* out;
  int64_t width;  // elements of a row
  SKIFF_HD void operator()(int64_t i) const {
    const int64_t row = i / width, block = row / g.count;
    const int64_t id = IdAt(ids, g.wide_ids, row - block * g.count);
    if (id == g.skipped && g.skipped >= 0) {
      out[i] = E{};
    } else {
      out[i] = table[(block * g.rows + CheckedId(id, g.rows, g.wraps)) * width + i % width];
    }
  }
};

template <typename E>
void GatherRowsAs(const RowGather& g, const void* table, const void* ids, void* out, const KernelArgs& args) {
  const int64_t width = g.row_bytes / static_cast<int64_t>(sizeof(E));
  ForEach(g.outer * g.count * width, 1, args,
          GatherElement<E>{g, static_cast<const E*>(table), ids, static_cast<E*>(out), width});
}

inline void GatherRows(const RowGather& g, const void* table, const void* ids, void* out,
                       const KernelArgs& args) {
  const auto fits = [&](uintptr_t bytes) {
    return (static_cast<uintptr_t>(g.row_bytes) | reinterpret_cast<uintptr_t>(table) |
            reinterpret_cast<uintptr_t>(out)) % bytes == 0;
  };
  if (fits(16)) return GatherRowsAs<uint4>(g, table, ids, out, args);
  if (fits(8)) return GatherRowsAs<uint64_t>(g, table, ids, out, args);
  if (fits(4)) return GatherRowsAs<uint32_t>(g, table, ids, out, args);
  if (fits(2)) return GatherRowsAs<uint16_t>(g, table, ids, out, args);
  GatherRowsAs<uint8_t>(g, table, ids, out, args);
}

__device__ inline void AtomicAdd(float* p, float v) { atomicAdd(p, v); }
__device__ inline void AtomicAdd(double* p, double v) { atomicAdd(p, v); }
__device__ inline void AtomicAdd(Float16* p, Float16 v) {
  atomicAdd(reinterpret_cast<__half*>(p), __ushort_as_half(v.bits));
}
__device__ inline void AtomicAdd(BFloat16* p, BFloat16 v) {
  atomicAdd(reinterpret_cast<__nv_bfloat16*>(p), __ushort_as_bfloat16(v.bits));
}
__device__ inline void AtomicAdd(int32_t* p, int32_t v) { atomicAdd(p, v); }
__device__ inline void AtomicAdd(int64_t* p, int64_t v) {
  atomicAdd(reinterpret_cast<unsigned long long*>(p), static_cast<unsigned long long>(v));
}

template <typename T>
__global__ void ScatterAddKernel(RowGather g, int64_t width, const T* from, const void* ids, T* table) {
  const int64_t n = g.outer * g.count * width;
  for (int64_t i = CudaFirst(); i < n; i += CudaStep()) {
    const int64_t row = i / width, block = row / g.count;
    const int64_t id = IdAt(ids, g.wide_ids, row - block * g.count);
    if (id == g.skipped && g.skipped >= 0) continue;
    AtomicAdd(table + (block * g.rows + CheckedId(id, g.rows, g.wraps)) * width + i % width, from[i]);
  }
}

template <typename T>
void ScatterAddRows(const RowGather& g, int64_t width, const void* from, const void* ids, T* table,
                    const KernelArgs& args) {
  const int64_t n = g.outer * g.count * width;
  if (n == 0) return;
  ScatterAddKernel<T><<<CudaGrid(n), kCudaBlock, 0, StreamOf(args)>>>(g, width, static_cast<const T*>(from),
                                                                     ids, table);
  CheckLaunch();
}

#else

/// @throws OutOfRange naming the slot, the index and the bound.
inline void CheckIds(const void* ids, bool wide, int64_t n, int64_t bound, const char* slot,
                     bool wraps = false) {
  for (int64_t i = 0; i < n; ++i) {
    const int64_t id = IdAt(ids, wide, i);
    SKIFF_ENFORCE(id < bound && id >= (wraps ? -bound : 0), OutOfRange, "element ", i, " of the indices ",
                  slot, " is ", id, "; it must be in [", wraps ? -bound : 0, ", ", bound, ")");
  }
}

inline int64_t WrappedId(int64_t id, const RowGather& g) { return g.wraps && id < 0 ? id + g.rows : id; }

/// out[b, k, :] = table[b, ids[k], :]. @throws OutOfRange before anything is written.
inline void GatherRows(const RowGather& g, const void* table, const void* ids, void* out,
                       const KernelArgs& args) {
  CheckIds(ids, g.wide_ids, g.count, g.rows, g.slot, g.wraps);
  const auto* from = static_cast<const char*>(table);
  auto* to = static_cast<char*>(out);
  const int64_t grain = std::max<int64_t>((64 << 10) / std::max<int64_t>(g.row_bytes, 1), 1);
  ParallelFor(args.num_threads, g.outer * g.count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t block = i / g.count, id = IdAt(ids, g.wide_ids, i - block * g.count);
      if (id == g.skipped && g.skipped >= 0) {
        std::memset(to + i * g.row_bytes, 0, g.row_bytes);
      } else {
        std::memcpy(to + i * g.row_bytes, from + (block * g.rows + WrappedId(id, g)) * g.row_bytes, g.row_bytes);
      }
    }
  });
}

template <typename T>
void AddRow(const T* from, int64_t n, T* to) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) to[i] = StoreElement<T>(LoadElement(to[i]) + LoadElement(from[i]));
}

/// table[b, ids[k], :] += from[b, k, :], in the order of k. Threads share the columns, so that no two
/// add to one element. @throws OutOfRange before anything is written.
template <typename T>
void ScatterAddRows(const RowGather& g, int64_t width, const void* from, const void* ids, T* table,
                    const KernelArgs& args) {
  CheckIds(ids, g.wide_ids, g.count, g.rows, g.slot, g.wraps);
  const auto* source = static_cast<const T*>(from);
  const int64_t grain = std::max<int64_t>(kElementGrain / std::max<int64_t>(g.outer * g.count, 1), 16);
  const auto add_row = Simd<&AddRow<T>>();
  ParallelFor(args.num_threads, width, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < g.outer * g.count; ++i) {
      const int64_t block = i / g.count, id = IdAt(ids, g.wide_ids, i - block * g.count);
      if (id == g.skipped && g.skipped >= 0) continue;
      add_row(source + i * width + begin, end - begin,
             table + (block * g.rows + WrappedId(id, g)) * width + begin);
    }
  });
}

#endif

}  // namespace SKIFF_VARIANT
}  // namespace skiff
