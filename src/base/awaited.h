// One answer that one thread waits for.
#pragma once

#include <condition_variable>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace nextid::base {

/// Thread-safe. It may be destroyed as soon as wait() has returned, even while set() is still
/// returning.
template <typename T>
class Awaited {
 public:
  /// Called once.
  void set(T value) NEXTID_EXCLUDES(mutex_) {
    // Notified under the lock: after it, the waiting thread destroys this object.
    const Lock lock(mutex_);
    value_.emplace(std::move(value));
    changed_.notify_one();
  }

  /// Called once. Blocks until set() was called.
  T wait() NEXTID_EXCLUDES(mutex_) {
    Lock lock(mutex_);
    while (!value_) changed_.wait(lock.native());
    return *std::move(value_);
  }

 private:
  Mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::base
