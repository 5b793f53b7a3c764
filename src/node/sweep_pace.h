// How fast a node releases counters that nobody uses.
#pragma once

#include <chrono>
#include <cstddef>

namespace nextid::node {

/// A sweep goes in slices, with time between them, so that no client waits long for one, and that a
/// store which costs money or capacity a write sees no burst. Its rate is such that all counters
/// that a node may have are released within one idle timeout: a slower one could fall behind the
/// counters that come. No clock, no threads.
class SweepPace {
 public:
  using Duration = std::chrono::steady_clock::duration;

  /// Counters that one slice looks at: a lock that requests need is held meanwhile.
  static constexpr std::size_t kLooks = 1'000;
  /// Most counters of a slice that ask the store for something: with SQLite, a commit of two
  /// milliseconds.
  static constexpr std::size_t kMostAsked = 256;
  /// Fewest counters a second, also where a node may have few.
  static constexpr double kLowestRate = 100;
  /// The store has at least so many times as long for others as a slice took.
  static constexpr int kRestShare = 3;
  static constexpr std::chrono::milliseconds kShortestGap{2};

  SweepPace(std::size_t max_counters, std::chrono::milliseconds idle_timeout) noexcept;

  /// Counters a second that ask the store for something.
  double rate() const noexcept { return rate_; }
  /// Most counters of a slice that do, if it begins so long after the one before it; 0 if it is the
  /// first one.
  std::size_t slice(Duration since_last) const noexcept;
  /// The time from the end of a slice to the begin of the next one, if `asked` of its counters
  /// asked the store, and it took `took`.
  Duration gap(std::size_t asked, Duration took) const noexcept;
  /// How long to wait before the next look whether a slice has ended that began `ago`.
  static Duration poll_after(Duration ago) noexcept;

 private:
  double rate_;
};

}  // namespace nextid::node
