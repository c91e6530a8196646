// Executor: runs programs on a place, over the variables of a scope.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executor/compiled_program.h"
#include "framework/program/program.h"
#include "framework/tensor/scope.h"

namespace skiff {

struct ExecutorOptions {
  /// CPU threads of one run; 0 means as many as this process may use.
  int num_threads = 0;
  /// Programs (with one set of feed and fetch names) whose plans are kept; least recently used go first.
  size_t max_cached_programs = 64;
  /// Rewrite a private copy of the program for speed before planning.
  bool optimize = true;
  /// Passes to leave out, by name.
  std::vector<std::string> disabled_passes;
};

class Executor {
 public:
  /// Naming a card does not touch it; the first run does.
  explicit Executor(const Place& place = CPUPlace{}, ExecutorOptions options = {});
  ~Executor();

  const Place& place() const { return place_; }
  int num_threads() const { return options_.num_threads; }

  /// Runs block 0 of `program` once and returns the fetched variables.
  ///
  /// @param program  Not modified. Its plan is made on the first call and kept until it changes.
  /// @param feeds    Name -> tensor. A declared -1 takes any extent: "img" declared [-1, 1, 28, 28]
  ///                 takes [64, 1, 28, 28]. Any variable can be fed; the fed value wins.
  /// @param fetches  Names of variables of block 0, in the order wanted. Any variable can be fetched.
  /// @param scope    Holds parameters and other state; GlobalScope() when null.
  /// @return         One CPU tensor per fetch, dtype as computed. Never shares memory with the scope.
  /// @throws InvalidArgument    A feed is of the wrong shape or dtype.
  /// @throws NotFound           A feed or fetch names no variable, or variables have no value (all named).
  /// @throws Unimplemented      An operator, kernel or dtype that skiff does not have (named).
  /// @throws ResourceExhausted  Memory ran out.
  ///
  /// Threads: safe from several threads when each passes its own Scope.
  /// Source: paddle.static.Executor.run, whose feed and fetch rules this follows.
  std::vector<Tensor> Run(const Program& program, const Feeds& feeds = {},
                          const std::vector<std::string>& fetches = {}, Scope* scope = nullptr);

  /// As Run, for fetches that may be SelectedRows or tensor arrays.
  std::vector<Value> RunValues(const Program& program, const Feeds& feeds,
                               const std::vector<std::string>& fetches, Scope* scope = nullptr);

  /// The listing of the plan that Run would use: steps, memory, lifetimes.
  std::string PlanText(const Program& program, const Feeds& feeds,
                       const std::vector<std::string>& fetches, Scope* scope = nullptr);

  /// Forgets every plan.
  void Close();

 private:
  struct Entry;

  std::shared_ptr<Entry> Find(const Program& program, const Feeds& feeds,
                              const std::vector<std::string>& fetches);

  Place place_;
  ExecutorOptions options_;
  std::mutex mutex_;
  std::list<std::shared_ptr<Entry>> entries_;  // most recently used first
};

/// Sets the seed that random operators without their own draw from, for programs run over `scope`
/// from now on. Without a call the seed differs from process to process.
void Seed(uint64_t seed, Scope* scope = nullptr);

/// Name of the scope variable that holds the random state: int64 [2], seed and number of runs.
inline constexpr const char* kRandomStateName = "@RANDOM_STATE@";

}  // namespace skiff
