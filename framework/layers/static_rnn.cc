#include "framework/layers/static_rnn.h"

#include <algorithm>

#include "framework/layers/layer_helper.h"
#include "framework/program/unique_name.h"

namespace skiff::layers {

namespace {

std::vector<std::string> NamesOf(const std::vector<Var>& vars) {
  std::vector<std::string> names;
  for (const Var& v : vars) names.push_back(v.name());
  return names;
}

}  // namespace

StaticRNN::StaticRNN(const StaticRNNOptions& options, Origin at)
    : name_(LayerHelper("static_rnn", options.name).name()), origin_(at.Of("layers::StaticRNN")), reverse_(options.reverse) {}

void StaticRNN::Step(const std::function<void()>& build) {
  Begin();
  try {
    build();
    Complete();
  } catch (...) {
    if (stage_ == Stage::kInStep) Abandon();
    throw;
  }
}

void StaticRNN::Begin() {
  SKIFF_ENFORCE(stage_ == Stage::kNew, PreconditionNotMet, name_, " has its step already");
  program_ = &DefaultMainProgram();
  step_ = &program_->CreateBlock();
  parent_ = step_->parent();
  stage_ = Stage::kInStep;
}

void StaticRNN::Abandon() {
  ExpectInStep("Abandon");
  const int index = step_->idx();
  program_->Rollback();
  program_->RemoveBlocksFrom(index);
  sequences_.clear();
  step_outputs_.clear();
  memories_.clear();
  stage_ = Stage::kNew;
}

void StaticRNN::ExpectInStep(const char* what) const {
  SKIFF_ENFORCE(stage_ == Stage::kInStep, PreconditionNotMet, name_, ": ", what, " belongs into the function given to Step");
}

Var StaticRNN::StepInput(const Var& sequence) {
  ExpectInStep("StepInput");
  SKIFF_ENFORCE(sequence.rank() > 0, InvalidArgument, name_, ": \"", sequence.name(), "\" has no axis to step along");
  for (const Var& known : sequences_) {
    if (known.name() == sequence.name()) return step_->FindLocalVar(known.name());
  }
  const int64_t steps = sequence.shape()[0], before = sequences_.empty() ? -1 : sequences_.front().shape()[0];
  SKIFF_ENFORCE(steps < 0 || before < 0 || steps == before, InvalidArgument, name_, ": \"", sequence.name(), "\" is ",
                sequence.shape(), ", \"", sequences_.front().name(), "\" ", sequences_.front().shape(),
                "; sequences must have the same number of steps");
  sequences_.push_back(sequence);
  return step_->AddVar({.name = sequence.name(), .dtype = sequence.dtype(), .shape = Shape(sequence.shape().dims().subspan(1)),
                        .stop_gradient = sequence.stop_gradient()});
}

Var StaticRNN::Memory(const Var& initial) {
  ExpectInStep("Memory");
  const Var before = step_->AddVar({.name = UniqueName(name_ + "@mem"), .dtype = initial.dtype(), .shape = initial.shape()});
  memories_.push_back({initial, before});
  return before;
}

Var StaticRNN::Memory(const Shape& shape, const Var& like, const MemoryOptions& options) {
  ExpectInStep("Memory");
  const std::shared_ptr<Variable> reference = parent_->FindVar(like.name());  // the sequence, not its step
  SKIFF_ENFORCE(reference != nullptr, InvalidArgument, name_, ": \"", like.name(), "\" is no sequence and no variable outside");
  const Var initial = parent_->AddVar({.name = UniqueName(name_ + "@init"), .dtype = like.dtype(), .stop_gradient = true});
  Operator fill{"fill_constant_batch_size_like", {{"Input", {like.name()}}}, {{"Out", {initial.name()}}},
                {{"shape", std::vector<int32_t>(shape.begin(), shape.end())}, {"dtype", static_cast<int32_t>(like.dtype())},
                 {"value", static_cast<float>(options.value)}, {"input_dim_idx", options.reference_axis},
                 {"output_dim_idx", options.batch_axis}}};
  fill.origin = origin_;
  AppendLayerOp(*parent_, std::move(fill));
  return Memory(initial);
}

void StaticRNN::UpdateMemory(const Var& memory, const Var& next) {
  ExpectInStep("UpdateMemory");
  const auto found = std::find_if(memories_.begin(), memories_.end(),
                                  [&](const State& state) { return state.before.name() == memory.name(); });
  SKIFF_ENFORCE(found != memories_.end(), InvalidArgument, name_, ": \"", memory.name(), "\" is no memory of this loop");
  found->next = CopyOf(next).name();
}

void StaticRNN::StepOutput(const Var& output) {
  ExpectInStep("StepOutput");
  step_outputs_.push_back(CopyOf(output));
}

// Gradients arrive at states and outputs from other steps and from outside: nothing in the step may read them.
Var StaticRNN::CopyOf(const Var& x) const {
  const LayerHelper helper("assign", name_, origin_);
  return helper.AppendOp("assign", {{"X", {x.name()}}}, {}, helper.CreateTemporary(x.dtype()));
}

std::vector<std::string> StaticRNN::Parameters() const {
  std::vector<std::string> names;
  for (const auto& op : step_->ops()) {
    for (const std::string& name : op->inputs.AllNames()) {
      const bool outside = step_->FindLocalVar(name) == nullptr && parent_->FindVar(name) != nullptr;
      if (outside && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

void StaticRNN::Complete() {
  ExpectInStep("Complete");
  SKIFF_ENFORCE(!sequences_.empty(), PreconditionNotMet, name_, " has no sequence; call StepInput");
  SKIFF_ENFORCE(!step_outputs_.empty(), PreconditionNotMet, name_, " has no output; call StepOutput");
  std::vector<std::string> initial, before, next;
  for (const State& state : memories_) {
    SKIFF_ENFORCE(!state.next.empty(), PreconditionNotMet, name_, ": the memory \"", state.before.name(),
                  "\" is not updated; call UpdateMemory");
    initial.push_back(state.initial.name());
    before.push_back(state.before.name());
    next.push_back(state.next);
  }
  program_->Rollback();
  stage_ = Stage::kDone;
  for (const Var& made : step_outputs_) {
    std::vector<int64_t> extents{sequences_.front().shape()[0]};
    extents.insert(extents.end(), made.shape().begin(), made.shape().end());
    outputs_.push_back(parent_->AddVar({.name = made.name(), .dtype = made.dtype(), .shape = Shape(extents)}));
  }
  const Var scopes = parent_->AddVar({.name = UniqueName("_generated_var"), .kind = VarKind::kStepScopes});
  Operator op{"recurrent",
              {{"inputs", NamesOf(sequences_)}, {"initial_states", initial}, {"parameters", Parameters()}},
              {{"outputs", NamesOf(outputs_)}, {"step_scopes", {scopes.name()}}},
              {{"has_states", !memories_.empty()}, {"ex_states", before}, {"states", next},
               {"sub_block", BlockRef{step_->idx()}}, {"reverse", reverse_}, {"is_train", true}}};
  op.origin = origin_;
  AppendLayerOp(*parent_, std::move(op));
}

const std::vector<Var>& StaticRNN::Outputs() const {
  SKIFF_ENFORCE(stage_ == Stage::kDone, PreconditionNotMet, name_, " has no outputs before its step is built");
  return outputs_;
}

}  // namespace skiff::layers
