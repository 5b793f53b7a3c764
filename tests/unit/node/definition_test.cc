// Store::define() and Store::advance(), and what counters make of them.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "scratch_dir.h"

namespace nextid {
namespace {

using testing::ScratchDir;

class DefinitionTest : public ::testing::TestWithParam<std::string> {
 protected:
  DefinitionTest() : store_(open()) {}

  Store open(const StoreOptions& options = {}) {
    return open_store(GetParam() == "memory" ? "memory:" : dir_.sqlite_url(), options).value();
  }
  ErrorCode error_of(const DefinitionChange& change) {
    const auto result = store_.define("c", change);
    EXPECT_FALSE(result);
    return result ? ErrorCode::kInvalid : result.error().code();
  }
  std::uint64_t next() { return IdGenerator(store_, "c").next_id().value(); }

  ScratchDir dir_;
  Store store_;
};

TEST_P(DefinitionTest, MakesACounterByItsDefinition) {
  const auto made = store_.define("c", {.start = 3,
                                        .increment = 10,
                                        .max = 40,
                                        .cache = 5,
                                        .comment = "threes \xC3\xA9",
                                        .revision = {}});
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->created);
  EXPECT_FALSE(made->counter.value);
  const Definition definition = store_.counter("c")->definition;
  EXPECT_EQ(definition.comment, "threes \xC3\xA9");
  EXPECT_EQ(definition.revision, 1U);
  EXPECT_EQ(next(), 3U);
  EXPECT_EQ(next(), 13U);
  const IdRange range = IdGenerator(store_, "c").next_range(2).value();
  EXPECT_EQ(range.start(), 23U);
  EXPECT_EQ(range.end(), 33U);
  EXPECT_EQ(range.increment(), 10U);
  EXPECT_EQ(IdGenerator(store_, "c").next_id().error().code(), ErrorCode::kExhausted);
}

TEST_P(DefinitionTest, ChangesWhatIsGivenAndKeepsTheRest) {
  store_.define("c", {.max = 100, .cache = 7, .comment = "old"}).value();
  const DefinedCounter changed = store_.define("c", {.comment = "new"}).value();
  EXPECT_FALSE(changed.created);
  EXPECT_EQ(changed.counter.definition.max, 100U);
  EXPECT_EQ(changed.counter.definition.cache, 7U);
  EXPECT_EQ(changed.counter.definition.comment, "new");
  EXPECT_EQ(changed.counter.definition.revision, 2U);
  EXPECT_EQ(store_.define("c", {.comment = "new"})->counter.definition.revision, 2U)
      << "nothing changed";
}

TEST_P(DefinitionTest, RefusesWhatContradictsTheCounter) {
  store_.define("c", {.start = 5, .increment = 2, .max = 100}).value();
  EXPECT_EQ(error_of({.start = 6}), ErrorCode::kConflict);
  EXPECT_EQ(error_of({.increment = 3}), ErrorCode::kConflict);
  EXPECT_EQ(error_of({.max = 50, .revision = 2}), ErrorCode::kConflict);
  EXPECT_EQ(error_of({.max = 4}), ErrorCode::kInvalid);
  ASSERT_EQ(next(), 5U);
  ASSERT_EQ(next(), 7U);
  EXPECT_EQ(error_of({.max = 6}), ErrorCode::kConflict);
  EXPECT_TRUE(store_.define("c", {.max = 7, .revision = 1}));
  EXPECT_TRUE(store_.define("c", {.start = 5, .increment = 2}));
  EXPECT_EQ(store_.counter("c")->definition.revision, 2U);
}

TEST_P(DefinitionTest, RefusesNonsense) {
  EXPECT_EQ(error_of({.start = 0}), ErrorCode::kInvalid);
  EXPECT_EQ(error_of({.increment = 0}), ErrorCode::kInvalid);
  EXPECT_EQ(error_of({.max = kMaxId + 1}), ErrorCode::kInvalid);
  EXPECT_EQ(error_of({.cache = 0}), ErrorCode::kInvalid);
  EXPECT_EQ(error_of({.start = 10, .max = 9}), ErrorCode::kInvalid);
  EXPECT_EQ(error_of({.comment = std::string(kMaxCommentBytes + 1, 'x')}), ErrorCode::kInvalid);
  EXPECT_EQ(error_of({.comment = "\xff"}), ErrorCode::kInvalid);
  EXPECT_EQ(error_of({.revision = 3}), ErrorCode::kConflict);
  EXPECT_FALSE(store_.define("no name", {}));
  EXPECT_EQ(store_.counter("c").error().code(), ErrorCode::kNotFound) << "nothing was made";
}

TEST_P(DefinitionTest, AServingNodeLearnsByItself) {
  const IdGenerator ids(store_, "c");
  ASSERT_EQ(ids.next_id().value(), 1U);
  store_.define("c", {.max = 2}).value();
  EXPECT_EQ(ids.next_id().value(), 2U);
  EXPECT_EQ(ids.next_id().error().code(), ErrorCode::kExhausted);
  store_.define("c", {.max = 3}).value();
  EXPECT_EQ(ids.next_id().value(), 3U);
  store_.define("c", {.max = 1'000, .cache = 10}).value();
  for (std::uint64_t id = 4; id < 200; ++id) EXPECT_EQ(ids.next_id().value(), id);
  EXPECT_GT(ids.accounting().refills, 0U) << "it is cached now";
}

TEST_P(DefinitionTest, ManyChangesAtATimeAllCount) {
  store_.define("c", {}).value();
  std::vector<std::thread> threads;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    threads.emplace_back([&, i] {
      for (std::uint64_t n = 0; n < 20; ++n) {
        EXPECT_TRUE(store_.define("c", {.cache = 2 + n * 10 + i}));
        EXPECT_TRUE(IdGenerator(store_, "c").next_id());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(store_.counter("c")->definition.revision, 20U);
}

Store::DefinitionCondition is_missing() {
  return [](const Definition* now) { return now == nullptr; };
}

Store::DefinitionCondition is_at(std::uint64_t revision) {
  return [revision](const Definition* now) { return now != nullptr && now->revision == revision; };
}

TEST_P(DefinitionTest, KeepsACondition) {
  EXPECT_EQ(store_.define("c", {.max = 9}, is_at(1)).error().code(), ErrorCode::kPrecondition);
  EXPECT_EQ(store_.counter("c").error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(store_.define("c", {.max = 9}, is_missing())->created);
  EXPECT_EQ(store_.define("c", {.max = 9}, is_missing()).error().code(), ErrorCode::kPrecondition);
  EXPECT_EQ(store_.define("c", {.max = 8}, is_at(1))->counter.definition.revision, 2U);
  EXPECT_EQ(store_.define("c", {.max = 7}, is_at(1)).error().code(), ErrorCode::kPrecondition);
  EXPECT_EQ(store_.define("c", {.max = 8}, is_at(2))->counter.definition.revision, 2U);
  EXPECT_EQ(store_.counter("c")->definition.max, 8U);
}

TEST_P(DefinitionTest, OfManyWhoOnlyWantToMakeItOneDoes) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = "c" + std::to_string(round);
    std::atomic<int> made{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const auto result = store_.define(name, {.max = 9}, is_missing());
        if (result) ++made;
        EXPECT_TRUE(result || result.error().code() == ErrorCode::kPrecondition);
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(made, 1);
  }
}

TEST_P(DefinitionTest, AdvancesForMigrations) {
  EXPECT_EQ(store_.advance("c", 1'000)->value, 1'000U);
  EXPECT_EQ(next(), 1'001U);
  EXPECT_EQ(store_.advance("c", 500)->value, 1'001U) << "it never goes back";
  EXPECT_EQ(next(), 1'002U);
  EXPECT_EQ(store_.advance("c", 0).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(store_.advance("c", kMaxId + 1).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(store_.accounting().burned_by(BurnReason::kAdvance), 1'000U);
  store_.define("c", {.max = 2'000}).value();
  EXPECT_EQ(store_.advance("c", 2'001).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(store_.advance("c", 2'000)->value, 2'000U);
  EXPECT_EQ(IdGenerator(store_, "c").next_id().error().code(), ErrorCode::kExhausted);
}

TEST_P(DefinitionTest, AdvancesACachedCounterAndAccountsForItsBlock) {
  store_.define("c", {.cache = 100}).value();
  const IdGenerator ids(store_, "c");
  for (int i = 0; i < 200; ++i) ids.next_id().value();
  store_.advance("c", 10'000).value();
  EXPECT_EQ(ids.next_id().value(), 10'001U);
  ASSERT_TRUE(store_.close(std::chrono::seconds(5)));
  EXPECT_EQ(store_.accounting().returned, 201U);
  EXPECT_EQ(store_.accounting().burned_total(), 10'000U - 200U);
}

TEST_P(DefinitionTest, AdvancesUnderLoadAndAccountsForAll) {
  const IdGenerator ids(store_, "c");
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) EXPECT_TRUE(ids.next_id());
    });
  }
  for (std::uint64_t n = 1; n <= 20; ++n) {
    const std::uint64_t to = n * 1'000;
    EXPECT_TRUE(store_.advance("c", to));
    EXPECT_GT(ids.next_id().value(), to);
  }
  for (std::thread& thread : threads) thread.join();
  const std::uint64_t value = *store_.counter("c")->value;
  ASSERT_TRUE(store_.close(std::chrono::seconds(5)));
  EXPECT_EQ(store_.accounting().returned, 620U);
  EXPECT_EQ(store_.accounting().returned + store_.accounting().burned_total(), value);
}

TEST_P(DefinitionTest, CountersOfFirstUseGetTheDefaultCacheOrAreRefused) {
  StoreOptions options;
  options.default_cache = 30;
  Store caching = GetParam() == "memory" ? open(options) : open(options);
  IdGenerator(caching, "fresh").next_id().value();
  EXPECT_EQ(caching.counter("fresh")->definition.cache, 30U);
  EXPECT_EQ(caching.define("defined", {})->counter.definition.cache, 30U);

  options.auto_create = false;
  Store strict = open(options);
  EXPECT_EQ(IdGenerator(strict, "unknown").next_id().error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(strict.advance("unknown", 5).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(strict.counter("unknown").error().code(), ErrorCode::kNotFound);
  strict.define("unknown", {}).value();
  EXPECT_EQ(IdGenerator(strict, "unknown").next_id().value(), 1U);
}

// Another process writes after the condition was asked, and before this one's write.
TEST(DefinitionRace, AConditionThatEndsBeforeTheWriteStopsIt) {
  const ScratchDir dir;
  const Store store = open_store(dir.sqlite_url()).value();
  const Store other = open_store(dir.sqlite_url()).value();
  bool wrote = false;
  const auto with_a_rival = [&](const Store::DefinitionCondition& condition) {
    wrote = false;
    return [&, condition](const Definition* now) {
      const bool holds = condition(now);
      if (!std::exchange(wrote, true)) other.define("c", {.comment = "theirs"}).value();
      return holds;
    };
  };
  EXPECT_EQ(store.define("c", {.comment = "theirs"}, with_a_rival(is_missing())).error().code(),
            ErrorCode::kPrecondition);
  EXPECT_TRUE(wrote);
  other.define("c", {.comment = ""}).value();
  // The same change is no excuse: both would have been told that theirs was done.
  EXPECT_EQ(store.define("c", {.comment = "theirs"}, with_a_rival(is_at(2))).error().code(),
            ErrorCode::kPrecondition);
  EXPECT_TRUE(wrote);
  other.define("c", {.comment = ""}).value();
  const auto always = [](const Definition*) { return true; };
  EXPECT_EQ(
      store.define("c", {.comment = "theirs", .revision = 4}, with_a_rival(always)).error().code(),
      ErrorCode::kConflict);
  EXPECT_EQ(store.counter("c")->definition.revision, 5U);
}

INSTANTIATE_TEST_SUITE_P(Stores, DefinitionTest, ::testing::Values("memory", "sqlite"),
                         [](const auto& store) { return store.param; });

}  // namespace
}  // namespace nextid
