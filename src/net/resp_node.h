// What the RESP connections of a server share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "nextid/store.h"

#include "auth/access.h"
#include "base/clock.h"
#include "net/client_settings.h"
#include "net/scan_cursors.h"
#include "protocol/resp_parser.h"

namespace nextid::net {

/// Outlives the connections. Thread-safe but for its construction.
struct RespNode {
  explicit RespNode(const auth::Access& who) : access(who) {}

  const auth::Access& access;
  ClientSettings settings;
  protocol::RespLimits limits;
  std::uint16_t port = 0;
  std::function<std::size_t()> open_connections;
  std::function<void(LogLevel, const std::string&)> log;

  const base::MonotonicTime started = base::monotonic_now();
  ScanCursors cursors;
  std::atomic<std::uint64_t> last_client{0};
  std::atomic<std::uint64_t> http_cut_off{0};
};

}  // namespace nextid::net
