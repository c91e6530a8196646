#include "framework/data/data_loader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

namespace skiff::data {

namespace {

// SplitMix64 (Steele, Lea and Flood 2014): the same numbers on every machine, which the standard
// library's distributions do not promise.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // Uniform in [0, bound): draws that would favour small numbers are drawn again.
  uint64_t Below(uint64_t bound) {
    const uint64_t skewed = (~uint64_t{0} - bound + 1) % bound;
    uint64_t drawn = Next();
    while (drawn < skewed) drawn = Next();
    return drawn % bound;
  }

 private:
  uint64_t state_;
};

}  // namespace

// Makes the batches of one epoch from a position on, never more than `ahead` before they are taken.
class DataLoader::Worker {
 public:
  Worker(const DataLoader& loader, const Position& from, int ahead)
      : ahead_(static_cast<size_t>(ahead)),
        thread_([this, &loader, from](const std::stop_token& stop) { Run(loader, from, stop); }) {}

  std::vector<Tensor> Take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !made_.empty() || error_ != nullptr; });
    if (made_.empty()) std::rethrow_exception(error_);
    std::vector<Tensor> batch = std::move(made_.front());
    made_.pop_front();
    changed_.notify_all();
    return batch;
  }

 private:
  void Run(const DataLoader& loader, const Position& from, const std::stop_token& stop) {
    try {
      const std::vector<int64_t> order = loader.Order(from.epoch, from.seed);
      for (int64_t b = from.batch; b < loader.num_batches(); ++b) {
        {
          std::unique_lock lock(mutex_);
          if (!changed_.wait(lock, stop, [&] { return made_.size() < ahead_; })) return;
        }
        std::vector<Tensor> batch = loader.Make(order, b);
        std::lock_guard lock(mutex_);
        made_.push_back(std::move(batch));
        changed_.notify_all();
      }
    } catch (...) {
      std::lock_guard lock(mutex_);
      error_ = std::current_exception();
      changed_.notify_all();
    }
  }

  const size_t ahead_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::vector<Tensor>> made_;
  std::exception_ptr error_;
  std::jthread thread_;  // last: stops and joins before the rest goes
};

DataLoader::DataLoader(std::shared_ptr<const Dataset> dataset, const LoaderOptions& options)
    : dataset_(std::move(dataset)), options_(options) {
  SKIFF_ENFORCE(dataset_ != nullptr, InvalidArgument, "a loader needs a dataset");
  SKIFF_ENFORCE(options.batch_size >= 1 && options.prefetch >= 0, InvalidArgument, "batch_size is ",
                options.batch_size, ", prefetch ", options.prefetch,
                "; expected at least 1 and at least 0");
  position_.seed = options.seed;
}

DataLoader::~DataLoader() = default;

int64_t DataLoader::num_batches() const {
  const int64_t full = dataset_->size() / options_.batch_size;
  const bool rest = dataset_->size() % options_.batch_size != 0;
  return full + (rest && !options_.drop_last ? 1 : 0);
}

std::vector<int64_t> DataLoader::Order(int64_t epoch, uint64_t seed) const {
  std::vector<int64_t> order(static_cast<size_t>(dataset_->size()));
  std::iota(order.begin(), order.end(), 0);
  if (!options_.shuffle) return order;
  Random random(Random(seed).Next() ^ static_cast<uint64_t>(epoch));
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  return order;
}

std::vector<Tensor> DataLoader::Make(const std::vector<int64_t>& order, int64_t batch) const {
  const auto begin = static_cast<size_t>(batch * options_.batch_size);
  const size_t count = std::min(static_cast<size_t>(options_.batch_size), order.size() - begin);
  return dataset_->Batch(std::span(order).subspan(begin, count));
}

std::optional<std::vector<Tensor>> DataLoader::Next() {
  if (position_.batch >= num_batches()) {
    worker_.reset();
    order_.clear();
    ++position_.epoch;
    position_.batch = 0;
    return std::nullopt;
  }
  std::vector<Tensor> batch;
  if (options_.prefetch == 0) {
    if (order_.empty()) order_ = Order(position_.epoch, position_.seed);
    batch = Make(order_, position_.batch);
  } else {
    if (!worker_) worker_ = std::make_unique<Worker>(*this, position_, options_.prefetch);
    try {
      batch = worker_->Take();
    } catch (...) {
      worker_.reset();  // the next call tries this batch again
      throw;
    }
  }
  ++position_.batch;
  return batch;
}

void DataLoader::Restore(const Position& position) {
  SKIFF_ENFORCE(position.epoch >= 0 && position.batch >= 0 && position.batch <= num_batches(), OutOfRange,
                "epoch ", position.epoch, ", batch ", position.batch, "; an epoch has ", num_batches(),
                " batches");
  worker_.reset();
  order_.clear();
  position_ = position;
}

}  // namespace skiff::data
