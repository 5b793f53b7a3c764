// Whether ids can be given: what writes to the store met lately, or a trial where there were none.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nextid/error.h"
#include "nextid/statistics.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "contract/op.h"
#include "node/write_record.h"

namespace nextid::node {

class Runtime;

/// Thread-safe. At most one trial is under way, and they are as far apart as WriteRecord says. A
/// trial begins on the timer's thread, so that no caller is kept. Owned by the runtime.
class WriteWatch {
 public:
  using Receiver = std::function<void(Result<void>)>;

  explicit WriteWatch(Runtime& runtime) : runtime_(runtime) {}

  /// Told of each call that ended. A success costs one store to memory.
  void ended(StoreCallKind kind, const contract::Outcome& outcome, base::MonotonicTime now)
      NEXTID_EXCLUDES(mutex_);

  /// Answers whether writes succeed: at once where that is known; else after a trial, or after half
  /// a second with what is known by then. `receiver` is called once, under no lock.
  void check(Receiver receiver) NEXTID_EXCLUDES(mutex_);

  /// Why no write succeeds, as far as is known without a trial; else empty.
  std::string trouble() const NEXTID_EXCLUDES(mutex_);

  /// Answers those who still wait: the store is closed.
  void finish() NEXTID_EXCLUDES(mutex_);

 private:
  /// What the calls of one trial come to.
  struct Trial {
    std::atomic<int> left;
    std::atomic<bool> is_throttled{false};
    base::Mutex mutex;
    std::string why NEXTID_GUARDED_BY(mutex);
  };

  void begin_trial();
  void try_again();
  void trial_ended(Trial& trial);
  void give_up(std::uint64_t trial);
  bool may_try(base::MonotonicTime now) NEXTID_REQUIRES(mutex_);
  void take_in_success() const NEXTID_REQUIRES(mutex_);

  Runtime& runtime_;
  // In ticks of the monotonic clock; 0 before the first.
  std::atomic<std::int64_t> last_success_{0};
  mutable base::Mutex mutex_;
  mutable WriteRecord record_ NEXTID_GUARDED_BY(mutex_);
  std::uint64_t trials_ NEXTID_GUARDED_BY(mutex_) = 0;
  std::vector<Receiver> waiting_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::node
