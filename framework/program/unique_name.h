// Names of layers, temporaries, parameters and accumulators, generated as Paddle does: the keys of
// every saved file are these names.
#pragma once

#include <map>
#include <memory>
#include <string>

namespace skiff {

/// "<prefix>_<n>", n counting from 0 for each prefix.
class UniqueNameGenerator {
 public:
  explicit UniqueNameGenerator(std::string prefix = "") : prefix_(std::move(prefix)) {}
  std::string Generate(const std::string& key);

 private:
  std::string prefix_;  // stands before every name
  std::map<std::string, int> next_;
};

/// A name of the current generator. Counters are shared by the whole process.
std::string UniqueName(const std::string& key);

/// Makes `generator` current, a fresh one when null; returns the one before.
std::shared_ptr<UniqueNameGenerator> SwitchUniqueNames(
    std::shared_ptr<UniqueNameGenerator> generator = nullptr);

/// A fresh generator until the guard goes: a net built again under a guard gets the same names.
class UniqueNameGuard {
 public:
  /// `prefix` stands before every name generated meanwhile.
  explicit UniqueNameGuard(const std::string& prefix = "")
      : previous_(SwitchUniqueNames(std::make_shared<UniqueNameGenerator>(prefix))) {}
  ~UniqueNameGuard() { SwitchUniqueNames(previous_); }
  UniqueNameGuard(const UniqueNameGuard&) = delete;
  UniqueNameGuard& operator=(const UniqueNameGuard&) = delete;

 private:
  std::shared_ptr<UniqueNameGenerator> previous_;
};

/// Groups the operators appended until the guard goes: each gets the attribute kOpNamescopeAttr, "/outer/inner/".
/// A prefix met again at one place becomes "<prefix>_1" and so on. Source: paddle.static.name_scope.
class NameScopeGuard {
 public:
  /// @throws InvalidArgument for an empty prefix.
  explicit NameScopeGuard(const std::string& prefix);
  ~NameScopeGuard();
  NameScopeGuard(const NameScopeGuard&) = delete;
  NameScopeGuard& operator=(const NameScopeGuard&) = delete;

 private:
  std::string previous_;
};

inline constexpr const char* kOpNamescopeAttr = "op_namescope";
/// The calling thread's scope; "/" outside of all guards.
const std::string& CurrentNameScope();

}  // namespace skiff
