// One thread that calls functions at given times.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <queue>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"

namespace nextid::node {

/// Thread-safe. Its thread starts at once, so that at() can't fail for want of one later.
/// Destroying it drops what is not due yet and waits for the function that runs.
class Timer {
 public:
  /// Throws std::system_error where the system has no thread left.
  Timer() : thread_([this] { run(); }) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Calls `function` once, at `time` or soon after, on the timer's thread.
  void at(base::MonotonicTime time, std::function<void()> function);

 private:
  struct Entry {
    base::MonotonicTime time;
    std::function<void()> function;
    bool operator>(const Entry& other) const noexcept { return time > other.time; }
  };

  void run();

  base::Mutex mutex_;
  std::condition_variable changed_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> entries_ NEXTID_GUARDED_BY(mutex_);
  bool stopping_ NEXTID_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it uses the rest.
};

}  // namespace nextid::node
