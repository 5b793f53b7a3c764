// How many ids a cached counter keeps in stock, as its demand shows.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace nextid::engine {

/// A pure policy of one engine; the reservoir keeps the bound, `cache` - 1 ids held.
///
/// The target is what is used in kHorizon and a few store calls, and at least one id. The next
/// block is asked for when half of it is used: so no request waits as long as the store answers
/// within the time that the other half lasts.
class Refill {
 public:
  using Duration = base::MonotonicTime::duration;

  static constexpr std::chrono::milliseconds kHorizon{1'000};
  static constexpr int kHorizonCalls = 4;
  static constexpr std::chrono::milliseconds kSoon{2};
  /// A burst is no rate: from one reservation to the next the stock grows by this factor at most.
  static constexpr std::uint64_t kMaxGrowth = 8;

  /// A reservation is about to start; `asked_for` ids were asked for in all so far, those of the
  /// requests that wait for it included.
  void op_starts(base::MonotonicTime now, std::uint64_t asked_for) noexcept {
    const std::uint64_t asked_since = asked_for - asked_for_;
    if (started_ == base::MonotonicTime{}) {
      target_ = asked_since;
    } else {
      grow(now - started_, asked_since);
    }
    started_ = now;
    asked_for_ = asked_for;
    target_ = std::max<std::uint64_t>(target_, 1);
  }

  void op_ended(base::MonotonicTime now) noexcept { op_took_ = now - started_; }

  /// Whether recent demand uses `ids` ids so soon that waking a thread for the next block is not
  /// worth it.
  bool used_up_soon(std::uint64_t ids) const noexcept {
    return rate_ * std::chrono::duration<double>(kSoon).count() > static_cast<double>(ids);
  }

  /// Ids to have in stock, 1 or more; 0 before the first op.
  std::uint64_t target() const noexcept { return target_; }

 private:
  void grow(Duration elapsed, std::uint64_t asked_since) noexcept {
    using Seconds = std::chrono::duration<double>;
    const double seconds =
        Seconds(std::max<Duration>(elapsed, std::chrono::microseconds(1))).count();
    const double rate = static_cast<double>(asked_since) / seconds;
    // Up at once, down by half each time: a pause must not cost the next burst its stock.
    rate_ = rate > rate_ ? rate : (rate + rate_) / 2;
    const double wanted = rate_ * Seconds(kHorizon + kHorizonCalls * op_took_).count();
    const double most = static_cast<double>(std::max(target_, asked_since)) * kMaxGrowth;
    target_ = static_cast<std::uint64_t>(std::min({wanted, most, 1e15}));
  }

  base::MonotonicTime started_{};
  Duration op_took_{};
  std::uint64_t asked_for_ = 0;
  double rate_ = 0;  // Ids a second.
  std::uint64_t target_ = 0;
};

}  // namespace nextid::engine
