// The engine step by step: coalescing, order, bounds, deadlines, exhaustion, closing.
#include "engine/engine.h"

#include <chrono>
#include <limits>

#include <gtest/gtest.h>

#include "engine_driver.h"

namespace nextid::engine {
namespace {

using contract::Committed;
using contract::CounterState;
using contract::Found;
using contract::Missing;
using contract::Refused;
using std::chrono::milliseconds;

/// A driver whose counter is loaded and whose first reserve, for `count` ids, is out.
struct Started {
  explicit Started(std::uint64_t count, const Definition& definition = {}, std::int64_t value = 0,
                   const Limits& limits = {})
      : driver(limits) {
    first = driver.request(count);
    driver.tick();
    driver.load(definition, value);
  }
  EngineDriver driver;
  std::uint64_t first = 0;
};

TEST(EngineTest, DefinesAMissingCounterOnceBeforeItsFirstReserve) {
  EngineDriver driver;
  const auto ticket = driver.request(1);
  driver.tick();
  ASSERT_TRUE(std::holds_alternative<contract::Load>(driver.attempt.value().op));
  driver.answer(Missing{});
  ASSERT_TRUE(std::holds_alternative<contract::Define>(driver.attempt.value().op));
  driver.answer(Found{CounterState{}});
  EXPECT_EQ(driver.reserve().step, 1U);
  EXPECT_EQ(driver.reserve().prev, 0U);
  driver.answer(Committed{1});
  EXPECT_EQ(driver.answer_of(ticket), "1-1");
}

TEST(EngineTest, CoalescesWhatWaitsAndSplitsInArrivalOrder) {
  EngineDriver driver;
  const auto a = driver.request(1);
  const auto b = driver.request(10);
  const auto c = driver.request(2);
  driver.tick();
  driver.load();
  EXPECT_EQ(driver.reserve().step, 13U);
  driver.answer(Committed{113});
  EXPECT_EQ(driver.answer_of(a), "101-101");
  EXPECT_EQ(driver.answer_of(b), "102-111");
  EXPECT_EQ(driver.answer_of(c), "112-113");
}

TEST(EngineTest, ARequestThatArrivesDuringAnOpWaitsForTheNext) {
  Started s(1);
  const auto late = s.driver.request(1);
  s.driver.tick();
  EXPECT_EQ(s.driver.reserve().step, 1U);
  const auto first_seq = s.driver.reserve().seq;
  s.driver.answer(Committed{1});
  EXPECT_EQ(s.driver.answer_of(s.first), "1-1");
  EXPECT_EQ(s.driver.answer_of(late), "none");
  EXPECT_EQ(s.driver.reserve().prev, first_seq);
  EXPECT_GT(s.driver.reserve().seq, first_seq);
  s.driver.answer(Committed{2});
  EXPECT_EQ(s.driver.answer_of(late), "2-2");
}

TEST(EngineTest, SeqGrowsFromTheClockAndTheFloor) {
  EngineDriver driver;
  driver.request(1);
  driver.tick();
  driver.load({}, 0, EngineDriver::kWallStart + 500);
  EXPECT_EQ(driver.reserve().seq, EngineDriver::kWallStart + 501);
}

TEST(EngineTest, RepeatsAnOpUnchangedUntilItsFateIsKnown) {
  Started s(3);
  const contract::Reserve sent = s.driver.reserve();
  s.driver.answer(contract::InDoubt{"lost"});
  s.driver.request(5);  // Must not join the op in doubt.
  EXPECT_FALSE(s.driver.attempt.has_value());
  s.driver.tick(milliseconds(600));
  EXPECT_EQ(s.driver.reserve().seq, sent.seq);
  EXPECT_EQ(s.driver.reserve().step, sent.step);
  s.driver.answer(contract::NotApplied{"busy"});
  s.driver.tick(milliseconds(600));
  EXPECT_EQ(s.driver.reserve().seq, sent.seq);
}

TEST(EngineTest, LearnsFromItsSlotThatARepeatedOpWasApplied) {
  Started s(3);
  const auto seq = s.driver.reserve().seq;
  s.driver.answer(contract::InDoubt{"lost"});
  s.driver.tick(milliseconds(600));
  s.driver.answer(Refused{CounterState{50, {}, 0, contract::Slot{seq, 3}}});
  EXPECT_EQ(s.driver.answer_of(s.first), "1-3");
}

TEST(EngineTest, IgnoresAnOutcomeThatIsNotOfTheAttemptInFlight) {
  Started s(1);
  const std::uint64_t number = s.driver.attempt.value().number;
  s.driver.engine().outcome(number - 1, Committed{900});
  s.driver.tick();
  EXPECT_EQ(s.driver.answer_of(s.first), "none");
  s.driver.answer(Committed{1});
  s.driver.engine().outcome(number, Committed{2});
  EXPECT_EQ(s.driver.engine().accounting().returned, 1U);
}

// --- Deadlines and cancelling

TEST(EngineTest, ADeadTicketsIdsAreBurnedAndNotGivenToLaterOnes) {
  EngineDriver driver;
  const auto dying = driver.request(2, milliseconds(100));
  const auto living = driver.request(3);
  driver.tick();
  driver.load();
  driver.tick(milliseconds(100));
  EXPECT_EQ(driver.answer_of(dying), "deadline");
  const auto later = driver.request(2);
  driver.answer(Committed{5});
  EXPECT_EQ(driver.answer_of(living), "3-5");
  driver.tick(Gathering::kLongestWait);
  driver.answer(Committed{7});
  EXPECT_EQ(driver.answer_of(later), "6-7");
  EXPECT_EQ(driver.engine().accounting().burned_by(BurnReason::kDeadline), 2U);
  EXPECT_EQ(driver.engine().accounting().returned, 5U);
}

TEST(EngineTest, ATicketThatDiesBeforeItsOpBurnsNothing) {
  Started s(1);
  const auto queued = s.driver.request(7, milliseconds(50));
  s.driver.tick(milliseconds(50));
  EXPECT_EQ(s.driver.answer_of(queued), "deadline");
  s.driver.answer(Committed{1});
  EXPECT_FALSE(s.driver.attempt.has_value());
  EXPECT_EQ(s.driver.engine().accounting().burned_total(), 0U);
}

TEST(EngineTest, SaysUnavailableAtTheDeadlineWhenTheLastAttemptFailed) {
  Started s(1);
  s.driver.answer(contract::NotApplied{"disk is full"});
  s.driver.tick(milliseconds(5'000));
  EXPECT_EQ(s.driver.answer_of(s.first), "unavailable");
  EXPECT_NE(std::string(s.driver.refusals.at(s.first).what()).find("disk is full"),
            std::string::npos);
}

TEST(EngineTest, WakesForTheEarliestDeadlineAndForTheNextAttempt) {
  Started s(1);
  s.driver.request(1, milliseconds(900));
  EXPECT_EQ(s.driver.engine().wake_at(), s.driver.now() + milliseconds(900));
  s.driver.answer(contract::NotApplied{"busy"});
  ASSERT_TRUE(s.driver.engine().wake_at().has_value());
  EXPECT_LE(*s.driver.engine().wake_at(), s.driver.now() + Backoff::kTransientBase);
}

TEST(EngineTest, SlowsDownFromTheFirstThrottleOn) {
  Started s(1);
  MonotonicTime::duration longest{0};
  for (std::int64_t id = 1; id <= 10; ++id) {
    s.driver.answer(contract::NotApplied{"slow down", true});
    longest = std::max(longest, *s.driver.engine().wake_at() - s.driver.now());
    s.driver.tick(std::chrono::ceil<milliseconds>(Backoff::kCap));
    s.driver.request(1);
    s.driver.answer(Committed{id});
    s.driver.tick(Gathering::kLongestWait);
  }
  EXPECT_GT(longest, 4 * Backoff::kTransientBase);
  EXPECT_LE(longest, Backoff::kCap);
}

TEST(EngineTest, StopsACounterThatTheStoreHasDamaged) {
  Started s(1);
  const auto id = s.driver.request(1);
  s.driver.answer(contract::Damaged{"its value is 1.5"});
  EXPECT_NE(s.driver.answer_of(id).find("corrupt"), std::string::npos) << s.driver.answer_of(id);
  const auto next = s.driver.request(1);
  s.driver.tick();
  EXPECT_NE(s.driver.answer_of(next).find("corrupt"), std::string::npos);
  EXPECT_TRUE(s.driver.engine().idle());
}

TEST(EngineTest, NeedsNoWakingWhenIdle) {
  Started s(1);
  s.driver.answer(Committed{1});
  EXPECT_TRUE(s.driver.engine().idle());
  EXPECT_EQ(s.driver.engine().wake_at(), std::nullopt);
}

TEST(EngineTest, CancelsAQueuedTicketWithoutAReservation) {
  Started s(1);
  const auto a = s.driver.request(2);
  const auto b = s.driver.request(3);
  EXPECT_TRUE(s.driver.engine().cancel(a));
  EXPECT_FALSE(s.driver.engine().cancel(a));
  s.driver.answer(Committed{1});
  EXPECT_EQ(s.driver.reserve().step, 3U);
  s.driver.answer(Committed{4});
  EXPECT_EQ(s.driver.answer_of(a), "none");
  EXPECT_EQ(s.driver.answer_of(b), "2-4");
  EXPECT_EQ(s.driver.engine().accounting().burned_total(), 0U);
}

TEST(EngineTest, CancellingTheLastQueuedTicketLeavesNothingToReserve) {
  Started s(1);
  EXPECT_TRUE(s.driver.engine().cancel(s.driver.request(2)));
  s.driver.answer(Committed{1});
  EXPECT_FALSE(s.driver.attempt.has_value());
  EXPECT_TRUE(s.driver.engine().idle());
}

TEST(EngineTest, CancellingInFlightBurnsAsDisconnect) {
  Started s(4);
  EXPECT_TRUE(s.driver.engine().cancel(s.first));
  s.driver.answer(Committed{4});
  EXPECT_EQ(s.driver.answer_of(s.first), "none");
  EXPECT_EQ(s.driver.engine().accounting().burned_by(BurnReason::kDisconnect), 4U);
  EXPECT_FALSE(s.driver.engine().cancel(s.first));
}

TEST(EngineTest, UndeliveredIdsMoveFromReturnedToBurned) {
  Started s(4);
  s.driver.answer(Committed{4});
  s.driver.engine().count_as_burned(3, BurnReason::kDisconnect);
  EXPECT_EQ(s.driver.engine().accounting().returned, 1U);
  EXPECT_EQ(s.driver.engine().accounting().burned_by(BurnReason::kDisconnect), 3U);
}

// --- Bounds

TEST(EngineTest, RefusesCountsOutOfRangeAtOnce) {
  EngineDriver driver(Limits{.max_range = 10});
  const auto zero = driver.request(0);
  const auto most = driver.request(10);
  const auto over = driver.request(11);
  const auto huge = driver.request(std::numeric_limits<std::uint64_t>::max());
  driver.tick();
  EXPECT_EQ(driver.answer_of(zero), "invalid");
  EXPECT_EQ(driver.answer_of(most), "none");
  EXPECT_EQ(driver.answer_of(over), "invalid");
  EXPECT_EQ(driver.answer_of(huge), "invalid");
}

TEST(EngineTest, RefusesRequestsPastTheQueuesBounds) {
  EngineDriver driver(Limits{.max_range = 10, .max_waiting_requests = 3, .max_waiting_ids = 15});
  driver.request(10);
  const auto too_many_ids = driver.request(6);
  driver.request(4);
  driver.request(1);
  const auto too_many = driver.request(1);
  driver.tick();
  EXPECT_EQ(driver.answer_of(too_many_ids), "overloaded");
  EXPECT_EQ(driver.answer_of(too_many), "overloaded");
  driver.load();
  EXPECT_EQ(driver.reserve().step, 15U);
  EXPECT_EQ(driver.engine().cancel(driver.request(10)), true) << "room again once an op took them";
}

TEST(EngineTest, AnOpReservesNoMoreThanItsBound) {
  EngineDriver driver(Limits{.max_range = 10, .max_reservation = 12});
  const auto a = driver.request(10);
  const auto b = driver.request(2);
  const auto c = driver.request(1);
  driver.tick();
  driver.load();
  EXPECT_EQ(driver.reserve().step, 12U);
  driver.answer(Committed{12});
  EXPECT_EQ(driver.answer_of(a), "1-10");
  EXPECT_EQ(driver.answer_of(b), "11-12");
  driver.answer(Committed{13});
  EXPECT_EQ(driver.answer_of(c), "13-13");
}

// --- Exhaustion (I6)

TEST(EngineTest, RefusesOnlyWhatDoesNotFitByItself) {
  Definition small;
  small.max = 10;
  EngineDriver driver;
  const auto a = driver.request(5);
  const auto b = driver.request(11);
  const auto c = driver.request(4);
  const auto d = driver.request(2);
  driver.tick();
  driver.load(small);
  driver.answer(Refused{CounterState{0, small, 0, std::nullopt}});
  EXPECT_EQ(driver.answer_of(b), "exhausted");
  EXPECT_EQ(driver.reserve().step, 9U) << "the longest prefix of the others that fits";
  driver.answer(Committed{9});
  EXPECT_EQ(driver.answer_of(a), "1-5");
  EXPECT_EQ(driver.answer_of(c), "6-9");
  EXPECT_EQ(driver.reserve().step, 2U);
  driver.answer(Refused{CounterState{9, small, 0, contract::Slot{driver.reserve().prev, 9}}});
  EXPECT_EQ(driver.answer_of(d), "exhausted");
  const auto last = driver.request(1);
  driver.tick();
  driver.answer(Committed{10});
  EXPECT_EQ(driver.answer_of(last), "10-10");
}

TEST(EngineTest, AsksTheStoreAgainAfterExhaustion) {
  Definition small;
  small.max = 3;
  Started s(4, small);
  s.driver.answer(Refused{CounterState{0, small, 0, std::nullopt}});
  EXPECT_EQ(s.driver.answer_of(s.first), "exhausted");
  const auto next = s.driver.request(3);
  s.driver.tick();
  s.driver.answer(Committed{3});
  EXPECT_EQ(s.driver.answer_of(next), "1-3");
}

TEST(EngineTest, LimitIsExactAtTheCeiling) {
  for (const std::uint64_t below : {0U, 1U, 2U}) {
    Definition definition;
    definition.max = kMaxId - below;
    Started s(2, definition);
    EXPECT_EQ(s.driver.reserve().limit, static_cast<std::int64_t>(definition.max) - 2);
  }
}

TEST(EngineTest, IdsLieOnTheStrideEvenAfterAForeignAdd) {
  Definition definition;
  definition.start = 3;
  definition.increment = 10;
  Started s(2, definition, -7);
  EXPECT_EQ(s.driver.reserve().step, 20U);
  s.driver.answer(Committed{18});  // Somebody added 5 to -7 before.
  EXPECT_EQ(s.driver.answer_of(s.first), "3-13");
  const auto next = s.driver.request(2);
  s.driver.tick();
  s.driver.answer(Committed{38});
  EXPECT_EQ(s.driver.answer_of(next), "23-33");
}

TEST(EngineTest, AStepThatFitsNowhereIsRefusedByTheState) {
  Definition wide;
  wide.increment = kMaxId;
  const std::int64_t before_first = 1 - static_cast<std::int64_t>(wide.increment);
  Started s(3, wide, before_first);
  EXPECT_EQ(s.driver.reserve().limit, std::numeric_limits<std::int64_t>::min());
  s.driver.answer(Refused{CounterState{before_first, wide, 0, std::nullopt}});
  EXPECT_EQ(s.driver.answer_of(s.first), "exhausted");
}

TEST(EngineTest, AStepPastTheSignedRangeIsServedWhereItFits) {
  Definition wide;
  wide.increment = kMaxId / 2;
  const std::int64_t before_first = 1 - static_cast<std::int64_t>(wide.increment);
  Started s(3, wide, before_first);
  EXPECT_EQ(s.driver.reserve().step, 3 * wide.increment);
  EXPECT_EQ(s.driver.reserve().limit, before_first);
  s.driver.answer(Committed{static_cast<std::int64_t>(kMaxId)});
  EXPECT_EQ(s.driver.answer_of(s.first), "1-" + std::to_string(kMaxId));
}

TEST(EngineTest, SumsThatOverflowShortenThePrefix) {
  Definition wide;
  wide.increment = kMaxId;
  EngineDriver driver;
  driver.request(2);
  driver.request(2);
  driver.tick();
  driver.load(wide, 1 - static_cast<std::int64_t>(wide.increment));
  EXPECT_EQ(driver.reserve().step, 2 * wide.increment);
}

// --- Closing

TEST(EngineTest, ClosingServesWhatWaitsThenReleasesTheSlot) {
  Started s(1);
  const auto queued = s.driver.request(1);
  s.driver.engine().close(s.driver.now() + milliseconds(1'000));
  const auto late = s.driver.request(1);
  s.driver.tick();
  EXPECT_EQ(s.driver.answer_of(late), "unavailable");
  s.driver.answer(Committed{1});
  s.driver.answer(Committed{2});
  EXPECT_EQ(s.driver.answer_of(queued), "2-2");
  const auto seq = s.driver.release().seq;
  EXPECT_GT(seq, s.driver.release().prev);
  EXPECT_FALSE(s.driver.engine().closed());
  s.driver.answer(Committed{2});
  EXPECT_TRUE(s.driver.engine().closed());
}

TEST(EngineTest, AnEngineThatNeverReservedClosesWithoutAnOp) {
  EngineDriver driver;
  driver.engine().close(driver.now() + milliseconds(1'000));
  driver.tick();
  EXPECT_TRUE(driver.engine().closed());
  EXPECT_FALSE(driver.attempt.has_value());
}

TEST(EngineTest, ClosesAtItsDeadlineWhateverTheStoreDoes) {
  Started s(1);
  s.driver.engine().close(s.driver.now() + milliseconds(100));
  EXPECT_EQ(s.driver.engine().wake_at(), s.driver.now() + milliseconds(100));
  s.driver.tick(milliseconds(100));
  EXPECT_EQ(s.driver.answer_of(s.first), "unavailable");
  EXPECT_TRUE(s.driver.engine().closed());
  EXPECT_EQ(s.driver.warnings, 1U);
  s.driver.answer(Committed{1});
  EXPECT_EQ(s.driver.engine().accounting().returned, 0U);
}

}  // namespace
}  // namespace nextid::engine
