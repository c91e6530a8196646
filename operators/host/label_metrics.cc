// Measures of how labels were predicted: of classes, of ranked pairs, of chunks. They count, and run on the host.
#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "operators/host/sequences.h"

namespace skiff {

namespace {

// ---- precision_recall --------------------------------------------------------------------------------------

struct Counts {
  double true_positive = 0, false_positive = 0, true_negative = 0, false_negative = 0;
};

// With nothing to be right about, all of it is right.
double ShareOf(double right, double wrong) { return right > 0 || wrong > 0 ? right / (right + wrong) : 1.0; }
double HarmonicMean(double a, double b) { return a > 0 || b > 0 ? 2 * a * b / (a + b) : 0.0; }

/// Precision, recall and F1 averaged over classes, then those of all classes together.
std::vector<double> Metrics(const std::vector<Counts>& classes) {
  Counts all;
  double precision = 0, recall = 0;
  for (const Counts& c : classes) {
    precision += ShareOf(c.true_positive, c.false_positive);
    recall += ShareOf(c.true_positive, c.false_negative);
    all.true_positive += c.true_positive;
    all.false_positive += c.false_positive;
    all.false_negative += c.false_negative;
  }
  precision /= static_cast<double>(classes.size());
  recall /= static_cast<double>(classes.size());
  const double p = ShareOf(all.true_positive, all.false_positive), r = ShareOf(all.true_positive, all.false_negative);
  return {precision, recall, HarmonicMean(precision, recall), p, r, HarmonicMean(p, r)};
}

void PrecisionRecall(DynamicContext& c) {
  const int64_t count = c.attrs().Get<int32_t>("class_number");
  SKIFF_ENFORCE(count > 0, InvalidArgument, "attribute class_number is ", count, "; it must be positive");
  const std::vector<int64_t> guesses = IntElements(c.InputTensor("Indices")), labels = IntElements(c.InputTensor("Labels"));
  SKIFF_ENFORCE(guesses.size() == labels.size(), InvalidArgument, "Indices has ", guesses.size(), " elements, Labels ",
                labels.size(), "; they must be equal");
  std::vector<double> weights(labels.size(), 1.0);
  if (host::Has(c, "Weights")) weights = Doubles(c.InputTensor("Weights"));
  SKIFF_ENFORCE(weights.size() == labels.size(), InvalidArgument, "Weights has ", weights.size(), " elements, Labels ",
                labels.size(), "; they must be equal");
  std::vector<Counts> classes(count);
  for (size_t i = 0; i < labels.size(); ++i) {
    for (int64_t given : {guesses[i], labels[i]}) {
      SKIFF_ENFORCE(given >= 0 && given < count, OutOfRange, "sample ", i, " has class ", given, "; there are ", count);
    }
    for (Counts& other : classes) other.true_negative += weights[i];
    classes[guesses[i]].true_negative -= weights[i];
    if (guesses[i] == labels[i]) {
      classes[labels[i]].true_positive += weights[i];
    } else {
      classes[labels[i]].true_negative -= weights[i];
      classes[labels[i]].false_negative += weights[i];
      classes[guesses[i]].false_positive += weights[i];
    }
  }
  host::Out(c, "BatchMetrics", FromDoubles({6}, DType::kFloat64, Metrics(classes)));
  if (host::Has(c, "StatesInfo")) {
    const std::vector<double> before = Doubles(c.InputTensor("StatesInfo"));
    SKIFF_ENFORCE(static_cast<int64_t>(before.size()) == 4 * count, InvalidArgument, "StatesInfo is ",
                  c.InputTensor("StatesInfo").shape(), "; expected [", count, ", 4]");
    for (int64_t k = 0; k < count; ++k) {
      classes[k].true_positive += before[4 * k];
      classes[k].false_positive += before[4 * k + 1];
      classes[k].true_negative += before[4 * k + 2];
      classes[k].false_negative += before[4 * k + 3];
    }
  }
  std::vector<double> states;
  for (const Counts& k : classes) {
    states.insert(states.end(), {k.true_positive, k.false_positive, k.true_negative, k.false_negative});
  }
  host::Out(c, "AccumMetrics", FromDoubles({6}, DType::kFloat64, Metrics(classes)));
  host::Out(c, "AccumStatesInfo", FromDoubles({count, 4}, c.InputTensor("MaxProbs").dtype(), states));
}

// ---- positive_negative_pair --------------------------------------------------------------------------------

void CountPairs(DynamicContext& c) {
  const Tensor& score = c.InputTensor("Score");
  const std::vector<double> scores = Doubles(score), labels = Doubles(c.InputTensor("Label"));
  const std::vector<int64_t> queries = IntElements(c.InputTensor("QueryID"));
  const int64_t rows = Rows(score), width = Width(score);
  SKIFF_ENFORCE(static_cast<int64_t>(labels.size()) == rows && static_cast<int64_t>(queries.size()) == rows, InvalidArgument,
                "Score has ", rows, " rows, Label ", labels.size(), " and QueryID ", queries.size(), "; they must be equal");
  std::vector<double> weights(rows, 1.0);
  if (host::Has(c, "Weight")) weights = Doubles(c.InputTensor("Weight"));
  SKIFF_ENFORCE(static_cast<int64_t>(weights.size()) == rows, InvalidArgument, "Weight has ", weights.size(),
                " elements; expected ", rows, ", one for each row of Score");
  int64_t column = c.attrs().Get<int32_t>("column");
  if (column < 0) column += width;
  SKIFF_ENFORCE(column >= 0 && column < width, OutOfRange, "attribute column is ", column, ", Score is ", score.shape());

  double positive = 0, negative = 0, neutral = 0;
  std::map<int64_t, std::vector<int64_t>> of_query;
  for (int64_t i = 0; i < rows; ++i) of_query[queries[i]].push_back(i);
  for (const auto& [query, members] : of_query) {
    for (size_t a = 0; a < members.size(); ++a) {
      for (size_t b = a + 1; b < members.size(); ++b) {
        const int64_t i = members[a], j = members[b];
        if (labels[i] == labels[j]) continue;
        const double weight = (weights[i] + weights[j]) / 2;
        const double agreement = (scores[i * width + column] - scores[j * width + column]) * (labels[i] - labels[j]);
        if (agreement == 0) neutral += weight;
        (agreement > 0 ? positive : negative) += weight;  // a tie is not positive
      }
    }
  }
  const auto out = [&](const char* slot, const char* before, double value) {
    if (host::Has(c, before)) value += Doubles(c.InputTensor(before)).at(0);
    host::Out(c, slot, FromDoubles({1}, score.dtype(), {value}));
  };
  out("PositivePair", "AccumulatePositivePair", positive);
  out("NegativePair", "AccumulateNegativePair", negative);
  out("NeutralPair", "AccumulateNeutralPair", neutral);
}

// ---- chunk_eval --------------------------------------------------------------------------------------------

using Chunk = std::tuple<int64_t, int64_t, int64_t>;  // first, last, type

// A scheme gives the tag of a chunk's first, inner and last word and of one that stands alone; -1: there is none.
struct Scheme {
  int64_t tags, begin, inside, end, single;
};

Scheme SchemeOf(const std::string& name) {
  if (name == "IOB") return {2, 0, 1, -1, -1};
  if (name == "IOE") return {2, -1, 0, 1, -1};
  if (name == "IOBES") return {4, 0, 1, 2, 3};
  SKIFF_ENFORCE(name == "plain", InvalidArgument, "attribute chunk_scheme is \"", name,
                "\"; it may be \"IOB\", \"IOE\", \"IOBES\" or \"plain\"");
  return {1, -1, 0, -1, -1};
}

std::vector<Chunk> ChunksOf(const int64_t* labels, int64_t length, const Scheme& s, int64_t types,
                            const std::vector<int32_t>& excluded) {
  std::vector<Chunk> chunks;
  const auto keep = [&](int64_t first, int64_t last, int64_t type) {
    if (std::find(excluded.begin(), excluded.end(), type) == excluded.end()) chunks.emplace_back(first, last, type);
  };
  int64_t start = -1, before = -1, before_type = types;  // `types` is what lies outside of all chunks
  for (int64_t i = 0; i < length; ++i) {
    SKIFF_ENFORCE(labels[i] >= 0 && labels[i] <= types * s.tags, OutOfRange, "label ", labels[i], " at position ", i,
                  "; there are ", types * s.tags, " labels of chunks and one for what is outside");
    const int64_t tag = labels[i] % s.tags, type = labels[i] / s.tags;
    const bool outside = type == types;
    const bool closed = before == s.end || before == s.single;
    const bool changes = outside || before_type == types || type != before_type;
    if (start >= 0 && (changes || closed || tag == s.begin || tag == s.single)) {
      keep(start, i - 1, before_type);
      start = -1;
    }
    const bool opens = changes || closed || tag == s.begin || tag == s.single;
    if (!outside && start < 0 && opens) start = i;
    before = tag;
    before_type = type;
  }
  if (start >= 0) keep(start, length - 1, before_type);
  return chunks;
}

void EvaluateChunks(DynamicContext& c) {
  const Tensor inference = host::In(c, "Inference"), label = host::In(c, "Label");
  const std::vector<int64_t> guesses = IntElements(inference), labels = IntElements(label);
  SKIFF_ENFORCE(guesses.size() == labels.size(), InvalidArgument, "Inference is ", inference.shape(), ", Label ", label.shape(),
                "; they must hold as many labels");
  const Scheme scheme = SchemeOf(c.attrs().Get<std::string>("chunk_scheme"));
  const int64_t types = c.attrs().Get<int32_t>("num_chunk_types");
  const auto excluded = c.attrs().Get<std::vector<int32_t>>("excluded_chunk_types");
  std::vector<std::pair<int64_t, int64_t>> sequences;  // first label, length
  if (host::Has(c, "SeqLength")) {
    const std::vector<int64_t> lengths = IntElements(c.InputTensor("SeqLength"));
    const int64_t most = lengths.empty() ? 0 : static_cast<int64_t>(labels.size() / lengths.size());
    for (size_t k = 0; k < lengths.size(); ++k) {
      SKIFF_ENFORCE(lengths[k] >= 0 && lengths[k] <= most, OutOfRange, "SeqLength ", k, " is ", lengths[k],
                    "; a row of Label ", label.shape(), " holds ", most);
      sequences.emplace_back(static_cast<int64_t>(k) * most, lengths[k]);
    }
  } else {
    const std::vector<int64_t> offsets = Offsets(label, "Label");
    SKIFF_ENFORCE(offsets == Offsets(inference, "Inference"), InvalidArgument,
                  "Inference and Label have other sequences; they must have the same");
    for (size_t k = 0; k + 1 < offsets.size(); ++k) sequences.emplace_back(offsets[k], offsets[k + 1] - offsets[k]);
  }
  int64_t guessed = 0, there = 0, right = 0;
  for (const auto& [first, length] : sequences) {
    const std::vector<Chunk> ours = ChunksOf(guesses.data() + first, length, scheme, types, excluded);
    const std::vector<Chunk> theirs = ChunksOf(labels.data() + first, length, scheme, types, excluded);
    guessed += static_cast<int64_t>(ours.size());
    there += static_cast<int64_t>(theirs.size());
    for (const Chunk& chunk : ours) right += std::binary_search(theirs.begin(), theirs.end(), chunk);
  }
  const auto share = [right](int64_t of) { return of == 0 ? 0.0 : static_cast<double>(right) / static_cast<double>(of); };
  const double precision = share(guessed), recall = share(there);
  host::Out(c, "Precision", FromDoubles({1}, DType::kFloat32, {precision}));
  host::Out(c, "Recall", FromDoubles({1}, DType::kFloat32, {recall}));
  host::Out(c, "F1-Score", FromDoubles({1}, DType::kFloat32, {HarmonicMean(precision, recall)}));
  host::Out(c, "NumInferChunks", Tensor::Of<int64_t>({1}, {guessed}));
  host::Out(c, "NumLabelChunks", Tensor::Of<int64_t>({1}, {there}));
  host::Out(c, "NumCorrectChunks", Tensor::Of<int64_t>({1}, {right}));
}

}  // namespace

SKIFF_OP(precision_recall)
    .Doc("Precision, recall and F1 of a classifier, of this batch and of all so far.")
    .Source("names of Paddle's precision_recall")
    .Input("MaxProbs", "[batch, 1]; only its dtype is used")
    .Input("Indices", "[batch, 1], the predicted class")
    .Input("Labels", "[batch, 1], the true class")
    .OptionalInput("Weights", "[batch, 1], of the samples; 1 without")
    .OptionalInput("StatesInfo", "[classes, 4], counted before: true and false positives, true and false negatives")
    .Output("BatchMetrics", "[6], float64: precision, recall, F1 averaged over classes, then of all classes together")
    .Output("AccumMetrics", "the same with what was counted before")
    .Output("AccumStatesInfo", "as StatesInfo, with this batch")
    .Attr("class_number", 0, "classes")
    .InferShape([](InferContext& c) {
      c.SetOutput("BatchMetrics", Shape{6}, DType::kFloat64);
      c.SetOutput("AccumMetrics", Shape{6}, DType::kFloat64);
      c.SetOutput("AccumStatesInfo", Shape{c.Attr<int32_t>("class_number"), 4}, c.InputDType("MaxProbs"));
    })
    .Dynamic(PrecisionRecall);

SKIFF_OP(positive_negative_pair)
    .Doc("Pairs of one query whose scores are in the order of their labels, and those whose are not.")
    .Source("names of Paddle's positive_negative_pair")
    .Input("Score", "[rows, columns]")
    .Input("Label", "[rows, 1]")
    .Input("QueryID", "[rows, 1], int64")
    .OptionalInput("AccumulatePositivePair", "[1], counted before")
    .OptionalInput("AccumulateNegativePair", "[1]")
    .OptionalInput("AccumulateNeutralPair", "[1]")
    .OptionalInput("Weight", "[rows, 1]; a pair weighs the mean of its two, 1 without")
    .Output("PositivePair", "[1]")
    .Output("NegativePair", "[1]; pairs of equal scores are among them")
    .Output("NeutralPair", "[1]: those of equal scores")
    .Attr("column", -1, "of Score, from the end where negative")
    .InferShape([](InferContext& c) {
      for (const char* slot : {"PositivePair", "NegativePair", "NeutralPair"}) c.SetOutput(slot, Shape{1}, c.InputDType("Score"));
    })
    .Dynamic(CountPairs);

SKIFF_OP(chunk_eval)
    .Doc("Precision, recall and F1 of chunks (named entities, phrases) that tags of words mark.")
    .Source("the CoNLL-2000 shared task; names of Paddle's chunk_eval")
    .Input("Inference", "int64 labels, type * tags + tag: [batch, most] with lengths, or [rows, 1] in sequences")
    .Input("Label", "as Inference")
    .OptionalInput("SeqLength", "[batch]")
    .Output("Precision", "[1], float32")
    .Output("Recall", "[1], float32")
    .Output("F1-Score", "[1], float32")
    .Output("NumInferChunks", "[1], int64")
    .Output("NumLabelChunks", "[1], int64")
    .Output("NumCorrectChunks", "[1], int64: same words, same type")
    .Attr("num_chunk_types", 0, "types of chunks")
    .Attr("chunk_scheme", "IOB", "IOB, IOE, IOBES or plain")
    .Attr("excluded_chunk_types", std::vector<int32_t>{}, "types that do not count")
    .InferShape([](InferContext& c) {
      for (const char* slot : {"Precision", "Recall", "F1-Score"}) c.SetOutput(slot, Shape{1}, DType::kFloat32);
      for (const char* slot : {"NumInferChunks", "NumLabelChunks", "NumCorrectChunks"}) c.SetOutput(slot, Shape{1}, DType::kInt64);
    })
    .Dynamic(EvaluateChunks);

}  // namespace skiff
