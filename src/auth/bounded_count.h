// How many of something there are, and how many there may be.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

namespace nextid::auth {

/// Thread-safe, without a lock.
class BoundedCount {
 public:
  static constexpr std::uint64_t kNoBound = std::numeric_limits<std::uint64_t>::max();

  /// From the next take() on; what was taken stays.
  void set_bound(std::uint64_t bound) noexcept { bound_.store(bound, std::memory_order_relaxed); }
  std::uint64_t bound() const noexcept { return bound_.load(std::memory_order_relaxed); }
  std::uint64_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }

  /// False, and nothing taken, if it would pass the bound.
  bool take(std::uint64_t count = 1) noexcept {
    const std::uint64_t bound = this->bound();
    std::uint64_t taken = this->taken();
    do {
      if (taken > bound || count > bound - taken) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + count, std::memory_order_relaxed));
    return true;
  }
  /// `count` of those that were taken.
  void give_back(std::uint64_t count = 1) noexcept {
    taken_.fetch_sub(count, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> taken_{0};
  std::atomic<std::uint64_t> bound_{kNoBound};
};

}  // namespace nextid::auth
