// Which of the lines that are alike are left out.
#include "server/repeat_limit.h"

#include <string>

#include <gtest/gtest.h>

namespace nextid::server {
namespace {

TEST(RepeatLimit, LinesThatDifferInNumbersAndQuotesAreAlike) {
  RepeatLimit limit;
  const auto now = base::monotonic_now();
  for (std::uint64_t i = 0; i < RepeatLimit::kMostAlike; ++i) {
    const std::string line = "Counter 'c" + std::to_string(i) + "' waits for " + std::to_string(i);
    EXPECT_EQ(limit.pass(line, now), 0U) << i;
  }
  EXPECT_FALSE(limit.pass("Counter 'another' waits for 77", now));
  EXPECT_EQ(limit.pass("Counter 'another' is here", now), 0U);
}

TEST(RepeatLimit, TheNextThatPassesTellsHowManyWereLeftOut) {
  RepeatLimit limit;
  const auto now = base::monotonic_now();
  for (std::uint64_t i = 0; i < RepeatLimit::kMostAlike + 5; ++i) limit.pass("away", now);
  EXPECT_FALSE(limit.pass("away", now + RepeatLimit::kPeriod - std::chrono::milliseconds(1)));
  EXPECT_EQ(limit.pass("away", now + RepeatLimit::kPeriod), 6U);
  EXPECT_EQ(limit.pass("away", now + RepeatLimit::kPeriod), 0U);
}

TEST(RepeatLimit, KnowsManyKindsAndForgetsThemRatherThanGrow) {
  RepeatLimit limit;
  const auto now = base::monotonic_now();
  std::string line;
  for (int i = 0; i < 5000; ++i) {
    line += static_cast<char>('a' + i % 26);
    EXPECT_EQ(limit.pass(line, now), 0U);
  }
}

}  // namespace
}  // namespace nextid::server
