// The library as an embedding program uses it, on real stores.
#include "nextid/id_generator.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
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

using std::chrono::milliseconds;
using std::chrono::seconds;

class IdGeneratorTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::string url() const { return GetParam() == "memory" ? "memory:" : dir_.sqlite_url(); }
  Store open(StoreOptions options = {}) const { return open_store(url(), options).value(); }

  testing::ScratchDir dir_;
};

TEST_P(IdGeneratorTest, CountsFromOneWithoutGaps) {
  auto store = open_store(url());
  IdGenerator orders(store, "orders");
  EXPECT_EQ(orders.next_id().value(), 1U);
  const IdRange ten = orders.next_range(10).value();
  EXPECT_EQ(ten.start(), 2U);
  EXPECT_EQ(ten.end(), 11U);
  EXPECT_EQ(ten.count(), 10U);
  EXPECT_EQ(orders.next_id().value(), 12U);
}

TEST_P(IdGeneratorTest, GeneratorsOfOneCounterShareItAndOthersDoNot) {
  const Store store = open();
  const IdGenerator a(store, "a");
  const IdGenerator also_a(store, "a");
  const IdGenerator b(store, "b");
  EXPECT_EQ(a.next_id().value(), 1U);
  EXPECT_EQ(also_a.next_id().value(), 2U);
  EXPECT_EQ(b.next_id().value(), 1U);
}

TEST_P(IdGeneratorTest, OutlivesTheStoreHandle) {
  const IdGenerator ids(open_store(url()));
  EXPECT_EQ(ids.next_id().value(), 1U);
}

TEST_P(IdGeneratorTest, ErrorsAreValues) {
  const IdGenerator no_store(open_store("nosuch:thing"));
  EXPECT_EQ(no_store.next_id().error().code(), ErrorCode::kInvalid);
  EXPECT_THROW(no_store.next_id().value(), Error);

  const Store store = open({.max_range = 100});
  const IdGenerator bad_name(store, "no spaces");
  EXPECT_EQ(bad_name.next_id().error().code(), ErrorCode::kInvalid);

  const IdGenerator ids(store);
  EXPECT_EQ(ids.next_range(0).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(ids.next_range(101).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(ids.next_range(100).value().end(), 100U) << "bad counts burn nothing";
}

TEST_P(IdGeneratorTest, ThreadsGetDistinctOrderedIdsWithoutGaps) {
  constexpr int kThreads = 8;
  constexpr std::uint64_t kPerThread = 200;
  const Store store = open();
  std::vector<std::vector<std::uint64_t>> seen(kThreads);
  std::vector<std::thread> threads;
  for (auto& mine : seen) {
    threads.emplace_back([&store, &mine] {
      const IdGenerator ids(store);
      for (std::uint64_t i = 0; i < kPerThread; ++i) mine.push_back(ids.next_id().value());
    });
  }
  for (auto& thread : threads) thread.join();
  std::vector<std::uint64_t> all;
  for (const auto& mine : seen) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end())) << "I3 within a thread";
    all.insert(all.end(), mine.begin(), mine.end());
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), kThreads * kPerThread);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], i + 1);
  EXPECT_EQ(store.accounting().returned, all.size());
  EXPECT_LE(store.accounting().reservations, all.size());
}

TEST_P(IdGeneratorTest, ABatchSharesOneReservationACounter) {
  const Store store = open();
  const IdGenerator a(store, "a");
  const IdGenerator b(store, "b");
  Batch batch(store);
  Answers answers;
  for (std::uint64_t tag = 0; tag < 50; ++tag) {
    batch.add(tag % 2 == 0 ? a : b, 1 + tag % 3, in(seconds(5)), answers, tag);
  }
  EXPECT_EQ(answers.size(), 0U) << "nothing is sent before submit()";
  batch.submit();
  ASSERT_TRUE(answers.wait_for(50));
  EXPECT_EQ(answers.at(0)->start(), 1U);
  EXPECT_EQ(answers.at(1)->start(), 1U);
  EXPECT_EQ(answers.at(4)->start(), 1U + 1U + 3U) << "in the order of add()";
  EXPECT_EQ(store.accounting().reservations, 2U);
}

TEST_P(IdGeneratorTest, ABatchAnswersBadRequestsAtSubmit) {
  const Store store = open();
  const IdGenerator bad(store, "?");
  const IdGenerator good(store);
  Batch batch(store);
  Answers answers;
  batch.add(bad, 1, in(seconds(5)), answers, 1);
  batch.add(good, 0, in(seconds(5)), answers, 2);
  batch.submit();
  ASSERT_TRUE(answers.wait_for(2));
  EXPECT_EQ(answers.at(1).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(answers.at(2).error().code(), ErrorCode::kInvalid);
}

TEST_P(IdGeneratorTest, CancelledRequestsAreNotAnswered) {
  const Store store = open();
  const IdGenerator ids(store);
  Batch batch(store);
  Answers answers;
  batch.add(ids, 1, in(seconds(5)), answers, 1);
  const RequestId second = batch.add(ids, 1, in(seconds(5)), answers, 2);
  batch.add(ids, 1, in(seconds(5)), answers, 3);
  EXPECT_TRUE(ids.cancel(second));
  EXPECT_FALSE(ids.cancel(second));
  batch.submit();
  ASSERT_TRUE(answers.wait_for(2));
  EXPECT_EQ(answers.at(1)->start(), 1U);
  EXPECT_EQ(answers.at(3)->start(), 2U) << "cancelled before its op: nothing is burned";
  EXPECT_EQ(answers.size(), 2U);
}

TEST_P(IdGeneratorTest, UndeliveredIdsAreBurned) {
  const Store store = open();
  const IdGenerator ids(store);
  ASSERT_TRUE(ids.next_range(5).has_value());
  ids.count_undelivered(5);
  EXPECT_EQ(store.accounting().returned, 0U);
  EXPECT_EQ(store.accounting().burned_by(BurnReason::kDisconnect), 5U);
}

TEST_P(IdGeneratorTest, TheBoundOnCountersRefusesNewNamesUntilIdleOnesAreForgotten) {
  const Store store = open({.max_counters = 2, .idle_counter_timeout = milliseconds(20)});
  EXPECT_EQ(IdGenerator(store, "a").next_id().value(), 1U);
  const IdGenerator held(store, "b");
  EXPECT_EQ(held.next_id().value(), 1U);
  const auto deadline = in(seconds(20));
  Result<std::uint64_t> id = Error();
  do {
    id = IdGenerator(store, "c").next_id();
    EXPECT_TRUE(id || id.error().code() == ErrorCode::kOverloaded);
  } while (!id && IdGenerator::Clock::now() < deadline);
  EXPECT_EQ(id.value(), 1U);
  EXPECT_EQ(held.next_id().value(), 2U);
  EXPECT_EQ(store.accounting().returned, 4U) << "a forgotten counter still counts";
}

TEST_P(IdGeneratorTest, AForgottenCounterGoesOnWhereItWas) {
  const Store store = open({.max_counters = 1, .idle_counter_timeout = milliseconds(10)});
  EXPECT_EQ(IdGenerator(store, "a").next_id().value(), 1U);
  const auto deadline = in(seconds(20));
  while (!IdGenerator(store, "b").next_id() && IdGenerator::Clock::now() < deadline) {
  }
  Result<std::uint64_t> id = Error();
  do {
    id = IdGenerator(store, "a").next_id();
  } while (!id && IdGenerator::Clock::now() < deadline);
  EXPECT_EQ(id.value(), 2U);
}

TEST_P(IdGeneratorTest, ShowsCounters) {
  const Store store = open();
  for (const char* name : {"c", "a", "b"}) {
    ASSERT_TRUE(IdGenerator(store, name).next_range(7).has_value());
  }
  EXPECT_EQ(store.counter("b").value().value, 7U);
  EXPECT_EQ(store.counter("b").value().definition, Definition{});
  EXPECT_EQ(store.counter("none").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(store.counter("b a d").error().code(), ErrorCode::kInvalid);
  const CounterPage page = store.counters("", 2).value();
  ASSERT_EQ(page.counters.size(), 2U);
  EXPECT_EQ(page.counters[0].name, "a");
  EXPECT_TRUE(page.more);
  EXPECT_EQ(store.counters("b").value().counters.at(0).name, "c");
  EXPECT_EQ(store.counters("", 0).error().code(), ErrorCode::kInvalid);
}

TEST_P(IdGeneratorTest, CloseRefusesWhatComesAfter) {
  Store store = open();
  const IdGenerator ids(store);
  EXPECT_EQ(ids.next_id().value(), 1U);
  EXPECT_TRUE(store.close(seconds(5)));
  EXPECT_EQ(ids.next_id().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(IdGenerator(store, "new").next_id().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(store.counters().error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(store.accounting().returned, 1U);
}

INSTANTIATE_TEST_SUITE_P(Stores, IdGeneratorTest, ::testing::Values("memory", "sqlite"),
                         [](const auto& store) { return store.param; });

TEST(SqliteIdGeneratorTest, GoesOnAfterReopening) {
  const testing::ScratchDir dir;
  EXPECT_EQ(IdGenerator(open_store(dir.sqlite_url())).next_range(3)->end(), 3U);
  EXPECT_EQ(IdGenerator(open_store(dir.sqlite_url())).next_id().value(), 4U);
}

TEST(SqliteIdGeneratorTest, TwoOpenedStoresShareAFile) {
  const testing::ScratchDir dir;
  const IdGenerator one(open_store(dir.sqlite_url()));
  const IdGenerator two(open_store(dir.sqlite_url()));
  for (std::uint64_t id = 1; id < 40; id += 2) {
    ASSERT_EQ(one.next_id().value(), id);
    ASSERT_EQ(two.next_id().value(), id + 1);
  }
}

TEST(SqliteIdGeneratorTest, AForeignFileIsRefusedAndLeftAlone) {
  const testing::ScratchDir dir;
  const auto file = dir.path() / "ids.db";
  std::ofstream(file) << "these are not ids";
  const auto store = open_store(dir.sqlite_url());
  ASSERT_FALSE(store.has_value());
  EXPECT_EQ(store.error().code(), ErrorCode::kCorrupt);
  EXPECT_NE(std::string(store.error().what()).find(file.string()), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(file), 17U);
}

TEST(StoreOptionsTest, BoundsThatContradictAreRefused) {
  EXPECT_FALSE(open_store("memory:", {.max_range = 0}).has_value());
  EXPECT_FALSE(open_store("memory:", {.max_range = 10, .max_reservation = 9}).has_value());
  EXPECT_FALSE(open_store("memory:", {.max_waiting_requests = 0}).has_value());
  EXPECT_FALSE(open_store("memory:", {.max_counters = 0}).has_value());
}

}  // namespace
}  // namespace nextid
