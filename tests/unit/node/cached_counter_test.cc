// Cached counters and cursors through the library, with threads, on real stores.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <malloc.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "answers.h"
#include "scratch_dir.h"

namespace nextid {
namespace {

using testing::Answers;
using testing::in;
using testing::ScratchDir;

constexpr std::chrono::seconds kCloseLimit{5};

StoreOptions cached(std::uint64_t cache) {
  StoreOptions options;
  options.default_cache = cache;
  return options;
}

/// Checks that the ids are each there once, and that with the burned ones they make up the value.
void expect_accounted(std::vector<std::uint64_t> ids, const Accounting& accounting,
                      std::uint64_t value) {
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end()) << "I1";
  EXPECT_EQ(accounting.returned, ids.size()) << "I5";
  EXPECT_EQ(accounting.returned + accounting.burned_total(), value) << "I5";
}

TEST(CachedCounterTest, ServesManyThreadsEachIdOnceAndInOrder) {
  Store store = open_store("memory:", cached(1'000)).value();
  const IdGenerator ids(store, "c");
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kEach = 50'000;
  std::vector<std::vector<std::uint64_t>> got(kThreads);
  std::atomic<std::uint64_t> highest{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (std::size_t n = 0; n < kEach; ++n) {
        const std::uint64_t answered_before = highest.load();
        const bool range = n % 97 == 0;
        const IdRange answer =
            range ? ids.next_range(3).value() : IdRange(ids.next_id().value(), 1, 1);
        EXPECT_GT(answer.start(), answered_before) << "I3 within a node";
        std::uint64_t seen = highest.load();
        while (seen < answer.end() && !highest.compare_exchange_weak(seen, answer.end())) {
        }
        for (std::uint64_t id = answer.start(); id <= answer.end(); ++id) got[i].push_back(id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::uint64_t> all;
  for (const auto& each : got) all.insert(all.end(), each.begin(), each.end());
  const Accounting accounting = ids.accounting();
  EXPECT_LT(accounting.reservations, all.size() / 100);
  EXPECT_GT(accounting.refills, 0U);
  ASSERT_TRUE(store.close(kCloseLimit));
  expect_accounted(all, store.accounting(), all.size());
}

/// Each run starts where the last one ended: what was left was given back.
TEST(CachedCounterTest, AHundredRestartsUnderLoadLeaveNoGap) {
  const ScratchDir dir;
  const std::string url = dir.sqlite_url();
  std::vector<std::uint64_t> all;
  for (int restart = 0; restart < 100; ++restart) {
    Store store = open_store(url, cached(500)).value();
    std::vector<std::vector<std::uint64_t>> got(3);
    std::vector<std::thread> threads;
    for (auto& mine : got) {
      threads.emplace_back([&] {
        const IdGenerator ids(store, "c");
        while (const auto id = ids.next_id()) mine.push_back(*id);
      });
    }
    while (store.accounting().returned < 40) std::this_thread::yield();
    ASSERT_TRUE(store.close(kCloseLimit));
    for (std::thread& thread : threads) thread.join();
    for (const auto& each : got) all.insert(all.end(), each.begin(), each.end());
    ASSERT_EQ(store.accounting().burned_total(), 0U) << "restart " << restart;
  }
  std::sort(all.begin(), all.end());
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.front(), 1U);
  EXPECT_EQ(all.back(), all.size()) << "no gap, and none twice";
}

TEST(CachedCounterTest, TwoNodesShareACounterWithoutDuplicates) {
  const ScratchDir dir;
  const std::string url = dir.sqlite_url();
  std::vector<Store> stores{open_store(url, cached(64)).value(),
                            open_store(url, cached(64)).value()};
  std::vector<std::vector<std::uint64_t>> got(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < got.size(); ++i) {
    threads.emplace_back([&, i] {
      const IdGenerator ids(stores[i % 2], "c");
      for (int n = 0; n < 5'000; ++n) got[i].push_back(ids.next_id().value());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::uint64_t> all;
  for (const auto& each : got) all.insert(all.end(), each.begin(), each.end());
  Accounting accounting;
  for (Store& store : stores) {
    ASSERT_TRUE(store.close(kCloseLimit));
    accounting += store.accounting();
  }
  Store reader = open_store(url).value();
  expect_accounted(all, accounting, *reader.counter("c")->value);
}

TEST(CachedCounterTest, RefusesAfterItsStoreHasClosed) {
  Store store = open_store("memory:", cached(100)).value();
  const IdGenerator ids(store, "c");
  for (int i = 0; i < 50; ++i) ids.next_id().value();
  ASSERT_TRUE(store.close(kCloseLimit));
  EXPECT_EQ(ids.next_id().error().code(), ErrorCode::kUnavailable);
}

TEST(CursorTest, CursorsAndGeneratorsShareACounterWithoutDuplicates) {
  Store store = open_store("memory:", cached(10'000)).value();
  const IdGenerator ids(store, "c");
  std::vector<std::vector<std::uint64_t>> got(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < got.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int life = 0; life < 20; ++life) {
        Cursor cursor(ids);
        for (int n = 0; n < 1'000; ++n) {
          got[i].push_back(i == 0 ? ids.next_id().value() : cursor.next_id().value());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::uint64_t> all;
  for (const auto& each : got) all.insert(all.end(), each.begin(), each.end());
  ASSERT_TRUE(store.close(kCloseLimit));
  const Accounting accounting = store.accounting();
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end()) << "I1";
  EXPECT_EQ(accounting.returned, all.size());
  // Rests of sub-blocks serve cursors alone, and are discarded at the end.
  EXPECT_EQ(accounting.burned_total(), accounting.burned_by(BurnReason::kDiscard));
  EXPECT_LE(accounting.burned_total(), 9'999U);
}

TEST(CursorTest, IdsOfOneCursorGrow) {
  Store store = open_store("memory:", cached(100)).value();
  const IdGenerator ids(store, "c");
  Cursor cursor(ids);
  std::uint64_t last = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t id = cursor.next_id().value();
    // What another cursor left may come again behind it, but there is none.
    EXPECT_GT(id, last);
    last = id;
  }
}

TEST(CursorTest, IsStrictOnAStrictCounter) {
  Store store = open_store("memory:").value();
  const IdGenerator ids(store, "c");
  Cursor one(ids);
  Cursor two(ids);
  for (std::uint64_t i = 1; i < 100; i += 2) {
    EXPECT_EQ(one.next_id().value(), i);
    EXPECT_EQ(two.next_id().value(), i + 1);
  }
}

TEST(CursorTest, TellsWhyThereIsNoId) {
  Store store = open_store("memory:", cached(100)).value();
  ASSERT_TRUE(store.define("c", {.max = 3}));
  const IdGenerator ids(store, "c");
  Cursor cursor(ids);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(cursor.next_id());
  EXPECT_EQ(cursor.next_id().error().code(), ErrorCode::kExhausted);
  Cursor of_bad_name(IdGenerator(store, "no name"));
  EXPECT_EQ(of_bad_name.next_id().error().code(), ErrorCode::kInvalid);
}

/// What the process has allocated and not freed, in bytes.
std::uint64_t allocated_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Waits until it is true; looks rarely, since some conditions walk 10,000 counters.
bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

std::vector<IdGenerator> generators_of(const Store& store, const std::string& prefix,
                                       std::uint64_t count) {
  std::vector<IdGenerator> generators;
  generators.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i)
    generators.emplace_back(store, prefix + std::to_string(i));
  return generators;
}

constexpr std::chrono::seconds kAskLimit{5};

/// Takes an id of each, all at once, and expects this one.
void ask_each(const Store& store, const std::vector<IdGenerator>& generators, std::uint64_t id) {
  Answers answers;
  Batch batch(store);
  for (std::uint64_t i = 0; i < generators.size(); ++i) {
    batch.add(generators[i], 1, in(kAskLimit), answers, i);
  }
  batch.submit();
  ASSERT_TRUE(answers.wait_for(generators.size()));
  for (std::uint64_t i = 0; i < generators.size(); ++i) {
    ASSERT_EQ(answers.at(i).value().start(), id) << i;
  }
}

/// Of a counter that a generator holds: as long as nobody used it, and again once it is idle. An
/// SQLite file has the counters themselves, and SQLite's caches are full before it begins.
TEST(ManyCountersTest, AnIdleCounterTakesAKilobyteAtMost) {
#if !defined(NDEBUG)
  GTEST_SKIP() << "not run: sanitizers keep memory of their own";
#endif
  constexpr std::uint64_t kCounters = 10'000;
  constexpr std::uint64_t kMost = 1'024;
  const ScratchDir dir;
  StoreOptions options;
  options.max_counters = 4 * kCounters;
  options.idle_counter_timeout = std::chrono::seconds(2);
  Store store = open_store(dir.sqlite_url(), options).value();
  for (const char* earlier : {"earlier-", "still-earlier-", "first-"}) {
    ask_each(store, generators_of(store, earlier, kCounters), 1);
  }
  const auto asked = IdGenerator::Clock::now();
  ASSERT_TRUE(eventually([&] { return store.activity(0).counters_in_use == 0; }));
  // The timer keeps the memory of a counter until the deadline of its last request.
  ASSERT_TRUE(eventually([&] { return IdGenerator::Clock::now() > asked + kAskLimit; }));

  const std::uint64_t before = allocated_bytes();
  const auto generators = generators_of(store, "counter-", kCounters);
  const auto each = [&] { return (allocated_bytes() - before) / kCounters; };
  const std::uint64_t known = each();
  ask_each(store, generators, 1);
  const std::uint64_t used = each();
  ASSERT_TRUE(eventually([&] {
    const std::uint64_t writes = store.accounting().store_writes;
    // A definition, a reservation and a release each.
    return writes >= 3 * 4 * kCounters && store.store_calls().under_way == 0;
  }));
  // Of a request that was answered in time the timer's entry goes when its deadline has passed.
  eventually([&] { return each() <= kMost; });
  const std::uint64_t idle = each();
  std::printf("a counter, with its generator: %lu bytes before use, %lu right after, %lu idle\n",
              static_cast<unsigned long>(known), static_cast<unsigned long>(used),
              static_cast<unsigned long>(idle));
  EXPECT_LE(known, kMost);
  EXPECT_LE(idle, kMost);
  ask_each(store, generators, 2);
}

}  // namespace
}  // namespace nextid
