// Losses of a row of scores and the number of its class: nll_loss, bpr_loss.
#include "framework/op/op_schema.h"
#include "operators/kernel/for_each.h"
#include "operators/kernel/rows.h"
#include "operators/kernel/unary.h"

namespace skiff {

namespace {

/// Samples of nll_loss: X is [outer, classes, inner], Label [outer, inner].
struct Samples {
  int64_t outer = 1, classes = 1, inner = 1, ignored = -100;
  SKIFF_HD int64_t Count() const { return outer * inner; }
  SKIFF_HD int64_t Offset(int64_t sample, int64_t label) const {
    return (sample / inner * classes + label) * inner + sample % inner;
  }
};

Samples SamplesOf(const Attrs& attrs, const Shape& x) {
  SKIFF_ENFORCE(x.rank() == 2 || x.rank() == 4, InvalidArgument, "X is ", x, "; expected [samples, classes] or [batch, classes, height, width]");
  return {x[0], x[1], x.Product(2, x.rank()), attrs.Get<int64_t>("ignore_index")};
}

template <typename T>
struct Nll {
  Samples s;
  const T *x, *weight;  // weight may be null
  const int64_t* label;
  SKIFF_HD double Weight(int64_t i) const {
    const int64_t k = label[i];
    if (k == s.ignored || k < 0 || k >= s.classes) return 0;
    return weight == nullptr ? 1 : static_cast<double>(LoadElement(weight[k]));
  }
  SKIFF_HD double Loss(int64_t i) const {
    const double w = Weight(i);
    return w == 0 ? 0 : -w * static_cast<double>(LoadElement(x[s.Offset(i, label[i])]));
  }
};

template <typename T>
struct EachNll {
  Nll<T> nll;
  T* out;
  SKIFF_HD void operator()(int64_t i) const { out[i] = StoreElement<T>(static_cast<Compute<T>>(nll.Loss(i))); }
};
/// One thread: the batch is small beside what made X.
template <typename T>
struct SumNll {
  Nll<T> nll;
  bool mean;
  T *out, *total_weight;
  SKIFF_HD void operator()(int64_t) const {
    double loss = 0, weight = 0;
    for (int64_t i = 0; i < nll.s.Count(); ++i) {
      loss += nll.Loss(i);
      weight += nll.Weight(i);
    }
    if (mean && weight != 0) loss /= weight;
    *out = StoreElement<T>(static_cast<Compute<T>>(loss));
    *total_weight = StoreElement<T>(static_cast<Compute<T>>(weight));
  }
};
template <typename T>
struct NllGrad {  // X@GRAD starts as zeros
  Nll<T> nll;
  bool reduced, mean;
  const T *out_grad, *total_weight;
  T* x_grad;
  SKIFF_HD void operator()(int64_t i) const {
    double w = nll.Weight(i);
    if (w == 0) return;
    if (mean) w /= static_cast<double>(LoadElement(*total_weight));
    const double g = -w * static_cast<double>(LoadElement(out_grad[reduced ? 0 : i]));
    x_grad[nll.s.Offset(i, nll.label[i])] = StoreElement<T>(static_cast<Compute<T>>(g));
  }
};

// @throws OutOfRange before anything is written; a card takes a wrong label as one to be ignored.
[[maybe_unused]] void CheckLabels(const Samples& s, const int64_t* label) {
#if !defined(__CUDACC__)
  for (int64_t i = 0; i < s.Count(); ++i) {
    SKIFF_ENFORCE(label[i] == s.ignored || (label[i] >= 0 && label[i] < s.classes), OutOfRange, "Label holds ", label[i],
                  " at element ", i, "; there are ", s.classes, " classes, and ignore_index is ", s.ignored);
  }
#endif
}

template <typename T>
Nll<T> NllOf(const Samples& s, const KernelArgs& args, int x, int label, int weight) {
  const int64_t* labels = static_cast<const int64_t*>(args.in[label]);
  CheckLabels(s, labels);
  return {s, x < 0 ? nullptr : static_cast<const T*>(args.in[x]), weight < 0 ? nullptr : static_cast<const T*>(args.in[weight]), labels};
}

struct NllLoss {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const auto reduction = c.Attr<std::string>("reduction");
    const int weight = c.HasInput("Weight") ? c.InputIndex("Weight") : -1;
    return MakeKernel([=, s = SamplesOf(c.attrs(), c.Input("X").shape), x = c.InputIndex("X"), label = c.InputIndex("Label"),
                       out = c.OutputIndex("Out"), total = c.OutputIndex("Total_weight")](const KernelArgs& args) {
      const Nll<T> nll = NllOf<T>(s, args, x, label, weight);
      T* to = static_cast<T*>(args.out[out]);
      if (reduction == "none") {
        ForEach(s.Count(), 4096, args, EachNll<T>{nll, to});
        FillZero(args.out[total], sizeof(T), args);
      } else {
        ForEach(1, 1, args, SumNll<T>{nll, reduction == "mean", to, static_cast<T*>(args.out[total])});
      }
    });
  }
};

struct NllLossGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const auto reduction = c.Attr<std::string>("reduction");
    const int weight = c.HasInput("Weight") ? c.InputIndex("Weight") : -1;
    const Shape& shape = c.Input("X").shape;
    return MakeKernel([=, s = SamplesOf(c.attrs(), shape), bytes = shape.NumElements() * sizeof(T), x = c.InputIndex("X"),
                       label = c.InputIndex("Label"), total = c.InputIndex("Total_weight"),
                       dout = c.InputIndex("Out@GRAD")](const KernelArgs& args) {
      FillZero(args.out[0], bytes, args);
      ForEach(s.Count(), 4096, args,
              NllGrad<T>{NllOf<T>(s, args, x, label, weight), reduction != "none", reduction == "mean",
                         static_cast<const T*>(args.in[dout]), static_cast<const T*>(args.in[total]), static_cast<T*>(args.out[0])});
    });
  }
};

// ---- bpr_loss --------------------------------------------------------------------------------------------------

/// Y = the mean over the other classes j of log(1 + exp(X[j] - X[label])).
template <typename T>
struct RankAboveOthers {
  int64_t classes;
  const T* x;
  const int64_t* label;
  T* out;
  SKIFF_HD void operator()(int64_t i) const {
    const T *row = x + i * classes, positive = row[label[i]];
    T sum = 0;
    for (int64_t j = 0; j < classes; ++j) {
      const T d = row[j] - positive;
      if (j != label[i]) sum += math::Max(d, T(0)) + math::Log1p(math::Exp(-math::Abs(d)));
    }
    out[i] = sum / static_cast<T>(classes - 1);
  }
};
template <typename T>
struct RankAboveOthersGrad {
  int64_t classes;
  const T* x;
  const int64_t* label;
  const T* out_grad;
  T* x_grad;
  SKIFF_HD void operator()(int64_t i) const {
    const T *row = x + i * classes, positive = row[label[i]], g = out_grad[i] / static_cast<T>(classes - 1);
    T sum = 0;
    for (int64_t j = 0; j < classes; ++j) {
      const T slope = j == label[i] ? T(0) : g * math::Sigmoid(row[j] - positive);
      x_grad[i * classes + j] = slope;
      sum += slope;
    }
    x_grad[i * classes + label[i]] = -sum;
  }
};

struct BprLoss {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const int64_t classes = x[x.rank() - 1];
    return MakeKernel([=, rows = x.Product(0, x.rank() - 1), xi = c.InputIndex("X"), label = c.InputIndex("Label")](const KernelArgs& args) {
      CheckIds(args.in[label], true, rows, classes, "Label");
      ForEach(rows, 64, args, RankAboveOthers<T>{classes, static_cast<const T*>(args.in[xi]), static_cast<const int64_t*>(args.in[label]),
                                                 static_cast<T*>(args.out[0])});
    });
  }
};
struct BprLossGrad {
  template <typename Device, typename T>
  static std::unique_ptr<Kernel> Prepare(PrepareContext& c) {
    const Shape& x = c.Input("X").shape;
    const int64_t classes = x[x.rank() - 1];
    return MakeKernel([=, rows = x.Product(0, x.rank() - 1), xi = c.InputIndex("X"), label = c.InputIndex("Label"),
                       dy = c.InputIndex("Y@GRAD")](const KernelArgs& args) {
      CheckIds(args.in[label], true, rows, classes, "Label");
      ForEach(rows, 64, args, RankAboveOthersGrad<T>{classes, static_cast<const T*>(args.in[xi]), static_cast<const int64_t*>(args.in[label]),
                                                     static_cast<const T*>(args.in[dy]), static_cast<T*>(args.out[0])});
    });
  }
};

}  // namespace

SKIFF_OP(nll_loss)
    .Doc("Out = -Weight[label] X[label] for each sample, or their sum, or the sum / Total_weight.")
    .Source("paddle.nn.functional.nll_loss")
    .Input("X", "[samples, classes] or [batch, classes, height, width]: logarithms of probabilities")
    .Input("Label", "int64, X without the classes")
    .OptionalInput("Weight", "[classes]")
    .Output("Out", "shape of Label, or a scalar")
    .Output("Total_weight", "a scalar: the sum of the weights; 0 without reduction")
    .Attr("ignore_index", int64_t{-100}, "samples of this label give nothing")
    .Attr("reduction", "mean", "none, sum or mean")
    .SameDType({"X", "Weight"})
    .OfDType(DType::kInt64, {"Label"})
    .InferShape([](InferContext& c) {
      const Shape &x = c.InputShape("X"), &label = c.InputShape("Label");
      SamplesOf(c.attrs(), x);
      const auto reduction = c.Attr<std::string>("reduction");
      SKIFF_ENFORCE(reduction == "none" || reduction == "sum" || reduction == "mean", InvalidArgument, "reduction is \"", reduction,
                    "\"; expected none, sum or mean");
      SKIFF_ENFORCE(label.rank() == x.rank() - 1 && (label[0] < 0 || x[0] < 0 || label[0] == x[0]), InvalidArgument, "X is ", x,
                    ", Label ", label, "; Label must be X without the classes");
      SKIFF_ENFORCE(!x.IsKnown() || !label.IsKnown() || label.NumElements() * x[1] == x.NumElements(), InvalidArgument, "X is ", x,
                    ", Label ", label, "; Label must be X without the classes");
      if (c.HasInput("Weight")) {
        const Shape& weight = c.InputShape("Weight");
        SKIFF_ENFORCE(weight.rank() == 1 && (weight[0] < 0 || x[1] < 0 || weight[0] == x[1]), InvalidArgument, "X is ", x,
                      ", Weight ", weight, "; expected [", x[1], "], one number for each class");
      }
      c.SetOutput("Out", reduction == "none" ? label : Shape{}, c.InputDType("X"));
      c.SetOutput("Total_weight", Shape{}, c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X", "Label", "Weight"}, {"Total_weight"}, {"Out"}, {"X"}))
    .Kernel<NllLoss, float, double>();

SKIFF_OP(nll_loss_grad)
    .Doc("X@GRAD = -Weight[label] Out@GRAD at the labels, 0 elsewhere; divided by Total_weight for a mean.")
    .Input("X", "as in nll_loss")
    .Input("Label", "as in nll_loss")
    .OptionalInput("Weight", "as in nll_loss")
    .Input("Total_weight", "of nll_loss")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("ignore_index", int64_t{-100}, "as in nll_loss")
    .Attr("reduction", "mean", "as in nll_loss")
    .SameDType({"X", "Total_weight", "Out@GRAD"})
    .OneElement({"Total_weight"})
    .InferShape(GradsLikeInputs())
    .Kernel<NllLossGrad, float, double>();

SKIFF_OP(bpr_loss)
    .Doc("Y = the mean over the other classes j of log(1 + exp(X[j] - X[Label])).")
    .Source("Hidasi et al., Session-based recommendations, 2016; fluid.layers.bpr_loss")
    .Input("X", "[samples, classes]")
    .Input("Label", "int64, [samples, 1]")
    .Output("Y", "[samples, 1]")
    .OfDType(DType::kInt64, {"Label"})
    .InferShape([](InferContext& c) {
      Shape out = c.InputShape("X");
      SKIFF_ENFORCE(out.rank() >= 2 && (out[out.rank() - 1] < 0 || out[out.rank() - 1] > 1), InvalidArgument, "X is ", out,
                    "; expected [samples, classes] with two classes at least");
      out[out.rank() - 1] = 1;
      const Shape& label = c.InputShape("Label");
      SKIFF_ENFORCE(!out.IsKnown() || !label.IsKnown() || label.NumElements() == out.NumElements(), InvalidArgument, "Label is ", label,
                    "; it must hold ", out.NumElements(), " elements");
      c.SetOutput("Y", out, c.InputDType("X"));
    })
    .Gradient(StandardGrad({"X", "Label"}, {}, {"Y"}, {"X"}))
    .Kernel<BprLoss, float, double>();

SKIFF_OP(bpr_loss_grad)
    .Doc("The gradient of bpr_loss to X.")
    .Input("X", "as in bpr_loss")
    .Input("Label", "as in bpr_loss")
    .Input("Y@GRAD", "[samples, 1]")
    .Output("X@GRAD", "shape of X")
    .InferShape(GradsLikeInputs())
    .Kernel<BprLossGrad, float, double>();

}  // namespace skiff
