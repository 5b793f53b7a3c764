// The op under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "contract/op.h"
#include "engine/request_queue.h"

namespace nextid::engine {

/// What a reserve carries, or the ids that a give-back hands back.
struct Cargo {
  std::uint64_t count = 0;         ///< Ids of the op.
  std::uint64_t held = 0;          ///< Of these, ids that no request asked for.
  std::vector<Waiting> tickets{};  ///< The requests that a reserve is for, in arrival order.
  MonotonicTime earliest_deadline = MonotonicTime::max();  ///< None of them has an earlier one.
};

/// An op and the attempts at it, until its fate is known. The op never changes: it is repeated as
/// it is (I1). Nor does a request join it (I3): the requests that it is for may only die.
class Flight {
 public:
  Flight(contract::Op op, MonotonicTime now, Cargo cargo = {});

  const contract::Op& op() const noexcept { return op_; }
  std::uint64_t count() const noexcept { return cargo_.count; }
  std::uint64_t held() const noexcept { return cargo_.held; }
  const std::vector<Waiting>& tickets() const noexcept { return cargo_.tickets; }
  /// As in Cargo, as long as there are tickets.
  MonotonicTime earliest_deadline() const noexcept { return cargo_.earliest_deadline; }
  MonotonicTime started() const noexcept { return started_; }

  /// An attempt is out. Otherwise the next one is due at retry_at().
  bool sent() const noexcept { return sent_; }
  MonotonicTime retry_at() const noexcept { return retry_at_; }
  /// Some attempt may have been applied.
  bool in_doubt() const noexcept { return in_doubt_; }
  bool may_be_applied() const noexcept { return sent_ || in_doubt_; }

  /// The op, for the next attempt at it; none may be out.
  contract::Op send();
  /// The attempt that is out has an outcome.
  void attempt_ended() noexcept { sent_ = false; }
  /// It may have been applied.
  void doubt() noexcept { in_doubt_ = true; }
  /// The attempt failed: returns how many have failed in a row.
  unsigned attempt_failed() noexcept { return ++failures_; }
  void retry(MonotonicTime at) noexcept { retry_at_ = at; }

  /// As in RequestQueue. The ids of dead requests are reserved all the same.
  bool bury(std::uint64_t number) noexcept;
  std::vector<Ticket> expire(MonotonicTime now);
  std::vector<Ticket> living() const;
  /// Marks the living requests for more than `most` ids as dead, and returns them.
  std::vector<Waiting> bury_larger_than(std::uint64_t most);
  /// The requests are the caller's now; the op has ended.
  std::vector<Waiting> take_tickets() noexcept { return std::move(cargo_.tickets); }

  void verify() const;

  /// A bug of src/base/canary.h: the op becomes another one.
  void forget_doubt(contract::Seq seq);

 private:
  contract::Op op_;
  Cargo cargo_;
  bool sent_ = false;
  bool in_doubt_ = false;
  unsigned failures_ = 0;
  MonotonicTime started_;
  MonotonicTime retry_at_;
};

}  // namespace nextid::engine
