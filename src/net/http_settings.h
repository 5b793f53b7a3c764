// The bounds of HTTP connections. Each is a server option.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "protocol/http_request_parser.h"

namespace nextid::net {

class ReportSource;

struct HttpSettings {
  protocol::HttpLimits limits;
  std::uint64_t max_range = 1'000'000;
  /// From a request's arrival to its refusal as `deadline`.
  std::chrono::milliseconds request_timeout = std::chrono::seconds(5);
  /// From the first byte of a request to its last.
  std::chrono::milliseconds header_timeout = std::chrono::seconds(10);
  /// Without a request.
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);
  /// Without the client taking a byte of what waits for it.
  std::chrono::milliseconds write_timeout = std::chrono::seconds(30);
  /// Of all I/O threads together; further clients are answered 503.
  std::size_t max_connections = 10'000;
  /// For the pages about the server; it outlives the connections.
  ReportSource* reports = nullptr;
};

}  // namespace nextid::net
