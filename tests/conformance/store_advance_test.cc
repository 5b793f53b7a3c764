// Advancing a counter, and the number of ids that it tells to have skipped.
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_fixture.h"

namespace nextid::test {
namespace {

using contract::Advance;
using contract::Load;
using contract::Op;
using contract::Release;
using contract::Seq;
using contract::Slot;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

class StoreAdvance : public StoreTest {
 protected:
  /// A counter of which kAda has reserved 1 to 5, with the seq now().
  void reserve_five() {
    define("orders");
    committed(run(store(), reserve("orders", kAda, now(), 0, 5)));
  }
  /// kAda's next op after that.
  Advance to(std::int64_t value) const { return {"orders", kAda, now() + 1, now(), 1, value}; }
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreAdvance, testing::ValuesIn(store_rows()), row_name);

TEST_P(StoreAdvance, RaisesTheCounterAndTellsTheValueBefore) {
  reserve_five();
  EXPECT_EQ(committed(run(store(), to(100))), 5);
  const contract::CounterState state = load("orders");
  EXPECT_EQ(state.value, 100);
  EXPECT_EQ(state.slot, (Slot{now() + 1, 5}));
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now() + 2, now() + 1))), 101);
}

TEST_P(StoreAdvance, RaisesByOne) {
  reserve_five();
  EXPECT_EQ(committed(run(store(), to(6))), 5);
  EXPECT_EQ(load("orders").value, 6);
}

TEST_P(StoreAdvance, AnswersARepeatWithTheValueBeforeTheFirst) {
  reserve_five();
  committed(run(store(), to(100)));
  committed(run(store(), reserve("orders", kBob, now(), 0, 3)));
  for (int i = 0; i < 2; ++i) {
    const contract::CounterState state = refused(run(store(), to(100)));
    EXPECT_EQ(state.slot, (Slot{now() + 1, 5}));
    EXPECT_EQ(state.value, 103);
  }
}

TEST_P(StoreAdvance, RefusesWhereTheCounterIsAsHigh) {
  reserve_five();
  for (const std::int64_t value : {5, 4, 1}) {
    const contract::CounterState state = refused(run(store(), to(value)));
    EXPECT_EQ(state.value, 5) << value;
    EXPECT_EQ(state.slot, (Slot{now(), 5})) << value;
  }
  EXPECT_EQ(load("orders").value, 5);
}

TEST_P(StoreAdvance, RefusesAnotherRevision) {
  define("orders");
  Definition definition;
  definition.revision = 2;
  found(run(store(), contract::Redefine{"orders", kBob, definition}));
  committed((run(store(), Advance{"orders", kAda, now(), 0, 2, 50})));
  for (const std::uint64_t revision : {0u, 1u, 3u}) {
    Advance op = to(100);
    op.revision = revision;
    EXPECT_EQ(refused(run(store(), op)).definition.revision, 2u) << revision;
  }
  EXPECT_EQ(load("orders").value, 50);
}

TEST_P(StoreAdvance, RefusesAnOpThatDoesNotFollowTheSlot) {
  reserve_five();
  for (const Seq prev : {Seq{0}, now() - 1, now() + 1}) {
    Advance op = to(100);
    op.prev = prev;
    EXPECT_EQ(refused(run(store(), op)).slot, (Slot{now(), 5})) << prev;
  }
  EXPECT_EQ(load("orders").value, 5);
}

TEST_P(StoreAdvance, IgnoresALateCopy) {
  reserve_five();
  committed(run(store(), reserve("orders", kAda, now() + 2, now())));
  EXPECT_EQ(refused(run(store(), to(100))).value, 6);
  committed(run(store(), Release{"orders", kAda, now() + 3, now() + 2}));
  EXPECT_EQ(refused(run(store(), to(100))).value, 6);
  EXPECT_EQ(load("orders").value, 6);
}

TEST_P(StoreAdvance, IgnoresALateCopyOfAPrunedWriter) {
  reserve_five();
  const Advance op = to(100);
  committed(run(store(), op));
  committed(run(store(), contract::GiveBack{"orders", kAda, now() + 2, now() + 1, 100, 5}));
  clock_.advance(2 * contract::kSlotIdleLimit);
  load("orders", 77);
  EXPECT_EQ(refused(run(store(), op)).value, 5);
  EXPECT_EQ(load("orders").value, 5);
}

TEST_P(StoreAdvance, NeedsNoSlotAboveTheFloor) {
  reserve_five();
  committed(run(store(), Release{"orders", kAda, now() + 2, now()}));
  EXPECT_EQ(committed(run(store(), Advance{"orders", kAda, now() + 3, 0, 1, 100})), 5);
  EXPECT_EQ(load("orders").slot, (Slot{now() + 3, 5}));
}

TEST_P(StoreAdvance, TellsTheValueBeforeTheFirstId) {
  define("sevens", Definition{100, 7, kMaxId, 1, "", 1});
  EXPECT_EQ(committed(run(store(), Advance{"sevens", kAda, now(), 0, 1, 94})), 93);
  define("wide", Definition{1, kMaxId, kMaxId, 1, "", 1});
  EXPECT_EQ(committed(run(store(), Advance{"wide", kAda, now(), 0, 1, 1})), 1 - kMax);
  EXPECT_EQ(load("wide").slot, (Slot{now(), 1 - kMax}));
  EXPECT_EQ(load("wide").value, 1);
}

TEST_P(StoreAdvance, ReachesTheLargestIdAndNoFurther) {
  reserve_five();
  EXPECT_EQ(committed(run(store(), to(kMax - 1))), 5);
  EXPECT_EQ(committed(run(store(), Advance{"orders", kAda, now() + 2, now() + 1, 1, kMax})),
            kMax - 1);
  EXPECT_EQ(refused(run(store(), Advance{"orders", kAda, now() + 3, now() + 2, 1, kMax})).value,
            kMax);
  contract::Reserve op = reserve("orders", kAda, now() + 3, now() + 2);
  op.limit = kMax;
  EXPECT_EQ(describe(run(store(), op)), "NotApplied");
  EXPECT_EQ(load("orders").value, kMax);
}

TEST_P(StoreAdvance, LeavesASlotThatCanBeReleased) {
  reserve_five();
  committed(run(store(), to(100)));
  EXPECT_EQ(committed(run(store(), Release{"orders", kAda, now() + 2, now() + 1})), 100);
  EXPECT_FALSE(load("orders").slot);
}

TEST_P(StoreAdvance, RefusesOpsThatMakeNoSense) {
  reserve_five();
  Advance nobody = to(100);
  nobody.writer = 0;
  Advance no_seq = to(100);
  no_seq.seq = 0;
  Advance large_seq = to(100);
  large_seq.seq = std::uint64_t{1} << 63;
  const std::vector<Op> ops{to(0),  to(-1), to(std::numeric_limits<std::int64_t>::min()),
                            nobody, no_seq, large_seq};
  for (const Op& op : ops) EXPECT_EQ(describe(run(store(), op)), "NotApplied") << describe(op);
  EXPECT_EQ(load("orders").value, 5);
}

TEST_P(StoreAdvance, KnowsNoCounterThatWasNotDefined) {
  EXPECT_EQ(describe(run(store(), to(100))), "Missing");
  EXPECT_EQ(describe(run(store(), Load{"orders", 0})), "Missing");
}

}  // namespace
}  // namespace nextid::test
