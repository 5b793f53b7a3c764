#include "store/common/commit_lanes.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/check.h"

namespace nextid::store {
namespace {

/// The counter whose row an op needs; empty for an op that needs none.
std::string_view counter_of(const contract::Op& op) {
  return std::visit(
      [](const auto& each) -> std::string_view {
        if constexpr (requires { each.writer; }) {
          return each.counter;
        } else {
          return {};
        }
      },
      op);
}

}  // namespace

CommitLanes::CommitLanes(std::vector<std::unique_ptr<Committer>> committers, LaneTimes times)
    : times_(times) {
  for (auto& committer : committers) {
    lanes_.push_back(std::make_unique<Lane>());
    lanes_.back()->committer = std::move(committer);
  }
}

std::shared_ptr<CommitLanes> CommitLanes::start(std::vector<std::unique_ptr<Committer>> committers,
                                                LaneTimes times) {
  // Groups that travel apart leave one lane to the others.
  NEXTID_CHECK(committers.size() >= 2);
  std::shared_ptr<CommitLanes> result(new CommitLanes(std::move(committers), times));
  try {
    const base::Lock lock(result->mutex_);
    for (auto& lane : result->lanes_) {
      lane->thread = std::thread([result, &lane = *lane] { result->run(lane); });
    }
  } catch (...) {
    result->stop();
    throw;
  }
  return result;
}

std::uint64_t CommitLanes::commits() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& lane : lanes_) sum += lane->committer->commits();
  return sum;
}

void CommitLanes::submit(std::vector<contract::Call> calls) {
  if (calls.empty()) return;
  Lane* lane = nullptr;
  {
    const base::Lock lock(mutex_);
    for (contract::Call& call : calls) add(std::move(call));
    lane = next_to_wake();
  }
  wake(lane);
}

void CommitLanes::list(Listing listing) {
  Lane* lane = nullptr;
  {
    const base::Lock lock(mutex_);
    listings_.push_back(std::move(listing));
    lane = next_to_wake();
  }
  wake(lane);
}

/// Without the lock, which the lane needs at once.
void CommitLanes::wake(Lane* lane) {
  if (lane != nullptr) lane->wake.notify_one();
}

void CommitLanes::add(contract::Call call) {
  if (!apart_.empty()) {
    const auto found = apart_.find(std::string(counter_of(call.op)));
    if (found != apart_.end()) {
      Apart& apart = found->second;
      if (apart.calls.empty()) apart.oldest = base::monotonic_now();
      apart.calls.push_back(std::move(call));
      return;
    }
  }
  waiting_.push_back(std::move(call));
}

/// The lane that is to look at what waits, and now counts as woken; one that takes a part of it
/// wakes the next. The first idle one, so that the connections of the others are made only when
/// they are needed. Null where none is idle, or where the end of the leader's group, or of
/// patience, is what all that waits has to wait for.
CommitLanes::Lane* CommitLanes::next_to_wake() {
  if (is_waking_) return nullptr;
  if (leader_ != nullptr && is_watched_ && listings_.empty() && apart_.empty()) return nullptr;
  for (const auto& lane : lanes_) {
    if (!std::exchange(lane->is_idle, false)) continue;
    is_waking_ = true;
    return lane.get();
  }
  return nullptr;
}

/// A lane waits only if it can take nothing. What can be taken later is either new, and wakes a
/// lane, or was kept by a group that ends, whose lane then looks, or by patience, which a lane
/// watches.
void CommitLanes::run(Lane& lane) {
  base::Lock lock(mutex_);
  for (;;) {
    const auto now = base::monotonic_now();
    if (!take(lane, now)) {
      if (!wait(lane, lock, now)) return;
      continue;
    }
    Lane* const next = is_empty() ? nullptr : next_to_wake();
    lock.unlock();
    wake(next);
    commit(lane);
    lock.lock();
    end(lane);
  }
}

/// Waits until there may be something to take that there was not at `now`; false at the end of all.
bool CommitLanes::wait(Lane& lane, base::Lock& lock, base::MonotonicTime now) {
  // What the answers of a lane submit that is not idle, it commits itself.
  if (stopping_ && is_empty()) {
    for (const auto& other : lanes_) other->wake.notify_one();
    return false;
  }
  lane.is_idle = true;
  if (!waiting_.empty() && is_to_be_patient(now) && !is_watched_) {
    is_watched_ = true;
    lane.wake.wait_until(lock.native(), patience_ends_);
    is_watched_ = false;
  } else {
    lane.wake.wait(lock.native());
  }
  if (!std::exchange(lane.is_idle, false)) is_waking_ = false;
  return true;
}

bool CommitLanes::take(Lane& lane, base::MonotonicTime now) {
  rejoin(now);
  for (int i = 0; i < kKinds; ++i) {
    const Kind kind = next_;
    next_ = static_cast<Kind>((static_cast<int>(kind) + 1) % kKinds);
    if (!take(kind, lane, now)) continue;
    lane.under_way = kind;
    return true;
  }
  return false;
}

bool CommitLanes::take(Kind kind, Lane& lane, base::MonotonicTime now) {
  switch (kind) {
    case Kind::kCalls:
      return take_calls(lane, now);
    case Kind::kCallsApart:
      return take_calls_apart(lane);
    case Kind::kListing:
      return take_listing(lane);
  }
  return false;
}

bool CommitLanes::take_calls(Lane& lane, base::MonotonicTime now) {
  if (waiting_.empty() || is_to_be_patient(now)) return false;
  // Their rows may be locked: by that group itself, or by what holds it up.
  std::unordered_set<std::string_view> busy;
  for (const auto& other : lanes_) {
    for (const contract::Call& call : other->group.calls) busy.insert(counter_of(call.op));
  }
  busy.erase(std::string_view());
  auto& calls = lane.group.calls;
  std::vector<contract::Call> left;
  while (!waiting_.empty() && calls.size() < kMostCalls) {
    contract::Call call = std::move(waiting_.front());
    waiting_.pop_front();
    (busy.contains(counter_of(call.op)) ? left : calls).push_back(std::move(call));
  }
  waiting_.insert(waiting_.begin(), std::make_move_iterator(left.begin()),
                  std::make_move_iterator(left.end()));
  if (calls.empty()) return false;
  leader_ = &lane;
  patience_ends_ = now + times_.patience;
  return true;
}

/// Of the counter that has waited longest.
bool CommitLanes::take_calls_apart(Lane& lane) {
  if (under_way(Kind::kCallsApart) + 1 >= lanes_.size()) return false;
  auto longest = apart_.end();
  for (auto each = apart_.begin(); each != apart_.end(); ++each) {
    if (each->second.is_under_way || each->second.calls.empty()) continue;
    if (longest == apart_.end() || each->second.oldest < longest->second.oldest) longest = each;
  }
  if (longest == apart_.end()) return false;
  Apart& apart = longest->second;
  const auto count = static_cast<std::ptrdiff_t>(std::min(apart.calls.size(), kMostCalls));
  const auto end = apart.calls.begin() + count;
  lane.group.calls.assign(std::make_move_iterator(apart.calls.begin()),
                          std::make_move_iterator(end));
  apart.calls.erase(apart.calls.begin(), end);
  apart.is_under_way = true;
  lane.apart = longest->first;
  return true;
}

/// One at a time: a page may take long.
bool CommitLanes::take_listing(Lane& lane) {
  if (listings_.empty() || under_way(Kind::kListing) > 0) return false;
  lane.group.listings.push_back(std::move(listings_.front()));
  listings_.pop_front();
  return true;
}

/// Calls that the answers submit wait for the next group.
void CommitLanes::commit(Lane& lane) {
  Group& group = lane.group;
  Answers answers = lane.committer->commit(group);
  NEXTID_CHECK(answers.outcomes.size() == group.calls.size());
  NEXTID_CHECK(answers.pages.size() == group.listings.size());
  // Before the answers: what they submit is to travel as they tell.
  if (!answers.held_up.empty()) set_apart(answers.held_up);
  // What an answer holds ends here, and not under a lock: it may be the last that holds the store.
  for (std::size_t i = 0; i < group.calls.size(); ++i) {
    std::exchange(group.calls[i].done, nullptr)(std::move(answers.outcomes[i]));
  }
  for (std::size_t i = 0; i < group.listings.size(); ++i) {
    std::exchange(group.listings[i].done, nullptr)(std::move(answers.pages[i]));
  }
  lane.committer->tidy();
}

void CommitLanes::end(Lane& lane) {
  if (lane.under_way == Kind::kCallsApart) apart_.at(lane.apart).is_under_way = false;
  if (leader_ == &lane) leader_ = nullptr;
  lane.under_way.reset();
  lane.group = {};
}

void CommitLanes::set_apart(const std::vector<std::string>& counters) {
  const base::Lock lock(mutex_);
  const auto now = base::monotonic_now();
  for (const std::string& counter : counters) apart_[counter].until = now + times_.apart;
  // Those that wait are among them.
  for (auto& call : std::exchange(waiting_, {})) add(std::move(call));
}

/// Counters whose time is over travel with the others again.
void CommitLanes::rejoin(base::MonotonicTime now) {
  for (auto each = apart_.begin(); each != apart_.end();) {
    Apart& apart = each->second;
    if (apart.is_under_way || now < apart.until) {
      ++each;
      continue;
    }
    std::move(apart.calls.begin(), apart.calls.end(), std::back_inserter(waiting_));
    each = apart_.erase(each);
  }
}

bool CommitLanes::is_to_be_patient(base::MonotonicTime now) const {
  return leader_ != nullptr && now < patience_ends_;
}

std::size_t CommitLanes::under_way(Kind kind) const {
  return static_cast<std::size_t>(std::count_if(
      lanes_.begin(), lanes_.end(), [kind](const auto& lane) { return lane->under_way == kind; }));
}

bool CommitLanes::is_empty() const {
  return waiting_.empty() && listings_.empty() &&
         std::all_of(apart_.begin(), apart_.end(),
                     [](const auto& entry) { return entry.second.calls.empty(); });
}

void CommitLanes::stop() {
  std::vector<std::thread> threads;
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
    for (const auto& lane : lanes_) {
      threads.push_back(std::move(lane->thread));
      lane->wake.notify_one();
    }
  }
  const bool is_in_answer = std::any_of(threads.begin(), threads.end(), [](const auto& thread) {
    return thread.get_id() == std::this_thread::get_id();
  });
  for (std::thread& thread : threads) {
    if (!thread.joinable()) continue;
    // From an answer: the lanes end by themselves, and keep this object until then.
    if (is_in_answer) {
      thread.detach();
    } else {
      thread.join();
    }
  }
}

}  // namespace nextid::store
