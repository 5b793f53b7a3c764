// One counter of an opened store in this process: its engines, their lock, and the way from an
// engine's effects to the store and to the receivers; and its requests with idempotency keys.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nextid/id_generator.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "contract/payer.h"
#include "contract/store_driver.h"
#include "engine/engine.h"
#include "engine/seat.h"
#include "node/high_waters.h"
#include "node/idempotent_requests.h"
#include "node/runtime.h"
#include "node/succession.h"

namespace nextid::node {

/// What is to be remembered of a counter; see HighWaters::Known.
struct CounterChange {
  std::string counter = {};
  std::int64_t issued = engine::Predecessor::kNothingYet;
  std::string stopped = {};
};

class Counter;

/// Keeps the counters that exist, as Counter knows it.
class CounterOwner {
 public:
  /// The store has shown the counter. Called with no lock held.
  virtual void keep(const std::shared_ptr<Counter>& counter) = 0;

 protected:
  ~CounterOwner() = default;
};

/// Thread-safe. Calls receivers and the store with no lock held.
///
/// It is unknown until the store has shown it: until then it may be a name that does not exist, and
/// lives only as long as someone uses it, or a request waits. Nothing is lost with it: no id is
/// reserved before the store has shown the counter.
class Counter final : public KeyedCounter,
                      private engine::FirstUsePermit,
                      public std::enable_shared_from_this<Counter> {
 public:
  /// `owner` outlives it. `place` is given back with it.
  Counter(std::string name, Runtime& runtime, CounterOwner& owner, contract::Place place = {});

  /// It never changes.
  const std::string& name() const noexcept override NEXTID_NO_THREAD_SAFETY_ANALYSIS {
    return succession_.counter();
  }

  bool is_known() const noexcept { return is_known_.load(std::memory_order_acquire); }
  /// While it is unknown: this one may pay, too, if the counter is to be made.
  void charge_also(contract::Payer& payer);

  /// Any thread takes ids from it without the lock.
  detail::Lane& lane() noexcept NEXTID_NO_THREAD_SAFETY_ANALYSIS { return succession_.lane(); }
  /// One id, after the lane gave none: passes the mark of the lane's block and asks for the next
  /// block. 0 when the block has ended.
  std::uint64_t take_at_mark();

  /// Queues a request; nothing is sent and no receiver is called before the next pump().
  RequestId add(std::uint64_t count, base::MonotonicTime deadline, RangeReceiver& receiver,
                std::uint64_t tag);
  /// The same, once for each key.
  RequestId add_idempotent(const RequestKey& key, std::uint64_t count, base::MonotonicTime deadline,
                           RangeReceiver& receiver, std::uint64_t tag);
  /// Delivers the answers that are due, and appends to `calls` what the store is to be asked.
  void pump(std::vector<contract::Call>& calls);
  /// pump(), and asks the store.
  void run();

  bool cancel(RequestId request);
  void count_as_burned(std::uint64_t count, BurnReason reason) override;

  /// See Store::advance(); begins at once.
  void advance(std::uint64_t to, base::MonotonicTime deadline, Store::CounterReceiver receiver);

  /// For cursors: see Engine::lend() and Engine::settle().
  std::optional<engine::Loan> lend(std::uint64_t most);
  void settle(std::uint64_t lent, const engine::Loan& left);

  /// See Engine::doubt_store().
  void doubt_store(const std::string& why);
  /// See Engine::see_deletion().
  void see_deletion();
  /// See Engine::close(); run() or pump() starts it.
  void close(base::MonotonicTime deadline);
  bool closed() const noexcept { return closed_.load(); }
  /// See Succession::idle_since(). A request with a key that has not come to the engine yet, or
  /// whose ids are being remembered, does not count: it needs no engine, and it holds this object,
  /// so the counter is not forgotten.
  bool idle_since(base::MonotonicTime time);
  /// For an idle counter: see Succession::rest(); run() or pump() starts it.
  bool rest(base::MonotonicTime deadline);
  /// What became of rest(): on its way; or at rest, so that the counter may be forgotten; or
  /// neither, as when a request came meanwhile.
  enum class Rest { kOnItsWay, kAtRest, kNone };
  Rest rest_state() const;

  /// True once in each StoreOptions::pruning_interval, for the first time when one has passed since
  /// the counter was made. A true answer begins the next interval.
  bool pruning_due(base::MonotonicTime now);
  /// Its engine's; 0 while it has no engine.
  contract::WriterId writer() const;

  /// What has changed since the last call, if anything. After it the next change is reported to
  /// Runtime::has_changed() again.
  std::optional<CounterChange> take_change();

  bool was_forgotten() const noexcept { return forgotten_as_.load() != 0; }
  /// The node has forgotten it, as its `number`th, counted from 1.
  void forgotten_as(std::uint64_t number) noexcept { forgotten_as_.store(number); }
  /// Whether it is one of the first `count` that the node has forgotten.
  bool was_forgotten_by(std::uint64_t count) const noexcept {
    return forgotten_as_.load() - 1 < count;
  }

  Accounting accounting() const;
  CounterActivity activity() const;
  /// Adds its figures to the node's sums; returns how many ids this counter returned.
  std::uint64_t add_to(NodeActivity& activity) const;

 private:
  /// What a tick has decided, to be delivered without the lock.
  struct Ticked {
    engine::Effects effects = {};
    bool has_closed = false;
  };

  struct Unknown {
    /// Those who may pay for making it; nobody is charged where there are none.
    std::vector<std::shared_ptr<contract::Payer>> payers = {};
    std::shared_ptr<Counter> self = nullptr;  ///< While a request waits.
  };

  std::optional<Error> why_not_make() override;
  void keep_while_asked() NEXTID_REQUIRES(mutex_);
  bool is_shown() NEXTID_REQUIRES(mutex_);
  std::shared_ptr<KeyedCounter> share() override { return shared_from_this(); }
  void reserve(std::uint64_t count, base::MonotonicTime deadline, RangeReceiver& receiver) override;
  IdempotentRequests& keyed_requests() NEXTID_EXCLUDES(mutex_);
  engine::Engine& engine() NEXTID_REQUIRES(mutex_);
  Ticked tick() NEXTID_REQUIRES(mutex_);
  void deliver(Ticked ticked, std::vector<contract::Call>& calls) NEXTID_EXCLUDES(mutex_);
  void on_outcome(std::uint64_t attempt, const contract::Outcome& outcome);
  void note_change() NEXTID_REQUIRES(mutex_);
  void on_timer();

  Runtime& runtime_;
  CounterOwner& owner_;
  const contract::Place place_;
  mutable base::Mutex mutex_;
  std::unique_ptr<Unknown> unknown_ NEXTID_GUARDED_BY(mutex_);  // Null once it is known.
  std::atomic<bool> is_known_{false};
  Succession succession_ NEXTID_GUARDED_BY(mutex_);
  base::MonotonicTime last_pruning_ NEXTID_GUARDED_BY(mutex_);
  base::MonotonicTime armed_at_ NEXTID_GUARDED_BY(mutex_) = base::MonotonicTime::max();
  std::atomic<bool> closed_{false};
  std::atomic<std::uint64_t> forgotten_as_{0};  // 0 while it is not.
  bool has_changed_ NEXTID_GUARDED_BY(mutex_) =
      false;  // The runtime has been told, and has not asked since.
  std::int64_t told_issued_ NEXTID_GUARDED_BY(mutex_) =
      engine::Predecessor::kNothingYet;                                       // By take_change().
  std::unique_ptr<IdempotentRequests> idempotent_ NEXTID_GUARDED_BY(mutex_);  // Made with a key.
};

}  // namespace nextid::node
