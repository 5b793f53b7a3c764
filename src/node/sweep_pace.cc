#include "node/sweep_pace.h"

#include <algorithm>

namespace nextid::node {
namespace {

using Seconds = std::chrono::duration<double>;

/// The usual time from slice to slice: short, so that writes come evenly.
constexpr Seconds kPeriod{0.05};

}  // namespace

SweepPace::SweepPace(std::size_t max_counters, std::chrono::milliseconds idle_timeout) noexcept
    : rate_(std::max(kLowestRate, static_cast<double>(max_counters) /
                                      std::max(Seconds(idle_timeout), Seconds(0.001)).count())) {}

std::size_t SweepPace::slice(Duration since_last) const noexcept {
  const double due = rate_ * std::max(Seconds(since_last), kPeriod).count();
  return static_cast<std::size_t>(std::clamp<double>(due, 1, kMostAsked));
}

SweepPace::Duration SweepPace::gap(std::size_t asked, Duration took) const noexcept {
  const auto even =
      std::chrono::duration_cast<Duration>(Seconds(static_cast<double>(asked) / rate_));
  return std::max<Duration>({even - took, took * kRestShare, kShortestGap});
}

SweepPace::Duration SweepPace::poll_after(Duration ago) noexcept {
  return std::max<Duration>(ago / 4, std::chrono::milliseconds(1));
}

}  // namespace nextid::node
