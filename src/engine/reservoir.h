// The ids that an engine has reserved ahead of the demand.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "nextid/counter.h"

#include "base/clock.h"
#include "engine/effects.h"
#include "engine/refill.h"
#include "engine/stock.h"

namespace nextid::engine {

/// Ids held: reserved, and not asked for yet. They are in stock, lent to cursors, or in the tail
/// that is set aside to go back to the store. Keeps:
///   I1  an id is in one of the three places, or has left.
///   I5  what leaves without a caller is returned from the function that drops it, for its caller
///       to count as burned.
///   I7  the tail is offered to the store once; its fate shows in the slot.
/// At most `cache` - 1 ids are held, those that the op under way reserves included.
///
/// Guarded by the counter's lock, but for the lane.
class Reservoir {
 public:
  /// As for a Stock.
  explicit Reservoir(Lane& lane) noexcept : stock_(lane) {}

  Lane& lane() noexcept { return stock_.lane(); }

  std::uint64_t held() const noexcept { return stock_.left() + lent_ + tail_.count; }
  bool out_of_stock() const noexcept { return stock_.empty(); }
  /// Ids that left the stock one way or the other, loans included.
  std::uint64_t taken_from_stock() const noexcept { return stock_.handed_out(); }
  /// Of these, those that callers got. It may be below zero, modulo 2^64: it is the sum with what
  /// ops gave to callers that counts.
  std::uint64_t returned() const noexcept { return stock_.handed_out() - not_returned_; }
  /// The sum of returned() and held() at one moment, whatever other threads take from the lane.
  std::uint64_t returned_and_held() const noexcept {
    return stock_.passed_through() - not_returned_ + lent_ + tail_.count;
  }

  // --- How much to hold

  /// The counter's increment, before any ids.
  void set_increment(std::uint64_t increment) noexcept { stock_.set_increment(increment); }
  /// A reserve is about to start, for requests that ask for `demand` ids.
  void op_starts(base::MonotonicTime now, std::uint64_t demand, std::uint64_t cache);
  void op_ended(base::MonotonicTime now) noexcept { refill_.op_ended(now); }
  /// Whether half of what should be in stock is used up.
  bool wants_refill(std::uint64_t cache) const noexcept;
  /// While the store has no room for one, no refill is wanted.
  void pause_refills(bool paused) noexcept { refill_paused_ = paused; }
  /// Ids to reserve beyond the demand, for one block.
  std::uint64_t lacking(std::uint64_t cache) const noexcept;
  /// Most ids that may be held, by the definitions by which they were reserved.
  std::uint64_t bound() const noexcept { return bound_; }

  // --- The stock

  /// The first of `count` ids in a row, or nothing. Adds the ids that are left out to `burned`.
  std::optional<std::uint64_t> take(std::uint64_t count, std::uint64_t& burned) {
    return stock_.take(count, burned);
  }
  /// See Stock::withhold().
  void withhold() { stock_.withhold(); }
  /// Ids in stock that lie right below the value of the counter.
  std::uint64_t run_up_to(std::int64_t value) const noexcept { return stock_.left_up_to(value); }
  /// Ids of `fresh` are to be handed out at once. What is in stock goes in front of them where it
  /// adjoins; other ids must not leave after them (I3), and are dropped: returns how many.
  std::uint64_t make_way_for(Block& fresh);
  /// Adds the ids of a reservation that no request got.
  void keep(const Block& fresh) { stock_.append(fresh); }
  /// Requests that could not be served leave more of a reservation than it was to have: drops the
  /// first ids of `fresh`, as many as are too many to keep, and returns how many.
  std::uint64_t trim(Block& fresh, const Definition& definition) const noexcept;
  /// Drops the ids up to `value`; returns how many.
  std::uint64_t drop_up_to(std::int64_t value) { return stock_.drop_up_to(value); }
  /// Drops all in stock; returns how many ids.
  std::uint64_t drop_stock() { return stock_.drop_all(); }

  // --- Loans

  /// Lends up to `most` ids to a cursor: what another one left, or half of the stock, so that other
  /// requests still find one. At most half of `cache` - 1 is lent.
  std::optional<Loan> lend(std::uint64_t most, const Definition& definition);
  /// A loan of `lent` ids has ended. What is left of it is kept for other cursors alone: other
  /// requests would see ids go down. Returns how many ids were used.
  std::uint64_t settle(std::uint64_t lent, const Loan& left);
  bool has_loans() const noexcept { return lent_ > 0; }
  /// True while a cursor has ids, beside what cursors left.
  bool cursors_hold_ids() const noexcept;
  /// Drops what cursors left; returns how many ids.
  std::uint64_t drop_left_by_cursors();

  // --- The tail

  bool has_tail() const noexcept { return !tail_.empty(); }
  /// Empties the stock. Of it, only the run that ends at `value` can go back (I7): it becomes the
  /// tail; returns how many ids are dropped.
  std::uint64_t set_tail_aside(std::int64_t value);
  /// The tail, if there is one that was not offered yet: this offers it.
  std::optional<Block> offer_tail() noexcept;
  /// The tail is the store's again; returns how many ids it had.
  std::uint64_t tail_went_back() noexcept { return std::exchange(tail_, Block{}).count; }
  /// It can go back no more; returns how many ids are dropped.
  std::uint64_t drop_tail() noexcept { return std::exchange(tail_, Block{}).count; }

  /// The least that the counter's value can be, if it was `value` after the last op: a tail that
  /// was offered may have gone back, and then what other nodes had below it.
  std::int64_t lowest(std::int64_t value) const noexcept;
  /// See Engine::issued().
  std::int64_t issued(std::int64_t value) const noexcept;

  /// Drops everything, and returns how many ids: what is lent stays with its cursors, and counts as
  /// theirs to lose.
  std::uint64_t close();

  void verify() const;

 private:
  std::uint64_t target(std::uint64_t cache) const noexcept;
  std::uint64_t left_by_cursors() const noexcept;

  Stock stock_;
  Refill refill_;
  bool refill_paused_ = false;
  std::uint64_t asked_of_ops_ = 0;  // Ids that requests asked for, beside those that were taken.
  std::uint64_t bound_ = 0;         // Most `cache` - 1 by which ids held were reserved.

  Block tail_;
  bool tail_offered_ = false;

  std::uint64_t lent_ = 0;          // Ids of loans that have not ended, and of left_.
  std::uint64_t not_returned_ = 0;  // Ids that left the stock as loans, and no caller got.
  std::vector<Loan> left_;          // By cursors.
  bool closed_ = false;             // What is lent is counted as dropped.
};

}  // namespace nextid::engine
