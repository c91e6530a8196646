// One product of matrices at a time, for kernels that make many: recurrent layers.
#pragma once

#include <cstdint>

namespace skiff {

/// c [m, n] = a [m, k] * b [k, n] + beta * c, row-major; a `trans_` operand is stored the other way round.
void PlainGemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
               float beta, float* c, int num_threads);
void PlainGemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const double* a, const double* b,
               double beta, double* c, int num_threads);

}  // namespace skiff
