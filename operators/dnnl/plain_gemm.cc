#include "operators/dnnl/plain_gemm.h"

#include <Eigen/Core>

#include "operators/dnnl/dnnl.h"
#include "operators/dnnl/gemm.h"

namespace skiff {

void PlainGemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
               float beta, float* c, int num_threads) {
  const DnnlThreads threads(num_threads);
  GemmProblem g;
  g.m = m, g.n = n, g.k = k, g.trans_a = trans_a, g.trans_b = trans_b;
  Sgemm(g, 1.0f, a, b, beta, c);
}

void PlainGemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const double* a, const double* b,
               double beta, double* c, int) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  using Map = Eigen::Map<const Matrix, 0, Stride>;
  const Map am(a, m, k, trans_a ? Stride(1, m) : Stride(k, 1));
  const Map bm(b, k, n, trans_b ? Stride(1, k) : Stride(n, 1));
  Eigen::Map<Matrix> cm(c, m, n);
  if (beta == 0) {
    cm.noalias() = am * bm;
  } else {
    cm *= beta;
    cm.noalias() += am * bm;
  }
}

}  // namespace skiff
