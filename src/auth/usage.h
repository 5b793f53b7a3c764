// What the holders of one token use of this server at present, and how much they may.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "auth/limits.h"
#include "auth/recent_keys.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace nextid::auth {

/// Of the token of one name: it outlives reloads of the token file, and sessions and requests share
/// it. Thread-safe.
class Usage {
 public:
  /// Limits::keys where the token's line does not say it.
  static constexpr std::uint64_t kDefaultKeys = 1'000'000;

  Limits limits() const {
    const base::Lock lock(mutex_);
    return limits_;
  }
  /// As the token file says now.
  void set_limits(const Limits& limits) {
    const base::Lock lock(mutex_);
    limits_ = limits;
  }

  /// Why a new idempotency key is not kept.
  struct TooManyKeys {
    std::uint64_t limit;
    base::MonotonicTime::duration next_in;
  };
  /// For a key that is kept for `retention`, which is the same each time.
  std::optional<TooManyKeys> take_key(std::chrono::seconds retention, base::MonotonicTime now) {
    const base::Lock lock(mutex_);
    if (!keys_) keys_.emplace(retention);
    const std::uint64_t most = limits_.keys.value_or(kDefaultKeys);
    const auto next_in = keys_->take(most, now);
    if (!next_in) return std::nullopt;
    return TooManyKeys{most, *next_in};
  }
  /// A key that was taken is not kept after all.
  void give_key_back() {
    const base::Lock lock(mutex_);
    keys_->give_back();
  }

 private:
  mutable base::Mutex mutex_;
  Limits limits_ NEXTID_GUARDED_BY(mutex_);
  std::optional<RecentKeys> keys_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::auth
