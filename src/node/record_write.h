// The write of one idempotency record, until the store has answered it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "nextid/error.h"

#include "base/clock.h"
#include "contract/store_driver.h"
#include "engine/backoff.h"
#include "node/runtime.h"

namespace nextid::node {

/// While somebody waits for it, it is repeated like any call of the store. Once nobody does, it is
/// parked (parked_records.h) and left to the pace there, until somebody comes again. Keeps itself
/// alive until `done` was called, once, from any thread and under no lock. The runtime waits for
/// it.
class RecordWrite : public std::enable_shared_from_this<RecordWrite> {
 public:
  using Done = std::function<void(Result<contract::Outcome>)>;
  using IsWaitedFor = std::function<bool()>;

  /// `done` gets an outcome that is neither NotApplied nor InDoubt; or kUnavailable, soon after
  /// `give_up_at` or when the store is closed: then the record may have been written.
  /// `is_waited_for` may be called from any thread.
  RecordWrite(Runtime& runtime, contract::Remember op, base::MonotonicTime give_up_at,
              IsWaitedFor is_waited_for, Done done);

  /// Makes the first attempt.
  void begin();
  /// Somebody waits again: if it is parked, its next attempt is appended to `calls`.
  void hurry(std::vector<contract::Call>& calls);

 private:
  friend class ParkedRecords;
  enum class By { kHaste, kPace };

  bool is_over(base::MonotonicTime now) const noexcept { return now >= give_up_at_; }
  /// Its turn has come, after it was parked.
  void resume();
  contract::Call next_attempt(By by);
  void submit(By by);
  void on_outcome(contract::Outcome outcome, By by);
  void repeat_later(engine::Backoff::Cause cause, By by);
  void finish(Result<contract::Outcome> result);

  Runtime& runtime_;
  Runtime::Hold hold_;
  const contract::Remember op_;
  const base::MonotonicTime give_up_at_;
  const IsWaitedFor is_waited_for_;
  Done done_;
  // One attempt or pause at a time: what follows needs no lock.
  engine::Backoff backoff_;
  unsigned failures_ = 0;
  std::string why_;              // The last failure.
  std::uint64_t parked_as_ = 0;  // Guarded by the lock of ParkedRecords; 0 while it is not parked.
};

}  // namespace nextid::node
