// One counter of an opened store in this process: its engine, the engine's lock, and the way from
// the engine's effects to the store and to the receivers; and its requests with idempotency keys.
//
// Most counters are idle, so it has an engine only while somebody asks: from the first request on,
// until the engine is at rest. The next engine has a new writer and a closed lane (I1, I3), and
// goes on where the one before ended (I1, I7); what they all counted is kept (I5).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "nextid/id_generator.h"

#include "base/clock.h"
#include "contract/store_driver.h"
#include "engine/engine.h"
#include "node/idempotent_requests.h"
#include "node/runtime.h"

namespace nextid::node {

/// Thread-safe. Receivers are called, and the store is, with no lock held.
class Counter : public std::enable_shared_from_this<Counter> {
 public:
  Counter(std::string name, Runtime& runtime);

  const std::string& name() const noexcept { return name_; }

  /// From which any thread takes ids without the lock.
  detail::Lane& lane() noexcept { return lane_; }
  /// One id, where the lane gave none: at its block's mark, where the next block is asked for. 0
  /// when the block has ended.
  std::uint64_t take_at_mark();

  /// Queues a request; nothing is sent and no receiver is called before the next pump().
  RequestId add(std::uint64_t count, base::MonotonicTime deadline, RangeReceiver& receiver,
                std::uint64_t tag);
  /// The same, once for each key.
  RequestId add_idempotent(std::uint64_t count, base::MonotonicTime deadline,
                           RangeReceiver& receiver, std::uint64_t tag, const std::string& key);
  /// Delivers what is decided, and appends to `calls` what the store is to be asked.
  void pump(std::vector<contract::Call>& calls);
  /// pump(), and asks the store.
  void run();

  bool cancel(RequestId request);
  void count_as_burned(std::uint64_t count, BurnReason reason);

  /// See Store::advance(); begins at once.
  void advance(std::uint64_t to, base::MonotonicTime deadline, Store::CounterReceiver receiver);

  /// For cursors: see Engine::lend() and Engine::settle().
  std::optional<engine::Loan> lend(std::uint64_t most);
  void settle(std::uint64_t lent, const engine::Loan& rest);

  /// See Engine::close(); run() or pump() starts it.
  void close(base::MonotonicTime deadline);
  bool closed() const noexcept { return closed_.load(); }
  /// True when nothing waits, and the last request is older than `time`. Ids taken from the lane
  /// show from one call to the next.
  bool idle_since(base::MonotonicTime time);
  /// For an idle counter: see Engine::rest(); run() or pump() starts it. True when it has nothing
  /// to give back, so that it may be forgotten.
  bool rest(base::MonotonicTime deadline);

  /// True once a StoreOptions::pruning_interval; the first time, one after the counter was made.
  bool pruning_due(base::MonotonicTime now);
  /// That of its engine; nobody's while it has none.
  contract::WriterId writer() const;

  Accounting accounting() const;
  CounterActivity activity() const;
  /// Adds its own to the sums of the node's; returns how many ids it returned.
  std::uint64_t add_to(NodeActivity& activity) const;

 private:
  /// What is kept of engines that came to rest.
  struct Past {
    Accounting accounting;                 // Of all of them.
    std::optional<Definition> definition;  // As the last one saw it.
  };

  engine::Engine& engine();
  Past& past();
  void drop_engine();
  engine::Effects tick_and_take(std::unique_lock<std::mutex>& lock);
  void deliver(engine::Effects& effects, std::vector<contract::Call>& calls);
  void on_outcome(std::uint64_t attempt, const contract::Outcome& outcome);
  void on_timer();

  const std::string name_;
  Runtime& runtime_;
  mutable std::mutex mutex_;
  detail::Lane lane_;
  std::unique_ptr<engine::Engine> engine_;
  engine::Predecessor predecessor_;     // Of engine_, or of the next one.
  std::unique_ptr<Past> past_;          // Made when the first engine comes to rest.
  std::uint64_t taken_from_stock_ = 0;  // Of engine_, at the last idle_since().
  bool closing_ = false;
  base::MonotonicTime last_request_;
  base::MonotonicTime last_pruning_;
  base::MonotonicTime armed_at_ = base::MonotonicTime::max();
  std::atomic<bool> closed_{false};
  std::unique_ptr<IdempotentRequests> idempotent_;  // Made with the first key, under mutex_.
};

}  // namespace nextid::node
