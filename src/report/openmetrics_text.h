// Metrics as OpenMetrics text, version 1.0.0
// (https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md).
#pragma once

#include <prometheus/metric_family.h>
#include <string>
#include <string_view>
#include <vector>

namespace nextid::report {

inline constexpr std::string_view kOpenMetricsContentType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counters, gauges and histograms. The name of a counter ends with "_total", and a unit is what a
/// name ends with: "_seconds" or "_bytes".
std::string openmetrics_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace nextid::report
