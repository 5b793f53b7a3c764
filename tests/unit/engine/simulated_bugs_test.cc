// What the simulation found: the steps of each bug, since a seed does not keep them.
#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

#include "engine_driver.h"

namespace nextid::engine {
namespace {

using contract::Committed;
using contract::CounterState;
using contract::NotApplied;
using contract::Refused;
using std::chrono::milliseconds;

Definition definition_of(std::uint64_t cache, std::uint64_t max) {
  Definition definition;
  definition.cache = cache;
  definition.max = max;
  return definition;
}

/// Its demand falls between two looks at it: then there is nothing to reserve.
TEST(SimulatedBugs, ARefillThatIsNoLongerNeededIsNotSent) {
  EngineDriver driver;
  driver.request(1);
  driver.tick();
  driver.load(definition_of(1'000'000, kMaxId));
  std::int64_t value = 0;
  const auto commit = [&] {
    while (driver.attempt) {
      ASSERT_GT(driver.reserve().step, 0U);
      value += static_cast<std::int64_t>(driver.reserve().step);
      driver.answer(Committed{value});
    }
  };
  commit();
  for (int i = 0; i < 2'000; ++i) {
    driver.request(1);
    driver.tick(milliseconds(1));
    commit();
  }
  // Half of the stock is taken at once, and that after a long time in which nobody asked.
  while (driver.engine().lane().take() != 0) {
  }
  driver.engine().mark_reached();
  driver.tick(std::chrono::hours(1));
  commit();
}

/// A strict counter keeps no ids for later requests, whatever an earlier refusal showed.
TEST(SimulatedBugs, AnEarlierRefusalSaysNothingOfALaterRequest) {
  EngineDriver driver;
  const Definition definition = definition_of(1, 16);
  driver.request(14);
  driver.tick();
  driver.load(definition, 4);
  driver.answer(Refused{{4, definition, 0, std::nullopt}});
  const std::uint64_t later = driver.request(53);
  driver.tick();
  EXPECT_EQ(driver.reserve().step, 53U);
  driver.answer(Refused{{4, definition, 0, std::nullopt}});
  EXPECT_EQ(driver.answer_of(later), "exhausted");
  EXPECT_EQ(driver.engine().held(), 0U);
}

/// A release that only fences off given-up ops is not the last op of a counter that closes.
TEST(SimulatedBugs, WhatWaitsForAReleaseIsServedBeforeTheEnd) {
  EngineDriver driver;
  const Definition definition = definition_of(1, 16);
  driver.request(1);
  driver.tick();
  driver.load(definition, 14);
  driver.answer(Committed{15});
  CounterState state{15, definition, 0, contract::Slot{0, 15}};
  std::uint64_t waiting = 0;
  contract::Seq slot = 0;
  for (int i = 0; i < 100 && slot == 0; ++i) {
    waiting = driver.request(2);
    driver.tick();
    ASSERT_TRUE(driver.attempt);
    if (const auto* release = std::get_if<contract::Release>(&driver.attempt->op)) {
      slot = release->prev;
    } else {
      state.slot->seq = driver.reserve().prev;
      driver.answer(Refused{state});
    }
  }
  ASSERT_NE(slot, 0U);
  driver.engine().close(driver.now() + std::chrono::hours(1));
  driver.answer(Committed{15});
  ASSERT_FALSE(driver.engine().closed());
  driver.answer(Refused{{15, definition, driver.reserve().seq - 1, std::nullopt}});
  EXPECT_EQ(driver.answer_of(waiting), "exhausted");
}

/// The store throttled one copy of the attempt, and applied another; then the slot was pruned.
TEST(SimulatedBugs, AGiveBackThatLostItsSlotIsNotOfferedAgain) {
  EngineDriver driver;
  const Definition definition = definition_of(10, kMaxId);
  driver.request(1);
  driver.tick();
  driver.load(definition);
  const auto end = static_cast<std::int64_t>(driver.reserve().step);
  ASSERT_GT(end, 1);
  driver.answer(Committed{end});
  driver.engine().close(driver.now() + std::chrono::hours(1));
  driver.tick();
  const contract::GiveBack give_back = driver.give_back();
  driver.answer(NotApplied{"throttled", true});
  driver.tick(milliseconds(500));
  driver.answer(Refused{{give_back.new_end, definition, give_back.seq, std::nullopt}});
  // The floor keeps all of its ops out, so there is nothing left to release, either.
  EXPECT_FALSE(driver.attempt);
  EXPECT_TRUE(driver.engine().closed());
}

/// What the stock has right below the room is part of a range that needs both: nobody else gets it.
TEST(SimulatedBugs, TheStockWaitsForARangeThatNeedsIt) {
  EngineDriver driver;
  const Definition definition = definition_of(100, 3);
  driver.request(1);
  driver.tick();
  driver.load(definition);
  driver.answer(Committed{2});
  const std::uint64_t two = driver.request(2);
  driver.tick();
  while (driver.attempt.value().number < 10 && driver.reserve().limit < 2) {
    driver.answer(Refused{{2, definition, 0, contract::Slot{driver.reserve().prev, 2}}});
  }
  ASSERT_EQ(driver.reserve().step, 1U);
  EXPECT_EQ(driver.engine().lane().take(), 0U);
  driver.answer(Committed{3});
  EXPECT_EQ(driver.answer_of(two), "2-3");
}

}  // namespace
}  // namespace nextid::engine
