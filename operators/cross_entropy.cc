// Losses of classification, row by row: -log of the probability at the label.
#include "operators/kernel/rowwise.h"
#include "operators/kernel/unary.h"

namespace skiff {
namespace {

/// The class a hard label names; -1 for the ignored one. @throws OutOfRange on the CPU; on a card, which
/// cannot throw, a label that names no class gives NaN.
template <typename C>
SKIFF_HD inline int64_t ClassOf(C label, int64_t num_classes, int64_t ignore_index) {
  const int64_t k = static_cast<int64_t>(label);
  if (k == ignore_index) return -1;
#if !defined(__CUDACC__)
  SKIFF_ENFORCE(k >= 0 && k < num_classes, OutOfRange, "a label is ", k, "; it must be in [0, ",
                num_classes, ") or the ignore_index ", ignore_index);
#else
  if (k < 0 || k >= num_classes) return -2;
#endif
  return k;
}

struct LossAttrs {
  explicit LossAttrs(const Attrs& attrs)
      : ignore_index(attrs.Get<int64_t>("ignore_index")),
        soft(attrs.Get<bool>("soft_label")),
        softmax(attrs.Get<bool>("use_softmax")) {}
  int64_t ignore_index;
  bool soft, softmax;
};

/// Softmax = softmax(Logits), Loss = -sum(Label log(Softmax)).
struct SoftmaxLoss : LossAttrs {
  using LossAttrs::LossAttrs;
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0), label = row.In(1);
    const auto y = row.Out(0), loss = row.Out(1);
    using C = std::decay_t<decltype(x[0])>;
    C max = 0, log_sum = 0;
    if (softmax) {
      max = row.Max([=](int64_t i) { return x[i]; });
      const C m = max;
      const C sum = row.Sum([=](int64_t i) { return math::Exp(x[i] - m); });
      log_sum = math::Log(sum);
    }
    // The loss first: Softmax may take the memory of Logits.
    const C shift = max + log_sum;
    const bool logits = softmax;
    const auto log_probability = [=](int64_t i) { return logits ? x[i] - shift : math::Log(x[i]); };
    C value = 0;
    if (soft) {
      value = -row.Sum([=](int64_t i) {
        return label[i] == C(0) ? C(0) : label[i] * log_probability(i);
      });
    } else {
      const int64_t k = ClassOf(label[0], row.n, ignore_index);
      value = k >= 0 ? -log_probability(k) : k == -1 ? C(0) : std::numeric_limits<C>::quiet_NaN();
    }
    row.Wait();  // until all have read x
    if (y) {
      if (logits) row.Each([=](int64_t i) { y.Set(i, math::Exp(x[i] - shift)); });
      else row.Each([=](int64_t i) { y.Set(i, x[i]); });
    }
    loss.Set(0, value);
  }
};

struct SoftmaxLossGrad : LossAttrs {
  using LossAttrs::LossAttrs;
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto y = row.In(0), label = row.In(1), dloss = row.In(2);
    const auto dx = row.Out(0);
    using C = std::decay_t<decltype(y[0])>;
    const C d = dloss[0];
    if (soft) {
      if (softmax) row.Each([=](int64_t i) { dx.Set(i, (y[i] - label[i]) * d); });
      else row.Each([=](int64_t i) { dx.Set(i, -label[i] / y[i] * d); });
      return;
    }
    const int64_t k = ClassOf(label[0], row.n, ignore_index);
    if (k < 0) {
      row.Each([=](int64_t i) { dx.Set(i, C(0)); });
    } else if (softmax) {
      row.Each([=](int64_t i) { dx.Set(i, (y[i] - C(i == k)) * d); });
    } else {
      row.Each([=](int64_t i) { dx.Set(i, math::Select(i == k, -d / y[i], C(0))); });
    }
  }
};

template <typename F>
struct SoftmaxLossKernel {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const bool forward = c.HasInput("Logits");
    const Shape& x = forward ? c.Input("Logits").shape : c.Input("Softmax").shape;
    const int axis = NormalizeAxis(c.Attr<int64_t>("axis"), x.rank());
    RowPlan plan(kDTypeOf<C>, x, axis);
    const bool soft = c.Attr<bool>("soft_label");
    const int64_t labels = c.Input("Label").shape.NumElements();
    SKIFF_ENFORCE(labels == (soft ? x.NumElements() : plan.rows), InvalidArgument, "Label is ",
                  c.Input("Label").shape, "; for ", soft ? "soft" : "hard", " labels of Logits ", x,
                  " it must hold ", soft ? x.NumElements() : plan.rows, " elements");
    plan.AddIn(c, forward ? "Logits" : "Softmax", RowKind::kRow);
    plan.AddIn(c, "Label", soft ? RowKind::kRow : RowKind::kScalar);
    if (!forward) plan.AddIn(c, "Loss@GRAD", RowKind::kScalar);
    plan.AddOut(c, forward ? "Softmax" : "Logits@GRAD", RowKind::kRow);
    if (forward) plan.AddOut(c, "Loss", RowKind::kScalar);
    return MakeRowKernel<C>(MakeFunctor<F>(c), plan);
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }
};

SKIFF_OP(softmax_with_cross_entropy)
    .Doc("Softmax = softmax(Logits), Loss = -log(Softmax[Label]), or -sum(Label log(Softmax)) for soft labels.")
    .Source("names and defaults of Paddle's softmax_with_cross_entropy")
    .Input("Logits", "scores; probabilities when not use_softmax")
    .Input("Label", "class numbers with extent 1 along axis; probabilities of Logits' shape when soft_label")
    .OptionalOutput("Softmax", "shape and dtype of Logits")
    .Output("Loss", "shape of Logits with extent 1 along axis")
    .Attr("soft_label", false, "whether Label holds probabilities")
    .Attr("use_softmax", true, "false: Logits hold probabilities already")
    .Attr("numeric_stable_mode", true, "ignored: the row's maximum is always subtracted")
    .Attr("ignore_index", -100, "hard label whose loss and gradient are 0")
    .Attr("axis", -1, "dimension of the classes")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("Logits");
      const int axis = NormalizeAxis(c.Attr<int64_t>("axis"), x.shape.rank());
      TensorMeta loss{x.shape, x.dtype, x.lod_level};
      loss.shape[axis] = 1;
      c.SetOutput("Softmax", TensorMeta{x.shape, x.dtype, x.lod_level});
      c.SetOutput("Loss", loss);
    })
    .Gradient(StandardGrad({"Label"}, {"Softmax"}, {"Loss"}, {"Logits"}))
    .Kernel<SoftmaxLossKernel<SoftmaxLoss>, SKIFF_FLOATS>();

SKIFF_OP(softmax_with_cross_entropy_grad)
    .Doc("Logits@GRAD = (Softmax - Label) Loss@GRAD, a hard label counting as 1 at its class.")
    .Source("derivative of softmax_with_cross_entropy")
    .Input("Softmax", "output of the forward operator")
    .Input("Label", "as in the forward operator")
    .Input("Loss@GRAD", "shape of Loss")
    .Output("Logits@GRAD", "shape and dtype of Softmax")
    .Attr("soft_label", false, "as in the forward operator")
    .Attr("use_softmax", true, "as in the forward operator")
    .Attr("numeric_stable_mode", true, "as in the forward operator")
    .Attr("ignore_index", -100, "as in the forward operator")
    .Attr("axis", -1, "as in the forward operator")
    .SameDType({"Softmax", "Loss@GRAD"})
    .InferShape(Like("Logits@GRAD", "Softmax"))
    .Inplace("Softmax", "Logits@GRAD")
    .Kernel<SoftmaxLossKernel<SoftmaxLossGrad>, SKIFF_FLOATS>();

/// Y = -log(X[Label]) of probabilities, within what Paddle lets pass: +-1e20 in place of infinity.
struct ProbabilityLoss {
  explicit ProbabilityLoss(const Attrs& attrs)
      : ignore_index(attrs.Get<int64_t>("ignore_index")), soft(attrs.Get<bool>("soft_label", false)) {}
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0), label = row.In(1);
    const auto y = row.Out(0), match = row.Out(1);
    using C = std::decay_t<decltype(x[0])>;
    const auto bounded_log = [=](C v) { return math::Max(math::Log(v), C(-1e20)); };
    if (soft) {
      const C loss = -row.Sum([=](int64_t i) { return label[i] * bounded_log(x[i]); });
      y.Set(0, loss);
      return;
    }
    const int64_t k = ClassOf(label[0], row.n, ignore_index);
    const C at = k >= 0 ? x[k] : k == -1 ? C(1) : std::numeric_limits<C>::quiet_NaN();
    y.Set(0, k == -1 ? C(0) : -bounded_log(at));
    if (match) match.Set(0, k == -1 ? C(0) : at);
  }
  int64_t ignore_index;
  bool soft;
};

/// X@GRAD = -Y@GRAD Label / X. In cross_entropy2 MatchX stands for X at the label.
struct ProbabilityLossGrad {
  explicit ProbabilityLossGrad(const PrepareContext& c)
      : ignore_index(c.Attr<int64_t>("ignore_index")),
        soft(c.attrs().Get<bool>("soft_label", false)),
        matched(c.HasInput("MatchX")) {}
  template <typename Row>
  SKIFF_HD void operator()(const Row& row) const {
    const auto x = row.In(0), label = row.In(1), dy = row.In(2);
    const auto dx = row.Out(0);
    using C = std::decay_t<decltype(dy[0])>;
    const C d = dy[0];
    if (soft) {
      row.Each([=](int64_t i) { dx.Set(i, -label[i] / x[i] * d); });
      return;
    }
    const int64_t k = ClassOf(label[0], row.n, ignore_index);
    const bool one = matched;
    row.Each([=](int64_t i) { dx.Set(i, i == k ? -d / x[one ? 0 : i] : C(0)); });
  }
  int64_t ignore_index;
  bool soft, matched;
};

struct ProbabilityLossKernel {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    RowPlan plan(kDTypeOf<C>, x, x.rank() - 1);
    const bool soft = c.attrs().Get<bool>("soft_label", false);
    plan.AddIn(c, "X", RowKind::kRow);
    plan.AddIn(c, "Label", soft ? RowKind::kRow : RowKind::kScalar);
    plan.AddOut(c, "Y", RowKind::kScalar);
    plan.AddOut(c, "MatchX", RowKind::kScalar);
    return MakeRowKernel<C>(MakeFunctor<ProbabilityLoss>(c), plan);
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }
};
struct ProbabilityLossGradKernel {
  template <typename C>
  static std::unique_ptr<Kernel> PrepareAs(PrepareContext& c) {
    const Shape& x = c.Output("X@GRAD").shape;
    RowPlan plan(kDTypeOf<C>, x, x.rank() - 1);
    const bool soft = c.attrs().Get<bool>("soft_label", false);
    if (c.HasInput("MatchX")) plan.AddIn(c, "MatchX", RowKind::kScalar);
    else plan.AddIn(c, "X", RowKind::kRow);
    plan.AddIn(c, "Label", soft ? RowKind::kRow : RowKind::kScalar);
    plan.AddIn(c, "Y@GRAD", RowKind::kScalar);
    plan.AddOut(c, "X@GRAD", RowKind::kRow);
    return MakeRowKernel<C>(MakeFunctor<ProbabilityLossGrad>(c), plan);
  }
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) { return PrepareAs<Compute<T>>(c); }
};

[[maybe_unused]] void InferProbabilityLoss(InferContext& c) {
  const TensorMeta& x = c.Input("X");
  SKIFF_ENFORCE(x.shape.rank() >= 1, InvalidArgument, "X is ", x.shape, "; it needs a dimension of classes");
  TensorMeta y{x.shape, x.dtype, x.lod_level};
  y.shape[x.shape.rank() - 1] = 1;
  const Shape& label = c.InputShape("Label");
  const bool soft = c.attrs().Has("soft_label") && c.Attr<bool>("soft_label");
  const Shape& wanted = soft ? x.shape : y.shape;
  SKIFF_ENFORCE(!wanted.IsKnown() || !label.IsKnown() || label.NumElements() == wanted.NumElements(), InvalidArgument, "Label is ", label,
                ", X ", x.shape, "; it must hold ", wanted.NumElements(), " elements");
  c.SetOutput("Y", y);
  c.SetOutput("MatchX", y.shape, x.dtype);
  Shape with_zero = x.shape;
  with_zero.Append(0);
  c.SetOutput("XShape", with_zero, x.dtype);
}

SKIFF_OP(cross_entropy)
    .Doc("Y = -log(X[Label]), or -sum(Label log(X)) for soft labels.")
    .Source("names and defaults of Paddle's cross_entropy")
    .Input("X", "probabilities, classes last")
    .Input("Label", "class numbers; probabilities of X's shape when soft_label")
    .Output("Y", "shape of X with last extent 1")
    .Attr("soft_label", false, "whether Label holds probabilities")
    .Attr("ignore_index", -100, "hard label whose loss and gradient are 0")
    .InferShape(InferProbabilityLoss)
    .Gradient(StandardGrad({"X", "Label"}, {}, {"Y"}, {"X"}))
    .Kernel<ProbabilityLossKernel, float, double>();

SKIFF_OP(cross_entropy_grad)
    .Doc("X@GRAD = -Y@GRAD Label / X.")
    .Source("derivative of cross_entropy")
    .Input("X", "as in cross_entropy")
    .Input("Label", "as in cross_entropy")
    .Input("Y@GRAD", "shape of Y")
    .Output("X@GRAD", "shape and dtype of X")
    .Attr("soft_label", false, "as in cross_entropy")
    .Attr("ignore_index", -100, "as in cross_entropy")
    .InferShape(Like("X@GRAD", "X"))
    .Kernel<ProbabilityLossGradKernel, float, double>();

SKIFF_OP(cross_entropy2)
    .Doc("MatchX = X[Label], Y = -log(MatchX).")
    .Source("names and defaults of Paddle's cross_entropy2")
    .Input("X", "probabilities, classes last")
    .Input("Label", "class numbers")
    .Output("Y", "shape of X with last extent 1")
    .OptionalOutput("MatchX", "shape of Y")
    .OptionalOutput("XShape", "shape of X and a 0, without elements")
    .Attr("ignore_index", -100, "label whose loss and gradient are 0")
    .InferShape(InferProbabilityLoss)
    .Gradient(StandardGrad({"Label"}, {"MatchX", "XShape"}, {"Y"}, {"X"}))
    .Kernel<ProbabilityLossKernel, float, double>();

SKIFF_OP(cross_entropy2_grad)
    .Doc("X@GRAD = -Y@GRAD / MatchX at the label, 0 elsewhere.")
    .Source("derivative of cross_entropy2")
    .Input("Label", "as in cross_entropy2")
    .Input("MatchX", "output of cross_entropy2")
    .Input("XShape", "output of cross_entropy2")
    .Input("Y@GRAD", "shape of Y")
    .Output("X@GRAD", "shape of X, dtype of Y@GRAD")
    .Attr("ignore_index", -100, "as in cross_entropy2")
    .Alike({"MatchX", "Y@GRAD"})
    .InferShape([](InferContext& c) {
      Shape x = c.InputShape("XShape");
      SKIFF_ENFORCE(x.rank() >= 2, InvalidArgument, "XShape is ", x, "; expected the shape of X and a 0");
      x.Erase(x.rank() - 1);
      for (const char* slot : {"Label", "MatchX"}) {
        const Shape& given = c.InputShape(slot);
        SKIFF_ENFORCE(!x.IsKnown() || !given.IsKnown() || given.NumElements() == x.Product(0, x.rank() - 1), InvalidArgument, slot, " is ",
                      given, ", X was ", x, "; one element is wanted for each row");
      }
      c.SetOutput("X@GRAD", x, c.InputDType("Y@GRAD"));
    })
    .KeyedBy("Y@GRAD")
    .Kernel<ProbabilityLossGradKernel, float, double>();

}  // namespace
}  // namespace skiff
