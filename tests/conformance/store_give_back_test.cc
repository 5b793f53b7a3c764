// Giving back the tail of a reservation: the one op that lowers a counter, so the one that must
// never do it twice, late or too far (I7).
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_fixture.h"

namespace nextid::test {
namespace {

using contract::GiveBack;
using contract::Load;
using contract::Op;
using contract::Release;
using contract::Seq;
using contract::Slot;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();

class StoreGiveBack : public StoreTest {
 protected:
  /// A counter of which kAda has reserved 1 to 10, with the seq now().
  void reserve_ten() {
    define("orders");
    committed(run(store(), reserve("orders", kAda, now(), 0, 10)));
  }
  /// kAda's next op after that, which keeps 1 to 4.
  GiveBack six_back() const { return {"orders", kAda, now() + 1, now(), 10, 4}; }
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreGiveBack, testing::ValuesIn(store_rows()), row_name);

TEST_P(StoreGiveBack, LowersTheCounterToWhatIsKept) {
  reserve_ten();
  EXPECT_EQ(committed(run(store(), six_back())), 4);
  const contract::CounterState state = load("orders");
  EXPECT_EQ(state.value, 4);
  EXPECT_EQ(state.slot, (Slot{now() + 1, 4}));
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now() + 2, now() + 1))), 5);
}

TEST_P(StoreGiveBack, GivesAllBack) {
  reserve_ten();
  EXPECT_EQ(committed(run(store(), GiveBack{"orders", kAda, now() + 1, now(), 10, 0})), 0);
  EXPECT_FALSE(list(store(), "", 1).value().counters.front().value);
  EXPECT_EQ(committed(run(store(), reserve("orders", kBob, now(), 0))), 1);
}

TEST_P(StoreGiveBack, AnswersARepeatWithWhatTheFirstLeft) {
  reserve_ten();
  committed(run(store(), six_back()));
  EXPECT_EQ(refused(run(store(), six_back())).slot, (Slot{now() + 1, 4}));
  committed(run(store(), reserve("orders", kBob, now(), 0, 3)));
  const contract::CounterState state = refused(run(store(), six_back()));
  EXPECT_EQ(state.slot, (Slot{now() + 1, 4}));
  EXPECT_EQ(state.value, 7);
}

TEST_P(StoreGiveBack, RefusesWhenTheCounterEndsElsewhere) {
  reserve_ten();
  for (const std::int64_t end : {std::int64_t{9}, std::int64_t{11}, kMax}) {
    GiveBack op = six_back();
    op.end = end;
    EXPECT_EQ(refused(run(store(), op)).value, 10) << end;
  }
  committed(run(store(), reserve("orders", kBob, now(), 0)));
  const contract::CounterState state = refused(run(store(), six_back()));
  EXPECT_EQ(state.value, 11);
  EXPECT_EQ(state.slot, (Slot{now(), 10})) << "refused, and yet in the slot";
}

TEST_P(StoreGiveBack, RefusesAnOpThatDoesNotFollowTheSlot) {
  reserve_ten();
  for (const Seq prev : {Seq{0}, now() - 1, now() + 1}) {
    GiveBack op = six_back();
    op.prev = prev;
    EXPECT_EQ(refused(run(store(), op)).slot, (Slot{now(), 10})) << prev;
  }
  EXPECT_EQ(load("orders").value, 10);
}

// What a seq in a give-back is for: without it, a copy would find the end that it expects.
TEST_P(StoreGiveBack, IgnoresALateCopyWhenTheCounterHasGrownToTheSameValue) {
  reserve_ten();
  committed(run(store(), six_back()));
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now() + 2, now() + 1, 6))), 10);
  EXPECT_EQ(refused(run(store(), six_back())).slot, (Slot{now() + 2, 10}));
  EXPECT_EQ(load("orders").value, 10);
}

TEST_P(StoreGiveBack, IgnoresACopyWhenAnotherWriterHasReservedUpToTheSameValue) {
  reserve_ten();
  committed(run(store(), six_back()));
  EXPECT_EQ(committed(run(store(), reserve("orders", kBob, now(), 0, 6))), 10);
  EXPECT_EQ(refused(run(store(), six_back())).value, 10);
  EXPECT_EQ(load("orders").value, 10);
}

TEST_P(StoreGiveBack, IgnoresAnOpThatArrivesAfterLaterOnes) {
  reserve_ten();
  committed(run(store(), reserve("orders", kAda, now() + 2, now(), 5)));
  committed(run(store(), GiveBack{"orders", kAda, now() + 3, now() + 2, 15, 10}));
  EXPECT_EQ(refused(run(store(), six_back())).slot, (Slot{now() + 3, 10}));
  EXPECT_EQ(load("orders").value, 10);
}

TEST_P(StoreGiveBack, IgnoresALateCopyAfterARelease) {
  reserve_ten();
  committed(run(store(), Release{"orders", kAda, now() + 2, now()}));
  EXPECT_EQ(refused(run(store(), six_back())).floor, now() + 2);
  EXPECT_EQ(load("orders").value, 10);
}

TEST_P(StoreGiveBack, IgnoresALateCopyOfAPrunedWriter) {
  reserve_ten();
  const GiveBack op = six_back();
  committed(run(store(), op));
  committed(run(store(), reserve("orders", kBob, now(), 0, 6)));
  clock_.advance(2 * contract::kSlotIdleLimit);
  load("orders", 77);
  const contract::CounterState state = refused(run(store(), op));
  EXPECT_FALSE(state.slot);
  EXPECT_EQ(state.value, 10);
  EXPECT_EQ(load("orders").value, 10);
}

TEST_P(StoreGiveBack, NeedsNoSlotAboveTheFloor) {
  reserve_ten();
  committed(run(store(), Release{"orders", kAda, now() + 2, now()}));
  GiveBack op = six_back();
  op.seq = now() + 3;
  EXPECT_EQ(committed(run(store(), op)), 4);
  EXPECT_EQ(load("orders").slot, (Slot{now() + 3, 4}));
}

TEST_P(StoreGiveBack, LeavesTheSlotsOfOthers) {
  define("orders");
  committed(run(store(), reserve("orders", kBob, now() + 5, 0, 7)));
  committed(run(store(), reserve("orders", kAda, now(), 0, 3)));
  committed(run(store(), six_back()));
  EXPECT_EQ(load("orders", kBob).slot, (Slot{now() + 5, 7}));
}

TEST_P(StoreGiveBack, AsksForNoRevision) {
  reserve_ten();
  Definition definition;
  definition.revision = 2;
  found(run(store(), contract::Redefine{"orders", kBob, definition}));
  EXPECT_EQ(committed(run(store(), six_back())), 4);
}

TEST_P(StoreGiveBack, NeverLowersACounterBelowItsStart) {
  define("tens", Definition{100, 10, kMaxId, 1, "", 1});
  committed(run(store(), reserve("tens", kAda, now(), 0, 20)));
  GiveBack op{"tens", kAda, now() + 1, now(), 110, 89};
  EXPECT_EQ(describe(run(store(), op)), "NotApplied");
  op.new_end = kMin;
  EXPECT_EQ(describe(run(store(), op)), "NotApplied");
  EXPECT_EQ(load("tens").value, 110);
  EXPECT_EQ(load("tens").slot, (Slot{now(), 110}));
  op.new_end = 90;
  EXPECT_EQ(committed(run(store(), op)), 90);
  EXPECT_FALSE(list(store(), "", 1).value().counters.front().value);
}

TEST_P(StoreGiveBack, TellsTheStateOfAnOpThatWouldBeTooLowAndIsNotInTurn) {
  reserve_ten();
  const auto state = refused(run(store(), GiveBack{"orders", kAda, now() + 1, 0, 10, -1}));
  EXPECT_EQ(state.slot, (Slot{now(), 10}));
}

TEST_P(StoreGiveBack, ReachesBelowZeroWhereTheCounterBeganThere) {
  define("wide", Definition{1, kMaxId, kMaxId, 1, "", 1});
  contract::Reserve all = reserve("wide", kAda, now(), 0, kMaxId);
  all.limit = 0;
  committed(run(store(), all));
  GiveBack op{"wide", kAda, now() + 1, now(), 1, -kMax};
  EXPECT_EQ(describe(run(store(), op)), "NotApplied");
  op.new_end = 1 - kMax;
  EXPECT_EQ(committed(run(store(), op)), 1 - kMax);
  EXPECT_EQ(load("wide").slot, (Slot{now() + 1, 1 - kMax}));
}

TEST_P(StoreGiveBack, StartsFromTheLargestId) {
  define("high", Definition{kMaxId - 10, 1, kMaxId, 1, "", 1});
  committed(run(store(), reserve("high", kAda, now(), 0, 11)));
  EXPECT_EQ(committed(run(store(), GiveBack{"high", kAda, now() + 1, now(), kMax, kMax - 1})),
            kMax - 1);
  EXPECT_EQ(committed(run(store(), reserve("high", kAda, now() + 2, now() + 1))), kMax);
}

TEST_P(StoreGiveBack, RefusesOpsThatMakeNoSense) {
  reserve_ten();
  std::vector<Op> ops;
  for (const std::int64_t new_end : {std::int64_t{10}, std::int64_t{11}, kMax}) {
    ops.emplace_back(GiveBack{"orders", kAda, now() + 1, now(), 10, new_end});
  }
  ops.emplace_back(GiveBack{"orders", kAda, now() + 1, now(), kMin, kMax});
  ops.emplace_back(GiveBack{"orders", 0, now() + 1, 0, 10, 4});
  ops.emplace_back(GiveBack{"orders", kAda, 0, now(), 10, 4});
  ops.emplace_back(GiveBack{"orders", kAda, std::uint64_t{1} << 63, now(), 10, 4});
  for (const Op& op : ops) EXPECT_EQ(describe(run(store(), op)), "NotApplied") << describe(op);
  EXPECT_EQ(load("orders").value, 10);
  EXPECT_EQ(load("orders").slot, (Slot{now(), 10}));
}

TEST_P(StoreGiveBack, KnowsNoCounterThatWasNotDefined) {
  EXPECT_EQ(describe(run(store(), six_back())), "Missing");
  EXPECT_EQ(describe(run(store(), Load{"orders", 0})), "Missing");
}

}  // namespace
}  // namespace nextid::test
