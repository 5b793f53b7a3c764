#include "engine/engine.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/canary.h"
#include "base/checked.h"

namespace nextid::engine {
namespace {

using base::Canary;
using base::canary;

constexpr std::int64_t kNothingYet = Predecessor::kNothingYet;
/// An exhausted counter gives up one op after the other: so many are remembered.
constexpr std::size_t kMaxGivenUp = 64;
constexpr std::uint64_t kMaxStep = std::numeric_limits<std::uint64_t>::max();

std::string quoted(const std::string& counter) { return "counter '" + counter + "'"; }

}  // namespace

Engine::Engine(std::string counter, contract::WriterId writer, std::uint64_t seed,
               const Rules& rules, Lane& lane, const Predecessor& predecessor)
    : counter_(std::move(counter)),
      writer_(writer),
      rules_(rules),
      backoff_(seed),
      last_ticket_(predecessor.last_ticket),
      stock_(lane),
      last_attempt_(predecessor.last_attempt),
      high_water_(predecessor.high_water) {}

void Engine::start_stopped(std::string sentence) {
  stopped_ = std::move(sentence);
  phase_ = Phase::kCorrupt;
}

Effects& Engine::effects() {
  if (!effects_) effects_ = std::make_unique<Effects>();
  return *effects_;
}

Effects Engine::take_effects() {
  const auto taken = std::exchange(effects_, nullptr);
  return taken ? std::move(*taken) : Effects{};
}

// --- Requests and their ends

std::uint64_t Engine::request(void* owner, std::uint64_t tag, std::uint64_t count,
                              MonotonicTime deadline) {
  const Waiting waiting{Ticket{++last_ticket_, owner, tag}, count, deadline, std::nullopt};
  if (auto error = reason_to_refuse(count)) {
    effects().refusals.push_back(Refusal{waiting.ticket, *std::move(error)});
  } else {
    rest_ = Rest::kNone;
    waiting_.push_back(waiting);
    ++live_waiting_;
    waiting_ids_ += count;
    earliest_deadline_ = std::min(earliest_deadline_, deadline);
  }
  return waiting.ticket.number;
}

std::optional<Error> Engine::reason_to_refuse(std::uint64_t count) const {
  if (count == 0 || count > rules_.limits.max_range) {
    return Error(ErrorCode::kInvalid, "count must be from 1 to " +
                                          std::to_string(rules_.limits.max_range) + ", not " +
                                          std::to_string(count) + ".");
  }
  if (phase_ == Phase::kCorrupt) return Error(ErrorCode::kCorrupt, stopped_);
  if (phase_ != Phase::kOpen) {
    return Error(ErrorCode::kUnavailable, quoted(counter_) + " is being closed; try again.");
  }
  if (live_waiting_ >= rules_.limits.max_waiting_requests) {
    return Error(ErrorCode::kOverloaded,
                 quoted(counter_) + " has " + std::to_string(live_waiting_) +
                     " requests waiting, which is this node's bound; try again soon.");
  }
  if (count > rules_.limits.max_waiting_ids - waiting_ids_) {
    return Error(ErrorCode::kOverloaded, quoted(counter_) + " has requests for " +
                                             std::to_string(waiting_ids_) + " ids waiting, and " +
                                             std::to_string(count) +
                                             " more pass this node's bound; try again soon.");
  }
  return std::nullopt;
}

std::uint64_t Engine::advance(void* owner, std::int64_t to, MonotonicTime deadline) {
  const Ticket ticket{++last_ticket_, owner, 0};
  if (auto error = reason_to_refuse(1)) {
    effects().refusals.push_back(Refusal{ticket, *std::move(error)});
  } else {
    rest_ = Rest::kNone;
    advances_.push_back(Advancing{ticket, to, deadline});
    earliest_deadline_ = std::min(earliest_deadline_, deadline);
  }
  return ticket.number;
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

void Engine::count_as_burned(std::uint64_t count, BurnReason reason) noexcept {
  accounting_.returned -= count;
  burn(reason, count);
}

void Engine::burn(BurnReason reason, std::uint64_t count) noexcept {
  accounting_.burned[static_cast<std::size_t>(reason)] += count;
}

/// Subtractions from the sum may have come before what they are taken from: it is the sum alone,
/// modulo 2^64, that counts.
Accounting Engine::accounting() const noexcept {
  Accounting accounting = accounting_;
  accounting.returned += stock_.handed_out();
  return accounting;
}

std::uint64_t Engine::unasked() const noexcept {
  return stock_.left() + lent_ + (flight_ ? flight_->surplus : 0) + tail_.count;
}

void Engine::refuse(const Waiting& waiting, ErrorCode code, const std::string& sentence) {
  effects().refusals.push_back(Refusal{waiting.ticket, Error(code, sentence)});
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
  for (const Advancing& advancing : advances_) {
    if (!advancing.answered)
      effects().refusals.push_back({advancing.ticket, Error(code, sentence)});
  }
  advances_.clear();
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
    effects().refusals.push_back(Refusal{waiting.ticket, error});
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
  expire_advances(error);
}

void Engine::expire_advances(const Error& error) {
  for (Advancing& advancing : advances_) {
    if (advancing.answered) continue;
    if (advancing.deadline > now_) {
      earliest_deadline_ = std::min(earliest_deadline_, advancing.deadline);
    } else {
      effects().refusals.push_back(Refusal{advancing.ticket, error});
      advancing.answered = true;
    }
  }
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
    refill_.op_ended(now_);
    ended_.reset();
  }
  if (phase_ == Phase::kClosing && now_ >= close_deadline_) {
    if (flight_ && flight_->count > 0 && (flight_->sent || flight_->in_doubt)) {
      effects().warnings.push_back(quoted(counter_) + " was closed with an op in doubt: up to " +
                                   std::to_string(flight_->count) + " ids may be skipped.");
    }
    refuse_everything(ErrorCode::kUnavailable, quoted(counter_) + " was closed; try again.");
    finish();
  }
  if (rest_ == Rest::kUnderWay && now_ >= close_deadline_) put_off_rest();
  if (!flight_ || flight_->tickets.empty()) serve_from_stock();
  if (!flight_) start_next_op();
  // A later op must not go by it: other nodes reserve and give back.
  room_.reset();
  if (flight_ && !flight_->sent && now_ >= flight_->retry_at) send();
  seen_ticket_ = last_ticket_;
}

/// Grants, in arrival order, what the stock has. Not while others wait for an op in flight, so that
/// a large range is not passed by small ones for ever.
void Engine::serve_from_stock() {
  if (live_waiting_ == 0 || stock_.empty()) return;
  std::uint64_t left_out = 0;
  std::size_t served = 0;
  for (const Waiting& waiting : waiting_) {
    if (!waiting.dead) {
      const auto first = stock_.take(waiting.count, left_out);
      if (!first) break;
      if (waiting.ticket.number <= seen_ticket_) ++accounting_.waits;
      effects().grants.push_back(
          Grant{waiting.ticket, IdRange(*first, waiting.count, definition_.increment)});
      --live_waiting_;
      waiting_ids_ -= waiting.count;
    }
    ++served;
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(served));
  burn(BurnReason::kDiscard, left_out);
  if (idle()) earliest_deadline_ = MonotonicTime::max();
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
  rest_ = Rest::kNone;
  close_deadline_ = deadline;
}

void Engine::rest(MonotonicTime deadline) {
  std::uint64_t left_by_cursors = 0;
  for (const Loan& rest : loan_rests_) left_by_cursors += rest.count;
  const bool may_rest = phase_ == Phase::kOpen || phase_ == Phase::kCorrupt;
  if (!may_rest || !idle() || lent_ > left_by_cursors) return;
  drop_loan_rests();
  rest_ = corrupt() ? Rest::kDone : Rest::kUnderWay;
  close_deadline_ = deadline;
}

void Engine::drop_loan_rests() {
  for (const Loan& rest : std::exchange(loan_rests_, {})) {
    lent_ -= rest.count;
    burn(BurnReason::kDiscard, rest.count);
  }
}

/// An op that failed is given up; nothing else starts before the next request, or rest().
void Engine::put_off_rest() {
  if (!flight_ || flight_->sent) return;
  if (const auto* op = std::get_if<contract::GiveBack>(&flight_->op)) {
    given_up_.push_back({GivenUp::Kind::kGiveBack, op->seq});
  }
  flight_.reset();
}

/// What is lent stays with its cursors, and counts as theirs to lose.
void Engine::finish() {
  phase_ = Phase::kClosed;
  drop_tail();
  burn(BurnReason::kDiscard, stock_.drop_all() + lent_);
}

std::int64_t Engine::issued() const noexcept {
  return tail_.empty() ? stock_.kept_before(high_water_) : lowest_value();
}

void Engine::start_next_op() {
  if (phase_ == Phase::kCorrupt || phase_ == Phase::kClosed) return;
  std::erase_if(advances_, [](const Advancing& advancing) { return advancing.answered; });
  const bool asked = live_waiting_ > 0 || !advances_.empty();
  if (!asked && (phase_ == Phase::kClosing || rest_ != Rest::kNone)) {
    if (phase_ == Phase::kClosing || now_ < close_deadline_) start_closing_op();
  } else if (!asked && !wants_refill()) {
    return;
  } else if (!loaded_) {
    start(contract::Load{counter_, writer_});
  } else if (given_up_.size() >= kMaxGivenUp || !tail_.empty()) {
    // None of them can land then; a tail that was offered is ours no more, or burned (I6).
    start(contract::Release{counter_, writer_, next_seq(), prev_});
  } else if (!advances_.empty()) {
    start(contract::Load{counter_, writer_});  // Whether there is anything to do shows in it.
  } else {
    // While there is a stock, ops are not what requests wait for: nobody is to be gathered.
    const bool at_once = phase_ == Phase::kClosing || definition_.cache > 1;
    if (at_once || gathering_.should_start(now_, live_waiting_)) start_reserve();
  }
}

void Engine::start(contract::Op op) {
  flight_ = std::make_unique<Flight>();
  flight_->op = std::move(op);
  flight_->started = now_;
  flight_->retry_at = now_;
}

/// One op for the longest prefix of the queue that keeps every bound (I3: the tickets of an op are
/// fixed before it is first sent), and for what the stock lacks.
void Engine::start_reserve() {
  std::erase_if(waiting_, [](const Waiting& waiting) { return waiting.dead.has_value(); });
  std::uint64_t demand = 0;
  const std::size_t taken = waiting_.empty() ? 0 : longest_prefix_that_fits(demand);
  if (definition_.cache > 1) {
    granted_by_ops_ += demand;
    refill_.op_starts(now_, granted_by_ops_ + stock_.handed_out());
    stock_.set_low_mark(std::min(refill_.target(), definition_.cache - 1) / 2);
  }
  std::uint64_t count = demand + surplus_for(demand);
  const bool may_fit = room_ && demand <= largest_run(*room_);
  if (may_fit) count = std::max<std::uint64_t>(std::min(count, room_->above), 1);
  if (count == 0) return;             // Demand has fallen so far that the stock will do.
  if (count < demand) stock_.hold();  // The rest of it is in the stock.

  contract::Reserve op{counter_, writer_, next_seq(), prev_, definition_.revision, 0, 0};
  // A step that overflows fits nowhere; a limit that no value meets has the store show its state.
  op.step = base::checked_mul<std::uint64_t>(count, definition_.increment).value_or(kMaxStep);
  op.limit = base::checked_sub<std::int64_t>(definition_.max, op.step).value_or(kNothingYet);
  std::vector<Waiting> tickets = take_from_queue(taken, demand);
  start(std::move(op));
  flight_->count = count;
  flight_->surplus = count > demand ? count - demand : 0;
  flight_->tickets = std::move(tickets);
}

std::vector<Engine::Waiting> Engine::take_from_queue(std::size_t taken, std::uint64_t count) {
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
  return tickets;
}

/// Takes at least one ticket: one that is too large by itself is for the store's state to refuse.
std::size_t Engine::longest_prefix_that_fits(std::uint64_t& count) const {
  std::uint64_t bound = rules_.limits.max_reservation;
  if (room_) bound = std::min(bound, largest_run(*room_));
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

bool Engine::wants_refill() const {
  if (!loaded_ || definition_.cache <= 1 || refill_paused_) return false;
  const std::uint64_t target = std::min(refill_.target(), definition_.cache - 1);
  return target > 0 && unasked() <= target / 2;
}

/// Ids to reserve beyond the demand: what the stock lacks, within `cache` - 1 and every bound.
std::uint64_t Engine::surplus_for(std::uint64_t demand) const {
  if (definition_.cache <= 1 || phase_ != Phase::kOpen || refill_paused_) return 0;
  const std::uint64_t target = std::min(refill_.target(), definition_.cache - 1);
  const std::uint64_t held = canary(Canary::kStocksTooMuch) ? 0 : unasked();
  const std::uint64_t lacking = target - std::min(target, held);
  const std::uint64_t bound =
      rules_.limits.max_reservation - std::min(rules_.limits.max_reservation, demand);
  const std::uint64_t surplus = std::min({lacking, bound, Lane::kMaxIds});
  const bool overflows = !base::checked_mul<std::uint64_t>(demand + surplus, definition_.increment);
  return overflows ? 0 : surplus;
}

/// What nobody asked for goes back first, then the slot. A slot may exist if an op was applied, or
/// may yet be. Its release raises the floor above every op we sent, so that none can land on the
/// empty place.
void Engine::start_closing_op() {
  set_tail_aside();
  if (!tail_.empty() && !tail_offered_) {
    tail_offered_ = true;
    start(contract::GiveBack{counter_, writer_, next_seq(), prev_, tail_.end, tail_.before});
    flight_->count = tail_.count;
  } else if (prev_ == 0 && given_up_.empty()) {
    drop_tail();
    if (phase_ == Phase::kClosing) return finish();
    rest_ = Rest::kDone;
  } else {
    start(contract::Release{counter_, writer_, next_seq(), prev_});
  }
}

/// Only the run that the counter's value may still end at can go back (I7). Closes the lane.
void Engine::set_tail_aside() {
  if (!stock_.empty()) {
    // Of an earlier tail nothing is left then: what the stock has was reserved after it.
    tail_ = Block{0, 0, high_water_, high_water_, high_water_};
    tail_offered_ = false;
    stock_.merge_last_into(tail_);
  }
  burn(BurnReason::kDiscard, stock_.drop_all());
}

/// It can go back no more. Where its slot was pruned, or nobody waits for the end of its give-back,
/// a copy may do so unseen: the counter may hand out these ids again, which nobody got.
void Engine::drop_tail() {
  if (tail_.empty()) return;
  burn(BurnReason::kDiscard, tail_.count);
  high_water_ = lowest_value();
  tail_ = Block{};
}

void Engine::send() {
  flight_->sent = true;
  if (canary(Canary::kResendsWithAnotherCount) && flight_->failures > 0) {
    if (auto* op = std::get_if<contract::Reserve>(&flight_->op)) op->step += definition_.increment;
  }
  if (!std::holds_alternative<contract::Load>(flight_->op)) ++accounting_.store_writes;
  effects().attempt.emplace(Attempt{++last_attempt_, flight_->op});
}

contract::Seq Engine::next_seq() {
  last_seq_ = std::max({last_seq_ + 1, floor_ + 1, wall_us_});
  return last_seq_;
}

// --- Cursors

/// At most half of what may be held unasked, so that other requests still find a stock.
std::optional<Loan> Engine::lend(std::uint64_t most) {
  if (phase_ != Phase::kOpen) return std::nullopt;
  if (!loan_rests_.empty()) {
    const Loan rest = loan_rests_.back();
    loan_rests_.pop_back();
    return rest;
  }
  const std::uint64_t bound = (definition_.cache - 1) / 2;
  const std::uint64_t count =
      std::min({most, stock_.lane().left() / 2, bound - std::min(bound, lent_)});
  if (count == 0) return std::nullopt;
  const std::uint64_t first = stock_.lane().take_run(count);
  if (first == 0) return std::nullopt;
  accounting_.returned -= count;
  lent_ += count;
  return Loan{first, count, definition_.increment};
}

void Engine::settle(std::uint64_t lent, const Loan& rest) {
  const std::uint64_t used = lent - rest.count;
  accounting_.returned += used;
  if (phase_ == Phase::kClosed) {
    accounting_.burned[static_cast<std::size_t>(BurnReason::kDiscard)] -= used;
    return;
  }
  lent_ -= used;
  if (rest.count > 0) loan_rests_.push_back(rest);
}

}  // namespace nextid::engine
