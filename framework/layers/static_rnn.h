// StaticRNN: a loop over the first axis of sequences, with memories from step to step.
//
//   layers::StaticRNN rnn;
//   rnn.Step([&] {
//     const Var x = rnn.StepInput(words);                     // [steps, batch, width] -> [batch, width]
//     const Var before = rnn.Memory({-1, 8}, words);          // zeros in the first step
//     const Var now = layers::FC({x, before}, 8, {.activation = "tanh"});
//     rnn.UpdateMemory(before, now);
//     rnn.StepOutput(now);
//   });
//   const Var states = rnn.Outputs().front();                 // [steps, batch, 8]
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "framework/layers/var.h"

namespace skiff::layers {

struct StaticRNNOptions {
  std::string name = {};
  bool reverse = false;  // the last step comes first
};

/// Appends operator `recurrent` to the default main program. All sequences have the same number of steps, at least one.
/// Source: paddle.static.nn.StaticRNN of Paddle before 2.6; Paddle 2.6 has the operator alone.
class StaticRNN {
 public:
  explicit StaticRNN(const StaticRNNOptions& options = {}, Origin at = std::source_location::current());

  /// Builds the step, once. @throws PreconditionNotMet  It has no sequence or no output, or a memory is not updated.
  void Step(const std::function<void()>& build);

  // ---- inside of a step: @throws PreconditionNotMet elsewhere.

  /// What the step sees of `sequence` [steps, ...]: [...].
  Var StepInput(const Var& sequence);
  /// A state: `initial` in the first step, then what UpdateMemory was given in the step before.
  Var Memory(const Var& initial);
  struct MemoryOptions {
    double value = 0.0;
    int batch_axis = 0;      // of the memory; its extent is that
    int reference_axis = 1;  // of this axis of `like`
  };
  /// A state that starts with one value. `shape`'s extent at batch_axis is that of `like`, a sequence or what StepInput gave.
  Var Memory(const Shape& shape, const Var& like, const MemoryOptions& options);
  Var Memory(const Shape& shape, const Var& like) { return Memory(shape, like, MemoryOptions{}); }
  /// The next value of a memory. @throws InvalidArgument  `memory` is none of this loop's.
  void UpdateMemory(const Var& memory, const Var& next);
  void StepOutput(const Var& output);

  /// Step outputs of all steps, [steps, ...] each, in the order of their making. @throws PreconditionNotMet before Step.
  const std::vector<Var>& Outputs() const;

  // ---- for callers from another language: Step is Begin, then Complete, or Abandon after an error.
  void Begin();
  void Complete();
  void Abandon();

 private:
  enum class Stage { kNew, kInStep, kDone };
  struct State {
    Var initial, before;
    std::string next = {};
  };

  void ExpectInStep(const char* what) const;
  Var CopyOf(const Var& x) const;
  /// What the step's operators read of the variables outside, other than sequences.
  std::vector<std::string> Parameters() const;

  std::string name_, origin_;
  bool reverse_;
  Stage stage_ = Stage::kNew;
  Program* program_ = nullptr;
  Block *step_ = nullptr, *parent_ = nullptr;
  std::vector<Var> sequences_, step_outputs_, outputs_;
  std::vector<State> memories_;
};

}  // namespace skiff::layers
