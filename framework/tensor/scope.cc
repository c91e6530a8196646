#include "framework/tensor/scope.h"

#include <atomic>

namespace skiff {

namespace {
thread_local Scope* current_scope = nullptr;
}  // namespace

uint64_t Scope::NextVersion() {
  // Counted over all scopes, so that a new scope at a freed one's address is told apart.
  static std::atomic<uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

Value* Scope::Var(const std::string& name) {
  std::lock_guard lock(mutex_);
  std::unique_ptr<Value>& slot = vars_[name];
  if (!slot) {
    slot = std::make_unique<Value>();
    version_ = NextVersion();
  }
  return slot.get();
}

Value* Scope::FindVar(const std::string& name) const {
  {
    std::lock_guard lock(mutex_);
    const auto found = vars_.find(name);
    if (found != vars_.end()) return found->second.get();
  }
  return parent_ == nullptr ? nullptr : parent_->FindVar(name);
}

Tensor& Scope::GetTensor(const std::string& name) const {
  Value* value = FindVar(name);
  if (value == nullptr) {
    NotFound error(StrCat("the scope has no variable \"", name, "\""));
    std::vector<std::string> names;
    for (const Scope* s = this; s != nullptr; s = s->parent_) {
      for (std::string& n : s->LocalNames()) names.push_back(std::move(n));
    }
    error.AddContext(DidYouMean(name, names));
    throw error;
  }
  Tensor* tensor = std::get_if<Tensor>(value);
  SKIFF_ENFORCE(tensor != nullptr, InvalidType, "variable \"", name, "\" of the scope is no tensor");
  SKIFF_ENFORCE(tensor->is_initialized(), NotFound, "variable \"", name,
                "\" of the scope holds no value yet; run the startup program or load it first");
  return *tensor;
}

void Scope::SetTensor(const std::string& name, Tensor tensor) { *Var(name) = std::move(tensor); }

void Scope::Erase(const std::string& name) {
  std::lock_guard lock(mutex_);
  if (vars_.erase(name) > 0) version_ = NextVersion();
}

void Scope::Clear() {
  std::lock_guard lock(mutex_);
  vars_.clear();
  version_ = NextVersion();
}

std::vector<std::string> Scope::LocalNames() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, value] : vars_) names.push_back(name);
  return names;
}

uint64_t Scope::version() const {
  uint64_t version = 0;
  for (const Scope* s = this; s != nullptr; s = s->parent_) {
    std::lock_guard lock(s->mutex_);
    version += s->version_;
  }
  return version;
}

Scope& GlobalScope() {
  static Scope* global = new Scope;  // never destroyed: threads may still use it at exit
  return current_scope == nullptr ? *global : *current_scope;
}

ScopeGuard::ScopeGuard(Scope& scope) : previous_(current_scope) { current_scope = &scope; }
ScopeGuard::~ScopeGuard() { current_scope = previous_; }

}  // namespace skiff
