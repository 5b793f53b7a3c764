// One process's use of an opened store: its counters by name, found or made, bounded in number, and
// closed together. What a nextid::Store is a handle of.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/store.h"

#include "base/mutex.h"
#include "contract/payer.h"
#include "node/counter.h"
#include "node/runtime.h"
#include "node/state_keeper.h"
#include "node/sweep_pace.h"

namespace nextid::node {

/// Thread-safe. In a forked child every call fails before it takes a lock, and nothing is
/// destroyed.
class Node final : private CounterOwner, public std::enable_shared_from_this<Node> {
 public:
  /// `state`, where there is one, has passed check_identity().
  static std::shared_ptr<Node> create(std::string url,
                                      std::shared_ptr<contract::StoreDriver> driver,
                                      StoreOptions options,
                                      std::unique_ptr<state::StateFile> state = nullptr);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Without a password.
  const std::string& url() const noexcept { return url_; }
  const StoreOpening& opening() const noexcept { return opening_; }
  Runtime& runtime() noexcept { return runtime_; }
  bool in_child() const noexcept { return runtime_.in_child(); }

  /// The counter of this name; kInvalid for a bad name, kOverloaded at the bound on counters. One
  /// that is not in memory takes a place there, which `payer` is charged for, if any; kLimited at
  /// its limit. A name that does not exist keeps it no longer than it is used.
  Result<std::shared_ptr<Counter>> counter(std::string_view name, contract::Payer* payer = nullptr);

  void show(std::string_view name, Store::CounterReceiver receiver);
  void define(std::string_view name, const DefinitionChange& change,
              Store::DefinitionCondition condition, Store::DefinedReceiver receiver,
              std::shared_ptr<contract::Payer> payer = nullptr);
  void delete_counter(std::string_view name, Store::DefinitionCondition condition,
                      Store::CounterReceiver receiver);
  void advance(std::string_view name, std::uint64_t to, Store::CounterReceiver receiver,
               contract::Payer* payer = nullptr);
  void list(const contract::PageWanted& wanted, Store::PageReceiver receiver);

  /// For the state directory: what has changed since the last call. Each call looks
  /// at the counters that hold ids, too, since they hand those out without asking the store.
  std::vector<CounterChange> take_changes();

  Accounting accounting() const;
  NodeActivity activity(std::size_t limit) const;
  void try_write(std::function<void(Result<void>)> receiver);
  void check_writes(std::function<void(Result<void>)> receiver);
  bool close(std::chrono::milliseconds limit);

 private:
  /// A counter in memory. It is there as long as its entry.
  struct Entry {
    Counter* counter;
    std::shared_ptr<Counter> kept = nullptr;  ///< Null while it is unknown.

    /// Null while it ends.
    std::shared_ptr<Counter> hold() const noexcept { return counter->weak_from_this().lock(); }
  };
  using Counters = std::map<std::string_view, Entry>;

  Node(std::string url, std::shared_ptr<contract::StoreDriver> driver, StoreOptions options);

  void tell_of_deletion(const std::string& name);
  std::shared_ptr<Counter> make_counter(std::string_view name, contract::Place place)
      NEXTID_REQUIRES(mutex_);
  void keep(const std::shared_ptr<Counter>& counter) override NEXTID_EXCLUDES(mutex_);
  void let_go(Counter& counter) NEXTID_EXCLUDES(mutex_);

  void schedule_look_at_store();
  void look_at_store();
  using CounterList = std::vector<std::shared_ptr<Counter>>;

  /// Looks at all counters, slice by slice. Of the timer's thread alone, but for `is_scheduled`.
  struct Sweep {
    bool is_scheduled = false;  ///< Guarded by mutex_. It is, or has begun.
    std::string after;          ///< The last counter that was looked at; empty before the first.
    bool looked_at_all = false;
    CounterList resting;          ///< Those of the last slice that have not come to rest.
    std::size_t asked = 0;        ///< How many of that slice the store was asked for.
    base::MonotonicTime began{};  ///< When that slice did.
  };

  void schedule_sweep();
  void go_on_sweeping_in(base::MonotonicTime::duration time);
  void sweep();
  void begin_slice(base::MonotonicTime now);
  CounterList look_at_slice(base::MonotonicTime now, std::size_t most,
                            std::vector<contract::Call>& calls);
  void end_slice(base::MonotonicTime now);
  void end_sweep();
  void start_closing(const CounterList& open, base::MonotonicTime deadline);
  bool forget(Counters::iterator it, long holders) NEXTID_REQUIRES(mutex_);

  /// The counters in use, and what those that are not did: together all that was ever counted.
  struct Census {
    CounterList counters;
    Accounting forgotten;
    std::uint64_t forgets = 0;  ///< Counters forgotten by then: `forgotten` has these.

    /// Of one of the counters, unless `forgotten` has it.
    bool counts(const Counter& counter) const noexcept {
      return !counter.was_forgotten_by(forgets);
    }
  };
  Census census() const;

  const std::string url_;
  const StoreOpening opening_;
  mutable base::Mutex mutex_;
  Counters counters_ NEXTID_GUARDED_BY(mutex_);          // By their own names.
  Accounting forgotten_ NEXTID_GUARDED_BY(mutex_);       // Of counters that are gone.
  std::uint64_t forgets_ NEXTID_GUARDED_BY(mutex_) = 0;  // How many are.
  bool closing_ NEXTID_GUARDED_BY(mutex_) = false;
  // A generator may hold a counter a little longer than the node.
  const std::shared_ptr<std::atomic<bool>> has_ended_ = std::make_shared<std::atomic<bool>>(false);
  Sweep sweep_;
  const SweepPace pace_;
  Runtime runtime_;  // Ends, with the thread that calls sweep(), before the members above.
  std::unique_ptr<StateKeeper> state_keeper_;  // Or none. Last: its thread uses all of the above.
};

}  // namespace nextid::node
