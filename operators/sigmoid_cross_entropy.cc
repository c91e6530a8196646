// sigmoid_cross_entropy_with_logits: a loss of independent yes-or-no labels.
#include "operators/kernel/reduce.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

// Paddle's forward weights the logarithm and its gradient the sigmoid; both are kept, although the one
// is not the derivative of the other where pos_weight is not 1.
struct SigmoidLoss {
  explicit SigmoidLoss(const Attrs& attrs) : ignore_index(attrs.Get<int64_t>("ignore_index")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V label, V weight) const {
    const V loss = math::Max(x, V(0)) - x * label + weight * math::Log1p(math::Exp(-math::Abs(x)));
    return math::Select(label == V(ignore_index), V(0), loss);
  }
  template <typename V>
  SKIFF_HD V operator()(V x, V label) const { return (*this)(x, label, V(1)); }
  int64_t ignore_index;
};
struct SigmoidLossGrad {
  explicit SigmoidLossGrad(const Attrs& attrs) : ignore_index(attrs.Get<int64_t>("ignore_index")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V label, V weight, V dout) const {
    const V d = (math::Sigmoid(x) * weight - label) * dout;
    return math::Select(label == V(ignore_index), V(0), d);
  }
  template <typename V>
  SKIFF_HD V operator()(V x, V label, V dout) const { return (*this)(x, label, V(1), dout); }
  int64_t ignore_index;
};
struct KeptCount : SumReducer {
  explicit KeptCount(int64_t ignore_index) : ignore_index(ignore_index) {}
  template <typename V> SKIFF_HD V Map(V label) const { return V(label != V(ignore_index)); }
  template <typename V> SKIFF_HD V Finish(V count) const { return math::Max(count, V(1e-5)); }
  int64_t ignore_index;
};
struct DivideBy {
  template <typename V> SKIFF_HD V operator()(V x, V by) const { return x / by; }
};

/// A map over X, Label, pos_weight and Out@GRAD, each where it is there; divided by the count of labels
/// that are not ignored when `normalize`.
template <typename F, bool kBackward>
struct SigmoidLossKernel {
  /// Binds the functor to a fixed count of values: it has a form with pos_weight and one without.
  struct Plain {
    F f;
    template <typename V>
      requires(!kBackward)
    SKIFF_HD V operator()(V x, V label) const { return f(x, label); }
    template <typename V>
      requires(kBackward)
    SKIFF_HD V operator()(V x, V label, V dout) const { return f(x, label, dout); }
  };
  struct Weighted {
    F f;
    template <typename V>
      requires(!kBackward)
    SKIFF_HD V operator()(V x, V label, V weight) const { return f(x, label, weight); }
    template <typename V>
      requires(kBackward)
    SKIFF_HD V operator()(V x, V label, V weight, V dout) const { return f(x, label, weight, dout); }
  };

  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const TensorInfo& out = c.outputs.at(0);
    std::vector<MapInput> in;
    for (const char* slot : {"X", "Label", "pos_weight", "Out@GRAD"}) {
      if (!c.HasInput(slot)) continue;
      const TensorInfo& x = c.Input(slot);
      in.push_back({c.InputIndex(slot), x.dtype, AlignToRank(x.shape, out.shape.rank(), -1)});
    }
    const std::pair<int, DType> target{0, out.dtype};
    const MapPlan plan = MakeMapPlan(kDTypeOf<C>, out.shape, in.data(), static_cast<int>(in.size()),
                                     &target, 1);
    const F f = MakeFunctor<F>(c);
    const MapOp loss = c.HasInput("pos_weight") ? MakeMapOp<C>(Weighted{f}, plan) : MakeMapOp<C>(Plain{f}, plan);
    if (!c.Attr<bool>("normalize")) return MakeMapKernel(loss);
    const TensorInfo& label = c.Input("Label");
    const ReduceOp count = MakeReduceOp<C>(
        KeptCount(c.Attr<int64_t>("ignore_index")),
        MakeReducePlan(kDTypeOf<C>, label.shape, std::vector<bool>(label.shape.rank(), true), label.dtype,
                       kDTypeOf<C>));
    const Shape flat{out.shape.NumElements()};
    const MapOp divide = MakeMapOp<C>(
        DivideBy{}, MakeMapPlan(kDTypeOf<C>, flat, {{0, out.dtype, flat}, {1, kDTypeOf<C>, Shape{1}}},
                                {{0, out.dtype}}));
    const int label_at = c.InputIndex("Label");
    c.RequestWorkspace(64 + count.workspace_bytes());
    return MakeKernel([=](const KernelArgs& args) {
      void* total = args.workspace;
      count.Run(args.in[label_at], total, static_cast<char*>(args.workspace) + 64, args);
      loss.Run(args.in, args.out, args);
      const void* operands[] = {args.out[0], total};
      divide.Run(operands, args.out, args);
    });
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }
};

SKIFF_OP(sigmoid_cross_entropy_with_logits)
    .Doc("Out = max(X, 0) - X Label + pos_weight log(1 + exp(-|X|)), 0 where Label is ignore_index.")
    .Source("names and defaults of Paddle's sigmoid_cross_entropy_with_logits")
    .Input("X", "scores")
    .Input("Label", "probabilities, shape of X")
    .OptionalInput("pos_weight", "broadcasts against X; 1 when absent")
    .Output("Out", "shape and dtype of X")
    .Attr("normalize", false, "divide by the count of labels that are not ignored")
    .Attr("ignore_index", -100, "label whose loss and gradient are 0")
    .InferShape(OutLike("X"))
    .Gradient(StandardGrad({"X", "Label", "pos_weight"}, {}, {"Out"}, {"X"}))
    .Kernel<SigmoidLossKernel<SigmoidLoss, false>, SKIFF_FLOATS>();

SKIFF_OP(sigmoid_cross_entropy_with_logits_grad)
    .Doc("X@GRAD = (pos_weight sigmoid(X) - Label) Out@GRAD, 0 where Label is ignore_index.")
    .Source("Paddle's sigmoid_cross_entropy_with_logits_grad")
    .Input("X", "as in the forward operator")
    .Input("Label", "as in the forward operator")
    .OptionalInput("pos_weight", "as in the forward operator")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape and dtype of X")
    .Attr("normalize", false, "as in the forward operator")
    .Attr("ignore_index", -100, "as in the forward operator")
    .InferShape(Like("X@GRAD", "X"))
    .Kernel<SigmoidLossKernel<SigmoidLossGrad, true>, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
