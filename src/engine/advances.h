// The requests to raise a counter.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "engine/effects.h"

namespace nextid::engine {

using base::MonotonicTime;

/// A request to raise the counter to at least `to`. An answered one was refused at its deadline,
/// while its op goes on.
struct Advancing {
  AdvanceTicket ticket;
  std::int64_t to = 0;
  MonotonicTime deadline;
  bool answered = false;
};

/// Requests to raise the counter, in arrival order. If an op is under way, it is the first
/// request's. Each request is answered once.
class Advances {
 public:
  /// Answered ones included, until drop_answered().
  bool empty() const noexcept { return requests_.empty(); }
  const Advancing& front() const noexcept { return requests_.front(); }
  /// No request without an answer has an earlier deadline.
  MonotonicTime earliest_deadline() const noexcept { return earliest_; }

  void push(const AdvanceTicket& ticket, std::int64_t to, MonotonicTime deadline) {
    requests_.push_back(Advancing{ticket, to, deadline});
    earliest_ = std::min(earliest_, deadline);
  }

  /// Takes out the first one. Its caller is still to be answered, unless it is marked as answered.
  Advancing pop() {
    const Advancing first = requests_.front();
    requests_.erase(requests_.begin());
    reset_when_empty();
    return first;
  }

  /// Marks the requests whose deadline has come as answered, and returns their tickets.
  std::vector<AdvanceTicket> expire(MonotonicTime now) {
    if (now < earliest_) return {};
    std::vector<AdvanceTicket> expired;
    earliest_ = MonotonicTime::max();
    for (Advancing& advancing : requests_) {
      if (advancing.answered) continue;
      if (advancing.deadline > now) {
        earliest_ = std::min(earliest_, advancing.deadline);
      } else {
        advancing.answered = true;
        expired.push_back(advancing.ticket);
      }
    }
    return expired;
  }

  /// Takes out the answered requests, which need no op any more. No op may be under way.
  void drop_answered() {
    std::erase_if(requests_, [](const Advancing& advancing) { return advancing.answered; });
    reset_when_empty();
  }

  /// Takes out all requests, and returns the tickets of the unanswered ones.
  std::vector<AdvanceTicket> clear() {
    std::vector<AdvanceTicket> tickets;
    for (const Advancing& advancing : requests_) {
      if (!advancing.answered) tickets.push_back(advancing.ticket);
    }
    requests_.clear();
    reset_when_empty();
    return tickets;
  }

  void verify() const {
    std::uint64_t last = 0;
    for (const Advancing& advancing : requests_) {
      NEXTID_CHECK(advancing.ticket.number > last);
      NEXTID_CHECK(advancing.answered || advancing.deadline >= earliest_);
      last = advancing.ticket.number;
    }
  }

 private:
  void reset_when_empty() noexcept {
    if (requests_.empty()) earliest_ = MonotonicTime::max();
  }

  std::vector<Advancing> requests_;
  MonotonicTime earliest_ = MonotonicTime::max();
};

}  // namespace nextid::engine
