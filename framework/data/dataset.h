// Dataset: numbered samples, each a few tensors (an image and its label, say).
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "framework/tensor/tensor.h"

namespace skiff::data {

/// Threads: a loader reads samples from one thread of its own, so Get and Batch must not change state.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  /// The fields of one sample, without a batch axis; every sample has as many, of the same dtypes.
  /// @throws OutOfRange.
  virtual std::vector<Tensor> Get(int64_t index) const = 0;
  /// Several samples, each field stacked along a new first axis.
  /// @throws InvalidArgument when a field's shape or dtype differs among them.
  virtual std::vector<Tensor> Batch(std::span<const int64_t> indices) const;
};

/// Samples that are rows of tensors in memory: fields[k] is [size, ...].
class TensorDataset : public Dataset {
 public:
  /// @throws InvalidArgument when there is no field, a field is 0-D or not on the CPU, or the first
  /// extents differ.
  explicit TensorDataset(std::vector<Tensor> fields);
  int64_t size() const override { return fields_.front().shape()[0]; }
  std::vector<Tensor> Get(int64_t index) const override;
  std::vector<Tensor> Batch(std::span<const int64_t> indices) const override;

 private:
  std::vector<Tensor> fields_;
};

}  // namespace skiff::data
