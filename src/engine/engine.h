// The allocation engine of one counter: a pure state machine. No I/O, no threads, no clock reads,
// no randomness but from its seed; guarded by its owner's lock, but for the lane.
//
// Requests queue. tick() turns the queue into one reserve op for the sum of what they ask for,
// sends it, and splits its result in arrival order. While that op is in flight, new requests wait
// for the next one: so the ids of a request are always reserved after it arrived.
//
// A counter whose definition says `cache` > 1 reserves some more, before anyone asks, and keeps
// them in stock; requests that the stock can serve do not wait. Everything else is the same.
//
// Keeps:
//   I1  each id of a committed op goes to one ticket, into the stock, or is burned, and ops do not
//       overlap: a reply that reaches back to an id this engine already had stops the counter as
//       corrupt.
//   I2  ids come from Committed outcomes or the writer's own slot in the store only.
//   I3  tickets join an op before it is first sent, never later; ids of dead tickets are burned.
//       Ids leave in the counter's order: whatever the stock has below a grant is burned first.
//   I4  a ticket's ids are one run: inside one op, or across blocks that adjoin.
//   I5  every id of an op known to be applied is counted as returned or burned, or given back.
//   I6  a ticket is refused as exhausted only by a state in which its own count does not fit.
//   I7  a give-back names the tail that was never handed out, and the value it ends at.
//
// An engine that nobody asks may rest: it gives its tail back and releases its slot, as one does
// that closes, but goes on with the next request. When it is at rest its owner may destroy it, and
// make another one later: with a new writer (I1), a closed lane (I1, I3), and what Predecessor says
// (I1, I7); its accounting is its owner's to keep (I5).
//
// An op in flight never changes: it is repeated as it is until the store's slot tells its fate. An
// op that is given up (no room, new revision, slot gone) is remembered, since a late copy of it may
// still land; the next op's slot tells.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
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
#include "engine/refill.h"
#include "engine/stock.h"

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

/// What becomes of a counter that does not exist when it is first used.
struct FirstUse {
  bool creates = true;      ///< It is made; otherwise its requests are refused as kNotFound.
  std::uint64_t cache = 1;  ///< For its definition, which has all other defaults.
};

/// What the engines of a node share.
struct Rules {
  Limits limits = {};
  FirstUse first_use = {};
  std::string store_url = {};  ///< For sentences: what people give to the command line.
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

/// A request of advance() that has succeeded; the counter as it is now.
struct Advanced {
  Ticket ticket;
  contract::CounterState state;
};

/// One attempt at an op, to be sent to the store once. Its outcome comes back with its number.
struct Attempt {
  std::uint64_t number = 0;
  contract::Op op;
};

/// What the engine wants done. The owner takes it after each call.
struct Effects {
  std::vector<Grant> grants;
  std::vector<Refusal> refusals;
  std::vector<Advanced> advanced;
  std::optional<Attempt> attempt;
  std::vector<std::string> warnings;
  /// Set once, when the engine has stopped for good: the same sentence as Engine::stopped().
  std::string stopped;

  bool empty() const noexcept {
    return grants.empty() && refusals.empty() && advanced.empty() && !attempt && warnings.empty() &&
           stopped.empty();
  }
};

/// Ids that are lent to a cursor, which hands them out by itself.
struct Loan {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t increment = 1;
};

/// What an engine must know of the one that its owner had for the counter before.
struct Predecessor {
  static constexpr std::int64_t kNothingYet = std::numeric_limits<std::int64_t>::min();

  std::uint64_t last_ticket = 0;   ///< Numbers go on above it: an old one hits no new ticket,
  std::uint64_t last_attempt = 0;  ///< and the outcome of an old attempt no new one.
  std::int64_t high_water = kNothingYet;  ///< See Engine::issued(). No id at or below it again.
};

class Engine {
 public:
  /// `writer` must be new: never used before by any engine. `seed` drives the jitter of repeats.
  /// `rules` outlives it. `lane` is the engine's alone, must be closed, and must outlive it.
  Engine(std::string counter, contract::WriterId writer, std::uint64_t seed, const Rules& rules,
         Lane& lane, const Predecessor& predecessor = {});

  /// Its counter had stopped before, with this sentence: it refuses all requests with it. To be
  /// called first.
  void start_stopped(std::string sentence);

  /// Queues a request for `count` ids, or refuses it. Its ticket's number is returned either way.
  std::uint64_t request(void* owner, std::uint64_t tag, std::uint64_t count,
                        MonotonicTime deadline);

  /// The caller of a ticket is gone. True: it gets no answer, and ids reserved for it are burned.
  /// False: it has its answer already.
  bool cancel(std::uint64_t ticket_number);

  /// Raises the counter's value to at least `to`, 1 ... kMaxId. Succeeds as an Advanced, or is
  /// refused; its ticket's number is returned.
  std::uint64_t advance(void* owner, std::int64_t to, MonotonicTime deadline);

  /// From which any thread may take ids, without the lock. Who gets none calls mark_reached() and
  /// tick(), and tries again, or makes a request.
  Lane& lane() noexcept { return stock_.lane(); }
  void mark_reached() noexcept {
    rest_ = Rest::kNone;
    stock_.lane().pass_mark();
  }

  /// Lends up to `most` ids of the stock to a cursor, or nothing. They still count as ids that
  /// nobody asked for.
  std::optional<Loan> lend(std::uint64_t most);
  /// A loan of `lent` ids has ended; what is left of it serves other cursors.
  void settle(std::uint64_t lent, const Loan& rest);

  /// What became of an attempt. One that is not the attempt in flight is ignored.
  void outcome(std::uint64_t attempt_number, const contract::Outcome& outcome);

  /// Tells the time, refuses tickets past their deadline, and sends what is due.
  void tick(MonotonicTime now, WallMicros wall_us);

  /// Nobody has asked for long: the stock's tail is given back, and the slot released, as far as
  /// that is done by `deadline`, and until somebody asks. Does nothing while anything is under way
  /// or lent. What cursors left is burned. One that has stopped has nothing but its sentence.
  void rest(MonotonicTime deadline);
  bool resting() const noexcept { return rest_ != Rest::kNone; }
  /// True from the tick on in which it has nothing left, neither ids nor a slot.
  bool at_rest() const noexcept { return rest_ == Rest::kDone && lent_ == 0; }
  /// For the next engine of the counter, once this one is at rest.
  Predecessor as_predecessor() const noexcept { return {last_ticket_, last_attempt_, issued()}; }

  /// The highest value that this engine, or one before it, can't take back: up to it every id was
  /// handed out or burned, or was somebody else's. Nothing that nodes do in order brings the store
  /// below it (I8), not even when this node gives back what it has in stock, and another one then
  /// what lies below that. So it is not the end of a block while its tail may go back; and where
  /// nobody took an id of the last block yet, it is the mark from before that block. Never falls.
  std::int64_t issued() const noexcept;

  /// The store as a whole is in doubt, as `why` says: stops, as if an op had met a damaged counter.
  /// What is in stock goes with it (I8); what is lent stays with its cursors. Idempotent.
  void doubt_store(const std::string& why);

  /// No requests from now on. What waits is served, then the stock's tail is given back, and the
  /// slot is released; at `deadline` what is left is refused, and the slot left to pruning.
  void close(MonotonicTime deadline);

  /// `count` ids, granted earlier, reached no caller.
  void count_as_burned(std::uint64_t count, BurnReason reason) noexcept;

  contract::WriterId writer() const noexcept { return writer_; }
  /// What it wants done; empty afterwards.
  Effects take_effects();
  /// When tick() is needed next, at the latest, if nothing else happens.
  std::optional<MonotonicTime> wake_at() const;
  bool closed() const noexcept { return phase_ == Phase::kClosed; }
  /// True when it has stopped, since the store contradicts what it knows.
  bool corrupt() const noexcept { return phase_ == Phase::kCorrupt; }
  /// Why it has stopped, and what to run: a sentence. Empty while it has not. Outlives close().
  const std::string& stopped() const noexcept { return stopped_; }
  /// True when nothing waits and nothing is in flight.
  bool idle() const noexcept { return live_waiting_ == 0 && !flight_ && advances_.empty(); }
  /// Ids taken from the stock so far, by the lane or by requests.
  std::uint64_t taken_from_stock() const noexcept { return stock_.handed_out(); }
  Accounting accounting() const noexcept;
  /// Ids reserved that nobody asked for yet: in stock, lent, and in flight. At most `cache` - 1.
  std::uint64_t unasked() const noexcept;
  /// Requests without an answer yet.
  std::uint64_t waiting_requests() const noexcept {
    return live_waiting_ + (flight_ ? flight_->tickets.size() : 0);
  }
  /// The counter's value after this engine's last op; below any id before the first one.
  std::int64_t last_value() const noexcept { return high_water_; }
  /// As the store last showed it; null before that.
  const Definition* definition() const noexcept { return loaded_ ? &definition_ : nullptr; }

 private:
  enum class Phase { kOpen, kClosing, kCorrupt, kClosed };
  enum class Rest { kNone, kUnderWay, kDone };

  struct Waiting {
    Ticket ticket;
    std::uint64_t count = 0;
    MonotonicTime deadline;
    std::optional<BurnReason> dead;  // It gets no ids; any reserved for it are burned as this.
  };

  /// The op in flight, and the attempts at it so far.
  struct Flight {
    contract::Op op;
    std::uint64_t count = 0;       // Ids a reserve asks for, or a give-back hands back.
    std::uint64_t surplus = 0;     // Of these, those that nobody asked for.
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

  /// An op that is no longer repeated but may still land: a reserve of so many ids, an advance, or
  /// the give-back of tail_.
  struct GivenUp {
    enum class Kind { kReserve, kAdvance, kGiveBack };
    Kind kind = Kind::kReserve;
    contract::Seq seq = 0;
    std::uint64_t count = 0;
    std::int64_t advance_to = 0;
  };

  /// How many ids fit above a value of the counter.
  struct Room {
    std::uint64_t above = 0;
    std::int64_t value = 0;
  };

  struct Advancing {
    Ticket ticket;
    std::int64_t to = 0;
    MonotonicTime deadline;
    bool answered = false;  // Refused at its deadline, while its op goes on.
  };

  Effects& effects();
  std::optional<Error> reason_to_refuse(std::uint64_t count) const;
  void refuse(const Waiting& waiting, ErrorCode code, const std::string& sentence);
  void bury(Waiting& waiting, BurnReason reason);
  void refuse_everything(ErrorCode code, const std::string& sentence);
  void expire_tickets();
  void expire_advances(const Error& error);
  Error deadline_error() const;

  void serve_from_stock();
  void start_next_op();
  void start(contract::Op op);
  void start_reserve();
  std::vector<Waiting> take_from_queue(std::size_t taken, std::uint64_t count);
  std::size_t longest_prefix_that_fits(std::uint64_t& count) const;
  bool wants_refill() const;
  std::uint64_t surplus_for(std::uint64_t demand) const;
  void start_closing_op();
  void set_tail_aside();
  void drop_tail();
  void drop_loan_rests();
  void put_off_rest();
  void send();
  contract::Seq next_seq();

  void on_load(const contract::Outcome& outcome);
  void on_first_load(const contract::CounterState& state);
  void on_reserve(const contract::Outcome& outcome);
  void on_advance(const contract::Outcome& outcome);
  void on_give_back(const contract::Outcome& outcome);
  void on_release(const contract::Outcome& outcome);
  void on_reserve_refused(const contract::CounterState& state);
  void on_advance_refused(const contract::CounterState& state);
  void on_give_back_refused(const contract::CounterState& state);
  void refuse_as_not_found();
  void refuse_exhausted(Room room);
  std::uint64_t largest_run(const Room& room) const;
  std::int64_t lowest_value() const noexcept;
  bool contradicts(const contract::CounterState& state, contract::Seq seq, contract::Seq prev);
  bool lost_slot(const contract::CounterState& state, contract::Seq seq);
  void repeat_later(const std::string& why, Backoff::Cause cause);
  void adopt(const contract::CounterState& state);
  void reserve_applied(std::int64_t end);
  void split(Block fresh);
  void count_batch(std::size_t requests) noexcept;
  void advance_applied(std::int64_t before);
  void give_back_applied();
  void continue_advance(const contract::CounterState& state);
  void advance_succeeded(contract::CounterState state);
  bool given_up_op_landed(const contract::Slot& slot);
  void requeue_in_front(std::vector<Waiting> tickets);
  void burn(BurnReason reason, std::uint64_t count) noexcept;
  void stop_as_set_back(std::int64_t value);
  void stop_as_vanished();
  void stop_as_contradicted(const std::string& what);
  void stop_as_damaged(const std::string& why);
  std::string issued_so_far() const;
  std::string what_to_run() const;
  void stop(std::string sentence);
  void finish();

  const std::string counter_;
  const contract::WriterId writer_;
  const Rules& rules_;
  Backoff backoff_;

  Phase phase_ = Phase::kOpen;
  MonotonicTime now_{};
  WallMicros wall_us_ = 0;
  Rest rest_ = Rest::kNone;
  MonotonicTime close_deadline_{};  // Or that of rest().
  /// No ticket has an earlier deadline; some time may have passed since one had this one.
  MonotonicTime earliest_deadline_ = MonotonicTime::max();

  std::vector<Waiting> waiting_;  // In arrival order, dead ones included until the next op.
  std::size_t live_waiting_ = 0;
  std::uint64_t waiting_ids_ = 0;
  std::uint64_t last_ticket_ = 0;
  std::uint64_t seen_ticket_ = 0;  // The last one at the last tick: later ones have not waited.
  std::vector<Waiting> spare_;     // An emptied ticket list, kept for its memory.
  std::vector<Advancing> advances_;

  Stock stock_;
  Refill refill_;
  bool refill_paused_ = false;  // The store showed no room for one.
  Block tail_;                  // Of the stock, when it was set aside to be given back.
  bool tail_offered_ = false;   // Once: its fate shows in the slot.
  std::uint64_t lent_ = 0;      // Ids of loans that have not ended, and of loan_rests_.
  std::vector<Loan> loan_rests_;

  Gathering gathering_;
  std::optional<Ended> ended_;

  std::unique_ptr<Flight> flight_;
  std::uint64_t last_attempt_ = 0;
  std::string last_failure_;  // Why the store's last attempt failed.
  std::string stopped_;

  bool loaded_ = false;
  Definition definition_;
  contract::Seq floor_ = 0;
  contract::Seq prev_ = 0;  // What our slot holds, as far as we know; 0 when we have none.
  contract::Seq last_seq_ = 0;
  std::vector<GivenUp> given_up_;
  std::optional<Room> room_;     // As a refusal just showed; for the next tick alone.
  std::int64_t high_water_ = 0;  // No id at or below it may be granted any more.

  std::uint64_t granted_by_ops_ = 0;
  Accounting accounting_;             // Without the ids that the stock handed out.
  std::unique_ptr<Effects> effects_;  // While there are any.
};

}  // namespace nextid::engine
