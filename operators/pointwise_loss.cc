// Losses of one number and its label: log_loss, bce_loss, hinge_loss, rank_loss, modified_huber_loss,
// teacher_student_sigmoid_loss, kldiv_loss. All follow the shape of the prediction, but kldiv_loss, which may be
// reduced.
#include "operators/kernel/broadcast.h"
#include "operators/kernel/unary.h"
#include "operators/kernel_parts.h"

namespace skiff {
namespace {

struct LogLoss {
  explicit LogLoss(const Attrs& attrs) : epsilon(attrs.Get<float>("epsilon")) {}
  template <typename V> SKIFF_HD V operator()(V p, V y) const {
    return -y * math::Log(p + V(epsilon)) - (V(1) - y) * math::Log(V(1) - p + V(epsilon));
  }
  float epsilon;
};
struct LogLossGrad {
  explicit LogLossGrad(const Attrs& attrs) : epsilon(attrs.Get<float>("epsilon")) {}
  template <typename V> SKIFF_HD V operator()(V p, V y, V dloss) const {
    return dloss * ((V(1) - y) / (V(1) - p + V(epsilon)) - y / (p + V(epsilon)));
  }
  float epsilon;
};
// Logarithms end at -100.
struct BceLoss {
  template <typename V> SKIFF_HD V operator()(V x, V label) const {
    return -(label * math::Max(math::Log(x), V(-100)) + (V(1) - label) * math::Max(math::Log(V(1) - x), V(-100)));
  }
};
struct BceLossGrad {
  template <typename V> SKIFF_HD V operator()(V x, V label, V dout) const {
    return dout * (x - label) / math::Max((V(1) - x) * x, V(1e-12));
  }
};
struct HingeLoss {
  template <typename V> SKIFF_HD V operator()(V x, V label) const { return math::Max(V(1) - x * (V(2) * label - V(1)), V(0)); }
};
struct HingeLossGrad {
  template <typename V> SKIFF_HD V operator()(V x, V label, V dloss) const {
    const V sign = V(2) * label - V(1);
    return math::Select(x * sign < V(1), -dloss * sign, V(0));
  }
};
struct RankLoss {
  template <typename V> SKIFF_HD V operator()(V label, V left, V right) const {
    const V o = left - right;
    return math::Max(o, V(0)) + math::Log1p(math::Exp(-math::Abs(o))) - label * o;
  }
};
struct RankLossGrad {
  template <typename V> SKIFF_HD Two<V> operator()(V label, V left, V right, V dout) const {
    const V g = dout * (math::Sigmoid(left - right) - label);
    return {g, -g};
  }
};
struct ModifiedHuber {
  template <typename V> SKIFF_HD Two<V> operator()(V x, V y) const {
    const V v = (V(2) * y - V(1)) * x;
    return {v, math::Select(v < V(-1), V(-4) * v, math::Select(v < V(1), math::Square(V(1) - v), V(0)))};
  }
};
struct ModifiedHuberGrad {
  template <typename V> SKIFF_HD V operator()(V y, V v, V dout) const {
    const V sign = V(2) * y - V(1);
    return dout * sign * math::Select(v < V(-1), V(-4), math::Select(v < V(1), V(-2) * (V(1) - v), V(0)));
  }
};
/// A label below 0 tells only whether there was a click: -2 none, -1 one; from 0 on it holds the teacher's
/// score besides, plus 1 where there was a click.
struct TeacherStudent {
  template <typename V> SKIFF_HD V operator()(V x, V label) const {
    const V base = math::Max(x, V(0)) + math::Log1p(math::Exp(-math::Abs(x)));
    const V clicked = base - x;
    return math::Select(label < V(-1), base,
                        math::Select(label < V(0), clicked,
                                     math::Select(label < V(1), base + (base - x * label),
                                                  clicked + (base - x * (label - V(1))))));
  }
};
struct TeacherStudentGrad {
  explicit TeacherStudentGrad(const Attrs& attrs)
      : upper(attrs.Get<float>("soft_max_up_bound")), lower(attrs.Get<float>("soft_max_lower_bound")) {}
  template <typename V> SKIFF_HD V operator()(V x, V label, V dout) const {
    const V p = math::Sigmoid(x);
    const V g = math::Select(label < V(-1), p, math::Select(label < V(0), p - V(1), V(2) * p - label));
    return math::Select((x < V(upper)) & (x > V(lower)), dout * g, V(0));
  }
  float upper, lower;
};

// ---- kldiv_loss ------------------------------------------------------------------------------------------------

struct KlDivergence {
  template <typename V> SKIFF_HD V operator()(V x, V target) const {
    return math::Select(target > V(0), target * (math::Log(math::Max(target, V(1e-30))) - x), V(0));
  }
};
struct KlDivergenceGrad {
  template <typename V> SKIFF_HD V operator()(V target, V dloss) const {
    return math::Select(target > V(0), -target * dloss * V(scale), V(0));
  }
  double scale = 1;
};

/// What a reduction divides the sum by; 0 where there is none.
double Divisor(const Attrs& attrs, const Shape& x) {
  const auto reduction = attrs.Get<std::string>("reduction");
  if (reduction == "none") return 0;
  if (reduction == "sum") return 1;
  if (reduction == "mean") return static_cast<double>(std::max<int64_t>(x.NumElements(), 1));
  SKIFF_ENFORCE(reduction == "batchmean", InvalidArgument, "reduction is \"", reduction,
                "\"; expected none, batchmean, mean or sum");
  return static_cast<double>(std::max<int64_t>(x.rank() > 0 ? x[0] : 1, 1));
}

struct KlDivLoss {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const TensorInfo& x = c.Input("X");
    const double divisor = Divisor(c.attrs(), x.shape);
    if (divisor == 0) return Map<KlDivergence>::PrepareAs<C>(c);
    const Shape flat{x.shape.NumElements()};
    const MapOp map = MakeMapOp<C>(
        KlDivergence{}, MakeMapPlan(kDTypeOf<C>, flat, {{0, x.dtype, flat}, {1, c.Input("Target").dtype, flat}}, {{0, kDTypeOf<C>}}));
    ReducePlan plan = MakeReducePlan(kDTypeOf<C>, flat, {true}, kDTypeOf<C>, c.Output("Loss").dtype);
    plan.scale = 1 / divisor;
    const ReduceOp reduce = MakeReduceOp<C>(SumReducer{}, plan);
    const size_t bytes = (flat[0] * sizeof(C) + 63) / 64 * 64;
    c.RequestWorkspace(bytes + reduce.workspace_bytes());
    return MakeKernel([=, target = c.InputIndex("Target")](const KernelArgs& args) {
      const void* in[] = {args.in[0], args.in[target]};
      void* terms = args.workspace;
      map.Run(in, &terms, args);
      reduce.Run(terms, args.out[0], static_cast<char*>(args.workspace) + bytes, args);
    });
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }
};

struct KlDivLossGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    using C = Compute<T>;
    const TensorInfo &target = c.Input("Target"), &loss = c.Input("Loss@GRAD");
    const double divisor = Divisor(c.attrs(), target.shape);
    const Shape flat{target.shape.NumElements()}, one = divisor == 0 ? flat : Shape{1};
    return MakeMapKernel(MakeMapOp<C>(
        KlDivergenceGrad{divisor == 0 ? 1 : 1 / divisor},
        MakeMapPlan(kDTypeOf<C>, flat, {{c.InputIndex("Target"), target.dtype, flat}, {c.InputIndex("Loss@GRAD"), loss.dtype, one}},
                    {{0, c.Output("X@GRAD").dtype}})));
  }
};

[[maybe_unused]] InferFn SameShapes(const char* in, const char* other, const char* out) {
  return [=](InferContext& c) {
    const TensorMeta x = c.Input(in);
    const Shape& y = c.InputShape(other);
    SKIFF_ENFORCE(!x.shape.IsKnown() || !y.IsKnown() || x.shape.NumElements() == y.NumElements(), InvalidArgument, in, " is ",
                  x.shape, ", ", other, " ", y, "; they must be equal");
    c.SetOutput(out, TensorMeta{x.shape, x.dtype, x.lod_level});
  };
}

#define SKIFF_POINTWISE_LOSS(type, x, y, out, doc)                       \
  SKIFF_OP(type)                                                         \
      .Doc(doc)                                                          \
      .Source("names and defaults of Paddle's " #type)                   \
      .Input(x, "predictions")                                           \
      .Input(y, "shape of the predictions")                              \
      .Output(out, "shape of the predictions")                           \
      .InferShape(SameShapes(x, y, out))                                 \
      .Gradient(StandardGrad({x, y}, {}, {out}, {x}))
#define SKIFF_POINTWISE_LOSS_GRAD(type, x, y, out, doc)                  \
  SKIFF_OP(type##_grad)                                                  \
      .Doc(doc)                                                          \
      .Source("derivative of " #type)                                    \
      .Input(x, "as in " #type)                                          \
      .Input(y, "as in " #type)                                          \
      .Input(out "@GRAD", "shape of the predictions")                    \
      .Output(x "@GRAD", "shape of the predictions")                     \
      .InferShape(Like(x "@GRAD", x))

SKIFF_POINTWISE_LOSS(log_loss, "Predicted", "Labels", "Loss", "Loss = -y log(p + epsilon) - (1 - y) log(1 - p + epsilon).")
    .Attr("epsilon", 1e-4f, "keeps the logarithms finite")
    .Kernel<Map<LogLoss>, float, double>();
SKIFF_POINTWISE_LOSS_GRAD(log_loss, "Predicted", "Labels", "Loss", "The gradient of log_loss to p.")
    .Attr("epsilon", 1e-4f, "as in log_loss")
    .Kernel<Map<LogLossGrad>, float, double>();

SKIFF_POINTWISE_LOSS(bce_loss, "X", "Label", "Out", "Out = -label log X - (1 - label) log(1 - X), logarithms not below -100.")
    .Kernel<Map<BceLoss>, SKIFF_FLOATS>();
SKIFF_POINTWISE_LOSS_GRAD(bce_loss, "X", "Label", "Out", "X@GRAD = Out@GRAD (X - label) / (X (1 - X)).")
    .Kernel<Map<BceLossGrad>, SKIFF_FLOATS>();

SKIFF_POINTWISE_LOSS(hinge_loss, "Logits", "Labels", "Loss", "Loss = max(1 - x (2 y - 1), 0) for labels y of 0 and 1.")
    .Kernel<Map<HingeLoss>, float, double>();
SKIFF_POINTWISE_LOSS_GRAD(hinge_loss, "Logits", "Labels", "Loss", "The gradient of hinge_loss to the logits.")
    .Kernel<Map<HingeLossGrad>, float, double>();

SKIFF_POINTWISE_LOSS(teacher_student_sigmoid_loss, "X", "Label", "Y",
                     "Y = the cross entropy of sigmoid(X) with a click, and with a teacher's score where Label holds one.")
    .Attr("soft_max_up_bound", 15.0f, "beyond it no gradient flows")
    .Attr("soft_max_lower_bound", -15.0f, "below it no gradient flows")
    .Kernel<Map<TeacherStudent>, float, double>();
SKIFF_POINTWISE_LOSS_GRAD(teacher_student_sigmoid_loss, "X", "Label", "Y", "The gradient of teacher_student_sigmoid_loss to X.")
    .Attr("soft_max_up_bound", 15.0f, "as in the forward operator")
    .Attr("soft_max_lower_bound", -15.0f, "as in the forward operator")
    .Kernel<Map<TeacherStudentGrad>, float, double>();

SKIFF_OP(rank_loss)
    .Doc("Out = log(1 + exp(o)) - Label o with o = Left - Right.")
    .Source("Burges et al., Learning to rank using gradient descent, 2005; names of Paddle's rank_loss")
    .Input("Label", "1 where Left ranks higher, 0 where Right does, 0.5 for a tie")
    .Input("Left", "score, shape of Label")
    .Input("Right", "score, shape of Label")
    .Output("Out", "shape of Label")
    .InferShape(SameShapes("Label", "Left", "Out"))
    .Gradient(StandardGrad({"Label", "Left", "Right"}, {}, {"Out"}, {"Left", "Right"}))
    .Kernel<Map<RankLoss>, float, double>();
SKIFF_OP(rank_loss_grad)
    .Doc("Left@GRAD = Out@GRAD (sigmoid(Left - Right) - Label), Right@GRAD = -Left@GRAD.")
    .Input("Label", "as in rank_loss")
    .Input("Left", "as in rank_loss")
    .Input("Right", "as in rank_loss")
    .Input("Out@GRAD", "shape of Label")
    .OptionalOutput("Left@GRAD", "shape of Label")
    .OptionalOutput("Right@GRAD", "shape of Label")
    .InferShape(GradsLikeInputs())
    .Kernel<Map<RankLossGrad>, float, double>();

SKIFF_OP(modified_huber_loss)
    .Doc("With v = (2 Y - 1) X: Out = -4 v below -1, (1 - v)^2 below 1, else 0.")
    .Source("Zhang, Solving large scale linear prediction problems, 2004; names of Paddle's modified_huber_loss")
    .Input("X", "predictions")
    .Input("Y", "0 or 1, shape of X")
    .OptionalOutput("IntermediateVal", "v")
    .Output("Out", "shape of X")
    .InferShape([](InferContext& c) {
      SameShapes("X", "Y", "Out")(c);
      c.SetOutput("IntermediateVal", c.InputShape("X"), c.InputDType("X"));
    })
    .Gradient(StandardGrad({"Y"}, {"IntermediateVal"}, {"Out"}, {"X"}))
    .Kernel<Map<ModifiedHuber>, float, double>();
SKIFF_OP(modified_huber_loss_grad)
    .Doc("X@GRAD = Out@GRAD (2 Y - 1) (-4 below v = -1, -2 (1 - v) below 1, else 0).")
    .Input("Y", "as in modified_huber_loss")
    .Input("IntermediateVal", "of modified_huber_loss")
    .Input("Out@GRAD", "shape of X")
    .Output("X@GRAD", "shape of X")
    .InferShape(Like("X@GRAD", "Y"))
    .Kernel<Map<ModifiedHuberGrad>, float, double>();

SKIFF_OP(kldiv_loss)
    .Doc("Loss = Target (log Target - X), 0 where Target is not positive; reduced as the attribute says.")
    .Source("paddle.nn.functional.kl_div")
    .Input("X", "logarithms of probabilities")
    .Input("Target", "probabilities, shape of X")
    .Output("Loss", "shape of X, or a scalar")
    .Attr("reduction", "mean", "none, sum, mean, or batchmean (the sum / extent of axis 0)")
    .InferShape([](InferContext& c) {
      SameShapes("X", "Target", "Loss")(c);
      if (Divisor(c.attrs(), Shape{1}) != 0) c.SetOutput("Loss", Shape{}, c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X", "Target"}, {}, {"Loss"}, {"X"}))
    .Kernel<KlDivLoss, SKIFF_FLOATS>();
SKIFF_OP(kldiv_loss_grad)
    .Doc("X@GRAD = -Target Loss@GRAD where Target is positive, divided as the loss was.")
    .Input("X", "as in kldiv_loss")
    .Input("Target", "as in kldiv_loss")
    .Input("Loss@GRAD", "as Loss of kldiv_loss")
    .Output("X@GRAD", "shape of X")
    .Attr("reduction", "mean", "as in kldiv_loss")
    .InferShape(Like("X@GRAD", "X"))
    .Kernel<KlDivLossGrad, SKIFF_FLOATS>();

}  // namespace
}  // namespace skiff
