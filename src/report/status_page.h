// GET /v1/status: an observation as JSON, as the dashboard reads it once a second.
#pragma once

#include <cstddef>
#include <string>

#include "report/observation.h"

namespace nextid::report {

/// With the `limit` counters that are busiest now: by their rate in the last seconds, then by what
/// they returned in all. Numbers of ids that may exceed 2^53 are text, as JavaScript needs them.
std::string status_page(const Observation& observation, std::size_t limit);

}  // namespace nextid::report
