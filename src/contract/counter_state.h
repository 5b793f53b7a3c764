// What a store keeps of a counter, as its writers see it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "nextid/counter.h"

namespace nextid::contract {

/// A random identity of one engine in one process lifetime. Never used again after a restart. 0
/// stands for no engine: it can load and define, but has no slot.
using WriterId = std::uint64_t;

/// A writer's operation number. It grows, and is no lower than the wall clock in microseconds,
/// which dates the slot. 0 means none.
using Seq = std::uint64_t;

/// The last op of a writer on a counter, and the value of the counter right after it. An Advance
/// stores the value before it: the value after it is in the op.
struct Slot {
  Seq seq = 0;
  std::int64_t end = 0;

  friend bool operator==(const Slot&, const Slot&) = default;
};

/// A slot whose seq is older than this may be pruned; a younger one never.
inline constexpr std::chrono::minutes kSlotIdleLimit{10};

/// A counter as one atomic read shows it. `value` is the last id reserved; start - increment, which
/// may be negative, before the first one.
struct CounterState {
  std::int64_t value = 0;
  Definition definition;
  Seq floor = 0;
  std::optional<Slot> slot = {};  ///< The asking writer's.
  bool deleted = false;           ///< A tombstone: see Redefine.
};

/// The value of a counter that has reserved nothing yet: one increment below its first id.
inline std::int64_t value_before_first(const Definition& definition) noexcept {
  return static_cast<std::int64_t>(definition.start) -
         static_cast<std::int64_t>(definition.increment);
}

/// The counter as users see it: its value shows once it has reached an id.
inline CounterInfo info_of(std::string name, const CounterState& state) {
  CounterInfo info{std::move(name), std::nullopt, state.definition, state.deleted};
  if (state.value >= static_cast<std::int64_t>(state.definition.start)) {
    info.value = static_cast<std::uint64_t>(state.value);
  }
  return info;
}

}  // namespace nextid::contract
