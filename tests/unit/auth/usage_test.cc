#include "auth/usage.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::auth {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr base::MonotonicTime kStart{hours(1)};

TEST(BoundedCountTest, IsExactAtItsBound) {
  BoundedCount count;
  EXPECT_TRUE(count.take(BoundedCount::kNoBound)) << "without a bound";
  count.give_back(BoundedCount::kNoBound);
  count.set_bound(10);
  EXPECT_FALSE(count.take(11));
  EXPECT_TRUE(count.take(9));
  EXPECT_FALSE(count.take(2));
  EXPECT_FALSE(count.take(BoundedCount::kNoBound)) << "the sum would overflow";
  EXPECT_TRUE(count.take(1));
  EXPECT_EQ(count.taken(), 10U);
  count.set_bound(5);
  count.give_back(5);
  EXPECT_FALSE(count.take());
  count.give_back();
  EXPECT_TRUE(count.take());
}

TEST(BoundedCountTest, ThreadsShareIt) {
  BoundedCount count;
  count.set_bound(1000);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) count.take();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count.taken(), 1000U);
}

TEST(DailyCountTest, BeginsAgainEachDay) {
  DailyCount count;
  EXPECT_FALSE(count.take(2, kStart));
  EXPECT_FALSE(count.take(2, kStart + hours(1)));
  EXPECT_EQ(count.take(2, kStart + hours(23)), base::MonotonicTime::duration(hours(1)));
  count.give_back();
  EXPECT_FALSE(count.take(2, kStart + hours(23)));
  EXPECT_FALSE(count.take(2, kStart + hours(24)));
  EXPECT_EQ(count.taken(), 1U);
}

TEST(UsageTest, WithoutLimitsNothingIsRefused) {
  Usage usage;
  Waiting waiting;
  EXPECT_FALSE(usage.admit(1'000'000'000, kStart));
  EXPECT_FALSE(waiting.begin(&usage, 1'000'000'000));
  EXPECT_TRUE(usage.take_place());
  EXPECT_TRUE(usage.make_counter());
  EXPECT_FALSE(Waiting().begin(nullptr, 1)) << "nobody counts";
}

TEST(UsageTest, PlacesAreGivenBack) {
  const auto usage = std::make_shared<Usage>();
  usage->set_limits({.counters_in_use = 1});
  {
    auto place = contract::Place::take(usage.get());
    ASSERT_TRUE(place);
    const auto moved = *std::move(place);
    const auto refused = contract::Place::take(usage.get());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kLimited);
    EXPECT_EQ(refused.error().what(),
              std::string("this token has 1 counters in use, and its limit is counters-in-use=1; "
                          "use one of them, try again when some have been idle for a while, or "
                          "have the limit raised in the token file."));
  }
  EXPECT_TRUE(contract::Place::take(usage.get()));
  EXPECT_TRUE(contract::Place::take(nullptr)) << "nobody is charged";
}

TEST(UsageTest, CountersThatWereThereCostNothing) {
  Usage usage;
  usage.set_limits({.new_counters = 1});
  EXPECT_TRUE(usage.make_counter());
  EXPECT_FALSE(usage.make_counter());
  usage.take_back_counter();
  EXPECT_TRUE(usage.make_counter());
}

TEST(UsageTest, WaitingRequestsAndTheirIdsAreBounded) {
  Usage usage;
  usage.set_limits({.waiting = 2}, 100);
  Waiting first;
  EXPECT_FALSE(first.begin(&usage, 60));
  EXPECT_EQ(Waiting().begin(&usage, 41)->sentence,
            "this token has requests for 60 ids waiting, and its part of --max-waiting-ids is 100; "
            "try again when some are answered.");
  Waiting second;
  EXPECT_FALSE(second.begin(&usage, 40));
  EXPECT_EQ(Waiting().begin(&usage, 1)->sentence,
            "this token has 2 requests waiting, and its limit is waiting=2; try again when some "
            "are answered.");
  Waiting moved = std::move(first);
  EXPECT_TRUE(Waiting().begin(&usage, 1));
  moved = Waiting();
  EXPECT_FALSE(Waiting().begin(&usage, 1));
}

TEST(UsageTest, ARefusalSaysWhenToComeBack) {
  Usage usage;
  usage.set_limits({.ids_per_second = 1000, .requests_per_second = 2});
  EXPECT_FALSE(usage.admit(1000, kStart));
  const auto ids = usage.admit(1, kStart);
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->retry_after, milliseconds(1));
  EXPECT_EQ(ids->sentence,
            "this token has reached its limit ids-per-second=1000; try again in 1 ms.");
  const auto requests = usage.admit(0, kStart);
  ASSERT_TRUE(requests) << "a refused request is one, too";
  EXPECT_EQ(requests->retry_after, milliseconds(500));
}

TEST(UsageTest, RefusalsAreCountedAndLoggedOnceInAWhile) {
  std::vector<std::string> lines;
  Usage usage("partner", [&](LogLevel, const std::string& line) { lines.push_back(line); });
  usage.set_limits({.counters_in_use = 1, .waiting = 1});
  EXPECT_TRUE(usage.take_place());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(usage.take_place());
  const auto figures = usage.figures();
  const auto& in_use = figures[static_cast<std::size_t>(Limit::kCountersInUse)];
  EXPECT_EQ(in_use.value, 1U);
  EXPECT_EQ(in_use.used, 1U);
  EXPECT_EQ(in_use.refusals, 5U);
  EXPECT_EQ(lines, std::vector<std::string>{
                       "The token 'partner' has reached its limit counters-in-use=1; requests "
                       "refused at it so far: 1."});
}

}  // namespace
}  // namespace nextid::auth
