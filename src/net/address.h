// HOST:PORT as users write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "nextid/error.h"

namespace nextid::net {

struct HostPort {
  std::string host;        ///< A name or an address; an IPv6 address without its brackets.
  std::uint16_t port = 0;  ///< 0 lets the system choose.

  /// With brackets where the host needs them.
  std::string to_string() const;
};

/// Of the other end of a connected TCP socket: "192.0.2.7:51234"; "" where it is gone.
std::string peer_of(int descriptor);

/// False for an address that is not loopback. True for names, which only the system can tell.
bool may_be_loopback(const std::string& host);

/// "127.0.0.1:8000", "localhost:0", "[::1]:8000". The error's sentence does not repeat `text`.
Result<HostPort> parse_host_port(std::string_view text);

}  // namespace nextid::net
