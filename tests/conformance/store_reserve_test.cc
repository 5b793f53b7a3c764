// Definitions and reservations: what each store answers, and when it refuses.
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_fixture.h"

namespace nextid::test {
namespace {

using contract::Define;
using contract::Load;
using contract::Missing;
using contract::Op;
using contract::Release;
using contract::Reserve;
using contract::Slot;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

class StoreReserve : public StoreTest {};

INSTANTIATE_TEST_SUITE_P(Stores, StoreReserve, testing::ValuesIn(store_rows()), row_name);

TEST_P(StoreReserve, KnowsNoCounterThatWasNotDefined) {
  const contract::Seq seq = now();
  for (const Op& op : std::vector<Op>{Load{"none", kAda}, reserve("none", kAda, seq, 0),
                                      Release{"none", kAda, seq, 0}}) {
    EXPECT_TRUE(std::holds_alternative<Missing>(run(store(), op))) << describe(op);
  }
  EXPECT_TRUE(list(store(), "", 10).value().counters.empty());
}

TEST_P(StoreReserve, ShowsADefinitionAsItWasGiven) {
  const Definition definition{100, 7, 5000, 20, "it's 100% \"new\"; \xc3\xa9", 3};
  define("orders", definition);
  const contract::CounterState state = load("orders");
  EXPECT_EQ(state.definition, definition);
  EXPECT_EQ(state.value, 93);
  EXPECT_EQ(state.floor, 0u);
  EXPECT_FALSE(state.slot);
}

TEST_P(StoreReserve, KeepsTheFirstOfTwoDefinitions) {
  const Definition first{1, 1, kMaxId, 1, "first", 1};
  define("orders", first);
  committed(run(store(), reserve("orders", kAda, now(), 0, 5)));
  const Definition second{50, 1, kMaxId, 1, "second", 1};
  const auto state = found(run(store(), Define{"orders", kAda, second}));
  EXPECT_EQ(state.definition, first);
  EXPECT_EQ(state.value, 5);
  EXPECT_EQ(state.slot, (Slot{now(), 5}));
}

TEST_P(StoreReserve, CountsWhatItCommits) {
  const std::uint64_t before = store().commits();
  define("orders", Definition{});
  committed(run(store(), reserve("orders", kAda, now(), 0, 5)));
  EXPECT_EQ(store().commits(), before + 2);
}

TEST_P(StoreReserve, StoresTheLargestNumbers) {
  const Definition definition{kMaxId, kMaxId, kMaxId, kMaxId, "", kMaxId};
  define("large", definition);
  EXPECT_EQ(load("large").value, 0);
  const Definition low{1, kMaxId, kMaxId, 1, "", 1};
  define("low", low);
  EXPECT_EQ(load("low").value, 1 - kMax);
}

TEST_P(StoreReserve, ReservesInTheOrderOfTheWritersOps) {
  define("orders");
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now(), 0, 3))), 3);
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now() + 1, now(), 4))), 7);
  const contract::CounterState state = load("orders");
  EXPECT_EQ(state.value, 7);
  EXPECT_EQ(state.slot, (Slot{now() + 1, 7}));
}

TEST_P(StoreReserve, GivesEachWriterASlotOfItsOwn) {
  define("orders");
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now(), 0))), 1);
  EXPECT_EQ(committed(run(store(), reserve("orders", kBob, now() + 5, 0))), 2);
  EXPECT_EQ(load("orders", kAda).slot, (Slot{now(), 1}));
  EXPECT_EQ(load("orders", kBob).slot, (Slot{now() + 5, 2}));
  EXPECT_FALSE(load("orders", 77).slot);
}

TEST_P(StoreReserve, KeepsCountersApart) {
  define("a");
  define("b");
  EXPECT_EQ(committed(run(store(), reserve("a", kAda, now(), 0, 10))), 10);
  EXPECT_FALSE(load("b").slot);
  EXPECT_EQ(committed(run(store(), reserve("b", kAda, now(), 0, 2))), 2);
}

TEST_P(StoreReserve, AnswersARepeatWithTheEndOfTheFirst) {
  define("orders");
  const Reserve op = reserve("orders", kAda, now(), 0, 3);
  EXPECT_EQ(committed(run(store(), op)), 3);
  committed(run(store(), reserve("orders", kBob, now(), 0, 5)));
  for (int i = 0; i < 3; ++i) {
    const contract::CounterState state = refused(run(store(), op));
    EXPECT_EQ(state.slot, (Slot{op.seq, 3}));
    EXPECT_EQ(state.value, 8);
  }
}

TEST_P(StoreReserve, IgnoresALateCopyOfAnEarlierOp) {
  define("orders");
  const Reserve first = reserve("orders", kAda, now(), 0, 3);
  const Reserve second = reserve("orders", kAda, now() + 1, now(), 3);
  committed(run(store(), first));
  committed(run(store(), second));
  EXPECT_EQ(refused(run(store(), first)).slot, (Slot{second.seq, 6}));
  EXPECT_EQ(load("orders").value, 6);
}

TEST_P(StoreReserve, RefusesAnOpThatDoesNotFollowTheSlot) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, now(), 0)));
  for (const contract::Seq prev : {contract::Seq{0}, now() - 1, now() + 1, now() + 2}) {
    const auto state = refused(run(store(), reserve("orders", kAda, now() + 2, prev)));
    EXPECT_EQ(state.slot, (Slot{now(), 1})) << prev;
  }
  EXPECT_EQ(load("orders").value, 1);
}

TEST_P(StoreReserve, RefusesWhatTheFloorCovers) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, now(), 0)));
  committed(run(store(), Release{"orders", kAda, now() + 10, now()}));
  for (const contract::Seq seq : {contract::Seq{1}, now() + 9, now() + 10}) {
    const auto state = refused(run(store(), reserve("orders", kBob, seq, 0)));
    EXPECT_EQ(state.floor, now() + 10);
    EXPECT_FALSE(state.slot);
  }
  EXPECT_EQ(committed(run(store(), reserve("orders", kBob, now() + 11, 0))), 2);
}

TEST_P(StoreReserve, RefusesAnotherRevision) {
  Definition definition;
  definition.revision = 4;
  define("orders", definition);
  Reserve op = reserve("orders", kAda, now(), 0);
  for (const std::uint64_t revision : {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{5}}) {
    op.revision = revision;
    EXPECT_EQ(refused(run(store(), op)).definition.revision, 4u);
  }
  op.revision = 4;
  EXPECT_EQ(committed(run(store(), op)), 1);
}

TEST_P(StoreReserve, HonoursTheLimit) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  Reserve op = reserve("orders", kAda, now() + 1, now(), 3);
  op.limit = 9;
  EXPECT_EQ(refused(run(store(), op)).value, 10);
  op.limit = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(refused(run(store(), op)).value, 10);
  op.limit = 10;
  EXPECT_EQ(committed(run(store(), op)), 13);
  op.seq = now() + 2;
  op.prev = now() + 1;
  op.limit = 11;
  EXPECT_EQ(refused(run(store(), op)).value, 13);
}

TEST_P(StoreReserve, EndsAtMaxWithStepsThatDoNotDivideIt) {
  define("orders", Definition{5, 1, 20, 1, "", 1});  // Before the first id the value is 4.
  const auto take = [&](contract::Seq seq, contract::Seq prev, std::int64_t count) {
    Reserve op = reserve("orders", kAda, seq, prev, static_cast<std::uint64_t>(count));
    op.limit = 20 - count;
    return run(store(), op);
  };
  EXPECT_EQ(committed(take(now(), 0, 7)), 11);
  EXPECT_EQ(refused(take(now() + 1, now(), 10)).value, 11);
  EXPECT_EQ(committed(take(now() + 2, now(), 8)), 19);  // max - 1
  EXPECT_EQ(refused(take(now() + 3, now() + 2, 2)).value, 19);
  EXPECT_EQ(committed(take(now() + 4, now() + 2, 1)), 20);  // max
  EXPECT_EQ(refused(take(now() + 5, now() + 4, 1)).value, 20);
}

TEST_P(StoreReserve, NeverPassesTheLargestId) {
  define("high", Definition{kMaxId - 10, 1, kMaxId, 1, "", 1});
  Reserve op = reserve("high", kAda, now(), 0, 12);
  op.limit = kMax;  // Wrong, and yet no wrap.
  EXPECT_EQ(describe(run(store(), op)), "NotApplied");
  op.step = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(describe(run(store(), op)), "NotApplied");
  EXPECT_EQ(load("high").value, kMax - 11);
  op.step = 11;
  EXPECT_EQ(committed(run(store(), op)), kMax);
}

TEST_P(StoreReserve, TakesNoStepThatNoValueHasRoomFor) {
  define("low");
  Reserve op = reserve("low", kAda, now(), 0, std::uint64_t{1} << 63U);
  op.limit = kMax;
  EXPECT_EQ(describe(run(store(), op)), "NotApplied");
  op.step = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(describe(run(store(), op)), "NotApplied");
  EXPECT_EQ(load("low").value, 0);
}

TEST_P(StoreReserve, TakesAStepFromBelowZero) {
  define("wide", Definition{1, kMaxId, kMaxId, 1, "", 1});
  Reserve op = reserve("wide", kAda, now(), 0, kMaxId);
  op.limit = 0;
  EXPECT_EQ(committed(run(store(), op)), 1);
}

TEST_P(StoreReserve, RefusesOpsThatMakeNoSense) {
  define("orders");
  Reserve no_step = reserve("orders", kAda, now(), 0);
  no_step.step = 0;
  const std::vector<Op> ops{
      no_step,
      reserve("orders", 0, now(), 0),
      reserve("orders", kAda, std::uint64_t{1} << 63, 0),
      reserve("orders", kAda, 0, 0),
      Release{"orders", 0, now(), 0},
      Release{"orders", kAda, 0, 0},
      Define{"new", kAda, Definition{0, 1, kMaxId, 1, "", 1}},
      Define{"new", kAda, Definition{1, kMaxId + 1, kMaxId, 1, "", 1}},
      Define{"new", kAda, Definition{1, 1, kMaxId, 1, "", 0}},
  };
  for (const Op& op : ops) EXPECT_EQ(describe(run(store(), op)), "NotApplied") << describe(op);
  EXPECT_EQ(load("orders").value, 0);
  EXPECT_EQ(describe(run(store(), Load{"new", 0})), "Missing");
}

}  // namespace
}  // namespace nextid::test
