// Runs one operator by itself: infer, prepare, run. Operator tests and constant folding use it;
// programs run through the executor's plans.
#pragma once

#include <map>
#include <string>

#include "framework/op/op_def.h"
#include "framework/tensor/value.h"

namespace skiff {

struct RunOpOptions {
  Place place = CPUPlace{};
  uint64_t seed = 0;
  int num_threads = 1;
};

/// Runs `op` over `values`, which holds its inputs and receives its outputs, all at the place. A name
/// that is input and output is overwritten. An absent output variable is not computed.
/// @throws what inference and kernels throw, with operator and operands; `values` is then unchanged.
void RunOp(const Operator& op, std::map<std::string, Value>* values, const RunOpOptions& options = {});

/// Infers the outputs of an operator over values once more from its inputs' real shapes, for the errors that
/// gives: a program may have been built with unknown extents. Inputs that are not all dense tensors go unchecked.
void CheckInputs(const OpDef& def, const Operator& op, const Attrs& attrs, const std::map<std::string, Value>& values);

/// Elements of an integer tensor (any integer dtype, or a whole-numbered float) as int64. @throws InvalidType, InvalidArgument for nan and inf.
std::vector<int64_t> IntElements(const Tensor& tensor);

}  // namespace skiff
