// Connectionist temporal classification (Graves et al. 2006): the loss with its gradient, alignments and their distance.
#include <algorithm>
#include <cmath>

#include "operators/host/log_sum.h"
#include "operators/host/sequences.h"

namespace skiff {

namespace {

// One sequence: log softmax of each step, then alpha and beta over the labels with blanks between them.
class CtcSequence {
 public:
  // `logits(t, k)`: the logit of class k at step t.
  template <typename Logits>
  CtcSequence(int64_t steps, int64_t classes, const Logits& logits, std::vector<int64_t> labels, int64_t blank)
      : steps_(steps), classes_(classes), log_probability_(steps * classes) {
    for (int64_t t = 0; t < steps; ++t) {
      double sum = kLogZero;
      for (int64_t k = 0; k < classes; ++k) sum = AddLogs(sum, logits(t, k));
      for (int64_t k = 0; k < classes; ++k) log_probability_[t * classes + k] = logits(t, k) - sum;
    }
    extended_.push_back(blank);
    for (int64_t label : labels) {
      SKIFF_ENFORCE(label >= 0 && label < classes, OutOfRange, "a label is ", label, "; there are ", classes, " classes");
      extended_.push_back(label);
      extended_.push_back(blank);
    }
  }

  /// -log of the probability of the labels; infinite when there are too few steps for them.
  double Loss() {
    const int64_t n = Places();
    alpha_.assign(steps_ * n, kLogZero);
    if (steps_ == 0) return n == 1 ? 0.0 : -kLogZero;
    for (int64_t s = 0; s < std::min<int64_t>(2, n); ++s) alpha_[s] = P(0, s);
    for (int64_t t = 1; t < steps_; ++t) {
      for (int64_t s = 0; s < n; ++s) {
        double sum = alpha_[(t - 1) * n + s];
        if (s > 0) sum = AddLogs(sum, alpha_[(t - 1) * n + s - 1]);
        if (MaySkip(s)) sum = AddLogs(sum, alpha_[(t - 1) * n + s - 2]);
        alpha_[t * n + s] = sum + P(t, s);
      }
    }
    const double* last = alpha_.data() + (steps_ - 1) * n;
    log_likelihood_ = n > 1 ? AddLogs(last[n - 1], last[n - 2]) : last[0];
    return -log_likelihood_;
  }

  /// d loss / d logit, [steps, classes]; zero where the loss is infinite.
  std::vector<double> Gradient() const {
    const int64_t n = Places();
    std::vector<double> gradient(steps_ * classes_, 0.0);
    if (log_likelihood_ == kLogZero || steps_ == 0) return gradient;
    std::vector<double> beta(n, kLogZero), before(n);  // of the steps behind t
    for (int64_t t = steps_; t-- > 0;) {
      if (t == steps_ - 1) {
        beta[n - 1] = 0;
        if (n > 1) beta[n - 2] = 0;
      } else {
        for (int64_t s = 0; s < n; ++s) {
          before[s] = beta[s] + P(t + 1, s);
          if (s + 1 < n) before[s] = AddLogs(before[s], beta[s + 1] + P(t + 1, s + 1));
          if (s + 2 < n && MaySkip(s + 2)) before[s] = AddLogs(before[s], beta[s + 2] + P(t + 1, s + 2));
        }
        beta.swap(before);
      }
      double* row = gradient.data() + t * classes_;
      for (int64_t k = 0; k < classes_; ++k) row[k] = std::exp(log_probability_[t * classes_ + k]);
      for (int64_t s = 0; s < n; ++s) row[extended_[s]] -= std::exp(alpha_[t * n + s] + beta[s] - log_likelihood_);
    }
    return gradient;
  }

 private:
  int64_t Places() const { return static_cast<int64_t>(extended_.size()); }
  double P(int64_t t, int64_t s) const { return log_probability_[t * classes_ + extended_[s]]; }
  // A label may follow another one without the blank between them, unless they are equal.
  bool MaySkip(int64_t s) const { return s > 1 && s % 2 == 1 && extended_[s] != extended_[s - 2]; }

  int64_t steps_, classes_;
  std::vector<double> log_probability_, alpha_;
  std::vector<int64_t> extended_;
  double log_likelihood_ = kLogZero;
};

// Where logits and labels of each sequence lie, for both forms of input.
struct CtcInput {
  int64_t classes = 0, batch = 0, step = 1;      // `step` rows from one time to the next
  std::vector<int64_t> first, lengths;           // first row of logits, and steps
  std::vector<std::vector<int64_t>> labels;
};

CtcInput ReadCtc(const DynamicContext& c) {
  const Tensor& logits = c.InputTensor("Logits");
  const Tensor& label = c.InputTensor("Label");
  const std::vector<int64_t> ids = IntElements(label);
  CtcInput in;
  if (host::Has(c, "LogitsLength")) {
    SKIFF_ENFORCE(logits.shape().rank() == 3 && label.shape().rank() == 2 && host::Has(c, "LabelLength"),
                  InvalidArgument, "Logits has shape ", logits.shape(), ", Label ", label.shape(),
                  "; with lengths expected [time, batch, classes], [batch, most labels] and LabelLength");
    const int64_t time = logits.shape()[0], most = label.shape()[1];
    in.batch = in.step = logits.shape()[1], in.classes = logits.shape()[2];
    in.lengths = IntElements(c.InputTensor("LogitsLength"));
    const std::vector<int64_t> counts = IntElements(c.InputTensor("LabelLength"));
    SKIFF_ENFORCE(static_cast<int64_t>(in.lengths.size()) == in.batch && in.lengths.size() == counts.size() &&
                      label.shape()[0] == in.batch,
                  InvalidArgument, "Logits has ", in.batch, " sequences, LogitsLength ", in.lengths.size(),
                  " elements, LabelLength ", counts.size(), " and Label ", label.shape()[0], " rows; they must be equal");
    for (int64_t b = 0; b < in.batch; ++b) {
      SKIFF_ENFORCE(in.lengths[b] >= 0 && in.lengths[b] <= time && counts[b] >= 0 && counts[b] <= most, OutOfRange,
                    "sequence ", b, " has ", in.lengths[b], " steps and ", counts[b], " labels; Logits has room for ", time,
                    " and Label for ", most);
      in.first.push_back(b);
      in.labels.emplace_back(ids.begin() + b * most, ids.begin() + b * most + counts[b]);
    }
    return in;
  }
  SKIFF_ENFORCE(logits.shape().rank() == 2, InvalidArgument, "Logits has shape ", logits.shape(),
                "; without lengths expected [rows, classes] in sequences");
  const std::vector<int64_t> rows = Offsets(logits, "Logits"), places = Offsets(label, "Label");
  SKIFF_ENFORCE(rows.size() == places.size(), InvalidArgument, "Logits has ", rows.size() - 1, " sequences, Label ",
                places.size() - 1, "; they must be equal");
  in.batch = static_cast<int64_t>(rows.size()) - 1, in.classes = logits.shape()[1];
  for (int64_t b = 0; b < in.batch; ++b) {
    in.first.push_back(rows[b]);
    in.lengths.push_back(rows[b + 1] - rows[b]);
    in.labels.emplace_back(ids.begin() + places[b], ids.begin() + places[b + 1]);
  }
  return in;
}

void CtcLoss(DynamicContext& c) {
  const CtcInput in = ReadCtc(c);
  const Tensor& logits = c.InputTensor("Logits");
  const int64_t blank = c.attrs().Get<int32_t>("blank");
  SKIFF_ENFORCE(blank >= 0 && blank < in.classes, InvalidArgument, "attribute blank is ", blank, "; there are ", in.classes,
                " classes");
  const std::vector<double> x = Doubles(logits);
  std::vector<double> loss, gradient(x.size(), 0.0);
  for (int64_t b = 0; b < in.batch; ++b) {
    const auto at = [&](int64_t t) { return (in.first[b] + t * in.step) * in.classes; };
    CtcSequence sequence(in.lengths[b], in.classes, [&](int64_t t, int64_t k) { return x[at(t) + k]; }, in.labels[b], blank);
    loss.push_back(sequence.Loss());
    const std::vector<double> one = sequence.Gradient();
    for (int64_t t = 0; t < in.lengths[b]; ++t) {
      std::copy_n(one.begin() + t * in.classes, in.classes, gradient.begin() + at(t));
    }
  }
  host::Out(c, "Loss", FromDoubles({in.batch, 1}, logits.dtype(), loss));
  OutWithLoD(c, "WarpCTCGrad", FromDoubles(logits.shape(), logits.dtype(), gradient), logits.lod());
}

void CtcLossBack(DynamicContext& c) {
  const Tensor& logits = c.InputTensor("Logits");
  CtcInput in;
  in.classes = logits.shape().At(-1);
  if (host::Has(c, "LogitsLength")) {
    in.batch = in.step = logits.shape()[1];
    in.lengths = IntElements(c.InputTensor("LogitsLength"));
    for (int64_t b = 0; b < in.batch; ++b) in.first.push_back(b);
  } else {
    const std::vector<int64_t> rows = Offsets(logits, "Logits");
    in.batch = static_cast<int64_t>(rows.size()) - 1;
    for (int64_t b = 0; b < in.batch; ++b) {
      in.first.push_back(rows[b]);
      in.lengths.push_back(rows[b + 1] - rows[b]);
    }
  }
  std::vector<double> gradient = Doubles(c.InputTensor("WarpCTCGrad"));
  const std::vector<double> dloss = Doubles(c.InputTensor("Loss@GRAD"));
  const bool by_times = c.attrs().Get<bool>("norm_by_times");
  for (int64_t b = 0; b < in.batch; ++b) {
    const double factor = by_times ? dloss.at(b) / static_cast<double>(in.lengths.at(b)) : dloss.at(b);
    for (int64_t t = 0; t < in.lengths.at(b); ++t) {
      for (int64_t k = 0; k < in.classes; ++k) gradient.at((in.first.at(b) + t * in.step) * in.classes + k) *= factor;
    }
  }
  OutWithLoD(c, "Logits@GRAD", FromDoubles(logits.shape(), logits.dtype(), gradient), logits.lod());
}

// Labels without blanks and, with merge_repeated, without repetitions.
std::vector<int64_t> Collapse(const int64_t* begin, const int64_t* end, int64_t blank, bool merge) {
  std::vector<int64_t> kept;
  int64_t before = -1;
  for (; begin != end; ++begin) {
    if (*begin != blank && !(merge && *begin == before)) kept.push_back(*begin);
    before = *begin;
  }
  return kept;
}

void AlignCtc(DynamicContext& c) {
  const Tensor& input = c.InputTensor("Input");
  const std::vector<int64_t> ids = IntElements(input);
  const int64_t blank = c.attrs().Get<int32_t>("blank");
  const bool merge = c.attrs().Get<bool>("merge_repeated");
  if (host::Has(c, "InputLength")) {
    const int64_t padding = c.attrs().Get<int32_t>("padding_value"), width = Width(input);
    const std::vector<int64_t> lengths = IntElements(c.InputTensor("InputLength"));
    SKIFF_ENFORCE(static_cast<int64_t>(lengths.size()) == Rows(input), InvalidArgument, "InputLength has ", lengths.size(),
                  " elements, Input ", Rows(input), " rows; they must be equal");
    std::vector<int64_t> out, counts;
    for (int64_t b = 0; b < Rows(input); ++b) {
      SKIFF_ENFORCE(lengths[b] >= 0 && lengths[b] <= width, OutOfRange, "element ", b, " of InputLength is ",
                    lengths[b], "; Input has ", width, " columns");
      const std::vector<int64_t> kept = Collapse(ids.data() + b * width, ids.data() + b * width + lengths[b], blank, merge);
      counts.push_back(static_cast<int64_t>(kept.size()));
      out.insert(out.end(), kept.begin(), kept.end());
      out.resize((b + 1) * width, padding);
    }
    host::Out(c, "Output", FromInts(input.shape(), input.dtype(), out));
    host::Out(c, "OutputLength", FromInts({Rows(input), 1}, input.dtype(), counts));
    return;
  }
  const std::vector<int64_t> offsets = Offsets(input, "Input");
  std::vector<int64_t> out, ends{0};
  for (size_t i = 1; i < offsets.size(); ++i) {
    const std::vector<int64_t> kept = Collapse(ids.data() + offsets[i - 1], ids.data() + offsets[i], blank, merge);
    out.insert(out.end(), kept.begin(), kept.end());
    ends.push_back(static_cast<int64_t>(out.size()));
  }
  if (out.empty()) out.push_back(-1);  // Paddle's sign for nothing, without sequences
  LoD lod;
  if (ends.back() > 0) lod = {ToLevel(ends)};
  OutWithLoD(c, "Output", FromInts({static_cast<int64_t>(out.size()), 1}, input.dtype(), out), lod);
}

// Levenshtein 1966.
double Distance(const int64_t* a, int64_t n, const int64_t* b, int64_t m) {
  std::vector<int64_t> row(m + 1);
  for (int64_t j = 0; j <= m; ++j) row[j] = j;
  for (int64_t i = 1; i <= n; ++i) {
    int64_t diagonal = row[0];
    row[0] = i;
    for (int64_t j = 1; j <= m; ++j) {
      const int64_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return static_cast<double>(row[m]);
}

struct Spans {
  std::vector<int64_t> ids, begin, size;
};
Spans ReadSpans(const DynamicContext& c, const std::string& slot, const std::string& length_slot) {
  const Tensor& t = c.InputTensor(slot);
  Spans s{IntElements(t), {}, {}};
  if (host::Has(c, length_slot)) {
    s.size = IntElements(c.InputTensor(length_slot));
    SKIFF_ENFORCE(static_cast<int64_t>(s.size.size()) == Rows(t), InvalidArgument, slot, " has ", Rows(t), " rows, ",
                  length_slot, " ", s.size.size(), " elements; they must be equal");
    for (int64_t b = 0; b < Rows(t); ++b) {
      SKIFF_ENFORCE(s.size[b] >= 0 && s.size[b] <= Width(t), OutOfRange, "element ", b, " of ", length_slot, " is ",
                    s.size[b], "; ", slot, " has ", Width(t), " columns");
      s.begin.push_back(b * Width(t));
    }
    return s;
  }
  const std::vector<int64_t> offsets = Offsets(t, slot);
  for (size_t i = 1; i < offsets.size(); ++i) {
    s.begin.push_back(offsets[i - 1]);
    s.size.push_back(offsets[i] - offsets[i - 1]);
  }
  return s;
}

void EditDistance(DynamicContext& c) {
  const Spans hyps = ReadSpans(c, "Hyps", "HypsLength"), refs = ReadSpans(c, "Refs", "RefsLength");
  SKIFF_ENFORCE(hyps.size.size() == refs.size.size(), InvalidArgument, "Hyps has ", hyps.size.size(), " sequences, Refs ",
                refs.size.size(), "; they must be equal");
  const int64_t count = static_cast<int64_t>(refs.size.size());
  const bool normalized = c.attrs().Get<bool>("normalized");
  std::vector<double> out;
  for (int64_t i = 0; i < count; ++i) {
    const double distance =
        Distance(hyps.ids.data() + hyps.begin[i], hyps.size[i], refs.ids.data() + refs.begin[i], refs.size[i]);
    SKIFF_ENFORCE(!normalized || refs.size[i] > 0, InvalidArgument, "reference ", i, " is empty; a distance cannot be "
                  "divided by its length");
    out.push_back(normalized ? distance / static_cast<double>(refs.size[i]) : distance);
  }
  host::Out(c, "Out", FromDoubles({count, 1}, DType::kFloat32, out));
  host::Out(c, "SequenceNum", FromInts({1}, DType::kInt64, {count}));
}

}  // namespace

SKIFF_OP(warpctc)
    .Doc("The negative log probability of the labels, over all ways to place blanks and repetitions.")
    .Source("Graves et al. 2006; paddle.nn.functional.ctc_loss")
    .Input("Logits", "[time, batch, classes] with lengths, or [rows, classes] in sequences; not normalised")
    .Input("Label", "[batch, most] with lengths, or [rows, 1] in sequences")
    .OptionalInput("LogitsLength", "[batch]")
    .OptionalInput("LabelLength", "[batch]")
    .Output("Loss", "[batch, 1]")
    .OptionalOutput("WarpCTCGrad", "the gradient of each loss, shape of Logits")
    .Attr("blank", 0, "the class that stands for nothing")
    .Attr("norm_by_times", false, "the gradient is divided by the steps")
    .InferShape([](InferContext& c) {
      const TensorMeta& logits = c.Input("Logits");
      const bool dense = c.HasInput("LogitsLength") && logits.shape.rank() == 3;
      c.SetOutput("Loss", {dense ? logits.shape[1] : -1, 1}, logits.dtype);
      c.SetOutput("WarpCTCGrad", TensorMeta{logits.shape, logits.dtype, logits.lod_level});
    })
    .Gradient(StandardGrad({"Logits", "LogitsLength"}, {"WarpCTCGrad"}, {"Loss"}, {"Logits"}))
    .Dynamic(CtcLoss);

SKIFF_OP(warpctc_grad)
    .Doc("Logits@GRAD = WarpCTCGrad Loss@GRAD.")
    .Input("Logits", "of warpctc")
    .OptionalInput("LogitsLength", "of warpctc")
    .Input("WarpCTCGrad", "of warpctc")
    .Input("Loss@GRAD", "[batch, 1]")
    .Output("Logits@GRAD", "shape of Logits")
    .Attr("blank", 0, "not read")
    .Attr("norm_by_times", false, "of warpctc")
    .Alike({"Logits", "WarpCTCGrad"})
    .InferShape(GradsLikeInputs())
    .Dynamic(CtcLossBack);

SKIFF_OP(ctc_align)
    .Doc("Labels without blanks and repetitions.")
    .Source("Paddle's ctc_align")
    .Input("Input", "[batch, most] integers with lengths, or [rows, 1] in sequences")
    .OptionalInput("InputLength", "[batch, 1]")
    .Output("Output", "[batch, most] filled up with padding_value, or the rows kept; -1 for none")
    .OptionalOutput("OutputLength", "[batch, 1]; with InputLength")
    .Attr("blank", 0, "left out")
    .Attr("merge_repeated", true, "whether equal neighbours become one")
    .Attr("padding_value", 0, "behind the labels")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("Input");
      Shape out = x.shape;
      if (!c.HasInput("InputLength") && out.rank() > 0) out[0] = -1;
      c.SetOutput("Output", TensorMeta{out, x.dtype, x.lod_level});
      if (c.HasInput("InputLength")) c.SetOutput("OutputLength", {x.shape[0], 1}, x.dtype);
    })
    .Dynamic(AlignCtc);

SKIFF_OP(edit_distance)
    .Doc("The fewest insertions, deletions and replacements that make a hypothesis its reference.")
    .Source("Levenshtein 1966; paddle.nn.functional.edit_distance")
    .Input("Hyps", "[batch, most] integers with lengths, or [rows, 1] in sequences")
    .Input("Refs", "as Hyps")
    .OptionalInput("HypsLength", "[batch]")
    .OptionalInput("RefsLength", "[batch]")
    .Output("SequenceNum", "the count of sequences, int64")
    .Output("Out", "[batch, 1], float32")
    .Attr("normalized", false, "divided by the reference's length")
    .InferShape([](InferContext& c) {
      const Shape& refs = c.InputShape("Refs");
      c.SetOutput("Out", {c.HasInput("RefsLength") ? refs[0] : -1, 1}, DType::kFloat32);
      c.SetOutput("SequenceNum", {1}, DType::kInt64);
    })
    .Dynamic(EditDistance);

}  // namespace skiff
