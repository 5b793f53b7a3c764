// How long to wait before an attempt is repeated.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace nextid::engine {

/// Exponential backoff with jitter: between half and all of min(kBase * 2^failures, kCap). The cap
/// keeps the time from the store's return to service below a second.
class Backoff {
 public:
  static constexpr std::chrono::microseconds kBase{2'000};
  static constexpr std::chrono::microseconds kCap{500'000};

  explicit Backoff(std::uint64_t seed) noexcept : state_(seed) {}

  /// The wait after the given number of failures in a row, 1 or more.
  std::chrono::microseconds after(unsigned failures) noexcept {
    const unsigned doublings = std::min(failures - 1, 16U);
    const std::chrono::microseconds whole = std::min(kBase * (std::int64_t{1} << doublings), kCap);
    const auto half_us = static_cast<std::uint64_t>(whole.count() / 2);
    return std::chrono::microseconds(static_cast<std::int64_t>(half_us + next() % (half_us + 1)));
  }

 private:
  // SplitMix64 (Steele, Lea, Flood 2014): one word of state, any seed will do.
  std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace nextid::engine
