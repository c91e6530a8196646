// CompiledProgram: a private, optimised copy of a program with the plans made for it so far. What the
// Executor and the Predictor share.
//
// A block whose shapes follow from what it reads is one plan. Where an operator's outputs depend on data
// the block is run in pieces: plan, operator over values, plan, ...; each piece's plan is kept for the
// shapes it saw. Operators with sub-blocks run them the same way, over scopes of their own.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "executor/block_table.h"
#include "executor/device.h"
#include "executor/passes/pass.h"
#include "executor/planner.h"

namespace skiff {

class BlockVars;

/// Name and tensor of each fed variable.
using Feeds = std::vector<std::pair<std::string, Tensor>>;

class CompiledProgram {
 public:
  struct Options {
    Place place;
    int num_threads = 1;
    bool optimize = true;
    std::vector<std::string> disabled_passes;
    size_t max_plans = 64;  // per piece of a block; the least recently used goes first
  };

  /// @param constants  Frozen parameters at the place, or empty. Passes may add folded ones.
  /// @param frozen     True when `constants` never change (a Predictor).
  CompiledProgram(const Program& program, std::vector<std::string> feeds,
                  std::vector<std::string> fetches, std::map<std::string, Tensor> constants,
                  bool frozen, Options options);
  ~CompiledProgram();

  /// Runs block 0. Threads: safe when each call has its own stream and scope, or none.
  /// @param outputs  Memory to write fetch i to when outputs[i] is initialised; else it is allocated.
  std::vector<Value> Run(const Feeds& feeds, Scope* scope, const Stream& stream, uint64_t seed,
                         std::vector<Tensor> outputs = {}) const;

  const Program& program() const { return *program_; }
  /// The listing of the plan for these feeds.
  std::string PlanText(const Feeds& feeds, Scope* scope) const;
  /// Whether the plan for these feeds draws random numbers is known after the first run.
  bool has_random() const { return has_random_; }
  size_t num_plans() const;

 private:
  struct Piece;    // one planned chunk and what it was made for
  struct Segment;  // the pieces that begin at one operator
  class Packs;
  class ValuesContext;

  // One call of Run.
  struct RunState {
    Scope* scope;
    const Stream& stream;
    uint64_t seed;
    std::vector<Tensor> outputs;  // memory for fetches of block 0
    uint64_t num_blocks_run = 0;

    // Each turn of a loop draws other random numbers.
    uint64_t BlockSeed() { return seed == 0 ? 0 : seed + 0x9E3779B97F4A7C15ull * ++num_blocks_run; }
  };

  void FeedVars(const Feeds& feeds, BlockVars* vars) const;
  Segment& SegmentAt(const BlockInfo& info, size_t begin) const;
  std::shared_ptr<Piece> FindPiece(const BlockVars& vars, size_t begin, const std::set<std::string>& known,
                                   Scope* scope, const Piece* stale) const;
  std::shared_ptr<Piece> MakePiece(const BlockVars& vars, size_t begin, const std::set<std::string>& known,
                                   Scope* scope, const Segment& segment) const;
  std::shared_ptr<Piece> RunPiece(BlockVars* vars, size_t begin, const std::set<std::string>& known,
                                  RunState* run) const;
  void RunFrame(const Piece& piece, std::unique_ptr<Frame> frame, BlockVars* vars, RunState* run) const;
  void RunBlock(BlockVars* vars, RunState* run) const;
  bool HasManyPlans(const BlockInfo& info, size_t begin) const;
  void RunOverValues(const Operator& op, BlockVars* vars, RunState* run) const;
  void RunAlone(const Operator& op, BlockVars* vars, RunState* run) const;
  const Value* FindValue(const BlockVars& vars, const std::string& name, Scope* scope) const;

  std::unique_ptr<Program> program_;
  std::set<std::string> feeds_;
  std::vector<std::string> fetches_;
  std::map<std::string, Tensor> constants_;
  std::map<std::string, Value> constant_values_;  // the same, as operators over values see them
  bool frozen_;
  Options options_;
  std::unique_ptr<PackCache> packs_;
  std::unique_ptr<BlockTable> blocks_;
  bool has_random_ = false;
  mutable std::mutex mutex_;
  mutable std::vector<std::vector<std::unique_ptr<Segment>>> segments_;  // by block and operator
};

}  // namespace skiff
