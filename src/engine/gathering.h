// When to start the next op: at once, or a moment later, with more requests in it.
//
// Most clients ask again as soon as they have an answer. An op that starts the moment the last one
// ended misses all that the last one answered: they fall into two groups that wait for one another,
// each op carries half of the clients, and each client waits for two ops. A short wait, until those
// just answered are back, puts all into one op: half the store writes, half the latency.
//
// So it waits only after the last op's clients did come back soon, only until all are back, and for
// half of what an op takes at most. A lone client never waits; nor do clients that come at random.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace nextid::engine {

/// A pure policy of one engine; keeps no invariant, since an op may start at any time.
class Gathering {
 public:
  using Duration = base::MonotonicTime::duration;

  /// Ops that take less are not worth a wait.
  static constexpr std::chrono::microseconds kShortestOp{300};
  static constexpr std::chrono::milliseconds kLongestWait{5};

  /// An op that took this long ended, and answered so many requests, while others waited.
  void op_ended(base::MonotonicTime now, Duration took, std::size_t answered,
                std::size_t waiting) noexcept {
    if (window_is_open_) close_window();
    const Duration wait = std::min<Duration>(took / 2, kLongestWait);
    window_end_ = took < kShortestOp ? now : now + wait;
    answered_ = answered;
    returned_ = 0;
    expected_ = answered + waiting;
    window_is_open_ = true;
  }

  /// So many requests came since the last call.
  void arrived(base::MonotonicTime now, std::size_t requests) noexcept {
    if (!window_is_open_) return;
    if (now > window_end_) return close_window();
    returned_ += requests;
  }

  /// When an op for those that wait should start: `now`, or the end of the wait for more.
  base::MonotonicTime start_at(base::MonotonicTime now, std::size_t waiting) const noexcept {
    const bool waits = they_come_back_ && window_is_open_ && waiting < expected_;
    return waits ? std::max(now, window_end_) : now;
  }

 private:
  /// Three in four: clients that come at random, at whatever rate, are half of the last op's
  /// number in half of its time.
  void close_window() noexcept {
    they_come_back_ = answered_ > 0 && returned_ * 4 >= answered_ * 3;
    window_is_open_ = false;
  }

  base::MonotonicTime window_end_{};
  std::size_t answered_ = 0;
  std::size_t returned_ = 0;
  std::size_t expected_ = 0;
  bool window_is_open_ = false;
  bool they_come_back_ = false;
};

}  // namespace nextid::engine
