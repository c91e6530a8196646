// The sentences that steps of beam search make.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/executor.h"
#include "framework/op/append_op.h"

namespace skiff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class BeamSearchDecodeTest : public ::testing::Test {
 protected:
  BeamSearchDecodeTest() {
    for (const char* array : {"ids", "scores"}) {
      main.global_block().AddVar({.name = array, .kind = VarKind::kLodTensorArray, .dtype = array[0] == 'i' ? DType::kInt64 : DType::kFloat32, .shape = {-1, 1}});
    }
  }
  // Words of one step: the prefixes of each source, the words after each prefix.
  void Step(const std::vector<int64_t>& ids, const std::vector<float>& scores, LoD lod) {
    const std::string t = std::to_string(steps++);
    const auto count = static_cast<int64_t>(ids.size());
    Tensor words = Tensor::Of<int64_t>({count, 1}, ids), values = Tensor::Of<float>({count, 1}, scores);
    words.set_lod(lod);
    values.set_lod(lod);
    Feed("ids" + t, words);
    Feed("scores" + t, values);
    Feed("i" + t, Tensor::Of<int64_t>({1}, {steps - 1}));
    for (const char* array : {"ids", "scores"}) {
      AppendOp(main.global_block(), {"write_to_array", {{"X", {array + t}}, {"I", {"i" + t}}}, {{"Out", {array}}}, {}});
    }
  }
  std::vector<Tensor> Decode(int end_id) {
    for (const char* out : {"sentences", "sentence_scores"}) main.global_block().AddVar({.name = out});
    AppendOp(main.global_block(), {"beam_search_decode", {{"Ids", {"ids"}}, {"Scores", {"scores"}}},
                                   {{"SentenceIds", {"sentences"}}, {"SentenceScores", {"sentence_scores"}}},
                                   {{"beam_size", 2}, {"end_id", end_id}}});
    return executor.Run(main, feeds, {"sentences", "sentence_scores"}, &scope);
  }

  Program main;
  int64_t steps = 0;

 private:
  void Feed(const std::string& name, const Tensor& value) {
    main.global_block().AddVar({.name = name, .dtype = value.dtype(), .shape = {-1, 1}, .lod_level = static_cast<int>(value.lod().size())});
    if (name[0] == 'i' && name[1] != 'd') main.global_block().Var(name).shape = {1};
    feeds.emplace_back(name, value);
  }
  Feeds feeds;
  Scope scope;
  Executor executor{CPUPlace{}, {.num_threads = 1}};
};

TEST_F(BeamSearchDecodeTest, FollowsEachLastWordBackAndPutsTheBestSentenceFirst) {
  Step({3, 4}, {1, 2}, {{0, 1}, {0, 2}});
  Step({5, 0, 6}, {3, 5, 4}, {{0, 2}, {0, 1, 3}});     // 3 -> 5; 4 -> the end, 6
  Step({7, 0, 0}, {6, 5, 8}, {{0, 3}, {0, 1, 2, 3}});  // 3 5 -> 7; the end stays; 4 6 -> the end
  const auto out = Decode(0);
  EXPECT_THAT(out[0].Values<int64_t>(), ElementsAre(4, 6, 0, 3, 5, 7, 4, 0));
  EXPECT_THAT(out[1].Values<float>(), ElementsAre(2, 4, 8, 1, 3, 6, 2, 5));
  EXPECT_EQ(out[0].lod(), (LoD{{0, 3}, {0, 3, 6, 8}}));
}

TEST_F(BeamSearchDecodeTest, KeepsASourceThatEndedBeforeTheOthers) {
  Step({9, 2}, {1, 2}, {{0, 1, 2}, {0, 1, 2}});
  Step({1}, {3}, {{0, 1, 2}, {0, 0, 1}});  // the first source has ended
  const auto out = Decode(9);
  EXPECT_THAT(out[0].Values<int64_t>(), ElementsAre(9, 2, 1));
  EXPECT_EQ(out[0].lod(), (LoD{{0, 1, 2}, {0, 1, 3}}));
}

TEST_F(BeamSearchDecodeTest, RefusesStepsThatDoNotFollowEachOther) {
  Step({3, 4}, {1, 2}, {{0, 1}, {0, 2}});
  Step({5}, {3}, {{0, 1}, {0, 1}});
  EXPECT_THAT([&] { Decode(0); }, ThrowsMessage<InvalidArgument>(HasSubstr("step 1 has 1 prefixes, the step before 2 words")));
}

}  // namespace
}  // namespace skiff
