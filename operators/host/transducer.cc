// Sequence transduction (Graves 2012): the relative of ctc.cc that emits any number of labels at a step.
#include <cmath>

#include "operators/host/log_sum.h"
#include "operators/host/sequences.h"

namespace skiff {

namespace {

// One sequence of a transducer: places (t, u) with u labels emitted before step t ends; a blank leads to the next step.
class TransducerSequence {
 public:
  // `log_probability(t, u, k)` of class k at step t after u labels.
  template <typename LogProbability>
  TransducerSequence(int64_t steps, const std::vector<int64_t>& labels, int64_t blank, const LogProbability& log_probability)
      : steps_(steps), places_(static_cast<int64_t>(labels.size()) + 1) {
    for (int64_t t = 0; t < steps_; ++t) {
      for (int64_t u = 0; u < places_; ++u) {
        blank_.push_back(log_probability(t, u, blank));
        label_.push_back(u + 1 < places_ ? log_probability(t, u, labels[u]) : kLogZero);
      }
    }
    alpha_.assign(steps_ * places_, kLogZero);
    beta_ = alpha_;
    for (int64_t t = 0; t < steps_; ++t) {
      for (int64_t u = 0; u < places_; ++u) {
        double& here = alpha_[At(t, u)];
        if (t == 0 && u == 0) here = 0;
        if (t > 0) here = AddLogs(here, alpha_[At(t - 1, u)] + blank_[At(t - 1, u)]);
        if (u > 0) here = AddLogs(here, alpha_[At(t, u - 1)] + label_[At(t, u - 1)]);
      }
    }
    for (int64_t t = steps_ - 1; t >= 0; --t) {
      for (int64_t u = places_ - 1; u >= 0; --u) {
        beta_[At(t, u)] = AddLogs(blank_[At(t, u)] + BehindBlank(t, u), label_[At(t, u)] + BehindLabel(t, u));
      }
    }
  }

  double Loss() const { return -beta_[0]; }
  /// d Loss / d log_probability of the blank and of the next label at (t, u).
  double BlankGradient(int64_t t, int64_t u) const { return Gradient(t, u, blank_, BehindBlank(t, u)); }
  double LabelGradient(int64_t t, int64_t u) const { return Gradient(t, u, label_, BehindLabel(t, u)); }

 private:
  int64_t At(int64_t t, int64_t u) const { return t * places_ + u; }
  // The log probability of what is left to come.
  double BehindBlank(int64_t t, int64_t u) const {
    if (t + 1 < steps_) return beta_[At(t + 1, u)];
    return u + 1 == places_ ? 0.0 : kLogZero;
  }
  double BehindLabel(int64_t t, int64_t u) const { return u + 1 < places_ ? beta_[At(t, u + 1)] : kLogZero; }
  double Gradient(int64_t t, int64_t u, const std::vector<double>& by, double behind) const {
    return beta_[0] == kLogZero ? 0.0 : -std::exp(alpha_[At(t, u)] + by[At(t, u)] + behind - beta_[0]);
  }

  int64_t steps_, places_;
  std::vector<double> blank_, label_, alpha_, beta_;
};

void TransducerLoss(DynamicContext& c) {
  const Tensor& input = c.InputTensor("input");
  SKIFF_ENFORCE(input.shape().rank() == 4, InvalidArgument, "input is ", input.shape(), "; expected [batch, steps, labels + 1, classes]");
  const int64_t batch = input.shape()[0], steps = input.shape()[1], places = input.shape()[2], classes = input.shape()[3];
  const std::vector<double> x = Doubles(input);
  const std::vector<int64_t> label = IntElements(c.InputTensor("label"));
  const std::vector<int64_t> times = IntElements(c.InputTensor("input_lengths")), counts = IntElements(c.InputTensor("label_lengths"));
  SKIFF_ENFORCE(static_cast<int64_t>(label.size()) == batch * (places - 1) && static_cast<int64_t>(times.size()) == batch &&
                    static_cast<int64_t>(counts.size()) == batch,
                InvalidArgument, "input is ", input.shape(), ", label ", c.InputTensor("label").shape(), ", the lengths are ",
                times.size(), " and ", counts.size(), "; expected label [batch, labels] and as many lengths as the batch has");
  const int64_t blank = c.attrs().Get<int64_t>("blank");
  SKIFF_ENFORCE(blank >= 0 && blank < classes, OutOfRange, "blank is ", blank, "; there are ", classes, " classes");
  const double emission = 1.0 + c.attrs().Get<float>("fastemit_lambda");
  std::vector<double> loss, gradient(x.size(), 0.0);
  for (int64_t b = 0; b < batch; ++b) {
    SKIFF_ENFORCE(times[b] > 0 && times[b] <= steps && counts[b] >= 0 && counts[b] < places, InvalidArgument, "sequence ", b, " has ",
                  times[b], " steps and ", counts[b], " labels; input has room for 1 to ", steps, " and 0 to ", places - 1);
    const auto first = label.begin() + b * (places - 1);
    const std::vector<int64_t> labels(first, first + counts[b]);
    for (int64_t one : labels) {
      SKIFF_ENFORCE(one >= 0 && one < classes, OutOfRange, "a label is ", one, "; there are ", classes, " classes");
    }
    const auto at = [&](int64_t t, int64_t u, int64_t k) { return ((b * steps + t) * places + u) * classes + k; };
    const TransducerSequence sequence(times[b], labels, blank, [&](int64_t t, int64_t u, int64_t k) { return x[at(t, u, k)]; });
    loss.push_back(sequence.Loss());
    for (int64_t t = 0; t < times[b]; ++t) {
      for (int64_t u = 0; u <= counts[b]; ++u) {
        gradient[at(t, u, blank)] += sequence.BlankGradient(t, u);
        if (u < counts[b]) gradient[at(t, u, labels[u])] += emission * sequence.LabelGradient(t, u);
      }
    }
  }
  host::Out(c, "loss", FromDoubles(Shape{batch}, input.dtype(), loss));
  host::Out(c, "warprnntgrad", FromDoubles(input.shape(), input.dtype(), gradient));
}

void TransducerLossBack(DynamicContext& c) {
  const Tensor& input = c.InputTensor("input");
  std::vector<double> gradient = Doubles(c.InputTensor("warprnntgrad"));
  const std::vector<double> dloss = Doubles(c.InputTensor("loss@GRAD"));
  const int64_t each = Width(input);
  SKIFF_ENFORCE(static_cast<int64_t>(gradient.size()) == input.num_elements() && static_cast<int64_t>(dloss.size()) == input.shape()[0],
                InvalidArgument, "input is ", input.shape(), ", warprnntgrad ", c.InputTensor("warprnntgrad").shape(), ", loss@GRAD ",
                c.InputTensor("loss@GRAD").shape(), "; expected the shape of input, and one number for each sequence");
  for (size_t i = 0; i < gradient.size(); ++i) gradient[i] *= dloss[i / each];
  host::Out(c, "input@GRAD", FromDoubles(input.shape(), input.dtype(), gradient));
}

}  // namespace

SKIFF_OP(warprnnt)
    .Doc("The negative log probability of the labels, over all ways to emit them at the steps.")
    .Source("Graves 2012; Yu et al. 2021 for fastemit_lambda; paddle.nn.functional.rnnt_loss. Differs: on CUDA Paddle normalises "
            "`input` first, on the CPU, as here, it does not")
    .Input("input", "[batch, steps, labels + 1, classes], log probabilities")
    .Input("label", "[batch, labels] integers")
    .Input("input_lengths", "[batch] integers, steps of each sequence")
    .Input("label_lengths", "[batch] integers, labels of each sequence")
    .Output("loss", "[batch]")
    .OptionalOutput("warprnntgrad", "the gradient of each loss, shape of input")
    .Attr("blank", 0, "the class that stands for nothing")
    .Attr("fastemit_lambda", 0.0f, "gradients of labels, not of blanks, are multiplied by 1 + this")
    .InferShape([](InferContext& c) {
      const TensorMeta input = c.Input("input");
      SKIFF_ENFORCE(input.shape.rank() == 4, InvalidArgument, "input is ", input.shape, "; expected [batch, steps, labels + 1, classes]");
      // Paddle declares no more.
      c.SetOutput("loss", Shape{c.at_runtime() ? input.shape[0] : -1}, input.dtype);
      c.SetOutput("warprnntgrad", c.at_runtime() ? input.shape : Shape{}, input.dtype);
    })
    .Gradient(StandardGrad({"input", "input_lengths"}, {"warprnntgrad"}, {"loss"}, {"input"}))
    .Dynamic(TransducerLoss);

SKIFF_OP(warprnnt_grad)
    .Doc("input@GRAD = warprnntgrad loss@GRAD.")
    .Input("input", "of warprnnt")
    .OptionalInput("input_lengths", "not read")
    .Input("warprnntgrad", "of warprnnt")
    .Input("loss@GRAD", "[batch]")
    .Output("input@GRAD", "shape of input")
    .Attr("blank", 0, "not read")
    .Attr("fastemit_lambda", 0.0f, "not read")
    .InferShape(GradsLikeInputs())
    .Dynamic(TransducerLossBack);

}  // namespace skiff
