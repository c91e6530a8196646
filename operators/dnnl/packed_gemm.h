// Products with a constant matrix for CPUs with AVX2 but not AVX-512, where oneDNN 2.6 has sgemm alone.
// sgemm lays its right operand out anew in each call, reading it in strides; here that happens once per
// model, and each run reads the weights from memory in order, once. Measured on an AVX2 core: BERT base,
// sequence 128, 375 ms in its fully connected layers by sgemm, 265 ms by this.
#pragma once

#include <cstdint>
#include <memory>

namespace skiff {

/// True on CPUs this is for.
bool HasPackedGemm();

/// b [k, n] (or [n, k] when `transposed`), row-major, in the order the kernel reads it.
std::shared_ptr<void> PackForGemm(const float* b, int64_t k, int64_t n, bool transposed);

/// Bytes of scratch memory for RunPackedGemm.
size_t PackedGemmWorkspace(int64_t m, int64_t k);

/// c [m, n] = scale * a [m, k] * b + bias, then max(., 0) when `relu`. `bias` [n] may be null. k > 0.
void RunPackedGemm(int64_t m, int64_t n, int64_t k, const float* a, const void* packed_b, float scale,
                   const float* bias, bool relu, float* c, void* workspace, int num_threads);

}  // namespace skiff
