// Requests with idempotency keys, through the library.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "answers.h"
#include "scratch_dir.h"

namespace nextid {
namespace {

using std::chrono::seconds;
using testing::Answers;
using testing::in;
using testing::ScratchDir;

class IdempotencyTest : public ::testing::TestWithParam<std::string> {
 protected:
  IdempotencyTest() : store_(open()), ids_(store_, "c") {}

  Store open(const StoreOptions& options = {}) {
    return open_store(GetParam() == "memory" ? "memory:" : dir_.sqlite_url(), options).value();
  }

  ScratchDir dir_;
  Store store_;
  IdGenerator ids_;
};

TEST_P(IdempotencyTest, TheSameKeyGivesTheSameIds) {
  const IdRange first = ids_.next_range(10, "order-1").value();
  EXPECT_EQ(ids_.next_range(10, "order-1").value(), first);
  EXPECT_EQ(ids_.next_id("order-2").value(), 11U);
  EXPECT_EQ(ids_.next_id("order-2").value(), 11U);
  EXPECT_EQ(ids_.next_id().value(), 12U);
  EXPECT_EQ(ids_.accounting().returned, 12U) << "replays are not counted again";
}

TEST_P(IdempotencyTest, AnotherCountIsAConflictAndBurnsNothing) {
  ids_.next_range(10, "key").value();
  EXPECT_EQ(ids_.next_range(9, "key").error().code(), ErrorCode::kConflict);
  EXPECT_EQ(ids_.next_id("key").error().code(), ErrorCode::kConflict);
  EXPECT_EQ(ids_.next_id().value(), 11U);
}

TEST_P(IdempotencyTest, KeysAreTheirCountersOwn) {
  EXPECT_EQ(ids_.next_id("key").value(), 1U);
  EXPECT_EQ(IdGenerator(store_, "d").next_range(5, "key").value(), IdRange(1, 5, 1));
}

TEST_P(IdempotencyTest, RefusesWhatIsNoKey) {
  EXPECT_EQ(ids_.next_id("").error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(ids_.next_id("a\nb").error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(ids_.next_id(std::string(256, 'x')).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(ids_.next_id(std::string(255, 'x')).value(), 1U);
  EXPECT_EQ(ids_.next_range(0, "zero").error().code(), ErrorCode::kInvalid);
}

TEST_P(IdempotencyTest, ARefusedRequestLeavesItsKeyFree) {
  store_.define("c", {.max = 5}).value();
  EXPECT_EQ(ids_.next_range(6, "key").error().code(), ErrorCode::kExhausted);
  EXPECT_EQ(ids_.next_range(5, "key").value(), IdRange(1, 5, 1));
}

TEST_P(IdempotencyTest, EqualKeysOnOneNodeJoin) {
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<std::uint64_t> got;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      for (int key = 0; key < 20; ++key) {
        const std::uint64_t id = ids_.next_id("key-" + std::to_string(key)).value();
        const std::lock_guard lock(mutex);
        got.insert(id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(got.size(), 20U);
  EXPECT_EQ(*got.rbegin(), 20U) << "nobody reserved an id in vain";
  EXPECT_EQ(store_.accounting().burned_total(), 0U);
}

TEST_P(IdempotencyTest, ACancelledRequestKeepsItsIdsForItsKey) {
  Answers answers;
  const RequestId request = ids_.async_next_range(3, in(seconds(5)), answers, 7, "key");
  const bool withdrawn = ids_.cancel(request);
  EXPECT_EQ(ids_.next_range(3, "key").value(), IdRange(1, 3, 1));
  if (withdrawn) {
    EXPECT_EQ(answers.size(), 0U);
  }
  EXPECT_EQ(ids_.accounting().burned_total(), 0U);
}

TEST_P(IdempotencyTest, ABatchMixesRequestsWithKeysAndWithout) {
  Answers answers;
  Batch batch(store_);
  batch.add(ids_, 1, in(seconds(5)), answers, 1);
  batch.add(ids_, 2, in(seconds(5)), answers, 2, "key");
  batch.add(ids_, 2, in(seconds(5)), answers, 3, "key");
  batch.add(ids_, 3, in(seconds(5)), answers, 4, "key");
  const RequestId gone = batch.add(ids_, 1, in(seconds(5)), answers, 5, "other");
  EXPECT_TRUE(ids_.cancel(gone));
  EXPECT_EQ(answers.size(), 0U);
  batch.submit();
  ASSERT_TRUE(answers.wait_for(4));
  EXPECT_EQ(answers.at(1)->count(), 1U);
  EXPECT_EQ(answers.at(2).value(), answers.at(3).value());
  EXPECT_EQ(answers.at(4).error().code(), ErrorCode::kConflict);
}

TEST_P(IdempotencyTest, AKeyIsFreeAgainWhenItsTimeIsOver) {
  StoreOptions options;
  options.idempotency_retention = seconds(1);
  Store store = open(options);
  const IdGenerator ids(store, "short");
  ASSERT_EQ(ids.next_id("key").value(), 1U);
  const auto deadline = std::chrono::steady_clock::now() + seconds(10);
  std::uint64_t id = 1;
  while (id == 1 && std::chrono::steady_clock::now() < deadline) id = ids.next_id("key").value();
  EXPECT_EQ(id, 2U);
}

TEST(IdempotencyAcrossNodesTest, ANodeFindsWhatAnotherRemembered) {
  const ScratchDir dir;
  IdRange first;
  {
    Store store = open_store(dir.sqlite_url()).value();
    first = IdGenerator(store, "c").next_range(4, "key").value();
  }
  Store store = open_store(dir.sqlite_url()).value();
  EXPECT_EQ(IdGenerator(store, "c").next_range(4, "key").value(), first);
  EXPECT_EQ(IdGenerator(store, "c").next_id().value(), 5U);
}

TEST(IdempotencyAcrossNodesTest, NodesThatRaceForAKeyAgreeAndAccount) {
  constexpr int kKeys = 150;
  const ScratchDir dir;
  std::vector<Store> stores;
  for (int i = 0; i < 3; ++i) stores.push_back(open_store(dir.sqlite_url()).value());
  std::vector<std::vector<std::uint64_t>> got(6);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < got.size(); ++i) {
    threads.emplace_back([&, i] {
      const IdGenerator ids(stores[i % 3], "c");
      for (int key = 0; key < kKeys; ++key) {
        got[i].push_back(ids.next_range(2, "key-" + std::to_string(key)).value().start());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& each : got) EXPECT_EQ(each, got[0]);
  EXPECT_EQ(std::set<std::uint64_t>(got[0].begin(), got[0].end()).size(), kKeys);
  Accounting accounting;
  for (Store& store : stores) {
    ASSERT_TRUE(store.close(seconds(5)));
    accounting += store.accounting();
  }
  EXPECT_EQ(accounting.returned, 2U * kKeys);
  EXPECT_EQ(accounting.burned_total(), accounting.burned_by(BurnReason::kIdempotency));
  Store reader = open_store(dir.sqlite_url()).value();
  EXPECT_EQ(accounting.returned + accounting.burned_total(), *reader.counter("c")->value);
}

INSTANTIATE_TEST_SUITE_P(Stores, IdempotencyTest, ::testing::Values("memory", "sqlite"),
                         [](const auto& store) { return store.param; });

}  // namespace
}  // namespace nextid
