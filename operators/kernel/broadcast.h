// Elementwise operators of two operands: shape inference under Paddle's rule, and gradients that are
// summed back to the operand's shape.
#pragma once

#include "operators/kernel/reduce.h"

namespace skiff {
inline namespace SKIFF_VARIANT {

/// Shape of the two operands broadcast against each other with attribute `axis`. @throws
/// InvalidArgument naming both shapes.
inline Shape BroadcastWithAxis(const Shape& x, const Shape& y, int64_t axis) {
  const int rank = std::max(x.rank(), y.rank());
  return BroadcastShapes(AlignToRank(x, rank, axis), AlignToRank(y, rank, axis));
}

/// A real number meets a complex one as a complex one.
inline DType CommonDType(DType x, DType y) {
  if (IsComplex(x) == IsComplex(y)) return x;
  const bool wide = x == DType::kFloat64 || y == DType::kFloat64;
  return wide ? DType::kComplex128 : IsComplex(x) ? x : y;
}

/// Out = X op Y: broadcast shape; common dtype, or bool for comparisons.
inline InferFn InferBroadcast(DType dtype = DType::kUndefined) {
  return [dtype](InferContext& c) {
    const TensorMeta& x = c.Input("X");
    const TensorMeta& y = c.Input("Y");
    TensorMeta out{BroadcastWithAxis(x.shape, y.shape, c.attrs().Get<int64_t>("axis", -1)),
                   dtype == DType::kUndefined ? CommonDType(x.dtype, y.dtype) : dtype, x.lod_level};
    c.SetOutput("Out", out);
  };
}

/// The gradient of an operand is the output's gradient itself, times kSign.
template <int kSign>
struct PassThrough {
  static constexpr int kPassThrough = kSign;
  template <typename V>
  SKIFF_HD V operator()(V dout) const { return kSign * dout; }
};
template <typename F>
constexpr int PassThroughSign() {
  if constexpr (requires { F::kPassThrough; }) return F::kPassThrough;
  else return 0;
}

/// One operand's gradient: f of some inputs over the broadcast shape, summed over the dimensions in which
/// the operand was broadcast.
class OperandGrad {
 public:
  /// @param target  Output slot, whose shape broadcasts to `full`.
  /// @param slots   Inputs of f, which broadcast to `full`; a PassThrough takes one of the full shape.
  template <typename C, typename F>
  static OperandGrad Make(const F& f, const PrepareContext& context, const char* target,
                          const Shape& full, std::initializer_list<const char*> slots) {
    OperandGrad grad;
    constexpr int kSign = PassThroughSign<F>();
    const DType from = kSign != 0 ? context.Input(*slots.begin()).dtype : kDTypeOf<C>;
    ReducePlan plan;
    if (grad.Plan(context, target, full, kDTypeOf<C>, from, &plan)) {
      if (kSign != 0) plan.scale = kSign;
      grad.reduce_ = MakeReduceOp<C>(SumReducer{}, plan);
      if (kSign != 0) {
        grad.through_ = context.InputIndex(*slots.begin());
        return grad;
      }
      grad.map_bytes_ = (full.NumElements() * sizeof(C) + 63) / 64 * 64;
    }
    grad.map_ = MakeMapOp<C>(f, grad.PlanFull(context, full, kDTypeOf<C>, slots));
    return grad;
  }

  size_t workspace_bytes() const { return map_bytes_ + reduce_.workspace_bytes(); }

  void Run(const KernelArgs& args) const;

 private:
  // True, with a plan, where the target is smaller than the full shape.
  bool Plan(const PrepareContext& context, const char* target, const Shape& full, DType compute,
            DType from, ReducePlan* plan);
  MapPlan PlanFull(const PrepareContext& context, const Shape& full, DType compute,
                   std::initializer_list<const char*> slots) const;

  int index_ = 0;
  int through_ = -1;  // the input that is summed as it is
  bool reduces_ = false;
  DType dtype_ = DType::kUndefined;
  size_t map_bytes_ = 0;
  MapOp map_;
  ReduceOp reduce_;
};

std::unique_ptr<Kernel> MakeOperandGradsKernel(std::vector<OperandGrad> grads, PrepareContext& context);

/// X@GRAD and Y@GRAD of an elementwise operator, each where it is wanted.
template <typename FX, typename FY>
struct BroadcastGrad {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& context) {
    std::vector<OperandGrad> grads;
    if (context.HasOutput("X@GRAD")) grads.push_back(Make<C, FX>(context, "X@GRAD"));
    if (context.HasOutput("Y@GRAD")) grads.push_back(Make<C, FY>(context, "Y@GRAD"));
    return MakeOperandGradsKernel(std::move(grads), context);
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& context) {
    return PrepareAs<Compute<T>>(context);
  }

 private:
  /// A functor of one value takes Out@GRAD, one of three X, Y and Out@GRAD.
  template <typename C, typename F>
  static OperandGrad Make(const PrepareContext& context, const char* target) {
    const Shape& full = context.Input("Out@GRAD").shape;
    const F f = MakeFunctor<F>(context);
    if constexpr (NumInputs<F, C>() == 1) {
      return OperandGrad::Make<C>(f, context, target, full, {"Out@GRAD"});
    } else {
      return OperandGrad::Make<C>(f, context, target, full, {"X", "Y", "Out@GRAD"});
    }
  }
};

}  // namespace SKIFF_VARIANT
}  // namespace skiff
