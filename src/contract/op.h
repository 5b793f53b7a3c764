// What the engine asks of a store, and what a store reports back. Plain values; no behaviour.
//
// An op with a seq is applied if and only if (slot.seq = prev, or there is no slot and floor < seq)
// and its other conditions hold. Applying it writes seq into the writer's slot in the same atomic
// step. So a repeat finds slot.seq = seq and does nothing, and a late copy of an earlier op finds
// neither condition true.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "nextid/counter.h"

#include "contract/counter_state.h"
#include "contract/idempotency.h"

namespace nextid::contract {

// --- Ops. Each is atomic. Those with a seq are exactly-once by their slot; the others are harmless
// --- when repeated. Where the store has something else than a counter, each is Damaged.

/// Reads a counter and prunes its idle slots. → Found | Missing | NotApplied
struct Load {
  std::string counter;
  WriterId writer = 0;
};

/// Creates the counter if it is missing. → Found (made by this attempt, or there already, perhaps
/// deleted) | InDoubt | NotApplied
struct Define {
  std::string counter;
  WriterId writer = 0;
  Definition definition;
};

/// Replaces the counter's definition, if the counter's revision is still definition.revision - 1
/// and, unless it deletes the counter, its value <= definition.max. Start and increment must be the
/// counter's own: they never change. A counter that another program made has revision 0. → Found
/// (as it is now) | Refused | Missing | InDoubt | NotApplied
///
/// A deleted counter is a *tombstone*: its value, floor and slots stay, so that no id of it is
/// given again (I1), whoever brings it back (I7). It takes no Reserve and no Advance, and a Define
/// finds it; all else is as before: repeats find their slots, and tails go back. A Redefine that
/// deletes nothing brings it back.
///
/// With `raise`, the value must be raise->from instead, whatever the max is, and is raise->to from
/// the same atomic step on. So a counter comes back above ids that were given elsewhere (I1), and
/// nobody takes one of it in between.
struct Redefine {
  struct Raise {
    std::int64_t from = 0;
    std::int64_t to = 0;  ///< At least `from` (I7).
  };

  std::string counter;
  WriterId writer = 0;
  Definition definition;
  bool deletes = false;
  std::optional<Raise> raise = {};
};

/// value += step, if value <= limit, the definition still has `revision`, and the counter is not
/// deleted. Leaves {seq, the new value} in the slot. → Committed | Refused | Missing | InDoubt |
/// NotApplied
struct Reserve {
  std::string counter;
  WriterId writer = 0;
  Seq seq = 0;
  Seq prev = 0;
  std::uint64_t revision = 0;
  std::uint64_t step = 0;
  std::int64_t limit = 0;
};

/// value = new_end, if value = end: hands back the tail of this writer's last reservation. Leaves
/// {seq, new_end} in the slot. Never below the value before the first id: that is NotApplied.
/// → Committed{new_end} | Refused | Missing | InDoubt | NotApplied
struct GiveBack {
  std::string counter;
  WriterId writer = 0;
  Seq seq = 0;
  Seq prev = 0;
  std::int64_t end = 0;
  std::int64_t new_end = 0;
};

/// value = to, if value < to, the definition still has `revision`, and the counter is not deleted.
/// Leaves {seq, the value before} in the slot; that value is its outcome, so a repeat, too, learns
/// how many ids were skipped. → Committed{the value before} | Refused | Missing | InDoubt |
/// NotApplied
struct Advance {
  std::string counter;
  WriterId writer = 0;
  Seq seq = 0;
  Seq prev = 0;
  std::uint64_t revision = 0;
  std::int64_t to = 0;
};

/// Removes the writer's slot and raises the floor to at least `seq`. → Committed | Refused |
/// Missing | InDoubt | NotApplied. Without a slot it still raises the floor, and is Committed: an
/// earlier op of the writer may still be under way.
struct Release {
  std::string counter;
  WriterId writer = 0;
  Seq seq = 0;
  Seq prev = 0;
};

/// Reads the record of an idempotency key. `scope` is whose key it is: equal keys of two scopes are
/// two keys. → Remembered | NotApplied
struct Recall {
  std::string counter;
  std::string key;
  std::string scope = {};  ///< "", or as a counter name.
};

/// Keeps `record` under the key, if there is none or it has expired. The counter need not exist. →
/// Remembered (the record that is in force now: this one, or another's) | InDoubt | NotApplied. A
/// repeat finds its own record, by its owner. A copy that arrives after its own record's expiry
/// keeps nothing; if no other record is in force, its outcome is Remembered without a record.
struct Remember {
  std::string counter;
  std::string key;
  IdempotencyRecord record;
  std::string scope = {};  ///< As for Recall.
};

/// Writes what no other op reads, by the means, the rights and the locks of a write: tells whether
/// the store takes writes. → Committed | InDoubt | NotApplied
struct TryWrite {};

using Op = std::variant<Load, Define, Redefine, Reserve, GiveBack, Advance, Release, Recall,
                        Remember, TryWrite>;

// --- Outcomes of one attempt. What they mean for the op is the engine's to decide.

/// The op is durably applied by this attempt; `end` is the value that it left in the slot, for a
/// Release the counter's value, and for a TryWrite nothing.
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
  bool made = false;  ///< By this attempt of a Define.
};
struct Missing {};
/// What an idempotency key stands for; nothing when it has no record, or an expired one.
struct Remembered {
  std::optional<IdempotencyRecord> record;
};
/// The attempt may have been applied, may yet be, or may never be.
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

using Outcome =
    std::variant<Committed, Refused, Found, Missing, Remembered, InDoubt, NotApplied, Damaged>;

}  // namespace nextid::contract
