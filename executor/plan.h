// Plan: a piece of a program compiled for one set of shapes. Plain immutable data: prepared kernels,
// which memory each of their pointers refers to, and where in one arena each temporary lives. Frame
// holds all that changes during one run, so one Plan serves many threads.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "framework/op/kernel.h"
#include "framework/tensor/scope.h"

namespace skiff {

/// Memory that one or more values of a plan share (views, updates in place).
struct PlanStorage {
  enum class Kind {
    kArena,     // a temporary: `offset` in the frame's arena
    kFeed,      // fed tensor number `index`
    kScope,     // scope variable number `index`
    kConstant,  // `constant`
    kOutput,    // handed out: allocated anew for each run, output number `index`
  };
  Kind kind = Kind::kArena;
  size_t bytes = 0;
  size_t offset = 0;
  int index = 0;
  Tensor constant;
  int first_step = 0, last_step = 0;  // lifetime of an arena storage, for the listing
};

/// A variable of the scope that the plan reads or writes.
struct ScopeBinding {
  std::string name;
  TensorMeta meta;        // as the plan was made for
  bool read = false;      // its value before the run matters
  bool replaces = false;  // written with another shape or dtype than an earlier binding has: set when the run is over
  int storage = -1;
};

struct PlanStep {
  const Kernel* kernel;
  uint32_t in;          // first of its inputs in Plan::args
  uint32_t out;
  int32_t workspace;    // storage, or -1
};

struct PlanFetch {
  std::string name;
  Shape shape;
  DType dtype;
  int storage = -1;
  int lod_feed = -1;    // fed tensor whose LoD it has, or -1
};

class Frame;

class Plan {
 public:
  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// A frame nobody uses, made when there is none; give it back with Release.
  std::unique_ptr<Frame> Acquire() const;
  void Release(std::unique_ptr<Frame> frame) const;

  /// One line per step and storage: operators, shapes, offsets, lifetimes.
  std::string ToString() const;

  // Filled by the planner, constant afterwards.
  Place place;
  int num_threads = 1;
  std::vector<PlanStep> steps;
  std::vector<std::string> step_names;  // "conv2d conv2d_0.tmp_0", for errors, profiles and listings
  std::vector<int32_t> args;            // storage of each pointer, -1 for none
  std::vector<PlanStorage> storages;
  std::vector<ScopeBinding> scope_vars;
  std::vector<PlanFetch> fetches;
  std::vector<int> output_storages;     // of kind kOutput, by index
  std::vector<std::string> feed_names;
  std::vector<int> feed_storages;       // -1: fed but not used
  size_t arena_bytes = 0;
  bool has_random = false;
  std::vector<std::unique_ptr<Kernel>> kernels;  // owned; steps point here

 private:
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Frame>> free_frames_;
};

/// One run's memory and pointers.
class Frame {
 public:
  explicit Frame(const Plan& plan);

  /// Finds the plan's scope variables in `scope` and binds them; those that are written and are not
  /// there, or are of another shape or dtype, are allocated.
  /// @return false when one that is read is not as the plan was made for: a new plan is due.
  bool BindScope(Scope* scope);
  /// Hands the scope what replaces its variables. Call it when the steps have run.
  void Commit();

  /// Points every use of a storage at `memory`. Cheap when it did not move.
  void Bind(int storage, const void* memory) {
    if (storage < 0 || bound_[storage] == memory) return;
    bound_[storage] = const_cast<void*>(memory);
    for (uint32_t position : uses_[storage]) pointers_[position] = bound_[storage];
  }
  /// Runs every step in order.
  void Run(void* stream, uint64_t seed);
  /// Runs one step; for profilers.
  void RunStep(size_t step, void* stream, uint64_t seed);

 private:
  const Plan& plan_;
  std::shared_ptr<void> arena_;
  std::vector<void*> bound_;                  // by storage
  std::vector<std::vector<uint32_t>> uses_;   // by storage: positions in pointers_; only movable ones
  std::vector<void*> pointers_;               // as Plan::args
  Scope* scope_ = nullptr;                    // where scope_values_ were found,
  uint64_t scope_version_ = 0;                // and when
  std::vector<Value*> scope_values_;
  std::vector<std::pair<Value*, Tensor>> replacements_;
};

}  // namespace skiff
