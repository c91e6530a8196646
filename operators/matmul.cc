// Matrix products: matmul_v2, matmul, mul, bmm, and fc with bias and activation. oneDNN computes float32
// (and bfloat16 where the CPU can), Eigen float64. matmul.cu has the CUDA side.
#include <Eigen/Core>
#include <cstring>

#include "framework/op/op_schema.h"
#include "operators/activation_name.h"
#include "operators/dnnl/dnnl.h"
#include "operators/dnnl/gemm.h"
#include "operators/dnnl/via_float.h"
#include "operators/kernel_parts.h"
#include "operators/matmul_problem.h"

namespace skiff {

namespace {

// --- kernels -----------------------------------------------------------------------------------

template <typename T>
void Multiply(const GemmProblem& g, T alpha, const T* a, const T* b, bool add, T* c) {
  if constexpr (std::is_same_v<T, float>) {
    Sgemm(g, alpha, a, b, add ? 1.0f : 0.0f, c);
  } else {
    using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using Map = Eigen::Map<const Matrix, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
    using Stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
    const Map am(a, g.m, g.k, g.trans_a ? Stride(1, g.lda()) : Stride(g.lda(), 1));
    const Map bm(b, g.k, g.n, g.trans_b ? Stride(1, g.ldb()) : Stride(g.ldb(), 1));
    Eigen::Map<Matrix> cm(c, g.m, g.n);
    if (!add) cm.setZero();
    cm.noalias() += alpha * am * bm;
  }
}

// Any problem, one product after the other; then bias and activation where fc has them.
template <typename T>
class GemmLoop final : public Kernel {
 public:
  GemmLoop(PrepareContext& c, GemmProblem problem, const MatmulOperands& operands,
           const GemmEpilogue& epilogue)
      : g_(std::move(problem)),
        alpha_(epilogue.scale),
        activation_(ParseActivation(epilogue.activation)),
        activation_alpha_(epilogue.alpha),
        activation_beta_(epilogue.beta),
        a_(c.InputIndex(operands.a)),
        b_(c.InputIndex(operands.b)),
        c_(c.OutputIndex(operands.c)),
        bias_(epilogue.bias_slot.empty() ? -1 : c.InputIndex(epilogue.bias_slot)),
        num_threads_(c.num_threads()) {
    if (std::is_same_v<T, float> && g_.c_elements > 0) {
      vector_activation_ =
          MakeDnnlActivation(epilogue.activation, epilogue.alpha, g_.c_elements, num_threads_);
    }
  }

  void Run(const KernelArgs& args) const override {
    const T* a = static_cast<const T*>(args.in[a_]);
    const T* b = static_cast<const T*>(args.in[b_]);
    T* c = static_cast<T*>(args.out[c_]);
    if (g_.Clears()) std::fill(c, c + g_.c_elements, T(0));
    if (!g_.Empty() && g_.k != 0) {
      DnnlThreads threads(num_threads_);
      for (const GemmProblem::Offsets& at : g_.batches) {
        Multiply<T>(g_, alpha_, a + at.a, b + at.b, g_.AddsUp(), c + at.c);
      }
    }
    const T* bias = bias_ < 0 ? nullptr : static_cast<const T*>(args.in[bias_]);
    if (bias != nullptr) {
      for (int64_t row = 0; row < g_.c_elements; row += g_.n) {
        for (int64_t i = 0; i < g_.n; ++i) c[row + i] += bias[i];
      }
    }
    if (vector_activation_) {
      vector_activation_->Run({c, c});
    } else if (activation_ == Activation::kRelu) {
      for (int64_t i = 0; i < g_.c_elements; ++i) c[i] = c[i] > T(0) ? c[i] : T(0);
    } else if (activation_ != Activation::kIdentity) {
      for (int64_t i = 0; i < g_.c_elements; ++i) {
        c[i] = Activate(activation_, c[i], activation_alpha_, activation_beta_);
      }
    }
  }

 private:
  const GemmProblem g_;
  const T alpha_;
  const Activation activation_;
  const T activation_alpha_, activation_beta_;
  const int a_, b_, c_, bias_, num_threads_;
  std::unique_ptr<DnnlCall> vector_activation_;
};

// Complex products as four real ones of the parts. The operand of a gradient that is not Out@GRAD is conjugated.
template <typename R>
class ComplexGemm final : public Kernel {
 public:
  ComplexGemm(PrepareContext& c, GemmProblem problem, const MatmulOperands& operands, R alpha)
      : g_(std::move(problem)),
        alpha_(alpha),
        a_(c.InputIndex(operands.a)),
        b_(c.InputIndex(operands.b)),
        c_(c.OutputIndex(operands.c)),
        conjugates_a_(operands.b == "Out@GRAD"),
        conjugates_b_(operands.a == "Out@GRAD"),
        num_threads_(c.num_threads()) {
    c.RequestWorkspace(2 * (g_.m * g_.k + g_.k * g_.n + g_.m * g_.n) * sizeof(R));
  }

  void Run(const KernelArgs& args) const override {
    const R* a = static_cast<const R*>(args.in[a_]);
    const R* b = static_cast<const R*>(args.in[b_]);
    R* c = static_cast<R*>(args.out[c_]);
    std::fill(c, c + 2 * g_.c_elements, R(0));
    if (g_.Empty() || g_.k == 0) return;
    const int64_t a_size = g_.m * g_.k, b_size = g_.k * g_.n, c_size = g_.m * g_.n;
    R* a_re = static_cast<R*>(args.workspace);
    R *a_im = a_re + a_size, *b_re = a_im + a_size, *b_im = b_re + b_size, *c_re = b_im + b_size, *c_im = c_re + c_size;
    DnnlThreads threads(num_threads_);
    for (const GemmProblem::Offsets& at : g_.batches) {
      Split(a + 2 * at.a, a_size, conjugates_a_, a_re, a_im);
      Split(b + 2 * at.b, b_size, conjugates_b_, b_re, b_im);
      Multiply<R>(g_, alpha_, a_re, b_re, false, c_re);
      Multiply<R>(g_, -alpha_, a_im, b_im, true, c_re);
      Multiply<R>(g_, alpha_, a_re, b_im, false, c_im);
      Multiply<R>(g_, alpha_, a_im, b_re, true, c_im);
      R* to = c + 2 * at.c;
      for (int64_t i = 0; i < c_size; ++i) {
        to[2 * i] += c_re[i];
        to[2 * i + 1] += c_im[i];
      }
    }
  }

 private:
  static void Split(const R* from, int64_t n, bool conjugate, R* re, R* im) {
    for (int64_t i = 0; i < n; ++i) {
      re[i] = from[2 * i];
      im[i] = conjugate ? -from[2 * i + 1] : from[2 * i + 1];
    }
  }

  const GemmProblem g_;
  const R alpha_;
  const int a_, b_, c_;
  const bool conjugates_a_, conjugates_b_;
  const int num_threads_;
};

template <typename T>
std::unique_ptr<Kernel> PrepareGemm(PrepareContext& c, const GemmProblem& problem,
                                   const MatmulOperands& operands, const GemmEpilogue& epilogue) {
  if constexpr (!std::is_same_v<T, double>) {
    if (!problem.Empty()) {
      if (auto kernel = PrepareDnnlMatmul(c, problem, operands, epilogue)) return kernel;
    }
  }
  if constexpr (std::is_same_v<T, BFloat16>) {
    return nullptr;
  } else {
    return std::make_unique<GemmLoop<T>>(c, problem, operands, epilogue);
  }
}

template <typename T>
std::unique_ptr<Kernel> PrepareProduct(PrepareContext& c) {
  const MatmulShapes s = MatmulShapesOf(c.op().type, c.attrs(), c.Input("X").shape, c.Input("Y").shape);
  GemmEpilogue epilogue;
  if (c.attrs().Has("alpha")) epilogue.scale = c.Attr<float>("alpha");
  if (!c.HasInput("Out@GRAD")) {
    return PrepareGemm<T>(c, MakeGemm(s, MatmulPart::kOut), OperandsOf(s, MatmulPart::kOut), epilogue);
  }
  if constexpr (std::is_same_v<T, BFloat16>) {
    return nullptr;  // gradients go through float32
  } else {
    auto sequence = std::make_unique<SequenceKernel>();
    for (const MatmulPart part : {MatmulPart::kGradX, MatmulPart::kGradY}) {
      const MatmulOperands operands = OperandsOf(s, part);
      if (!c.HasOutput(operands.c)) continue;
      sequence->Add(std::make_unique<GemmLoop<T>>(c, MakeGemm(s, part), operands, epilogue));
    }
    return sequence;
  }
}

// Second and third gradients, term by term.
template <typename T>
std::unique_ptr<Kernel> PrepareTerms(PrepareContext& c) {
  const MatmulShapes s = MatmulShapesOf(c.op().type, c.attrs(), c.Input("X").shape, c.Input("Y").shape);
  GemmEpilogue epilogue;
  if (c.attrs().Has("alpha")) epilogue.scale = c.Attr<float>("alpha");
  auto sequence = std::make_unique<SequenceKernel>();
  for (const MatmulTerm& term : MatmulGradTerms(c)) {
    sequence->Add(std::make_unique<GemmLoop<T>>(c, term.Problem(s), term.Operands(s), epilogue));
  }
  return sequence;
}

template <typename R>
std::unique_ptr<Kernel> PrepareComplexProduct(PrepareContext& c) {
  const MatmulShapes s = MatmulShapesOf(c.op().type, c.attrs(), c.Input("X").shape, c.Input("Y").shape);
  const R alpha = c.attrs().Has("alpha") ? c.Attr<float>("alpha") : 1.0f;
  const auto kernel = [&](MatmulPart part) {
    return std::make_unique<ComplexGemm<R>>(c, MakeGemm(s, part), OperandsOf(s, part), alpha);
  };
  if (!c.HasInput("Out@GRAD")) return kernel(MatmulPart::kOut);
  auto sequence = std::make_unique<SequenceKernel>();
  for (const MatmulPart part : {MatmulPart::kGradX, MatmulPart::kGradY}) {
    if (c.HasOutput(OperandsOf(s, part).c)) sequence->Add(kernel(part));
  }
  return sequence;
}

template <typename T>
std::unique_ptr<Kernel> PrepareFc(PrepareContext& c) {
  const int split = c.Attr<int32_t>("in_num_col_dims");
  const MatmulShapes s =
      ReadMatmulShapes(Flatten2D(c.Input("Input").shape, split, "Input"), c.Input("W").shape, false, false);
  GemmEpilogue epilogue;
  if (c.HasInput("Bias")) epilogue.bias_slot = "Bias";
  epilogue.activation = c.Attr<std::string>("activation_type");
  return PrepareGemm<T>(c, MakeGemm(s, MatmulPart::kOut), {"Input", "W", "Out"}, epilogue);
}

// bfloat16 by oneDNN where the CPU has it and one primitive can express the problem.
template <PrepareFn Native, PrepareFn Float>
std::unique_ptr<Kernel> NativeOrViaFloat(PrepareContext& c) {
  if (DnnlHasNativeBFloat16() && !c.HasInput("Out@GRAD")) {
    if (auto kernel = Native(c)) return kernel;
  }
  return PrepareViaFloat(c, Float);
}

// --- schemas -----------------------------------------------------------------------------------

void InferMatmul(InferContext& c) {
  const TensorMeta& x = c.Input("X");
  const DType y = c.InputDType("Y");
  SKIFF_ENFORCE(x.dtype == y || x.dtype == DType::kUndefined || y == DType::kUndefined, InvalidArgument,
                "X is ", x.dtype, ", Y is ", y, "; they must be equal");
  const MatmulShapes s = MatmulShapesOf(c.type(), c.attrs(), x.shape, c.InputShape("Y"));
  c.SetOutput("Out", TensorMeta{s.out, x.dtype, x.lod_level});
}

OpSchema ProductKernels(OpSchema schema) {
  schema.CpuKernel<float>(PrepareProduct<float>)
      .CpuKernel<double>(PrepareProduct<double>)
      .CpuKernel<BFloat16>(NativeOrViaFloat<PrepareProduct<BFloat16>, PrepareProduct<float>>)
      .CpuKernel<Float16>(ViaFloat<PrepareProduct<float>>)
      .CpuKernel<std::complex<float>>(PrepareComplexProduct<float>)
      .CpuKernel<std::complex<double>>(PrepareComplexProduct<double>);
  return schema;
}

void AddTypeAttrs(OpSchema& schema, const std::string& type) {
  if (type.starts_with("matmul_v2")) {
    schema.Attr("trans_x", false, "X's last two axes change places first")
        .Attr("trans_y", false, "Y's last two axes change places first");
  } else if (type.starts_with("matmul")) {
    schema.Attr("transpose_X", false, "X's last two axes change places first")
        .Attr("transpose_Y", false, "Y's last two axes change places first")
        .Attr("alpha", 1.0f, "factor of the product");
  } else if (type.starts_with("mul")) {
    schema.Attr("x_num_col_dims", 1, "X's first axes that become the rows of a matrix")
        .Attr("y_num_col_dims", 1, "Y's first axes that become the rows of a matrix");
  }
}

OpSchema TypeAttrs(OpSchema schema, const std::string& type) {
  AddTypeAttrs(schema, type);
  return ProductKernels(schema);
}

OpSchema Product(const char* type, const char* doc) {
  OpSchema schema(type);
  schema.Doc(doc)
      .Source("PaddlePaddle's operator of this name")
      .Input("X", "the left operand")
      .Input("Y", "the right operand, of X's dtype")
      .Output("Out", "the product")
      .InferShape(InferMatmul)
      .Gradient(StandardGrad({"X", "Y"}, {}, {"Out"}, {"X", "Y"}));
  return TypeAttrs(schema, type);
}

// The operator `type`, a second or a third gradient, of the operator it is the gradient of.
Operator NextGrad(const std::string& type, const GradContext& g) {
  const MatmulGradSlots slots = MatmulGradSlotsOf(type);
  Operator op{type, {{"X", g.In("X")}, {"Y", g.In("Y")}}, {}, g.fwd.attrs};
  const auto give = [&](const std::string& slot, const std::string& from) { op.inputs.Set(slot, g.In(from)); };
  const auto result = [&](const std::string& slot, const std::string& of) { op.outputs.Set(slot, g.InGrad(of)); };
  const auto flow = [&](const std::string& slot, const std::string& from) {
    if (g.HasOut(from)) op.inputs.Set(slot, g.OutGrad(from));
  };
  result(slots.by_x, "X");
  result(slots.by_y, "Y");
  if (IsSecondMatmulGrad(type)) {
    give(slots.dout, "Out@GRAD");
    flow(slots.ddx, "X@GRAD");
    flow(slots.ddy, "Y@GRAD");
    result(slots.by_dout, "Out@GRAD");
    return op;
  }
  const MatmulGradSlots second = MatmulGradSlotsOf(g.fwd.type);
  give(slots.dout, second.dout);
  result(slots.by_dout, second.dout);
  if (g.HasIn(second.ddx)) {
    give(slots.ddx, second.ddx);
    result(slots.by_ddx, second.ddx);
  }
  if (g.HasIn(second.ddy)) {
    give(slots.ddy, second.ddy);
    result(slots.by_ddy, second.ddy);
  }
  flow(slots.a, second.by_x);
  flow(slots.b, second.by_y);
  flow(slots.c, second.by_dout);
  return op;
}

GradMaker NextGrad(const std::string& type) {
  return [type](const GradContext& g) -> std::vector<Operator> { return {NextGrad(type, g)}; };
}

// The kernel is X's; another operand of a narrower dtype would be read past its end.
void CheckLikeX(const InferContext& c, const std::string& slot) {
  if (slot.empty() || !c.HasInput(slot) || !c.at_runtime()) return;
  SKIFF_ENFORCE(c.InputDType(slot) == c.InputDType("X"), InvalidType, slot, " is ", c.InputDType(slot), ", X is ",
                c.InputDType("X"), "; they must be equal");
}

void InferTerms(InferContext& c) {
  const MatmulGradSlots slots = MatmulGradSlotsOf(c.type());
  for (const std::string& slot : {std::string("Y"), slots.dout, slots.ddx, slots.ddy}) CheckLikeX(c, slot);
  const Shape out = MatmulShapesOf(c.type(), c.attrs(), c.InputShape("X"), c.InputShape("Y")).out;
  const Shape& dout = c.InputShape(slots.dout);
  SKIFF_ENFORCE(!out.IsKnown() || !dout.IsKnown() || out == dout || (out.NumElements() == 1 && dout.NumElements() == 1), InvalidArgument,
                slots.dout, " is ", dout, "; the product of X and Y is ", out);
  const auto like = [&](const std::string& out, const std::string& in) {
    if (out.empty() || !c.HasOutput(out) || !c.HasInput(in)) return;
    const TensorMeta meta = c.Input(in);
    c.SetOutput(out, TensorMeta{meta.shape, meta.dtype, meta.lod_level});
  };
  like(slots.by_x, "X");
  like(slots.by_y, "Y");
  like(slots.by_dout, slots.dout);
  like(slots.by_ddx, "X");
  like(slots.by_ddy, "Y");
}

OpSchema HigherGrad(const char* type, const char* doc) {
  const MatmulGradSlots slots = MatmulGradSlotsOf(type);
  OpSchema schema(type);
  schema.Doc(doc)
      .Source("derivative of a product; slots of PaddlePaddle's operator of this name")
      .Input("X", "as in the forward operator")
      .Input("Y", "as in the forward operator")
      .Input(slots.dout.c_str(), "Out@GRAD of the first gradient")
      .OptionalInput(slots.ddx.c_str(), "gradient of the first gradient's X@GRAD; absent means 0")
      .OptionalInput(slots.ddy.c_str(), "gradient of the first gradient's Y@GRAD; absent means 0")
      .OptionalOutput(slots.by_x.c_str(), "shape and dtype of X")
      .OptionalOutput(slots.by_y.c_str(), "shape and dtype of Y")
      .OptionalOutput(slots.by_dout.c_str(), "shape and dtype of the first gradient's Out@GRAD")
      .Alike({"X", slots.ddx})
      .Alike({"Y", slots.ddy})
      .InferShape(InferTerms);
  if (std::string(type) == "matmul_v2_grad_grad") schema.Gradient(NextGrad("matmul_v2_triple_grad"));
  if (IsThirdMatmulGrad(type)) {
    schema.OptionalInput(slots.a.c_str(), "gradient of the second gradient's X@GRAD; absent means 0")
        .OptionalInput(slots.b.c_str(), "gradient of its Y@GRAD; absent means 0")
        .OptionalInput(slots.c.c_str(), "gradient of its gradient of Out@GRAD; absent means 0")
        .OptionalOutput(slots.by_ddx.c_str(), "shape and dtype of X")
        .OptionalOutput(slots.by_ddy.c_str(), "shape and dtype of Y")
        .Alike({"X", slots.a})
        .Alike({"Y", slots.b})
        .Alike({slots.dout, slots.c});
  }
  AddTypeAttrs(schema, type);
  schema.CpuKernel<float>(PrepareTerms<float>)
      .CpuKernel<double>(PrepareTerms<double>)
      .CpuKernel<BFloat16>(ViaFloat<PrepareTerms<float>>)
      .CpuKernel<Float16>(ViaFloat<PrepareTerms<float>>);
  return schema;
}

OpSchema ProductGrad(const char* type, const char* doc, const char* next = nullptr) {
  OpSchema schema(type);
  if (next != nullptr) schema.Gradient(NextGrad(next));
  schema.Doc(doc)
      .Input("X", "as in the forward operator")
      .Input("Y", "as in the forward operator")
      .Input("Out@GRAD", "as Out of the forward operator")
      .OptionalOutput("X@GRAD", "shape and dtype of X")
      .OptionalOutput("Y@GRAD", "shape and dtype of Y")
      .InferShape([](InferContext& c) {
        for (const char* slot : {"Y", "Out@GRAD"}) CheckLikeX(c, slot);
        GradsLikeInputs()(c);
      });
  return TypeAttrs(schema, type);
}

[[maybe_unused]] const OpSchema product_schemas[] = {
    Product("matmul_v2", "Out = X Y over the last two axes; the others broadcast. One-dimensional operands "
                         "are a row X and a column Y, whose axis the result lacks."),
    Product("matmul", "Out = alpha X Y, as matmul_v2."),
    Product("mul", "Out = X Y of the operands flattened to matrices; Out's axes are X's rows and Y's columns."),
    Product("bmm", "Out[b] = X[b] Y[b]."),
    ProductGrad("matmul_v2_grad", "X@GRAD = Out@GRAD Y^T, Y@GRAD = X^T Out@GRAD, summed over broadcast axes.",
                "matmul_v2_grad_grad"),
    ProductGrad("matmul_grad", "The gradients of matmul.", "matmul_grad_grad"),
    ProductGrad("mul_grad", "The gradients of mul.", "mul_grad_grad"),
    ProductGrad("bmm_grad", "The gradients of bmm."),
    HigherGrad("matmul_v2_grad_grad", "The gradients of matmul_v2_grad."),
    HigherGrad("matmul_grad_grad", "The gradients of matmul_grad."),
    HigherGrad("mul_grad_grad", "The gradients of mul_grad."),
    HigherGrad("matmul_v2_triple_grad", "The gradients of matmul_v2_grad_grad."),
};

void InferFc(InferContext& c) {
  const TensorMeta& input = c.Input("Input");
  const Shape& w = c.InputShape("W");
  const int split = c.Attr<int32_t>("in_num_col_dims");
  SKIFF_ENFORCE(w.rank() == 2, InvalidArgument, "W has shape ", w, "; expected [inputs, outputs]");
  const MatmulShapes s = ReadMatmulShapes(Flatten2D(input.shape, split, "Input"), w, false, false);
  if (c.HasInput("Bias")) {
    const Shape& bias = c.InputShape("Bias");
    SKIFF_ENFORCE(bias.rank() > 0 && (!bias.IsKnown() || w[1] < 0 || bias.NumElements() == w[1]) &&
                      (bias.At(-1) < 0 || w[1] < 0 || bias.At(-1) == w[1]),
                  InvalidArgument, "Bias has shape ", bias, "; expected [", w[1], "] or [1, ", w[1], "]");
  }
  ParseActivation(c.Attr<std::string>("activation_type"));
  Shape out(input.shape.dims().subspan(0, split));
  out.Append(s.n());
  c.SetOutput("Out", TensorMeta{out, input.dtype, input.lod_level});
}

SKIFF_OP(fc)
    .Doc("Out = activation(Input W + Bias), Input flattened to a matrix; passes write it.")
    .Source("PaddlePaddle's operator of this name")
    .Input("Input", "any shape; its first in_num_col_dims axes are the rows")
    .Input("W", "[inputs, outputs]")
    .OptionalInput("Bias", "[outputs] or [1, outputs]")
    .Output("Out", "the rows of Input, then outputs")
    .Attr("in_num_col_dims", 1, "Input's first axes that become the rows")
    .Attr("activation_type", "", "relu, gelu, ... or none")
    .SameDType({"Input", "W", "Bias"})
    .InferShape(InferFc)
    .CpuKernel<float>(PrepareFc<float>)
    .CpuKernel<double>(PrepareFc<double>)
    .CpuKernel<BFloat16>(NativeOrViaFloat<PrepareFc<BFloat16>, PrepareFc<float>>)
    .CpuKernel<Float16>(ViaFloat<PrepareFc<float>>);

}  // namespace

}  // namespace skiff
