// CompiledProgram: a private, optimised copy of a program with the plans made for it so far. What the
// Executor and the Predictor share.
//
// A program whose shapes follow from its feeds is one plan. Where an operator's outputs depend on data
// the block is run in pieces: plan, operator over values, plan, ...; each piece's plan is kept for the
// shapes it saw.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "executor/device.h"
#include "executor/passes/pass.h"
#include "executor/planner.h"

namespace skiff {

/// Name and tensor of each fed variable.
using Feeds = std::vector<std::pair<std::string, Tensor>>;

class CompiledProgram {
 public:
  struct Options {
    Place place;
    int num_threads = 1;
    bool optimize = true;
    std::vector<std::string> disabled_passes;
    size_t max_plans = 64;  // per program; the least recently used goes first
  };

  /// @param constants  Frozen parameters at the place, or empty. Passes may add folded ones.
  /// @param frozen     True when `constants` never change (a Predictor).
  CompiledProgram(const Program& program, std::vector<std::string> feeds,
                  std::vector<std::string> fetches, std::map<std::string, Tensor> constants,
                  bool frozen, Options options);

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
  struct Piece;  // one planned chunk and the key it was made for
  class Packs;
  class BlockContext;

  std::shared_ptr<Piece> FindPiece(int block, size_t begin, const Feeds& feeds,
                                   const std::vector<std::string>& known,
                                   const std::vector<std::string>& fetches, Scope* scope,
                                   const Piece* stale) const;
  std::vector<Value> RunBlock(int block, const Feeds& feeds, const std::vector<std::string>& fetches,
                              Scope* scope, const Stream& stream, uint64_t seed,
                              std::vector<Tensor> outputs) const;
  std::vector<Value> RunPiece(int block, size_t begin, const Feeds& feeds,
                              const std::vector<std::string>& known,
                              const std::vector<std::string>& fetches, Scope* scope,
                              const Stream& stream, uint64_t seed,
                              const std::vector<Tensor>& outputs,
                              std::shared_ptr<Piece>* ran) const;
  void RunDynamic(const Operator& op, int block, std::map<std::string, Value>* values, Scope* scope,
                  const Stream& stream, uint64_t seed) const;

  std::unique_ptr<Program> program_;
  std::set<std::string> feeds_;
  std::vector<std::string> fetches_;
  std::map<std::string, Tensor> constants_;
  bool frozen_;
  Options options_;
  std::unique_ptr<PackCache> packs_;
  bool has_random_ = false;
  mutable std::mutex mutex_;
  mutable std::list<std::shared_ptr<Piece>> pieces_;  // most recently used first
};

}  // namespace skiff
