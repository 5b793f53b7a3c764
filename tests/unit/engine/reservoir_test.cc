#include "engine/reservoir.h"

#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

namespace nextid::engine {
namespace {

constexpr std::uint64_t kCache = 100;

Definition cached(std::uint64_t cache = kCache) {
  Definition definition;
  definition.cache = cache;
  return definition;
}

/// The ids right above `before`; `kept_before` as for a Block.
Block block(std::int64_t before, std::uint64_t count, std::int64_t kept_before) {
  return {static_cast<std::uint64_t>(before) + 1, count, before,
          before + static_cast<std::int64_t>(count), kept_before};
}
Block block(std::int64_t before, std::uint64_t count) { return block(before, count, before); }

/// A reservoir for which one reserve has started.
class ReservoirTest : public ::testing::Test {
 protected:
  ReservoirTest() {
    reservoir_.set_increment(1);
    reservoir_.op_starts(now_, 20, kCache);
  }
  void TearDown() override { reservoir_.verify(); }

  void lend_all(std::uint64_t count) {
    const auto loan = reservoir_.lend(count, cached());
    ASSERT_TRUE(loan);
    EXPECT_EQ(loan->count, count);
  }

  const base::MonotonicTime now_{std::chrono::hours(1)};
  Lane lane_;
  Reservoir reservoir_{lane_};
  std::uint64_t burned_ = 0;
};

TEST_F(ReservoirTest, HoldsWhatTheLastDemandWas) {
  EXPECT_EQ(reservoir_.lacking(kCache), 20U);
  EXPECT_TRUE(reservoir_.wants_refill(kCache));
  reservoir_.keep(block(0, 12));
  EXPECT_EQ(reservoir_.lacking(kCache), 8U);
  EXPECT_FALSE(reservoir_.wants_refill(kCache)) << "more than half is left";
  EXPECT_EQ(reservoir_.take(2, burned_), 1U);
  EXPECT_TRUE(reservoir_.wants_refill(kCache));
  EXPECT_EQ(reservoir_.held(), 10U);
}

TEST_F(ReservoirTest, HoldsLessThanItsCache) {
  EXPECT_EQ(reservoir_.lacking(11), 10U);
  EXPECT_EQ(reservoir_.lacking(2), 1U);
  EXPECT_EQ(reservoir_.lacking(1), 0U);
  EXPECT_FALSE(reservoir_.wants_refill(1));
  EXPECT_EQ(reservoir_.bound(), kCache - 1);
}

TEST_F(ReservoirTest, ItsBoundFallsOnceNothingIsHeld) {
  reservoir_.keep(block(0, 50));
  reservoir_.op_starts(now_, 1, 10);
  EXPECT_EQ(reservoir_.bound(), kCache - 1) << "the 50 were reserved by the definition before";
  EXPECT_EQ(reservoir_.drop_stock(), 50U);
  reservoir_.op_starts(now_, 1, 10);
  EXPECT_EQ(reservoir_.bound(), 9U);
}

TEST_F(ReservoirTest, WantsNothingWhileItIsPaused) {
  reservoir_.pause_refills(true);
  EXPECT_EQ(reservoir_.lacking(kCache), 0U);
  EXPECT_FALSE(reservoir_.wants_refill(kCache));
  reservoir_.pause_refills(false);
  EXPECT_TRUE(reservoir_.wants_refill(kCache));
}

TEST_F(ReservoirTest, MakesWayForIdsThatGoOutAtOnce) {
  reservoir_.keep(block(0, 5));
  reservoir_.keep(block(10, 5));
  Block fresh = block(15, 5);
  EXPECT_EQ(reservoir_.make_way_for(fresh), 5U) << "1 ... 5 must not leave after them";
  EXPECT_EQ(fresh.first, 11U) << "the block that adjoins goes out first";
  EXPECT_EQ(fresh.count, 10U);
  EXPECT_TRUE(reservoir_.out_of_stock());
}

TEST_F(ReservoirTest, TrimsWhatIsTooMuchToKeep) {
  Block fresh = block(0, 150);
  EXPECT_EQ(reservoir_.trim(fresh, cached()), 51U);
  EXPECT_EQ(fresh.first, 52U);
  EXPECT_EQ(fresh.count, 99U);
  EXPECT_EQ(reservoir_.trim(fresh, cached()), 0U);
  EXPECT_EQ(reservoir_.trim(fresh, cached(1)), 99U);
}

TEST_F(ReservoirTest, WhatIsLentIsHeldUntilItIsUsed) {
  reservoir_.keep(block(0, 40));
  const auto loan = reservoir_.lend(1'000, cached());
  ASSERT_TRUE(loan);
  EXPECT_EQ(loan->first, 1U);
  EXPECT_EQ(loan->count, 20U) << "half of what is in stock";
  EXPECT_EQ(reservoir_.held(), 40U);
  EXPECT_EQ(reservoir_.returned(), 0U);
  EXPECT_TRUE(reservoir_.cursors_hold_ids());

  EXPECT_EQ(reservoir_.settle(20, {16, 5, 1}), 15U);
  EXPECT_EQ(reservoir_.held(), 25U);
  EXPECT_EQ(reservoir_.returned(), 15U);
  EXPECT_FALSE(reservoir_.cursors_hold_ids());
  EXPECT_TRUE(reservoir_.has_loans()) << "what the cursor left is for the next one";
  EXPECT_EQ(reservoir_.returned_and_held(), 40U);

  const auto next = reservoir_.lend(1'000, cached());
  ASSERT_TRUE(next);
  EXPECT_EQ(next->first, 16U);
  EXPECT_EQ(reservoir_.settle(5, {16, 5, 1}), 0U);
  EXPECT_EQ(reservoir_.drop_left_by_cursors(), 5U);
  EXPECT_FALSE(reservoir_.has_loans());
  EXPECT_EQ(reservoir_.held(), 20U);
  EXPECT_EQ(reservoir_.returned(), 15U);
}

TEST_F(ReservoirTest, LendsHalfOfItsCacheAtMost) {
  reservoir_.keep(block(0, 99));
  lend_all(49);
  EXPECT_FALSE(reservoir_.lend(1, cached()));
  EXPECT_FALSE(reservoir_.lend(1, cached(1)));
}

TEST_F(ReservoirTest, OnlyTheRunThatEndsAtTheValueGoesBack) {
  reservoir_.keep(block(0, 5));
  reservoir_.keep(block(10, 5));
  EXPECT_EQ(reservoir_.set_tail_aside(15), 5U);
  EXPECT_EQ(reservoir_.held(), 5U);
  const auto tail = reservoir_.offer_tail();
  ASSERT_TRUE(tail);
  EXPECT_EQ(tail->before, 10);
  EXPECT_EQ(tail->end, 15);
  EXPECT_FALSE(reservoir_.offer_tail()) << "once";
  EXPECT_EQ(reservoir_.set_tail_aside(15), 0U);
  EXPECT_FALSE(reservoir_.offer_tail()) << "it is the same tail";
  EXPECT_EQ(reservoir_.tail_went_back(), 5U);
  EXPECT_EQ(reservoir_.held(), 0U);
}

TEST_F(ReservoirTest, NothingGoesBackWhereTheValueIsElsewhere) {
  reservoir_.keep(block(0, 5));
  EXPECT_EQ(reservoir_.set_tail_aside(7), 5U);
  EXPECT_FALSE(reservoir_.has_tail());
  EXPECT_FALSE(reservoir_.offer_tail());
}

TEST_F(ReservoirTest, ATailThatMayHaveGoneBackLowersWhatTheValueCanBe) {
  reservoir_.keep(block(10, 5, 3));
  EXPECT_EQ(reservoir_.issued(15), 3) << "another node may give back what lies below the block";
  EXPECT_EQ(reservoir_.lowest(15), 15);
  reservoir_.set_tail_aside(15);
  EXPECT_EQ(reservoir_.issued(15), 3);
  EXPECT_EQ(reservoir_.lowest(15), 3);
  EXPECT_EQ(reservoir_.drop_tail(), 5U);
  EXPECT_EQ(reservoir_.lowest(15), 15);
  EXPECT_EQ(reservoir_.issued(15), 15);
}

TEST_F(ReservoirTest, AnIdThatWasTakenIsIssued) {
  reservoir_.keep(block(10, 5, 3));
  EXPECT_EQ(lane_.take(), 11U);
  EXPECT_EQ(reservoir_.issued(15), 11);
  EXPECT_EQ(reservoir_.returned_and_held(), 5U);
}

TEST_F(ReservoirTest, ClosingCountsWhatIsLentAsDroppedUntilItIsUsed) {
  reservoir_.keep(block(0, 40));
  lend_all(10);
  EXPECT_EQ(reservoir_.close(), 40U);
  EXPECT_EQ(reservoir_.held(), 0U);
  EXPECT_EQ(reservoir_.settle(10, {8, 3, 1}), 7U);
  EXPECT_EQ(reservoir_.returned(), 7U);
  EXPECT_EQ(reservoir_.held(), 0U);
}

}  // namespace
}  // namespace nextid::engine
