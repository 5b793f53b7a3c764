// Counts what becomes of the calls of a store, and how long they take.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "nextid/statistics.h"

#include "contract/store_driver.h"

namespace nextid::node {

/// Thread-safe. Costs two clock reads a submission and call, and a few atomic additions a call:
/// nothing beside a store's own work.
class StoreCallCounts {
 public:
  /// Has the calls count themselves when they are done, before their own `done`; until then this
  /// object must live.
  void watch(std::vector<contract::Call>& calls);

  StoreCalls snapshot() const;

 private:
  using Count = std::atomic<std::uint64_t>;
  struct OfKind {
    std::array<Count, kStoreCallResults> results{};
    std::array<Count, kDurationBoundsUs.size() + 1> durations{};
    Count sum_us{0};
  };

  void count(StoreCallKind kind, StoreCallResult result, std::chrono::nanoseconds duration);

  std::array<OfKind, kStoreCallKinds> kinds_{};
  std::atomic<std::uint64_t> under_way_{0};
};

}  // namespace nextid::node
