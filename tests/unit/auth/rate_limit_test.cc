#include "auth/rate_limit.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::auth {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::MonotonicTime kStart{std::chrono::hours(1)};

TEST(RateLimitTest, WithoutALimitAllIsTaken) {
  RateLimit limit;
  EXPECT_FALSE(limit.take(~std::uint64_t{0}, kStart));
  EXPECT_FALSE(limit.take(~std::uint64_t{0}, kStart));
}

TEST(RateLimitTest, GivesASecondsWorthAtOnceAndThenTheRate) {
  RateLimit limit;
  limit.set(10);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(limit.take(1, kStart)) << i;
  EXPECT_EQ(limit.take(1, kStart), milliseconds(100));
  EXPECT_EQ(limit.take(1, kStart + milliseconds(99)), milliseconds(1));
  EXPECT_FALSE(limit.take(1, kStart + milliseconds(100)));
  EXPECT_EQ(limit.take(2, kStart + milliseconds(100)), milliseconds(200));
  EXPECT_FALSE(limit.take(10, kStart + milliseconds(1100))) << "unused for a second";
}

TEST(RateLimitTest, WhoIsToldToComeBackIsServedThen) {
  RateLimit limit;
  limit.set(3);
  auto now = kStart;
  for (int i = 0; i < 20; ++i) {
    if (const auto wait = limit.take(1, now)) {
      now += *wait;
      EXPECT_FALSE(limit.take(1, now)) << i;
    }
  }
  EXPECT_GE(now, kStart + seconds(5));
  EXPECT_LE(now, kStart + seconds(6));
}

TEST(RateLimitTest, WhatWasNotUsedIsLostAfterASecond) {
  RateLimit limit;
  limit.set(10);
  EXPECT_FALSE(limit.take(10, kStart));
  EXPECT_FALSE(limit.take(10, kStart + std::chrono::hours(10)));
  EXPECT_TRUE(limit.take(1, kStart + std::chrono::hours(10)));
}

TEST(RateLimitTest, MoreThanASecondsWorthIsPaidOffAfterwards) {
  RateLimit limit;
  limit.set(100);
  EXPECT_FALSE(limit.take(1, kStart));
  EXPECT_EQ(limit.take(1000, kStart), milliseconds(10)) << "it needs a whole second's worth";
  EXPECT_FALSE(limit.take(1000, kStart + milliseconds(10)));
  EXPECT_EQ(limit.take(1, kStart + milliseconds(10)), milliseconds(9010));
  EXPECT_FALSE(limit.take(1, kStart + milliseconds(9020)));
}

TEST(RateLimitTest, NoCountOverflows) {
  for (const std::uint64_t rate : {std::uint64_t{1}, RateLimit::kMost, ~std::uint64_t{0}}) {
    RateLimit limit;
    limit.set(rate);
    EXPECT_FALSE(limit.take(~std::uint64_t{0}, kStart));
    EXPECT_TRUE(limit.take(1, kStart));
    EXPECT_TRUE(limit.take(~std::uint64_t{0}, kStart));
  }
}

TEST(RateLimitTest, AnotherRateHoldsAtOnce) {
  RateLimit limit;
  limit.set(1);
  EXPECT_FALSE(limit.take(1, kStart));
  EXPECT_TRUE(limit.take(1, kStart));
  limit.set(0);
  EXPECT_FALSE(limit.take(1000, kStart));
}

TEST(RateLimitTest, ThreadsShareIt) {
  RateLimit limit;
  limit.set(1000);
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) taken += limit.take(1, kStart) ? 0 : 1;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(taken, 1000);
}

}  // namespace
}  // namespace nextid::auth
