// What the counters of one opened store share: the store's driver, the timer, the bounds, the log.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "nextid/error.h"
#include "nextid/store.h"

#include "base/fork.h"
#include "contract/store_driver.h"
#include "engine/engine.h"
#include "node/high_waters.h"
#include "node/store_call_counts.h"
#include "node/timer.h"

namespace nextid::node {

class Counter;

/// Thread-safe. Outlives every counter's use of it: its owner waits for wait_for_attempts() first.
class Runtime {
 public:
  Runtime(const std::string& store_url, std::shared_ptr<contract::StoreDriver> driver,
          StoreOptions options);

  const StoreOptions& options() const noexcept { return options_; }
  /// Those of all engines.
  const engine::Rules& rules() const noexcept { return rules_; }
  HighWaters& high_waters() noexcept { return high_waters_; }
  const HighWaters& high_waters() const noexcept { return high_waters_; }
  Timer& timer() noexcept { return timer_; }
  bool in_child() const noexcept { return fork_guard_.in_child(); }
  void log(LogLevel level, const std::string& line) const {
    if (options_.log) options_.log(level, line);
  }

  /// Sends calls to the driver. Each `done` must end with attempt_done().
  void submit(std::vector<contract::Call> calls);
  void attempt_done();
  /// The driver, or none once it was dropped.
  std::shared_ptr<contract::StoreDriver> driver() const;
  bool is_closed() const { return driver() == nullptr; }
  /// The calls submitted so far.
  const StoreCallCounts& store_calls() const noexcept { return store_calls_; }

  /// Called by a counter, once before it is taken: what its file in the state directory says of it
  /// is no longer true.
  void has_changed(std::shared_ptr<Counter> counter);
  std::vector<std::shared_ptr<Counter>> take_changed();

  /// Around each StoreCall: unlike an attempt, it is also waited for between its attempts.
  void call_started();
  void call_ended();
  /// Around what closing the store should wait for, while it has time: ids whose fate is open.
  void settling_started() { settling_.fetch_add(1); }
  void settling_ended();
  bool has_settled() const noexcept { return settling_.load() == 0; }

  /// Called by each counter when its engine has closed.
  void counter_closed() {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }
  /// Waits until `done()`, which must take no lock, or until the time. Returns done().
  template <typename Predicate>
  bool wait_until(base::MonotonicTime time, Predicate done) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, time, done);
  }
  /// Attempts are bounded in time by the store's contract, and calls end with the driver: so this
  /// does, too.
  void wait_for_attempts();
  /// Lets the driver go: the store closes as soon as nobody reads from it.
  void drop_driver();

 private:
  const StoreOptions options_;
  const engine::Rules rules_;
  HighWaters high_waters_;
  const base::ForkGuard fork_guard_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<contract::StoreDriver> driver_;
  std::uint64_t attempts_out_ = 0;
  std::uint64_t calls_out_ = 0;
  std::atomic<std::uint64_t> settling_{0};
  StoreCallCounts store_calls_;
  std::vector<std::shared_ptr<Counter>> changed_counters_;
  Timer timer_;  // Last: its thread ends before the rest goes.
};

/// The error of every call in a forked child.
Error forked_error();

}  // namespace nextid::node
