#include "auth/recent_keys.h"

#include <chrono>

#include <gtest/gtest.h>

#include "auth/usage.h"

namespace nextid::auth {
namespace {

using base::MonotonicTime;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const MonotonicTime kStart{hours(1'000)};

TEST(RecentKeysTest, RefusesTheOneAfterTheLast) {
  RecentKeys keys{hours(24)};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(keys.take(3, kStart)) << i;
  EXPECT_TRUE(keys.take(3, kStart));
  EXPECT_EQ(keys.count(kStart), 3U) << "the refused one counts for nothing";
  EXPECT_FALSE(keys.take(4, kStart)) << "the limit was raised";
  EXPECT_TRUE(keys.take(2, kStart)) << "the limit was lowered";
}

TEST(RecentKeysTest, CountsAKeyForItsRetentionAndAPartMoreAtMost) {
  for (const seconds retention :
       {seconds(1), seconds(90), seconds(hours(24)), seconds(hours(720))}) {
    const auto part = MonotonicTime::duration(retention) / RecentKeys::kBuckets;
    // Wherever in its part the key was taken.
    for (int i = 0; i < 10; ++i) {
      RecentKeys keys{retention};
      const MonotonicTime taken = kStart + part * i / 10;
      EXPECT_FALSE(keys.take(1, taken));
      EXPECT_EQ(keys.count(taken + retention), 1U) << retention.count();
      EXPECT_EQ(keys.count(taken + retention + part + milliseconds(1)), 0U) << retention.count();
    }
  }
}

TEST(RecentKeysTest, TellsWhenTheNextOneIsTaken) {
  RecentKeys keys{hours(24)};
  keys.take(10, kStart);
  keys.take(10, kStart + hours(5));
  const MonotonicTime later = kStart + hours(7);
  const auto next_in = keys.take(2, later);
  ASSERT_TRUE(next_in);
  EXPECT_GE(*next_in, hours(24 - 7));
  EXPECT_LE(*next_in, hours(24 - 7) + minutes(23));
  EXPECT_TRUE(keys.take(2, later + *next_in - milliseconds(1)));
  EXPECT_FALSE(keys.take(2, later + *next_in));
  EXPECT_EQ(keys.count(later + *next_in), 2U);
}

TEST(RecentKeysTest, TakesAsManyAsAreOverAndNoMore) {
  constexpr std::uint64_t kMost = 1'000;
  RecentKeys keys{hours(24)};
  std::uint64_t taken = 0;
  for (int minute = 0; minute < 4 * 24 * 60; ++minute) {
    for (int i = 0; i < 10; ++i) {
      if (!keys.take(kMost, kStart + minutes(minute))) ++taken;
    }
    ASSERT_LE(keys.count(kStart + minutes(minute)), kMost);
  }
  EXPECT_LE(taken, 4 * kMost);
  EXPECT_GE(taken, 3 * kMost + kMost / 2);
}

TEST(RecentKeysTest, GivesBackWhatIsNotKept) {
  RecentKeys keys{hours(24)};
  keys.give_back();
  EXPECT_EQ(keys.count(kStart), 0U);
  keys.take(9, kStart);
  keys.take(9, kStart + hours(1));
  keys.give_back();
  keys.give_back();
  keys.give_back();
  EXPECT_EQ(keys.count(kStart + hours(2)), 0U);
  EXPECT_FALSE(keys.take(1, kStart + hours(2)));
}

TEST(RecentKeysTest, ForgetsAllAfterALongTime) {
  RecentKeys keys{seconds(1)};
  for (int i = 0; i < 5; ++i) keys.take(5, kStart);
  EXPECT_EQ(keys.count(kStart + hours(10'000)), 0U);
}

TEST(UsageTest, CountsKeysUpToItsLimit) {
  Usage usage;
  usage.set_limits({.keys = 2});
  EXPECT_FALSE(usage.take_key(seconds(60), kStart));
  EXPECT_FALSE(usage.take_key(seconds(60), kStart));
  const auto refused = usage.take_key(seconds(60), kStart);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->limit, 2U);
  usage.give_key_back();
  EXPECT_FALSE(usage.take_key(seconds(60), kStart));
  usage.set_limits({.keys = 3});
  EXPECT_FALSE(usage.take_key(seconds(60), kStart));
  EXPECT_EQ(usage.take_key(seconds(60), kStart)->limit, 3U);
}

}  // namespace
}  // namespace nextid::auth
