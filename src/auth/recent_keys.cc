#include "auth/recent_keys.h"

#include <algorithm>

namespace nextid::auth {

RecentKeys::RecentKeys(std::chrono::seconds retention) noexcept
    : width_(base::MonotonicTime::duration(retention) / kBuckets +
             base::MonotonicTime::duration(1)) {}

std::uint64_t RecentKeys::count(base::MonotonicTime now) noexcept {
  advance(now);
  return count_;
}

std::optional<base::MonotonicTime::duration> RecentKeys::take(std::uint64_t most,
                                                              base::MonotonicTime now) noexcept {
  advance(now);
  if (count_ < most) {
    ++bucket(newest_);
    ++count_;
    return std::nullopt;
  }
  std::uint64_t oldest = newest_ - std::min(newest_, kBuckets);
  while (oldest < newest_ && bucket(oldest) == 0) ++oldest;
  const auto ends = static_cast<base::MonotonicTime::rep>(oldest + counts_.size());
  return width_ * ends - now.time_since_epoch();
}

// From the newest bucket that has one: it was counted a moment ago.
void RecentKeys::give_back() noexcept {
  if (count_ == 0) return;
  std::uint64_t from = newest_;
  while (bucket(from) == 0) --from;
  --bucket(from);
  --count_;
}

void RecentKeys::advance(base::MonotonicTime now) noexcept {
  const auto current = static_cast<std::uint64_t>(now.time_since_epoch() / width_);
  if (current <= newest_) return;
  const std::uint64_t passed = std::min<std::uint64_t>(current - newest_, counts_.size());
  for (std::uint64_t i = 0; i < passed; ++i) {
    std::uint64_t& gone = bucket(current - i);
    count_ -= gone;
    gone = 0;
  }
  newest_ = current;
}

}  // namespace nextid::auth
