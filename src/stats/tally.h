// Counts that one thread writes and any thread reads.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "nextid/statistics.h"

namespace nextid::stats {

/// A count with a single writer. Adding is a plain load, addition and store: without the locked
/// instruction of a shared counter, which would cost more than the rest of a cached request's work.
class Tally {
 public:
  /// By the writing thread alone.
  void add(std::uint64_t count = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t count = 1) noexcept { add(std::uint64_t{0} - count); }

  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Durations with a single writer.
class DurationTally {
 public:
  /// By the writing thread alone: `count` times the same duration.
  void add(std::chrono::nanoseconds duration, std::uint64_t count = 1) noexcept {
    const auto us = duration.count() > 0 ? static_cast<std::uint64_t>(duration.count()) / 1'000 : 0;
    counts_[duration_bucket(us)].add(count);
    sum_us_.add(us * count);
  }

  Durations value() const noexcept {
    Durations durations;
    for (std::size_t i = 0; i < counts_.size(); ++i) durations.counts[i] = counts_[i].value();
    durations.sum_us = sum_us_.value();
    return durations;
  }

 private:
  std::array<Tally, kDurationBoundsUs.size() + 1> counts_;
  Tally sum_us_;
};

}  // namespace nextid::stats
