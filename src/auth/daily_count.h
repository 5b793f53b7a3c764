// How many of something there were in a day, and how many there may be.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace nextid::auth {

/// Days of 24 hours; one begins with the first take() after the last one's end. Not thread-safe.
class DailyCount {
 public:
  static constexpr std::chrono::hours kDay{24};

  std::uint64_t taken() const noexcept { return taken_; }

  /// Takes one at the time `now`, unless `most` were taken in this day: then says how long it still
  /// lasts.
  std::optional<base::MonotonicTime::duration> take(std::uint64_t most,
                                                    base::MonotonicTime now) noexcept {
    if (!has_begun_ || now - began_ >= kDay) {
      has_begun_ = true;
      began_ = now;
      taken_ = 0;
    }
    if (taken_ >= most) return began_ + kDay - now;
    ++taken_;
    return std::nullopt;
  }
  void give_back() noexcept {
    if (taken_ > 0) --taken_;
  }

 private:
  bool has_begun_ = false;
  base::MonotonicTime began_{};
  std::uint64_t taken_ = 0;
};

}  // namespace nextid::auth
