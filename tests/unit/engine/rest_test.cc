// What an engine does that nobody asks: it gives back what it holds, and goes on when somebody
// does.
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
class RestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    reserved_ = driver_.fill_stock();
    ASSERT_FALSE(driver_.attempt);
  }

  Engine& engine() { return driver_.engine(); }

  void rest(milliseconds limit = seconds(5)) {
    engine().rest(driver_.now() + limit);
    driver_.tick();
  }

  /// That of a store in which nothing but the give-back is in the way.
  Refused refused_at(std::int64_t value, contract::Seq slot, std::int64_t end = 20) const {
    return Refused{{value, cached(), 0, Slot{slot, end}}};
  }

  std::uint64_t discarded() { return engine().accounting().burned_by(BurnReason::kDiscard); }

  EngineDriver driver_;
  contract::Seq reserved_ = 0;
};

TEST_F(RestTest, GivesBackTheTailAndTheSlotAndIsAtRest) {
  rest();
  EXPECT_EQ(driver_.give_back().end, 20);
  EXPECT_EQ(driver_.give_back().new_end, 10);
  driver_.answer(Committed{10});
  EXPECT_FALSE(engine().at_rest());
  EXPECT_TRUE(std::holds_alternative<contract::Release>(driver_.attempt.value().op));
  driver_.answer(Committed{10});
  EXPECT_TRUE(engine().at_rest());
  EXPECT_EQ(engine().wake_at(), std::nullopt);
  EXPECT_EQ(engine().lane().take(), 0U);
  EXPECT_EQ(engine().accounting().returned, 10U);
  EXPECT_EQ(engine().accounting().burned_total(), 0U);
}

TEST_F(RestTest, NobodyWaitsForWhatItDoesByItself) {
  // 11 ... 20 are in stock: at the half of them it asks for more.
  for (int i = 0; i < 5; ++i) EXPECT_NE(engine().lane().take(), 0U);
  engine().mark_reached();
  driver_.tick(milliseconds(10));
  EXPECT_GT(driver_.reserve().step, 0U);
  EXPECT_FALSE(driver_.attempt.value().is_waited_for) << "a refill";

  EngineDriver busy;
  busy.fill_stock();
  for (int i = 0; i < 5; ++i) EXPECT_NE(busy.engine().lane().take(), 0U);
  busy.engine().mark_reached();
  busy.tick();
  EXPECT_GT(busy.reserve().step, 0U);
  EXPECT_TRUE(busy.attempt.value().is_waited_for) << "in no time the stock is used up";

  EngineDriver strict;
  strict.request(1);
  strict.tick();
  EXPECT_TRUE(strict.attempt.value().is_waited_for) << "a load, for the request behind it";
  strict.load();
  EXPECT_TRUE(strict.attempt.value().is_waited_for);
  strict.answer(Committed{1});
  strict.request_advance(50);
  strict.tick();
  EXPECT_TRUE(strict.attempt.value().is_waited_for);
  strict.load({}, 50);
  strict.engine().rest(strict.now() + seconds(5));
  strict.tick();
  EXPECT_GT(strict.release().seq, 0U);
  EXPECT_FALSE(strict.attempt.value().is_waited_for);
}

TEST_F(RestTest, AStrictCounterReleasesItsSlotAndAnUnusedOneAsksNothing) {
  EngineDriver strict;
  strict.request(1);
  strict.tick();
  strict.load();
  strict.answer(Committed{1});
  strict.engine().rest(strict.now() + seconds(5));
  strict.tick();
  EXPECT_TRUE(std::holds_alternative<contract::Release>(strict.attempt.value().op));
  strict.answer(Committed{1});
  EXPECT_TRUE(strict.engine().at_rest());

  EngineDriver unused;
  unused.engine().rest(unused.now() + seconds(5));
  unused.tick();
  EXPECT_FALSE(unused.attempt);
  EXPECT_TRUE(unused.engine().at_rest());
}

TEST_F(RestTest, ARequestOnTheWayToRestIsServedNext) {
  rest();
  const std::uint64_t ticket = driver_.request(1);
  driver_.tick();
  driver_.answer(Committed{10});
  EXPECT_GT(driver_.reserve().step, 1U) << "no release; and the stock is filled again";
  driver_.answer(Committed{10 + static_cast<std::int64_t>(driver_.reserve().step)});
  EXPECT_EQ(driver_.answer_of(ticket), "11-11");
  EXPECT_FALSE(engine().at_rest());
}

TEST_F(RestTest, ATailThatCouldNotGoBackIsBurnedOnceTheReleaseShowsThat) {
  rest();
  driver_.answer(refused_at(25, reserved_));
  const std::uint64_t ticket = driver_.request(1);
  driver_.tick();
  ASSERT_TRUE(std::holds_alternative<contract::Release>(driver_.attempt.value().op));
  driver_.answer(contract::NotApplied{"refused"});
  driver_.tick(milliseconds(500));
  EXPECT_EQ(discarded(), 0U);
  driver_.answer(Committed{25});
  EXPECT_EQ(discarded(), 10U);
  driver_.answer(Committed{25 + static_cast<std::int64_t>(driver_.reserve().step)});
  EXPECT_EQ(driver_.answer_of(ticket), "26-26");
  EXPECT_EQ(engine().accounting().returned, 11U);
}

TEST_F(RestTest, AStockIsFilledOnlyOnceItIsKnownWhoseTheTailIs) {
  for (int i = 0; i < 5; ++i) EXPECT_NE(engine().lane().take(), 0U);
  engine().mark_reached();
  EXPECT_EQ(engine().lane().take(), 16U);
  rest();
  engine().mark_reached();
  driver_.answer(refused_at(25, reserved_));
  EXPECT_EQ(driver_.release().prev, reserved_);
  driver_.answer(Committed{25});
  EXPECT_EQ(discarded(), 4U);
  EXPECT_GT(driver_.reserve().step, 0U);
}

TEST_F(RestTest, AGiveBackThatWasPutOffMayStillLand) {
  rest(milliseconds(100));
  const contract::GiveBack op = driver_.give_back();
  driver_.answer(contract::InDoubt{"lost"});
  driver_.tick(milliseconds(500));
  EXPECT_FALSE(driver_.attempt) << "its time is over";
  EXPECT_FALSE(engine().at_rest());
  EXPECT_TRUE(engine().idle());
  driver_.tick(seconds(60));
  EXPECT_FALSE(driver_.attempt) << "nothing is refilled meanwhile";
  const std::uint64_t ticket = driver_.request(1);
  driver_.tick();
  EXPECT_EQ(driver_.release().prev, op.prev) << "first it must be known whose the tail is (I6)";
  driver_.answer(refused_at(10, op.seq, 10));
  EXPECT_EQ(driver_.reserve().prev, op.seq);
  driver_.answer(Committed{10 + static_cast<std::int64_t>(driver_.reserve().step)});
  EXPECT_EQ(driver_.answer_of(ticket), "11-11");
  EXPECT_EQ(engine().accounting().burned_total(), 0U);
}

TEST_F(RestTest, WaitsForAnAttemptThatIsOut) {
  rest(milliseconds(100));
  driver_.tick(milliseconds(500));
  driver_.answer(Committed{10});
  EXPECT_FALSE(driver_.attempt);
  const std::uint64_t ticket = driver_.request(1);
  driver_.tick();
  driver_.answer(Committed{10 + static_cast<std::int64_t>(driver_.reserve().step)});
  EXPECT_EQ(driver_.answer_of(ticket), "11-11");
}

TEST_F(RestTest, IsTriedAgainAfterItWasPutOff) {
  rest(milliseconds(100));
  const contract::GiveBack op = driver_.give_back();
  driver_.answer(contract::InDoubt{"lost"});
  driver_.tick(milliseconds(500));
  rest();
  EXPECT_EQ(driver_.release().prev, op.prev) << "a tail is offered once";
  driver_.answer(refused_at(10, op.seq, 10));
  EXPECT_EQ(driver_.release().prev, op.seq);
  driver_.answer(Committed{10});
  EXPECT_TRUE(engine().at_rest());
  EXPECT_EQ(engine().accounting().burned_total(), 0U);
}

/// A copy of the give-back was applied before the slot was pruned, as the value shows.
TEST_F(RestTest, APrunedSlotDoesNotLookLikeADamagedCounter) {
  rest(milliseconds(100));
  driver_.answer(contract::InDoubt{"lost"});
  driver_.tick(milliseconds(500));
  const std::uint64_t ticket = driver_.request(1);
  driver_.tick();
  EXPECT_NE(driver_.release().seq, 0U);
  driver_.answer(Committed{10});
  driver_.answer(Committed{10 + static_cast<std::int64_t>(driver_.reserve().step)});
  EXPECT_EQ(driver_.answer_of(ticket), "11-11");
  EXPECT_FALSE(engine().corrupt());
}

TEST_F(RestTest, GivesBackEachTailOnce) {
  for (std::int64_t value = 10; value < 15; ++value) {
    rest();
    EXPECT_EQ(driver_.give_back().new_end, value);
    driver_.answer(Committed{value});
    driver_.answer(Committed{value});
    ASSERT_TRUE(engine().at_rest());
    const std::uint64_t ticket = driver_.request(1);
    driver_.tick();
    driver_.answer(Committed{value + static_cast<std::int64_t>(driver_.reserve().step)});
    EXPECT_EQ(driver_.answer_of(ticket).substr(0, 2), std::to_string(value + 1));
  }
  EXPECT_EQ(engine().accounting().burned_total(), 0U);
}

/// Two blocks with another node's ids between them: the whole of the second goes back.
TEST_F(RestTest, AnotherNodeMayGiveBackWhatLiesBelowATailThatWentBack) {
  for (int i = 0; i < 5; ++i) EXPECT_NE(engine().lane().take(), 0U);
  engine().mark_reached();
  driver_.tick();
  const std::int64_t end = 30 + static_cast<std::int64_t>(driver_.reserve().step);
  driver_.answer(Committed{end});
  for (int i = 0; i < 5; ++i) EXPECT_NE(engine().lane().take(), 0U);
  rest();
  EXPECT_EQ(driver_.give_back().end, end);
  EXPECT_EQ(driver_.give_back().new_end, 30);
  driver_.answer(Committed{30});
  driver_.answer(Committed{30});
  ASSERT_TRUE(engine().at_rest());
  EXPECT_EQ(engine().as_predecessor().high_water, 20);
  const std::uint64_t ticket = driver_.request(1);
  driver_.tick();
  driver_.answer(Committed{20 + static_cast<std::int64_t>(driver_.reserve().step)});
  EXPECT_EQ(driver_.answer_of(ticket), "21-21");
}

TEST_F(RestTest, DoesNotRestWhileACursorHoldsIds) {
  const auto loan = engine().lend(4);
  ASSERT_TRUE(loan);
  rest();
  EXPECT_FALSE(driver_.attempt);
  engine().settle(loan->count, {loan->first + 1, loan->count - 1, 1});
  rest();
  EXPECT_EQ(discarded(), loan->count - 1) << "what the cursor left";
  driver_.answer(Committed{driver_.give_back().new_end});
  driver_.answer(Committed{0});
  EXPECT_TRUE(engine().at_rest());
}

TEST_F(RestTest, IsNotAtRestBeforeTheIdsThatACursorTookMeanwhileCameBack) {
  engine().rest(driver_.now() + seconds(5));
  const auto loan = engine().lend(4);
  ASSERT_TRUE(loan);
  driver_.tick();
  driver_.answer(Committed{driver_.give_back().new_end});
  driver_.answer(Committed{0});
  EXPECT_FALSE(engine().at_rest());
  engine().settle(loan->count, {loan->first + loan->count, 0, 1});
  driver_.tick();
  EXPECT_TRUE(engine().at_rest());
  EXPECT_EQ(engine().accounting().returned, 10 + loan->count);
}

TEST_F(RestTest, TheNextEngineGoesOnWhereThisOneEnded) {
  rest();
  driver_.answer(Committed{10});
  driver_.answer(Committed{10});
  ASSERT_TRUE(engine().at_rest());
  const Predecessor past = engine().as_predecessor();
  EXPECT_EQ(past.high_water, 10);

  const Rules rules;
  Engine next({.counter = "orders",
               .writer = EngineDriver::kWriter + 1,
               .seed = 1,
               .rules = rules,
               .lane = engine().lane(),
               .predecessor = past});
  EXPECT_GT(next.request(nullptr, 0, 1, driver_.now() + seconds(5)), past.last_ticket);
  next.tick(driver_.now(), EngineDriver::kWallStart);
  const Attempt load = next.take_effects().attempt.value();
  EXPECT_GT(load.number, past.last_attempt);
  next.outcome(load.number, contract::Found{{9, cached(), 0, std::nullopt}});
  EXPECT_TRUE(next.corrupt()) << "the id 10 was issued already";
}

TEST_F(RestTest, TheNextEngineMakesNoCounterThatHasVanished) {
  Lane lane;
  const Rules rules;
  Engine next({.counter = "orders",
               .writer = EngineDriver::kWriter + 1,
               .seed = 1,
               .rules = rules,
               .lane = lane,
               .predecessor = {1, 1, 10}});
  next.request(nullptr, 0, 1, driver_.now() + seconds(5));
  next.tick(driver_.now(), EngineDriver::kWallStart);
  next.outcome(next.take_effects().attempt.value().number, contract::Missing{});
  EXPECT_TRUE(next.corrupt());
}

}  // namespace
}  // namespace nextid::engine
