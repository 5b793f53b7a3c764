// How fast counters go, and how long they last.
#include "report/counter_rates.h"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::report {
namespace {

using namespace std::chrono_literals;

class CounterRatesTest : public testing::Test {
 protected:
  CounterRatesTest() {
    counter_.name = "orders";
    counter_.definition = Definition{};
    counter_.value = 0;
  }

  /// `returned` more ids after `time`, all of them new to the store.
  CounterObservation after(std::chrono::seconds time, std::uint64_t returned) {
    now_ += time;
    counter_.accounting.returned += returned;
    counter_.value = *counter_.value + returned * counter_.definition->increment;
    return sample();
  }
  CounterObservation sample() { return rates_.sample({counter_}, now_).at(0); }

  CounterActivity counter_;
  base::MonotonicTime now_{std::chrono::hours(1)};
  CounterRates rates_;
};

TEST_F(CounterRatesTest, AreZeroAtFirstSight) {
  counter_.accounting.returned = 1'000'000;
  counter_.value = 1'000'000;
  const auto first = sample();
  EXPECT_EQ(first.ids_per_second, 0);
  EXPECT_EQ(first.days_to_exhaustion, std::nullopt);
  EXPECT_EQ(first.returned_so_far, 1'000'000U);
}

TEST_F(CounterRatesTest, ShowASteadyRateFromTheSecondSampleOn) {
  sample();
  EXPECT_DOUBLE_EQ(after(1s, 500).ids_per_second, 500);
  for (int i = 0; i < 60; ++i) after(1s, 500);
  EXPECT_NEAR(sample().ids_per_second, 500, 0.001);
}

TEST_F(CounterRatesTest, FollowAChangeWithinSeconds) {
  sample();
  for (int i = 0; i < 60; ++i) after(1s, 1000);
  for (int i = 0; i < 5; ++i) after(1s, 0);
  EXPECT_NEAR(sample().ids_per_second, 1000 / 2.718, 10);
  for (int i = 0; i < 55; ++i) after(1s, 0);
  EXPECT_LT(sample().ids_per_second, 0.1);
}

TEST_F(CounterRatesTest, ReckonExhaustionByTheLastHours) {
  counter_.definition->max = 86'400'000;
  sample();
  // 100 ids a second: 864,000 s at first.
  auto seen = after(1h, 360'000);
  ASSERT_TRUE(seen.days_to_exhaustion);
  EXPECT_NEAR(*seen.days_to_exhaustion, (86'400'000.0 - 360'000) / 100 / 86'400, 1e-6);
  // A quiet minute is nothing beside that hour.
  seen = after(60s, 0);
  EXPECT_NEAR(*seen.days_to_exhaustion, 10, 0.3);
}

TEST_F(CounterRatesTest, CountIdsAndNotTheirDistance) {
  counter_.definition->increment = 10;
  counter_.definition->max = 10 * 86'400;
  sample();
  const auto seen = after(100s, 100);
  EXPECT_EQ(seen.remaining, (10 * 86'400U - 1000U) / 10U);
  EXPECT_NEAR(*seen.days_to_exhaustion, 1, 0.01);
}

TEST_F(CounterRatesTest, LeaveOutWhatAnAdvanceSkipped) {
  sample();
  after(10s, 10);
  now_ += 10s;
  counter_.value = *counter_.value + 1'000'000;
  counter_.accounting.burned[static_cast<std::size_t>(BurnReason::kAdvance)] = 1'000'000;
  const auto seen = sample();
  const double days_at_half_an_id_a_second = static_cast<double>(*seen.remaining) / 0.5 / 86'400;
  EXPECT_NEAR(*seen.days_to_exhaustion / days_at_half_an_id_a_second, 1, 0.01);
}

TEST_F(CounterRatesTest, CountOtherNodesIdsTowardsExhaustion) {
  sample();
  after(10s, 10);
  now_ += 10s;
  counter_.value = *counter_.value + 990;  // Seen at this node's next reservation.
  EXPECT_NEAR(static_cast<double>(*sample().remaining) / *sample().days_to_exhaustion / 86'400, 50,
              0.1);
}

TEST_F(CounterRatesTest, NeverShowFewerReturnedThanBefore) {
  after(1s, 100);
  counter_.accounting.returned -= 10;  // A client was gone.
  now_ += 1s;
  auto seen = sample();
  EXPECT_EQ(seen.returned_so_far, 100U);
  EXPECT_EQ(seen.activity.accounting.returned, 90U);
  EXPECT_EQ(after(1s, 15).returned_so_far, 105U);
}

TEST_F(CounterRatesTest, StartAfreshWithACounterThatWasAway) {
  after(1s, 100);
  now_ += 20min;
  rates_.sample({}, now_);
  counter_.accounting.returned = 5;  // Its engine is another one.
  EXPECT_EQ(sample().returned_so_far, 5U);
}

TEST(RemainingIds, AreThoseThatFit) {
  CounterActivity counter;
  EXPECT_EQ(remaining_ids(counter), std::nullopt) << "the definition is not known";
  counter.definition = Definition{.start = 10, .increment = 5, .max = 24, .comment = {}};
  EXPECT_EQ(remaining_ids(counter), 3U) << "10, 15, 20";
  counter.value = 10;
  EXPECT_EQ(remaining_ids(counter), 2U);
  counter.value = 19;
  EXPECT_EQ(remaining_ids(counter), 1U);
  counter.value = 20;
  EXPECT_EQ(remaining_ids(counter), 0U);
  counter.value = 25;
  EXPECT_EQ(remaining_ids(counter), 0U);
  counter.definition = Definition{};
  counter.value = std::nullopt;
  EXPECT_EQ(remaining_ids(counter), kMaxId);
  counter.value = kMaxId;
  EXPECT_EQ(remaining_ids(counter), 0U);
}

}  // namespace
}  // namespace nextid::report
