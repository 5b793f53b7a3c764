// The allocation engine of one counter: a pure state machine. No I/O, no threads, no clock reads,
// no randomness but from its seed. Guarded by its owner's lock, except the lane.
//
// Requests queue. tick() turns the queue into one reserve op for the sum of what they ask for,
// sends it, and splits its result in arrival order. While that op is in flight, new requests wait
// for the next one: so the ids of a request are always reserved after it arrived.
//
// For a counter whose definition says `cache` > 1 it reserves some more ids before they are asked
// for, and holds them in stock; requests that the stock can serve do not wait. All else is the
// same.
//
// The engine decides; its parts keep the state, each with its own invariants: the requests that
// wait (RequestQueue, Advances), the op under way (Flight), the slot (SlotWriter), the ids held
// (Reservoir), and where ids went (Books). A part returns what it refused, dropped or lent, and
// knows nothing of the engine or of the other parts.
//
// Keeps:
//   I1  each id of a committed op goes to one ticket, into the stock, or is burned, and ops do not
//       overlap: a reply that reaches back to an id this engine already had stops the counter as
//       corrupt.
//   I2  ids come from Committed outcomes or the writer's own slot in the store only.
//   I3  tickets join an op before it is first sent, never later; ids of dead tickets are burned.
//       Ids leave in the counter's order: whatever the stock has below a grant is burned first.
//   I4  a ticket's ids are one run: inside one op, or across blocks that adjoin.
//   I5  every id of an op known to be applied is returned, burned or held, or was given back.
//   I6  a ticket is refused as exhausted only by a state in which its own count does not fit.
//   I7  a give-back names the tail that was never handed out, and the value it ends at.
//
// An idle engine may be put to rest: it gives its tail back and releases its slot, as a closing one
// does, but goes on with the next request. Once it is at rest its owner may destroy it, and make
// another one later, with a new writer (I1), a closed lane (I1, I3), and its Predecessor (I1, I7).
// The owner keeps the accounting of the engines that it destroyed (I5).
//
// An op in flight never changes: it is repeated as it is until the store's slot tells its fate. An
// op that is given up (no room, new revision, slot gone) is remembered, since a late copy of it may
// still land; the next op's slot tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "nextid/accounting.h"
#include "nextid/error.h"

#include "base/clock.h"
#include "contract/op.h"
#include "engine/advances.h"
#include "engine/answer.h"
#include "engine/backoff.h"
#include "engine/books.h"
#include "engine/effects.h"
#include "engine/flight.h"
#include "engine/gathering.h"
#include "engine/outbox.h"
#include "engine/request_queue.h"
#include "engine/reservoir.h"
#include "engine/seat.h"
#include "engine/sentences.h"
#include "engine/slot_writer.h"

namespace nextid::engine {

using base::MonotonicTime;
using base::WallMicros;

class Engine {
 public:
  explicit Engine(Seat seat);

  /// Queues a request for `count` ids, or refuses it. Returns the number of its ticket either way.
  std::uint64_t request(RangeReceiver* receiver, std::uint64_t tag, std::uint64_t count,
                        MonotonicTime deadline);

  /// The caller of a ticket is gone. True: it gets no answer, and ids reserved for it are burned.
  /// False: it has its answer already.
  bool cancel(std::uint64_t ticket_number);

  /// Raises the counter's value to at least `to`, 1 ... kMaxId. Ends in an AdvanceAnswer. Returns
  /// the number of its ticket.
  std::uint64_t advance(AdvanceReceiver* receiver, std::int64_t to, MonotonicTime deadline);

  /// Any thread may take ids from it without the lock. A caller that gets none calls mark_reached()
  /// and tick(), then tries again or makes a request.
  Lane& lane() noexcept { return reservoir_.lane(); }
  void mark_reached() noexcept {
    wake();
    lane().pass_mark();
  }

  /// Lends ids to a cursor, or nothing: what another cursor left, or up to `most` ids of the stock.
  /// They are still held.
  std::optional<Loan> lend(std::uint64_t most);
  /// A loan of `lent` ids has ended; the ids `left` of it serve other cursors.
  void settle(std::uint64_t lent, const Loan& left);

  /// Takes in what became of an attempt; ignored unless it is the attempt in flight.
  void outcome(std::uint64_t attempt_number, const contract::Outcome& outcome);

  /// Tells the time, refuses tickets past their deadline, and sends what is due.
  void tick(MonotonicTime now, WallMicros wall_us);

  /// Puts an idle engine to sleep: gives the tail of its stock back and releases its slot. Stops at
  /// `deadline`, or at the next request. Does nothing while anything is under way or lent. Burns
  /// the ids that cursors left. An engine that has stopped is at rest at once.
  void rest(MonotonicTime deadline);
  bool resting() const noexcept { return phase_ == Phase::kResting || phase_ == Phase::kAtRest; }
  /// True from the first tick that finds nothing left, neither ids nor a slot.
  bool at_rest() const noexcept { return phase_ == Phase::kAtRest && !reservoir_.has_loans(); }
  /// For the next engine of the counter, once this one is at rest.
  Predecessor as_predecessor() const { return {last_ticket_, last_attempt_, issued(), stopped_}; }

  /// The highest value that neither this engine nor one before it can take back: every id up to it
  /// was handed out, burned, or another node's. While nodes work in order the store never falls
  /// below it (I8), not even when this node gives its stock back and another node then gives back
  /// the ids right below. So while the tail of a block may go back, it is not the end of that
  /// block; and while no id of the last block was taken, it is what it was before that block. Never
  /// falls.
  std::int64_t issued() const noexcept { return reservoir_.issued(writer_.high_water()); }

  /// The store as a whole is in doubt, for the reason `why`: stops the engine, as a damaged counter
  /// does. Ids in stock are dropped (I8); lent ids stay with their cursors. Idempotent.
  void doubt_store(const std::string& why);

  /// The counter was deleted: its ids in stock are burned, and before it reserves again it looks
  /// whether the counter was brought back. Lent ids stay with their cursors. Idempotent.
  void see_deletion();

  /// Takes no more requests. Serves those that wait, then gives the stock's tail back and releases
  /// the slot. At `deadline` it refuses the requests that are left, and leaves the slot to pruning.
  void close(MonotonicTime deadline);

  /// `count` ids, granted earlier, reached no caller.
  void count_as_burned(std::uint64_t count, BurnReason reason) noexcept {
    books_.not_returned(count, reason);
  }

  contract::WriterId writer() const noexcept { return writer_.id(); }
  /// What it wants done; empty afterwards.
  Effects take_effects() { return outbox_.take(); }
  /// When tick() is needed next, at the latest, if nothing else happens.
  std::optional<MonotonicTime> wake_at() const;
  bool closed() const noexcept { return phase_ == Phase::kClosed; }
  /// True when it has stopped, since the store contradicts what it knows; until it is closed.
  bool corrupt() const noexcept { return !stopped_.empty() && phase_ != Phase::kClosed; }
  /// Why it has stopped, and what to run: a sentence. Empty while it has not. Outlives close().
  const std::string& stopped() const noexcept { return stopped_; }
  /// True while a request waits that no op carries, or an advance without an answer.
  bool is_asked() const noexcept {
    return !queue_.empty() || advances_.earliest_deadline() != MonotonicTime::max();
  }
  /// True when nothing waits and nothing is in flight.
  bool idle() const noexcept { return queue_.empty() && !flight_ && advances_.empty(); }
  /// Ids taken from the stock so far, by the lane or by requests.
  std::uint64_t taken_from_stock() const noexcept { return reservoir_.taken_from_stock(); }
  Accounting accounting() const noexcept { return books_.accounting(reservoir_.returned()); }
  /// Ids held: reserved, and not asked for yet. They are in stock, lent, about to go back, or in
  /// flight. At most `cache` - 1.
  std::uint64_t held() const noexcept {
    return reservoir_.held() + (flight_ ? flight_->held() : 0);
  }
  /// Requests without an answer yet.
  std::uint64_t waiting_requests() const noexcept {
    return queue_.living() + (flight_ ? flight_->tickets().size() : 0);
  }
  /// The counter's value after this engine's last op; before the first one,
  /// Predecessor::high_water.
  std::int64_t last_value() const noexcept { return writer_.high_water(); }
  /// As the store last showed it; null before that.
  const Definition* definition() const noexcept { return loaded_ ? &definition_ : nullptr; }

  /// The invariants of its parts, and I5: each id of an applied op is returned, burned or held, or
  /// went back.
  void verify() const;

 private:
  /// kOpen leads to kResting, then kAtRest, and the next request leads back; close() leads to
  /// kClosing, then kClosed. All but kClosed lead to kCorrupt, and kCorrupt only to kAtRest or
  /// kClosed.
  enum class Phase {
    kOpen,
    kResting,  // Until until_ it gives back what it has.
    kAtRest,   // It has nothing left to give back.
    kClosing,  // At until_ at the latest it is kClosed.
    kClosed,
    kCorrupt,
  };

  /// A reserve that was applied since the last tick. Only ticks know the time, so the next one
  /// deals with it.
  struct Ended {
    MonotonicTime started;
    std::size_t answered = 0;
  };

  /// How many ids fit above a value of the counter.
  struct Room {
    std::uint64_t above = 0;
    std::int64_t value = 0;
  };

  // Requests, and their ends.
  std::optional<Error> reason_to_refuse(std::uint64_t count) const;
  void refuse_everything(const Error& error);
  void expire_requests();
  void wake() noexcept;

  // What is due.
  void serve_from_stock();
  void start_next_op();
  void start(contract::Op op, Cargo cargo = {});
  void start_load();
  void start_reserve();
  std::uint64_t most_in_one_op() const;
  std::uint64_t to_hold_beyond(std::uint64_t demand) const;
  void start_ending_op();
  void put_off_rest();
  void close_unfinished();
  void send();

  // Outcomes.
  void on_answer(const Answer& answer);
  void on_found(const contract::CounterState& state);
  void on_missing();
  void repeat_later(const std::string& why, Backoff::Cause cause);

  // What a refusal's state means.
  Reading read(const contract::CounterState& state, const SlotOp& op) const;
  bool take_in(const Reading& reading, const contract::CounterState& state);
  void op_landed(const GivenUp& op, const contract::Slot& slot);
  void adopt(const contract::CounterState& state);
  void give_up(const GivenUp& op, const Reading& reading);
  void reserve_refused(const contract::Reserve& op, const contract::CounterState& state);
  void advance_refused(const contract::Advance& op, const contract::CounterState& state);
  void give_back_refused(const contract::GiveBack& op, const contract::CounterState& state);
  void release_refused(const contract::CounterState& state);
  void take_in_room(const Room& room);
  void refuse_deleted();
  std::uint64_t largest_run(const Room& room) const;

  // What an applied op means.
  void reserve_applied(const contract::Reserve& op, std::int64_t end);
  void split(Block fresh);
  void advance_applied(const contract::Advance& op, std::int64_t before);
  void continue_advance(const contract::CounterState& state);
  void advance_succeeded(contract::CounterState state);
  void give_back_applied(const contract::GiveBack& op);
  void slot_released();

  // The end.
  void drop_tail();
  void stop_as_set_back(std::int64_t value);
  void stop_as_contradicted(const std::string& what);
  void stop_as_unfit(const char* op);
  void stop(std::string sentence);
  void finish();

  std::int64_t lowest_value() const noexcept { return reservoir_.lowest(writer_.high_water()); }
  Sentences say() const noexcept { return {counter_, rules_}; }
  void settled() const;

  const std::string counter_;
  const Rules& rules_;
  FirstUsePermit* const permit_;  // Or null.
  Backoff backoff_;

  Phase phase_ = Phase::kOpen;
  MonotonicTime until_{};
  std::string stopped_;
  MonotonicTime now_{};
  WallMicros wall_us_ = 0;

  RequestQueue queue_;
  Advances advances_;
  std::uint64_t last_ticket_ = 0;
  std::uint64_t seen_ticket_ = 0;  // The last one at the last tick: later ones have not waited.

  Reservoir reservoir_;
  Gathering gathering_;
  std::optional<Ended> ended_;

  std::unique_ptr<Flight> flight_;
  std::uint64_t last_attempt_ = 0;
  std::string last_failure_;  // Why the store's last attempt failed.

  bool loaded_ = false;
  Definition definition_;
  bool deleted_ = false;           // As the store last showed, or somebody told.
  std::uint64_t loading_for_ = 0;  // The last ticket when the last load began.
  SlotWriter writer_;
  std::optional<Room> room_;  // As a refusal just showed; for the next tick alone.

  Books books_;
  Outbox outbox_;
};

}  // namespace nextid::engine
