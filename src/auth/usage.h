// What the holders of one token use of this server at present, and how much they may.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "nextid/error.h"
#include "nextid/log.h"

#include "auth/bounded_count.h"
#include "auth/daily_count.h"
#include "auth/limits.h"
#include "auth/rate_limit.h"
#include "auth/recent_keys.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "contract/payer.h"

namespace nextid::auth {

/// Why a request is refused.
struct LimitReached {
  std::string sentence;
  std::chrono::milliseconds retry_after{0};  ///< When to come back, at the earliest.
};

/// Of the token of one name: it outlives reloads of the token file, and sessions and requests share
/// it. Thread-safe.
class Usage final : public contract::Payer, public std::enable_shared_from_this<Usage> {
 public:
  /// The log gets a line for each limit that is reached, at most one in so long.
  static constexpr std::chrono::seconds kLogPeriod{10};

  explicit Usage(std::string token = {}, Log log = {})
      : token_(std::move(token)), log_(std::move(log)) {}

  /// Those in force; where there is none, nothing is refused.
  Limits limits() const;
  /// From now on. What is in use stays. `waiting_ids` bounds the ids that waiting requests ask for.
  void set_limits(const Limits& limits, std::uint64_t waiting_ids = BoundedCount::kNoBound)
      NEXTID_EXCLUDES(mutex_);

  /// Counts a request that asks for so many ids at the time `now`, unless it is too early for it.
  std::optional<LimitReached> admit(std::uint64_t ids, base::MonotonicTime now);

  /// For a request that is about to wait for so many ids. Unless it is refused, end_waiting()
  /// follows: see Waiting.
  std::optional<LimitReached> begin_waiting(std::uint64_t ids);
  void end_waiting(std::uint64_t ids) noexcept {
    waiting_.give_back();
    waiting_ids_.give_back(ids);
  }

  /// Why a new idempotency key is not kept.
  struct TooManyKeys {
    std::uint64_t limit;
    base::MonotonicTime::duration next_in;
  };
  /// For a key that is kept for `retention`, which is the same each time.
  std::optional<TooManyKeys> take_key(std::chrono::seconds retention, base::MonotonicTime now)
      NEXTID_EXCLUDES(mutex_);
  /// A key that was taken is not kept after all.
  void give_key_back() NEXTID_EXCLUDES(mutex_);

  // Counters (contract::Payer).
  std::shared_ptr<contract::Payer> share() override { return shared_from_this(); }
  Result<void> take_place() override;
  void give_back_place() noexcept override { counters_in_use_.give_back(); }
  Result<void> make_counter() override NEXTID_EXCLUDES(mutex_);
  void take_back_counter() noexcept override NEXTID_EXCLUDES(mutex_);

  /// Counts a request that was refused at the limit, which is so much.
  void note_refusal(Limit limit, std::uint64_t value) NEXTID_EXCLUDES(mutex_);

  /// One limit, as it is now.
  struct Figures {
    Limit limit;
    std::optional<std::uint64_t> value = {};  ///< Nothing: no limit.
    std::optional<std::uint64_t> used = {};   ///< Nothing for the rates, and where others count.
    std::uint64_t refusals = 0;               ///< Since the start.
  };
  std::array<Figures, kLimits> figures() const NEXTID_EXCLUDES(mutex_);

 private:
  Error refused(Limit limit, std::uint64_t value, const std::string& sentence);
  std::optional<LimitReached> too_early(Limit limit, std::uint64_t rate, RateLimit::Duration wait);

  const std::string token_;
  const Log log_;

  BoundedCount counters_in_use_;
  BoundedCount waiting_;
  BoundedCount waiting_ids_;
  RateLimit ids_;
  RateLimit requests_;
  std::array<std::atomic<std::uint64_t>, kLimits> refusals_{};

  mutable base::Mutex mutex_;
  Limits limits_ NEXTID_GUARDED_BY(mutex_);
  DailyCount new_counters_ NEXTID_GUARDED_BY(mutex_);
  std::optional<RecentKeys> keys_ NEXTID_GUARDED_BY(mutex_);  // From the first one on.
  std::array<std::optional<base::MonotonicTime>, kLimits> logged_ NEXTID_GUARDED_BY(mutex_);
};

/// A request that waits, from begin() on as long as this lives. Movable. The usage must outlive it.
class Waiting {
 public:
  Waiting() = default;
  ~Waiting() {
    if (usage_ != nullptr) usage_->end_waiting(ids_);
  }
  Waiting(Waiting&& other) noexcept
      : usage_(std::exchange(other.usage_, nullptr)), ids_(other.ids_) {}
  Waiting& operator=(Waiting&& other) noexcept {
    std::swap(usage_, other.usage_);
    std::swap(ids_, other.ids_);
    return *this;
  }

  /// Once. `usage` is null where nobody counts.
  std::optional<LimitReached> begin(Usage* usage, std::uint64_t ids) {
    if (usage == nullptr) return std::nullopt;
    if (auto reached = usage->begin_waiting(ids)) return reached;
    usage_ = usage;
    ids_ = ids;
    return std::nullopt;
  }

 private:
  Usage* usage_ = nullptr;
  std::uint64_t ids_ = 0;
};

}  // namespace nextid::auth
