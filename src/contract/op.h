// What the engine asks of a store, and what a store reports back. Plain values; no behaviour.
//
// An op is applied if and only if (slot.seq = prev, or there is no slot and floor < seq) and its
// other conditions hold. Applying it writes seq into the writer's slot in the same atomic step. So
// a repeat finds slot.seq = seq and does nothing, and a late copy of an earlier op finds neither.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "nextid/counter.h"

#include "contract/counter_state.h"

namespace nextid::contract {

// --- Ops. Each is atomic. Reserve and Release are exactly-once by their slot; Load and Define are
// --- harmless when repeated. Where the store has something else than a counter, each is Damaged.

/// Reads a counter and prunes its idle slots. → Found | Missing | NotApplied
struct Load {
  std::string counter;
  WriterId writer = 0;
};

/// Creates the counter if it is missing. → Found (created now, or there already) | InDoubt |
/// NotApplied
struct Define {
  std::string counter;
  WriterId writer = 0;
  Definition definition;
};

/// value += step, if value <= limit and the definition still has `revision`.
/// → Committed | Refused | Missing | InDoubt | NotApplied
struct Reserve {
  std::string counter;
  WriterId writer = 0;
  Seq seq = 0;
  Seq prev = 0;
  std::uint64_t revision = 0;
  std::uint64_t step = 0;
  std::int64_t limit = 0;
};

/// Removes the writer's slot and raises the floor to at least `seq`. → Committed | Refused |
/// Missing | InDoubt | NotApplied. When there is no slot it raises the floor, and is Committed: an
/// earlier op of the writer may still be under way.
struct Release {
  std::string counter;
  WriterId writer = 0;
  Seq seq = 0;
  Seq prev = 0;
};

using Op = std::variant<Load, Define, Reserve, Release>;

// --- Outcomes of one attempt. What they mean for the op is the engine's to decide.

/// The op is durably applied by this attempt; `end` is the counter's value right after it.
struct Committed {
  std::int64_t end = 0;
};
/// Some condition did not hold: `state` is what the op found. It may show that the op was applied
/// by an earlier attempt.
struct Refused {
  CounterState state;
};
struct Found {
  CounterState state;
};
struct Missing {};
/// The attempt may or may not have been, or may yet be, applied.
struct InDoubt {
  std::string why;
};
/// This attempt was not applied. Says nothing about earlier ones.
struct NotApplied {
  std::string why;
  bool throttled = false;  ///< The store asks for fewer attempts.
};
/// The store has the counter, with a value or a definition that no counter can have.
struct Damaged {
  std::string why;
};

using Outcome = std::variant<Committed, Refused, Found, Missing, InDoubt, NotApplied, Damaged>;

}  // namespace nextid::contract
