#include "store/common/group_commit.h"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace nextid::store {

GroupCommit::GroupCommit(std::unique_ptr<Committer> committer) : committer_(std::move(committer)) {}

std::shared_ptr<GroupCommit> GroupCommit::start(std::unique_ptr<Committer> committer) {
  return std::shared_ptr<GroupCommit>(new GroupCommit(std::move(committer)));
}

void GroupCommit::submit(std::vector<contract::Call> calls) {
  if (calls.empty()) return;
  const bool are_waited_for = std::any_of(
      calls.begin(), calls.end(), [](const contract::Call& call) { return call.is_waited_for; });
  {
    base::Lock lock(mutex_);
    add(std::move(calls), are_waited_for);
    if (are_waited_for) wait_for_aside(lock);
    if (!is_to_lead(are_waited_for)) return;
  }
  lead();
}

void GroupCommit::list(Listing listing) {
  {
    const base::Lock lock(mutex_);
    waiting_.listings.push_back(std::move(listing));
    if (!is_to_lead(false)) return;
  }
  lead();
}

void GroupCommit::add(std::vector<contract::Call> calls, bool are_waited_for) {
  waiting_.has_waited_for = waiting_.has_waited_for || are_waited_for;
  if (waiting_.calls.empty()) {
    waiting_.calls = std::move(calls);
  } else {
    waiting_.calls.insert(waiting_.calls.end(), std::make_move_iterator(calls.begin()),
                          std::make_move_iterator(calls.end()));
  }
}

/// Not in an answer of the aside's own: that comes before its end.
void GroupCommit::wait_for_aside(base::Lock& lock) {
  if (thread_id_ == std::this_thread::get_id()) return;
  const std::uint64_t ended = asides_ended_;
  ++waiting_callers_;
  while (aside_began_ && asides_ended_ == ended) aside_ended_.wait(lock.native());
  --waiting_callers_;
}

/// Finds a leader for what waits, if there is none. True if it is the caller, who has added a call
/// that is waited for or not.
bool GroupCommit::is_to_lead(bool has_waited_for) {
  const bool thread_is_late = leading_ == Leading::kThreadAside && !aside_began_;
  const bool is_free = leading_ == Leading::kNobody || (thread_is_late && has_waited_for);
  if (waiting_.empty() || !is_free) return false;
  if (has_waited_for || !hand_over()) leading_ = Leading::kCaller;
  verify();
  return leading_ == Leading::kCaller;
}

/// Commits once, in the calling thread. It goes on only if no other thread can take over.
void GroupCommit::lead() {
  base::Lock lock(mutex_);
  do {
    Group group = take_next();
    lock.unlock();
    commit(std::move(group));
    lock.lock();
  } while (!waiting_.empty() && !hand_over());
  if (waiting_.empty()) leading_ = Leading::kNobody;
  verify();
}

/// Makes the thread the leader, unless it has ended or the system has none.
bool GroupCommit::hand_over() {
  if (stopping_) return false;
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([self = shared_from_this()] { self->run_thread(); });
    } catch (const std::system_error&) {
      return false;
    }
  }
  leading_ = next_is_aside() ? Leading::kThreadAside : Leading::kThread;
  wake_.notify_one();
  return true;
}

void GroupCommit::run_thread() {
  base::Lock lock(mutex_);
  thread_id_ = std::this_thread::get_id();
  for (;;) {
    while (!thread_leads() && !stopping_) wake_.wait(lock.native());
    if (!thread_leads()) return;
    while (!waiting_.empty()) {
      aside_began_ = next_is_aside();
      leading_ = aside_began_ ? Leading::kThreadAside : Leading::kThread;
      Group group = take_next();
      lock.unlock();
      commit(std::move(group));
      lock.lock();
      if (std::exchange(aside_began_, false)) ++asides_ended_;
      if (waiting_callers_ > 0) break;
    }
    leading_ = Leading::kNobody;
    aside_ended_.notify_all();
    verify();
  }
}

/// Whether nobody waits for what take_next() returns, but for a listing.
bool GroupCommit::next_is_aside() const { return listing_is_next() || !waiting_.has_waited_for; }

bool GroupCommit::listing_is_next() const {
  return !waiting_.listings.empty() && (waiting_.calls.empty() || !listing_was_last_);
}

Group GroupCommit::take_next() {
  Group group;
  listing_was_last_ = listing_is_next();
  if (listing_was_last_) {
    group.listings.push_back(std::move(waiting_.listings.front()));
    waiting_.listings.pop_front();
  } else {
    group.calls = std::exchange(waiting_.calls, {});
    waiting_.has_waited_for = false;
  }
  return group;
}

/// One commit, by the leader. Calls that its answers submit wait for the next one.
void GroupCommit::commit(Group group) {
  Answers answers = committer_->commit(group);
  NEXTID_CHECK(answers.outcomes.size() == group.calls.size());
  NEXTID_CHECK(answers.pages.size() == group.listings.size());
  for (std::size_t i = 0; i < group.calls.size(); ++i) {
    group.calls[i].done(std::move(answers.outcomes[i]));
  }
  for (std::size_t i = 0; i < group.listings.size(); ++i) {
    group.listings[i].done(std::move(answers.pages[i]));
  }
  committer_->tidy();
}

void GroupCommit::stop() {
  std::thread thread;
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  wake_.notify_one();
  if (!thread.joinable()) return;
  // Called from one of the thread's own answers: the thread ends by itself, and keeps this object
  // until then.
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();
  } else {
    thread.join();
  }
}

void GroupCommit::verify() const {
  // A caller who waited for an aside leads next.
  NEXTID_CHECK(waiting_.empty() || leading_ != Leading::kNobody || waiting_callers_ > 0);
  NEXTID_CHECK(!thread_leads() || thread_.joinable() || stopping_);
  NEXTID_CHECK(!aside_began_ || leading_ == Leading::kThreadAside);
}

}  // namespace nextid::store
