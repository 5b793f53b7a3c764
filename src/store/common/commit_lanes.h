// Group commit for a store on a network: threads of the store's own, a connection each.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "contract/store_driver.h"
#include "store/common/committer.h"

namespace nextid::store {

/// How long lanes wait for one another, and keep a counter apart.
struct LaneTimes {
  std::chrono::milliseconds patience{5};
  std::chrono::milliseconds apart{10'000};
};

/// Lanes: threads with a committer each, which take what waits in groups. Thread-safe. Submitting
/// never blocks.
///
///   While a group is under way, what comes waits for its end, so that it shares one commit. Only
///   if that takes longer than `patience` does another lane take what waits, but for calls on the
///   counters of groups that are under way: an answer that is late, or a row that another program
///   has locked, holds up no other counter for longer.
///   Calls on a counter that held up a group (Answers::held_up) travel in groups of their own, one
///   at a time, until it has held up none for `apart`. They are never on all lanes at once.
///   Calls, calls that travel apart, and listings take turns where a lane has the choice.
///   No answer leaves, nor ends, under a lock.
class CommitLanes : public std::enable_shared_from_this<CommitLanes> {
 public:
  /// Calls in one group.
  static constexpr std::size_t kMostCalls = 500;

  /// A lane for each committer, two at least. A committer is used by its lane's thread alone, but
  /// for commits(), and destroyed after all lanes have ended. Throws std::system_error where the
  /// system has no thread.
  static std::shared_ptr<CommitLanes> start(std::vector<std::unique_ptr<Committer>> committers,
                                            LaneTimes times = {});

  CommitLanes(const CommitLanes&) = delete;
  CommitLanes& operator=(const CommitLanes&) = delete;

  /// The caller holds a reference over this and list(): an answer may let go of all others.
  void submit(std::vector<contract::Call> calls) NEXTID_EXCLUDES(mutex_);
  void list(Listing listing) NEXTID_EXCLUDES(mutex_);
  /// Of all lanes.
  std::uint64_t commits() const noexcept;

  /// As GroupCommit::stop(); from an answer, all lanes end by themselves after their answers.
  void stop() NEXTID_EXCLUDES(mutex_);

 private:
  enum class Kind { kCalls, kCallsApart, kListing };
  static constexpr int kKinds = 3;

  /// Fields are guarded by mutex_, but for the lane's own use of `committer` and, while it commits,
  /// of `group`, whose ops never change meanwhile.
  struct Lane {
    std::unique_ptr<Committer> committer;
    std::thread thread;
    std::condition_variable wake;
    bool is_idle = false;  // It waits on `wake`, and nobody has woken it.
    std::optional<Kind> under_way = {};
    Group group = {};
    std::string apart = {};  // The counter of a group of kCallsApart.
  };
  /// A counter that held up a group, and what waits on it.
  struct Apart {
    base::MonotonicTime until;
    bool is_under_way = false;
    base::MonotonicTime oldest = {};  // When `calls` was last empty.
    std::vector<contract::Call> calls = {};
  };

  CommitLanes(std::vector<std::unique_ptr<Committer>> committers, LaneTimes times);

  void add(contract::Call call) NEXTID_REQUIRES(mutex_);
  Lane* next_to_wake() NEXTID_REQUIRES(mutex_);
  static void wake(Lane* lane);
  void run(Lane& lane) NEXTID_EXCLUDES(mutex_);
  bool wait(Lane& lane, base::Lock& lock, base::MonotonicTime now) NEXTID_REQUIRES(mutex_);
  bool take(Lane& lane, base::MonotonicTime now) NEXTID_REQUIRES(mutex_);
  bool take(Kind kind, Lane& lane, base::MonotonicTime now) NEXTID_REQUIRES(mutex_);
  bool take_calls(Lane& lane, base::MonotonicTime now) NEXTID_REQUIRES(mutex_);
  bool take_calls_apart(Lane& lane) NEXTID_REQUIRES(mutex_);
  bool take_listing(Lane& lane) NEXTID_REQUIRES(mutex_);
  void commit(Lane& lane) NEXTID_EXCLUDES(mutex_);
  void end(Lane& lane) NEXTID_REQUIRES(mutex_);
  void set_apart(const std::vector<std::string>& counters) NEXTID_EXCLUDES(mutex_);
  void rejoin(base::MonotonicTime now) NEXTID_REQUIRES(mutex_);
  bool is_to_be_patient(base::MonotonicTime now) const NEXTID_REQUIRES(mutex_);
  std::size_t under_way(Kind kind) const NEXTID_REQUIRES(mutex_);
  bool is_empty() const NEXTID_REQUIRES(mutex_);

  const LaneTimes times_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // Never changes while a lane runs.
  base::Mutex mutex_;
  std::deque<contract::Call> waiting_ NEXTID_GUARDED_BY(mutex_);
  std::deque<Listing> listings_ NEXTID_GUARDED_BY(mutex_);
  std::map<std::string, Apart> apart_ NEXTID_GUARDED_BY(mutex_);
  Kind next_ NEXTID_GUARDED_BY(mutex_) = Kind::kCalls;
  /// The lane that last took calls, while they are under way, and until when others wait for it.
  const Lane* leader_ NEXTID_GUARDED_BY(mutex_) = nullptr;
  base::MonotonicTime patience_ends_ NEXTID_GUARDED_BY(mutex_);
  bool is_watched_ NEXTID_GUARDED_BY(mutex_) = false;  // A lane waits for the end of patience.
  bool is_waking_ NEXTID_GUARDED_BY(mutex_) = false;   // A lane was woken, and has yet to look.
  bool stopping_ NEXTID_GUARDED_BY(mutex_) = false;
};

}  // namespace nextid::store
