#include "engine/engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/checked.h"

namespace nextid::engine {
namespace {

constexpr std::int64_t kBelowAnyValue = std::numeric_limits<std::int64_t>::min();
constexpr std::uint64_t kMaxStep = std::numeric_limits<std::uint64_t>::max();

}  // namespace

Engine::Engine(Seat seat)
    : counter_(std::move(seat.counter)),
      rules_(seat.rules),
      permit_(seat.permit),
      backoff_(seat.seed),
      phase_(seat.predecessor.stopped.empty() ? Phase::kOpen : Phase::kCorrupt),
      stopped_(std::move(seat.predecessor.stopped)),
      last_ticket_(seat.predecessor.last_ticket),
      reservoir_(seat.lane),
      last_attempt_(seat.predecessor.last_attempt),
      writer_(seat.writer, seat.predecessor.high_water) {}

// --- Requests and their ends

std::uint64_t Engine::request(RangeReceiver* receiver, std::uint64_t tag, std::uint64_t count,
                              MonotonicTime deadline) {
  const Ticket ticket{++last_ticket_, receiver, tag};
  if (const auto error = reason_to_refuse(count)) {
    outbox_.refuse(ticket, *error);
  } else {
    wake();
    queue_.push(ticket, count, deadline);
  }
  return ticket.number;
}

std::optional<Error> Engine::reason_to_refuse(std::uint64_t count) const {
  const Limits& limits = rules_.limits;
  if (count == 0 || count > limits.max_range) return say().bad_count(count);
  if (corrupt()) return Error(ErrorCode::kCorrupt, stopped_);
  if (phase_ == Phase::kClosing || phase_ == Phase::kClosed) return say().being_closed();
  if (queue_.living() >= limits.max_waiting_requests) {
    return say().too_many_requests(queue_.living());
  }
  if (count > limits.max_waiting_ids - queue_.ids()) {
    return say().too_many_ids(queue_.ids(), count);
  }
  return std::nullopt;
}

std::uint64_t Engine::advance(AdvanceReceiver* receiver, std::int64_t to, MonotonicTime deadline) {
  const AdvanceTicket ticket{++last_ticket_, receiver};
  if (const auto error = reason_to_refuse(1)) {
    outbox_.refuse(ticket, *error);
  } else {
    wake();
    advances_.push(ticket, to, deadline);
  }
  return ticket.number;
}

/// A request has come: the engine goes on as before it was put to rest.
void Engine::wake() noexcept {
  if (resting()) phase_ = stopped_.empty() ? Phase::kOpen : Phase::kCorrupt;
}

bool Engine::cancel(std::uint64_t ticket_number) {
  return queue_.bury(ticket_number) || (flight_ && flight_->bury(ticket_number));
}

void Engine::refuse_everything(const Error& error) {
  if (flight_) outbox_.refuse(flight_->living(), error);
  outbox_.refuse(queue_.clear(), error);
  outbox_.refuse(advances_.clear(), error);
  flight_.reset();
}

void Engine::expire_requests() {
  const auto refuse_late = [this](const auto& late) {
    if (!late.empty()) outbox_.refuse(late, say().late(last_failure_));
  };
  if (flight_) refuse_late(flight_->expire(now_));
  refuse_late(queue_.expire(now_));
  refuse_late(advances_.expire(now_));
}

// --- Time, and what is due

void Engine::tick(MonotonicTime now, WallMicros wall_us) {
  now_ = now;
  wall_us_ = wall_us;
  expire_requests();
  if (ended_) {
    gathering_.op_ended(now_, now_ - ended_->started, ended_->answered, queue_.living());
    reservoir_.op_ended(now_);
    ended_.reset();
  }
  if (phase_ == Phase::kClosing && now_ >= until_) close_unfinished();
  if (phase_ == Phase::kResting && now_ >= until_) put_off_rest();
  if (!flight_ || flight_->tickets().empty()) serve_from_stock();
  if (!flight_) start_next_op();
  // It holds for this tick's op only: other nodes reserve and give back.
  room_.reset();
  if (flight_ && !flight_->sent() && now_ >= flight_->retry_at()) send();
  seen_ticket_ = last_ticket_;
  settled();
}

/// Grants ids of the stock in arrival order. Not called while requests wait for an op in flight, so
/// that small requests do not pass a large range for ever.
void Engine::serve_from_stock() {
  if (queue_.empty() || reservoir_.out_of_stock()) return;
  std::uint64_t left_out = 0;
  queue_.serve([&](const Waiting& waiting) {
    const auto first = reservoir_.take(waiting.count, left_out);
    if (!first) return false;
    if (waiting.ticket.number <= seen_ticket_) books_.waited();
    outbox_.grant(waiting, *first, definition_.increment);
    return true;
  });
  books_.burned(BurnReason::kDiscard, left_out);
}

std::optional<MonotonicTime> Engine::wake_at() const {
  MonotonicTime at = std::min(queue_.earliest_deadline(), advances_.earliest_deadline());
  if (!flight_ && !queue_.empty()) at = std::min(at, gathering_.wait_end());
  if (flight_) at = std::min(at, flight_->earliest_deadline());
  if (flight_ && !flight_->sent()) at = std::min(at, flight_->retry_at());
  if (phase_ == Phase::kClosing) at = std::min(at, until_);
  if (at == MonotonicTime::max()) return std::nullopt;
  return at;
}

void Engine::close(MonotonicTime deadline) {
  if (phase_ == Phase::kClosing || phase_ == Phase::kClosed) return;
  if (corrupt()) return finish();
  phase_ = Phase::kClosing;
  until_ = deadline;
}

/// The deadline of close() has come.
void Engine::close_unfinished() {
  if (flight_ && flight_->count() > 0 && flight_->may_be_applied()) {
    outbox_.warn(say().closed_in_doubt(flight_->count()));
  }
  refuse_everything(say().closed());
  finish();
}

void Engine::rest(MonotonicTime deadline) {
  const bool may_rest = phase_ != Phase::kClosing && phase_ != Phase::kClosed;
  if (!may_rest || !idle() || reservoir_.cursors_hold_ids()) return;
  books_.burned(BurnReason::kDiscard, reservoir_.drop_left_by_cursors());
  phase_ = corrupt() ? Phase::kAtRest : Phase::kResting;
  until_ = deadline;
}

/// The deadline of rest() has come. An op that failed is given up; nothing else starts before the
/// next request, or rest().
void Engine::put_off_rest() {
  if (!flight_ || flight_->sent()) return;
  if (const auto* op = std::get_if<contract::GiveBack>(&flight_->op())) {
    writer_.give_up({GivenUp::Kind::kGiveBack, op->seq});
  }
  flight_.reset();
}

void Engine::finish() {
  phase_ = Phase::kClosed;
  drop_tail();
  books_.burned(BurnReason::kDiscard, reservoir_.close());
}

void Engine::start_next_op() {
  if (phase_ == Phase::kCorrupt || phase_ == Phase::kClosed || phase_ == Phase::kAtRest) return;
  advances_.drop_answered();
  const bool asked = !queue_.empty() || !advances_.empty();
  if (!asked && phase_ != Phase::kOpen) {
    if (phase_ == Phase::kClosing || now_ < until_) start_ending_op();
  } else if (!asked && !reservoir_.wants_refill(definition_.cache)) {
    return;
  } else if (!loaded_ || deleted_) {
    start_load();
  } else if (writer_.gave_up_too_many() || reservoir_.has_tail()) {
    // After it no op given up can land. A tail that was offered has gone back by then, or is burned
    // (I6).
    start(contract::Release{counter_, writer_.id(), writer_.next_seq(wall_us_), writer_.prev()});
  } else if (!advances_.empty()) {
    start_load();  // The state shows whether an op is needed.
  } else {
    // Requests of a cached counter seldom wait for an op, so there are none to gather.
    const bool at_once = phase_ == Phase::kClosing || definition_.cache > 1;
    if (at_once || gathering_.should_start(now_, queue_.living())) start_reserve();
  }
}

void Engine::start(contract::Op op, Cargo cargo) {
  flight_ = std::make_unique<Flight>(std::move(op), now_, std::move(cargo));
}

void Engine::start_load() {
  loading_for_ = last_ticket_;
  start(contract::Load{counter_, writer_.id()});
}

/// One op for the longest prefix of the queue that keeps every bound (I3: the tickets of an op are
/// fixed before it is first sent), and for what the stock lacks.
void Engine::start_reserve() {
  RequestQueue::Prefix demand;
  if (!queue_.empty()) demand = queue_.longest_prefix(most_in_one_op(), definition_.increment);
  reservoir_.op_starts(now_, demand.ids, definition_.cache);
  std::uint64_t count = demand.ids + to_hold_beyond(demand.ids);
  const bool may_fit = room_ && demand.ids <= largest_run(*room_);
  if (may_fit) count = std::max<std::uint64_t>(std::min(count, room_->above), 1);
  if (count == 0) return;  // Demand has fallen so far that the stock will do.
  if (count < demand.ids) reservoir_.withhold();  // The other ids are in the stock.

  contract::Reserve op{
      counter_, writer_.id(), writer_.next_seq(wall_us_), writer_.prev(), definition_.revision, 0,
      0};
  // A step that overflows fits nowhere. A limit that no value meets makes the store refuse and show
  // its state.
  op.step = base::checked_mul<std::uint64_t>(count, definition_.increment).value_or(kMaxStep);
  op.limit = base::checked_sub<std::int64_t>(definition_.max, op.step).value_or(kBelowAnyValue);
  Cargo cargo;
  cargo.count = count;
  cargo.held = count > demand.ids ? count - demand.ids : 0;
  cargo.earliest_deadline = queue_.earliest_deadline();
  cargo.tickets = queue_.take(demand);
  start(std::move(op), std::move(cargo));
}

std::uint64_t Engine::most_in_one_op() const {
  const std::uint64_t most = rules_.limits.max_reservation;
  return room_ ? std::min(most, largest_run(*room_)) : most;
}

/// Ids to reserve beyond the demand: what the stock lacks, within every bound.
std::uint64_t Engine::to_hold_beyond(std::uint64_t demand) const {
  if (phase_ == Phase::kClosing) return 0;
  const std::uint64_t most = rules_.limits.max_reservation;
  const std::uint64_t count =
      std::min(reservoir_.lacking(definition_.cache), most - std::min(most, demand));
  const bool overflows = !base::checked_mul<std::uint64_t>(demand + count, definition_.increment);
  return overflows ? 0 : count;
}

/// For an engine that closes or comes to rest: first the ids held go back, then the slot. The
/// release of the slot raises the floor above every op we sent, so that none can land on the empty
/// place.
void Engine::start_ending_op() {
  books_.burned(BurnReason::kDiscard, reservoir_.set_tail_aside(writer_.high_water()));
  if (const auto tail = reservoir_.offer_tail()) {
    start(contract::GiveBack{counter_, writer_.id(), writer_.next_seq(wall_us_), writer_.prev(),
                             tail->end, tail->before},
          Cargo{tail->count});
  } else if (writer_.may_have_slot()) {
    start(contract::Release{counter_, writer_.id(), writer_.next_seq(wall_us_), writer_.prev()});
  } else if (phase_ == Phase::kClosing) {
    finish();
  } else {
    drop_tail();
    phase_ = Phase::kAtRest;
  }
}

/// The tail can't go back any more. If its slot was pruned, or its give-back was not waited for, a
/// copy may still be applied unseen: the counter may then hand out these ids again, which no caller
/// got.
void Engine::drop_tail() {
  if (!reservoir_.has_tail()) return;
  writer_.may_have_gone_back(lowest_value());
  books_.burned(BurnReason::kDiscard, reservoir_.drop_tail());
}

void Engine::send() {
  if (!std::holds_alternative<contract::Load>(flight_->op())) books_.wrote();
  const bool is_waited_for = !queue_.empty() || !advances_.empty() || !flight_->tickets().empty();
  const bool is_soon = phase_ == Phase::kOpen && reservoir_.runs_out_soon();
  outbox_.send({++last_attempt_, flight_->send(), is_waited_for || is_soon});
}

// --- Cursors

std::optional<Loan> Engine::lend(std::uint64_t most) {
  const bool open = !deleted_ && (phase_ == Phase::kOpen || resting());
  return open ? reservoir_.lend(most, definition_) : std::nullopt;
}

void Engine::settle(std::uint64_t lent, const Loan& left) {
  const std::uint64_t used = reservoir_.settle(lent, left);
  // finish() counted them as burned.
  if (closed()) books_.not_burned(BurnReason::kDiscard, used);
  settled();
}

// --- What must be true of it

/// Called where the state has settled. Nothing in a build without checks.
void Engine::settled() const {
#if NEXTID_CHECKS
  verify();
#endif
}

void Engine::verify() const {
  queue_.verify();
  advances_.verify();
  reservoir_.verify();
  writer_.verify();
  if (flight_) flight_->verify();
  NEXTID_CHECK(!flight_ || phase_ == Phase::kOpen || phase_ == Phase::kResting ||
               phase_ == Phase::kClosing);
  NEXTID_CHECK(phase_ != Phase::kCorrupt || !stopped_.empty());
  NEXTID_CHECK(phase_ != Phase::kClosed || idle());
  NEXTID_CHECK(!resting() || (queue_.empty() && advances_.empty()));
  NEXTID_CHECK(phase_ != Phase::kAtRest || !reservoir_.has_tail());
  NEXTID_CHECK(phase_ != Phase::kAtRest || corrupt() || !writer_.may_have_slot());
  NEXTID_CHECK(held() <= reservoir_.bound());
  books_.verify(reservoir_.returned_and_held());
}

}  // namespace nextid::engine
