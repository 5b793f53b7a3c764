// Group commit for a store on a network: threads of the store's own, a connection each.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "contract/store_driver.h"
#include "store/common/group_commit.h"

namespace nextid::store {

/// Lanes: threads with a committer each, which take what waits in groups. Thread-safe. Submitting
/// never blocks.
///
///   While one lane commits, what comes waits for its end, so that it shares one commit. Only if
///   that takes longer than kPatience does another lane take what waits: an answer that is late, or
///   a row that another program has locked, holds up nothing else for longer.
///   Calls on a counter that held up a group (Answers::held_up) travel in groups of their own for
///   kApart, one at a time, and never on all lanes at once.
///   No answer leaves under a lock.
class CommitLanes : public std::enable_shared_from_this<CommitLanes> {
 public:
  static constexpr std::chrono::milliseconds kPatience{5};
  static constexpr std::chrono::seconds kApart{10};
  /// Calls in one group.
  static constexpr std::size_t kMostCalls = 500;

  /// A lane for each committer, two at least. A committer is used by its lane's thread alone, but
  /// for commits(), and destroyed after all lanes have ended. Throws std::system_error where the
  /// system has no thread.
  static std::shared_ptr<CommitLanes> start(std::vector<std::unique_ptr<Committer>> committers);

  CommitLanes(const CommitLanes&) = delete;
  CommitLanes& operator=(const CommitLanes&) = delete;

  void submit(std::vector<contract::Call> calls) NEXTID_EXCLUDES(mutex_);
  void list(Listing listing) NEXTID_EXCLUDES(mutex_);
  /// Of all lanes.
  std::uint64_t commits() const noexcept;

  /// As GroupCommit::stop().
  void stop() NEXTID_EXCLUDES(mutex_);

 private:
  struct Lane {
    std::unique_ptr<Committer> committer;
    std::thread thread;
    std::condition_variable wake;
    bool is_idle = false;  // It waits on `wake`.
  };
  /// What waits on a counter that held up a group.
  struct Apart {
    base::MonotonicTime until;
    std::vector<contract::Call> calls = {};
    bool is_under_way = false;
  };
  /// What a lane has taken.
  struct Taken {
    Group group;
    std::string apart = {};  // The counter, if it travels by itself.

    bool empty() const noexcept { return group.calls.empty() && group.listings.empty(); }
    bool is_common() const noexcept { return apart.empty() && !group.calls.empty(); }
  };

  explicit CommitLanes(std::vector<std::unique_ptr<Committer>> committers);

  void add(contract::Call call) NEXTID_REQUIRES(mutex_);
  void wake_one() NEXTID_REQUIRES(mutex_);
  void run(Lane& lane) NEXTID_EXCLUDES(mutex_);
  bool wait(Lane& lane, base::Lock& lock) NEXTID_REQUIRES(mutex_);
  Taken take() NEXTID_REQUIRES(mutex_);
  Taken take_apart() NEXTID_REQUIRES(mutex_);
  Taken take_common() NEXTID_REQUIRES(mutex_);
  bool is_empty() const NEXTID_REQUIRES(mutex_);
  void commit(Lane& lane, Taken& taken) NEXTID_EXCLUDES(mutex_);
  void ended(const Taken& taken) NEXTID_REQUIRES(mutex_);
  void set_apart(const std::vector<std::string>& counters) NEXTID_EXCLUDES(mutex_);

  std::vector<std::unique_ptr<Lane>> lanes_;  // Never changes while a lane runs.
  base::Mutex mutex_;
  std::deque<contract::Call> waiting_ NEXTID_GUARDED_BY(mutex_);
  base::MonotonicTime oldest_ NEXTID_GUARDED_BY(mutex_);  // When waiting_ was last empty.
  std::deque<Listing> listings_ NEXTID_GUARDED_BY(mutex_);
  std::map<std::string, Apart> apart_ NEXTID_GUARDED_BY(mutex_);
  std::size_t common_under_way_ NEXTID_GUARDED_BY(mutex_) = 0;  // Groups, as the next two.
  std::size_t apart_under_way_ NEXTID_GUARDED_BY(mutex_) = 0;
  std::size_t listings_under_way_ NEXTID_GUARDED_BY(mutex_) = 0;
  bool is_watched_ NEXTID_GUARDED_BY(mutex_) = false;  // A lane waits for kPatience to end.
  bool stopping_ NEXTID_GUARDED_BY(mutex_) = false;
};

}  // namespace nextid::store
