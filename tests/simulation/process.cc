#include "simulation/process.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/checked.h"

namespace nextid::simulation {

using history::Invariant;

namespace {

struct SlotOf {
  contract::WriterId writer = 0;
  contract::Seq seq = 0;
};

/// The slot that an op writes, if it writes one.
std::optional<SlotOf> slot_of(const contract::Op& op) {
  return std::visit(
      [](const auto& each) -> std::optional<SlotOf> {
        if constexpr (requires { each.seq; }) return SlotOf{each.writer, each.seq};
        return std::nullopt;
      },
      op);
}

const contract::CounterState* state_in(const contract::Outcome& outcome) {
  if (const auto* refused = std::get_if<contract::Refused>(&outcome)) return &refused->state;
  if (const auto* found = std::get_if<contract::Found>(&outcome)) return &found->state;
  return nullptr;
}

}  // namespace

Process::Process(Context& context, Ledger& ledger, SimulatedStore& store, Machine& machine,
                 std::string name, contract::WriterId writer)
    : context_(context),
      ledger_(ledger),
      store_(store),
      machine_(machine),
      name_(std::move(name)),
      writer_(writer),
      engine_(kCounter, writer, context.parameters.limits, context.random.next(),
              context.parameters.first_use, lane_) {
  context_.note("process starts " + name_, {writer_});
}

// --- Requests

void Process::ask(std::string client, std::uint64_t count, microseconds timeout, Ended ended) {
  Waiting waiting{std::move(client), count, context_.next_moment(), context_.queue.now() + timeout,
                  std::move(ended),  0};
  if (count == 1 && !closing_) {
    if (const auto id = take_from_lane()) {
      record_ids(waiting, *id, false);
      return waiting.ended();
    }
    if (over_) return record_none(waiting, "closed");
  }
  const std::uint64_t ticket = engine_.request(nullptr, 0, count, waiting.deadline);
  context_.note("request", {writer_, ticket, count});
  waiting_.emplace(ticket, std::move(waiting));
  if (context_.fails(context_.parameters.cancels)) cancel_later(ticket);
  pump_soon();
}

std::optional<IdRange> Process::take_from_lane() {
  std::uint64_t id = engine_.lane().take();
  if (id == 0) {
    engine_.mark_reached();
    pump();
    id = engine_.lane().take();
  }
  if (id == 0) return std::nullopt;
  context_.note("take", {writer_, id});
  return IdRange(id, 1, ledger_.definition()->increment);
}

void Process::cancel_later(std::uint64_t ticket) {
  context_.queue.after(context_.up_to(2 * context_.parameters.delay_us),
                       [self = shared_from_this(), ticket] {
                         self->machine_.when_awake([self, ticket] {
                           if (self->over_ || !self->engine_.cancel(ticket)) return;
                           self->context_.note("cancelled", {self->writer_, ticket});
                           const Waiting waiting = self->take_waiting(ticket);
                           self->record_none(waiting, "cancelled");
                         });
                       });
}

void Process::advance(std::string client, std::int64_t to, microseconds timeout, Ended ended) {
  Waiting waiting{std::move(client), 0, context_.next_moment(), context_.queue.now() + timeout,
                  std::move(ended),  to};
  const std::uint64_t ticket = engine_.advance(nullptr, to, waiting.deadline);
  context_.note("advance", {writer_, ticket, static_cast<std::uint64_t>(to)});
  waiting_.emplace(ticket, std::move(waiting));
  pump_soon();
}

std::optional<engine::Loan> Process::lend(std::uint64_t most) {
  const auto loan = engine_.lend(most);
  if (loan) {
    ever_lent_ = true;
    context_.note("lend", {writer_, loan->first, loan->count});
    pump_soon();
  }
  return loan;
}

void Process::hands_out(const std::string& client, const engine::Loan& lent, std::uint64_t id) {
  const Waiting waiting{client, 1, context_.next_moment(), context_.queue.now(), {}, 0};
  context_.note("cursor takes", {writer_, id});
  record_ids(waiting, IdRange(id, 1, lent.increment), true);
  ++unsettled_;
}

void Process::settle(std::uint64_t lent, const engine::Loan& rest) {
  context_.note("settle", {writer_, lent, rest.first, rest.count});
  engine_.settle(lent, rest);
  unsettled_ -= lent - rest.count;
}

// --- The engine's effects

void Process::pump_soon() {
  context_.queue.after(context_.up_to(context_.parameters.turn_us), [self = shared_from_this()] {
    self->machine_.when_awake([self] { self->pump(); });
  });
}

void Process::pump() {
  if (over_) return;
  engine_.tick(context_.queue.now(), machine_.wall_us());
  engine::Effects effects = engine_.take_effects();
  for (const auto& grant : effects.grants) on_grant(grant);
  for (const auto& refusal : effects.refusals) on_refusal(refusal);
  for (const auto& advanced : effects.advanced) on_advanced(advanced);
  for (const auto& warning : effects.warnings) context_.note(warning, {writer_});
  if (effects.attempt) send(*effects.attempt);
  check_unasked();
  if (engine_.closed()) {
    ended_in_time_ = context_.queue.now() < close_deadline_;
    end();
  } else {
    arm();
  }
}

void Process::arm() {
  const auto wake_at = engine_.wake_at();
  if (!wake_at || (armed_at_ && *armed_at_ <= *wake_at)) return;
  armed_at_ = *wake_at;
  context_.queue.at(*wake_at, [self = shared_from_this()] {
    self->armed_at_.reset();
    self->machine_.when_awake([self] { self->pump(); });
  });
}

void Process::send(const engine::Attempt& attempt) {
  if (const auto* reserve = std::get_if<contract::Reserve>(&attempt.op)) {
    reserving_ = *reserve;
    last_cache_ = ledger_.cache_of(reserve->revision);
    largest_cache_ = std::max(largest_cache_, last_cache_);
    context_.note("attempt to reserve",
                  {writer_, attempt.number, reserve->seq, reserve->prev, reserve->step});
  } else {
    const auto slot = slot_of(attempt.op);
    context_.note("attempt", {writer_, attempt.number, attempt.op.index(), slot ? slot->seq : 0});
  }
  store_.attempt(attempt.op, [self = shared_from_this(), attempt](contract::Outcome outcome) {
    self->machine_.when_awake([self, attempt, outcome = std::move(outcome)] {
      if (!self->over_) self->on_outcome(attempt, outcome);
    });
  });
}

void Process::on_outcome(const engine::Attempt& attempt, const contract::Outcome& outcome) {
  note(attempt.number, outcome);
  learn(attempt.op, outcome);
  engine_.outcome(attempt.number, outcome);
  pump();
}

void Process::note(std::uint64_t attempt, const contract::Outcome& outcome) {
  if (const auto* state = state_in(outcome)) {
    const contract::Seq seq = state->slot ? state->slot->seq : 0;
    context_.note("refused or found", {writer_, attempt, static_cast<std::uint64_t>(state->value),
                                       seq, state->floor, state->definition.revision});
  } else if (const auto* committed = std::get_if<contract::Committed>(&outcome)) {
    context_.note("committed", {writer_, attempt, static_cast<std::uint64_t>(committed->end)});
  } else if (const auto* not_applied = std::get_if<contract::NotApplied>(&outcome)) {
    context_.note("not applied: " + not_applied->why, {writer_, attempt});
  } else {
    context_.note("other outcome", {writer_, attempt, outcome.index()});
  }
}

void Process::learn(const contract::Op& op, const contract::Outcome& outcome) {
  const auto own = slot_of(op);
  const contract::CounterState* state = state_in(outcome);
  contract::Seq applied = 0;
  if (own && std::holds_alternative<contract::Committed>(outcome)) applied = own->seq;
  if (state != nullptr && state->slot) applied = state->slot->seq;
  if (applied != 0) {
    ledger_.told(writer_, applied);
    has_slot_ = true;
  }
  if (reserving_ && reserving_->seq == applied) reserving_.reset();
  if (state == nullptr || state->slot) return;
  if (has_slot_ || (own && state->floor >= own->seq)) lost_slot_ = true;
}

void Process::on_grant(const engine::Grant& grant) {
  const Waiting waiting = take_waiting(grant.ticket.number);
  if (waiting.count != grant.range.count()) {
    context_.violated(Invariant::kHonest, "asked for " + std::to_string(waiting.count) +
                                              " ids, got " + std::to_string(grant.range.count()));
  }
  record_ids(waiting, grant.range, false);
  if (waiting.ended) waiting.ended();
}

void Process::on_advanced(const engine::Advanced& advanced) {
  const Waiting waiting = take_waiting(advanced.ticket.number);
  context_.note("advanced", {writer_, static_cast<std::uint64_t>(advanced.state.value)});
  if (advanced.state.value < waiting.advances_to) {
    context_.violated(Invariant::kOrdered, "an advance to " + std::to_string(waiting.advances_to) +
                                               " led to " + std::to_string(advanced.state.value));
  }
  history::Record one = record(waiting);
  one.advanced = true;
  one.end = static_cast<std::uint64_t>(waiting.advances_to);
  context_.history.records.push_back(std::move(one));
  if (waiting.ended) waiting.ended();
}

void Process::on_refusal(const engine::Refusal& refusal) {
  const Waiting waiting = take_waiting(refusal.ticket.number);
  check_refusal(waiting, refusal.error);
  record_none(waiting, std::string(to_string(refusal.error.code())));
}

// --- Records

Process::Waiting Process::take_waiting(std::uint64_t ticket) {
  const auto it = waiting_.find(ticket);
  if (it == waiting_.end()) {
    context_.violated(Invariant::kUnique, "an answer to nobody, ticket " + std::to_string(ticket));
    return {};
  }
  Waiting waiting = std::move(it->second);
  waiting_.erase(it);
  return waiting;
}

history::Record Process::record(const Waiting& waiting) const {
  history::Record one;
  one.client = waiting.client;
  one.counter = kCounter;
  one.node = name_;
  one.sent_ns = waiting.sent;
  one.received_ns = context_.next_moment();
  one.asked = waiting.count;
  one.line = static_cast<std::uint32_t>(context_.history.records.size() + 1);
  return one;
}

void Process::record_ids(const Waiting& waiting, const IdRange& range, bool cursor) {
  context_.note("ids", {writer_, range.start(), range.count()});
  ledger_.returned(writer_, range);
  history::Record one = record(waiting);
  one.start = range.start();
  one.end = range.end();
  one.count = range.count();
  one.increment = range.increment();
  one.cursor = cursor;
  context_.history.records.push_back(std::move(one));
  got_ += range.count();
  if (cursor || !context_.fails(context_.parameters.undelivered)) return;
  engine_.count_as_burned(range.count(), BurnReason::kDisconnect);
  undelivered_ += range.count();
}

void Process::record_none(const Waiting& waiting, std::string reason) {
  context_.note("none " + reason, {writer_});
  history::Record one = record(waiting);
  one.no_ids_reason = std::move(reason);
  context_.history.records.push_back(std::move(one));
  if (waiting.ended) waiting.ended();
}

// --- The end

void Process::rest(microseconds timeout) {
  if (over_) return;
  context_.note("rest", {writer_});
  engine_.rest(context_.queue.now() + timeout);
  pump_soon();
}

void Process::close(microseconds timeout, Ended over) {
  if (over_) return over();
  on_over_ = std::move(over);
  closing_ = true;
  close_deadline_ = context_.queue.now() + timeout;
  context_.note("close " + name_, {writer_});
  engine_.close(close_deadline_);
  pump_soon();
}

void Process::crash() {
  if (over_) return;
  crashed_ = true;
  unasked_at_end_ = engine_.unasked();
  context_.note("crash " + name_, {writer_});
  end();
}

void Process::end() {
  over_ = true;
  for (auto& [ticket, waiting] : std::exchange(waiting_, {})) {
    if (!crashed_) {
      context_.violated(Invariant::kLive, "a request got no answer from a process that closed");
    }
    record_none(waiting, "crash");
  }
  if (on_over_) on_over_();
}

}  // namespace nextid::simulation
