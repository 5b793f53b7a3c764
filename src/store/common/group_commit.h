// Group commit for a local file: one commit for all ops that came while the last one ran. A store
// on a network has commit_lanes.h.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "contract/store_driver.h"
#include "store/common/committer.h"

namespace nextid::store {

/// A queue and its leader, who alone uses the committer. Thread-safe. For a local file, whose
/// commit takes less time than waking a thread: the leader is the thread that submits while no
/// commit runs.
///
///   One leader: at most one thread commits. Calls that wait always have a leader.
///   No answer leaves before the commit that it tells of has returned (I2), nor under a lock.
///   No caller leads twice in a row: calls that came during its commit are left to the thread, so
///   that no caller is kept from its own work by the ops of others. Only if the system has no
///   thread left, or after stop(), does the caller go on.
///   Calls that nobody waits for, and listings, are the thread's, and its lead is an *aside*: who
///   then submits a call that is waited for waits for the end of that commit, and leads the next
///   one. So such work keeps no caller from its own, and makes no caller's calls the thread's.
///   Submitting blocks for an aside, one commit and tidy() at most; without a call that is waited
///   for, not at all.
///   Calls and listings take turns where both wait.
class GroupCommit : public std::enable_shared_from_this<GroupCommit> {
 public:
  static std::shared_ptr<GroupCommit> start(std::unique_ptr<Committer> committer);

  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  void submit(std::vector<contract::Call> calls) NEXTID_EXCLUDES(mutex_);
  void list(Listing listing) NEXTID_EXCLUDES(mutex_);
  std::uint64_t commits() const noexcept { return committer_->commits(); }

  /// Waits until all calls have been answered, and ends the thread. May be called from an answer:
  /// then the calls that wait are answered after that one, and the object lives until then. Nothing
  /// is submitted afterwards, except by answers. To be called once, before the last reference goes.
  void stop() NEXTID_EXCLUDES(mutex_);

 private:
  /// Who leads now.
  enum class Leading {
    kNobody,
    kCaller,
    kThread,
    kThreadAside,  // Nobody waits for what it commits, or is about to.
  };

  /// Calls and listings that no leader has taken yet.
  struct Waiting {
    std::vector<contract::Call> calls;
    bool has_waited_for = false;  // One of the calls is.
    std::deque<Listing> listings;

    bool empty() const noexcept { return calls.empty() && listings.empty(); }
  };

  explicit GroupCommit(std::unique_ptr<Committer> committer);

  void add(std::vector<contract::Call> calls, bool are_waited_for) NEXTID_REQUIRES(mutex_);
  bool is_to_lead(bool has_waited_for) NEXTID_REQUIRES(mutex_);
  void wait_for_aside(base::Lock& lock) NEXTID_REQUIRES(mutex_);
  void lead() NEXTID_EXCLUDES(mutex_);
  void run_thread() NEXTID_EXCLUDES(mutex_);
  bool thread_leads() const NEXTID_REQUIRES(mutex_) {
    return leading_ == Leading::kThread || leading_ == Leading::kThreadAside;
  }
  bool hand_over() NEXTID_REQUIRES(mutex_);
  bool next_is_aside() const NEXTID_REQUIRES(mutex_);
  bool listing_is_next() const NEXTID_REQUIRES(mutex_);
  Group take_next() NEXTID_REQUIRES(mutex_);
  void commit(Group group) NEXTID_EXCLUDES(mutex_);
  void verify() const NEXTID_REQUIRES(mutex_);

  const std::unique_ptr<Committer> committer_;  // The leader's, but for commits().
  mutable base::Mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable aside_ended_;
  Waiting waiting_ NEXTID_GUARDED_BY(mutex_);
  Leading leading_ NEXTID_GUARDED_BY(mutex_) = Leading::kNobody;
  bool aside_began_ NEXTID_GUARDED_BY(mutex_) = false;  // Its commit is under way.
  std::uint64_t asides_ended_ NEXTID_GUARDED_BY(mutex_) = 0;
  std::size_t waiting_callers_ NEXTID_GUARDED_BY(mutex_) = 0;  // For its end.
  bool listing_was_last_ NEXTID_GUARDED_BY(mutex_) = false;
  bool stopping_ NEXTID_GUARDED_BY(mutex_) = false;
  std::thread thread_ NEXTID_GUARDED_BY(mutex_);
  std::thread::id thread_id_ NEXTID_GUARDED_BY(mutex_);  // Also after stop() took thread_.
};

}  // namespace nextid::store
