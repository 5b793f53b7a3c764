// What the engine makes of given-up ops, lost slots and stores that contradict themselves.
#include <chrono>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine_driver.h"

namespace nextid::engine {
namespace {

using contract::Committed;
using contract::CounterState;
using contract::Refused;
using contract::Slot;
using std::chrono::milliseconds;

class EngineFaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    first_ = driver_.request(2);
    driver_.tick();
    driver_.load();
  }

  CounterState state(std::int64_t value, std::optional<Slot> slot, contract::Seq floor = 0,
                     std::uint64_t revision = 1) const {
    Definition definition;
    definition.revision = revision;
    return CounterState{value, definition, floor, slot};
  }

  EngineDriver driver_;
  std::uint64_t first_ = 0;
};

TEST_F(EngineFaultsTest, ANewRevisionMakesANewOpWithTheSameTickets) {
  const auto old = driver_.reserve();
  driver_.answer(Refused{state(0, std::nullopt, 0, 2)});
  EXPECT_EQ(driver_.reserve().revision, 2U);
  EXPECT_GT(driver_.reserve().seq, old.seq);
  driver_.answer(Committed{2});
  EXPECT_EQ(driver_.answer_of(first_), "1-2");
}

TEST_F(EngineFaultsTest, AGivenUpOpThatLandsIsCountedAndItsIdsAreNotReturned) {
  const auto given_up = driver_.reserve();
  driver_.answer(contract::InDoubt{"lost"});
  driver_.tick(milliseconds(600));
  driver_.answer(Refused{state(0, std::nullopt, 0, 2)});
  // A late copy of the old op lands before the new one.
  driver_.answer(Refused{state(2, Slot{given_up.seq, 2}, 0, 2)});
  EXPECT_EQ(driver_.reserve().prev, given_up.seq);
  driver_.answer(Committed{4});
  EXPECT_EQ(driver_.answer_of(first_), "3-4");
  EXPECT_EQ(driver_.engine().accounting().burned_by(BurnReason::kDiscard), 2U);
}

TEST_F(EngineFaultsTest, AGivenUpOpThatLandsIsFoundByTheRelease) {
  const auto given_up = driver_.reserve();
  driver_.answer(contract::InDoubt{"lost"});
  driver_.engine().cancel(first_);
  driver_.tick(milliseconds(600));
  driver_.answer(Refused{state(0, std::nullopt, 0, 2)});
  driver_.engine().close(driver_.now() + milliseconds(1'000));
  driver_.tick();
  driver_.answer(Refused{state(2, Slot{given_up.seq, 2}, 0, 2)});
  EXPECT_EQ(driver_.release().prev, given_up.seq);
  driver_.answer(Committed{2});
  EXPECT_TRUE(driver_.engine().closed());
  EXPECT_EQ(driver_.engine().accounting().burned_by(BurnReason::kDiscard), 2U);
}

/// The model found it: the first one's slot is pruned, and the floor is below the second one's seq.
TEST_F(EngineFaultsTest, AnotherGivenUpOpMayLandAfterTheFirstOneDid) {
  driver_.engine().cancel(first_);
  const auto one = driver_.reserve();
  driver_.answer(Refused{state(0, std::nullopt, 0, 2)});
  const auto ask_and_give_up = [&](std::int64_t value, std::optional<Slot> slot,
                                   std::uint64_t rev) {
    driver_.request(2);
    driver_.tick();
    const auto op = driver_.reserve();
    driver_.answer(Refused{state(value, slot, 0, rev)});
    return op;
  };
  const auto two = ask_and_give_up(2, Slot{one.seq, 2}, 3);
  EXPECT_EQ(driver_.engine().accounting().burned_by(BurnReason::kDiscard), 2U);
  // Pruned, and the copy of the second op was in turn again.
  driver_.answer(Refused{state(4, Slot{two.seq, 4}, one.seq, 3)});
  EXPECT_EQ(driver_.engine().accounting().burned_by(BurnReason::kDiscard), 4U);
  driver_.answer(Committed{6});
  EXPECT_EQ(driver_.engine().accounting().returned, 2U);
}

TEST_F(EngineFaultsTest, ALostReleaseIsRepeatedUnchanged) {
  driver_.answer(Committed{2});
  driver_.engine().close(driver_.now() + milliseconds(5'000));
  driver_.tick();
  const auto sent = driver_.release();
  driver_.answer(contract::InDoubt{"lost"});
  driver_.tick(milliseconds(600));
  EXPECT_EQ(driver_.release().seq, sent.seq);
  EXPECT_EQ(driver_.release().prev, sent.prev);
}

TEST_F(EngineFaultsTest, AnOpRefusedByTheFloorIsSentAgainAboveIt) {
  const auto old = driver_.reserve();
  const contract::Seq floor = old.seq + 1'000;
  driver_.answer(Refused{state(0, std::nullopt, floor)});
  EXPECT_GT(driver_.reserve().seq, floor);
  driver_.answer(Committed{2});
  EXPECT_EQ(driver_.answer_of(first_), "1-2");
}

TEST_F(EngineFaultsTest, AnOpInDoubtWhoseSlotWasPrunedIsReported) {
  driver_.answer(contract::InDoubt{"lost"});
  driver_.tick(milliseconds(600));
  driver_.answer(Refused{state(2, std::nullopt, driver_.reserve().seq)});
  EXPECT_EQ(driver_.warnings, 1U);
  driver_.answer(Committed{4});
  EXPECT_EQ(driver_.answer_of(first_), "3-4");
}

TEST_F(EngineFaultsTest, AStateThatAllowsTheOpRepeatsItUnchanged) {
  const auto sent = driver_.reserve();
  driver_.answer(Refused{state(0, std::nullopt)});
  driver_.tick(milliseconds(600));
  EXPECT_EQ(driver_.reserve().seq, sent.seq);
}

TEST_F(EngineFaultsTest, AReservationThatReachesBackStopsTheCounter) {
  driver_.answer(Committed{2});
  const auto next = driver_.request(1);
  driver_.tick();
  driver_.answer(Committed{2});
  EXPECT_EQ(driver_.answer_of(next), "corrupt");
  const auto later = driver_.request(1);
  driver_.tick();
  EXPECT_EQ(driver_.answer_of(later), "corrupt");
  EXPECT_FALSE(driver_.attempt.has_value());
}

TEST_F(EngineFaultsTest, AStoreThatWentBackwardsStopsTheCounter) {
  driver_.answer(Committed{2});
  const auto next = driver_.request(1);
  driver_.tick();
  driver_.answer(Refused{state(1, Slot{driver_.reserve().prev, 2}, 0, 2)});
  EXPECT_EQ(driver_.answer_of(next), "corrupt");
}

TEST_F(EngineFaultsTest, ACounterThatVanishedIsNotDefinedAgain) {
  driver_.answer(contract::Missing{});
  EXPECT_EQ(driver_.answer_of(first_), "corrupt");
  EXPECT_FALSE(driver_.attempt.has_value());
}

TEST_F(EngineFaultsTest, ASlotThatNobodyHereWroteStopsTheCounter) {
  driver_.answer(Refused{state(2, Slot{5, 2})});
  EXPECT_EQ(driver_.answer_of(first_), "corrupt");
}

TEST_F(EngineFaultsTest, AReservationPastMaxStopsTheCounter) {
  driver_.answer(Committed{std::numeric_limits<std::int64_t>::min() + 1});
  EXPECT_EQ(driver_.answer_of(first_), "corrupt");
}

}  // namespace
}  // namespace nextid::engine
