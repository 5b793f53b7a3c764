#include "store/common/commit_lanes.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace nextid::store {
namespace {

/// The counter whose row an op needs; empty for an op that needs none.
const std::string& counter_of(const contract::Op& op) {
  static const std::string none;
  return std::visit(
      [](const auto& each) -> const std::string& {
        if constexpr (requires { each.writer; }) {
          return each.counter;
        } else {
          return none;
        }
      },
      op);
}

}  // namespace

CommitLanes::CommitLanes(std::vector<std::unique_ptr<Committer>> committers) {
  for (auto& committer : committers) {
    lanes_.push_back(std::make_unique<Lane>());
    lanes_.back()->committer = std::move(committer);
  }
}

std::shared_ptr<CommitLanes> CommitLanes::start(
    std::vector<std::unique_ptr<Committer>> committers) {
  // Groups that travel by themselves leave one lane to the others.
  NEXTID_CHECK(committers.size() >= 2);
  std::shared_ptr<CommitLanes> result(new CommitLanes(std::move(committers)));
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
  const base::Lock lock(mutex_);
  for (contract::Call& call : calls) add(std::move(call));
  wake_one();
}

void CommitLanes::list(Listing listing) {
  const base::Lock lock(mutex_);
  listings_.push_back(std::move(listing));
  wake_one();
}

void CommitLanes::add(contract::Call call) {
  if (!apart_.empty()) {
    if (const auto found = apart_.find(counter_of(call.op)); found != apart_.end()) {
      found->second.calls.push_back(std::move(call));
      return;
    }
  }
  if (waiting_.empty()) oldest_ = base::monotonic_now();
  waiting_.push_back(std::move(call));
}

/// The first idle lane, so that the connections of the others are made only when they are needed.
/// None while a lane commits and another one waits for kPatience to end: it takes what comes.
void CommitLanes::wake_one() {
  const bool is_awaited = common_under_way_ > 0 && is_watched_;
  if (is_awaited && listings_.empty() && apart_.empty()) return;
  for (const auto& lane : lanes_) {
    if (!std::exchange(lane->is_idle, false)) continue;
    lane->wake.notify_one();
    return;
  }
}

void CommitLanes::run(Lane& lane) {
  base::Lock lock(mutex_);
  for (;;) {
    Taken taken = take();
    if (taken.empty()) {
      if (!wait(lane, lock)) return;
      continue;
    }
    // What this lane left may be for another one.
    if (!is_empty()) wake_one();
    lock.unlock();
    commit(lane, taken);
    lock.lock();
    ended(taken);
  }
}

/// Waits until there may be something to take; false at the end of all.
bool CommitLanes::wait(Lane& lane, base::Lock& lock) {
  if (stopping_ && is_empty() && common_under_way_ + apart_under_way_ + listings_under_way_ == 0) {
    for (const auto& other : lanes_) other->wake.notify_one();
    return false;
  }
  lane.is_idle = true;
  if (common_under_way_ > 0 && !waiting_.empty() && !is_watched_) {
    is_watched_ = true;
    lane.wake.wait_until(lock.native(), oldest_ + kPatience);
    is_watched_ = false;
  } else {
    lane.wake.wait(lock.native());
  }
  lane.is_idle = false;
  return true;
}

/// Takes what a lane may commit now, perhaps nothing.
CommitLanes::Taken CommitLanes::take() {
  Taken taken = take_common();
  if (taken.empty()) taken = take_apart();
  if (taken.empty() && !listings_.empty() && listings_under_way_ == 0) {
    taken.group.listings.push_back(std::move(listings_.front()));
    listings_.pop_front();
    ++listings_under_way_;
  }
  return taken;
}

CommitLanes::Taken CommitLanes::take_common() {
  Taken taken;
  if (waiting_.empty()) return taken;
  const auto now = base::monotonic_now();
  if (common_under_way_ > 0 && now < oldest_ + kPatience) return taken;
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kMostCalls));
  const auto end = waiting_.begin() + count;
  taken.group.calls.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  oldest_ = now;
  ++common_under_way_;
  return taken;
}

CommitLanes::Taken CommitLanes::take_apart() {
  Taken taken;
  if (apart_.empty() || apart_under_way_ + 1 >= lanes_.size()) return taken;
  const auto now = base::monotonic_now();
  std::erase_if(apart_, [now](const auto& entry) {
    const Apart& apart = entry.second;
    return apart.calls.empty() && !apart.is_under_way && now >= apart.until;
  });
  const auto next = std::find_if(apart_.begin(), apart_.end(), [](const auto& entry) {
    return !entry.second.calls.empty() && !entry.second.is_under_way;
  });
  if (next == apart_.end()) return taken;
  taken.apart = next->first;
  taken.group.calls = std::exchange(next->second.calls, {});
  next->second.is_under_way = true;
  ++apart_under_way_;
  return taken;
}

bool CommitLanes::is_empty() const {
  return waiting_.empty() && listings_.empty() &&
         std::all_of(apart_.begin(), apart_.end(),
                     [](const auto& entry) { return entry.second.calls.empty(); });
}

/// Calls that the answers submit wait for the next group.
void CommitLanes::commit(Lane& lane, Taken& taken) {
  Group& group = taken.group;
  Answers answers = lane.committer->commit(group);
  NEXTID_CHECK(answers.outcomes.size() == group.calls.size());
  NEXTID_CHECK(answers.pages.size() == group.listings.size());
  // Before the answers: what they submit is to travel as they tell.
  if (!answers.held_up.empty()) set_apart(answers.held_up);
  for (std::size_t i = 0; i < group.calls.size(); ++i) {
    group.calls[i].done(std::move(answers.outcomes[i]));
  }
  for (std::size_t i = 0; i < group.listings.size(); ++i) {
    group.listings[i].done(std::move(answers.pages[i]));
  }
  lane.committer->tidy();
}

void CommitLanes::ended(const Taken& taken) {
  if (!taken.apart.empty()) {
    apart_[taken.apart].is_under_way = false;
    --apart_under_way_;
  } else if (taken.is_common()) {
    --common_under_way_;
  } else {
    --listings_under_way_;
  }
}

void CommitLanes::set_apart(const std::vector<std::string>& counters) {
  const base::Lock lock(mutex_);
  for (const std::string& counter : counters) {
    apart_[counter].until = base::monotonic_now() + kApart;
  }
}

void CommitLanes::stop() {
  std::vector<std::thread> threads;
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
    for (const auto& lane : lanes_) {
      threads.push_back(std::move(lane->thread));
      lane->is_idle = false;
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
