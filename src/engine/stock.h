// The ids held that are ready to be handed out: the block in the lane, and those behind it.
//
// Ids leave in the order of the counter (I3 within a node), and a range is one run (I4): when a run
// is taken from further back, the ids in front of it are left out, and the caller burns them (I5).
// Blocks that adjoin are merged, so nothing between them is lost.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nextid/detail/lane.h"

#include "engine/block.h"

namespace nextid::engine {

using detail::Lane;

/// Guarded by the counter's lock, but for lane(), from which any thread may take.
class Stock {
 public:
  /// The lane must be closed, outlive the stock, and be in no other stock's use.
  explicit Stock(Lane& lane) noexcept : lane_(lane) {}

  Lane& lane() noexcept { return lane_; }

  /// The counter's, before the first append().
  void set_increment(std::uint64_t increment) noexcept { increment_ = increment; }
  /// Blocks opened from now on have the lane's mark where this many ids are left in all.
  void set_low_mark(std::uint64_t ids) noexcept { low_mark_ = ids; }

  std::uint64_t left() const noexcept;
  bool empty() const noexcept { return left() == 0; }
  /// Ids taken from it so far, by lane or by take().
  std::uint64_t handed_out() const noexcept { return handed_out_ + lane_.taken(); }
  /// Ids handed out, and ids left: a sum that does not change when threads take from the lane.
  std::uint64_t passed_through() const noexcept;
  /// Ids left of the last block, if the counter's value was `end` after it; else 0.
  std::uint64_t left_up_to(std::int64_t end) const noexcept;

  /// The lowest value that the counter can come back to once the rest of the last block is given
  /// back, if it was `end` after the last op; `end` itself, if that block ends elsewhere.
  std::int64_t kept_before(std::int64_t end) const noexcept;

  /// Adds a block behind the others.
  void append(const Block& block);
  /// The first of `count` ids in a row, or nothing. Adds the ids that are left out to `burned`.
  std::optional<std::uint64_t> take(std::uint64_t count, std::uint64_t& burned);
  /// Closes the lane, so that no other thread takes from it, until the next append() or take().
  void withhold();
  /// If `block` adjoins the last block, takes that out and puts it in front of `block`.
  void merge_last_into(Block& block);
  /// Drops the ids up to `value`; returns how many.
  std::uint64_t drop_up_to(std::int64_t value);
  /// Drops all ids; returns how many.
  std::uint64_t drop_all();

  void verify() const;

 private:
  Block close_lane();
  void open_first();
  std::uint64_t behind() const noexcept;

  Lane& lane_;
  Block opened_;               // What the lane was opened with.
  std::vector<Block> blocks_;  // Behind it, in the counter's order; neighbours do not adjoin.
  std::uint64_t increment_ = 1;
  std::uint64_t low_mark_ = 0;
  std::uint64_t handed_out_ = 0;  // From blocks that were closed.
};

}  // namespace nextid::engine
