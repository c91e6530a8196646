#include "framework/data/dataset.h"

#include <cstring>

namespace skiff::data {

namespace {

void CheckIndex(int64_t index, int64_t size) {
  SKIFF_ENFORCE(index >= 0 && index < size, OutOfRange, "sample ", index, " of ", size);
}

const char* RowOf(const Tensor& t, int64_t row, size_t row_bytes) {
  return static_cast<const char*>(t.raw_data()) + static_cast<size_t>(row) * row_bytes;
}

}  // namespace

std::vector<Tensor> Dataset::Batch(std::span<const int64_t> indices) const {
  std::vector<Tensor> stacked;
  for (size_t i = 0; i < indices.size(); ++i) {
    const std::vector<Tensor> sample = Get(indices[i]);
    for (size_t k = 0; i == 0 && k < sample.size(); ++k) {
      Shape shape = sample[k].shape();
      shape.Insert(0, static_cast<int64_t>(indices.size()));
      stacked.emplace_back(shape, sample[k].dtype());
    }
    SKIFF_ENFORCE(sample.size() == stacked.size(), InvalidArgument, "sample ", indices[i], " has ",
                  sample.size(), " fields, sample ", indices[0], " has ", stacked.size());
    for (size_t k = 0; k < sample.size(); ++k) {
      Tensor& to = stacked[k];
      const Shape one(to.shape().dims().subspan(1));
      SKIFF_ENFORCE(sample[k].shape() == one && sample[k].dtype() == to.dtype(), InvalidArgument,
                    "field ", k, " of sample ", indices[i], " is ", sample[k].dtype(), " ",
                    sample[k].shape(), ", of sample ", indices[0], " ", to.dtype(), " ", one);
      if (sample[k].bytes() == 0) continue;
      std::memcpy(static_cast<char*>(to.raw_data()) + i * sample[k].bytes(), sample[k].raw_data(),
                  sample[k].bytes());
    }
  }
  return stacked;
}

TensorDataset::TensorDataset(std::vector<Tensor> fields) : fields_(std::move(fields)) {
  SKIFF_ENFORCE(!fields_.empty(), InvalidArgument, "a dataset needs at least one tensor");
  for (size_t k = 0; k < fields_.size(); ++k) {
    const Tensor& t = fields_[k];
    SKIFF_ENFORCE(t.is_initialized() && t.place().is_cpu() && t.shape().rank() > 0, InvalidArgument,
                  "field ", k, " is no CPU tensor of rows: ", t.dtype(), " ", t.shape());
    SKIFF_ENFORCE(t.shape()[0] == fields_[0].shape()[0], InvalidArgument, "field ", k, " has ",
                  t.shape()[0], " rows, field 0 has ", fields_[0].shape()[0]);
  }
}

std::vector<Tensor> TensorDataset::Get(int64_t index) const {
  CheckIndex(index, size());
  std::vector<Tensor> sample;
  for (const Tensor& t : fields_) {
    const Tensor row = t.Rows(index, index + 1);
    sample.push_back(row.Reshaped(Shape(row.shape().dims().subspan(1))));
  }
  return sample;
}

std::vector<Tensor> TensorDataset::Batch(std::span<const int64_t> indices) const {
  std::vector<Tensor> batch;
  for (const Tensor& t : fields_) {
    Shape shape = t.shape();
    const size_t row_bytes = size() == 0 ? 0 : t.bytes() / static_cast<size_t>(size());
    shape[0] = static_cast<int64_t>(indices.size());
    Tensor rows(shape, t.dtype());
    for (size_t i = 0; i < indices.size(); ++i) {
      CheckIndex(indices[i], size());
      std::memcpy(static_cast<char*>(rows.raw_data()) + i * row_bytes, RowOf(t, indices[i], row_bytes),
                  row_bytes);
    }
    batch.push_back(std::move(rows));
  }
  return batch;
}

}  // namespace skiff::data
