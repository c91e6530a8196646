#include "framework/op/callbacks.h"

#include <deque>
#include <mutex>

namespace skiff {

namespace {

struct Registry {
  std::mutex mutex;
  std::deque<TensorCallback> callbacks;  // addresses stay
};

Registry& Callbacks() {
  static auto* registry = new Registry;  // never destroyed: callbacks may outlive main
  return *registry;
}

}  // namespace

int RegisterCallback(TensorCallback callback) {
  Registry& registry = Callbacks();
  std::lock_guard lock(registry.mutex);
  registry.callbacks.push_back(std::move(callback));
  return static_cast<int>(registry.callbacks.size()) - 1;
}

const TensorCallback& FindCallback(int number) {
  Registry& registry = Callbacks();
  std::lock_guard lock(registry.mutex);
  SKIFF_ENFORCE(number >= 0 && number < static_cast<int>(registry.callbacks.size()), NotFound,
                "no function is registered as number ", number, "; ", registry.callbacks.size(), " are");
  return registry.callbacks[number];
}

}  // namespace skiff
