// Losses that are small beside the network before them: margin_cross_entropy, identity_loss.
#include <algorithm>
#include <cmath>

#include "operators/host/sequences.h"

namespace skiff {

namespace {

struct Margins {
  double m1, m2, m3, scale;
  explicit Margins(const Attrs& attrs)
      : m1(attrs.Get<float>("margin1")), m2(attrs.Get<float>("margin2")), m3(attrs.Get<float>("margin3")),
        scale(attrs.Get<float>("scale")) {}
  bool TurnsAngle() const { return m1 != 1 || m2 != 0; }
  double operator()(double cosine) const { return (TurnsAngle() ? std::cos(m1 * std::acos(cosine) + m2) : cosine) - m3; }
  double Slope(double cosine) const {
    if (!TurnsAngle()) return 1;
    const double angle = std::acos(cosine);
    return m1 * std::sin(m1 * angle + m2) / std::sin(angle);
  }
};

std::vector<int64_t> LabelsOf(const DynamicContext& c, int64_t rows, int64_t classes) {
  const std::vector<int64_t> labels = IntElements(c.InputTensor("Label"));
  SKIFF_ENFORCE(static_cast<int64_t>(labels.size()) == rows, InvalidArgument, "Label has ", labels.size(), " elements; Logits has ",
                rows, " rows");
  for (int64_t label : labels) {
    SKIFF_ENFORCE(label >= 0 && label < classes, OutOfRange, "Label holds ", label, "; there are ", classes, " classes");
  }
  SKIFF_ENFORCE(c.attrs().Get<int64_t>("nranks") == 1, Unimplemented, "attribute nranks is ", c.attrs().Get<int64_t>("nranks"),
                "; classes are not spread over several processes");
  return labels;
}

void CheckLogits(const Shape& logits) {
  SKIFF_ENFORCE(logits.rank() == 2, InvalidArgument, "Logits has shape ", logits, "; expected [rows, classes]");
}

void MarginCrossEntropy(DynamicContext& c) {
  const Tensor& logits = c.InputTensor("Logits");
  CheckLogits(logits.shape());
  const int64_t rows = logits.shape()[0], classes = logits.shape()[1];
  const std::vector<int64_t> labels = LabelsOf(c, rows, classes);
  const Margins margins(c.attrs());
  std::vector<double> softmax = Doubles(logits), loss(rows);
  for (int64_t row = 0; row < rows; ++row) {
    double* p = softmax.data() + row * classes;
    p[labels[row]] = margins(p[labels[row]]);
    double max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < classes; ++j) max = std::max(max, p[j] *= margins.scale);
    for (int64_t j = 0; j < classes; ++j) sum += std::exp(p[j] - max);
    loss[row] = std::log(sum) + max - p[labels[row]];
    for (int64_t j = 0; j < classes; ++j) p[j] = std::exp(p[j] - max) / sum;
  }
  host::Out(c, "Softmax", FromDoubles(logits.shape(), logits.dtype(), softmax));
  host::Out(c, "Loss", FromDoubles({rows, 1}, logits.dtype(), loss));
}

void MarginCrossEntropyGrad(DynamicContext& c) {
  const Tensor& logits = c.InputTensor("Logits");
  CheckLogits(logits.shape());
  const int64_t rows = logits.shape()[0], classes = logits.shape()[1];
  const std::vector<int64_t> labels = LabelsOf(c, rows, classes);
  const Margins margins(c.attrs());
  const std::vector<double> given = Doubles(logits), dloss = Doubles(c.InputTensor("Loss@GRAD"));
  std::vector<double> grad = Doubles(c.InputTensor("Softmax"));
  SKIFF_ENFORCE(grad.size() == given.size() && static_cast<int64_t>(dloss.size()) == rows, InvalidArgument, "Softmax has ",
                grad.size(), " elements, Loss@GRAD ", dloss.size(), "; Logits has shape ", logits.shape());
  for (int64_t row = 0; row < rows; ++row) {
    double* g = grad.data() + row * classes;
    g[labels[row]] -= 1;
    for (int64_t j = 0; j < classes; ++j) g[j] *= margins.scale * dloss[row];
    g[labels[row]] *= margins.Slope(given[row * classes + labels[row]]);
  }
  host::Out(c, "Logits@GRAD", FromDoubles(logits.shape(), logits.dtype(), grad));
}

enum class Reduction { kSum = 0, kMean = 1, kNone = 2 };

Reduction ReductionOf(const Attrs& attrs) {
  const int64_t code = attrs.Get<int64_t>("reduction");
  SKIFF_ENFORCE(code >= 0 && code <= 2, InvalidArgument, "attribute reduction is ", code, "; it may be 0 (sum), 1 (mean) or 2 (none)");
  return static_cast<Reduction>(code);
}

void IdentityLoss(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const Reduction reduction = ReductionOf(c.attrs());
  if (reduction == Reduction::kNone) return host::Out(c, "Out", x);
  double sum = 0;
  for (double v : Doubles(x)) sum += v;
  host::Out(c, "Out", FromDoubles(Shape{}, x.dtype(), {reduction == Reduction::kMean ? sum / x.num_elements() : sum}));
}

void IdentityLossGrad(DynamicContext& c) {
  const Tensor& x = c.InputTensor("X");
  const Reduction reduction = ReductionOf(c.attrs());
  if (reduction == Reduction::kNone) return host::Out(c, "X@GRAD", c.InputTensor("Out@GRAD"));
  const double dout = Doubles(c.InputTensor("Out@GRAD")).at(0);
  const std::vector<double> dx(x.num_elements(), reduction == Reduction::kMean ? dout / x.num_elements() : dout);
  host::Out(c, "X@GRAD", FromDoubles(x.shape(), x.dtype(), dx));
}

}  // namespace

#define SKIFF_MARGIN_ATTRS                                                                                     \
  .Attr("return_softmax", false, "whether Softmax is looked at afterwards")                                    \
      .Attr("ring_id", 0, "not read")                                                                          \
      .Attr("rank", 0, "not read")                                                                             \
      .Attr("nranks", 1, "processes that share the classes; 1")                                                \
      .Attr("margin1", 1.0f, "factor of the label's angle")                                                    \
      .Attr("margin2", 0.5f, "added to the label's angle, radians")                                            \
      .Attr("margin3", 0.0f, "taken from the label's cosine")                                                  \
      .Attr("scale", 64.0f, "factor of all logits")

SKIFF_OP(margin_cross_entropy)
    .Doc("Cross entropy of softmax(scale Logits), the logit of the label, a cosine, turned to cos(margin1 angle + margin2) - margin3.")
    .Source("Deng et al. 2019; names and defaults of Paddle's margin_cross_entropy")
    .Input("Logits", "[rows, classes], cosines")
    .Input("Label", "[rows] or [rows, 1], int32 or int64")
    .Output("Softmax", "shape and dtype of Logits")
    .Output("Loss", "[rows, 1]")
    SKIFF_MARGIN_ATTRS
    .InferShape([](InferContext& c) {
      const Shape logits = c.InputShape("Logits");
      const DType dtype = c.InputDType("Logits");
      CheckLogits(logits);
      c.SetOutput("Softmax", logits, dtype);
      c.SetOutput("Loss", Shape{logits[0], 1}, dtype);
    })
    .Gradient(StandardGrad({"Logits", "Label"}, {"Softmax"}, {"Loss"}, {"Logits"}))
    .Dynamic(MarginCrossEntropy);

SKIFF_OP(margin_cross_entropy_grad)
    .Doc("The gradient of margin_cross_entropy.")
    .Source("derivative of margin_cross_entropy")
    .Input("Logits", "of margin_cross_entropy")
    .Input("Label", "of margin_cross_entropy")
    .Input("Softmax", "of margin_cross_entropy")
    .Input("Loss@GRAD", "shape of Loss")
    .Output("Logits@GRAD", "shape of Logits")
    SKIFF_MARGIN_ATTRS
    .InferShape(GradsLikeInputs())
    .Dynamic(MarginCrossEntropyGrad);

SKIFF_OP(identity_loss)
    .Doc("Marks a loss: its sum, its mean, or itself.")
    .Source("names and defaults of Paddle's identity_loss")
    .Input("X", "any shape")
    .Output("Out", "0-D, or shape of X where nothing is reduced")
    .Attr("reduction", 1, "0: sum, 1: mean, 2: none")
    .InferShape([](InferContext& c) {
      const TensorMeta x = c.Input("X");
      c.SetOutput("Out", ReductionOf(c.attrs()) == Reduction::kNone ? x.shape : Shape{}, x.dtype);
    })
    .Gradient(StandardGrad({"X"}, {}, {"Out"}, {"X"}))
    .Dynamic(IdentityLoss);

SKIFF_OP(identity_loss_grad)
    .Doc("The gradient of identity_loss.")
    .Source("derivative of identity_loss")
    .Input("X", "only its shape matters")
    .Input("Out@GRAD", "shape of Out")
    .Output("X@GRAD", "shape of X")
    .Attr("reduction", 1, "of identity_loss")
    .InferShape(GradsLikeInputs())
    .Dynamic(IdentityLossGrad);

}  // namespace skiff
