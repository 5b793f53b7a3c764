#include "contract/transition.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "nextid/id_range.h"

#include "base/cat.h"
#include "base/check.h"
#include "base/checked.h"
#include "contract/definition_fields.h"

namespace nextid::contract {
namespace {

using base::cat;

Transition missing() { return {Missing{}}; }

Transition refused(std::optional<CounterState> state) { return {Refused{*std::move(state)}}; }

/// The counter goes to `value`, and the op's writer has `slot` from then on.
Transition moved(const CounterState& before, std::int64_t value, const Slot& slot) {
  Change change;
  change.value = value;
  change.slot_write = before.slot ? Change::SlotWrite::kReplace : Change::SlotWrite::kMake;
  change.slot = slot;
  return {Committed{slot.end}, std::move(change)};
}

/// The value of a new counter; its max, if it has no room for the ids to be skipped.
std::int64_t first_value(const Definition& definition, std::uint64_t skipped_ids) {
  const std::int64_t before = value_before_first(definition);
  const auto distance = base::checked_mul<std::uint64_t>(skipped_ids, definition.increment);
  const auto value = distance ? base::checked_add<std::int64_t>(before, *distance) : std::nullopt;
  const auto max = static_cast<std::int64_t>(definition.max);
  return value ? std::min(*value, max) : max;
}

}  // namespace

Transition apply(const Load&, std::optional<CounterState> state) {
  if (!state) return missing();
  return {Found{*std::move(state)}};
}

Transition apply(const Define& op, std::optional<CounterState> state, std::uint64_t skipped_ids) {
  if (state) return {Found{*std::move(state)}};
  CounterState made;
  made.value = first_value(op.definition, skipped_ids);
  made.definition = op.definition;
  Change change;
  change.makes_counter = true;
  change.value = made.value;
  change.definition = made.definition;
  return {Found{std::move(made), true}, std::move(change)};
}

Transition apply(const Redefine& op, std::optional<CounterState> state) {
  if (!state) return missing();
  const Definition& before = state->definition;
  const Definition& after = op.definition;
  const bool fits = op.raise ? state->value == op.raise->from
                             : op.deletes || state->value <= static_cast<std::int64_t>(after.max);
  if (!same_where_fixed(before, after) || before.revision != after.revision - 1 || !fits) {
    return refused(std::move(state));
  }
  Change change;
  change.definition = after;
  change.deletes = op.deletes;
  if (op.raise) {
    NEXTID_CHECK(op.raise->to >= state->value);
    change.value = op.raise->to;
    state->value = op.raise->to;
  }
  state->definition = after;
  state->deleted = op.deletes;
  return {Found{*std::move(state)}, std::move(change)};
}

Transition apply(const Reserve& op, std::optional<CounterState> state) {
  if (!state) return missing();
  if (!is_in_turn(op, *state) || state->definition.revision != op.revision || state->deleted ||
      state->value > op.limit) {
    return refused(std::move(state));
  }
  const auto end = base::checked_add<std::int64_t>(state->value, op.step);
  if (!end) return {NotApplied{cat("counter '", op.counter, "' would pass 2^63 - 1")}};
  NEXTID_CHECK(*end > state->value);
  return moved(*state, *end, {op.seq, *end});
}

Transition apply(const GiveBack& op, std::optional<CounterState> state) {
  if (!state) return missing();
  if (!is_in_turn(op, *state) || state->value != op.end) return refused(std::move(state));
  if (op.new_end < value_before_first(state->definition)) {
    return {NotApplied{cat("counter '", op.counter, "' would fall below its start")}};
  }
  NEXTID_CHECK(op.new_end < op.end);
  return moved(*state, op.new_end, {op.seq, op.new_end});
}

Transition apply(const Advance& op, std::optional<CounterState> state) {
  if (!state) return missing();
  if (!is_in_turn(op, *state) || state->definition.revision != op.revision || state->deleted ||
      state->value >= op.to) {
    return refused(std::move(state));
  }
  return moved(*state, op.to, {op.seq, state->value});
}

Transition apply(const Release& op, std::optional<CounterState> state) {
  if (!state) return missing();
  if (state->slot && !is_in_turn(op, *state)) return refused(std::move(state));
  // Without a slot, too: an earlier op of this writer may still be on its way. If the floor is
  // above this op, the op has been applied.
  const Seq floor = std::max(op.seq, state->slot ? state->slot->seq : 0);
  Change change;
  if (floor > state->floor) change.floor = floor;
  if (state->slot) change.slot_write = Change::SlotWrite::kRemove;
  if (!change.floor && !state->slot) return {Committed{state->value}};
  return {Committed{state->value}, std::move(change)};
}

Seq pruned_below(base::WallMicros now) noexcept {
  using std::chrono::microseconds;
  constexpr auto kIdle = static_cast<std::uint64_t>(microseconds(kSlotIdleLimit).count());
  return now > kIdle ? std::min<Seq>(now - kIdle, kMaxId) : 0;
}

}  // namespace nextid::contract
