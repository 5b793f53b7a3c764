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
///   I5  a function that drops ids returns how many, for its caller to count as burned.
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
  /// Of these, the ids that callers got. It may be below zero, modulo 2^64: only its sum with the
  /// ids that ops gave to callers counts.
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
  /// See Refill::used_up_soon().
  bool runs_out_soon() const noexcept { return refill_.used_up_soon(held()); }
  /// No refill is wanted while the counter has no room for one.
  void pause_refills(bool paused) noexcept { refill_paused_ = paused; }
  /// Ids to reserve beyond the demand, for one block.
  std::uint64_t lacking(std::uint64_t cache) const noexcept;
  /// Most ids that may be held, under the definitions by which they were reserved.
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
  /// Called before ids of `fresh` are handed out. Stock that adjoins `fresh` is put in front of it;
  /// other stock must not leave after it (I3), and is dropped. Returns how many ids were dropped.
  std::uint64_t make_way_for(Block& fresh);
  /// Adds the ids that are left of a reservation.
  void keep(const Block& fresh) { stock_.append(fresh); }
  /// After requests that could not be served, `fresh` may have more ids than may be held. Drops the
  /// surplus from its front, and returns how many ids.
  std::uint64_t trim(Block& fresh, const Definition& definition) const noexcept;
  /// Drops the ids up to `value`; returns how many.
  std::uint64_t drop_up_to(std::int64_t value) { return stock_.drop_up_to(value); }
  /// Drops all in stock; returns how many ids.
  std::uint64_t drop_stock() { return stock_.drop_all(); }

  // --- Loans

  /// Lends ids to a cursor: all that another one left; else up to `most`, and up to half of the
  /// lane's block, so that other requests still find ids there. At most half of `cache` - 1 is
  /// lent.
  std::optional<Loan> lend(std::uint64_t most, const Definition& definition);
  /// A loan of `lent` ids has ended. The ids `left` of it are kept for other cursors only: other
  /// requests would see ids go down. Returns how many ids were used.
  std::uint64_t settle(std::uint64_t lent, const Loan& left);
  bool has_loans() const noexcept { return lent_ > 0; }
  /// True while a loan has not ended. Ids that cursors left do not count.
  bool cursors_hold_ids() const noexcept;
  /// Drops the ids that cursors left; returns how many.
  std::uint64_t drop_left_by_cursors();

  // --- The tail

  bool has_tail() const noexcept { return !tail_.empty(); }
  /// Empties the stock. Its run that ends at `value` becomes the tail, since only that can go back
  /// (I7); the rest is dropped. Returns how many ids were dropped.
  std::uint64_t set_tail_aside(std::int64_t value);
  /// Offers the tail: returns it if there is one that was not offered yet.
  std::optional<Block> offer_tail() noexcept;
  /// The tail is the store's again; returns how many ids it had.
  std::uint64_t tail_went_back() noexcept { return std::exchange(tail_, Block{}).count; }
  /// The tail can't go back any more; returns how many ids are dropped.
  std::uint64_t drop_tail() noexcept { return std::exchange(tail_, Block{}).count; }

  /// The lowest value that the counter can have, if it was `value` after the last op: an offered
  /// tail may have gone back, and then other nodes' ids right below it.
  std::int64_t lowest(std::int64_t value) const noexcept;
  /// See Engine::issued().
  std::int64_t issued(std::int64_t value) const noexcept;

  /// Drops everything; returns how many ids, lent ones included. Lent ids stay with their cursors,
  /// which may still use them.
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
  bool closed_ = false;             // Lent ids are counted as dropped.
};

}  // namespace nextid::engine
