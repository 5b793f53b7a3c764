// Releasing and pruning slots, and the floor that keeps late copies out.
#include <chrono>

#include <gtest/gtest.h>

#include "conformance/store_fixture.h"

namespace nextid::test {
namespace {

using contract::Release;
using contract::Reserve;
using contract::Slot;
using contract::WriterId;

class StoreSlot : public StoreTest {};

INSTANTIATE_TEST_SUITE_P(Stores, StoreSlot, testing::ValuesIn(store_rows()), row_name);

TEST_P(StoreSlot, ReleasesASlotAndRaisesTheFloor) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, now(), 0, 5)));
  const Release op{"orders", kAda, now() + 1, now()};
  EXPECT_EQ(committed(run(store(), op)), 5);
  const contract::CounterState state = load("orders");
  EXPECT_FALSE(state.slot);
  EXPECT_EQ(state.floor, now() + 1);
  EXPECT_EQ(state.value, 5);
  EXPECT_EQ(committed(run(store(), op)), 5) << "a repeated release has succeeded";
}

TEST_P(StoreSlot, KeepsTheFloorWhenAReleaseIsBelowIt) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, now(), 0)));
  committed(run(store(), reserve("orders", kBob, now() + 50, 0)));
  committed(run(store(), Release{"orders", kBob, now() + 60, now() + 50}));
  committed(run(store(), Release{"orders", kAda, now() + 1, now()}));
  EXPECT_EQ(load("orders").floor, now() + 60);
}

TEST_P(StoreSlot, RaisesTheFloorToTheSlotThatAReleaseRemoves) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, now() + 20, 0)));
  committed(run(store(), Release{"orders", kAda, now(), now() + 20}));
  EXPECT_EQ(load("orders").floor, now() + 20);
}

TEST_P(StoreSlot, LetsNoLateCopyLandAfterARelease) {
  define("orders");
  const Reserve first = reserve("orders", kAda, now(), 0);
  const Reserve never_arrived = reserve("orders", kAda, now() + 1, now());
  committed(run(store(), first));
  committed(run(store(), Release{"orders", kAda, now() + 2, now()}));
  EXPECT_EQ(refused(run(store(), first)).value, 1);
  EXPECT_EQ(refused(run(store(), never_arrived)).value, 1);
}

TEST_P(StoreSlot, LetsNoLateCopyLandAfterAReleaseThatFoundNoSlot) {
  define("orders");
  const Reserve never_arrived = reserve("orders", kAda, now(), 0);
  EXPECT_EQ(committed(run(store(), Release{"orders", kAda, now() + 1, 0})), 0);
  EXPECT_EQ(refused(run(store(), never_arrived)).value, 0);
}

TEST_P(StoreSlot, RefusesAReleaseThatDoesNotFollowTheSlot) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, now(), 0)));
  const auto state = refused(run(store(), Release{"orders", kAda, now() + 2, now() + 1}));
  EXPECT_EQ(state.slot, (Slot{now(), 1}));
  EXPECT_EQ(load("orders").floor, 0u);
}

TEST_P(StoreSlot, PrunesOnlySlotsThatWereIdleForTooLong) {
  define("orders");
  const contract::Seq old = now();
  committed(run(store(), reserve("orders", kAda, old, 0)));
  committed(run(store(), reserve("orders", kBob, old + 1, 0)));
  clock_.advance(contract::kSlotIdleLimit);
  load("orders", 77);
  EXPECT_TRUE(load("orders", kAda).slot) << "as old as the limit, and no older";
  clock_.advance(std::chrono::microseconds(1));
  EXPECT_EQ(load("orders", 77).floor, old);
  EXPECT_FALSE(load("orders", kAda).slot);
  EXPECT_EQ(load("orders", kBob).slot, (Slot{old + 1, 2}));
}

TEST_P(StoreSlot, PrunesAllIdleSlotsAndRaisesTheFloorToTheNewest) {
  define("orders");
  define("other");
  committed(run(store(), reserve("other", kBob, now(), 0)));
  for (WriterId writer = 1; writer <= 20; ++writer) {
    committed(run(store(), reserve("orders", writer, now() + writer % 7, 0)));
  }
  clock_.advance(2 * contract::kSlotIdleLimit);
  const contract::Seq newest = now() - 1'200'000'000 + 6;
  EXPECT_EQ(load("orders", kAda).floor, newest);
  for (WriterId writer = 1; writer <= 20; ++writer) EXPECT_FALSE(load("orders", writer).slot);
  EXPECT_TRUE(load("other", kBob).slot) << "a slot of another counter";
}

TEST_P(StoreSlot, NeverPrunesTheSlotOfTheAskingWriter) {
  define("orders");
  const contract::Seq old = now();
  committed(run(store(), reserve("orders", kBob, old, 0)));
  clock_.advance(3 * contract::kSlotIdleLimit);
  EXPECT_EQ(load("orders", kBob).slot, (Slot{old, 1}));
  EXPECT_EQ(load("orders", kBob).floor, 0u);
}

TEST_P(StoreSlot, PrunesNothingWhenTheClockIsNearItsStart) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, 5, 0)));
  clock_.set_us(10);
  EXPECT_EQ(load("orders", kBob).floor, 0u);
  EXPECT_TRUE(load("orders", kAda).slot);
}

TEST_P(StoreSlot, RefusesTheLateOpOfAPrunedWriter) {
  define("orders");
  const contract::Seq old = now();
  committed(run(store(), reserve("orders", kAda, old, 0)));
  clock_.advance(2 * contract::kSlotIdleLimit);
  load("orders", kBob);
  EXPECT_EQ(refused(run(store(), reserve("orders", kAda, old, 0))).value, 1);
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now(), old))), 2)
      << "a new seq above the floor";
}

}  // namespace
}  // namespace nextid::test
