#include "framework/data/data_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "framework/base/error.h"

namespace skiff::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::shared_ptr<const Dataset> Numbers(int64_t count) {
  std::vector<int64_t> labels(static_cast<size_t>(count));
  std::iota(labels.begin(), labels.end(), 0);
  std::vector<float> pairs;
  for (int64_t i = 0; i < count; ++i) pairs.insert(pairs.end(), {float(i), float(i) + 0.5f});
  return std::make_shared<TensorDataset>(std::vector<Tensor>{
      Tensor::Of<float>({count, 2}, pairs), Tensor::Of<int64_t>({count}, labels)});
}

std::vector<int64_t> Labels(const std::vector<Tensor>& batch) {
  const auto values = batch[1].Values<int64_t>();
  return {values.begin(), values.end()};
}

std::vector<int64_t> Epoch(DataLoader& loader) {
  std::vector<int64_t> labels;
  while (auto batch = loader.Next()) {
    for (int64_t label : Labels(*batch)) labels.push_back(label);
  }
  return labels;
}

TEST(TensorDatasetTest, GivesRowsOfEachField) {
  const std::vector<Tensor> sample = Numbers(3)->Get(2);
  EXPECT_EQ(sample[0].shape(), Shape({2}));
  EXPECT_THAT(sample[0].Values<float>(), ElementsAre(2.0f, 2.5f));
  EXPECT_EQ(sample[1].shape(), Shape({}));
}

TEST(TensorDatasetTest, RefusesFieldsOfUnequalLength) {
  EXPECT_THAT([] { TensorDataset({Tensor({2, 3}, DType::kFloat32), Tensor({3}, DType::kInt64)}); },
              ThrowsMessage<InvalidArgument>(HasSubstr("field 1 has 3 rows, field 0 has 2")));
}

TEST(DatasetTest, StacksSamplesAndRefusesUnequalOnes) {
  class Ragged : public Dataset {
    int64_t size() const override { return 2; }
    std::vector<Tensor> Get(int64_t i) const override { return {Tensor({i + 1}, DType::kFloat32)}; }
  };
  const Ragged ragged;
  const Dataset& dataset = ragged;
  const std::vector<int64_t> both = {0, 1};
  EXPECT_THAT([&] { dataset.Batch(both); },
              ThrowsMessage<InvalidArgument>(HasSubstr("field 0 of sample 1 is float32 [2]")));
}

TEST(DatasetTest, StacksEveryFieldOfItsSamples) {
  class Pairs : public Dataset {
    int64_t size() const override { return 2; }
    std::vector<Tensor> Get(int64_t i) const override {
      return {Tensor::Of<float>({2}, {1.0f * i, 2.0f * i}), Tensor::Of<int64_t>({}, {i})};
    }
  };
  const Pairs pairs;
  const std::vector<int64_t> order = {1, 0};
  const std::vector<Tensor> batch = static_cast<const Dataset&>(pairs).Batch(order);
  ASSERT_EQ(batch.size(), 2u);
  EXPECT_THAT(batch[0].Values<float>(), ElementsAre(1, 2, 0, 0));
  EXPECT_THAT(batch[1].Values<int64_t>(), ElementsAre(1, 0));
}

TEST(DataLoaderTest, GoesThroughTheSamplesInOrderAndKeepsTheRest) {
  DataLoader loader(Numbers(5), {.batch_size = 2});
  EXPECT_EQ(loader.num_batches(), 3);
  const auto first = loader.Next();
  EXPECT_EQ((*first)[0].shape(), Shape({2, 2}));
  EXPECT_THAT((*first)[0].Values<float>(), ElementsAre(0.0f, 0.5f, 1.0f, 1.5f));
  EXPECT_THAT(Epoch(loader), ElementsAre(2, 3, 4));
  EXPECT_THAT(Epoch(loader), ElementsAre(0, 1, 2, 3, 4));
}

TEST(DataLoaderTest, DropsARestOnDemand) {
  DataLoader loader(Numbers(5), {.batch_size = 2, .drop_last = true});
  EXPECT_THAT(Epoch(loader), ElementsAre(0, 1, 2, 3));
}

TEST(DataLoaderTest, ShufflesEachEpochAnewAndTheSameForTheSameSeed) {
  const LoaderOptions options{.batch_size = 3, .shuffle = true, .seed = 7};
  DataLoader one(Numbers(50), options), two(Numbers(50), options);
  const std::vector<int64_t> first = Epoch(one), second = Epoch(one);
  EXPECT_NE(first, second);
  EXPECT_EQ(first, Epoch(two));
  std::vector<int64_t> sorted = second;
  std::sort(sorted.begin(), sorted.end());
  std::vector<int64_t> all(50);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(sorted, all);
}

TEST(DataLoaderTest, GivesTheSameBatchesWithAndWithoutAThread) {
  DataLoader ahead(Numbers(20), {.batch_size = 3, .shuffle = true, .seed = 1, .prefetch = 4});
  DataLoader plain(Numbers(20), {.batch_size = 3, .shuffle = true, .seed = 1, .prefetch = 0});
  EXPECT_EQ(Epoch(ahead), Epoch(plain));
  EXPECT_EQ(Epoch(ahead), Epoch(plain));
}

TEST(DataLoaderTest, GoesOnAtTheRestoredPosition) {
  const LoaderOptions options{.batch_size = 4, .shuffle = true, .seed = 3};
  DataLoader whole(Numbers(30), options);
  Epoch(whole);
  whole.Next();
  whole.Next();
  const Position saved = whole.position();
  EXPECT_EQ(saved, (Position{.epoch = 1, .batch = 2, .seed = 3}));
  DataLoader resumed(Numbers(30), {.batch_size = 4, .shuffle = true});
  resumed.Restore(saved);
  EXPECT_EQ(Epoch(resumed), Epoch(whole));
  EXPECT_EQ(Epoch(resumed), Epoch(whole));
}

TEST(DataLoaderTest, StopsItsThreadInTheMiddleOfAnEpoch) {
  DataLoader loader(Numbers(1000), {.batch_size = 1, .prefetch = 2});
  loader.Next();
}

TEST(DataLoaderTest, HandsOnWhatTheDatasetThrewAndStaysThere) {
  class Broken : public Dataset {
    int64_t size() const override { return 3; }
    std::vector<Tensor> Get(int64_t i) const override {
      SKIFF_ENFORCE(i != 1, External, "sample 1 cannot be read");
      return {Tensor::Of<int64_t>({}, {i}), Tensor::Of<int64_t>({}, {i})};
    }
  };
  DataLoader loader(std::make_shared<Broken>());
  EXPECT_THAT(Labels(*loader.Next()), ElementsAre(0));
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_THAT([&] { loader.Next(); }, ThrowsMessage<External>(HasSubstr("sample 1")));
    EXPECT_EQ(loader.position().batch, 1);
  }
}

TEST(DataLoaderErrorTest, RefusesAPositionBeyondTheEpoch) {
  DataLoader loader(Numbers(4), {.batch_size = 2});
  EXPECT_THAT([&] { loader.Restore({.epoch = 0, .batch = 3}); },
              ThrowsMessage<OutOfRange>(HasSubstr("an epoch has 2 batches")));
}

TEST(DataLoaderTest, EndsAnEmptyEpochAtOnce) {
  DataLoader loader(Numbers(0), {.batch_size = 2});
  EXPECT_EQ(loader.Next(), std::nullopt);
  EXPECT_EQ(loader.position().epoch, 1);
}

}  // namespace
}  // namespace skiff::data
