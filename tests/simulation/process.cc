#include "simulation/process.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/canary.h"
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

contract::WriterId writer_of(const contract::Op& op) {
  return std::visit(
      [](const auto& each) -> contract::WriterId {
        if constexpr (requires { each.writer; }) return each.writer;
        return 0;
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
                 std::string name, StateFile* file)
    : context_(context),
      ledger_(ledger),
      store_(store),
      machine_(machine),
      name_(std::move(name)),
      file_(file),
      identity_(store.identity()),
      knows_(file != nullptr && file->identity != 0 ? file->identity : identity_),
      refuses_(knows_ != identity_ && !base::canary(base::Canary::kIdentityNotCompared)),
      started_(context.next_moment()),
      since_(started_) {
  context_.note("process starts " + name_, {identity_});
  if (file_ != nullptr && file_->identity != 0) {
    high_waters_.note(kCounter, file_->known.issued);
    if (!file_->known.stopped.empty()) high_waters_.stop(kCounter, file_->known.stopped);
    since_ = file_->since;
    told_corrupt_ = file_->told_corrupt;
    highest_ = file_->highest;
  }
  forget();
  write_state_file();
}

// --- The counter

/// As src/node does with counters: the next one knows what the HighWaters know.
void Process::forget() {
  if (counter_) forgotten_ += counter_->accounting();
  counter_ = std::make_shared<node::Succession>(kCounter, context_.parameters.rules, high_waters_,
                                                context_.queue.now());
}

engine::Engine& Process::engine() {
  if (engine::Engine* const engine = counter_->engine()) return *engine;
  const bool again = base::canary(base::Canary::kReusesWriter);
  writers_.push_back(again ? machine_.number() : context_.random.next() | 2);
  context_.note("engine", {writer()});
  has_slot_ = false;
  reserving_.reset();
  giving_back_ = 0;
  return counter_->begin(writer(), context_.random.next());
}

Accounting Process::accounting() const {
  Accounting sum = forgotten_;
  sum += counter_->accounting();
  return sum;
}

std::uint64_t Process::held() const {
  const engine::Engine* const engine = counter_->engine();
  return engine != nullptr ? engine->held() : 0;
}

void Process::write_state_file() {
  if (file_ == nullptr || refuses_ || over_) return;
  file_->identity = knows_;
  // Marks only rise, in the file as well.
  file_->known.issued =
      std::max({file_->known.issued, high_waters_.recall(kCounter).issued, counter_->issued()});
  file_->known.stopped = high_waters_.why_stopped(kCounter);
  file_->since = since_;
  file_->told_corrupt = told_corrupt_;
  file_->highest = highest_;
  context_.note("state file", {static_cast<std::uint64_t>(file_->known.issued)});
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
  if (refuses_) {
    record_none(waiting, "corrupt");
    return waiting.ended();
  }
  const std::uint64_t ticket = engine().request(nullptr, 0, count, waiting.deadline);
  context_.note("request", {writer(), ticket, count});
  waiting_.emplace(ticket, std::move(waiting));
  if (context_.fails(context_.parameters.cancels)) cancel_later(ticket);
  pump_soon();
}

std::optional<IdRange> Process::take_from_lane() {
  std::uint64_t id = counter_->lane().take();
  if (id == 0) {
    if (counter_->lane().left() == 0) return std::nullopt;
    engine().mark_reached();
    id = counter_->lane().take();
    pump();
  }
  if (id == 0) return std::nullopt;
  context_.note("take", {writer(), id});
  return IdRange(id, 1, context_.parameters.definition.increment);
}

void Process::cancel_later(std::uint64_t ticket) {
  context_.queue.after(context_.up_to(2 * context_.parameters.delay_us),
                       [self = shared_from_this(), counter = counter_, ticket] {
                         self->machine_.when_awake([self, counter, ticket] {
                           engine::Engine* const engine = counter->engine();
                           if (self->over_ || engine == nullptr || !engine->cancel(ticket)) return;
                           self->context_.note("cancelled", {self->writer(), ticket});
                           const Waiting waiting = self->take_waiting(ticket);
                           self->record_none(waiting, "cancelled");
                         });
                       });
}

void Process::advance(std::string client, std::int64_t to, microseconds timeout, Ended ended) {
  Waiting waiting{std::move(client), 0, context_.next_moment(), context_.queue.now() + timeout,
                  std::move(ended),  to};
  if (refuses_) {
    record_none(waiting, "corrupt");
    return waiting.ended();
  }
  const std::uint64_t ticket = engine().advance(nullptr, to, waiting.deadline);
  context_.note("advance", {writer(), ticket, static_cast<std::uint64_t>(to)});
  waiting_.emplace(ticket, std::move(waiting));
  pump_soon();
}

std::optional<engine::Loan> Process::lend(std::uint64_t most) {
  engine::Engine* const engine = counter_->engine();
  const auto loan = engine != nullptr ? engine->lend(most) : std::nullopt;
  if (loan) {
    ever_lent_ = true;
    ++loans_;
    context_.note("lend", {writer(), loan->first, loan->count});
    pump_soon();
  }
  return loan;
}

void Process::hands_out(const std::string& client, const engine::Loan& lent, std::uint64_t id) {
  const Waiting waiting{client, 1, context_.next_moment(), context_.queue.now(), {}, 0};
  context_.note("cursor takes", {writer(), id});
  record_ids(waiting, IdRange(id, 1, lent.increment), true);
  ++unsettled_;
}

void Process::settle(std::uint64_t lent, const engine::Loan& left) {
  context_.note("settle", {writer(), lent, left.first, left.count});
  counter_->engine()->settle(lent, left);  // It is not at rest before its loans have ended.
  --loans_;
  unsettled_ -= lent - left.count;
}

// --- The engine's effects

void Process::pump_soon() {
  context_.queue.after(context_.up_to(context_.parameters.turn_us), [self = shared_from_this()] {
    self->machine_.when_awake([self] { self->pump(); });
  });
}

void Process::pump() {
  if (over_) return;
  engine::Effects effects = counter_->tick(context_.queue.now(), machine_.wall_us());
  for (const auto& grant : effects.grants) on_grant(grant);
  for (const auto& refusal : effects.refusals) on_refusal(refusal.ticket.number, refusal.error);
  for (const auto& advance : effects.advances) on_advance(advance);
  for (const auto& warning : effects.warnings) context_.note(warning, {writer()});
  if (!effects.stopped.empty()) {
    context_.note(effects.stopped, {writer()});
  }
  if (effects.attempt) send(*effects.attempt);
  check_held();
  const engine::Engine* const engine = counter_->engine();
  if (closing_ && (engine == nullptr || engine->closed())) {
    ended_in_time_ = context_.queue.now() < close_deadline_;
    end();
  } else {
    arm();
  }
}

void Process::arm() {
  const engine::Engine* const engine = counter_->engine();
  const auto wake_at = engine != nullptr ? engine->wake_at() : std::nullopt;
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
                  {writer(), attempt.number, reserve->seq, reserve->prev, reserve->step});
  } else {
    const auto slot = slot_of(attempt.op);
    context_.note("attempt", {writer(), attempt.number, attempt.op.index(), slot ? slot->seq : 0});
    if (slot && std::holds_alternative<contract::GiveBack>(attempt.op)) giving_back_ = slot->seq;
  }
  const auto done = [self = shared_from_this(), counter = counter_,
                     attempt](const contract::Outcome& outcome) {
    self->machine_.when_awake([self, counter, attempt, outcome] {
      if (!self->over_) self->on_outcome(attempt, outcome);
    });
  };
  store_.attempt(attempt.op, identity_, done);
}

void Process::on_outcome(const engine::Attempt& attempt, const contract::Outcome& outcome) {
  note(attempt.number, outcome);
  learn(attempt.op, outcome);
  if (engine::Engine* const engine = counter_->engine()) engine->outcome(attempt.number, outcome);
  pump();
}

void Process::note(std::uint64_t attempt, const contract::Outcome& outcome) {
  if (const auto* state = state_in(outcome)) {
    const contract::Seq seq = state->slot ? state->slot->seq : 0;
    context_.note("refused or found", {writer(), attempt, static_cast<std::uint64_t>(state->value),
                                       seq, state->floor, state->definition.revision});
  } else if (const auto* committed = std::get_if<contract::Committed>(&outcome)) {
    context_.note("committed", {writer(), attempt, static_cast<std::uint64_t>(committed->end)});
  } else if (const auto* not_applied = std::get_if<contract::NotApplied>(&outcome)) {
    context_.note("not applied: " + not_applied->why, {writer(), attempt});
  } else {
    context_.note("other outcome", {writer(), attempt, outcome.index()});
  }
}

void Process::learn(const contract::Op& op, const contract::Outcome& outcome) {
  const auto own = slot_of(op);
  const contract::CounterState* state = state_in(outcome);
  contract::Seq applied = 0;
  std::int64_t end = 0;
  const auto* committed = std::get_if<contract::Committed>(&outcome);
  if (own && committed != nullptr) {
    applied = own->seq;
    end = committed->end;
  }
  if (state != nullptr && state->slot) {
    applied = state->slot->seq;
    end = state->slot->end;
  }
  const contract::WriterId asking = writer_of(op);
  if (applied != 0) {
    ledger_.told(asking, applied, end);
    if (asking == writer()) has_slot_ = true;
  }
  if (reserving_ && reserving_->seq == applied) reserving_.reset();
  if (giving_back_ == applied) giving_back_ = 0;
  // With its slot there, the release would have shown whether the give-back had landed.
  const bool released = committed != nullptr && std::holds_alternative<contract::Release>(op);
  if (released && giving_back_ != 0) lost_slot_ = true;
  if (state == nullptr || state->slot) return;
  if ((has_slot_ && asking == writer()) || (own && state->floor >= own->seq)) lost_slot_ = true;
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

void Process::on_advance(const engine::AdvanceAnswer& answer) {
  if (!answer.counter) return on_refusal(answer.ticket.number, answer.counter.error());
  const Waiting waiting = take_waiting(answer.ticket.number);
  const std::int64_t value = answer.counter->value;
  context_.note("advanced", {writer(), static_cast<std::uint64_t>(value)});
  if (value < waiting.advances_to) {
    context_.violated(Invariant::kOrdered, "an advance to " + std::to_string(waiting.advances_to) +
                                               " led to " + std::to_string(value));
  }
  history::Record one = record(waiting);
  one.advanced = true;
  one.end = static_cast<std::uint64_t>(waiting.advances_to);
  context_.history.records.push_back(std::move(one));
  if (waiting.ended) waiting.ended();
}

void Process::on_refusal(std::uint64_t ticket, const Error& error) {
  const Waiting waiting = take_waiting(ticket);
  check_refusal(waiting, error);
  if (error.code() == ErrorCode::kCorrupt) told_corrupt_ = true;
  record_none(waiting, std::string(to_string(error.code())));
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
  one.counter = name_of_timeline(ledger_.timeline());
  one.node = name_;
  one.sent_ns = waiting.sent;
  one.received_ns = context_.next_moment();
  one.asked = waiting.count;
  one.line = static_cast<std::uint32_t>(context_.history.records.size() + 1);
  return one;
}

void Process::record_ids(const Waiting& waiting, const IdRange& range, bool cursor) {
  context_.note("ids", {writer(), range.start(), range.count()});
  if (told_corrupt_ && !cursor) {
    context_.violated(Invariant::kSameStore, name_ + " returned the id " +
                                                 std::to_string(range.start()) +
                                                 " after it had told that the counter has stopped");
  }
  std::vector<Ledger::Part> parts = ledger_.returned(writer(), range);
  // What the ledger did not find is in the history, too.
  if (parts.empty()) parts.push_back({0, range});
  for (const Ledger::Part& part : parts) {
    check_part(part);
    history::Record one = record(waiting);
    one.counter = name_of_timeline(part.timeline);
    if (parts.size() > 1) one.asked = part.range.count();
    one.start = part.range.start();
    one.end = part.range.end();
    one.count = part.range.count();
    one.increment = part.range.increment();
    one.cursor = cursor;
    context_.history.records.push_back(std::move(one));
    std::uint64_t& highest = highest_[part.timeline];
    highest = std::max(highest, part.range.end());
  }
  got_ += range.count();
  if (cursor || !context_.fails(context_.parameters.undelivered)) return;
  counter_->count_as_burned(range.count(), BurnReason::kDisconnect);
  undelivered_ += range.count();
}

void Process::record_none(const Waiting& waiting, std::string reason) {
  context_.note("none " + reason, {writer()});
  history::Record one = record(waiting);
  one.no_ids_reason = std::move(reason);
  context_.history.records.push_back(std::move(one));
  if (waiting.ended) waiting.ended();
}

// --- The end

void Process::rest(microseconds timeout) {
  if (over_) return;
  context_.note("rest", {writer()});
  const MonotonicTime now = context_.queue.now();
  if (closing_ || !counter_->idle_since(now, now)) return;
  if (!counter_->rest(now + timeout)) return pump_soon();
  if (counter_.use_count() > 1 || loans_ > 0) return;
  context_.note("forget");
  forget();
}

void Process::close(microseconds timeout, Ended over) {
  if (over_) return over();
  on_over_ = std::move(over);
  closing_ = true;
  close_deadline_ = context_.queue.now() + timeout;
  context_.note("close " + name_, {writer()});
  static_cast<void>(counter_->close(close_deadline_));
  pump_soon();
}

void Process::crash() {
  if (over_) return;
  crashed_ = true;
  held_at_end_ = held();
  context_.note("crash " + name_, {writer()});
  end();
}

void Process::end() {
  if (!crashed_) write_state_file();
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
