// What an engine knows of its slot in the store, and what a counter's state means for one of its
// ops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "contract/op.h"

namespace nextid::engine {

using base::WallMicros;

/// An op that is no longer repeated but may still land: a copy of it may be under way.
struct GivenUp {
  enum class Kind { kReserve, kAdvance, kGiveBack };
  Kind kind = Kind::kReserve;
  contract::Seq seq = 0;
  std::uint64_t count = 0;      ///< Ids of a reserve.
  std::int64_t advance_to = 0;  ///< Of an advance.
};

/// The part of this writer's op that a state is compared with.
struct SlotOp {
  contract::Seq seq = 0;  ///< 0 of a load, which writes no slot.
  contract::Seq prev = 0;
};

/// What a state means for an op whose condition failed in it.
struct Reading {
  enum class Kind {
    kApplied,        ///< An earlier attempt applied the op. The slot has its end.
    kUnchanged,      ///< The slot is as the op expects it.
    kOvertaken,      ///< An op that was given up has landed.
    kSlotLost,       ///< There is no slot any more, and the op is below the floor: it can't land.
    kSetBack,        ///< The value is below the lowest that it can be.
    kContradiction,  ///< The state can't be that of the counter that this node knows.
  };
  Kind kind = Kind::kUnchanged;
  std::optional<GivenUp> landed = {};  ///< Of kOvertaken: the op that did.
  std::string why = {};                ///< Of kContradiction: a clause.
};

/// One writer's view of its slot on one counter. Keeps:
///   I1  each op has a seq of its own, above all before and above the floor, so that a copy of an
///       earlier op finds neither its prev nor a missing slot.
///   I1  an op given up is remembered until the slot shows a later one, or is gone for good: until
///       then it may still land.
///   I7 the high water only rises, except by a give-back that was applied, or may have been.
class SlotWriter {
 public:
  /// An exhausted counter gives up one op after another. Once so many are remembered, the slot is
  /// to be released.
  static constexpr std::size_t kMaxGivenUp = 64;

  SlotWriter(contract::WriterId id, std::int64_t high_water) noexcept
      : id_(id), high_water_(high_water) {}

  contract::WriterId id() const noexcept { return id_; }
  /// What the slot holds, as far as is known; 0 when there is none.
  contract::Seq prev() const noexcept { return prev_; }
  contract::Seq floor() const noexcept { return floor_; }
  /// The counter's value after the last op that was applied. No id at or below it may be granted
  /// any more, unless it is in stock.
  std::int64_t high_water() const noexcept { return high_water_; }
  /// A slot may exist if an op was applied, or may yet be.
  bool may_have_slot() const noexcept { return prev_ != 0 || !given_up_.empty(); }
  bool gave_up_too_many() const noexcept { return given_up_.size() >= kMaxGivenUp; }

  /// For a new op.
  contract::Seq next_seq(WallMicros now);

  /// What `state` means for `op`, where the counter's definition was `known` and its value can't be
  /// below `lowest`. Changes nothing.
  Reading read(const contract::CounterState& state, const SlotOp& op, const Definition& known,
               std::int64_t lowest) const;
  /// The op given up that the slot shows, if it shows one.
  std::optional<GivenUp> landed_in(const contract::Slot& slot) const;

  /// A state shows this floor.
  void see_floor(contract::Seq floor) noexcept;
  /// An op was applied that left the counter at `value`, which is no lower than before.
  void applied(contract::Seq seq, std::int64_t value);
  /// A give-back was applied: the value may be as low as `lowest`, which is the high water from now
  /// on.
  void gave_back(contract::Seq seq, std::int64_t lowest);
  /// An op given up was applied after all, and left the counter at `value`: no lower than before
  /// for a reserve or an advance; as gave_back() for a give-back.
  void landed(const GivenUp& op, std::int64_t value);
  /// A give-back may have been applied unseen.
  void may_have_gone_back(std::int64_t lowest);

  void give_up(const GivenUp& op);
  /// The slot is gone, and the floor may be below ops given up.
  void lose_slot() noexcept { prev_ = 0; }
  /// The slot is gone, and no op sent so far can land.
  void released() noexcept;

  void verify() const;

 private:
  const contract::WriterId id_;
  contract::Seq floor_ = 0;
  contract::Seq prev_ = 0;
  contract::Seq last_seq_ = 0;
  std::int64_t high_water_;
  std::vector<GivenUp> given_up_;  // By seq, all above prev_.
};

}  // namespace nextid::engine
