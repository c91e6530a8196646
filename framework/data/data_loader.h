// DataLoader: batches of a dataset, shuffled anew each epoch, made ahead of time on a thread, from a
// position that can be saved and restored to the batch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "framework/data/dataset.h"

namespace skiff::data {

struct LoaderOptions {
  int64_t batch_size = 1;
  bool shuffle = false;
  bool drop_last = false;   // leave out a last batch that is not full
  uint64_t seed = 0;        // of the order; the same seed gives the same epochs anywhere
  int prefetch = 2;         // batches made ahead; 0 makes each when asked for, without a thread
};

/// Where a loader stands: the next batch to give, and what its order follows from.
struct Position {
  int64_t epoch = 0;
  int64_t batch = 0;
  uint64_t seed = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

/// One reader at a time.
///
///   while (auto batch = loader.Next()) { ... (*batch)[0] ... }   // one epoch
class DataLoader {
 public:
  /// @throws InvalidArgument for a batch size below 1, a negative prefetch or no dataset.
  explicit DataLoader(std::shared_ptr<const Dataset> dataset, const LoaderOptions& options = {});
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  /// Batches of one epoch.
  int64_t num_batches() const;
  /// The fields of the next batch, [batch, ...] each; nothing once at the end of each epoch, after
  /// which the next epoch begins. Rethrows what the dataset threw; the position then stays.
  std::optional<std::vector<Tensor>> Next();

  /// The batch that Next gives next. What was made ahead does not count as given.
  const Position& position() const { return position_; }
  /// Goes on from there. @throws OutOfRange for a batch beyond the epoch.
  void Restore(const Position& position);

  /// The samples of an epoch in their order.
  std::vector<int64_t> Order(int64_t epoch, uint64_t seed) const;

 private:
  class Worker;

  std::vector<Tensor> Make(const std::vector<int64_t>& order, int64_t batch) const;

  std::shared_ptr<const Dataset> dataset_;
  LoaderOptions options_;
  Position position_;
  std::vector<int64_t> order_;  // of position_.epoch, when made without a thread
  std::unique_ptr<Worker> worker_;
};

}  // namespace skiff::data
