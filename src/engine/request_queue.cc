#include "engine/request_queue.h"

#include <utility>

#include "base/check.h"
#include "base/checked.h"

namespace nextid::engine {

Waiting* find_living(std::vector<Waiting>& requests, std::uint64_t number) noexcept {
  const auto it = std::lower_bound(
      requests.begin(), requests.end(), number,
      [](const Waiting& waiting, std::uint64_t than) { return waiting.ticket.number < than; });
  const bool found = it != requests.end() && it->ticket.number == number && !it->dead;
  return found ? &*it : nullptr;
}

std::vector<Ticket> expire_living(std::vector<Waiting>& requests, MonotonicTime now,
                                  MonotonicTime& earliest) {
  std::vector<Ticket> expired;
  earliest = MonotonicTime::max();
  for (Waiting& waiting : requests) {
    if (waiting.dead) continue;
    if (waiting.deadline > now) {
      earliest = std::min(earliest, waiting.deadline);
    } else {
      waiting.dead = BurnReason::kDeadline;
      expired.push_back(waiting.ticket);
    }
  }
  return expired;
}

bool RequestQueue::bury(std::uint64_t number) {
  Waiting* const waiting = find_living(requests_, number);
  if (waiting == nullptr) return false;
  waiting->dead = BurnReason::kDisconnect;
  forget(*waiting);
  if (empty()) requests_.clear();
  reset_when_empty();
  return true;
}

std::vector<Ticket> RequestQueue::expire(MonotonicTime now) {
  if (now < earliest_) return {};
  std::vector<Ticket> expired = expire_living(requests_, now, earliest_);
  drop_dead();
  living_ = requests_.size();
  ids_ = 0;
  for (const Waiting& waiting : requests_) ids_ += waiting.count;
  return expired;
}

std::vector<Ticket> RequestQueue::clear() {
  std::vector<Ticket> tickets;
  for (const Waiting& waiting : requests_) {
    if (!waiting.dead) tickets.push_back(waiting.ticket);
  }
  requests_.clear();
  living_ = 0;
  ids_ = 0;
  reset_when_empty();
  return tickets;
}

RequestQueue::Prefix RequestQueue::longest_prefix(std::uint64_t most, std::uint64_t increment) {
  if (living_ != requests_.size()) drop_dead();
  Prefix prefix{1, requests_.front().count};
  for (; prefix.requests < requests_.size(); ++prefix.requests) {
    const std::uint64_t more = requests_[prefix.requests].count;
    const auto sum = base::checked_add<std::uint64_t>(prefix.ids, more);
    if (!sum || *sum > most || !base::checked_mul<std::uint64_t>(*sum, increment)) break;
    prefix.ids = *sum;
  }
  return prefix;
}

std::vector<Waiting> RequestQueue::take(const Prefix& prefix) {
  std::vector<Waiting> taken = std::exchange(spare_, {});
  if (prefix.requests == requests_.size()) {
    taken.swap(requests_);
  } else {
    const auto end = requests_.begin() + static_cast<std::ptrdiff_t>(prefix.requests);
    taken.assign(requests_.begin(), end);
    requests_.erase(requests_.begin(), end);
  }
  living_ -= prefix.requests;
  ids_ -= prefix.ids;
  reset_when_empty();
  return taken;
}

void RequestQueue::put_back(std::vector<Waiting> requests) {
  std::erase_if(requests, [](const Waiting& waiting) { return waiting.dead.has_value(); });
  for (const Waiting& waiting : requests) {
    ids_ += waiting.count;
    earliest_ = std::min(earliest_, waiting.deadline);
  }
  living_ += requests.size();
  requests_.insert(requests_.begin(), requests.begin(), requests.end());
}

void RequestQueue::recycle(std::vector<Waiting> emptied) noexcept {
  spare_ = std::move(emptied);
  spare_.clear();
}

void RequestQueue::drop_dead() {
  std::erase_if(requests_, [](const Waiting& waiting) { return waiting.dead.has_value(); });
}

/// A living request has died or was served: takes it out of the sums.
void RequestQueue::forget(const Waiting& living) noexcept {
  --living_;
  ids_ -= living.count;
}

void RequestQueue::reset_when_empty() noexcept {
  if (empty()) earliest_ = MonotonicTime::max();
}

void RequestQueue::verify() const {
  std::uint64_t last = 0;
  std::size_t living = 0;
  std::uint64_t ids = 0;
  for (const Waiting& waiting : requests_) {
    NEXTID_CHECK(waiting.ticket.number > last);
    last = waiting.ticket.number;
    if (waiting.dead) continue;
    ++living;
    ids += waiting.count;
    NEXTID_CHECK(waiting.deadline >= earliest_);
  }
  NEXTID_CHECK(living == living_);
  NEXTID_CHECK(ids == ids_);
  NEXTID_CHECK(spare_.empty());
}

}  // namespace nextid::engine
