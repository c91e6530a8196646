// Branches, loops and tensor arrays. The functions given build the sub-blocks when the program is built;
// which of them run is decided when it runs.
//
//   Var y = layers::Cond(x < 0.0, [&] { return -x; }, [&] { return x * 2.0; });
//   auto [i, h] = layers::WhileLoop({i0, h0}, less_than_ten, grow);      // a vector of the loop's variables
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "framework/layers/var.h"
#include "framework/op/callbacks.h"

namespace skiff::layers {

#define SKIFF_HERE Origin at = std::source_location::current()

using Vars = std::vector<Var>;
using Branch = std::function<Var()>;
using Branches = std::function<Vars()>;

/// What `yes` computes where `pred` (bool, one element) holds, else what `no` computes; as many variables
/// from one as from the other. Extents that differ become -1. Source: paddle.static.nn.cond.
/// @throws InvalidArgument  The branches give unequal numbers of variables, or pred is no bool.
Vars Cond(const Var& pred, const Branches& yes, const Branches& no, SKIFF_HERE);
Var Cond(const Var& pred, const Branch& yes, const Branch& no, SKIFF_HERE);

/// Runs what `yes` appends where `pred` holds. Source: paddle.static.nn.cond with one branch.
void When(const Var& pred, const std::function<void()>& yes, SKIFF_HERE);

/// The first branch whose predicate holds, else `otherwise`. Source: paddle.static.nn.case.
Var Case(const std::vector<std::pair<Var, Branch>>& branches, const Branch& otherwise, SKIFF_HERE);
/// The branch of number `index` (int64, one element), else `otherwise`. Source: paddle.static.nn.switch_case.
Var SwitchCase(const Var& index, const std::vector<std::pair<int64_t, Branch>>& branches,
               const Branch& otherwise, SKIFF_HERE);

struct WhileOptions {
  bool is_test = false;  // no gradient is wanted
};
/// Repeats `body` as long as `condition` holds, both functions of the loop's variables. `body` gives their
/// next values: tensors are copied into the variables, tensor arrays are written in place.
/// @return  `variables`: after the loop they hold its results. Source: paddle.static.nn.while_loop.
/// @throws InvalidArgument  No variables, body gives another number of them, or condition no bool.
Vars WhileLoop(const Vars& variables, const std::function<Var(const Vars&)>& condition,
               const std::function<Vars(const Vars&)>& body, const WhileOptions& options = {}, SKIFF_HERE);

/// An empty tensor array. Source: paddle.tensor.create_array.
Var CreateArray(DType dtype, SKIFF_HERE);
/// array[i] = x; i is int64, one element. Source: paddle.tensor.array_write.
void ArrayWrite(const Var& array, const Var& i, const Var& x, SKIFF_HERE);
/// array[i]. Source: paddle.tensor.array_read.
Var ArrayRead(const Var& array, const Var& i, SKIFF_HERE);
/// The number of entries, int64 [1]. Source: paddle.tensor.array_length.
Var ArrayLength(const Var& array, SKIFF_HERE);
/// The entries along a new axis. Source: paddle.tensor.manipulation.tensor_array_to_tensor.
Var StackArray(const Var& array, int axis = 0, SKIFF_HERE);

struct PrintOptions {
  std::string message = {};
  int first_n = -1;     // how often, -1: always
  int summarize = 20;   // elements, -1: all
};
/// x, printed whenever the program computes it; so is its gradient. Source: paddle.static.Print.
Var Print(const Var& x, const PrintOptions& options = {}, SKIFF_HERE);
/// Stops the run with an error that shows `data` unless `condition` holds.
void Assert(const Var& condition, const Vars& data = {}, SKIFF_HERE);

struct PyFuncOptions {
  TensorCallback backward = {};  // of inputs, outputs and the outputs' gradients: the inputs' gradients
};
/// Calls a C++ function whenever the program runs. `outputs` are variables of declared shape and dtype.
/// Source: paddle.static.py_func.
void PyFunc(TensorCallback function, const Vars& inputs, const Vars& outputs,
            const PyFuncOptions& options = {}, SKIFF_HERE);

#undef SKIFF_HERE

}  // namespace skiff::layers
