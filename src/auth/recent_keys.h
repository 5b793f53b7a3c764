// How many new idempotency keys somebody's requests had kept within the keys' retention.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace nextid::auth {

/// Counts in kBuckets parts of the retention, and one more: so each key counts for as long as it is
/// kept, and at most one part longer. What was kept before the process began is not known. Not
/// thread-safe; `now` never goes back.
class RecentKeys {
 public:
  static constexpr std::uint64_t kBuckets = 64;

  /// `retention` is a second or more.
  explicit RecentKeys(std::chrono::seconds retention) noexcept;

  std::uint64_t count(base::MonotonicTime now) noexcept;

  /// Counts one more. Not at `most` of them: then it returns how long it is until the first of them
  /// are over.
  std::optional<base::MonotonicTime::duration> take(std::uint64_t most,
                                                    base::MonotonicTime now) noexcept;
  /// One that was counted is not kept after all.
  void give_back() noexcept;

 private:
  std::uint64_t& bucket(std::uint64_t number) noexcept { return counts_[number % counts_.size()]; }
  void advance(base::MonotonicTime now) noexcept;

  base::MonotonicTime::duration width_;
  std::array<std::uint64_t, kBuckets + 1> counts_{};
  std::uint64_t newest_ = 0;  // Numbered by time.
  std::uint64_t count_ = 0;   // Of all buckets.
};

}  // namespace nextid::auth
