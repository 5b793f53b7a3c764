// What an engine can't take back: what a node may remember of a counter without ever raising a
// false alarm (I8).
#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

#include "engine_driver.h"

namespace nextid::engine {
namespace {

using contract::Committed;
using contract::Refused;
using contract::Slot;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// An engine that returned the ids 1 ... 10, and has 11 ... 20 in stock.
class IssuedTest : public ::testing::Test {
 protected:
  void SetUp() override { driver_.fill_stock(); }

  Engine& engine() { return driver_.engine(); }
  std::int64_t issued() { return driver_.engine().issued(); }

  void take(int ids) {
    for (int i = 0; i < ids; ++i) ASSERT_NE(engine().lane().take_run(1), 0U);
  }

  /// Has the next block reserved, so that it begins above `value`.
  void refill_above(std::int64_t value) {
    engine().mark_reached();
    driver_.tick();
    driver_.answer(Committed{value + static_cast<std::int64_t>(driver_.reserve().step)});
    ASSERT_FALSE(driver_.attempt);
  }

  EngineDriver driver_;
};

TEST_F(IssuedTest, NoneOfTheStockIsIssuedOnceTheStoreIsInDoubt) {
  driver_.engine().doubt_store("the store is another one.");
  EXPECT_TRUE(driver_.engine().corrupt());
  EXPECT_EQ(driver_.engine().lane().take(), 0U);
  EXPECT_EQ(driver_.engine().issued(), 20) << "burned ids are gone, too";
  EXPECT_EQ(driver_.engine().accounting().burned_by(BurnReason::kDiscard), 10U);
  const auto stopped = driver_.engine().take_effects().stopped;
  EXPECT_NE(stopped.find("the store is another one."), std::string::npos) << stopped;
  driver_.engine().doubt_store("again.");
  EXPECT_TRUE(driver_.engine().take_effects().empty());
}

TEST_F(IssuedTest, OfAStrictCounterIsWhatItReserved) {
  EngineDriver strict;
  EXPECT_EQ(strict.engine().issued(), Predecessor::kNothingYet);
  strict.request(3);
  strict.tick();
  strict.load({}, 7);
  EXPECT_EQ(strict.engine().issued(), Predecessor::kNothingYet) << "what is read is not issued";
  strict.answer(Committed{10});
  EXPECT_EQ(strict.engine().issued(), 10);
}

TEST_F(IssuedTest, IsTheLastIdTakenAndNotTheEndOfTheBlock) {
  EXPECT_EQ(issued(), 10);
  take(1);
  EXPECT_EQ(issued(), 11);
  take(9);
  EXPECT_EQ(issued(), 20);
}

TEST_F(IssuedTest, CountsWhatWasLent) {
  const auto loan = engine().lend(4);
  ASSERT_TRUE(loan);
  EXPECT_EQ(issued(), 10 + static_cast<std::int64_t>(loan->count));
}

TEST_F(IssuedTest, OfAnUntouchedBlockThatAdjoinsIsWhatWasTakenBeforeIt) {
  take(5);
  refill_above(20);
  EXPECT_EQ(issued(), 15);
}

/// The block may go back, and then what the other node has below it.
TEST_F(IssuedTest, OfAnUntouchedBlockAboveAnothersIsTheMarkBeforeBoth) {
  take(10);
  refill_above(30);
  EXPECT_EQ(issued(), 20);
  const std::uint64_t ticket = driver_.request(1);
  driver_.tick();
  EXPECT_EQ(driver_.answer_of(ticket), "31-31");
  EXPECT_EQ(issued(), 31);
}

/// The older block can't go back, since the value is not at its end any more.
TEST_F(IssuedTest, WhatIsLeftOfAnOlderBlockIsGone) {
  take(5);
  refill_above(30);
  EXPECT_EQ(issued(), 20);
}

TEST_F(IssuedTest, DoesNotFallWhenTheTailGoesBack) {
  take(2);
  engine().rest(driver_.now() + seconds(5));
  driver_.tick();
  EXPECT_EQ(driver_.give_back().new_end, 12);
  EXPECT_EQ(issued(), 12);
  driver_.answer(Committed{12});
  EXPECT_EQ(issued(), 12);
  driver_.answer(Committed{12});
  ASSERT_TRUE(engine().at_rest());
  EXPECT_EQ(engine().as_predecessor().high_water, 12);
}

TEST_F(IssuedTest, StaysBelowATailWhoseGiveBackMayStillLand) {
  engine().rest(driver_.now() + milliseconds(100));
  driver_.tick();
  driver_.answer(contract::InDoubt{"lost"});
  driver_.tick(milliseconds(500));
  EXPECT_EQ(issued(), 10);
}

TEST_F(IssuedTest, StaysBelowATailWhenItClosesWithTheGiveBackInDoubt) {
  engine().close(driver_.now() + milliseconds(100));
  driver_.tick();
  EXPECT_EQ(driver_.give_back().new_end, 10);
  driver_.answer(contract::InDoubt{"lost"});
  driver_.tick(milliseconds(500));
  ASSERT_TRUE(engine().closed());
  EXPECT_EQ(issued(), 10) << "a late copy of it may bring the value back to 10";
}

TEST_F(IssuedTest, HasTheStockThatIsBurnedWhenNothingWasOffered) {
  engine().close(driver_.now());
  driver_.tick();
  ASSERT_TRUE(engine().closed());
  EXPECT_EQ(issued(), 20);
}

TEST_F(IssuedTest, IsWhereAnAdvanceWentTo) {
  driver_.request_advance(500);
  driver_.tick();
  driver_.answer(contract::Found{{20, cached(), 0, std::nullopt}});
  driver_.answer(Committed{20});
  EXPECT_EQ(issued(), 500);
}

TEST_F(IssuedTest, IsKeptByACounterThatStops) {
  take(3);
  driver_.request(50);
  driver_.tick();
  driver_.answer(Refused{{5, cached(), 0, Slot{driver_.reserve().prev, 5}}});
  ASSERT_TRUE(engine().corrupt());
  EXPECT_GE(issued(), 13);
}

/// Its last op was made by the store that was set back, and counts there (I5).
TEST_F(IssuedTest, WhatItsLastReservationTookIsBurnedByACounterThatStops) {
  const std::uint64_t ticket = driver_.request(50);
  driver_.tick();
  const auto step = static_cast<std::int64_t>(driver_.reserve().step);
  driver_.answer(Committed{15 + step});
  EXPECT_EQ(driver_.answer_of(ticket), "corrupt");
  const Accounting accounting = engine().accounting();
  EXPECT_EQ(accounting.returned, 10U);
  EXPECT_EQ(accounting.burned_by(BurnReason::kDiscard), 10U + static_cast<std::uint64_t>(step))
      << "the stock, and the op";
}

TEST_F(IssuedTest, WhatItsLastAdvanceSkippedIsBurnedByACounterThatStops) {
  driver_.request_advance(500);
  driver_.tick();
  driver_.answer(contract::Found{{20, cached(), 0, std::nullopt}});
  driver_.answer(Committed{15});
  ASSERT_TRUE(engine().corrupt());
  EXPECT_EQ(engine().accounting().burned_by(BurnReason::kAdvance), 485U);
}

// --- What a counter that has stopped says

TEST_F(IssuedTest, AStopNamesBothValuesAndWhatToRun) {
  take(3);
  const std::uint64_t ticket = driver_.request(50);
  driver_.tick();
  driver_.answer(Refused{{5, cached(), 0, Slot{driver_.reserve().prev, 5}}});
  EXPECT_STREQ(
      driver_.refusals.at(ticket).what(),
      "counter 'orders' has stopped: its value in the store is 5, and this node has issued "
      "ids up to 13. The store was probably set back by a restored backup or an old copy. "
      "Do not only restart: run `nextid recover orders --store sqlite:ids.db` first.");
  ASSERT_EQ(driver_.stops.size(), 1U);
  EXPECT_EQ(driver_.stops[0], driver_.refusals.at(ticket).what());
  EXPECT_EQ(engine().stopped(), driver_.stops[0]);
}

TEST_F(IssuedTest, AValueAmongIdsThatNobodyTookYetIsToldAsThat) {
  const std::uint64_t ticket = driver_.request(50);
  driver_.tick();
  driver_.answer(Refused{{15, cached(), 0, Slot{driver_.reserve().prev, 15}}});
  const std::string sentence = driver_.refusals.at(ticket).what();
  EXPECT_NE(sentence.find("is 15, and this node has reserved ids up to 20."), std::string::npos)
      << sentence;
}

TEST_F(IssuedTest, ADamagedCounterIsToldInTheStoresWords) {
  const std::uint64_t ticket = driver_.request(50);
  driver_.tick();
  driver_.answer(contract::Damaged{"its value is -3"});
  EXPECT_STREQ(driver_.refusals.at(ticket).what(),
               "counter 'orders' has stopped: its value is -3. Do not only restart: run `nextid "
               "recover orders --store sqlite:ids.db` first.");
}

/// It says itself what to run: for the whole store, and not for one counter.
TEST_F(IssuedTest, AStoreThatRefusesAsAWholeIsQuotedAsItIs) {
  const std::uint64_t ticket = driver_.request(50);
  driver_.tick();
  driver_.answer(contract::Damaged{"The log of ids.db is missing. Run `nextid recover --all`."});
  EXPECT_STREQ(driver_.refusals.at(ticket).what(),
               "counter 'orders' has stopped: The log of ids.db is missing. Run `nextid recover "
               "--all`.");
}

TEST(StoppedEngineTest, RefusesFromTheStartWithTheSentenceItHad) {
  Lane lane;
  const Rules rules;
  Engine engine({.counter = "orders",
                 .writer = 7,
                 .seed = 1,
                 .rules = rules,
                 .lane = lane,
                 .predecessor = {.stopped = "it has stopped."}});
  engine.request(nullptr, 0, 1, MonotonicTime::max());
  Effects effects = engine.take_effects();
  ASSERT_EQ(effects.refusals.size(), 1U);
  EXPECT_EQ(effects.refusals[0].error.code(), ErrorCode::kCorrupt);
  EXPECT_STREQ(effects.refusals[0].error.what(), "it has stopped.");
  EXPECT_TRUE(effects.stopped.empty()) << "that is no news";
  EXPECT_FALSE(effects.attempt);
  engine.rest({});
  EXPECT_TRUE(engine.at_rest());
}

TEST(StoppedEngineTest, QuotesAnAddressThatAShellWouldRead) {
  Lane lane;
  const Rules rules{.store_url = "dynamodb://ids?region=eu-west-1&endpoint=http://localhost:8000"};
  Engine engine({.counter = "orders",
                 .writer = 7,
                 .seed = 1,
                 .rules = rules,
                 .lane = lane,
                 .predecessor = {1, 1, 30}});
  engine.request(nullptr, 0, 1, MonotonicTime::max());
  engine.tick({}, 1);
  engine.outcome(engine.take_effects().attempt.value().number, contract::Missing{});
  EXPECT_EQ(
      engine.stopped(),
      "counter 'orders' has stopped: it has vanished from the store, and this node has issued "
      "ids up to 30. The store was probably set back by a restored backup, or another one is "
      "in its place. Do not only restart: run `nextid recover orders --store "
      "'dynamodb://ids?region=eu-west-1&endpoint=http://localhost:8000'` first.");
}

}  // namespace
}  // namespace nextid::engine
