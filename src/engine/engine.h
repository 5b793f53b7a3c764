// The allocation engine of one counter: a pure state machine. No I/O, no threads, no clock reads,
// no randomness but from its seed; guarded by its owner's lock.
//
// Requests queue. tick() turns the queue into one reserve op for the sum of what they ask for,
// sends it, and splits its result in arrival order. While that op is in flight, new requests wait
// for the next one: so the ids of a request are always reserved after it arrived.
//
// Keeps:
//   I1  each id of a committed op goes to one ticket or is burned, and ops do not overlap: a reply
//       that reaches back to an id this engine already had stops the counter as corrupt.
//   I2  grants come from Committed outcomes or the writer's own slot in the store only.
//   I3  tickets join an op before it is first sent, never later; ids of dead tickets are burned.
//   I4  a ticket's ids are one run inside one op.
//   I5  every id of an op known to be applied is counted as returned or burned.
//   I6  a ticket is refused as exhausted only by a state in which its own count does not fit.
//
// An op in flight never changes: it is repeated as it is until the store's slot tells its fate. An
// op that is given up (no room, new revision, slot gone) is remembered, since a late copy of it may
// still land; the next op's slot tells.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nextid/accounting.h"
#include "nextid/error.h"
#include "nextid/id_range.h"

#include "base/clock.h"
#include "contract/op.h"
#include "engine/backoff.h"
#include "engine/gathering.h"

namespace nextid::engine {

using base::MonotonicTime;
using base::WallMicros;

/// Bounds of one engine. Beyond them a request is refused at once.
struct Limits {
  std::uint64_t max_range = 1'000'000;
  std::uint64_t max_waiting_requests = 100'000;
  std::uint64_t max_waiting_ids = 1'000'000'000;
  std::uint64_t max_reservation = 10'000'000;
};

/// One request. `number` grows in arrival order; `owner` and `tag` are its caller's, never read
/// here.
struct Ticket {
  std::uint64_t number = 0;
  void* owner = nullptr;
  std::uint64_t tag = 0;
};

struct Grant {
  Ticket ticket;
  IdRange range;
};

struct Refusal {
  Ticket ticket;
  Error error;
};

/// One attempt at an op, to be sent to the store once. Its outcome comes back with its number.
struct Attempt {
  std::uint64_t number = 0;
  contract::Op op;
};

/// What the engine wants done. The owner takes it after each call and empties it.
struct Effects {
  std::vector<Grant> grants;
  std::vector<Refusal> refusals;
  std::optional<Attempt> attempt;
  std::vector<std::string> warnings;

  bool empty() const noexcept {
    return grants.empty() && refusals.empty() && !attempt && warnings.empty();
  }
};

class Engine {
 public:
  /// `writer` must be new: never used before by any engine. `seed` drives the jitter of repeats.
  Engine(std::string counter, contract::WriterId writer, const Limits& limits, std::uint64_t seed);

  /// Queues a request for `count` ids, or refuses it. Its ticket's number is returned either way.
  std::uint64_t request(void* owner, std::uint64_t tag, std::uint64_t count,
                        MonotonicTime deadline);

  /// The caller of a ticket is gone. True: it gets no answer, and ids reserved for it are burned.
  /// False: it has its answer already.
  bool cancel(std::uint64_t ticket_number);

  /// What became of an attempt. One that is not the attempt in flight is ignored.
  void outcome(std::uint64_t attempt_number, const contract::Outcome& outcome);

  /// Tells the time, refuses tickets past their deadline, and sends what is due.
  void tick(MonotonicTime now, WallMicros wall_us);

  /// No requests from now on. What waits is served, then the slot is released; at `deadline` what
  /// is left is refused and the slot left to pruning.
  void close(MonotonicTime deadline);

  /// `count` ids, granted earlier, never reached their caller.
  void count_undelivered(std::uint64_t count) noexcept;

  contract::WriterId writer() const noexcept { return writer_; }
  Effects& effects() noexcept { return effects_; }
  /// When tick() is needed next, at the latest, if nothing else happens.
  std::optional<MonotonicTime> wake_at() const;
  bool closed() const noexcept { return phase_ == Phase::kClosed; }
  /// True when nothing waits and nothing is in flight.
  bool idle() const noexcept { return live_waiting_ == 0 && !flight_; }
  const Accounting& accounting() const noexcept { return accounting_; }

 private:
  enum class Phase { kOpen, kClosing, kCorrupt, kClosed };

  struct Waiting {
    Ticket ticket;
    std::uint64_t count = 0;
    MonotonicTime deadline;
    std::optional<BurnReason> dead;  // It gets no ids; any reserved for it are burned as this.
  };

  /// The op in flight, and the attempts at it so far.
  struct Flight {
    contract::Op op;
    std::uint64_t count = 0;       // Ids a reserve asks for.
    std::vector<Waiting> tickets;  // Those a reserve is for, in arrival order.
    bool sent = false;             // An attempt is out; otherwise the next one is due at retry_at.
    bool in_doubt = false;         // Some attempt may have been applied.
    unsigned failures = 0;
    MonotonicTime started;
    MonotonicTime retry_at;
  };

  /// A reserve that was applied since the last tick, which is the first to know the time.
  struct Ended {
    MonotonicTime started;
    std::size_t answered = 0;
  };

  /// An op that is no longer repeated but may still land.
  struct GivenUp {
    contract::Seq seq = 0;
    std::uint64_t count = 0;
  };

  void refuse(const Waiting& waiting, ErrorCode code, const std::string& sentence);
  void bury(Waiting& waiting, BurnReason reason);
  void refuse_everything(ErrorCode code, const std::string& sentence);
  void expire_tickets();
  Error deadline_error() const;

  void start_next_op();
  void start(contract::Op op, std::uint64_t count = 0, std::vector<Waiting> tickets = {});
  void start_reserve();
  std::size_t longest_prefix_that_fits(std::uint64_t& count) const;
  void start_release_or_finish();
  void send();
  contract::Seq next_seq();

  void on_load(const contract::Outcome& outcome);
  void on_reserve(const contract::Outcome& outcome);
  void on_release(const contract::Outcome& outcome);
  void on_reserve_refused(const contract::CounterState& state);
  void repeat_later(const std::string& why, Backoff::Cause cause);
  void adopt(const contract::CounterState& state);
  void reserve_applied(std::int64_t end);
  void split(std::int64_t end);
  bool given_up_op_landed(const contract::Slot& slot);
  void requeue_in_front(std::vector<Waiting> tickets);
  void stop_as_corrupt(const std::string& why);
  void finish();

  const std::string counter_;
  const contract::WriterId writer_;
  const Limits limits_;
  Backoff backoff_;

  Phase phase_ = Phase::kOpen;
  std::string corrupt_why_;
  MonotonicTime now_{};
  WallMicros wall_us_ = 0;
  MonotonicTime close_deadline_{};
  /// No ticket has an earlier deadline; some time may have passed since one had this one.
  MonotonicTime earliest_deadline_ = MonotonicTime::max();

  std::vector<Waiting> waiting_;  // In arrival order, dead ones included until the next op.
  std::size_t live_waiting_ = 0;
  std::uint64_t waiting_ids_ = 0;
  std::uint64_t last_ticket_ = 0;
  std::vector<Waiting> spare_;  // An emptied ticket list, kept for its memory.

  Gathering gathering_;
  std::optional<Ended> ended_;

  std::optional<Flight> flight_;
  std::uint64_t last_attempt_ = 0;
  std::string last_failure_;  // Why the store's last attempt failed; empty when it did not.

  bool loaded_ = false;
  Definition definition_;
  contract::Seq floor_ = 0;
  contract::Seq prev_ = 0;  // What our slot holds, as far as we know; 0 when we have none.
  contract::Seq last_seq_ = 0;
  std::vector<GivenUp> given_up_;
  std::optional<std::uint64_t> room_;  // How many ids fit, as the last refusal showed; one use.
  std::int64_t high_water_ = 0;        // No id at or below it may be granted any more.

  Accounting accounting_;
  Effects effects_;
};

}  // namespace nextid::engine
