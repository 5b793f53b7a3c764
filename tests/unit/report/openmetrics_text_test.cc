// The rules of OpenMetrics that Prometheus' older format does not have. What a real page says is
// read by a parser of others in tests/e2e/test_metrics.py.
#include "report/openmetrics_text.h"

#include <limits>

#include <gtest/gtest.h>

namespace nextid::report {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric gauge(double value) {
  ClientMetric metric;
  metric.gauge.value = value;
  return metric;
}

TEST(OpenMetrics, EndsWithTheMark) { EXPECT_EQ(openmetrics_text({}), "# EOF\n"); }

TEST(OpenMetrics, TheTotalOfACounterIsOfItsSampleAlone) {
  ClientMetric metric;
  metric.label = {{"kind", "a"}};
  metric.counter.value = 3;
  EXPECT_EQ(openmetrics_text({{"ids_total", "Ids.", MetricType::Counter, {metric}}}),
            "# TYPE ids counter\n"
            "# HELP ids Ids.\n"
            "ids_total{kind=\"a\"} 3\n"
            "# EOF\n");
}

TEST(OpenMetrics, UnitsAreWhatNamesEndWith) {
  ClientMetric counter;
  counter.counter.value = 0.25;
  EXPECT_EQ(openmetrics_text({{"cpu_seconds_total", "Time.", MetricType::Counter, {counter}},
                              {"memory_bytes", "Memory.", MetricType::Gauge, {gauge(1e15)}}}),
            "# TYPE cpu_seconds counter\n"
            "# UNIT cpu_seconds seconds\n"
            "# HELP cpu_seconds Time.\n"
            "cpu_seconds_total 0.25\n"
            "# TYPE memory_bytes gauge\n"
            "# UNIT memory_bytes bytes\n"
            "# HELP memory_bytes Memory.\n"
            "memory_bytes 1000000000000000\n"
            "# EOF\n");
}

TEST(OpenMetrics, TheBoundsOfBucketsAreFloatingPointNumbers) {
  ClientMetric metric;
  metric.histogram.sample_count = 4;
  metric.histogram.sample_sum = 7.5;
  metric.histogram.bucket = {
      {1, 0.00001}, {2, 0.0001}, {3, 2}, {4, std::numeric_limits<double>::infinity()}};
  EXPECT_EQ(openmetrics_text({{"took", "Time.", MetricType::Histogram, {metric}}}),
            "# TYPE took histogram\n"
            "# HELP took Time.\n"
            "took_bucket{le=\"1e-05\"} 1\n"
            "took_bucket{le=\"0.0001\"} 2\n"
            "took_bucket{le=\"2.0\"} 3\n"
            "took_bucket{le=\"+Inf\"} 4\n"
            "took_count 4\n"
            "took_sum 7.5\n"
            "# EOF\n");
}

TEST(OpenMetrics, EscapesTextAndWritesAllNumbers) {
  MetricFamily family{"left", "Of \"it\",\na \\.", MetricType::Gauge, {}};
  ClientMetric metric = gauge(std::numeric_limits<double>::infinity());
  metric.label = {{"name", "\"\\\n"}};
  family.metric = {metric, gauge(-std::numeric_limits<double>::infinity()),
                   gauge(std::numeric_limits<double>::quiet_NaN()), gauge(0), gauge(1e300)};
  EXPECT_EQ(openmetrics_text({family}),
            "# TYPE left gauge\n"
            "# HELP left Of \\\"it\\\",\\na \\\\.\n"
            "left{name=\"\\\"\\\\\\n\"} +Inf\n"
            "left -Inf\n"
            "left NaN\n"
            "left 0\n"
            "left 1e+300\n"
            "# EOF\n");
}

}  // namespace
}  // namespace nextid::report
