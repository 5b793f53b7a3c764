// Counts of one I/O thread, and how durations fall into buckets.
#include "stats/front_end_stats.h"

#include <chrono>
#include <set>
#include <string>
#include <utility>

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

TEST(FrontEndStats, CountsWhatItIsTold) {
  FrontEndStats stats;
  stats.count(Route::kNext, Ending::kOk);
  stats.count(Route::kNext, Ending::kOk);
  stats.count(Route::kRespIncr, Ending::kExhausted);
  stats.answered(Protocol::kResp, microseconds(30), 16);
  stats.connection_opened(Protocol::kHttp);
  stats.connection_opened(Protocol::kHttp);
  stats.connection_closed(Protocol::kHttp);
  stats.received(Protocol::kHttp, 100);
  stats.sent(Protocol::kResp, 7);

  FrontEndCounts counts = stats.value();
  counts += stats.value();
  const auto of = [&](Route route, Ending ending) {
    return counts.requests[static_cast<std::size_t>(route)][static_cast<std::size_t>(ending)];
  };
  EXPECT_EQ(of(Route::kNext, Ending::kOk), 4U);
  EXPECT_EQ(of(Route::kRespIncr, Ending::kExhausted), 2U);
  EXPECT_EQ(counts.requests_in_all(), 6U);
  const auto& http = counts.protocols[static_cast<std::size_t>(Protocol::kHttp)];
  const auto& resp = counts.protocols[static_cast<std::size_t>(Protocol::kResp)];
  EXPECT_EQ(http.open_connections, 2U);
  EXPECT_EQ(http.connections, 4U);
  EXPECT_EQ(http.received_bytes, 200U);
  EXPECT_EQ(resp.sent_bytes, 14U);
  EXPECT_EQ(counts.latencies[static_cast<std::size_t>(Protocol::kResp)].total(), 32U);
}

TEST(Labels, AreDistinctAndComplete) {
  std::set<std::pair<Protocol, std::string_view>> routes;
  for (const RouteLabel& label : kRoutes) {
    EXPECT_FALSE(label.name.empty());
    EXPECT_TRUE(routes.emplace(label.protocol, label.name).second) << label.name;
  }
  EXPECT_EQ(kRoutes[static_cast<std::size_t>(Route::kOtherHttp)].name, "other");
  EXPECT_EQ(kRoutes[static_cast<std::size_t>(Route::kRespIncr)].name, "INCR");
  EXPECT_EQ(kRoutes.back().protocol, Protocol::kResp);
  for (std::size_t i = 0; i < kEndings; ++i) {
    const auto ending = static_cast<Ending>(i);
    EXPECT_EQ(ending_of(to_string(ending)), ending);
  }
  EXPECT_EQ(ending_of(ErrorCode::kDeadline), Ending::kDeadline);
  EXPECT_EQ(ending_of("no such code"), Ending::kOther);
}

}  // namespace
}  // namespace nextid::stats
