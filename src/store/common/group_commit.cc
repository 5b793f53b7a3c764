#include "store/common/group_commit.h"

#include <iterator>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace nextid::store {

GroupCommit::GroupCommit(std::unique_ptr<Committer> committer, Leader leader)
    : leader_(leader), committer_(std::move(committer)) {}

std::shared_ptr<GroupCommit> GroupCommit::start(std::unique_ptr<Committer> committer,
                                                Leader leader) {
  std::shared_ptr<GroupCommit> result(new GroupCommit(std::move(committer), leader));
  if (leader == Leader::kOwnThread) {
    const base::Lock lock(result->mutex_);
    result->thread_ = std::thread([result] { result->run_thread(); });
  }
  return result;
}

void GroupCommit::submit(std::vector<contract::Call> calls) {
  {
    const base::Lock lock(mutex_);
    if (waiting_.calls.empty()) {
      waiting_.calls = std::move(calls);
    } else {
      waiting_.calls.insert(waiting_.calls.end(), std::make_move_iterator(calls.begin()),
                            std::make_move_iterator(calls.end()));
    }
    if (!is_to_lead()) return;
  }
  lead();
}

void GroupCommit::list(Listing listing) {
  {
    const base::Lock lock(mutex_);
    waiting_.listings.push_back(std::move(listing));
    if (!is_to_lead()) return;
  }
  lead();
}

/// Finds a leader for the calls that wait, if there is none. True if it is the caller.
bool GroupCommit::is_to_lead() {
  if (waiting_.empty() || leading_ != Leading::kNobody) return false;
  if (leader_ == Leader::kSubmitter) {
    leading_ = Leading::kCaller;
  } else {
    leading_ = Leading::kThread;
    wake_.notify_one();
  }
  verify();
  return leading_ == Leading::kCaller;
}

/// Commits once, in the calling thread. It goes on only if no other thread can take over.
void GroupCommit::lead() {
  base::Lock lock(mutex_);
  do {
    Group group = std::exchange(waiting_, Group());
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
  leading_ = Leading::kThread;
  wake_.notify_one();
  return true;
}

void GroupCommit::run_thread() {
  base::Lock lock(mutex_);
  for (;;) {
    while (leading_ != Leading::kThread && !stopping_) wake_.wait(lock.native());
    if (leading_ != Leading::kThread) return;
    while (!waiting_.empty()) {
      Group group = std::exchange(waiting_, Group());
      lock.unlock();
      commit(std::move(group));
      lock.lock();
    }
    leading_ = Leading::kNobody;
    verify();
  }
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
  NEXTID_CHECK(waiting_.empty() || leading_ != Leading::kNobody);
  NEXTID_CHECK(leading_ != Leading::kCaller || leader_ == Leader::kSubmitter);
  NEXTID_CHECK(leading_ != Leading::kThread || thread_.joinable() || stopping_);
}

}  // namespace nextid::store
