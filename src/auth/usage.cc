#include "auth/usage.h"

#include "base/cat.h"

namespace nextid::auth {
namespace {

using base::cat;
using std::chrono::milliseconds;

/// Requests that wait are soon answered.
constexpr milliseconds kSoon{1'000};

std::size_t place_of(Limit limit) noexcept { return static_cast<std::size_t>(limit); }

std::string named(Limit limit, std::uint64_t value) { return cat(to_string(limit), "=", value); }

}  // namespace

Limits Usage::limits() const {
  const base::Lock lock(mutex_);
  return limits_;
}

void Usage::set_limits(const Limits& limits, std::uint64_t waiting_ids) {
  counters_in_use_.set_bound(limits.counters_in_use.value_or(BoundedCount::kNoBound));
  waiting_.set_bound(limits.waiting.value_or(BoundedCount::kNoBound));
  waiting_ids_.set_bound(waiting_ids);
  ids_.set(limits.ids_per_second.value_or(0));
  requests_.set(limits.requests_per_second.value_or(0));
  const base::Lock lock(mutex_);
  limits_ = limits;
}

// --- Rates

std::optional<LimitReached> Usage::admit(std::uint64_t ids, base::MonotonicTime now) {
  if (const auto wait = requests_.take(1, now)) {
    return too_early(Limit::kRequestsPerSecond, requests_.per_second(), *wait);
  }
  if (const auto wait = ids_.take(ids, now)) {
    return too_early(Limit::kIdsPerSecond, ids_.per_second(), *wait);
  }
  return std::nullopt;
}

std::optional<LimitReached> Usage::too_early(Limit limit, std::uint64_t rate,
                                             RateLimit::Duration wait) {
  note_refusal(limit, rate);
  const auto after = std::chrono::ceil<milliseconds>(wait);
  return LimitReached{cat("this token has reached its limit ", named(limit, rate),
                          "; try again in ", after.count(), " ms."),
                      after};
}

// --- Waiting requests

std::optional<LimitReached> Usage::begin_waiting(std::uint64_t ids) {
  if (!waiting_.take()) {
    const std::uint64_t bound = waiting_.bound();
    note_refusal(Limit::kWaiting, bound);
    return LimitReached{
        cat("this token has ", waiting_.taken(), " requests waiting, and its limit is ",
            named(Limit::kWaiting, bound), "; try again when some are answered."),
        kSoon};
  }
  if (waiting_ids_.take(ids)) return std::nullopt;
  waiting_.give_back();
  note_refusal(Limit::kWaiting, waiting_.bound());
  return LimitReached{cat("this token has requests for ", waiting_ids_.taken(),
                          " ids waiting, and its part of --max-waiting-ids is ",
                          waiting_ids_.bound(), "; try again when some are answered."),
                      kSoon};
}

// --- Counters

Error Usage::refused(Limit limit, std::uint64_t value, const std::string& sentence) {
  note_refusal(limit, value);
  return Error(ErrorCode::kLimited, sentence);
}

Result<void> Usage::take_place() {
  if (counters_in_use_.take()) return {};
  const std::uint64_t bound = counters_in_use_.bound();
  return refused(Limit::kCountersInUse, bound,
                 cat("this token has ", counters_in_use_.taken(),
                     " counters in use, and its limit "
                     "is ",
                     named(Limit::kCountersInUse, bound),
                     "; use one of them, try again when some have been idle for a while, or have "
                     "the limit raised in the token file."));
}

Result<void> Usage::make_counter() {
  std::optional<base::MonotonicTime::duration> wait;
  std::uint64_t most = BoundedCount::kNoBound;
  {
    const base::Lock lock(mutex_);
    most = limits_.new_counters.value_or(most);
    wait = new_counters_.take(most, base::monotonic_now());
  }
  if (!wait) return {};
  return refused(Limit::kNewCounters, most,
                 cat("this token has made ", most, " counters in a day, which is its limit ",
                     named(Limit::kNewCounters, most), "; the next day begins in ",
                     std::chrono::ceil<std::chrono::seconds>(*wait).count(),
                     " s, or have the limit raised in the token file."));
}

void Usage::take_back_counter() noexcept {
  const base::Lock lock(mutex_);
  new_counters_.give_back();
}

// --- Idempotency keys

std::optional<Usage::TooManyKeys> Usage::take_key(std::chrono::seconds retention,
                                                  base::MonotonicTime now) {
  std::uint64_t most = BoundedCount::kNoBound;
  std::optional<base::MonotonicTime::duration> next_in;
  {
    const base::Lock lock(mutex_);
    if (!keys_) keys_.emplace(retention);
    most = limits_.keys.value_or(most);
    next_in = keys_->take(most, now);
  }
  if (!next_in) return std::nullopt;
  note_refusal(Limit::kKeys, most);
  return TooManyKeys{most, *next_in};
}

void Usage::give_key_back() {
  const base::Lock lock(mutex_);
  keys_->give_back();
}

// --- What is told about it

void Usage::note_refusal(Limit limit, std::uint64_t value) {
  const std::uint64_t refusals =
      refusals_[place_of(limit)].fetch_add(1, std::memory_order_relaxed) + 1;
  if (!log_) return;
  const base::MonotonicTime now = base::monotonic_now();
  {
    const base::Lock lock(mutex_);
    auto& logged = logged_[place_of(limit)];
    if (logged && now - *logged < kLogPeriod) return;
    logged = now;
  }
  log_(LogLevel::kWarning,
       cat("The token '", token_, "' has reached its limit ", named(limit, value),
           "; requests refused at it so far: ", refusals, "."));
}

std::array<Usage::Figures, kLimits> Usage::figures() const {
  std::array<Figures, kLimits> figures;
  const base::Lock lock(mutex_);
  for (std::size_t i = 0; i < kLimits; ++i) {
    const auto limit = static_cast<Limit>(i);
    figures[i] = {.limit = limit,
                  .value = value_of(limits_, limit),
                  .refusals = refusals_[i].load(std::memory_order_relaxed)};
  }
  figures[place_of(Limit::kCountersInUse)].used = counters_in_use_.taken();
  figures[place_of(Limit::kNewCounters)].used = new_counters_.taken();
  figures[place_of(Limit::kWaiting)].used = waiting_.taken();
  return figures;
}

}  // namespace nextid::auth
