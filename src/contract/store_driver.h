// The interface each store implements: DESIGN's store contract. One attempt a call; the engine
// alone repeats.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "nextid/counter.h"
#include "nextid/error.h"
#include "nextid/statistics.h"

#include "contract/op.h"

namespace nextid::contract {

/// How long one attempt may take before the store reports it as NotApplied or InDoubt.
inline constexpr std::chrono::milliseconds kAttemptTimeout{500};

/// One attempt at an op. `done` is called exactly once, from any thread, under no lock of the
/// store's, perhaps before submit() returns. It may submit again.
struct Call {
  Op op;
  std::function<void(Outcome)> done;
};

/// A place that keeps counters durably. All methods are thread-safe.
class StoreDriver {
 public:
  virtual ~StoreDriver() = default;

  /// Attempts the ops, each atomic by itself, in no promised order. They may share one commit.
  virtual void submit(std::vector<Call> calls) = 0;

  /// Counters whose names follow `after` in byte order, at most `limit`.
  virtual void list(const std::string& after, std::size_t limit,
                    std::function<void(Result<CounterPage>)> done) = 0;

  /// What its opening found. Never changes.
  virtual const StoreOpening& opening() const noexcept = 0;

  /// What it knows about its own means. Cheap; never calls the store.
  virtual StoreHealth health() const { return {}; }
};

}  // namespace nextid::contract
