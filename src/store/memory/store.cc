#include "store/memory/store.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "base/canary.h"
#include "base/cat.h"
#include "base/checked.h"
#include "contract/definition_fields.h"
#include "contract/op_check.h"

namespace nextid::store {
namespace {

using base::Canary;
using base::canary;
using base::cat;
using contract::Committed;
using contract::CounterState;
using contract::Found;
using contract::Missing;
using contract::NotApplied;
using contract::Outcome;
using contract::Refused;
using contract::Remembered;
using contract::Slot;

/// The counter as `writer` sees it.
template <typename Counter>
CounterState seen_by(const Counter& counter, contract::WriterId writer) {
  CounterState state = counter.state;
  const auto slot = counter.slots.find(writer);
  if (slot != counter.slots.end()) state.slot = slot->second;
  return state;
}

/// The condition that all ops with a seq share.
template <typename SlotOp>
bool is_in_turn(const SlotOp& op, const CounterState& seen) {
  if (canary(Canary::kNoSlotCondition)) return true;
  return seen.slot ? seen.slot->seq == op.prev : seen.floor < op.seq;
}

}  // namespace

MemoryStore::MemoryStore(WallClock wall_clock) : wall_clock_(std::move(wall_clock)) {}

void MemoryStore::submit(std::vector<contract::Call> calls) {
  base::Lock lock(mutex_);
  waiting_.insert(waiting_.end(), std::make_move_iterator(calls.begin()),
                  std::make_move_iterator(calls.end()));
  // Answers may submit: the loop takes those calls, so that they do not pile up on the stack.
  if (std::exchange(busy_, true)) return;
  while (!waiting_.empty()) {
    const std::vector<contract::Call> taken = std::exchange(waiting_, {});
    std::vector<Outcome> outcomes;
    outcomes.reserve(taken.size());
    for (const contract::Call& call : taken) outcomes.push_back(attempt(call.op));
    ++commits_;
    lock.unlock();
    for (std::size_t i = 0; i < taken.size(); ++i) taken[i].done(std::move(outcomes[i]));
    lock.lock();
  }
  busy_ = false;
}

Outcome MemoryStore::attempt(const contract::Op& op) {
  if (auto why = contract::refuse_unstorable(op)) return NotApplied{std::move(*why)};
  return std::visit([this](const auto& each) NEXTID_REQUIRES(mutex_) { return apply(each); }, op);
}

void MemoryStore::list(const contract::PageWanted& wanted,
                       std::function<void(Result<CounterPage>)> done) {
  CounterPage page;
  {
    const base::Lock lock(mutex_);
    for (auto it = counters_.upper_bound(wanted.after); it != counters_.end(); ++it) {
      if (it->second.state.deleted != wanted.deleted) continue;
      page.more = page.counters.size() == wanted.limit;
      if (page.more) break;
      page.counters.push_back(contract::info_of(it->first, it->second.state));
    }
  }
  done(std::move(page));
}

Outcome MemoryStore::apply(const contract::Load& op) {
  Counter* counter = find(op.counter);
  if (counter == nullptr) return Missing{};
  prune(*counter, op.writer);
  return Found{seen_by(*counter, op.writer)};
}

Outcome MemoryStore::apply(const contract::Define& op) {
  const auto [it, created] = counters_.try_emplace(op.counter);
  if (created) {
    it->second.state.definition = op.definition;
    it->second.state.value = contract::value_before_first(op.definition);
  }
  return Found{seen_by(it->second, op.writer), created};
}

Outcome MemoryStore::apply(const contract::Redefine& op) {
  Counter* counter = find(op.counter);
  if (counter == nullptr) return Missing{};
  CounterState seen = seen_by(*counter, op.writer);
  const bool is_past_max = seen.value > static_cast<std::int64_t>(op.definition.max);
  if (!contract::same_where_fixed(seen.definition, op.definition) ||
      seen.definition.revision != op.definition.revision - 1 ||
      (op.raise ? seen.value != op.raise->from : is_past_max && !op.deletes)) {
    return Refused{std::move(seen)};
  }
  if (seen.deleted && canary(Canary::kComesBackAnew)) {
    counter->state.value = contract::value_before_first(op.definition);
  }
  if (op.raise) counter->state.value = op.raise->to;
  counter->state.definition = op.definition;
  counter->state.deleted = op.deletes;
  return Found{seen_by(*counter, op.writer)};
}

Outcome MemoryStore::apply(const contract::Reserve& op) {
  Counter* counter = find(op.counter);
  if (counter == nullptr) return Missing{};
  CounterState seen = seen_by(*counter, op.writer);
  const bool in_force =
      seen.definition.revision == op.revision || canary(Canary::kNoRevisionCondition);
  if (!is_in_turn(op, seen) || !in_force || seen.deleted || seen.value > op.limit) {
    return Refused{std::move(seen)};
  }
  const auto end = base::checked_add<std::int64_t>(seen.value, op.step);
  if (!end) return NotApplied{cat("counter '", op.counter, "' would pass 2^63 - 1")};
  counter->state.value = *end;
  counter->slots[op.writer] = Slot{op.seq, *end};
  return Committed{*end};
}

Outcome MemoryStore::apply(const contract::GiveBack& op) {
  Counter* counter = find(op.counter);
  if (counter == nullptr) return Missing{};
  CounterState seen = seen_by(*counter, op.writer);
  const bool in_turn = is_in_turn(op, seen) || canary(Canary::kGiveBackWithoutSeq);
  if (!in_turn || seen.value != op.end) return Refused{std::move(seen)};
  if (op.new_end < contract::value_before_first(seen.definition)) {
    return NotApplied{cat("counter '", op.counter, "' would fall below its start")};
  }
  counter->state.value = op.new_end;
  counter->slots[op.writer] = Slot{op.seq, op.new_end};
  return Committed{op.new_end};
}

Outcome MemoryStore::apply(const contract::Advance& op) {
  Counter* counter = find(op.counter);
  if (counter == nullptr) return Missing{};
  CounterState seen = seen_by(*counter, op.writer);
  if (!is_in_turn(op, seen) || seen.definition.revision != op.revision || seen.deleted ||
      seen.value >= op.to) {
    return Refused{std::move(seen)};
  }
  counter->state.value = op.to;
  counter->slots[op.writer] = Slot{op.seq, seen.value};
  return Committed{seen.value};
}

Outcome MemoryStore::apply(const contract::Release& op) {
  Counter* counter = find(op.counter);
  if (counter == nullptr) return Missing{};
  CounterState seen = seen_by(*counter, op.writer);
  if (seen.slot && !is_in_turn(op, seen)) return Refused{std::move(seen)};
  // Without a slot, too: an earlier op of this writer may still be on its way. If the floor is
  // above this op, the op has been applied.
  const contract::Seq floor = std::max({seen.floor, op.seq, seen.slot ? seen.slot->seq : 0});
  if (!canary(Canary::kReleaseKeepsFloor)) counter->state.floor = floor;
  counter->slots.erase(op.writer);
  return Committed{seen.value};
}

Outcome MemoryStore::apply(const contract::Recall& op) {
  return Remembered{recall({contract::key_space(op.counter, op.scope), op.key}, wall_clock_())};
}

Outcome MemoryStore::apply(const contract::Remember& op) {
  const base::WallMicros now = wall_clock_();
  const RecordName name{contract::key_space(op.counter, op.scope), op.key};
  if (auto in_force = recall(name, now)) return Remembered{std::move(in_force)};
  if (contract::is_over(op.record, now)) return Remembered{};
  records_[name] = op.record;
  return Remembered{op.record};
}

Outcome MemoryStore::apply(const contract::TryWrite&) const { return Committed{}; }

MemoryStore::Counter* MemoryStore::find(const std::string& name) {
  const auto it = counters_.find(name);
  return it == counters_.end() ? nullptr : &it->second;
}

void MemoryStore::prune(Counter& counter, contract::WriterId asking) const {
  const auto idle_us =
      std::chrono::duration_cast<std::chrono::microseconds>(contract::kSlotIdleLimit).count();
  const base::WallMicros now = wall_clock_();
  const auto is_idle = [&](const auto& item) {
    return item.first != asking && item.second.seq + static_cast<std::uint64_t>(idle_us) < now;
  };
  for (const auto& item : counter.slots) {
    if (!is_idle(item) || canary(Canary::kPruningKeepsFloor)) continue;
    counter.state.floor = std::max(counter.state.floor, item.second.seq);
  }
  std::erase_if(counter.slots, is_idle);
}

std::optional<contract::IdempotencyRecord> MemoryStore::recall(const RecordName& name,
                                                               base::WallMicros now) const {
  const auto it = records_.find(name);
  if (it == records_.end() || contract::is_over(it->second, now)) return std::nullopt;
  return it->second;
}

}  // namespace nextid::store
