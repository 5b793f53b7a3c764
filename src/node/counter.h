// One counter of an opened store in this process: its engine, the engine's lock, and the way from
// the engine's effects to the store and to the receivers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "nextid/id_generator.h"

#include "base/clock.h"
#include "contract/store_driver.h"
#include "engine/engine.h"
#include "node/runtime.h"

namespace nextid::node {

/// Thread-safe. Receivers are called, and the store is, with no lock held.
class Counter : public std::enable_shared_from_this<Counter> {
 public:
  Counter(std::string name, Runtime& runtime);

  /// Queues a request; nothing is sent and no receiver is called before the next pump().
  RequestId add(std::uint64_t count, base::MonotonicTime deadline, RangeReceiver& receiver,
                std::uint64_t tag);
  /// Delivers what is decided, and appends to `calls` what the store is to be asked.
  void pump(std::vector<contract::Call>& calls);
  /// pump(), and asks the store.
  void run();

  bool cancel(RequestId request);
  void count_undelivered(std::uint64_t count);

  /// See Engine::close(); run() or pump() starts it.
  void close(base::MonotonicTime deadline);
  bool closed() const noexcept { return closed_.load(); }
  /// True when nothing waits and the last request is older than `time`.
  bool idle_since(base::MonotonicTime time) const;

  /// True once a StoreOptions::pruning_interval; the first time, one after the counter was made.
  bool pruning_due(base::MonotonicTime now);
  contract::WriterId writer() const noexcept { return engine_.writer(); }

  Accounting accounting() const;

 private:
  engine::Effects tick_and_take(std::unique_lock<std::mutex>& lock);
  void deliver(engine::Effects& effects, std::vector<contract::Call>& calls);
  void on_outcome(std::uint64_t attempt, const contract::Outcome& outcome);
  void on_timer();

  Runtime& runtime_;
  mutable std::mutex mutex_;
  engine::Engine engine_;
  base::MonotonicTime last_request_;
  base::MonotonicTime last_pruning_;
  base::MonotonicTime armed_at_ = base::MonotonicTime::max();
  std::atomic<bool> closed_{false};
};

}  // namespace nextid::node
