// When credentials are looked for again.
#include "aws/renewal_schedule.h"

#include <chrono>

#include <gtest/gtest.h>

namespace nextid::aws {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(RenewalScheduleTest, RenewsTenToFifteenMinutesBeforeTheEnd) {
  EXPECT_EQ(wait_for_renewal(hours(6), 0), hours(6) - minutes(10));
  EXPECT_EQ(wait_for_renewal(hours(6), 1), hours(6) - minutes(15));
  EXPECT_EQ(wait_for_renewal(hours(6), 0.5), hours(6) - seconds(750));
}

TEST(RenewalScheduleTest, RenewsShortLivesAfterHalf) {
  EXPECT_EQ(wait_for_renewal(minutes(5), 0.5), seconds(150));
  EXPECT_EQ(wait_for_renewal(seconds(8), 0.5), seconds(4));
  EXPECT_EQ(wait_for_renewal(minutes(20), 0), minutes(10)) << "both rules meet here";
  EXPECT_EQ(wait_for_renewal(minutes(30), 1), minutes(15));
}

TEST(RenewalScheduleTest, NeverSoonerThanASecond) {
  for (const milliseconds left : {milliseconds(1500), milliseconds(0), milliseconds(-hours(1))}) {
    EXPECT_EQ(wait_for_renewal(left, 0.5), seconds(1));
  }
}

TEST(RenewalScheduleTest, FailuresBackOff) {
  EXPECT_EQ(wait_after_failure(1, false, 0), seconds(1));
  EXPECT_EQ(wait_after_failure(2, false, 0), seconds(2));
  EXPECT_EQ(wait_after_failure(6, false, 0), seconds(32));
  EXPECT_EQ(wait_after_failure(7, false, 0), seconds(60));
  EXPECT_EQ(wait_after_failure(1'000'000, false, 0), seconds(60));
  EXPECT_EQ(wait_after_failure(1'000'000, false, 1), seconds(30));
  EXPECT_EQ(wait_after_failure(1, false, 1), seconds(1));
  EXPECT_EQ(wait_after_failure(9, true, 0), seconds(5)) << "expired";
}

TEST(RenewalScheduleTest, RefusalsBackOffLess) {
  EXPECT_EQ(wait_after_refusal(1), seconds(1));
  EXPECT_EQ(wait_after_refusal(3), seconds(4));
  EXPECT_EQ(wait_after_refusal(1000), seconds(8));
}

}  // namespace
}  // namespace nextid::aws
