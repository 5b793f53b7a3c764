// The state directory of a node: what it knows of its store, kept across its restarts (I8).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "nextid/error.h"
#include "nextid/statistics.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "node/counter.h"
#include "node/high_waters.h"
#include "node/runtime.h"
#include "state/state_file.h"

namespace nextid::node {

/// Refuses, as kCorrupt, a store with another identity than `file` remembers. If the file remembers
/// none, it remembers this one. A store without an identity can't be told apart, and is accepted.
Result<void> check_identity(state::StateFile& file, const StoreOpening& opening,
                            const std::string& store_url);

/// Writes what the node's counters issued, and which have stopped, a few times a second and at the
/// end, on a thread of its own: no id waits for it. A file that can't be written stops no id; that
/// is logged once, and tried again.
///
/// Each engine that is made looks its counter up in the file. Soon after the start, the marks of
/// the kCompared counters that were used last are compared with the store.
class StateKeeper {
 public:
  /// See Node::take_changes(); called by one thread at a time.
  using TakeChanges = std::function<std::vector<CounterChange>()>;

  static constexpr std::chrono::milliseconds kPeriod{250};
  static constexpr std::size_t kCompared = 1'000;

  /// `file` has passed check_identity(). Takes over the stops that it remembers. `runtime` outlives
  /// it, and its attempts must have ended before this is destroyed.
  StateKeeper(std::unique_ptr<state::StateFile> file, Runtime& runtime, std::string store_url,
              std::string identity, TakeChanges take_changes);
  /// Calls finish().
  ~StateKeeper();
  StateKeeper(const StateKeeper&) = delete;
  StateKeeper& operator=(const StateKeeper&) = delete;

  /// Writes what has changed until now, and ends the thread. Idempotent. Blocks as long as a write
  /// takes, a second at most while others hold the file.
  void finish();

  /// Why the file can't be read or written now; empty while it can. Thread-safe.
  std::string trouble() const;

 private:
  void take_over_stops();
  std::optional<HighWaters::Known> look_up(const std::string& counter);
  void run();
  bool finishes_within(std::chrono::milliseconds time);
  void compare(std::vector<state::Mark> marks);
  void on_loaded(const state::Mark& mark, const contract::Outcome& outcome);
  void write();
  Result<void> write_pending();
  Result<void> open_again();
  void add(CounterChange change);
  void met(const Result<void>& result);
  std::shared_ptr<state::StateFile> file() const;

  Runtime& runtime_;
  const std::string store_url_;
  const std::string identity_;
  const std::string path_;
  const TakeChanges take_changes_;

  mutable base::Mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<state::StateFile> file_ NEXTID_GUARDED_BY(mutex_);
  std::string trouble_ NEXTID_GUARDED_BY(mutex_);
  std::size_t loads_out_ NEXTID_GUARDED_BY(mutex_) = 0;
  bool finishing_ NEXTID_GUARDED_BY(mutex_) = false;

  // Of the thread alone, and of finish() once that has ended.
  std::map<std::string, state::Mark> pending_;
  bool lost_ = false;  // The file failed: it is opened again before the next write.
  base::MonotonicTime next_try_{};

  std::thread thread_;
};

}  // namespace nextid::node
