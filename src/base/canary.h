// Bugs that are put in on purpose, to see that the simulation finds them (tests/simulation).
//
// In all but the simulation's own copies of the sources canary() is false at compile time, and no
// code is left of them.
#pragma once

namespace nextid::base {

/// Each is one bug: some are those with which the model checker found the protocol to break, others
/// are what a careless change makes.
enum class Canary {
  kNone,
  // Of a store.
  kNoSlotCondition,       ///< An op is applied whatever its writer's slot holds.
  kGiveBackWithoutSeq,    ///< The same, of give-backs alone.
  kReleaseKeepsFloor,     ///< A late copy can land where a slot was released.
  kPruningKeepsFloor,     ///< The same, where it was pruned.
  kNoRevisionCondition,   ///< Ids are reserved by a definition that is no longer in force.
  kAnswersBeforeDurable,  ///< The store answers before it has committed.
  kComesBackAnew,         ///< A deleted counter that is defined again begins at its start.
  // Of an engine.
  kResendsWithAnotherCount,  ///< An op is repeated with another count.
  kForgetsDoubt,             ///< A failed attempt counts as the op's failure.
  kSplitsOffByOne,           ///< A request gets the last id of the one before it.
  kReusesDeadTicketsIds,     ///< Ids of requests that are gone are kept for later ones.
  kClampsLastBlock,          ///< What does not fit below max is made smaller instead of refused.
  kMergesAnyBlocks,          ///< Two blocks become one run with other ids between them.
  kGivesBackTakenIds,        ///< A give-back ends below ids that were taken.
  kAdvanceKeepsStock,        ///< A node serves its stock after it was told to advance.
  kStocksTooMuch,            ///< A refill is as large as the cache, whatever the stock has.
  // Of a node.
  kReusesWriter,         ///< A node that starts again takes the identity it had.
  kForgetsAtRest,        ///< What a counter issued is forgotten when its engine is at rest.
  kForgetsCorrupt,       ///< A counter that has stopped goes on when its engine is at rest.
  kStateFileAhead,       ///< The state file has the end of a block that may still be given back.
  kStateFileBehind,      ///< The state file lacks what the engine in use issued.
  kIdentityNotCompared,  ///< A node with a state file serves whatever store it finds.
};

#ifdef NEXTID_CANARIES
inline Canary active_canary = Canary::kNone;
inline bool canary(Canary one) noexcept { return one == active_canary; }
inline bool any_canary() noexcept { return active_canary != Canary::kNone; }
#else
constexpr bool canary(Canary) noexcept { return false; }
constexpr bool any_canary() noexcept { return false; }
#endif

}  // namespace nextid::base
