// Program: the one graph representation. Users build it, backward extends it, passes rewrite a copy,
// files are a projection of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/program/block.h"

namespace skiff {

class Scope;

/// Something that must happen before each run of a program: a learning-rate schedule writing its
/// current value, say.
class RunHook {
 public:
  virtual ~RunHook() = default;
  virtual void BeforeRun(Scope& scope) = 0;
};

/// Blocks of operators over named variables. Block 0 is global. Not copyable by accident: see Clone.
class Program {
 public:
  Program();
  Program(Program&&) = delete;
  Program& operator=(Program&&) = delete;

  /// Number of blocks; at least one.
  int num_blocks() const { return static_cast<int>(blocks_.size()); }
  /// @throws OutOfRange.
  Block& block(int idx) const;
  Block& global_block() const { return *blocks_.front(); }
  /// The block that builders append to.
  Block& current_block() const { return *blocks_[current_]; }
  /// Adds a block below `parent_idx` (the current one by default) and makes it current.
  Block& CreateBlock(int parent_idx = -1);
  /// Makes the current block's parent current again.
  void Rollback();
  /// Drops the blocks from `idx` (at least 1) on, as a builder that failed does; the current block must
  /// stand before them. @throws OutOfRange.
  void RemoveBlocksFrom(int idx);
  /// For readers of files: drops every block and starts again with an empty global one.
  void Reset();

  /// Parameters of all blocks, in order.
  std::vector<Variable*> AllParameters() const;
  /// Variables of all blocks, in order.
  std::vector<Variable*> ListVars() const;

  /// A deep copy. With `for_test`, backward and optimizer operators are dropped, and every `is_test`
  /// attribute (dropout, batch_norm, ...) becomes true, as Paddle's Program.clone(for_test=True).
  std::unique_ptr<Program> Clone(bool for_test = false) const;
  /// A copy with only what `targets` need, given that `feeds` are fed. Operators of an optimizer are
  /// never needed. @throws NotFound when a name is no variable of block 0.
  std::unique_ptr<Program> Prune(const std::vector<std::string>& feeds,
                                 const std::vector<std::string>& targets) const;
  /// A listing worth reading: one line per variable and operator.
  std::string ToString(bool with_attrs = true) const;

  /// Seed of random operators whose own seed is 0; 0 means a different one each time.
  int random_seed = 0;
  /// major * 1000000 + minor * 1000 + patch of the writer; absent before Paddle 1.6.
  std::optional<int64_t> version = 2006002;
  /// Operator versions as the file had them, empty when it had none; made anew when absent.
  std::optional<std::vector<std::pair<std::string, int32_t>>> op_version_map;
  std::string unknown_fields;  // carried through files untouched
  /// How often backward has extended this program: later gradients get names of their own.
  int num_backward_passes = 0;

  /// Called by the executor before each run, in order. A clone for testing has none.
  std::vector<std::shared_ptr<RunHook>> run_hooks;

  /// Unique in this process.
  uint64_t uid() const { return uid_; }
  /// Grows with every change made through Program and Block. Whoever changes an Operator or Variable
  /// in place calls Touch, so that plans are made anew.
  uint64_t revision() const { return revision_; }
  void Touch() { ++revision_; }

 private:
  friend class Block;

  std::vector<std::unique_ptr<Block>> blocks_;
  int current_ = 0;
  uint64_t uid_;
  uint64_t revision_ = 0;
};

/// The programs that layers append to on the calling thread.
Program& DefaultMainProgram();
Program& DefaultStartupProgram();

/// Makes `main` and `startup` the thread's default programs until the guard goes.
class ProgramGuard {
 public:
  explicit ProgramGuard(Program& main);  // startup stays as it is
  ProgramGuard(Program& main, Program& startup);
  ~ProgramGuard();
  ProgramGuard(const ProgramGuard&) = delete;
  ProgramGuard& operator=(const ProgramGuard&) = delete;

 private:
  Program* previous_main_;
  Program* previous_startup_;
};

}  // namespace skiff
