#include "node/store_call_counts.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "base/clock.h"

namespace nextid::node {
namespace {

// StoreCallKind lists the ops in the order in which contract::Op does.
static_assert(std::variant_size_v<contract::Op> == kStoreCallKinds);
static_assert(
    std::is_same_v<
        std::variant_alternative_t<static_cast<std::size_t>(StoreCallKind::kReserve), contract::Op>,
        contract::Reserve>);
static_assert(std::is_same_v<std::variant_alternative_t<
                                 static_cast<std::size_t>(StoreCallKind::kRemember), contract::Op>,
                             contract::Remember>);

StoreCallResult result_of(const contract::Outcome& outcome) noexcept {
  if (std::holds_alternative<contract::Refused>(outcome)) return StoreCallResult::kRefused;
  if (std::holds_alternative<contract::InDoubt>(outcome)) return StoreCallResult::kInDoubt;
  if (std::holds_alternative<contract::Damaged>(outcome)) return StoreCallResult::kDamaged;
  if (const auto* failed = std::get_if<contract::NotApplied>(&outcome)) {
    return failed->throttled ? StoreCallResult::kThrottled : StoreCallResult::kNotApplied;
  }
  return StoreCallResult::kDone;
}

}  // namespace

void StoreCallCounts::watch(std::vector<contract::Call>& calls) {
  under_way_.fetch_add(calls.size(), std::memory_order_relaxed);
  const base::MonotonicTime started = base::monotonic_now();
  for (contract::Call& call : calls) {
    const auto kind = static_cast<StoreCallKind>(call.op.index());
    call.done = [this, kind, started, done = std::move(call.done)](contract::Outcome outcome) {
      count(kind, result_of(outcome), base::monotonic_now() - started);
      done(std::move(outcome));
    };
  }
}

void StoreCallCounts::count(StoreCallKind kind, StoreCallResult result,
                            std::chrono::nanoseconds duration) {
  const auto us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
  OfKind& counts = kinds_[static_cast<std::size_t>(kind)];
  counts.results[static_cast<std::size_t>(result)].fetch_add(1, std::memory_order_relaxed);
  counts.durations[duration_bucket(us)].fetch_add(1, std::memory_order_relaxed);
  counts.sum_us.fetch_add(us, std::memory_order_relaxed);
  under_way_.fetch_sub(1, std::memory_order_relaxed);
}

StoreCalls StoreCallCounts::snapshot() const {
  StoreCalls calls;
  calls.under_way = under_way_.load(std::memory_order_relaxed);
  for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
    const OfKind& from = kinds_[kind];
    StoreCalls::OfKind& to = calls.kinds[kind];
    for (std::size_t i = 0; i < from.results.size(); ++i) {
      to.results[i] = from.results[i].load(std::memory_order_relaxed);
    }
    for (std::size_t i = 0; i < from.durations.size(); ++i) {
      to.durations.counts[i] = from.durations[i].load(std::memory_order_relaxed);
    }
    to.durations.sum_us = from.sum_us.load(std::memory_order_relaxed);
  }
  return calls;
}

}  // namespace nextid::node
