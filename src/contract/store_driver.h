// The interface each store implements. One attempt a call; the engine alone repeats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nextid/counter.h"
#include "nextid/error.h"
#include "nextid/statistics.h"

#include "base/clock.h"
#include "contract/op.h"

namespace nextid::contract {

/// One attempt at an op. `done` is called exactly once, from any thread, under no lock of the
/// store's, perhaps before submit() returns. It may submit again.
struct Call {
  Op op;
  std::function<void(Outcome)> done;
  /// False if no caller waits for the outcome now, as with a refill or the release of an idle
  /// counter: a store may then keep submit() from blocking, at the price of a longer wait.
  bool is_waited_for = true;
};

/// Which counters a list is to show.
struct PageWanted {
  std::string after = {};  ///< Names that follow it in byte order; "" for all.
  std::size_t limit = 0;   ///< At most so many.
  bool deleted = false;    ///< The deleted ones, and not those in use.
};

/// A place that keeps counters durably. All methods are thread-safe.
class StoreDriver {
 public:
  virtual ~StoreDriver() = default;

  /// Attempts the ops, each atomic by itself, in no promised order. They may share one commit.
  ///
  /// Every attempt ends within a limit that the store's own header tells: one that waits longer is
  /// given up as NotApplied or InDoubt. A node that closes waits for that, however long it takes.
  ///
  /// It is called by I/O threads, so a store on a network never blocks here: it has threads of its
  /// own. A store on this machine's disk may commit in the calling thread, and so block it for a
  /// commit, or until that limit where it waits for others; but not for calls that nobody waits
  /// for.
  virtual void submit(std::vector<Call> calls) = 0;

  /// Blocks as submit() does.
  virtual void list(const PageWanted& wanted, std::function<void(Result<CounterPage>)> done) = 0;

  /// What the opening of the store found. Never changes.
  virtual const StoreOpening& opening() const noexcept = 0;

  /// See StoreCalls::commits. Cheap; never calls the store.
  virtual std::uint64_t commits() const noexcept = 0;

  /// The clock by which its records expire (idempotency.h), in microseconds since 1970 or about
  /// that. Cheap; never calls the store.
  virtual base::WallMicros clock_us() const { return base::wall_now_us(); }

  /// What the driver knows about its own means. Cheap; never calls the store.
  virtual StoreHealth health() const { return {}; }
};

}  // namespace nextid::contract
