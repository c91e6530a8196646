// Matrix products by oneDNN.
#pragma once

#include <memory>
#include <string>

#include "operators/activation_name.h"
#include "operators/matmul_problem.h"

namespace skiff {

/// One product of float32 matrices through oneDNN's BLAS-like call: c = alpha * a * b + beta * c.
void Sgemm(const GemmProblem& problem, float alpha, const float* a, const float* b, float beta, float* c);

/// What happens to a product on its way out.
struct GemmEpilogue {
  float scale = 1.0f;
  std::string bias_slot = {};   // [n]; "" for none
  std::string activation = {};
  float alpha = 0, beta = 0;    // of the activation
};

/// The problem as one primitive: a single product, or equally spaced ones. A constant b is packed in the
/// format the primitive likes best. Null when oneDNN has nothing better for it than Sgemm.
std::unique_ptr<Kernel> PrepareDnnlMatmul(PrepareContext& context, const GemmProblem& problem,
                                          const MatmulOperands& operands, const GemmEpilogue& epilogue);

}  // namespace skiff
