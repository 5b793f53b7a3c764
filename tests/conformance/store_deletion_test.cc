// Deleting a counter, and bringing it back: no id of it is given again.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_fixture.h"

namespace nextid::test {
namespace {

using contract::Advance;
using contract::CounterState;
using contract::Define;
using contract::GiveBack;
using contract::Redefine;
using contract::Release;
using contract::Reserve;
using contract::Slot;

const Definition kFirst{5, 1, 1000, 1, "first", 1};

Definition of_revision(std::uint64_t revision) {
  Definition definition = kFirst;
  definition.revision = revision;
  return definition;
}

/// A counter that starts at 5, of which 5 to 14 are reserved.
class StoreDeletion : public StoreTest {
 protected:
  StoreDeletion() {
    define("orders", kFirst);
    committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  }

  contract::Outcome remove(std::uint64_t revision) {
    return run(store(), Redefine{"orders", 0, of_revision(revision), true});
  }
  contract::Outcome bring_back(std::uint64_t revision) {
    return run(store(), Redefine{"orders", 0, of_revision(revision)});
  }
  /// The op that follows the first one, by the rules of this revision.
  Reserve next(std::uint64_t revision) {
    Reserve op = reserve("orders", kAda, now() + 1, now());
    op.revision = revision;
    return op;
  }
  std::vector<std::string> names(bool deleted) {
    std::vector<std::string> names;
    for (const CounterInfo& counter :
         list(store(), {.limit = 10, .deleted = deleted}).value().counters) {
      EXPECT_EQ(counter.deleted, deleted);
      names.push_back(counter.name);
    }
    return names;
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreDeletion, testing::ValuesIn(store_rows()), row_name);

TEST_P(StoreDeletion, LeavesAllButTheRevision) {
  const CounterState state = found(run(store(), Redefine{"orders", kAda, of_revision(2), true}));
  EXPECT_TRUE(state.deleted);
  EXPECT_EQ(state.value, 14);
  EXPECT_EQ(state.definition, of_revision(2));
  EXPECT_EQ(state.slot, (Slot{now(), 14}));
  EXPECT_EQ(describe(contract::Found{load("orders")}), describe(contract::Found{state}));
}

TEST_P(StoreDeletion, IsConditionalOnTheRevision) {
  EXPECT_FALSE(refused(remove(3)).deleted);
  found(remove(2));
  EXPECT_TRUE(refused(remove(2)).deleted) << "a repeat";
  EXPECT_TRUE(std::holds_alternative<contract::Missing>(
      run(store(), Redefine{"others", 0, of_revision(2), true})));
}

TEST_P(StoreDeletion, TakesACounterThatIsPastItsMax) {
  Definition low = of_revision(2);
  low.max = 7;
  EXPECT_EQ(refused(run(store(), Redefine{"orders", 0, low})).value, 14);
  EXPECT_TRUE(found(run(store(), Redefine{"orders", 0, low, true})).deleted);
}

TEST_P(StoreDeletion, EndsReservesAndAdvances) {
  found(remove(2));
  for (const std::uint64_t revision : {1u, 2u}) {
    EXPECT_TRUE(refused(run(store(), next(revision))).deleted);
    const Advance advance{"orders", kAda, now() + 1, now(), revision, 500};
    EXPECT_TRUE(refused(run(store(), advance)).deleted);
    Reserve by_a_new_writer = reserve("orders", kBob, now(), 0);
    by_a_new_writer.revision = revision;
    EXPECT_TRUE(refused(run(store(), by_a_new_writer)).deleted);
  }
  EXPECT_EQ(load("orders").value, 14);
}

TEST_P(StoreDeletion, IsFoundByWhoeverWouldMakeTheCounter) {
  found(remove(2));
  const CounterState state = found(run(store(), Define{"orders", kBob, Definition{}}));
  EXPECT_TRUE(state.deleted);
  EXPECT_EQ(state.value, 14);
}

TEST_P(StoreDeletion, ShowsARepeatWhatItsOpGot) {
  found(remove(2));
  const CounterState state = refused(run(store(), reserve("orders", kAda, now(), 0, 10)));
  EXPECT_EQ(state.slot, (Slot{now(), 14}));
}

TEST_P(StoreDeletion, TakesTailsAndSlotsBack) {
  found(remove(2));
  EXPECT_EQ(committed(run(store(), GiveBack{"orders", kAda, now() + 1, now(), 14, 9})), 9);
  EXPECT_EQ(committed(run(store(), Release{"orders", kAda, now() + 2, now() + 1})), 9);
  const CounterState state = load("orders");
  EXPECT_TRUE(state.deleted);
  EXPECT_EQ(state.value, 9);
  EXPECT_EQ(state.floor, now() + 2);
}

TEST_P(StoreDeletion, ComesBackAboveItsValue) {
  found(remove(2));
  const CounterState state = found(bring_back(3));
  EXPECT_FALSE(state.deleted);
  EXPECT_EQ(state.value, 14);
  EXPECT_EQ(state.definition, of_revision(3));
  EXPECT_FALSE(refused(run(store(), next(1))).deleted) << "a late copy from before";
  EXPECT_EQ(committed(run(store(), next(3))), 15);
}

TEST_P(StoreDeletion, ComesBackAboveWhatWasGivenElsewhereInOneStep) {
  found(remove(2));
  const Redefine raise{"orders", 0, of_revision(3), false, Redefine::Raise{14, 400}};
  const CounterState state = found(run(store(), raise));
  EXPECT_FALSE(state.deleted);
  EXPECT_EQ(state.value, 400);
  EXPECT_EQ(load("orders").value, 400);
  EXPECT_EQ(refused(run(store(), raise)).value, 400) << "a repeat";
  EXPECT_EQ(committed(run(store(), next(3))), 401);
}

TEST_P(StoreDeletion, IsRaisedOnlyFromTheValueThatWasSeen) {
  found(remove(2));
  for (const std::int64_t from : {13, 15}) {
    const auto state = refused(
        run(store(), Redefine{"orders", 0, of_revision(3), false, Redefine::Raise{from, 400}}));
    EXPECT_TRUE(state.deleted);
    EXPECT_EQ(state.value, 14);
  }
  const auto lower =
      run(store(), Redefine{"orders", 0, of_revision(3), false, Redefine::Raise{14, 13}});
  EXPECT_TRUE(std::holds_alternative<contract::NotApplied>(lower)) << describe(lower);
}

TEST_P(StoreDeletion, IsRaisedWhileItStaysDeletedAndPastItsMax) {
  found(remove(2));
  EXPECT_EQ(
      found(run(store(), Redefine{"orders", 0, of_revision(3), true, Redefine::Raise{14, 2000}}))
          .value,
      2000);
  EXPECT_TRUE(load("orders").deleted);
  EXPECT_EQ(refused(bring_back(4)).value, 2000) << "past its max";
  const auto back = found(
      run(store(), Redefine{"orders", 0, of_revision(4), false, Redefine::Raise{2000, 2000}}));
  EXPECT_FALSE(back.deleted);
  EXPECT_EQ(back.value, 2000);
}

TEST_P(StoreDeletion, IsDeletedAgain) {
  found(remove(2));
  found(bring_back(3));
  EXPECT_TRUE(found(remove(4)).deleted);
  EXPECT_TRUE(refused(run(store(), next(3))).deleted);
}

TEST_P(StoreDeletion, ListsTheDeletedApart) {
  define("a", kFirst);
  define("z", kFirst);
  found(remove(2));
  EXPECT_EQ(names(false), (std::vector<std::string>{"a", "z"}));
  EXPECT_EQ(names(true), (std::vector<std::string>{"orders"}));
  const CounterPage first = list(store(), {.limit = 1}).value();
  ASSERT_EQ(first.counters.size(), 1u);
  EXPECT_TRUE(first.more);
  const CounterPage rest = list(store(), {.after = "a", .limit = 1}).value();
  EXPECT_EQ(rest.counters.at(0).name, "z");
  EXPECT_FALSE(rest.more);
  const CounterInfo deleted = list(store(), {.limit = 1, .deleted = true}).value().counters.at(0);
  EXPECT_EQ(deleted.value, 14u);
  EXPECT_EQ(deleted.definition, of_revision(2));
}

class DurableStoreDeletion : public StoreDeletion {};

INSTANTIATE_TEST_SUITE_P(Stores, DurableStoreDeletion, testing::ValuesIn(durable_store_rows()),
                         row_name);

TEST_P(DurableStoreDeletion, OutlivesTheProcess) {
  found(remove(2));
  reopen();
  EXPECT_TRUE(load("orders").deleted);
  EXPECT_TRUE(refused(run(store(), next(2))).deleted);
  found(bring_back(3));
  reopen();
  EXPECT_EQ(committed(run(store(), next(3))), 15);
}

}  // namespace
}  // namespace nextid::test
