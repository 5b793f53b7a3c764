// Store::delete_counter(): no more ids, and none twice when the counter is back.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "contract/tombstone.h"
#include "scratch_dir.h"

namespace nextid {
namespace {

using testing::ScratchDir;

class StoreDeletionTest : public ::testing::TestWithParam<std::string> {
 protected:
  StoreDeletionTest() : store_(open()) {}

  Store open(const StoreOptions& options = {}) {
    return open_store(GetParam() == "memory" ? "memory:" : dir_.sqlite_url(), options).value();
  }
  Result<std::uint64_t> next() { return IdGenerator(store_, "c").next_id(); }
  ErrorCode error_of_next() {
    const auto id = next();
    EXPECT_FALSE(id);
    return id ? ErrorCode::kInvalid : id.error().code();
  }

  ScratchDir dir_;
  Store store_;
};

TEST_P(StoreDeletionTest, EndsTheCounter) {
  for (std::uint64_t id = 1; id <= 5; ++id) ASSERT_EQ(next().value(), id);
  const CounterInfo deleted = store_.delete_counter("c").value();
  EXPECT_TRUE(deleted.deleted);
  EXPECT_EQ(deleted.name, "c");
  EXPECT_EQ(deleted.value, 5U);
  EXPECT_EQ(error_of_next(), ErrorCode::kDeleted) << "and no first use makes it";
  EXPECT_EQ(store_.advance("c", 100).error().code(), ErrorCode::kDeleted);
  const Error shown = store_.counter("c").error();
  EXPECT_EQ(shown.code(), ErrorCode::kDeleted);
  EXPECT_STREQ(shown.what(),
               "counter 'c' was deleted at 5; `nextid define c` brings it back where it was.");
  EXPECT_TRUE(store_.counters()->counters.empty());
  ASSERT_EQ(store_.deleted_counters()->counters.size(), 1U);
  EXPECT_EQ(store_.deleted_counters()->counters[0].value, 5U);
}

TEST_P(StoreDeletionTest, MayBeRepeated) {
  EXPECT_EQ(store_.delete_counter("c").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(store_.delete_counter("no name").error().code(), ErrorCode::kInvalid);
  next().value();
  EXPECT_EQ(store_.delete_counter("c")->definition.revision, 2U);
  EXPECT_EQ(store_.delete_counter("c")->definition.revision, 2U);
}

TEST_P(StoreDeletionTest, ComesBackWhereItWas) {
  store_.define("c", {.start = 10, .increment = 5, .max = 200, .comment = "fives"}).value();
  EXPECT_EQ(next().value(), 10U);
  EXPECT_EQ(next().value(), 15U);
  store_.delete_counter("c").value();
  EXPECT_EQ(store_.define("c", {.start = 1}).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(store_.define("c", {.max = 14}).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(store_.define("c", {.revision = 1}).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(error_of_next(), ErrorCode::kDeleted);
  const DefinedCounter back = store_.define("c", {.max = 300}).value();
  EXPECT_TRUE(back.created);
  EXPECT_FALSE(back.counter.deleted);
  EXPECT_EQ(back.counter.value, 15U);
  EXPECT_EQ(back.counter.definition, (Definition{10, 5, 300, 1, "fives", 3}));
  EXPECT_EQ(next().value(), 20U);
  EXPECT_TRUE(store_.deleted_counters()->counters.empty());
}

/// As `nextid copy` leaves it: another store gives its ids now.
TEST_P(StoreDeletionTest, WhatHasMovedComesBackOnlyForWhoHasReadThat) {
  store_.define("c", {.comment = std::string(contract::kMovedComment)}).value();
  EXPECT_EQ(next().value(), 1U);
  EXPECT_EQ(store_.define("c", {.max = 900}).value().counter.definition.revision, 2U)
      << "while it is in use the comment is a comment";
  store_.delete_counter("c").value();
  const Error refused = next().error();
  EXPECT_EQ(refused.code(), ErrorCode::kDeleted);
  EXPECT_NE(std::string(refused.what()).find("`nextid copy` moved it"), std::string::npos);
  EXPECT_NE(std::string(refused.what()).find("--revision 3`"), std::string::npos);
  EXPECT_STREQ(store_.define("c", {}).error().what(), refused.what());
  EXPECT_EQ(store_.define("c", {.max = 1000, .comment = "x"}).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(store_.define("c", {.revision = 2}).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(error_of_next(), ErrorCode::kDeleted);
  const DefinedCounter back = store_.define("c", {.revision = 3}).value();
  EXPECT_TRUE(back.created);
  EXPECT_EQ(back.counter.definition.comment, "");
  EXPECT_EQ(next().value(), 2U);
}

TEST_P(StoreDeletionTest, IsConditional) {
  next().value();
  const auto is_at = [](std::uint64_t revision) {
    return
        [revision](const Definition* now) { return now != nullptr && now->revision == revision; };
  };
  EXPECT_EQ(store_.delete_counter("c", is_at(7)).error().code(), ErrorCode::kPrecondition);
  EXPECT_TRUE(next());
  EXPECT_TRUE(store_.delete_counter("c", is_at(1)));
  EXPECT_EQ(store_.delete_counter("c", is_at(1)).error().code(), ErrorCode::kPrecondition);
  const auto is_missing = [](const Definition* now) { return now == nullptr; };
  EXPECT_TRUE(store_.define("c", {}, is_missing)->created);
  EXPECT_EQ(store_.define("c", {}, is_missing).error().code(), ErrorCode::kPrecondition);
}

TEST_P(StoreDeletionTest, ThisNodeGivesNoMoreOfItsStock) {
  store_.define("c", {.cache = 1'000}).value();
  for (int i = 0; i < 100; ++i) next().value();
  store_.delete_counter("c").value();
  EXPECT_EQ(error_of_next(), ErrorCode::kDeleted);
  const std::uint64_t value = *store_.deleted_counters()->counters.at(0).value;
  store_.define("c", {}).value();
  EXPECT_EQ(next().value(), value + 1);
  ASSERT_TRUE(store_.close(std::chrono::seconds(5)));
  const Accounting accounting = store_.accounting();
  EXPECT_EQ(accounting.returned, 101U);
}

TEST_P(StoreDeletionTest, AKeyStillStandsForItsIds) {
  const IdGenerator ids(store_, "c");
  const IdRange kept = ids.next_range(3, "invoice-17").value();
  store_.delete_counter("c").value();
  EXPECT_EQ(ids.next_range(3, "invoice-17").value().start(), kept.start());
  EXPECT_EQ(ids.next_range(3, "invoice-18").error().code(), ErrorCode::kDeleted);
}

TEST_P(StoreDeletionTest, NoIdComesTwiceWhateverIsDeletedAndBroughtBackUnderLoad) {
  store_.define("c", {.cache = 8}).value();
  std::atomic<bool> over{false};
  std::vector<std::vector<std::uint64_t>> got(3);
  std::vector<std::thread> threads;
  for (auto& mine : got) {
    threads.emplace_back([&] {
      while (!over) {
        const auto id = next();
        if (id) {
          mine.push_back(*id);
        } else {
          EXPECT_EQ(id.error().code(), ErrorCode::kDeleted) << id.error().what();
        }
      }
    });
  }
  std::uint64_t highest = 0;
  for (int i = 0; i < 30; ++i) {
    highest = std::max(highest, store_.delete_counter("c")->value.value_or(0));
    EXPECT_GE(store_.define("c", {})->counter.value.value_or(0), highest);
  }
  // Enough for each thread to have met the last of them.
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(next());
  over = true;
  for (std::thread& thread : threads) thread.join();
  std::vector<std::uint64_t> all;
  for (const auto& mine : got) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(all.end(), mine.begin(), mine.end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  const std::uint64_t value = *store_.counter("c")->value;
  ASSERT_TRUE(store_.close(std::chrono::seconds(5)));
  const Accounting accounting = store_.accounting();
  EXPECT_GE(value, accounting.returned);
  EXPECT_EQ(accounting.returned, all.size() + 100);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreDeletionTest, ::testing::Values("memory", "sqlite"),
                         [](const auto& store) { return store.param; });

/// Two processes, one file: the other one learns of it when it next asks the store.
TEST(DeletionAcrossNodesTest, AnotherNodeGivesItsCachedIdsAndThenNoMore) {
  const ScratchDir dir;
  const Store store = open_store(dir.sqlite_url()).value();
  const Store other = open_store(dir.sqlite_url()).value();
  store.define("c", {.cache = 50}).value();
  const IdGenerator ids(other, "c");
  ids.next_range(20).value();
  store.delete_counter("c").value();
  std::uint64_t last = 0;
  Result<std::uint64_t> id = ids.next_id();
  for (int i = 0; i < 60 && id; ++i, id = ids.next_id()) last = *id;
  EXPECT_EQ(id.error().code(), ErrorCode::kDeleted);
  store.define("c", {}).value();
  EXPECT_GT(ids.next_id().value(), last);
}

TEST(DeletionAcrossNodesTest, AnIdleCounterIsForgottenByItsNode) {
  StoreOptions options;
  options.idle_counter_timeout = std::chrono::milliseconds(1);
  const Store store = open_store("memory:", options).value();
  IdGenerator(store, "c").next_id().value();
  store.delete_counter("c").value();
  EXPECT_EQ(IdGenerator(store, "c").next_id().error().code(), ErrorCode::kDeleted);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (store.activity(1).counters_in_use > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(store.activity(1).counters_in_use, 0U);
}

}  // namespace
}  // namespace nextid
