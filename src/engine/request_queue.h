// The requests for ids that no op carries yet.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "nextid/accounting.h"

#include "base/clock.h"
#include "engine/effects.h"

namespace nextid::engine {

using base::MonotonicTime;

/// A request for ids without an answer. A dead one gets none: its caller is gone, or has been
/// refused.
struct Waiting {
  Ticket ticket;
  std::uint64_t count = 0;
  MonotonicTime deadline;
  /// Ids that were reserved for a dead request are burned as this.
  std::optional<BurnReason> dead;
};

/// The living request of this number, or null. `requests` are in arrival order.
Waiting* find_living(std::vector<Waiting>& requests, std::uint64_t number) noexcept;

/// Marks the living requests whose deadline has come as dead, and returns their tickets. The
/// earliest deadline of the others goes into `earliest`.
std::vector<Ticket> expire_living(std::vector<Waiting>& requests, MonotonicTime now,
                                  MonotonicTime& earliest);

/// Requests in arrival order, with the sums of what they ask for. Keeps I3: no request leaves
/// before an earlier one, and requests that come back go to the front.
///
/// A dead request stays in its place until the queue is next cut: taking it out at once would move
/// all behind it.
class RequestQueue {
 public:
  /// Requests at the front, and the ids that they ask for.
  struct Prefix {
    std::size_t requests = 0;
    std::uint64_t ids = 0;
  };

  /// Living requests, and the ids that they ask for.
  std::size_t living() const noexcept { return living_; }
  std::uint64_t ids() const noexcept { return ids_; }
  bool empty() const noexcept { return living_ == 0; }
  /// No living request has an earlier deadline.
  MonotonicTime earliest_deadline() const noexcept { return earliest_; }

  /// `ticket` is later than all before.
  void push(const Ticket& ticket, std::uint64_t count, MonotonicTime deadline) {
    requests_.push_back(Waiting{ticket, count, deadline, std::nullopt});
    ++living_;
    ids_ += count;
    earliest_ = std::min(earliest_, deadline);
  }

  /// The caller of a request is gone: marks it as dead. False if no living one has this number.
  bool bury(std::uint64_t number);
  /// Takes out the requests whose deadline has come, and returns their tickets.
  std::vector<Ticket> expire(MonotonicTime now);
  /// Takes out all living requests, and returns their tickets.
  std::vector<Ticket> clear();

  /// Offers each living request to `serve`, in order, until it returns false: that one and those
  /// behind it stay.
  template <typename Serve>
  void serve(const Serve& serve);

  /// The longest prefix that asks for `most` ids or fewer, and for no more than fit into 64 bits
  /// with this increment. One request at least, whatever it asks for. The queue must not be empty.
  Prefix longest_prefix(std::uint64_t most, std::uint64_t increment);
  /// Takes out the requests of a prefix that longest_prefix() has just found.
  std::vector<Waiting> take(const Prefix& prefix);
  /// Requests that take() gave out, and that are older than all here, wait again; the dead among
  /// them are dropped.
  void put_back(std::vector<Waiting> requests);
  /// Keeps the memory of a list that take() gave out, for the next one.
  void recycle(std::vector<Waiting> emptied) noexcept;

  void verify() const;

 private:
  void drop_dead();
  void forget(const Waiting& living) noexcept;
  void reset_when_empty() noexcept;

  std::vector<Waiting> requests_;  // In arrival order, dead ones included.
  std::size_t living_ = 0;
  std::uint64_t ids_ = 0;
  MonotonicTime earliest_ = MonotonicTime::max();
  std::vector<Waiting> spare_;  // Empty.
};

template <typename Serve>
void RequestQueue::serve(const Serve& serve) {
  std::size_t left = 0;
  for (const Waiting& waiting : requests_) {
    if (!waiting.dead) {
      if (!serve(waiting)) break;
      forget(waiting);
    }
    ++left;
  }
  requests_.erase(requests_.begin(), requests_.begin() + static_cast<std::ptrdiff_t>(left));
  reset_when_empty();
}

}  // namespace nextid::engine
