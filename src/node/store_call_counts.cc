#include "node/store_call_counts.h"

#include <chrono>
#include <type_traits>
#include <variant>

namespace nextid::node {
namespace {

// StoreCallKind lists the ops in the order in which contract::Op does.
static_assert(std::variant_size_v<contract::Op> == kStoreCallKinds);
static_assert(
    std::is_same_v<
        std::variant_alternative_t<static_cast<std::size_t>(StoreCallKind::kReserve), contract::Op>,
        contract::Reserve>);
static_assert(std::is_same_v<std::variant_alternative_t<
                                 static_cast<std::size_t>(StoreCallKind::kTryWrite), contract::Op>,
                             contract::TryWrite>);

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

StoreCallCounts::Begun StoreCallCounts::begin(const contract::Op& op, base::MonotonicTime now) {
  under_way_.fetch_add(1, std::memory_order_relaxed);
  return {static_cast<StoreCallKind>(op.index()), now};
}

void StoreCallCounts::end(const Begun& begun, const contract::Outcome& outcome,
                          base::MonotonicTime now) {
  const auto us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now - begun.at).count());
  OfKind& counts = kinds_[static_cast<std::size_t>(begun.kind)];
  counts.results[static_cast<std::size_t>(result_of(outcome))].fetch_add(1,
                                                                         std::memory_order_relaxed);
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
