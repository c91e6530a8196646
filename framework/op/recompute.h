// Recomputation: a gradient that computes forward variables a second time instead of keeping them.
// Part of backward; nothing else includes it. Source: checkpoints of paddle.static.append_backward.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "framework/op/backward_path.h"

namespace skiff::backward {

/// What is computed again for which part of the path.
class Recompute {
 public:
  using Segment = std::pair<size_t, size_t>;  // operators [first, second) of the path

  /// @throws Unimplemented when an operator of the path has a sub-block.
  Recompute(const Block& block, const Path& path, const std::vector<std::string>& checkpoints);

  /// In order; together they reach from the first operator to the last checkpoint.
  const std::vector<Segment>& segments() const { return segments_; }
  /// True for variables that stay in memory: checkpoints, inputs, seeds, what crosses segments.
  bool IsKept(const std::string& name) const { return kept_.contains(name); }

 private:
  struct Uses {
    std::vector<size_t> read_by, written_by;
  };

  void FindUses(const Path& path);
  void FindSegments(const Path& path, const Names& checkpoints);
  std::vector<std::string> InOrder(const Names& checkpoints) const;
  size_t StartOf(const Path& path, size_t first, long after) const;
  void FindKept(const Path& path);

  const Block& block_;
  std::map<std::string, Uses> uses_;
  std::vector<Segment> segments_;
  Names kept_;
};

/// Gives every dropout of the path that draws its own seed one from a `seed` operator in front, so that it
/// drops the same elements when computed again. The dropout is replaced in block and path.
/// @return  How many operators the block gained.
size_t ShareDropoutSeeds(Block& block, Path* path);

}  // namespace skiff::backward
