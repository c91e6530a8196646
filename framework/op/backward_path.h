// Which operators a gradient passes through. Part of backward; nothing else includes it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "framework/op/grad_ops.h"
#include "framework/program/program.h"

namespace skiff::backward {

using Path = std::vector<std::shared_ptr<Operator>>;

bool AnyIn(const std::vector<std::string>& names, const Names& set);
/// The block in attribute `sub_block`, if there is one.
std::optional<int> SubBlock(const Operator& op);

/// Operators of `block` between `inputs` (all there are when empty) and `targets`; those of its
/// sub-blocks go to `sub_paths` by the blocks' numbers. With `inputs`, variables that stop gradients on
/// the way join `no_grad`.
Path FindPath(const Block& block, const Names& targets, const Names& inputs, Names* no_grad,
              std::map<int, Path>* sub_paths);

/// @throws Unimplemented naming the operator when it should have a gradient and has none.
void RequireGradient(const Block& block, const Operator& op);

/// Outputs of the path that nothing on the way to the targets reads: their gradients are zero.
Names FindUnusedOutputs(const Block& block, const Path& path, Names used, const Names& no_grad);

}  // namespace skiff::backward
