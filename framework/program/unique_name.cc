#include "framework/program/unique_name.h"

#include <mutex>

#include "framework/base/error.h"

namespace skiff {

namespace {

std::mutex mutex;

std::shared_ptr<UniqueNameGenerator>& Current() {
  static auto* current = new std::shared_ptr(std::make_shared<UniqueNameGenerator>());
  return *current;
}

thread_local std::string name_scope = "/";
thread_local std::map<std::string, int> name_scopes_met;

}  // namespace

std::string UniqueNameGenerator::Generate(const std::string& key) {
  return prefix_ + key + "_" + std::to_string(next_[key]++);
}

std::string UniqueName(const std::string& key) {
  std::lock_guard lock(mutex);
  return Current()->Generate(key);
}

std::shared_ptr<UniqueNameGenerator> SwitchUniqueNames(
    std::shared_ptr<UniqueNameGenerator> generator) {
  std::lock_guard lock(mutex);
  std::shared_ptr<UniqueNameGenerator> previous = Current();
  Current() = generator ? std::move(generator) : std::make_shared<UniqueNameGenerator>();
  return previous;
}

NameScopeGuard::NameScopeGuard(const std::string& prefix) : previous_(name_scope) {
  SKIFF_ENFORCE(!prefix.empty(), InvalidArgument, "a name scope needs a name, \"\" was given");
  const int met = name_scopes_met[name_scope + prefix]++;
  name_scope += (met == 0 ? prefix : prefix + "_" + std::to_string(met)) + "/";
}

NameScopeGuard::~NameScopeGuard() { name_scope = previous_; }

const std::string& CurrentNameScope() { return name_scope; }

}  // namespace skiff
