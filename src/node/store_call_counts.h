// Counts what becomes of the calls of a store, and how long they take.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "nextid/statistics.h"

#include "base/clock.h"
#include "contract/store_driver.h"

namespace nextid::node {

/// Thread-safe. Costs two clock reads a submission and call, and a few atomic additions a call:
/// nothing beside a store's own work.
class StoreCallCounts {
 public:
  /// A call that is under way.
  struct Begun {
    StoreCallKind kind;
    base::MonotonicTime at;
  };
  Begun begin(const contract::Op& op, base::MonotonicTime now);
  void end(const Begun& begun, const contract::Outcome& outcome, base::MonotonicTime now);

  StoreCalls snapshot() const;

 private:
  using Count = std::atomic<std::uint64_t>;
  struct OfKind {
    std::array<Count, kStoreCallResults> results{};
    std::array<Count, kDurationBoundsUs.size() + 1> durations{};
    Count sum_us{0};
  };

  std::array<OfKind, kStoreCallKinds> kinds_{};
  std::atomic<std::uint64_t> under_way_{0};
};

}  // namespace nextid::node
