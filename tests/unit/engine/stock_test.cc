#include "engine/stock.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace nextid::engine {
namespace {

Block block(std::int64_t before, std::uint64_t count) {
  return {static_cast<std::uint64_t>(before) + 1, count, before,
          before + static_cast<std::int64_t>(count)};
}

class StockTest : public ::testing::Test {
 protected:
  /// The first id, or 0.
  std::uint64_t take(std::uint64_t count) { return stock_.take(count, burned_).value_or(0); }

  Lane lane_;
  Stock stock_{lane_};
  std::uint64_t burned_ = 0;
};

TEST_F(StockTest, HandsOutBlocksInTheirOrder) {
  stock_.append(block(0, 2));
  stock_.append(block(10, 2));
  EXPECT_EQ(stock_.left(), 4U);
  EXPECT_EQ(take(1), 1U);
  EXPECT_EQ(take(1), 2U);
  EXPECT_EQ(take(1), 11U);
  EXPECT_EQ(take(1), 12U);
  EXPECT_EQ(take(1), 0U);
  EXPECT_EQ(burned_, 0U);
  EXPECT_EQ(stock_.handed_out(), 4U);
}

TEST_F(StockTest, MergesBlocksThatAdjoin) {
  stock_.append(block(0, 5));
  EXPECT_EQ(take(3), 1U);
  stock_.append(block(5, 5));
  EXPECT_EQ(take(7), 4U);
  EXPECT_EQ(burned_, 0U);
  EXPECT_TRUE(stock_.empty());
}

TEST_F(StockTest, LeavesOutWhatDoesNotFitOnlyWhenALaterBlockDoes) {
  stock_.append(block(0, 5));
  EXPECT_EQ(take(9), 0U);
  EXPECT_EQ(burned_, 0U);
  stock_.append(block(20, 3));
  stock_.append(block(40, 9));
  EXPECT_EQ(take(9), 41U);
  EXPECT_EQ(burned_, 8U);
  EXPECT_TRUE(stock_.empty());
}

TEST_F(StockTest, NeverHandsOutBelowWhatItHandedOut) {
  stock_.append(block(0, 5));
  stock_.append(block(20, 9));
  EXPECT_EQ(take(9), 21U);
  EXPECT_EQ(take(1), 0U);
}

TEST_F(StockTest, PutsTheRestOfItsLastBlockBeforeOneThatAdjoins) {
  stock_.append(block(0, 5));
  EXPECT_EQ(take(2), 1U);
  Block next = block(5, 3);
  stock_.merge_last_into(next);
  EXPECT_EQ(next.first, 3U);
  EXPECT_EQ(next.count, 6U);
  EXPECT_EQ(next.before, 2);
  EXPECT_EQ(next.end, 8);
  EXPECT_TRUE(stock_.empty());
}

TEST_F(StockTest, KeepsABlockThatDoesNotAdjoin) {
  stock_.append(block(0, 5));
  Block next = block(6, 3);
  stock_.merge_last_into(next);
  EXPECT_EQ(next.count, 3U);
  EXPECT_EQ(stock_.left(), 5U);
}

TEST_F(StockTest, AnUntouchedBlockEndsWhereTheValueWas) {
  // A foreign add had moved the value off the stride 1, 11, 21 ...
  stock_.set_increment(10);
  stock_.append({21, 2, 13, 33});
  Block tail{0, 0, 33, 33};
  stock_.merge_last_into(tail);
  EXPECT_EQ(tail.before, 13);
}

TEST_F(StockTest, ATouchedBlockEndsAtItsLastIdHandedOut) {
  stock_.set_increment(10);
  stock_.append({21, 2, 13, 33});
  EXPECT_EQ(take(1), 21U);
  Block tail{0, 0, 33, 33};
  stock_.merge_last_into(tail);
  EXPECT_EQ(tail.before, 21);
  EXPECT_EQ(tail.first, 31U);
}

TEST_F(StockTest, DropsWhatIsNotAboveAValue) {
  stock_.append(block(0, 5));
  stock_.append(block(20, 5));
  EXPECT_EQ(take(1), 1U);
  EXPECT_EQ(stock_.drop_up_to(22), 6U);
  EXPECT_EQ(take(1), 23U);
  EXPECT_EQ(stock_.drop_up_to(22), 0U);
  EXPECT_EQ(stock_.drop_up_to(1'000), 2U);
  EXPECT_TRUE(stock_.empty());
  EXPECT_EQ(stock_.handed_out(), 2U);
}

TEST_F(StockTest, StopsTheLaneWhereTheNextBlockIsDue) {
  stock_.set_low_mark(3);
  stock_.append(block(0, 10));
  for (std::uint64_t id = 1; id <= 7; ++id) EXPECT_EQ(stock_.lane().take(), id);
  EXPECT_EQ(stock_.lane().take(), 0U);
  EXPECT_EQ(stock_.left(), 3U);
}

TEST_F(StockTest, TellsWhatLiesRightBelowAValue) {
  stock_.append(block(0, 10));
  EXPECT_EQ(stock_.left_up_to(10), 10U);
  EXPECT_EQ(stock_.left_up_to(9), 0U);
  stock_.append(block(20, 4));
  EXPECT_EQ(stock_.left_up_to(10), 0U);
  EXPECT_EQ(stock_.left_up_to(24), 4U);
}

}  // namespace
}  // namespace nextid::engine
