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

// Row-major c = a b is column-major c' = b' a': the operands change places and nothing is copied. The bias,
// one number a column, is then one a row, which is what cuBLASLt adds by itself.
template <typename T>
class GemmKernel final : public Kernel {
  using Storage = typename CudaType<T>::Storage;
  using Compute = typename CudaType<T>::Compute;

 public:
  GemmKernel(PrepareContext& c, GemmProblem problem, const MatmulOperands& operands,
             const Epilogue& epilogue)
      : g_(std::move(problem)),
        epilogue_(epilogue),
        a_(c.InputIndex(operands.a)),
        b_(c.InputIndex(operands.b)),
        c_(c.OutputIndex(operands.c)) {
    if (g_.Empty() || g_.k == 0) return;
    strided_ = !g_.accumulate && FindSteps();
    CheckCublas(cublasLtMatmulDescCreate(&desc_, ComputeType(), CudaDataType(kDTypeOf<Compute>)), "descriptor");
    SetDesc(CUBLASLT_MATMUL_DESC_TRANSA, g_.trans_b ? CUBLAS_OP_T : CUBLAS_OP_N);
    SetDesc(CUBLASLT_MATMUL_DESC_TRANSB, g_.trans_a ? CUBLAS_OP_T : CUBLAS_OP_N);
    fused_ = (epilogue_.activation == Activation::kIdentity || epilogue_.activation == Activation::kRelu) &&
             g_.batches.size() == 1 && !std::is_same_v<T, double>;
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
    RequestAtLeast(c, workspace_bytes_);
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
    if ((g_.accumulate || g_.k == 0) && !g_.adds) {
      CheckCuda(cudaMemsetAsync(c, 0, g_.c_elements * sizeof(Storage), stream), "clear");
    }
    const void* bias = epilogue_.bias < 0 ? nullptr : args.in[epilogue_.bias];
    if (desc_ != nullptr) Multiply(args, bias, c);
    if (fused_ && desc_ != nullptr) return;
    RunEpilogue<T>(g_.c_elements, g_.n, 1, bias, epilogue_.activation, 0, 0, c, args.stream);
  }

 private:
  static cublasComputeType_t ComputeType() {
    return std::is_same_v<T, double> ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F;
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

  void Multiply(const KernelArgs& args, const void* bias, Storage* c) const {
    const auto* a = static_cast<const Storage*>(args.in[a_]);
    const auto* b = static_cast<const Storage*>(args.in[b_]);
    cublasLtMatmulDescOpaque_t own = *desc_;  // the bias pointer changes from run to run
    if (fused_ && bias != nullptr) {
      CheckCublas(cublasLtMatmulDescSetAttribute(&own, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof(bias)), "bias");
    }
    const Compute alpha = epilogue_.scale, beta = g_.accumulate || g_.adds ? 1 : 0;
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

template <typename T>
std::unique_ptr<Kernel> PrepareSecondProduct(PrepareContext& c) {
  const MatmulShapes s = MatmulShapesOf(c.op().type, c.attrs(), c.Input("X").shape, c.Input("Y").shape);
  Epilogue epilogue;
  if (c.attrs().Has("alpha")) epilogue.scale = c.Attr<float>("alpha");
  auto sequence = std::make_unique<SequenceKernel>();
  for (const SecondProduct& part : SecondProductsOf(c, s)) {
    sequence->Add(std::make_unique<GemmKernel<T>>(c, part.problem, part.operands, epilogue));
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

#define SKIFF_PRODUCT(type)                       \
  SKIFF_CUDA_KERNELS(type)                        \
      .Kernel<float>(PrepareProduct<float>)       \
      .Kernel<double>(PrepareProduct<double>)     \
      .Kernel<Float16>(PrepareProduct<Float16>)   \
      .Kernel<BFloat16>(PrepareProduct<BFloat16>)
SKIFF_PRODUCT(matmul_v2);
SKIFF_PRODUCT(matmul);
SKIFF_PRODUCT(mul);
SKIFF_PRODUCT(bmm);
SKIFF_PRODUCT(matmul_v2_grad);
SKIFF_PRODUCT(matmul_grad);
SKIFF_PRODUCT(mul_grad);
SKIFF_PRODUCT(bmm_grad);
#undef SKIFF_PRODUCT

#define SKIFF_SECOND_PRODUCT(type)                      \
  SKIFF_CUDA_KERNELS(type)                              \
      .Kernel<float>(PrepareSecondProduct<float>)       \
      .Kernel<double>(PrepareSecondProduct<double>)     \
      .Kernel<Float16>(PrepareSecondProduct<Float16>)   \
      .Kernel<BFloat16>(PrepareSecondProduct<BFloat16>)
SKIFF_SECOND_PRODUCT(matmul_v2_grad_grad);
SKIFF_SECOND_PRODUCT(matmul_grad_grad);
SKIFF_SECOND_PRODUCT(mul_grad_grad);
#undef SKIFF_SECOND_PRODUCT

SKIFF_CUDA_KERNELS(fc)
    .Kernel<float>(PrepareFc<float>)
    .Kernel<double>(PrepareFc<double>)
    .Kernel<Float16>(PrepareFc<Float16>)
    .Kernel<BFloat16>(PrepareFc<BFloat16>);

}  // namespace

}  // namespace skiff
