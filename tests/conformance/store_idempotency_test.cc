// The records of idempotency keys: one holder a key, until its time is over.
#include <chrono>
#include <cstdint>
#include <latch>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_fixture.h"

namespace nextid::test {
namespace {

using contract::IdempotencyRecord;
using contract::Load;
using contract::Op;
using contract::Outcome;
using contract::Recall;
using contract::Remember;
using std::chrono::microseconds;
using std::chrono::seconds;

/// Its bits are a negative number where a store has signed integers only.
constexpr std::uint64_t kLargeOwner = 0xffff'ffff'ffff'fff0;

class StoreIdempotency : public StoreTest {
 protected:
  /// A record of three ids that is over in `after`.
  IdempotencyRecord record(std::uint64_t owner, seconds after = std::chrono::hours(1)) const {
    return {IdRange(owner * 10 + 1, 3, 2), contract::whole_seconds(now()) + after.count(), owner};
  }
  std::optional<IdempotencyRecord> remember(const std::string& key,
                                            const IdempotencyRecord& record) {
    return remembered(run(store(), Remember{"orders", key, record}));
  }
  std::optional<IdempotencyRecord> recall(const std::string& key) {
    return remembered(run(store(), Recall{"orders", key}));
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreIdempotency, testing::ValuesIn(store_rows()), row_name);

TEST_P(StoreIdempotency, KnowsNoKeyThatWasNotRemembered) {
  EXPECT_EQ(recall("key"), std::nullopt);
  define("orders");
  EXPECT_EQ(recall("key"), std::nullopt);
}

TEST_P(StoreIdempotency, RecallsWhatWasRemembered) {
  EXPECT_EQ(remember("key", record(1)), record(1));
  EXPECT_EQ(recall("key"), record(1));
}

TEST_P(StoreIdempotency, NeedsNoCounterAndMakesNone) {
  remember("key", record(1));
  EXPECT_EQ(describe(run(store(), Load{"orders", 0})), "Missing");
  EXPECT_TRUE(list(store(), "", 10).value().counters.empty());
  define("orders");
  EXPECT_EQ(load("orders").value, 0);
  EXPECT_EQ(recall("key"), record(1));
}

TEST_P(StoreIdempotency, AnswersARepeatWithItsOwnRecord) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(remember("key", record(1)), record(1));
}

TEST_P(StoreIdempotency, KeepsTheFirstOfTwo) {
  remember("key", record(1));
  EXPECT_EQ(remember("key", record(2)), record(1));
  EXPECT_EQ(remember("key", record(2, seconds(9000))), record(1)) << "a longer one";
  EXPECT_EQ(recall("key"), record(1));
}

TEST_P(StoreIdempotency, KeepsTheFirstOfTwoInOneSubmit) {
  const auto outcomes = run_all(
      store(), {Remember{"orders", "key", record(1)}, Remember{"orders", "key", record(2)}});
  EXPECT_EQ(remembered(outcomes[0]), remembered(outcomes[1]));
  EXPECT_EQ(remembered(outcomes[0]), recall("key"));
}

TEST_P(StoreIdempotency, EndsWhenTheClockShowsItsSecond) {
  clock_.advance(microseconds(400'000));
  const IdempotencyRecord ten = record(1, seconds(10));
  remember("key", ten);
  clock_.advance(microseconds(9'599'999));
  EXPECT_EQ(recall("key"), ten);
  EXPECT_EQ(remember("key", record(2)), ten);
  clock_.advance(microseconds(1));
  EXPECT_EQ(recall("key"), std::nullopt);
}

TEST_P(StoreIdempotency, GivesAKeyAwayWhenItsTimeIsOver) {
  const Remember first{"orders", "key", record(1, seconds(10))};
  run(store(), first);
  clock_.advance(seconds(10));
  const IdempotencyRecord second = record(2);
  EXPECT_EQ(remember("key", second), second);
  EXPECT_EQ(recall("key"), second);
  EXPECT_EQ(remembered(run(store(), first)), second) << "a late copy took the key back";
  EXPECT_EQ(recall("key"), second);
}

TEST_P(StoreIdempotency, KeepsNothingOfALateCopyWhoseTimeIsOver) {
  const Remember late{"orders", "key", record(1, seconds(10))};
  clock_.advance(seconds(10));
  EXPECT_EQ(remembered(run(store(), late)), std::nullopt);
  EXPECT_EQ(recall("key"), std::nullopt);
  clock_.set_us(now() - 5'000'000);
  EXPECT_EQ(recall("key"), std::nullopt) << "it was kept";
}

TEST_P(StoreIdempotency, TakesAnyTimeThatIsOver) {
  IdempotencyRecord old = record(1);
  for (const std::int64_t expires :
       {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    old.expires_s = expires;
    EXPECT_EQ(remember("key", old), std::nullopt) << expires;
  }
}

TEST_P(StoreIdempotency, KeepsTheLargestNumbers) {
  const std::int64_t never = std::numeric_limits<std::int64_t>::max();
  const std::vector<IdempotencyRecord> records{
      {IdRange(kMaxId, 1, 1), never, kLargeOwner},
      {IdRange(1, kMaxId, 1), never, 0},
      {IdRange(1, 2, kMaxId - 1), never, 1},
      {IdRange(kMaxId, 1, kMaxId), never, std::numeric_limits<std::uint64_t>::max()},
  };
  for (const IdempotencyRecord& each : records) {
    const std::string key = "key " + std::to_string(each.owner);
    EXPECT_EQ(remember(key, each), each);
    EXPECT_EQ(recall(key), each);
    EXPECT_EQ(remember(key, record(7)), each);
  }
}

TEST_P(StoreIdempotency, TellsAllPrintableKeysApart) {
  std::vector<std::string> keys{" ",       "  ",       "a",         "A",  " a",  "a ",  "a  ",
                                "''",      "'; --",    "\"",        "\\", "%",   "_",   "a%",
                                "#",       "#a",       "0",         "00", "0.0", "1e3", ":key",
                                "{\"S\"}", "a\\u0000", "key/1?b=2", "~"};
  keys.emplace_back(255, 'x');
  keys.emplace_back(254, 'x');
  for (std::uint64_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(remember(keys[i], record(i)), record(i)) << keys[i];
  }
  for (std::uint64_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(recall(keys[i]), record(i)) << keys[i];
  }
}

TEST_P(StoreIdempotency, TellsTheKeysOfCountersApart) {
  const std::vector<std::pair<std::string, std::string>> names{
      {"a", "b"},   {"b", "a"},   {"ab", "c"},   {"a", "bc"},  {"a:b", "c"},
      {"a", "b:c"}, {"a.b", "c"}, {"a", ".b.c"}, {"a-", "-b"}, {"a", "--b"}};
  for (std::uint64_t i = 0; i < names.size(); ++i) {
    const Remember op{names[i].first, names[i].second, record(i)};
    EXPECT_EQ(remembered(run(store(), op)), record(i)) << describe(Op(op));
  }
  for (std::uint64_t i = 0; i < names.size(); ++i) {
    const Recall op{names[i].first, names[i].second};
    EXPECT_EQ(remembered(run(store(), op)), record(i)) << describe(Op(op));
  }
}

TEST_P(StoreIdempotency, TellsTheKeysOfScopesApart) {
  struct Name {
    std::string counter;
    std::string key;
    std::string scope;
  };
  const std::string longest(kMaxCounterNameBytes, 'n');
  const std::vector<Name> names{{"orders", "key", ""},
                                {"orders", "key", "shop"},
                                {"orders", "key", "SHOP"},
                                {"orders", "shop/key", ""},
                                {"orders", "key", "orders"},
                                {"shop", "key", "orders"},
                                {"shop", "orders/key", ""},
                                {"shop", "@orders/key", ""},
                                {"orders", "key", "shop:orders"},
                                {"orders", "orders/key", "shop"},
                                {"orders:key", "key", "shop"},
                                {"key", "key", "shop"},
                                {longest, std::string(255, '~'), longest},
                                {longest, std::string(254, '~'), longest}};
  for (std::uint64_t i = 0; i < names.size(); ++i) {
    const Remember op{names[i].counter, names[i].key, record(i), names[i].scope};
    EXPECT_EQ(remembered(run(store(), op)), record(i)) << describe(Op(op));
  }
  for (std::uint64_t i = 0; i < names.size(); ++i) {
    const Recall op{names[i].counter, names[i].key, names[i].scope};
    EXPECT_EQ(remembered(run(store(), op)), record(i)) << describe(Op(op));
    const Remember another{names[i].counter, names[i].key, record(100), names[i].scope};
    EXPECT_EQ(remembered(run(store(), another)), record(i)) << describe(Op(another));
  }
  EXPECT_EQ(remembered(run(store(), Recall{"orders", "key", "nobody"})), std::nullopt);
}

TEST_P(StoreIdempotency, RefusesWhatIsNoScope) {
  for (const std::string& scope :
       {std::string("a/b"), std::string("@"), std::string("a b"), std::string(129, 's'),
        std::string("\xc3\xa9"), std::string(1, '\0')}) {
    EXPECT_EQ(describe(run(store(), Recall{"orders", "key", scope})), "NotApplied") << scope;
    EXPECT_EQ(describe(run(store(), Remember{"orders", "key", record(1), scope})), "NotApplied")
        << scope;
  }
}

TEST_P(StoreIdempotency, RefusesWhatIsNoKey) {
  const std::vector<std::string> keys{
      "",     std::string(256, 'x'), "a\n",      "\t", "\x7f", "\xc3\xa9",
      "\x80", std::string(1, '\0'),  {'a', '\0'}};
  for (const std::string& key : keys) {
    EXPECT_EQ(describe(run(store(), Recall{"orders", key})), "NotApplied") << key;
    EXPECT_EQ(describe(run(store(), Remember{"orders", key, record(1)})), "NotApplied") << key;
  }
}

TEST_P(StoreIdempotency, RefusesRecordsOfNoIds) {
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  const std::vector<IdRange> ranges{{0, 1, 1},         {1, 0, 1},
                                    {1, 1, 0},         {kMaxId + 1, 1, 1},
                                    {kMaxId, 2, 1},    {1, kMaxId + 1, 1},
                                    {2, 2, kMaxId},    {1, kHuge, 1},
                                    {1, kHuge, kHuge}, {1, (1ULL << 32) + 1, 1ULL << 32},
                                    {kHuge, 1, 1}};
  for (const IdRange& range : ranges) {
    const IdempotencyRecord none{range, record(1).expires_s, 1};
    EXPECT_EQ(describe(run(store(), Remember{"orders", "key", none})), "NotApplied")
        << range.start() << " " << range.count() << " " << range.increment();
  }
  EXPECT_EQ(recall("key"), std::nullopt);
}

TEST_P(StoreIdempotency, GivesEachKeyToOneOfManyThreads) {
  constexpr std::uint64_t kThreads = 12;
  constexpr std::uint64_t kKeys = 15;
  std::vector<std::vector<std::uint64_t>> holders(kThreads);
  std::latch together(kThreads);
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      together.arrive_and_wait();
      for (std::uint64_t i = 0; i < kKeys; ++i) {
        // Each begins with another key, so that each may be first somewhere.
        const std::string key = "key" + std::to_string((thread + i) % kKeys);
        const auto holder = remember(key, record(thread));
        holders[thread].push_back(holder ? holder->owner : kThreads);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::uint64_t key = 0; key < kKeys; ++key) {
    std::set<std::uint64_t> of_key;
    for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
      of_key.insert(holders[thread][(key + kKeys - thread) % kKeys]);
    }
    ASSERT_EQ(of_key.size(), 1u) << "key " << key;
    ASSERT_LT(*of_key.begin(), kThreads);
    EXPECT_EQ(recall("key" + std::to_string(key)), record(*of_key.begin()));
  }
}

class DurableIdempotency : public StoreIdempotency {};

INSTANTIATE_TEST_SUITE_P(Stores, DurableIdempotency, testing::ValuesIn(durable_store_rows()),
                         row_name);

TEST_P(DurableIdempotency, KeepsItsRecordsWhenTheStoreIsOpenedAgain) {
  remember("key", record(1));
  const IdempotencyRecord large{IdRange(kMaxId - 8, 3, 4), record(1).expires_s, kLargeOwner};
  remember("large", large);
  remember("short", record(2, seconds(5)));
  reopen();
  EXPECT_EQ(recall("key"), record(1));
  EXPECT_EQ(recall("large"), large);
  EXPECT_EQ(remember("key", record(3)), record(1));
  clock_.advance(seconds(5));
  EXPECT_EQ(recall("short"), std::nullopt);
}

}  // namespace
}  // namespace nextid::test
