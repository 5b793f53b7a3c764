// The second half of the engine: what an attempt's outcome means for its op.
#include <algorithm>
#include <utility>

#include "base/canary.h"
#include "base/cat.h"
#include "base/checked.h"
#include "engine/engine.h"
#include "engine/id_math.h"

namespace nextid::engine {

using base::Canary;
using base::canary;
using base::cat;
using contract::Advance;
using contract::Committed;
using contract::CounterState;
using contract::Define;
using contract::Found;
using contract::GiveBack;
using contract::Load;
using contract::Missing;
using contract::Recall;
using contract::Redefine;
using contract::Refused;
using contract::Release;
using contract::Remember;
using contract::Remembered;
using contract::Reserve;
using contract::TryWrite;

namespace {

constexpr const char* kAllowed = "the store refused an op that its state allows";

}  // namespace

// --- Outcomes

void Engine::outcome(std::uint64_t attempt_number, const contract::Outcome& outcome) {
  if (!flight_ || !flight_->sent() || attempt_number != last_attempt_) return;
  flight_->attempt_ended();
  const Overloaded cases{
      [this](const contract::InDoubt& in_doubt) {
        flight_->doubt();
        repeat_later(in_doubt.why, Backoff::Cause::kTransient);
      },
      [this](const contract::NotApplied& failure) {
        if (canary(Canary::kForgetsDoubt)) flight_->forget_doubt(writer_.next_seq(wall_us_));
        repeat_later(failure.why,
                     failure.throttled ? Backoff::Cause::kThrottled : Backoff::Cause::kTransient);
      },
      [this](const contract::Damaged& damaged) { stop(say().damaged(damaged.why)); },
      [this](const auto& fate) {
        last_failure_.clear();
        on_answer(Answer(&fate));
      }};
  std::visit(cases, outcome);
  settled();
}

void Engine::repeat_later(const std::string& why, Backoff::Cause cause) {
  last_failure_ = why;
  flight_->retry(now_ + backoff_.after(flight_->attempt_failed(), cause));
}

/// What each answer of the store to each op leads to.
void Engine::on_answer(const Answer& answer) {
  const Overloaded cases{
      [this](const OneOf<Load, Define> auto&, const Found* found) { on_found(found->state); },
      [this](const OneOf<Load, Define> auto&, const Missing*) { on_missing(); },
      [this](const OneOf<Load, Define> auto&, const OneOf<Committed, Refused, Remembered> auto*) {
        stop_as_unfit("a load");
      },

      [this](const Reserve& op, const Committed* done) { reserve_applied(op, done->end); },
      [this](const Reserve& op, const Refused* refused) { reserve_refused(op, refused->state); },
      [this](const Reserve&, const OneOf<Found, Remembered> auto*) { stop_as_unfit("a reserve"); },

      [this](const Advance& op, const Committed* done) { advance_applied(op, done->end); },
      [this](const Advance& op, const Refused* refused) { advance_refused(op, refused->state); },
      [this](const Advance&, const OneOf<Found, Remembered> auto*) { stop_as_unfit("an advance"); },

      [this](const GiveBack& op, const Committed*) { give_back_applied(op); },
      [this](const GiveBack& op, const Refused* refused) { give_back_refused(op, refused->state); },
      [this](const GiveBack&, const OneOf<Found, Remembered> auto*) {
        stop_as_unfit("a give-back");
      },

      [this](const OneOf<Reserve, Advance, GiveBack> auto&, const Missing*) {
        stop(say().vanished(issued()));
      },

      // Where the counter is missing, so is the slot; the next op on it shows that it has vanished.
      [this](const Release&, const OneOf<Committed, Missing> auto*) { slot_released(); },
      [this](const Release&, const Refused* refused) { release_refused(refused->state); },
      [this](const Release&, const OneOf<Found, Remembered> auto*) { stop_as_unfit("a release"); },

      [this](const OneOf<Redefine, Recall, Remember, TryWrite> auto&, const auto*) {
        stop_as_unfit("an op that no engine sends");
      }};
  std::visit(cases, flight_->op(), answer);
}

// --- Loads

void Engine::on_found(const CounterState& state) {
  flight_.reset();
  if (loaded_) {
    if (!take_in(read(state, {0, writer_.prev()}), state)) return;
  } else {
    if (state.slot) return stop_as_contradicted("a new writer found its slot taken");
    if (state.value < writer_.high_water()) return stop_as_set_back(state.value);
    reservoir_.set_increment(state.definition.increment);
    loaded_ = true;
  }
  adopt(state);
  if (deleted_) return refuse_deleted();
  continue_advance(state);
}

void Engine::on_missing() {
  if (loaded_ || writer_.high_water() != Predecessor::kNothingYet)
    return stop(say().vanished(issued()));
  // The next request loads again: the counter may have been defined by then.
  if (!rules_.first_use.creates) return refuse_everything(say().not_found());
  const auto refusal = permit_ != nullptr ? permit_->why_not_make() : std::nullopt;
  if (refusal) return refuse_everything(*refusal);
  Definition definition;
  definition.cache = rules_.first_use.cache;
  start(Define{counter_, writer_.id(), definition});
}

void Engine::adopt(const CounterState& state) {
  const bool is_back = deleted_ && !state.deleted;
  if (is_back || state.definition.revision != definition_.revision) reservoir_.pause_refills(false);
  definition_ = state.definition;
  writer_.see_floor(state.floor);
  deleted_ = state.deleted;
  if (deleted_) see_deletion();
}

// --- Deletion

void Engine::see_deletion() {
  deleted_ = true;
  reservoir_.pause_refills(true);
  books_.burned(BurnReason::kDiscard, reservoir_.drop_stock());
  books_.burned(BurnReason::kDiscard, reservoir_.drop_left_by_cursors());
}

/// Requests that came while the counter was being read wait for the next load: it may be back.
void Engine::refuse_deleted() {
  const Error error = say().deleted(definition_);
  queue_.serve([&](const Waiting& waiting) {
    const bool came_before = waiting.ticket.number <= loading_for_;
    if (came_before) outbox_.refuse(waiting.ticket, error);
    return came_before;
  });
  while (!advances_.empty() && advances_.front().ticket.number <= loading_for_) {
    const Advancing refused = advances_.pop();
    if (!refused.answered) outbox_.refuse(refused.ticket, error);
  }
}

// --- Refusals

Reading Engine::read(const CounterState& state, const SlotOp& op) const {
  return writer_.read(state, op, definition_, lowest_value());
}

/// Takes in what a state says of this node's slot. False if the engine has stopped because of it.
bool Engine::take_in(const Reading& reading, const CounterState& state) {
  switch (reading.kind) {
    case Reading::Kind::kApplied:
    case Reading::Kind::kUnchanged:
      return true;
    case Reading::Kind::kOvertaken:
      op_landed(*reading.landed, *state.slot);
      return true;
    case Reading::Kind::kSlotLost:
      // Its requests go into an op with a new seq. If this one was in doubt, its fate was lost with
      // the slot.
      writer_.lose_slot();
      if (flight_->in_doubt()) outbox_.warn(say().lost_slot(flight_->count()));
      return true;
    case Reading::Kind::kSetBack:
      stop_as_set_back(state.value);
      return false;
    case Reading::Kind::kContradiction:
      stop_as_contradicted(reading.why);
      return false;
  }
  return false;
}

void Engine::op_landed(const GivenUp& op, const contract::Slot& slot) {
  switch (op.kind) {
    case GivenUp::Kind::kReserve:
      books_.reserved(op.count);
      books_.burned(BurnReason::kDiscard, op.count);
      return writer_.landed(op, slot.end);
    case GivenUp::Kind::kAdvance:
      books_.skipped(ids_between(slot.end, op.advance_to, definition_));
      return writer_.landed(op, op.advance_to);
    case GivenUp::Kind::kGiveBack:
      writer_.landed(op, lowest_value());
      books_.went_back(reservoir_.tail_went_back());
  }
}

/// A copy of the op may still land, unless the floor is above it.
void Engine::give_up(const GivenUp& op, const Reading& reading) {
  if (reading.kind != Reading::Kind::kSlotLost) writer_.give_up(op);
}

void Engine::reserve_refused(const Reserve& op, const CounterState& state) {
  const Reading reading = read(state, {op.seq, op.prev});
  if (reading.kind == Reading::Kind::kApplied) return reserve_applied(op, state.slot->end);
  if (!take_in(reading, state)) return;
  const bool same_rules = state.definition.revision == op.revision;
  const bool allowed = same_rules && !state.deleted && state.value <= op.limit;
  if (reading.kind == Reading::Kind::kUnchanged && allowed) {
    return repeat_later(kAllowed, Backoff::Cause::kTransient);
  }
  adopt(state);
  // The requests of a deleted counter wait for the load that follows.
  if (!deleted_) take_in_room({room_above(state.value, definition_), state.value});
  give_up({GivenUp::Kind::kReserve, op.seq, flight_->count()}, reading);
  queue_.put_back(flight_->take_tickets());
  flight_.reset();
}

/// Refuses the requests whose own count fits neither above the value, nor with the ids in stock
/// that lie right below it.
void Engine::take_in_room(const Room& room) {
  const std::uint64_t largest = largest_run(room);
  for (const Waiting& waiting : flight_->bury_larger_than(largest)) {
    outbox_.refuse(waiting.ticket, say().exhausted(waiting.count, largest, definition_.max));
  }
  reservoir_.pause_refills(room.above == 0);
  room_ = room;
}

std::uint64_t Engine::largest_run(const Room& room) const {
  return room.above + reservoir_.run_up_to(room.value);
}

void Engine::advance_refused(const Advance& op, const CounterState& state) {
  const Reading reading = read(state, {op.seq, op.prev});
  if (reading.kind == Reading::Kind::kApplied) return advance_applied(op, state.slot->end);
  if (!take_in(reading, state)) return;
  const bool allowed =
      state.definition.revision == op.revision && !state.deleted && state.value < op.to;
  if (reading.kind == Reading::Kind::kUnchanged && allowed) {
    return repeat_later(kAllowed, Backoff::Cause::kTransient);
  }
  // It may still land: another node's give-back can bring the value below `to` again.
  give_up({GivenUp::Kind::kAdvance, op.seq, 0, op.to}, reading);
  flight_.reset();
  adopt(state);
  continue_advance(state);
}

/// A refusal burns nothing by itself: a late copy may still land, until the slot is released. Nor
/// is the tail offered again if the slot is gone: a copy of this attempt may have been applied
/// before the slot was pruned, and the value may now be the end of another node's block (I7).
void Engine::give_back_refused(const GiveBack& op, const CounterState& state) {
  const Reading reading = read(state, {op.seq, op.prev});
  if (reading.kind == Reading::Kind::kApplied) return give_back_applied(op);
  if (!take_in(reading, state)) return;
  if (reading.kind == Reading::Kind::kUnchanged && state.value == op.end) {
    return repeat_later(kAllowed, Backoff::Cause::kTransient);
  }
  give_up({GivenUp::Kind::kGiveBack, op.seq}, reading);
  writer_.see_floor(state.floor);
  flight_.reset();
}

void Engine::release_refused(const CounterState& state) {
  const auto landed = state.slot ? writer_.landed_in(*state.slot) : std::nullopt;
  if (landed) {
    op_landed(*landed, *state.slot);
    return flight_.reset();  // The next tick releases the slot as it is now.
  }
  outbox_.warn(say().left_a_slot());
  slot_released();
}

void Engine::slot_released() {
  flight_.reset();
  writer_.released();
  drop_tail();
}

// --- Reserves

void Engine::reserve_applied(const Reserve& op, std::int64_t end) {
  const auto before = base::checked_sub<std::int64_t>(end, op.step);
  const std::int64_t lowest = contract::value_before_first(definition_);
  const std::int64_t kept_before = writer_.high_water();
  const std::uint64_t count = flight_->count();
  if (before && *before < kept_before && *before >= lowest) {
    // The store has taken these ids for this node, and nobody gets them.
    books_.reserved(count);
    books_.burned(BurnReason::kDiscard, count);
    return stop_as_set_back(*before);
  }
  if (!before || *before < lowest || *before > op.limit) {
    return stop_as_contradicted(
        cat("a reservation of ", count, " ids ended at ", end, ", where it can't have ended"));
  }
  writer_.applied(op.seq, end);
  reservoir_.pause_refills(false);
  books_.reserved(count);
  const std::uint64_t first = last_id(end, definition_) - (count - 1) * definition_.increment;
  split(Block{first, count, *before, end, kept_before});
  if (deleted_) see_deletion();  // It was applied before the counter was deleted.
  ended_ = Ended{flight_->started(), flight_->tickets().size()};
  queue_.recycle(flight_->take_tickets());
  flight_.reset();
}

/// Gives the tickets of the op their ids, and the rest to the stock.
void Engine::split(Block fresh) {
  const std::vector<Waiting>& tickets = flight_->tickets();
  books_.served(tickets.size());
  const bool anyone_alive = std::any_of(tickets.begin(), tickets.end(),
                                        [](const Waiting& waiting) { return !waiting.dead; });
  if (anyone_alive) books_.burned(BurnReason::kDiscard, reservoir_.make_way_for(fresh));
  if (canary(Canary::kSplitsOffByOne)) fresh.first -= definition_.increment;
  std::vector<Waiting> unserved;
  for (const Waiting& waiting : tickets) {
    if (waiting.dead && canary(Canary::kReusesDeadTicketsIds)) continue;
    if (waiting.dead) {
      books_.burned(*waiting.dead, fresh.drop_front(waiting.count, definition_.increment));
    } else if (waiting.count <= fresh.count) {
      books_.returned(waiting.count);
      books_.waited();
      outbox_.grant(waiting, fresh.first, definition_.increment);
      fresh.drop_front(waiting.count, definition_.increment);
    } else {
      unserved.push_back(waiting);  // It was to adjoin the stock; another node came in between.
    }
  }
  if (!unserved.empty()) books_.burned(BurnReason::kDiscard, reservoir_.trim(fresh, definition_));
  reservoir_.keep(fresh);
  queue_.put_back(std::move(unserved));
}

// --- Advances

void Engine::advance_applied(const Advance& op, std::int64_t before) {
  const std::int64_t lowest = contract::value_before_first(definition_);
  const std::int64_t to = op.to;
  if (before < writer_.high_water() && before >= lowest) {
    books_.skipped(ids_between(before, to, definition_));
    return stop_as_set_back(before);
  }
  if (before < lowest || before >= to) {
    return stop_as_contradicted(cat("an advance to ", to, " found the value ", before));
  }
  writer_.applied(op.seq, to);
  flight_.reset();
  books_.skipped(ids_between(before, to, definition_));
  advance_succeeded({to, definition_, writer_.floor(), std::nullopt});
}

/// Does what is next for the first advance, now that the state is known.
void Engine::continue_advance(const CounterState& state) {
  if (advances_.empty() || deleted_) return;  // The next load refuses them, if it still is.
  const Advancing& next = advances_.front();
  if (state.value >= next.to) return advance_succeeded(state);
  if (static_cast<std::uint64_t>(next.to) <= definition_.max) {
    return start(Advance{counter_, writer_.id(), writer_.next_seq(wall_us_), writer_.prev(),
                         definition_.revision, next.to});
  }
  const Advancing refused = advances_.pop();
  if (!refused.answered)
    outbox_.refuse(refused.ticket, say().past_max(refused.to, definition_.max));
}

/// Drops stock up to the new value, so that later requests to this node get ids above it, too.
void Engine::advance_succeeded(CounterState state) {
  const Advancing done = advances_.pop();
  const std::int64_t dropped_to = canary(Canary::kAdvanceKeepsStock) ? 0 : done.to;
  books_.burned(BurnReason::kAdvance, reservoir_.drop_up_to(dropped_to));
  if (!done.answered) outbox_.advanced(done.ticket, std::move(state));
}

// --- The end

void Engine::give_back_applied(const GiveBack& op) {
  writer_.gave_back(op.seq, lowest_value());
  books_.went_back(reservoir_.tail_went_back());
  flight_.reset();
}

/// No order of events leads to this value if what this node knows is true.
void Engine::stop_as_set_back(std::int64_t value) {
  stop(say().set_back(value, writer_.high_water(), issued()));
}

void Engine::stop_as_contradicted(const std::string& what) {
  stop(say().contradicted(what, issued()));
}

void Engine::stop_as_unfit(const char* op) {
  stop_as_contradicted(cat("the store gave an answer that does not fit ", op));
}

void Engine::doubt_store(const std::string& why) {
  if (stopped_.empty() && phase_ != Phase::kClosed) stop(say().damaged(why));
}

void Engine::stop(std::string sentence) {
  stopped_ = std::move(sentence);
  outbox_.stopped(stopped_);
  refuse_everything(Error(ErrorCode::kCorrupt, stopped_));
  drop_tail();
  books_.burned(BurnReason::kDiscard, reservoir_.drop_stock());
  books_.burned(BurnReason::kDiscard, reservoir_.drop_left_by_cursors());
  const bool closing = phase_ == Phase::kClosing;
  phase_ = Phase::kCorrupt;
  if (closing) finish();
}

}  // namespace nextid::engine
