// Products of matrices inside of a kernel, on the CPU (oneDNN, Eigen) and on a card (cuBLAS): for kernels that
// make many of them in a loop. One product as an operator of its own is matmul's matter.
#pragma once

#include "operators/kernel/device.h"

#if defined(__CUDACC__)
#include <cublas_v2.h>

#include <map>
#else
#include "operators/dnnl/packed_gemm.h"
#include "operators/dnnl/plain_gemm.h"
#endif

namespace skiff {
inline namespace SKIFF_VARIANT {

#if defined(__CUDACC__)

inline void CheckCublasCall(cublasStatus_t status) {
  SKIFF_ENFORCE(status == CUBLAS_STATUS_SUCCESS, External, "cuBLAS: ", cublasGetStatusString(status));
}

/// The calling thread's handle on the current device, set to the kernel's stream.
inline cublasHandle_t CublasOn(const KernelArgs& args) {
  thread_local std::map<int, cublasHandle_t> handles;
  int device = 0;
  cudaGetDevice(&device);
  cublasHandle_t& handle = handles[device];
  if (handle == nullptr) CheckCublasCall(cublasCreate(&handle));
  CheckCublasCall(cublasSetStream(handle, StreamOf(args)));
  return handle;
}

// Row-major c = a b is column-major c' = b' a': the operands change places.
inline void Gemm(const KernelArgs& args, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const float* a,
                 const float* b, float beta, float* c) {
  if (m == 0 || n == 0) return;
  const float alpha = 1;
  CheckCublasCall(cublasSgemm(CublasOn(args), trans_b ? CUBLAS_OP_T : CUBLAS_OP_N, trans_a ? CUBLAS_OP_T : CUBLAS_OP_N, n,
                              m, k, &alpha, b, trans_b ? k : n, a, trans_a ? m : k, &beta, c, n));
}
inline void Gemm(const KernelArgs& args, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const double* a,
                 const double* b, double beta, double* c) {
  if (m == 0 || n == 0) return;
  const double alpha = 1;
  CheckCublasCall(cublasDgemm(CublasOn(args), trans_b ? CUBLAS_OP_T : CUBLAS_OP_N, trans_a ? CUBLAS_OP_T : CUBLAS_OP_N, n,
                              m, k, &alpha, b, trans_b ? k : n, a, trans_a ? m : k, &beta, c, n));
}

#else

/// c [m, n] = a [m, k] * b [k, n] + beta * c, row-major; a `trans_` operand is stored the other way round.
template <typename T>
void Gemm(const KernelArgs& args, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b,
          T beta, T* c) {
  if (m > 0 && n > 0) PlainGemm(trans_a, trans_b, m, n, k, a, b, beta, c, args.num_threads);
}

#endif

/// y [rows, n] = x [rows, k] w^T for a weight w [n, k] that meets many x: packed once, where that helps.
template <typename T>
class WeightProduct {
 public:
  /// Packs a constant weight once per model. `max_rows` is the most rows of one product.
  WeightProduct(PrepareContext& c, const std::string& slot, int i, int64_t max_rows)
      : index_(c.InputIndex(slot, i)), n_(c.Input(slot, i).shape[0]), k_(c.Input(slot, i).shape[1]) {
#if !defined(__CUDACC__)
    if constexpr (std::is_same_v<T, float>) {
      packs_ = HasPackedGemm() && n_ > 0 && k_ > 0;
      if (!packs_) return;
      workspace_bytes_ = PackedGemmWorkspace(max_rows, k_);
      const TensorInfo& weight = c.Input(slot, i);
      if (weight.constant == nullptr) return;
      packed_ = c.Pack(weight, "gemm panels, transposed", [&] {
        return PackForGemm(static_cast<const float*>(weight.constant), k_, n_, true);
      });
    }
#endif
  }
  size_t workspace_bytes() const { return workspace_bytes_; }

  /// The product for one run. A weight that is trained is packed here: that takes as long as reading it, once
  /// for all steps of a sequence.
  class Run {
   public:
    Run(const WeightProduct& weight, const KernelArgs& args, void* workspace)
        : weight_(weight), args_(args), workspace_(workspace), packed_(weight.packed_) {
#if !defined(__CUDACC__)
      if constexpr (std::is_same_v<T, float>) {
        if (weight.packs_ && packed_ == nullptr) packed_ = PackForGemm(data(), weight.k_, weight.n_, true);
      }
#endif
    }
    void operator()(int64_t rows, const T* x, T* y) const {
#if !defined(__CUDACC__)
      if constexpr (std::is_same_v<T, float>) {
        if (packed_ != nullptr) {
          RunPackedGemm(rows, weight_.n_, weight_.k_, x, packed_.get(), 1.0f, nullptr, false, y, workspace_,
                        args_.num_threads);
          return;
        }
      }
#endif
      Gemm(args_, false, true, rows, weight_.n_, weight_.k_, x, data(), T(0), y);
    }

   private:
    const T* data() const { return static_cast<const T*>(args_.in[weight_.index_]); }

    const WeightProduct& weight_;
    const KernelArgs& args_;
    void* workspace_;
    std::shared_ptr<void> packed_;
  };

 private:
  int index_;
  int64_t n_, k_;
  bool packs_ = false;
  std::shared_ptr<void> packed_;
  size_t workspace_bytes_ = 0;
};

}  // namespace SKIFF_VARIANT
}  // namespace skiff
