#include "executor/plan.h"

#include "framework/tensor/memory.h"

namespace skiff {

Frame::Frame(const Plan& plan)
    : plan_(plan),
      arena_(Allocate(plan.place, plan.arena_bytes)),
      bound_(plan.storages.size(), nullptr),
      uses_(plan.storages.size()),
      pointers_(plan.args.size(), nullptr) {
  for (uint32_t i = 0; i < plan.args.size(); ++i) {
    if (plan.args[i] >= 0) uses_[plan.args[i]].push_back(i);
  }
  for (size_t s = 0; s < plan.storages.size(); ++s) {
    const PlanStorage& storage = plan.storages[s];
    if (storage.kind == PlanStorage::Kind::kArena) {
      Bind(static_cast<int>(s), static_cast<char*>(arena_.get()) + storage.offset);
    } else if (storage.kind == PlanStorage::Kind::kConstant) {
      Bind(static_cast<int>(s), storage.constant.raw_data());
    }
  }
}

bool Frame::BindScope(Scope* scope) {
  if (plan_.scope_vars.empty()) return true;
  if (scope_ != scope || scope_version_ != scope->version()) {
    scope_values_.clear();
    for (const ScopeBinding& binding : plan_.scope_vars) {
      Value* value = scope->FindVar(binding.name);
      if (value == nullptr && binding.read) return false;
      scope_values_.push_back(value == nullptr ? scope->Var(binding.name) : value);
    }
    scope_ = scope;
    scope_version_ = scope->version();
  }
  replacements_.clear();
  for (size_t i = 0; i < scope_values_.size(); ++i) {
    const ScopeBinding& binding = plan_.scope_vars[i];
    if (binding.replaces) {
      replacements_.emplace_back(scope_values_[i], Tensor(binding.meta.shape, binding.meta.dtype, plan_.place));
      Bind(binding.storage, replacements_.back().second.raw_data());
      continue;
    }
    Tensor* tensor = std::get_if<Tensor>(scope_values_[i]);
    const bool fits = tensor != nullptr && tensor->is_initialized() &&
                      tensor->dtype() == binding.meta.dtype &&
                      tensor->shape() == binding.meta.shape && tensor->place() == plan_.place;
    if (!fits) {
      if (binding.read) return false;
      *scope_values_[i] = Tensor(binding.meta.shape, binding.meta.dtype, plan_.place);
      tensor = std::get_if<Tensor>(scope_values_[i]);
    }
    Bind(binding.storage, tensor->raw_data());
  }
  return true;
}

void Frame::Commit() {
  for (auto& [value, tensor] : replacements_) *value = std::move(tensor);
  replacements_.clear();
}

void Frame::Run(void* stream, uint64_t seed) {
  KernelArgs args{nullptr, nullptr, nullptr, stream, seed, plan_.num_threads};
  for (const PlanStep& step : plan_.steps) {
    args.in = pointers_.data() + step.in;
    args.out = pointers_.data() + step.out;
    args.workspace = step.workspace < 0 ? nullptr : bound_[step.workspace];
    step.kernel->Run(args);
  }
}

void Frame::RunStep(size_t index, void* stream, uint64_t seed) {
  const PlanStep& step = plan_.steps.at(index);
  step.kernel->Run({pointers_.data() + step.in, pointers_.data() + step.out,
                    step.workspace < 0 ? nullptr : bound_[step.workspace], stream, seed,
                    plan_.num_threads});
}

std::unique_ptr<Frame> Plan::Acquire() const {
  {
    std::lock_guard lock(mutex_);
    if (!free_frames_.empty()) {
      std::unique_ptr<Frame> frame = std::move(free_frames_.back());
      free_frames_.pop_back();
      return frame;
    }
  }
  return std::make_unique<Frame>(*this);
}

void Plan::Release(std::unique_ptr<Frame> frame) const {
  std::lock_guard lock(mutex_);
  free_frames_.push_back(std::move(frame));
}

std::string Plan::ToString() const {
  auto storage_text = [&](int id) {
    if (id < 0) return std::string("-");
    const PlanStorage& s = storages[id];
    switch (s.kind) {
      case PlanStorage::Kind::kArena: return StrCat("@", s.offset, "+", s.bytes);
      case PlanStorage::Kind::kFeed: return StrCat("feed ", feed_names[s.index]);
      case PlanStorage::Kind::kScope: return StrCat("scope ", scope_vars[s.index].name);
      case PlanStorage::Kind::kConstant: return StrCat("constant ", s.constant.dtype(), " ", s.constant.shape());
      case PlanStorage::Kind::kOutput: return StrCat("output ", s.index);
    }
    return std::string("?");
  };
  std::string text = StrCat("plan on ", place, ", ", num_threads, " thread(s), arena ", arena_bytes,
                            " bytes, ", steps.size(), " steps\n");
  for (size_t i = 0; i < steps.size(); ++i) {
    const uint32_t end = i + 1 < steps.size() ? steps[i + 1].in : static_cast<uint32_t>(args.size());
    text += StrCat("  ", i, ": ", step_names[i], " (");
    for (uint32_t a = steps[i].in; a < steps[i].out; ++a) {
      text += (a > steps[i].in ? ", " : "") + storage_text(args[a]);
    }
    text += ") -> (";
    for (uint32_t a = steps[i].out; a < end; ++a) {
      text += (a > steps[i].out ? ", " : "") + storage_text(args[a]);
    }
    text += ")";
    if (steps[i].workspace >= 0) text += " workspace " + storage_text(steps[i].workspace);
    text += "\n";
  }
  return text;
}

}  // namespace skiff
