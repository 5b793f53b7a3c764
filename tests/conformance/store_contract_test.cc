// What the engine relies on, one store after the other. The ids below are small; the seqs are close
// to the clock, as the engine's are.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_harness.h"
#include "conformance/store_rows.h"

namespace nextid::test {
namespace {

using contract::Define;
using contract::Load;
using contract::Missing;
using contract::NotApplied;
using contract::Op;
using contract::Outcome;
using contract::Release;
using contract::Reserve;
using contract::Slot;
using contract::WriterId;

constexpr WriterId kAda = 0xada;
/// Its bits are a negative number where a store has signed integers only.
constexpr WriterId kBob = 0xb0b0'0000'0000'0b0b;
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

class StoreContract : public testing::TestWithParam<StoreRow> {
 protected:
  StoreContract() { reopen(); }

  void reopen() {
    store_.reset();
    store_ = GetParam().open(directory_, clock_);
  }
  contract::StoreDriver& store() { return *store_; }
  contract::Seq now() const { return clock_.now_us(); }
  void define(const std::string& counter, const Definition& definition = {}) {
    EXPECT_EQ(found(run(store(), Define{counter, kAda, definition})).definition, definition);
  }
  contract::CounterState load(const std::string& counter, WriterId writer = kAda) {
    return found(run(store(), Load{counter, writer}));
  }

  TempDir directory_;
  TurnedClock clock_;
  std::shared_ptr<contract::StoreDriver> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, testing::ValuesIn(store_rows()),
                         [](const auto& row) { return row.param.name; });

TEST_P(StoreContract, KnowsNoCounterThatWasNotDefined) {
  const contract::Seq seq = now();
  for (const Op& op : std::vector<Op>{Load{"none", kAda}, reserve("none", kAda, seq, 0),
                                      Release{"none", kAda, seq, 0}}) {
    EXPECT_TRUE(std::holds_alternative<Missing>(run(store(), op))) << describe(op);
  }
  EXPECT_TRUE(list(store(), "", 10).value().counters.empty());
}

TEST_P(StoreContract, ShowsADefinitionAsItWasGiven) {
  const Definition definition{100, 7, 5000, 20, "it's 100% \"new\"; \xc3\xa9", 3};
  define("orders", definition);
  const contract::CounterState state = load("orders");
  EXPECT_EQ(state.definition, definition);
  EXPECT_EQ(state.value, 93);
  EXPECT_EQ(state.floor, 0u);
  EXPECT_FALSE(state.slot);
}

TEST_P(StoreContract, KeepsTheFirstOfTwoDefinitions) {
  const Definition first{1, 1, kMaxId, 1, "first", 1};
  define("orders", first);
  committed(run(store(), reserve("orders", kAda, now(), 0, 5)));
  const Definition second{50, 1, kMaxId, 1, "second", 1};
  const auto state = found(run(store(), Define{"orders", kAda, second}));
  EXPECT_EQ(state.definition, first);
  EXPECT_EQ(state.value, 5);
  EXPECT_EQ(state.slot, (Slot{now(), 5}));
}

TEST_P(StoreContract, StoresTheLargestNumbers) {
  const Definition definition{kMaxId, kMaxId, kMaxId, kMaxId, "", kMaxId};
  define("large", definition);
  EXPECT_EQ(load("large").value, 0);
  const Definition low{1, kMaxId, kMaxId, 1, "", 1};
  define("low", low);
  EXPECT_EQ(load("low").value, 1 - kMax);
}

TEST_P(StoreContract, ReservesInTheOrderOfTheWritersOps) {
  define("orders");
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now(), 0, 3))), 3);
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now() + 1, now(), 4))), 7);
  const contract::CounterState state = load("orders");
  EXPECT_EQ(state.value, 7);
  EXPECT_EQ(state.slot, (Slot{now() + 1, 7}));
}

TEST_P(StoreContract, GivesEachWriterASlotOfItsOwn) {
  define("orders");
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now(), 0))), 1);
  EXPECT_EQ(committed(run(store(), reserve("orders", kBob, now() + 5, 0))), 2);
  EXPECT_EQ(load("orders", kAda).slot, (Slot{now(), 1}));
  EXPECT_EQ(load("orders", kBob).slot, (Slot{now() + 5, 2}));
  EXPECT_FALSE(load("orders", 77).slot);
}

TEST_P(StoreContract, KeepsCountersApart) {
  define("a");
  define("b");
  EXPECT_EQ(committed(run(store(), reserve("a", kAda, now(), 0, 10))), 10);
  EXPECT_FALSE(load("b").slot);
  EXPECT_EQ(committed(run(store(), reserve("b", kAda, now(), 0, 2))), 2);
}

TEST_P(StoreContract, AnswersARepeatWithTheEndOfTheFirst) {
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

TEST_P(StoreContract, IgnoresALateCopyOfAnEarlierOp) {
  define("orders");
  const Reserve first = reserve("orders", kAda, now(), 0, 3);
  const Reserve second = reserve("orders", kAda, now() + 1, now(), 3);
  committed(run(store(), first));
  committed(run(store(), second));
  EXPECT_EQ(refused(run(store(), first)).slot, (Slot{second.seq, 6}));
  EXPECT_EQ(load("orders").value, 6);
}

TEST_P(StoreContract, RefusesAnOpThatDoesNotFollowTheSlot) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, now(), 0)));
  for (const contract::Seq prev : {contract::Seq{0}, now() - 1, now() + 1, now() + 2}) {
    const auto state = refused(run(store(), reserve("orders", kAda, now() + 2, prev)));
    EXPECT_EQ(state.slot, (Slot{now(), 1})) << prev;
  }
  EXPECT_EQ(load("orders").value, 1);
}

TEST_P(StoreContract, RefusesWhatTheFloorCovers) {
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

TEST_P(StoreContract, RefusesAnotherRevision) {
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

TEST_P(StoreContract, HonoursTheLimit) {
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

TEST_P(StoreContract, EndsAtMaxWithStepsThatDoNotDivideIt) {
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

TEST_P(StoreContract, NeverPassesTheLargestId) {
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

TEST_P(StoreContract, TakesAStepFromBelowZero) {
  define("wide", Definition{1, kMaxId, kMaxId, 1, "", 1});
  Reserve op = reserve("wide", kAda, now(), 0, kMaxId);
  op.limit = 0;
  EXPECT_EQ(committed(run(store(), op)), 1);
}

TEST_P(StoreContract, RefusesOpsThatMakeNoSense) {
  define("orders");
  Reserve no_step = reserve("orders", kAda, now(), 0);
  no_step.step = 0;
  const std::vector<Op> ops{
      no_step,
      reserve("orders", 0, now(), 0),
      reserve("orders", kAda, std::uint64_t{1} << 63, 0),
      Release{"orders", 0, now(), 0},
      Define{"new", kAda, Definition{0, 1, kMaxId, 1, "", 1}},
      Define{"new", kAda, Definition{1, kMaxId + 1, kMaxId, 1, "", 1}},
      Define{"new", kAda, Definition{1, 1, kMaxId, 1, "", 0}},
  };
  for (const Op& op : ops) EXPECT_EQ(describe(run(store(), op)), "NotApplied") << describe(op);
  EXPECT_EQ(load("orders").value, 0);
  EXPECT_EQ(describe(run(store(), Load{"new", 0})), "Missing");
}

TEST_P(StoreContract, ReleasesASlotAndRaisesTheFloor) {
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

TEST_P(StoreContract, KeepsTheFloorWhenAReleaseIsBelowIt) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, now(), 0)));
  committed(run(store(), reserve("orders", kBob, now() + 50, 0)));
  committed(run(store(), Release{"orders", kBob, now() + 60, now() + 50}));
  committed(run(store(), Release{"orders", kAda, now() + 1, now()}));
  EXPECT_EQ(load("orders").floor, now() + 60);
}

TEST_P(StoreContract, RaisesTheFloorToTheSlotThatAReleaseRemoves) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, now() + 20, 0)));
  committed(run(store(), Release{"orders", kAda, now(), now() + 20}));
  EXPECT_EQ(load("orders").floor, now() + 20);
}

TEST_P(StoreContract, LetsNoLateCopyLandAfterARelease) {
  define("orders");
  const Reserve first = reserve("orders", kAda, now(), 0);
  const Reserve never_arrived = reserve("orders", kAda, now() + 1, now());
  committed(run(store(), first));
  committed(run(store(), Release{"orders", kAda, now() + 2, now()}));
  EXPECT_EQ(refused(run(store(), first)).value, 1);
  EXPECT_EQ(refused(run(store(), never_arrived)).value, 1);
}

TEST_P(StoreContract, LetsNoLateCopyLandAfterAReleaseThatFoundNoSlot) {
  define("orders");
  const Reserve never_arrived = reserve("orders", kAda, now(), 0);
  EXPECT_EQ(committed(run(store(), Release{"orders", kAda, now() + 1, 0})), 0);
  EXPECT_EQ(refused(run(store(), never_arrived)).value, 0);
}

TEST_P(StoreContract, RefusesAReleaseThatDoesNotFollowTheSlot) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, now(), 0)));
  const auto state = refused(run(store(), Release{"orders", kAda, now() + 2, now() + 1}));
  EXPECT_EQ(state.slot, (Slot{now(), 1}));
  EXPECT_EQ(load("orders").floor, 0u);
}

TEST_P(StoreContract, PrunesOnlySlotsThatWereIdleForTooLong) {
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

TEST_P(StoreContract, PrunesAllIdleSlotsAndRaisesTheFloorToTheNewest) {
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

TEST_P(StoreContract, NeverPrunesTheSlotOfTheAskingWriter) {
  define("orders");
  const contract::Seq old = now();
  committed(run(store(), reserve("orders", kBob, old, 0)));
  clock_.advance(3 * contract::kSlotIdleLimit);
  EXPECT_EQ(load("orders", kBob).slot, (Slot{old, 1}));
  EXPECT_EQ(load("orders", kBob).floor, 0u);
}

TEST_P(StoreContract, PrunesNothingWhenTheClockIsNearItsStart) {
  define("orders");
  committed(run(store(), reserve("orders", kAda, 5, 0)));
  clock_.set_us(10);
  EXPECT_EQ(load("orders", kBob).floor, 0u);
  EXPECT_TRUE(load("orders", kAda).slot);
}

TEST_P(StoreContract, RefusesTheLateOpOfAPrunedWriter) {
  define("orders");
  const contract::Seq old = now();
  committed(run(store(), reserve("orders", kAda, old, 0)));
  clock_.advance(2 * contract::kSlotIdleLimit);
  load("orders", kBob);
  EXPECT_EQ(refused(run(store(), reserve("orders", kAda, old, 0))).value, 1);
  EXPECT_EQ(committed(run(store(), reserve("orders", kAda, now(), old))), 2)
      << "a new seq above the floor";
}

TEST_P(StoreContract, ListsInTheOrderOfBytes) {
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

TEST_P(StoreContract, TellsWhetherMoreFollowAFullPage) {
  for (const char* name : {"a", "b", "c"}) define(name);
  EXPECT_TRUE(list(store(), "", 2).value().more);
  EXPECT_FALSE(list(store(), "", 3).value().more);
  EXPECT_FALSE(list(store(), "", 1000).value().more);
  EXPECT_EQ(list(store(), "b", 2).value().counters.size(), 1u);
  EXPECT_TRUE(list(store(), "c", 2).value().counters.empty());
  EXPECT_EQ(list(store(), "aa", 1).value().counters.front().name, "b");
}

TEST_P(StoreContract, ListsValuesFromTheFirstUseOn) {
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

TEST_P(StoreContract, TakesManyCountersAtOnce) {
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

TEST_P(StoreContract, TakesTheSameCounterTwiceInOneSubmit) {
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

TEST_P(StoreContract, AcceptsAnEmptySubmit) {
  store().submit({});
  define("orders");
  EXPECT_EQ(load("orders").value, 0);
}

TEST_P(StoreContract, LosesAndRepeatsNothingUnderThreads) {
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

TEST_P(StoreContract, TakesASubmitFromAnAnswer) {
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

class DurableStoreContract : public StoreContract {};

INSTANTIATE_TEST_SUITE_P(Stores, DurableStoreContract, testing::ValuesIn(durable_store_rows()),
                         [](const auto& row) { return row.param.name; });

TEST_P(DurableStoreContract, KeepsItsCountersWhenItIsOpenedAgain) {
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
