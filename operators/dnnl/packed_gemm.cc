// The scheme of Goto and van de Geijn (2008): panels of 16 columns of b and kDepth rows stay in the first
// cache while tiles of 6 rows of a pass by; 6 x 16 results are kept in twelve registers.
#include "operators/dnnl/packed_gemm.h"

#include <algorithm>

#include "framework/op/kernel.h"
#include "framework/tensor/memory.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace skiff {

#if defined(__x86_64__)

namespace {

constexpr int64_t kColumns = 16;  // of a panel: two registers
constexpr int kRows = 6;          // of a tile
constexpr int64_t kDepth = 256;   // a panel takes 16 KiB, half of the first cache
constexpr int64_t kHeight = 144;  // rows of a at a time: 144 KiB of the second cache

int64_t Panels(int64_t n) { return (n + kColumns - 1) / kColumns; }

// What a tile does to its results: the first depth block stores, later ones add, the last finishes.
struct Finish {
  bool add = false, last = false, relu = false;
  float scale = 1;
  const float* bias = nullptr;  // of the panel's columns, or null
};

__attribute__((target("avx2,fma"))) inline __m256 Finished(__m256 sum, const Finish& f, const float* c,
                                                           int column) {
  sum = _mm256_mul_ps(sum, _mm256_set1_ps(f.scale));
  if (f.add) sum = _mm256_add_ps(sum, _mm256_loadu_ps(c + column));
  if (f.last && f.bias != nullptr) sum = _mm256_add_ps(sum, _mm256_loadu_ps(f.bias + column));
  if (f.last && f.relu) sum = _mm256_max_ps(sum, _mm256_setzero_ps());
  return sum;
}

// R rows by 16 columns. `a` holds R numbers for each of `depth` steps, `b` 16. `next` is a part of the
// next panel, fetched meanwhile.
template <int R>
__attribute__((target("avx2,fma"))) void Tile(int64_t depth, const float* a, const float* b,
                                              const Finish& f, float* c, int64_t ldc,
                                              const float* next, int64_t next_lines) {
  __m256 low[R], high[R];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) low[r] = high[r] = _mm256_setzero_ps();
  for (int64_t k = 0; k < next_lines; ++k) {
    _mm_prefetch(reinterpret_cast<const char*>(next + k * 16), _MM_HINT_T1);
  }
  for (int64_t k = 0; k < depth; ++k) {
    const __m256 b0 = _mm256_load_ps(b + k * kColumns), b1 = _mm256_load_ps(b + k * kColumns + 8);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      const __m256 x = _mm256_broadcast_ss(a + k * R + r);
      low[r] = _mm256_fmadd_ps(x, b0, low[r]);
      high[r] = _mm256_fmadd_ps(x, b1, high[r]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    float* row = c + r * ldc;
    _mm256_storeu_ps(row, Finished(low[r], f, row, 0));
    _mm256_storeu_ps(row + 8, Finished(high[r], f, row, 8));
  }
}

using TileFn = void (*)(int64_t, const float*, const float*, const Finish&, float*, int64_t,
                        const float*, int64_t);
constexpr TileFn kTiles[] = {nullptr, Tile<1>, Tile<2>, Tile<3>, Tile<4>, Tile<5>, Tile<6>};

// Rows of the next tile when `left` are left: two middling tiles rather than a great and a tiny one.
int64_t TileRows(int64_t left) {
  if (left > kRows && left < kRows + 3) return (left + 1) / 2;
  return std::min<int64_t>(left, kRows);
}

// Rows [0, rows) and columns [from, from + depth) of a, tile by tile, step by step.
void PackRows(const float* a, int64_t lda, int64_t rows, int64_t depth, float* packed) {
  for (int64_t done = 0; done < rows;) {
    const int64_t r = TileRows(rows - done);
    for (int64_t i = 0; i < r; ++i) {
      const float* row = a + (done + i) * lda;
      for (int64_t k = 0; k < depth; ++k) packed[k * r + i] = row[k];
    }
    packed += r * depth;
    done += r;
  }
}

// One panel against all tiles of the packed rows.
void RunPanel(int64_t rows, int64_t depth, const float* a, const float* panel, const Finish& f, float* c,
              int64_t ldc, const float* next) {
  // Lines of the next panel for each tile; a single tile leaves it to the processor.
  const int64_t lines = rows <= kRows ? 0 : (depth * kRows + rows - 1) / rows;
  for (int64_t done = 0; done < rows;) {
    const int64_t r = TileRows(rows - done);
    kTiles[r](depth, a, panel, f, c + done * ldc, ldc, next, lines);
    a += r * depth;
    next += lines * kColumns;
    done += r;
  }
}

// The last panel may be narrower than 16 columns: it goes through a buffer.
void RunNarrowPanel(int64_t rows, int64_t columns, int64_t depth, const float* a, const float* panel,
                    Finish f, float* c, int64_t ldc) {
  alignas(32) float buffer[kRows * kColumns], bias[kColumns] = {};
  if (f.bias != nullptr) {
    std::copy(f.bias, f.bias + columns, bias);
    f.bias = bias;
  }
  for (int64_t done = 0; done < rows;) {
    const int64_t r = TileRows(rows - done);
    for (int64_t i = 0; i < r; ++i) {
      const float* row = c + (done + i) * ldc;
      for (int64_t j = 0; j < kColumns; ++j) buffer[i * kColumns + j] = f.add && j < columns ? row[j] : 0;
    }
    kTiles[r](depth, a, panel, f, buffer, kColumns, panel, 0);
    for (int64_t i = 0; i < r; ++i) {
      std::copy(buffer + i * kColumns, buffer + i * kColumns + columns, c + (done + i) * ldc);
    }
    a += r * depth;
    done += r;
  }
}

}  // namespace

bool HasPackedGemm() {
  static const bool has = CpuIsa() >= Isa::kAvx2 && __builtin_cpu_supports("avx2") &&
                          __builtin_cpu_supports("fma");
  return has;
}

std::shared_ptr<void> PackForGemm(const float* b, int64_t k, int64_t n, bool transposed) {
  const int64_t panels = Panels(n);
  std::shared_ptr<void> memory = Allocate(CPUPlace{}, panels * kColumns * k * sizeof(float));
  float* out = static_cast<float*>(memory.get());
  for (int64_t from = 0; from < k; from += kDepth) {
    const int64_t depth = std::min(kDepth, k - from);
    for (int64_t p = 0; p < panels; ++p) {
      for (int64_t i = from; i < from + depth; ++i) {
        const int64_t first = p * kColumns, columns = std::min(kColumns, n - first);
        if (transposed) {
          for (int64_t j = 0; j < columns; ++j) out[j] = b[(first + j) * k + i];
        } else {
          std::copy(b + i * n + first, b + i * n + first + columns, out);
        }
        std::fill(out + columns, out + kColumns, 0.0f);
        out += kColumns;
      }
    }
  }
  return memory;
}

size_t PackedGemmWorkspace(int64_t m, int64_t k) {
  return std::min(m, kHeight) * std::min(k, kDepth) * sizeof(float);
}

void RunPackedGemm(int64_t m, int64_t n, int64_t k, const float* a, const void* packed_b, float scale,
                   const float* bias, bool relu, float* c, void* workspace, int num_threads) {
  float* rows = static_cast<float*>(workspace);
  const int64_t panels = Panels(n);
  for (int64_t top = 0; top < m; top += kHeight) {
    const int64_t height = std::min(kHeight, m - top);
    const float* block = static_cast<const float*>(packed_b);
    for (int64_t from = 0; from < k; from += kDepth) {
      const int64_t depth = std::min(kDepth, k - from);
      PackRows(a + top * k + from, k, height, depth, rows);
#pragma omp parallel for schedule(static) num_threads(num_threads) if (num_threads > 1)
      for (int64_t p = 0; p < panels; ++p) {
        const float* panel = block + p * kColumns * depth;
        const int64_t column = p * kColumns;
        const Finish finish{from > 0, from + depth == k, relu, scale,
                            bias == nullptr ? nullptr : bias + column};
        float* to = c + top * n + column;
        if (n - column >= kColumns) {
          RunPanel(height, depth, rows, panel, finish, to, n, panel + kColumns * depth);
        } else {
          RunNarrowPanel(height, n - column, depth, rows, panel, finish, to, n);
        }
      }
      block += panels * kColumns * depth;
    }
  }
}

#else

bool HasPackedGemm() { return false; }
std::shared_ptr<void> PackForGemm(const float*, int64_t, int64_t, bool) { return nullptr; }
size_t PackedGemmWorkspace(int64_t, int64_t) { return 0; }
void RunPackedGemm(int64_t, int64_t, int64_t, const float*, const void*, float, const float*, bool,
                   float*, void*, int) {}

#endif

}  // namespace skiff
