#include "engine/engine.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/checked.h"

namespace nextid::engine {
namespace {

using contract::CounterState;

constexpr std::int64_t kNothingYet = std::numeric_limits<std::int64_t>::min();
constexpr std::uint64_t kMaxStep = std::numeric_limits<std::uint64_t>::max();

/// How many ids fit above `value`. The difference is exact in unsigned arithmetic even where the
/// signed one would overflow.
std::uint64_t room_above(std::int64_t value, const Definition& definition) noexcept {
  const auto max = static_cast<std::int64_t>(definition.max);
  if (value >= max) return 0;
  return (static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(value)) /
         definition.increment;
}

/// The first of the `count` ids on the counter's stride in (end - count * increment, end]. A
/// foreign add may have moved the value off the stride; the ids never are.
std::uint64_t first_id(std::int64_t end, std::uint64_t count,
                       const Definition& definition) noexcept {
  const std::uint64_t above_start = static_cast<std::uint64_t>(end) - definition.start;
  const std::uint64_t last = static_cast<std::uint64_t>(end) - above_start % definition.increment;
  return last - (count - 1) * definition.increment;
}

std::string quoted(const std::string& counter) { return "counter '" + counter + "'"; }

}  // namespace

Engine::Engine(std::string counter, contract::WriterId writer, const Limits& limits,
               std::uint64_t seed)
    : counter_(std::move(counter)),
      writer_(writer),
      limits_(limits),
      backoff_(seed),
      high_water_(kNothingYet) {}

// --- Requests and their ends

std::uint64_t Engine::request(void* owner, std::uint64_t tag, std::uint64_t count,
                              MonotonicTime deadline) {
  const Waiting waiting{Ticket{++last_ticket_, owner, tag}, count, deadline, std::nullopt};
  if (count == 0 || count > limits_.max_range) {
    refuse(waiting, ErrorCode::kInvalid,
           "count must be from 1 to " + std::to_string(limits_.max_range) + ", not " +
               std::to_string(count) + ".");
  } else if (phase_ == Phase::kCorrupt) {
    refuse(waiting, ErrorCode::kCorrupt, corrupt_why_);
  } else if (phase_ != Phase::kOpen) {
    refuse(waiting, ErrorCode::kUnavailable, quoted(counter_) + " is being closed; try again.");
  } else if (live_waiting_ >= limits_.max_waiting_requests) {
    refuse(waiting, ErrorCode::kOverloaded,
           quoted(counter_) + " has " + std::to_string(live_waiting_) +
               " requests waiting, which is this node's bound; try again soon.");
  } else if (count > limits_.max_waiting_ids - waiting_ids_) {
    refuse(waiting, ErrorCode::kOverloaded,
           quoted(counter_) + " has requests for " + std::to_string(waiting_ids_) +
               " ids waiting, and " + std::to_string(count) +
               " more pass this node's bound; try again soon.");
  } else {
    waiting_.push_back(waiting);
    ++live_waiting_;
    waiting_ids_ += count;
    earliest_deadline_ = std::min(earliest_deadline_, deadline);
  }
  return waiting.ticket.number;
}

bool Engine::cancel(std::uint64_t ticket_number) {
  const auto find = [ticket_number](std::vector<Waiting>& tickets) -> Waiting* {
    const auto it = std::lower_bound(tickets.begin(), tickets.end(), ticket_number,
                                     [](const Waiting& waiting, std::uint64_t number) {
                                       return waiting.ticket.number < number;
                                     });
    const bool found = it != tickets.end() && it->ticket.number == ticket_number && !it->dead;
    return found ? &*it : nullptr;
  };
  if (Waiting* waiting = find(waiting_)) {
    bury(*waiting, BurnReason::kDisconnect);
    return true;
  }
  Waiting* in_flight = flight_ ? find(flight_->tickets) : nullptr;
  if (in_flight == nullptr) return false;
  in_flight->dead = BurnReason::kDisconnect;
  return true;
}

void Engine::count_undelivered(std::uint64_t count) noexcept {
  accounting_.returned -= count;
  accounting_.burned[static_cast<std::size_t>(BurnReason::kDisconnect)] += count;
}

void Engine::refuse(const Waiting& waiting, ErrorCode code, const std::string& sentence) {
  effects_.refusals.push_back(Refusal{waiting.ticket, Error(code, sentence)});
}

/// Marks a ticket of the queue as dead in its place: taking it out would move all behind it.
void Engine::bury(Waiting& waiting, BurnReason reason) {
  waiting.dead = reason;
  --live_waiting_;
  waiting_ids_ -= waiting.count;
  if (live_waiting_ == 0) waiting_.clear();
}

void Engine::refuse_everything(ErrorCode code, const std::string& sentence) {
  const auto refuse_living = [&](const std::vector<Waiting>& tickets) {
    for (const Waiting& waiting : tickets) {
      if (!waiting.dead) refuse(waiting, code, sentence);
    }
  };
  if (flight_) refuse_living(flight_->tickets);
  refuse_living(waiting_);
  flight_.reset();
  waiting_.clear();
  live_waiting_ = 0;
  waiting_ids_ = 0;
}

void Engine::expire_tickets() {
  if (now_ < earliest_deadline_) return;
  const Error error = deadline_error();
  earliest_deadline_ = MonotonicTime::max();
  const auto expired = [&](const Waiting& waiting) {
    if (waiting.dead) return false;
    if (waiting.deadline > now_) {
      earliest_deadline_ = std::min(earliest_deadline_, waiting.deadline);
      return false;
    }
    effects_.refusals.push_back(Refusal{waiting.ticket, error});
    return true;
  };
  if (flight_) {
    for (Waiting& waiting : flight_->tickets) {
      if (expired(waiting)) waiting.dead = BurnReason::kDeadline;
    }
  }
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.dead) return true;
    if (!expired(waiting)) return false;
    --live_waiting_;
    waiting_ids_ -= waiting.count;
    return true;
  });
}

Error Engine::deadline_error() const {
  if (!last_failure_.empty()) {
    return Error(ErrorCode::kUnavailable, quoted(counter_) +
                                              " got no answer from the store in time. Its last "
                                              "attempt failed: " +
                                              last_failure_);
  }
  return Error(ErrorCode::kDeadline,
               quoted(counter_) + " got no answer from the store in time; it is slow, try again.");
}

// --- Time, and what is due

void Engine::tick(MonotonicTime now, WallMicros wall_us) {
  now_ = now;
  wall_us_ = wall_us;
  expire_tickets();
  if (ended_) {
    gathering_.op_ended(now_, now_ - ended_->started, ended_->answered, live_waiting_);
    ended_.reset();
  }
  if (phase_ == Phase::kClosing && now_ >= close_deadline_) {
    if (flight_ && flight_->count > 0 && (flight_->sent || flight_->in_doubt)) {
      effects_.warnings.push_back(quoted(counter_) + " was closed with an op in doubt: up to " +
                                  std::to_string(flight_->count) + " ids may be skipped.");
    }
    refuse_everything(ErrorCode::kUnavailable, quoted(counter_) + " was closed; try again.");
    finish();
  }
  if (!flight_) start_next_op();
  if (flight_ && !flight_->sent && now_ >= flight_->retry_at) send();
}

std::optional<MonotonicTime> Engine::wake_at() const {
  MonotonicTime at = MonotonicTime::max();
  if (!idle()) at = earliest_deadline_;
  if (!flight_ && live_waiting_ > 0) at = std::min(at, gathering_.wait_end());
  if (flight_ && !flight_->sent) at = std::min(at, flight_->retry_at);
  if (phase_ == Phase::kClosing) at = std::min(at, close_deadline_);
  if (at == MonotonicTime::max()) return std::nullopt;
  return at;
}

void Engine::close(MonotonicTime deadline) {
  if (phase_ == Phase::kCorrupt) finish();
  if (phase_ != Phase::kOpen) return;
  phase_ = Phase::kClosing;
  close_deadline_ = deadline;
}

void Engine::finish() { phase_ = Phase::kClosed; }

void Engine::start_next_op() {
  if (phase_ == Phase::kCorrupt || phase_ == Phase::kClosed) return;
  if (live_waiting_ == 0) {
    if (phase_ == Phase::kClosing) start_release_or_finish();
  } else if (!loaded_) {
    start(contract::Load{counter_, writer_});
  } else if (phase_ == Phase::kClosing || gathering_.should_start(now_, live_waiting_)) {
    start_reserve();
  }
}

void Engine::start(contract::Op op, std::uint64_t count, std::vector<Waiting> tickets) {
  Flight flight;
  flight.op = std::move(op);
  flight.count = count;
  flight.tickets = std::move(tickets);
  flight.started = now_;
  flight.retry_at = now_;
  flight_ = std::move(flight);
}

/// One op for the longest prefix of the queue that keeps every bound (I3: the tickets of an op are
/// fixed before it is first sent).
void Engine::start_reserve() {
  std::erase_if(waiting_, [](const Waiting& waiting) { return waiting.dead.has_value(); });
  std::uint64_t count = 0;
  const std::size_t taken = longest_prefix_that_fits(count);
  room_.reset();

  std::vector<Waiting> tickets = std::exchange(spare_, {});
  if (taken == waiting_.size()) {
    tickets.swap(waiting_);
  } else {
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(taken);
    tickets.assign(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
  }
  live_waiting_ -= taken;
  waiting_ids_ -= count;

  contract::Reserve op{counter_, writer_, next_seq(), prev_, definition_.revision, 0, 0};
  // A step that overflows fits nowhere; a limit that no value meets has the store show its state.
  op.step = base::checked_mul<std::uint64_t>(count, definition_.increment).value_or(kMaxStep);
  op.limit = base::checked_sub<std::int64_t>(definition_.max, op.step).value_or(kNothingYet);
  start(std::move(op), count, std::move(tickets));
}

/// Takes at least one ticket: one that is too large by itself is for the store's state to refuse.
std::size_t Engine::longest_prefix_that_fits(std::uint64_t& count) const {
  const std::uint64_t bound =
      std::min(limits_.max_reservation, room_.value_or(std::numeric_limits<std::uint64_t>::max()));
  count = waiting_.front().count;
  std::size_t taken = 1;
  for (; taken < waiting_.size(); ++taken) {
    const auto sum = base::checked_add<std::uint64_t>(count, waiting_[taken].count);
    if (!sum || *sum > bound) break;
    if (!base::checked_mul<std::uint64_t>(*sum, definition_.increment)) break;
    count = *sum;
  }
  return taken;
}

/// A slot may exist if an op was applied, or may yet be. Its release raises the floor above every
/// op we sent, so that none can land on the empty place.
void Engine::start_release_or_finish() {
  if (prev_ == 0 && given_up_.empty()) return finish();
  start(contract::Release{counter_, writer_, next_seq(), prev_});
}

void Engine::send() {
  flight_->sent = true;
  effects_.attempt.emplace(Attempt{++last_attempt_, flight_->op});
}

contract::Seq Engine::next_seq() {
  last_seq_ = std::max({last_seq_ + 1, floor_ + 1, wall_us_});
  return last_seq_;
}

// --- Outcomes

void Engine::outcome(std::uint64_t attempt_number, const contract::Outcome& outcome) {
  if (!flight_ || !flight_->sent || attempt_number != last_attempt_) return;
  flight_->sent = false;
  if (const auto* in_doubt = std::get_if<contract::InDoubt>(&outcome)) {
    flight_->in_doubt = true;
    return repeat_later(in_doubt->why, Backoff::Cause::kTransient);
  }
  if (const auto* not_applied = std::get_if<contract::NotApplied>(&outcome)) {
    return repeat_later(not_applied->why, not_applied->throttled ? Backoff::Cause::kThrottled
                                                                 : Backoff::Cause::kTransient);
  }
  if (const auto* damaged = std::get_if<contract::Damaged>(&outcome)) {
    return stop_as_corrupt(damaged->why);
  }
  last_failure_.clear();
  if (std::holds_alternative<contract::Reserve>(flight_->op)) {
    on_reserve(outcome);
  } else if (std::holds_alternative<contract::Release>(flight_->op)) {
    on_release(outcome);
  } else {
    on_load(outcome);
  }
}

void Engine::repeat_later(const std::string& why, Backoff::Cause cause) {
  last_failure_ = why;
  flight_->retry_at = now_ + backoff_.after(++flight_->failures, cause);
}

void Engine::on_load(const contract::Outcome& outcome) {
  if (const auto* found = std::get_if<contract::Found>(&outcome)) {
    flight_.reset();
    if (found->state.slot) return stop_as_corrupt("a new writer found its slot taken");
    adopt(found->state);
    loaded_ = true;
  } else if (std::holds_alternative<contract::Missing>(outcome)) {
    start(contract::Define{counter_, writer_, Definition{}});
  } else {
    stop_as_corrupt("the store gave an answer that does not fit a load");
  }
}

void Engine::on_reserve(const contract::Outcome& outcome) {
  if (const auto* committed = std::get_if<contract::Committed>(&outcome)) {
    reserve_applied(committed->end);
  } else if (const auto* refused = std::get_if<contract::Refused>(&outcome)) {
    on_reserve_refused(refused->state);
  } else if (std::holds_alternative<contract::Missing>(outcome)) {
    stop_as_corrupt("it has vanished from the store");
  } else {
    stop_as_corrupt("the store gave an answer that does not fit a reserve");
  }
}

void Engine::on_reserve_refused(const CounterState& state) {
  const auto& op = std::get<contract::Reserve>(flight_->op);
  if (state.slot && state.slot->seq == op.seq) return reserve_applied(state.slot->end);
  if (state.value < high_water_) {
    return stop_as_corrupt("its value " + std::to_string(state.value) +
                           " is below an id that was already issued, " +
                           std::to_string(high_water_));
  }
  const bool overtaken = state.slot && given_up_op_landed(*state.slot);
  if (state.slot && state.slot->seq != op.prev && !overtaken) {
    return stop_as_corrupt("its slot holds an op that this node never sent, seq " +
                           std::to_string(state.slot->seq));
  }
  const bool below_floor = !state.slot && state.floor >= op.seq;
  const bool other_rules = state.definition.revision != op.revision;
  const std::uint64_t room = room_above(state.value, state.definition);
  if (!overtaken && !below_floor && !other_rules && state.value <= op.limit) {
    return repeat_later("the store refused an op that its state allows",
                        Backoff::Cause::kTransient);
  }
  if (below_floor) {
    prev_ = 0;
    if (flight_->in_doubt) {
      effects_.warnings.push_back(quoted(counter_) + " lost its slot with an op in doubt: up to " +
                                  std::to_string(flight_->count) + " ids may be skipped.");
    }
  }
  adopt(state);
  for (Waiting& waiting : flight_->tickets) {
    if (waiting.dead || waiting.count <= room) continue;
    refuse(waiting, ErrorCode::kExhausted,
           quoted(counter_) + " is exhausted: " + std::to_string(waiting.count) +
               " ids were asked for, and " + std::to_string(room) + " are left up to its max " +
               std::to_string(definition_.max) + ".");
    waiting.dead = BurnReason::kDiscard;  // Answered; it holds no ids.
  }
  room_ = room;
  // When overtaken, the slot has passed this op's prev: it can never land, so it is not remembered.
  if (!overtaken) given_up_.push_back(GivenUp{op.seq, flight_->count});
  requeue_in_front(std::move(flight_->tickets));
  flight_.reset();
}

/// All given-up ops had the same prev, so at most one of them can ever land.
bool Engine::given_up_op_landed(const contract::Slot& slot) {
  const auto it = std::find_if(given_up_.begin(), given_up_.end(),
                               [&](const GivenUp& op) { return op.seq == slot.seq; });
  if (it == given_up_.end()) return false;
  accounting_.burned[static_cast<std::size_t>(BurnReason::kDiscard)] += it->count;
  ++accounting_.reservations;
  prev_ = slot.seq;
  high_water_ = std::max(high_water_, slot.end);
  given_up_.clear();
  return true;
}

void Engine::adopt(const CounterState& state) {
  definition_ = state.definition;
  floor_ = std::max(floor_, state.floor);
}

void Engine::requeue_in_front(std::vector<Waiting> tickets) {
  std::erase_if(tickets, [](const Waiting& waiting) { return waiting.dead.has_value(); });
  for (const Waiting& waiting : tickets) waiting_ids_ += waiting.count;
  live_waiting_ += tickets.size();
  waiting_.insert(waiting_.begin(), tickets.begin(), tickets.end());
}

void Engine::reserve_applied(std::int64_t end) {
  const auto& op = std::get<contract::Reserve>(flight_->op);
  const auto before = base::checked_sub<std::int64_t>(end, op.step);
  const std::int64_t lowest = contract::value_before_first(definition_);
  if (!before || *before < lowest || *before < high_water_ || *before > op.limit) {
    return stop_as_corrupt("a reservation that ends at " + std::to_string(end) + " for " +
                           std::to_string(flight_->count) +
                           " ids reaches ids that were already issued or lie past its max");
  }
  prev_ = op.seq;
  high_water_ = end;
  given_up_.clear();
  ++accounting_.reservations;
  split(end);
  ended_ = Ended{flight_->started, flight_->tickets.size()};
  spare_ = std::move(flight_->tickets);
  spare_.clear();
  flight_.reset();
  if (live_waiting_ == 0) earliest_deadline_ = MonotonicTime::max();
}

void Engine::split(std::int64_t end) {
  std::uint64_t next = first_id(end, flight_->count, definition_);
  for (const Waiting& waiting : flight_->tickets) {
    if (waiting.dead) {
      accounting_.burned[static_cast<std::size_t>(*waiting.dead)] += waiting.count;
    } else {
      accounting_.returned += waiting.count;
      effects_.grants.push_back(
          Grant{waiting.ticket, IdRange(next, waiting.count, definition_.increment)});
    }
    next += waiting.count * definition_.increment;
  }
}

void Engine::on_release(const contract::Outcome& outcome) {
  const auto* refused = std::get_if<contract::Refused>(&outcome);
  const bool again =
      refused != nullptr && refused->state.slot && given_up_op_landed(*refused->state.slot);
  flight_.reset();
  if (again) return;  // The next tick releases the slot as it is now.
  if (refused != nullptr) {
    effects_.warnings.push_back(quoted(counter_) + " left a slot behind that is not its own.");
  }
  finish();
}

void Engine::stop_as_corrupt(const std::string& why) {
  corrupt_why_ = quoted(counter_) + " has stopped, since " + why +
                 ". Check the store for a restored backup or a second copy, then restart.";
  effects_.warnings.push_back(corrupt_why_);
  refuse_everything(ErrorCode::kCorrupt, corrupt_why_);
  const bool closing = phase_ == Phase::kClosing;
  phase_ = Phase::kCorrupt;
  if (closing) finish();
}

}  // namespace nextid::engine
