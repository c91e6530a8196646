// Beam search over sequences: one step, and the sentences that the steps make.
//
// A tensor of a step has two levels of sequences: the prefixes of each source, and the words chosen after each prefix.
// The rows of one step are the prefixes of the next.
#include <algorithm>
#include <cmath>

#include "operators/host/sequences.h"

namespace skiff {

namespace {

struct Candidate {
  int64_t prefix, id;
  double score;
};

void BeamSearch(DynamicContext& c) {
  const Tensor scores = host::In(c, "scores");
  const std::vector<int64_t> before = IntElements(c.InputTensor("pre_ids"));
  const std::vector<double> before_scores = Doubles(c.InputTensor("pre_scores")), score = Doubles(scores);
  std::vector<int64_t> ids;
  if (host::Has(c, "ids")) ids = IntElements(c.InputTensor("ids"));
  const auto beam = static_cast<size_t>(std::max(0, c.attrs().Get<int32_t>("beam_size")));
  const int64_t end = c.attrs().Get<int32_t>("end_id");
  const bool accumulated = c.attrs().Get<bool>("is_accumulated");
  const int64_t rows = Rows(scores), width = Width(scores);
  SKIFF_ENFORCE(beam > 0, InvalidArgument, "attribute beam_size must be positive");
  SKIFF_ENFORCE(static_cast<int64_t>(before.size()) == rows && static_cast<int64_t>(before_scores.size()) == rows, InvalidArgument,
                "scores has ", rows, " rows, pre_ids ", before.size(), " and pre_scores ", before_scores.size(),
                "; each prefix has one");
  SKIFF_ENFORCE(ids.empty() || ids.size() == score.size(), InvalidArgument, "ids has ", ids.size(), " elements, scores ",
                score.size(), "; they must be equal");
  const auto level = static_cast<size_t>(std::max(0, c.attrs().Get<int32_t>("level")));
  SKIFF_ENFORCE(level < scores.lod().size(), InvalidArgument, "scores has ", scores.lod().size(), " levels of sequences, attribute level is ",
                level, "; feed a LoDTensor whose first level are the sources' prefixes");
  std::vector<int64_t> sources(scores.lod()[level].begin(), scores.lod()[level].end());  // as rows
  for (size_t l = level + 1; l < scores.lod().size(); ++l) {
    for (int64_t& at : sources) at = static_cast<int64_t>(scores.lod()[l].at(at));
  }

  std::vector<std::vector<Candidate>> chosen(rows);  // of each prefix
  for (size_t s = 0; s + 1 < sources.size(); ++s) {
    std::vector<Candidate> best;
    for (int64_t row = sources[s]; row < sources[s + 1]; ++row) {
      if (before[row] == end) {
        best.push_back({row, end, before_scores[row]});  // a finished sentence goes on as it is
        continue;
      }
      for (int64_t k = row * width; k < (row + 1) * width; ++k) {
        best.push_back({row, ids.empty() ? k - row * width : ids[k], accumulated ? score[k] : before_scores[row] + std::log(score[k])});
      }
    }
    // Of equal ones the later prefix goes first, and in it the earlier word.
    std::stable_sort(best.begin(), best.end(), [](const Candidate& a, const Candidate& b) {
      return a.score != b.score ? a.score > b.score : a.prefix > b.prefix;
    });
    best.resize(std::min(best.size(), beam));
    const bool finished = std::all_of(best.begin(), best.end(), [&](const Candidate& one) {
      return one.id == end && before[one.prefix] == end;
    });
    for (const Candidate& one : best) {
      if (!finished) chosen[one.prefix].push_back(one);
    }
  }

  std::vector<int64_t> out_ids, parents;
  std::vector<double> out_scores;
  std::vector<int64_t> offsets = {0};
  for (const auto& words : chosen) {
    for (const Candidate& word : words) {
      out_ids.push_back(word.id);
      out_scores.push_back(word.score);
      parents.push_back(word.prefix);
    }
    offsets.push_back(static_cast<int64_t>(out_ids.size()));
  }
  const LoD lod = {ToLevel(sources), ToLevel(offsets)};
  const auto count = static_cast<int64_t>(out_ids.size());
  OutWithLoD(c, "selected_ids", Tensor::Of<int64_t>({count, 1}, out_ids), lod);
  OutWithLoD(c, "selected_scores", FromDoubles({count, 1}, scores.dtype(), out_scores), lod);
  host::Out(c, "parent_idx", FromInts({count}, DType::kInt32, parents));
}

// ---- the sentences -----------------------------------------------------------------------------------------

struct Step {
  std::vector<int64_t> ids, sources, prefixes;  // prefixes of each source, words of each prefix: offsets
  std::vector<double> scores;
};

struct Sentence {
  int64_t row;  // of the step that is read next
  std::vector<int64_t> ids;
  std::vector<double> scores;
};

std::vector<Step> StepsOf(const DynamicContext& c) {
  const auto array = [&](const char* slot) -> const TensorArray& {
    const auto* found = std::get_if<TensorArray>(&c.Input(slot));
    SKIFF_ENFORCE(found != nullptr, InvalidType, "input ", slot, " is no tensor array");
    return *found;
  };
  const TensorArray &ids = array("Ids"), &scores = array("Scores");
  SKIFF_ENFORCE(!ids.empty() && ids.size() == scores.size(), InvalidArgument, "Ids holds ", ids.size(), " steps and Scores ",
                scores.size(), "; expected as many, one at least");
  std::vector<Step> steps;
  for (size_t t = 0; t < ids.size(); ++t) {
    const LoD& lod = ids[t].lod();
    SKIFF_ENFORCE(lod.size() == 2, InvalidArgument, "step ", t, " of Ids has ", lod.size(),
                  " levels of sequences; expected 2: prefixes of each source, words of each prefix");
    steps.push_back({IntElements(ids[t]), {lod[0].begin(), lod[0].end()}, {lod[1].begin(), lod[1].end()}, Doubles(scores[t])});
    const Step& s = steps.back();
    SKIFF_ENFORCE(s.sources.size() == steps[0].sources.size() && s.scores.size() == s.ids.size(), InvalidArgument, "step ", t,
                  " has ", s.sources.size() - 1, " sources, ", s.ids.size(), " words and ", s.scores.size(), " scores; expected ",
                  steps[0].sources.size() - 1, " sources and a score for each word");
    SKIFF_ENFORCE(t == 0 || s.prefixes.size() == steps[t - 1].ids.size() + 1, InvalidArgument, "step ", t, " has ",
                  s.prefixes.size() - 1, " prefixes, the step before ", steps[t - 1].ids.size(), " words; they must be equal");
  }
  return steps;
}

void BeamSearchDecode(DynamicContext& c) {
  const std::vector<Step> steps = StepsOf(c);
  const int64_t end = c.attrs().Get<int32_t>("end_id");
  const size_t sources = steps[0].sources.size() - 1;
  std::vector<int64_t> ids;
  std::vector<double> scores;
  std::vector<int64_t> of_source = {0}, of_sentence = {0};
  for (size_t s = 0; s < sources; ++s) {
    std::vector<Sentence> sentences;  // of this source, from the last word to the first
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      const bool none = sentences.empty();  // this source had ended before the steps after this one
      for (int64_t prefix = step->sources[s]; prefix < step->sources[s + 1]; ++prefix) {
        for (int64_t row = step->prefixes.at(prefix); row < step->prefixes.at(prefix + 1); ++row) {
          if (none) sentences.push_back({row, {}, {}});
          for (Sentence& sentence : sentences) {
            if (sentence.row != row) continue;
            if (step->ids.at(row) != end || sentence.ids.empty()) {  // the end once
              sentence.ids.push_back(step->ids.at(row));
              sentence.scores.push_back(step->scores.at(row));
            }
            sentence.row = -1 - prefix;  // found: not again at this step
          }
        }
      }
      for (Sentence& sentence : sentences) sentence.row = -1 - sentence.row;
    }
    std::stable_sort(sentences.begin(), sentences.end(),
                     [](const Sentence& a, const Sentence& b) { return a.scores.front() > b.scores.front(); });
    for (const Sentence& sentence : sentences) {
      ids.insert(ids.end(), sentence.ids.rbegin(), sentence.ids.rend());
      scores.insert(scores.end(), sentence.scores.rbegin(), sentence.scores.rend());
      of_sentence.push_back(static_cast<int64_t>(ids.size()));
    }
    of_source.push_back(static_cast<int64_t>(of_sentence.size()) - 1);
  }
  const LoD lod = {ToLevel(of_source), ToLevel(of_sentence)};
  const auto count = static_cast<int64_t>(ids.size());
  const DType dtype = std::get<TensorArray>(c.Input("Scores"))[0].dtype();
  OutWithLoD(c, "SentenceIds", Tensor::Of<int64_t>({count}, ids), lod);
  OutWithLoD(c, "SentenceScores", FromDoubles({count}, dtype, scores), lod);
}

}  // namespace

SKIFF_OP(beam_search)
    .Doc("One step of beam search: the best words of each source after its prefixes. A source all of whose sentences have ended keeps none.")
    .Source("names of Paddle's beam_search")
    .Input("pre_ids", "[prefixes, 1], int64: the last word of each")
    .Input("pre_scores", "[prefixes, 1]: their scores so far")
    .OptionalInput("ids", "[prefixes, words], int64; the column where absent")
    .Input("scores", "[prefixes, words] in sequences: level 0 holds the prefixes of each source")
    .Output("selected_ids", "[chosen, 1], int64; level 0 as that of scores, level 1 the words of each prefix")
    .Output("selected_scores", "as selected_ids")
    .OptionalOutput("parent_idx", "[chosen], int32: the prefix")
    .Attr("level", 0, "of the sequences of scores that are sources")
    .Attr("beam_size", 0, "the most words a source keeps")
    .Attr("end_id", 0, "the word that ends a sentence")
    .Attr("is_accumulated", true, "scores are those of whole sentences; else probabilities, whose logarithm is added to pre_scores")
    .InferShape([](InferContext& c) {
      c.SetOutput("selected_ids", TensorMeta{{-1, 1}, DType::kInt64, 2});
      c.SetOutput("selected_scores", TensorMeta{{-1, 1}, c.InputDType("scores"), 2});
      c.SetOutput("parent_idx", Shape{-1}, DType::kInt32);
    })
    .Dynamic(BeamSearch);

SKIFF_OP(beam_search_decode)
    .Doc("The sentences that steps of beam search made, the best first.")
    .Source("names of Paddle's beam_search_decode")
    .Input("Ids", "tensor array: selected_ids of each step")
    .Input("Scores", "tensor array: selected_scores of each step")
    .Output("SentenceIds", "[words], int64; level 0 the sentences of each source, level 1 the words of each sentence")
    .Output("SentenceScores", "as SentenceIds: the score up to each word")
    .Attr("beam_size", 0, "of beam_search; not read")
    .Attr("end_id", 0, "of beam_search")
    .InferShape([](InferContext& c) {
      c.SetOutput("SentenceIds", TensorMeta{{-1}, DType::kInt64, 2});
      c.SetOutput("SentenceScores", TensorMeta{{-1}, c.InputDType("Scores"), 2});
    })
    .Dynamic(BeamSearchDecode);

}  // namespace skiff
