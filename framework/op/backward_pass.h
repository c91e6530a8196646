// One extension of a program by gradient operators. Part of backward; nothing else includes it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/op/backward_path.h"

namespace skiff::backward {

// Puts a program back as it was unless the extension succeeds.
class Undo {
 public:
  explicit Undo(Block& block)
      : block_(block), ops_(block.ops()), num_vars_(block.vars().size()),
        num_blocks_(block.program()->num_blocks()), passes_(block.program()->num_backward_passes) {}
  ~Undo() {
    if (done_) return;
    block_.SetOps(ops_);
    while (block_.vars().size() > num_vars_) block_.RemoveVar(std::string(block_.vars().back()->name));
    Program& program = *block_.program();
    while (program.current_block().idx() >= num_blocks_) program.Rollback();
    if (program.num_blocks() > num_blocks_) program.RemoveBlocksFrom(num_blocks_);
    program.num_backward_passes = passes_;
  }
  void Keep() { done_ = true; }

 private:
  Block& block_;
  const Path ops_;
  const size_t num_vars_;
  const int num_blocks_;
  const int passes_;
  bool done_ = false;
};

@@CLASS@@}  // namespace skiff::backward
