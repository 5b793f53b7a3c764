#include "node/timer.h"

#include <utility>

#include "base/mutex.h"

namespace nextid::node {

Timer::~Timer() {
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Timer::at(base::MonotonicTime time, std::function<void()> function) {
  {
    const base::Lock lock(mutex_);
    if (stopping_) return;
    entries_.push(Entry{time, std::move(function)});
    if (entries_.top().time < time) return;  // The thread wakes before `time` anyway.
  }
  changed_.notify_one();
}

void Timer::run() {
  base::Lock lock(mutex_);
  while (!stopping_) {
    if (entries_.empty()) {
      changed_.wait(lock.native());
      continue;
    }
    const base::MonotonicTime next = entries_.top().time;
    if (base::monotonic_now() < next) {
      changed_.wait_until(lock.native(), next);
      continue;
    }
    const std::function<void()> function = entries_.top().function;
    entries_.pop();
    lock.unlock();
    function();
    lock.lock();
  }
}

}  // namespace nextid::node
