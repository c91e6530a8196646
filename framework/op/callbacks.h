// Functions of the user's that a program calls: programs hold their numbers.
#pragma once

#include <functional>
#include <vector>

#include "framework/tensor/tensor.h"

namespace skiff {

/// Takes tensors on the CPU and gives tensors on the CPU; an uninitialised one stands for none.
using TensorCallback = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

/// Keeps the function as long as the process lives and returns its number.
/// Threads: safe. The function may be called from several threads at once.
int RegisterCallback(TensorCallback callback);
/// @throws NotFound when no function has this number: the program was made by another process.
const TensorCallback& FindCallback(int number);

}  // namespace skiff
