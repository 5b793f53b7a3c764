// How long to wait before an attempt is repeated.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace nextid::engine {

/// Exponential backoff with full jitter: anything from nothing to min(base * 2^failures, kCap). The
/// bases are those of the AWS SDKs' standard retry mode for DynamoDB
/// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html), which suit other
/// stores as well; the cap is lower than theirs, so that service resumes within a second of the
/// store's return.
class Backoff {
 public:
  enum class Cause { kTransient, kThrottled };

  static constexpr std::chrono::microseconds kTransientBase{25'000};
  static constexpr std::chrono::microseconds kThrottledBase{1'000'000};
  static constexpr std::chrono::microseconds kCap{400'000};

  explicit Backoff(std::uint64_t seed) noexcept : state_(seed) {}

  /// The wait after the given number of failures in a row, 1 or more, the last of this cause.
  std::chrono::microseconds after(unsigned failures, Cause cause) noexcept {
    const unsigned doublings = std::min(failures - 1, 16U);
    const auto base = cause == Cause::kThrottled ? kThrottledBase : kTransientBase;
    const std::chrono::microseconds most = std::min(base * (std::int64_t{1} << doublings), kCap);
    const auto most_us = static_cast<std::uint64_t>(most.count());
    return std::chrono::microseconds(static_cast<std::int64_t>(next() % (most_us + 1)));
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
