// When to start the next op: at once, or a moment later, with more requests in it.
//
// Many clients ask again as soon as they have an answer. An op that starts the moment the last one
// ended misses all clients that the last one answered: they fall into two groups that wait for one
// another's ops, each op carries half of them, and each client waits for two ops. A short wait,
// until the clients just answered are back, puts all into one op: half the store writes, half the
// latency.
//
// Trying shows whether clients are of that kind: if they are, all are back before the wait is over.
// Clients that come at random, at whatever rate, are not all back; then it tries again ever more
// rarely.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace nextid::engine {

/// A pure policy of one engine; keeps no invariant, since an op may start at any time. A lone
/// client never waits.
class Gathering {
 public:
  using Duration = base::MonotonicTime::duration;

  /// Ops that take less are not worth a wait.
  static constexpr std::chrono::microseconds kShortestOp{300};
  /// Otherwise a wait is as long as the op before, and no longer than this.
  static constexpr std::chrono::milliseconds kLongestWait{5};
  /// After two waits in vain so many ops start at once, and twice as many each time from then on.
  static constexpr unsigned kShortestPause = 8;
  static constexpr unsigned kLongestPause = 256;

  /// An op ended that took `took` and answered `answered` requests, while `waiting` others waited.
  void op_ended(base::MonotonicTime now, Duration took, std::size_t answered,
                std::size_t waiting) noexcept {
    const bool pauses = pause_ > 0;
    if (pauses) --pause_;
    wait_end_ = pauses || took < kShortestOp ? now : now + std::min<Duration>(took, kLongestWait);
    expected_ = answered + waiting;
  }

  /// Whether an op for the requests that wait should start now. If not, ask again at wait_end(), or
  /// when more have come.
  bool should_start(base::MonotonicTime now, std::size_t waiting) noexcept {
    const bool all_are_back = waiting >= expected_;
    if (!all_are_back && now < wait_end_) {
      waited_ = true;
      return false;
    }
    if (waited_) learn(all_are_back);
    waited_ = false;
    return true;
  }

  base::MonotonicTime wait_end() const noexcept { return wait_end_; }

 private:
  /// Clients that come at random may all seem back once, by chance; the next wait then expects
  /// more.
  void learn(bool all_came_back) noexcept {
    if (all_came_back) {
      failures_ = 0;
      if (++successes_ >= 2) next_pause_ = kShortestPause;
      return;
    }
    successes_ = 0;
    if (++failures_ < 2) return;
    failures_ = 0;
    pause_ = next_pause_;
    next_pause_ = std::min(2 * next_pause_, kLongestPause);
  }

  base::MonotonicTime wait_end_{};
  std::size_t expected_ = 0;
  bool waited_ = false;
  unsigned successes_ = 0;  // In a row, as are the failures.
  unsigned failures_ = 0;
  unsigned pause_ = 0;
  unsigned next_pause_ = kShortestPause;
};

}  // namespace nextid::engine
