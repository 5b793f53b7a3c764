// GET /metrics: an observation in Prometheus' text format, version 0.0.4.
//
// Names and units follow https://prometheus.io/docs/practices/naming/, except
// nextid_counter_days_to_exhaustion, whose unit is what people plan in.
#pragma once

#include <string>
#include <string_view>

#include "report/observation.h"

namespace nextid::report {

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

std::string metrics_page(const Observation& observation);

}  // namespace nextid::report
