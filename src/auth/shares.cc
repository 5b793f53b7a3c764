#include "auth/shares.h"

#include <algorithm>

#include "base/cat.h"
#include "base/checked.h"

namespace nextid::auth {
namespace {

constexpr std::uint64_t kMost = ~std::uint64_t{0};

}  // namespace

Shares::Shares(std::span<const Limits> tokens, const Bounds& bounds)
    : counters_in_use_(share(tokens, Limit::kCountersInUse, bounds.counters, "--max-counters")),
      waiting_(share(tokens, Limit::kWaiting, bounds.waiting_requests, "--max-waiting-requests")),
      waiting_ids_(std::max(bounds.waiting_ids / std::max<std::size_t>(tokens.size(), 1),
                            bounds.max_range)) {}

/// What a token without that limit gets.
std::uint64_t Shares::share(std::span<const Limits> tokens, Limit limit, std::uint64_t bound,
                            const std::string& option) {
  std::uint64_t given = 0;
  std::uint64_t others = 0;
  for (const Limits& limits : tokens) {
    const auto value = value_of(limits, limit);
    if (!value) ++others;
    given = base::checked_add<std::uint64_t>(given, value.value_or(0)).value_or(kMost);
  }
  const std::uint64_t left = bound - std::min(given, bound);
  if (given > bound || left < others) {
    warnings_.push_back(base::cat(
        "The limits ", to_string(limit), " of the tokens add up to more than ", option,
        ", which is ", bound,
        ": so one token's use can be another's refusal. Lower limits, or raise ", option, "."));
  }
  return others == 0 ? bound : std::max<std::uint64_t>(left / others, 1);
}

Limits Shares::in_force(Limits limits) const {
  if (!limits.counters_in_use) limits.counters_in_use = counters_in_use_;
  if (!limits.new_counters) limits.new_counters = kNewCounters;
  if (!limits.keys) limits.keys = kKeys;
  if (!limits.waiting) limits.waiting = waiting_;
  return limits;
}

}  // namespace nextid::auth
