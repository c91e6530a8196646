// Linear chain conditional random fields (Lafferty et al. 2001), Viterbi paths, and beams traced back.
#include <algorithm>
#include <cmath>
#include <limits>

#include "operators/host/sequences.h"

namespace skiff {

namespace {

// Where each sequence lies in Emission: [rows, tags] in sequences, or [batch, most, tags] with Length.
struct Chains {
  int64_t tags;
  std::vector<int64_t> begin, size;
};
// `emission`: Emission, or what is shaped like it. Its sequences are those of input `sequences`.
Chains ReadChains(const DynamicContext& c, const Tensor& emission, const char* sequences) {
  Chains chains{emission.shape().At(-1), {}, {}};
  SKIFF_ENFORCE(chains.tags > 0, InvalidArgument, "Emission has shape ", emission.shape(), "; the last axis, the tags, cannot be empty");
  if (host::Has(c, "Length")) {
    SKIFF_ENFORCE(emission.shape().rank() == 3, InvalidArgument, "Emission has shape ", emission.shape(),
                  "; with Length expected [batch, most, tags]");
    chains.size = IntElements(c.InputTensor("Length"));
    const int64_t most = emission.shape()[1];
    SKIFF_ENFORCE(static_cast<int64_t>(chains.size.size()) == emission.shape()[0], InvalidArgument, "Length has ",
                  chains.size.size(), " elements, Emission ", emission.shape()[0], " rows; they must be equal");
    for (size_t b = 0; b < chains.size.size(); ++b) {
      SKIFF_ENFORCE(chains.size[b] >= 0 && chains.size[b] <= most, OutOfRange, "element ", b, " of Length is ",
                    chains.size[b], "; Emission has room for ", most);
      chains.begin.push_back(static_cast<int64_t>(b) * most);
    }
    return chains;
  }
  const std::vector<int64_t> offsets = Offsets(c.InputTensor(sequences), sequences);
  SKIFF_ENFORCE(offsets.back() == Rows(emission), InvalidArgument, "the sequences of ", sequences, " end at row ", offsets.back(), " of ",
                emission.shape());
  for (size_t i = 1; i < offsets.size(); ++i) {
    chains.begin.push_back(offsets[i - 1]);
    chains.size.push_back(offsets[i] - offsets[i - 1]);
  }
  return chains;
}

// Transition: row 0 starts, row 1 ends, row 2 + i goes from tag i.
std::vector<double> ReadTransition(const DynamicContext& c, int64_t tags, const char* slot = "Transition") {
  const Tensor& t = c.InputTensor(slot);
  SKIFF_ENFORCE((t.shape() == Shape{tags + 2, tags}), InvalidArgument, slot, " has shape ", t.shape(), "; expected [",
                tags + 2, ", ", tags, "]");
  return Doubles(t);
}
std::vector<int64_t> ReadLabels(const DynamicContext& c, int64_t tags, int64_t rows) {
  const std::vector<int64_t> labels = IntElements(c.InputTensor("Label"));
  SKIFF_ENFORCE(static_cast<int64_t>(labels.size()) == rows, InvalidArgument, "Label has ", labels.size(),
                " elements, Emission ", rows, " rows; they must be equal");
  for (int64_t label : labels) {
    SKIFF_ENFORCE(label >= 0 && label < tags, OutOfRange, "a label is ", label, "; there are ", tags, " tags");
  }
  return labels;
}

double LogSum(const std::vector<double>& v) {
  const double largest = *std::max_element(v.begin(), v.end());
  double sum = 0;
  for (double x : v) sum += std::exp(x - largest);
  return largest + std::log(sum);
}

// One chain: log alpha and log beta.
struct Chain {
  const double* e;  // [size, tags]
  const double* w;  // transition
  int64_t size, tags;
  std::vector<double> alpha, beta;
  double log_sum = 0;

  Chain(const double* emission, const double* transition, int64_t n, int64_t k)
      : e(emission), w(transition), size(n), tags(k), alpha(n * k), beta(n * k) {
    std::vector<double> terms(tags);
    for (int64_t j = 0; j < tags; ++j) alpha[j] = w[j] + e[j];
    for (int64_t t = 1; t < size; ++t) {
      for (int64_t j = 0; j < tags; ++j) {
        for (int64_t i = 0; i < tags; ++i) terms[i] = alpha[(t - 1) * tags + i] + w[(2 + i) * tags + j];
        alpha[t * tags + j] = LogSum(terms) + e[t * tags + j];
      }
    }
    for (int64_t j = 0; j < tags; ++j) beta[(size - 1) * tags + j] = w[tags + j];
    for (int64_t t = size - 1; t-- > 0;) {
      for (int64_t i = 0; i < tags; ++i) {
        for (int64_t j = 0; j < tags; ++j) {
          terms[j] = w[(2 + i) * tags + j] + e[(t + 1) * tags + j] + beta[(t + 1) * tags + j];
        }
        beta[t * tags + i] = LogSum(terms);
      }
    }
    for (int64_t j = 0; j < tags; ++j) terms[j] = alpha[(size - 1) * tags + j] + w[tags + j];
    log_sum = LogSum(terms);
  }
  double Score(const int64_t* labels) const {
    double score = w[labels[0]] + w[tags + labels[size - 1]];
    for (int64_t t = 0; t < size; ++t) {
      score += e[t * tags + labels[t]];
      if (t > 0) score += w[(2 + labels[t - 1]) * tags + labels[t]];
    }
    return score;
  }
};

void CrfLoss(DynamicContext& c) {
  const Tensor& emission = c.InputTensor("Emission");
  const Chains chains = ReadChains(c, emission, "Emission");
  const int64_t k = chains.tags, rows = emission.num_elements() / std::max<int64_t>(1, k);
  const std::vector<double> e = Doubles(emission), w = ReadTransition(c, k);
  const std::vector<int64_t> labels = ReadLabels(c, k, rows);
  std::vector<double> loss, alpha(e.size(), 0.0), exps(e.size(), 0.0), transitions(w.size());
  for (size_t b = 0; b < chains.size.size(); ++b) {
    if (chains.size[b] == 0) {
      loss.push_back(0);
      continue;
    }
    const int64_t at = chains.begin[b];
    const Chain chain(e.data() + at * k, w.data(), chains.size[b], k);
    loss.push_back(chain.log_sum - chain.Score(labels.data() + at));
    // Paddle keeps alpha and the emissions as numbers that sum to one, or whose largest is one.
    for (int64_t t = 0; t < chains.size[b]; ++t) {
      const double* row = e.data() + (at + t) * k;
      const double largest = *std::max_element(row, row + k);
      const std::vector<double> terms(chain.alpha.data() + t * k, chain.alpha.data() + (t + 1) * k);
      const double sum = LogSum(terms);
      for (int64_t j = 0; j < k; ++j) {
        exps[(at + t) * k + j] = std::exp(row[j] - largest);
        alpha[(at + t) * k + j] = std::exp(terms[j] - sum);
      }
    }
  }
  for (size_t i = 0; i < w.size(); ++i) transitions[i] = std::exp(w[i]);
  const DType dtype = emission.dtype();
  OutWithLoD(c, "Alpha", FromDoubles(emission.shape(), dtype, alpha), emission.lod());
  OutWithLoD(c, "EmissionExps", FromDoubles(emission.shape(), dtype, exps), emission.lod());
  host::Out(c, "TransitionExps", FromDoubles(c.InputTensor("Transition").shape(), dtype, transitions));
  host::Out(c, "LogLikelihood", FromDoubles({static_cast<int64_t>(loss.size()), 1}, dtype, loss));
}

void CrfLossBack(DynamicContext& c) {
  // The exponentials hold all that emissions and transitions decide: a factor for a row changes no gradient.
  const Tensor& exps = c.InputTensor("EmissionExps");
  const Tensor& transition_exps = c.InputTensor("TransitionExps");
  const Chains chains = ReadChains(c, exps, "Label");
  const int64_t k = chains.tags, rows = exps.num_elements() / std::max<int64_t>(1, k);
  std::vector<double> e = Doubles(exps), w = ReadTransition(c, k, "TransitionExps");
  for (double& v : e) v = std::log(v);
  for (double& v : w) v = std::log(v);
  const std::vector<int64_t> labels = ReadLabels(c, k, rows);
  const std::vector<double> dloss = Doubles(c.InputTensor("LogLikelihood@GRAD"));
  std::vector<double> de(e.size(), 0.0), dw(w.size(), 0.0);
  for (size_t b = 0; b < chains.size.size(); ++b) {
    const int64_t n = chains.size[b], at = chains.begin[b];
    if (n == 0) continue;
    const Chain chain(e.data() + at * k, w.data(), n, k);
    const double d = dloss.at(b);
    for (int64_t t = 0; t < n; ++t) {
      for (int64_t j = 0; j < k; ++j) {
        const double p = std::exp(chain.alpha[t * k + j] + chain.beta[t * k + j] - chain.log_sum);
        const double g = d * (p - (labels[at + t] == j ? 1 : 0));
        de[(at + t) * k + j] = g;
        if (t == 0) dw[j] += g;
        if (t == n - 1) dw[k + j] += g;
        for (int64_t i = 0; t > 0 && i < k; ++i) {
          const double both = std::exp(chain.alpha[(t - 1) * k + i] + w[(2 + i) * k + j] + chain.e[t * k + j] +
                                       chain.beta[t * k + j] - chain.log_sum);
          dw[(2 + i) * k + j] += d * (both - (labels[at + t - 1] == i && labels[at + t] == j ? 1 : 0));
        }
      }
    }
  }
  OutWithLoD(c, "Emission@GRAD", FromDoubles(exps.shape(), exps.dtype(), de), exps.lod());
  host::Out(c, "Transition@GRAD", FromDoubles(transition_exps.shape(), exps.dtype(), dw));
}

// The best path. `start`, `stop` [tags] and `move` [tags, tags].
struct Path {
  double score;
  std::vector<int64_t> tags;
};
Path BestPath(const double* e, int64_t size, int64_t k, const double* start, const double* stop, const double* move) {
  std::vector<double> best(k), next(k);
  std::vector<int64_t> from(size * k, 0);
  for (int64_t j = 0; j < k; ++j) best[j] = e[j] + (start == nullptr ? 0 : start[j]);
  for (int64_t t = 1; t < size; ++t) {
    for (int64_t j = 0; j < k; ++j) {
      next[j] = -std::numeric_limits<double>::infinity();
      for (int64_t i = 0; i < k; ++i) {
        const double score = best[i] + move[i * k + j];
        if (score > next[j]) next[j] = score, from[t * k + j] = i;
      }
      next[j] += e[t * k + j];
    }
    best.swap(next);
  }
  for (int64_t j = 0; stop != nullptr && j < k; ++j) best[j] += stop[j];
  int64_t tag = std::max_element(best.begin(), best.end()) - best.begin();
  Path path{best[tag], std::vector<int64_t>(size)};
  for (int64_t t = size; t-- > 0;) {
    path.tags[t] = tag;
    tag = from[t * k + tag];
  }
  return path;
}

void CrfDecode(DynamicContext& c) {
  const Tensor& emission = c.InputTensor("Emission");
  const Chains chains = ReadChains(c, emission, "Emission");
  const int64_t k = chains.tags, rows = emission.num_elements() / std::max<int64_t>(1, k);
  const std::vector<double> e = Doubles(emission), w = ReadTransition(c, k);
  std::vector<int64_t> path(rows, 0);
  for (size_t b = 0; b < chains.size.size(); ++b) {
    if (chains.size[b] == 0) continue;
    const Path best = BestPath(e.data() + chains.begin[b] * k, chains.size[b], k, w.data(), w.data() + k, w.data() + 2 * k);
    std::copy(best.tags.begin(), best.tags.end(), path.begin() + chains.begin[b]);
  }
  if (host::Has(c, "Label")) {  // whether each tag is right
    const std::vector<int64_t> labels = ReadLabels(c, k, rows);
    for (size_t b = 0; b < chains.size.size(); ++b) {
      for (int64_t t = chains.begin[b]; t < chains.begin[b] + chains.size[b]; ++t) path[t] = path[t] == labels[t] ? 1 : 0;
    }
  }
  const Shape shape = host::Has(c, "Length") ? Shape{emission.shape()[0], emission.shape()[1]} : Shape{rows, 1};
  OutWithLoD(c, "ViterbiPath", FromInts(shape, DType::kInt64, path), emission.lod());
}

void Viterbi(DynamicContext& c) {
  const Tensor& input = c.InputTensor("Input");
  SKIFF_ENFORCE(input.shape().rank() == 3, InvalidArgument, "Input has shape ", input.shape(),
                "; expected [batch, most, tags]");
  const int64_t batch = input.shape()[0], most = input.shape()[1], k = input.shape()[2];
  const std::vector<int64_t> lengths = IntElements(c.InputTensor("Length"));
  const std::vector<double> e = Doubles(input), w = Doubles(c.InputTensor("Transition"));
  SKIFF_ENFORCE(static_cast<int64_t>(lengths.size()) == batch && static_cast<int64_t>(w.size()) == k * k, InvalidArgument,
                "Length has ", lengths.size(), " elements and Transition ", w.size(), "; expected ", batch, " and ", k * k);
  const bool ends = c.attrs().Get<bool>("include_bos_eos_tag");
  SKIFF_ENFORCE(k > 0, InvalidArgument, "Input has shape ", input.shape(), "; the last axis, the tags, cannot be empty");
  SKIFF_ENFORCE(!ends || k >= 2, InvalidArgument, "there are ", k, " tags; the last two begin and end a sequence");
  int64_t longest = 0;
  for (int64_t length : lengths) {
    SKIFF_ENFORCE(length >= 0 && length <= most, OutOfRange, "a length is ", length, "; Input has room for ", most);
    longest = std::max(longest, length);
  }
  // The last tag begins a sequence, the one before it ends it.
  std::vector<double> stop(k), scores, start(k);
  for (int64_t i = 0; ends && i < k; ++i) start[i] = w[(k - 1) * k + i], stop[i] = w[(k - 2) * k + i];
  std::vector<int64_t> path(batch * longest, 0);
  for (int64_t b = 0; b < batch; ++b) {
    if (lengths[b] == 0) {
      scores.push_back(0);
      continue;
    }
    const Path best = BestPath(e.data() + b * most * k, lengths[b], k, ends ? start.data() : nullptr, ends ? stop.data() : nullptr,
                               w.data());
    scores.push_back(best.score);
    std::copy(best.tags.begin(), best.tags.end(), path.begin() + b * longest);
  }
  host::Out(c, "Scores", FromDoubles({batch}, input.dtype(), scores));
  host::Out(c, "Path", FromInts({batch, longest}, DType::kInt64, path));
}

void GatherTree(DynamicContext& c) {
  const Tensor& given = c.InputTensor("Ids");
  SKIFF_ENFORCE(given.shape().rank() == 3 && given.shape() == c.InputTensor("Parents").shape(), InvalidArgument,
                "Ids has shape ", given.shape(), ", Parents ", c.InputTensor("Parents").shape(),
                "; expected [time, batch, beam] for both");
  const std::vector<int64_t> ids = IntElements(given), parents = IntElements(c.InputTensor("Parents"));
  const int64_t time = given.shape()[0], batch = given.shape()[1], beam = given.shape()[2];
  std::vector<int64_t> out(ids.size());
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t k = 0; k < beam; ++k) {
      int64_t from = k;
      for (int64_t t = time; t-- > 0;) {
        out[(t * batch + b) * beam + k] = ids[(t * batch + b) * beam + from];
        from = parents[(t * batch + b) * beam + from];
        SKIFF_ENFORCE(from >= 0 && from < beam, OutOfRange, "a parent is ", from, "; there are ", beam, " beams");
      }
    }
  }
  host::Out(c, "Out", FromInts(given.shape(), given.dtype(), out));
}

}  // namespace

SKIFF_OP(linear_chain_crf)
    .Doc("The negative log likelihood of each sequence's tags.")
    .Source("Lafferty et al. 2001; Paddle's linear_chain_crf")
    .Input("Emission", "[rows, tags] in sequences, or [batch, most, tags] with Length")
    .Input("Transition", "[tags + 2, tags]: to start, to end, and from each tag to each")
    .Input("Label", "a tag for each row")
    .OptionalInput("Length", "[batch, 1]")
    .OptionalOutput("Alpha", "forward variables, each row summing to 1")
    .OptionalOutput("EmissionExps", "exp(Emission), the largest of each row 1")
    .OptionalOutput("TransitionExps", "exp(Transition)")
    .Output("LogLikelihood", "[sequences, 1]")
    .InferShape([](InferContext& c) {
      const TensorMeta& e = c.Input("Emission");
      const TensorMeta same{e.shape, e.dtype, e.lod_level};
      c.SetOutput("Alpha", same);
      c.SetOutput("EmissionExps", same);
      c.SetOutput("TransitionExps", c.InputShape("Transition"), e.dtype);
      c.SetOutput("LogLikelihood", {c.HasInput("Length") ? e.shape[0] : -1, 1}, e.dtype);
    })
    .Gradient(StandardGrad({"Emission", "Transition", "Label", "Length"}, {"Alpha", "EmissionExps", "TransitionExps"},
                           {"LogLikelihood"}, {"Emission", "Transition"}))
    .Dynamic(CrfLoss);

SKIFF_OP(linear_chain_crf_grad)
    .Doc("Probabilities of tags and transitions, less those of the labels.")
    .OptionalInput("Emission", "not read")
    .OptionalInput("Transition", "not read")
    .Input("Label", "of linear_chain_crf")
    .OptionalInput("Length", "of linear_chain_crf")
    .OptionalInput("Alpha", "not read")
    .Input("EmissionExps", "of linear_chain_crf")
    .Input("TransitionExps", "of linear_chain_crf")
    .Input("LogLikelihood@GRAD", "[sequences, 1]")
    .OptionalOutput("Emission@GRAD", "shape of Emission")
    .OptionalOutput("Transition@GRAD", "shape of Transition")
    .InferShape([](InferContext& c) {
      c.SetOutput("Emission@GRAD", TensorMeta(c.Input("EmissionExps")));
      c.SetOutput("Transition@GRAD", TensorMeta(c.Input("TransitionExps")));
    })
    .Dynamic(CrfLossBack);

SKIFF_OP(crf_decoding)
    .Doc("The likeliest tags of each sequence; with Label 1 where they are right, else 0.")
    .Source("Viterbi 1967; Paddle's crf_decoding")
    .Input("Emission", "as in linear_chain_crf")
    .Input("Transition", "as in linear_chain_crf")
    .OptionalInput("Label", "a tag for each row")
    .OptionalInput("Length", "[batch, 1]")
    .Output("ViterbiPath", "[rows, 1], or [batch, most] with Length; int64")
    .InferShape([](InferContext& c) {
      const TensorMeta& e = c.Input("Emission");
      const Shape out = c.HasInput("Length") ? Shape{e.shape[0], e.shape[1]} : Shape{e.shape[0], 1};
      c.SetOutput("ViterbiPath", TensorMeta{out, DType::kInt64, e.lod_level});
    })
    .Dynamic(CrfDecode);

SKIFF_OP(viterbi_decode)
    .Doc("The best path of each sequence and its score; zeros behind its end.")
    .Source("paddle.text.viterbi_decode")
    .Input("Input", "[batch, most, tags]")
    .Input("Transition", "[tags, tags]")
    .Input("Length", "[batch]")
    .Output("Scores", "[batch]")
    .Output("Path", "[batch, longest], int64")
    .Attr("include_bos_eos_tag", true, "whether the last tag begins a sequence and the one before it ends it")
    .InferShape([](InferContext& c) {
      const TensorMeta& x = c.Input("Input");
      c.SetOutput("Scores", {x.shape[0]}, x.dtype);
      c.SetOutput("Path", {x.shape[0], -1}, DType::kInt64);
    })
    .Dynamic(Viterbi);

SKIFF_OP(gather_tree)
    .Doc("Whole beams, traced back from the last step along their parents.")
    .Source("paddle.nn.functional.gather_tree")
    .Input("Ids", "[time, batch, beam] integers")
    .Input("Parents", "beam of the step before, shaped as Ids")
    .Output("Out", "shape and dtype of Ids")
    .InferShape(Like("Out", "Ids"))
    .Dynamic(GatherTree);

}  // namespace skiff
