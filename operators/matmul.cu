// The CUDA side of matmul.cc, by cuBLASLt.
#include "framework/op/op_schema.h"
#include "operators/cuda/epilogue.h"
#include "operators/cuda/library.h"
#include "operators/kernel_parts.h"
#include "operators/matmul_problem.h"

namespace skiff {

namespace {

constexpr size_t kWorkspaceBytes = size_t{32} << 20;  // what NVIDIA advises for Hopper

struct Epilogue {
  float scale = 1.0f;
  int bias = -1;  // index of the input
  Activation activation = Activation::kIdentity;
};

template <typename C>
__global__ void ConjugateKernel(int64_t count, const C* from, C* to) {
  SKIFF_CUDA_FOR(i, count) { to[i] = {from[i].x, -from[i].y}; }
}

// Row-major c = a b is column-major c' = b' a': the operands change places and nothing is copied. The bias,
// one number a column, is then one a row, which is what cuBLASLt adds by itself.
template <typename T>
class GemmKernel final : public Kernel {
  using Storage = typename CudaType<T>::Storage;
  using Compute = typename CudaType<T>::Compute;
  static constexpr bool kComplex = !std::is_arithmetic_v<Compute>;
  static constexpr bool kDouble = sizeof(Compute) == (kComplex ? 16 : 8);

 public:
  GemmKernel(PrepareContext& c, GemmProblem problem, const MatmulOperands& operands,
             const Epilogue& epilogue)
      : g_(std::move(problem)),
        epilogue_(epilogue),
        a_(c.InputIndex(operands.a)),
        b_(c.InputIndex(operands.b)),
        c_(c.OutputIndex(operands.c)) {
    if (g_.Empty() || g_.k == 0) return;
    // In the gradient of a complex product the operand that is not Out@GRAD is conjugated: by cuBLASLt where it is
    // transposed as well, else in a copy.
    const bool conjugates_a = kComplex && operands.b == "Out@GRAD", conjugates_b = kComplex && operands.a == "Out@GRAD";
    if (conjugates_a && !g_.trans_a) copied_a_ = c.Input(operands.a).shape.NumElements();
    if (conjugates_b && !g_.trans_b) copied_b_ = c.Input(operands.b).shape.NumElements();
    const cublasOperation_t turned_a = conjugates_a ? CUBLAS_OP_C : CUBLAS_OP_T, turned_b = conjugates_b ? CUBLAS_OP_C : CUBLAS_OP_T;
    strided_ = !g_.accumulate && FindSteps();
    CheckCublas(cublasLtMatmulDescCreate(&desc_, ComputeType(), ScaleType()), "descriptor");
    SetDesc(CUBLASLT_MATMUL_DESC_TRANSA, g_.trans_b ? turned_b : CUBLAS_OP_N);
    SetDesc(CUBLASLT_MATMUL_DESC_TRANSB, g_.trans_a ? turned_a : CUBLAS_OP_N);
    fused_ = (epilogue_.activation == Activation::kIdentity || epilogue_.activation == Activation::kRelu) &&
             g_.batches.size() == 1 && !kDouble && !kComplex;
    if (fused_) {
      const bool relu = epilogue_.activation == Activation::kRelu;
      SetDesc(CUBLASLT_MATMUL_DESC_EPILOGUE,
              epilogue_.bias >= 0 ? (relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS)
                                  : (relu ? CUBLASLT_EPILOGUE_RELU : CUBLASLT_EPILOGUE_DEFAULT));
    }
    first_ = Layout(g_.trans_b ? g_.k : g_.n, g_.trans_b ? g_.n : g_.k, g_.ldb(), steps_.b);
    second_ = Layout(g_.trans_a ? g_.m : g_.k, g_.trans_a ? g_.k : g_.m, g_.lda(), steps_.a);
    result_ = Layout(g_.n, g_.m, g_.ldc(), steps_.c);
    ChooseAlgorithm();
    RequestAtLeast(c, AfterWorkspace() + (copied_a_ + copied_b_) * sizeof(Storage));
  }
  ~GemmKernel() override {
    if (desc_ != nullptr) cublasLtMatmulDescDestroy(desc_);
    for (cublasLtMatrixLayout_t layout : {first_, second_, result_}) {
      if (layout != nullptr) cublasLtMatrixLayoutDestroy(layout);
    }
  }

  void Run(const KernelArgs& args) const override {
    auto* c = static_cast<Storage*>(args.out[c_]);
    const auto stream = static_cast<cudaStream_t>(args.stream);
    if (g_.Clears()) {
      CheckCuda(cudaMemsetAsync(c, 0, g_.c_elements * sizeof(Storage), stream), "clear");
    }
    const void* bias = epilogue_.bias < 0 ? nullptr : args.in[epilogue_.bias];
    if (desc_ != nullptr) Multiply(args, bias, c);
    if (fused_ && desc_ != nullptr) return;
    if constexpr (!kComplex) RunEpilogue<T>(g_.c_elements, g_.n, 1, bias, epilogue_.activation, 0, 0, c, args.stream);
  }

 private:
  static cublasComputeType_t ComputeType() {
    return kDouble ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F;
  }
  static cudaDataType_t ScaleType() {
    if constexpr (kComplex) return CudaDataType(kDTypeOf<T>);
    else return CudaDataType(kDTypeOf<Compute>);
  }
  template <typename V>
  void SetDesc(cublasLtMatmulDescAttributes_t attribute, const V& value) {
    CheckCublas(cublasLtMatmulDescSetAttribute(desc_, attribute, &value, sizeof(value)), "descriptor");
  }

  // Batches that are equally spaced run as one call; an operand may stay where it is.
  bool FindSteps() {
    if (g_.batches.size() < 2) return true;
    const auto& b = g_.batches;
    steps_ = {b[1].a - b[0].a, b[1].b - b[0].b, b[1].c - b[0].c};
    for (size_t i = 1; i < b.size(); ++i) {
      if (b[i].a - b[i - 1].a != steps_.a || b[i].b - b[i - 1].b != steps_.b ||
          b[i].c - b[i - 1].c != steps_.c) {
        return false;
      }
    }
    return steps_.a >= 0 && steps_.b >= 0 && steps_.c > 0;
  }

  cublasLtMatrixLayout_t Layout(int64_t rows, int64_t columns, int64_t ld, int64_t step) const {
    cublasLtMatrixLayout_t layout = nullptr;
    CheckCublas(cublasLtMatrixLayoutCreate(&layout, CudaDataType(kDTypeOf<T>), rows, columns, ld), "layout");
    if (strided_ && g_.batches.size() > 1) {
      const int32_t count = static_cast<int32_t>(g_.batches.size());
      CheckCublas(cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof(count)), "layout");
      CheckCublas(cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step, sizeof(step)), "layout");
    }
    return layout;
  }

  void ChooseAlgorithm() {
    cublasLtMatmulPreference_t preference = nullptr;
    CheckCublas(cublasLtMatmulPreferenceCreate(&preference), "preference");
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                         &kWorkspaceBytes, sizeof(kWorkspaceBytes));
    cublasLtMatmulHeuristicResult_t found = {};
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        CublasLtHandle(), desc_, first_, second_, result_, result_, preference, 1, &found, &count);
    cublasLtMatmulPreferenceDestroy(preference);
    CheckCublas(status, "algorithm");
    SKIFF_ENFORCE(count > 0, Unimplemented, "cuBLASLt has no algorithm for [", g_.m, ", ", g_.k, "] x [", g_.k,
                  ", ", g_.n, "]");
    algorithm_ = found.algo;
    workspace_bytes_ = found.workspaceSize;
  }

  static Compute Scalar(float value) {
    if constexpr (kComplex) return Compute{value, 0};
    else return value;
  }

  // Where copies of operands begin: behind cuBLASLt's own workspace, aligned.
  size_t AfterWorkspace() const { return (workspace_bytes_ + 255) / 256 * 256; }

  // The first `count` numbers conjugated in `copy`, or `from` itself where count is 0.
  static const Storage* Conjugated(const Storage* from, int64_t count, Storage* copy, const KernelArgs& args) {
    if constexpr (kComplex) {
      if (count == 0) return from;
      ConjugateKernel<<<CudaBlocks(count), kCudaBlock, 0, static_cast<cudaStream_t>(args.stream)>>>(count, from, copy);
      CheckCuda(cudaGetLastError(), "conjugate");
      return copy;
    }
    return from;
  }

  void Multiply(const KernelArgs& args, const void* bias, Storage* c) const {
    auto* copies = reinterpret_cast<Storage*>(static_cast<char*>(args.workspace) + AfterWorkspace());
    const auto* a = Conjugated(static_cast<const Storage*>(args.in[a_]), copied_a_, copies, args);
    const auto* b = Conjugated(static_cast<const Storage*>(args.in[b_]), copied_b_, copies + copied_a_, args);
    cublasLtMatmulDescOpaque_t own = *desc_;  // the bias pointer changes from run to run
    if (fused_ && bias != nullptr) {
      CheckCublas(cublasLtMatmulDescSetAttribute(&own, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof(bias)), "bias");
    }
    const Compute alpha = Scalar(epilogue_.scale), beta = Scalar(g_.AddsUp() ? 1 : 0);
    const size_t calls = strided_ ? 1 : g_.batches.size();
    for (size_t i = 0; i < calls; ++i) {
      const GemmProblem::Offsets& at = g_.batches[i];
      CheckCublas(cublasLtMatmul(CublasLtHandle(), &own, &alpha, b + at.b, first_, a + at.a, second_, &beta,
                                 c + at.c, result_, c + at.c, result_, &algorithm_, args.workspace,
                                 workspace_bytes_, static_cast<cudaStream_t>(args.stream)),
                  "matmul");
    }
  }

  const GemmProblem g_;
  const Epilogue epilogue_;
  const int a_, b_, c_;
  bool strided_ = false, fused_ = false;
  GemmProblem::Offsets steps_ = {0, 0, 0};
  cublasLtMatmulDesc_t desc_ = nullptr;
  cublasLtMatrixLayout_t first_ = nullptr, second_ = nullptr, result_ = nullptr;
  cublasLtMatmulAlgo_t algorithm_ = {};
  size_t workspace_bytes_ = 0;
  int64_t copied_a_ = 0, copied_b_ = 0;  // elements of operands that are conjugated in copies
};

template <typename T>
std::unique_ptr<Kernel> PrepareProduct(PrepareContext& c) {
  const MatmulShapes s = MatmulShapesOf(c.op().type, c.attrs(), c.Input("X").shape, c.Input("Y").shape);
  Epilogue epilogue;
  if (c.attrs().Has("alpha")) epilogue.scale = c.Attr<float>("alpha");
  if (!c.HasInput("Out@GRAD")) {
    return std::make_unique<GemmKernel<T>>(c, MakeGemm(s, MatmulPart::kOut), OperandsOf(s, MatmulPart::kOut), epilogue);
  }
  auto sequence = std::make_unique<SequenceKernel>();
  for (const MatmulPart part : {MatmulPart::kGradX, MatmulPart::kGradY}) {
    const MatmulOperands operands = OperandsOf(s, part);
    if (!c.HasOutput(operands.c)) continue;
    sequence->Add(std::make_unique<GemmKernel<T>>(c, MakeGemm(s, part), operands, epilogue));
  }
  return sequence;
}

// Second and third gradients, term by term.
template <typename T>
std::unique_ptr<Kernel> PrepareTerms(PrepareContext& c) {
  const MatmulShapes s = MatmulShapesOf(c.op().type, c.attrs(), c.Input("X").shape, c.Input("Y").shape);
  Epilogue epilogue;
  if (c.attrs().Has("alpha")) epilogue.scale = c.Attr<float>("alpha");
  auto sequence = std::make_unique<SequenceKernel>();
  for (const MatmulTerm& term : MatmulGradTerms(c)) {
    sequence->Add(std::make_unique<GemmKernel<T>>(c, term.Problem(s), term.Operands(s), epilogue));
  }
  return sequence;
}

template <typename T>
std::unique_ptr<Kernel> PrepareFc(PrepareContext& c) {
  const int split = c.Attr<int32_t>("in_num_col_dims");
  const MatmulShapes s =
      ReadMatmulShapes(Flatten2D(c.Input("Input").shape, split, "Input"), c.Input("W").shape, false, false);
  Epilogue epilogue;
  if (c.HasInput("Bias")) epilogue.bias = c.InputIndex("Bias");
  epilogue.activation = ParseActivation(c.Attr<std::string>("activation_type"));
  return std::make_unique<GemmKernel<T>>(c, MakeGemm(s, MatmulPart::kOut), MatmulOperands{"Input", "W", "Out"}, epilogue);
}

#define SKIFF_PRODUCT_BY(type, Prepare)           \
  SKIFF_CUDA_KERNELS(type)                        \
      .Kernel<float>(Prepare<float>)              \
      .Kernel<double>(Prepare<double>)            \
      .Kernel<Float16>(Prepare<Float16>)          \
      .Kernel<BFloat16>(Prepare<BFloat16>)
#define SKIFF_PRODUCT(type)                                                       \
  SKIFF_PRODUCT_BY(type, PrepareProduct)                                           \
      .Kernel<std::complex<float>>(PrepareProduct<std::complex<float>>)            \
      .Kernel<std::complex<double>>(PrepareProduct<std::complex<double>>)
SKIFF_PRODUCT(matmul_v2);
SKIFF_PRODUCT(matmul);
SKIFF_PRODUCT(mul);
SKIFF_PRODUCT(bmm);
SKIFF_PRODUCT(matmul_v2_grad);
SKIFF_PRODUCT(matmul_grad);
SKIFF_PRODUCT(mul_grad);
SKIFF_PRODUCT(bmm_grad);
SKIFF_PRODUCT_BY(matmul_v2_grad_grad, PrepareTerms);
SKIFF_PRODUCT_BY(matmul_grad_grad, PrepareTerms);
SKIFF_PRODUCT_BY(mul_grad_grad, PrepareTerms);
SKIFF_PRODUCT_BY(matmul_v2_triple_grad, PrepareTerms);
#undef SKIFF_PRODUCT
#undef SKIFF_PRODUCT_BY

SKIFF_CUDA_KERNELS(fc)
    .Kernel<float>(PrepareFc<float>)
    .Kernel<double>(PrepareFc<double>)
    .Kernel<Float16>(PrepareFc<Float16>)
    .Kernel<BFloat16>(PrepareFc<BFloat16>);

}  // namespace

}  // namespace skiff
