#include "store/etcd/counters.h"

#include <algorithm>
#include <random>
#include <type_traits>
#include <utility>

#include "base/cat.h"
#include "store/etcd/counter_text.h"
#include "store/etcd/outcomes.h"

namespace nextid::store {
namespace {

using base::cat;

using contract::Change;
using contract::CounterState;
using contract::Damaged;
using contract::Found;
using contract::NotApplied;
using contract::Outcome;
using contract::Slot;
using contract::Transition;
using Kind = EtcdReply::Kind;

/// Slots that one Load looks at, and those that it removes: etcd takes 128 requests a transaction.
constexpr std::size_t kMostSlotsRead = 1000;
constexpr std::size_t kMostSlotsPruned = 100;

/// The ranges that each read asks for, in this order.
constexpr std::size_t kStore = 0;
constexpr std::size_t kCounter = 1;
constexpr std::size_t kSlot = 2;
constexpr std::size_t kSlots = 3;
constexpr std::size_t kReads = 4;

/// None before the second race, then up to a limit that doubles: nodes that are in each other's way
/// must not stay in step.
std::chrono::milliseconds pause_before(int race) {
  if (race < 2) return std::chrono::milliseconds(0);
  thread_local std::minstd_rand random(std::random_device{}());
  constexpr int kMostDoublings = 5;
  const int most_ms = 1 << std::min(race - 1, kMostDoublings);
  return std::chrono::milliseconds(std::uniform_int_distribution<int>(0, most_ms)(random));
}

/// The counter once `change` is made.
CounterState changed(std::optional<CounterState> before, const Change& change) {
  CounterState after = std::move(before).value_or(CounterState());
  if (change.value) after.value = *change.value;
  if (change.definition) {
    after.definition = *change.definition;
    after.deleted = change.deletes;
  }
  if (change.floor) after.floor = *change.floor;
  if (change.slot_write == Change::SlotWrite::kRemove) after.slot.reset();
  if (change.slot_write == Change::SlotWrite::kMake ||
      change.slot_write == Change::SlotWrite::kReplace) {
    after.slot = change.slot;
  }
  return after;
}

}  // namespace

/// An op under way.
struct EtcdCounters::Work {
  std::string counter;
  contract::WriterId writer = 0;
  std::function<Transition(std::optional<CounterState>)> apply;
  Done done;
  bool is_load = false;
  bool is_in_turn = false;  ///< It has a seq, and so a slot.
  base::MonotonicTime deadline = {};
  int races = 0;
  std::string no_space = {};  ///< Why nothing more is written; empty while there is no reason.
};

EtcdCounters::EtcdCounters(std::shared_ptr<EtcdClient> client, EtcdKeys keys, WallClock wall_clock)
    : client_(std::move(client)), keys_(std::move(keys)), wall_clock_(std::move(wall_clock)) {}

template <typename Op>
void EtcdCounters::attempt(Op op, Done done) {
  auto work = std::make_shared<Work>();
  work->counter = op.counter;
  work->writer = op.writer;
  work->done = std::move(done);
  work->is_load = std::is_same_v<Op, contract::Load>;
  work->is_in_turn = requires { op.seq; };
  if constexpr (std::is_same_v<Op, contract::Define>) {
    work->apply = [client = client_, op = std::move(op)](std::optional<CounterState> state) {
      return contract::apply(op, std::move(state), client->identity().skip_for_new());
    };
  } else {
    work->apply = [op = std::move(op)](std::optional<CounterState> state) {
      return contract::apply(op, std::move(state));
    };
  }
  enqueue(std::move(work));
}

template void EtcdCounters::attempt(contract::Load, Done);
template void EtcdCounters::attempt(contract::Define, Done);
template void EtcdCounters::attempt(contract::Redefine, Done);
template void EtcdCounters::attempt(contract::Reserve, Done);
template void EtcdCounters::attempt(contract::GiveBack, Done);
template void EtcdCounters::attempt(contract::Advance, Done);
template void EtcdCounters::attempt(contract::Release, Done);

// --- The lanes

void EtcdCounters::enqueue(WorkPtr work) {
  {
    const base::Lock lock(mutex_);
    Lane& lane = lanes_[work->counter];
    if (lane.is_busy) return lane.waiting.push_back(std::move(work));
    lane.is_busy = true;
  }
  begin(work);
}

void EtcdCounters::begin(const WorkPtr& work) {
  work->deadline = base::monotonic_now() + kRoundTrips * client_->settings().attempt_timeout;
  std::optional<Seen> known;
  if (work->is_in_turn) {
    const base::Lock lock(mutex_);
    known = lanes_[work->counter].known;
  }
  if (known && known->writer == work->writer) return decide(work, *std::move(known), false);
  read(work);
}

void EtcdCounters::finish(const WorkPtr& work, Outcome outcome, std::optional<Seen> known) {
  WorkPtr next;
  {
    const base::Lock lock(mutex_);
    const auto place = lanes_.find(work->counter);
    Lane& lane = place->second;
    const bool has_slot = known && known->state && known->state->slot;
    const bool is_of_writer = lane.known && lane.known->writer == work->writer;
    if (has_slot) {
      lane.known = std::move(known);
    } else if (known && known->writer != 0 && known->state && !work->is_in_turn) {
      lane.known = std::move(known);  // Before the writer's first op.
    } else if (is_of_writer || !work->is_load) {
      lane.known.reset();
    }
    if (!lane.waiting.empty()) {
      next = std::move(lane.waiting.front());
      lane.waiting.pop_front();
    } else if (lane.known) {
      lane.is_busy = false;
    } else {
      lanes_.erase(place);
    }
  }
  work->done(std::move(outcome));
  // Not from here, lest a crowd of them fills the stack where each fails at once.
  while (next && !client_->after(std::chrono::milliseconds(0),
                                 [self = shared_from_this(), next] { self->begin(next); })) {
    next->done(NotApplied{"the store is closed"});
    const base::Lock lock(mutex_);
    Lane& lane = lanes_[work->counter];
    next = lane.waiting.empty() ? nullptr : lane.waiting.front();
    if (next) lane.waiting.pop_front();
  }
}

// --- Reading and deciding

void EtcdCounters::add_reads(const Work& work, EtcdTxn& txn, bool as_success) const {
  const auto get = [&](const auto&... what) {
    as_success ? txn.then_get(what...) : txn.else_get(what...);
  };
  get(keys_.store());
  get(keys_.counter(work.counter));
  get(keys_.slot(work.counter, work.writer));
  // One slot of anybody shows that there was a counter.
  get(keys_.slots(work.counter), work.is_load ? kMostSlotsRead : std::size_t{1}, !work.is_load);
}

Result<EtcdCounters::Seen> EtcdCounters::seen_in(const Work& work,
                                                 const std::vector<EtcdRange>& ranges) {
  if (ranges.size() < kReads) {
    return Error(ErrorCode::kUnavailable, "etcd answered a transaction with too little");
  }
  if (auto doubt = client_->identity().take_store(ranges[kStore].only()); !doubt.empty()) {
    return Error(ErrorCode::kCorrupt, doubt);
  }
  Seen seen{.writer = work.writer};
  const auto damaged = [&](const std::string& what) {
    return Error(ErrorCode::kCorrupt,
                 cat("the key '", keys_.counter(work.counter), "' in etcd is damaged: ", what));
  };
  const EtcdEntry* entry = ranges[kCounter].only();
  if (entry == nullptr) {
    // The counter made anew would give out its ids again.
    const bool has_slots = !ranges[kSlots].entries.empty();
    if (has_slots) return damaged("it is missing, and slots of its writers are there");
    return seen;
  }
  auto state = parse_counter(entry->value);
  if (!state) return damaged(state.error().what());
  seen.state = *std::move(state);
  seen.counter_at = entry->mod_revision;
  if (const EtcdEntry* slot = ranges[kSlot].only()) {
    const auto parsed = parse_slot(slot->value);
    if (!parsed) return damaged(parsed.error().what());
    seen.state->slot = *parsed;
    seen.slot_at = slot->mod_revision;
  }
  return seen;
}

void EtcdCounters::send(const WorkPtr& work, const EtcdTxn& txn,
                        std::function<void(EtcdReply)> done) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(work->deadline - base::monotonic_now());
  if (txn.writes()) ++writes_;
  EtcdRequest request{
      .path = "/v3/kv/txn",
      .body = txn.body(),
      .effect = txn.writes() ? EtcdRequest::Effect::kWrite : EtcdRequest::Effect::kRead,
      .limit = std::min(left, client_->settings().attempt_timeout)};
  client_->call(std::move(request), std::move(done));
}

void EtcdCounters::read(const WorkPtr& work) {
  EtcdTxn txn;
  add_reads(*work, txn, true);
  send(work, txn, [self = shared_from_this(), work](EtcdReply reply) {
    if (reply.kind != Kind::kDone) return self->failed(work, std::move(reply));
    const auto answer = parse_txn_answer(reply.body);
    if (!answer) return self->finish(work, NotApplied{answer.error().what()}, {});
    auto seen = self->seen_in(*work, answer->ranges);
    if (!seen) return self->finish(work, outcome_of_unreadable(seen.error()), {});
    if (work->is_load && seen->state) {
      return self->prune(work, answer->ranges[kSlots], *std::move(seen));
    }
    self->decide(work, *std::move(seen), true);
  });
}

void EtcdCounters::decide(const WorkPtr& work, Seen seen, bool is_fresh) {
  Transition transition = work->apply(seen.state);
  if (!transition.change) {
    // What is known may be out of date.
    if (!is_fresh) return read(work);
    return finish(work, std::move(transition.outcome), std::move(seen));
  }
  if (!work->no_space.empty()) return finish(work, NotApplied{work->no_space}, {});
  write(work, std::move(seen), std::move(transition));
}

// --- Writing

void EtcdCounters::write(const WorkPtr& work, Seen seen, Transition transition) {
  const Change& change = *transition.change;
  const std::string counter = keys_.counter(work->counter);
  const std::string slot = keys_.slot(work->counter, work->writer);
  Seen after{.writer = work->writer, .state = changed(seen.state, change)};
  EtcdTxn txn;
  txn.if_at(keys_.store(), client_->identity().store_at());
  if (change.makes_counter) {
    txn.if_absent(counter).if_none(keys_.slots(work->counter));
  } else {
    txn.if_at(counter, seen.counter_at);
    seen.slot_at == 0 ? txn.if_absent(slot) : txn.if_at(slot, seen.slot_at);
  }
  txn.then_put(counter, counter_text(*after.state));
  if (change.slot_write == Change::SlotWrite::kRemove) {
    txn.then_delete(slot);
  } else if (change.slot_write != Change::SlotWrite::kKeep) {
    txn.then_put(slot, slot_text(change.slot));
  } else {
    after.slot_at = seen.slot_at;
  }
  add_reads(*work, txn, false);
  send(work, txn,
       [self = shared_from_this(), work, after = std::move(after),
        outcome = std::move(transition.outcome)](EtcdReply reply) mutable {
         self->written(work, std::move(reply), std::move(after), std::move(outcome));
       });
}

void EtcdCounters::written(const WorkPtr& work, EtcdReply reply, Seen after, Outcome outcome) {
  if (reply.kind != Kind::kDone) return failed(work, std::move(reply));
  const auto answer = parse_txn_answer(reply.body);
  if (!answer) return finish(work, contract::InDoubt{answer.error().what()}, {});
  if (!answer->succeeded) return raced(work, *answer);
  after.counter_at = answer->revision;
  if (after.state->slot && after.slot_at == 0) after.slot_at = answer->revision;
  finish(work, std::move(outcome), std::move(after));
}

/// The conditions did not hold: nothing was written, and the answer shows why.
void EtcdCounters::raced(const WorkPtr& work, const EtcdTxnAnswer& answer) {
  auto seen = seen_in(*work, answer.ranges);
  if (!seen) return finish(work, outcome_of_unreadable(seen.error()), {});
  const auto pause = pause_before(++work->races);
  if (work->races > kMostRaces || base::monotonic_now() + pause >= work->deadline) {
    return finish(work,
                  NotApplied{cat("others changed counter '", work->counter, "' in etcd ",
                                 work->races, " times at this moment")},
                  {});
  }
  if (pause.count() == 0) return decide(work, *std::move(seen), true);
  const auto again = [self = shared_from_this(), work, seen = *seen] {
    self->decide(work, seen, true);
  };
  if (!client_->after(pause, again)) finish(work, NotApplied{"the store is closed"}, {});
}

void EtcdCounters::failed(const WorkPtr& work, EtcdReply reply) {
  if (reply.kind == Kind::kNoSpace) return filled_up(work, std::move(reply));
  finish(work, outcome_of(std::move(reply)), {});
}

/// The quota is full: the transaction may be the last that was made. There is no other to come, so
/// a read tells.
void EtcdCounters::filled_up(const WorkPtr& work, EtcdReply reply) {
  work->no_space = std::move(reply.why);
  read(work);
}

/// Removes idle slots, and ends the Load with the counter as it is then. A Load succeeds even if
/// its pruning fails.
void EtcdCounters::prune(const WorkPtr& work, const EtcdRange& slots, Seen seen) {
  const contract::Seq oldest_kept = contract::pruned_below(wall_clock_());
  EtcdTxn txn;
  contract::Seq newest = 0;
  std::size_t count = 0;
  for (const EtcdEntry& entry : slots.entries) {
    const auto slot = parse_slot(entry.value);
    if (!slot || slot->seq >= oldest_kept || count == kMostSlotsPruned) continue;
    if (keys_.writer_of(entry.key) == work->writer) continue;
    newest = std::max(newest, slot->seq);
    txn.then_delete(entry.key);
    ++count;
  }
  if (count == 0) return decide(work, std::move(seen), true);
  Seen after = seen;
  after.state->floor = std::max(seen.state->floor, newest);
  txn.if_at(keys_.store(), client_->identity().store_at());
  txn.if_at(keys_.counter(work->counter), seen.counter_at);
  txn.then_put(keys_.counter(work->counter), counter_text(*after.state));
  send(work, txn,
       [self = shared_from_this(), work, before = std::move(seen),
        after = std::move(after)](const EtcdReply& reply) mutable {
         const auto answer = parse_txn_answer(reply.body);
         const bool pruned = reply.kind == Kind::kDone && answer && answer->succeeded;
         if (!pruned) return self->finish(work, Found{*std::move(before.state)}, {});
         after.counter_at = answer->revision;
         self->decide(work, std::move(after), true);
       });
}

}  // namespace nextid::store
