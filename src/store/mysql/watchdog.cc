#include "store/mysql/watchdog.h"

#include <algorithm>
#include <sys/socket.h>

namespace nextid::store {

Watchdog::Watchdog() : thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Watchdog::run() {
  base::Lock lock(mutex_);
  while (!stopping_) {
    const auto now = base::monotonic_now();
    wakes_at_ = base::MonotonicTime::max();
    for (auto& watched : watched_) {
      if (watched.bitten) continue;
      if (watched.deadline <= now) {
        watched.bitten = true;
        ::shutdown(watched.socket, SHUT_RDWR);
      } else {
        wakes_at_ = std::min(wakes_at_, watched.deadline);
      }
    }
    if (wakes_at_ == base::MonotonicTime::max()) {
      wake_.wait(lock.native());
    } else {
      wake_.wait_until(lock.native(), wakes_at_);
    }
  }
}

Watchdog::Guard::Guard(Watchdog& watchdog, int socket, base::MonotonicTime deadline)
    : watchdog_(watchdog) {
  const base::Lock lock(watchdog_.mutex_);
  watched_ = watchdog_.watched_.insert(watchdog_.watched_.end(), {socket, deadline, false});
  // A busy store hardly ever wakes it: its next look is for a guard that is gone already.
  if (deadline < watchdog_.wakes_at_) watchdog_.wake_.notify_one();
}

Watchdog::Guard::~Guard() {
  const base::Lock lock(watchdog_.mutex_);
  watchdog_.watched_.erase(watched_);
}

bool Watchdog::Guard::has_bitten() const {
  const base::Lock lock(watchdog_.mutex_);
  return watched_->bitten;
}

}  // namespace nextid::store
