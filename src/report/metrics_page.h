// GET /metrics: an observation in Prometheus' text format, version 0.0.4, or as OpenMetrics.
//
// Names and units follow https://prometheus.io/docs/practices/naming/, as `promtool check metrics`
// reads it: no name says "counter" of what is no counter of Prometheus.
#pragma once

#include <string>
#include <string_view>

#include "report/observation.h"

namespace nextid::report {

enum class MetricsFormat { kText, kOpenMetrics };

/// Static text.
std::string_view content_type_of(MetricsFormat format);

std::string metrics_page(const Observation& observation, MetricsFormat format);

}  // namespace nextid::report
