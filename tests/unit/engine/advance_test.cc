// advance(): raising a counter's value, exactly-once and accounted.
#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

#include "engine_driver.h"

namespace nextid::engine {
namespace {

using std::chrono::milliseconds;

class AdvanceTest : public ::testing::Test {
 protected:
  /// Asks, and lets the store show this value; an Advance follows where it is lower.
  std::uint64_t advance(std::int64_t to, std::int64_t value, const Definition& definition = {}) {
    const std::uint64_t ticket = driver_.request_advance(to);
    driver_.tick();
    driver_.load(definition, value);
    return ticket;
  }
  std::uint64_t skipped() { return driver_.engine().accounting().burned_by(BurnReason::kAdvance); }

  EngineDriver driver_;
};

TEST_F(AdvanceTest, RaisesTheValueAndCountsWhatItSkips) {
  const std::uint64_t ticket = advance(100, 0);
  EXPECT_EQ(driver_.advance().to, 100);
  driver_.answer(contract::Committed{0});
  EXPECT_EQ(driver_.advanced.at(ticket), 100);
  EXPECT_EQ(skipped(), 100U);
}

TEST_F(AdvanceTest, CountsIdsOnTheStrideOnly) {
  Definition definition;
  definition.start = 5;
  definition.increment = 10;
  advance(40, -5, definition);
  driver_.answer(contract::Committed{-5});
  EXPECT_EQ(skipped(), 4U);  // 5, 15, 25, 35
}

TEST_F(AdvanceTest, WritesNothingWhereTheValueIsAsHigh) {
  const std::uint64_t ticket = advance(100, 100);
  EXPECT_FALSE(driver_.attempt);
  EXPECT_EQ(driver_.advanced.at(ticket), 100);
  EXPECT_EQ(skipped(), 0U);
}

TEST_F(AdvanceTest, IsRefusedPastTheMaxThatTheStoreHasNow) {
  Definition definition;
  definition.max = 99;
  const std::uint64_t ticket = advance(100, 0, definition);
  EXPECT_FALSE(driver_.attempt);
  EXPECT_EQ(driver_.answer_of(ticket), "invalid");
}

TEST_F(AdvanceTest, ARepeatLearnsFromTheSlotHowMuchItSkipped) {
  const std::uint64_t ticket = advance(100, 10);
  const contract::Advance op = driver_.advance();
  driver_.answer(contract::InDoubt{"lost"});
  driver_.tick(milliseconds(500));
  EXPECT_EQ(driver_.advance().seq, op.seq);
  // Others have reserved 20 since.
  driver_.answer(contract::Refused{{120, Definition{}, 0, contract::Slot{op.seq, 10}}});
  EXPECT_EQ(driver_.advanced.at(ticket), 100);
  EXPECT_EQ(skipped(), 90U);
}

TEST_F(AdvanceTest, SucceedsWhenOthersWereFaster) {
  const std::uint64_t ticket = advance(100, 10);
  driver_.answer(contract::Refused{{150, Definition{}, 0, std::nullopt}});
  EXPECT_EQ(driver_.advanced.at(ticket), 150);
  EXPECT_EQ(skipped(), 0U);
}

TEST_F(AdvanceTest, ALateCopyThatLandsIsCounted) {
  advance(100, 10);
  const contract::Advance op = driver_.advance();
  driver_.answer(contract::Refused{{150, Definition{}, 0, std::nullopt}});
  // Another node gave 60 back, and the late copy found 90.
  const std::uint64_t next = driver_.request(1);
  driver_.tick();
  driver_.answer(contract::Refused{{100, Definition{}, 0, contract::Slot{op.seq, 90}}});
  EXPECT_EQ(skipped(), 10U);
  EXPECT_EQ(driver_.reserve().prev, op.seq);
  driver_.answer(contract::Committed{101});
  EXPECT_EQ(driver_.answer_of(next), "101-101");
}

TEST_F(AdvanceTest, GoesBeforeRequestsThatCameLater) {
  const std::uint64_t advanced = driver_.request_advance(100);
  const std::uint64_t next = driver_.request(1);
  driver_.tick();
  driver_.load();
  driver_.answer(contract::Committed{0});
  EXPECT_EQ(driver_.advanced.count(advanced), 1U);
  driver_.answer(contract::Committed{101});
  EXPECT_EQ(driver_.answer_of(next), "101-101");
}

TEST_F(AdvanceTest, DropsWhatThisNodeHasInStockBelow) {
  Definition cached;
  cached.cache = 100;
  driver_.request(1);
  driver_.tick();
  driver_.load(cached);
  driver_.answer(contract::Committed{2});  // 2 stays in stock.
  advance(50, 2, cached);
  driver_.answer(contract::Committed{2});
  EXPECT_EQ(skipped(), 49U);
  driver_.request(1);
  driver_.tick();
  EXPECT_EQ(driver_.engine().lane().take(), 0U);
}

TEST_F(AdvanceTest, ItsDeadlineEndsTheWaitAndNotTheOp) {
  const std::uint64_t ticket = driver_.request_advance(100, milliseconds(50));
  driver_.tick();
  driver_.load();
  driver_.tick(milliseconds(60));
  EXPECT_EQ(driver_.answer_of(ticket), "deadline");
  driver_.answer(contract::Committed{0});
  EXPECT_EQ(driver_.advanced.count(ticket), 0U);
  EXPECT_EQ(skipped(), 100U);
}

TEST_F(AdvanceTest, FollowsANewDefinition) {
  const std::uint64_t ticket = advance(100, 0);
  const contract::Advance op = driver_.advance();
  Definition changed;
  changed.revision = 2;
  driver_.answer(contract::Refused{{0, changed, 0, std::nullopt}});
  EXPECT_EQ(driver_.advance().revision, 2U);
  EXPECT_GT(driver_.advance().seq, op.seq);
  driver_.answer(contract::Committed{0});
  EXPECT_EQ(driver_.advanced.at(ticket), 100);
}

TEST_F(AdvanceTest, AValueBelowOneThatWasIssuedStopsTheCounter) {
  driver_.request(1);
  driver_.tick();
  driver_.load({}, 10);
  driver_.answer(contract::Committed{11});
  const std::uint64_t ticket = driver_.request_advance(100);
  driver_.tick();
  driver_.answer(contract::Found{{5, Definition{}, 0, std::nullopt}});
  EXPECT_EQ(driver_.answer_of(ticket), "corrupt");
}

}  // namespace
}  // namespace nextid::engine
