// The second half of the engine: what an attempt's outcome means for its op.
#include <algorithm>
#include <bit>
#include <limits>
#include <string_view>
#include <utility>

#include "base/canary.h"
#include "base/checked.h"
#include "engine/engine.h"

namespace nextid::engine {
namespace {

using base::Canary;
using base::canary;
using contract::CounterState;

/// How many ids fit above `value`. The difference is exact in unsigned arithmetic even where the
/// signed one would overflow.
std::uint64_t room_above(std::int64_t value, const Definition& definition) noexcept {
  const auto max = static_cast<std::int64_t>(definition.max);
  if (value >= max) return 0;
  return (static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(value)) /
         definition.increment;
}

/// The last id on the counter's stride that is not above `value`. A foreign add may have moved the
/// value off the stride; the ids never are. The counter must have reached an id.
std::uint64_t last_id(std::int64_t value, const Definition& definition) noexcept {
  const std::uint64_t above_start = static_cast<std::uint64_t>(value) - definition.start;
  return static_cast<std::uint64_t>(value) - above_start % definition.increment;
}

/// How many ids are in (before, end].
std::uint64_t ids_between(std::int64_t before, std::int64_t end, const Definition& definition) {
  const auto reached = [&](std::int64_t value) -> std::uint64_t {
    if (value < static_cast<std::int64_t>(definition.start)) return 0;
    return (static_cast<std::uint64_t>(value) - definition.start) / definition.increment + 1;
  };
  return reached(end) - reached(before);
}

constexpr const char* kAllowed = "the store refused an op that its state allows";

std::string quoted(const std::string& counter) { return "counter '" + counter + "'"; }

}  // namespace

// --- Outcomes

void Engine::outcome(std::uint64_t attempt_number, const contract::Outcome& outcome) {
  if (!flight_ || !flight_->sent || attempt_number != last_attempt_) return;
  flight_->sent = false;
  if (const auto* in_doubt = std::get_if<contract::InDoubt>(&outcome)) {
    flight_->in_doubt = true;
    return repeat_later(in_doubt->why, Backoff::Cause::kTransient);
  }
  if (const auto* not_applied = std::get_if<contract::NotApplied>(&outcome)) {
    if (canary(Canary::kForgetsDoubt)) {
      if (auto* op = std::get_if<contract::Reserve>(&flight_->op)) op->seq = next_seq();
    }
    return repeat_later(not_applied->why, not_applied->throttled ? Backoff::Cause::kThrottled
                                                                 : Backoff::Cause::kTransient);
  }
  if (const auto* damaged = std::get_if<contract::Damaged>(&outcome)) {
    return stop_as_damaged(damaged->why);
  }
  last_failure_.clear();
  if (std::holds_alternative<contract::Reserve>(flight_->op)) {
    on_reserve(outcome);
  } else if (std::holds_alternative<contract::Advance>(flight_->op)) {
    on_advance(outcome);
  } else if (std::holds_alternative<contract::GiveBack>(flight_->op)) {
    on_give_back(outcome);
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
  const auto* found = std::get_if<contract::Found>(&outcome);
  const bool missing = std::holds_alternative<contract::Missing>(outcome);
  if (found == nullptr && !missing) {
    return stop_as_contradicted("the store gave an answer that does not fit a load");
  }
  if (missing && (loaded_ || high_water_ != Predecessor::kNothingYet)) {
    return stop_as_vanished();
  }
  if (missing && !rules_.first_use.creates) return refuse_as_not_found();
  if (missing) {
    Definition definition;
    definition.cache = rules_.first_use.cache;
    return start(contract::Define{counter_, writer_, definition});
  }
  flight_.reset();
  if (!loaded_) {
    on_first_load(found->state);
  } else if (contradicts(found->state, 0, prev_)) {
    return;
  }
  if (loaded_) continue_advance(found->state);
}

void Engine::on_first_load(const CounterState& state) {
  if (state.slot) return stop_as_contradicted("a new writer found its slot taken");
  if (state.value < high_water_) return stop_as_set_back(state.value);
  adopt(state);
  stock_.set_increment(definition_.increment);
  loaded_ = true;
}

/// The next request looks again: somebody may have defined it.
void Engine::refuse_as_not_found() {
  refuse_everything(ErrorCode::kNotFound,
                    "there is no " + quoted(counter_) +
                        ", and this node makes none on first use; define it first.");
}

void Engine::on_reserve(const contract::Outcome& outcome) {
  if (const auto* committed = std::get_if<contract::Committed>(&outcome)) {
    reserve_applied(committed->end);
  } else if (const auto* refused = std::get_if<contract::Refused>(&outcome)) {
    on_reserve_refused(refused->state);
  } else if (std::holds_alternative<contract::Missing>(outcome)) {
    stop_as_vanished();
  } else {
    stop_as_contradicted("the store gave an answer that does not fit a reserve");
  }
}

/// The least that the counter's value can be: a tail that was offered may have gone back, and then
/// what other nodes had below it.
std::int64_t Engine::lowest_value() const noexcept {
  return tail_.empty() ? high_water_ : std::min(high_water_, tail_.kept_before);
}

/// Whether the state can't be that of the counter this engine knows: then it has stopped. `seq` is
/// that of the op in flight, or 0.
bool Engine::contradicts(const CounterState& state, contract::Seq seq, contract::Seq prev) {
  if (state.value < lowest_value()) {
    stop_as_set_back(state.value);
  } else if (state.definition.start != definition_.start ||
             state.definition.increment != definition_.increment) {
    stop_as_contradicted("its start or increment has changed, which never happens");
  } else if (state.slot && state.slot->seq != prev && state.slot->seq != seq &&
             !given_up_op_landed(*state.slot)) {
    stop_as_contradicted("its slot holds an op that this node never sent, seq " +
                         std::to_string(state.slot->seq));
  } else {
    return false;
  }
  return true;
}

/// An op below the floor can't land where there is no slot; it goes out again with a new seq. If
/// it was in doubt its fate went with the slot.
bool Engine::lost_slot(const CounterState& state, contract::Seq seq) {
  if (state.slot || state.floor < seq) return false;
  prev_ = 0;
  if (flight_->in_doubt) {
    effects().warnings.push_back(quoted(counter_) + " lost its slot with an op in doubt: up to " +
                                 std::to_string(flight_->count) + " ids may be skipped.");
  }
  return true;
}

void Engine::on_reserve_refused(const CounterState& state) {
  const auto op = std::get<contract::Reserve>(flight_->op);
  if (state.slot && state.slot->seq == op.seq) return reserve_applied(state.slot->end);
  if (contradicts(state, op.seq, op.prev)) return;
  const bool overtaken = prev_ != op.prev;
  const bool below_floor = lost_slot(state, op.seq);
  const bool other_rules = state.definition.revision != op.revision;
  if (!overtaken && !below_floor && !other_rules && state.value <= op.limit) {
    return repeat_later(kAllowed, Backoff::Cause::kTransient);
  }
  adopt(state);
  const std::uint64_t room = room_above(state.value, definition_);
  refuse_exhausted(Room{room, state.value});
  refill_paused_ = room == 0;
  if (!below_floor) given_up_.push_back({GivenUp::Kind::kReserve, op.seq, flight_->count});
  requeue_in_front(std::move(flight_->tickets));
  flight_.reset();
}

/// Refuses the requests whose own count fits neither above the value, nor with the ids in stock
/// that lie right below it.
void Engine::refuse_exhausted(Room room) {
  room_ = room;
  const std::uint64_t largest = largest_run(room);
  for (Waiting& waiting : flight_->tickets) {
    if (canary(Canary::kClampsLastBlock) && largest > 0) {
      waiting.count = std::min(waiting.count, largest);
    }
    if (waiting.dead || waiting.count <= largest) continue;
    refuse(waiting, ErrorCode::kExhausted,
           quoted(counter_) + " is exhausted: " + std::to_string(waiting.count) +
               " ids were asked for, and " + std::to_string(largest) + " are left up to its max " +
               std::to_string(definition_.max) + ".");
    waiting.dead = BurnReason::kDiscard;  // Answered; it holds no ids.
  }
}

/// The room, and the ids in stock that lie right below it.
std::uint64_t Engine::largest_run(const Room& room) const {
  return room.above + stock_.left_up_to(room.value);
}

/// Those with higher seqs may still land, though they had the same prev: if this slot is pruned,
/// the floor is below them. The floor keeps out the others.
bool Engine::given_up_op_landed(const contract::Slot& slot) {
  const auto it = std::find_if(given_up_.begin(), given_up_.end(),
                               [&](const GivenUp& op) { return op.seq == slot.seq; });
  if (it == given_up_.end()) return false;
  if (it->kind == GivenUp::Kind::kReserve) {
    burn(BurnReason::kDiscard, it->count);
    ++accounting_.reservations;
    high_water_ = std::max(high_water_, slot.end);
  } else if (it->kind == GivenUp::Kind::kAdvance) {
    burn(BurnReason::kAdvance, ids_between(slot.end, it->advance_to, definition_));
    high_water_ = std::max(high_water_, it->advance_to);
  } else {
    high_water_ = lowest_value();
    tail_ = Block{};
  }
  prev_ = slot.seq;
  std::erase_if(given_up_, [&](const GivenUp& op) { return op.seq <= slot.seq; });
  return true;
}

void Engine::adopt(const CounterState& state) {
  if (state.definition.revision != definition_.revision) refill_paused_ = false;
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
  if (before && *before < high_water_ && *before >= lowest) return stop_as_set_back(*before);
  if (!before || *before < lowest || *before > op.limit) {
    return stop_as_contradicted("a reservation of " + std::to_string(flight_->count) +
                                " ids ended at " + std::to_string(end) +
                                ", where it can't have ended");
  }
  prev_ = op.seq;
  const std::int64_t kept_before = std::exchange(high_water_, end);
  given_up_.clear();
  refill_paused_ = false;
  ++accounting_.reservations;
  split(Block{last_id(end, definition_) - (flight_->count - 1) * definition_.increment,
              flight_->count, *before, end, kept_before});
  ended_ = Ended{flight_->started, flight_->tickets.size()};
  spare_ = std::move(flight_->tickets);
  spare_.clear();
  flight_.reset();
  if (idle()) earliest_deadline_ = MonotonicTime::max();
}

/// Gives the tickets of the op their ids, and what is left to the stock.
void Engine::split(Block fresh) {
  const std::vector<Waiting>& tickets = flight_->tickets;
  count_batch(tickets.size());
  const bool anyone_alive = std::any_of(tickets.begin(), tickets.end(),
                                        [](const Waiting& waiting) { return !waiting.dead; });
  if (anyone_alive && !stock_.empty()) {
    // What is below the ids that now go out must not go out after them (I3).
    stock_.merge_last_into(fresh);
    burn(BurnReason::kDiscard, stock_.drop_all());
  }
  if (canary(Canary::kSplitsOffByOne)) fresh.first -= definition_.increment;
  std::vector<Waiting> unserved;
  for (const Waiting& waiting : tickets) {
    if (waiting.dead && canary(Canary::kReusesDeadTicketsIds)) continue;
    if (waiting.dead) {
      burn(*waiting.dead, fresh.drop_front(waiting.count, definition_.increment));
    } else if (waiting.count <= fresh.count) {
      accounting_.returned += waiting.count;
      ++accounting_.waits;
      effects().grants.push_back(
          Grant{waiting.ticket, IdRange(fresh.first, waiting.count, definition_.increment)});
      fresh.drop_front(waiting.count, definition_.increment);
    } else {
      unserved.push_back(waiting);  // It was to adjoin the stock, and another node was faster.
    }
  }
  if (!unserved.empty()) {
    // What was reserved for them is unasked now, and more of it than that may not be kept.
    const std::uint64_t unasked = lent_ + fresh.count;
    const std::uint64_t excess = unasked - std::min(unasked, definition_.cache - 1);
    burn(BurnReason::kDiscard, fresh.drop_front(excess, definition_.increment));
  }
  stock_.append(fresh);
  requeue_in_front(std::move(unserved));
}

void Engine::count_batch(std::size_t requests) noexcept {
  if (requests == 0) {
    ++accounting_.refills;
    return;
  }
  const auto size = static_cast<std::size_t>(std::bit_width(requests)) - 1;
  ++accounting_.batch_sizes[std::min(size, accounting_.batch_sizes.size() - 1)];
  accounting_.largest_batch = std::max<std::uint64_t>(accounting_.largest_batch, requests);
}

// --- Advances

void Engine::on_advance(const contract::Outcome& outcome) {
  if (const auto* committed = std::get_if<contract::Committed>(&outcome)) {
    advance_applied(committed->end);
  } else if (const auto* refused = std::get_if<contract::Refused>(&outcome)) {
    on_advance_refused(refused->state);
  } else if (std::holds_alternative<contract::Missing>(outcome)) {
    stop_as_vanished();
  } else {
    stop_as_contradicted("the store gave an answer that does not fit an advance");
  }
}

void Engine::on_advance_refused(const CounterState& state) {
  const auto op = std::get<contract::Advance>(flight_->op);
  if (state.slot && state.slot->seq == op.seq) return advance_applied(state.slot->end);
  if (contradicts(state, op.seq, op.prev)) return;
  const bool overtaken = prev_ != op.prev;
  const bool below_floor = lost_slot(state, op.seq);
  const bool other_rules = state.definition.revision != op.revision;
  if (!overtaken && !below_floor && !other_rules && state.value < op.to) {
    return repeat_later(kAllowed, Backoff::Cause::kTransient);
  }
  // It may still land: another node's give-back can bring the value below `to` again.
  if (!below_floor) given_up_.push_back({GivenUp::Kind::kAdvance, op.seq, 0, op.to});
  flight_.reset();
  continue_advance(state);
}

void Engine::advance_applied(std::int64_t before) {
  const auto op = std::get<contract::Advance>(flight_->op);
  flight_.reset();
  const std::int64_t lowest = contract::value_before_first(definition_);
  if (before < high_water_ && before >= lowest) return stop_as_set_back(before);
  if (before < lowest || before >= op.to) {
    return stop_as_contradicted("an advance to " + std::to_string(op.to) + " found the value " +
                                std::to_string(before));
  }
  prev_ = op.seq;
  high_water_ = op.to;
  given_up_.clear();
  burn(BurnReason::kAdvance, ids_between(before, op.to, definition_));
  advance_succeeded({op.to, definition_, floor_, std::nullopt});
}

/// Does what is next for the first advance, now that the state is known.
void Engine::continue_advance(const CounterState& state) {
  adopt(state);
  if (advances_.empty()) return;
  const Advancing& advancing = advances_.front();
  if (state.value >= advancing.to) return advance_succeeded(state);
  if (static_cast<std::uint64_t>(advancing.to) <= definition_.max) {
    return start(contract::Advance{counter_, writer_, next_seq(), prev_, definition_.revision,
                                   advancing.to});
  }
  if (!advancing.answered) {
    effects().refusals.push_back(
        {advancing.ticket,
         Error(ErrorCode::kInvalid, quoted(counter_) + " can't be advanced to " +
                                        std::to_string(advancing.to) + ", past its max " +
                                        std::to_string(definition_.max) + "; raise max first.")});
  }
  advances_.erase(advances_.begin());
}

/// Whoever asks this node from now on gets ids above it, too.
void Engine::advance_succeeded(CounterState state) {
  const Advancing advancing = advances_.front();
  advances_.erase(advances_.begin());
  const std::int64_t dropped_to = canary(Canary::kAdvanceKeepsStock) ? 0 : advancing.to;
  burn(BurnReason::kAdvance, stock_.drop_up_to(dropped_to));
  if (!advancing.answered) effects().advanced.push_back({advancing.ticket, std::move(state)});
}

// --- The end

void Engine::on_give_back(const contract::Outcome& outcome) {
  if (std::holds_alternative<contract::Committed>(outcome)) {
    give_back_applied();
  } else if (const auto* refused = std::get_if<contract::Refused>(&outcome)) {
    on_give_back_refused(refused->state);
  } else {
    stop_as_vanished();
  }
}

void Engine::give_back_applied() {
  const auto& op = std::get<contract::GiveBack>(flight_->op);
  prev_ = op.seq;
  high_water_ = lowest_value();
  given_up_.clear();
  tail_ = Block{};
  flight_.reset();
}

/// A refusal burns nothing by itself: a late copy may still land, until the slot is released.
void Engine::on_give_back_refused(const CounterState& state) {
  const auto op = std::get<contract::GiveBack>(flight_->op);
  if (state.slot && state.slot->seq == op.seq) return give_back_applied();
  if (contradicts(state, op.seq, op.prev)) return;
  const bool overtaken = prev_ != op.prev;
  const bool below_floor = lost_slot(state, op.seq);
  if (!overtaken && !below_floor && state.value == op.end) {
    return repeat_later(kAllowed, Backoff::Cause::kTransient);
  }
  // Nor is it offered again without its slot: a copy of this attempt may have been applied before
  // the slot was pruned, and what the counter ends at now may be another node's (I7).
  if (!below_floor) given_up_.push_back({GivenUp::Kind::kGiveBack, op.seq});
  floor_ = std::max(floor_, state.floor);
  flight_.reset();
}

void Engine::on_release(const contract::Outcome& outcome) {
  const auto* refused = std::get_if<contract::Refused>(&outcome);
  const bool again =
      refused != nullptr && refused->state.slot && given_up_op_landed(*refused->state.slot);
  flight_.reset();
  if (again) return;  // The next tick releases the slot as it is now.
  if (refused != nullptr) {
    effects().warnings.push_back(quoted(counter_) + " left a slot behind that is not its own.");
  }
  prev_ = 0;
  drop_tail();
  given_up_.clear();
}

// --- The stop

/// A value that no order of events leads to, while what this node knows is true.
void Engine::stop_as_set_back(std::int64_t value) {
  const std::string reserved = ", and this node has reserved ids up to ";
  stop("its value in the store is " + std::to_string(value) +
       (value < issued() ? issued_so_far() : reserved + std::to_string(high_water_)) +
       ". The store was probably set back by a restored backup or an old copy. " + what_to_run());
}

void Engine::stop_as_vanished() {
  stop("it has vanished from the store" + issued_so_far() +
       ". The store was probably set back by a restored backup, or another one is in its place. " +
       what_to_run());
}

void Engine::stop_as_contradicted(const std::string& what) {
  stop(what + issued_so_far() +
       ". The store was probably set back, or changed by something else than nextid. " +
       what_to_run());
}

/// A store that refuses as a whole says so in a whole sentence, and what to run.
void Engine::stop_as_damaged(const std::string& why) {
  const bool whole = why.ends_with('.');
  stop(whole ? why : why + ". " + what_to_run());
}

void Engine::doubt_store(const std::string& why) {
  if (phase_ == Phase::kOpen || phase_ == Phase::kClosing) stop_as_damaged(why);
}

std::string Engine::issued_so_far() const {
  const std::int64_t last = issued();
  return last < 1 ? "" : ", and this node has issued ids up to " + std::to_string(last);
}

std::string Engine::what_to_run() const {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:/.,@+-=";
  const std::string& url = rules_.store_url;
  const bool plain = url.find_first_not_of(kPlain) == std::string::npos;
  return "Do not only restart: run `nextid recover " + counter_ + " --store " +
         (plain ? url : "'" + url + "'") + "` first.";
}

void Engine::stop(std::string sentence) {
  stopped_ = quoted(counter_) + " has stopped: " + std::move(sentence);
  effects().stopped = stopped_;
  refuse_everything(ErrorCode::kCorrupt, stopped_);
  drop_tail();
  burn(BurnReason::kDiscard, stock_.drop_all());
  drop_loan_rests();
  const bool closing = phase_ == Phase::kClosing;
  phase_ = Phase::kCorrupt;
  rest_ = Rest::kNone;
  if (closing) finish();
}

}  // namespace nextid::engine
