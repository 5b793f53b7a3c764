// What the counters of one opened store share: the store's driver, the timer, the bounds, the log.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nextid/error.h"
#include "nextid/store.h"

#include "base/fork.h"
#include "base/mutex.h"
#include "contract/store_driver.h"
#include "engine/engine.h"
#include "node/high_waters.h"
#include "node/parked_records.h"
#include "node/store_call_counts.h"
#include "node/timer.h"
#include "node/write_watch.h"

namespace nextid::node {

class Counter;

/// Thread-safe. Outlives every counter's use of it: its owner calls wait_for_attempts() before it
/// destroys the runtime.
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

  /// Sends calls to the driver, and counts them. wait_for_attempts() waits until each `done` has
  /// returned, and what it captured is gone.
  void submit(std::vector<contract::Call> calls);
  /// The driver, or none once it was dropped.
  std::shared_ptr<contract::StoreDriver> driver() const;
  bool is_closed() const { return driver() == nullptr; }
  /// By the clock by which the store's records expire.
  std::int64_t clock_s() const;
  /// The calls submitted so far.
  StoreCalls store_calls() const;
  WriteWatch& writes() noexcept { return writes_; }
  const WriteWatch& writes() const noexcept { return writes_; }
  ParkedRecords& parked_records() noexcept { return parked_records_; }

  /// Called by a counter when what the state directory says of it is out of date; at most once
  /// until take_changed() returns it.
  void has_changed(std::shared_ptr<Counter> counter);
  std::vector<std::shared_ptr<Counter>> take_changed();

  /// Something that the runtime waits for, until end() or the destructor.
  class Hold {
   public:
    Hold(Hold&& other) noexcept
        : runtime_(std::exchange(other.runtime_, nullptr)), end_(other.end_) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() { end(); }
    /// After it the runtime may be gone. Idempotent.
    void end() {
      if (Runtime* const runtime = std::exchange(runtime_, nullptr)) (runtime->*end_)();
    }

   private:
    friend class Runtime;
    Hold(Runtime* runtime, void (Runtime::*on_end)()) : runtime_(runtime), end_(on_end) {}
    Runtime* runtime_;
    void (Runtime::*end_)();
  };
  /// For a StoreCall: wait_for_attempts() waits for it also between its attempts.
  [[nodiscard]] Hold hold_call();
  /// For a key whose ids are being reserved or remembered: closing the store waits for it while it
  /// has time. Nothing at kMostSettlingKeys, so that keys that nobody waits for stay bounded.
  [[nodiscard]] std::optional<Hold> hold_settling();
  static constexpr std::uint64_t kMostSettlingKeys = 20'000;
  bool has_settled() const noexcept { return settling_.load() == 0; }

  /// Called by each counter when its engine has closed.
  void counter_closed() NEXTID_EXCLUDES(mutex_) {
    const base::Lock lock(mutex_);
    changed_.notify_all();
  }
  /// Waits until `done()`, which must take no lock, or until the time. Returns done().
  template <typename Predicate>
  bool wait_until(base::MonotonicTime time, Predicate done) NEXTID_EXCLUDES(mutex_) {
    base::Lock lock(mutex_);
    return changed_.wait_until(lock.native(), time, done);
  }
  /// Returns in bounded time: each attempt has a limit (store_driver.h), and calls end when the
  /// driver is dropped.
  void wait_for_attempts();
  /// Lets the driver go: the store closes once no call uses the driver any more.
  void drop_driver();

 private:
  const StoreOptions options_;
  const engine::Rules rules_;
  HighWaters high_waters_;
  const base::ForkGuard fork_guard_;
  void refuse(std::vector<contract::Call> calls);
  void attempt_done() NEXTID_EXCLUDES(mutex_);
  void call_ended() NEXTID_EXCLUDES(mutex_);
  void settling_ended() NEXTID_EXCLUDES(mutex_);

  mutable base::Mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<contract::StoreDriver> driver_ NEXTID_GUARDED_BY(mutex_);
  std::uint64_t attempts_out_ NEXTID_GUARDED_BY(mutex_) = 0;
  std::uint64_t calls_out_ NEXTID_GUARDED_BY(mutex_) = 0;
  std::atomic<std::uint64_t> settling_{0};
  StoreCallCounts store_calls_;
  WriteWatch writes_;
  std::uint64_t commits_ NEXTID_GUARDED_BY(mutex_) = 0;  // Of the driver, once it was dropped.
  std::vector<std::shared_ptr<Counter>> changed_counters_ NEXTID_GUARDED_BY(mutex_);
  ParkedRecords parked_records_;
  Timer timer_;  // Last: its thread ends before the rest goes.
};

/// The error of every call in a forked child.
Error forked_error();

}  // namespace nextid::node
