// What an op does to a counter: the rules of op.h as code, for the stores that read a counter and
// write it back in one atomic step. Pure functions of the op and of what was read.
//
// They keep
//   I1  an op with a seq is applied only in turn, and leaves its seq in the slot: so no copy of it
//       is applied, now or later. A slot is removed only if the floor is at least its seq;
//   I6  a Reserve that finds no room changes nothing, and shows the state that has none;
//   I7  a value falls only by a GiveBack that is in turn and finds the very end that it hands back,
//       and never below the value before the first id. The floor never falls. A deletion leaves
//       both where they are, and a Redefine that raises lowers neither.
//
// MemoryStore does not use these functions: it is the model that the other stores, and so these
// functions, are compared with.
#pragma once

#include <cstdint>
#include <optional>

#include "nextid/counter.h"

#include "base/clock.h"
#include "contract/counter_state.h"
#include "contract/op.h"

namespace nextid::contract {

/// What is to be written of a counter. Members without a value stay as they are.
struct Change {
  enum class SlotWrite {
    kKeep,
    kMake,     ///< The writer has none.
    kReplace,  ///< The writer has one.
    kRemove,
  };

  bool makes_counter = false;  ///< The counter does not exist yet; value and definition are set.
  std::optional<std::int64_t> value = {};
  std::optional<Definition> definition = {};
  bool deletes = false;           ///< With the definition: the counter is deleted from then on.
  std::optional<Seq> floor = {};  ///< Above the counter's floor.
  SlotWrite slot_write = SlotWrite::kKeep;
  Slot slot = {};  ///< Of the op's writer, if its slot is made or replaced.
};

/// The outcome is true once the change, if there is one, is durable.
struct Transition {
  Outcome outcome;
  std::optional<Change> change = {};
};

/// What `op` does to the counter that was read as `state`, as the op's writer sees it; an empty
/// state means that there is no counter. Ops must have passed refuse_unstorable().
///
/// A Load only finds the counter here; pruned_below() says what it prunes. Define makes a new
/// counter without its first `skipped_ids` ids, as far as there is room below its max.
Transition apply(const Load& op, std::optional<CounterState> state);
Transition apply(const Define& op, std::optional<CounterState> state,
                 std::uint64_t skipped_ids = 0);
Transition apply(const Redefine& op, std::optional<CounterState> state);
Transition apply(const Reserve& op, std::optional<CounterState> state);
Transition apply(const GiveBack& op, std::optional<CounterState> state);
Transition apply(const Advance& op, std::optional<CounterState> state);
Transition apply(const Release& op, std::optional<CounterState> state);

/// The condition that all ops with a seq share: the writer's slot is at op.prev, or there is none
/// and the floor is below op.seq.
template <typename SlotOp>
bool is_in_turn(const SlotOp& op, const CounterState& state) noexcept {
  return state.slot ? state.slot->seq == op.prev : state.floor < op.seq;
}

/// A Load prunes the slots of other writers whose seq is below this; none if it is 0. The same
/// atomic step that removes a slot must raise the floor to at least its seq.
Seq pruned_below(base::WallMicros now) noexcept;

}  // namespace nextid::contract
