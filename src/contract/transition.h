// What an op does to a counter: the rules of op.h as code, for the stores that read a counter and
// write it back in one atomic step. Pure functions of the op and of what was read.
//
// They keep
//   I1  an op with a seq is applied only in turn, and leaves its seq in the slot: so no copy of it
//       is applied, now or later. A slot goes only when the floor is at least its seq;
//   I6  a Reserve that finds no room changes nothing, and shows the state that has none;
//   I7  a value falls by a GiveBack only, one that is in turn and finds the very end that it hands
//       back, and never below the value before the first id. The floor never falls.
//
// MemoryStore does not use them: it is the model that stores are compared with, these included.
#pragma once

#include <cstdint>
#include <optional>

#include "nextid/counter.h"

#include "base/clock.h"
#include "contract/counter_state.h"
#include "contract/op.h"

namespace nextid::contract {

/// What is to be written of a counter. What it leaves out stays as it is.
struct Change {
  enum class SlotWrite {
    kKeep,
    kMake,     ///< The writer has none.
    kReplace,  ///< The writer has one.
    kRemove,
  };

  bool makes_counter = false;  ///< There is none yet; value and definition are there.
  std::optional<std::int64_t> value = {};
  std::optional<Definition> definition = {};
  std::optional<Seq> floor = {};  ///< Above the one before.
  SlotWrite slot_write = SlotWrite::kKeep;
  Slot slot = {};  ///< Of the op's writer, where one is made or replaced.
};

/// The outcome holds once the change, where there is one, is durable.
struct Transition {
  Outcome outcome;
  std::optional<Change> change = {};
};

/// What `op` does to the counter that was read as `state`, as the op's writer sees it; there is no
/// counter where that is empty. Ops must have passed refuse_unstorable().
///
/// A Load here finds; what it prunes is said below. Of a new counter Define leaves out the first
/// `skipped_ids`, as far as there is room below its max.
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

/// A Load prunes the slots of other writers whose seq is below this; none where it is 0. Where one
/// goes, the floor must be at least its seq in the same atomic step.
Seq pruned_below(base::WallMicros now) noexcept;

}  // namespace nextid::contract
