// The bounds of client connections, whatever their protocol. Each is a server option.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace nextid::net {

struct ClientSettings {
  std::uint64_t max_range = 1'000'000;
  /// From a request's arrival to its refusal as `deadline`.
  std::chrono::milliseconds request_timeout = std::chrono::seconds(5);
  /// From the first byte of a request to its last.
  std::chrono::milliseconds header_timeout = std::chrono::seconds(10);
  /// Without a request.
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);
  /// While the client takes no byte of the answers that wait for it.
  std::chrono::milliseconds write_timeout = std::chrono::seconds(30);
  /// Of all I/O threads and protocols together; further clients get an error and are closed.
  std::size_t max_connections = 10'000;
};

}  // namespace nextid::net
