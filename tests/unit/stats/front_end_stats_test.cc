// Counts of one I/O thread, and how durations fall into buckets.
#include "stats/front_end_stats.h"

#include <array>
#include <chrono>
#include <string_view>

#include <gtest/gtest.h>

namespace nextid::stats {
namespace {

using std::chrono::microseconds;

TEST(Durations, FallIntoTheBucketWhoseBoundTheyDoNotPass) {
  EXPECT_EQ(duration_bucket(0), 0U);
  for (std::size_t i = 0; i < kDurationBoundsUs.size(); ++i) {
    EXPECT_EQ(duration_bucket(kDurationBoundsUs[i]), i);
    EXPECT_EQ(duration_bucket(kDurationBoundsUs[i] + 1), i + 1);
  }
}

TEST(Durations, AreAddedUp) {
  DurationTally tally;
  tally.add(microseconds(30), 3);
  tally.add(std::chrono::nanoseconds(999));
  tally.add(std::chrono::nanoseconds(-5));  // A clock read on another processor.
  tally.add(std::chrono::hours(1));
  Durations durations = tally.value();
  EXPECT_EQ(durations.total(), 6U);
  EXPECT_EQ(durations.counts[duration_bucket(30)], 3U);
  EXPECT_EQ(durations.counts[0], 2U);
  EXPECT_EQ(durations.counts.back(), 1U);
  EXPECT_EQ(durations.sum_us, 3'600'000'090ULL);
  durations += tally.value();
  EXPECT_EQ(durations.total(), 12U);
  EXPECT_EQ(durations.sum_us, 7'200'000'180ULL);
}

struct Row {
  std::string_view name;
  bool gives_ids;
};
constexpr std::array kRows{Row{"incr", true}, Row{"other", false}, Row{"get", false},
                           Row{"incr", true}};
constexpr RouteLabels kRouteLabels(kRows, [](const Row& row) {
  return RouteLabel{row.name, row.gives_ids};
});
constexpr FrontEndLabels kLabels{"resp", kRouteLabels.labels()};

TEST(RouteLabels, HaveEachNameOnceBehindOther) {
  ASSERT_EQ(kLabels.routes.size(), 3U);
  EXPECT_EQ(kLabels.routes[kOtherRoute].name, "other");
  EXPECT_EQ(kLabels.routes[1].name, "incr");
  EXPECT_TRUE(kLabels.routes[1].gives_ids);
  EXPECT_EQ(kLabels.routes[2].name, "get");
  EXPECT_FALSE(kLabels.routes[2].gives_ids);
  EXPECT_EQ(kRouteLabels.of_row(0), 1);
  EXPECT_EQ(kRouteLabels.of_row(1), kOtherRoute);
  EXPECT_EQ(kRouteLabels.of_row(2), 2);
  EXPECT_EQ(kRouteLabels.of_row(3), 1);
}

TEST(FrontEndStats, CountsWhatItIsTold) {
  FrontEndStats stats(kLabels);
  stats.count(1, Ending::kOk);
  stats.count(1, Ending::kOk);
  stats.count(2, Ending::kExhausted);
  stats.answered(microseconds(30), 16);
  stats.connection_opened();
  stats.connection_opened();
  stats.connection_closed();
  stats.turned_away(TurnedAway::kLimit);
  stats.turned_away(TurnedAway::kNoSignIn);
  stats.turned_away(TurnedAway::kNoSignIn);
  stats.received(100);
  stats.sent(7);

  FrontEndCounts counts = stats.value();
  counts += stats.value();
  const auto of = [&](Route route, Ending ending) {
    return counts.requests[route][static_cast<std::size_t>(ending)];
  };
  EXPECT_EQ(counts.labels.name, "resp");
  EXPECT_EQ(of(1, Ending::kOk), 4U);
  EXPECT_EQ(of(2, Ending::kExhausted), 2U);
  EXPECT_EQ(counts.requests_in_all(), 6U);
  EXPECT_EQ(counts.open_connections, 2U);
  EXPECT_EQ(counts.connections, 4U);
  EXPECT_EQ(counts.turned_away, (std::array<std::uint64_t, kTurnedAway>{2, 0, 4}));
  EXPECT_EQ(counts.received_bytes, 200U);
  EXPECT_EQ(counts.sent_bytes, 14U);
  EXPECT_EQ(counts.latencies.total(), 32U);
}

TEST(Endings, HaveTheNamesOfTheirCodes) {
  for (std::size_t i = 0; i < kEndings; ++i) {
    const auto ending = static_cast<Ending>(i);
    EXPECT_EQ(ending_of(to_string(ending)), ending);
  }
  EXPECT_EQ(ending_of(ErrorCode::kDeadline), Ending::kDeadline);
  EXPECT_EQ(ending_of("no such code"), Ending::kOther);
}

}  // namespace
}  // namespace nextid::stats
