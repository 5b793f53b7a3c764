// Lists, many ops at once, threads, and opening a store again.
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_fixture.h"

namespace nextid::test {
namespace {

using contract::Define;
using contract::Load;
using contract::Missing;
using contract::Op;
using contract::Outcome;
using contract::Release;
using contract::Reserve;
using contract::Slot;
using contract::WriterId;

class StoreTraffic : public StoreTest {};

INSTANTIATE_TEST_SUITE_P(Stores, StoreTraffic, testing::ValuesIn(store_rows()), row_name);

TEST_P(StoreTraffic, ListsInTheOrderOfBytes) {
  for (const std::string name : {"b", "a:2", "B", "a", "_z", "a.1", "a-0", "9", "aa"}) define(name);
  committed(run(store(), reserve("a", kAda, now(), 0, 4)));
  committed(run(store(), reserve("aa", kBob, now(), 0, 4)));
  const std::vector<std::string> sorted{"9", "B", "_z", "a", "a-0", "a.1", "a:2", "aa", "b"};
  std::vector<std::string> seen;
  std::string after;
  for (bool more = true; more;) {
    const CounterPage page = list(store(), after, 4).value();
    ASSERT_FALSE(page.counters.empty());
    for (const CounterInfo& info : page.counters) seen.push_back(info.name);
    after = seen.back();
    more = page.more;
    EXPECT_EQ(more, seen.size() < sorted.size());
  }
  EXPECT_EQ(seen, sorted);
}

TEST_P(StoreTraffic, TellsWhetherMoreFollowAFullPage) {
  for (const char* name : {"a", "b", "c"}) define(name);
  EXPECT_TRUE(list(store(), "", 2).value().more);
  EXPECT_FALSE(list(store(), "", 3).value().more);
  EXPECT_FALSE(list(store(), "", 1000).value().more);
  EXPECT_EQ(list(store(), "b", 2).value().counters.size(), 1u);
  EXPECT_TRUE(list(store(), "c", 2).value().counters.empty());
  EXPECT_EQ(list(store(), "aa", 1).value().counters.front().name, "b");
}

TEST_P(StoreTraffic, ListsValuesFromTheFirstUseOn) {
  const Definition definition{100, 10, 5000, 3, "by tens", 2};
  define("tens", definition);
  CounterInfo info = list(store(), "", 1).value().counters.front();
  EXPECT_EQ(info.definition, definition);
  EXPECT_FALSE(info.value);
  Reserve op = reserve("tens", kAda, now(), 0, 10);
  op.revision = 2;
  committed(run(store(), op));
  EXPECT_EQ(list(store(), "", 1).value().counters.front().value, 100u);
}

TEST_P(StoreTraffic, TakesManyCountersAtOnce) {
  std::vector<Op> defines;
  std::vector<Op> reserves;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "c" + std::to_string(i);
    defines.emplace_back(Define{name, kAda, Definition{}});
    reserves.emplace_back(reserve(name, kAda, now(), 0, static_cast<std::uint64_t>(i) + 1));
  }
  for (const Outcome& outcome : run_all(store(), defines)) found(outcome);
  const std::vector<Outcome> outcomes = run_all(store(), reserves);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(committed(outcomes[static_cast<std::size_t>(i)]), i + 1);
}

TEST_P(StoreTraffic, TakesTheSameCounterTwiceInOneSubmit) {
  define("orders");
  const Reserve twice = reserve("orders", kAda, now(), 0, 2);
  const auto outcomes =
      run_all(store(), {twice, reserve("orders", kBob, now(), 0, 3), twice, Load{"none", kAda}});
  const auto is_applied = [](const Outcome& outcome) {
    return std::holds_alternative<contract::Committed>(outcome);
  };
  EXPECT_NE(is_applied(outcomes[0]), is_applied(outcomes[2])) << "an op and its copy";
  committed(outcomes[1]);
  EXPECT_TRUE(std::holds_alternative<Missing>(outcomes[3]));
  EXPECT_EQ(load("orders").value, 5);
}

TEST_P(StoreTraffic, AcceptsAnEmptySubmit) {
  store().submit({});
  define("orders");
  EXPECT_EQ(load("orders").value, 0);
}

TEST_P(StoreTraffic, LosesAndRepeatsNothingUnderThreads) {
  constexpr int kThreads = 8;
  constexpr int kOps = 100;
  define("orders");
  std::vector<std::vector<std::int64_t>> ends(kThreads);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const WriterId writer = kBob + static_cast<WriterId>(thread);
      for (std::uint64_t i = 1; i <= kOps; ++i) {
        const contract::Seq prev = i == 1 ? 0 : now() + i - 1;
        ends[static_cast<std::size_t>(thread)].push_back(
            committed(run(store(), reserve("orders", writer, now() + i, prev))));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::int64_t> distinct;
  for (const auto& of_thread : ends) distinct.insert(of_thread.begin(), of_thread.end());
  EXPECT_EQ(distinct.size(), std::size_t{kThreads * kOps});
  EXPECT_EQ(*distinct.rbegin(), kThreads * kOps);
  EXPECT_EQ(load("orders").value, kThreads * kOps);
}

TEST_P(StoreTraffic, TakesASubmitFromAnAnswer) {
  define("orders");
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::int64_t> ends;
  std::function<void(Outcome)> next = [&](Outcome outcome) {
    std::unique_lock lock(mutex);
    ends.push_back(committed(outcome));
    const contract::Seq seq = now() + ends.size();
    if (ends.size() == 50) return changed.notify_all();
    lock.unlock();
    store().submit({{reserve("orders", kAda, seq, seq - 1), next}});
  };
  store().submit({{reserve("orders", kAda, now(), 0), next}});
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return ends.size() == 50; });
  for (std::size_t i = 0; i < ends.size(); ++i)
    EXPECT_EQ(ends[i], static_cast<std::int64_t>(i) + 1);
}

class DurableStore : public StoreTest {};

INSTANTIATE_TEST_SUITE_P(Stores, DurableStore, testing::ValuesIn(durable_store_rows()), row_name);

TEST_P(DurableStore, KeepsItsCountersWhenItIsOpenedAgain) {
  const Definition definition{10, 5, 1000, 2, "kept", 6};
  define("orders", definition);
  Reserve op = reserve("orders", kBob, now(), 0, 5);
  op.revision = 6;
  committed(run(store(), op));
  committed(run(store(), Release{"orders", kBob, now() + 1, now()}));
  op.seq = now() + 2;
  committed(run(store(), op));
  const std::string before = describe(run(store(), Load{"orders", kBob}));
  reopen();
  EXPECT_EQ(describe(run(store(), Load{"orders", kBob})), before);
  EXPECT_EQ(refused(run(store(), op)).slot, (Slot{now() + 2, 15}));
}

}  // namespace
}  // namespace nextid::test
