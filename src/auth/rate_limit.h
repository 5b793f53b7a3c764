// How often something may happen: a token bucket, as the generic cell rate algorithm (GCRA) keeps
// it, in one word.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace nextid::auth {

/// So many a second, and a second's worth at once. Thread-safe, without a lock; reads no clock.
///
/// More than a second's worth at once, as a large range is, is let through where nothing was taken
/// for a second, and is then paid off: the next one waits until the mean is within the rate again.
class RateLimit {
 public:
  using Duration = std::chrono::nanoseconds;
  /// A higher rate counts as this one: the unit of time is the nanosecond.
  static constexpr std::uint64_t kMost = 1'000'000'000;

  /// 0: no limit. From the next take() on.
  void set(std::uint64_t per_second) noexcept {
    per_second_.store(std::min(per_second, kMost), std::memory_order_relaxed);
  }
  std::uint64_t per_second() const noexcept { return per_second_.load(std::memory_order_relaxed); }

  /// Takes `count` at the time `now`. Where they are too many, takes nothing, and says after what
  /// time they are not, if nobody else takes any.
  std::optional<Duration> take(std::uint64_t count, base::MonotonicTime now) noexcept {
    const std::uint64_t rate = per_second();
    if (rate == 0 || count == 0) return std::nullopt;
    const std::int64_t cost = cost_of(count, rate);
    const std::int64_t time = Duration(now.time_since_epoch()).count();
    std::int64_t paid_until = paid_until_.load(std::memory_order_relaxed);
    for (;;) {
      const std::int64_t from = std::max(paid_until, time);
      const std::int64_t early = from + std::min(cost, kBurst) - kBurst - time;
      if (early > 0) return Duration(early);
      if (paid_until_.compare_exchange_weak(paid_until, from + cost, std::memory_order_relaxed)) {
        return std::nullopt;
      }
    }
  }

 private:
  static constexpr std::int64_t kBurst = 1'000'000'000;  // A second.
  // A year: what costs more leaves a debt of that.
  static constexpr std::int64_t kMostCost = 365 * 24 * 3600 * kBurst;

  /// In nanoseconds, rounded up.
  static std::int64_t cost_of(std::uint64_t count, std::uint64_t rate) noexcept {
    if (count / rate >= static_cast<std::uint64_t>(kMostCost / kBurst)) return kMostCost;
    const std::uint64_t rest =
        (count % rate * static_cast<std::uint64_t>(kBurst) + rate - 1) / rate;
    return static_cast<std::int64_t>(count / rate) * kBurst + static_cast<std::int64_t>(rest);
  }

  std::atomic<std::uint64_t> per_second_{0};
  // On the clock of `now`: what was taken until now would last until then at the rate.
  std::atomic<std::int64_t> paid_until_{0};
};

}  // namespace nextid::auth
