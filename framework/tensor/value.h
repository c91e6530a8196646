// What a variable of a Scope can hold.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "framework/tensor/tensor.h"

namespace skiff {

/// Some rows of a tall matrix: row `rows[i]` of a [height, ...] tensor is value[i, ...]. A row may
/// occur more than once; the occurrences add up.
struct SelectedRows {
  std::vector<int64_t> rows;
  int64_t height = 0;
  Tensor value;
};

/// A list of tensors that grows as it is written.
using TensorArray = std::vector<Tensor>;

/// Words with their ids, as text operators use them.
using Vocab = std::map<std::string, int32_t>;

/// The content of one variable of a Scope. A default Value holds an uninitialised Tensor.
using Value = std::variant<Tensor, SelectedRows, TensorArray, Vocab>;

}  // namespace skiff
