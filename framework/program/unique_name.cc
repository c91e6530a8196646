#include "framework/program/unique_name.h"

#include <mutex>

namespace skiff {

namespace {

std::mutex mutex;

std::shared_ptr<UniqueNameGenerator>& Current() {
  static auto* current = new std::shared_ptr(std::make_shared<UniqueNameGenerator>());
  return *current;
}

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

}  // namespace skiff
