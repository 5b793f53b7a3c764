// Counters that generators hold and nobody asks: they give back what they hold, keep next to
// nothing, and go on when somebody asks. On real stores, with the sweep at work all the time.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "answers.h"
#include "scratch_dir.h"

namespace nextid {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Answers;
using testing::in;

/// Waits until it is true.
bool eventually(const std::function<bool()>& condition) {
  const auto deadline = in(seconds(20));
  while (!condition()) {
    if (IdGenerator::Clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class IdleCounterTest : public ::testing::TestWithParam<const char*> {
 protected:
  Store open(std::uint64_t cache = 1, milliseconds idle_after = milliseconds(2)) const {
    StoreOptions options;
    options.default_cache = cache;
    options.idle_counter_timeout = idle_after;
    const bool memory = std::string(GetParam()) == "memory";
    return open_store(memory ? "memory:" : dir_.sqlite_url(), options).value();
  }

  /// Waits until the counter has written so often: its definition, reservations, releases.
  static bool has_written(const IdGenerator& ids, std::uint64_t writes) {
    return eventually([&] { return ids.accounting().store_writes >= writes; });
  }

  const testing::ScratchDir dir_;
};

TEST_P(IdleCounterTest, GivesItsTailBackAndGoesOnWithoutAGap) {
  Store store = open(1'000);
  const IdGenerator ids(store, "c");
  std::uint64_t last = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 50; ++i) ASSERT_EQ(ids.next_id().value(), ++last);
    ASSERT_TRUE(eventually([&] { return store.counter("c")->value == last; }));
  }
  EXPECT_EQ(ids.next_range(10)->start(), last + 1);
  EXPECT_EQ(ids.accounting().returned, last + 10) << "what earlier engines counted is kept";
  ASSERT_TRUE(store.close(seconds(5)));
  EXPECT_EQ(store.accounting().burned_total(), 0U);
}

TEST_P(IdleCounterTest, AnOldRequestIdCancelsNoNewRequest) {
  Store store = open();
  const IdGenerator ids(store, "c");
  Answers answers;
  std::vector<RequestId> old;
  for (std::uint64_t round = 1; round <= 20; ++round) {
    Batch batch(store);
    const RequestId request = batch.add(ids, 1, in(seconds(20)), answers, round);
    for (const RequestId each : old) EXPECT_FALSE(ids.cancel(each)) << each;
    batch.submit();
    ASSERT_TRUE(answers.wait_for(round));
    ASSERT_EQ(answers.at(round).value().start(), round);
    old.push_back(request);
    ASSERT_TRUE(has_written(ids, 1 + 2 * round)) << "a reservation and a release each round";
  }
}

TEST_P(IdleCounterTest, CountsWhatIsToldLater) {
  Store store = open();
  const IdGenerator ids(store, "c");
  ids.next_range(5).value();
  ASSERT_TRUE(has_written(ids, 3));
  ids.count_undelivered(5);
  ids.next_id().value();
  ASSERT_TRUE(store.close(seconds(5)));
  EXPECT_EQ(store.accounting().returned, 1U);
  EXPECT_EQ(store.accounting().burned_by(BurnReason::kDisconnect), 5U);
}

TEST_P(IdleCounterTest, CanBeAdvancedAndClosed) {
  Store store = open(100);
  const IdGenerator ids(store, "c");
  const IdGenerator unused(store, "unused");
  ids.next_id().value();
  ASSERT_TRUE(eventually([&] { return store.counter("c")->value == 1U; }));
  ASSERT_EQ(store.advance("c", 50)->value, 50U);
  ASSERT_EQ(ids.next_id().value(), 51U);
  ASSERT_TRUE(eventually([&] { return store.counter("c")->value == 51U; }));
  ASSERT_TRUE(store.close(seconds(5)));
  EXPECT_EQ(ids.next_id().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(unused.next_range(2).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(store.accounting().returned + store.accounting().burned_by(BurnReason::kAdvance), 51U);
}

/// Takes ids for a while; false if the machine let it pause for so long that it may count as idle.
bool takes_ids_without_a_pause(const IdGenerator& ids, milliseconds pause) {
  const auto start = IdGenerator::Clock::now();
  auto last = start;
  while (last - start < 8 * pause) {
    ids.next_id().value();
    const auto now = IdGenerator::Clock::now();
    if (now - last > pause) return false;
    last = now;
  }
  return true;
}

/// Once the refills that nobody waits for are done, too.
Accounting settled_accounting(const Store& store, const IdGenerator& ids) {
  EXPECT_TRUE(eventually([&] { return store.store_calls().under_way == 0; }));
  return ids.accounting();
}

TEST_P(IdleCounterTest, IsNotIdleWhileIdsAreTakenFromItsBlock) {
  constexpr milliseconds kIdleAfter{100};
  Store store = open(1'000'000'000, kIdleAfter);
  const IdGenerator ids(store, "c");
  ids.next_id().value();
  Accounting before;
  ASSERT_TRUE(eventually([&] {
    before = settled_accounting(store, ids);
    return takes_ids_without_a_pause(ids, kIdleAfter / 2);
  }));
  const Accounting after = settled_accounting(store, ids);
  EXPECT_EQ(after.store_writes - before.store_writes, after.reservations - before.reservations)
      << "nothing was given back or released";
}

TEST_P(IdleCounterTest, StillTellsWhatItWas) {
  Store store = open(100);
  const IdGenerator ids(store, "c");
  for (int i = 0; i < 7; ++i) ids.next_id().value();
  ASSERT_TRUE(eventually([&] { return store.activity(1).held_ids == 0; }));
  ASSERT_TRUE(eventually([&] { return store.counter("c")->value == 7U; }));
  ASSERT_TRUE(eventually([&] { return store.activity(1).busiest.at(0).value == 7U; }));
  const CounterActivity activity = store.activity(1).busiest.at(0);
  EXPECT_EQ(activity.accounting.returned, 7U);
  ASSERT_TRUE(activity.definition);
  EXPECT_EQ(activity.definition->cache, 100U);
}

TEST_P(IdleCounterTest, TellingOfIdsNeverTakenHarmsNothing) {
  Store store = open();
  const IdGenerator ids(store, "c");
  ids.count_undelivered(3);
  EXPECT_EQ(ids.next_id().value(), 1U);
}

/// Asks in every way that there is, in bursts: the pauses between them are about as long as it
/// takes to be idle.
std::vector<std::uint64_t> ask_in_bursts(const IdGenerator& ids, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint64_t> got;
  const auto note = [&](const IdRange& range) {
    for (std::uint64_t i = 0; i < range.count(); ++i) got.push_back(range.start() + i);
  };
  Answers answers;
  for (std::uint64_t burst = 0; burst < 150; ++burst) {
    const std::string key = std::to_string(seed) + "-" + std::to_string(burst);
    ids.async_next_range(1 + random() % 5, in(seconds(20)), answers, burst);
    for (auto i = random() % 20; i > 0; --i) got.push_back(ids.next_id().value());
    if (burst % 3 == 0) got.push_back(ids.next_id(key).value());
    if (burst % 3 == 1) note(ids.next_range(3).value());
    if (burst % 7 == 0) {
      Cursor cursor(ids);
      for (auto i = random() % 30; i > 0; --i) got.push_back(cursor.next_id().value());
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 8'000));
  }
  EXPECT_TRUE(answers.wait_for(150));
  for (std::uint64_t burst = 0; burst < 150; ++burst) note(answers.at(burst).value());
  return got;
}

TEST_P(IdleCounterTest, BurstsWhileItComesToRestGetEachIdOnce) {
  const bool shared = std::string(GetParam()) == "sqlite";
  std::vector<Store> stores{open(200)};
  if (shared) stores.push_back(open(200));
  std::vector<std::vector<std::uint64_t>> got(3);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < got.size(); ++i) {
    threads.emplace_back([&, i] {
      const IdGenerator ids(stores[i % stores.size()], "c");
      got[i] = ask_in_bursts(ids, static_cast<unsigned>(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::uint64_t> all;
  for (const auto& each : got) all.insert(all.end(), each.begin(), each.end());
  const auto sum = [&] {
    Accounting total;
    for (const Store& store : stores) total += store.accounting();
    return total;
  };
  if (shared) {
    EXPECT_TRUE(stores[1].close(seconds(5)));
  }
  // The other one comes to rest.
  EXPECT_TRUE(eventually([&] {
    return sum().returned + sum().burned_total() == stores[0].counter("c")->value;
  })) << "I5";
  EXPECT_TRUE(stores[0].close(seconds(5)));
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end()) << "I1";
  EXPECT_EQ(sum().returned, all.size()) << "I5";
  EXPECT_EQ(sum().burned_total(), sum().burned_by(BurnReason::kDiscard));
  EXPECT_GT(sum().store_writes, sum().reservations + 50)
      << "it came to rest too rarely to show much";
}

INSTANTIATE_TEST_SUITE_P(Stores, IdleCounterTest, ::testing::Values("memory", "sqlite"),
                         [](const auto& store) { return store.param; });

}  // namespace
}  // namespace nextid
