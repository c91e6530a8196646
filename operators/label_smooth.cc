// label_smooth: one-hot labels mixed with a prior distribution.
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

struct LabelSmooth {
  explicit LabelSmooth(const PrepareContext& c) : epsilon(c.Attr<float>("epsilon")) {
    const Shape& x = c.Input("X").shape;
    classes = x.rank() == 0 ? 1 : x[x.rank() - 1];
  }
  template <typename V>
  SKIFF_HD V operator()(V x) const { return (V(1) - V(epsilon)) * x + V(epsilon) / V(classes); }
  float epsilon;
  int64_t classes;
};
struct LabelSmoothPrior {
  explicit LabelSmoothPrior(const Attrs& attrs) : epsilon(attrs.Get<float>("epsilon")) {}
  template <typename V>
  SKIFF_HD V operator()(V x, V prior) const { return (V(1) - V(epsilon)) * x + V(epsilon) * prior; }
  float epsilon;
};
struct LabelSmoothGrad {
  explicit LabelSmoothGrad(const Attrs& attrs) : epsilon(attrs.Get<float>("epsilon")) {}
  template <typename V>
  SKIFF_HD V operator()(V dout) const { return (V(1) - V(epsilon)) * dout; }
  float epsilon;
};
struct LabelSmoothKernel {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    if (!c.HasInput("PriorDist")) return Map<LabelSmooth>::Prepare<Device, T>(c);
    using C = Compute<T>;
    const Shape& x = c.Input("X").shape;
    const Shape prior{c.Input("PriorDist").shape.NumElements()};
    return MakeMapKernel(MakeMapOp<C>(
        MakeFunctor<LabelSmoothPrior>(c),
        MakeMapPlan(kDTypeOf<C>, x,
                    {{c.InputIndex("X"), c.Input("X").dtype, x},
                     {c.InputIndex("PriorDist"), c.Input("PriorDist").dtype, AlignToRank(prior, x.rank(), -1)}},
                    {{0, c.Output("Out").dtype}})));
  }
};

SKIFF_OP(label_smooth)
    .Doc("Out = (1 - epsilon) X + epsilon PriorDist, uniform where there is none.")
    .Source("names and defaults of Paddle's label_smooth")
    .Input("X", "one-hot labels, classes last")
    .OptionalInput("PriorDist", "[1, classes]")
    .Output("Out", "shape and dtype of X")
    .Attr("epsilon", 0.0f, "weight of the prior distribution")
    .InferShape(OutLike("X"))
    .Inplace("X", "Out")
    .Gradient(StandardGrad({}, {}, {"Out"}, {"X"}))
    .Kernel<LabelSmoothKernel, float, double>();

SKIFF_OP(label_smooth_grad)
    .Doc("X@GRAD = (1 - epsilon) Out@GRAD.")
    .Source("derivative of label_smooth")
    .Input("Out@GRAD", "shape and dtype of Out")
    .Output("X@GRAD", "shape and dtype of X")
    .Attr("epsilon", 0.0f, "as in label_smooth")
    .InferShape(Like("X@GRAD", "Out@GRAD"))
    .Inplace("Out@GRAD", "X@GRAD")
    .Kernel<Map<LabelSmoothGrad>, float, double>();

}  // namespace
}  // namespace skiff
