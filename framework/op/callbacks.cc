#include "framework/op/callbacks.h"

#include <deque>
#include <mutex>

namespace skiff {

namespace {

struct CallbackList {
  std::mutex mutex;
  std::deque<TensorCallback> callbacks;  // addresses stay
};

CallbackList& Callbacks() {
  static auto* list = new CallbackList;  // never destroyed: callbacks may outlive main
  return *list;
}

}  // namespace

int RegisterCallback(TensorCallback callback) {
  CallbackList& list = Callbacks();
  std::lock_guard lock(list.mutex);
  list.callbacks.push_back(std::move(callback));
  return static_cast<int>(list.callbacks.size()) - 1;
}

const TensorCallback& FindCallback(int number) {
  CallbackList& list = Callbacks();
  std::lock_guard lock(list.mutex);
  SKIFF_ENFORCE(number >= 0 && number < static_cast<int>(list.callbacks.size()), NotFound,
                "no function is registered as number ", number, "; ", list.callbacks.size(), " are");
  return list.callbacks[number];
}

}  // namespace skiff
