// Changing a definition: one change at a time, each from the one before it.
#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_fixture.h"

namespace nextid::test {
namespace {

using contract::Advance;
using contract::Define;
using contract::Load;
using contract::Op;
using contract::Redefine;
using contract::Release;
using contract::Slot;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

/// The second revision of a counter that starts at 5, of which 5 to 14 are reserved.
const Definition kFirst{5, 1, 1000, 1, "first", 1};
const Definition kSecond{5, 1, 2000, 20, "it's the \"second\"; \xc3\xa9", 2};

class StoreDefinition : public StoreTest {
 protected:
  void define_and_reserve() {
    define("orders", kFirst);
    committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  }
  contract::Outcome redefine(const Definition& definition, contract::WriterId writer = kAda) {
    return run(store(), Redefine{"orders", writer, definition});
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreDefinition, testing::ValuesIn(store_rows()), row_name);

TEST_P(StoreDefinition, PutsOneInThePlaceOfTheOther) {
  define_and_reserve();
  const contract::CounterState state = found(redefine(kSecond));
  EXPECT_EQ(state.definition, kSecond);
  EXPECT_EQ(state.value, 14);
  EXPECT_EQ(load("orders").definition, kSecond);
  EXPECT_EQ(list(store(), "", 1).value().counters.front().definition, kSecond);
}

TEST_P(StoreDefinition, TellsWhoMadeTheCounter) {
  for (const bool first : {true, false}) {
    const auto outcome = run(store(), Define{"orders", 0, kFirst});
    const auto* seen = std::get_if<contract::Found>(&outcome);
    ASSERT_NE(seen, nullptr) << describe(outcome);
    EXPECT_EQ(seen->state.definition, kFirst);
    EXPECT_EQ(seen->made, first);
  }
}

TEST_P(StoreDefinition, LeavesValueFloorAndSlots) {
  define_and_reserve();
  committed(run(store(), reserve("orders", kBob, now() + 3, 0)));
  committed(run(store(), Release{"orders", 77, now() - 5, 0}));
  const contract::CounterState state = found(redefine(kSecond));
  EXPECT_EQ(state.value, 15);
  EXPECT_EQ(state.floor, now() - 5);
  EXPECT_EQ(state.slot, (Slot{now(), 14}));
  EXPECT_EQ(load("orders", kAda).slot, (Slot{now(), 14}));
  EXPECT_EQ(load("orders", kBob).slot, (Slot{now() + 3, 15}));
  EXPECT_EQ(load("orders").floor, now() - 5);
}

TEST_P(StoreDefinition, MayBeChangedByNobodyInParticular) {
  define_and_reserve();
  const contract::CounterState state = found(redefine(kSecond, 0));
  EXPECT_EQ(state.definition, kSecond);
  EXPECT_FALSE(state.slot);
}

TEST_P(StoreDefinition, AnswersARepeatWithItsOwnDefinition) {
  define_and_reserve();
  found(redefine(kSecond));
  EXPECT_EQ(refused(redefine(kSecond)).definition, kSecond);
}

TEST_P(StoreDefinition, RefusesTheSecondOfTwoChangesOfOneRevision) {
  define_and_reserve();
  found(redefine(kSecond));
  Definition other = kSecond;
  other.comment = "another";
  EXPECT_EQ(refused(redefine(other, kBob)).definition, kSecond);
  EXPECT_EQ(load("orders").definition, kSecond);
}

TEST_P(StoreDefinition, IgnoresALateCopyOfAnEarlierChange) {
  define_and_reserve();
  found(redefine(kSecond));
  Definition third = kSecond;
  third.cache = 3;
  third.revision = 3;
  found(redefine(third));
  EXPECT_EQ(refused(redefine(kSecond)).definition, third);
  EXPECT_EQ(load("orders").definition, third);
}

TEST_P(StoreDefinition, RefusesRevisionsThatDoNotFollow) {
  define_and_reserve();
  for (const std::uint64_t revision : {std::uint64_t{1}, std::uint64_t{3}, kMaxId}) {
    Definition definition = kSecond;
    definition.revision = revision;
    EXPECT_EQ(refused(redefine(definition)).definition, kFirst) << revision;
  }
  EXPECT_EQ(load("orders").definition, kFirst);
}

TEST_P(StoreDefinition, NeverChangesStartOrIncrement) {
  define_and_reserve();
  Definition start = kSecond;
  start.start = 4;
  EXPECT_EQ(refused(redefine(start)).definition, kFirst);
  Definition increment = kSecond;
  increment.increment = 2;
  EXPECT_EQ(refused(redefine(increment)).definition, kFirst);
  EXPECT_EQ(load("orders").definition, kFirst);
}

TEST_P(StoreDefinition, LowersMaxToTheValueAndNoFurther) {
  define_and_reserve();
  Definition definition = kSecond;
  definition.max = 13;
  EXPECT_EQ(refused(redefine(definition)).value, 14);
  EXPECT_EQ(load("orders").definition, kFirst);
  definition.max = 14;
  EXPECT_EQ(found(redefine(definition)).definition, definition);
}

TEST_P(StoreDefinition, HoldsBackReservesAndAdvancesByTheOldRules) {
  define_and_reserve();
  found(redefine(kSecond, kBob));
  EXPECT_EQ(refused(run(store(), reserve("orders", kAda, now() + 1, now()))).definition, kSecond);
  EXPECT_EQ(refused(run(store(), Advance{"orders", kAda, now() + 1, now(), 1, 50})).definition,
            kSecond);
  contract::Reserve op = reserve("orders", kAda, now() + 2, now());
  op.revision = 2;
  EXPECT_EQ(committed(run(store(), op)), 15);
}

TEST_P(StoreDefinition, TakesACommentAwayAndPutsOneThere) {
  define_and_reserve();
  Definition definition = kSecond;
  definition.comment = "";
  EXPECT_EQ(found(redefine(definition)).definition, definition);
  EXPECT_EQ(load("orders").definition, definition);
  definition.comment = std::string(kMaxCommentBytes, 'x');
  definition.revision = 3;
  EXPECT_EQ(found(redefine(definition)).definition, definition);
  EXPECT_EQ(load("orders").definition, definition);
}

TEST_P(StoreDefinition, StoresTheLargestNumbers) {
  define("high", Definition{kMaxId, kMaxId, kMaxId, 1, "", kMaxId - 1});
  Advance to_end{"high", kAda, now(), 0, kMaxId - 1, kMax};
  committed(run(store(), to_end));
  const Definition low{kMaxId, kMaxId, kMaxId - 1, 1, "", kMaxId};
  EXPECT_EQ(refused(run(store(), Redefine{"high", kAda, low})).value, kMax);
  const Definition largest{kMaxId, kMaxId, kMaxId, kMaxId, "", kMaxId};
  EXPECT_EQ(found(run(store(), Redefine{"high", kAda, largest})).definition, largest);
  EXPECT_EQ(load("high").definition, largest);
}

TEST_P(StoreDefinition, ChangesACounterThatBeganBelowZero) {
  define("wide", Definition{1, kMaxId, kMaxId, 1, "", 1});
  const Definition narrow{1, kMaxId, 1, 1, "", 2};
  EXPECT_EQ(found(run(store(), Redefine{"wide", kAda, narrow})).value, 1 - kMax);
}

TEST_P(StoreDefinition, ChangesNoOtherCounter) {
  define_and_reserve();
  define("other", kFirst);
  found(redefine(kSecond));
  EXPECT_EQ(load("other").definition, kFirst);
}

TEST_P(StoreDefinition, RefusesDefinitionsThatMakeNoSense) {
  define_and_reserve();
  std::vector<Op> ops;
  for (const std::uint64_t number : {std::uint64_t{0}, kMaxId + 1}) {
    for (std::uint64_t Definition::*field :
         {&Definition::start, &Definition::increment, &Definition::max, &Definition::cache,
          &Definition::revision}) {
      Definition definition = kSecond;
      definition.*field = number;
      ops.emplace_back(Redefine{"orders", kAda, definition});
    }
  }
  for (const Op& op : ops) EXPECT_EQ(describe(run(store(), op)), "NotApplied") << describe(op);
  EXPECT_EQ(load("orders").definition, kFirst);
}

TEST_P(StoreDefinition, KnowsNoCounterThatWasNotDefined) {
  for (const std::uint64_t revision : {1u, 2u}) {
    Definition definition;
    definition.revision = revision;
    EXPECT_EQ(describe(redefine(definition)), "Missing");
  }
  EXPECT_EQ(describe(run(store(), Load{"orders", 0})), "Missing");
}

}  // namespace
}  // namespace nextid::test
