// The two pages about a node. tests/e2e/test_operations.py reads them from a real server.
#include <array>
#include <limits>
#include <string>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "report/metrics_page.h"
#include "report/status_page.h"

namespace nextid::report {
namespace {

namespace json = boost::json;

CounterObservation counter(const std::string& name, std::uint64_t returned, double rate) {
  CounterObservation observation;
  observation.activity.name = name;
  observation.activity.accounting.returned = returned;
  observation.activity.value = returned;
  observation.activity.definition = Definition{};
  observation.returned_so_far = returned;
  observation.remaining = kMaxId - returned;
  observation.ids_per_second = rate;
  return observation;
}

constexpr std::array kRoutes{stats::RouteLabel{"other", false}, stats::RouteLabel{"next", true}};
constexpr stats::FrontEndLabels kHttp{"http", kRoutes};

Observation two_counters() {
  Observation observation;
  observation.server.front_ends.push_back(stats::FrontEndStats(kHttp).value());
  observation.store_url = "sqlite:/tmp/\xff.db";
  observation.node.accounting.returned = 30;
  observation.returned_so_far = 30;
  observation.node.accounting.burned[static_cast<std::size_t>(BurnReason::kDiscard)] = 4;
  observation.node.accounting.batch_sizes = {5, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2};
  observation.node.accounting.waits = 9'000;
  observation.counters.push_back(counter("old", 20, 0));
  observation.counters.push_back(counter("busy", 10, 2.5));
  return observation;
}

std::string metrics_page(const Observation& observation) {
  return metrics_page(observation, MetricsFormat::kText);
}

bool has_line(const std::string& page, const std::string& line) {
  return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

TEST(MetricsPage, HasTheNumbers) {
  const std::string page = metrics_page(two_counters());
  EXPECT_TRUE(has_line(page, "nextid_ids_returned_total 30"));
  EXPECT_TRUE(has_line(page, "nextid_ids_burned_total{reason=\"discard\"} 4"));
  EXPECT_TRUE(has_line(page, "nextid_busiest_ids_returned_total{counter=\"busy\"} 10"));
  EXPECT_TRUE(has_line(page, "# TYPE nextid_requests_total counter"));
  for (const std::string reason : {"limit", "made_way", "no_sign_in"}) {
    EXPECT_TRUE(has_line(page, "nextid_connections_turned_away_total{protocol=\"http\",reason=\"" +
                                   reason + "\"} 0"));
  }
  EXPECT_TRUE(
      has_line(page, "nextid_requests_total{protocol=\"http\",route=\"next\",result=\"ok\"} 0"));
  // What gives ids is there with all its results, the rest with "ok".
  EXPECT_TRUE(has_line(
      page, "nextid_requests_total{protocol=\"http\",route=\"next\",result=\"exhausted\"} 0"));
  EXPECT_TRUE(
      has_line(page, "nextid_requests_total{protocol=\"http\",route=\"other\",result=\"ok\"} 0"));
  EXPECT_FALSE(has_line(
      page, "nextid_requests_total{protocol=\"http\",route=\"other\",result=\"exhausted\"} 0"));
}

TEST(MetricsPage, TellsOfLogLinesThatNobodyRead) {
  Observation observation = two_counters();
  EXPECT_TRUE(has_line(metrics_page(observation), "nextid_log_lines_dropped_total 0"));
  observation.server.dropped_log_lines = 7;
  EXPECT_TRUE(has_line(metrics_page(observation), "nextid_log_lines_dropped_total 7"));
  observation.server.left_out_audit_lines = 3;
  EXPECT_TRUE(has_line(metrics_page(observation), "nextid_audit_lines_left_out_total 3"));
}

TEST(MetricsPage, CumulatesBuckets) {
  const std::string page = metrics_page(two_counters());
  EXPECT_TRUE(has_line(page, "nextid_batch_requests_bucket{le=\"1\"} 5"));
  EXPECT_TRUE(has_line(page, "nextid_batch_requests_bucket{le=\"7\"} 6"));
  EXPECT_TRUE(has_line(page, "nextid_batch_requests_bucket{le=\"2047\"} 6"));
  EXPECT_TRUE(has_line(page, "nextid_batch_requests_bucket{le=\"+Inf\"} 8"));
  EXPECT_TRUE(has_line(page, "nextid_batch_requests_count 8"));
  EXPECT_TRUE(has_line(page, "nextid_batch_requests_sum 9000"));
}

TEST(MetricsPage, TellsTimesInSeconds) {
  Observation observation = two_counters();
  auto& latency = observation.server.front_ends[0].latencies;
  latency.counts[duration_bucket(250)] = 3;
  latency.sum_us = 600;
  const std::string page = metrics_page(observation);
  const std::string name = "nextid_allocation_duration_seconds";
  EXPECT_TRUE(has_line(page, name + "_bucket{protocol=\"http\",le=\"0.0001\"} 0"));
  EXPECT_NE(page.find(name + "_bucket{protocol=\"http\",le=\"0.00025"), std::string::npos);
  EXPECT_TRUE(has_line(page, name + "_count{protocol=\"http\"} 3"));
}

TEST(MetricsPage, SaysInfinityOfWhatIsNotUsed) {
  Observation observation = two_counters();
  observation.counters[1].days_to_exhaustion = 12.5;
  const std::string page = metrics_page(observation);
  EXPECT_TRUE(has_line(page, "nextid_time_to_exhaustion_seconds{counter=\"old\"} +Inf"));
  EXPECT_TRUE(has_line(page, "nextid_time_to_exhaustion_seconds{counter=\"busy\"} 1080000"));
}

TEST(MetricsPage, HasTheFiguresOfTheStore) {
  Observation observation = two_counters();
  EXPECT_EQ(metrics_page(observation).find("nextid_lease"), std::string::npos);
  observation.store_health.facts = {
      {.subject = "lease",
       .verdict = HealthVerdict::kWarn,
       .sentence = "It ends.",
       .figures = {{"lease_expiry_timestamp_seconds", "When it ends.", 1'900'000'000},
                   {"lease_renewal_failing", "1 when it is not renewed.", 1}}}};
  const std::string page = metrics_page(observation);
  EXPECT_TRUE(has_line(page, "# HELP nextid_lease_expiry_timestamp_seconds When it ends."));
  EXPECT_TRUE(has_line(page, "nextid_lease_expiry_timestamp_seconds 1900000000"));
  EXPECT_TRUE(has_line(page, "nextid_lease_renewal_failing 1"));
}

Observation two_stopped() {
  Observation observation = two_counters();
  observation.store_opening = {"0f8c", true, ""};
  observation.node.stopped_counters = 2;
  for (const std::string name : {"a", "b"}) {
    CounterActivity stopped;
    stopped.name = name;
    stopped.stopped = "'" + name + "' has stopped.";
    observation.node.stopped.push_back(stopped);
  }
  return observation;
}

TEST(MetricsPage, TellsWhatHasStopped) {
  EXPECT_TRUE(has_line(metrics_page(two_counters()), "nextid_counters_stopped 0"));
  EXPECT_TRUE(has_line(metrics_page(two_counters()), "nextid_store_in_doubt 0"));
  EXPECT_TRUE(has_line(metrics_page(two_counters()), "nextid_store_takes_writes 1"));
  Observation observation = two_stopped();
  observation.store_health.doubt = "The file was exchanged.";
  observation.node.state_dir_trouble = "The disk is full.";
  observation.node.write_trouble = "the store takes no writes: its disk is full";
  const std::string page = metrics_page(observation);
  EXPECT_TRUE(has_line(page, "nextid_store_takes_writes 0"));
  EXPECT_TRUE(has_line(page, "nextid_counters_stopped 2"));
  EXPECT_TRUE(has_line(page, "nextid_counters_stopped_info{counter=\"b\"} 1"));
  EXPECT_TRUE(has_line(page, "nextid_store_in_doubt 1"));
  EXPECT_TRUE(has_line(page, "nextid_store_info{identity=\"0f8c\",made=\"true\"} 1"));
  EXPECT_TRUE(has_line(page, "nextid_state_dir_failing 1"));
}

TEST(MetricsPage, HasWhatAlertsLookAtFromTheStart) {
  Observation observation;
  observation.server.front_ends.push_back(stats::FrontEndStats(kHttp).value());
  const std::string page = metrics_page(observation);
  for (const std::string result : {"corrupt", "overloaded", "unavailable", "deadline"}) {
    EXPECT_TRUE(has_line(page, "nextid_requests_total{protocol=\"http\",route=\"next\",result=\"" +
                                   result + "\"} 0"));
  }
  EXPECT_TRUE(has_line(page, "nextid_store_calls_total{call=\"reserve\",result=\"in_doubt\"} 0"));
  EXPECT_EQ(page.find("nextid_store_call_duration_seconds_count"), std::string::npos);
}

TEST(Doubt, IsTheStoresBeforeItsCounters) {
  Observation observation = two_stopped();
  EXPECT_EQ(doubt_of({}, NodeActivity{}), "");
  EXPECT_EQ(doubt_of({}, observation.node), "2 counters have stopped. The first: 'a' has stopped.");
  observation.node.stopped_counters = 1;
  EXPECT_EQ(doubt_of({}, observation.node), "'a' has stopped.");
  observation.store_health.doubt = "The file was exchanged.";
  EXPECT_EQ(doubt_of(observation.store_health, observation.node), "The file was exchanged.");
}

TEST(StatusPage, TellsWhatHasStopped) {
  const auto status = json::parse(status_page(two_stopped(), 20)).as_object();
  EXPECT_EQ(status.at("store_identity"), "0f8c");
  EXPECT_EQ(status.at("store_made"), true);
  EXPECT_EQ(status.at("doubt"), "");
  EXPECT_EQ(status.at("stopped").at("count"), 2);
  EXPECT_EQ(status.at("stopped").at("counters").at(1).at("why"), "'b' has stopped.");
}

TEST(StatusPage, PutsTheBusiestNowFirst) {
  const auto status = json::parse(status_page(two_counters(), 20)).as_object();
  const auto& counters = status.at("counters").as_array();
  ASSERT_EQ(counters.size(), 2U);
  EXPECT_EQ(counters[0].at("name"), "busy");
  EXPECT_EQ(counters[0].at("rate"), 2.5);
  EXPECT_EQ(counters[0].at("mode"), "strict");
  EXPECT_EQ(counters[1].at("name"), "old");
  EXPECT_TRUE(counters[1].at("days_to_exhaustion").is_null());
  EXPECT_EQ(json::parse(status_page(two_counters(), 1)).at("counters").as_array().size(), 1U);
}

TEST(StatusPage, WritesIdsAsText) {
  Observation observation = two_counters();
  observation.counters[0].activity.value = kMaxId;
  observation.counters[0].remaining = 0;
  observation.counters[0].activity.definition->cache = 1'000;
  const auto status = json::parse(status_page(observation, 20)).as_object();
  const auto& old = status.at("counters").at(1);
  EXPECT_EQ(old.at("value"), "9223372036854775807");
  EXPECT_EQ(old.at("max"), "9223372036854775807");
  EXPECT_EQ(old.at("remaining"), "0");
  EXPECT_EQ(old.at("mode"), "cached");
  EXPECT_EQ(old.at("returned"), 20);
}

TEST(StatusPage, WritesCountsAsNumbersWhateverTheirSize) {
  Observation observation = two_counters();
  observation.node.accounting.returned = (std::uint64_t{1} << 53) + 1;
  const auto status = json::parse(status_page(observation, 20)).as_object();
  EXPECT_EQ(status.at("ids_returned"), 9007199254740993);
}

TEST(StatusPage, IsUtf8WhateverThePathOfTheStore) {
  const auto status = json::parse(status_page(two_counters(), 20)).as_object();
  EXPECT_EQ(status.at("store"), "sqlite:/tmp/?.db");
}

TEST(StatusPage, HasOneCountMoreThanBounds) {
  const auto latency = json::parse(status_page(two_counters(), 20)).at("latency_us");
  EXPECT_EQ(latency.at("counts").as_array().size(), latency.at("bounds").as_array().size() + 1);
}

}  // namespace
}  // namespace nextid::report
