// Scope: the state of programs, by variable name. Parameters, optimizer accumulators and random state
// live here, never in a plan.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "framework/tensor/value.h"

namespace skiff {

/// Names looked up here and, when missing, in the parent. A Value's address stays valid until it is
/// erased. Threads: finding and creating may happen at once from several threads; using one Value from
/// two threads needs the callers' own agreement.
class Scope {
 public:
  Scope() = default;
  explicit Scope(Scope* parent) : parent_(parent) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// The Value called `name` in this scope, made when missing. Parents are not searched.
  Value* Var(const std::string& name);
  /// The Value called `name` here or in a parent, or nullptr.
  Value* FindVar(const std::string& name) const;
  /// The initialised tensor called `name` here or in a parent.
  /// @throws NotFound when there is none, with close names; InvalidType when it is no tensor.
  Tensor& GetTensor(const std::string& name) const;
  /// Sets a tensor in this scope.
  void SetTensor(const std::string& name, Tensor tensor);

  void Erase(const std::string& name);
  /// Removes every variable of this scope; parents keep theirs.
  void Clear();
  /// Names of this scope, sorted.
  std::vector<std::string> LocalNames() const;

  Scope* parent() const { return parent_; }
  /// Changes whenever a name is added or removed here or in a parent: addresses found earlier are
  /// stale then.
  uint64_t version() const;

 private:
  static uint64_t NextVersion();

  Scope* parent_ = nullptr;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Value>> vars_;
  uint64_t version_ = NextVersion();
};

/// The scope used where none is named. Lives as long as the process.
Scope& GlobalScope();

/// Makes `scope` the calling thread's GlobalScope() until the guard goes.
class ScopeGuard {
 public:
  explicit ScopeGuard(Scope& scope);
  ~ScopeGuard();
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Scope* previous_;
};

}  // namespace skiff
