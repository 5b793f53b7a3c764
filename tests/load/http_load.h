// Load over HTTP: concurrent keep-alive connections to one server on this machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "load/workload.h"

namespace nextid::testing {

struct HttpLoad {
  std::string url;  ///< http://ADDRESS:PORT, a loopback address.
  std::string counter;
  std::string history_path;
  unsigned clients = 64;
  /// Connect again when a connection fails, since the server is killed and restarted meanwhile, and
  /// go on after 503 and 504; a request without ids is recorded as such. Otherwise each is a
  /// failure.
  bool reconnect = false;
  std::uint64_t seed = 1;
  std::chrono::seconds request_timeout{10};
  Limits limits;
};

/// Prints what was answered. Throws std::runtime_error on an address that is not of this machine,
/// any unexpected answer, and a server that stays away for too long.
void run(const HttpLoad& load);

}  // namespace nextid::testing
