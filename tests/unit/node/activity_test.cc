// What an opened store tells about its counters and its calls.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "scratch_dir.h"

namespace nextid::testing {
namespace {

TEST(ActivityTest, ListsTheBusiestFirst) {
  const auto store = open_store("memory:").value();
  for (int i = 1; i <= 5; ++i) {
    IdGenerator(store, "counter-" + std::to_string(i))
        .next_range(static_cast<std::uint64_t>(i))
        .value();
  }
  const NodeActivity activity = store.activity(2);
  EXPECT_EQ(activity.counters_in_use, 5U);
  EXPECT_EQ(activity.accounting.returned, 15U);
  ASSERT_EQ(activity.busiest.size(), 2U);
  EXPECT_EQ(activity.busiest[0].name, "counter-5");
  EXPECT_EQ(activity.busiest[0].accounting.returned, 5U);
  EXPECT_EQ(activity.busiest[0].value, 5U);
  EXPECT_EQ(activity.busiest[1].name, "counter-4");
  EXPECT_EQ(store.activity(100).busiest.size(), 5U);
}

TEST(ActivityTest, AccountsForIdsThatAreHeld) {
  const auto store = open_store("memory:").value();
  DefinitionChange change;
  change.cache = 100;
  change.start = 1'000;
  change.increment = 10;
  ASSERT_TRUE(store.define("orders", change));
  const IdGenerator ids(store, "orders");
  for (int i = 0; i < 30; ++i) ids.next_id().value();

  const CounterActivity orders = store.activity(1).busiest.at(0);
  EXPECT_EQ(orders.accounting.returned, 30U);
  EXPECT_GT(orders.held_ids, 0U);
  ASSERT_TRUE(orders.value);
  ASSERT_TRUE(orders.definition);
  EXPECT_EQ(orders.definition->cache, 100U);
  const std::uint64_t reserved = (*orders.value - 1'000) / 10 + 1;
  EXPECT_EQ(orders.accounting.returned + orders.accounting.burned_total() + orders.held_ids,
            reserved);
}

TEST(ActivityTest, KnowsNoValueBeforeTheFirstUse) {
  const auto store = open_store("memory:").value();
  const IdGenerator ids(store, "orders");
  const CounterActivity orders = store.activity(1).busiest.at(0);
  EXPECT_EQ(orders.value, std::nullopt);
  EXPECT_EQ(orders.definition, std::nullopt);
}

TEST(StoreCallsTest, AreCountedByKindAndResult) {
  const auto store = open_store("memory:").value();
  IdGenerator(store, "orders").next_id().value();
  const StoreCalls calls = store.store_calls();
  const auto done = static_cast<std::size_t>(StoreCallResult::kDone);
  EXPECT_EQ(calls.of(StoreCallKind::kLoad).results[done], 1U);
  EXPECT_EQ(calls.of(StoreCallKind::kDefine).results[done], 1U);
  EXPECT_EQ(calls.of(StoreCallKind::kReserve).results[done], 1U);
  EXPECT_EQ(calls.of(StoreCallKind::kReserve).durations.total(), 1U);
  EXPECT_EQ(calls.of(StoreCallKind::kRemember).durations.total(), 0U);
  EXPECT_EQ(calls.under_way, 0U);
}

class Counting final : public RangeReceiver {
 public:
  void on_range(std::uint64_t, Result<IdRange> range) noexcept override {
    if (range) returned += range->count();
    ++answered;
    answered.notify_one();
  }
  /// Each request is answered, at its deadline at the latest.
  void wait_for(std::uint64_t count) const {
    for (std::uint64_t now = answered; now < count; now = answered) answered.wait(now);
  }

  std::atomic<std::uint64_t> returned = 0;
  std::atomic<std::uint64_t> answered = 0;
};

TEST(StoreCallsTest, WritesThatShareAFlushAreOneCommit) {
  const ScratchDir directory;
  auto store = open_store(directory.sqlite_url()).value();
  std::vector<IdGenerator> counters;
  for (int i = 0; i < 8; ++i) {
    counters.emplace_back(store, "counter-" + std::to_string(i)).next_id().value();
  }
  const std::uint64_t before = store.store_calls().commits;
  EXPECT_GE(before, 8U);
  Batch batch(store);
  Counting receiver;
  for (const IdGenerator& counter : counters) {
    batch.add(counter, 1, IdGenerator::Clock::now() + std::chrono::seconds(5), receiver);
  }
  batch.submit();
  receiver.wait_for(8);  // The store's thread may still lead, and then commits these, too.
  EXPECT_EQ(receiver.returned, 8U);
  EXPECT_EQ(store.store_calls().commits, before + 1);
  EXPECT_EQ(store.accounting().store_writes, 3U * 8U);
  ASSERT_TRUE(store.close(std::chrono::seconds(5)));
  EXPECT_GT(store.store_calls().commits, before + 1) << "it is known also of a closed store";
}

TEST(TryWriteTest, ChangesNothing) {
  const ScratchDir directory;
  const auto store = open_store(directory.sqlite_url()).value();
  EXPECT_TRUE(store.try_write());
  EXPECT_TRUE(store.counters().value().counters.empty());
  IdGenerator(store, kDefaultCounter).next_id().value();
  const auto before = store.counter(kDefaultCounter).value();
  EXPECT_TRUE(store.try_write());
  const auto after = store.counter(kDefaultCounter).value();
  EXPECT_EQ(after.value, before.value);
  EXPECT_EQ(after.definition, before.definition);
  const auto done = static_cast<std::size_t>(StoreCallResult::kDone);
  EXPECT_EQ(store.store_calls().of(StoreCallKind::kTryWrite).results[done], 2U);
}

}  // namespace
}  // namespace nextid::testing
