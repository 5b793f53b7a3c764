// The idempotency table: what is removed from it and when, what is written, and damage.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "conformance/sqlite_raw.h"
#include "conformance/store_harness.h"
#include "store/sqlite/store.h"

namespace nextid::test {
namespace {

using contract::IdempotencyRecord;
using contract::Outcome;
using contract::Recall;
using contract::Remember;
using std::chrono::seconds;

class SqliteRecordsTest : public testing::Test {
 protected:
  Outcome remember(const std::string& key, seconds after) {
    const std::int64_t expires_s = contract::whole_seconds(clock_.now_us()) + after.count();
    return run(*store_, Remember{"orders", key, {IdRange(1, 3, 1), expires_s, 8}});
  }
  /// Keys that start with `prefix`, of records that are over in `after`.
  void remember_many(const std::string& prefix, int count, seconds after) {
    for (int i = 0; i < count; ++i) remembered(remember(prefix + std::to_string(i), after));
  }
  std::int64_t rows(const std::string& prefix) {
    return RawConnection(path_).integer(
        "SELECT count(*) FROM idempotency"
        " WHERE counter <> '' AND key LIKE '" +
        prefix + "%'");
  }
  void expect_damaged(const Outcome& outcome) {
    const auto* not_applied = std::get_if<contract::NotApplied>(&outcome);
    ASSERT_NE(not_applied, nullptr) << describe(outcome);
    EXPECT_NE(not_applied->why.find(path_ + " is damaged"), std::string::npos) << not_applied->why;
  }

  TempDir directory_;
  const std::string path_ = directory_.file("ids.db");
  TurnedClock clock_;
  const std::shared_ptr<store::SqliteStore> store_ =
      store::SqliteStore::open(path_, {}, {clock_.reader(), clock_.reader(), 1}).value();
};

TEST_F(SqliteRecordsTest, HasTheScopeInTheCountersName) {
  const std::int64_t expires_s = contract::whole_seconds(clock_.now_us()) + 10;
  run(*store_, Remember{"orders", "key", {IdRange(1, 3, 1), expires_s, 8}, "shop"});
  EXPECT_EQ(RawConnection(path_).integer(
                "SELECT count(*) FROM idempotency WHERE counter = '@shop/orders' AND key = 'key'"),
            1);
}

TEST_F(SqliteRecordsTest, RemovesAFewThatAreOverWithEachThatItAdds) {
  remember_many("short", 20, seconds(10));
  remember_many("edge", 1, seconds(20));
  clock_.advance(seconds(19));
  remembered(remember("a", seconds(10)));
  EXPECT_EQ(rows("short"), 12);
  remember_many("b", 2, seconds(10));
  EXPECT_EQ(rows("short"), 0);
  EXPECT_EQ(rows("edge"), 1);
  EXPECT_EQ(rows(""), 4);
}

TEST_F(SqliteRecordsTest, IsNotHeldUpByRecordsThatLastLonger) {
  remember_many("long", 30, seconds(1000));
  remember_many("short", 10, seconds(10));
  clock_.advance(seconds(10));
  remember_many("new", 2, seconds(10));
  EXPECT_EQ(rows("short"), 0);
  EXPECT_EQ(rows("long"), 30);
}

TEST_F(SqliteRecordsTest, NeverPilesUp) {
  for (int i = 0; i < 300; ++i) {
    clock_.advance(seconds(1));
    remembered(remember("key" + std::to_string(i), seconds(10)));
  }
  EXPECT_EQ(rows(""), 10);
}

TEST_F(SqliteRecordsTest, ReplacesTheRowOfAKeyThatIsTakenAnew) {
  remember_many("key", 1, seconds(10));
  // More than are removed with the next one come before it.
  remember_many("short", 9, seconds(5));
  clock_.advance(seconds(10));
  remember_many("key", 1, seconds(10));
  EXPECT_EQ(rows("key"), 1);
  EXPECT_TRUE(remembered(run(*store_, Recall{"orders", "key0"})));
}

TEST_F(SqliteRecordsTest, WritesNothingWhenItKeepsNothing) {
  remember_many("key", 1, seconds(100));
  const auto before = std::filesystem::file_size(path_ + "-wal");
  remember_many("key", 1, seconds(200));
  remembered(remember("late", seconds(0)));
  remembered(run(*store_, Recall{"orders", "key0"}));
  EXPECT_EQ(std::filesystem::file_size(path_ + "-wal"), before);
}

TEST_F(SqliteRecordsTest, ReportsNumbersThatMakeNoSense) {
  remember_many("key", 1, seconds(100));
  RawConnection raw(path_);
  for (const char* nonsense :
       {"first = 0", "first = -4", "count = 0", "count = -1", "increment = 0", "increment = -1",
        "first = 9223372036854775806", "increment = 9223372036854775807"}) {
    raw.execute(std::string("UPDATE idempotency SET ") + nonsense + " WHERE key = 'key0'");
    expect_damaged(run(*store_, Recall{"orders", "key0"}));
    expect_damaged(remember("key0", seconds(100)));
    raw.execute("UPDATE idempotency SET first = 1, count = 3, increment = 1 WHERE key = 'key0'");
  }
  EXPECT_TRUE(remembered(run(*store_, Recall{"orders", "key0"})));
}

TEST_F(SqliteRecordsTest, LosesTheTableAtRunTime) {
  RawConnection(path_).execute("DROP TABLE idempotency");
  expect_damaged(run(*store_, Recall{"orders", "key"}));
  expect_damaged(remember("key", seconds(100)));
  expect_damaged(run(*store_, contract::TryWrite{}));
  clock_.advance(std::chrono::minutes(2));
  found(run(*store_, contract::Define{"orders", 1, Definition{}}));
  EXPECT_EQ(committed(run(*store_, reserve("orders", 1, 1, 0))), 1);
}

}  // namespace
}  // namespace nextid::test
