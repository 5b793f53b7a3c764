// The Accept field (RFC 9110, 12.5.1), for the one answer that has two formats: metrics.
#pragma once

#include <string_view>

namespace nextid::http {

/// Whether who sent this field would rather have OpenMetrics 1.0.0 than Prometheus' text format
/// 0.0.4. What is not well-formed, and other formats and versions, count for nothing: so a client
/// that takes neither gets the text format.
bool prefers_openmetrics(std::string_view accept);

}  // namespace nextid::http
